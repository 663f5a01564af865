"""Where a stranger's text goes in a workflow before a step uses it: variables, outputs of steps and jobs, a matrix.

Of what a step hands on only what is handed on as it is: what a script computes of a text is its own. Sources: GitHub
documentation, "Contexts reference" (``env``, ``needs``, ``matrix``), "Workflow commands for GitHub Actions" (setting an
output parameter, setting an environment variable); the manual of ``gh pr view`` (``headRefOid``, ``headRefName``);
actions/github-script, "Reading step results".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.guardrails.detectors import strangers
from bot.guardrails.detectors.strangers import ENVIRONMENT, ContextNames, Names
from bot.intake.actions import Embedded, embedded
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

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


def _handed(step: LinedNode, scope: WorkflowScope) -> _HandedOn:
    inner = scope.of(step)
    return _handed_on(step, inner.texts, inner.heads)


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


_OUTPUT: Final = regex(r"GITHUB_OUTPUT\b|::set-output\b", re.IGNORECASE)
_ENVIRONMENT: Final = regex(r"GITHUB_ENV\b", re.IGNORECASE)
_HANDED: Final = regex(
    r"(?:^|[\s\"'`;{(])(?:::set-output[ ]name=)?([A-Za-z_][\w-]{0,99})(?:=|::)[\"']?\$(?:\{|env:)?(\w{1,99})\b(?![:#%/])",
    re.IGNORECASE,
)
"""``name=$VARIABLE``, the whole value."""
_SEVERAL: Final = regex(r"(?:^|[\s\"'`])([A-Za-z_][\w-]{0,99})<<")
_PRINTED: Final = regex(r"\b(?:echo|printf|cat|write-output)\b([^\n|]{0,300})", re.IGNORECASE)
_VARIABLE: Final = regex(r"\$(?:\{|env:)?(\w{1,99})", re.IGNORECASE)
_HEAD: Final = regex(r"\bheadRef(?:Oid|Name)\b|\.head\.(?:sha|ref)\b|\bhead_?(?:sha|ref)\b", re.IGNORECASE)
_ASSIGNED: Final = regex(r"(?:^|[\s\"'`;{(])([A-Za-z_][\w-]{0,99})(?:=|::)[\"']?\$\(")
_SET: Final = regex(r"\bsetOutput\(\s{0,8}[\"'`]([\w-]{1,99})[\"'`]\s{0,8},([^\n]{0,300})")
_RETURNED: Final = regex(r"\breturn\b([^\n]{0,300})")
_HEAD_OUTPUTS: Final = {
    "xt0rted/pull-request-comment-branch": ("head_ref", "head_sha"),
    "alessbell/pull-request-comment-branch": ("head_ref", "head_sha"),
    "eficode/resolve-pr-refs": ("head_ref", "head_sha"),
    "potiuk/get-workflow-origin": ("sourceheadbranch", "sourceheadsha"),
}
"""Actions whose outputs name the head of a pull request (their action.yml)."""


@dataclass(frozen=True, slots=True)
class _HandedOn:
    """The names of a step's outputs and of variables, in lower case."""

    written: Names = frozenset()
    heads: Names = frozenset()
    variables: Names = frozenset()


def _handed_on(step: LinedNode, texts: ContextNames, heads: ContextNames) -> _HandedOn:
    """What a step hands on, whose variables hold a stranger's text as ``texts`` say, and name a head as ``heads`` do."""
    uses = step.text_at("uses").partition("@")[0].lower()
    if uses in _HEAD_OUTPUTS:
        return _HandedOn(heads=frozenset(_HEAD_OUTPUTS[uses]))
    if uses == "actions/github-script":
        scripts = (node.raw for name, node in step.items("with") if name.lower() == "script")
        return _HandedOn(heads=frozenset(name for script in scripts for name in _of_script(script)))
    run = step.get("run")
    if run is None:
        return _HandedOn()
    script = run.raw
    passed = frozenset(_passed(script, texts))
    is_output, is_variable = _OUTPUT.search(script) is not None, _ENVIRONMENT.search(script) is not None
    output_names = frozenset(_naming(script, heads)) if is_output else frozenset()
    return _HandedOn(passed if is_output else frozenset(), output_names, passed if is_variable else frozenset())


def _passed(script: str, texts: ContextNames) -> Iterator[str]:
    """Names that are given a stranger's text as it is."""
    if not texts.holds_any(ENVIRONMENT):
        return
    for match in _HANDED.finditer(script):
        if texts.holds_name(ENVIRONMENT, match[2].lower()):
            yield match[1].lower()
    several = [match[1].lower() for match in _SEVERAL.finditer(script)]
    printed = (name[1].lower() for match in _PRINTED.finditer(script) for name in _VARIABLE.finditer(match[1]))
    if several and any(texts.holds_name(ENVIRONMENT, name) for name in printed):
        yield from several


def _naming(script: str, heads: ContextNames) -> Iterator[str]:
    """Names that are given what names a head: asked of GitHub on their line, or held by a variable that is."""
    assigned_names = {
        match[1].lower() for line in script.split("\n") if _HEAD.search(line) for match in _ASSIGNED.finditer(line)
    }
    yield from assigned_names
    for match in _HANDED.finditer(script):
        if (name := match[2].lower()) in assigned_names or heads.holds_name(ENVIRONMENT, name):
            yield match[1].lower()


def _of_script(script: str) -> Iterator[str]:
    for match in _SET.finditer(script):
        if _HEAD.search(match[2]):
            yield match[1].lower()
    if any(_HEAD.search(match[1]) for match in _RETURNED.finditer(script)):
        yield "result"
