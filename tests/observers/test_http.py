"""The HTTP observer tells how endpoints are, over real sockets and real TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.errors import Invalid
from bot.model.drift import Drift, DriftKind
from bot.model.observation import Observation
from bot.model.resource import Platform
from bot.observers.http import HttpObserver, Probe

NOW = datetime.now(UTC).replace(microsecond=0)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.path)
        flaky = self.path == "/flaky" and len(server.asked) == 1
        status = {"/down": 503, "/moved": 302}.get(self.path, 500 if flaky else 200)
        body = b"x" * 200_000 + b"late" if self.path == "/large" else b'{"status": "ok"}'
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    with Server() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site() -> Iterator[str]:
    with serving() as url:
        yield url


def look(*probes: Probe, **settings: Any) -> Observation:
    return HttpObserver(probes, **{"environment": {}, **settings}).observe((), now=NOW)


def only(*probes: Probe, **settings: Any) -> Drift:
    seen = look(*probes, **settings)
    assert seen.unreachable == ()
    (drift,) = seen.differences
    return drift


def test_a_healthy_endpoint_is_no_drift(site: str) -> None:
    """An endpoint that answers as it should gives nothing and is covered."""
    seen = look(Probe(f"{site}/", body=r'"status": "ok"', max_latency_ms=60_000))
    assert seen == Observation(NOW, covered=frozenset({Platform.HTTP}))


def test_a_wrong_status(site: str) -> None:
    """The status that was expected stands against the one that came."""
    drift = only(Probe(f"{site}/down", name="shop", file="clockwork.yaml"))
    assert (drift.kind, drift.where, drift.rule) == (DriftKind.UNHEALTHY, "status", "HTTP-STATUS")
    assert (drift.desired, drift.observed) == (200, 503)
    assert (str(drift.resource), drift.file) == ("endpoint/shop", "clockwork.yaml")
    assert drift.evidence[0].startswith("latency: ")


def test_several_statuses_may_be_right(site: str) -> None:
    """Any of the expected statuses will do, and a redirect is an answer."""
    assert look(Probe(f"{site}/moved", status=frozenset({301, 302}))).differences == ()
    assert only(Probe(f"{site}/moved")).observed == 302


def test_a_body_that_does_not_match(site: str) -> None:
    """The body is searched for a pattern, and only its beginning is read."""
    assert only(Probe(f"{site}/", body="healthy")).rule == "HTTP-BODY"
    assert only(Probe(f"{site}/large", body="late")).rule == "HTTP-BODY"


def test_one_bad_answer_is_not_enough(site: str) -> None:
    """An endpoint that answers well the second time is healthy."""
    assert look(Probe(f"{site}/flaky")).differences == ()


def test_a_slow_answer(site: str) -> None:
    """Latency is measured against a limit; the figure is evidence and does not change the drift's identity."""
    ticks = iter(range(10_000))
    drift = only(Probe(f"{site}/", max_latency_ms=500, attempts=1), monotonic=lambda: next(ticks) * 1.0)
    assert (drift.where, drift.desired, drift.observed) == ("latency", "at most 500 ms", "slower")
    assert "ms" in drift.evidence[0]


def test_nobody_listens() -> None:
    """A refused connection is unhealthy, with the cause."""
    drift = only(Probe("http://127.0.0.1:9/"))
    assert (drift.where, drift.observed, drift.rule) == ("", "does not answer", "HTTP-DOWN")
    assert drift.message == "connection refused"


def test_somebody_listens_and_says_nothing() -> None:
    """A server that never answers is unhealthy after the time-out."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        drift = only(Probe(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.2, attempts=1))
    assert drift.message == "no answer within 0.2 s"


def test_the_same_outage_is_the_same_drift() -> None:
    """Two looks at one outage give one identity."""
    assert only(Probe("http://127.0.0.1:9/")).id == only(Probe("http://127.0.0.1:9/")).id


def test_a_broken_proxy_is_no_outage(site: str) -> None:
    """When this machine's proxy does not work, the endpoint was not looked at."""
    seen = look(Probe("https://example.com/"), environment={"HTTPS_PROXY": site})
    assert seen.differences == ()
    assert "proxy" in seen.unreachable[0].cause
    assert seen.covered == frozenset()
    assert (
        look(Probe(f"{site}/"), environment={"http_proxy": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}).differences
        == ()
    )


def test_the_deadline_is_no_outage(site: str) -> None:
    """A probe that was never asked is Unreachable."""
    assert "deadline" in look(Probe(f"{site}/"), deadline=-1.0).unreachable[0].cause


@pytest.mark.parametrize(
    ("probe", "message"),
    [(Probe("ftp://x/"), "cannot be asked"), (Probe("{site}/", body="("), "not a regular expression")],
)
def test_bad_settings_are_bad_input(site: str, probe: Probe, message: str) -> None:
    """A URL of another kind and a pattern that is none are named."""
    with pytest.raises(Invalid, match=message):
        look(Probe(probe.url.format(site=site), body=probe.body))


def certificate(folder: Path, *, valid: timedelta, since: timedelta = timedelta(days=30)) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - since)
        .not_valid_after(NOW + valid)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return files


@contextmanager
def secured(folder: Path, *, valid: timedelta) -> Iterator[tuple[str, Path]]:
    cert, key = certificate(folder, valid=valid)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(context) as url:
        yield url, cert


@pytest.mark.parametrize(
    ("days", "severity"), [(60, None), (10, "MEDIUM"), (1, "HIGH")], ids=["long valid", "soon", "very soon"]
)
def test_a_certificate_that_ends(tmp_path: Path, days: int, severity: str | None) -> None:
    """A certificate that ends within the wanted days is told with its end, worse the sooner it is."""
    with secured(tmp_path, valid=timedelta(days=days)) as (url, cert):
        seen = look(Probe(f"{url}/", certificate_days=14), ca_file=cert)
    assert seen.unreachable == ()
    assert [drift.severity for drift in seen.differences] == ([severity] if severity else [])
    if severity:
        ends = NOW + timedelta(days=days)
        assert seen.differences[0].observed == f"expires {ends:%Y-%m-%dT%H:%M:%SZ}"
        assert seen.differences[0].rule == "HTTP-CERTIFICATE"


def test_an_expired_certificate(tmp_path: Path) -> None:
    """An expired certificate is an outage with the cause."""
    with secured(tmp_path, valid=timedelta(days=-1)) as (url, cert):
        drift = only(Probe(f"{url}/", certificate_days=14), ca_file=cert)
    assert drift.message == "TLS: certificate has expired"


def test_an_untrusted_certificate(tmp_path: Path) -> None:
    """A certificate of an unknown authority is an outage with the cause."""
    with secured(tmp_path, valid=timedelta(days=60)) as (url, _):
        drift = only(Probe(f"{url}/"))
    assert drift.message is not None
    assert drift.message.startswith("TLS: self")


def test_a_certificate_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing authority file is bad input."""
    with pytest.raises(Invalid, match="cannot read the certificates"):
        look(Probe("https://127.0.0.1/"), ca_file=tmp_path / "none.pem")
