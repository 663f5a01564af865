"""Values that a manifest holds encrypted: they are in the cluster as what they stand for, so nobody can compare them.

Used by :mod:`bot.intake.manifest`, and by the renderers, which know more kinds of what is filled in later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.model.json import JSON, Pointer, Tree

SOPS: Final = "ENC[AES256_GCM,"
"""How SOPS writes an encrypted value (getsops/sops README, "Encryption Protocol")."""
_SEALED: Final = re.compile(
    r"ENC\[AES256_GCM,|\$ANSIBLE_VAULT;|-----BEGIN (AGE ENCRYPTED FILE|PGP MESSAGE)-----|ref\+[a-z0-9]+://|<path:[^<>]+>"
)
"""SOPS; ansible-vault ("Encrypting content with Ansible Vault", format); age and OpenPGP armour; vals, which helmfile and
helm-secrets read ("ref+BACKEND://PATH"); argocd-vault-plugin ("How it works").
"""


def encrypted(tree: Tree) -> frozenset[Pointer]:
    """The pointers of what ``tree`` holds encrypted, with SOPS's own notes on it."""
    return frozenset(_walk(tree, (), sops="sops" in tree))


def _walk(value: JSON, at: Pointer, *, sops: bool) -> Iterator[Pointer]:
    if isinstance(value, str):
        if _SEALED.match(value):
            yield at
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if sops and not at and key == "sops":
                yield ("sops",)
            else:
                yield from _walk(entry, (*at, key), sops=sops)
    elif isinstance(value, Sequence):
        for index, element in enumerate(value):
            yield from _walk(element, (*at, index), sops=sops)
