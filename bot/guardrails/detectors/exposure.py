"""TF-001: something is opened to everybody, compared as Terraform blocks before and after.

Names of attributes: the pages of the Terraform registry for aws_security_group, aws_security_group_rule,
aws_vpc_security_group_ingress_rule, aws_network_acl, aws_network_acl_rule, aws_eks_cluster, google_compute_firewall,
google_sql_database_instance, azurerm_network_security_group and azurerm_network_security_rule; more of them are
:mod:`bot.guardrails.detectors.inbound`, and who may do what :mod:`bot.guardrails.detectors.access`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from posixpath import dirname
from typing import Final

from bot.guardrails.detectors.access import grants
from bot.guardrails.detectors.gains import in_deployed_folder
from bot.guardrails.detectors.inbound import INBOUND, InboundForm
from bot.guardrails.detectors.loops import Loops
from bot.guardrails.earlier import earlier
from bot.guardrails.hcl import HclAttribute, HclBlock
from bot.guardrails.hcl_values import UnknownValue, lowered_texts, scalars, value_of
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Fact, Hit, Subject
from bot.intake import syntax
from bot.model.patterns import regex

_QUOTED: Final = regex(r"(?<=[\",\s])([0-9a-fA-F.:]{2,45}/\d{1,3})(?=[\",\s])")
"""A range, or one of several in a text that is split at commas."""
_ANYBODY: Final = regex(r"\"(?:\*|Internet|Any|0\.0\.0\.0)\"", re.IGNORECASE)
_VARIABLE: Final = regex(r"\b(?:(?:var|local)\.[A-Za-z_][\w-]*|data\.aws_iam_policy\.[\w-]+\.arn)")
_DEEPEST: Final = 4
"""Locals that are made of locals or variables, one in the other."""
_LONGEST: Final = 20_000
_RANGES: Final = frozenset(
    {"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "source_ranges", "source_cidr_blocks"}
)
_MODULE_RANGES: Final = frozenset({"ingress_cidr_blocks", "ingress_ipv6_cidr_blocks"})
_MANAGEMENT: Final = (22, 3389)
"""SSH and remote desktop. A network ACL keeps no state, so answers need its high ports open (AWS, "Network ACLs")."""
_INWARD: Final = regex(
    r"ingress|inbound|allow|source|white_?list|trusted|permitted|authorized|access|ssh|rdp|admin|bastion|manage?ment|mgmt|client"
)
_RANGE_NAME: Final = regex(r"cidr|ranges?(_|\Z)|(^|_)ips?(_|\Z)|addresses")
_OUTWARD: Final = regex(r"egress|outbound|destination|route|deny|block(ed|_?list)")
_WIDEST: Final = {4: 7, 6: 3}
"""Prefixes up to these are everybody: two halves are the whole, and 2000::/3 is all of what is routed (RFC 4291)."""


def _is_world(text: str) -> bool:
    """Whether an expression names a range that is as good as every address."""
    ranges = (quoted for quoted in _QUOTED.findall(text) if int(quoted.rpartition("/")[2]) <= max(_WIDEST.values()))
    return any(network.prefixlen <= _WIDEST[network.version] for network in map(_range, ranges) if network is not None)


def _range(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Module:
    """What blocks of one folder are judged with: ports that may be open, its locals, and its variables by default."""

    ports: frozenset[int]
    defaults: Mapping[str, str] = field(default_factory=dict)
    loops: Loops = field(default_factory=Loops)

    def filled(self, text: str) -> str:
        """An expression with the defaults of the variables it names, and its locals, as deep as they are written."""
        for _ in range(_DEEPEST):
            filled_text = _VARIABLE.sub(lambda match: self.defaults.get(match[0], match[0]), text)
            if filled_text == text or len(filled_text) > _LONGEST:
                break
            text = filled_text
        return text

    def is_world(self, attribute: HclAttribute) -> bool:
        """Whether the attribute, filled, names every address, also where its text is put together or has escapes."""
        text = self.filled(attribute.text)
        if _is_world(text):
            return True
        if any(_is_world(f'"{looped}"') for looped in self.loops.texts(attribute, self.filled)):
            return True
        is_made = "\\" in text or "${" in text
        return is_made and any(
            isinstance(value, str) and _is_world(f'"{value}"') for value in scalars(value_of(attribute))
        )


def open_ingress(subject: Subject) -> Iterable[Hit]:
    """TF-001: ingress from everywhere, every action allowed, or public access, that was not so before."""
    files = [delta for delta in subject.written if delta.is_hcl and in_deployed_folder(delta, subject)]
    ports = subject.options.public_ports
    old, new = _modules(files, ports, after=False), _modules(files, ports, after=True)
    before = earlier(
        files,
        lambda delta: {opening.key: None for opening in _openings(delta.blocks_before, old[dirname(delta.old_path)])},
        lambda delta: (opening.key for opening in _openings(delta.blocks_after, new[dirname(delta.path)])),
    )
    renamed = _Renamed(files, old)
    for delta in files:
        seen_keys: set[tuple[str, ...]] = set()
        for opening in _openings(delta.blocks_after, new[dirname(delta.path)]):
            if opening.key not in before[delta.path] and opening.key not in seen_keys:
                seen_keys.add(opening.key)
                if not renamed.takes(delta, opening.key):
                    yield opening.hit(delta)
    yield from _unblocked(files)


class _Renamed:
    """What resources were open that are gone: in the place of each, in the same module, a new one may be as open. One that was
    there already, or is in another module, is no other name of it.
    """

    def __init__(self, files: Sequence[Delta], modules: Mapping[str, _Module]) -> None:
        left = {(dirname(delta.path), block.address) for delta in files for block in delta.blocks_after}
        self._old = {(dirname(delta.path), block.address) for delta in files for block in delta.blocks_before}
        self._removed = Counter(
            _without_name(delta, key)
            for delta in files
            for key in {opening.key for opening in _openings(delta.blocks_before, modules[dirname(delta.old_path)])}
            if (dirname(delta.path), key[0]) not in left
        )

    def takes(self, delta: Delta, key: tuple[str, ...]) -> bool:
        """Whether this opening is one that is gone, under a new name; each is taken once."""
        nameless = _without_name(delta, key)
        if (dirname(delta.path), key[0]) in self._old or self._removed[nameless] == 0:
            return False
        self._removed[nameless] -= 1
        return True


def _without_name(delta: Delta, key: tuple[str, ...]) -> tuple[str, ...]:
    return dirname(delta.path), key[0].rpartition(".")[0], *key[1:]


_PUBLIC_BLOCK: Final = ("aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block")


def _unblocked(files: Iterable[Delta]) -> Iterator[Hit]:
    """What kept everybody out of a bucket and is gone, but for as many as go with their buckets. A folder is a module."""
    modules: dict[str, list[Delta]] = defaultdict(list)
    for delta in files:
        modules[dirname(delta.path)].append(delta)
    arrived = {
        block.address
        for module in modules.values()
        for _, block in _removed_facts(
            ((delta, delta.blocks_after) for delta in module), (delta.blocks_before for delta in module)
        )
    }
    for module in modules.values():
        sides = ((delta, delta.blocks_before) for delta in module), (delta.blocks_after for delta in module)
        removed_blocks = [(delta, block) for delta, block in _removed_facts(*sides) if block.address not in arrived]
        buckets = sum(block.labels[:1] == ("aws_s3_bucket",) for _, block in removed_blocks)
        for delta, block in [
            removed_block
            for removed_block in removed_blocks
            if removed_block[1].labels[:1] and removed_block[1].labels[0] in _PUBLIC_BLOCK
        ][buckets:]:
            text = f"{block.address} is gone, which kept everybody out."
            yield Hit(delta.path, delta.first_added or 1, text, anchor=f"{block.address}/gone")


def _removed_facts(
    blocks_by_file: Iterable[tuple[Delta, Iterable[HclBlock]]], kept_blocks: Iterable[Iterable[HclBlock]]
) -> list[tuple[Delta, HclBlock]]:
    """The resources of one side of a module that the other one has not."""
    addresses = {block.address for blocks in kept_blocks for block in blocks}
    return [
        (delta, block)
        for delta, blocks in blocks_by_file
        for block in blocks
        if block.type == "resource" and block.address not in addresses
    ]


def _modules(files: Iterable[Delta], ports: frozenset[int], *, after: bool) -> Mapping[str, _Module]:
    """By folder, since that is what a Terraform module is."""
    defaults: dict[str, dict[str, str]] = defaultdict(dict)
    values: dict[str, dict[str, str]] = defaultdict(dict)
    for delta in files:
        folder = dirname(delta.path if after else delta.old_path)
        for block in delta.blocks_after if after else delta.blocks_before:
            if block.type == "variable" and block.text("default"):
                defaults[folder][f"var.{block.labels[0] if block.labels else ''}"] = block.text("default")
            elif block.type == "values":
                values[folder] |= {f"var.{attribute.name}": attribute.text for attribute in block.attributes}
            elif block.type == "data" and block.labels[:1] == ("aws_iam_policy",):
                name = (block.text("arn") or block.text("name")).strip('"')
                arn = name if name.startswith("arn:") else f"arn:aws:iam::aws:policy/{name}"
                defaults[folder][f"{block.address}.arn"] = f'"{arn}"'
            elif block.type == "locals":
                defaults[folder] |= {f"local.{attribute.name}": attribute.text for attribute in block.attributes}
    modules: defaultdict[str, _Module] = defaultdict(lambda: _Module(ports))
    folders = {*defaults, *values}
    modules.update({folder: _Module(ports, defaults[folder] | values[folder]) for folder in folders})
    return modules


def _openings(blocks: Iterable[HclBlock], module: _Module) -> Iterator[Fact]:
    for block in blocks:
        if block.type == "resource" and len(block.labels) == 2:
            yield from _network(block, module)
        elif block.type == "module":
            yield from _ranges(block, block, module, _MODULE_RANGES)
            for rule in (*block.blocks, *block.objects):
                if rule.type.startswith("ingress"):
                    yield from _ranges(block, rule, module)
        elif block.type == "variable":
            yield from _default(block)
        elif block.type == "values":
            yield from _values(block)
        yield from grants(block, module.filled)


def _network(block: HclBlock, module: _Module) -> Iterator[Fact]:
    kind = block.labels[0]
    direction = (block.text("type") or block.text("direction")).strip('"').lower()
    match kind:
        case "aws_network_acl" | "aws_default_network_acl":
            denied = _denied(block)
            for rule in block.nested("ingress"):
                yield from _access_list(block, rule, "action", module, denied)
        case "aws_network_acl_rule":
            if block.text("egress") != "true":
                yield from _access_list(block, block, "rule_action", module)
        case "aws_security_group_rule" | "aws_vpc_security_group_ingress_rule":
            if direction != "egress":
                yield from _ranges(block, block, module)
        case "google_compute_firewall":
            if direction != "egress":
                yield from _google(block, module)
        case "aws_eks_cluster":
            for rule in block.nested("vpc_config"):
                yield from _cluster(block, rule, module)
        case _ if kind in INBOUND:
            for rule in _inside(block, *INBOUND[kind].path):
                yield from _inbound(block, rule, module, INBOUND[kind])
        case "google_sql_database_instance":
            for network in _inside(block, "settings", "ip_configuration", "authorized_networks"):
                value = network.attribute("value")
                if value is not None and module.is_world(value):
                    yield Fact((block.address, "network"), value.line, f"{block.address} lets everybody in.")
        case _ if kind.startswith("azurerm_") and kind.endswith("_firewall_rule"):
            yield from _azure_range(block)
        case _ if kind.startswith("azurerm_network_security"):
            for rule in (block, *block.nested("security_rule")):
                yield from _azure(block, rule, module)
        case _:
            for rule in block.nested("ingress"):
                yield from _ranges(block, rule, module)


def _default(block: HclBlock) -> Iterator[Fact]:
    """A variable that says by its name what its ranges are for."""
    default = block.attribute("default")
    if default is not None and _admits(block.labels[0] if block.labels else "") and _is_world(default.text):
        yield Fact((block.address, "default"), default.line, f"{block.address} lets everybody in by default.")


def _values(block: HclBlock) -> Iterator[Fact]:
    """The same of a file of values, whose variables may be declared in a file that stays."""
    for value in block.attributes:
        if _admits(value.name) and _is_world(value.text):
            yield Fact((f"var.{value.name}", "value"), value.line, f"var.{value.name} lets everybody in.")


def _admits(name: str) -> bool:
    """Whether a variable is by its name ranges that are let in."""
    name = name.lower()
    return all(map(bool, (_INWARD.search(name), _RANGE_NAME.search(name)))) and not _OUTWARD.search(name)


def _ranges(block: HclBlock, rule: HclBlock, module: _Module, names: frozenset[str] = _RANGES) -> Iterator[Fact]:
    span = tuple(text for name in ("from_port", "to_port") if (text := rule.text(name).strip('"')))
    for attribute in rule.attributes:
        if (
            attribute.name in names
            and module.is_world(attribute)
            and not (_has_ports(rule) and _allowed(span, module.ports))
        ):
            port_text = (
                f"port {span[0]}" if span and span[0] == span[-1] else f"ports {' to '.join(span) or 'of any number'}"
            )
            text = f"{block.address} lets everybody in ({port_text})."
            yield Fact((block.address, "ingress", *span), attribute.line, text)


def _has_ports(rule: HclBlock) -> bool:
    """Whether the ports of a rule count: they do not where it is about every protocol."""
    return not {*lowered_texts(rule, "protocol", "ip_protocol")} & _EVERY_PROTOCOL


def _allowed(span: tuple[str, ...], ports: frozenset[int]) -> bool:
    return len(set(span)) == 1 and span[0] in {*map(str, ports)}


def _inside(block: HclBlock, *kinds: str) -> Iterator[HclBlock]:
    """The blocks below a path of types."""
    if not kinds:
        yield block
    for inner in block.nested(kinds[0]) if kinds else ():
        yield from _inside(inner, *kinds[1:])


def _inbound(block: HclBlock, rule: HclBlock, module: _Module, form: InboundForm) -> Iterator[Fact]:
    if {*lowered_texts(rule, "direction", "type")} & {"out", "egress", "EGRESS", "outbound"}:
        return
    port = rule.text(form.port).strip('"') if form.port else ""
    if port in {*map(str, module.ports)}:
        return
    for source in (attribute for name in form.sources if (attribute := rule.attribute(name)) is not None):
        if module.is_world(source):
            text = f"{block.address} lets everybody in (port {port or 'of any number'})."
            yield Fact((block.address, "ingress", port), source.line, text)


_ACL_RANGES: Final = ((4, "cidr_block"), (6, "ipv6_cidr_block"))
_NOTHING: Final[Mapping[tuple[int, int], int]] = {}
_EVERYWHERE: Final = {4: "0.0.0.0/0", 6: "::/0"}
_EVERY_PROTOCOL: Final = frozenset({"-1", "all"})
_TCP: Final = frozenset({"tcp", "6"})
_NO_PORTS: Final = frozenset({"icmp", "1", "icmpv6", "58"})


def _number(rule: HclBlock, *names: str) -> int | None:
    """A whole number that is written as such."""
    values = lowered_texts(rule, *names)
    constant = values[0] if len(values) == 1 else None
    return int(constant) if isinstance(constant, str) and constant.isdecimal() and len(constant) <= 6 else None


def _denied(block: HclBlock) -> Mapping[tuple[int, int], int]:
    """The management ports of each IP version that an access list keeps everybody from, and from which number on.

    Only by rules that are there for certain, with all that they say: the lowest number decides (AWS, "Network ACLs").
    """
    denied: dict[tuple[int, int], int] = {}
    for rule in _certain_ingress(block):
        number, protocols = _number(rule, "rule_no", "rule_number"), lowered_texts(rule, "protocol")
        if number is None or lowered_texts(rule, "action") != ("deny",) or len(protocols) != 1:
            continue
        first, last = _number(rule, "from_port"), _number(rule, "to_port")
        if {*protocols} <= _EVERY_PROTOCOL:
            first, last = min(_MANAGEMENT), max(_MANAGEMENT)
        elif not {*protocols} <= _TCP or first is None or last is None:
            continue
        for version, name in _ACL_RANGES:
            for port in _MANAGEMENT if lowered_texts(rule, name) == (_EVERYWHERE[version],) else ():
                if first <= port <= last:
                    denied[version, port] = min(number, denied.get((version, port), number))
    return denied


def _certain_ingress(block: HclBlock) -> Iterator[HclBlock]:
    """The nested blocks and objects that no condition, loop or function makes."""
    yield from (inner for inner in block.blocks if inner.type == "ingress")
    attribute = block.attribute("ingress")
    if attribute is not None and isinstance(attribute.expression, syntax.ListExpression):
        items = attribute.expression.items
        if all(isinstance(item, syntax.ObjectExpression) for item in items):
            yield from (inner for inner in block.objects if inner.type == "ingress")


def _reached(rule: HclBlock) -> tuple[int, ...]:
    """The management ports that a rule may be about; an expression may be any."""
    protocols = {*lowered_texts(rule, "protocol")}
    if protocols and protocols <= _NO_PORTS:
        return ()
    if protocols & _EVERY_PROTOCOL:
        return _MANAGEMENT
    first, last = _number(rule, "from_port"), _number(rule, "to_port")
    return tuple(port for port in _MANAGEMENT if (first is None or first <= port) and (last is None or port <= last))


def _access_list(
    block: HclBlock, rule: HclBlock, action: str, module: _Module, denied: Mapping[tuple[int, int], int] = _NOTHING
) -> Iterator[Fact]:
    if "allow" not in lowered_texts(rule, action):
        return
    span = tuple(rule.text(name).strip('"') for name in ("from_port", "to_port"))
    number = _number(rule, "rule_no", "rule_number")
    for version, name in _ACL_RANGES:
        attribute = rule.attribute(name)
        if attribute is None or not module.is_world(attribute):
            continue
        until = 0 if number is None else number
        reached = [
            port for port in _reached(rule) if port not in module.ports and denied.get((version, port), until) >= until
        ]
        if reached:
            text = f"{block.address} lets everybody in (port {' and '.join(map(str, reached))})."
            yield Fact((block.address, "ingress", *span), attribute.line, text)


def _cluster(block: HclBlock, rule: HclBlock, module: _Module) -> Iterator[Fact]:
    """Without ``public_access_cidrs`` it is everybody too, but that is how every example of the provider is written."""
    ranges = rule.attribute("public_access_cidrs")
    if ranges is None or rule.text("endpoint_public_access") == "false" or not module.is_world(ranges):
        return
    yield Fact((block.address, "endpoint"), ranges.line, f"{block.address} is reachable from the internet.")


def _google(block: HclBlock, module: _Module) -> Iterator[Fact]:
    ranges = block.attribute("source_ranges")
    if ranges is None or not module.is_world(ranges) or (block.blocks and not list(block.nested("allow"))):
        return
    allowed = [(allow, lowered_texts(allow, "ports")) for allow in block.nested("allow")]
    port_attributes = [allow.text("ports") for allow, ports in allowed if ports]
    # what has no ports opens all of them, unless it is of a protocol that has none
    opens_all = any(not ports and not {*lowered_texts(allow, "protocol")} <= _PORTLESS for allow, ports in allowed)
    if not port_attributes or opens_all or not all(_is_public(ports, module) for _, ports in allowed if ports):
        yield Fact(
            (block.address, "ingress", *sorted(port_attributes)), ranges.line, f"{block.address} lets everybody in."
        )


_PORTLESS: Final = frozenset({"icmp", "1", "icmpv6", "58", "esp", "50", "ah", "51", "ipip", "94"})


def _is_public(ports: Iterable[str | UnknownValue], module: _Module) -> bool:
    """Whether each of the ports is one that may be open to everybody: no range, and nothing that only Terraform knows."""
    return {*ports} <= {*map(str, module.ports)}


def _azure(block: HclBlock, rule: HclBlock, module: _Module) -> Iterator[Fact]:
    if not _is_inbound(rule):
        return
    ports = [port for port in lowered_texts(rule, "destination_port_range", "destination_port_ranges") if port != ""]
    texts = (rule.text(f"destination_port_range{plural}") for plural in ("", "s"))
    shown_texts = ", ".join(text for text in texts if text not in {"", "null"})
    port = shown_texts.strip('"').lower() or "*"
    for name in ("source_address_prefix", "source_address_prefixes"):
        source = rule.attribute(name)
        if source is None or (ports and _is_public(ports, module)):
            continue
        if module.is_world(source) or _ANYBODY.search(module.filled(source.text)):
            yield Fact(
                (block.address, "ingress", port), source.line, f"{block.address} lets everybody in (port {port})."
            )


_FIRST: Final = "0.0.0.0"  # noqa: S104 an address in a text, nothing is bound to it


def _azure_range(block: HclBlock) -> Iterator[Fact]:
    """Of a database: 0.0.0.0 alone lets in the services of Azure (Azure SQL documentation, "Firewall rules")."""
    end = block.attribute("end_ip_address") or block.attribute("end_ip")
    if lowered_texts(block, "start_ip_address", "start_ip") == (_FIRST,) and end is not None and "255." in end.text:
        yield Fact((block.address, "ingress"), end.line, f"{block.address} lets everybody in.")


def _is_inbound(rule: HclBlock) -> bool:
    """Whether a rule may let somebody in: one of the two words may be what only Terraform knows."""
    direction, access = lowered_texts(rule, "direction"), lowered_texts(rule, "access")
    inward = "inbound" in direction, any(isinstance(value, UnknownValue) for value in direction)
    allows = "allow" in access, any(isinstance(value, UnknownValue) for value in access)
    return (inward[0] and any(allows)) or (any(inward) and allows[0])
