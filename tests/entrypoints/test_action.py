"""The composite action: its shell steps as a runner starts them, against a sandbox, and what it says of itself."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bot import __version__
from bot.report.outputs import applied_outputs
from bot.sandbox.server import Sandbox
from tests.appliers.apiserver import ApiServer
from tests.deploy.wheelhouse import same_python, wheelhouse
from tests.flows.stage import NAME, Stage, open_stage

HERE: Final = Path(__file__).parents[2]
ACTION: Final = HERE / ".github/actions/clockwork"
DESCRIPTION: Final[Mapping[str, Any]] = yaml.safe_load((ACTION / "action.yml").read_text())


@pytest.fixture
def stage(tmp_path: Path, installed: str) -> Iterator[Stage]:
    """A repository on a running sandbox, and the program that the action installs."""
    bin_ = tmp_path / "runner/clockwork/bin"
    bin_.mkdir(parents=True)
    (bin_ / "clockwork").write_text(installed)
    (bin_ / "clockwork").chmod(0o755)
    with Sandbox.start(tmp_path / "sandbox") as box:
        yield open_stage(tmp_path, box)


def step(stage: Stage, command: str, **environment: str) -> tuple[int, str, dict[str, str]]:
    """Run the action's last step: exit code, what it printed, the outputs."""
    temporary = stage.directory / "runner"
    output = temporary / "output"
    output.unlink(missing_ok=True)
    stage.show()
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(temporary),
        "PYTHONPATH": str(HERE),
        "CLOCKWORK_CACHE": str(stage.directory / "cache"),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": stage.box.url.rstrip("/"),
        "GITHUB_API_URL": stage.box.api_url,
        "GITHUB_REPOSITORY": NAME,
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
        "COMMAND": command,
        "LIVE": str(stage.live),
        "CLOCKWORK_TOKEN": stage.token,
        "CLOCKWORK_SECRET": "stage",
        **environment,
    }
    done = subprocess.run(
        ["bash", str(ACTION / "run.sh")], env=given, check=False, capture_output=True, text=True, timeout=120
    )
    lines = output.read_text().splitlines() if output.exists() else []
    return done.returncode, done.stdout + done.stderr, dict(line.split("=", 1) for line in lines)


def test_reconcile_tells_counts_and_addresses_and_judges_what_it_opens(stage: Stage) -> None:
    """Outputs have what was written; the summary is on the job's page; the pull request has its check."""
    stage.safe_drift()
    stage.config_drift()
    code, printed, outputs = step(stage, "reconcile")
    assert code == 0, printed
    assert (outputs["drift"], outputs["commits"], outputs["pull-requests"], outputs["issues"]) == ("3", "1", "1", "0")
    assert (outputs["in-sync"], outputs["blocked"]) == ("false", "")
    assert len(outputs["urls"].split()) == 2
    pull = stage.api("GET", f"/pulls/{outputs['numbers']}")
    checks = stage.api("GET", f"/commits/{pull['head']['sha']}/check-runs")["check_runs"]
    assert [check["name"] for check in checks] == ["clockwork/guardrails"]
    assert "## Drift" in (stage.directory / "runner/summary.md").read_text()


def test_guard_tells_the_verdict(stage: Stage) -> None:
    """With the number of the event; a blocked one would fail the job."""
    stage.config_drift()
    number = step(stage, "reconcile")[2]["numbers"]
    code, printed, outputs = step(stage, "guard", NUMBER=number)
    assert code == 0, printed
    assert outputs["verdict"] in {"approve", "warn"}
    assert outputs["urls"]


def test_comments_and_report_run(stage: Stage) -> None:
    """Both end well where there is nothing to do."""
    stage.config_drift()
    number = step(stage, "reconcile")[2]["numbers"]
    code, printed, _ = step(stage, "comments", NUMBER=number)
    assert (code, "No pending commands." in printed) == (0, True), printed
    code, printed, _ = step(stage, "report")
    assert code == 0, printed
    head = stage.commits()[0]["sha"]
    code, printed, _ = step(stage, "applied", GITHUB_SHA=head)
    assert (code, head[:7] in printed) == (0, True), printed


@pytest.fixture
def cluster(stage: Stage) -> Iterator[ApiServer]:
    """A cluster without an object of the repository, which the stage's settings name."""
    with ApiServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        kubeconfig = server.kubeconfig(stage.directory)
        observed = f"\nobserve: {{kubernetes: {{kubeconfig: {kubeconfig}}}}}\nsources: {{exclude: [k8s/orders.yaml]}}\n"
        stage.edit("clockwork.yaml", lambda text: text.rstrip() + observed)
        yield server


def test_a_plan_is_kept_and_carried_out(stage: Stage, cluster: ApiServer) -> None:
    """The plan is on the job's page and changes nothing; apply does it, looks again and says so; then nothing is left."""
    kept = stage.directory / "kept.plan"
    code, printed, outputs = step(stage, "plan", LIVE="", PLAN=str(kept))
    assert (code, outputs) == (0, {"actions": "2", "waiting": "0"}), printed
    page = stage.directory / "runner/summary.md"
    assert "create" in page.read_text()
    assert cluster.get("apps/v1", "Deployment", "shop", "web") is None
    code, printed, outputs = step(stage, "apply", LIVE="", PLAN=str(kept))
    assert (outputs["actions"], outputs["failed"], outputs["waiting"]) == ("2", "0", "0"), printed
    assert (code, outputs["in-sync"]) == (0, "true"), printed
    assert cluster.get("apps/v1", "Deployment", "shop", "web") is not None
    assert "Applied: 2 created." in page.read_text()
    code, printed, outputs = step(stage, "plan", LIVE="", PLAN=str(kept))
    assert (code, outputs["actions"]) == (0, "0"), printed


def test_a_commit_that_is_in_sync_already_is_remembered_as_applied(stage: Stage, cluster: ApiServer) -> None:
    """Its plan has no actions; carrying that out changes nothing that runs and moves the ref of what was applied."""
    kept = stage.directory / "kept.plan"
    step(stage, "apply", LIVE="")
    stage.edit("clockwork.yaml", lambda text: f"{text.rstrip()}\n# Nothing that runs.\n")
    head = stage.commits()[0]["sha"]
    code, printed, outputs = step(stage, "plan", LIVE="", PLAN=str(kept))
    assert (code, outputs["actions"]) == (0, "0"), printed
    code, printed, outputs = step(stage, "apply", LIVE="", PLAN=str(kept))
    assert (code, outputs["actions"], outputs["in-sync"]) == (0, "0", "true"), printed
    assert f"Remembered as applied: {head}" in printed
    assert cluster.get("apps/v1", "Deployment", "shop", "web") is not None


def test_without_a_plan_what_needs_no_approval_is_done(stage: Stage, cluster: ApiServer) -> None:
    """Nobody is asked."""
    code, printed, outputs = step(stage, "apply", LIVE="")
    assert (code, outputs.get("actions"), outputs.get("waiting")) == (0, "2", "0"), printed
    assert cluster.get("apps/v1", "Deployment", "shop", "web") is not None


def test_a_plan_that_is_out_of_date_is_refused(stage: Stage, cluster: ApiServer) -> None:
    """What somebody agreed to is not what would be done now."""
    kept = stage.directory / "kept.plan"
    step(stage, "plan", LIVE="", PLAN=str(kept))
    stage.edit("k8s/web.yaml", lambda text: text.replace("replicas: 2", "replicas: 3"))
    code, printed, _ = step(stage, "apply", LIVE="", PLAN=str(kept))
    assert code == 3, printed
    assert cluster.get("apps/v1", "Deployment", "shop", "web") is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"COMMAND": "aply; id"}, "there is no command 'aplyid'"),
        ({"COMMAND": "guard", "NUMBER": "7; id"}, "guard needs the number"),
        ({"COMMAND": "comments", "NUMBER": ""}, "comments needs the number"),
    ],
)
def test_what_cannot_be_meant_is_an_error_of_the_job(stage: Stage, environment: dict[str, str], message: str) -> None:
    """One line that GitHub shows on the job, exit code 2, and nothing of it is run."""
    code, printed, outputs = step(stage, **{"command": "", **environment})
    assert (code, outputs) == (2, {})
    assert printed.startswith("::error::")
    assert message in printed
    assert "uid=" not in printed


def test_extras_are_words(tmp_path: Path) -> None:
    """The install step takes nothing that could be an option or another requirement."""
    given = {
        "PATH": os.environ["PATH"],
        "GITHUB_ACTION_PATH": str(ACTION),
        "RUNNER_TEMP": str(tmp_path),
        "EXTRAS": "a] x",
    }
    done = subprocess.run(["bash", str(ACTION / "install.sh")], env=given, check=False, capture_output=True, text=True)
    assert (done.returncode, "::error::extras" in done.stdout) == (2, True)
    assert list(tmp_path.iterdir()) == []


REACHING: Final = ("PIP_", "HTTP", "NO_PROXY", "http", "no_proxy", "SSL_", "REQUESTS_")
"""What the variables begin with that tell pip where its index is, and how it is reached."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_install_step_brings_a_program(tmp_path: Path) -> None:
    """A program of this version in the job's own folder, with all that it needs and the files that are shipped with it."""
    given = {
        **{name: text for name, text in os.environ.items() if name.startswith(REACHING)},
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GITHUB_ACTION_PATH": str(ACTION),
        "RUNNER_TEMP": str(tmp_path / "job"),
        "EXTRAS": "docker",
        **(wheelhouse(tmp_path / "wheels", "github", "docker") if same_python("python3") else {}),
        "PIP_COMPILE": "0",  # of all that is installed the commands below import a little
    }
    checkout = tmp_path / "checkout"
    for folder in (tmp_path / "job", checkout):
        folder.mkdir()
    for name in ("venv", "pip", "ensurepip"):  # a step starts where somebody's files are, and runs none of them
        (checkout / f"{name}.py").write_text("raise SystemExit('somebody else ran')\n")
    words = ["bash", str(ACTION / "install.sh")]
    done = subprocess.run(words, cwd=checkout, env=given, check=False, capture_output=True, text=True, timeout=550)
    if "No matching distribution" in done.stderr and not os.environ.get("CI"):
        pytest.skip("no package index can be reached")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    folder = tmp_path / "job" / "clockwork" / "bin"

    def run(*words: str | Path) -> str:
        alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        return subprocess.run(words, cwd=tmp_path, env=alone, check=True, capture_output=True, text=True).stdout

    assert run(folder / "clockwork", "--version") == f"clockwork {__version__}\n"
    code = (
        "import docker, bot; from bot.shipped import files; print(bot.__file__, *files('policies', 'guardrails/*.md'))"
    )
    shipped = run(folder / "python", "-c", code).split()
    assert shipped[0].startswith(str(tmp_path / "job"))
    assert "guardrails/meta-002-guard-weakened.md" in shipped


def test_no_expression_stands_in_a_shell_step() -> None:
    """What comes from outside reaches a script by its environment alone; others' actions are pinned by commit."""
    for each in DESCRIPTION["runs"]["steps"]:
        assert "${{" not in each.get("run", "")
        if "uses" in each:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each["uses"])


def test_outputs_are_those_of_the_step(stage: Stage) -> None:
    """Every output that is described is one that a command writes, but for the levels, which are told beside them."""
    stage.config_drift()
    reconciled = step(stage, "reconcile")[2]
    judged = step(stage, "guard", NUMBER=reconciled["numbers"])[2]
    applied, listed = applied_outputs((), in_sync=None), {"matrix"}
    written = {*reconciled, *judged, *applied, *listed}
    assert set(DESCRIPTION["outputs"]) == written - {"critical", "high", "medium", "low"}
