"""A plan, and what became of one, on a terminal and in the manner of Terraform: symbols, what changes, a line that sums up."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape

from bot import escape as escaping
from bot.drift.masking import HIDDEN
from bot.model.action import Action, ActionList, AppliedAction, AppliedPlan, FieldChange, Operation
from bot.model.hooks import MADE_ONCE
from bot.model.wording import counted
from bot.report.console import open_console, printable
from bot.report.terminal import text_pair
from bot.report.wording import CHANGED_UNSEEN

SYMBOLS: Final = {
    Operation.CREATE: ("+", "green"),
    Operation.UPDATE: ("~", "yellow"),
    Operation.REPLACE: ("±", "red"),
    Operation.DELETE: ("-", "red"),
    Operation.RESTART: ("↻", "yellow"),
    Operation.RUN: ("▶", "green"),
}
"""What stands before an action, and its rich style."""
_SUMS: Final = {
    Operation.CREATE: "to create",
    Operation.UPDATE: "to update",
    Operation.REPLACE: "to replace",
    Operation.DELETE: "to delete",
    Operation.RESTART: "to restart",
    Operation.RUN: "to run",
}

_DONE: Final = {
    Operation.CREATE: "created",
    Operation.UPDATE: "updated",
    Operation.REPLACE: "replaced",
    Operation.DELETE: "deleted",
    Operation.RESTART: "restarted",
    Operation.RUN: "run",
}


_PAGE: Final = 120
"""Columns of a plan on a job's page."""


def show_applied(ended: AppliedAction, console: Console) -> None:
    """One action that ended: done and healthy, or why not."""
    action, name = ended.action, escape(printable(ended.action.resource.qualified))
    if ended.failure is not None:
        console.print(f"  [red]✗[/] {action.operation.value} [bold]{name}[/]", highlight=False, soft_wrap=True)
        console.print(f"      {escape(printable(ended.failure))}", highlight=False, soft_wrap=True)
        return
    evidence_text = "; ".join(ended.health.evidence) if ended.health is not None else ""
    evidence = f"  [dim]{escape(printable(evidence_text))}[/]" if evidence_text else ""
    console.print(f"  [green]✓[/] {_DONE[action.operation]} [bold]{name}[/]{evidence}", highlight=False, soft_wrap=True)


def show_waiting(plan: AppliedPlan, console: Console) -> None:
    """A line for each action that somebody has to agree to first, or that may not be done now."""
    for action in plan.waiting:
        name, reason = (
            escape(printable(action.resource.qualified)),
            escape(printable(plan.held_back.get(action.id, ""))),
        )
        line = f"  [yellow]waits[/] {action.operation.value} [bold]{name}[/]{f': {reason}' if reason else ''}"
        console.print(line, highlight=False, soft_wrap=True)


def applied_summary(plan: AppliedPlan) -> str:
    """``Applied: 3 created, 1 updated. 1 failed. 2 wait for approval. 1 held: closed by change window night.``"""
    done_operations = [ended.action.operation for ended in plan.applied if ended.failure is None]
    parts = [
        f"{done_operations.count(operation)} {verb}"
        for operation, verb in _DONE.items()
        if operation in done_operations
    ]
    failed, left_count = sum(ended.failure is not None for ended in plan.applied), len(plan.left)
    waiting = len(plan.waiting) - len(plan.held_back) if plan.asking else 0
    sums = [f"Applied: {', '.join(parts) or 'nothing'}."]
    sums += [f"{failed} failed."] if failed else []
    sums += [f"{left_count} not begun because of that."] if left_count else []
    sums += [f"{counted(waiting, 'waits', 'wait')} for approval."] if waiting else []
    sums += [f"{number} held: {reason}." for reason, number in Counter(plan.held_back.values()).items()]
    return " ".join(sums)


def show_plan(plan: ActionList, console: Console) -> None:
    """The actions in their order, what is left out and why, and the sum."""
    if plan.target:
        console.print(f"[bold]{escape(plan.target)}[/]", highlight=False)
    asking = {action.release for action in plan.actions if action.approval} - {None}
    for action in plan.actions:
        for line in _lines(action, with_release=action.release in asking):
            console.print(line, highlight=False, soft_wrap=True)
    for gap in plan.not_planned:
        text = escape(f"{gap.subject}: {gap.reason}")
        console.print(f"  [yellow]not planned[/] {text}", highlight=False, soft_wrap=True)
    console.print(summary(plan), highlight=False)


def plan_markdown(plans: Sequence[ActionList]) -> str:
    """Plans for a job summary, as the terminal shows them."""
    printed = io.StringIO()
    console = open_console(file=printed, width=_PAGE, no_color=True)
    for plan in plans:
        show_plan(plan, console)
    return f"### Plan\n\n{escaping.block(printed.getvalue().rstrip())}\n"


def applied_markdown(sentences: Sequence[str]) -> str:
    """What became of plans, for a job summary."""
    return "\n".join(["### Applied", "", *(f"- {escaping.text(sentence)}" for sentence in sentences), ""])


def summary(plan: ActionList) -> str:
    """``Plan: 1 to create, 2 to update. 1 needs approval.``"""
    numbers = dict.fromkeys(Operation, 0)
    for action in plan.actions:
        numbers[action.operation] += 1
    parts = [f"{number} {_SUMS[operation]}" for operation, number in numbers.items() if number]
    asking = sum(action.approval for action in plan.actions)
    approval = f" {counted(asking, 'needs', 'need')} approval." if asking else ""
    if parts:
        return f"Plan: {', '.join(parts)}.{approval}"
    if plan.not_planned:
        return f"Plan: nothing to do, but {counted(len(plan.not_planned), 'thing')} could not be planned."
    return "Plan: nothing to do. What runs is what Git says."


def _lines(action: Action, *, with_release: bool) -> Iterator[str]:
    """An action; ``with_release``: whether it waits where another one of its release does."""
    symbol, style = SYMBOLS[action.operation]
    waits = "  [yellow]waits with its release[/]" if with_release else ""
    approval = "  [bold yellow]needs approval[/]" if action.approval else waits
    location = f"  [dim]{escape(action.declared_at)}[/]" if action.declared_at else ""
    hook = f"  {'where it is not there' if action.hook == MADE_ONCE else f'{action.hook} hook'}" if action.hook else ""
    heading = f"[{style}]{symbol}[/] {action.operation.value} [bold]{escape(printable(str(action.resource)))}[/]"
    yield f"  {heading}{hook}{location}{approval}"
    for difference in action.differences:
        if difference.where:
            yield f"      {escape(printable(difference.where))}: {_change(difference)}"
    if action.approval and action.reasons:
        yield f"      [dim]{escape(printable(action.reasons[0]))}[/]"


def _change(difference: FieldChange) -> str:
    if difference.before == difference.after == HIDDEN:
        return CHANGED_UNSEEN
    before, after = text_pair(difference.before, difference.after)
    return f"{escape(before)} [dim]→[/] {escape(after)}"
