"""Logarithm and power as Go computes them, so that ``floor(log(243, 3))`` is 5 here as it is in Terraform.

The C library behind :mod:`math` rounds better and so gives other last digits. Source: Go, math/log.go (after FreeBSD's
e_log.c) and math/pow.go.
"""

from __future__ import annotations

import math
from typing import Final

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_ODD: Final = (6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01, 1.479819860510658591e-01)
_EVEN: Final = (3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01)
_MOST_EXPONENT: Final = 1 << 12


def log(x: float) -> float:
    """The natural logarithm. Raises :class:`ValueError` for a number that is not above zero."""
    if x <= 0:
        raise ValueError
    fraction, exponent = math.frexp(x)
    if fraction < math.sqrt(2) / 2:
        fraction, exponent = fraction * 2, exponent - 1
    f = fraction - 1
    s = f / (2 + f)
    s2 = s * s
    s4 = s2 * s2
    odd = s2 * (_ODD[0] + s4 * (_ODD[1] + s4 * (_ODD[2] + s4 * _ODD[3])))
    even = s4 * (_EVEN[0] + s4 * (_EVEN[1] + s4 * _EVEN[2]))
    half = 0.5 * f * f
    return exponent * _LN2_HIGH - ((half - (s * (half + odd + even) + exponent * _LN2_LOW)) - f)


def power(x: float, y: float) -> float:
    """``x`` to the ``y``. Raises :class:`ArithmeticError` or :class:`ValueError` where that is no number."""
    if x == 0 or y == 0:
        return math.pow(x, y)
    if abs(y) == 0.5:
        return math.sqrt(x) if y > 0 else 1 / math.sqrt(x)
    part, integer_part = math.modf(abs(y))
    if part and x < 0:
        raise ValueError
    result, result_exponent = 1.0, 0
    if part:
        if part > 0.5:
            part, integer_part = part - 1, integer_part + 1
        result = math.exp(part * log(x))
    square, exponent = math.frexp(x)
    bits = int(integer_part)
    while bits:
        if abs(exponent) > _MOST_EXPONENT:
            result_exponent += exponent
            break
        if bits & 1:
            result, result_exponent = result * square, result_exponent + exponent
        square, exponent, bits = square * square, exponent * 2, bits >> 1
        if square < 0.5:
            square, exponent = square * 2, exponent - 1
    return math.ldexp(result, result_exponent) if y > 0 else math.ldexp(1 / result, -result_exponent)
