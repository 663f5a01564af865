"""Titles and texts of what a run leaves for people: commits, pull requests, issues and comments, for all lanes.

What a title is, and which template is filled with which values, is known here and nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from bot import escape
from bot.flows.context import Messages, RunContext
from bot.flows.intention import BREAKER, DELETIONS, SWITCH, Intention
from bot.flows.intents import StartedIntent
from bot.flows.lanes import ORDERED
from bot.flows.runbook import objects_alone, steps, steps_for_all
from bot.flows.titles import STATES, objects_of, title_of
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Decision, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.ledger import LedgerView
from bot.model.proposal import Proposal, field_of
from bot.model.resource import Platform
from bot.report.contrast import contrasted, value_diff
from bot.report.wording import CHANGED_UNSEEN
from bot.safety.closures import closures
from bot.safety.convergence import Fight, fights
from bot.safety.trailers import INTENT, compose

_LONGEST_VALUE: Final = 160
"""Characters of a value in a table."""
_MOST_ROWS: Final = 100
"""Of so many objects a joined pull request or issue shows the values."""
_MOST_OBSERVED: Final = 10
"""Of so many objects an issue shows what was observed on them."""


@dataclass(frozen=True, slots=True)
class ItemText:
    """Title and body of a pull request or an issue."""

    title: str
    body: str


def name_of(item: PullRequest | Issue) -> str:
    """``PR #3`` or ``issue #4``."""
    return f"PR #{item.number}" if isinstance(item, PullRequest) else f"issue #{item.number}"


def to_commit(proposal: Proposal, files: Collection[str]) -> str:
    """The line of a plan for a commit."""
    return f"Commit {committed(proposal, files)}."


def to_restore(proposal: Proposal) -> str:
    """The line of a plan for fields that are put back."""
    return f"Put back what Git says: {title_of(proposal)}."


def committed(proposal: Proposal, files: Collection[str]) -> str:
    """What was committed, for the line of a report that says ``committed``."""
    return f'"{title_of(proposal)}" to {", ".join(sorted(files))}'


def to_propose(proposal: Proposal, number: int | None = None, *, kind: str | None = None) -> str:
    """The line of a plan for a pull request or an issue: opened, or updated where it is ``number`` already."""
    match proposal.lane:
        case Lane.CONFIG_PULL_REQUEST:
            noun = "PR"
        case Lane.RUNBOOK_ISSUE:
            noun = "issue"
        case Lane.ARTIFACT_PATCH | Lane.RESTORE | Lane.NOTHING as lane:
            raise ValueError(f"{lane} is nothing to propose on the code host")
        case _ as never:
            assert_never(never)
    title = title_of(proposal, kind=kind)
    return f'Open {noun} "{title}".' if number is None else f'Update {noun} #{number}, now "{title}".'


def proposed(intention: Intention, item: PullRequest | Issue) -> str:
    """What was proposed, for the line of a report that says ``opened`` or ``updated``."""
    return f'{name_of(item)} "{title_of(intention.proposal, kind=intention.kind)}"'


def commit_message(started: Sequence[StartedIntent], texts: Messages) -> str:
    """The message of the commit that these intents share: what changes, why, and the trailers that recovery reads."""
    proposals = [intent.intention.proposal for intent in started]
    decisions = [decision for proposal in proposals for decision in proposal.decisions]
    subject = title_of(proposals[0]) if len(proposals) == 1 else f"Adopt live values of {len(proposals)} tasks"
    if all(decision.drift.kind is DriftKind.STALE_ARTIFACT for decision in decisions):
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


def values_of(drift: Drift) -> tuple[JSON, JSON]:
    """What Git says and what runs, as people read it."""
    if not drift.path and drift.kind in STATES:
        return STATES[drift.kind]
    return drift.desired, drift.observed


def _rows(proposal: Proposal) -> list[tuple[Drift, str, str]]:
    """Each difference with its two values as people read them: long ones cut to the part that differs."""
    return [(decision.drift, *_shown(decision.drift)) for decision in proposal.decisions]


def _shown(drift: Drift) -> tuple[str, str]:
    declared, live = values_of(drift)
    before, after = escape.summary(declared), escape.summary(live)
    if before == after:
        before, after = escape.value(declared), escape.value(live)
    if before == after:
        after = CHANGED_UNSEEN
    return contrasted(before, after, _LONGEST_VALUE)


def pull_request_text(intention: Intention, texts: Messages) -> ItemText:
    """Title and body of a config pull request."""
    proposal = intention.proposal
    drifts = [decision.drift for decision in proposal.decisions]
    is_alike = bool(proposal.joins) and proposal.alike
    if is_alike:
        drifts = list({drift.resource: drift for drift in drifts}.values())
    shown_decisions = proposal.apart[0].decisions if is_alike else proposal.decisions
    body = texts.render(
        "pull_request.md",
        task=proposal.task,
        joined=_joined(proposal) if proposal.joins else None,
        diff="\n".join(_diff_of(decision.drift) for decision in shown_decisions[:_MOST_ROWS]),
        drifts=drifts[:_MOST_ROWS],
        more=len(drifts[_MOST_ROWS:]),
        rules=tuple(dict.fromkeys((decision.rule, decision.risk) for decision in shown_decisions)),
        reasons=tuple(dict.fromkeys(reason for decision in shown_decisions for reason in decision.reasons)),
        safe=proposal.safe,
        merges=proposal.merges,
        draft=proposal.draft,
        restores=_restores(proposal),
        by_hand=" ".join(_by_hand(proposal)),
        notes=() if intention.changes is None else intention.changes.notes,
    )
    return ItemText(title_of(proposal), body)


def _restores(proposal: Proposal) -> bool:
    """Whether Clockwork can put all of it back to what Git says, and settings let it."""
    return all(decision.by_hand is None for decision in proposal.decisions)


def _by_hand(proposal: Proposal) -> tuple[str, ...]:
    """Why only people can restore it, as far as its reasons do not say so."""
    reasons = dict.fromkeys(decision.by_hand for decision in proposal.decisions if decision.by_hand is not None)
    all_reasons = {reason for decision in proposal.decisions for reason in decision.reasons}
    return tuple(reason for reason in reasons if reason not in all_reasons)


def _diff_of(drift: Drift) -> str:
    """The lines of the diff of one field, below its name. Of what is secret nothing is shown but that it differs."""
    name = f"@@ {drift.resource} {drift.where}".rstrip()
    rows = (f" {CHANGED_UNSEEN}",) if drift.sensitive else value_diff(*values_of(drift))
    return "\n".join([f"{name} @@", *rows])


@dataclass(frozen=True, slots=True)
class LikeChangesText:
    """What is said once of like changes: of what (``60 Deployments``) and where, and who wrote them live."""

    objects: str
    target: str
    writers: Mapping[str, int]
    alike: bool = True


def _joined(proposal: Proposal) -> LikeChangesText:
    writers = Counter(decision.drift.manager for decision in proposal.decisions if decision.drift.manager)
    targets = {decision.drift.resource.target for decision in proposal.decisions}
    return LikeChangesText(objects_of(proposal), targets.pop() if len(targets) == 1 else "", writers, proposal.alike)


def issue_text(intention: Intention, run: RunContext, view: LedgerView, commit: str) -> ItemText:
    """Title and body of an issue about what ``commit`` declares; ``view`` is the ledger that knows who fights over a field."""
    proposal, kind = intention.proposal, intention.kind
    if kind == BREAKER:
        body = _breaker_body(proposal, run, view)
    elif kind == SWITCH:
        closure = closures(view, run.clock.now()).get(Lane.CONFIG_PULL_REQUEST)
        body = run.texts.render("switch.md", rows=_rows(proposal), closure=closure)
    elif kind == DELETIONS:
        body = run.texts.render("deletions.md", decisions=proposal.decisions)
    else:
        body = _runbook_body(proposal, run, commit)
    return ItemText(title_of(proposal, kind=kind), body)


def _runbook_body(proposal: Proposal, run: RunContext, commit: str) -> str:
    decisions, rows = proposal.decisions, _rows(proposal)
    lone_files = _alone(decisions, run, commit)
    return run.texts.render(
        "runbook.md",
        task=proposal.task,
        joined=_joined(proposal) if proposal.joins else None,
        rows=rows[:_MOST_ROWS],
        more=len(rows[_MOST_ROWS:]),
        reasons=tuple(dict.fromkeys(reason for decision in decisions for reason in decision.reasons)),
        observed=[d.drift for d in decisions if d.drift.message or d.drift.evidence][:_MOST_OBSERVED],
        count=len(decisions),
        steps=steps_for_all(decisions, lone_files) if proposal.joins else steps(decisions, lone_files),
        chosen=all(decision.rule == ORDERED for decision in decisions),
        restores=_restores(proposal),
        by_hand=_by_hand(proposal),
    )


def _alone(decisions: Sequence[Decision], run: RunContext, commit: str) -> frozenset[str]:
    """Those files of plain manifests that hold one object each."""
    files = {decision.drift.file for decision in decisions if decision.drift.resource.platform is Platform.KUBERNETES}
    data = {file: run.repository.read(commit, file) for file in sorted(file for file in files if file)}
    return objects_alone({file: content for file, content in data.items() if content is not None})


def issue_changed(before: str, text: ItemText, proposal: Proposal, run: RunContext) -> str:
    """The comment on an issue whose differences changed: what it was called ``before``, and what differs now."""
    return run.texts.render("issue_changed.md", before=before, now=text.title, rows=_rows(proposal), at=run.clock.now())


def _breaker_body(proposal: Proposal, run: RunContext, view: LedgerView) -> str:
    current = [fight for fight in fights(view, run.limits, run.clock.now()) if fight.field in proposal.fields]
    return run.texts.render(
        "breaker.md",
        task=proposal.task,
        rows=[_row(_drift_of(fight.field, proposal), fight) for fight in current],
        hours=round(run.limits.convergence_window / 3600),
    )


def _drift_of(name: str, proposal: Proposal) -> Drift:
    return next(decision.drift for decision in proposal.decisions if field_of(decision.drift) == name)


def _row(drift: Drift, fight: Fight) -> tuple[Drift, Fight, tuple[str, ...]]:
    """One fought field with everybody who wrote it, who did so last included."""
    writers = [*fight.managers, *([drift.manager] if drift.manager else [])]
    return drift, fight, tuple(dict.fromkeys(writers)) or ("unknown",)


def handover_comment(proposal: Proposal, texts: Messages) -> str:
    """The comment on a pull request whose branch somebody else continued."""
    return texts.render("handed_over.md", rows=_rows(proposal))


def item_gone(item: PullRequest | Issue, task: str, texts: Messages, *, differs: bool) -> str:
    """The comment that closes a pull request or an issue: its drift is gone, or the task ``differs`` in another way."""
    name = "gone_pull.md" if isinstance(item, PullRequest) else "gone_issue.md"
    return texts.render(name, task=task, differs=differs)


def answer(text: str, texts: Messages) -> str:
    """The comment that answers a command, or tells what became of something else."""
    return texts.render("answer.md", text=text)


def explanation(text: str, texts: Messages) -> str:
    """The comment that answers ``/clockwork explain``: ``text`` as it stands."""
    return texts.render("explained.md", text=text)
