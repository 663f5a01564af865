"""A fleet for people and for programs: a table of 80 columns, one line a run, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.fleet.overview import FleetStatus
from bot.fleet.run import FleetRun
from bot.fleet.status import FleetRepository, FleetResult
from bot.fleet.waits import HeldTasks, WaitingForPeople
from bot.model.json import JSON, facts
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.report.console import printable

_COLOUR = {
    FleetResult.IN_SYNC: "green",
    FleetResult.DRIFT: "yellow",
    FleetResult.BLOCKED: "yellow",
    FleetResult.NO_SETTINGS: "dim",
}


def show_fleet(status: FleetStatus, console: Console) -> None:
    """Every repository with its last run and its next, then the failures in full, then counts."""
    table = Table(box=None, pad_edge=False, expand=False)
    table.add_column("repository", overflow="fold")
    for name in ("last run", "result", "differences", "next run"):
        table.add_column(name, no_wrap=name != "differences")
    for member in status.repositories:
        table.add_row(
            Text(printable(member.name)),
            "-" if member.last is None else f"{_span(status.at, member.last)} ago",
            _result(member),
            differences(member.severities) or "-",
            "running" if member.running else "due" if member.due <= status.at else f"in {_span(member.due, status.at)}",
        )
    console.print(table)
    for member in status.repositories:
        if member.error:
            console.print(Text(f"{printable(member.name)}: {printable(member.error)}"), soft_wrap=True)
        if member.waiting is not None and member.waiting.total:
            console.print(Text(f"{printable(member.name)}: {waits(member.waiting)}"))
        for held_tasks in member.held or ():
            if held_tasks.again is None:
                text = (
                    f"{printable(held_tasks.reason)} ({counted(held_tasks.tasks, 'task')}): {printable(held_tasks.why)}"
                )
                console.print(Text(f"{printable(member.name)}: {text}"), soft_wrap=True)
    console.print(Text(summary(status)))


def _result(member: FleetRepository) -> Text:
    if member.result is None:
        return Text("not run yet", "dim")
    return Text(member.result.value, _COLOUR.get(member.result, "red"))


def summary(status: FleetStatus) -> str:
    """How many repositories ended how: ``12 repositories: 9 in sync, 2 drift, 1 timed out``."""
    results = [member.result for member in status.repositories]
    result_counts = [f"{results.count(result)} {result.value}" for result in FleetResult if result in results]
    result_counts += [f"{results.count(None)} not run yet"] if None in results else []
    return f"{counted(len(results), 'repository', 'repositories')}: {', '.join(result_counts) or 'none'}"


def differences(severities: Mapping[Severity, int]) -> str:
    """``1 CRITICAL, 2 LOW``; empty without any."""
    worst_first = sorted(severities.items(), key=lambda item: -item[0].rank)
    return ", ".join(f"{count} {level}" for level, count in worst_first if count)


def waits(waiting: WaitingForPeople) -> str:
    """``2 pull requests and 1 issue wait for people: #9, #7, #3``, the newest first."""
    numbers = [(waiting.pulls, "pull request"), (waiting.issues, "issue")]
    parts = " and ".join(counted(number, noun) for number, noun in numbers if number)
    references = ", ".join(f"#{item.number}" for item in waiting.items)
    more = f" and {waiting.total - len(waiting.items)} more" if waiting.total > len(waiting.items) else ""
    return f"{parts} {'waits' if waiting.total == 1 else 'wait'} for people: {references}{more}"


def run_line(run: FleetRun) -> str:
    """One run on one line: ``acme/shop: drift, 1 HIGH, 1 opened, 2.1 s``."""
    actions = ", ".join(f"{count} {effect}" for effect, count in sorted(run.actions.items()))
    parts = (run.result.value, differences(run.severities), actions, printable(run.error or ""), f"{run.seconds:.1f} s")
    return f"{printable(run.name)}: {', '.join(part for part in parts if part)}"


def fleet_json(status: FleetStatus) -> dict[str, object]:
    """The whole status. Times are ISO 8601, UTC; what nobody could tell is null. Keys are only ever added."""
    return {
        "at": status.at.isoformat(),
        "repositories": [_json(member) for member in status.repositories],
        "history": [facts(hour, "begins results severities unknown") for hour in status.history.hours],
        "budgets": [facts(budget, "account left limit resets reserve") for budget in status.budgets],
    }


def _json(member: FleetRepository) -> dict[str, object]:
    return {
        **facts(member, "name url account last seconds result severities failures error requests running due seen"),
        "waiting": _waiting(member.waiting),
        "held": _held_json(member.held),
    }


def _waiting(waiting: WaitingForPeople | None) -> dict[str, object] | None:
    if waiting is None:
        return None
    return {
        "pull_requests": waiting.pulls,
        "issues": waiting.issues,
        "items": [facts(item, "number kind title url updated asked") for item in waiting.items],
    }


def _held_json(tasks: Sequence[HeldTasks] | None) -> list[dict[str, JSON]] | None:
    return None if tasks is None else [facts(each, "reason tasks why again") for each in tasks]


def run_json(run: FleetRun) -> dict[str, object]:
    """One account of a run."""
    budget = run.left
    return {
        **facts(run, "name began seconds result severities actions commit error requests"),
        "waiting": _waiting(run.waiting),
        "held": _held_json(run.held),
        "left": budget and {"limit": budget.limit, "remaining": budget.remaining, "resets": budget.resets.isoformat()},
    }


def _span(later: datetime, earlier: datetime) -> str:
    """``40 s``, ``12 min``, ``3 h``, ``2 d``."""
    seconds = max((later - earlier).total_seconds(), 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (size == 60 and seconds >= size):
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
