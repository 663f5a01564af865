"""Who may do what by a Terraform configuration: every action, everybody, administrators. A part of TF-001.

Statements of IAM policies are read however Terraform lets them be written, as objects, JSON in texts or here-documents: each
as what it says, never as the text around a word.

Sources: the pages of the Terraform registry for aws_iam_policy_document, aws_iam_role_policy_attachment, aws_s3_bucket_acl,
aws_s3_bucket_public_access_block, aws_lambda_function_url, google_storage_bucket_iam_member and azurerm_storage_account; AWS
documentation, "IAM JSON policy elements reference" (Effect, Action, Principal, NotPrincipal, Condition), "Blocking public
access to your Amazon S3 storage" and "Access control list (ACL) overview".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.guardrails.hcl import HclAttribute, HclBlock
from bot.guardrails.hcl_values import HclValue, UnknownValue, scalars, value_of
from bot.guardrails.rule import Fact
from bot.model.patterns import regex
from bot.model.severity import Severity

_STAR: Final = regex(r"\"\*(?::\*)?\"")
_WIDE_VALUES: Final = regex(r"\[\s*(?>(?:\"(?:\*|0\.0\.0\.0/0|::/0)\"[\s,]*)*)\]")
_PUBLIC_ACLS: Final = frozenset({"public-read", "public-read-write", "authenticated-read", "website"})
_EVERYBODY: Final = regex(r"\"all(?:Authenticated)?Users\"|groups/global/(?:AllUsers|AuthenticatedUsers)")
_ADMINISTRATOR: Final = regex(
    r":iam::aws:policy/(?:job-function/)?(?:AdministratorAccess|IAMFullAccess|PowerUserAccess)\b"
    r"|\"roles/(?:owner|editor)\"|\"(?:Owner|User Access Administrator)\""
)
_ATTACHED: Final = frozenset(
    {
        "policy_arn",
        "managed_policy_arn",
        "managed_policy_arns",
        "policy_arns",
        "role_policy_arns",
        "role",
        "role_definition_name",
    }
)
_NARROWED: Final = ("source_arn", "source_account", "principal_org_id")
"""What narrows down who may call a function (Terraform registry, aws_lambda_permission)."""
_MEMBERS: Final = frozenset({"member", "members", "uri", "special_group", "iam_member"})
_REACHABLE: Final = {
    "publicly_accessible": "is reachable from the internet",
    "allow_nested_items_to_be_public": "lets its containers be readable by everybody",
    "allow_blob_public_access": "lets its containers be readable by everybody",
}
_OPENED: Final = {
    ("azurerm_storage_container", "container_access_type"): ("blob", "container"),
    ("aws_ami_launch_permission", "group"): ("all",),
    ("aws_ebs_snapshot_block_public_access", "state"): ("unblocked",),
}
"""By the kind of the resource and the name of the attribute the values that open it."""
_BLOCKS: Final = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def grants(block: HclBlock, filled: Callable[[str], str]) -> Iterator[Fact]:
    """What one block gives to everybody, or all of to somebody. ``filled`` puts what is known of names into an expression."""
    if block.type == "data" and block.labels[:1] == ("aws_iam_policy_document",):
        yield from _statements(block)
    elif block.type == "locals":
        yield from _policies(block)
    elif block.type in {"resource", "module"}:
        yield from _policies(block)
        yield from _administrators(block, filled)
        if block.type == "resource":
            yield from _public(block)


def _policies(block: HclBlock) -> Iterator[Fact]:
    """Of attributes that are policies by their name, and of local values, whose names say nothing."""
    is_locals = block.type == "locals"
    for attribute in (*block.attributes, *_inner(block.blocks)):
        if "polic" not in attribute.name and not is_locals:
            continue
        allowed = list(_allowances(attribute))
        if any(statement.every_action for statement in allowed):
            yield Fact((block.address, "action"), attribute.line, f"{block.address} allows every action.")
        if any(statement.everybody for statement in allowed):
            yield Fact((block.address, "principal"), attribute.line, f"{block.address} allows everybody.")


def _statements(block: HclBlock) -> Iterator[Fact]:
    for number, statement in enumerate(block.nested("statement")):
        if "Allow" not in (statement.text("effect") or "Allow"):
            continue
        name = statement.text("sid") or str(number)
        actions = _every(statement)
        if actions is not None:
            yield Fact((block.address, "action", name), actions.line, f"{block.address} allows every action.")
        if any(map(_narrows, statement.nested("condition"))):
            continue
        if any(statement.nested("not_principals")):
            yield Fact((block.address, "principal", name), statement.line, f"{block.address} allows everybody.")
        for principals in statement.nested("principals"):
            identifiers = principals.attribute("identifiers")
            if identifiers is not None and _STAR.search(identifiers.text):
                yield Fact((block.address, "principal", name), identifiers.line, f"{block.address} allows everybody.")


def _every(statement: HclBlock) -> HclAttribute | None:
    """What of a statement allows every action: as :func:`_allowances` tells it."""
    actions, excluded_actions = statement.attribute("actions"), statement.attribute("not_actions")
    if actions is not None and _STAR.search(actions.text):
        return actions
    if not _STAR.search(statement.text("resources")):
        return None
    return excluded_actions or (actions if actions is not None and '"iam:*"' in actions.text else None)


def _narrows(condition: HclBlock) -> bool:
    """Whether not everything satisfies a condition."""
    values = condition.attribute("values")
    return values is None or _WIDE_VALUES.fullmatch(values.text) is None


def _restricts(block: HclBlock, name: str) -> bool:
    """Whether an attribute is given a value that narrows something down."""
    return block.text(name) not in {"", "null", '""', '"*"'}


def _administrators(block: HclBlock, filled: Callable[[str], str]) -> Iterator[Fact]:
    for attribute in block.attributes:
        match = _ADMINISTRATOR.search(filled(attribute.text)) if attribute.name in _ATTACHED else None
        if match is not None:
            policy_name = match[0].rpartition("/")[2].strip('"')
            yield Fact(
                (block.address, "administrator", policy_name), attribute.line, f"{block.address} gives {policy_name}."
            )


def _public(block: HclBlock) -> Iterator[Fact]:
    acl = block.attribute("acl")
    if acl is not None and acl.text.strip('"') in _PUBLIC_ACLS:
        yield Fact((block.address, "acl"), acl.line, f"{block.address} is readable by everybody ({acl.text}).")
    principal = block.attribute("principal") if block.labels[0] == "aws_lambda_permission" else None
    if principal is not None and principal.text == '"*"' and not any(_restricts(block, name) for name in _NARROWED):
        yield Fact((block.address, "principal"), principal.line, f"{block.address} allows everybody.")
    for name, text in _REACHABLE.items():
        public = block.attribute(name)
        if public is not None and public.text == "true":
            yield Fact((block.address, "public"), public.line, f"{block.address} {text}.")
    caller = block.attribute("authorization_type") if block.labels[0] == "aws_lambda_function_url" else None
    if caller is not None and caller.text == '"NONE"':
        text = f"{block.address} may be called by everybody."
        yield Fact((block.address, "public"), caller.line, text, Severity.LOW)
    for attribute in (*block.attributes, *_inner((*block.blocks, *block.objects))):
        if attribute.name in _MEMBERS and _EVERYBODY.search(attribute.text):
            yield Fact((block.address, "member"), attribute.line, f"{block.address} grants access to everybody.")
    for (kind, name), values in _OPENED.items():
        member_attribute = block.attribute(name) if block.labels[0] == kind else None
        if member_attribute is not None and member_attribute.text.strip('"').lower() in values:
            yield Fact(
                (block.address, name),
                member_attribute.line,
                f"{block.address} is for everybody ({name} = {member_attribute.text}).",
            )
    for rules in (block, *block.nested("network_rules")):
        action = rules.attribute("default_action") if block.labels[0].startswith("azurerm_storage_account") else None
        if action is not None and action.text == '"Allow"':
            text = f"{block.address} is reachable from every network."
            yield Fact((block.address, "default_action"), action.line, text, Severity.LOW)
    if block.labels[0].endswith("public_access_block"):
        for name in _BLOCKS:
            switch = block.attribute(name)
            if switch is not None and switch.text == "false":
                yield Fact((block.address, name), switch.line, f"{block.address} does not keep everybody out ({name}).")


def _inner(blocks: Iterable[HclBlock]) -> Iterator[HclAttribute]:
    """The attributes of blocks, at any depth."""
    waiting = [*blocks]
    while waiting:
        inner = waiting.pop()
        yield from inner.attributes
        waiting += (*inner.blocks, *inner.objects)


_KEYS_AND_STARS: Final = regex(r"(?:\\?\"?\b(\w++)\\?\"?\s{0,8}[=:](?!:))|\\?\"(\*(?::\*)?)\\?\"")
_EVERYWHERE: Final = frozenset({"*", "", "0.0.0.0/0", "::/0"})
"""Values of a condition that everything satisfies, as a pattern, or as a range."""


@dataclass(frozen=True, slots=True)
class _PolicyStatement:
    """What one statement that allows something gives: every action, or something to everybody."""

    every_action: bool
    everybody: bool


def _allowances(attribute: HclAttribute) -> Iterator[_PolicyStatement]:
    """What the policy of an attribute allows. Linear in its text."""
    waiting = [value_of(attribute)]
    while waiting:
        current = waiting.pop()
        if isinstance(current, UnknownValue) and current.text:
            current = _by_words(current.text)
        if isinstance(current, Mapping):
            if any(_is_word(effect, "allow") for effect in scalars(current.get("effect"))):
                yield _PolicyStatement(_every_action(current), _everybody(current) and not _is_narrowed(current))
            waiting += current.values()
        elif isinstance(current, Sequence) and not isinstance(current, str):
            waiting += current


def _by_words(text: str) -> Mapping[str, HclValue]:
    """A policy that cannot be read, as one statement with the stars behind each word; its conditions count as such."""
    if "llow" not in text and "\\u" not in text:
        return {}
    stars: dict[str, list[HclValue]] = {}
    key = ""
    for match in _KEYS_AND_STARS.finditer(text):
        key = match[1].lower() if match[1] else key
        if match[2]:
            stars.setdefault(key, []).append(match[2])
        elif key == "condition":
            stars["condition"] = [UnknownValue()]
    return {"effect": "Allow", **stars, "principal": [*stars.get("principal", []), *stars.get("aws", [])]}


def _is_word(value: str | None | UnknownValue, text: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == text


def _every_action(statement: Mapping[str, HclValue]) -> bool:
    """``*``, ``*:*``, and what else stands for every action: on every resource all but some, and all of IAM, which gives
    the rest.
    """
    actions = (*scalars(statement.get("action")), *scalars(statement.get("actions")))
    if any(isinstance(action, str) and "*" in action and not {*action} - {*"*:?"} for action in actions):
        return True
    is_wide = "notaction" in statement or any(_is_word(action, "iam:*") for action in actions)
    return is_wide and any(_is_word(resource, "*") for resource in scalars(statement.get("resource")))


def _everybody(statement: Mapping[str, HclValue]) -> bool:
    if "notprincipal" in statement:
        return True
    return any(_is_word(principal, "*") for principal in scalars(statement.get("principal")))


def _is_narrowed(statement: Mapping[str, HclValue]) -> bool:
    """Whether the statement has a condition that not everything satisfies."""
    return any(
        isinstance(value, UnknownValue) or (value is not None and value not in _EVERYWHERE)
        for value in scalars(statement.get("condition"))
    )
