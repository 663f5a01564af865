"""SEC-001 to SEC-003 know today's forms of credentials, where they are written, and what is published and nobody's secret.

Every credential is made at run time. The forms are those of bot/secrecy, whose rows name their sources.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable
from typing import Final

import pytest

from bot.model.severity import Severity
from bot.secrecy.redaction import redact
from tests.guardrails.changes import file, fire
from tests.table import table

ALPHANUMERIC: Final = string.ascii_letters + string.digits
HEX: Final = "0123456789abcdef"
BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
SECRET: Final = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
RULES: Final = ("SEC-001", "SEC-002", "SEC-003")


class Maker:
    """Makes credentials; ``secret`` is the part of the last one that must be shown nowhere."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.secret = ""

    def drawn(self, length: int, alphabet: str = ALPHANUMERIC) -> str:
        """Random text with a digit and letters in it."""
        while True:
            text = "".join(self._random.choices(alphabet, k=length))
            if any(map(str.isdigit, text[:8])) and any(map(str.isalpha, text)):
                return text

    def __call__(self, length: int, alphabet: str = ALPHANUMERIC) -> str:
        """The secret part of a credential."""
        self.secret = self.drawn(length, alphabet)
        return self.secret

    def login(self) -> str:
        """A user and a password in base64."""
        return self.encoded(f"bob:{self.drawn(18)}")

    def encoded(self, text: str) -> str:
        """A secret text in base64."""
        self.secret = base64.b64encode(text.encode()).decode()
        return self.secret

    def jwt(self) -> str:
        """A signed web token, without its signature being one."""
        return f"eyJ{self.drawn(33)}.eyJ{self.drawn(120)}.{self(86)}"


FORMS: Final[dict[str, tuple[str, Callable[[Maker], str]]]] = {
    "GitHub app token, stateless": ("a.py", lambda m: f"T = 'ghs_123456_{m.jwt()}'"),
    "GitLab workspace token": ("a.py", lambda m: f"T = 'glwt-{m(20)}'"),
    "AWS key": ("a.py", lambda m: f"K = 'AKIA{m(16, BASE32)}'"),
    "AWS secret key": (".aws/credentials.ini", lambda m: f"aws_secret_access_key = {m(40)}"),
    "Azure SAS": ("a.py", lambda m: f"U = 'https://a.blob.core.windows.net/c?sv=2024-11-04&se=2027-01-01&sig={m(42)}%3D'"),
    "Azure SharedAccessKey": ("a.py", lambda m: f"C = 'Endpoint=sb://a/;SharedAccessKeyName=n;SharedAccessKey={m(43)}='"),
    "Azure AccountKey": ("a.py", lambda m: f"C = 'AccountName=a;AccountKey={m(86)}==;EndpointSuffix=core.windows.net'"),
    "Azure DevOps token": ("a.py", lambda m: f"T = '{m(76)}AZDO{m.drawn(4, 'a1')}'"),
    "Azure Functions key": ("a.py", lambda m: f"T = '{m(44)}AzFu{m.drawn(5, 'a1')}A=='"),
    "Azure Search key": ("a.py", lambda m: f"T = '{m(42)}AzSeB{m.drawn(5, 'a1')}'"),
    "Shopify theme token": ("a.py", lambda m: f"T = 'shptka_{m(32, HEX)}'"),
    "Grafana token": ("a.py", lambda m: f"T = 'glsa_{m(32)}_{m.drawn(8, HEX)}'"),
    "Figma token": ("a.py", lambda m: f"T = 'figd_{m(40)}'"),
    "New Relic licence": ("a.py", lambda m: f"T = '{m(32, HEX)}FFFFNRAL'"),
    "New Relic browser key": ("a.py", lambda m: f"T = 'NRJS-{m(19, HEX)}'"),
    "Tailscale key": ("a.py", lambda m: f"T = 'tskey-auth-k{m.drawn(10)}CNTRL-{m(32)}'"),
    "Vercel token": ("a.py", lambda m: f"T = 'vcp_{m(56)}'"),
    "Stripe key": ("a.rb", lambda m: f"Stripe.api_key = 'sk_live_{m(24)}'"),
    "Slack token": ("a.py", lambda m: f"T = 'xoxb-{m.drawn(12, '1234567890a')[:11]}2-{m(24)}'"),
    "PyPI token": (".pypirc", lambda m: f"password = pypi-AgEIcHlwaS5vcmc{m(120)}"),
    "npm registry token": (".npmrc", lambda m: f"//npm.corp.dev/:_authToken={m(40)}"),
    "npm registry login": (".npmrc", lambda m: f"_auth={m.login()}"),
    "npm registry password": (".npmrc", lambda m: f"//npm.corp.dev/:_password={m(24)}"),
    "netrc": (".netrc", lambda m: f"machine api.corp.dev login bob password {m(18)}"),
    "Docker login": ("config.json", lambda m: f'{{\n "auths": {{\n  "r.corp.dev": {{\n   "auth": "{m.login()}"\n  }}\n }}\n}}'),
    "Bearer header": ("a.py", lambda m: f'H = {{"Authorization": "Bearer {m(40)}"}}'),
    "Basic header": ("a.py", lambda m: f'H = {{"Authorization": "Basic {m.login()}"}}'),
    "header of curl": ("run.sh", lambda m: f"curl -H 'Authorization: token {m(40)}' https://api.corp.dev"),
    "key header": ("run.sh", lambda m: f"curl -H 'X-Api-Key: {m(40)}' https://api.corp.dev"),
    "user of curl": ("run.sh", lambda m: f"curl -u bob:{m(18)} https://api.corp.dev"),
    "user of curl, quoted": ("run.sh", lambda m: f'curl -sS --user "bob:{m(18)}" https://api.corp.dev'),
    "URL": ("a.py", lambda m: f"D = 'postgres://bob:{m(18)}@db.corp.dev/x'"),
    "URL without user": ("a.py", lambda m: f"U = 'redis://:{m(18)}@cache.corp.dev:6379/0'"),
    "connection string": ("a.py", lambda m: f"D = 'Server=db;Database=x;User Id=bob;Password={m(18)};'"),
    "private key in base64": (
        "a.py",
        lambda m: f"K = '{m.encoded('-----BEGIN RSA PRIVATE KEY-----' + chr(10) + m.drawn(64) + chr(10) + m.drawn(64))}'",
    ),
    "AWS key in base64": ("a.py", lambda m: f"K = '{m.encoded('AKIA' + m.drawn(16, BASE32))}'"),
    "GitHub app token in base64": ("a.yaml", lambda m: f"K: {m.encoded('ghs_9_' + m.jwt())}"),
    "Secret, data": ("k8s/a.yaml", lambda m: f"{SECRET}data: {{password: {m.login()}}}"),
    "Secret, stringData": ("k8s/a.yaml", lambda m: f"{SECRET}stringData: {{password: {m(18)}}}"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_a_credential_is_found_and_hidden(name: str, seed: int) -> None:
    """Wherever it is written; what is shown of it is not enough to use it."""
    path, write = FORMS[name]
    maker = Maker(seed)
    text = write(maker)
    hits = [hit for rule in RULES for hit in fire(rule, file(path, None, f"{text}\n"))]
    assert hits
    core = maker.secret[-12:]
    assert core not in redact(text)
    assert not any(core in f"{hit.message} {hit.evidence}" for hit in hits)


def test_where_examples_live_it_is_a_remark() -> None:
    """In documentation and tests the same text is told as low."""
    for path in ("docs/login.md", "tests/test_login.py"):
        (hit,) = fire("SEC-001", file(path, None, f"curl -u bob:{Maker(1)(18)} https://api.corp.dev\n"))
        assert hit.severity is Severity.LOW


PUBLISHED: Final = ("SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "SyClzfrOzB818x55FASHvX4JuGQciR9lv7q")
"""Ends of keys in docs.cloud.google.com."""
ENCRYPTED: Final = f'data:\n  a: "ENC[AES256_GCM,data:{Maker(2)(24)},iv:{Maker(3)(40)},tag:{Maker(4)(20)},type:str]"'
SEALED: Final = (
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\n"
    f"spec: {{encryptedData: {{password: AgBy3i4OJSWK{Maker(5)(200)}}}}}"
)
QUIET: Final = [
    *(("a.py", f"k = 'AIza{end}'") for end in PUBLISHED),
    ("a.py", "K = 'AKIAIOSFODNN7EXAMPLE'"),
    ("a.py", "aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'"),
    ("a.py", "T = 'xoxb-your-bot-token-here'"),
    ("a.py", "T = 'xoxb-not-a-real-token-at-all'"),
    ("a.py", f"K = 'sk_test_{Maker(1)(24)}'"),
    ("run.sh", 'curl -H "Authorization: Bearer $TOKEN" https://api.corp.dev'),
    ("run.sh", 'curl -H "Authorization: Bearer ${{ secrets.TOKEN }}" https://api.corp.dev'),
    ("run.sh", 'curl -u "$USER:$PASS" https://api.corp.dev'),
    ("run.sh", "curl -u admin:password https://localhost"),
    ("a.md", "Authorization: Bearer <token>"),
    (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}"),
    ("config.json", '{"auths": {"registry.corp.dev": {}}}'),
    ("config.json", '{"auth": "dXNlcm5hbWU6cGFzc3dvcmQ="}'),
    ("a.py", "D = 'Server=db;User Id=app;Password=${DB_PASSWORD};'"),
    ("a.py", "D = 'redis://:password@localhost:6379/0'"),
    ("k8s/s.yaml", f"{SECRET}stringData: {{password: changeme}}"),
    ("k8s/s.yaml", f"{SECRET}sops: {{mac: x}}\n{ENCRYPTED}"),
    ("k8s/s.yaml", SEALED),
]


@table(("path", "text"), QUIET, ids=[f"{number}" for number in range(len(QUIET))])
def test_what_is_no_secret_is_quiet(path: str, text: str) -> None:
    """Examples that providers publish, references, placeholders, words, and what is encrypted."""
    assert [hit.message for rule in RULES for hit in fire(rule, file(path, None, f"{text}\n"))] == []
