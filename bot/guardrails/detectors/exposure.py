"""TF-001: something is opened to everybody, compared as Terraform blocks before and after.

Names of attributes: the pages of the Terraform registry for aws_security_group, aws_security_group_rule,
aws_vpc_security_group_ingress_rule, aws_network_acl, aws_network_acl_rule, aws_eks_cluster, google_compute_firewall,
google_sql_database_instance, azurerm_network_security_group, azurerm_network_security_rule and digitalocean_firewall.
Who may do what is :mod:`bot.guardrails.detectors.access`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from posixpath import dirname
from typing import Final

from bot.guardrails.detectors.access import grants
from bot.guardrails.hcl import HclAttribute, HclBlock
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject

_QUOTED: Final = re.compile(r"\"([0-9a-fA-F.:]{2,45}/\d{1,3})\"")
_ANYBODY: Final = re.compile(r"\"(?:\*|Internet|Any|0\.0\.0\.0)\"", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\bvar\.([A-Za-z_][\w-]*)")
_RANGES: Final = frozenset(
    {"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "source_ranges", "source_cidr_blocks"}
)
_ACL_RANGES: Final = frozenset({"cidr_block", "ipv6_cidr_block"})
_MODULE_RANGES: Final = frozenset({"ingress_cidr_blocks", "ingress_ipv6_cidr_blocks"})
_MANAGEMENT: Final = (22, 3389)
"""SSH and remote desktop. A network ACL keeps no state, so answers need its high ports open (AWS, "Network ACLs")."""
_INWARD: Final = re.compile(r"ingress|inbound|allow|source|white_?list|trusted|permitted|authorized|public_access")
_RANGE_NAME: Final = re.compile(r"cidr|ranges?(_|\Z)|(^|_)ips?(_|\Z)|addresses")
_OUTWARD: Final = re.compile(r"egress|outbound|destination|route|deny|block(ed|_?list)")
_WIDEST: Final = {4: 7, 6: 3}
"""Prefixes up to these are everybody: two halves are the whole, and 2000::/3 is all of what is routed (RFC 4291)."""


def _is_world(text: str) -> bool:
    """Whether an expression names a range that is as good as every address."""
    for quoted in _QUOTED.findall(text[:20_000]):
        try:
            network = ip_network(quoted, strict=False)
        except ValueError:
            continue
        if network.prefixlen <= _WIDEST[network.version]:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Module:
    """What blocks of one folder are judged with: ports that may be open, and what its variables are by default."""

    ports: frozenset[int]
    defaults: Mapping[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """An expression with the defaults of the variables it names."""
        return _VARIABLE.sub(lambda match: self.defaults.get(match[1], match[0]), text)

    def is_world(self, text: str) -> bool:
        """Whether the expression, filled, names every address."""
        return _is_world(self.filled(text))


def open_ingress(subject: Subject) -> Iterable[Hit]:
    """TF-001: ingress from everywhere, every action allowed, or public access, that was not so before."""
    files = [delta for delta in subject.written if delta.is_hcl and not delta.is_test]
    ports = subject.options.public_ports
    old, new = _modules(files, ports, after=False), _modules(files, ports, after=True)
    before = {
        opening.key for delta in files for opening in _openings(delta.blocks_before, old[dirname(delta.old_path)])
    }
    for delta in files:
        seen: set[tuple[str, ...]] = set()
        for opening in _openings(delta.blocks_after, new[dirname(delta.path)]):
            if opening.key not in before and opening.key not in seen:
                seen.add(opening.key)
                yield opening.hit(delta)


def _modules(files: Iterable[Delta], ports: frozenset[int], *, after: bool) -> Mapping[str, _Module]:
    """By folder, since that is what a Terraform module is."""
    defaults: dict[str, dict[str, str]] = defaultdict(dict)
    for delta in files:
        folder = dirname(delta.path if after else delta.old_path)
        for block in delta.blocks_after if after else delta.blocks_before:
            if block.type == "variable" and block.text("default"):
                defaults[folder][block.labels[0] if block.labels else ""] = block.text("default")
    modules: defaultdict[str, _Module] = defaultdict(lambda: _Module(ports))
    modules.update({folder: _Module(ports, known) for folder, known in defaults.items()})
    return modules


def _openings(blocks: Iterable[HclBlock], module: _Module) -> Iterator[Fact]:
    for block in blocks:
        if block.type == "resource" and len(block.labels) == 2:
            yield from _network(block, module)
        elif block.type == "module":
            yield from _ranges(block, block, module, _MODULE_RANGES)
        elif block.type == "variable":
            yield from _default(block)
        yield from grants(block)


def _network(block: HclBlock, module: _Module) -> Iterator[Fact]:
    kind = block.labels[0]
    word = (block.text("type") or block.text("direction")).strip('"').lower()
    match kind:
        case "aws_network_acl" | "aws_default_network_acl":
            rules = sorted(block.nested("ingress"), key=_order)
            for number, rule in enumerate(rules):
                yield from _access_list(block, rule, "action", module, denied=_denied(rules[:number], module))
        case "aws_network_acl_rule":
            if block.text("egress") != "true":
                yield from _access_list(block, block, "rule_action", module)
        case "aws_security_group_rule" | "aws_vpc_security_group_ingress_rule":
            if word != "egress":
                yield from _ranges(block, block, module)
        case "google_compute_firewall":
            if word != "egress":
                yield from _google(block, module)
        case "aws_eks_cluster":
            for rule in block.nested("vpc_config"):
                yield from _cluster(block, rule, module)
        case "digitalocean_firewall":
            for rule in block.nested("inbound_rule"):
                yield from _inbound(block, rule, module)
        case "google_sql_database_instance":
            for network in _inside(block, "settings", "ip_configuration", "authorized_networks"):
                value = network.attribute("value")
                if value is not None and module.is_world(value.text):
                    yield Fact((block.address, "network"), value.line, f"{block.address} lets everybody in.")
        case _ if kind.startswith("azurerm_network_security"):
            for rule in (block, *block.nested("security_rule")):
                yield from _azure(block, rule, module)
        case _:
            for rule in block.nested("ingress"):
                yield from _ranges(block, rule, module)


def _default(block: HclBlock) -> Iterator[Fact]:
    """A variable that says by its name what its ranges are for."""
    name = block.labels[0].lower() if block.labels else ""
    default = block.attribute("default")
    if default is None or not _INWARD.search(name) or not _RANGE_NAME.search(name) or _OUTWARD.search(name):
        return
    if _is_world(default.text):
        yield Fact((block.address, "default"), default.line, f"{block.address} lets everybody in by default.")


def _ranges(block: HclBlock, rule: HclBlock, module: _Module, names: frozenset[str] = _RANGES) -> Iterator[Fact]:
    span = tuple(text for name in ("from_port", "to_port") if (text := rule.text(name).strip('"')))
    for attribute in rule.attributes:
        if attribute.name in names and module.is_world(attribute.text) and not _allowed(span, module.ports):
            where = (
                f"port {span[0]}" if span and span[0] == span[-1] else f"ports {' to '.join(span) or 'of any number'}"
            )
            text = f"{block.address} lets everybody in ({where})."
            yield Fact((block.address, "ingress", *span), attribute.line, text)


def _allowed(span: tuple[str, ...], ports: frozenset[int]) -> bool:
    return len(set(span)) == 1 and span[0].isdigit() and int(span[0]) in ports


def _inside(block: HclBlock, *kinds: str) -> Iterator[HclBlock]:
    """The blocks below a path of types."""
    if not kinds:
        yield block
    for inner in block.nested(kinds[0]) if kinds else ():
        yield from _inside(inner, *kinds[1:])


def _inbound(block: HclBlock, rule: HclBlock, module: _Module) -> Iterator[Fact]:
    """Terraform registry, digitalocean_firewall: ``source_addresses``, and ``port_range`` as text."""
    sources, port = rule.attribute("source_addresses"), rule.text("port_range").strip('"')
    if sources is not None and module.is_world(sources.text) and not (port.isdigit() and int(port) in module.ports):
        text = f"{block.address} lets everybody in (port {port or 'of any number'})."
        yield Fact((block.address, "ingress", port), sources.line, text)


def _order(rule: HclBlock) -> int:
    """Rules are heeded by number, and the first that matches decides (AWS, "Network ACLs")."""
    number = (rule.text("rule_no") or rule.text("rule_number")).strip('"')
    return int(number) if number.isdigit() else 0


def _denied(rules: Iterable[HclBlock], module: _Module) -> frozenset[int]:
    """The management ports that rules keep everybody from."""
    return frozenset(
        port
        for rule in rules
        if rule.text("action").strip('"').lower() == "deny" and any(True for _ in _worlds(rule, module))
        for port in _reached(rule)
    )


def _worlds(rule: HclBlock, module: _Module) -> Iterator[HclAttribute]:
    return (each for each in rule.attributes if each.name in _ACL_RANGES and module.is_world(each.text))


def _reached(rule: HclBlock) -> tuple[int, ...]:
    """The management ports that a rule is about; none where an expression says which."""
    if rule.text("protocol").strip('"') in {"-1", "all"}:
        return _MANAGEMENT
    span = tuple(rule.text(name).strip('"') for name in ("from_port", "to_port"))
    return tuple(port for port in _MANAGEMENT if all(map(str.isdigit, span)) and int(span[0]) <= port <= int(span[1]))


def _access_list(
    block: HclBlock, rule: HclBlock, action: str, module: _Module, *, denied: frozenset[int] = frozenset()
) -> Iterator[Fact]:
    reached = [port for port in _reached(rule) if port not in module.ports | denied]
    if rule.text(action).strip('"').lower() != "allow" or not reached:
        return
    span = tuple(rule.text(name).strip('"') for name in ("from_port", "to_port"))
    for attribute in _worlds(rule, module):
        text = f"{block.address} lets everybody in (port {' and '.join(map(str, reached))})."
        yield Fact((block.address, "ingress", *span), attribute.line, text)


def _cluster(block: HclBlock, rule: HclBlock, module: _Module) -> Iterator[Fact]:
    """Without ``public_access_cidrs`` it is everybody too, but that is how every example of the provider is written."""
    ranges = rule.attribute("public_access_cidrs")
    if ranges is None or rule.text("endpoint_public_access") == "false" or not module.is_world(ranges.text):
        return
    yield Fact((block.address, "endpoint"), ranges.line, f"{block.address} is reachable from the internet.")


def _google(block: HclBlock, module: _Module) -> Iterator[Fact]:
    ranges = block.attribute("source_ranges")
    if ranges is None or not module.is_world(ranges.text) or (block.blocks and not list(block.nested("allow"))):
        return
    named = [text for allow in block.nested("allow") if (text := allow.text("ports"))]
    numbers = {int(number) for text in named for number in re.findall(r"\d{1,5}", text)}
    if not numbers or not numbers <= module.ports:
        yield Fact((block.address, "ingress", *sorted(named)), ranges.line, f"{block.address} lets everybody in.")


def _azure(block: HclBlock, rule: HclBlock, module: _Module) -> Iterator[Fact]:
    texts = {attribute.name: attribute.text.strip('"').lower() for attribute in rule.attributes}
    named = (rule.attribute(name) for name in ("source_address_prefix", "source_address_prefixes"))
    source = next((each for each in named if each is not None and each.text != "null"), None)
    if source is None or texts.get("direction") != "inbound" or texts.get("access") != "allow":
        return
    ranges = [texts.get(f"destination_port_range{plural}", "null") for plural in ("", "s")]
    port = next((text for text in ranges if text != "null"), "*")
    numbers = {int(number) for number in re.findall(r"\d{1,5}", port)} if "-" not in port else set()
    open_to_all = module.is_world(source.text) or _ANYBODY.search(module.filled(source.text)) is not None
    if open_to_all and not (numbers and numbers <= module.ports):
        yield Fact((block.address, "ingress", port), source.line, f"{block.address} lets everybody in (port {port}).")
