"""The HTTP observer: asks declared endpoints how they are.

Settings: ``probes`` (each a URL with what is expected of it), ``deadline`` seconds for all, ``ca_file`` for certificates of
a private authority, ``environment`` for proxies (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).

An endpoint that refuses, does not resolve, does not answer in time or fails in TLS is unhealthy, with the cause. Only
when this machine cannot look (its proxy, its own network, its resolver) is it ``Unreachable``. Values that are never
twice the same, such as the latency, are evidence and no part of a drift's identity.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid, Unavailable
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON, text
from bot.model.observation import Observation
from bot.model.proxies import proxy_for
from bot.model.resource import Desired, Platform, ResourceId, Unreachable
from bot.model.severity import Severity
from bot.observers.progress import Phase
from bot.observers.workers import workers
from bot.ports import Tell, silent
from bot.secrecy.sanitize import sanitized, shown_url
from bot.trust import machine_authorities

if TYPE_CHECKING:
    import httpx

_WORKERS: Final = 8
_BODY: Final = 64 * 1024
_SOON: Final = timedelta(days=3)
_LOCAL: Final = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True)
class Probe:
    """What is expected of one endpoint.

    ``max_latency_ms`` is the time until the headers are there. ``body`` is a regular expression that is searched in the
    first 64 KiB. ``certificate_days`` is how long the certificate must still be valid. ``attempts`` are made before the
    endpoint counts as unhealthy. ``file`` says where the probe is declared.
    """

    url: str
    name: str = ""
    status: frozenset[int] = frozenset({200})
    max_latency_ms: int | None = None
    body: str | None = None
    certificate_days: int | None = None
    timeout: float = 10.0
    attempts: int = 2
    file: str | None = None

    @property
    def id(self) -> ResourceId:
        return ResourceId(Platform.HTTP, "endpoint", "", self.name or shown_url(self.url))


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer as far as it was read. ``latency`` is in milliseconds."""

    status: int
    latency: int
    body: str
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class HttpObserver:
    """Asks all probes in parallel. ``monotonic`` measures latency in seconds."""

    probes: Sequence[Probe]
    deadline: float = 60.0
    ca_file: FilePath | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    monotonic: Callable[[], float] = time.monotonic
    tell: Tell = field(default=silent, repr=False, compare=False)
    name: str = "http"
    platforms: frozenset[Platform] = frozenset({Platform.HTTP})

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        del declared
        trusted = self._trusted()
        end = self.monotonic() + self.deadline
        differences: list[Drift] = []
        unreachable: list[Unreachable] = []
        with workers(_WORKERS, "http") as pool:
            futures = [(probe, pool.submit(self._ask, probe, trusted, end, now)) for probe in self.probes]
            Phase(self.tell, self.name, "asking endpoints", len(futures)).over(future for _, future in futures)
            for probe, future in futures:
                try:
                    differences += future.result()
                except Unavailable as exc:
                    unreachable.append(Unreachable(self.name, shown_url(probe.url), exc.message))
        covered = frozenset[Platform]() if unreachable else frozenset({Platform.HTTP})
        return Observation(now, covered=covered, unreachable=tuple(unreachable), differences=tuple(differences))

    def _trusted(self) -> ssl.SSLContext:
        if self.ca_file is None:
            return machine_authorities()
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise Invalid(f"cannot read the certificates in {self.ca_file}: {exc}") from exc

    def _ask(self, probe: Probe, trusted: ssl.SSLContext, end: float, now: datetime) -> list[Drift]:
        """The differences of the best attempt: one good answer is enough."""
        differences: list[Drift] = []
        for _ in range(max(probe.attempts, 1)):
            seconds_left = min(probe.timeout, end - self.monotonic())
            if seconds_left <= 0:
                if differences:
                    break
                raise Unavailable("the deadline passed before it was asked")
            differences = self._once(probe, trusted, seconds_left, now)
            if not differences:
                break
        return differences

    def _once(self, probe: Probe, trusted: ssl.SSLContext, timeout: float, now: datetime) -> list[Drift]:
        import httpx

        try:
            answer = self._get(probe, trusted, timeout)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            raise Invalid(f"the probe URL {shown_url(probe.url)} cannot be asked: {exc}") from exc
        except httpx.ProxyError as exc:
            raise Unavailable(f"the proxy: {sanitized(str(exc))[:200]}") from exc
        except httpx.TimeoutException:
            return [_down(probe, f"no answer within {probe.timeout:g} s")]
        except httpx.HTTPError as exc:
            return [_down(probe, _cause(exc))]
        return list(_judged(probe, answer, now))

    def _get(self, probe: Probe, trusted: ssl.SSLContext, timeout: float) -> _Answer:
        import httpx

        end = self.monotonic() + timeout
        with httpx.Client(
            verify=trusted,
            timeout=timeout,
            trust_env=False,
            proxy=proxy_for(probe.url, self.environment),
            headers={"User-Agent": "clockwork"},
        ) as client:
            began = self.monotonic()
            with client.stream("GET", probe.url) as answer:
                latency = round((self.monotonic() - began) * 1000)
                expires = _expires(answer)
                body = self._body(answer, end) if probe.body is not None else ""
        return _Answer(answer.status_code, latency, body, expires)

    def _body(self, answer: httpx.Response, end: float) -> str:
        """The beginning of the body, as far as it comes in time."""
        body = bytearray()
        for chunk in answer.iter_bytes(8192):
            body += chunk
            if len(body) >= _BODY or self.monotonic() > end:
                break
        return bytes(body[:_BODY]).decode(answer.encoding or "utf-8", "replace")


def _judged(probe: Probe, answer: _Answer, now: datetime) -> Iterator[Drift]:
    took = f"latency: {answer.latency} ms"
    if answer.status not in probe.status:
        expected: JSON = min(probe.status) if len(probe.status) == 1 else [*sorted(probe.status)]
        yield _drift(probe, "status", expected, answer.status, evidence=took)
    elif probe.body is not None and not _search(probe.body, answer.body):
        yield _drift(probe, "body", f"matches {probe.body}", "does not match", evidence=took)
    if probe.max_latency_ms is not None and answer.latency > probe.max_latency_ms:
        yield _drift(
            probe, "latency", f"at most {probe.max_latency_ms} ms", "slower", evidence=took, severity=Severity.MEDIUM
        )
    if probe.certificate_days is not None and answer.expires is not None:
        time_left = answer.expires - now
        if time_left < timedelta(days=probe.certificate_days):
            ends, severity = (
                f"{answer.expires:%Y-%m-%dT%H:%M:%SZ}",
                Severity.HIGH if time_left < _SOON else Severity.MEDIUM,
            )
            wanted_validity, days = f"valid for {probe.certificate_days} days", f"{max(time_left.days, 0)} days left"
            yield _drift(probe, "certificate", wanted_validity, f"expires {ends}", evidence=days, severity=severity)


def _search(pattern: str, body: str) -> bool:
    try:
        return re.search(pattern, body) is not None
    except re.error as exc:
        raise Invalid(f"the body pattern {pattern!r} of a probe is not a regular expression: {exc}") from exc


def _down(probe: Probe, cause: str) -> Drift:
    return replace(_drift(probe, "", "answers", "does not answer", evidence=f"cause: {cause}"), message=cause)


def _drift(
    probe: Probe, part: str, desired: JSON, observed: JSON, *, evidence: str, severity: Severity = Severity.HIGH
) -> Drift:
    """What is wrong with a ``part`` of the answer; empty: with all of it."""
    return Drift(
        resource=probe.id,
        task=str(probe.id),
        kind=DriftKind.UNHEALTHY,
        path=(part,) if part else (),
        desired=desired,
        observed=observed,
        severity=severity,
        rule=f"HTTP-{(part or 'down').upper()}",
        file=probe.file,
        evidence=(evidence,),
    )


def _expires(answer: httpx.Response) -> datetime | None:
    """When the certificate of this connection ends, in UTC; None without TLS."""
    stream = answer.extensions.get("network_stream")
    secured = stream.get_extra_info("ssl_object") if stream is not None else None
    until = text((secured.getpeercert() or {}).get("notAfter")) if secured is not None else ""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) if until else None


def _cause(exc: BaseException) -> str:
    """Why the endpoint did not answer. Raises :class:`Unavailable` when the reason is on this machine."""
    chain: BaseException | None = exc
    while chain is not None:
        if isinstance(chain, socket.gaierror):
            # getaddrinfo(3): "the name server returned a temporary failure"; it says nothing about the name
            if chain.errno == socket.EAI_AGAIN:
                raise Unavailable("names cannot be resolved on this machine at the moment") from exc
            return "the host name does not resolve"
        if isinstance(chain, ssl.SSLError):
            return f"TLS: {getattr(chain, 'verify_message', '') or chain.reason or 'handshake failed'}"
        if isinstance(chain, OSError) and chain.errno in _LOCAL:
            raise Unavailable(f"this machine's network: {chain.strerror}") from exc
        if isinstance(chain, ConnectionRefusedError):
            return "connection refused"
        chain = chain.__cause__ or chain.__context__
    return sanitized(str(exc))[:200] or type(exc).__name__
