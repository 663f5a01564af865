"""The concrete steps of a runbook issue for one drift. Called by the remedy flow; the text around them is a template.

Names from manifests are quoted for a shell, because a person may paste a step into one.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, assert_never

from bot.drift.severity.gains import is_gain
from bot.flows.gained import after, gained_steps, investigation
from bot.flows.steps import (
    RunbookStep,
    applied_again,
    compose_of,
    declared,
    object_of,
    started_again,
    terraform_of,
)
from bot.intake.read import read_manifest
from bot.model.decision import Decision, Direction
from bot.model.drift import Drift, DriftKind
from bot.model.resource import Platform, ResourceId

_KEEP: Final = RunbookStep("Decide whether to keep it. If so, declare it in Git and stop here.")
_MOST_COMMANDS: Final = 60
"""For so many objects the commands of one step are written down."""
_KEEPS_DATA = frozenset({"PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "volume"})
"""Kinds whose deletion or replacement can take stored data with it (Kubernetes documentation, "Persistent Volumes", section
"Reclaiming", and "StatefulSets"; Compose specification, "Volumes top-level element").
"""


def steps(decisions: Sequence[Decision], lone_files: Collection[str] = ()) -> tuple[RunbookStep, ...]:
    """What a person does about these drifts, in order, each step once. ``lone_files`` are the files that hold one object each:
    only those may be applied as they are.
    """
    distinct: dict[RunbookStep, None] = {}
    for decision in decisions:
        distinct.update(dict.fromkeys(_steps_of(decision, lone_files)))
    return tuple(distinct)


def steps_for_all(decisions: Sequence[Decision], lone_files: Collection[str] = ()) -> tuple[RunbookStep, ...]:
    """The steps about like differences of many objects: each is said once, with the commands for one object after the
    other.
    """
    commands: dict[str, dict[str, None]] = {}
    for decision in decisions:
        nameless = replace(decision, drift=replace(decision.drift, file=None, line=None, manager=None))
        for step, general in zip(_steps_of(decision, lone_files), _steps_of(nameless, lone_files), strict=True):
            commands.setdefault(general.text, {}).update(dict.fromkeys([step.command] if step.command else []))
    return tuple(RunbookStep(text, _in_a_row(list(command))) for text, command in commands.items())


def _in_a_row(commands: Sequence[str]) -> str | None:
    remainder = (
        [f"# and {len(commands) - _MOST_COMMANDS} more, in the same way"] if len(commands) > _MOST_COMMANDS else []
    )
    return "\n".join([*commands[:_MOST_COMMANDS], *remainder]) or None


def objects_alone(files: Mapping[str, bytes]) -> frozenset[str]:
    """Those of these manifests that hold one object, so that ``kubectl apply -f`` on them touches nothing beside it."""
    return frozenset(
        path
        for path, data in files.items()
        if path.endswith((".yaml", ".yml", ".json")) and len(read_manifest(path, data).resources) == 1
    )


def _steps_of(decision: Decision, lone_files: Collection[str]) -> tuple[RunbookStep, ...]:
    drift = decision.drift
    if drift.sensitive or decision.direction is not Direction.RESTORE or not is_gain(drift):
        return _steps(drift, lone_files)
    if drift.path:
        return gained_steps(drift, lone_files)
    return (*investigation(drift), *(step for step in _steps(drift, lone_files) if step != _KEEP), *after(drift))


def _steps(drift: Drift, lone_files: Collection[str]) -> tuple[RunbookStep, ...]:
    if drift.sensitive:
        return _rotation(drift)
    match drift.resource.platform:
        case Platform.KUBERNETES:
            return _kubernetes(drift, lone_files)
        case Platform.COMPOSE:
            return _compose(drift)
        case Platform.TERRAFORM:
            return _terraform(drift)
        case Platform.HTTP:
            return (
                RunbookStep("Ask the endpoint yourself.", f"curl -sv {shlex.quote(drift.resource.name)}"),
                RunbookStep("Fix what answers, or correct the probe in clockwork.yaml."),
            )
        case _ as never:
            assert_never(never)


def _rotation(drift: Drift) -> tuple[RunbookStep, ...]:
    return (
        RunbookStep(
            f"Find out who changed the secret value {drift.where or drift.resource} and whether they were allowed to."
        ),
        RunbookStep(
            "If that stays unknown, treat the secret as leaked: issue a new one at its provider and revoke the old one."
        ),
        RunbookStep(f"Store the valid value where {declared(drift)} takes it from; never paste it into this issue."),
        RunbookStep("Restart what uses it, then check that nothing still uses the old value."),
    )


def _kubernetes(drift: Drift, lone_files: Collection[str]) -> tuple[RunbookStep, ...]:
    resource, target = drift.resource, object_of(drift)
    inspect = RunbookStep("Inspect the live object.", f"kubectl get {target} -o yaml\nkubectl describe {target}")
    restore = applied_again(drift, lone_files)
    match drift.kind:
        case DriftKind.MISSING if not drift.path:
            first = RunbookStep(
                "Find out who deleted it and why: its events, as long as the cluster keeps them (an hour by default).",
                _events(resource),
            )
            data = _data(
                drift, "Find its last backup or the released volume before you recreate it: a new one is empty."
            )
            return (
                first,
                *data,
                *restore,
                RunbookStep(f"If it was removed on purpose, remove it from {declared(drift)} by pull request."),
            )
        case DriftKind.REMOVED | DriftKind.UNMANAGED if not drift.path:
            data = _data(drift, "Make a backup and check that it can be read: deleting this loses its data.")
            return (
                inspect,
                _KEEP,
                *data,
                RunbookStep("Delete it once nobody needs it.", f"kubectl delete {target}"),
            )
        case _:
            data = _data(drift, "Make a backup first: this field decides over stored data.")
            return (
                inspect,
                *data,
                *restore,
                RunbookStep(
                    f"Or adopt (change Git to what runs): change {drift.where} in {declared(drift)} by pull request."
                ),
            )


def _events(resource: ResourceId) -> str:
    """The events of one object alone: what ``--field-selector`` takes (Kubernetes documentation, "Field Selectors")."""
    selector = shlex.quote(f"involvedObject.kind={resource.kind},involvedObject.name={resource.name}")
    namespace_option = f"-n {shlex.quote(resource.scope)}" if resource.scope else "-A"
    return f"kubectl get events {namespace_option} --field-selector {selector} --sort-by .lastTimestamp"


def _data(drift: Drift, text: str) -> tuple[RunbookStep, ...]:
    return (RunbookStep(text),) if drift.resource.kind in _KEEPS_DATA else ()


def _compose(drift: Drift) -> tuple[RunbookStep, ...]:
    resource = drift.resource
    name, compose = shlex.quote(resource.name), compose_of(drift)
    if resource.kind == "volume":
        # The engine's name of a volume that has no `name:` of its own is prefixed with the project (Compose specification,
        # "Volumes top-level element", `name`).
        volume = shlex.quote(f"{resource.scope}_{resource.name}" if resource.scope else resource.name)
        return (
            RunbookStep(
                "Inspect the volume and what uses it.",
                f"docker volume inspect {volume}\ndocker ps -a --filter volume={volume}",
            ),
            RunbookStep(
                "Make a backup and check that it can be read before anything else: this decides over stored data."
            ),
            RunbookStep(
                "Recreate it only from that backup, or declare the volume that really exists.",
                f"{compose} config",
            ),
        )
    if drift.kind in {DriftKind.UNMANAGED, DriftKind.REMOVED} and not drift.path:
        return (
            RunbookStep("Inspect the container that Git does not declare.", f"{compose} ps -a {name}"),
            _KEEP,
            RunbookStep("Otherwise stop and remove it.", f"{compose} up -d --remove-orphans"),
        )
    return (
        RunbookStep(
            "Inspect what runs and its log.",
            f"{compose} ps -a {name}\n{compose} logs --tail 50 {name}",
        ),
        started_again(drift),
        RunbookStep(f"Or adopt (change Git to what runs): change {declared(drift)} by pull request."),
    )


def _terraform(drift: Drift) -> tuple[RunbookStep, ...]:
    folder, address = terraform_of(drift)
    return (
        RunbookStep("Read the whole plan, not only this resource.", f"terraform -chdir={folder} plan"),
        RunbookStep("Show what the state holds.", f"terraform -chdir={folder} state show {address}"),
        RunbookStep("If the plan deletes or replaces it, make a backup of what it holds and say who agreed."),
        RunbookStep(
            "Apply in a window in which an interruption is allowed, this resource alone.",
            f"terraform -chdir={folder} apply -target={address}",
        ),
        RunbookStep(
            f"Or adopt (change Git to what runs): change {declared(drift)} by pull request until the plan is empty."
        ),
    )
