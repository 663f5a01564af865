"""Serving pages: one visit in, HTML or a redirect out. Forms are accepted from our own pages only."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.backend import Backend, Repo
from bot.sandbox.edge import query_of
from bot.sandbox.records import IssueRow, UserRow
from bot.sandbox.replies import ApiProblem, Moved, forbidden
from bot.sandbox.web.markup import render
from bot.sandbox.web.views import RepoView, repo_view

if TYPE_CHECKING:
    from jinja2 import Environment

_HOSTS = ("127.0.0.1", "localhost")
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of the person in front of the page."""

    backend: Backend
    person: UserRow
    token: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)

    def repo(self) -> Repo:
        """The repository that the address names, also by a name it had before."""
        try:
            return self.backend.repo(self.params["owner"], self.params["name"], self.person)
        except Moved as moved:
            return self.backend.repo_by_id(moved.repo_id)

    def number(self) -> int:
        """The number of an issue or pull request in the address."""
        return int(self.params["number"])

    def thread(self) -> tuple[Repo, IssueRow]:
        """The repository and issue (or pull request) that the address names."""
        repo = self.repo()
        return repo, repo.issue(self.number())


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML page: ``template`` with ``values``; ``repo`` puts the repository's head on it."""

    template: str
    values: Mapping[str, object]
    repo: RepoView | None = None
    tab: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are, never shown as a page."""

    data: bytes
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Look there (after a form was carried out)."""

    path: str


Answer: TypeAlias = Page | Raw | Redirect
View: TypeAlias = Callable[[Visit], Answer]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page and its address. ``method`` POST takes a form."""

    method: str
    path: str
    view: View


def page_of(repo: Repo, tab: str, template: str, **values: object) -> Page:
    """A page of one repository."""
    return Page(template, values, repo_view(repo), tab)


def routes(backend: Backend, person: str, pages: tuple[PageRoute, ...]) -> tuple[BaseRoute, ...]:
    """The pages, acted on by ``person``. Forms carry a token that other sites cannot read."""
    token = secrets.token_urlsafe(24)
    return (
        Mount("/static", StaticFiles(packages=[("bot.sandbox.web", "static")])),
        *(Route(route.path, _handler(backend, person, token, route), methods=[route.method]) for route in pages),
    )


def _handler(backend: Backend, login: str, token: str, route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        body = await request.body() if route.method == "POST" else b""
        return await to_thread.run_sync(lambda: _respond(backend, (login, token), route, request, body))

    return handle


def _respond(backend: Backend, acting: tuple[str, str], route: PageRoute, request: Request, body: bytes) -> Response:
    login, token = acting
    person = backend.account(login)
    params = {name: str(value) for name, value in request.path_params.items()}
    form = dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    visit = Visit(backend, person, token, params, query_of(request.scope["query_string"]), form)
    try:
        if route.method == "POST":
            _require_own(request, form, token)
        answer = route.view(visit)
    except ApiProblem as problem:
        return _html(visit, Page("problem.html", {"problem": problem}), problem.status)
    if isinstance(answer, Redirect):
        return RedirectResponse(answer.path, 303)
    if isinstance(answer, Raw):
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return Response(answer.data, media_type=answer.media_type, headers=headers)
    return _html(visit, answer, 200)


def _html(visit: Visit, page: Page, status: int) -> Response:
    template = _templates().get_template(page.template)
    html = template.render(
        page.values,
        head=page.repo,
        tab=page.tab,
        person=visit.person,
        token=visit.token,
        root=visit.backend.links.root,
    )
    return HTMLResponse(html, status, {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


def _require_own(request: Request, form: Mapping[str, str], token: str) -> None:
    """403 unless the form comes from a page of ours, opened under a loopback address.

    Any page in the person's browser can post to 127.0.0.1, and one whose own name is made to resolve there (DNS rebinding)
    can read our pages, token included: so the name in ``Host`` counts as well.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    if host not in _HOSTS or not hmac.compare_digest(form.get("token", ""), token):
        raise forbidden("This form has expired. Load the page again.")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("bot.sandbox.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"markdown": render, "when": when, "path": quote, "size": size, "ink": ink}
    return environment


def when(text: str) -> str:
    """``21 Nov 2026, 20:49``, UTC."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%-d %b %Y, %H:%M")


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count} B" if count < 1024 else f"{count / 1024:.1f} KiB"


def ink(colour: str) -> str:
    """Which of the label inks (0 to 11) is nearest to a label's hue; labels are drawn from the style sheet."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (0, 2, 4))
    high, low = max(red, green, blue), min(red, green, blue)
    if high - low < 24:
        return "grey"
    span = high - low
    hues = {red: (green - blue) / span % 6, green: (blue - red) / span + 2, blue: (red - green) / span + 4}
    return str(round(hues[high] * 2) % 12)
