"""What the parts of evaluation (templates, calls, loops, references) need of it, and it of the module around an expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from bot.assembly.faults import EvaluationBudget
from bot.assembly.values import Trace, Value
from bot.intake.syntax import Expression
from bot.intake.text import Text
from bot.model.json import JSON
from bot.model.resource import Origin, Through


class Scope(Protocol):
    """What the names in an expression stand for."""

    def reference(self, path: Sequence[str], at: Evaluator, node: Expression) -> tuple[Value, int] | None:
        """The value that the first words of ``path`` name, and how many words that took; None for an unknown root.

        Raises :class:`~bot.assembly.faults.Fault` when the root is known and the rest is not.
        """
        ...

    def roots(self) -> frozenset[str]:
        """The names a reference may start with."""
        ...


class Evaluator(Protocol):
    """Evaluates the expressions of one file."""

    @property
    def text(self) -> Text:
        """The file."""
        ...

    @property
    def names(self) -> Scope:
        """What names stand for."""
        ...

    @property
    def budget(self) -> EvaluationBudget:
        """How much may still be computed."""
        ...

    @property
    def bound(self) -> Mapping[str, Value]:
        """The names of enclosing loops."""
        ...

    def within(self, names: Mapping[str, Value]) -> Evaluator:
        """The same inside a loop that binds ``names``."""
        ...

    def fault(self, node: Expression, message: str, expected: str | None = None) -> NoReturn:
        """Stop: ``node`` has no value. Raises :class:`~bot.assembly.faults.Fault`."""
        ...

    def spend(self, node: Expression, steps: int = 1) -> None:
        """Take ``steps`` off the budget. Raises :class:`~bot.assembly.faults.Fault` when nothing is left."""
        ...

    def origin(self, node: Expression, through: Through = Through.LITERAL, name: str | None = None) -> Origin:
        """Where a node is written."""
        ...

    def trace(self, node: Expression, parts: Sequence[Value] = ()) -> Trace:
        """The trace of what ``node`` makes of ``parts``: secret when one of them is."""
        ...

    def computed(self, node: Expression, plain: JSON, parts: Sequence[Value]) -> Value:
        """A value computed from ``parts``: secret when one of them is."""
        ...

    def value(self, node: Expression) -> Value:
        """The value of ``node`` as it stands in a resource. Raises :class:`~bot.assembly.faults.Fault`."""
        ...

    def condition(self, node: Expression) -> bool:
        """A truth value. Raises :class:`~bot.assembly.faults.Fault`."""
        ...
