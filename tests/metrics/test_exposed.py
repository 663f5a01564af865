"""What is measured is what is documented, drawn and alerted on; Prometheus' own tool agrees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics.catalogue import CATALOGUE, MetricKind, table
from bot.metrics.exposition import exposition
from bot.metrics.meters import Meters
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, Report
from bot.model.figures import Figures, Group, QueueFigures
from bot.model.finding import Verdict
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.model.notice import Delivery, DeliveryResult
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.requests import RequestsLeft
from bot.model.resource import Platform, ResourceId, Unreachable
from bot.model.session import Reply, ReplyStatus, ReviewResult
from bot.model.severity import Severity
from bot.safety.limits import Limits
from bot.shipped import folder
from tests.flows.stage import MovableClock

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"clockwork_[a-z0-9_]+")
PROMTOOL = shutil.which("promtool")
promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def drift(path: str, severity: Severity = Severity.HIGH, *, changed_at: datetime | None = None) -> Drift:
    """A field of prod's web that differs."""
    web = ResourceId(Platform.KUBERNETES, "apps", "Deployment", "shop", "web")._replace(target="prod")
    task = "prod/Deployment/shop/web"
    return Drift(web, task, DriftKind.CHANGED, (path,), 1, 2, severity, "any", changed_at=changed_at)


def tick(at: datetime, *drifts: Drift, actions: tuple[TakenAction, ...] = (), blocked: str | None = None) -> Tick:
    """A run that saw these."""
    report = Report(7, drifts, unreachable=(Unreachable("docker", "prod", "down"),), targets={"prod": 4, "dev": 3})
    decisions = tuple(
        Decision(each, Lane.CONFIG_PULL_REQUEST, Direction.ADOPT, "rule", "low", ("why",)) for each in drifts[:1]
    )
    return Tick(at, "c0ffee", "main", report, decisions, actions, blocked)


@pytest.fixture
def clock() -> MovableClock:
    """Noon."""
    return MovableClock()


@pytest.fixture
def meters(clock: MovableClock) -> Meters:
    """Meters after one of everything."""
    made = Meters(clock.now, "0.1.0")
    made.answered("GET", "304")
    made.answered("POST", "lost")
    made.left(RequestsLeft(5000, 4200, clock.now()))
    made.rendered("helm", 0.3)
    made.ticked(tick(clock.at), seconds=1.5)
    clock.move(minutes=5)
    seen = drift("replicas", changed_at=clock.at - timedelta(seconds=90))
    lane = Lane.CONFIG_PULL_REQUEST
    actions = (
        TakenAction(Effect.OPENED, lane, seen.task, "PR #1"),
        TakenAction(Effect.DENIED, lane, seen.task, "no", limit="cooldown"),
        TakenAction(Effect.PLANNED, lane, seen.task, "later"),
    )
    made.ticked(tick(clock.at, seen, drift("paused", Severity.LOW), actions=actions), seconds=2)
    made.ledger(LedgerView("tip", (intent(clock.at),)), Limits())
    reply = Reply("claude", ReplyStatus.OK, milliseconds=1200, cost_usd=0.25, input_tokens=10, output_tokens=3)
    made.reviewed(ReviewResult(Verdict.BLOCK, (), (reply,)))
    made.worked("analysis", well=False, interval=300)
    made.sessions(Figures(agents={"claude": Group(3, 2, 900, {0: 3}, {"SEC-001": 4})}), {("security", "claude"): 4})
    made.recorded(QueueFigures(1, 2, 3, 4, refused=5, unreadable=6))
    made.delivered(Delivery("team", DeliveryResult.UNANSWERED))
    made.daemon_state(waiting=2, failures=1, paused=True, overdue=False)
    return made


def intent(at: datetime) -> Entry:
    """An automatic fix of web that was begun then."""
    return Entry(
        "0" * 32, EntryKind.INTENT, at, Actor("bot"), task="prod/Deployment/shop/web", lane=Lane.ARTIFACT_PATCH
    )


def samples(meters: Meters) -> dict[str, dict[tuple[str, ...], float]]:
    """Name -> values of the labels in the catalogue's order -> value, as Prometheus' parser reads what is exposed."""
    order = {metric.name.removesuffix("_total"): (*metric.labels, "le") for metric in CATALOGUE}
    read: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(exposition(meters.aged()).decode()):
        for sample in family.samples:
            key = tuple(sample.labels[label] for label in order[family.name] if label in sample.labels)
            read.setdefault(sample.name, {})[key] = sample.value
    return read


def test_every_metric_says_what_happened(meters: Meters, clock: MovableClock) -> None:
    """Each by its labels; ages and lags grow while nothing runs."""
    fates = {"written": 2, "dropped": 3, "lost": 4, "kept": 0, "refused": 5, "unreadable": 6}
    records = {(fate,): number for fate, number in fates.items()}
    clock.move(minutes=10)
    read = samples(meters)
    lane = Lane.CONFIG_PULL_REQUEST.value
    expected = {
        "clockwork_build_info": {("0.1.0",): 1},
        "clockwork_ticks_total": {(): 2},
        "clockwork_failures_total": {(): 1},
        "clockwork_last_success_timestamp_seconds": {(): (clock.at - timedelta(minutes=10)).timestamp()},
        "clockwork_queue_length": {(): 2},
        "clockwork_paused": {(): 1},
        "clockwork_step_overdue": {(): 0},
        "clockwork_blocked": {(): 0},
        "clockwork_halted": {(): 0},
        "clockwork_unreachable": {(): 1},
        "clockwork_source_errors": {(): 0},
        "clockwork_drift": {(): 2},
        "clockwork_target_drift": {("prod",): 2, ("dev",): 0},
        "clockwork_open_drift": {("prod", "HIGH", lane): 1, ("prod", "LOW", "undecided"): 1},
        "clockwork_open_drift_age_seconds": {("prod", "HIGH"): 690, ("prod", "LOW"): 600},
        "clockwork_detection_seconds_count": {("prod",): 1},
        "clockwork_detection_seconds_sum": {("prod",): 90},
        "clockwork_outcomes_total": {(lane, "opened"): 1},
        "clockwork_denials_total": {("cooldown",): 1},
        "clockwork_budget_left": {("fix",): 19, ("proposal",): 60},
        "clockwork_task_budget_left": {("prod/Deployment/shop/web",): 1},
        "clockwork_api_requests_left": {(): 4200},
        "clockwork_api_requests_total": {("GET", "304"): 1, ("POST", "lost"): 1},
        "clockwork_render_seconds_count": {("helm",): 1},
        "clockwork_verdicts_total": {("block",): 1},
        "clockwork_assistant_seconds_sum": {("claude", "ok"): 1.2},
        "clockwork_assistant_cost_usd_total": {("claude",): 0.25},
        "clockwork_assistant_tokens_total": {("claude", "in"): 10, ("claude", "out"): 3},
        "clockwork_sessions": {("claude", "succeeded"): 2, ("claude", "failed"): 1},
        "clockwork_session_seconds": {("claude", "mean"): 0.3, ("claude", "p95"): 0.001},
        "clockwork_session_failures": {("security", "claude"): 4},
        "clockwork_findings": {("claude", "SEC-001"): 4},
        "clockwork_session_records_total": records,
        "clockwork_session_records_waiting": {(): 1},
        "clockwork_worker_runs_total": {("analysis", "failed"): 1},
        "clockwork_worker_lag_seconds": {("analysis",): 300},
        "clockwork_messages_total": {("team", "unanswered"): 1},
        "clockwork_tick_duration_seconds_sum": {(): 3.5},
    }
    assert {name: read[name] for name in expected} == expected
    buckets = {bound: value for (*_, bound), value in read["clockwork_tick_duration_seconds_bucket"].items()}
    assert (buckets["1.0"], buckets["2.5"], buckets["+Inf"]) == (0, 2, 2)


def test_what_is_over_has_no_series(meters: Meters, clock: MovableClock) -> None:
    """Drift that is gone is not exposed any more, and a run that was blocked is no success."""
    clock.move(minutes=5)
    success = samples(meters)["clockwork_last_success_timestamp_seconds"]
    meters.ticked(tick(clock.at, blocked="halted"), seconds=1)
    read = samples(meters)
    assert "clockwork_open_drift" not in read
    assert "clockwork_open_drift_age_seconds" not in read
    assert read["clockwork_blocked"] == {(): 1}
    assert read["clockwork_last_success_timestamp_seconds"] == success


def test_what_the_first_run_sees_was_not_noticed_by_it(clock: MovableClock) -> None:
    """A process that starts cannot tell whether another one saw the drift before; how old it is can be told."""
    made = Meters(clock.now, "0")
    old = drift("replicas", changed_at=clock.at - timedelta(hours=3))
    made.ticked(tick(clock.at, old), seconds=1)
    ahead = drift("image", changed_at=clock.at + timedelta(hours=1))
    clock.move(minutes=1)
    made.ticked(tick(clock.at, old, ahead), seconds=1)
    read = samples(made)
    assert read["clockwork_detection_seconds_sum"] == {("prod",): 0}
    assert read["clockwork_open_drift_age_seconds"] == {("prod", "HIGH"): 3 * 3600 + 60}


def test_a_halt_is_seen(meters: Meters, clock: MovableClock) -> None:
    """By the ledger, whatever the last run said."""
    meters.ledger(LedgerView("tip", (replace(intent(clock.at), kind=EntryKind.HALT),)), Limits())
    assert samples(meters)["clockwork_halted"] == {(): 1}


def test_the_table_is_what_is_exposed(meters: Meters) -> None:
    """The README's table, the catalogue and the exposition name the same metrics, each with something to say."""
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(exposition(meters.aged()).decode())
        if family.samples
    }
    assert exposed == {metric.name for metric in CATALOGUE}
    readme = (ROOT / "bot" / "metrics" / "README.md").read_text("utf-8")
    assert table() in readme
    assert re.findall(r"^\| `(clockwork_\w+)`", readme, re.MULTILINE) == [metric.name for metric in CATALOGUE]


def test_names_are_as_prometheus_wants_them() -> None:
    """Counters end in _total and nothing else does; times are in seconds; each is named once."""
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
        assert (metric.kind is MetricKind.HISTOGRAM) == bool(metric.bounds)
        assert metric.help.endswith(".")


def expressions(document: object) -> Iterator[str]:
    """Every expression of a dashboard or of rules."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "expr":
                yield str(value)
            else:
                yield from expressions(value)
    elif isinstance(document, list):
        for value in document:
            yield from expressions(value)


def documents() -> dict[str, Any]:
    """The dashboard and the alerts that ship."""
    root = folder("templates") / "metrics"
    return {
        "grafana.json": json.loads((root / "grafana.json").read_text("utf-8")),
        "alerts.yaml": yaml.safe_load((root / "alerts.yaml").read_text("utf-8")),
    }


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yaml"])
def test_dashboard_and_alerts_ask_for_what_there_is(meters: Meters, name: str) -> None:
    """Each name is a sample that is exposed, and each label beside it one of that metric's."""
    labels = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(exposition(meters.aged()).decode())
        for sample in family.samples
    }
    asked = list(expressions(documents()[name]))
    assert len(asked) >= 10
    for expression in asked:
        names = NAME.findall(expression)
        assert names, expression
        for metric, selector in re.findall(r"(clockwork_[a-z0-9_]+)(?:\{([^}]*)\})?", expression):
            assert metric in labels, expression
            for label in re.findall(r"(\w+)\s*(?:=~|!=|=)", selector):
                assert label in labels[metric], expression
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert set(grouped.split(", ")) <= set.union(*(labels[metric] for metric in names)), expression


def test_the_dashboard_is_whole() -> None:
    """Panels have numbers of their own, do not overlap, and use the data source that a person chooses."""
    panels = documents()["grafana.json"]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + across, panel["gridPos"]["y"] + down)
        for panel in panels
        for across in range(panel["gridPos"]["w"])
        for down in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(across for across, _ in cells) < 24
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}


@promtool
def test_promtool_finds_nothing_wrong(meters: Meters, tmp_path: Path) -> None:
    """Neither in what is exposed nor in the alerts, which fire and stay quiet as they should."""
    assert PROMTOOL is not None
    text = exposition(meters.aged())
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    alerts = folder("templates") / "metrics" / "alerts.yaml"
    cases = yaml.safe_load((Path(__file__).parent / "alerts_test.yaml").read_text("utf-8"))
    tried = tmp_path / "alerts_test.yaml"
    tried.write_text(yaml.safe_dump({**cases, "rule_files": [str(alerts)]}))
    for words in (["check", "rules", str(alerts)], ["test", "rules", str(tried)]):
        done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_time_is_utc(meters: Meters, clock: MovableClock) -> None:
    """A time in a metric is seconds since 1970 in UTC."""
    stamp = samples(meters)["clockwork_last_success_timestamp_seconds"][()]
    assert datetime.fromtimestamp(stamp, UTC) == clock.at
