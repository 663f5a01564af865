"""How GitHub is reached: what the environment says of the way, and that the token goes to one host alone."""

from __future__ import annotations

import pytest
import responses

from bot.github.transport import Transport
from tests.table import table

API = "https://api.github.example/api/v3"
HOME = "https://api.github.example:443"


WAYS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@table(
    ("environment", "proxies", "verify"),
    [
        ({}, {}, True),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, {"https": "http://proxy.example:3128"}, True),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "github.example"}, {}, True),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "api.github.example:443"}, {}, True),
        ({"REQUESTS_CA_BUNDLE": "/etc/own.pem"}, {}, "/etc/own.pem"),
        ({"CURL_CA_BUNDLE": "/etc/own.pem"}, {}, "/etc/own.pem"),
    ],
)
def test_the_environment_is_asked_once_a_connection(
    environment: dict[str, str], proxies: dict[str, str], verify: object
) -> None:
    """Proxies and authorities are those that requests takes from the environment, for every request of a connection."""
    with pytest.MonkeyPatch.context() as patch, responses.RequestsMock() as mock:
        for name in WAYS:
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        transport = Transport(API, "t", timeout=7)
        patch.setenv("HTTPS_PROXY", "http://later.example:1")
        mock.get(f"{HOME}/api/v3/user", json={})
        for _ in range(2):
            transport.exchanged("GET", "/user", {}, None)
        ways = [call.request.req_kwargs for call in mock.calls]  # type: ignore[attr-defined]
    asked = [(way["proxies"].get("https"), way["verify"], way["timeout"]) for way in ways]
    assert asked == [(proxies.get("https"), verify, 7)] * 2


@table(
    ("url", "asked"),
    [
        ("/user?x=1", "/api/v3/user?x=1"),
        ("https://api.github.example/api/graphql", "/api/graphql"),
        ("https://evil.example/api/v3/repos?page=2", "/api/v3/repos?page=2"),
    ],
)
def test_the_token_goes_to_one_host(url: str, asked: str) -> None:
    """Of an address only what names something on the host is used."""
    with responses.RequestsMock() as mock:
        mock.post(f"{HOME}{asked}", json=[], headers={"X-One": "1"})
        status, headers, content = Transport(API, "t", timeout=7).exchanged("POST", url, {"Accept": "a/b"}, {"a": "ü"})
        sent = mock.calls[0].request
    assert (status, headers["x-one"], content) == (200, "1", b"[]")
    assert (sent.url, sent.body) == (f"{HOME}{asked}", b'{"a": "\\u00fc"}')
    assert {name: sent.headers[name] for name in ("Authorization", "Accept", "User-Agent", "Content-Type")} == {
        "Authorization": "token t",
        "Accept": "a/b",
        "User-Agent": "clockwork",
        "Content-Type": "application/json",
    }
