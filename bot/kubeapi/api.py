"""The Kubernetes API as plain trees: one object, lists page by page, and what is written.

Used by :mod:`bot.observers.kubernetes` and by :mod:`bot.appliers.kubernetes`. The requests are plain ones, because generic
kinds as plain trees are all that is wanted; they go by urllib3, which the ``kubernetes`` library brings, since an apply sends
thousands and httpx takes more than twice the processor's time for each.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from bot.errors import Invalid, Unavailable
from bot.kubeapi.access import Access, credentials, tls
from bot.model.json import JSON, Tree, get, mapping, mappings, plain, read_json, text
from bot.secrecy.sanitize import sanitized

if TYPE_CHECKING:
    import urllib3

_PAGE: Final = 500
"""Objects of one page, as kubectl asks for (``--chunk-size``): a server holds a whole page in memory."""
_RESTARTS: Final = 3
_BUSY_RETRIES: Final = 2
_LONGEST_WAIT: Final = 5.0
"""Seconds at most before an overloaded server is asked again, whatever its Retry-After says: the look has a deadline."""
_JSON: Final = {"Accept": "application/json"}
_PACKED: Final = {"Accept-Encoding": "gzip"}
_CONNECTIONS: Final = 16
_OBJECT: Final = re.compile(r"\A(?:<[^>]*>|\w+\([^)]*\)): ")
"""What urllib3 begins messages with: the connection as Python shows it."""
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
"""A warning of the API server (RFC 7234, section 5.5; KEP-1693): ``299 - "text"``."""


class Expired(Unavailable):
    """410 Gone. Where it answers a continue token that is too old, the list starts again.

    Kubernetes docs, "Kubernetes API Concepts", "Retrieving large results sets in chunks": a token lives about five minutes.
    """


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """One answer: HTTP's status, the object or the ``Status`` that came with it, the API's warnings."""

    status: int
    tree: Tree
    warnings: tuple[str, ...] = ()

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        """The machine's word for what went wrong, such as ``AlreadyExists`` (apimachinery, ``metav1.StatusReason``)."""
        return text(self.tree.get("reason"))

    @property
    def message(self) -> str:
        return text(self.tree.get("message"))

    @property
    def causes(self) -> tuple[Tree, ...]:
        """What exactly was wrong: ``reason``, ``message`` and ``field`` of each (apimachinery, ``metav1.StatusCause``)."""
        return tuple(mappings(get(self.tree, "details", "causes")))


@dataclass(frozen=True, slots=True)
class _Request:
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    method: str = "GET"
    content: bytes = b""


@dataclass(slots=True)
class ClusterApi:
    """Requests to one cluster, each at most ``timeout`` seconds long, until ``deadline`` (monotonic clock)."""

    access: Access
    timeout: float
    deadline: float = math.inf
    client: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import urllib3

        configuration = self.access.configuration
        if not configuration.verify_ssl:  # the kubeconfig says so, and would be warned of at each request
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        try:
            context, name = tls(configuration), configuration.tls_server_name
            options = {
                "maxsize": _CONNECTIONS,
                "block": True,
                **({"ssl_context": context} if context else {}),
                **({"server_hostname": name} if context and name else {}),
            }
            proxy = configuration.proxy or None
            self.client = (
                urllib3.ProxyManager(proxy, **options) if proxy is not None else urllib3.PoolManager(**options)
            )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as exc:
            raise Invalid(f"the cluster's TLS files or proxy: {sanitized(str(exc))[:200]}") from exc

    def close(self) -> None:
        self.client.clear()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, accept: str = "application/json") -> JSON:
        """What the API answers; None for 404. Raises ``Unavailable`` with the cause, :class:`Expired` for 410."""
        answer = self._answer(_Request(path, params or {}, {"Accept": accept}))
        if answer.status == 404:
            return None
        if answer.status == 410:
            raise Expired("410 Gone")
        if (body := read_json(answer.data)) is None:
            raise Unavailable(f"{answer.status}, and the answer is not JSON")
        if not _is_success(answer):
            message = sanitized(text(get(mapping(body), "message")))[:300]
            raise Unavailable(f"{answer.status} {_phrase(answer)}" + (f": {message}" if message else ""))
        return body

    def text_at(self, path: str, params: Mapping[str, str]) -> str:
        """A plain-text answer such as a log; empty where there is none."""
        answer = self._answer(_Request(path, params))
        return answer.data.decode("utf-8", "replace") if _is_success(answer) else ""

    def items(
        self, path: str, params: Mapping[str, str] | None = None, *, read: Callable[[int], None] = lambda _: None
    ) -> list[Tree]:
        """All items of a list, page by page, with ``apiVersion`` and ``kind`` filled in as a single GET has them.

        ``read`` is told the number of items of each page.
        Items of a typed list have neither of them ("Kubernetes API Concepts", "Collections").
        A list that expires between two pages starts again, at most three times. ``Unavailable`` for 404 as well.
        """
        for _ in range(_RESTARTS):
            try:
                return self._pages(path, params or {}, read)
            except Expired:
                continue
        raise Unavailable("410 Gone: the list keeps expiring before its last page")

    def _pages(self, path: str, params: Mapping[str, str], read: Callable[[int], None]) -> list[Tree]:
        trees: list[Tree] = []
        token = ""
        while True:
            page = self.get(path, {**params, "limit": str(_PAGE), **({"continue": token} if token else {})})
            if page is None:
                raise Unavailable("404 Not Found: the cluster does not serve it")
            list_tree = _list(page)
            version, kind = text(list_tree.get("apiVersion")), text(list_tree.get("kind")).removesuffix("List")
            items = tuple(mappings(list_tree.get("items")))
            trees += ({"apiVersion": version, "kind": kind, **item} for item in items)
            read(len(items))
            token = text(get(list_tree, "metadata", "continue"))
            if not token:
                return trees

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: JSON = None,
        content_type: str = "application/json",
    ) -> ApiAnswer:
        """What the API answers to one request, whatever it is. ``Unavailable`` where none came: then it may have been done.

        The request is repeated where the API is too busy for it, so it has to be one that is harmless the second time.
        """
        content = b"" if body is None else json.dumps(plain(body)).encode()
        headers = _JSON if body is None else {**_JSON, "Content-Type": content_type}
        answer = self._answer(_Request(path, params or {}, headers, method, content))
        warnings = tuple(_WARNING.findall(answer.headers.get("Warning", "")))
        return ApiAnswer(answer.status, mapping(read_json(answer.data)), warnings)

    def _answer(self, request: _Request) -> urllib3.BaseHTTPResponse:
        for left_to_try in range(_BUSY_RETRIES, -1, -1):
            answer = self._once(request)
            # 429 with Retry-After: Kubernetes docs, "API Priority and Fairness"
            if answer.status not in {429, 503} or not left_to_try:
                break
            wait = answer.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdigit() else 1.0, _LONGEST_WAIT, self._left()))
        return answer

    def _once(self, request: _Request) -> urllib3.BaseHTTPResponse:
        from urllib3.exceptions import HTTPError, NewConnectionError
        from urllib3.exceptions import TimeoutError as TooLate

        query = f"?{urlencode(request.params)}" if request.params else ""
        seconds_left = min(self.timeout, self._left())
        try:
            return self.client.request(
                request.method,
                f"{self.access.host.rstrip('/')}{request.path}{query}",
                headers={**_PACKED, **request.headers, **credentials(self.access.configuration)},
                body=request.content or None,
                timeout=seconds_left,
                retries=False,
                redirect=False,
            )
        except HTTPError as exc:
            if isinstance(exc, TooLate) and not isinstance(exc, NewConnectionError):
                raise Unavailable(f"no answer within {seconds_left:g} s") from exc
            raise Unavailable(sanitized(_OBJECT.sub("", str(exc)))[:200] or type(exc).__name__) from exc

    def _left(self) -> float:
        seconds_left = self.deadline - time.monotonic()
        if seconds_left <= 0:
            raise Unavailable("the deadline passed")
        return seconds_left


def _is_success(answer: urllib3.BaseHTTPResponse) -> bool:
    return 200 <= answer.status < 300


def _phrase(answer: urllib3.BaseHTTPResponse) -> str:
    """What HTTP calls a status."""
    return HTTPStatus(answer.status).phrase if answer.status in {*HTTPStatus} else "is no status of HTTP"


def _list(page: JSON) -> Tree:
    """``page`` as the list that it has to be: what a proxy or a broken server says with 200 is not an empty list."""
    list_tree = mapping(page)
    kind = text(list_tree.get("kind"))
    if not kind.endswith("List") or not isinstance(list_tree.get("items", 0), (list, tuple, type(None))):
        message = sanitized(text(list_tree.get("message")))[:200]
        raise Unavailable(f"the answer is {kind or 'something else'}, no list" + (f": {message}" if message else ""))
    return list_tree
