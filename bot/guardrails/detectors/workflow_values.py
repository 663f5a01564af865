"""Where a stranger's text goes in a workflow before a step uses it: variables, outputs of jobs, dimensions of a matrix.

Source: GitHub documentation, "Contexts reference" (``env``, ``needs``, ``matrix``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.guardrails.detectors import strangers
from bot.guardrails.detectors.strangers import Names
from bot.guardrails.detectors.workflow_outputs import handed_on
from bot.intake.actions import Embedded, embedded
from bot.intake.lined_node import LinedNode

_NAMING: Final = (*strangers.HEADS, *strangers.REPOSITORIES)


@dataclass(frozen=True, slots=True)
class WorkflowScope:
    """What a step can name: values with a stranger's text, by context, and variables with what names a head."""

    values: Mapping[str, Names] = field(default_factory=dict)
    heads: Names = frozenset()
    naming: tuple[tuple[str, ...], ...] = _NAMING
    """What refers to a head, beside the variables."""

    @property
    def written(self) -> Names:
        """The variables with a stranger's text."""
        return self.values.get("env", frozenset())

    def of(self, node: LinedNode) -> WorkflowScope:
        """The same with the variables that ``node`` sets: the inner one hides the outer one of its name."""
        written, heads = set(self.written), set(self.heads)
        for name, value in node.items("env"):
            lower = name.lower()
            written.discard(lower)
            heads.discard(lower)
            if holds_written(value, self.values):
                written.add(lower)
            if strangers.names_any(value.raw, self.naming):
                heads.add(lower)
        return replace(self, values={**self.values, "env": frozenset(written)}, heads=frozenset(heads))


def holds_written(node: LinedNode, values: Mapping[str, Names]) -> bool:
    """Whether an expression in the text may be what a stranger wrote."""
    return any(is_written(found, values) for found in embedded(node.raw))


def is_written(found: Embedded, values: Mapping[str, Names]) -> bool:
    """Whether the expression may be what a stranger wrote."""
    return found.tree is not None and strangers.is_written(found.tree, values)


def steps_of(job: LinedNode) -> Iterator[LinedNode]:
    """The steps of a job, with those that run side by side within ``parallel``."""
    for step in job.elements("steps"):
        yield step
        yield from step.elements("parallel")


def scopes(document: LinedNode) -> Iterator[tuple[LinedNode, WorkflowScope]]:
    """Every job, and what a composite action runs, with what its steps can name. Jobs stand below those that they need, as
    a rule.
    """
    outer = WorkflowScope().of(document)
    for name, job in document.items("jobs"):
        within = replace(outer, values={**outer.values, "matrix": _dimensions(job, outer)})
        scope = _with_outputs(job, within.of(job))
        yield job, scope
        outer = _needed(outer, name.lower(), job, scope)
    runs = document.get("runs")
    if runs is not None:
        yield runs, _with_outputs(runs, outer)


def _with_outputs(job: LinedNode, scope: WorkflowScope) -> WorkflowScope:
    """The same with what the job's steps hand on."""
    for step in steps_of(job):
        inner = scope.of(step)
        handed = handed_on(step, inner.written, inner.heads)
        context = f"steps.{step.word('id').lower()}.outputs"
        values = {**scope.values, "env": scope.written | handed.variables, context: handed.written}
        naming = (*scope.naming, *(_path(context, name) for name in sorted(handed.heads)))
        scope = replace(scope, values=values, naming=naming)
    return scope


def _needed(outer: WorkflowScope, name: str, job: LinedNode, scope: WorkflowScope) -> WorkflowScope:
    """What jobs behind this one can name, with its outputs."""
    context = f"needs.{name}.outputs"
    outputs = [(output.lower(), value) for output, value in job.items("outputs")]
    written = frozenset(output for output, value in outputs if holds_written(value, scope.values))
    naming = [_path(context, output) for output, value in outputs if strangers.names_any(value.raw, scope.naming)]
    return replace(outer, values={**outer.values, context: written}, naming=(*outer.naming, *naming))


def _path(context: str, name: str) -> tuple[str, ...]:
    return (*context.split("."), name)


def _dimensions(job: LinedNode, outer: WorkflowScope) -> Names:
    """What of a job's matrix holds a stranger's text."""
    matrix = job.get("strategy", "matrix")
    if matrix is None:
        return frozenset()
    values: dict[str, list[LinedNode]] = defaultdict(list)
    for source in (matrix, *matrix.elements("include")):
        for name, node in source.items():
            values[name.lower()] += [node, *node.elements()]
    return frozenset(name for name, nodes in values.items() if any(holds_written(node, outer.values) for node in nodes))
