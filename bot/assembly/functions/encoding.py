"""Functions that write values as JSON, YAML, base64, percent-encoding or a digest, and read them back; and rows of text."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.assembly.numbers import number_text, parse_number
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON

_CODECS: Final = {
    "UTF-8": "utf-8", "UTF-16": "utf-16-be", "UTF-16LE": "utf-16-le", "UTF-16BE": "utf-16-be", "ISO-8859-1": "latin-1",
    "US-ASCII": "ascii", "WINDOWS-1252": "cp1252", "SHIFT_JIS": "shift_jis", "EUC-JP": "euc_jp", "GBK": "gbk", "BIG5": "big5",
}  # fmt: skip
"""The names of the IANA registry that are of use, with Python's own."""
_ESCAPED: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})
"""What ``jsonencode`` escapes beyond JSON (Terraform documentation, "jsonencode Function")."""


def quoted(value: str) -> str:
    """Text as JSON writes it, with the escapes that keep it whole inside HTML and JavaScript (Go, ``json.HTMLEscape``)."""
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)


def json_text(value: JSON) -> str:
    """Compact JSON, keys in order, numbers in full."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{quoted(text(key))}:{json_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(json_text(item) for item in value) + "]"
    if value is None:
        return "null"
    return quoted(text(value)) if isinstance(value, str) else text(value)


def parsed_json(value: JSON) -> JSON:
    """What JSON text says. Halves of surrogate pairs are what no text holds: U+FFFD stands for them, as in Go."""
    try:
        result: JSON = json.loads(
            text(value), parse_int=_json_number, parse_float=_json_number, parse_constant=_json_number
        )
    except (json.JSONDecodeError, RecursionError):
        raise Misuse("takes JSON text") from None
    return _without_surrogates(result)


def _json_number(digits: str) -> int | float:
    result = parse_number(digits)
    if result is None:
        raise Misuse("takes JSON text with numbers that can be computed with")
    return result


def _without_surrogates(value: JSON) -> JSON:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {str(_without_surrogates(key)): _without_surrogates(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(child) for child in value]
    return value


def yaml_text(value: JSON) -> JSON:
    """Block style YAML as Terraform writes it: all text quoted, or literal where it has several lines; lines of any length."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """A dumper of its own, so that what it knows of text and numbers holds nowhere else."""

    def text_node(dumper: Dumper, data: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else '"')

    def number_node(dumper: Dumper, data: float) -> yaml.Node:
        digits = number_text(data)
        return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in digits else 'int'}", digits)

    Dumper.add_representer(str, text_node)
    Dumper.add_representer(int, number_node)
    Dumper.add_representer(float, number_node)
    dumped = str(yaml.dump(value, Dumper=Dumper, allow_unicode=True, default_flow_style=False, width=math.inf))
    scalar = value is None or isinstance(value, (bool, int, float))
    # PyYAML also ends a document with "..." whose last line ends are kept ("|+"); Terraform's writer does not.
    return dumped if scalar or not dumped.endswith("\n...\n") else dumped.removesuffix("...\n")


def parsed_yaml(value: JSON) -> JSON:
    """What YAML text says, one document of it; ``yes`` is true (go-cty-yaml reads as YAML 1.1 does)."""
    yaml_source = Text("", text(value))
    try:
        documents = load(yaml_source, Dialect.TERRAFORM)
        tags = [tag for document in load(yaml_source, Dialect.COMPOSE) if document is not None for tag in document.tags]
    except Broken as problem:
        raise Misuse(f"takes YAML text: {problem.problem or 'this is too large'}") from None
    if len(documents) != 1 or documents[0] is None:
        raise Misuse("takes one document")
    if tags:
        raise Misuse("takes YAML without tags, and dates in quotes")
    _check_finite(documents[0].value)
    return documents[0].value


def _check_finite(value: JSON) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Misuse("takes YAML text with numbers that can be computed with")
    for child in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        _check_finite(child)


def encoded_text(value: JSON, encoding: JSON) -> JSON:
    """The base64 of a text in a character encoding."""
    try:
        return base64.b64encode(text(value).encode(_codec(encoding))).decode()
    except UnicodeError:
        raise Misuse("takes text that this encoding can write") from None


def decoded_text(value: JSON, encoding: JSON) -> JSON:
    """The text that base64 of a character encoding writes."""
    try:
        return base64.b64decode(text(value), validate=True).decode(_codec(encoding))
    except ValueError:
        raise Misuse("takes base64 of text in this encoding") from None


def _codec(encoding: JSON) -> str:
    name = _CODECS.get(text(encoding).upper())
    if name is None:
        raise Misuse(f"knows the encodings {', '.join(_CODECS)}")
    return name


def base64_text(value: JSON) -> JSON:
    """The base64 of the UTF-8 bytes of a text."""
    return base64.b64encode(text(value).encode()).decode()


def base64_decoded(value: JSON) -> JSON:
    """The text whose UTF-8 bytes the base64 text encodes; line ends in it are passed over."""
    try:
        return base64.b64decode(text(value).replace("\r", "").replace("\n", ""), validate=True).decode("utf-8")
    except ValueError:
        raise Misuse("takes base64 of UTF-8 text") from None


def percent_encoded(value: JSON) -> JSON:
    """Text for the query of a URL: a plus for a space, all but letters, digits and ``-._~`` in percent-encoding."""
    return quote_plus(text(value))


def hexadecimal(algorithm: str) -> Callable[[JSON], JSON]:
    """The function that gives the digest of a text in hexadecimal digits."""
    return lambda value: _digest(algorithm, value).hexdigest()


def base64_digest(algorithm: str) -> Callable[[JSON], JSON]:
    """The function that gives the digest of a text in base64."""
    return lambda value: base64.b64encode(_digest(algorithm, value).digest()).decode()


def _digest(algorithm: str, value: JSON) -> Any:
    return hashlib.new(algorithm, text(value).encode(), usedforsecurity=False)


_QUOTED: Final = re.compile(r'"([^"]*(?:""[^"]*)*)"(?=[,\n]|\Z)')
_PLAIN: Final = re.compile(r"[^,\n]*")


def parsed_csv(value: JSON) -> JSON:
    """The rows of comma-separated values as objects, as ``encoding/csv`` of Go reads them (RFC 4180 without bare quotes); the
    first row names the columns.
    """
    rows = [*_rows(text(value).replace("\r\n", "\n").removesuffix("\r"))]
    if not rows:
        raise Misuse("takes comma-separated values with a first row that names the columns")
    if len(set(rows[0])) < len(rows[0]):
        raise Misuse("takes columns that each have a name of their own")
    if any(len(row) != len(rows[0]) for row in rows):
        raise Misuse("takes rows that have as many values as there are columns")
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def _rows(chars: str) -> Iterator[list[str]]:
    """The rows but for empty lines."""
    at = 0
    while at < len(chars):
        if chars[at] == "\n":
            at += 1
            continue
        row: list[str] = []
        has_more = True
        while has_more:
            match = (_QUOTED if chars.startswith('"', at) else _PLAIN).match(chars, at)
            if match is None or (not match.re.groups and '"' in match[0]):
                raise Misuse("takes comma-separated values, with quotes around those that have quotes in them")
            row.append(match[1].replace('""', '"') if match.re.groups else match[0])
            has_more = chars.startswith(",", match.end())
            at = match.end() + 1
        yield row
