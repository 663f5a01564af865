"""The functions by name, with the fewest and the most arguments that each takes (None: any number).

Called by :mod:`bot.assembly.calls`. Each means what the page of Terraform's documentation with its name says
(https://developer.hashicorp.com/terraform/language/functions); ``tests/assembly/test_functions.py`` compares all of them
with a real ``terraform console``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeAlias, TypeVar

from bot.assembly.functions import (
    arithmetic,
    encoding,
    files,
    formatting,
    lists,
    moments,
    networks,
    objects,
    patterns,
    sets,
    texts,
)
from bot.assembly.functions.arguments import number, text, truth
from bot.assembly.values import Data, Value
from bot.model.json import JSON

Plain: TypeAlias = Callable[..., JSON]
Filed: TypeAlias = Callable[..., JSON]
Traced: TypeAlias = "Callable[..., Value | Data]"

_Call = TypeVar("_Call")


@dataclass(frozen=True, slots=True)
class Function(Generic[_Call]):
    """A function and how many arguments it takes."""

    call: _Call
    fewest: int
    most: int | None


def _unless_null(convert: Callable[[JSON], JSON]) -> Plain:
    """A conversion of type: null is null in every type."""
    return lambda value: None if value is None else convert(value)


PLAIN: Final[Mapping[str, Function[Plain]]] = {
    "abs": Function(lambda value: abs(number(value)), 1, 1),
    "alltrue": Function(lists.all_true, 1, 1),
    "anytrue": Function(lists.any_true, 1, 1),
    "base64decode": Function(encoding.base64_decoded, 1, 1),
    "base64encode": Function(encoding.base64_text, 1, 1),
    "base64sha256": Function(encoding.base64_digest("sha256"), 1, 1),
    "base64sha512": Function(encoding.base64_digest("sha512"), 1, 1),
    "basename": Function(files.base, 1, 1),
    "ceil": Function(arithmetic.rounded(math.ceil), 1, 1),
    "chomp": Function(lambda value: text(value).rstrip("\r\n"), 1, 1),
    "cidrhost": Function(networks.host, 2, 2),
    "cidrnetmask": Function(networks.netmask, 1, 1),
    "cidrsubnet": Function(networks.subnet, 3, 3),
    "cidrsubnets": Function(networks.subnets, 1, None),
    "csvdecode": Function(encoding.parsed_csv, 1, 1),
    "dirname": Function(files.folder, 1, 1),
    "endswith": Function(lambda value, end: text(value).endswith(text(end)), 2, 2),
    "floor": Function(arithmetic.rounded(math.floor), 1, 1),
    "format": Function(formatting.formatted, 1, None),
    "formatdate": Function(moments.formatted, 2, 2),
    "formatlist": Function(formatting.formatted_list, 1, None),
    "indent": Function(texts.indented, 2, 2),
    "join": Function(texts.joined, 2, None),
    "jsondecode": Function(encoding.parsed_json, 1, 1),
    "jsonencode": Function(encoding.json_text, 1, 1),
    "keys": Function(objects.names, 1, 1),
    "length": Function(lists.length, 1, 1),
    "log": Function(arithmetic.logarithm, 2, 2),
    "lower": Function(texts.lower, 1, 1),
    "max": Function(arithmetic.largest, 1, None),
    "md5": Function(encoding.hexadecimal("md5"), 1, 1),
    "min": Function(arithmetic.smallest, 1, None),
    "parseint": Function(texts.parse_integer, 2, 2),
    "pow": Function(arithmetic.power, 2, 2),
    "range": Function(arithmetic.sequence, 1, 3),
    "sha1": Function(encoding.hexadecimal("sha1"), 1, 1),
    "sha256": Function(encoding.hexadecimal("sha256"), 1, 1),
    "sha512": Function(encoding.hexadecimal("sha512"), 1, 1),
    "signum": Function(arithmetic.sign, 1, 1),
    "sort": Function(lists.in_order, 1, 1),
    "split": Function(texts.split, 2, 2),
    "startswith": Function(lambda value, start: text(value).startswith(text(start)), 2, 2),
    "strcontains": Function(lambda value, part: text(part) in text(value), 2, 2),
    "strrev": Function(texts.reversed_text, 1, 1),
    "substr": Function(texts.substring, 3, 3),
    "sum": Function(arithmetic.total, 1, 1),
    "textdecodebase64": Function(encoding.decoded_text, 2, 2),
    "textencodebase64": Function(encoding.encoded_text, 2, 2),
    "timeadd": Function(moments.later, 2, 2),
    "timecmp": Function(moments.compared, 2, 2),
    "title": Function(texts.title, 1, 1),
    "tobool": Function(_unless_null(truth), 1, 1),
    "tonumber": Function(_unless_null(number), 1, 1),
    "tostring": Function(_unless_null(text), 1, 1),
    "trim": Function(texts.trim, 2, 2),
    "trimprefix": Function(lambda value, start: text(value).removeprefix(text(start)), 2, 2),
    "trimspace": Function(texts.trim_space, 1, 1),
    "trimsuffix": Function(lambda value, end: text(value).removesuffix(text(end)), 2, 2),
    "upper": Function(texts.upper, 1, 1),
    "urlencode": Function(encoding.percent_encoded, 1, 1),
    "uuidv5": Function(files.named_uuid, 2, 2),
    "yamldecode": Function(encoding.parsed_yaml, 1, 1),
    "yamlencode": Function(encoding.yaml_text, 1, 1),
}
"""Functions of plain values: the result is written nowhere but where the function is called."""

METERED: Final[Mapping[str, Function[Plain]]] = {
    "regex": Function(patterns.first_match, 2, 2),
    "regexall": Function(patterns.all_matches, 2, 2),
    "replace": Function(patterns.replaced, 3, 3),
}
"""Functions of plain values that also take the ``budget`` which their time is charged to."""

TRACED: Final[Mapping[str, Function[Traced]]] = {
    "chunklist": Function(lists.chunks, 2, 2),
    "coalesce": Function(lists.coalesce, 1, None),
    "coalescelist": Function(lists.coalesce_lists, 1, None),
    "compact": Function(lists.compact, 1, 1),
    "concat": Function(lists.concat, 1, None),
    "contains": Function(lists.contains, 2, 2),
    "distinct": Function(sets.distinct, 1, 1),
    "element": Function(lists.element, 2, 2),
    "ephemeralasnull": Function(lambda value: value, 1, 1),
    "flatten": Function(lists.flatten, 1, 1),
    "index": Function(lists.index, 2, 2),
    "issensitive": Function(lambda value: value.sensitive, 1, 1),
    "lookup": Function(objects.lookup, 2, 3),
    "matchkeys": Function(lists.matching, 3, 3),
    "merge": Function(objects.merge, 0, None),
    "nonsensitive": Function(lambda value: value.retraced(lambda trace: replace(trace, sensitive=False)), 1, 1),
    "one": Function(lists.only, 1, 1),
    "reverse": Function(lists.backwards, 1, 1),
    "sensitive": Function(lambda value: value.secret(), 1, 1),
    "setintersection": Function(sets.intersection, 1, None),
    "setproduct": Function(sets.product, 2, None),
    "setsubtract": Function(sets.difference, 2, 2),
    "setunion": Function(sets.union, 1, None),
    "slice": Function(lists.cut, 3, 3),
    "tolist": Function(lists.as_list, 1, 1),
    "tomap": Function(objects.as_map, 1, 1),
    "toset": Function(sets.as_set, 1, 1),
    "transpose": Function(objects.transpose, 1, 1),
    "values": Function(objects.values, 1, 1),
    "zipmap": Function(objects.zipped, 2, 2),
}
"""Functions of traced values: what they pass on still knows where it is written."""

FILED: Final[Mapping[str, Function[Filed]]] = {
    "file": Function(files.text_of, 1, 1),
    "filebase64": Function(files.base64_of, 1, 1),
    "filebase64sha256": Function(files.digest_of("sha256", base64=True), 1, 1),
    "filebase64sha512": Function(files.digest_of("sha512", base64=True), 1, 1),
    "fileexists": Function(files.exists, 1, 1),
    "filemd5": Function(files.digest_of("md5"), 1, 1),
    "filesha1": Function(files.digest_of("sha1"), 1, 1),
    "filesha256": Function(files.digest_of("sha256"), 1, 1),
    "filesha512": Function(files.digest_of("sha512"), 1, 1),
}
"""Functions of plain values that also take the :class:`~bot.assembly.functions.files.CommittedFiles` of their folder."""

_EVERY_RUN: Final = "gives another value at each run, and what is committed must not"
_OF_A_MACHINE: Final = "depends on the machine, and what is committed must not"
UNSUITED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("bcrypt", "plantimestamp", "timestamp", "uuid"), _EVERY_RUN),
    **dict.fromkeys(("abspath", "pathexpand"), _OF_A_MACHINE),
    "base64gzip": "compresses otherwise in each version of Terraform",
    "fileset": "looks for files; name each with file()",
    "rsadecrypt": "would need a private key in the configuration",
    "type": "exists in Terraform's console alone",
}
"""Functions of Terraform that no committed file can be made with, and why."""

THOROUGH: Final = frozenset({"csvdecode", "jsondecode", "split", "yamldecode", "yamlencode"})
"""Functions of plain values that spend a step on each character: they make or write values of it."""

NAMES: Final = frozenset({*PLAIN, *METERED, *TRACED, *FILED, "try", "can", "templatefile", "templatestring"})
