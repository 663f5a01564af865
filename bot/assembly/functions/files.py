"""Functions of paths, of files of the commit, and of identifiers. Source: Terraform documentation, "Filesystem Functions" and
``uuidv5``.
"""

from __future__ import annotations

import base64 as encodings
import hashlib
import posixpath
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.model.json import JSON


@dataclass(frozen=True, slots=True)
class CommittedFiles:
    """The files of the commit as the configuration of ``folder`` sees them. ``missing`` gets the paths that were asked for
    and not there: whoever has the commit may fetch them and evaluate again.
    """

    folder: str = ""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def size(self, name: JSON) -> tuple[str, int]:
        """The path and the bytes of a file; none of one that is not there. Raises :class:`~bot.assembly.faults.Misuse`."""
        path = self.path(name)
        return path, len(self.beside.get(path, b""))

    def path(self, name: JSON) -> str:
        """The path in the repository. Raises :class:`~bot.assembly.faults.Misuse` for one outside."""
        path_text = text(name)
        path = posixpath.normpath(posixpath.join(self.folder, path_text))
        if path_text.startswith(("/", "~")) or path.startswith("..") or "\\" in path_text:
            raise Misuse(f"reads files of this repository alone, not {path_text!r}")
        return path

    def data(self, name: JSON) -> bytes:
        """The bytes of a file. Raises :class:`~bot.assembly.faults.Misuse` where there is none."""
        path = self.path(name)
        if path not in self.beside:
            self.missing.add(path)
            raise Misuse(f"finds no file {path} in this repository")
        return self.beside[path]


def text_of(files: CommittedFiles, name: JSON) -> JSON:
    """The text of a file."""
    try:
        return files.data(name).decode()
    except UnicodeDecodeError:
        raise Misuse("takes a file of UTF-8 text; filebase64() takes any") from None


def base64_of(files: CommittedFiles, name: JSON) -> JSON:
    """The base64 of a file."""
    return encodings.b64encode(files.data(name)).decode()


def exists(files: CommittedFiles, name: JSON) -> JSON:
    """Whether there is such a file."""
    path = files.path(name)
    if path not in files.beside:
        files.missing.add(path)
    return path in files.beside


def digest_of(algorithm: str, *, base64: bool = False) -> Callable[[CommittedFiles, JSON], JSON]:
    """The digest of a file, in hexadecimal or base64."""

    def digest(files: CommittedFiles, name: JSON) -> JSON:
        hasher = hashlib.new(algorithm, files.data(name), usedforsecurity=False)
        return encodings.b64encode(hasher.digest()).decode() if base64 else hasher.hexdigest()

    return digest


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
