"""CI-001 and CI-002: GitHub Actions workflows that gain power, or run what a stranger wrote.

Sources: GitHub documentation, "Secure use reference" (formerly "Security hardening for GitHub Actions": script injections,
pinning actions to a full commit SHA) and "Workflow syntax for GitHub Actions", ``permissions``; GitHub Security Lab,
"Preventing pwn requests", for ``pull_request_target`` and ``workflow_run``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.classify import is_workflow
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject
from bot.guardrails.structure import Unparsed
from bot.intake.lined import LinedNode
from bot.model.drift import Severity

_EXPRESSION: Final = re.compile(r"\$\{\{([^{}]{1,2000})\}\}")
_UNTRUSTED: Final = re.compile(
    r"github\.event\.(issue|pull_request|discussion)\.(title|body)\b|"
    r"github\.event\.(comment|review|review_comment)\.body\b|"
    r"github\.event\.pages(\[[^\]]*\]|\.\*|\.\d+)?\.page_name\b|"
    r"github\.event\.(commits(\[[^\]]*\]|\.\*)?|head_commit)\.(message|author\.(name|email))\b|"
    r"github\.event\.pull_request\.head\.(ref|label|repo\.default_branch)\b|"
    r"github\.event\.workflow_run\.(head_branch|display_title|head_commit\.message|head_repository\.description)\b|"
    r"github\.event\.(release|discussion_comment)\.(name|body|tag_name)\b|"
    r"github\.event\.inputs\b|(?<![\w.])inputs\.|github\.head_ref\b"
)
_TRUSTED_INPUT: Final = re.compile(r"github\.event\.inputs\b|(?<![\w.])inputs\.")
_SAFE_CALL: Final = re.compile(r"^\s*(contains|startsWith|endsWith)\s*\(|(==|!=|&&)")
_HEAD: Final = re.compile(
    r"pull_request\.(head\.(sha|ref)|merge_commit_sha)|github\.head_ref|refs/pull/|workflow_run\.head_(sha|branch)|"
    r"pull_request\.number"
)
_HEAD_COMMAND: Final = re.compile(
    r"\bgh\s+pr\s+checkout\b|git\s+(fetch|checkout|pull)\b[^\n]{0,200}(pull/|head_ref|HEAD_REF|head\.(sha|ref)|PR_(HEAD|SHA))"
)
_PIN: Final = re.compile(r"([\w.\-]+/[\w.\-/]+)@([0-9a-f]{40})\Z")
_USES: Final = re.compile(r"([\w.\-]+/[\w.\-/]+)@(\S+)\Z")
_SCOPES: Final = {"none": 0, "read": 1, "write": 2}


def steps(document: LinedNode) -> Iterator[LinedNode]:
    """Every step of a workflow's jobs, or of a composite action."""
    for _, job in document.items("jobs"):
        yield from job.elements("steps")
    yield from document.elements("runs", "steps")


def triggers(document: LinedNode) -> set[str]:
    """The events that start a workflow."""
    names = {name for name, _ in document.items("on")} | {node.raw for node in document.elements("on")}
    return names or {document.word("on")}


def _sides(delta: Delta) -> tuple[tuple[LinedNode, ...], tuple[LinedNode, ...]] | None:
    before, after = delta.documents_before, delta.documents_after
    if not is_workflow(delta.path) or isinstance(after, Unparsed):
        return None
    return (() if isinstance(before, Unparsed) else before), after


def workflow_trigger(subject: Subject) -> Iterable[Hit]:
    """CI-002: a stranger's code or text would run with the repository's secrets, or a pin is loosened."""
    for delta in subject.deltas:
        sides = _sides(delta)
        if sides is None:
            continue
        before, after = sides
        old = Counter(risk.key for document in before for risk in _risks(document))
        for risk in (risk for document in after for risk in _risks(document)):
            if old[risk.key] > 0:
                old[risk.key] -= 1
            else:
                yield Hit(
                    delta.path,
                    risk.line,
                    risk.message,
                    evidence=risk.key[-1],
                    suggestion=_ADVICE[risk.key[0]],
                    anchor="|".join(risk.key),
                )
        yield from _unpinned(delta, before, after)


_ADVICE: Final = {
    "checkout": "Use the pull_request event, or split the job: build without secrets, publish from workflow_run.",
    "injection": "Put the expression into env: and use the variable, quoted, in the script.",
}


def _risks(document: LinedNode) -> Iterator[Fact]:
    events = triggers(document)
    privileged = next((name for name in ("pull_request_target", "workflow_run") if name in events), None)
    for step in steps(document):
        if privileged is not None:
            yield from _checkout(step, privileged)
        yield from _injection(step)


def _checkout(step: LinedNode, event: str) -> Iterator[Fact]:
    uses, reference, run = step.get("uses"), step.get("with", "ref"), step.get("run")
    node = None
    if uses is not None and "checkout" in uses.raw and reference is not None and _HEAD.search(reference.raw[:2000]):
        node = reference
    elif run is not None and _HEAD_COMMAND.search(run.raw[:20_000]):
        node = run
    if node is not None:
        yield Fact(
            ("checkout", event, " ".join(node.raw.split())[:200]),
            node.line,
            f"{event} runs with the repository's secrets and this step checks out the pull request's own code.",
        )


def _injection(step: LinedNode) -> Iterator[Fact]:
    script = step.get("with", "script") if "github-script" in step.word("uses") else None
    for node in (step.get("run"), script):
        if node is None or not isinstance(node.value, str):
            continue
        for match in _EXPRESSION.finditer(node.value[:100_000]):
            inner = match[1]
            if _UNTRUSTED.search(inner) and not _TRUSTED_INPUT.search(inner) and not _SAFE_CALL.search(inner):
                block = 1 if node.end_line > node.line else 0
                line = node.line + block + node.value.count("\n", 0, match.start())
                yield Fact(
                    ("injection", " ".join(inner.split())),
                    line,
                    f"Text that anybody can write is pasted into a script: {match[0][:80]}.",
                )


def _unpinned(delta: Delta, before: tuple[LinedNode, ...], after: tuple[LinedNode, ...]) -> Iterator[Hit]:
    pinned = {match[1] for node in _uses(before) if (match := _PIN.match(node.raw))}
    kept = {match[1] for node in _uses(after) if (match := _PIN.match(node.raw))}
    seen: set[str] = set()
    for node in _uses(after):
        match = _USES.match(node.raw)
        if match and match[1] in pinned - kept and not _PIN.match(node.raw) and node.raw not in seen:
            seen.add(node.raw)
            yield Hit(
                delta.path,
                node.line,
                f"{match[1]} was pinned to a commit and is now taken from {match[2]}, which its owner can move.",
                evidence=node.raw,
                suggestion="Pin the action to the full commit of the release, with the version as a comment.",
                anchor=f"pin|{match[1]}",
            )


def _uses(documents: tuple[LinedNode, ...]) -> Iterator[LinedNode]:
    for document in documents:
        for user in (*steps(document), *(job for _, job in document.items("jobs"))):
            node = user.get("uses")
            if node is not None:
                yield node


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
    for where, node in new.items():
        previous = old.get(where) or (old.get("The workflow") if where.startswith("Job") else None)
        if node.value == "write-all" and (previous is None or previous.value != "write-all"):
            yield Hit(
                delta.path,
                node.line,
                f"{where} gets write access to everything.",
                severity=Severity.CRITICAL,
                anchor=where,
            )
            continue
        if previous is None:
            continue
        for scope, (level, line) in _levels(node).items():
            if level == _SCOPES["write"] > widest.get(scope, 0):
                text = f"{where} may now write {scope}."
                yield Hit(delta.path, line, text, evidence=f"{scope}: write", anchor=f"{where}|{scope}")


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
    """Scope to (level, line)."""
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
