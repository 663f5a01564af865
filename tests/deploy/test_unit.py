"""The unit of systemd: systemd takes it, finds it hardened, and starts a daemon as this one is started."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from bot.entrypoints.cli.app import build
from tests.deploy.rendered import EVERYTHING, NEEDED, objects
from tests.deploy.test_image import DOCKERFILE
from tests.distributions import ROOT

UNIT: Final = ROOT / "templates" / "deploy" / "clockwork.service"
MOST_EXPOSED: Final = 3.0
"""systemd-analyze(1), "security": 0 has no access to anything, 10 to everything; below 5 it says OK."""
systemd: Final = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def settings(name: str) -> list[str]:
    """Every value of a setting of the unit."""
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text())


def command() -> list[str]:
    return shlex.split(settings("ExecStart")[0])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that is here."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(command()[0], sys.executable))
    return unit


def analyzed(*words: str) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@systemd
def test_systemd_has_nothing_to_say(installed: Path) -> None:
    """No setting that it does not know, no value that it ignores."""
    assert analyzed("verify", "--man=no", str(installed)) == ""


@systemd
def test_it_is_exposed_to_little(installed: Path) -> None:
    """Its exposure, as systemd counts it, is that of a service which needs the network and namespaces, and nothing else."""
    told = analyzed("security", "--offline=true", "--no-pager", str(installed))
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    assert exposure is not None, told
    assert float(exposure[1]) <= MOST_EXPOSED


def test_secrets_are_credentials_and_all_that_is_written_is_its_own() -> None:
    """Secrets come as files, in the folder that the daemon is told; state and cache are folders that systemd makes."""
    assert [each.partition(":")[0] for each in settings("LoadCredential")] == ["CLOCKWORK_TOKEN", "CLOCKWORK_SECRET"]
    environment = dict(each.split("=", 1) for each in settings("Environment"))
    assert environment == {
        "CLOCKWORK_CREDENTIALS": "%d",
        "HOME": "%S/clockwork",
        "CLOCKWORK_STATE": "%S/clockwork/daemon",
        "CLOCKWORK_CACHE": "%C/clockwork",
    }
    assert (settings("StateDirectory"), settings("CacheDirectory")) == (["clockwork"], ["clockwork"])
    assert (settings("DynamicUser"), settings("Type"), settings("ProtectSystem")) == (["yes"], ["notify"], ["strict"])


def words_of(values: dict[str, object]) -> list[str]:
    (deployment,) = [each for each in objects(values) if each["kind"] == "Deployment"]
    words: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return words


def test_what_is_started_is_a_command_of_ours() -> None:
    """The unit, the chart with its values, and the image's health check call verbs with options that they have."""
    health = re.search(r"(?m)^HEALTHCHECK .* CMD \[(.*)\]$", DOCKERFILE.read_text())
    assert health is not None
    started = [command()[1:], re.findall(r'"([^"]+)"', health[1])[1:]]
    program: Any = typer.main.get_command(build())
    for words in (*started, words_of(dict(NEEDED)), words_of(dict(EVERYTHING))):
        group, verb, *rest = words
        called = program.commands[group].commands[verb]
        assert called.make_context(verb, rest).args == []
