"""Titles of pull requests, issues and commits: what is different, and of what, in one short line.

Used wherever a proposal is named; what a title is, is known here and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.flows.intention import BREAKER, DELETIONS, SWITCH
from bot.model.decision import Lane
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.paths import format_path
from bot.model.proposal import Proposal
from bot.model.resource import ResourceId
from bot.model.wording import counted, some
from bot.report.contrast import changed_lines, contrasted
from bot.safety.trailers import one_line

MOST: Final = 72
"""Characters of a title: what lists of pull requests and `git log` show of it whole (git-commit(1), "Discussion")."""
_LONGEST: Final = (40, 24, 18)
"""Characters of a value in a title, and of one that leaves more room for the rest."""
_LONGEST_NAME: Final = 40
"""Characters of what a title is about."""
_LEAST: Final = 12
"""Characters that are left for what is different."""
_GROUPS: Final = frozenset({"annotations", "data", "environment", "labels", "limits", "nodeSelector", "requests"})
"""Mappings whose keys say too little without the mapping's name."""
_VAGUE: Final = frozenset({"key", "name", "port", "value"})
"""Fields that say too little without the element they belong to."""
STATES: Final[Mapping[DriftKind, tuple[str, str]]] = {
    DriftKind.MISSING: ("declared", "not running"),
    DriftKind.REMOVED: ("removed from Git", "still running"),
    DriftKind.UNMANAGED: ("not declared", "running"),
}
"""What Git and the live side have of a whole resource that one of them lacks."""
_BRIEFLY: Final[Mapping[DriftKind, str]] = {
    DriftKind.MISSING: "not running",
    DriftKind.REMOVED: "removed from Git",
    DriftKind.UNMANAGED: "not declared",
}
"""The half of :data:`STATES` that says more."""
_WORKLOADS: Final = frozenset({"CronJob", "DaemonSet", "Deployment", "StatefulSet", "service"})
"""What people mean by a name without a kind."""


def title_of(proposal: Proposal, *, kind: str | None = None) -> str:
    """The title of a pull request or an issue: the object and what is different, in one line of at most :data:`MOST`
    characters.
    """
    drifts = [decision.drift for decision in proposal.decisions]
    if kind == DELETIONS:
        return f"Deletion guard: one run would remove {len(drifts)} things"
    if kind == SWITCH:
        waiting = len({drift.task for drift in drifts})
        return f"Pull requests cannot be opened: {counted(waiting, 'proposal waits', 'proposals wait')}"
    fields = list(dict.fromkeys(_field(drift) for drift in drifts))
    if kind == BREAKER:
        return _shortest(proposal.name or proposal.task, _fewer(fields), ": another writer keeps changing ")
    if proposal.joins:
        target = drifts[0].resource.target if len({drift.resource.target for drift in drifts}) == 1 else ""
        return _shortest(target, _changes(drifts), ": " if target else "", f" in {objects_of(proposal)}")
    tail = " (manual action required)" if proposal.lane is Lane.RUNBOOK_ISSUE else ""
    return _shortest(proposal.name or proposal.task, _changes(drifts), ": ", tail)


def _shortest(name: str, wordings: Iterable[str], link: str, tail: str = "") -> str:
    """``name``, ``link``, the first of these ways to say it that leaves a title short enough, and ``tail``; else the last one,
    cut. Of a name that is too long or leaves no room it is the end, where names differ.
    """
    longest = min(_LONGEST_NAME, MOST - len(link) - len(tail) - _LEAST)
    text = one_line(name, limit=300)
    head = f"{text if len(text) <= longest else f'…{text[1 - longest :]}'}{link}"
    wording = ""
    for wording in wordings:
        if len(head) + len(wording) + len(tail) <= MOST:
            break
    return f"{head}{one_line(wording, limit=MOST - len(head) - len(tail))}{tail}"


def _changes(drifts: Sequence[Drift]) -> Iterator[str]:
    """What is different, from the longest way to say it to the shortest."""
    for longest in _LONGEST:
        yield from _fewer(list(dict.fromkeys(change_of(drift, longest) for drift in drifts)))
    yield from _fewer(list(dict.fromkeys(map(_briefly, drifts))))


def _briefly(drift: Drift) -> str:
    """A drift in two or three words."""
    field = _field(drift)
    return f"{field} changed" if field else _BRIEFLY.get(drift.kind, drift.kind.value)


def _fewer(texts: Sequence[str]) -> Iterator[str]:
    """The first two of these and how many more, then the first and how many more."""
    for shown_count in (2, 1):
        if texts:
            yield some(texts, shown_count)


def short_names(tasks: Iterable[tuple[str, ResourceId]]) -> Mapping[str, str]:
    """What people call these tasks: ``prod/web`` for ``prod/Deployment/shop/web``, ``shop/web`` where there is no target,
    wherever that is nobody else's name. Tasks that are called by something else than their object keep their names.
    """
    distinct = {task: _short(resource) for task, resource in tasks if task in {str(resource), resource.qualified}}
    name_counts = Counter(name for names in distinct.values() for name in names)
    return {task: next((name for name in names if name_counts[name] == 1), task) for task, names in distinct.items()}


def _short(resource: ResourceId) -> Sequence[str]:
    """The shorter names of an object, the shortest first."""
    target, scope, name = resource.target, resource.scope, resource.name
    if resource.kind not in _WORKLOADS:
        return (f"{target}/{resource.kind}/{name}",) if target else ()
    if not target:
        return (f"{scope}/{name}",) if scope else ()
    return (f"{target}/{name}", *([f"{target}/{scope}/{name}"] if scope else []))


def objects_of(proposal: Proposal) -> str:
    """``60 Deployments``: how many objects of which kind a joined proposal is about; ``120 objects`` of several kinds."""
    resources = {decision.drift.resource for decision in proposal.decisions}
    kinds = {resource.kind for resource in resources}
    kind = kinds.pop() if len(kinds) == 1 else "object"
    return counted(len(resources), kind, plural(kind))


def plural(kind: str) -> str:
    """The plural of a kind's name: ``Deployments``, ``Ingresses``, ``NetworkPolicies``."""
    if kind.endswith("y") and kind[-2:-1] not in "aeiou":
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch", "sh")) else f"{kind}s"


def change_of(drift: Drift, longest: int = _LONGEST[0]) -> str:
    """A drift in a few words: ``image 1.4.2 → 1.4.3``. What Git says comes first, what runs comes second, of each at most
    ``longest`` characters.
    """
    if drift.kind is DriftKind.STALE_ARTIFACT:
        return f"{drift.path[0]} out of date"
    field = _field(drift)
    if not field:
        return ", ".join(STATES.get(drift.kind, (drift.kind.value,)))
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
    before, after = contrasted(_flat(before), _flat(after), longest)
    return f"{field} {before} → {after}"


def _flat(text: str) -> str:
    return one_line(text, limit=len(text) + 1)


def _field(drift: Drift) -> str:
    """The end of the path that says what the field is: ``image``, ``ports[http].port``, ``labels.team``."""
    path = drift.path
    name_indices = [index for index, segment in enumerate(path) if isinstance(segment, str) and segment.isidentifier()]
    if not name_indices:
        return format_path(path)
    start = name_indices[-1]
    if len(name_indices) > 1 and (path[start] in _VAGUE or path[name_indices[-2]] in _GROUPS):
        start = name_indices[-2]
    return one_line(format_path(path[start:]), limit=2 * _LONGEST[0])


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
    (name, _, tag), (other_name, _, other_tag) = before.rpartition(":"), after.rpartition(":")
    return (tag, other_tag) if name and name == other_name else (before, after)
