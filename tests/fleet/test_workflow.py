"""A fleet on Actions: the workflow that people copy and the action's commands, their shell steps run for real."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.distributions import ROOT
from tests.fleet.stand import FleetStand, fleet_stand

JOBS: Final[dict[str, Any]] = yaml.safe_load((ROOT / "templates/workflows/clockwork-fleet.yml").read_text())["jobs"]
ACTION: Final = ROOT / ".github/actions/clockwork/run.sh"


@pytest.fixture
def stand(tmp_path: Path, installed: str) -> Iterator[FleetStand]:
    """Two repositories of an app, one of which differs, and ``fleet.yaml``."""
    with fleet_stand(tmp_path, ("north",)) as made:
        made.add("north/drifted", live_port=8081)
        made.add("north/same")
        made.write()
        started = made.directory / "runner/clockwork/bin/clockwork"
        started.parent.mkdir(parents=True)
        started.write_text(installed)
        started.chmod(0o755)
        yield made


def shell(stand: FleetStand, words: list[str], **environment: str) -> dict[str, str]:
    """The outputs of a step that is run where ``fleet.yaml`` is, as a runner starts it; it must end well."""
    output = stand.directory / "output"
    output.write_text("")
    given = stand.environment | {
        "PATH": f"{stand.directory}/runner/clockwork/bin{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_OUTPUT": str(output),
        "RUNNER_TEMP": str(stand.directory / "runner"),
        "GITHUB_SERVER_URL": stand.box.url.rstrip("/"),
        "GITHUB_REPOSITORY": "north/fleet",
        **environment,
    }
    done = subprocess.run(words, env=given, cwd=stand.directory, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split("=", 1) for line in output.read_text().splitlines())


def script(job: str) -> list[str]:
    """The shell step of a job that runs Clockwork, as Actions starts it (docs.github.com, "Workflow syntax", ``shell``)."""
    (text,) = [step["run"] for step in JOBS[job]["steps"] if "clockwork fleet" in step.get("run", "")]
    return ["bash", "-e", "-c", text]


def written(stand: FleetStand) -> set[str]:
    """The repositories that were written to."""
    return {name for name, _, writes in stand.talk() if writes}


def test_the_workflow_runs_each_group_of_its_list(stand: FleetStand) -> None:
    """A group is run alone and writes where something differs; no token of one repository goes to another."""
    groups = json.loads(shell(stand, script("list"))["groups"])
    assert groups == ["north/drifted", "north/same"]
    shell(stand, script("reconcile"), REPOSITORIES=groups[1])
    assert written(stand) == set()
    shell(stand, script("reconcile"), REPOSITORIES=groups[0])
    assert written(stand) == {"north/drifted"}
    assert stand.cross_talk() == []


def test_the_actions_fleet_commands_run(stand: FleetStand) -> None:
    """``fleet-list`` gives a matrix, ``fleet-run`` runs what ``only`` names, and all without it."""
    step = ["bash", str(ACTION)]
    outputs = shell(stand, step, COMMAND="fleet-list", FLEET="fleet.yaml")
    assert json.loads(outputs["matrix"]) == ["north/drifted", "north/same"]
    shell(stand, step, COMMAND="fleet-run", FLEET="fleet.yaml", ONLY="north/same")
    assert written(stand) == set()
    shell(stand, step, COMMAND="fleet-run", FLEET="fleet.yaml", ONLY="")
    assert written(stand) == {"north/drifted"}


def test_a_matrix_takes_what_the_list_gives() -> None:
    """The output of the one job is the matrix of the other, which is left out where nobody takes part."""
    job = JOBS["reconcile"]
    assert job["strategy"]["matrix"]["repositories"] == "${{ fromJSON(needs.list.outputs.groups) }}"
    assert JOBS["list"]["outputs"] == {"groups": "${{ steps.list.outputs.groups }}"}
    assert (job["if"], job["strategy"]["fail-fast"]) == ("needs.list.outputs.groups != '[]'", False)
