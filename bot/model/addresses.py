"""Which network addresses are those of the public internet. Used by every room that asks what somebody else names."""

from __future__ import annotations

import ipaddress
from typing import Final

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_MACHINES: Final = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Public by number, but answered by the platform to its own machines: Azure's (Microsoft Learn, "What is IP address
168.63.129.16"). Those of other clouds are link-local, private or shared addresses.
"""


def is_inside(text: str) -> bool:
    """Whether an address is not one of the public internet: private, loopback, link-local, shared, multicast, of a platform's
    metadata. An IPv6 address that carries an IPv4 one is judged by that. False for what is no address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            address = carried
    return not address.is_global or address.is_multicast or address in _MACHINES
