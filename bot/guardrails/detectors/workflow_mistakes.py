"""What of a workflow does not mean what it seems to: conditions that always hold, secrets that logs show. A part of CI-003.

Sources: the audits of zizmor, whose names stand beside; GitHub documentation, "Workflow commands" (deprecated ``set-env`` and
``add-path``, CVE-2020-15228), "Evaluate expressions" (``contains`` on a text looks for a part of it; ``if``), "Using secrets"
(what is masked is the secret as a whole).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.guardrails.detectors.workflow_risks import Risk, line_in, scalars
from bot.guardrails.detectors.workflow_values import steps_of
from bot.intake.actions import (
    Call,
    ContextReference,
    Embedded,
    Expression,
    ExpressionLiteral,
    embedded,
    parse,
    parts_of,
)
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex
from bot.model.severity import Severity

_COMMANDS: Final = "ACTIONS_ALLOW_UNSECURE_COMMANDS"
_FALSE: Final = frozenset({"", "false", "0", "no", "off"})
_PARTS: Final = regex(r"\S[\s,;|]+\S")
_CHOSEN_BY_ACTOR: Final = frozenset(
    {("github", name) for name in ("ref", "ref_name", "head_ref", "base_ref", "actor", "triggering_actor")}
)
"""What whoever causes the event may name as he likes, or nearly so."""


def mistakes(document: LinedNode) -> Iterator[Risk]:
    """CI-003's, wherever they stand."""
    jobs = [job for _, job in document.items("jobs")]
    runs = document.get("runs")
    owners = [document, *jobs, *(step for job in (*jobs, *([] if runs is None else [runs])) for step in steps_of(job))]
    for owner in owners:
        yield from _old_commands(owner)
        if owner is not document:
            yield from _conditions(owner)
    for node in scalars(document):
        for expression in embedded(node.raw):
            if expression.tree is not None and any(map(_unmasks, parts_of(expression.tree))):
                yield _shown(node, expression)


def _old_commands(owner: LinedNode) -> Iterator[Risk]:
    """zizmor: insecure-commands."""
    for name, node in owner.items("env"):
        if name.upper() == _COMMANDS and node.raw.strip().lower() not in _FALSE:
            message = "Whatever the log prints may set the environment of the steps that follow."
            yield Risk(
                ("commands", name),
                node.line,
                message,
                "Write to the files $GITHUB_ENV and $GITHUB_PATH.",
                Severity.HIGH,
            )


def _conditions(owner: LinedNode) -> Iterator[Risk]:
    condition = owner.get("if")
    if condition is None or not isinstance(condition.value, str):
        return
    inner = list(embedded(condition.raw))
    key = " ".join(condition.raw.split())[:200]
    if inner and _is_pasted(condition.raw, inner):
        message = (
            "This condition always holds: beside ${{ }} there is text, if only the end of a line, so it is never empty."
        )
        yield Risk(
            ("condition", key),
            condition.line,
            message,
            "Leave ${{ }} out, or end the block with |- or >-.",
            Severity.HIGH,
        )
    for tree in [expression.tree for expression in inner] if inner else [parse(condition.raw)]:
        if tree is not None and any(map(_looks_in_text, parts_of(tree))):
            message = "contains() looks for a part of a text: whoever names a branch or account so that it is one gets through."
            advice = 'Ask contains(fromJSON(\'["a", "b"]\'), …), or compare with ==.'
            yield Risk(("contains", key), condition.line, message, advice)


def _is_pasted(text: str, inner: list[Embedded]) -> bool:
    """zizmor: unsound-condition. Whether more than one expression is the value."""
    return len(inner) > 1 or not (text.startswith("${{") and text.endswith("}}"))


def _looks_in_text(tree: Expression) -> bool:
    """zizmor: unsound-contains. Whether a list is written as a text, and looked for is what somebody chooses."""
    match tree:
        case Call(name="contains", arguments=(ExpressionLiteral(text=str(items)), ContextReference(path=path))):
            return _PARTS.search(items) is not None and (path in _CHOSEN_BY_ACTOR or path[:2] == ("github", "event"))
        case _:
            return False


def _unmasks(tree: Expression) -> bool:
    """zizmor: unredacted-secrets. Whether a part is taken out of a secret, which is masked only as a whole."""
    match tree:
        case Call(name="fromjson", arguments=(ContextReference(path=("secrets", *_)),)):
            return True
        case _:
            return False


def _shown(node: LinedNode, expression: Embedded) -> Risk:
    message = (
        f"Logs show what is taken out of a secret, as only the whole is masked: ${{{{ {expression.text[:70]} }}}}."
    )
    return Risk(
        ("unmasked", expression.text[:200]),
        line_in(node, expression),
        message,
        "Keep each value as a secret of its own.",
    )
