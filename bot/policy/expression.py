"""The optional ``when`` of a rule: a CEL expression over one drift.

Compiled once when a rule file is read; the library is only imported when some rule has a ``when``. An expression that
fails is its own answer, because a rule that could not be asked must not loosen anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bot.errors import Invalid
from bot.model.drift import Drift
from bot.model.json import plain

NAMES: Final = ("drift", "resource", "desired", "observed", "safe", "destructive", "adoptable")
"""What an expression may use; the README of the policies folder describes each."""

_BOUND: Final = re.compile(r"\.(?:all|exists|exists_one|existsOne|map|filter)\(\s*(\w+)\s*,")


class _Program(Protocol):
    def execute(self, context: dict[str, Any]) -> object: ...

    def variables(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class ExpressionFailed:
    """The expression could not be evaluated for this drift; ``why`` is a short sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled expression; equality is by its text."""

    text: str
    program: _Program = field(compare=False, repr=False)

    def evaluate(self, names: Mapping[str, object]) -> bool | ExpressionFailed:
        """The truth of the expression, or why there is none."""
        try:
            value = self.program.execute(dict(names))
        except (RuntimeError, TypeError, ValueError, KeyError, LookupError, ArithmeticError, AttributeError) as exc:
            return ExpressionFailed(f"{type(exc).__name__}: {str(exc).splitlines()[0] if str(exc) else 'no detail'}")
        if isinstance(value, bool):
            return value
        return ExpressionFailed(f"it gives {type(value).__name__}, not true or false")


def compile_expression(text: str) -> Expression:
    """``text`` ready to run. Raises ``Invalid`` for broken syntax and unknown names."""
    import cel

    try:
        program = cel.compile(text)
    except ValueError as exc:
        raise Invalid("not a CEL expression: " + str(exc).replace("\n", "\n  ")) from exc
    variable_names = {*NAMES, *_BOUND.findall(text)}
    for name in program.variables():
        if name not in variable_names:
            near = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(NAMES)}"
            raise Invalid(f"the CEL expression uses the unknown name {name!r}{hint}")
    return Expression(text, program)


def names(drift: Drift, *, safe: str | None, destructive: bool) -> dict[str, object]:
    """What an expression sees of one drift: plain JSON values only."""
    return {
        "drift": {
            "id": drift.id,
            "kind": drift.kind.value,
            "path": drift.where,
            "severity": drift.severity.value,
            "rank": drift.severity.rank,
            "rule": drift.rule,
            "task": drift.task,
            "manager": drift.manager or "",
            "message": drift.message or "",
            "file": drift.file or "",
        },
        "resource": {
            "platform": drift.resource.platform.value,
            "kind": drift.resource.kind,
            "scope": drift.resource.scope,
            "name": drift.resource.name,
            "group": drift.resource.group,
            "target": drift.resource.target,
        },
        "desired": plain(drift.desired),
        "observed": plain(drift.observed),
        "safe": safe or "",
        "destructive": destructive,
        "adoptable": bool(drift.adopt),
    }
