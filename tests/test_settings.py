"""The settings file is strict, and what is secret stays out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from bot.errors import Invalid
from bot.model.choices import Mode
from bot.model.decision import FixLevel
from bot.settings import Settings, load, secrets
from bot.settings.defaults import DEFAULTS
from bot.settings.unwritten import UnwrittenSection
from tests.table import table


def window(**values: str) -> str:
    """The text of settings with one change window, on lines 3 to 7."""
    right = {"name": "night", "effect": "deny", "cron": "'0 22 * * *'", "duration": "8h", "timezone": "UTC"}
    (first, *others) = (f"{key}: {value}\n" for key, value in (right | values).items())
    return f"fixes:\n  windows:\n    - {first}" + "".join(f"      {line}" for line in others)


def test_nothing_gives_the_defaults() -> None:
    """No file and an empty file mean the same defaults."""
    assert load(None) == load(b"\n# nothing\n") == Settings()


def unlike(section: UnwrittenSection, model: BaseModel) -> Iterator[str]:
    """The keys that a section says otherwise than its model, or not at all."""
    values = vars(section)
    for name in type(model).model_fields:
        value, right = values.get(name, ...), getattr(model, name)
        if isinstance(value, UnwrittenSection) and isinstance(right, BaseModel):
            yield from (f"{name}.{key}" for key in unlike(value, right))
        elif value != right or type(value) is not type(right):
            yield name


def test_defaults_are_kept_as_the_models_have_them() -> None:
    """``python .github/scripts/defaults.py`` writes them down after a change. What else a model can is asked of it."""
    assert list(unlike(DEFAULTS, Settings())) == []
    strict = DEFAULTS.guard.model_copy(update={"mode": Mode.STRICT})
    assert strict == load(b"guard: {mode: strict}").guard != DEFAULTS.guard
    assert Settings(branch="main") != DEFAULTS
    with pytest.raises(AttributeError):
        DEFAULTS.branch = "main"


def test_hosts_are_named_without_a_scheme() -> None:
    """Nothing may be fetched by default; a host has a port or a path where it needs one."""
    assert load(b"").fetch.hosts == load(b"").fetch.private_hosts == []
    named = load(
        b"fetch: {hosts: [ghcr.io/team, 'a-b.example:8443'], private_hosts: ['[::1]:5000', localhost], refresh: 1h}"
    )
    assert named.fetch.hosts == ["ghcr.io/team", "a-b.example:8443"]
    assert named.fetch.refresh == 3600
    for wrong in ("https://ghcr.io", "*.example.com", "ghcr.io/*", "", "user@ghcr.io", "ghcr.io?x", "ghcr.io:x", "."):
        with pytest.raises(Invalid, match=r"clockwork\.yaml:1: fetch\.hosts: .*write host, host:port or host/path"):
            load(f"fetch: {{hosts: ['{wrong}']}}".encode())


@table(
    ("text", "said"),
    [
        ("{receivers: {a: {}}}", "give exactly one of apprise_env and webhook_env"),
        ("{receivers: {a: {apprise_env: A, webhook_env: B}}}", "give exactly one of apprise_env and webhook_env"),
        ("{receivers: {a: {webhook_env: B}}}", "a webhook needs one"),
        ("{receivers: {a: {apprise_env: A, secret_env: B}}}", "secret_env: goes with webhook_env"),
        ("{receivers: {a: {apprise_env: 'slack://token'}}}", "the address itself never stands in this file"),
        ("{receivers: {a: {apprise_env: A, digest: 2d}}}", "less than or equal to 86400"),
        ("{receivers: {a: {apprise_env: A, template: ../x}}}", "write a file of this repository"),
        ("{receivers: {'a b': {apprise_env: A}}}", "write letters, digits"),
        ("{receivers: {a: {apprise_env: A, quiet: {from: '22', until: '07:00'}}}}", "write hours and minutes"),
        ("{receivers: {a: {apprise_env: A, quiet: {from: '07:00', until: '07:00'}}}}", "from and until are the same"),
        (
            "{receivers: {a: {apprise_env: A, quiet: {from: '22:00', until: '07:00', timezone: Mars}}}}",
            "no time zone 'Mars'",
        ),
        ("{routes: [{to: [a]}]}", "there is no receiver 'a'; known: none"),
        (
            "{receivers: {a: {apprise_env: A}}, routes: [{to: [a], events: [drift.old]}]}",
            "no event 'drift.old'; known: dr",
        ),
    ],
)
def test_notifications_that_reach_nobody(text: str, said: str) -> None:
    """Whom nobody could tell, and what never happens, is wrong at once."""
    with pytest.raises(Invalid, match=rf"clockwork\.yaml:1: notifications.*{re.escape(said)}"):
        load(f"notifications: {text}".encode())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{tokens: {ops: {env: 'not a name'}}}", "the token itself never stands in this file"),
        ("{tokens: {'a b': {env: A}}}", "write letters, digits"),
        ("{tokens: {ops: {env: A, scope: all}}}", "Input should be 'read' or 'write'"),
    ],
)
def test_tokens_of_the_api(text: str, said: str) -> None:
    """A token has a name, a variable and a scope; reading is the least."""
    assert load(b"api: {tokens: {ops: {env: A}}}").api.tokens["ops"].scope == "read"
    with pytest.raises(Invalid, match=rf"clockwork\.yaml:1: api\.tokens.*{re.escape(said)}"):
        load(f"api: {text}".encode())


def test_durations_are_seconds_or_text() -> None:
    """A duration may be written as seconds or with units."""
    assert load(b"fixes: {cooldown: 1h30m}").fixes.cooldown == 5400
    assert load(b"fixes: {cooldown: 90}").fixes.cooldown == 90
    assert [one.duration for one in load(window().encode()).fixes.windows] == [8 * 3600]


def test_a_new_repository_is_careful() -> None:
    """Without a word about the level, only health-check numbers, retries and stale artifacts are committed."""
    assert load(b"version: 1\n").fixes.level is FixLevel.CONSERVATIVE


@pytest.mark.parametrize(
    ("written", "check", "drift"),
    [
        ("{}", 60, 300),
        ("{check_interval: 30s, drift_interval: 1h}", 30, 3600),
        ("{interval: 30s}", 30, 300),
        ("{interval: 1h}", 3600, 3600),
        ("{interval: 1h, drift_interval: 2m}", 3600, 120),
    ],
)
def test_the_former_interval_is_understood(written: str, check: float, drift: float) -> None:
    """It is the interval of checks; live state is read no more often than whoever wrote it asked for."""
    named = load(f"daemon: {written}\n".encode()).daemon
    assert (named.check_interval, named.drift_interval) == (check, drift)


@table(
    ("text", "said"),
    [
        ("daemon: {interval: 1h, check_interval: 1h}\n", r"clockwork.yaml:1: daemon: interval is the former name"),
        ("daemon:\n  host: x\n  interval: never\n", r"clockwork.yaml:1: daemon.check_interval: "),
        ("fixes:\n  per_hours: 1\n", r"clockwork.yaml:2: unknown setting 'fixes.per_hours'; did you mean 'per_hour'\?"),
        ("branh: x\n", r"clockwork.yaml:1: unknown setting 'branh'; did you mean 'branch'\?"),
        ("version: 1\nfixes: {level: brave}\n", r"clockwork.yaml:2: fixes.level: .*conservative"),
        ("observe:\n  snapshot: {}\n", r"clockwork.yaml:2: observe.snapshot: give exactly one of"),
        ("guard:\n  assistants:\n    - kind: claude\n      modle: x\n", r"clockwork.yaml:4: .*'model'"),
        ("repository: nonsense\n", r"clockwork.yaml:1: repository: write it as owner/name"),
        ("a: [\n", r"clockwork.yaml:2:1: not YAML"),
        ("- 1\n", r"clockwork.yaml:1: settings are a mapping"),
        ("fixes: {cooldown: -1}\n", r"clockwork.yaml:1: fixes.cooldown: a duration is between 0 and 3650d"),
        ("targets: 3\n", r"clockwork.yaml:1: targets: should be a list"),
        ("fixes: 3\n", r"clockwork.yaml:1: fixes: should be a mapping"),
        ("fixes:\n  cooldown: .inf\n", r"clockwork.yaml:2: fixes.cooldown: a duration is between 0 and 3650d"),
        ("fixes:\n  cooldown: .nan\n", r"clockwork.yaml:2: fixes.cooldown: a duration is between 0 and 3650d"),
        ("fixes:\n  cooldown: 9999999d\n", r"clockwork.yaml:2: fixes.cooldown: a duration is between 0 and 3650d"),
        (
            window(cron="'0 25 * * *'"),
            r"clockwork.yaml:5: .*\.cron: change window 'night': '25' is out of range for a hour",
        ),
        (window(duration="40d"), r"clockwork.yaml:6: .*\.duration: change window 'night': .* one minute and 31 days"),
        (window(timezone="Mars/North"), r"clockwork.yaml:7: .*\.timezone: change window 'night': .* 'Mars/North'; use"),
    ],
)
def test_mistakes_name_file_line_and_remedy(text: str, said: str) -> None:
    """Each mistake names the file, the line and what would be right."""
    with pytest.raises(Invalid, match=said):
        load(text.encode())


def test_every_mistake_is_named_at_once() -> None:
    """Two mistakes are two lines."""
    with pytest.raises(Invalid) as caught:
        load(b"branh: x\nfixes: {per_hours: 1}\n")
    assert len(caught.value.message.splitlines()) == 2


def test_bytes_that_are_no_text() -> None:
    """A file that is not UTF-8 is refused, not guessed at."""
    with pytest.raises(Invalid, match="not UTF-8"):
        load(b"branch: \xff\xfe")


def test_secrets_hide_in_repr() -> None:
    """The value that holds secrets does not show them."""
    found = secrets({"GITHUB_TOKEN": "tok-en", "CLOCKWORK_SECRET": "s3cr3t", "CLOCKWORK_WEBHOOK_SECRET": "wh"})
    assert found.token == "tok-en"
    assert not any(word in repr(found) for word in ("tok-en", "s3cr3t", "wh'"))


def test_the_own_token_comes_first() -> None:
    """CLOCKWORK_TOKEN is preferred to the token that Actions provides."""
    assert secrets({"GITHUB_TOKEN": "a", "CLOCKWORK_TOKEN": "b"}).token == "b"
