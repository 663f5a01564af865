"""CI-001 to CI-003: GitHub Actions workflows that gain power, run what a stranger wrote, or trust too much.

Sources: GitHub documentation, "Secure use reference" (formerly "Security hardening for GitHub Actions": script injections,
pinning actions to a full commit SHA) and "Workflow syntax for GitHub Actions", ``permissions``; GitHub Security Lab,
"Preventing pwn requests", for ``pull_request_target`` and ``workflow_run``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from bot.guardrails.classify import is_workflow
from bot.guardrails.detectors.workflow_mistakes import mistakes
from bot.guardrails.detectors.workflow_risks import Risk, handed_over, risks, users, weaknesses
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Unparsed, parsed
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex
from bot.model.severity import Severity

_PIN: Final = regex(r"([\w.\-]+/[\w.\-/]+)@([0-9a-f]{40})\Z")
_USES: Final = regex(r"([\w.\-]+/[\w.\-/]+)@(\S+)\Z")
_SCOPES: Final = {"none": 0, "read": 1, "write": 2}


def _sides(delta: Delta) -> tuple[tuple[LinedNode, ...], tuple[LinedNode, ...]] | None:
    if not is_workflow(delta.path) or isinstance(delta.documents_after, Unparsed):
        return None
    return parsed(delta.documents_before), delta.documents_after


def workflow_trigger(subject: Subject) -> Iterable[Hit]:
    """CI-002: a stranger's code or text would run with the repository's secrets, or a pin is loosened."""
    callers = (delta for delta in subject.deltas if is_workflow(delta.path))
    handed = handed_over(document for delta in callers for document in parsed(delta.documents_after))
    for delta in subject.deltas:
        sides = _sides(delta)
        if sides is None:
            continue
        before, after = sides
        yield from _gained(delta, before, after, partial(risks, inputs=handed.get(delta.path, frozenset())))
        yield from _unpinned(delta, before, after)


def workflow_hardening(subject: Subject) -> Iterable[Hit]:
    """CI-003: more secrets than needed, a machine of one's own for strangers, or a check that can be forged or never fails."""
    for delta in subject.deltas:
        if (sides := _sides(delta)) is not None:
            yield from _gained(delta, *sides, lambda document: (*weaknesses(document), *mistakes(document)))


def _gained(
    delta: Delta,
    before: tuple[LinedNode, ...],
    after: tuple[LinedNode, ...],
    find: Callable[[LinedNode], Iterable[Risk]],
) -> Iterator[Hit]:
    """What the head has more of than the base."""
    old = Counter(risk.key for document in before for risk in find(document))
    for risk in (risk for document in after for risk in find(document)):
        if old[risk.key] > 0:
            old[risk.key] -= 1
            continue
        yield Hit(
            delta.path,
            risk.line,
            risk.message,
            evidence=risk.key[-1],
            suggestion=risk.advice,
            anchor="|".join(risk.key),
            severity=risk.severity,
        )


def _unpinned(delta: Delta, before: tuple[LinedNode, ...], after: tuple[LinedNode, ...]) -> Iterator[Hit]:
    pinned = {match[1] for node in _uses(before) if (match := _PIN.match(node.raw))}
    pinned_actions = {match[1] for node in _uses(after) if (match := _PIN.match(node.raw))}
    seen_actions: set[str] = set()
    for node in _uses(after):
        match = _USES.match(node.raw)
        if match and match[1] in pinned - pinned_actions and not _PIN.match(node.raw) and node.raw not in seen_actions:
            seen_actions.add(node.raw)
            yield Hit(
                delta.path,
                node.line,
                f"{match[1]} was pinned to a commit and is now taken from {match[2]}, which its owner can move.",
                evidence=node.raw,
                suggestion="Pin the action to the full commit of the release, with the version as a comment.",
                anchor=f"pin|{match[1]}",
            )


def _uses(documents: tuple[LinedNode, ...]) -> Iterator[LinedNode]:
    nodes = (user.get("uses") for document in documents for user in users(document))
    return (node for node in nodes if node is not None)


def workflow_permissions(subject: Subject) -> Iterable[Hit]:
    """CI-001: the token of a workflow may do more than before."""
    for delta in subject.deltas:
        sides = _sides(delta)
        if sides is None or not delta.path.startswith(".github/workflows/"):
            continue
        before, after = sides
        for document in after[:1]:
            yield from _raised(delta, before[0] if before else LinedNode(None, 1), document)


def _permission_nodes(document: LinedNode) -> Iterator[tuple[str, LinedNode]]:
    top = document.get("permissions")
    if top is not None:
        yield "The workflow", top
    for name, job in document.items("jobs"):
        node = job.get("permissions")
        if node is not None:
            yield f"Job {name}", node


def _raised(delta: Delta, before: LinedNode, after: LinedNode) -> Iterator[Hit]:
    """A workflow that is new is only told about when it asks for everything."""
    old, new = dict(_permission_nodes(before)), dict(_permission_nodes(after))
    if "The workflow" in old and "The workflow" not in new and _uncovered(after):
        yield Hit(
            delta.path,
            1,
            "The top-level permissions were removed: jobs get the repository's default, which may be write access.",
            anchor="permissions-removed",
        )
    widest = _widest(old.values())
    for scope_path, node in new.items():
        previous = old.get(scope_path) or (old.get("The workflow") if scope_path.startswith("Job") else None)
        if node.value == "write-all" and (previous is None or previous.value != "write-all"):
            yield Hit(
                delta.path,
                node.line,
                f"{scope_path} gets write access to everything.",
                severity=Severity.CRITICAL,
                anchor=scope_path,
            )
            continue
        if previous is None:
            continue
        for scope, (level, line) in _levels(node).items():
            if level == _SCOPES["write"] > widest.get(scope, 0):
                text = f"{scope_path} may now write {scope}."
                yield Hit(delta.path, line, text, evidence=f"{scope}: write", anchor=f"{scope_path}|{scope}")


def _uncovered(document: LinedNode) -> bool:
    """Whether some job has no permissions of its own."""
    return any(job.get("permissions") is None for _, job in document.items("jobs"))


_ALL_READ: Final = [
    "contents",
    "actions",
    "checks",
    "deployments",
    "issues",
    "packages",
    "pull-requests",
    "statuses",
    "id-token",
    "pages",
]


def _levels(node: LinedNode) -> dict[str, tuple[int, int]]:
    """WorkflowScope to (level, line)."""
    if isinstance(node.value, dict):
        return {scope: (_SCOPES.get(level.raw, 0), level.line) for scope, level in node.items()}
    if node.value in {"read-all", "write-all"}:
        level = 1 if node.value == "read-all" else 2
        return dict.fromkeys(_ALL_READ, (level, node.line))
    return {}


def _widest(nodes: Iterable[LinedNode]) -> dict[str, int]:
    """The highest level each scope had anywhere in the workflow: moving a scope between jobs is no raise."""
    widest: dict[str, int] = {}
    for node in nodes:
        for scope, (level, _) in _levels(node).items():
            widest[scope] = max(widest.get(scope, 0), level)
    return widest
