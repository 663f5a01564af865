"""A credential of every provider in the table, made at run time so that none stands in a file."""

from __future__ import annotations

import base64
import random
import re
import string
from dataclasses import dataclass
from functools import cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as grammar  # type: ignore[attr-defined]
from typing import Any, Final

from bot.secrecy.providers import PROVIDERS, TokenProvider

_ALPHANUMERIC: Final = frozenset(string.ascii_letters + string.digits)
_CATEGORIES: Final = {
    codes.CATEGORY_DIGIT: string.digits,
    codes.CATEGORY_WORD: string.ascii_letters + string.digits,
    codes.CATEGORY_SPACE: " ",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One credential. ``core`` is a part of it that no escaping changes and that alone would be a leak."""

    kind: str
    text: str
    value: str = ""
    """The credential within the text, where there is more."""

    @property
    def core(self) -> str:
        runs = re.findall("[A-Za-z0-9]{6,}", (self.value or self.text).removeprefix("-----BEGIN RSA PRIVATE KEY-----"))
        return str(max(runs, key=len))[-12:]


def drawn(pattern: str, generator: random.Random) -> str:
    """A text that ``pattern`` matches, of letters and digits wherever it may have them, and not longer than needed."""
    return _drawn(grammar.parse(pattern), generator)


def _drawn(tree: Any, generator: random.Random) -> str:
    return "".join(_piece(operation, argument, generator) for operation, argument in tree)


def _piece(operation: Any, argument: Any, generator: random.Random) -> str:
    if operation is codes.LITERAL:
        return chr(argument)
    if operation is codes.IN:
        return generator.choice(_letters(tuple(argument)))
    if operation in {codes.MAX_REPEAT, codes.POSSESSIVE_REPEAT, codes.MIN_REPEAT}:
        least, most, repeated = argument
        times = least if most == least else generator.randint(least, min(most, least + 8))
        return "".join(_drawn(repeated, generator) for _ in range(times))
    if operation is codes.SUBPATTERN:
        return _drawn(argument[3], generator)
    if operation is codes.BRANCH:
        return _drawn(
            generator.choice([one for one in argument[1] if one and one[0][0] is not codes.ASSERT]), generator
        )
    assert operation in {codes.AT, codes.ASSERT, codes.ASSERT_NOT}, operation
    return ""


@cache
def _letters(argument: Any) -> str:
    letters = ""
    for operation, value in argument:
        if operation is codes.LITERAL:
            letters += chr(value)
        elif operation is codes.RANGE:
            letters += "".join(map(chr, range(value[0], value[1] + 1)))
        else:
            letters += _CATEGORIES[value]
    plain = "".join(letter for letter in letters if letter in _ALPHANUMERIC)
    return plain or letters


def sample(provider: TokenProvider, seed: int = 7) -> Sample:
    """A credential of ``provider``; the same one for the same seed."""
    generator = random.Random(f"{provider.id} {seed}")
    text = drawn(provider.pattern, generator)
    if provider.id in {"private-key", "putty-key"}:
        begin, end = (
            ("", "")
            if provider.id == "putty-key"
            else ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----")
        )
        body = "\n".join(drawn("[A-Za-z0-9]{64}", generator) for _ in range(2))
        text = f"{begin}\n{body}\n{end}" if begin else f"{text}ssh-ed25519\nPrivate-Lines: 1\n{body}\n"
    if provider.id in PLACES:
        secret = drawn("[A-Za-z]{8}[0-9]{2}[A-Za-z]{14}", generator)
        login = base64.b64encode(f"bob:{secret}".encode()).decode()
        text = PLACES[provider.id].format(login if provider.id in LOGINS else secret)
    value = provider.value(text) if provider.entropy else ""
    return Sample(provider.id, text, value if value != text else "")


PLACES: Final = {
    "npmrc-credential": "//registry.corp.dev/:_authToken={}",
    "netrc-password": "machine api.corp.dev login bob password {}",
    "docker-auth": '"auth": "{}"',
    "authorization-bearer": "Authorization: Bearer {}",
    "authorization-basic": "Authorization: Basic {}",
    "api-key-header": "X-Api-Key: {}",
    "curl-user": "curl -u bob:{} https://api.corp.dev/v1",
    "connection-string": "Server=db.corp.dev;User Id=bob;Password={};",
    "url-password": "redis://:{}@cache.corp.dev:6379/0",
}
"""How a credential of anybody is written where only such stand."""
LOGINS: Final = frozenset({"docker-auth", "authorization-basic"})
"""Where base64 of a user and a password stands."""
SAMPLES: Final = tuple(sample(provider) for provider in PROVIDERS)
