"""Numbers of the ``.cw`` language: read from text, computed with, written as text.

Terraform computes with 512 bits and writes every digit, never an exponent (go-cty, docs/types.md, ``cty.Number``, and
cty/convert/conversion_primitive.go). Here a number is an ``int`` or a ``float``: about 17 digits of a fraction are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from typing import Final

_WRITTEN: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_LONGEST: Final = 1000
_LARGEST: Final = Decimal(10) ** 300
_EXACT: Final = Context(prec=155)
"""512 bits, in decimal digits."""


def parse_number(text: str) -> int | float | None:
    """The number that ``text`` spells in decimal; None when it spells none, or one too large to compute with."""
    if len(text) > _LONGEST or not _WRITTEN.fullmatch(text):
        return None
    try:
        return _plain(Decimal(text))
    except OverflowError:
        return None


def number_text(number: float) -> str:
    """A number as text: in full, without an exponent, whole ones without a point."""
    if isinstance(number, int):
        return str(number)
    exact = Decimal(repr(number))
    return str(int(exact)) if exact == exact.to_integral_value() else format(exact, "f")


def from_float(number: float) -> int | float:
    """A number that a floating-point computation gave: its shortest digits, zeros after them.

    Raises :class:`OverflowError` for an infinite one, :class:`ValueError` for none.
    """
    return _plain(Decimal(repr(number)))


def calculate(operator: str, a: float, b: float) -> int | float:
    """``a operator b`` for ``+ - * / %``. Raises :class:`ArithmeticError` where there is no such number."""
    decimals, floats = _OPERATORS[operator]
    exact = _plain(decimals(Decimal(repr(a)), Decimal(repr(b))))
    if isinstance(exact, int):
        return exact
    # Each of the two is rounded in its own way (0.1 + 0.2 is off in binary, 1 / 3 * 3 in decimal): the one with
    # fewer digits is what a computation with more bits would have shown.
    return min(exact, from_float(floats(a, b)), key=lambda number: len(number_text(number)))


def _plain(number: Decimal) -> int | float:
    if abs(number) > _LARGEST:
        raise OverflowError
    if number == number.to_integral_value():
        return int(number)
    rounded = float(number)
    return int(Decimal(repr(rounded))) if rounded.is_integer() else rounded


_OPERATORS: Final[Mapping[str, tuple[Callable[[Decimal, Decimal], Decimal], Callable[[float, float], float]]]] = {
    "+": (_EXACT.add, lambda a, b: a + b),
    "-": (_EXACT.subtract, lambda a, b: a - b),
    "*": (_EXACT.multiply, lambda a, b: a * b),
    "/": (_EXACT.divide, lambda a, b: a / b),
    "%": (_EXACT.remainder, lambda a, b: a - b * int(a / b)),
}
