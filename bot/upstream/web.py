"""One GET at a time, bounded: in time, in bytes, in redirects, and in whom it reaches.

A connection is made to an address that was judged before, with the host's own name in TLS and in the request, so that a name
that resolves to something else a moment later gains nothing. A redirect is a new question: its host must be allowed too, and
no credentials go along. Bodies are taken as they come (``Accept-Encoding: identity``), so that a digest is that of the bytes.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlunsplit

from bot.errors import Invalid, Refused, Unavailable
from bot.model.proxies import proxy_for
from bot.trust import machine_authorities
from bot.upstream.hosts import AllowedHosts, HostOrigin, resolved_url, split
from bot.upstream.keys import KeyRing, variable

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 5
_REDIRECTING: Final = frozenset({301, 302, 303, 307, 308})
"""RFC 9110, section 15.4: those with a ``Location`` that a client follows by itself."""
_MIB: Final = 1024 * 1024


class HostDown(Unavailable):
    """A host that cannot be connected to or does not answer in time: what else it has cannot be had now either."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """One answer. ``status`` is 200 or 401; ``headers`` are in lower case; ``url`` is where it came from in the end."""

    status: int
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of a GET that may lead through several hosts. ``until`` is a time of :attr:`Web.monotonic`."""

    url: str
    origin: HostOrigin
    headers: Mapping[str, str]
    most: int
    until: float
    challenged: bool


@dataclass(frozen=True, slots=True)
class Web:
    """Who may be asked, with which keys. ``seconds`` bound one GET from the first connection to the last byte."""

    hosts: AllowedHosts
    keys: KeyRing = field(default_factory=KeyRing)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 60.0
    monotonic: Callable[[], float] = time.monotonic

    def get(
        self,
        url: str,
        *,
        of: HostOrigin,
        most: int,
        accept: str = "*/*",
        authorization: str | None = None,
        challenged: bool = False,
    ) -> WebPage:
        """The body at ``url``, at most ``most`` bytes of it. ``of`` is the host that was allowed for this request: it may be
        asked for any path of its own. ``challenged``: a 401 is an answer.

        Raises ``HostDown`` and ``Unavailable``, ``Refused`` with what to set, ``Invalid`` for what is not there.
        """
        until = self.monotonic() + self.seconds
        for _ in range(_REDIRECTS + 1):
            origin = self._permitted(url, of)
            headers = {"User-Agent": "clockwork", "Accept": accept, "Accept-Encoding": "identity"}
            if authorization is not None and self.may_send_keys(origin):
                headers["Authorization"] = authorization
            page = self._once(_Hop(url, origin, headers, most, until, challenged))
            if isinstance(page, WebPage):
                return page
            following, _ = split(page)
            if (following.scheme, origin.scheme) == ("http", "https") and not self.hosts.is_private(following):
                raise Refused(f"{origin.authority} sends us on to {following.authority} without TLS")
            if following != origin:
                authorization = None
            url = page
        raise Unavailable(f"{of.authority} redirects more than {_REDIRECTS} times")

    def may_send_keys(self, origin: HostOrigin) -> bool:
        """Whether a connection keeps a token to itself."""
        return origin.scheme == "https" or self.hosts.is_private(origin)

    def _permitted(self, url: str, of: HostOrigin) -> HostOrigin:
        origin, _ = split(url)
        if (origin.host, origin.port) == (of.host, of.port):
            return origin
        try:
            return self.hosts.check(url)
        except Refused as exc:
            raise Refused(f"{of.authority} sends us on: {exc.message}") from exc

    def _once(self, hop: _Hop) -> WebPage | str:
        """An answer, or the URL that it leads to."""
        import httpx

        origin = hop.origin
        last: Exception | None = None
        through = proxy_for(hop.url, self.environment)
        for address in [None] if through else self.hosts.addresses(origin):
            try:
                with self._opened(hop, address, through) as answer:
                    return self._read(answer, hop)
            except httpx.ConnectError as exc:
                last = exc
            except httpx.HTTPError as exc:
                if isinstance(exc, httpx.TimeoutException) or self.monotonic() >= hop.until:
                    raise HostDown(f"{origin.authority} did not answer in time (fetch.timeout)") from exc
                raise Unavailable(f"{origin.authority} broke off: {_cause(exc)}") from exc
            except httpx.InvalidURL as exc:
                raise Invalid(f"{origin.authority} was named by no readable URL") from exc
        raise HostDown(f"{origin.authority} cannot be connected to: {_cause(last)}") from last

    @contextlib.contextmanager
    def _opened(self, hop: _Hop, address: str | None, through: str | None) -> Iterator[httpx.Response]:
        """The beginning of an answer. What takes longer than there is time is cut off, whatever it waits for."""
        import httpx

        seconds_left = max(hop.until - self.monotonic(), 0.001)
        url = hop.url if address is None else _at(hop.url, hop.origin, address)
        headers = {**hop.headers, "Host": hop.origin.authority}
        with (
            _Watch(seconds_left) as watch,
            httpx.Client(
                verify=machine_authorities(), timeout=min(seconds_left, 20.0), trust_env=False, proxy=through
            ) as client,
            client.stream(
                "GET", url, headers=headers, extensions={"trace": watch.trace, "sni_hostname": hop.origin.host}
            ) as answer,
        ):
            yield answer

    def _read(self, answer: httpx.Response, hop: _Hop) -> WebPage | str:
        status = answer.status_code
        if status in _REDIRECTING and "location" in answer.headers:
            return resolved_url(hop.url, answer.headers["location"])
        if status != HTTPStatus.OK and not (hop.challenged and status == HTTPStatus.UNAUTHORIZED):
            raise _failure(status, hop.origin, hop.url)
        body = self._body(answer, hop)
        return WebPage(status, hop.url, body, {key.lower(): value for key, value in answer.headers.items()})

    def _body(self, answer: httpx.Response, hop: _Hop) -> bytes:
        import httpx

        body = bytearray()
        authority = hop.origin.authority
        try:
            for chunk in answer.iter_raw(64 * 1024):
                body += chunk
                if len(body) > hop.most:
                    raise Invalid(f"what {authority} sends is larger than {hop.most / _MIB:g} MiB (fetch.max_mib)")
        except httpx.HTTPError as exc:
            if isinstance(exc, httpx.TimeoutException) or self.monotonic() >= hop.until:
                raise Unavailable(f"{authority} did not send all of it in time (fetch.timeout)") from exc
            raise Unavailable(f"{authority} broke off in the middle: {_cause(exc)}") from exc
        if self.monotonic() >= hop.until:  # without a length, a connection that is cut off looks like the end
            raise Unavailable(f"{authority} did not send all of it in time (fetch.timeout)")
        return bytes(body)


def _at(url: str, origin: HostOrigin, address: str) -> str:
    """``url`` with an address in the place of its host."""
    _, parts = split(url)
    host = f"[{address}]" if ":" in address else address
    return urlunsplit(parts._replace(netloc=f"{host}:{origin.port}"))


def _failure(status: int, origin: HostOrigin, url: str) -> Exception:
    _, parts = split(url)
    file_name = f"{parts.path.rpartition('/')[2] or parts.path or '/'}"
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Refused(f"{origin.authority} does not let us read {file_name} ({status}): set {variable(origin)}")
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Invalid(f"{origin.authority} has no {file_name} ({status})")
    return Unavailable(f"{origin.authority} answers {status} for {file_name}")


def _cause(exc: BaseException | None) -> str:
    """Why a connection failed, in the words of the system or of TLS."""
    chain = exc
    while chain is not None:
        if isinstance(chain, ssl.SSLError):
            return f"TLS: {getattr(chain, 'verify_message', '') or chain.reason or 'handshake failed'}"
        if isinstance(chain, OSError) and chain.strerror:
            return chain.strerror
        chain = chain.__cause__ or chain.__context__
    return type(exc).__name__ if exc is not None else "it has no address"


class _Watch:
    """Cuts a connection off when its time is over: a read that gets one byte now and then never times out by itself."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """What httpcore tells as it goes on (httpcore docs, "Extensions", ``trace``)."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._over:
                self._cut()

    def _cut(self) -> None:
        self._over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
