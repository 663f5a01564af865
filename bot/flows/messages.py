"""Titles and texts of what a run leaves for people: commits, pull requests, issues and comments, for all lanes.

What a title is, and which template is filled with which values, is known here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.flows.context import Messages, RunContext
from bot.flows.intention import BREAKER, DELETIONS, Intention
from bot.flows.intents import StartedIntent
from bot.flows.runbook import steps
from bot.model.codehost import Issue, PullRequest
from bot.model.drift import Drift
from bot.model.ledger import LedgerView
from bot.model.proposal import Proposal, field_of
from bot.safety.convergence import Fight, fights
from bot.safety.trailers import INTENT, compose


@dataclass(frozen=True, slots=True)
class ItemText:
    """Title and body of a pull request or an issue."""

    title: str
    body: str


def commit_message(started: Sequence[StartedIntent], texts: Messages) -> str:
    """The message of the commit that these intents share: what changes, why, and the trailers that recovery reads."""
    decisions = [decision for intent in started for decision in intent.intention.proposal.decisions]
    tasks = [intent.intention.proposal.task for intent in started]
    subject = f"Keep what runs for {tasks[0]}" if len(tasks) == 1 else f"Keep what runs for {len(tasks)} tasks"
    if all(decision.drift.kind == "stale-artifact" for decision in decisions):
        subject = f"Render {', '.join(dict.fromkeys(str(d.drift.path[0]) for d in decisions))[:60]} again"
    notes = [note for intent in started if intent.intention.changes for note in intent.intention.changes.notes]
    body = texts.render("commit.txt", decisions=decisions, notes=list(dict.fromkeys(notes)))
    return compose(subject, body=body, trailers=_trailers(started))


def _trailers(started: Sequence[StartedIntent]) -> list[tuple[str, str]]:
    decisions = [decision for intent in started for decision in intent.intention.proposal.decisions]
    worst = max((intent.intention.proposal.severity for intent in started), key=lambda severity: severity.rank)
    rules = dict.fromkeys(decision.rule for decision in decisions)
    reasons = dict.fromkeys(decision.reasons[0] for decision in decisions if decision.reasons)
    return [
        *((INTENT, intent.entry.id) for intent in started),
        *(("Drift", decision.drift.id) for decision in decisions),
        ("Severity", worst.value),
        *(("Rule", rule) for rule in rules),
        *(("Reason", reason) for reason in reasons),
    ]


def pull_request_text(intention: Intention, texts: Messages) -> ItemText:
    """Title and body of a config pull request."""
    proposal = intention.proposal
    drifts = [decision.drift for decision in proposal.decisions]
    where = drifts[0].where or drifts[0].kind.value
    more = f" and {len(drifts) - 1} more" if len(drifts) > 1 else ""
    notes = () if intention.changes is None else intention.changes.notes
    body = texts.render("pull_request.md", task=proposal.task, decisions=proposal.decisions, notes=notes)
    return ItemText(f"{proposal.task}: {where}{more} differs from Git", body)


def issue_text(intention: Intention, run: RunContext, view: LedgerView) -> ItemText:
    """Title and body of an issue; ``view`` is the ledger that knows who fights over a field."""
    decisions, task = intention.proposal.decisions, intention.proposal.task
    if intention.kind == BREAKER:
        return _breaker_text(intention.proposal, run, view)
    if intention.kind == DELETIONS:
        title = f"{len(decisions)} things would be removed at once, a person must look"
        return ItemText(title, run.texts.render("deletions.md", decisions=decisions))
    drift = decisions[0].drift
    what = drift.kind.value if not drift.path else f"{drift.where} {drift.kind.value}"
    body = run.texts.render("runbook.md", task=task, decisions=decisions, steps=steps(decisions))
    return ItemText(f"{task}: {what}, a person must act", body)


def _breaker_text(proposal: Proposal, run: RunContext, view: LedgerView) -> ItemText:
    current = [fight for fight in fights(view, run.limits, run.clock.now()) if fight.field in proposal.fields]
    body = run.texts.render(
        "breaker.md",
        task=proposal.task,
        rows=[_row(_drift_of(fight.field, proposal), fight) for fight in current],
        hours=round(run.limits.convergence_window / 3600),
    )
    return ItemText(f"{proposal.task}: somebody else keeps writing what Clockwork corrects", body)


def _drift_of(name: str, proposal: Proposal) -> Drift:
    return next(decision.drift for decision in proposal.decisions if field_of(decision.drift) == name)


def _row(drift: Drift, fight: Fight) -> tuple[Drift, Fight, tuple[str, ...]]:
    """One fought field with everybody who wrote it, who did so last included."""
    writers = [*fight.managers, *([drift.manager] if drift.manager else [])]
    return drift, fight, tuple(dict.fromkeys(writers)) or ("unknown",)


def handed_over(proposal: Proposal, texts: Messages) -> str:
    """The comment on a pull request whose branch somebody else continued."""
    return texts.render("handed_over.md", decisions=proposal.decisions, task=proposal.task)


def drift_gone(item: PullRequest | Issue, task: str, texts: Messages) -> str:
    """The comment that closes a pull request or an issue whose drift is gone."""
    return texts.render("gone_pull.md" if isinstance(item, PullRequest) else "gone_issue.md", task=task)


def answer(text: str, texts: Messages) -> str:
    """The comment that answers a command."""
    return texts.render("answer.md", text=text)


def explanation(text: str, texts: Messages) -> str:
    """The comment that answers ``/clockwork explain``: ``text`` as it stands."""
    return texts.render("explained.md", text=text)
