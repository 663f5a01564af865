"""What has to be done so that what runs is what Git declares: typed actions in their order.

Made by :mod:`bot.plans` from one look, printed and kept as a plan, carried out by the appliers of each platform.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.model.decision import Lane
from bot.model.drift import Drift
from bot.model.json import JSON, canonical
from bot.model.resource import Desired, Observed, ResourceId


class Operation(StrEnum):
    """What is done with one resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    """Deleted and created again: a field changes that cannot be changed."""
    DELETE = "delete"
    RESTART = "restart"
    """As declared, and started again: what it was started from has moved."""
    RUN = "run"
    """Runs once to its end, such as a Job."""

    @property
    def removes(self) -> bool:
        """Whether something that runs is gone in between or afterwards."""
        return self in {Operation.REPLACE, Operation.DELETE}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that an action changes: canonical values as a report of drift shows them, masked where ``sensitive``.

    ``where`` is the path for people; empty for the whole resource. ``drift`` is the fingerprint of the drift that it ends.
    """

    where: str
    before: JSON
    after: JSON
    drift: str
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One action. ``wave`` counts from 0: what stands in an earlier wave is healthy before it begins; ``needs`` are the ids
    of the actions that come first. ``approval`` tells that a person has to agree, with ``lane``, ``risk``, ``rule`` and
    ``reasons`` of the most careful decision about its differences.
    """

    operation: Operation
    resource: ResourceId
    task: str
    differences: tuple[FieldChange, ...]
    lane: Lane
    risk: str
    rule: str
    reasons: tuple[str, ...] = ()
    approval: bool = True
    declared_at: str = ""
    wave: int = 0
    needs: tuple[str, ...] = ()
    hook: str = ""
    """The phase in which it runs, where it is a hook."""
    release: str | None = None
    """What it is a part of as a whole, where hooks run with that: all of it is done, or nothing."""

    @property
    def id(self) -> str:
        """12 hex digits over what is done to what; the same for the same action of the same plan."""
        facts = [self.operation, self.resource.platform, self.resource.group, self.resource.qualified]
        facts += [self.hook] if self.hook else []
        return _digest([*facts, *sorted(difference.drift for difference in self.differences)])[:12]


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """Something that differs and that no action mends, with the reason in a sentence."""

    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActionList:
    """A plan: the actions of one target in an order in which they can be done.

    ``commit`` is what Git declared, ``observed`` a digest of what differed and ran (64 hex digits): a plan is carried out
    only where both are as they were.
    """

    target: str
    commit: str
    observed: str
    at: datetime
    actions: tuple[Action, ...] = ()
    not_planned: tuple[NotPlanned, ...] = ()
    tasks: tuple[str, ...] = ()
    """The tasks that were chosen, as names with ``*``; empty for all."""

    @property
    def digest(self) -> str:
        """64 hex digits over everything but the time: the same plan of the same state."""
        facts: list[JSON] = [self.target, self.commit, self.observed, *sorted(self.tasks)]
        return _digest([*facts, *([action.id, action.wave, action.approval] for action in self.actions)])

    @property
    def name(self) -> str:
        """The beginning of the digest, 12 hex digits: what people call the plan by when they agree to it."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True)
class Work:
    """One action with what carrying it out needs.

    ``desired`` is what Git declares (None: nothing, it is deleted), ``live`` what was seen (None: nothing). ``drifts`` are
    what the action ends, by canonical paths. With ``partial`` exactly these fields are put back and nothing else is touched.
    ``token`` is the id of the intent, ``at`` its time: the same in every attempt at the same action.
    """

    action: Action
    desired: Desired | None
    live: Observed | None
    token: str
    at: datetime
    drifts: tuple[Drift, ...] = ()
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an applier did, for people: a sentence, and facts by name (uid, resource version, image, exit code)."""

    message: str
    facts: Mapping[str, str] = field(default_factory=dict)


class HealthState(StrEnum):
    """How a resource is after an action."""

    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nothing tells: the platform reports no health for it."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The state with what it was told from, as sentences."""

    state: HealthState
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppliedAction:
    """What became of one action. ``evidence`` where it was done, ``failure`` where it was not or did not become healthy."""

    action: Action
    evidence: Evidence | None = None
    health: HealthReport | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """What became of a plan. ``waiting`` needs somebody to agree first, or waits for one that does; ``left`` was not begun
    because of a failure.
    """

    applied: tuple[AppliedAction, ...] = ()
    waiting: tuple[Action, ...] = ()
    left: tuple[Action, ...] = ()
    held_back: Mapping[str, str] = field(default_factory=dict)
    """Why an action of ``waiting`` may not be done now, whoever agreed, by its id."""
    refused: str = ""
    """Why nothing at all was done, and what to do."""

    @property
    def failed(self) -> bool:
        return any(applied_action.failure is not None for applied_action in self.applied)

    @property
    def is_complete(self) -> bool:
        """Whether everything was done that was planned."""
        return not (self.failed or self.waiting or self.left or self.refused)

    @property
    def asking(self) -> bool:
        """Whether it waits for somebody to agree."""
        return any(action.approval and action.id not in self.held_back for action in self.waiting)


def _digest(facts: list[JSON]) -> str:
    return hashlib.sha256(canonical(facts)).hexdigest()
