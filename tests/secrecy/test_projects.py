"""A secret at any place of a ``.cw`` or Compose project is in nothing that a command prints, mistakes included.

Three kinds are planted: the value of a sensitive variable (and what expressions make of it), the value of a variable of
``.env`` whose name says that it is secret (and of what is filled in from it), and tokens of providers in plain sight.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pygit2
import pytest

from bot.entrypoints.cli import main
from tests.secrecy.samples import SAMPLES
from tests.test_cli_compose import inspected

SECRET: Final = "hunter2secret"
FORMS: Final = ("er2secre", "er2secre"[::-1])
TOKENS: Final = tuple(
    sample for sample in SAMPLES if not set(sample.text) & set("\n'\" ") and sample.kind != "telegram-bot"
)
LIVE: Final = frozenset({"drift", "simulate", "reconcile", "explain"})

SERVICE: Final = (
    "image: 'x:X'",
    "command: 'serve X'",
    "command: [serve, 'X']",
    "entrypoint: ['X']",
    "labels: {a: 'X'}",
    "labels: ['a=X']",
    "labels: ['X=a']",
    "labels: {'X': a}",
    "environment: {PLAIN: 'X'}",
    "environment: ['PLAIN=X']",
    "environment: ['X=1']",
    "hostname: 'X'",
    "working_dir: '/X'",
    "volumes: ['./X:/a']",
    "volumes: ['./a:/X']",
    "volumes: ['X:/a']",
    "volumes: [{type: bind, source: /a, target: '/X'}]",
    "ports: ['X:80']",
    "healthcheck: {test: 'curl -u X localhost'}",
    "healthcheck: {interval: 'X'}",
    "extra_hosts: ['a:X']",
    "networks: ['X']",
    "logging: {driver: x, options: {a: 'X'}}",
    "devices: ['/a:/X']",
    "depends_on: ['X']",
    "scale: 'X'",
    "extends: 'X'",
    "extends: {file: 'X', service: a}",
    "env_file: 'X'",
    "build: {context: 'X', args: {A: 'X'}}",
    "privileged: 'X'",
    "secrets: ['X']",
    "network_mode: 'service:X'",
    "command: ['X'",
    "command: !unknown 'X'",
    "'X': 1",
    "# X",
)
TOP: Final = (
    "include: ['X']",
    "networks: {default: {name: 'X'}}",
    "configs: {n: {content: 'X'}}",
    "volumes: {n: {driver_opts: {o: 'X'}}}",
    "name: 'X'",
    "'X': 1",
)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder, and an environment without credentials in which lines are never cut."""
    monkeypatch.setenv("COLUMNS", "4000")
    monkeypatch.setenv("CLOCKWORK_CACHE", str(tmp_path / "cache"))
    for name in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "CLOCKWORK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def printed(
    outside: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], *commands: list[str], scope: str = "shop"
) -> str:
    """What the commands say of a repository of these files, beside a container that has none of what they declare."""
    root = outside / "shop"
    git = pygit2.init_repository(str(root), initial_head="main")
    for path, text in files.items():
        (root / path).write_text(text)
    git.index.add_all()
    who = pygit2.Signature("Rosa", "rosa@example.org")
    git.create_commit("HEAD", who, who, "First", git.index.write_tree(), [])
    (outside / "live.json").write_text(json.dumps([container(scope)]))
    for command in commands:
        live = ["--live", str(outside / "live.json")] if command[0] in LIVE else []
        main([*command, "--repo", str(root), *live])
    return "".join(capsys.readouterr())


def container(scope: str) -> dict[str, Any]:
    live = inspected("y", "always", ("PATH=/bin",))
    live["Config"]["Labels"]["com.docker.compose.project"] = scope
    return live


def compose(line: str, top: str = "") -> str:
    image = "" if line.startswith("image") else "    image: x\n"
    return f"{top}\nservices:\n  a:\n{image}    {line}\n"


COMMANDS: Final = (
    ["drift"],
    ["reconcile", "--dry-run"],
    ["explain", "service/shop/a"],
    ["origin", "service/shop/a", "command"],
)


def two_of(commands: Sequence[list[str]], place: str) -> list[list[str]]:
    """All that is compared as JSON, and one of the commands: each has its turn over the places."""
    return [["drift", "--json"], commands[len(place) % len(commands)]]


@pytest.mark.parametrize(
    ("line", "top"), [*((line, "") for line in SERVICE), *(("restart: always", top) for top in TOP)]
)
def test_no_command_shows_a_secret_variable_of_a_compose_project(
    line: str, top: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``.env`` calls a password, filled in here, and what was made of it before."""
    text = compose(line.replace("X", "${DERIVED}"), top.replace("X", "${DB_PASSWORD}"))
    variables = f"DB_PASSWORD={SECRET}\nDERIVED=${{DB_PASSWORD}}\n"
    said = printed(outside, capsys, {"compose.yaml": text, ".env": variables}, *two_of(COMMANDS, line + top))
    assert "compose.yaml" in said
    assert not [form for form in FORMS if form in said.lower()]


@pytest.mark.parametrize(
    ("number", "line", "top"),
    [
        (number, *place)
        for number, place in enumerate([*((line, "") for line in SERVICE), *(("restart: always", top) for top in TOP)])
    ],
)
def test_no_command_shows_a_token_in_a_compose_project(
    number: int, line: str, top: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tokens in values, keys and names, in what is right and in what is not: another provider at each place."""
    token = TOKENS[number * 3 % len(TOKENS)]
    text = compose(line.replace("X", token.text), top.replace("X", token.text))
    said = printed(outside, capsys, {"compose.yaml": text}, *two_of(COMMANDS, line + top))
    assert "compose.yaml" in said or "service/" in said
    assert token.core not in said, token.kind


@pytest.mark.parametrize("line", ["command: $A", "env_file: .env", "env_file: {path: .env, format: raw}"])
@pytest.mark.parametrize("written", ["A=X\n", "X is no name\n", 'A="X\n', "A=$X{\n", "'X'=x\n"])
def test_no_command_shows_a_line_of_a_file_of_variables(
    line: str, written: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token there, also where the line cannot be read."""
    for token in itertools.islice(TOKENS, 5, None, 60):
        files = {"compose.yaml": compose(line), ".env": written.replace("X", token.text)}
        said = printed(outside, capsys, files, ["drift", "--json"])
        assert token.core not in said, token.kind
        shutil.rmtree(outside / "shop")


RESOURCES: Final = (
    'resource "service" "a" {\n  image = X\n}',
    'resource "service" "a" {\n  image       = "x"\n  environment = { A = X }\n}',
    'resource "service" "a" {\n  image  = "x"\n  labels = { a = X }\n}',
    'resource "service" "a" {\n  image   = "x"\n  command = ["serve", X]\n}',
    'resource "service" "a" {\n  image = "x"\n  name  = X\n}',
    'resource "service" "a" {\n  image    = "x"\n  for_each = toset([X])\n}',
    'resource "service" "a" {\n  image = "x"\n  port {\n    container = X\n  }\n}',
    'resource "config" "c" {\n  content = X\n}',
    'output "o" {\n  value = X\n}\nresource "service" "a" {\n  image = "x"\n}',
    'locals {\n  l = X\n}\nresource "service" "a" {\n  image = "x"\n}',
    'module "m" {\n  source = X\n}',
    'provider "docker" {\n  stack = X\n}\nresource "service" "a" {\n  image = "x"\n}',
)
VALUES: Final = tuple(resource for resource in RESOURCES if "for_each" not in resource and "  name " not in resource)
"""Not what a resource is called: that is how people ask for it."""
CW_COMMANDS: Final = (
    ["drift"],
    ["reconcile", "--dry-run"],
    ["explain", "service/main/a"],
    ["origin", "service/main/a", "environment.A"],
    ["render", "--check"],
)


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("expression", ["var.s", "upper(var.s)", '"a ${var.s}"', "file(var.s)", "var.s + 1"])
def test_no_command_shows_a_sensitive_variable(
    resource: str, expression: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The value of a ``.cwvars`` file, as it is and put into other words, where it may stand and where it may not."""
    files = {
        "main.cw": 'variable "s" {\n  sensitive = true\n}\n' + resource.replace("X", expression) + "\n",
        "clockwork.cwvars": f's = "{SECRET}"\n',
    }
    said = printed(outside, capsys, files, *two_of(CW_COMMANDS, resource + expression), scope="main")
    assert "main" in said
    assert not [form for form in FORMS if form in said.lower()]


@pytest.mark.parametrize("resource", [*VALUES, "X", "locals {\n  a = [X\n}", "# X\n}"])
def test_no_command_shows_a_token_in_a_configuration(
    resource: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In plain sight, in what is right and in what does not parse."""
    token = TOKENS[len(resource) * 7 % len(TOKENS)]
    files = {"main.cw": resource.replace("X", f'"{token.text}"')}
    said = printed(outside, capsys, files, *two_of(CW_COMMANDS, resource), scope="main")
    assert said
    assert token.core not in said, token.kind
