"""Titles and texts of what a run leaves for people: commits, pull requests, issues and comments, for all lanes.

What a title is, and which template is filled with which values, is known here and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from bot import escape
from bot.flows.context import Messages, RunContext
from bot.flows.intention import BREAKER, DELETIONS, SWITCH, Intention
from bot.flows.intents import StartedIntent
from bot.flows.lanes import CHOSEN
from bot.flows.runbook import steps
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Lane
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.ledger import LedgerView
from bot.model.paths import format_path
from bot.model.proposal import Proposal, field_of
from bot.report.contrast import changed_lines, contrasted, value_diff
from bot.report.wording import CHANGED_UNSEEN, counted
from bot.safety.closures import closures
from bot.safety.convergence import Fight, fights
from bot.safety.trailers import INTENT, compose, one_line

_LONGEST: Final = 40
"""Characters of a value in a title."""
_LONGEST_VALUE: Final = 160
"""Characters of a value in a table."""
_MOST_ROWS: Final = 100
"""Of so many objects a joined pull request shows the values."""
_GROUPS: Final = frozenset({"annotations", "data", "environment", "labels", "limits", "nodeSelector", "requests"})
"""Mappings whose keys say too little without the mapping's name."""
_VAGUE: Final = frozenset({"key", "name", "port", "value"})
"""Fields that say too little without the element they belong to."""
_STATES: Final[Mapping[DriftKind, tuple[str, str]]] = {
    DriftKind.MISSING: ("declared", "not running"),
    DriftKind.REMOVED: ("removed from Git", "still running"),
    DriftKind.UNMANAGED: ("not declared", "running"),
}
"""What Git and the live side have of a whole resource that one of them lacks."""


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
            what = "PR"
        case Lane.RUNBOOK_ISSUE:
            what = "issue"
        case Lane.ARTIFACT_PATCH | Lane.RESTORE | Lane.NOTHING as lane:
            raise ValueError(f"{lane} is nothing to propose on the code host")
        case _ as never:
            assert_never(never)
    title = title_of(proposal, kind=kind)
    return f'Open {what} "{title}".' if number is None else f'Update {what} #{number}, now "{title}".'


def proposed(intention: Intention, item: PullRequest | Issue) -> str:
    """What was proposed, for the line of a report that says ``opened`` or ``updated``."""
    return f'{name_of(item)} "{title_of(intention.proposal, kind=intention.kind)}"'


def title_of(proposal: Proposal, *, kind: str | None = None) -> str:
    """The title of a pull request or an issue: the task and what is different, in one line."""
    drifts = [decision.drift for decision in proposal.decisions]
    if kind == DELETIONS:
        return f"Deletion guard: one run would remove {len(drifts)} things"
    if kind == SWITCH:
        waiting = len({drift.task for drift in drifts})
        return f"Pull requests cannot be opened: {waiting} {'proposal waits' if waiting == 1 else 'proposals wait'}"
    if kind == BREAKER:
        return f"{proposal.task}: another writer keeps changing {_first_two([_field(drift) for drift in drifts])}"
    changes = _first_two(list(dict.fromkeys(change_of(drift) for drift in drifts)))
    if proposal.joins:
        target = drifts[0].resource.target
        return f"{f'{target}: ' if target else ''}{changes} in {objects_of(proposal)}"
    title = f"{proposal.task}: {changes}"
    return f"{title} (manual action required)" if proposal.lane is Lane.RUNBOOK_ISSUE else title


def objects_of(proposal: Proposal) -> str:
    """``60 Deployments``: how many objects of which kind a joined proposal is about; ``120 objects`` of several kinds."""
    resources = {decision.drift.resource for decision in proposal.decisions}
    kinds = {resource.kind for resource in resources}
    kind = kinds.pop() if len(kinds) == 1 else "object"
    return f"{len(resources)} {kind if len(resources) == 1 else plural(kind)}"


def plural(kind: str) -> str:
    """The plural of a kind's name: ``Deployments``, ``Ingresses``, ``NetworkPolicies``."""
    if kind.endswith("y") and kind[-2:-1] not in "aeiou":
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch", "sh")) else f"{kind}s"


def _first_two(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 2} more" if len(texts) > 2 else ""
    return f"{', '.join(texts[:2])}{more}"


def change_of(drift: Drift) -> str:
    """A drift in a few words: ``image 1.4.2 → 1.4.3``. What Git says comes first, what runs comes second."""
    if drift.kind is DriftKind.STALE_ARTIFACT:
        return f"{drift.path[0]} out of date"
    field = _field(drift)
    if not field:
        return ", ".join(_STATES.get(drift.kind, (drift.kind.value,)))
    if drift.desired is None:
        return f"{field} added"
    if drift.observed is None:
        return f"{field} removed"
    before, after = _in_short(drift.desired), _in_short(drift.observed)
    if drift.sensitive or before is None or after is None:
        return f"{field} changed"
    if field.endswith("image"):
        before, after = _without_common_name(before, after)
    if "\n" in before and "\n" in after:
        return f"{field} changed ({counted(changed_lines(before, after), 'line')})"
    before, after = contrasted(_flat(before), _flat(after), _LONGEST)
    return f"{field} {before} → {after}"


def _flat(text: str) -> str:
    return one_line(text, limit=len(text) + 1)


def _field(drift: Drift) -> str:
    """The end of the path that says what the field is: ``image``, ``ports[http].port``, ``labels.team``."""
    path = drift.path
    words = [index for index, segment in enumerate(path) if isinstance(segment, str) and segment.isidentifier()]
    if not words:
        return format_path(path)
    start = words[-1]
    if len(words) > 1 and (path[start] in _VAGUE or path[words[-2]] in _GROUPS):
        start = words[-2]
    return one_line(format_path(path[start:]), limit=2 * _LONGEST)


def _in_short(value: JSON) -> str | None:
    """A scalar as text; None for what has no short form."""
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _without_common_name(before: str, after: str) -> tuple[str, str]:
    """Two references of one image as their tags or digests; two images as they are.

    ``name[:tag][@algorithm:digest]`` (github.com/distribution/reference, grammar in ``reference.go``). The port of a
    registry has a colon as well: what is before it then differs, or is the same and so is the port.
    """
    (name, _, tag), (other, _, other_tag) = before.rpartition(":"), after.rpartition(":")
    return (tag, other_tag) if name and name == other else (before, after)


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
    if not drift.path and drift.kind in _STATES:
        return _STATES[drift.kind]
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
    if proposal.joins:
        drifts = list({drift.resource: drift for drift in drifts}.values())
    alike = proposal.apart[0].decisions if proposal.joins else proposal.decisions
    body = texts.render(
        "pull_request.md",
        task=proposal.task,
        joined=_joined(proposal) if proposal.joins else None,
        diff="\n".join(_diff_of(decision.drift) for decision in alike),
        drifts=drifts[:_MOST_ROWS],
        more=len(drifts[_MOST_ROWS:]),
        rules=tuple(dict.fromkeys((decision.rule, decision.risk) for decision in alike)),
        reasons=tuple(dict.fromkeys(reason for decision in alike for reason in decision.reasons)),
        safe=proposal.safe,
        merges=proposal.merges,
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
    told = {reason for decision in proposal.decisions for reason in decision.reasons}
    return tuple(reason for reason in reasons if reason not in told)


def _diff_of(drift: Drift) -> str:
    """The lines of the diff of one field, below its name. Of what is secret nothing is shown but that it differs."""
    name = f"@@ {drift.resource} {drift.where}".rstrip()
    rows = (f" {CHANGED_UNSEEN}",) if drift.sensitive else value_diff(*values_of(drift))
    return "\n".join([f"{name} @@", *rows])


@dataclass(frozen=True, slots=True)
class JoinedText:
    """What is said once of like changes: of what (``60 Deployments``) and where, and who wrote them live."""

    objects: str
    target: str
    writers: Mapping[str, int]


def _joined(proposal: Proposal) -> JoinedText:
    writers = Counter(decision.drift.manager for decision in proposal.decisions if decision.drift.manager)
    target = proposal.decisions[0].drift.resource.target
    return JoinedText(objects_of(proposal), target, writers)


def issue_text(intention: Intention, run: RunContext, view: LedgerView) -> ItemText:
    """Title and body of an issue; ``view`` is the ledger that knows who fights over a field."""
    proposal, kind = intention.proposal, intention.kind
    if kind == BREAKER:
        body = _breaker_body(proposal, run, view)
    elif kind == SWITCH:
        closure = closures(view, run.clock.now()).get(Lane.CONFIG_PULL_REQUEST)
        body = run.texts.render("switch.md", rows=_rows(proposal), closure=closure)
    elif kind == DELETIONS:
        body = run.texts.render("deletions.md", decisions=proposal.decisions)
    else:
        decisions = proposal.decisions
        body = run.texts.render(
            "runbook.md",
            task=proposal.task,
            rows=_rows(proposal),
            decisions=decisions,
            steps=steps(decisions),
            chosen=all(decision.rule == CHOSEN for decision in decisions),
            restores=_restores(proposal),
            by_hand=_by_hand(proposal),
        )
    return ItemText(title_of(proposal, kind=kind), body)


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


def handed_over(proposal: Proposal, texts: Messages) -> str:
    """The comment on a pull request whose branch somebody else continued."""
    return texts.render("handed_over.md", rows=_rows(proposal))


def item_gone(item: PullRequest | Issue, task: str, texts: Messages, *, differs: bool) -> str:
    """The comment that closes a pull request or an issue: its drift is gone, or the task ``differs`` in another way."""
    name = "gone_pull.md" if isinstance(item, PullRequest) else "gone_issue.md"
    return texts.render(name, task=task, differs=differs)


def answer(text: str, texts: Messages) -> str:
    """The comment that answers a command."""
    return texts.render("answer.md", text=text)


def explanation(text: str, texts: Messages) -> str:
    """The comment that answers ``/clockwork explain``: ``text`` as it stands."""
    return texts.render("explained.md", text=text)
