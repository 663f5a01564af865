"""The files of one commit as a value: paths, content ids, and bytes that are read when somebody asks.

Candidate edits are laid over it, so that what a change would come to can be rendered before anybody commits it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from bot.model.revision import Revision
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest, UpstreamSource, nowhere

Ask: TypeAlias = Callable[[UpstreamRequest], UpstreamFiles | NotFetched]
"""Answers what a repository names and does not hold."""

MOUNTS: Final = ".clockwork-upstream"
"""The folder that files of other repositories are laid below."""
_ABSENT: Final = object()


def no_link(_path: str) -> bool:
    """Nothing is a symbolic link."""
    return False


def is_mounted(path: str) -> bool:
    """Whether a path is one of another repository's file, laid over a tree."""
    return MOUNTS in path.split("/")


def content_id(data: bytes) -> str:
    """The id of a blob as Git has it (SHA-1 over a header and the bytes; git-hash-object(1))."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class FileTree:
    """Repository paths with forward slashes to content ids; ``load`` gives the bytes of an id. Regular files only.

    ``changed`` are files laid over it (None: deleted). ``order`` and ``listings`` remember what was worked out of it.
    ``upstream`` answers for what the files name and the repository does not hold. ``revision`` is the commit; None where
    nobody says. ``links`` tells of a path that is no file whether it is, or leads through, a symbolic link.
    """

    blobs: Mapping[str, str]
    load: Callable[[str], bytes]
    changed: Mapping[str, bytes | None] = field(default_factory=dict)
    order: list[str] = field(default_factory=list, compare=False, repr=False)
    listings: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    upstream: Ask = field(default=nowhere, compare=False, repr=False)
    revision: Revision | None = field(default=None, compare=False, repr=False)
    links: Callable[[str], bool] = field(default=no_link, compare=False, repr=False)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._has(path)

    def _has(self, path: str) -> bool:
        data = self.changed.get(path, _ABSENT)
        return path in self.blobs if data is _ABSENT else data is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.under(""))

    def under(self, folder: str) -> list[str]:
        """The paths below ``folder`` (empty: all; ``**/NAME``: every file of that name), sorted."""
        if not self.order:  # one assignment: several threads may come here at once
            self.order[:] = sorted(path for path in {*self.blobs, *self.changed} if self._has(path))
        if not folder:
            return list(self.order)
        if folder.startswith("**/"):
            return [path for path in self.order if f"/{path}".endswith(folder[2:])]
        prefix = folder.rstrip("/") + "/"
        start = bisect_left(self.order, prefix)
        return self.order[start : bisect_left(self.order, prefix[:-1] + "0", start)]

    def listing_id(self, folder: str) -> str:
        """A digest of the names below ``folder``: the same where the same paths are there, whatever they hold."""
        listing_id = self.listings.get(folder)
        if listing_id is None:
            names = "\0".join(self.under(folder))
            listing_id = self.listings[folder] = hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()
        return listing_id

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None when there is none."""
        if path in self.changed:
            return self.changed[path]
        blob = self.blobs.get(path)
        return None if blob is None else self.load(blob)

    def id_of(self, path: str) -> str | None:
        """The content id of a file; None when there is none."""
        if path not in self.changed:
            return self.blobs.get(path)
        data = self.changed[path]
        return None if data is None else content_id(data)

    def ask(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What ``request`` names elsewhere, or why it is not there."""
        return self.upstream(request)

    def is_meant(self, request: UpstreamRequest) -> bool:
        """Whether a request for this repository gives this commit; so where nobody says which one it is."""
        return self.revision is None or self.revision.is_meant(request)

    def with_upstream(self, upstream: Ask) -> FileTree:
        """This tree with another one to ask."""
        return replace(self, upstream=upstream)

    def with_changes(self, changed: Mapping[str, bytes | None]) -> FileTree:
        """This tree with ``changed`` files (None deletes)."""
        order = self._order_with(changed)
        return FileTree(
            self.blobs,
            self.load,
            {**self.changed, **changed},
            order,
            upstream=self.upstream,
            revision=self.revision,
            links=self.links,
        )

    def with_mounted(self, folder: str, mounted: FileTree) -> FileTree:
        """This tree with all files of ``mounted`` below ``folder``."""
        return FileTree(
            *self._mounted(folder, mounted),
            self.changed,
            upstream=self.upstream,
            revision=self.revision,
            links=self.links,
        )

    def _mounted(self, folder: str, mounted: FileTree) -> tuple[Mapping[str, str], Callable[[str], bytes]]:
        below = {f"{folder}/{path}": mounted.id_of(path) or "" for path in mounted.under("")}
        contents = {blob: path.removeprefix(f"{folder}/") for path, blob in below.items()}
        load = self.load

        def loaded(blob: str) -> bytes:
            return (mounted.read(contents[blob]) or b"") if blob in contents else load(blob)

        return {**self.blobs, **below}, loaded

    def _order_with(self, changed: Mapping[str, bytes | None]) -> list[str]:
        """The sorted paths with ``changed``, from those known already: sorting anew would cost more than an edit does."""
        if all((data is not None) == self._has(path) for path, data in changed.items()):
            return self.order
        order = list(self.order)
        for path, data in changed.items() if order else ():
            if data is not None and not self._has(path):
                insort(order, path)
            elif data is None and self._has(path):
                del order[bisect_left(order, path)]
        return order


@dataclass(slots=True)
class Reads:
    """What somebody asked of a tree: content ids by path (None: there was no such file), listings of folders, what was
    fetched for it, with the digest, or why nothing was, and whether it is the commit that something names.

    Whatever was made from these answers alone is made again only where another tree answers differently.
    """

    files: dict[str, str | None] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    upstream: dict[UpstreamRequest, UpstreamSource | NotFetched] = field(default_factory=dict)
    revisions: dict[UpstreamRequest, bool] = field(default_factory=dict)

    def same_in(self, tree: FileTree) -> bool:
        """Whether ``tree`` would have answered the same. What lies elsewhere is asked for last, and only then."""
        return (
            all(tree.id_of(path) == blob for path, blob in self.files.items())
            and all(tree.listing_id(folder) == listing for folder, listing in self.folders.items())
            and all(tree.is_meant(request) == answer for request, answer in self.revisions.items())
            and all(fact(tree.ask(request)) == answer for request, answer in self.upstream.items())
        )


def fact(answer: UpstreamFiles | NotFetched) -> UpstreamSource | NotFetched:
    """What tells one answer from another, without the files."""
    return answer.source if isinstance(answer, UpstreamFiles) else answer


@dataclass(frozen=True, slots=True)
class WatchedTree(FileTree):
    """A tree that notes in ``reads`` what it is asked. Of files laid over it, what lies below is noted."""

    below: FileTree = field(default_factory=lambda: FileTree({}, lambda _blob: b""), compare=False, repr=False)
    reads: Reads = field(default_factory=Reads, compare=False, repr=False)

    @staticmethod
    def over(tree: FileTree, load: Callable[[str], bytes] | None = None) -> WatchedTree:
        """``tree``, watched from now on. ``load`` takes the place of its own (a lock around it, say)."""
        return WatchedTree(
            tree.blobs,
            load or tree.load,
            tree.changed,
            tree.order,
            tree.listings,
            tree.upstream,
            tree.revision,
            tree.links,
            tree,
            Reads(),
        )

    def __contains__(self, path: object) -> bool:
        self._note(path)
        return isinstance(path, str) and self._has(path)

    def under(self, folder: str) -> list[str]:
        """As :meth:`FileTree.under`, noted."""
        self._note_folder(folder)
        return FileTree.under(self, folder)

    def listing_id(self, folder: str) -> str:
        """As :meth:`FileTree.listing_id`, noted."""
        self._note_folder(folder)
        return FileTree.listing_id(self, folder)

    def read(self, path: str) -> bytes | None:
        """As :meth:`FileTree.read`, noted."""
        self._note(path)
        return FileTree.read(self, path)

    def id_of(self, path: str) -> str | None:
        """As :meth:`FileTree.id_of`, noted."""
        self._note(path)
        return FileTree.id_of(self, path)

    def with_changes(self, changed: Mapping[str, bytes | None]) -> WatchedTree:
        """This tree with ``changed`` files; what is asked of it goes to the same notes."""
        new_tree = FileTree.with_changes(self, changed)
        return WatchedTree(
            new_tree.blobs,
            new_tree.load,
            new_tree.changed,
            new_tree.order,
            {},
            self.upstream,
            self.revision,
            self.links,
            self.below,
            self.reads,
        )

    def with_mounted(self, folder: str, mounted: FileTree) -> WatchedTree:
        """As :meth:`FileTree.with_mounted`. What lies in ``mounted`` is noted by where it came from, not file by file."""
        blobs, load = self._mounted(folder, mounted)
        return WatchedTree(
            blobs, load, self.changed, [], {}, self.upstream, self.revision, self.links, self.below, self.reads
        )

    def ask(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """As :meth:`FileTree.ask`, noted."""
        answer = self.below.ask(request)
        self.reads.upstream.setdefault(request, fact(answer))
        return answer

    def is_meant(self, request: UpstreamRequest) -> bool:
        """As :meth:`FileTree.is_meant`, noted."""
        answer = self.below.is_meant(request)
        self.reads.revisions[request] = answer
        return answer

    def _note(self, path: object) -> None:
        if isinstance(path, str) and path not in self.reads.files:
            blob = self.below.id_of(path)
            if blob is not None or not is_mounted(path):
                self.reads.files[path] = blob

    def _note_folder(self, folder: str) -> None:
        if folder not in self.reads.folders:
            self.reads.folders[folder] = self.below.listing_id(folder)
