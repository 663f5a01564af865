"""The daemon's account of itself as JSON: what ``GET /v1/status`` answers and ``clockwork daemon status`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.entrypoints.daemon.consumer import Daemon
from bot.entrypoints.daemon.state import Runtime
from bot.entrypoints.daemon.status import CheckoutLook, DaemonStatus, FinishedRun
from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.work import described
from bot.flows.dashboard.board import DASHBOARD
from bot.model.codehost import PullRequest
from bot.model.json import facts
from bot.model.wording import counted
from bot.report.asked import asked_people
from bot.report.json import counts, tick_json
from bot.report.score import by_target, score
from bot.safety.budgets import RepositoryBudget, proposal_budget, repository_budgets, task_budgets
from bot.safety.closures import closures
from bot.safety.limits import Limits
from bot.safety.state import State, state
from bot.settings import Settings
from bot.workers.names import Worker


def status_json(
    daemon: Daemon, runtime: Runtime, settings: Settings, limits: Limits, *, versions: Mapping[str, str]
) -> dict[str, object]:
    """Everything, at this moment. Keys are only ever added."""
    status, now = daemon.status, daemon.now()
    return {
        "running": True,
        **facts(runtime, "pid host port log repository branch"),
        "level": settings.fixes.level.value,
        "versions": dict(versions),
        "started": runtime.started.isoformat(),
        "at": now.isoformat(),
        "doing": _doing(daemon.steps),
        "overdue": status.overdue,
        "unready": status.unready,
        "paused": status.pause and facts(status.pause, "at by reason"),
        "looks": _looks(daemon),
        "drift": _drift(status),
        "halt": _halt(status, limits, now),
        "closed": _closed(status, now),
        "budgets": _budgets(status, limits, now),
        "limits": _limits(status, limits, now),
        "runs": [_run(run) for run in reversed(status.finished.copy())],
        "waiting": _waiting(status),
        "workers": _workers(status, settings),
        "checkouts": [
            checkout_json(checkout)
            for checkout in sorted(status.checkouts.copy().values(), key=lambda checkout: checkout.folder)
        ],
        "queue": [described(work) for work in (*daemon.queue.waiting(), *daemon.deferred.copy())],
        **facts(status, "ticks failures last_error"),
        "last": None if status.last is None else tick_json(status.last),
    }


def checkout_json(checkout: CheckoutLook) -> dict[str, object]:
    """A checkout as it lay there."""
    report = checkout.report
    return {
        "folder": str(checkout.folder),
        "at": checkout.at.isoformat(),
        "drift": None if report is None else counts(report),
        "errors": [checkout.error] if report is None else [str(error) for error in report.errors],
        "unreachable": [] if report is None else [f"{gap.observer}: {gap.cause}" for gap in report.unreachable],
    }


def one_line_status(daemon: Daemon) -> str:
    """One line for the service manager."""
    status, step = daemon.status, daemon.steps.current
    if step is not None:
        return step.name
    pause_prefix = "paused; " if status.pause is not None else ""
    if status.last is None:
        return f"{pause_prefix}{status.last_error or 'starting'}"
    if status.last.blocked is not None:
        return f"{pause_prefix}{status.last.blocked}"
    drift = len(status.last.report.drift)
    summary = "in sync" if not drift else counted(drift, "difference")
    return f"{pause_prefix}{summary} at {status.last.at:%H:%M:%S} UTC"


def _doing(steps: Steps) -> dict[str, object] | None:
    step = steps.current
    if step is None:
        return None
    seconds = round(steps.monotonic() - step.began, 1)
    return {"step": step.name, "detail": steps.detail, "since": step.since.isoformat(), "seconds": seconds}


def _looks(daemon: Daemon) -> dict[str, object]:
    return {
        kind.value: {"every": daemon.jobs.intervals.of(kind), **facts(times, "last next error")}
        for kind, times in daemon.status.looks.items()
    }


def _drift(status: DaemonStatus) -> dict[str, object] | None:
    """How what runs differed when it was last looked at; None before."""
    if status.last is None:
        return None
    report = status.last.report
    return {
        **facts(status.last, "at commit"),
        "resources": report.resources,
        "severity": counts(report),
        "targets": dict(report.drift_by_target),
        "score": score(report.drift),
        "scores": by_target(report),
        "errors": [str(error) for error in report.errors],
        "unreachable": [f"{gap.observer} {gap.target}: {gap.cause}" for gap in report.unreachable],
    }


def _halt(status: DaemonStatus, limits: Limits, now: datetime) -> dict[str, object] | None:
    """Why nobody may write anything; None when they may, and before the ledger was read."""
    view = status.ledger()
    standing = State(None, emergency=False, failures=0) if view is None else state(view, now, limits)
    if standing.halt is not None:
        return dict(facts(standing.halt, "at by=actor.login reason"))
    if standing.emergency:
        return {"at": None, "by": None, "reason": f"emergency stop after {standing.failures} failures"}
    return None


def _budgets(status: DaemonStatus, limits: Limits, now: datetime) -> list[dict[str, object]]:
    view = status.ledger()
    drifting = frozenset() if status.last is None else frozenset(d.task for d in status.last.report.drift)
    budgets = () if view is None else task_budgets(view, limits, now, drifting=drifting)
    names = "task used allowed free_at cooldown_until failures stopped suspended until"
    return [dict(facts(budget, names)) for budget in budgets]


def _limits(status: DaemonStatus, limits: Limits, now: datetime) -> list[dict[str, object]]:
    """The budgets of the whole repository; none before the ledger was read."""
    view = status.ledger()
    if view is None:
        return []
    waiting = () if status.circumstances is None else status.circumstances.waiting
    pulls = sum(isinstance(item, PullRequest) for item in waiting)
    standing = RepositoryBudget("open pull requests", pulls, limits.open_pull_requests)
    first_budget, *other_budgets = repository_budgets(view, limits, now)
    budgets = (first_budget, standing, *other_budgets, proposal_budget(view, limits, now))
    return [dict(facts(budget, "name used allowed free_at")) for budget in budgets]


def _run(run: FinishedRun) -> dict[str, object]:
    return {
        "at": run.at.isoformat(),
        "seconds": round(run.seconds, 3),
        **facts(run, "result failed error"),
        "severity": {severity.value: number for severity, number in run.severities.items()},
    }


def _closed(status: DaemonStatus, now: datetime) -> list[dict[str, object]]:
    """The ways of writing that the host closed to us: as the ledger remembers refusals, and as the last run was told."""
    view, last = status.ledger(), status.last
    remembered = () if view is None else tuple(closures(view, now).values())
    closures_by_text = {closure.text(): closure for closure in remembered}
    texts = dict.fromkeys([*closures_by_text, *(() if last is None else last.notes)])
    unknown = {"since": None, "again": None}
    remembered_facts = {text: facts(closure, "since again") for text, closure in closures_by_text.items()}
    return [{"text": text, **remembered_facts.get(text, unknown)} for text in texts]


def _waiting(status: DaemonStatus) -> list[dict[str, object]]:
    circumstances = status.circumstances
    people_by_number = {} if status.last is None else asked_people(status.last)
    return [
        {
            "number": item.number,
            "kind": "pull request" if isinstance(item, PullRequest) else "issue",
            "title": item.title,
            "url": item.url,
            **facts(item, "updated=updated_at"),
            "asked": list(people_by_number.get(item.number, ())),
        }
        for item in (() if circumstances is None else circumstances.waiting)
        if item.marker is not None and item.marker.kind != DASHBOARD  # it waits for nobody
    ]


def _workers(status: DaemonStatus, settings: Settings) -> dict[str, object]:
    worker_settings, never = settings.workers, {"last": None, "result": "", "error": None}
    return {
        name: {
            "enabled": getattr(worker_settings, name),
            "every": getattr(worker_settings, f"{name}_interval"),
            **(facts(run, "last=at result=summary error") if (run := status.workers.get(name)) else never),
        }
        for name in Worker
    }
