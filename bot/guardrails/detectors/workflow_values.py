"""Where a stranger's text goes in a workflow before a step uses it: variables, outputs of jobs, dimensions of a matrix.

Source: GitHub documentation, "Contexts reference" (``env``, ``needs``, ``matrix``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.guardrails.detectors import strangers
from bot.guardrails.detectors.strangers import ENVIRONMENT, ContextNames, Names
from bot.guardrails.detectors.workflow_outputs import HandedOn, handed_on
from bot.intake.actions import Embedded, embedded
from bot.intake.lined_node import LinedNode

_NAMING: Final = (*strangers.HEADS, *strangers.REPOSITORIES)


@dataclass(frozen=True, slots=True)
class WorkflowScope:
    """What a step can name: what holds a stranger's text, and what names a head."""

    texts: ContextNames = field(default_factory=ContextNames)
    heads: ContextNames = field(default_factory=ContextNames)

    def inner(self, hidden: Names = frozenset()) -> WorkflowScope:
        """A level within it, which hides variables of these names."""
        return WorkflowScope(ContextNames(self.texts, hidden=hidden), ContextNames(self.heads, hidden=hidden))

    def of(self, node: LinedNode) -> WorkflowScope:
        """The same with the variables that ``node`` sets: the inner one hides the outer one of its name."""
        variables = {name.lower(): value for name, value in node.items(ENVIRONMENT)}
        scope = self.inner(frozenset(variables))
        scope.texts.add(ENVIRONMENT, (name for name, value in variables.items() if holds_written(value, self.texts)))
        scope.heads.add(ENVIRONMENT, (name for name, value in variables.items() if self.names_head(value.raw)))
        return scope

    def names_head(self, text: str) -> bool:
        """Whether an expression in the text names a head."""
        return strangers.names_any(text, _NAMING, self.heads)


def holds_written(node: LinedNode, texts: ContextNames) -> bool:
    """Whether an expression in the text may be what a stranger wrote."""
    return any(is_written(expression, texts) for expression in embedded(node.raw))


def is_written(expression: Embedded, texts: ContextNames) -> bool:
    """Whether the expression may be what a stranger wrote."""
    return expression.tree is not None and strangers.is_written(expression.tree, texts)


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
        inner_scope = outer.inner()
        inner_scope.texts.add("matrix", _dimensions(job, outer))
        scope = inner_scope.of(job)
        _hand_on(job, scope)
        yield job, scope
        _hand_needed(outer, name.lower(), job, scope)
    runs = document.get("runs")
    if runs is not None:
        _hand_on(runs, outer)
        yield runs, outer


def _hand_on(job: LinedNode, scope: WorkflowScope) -> None:
    """Let ``scope`` hold what the job's steps hand on."""
    for step in steps_of(job):
        handed = _handed(step, scope)
        context = f"steps.{step.text_at('id').lower()}.outputs"
        scope.texts.add(ENVIRONMENT, handed.variables)
        scope.texts.add(context, handed.written)
        scope.heads.add(context, handed.heads)


def _handed(step: LinedNode, scope: WorkflowScope) -> HandedOn:
    inner = scope.of(step)
    return handed_on(step, inner.texts, inner.heads)


def _hand_needed(outer: WorkflowScope, name: str, job: LinedNode, scope: WorkflowScope) -> None:
    """Let ``outer`` hold the job's outputs, for jobs behind it."""
    context = f"needs.{name}.outputs"
    outputs = [(output.lower(), value) for output, value in job.items("outputs")]
    outer.texts.add(context, (output for output, value in outputs if holds_written(value, scope.texts)))
    outer.heads.add(context, (output for output, value in outputs if scope.names_head(value.raw)))


def _dimensions(job: LinedNode, outer: WorkflowScope) -> Names:
    """What of a job's matrix holds a stranger's text."""
    matrix = job.get("strategy", "matrix")
    if matrix is None:
        return frozenset()
    values: dict[str, list[LinedNode]] = defaultdict(list)
    for source in (matrix, *matrix.elements("include")):
        for name, node in source.items():
            values[name.lower()] += [node, *node.elements()]
    return frozenset(name for name, nodes in values.items() if any(holds_written(node, outer.texts) for node in nodes))
