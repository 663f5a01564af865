"""Decides the remedy of one drift: the first matching rule proposes, the floors below it hold.

Called by the reconcile, explain and simulate flows. Pure: the same drift, rules and context always give the same
decision. The order of questions is: destructive? then runbook; needs config? then pull request; artifact enough? then
patch. The smallest safe change wins. No rule can lift the floors: nothing destructive or secret is written to Git, and a
value is written without asking only where the field is safe and the value inside its bounds. A gain of privilege is
offered for adoption only where the rule that matches says so itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from bot.drift.severity.gains import is_gain, meaning
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.globs import name_matches, path_matches, resource_matches
from bot.model.severity import Severity
from bot.policy.bounds import Bounded, Category, Unbounded, bound
from bot.policy.context import Context
from bot.policy.destructive import destructive
from bot.policy.expression import ExpressionFailed, names
from bot.policy.rules import Rule, RuleMatch, RuleSet

OWN_RULES: Final = "policies/"
"""Where the rule files of a repository are."""
_DEFAULT: Final = Rule(
    *("default", "built-in", 0, RuleMatch(), Lane.CONFIG_PULL_REQUEST, Direction.ADOPT, "medium"),
    "No rule matches this drift.",
)
DEFAULT_RULE: Final = _DEFAULT.ref


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is true of a drift, whatever the rules say."""

    drift: Drift
    danger: str | None
    bound: Bounded | Unbounded
    by_hand: str | None
    """Why only people can restore it."""

    @property
    def gain(self) -> bool:
        """Whether the live side gained a privilege."""
        return is_gain(self.drift)

    @property
    def safe(self) -> str | None:
        return self.bound.category.value if isinstance(self.bound, Bounded) else None


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What the first matching rule asks for. ``lane`` is the rule's unless a rule before it could not be asked."""

    rule: Rule
    lane: Lane
    reasons: tuple[str, ...]


def decide(drift: Drift, rules: RuleSet, context: Context) -> Decision:
    """The remedy of ``drift``. Its reasons start with the rule that matched and say each time a floor changed it."""
    danger = destructive(drift, context)
    facts = _Facts(drift, danger, bound(drift, context), context.restorable.why_not(drift, danger))
    proposal = _proposed(facts, rules)
    rule = proposal.rule
    lane, direction, floors = _floored(facts, proposal)
    waits = _waits(facts, proposal, lane)
    return Decision(
        drift=drift,
        lane=lane,
        direction=direction,
        rule=rule.ref,
        risk="high" if facts.danger or (facts.gain and not rule.adopts) else rule.risk,
        reasons=(*proposal.reasons, *floors, *waits),
        merges=lane is Lane.CONFIG_PULL_REQUEST and rule.automerge is True and not waits,
        attention=rule.attention,
        needs_person=facts.danger is not None or (proposal.lane is Lane.RUNBOOK_ISSUE and _is_own(rule.ref)),
        draft=rule.draft,
        automerge=rule.automerge,
        by_hand=facts.by_hand,
    )


def _is_own(rule: str) -> bool:
    """Whether it is a rule of the repository: the shipped ones say what becomes of Git, and nothing of applying it."""
    return rule.startswith(OWN_RULES)


def _proposed(facts: _Facts, rules: RuleSet) -> _Proposal:
    """What the first matching rule asks for, and for each rule before it that could not be asked, why."""
    notes: list[str] = []
    for rule in rules.rules:
        if not _matches(rule.match, facts):
            continue
        if rule.when is not None:
            answer = rule.when.evaluate(names(facts.drift, safe=facts.safe, destructive=facts.danger is not None))
            if isinstance(answer, ExpressionFailed):
                notes.append(f"The condition of {rule.ref} could not be evaluated ({answer.why}), so it did not match.")
                continue
            if not answer:
                continue
        return _cautious(rule, notes)
    lane = Lane.RUNBOOK_ISSUE if facts.danger else Lane.CONFIG_PULL_REQUEST
    return _Proposal(_DEFAULT, lane, (*notes, _DEFAULT.reason))


def _cautious(rule: Rule, notes: list[str]) -> _Proposal:
    reasons = [*notes, f"Rule {rule.ref}: {rule.reason}"]
    lane = rule.remedy
    if notes and lane is Lane.ARTIFACT_PATCH:
        lane = Lane.CONFIG_PULL_REQUEST
        reasons.append("Because an earlier rule could not be asked, a person decides by pull request.")
    return _Proposal(rule, lane, tuple(reasons))


def _floored(facts: _Facts, proposal: _Proposal) -> tuple[Lane, Direction, tuple[str, ...]]:
    """The proposal after the floors, with a sentence for each that changed it."""
    if proposal.lane is Lane.NOTHING:
        danger_notes = () if facts.danger is None else (facts.danger,)
        return proposal.lane, proposal.rule.direction, danger_notes
    if proposal.lane is Lane.RESTORE:
        return _restored(facts)
    if facts.gain and not proposal.rule.adopts:
        return Lane.RUNBOOK_ISSUE, Direction.RESTORE, _kept_out(facts)
    if facts.danger is not None:
        return _runbook(facts.danger, proposal)
    if proposal.lane is Lane.RUNBOOK_ISSUE:
        return proposal.lane, Direction.RESTORE if not facts.drift.adopt else proposal.rule.direction, ()
    if facts.drift.kind is DriftKind.STALE_ARTIFACT:
        return _rendered(proposal)
    if facts.drift.kind is DriftKind.REMOVED:
        return _without_writing(facts.drift, "Git dropped this on purpose, so it is not written back into Git.")
    if not facts.drift.adopt:
        return _without_writing(facts.drift, "No edit of the file in Git would say what runs, so it cannot be adopted.")
    match proposal.lane:
        case Lane.ARTIFACT_PATCH if (reason := _asks(facts, proposal)) is not None:
            reason = f"{reason} it is not committed without asking; a pull request asks."
            return Lane.CONFIG_PULL_REQUEST, proposal.rule.direction, (reason,)
        case Lane.ARTIFACT_PATCH | Lane.CONFIG_PULL_REQUEST:  # restoring was answered above
            return proposal.lane, proposal.rule.direction, (facts.bound.text,)
        case _ as never:
            assert_never(never)


def _waits(facts: _Facts, proposal: _Proposal, lane: Lane) -> tuple[str, ...]:
    """Why a pull request that its rule wants to merge by itself waits for a person: what would not be committed without
    asking does not come in without asking by another way.
    """
    if (
        lane is not Lane.CONFIG_PULL_REQUEST
        or not proposal.rule.automerge
        or facts.drift.kind is DriftKind.STALE_ARTIFACT
    ):
        return ()
    question = _asks(facts, proposal)
    return () if question is None else (f"{question} it does not merge by itself; a person merges it.",)


def _restored(facts: _Facts) -> tuple[Lane, Direction, tuple[str, ...]]:
    """Without asking where it can be, else by people."""
    if facts.by_hand is None:
        return Lane.RESTORE, Direction.RESTORE, ()
    return Lane.RUNBOOK_ISSUE, Direction.RESTORE, (facts.by_hand,)


def _asks(facts: _Facts, proposal: _Proposal) -> str | None:
    """Why the value is not written without asking, up to its "so"; None when it may be."""
    if facts.drift.severity is Severity.CRITICAL:
        return "Its severity is CRITICAL, so"
    if (meaning_text := meaning(facts.drift.rule)) is not None:
        return f"It is about a privilege ({meaning_text}), so"
    match facts.bound:
        case Unbounded(text):
            return f"{text} So"
        case Bounded(Category.WITHOUT_TEXT, text) if Category.WITHOUT_TEXT not in proposal.rule.match.safe:
            return f"{text} The rule does not name such fields (safe: {Category.WITHOUT_TEXT}), so"
        case Bounded():
            return None
        case _ as never:
            assert_never(never)


def _runbook(danger: str, proposal: _Proposal) -> tuple[Lane, Direction, tuple[str, ...]]:
    if proposal.lane is Lane.RUNBOOK_ISSUE:
        return Lane.RUNBOOK_ISSUE, proposal.rule.direction, (danger,)
    floor = f"No rule may turn a destructive change into a {proposal.lane}: people do it, step by step."
    return Lane.RUNBOOK_ISSUE, proposal.rule.direction, (danger, floor)


def _kept_out(facts: _Facts) -> tuple[str, ...]:
    """Why a gain of privilege is not offered for adoption."""
    meaning_text = meaning(facts.drift.rule)
    clause = f" ({meaning_text})" if meaning_text else ""
    explanation = (
        f"It is a gain of privilege{clause}: it is restored, and who did it is found out. It is never "
        "offered for adoption unless a rule says `direction: adopt` for it."
    )
    return (explanation,) if facts.danger is None else (explanation, facts.danger)


def _rendered(proposal: _Proposal) -> tuple[Lane, Direction, tuple[str, ...]]:
    return (
        proposal.lane,
        Direction.ADOPT,
        ("The committed artifact is only what Git itself renders: no live value is written.",),
    )


def _without_writing(drift: Drift, reason: str) -> tuple[Lane, Direction, tuple[str, ...]]:
    """Where Git cannot or must not say what runs: an issue from MEDIUM up, else only the report."""
    if drift.severity.rank >= Severity.MEDIUM.rank:
        return (
            Lane.RUNBOOK_ISSUE,
            Direction.RESTORE,
            (reason, "The live state has to be brought back to what Git says."),
        )
    return (
        Lane.NOTHING,
        Direction.RESTORE,
        (reason, "Its severity is LOW: it stays in the report until the next apply."),
    )


def _matches(match: RuleMatch, facts: _Facts) -> bool:
    """Whether every given part of ``match`` holds."""
    drift = facts.drift
    return (
        (not match.platform or drift.resource.platform in match.platform)
        and (not match.drift or drift.kind in match.drift)
        and (match.severity is None or drift.severity.rank >= match.severity.rank)
        and (match.destructive is None or match.destructive == (facts.danger is not None))
        and (match.adoptable is None or match.adoptable == bool(drift.adopt))
        and (match.privilege is None or match.privilege == facts.gain)
        and (not match.safe or facts.safe in match.safe)
        and (not match.target or any(name_matches(pattern, drift.resource.target) for pattern in match.target))
        and (not match.kinds or any(name_matches(pattern, drift.resource.kind) for pattern in match.kinds))
        and (not match.resource or any(resource_matches(pattern, str(drift.resource)) for pattern in match.resource))
        and (not match.task or any(name_matches(pattern, drift.task) for pattern in match.task))
        and (not match.manager or any(name_matches(pattern, drift.manager or "") for pattern in match.manager))
        and (not match.path or any(path_matches(pattern, drift.path) for pattern in match.path))
    )
