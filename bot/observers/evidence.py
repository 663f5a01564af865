"""Why something in a cluster is unhealthy: its last events and the end of its log, few and short and redacted.

Called by :mod:`bot.observers.kubernetes` for the first few unhealthy resources. Evidence that cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from bot.errors import Unavailable
from bot.kubeapi.api import ClusterApi
from bot.model.json import Tree, get, integer, mappings, text
from bot.model.resource import Observed, ResourceId
from bot.secrecy.sanitize import sanitized, tail

_EVENTS: Final = 3
_LINES: Final = 8
_BYTES: Final = 4096


def with_evidence(api: ClusterApi, sick: Observed, pods: Sequence[ResourceId]) -> Observed:
    """``sick`` with what its events say and what the first of its unhealthy ``pods`` last wrote."""
    lines: list[str] = []
    for id_ in (sick.id, *pods[:1]):
        lines += _events(api, id_)
    log_of = sick.id if sick.id.kind == "Pod" else next(iter(pods), None)
    if log_of is not None:
        lines += _log(api, log_of)
    first, *other_problems = sick.problems
    return replace(sick, problems=(replace(first, evidence=(*first.evidence, *lines)), *other_problems))


def _events(api: ClusterApi, id_: ResourceId) -> list[str]:
    """The last warnings about one object, oldest first.

    Kubernetes docs, "Field Selectors": events can be selected by ``involvedObject``.
    """
    selector = f"involvedObject.kind={id_.kind},involvedObject.name={id_.name}"
    try:
        events = api.items(f"/api/v1/namespaces/{id_.scope or 'default'}/events", {"fieldSelector": selector})
    except Unavailable:
        return []
    warnings = sorted((event for event in events if event.get("type") != "Normal"), key=_at)
    return [_event_line(event) for event in warnings[-_EVENTS:]]


def _at(event: Tree) -> str:
    times: Iterable[str] = (text(event.get(key)) for key in ("lastTimestamp", "eventTime", "firstTimestamp"))
    return next(filter(None, times), text(get(event, "metadata", "creationTimestamp")))


def _event_line(event: Tree) -> str:
    count = integer(event.get("count"))
    times = f" ({count} times)" if count > 1 else ""
    message = " ".join(sanitized(text(event.get("message"))).split())[:300]
    return f"event {_at(event)} {text(event.get('reason'))}{times}: {message}"


def _log(api: ClusterApi, pod: ResourceId) -> list[str]:
    """The end of the log of the container that fails: of its last run where it was restarted.

    Kubernetes API reference, Pod, "read log": ``previous``, ``tailLines``, ``limitBytes``.
    """
    path = f"/api/v1/namespaces/{pod.scope}/pods/{pod.name}"
    try:
        status = api.get(path)
        container = _failing(status if isinstance(status, dict) else {})
        params = {"tailLines": str(_LINES), "limitBytes": str(_BYTES)} | ({"container": container} if container else {})
        log_text = api.text_at(f"{path}/log", {**params, "previous": "true"}) or api.text_at(f"{path}/log", params)
    except Unavailable:
        return []
    return [f"log: {line[:200]}" for line in tail(log_text, limit=1600).splitlines()[-_LINES:]]


def _failing(pod: Tree) -> str:
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in mappings(get(pod, "status", key)):
            if status.get("ready") is False:
                return text(status.get("name"))
    return ""
