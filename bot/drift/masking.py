"""Keeps secret values out of everything that is shown, logged, committed or compared by eye.

A secret appears as ``hmac-sha256:`` and eight hex digits under a key that stays inside the installation: equal values
have equal digests, and nobody can try values against them. A value is secret by where it stands (a Secret's data, an
environment variable called ``*_PASSWORD``), by what its source says (``sensitive``), or by how it looks (credentials in
a URL, a private key, a token of a known form). Called while drifts are made, before anything else sees them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.drift.canonical import canonical
from bot.drift.shapes import Shape
from bot.model.resource import JSON, Item, Path, Tree

_SECRET_NAME: Final = re.compile(
    r"pass(word|wd|phrase|code)?s?$|pass(word|wd|phrase)|pwd|secret|token|credential|(api|access|private|signing|"
    r"encryption|master|account|shared|storage|license|ssh|deploy|auth)[-_.]?key|_key$|(^|[-_.])(auth|dsn|pat|pin|otp|"
    r"salt|seed|cookie|jwt|hmac)([-_.]|$)|connection[-_.]?string|webhook[-_.]?url|htpasswd|dockerconfigjson",
    re.IGNORECASE,
)
_NOT_SECRET_NAME: Final = re.compile(
    r"(file|path|dir|name|ref|refs|mount|ttl|expir\w*|timeout|enabled?|disabled?|count|length|limit|size|type|alg\w*|"
    r"policy|namespace|seconds|minutes|hours|days|issuer|audience|url(?<!hook_url)|uri|endpoint|version|provider|class)$",
    re.IGNORECASE,
)
_LOOKS_SECRET: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}"
    r"|sk-[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_\w{16,}|AIza[\w-]{30,}|npm_\w{30,}|pypi-[\w-]{30,}|hvs\.[\w-]{20,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*)"
    r"|(?:^|[\s,;&?\"'{-])[\w.-]*(?:password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|credential)s?[\"']?\s*[=:]\s*[\"']?(?!\$[({]|[\"']?\s*$|%\()[^\s\"']{2,}"
    r"|\bBearer\s+[\w.~+/-]{8,}|\bBasic\s+[A-Za-z0-9+/]{8,}=*",
    re.IGNORECASE | re.MULTILINE,
)
_OPTION: Final = re.compile(r"--?[\w.-]+\Z")
_SECRET_KINDS: Final = frozenset({"Secret", "secret"})


HIDDEN: Final = "(hidden)"


def digest(value: JSON, key: bytes) -> str:
    """``hmac-sha256:`` and the first 8 hex digits of the keyed digest of ``value``.

    Without a secret key nothing of the value may show, since anybody could try guesses against the digest: ``(hidden)``.
    """
    if not key:
        return HIDDEN
    plain = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return "hmac-sha256:" + hmac.new(key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]


def secret_name(name: str) -> bool:
    """Whether something called ``name`` usually holds a secret (and not the name or the file of one)."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_SECRET_NAME.search(snake)) and not _NOT_SECRET_NAME.search(snake)


def looks_secret(value: str) -> bool:
    """Whether the text itself carries a credential."""
    return bool(_LOOKS_SECRET.search(value))


class Mask:
    """Masks the values of one resource.

    ``all_data``: it is a Secret, whose ``data`` is secret whatever it is called. ``key`` is never shown.
    """

    __slots__ = ("_all_data", "_key")

    def __init__(self, key: bytes, *, kind: str) -> None:
        self._key = key
        self._all_data = kind in _SECRET_KINDS

    def __repr__(self) -> str:
        return "Mask()"

    def __call__(self, value: JSON, path: Path, shape: Shape, *, whole: bool = False) -> tuple[JSON, bool]:
        """``value`` as it may be shown, and whether anything was hidden. ``whole`` hides all of it."""
        if value is None:
            return None, whole
        if whole or self._data(path) or (_hides(path) and _is_text(value)):
            return digest(canonical(value, shape), self._key), True
        return self._inside(value, _name(path))

    def _data(self, path: Path) -> bool:
        return self._all_data and bool(path) and path[0] in {"data", "stringData", "content", "binaryData"}

    def _inside(self, value: JSON, name: str) -> tuple[JSON, bool]:
        if isinstance(value, (dict, Mapping)):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return self._list([*value])
        if isinstance(value, str) and (looks_secret(value) or (secret_name(name) and value)):
            return digest(value, self._key), True
        return value, False

    def _mapping(self, value: Tree) -> tuple[JSON, bool]:
        shown: dict[str, JSON] = {}
        hidden = False
        owner = value.get("name")
        for key, entry in value.items():
            # an element {name, value} keeps its secret under "value"; a reference {name, key} holds none
            name = str(owner) if key == "value" and isinstance(owner, str) else key
            secret = _is_text(entry) and key not in {"name", "key"} and entry != "" and secret_name(name)
            if secret or (self._all_data and key in {"data", "stringData"} and entry is not None):
                shown[key], inside = digest(entry, self._key), True
            else:
                shown[key], inside = self._inside(entry, "")
            hidden = hidden or inside
        return shown, hidden

    def _list(self, value: list[JSON]) -> tuple[JSON, bool]:
        shown: list[JSON] = []
        hidden = False
        before = ""
        for element in value:
            option = before if isinstance(element, str) and _OPTION.match(before) else ""
            one, inside = self._inside(element, option.lstrip("-"))
            shown.append(one)
            hidden = hidden or inside
            before = element if isinstance(element, str) else ""
        return shown, hidden

    def redact(self, text: str, *trees: JSON) -> str:
        """``text`` (a log line, an event) without any secret of ``trees`` and without anything that looks like one."""
        for secret in sorted({one for tree in trees for one in self._secrets(tree, ())}, key=len, reverse=True):
            text = text.replace(secret, digest(secret, self._key))
        return _LOOKS_SECRET.sub(lambda found: " " + digest(found[0], self._key), text)

    def _secrets(self, value: JSON, path: Path) -> Iterator[str]:
        """The secret texts of a tree that are long enough to be found by chance nowhere else."""
        if isinstance(value, (dict, Mapping)):
            owner = value.get("name")
            for key, entry in value.items():
                name = str(owner) if key == "value" and isinstance(owner, str) else key
                yield from self._secrets(entry, (*path, name))
        elif isinstance(value, (list, tuple)):
            for element in value:
                yield from self._secrets(element, path)
        elif isinstance(value, str) and len(value) >= 4 and (self._data(path) or secret_name(_name(path))):
            yield value


def _is_text(value: JSON) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _name(path: Path) -> str:
    """What a value at ``path`` is called: its key, or the element's name for ``env[NAME].value``."""
    if not path:
        return ""
    last = path[-1]
    if last == "value" and len(path) > 1 and isinstance(path[-2], Item):
        return path[-2].key
    return last.key if isinstance(last, Item) else str(last)


def _hides(path: Path) -> bool:
    return bool(path) and not isinstance(path[-1], Item) and secret_name(_name(path))
