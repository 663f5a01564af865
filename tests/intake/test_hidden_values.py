"""What is wrong with a file is told without what its variables hold: that may be a secret, wherever somebody put it."""

from __future__ import annotations

from typing import Final

import pytest

from bot.assembly.assemble import assemble
from bot.intake.read import read
from tests.table import table

SECRET: Final = "hunter2secret"

SERVICE: Final = (
    "network_mode: 'service:${T}'",
    "networks: ['${T}']",
    "volumes: ['${T}:/a']",
    "tmpfs: '${T}'\n    volumes: ['/a:${T}']",
    "secrets: ['${T}']",
    "configs: [{source: '${T}'}]",
    "depends_on: ['${T}']",
    "env_file: ['${T}']",
    "label_file: '${T}'",
    "extends: '${T}'",
    "extends: {service: '${T}'}",
    "extends: {file: '${T}', service: a}",
    "extends: {file: 'https://${T}', service: a}",
    "healthcheck: {test: ['${T}']}",
    "healthcheck: {interval: '${T}'}",
    "ports: ['${T}']",
    "ports: [{target: '${T}'}]",
    "scale: '${T}'",
    "privileged: '${T}'",
    "mem_limit: '${T}'",
    "security_opt: ['${T}', '${T}']",
    "ulimits: {nofile: '${T}'}",
    "command: '${T'",
    "command: '${U:?no ${T}}'",
    "environment: '${T}'",
    "pull_policy: '${T}'",
    "models: ['${T}']",
    "links: ['${T}']",
    "volumes_from: ['${T}']",
    "pid: 'service:${T}'",
    "ipc: 'service:${T}'",
    "extra_hosts: ['${T}']",
    "devices: ['a:b:c:${T}']",
    "volumes: [':${T}']",
    "volumes: [{type: tmpfs, target: /a, tmpfs: {size: '${T}'}}]",
    "env_file: [{path: a.env, format: '${T}'}]",
    "blkio_config: {device_read_bps: [{path: /a, rate: '${T}'}]}",
    "deploy: {resources: {limits: {cpus: '${T}'}}}",
    "build: {context: ., secrets: ['${T}']}",
)
TOP: Final = (
    "include: ['${T}']",
    "include: '${T}'",
    "include: [{path: 'https://${T}'}]",
    "include: [{path: b.yaml, env_file: '${T}'}]",
    "networks: {n: {external: '${T}'}}",
    "configs: {n: {content: '${T}', file: '${T}'}}",
    "volumes: {n: {external: true, driver: '${T}'}}",
    "version: ['${T}']",
)
VARIABLES: Final = (
    f"T={SECRET}\n{SECRET} is no name\n",
    f"T={SECRET}\n{SECRET}\n",
    f'T="{SECRET}\nA=1\n',
    f"T='a'\n\"{SECRET}\": x\n",
    f"T={SECRET}${{\n",
    f"T=${{A:?{SECRET}}}\n",
    f"T=a\nU='${{{SECRET}'\nV=a${{{SECRET}\n",
    f"T=a\nCOMPOSE_PROJECT_NAME=My-{SECRET}\n",
)


def compose(line: str, top: str = "", variables: str = f"T={SECRET}\n") -> str:
    """Everything that is told of a project with ``line`` in a service, ``top`` beside it, and these variables."""
    text = f"{top}\nservices:\n  a:\n    image: x\n    {line}\n  b: {{image: y}}\n"
    files = {"compose.yaml": text.encode(), ".env": variables.encode()}
    return "\n".join(map(str, read(files, project="shop").errors))


@table("line", SERVICE)
def test_a_service_shows_nothing_of_a_variable(line: str) -> None:
    """A name that nothing has, a number that is none, a file that is not there."""
    told = compose(line)
    assert told
    assert SECRET not in told


@table("top", TOP)
def test_a_project_shows_nothing_of_a_variable(top: str) -> None:
    """The same outside of services."""
    told = compose("", top)
    assert told
    assert SECRET not in told


@pytest.mark.parametrize("variables", VARIABLES)
@pytest.mark.parametrize("line", ["command: $T", "env_file: .env", "env_file: [{path: .env, format: raw}]"])
def test_a_file_of_variables_is_not_shown(variables: str, line: str) -> None:
    """Neither a line of it that cannot be read, nor a variable that it does not get a value from."""
    assert SECRET not in compose(line, variables=variables)


@table(
    "line",
    [
        f'password = "{SECRET}"',
        f"password = {SECRET} x",
        f'password = "{SECRET}',
        f'password = "a\n{SECRET} b"',
        f"password = [1 {SECRET}]",
        f"password = {{ {SECRET} }}",
        f"password = {SECRET}(1 2)",
        f"password = {SECRET}::1",
        f"password = <<{SECRET}\n",
        f'password = "%{{ {SECRET} }}"',
        f'replicas = "{SECRET}"',
    ],
)
def test_a_file_with_values_of_variables_is_not_shown(line: str) -> None:
    """One that cannot be read, that nothing declares, or whose value is of another type than the variable."""
    files = {
        "main.cw": b'variable "replicas" {\n  type    = list(string)\n  default = []\n}\n',
        "clockwork.cwvars": line.encode(),
    }
    told = "\n".join(map(str, assemble(files, variables={}, environment={}).errors))
    assert "clockwork.cwvars:" in told
    assert SECRET not in told


def test_what_a_value_says_decides_nothing() -> None:
    """A sensitive value of the wrong type is told without it, also where it reads like a message of ours."""
    text = b'variable "a" {\n  type      = number\n  sensitive = true\n}\n'
    for value in (f"{SECRET} has no value", f"not a type: {SECRET}"):
        given = f'a = "{value}"'.encode()
        told = "\n".join(
            map(str, assemble({"main.cw": text, "x.auto.cwvars": given}, variables={}, environment={}).errors)
        )
        assert "its value, which is sensitive, is not what its type says" in told
        assert SECRET not in told
