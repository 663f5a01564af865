"""Functions of IP networks in CIDR notation. Source: Terraform documentation, "IP Network Functions"."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import integer, text
from bot.model.json import JSON

_Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def _network(prefix: JSON) -> _Network:
    prefix_text = text(prefix)
    address, slash, length = prefix_text.partition("/")
    try:
        if slash and length.isascii() and length.isdigit() and "%" not in address:
            network = ipaddress.ip_network((address, int(length)), strict=False)
            if not isinstance(network, ipaddress.IPv6Network) or network.network_address.ipv4_mapped is None:
                return network
    except ValueError:
        pass
    raise Misuse(f"takes a network such as '10.0.0.0/8', not {prefix_text!r}")


def subnet(prefix: JSON, bits: JSON, index: JSON) -> JSON:
    """The network with ``bits`` more in its prefix and ``index`` in them."""
    network, added_bits, position = _network(prefix), integer(bits), integer(index)
    length = network.prefixlen + added_bits
    if added_bits < 0 or length > network.max_prefixlen:
        raise Misuse(f"takes at most {network.max_prefixlen - network.prefixlen} more bits for this network")
    if not 0 <= position < 2**added_bits:
        raise Misuse(f"takes a number that fits in {added_bits} bits")
    return f"{network.network_address + (position << (network.max_prefixlen - length))}/{length}"


def subnets(prefix: JSON, *bits: JSON) -> JSON:
    """Networks one after the other in the network ``prefix``, each with so many more bits in its prefix."""
    network = _network(prefix)
    if bits and not network.prefixlen:
        raise Misuse("divides no network that is all there are")
    at, end = int(network.network_address), int(network.network_address) + network.num_addresses
    subnet_list: list[JSON] = []
    for added_bits in map(integer, bits):
        length = network.prefixlen + added_bits
        if added_bits < 1 or length > network.max_prefixlen:
            raise Misuse(f"takes 1 to {network.max_prefixlen - network.prefixlen} more bits for this network")
        size = 1 << (network.max_prefixlen - length)
        at = -(-at // size) * size
        if at + size > end:
            raise Misuse("takes no more networks than this one has room for")
        subnet_list.append(f"{type(network.network_address)(at)}/{length}")
        at += size
    return subnet_list


def host(prefix: JSON, index: JSON) -> JSON:
    """The address with number ``index`` in a network; a number below zero counts from its end."""
    network, position = _network(prefix), integer(index)
    if not -network.num_addresses <= position < network.num_addresses:
        raise Misuse(f"takes a number that fits in the {network.num_addresses} addresses of this network")
    return str(network[position])


def netmask(prefix: JSON) -> JSON:
    """The mask of an IPv4 network in dotted form."""
    network = _network(prefix)
    if network.version != 4:
        raise Misuse("takes an IPv4 network: IPv6 has no netmasks")
    return str(network.netmask)
