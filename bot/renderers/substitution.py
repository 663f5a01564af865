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


def substituted(tree: Tree, values: Mapping[str, JSON], *, complete: bool) -> Tree:
    """``tree`` with variables filled in. Raises ``Invalid`` for a form that Flux does not take.

    What has no value becomes empty, as Flux has it, if the values are ``complete``, and stays as it is written else. Flux
    substitutes in the YAML text, so what stands there unquoted is read again: ``replicas: ${N}`` becomes a number.
    """
    if any(mapping(get(tree, "metadata", part)).get(_SUBSTITUTE) == "disabled" for part in ("annotations", "labels")):
        return tree
    if (bad_name := next((name for name in values if not _VARIABLE.fullmatch(name)), None)) is not None:
        raise Invalid(
            f"{bad_name!r} is no name of a variable, so Flux substitutes nothing (letters, digits and _ alone)"
        )
    filling = _Filling({key: value for key, value in values.items() if isinstance(value, str)}, complete)
    filled = filling.of(tree)
    return filled if isinstance(filled, Mapping) else tree


@dataclass(frozen=True, slots=True)
class _Filling:
    values: Mapping[str, str]
    complete: bool

    def of(self, value: JSON) -> JSON:
        if isinstance(value, str):
            return self._read(value) if "$" in value else value
        if isinstance(value, Mapping):
            return {self._text(key) if "$" in key else key: self.of(entry) for key, entry in value.items()}
        if isinstance(value, Sequence):
            return [self.of(element) for element in value]
        return value

    def _read(self, expression: str) -> JSON:
        """The text filled in, and read as YAML again where it stood there unquoted."""
        filled = self._text(expression)
        if filled == expression or not _is_plain(expression):
            return filled
        try:
            documents = load(Text("the substituted text", f"value: {filled}\n"), Dialect.KUBERNETES)
        except Broken as exc:
            raise Invalid(
                f"{expression!r} with its variables substituted is not valid YAML: {exc.error.message}"
            ) from exc
        value = documents[0].value if len(documents) == 1 and documents[0] is not None else None
        if not isinstance(value, Mapping) or len(value) != 1:
            raise Invalid(f"{expression!r} with its variables substituted is not one YAML value")
        return value["value"]

    def _text(self, template: str) -> str:
        parts: list[str] = []
        at = 0
        while (dollar := template.find("$", at)) >= 0:
            parts.append(template[at:dollar])
            following = template[dollar + 1 : dollar + 2]
            if following == "{":
                part, at = self._expression(template, dollar + 2, 0)
                parts.append(part)
            else:
                parts.append("$")
                at = dollar + (2 if following == "$" else 1)
        return "".join(parts) + template[at:]

    def _expression(self, template: str, at: int, depth: int) -> tuple[str, int]:
        """What ``${…`` comes to, ``at`` being after the brace, and where it ends."""
        start = at - 2
        length = template.startswith("#", at)
        name = _NAME.match(template, at + length)
        if name is None or depth > _DEEPEST:
            raise _bad_substitution(template[start:])
        at = name.end()
        operator = "#" if length else ""
        arguments: list[str] = []
        if not length and not template.startswith("}", at):
            operator, arguments, at = self._call(template, at, depth)
        if not template.startswith("}", at):
            raise _bad_substitution(template[start:])
        value = self.values.get(name[0])
        if value is None and not self.complete:
            return template[start : at + 1], at + 1
        return _applied(operator, value or "", arguments), at + 1

    def _call(self, template: str, at: int, depth: int) -> tuple[str, list[str], int]:
        """The operator after a name, and its arguments."""
        if (default := _DEFAULT.match(template, at)) is not None:
            argument, at = self._argument(template, default.end(), "}", depth)
            return default[0], [argument], at
        if (casing := _CASING.match(template, at)) is not None:
            return casing[0], [], casing.end()
        if (trimming := _TRIMMING.match(template, at)) is not None:
            argument, at = self._argument(template, trimming.end(), "}", depth)
            return trimming[0], [argument], at
        if (replacing := _REPLACING.match(template, at)) is not None:
            pattern, at = self._argument(template, replacing.end(), "/", depth)
            if not template.startswith("/", at):
                raise _bad_substitution(template)
            replacement, at = self._argument(template, at + 1, "}", depth)
            return replacing[0], [pattern, *([replacement] if replacement else [])], at
        if template.startswith(":", at):
            position, at = self._argument(template, at + 1, ":}", depth)
            if not template.startswith(":", at):
                return ":", [position], at
            number, at = self._argument(template, at + 1, "}", depth)
            return ":", [position, number], at
        raise _bad_substitution(template)

    def _argument(self, template: str, at: int, closing: str, depth: int) -> tuple[str, int]:
        """Text until one of ``closing``; other expressions may stand in it."""
        parts: list[str] = []
        while at < len(template) and template[at] not in closing:
            if template.startswith("${", at):
                part, at = self._expression(template, at + 2, depth + 1)
                parts.append(part)
            elif "/" in closing and template[at : at + 2] in {"\\/", "\\\\"}:
                parts.append(template[at + 1])
                at += 2
            else:
                parts.append(template[at])
                at += 1
        return "".join(parts), at


def _bad_substitution(expression: str) -> Invalid:
    return Invalid(f"bad substitution in {expression[:80]!r} (a text that is no variable is written with $$)")


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
        start, *numbers = (int(argument) for argument in arguments)
    except ValueError:
        return value
    start = max(start + len(data), 0) if start < 0 else start
    end = len(data) if not numbers else start + numbers[0] if numbers[0] >= 0 else len(data) + numbers[0]
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


def _is_plain(template: str) -> bool:
    """Whether a YAML printer writes the text without quotes (YAML 1.2, section 7.3.3, "Plain Style", in a block): only then
    is it read again.
    """
    return not (
        "\n" in template
        or template != template.strip()
        or template[:1] in set("#,[]{}&*!|>'\"%@`")
        or (template[:1] in {"-", "?", ":"} and template[1:2] in {"", " "})
        or ": " in template
        or " #" in template
        or template.endswith(":")
    )
