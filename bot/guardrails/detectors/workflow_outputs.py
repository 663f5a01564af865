"""What steps hand to the steps and jobs behind them: outputs and variables that are a stranger's text, or name a head.

Only what is handed on as it is: what a script computes of a text is its own. Sources: GitHub documentation, "Workflow
commands for GitHub Actions" (setting an output parameter, setting an environment variable); the manual of ``gh pr view``
(``headRefOid``, ``headRefName``); actions/github-script, "Reading step results".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.guardrails.detectors.strangers import ENVIRONMENT, ContextNames, Names
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

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
class HandedOn:
    """The names of a step's outputs and of variables, in lower case."""

    written: Names = frozenset()
    heads: Names = frozenset()
    variables: Names = frozenset()


def handed_on(step: LinedNode, texts: ContextNames, heads: ContextNames) -> HandedOn:
    """What a step hands on, whose variables hold a stranger's text as ``texts`` say, and name a head as ``heads`` do."""
    uses = step.text_at("uses").partition("@")[0].lower()
    if uses in _HEAD_OUTPUTS:
        return HandedOn(heads=frozenset(_HEAD_OUTPUTS[uses]))
    if uses == "actions/github-script":
        scripts = (node.raw for name, node in step.items("with") if name.lower() == "script")
        return HandedOn(heads=frozenset(name for script in scripts for name in _of_script(script)))
    run = step.get("run")
    if run is None:
        return HandedOn()
    script = run.raw
    passed = frozenset(_passed(script, texts))
    is_output, is_variable = _OUTPUT.search(script) is not None, _ENVIRONMENT.search(script) is not None
    output_names = frozenset(_naming(script, heads)) if is_output else frozenset()
    return HandedOn(passed if is_output else frozenset(), output_names, passed if is_variable else frozenset())


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
