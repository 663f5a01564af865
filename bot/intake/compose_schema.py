"""The JSON schema of the Compose specification, and what of a project does not keep it.

``compose_spec.json`` beside this file is the schema as docker compose holds it; its ``$comment`` says of which version. Called
by :mod:`bot.intake.compose_check`. Only the words of JSON Schema that it uses are read here; values that a variable hides
satisfy everything.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bot.intake.located import LocatedValue
from bot.model.json import JSON, Pointer, Tree, elements, mapping, text
from bot.model.resource import Through

DECLARED_KINDS: Final = {"networks": "network", "volumes": "volume", "secrets": "secret", "configs": "config"}

_NAMES: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}
_DURATION: Final = re.compile(r"[-+]?(0|((\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w))+)\Z", re.ASCII)
LONGEST_NUMBER: Final = 100
"""Characters of a text that may be a duration or a number."""


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """A value that the schema does not allow, in words; ``names`` are the keys that would be known where one is not.

    ``depth`` is how far below the top it stands: of several reasons the deepest tells most.
    """

    key_path: Pointer
    value: LocatedValue
    message: str
    expected: str | None = None
    names: tuple[str, ...] = ()
    hides: bool = True
    """Whether the value is no such thing, so that nobody can tell what it comes to."""

    @property
    def depth(self) -> int:
        """How specific this is: an unknown key says more than the type of what holds it."""
        return len(self.key_path)


@cache
def schema() -> Tree:
    """The whole schema."""
    return mapping(json.loads(Path(__file__).with_name("compose_spec.json").read_text(encoding="utf-8")))


def faults(tree: LocatedValue) -> Iterator[SchemaFault]:
    """Everything in a whole project that the schema does not allow."""
    yield from _Judge(schema()).against(schema(), tree, ())


def is_duration(duration_text: str) -> bool:
    """Whether a text is a time as Go reads it, or one in days and weeks (``ParseDuration`` of xhit/go-str2duration)."""
    return len(duration_text) <= LONGEST_NUMBER and _DURATION.match(duration_text) is not None


@dataclass(frozen=True, slots=True)
class _Judge:
    root: Tree

    def against(self, rule: Tree, value: LocatedValue, pointer: Pointer) -> Iterator[SchemaFault]:
        """What ``rule`` says against ``value``."""
        rule = self._followed(rule)
        if value.location.unknown:
            return
        types = _types(rule)
        if types and not any(_is(value.data, name) for name in types):
            yield SchemaFault(
                pointer, value, f"{shown(pointer)} is {_kind(value)}", _either([_NAMES[name] for name in types])
            )
            return
        yield from self._scalar(rule, value, pointer)
        if value.data is not None and isinstance(value.data, dict):
            yield from self._mapping(rule, value, pointer)
        if isinstance(value.data, list):
            yield from self._list(rule, value, pointer)
        if "oneOf" in rule:
            yield from self._alternatives(
                [mapping(alternative) for alternative in elements(rule["oneOf"])], value, pointer
            )

    def _followed(self, rule: Tree) -> Tree:
        while "$ref" in rule:
            target: JSON = self.root
            for part in text(rule["$ref"]).removeprefix("#/").split("/"):
                target = mapping(target).get(part)
            rule = mapping(target)
        return rule

    def _scalar(self, rule: Tree, value: LocatedValue, pointer: Pointer) -> Iterator[SchemaFault]:
        allowed = elements(rule.get("enum"))
        if allowed and value.data not in allowed:
            yield SchemaFault(
                pointer,
                value,
                f"{shown(pointer)} is {described_value(value)}",
                _either([repr(choice) for choice in allowed]),
            )
        if value.text is not None and not re.search(text(rule.get("pattern")), value.text):
            yield SchemaFault(
                pointer, value, f"{shown(pointer)} is {described_value(value)}", f"a text like {rule['pattern']}"
            )
        if value.text is not None and rule.get("format") == "duration" and not is_duration(value.text):
            yield SchemaFault(pointer, value, f"{shown(pointer)} is {described_value(value)}", "a time such as 1m30s")
        if isinstance(value.data, (int, float)) and not isinstance(value.data, bool):
            least, most = rule.get("minimum"), rule.get("maximum")
            if isinstance(least, (int, float)) and value.data < least:
                yield SchemaFault(pointer, value, f"{shown(pointer)} is {described_value(value)}", f"at least {least}")
            if isinstance(most, (int, float)) and value.data > most:
                yield SchemaFault(pointer, value, f"{shown(pointer)} is {described_value(value)}", f"at most {most}")

    def _mapping(self, rule: Tree, value: LocatedValue, pointer: Pointer) -> Iterator[SchemaFault]:
        properties, patterns = mapping(rule.get("properties")), mapping(rule.get("patternProperties"))
        for name in elements(rule.get("required")):
            if name not in value.mapping:
                yield SchemaFault(pointer, value, f"{shown(pointer)} has no {name!r}")
        for key, child in value.mapping.items():
            if key in properties:
                yield from self.against(mapping(properties[key]), child, (*pointer, key))
                continue
            pattern = next((pattern for pattern in patterns if re.search(pattern, key)), None)
            if pattern is not None:
                yield from self.against(mapping(patterns[pattern]), child, (*pointer, key))
            elif rule.get("additionalProperties") is False and not _was_listed(child):
                yield SchemaFault(
                    (*pointer, key), child, f"{shown(pointer)} has no key {key!r}", names=tuple(properties)
                )
            elif isinstance(rule.get("additionalProperties"), dict):
                yield from self.against(mapping(rule["additionalProperties"]), child, (*pointer, key))

    def _list(self, rule: Tree, value: LocatedValue, pointer: Pointer) -> Iterator[SchemaFault]:
        if "items" in rule:
            for index, item in enumerate(value.elements):
                yield from self.against(mapping(rule["items"]), item, (*pointer, index))
        if rule.get("uniqueItems") is True and not any(item.location.unknown for item in value.elements):
            plain = [json.dumps(item.plain(), sort_keys=True, default=str) for item in value.elements]
            if len({*plain}) < len(plain):
                counts = Counter(plain)
                again = next(item for item, text_ in zip(value.elements, plain, strict=True) if counts[text_] > 1)
                yield SchemaFault(
                    pointer, again, f"{shown(pointer)} has {described_value(again)} twice", "each element once"
                )

    def _alternatives(
        self, alternatives: Sequence[Tree], value: LocatedValue, pointer: Pointer
    ) -> Iterator[SchemaFault]:
        """Nothing where one way allows it; else the reasons of the way that came furthest."""
        faults_by_alternative = [[*self.against(alternative, value, pointer)] for alternative in alternatives]
        if not all(faults_by_alternative):
            return
        furthest = max(faults_by_alternative, key=lambda reasons: max(reason.depth for reason in reasons))
        if max(reason.depth for reason in furthest) > len(pointer):
            yield from furthest
            return
        expected = [reason.expected for reasons in faults_by_alternative for reason in reasons if reason.expected]
        yield SchemaFault(
            pointer, value, f"{shown(pointer)} is {_kind(value)}", _either(expected) if expected else None
        )


def _types(rule: Tree) -> list[str]:
    type_names = rule.get("type")
    return [type_names] if isinstance(type_names, str) else [text(name) for name in elements(type_names)]


def _is(data: object, name: str) -> bool:
    match name:
        case "object":
            return isinstance(data, Mapping)
        case "array":
            return isinstance(data, list)
        case "string":
            return isinstance(data, str)
        case "boolean":
            return isinstance(data, bool)
        case "null":
            return data is None
        case "integer":
            is_integral = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
            return is_integral and not isinstance(data, bool)
        case _:
            return isinstance(data, (int, float)) and not isinstance(data, bool)


def _kind(value: LocatedValue) -> str:
    """What a value is, in words, without showing it: it may be a secret."""
    names = ("null", "boolean", "string", "integer", "number", "array", "object")
    return next(_NAMES[name] for name in names if _is(value.data, name))


def described_value(value: LocatedValue) -> str:
    """A value as messages show it; what a variable holds, which may be a secret, is not shown."""
    return repr(value.plain()) if value.location.through is Through.LITERAL else "what its variable holds"


def named(value: LocatedValue, name: str) -> str:
    """``name``, which is of ``value``, as messages show it: not where a variable says it."""
    return name if value.location.through is Through.LITERAL else "(named by a variable)"


def shown(pointer: Pointer) -> str:
    """A place as people write it: ``services.web.ports.0``."""
    return ".".join(map(str, pointer)) if pointer else "the file"


def _was_listed(child: LocatedValue) -> bool:
    """Whether an entry was an element ``KEY=value`` of a list: docker compose looks at its key before it is one."""
    return bool(child.location.pointer) and isinstance(child.location.pointer[-1], int)


def _either(alternatives: Sequence[str]) -> str:
    *some, last = dict.fromkeys(alternatives)
    return f"{', '.join(some)} or {last}" if some else last
