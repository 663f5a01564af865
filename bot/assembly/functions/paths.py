"""Functions of paths and identifiers. Source: Terraform documentation, "Filesystem Functions" and ``uuidv5``."""

from __future__ import annotations

import posixpath
import uuid
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.model.json import JSON

_SPACES: Final = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def base(path: JSON) -> JSON:
    """The last part of a path (Go, ``filepath.Base``)."""
    path_text = text(path)
    stripped = path_text.rstrip("/")
    return posixpath.basename(stripped) if stripped else "/" if path_text else "."


def folder(path: JSON) -> JSON:
    """All of a path but its last part (Go, ``filepath.Dir``)."""
    head = posixpath.normpath(text(path).rpartition("/")[0] or ("/" if text(path).startswith("/") else "."))
    return head.replace("//", "/", 1) if head.startswith("//") else head


def named_uuid(namespace: JSON, name: JSON) -> JSON:
    """The UUID of a name in a namespace (RFC 4122, version 5)."""
    space = text(namespace)
    try:
        return str(uuid.uuid5(_SPACES.get(space) or uuid.UUID(space), text(name)))
    except ValueError:
        raise Misuse("takes 'dns', 'url', 'oid', 'x500' or a UUID as namespace") from None
