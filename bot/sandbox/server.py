"""The sandbox as a running server: ``with Sandbox.start(directory) as box``. Used by the demo, the CLI and tests.

It listens on loopback only, in a thread of its own, and leaves neither threads nor sockets behind.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.errors import Unavailable
from bot.sandbox.administration import Administration, person, repository
from bot.sandbox.backend import Backend, Repo, stamp
from bot.sandbox.bare_repositories import BareRepositories
from bot.sandbox.faults import Faults
from bot.sandbox.journal import RequestJournal
from bot.sandbox.limits import RateLimits
from bot.sandbox.links import Links
from bot.sandbox.outbox import Outbox
from bot.sandbox.records import DeliveryRow, HookRow
from bot.sandbox.store import Database
from bot.sandbox.verbs import hooks, repositories
from bot.sandbox.web.markup import check_installed

_START_SECONDS = 10.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """One running server. Make it with :meth:`start`; leave it with ``with`` or :meth:`close`."""

    def __init__(self, backend: Backend, journal: RequestJournal, port: socket.socket, *, person: str) -> None:
        self.backend = backend
        self.requests = journal
        self.faults = backend.faults
        self.webhooks = backend.outbox
        self.person = person
        self.admin = Administration(backend, person)
        self._sockets: dict[object, asyncio.BaseTransport] = {}
        self._server, ready = _uvicorn(self._application(), self._sockets)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [port]}, name="sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(_START_SECONDS):
            raise Unavailable(f"the sandbox did not start within {_START_SECONDS:.0f} seconds")

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        port: int = 0,
        person: str = "you",
        clock: Callable[[], datetime] = _utc_now,
    ) -> Self:
        """A server on ``127.0.0.1`` whose state lies in ``directory`` (kept, and found again by the next start).

        ``port`` 0 takes a free one. ``person`` is who acts on the web page: an administrator. Raises ``Unavailable``
        when the port is taken, ``Invalid`` where the extra ``sandbox`` is not installed.
        """
        check_installed()
        listening = _listen(port)
        root = f"http://127.0.0.1:{listening.getsockname()[1]}"
        directory.mkdir(parents=True, exist_ok=True)
        store = Database(directory / "sandbox.sqlite")
        backend = Backend(
            store=store,
            repositories=BareRepositories(directory),
            links=Links(root),
            faults=Faults(),
            outbox=Outbox(store, now=lambda: stamp(clock())),
            limits=RateLimits(time.time),
            clock=clock,
        )
        repositories.create_user(backend, person, admin=True, checks=True)
        return cls(backend, RequestJournal(), listening, person=person)

    @property
    def hub(self) -> Backend:
        """The backend, by the name under which scripts that place hooks know it: ``box.hub.shelf.hooks``."""
        return self.backend

    @property
    def url(self) -> str:
        """The root: pages for people, and the API as well."""
        return self.backend.links.root

    @property
    def api_url(self) -> str:
        """What GitHub clients take as their base address."""
        return self.backend.links.api

    def git_url(self, full_name: str) -> str:
        """What to clone, without credentials; any user name with a token as password opens it."""
        return self.backend.links.git(full_name)

    def web_url(self, full_name: str = "", path: str = "") -> str:
        """A page for people, e.g. ``web_url("acme/shop", "/pull/1")``."""
        return self.backend.links.page(full_name, path) if full_name else self.url

    def create_user(
        self,
        login: str,
        *,
        admin: bool = False,
        bot: bool = False,
        checks: bool | None = None,
        installation: bool = False,
    ) -> str:
        """An account (made when there was none) and a new token for it.

        ``bot``: an app that is installed everywhere with write access and may write check runs. ``checks`` sets the
        latter alone: a personal token normally gets 403. ``installation``: ``GET /user`` answers 403, as it does for
        the tokens of apps and of GitHub Actions.
        """
        account = repositories.create_user(
            self.backend,
            login,
            kind="Bot" if bot else "User",
            admin=admin,
            checks=bot if checks is None else checks,
            installation=installation,
        )
        return repositories.issue_token(self.backend, account)

    def create_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, bytes] | None = None,
        default_branch: str = "main",
        private: bool = False,
        description: str = "",
        message: str = "Initial commit",
        collaborators: Mapping[str, str] | None = None,
    ) -> Repo:
        """A repository whose default branch holds ``files`` in one commit by the person of the web page.

        ``collaborators`` maps logins to read, triage, write, maintain or admin.
        """
        owner, _, name = full_name.partition("/")
        repo = repositories.create_repository(
            self.backend,
            owner,
            name,
            author=self.backend.login(self.person),
            files=files,
            default_branch=default_branch,
            private=private,
            about=description,
            message=message,
        )
        for login, permission in (collaborators or {}).items():
            self.add_collaborator(full_name, login, permission)
        return repo

    def has_repositories(self) -> bool:
        """Whether any repository exists (in a directory that was used before)."""
        return self.backend.store.number("SELECT COUNT(*) FROM repo") > 0

    def add_collaborator(self, full_name: str, login: str, permission: str = "write") -> None:
        """``login`` (an account that exists) has ``permission`` on the repository."""
        account, repo = person(self.backend, login), repository(self.backend, full_name)
        self.backend.store.run("INSERT OR REPLACE INTO collaborator VALUES (?, ?, ?)", repo.id, account.id, permission)

    def register_webhook(self, full_name: str, url: str, *, secret: str = "") -> HookRow:
        """Deliver all events of the repository to ``url`` from now on, beginning with a ping."""
        repo = repository(self.backend, full_name)
        return hooks.create_hook(repo, person(self.backend, repo.owner), url, secret=secret, events=("*",))

    def deliveries(self, full_name: str) -> list[DeliveryRow]:
        """All deliveries of the repository's hooks, oldest first."""
        sql = "SELECT delivery.* FROM delivery JOIN hook ON hook.id = hook_id WHERE repo_id = ? ORDER BY delivery.id"
        return self.backend.store.all(DeliveryRow, sql, repository(self.backend, full_name).id)

    def set_rate_limit(self, login: str, *, remaining: int, reset_in: float = 3600) -> None:
        """``login`` has ``remaining`` API requests left until ``reset_in`` seconds from now."""
        self.backend.limits.set_remaining(person(self.backend, login), remaining, reset_in=reset_in)

    def close(self) -> None:
        """Everything queued is delivered, the port is free, no thread is left."""
        self._server.should_exit = True
        self._thread.join()
        self.backend.outbox.close()
        self.backend.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _application(self) -> Any:
        from bot.sandbox.app import HandlerContext, build
        from bot.sandbox.web import forms, pages, site

        page_routes = site.routes(self.backend, self.person, (*forms.ROUTES, *pages.ROUTES))
        return build(HandlerContext(self.backend, self.requests, self._hang_up), page_routes)

    def _hang_up(self, scope: MutableMapping[str, Any]) -> None:
        """Close the request's connection without an answer. In the server's own thread."""
        transport = self._sockets.get(tuple(scope["client"]))
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


def _listen(port: int) -> socket.socket:
    # asyncio switches off Nagle's delay (40 ms for each request here) only where the protocol is named.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise Unavailable(f"port {port} on 127.0.0.1 cannot be used: {error.strerror}") from error
    return listening


def _uvicorn(application: Any, sockets: dict[object, asyncio.BaseTransport]) -> tuple[Any, threading.Event]:
    """A server whose open connections are listed in ``sockets`` by peer, and an event set once it serves."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    ready = threading.Event()

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            sockets[transport.get_extra_info("peername")] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            sockets.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(exc)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    config = uvicorn.Config(
        application,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody stands between
    )
    return Server(config), ready
