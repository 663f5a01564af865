"""Keeps secret values out of everything that is shown, logged, committed or compared by eye.

A secret appears as ``hmac-sha256:`` and eight hex digits under a key that stays inside the installation: equal values
have equal digests, and nobody can try values against them. A value is secret by where it stands (a Secret's data, an
environment variable called ``*_PASSWORD``), by what its source says (``sensitive``), by how it looks (credentials in a
URL, a provider's token, a configuration file with a password), or because the same resource holds it in a secret place.
Called while drifts are made, before anything else sees them; what is secret by name or look: :mod:`bot.secrecy`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final
from urllib.parse import quote

from bot.drift.canonical import canonical
from bot.drift.shapes import Shape
from bot.drift.values import decoded
from bot.model.json import JSON, Pointer, Tree, texts_in
from bot.model.paths import Item, Path
from bot.secrecy.credentials import credentials, is_secret, looks_secret, secret_arguments
from bot.secrecy.redaction import replaced
from bot.secrecy.vocabulary import harmless, holds_secret, secret_name

_SECRET_KINDS: Final = frozenset({"Secret", "secret"})
_DATA: Final = frozenset({"data", "stringData", "content", "binaryData"})
_SHORT: Final = 8

HIDDEN: Final = "(hidden)"


def digest(value: JSON, key: bytes) -> str:
    """``hmac-sha256:`` and the first 8 hex digits of the keyed digest of ``value``.

    Without a secret key nothing of the value may show, since anybody could try guesses against the digest: ``(hidden)``.
    """
    if not key:
        return HIDDEN
    plain = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return "hmac-sha256:" + hmac.new(key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]


class Mask:
    """Masks the values of one resource of ``kind``: the data of a Secret are secret whatever they are called.

    ``trees`` are both sides of the resource and ``sensitive`` the pointers that its source declares secret: what stands
    in a secret place of either is masked wherever else it stands. ``names`` say in the open what the resource is called.
    ``key`` is never shown.
    """

    def __init__(
        self,
        key: bytes,
        *,
        kind: str,
        trees: tuple[Tree, ...] = (),
        sensitive: Iterable[Pointer] = (),
        names: Iterable[str] = (),
    ) -> None:
        self._key = key
        self._kind = kind
        self._all_data = kind in _SECRET_KINDS
        self._trees = trees
        self._sensitive = sensitive
        self._names = names

    def __call__(
        self, value: JSON, path: Path, shape: Shape, *, is_whole: bool = False, owner: str = ""
    ) -> tuple[JSON, bool]:
        """``value`` as it may be shown, and whether anything was hidden. ``is_whole`` hides all of it.

        ``owner`` is the ``name`` beside a ``value`` whose path does not tell it.
        """
        if value is None:
            return None, is_whole
        name = owner or _name(path)
        has_secret_name = bool(path) and not isinstance(path[-1], Item) and _is_text(value) and _is_secret(name, value)
        encoded = path[:1] == ("binaryData",) and any(looks_secret(decoded(text) or "") for text in texts_in(value))
        if is_whole or has_secret_name or encoded or self._data(path):
            return digest(canonical(value, shape), self._key), True
        return self._inside(value, name)

    def _data(self, path: Path) -> bool:
        if self._all_data:
            return bool(path) and path[0] in _DATA
        is_made_secret = self._kind.endswith("Secret") and "template" in path
        return is_made_secret and any(part in _DATA for part in path[path.index("template") :])

    def _inside(self, value: JSON, name: str) -> tuple[JSON, bool]:
        if isinstance(value, (dict, Mapping)):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return self._list([*value], name)
        if isinstance(value, str):
            if is_secret(name, value):
                return digest(value, self._key), True
            masked_text = self.without_known(value)
            return masked_text, masked_text != value
        return value, False

    def _mapping(self, value: Tree) -> tuple[JSON, bool]:
        masked_entries: dict[str, JSON] = {}
        hidden = False
        for key, entry in value.items():
            name = name_in(value, key)
            secret = _is_text(entry) and entry != "" and _is_secret(name, entry)
            if secret or (self._all_data and key in {"data", "stringData"} and entry is not None):
                masked_entries[key], hides_part = digest(entry, self._key), True
            else:
                masked_entries[key], hides_part = self._inside(entry, name)
            hidden = hidden or hides_part
        return masked_entries, hidden

    def _list(self, value: list[JSON], name: str) -> tuple[JSON, bool]:
        # a list called "secrets" names some
        name = "" if name.lower().endswith("secrets") else name
        arguments = [element if isinstance(element, str) else json.dumps(element, default=str) for element in value]
        secret = secret_arguments(arguments) if any(map(_is_text, value)) else set()
        masked_elements: list[JSON] = []
        hidden = False
        for index, element in enumerate(value):
            masked, hides_part = (digest(element, self._key), True) if index in secret else self._inside(element, name)
            masked_elements.append(masked)
            hidden = hidden or hides_part
        return masked_elements, hidden

    def path(self, path: Path) -> Path:
        """``path`` with digests for what in it is a credential, such as the key of a label or the target of a mount."""
        return tuple(map(self._part, path))

    def _part(self, part: str | int | Item) -> str | int | Item:
        if isinstance(part, Item):
            return Item(digest(part.key, self._key)) if looks_secret(part.key) else part
        return digest(part, self._key) if isinstance(part, str) and looks_secret(part) else part

    def redact(self, text: str) -> str:
        """``text`` (a log line, an event) without any known secret and without anything that looks like one."""
        text = self.without_known(text)
        return replaced(text, credentials(text), lambda _, secret: digest(secret, self._key))

    def without_known(self, text: str) -> str:
        """``text`` with digests for what stands in a secret place of the resource."""
        known_values = self._secret_pattern
        return text if known_values is None else known_values.sub(lambda match: digest(match[0], self._key), text)

    @cached_property
    def _secret_pattern(self) -> re.Pattern[str] | None:
        """The secrets of the resource, the longest first, as they are and as base64 and URLs write them."""
        secrets = {secret for tree in self._trees for secret in self._secrets(tree, ())}
        secrets |= {
            text for tree in self._trees for pointer in self._sensitive for text in texts_in(_at(tree, pointer))
        }
        secrets = {form for secret in secrets for form in self._forms(secret)}
        spelled = sorted(
            {form for secret in secrets if self._is_telling(secret) for form in _spellings(secret)}, key=len
        )
        return re.compile("|".join(map(_pattern, reversed(spelled)))) if spelled else None

    def _forms(self, secret: str) -> Iterator[str]:
        """The secret, what it encodes, and the lines of one that has several."""
        yield secret
        if plain := decoded(secret):
            yield plain
        yield from (line.strip() for line in secret.splitlines()[1:] if len(line.strip()) >= _SHORT)

    def _is_telling(self, secret: str) -> bool:
        """Whether to look for ``secret`` everywhere: it is no word that the resource says openly or that means nothing."""
        if len(secret) < 4 or harmless(secret) or (secret.isdigit() and len(secret) < 6):
            return False
        return secret.lower() not in self._public_terms

    @cached_property
    def _public_terms(self) -> frozenset[str]:
        """The words of the resource's names and images: ``postgres`` as a password would hide every ``postgres:16``."""
        texts = map(str.lower, (*self._names, *(image for tree in self._trees for image in images_in(tree))))
        return frozenset(term for text in texts for term in (text, *re.split(r"[^a-z0-9]+", text)))

    def _secrets(self, value: JSON, path: Path) -> Iterator[str]:
        """The texts in secret places of a tree."""
        if isinstance(value, (dict, Mapping)):
            for key, entry in value.items():
                yield from self._secrets(entry, (*path, name_in(value, key)))
        elif isinstance(value, (list, tuple)):
            for element in value:
                yield from self._secrets(element, path)
        elif isinstance(value, str):
            name, equals, assigned = value.partition("=")
            if self._data(path) or holds_secret(_name(path), value):
                yield value
            elif equals and path[-1:] == ("environment",) and holds_secret(name, assigned):
                yield assigned


def name_in(mapping: Tree, key: str) -> str:
    """What ``mapping[key]`` is called: an element ``{name, value}`` keeps under ``value`` what its name says."""
    if key != "value":
        return key
    owner = mapping.get("name", mapping.get("key"))
    return owner if isinstance(owner, str) else key


def owner_of(tree: JSON, path: Path) -> str:
    """The ``name`` beside the ``value`` at ``path`` of ``tree``; empty for another place or where there is none."""
    if path[-1:] != ("value",):
        return ""
    for part in path[:-1]:
        tree = _step(tree, part)
    name = name_in(tree, "value") if isinstance(tree, (dict, Mapping)) else "value"
    return "" if name == "value" else name


def _step(value: JSON, part: str | int | Item) -> JSON:
    if isinstance(value, (dict, Mapping)):
        return value.get(part) if isinstance(part, str) else None
    if not isinstance(value, (list, tuple)):
        return None
    if isinstance(part, int):
        return value[part] if -len(value) <= part < len(value) else None
    key = part.key if isinstance(part, Item) else part
    return next((entry for entry in value if isinstance(entry, (dict, Mapping)) and key in entry.values()), None)


def _at(tree: JSON, pointer: Pointer) -> JSON:
    for part in pointer:
        tree = _step(tree, part)
    return tree


def images_in(value: JSON, key: str = "") -> Iterator[str]:
    """The image references of a tree."""
    if isinstance(value, (dict, Mapping)):
        for name, entry in value.items():
            yield from images_in(entry, name)
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from images_in(element)
    elif isinstance(value, str) and key == "image":
        yield value


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()}


def _pattern(secret: str) -> str:
    """A short one counts as a word of its own or behind a one-letter option only."""
    exact = re.escape(secret)
    return exact if len(secret) >= _SHORT else rf"(?:(?<![A-Za-z0-9])|(?<=-[A-Za-z])){exact}(?![A-Za-z0-9])"


def _is_text(value: JSON) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _is_secret(name: str, value: JSON) -> bool:
    return holds_secret(name, value) if isinstance(value, str) else secret_name(name)


def _name(path: Path) -> str:
    """What a value at ``path`` is called: its key, or the element's name for ``env[NAME].value``."""
    if not path:
        return ""
    owner, last = path[-2:][0], path[-1]
    if last == "value" and isinstance(owner, Item):
        return owner.key
    return last.key if isinstance(last, Item) else str(last)
