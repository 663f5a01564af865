"""Variables that Flux fills in after a build: ``${NAME}`` and its forms, in all text of an object.

Sources: fluxcd.io, kustomize-controller, "Post build variable substitution"; ``kustomize/kustomize_varsub.go`` and
``envsubst/`` of fluxcd/pkg, whose grammar and functions these are: ``${NAME}``, defaults (``:-``, ``:=``, ``=``), length
(``${#NAME}``), substrings (``:1:2``), case (``^^``, ``,,``), prefixes and suffixes (``#``, ``%``), replacement (``/a/b``).
``$$`` is ``$``, ``$NAME`` without braces stays, and objects that say ``kustomize.toolkit.fluxcd.io/substitute: disabled``
stay. A form that is none of these fails the whole ``Kustomization``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import Invalid
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Tree, get, mapping
from bot.targets.globs import flat_match

_SUBSTITUTE: Final = "kustomize.toolkit.fluxcd.io/substitute"
_NAME: Final = re.compile(r"\w+")
_VARIABLE: Final = re.compile(r"[_A-Za-z]\w*", re.ASCII)
"""What a variable may be called (``varsubRegex`` of ``kustomize_varsub.go``)."""
_DEFAULT: Final = re.compile(r":[=\-?+]|=")
_CASING: Final = re.compile(r",,?|\^\^?|[,^]{2}")
_TRIMMING: Final = re.compile(r"##?|%%?")
_REPLACING: Final = re.compile(r"/[/#%]?")
_DEEPEST: Final = 20


def substituted(tree: Tree, values: Mapping[str, JSON], *, known: bool) -> Tree:
    """``tree`` with variables filled in. Raises ``Invalid`` for a form that Flux does not take.

    What has no value becomes empty, as Flux has it, if all values are ``known``, and stays as it is written else. Flux
    substitutes in the YAML text, so what stands there unquoted is read again: ``replicas: ${N}`` becomes a number.
    """
    if any(mapping(get(tree, "metadata", part)).get(_SUBSTITUTE) == "disabled" for part in ("annotations", "labels")):
        return tree
    if (bad := next((name for name in values if not _VARIABLE.fullmatch(name)), None)) is not None:
        raise Invalid(f"{bad!r} is no name of a variable, so Flux substitutes nothing (letters, digits and _ alone)")
    filling = _Filling({key: value for key, value in values.items() if isinstance(value, str)}, known)
    filled = filling.of(tree)
    return filled if isinstance(filled, Mapping) else tree


@dataclass(frozen=True, slots=True)
class _Filling:
    values: Mapping[str, str]
    known: bool

    def of(self, value: JSON) -> JSON:
        if isinstance(value, str):
            return self._read(value) if "$" in value else value
        if isinstance(value, Mapping):
            return {self._text(key) if "$" in key else key: self.of(each) for key, each in value.items()}
        if isinstance(value, Sequence):
            return [self.of(each) for each in value]
        return value

    def _read(self, written: str) -> JSON:
        """The text filled in, and read as YAML again where it stood there unquoted."""
        filled = self._text(written)
        if filled == written or not _is_plain(written):
            return filled
        try:
            documents = load(Text("the substituted text", f"value: {filled}\n"), Dialect.KUBERNETES)
        except Broken as exc:
            raise Invalid(f"{written!r} with its variables substituted is not valid YAML: {exc.error.message}") from exc
        value = documents[0].value if len(documents) == 1 and documents[0] is not None else None
        if not isinstance(value, Mapping) or len(value) != 1:
            raise Invalid(f"{written!r} with its variables substituted is not one YAML value")
        return value["value"]

    def _text(self, written: str) -> str:
        parts: list[str] = []
        at = 0
        while (dollar := written.find("$", at)) >= 0:
            parts.append(written[at:dollar])
            following = written[dollar + 1 : dollar + 2]
            if following == "{":
                part, at = self._expression(written, dollar + 2, 0)
                parts.append(part)
            else:
                parts.append("$")
                at = dollar + (2 if following == "$" else 1)
        return "".join(parts) + written[at:]

    def _expression(self, written: str, at: int, depth: int) -> tuple[str, int]:
        """What ``${…`` comes to, ``at`` being after the brace, and where it ends."""
        start = at - 2
        length = written.startswith("#", at)
        name = _NAME.match(written, at + length)
        if name is None or depth > _DEEPEST:
            raise _bad(written[start:])
        at = name.end()
        operator = "#" if length else ""
        arguments: list[str] = []
        if not length and not written.startswith("}", at):
            operator, arguments, at = self._call(written, at, depth)
        if not written.startswith("}", at):
            raise _bad(written[start:])
        value = self.values.get(name[0])
        if value is None and not self.known:
            return written[start : at + 1], at + 1
        return _applied(operator, value or "", arguments), at + 1

    def _call(self, written: str, at: int, depth: int) -> tuple[str, list[str], int]:
        """The operator after a name, and its arguments."""
        if (default := _DEFAULT.match(written, at)) is not None:
            argument, at = self._argument(written, default.end(), "}", depth)
            return default[0], [argument], at
        if (casing := _CASING.match(written, at)) is not None:
            return casing[0], [], casing.end()
        if (trimming := _TRIMMING.match(written, at)) is not None:
            argument, at = self._argument(written, trimming.end(), "}", depth)
            return trimming[0], [argument], at
        if (replacing := _REPLACING.match(written, at)) is not None:
            pattern, at = self._argument(written, replacing.end(), "/", depth)
            if not written.startswith("/", at):
                raise _bad(written)
            replacement, at = self._argument(written, at + 1, "}", depth)
            return replacing[0], [pattern, *([replacement] if replacement else [])], at
        if written.startswith(":", at):
            position, at = self._argument(written, at + 1, ":}", depth)
            if not written.startswith(":", at):
                return ":", [position], at
            number, at = self._argument(written, at + 1, "}", depth)
            return ":", [position, number], at
        raise _bad(written)

    def _argument(self, written: str, at: int, closing: str, depth: int) -> tuple[str, int]:
        """Text until one of ``closing``; other expressions may stand in it."""
        parts: list[str] = []
        while at < len(written) and written[at] not in closing:
            if written.startswith("${", at):
                part, at = self._expression(written, at + 2, depth + 1)
                parts.append(part)
            elif "/" in closing and written[at : at + 2] in {"\\/", "\\\\"}:
                parts.append(written[at + 1])
                at += 2
            else:
                parts.append(written[at])
                at += 1
        return "".join(parts), at


def _bad(written: str) -> Invalid:
    return Invalid(f"bad substitution in {written[:80]!r} (a text that is no variable is written with $$)")


def _applied(operator: str, value: str, arguments: Sequence[str]) -> str:
    """``lookupFunc`` and the functions of ``envsubst/funcs.go``. A default stands in for an empty value in all forms."""
    match operator:
        case "":
            return value
        case "," | ",,":
            return value.lower() if operator == ",," else value[:1].lower() + value[1:]
        case "^" | "^^":
            return value.upper() if operator == "^^" else value[:1].upper() + value[1:]
        case "#" if not arguments:
            return str(len(value.encode()))
        case "#" | "##":
            return _trimmed(value, arguments[0], longest=operator == "##")
        case "%" | "%%":
            return _trimmed(value[::-1], arguments[0][::-1], longest=operator == "%%")[::-1]
        case ":":
            return _substring(value, arguments)
        case "/" | "//" | "/#" | "/%":
            return _replaced(operator, value, arguments)
        case _:
            return value or "".join(arguments)


def _trimmed(value: str, pattern: str, *, longest: bool) -> str:
    """``value`` without the longest or the shortest beginning, of one character at least, that ``pattern`` takes."""
    lengths = range(len(value), 0, -1) if longest else range(1, len(value) + 1)
    return next((value[length:] for length in lengths if flat_match(pattern, value[:length])), value)


def _substring(value: str, arguments: Sequence[str]) -> str:
    data = value.encode()
    try:
        start, *rest = (int(argument) for argument in arguments)
    except ValueError:
        return value
    start = max(start + len(data), 0) if start < 0 else start
    end = len(data) if not rest else start + rest[0] if rest[0] >= 0 else len(data) + rest[0]
    return data[start : max(end, start)].decode("utf-8", "replace")


def _replaced(operator: str, value: str, arguments: Sequence[str]) -> str:
    pattern, replacement = arguments[0], arguments[1] if len(arguments) > 1 else ""
    match operator:
        case "//":
            return value.replace(pattern, replacement)
        case "/":
            return value.replace(pattern, replacement, 1)
        case "/#" if value.startswith(pattern) and len(arguments) > 1:
            return replacement + value.removeprefix(pattern)
        case "/%" if value.endswith(pattern) and len(arguments) > 1:
            return value.removesuffix(pattern) + replacement
        case _:
            return value


def _is_plain(written: str) -> bool:
    """Whether a YAML printer writes the text without quotes (YAML 1.2, section 7.3.3, "Plain Style", in a block): only then
    is it read again.
    """
    return not (
        "\n" in written
        or written != written.strip()
        or written[:1] in set("#,[]{}&*!|>'\"%@`")
        or (written[:1] in {"-", "?", ":"} and written[1:2] in {"", " "})
        or ": " in written
        or " #" in written
        or written.endswith(":")
    )
