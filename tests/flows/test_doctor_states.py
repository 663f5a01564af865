"""Each thing that can be wrong around a repository is told by the doctor, on lines that a narrow terminal shows whole."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from bot.confinement.walls import Confinement, Wall
from bot.entrypoints.cli.doctor import show
from bot.flows.workflow_rights import workflow
from bot.gitrepo.ledger.chain import DEFAULT_REF
from bot.model.diagnosis import Diagnosis, Health
from bot.wiring.doctor import confined_assistant, diagnose
from tests.entry import clockwork
from tests.flows.layouts import LAYOUTS
from tests.flows.stage import NAME, Stage

FAILS, NOTE = Health.FAILS, Health.NOTE


@dataclass(frozen=True)
class Case:
    """What is wrong, and what the doctor says of it."""

    area: str
    health: Health
    message: str
    advice: str
    spoil: Callable[[Stage], None] = lambda _stage: None
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)


def put(stage: Stage, path: str, text: str) -> None:
    """A new file on the branch."""
    content = base64.b64encode(text.encode()).decode()
    stage.api("PUT", f"/contents/{path}", message="By hand", content=content)


def settings(stage: Stage, text: str) -> None:
    """More settings."""
    stage.edit("clockwork.yaml", lambda old: f"{old.rstrip()}\n{text}\n")


def forge_ledger(stage: Stage) -> None:
    """Somebody replaces what the ledger says."""
    stage.config_drift()
    stage.tick()
    repository = stage.box.hub.repositories.open(NAME)
    where = ["git", "-C", repository.path]
    readme = subprocess.run(
        [*where, "commit-tree", "-m", "x", f"{repository.references['refs/heads/main'].target}^{{tree}}"],
        check=True,
        capture_output=True,
        text=True,
        env={
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
            "PATH": "/usr/bin:/bin",
        },
    ).stdout.strip()
    subprocess.run([*where, "update-ref", DEFAULT_REF, readme], check=True)


def cached_in_a_file(stage: Stage) -> None:
    """There is a file where the cache belongs."""
    (stage.directory / "taken").write_text("")


CASES: Final = {
    "an archived repository": Case(
        "rights", FAILS, "is archived", "Unarchive", lambda s: s.box.admin.switch(NAME, archived=True)
    ),
    "issues are off": Case(
        "rights",
        NOTE,
        "issues are switched off",
        "Switch Issues on",
        lambda s: s.box.admin.switch(NAME, has_issues=False),
    ),
    "a protected branch": Case(
        "branch", NOTE, "safe patches come as pull", "bypass", lambda s: s.box.admin.protect(NAME, pull_request=True)
    ),
    "rules that want what is off": Case(
        "rights",
        NOTE,
        "1 rule wants automerge, which is off in acme/shop",
        "Allow auto-merge",
        lambda s: put(
            s,
            "policies/own.yaml",
            "rules: [{id: a, remedy: config-pull-request, automerge: true, reason: Ours.}]\n",
        ),
    ),
    "a forged ledger": Case("ledger", FAILS, "holds no ledger.json", "the ledger's ref", forge_ledger),
    "a cache that is a file": Case(
        "cache", FAILS, "cannot be written", "CLOCKWORK_CACHE", cached_in_a_file, options={"cache": "taken/below"}
    ),
    "live state that is not there": Case(
        "live state", FAILS, "127.0.0.1:9", "observe", options={"live": "http://127.0.0.1:9/live"}
    ),
    "an assistant without its program": Case(
        "assistants",
        FAILS,
        "no program no-such-program on PATH",
        "Install it",
        lambda s: settings(s, "guard: {assistants: [{kind: command, command: [no-such-program]}]}"),
    ),
    "an assistant without its key": Case(
        "assistants",
        NOTE,
        "is not asked",
        "Set the variable",
        lambda s: settings(
            s, "guard: {assistants: [{kind: openai, base_url: 'https://llm.example.com', model: m, key_env: LLM_KEY}]}"
        ),
    ),
    "a variable that nobody set": Case(
        "environment",
        NOTE,
        "names TEAM_CHAT, which is not set",
        "Set it where Clockwork runs",
        lambda s: settings(s, "notifications: {receivers: {team: {apprise_env: TEAM_CHAT}}}"),
    ),
    "a workflow of another version": Case(
        "workflows",
        NOTE,
        "installs 0.0.1",
        "Change it to",
        lambda s: put(
            s,
            ".github/workflows/c.yml",
            "jobs: {a: {permissions: write-all, steps: [{run: 'pipx run clockwork-gitops==0.0.1; clockwork report'}]}}\n",
        ),
    ),
    "a workflow with too few rights": Case(
        "workflows",
        NOTE,
        "the token of job a may not write pull-requests, issues, checks",
        "Give the job pull-requests: write",
        lambda s: put(
            s,
            ".github/workflows/c.yml",
            "permissions: {}\njobs: {a: {permissions: {contents: write}, steps: [{run: clockwork reconcile}]}}\n",
        ),
    ),
    "a source that is broken": Case(
        "sources", FAILS, "k8s/broken.yaml:", "Correct the file", lambda s: put(s, "k8s/broken.yaml", "kind: [Pod\n")
    ),
    "settings that are wrong": Case(
        "settings", FAILS, "unknown setting", "check-config", lambda s: settings(s, "fixs: {level: moderate}")
    ),
}


def examined(stage: Stage, case: Case) -> tuple[Diagnosis, ...]:
    """The doctor's answers once everything is as the case has it."""
    case.spoil(stage)
    stage.show()
    base = stage.options()
    more = {key: stage.directory / str(value) if key == "cache" else value for key, value in case.options.items()}
    return diagnose(replace(base, environment={**base.environment, **case.environment}, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_is_told_with_what_to_do(stage: Stage, case: Case) -> None:
    """In its area, and as bad as it is; every line fits 80 columns but for a word that is longer by itself."""
    diagnoses = examined(stage, case)
    about = [each for each in diagnoses if (each.area, each.health) == (case.area, case.health)]
    matching = [each for each in about if case.message in each.message and case.advice in each.advice]
    assert matching, [each for each in diagnoses if each.health is not Health.OK]
    page = StringIO()
    show(diagnoses, Console(file=page, width=80))
    long = [line for line in page.getvalue().splitlines() if len(line) > 80]
    assert [line for line in long if len(line.split()[-1]) < 50] == []
    fails = sum(each.health is FAILS for each in diagnoses)
    assert (
        page.getvalue()
        .rstrip()
        .splitlines()[-1]
        .startswith(f"{fails} thing{'' if fails == 1 else 's'} would fail" if fails else "Nothing would fail")
    )


JOB: Final = "permissions: {}\njobs:\n  run:\n    permissions: %s\n    steps: [{%s}]\n"
PINNED: Final = "uses: acme/clockwork/.github/actions/clockwork@" + "0a" * 20


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (JOB % ("write-all", "run: clockwork reconcile"), []),
        (JOB % ("read-all", "run: clockwork report"), ["may not write contents"]),
        (JOB % ("{checks: write}", f"{PINNED}, with: {{command: guard}}"), []),
        (JOB % ("{}", f"{PINNED}, with: {{command: guard}}"), ["may not write checks"]),
        (JOB % ("{}", "run: clockwork guard pr 7 --artifact out.json"), []),
        (
            JOB % ("{checks: write}", "uses: acme/clockwork/.github/actions/clockwork@main, with: {command: guard}"),
            ["runs Clockwork of main"],
        ),
        (
            "jobs: {go: {permissions: {contents: write}, uses: 'a/b/.github/workflows/apply.yml@v1'}}\n",
            ["runs Clockwork of v1", "may not write checks"],
        ),
        ("jobs: {go: {steps: [{run: clockwork reconcile}]}}\n", []),
        ("jobs: [\n", ["c.yml:"]),
    ],
)
def test_a_workflow_is_read_as_github_reads_it(text: str, messages: list[str]) -> None:
    """Rights of the job before those of the workflow; what says none may have any; a moving ref is a note."""
    notes = [each for each in workflow("c.yml", text.encode(), "0.1.0") if each.health is not Health.OK]
    assert len(notes) == len(messages), notes
    assert all(any(message in note.message for note in notes) for message in messages)


def test_what_init_writes_is_as_the_doctor_wants_it(tmp_path: Path) -> None:
    """Its workflow gives each job the rights of its command."""
    from bot.wiring.onboarding import open_onboarding
    from bot.wiring.repository import Options

    for path, text in LAYOUTS["manifests"].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    files = open_onboarding(Options(repo=str(tmp_path)), pull_request=False, workflow=True).starter.files
    (made,) = [data for path, data in files.items() if path.startswith(".github/workflows/")]
    assert [each.health for each in workflow("c.yml", made, "0.1.0")] == [Health.OK], json.dumps(made.decode())


def bare_doctor(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The doctor on a machine without any program: an interpreter beside which nothing lies, and an empty PATH."""
    python = tmp_path / "interpreter" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    given = {"PATH": str(tmp_path / "nothing"), "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [str(python), "-m", "bot", "doctor", "--json", *words]
    return subprocess.run(command, cwd=tmp_path, env=given, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("offline", [True, False])
def test_a_machine_without_programs(tmp_path: Path, offline: bool) -> None:
    """Without Git, renderers and ``unshare``: what cannot be rendered fails once, with what to install; nothing else does."""
    root = tmp_path / "repository"
    for path, text in LAYOUTS["kustomize"].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (tmp_path / "live.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    live = ["--offline"] if offline else ["--live", "live.json"]
    done = bare_doctor(tmp_path, "--repo", str(root), *live)
    assert done.returncode == 1, done
    (failing,) = [each for each in json.loads(done.stdout) if each["health"] == "FAILS"]
    assert failing["area"] == "renderers"
    assert "Install kustomize or kubectl" in failing["advice"]


def test_renderers_without_a_wall_are_told(tmp_path: Path) -> None:
    """Where the tool is there and the machine builds no wall, a note says what then keeps it in; nothing fails."""
    kubectl = tmp_path / "nothing" / "kustomize"
    kubectl.parent.mkdir()
    kubectl.symlink_to("/bin/false")
    root = tmp_path / "repository"
    for path, text in LAYOUTS["kustomize"].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    done = bare_doctor(tmp_path, "--repo", str(root), "--offline")
    assert done.returncode == 0, done
    about = [each for each in json.loads(done.stdout) if each["area"] == "renderers"]
    assert [each["health"] for each in about] == ["ok", "note"]
    assert "no wall" in about[1]["message"]


@pytest.mark.parametrize(
    ("asked", "wall", "health", "word"),
    [
        (Confinement.REQUIRED, Wall.NAMESPACES, Health.OK, "behind namespaces"),
        (Confinement.REQUIRED, Wall.NONE, FAILS, "no wall"),
        (Confinement.BEST, Wall.LANDLOCK, Health.OK, "behind landlock"),
        (Confinement.BEST, Wall.NONE, NOTE, "without a wall"),
        (Confinement.NONE, Wall.NAMESPACES, NOTE, "without a wall"),
        (Confinement.REQUIRED, None, Health.OK, "over HTTPS"),
    ],
)
def test_walls_around_assistants(asked: Confinement, wall: Wall | None, health: Health, word: str) -> None:
    """One that must have a wall fails without; one that may do without is a note; each says what to do."""
    told = confined_assistant("claude", asked, wall)
    assert (told.health, word in told.message) == (health, True)
    assert bool(told.advice) == (health is not Health.OK)


@pytest.mark.parametrize(
    ("words", "code", "messages"),
    [
        ([], 4, ["no branch", "Push a first commit"]),
        (["--branch", "trunk"], 2, ["no branch 'trunk'", "Its branches: none"]),
    ],
)
def test_a_branch_that_is_not_there_is_told_once(
    tmp_path: Path, words: list[str], code: int, messages: list[str]
) -> None:
    """Of an empty remote: one failure, and what to do, whether somebody named the branch or not."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "shop.git"], check=True)
    for verb in ("doctor", "check-config"):
        done = clockwork(verb, "--repo", str(tmp_path / "shop.git"), *words, folder=tmp_path)
        assert done.returncode == (1 if verb == "doctor" else code), done
        printed = " ".join((done.stdout + done.stderr).split())
        assert [printed.count(message) for message in messages] == [1, 1], printed
        assert "no commit" not in printed
