"""TF-001: something is opened to everybody, compared as Terraform blocks before and after.

Names of attributes: the pages of the Terraform registry for aws_security_group, aws_security_group_rule,
aws_vpc_security_group_ingress_rule, google_compute_firewall, azurerm_network_security_group and azurerm_network_security_rule,
aws_iam_policy_document, aws_s3_bucket_acl and google_storage_bucket_iam_member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.hcl import HclBlock
from bot.guardrails.rule import Fact, Hit, Subject

_WORLD: Final = re.compile(r"\"(?:0\.0\.0\.0/0|::/0|\*|Internet|0\.0\.0\.0)\"")
_WORLD_RANGE: Final = re.compile(r"\"(?:0\.0\.0\.0/0|::/0)\"")
_ANY_ACTION: Final = re.compile(r"(?:\"?[Aa]ctions?\"?)\s*[=:]\s*\[?\s*\"\*(?::\*)?\"")
_RANGES: Final = frozenset(
    {"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "source_ranges", "source_cidr_blocks"}
)
_MODULE_RANGES: Final = frozenset({"ingress_cidr_blocks", "ingress_ipv6_cidr_blocks"})
_PUBLIC_ACLS: Final = frozenset({'"public-read"', '"public-read-write"', '"website"'})


def open_ingress(subject: Subject) -> Iterable[Hit]:
    """TF-001: ingress from everywhere, every action allowed, or a public access list, that was not so before."""
    files = [delta for delta in subject.written if delta.language == "hcl" and not delta.is_test]
    ports = subject.options.public_ports
    before = {opening.key for delta in files for opening in _openings(delta.blocks_before, ports)}
    for delta in files:
        seen: set[tuple[str, ...]] = set()
        for opening in _openings(delta.blocks_after, ports):
            if opening.key not in before and opening.key not in seen:
                seen.add(opening.key)
                yield opening.hit(delta)


def _openings(blocks: Iterable[HclBlock], ports: frozenset[int]) -> Iterator[Fact]:
    for block in blocks:
        if block.type == "resource" and len(block.labels) == 2:
            yield from _network(block, ports)
            yield from _policies(block)
            yield from _public(block)
        elif block.type == "data" and block.labels[:1] == ("aws_iam_policy_document",):
            yield from _statements(block)
        elif block.type == "module":
            yield from _ranges(block, block, ports, _MODULE_RANGES)


def _network(block: HclBlock, ports: frozenset[int]) -> Iterator[Fact]:
    kind = block.labels[0]
    for rule in block.nested("ingress"):
        yield from _ranges(block, rule, ports)
    word = (block.text("type") or block.text("direction")).strip('"').lower()
    if (kind == "aws_security_group_rule" and word != "egress") or kind == "aws_vpc_security_group_ingress_rule":
        yield from _ranges(block, block, ports)
    elif kind == "google_compute_firewall" and word != "egress":
        yield from _google(block, ports)
    elif kind.startswith("azurerm_network_security"):
        for rule in (block, *block.nested("security_rule")):
            yield from _azure(block, rule, ports)


def _ranges(block: HclBlock, rule: HclBlock, ports: frozenset[int], names: frozenset[str] = _RANGES) -> Iterator[Fact]:
    span = tuple(text for name in ("from_port", "to_port") if (text := rule.text(name)))
    for attribute in rule.attributes:
        if attribute.name in names and _WORLD_RANGE.search(attribute.text) and not _allowed(span, ports):
            where = (
                f"port {span[0]}" if span and span[0] == span[-1] else f"ports {' to '.join(span) or 'of any number'}"
            )
            text = f"{block.address} lets everybody in ({where})."
            yield Fact((block.address, "ingress", *span), attribute.line, text)


def _allowed(span: tuple[str, ...], ports: frozenset[int]) -> bool:
    return len(set(span)) == 1 and span[0].isdigit() and int(span[0]) in ports


def _google(block: HclBlock, ports: frozenset[int]) -> Iterator[Fact]:
    ranges = block.attribute("source_ranges")
    if ranges is None or not _WORLD_RANGE.search(ranges.text) or (block.blocks and not list(block.nested("allow"))):
        return
    named = [text for allow in block.nested("allow") if (text := allow.text("ports"))]
    numbers = {int(number) for text in named for number in re.findall(r"\d{1,5}", text)}
    if not numbers or not numbers <= ports:
        yield Fact((block.address, "ingress", *sorted(named)), ranges.line, f"{block.address} lets everybody in.")


def _azure(block: HclBlock, rule: HclBlock, ports: frozenset[int]) -> Iterator[Fact]:
    texts = {attribute.name: attribute.text.strip('"').lower() for attribute in rule.attributes}
    source = rule.attribute("source_address_prefix")
    if source is None or texts.get("direction") != "inbound" or texts.get("access") != "allow":
        return
    port = texts.get("destination_port_range", "*")
    if _WORLD.search(source.text) and not (port.isdigit() and int(port) in ports):
        yield Fact((block.address, "ingress", port), source.line, f"{block.address} lets everybody in (port {port}).")


def _policies(block: HclBlock) -> Iterator[Fact]:
    for attribute in block.attributes:
        if "policy" in attribute.name and _ANY_ACTION.search(attribute.text) and "Allow" in attribute.text:
            yield Fact((block.address, "action"), attribute.line, f"{block.address} allows every action.")


def _statements(block: HclBlock) -> Iterator[Fact]:
    for number, statement in enumerate(block.nested("statement")):
        actions, effect = statement.attribute("actions"), statement.text("effect") or "Allow"
        if actions is not None and re.search(r"\"\*(?::\*)?\"", actions.text) and "Allow" in effect:
            name = statement.text("sid") or str(number)
            yield Fact((block.address, "action", name), actions.line, f"{block.address} allows every action.")


def _public(block: HclBlock) -> Iterator[Fact]:
    acl = block.attribute("acl")
    if acl is not None and acl.text in _PUBLIC_ACLS:
        yield Fact((block.address, "acl"), acl.line, f"{block.address} is readable by everybody ({acl.text}).")
    public = block.attribute("publicly_accessible")
    if public is not None and public.text == "true":
        yield Fact((block.address, "public"), public.line, f"{block.address} is reachable from the internet.")
    member = block.attribute("member") or block.attribute("members")
    if member is not None and re.search(r"\"all(?:Authenticated)?Users\"", member.text):
        yield Fact((block.address, "member"), member.line, f"{block.address} grants access to everybody.")
