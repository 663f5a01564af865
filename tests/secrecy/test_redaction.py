"""One redaction: greedier than detection, harmless to what is redacted already, and quick on hostile text."""

from __future__ import annotations

import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.secrecy.credentials import credentials, looks_secret
from bot.secrecy.redaction import redact, redact_tokens
from bot.secrecy.sanitize import sanitized
from tests.guardrails.changes import file, fire
from tests.secrecy.test_credentials import ORDINARY, TEXTS
from tests.table import table

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def known_forms() -> dict[str, str]:
    """Tokens as they were found to be known to one room and not to another, each drawn anew."""
    generator = random.Random(7)

    def drawn(length: int, letters: str = _LETTERS) -> str:
        return "".join(generator.choice(letters) for _ in range(length))

    return {
        "aws id": "AK" + "IA" + drawn(16, string.ascii_uppercase + "234567"),
        "github pat": "github" + "_pat_" + drawn(22) + "_" + drawn(59),
        "gitlab": "gl" + "pat-" + drawn(20),
        "slack": "xo" + "xb-" + drawn(12, string.digits) + "-" + drawn(12, string.digits) + "-" + drawn(24),
        "google api": "AI" + "za" + drawn(35),
        "stripe live": "sk_" + "live_" + drawn(24),
        "npm": "np" + "m_" + drawn(36),
        "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + drawn(60),
        "hugging face": "h" + "f_" + drawn(34, string.ascii_letters),
        "sendgrid": "SG" + "." + drawn(22) + "." + drawn(43),
        "digitalocean": "dop" + "_v1_" + drawn(64, _HEX),
        "vault": "hv" + "s." + drawn(24),
        "anthropic": "sk-" + "ant-api03-" + drawn(93) + "AA",
        "openai": "sk-" + "proj-" + drawn(48),
        "age key": "AGE-SECRET" + "-KEY-1" + drawn(58, string.ascii_uppercase + "023456789"),
        "jwt": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0." + drawn(43),
        "url": "postgres://app:" + drawn(12) + "@db.internal/app",
        "azure": "Account" + "Key=" + drawn(86) + "==",
        "telegram": drawn(9, "123456789") + ":AA" + drawn(33),
        "twilio": "S" + "K" + drawn(32, _HEX),
        "shopify": "shp" + "at_" + drawn(32, _HEX),
        "docker": "dckr" + "_pat_" + drawn(27),
        "linear": "lin" + "_api_" + drawn(40),
        "databricks": "da" + "pi" + drawn(32, _HEX),
    }


@table("form", known_forms())
def test_every_room_has_the_same_answer(form: str) -> None:
    """What observers sanitize, what prompts and records redact, and what drift masks is the same."""
    token = known_forms()[form]
    line = f"starting with {token} now"
    assert token not in redact(line)
    assert token not in redact_tokens(line)
    assert token not in sanitized(line)
    assert looks_secret(token)


SECRETS = st.text(_LETTERS + "!#%+-_~", min_size=12, max_size=40)
NAMES = st.sampled_from(
    ["password", "db_password", "apiKey", "API_KEY", "client-secret", "auth.token", "my_token_prod", "credentials"]
)
ASSIGNED = st.sampled_from(["{} = '{}'", '{}: "{}"', '"{}": "{}"', "{}={}", "{}: {}", "{} := `{}`", "{} => '{}'"])


@given(name=NAMES, written=ASSIGNED, value=SECRETS)
@settings(max_examples=300, deadline=None)
def test_what_the_guard_calls_a_secret_is_hidden(name: str, written: str, value: str) -> None:
    """Whatever SEC-002 reports of an assignment, and SEC-003 of a URL, is taken out by redaction."""
    url = f"postgres://app:{value.replace('#', '')}@db.internal/app"
    for rule, line in (("SEC-002", written.format(name, value)), ("SEC-003", f"URL = '{url}'")):
        for path in ("app/settings.py", "conf/app.yaml"):
            if fire(rule, file(path, "", f"{line}\n")):
                assert value.replace("#", "") not in redact(line).replace("#", "")


@given(st.text() | st.sampled_from(TEXTS).map(lambda text: text.format("h4Kd9sLq2Xw7")))
@settings(max_examples=200, deadline=None)
def test_redaction_keeps_lines(text: str) -> None:
    """Whatever is taken out, line numbers stay."""
    assert redact(text).count("\n") == text.count("\n")


@table("text", [*(text.format("h4Kd9sLq2Xw7") for text in TEXTS), *known_forms().values()])
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    """Redacting again changes nothing, alone and among other text."""
    for around in ("{}", "at first {} and then", '"{}"\n'):
        once = redact(around.format(text))
        assert redact(once) == once


@table("text", ORDINARY)
def test_ordinary_text_is_not_touched(text: str) -> None:
    """What holds no credential comes back as it is."""
    assert redact(text) == text


@table(
    ("text", "clean"),
    [
        ("tokens: ['h4Kd9sLq', 'Xw7pR2mT']", "tokens: ['[redacted:secret]', '[redacted:secret]']"),
        (
            "a:\n  password: |\n    first line\n    second\n  user: b",
            "a:\n  password: |\n    [redacted:secret]\n    [redacted:secret]\n  user: b",
        ),
        (
            "passwords:\n- h4Kd9sLq\n- Xw7pR2mT\nuser: b",
            "passwords:\n- [redacted:secret]\n- [redacted:secret]\nuser: b",
        ),
        (r'password = "h4\"Kd9"; x = 1', 'password = "[redacted:secret]"; x = 1'),
        ("password: 'it''s me' # x", "password: '[redacted:secret]' # x"),
        ('{password:"h4Kd9sLq"}', '{password:"[redacted:secret]"}'),
        ("config[0].password = 'h4Kd9sLq'", "config[0].password = '[redacted:secret]'"),
        ("app:h4Kd9sLq@tcp(db:3306)/shop", "app:[redacted:password]@tcp(db:3306)/shop"),
        ("postgres://u:p@ss@h/d", "postgres://u:[redacted:password]@h/d"),
        ("user a on >h4Kd9 >Xw7pR ~*", "user a on >[redacted:password] >[redacted:password] ~*"),
        ("password=" + "x" * 3000, "password=[redacted:secret]"),
    ],
)
def test_all_of_a_secret_is_taken_out(text: str, clean: str) -> None:
    """Lists, blocks, quotes within and whatever else belongs to a value goes with it."""
    assert redact(text) == clean


def test_hostile_text_takes_linear_time() -> None:
    """Half a million characters of what once took quadratic or exponential time are looked through to their end."""
    size = 500_000
    for text in (
        "user " + "x" * size + ">",
        "password:\n" + " " * size + "b: c",
        "Basic " + "a" * size,
        "token=" * (size // 6),
        "-eyJ" * (size // 4),
        "a:" * (size // 2),
        "://a:" * (size // 5),
        "password=" + "$A_" * 40 + "!",
    ):
        assert len([*credentials(text)]) <= len(text)
