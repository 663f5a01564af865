"""What counts as a secret by its name and by its look, and what stays readable."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.secrecy.credentials import credentials, looks_secret, secret_arguments
from bot.secrecy.tokens import tokens
from bot.secrecy.vocabulary import holds_secret, secret_name
from tests.table import table

PLANTED = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789", min_size=12, max_size=24)

TEXTS = [
    "DB_PASS={}",
    "export DB_PASS={}",
    "db_pass: {}",
    "pass = {}",
    "password: '{}' # for the database",
    "password: |\n  {}",
    "password: >-\n\n    {}\nuser: a",
    "password:\n  {}",
    "passwords:\n- {}",
    'tokens: ["{}"]',
    "users:\n- {{name: a, pwd: {}}}",
    "Server=x;User=a;Pwd={};",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;EndpointSuffix=x",
    "secretKey: '{}'",
    'conf: "a;password={}"',
    "requirepass {}",
    "masterauth {}\nport 6379\nrequirepass x",
    "[mysqld]\npassword {}",
    "[client]\nuser = a\npassword = {}",
    "machine h login u password {}",
    "machine h\n  login u\n  password {}\n",
    "<password>{}</password>",
    '<add key="DbPassword" value="{}"/>',
    '{{"auths":{{"r":{{"auth":"{}"}}}}}}',
    '{{"a": {{"client_secret" : "{}"}}}}',
    '"{{\\"password\\":\\"{}\\"}}"',
    "env:\n- name: DB_PASSWORD\n  value: {}\n",
    '[{{"name":"DB_PASSWORD","value":"{}"}}]',
    "define( 'DB_PASSWORD', '{}' );",
    "'password' => '{}',",
    "https://{}@github.com/a/b",
    "postgres://u:{}@h/d",
    "postgres://u:p/{}@h/d",
    "redis://:{}@redis:6379/0",
    "jdbc:mysql://h/d?user=u&password={}&useSSL=false",
    "https://x.blob.core.windows.net/c?sv=2022&sig={}",
    "https://hooks.slack.com/services/T00/B00/{}",
    "Authorization: {}",
    "curl -H 'Authorization: Bearer {}' http://x",
    "redis-server --requirepass {}",
    "sh -c 'redis-cli -a {} ping'",
    "mysqladmin ping -p{}",
    "--db-pass={}",
    "java -Ddb.password={} -jar x.jar",
    "curl -u a:{} http://x",
    "sshpass -p {} ssh h",
    "docker login -u a -p {} r.example.com",
    "PGPASSWORD={} psql -h db",
    "db:5432:shop:shop:{}",
    "CREATE USER a IDENTIFIED BY '{}'",
    "user default on >{} ~* +@all",
    "stats auth admin:{}",
    "TOKEN=${{TOKEN:-{}}}",
    "admin:$apr1$salt$abc{}",
]

ORDINARY = [
    "id-token: write",
    "secrets: inherit",
    "registry.example.com/a/b:1.2.3-alpine",
    "token-server:1.2",
    "quay.io/org/secrets-operator:v0.9.1@sha256:" + "0a" * 32,
    "http://web:8080/health",
    "http://token-service:8080/a?mail=a@b.example",
    "auth-service:50051",
    "ssh://git@github.com/a/b.git",
    "git@github.com:a/b.git",
    "postgres://shop:$(DB_PASSWORD)@db:5432/shop",
    "password",
    "secretName: web-tls",
    "tokenExpirationSeconds: 3600",
    "tokenExpirationSeconds=3600",
    "passwordPolicy: strict",
    "password_policy = strict",
    "keyFile: /etc/x.key",
    "ssl_certificate_key /etc/nginx/tls.key;",
    "bearer_token_file: /var/run/secrets/token",
    "password: /run/secrets/db",
    "--token-file=/run/x",
    "docker login --password-stdin r.example.com",
    "$(DB_PASSWORD)",
    "password=${DB_PASSWORD}",
    'password: "{{ .Values.password }}"',
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}",
    '- name: DB_PASSWORD\n  value: "$(OTHER)"',
    "token=$(cat /run/token)",
    'token = os.environ["TOKEN"]',
    "max_tokens: 4096",
    "enable_auth: true",
    "auth: basic",
    "auth_basic off;",
    'location / {\n  proxy_pass http://web:80;\n  auth_basic "Members only";\n  proxy_set_header Host $host;\n}',
    "global:\n  scrape_interval: 15s\nscrape_configs:\n- job_name: a\n  authorization:\n    type: Bearer",
    "volumes:\n- name: tls\n  secret:\n    secretName: web-tls\n    defaultMode: 420",
    "server.port=8080\nspring.datasource.url=jdbc:postgresql://db:5432/shop\nlogging.level.root=INFO",
    "-Xmx512m -XX:+UseG1GC -Dserver.port=8080",
    "nginx -p 8080:80 -u 1000:1000",
    "ssh -p2222 host",
    "replicas: 3",
    "The token service of the shop.",
    "topologyKey: kubernetes.io/hostname",
    "log_format main '$remote_addr - $remote_user [$time_local]';",
    "#!/bin/sh\nset -eu\nexec python -m app --workers 4 --port 8080",
    "SELECT id, name FROM users WHERE id = 3",
    '{"level":"info","handlers":["console"],"max_connections":100}',
]


@pytest.mark.parametrize("text", TEXTS)
@given(planted=PLANTED)
@settings(max_examples=5, deadline=None)
def test_a_text_with_a_credential(text: str, planted: str) -> None:
    """Configuration files, connection strings and command lines are known by the credential in them, whatever it is."""
    written = text.format(planted)
    assert looks_secret(written)
    hidden = {at for credential in credentials(written) for at in range(credential.start, credential.end)}
    assert planted not in "".join(" " if at in hidden else one for at, one in enumerate(written))


@table("text", ORDINARY)
def test_a_text_without_one(text: str) -> None:
    """Images, addresses, paths, references and switches stay readable."""
    assert [text[credential.start : credential.end] for credential in credentials(text)] == []


@table(
    "name",
    [
        "DB_PASSWORD", "PASS", "DB_PASS", "MYSQL_PWD", "requirepass", "passwd", "PASSWORD1", "PASSWORD_2",
        "DB_CREDS", "AWS_CREDENTIALS", "API_KEY", "APIKEY", "X-Api-Key", "Authorization", "apiToken", "STRIPE_SECRET",
        "STRIPE_SK", "AWS_SECRET_ACCESS_KEY", "clientSecret", "AccountKey", "secretKey", "SESSION_COOKIE", "JWT",
        "SENTRY_DSN", "MNEMONIC", "SSH_PRIVATE", "ENCRYPTION_SALT", "LICENSE_KEY", "KEY", ".dockerconfigjson",
    ],
)  # fmt: skip
def test_secret_names(name: str) -> None:
    """What usually holds a secret is known by its name."""
    assert secret_name(name)


@table(
    "name",
    [
        "PASSWORD_FILE", "secretName", "TOKEN_TTL", "TOKEN_TYPE", "MODE", "image", "replicas", "tokenExpirationSeconds",
        "KEYBOARD", "secretKeyRef", "PATH", "monkey", "author", "passwordPolicy", "keyFile", "key", "topologyKey",
        "publicKey", "MAX_TOKENS", "proxy_pass", "AUTH_METHOD", "AUTH_HOST", "bypass", "tokenizer", "private_networks",
    ],
)  # fmt: skip
def test_names_that_hold_none(name: str) -> None:
    """References, files, times and switches are no secrets."""
    assert not secret_name(name)


@pytest.mark.parametrize("value", ["true", "off", "$(DB_PASSWORD)", "${DB_PASSWORD}", "/run/secrets/db", ""])
def test_what_a_secret_name_may_show(value: str) -> None:
    """A switch, a reference or a file is no secret under any name; a default inside a reference is."""
    assert not holds_secret("DB_PASSWORD", value)
    assert holds_secret("DB_PASSWORD", "${DB_PASSWORD:-swordfish}")


@table(
    ("words", "secret"),
    [
        (["redis-server", "--requirepass", "x9", "--port", "6379"], {2}),
        (["run", "--api-key", "-abcDEF", "-v"], {2}),
        (["curl", "-u", "a:x9y", "http://web"], {2}),
        (["mysqladmin", "ping", "-pabc"], {2}),
        (["redis-cli", "-a", "abc", "ping"], {2}),
        (["sh", "-c", "redis-server --requirepass x9"], {2}),
        (["x", "--db-pass=abc", "y"], {1}),
        (["x", "--token", "--verbose"], set()),
        (["x", "--token", "$(TOKEN)"], set()),
        (["x", "--token-file", "/run/token", "--replicas", "3"], set()),
        (["docker", "run", "-p", "80:80", "-u", "1000:1000", "web"], set()),
    ],
)
def test_arguments(words: list[str], secret: set[int]) -> None:
    """Of a command, only the words are secret that an option or a program says so of."""
    assert secret_arguments(words) == secret


def test_encoding_hides_no_token() -> None:
    """Whatever stands behind it. What only looks like base64, or begins like a token and is none, stays."""
    token = f"ghp_{'a1B2c3' * 6}"
    for text in (token, f"{token}\nuser: bob\n", "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7"):
        encoded = base64.b64encode(text.encode()).decode()
        (found,) = tokens(f"data: {encoded} # a")
        assert (found.start, found.end) == (6, 6 + len(encoded))
        assert found.kind == next(tokens(text)).kind
    for text in ("ghp_", "ghp_ is the beginning of a token", "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA7"):
        assert not [*tokens(base64.b64encode(text.encode()).decode())]


@table(
    ("text", "secret"),
    [
        ("password:hunter2x", "hunter2x"),
        ("db-password:7", None),
        ("password:77", "77"),
        ("token:abcdefgh1", "abcdefgh1"),
        ("token:v1.2.3", None),
        ("token:latest", None),
        ("token:abcdefg", None),
        ("api-key:abcdefgh", "abcdefgh"),
        ("registry/secret:abcdefgh", None),
        ("repo@token:abcdefgh", None),
        ("tokens:abcdefgh", None),
    ],
)
def test_what_stands_right_behind_a_colon(text: str, secret: str | None) -> None:
    """Of a name that ends like a secret's; the tag of an image and the port of an address are none."""
    assert [text[one.start : one.end] for one in credentials(text)] == ([] if secret is None else [secret])
