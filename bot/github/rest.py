"""Requests to GitHub's REST interface through PyGithub's transport: retries, pacing, limits, conditional requests.

The parts of the host adapter share one :class:`RestClient`. Reads are tried again; writes never are, because a lost reply says
nothing about whether the write happened: the caller gets :class:`Lost` and looks. (PyGithub by itself sends POST again,
``GithubRetry``: measured with 2.10, one lost reply made three issues.)
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from bot import escape
from bot.errors import Closed, Invalid, Refused, Stale, Unavailable
from bot.github import refusals
from bot.github.limits import Pace, asked_wait, requests_left
from bot.ports import Clock, Meter, Unmeasured

if TYPE_CHECKING:
    from github.Requester import Requester

PAGE: Final = 100
"""The longest page (docs.github.com, "Using pagination in the REST API")."""
_CACHED: Final = 1_000
_USER_AGENT: Final = "clockwork"
_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_HOPS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 307, 308})
"""docs.github.com, "Best practices for using the REST API", "Follow redirects"; 308 is RFC 9110, section 15.4.9."""
_VERSION: Final = "2022-11-28"
"""``X-GitHub-Api-Version`` (docs.github.com, "API Versions")."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A reply. ``data`` is its parsed JSON (None for an empty body), header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    data: object

    @property
    def message(self) -> str:
        """What an error reply says, on one harmless line, with the codes of its single errors."""
        if not isinstance(self.data, Mapping):
            return ""
        errors = self.data.get("errors")
        problems = [self.data.get("message"), *(errors if isinstance(errors, list) else ())]
        texts = [problem if isinstance(problem, str) else _error(problem) for problem in problems if problem]
        return escape.line("; ".join(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class Lost:
    """No usable reply: whether the request was carried out is not known."""

    cause: str


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long things may take. ``reads`` and ``looks`` are the pauses in seconds before each further attempt.

    ``max_wait`` is the longest pause that is slept through; a longer one is left to the next run.
    """

    reads: tuple[float, ...] = (0.5, 2.0)
    looks: tuple[float, ...] = (0.3, 0.7, 1.5, 3.0)
    max_wait: float = 10.0
    timeout: int = 20


@dataclass(frozen=True, slots=True)
class _Target:
    verb: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=())

    @property
    def url(self) -> str:
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


class RestClient:
    """One connection to one repository. Not for several threads at once. Nothing of it shows the token.

    ``token`` gives the token of the moment: one of an app is another every hour, and after ``forget``, which is called when
    GitHub did not take it.
    """

    def __init__(
        self,
        name: str,
        token: Callable[[], str],
        *,
        api_url: str,
        clock: Clock,
        pace: Pace,
        patience: RetryPolicy,
        meter: Meter | None = None,
        forget: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._give = token
        self._forget = forget
        self._token = ""
        self._meter = meter or Unmeasured()
        self._api_url = api_url.rstrip("/")
        self._clock = clock
        self._pace = pace
        self.patience = patience
        self._requester: Requester | None = None
        self._blocked_until: datetime | None = None
        self._cache: OrderedDict[str, tuple[str, ApiResponse]] = OrderedDict()

    @property
    def root(self) -> str:
        """The path of the repository, by the name under which it was asked for last."""
        return f"/repos/{self.name}"

    def repository(self) -> object:
        """What the host says about the repository now. One that was renamed or transferred answers, too, and is asked
        for by its new name from then on: a list that a redirect leads to would lose its query.
        """
        data = self.get(f"/repos/{self.name}").data
        full_name = data.get("full_name") if isinstance(data, Mapping) else None
        self.is_named(full_name)
        return data

    def is_named(self, name: object) -> None:
        """The host calls the repository so."""
        self.name = name if isinstance(name, str) and _NAME.fullmatch(name) else self.name

    def close(self) -> None:
        """Give the connection back; the next request opens a new one."""
        if self._requester is not None:
            self._requester.close()
            self._requester = None

    def attempts(self, pauses: Sequence[float]) -> Iterator[None]:
        """One attempt, and one more after each of ``pauses``, by the clock that was passed in."""
        yield
        for pause in pauses:
            self._clock.sleep(pause)
            yield

    def awaited(self, ask: Callable[[], _T | None]) -> _T | None:
        """What ``ask`` finds, looked for until it is visible (lists may lag behind) or patience ends."""
        for _ in self.attempts(self.patience.looks):
            if (result := ask()) is not None:
                return result
        return None

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: Collection[int] = ()) -> ApiResponse:
        """The reply to a read, tried again after passing failures, from memory where the host says it is unchanged.

        An error status in ``accept`` is returned. Others raise: ``Unavailable`` for 5xx, limits and no reply,
        ``Closed`` for 401, 403 and 410, ``Invalid`` for 404.
        """
        target = _Target("GET", path, tuple(sorted((query or {}).items())))
        # 304 costs nothing of the primary rate limit ("Best practices for using the REST API", "Use conditional requests").
        cached = self._cache.get(target.url)
        headers = {"If-None-Match": cached[0]} if cached else {}
        answer = self._read(target, headers)
        if answer.status == 304 and cached is not None:
            self._cache.move_to_end(target.url)
            return cached[1]
        if answer.status >= 300 and answer.status not in accept:
            self._fail(target, answer)
        if answer.status == 200 and (etag := answer.headers.get("etag")):
            self._cache[target.url] = (etag, answer)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return answer

    def pages(self, path: str, query: Mapping[str, str] | None = None) -> list[object]:
        """All elements of a list over all its pages."""
        query = {"per_page": str(PAGE), **(query or {})}
        elements: list[object] = []
        while True:
            answer = self.get(path, query)
            if not isinstance(answer.data, list):
                raise Unavailable(f"GitHub answered GET {path} with something that is not a list")
            elements.extend(answer.data)
            following = _next_query(answer.headers.get("link", ""))
            if following is None or following == query:
                return elements
            query = following

    def send(
        self, verb: str, path: str, body: Mapping[str, object] | None = None, *, accept: Collection[int] = ()
    ) -> ApiResponse | Lost:
        """The reply to one write, sent once and no faster than the pace allows.

        A limit that is over soon is waited for (the host did nothing yet); a later one raises ``Unavailable`` with
        ``retry_after``. Statuses in ``accept`` are returned, others raise: ``Closed`` for 401, 403 and 410, ``Refused`` for
        422, ``Invalid`` for 404, ``Stale`` for 409. 5xx and no reply give :class:`Lost`.
        """
        target = _Target(verb, path)
        answer = self._sent(target, body)
        if isinstance(answer, Lost):
            return answer
        if answer.status >= 500:
            return Lost(f"GitHub answered {target} with {answer.status}")
        if answer.status >= 300 and answer.status not in accept:
            self._fail(target, answer)
        return answer

    def send_again(
        self, verb: str, path: str, body: Mapping[str, object] | None = None, *, accept: Collection[int] = ()
    ) -> ApiResponse:
        """Like :meth:`send` for writes that do the same when done twice: tried again, ``Unavailable`` in the end."""
        cause = ""
        for _ in self.attempts(self.patience.reads):
            answer = self.send(verb, path, body, accept=accept)
            if isinstance(answer, ApiResponse):
                return answer
            cause = answer.cause
        raise Unavailable(f"{cause}, several times")

    def mutate(self, query: str, variables: Mapping[str, object]) -> ApiResponse | Lost:
        """The reply to one GraphQL mutation, sent once like :meth:`send`. Its errors come with status 200."""
        # Enterprise Server has REST below /api/v3 and GraphQL at /api/graphql; github.com has both at the root of its host.
        root = self._api_url.removesuffix("/v3") if self._api_url.endswith("/api/v3") else self._api_url
        return self.send("POST", f"{root}/graphql", {"query": query, "variables": variables})

    def _sent(self, target: _Target, body: Mapping[str, object] | None) -> ApiResponse | Lost:
        """The reply to a write, sent again only where a limit kept the host from doing anything."""
        for last in (False, False, True):
            self._await_turn(target)
            answer = self._once(target, {}, body)
            if isinstance(answer, Lost) or not self._limited(target, answer, last=last):
                return answer
        raise AssertionError("the last attempt either returned or raised")

    def _read(self, target: _Target, headers: Mapping[str, str]) -> ApiResponse:
        """A reply below 500 to a read."""
        cause = ""
        for pause in (*self.patience.reads, None):
            self._refuse_while_blocked(target)
            answer = self._once(target, headers, None)
            if isinstance(answer, ApiResponse):
                if not self._limited(target, answer, last=pause is None) and answer.status < 500:
                    return answer
                cause = f"GitHub answered {target} with {answer.status}"
                if answer.status < 500:
                    continue
            else:
                cause = answer.cause
            if pause is not None:
                self._clock.sleep(pause)
        raise Unavailable(cause)

    def _once(
        self, target: _Target, headers: Mapping[str, str], body: Mapping[str, object] | None
    ) -> ApiResponse | Lost:
        """The reply, from where a redirect leads: at a repository's old address nothing was done ("Best practices for
        using the REST API", "Follow redirects"). PyGithub follows 301 alone, and forgets the query.
        """
        answer = self._authorized(target, headers, body)
        for _ in range(_HOPS):
            if isinstance(answer, Lost) or answer.status not in _REDIRECTS:
                return answer
            location = answer.headers.get("location", "")
            if not location.startswith(f"{self._api_url}/"):  # the token goes nowhere else
                return answer
            answer = self._authorized(_Target(target.verb, location), headers, body)
        return answer

    def _authorized(
        self, target: _Target, headers: Mapping[str, str], body: Mapping[str, object] | None
    ) -> ApiResponse | Lost:
        answer = self._exchanged(target, headers, body)
        if isinstance(answer, ApiResponse) and answer.status == 401 and self._has_another_token():
            answer = self._exchanged(target, headers, body)  # nothing was done for who was not known
        self._meter.answered(target.verb, "lost" if isinstance(answer, Lost) else str(answer.status))
        if isinstance(answer, ApiResponse) and (budget_left := requests_left(answer.headers)) is not None:
            self._meter.left(budget_left)
        return answer

    def _has_another_token(self) -> bool:
        """Whether there is a token that was not refused."""
        refused = self._token
        if self._forget is not None:
            self._forget()
        return self._give() != refused

    def _exchanged(
        self, target: _Target, headers: Mapping[str, str], body: Mapping[str, object] | None
    ) -> ApiResponse | Lost:
        import requests

        request_headers = {"Accept": "application/vnd.github+json", **headers}
        try:
            status, replied, output = self._transport().requestJson(
                target.verb, target.url, None, request_headers, body
            )
            data = json.loads(output) if output.strip() else None
        except (requests.RequestException, OSError) as exc:
            return Lost(self._safe(f"GitHub did not answer {target}: {type(exc).__name__}"))
        except (ValueError, RecursionError):
            return Lost(f"GitHub answered {target} with something that is not JSON")
        except RuntimeError as exc:  # PyGithub's answer to a redirect to another host or scheme
            raise Refused(self._safe(f"{target}: {exc}"), advice="Check the API URL in clockwork.yaml.") from None
        return ApiResponse(status, {str(key).lower(): str(value) for key, value in replied.items()}, data)

    def _transport(self) -> Requester:
        """PyGithub's requester without its own retries (it would repeat POST) and without its own pacing."""
        token = self._give()
        if self._requester is None or token != self._token:
            from github import Auth, Github

            self.close()
            self._token = token
            self._requester = Github(
                auth=Auth.Token(token),
                base_url=self._api_url,
                timeout=self.patience.timeout,
                user_agent=_USER_AGENT,
                per_page=PAGE,
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
                api_version=_VERSION,
            ).requester
        return self._requester

    def _await_turn(self, target: _Target) -> None:
        self._refuse_while_blocked(target)
        wait = self._pace.wait(self._clock.now())
        if wait > self.patience.max_wait:
            raise Unavailable(f"too many writes: {target} has to wait {wait:.0f} s", retry_after=wait)
        if wait > 0:
            self._clock.sleep(wait)
        self._pace.note(self._clock.now())

    def _refuse_while_blocked(self, target: _Target) -> None:
        if self._blocked_until is None:
            return
        seconds_left = (self._blocked_until - self._clock.now()).total_seconds()
        if seconds_left > 0:
            raise Unavailable(f"GitHub asks to wait {seconds_left:.0f} s before {target}", retry_after=seconds_left)
        self._blocked_until = None

    def _limited(self, target: _Target, answer: ApiResponse, *, last: bool) -> bool:
        """Whether ``answer`` is about a limit. A short one was slept through when this returns True."""
        now = self._clock.now()
        wait = asked_wait(answer.status, answer.headers, answer.message, now)
        if wait is None:
            return False
        if last or wait > self.patience.max_wait:
            self._blocked_until = now + timedelta(seconds=wait)
            raise Unavailable(f"GitHub asks to wait {wait:.0f} s before {target}: {answer.message}", retry_after=wait)
        self._clock.sleep(wait)
        return True

    def _fail(self, target: _Target, answer: ApiResponse) -> NoReturn:
        message = f"GitHub answered {target} with {answer.status}" + (f": {answer.message}" if answer.message else "")
        message = self._safe(message)
        match answer.status:
            case 401 | 403 | 410:
                raise Closed(message, advice=refusals.advice(answer.status, answer.message, answer.headers))
            case 404:
                raise Invalid(message, advice="Check the repository's name and whether the token may see it.")
            case 409:
                raise Stale(message)
            case status if status < 400:
                raise Refused(message, advice="The repository was moved or renamed: set its new name.")
            case _:
                raise Refused(message)

    def _safe(self, message: str) -> str:
        return message.replace(self._token, "***") if self._token else message


def _error(problem: object) -> str:
    if not isinstance(problem, Mapping):
        return str(problem)
    return str(
        problem.get("message")
        or " ".join(str(problem[key]) for key in ("resource", "field", "code") if problem.get(key))
    )


def _next_query(link: str) -> dict[str, str] | None:
    """The query of the ``rel="next"`` page. Only the query is used: a link never leads to another host or path."""
    for part in link.split(","):
        address, *parameters = part.split(";")
        if any(parameter.strip() == 'rel="next"' for parameter in parameters):
            return dict(parse_qsl(urlsplit(address.strip().strip("<>")).query))
    return None


def as_list(data: object) -> Sequence[object]:
    """``data`` where it is a list, else nothing."""
    return data if isinstance(data, list) else ()
