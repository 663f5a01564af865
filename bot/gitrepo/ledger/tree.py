"""The ledger's tree at one commit, read and written. Used by :mod:`bot.gitrepo.ledger.chain`.

Format, version 1. The tree of every commit holds all that a fresh reader needs, so that a clone of depth one is enough::

    ledger.json        {"format":"clockwork-ledger","schema_version":1,"sequence":N,"head":"<digest of the last line>"}
    snapshot.jsonl     a head line, then the lines that compaction kept, byte for byte   (absent before the first one)
    tail/NNNNNNNNNN.jsonl   the lines of one append; the number is the sequence of its first line, counting from 1

An append adds one file below ``tail/`` and replaces ``ledger.json``; blobs of the other files are shared between
commits, so what is new is small, and a reader who knows an earlier commit reads only files it does not know yet. Other
files in the tree are nobody's business and stay. Reading proves that a tree is whole in itself; that it may follow what
an earlier commit held is for :mod:`bot.gitrepo.ledger.audit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

import pygit2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid, Refused
from bot.gitrepo import trees
from bot.gitrepo.blobs import blob_bytes
from bot.gitrepo.ledger.records import GENESIS, VERSION, decoded, digest, encoded, refuse_newer
from bot.model.json import canonical
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.safety.compaction import Retention, retained

MANIFEST: Final = "ledger.json"
SNAPSHOT: Final = "snapshot.jsonl"
TAIL: Final = "tail"

_BY_HAND: Final = "somebody changed it by hand: `clockwork ledger verify` finds where"
_Count = Annotated[int, Field(ge=0)]
_Files = Mapping[str, tuple[int, str]]
"""Names in a folder to their (mode, object id)."""


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["clockwork-ledger"]
    schema_version: int
    sequence: _Count
    head: str


class _SnapshotHead(BaseModel):
    """The first line of a snapshot: how many lines it stands for, the digest of the last of them, how many were
    dropped, and by which :class:`~bot.safety.compaction.Retention`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1]
    sequence: _Count
    head: str
    folded: _Count
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    attempts: _Count


@dataclass(frozen=True, slots=True)
class LedgerTree:
    """The ledger at one commit. ``lines`` are the raw lines beside ``entries``; both oldest first.

    ``sequence`` counts every line ever appended, ``head`` is the digest of the last. ``folded`` lines were dropped by
    compaction, by ``retention``; ``since`` is the sequence and head that the snapshot stands for. ``files`` maps the
    names below ``tail/`` to blob ids, ``snapshot`` is the snapshot's blob id.
    """

    sequence: int = 0
    head: str = GENESIS
    entries: tuple[Entry, ...] = ()
    lines: tuple[bytes, ...] = field(default=(), repr=False)
    folded: int = 0
    retention: Retention | None = None
    since: tuple[int, str] = (0, GENESIS)
    snapshot: str | None = None
    files: Mapping[str, str] = field(default_factory=dict, repr=False)

    def view(self, tip: str) -> LedgerView:
        """What flows see; a ledger that was compacted begins with a SNAPSHOT entry that says so."""
        if not self.folded or not self.entries:
            return LedgerView(tip, self.entries)
        first = self.entries[0]
        note = Entry(
            id="0" * 32,
            kind=EntryKind.SNAPSHOT,
            at=first.at,
            actor=Actor("clockwork"),
            reason=f"{self.folded} older entries were folded away",
            detail={"folded": str(self.folded)},
        )
        return LedgerView(tip, (note, *self.entries))


EMPTY: Final = LedgerTree()


def read_tree(repository: pygit2.Repository, tree: str, known_tree: LedgerTree = EMPTY) -> LedgerTree:
    """The ledger in ``tree``; what ``known_tree`` (the ledger at another commit) holds as well is not read again.

    Raises ``Refused`` when anything in it is no file, does not parse, is of a newer version, or breaks the chain.
    """
    top = {name: (mode, oid) for name, mode, oid in trees.children(repository, tree)}
    manifest = _manifest(repository, _file(top, MANIFEST))
    files = _tail(repository, top)
    snapshot = _file(top, SNAPSHOT)
    if snapshot != known_tree.snapshot or any(files.get(name) != oid for name, oid in known_tree.files.items()):
        known_tree = _from_snapshot(repository, snapshot)
    ledger = _continued(repository, known_tree, files)
    if (ledger.sequence, ledger.head) != (manifest.sequence, manifest.head):
        raise Refused(
            f"the ledger says it has {manifest.sequence} entries ending in {manifest.head[:12]}, "
            f"but {ledger.sequence} ending in {ledger.head[:12]} are there",
            advice=_BY_HAND,
        )
    return ledger


def appended(before: LedgerTree, entries: Sequence[Entry]) -> tuple[LedgerTree, dict[str, bytes | None]]:
    """``before`` with ``entries`` at its end, and the files that change for it."""
    lines: list[bytes] = []
    head = before.head
    for entry in entries:
        lines.append(encoded(entry, head))
        head = digest(lines[-1])
    name = f"{before.sequence + 1:010d}.jsonl"
    data = b"".join(line + b"\n" for line in lines)
    later = replace(
        before,
        sequence=before.sequence + len(lines),
        head=head,
        entries=(*before.entries, *entries),
        lines=(*before.lines, *lines),
        files={**before.files, name: str(pygit2.hash(data))},
    )
    return later, {f"{TAIL}/{name}": data, MANIFEST: _manifest_bytes(later)}


def compacted(before: LedgerTree, retention: Retention) -> tuple[LedgerTree, dict[str, bytes | None]]:
    """``before`` with everything that no limit can count any more folded away, and the files that change for it."""
    stay = retained(before.entries, retention)
    kept_entries = [(entry, line) for entry, line in zip(before.entries, before.lines, strict=True) if entry.id in stay]
    folded = before.folded + len(before.entries) - len(kept_entries)
    head = {
        "v": VERSION,
        "sequence": before.sequence,
        "head": before.head,
        "folded": folded,
        "seconds": retention.seconds,
        "attempts": retention.attempts,
    }
    data = b"".join(line + b"\n" for line in [canonical(head), *(line for _, line in kept_entries)])
    changes: dict[str, bytes | None] = {f"{TAIL}/{name}": None for name in before.files}
    later = LedgerTree(
        sequence=before.sequence,
        head=before.head,
        entries=tuple(entry for entry, _ in kept_entries),
        lines=tuple(line for _, line in kept_entries),
        folded=folded,
        retention=retention,
        since=(before.sequence, before.head),
        snapshot=str(pygit2.hash(data)),
    )
    return later, {**changes, SNAPSHOT: data}


def _file(folder: _Files, name: str, *, under: str = "") -> str | None:
    """The blob of a regular file; None when there is nothing of that name."""
    mode, oid = folder.get(name, (None, None))
    if mode is not None and mode not in trees.REGULAR:
        raise Refused(f"the ledger's {under + name!r} is not a regular file", advice=_BY_HAND)
    return oid


def _tail(repository: pygit2.Repository, top: _Files) -> dict[str, str]:
    """The names below ``tail/`` and their blobs."""
    if TAIL not in top:
        return {}
    mode, oid = top[TAIL]
    if mode != trees.FOLDER:
        raise Refused(f"the ledger's {TAIL!r} is not a folder", advice=_BY_HAND)
    children = {name: (mode, oid) for name, mode, oid in trees.children(repository, oid)}
    return {name: blob for name in children if (blob := _file(children, name, under=f"{TAIL}/")) is not None}


def _bytes(repository: pygit2.Repository, blob: str, name: str) -> bytes:
    try:
        return blob_bytes(repository, blob)
    except Invalid as exc:
        raise Refused(f"the ledger's {name} cannot be read: {exc.message}", advice=_BY_HAND) from exc


def _manifest(repository: pygit2.Repository, blob: str | None) -> _Manifest:
    if blob is None:
        raise Refused(f"the ledger's commit holds no {MANIFEST}", advice="is the name of the ledger's ref right?")
    data = _bytes(repository, blob, MANIFEST)
    refuse_newer(data, "schema_version", location=MANIFEST)
    try:
        return _Manifest.model_validate_json(data)
    except ValidationError as exc:
        raise Refused(f"the ledger's {MANIFEST} does not parse", advice=_BY_HAND) from exc


def _from_snapshot(repository: pygit2.Repository, blob: str | None) -> LedgerTree:
    if blob is None:
        return EMPTY
    first, *lines = _bytes(repository, blob, SNAPSHOT).splitlines() or [b""]
    refuse_newer(first, "v", location=SNAPSHOT)
    try:
        head = _SnapshotHead.model_validate_json(first)
    except ValidationError as exc:
        raise Refused(f"the first line of the ledger's {SNAPSHOT} does not parse", advice=_BY_HAND) from exc
    return LedgerTree(
        sequence=head.sequence,
        head=head.head,
        entries=tuple(decoded(line, location=f"{SNAPSHOT} line {n}")[0] for n, line in enumerate(lines, 2)),
        lines=tuple(lines),
        folded=head.folded,
        retention=Retention(head.seconds, head.attempts),
        since=(head.sequence, head.head),
        snapshot=blob,
    )


def _continued(repository: pygit2.Repository, known_tree: LedgerTree, files: Mapping[str, str]) -> LedgerTree:
    """``known_tree`` with the tail files that it does not have yet, each beginning where the one before ended."""
    sequence, head = known_tree.sequence, known_tree.head
    entries: list[Entry] = []
    lines: list[bytes] = []
    for name in sorted(files.keys() - known_tree.files.keys()):
        if name != f"{sequence + 1:010d}.jsonl":
            raise Refused(f"the ledger's {f'{TAIL}/{name}'!r} is not what follows entry {sequence}", advice=_BY_HAND)
        records = _bytes(repository, files[name], f"{TAIL}/{name}").splitlines()
        if not records:
            raise Refused(f"the ledger's {TAIL}/{name} holds no entry", advice=_BY_HAND)
        for number, line in enumerate(records, 1):
            entry, prev = decoded(line, location=f"{TAIL}/{name} line {number}")
            if prev != head:
                raise Refused(f"the ledger's chain is broken at {TAIL}/{name} line {number}", advice=_BY_HAND)
            entries.append(entry)
            lines.append(line)
            sequence, head = sequence + 1, digest(line)
    if not entries:
        return known_tree
    return replace(
        known_tree,
        sequence=sequence,
        head=head,
        entries=(*known_tree.entries, *entries),
        lines=(*known_tree.lines, *lines),
        files=dict(files),
    )


def _manifest_bytes(ledger: LedgerTree) -> bytes:
    values = {
        "format": "clockwork-ledger",
        "schema_version": VERSION,
        "sequence": ledger.sequence,
        "head": ledger.head,
    }
    return canonical(values) + b"\n"
