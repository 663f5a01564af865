"""A report or a run as JSON, and the JSON Schema of a report: ``clockwork drift --json`` and ``--schema``, the status API.

Keys are only ever added; ``additionalProperties`` is open so that a reader of today's schema reads tomorrow's report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from bot.drift.severity.gains import is_gain
from bot.model.decision import Decision, Direction, Lane, PatchType
from bot.model.drift import LEFT_OUT, AddEntry, Drift, DriftKind, Edit, RemoveEntry, Report, SetValue
from bot.model.json import JSON, facts, plain
from bot.model.proposal import Tick
from bot.model.resource import SourceError
from bot.model.severity import Severity
from bot.report.score import by_resource, by_target, score
from bot.report.wording import suggested_action


def to_json(report: Report, decisions: Sequence[Decision] = ()) -> dict[str, object]:
    """The report as plain JSON values, in the report's order, with what is decided about it. Secrets are masked already."""
    scores, offered = by_target(report), adopted_ids(decisions)
    return {
        "resources": report.resources,
        "drift": [drift_json(drift, adopted=offered) for drift in report.drift],
        "errors": [_error(error) for error in report.errors],
        "unreachable": [asdict(gap) for gap in report.unreachable],
        "suppressed": len(report.suppressed),
        "suppressed_by": dict(sorted(Counter(hidden.by for hidden in report.suppressed).items())),
        "left_out": {reason: report.left_out.get(reason, 0) for reason in LEFT_OUT},
        "ignores": [asdict(note) for note in report.notes],
        "counts": counts(report),
        "targets": [
            {"name": name, "resources": report.targets[name], "drift": drift, "score": scores[name]}
            for name, drift in report.drift_by_target.items()
        ],
        "score": score(report.drift),
        "scores": by_resource(report),
        "decisions": [decision_json(decision) for decision in decisions],
    }


def tick_json(tick: Tick) -> dict[str, object]:
    """A tick as one JSON object: the report's keys, then decisions and actions."""
    return {
        **to_json(tick.report, tick.decisions),
        **facts(tick, "at branch commit blocked closed=notes"),
        "actions": [
            {
                **facts(
                    action, "effect remedy=lane task message fingerprint url sha number limit next_eligible drifts"
                ),
                "preview": None if action.preview is None else asdict(action.preview),
            }
            for action in tick.actions
        ],
    }


def decision_json(decision: Decision) -> dict[str, JSON]:
    """One decision as plain JSON values, with the keys of a FixDecision beside the project's own."""
    drift = decision.drift
    return {
        "drift": drift.id,
        "resource": str(drift.resource),
        **facts(drift, "target=resource.target path=where severity severity_rule=rule"),
        **facts(decision, "remedy=lane direction rule risk reasons"),
        "patch_type": decision.patch_type.value,
        **facts(decision, "should_auto_apply risk_level=risk reason"),
        "suggested_action": suggested_action(decision),
    }


def counts(report: Report) -> dict[str, int]:
    """How many drifts of each severity, worst first; severities without drift are 0."""
    levels = {level.value: 0 for level in sorted(Severity, key=lambda level: -level.rank)}
    for drift in report.drift:
        levels[drift.severity.value] += 1
    return levels


def adopted_ids(decisions: Iterable[Decision]) -> frozenset[str]:
    """The ids of the drifts that are decided to be adopted."""
    return frozenset(decision.drift.id for decision in decisions if decision.direction is Direction.ADOPT)


def drift_json(drift: Drift, *, adopted: Collection[str] = ()) -> dict[str, object]:
    """One drift as plain JSON values. A gain of privilege has no edits unless it is among those that are ``adopted``."""
    edits = drift.adopt if drift.id in adopted or not is_gain(drift) else ()
    return {
        "id": drift.id,
        "resource": str(drift.resource),
        **facts(drift, "target=resource.target platform=resource.platform task kind path=where"),
        "desired": plain(drift.desired),
        "observed": plain(drift.observed),
        "severity": drift.severity.value,
        "rule": drift.rule,
        "source": {"file": drift.file, "line": drift.line},
        **facts(drift, "manager changed_at sensitive message evidence"),
        "adoptable": bool(edits),
        "adopt": [] if drift.sensitive else [_edit(edit) for edit in edits],
    }


def _edit(edit: Edit) -> dict[str, object]:
    """One edit of the declared tree; ``adopt`` is empty where a value is secret."""
    match edit:
        case SetValue(pointer, value):
            return {"set": list(pointer), "value": plain(value)}
        case AddEntry(pointer, key, value):
            return {"add": list(pointer), "key": key, "value": plain(value)}
        case RemoveEntry(pointer):
            return {"remove": list(pointer)}


def _error(error: SourceError) -> dict[str, object]:
    return {"file": error.file, "line": error.line, "column": error.column, "message": error.message}


def _object(required: Sequence[str], properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "required": list(required), "properties": dict(properties), "additionalProperties": True}


_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_LINE: Final = {"type": ["integer", "null"], "minimum": 1}

_DRIFT: Final = _object(
    ("id", "resource", "kind", "path", "desired", "observed", "severity", "source", "manager"),
    {
        "id": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "The same for the same drift."},
        "resource": {"type": "string", "description": "Kind/scope/name, such as Deployment/shop/web."},
        "target": {"type": "string", "description": "Where it is deployed to; empty for the unnamed target."},
        "platform": {"enum": ["kubernetes", "compose", "terraform", "http"]},
        "task": {"type": "string", "description": "The workload that budgets count."},
        "kind": {"enum": [kind.value for kind in DriftKind]},
        "path": {"type": "string", "description": "Canonical path; empty for the whole resource."},
        "desired": {"description": "What Git says; null where it says nothing. Secrets as hmac-sha256:…"},
        "observed": {"description": "What is live; null where there is nothing. Secrets as hmac-sha256:…"},
        "severity": {"enum": [level.value for level in Severity]},
        "rule": {"type": "string", "description": "The id of the severity rule."},
        "source": _object(("file", "line"), {"file": _MAYBE_TEXT, "line": _LINE}),
        "manager": {"type": ["string", "null"], "description": "Who wrote the live value, where known."},
        "changed_at": {"type": ["string", "null"], "format": "date-time"},
        "sensitive": {"type": "boolean"},
        "message": _MAYBE_TEXT,
        "evidence": {"type": "array", "items": _TEXT},
        "adoptable": {"type": "boolean", "description": "Whether an edit of Git may make it say what is live."},
        "adopt": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Those edits; none for secrets, nor for a gain of privilege that no rule adopts.",
        },
    },
)

_SCORE: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": 100,
    "description": "100 × (1 − ∏ (1 − w)) over the differences; w: LOW 0.02, MEDIUM 0.1, HIGH 0.3, CRITICAL 0.7.",
}
_DECISION: Final = _object(
    ("drift", "remedy", "rule", "patch_type", "should_auto_apply", "risk_level", "reason", "suggested_action"),
    {
        "drift": {"type": "string", "description": "The id of the difference."},
        "remedy": {"enum": [lane.value for lane in Lane]},
        "direction": {"enum": [direction.value for direction in Direction]},
        "rule": {"type": "string", "description": "The policy rule that decided, as file#id."},
        "patch_type": {"enum": [kind.value for kind in PatchType]},
        "should_auto_apply": {
            "type": "boolean",
            "description": "Whether it is committed without asking, limits permitting.",
        },
        "risk_level": {"enum": ["low", "medium", "high"]},
        "reason": _TEXT,
        "suggested_action": {"type": "string", "description": "What comes of it, or what a person can do."},
    },
)

SCHEMA: Final[Mapping[str, object]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "clockwork drift report",
    **_object(
        ("resources", "drift", "errors", "unreachable", "suppressed"),
        {
            "resources": {**_COUNT, "description": "How many resources Git declares."},
            "drift": {"type": "array", "items": _DRIFT, "description": "Worst first."},
            "errors": {
                "type": "array",
                "items": _object(
                    ("file", "line", "column", "message"),
                    {"file": _TEXT, "line": {"type": "integer"}, "column": {"type": "integer"}, "message": _TEXT},
                ),
            },
            "unreachable": {
                "type": "array",
                "description": "Live state that could not be read: neither drift nor the absence of drift.",
                "items": _object(("observer", "target", "cause"), {"observer": _TEXT, "target": _TEXT, "cause": _TEXT}),
            },
            "suppressed": {**_COUNT, "description": "Drifts hidden by ignore rules or owning controllers."},
            "suppressed_by": {"type": "object", "additionalProperties": _COUNT},
            "left_out": {
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "Live fields of which Git says nothing and that are no difference, by why: "
                + "; ".join(f"{reason}: {text}" for reason, text in LEFT_OUT.items())
                + ".",
            },
            "ignores": {
                "type": "array",
                "description": "Ignore rules that need a person, and places whose value is not compared.",
                "items": _object(
                    ("rule", "state", "detail"),
                    {
                        "rule": _TEXT,
                        "state": {
                            "enum": [
                                *("unused", "expired", "overruled", "not compared"),
                                *("runs once", "not taken over", "incomplete"),
                            ]
                        },
                        "detail": _TEXT,
                    },
                ),
            },
            "counts": {"type": "object", "additionalProperties": _COUNT},
            "targets": {
                "type": "array",
                "description": "The named targets that were compared; none where the repository has only the unnamed one.",
                "items": _object(
                    ("name", "resources", "drift", "score"),
                    {"name": _TEXT, "resources": _COUNT, "drift": _COUNT, "score": _SCORE},
                ),
            },
            "score": _SCORE,
            "scores": {
                "type": "object",
                "additionalProperties": _SCORE,
                "description": "Of each resource that differs, highest first.",
            },
            "decisions": {
                "type": "array",
                "description": "What the rules say about each difference, worst first.",
                "items": _DECISION,
            },
        },
    ),
}
