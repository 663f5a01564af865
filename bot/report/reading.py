"""Reads what ``clockwork drift --json`` printed back, so that a simulation can assume what was observed then.

Pure; called by the observer of assumptions. A drift on a secret comes back without its edits, because they were never
printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from bot.errors import Invalid
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import mapping, read_json
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId, Unreachable
from bot.model.severity import Severity


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Source(_Open):
    file: str | None = None
    line: int | None = None


class _Edit(_Open):
    set: tuple[str | int, ...] | None = None
    add: tuple[str | int, ...] | None = None
    remove: tuple[str | int, ...] | None = None
    key: str | None = None
    value: JsonValue = None


class _Drift(_Open):
    resource: Annotated[str, Field(min_length=1)]
    target: str = ""
    platform: Platform
    task: str
    kind: DriftKind
    path: str = ""
    desired: JsonValue = None
    observed: JsonValue = None
    severity: Severity
    rule: str = ""
    source: _Source = _Source()
    manager: str | None = None
    changed_at: datetime | None = None
    sensitive: bool = False
    message: str | None = None
    evidence: tuple[str, ...] = ()
    adopt: tuple[_Edit, ...] = ()


class _Gap(_Open):
    observer: str
    target: str = ""
    cause: str = ""


class _Report(_Open):
    drift: tuple[_Drift, ...]
    unreachable: tuple[_Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a report says: the drifts, and what could not be read then."""

    drifts: tuple[Drift, ...]
    unreachable: tuple[Unreachable, ...] = ()


def is_report(data: bytes) -> bool:
    """Whether ``data`` is one JSON object with a list under ``drift``, as a report has it and a snapshot has not."""
    return isinstance(mapping(read_json(data)).get("drift"), list)


def read(data: bytes, file: str, declared: Mapping[tuple[Platform, str], ResourceId]) -> Assumed:
    """What a report says. ``declared`` gives the identity of a resource by platform and short form.

    Raises ``Invalid`` naming ``file`` and the place in it.
    """
    try:
        report = _Report.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"{file}: {location or 'report'}: {first['msg']}", advice="Give what `drift --json` printed."
        ) from exc
    return Assumed(
        tuple(_drift(record, declared) for record in report.drift),
        tuple(Unreachable(gap.observer, gap.target, gap.cause) for gap in report.unreachable),
    )


def _drift(record: _Drift, declared: Mapping[tuple[Platform, str], ResourceId]) -> Drift:
    id_ = declared.get((record.platform, record.resource)) or _identity(record)
    return Drift(
        resource=id_._replace(target=record.target),
        task=record.task,
        kind=record.kind,
        path=parse_path(record.path),
        desired=record.desired,
        observed=record.observed,
        severity=record.severity,
        rule=record.rule,
        file=record.source.file,
        line=record.source.line,
        manager=record.manager,
        changed_at=record.changed_at,
        sensitive=record.sensitive,
        message=record.message,
        evidence=record.evidence,
        adopt=tuple(_edit(edit) for edit in record.adopt),
    )


def _identity(record: _Drift) -> ResourceId:
    """The identity of something that Git does not declare, as far as its short form tells."""
    kind, _, identity_text = record.resource.partition("/")
    scope, _, name = identity_text.rpartition("/")
    return ResourceId(record.platform, kind, scope, name or kind)


def _edit(edit: _Edit) -> Edit:
    if edit.set is not None:
        return SetValue(edit.set, edit.value)
    if edit.add is not None:
        return AddEntry(edit.add, edit.key, edit.value)
    return RemoveEntry(edit.remove or ())
