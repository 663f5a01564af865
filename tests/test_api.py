"""The Python API by its usual names: its examples run as written, and so do the usage examples it was asked for."""

from __future__ import annotations

import asyncio
import doctest
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import bot.api
from bot.api import (
    AIExecutionError,
    AIRequest,
    AutoFixPolicy,
    ClockworkCore,
    Config,
    CooldownManager,
    DaemonConfig,
    GuardrailDaemon,
    PatchEngine,
    RateLimitConfig,
    RateLimiter,
    SafetyController,
    WorkerManager,
)
from bot.confinement.walls import Wall, best
from bot.model.action import ActionList, Operation
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.safety.limits import Denied, Permit
from bot.settings import load
from tests.entrypoints.keeping import Keeping
from tests.flows.cluster_stage import cluster_stage
from tests.flows.stage import NAME
from tests.flows.workshop import open_workshop

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EXAMPLES = [test for test in doctest.DocTestFinder(exclude_empty=True).find(bot.api) if test.examples]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a repository, what runs, and what runs after somebody changed it."""
    keeping = Keeping.made(tmp_path)
    unchanged = keeping.live.read_bytes()
    keeping.drift(7)
    keeping.live.rename(tmp_path / "changed.json")
    keeping.live.write_bytes(unchanged)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOCKWORK_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_every_class_has_an_example() -> None:
    """Of those that do not need an AI tool, or a thread that works for ever."""
    shown = {test.name.rpartition(".")[2] for test in EXAMPLES}
    assert shown >= {
        "ClockworkCore",
        "ClockworkDaemon",
        "PatchEngine",
        "RateLimiter",
        "CooldownManager",
        "SafetyController",
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_run_as_written(shop: Path, example: doctest.DocTest) -> None:
    """In a folder with ``shop.git``, ``live.json`` and ``changed.json``."""
    told: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(example, out=told.append, clear_globs=False)
    assert (result.failed, "".join(told)) == (0, "")


def fixed(*minutes_ago: int) -> LedgerView:
    """A ledger of automatic fixes of one task."""
    actor = Actor("clockwork")
    times = [NOW - timedelta(minutes=minutes) for minutes in sorted(minutes_ago, reverse=True)]
    entries = [
        Entry(f"{n:032x}", EntryKind.INTENT, at, actor, task="web", lane=Lane.ARTIFACT_PATCH, severity="MEDIUM")
        for n, at in enumerate(times)
    ]
    return LedgerView("t", tuple(entries))


def test_the_configurations_are_the_defaults_as_written() -> None:
    """Both of the daemon's and of the limits; the settings that come of them are valid."""
    daemon = DaemonConfig(
        watch_paths=[Path()],
        auto_fix_policy=AutoFixPolicy.CONSERVATIVE,
        check_interval_seconds=60,
        max_fixes_per_hour=2,
        cooldown_minutes=10,
        drift_check_interval_minutes=5,
        timeout_per_step=300,
    )
    limits = RateLimitConfig(
        max_fixes_per_hour=2, cooldown_minutes=10, max_consecutive_failures=3, emergency_stop_threshold=10
    )
    assert limits == RateLimitConfig()
    settings = load(json.dumps(daemon.settings()).encode())
    assert (settings.daemon.check_interval, settings.daemon.drift_interval, settings.daemon.step_timeout) == (
        60,
        300,
        300,
    )
    assert (settings.fixes.level, settings.fixes.per_hour, settings.fixes.cooldown) == (
        AutoFixPolicy.CONSERVATIVE,
        2,
        600,
    )


def test_limits_are_counted_from_the_ledger() -> None:
    """At most two an hour, a pause after each, and a refusal that says when it ends."""
    assert RateLimiter().allows(fixed(30), "web", NOW)
    assert not RateLimiter().allows(fixed(50, 30), "web", NOW)
    assert RateLimiter(RateLimitConfig(max_fixes_per_hour=3)).allows(fixed(50, 30), "web", NOW)
    assert CooldownManager().is_cooling_down(fixed(9), "web", NOW)
    assert not CooldownManager().is_cooling_down(fixed(11), "web", NOW)
    assert not CooldownManager().is_cooling_down(fixed(9), "api", NOW)
    assert isinstance(SafetyController().request(fixed(30), "web", now=NOW), Permit)
    denied = SafetyController().request(fixed(50, 30), "web", now=NOW)
    assert isinstance(denied, Denied)
    assert (denied.limit, denied.next_eligible) == ("task-window", NOW + timedelta(minutes=10))


def test_the_pipeline_of_cw_files(tmp_path: Path) -> None:
    """Evaluated, rendered and written, and then nothing is stale."""
    provider = 'provider "kubernetes" { namespace = "shop" }\n'
    (tmp_path / "infra.cw").write_text(provider + 'resource "service" "web" {\n  image = "nginx:1.27"\n}\n')
    (tmp_path / "live.json").write_text('{"kind": "List", "apiVersion": "v1", "items": []}')
    core = ClockworkCore(str(tmp_path), live=str(tmp_path / "live.json"))
    assembly = core.assemble()
    assert assembly is not None
    assert [resource.name for stack in assembly.config.stacks for resource in stack.resources] == ["web"]
    assert core.forge(write=True).changes
    assert not core.forge().changes
    assert [str(resource.id) for resource in core.intake()] == ["Deployment/shop/web"]


def test_what_a_cw_file_ignores_is_counted_with_its_line(tmp_path: Path) -> None:
    """The replicas that somebody else sets are no drift of a service whose lifecycle says so; its image is."""
    text = 'provider "kubernetes" { namespace = "shop" }\nresource "service" "web" {\n  image = "nginx:1.27"\n'
    (tmp_path / "infra.cw").write_text(
        text + "  replicas = 2\n  lifecycle {\n    ignore_changes = [replicas]\n  }\n}\n"
    )
    live = tmp_path / "live.json"
    live.write_text("[]")
    core = ClockworkCore(str(tmp_path), live=str(live))
    core.forge(write=True)
    (web,) = core.intake()
    tree = json.loads(json.dumps(web.tree))
    tree["spec"]["replicas"] = 5
    tree["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.28"
    live.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [tree]}))
    report = ClockworkCore(str(tmp_path), live=str(live)).verify()
    assert [drift.where for drift in report.drift] == ["spec.template.spec.containers[web].image"]
    hidden = [each for each in report.suppressed if each.by.startswith("ignore:")]
    assert [(each.drift.where, each.reason) for each in hidden] == [
        ("spec.replicas", "infra.cw:6 ignores changes of replicas")
    ]


@pytest.mark.parametrize(
    ("policy", "applied"),
    [(AutoFixPolicy.DISABLED, False), (AutoFixPolicy.CONSERVATIVE, True), (AutoFixPolicy.AGGRESSIVE, True)],
)
def test_the_policy_decides_what_is_applied(shop: Path, policy: AutoFixPolicy, applied: bool) -> None:
    """A probe's number is committed, unless nothing is."""
    core = ClockworkCore("shop.git", live="changed.json")
    (drift,) = core.verify().drift
    decision = PatchEngine(policy).determine_fix_decision(drift, core.intake())
    assert (decision.should_auto_apply, bool(decision.reason), decision.risk_level) == (applied, True, decision.risk)


@pytest.mark.slow
@pytest.mark.skipif(best() is Wall.NONE, reason="no wall stands on this machine")
def test_the_usage_example_of_guarded_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request of a tool, by its name and with the mode as a word; then the workers start, tell and stop."""
    workshop = open_workshop(tmp_path)
    workshop.program("pathlib.Path('a.py').write_text('x = 2\\n'); print('Done.')")
    monkeypatch.chdir(workshop.root)
    monkeypatch.setenv("PATH", workshop.path)
    monkeypatch.setenv("CLOCKWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))

    async def usage() -> None:
        config = Config()
        daemon = GuardrailDaemon(config)
        request = AIRequest(
            tool="fixer",
            prompt="Create a secure authentication function",
            agent="security",
            mode="strict",  # type: ignore[arg-type]
        )
        result = await daemon.process_request(request)
        assert result.approved, f"{len(result.violations)} violations, {len(result.failures)} failures"
        assert result.raw_output == "Done.\n"
        assert await daemon.close() == 0
        manager = WorkerManager(config, daemon.db)
        await manager.start_all()
        assert {row["worker"] for row in manager.status()} == {"analysis", "metrics", "export", "cleanup"}
        await manager.stop_all(timeout=120)

    asyncio.run(usage())


def test_a_tool_that_is_missing_is_an_error_of_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was judged, so nothing is approved."""
    workshop = open_workshop(tmp_path)
    monkeypatch.chdir(workshop.root)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AIExecutionError) as caught:
        asyncio.run(GuardrailDaemon().process_request(AIRequest("claude", "Do it.")))
    assert caught.value.kind.value == "missing"


@pytest.mark.slow
def test_what_runs_becomes_what_git_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port is put back at once; what Git dropped is deleted once somebody agrees to the list by its name."""
    with cluster_stage(tmp_path, "") as stage:
        for name, value in stage.options().environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CLOCKWORK_CACHE", str(tmp_path / "cache"))
        core = ClockworkCore(stage.box.git_url(NAME))
        stage.listen(8081)
        assert done_of(core.actions()) == [(Operation.UPDATE, "web")]
        (ended,) = core.apply()
        assert (ended.is_complete, stage.port()) == (True, 80)
        assert any(b"port: 80\n" in data for data in core.build().files.values())
        file = stage.api("GET", "/contents/k8s/service.yaml")
        stage.api("DELETE", "/contents/k8s/service.yaml", message="No service", sha=file["sha"])
        (plan,) = core.actions()
        assert done_of([plan]) == [(Operation.DELETE, "web")]
        (ended,) = core.apply()
        assert ([action.resource.name for action in ended.waiting], stage.port()) == (["web"], 80)
        (ended,) = core.apply({plan.name})
        assert (ended.is_complete, stage.cluster.get("v1", "Service", "shop", "web")) == (True, None)
        assert (done_of(core.actions()), core.verify().drift) == ([], ())


def done_of(plans: Sequence[ActionList]) -> list[tuple[Operation, str]]:
    return [(action.operation, action.resource.name) for plan in plans for action in plan.actions]
