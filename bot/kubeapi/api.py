"""The Kubernetes API as plain trees: one object, and lists page by page.

Used by :mod:`bot.observers.kubernetes` and by :mod:`bot.appliers.kubernetes`. The requests are plain ones, because generic
kinds as plain trees are all that is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid, Unavailable
from bot.kubeapi.access import Access, credentials, tls
from bot.model.json import JSON, Tree, get, mapping, mappings, text
from bot.secrecy.sanitize import sanitized

if TYPE_CHECKING:
    import httpx

_PAGE: Final = 500
"""Objects of one page, as kubectl asks for (``--chunk-size``): a server holds a whole page in memory."""
_RESTARTS: Final = 3
_BUSY_RETRIES: Final = 2
_LONGEST_WAIT: Final = 5.0


class Expired(Unavailable):
    """410 Gone. Where it answers a continue token that is too old, the list starts again.

    Kubernetes docs, "Kubernetes API Concepts", "Retrieving large results sets in chunks": a token lives about five minutes.
    """


@dataclass(slots=True)
class ClusterApi:
    """GET requests to one cluster until ``deadline`` (monotonic clock), each at most ``timeout`` seconds long."""

    access: Access
    timeout: float
    deadline: float
    client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import httpx

        configuration = self.access.configuration
        try:
            self.client = httpx.Client(
                base_url=configuration.host,
                verify=tls(configuration),
                timeout=self.timeout,
                trust_env=False,
                proxy=configuration.proxy or None,
                limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
            )
        except (OSError, ValueError) as exc:
            raise Invalid(f"the cluster's TLS files or proxy: {sanitized(str(exc))[:200]}") from exc

    def close(self) -> None:
        self.client.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, accept: str = "application/json") -> JSON:
        """What the API answers; None for 404. Raises ``Unavailable`` with the cause, :class:`Expired` for 410."""
        answer = self._answer(path, params or {}, accept)
        if answer.status_code == 404:
            return None
        if answer.status_code == 410:
            raise Expired("410 Gone")
        try:
            body: JSON = answer.json()
        except ValueError as exc:
            raise Unavailable(f"{answer.status_code}, and the answer is not JSON") from exc
        if not answer.is_success:
            message = sanitized(text(get(mapping(body), "message")))[:300]
            raise Unavailable(f"{answer.status_code} {answer.reason_phrase}" + (f": {message}" if message else ""))
        return body

    def words(self, path: str, params: Mapping[str, str]) -> str:
        """A plain-text answer such as a log; empty where there is none."""
        answer = self._answer(path, params, "application/json")
        return answer.text if answer.is_success else ""

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
            listed = _list(page)
            version, kind = text(listed.get("apiVersion")), text(listed.get("kind")).removesuffix("List")
            items = tuple(mappings(listed.get("items")))
            trees += ({"apiVersion": version, "kind": kind, **item} for item in items)
            read(len(items))
            token = text(get(listed, "metadata", "continue"))
            if not token:
                return trees

    def _answer(self, path: str, params: Mapping[str, str], accept: str) -> httpx.Response:
        for left_to_try in range(_BUSY_RETRIES, -1, -1):
            answer = self._once(path, params, accept)
            # 429 with Retry-After: Kubernetes docs, "API Priority and Fairness"
            if answer.status_code not in {429, 503} or not left_to_try:
                break
            wait = answer.headers.get("Retry-After", "1")
            time.sleep(min(float(wait) if wait.isdigit() else 1.0, _LONGEST_WAIT, self._left()))
        return answer

    def _once(self, path: str, params: Mapping[str, str], accept: str) -> httpx.Response:
        import httpx

        server_name = self.access.configuration.tls_server_name
        try:
            return self.client.get(
                path,
                params=dict(params),
                headers={"Accept": accept, **credentials(self.access.configuration)},
                timeout=min(self.timeout, self._left()),
                extensions={"sni_hostname": server_name} if server_name else None,
            )
        except httpx.TimeoutException as exc:
            raise Unavailable(f"no answer within {min(self.timeout, self._left() or self.timeout):g} s") from exc
        except httpx.HTTPError as exc:
            raise Unavailable(sanitized(str(exc))[:200] or type(exc).__name__) from exc

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("the deadline passed")
        return left


def _list(page: JSON) -> Tree:
    """``page`` as the list that it has to be: what a proxy or a broken server says with 200 is not an empty list."""
    listed = mapping(page)
    kind = text(listed.get("kind"))
    if not kind.endswith("List") or not isinstance(listed.get("items", 0), (list, tuple, type(None))):
        message = sanitized(text(listed.get("message")))[:200]
        raise Unavailable(f"the answer is {kind or 'something else'}, no list" + (f": {message}" if message else ""))
    return listed
