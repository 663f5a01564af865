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
from bot.intake.actions import Embedded, embedded
from bot.intake.lined_node import LinedNode

_NAMING: Final = (*strangers.HEADS, *strangers.REPOSITORIES)


@dataclass(frozen=True, slots=True)
class WorkflowScope:
    """What a step can name: values with a stranger's text, by context, and variables with what names a head."""

    values: Mapping[str, Names] = field(default_factory=dict)
    heads: Names = frozenset()

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
            if strangers.names_any(value.raw, _NAMING):
                heads.add(lower)
        return replace(self, values={**self.values, "env": frozenset(written)}, heads=frozenset(heads))


def holds_written(node: LinedNode, values: Mapping[str, Names]) -> bool:
    """Whether an expression in the text may be what a stranger wrote."""
    return any(is_written(found, values) for found in embedded(node.raw))


def is_written(found: Embedded, values: Mapping[str, Names]) -> bool:
    """Whether the expression may be what a stranger wrote."""
    return found.tree is not None and strangers.is_written(found.tree, values)


def scopes(document: LinedNode) -> Iterator[tuple[LinedNode, WorkflowScope]]:
    """Every job, and what a composite action runs, with what its steps can name."""
    outer = WorkflowScope().of(document)
    outputs = _outputs(document, outer)
    for _, job in document.items("jobs"):
        within = replace(outer, values={**outer.values, **outputs, "matrix": _dimensions(job, outer)})
        yield job, within.of(job)
    runs = document.get("runs")
    if runs is not None:
        yield runs, outer


def _outputs(document: LinedNode, outer: WorkflowScope) -> Mapping[str, Names]:
    """The outputs of jobs that hold a stranger's text. Jobs stand below those that they need, as a rule."""
    written: dict[str, Names] = {}
    for name, job in document.items("jobs"):
        values = {**outer.values, **written, "matrix": _dimensions(job, outer)}
        names = frozenset(output.lower() for output, value in job.items("outputs") if holds_written(value, values))
        if names:
            written[f"needs.{name.lower()}.outputs"] = names
    return written


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
