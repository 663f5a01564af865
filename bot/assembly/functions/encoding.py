"""Functions that write values as JSON, YAML, base64, percent-encoding or a digest, and read them back."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.assembly.numbers import number_text, parse_number
from bot.model.json import JSON

_ESCAPED: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"})


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
    written = str(yaml.dump(value, Dumper=Dumper, allow_unicode=True, default_flow_style=False, width=math.inf))
    scalar = value is None or isinstance(value, (bool, int, float))
    # PyYAML also ends a document with "..." whose last line ends are kept ("|+"); Terraform's writer does not.
    return written if scalar or not written.endswith("\n...\n") else written.removesuffix("...\n")


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
