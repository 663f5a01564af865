"""The workflow files that come with the project: judged by zizmor, and their shell steps run for real on the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import __version__
from bot.guardrails.kinds import hits
from bot.guardrails.rule import Subject
from tests.flows.linters import needs_actionlint, problems
from tests.flows.stage import NAME, Stage
from tests.flows.test_head_check import conclusions, propose_from_fork, proposed, settle, sha_of
from tests.guardrails.changes import change, file, plain_book

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "templates" / "workflows").glob("*.yml"))
GUARD, PUBLISH = "clockwork-guard.yml", "clockwork-guard-publish.yml"
INSTALLS = f"pipx install 'clockwork-gitops[github]=={__version__}'"
"""The one step that is not run: what it would install is what is tested, this version and no later one."""


def workflow(name: str) -> dict[Any, Any]:
    """A workflow file of those that people copy."""
    return loaded(ROOT / "templates" / "workflows" / name)


def loaded(path: Path) -> dict[Any, Any]:
    """YAML whose scalars are all text, so that ``on`` is a word."""
    content: dict[Any, Any] = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - it constructs nothing
    return content


def test_the_workflows_are_clean() -> None:
    """Those that people copy and those that they call, our own and the action: the linters find nothing."""
    ours = sorted((ROOT / ".github/workflows").glob("*.yml"))
    assert (len(FILES), len(ours)) == (3, 7)
    assert problems(*FILES, *ours, ROOT / ".github/actions/clockwork/action.yml") == ""


@needs_actionlint
def test_actionlint_sees_mistakes(tmp_path: Path) -> None:
    """What it does not know yet is left out, and nothing else."""
    text = (ROOT / ".github/workflows/guard.yml").read_text()
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        text.replace("${{ inputs.exit-code }}", "${{ inputs.exit-cod }}").replace("ubuntu-24.04", "ubuntu-2")
    )
    found = problems(wrong)
    assert 'property "exit-cod" is not defined' in found
    assert 'label "ubuntu-2" is unknown' in found


def test_examples_of_the_readme_are_clean(tmp_path: Path) -> None:
    """The workflows that its page shows, with a repository and a commit in them."""
    page = (ROOT / ".github/actions/clockwork/README.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    files = [tmp_path / f"example{number}.yml" for number in range(len(examples))]
    for path, text in zip(files, examples, strict=True):
        path.write_text(text.replace("OWNER/REPO", "acme/clockwork").replace("COMMIT", "0a" * 20))
    assert len(files) == 3
    assert problems(*files) == ""


JOBS = [(name, name) for name in ("reconcile", "guard", "comments")] + [
    ("apply", "plan"),
    ("apply", "apply"),
    ("apply", "in-sync"),
]
"""The jobs of each reusable workflow."""


@pytest.mark.parametrize(("workflow_name", "name"), JOBS)
def test_a_reusable_workflow_runs_the_action_of_its_own_commit(workflow_name: str, name: str) -> None:
    """It gives the action nothing that it does not take, takes no right but those that the page names, and tells outputs
    that the action has.
    """
    content = loaded(ROOT / f".github/workflows/{workflow_name}.yml")
    action = loaded(ROOT / ".github/actions/clockwork/action.yml")
    assert [key for file, key in JOBS if file == workflow_name] == [*content["jobs"]]
    job = content["jobs"][name]
    (step,) = [step for step in job["steps"] if step.get("uses", "").startswith("$/")]
    command = "apply" if name == "in-sync" else name
    assert (step["uses"], step["with"]["command"]) == ("$/.github/actions/clockwork", command)
    assert set(step["with"]) <= set(action["inputs"])
    assert set(job.get("outputs", {})) <= set(action["outputs"])
    if name == workflow_name:
        assert set(content["on"]["workflow_call"].get("outputs", {})) == set(job.get("outputs", {}))
    page = (ROOT / ".github/actions/clockwork/README.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{command}` |")]
    for right, level in job["permissions"].items():
        assert f"`{right}`" in row
        assert level in row
    assert content["permissions"] == {}


@pytest.mark.parametrize(("workflow_name", "job"), [job for job in JOBS if job[0] in {"apply", "reconcile"}])
def test_the_kubeconfig_reaches_the_next_step_for_its_owner_alone(tmp_path: Path, workflow_name: str, job: str) -> None:
    """The shell step of the reusable workflow, run: with a secret, and without one."""
    steps = loaded(ROOT / f".github/workflows/{workflow_name}.yml")["jobs"][job]["steps"]
    (script,) = [step["run"] for step in steps if "run" in step]
    for content, expected in (("", ""), ("apiVersion: v1\n", f"KUBECONFIG={tmp_path}/kubeconfig\n")):
        noted = tmp_path / "environment"
        noted.write_text("")
        given = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path), "GITHUB_ENV": str(noted), "CONTENT": content}
        subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=given, check=True)
        assert noted.read_text() == expected
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "kubeconfig").read_text() == "apiVersion: v1\n"


def test_a_plan_is_carried_out_once_an_environment_lets_it() -> None:
    """The job that may change something waits for people, and does what the job before it kept and nothing else."""
    jobs = loaded(ROOT / ".github/workflows/apply.yml")["jobs"]
    assert set(jobs["plan"]["permissions"].values()) == {"read"}
    assert "environment" not in jobs["plan"]
    assert (jobs["apply"]["needs"], jobs["apply"]["environment"]) == ("plan", "${{ inputs.environment }}")
    kept = [step["with"] for step in jobs["plan"]["steps"] if "upload-artifact" in step.get("uses", "")]
    fetched = [step["with"] for step in jobs["apply"]["steps"] if "download-artifact" in step.get("uses", "")]
    assert [each["name"] for each in kept] == [each["name"] for each in fetched]
    (applied,) = [step["with"] for step in jobs["apply"]["steps"] if step.get("with", {}).get("command") == "apply"]
    assert applied["plan"] == f"{fetched[0]['path']}/{Path(kept[0]['path']).name}"


def test_a_plan_without_actions_is_noted_and_asks_nobody() -> None:
    """Either the job that waits for people runs or the one that notes the commit, which is given the same kept plan."""
    jobs = loaded(ROOT / ".github/workflows/apply.yml")["jobs"]
    assert "if" not in next(step for step in jobs["plan"]["steps"] if "upload-artifact" in step.get("uses", ""))
    assert [jobs[name]["if"] for name in ("apply", "in-sync")] == [
        "needs.plan.outputs.actions != '0'",
        "needs.plan.outputs.actions == '0'",
    ]
    assert "environment" not in jobs["in-sync"]
    given = [
        [step["with"] for step in jobs[name]["steps"] if "with" in step and "command" not in step["with"]]
        for name in ("apply", "in-sync")
    ]
    assert given[0] == given[1]
    (noted,) = [step["with"] for step in jobs["in-sync"]["steps"] if step.get("with", {}).get("command") == "apply"]
    assert noted["plan"] == f"{given[0][0]['path']}/clockwork.plan"


def test_every_job_installs_this_version() -> None:
    """A job with a token that writes runs what was read, not what is newest on the day."""
    for each in FILES:
        steps = [step.get("run", "") for job in loaded(each)["jobs"].values() for step in job["steps"]]
        assert [step for step in steps if "install" in step] == [INSTALLS] * len(loaded(each)["jobs"])


def test_our_own_guardrails_find_nothing_in_them() -> None:
    """What is copied into repositories passes the guard that it starts."""
    added = change(*(file(f".github/workflows/{each.name}", None, each.read_text()) for each in FILES))
    found = [hit for guardrail in plain_book().guardrails for hit in hits(guardrail, Subject(added))]
    assert [(hit.message, hit.line) for hit in found] == []


def test_the_projects_checks_run_in_a_merge_queue() -> None:
    """A required check that does not run for ``merge_group`` lets nothing through."""
    assert "merge_group" in loaded(ROOT / ".github/workflows/ci.yml")["on"]
    assert "merge_group" in workflow(GUARD)["on"]
    assert workflow(PUBLISH)["on"]["workflow_run"]["workflows"] == [workflow(GUARD)["name"]]


@dataclass(frozen=True)
class Job:
    """One job on a runner: its workflow's event, the token of the job, and where its files lie."""

    stage: Stage
    folder: Path
    event_name: str
    event: Mapping[str, Any]
    token: str
    secret: str = "stage"

    def run(self, name: str, job: str, *, unless: str = "") -> list[int]:
        """The exit codes of the shell steps of a job whose conditions do not name ``unless``, until one fails."""
        content = workflow(name)["jobs"][job]
        codes = []
        for step in content["steps"]:
            if "run" not in step or step["run"] == INSTALLS or (unless and unless in step.get("if", "")):
                continue
            shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                shell,
                cwd=self.folder,
                env=self._environment(content["env"]),
                capture_output=True,
                text=True,
                check=False,
            )
            (self.folder / "log").write_text(done.stdout + done.stderr)
            codes.append(done.returncode)
        return codes

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.event))
        url = self.stage.box.git_url(NAME)
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.stage.box.api_url,
            "GITHUB_EVENT_NAME": self.event_name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_SERVER_URL": url[: url.index(f"/{NAME}")],
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            **{key: self._value(text) for key, text in variables.items()},
        }

    def _value(self, text: str) -> str:
        """What an expression that only names something comes to; text of nothing is empty, as on a runner."""
        match = re.fullmatch(r"\$\{\{ ([\w.]+) \}\}", text)
        assert match is not None
        if match[1] in {"github.token", "secrets.CLOCKWORK_SECRET"}:
            return self.token if match[1] == "github.token" else self.secret
        value: Any = {"github": {"event": self.event}}
        for part in match[1].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else str(value)


@pytest.fixture
def folder(tmp_path: Path, installed: str) -> Path:
    """A runner's, with the command on its path."""
    command = tmp_path / "runner" / "bin" / "clockwork"
    command.parent.mkdir(parents=True)
    command.write_text(installed)
    command.chmod(0o755)
    return command.parents[1]


def test_a_pull_request_is_guarded(stage: Stage, folder: Path) -> None:
    """The job fails on a block, makes the check, and writes the summary; from a branch of the repository."""
    settle(stage, "guard: {mode: strict}\n")
    number = proposed(stage)
    job = Job(stage, folder, "pull_request", {"number": number}, stage.token)
    assert job.run(GUARD, "guard", unless="merge_group") == [1], (folder / "log").read_text()
    assert conclusions(stage, sha_of(stage, number)) == ["failure"]
    assert "K8S-001" in (folder / "summary.md").read_text()
    assert "::error file=k8s/web.yaml" in (folder / "log").read_text()


def test_a_merge_queue_is_guarded(stage: Stage, folder: Path) -> None:
    """The job judges the head that the event names, and the queue merges."""
    settle(stage, "guard: {mode: strict}\n")
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("clockwork/guardrails",))
    number = proposed(stage, privileged=False)
    entry = stage.box.admin.enqueue(NAME, number)
    job = Job(stage, folder, "merge_group", {"merge_group": {"head_sha": entry.head_sha}}, stage.token)
    assert job.run(GUARD, "guard", unless="event_name == 'pull_request'") == [0], (folder / "log").read_text()
    assert stage.api("GET", f"/pulls/{number}")["merged"]


def test_a_fork_is_guarded_in_two_jobs(stage: Stage, folder: Path) -> None:
    """The first one reads and leaves an artifact; the second one publishes it; an artifact of another commit is refused."""
    settle(stage, "guard: {mode: strict}\n")
    number = propose_from_fork(stage)
    head = sha_of(stage, number)
    stage.box.create_user("github-actions[bot]", bot=True, installation=True)
    permissions = {"contents": "read", "pull_requests": "read", "issues": "read", "checks": "read"}
    token = stage.box.admin.token("github-actions[bot]", permissions=permissions)
    reading = Job(stage, folder, "pull_request", {"number": number}, token, secret="")
    assert reading.run(GUARD, "guard", unless="merge_group") == [1], (folder / "log").read_text()
    assert "nothing was published" in (folder / "log").read_text()
    assert "K8S-001" in (folder / "summary.md").read_text()
    assert conclusions(stage, head) == []

    (folder / "result").mkdir()
    shutil.move(folder / "guard.json", folder / "result" / "guard.json")
    repository, fork = {"full_name": NAME}, {"full_name": f"mallory/{NAME.partition('/')[2]}"}
    for commit, code in (("c" * 40, 4), (head, 0)):
        run = {"head_sha": commit, "event": "pull_request", "id": 7, "head_branch": "main", "head_repository": fork}
        job = Job(stage, folder, "workflow_run", {"workflow_run": run, "repository": repository}, stage.token)
        assert job.run(PUBLISH, "publish") == [code], (folder / "log").read_text()
        assert conclusions(stage, head) == (["failure"] if code == 0 else [])


def test_comments_are_answered(stage: Stage, folder: Path) -> None:
    """The other job of the file."""
    number = proposed(stage)
    stage.api("POST", f"/issues/{number}/comments", body="/clockwork explain nothing")
    job = Job(stage, folder, "issue_comment", {"issue": {"number": number}}, stage.token)
    assert job.run(GUARD, "comments") == [0], (folder / "log").read_text()
    assert len(stage.api("GET", f"/issues/{number}/comments")) == 2
