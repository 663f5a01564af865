"""What a resource of a cloud gained: open to the internet, open to everybody, everything allowed.

Used by :mod:`bot.observers.plans` for the values of a Terraform plan. A value is a gain where the live side has it and what
is asked for has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.drift import policies
from bot.drift.values import text
from bot.model.drift import Severity
from bot.model.json import JSON, Tree, elements

_WORLD: Final = frozenset({"0.0.0.0/0", "::/0", "internet", "*"})
_RANGES: Final = re.compile(
    r"cidr|source_ranges|source_address|ip_ranges|ingress|authorized_networks|ip_rules|(^|_)ips?(_|$)"
)
_ACLS: Final = frozenset({"public-read", "public-read-write", "authenticated-read", "blob", "container", "publicread"})
_PUBLIC: Final = re.compile(
    r"publicly_accessible|public_network_access|public_access|allow_blob_public|map_public_ip|^public$"
)
_ACCESS: Final = re.compile(r"acl|access")
_EVERYBODY: Final = frozenset({"allusers", "allauthenticatedusers"})
_OWNERS: Final = frozenset({"roles/owner", "arn:aws:iam::aws:policy/administratoraccess", "owner"})


def exposure(live: JSON, asked: JSON) -> tuple[Severity, str] | None:
    """CRITICAL with the rule's id where ``live`` opens or grants what ``asked`` does not; None where it does not."""
    before = set(_grants(asked, ""))
    gained = next((grant for grant in _grants(live, "") if grant not in before), None)
    return None if gained is None else (Severity.CRITICAL, gained[0])


def _grants(value: JSON, name: str) -> Iterator[tuple[str, str]]:
    """Each grant with the id of its rule; of a policy in JSON those of its statements."""
    if isinstance(value, Mapping):
        if "Effect" in value:
            yield from _statement(value)
        for key, entry in value.items():
            yield from _grants(entry, str(key))
    elif isinstance(value, (list, tuple)):
        for element in value:
            yield from _grants(element, name)
    elif isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            parsed = policies.parsed(value)
        except ValueError:
            return
        if not isinstance(parsed, str):
            yield from _grants(parsed, name)
    else:
        yield from _word(str(text(value)).lower(), name.lower())


def _word(value: str, name: str) -> Iterator[tuple[str, str]]:
    opened = value in _WORLD and _RANGES.search(name)
    published = (value in _ACLS and _ACCESS.search(name)) or (value in {"true", "enabled"} and _PUBLIC.search(name))
    if opened or published:
        yield "public-exposure", f"{name}={value}"
    elif value in _EVERYBODY:
        yield "iam-everybody", value
    elif value in _OWNERS and (value != "owner" or "role" in name):
        yield "iam-wildcard", value


def _statement(statement: Tree) -> Iterator[tuple[str, str]]:
    if statement.get("Effect") != "Allow":
        return
    principal = statement.get("Principal")
    named = principal.values() if isinstance(principal, Mapping) else (principal,)
    if "Condition" not in statement and any("*" in _several(each) for each in named):
        yield "iam-everybody", "Principal"
    if any(each == "*" or str(each).endswith(":*:*") for each in _several(statement.get("Action"))):
        yield "iam-wildcard", "Action"


def _several(value: JSON) -> tuple[JSON, ...]:
    return tuple(elements(value)) if isinstance(value, (list, tuple)) else (value,)
