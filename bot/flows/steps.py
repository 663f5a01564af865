"""Parts of the steps of runbook issues: the commands that look at and restore one resource, quoted for a shell.

Used by :mod:`bot.flows.runbook` and :mod:`bot.flows.gained`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from typing import assert_never

from bot.model.drift import Drift
from bot.model.resource import Platform


@dataclass(frozen=True, slots=True)
class RunbookStep:
    """One thing to do, with the command that does it where there is one."""

    text: str
    command: str | None = None


def declared(drift: Drift) -> str:
    """Where Git declares it."""
    return drift.declared_at or "the repository"


def object_of(drift: Drift) -> str:
    """The object as ``kubectl`` is to be told."""
    resource = drift.resource
    kind = f"{resource.kind.lower()}.{resource.group}" if resource.group else resource.kind.lower()
    target = f"{shlex.quote(kind)} {shlex.quote(resource.name)}"
    return f"{target} -n {shlex.quote(resource.scope)}" if resource.scope else target


def compose_of(drift: Drift) -> str:
    """``docker compose`` with the project and file of a service."""
    file = shlex.quote(drift.file) if drift.file else "compose.yaml"
    project = f" -p {shlex.quote(drift.resource.scope)}" if drift.resource.scope else ""
    return f"docker compose{project} -f {file}"


def terraform_of(drift: Drift) -> tuple[str, str]:
    """The root module's folder and the address of a resource."""
    folder = shlex.quote(drift.file.rpartition("/")[0] or ".") if drift.file else "."
    # -target leaves dependent changes out on purpose: Terraform's documentation keeps it for exceptional situations ("terraform
    # plan", "Resource Targeting"), and an apply of everything would carry out what nobody has read here.
    address = shlex.quote(
        ".".join(part for part in (drift.resource.scope, drift.resource.kind, drift.resource.name) if part)
    )
    return folder, address


def restoring(drift: Drift, lone_files: Collection[str] = ()) -> tuple[RunbookStep, ...]:
    """How what runs is brought back to what Git says; ``lone_files`` are the files that hold one object each."""
    match drift.resource.platform:
        case Platform.KUBERNETES:
            return applied_again(drift, lone_files)
        case Platform.COMPOSE:
            return (started_again(drift),)
        case Platform.TERRAFORM:
            folder, address = terraform_of(drift)
            return (
                RunbookStep("Read the whole plan, not only this resource.", f"terraform -chdir={folder} plan"),
                RunbookStep(
                    "To restore (change what runs to what Git says), apply this resource alone.",
                    f"terraform -chdir={folder} apply -target={address}",
                ),
            )
        case Platform.HTTP:
            return ()
        case _ as never:
            assert_never(never)


def applied_again(drift: Drift, lone_files: Collection[str] = ()) -> tuple[RunbookStep, ...]:
    """How an object of Kubernetes is applied again, and nothing beside it: by its file where that is in ``lone_files``."""
    if drift.resource.target:
        return _by_target(drift.resource.target)
    if drift.file is None:
        return _by_hand("", "")
    if drift.file in lone_files:
        return _by_hand(f"kubectl diff -f {shlex.quote(drift.file)}", f"kubectl apply -f {shlex.quote(drift.file)}")
    printed = f"clockwork render {shlex.quote(str(drift.resource))}"
    return _by_hand(f"{printed} | kubectl diff -f -", f"{printed} | kubectl apply -f -")


def started_again(drift: Drift) -> RunbookStep:
    """How a service is made again."""
    return RunbookStep(
        "To restore (change what runs to what Git says), start it again.",
        f"{compose_of(drift)} up -d {shlex.quote(drift.resource.name)}",
    )


def _by_hand(compare: str, apply: str) -> tuple[RunbookStep, ...]:
    """How an object of plain manifests is applied again, in a clone of the repository."""
    return (
        RunbookStep("In a clone of this repository, compare before you change anything.", compare or None),
        RunbookStep("To restore (change what runs to what Git says), apply this object again.", apply or None),
    )


def _by_target(target: str) -> tuple[RunbookStep, ...]:
    """How what is rendered for a target is applied again: its files by themselves are not what is deployed."""
    return (
        RunbookStep("Compare before you change anything.", f"clockwork drift --target {shlex.quote(target)}"),
        RunbookStep(
            f"To restore (change what runs to what Git says), have target {target} applied again by what deploys it: its "
            "controller, kubectl apply -k on its kustomization, or helm upgrade of its release."
        ),
    )
