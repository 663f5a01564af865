"""One Git repository without a work tree: a bare clone kept fresh by fetch, or a folder's own repository, read-only.

Satisfies :class:`bot.ports.Repository`. Made by wiring; one instance per repository and process. Remote branches are
kept under ``refs/remotes/origin/``, so that nothing here is ever mistaken for a branch of ours.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pygit2
from pygit2.enums import DeltaStatus

from bot.errors import BotError, Invalid, Refused
from bot.gitrepo import history, past, trees
from bot.gitrepo.blobs import blob_bytes
from bot.gitrepo.lock import writing
from bot.gitrepo.past import PastCommits
from bot.gitrepo.revisions import libgit2_name
from bot.model.dataclass import dataclass
from bot.model.finding import FileChange
from bot.model.patterns import regex
from bot.ports import BranchMove, CommitInfo, Signature, TreeEntry

if TYPE_CHECKING:
    from bot.gitrepo.credentials import Credentials
    from bot.gitrepo.remote import RefMove, Remote
    from bot.gitrepo.signing import Signer

CLOCKWORK: Final = Signature("Clockwork", "clockwork@users.noreply.github.com")
_BRANCHES: Final = "refs/remotes/origin/"
_SHA: Final = regex(r"[0-9a-f]{40}\Z")
_ABBREVIATED: Final = regex(r"[0-9a-f]{4,40}\Z")
_OPEN_PACKS: Final = 16
_CLOCKWORK_REFS: Final = ("refs/clockwork/applied", "refs/clockwork/applied-to/*", "refs/clockwork/sessions")
"""What :meth:`GitRepository.fetch` brings besides branches and tags."""
_LISTED_SECONDS: Final = 60.0
"""How long what a fetch was shown may stand for looking again."""
_CONNECT_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of one tree, by path and in order."""

    tree: str
    by_path: dict[str, TreeEntry]
    entries: tuple[TreeEntry, ...]


@dataclass(eq=False)
class GitRepository:
    """See :class:`bot.ports.Repository`; without a ``remote`` it is only read. Not for several threads at once."""

    git: pygit2.Repository
    remote: Remote | None
    author: Signature = CLOCKWORK
    signer: Signer | None = None
    _default: str | None = field(default=None, init=False)
    _listed: tuple[float, Mapping[str, str]] | None = field(default=None, init=False)
    _listings: dict[tuple[tuple[str, ...], frozenset[int]], _Listing] = field(default_factory=dict, init=False)

    @classmethod
    def open(
        cls,
        url: str,
        directory: Path,
        *,
        credentials: Credentials | None = None,
        author: Signature = CLOCKWORK,
        signer: Signer | None = None,
    ) -> GitRepository:
        """The bare clone of ``url`` in ``directory``, made when it is not there yet; nothing is fetched.

        Raises ``Invalid`` for an address with credentials in it or a folder that is something else.
        """
        from bot.gitrepo.remote import Remote

        repository = bare_clone(url, directory)
        return cls(repository, Remote(repository, url, credentials), author, signer)

    @classmethod
    def local(cls, path: Path) -> GitRepository:
        """The repository that ``path`` lies in, as it is on this disk; nothing is fetched and nothing can be pushed."""
        folder = pygit2.discover_repository(str(path))
        if folder is None:
            raise Invalid(f"{path} is not in a Git repository")
        return cls(pygit2.Repository(folder), None)

    def acting(self, credentials: Credentials | None, author: Signature, signer: Signer | None) -> GitRepository:
        """The same clone for whoever writes as ``author``; what a fetch was shown is not handed on."""
        from bot.gitrepo.remote import Remote

        if self.remote is None:
            raise Refused("this repository was opened for reading only", advice="give the URL of a remote with --repo")
        remote = Remote(self.git, self.remote.address, credentials)
        return replace(self, remote=remote, author=author, signer=signer)

    def fetch(self) -> None:
        if self.remote is None:
            return
        from bot.gitrepo.maintenance import maintain

        specs = [
            f"+refs/heads/*:{_BRANCHES}*",
            "+refs/tags/*:refs/tags/*",
            *(f"+{ref}:{ref}" for ref in _CLOCKWORK_REFS),
        ]
        with self._writing():
            advertised = self.remote.fetch(specs, prune=True)
            maintain(self.git)
        self._default = advertised.default_branch or self._default
        self._listed = (time.monotonic(), advertised.refs)

    def take_listing(self) -> Mapping[str, str] | None:
        """Every ref of the remote with its id, as the last fetch was shown them; None when that is long ago, or was taken."""
        listing, self._listed = self._listed, None
        return None if listing is None or time.monotonic() - listing[0] > _LISTED_SECONDS else listing[1]

    def fetch_ref(self, ref: str) -> str:
        """The commit that the remote's ``ref`` (``refs/pull/7/head``, or a full sha) names, fetched.

        GitHub keeps the head of every pull request, from forks too, under ``refs/pull/N/head`` (docs.github.com,
        "Checking out pull requests locally").

        Raises ``Invalid`` when the remote has no such ref.
        """
        if self.remote is None:
            return self._required(ref)
        kept_ref = f"refs/clockwork/fetched/{hashlib.sha256(ref.encode()).hexdigest()[:16]}"
        with self._writing():
            self.remote.fetch([f"+{ref}:{kept_ref}"])
        return self._required(kept_ref)

    def head(self, branch: str) -> str | None:
        reference = self.git.references.get(self._local_name(branch))
        return None if reference is None else str(reference.resolve().target)

    def default_branch(self) -> str:
        if self._default is None and self.remote is not None:
            self._default = self.remote.heads().default_branch
        if self._default is None and not self.git.head_is_detached:
            self._default = str(self.git.references["HEAD"].target).removeprefix("refs/heads/")
        if self._default is None:
            raise Invalid(
                "the remote does not say which branch is its default", advice="name the branch in the settings"
            )
        return self._default

    def branches(self) -> Sequence[str]:
        """The names of the remote's branches as last fetched, sorted."""
        prefix = self._local_name("")
        return sorted(name.removeprefix(prefix) for name in self.git.references if name.startswith(prefix))

    def refs(self, prefix: str) -> Mapping[str, str]:
        """The commits of the refs as last fetched whose full names begin with ``prefix``, by the rest of the name."""
        names = [name for name in self.git.references if name.startswith(prefix)]
        commits = {name.removeprefix(prefix): self._reference(name) for name in sorted(names)}
        return {name: commit for name, commit in commits.items() if commit is not None}

    def tags(self) -> Sequence[str]:
        """The names of the tags that are here, sorted."""
        prefix = "refs/tags/"
        return sorted(name.removeprefix(prefix) for name in self.git.references if name.startswith(prefix))

    def checked_out(self) -> str:
        """The branch that HEAD names; empty where it names a commit."""
        return "" if self.git.head_is_detached else str(self.git.references["HEAD"].target).removeprefix("refs/heads/")

    def entries(self, commit: str, under: str = "", *, suffixes: tuple[str, ...] = ()) -> Sequence[TreeEntry]:
        tree = self._tree(commit)
        if not under:
            return self._all(tree, suffixes)
        entry = trees.find(self.git, tree, under.strip("/"))
        if entry is None or entry[0] != trees.FOLDER:
            return ()
        return tuple(trees.entries_of(self.git, entry[1], under.strip("/"), suffixes=suffixes))

    def read(self, commit: str, path: str) -> bytes | None:
        entry = trees.find(self.git, self._tree(commit), path)
        return self.blob(entry[1]) if entry is not None and entry[0] in trees.REGULAR else None

    def links(self, commit: str, *, suffixes: tuple[str, ...] = ()) -> Sequence[str]:
        return [entry.path for entry in self._all(self._tree(commit), suffixes, frozenset({trees.LINK}))]

    def is_link(self, commit: str, path: str) -> bool:
        tree, parts = self._tree(commit), path.split("/")
        entries = (trees.find(self.git, tree, "/".join(parts[:depth])) for depth in range(1, len(parts) + 1))
        return any(entry is not None and entry[0] == trees.LINK for entry in entries)

    def blob(self, blob: str) -> bytes:
        return blob_bytes(self.git, blob)

    def commit(
        self,
        parent: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        at: datetime,
        author: Signature | None = None,
    ) -> str:
        """See the port. An empty ``parent`` makes a root commit; changes that change nothing give ``parent`` itself."""
        base = self._tree(parent) if parent else None
        return self._committed(parent, trees.written(self.git, base, changes), message, at, author)

    def commit_addition(self, parent: str, additions: Mapping[str, bytes], *, message: str, at: datetime) -> str:
        base = self._tree(parent)
        for path in additions:
            if trees.find(self.git, base, path) is not None:
                raise Refused(f"will not write {path!r}: it is there", advice="Nothing that exists is written over.")
        tree = trees.written(self.git, base, additions, workflows=True)
        return self._committed(parent, tree, message, at, None)

    def _committed(self, parent: str, tree: str, message: str, at: datetime, author: Signature | None) -> str:
        base = self._tree(parent) if parent else None
        if parent and tree == base:
            return parent
        seconds = int(at.timestamp())
        by = author or self.author
        return trees.commit(
            self.git,
            tree,
            [parent] if parent else [],
            author=pygit2.Signature(by.name, by.email, seconds, 0),
            committer=pygit2.Signature(self.author.name, self.author.email, seconds, 0),
            message=message,
            signer=self.signer,
        )

    def check_writable(self, parent: str, paths: Iterable[str]) -> None:
        trees.check_writable_in(self.git, self._tree(parent), paths)

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        self._send(branch, commit, expected=expected, force=self._forces(BranchMove(branch, commit, expected)))
        return commit

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        if len(moves) > 1 and self.remote is not None and self.moved(moves, self.remote.push_together):
            return [move.commit for move in moves]
        return [self._pushed(move) for move in moves]

    def _pushed(self, move: BranchMove) -> str | BotError:
        try:
            return self.push(move.branch, move.commit, expected=move.expected)
        except BotError as exc:
            return exc

    def delete_branch(self, branch: str, *, expected: str) -> None:
        self._send(branch, None, expected=expected, force=False)

    def log(self, commit: str, *, limit: int, until: str | None = None) -> Sequence[CommitInfo]:
        return history.walk(self.git, commit, limit=limit, until=until)

    def past(self, names: Sequence[str] = (), *, largest: int) -> PastCommits:
        """All commits that ``names`` reach (without any: all branches and tags), oldest first, with the files that are new
        in each. ``Invalid`` for what names no commit.
        """
        unknown = next((name for name in names if self.resolve(name) is None), None)
        if unknown is not None:
            raise Invalid(f"there is no commit, branch or tag {unknown!r} here")
        tips = tuple(commit for name in names if (commit := self.resolve(name)) is not None)
        return past.commits_of(self.git, tips or past.tips_of(self.git), largest=largest)

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        return history.ancestry(self.git, ancestor, commit)

    def merge_base(self, commit: str, other_commit: str) -> str | None:
        return history.best_common_ancestor(self.git, commit, other_commit)

    def changed(self, base: str, head: str) -> Sequence[FileChange]:
        return history.changes(self.git, base, head)

    def resolve(self, name: str) -> str | None:
        # A whole id is the commit itself, as for Git (gitrevisions(7)); it leaves no name for pygit2 to keep.
        if _SHA.match(name) and (commit := self._by_revision(name)) is not None:
            return commit
        candidates = [self._local_name(name), f"refs/tags/{name}", f"refs/heads/{name}"]
        if name.startswith("refs/") or name == "HEAD":
            candidates.insert(0, name)
        for candidate in candidates:
            commit = self._reference(candidate)
            if commit is not None:
                return commit
        if _ABBREVIATED.match(name) and (commit := self._by_revision(name)) is not None:
            return commit
        return self._by_revision(name) if self.remote is None else None

    def _by_revision(self, name: str) -> str | None:
        """The commit of any name that git has for it (gitrevisions(7)): ``HEAD~1``, ``origin/main``, ``@{u}``."""
        try:
            return str(self.git.revparse_single(libgit2_name(self.git, name)).peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def _send(self, branch: str, commit: str | None, *, expected: str | None, force: bool) -> None:
        if self.remote is None:
            raise Refused("this repository was opened for reading only", advice="give the URL of a remote with --repo")
        with self._writing():
            self.remote.push(_ref(branch), commit, expected=expected, force=force)
            self._remember(self._local_name(branch), commit)

    def moved(self, moves: Sequence[BranchMove], push: Callable[[Sequence[RefMove]], bool]) -> bool:
        """Whether ``push`` made all of these, which is known here then."""
        from bot.gitrepo.remote import RefMove

        refs = [RefMove(_ref(move.branch), move.commit, move.expected, self._forces(move)) for move in moves]
        with self._writing():
            if not push(refs):
                return False
            for move in moves:
                self._remember(self._local_name(move.branch), move.commit)
        return True

    def _forces(self, move: BranchMove) -> bool:
        return move.expected is not None and not self.is_ancestor(move.expected, move.commit)

    def _remember(self, name: str, commit: str | None) -> None:
        if commit is not None:
            self.git.references.create(name, commit, force=True)
        elif name in self.git.references:
            self.git.references.delete(name)

    def _local_name(self, branch: str) -> str:
        """Where the remote's ``branch``, or a ref by its full name, is kept here: for equal names the same string.

        pygit2 1.21 never lets go of a string that it looked a reference up by (measured: one reference count a call).
        """
        if branch.startswith("refs/"):
            return sys.intern(branch)
        return sys.intern(f"refs/heads/{branch}" if self.remote is None else f"{_BRANCHES}{branch}")

    def _all(
        self, tree: str, suffixes: tuple[str, ...], modes: frozenset[int] = trees.REGULAR
    ) -> tuple[TreeEntry, ...]:
        """Everything in a tree with such a name and mode. A later tree costs only its differences from the one before."""
        listing = self._listings.get((suffixes, modes))
        if listing is not None and listing.tree == tree:
            return listing.entries
        if listing is None:
            listed_entries = trees.entries_of(self.git, tree, suffixes=suffixes, modes=modes)
            by_path = {entry.path: entry for entry in listed_entries}
        else:
            by_path = self._patched(listing, tree, suffixes, modes)
        entries = tuple(sorted(by_path.values(), key=lambda entry: entry.path))
        self._listings[suffixes, modes] = _Listing(tree, by_path, entries)
        return entries

    def _patched(
        self, listing: _Listing, tree: str, suffixes: tuple[str, ...], modes: frozenset[int]
    ) -> dict[str, TreeEntry]:
        old, new = (self.git[oid].peel(pygit2.Tree) for oid in (listing.tree, tree))
        by_path = dict(listing.by_path)
        for delta in old.diff_to_tree(new).deltas:
            path = delta.new_file.raw_path.decode(errors="surrogateescape")
            if suffixes and not path.endswith(suffixes):
                continue
            by_path.pop(path, None)
            if delta.status is DeltaStatus.DELETED:
                continue
            entry = trees.find(self.git, tree, path)
            if entry is not None and entry[0] in modes:
                by_path[path] = TreeEntry(path, entry[1], entry[0])
        return by_path

    def _tree(self, commit: str) -> str:
        return str(history.commit_of(self.git, commit).tree_id)

    def _reference(self, name: str) -> str | None:
        try:
            reference = self.git.references.get(sys.intern(name))
            return None if reference is None else str(reference.peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def _required(self, ref: str) -> str:
        commit = self.resolve(ref)
        if commit is None:
            raise Invalid(f"there is no {ref} in this repository")
        return commit

    def _writing(self) -> AbstractContextManager[None]:
        return nullcontext() if self.remote is None else writing(Path(self.git.path))


def _ref(branch: str) -> str:
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"


def bare_clone(url: str, directory: Path) -> pygit2.Repository:
    """The bare repository in ``directory`` that belongs to ``url``; made when the folder is empty or missing.

    Raises ``Invalid`` before anything is on the disk when the address is not acceptable: it is kept in the clone.
    """
    from bot.gitrepo.address import check_address
    from bot.gitrepo.remote import limit_waiting

    limit_waiting(connect=_CONNECT_SECONDS, answer=_ANSWER_SECONDS)
    check_address(url)
    # libgit2 would look up every neighbour of a changed file for each tree it writes (git_libgit2_opts,
    # GIT_OPT_ENABLE_STRICT_OBJECT_CREATION); they come from a tree that is here. A process-wide switch.
    pygit2.settings.enable_strict_object_creation(False)
    # libgit2 would keep every pack open that it ever read from, and each fetch brings one (git_libgit2_opts,
    # GIT_OPT_SET_MWINDOW_FILE_LIMIT: no limit by default). A process-wide number.
    pygit2.settings.mwindow_file_limit = _OPEN_PACKS
    try:
        if not directory.exists() or not any(directory.iterdir()):
            clone = pygit2.init_repository(str(directory), bare=True)
            clone.config["clockwork.url"] = url
            return clone
        repository = pygit2.Repository(str(directory))
    except (pygit2.GitError, OSError) as exc:
        raise Invalid(f"{directory} is not a bare Git repository that can be used ({exc})") from exc
    if url not in repository.config.get_multivar("clockwork.url"):
        raise Invalid(f"{directory} belongs to another repository", advice="delete that folder, or name another one")
    return repository
