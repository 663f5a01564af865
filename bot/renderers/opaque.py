"""Values that a repository holds without showing them: encrypted ones, and placeholders that something fills in later.

They are never compared and never written: whether the key is there is all that can be told.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.intake.encrypted import NOTES, SOPS, without_notes
from bot.model.json import Pointer, Tree, written_texts

_VAULT: Final = re.compile(r"<path:[^<>]+>|<[A-Za-z][\w-]*(?:\s*\|[^<>]*)?>\Z")
"""Placeholders of argocd-vault-plugin: ``<path:kv/data/x#key>``, and ``<key>`` as a whole value (its docs, "How it
works").
"""
_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?:[:=/#%,^-][^{}]*)?\}")
"""What Flux substitutes after a build (fluxcd.io, "Post build variable substitution")."""


_ENCRYPTED: Final = "it is encrypted with SOPS"


def opaque(tree: Tree) -> Mapping[Pointer, str]:
    """The pointers of values that cannot be compared, each with why."""
    pointers: dict[Pointer, str] = {(NOTES,): "it is SOPS's own"} if NOTES in tree else {}
    for at, leaf_text in written_texts(without_notes(tree)):
        if leaf_text.startswith(SOPS):
            pointers[at] = _ENCRYPTED
        elif "<" in leaf_text and _VAULT.search(leaf_text) is not None:
            pointers[at] = "it is a placeholder of argocd-vault-plugin"
    if tree.get("kind") == "Secret":
        data = tree.get("data")
        for key, value in data.items() if isinstance(data, Mapping) else ():
            if isinstance(value, str) and SOPS.encode() in _decoded(value):
                pointers["data", key] = _ENCRYPTED
    return pointers


def is_sops(pointers: Mapping[Pointer, str]) -> bool:
    """Whether some of what :func:`opaque` named is encrypted."""
    return _ENCRYPTED in pointers.values()


def _decoded(value: str) -> bytes:
    """Bytes in Base64; none where it is none."""
    try:
        return base64.b64decode(value)
    except ValueError:
        return b""


def unresolved(tree: Tree) -> Iterator[Pointer]:
    """The pointers of texts that still hold a variable that Flux would have substituted."""
    return (
        at for at, leaf_text in written_texts(tree) if "${" in leaf_text and _VARIABLE.search(leaf_text) is not None
    )


def holding(tree: Tree, mark: str) -> Iterator[Pointer]:
    """The pointers of texts with ``mark`` in them."""
    return (at for at, leaf_text in written_texts(tree) if mark in leaf_text)
