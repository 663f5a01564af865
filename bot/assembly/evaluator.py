"""What the parts of evaluation (templates, calls, loops, references) need of it, and it of the module around an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeAlias

from bot.assembly.faults import TOO_LONG, EvaluationBudget, Fault
from bot.assembly.functions.files import CommittedFiles
from bot.assembly.values import Trace, Value, as_bool, as_text, kind_of, traced
from bot.intake.syntax import Expression, Span
from bot.intake.text import Text
from bot.model.json import JSON
from bot.model.resource import Origin, SourceError, Through

Scope: TypeAlias = "Callable[[Sequence[str], Evaluator, Expression], tuple[Value, int] | None]"
"""The value that the first words of a reference name, and how many words that took; None for an unknown root. Raises
:class:`~bot.assembly.faults.Fault` when the root is known and the rest is not.
"""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates the expressions of one file. ``bound`` are the names of enclosing loops.

    ``evaluate`` is what an expression comes to (:func:`bot.assembly.evaluate.evaluate`).
    """

    text: Text
    scope: Scope
    budget: EvaluationBudget
    evaluate: Callable[[Evaluator, Expression], Value]
    bound: Mapping[str, Value] = field(default_factory=dict)
    files: CommittedFiles = field(default_factory=CommittedFiles)

    def within(self, names: Mapping[str, Value]) -> Evaluator:
        """The same inside a loop that binds ``names``."""
        return replace(self, bound={**self.bound, **names})

    def error(self, node: Span, message: str, expected: str | None = None) -> SourceError:
        """A mistake at ``node``."""
        return self.text.error(node.start, message, expected)

    def fault(self, node: Span, message: str, expected: str | None = None) -> NoReturn:
        """Stop: ``node`` has no value. Raises :class:`~bot.assembly.faults.Fault`, which nothing catches once the budget is
        spent: a reason that is passed over would leave something out without a word.
        """
        raise Fault(self.error(node, message, expected), static=self.budget.spent)

    def unknown(self, node: Span, message: str, expected: str | None = None) -> NoReturn:
        """Stop: ``node`` names something that is nowhere. Raises :class:`~bot.assembly.faults.Fault` that nothing catches."""
        raise Fault(self.error(node, message, expected), static=True)

    def spend(self, node: Span, steps: int = 1) -> None:
        """Take ``steps`` off the budget. Raises :class:`~bot.assembly.faults.Fault` when nothing is left."""
        if self.budget.spent:
            raise Fault(None, static=True)
        if not self.budget.spend(steps):
            self.fault(node, TOO_LONG)

    def origin(self, node: Span, through: Through = Through.LITERAL, name: str | None = None) -> Origin:
        """Where a node is written."""
        return self.text.origin(node.start, node.end, through, name)

    def trace(self, node: Expression, parts: Sequence[Value] = ()) -> Trace:
        """The trace of what ``node`` makes of ``parts``: secret when one of them is."""
        through = Through.EXPRESSION if parts else Through.LITERAL
        return Trace(self.origin(node, through), sensitive=any(part.sensitive for part in parts))

    def computed(self, node: Expression, plain: JSON, parts: Sequence[Value]) -> Value:
        """A value computed from ``parts``: secret when one of them is."""
        trace = replace(self.trace(node, parts), origin=self.origin(node, Through.EXPRESSION))
        return traced(plain, trace)

    def counted(self, value: Value) -> Value:
        """``value``, counted where it is sensitive: whether what follows has a value may depend on it."""
        self.budget.secrets += value.sensitive
        return value

    def value(self, node: Expression) -> Value:
        """The value of ``node`` as it stands in a resource. Raises :class:`~bot.assembly.faults.Fault`."""
        return self.evaluate(self, node)

    def condition(self, node: Expression) -> bool:
        """A truth value. Raises :class:`~bot.assembly.faults.Fault`."""
        return self.decision(node)[0]

    def decision(self, node: Expression) -> tuple[bool, Value]:
        """A truth value, and the value that says so. Raises :class:`~bot.assembly.faults.Fault`."""
        value = self.value(node)
        is_true = as_bool(value)
        if is_true is None:
            self.fault(node, f"a condition is true or false, this is a {kind_of(value)}", "true or false")
        return is_true, value

    def key(self, node: Expression, value: Value) -> str:
        """``value`` as the key of an object. Raises :class:`~bot.assembly.faults.Fault`."""
        text = as_text(value)
        if text is None:
            self.fault(node, "an object's key is text", "text")
        return text
