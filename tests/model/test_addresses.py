"""Which addresses are those of the public internet."""

from __future__ import annotations

import pytest

from bot.model.addresses import is_inside
from tests.table import table


@table(
    "address",
    [
        *("127.0.0.1", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200"),
        *("168.63.129.16", "224.0.0.1", "::1", "::", "fe80::1%eth0", "fd00:ec2::254", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::"),
    ],
)
def test_what_is_inside_of_a_network(address: str) -> None:
    """Private, loopback, link-local and shared ones, those of metadata, and IPv6 addresses that carry such a one."""
    assert is_inside(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "140.82.121.4", "2606:4700::1111", "::ffff:8.8.8.8", "github.com", ""])
def test_what_is_not(address: str) -> None:
    """Public addresses, and what is no address."""
    assert not is_inside(address)
