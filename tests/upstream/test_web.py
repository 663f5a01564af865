"""How a host is reached: over TLS by its own name at a judged address, or through a proxy."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.errors import Invalid, Refused, Unavailable
from bot.trust import machine_authorities
from bot.upstream.hosts import AllowedHosts
from bot.upstream.keys import KeyRing
from bot.upstream.web import HostDown, Web
from tests.upstream.site import Reply, Site, open_site

NAME = "charts.test"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site over TLS that proves to be ``charts.test``, by an authority that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=1))
        .not_valid_after(NOW + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "public.pem", tmp_path / "private.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    machine_authorities.cache_clear()
    with open_site(context) as site:
        yield site
    machine_authorities.cache_clear()


def reaching(site: Site, *names: str, environment: dict[str, str] | None = None) -> Web:
    """A client for which ``names`` lead to loopback."""
    entries = tuple(f"{name}:{site.port}" for name in names)
    hosts = AllowedHosts((), entries, resolve=lambda _host, _port: ["127.0.0.1"])
    return Web(hosts, KeyRing(), environment or {}, seconds=60.0)


def get(client: Web, url: str) -> bytes:
    return client.get(url, of=client.hosts.check(url), most=1024).body


def test_a_host_is_asked_by_its_name_at_the_address_that_was_judged(secured: Site) -> None:
    """Its certificate must be for that name; the request says whom it means."""
    secured.put("/a", b"hello")
    assert get(reaching(secured, NAME), f"https://{NAME}:{secured.port}/a?b=c") == b"hello"
    (asked,) = secured.asked
    assert (asked.headers["host"], asked.query) == (f"{NAME}:{secured.port}", {"b": "c"})
    with pytest.raises(HostDown, match=r"cannot be connected to: TLS: .*other\.test"):
        get(reaching(secured, "other.test"), f"https://other.test:{secured.port}/a")


def test_an_authority_that_is_not_trusted_proves_nothing(secured: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not asked for anything."""
    monkeypatch.delenv("SSL_CERT_FILE")
    machine_authorities.cache_clear()
    with pytest.raises(HostDown, match=r"TLS: self.signed certificate"):
        get(reaching(secured, NAME), f"https://{NAME}:{secured.port}/a")
    assert secured.asked == []


def test_a_redirect_does_not_lead_out_of_tls(secured: Site, site: Site) -> None:
    """Not even to a host that is allowed, unless it is one of this network."""
    secured.put("/a", Reply(b"", 302, {"Location": f"http://public.test:{site.port}/b"}))
    site.put("/b", b"plain")
    entries = (f"public.test:{site.port}",)
    private = (f"{NAME}:{secured.port}",)
    client = Web(AllowedHosts(entries, private, resolve=lambda _host, _port: ["127.0.0.1"]), seconds=60.0)
    with pytest.raises(Refused, match=r"sends us on to public\.test:\d+ without TLS"):
        get(client, f"https://{NAME}:{secured.port}/a")
    inside = Web(AllowedHosts((), entries + private, resolve=lambda _host, _port: ["127.0.0.1"]), seconds=60.0)
    assert get(inside, f"https://{NAME}:{secured.port}/a") == b"plain"


def test_a_proxy_of_the_environment_is_asked_instead(site: Site) -> None:
    """It resolves names itself; what NO_PROXY names is asked directly."""
    site.put("http://charts.test/a", b"through a proxy")
    hosts = AllowedHosts(("charts.test",), resolve=lambda _host, _port: ["127.0.0.1"])
    client = Web(hosts, environment={"http_proxy": site.url}, seconds=60.0)
    assert get(client, "http://charts.test/a") == b"through a proxy"
    direct = Web(hosts, environment={"http_proxy": site.url, "NO_PROXY": "charts.test"}, seconds=60.0)
    with pytest.raises(Refused, match="inside of this network"):
        get(direct, "http://charts.test/a")


def test_the_next_address_is_tried_where_one_does_not_answer(site: Site) -> None:
    """All of them were judged."""
    site.put("/a", b"hello")
    hosts = AllowedHosts((), (f"{NAME}:{site.port}",), resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
    assert get(Web(hosts, seconds=60.0), f"http://{NAME}:{site.port}/a") == b"hello"


def test_an_answer_that_is_no_http_is_told(site: Site) -> None:
    """As what it is, and to be tried again."""
    site.put("/a", Reply(b"x", headers={"Content-Length": "many"}))
    with pytest.raises(Unavailable, match="broke off"):
        get(reaching(site, NAME), f"http://{NAME}:{site.port}/a")
    site.put("/b", Reply(b"", 302, {"Location": "http://["}))
    with pytest.raises(Invalid, match="is no URL that can be read"):
        get(reaching(site, NAME), f"http://{NAME}:{site.port}/b")


def test_an_answer_that_drips_is_cut_off(site: Site) -> None:
    """The time is for all of it, not for each byte."""
    site.put("/a", Reply(b"abc", pause=0.4))
    client = Web(AllowedHosts((), (f"{NAME}:{site.port}",), resolve=lambda _host, _port: ["127.0.0.1"]), seconds=0.7)
    with pytest.raises(Unavailable, match=r"in time \(fetch\.timeout\)"):
        get(client, f"http://{NAME}:{site.port}/a")
