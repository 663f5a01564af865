"""Patches and files that an AI tool writes for a task: told by the evidence, held by the forge, proposed and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.confinement.walls import Wall, best
from bot.errors import Invalid, Refused
from bot.flows.ai_proposal import LABEL
from bot.flows.ai_task import compiled, evidence, settled
from bot.flows.observation import assess
from bot.model.finding import Mode
from bot.model.ledger import Actor, Entry, EntryKind
from bot.model.proposal import Effect
from bot.sandbox.server import Sandbox
from bot.wiring.ai_task import AIWork, TaskOutcome, compile_files, propose_patch
from bot.wiring.guarded_run import GuardedRuns
from bot.wiring.reconcile import loop_on, run_context
from bot.wiring.repository import open_repository
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage
from tests.flows.workshop import Workshop
from tests.guardrails.changes import random_text

pytestmark = pytest.mark.skipif(best() is Wall.NONE, reason="no wall stands on this machine")

SETTINGS = (
    "guard:\n  mode: strict\n  assistants:\n    - {kind: command, name: fixer, command: [fixer], reviews: false}\n"
)
PATCH = "p = pathlib.Path('k8s/web.yaml'); p.write_text(p.read_text().replace('port: 8080', 'port: 8081')); print(text)"
WEB, SERVICE = "Deployment/shop/web", "Service/shop/web"
RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web, namespace: shop}
spec:
  groups:
    - name: web
      rules: [{alert: WebDown, expr: up == 0, for: 5m}]
"""


@pytest.fixture
def shop(stage: Stage, tmp_path: Path) -> Stage:
    """The stage with a tool; the web front is not available."""
    stage.edit("clockwork.yaml", lambda text: text + SETTINGS)
    stage.objects["Deployment"]["status"] = {
        "replicas": 2,
        "unavailableReplicas": 2,
        "conditions": [
            {"type": "Available", "status": "False", "reason": "Probe", "message": "readiness probe failed"}
        ],
    }
    stage.show()
    Workshop(tmp_path).program(PATCH)
    return stage


def path(stage: Stage) -> str:
    return f"{stage.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"


def runs(stage: Stage) -> GuardedRuns:
    """Guarded runs on the branch's head, with the stage's clock."""
    options = stage.options()
    opened = open_repository(replace(options, environment={**options.environment, "PATH": path(stage)}))
    head = opened.repository.head("main")
    assert head is not None
    return GuardedRuns(opened, head, stage.clock)


def propose(stage: Stage, task: str = WEB, work: AIWork | None = None) -> TaskOutcome:
    site = runs(stage)
    try:
        return propose_patch(task, work or AIWork(), site)
    finally:
        assert site.close() == 0


def changed(stage: Stage, number: int | None) -> dict[str, str]:
    """The files of a pull request and what happened to them."""
    return {file["filename"]: file["status"] for file in stage.api("GET", f"/pulls/{number}/files")}


def test_a_patch_is_always_a_pull_request(shop: Stage) -> None:
    """The tool is told what is wrong and where it is set; its patch is one labelled pull request, nothing on the branch."""
    before = len(shop.commits())
    done = propose(shop)
    assert done.action is not None
    assert done.action.effect is Effect.OPENED
    told = done.result.raw_output
    for part in (
        f"The task {WEB}",
        "unhealthy",
        "readiness probe failed",
        "k8s/web.yaml",
        "failureThreshold: 3",
        "decision:",
    ):
        assert part in told, part
    (pull,) = shop.pulls()
    assert changed(shop, pull["number"]) == {"k8s/web.yaml": "modified"}
    assert LABEL in {label["name"] for label in pull["labels"]}
    assert f"`{WEB}`" in pull["body"]
    assert len(shop.commits()) == before
    assert propose(shop).action.effect is Effect.UNCHANGED  # type: ignore[union-attr]
    entries = run_context(runs(shop).opened, clock=shop.clock).ledger.read().entries
    assert [entry.kind for entry in entries if entry.task == WEB] == [EntryKind.INTENT, EntryKind.OUTCOME]


def test_it_stands_beside_the_loops_own(shop: Stage, tmp_path: Path) -> None:
    """A drift's own pull request and a tool's are two; runs of the loop keep their own and leave the other alone."""
    shop.config_drift()
    Workshop(tmp_path).program(
        PATCH.replace("web.yaml", "service.yaml").replace("'port: 8080', 'port: 8081'", "'http', 'web'")
    )
    shop.tick()
    own = {pull["number"] for pull in shop.pulls()}
    done = propose(shop, SERVICE)
    assert done.action is not None
    assert done.action.number not in own
    shop.clock.move(hours=1)
    shop.tick()
    assert {pull["number"] for pull in shop.pulls("open")} == {*own, done.action.number}


def test_a_task_that_is_in_sync_or_not_there(shop: Stage) -> None:
    """There is nothing to propose, and a misspelt name meets the nearest."""
    with pytest.raises(Invalid, match="in sync"):
        propose(shop, SERVICE)
    with pytest.raises(Invalid, match="did you mean 'Deployment/shop/web'"):
        propose(shop, "Deployment/shop/webb")


def test_nobody_is_asked_where_limits_say_no(shop: Stage, tmp_path: Path) -> None:
    """A suspended task and a halt refuse before the tool, which would fail here, is started."""
    Workshop(tmp_path).program("sys.exit(1)")
    ledger = run_context(runs(shop).opened, clock=shop.clock).ledger
    for kind, task in ((EntryKind.SUSPEND, WEB), (EntryKind.HALT, None)):
        entry = Entry(
            random_text(32, "abcdef", 5 + len(kind.value)),
            kind,
            shop.clock.now(),
            Actor("rosa"),
            task=task,
            reason="no",
        )
        ledger.append(ledger.read(), [entry])
        with pytest.raises(Refused, match="nothing is proposed"):
            propose(shop)


def test_a_tool_may_find_nothing(shop: Stage, tmp_path: Path) -> None:
    """Words without files are an answer for people, and no pull request."""
    Workshop(tmp_path).program("print('Look at the registry.')")
    done = propose(shop)
    assert (done.action, done.result.parsed.summary) == (None, "Look at the registry.\n")
    assert shop.pulls() == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "pathlib.Path('k8s/new.yaml').write_text('apiVersion: v1\\nkind: Service\\nmetadata: {}\\n')",
            "k8s/new.yaml:",
        ),
        ("os.makedirs('.clockwork/overlays'); open('.clockwork/overlays/x.yaml', 'w').write('{}\\n')", "overlay"),
        ("os.makedirs('.clockwork/build'); open('.clockwork/build/x.yaml', 'w').write('{}\\n')", "rendered file"),
    ],
)
def test_mistakes_and_artifact_patches_are_refused(shop: Stage, tmp_path: Path, source: str, told: str) -> None:
    """What would not be read without a mistake, or is not a tool's to write, is not proposed; the answer is told first."""
    answers: list[object] = []
    Workshop(tmp_path).program(source)
    with pytest.raises(Refused, match=told):
        propose(shop, work=AIWork(mode=Mode.STANDARD, answered=lambda _request, result: answers.append(result)))
    assert len(answers) == 1
    assert shop.pulls() == []


def test_evidence_is_redacted_and_cut(shop: Stage) -> None:
    """Log lines reach the tool without credentials, long logs by their ends, and no file that holds a secret is shown."""
    token = "ghp_" + random_text(36)
    shop.edit("k8s/web.yaml", lambda text: f"# {token}\n{text}")
    loop = loop_on(runs(shop).opened, clock=shop.clock)
    head = loop.run.repository.head("main")
    assert head is not None
    assessment = assess(loop.declarer.at(head), loop.rules(head), loop.observe, now=shop.clock.now())
    log = (f"token={token}", *(f"line {number}" for number in range(500)))
    decisions = tuple(
        replace(decision, drift=replace(decision.drift, evidence=log)) for decision in assessment.decisions
    )
    text = "\n".join(evidence(WEB, replace(assessment, decisions=decisions), loop.declarer))
    assert token not in text
    assert "--- k8s/web.yaml\n[not shown: it holds credentials]" in text
    assert "line 499" in text
    assert "line 250" not in text


CW: Mapping[str, bytes] = {
    "infra/shop.cw": b'variable "replicas" { default = 2 }\nprovider "kubernetes" { namespace = "shop" }\n'
    b'resource "service" "front" {\n  image    = "registry.example.com/front:1.0"\n  replicas = var.replicas\n}\n',
    "clockwork.yaml": b"version: 1\ngithub: {min_write_interval: 0}\n" + SETTINGS.encode(),
}


def test_the_forge_renders_along(tmp_path: Path) -> None:
    """A patch of a ``.cw`` file is proposed with what the forge renders of it."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        box.create_repository(NAME, files=CW)
        stage = Stage(box, tmp_path, token, human, {})
        stage.show()
        Workshop(tmp_path).program(
            "p = pathlib.Path('infra/shop.cw'); p.write_text(p.read_text().replace('default = 2', 'default = 3'))"
        )
        site = runs(stage)
        tasks = {each.task for each in loop_on(site.opened, clock=stage.clock).declarer.at(site.base).resources}
        task = next(each for each in sorted(tasks) if "front" in each)
        done = propose(stage, task)
        assert done.action is not None
        files = changed(stage, done.action.number)
        assert files.pop("infra/shop.cw") == "modified"
        assert files
        assert all(name.startswith(".clockwork/build/") for name in files)


def test_files_that_no_renderer_makes(shop: Stage, tmp_path: Path) -> None:
    """They are one pull request with what they declare; the tool is told what is declared already."""
    Workshop(tmp_path).program(
        f"os.makedirs('apps/alerts'); pathlib.Path('apps/alerts/web.yaml').write_text({RULE!r}); print(text)"
    )
    site = runs(shop)
    done = compile_files(WEB, "alert rules", "apps/alerts/", AIWork(), site)
    site.close()
    assert done.action is not None
    assert done.action.effect is Effect.OPENED
    assert done.bundle is not None
    assert [str(each.id) for each in done.bundle.desired] == ["PrometheusRule/shop/web"]
    assert done.bundle.files == {"apps/alerts/web.yaml": RULE.encode()}
    assert "alert rules" in done.result.raw_output
    assert '"failureThreshold": 3' in done.result.raw_output
    (pull,) = shop.pulls()
    assert changed(shop, pull["number"]) == {"apps/alerts/web.yaml": "added"}
    assert "PrometheusRule/shop/web" in pull["body"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"k8s/rule.yaml": RULE.encode()}, "k8s/rule.yaml: only new files below apps/alerts"),
        ({"apps/alerts/a.yaml": RULE.encode(), "k8s/web.yaml": None}, "k8s/web.yaml: only"),
        ({"apps/alerts/a.yaml": RULE.encode(), "apps/alerts/b.yaml": b"a: 1\n"}, "apps/alerts/b.yaml"),
        ({"apps/alerts/readme.md": b"# Alerts\n"}, "declares nothing"),
        ({"apps/alerts/a.yaml": b"kind: [\n"}, "apps/alerts/a.yaml:"),
        ({"apps/alerts/a.yaml": b"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"}, "web"),
        ({".clockwork/build/a.yaml": RULE.encode()}, "only new files"),
    ],
)
def test_bundles_that_are_not_whole(shop: Stage, files: Mapping[str, bytes | None], told: str) -> None:
    """Files elsewhere, files that declare nothing, mistakes and what is declared already are refused by the forge."""
    loop = loop_on(runs(shop).opened, clock=shop.clock, dry_run=True)
    head = loop.run.repository.head("main")
    assert head is not None
    declaration = loop.declarer.at(head)
    with pytest.raises(Refused, match=told.replace("[", r"\[")):
        compiled(files, "apps/alerts", declaration, loop.declarer)
    if not any(path.startswith(".clockwork") for path in files):
        assert settled({"notes.txt": b"x"}, declaration, loop.declarer).files == {"notes.txt": b"x"}


def test_orders_that_make_no_sense(shop: Stage) -> None:
    """An unknown task and a folder outside of the repository are bad input, told before a tool is asked."""
    for task, folder in ((f"{WEB}x", "apps"), (WEB, "../x"), (WEB, "/etc"), (WEB, "")):
        with pytest.raises(Invalid):
            compile_files(task, "rules", folder, AIWork(), runs(shop))


def test_the_command_line(shop: Stage) -> None:
    """``propose`` and ``guard compile`` print one object, and exit as every verb does."""
    environment = {
        "CLOCKWORK_TOKEN": shop.token,
        "CLOCKWORK_SECRET": "stage",
        "GITHUB_API_URL": shop.box.api_url,
        "PATH": path(shop),
    }
    words = ("--repo", shop.box.git_url(NAME), "--json")
    done = clockwork("propose", WEB, "--live", str(shop.live), *words, folder=shop.directory, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["action"]["effect"] == "opened"
    done = clockwork("propose", SERVICE, "--live", str(shop.live), *words, folder=shop.directory, **environment)
    assert done.returncode == 2
    done = clockwork("guard", "compile", WEB, "rules", "--into", "apps", *words, folder=shop.directory, **environment)
    assert done.returncode == 4
    assert json.loads(done.stdout)["action"] is None
    assert json.loads(done.stdout)["approved"] is True
    assert "only new files below apps" in done.stderr
    Workshop(shop.directory).program(f"os.makedirs('apps'); pathlib.Path('apps/web.yaml').write_text({RULE!r})")
    done = clockwork("guard", "compile", WEB, "rules", "--into", "apps", *words, folder=shop.directory, **environment)
    assert (done.returncode, json.loads(done.stdout)["declares"]) == (0, ["PrometheusRule/shop/web"])
