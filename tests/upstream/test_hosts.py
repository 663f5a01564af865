"""Who may be asked, by which address, with which token."""

from __future__ import annotations

import pytest

from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.upstream.hosts import AllowedHosts, HostOrigin, split
from bot.upstream.keys import KeyRing, variable
from tests.table import table


def answer(hosts: AllowedHosts, url: str) -> str:
    """``yes``, or why not."""
    try:
        hosts.check(url)
    except BotError as exc:
        return exc.message
    return "yes"


@table(
    ("entry", "url", "allowed"),
    [
        ("charts.example.com", "https://charts.example.com/a", True),
        ("charts.example.com", "http://charts.example.com/a", True),
        ("Charts.Example.com", "https://CHARTS.example.COM/a", True),
        ("charts.example.com", "https://charts.example.com:443/a", True),
        ("charts.example.com", "https://charts.example.com:8443/a", False),
        ("charts.example.com:8443", "https://charts.example.com:8443/a", True),
        ("charts.example.com", "https://charts.example.com.evil.org/a", False),
        ("charts.example.com", "https://evil.org/charts.example.com", False),
        ("charts.example.com", "https://example.com/a", False),
        ("charts.example.com", "https://a.charts.example.com/a", False),
        ("ghcr.io/team", "oci://ghcr.io/team", True),
        ("ghcr.io/team", "oci://ghcr.io/team/charts/web", True),
        ("ghcr.io/team/", "oci://ghcr.io/TEAM/charts", True),
        ("ghcr.io/team", "oci://ghcr.io/teamwork/charts", False),
        ("ghcr.io/team", "oci://ghcr.io/other", False),
        ("ghcr.io/team", "https://ghcr.io//team/x", True),
        ("docker.io/bitnamicharts", "oci://registry-1.docker.io/bitnamicharts/redis", True),
        ("registry-1.docker.io", "oci://docker.io/bitnamicharts/redis", True),
        ("[2001:db8::1]:5000", "https://[2001:db8::1]:5000/a", True),
        ("", "https://charts.example.com/a", False),
    ],
)
def test_a_host_is_named_whole(entry: str, url: str, allowed: bool) -> None:
    """With the port, where that is another than the scheme's, and with what lies below a path alone."""
    for hosts in (AllowedHosts((entry,)), AllowedHosts((), (entry,))):
        assert (answer(hosts, url) == "yes") is allowed


@table(
    ("url", "reason"),
    [
        ("https://ghcr.io/team/../other", "leads out of its path"),
        ("https://ghcr.io/team/%2e%2e/other", "leads out of its path"),
        ("https://ghcr.io/team\\..\\other", "has spaces, control characters or backslashes"),
        ("https://ghcr.io/te\nam", "has spaces, control characters or backslashes"),
        ("https://user:s3cret@ghcr.io/team", "has credentials in it"),
        ("https://ghcr.io:99999/team", "is no URL that can be read"),
        ("https:///team", "is no http, https or oci address"),
        ("file:///etc/passwd", "is no http, https or oci address"),
        ("gopher://ghcr.io/team", "is no http, https or oci address"),
        ("ssh://git@ghcr.io/team", "has credentials in it"),
    ],
)
def test_what_is_no_plain_address_is_refused(url: str, reason: str) -> None:
    """Without repeating what may be a password."""
    told = answer(AllowedHosts(("ghcr.io/team",)), url)
    assert reason in told
    assert "s3cret" not in told


@table(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address that is judged
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_inside_of_the_network_are_for_hosts_named_so(address: str) -> None:
    """Whatever form they come in: one of them among good ones is enough."""
    listed = ["93.184.215.14", address]
    origin = HostOrigin("https", "charts.example.com", 443)
    public = AllowedHosts(("charts.example.com",), resolve=lambda _host, _port: listed)
    with pytest.raises(Refused, match=r"an address inside of this network, and is not among fetch\.private_hosts"):
        public.addresses(origin)
    private = AllowedHosts((), ("charts.example.com",), resolve=lambda _host, _port: listed)
    assert private.addresses(origin) == listed
    itself = HostOrigin("https", address.partition("%")[0], 443)
    assert public.is_private(itself)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"])
def test_addresses_of_the_internet_are_for_everybody(address: str) -> None:
    """That is what a host is allowed for."""
    origin = HostOrigin("https", "charts.example.com", 443)
    hosts = AllowedHosts(("charts.example.com",), resolve=lambda _host, _port: [address])
    assert hosts.addresses(origin) == [address]
    assert not hosts.is_private(origin)


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    """It is no refusal."""

    def resolve(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Unavailable, match="does not resolve"):
        AllowedHosts(("a.example",), resolve=resolve).addresses(HostOrigin("https", "a.example", 443))


def test_no_two_hosts_have_one_variable() -> None:
    """A dot and a hyphen are told apart, and so are ports."""
    urls = [
        "https://my-host.io",
        "https://my.host.io",
        "https://my.host.io:5000",
        "https://my-host-io",
        "https://myhost.io",
    ]
    names = [variable(split(url)[0]) for url in urls]
    assert names == [
        "CLOCKWORK_FETCH_TOKEN_MY__HOST_IO",
        "CLOCKWORK_FETCH_TOKEN_MY_HOST_IO",
        "CLOCKWORK_FETCH_TOKEN_MY_HOST_IO_5000",
        "CLOCKWORK_FETCH_TOKEN_MY__HOST__IO",
        "CLOCKWORK_FETCH_TOKEN_MYHOST_IO",
    ]


def test_a_key_shows_itself_to_nobody() -> None:
    """Neither in a representation nor in a text that somebody else wrote."""
    origin = split("oci://ghcr.io/a")[0]
    ring = KeyRing({"CLOCKWORK_FETCH_TOKEN_GHCR_IO": "s3cret", "CLOCKWORK_FETCH_USER_GHCR_IO": "robot"})
    key = ring.of(origin)
    assert key is not None
    assert (key.user, key.token, key.basic) == ("robot", "s3cret", "Basic cm9ib3Q6czNjcmV0")
    assert "s3cret" not in repr(ring) + repr(key)
    assert ring.hidden("denied: s3cret") == "denied: …"
    assert ring.of(split("oci://ghcr.io:5000/a")[0]) is None


def test_an_address_without_a_host_is_invalid() -> None:
    """It names nobody who could be allowed."""
    with pytest.raises(Invalid):
        split("oci:///a")
