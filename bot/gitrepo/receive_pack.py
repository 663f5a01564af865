"""Pushes over HTTP that move several refs or none, in one request once the server is known.

libgit2 asks three requests for each push: the refs without credentials (401), the refs, the push. It also cannot ask for
``atomic`` (measured with libgit2 1.9). So a push is spoken here (gitprotocol-http(5), "Smart Service git-receive-pack";
gitprotocol-pack(5), "Reference Update Request and Packfile Transfer"), and the server is asked once what it is capable of.
Each command names the old value of its ref, which the server swaps: that is the lease.

Nothing is explained here: whatever is not a plain yes is pushed again by libgit2, which looks first where the refs are by
now, and whose errors are known. Used by :mod:`bot.gitrepo.remote`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pygit2

from bot.gitrepo.credentials import Credentials, Token
from bot.gitrepo.packs import FLUSH, news, pack, packet, packets
from bot.trust import machine_authorities

if TYPE_CHECKING:
    import httpx

_NOTHING: Final = "0" * 40
"""The id that stands for "no such ref" in a command (gitprotocol-pack(5), "Reference Update Request")."""
_NEEDED: Final = frozenset({"report-status", "delete-refs"})
"""Without ``report-status`` a server does not say which refs it took (gitprotocol-capabilities(5))."""
_AGENT: Final = "git/2.0 (clockwork)"
"""Hosts answer Git only to who says that it is Git."""
_SERVICE: Final = "git-receive-pack"


@dataclass(frozen=True, slots=True)
class RefMove:
    """One ref that is to go from ``expected`` (None: absent) to ``commit`` (None: deleted)."""

    ref: str
    commit: str | None
    expected: str | None
    force: bool = False

    @property
    def spec(self) -> str:
        """As git-push(1) writes it."""
        return f"{'+' if self.force else ''}{self.commit or ''}:{self.ref}"

    @property
    def command(self) -> bytes:
        """As the server is told it."""
        return f"{self.expected or _NOTHING} {self.commit or _NOTHING} {self.ref}".encode()


@dataclass(eq=False)
class ReceivePack:
    """The service that takes pushes at ``address``, an http or https URL."""

    address: str
    credentials: Credentials | None = field(repr=False)
    _capabilities: frozenset[str] | None = field(default=None, init=False)

    def took(self, moves: Sequence[RefMove], repositories: Sequence[pygit2.Repository]) -> bool:
        """Whether the server took all of ``moves``, whose commits are in one of the ``repositories``. After False nobody
        knows.
        """
        import httpx

        if any(move.commit == move.expected for move in moves):
            return False
        objects = _objects(moves, repositories)
        if objects is None:
            return False
        try:
            with self._client() as client:
                return self._is_capable(client, len(moves)) and self._pushed(client, moves, objects)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return False

    def _is_capable(self, client: httpx.Client, moves: int) -> bool:
        if self._capabilities is None:
            answer = client.get(f"{self._url}/info/refs", params={"service": _SERVICE})
            if answer.is_redirect:
                self._capabilities = frozenset()  # it is somewhere else, where the token is not meant to go from here
            elif answer.is_success:
                self._capabilities = _capabilities(answer.content)
        capabilities = self._capabilities or frozenset()
        return (
            capabilities >= _NEEDED
            and (moves == 1 or "atomic" in capabilities)
            and "object-format=sha256" not in capabilities
        )

    def _pushed(self, client: httpx.Client, moves: Sequence[RefMove], objects: Mapping[str, tuple[int, bytes]]) -> bool:
        banded = "side-band-64k" in (self._capabilities or ())
        capability_list = (
            b"\0report-status" + (b" side-band-64k" if banded else b"") + (b" atomic" if len(moves) > 1 else b"")
        )
        first, *other_commands = (move.command for move in moves)
        commands = b"".join(packet(command) for command in (first + capability_list, *other_commands))
        deletes = all(move.commit is None for move in moves)
        answer = client.post(
            f"{self._url}/{_SERVICE}",
            content=commands + FLUSH + (b"" if deletes else pack(objects)),
            headers={"Content-Type": f"application/x-{_SERVICE}-request", "Accept": f"application/x-{_SERVICE}-result"},
        )
        if not answer.is_success:
            return False
        report = _first_band(answer.content) if banded else answer.content
        lines = [line.rstrip(b"\n") for line in packets(report) if line]
        return lines[:1] == [b"unpack ok"] and set(lines[1:]) == {b"ok " + move.ref.encode() for move in moves}

    @property
    def _url(self) -> str:
        return self.address.rstrip("/")

    def _client(self) -> httpx.Client:
        """Waits no longer than libgit2 does, trusts the authorities that it trusts, follows nobody, and says the token of the
        moment.
        """
        import httpx

        limits = pygit2.settings.server_timeout, pygit2.settings.server_connect_timeout
        answer, connect = (milliseconds / 1000 or None for milliseconds in limits)  # 0 is for ever
        waits = httpx.Timeout(answer, connect=connect)
        headers = {"User-Agent": _AGENT, **self._login()}
        return httpx.Client(headers=headers, timeout=waits, verify=machine_authorities(), follow_redirects=False)

    def _login(self) -> dict[str, str]:
        if not isinstance(self.credentials, Token):
            return {}
        secret = self.credentials.secret
        pair = f"{self.credentials.username}:{secret if isinstance(secret, str) else secret()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _first_band(answer: bytes) -> bytes:
    """The report; the other bands are words for people (gitprotocol-pack(5), "Packfile Data")."""
    return b"".join(line[1:] for line in packets(answer) if line[:1] == b"\1")


def _capabilities(advertisement: bytes) -> frozenset[str]:
    """What stands behind the first ref (gitprotocol-pack(5), "Reference Discovery")."""
    line = next((line for line in packets(advertisement) if b"\0" in line), b"")
    return frozenset(line.partition(b"\0")[2].decode(errors="replace").split())


def _objects(
    moves: Sequence[RefMove], repositories: Sequence[pygit2.Repository]
) -> Mapping[str, tuple[int, bytes]] | None:
    """Everything that the server lacks; None where that is not known here."""
    objects: dict[str, tuple[int, bytes]] = {}
    expected = {move.expected for move in moves if move.expected is not None}
    for move in moves:
        if move.commit is None:
            continue
        holder = next((repository for repository in repositories if move.commit in repository), None)
        if holder is None or not _goes_forward(move, holder):
            return None
        lacking = news(holder, move.commit, expected | _published(holder))
        if lacking is None:
            return None
        objects |= lacking
    return objects


def _goes_forward(move: RefMove, repository: pygit2.Repository) -> bool:
    """Whether the old commit stays below the new one, or need not: a server looks for that only where it is told to."""
    if move.force or move.expected is None or move.commit is None:
        return True
    return move.expected in repository and repository.descendant_of(move.commit, move.expected)


def _published(repository: pygit2.Repository) -> set[str]:
    """The commits that the refs of a clone of ours name: they were fetched, or pushed."""
    return {
        str(reference.target) for reference in repository.references.objects if isinstance(reference.target, pygit2.Oid)
    }
