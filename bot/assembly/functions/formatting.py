"""``format`` and ``formatlist``: the verbs of Terraform's format function.

Source: Terraform documentation, "format Function"; where it is silent, go-cty, function/stdlib/format.go.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from bot.assembly.faults import LONGEST_TEXT, Misuse
from bot.assembly.functions.arguments import integer, number, text, truth
from bot.assembly.functions.encoding import json_text, quoted
from bot.assembly.graphemes import graphemes
from bot.assembly.numbers import number_text
from bot.model.json import JSON, is_list

_VERB: Final = re.compile(
    r"%(?P<flags>[-+ 0#]*)(?P<width>[0-9]{0,3})(?:\.(?P<precision>[0-9]{0,3}))?"
    r"(?:\[(?P<index>[1-9][0-9]{0,2})\])?(?P<letter>[a-zA-Z%]?)"
)
_BASES: Final = {"d": "", "b": "0b", "o": "0", "x": "0x", "X": "0X"}
_BITS: Final = 512


def formatted(template: JSON, *values: JSON) -> str:
    """The text that ``template`` makes of ``values``."""
    position = most = length = 0

    def replaced(verb: re.Match[str]) -> str:
        nonlocal position, most, length
        if verb["letter"] == "%":
            return "%"
        if not verb["letter"]:
            raise Misuse("has a '%' without a verb")
        position = int(verb["index"]) if verb["index"] else position + 1
        most = max(most, position)
        if position > len(values):
            raise Misuse("has more verbs than values")
        formatted_value = _formatted(verb, values[position - 1])
        length += len(formatted_value)
        if length > LONGEST_TEXT:
            raise Misuse(f"makes more than {LONGEST_TEXT} characters")
        return formatted_value

    result = _VERB.sub(replaced, text(template))
    if most < len(values):
        raise Misuse("has more values than verbs")
    return result


def formatted_list(template: JSON, *values: JSON) -> JSON:
    """The text for each element of the lists among the arguments; what is no list is the same every time."""
    lengths = {len(value) for value in values if is_list(value)}
    if len(lengths) > 1:
        raise Misuse("takes lists of the same length")
    rounds = lengths.pop() if lengths else 1
    results: list[JSON] = []
    length = 0
    for index in range(rounds):
        result = formatted(template, *(value[index] if is_list(value) else value for value in values))
        length += len(result)
        if length > LONGEST_TEXT:
            raise Misuse(f"makes more than {LONGEST_TEXT} characters")
        results.append(result)
    return results


def _formatted(verb: re.Match[str], value: JSON) -> str:
    precision = None if verb["precision"] is None else int(verb["precision"] or 0)
    letter = verb["letter"]
    match letter:
        case "s":
            return _padded("".join(graphemes(text(value))[:precision]), verb)
        case "v" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _signed(_shortest(value), verb)
        case "v":
            return _padded(value if isinstance(value, str) and "#" not in verb["flags"] else json_text(value), verb)
        case "q":
            return _padded(quoted(text(value)), verb)
        case "t":
            return text(truth(value))
        case "d" | "b" | "o" | "x" | "X":
            return _signed(format(integer(value), letter), verb, _BASES[letter] if "#" in verb["flags"] else "")
        case "f":
            return _signed(_fixed(number(value), 6 if precision is None else precision), verb)
        case "g" | "G" if precision is None:
            digits = _shortest(number(value))
            return _signed(digits.upper() if letter == "G" else digits, verb)
        case "e" | "E" | "g" | "G":
            return _signed(format(float(number(value)), f".{6 if precision is None else precision}{letter}"), verb)
        case other:
            raise Misuse(f"does not know %{other}")


def _padded(shown_text: str, verb: re.Match[str]) -> str:
    missing = int(verb["width"] or 0) - len(graphemes(shown_text))
    if "-" in verb["flags"]:
        return shown_text + " " * missing
    return ("0" if "0" in verb["flags"] else " ") * missing + shown_text


def _signed(digits: str, verb: re.Match[str], prefix: str = "") -> str:
    """The digits of a number with its sign, filled up to the width; zeros go between sign and digits."""
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    sign = sign or next((flag for flag in "+ " if flag in verb["flags"]), "")
    width = int(verb["width"] or 0)
    if "-" in verb["flags"]:
        return f"{sign}{prefix}{digits}".ljust(width)
    if "0" in verb["flags"]:
        return f"{sign}{prefix}{digits.zfill(width - len(sign) - len(prefix))}"
    return f"{sign}{prefix}{digits}".rjust(width)


def _shortest(value: float) -> str:
    """All digits of a number, with an exponent below -4 and from 6 on (Go, math/big, ``Float.Text('g', -1)``)."""
    exact = Decimal(number_text(value))
    exponent = exact.adjusted()
    if -4 <= exponent < 6:
        return number_text(value)
    digits = "".join(map(str, exact.as_tuple().digits)).rstrip("0")
    return f"{'-' if value < 0 else ''}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent:+03d}"


def _fixed(value: float, decimals: int) -> str:
    """A number with ``decimals`` digits after the point, rounded from what 512 bits hold of it, as Terraform rounds it."""
    exact = abs(Fraction(number_text(value)))
    shift = _BITS - (exact.numerator.bit_length() - exact.denominator.bit_length())
    shifted = Fraction(round(exact * Fraction(2) ** shift)) / Fraction(2) ** shift
    digits = str(round(shifted * 10**decimals)).zfill(decimals + 1)
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits
