"""A daemon's status for people, in lines that fit a terminal of 80 columns. Used by ``clockwork daemon``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from bot.model.wording import counted, second, span
from bot.report.console import printable
from bot.safety.budgets import is_notable

_LABEL: Final = 11
_NARROWEST: Final = 40
Line = tuple[str, str, str]
"""Label, text, and the style of the text."""


def show_status(status: Mapping[str, Any], console: Console) -> None:
    """Everything that a daemon told of itself."""
    head = f"Clockwork {status['versions']['clockwork']} keeps {status['repository']} {status['branch']}"
    console.print(Text(printable(f"{head}, level {status['level']}"), style="bold"), soft_wrap=True)
    _show(_lines(status), console)


def show_checkouts(checkouts: Sequence[Mapping[str, Any]], console: Console) -> None:
    """What checkouts on the daemon's machine would differ in, were they pushed."""
    _show((line for checkout in checkouts for line in _checkout(checkout)), console)


def _show(lines: Iterator[Line], console: Console) -> None:
    width = max(console.width, _NARROWEST)
    before = ""
    for label, text, style in lines:
        shown_label = "" if label == before else label
        before = label
        rows = textwrap.wrap(printable(text), width - _LABEL - 1, break_long_words=False, break_on_hyphens=False) or [
            ""
        ]
        for row in rows:
            line = Text(f"{shown_label:<{_LABEL}} ", style="dim")
            line.append(row, style=style or "not dim")
            console.print(line, soft_wrap=True, highlight=False)
            shown_label = ""


def _lines(status: Mapping[str, Any]) -> Iterator[Line]:
    yield "process", f"pid {status['pid']}, since {_time(status['started'])}, API {status['host']}:{status['port']}", ""
    yield "now", *_doing(status)
    if status["paused"]:
        yield "paused", _order(status["paused"]), "bold yellow"
    if status["halt"]:
        yield "halted", _order(status["halt"]), "bold red"
    if status["unready"]:
        yield "not ready", status["unready"], "red"
    for closure in status["closed"]:
        again = f" Tried again at {_time(closure['again'])}." if closure["again"] else ""
        yield "closed", f"{closure['text']}{again}", "yellow"
    for name, state in status["looks"].items():
        yield name, _look_times(state), "red" if state["error"] else ""
    yield from _drift(status["drift"])
    yield from _budgets(status["budgets"])
    for item in status["waiting"]:
        kind = "PR" if item["kind"] == "pull request" else "issue"
        yield "waiting", f'{kind} #{item["number"]} "{item["title"]}" {item["url"]}', ""
    for name, worker in status["workers"].items():
        yield "workers", _worker(name, worker), "red" if worker["error"] else ""
    for state in status["checkouts"]:
        yield from _checkout(state)
    yield "queue", ", ".join(status["queue"]) or "empty", ""
    yield "since start", f"{counted(status['ticks'], 'run')}, {counted(status['failures'], 'failure')}", ""
    if status["last_error"]:
        yield "last error", status["last_error"], "red"
    yield "versions", ", ".join(f"{name} {version}" for name, version in status["versions"].items()), ""
    yield "log", status["log"] or "standard error of the process", ""


def _doing(status: Mapping[str, Any]) -> tuple[str, str]:
    doing = status["doing"]
    if doing is None:
        return "waiting for the next run", ""
    detail = f" ({doing['detail']})" if doing["detail"] else ""
    return f"{doing['step']}{detail}, {doing['seconds']:.0f} s", "bold red" if status["overdue"] else ""


def _order(order: Mapping[str, Any]) -> str:
    since = f"since {_time(order['at'])} " if order["at"] else ""
    by = f"by {order['by']}" if order["by"] else ""
    return ": ".join(part for part in (f"{since}{by}".strip(), order["reason"]) if part)


def _look_times(times: Mapping[str, Any]) -> str:
    text = f"every {span(times['every'])}, last {_time(times['last'])}, next {_time(times['next'])}"
    return f"{text}; failed: {times['error']}" if times["error"] else text


def _drift(drift: Mapping[str, Any] | None) -> Iterator[Line]:
    if drift is None:
        yield "differences", "not compared yet", ""
        return
    total = sum(drift["severity"].values())
    levels = ", ".join(f"{number} {level}" for level, number in drift["severity"].items() if number)
    summary = f"{counted(total, 'difference')} ({levels}), score {drift['score']:g}," if total else "none"
    scope = f"in {counted(drift['resources'], 'resource')} of {drift['commit'][:10]}"
    yield "differences", f"{summary} {scope} at {_time(drift['at'])}", "yellow" if total else "green"
    if len(drift["targets"]) > 1:
        yield "by target", ", ".join(f"{name} {number}" for name, number in drift["targets"].items()), ""
    for error in drift["errors"]:
        yield "errors", error, "red"
    for gap in drift["unreachable"]:
        yield "not read", gap, "yellow"


def _budgets(budgets: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    named_budgets = [budget for budget in budgets if is_notable(budget)]
    for budget in named_budgets:
        yield "budgets", _budget(budget), "red" if budget["stopped"] else ""
    if free := len(budgets) - len(named_budgets):
        remaining = counted(free, "other task" if named_budgets else "task")
        yield "budgets", f"{remaining}: no fix in the last hour, no failure", ""


def _budget(budget: Mapping[str, Any]) -> str:
    parts = [f"{budget['used']} of {budget['allowed']} fixes"]
    if budget["cooldown_until"]:
        parts.append(f"cooldown until {_time(budget['cooldown_until'])}")
    if budget["free_at"]:
        parts.append(f"next at {_time(budget['free_at'])}")
    if budget["failures"]:
        parts.append(f"{counted(budget['failures'], 'failure')}{', stopped' if budget['stopped'] else ''}")
    if budget["suspended"]:
        parts.append(f"suspended until {_time(budget['until'])}" if budget["until"] else "suspended")
    return f"{budget['task']}: {', '.join(parts)}"


def _worker(name: str, worker: Mapping[str, Any]) -> str:
    if not worker["enabled"]:
        return f"{name}: off"
    if worker["last"] is None:
        return f"{name}: not run yet, every {span(worker['every'])}"
    return f"{name}: {_time(worker['last'])} {worker['error'] or worker['result']}"


def _checkout(checkout: Mapping[str, Any]) -> Iterator[Line]:
    differences = checkout["drift"]
    total = 0 if differences is None else sum(differences.values())
    levels = ", ".join(f"{number} {level}" for level, number in (differences or {}).items() if number)
    summary = (
        "not compared" if differences is None else counted(total, "difference") + (f" ({levels})" if levels else "")
    )
    yield "checkout", f"{checkout['folder']}: {summary} as it lies there at {_time(checkout['at'])}", ""
    for line in "\n".join(checkout["errors"]).splitlines():
        yield "", line, "red"
    for gap in checkout["unreachable"]:
        yield "", f"not read: {gap}", "yellow"


def _time(text: str | None) -> str:
    """A time of the day, in UTC; with its date unless it is close enough to be told without."""
    return "never" if text is None else second(datetime.fromisoformat(text))
