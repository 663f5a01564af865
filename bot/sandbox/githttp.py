"""Git over smart HTTP (gitprotocol-http(5)): Git's own programs on the bare repositories.

Request and answer pass through unnamed temporary files, so any size works and a client that goes away leaves nothing
behind. A push is answered only after pull requests and webhooks caught up with it. What is out of the ordinary is left to
``git http-backend``, and a push that something may refuse to the hooks.
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from bot.sandbox import advertised
from bot.sandbox.backend import Backend, Caller, Repo
from bot.sandbox.edge import authenticate
from bot.sandbox.faults import Declined
from bot.sandbox.push_report import carried_out, push_request
from bot.sandbox.records import UserRow
from bot.sandbox.replies import ApiProblem, Moved
from bot.sandbox.verbs import pushes, rules

_CHUNK = 1 << 16
_LOGIN = {"WWW-Authenticate": 'Basic realm="GitHub"'}


@dataclass(frozen=True, slots=True)
class GitCall:
    """One git request. ``service`` is git-upload-pack or git-receive-pack, ``tail`` the path after the repository."""

    owner: str
    name: str
    tail: str
    service: str
    method: str
    query: str
    headers: Mapping[str, str]
    body: IO[bytes]
    decline: Declined | None = None

    @property
    def pushes(self) -> bool:
        """Whether this request may change refs."""
        return self.tail == "/git-receive-pack"


@dataclass(frozen=True, slots=True)
class GitReply:
    """The answer. ``body`` is positioned after the CGI header and must be closed by whoever sends it."""

    status: int
    headers: dict[str, str]
    body: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        """The body piece by piece; closes it at the end."""
        with self.body as body:
            while chunk := body.read(_CHUNK):
                yield chunk

    def short(self) -> bytes | None:
        """All of it where that is one piece, closed; None where it is longer."""
        piece = self.body.read(_CHUNK + 1)
        if len(piece) > _CHUNK:
            self.body.seek(-len(piece), os.SEEK_CUR)
            return None
        self.body.close()
        return piece


def serve(backend: Backend, call: GitCall) -> GitReply:
    """Answer one git request. Blocking."""
    try:
        caller = authenticate(backend, call.headers.get("authorization", ""))
        user = None if caller is None else caller.user
        repo = _permitted(backend, call, caller)
    except Moved as moved:
        return _redirect(backend, call, backend.repo_by_id(moved.repo_id))
    except ApiProblem as problem:
        text = "Invalid username or token." if problem.status == 401 else problem.message
        headers = {"Content-Type": "text/plain; charset=UTF-8", **(_LOGIN if problem.status == 401 else {})}
        return GitReply(problem.status, headers, io.BytesIO(text.encode()))
    if user is None or not call.pushes:
        return _run(backend, call, repo, user, {})
    return _pushed(backend, call, repo, user)


def _pushed(backend: Backend, call: GitCall, repo: Repo, user: UserRow) -> GitReply:
    """A push, and what follows it. Hooks tell what it did, and its own report does where no hook has anything to say."""
    push = push_request(call.body)
    refused = rules.hook_lines(repo, user, push.refs)
    if push.reports and not refused and call.decline is None and backend.repositories.has_own_hooks():
        reply = _run(backend, call, repo, user, {"GIT_CONFIG_VALUE_0": os.devnull})
        pushes.follow(repo, user, carried_out(push, reply.body))
        return reply
    with tempfile.NamedTemporaryFile(mode="r", dir=backend.repositories.root.parent, prefix="push-") as updates:
        extra = {"SANDBOX_UPDATES": updates.name, "SANDBOX_RULES": refused}
        if call.decline is not None:
            extra["SANDBOX_DECLINE"] = call.decline.message
        reply = _run(backend, call, repo, user, extra)
        lines = [line.split() for line in updates.read().splitlines()]
    pushes.follow(repo, user, [pushes.Update(*line) for line in lines])
    return reply


def _redirect(backend: Backend, call: GitCall, repo: Repo) -> GitReply:
    """Where a renamed or transferred repository is ("Renaming a repository": ``git fetch`` and ``git push`` go on)."""
    query = f"?{call.query}" if call.query else ""
    new_location = f"{backend.links.git(repo.full_name)}{call.tail}{query}"
    return GitReply(301, {"Location": new_location}, io.BytesIO())


def _permitted(backend: Backend, call: GitCall, caller: Caller | None) -> Repo:
    """The repository; 401 makes git ask for credentials, 404 hides, 403 refuses a push."""
    user = None if caller is None else caller.user
    try:
        repo = backend.repo(call.owner, call.name.removesuffix(".git"), user)
    except ApiProblem as problem:
        raise (ApiProblem(401, "") if user is None else ApiProblem(404, "Repository not found.")) from problem
    backend.require_reached(repo, caller, writes=call.service == "git-receive-pack")
    if call.service == "git-receive-pack":
        if user is None:
            raise ApiProblem(401, "")
        if repo.archived:
            raise ApiProblem(403, "This repository was archived so it is read-only.")
        if not repo.may(user, "write") or not _may_push(caller):
            raise ApiProblem(403, f"Permission to {repo.full_name}.git denied to {user.login}.")
    return repo


def _may_push(caller: Caller | None) -> bool:
    """A token of an app needs ``contents: write``, as a job of Actions gives it."""
    return caller is None or caller.grants is None or caller.grants.get("contents") == "write"


def _run(backend: Backend, call: GitCall, repo: Repo, user: UserRow | None, extra: Mapping[str, str]) -> GitReply:
    folder = backend.repositories.path(repo.full_name)
    if call.method == "GET" and call.query == f"service={call.service}" and call.service in advertised.SERVICES:
        refs = advertised.body(folder, call.service, call.headers.get("git-protocol", ""))
        if refs is not None:
            return _git_reply(f"application/x-{call.service}-advertisement", io.BytesIO(refs))
    output = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by whoever sends the reply
    environment = _environment(backend, call, repo, user) | dict(extra)
    call.body.seek(0)
    plain = call.tail == f"/{call.service}" and call.service in advertised.SERVICES and _is_plain(call)
    arguments = [call.service.removeprefix("git-"), "--stateless-rpc", str(folder)] if plain else ["http-backend"]
    subprocess.run(
        ["git", *arguments],
        stdin=call.body,
        stdout=output,
        stderr=subprocess.DEVNULL,
        env=environment,
        check=False,
    )
    output.seek(0)
    if plain:
        return _git_reply(f"application/x-{call.service}-result", output)
    status, headers = _cgi_header(output)
    return GitReply(status, headers, output)


def _is_plain(call: GitCall) -> bool:
    """Whether a request is as Git sends it, and not compressed."""
    kind = call.headers.get("content-type", "")
    return kind == f"application/x-{call.service}-request" and not call.headers.get("content-encoding", "")


def _git_reply(kind: str, body: IO[bytes]) -> GitReply:
    return GitReply(200, {**advertised.HEADERS, "Content-Type": kind}, body)


def _environment(backend: Backend, call: GitCall, repo: Repo, user: UserRow | None) -> dict[str, str]:
    """The variables of git-http-backend(1). Nothing of our own environment but PATH: its settings and hooks are not ours."""
    person = user.login if user else "anonymous"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(backend.repositories.root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": str(backend.repositories.hooks),
        "GIT_PROJECT_ROOT": str(backend.repositories.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
        "PATH_INFO": f"/{repo.full_name}.git{call.tail}",
        "REQUEST_METHOD": call.method,
        "QUERY_STRING": call.query,
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(call.body.seek(0, os.SEEK_END)),
        # git sends large requests compressed; http-backend unpacks them only when it is told.
        "HTTP_CONTENT_ENCODING": call.headers.get("content-encoding", ""),
        "REMOTE_USER": person,
        "REMOTE_ADDR": "127.0.0.1",
    }


def _cgi_header(output: IO[bytes]) -> tuple[int, dict[str, str]]:
    """Status (200 unless the program said otherwise, 500 when it said nothing) and headers."""
    headers: dict[str, str] = {}
    while (line := output.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    if not headers:
        return 500, {}
    status = int(headers.pop("Status", "200").split()[0])
    return status, headers
