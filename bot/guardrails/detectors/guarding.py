"""META-002: what guards changes is taken away, switched off or made to say less.

The change itself is judged by the guard as it is at base; this tells what the next one would no longer be judged by:
workflows that run ``clockwork guard``, the settings below ``guard:``, guardrail documents and the baseline.

Sources: GitHub documentation, "Workflow syntax for GitHub Actions" (``on``, ``if``, ``continue-on-error``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.guardrails.classify import is_workflow
from bot.guardrails.detectors import guard_documents, guard_settings
from bot.guardrails.detectors.meta import SETTINGS
from bot.guardrails.detectors.workflow_risks import triggers
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Documents, Unparsed
from bot.intake.lined import LinedNode
from bot.model.drift import Severity

_GUARD: Final = re.compile(r"\bclockwork\s+guard\s+(pr|queue|publish|diff)\b([^\n;|&]{0,300})(\|\|[^\n]{0,80})?")
_EVENTS: Final = ("pull_request", "pull_request_target", "merge_group", "workflow_run", "push")
_NEVER: Final = re.compile(r"\s*(?:\$\{\{)?\s*(?:false|0|''|null)?\s*(?:\}\})?\s*\Z")
"""A condition that is never true (GitHub documentation, "Evaluate expressions": falsy values)."""
_FILTERS: Final = ("branches", "branches-ignore", "paths", "paths-ignore", "types")


def guard_weakened(subject: Subject) -> Iterable[Hit]:
    """META-002: the guard is taken away, switched off or made to say less."""
    yield from _workflows(subject)
    for delta in subject.deltas:
        if SETTINGS.search(delta.old_path) and delta.before is not None:
            yield from guard_settings.loosened(delta)
    yield from guard_documents.weakened(subject)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step that runs the guard on an event; ``laxities`` are what keeps it from stopping anything, and where."""

    file: str
    event: str
    verb: str
    line: int
    laxities: Mapping[str, int]

    @property
    def key(self) -> tuple[str, str]:
        return self.verb, self.event


def _workflows(subject: Subject) -> Iterator[Hit]:
    before: list[_Step] = []
    after: list[_Step] = []
    for delta in subject.deltas:
        if is_workflow(delta.old_path):
            before += _steps(delta.old_path, delta.documents_before)
        if is_workflow(delta.path):
            after += _steps(delta.path, delta.documents_after)
    kept = {step.key: step for step in after}
    paths = {delta.old_path: delta for delta in subject.deltas}
    for step in {step.key: step for step in before}.values():
        delta, now = paths[step.file], kept.get(step.key)
        if now is None:
            yield _gone(delta, step)
            continue
        for laxity, line in now.laxities.items():
            if laxity not in step.laxities:
                text = f"`clockwork guard {step.verb}` on {step.event} {laxity}."
                yield Hit(now.file, line, text, anchor=f"{step.verb}|{step.event}|{laxity}")


def _gone(delta: Delta, step: _Step) -> Hit:
    return Hit(
        delta.path,
        1,
        f"`clockwork guard {step.verb}` no longer runs on {step.event}: changes would be merged without being judged.",
        anchor=f"gone|{step.verb}|{step.event}",
        severity=Severity.CRITICAL,
    )


def _steps(path: str, documents: Documents) -> Iterator[_Step]:
    """Every step that runs the guard, once an event; none that is switched off."""
    if isinstance(documents, Unparsed) or not (is_workflow(path) and path.startswith(".github/workflows/")):
        return
    for document in documents[:1]:
        events = [event for event in _EVENTS if event in triggers(document)]
        for _, job in document.items("jobs"):
            for node in job.elements("steps"):
                run = node.get("run")
                match = None if run is None else _GUARD.search(run.raw[:20_000])
                if run is None or match is None or _is_off(job) or _is_off(node):
                    continue
                for event in events:
                    laxities = dict(_laxities(document, (job, node), match, event, run.line))
                    yield _Step(path, event, match[1], run.line, laxities)


def _is_off(node: LinedNode) -> bool:
    condition = node.get("if")
    return condition is not None and _NEVER.match(condition.raw[:200]) is not None


def _laxities(
    document: LinedNode, parts: Iterable[LinedNode], match: re.Match[str], event: str, line: int
) -> Iterator[tuple[str, int]]:
    for part in parts:
        forgiving = part.get("continue-on-error")
        if forgiving is not None and forgiving.raw != "false":
            yield "may fail without failing its job", forgiving.line
        condition = part.get("if")
        if condition is not None:
            yield f"only runs under the condition {' '.join(condition.raw.split())[:120]!r}", condition.line
    if match[3]:
        yield "has its exit code swallowed", line
    if "--exit-code" not in match[2]:
        yield "no longer asks for its exit code", line
    if re.search(r"--mode[ =]standard\b", match[2]):
        yield "only reports: --mode standard", line
    for name in _FILTERS:
        chosen = document.get("on", event, name)
        if chosen is not None:
            words = ", ".join(sorted(node.raw for node in chosen.elements())) or chosen.raw
            yield f"only looks at the {name} {words[:120]}", chosen.line
