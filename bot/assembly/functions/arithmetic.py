"""Functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.functions import go_math
from bot.assembly.functions.arguments import elements, integer, number
from bot.assembly.numbers import calculate, from_float
from bot.model.json import JSON

_LONGEST_RANGE: Final = 1024
"""Terraform documentation, "range Function": "an artificial upper limit"."""


def largest(*values: JSON) -> JSON:
    """The largest of some numbers."""
    return max(number(value) for value in values)


def smallest(*values: JSON) -> JSON:
    """The smallest of some numbers."""
    return min(number(value) for value in values)


def total(values: JSON) -> JSON:
    """The sum of a list that is not empty: the sum of no numbers is an error in Terraform."""
    numbers = [number(value) for value in elements(values)]
    if not numbers:
        raise Misuse("takes a list that is not empty")
    result = numbers[0]
    for value in numbers[1:]:
        result = calculate("+", result, value)
    return result


def sign(value: JSON) -> JSON:
    """-1, 0 or 1. As in Terraform, of a whole number only."""
    return (integer(value) > 0) - (integer(value) < 0)


def rounded(rounding: Callable[[float], int]) -> Callable[[JSON], JSON]:
    """The function that makes a whole number of a number."""
    return lambda value: rounding(number(value))


def power(base: JSON, exponent: JSON) -> JSON:
    """``base`` to the ``exponent``, computed in 64 bits as Terraform does."""
    return from_float(go_math.power(float(number(base)), float(number(exponent))))


def logarithm(value: JSON, base: JSON) -> JSON:
    """The logarithm of ``value`` in ``base``, computed in 64 bits as Terraform does: log(1000, 10) is not quite 3."""
    return from_float(go_math.log(float(number(value))) / go_math.log(float(number(base))))


def sequence(*limits: JSON) -> JSON:
    """The numbers from a start to before an end in steps of the same size (start 0, step 1 or -1 unless given)."""
    numbers = [number(limit) for limit in limits]
    start, end = (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    step = numbers[2] if len(numbers) == 3 else 1 if end >= start else -1
    if start == end:
        return []
    if step == 0 or (step > 0) != (end > start):
        raise Misuse("takes a step that leads from the start to the end")
    count = math.ceil((end - start) / step)
    if count > _LONGEST_RANGE:
        raise Misuse(f"makes at most {_LONGEST_RANGE} elements")
    return [calculate("+", start, calculate("*", index, step)) for index in range(count)]
