"""The steps of a runbook issue about a gain of privilege: what restores, and what finds out who did it.

Called by :mod:`bot.flows.runbook`. Adopting is no step of these: who wants the privilege declares it in Git by themselves.
Names from manifests are quoted for a shell.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection
from typing import Final, assert_never

from bot.flows.steps import RunbookStep, declared, object_of, restoring
from bot.model.drift import Drift
from bot.model.resource import Platform
from bot.model.wording import minute

_AUDIT: Final = "/var/log/kubernetes/audit.log"
"""Where the documentation has the API server write it (Kubernetes: Auditing, "Log backend"); clouds keep it elsewhere."""
_TRAILS: Final = {
    "aws_": "aws cloudtrail lookup-events --max-results 50 --lookup-attributes AttributeKey=ResourceName,AttributeValue={}",
    "google_": "gcloud logging read --limit 50 'logName:cloudaudit.googleapis.com AND protoPayload.resourceName:\"{}\"'",
    "azurerm_": "az monitor activity-log list --max-events 50 --query \"[?contains(resourceId, '{}')]\"",
}
"""What tells who changed a resource of a provider: AWS CLI, gcloud and az references."""


def gained_steps(drift: Drift, lone_files: Collection[str] = ()) -> tuple[RunbookStep, ...]:
    """What a person does about a privilege that the live side gained. ``lone_files``: those that hold one object each."""
    return (*investigation(drift), *restoring(drift, lone_files), *after(drift))


def investigation(drift: Drift) -> tuple[RunbookStep, ...]:
    """How the account behind a change is found."""
    match drift.resource.platform:
        case Platform.KUBERNETES:
            return _who_in_cluster(drift)
        case Platform.COMPOSE:
            return _who_on_host(drift)
        case Platform.TERRAFORM:
            return _who_in_cloud(drift)
        case Platform.HTTP:
            return ()
        case _ as never:
            assert_never(never)


def _who_in_cluster(drift: Drift) -> tuple[RunbookStep, ...]:
    target = object_of(drift)
    names = json.dumps(drift.resource.name)
    space = f" and .objectRef.namespace=={json.dumps(drift.resource.scope)}" if drift.resource.scope else ""
    selector = f'select(.objectRef.name=={names}{space} and (.verb|IN("create","update","patch")))'
    query = f"jq -c {shlex.quote(f'{selector} | [.requestReceivedTimestamp, .verb, .user.username, .sourceIPs, .userAgent]')}"
    manager_note = ""
    if drift.manager is not None:
        when = "" if drift.changed_at is None else f" at {minute(drift.changed_at)}"
        manager_note = f" The live object names {drift.manager}{when}."
    return (
        RunbookStep(
            f"Find out who did it.{manager_note}",
            f"kubectl get {target} -o yaml --show-managed-fields\nkubectl describe {target}",
        ),
        RunbookStep("Ask the API server's audit log for the account behind it.", f"{query} {_AUDIT}"),
    )


def _who_on_host(drift: Drift) -> tuple[RunbookStep, ...]:
    service = shlex.quote(f"label=com.docker.compose.service={drift.resource.name}")
    return (
        RunbookStep(
            "Find out who did it: when the container was made, with which command, and who was signed in then.",
            f"docker ps -a --no-trunc --filter {service}\n"
            f"docker events --since 168h --until 0s --filter {service}\n"
            "journalctl -u docker --since -7d\nlast -F",
        ),
    )


def _who_in_cloud(drift: Drift) -> tuple[RunbookStep, ...]:
    trail = next((each for prefix, each in _TRAILS.items() if drift.resource.kind.startswith(prefix)), None)
    command = None if trail is None else trail.format(_PLAIN.sub("", drift.resource.name))
    return (RunbookStep("Find out who did it: the provider's audit log says which account changed it.", command),)


_PLAIN: Final = re.compile(r"[^\w.-]", re.ASCII)
"""What has no place in a name that stands in the middle of a command."""


def after(drift: Drift) -> tuple[RunbookStep, ...]:
    """What is left to do once it is restored."""
    return (
        RunbookStep(
            "If nobody answers for it, treat what it could reach as known to others: revoke the account that did it and "
            "issue new credentials."
        ),
        RunbookStep(
            f"If it is meant, declare it in {declared(drift)} by a pull request that somebody reviews. Clockwork does not "
            "propose it unless a rule says `direction: adopt` for it."
        ),
    )
