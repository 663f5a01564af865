"""Which refs a repository has, as ``git upload-pack`` and ``git receive-pack`` say it to whoever is about to fetch or push
(gitprotocol-http(5), "Smart Clients"; gitprotocol-pack(5), "Reference Discovery").

Git says once for each configuration what it can do. The refs are read here: looking at them is most of what bots do, and a
process for each look costs more than all the rest of it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ObjectType

SERVICES: Final = ("git-upload-pack", "git-receive-pack")
_SECTIONS: Final = {"git-upload-pack": "uploadpack", "git-receive-pack": "receive"}
_FLUSH: Final = b"0000"
_PLAIN: Final = ("refs/heads/", "refs/pull/")
"""Refs below these lead to commits; elsewhere there may be tags, whose objects are told as well."""
HEADERS: Final = {
    "Expires": "Fri, 01 Jan 1980 00:00:00 GMT",
    "Pragma": "no-cache",
    "Cache-Control": "no-cache, max-age=0, must-revalidate",
}
"""What ``git http-backend`` says of everything that may be another thing the next time."""


class _ForGitError(Exception):
    """Something that is left to Git itself."""


@dataclass(frozen=True, slots=True)
class _Service:
    """What Git says of a service where it is configured so, and below which names refs are hidden from it."""

    answer: bytes
    capabilities: bytes
    hidden_names: tuple[str, ...]

    def shows(self, name: str) -> bool:
        return not any(name == hidden or name.startswith(f"{hidden}/") for hidden in self.hidden_names)


def body(path: Path, service: str, protocol: str) -> bytes | None:
    """The body of the reply to ``GET info/refs`` for ``service`` in version ``protocol`` (``GIT_PROTOCOL`` in git(1)); None
    where Git itself is to be asked.
    """
    if protocol not in ("", "version=2") or any(
        (path / name).exists() for name in ("shallow", "objects/info/alternates")
    ):
        return None
    advertised = _service_of(service, protocol, (path / "config").read_bytes())
    if protocol and service == "git-upload-pack":  # the second version lists no refs before it is asked to
        return advertised.answer
    try:
        lines = list(_refs(pygit2.Repository(str(path)), service, advertised))
    except (_ForGitError, KeyError, ValueError, pygit2.GitError):
        return None
    preamble = b"" if protocol else _line(f"# service={service}\n".encode()) + _FLUSH
    return preamble + b"".join(lines) + _FLUSH if lines else None


def _refs(git: pygit2.Repository, service: str, advertised: _Service) -> Iterator[bytes]:
    capabilities, fetches = advertised.capabilities, service == "git-upload-pack"
    for name, sha in _shown(git, advertised, head=fetches):
        if name == "HEAD":
            main = str(git.lookup_reference("HEAD").target)
            capabilities = capabilities.replace(b" no-done", b" no-done symref=HEAD:" + main.encode(), 1)
        yield _line(f"{sha} {name}".encode() + (b"\0" + capabilities if capabilities else b"") + b"\n")
        capabilities = b""
        if fetches and not name.startswith(_PLAIN) and name != "HEAD" and git[sha].type == ObjectType.TAG:
            yield _line(f"{git[sha].peel(None).id} {name}^{{}}\n".encode())


def _shown(git: pygit2.Repository, advertised: _Service, *, head: bool) -> Iterator[tuple[str, str]]:
    """HEAD first, then all others by name."""
    if head:
        if git.head_is_detached:
            raise _ForGitError
        if not git.head_is_unborn:
            yield "HEAD", str(git.head.target)
    for name in sorted(name for name in git.references if advertised.shows(name)):
        sha = str(git.lookup_reference(name).resolve().target)
        if sha not in git:
            raise _ForGitError
        yield name, sha


def _line(text: bytes) -> bytes:
    return b"%04x" % (len(text) + 4) + text


@lru_cache(maxsize=64)
def _service_of(service: str, protocol: str, config: bytes) -> _Service:
    """Asked of Git with a repository of one ref, beside whose name the capabilities stand."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        git = pygit2.init_repository(folder, bare=True, initial_head="unborn")
        signature = pygit2.Signature("Sandbox", "sandbox@example.org", 0, 0)
        git.create_commit("refs/heads/main", signature, signature, "", git.TreeBuilder().write(), [])
        (Path(folder) / "config").write_bytes(config)
        command = ["git", service.removeprefix("git-"), "--stateless-rpc", "--http-backend-info-refs", folder]
        answer = subprocess.run(command, env=_environment(folder, protocol), capture_output=True, check=True).stdout
        settings = pygit2.Config(f"{folder}/config")
        keys = (f"{_SECTIONS[service]}.hideRefs", "transfer.hideRefs")
        hidden_names = tuple((name or "").rstrip("/") for key in keys for name in settings.get_multivar(key))
    capabilities = answer.partition(b"\0")[2].partition(b"\n")[0]
    return _Service(answer, capabilities, hidden_names)


def _environment(folder: str, protocol: str) -> Mapping[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1", "GIT_PROTOCOL": protocol}
