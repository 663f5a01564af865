"""Who may do what by a Terraform configuration: every action, everybody, administrators. A part of TF-001.

Sources: the pages of the Terraform registry for aws_iam_policy_document, aws_iam_role_policy_attachment, aws_s3_bucket_acl,
aws_s3_bucket_public_access_block and google_storage_bucket_iam_member; AWS documentation, "AWS JSON policy elements:
Principal", "Blocking public access to your Amazon S3 storage" and "Access control list (ACL) overview".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bot.guardrails.hcl import HclAttribute, HclBlock
from bot.guardrails.rule import Fact

_ANY_ACTION: Final = re.compile(r"(?:\\?\"?[Aa]ctions?\\?\"?)\s*[=:]\s*\[?\s*\\?\"\*(?::\*)?\\?\"")
_ANY_PRINCIPAL: Final = re.compile(
    r"\\?\"?Principals?\\?\"?\s*[=:]\s*(?:\\?\"\*\\?\"|\{\s*\\?\"?AWS\\?\"?\s*[=:]\s*\[?\s*\\?\"\*\\?\")"
)
_CONDITION: Final = re.compile(r"\\?\"?Condition\\?\"?\s*[=:]")
_STAR: Final = re.compile(r"\"\*(?::\*)?\"")
_PUBLIC_ACLS: Final = frozenset({"public-read", "public-read-write", "authenticated-read", "website"})
_EVERYBODY: Final = re.compile(r"\"all(?:Authenticated)?Users\"|groups/global/(?:AllUsers|AuthenticatedUsers)")
_ADMINISTRATOR: Final = re.compile(
    r":iam::aws:policy/(?:job-function/)?(?:AdministratorAccess|IAMFullAccess|PowerUserAccess)\b|\"roles/owner\"|\"Owner\""
)
_ATTACHED: Final = frozenset(
    {"policy_arn", "managed_policy_arns", "policy_arns", "role_policy_arns", "role", "role_definition_name"}
)
_BLOCKS: Final = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def grants(block: HclBlock) -> Iterator[Fact]:
    """What one block gives to everybody, or all of to somebody."""
    if block.type == "data" and block.labels[:1] == ("aws_iam_policy_document",):
        yield from _statements(block)
    elif block.type in {"resource", "module"}:
        yield from _policies(block)
        yield from _administrators(block)
        if block.type == "resource":
            yield from _public(block)


def _policies(block: HclBlock) -> Iterator[Fact]:
    for attribute in block.attributes:
        text = attribute.text
        if "policy" not in attribute.name or "Allow" not in text:
            continue
        if _ANY_ACTION.search(text):
            yield Fact((block.address, "action"), attribute.line, f"{block.address} allows every action.")
        if _ANY_PRINCIPAL.search(text) and not _CONDITION.search(text):
            yield Fact((block.address, "principal"), attribute.line, f"{block.address} allows everybody.")


def _statements(block: HclBlock) -> Iterator[Fact]:
    for number, statement in enumerate(block.nested("statement")):
        if "Allow" not in (statement.text("effect") or "Allow"):
            continue
        name = statement.text("sid") or str(number)
        actions = statement.attribute("actions")
        if actions is not None and _STAR.search(actions.text):
            yield Fact((block.address, "action", name), actions.line, f"{block.address} allows every action.")
        if any(statement.nested("condition")):
            continue
        for principals in statement.nested("principals"):
            who = principals.attribute("identifiers")
            if who is not None and _STAR.search(who.text):
                yield Fact((block.address, "principal", name), who.line, f"{block.address} allows everybody.")


def _administrators(block: HclBlock) -> Iterator[Fact]:
    for attribute in block.attributes:
        match = _ADMINISTRATOR.search(attribute.text) if attribute.name in _ATTACHED else None
        if match is not None:
            what = match[0].rpartition("/")[2].strip('"')
            yield Fact((block.address, "administrator", what), attribute.line, f"{block.address} gives {what}.")


def _public(block: HclBlock) -> Iterator[Fact]:
    acl = block.attribute("acl")
    if acl is not None and acl.text.strip('"') in _PUBLIC_ACLS:
        yield Fact((block.address, "acl"), acl.line, f"{block.address} is readable by everybody ({acl.text}).")
    public = block.attribute("publicly_accessible")
    if public is not None and public.text == "true":
        yield Fact((block.address, "public"), public.line, f"{block.address} is reachable from the internet.")
    for attribute in (*block.attributes, *_grantees(block)):
        if attribute.name in {"member", "members", "uri"} and _EVERYBODY.search(attribute.text):
            yield Fact((block.address, "member"), attribute.line, f"{block.address} grants access to everybody.")
    if block.labels[0].endswith("public_access_block"):
        for name in _BLOCKS:
            switch = block.attribute(name)
            if switch is not None and switch.text == "false":
                yield Fact((block.address, name), switch.line, f"{block.address} does not keep everybody out ({name}).")


def _grantees(block: HclBlock) -> Iterator[HclAttribute]:
    """The attributes of grants of an access list, at any depth."""
    waiting = [*block.blocks, *block.objects]
    while waiting:
        inner = waiting.pop()
        yield from inner.attributes
        waiting += (*inner.blocks, *inner.objects)
