"""The functions of the ``.cw`` language: pure, without clock, randomness, files or network. Names and meaning follow Terraform.

Functions of plain values get and give JSON; structural ones get and give traced values, so that what they pass on still
knows where it is written.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from bot.assembly.faults import LONGEST_TEXT, MOST_ELEMENTS
from bot.assembly.values import Value, as_bool, as_number, as_text, kind_of, number_text
from bot.model.json import JSON


class Misuse(ValueError):
    """The arguments are not what the function takes; the message says what it takes."""


Plain: TypeAlias = Callable[..., JSON]
Structural: TypeAlias = Callable[..., Value | tuple[Value, ...] | dict[str, Value]]


def _text(value: JSON) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return number_text(value)
    raise Misuse("takes text")


def _number(value: JSON) -> int | float:
    if isinstance(value, str):
        try:
            return float(value) if not re.fullmatch(r"-?\d{1,300}", value) else int(value)
        except ValueError:
            raise Misuse(f"takes a number, not {value!r}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Misuse("takes a number")
    return value


def _whole(value: JSON) -> int:
    number = _number(value)
    if number != int(number):
        raise Misuse("takes a whole number")
    return int(number)


def _list(value: JSON) -> list[JSON]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Misuse("takes a list")
    return list(value)


def _map(value: JSON) -> Mapping[str, JSON]:
    if not isinstance(value, Mapping):
        raise Misuse("takes an object")
    return value


def _replace(text: JSON, old: JSON, new: JSON) -> JSON:
    pattern = _text(old)
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        raise Misuse("takes plain text to look for; patterns are not supported")
    whole, put = _text(text), _text(new)
    if (whole.count(pattern) + 1) * len(put) > LONGEST_TEXT:
        raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return whole.replace(pattern, put)


def _join(separator: JSON, *lists: JSON) -> JSON:
    texts = [_text(item) for listed in lists for item in _list(listed)]
    if len(texts) * len(_text(separator)) > LONGEST_TEXT:
        raise Misuse(f"makes more than {LONGEST_TEXT} characters")
    return _text(separator).join(texts)


def _contains(where: JSON, what: JSON) -> JSON:
    return any(item == what and type(item) is type(what) for item in _list(where))


def _format(template: JSON, *values: JSON) -> JSON:
    left = list(values)

    def verb(found: re.Match[str]) -> str:
        if found["verb"] == "%":
            return "%"
        if not left:
            raise Misuse("has more verbs than values")
        return _verb(found, left.pop(0))

    made = re.sub(
        r"%(?P<flags>[-+ 0#]*)(?P<width>\d{0,3})(?P<precision>\.\d{0,3})?(?P<verb>[a-zA-Z%])", verb, _text(template)
    )
    if left:
        raise Misuse("has more values than verbs")
    return made


def _verb(found: re.Match[str], value: JSON) -> str:
    spec = f"%{found['flags']}{found['width']}{found['precision'] or ''}"
    match found["verb"]:
        case "s":
            return (spec + "s") % _text(value)
        case "v":
            scalar = isinstance(value, (str, int, float))
            return (spec + "s") % (_text(value) if scalar else _json(value))
        case "d":
            return (spec + "d") % _whole(value)
        case "q":
            return json.dumps(_text(value), ensure_ascii=False)
        case "t" if isinstance(value, bool):
            return _text(value)
        case "b":
            return format(_whole(value), "b")
        case "x" | "X" | "o":
            return (spec + found["verb"]) % _whole(value)
        case "f" | "e" | "g":
            return (spec + found["verb"]) % _number(value)
        case other:
            raise Misuse(f"does not know %{other}")


def _json(value: JSON) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _yaml(value: JSON) -> JSON:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=True, allow_unicode=True, default_flow_style=False))


def _parsed_json(text: JSON) -> JSON:
    try:
        found: JSON = json.loads(_text(text))
    except (json.JSONDecodeError, RecursionError):
        raise Misuse("takes JSON text") from None
    return found


def _range(*numbers: JSON) -> JSON:
    limits = [_number(number) for number in numbers]
    start, end, step = (
        (0, limits[0], 1) if len(limits) == 1 else (limits[0], limits[1], limits[2] if len(limits) > 2 else 1)
    )
    if len(limits) == 2 and end < start:
        step = -1
    if step == 0:
        raise Misuse("takes a step other than 0")
    count = max(0, math.ceil((end - start) / step))
    if count > MOST_ELEMENTS:
        raise Misuse(f"makes at most {MOST_ELEMENTS} elements")
    return [start + index * step for index in range(count)]


def _substr(text: JSON, offset: JSON, length: JSON) -> JSON:
    whole, start, count = _text(text), _whole(offset), _whole(length)
    start = len(whole) + start if start < 0 else start
    return whole[start:] if count < 0 else whole[start : start + count]


def _decoded(text: JSON) -> JSON:
    try:
        return base64.b64decode(_text(text), validate=True).decode("utf-8")
    except ValueError:
        raise Misuse("takes base64 of UTF-8 text") from None


def _indent(spaces: JSON, text: JSON) -> JSON:
    return _text(text).replace("\n", "\n" + " " * min(_whole(spaces), 100))


def _subnet(prefix: JSON, bits: JSON, number: JSON) -> JSON:
    try:
        network = ipaddress.ip_network(_text(prefix), strict=False)
        length = network.prefixlen + _whole(bits)
        step = 2 ** (network.max_prefixlen - length) if length <= network.max_prefixlen else 0
        fits = step and 0 <= _whole(number) < 2 ** _whole(bits)
        found = f"{network.network_address + step * _whole(number)}/{length}" if fits else None
    except ValueError:
        found = None
    if found is None:
        raise Misuse("takes a network, the bits to add and a number that fits in them")
    return found


def _length(value: JSON) -> JSON:
    if isinstance(value, (str, Mapping, Sequence)):
        return len(value)
    raise Misuse("takes text, a list or an object")


def _sorted(value: JSON) -> JSON:
    return sorted(_text(item) for item in _list(value))


def _extreme(pick: Callable[[list[int | float]], int | float]) -> Plain:
    def made(*values: JSON) -> JSON:
        if not values:
            raise Misuse("takes at least one number")
        return pick([_number(value) for value in values])

    return made


def _to_number(value: JSON) -> JSON:
    number = _number(value)
    return int(number) if number == int(number) else number


def _to_bool(value: JSON) -> JSON:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Misuse("takes true or false")


def _title(text: JSON) -> JSON:
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].upper(), _text(text))


PLAIN: Final[Mapping[str, tuple[Plain, int, int | None]]] = {
    "abs": (lambda n: abs(_number(n)), 1, 1),
    "base64decode": (_decoded, 1, 1),
    "base64encode": (lambda t: base64.b64encode(_text(t).encode()).decode(), 1, 1),
    "ceil": (lambda n: math.ceil(_number(n)), 1, 1),
    "chomp": (lambda t: _text(t).rstrip("\r\n"), 1, 1),
    "cidrsubnet": (_subnet, 3, 3),
    "contains": (_contains, 2, 2),
    "endswith": (lambda t, s: _text(t).endswith(_text(s)), 2, 2),
    "floor": (lambda n: math.floor(_number(n)), 1, 1),
    "format": (_format, 1, None),
    "formatlist": (lambda t, xs: [_format(t, x) for x in _list(xs)], 2, 2),
    "indent": (_indent, 2, 2),
    "join": (_join, 2, None),
    "jsondecode": (_parsed_json, 1, 1),
    "jsonencode": (_json, 1, 1),
    "keys": (lambda m: sorted(_map(m)), 1, 1),
    "length": (_length, 1, 1),
    "lower": (lambda t: _text(t).lower(), 1, 1),
    "max": (_extreme(max), 1, None),
    "md5": (lambda t: hashlib.md5(_text(t).encode(), usedforsecurity=False).hexdigest(), 1, 1),
    "min": (_extreme(min), 1, None),
    "parseint": (lambda t, b: int(_text(t), _whole(b)), 2, 2),
    "range": (_range, 1, 3),
    "replace": (_replace, 3, 3),
    "sha256": (lambda t: hashlib.sha256(_text(t).encode()).hexdigest(), 1, 1),
    "signum": (lambda n: (_number(n) > 0) - (_number(n) < 0), 1, 1),
    "sort": (_sorted, 1, 1),
    "split": (lambda s, t: _text(t).split(_text(s)) if _text(s) else list(_text(t)), 2, 2),
    "startswith": (lambda t, s: _text(t).startswith(_text(s)), 2, 2),
    "strcontains": (lambda t, s: _text(s) in _text(t), 2, 2),
    "strrev": (lambda t: _text(t)[::-1], 1, 1),
    "substr": (_substr, 3, 3),
    "sum": (lambda xs: sum(_number(x) for x in _list(xs)), 1, 1),
    "title": (_title, 1, 1),
    "tobool": (_to_bool, 1, 1),
    "tonumber": (_to_number, 1, 1),
    "tostring": (_text, 1, 1),
    "trim": (lambda t, c: _text(t).strip(_text(c)), 2, 2),
    "trimprefix": (lambda t, p: _text(t).removeprefix(_text(p)), 2, 2),
    "trimspace": (lambda t: _text(t).strip(), 1, 1),
    "trimsuffix": (lambda t, p: _text(t).removesuffix(_text(p)), 2, 2),
    "upper": (lambda t: _text(t).upper(), 1, 1),
    "yamlencode": (_yaml, 1, 1),
}
"""Name to function, fewest and most arguments (None: any number)."""


def _items(value: Value) -> tuple[Value, ...]:
    if not isinstance(value.data, tuple):
        raise Misuse("takes lists")
    return value.data


def _entries(value: Value) -> dict[str, Value]:
    if not isinstance(value.data, dict):
        raise Misuse("takes objects")
    return value.data


def _merge(*values: Value) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for value in values:
        made.update(_entries(value) if value.data is not None else {})
    return made


def _concat(*values: Value) -> tuple[Value, ...]:
    return tuple(item for value in values for item in _items(value))


def _lookup(where: Value, key: Value, *default: Value) -> Value:
    found = _entries(where).get(as_text(key) or "")
    if found is None and not default:
        raise Misuse(f"finds no {as_text(key)!r} and was given no default")
    return found if found is not None else default[0]


def _element(where: Value, index: Value) -> Value:
    items, number = _items(where), as_number(index)
    if not items or number is None:
        raise Misuse("takes a list that is not empty and a number")
    return items[int(number) % len(items)]


def _coalesce(*values: Value) -> Value:
    for value in values:
        if value.data not in {None, ""} if not isinstance(value.data, (tuple, dict)) else True:
            return value
    raise Misuse("was given nothing but null and empty text")


def _coalesce_list(*values: Value) -> Value:
    for value in values:
        if value.data:
            return value
    raise Misuse("was given nothing but empty lists")


def _flatten(value: Value) -> tuple[Value, ...]:
    made: list[Value] = []
    for item in _items(value):
        made += _flatten(item) if isinstance(item.data, tuple) else (item,)
        if len(made) > MOST_ELEMENTS:
            raise Misuse(f"makes at most {MOST_ELEMENTS} elements")
    return tuple(made)


def _distinct(value: Value) -> tuple[Value, ...]:
    known: dict[str, Value] = {}
    for item in _items(value):
        known.setdefault(f"{kind_of(item)} {_json(item.plain())}", item)
    return tuple(known.values())


def _slice(value: Value, start: Value, end: Value) -> tuple[Value, ...]:
    first, last = as_number(start), as_number(end)
    items = _items(value)
    if first is None or last is None or not 0 <= first <= last <= len(items):
        raise Misuse("takes a list and two positions in it")
    return items[int(first) : int(last)]


def _zipmap(keys: Value, values: Value) -> dict[str, Value]:
    if len(_items(keys)) != len(_items(values)):
        raise Misuse("takes two lists of the same length")
    return {as_text(key) or "": value for key, value in zip(_items(keys), _items(values), strict=True)}


def _values(value: Value) -> tuple[Value, ...]:
    return tuple(child for _, child in sorted(_entries(value).items()))


def _compact(value: Value) -> tuple[Value, ...]:
    return tuple(item for item in _items(value) if item.data not in {None, ""} or isinstance(item.data, (tuple, dict)))


def _one(value: Value) -> Value:
    if len(_items(value)) != 1:
        raise Misuse("takes a list of exactly one element")
    return _items(value)[0]


def _all_true(value: Value, *, every: bool) -> bool:
    return (all if every else any)(as_bool(item) is True for item in _items(value))


STRUCTURAL: Final[Mapping[str, tuple[Structural, int, int | None]]] = {
    "coalesce": (_coalesce, 1, None),
    "coalescelist": (_coalesce_list, 1, None),
    "compact": (_compact, 1, 1),
    "concat": (_concat, 1, None),
    "distinct": (_distinct, 1, 1),
    "element": (_element, 2, 2),
    "flatten": (_flatten, 1, 1),
    "lookup": (_lookup, 2, 3),
    "merge": (_merge, 0, None),
    "one": (_one, 1, 1),
    "reverse": (lambda xs: tuple(reversed(_items(xs))), 1, 1),
    "slice": (_slice, 3, 3),
    "tolist": (_items, 1, 1),
    "tomap": (_entries, 1, 1),
    "toset": (_distinct, 1, 1),
    "values": (_values, 1, 1),
    "zipmap": (_zipmap, 2, 2),
}

NAMES: Final = frozenset({*PLAIN, *STRUCTURAL, "try", "can", "alltrue", "anytrue"})


def truth(name: str, value: Value) -> bool:
    """``alltrue`` and ``anytrue``."""
    return _all_true(value, every=name == "alltrue")
