"""No pattern has a possessive group: before Python 3.11.5 one matches more than it says (python/cpython#100061, #106052)."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]

import pytest

import bot
from bot.secrecy.providers import PROVIDERS
from bot.secrecy.tokens import tokens
from tests.table import table


def patterns(value: object, depth: int = 0) -> Iterator[str]:
    """The text of every compiled pattern in a value of a module."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value.pattern
    elif isinstance(value, tuple | list | frozenset) and depth < 4:
        for element in value:
            yield from patterns(element, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        for element in value.values():
            yield from patterns(element, depth + 1)
    elif type(value).__module__.startswith("bot.") and depth < 4:
        for name in getattr(value, "__slots__", ()):
            yield from patterns(getattr(value, name, None), depth + 1)


def possessive_group(tree: object) -> bool:
    """Whether something longer than one character is repeated possessively."""
    if isinstance(tree, _parser.SubPattern):
        return any(possessive_group(item) for item in tree.data)
    if isinstance(tree, tuple) and len(tree) == 2 and tree[0] is _constants.POSSESSIVE_REPEAT:
        inner = tree[1][2]
        single = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY}
        return len(inner) != 1 or inner[0][0] not in single or possessive_group(inner)
    if isinstance(tree, tuple | list):
        return any(possessive_group(item) for item in tree)
    return False


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(bot.__path__, "bot.")
    if not module.name.endswith("__main__") and module.name.startswith(("bot.secrecy", "bot.guardrails", "bot.intake"))
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(?:ab?c)*+", True),
        ("((?:x|-(?!y))++)", True),
        ("a(?>(?:b++c)?+)", True),
        ("(?>(?:a|b++)*)[xy]{0,3}+c++.*+", False),
    ],
)
def test_a_possessive_group_is_told_from_a_character(text: str, expected: bool) -> None:
    """The check below sees one wherever it is."""
    assert possessive_group(_parser.parse(text)) == expected


@table("name", MODULES)
def test_no_module_has_a_possessive_group(name: str) -> None:
    """Of all compiled patterns that its names hold."""
    module = importlib.import_module(name)
    for text in patterns(list(vars(module).values())):
        assert not possessive_group(_parser.parse(text)), text


def test_no_provider_has_a_possessive_group() -> None:
    """Their patterns are compiled when they are needed."""
    for provider in PROVIDERS:
        for text in (provider.pattern, provider.generous):
            assert not possessive_group(_parser.parse(text)), provider.id


def test_a_private_key_ends_before_the_dashes_of_its_end() -> None:
    """Also where the body has dashes of its own, or nothing stands behind."""
    begin, end = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"
    for body in ("\nabc\n", "-a--b---c----", "\nx: y-z\n\n"):
        for rest in (end, "", f"{end}\n{begin}"):
            (credential,) = (found for found in tokens(begin + body + rest) if found.kind == "private-key")
            assert (begin + body + rest)[credential.start : credential.end] == body
    assert not list(tokens(begin + end))
