"""Expressions that are read before anything else has a value: the arguments of variables, and what conditions must be about.

Called by :mod:`bot.assembly.module` and :mod:`bot.assembly.variables`. Sources: Terraform documentation, "Input
Variables" (default, "Custom Conditions") and ``decodeVariableBlock`` and ``decodeCheckRuleBlock`` in ``internal/configs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NoReturn

from bot.assembly.evaluator import Evaluator
from bot.assembly.references import reference_names
from bot.intake.syntax import Attribute, Expression, ForExpression, FunctionCall, Index, Name, walk


def constant(at: Evaluator) -> Evaluator:
    """The same where nothing can be referred to."""
    return replace(at, scope=_nothing)


def _nothing(_path: Sequence[str], at: Evaluator, node: Expression) -> NoReturn:
    at.unknown(node, "nothing can be referred to here", "a constant")


def need_constant(at: Evaluator, node: Expression) -> None:
    """Fault where a function is called. Raises :class:`~bot.assembly.faults.Fault`."""
    for inner in walk(node):
        if isinstance(inner, FunctionCall):
            at.unknown(inner, "no function can be called here", "a constant")


def references(node: Expression) -> Iterator[tuple[str, ...]]:
    """The first two words of everything that ``node`` refers to; names of its own loops are none."""
    parts = [*walk(node)]
    loop_names = {name for loop in parts if isinstance(loop, ForExpression) for name in loop.names}
    for part in parts:
        if isinstance(part, Attribute | Index) and isinstance(part.target, Name) and part.target.name not in loop_names:
            yield tuple(reference_names(part))
