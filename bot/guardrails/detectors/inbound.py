"""How resources of other providers say whom they let in: where the rule stands, and what its ranges and its port are called.

Source: the page of each in the Terraform registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class InboundForm:
    """``path`` are the types of the blocks that lead to a rule, ``sources`` its attributes with ranges; without ``port`` it is
    about every one.
    """

    path: tuple[str, ...]
    sources: tuple[str, ...]
    port: str = ""


INBOUND: Final[Mapping[str, InboundForm]] = {
    "alicloud_security_group_rule": InboundForm((), ("cidr_ip", "ipv6_cidr_ip"), "port_range"),
    "azurerm_kubernetes_cluster": InboundForm(("api_server_access_profile",), ("authorized_ip_ranges",)),
    "digitalocean_firewall": InboundForm(("inbound_rule",), ("source_addresses",), "port_range"),
    "google_container_cluster": InboundForm(("master_authorized_networks_config", "cidr_blocks"), ("cidr_block",)),
    "hcloud_firewall": InboundForm(("rule",), ("source_ips",), "port"),
    "linode_firewall": InboundForm(("inbound",), ("ipv4", "ipv6"), "ports"),
    "oci_core_network_security_group_security_rule": InboundForm((), ("source",)),
    "oci_core_security_list": InboundForm(("ingress_security_rules",), ("source",)),
    "openstack_networking_secgroup_rule_v2": InboundForm((), ("remote_ip_prefix",), "port_range_min"),
}
"""By the kind of the resource."""
