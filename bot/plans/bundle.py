"""What a commit comes to for each target, as files with digests: the same bytes from the same commit, everywhere.

``TARGET/kubernetes/NAME.yaml`` holds one object each, JSON-compatible YAML with sorted keys; files that are deployed as
they are (Compose, Terraform, artifacts of ``.cw`` files) lie below ``TARGET/files/`` under their own paths, and so do the files
that those name (:mod:`bot.intake.inputs`). ``bundle.json`` names every file with its SHA-256, says what it was made from, and
what is named and not held.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import yaml

from bot.intake.inputs import NotHeld
from bot.model.json import plain
from bot.model.resource import Desired, Platform, SourceKind
from bot.model.upstream import UpstreamSource

VERSION: Final = 1
INDEX: Final = "bundle.json"
_UNNAMED: Final = "default"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class BundleProvenance:
    """What a bundle is made from: repository, commit, and what was fetched for it, each with its digest."""

    repository: str
    commit: str
    fetched: tuple[UpstreamSource, ...] = ()
    not_held: tuple[NotHeld, ...] = ()
    """What files name that is not in the bundle."""


def bundle(
    resources: Sequence[Desired],
    files: Mapping[str, bytes],
    provenance: BundleProvenance,
    inputs: Mapping[tuple[str, str], bytes] = MappingProxyType({}),
) -> Mapping[str, bytes]:
    """Path to bytes, the index among them. ``files`` has the bytes of what is deployed as it is, ``inputs`` by target and path
    those of what that names.
    """
    input_files = [(f"{target or _UNNAMED}/files/{path}", data) for (target, path), data in inputs.items()]
    all_files = dict(
        sorted({**dict(input_files), **dict(_objects(resources)), **dict(_plain(resources, files))}.items())
    )
    return {**all_files, INDEX: _index(all_files, resources, provenance)}


def _objects(resources: Iterable[Desired]) -> Iterator[tuple[str, bytes]]:
    """One file for each object. What cannot be told apart in a file name is numbered."""
    numbers_by_name: dict[str, int] = {}
    for desired in sorted(resources, key=lambda resource: resource.id):
        if _lies_in_a_file(desired):
            continue
        id_ = desired.id
        name = "-".join(_UNSAFE.sub("_", part) for part in (id_.kind, id_.group, id_.scope, id_.name) if part).lower()
        path = f"{id_.target or _UNNAMED}/kubernetes/{name}"
        numbers_by_name[path] = count = numbers_by_name.get(path, 0) + 1
        text = yaml.safe_dump(plain(desired.tree), sort_keys=True, allow_unicode=True, width=4096)
        yield f"{path}{'' if count == 1 else f'-{count}'}.yaml", text.encode()


def _lies_in_a_file(desired: Desired) -> bool:
    """Whether it is deployed from a file that is in Git as it is, or that the forge renders."""
    return desired.id.platform is not Platform.KUBERNETES or desired.source is SourceKind.CW


def _plain(resources: Iterable[Desired], files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    named_files = {
        (desired.id.target or _UNNAMED, path)
        for desired in resources
        if _lies_in_a_file(desired)
        for path in (desired.artifact or desired.file,)
    }
    for target, path in sorted(named_files):
        if path in files:
            yield f"{target}/files/{path}", files[path]


def _index(files: Mapping[str, bytes], resources: Sequence[Desired], provenance: BundleProvenance) -> bytes:
    file_rows = [{"path": path, "sha256": digest(data), "size": len(data)} for path, data in files.items()]
    fetched = sorted({(source.url, source.version, source.digest) for source in provenance.fetched})
    sources = sorted({desired.file for desired in resources if desired.file})
    content = {
        "version": VERSION,
        "repository": provenance.repository,
        "commit": provenance.commit,
        "sources": sources,
        "fetched": [{"url": url, "version": version, "digest": checksum} for url, version, checksum in fetched],
        "files": file_rows,
        "not_held": [missing._asdict() for missing in sorted(provenance.not_held)],
    }
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def digest(data: bytes) -> str:
    """SHA-256, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
