"""Values that a manifest holds encrypted: they are in the cluster as what they stand for, so nobody can compare them.

Used by :mod:`bot.intake.manifest`, and by the renderers, which know more kinds of what is filled in later.
"""

from __future__ import annotations

import re
from typing import Final

from bot.model.json import Pointer, Tree, written_texts

SOPS: Final = "ENC[AES256_GCM,"
"""How SOPS writes an encrypted value (getsops/sops README, "Encryption Protocol")."""
NOTES: Final = "sops"
"""The key below which SOPS notes how it encrypted a document (the same, "Storage Format")."""
_SEALED: Final = re.compile(
    r"ENC\[AES256_GCM,|\$ANSIBLE_VAULT;|-----BEGIN (AGE ENCRYPTED FILE|PGP MESSAGE)-----|ref\+[a-z0-9]+://|<path:[^<>]+>"
)
"""SOPS; ansible-vault ("Encrypting content with Ansible Vault", format); age and OpenPGP armour; vals, which helmfile and
helm-secrets read ("ref+BACKEND://PATH"); argocd-vault-plugin ("How it works").
"""


def encrypted(tree: Tree) -> frozenset[Pointer]:
    """The pointers of what ``tree`` holds encrypted, with SOPS's own notes on it."""
    sealed = (at for at, text in written_texts(without_notes(tree)) if _SEALED.match(text))
    return frozenset([*((key,) for key in tree if key == NOTES), *sealed])


def without_notes(tree: Tree) -> Tree:
    """``tree`` without what SOPS notes of how it was encrypted."""
    return {key: entry for key, entry in tree.items() if key != NOTES}
