"""One Git remote over libgit2: list, fetch, and push that knows what the server answered.

Hazards this module exists for (measured with pygit2 1.21, libgit2 1.9 and git 2.39):

- A push that the server refuses returns normally; only ``push_update_reference`` tells (libgit2, include/git2/remote.h,
  ``git_push_update_reference_cb``; the server's ``ng`` lines, gitprotocol-pack(5), "Report Status"), for each ref by itself.
- A push names the old value of each ref it moves (gitprotocol-pack(5), "Reference Update Request and Packfile
  Transfer"), and libgit2 puts there what the server advertised in that connection, not what the caller decided on.
  ``push_negotiation`` runs between the two, so the lease is checked there: advertised equals expected, and the server
  then swaps exactly that value. (git-push(1) does the same under ``--force-with-lease``.)
- The transport for local folders swaps nothing at all. There the objects are written beside the others and the ref is moved by
  compare-and-swap in the folder itself.
- The same transport lists the names of refs first and reads each afterwards: one that another process deletes between
  the two fails the whole connection (libgit2, src/libgit2/transports/local.c, ``store_refs``). It is looked again.
- For a fetch it also sends whatever any ref of the folder reaches, asked for or not, unless a ref that is here reaches it
  (``local_download_pack`` there): the whole repository each time the ledger has news, and the ledger each time a branch has.
  So the objects are brought before.
- A connection that breaks after the server took the push looks like one that broke before: the ref is looked up.

Used by :mod:`bot.gitrepo.repository` and :mod:`bot.gitrepo.ledger.chain`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import CredentialType, FetchPrune, FileMode

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.gitrepo.address import check_address, host_of, local_path, shown
from bot.gitrepo.credentials import Credentials, Token, answer
from bot.gitrepo.failures import rejection, translated
from bot.gitrepo.receive_pack import ReceivePack, RefMove

__all__ = ["Advertised", "RefMove", "Remote", "limit_waiting"]

_NOTHING = "0" * 40
"""How libgit2 and the protocol write "no such ref" (gitprotocol-pack(5), "Reference Update Request")."""
_LIBGIT2 = (pygit2.GitError, KeyError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a remote showed when it was connected: full ref names to commit ids, and its default branch."""

    refs: dict[str, str]
    default_branch: str | None


def limit_waiting(*, connect: float, answer: float) -> None:
    """No network operation of this process waits longer: ``connect`` seconds to connect, ``answer`` for each read.

    By default libgit2 waits as long as the system does (git_libgit2_opts: GIT_OPT_SET_SERVER_CONNECT_TIMEOUT and
    GIT_OPT_SET_SERVER_TIMEOUT, in milliseconds).
    """
    pygit2.settings.server_connect_timeout = int(connect * 1000)
    pygit2.settings.server_timeout = int(answer * 1000)


class _LeaseLost(Exception):
    """The server advertised another value than the push expects."""

    def __init__(self, advertised: str) -> None:
        super().__init__(advertised)
        self.advertised = advertised


class _Callbacks(pygit2.RemoteCallbacks):
    def __init__(self, address: str, credentials: Credentials | None, moves: Sequence[RefMove] = ()) -> None:
        super().__init__()
        self._address = address
        self._credentials = credentials
        self._attempts = 0
        self._expected = {move.ref: move.expected or _NOTHING for move in moves}
        self.reasons: dict[str, str | None] = {}
        """What the server said of each ref: None where it took it."""
        self.output = ""

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.UserPass | pygit2.Username | pygit2.Keypair:
        location = shown(self._address)
        # libgit2 asks again whenever the server says no; the answer would be the same, but for an app's token.
        self._attempts += 1
        if self._attempts == 2 and isinstance(self._credentials, Token) and self._credentials.forget is not None:
            self._credentials.forget()
        if self._attempts > 3:
            raise Refused(
                f"{location} did not accept the credentials", advice="check that the token or key is still valid"
            )
        # A redirect may lead to a host that collects tokens.
        if host_of(url) != host_of(self._address):
            raise Refused(f"{location} sends us on to {shown(url)}, which gets no credentials")
        return answer(self._credentials, username_from_url, CredentialType(allowed_types), location=location)

    def sideband_progress(self, string: str) -> None:
        printable = "".join(character if character.isprintable() else " " for character in string)
        self.output = f"{self.output} {printable}"[-500:]

    def push_negotiation(self, updates: list[pygit2.remotes.PushUpdate]) -> None:
        for update in updates:
            if str(update.src) != self._expected[update.dst_refname]:
                raise _LeaseLost(str(update.src))

    def push_update_reference(self, refname: str, message: str | None) -> None:
        self.reasons[refname] = message


_UNPACKED: Final = 100
"""So many objects and more are a pack, as git has it of a push (git-config(1), ``receive.unpackLimit``)."""
_LOOKS: Final = 20
"""How often a folder is looked at again because refs were deleted meanwhile."""
_REF_IS_GONE: Final = re.compile(r"reference '[^']*' not found")
"""libgit2 lists the refs of a folder first and reads them after: one that is deleted between is an error."""


class Remote:
    """The remote at ``address`` as seen from the local ``repository``."""

    def __init__(self, repository: pygit2.Repository, address: str, credentials: Credentials | None = None) -> None:
        self._repository = repository
        self._credentials = credentials
        self.address = check_address(address)
        self.location = shown(address)
        self._service = ReceivePack(address, credentials) if address.startswith(("http://", "https://")) else None

    def fetch(self, refspecs: Sequence[str], *, prune: bool = False, depth: int = 0) -> Advertised:
        """The objects behind ``refspecs`` are here and the refs on their right sides moved; one connection."""
        return self._connected(lambda: self._fetched(refspecs, prune=prune, depth=depth), doing="fetching")

    def _fetched(self, refspecs: Sequence[str], *, prune: bool, depth: int) -> Advertised:
        remote, local = self._remote(), local_path(self.address) is not None
        if local:
            self._bring(refspecs)
        remote.fetch(
            list(refspecs),
            callbacks=_Callbacks(self.address, self._credentials),
            prune=FetchPrune.PRUNE if prune else FetchPrune.NO_PRUNE,
            proxy=True,
            depth=0 if local else depth,  # libgit2's transport for folders makes no shallow clones
        )
        return _advertised(remote, connect=False)

    def _bring(self, refspecs: Sequence[str]) -> None:
        """The objects behind ``refspecs`` are here, so that libgit2 has only refs to move: see the hazards above. What is wrong
        with the folder is left to libgit2 to say, and so is the first fetch of a whole repository, which it does faster.
        """
        wanted = [spec.removeprefix("+").partition(":")[0] for spec in refspecs]
        if self._repository.is_empty and any(name.endswith("*") for name in wanted):
            return
        with suppress(*_LIBGIT2):
            source = pygit2.Repository(str(local_path(self.address)))
            for reference in source.listall_reference_objects():
                names = (
                    reference.name == name or (name.endswith("*") and reference.name.startswith(name[:-1]))
                    for name in wanted
                )
                if any(names) and isinstance(reference.target, pygit2.Oid):
                    _carry(source, self._repository, reference.target)

    def heads(self) -> Advertised:
        """What the remote shows now, without fetching."""
        return self._connected(
            lambda: _advertised(self._remote(), connect=True, callbacks=_Callbacks(self.address, self._credentials)),
            doing="listing its refs",
        )

    def _connected(self, connect: Callable[[], Advertised], *, doing: str) -> Advertised:
        """The answer of ``connect``. In a folder a ref can be listed and gone before it is read; then it is looked again."""
        for looks_left in reversed(range(_LOOKS)):
            try:
                return connect()
            except _LIBGIT2 as exc:
                if not looks_left or local_path(self.address) is None or not _REF_IS_GONE.search(str(exc)):
                    raise translated(exc, location=self.location, doing=doing) from exc
        raise AssertionError("the last look answers or raises")

    def push(self, ref: str, commit: str | None, *, expected: str | None, force: bool = False) -> None:
        """The remote's ``ref`` went from ``expected`` (None: absent) to ``commit`` (None: deleted), exactly so.

        Raises ``Stale`` when it was elsewhere and ``Refused`` when the server's rules say no. An answer lost on the way
        back is looked up before anything is raised.
        """
        folder = local_path(self.address)
        if folder is not None:
            self._push_to_folder(str(folder), ref, commit, expected)
            return
        move = RefMove(ref, commit, expected, force)
        if self.push_atomically([move]):
            return
        callbacks = _Callbacks(self.address, self._credentials, [move])
        try:
            self._remote().push([move.spec], callbacks=callbacks, proxy=True)
        except _LeaseLost as lost_race:
            self._settle_lost_lease(ref, commit, lost_race.advertised)
            return
        except _LIBGIT2 as exc:
            self._settle_failure(ref, commit, translated(exc, location=self.location, doing=f"pushing {ref}"), exc)
            return
        if callbacks.reasons.get(ref) is not None:
            self._settle_rejection(move, callbacks)
        elif ref not in callbacks.reasons:
            self._settle_failure(ref, commit, Unavailable(f"{self.location} did not say whether it took {ref}"), None)

    def push_together(self, moves: Sequence[RefMove]) -> bool:
        """Whether the server took all of these in one connection. After False nobody knows about any of them: pushing each
        by itself tells, and takes for done what was done.
        """
        if local_path(self.address) is not None:
            return False
        if self.push_atomically(moves):
            return True
        callbacks = _Callbacks(self.address, self._credentials, moves)
        try:
            self._remote().push([move.spec for move in moves], callbacks=callbacks, proxy=True)
        except (_LeaseLost, *_LIBGIT2):
            return False
        return callbacks.reasons == {move.ref: None for move in moves}

    def push_atomically(
        self, moves: Sequence[RefMove], *, other_repositories: Sequence[pygit2.Repository] = ()
    ) -> bool:
        """Whether the server made all of these, as it can where it is spoken to over HTTP: all or none. After False nobody
        knows, as after :meth:`push_together`. Commits may be in the repositories ``other_repositories`` this one.
        """
        if self._service is None or not self._leads_there():
            return False
        return self._service.took(moves, [self._repository, *other_repositories])

    def _leads_there(self) -> bool:
        """Whether Git's settings put no other address in the place of ours (git-config(1), "url.<base>.insteadOf")."""
        remote = self._remote()
        return self.address == remote.url == (remote.push_url or remote.url)

    def _settle_lost_lease(self, ref: str, commit: str | None, advertised: str) -> None:
        if advertised != (commit or _NOTHING):
            state = "does not exist" if advertised == _NOTHING else f"is at {advertised[:12]}"
            raise Stale(f"{ref} at {self.location} {state} by now")

    def _settle_failure(self, ref: str, commit: str | None, error: BotError, cause: BaseException | None) -> None:
        if not isinstance(error, Unavailable) or not self._arrived(ref, commit):
            raise error from cause

    def _settle_rejection(self, move: RefMove, callbacks: _Callbacks) -> None:
        now = self.heads().refs.get(move.ref)
        if now != move.commit:
            reason, output = callbacks.reasons.get(move.ref) or "", callbacks.output.strip()
            raise rejection(reason, ref=move.ref, moved=now != move.expected, output=output)

    def _arrived(self, ref: str, commit: str | None) -> bool:
        try:
            return self.heads().refs.get(ref) == commit
        except BotError:
            return False

    def _push_to_folder(self, folder: str, ref: str, commit: str | None, expected: str | None) -> None:
        try:
            target = pygit2.Repository(folder)
            if not target.is_bare:
                raise Refused(
                    f"{self.location} is a checkout; pushing needs a bare repository", advice="use `git clone --bare`"
                )
            if commit is not None:
                _carry(self._repository, target, pygit2.Oid(hex=commit))
            _swap(target, ref, commit, expected)
        except _LIBGIT2 as exc:
            raise translated(exc, location=self.location, doing=f"pushing {ref}") from exc

    def _remote(self) -> pygit2.Remote:
        return self._repository.remotes.create_anonymous(self.address)


def _carry(source: pygit2.Repository, target: pygit2.Repository, tip: pygit2.Oid) -> None:
    """What ``tip`` reaches is in ``target``, where at no moment an object is without what it names: few are written one by one,
    more appear as a pack at once.
    """
    lacking = _lacking(source, target, tip)
    if len(lacking) < _UNPACKED:
        for oid in lacking:
            target.write(*source.read(oid))
        return
    pack = pygit2.PackBuilder(source)
    for oid in lacking:
        pack.add(oid)
    pack.write(Path(target.path) / "objects" / "pack")


def _lacking(source: pygit2.Repository, target: pygit2.Repository, tip: pygit2.Oid) -> list[pygit2.Oid]:
    """What ``tip`` reaches and ``target`` has not, each after all that it names."""
    waiting, visited, held, lacking = [(tip, False)], set[pygit2.Oid](), set[pygit2.Oid](), list[pygit2.Oid]()
    while waiting:
        oid, is_last = waiting.pop()
        if is_last:
            lacking.append(oid)
        elif oid not in visited and oid not in held and oid not in target:
            visited.add(oid)
            wanted: object = source[oid]
            if isinstance(wanted, pygit2.Commit):
                held.update(_held(wanted, source, target))
            waiting.append((oid, True))
            waiting += ((needed, False) for needed in _needs(wanted))
    return lacking


def _held(commit: pygit2.Commit, source: pygit2.Repository, target: pygit2.Repository) -> Iterator[pygit2.Oid]:
    """What ``target`` has with the parents of ``commit`` that are there, found without a look at each object."""
    pairs = [
        (commit.tree, source[parent].peel(pygit2.Tree))
        for parent in commit.parent_ids
        if parent in target and parent in source
    ]
    while pairs:
        tree, before = pairs.pop()
        entries = {entry.name: entry for entry in before}
        yield from (entry.id for entry in entries.values())
        for entry in tree:
            old = entries.get(entry.name)
            if isinstance(entry, pygit2.Tree) and isinstance(old, pygit2.Tree) and entry.id != old.id:
                pairs.append((entry, old))


def _needs(target: object) -> list[pygit2.Oid]:
    """The objects that ``target`` names itself. Commits of submodules lie elsewhere."""
    if isinstance(target, pygit2.Commit):
        return [target.tree_id, *target.parent_ids]
    if isinstance(target, pygit2.Tree):
        return [entry.id for entry in target if entry.filemode != FileMode.COMMIT]
    return [target.target] if isinstance(target, pygit2.Tag) else []


def _advertised(remote: pygit2.Remote, *, connect: bool, callbacks: _Callbacks | None = None) -> Advertised:
    heads = remote.list_heads(callbacks=callbacks, proxy=True, connect=connect)
    refs = {head.name: str(head.oid) for head in heads if head.name is not None}
    symbolic = next((head.symref_target for head in heads if head.name == "HEAD"), None)
    return Advertised(refs, symbolic.removeprefix("refs/heads/") if symbolic else None)


def _swap(target: pygit2.Repository, ref: str, commit: str | None, expected: str | None) -> None:
    """Compare-and-swap in a folder. libgit2 sets and deletes a ref only while it still is what was looked up."""
    reference = target.references.get(sys.intern(ref))  # as in GitRepository: pygit2 keeps the string for ever
    now = None if reference is None else str(reference.target)
    if now == commit:
        return
    if now != expected:
        raise Stale(f"{ref} is at {now and now[:12]} by now")
    try:
        if reference is None:
            target.references.create(ref, commit or "")
        elif commit is None:
            reference.delete()
        else:
            reference.set_target(commit)
    except (pygit2.GitError, ValueError) as exc:
        raise Stale(f"{ref} moved while it was being written") from exc
