"""A plan as JSON, its JSON Schema, and what is asked of a plan that was kept: ``clockwork plan --json`` and ``--out``.

Keys are only ever added; a kept plan of a later version is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import Invalid, Stale
from bot.model.action import Action, ActionList, AppliedPlan, Operation
from bot.model.json import JSON, elements, facts, mapping, plain, read_json, text, texts

VERSION: Final = 1
_MOST: Final = 64 * 1024 * 1024
"""Bytes of a plan that is read."""


def to_json(plans: Sequence[ActionList]) -> dict[str, object]:
    """The plans of one look as plain JSON values, in the order in which they are carried out."""
    return {"version": VERSION, "plans": [_plan(plan) for plan in plans]}


def _plan(plan: ActionList) -> dict[str, object]:
    return {
        **facts(plan, "target commit observed digest at"),
        "actions": [_action(action) for action in plan.actions],
        "not_planned": [{"subject": gap.subject, "reason": gap.reason} for gap in plan.not_planned],
        "counts": counts(plan),
        "tasks": list(plan.tasks),
    }


def applied_json(plan: ActionList, ended: AppliedPlan) -> dict[str, object]:
    """What became of a plan as plain JSON values: each action by id, with evidence or failure."""
    return {
        "target": plan.target,
        "commit": plan.commit,
        "whole": ended.is_complete,
        "applied": [
            {
                **_brief(action.action),
                "message": None if action.evidence is None else action.evidence.message,
                "facts": {} if action.evidence is None else dict(action.evidence.facts),
                "health": None if action.health is None else action.health.state.value,
                "evidence": [] if action.health is None else list(action.health.evidence),
                "failure": action.failure,
            }
            for action in ended.applied
        ],
        "waiting": [{**_brief(action), "held": ended.held_back.get(action.id)} for action in ended.waiting],
        "left": [_brief(action) for action in ended.left],
        "refused": ended.refused or None,
    }


def _brief(action: Action) -> dict[str, object]:
    return {"id": action.id, "operation": action.operation.value, "resource": action.resource.qualified}


def counts(plan: ActionList) -> dict[str, int]:
    """How many actions of each operation; operations without actions are 0."""
    operation_counts = Counter(action.operation for action in plan.actions)
    return {operation.value: operation_counts[operation] for operation in Operation}


def _action(action: Action) -> dict[str, object]:
    return {
        "id": action.id,
        "operation": action.operation.value,
        "resource": str(action.resource),
        **facts(action, "platform=resource.platform target=resource.target task wave needs"),
        "differences": [
            {
                "path": difference.where,
                "before": plain(difference.before),
                "after": plain(difference.after),
                "sensitive": difference.sensitive,
                "drift": difference.drift,
            }
            for difference in action.differences
        ],
        **facts(action, "remedy=lane risk rule reasons approval declared_at hook"),
    }


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """What binds a plan that was kept to the state it was made from."""

    target: str
    commit: str
    observed: str
    digest: str
    tasks: tuple[str, ...] = ()
    """What was chosen of it; empty for all."""

    def check(self, plan: ActionList) -> None:
        """Raise ``Stale`` where ``plan``, made just now, is not the same."""
        name = self.target or "the repository"
        if plan.commit != self.commit:
            moved = f"the branch is at {plan.commit[:12]}, and the plan was made for {self.commit[:12]}"
        elif plan.observed != self.observed:
            moved = "what runs is no longer what the plan was made from"
        elif plan.digest != self.digest:
            moved = "the rules decide otherwise by now"
        else:
            return
        raise Stale(f"the plan for {name} is out of date: {moved}", advice="Make the plan again and look at it.")


def read_plans(data: bytes, *, file: str) -> Sequence[KeptPlan]:
    """What binds the plans that were kept in ``file``. ``Invalid`` where it is no plan."""
    if len(data) > _MOST:
        raise Invalid(f"{file}: larger than any plan ({len(data):,} bytes)", advice=_AGAIN)
    if (value := read_json(data)) is None:
        raise Invalid(f"{file}: no plan: it is no JSON", advice=_AGAIN)
    document = mapping(value)
    version, plans = document.get("version"), elements(document.get("plans"))
    if isinstance(version, int) and version > VERSION:
        raise Invalid(f"{file}: a plan of version {version}; this Clockwork reads up to {VERSION}", advice="Update it.")
    if version != VERSION or not plans:
        raise Invalid(f"{file}: no plan: it has no version and no plans", advice=_AGAIN)
    return [_kept_plan(plan, f"{file}: plans[{number}]") for number, plan in enumerate(plans)]


def check_plans(kept_plans: Sequence[KeptPlan], new_plans: Sequence[ActionList]) -> None:
    """Raise ``Stale`` where one of the ``kept_plans`` plans is not what was ``new_plans`` just now."""
    now = {plan.target: plan for plan in new_plans}
    for plan in kept_plans:
        if plan.target not in now:
            raise Stale(f"the plan for {plan.target or 'the repository'} is out of date: there is no such target now")
        plan.check(now[plan.target])


_AGAIN: Final = "Make one with `clockwork plan --out FILE`."


def _kept_plan(plan: JSON, location: str) -> KeptPlan:
    fields = mapping(plan)
    for key in ("commit", "observed", "digest"):
        if not text(fields.get(key)):
            raise Invalid(f"{location}: no {key!r}", advice=_AGAIN)
    if not isinstance(fields.get("target"), str):
        raise Invalid(f"{location}: no 'target'", advice=_AGAIN)
    identity_fields = {key: text(fields.get(key)) for key in ("target", "commit", "observed", "digest")}
    return KeptPlan(**identity_fields, tasks=texts(fields.get("tasks")))


def _object(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_ACTION: Final = _object(
    {
        "id": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
        "operation": {"enum": [operation.value for operation in Operation]},
        "resource": _TEXT,
        "platform": _TEXT,
        "target": _TEXT,
        "task": _TEXT,
        "wave": {"type": "integer", "minimum": 0},
        "needs": _TEXTS,
        "differences": {
            "type": "array",
            "items": _object(
                {"path": _TEXT, "before": {}, "after": {}, "sensitive": {"type": "boolean"}, "drift": _TEXT}
            ),
        },
        "remedy": _TEXT,
        "risk": _TEXT,
        "rule": _TEXT,
        "reasons": _TEXTS,
        "approval": {"type": "boolean"},
        "declared_at": _TEXT,
        "hook": _TEXT,
    }
)
SCHEMA: Final[dict[str, object]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Plan",
    **_object(
        {
            "version": {"const": VERSION},
            "plans": {
                "type": "array",
                "items": _object(
                    {
                        "target": _TEXT,
                        "commit": _TEXT,
                        "observed": _DIGEST,
                        "digest": _DIGEST,
                        "at": {"type": "string", "format": "date-time"},
                        "actions": {"type": "array", "items": _ACTION},
                        "not_planned": {"type": "array", "items": _object({"subject": _TEXT, "reason": _TEXT})},
                        "counts": {"type": "object"},
                        "tasks": _TEXTS,
                    }
                ),
            },
        }
    ),
}
"""The JSON Schema of :func:`to_json`."""
