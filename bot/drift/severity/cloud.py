"""What a resource of a cloud gained: open to the internet, open to everybody, everything allowed.

Used by :mod:`bot.observers.plans` for the values of a Terraform plan. A value is a gain where the live side has it and what
is asked for has not. What opens a rule of a firewall, or grants a role, is judged with what stands beside it: the same
range at another port, the same role for another member. Policies in JSON are judged by :mod:`bot.drift.severity.iam`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.drift import images, policies
from bot.drift.compose.notation import capability
from bot.drift.severity import iam
from bot.drift.severity.rules import ENGINE_SOCKET, MIGHTY
from bot.drift.values import text
from bot.model.json import JSON, Pointer, Tree

_WORLD: Final = frozenset({"0.0.0.0/0", "::/0", "internet", "*"})
_RANGES: Final = re.compile(
    r"cidr|source_ranges|source_address|ip_ranges|ingress|authorized_networks|ip_rules|(^|_)ips?(_|$)"
)
_ACLS: Final = frozenset({"public-read", "public-read-write", "authenticated-read", "blob", "container", "publicread"})
_PUBLIC: Final = re.compile(
    r"publicly_accessible|public_network_access|public_access|allow_blob_public|to_be_public|(map|associate|assign)_public_ip"
    r"|^public$|^ipv4_enabled$"
)
"""Switches that publish where they are on. ``ipv4_enabled``: google_sql_database_instance, a public address."""
_PRIVATE: Final = re.compile(
    r"^(block|ignore)_public_(acls|policy)$|^restrict_public_buckets$|block_public_access|^internal$"
    r"|^enable_private_(nodes|endpoint)$|^private_cluster_enabled$|^public_access_prevention$"
)
"""Switches that publish where they are off: aws_s3_bucket_public_access_block, aws_lb, google_container_cluster,
azurerm_kubernetes_cluster, google_storage_bucket.
"""
_OPEN_WORDS: Final = frozenset(
    {
        "visibility=public",
        "authorization_type=none",
        "load_balancing_scheme=external",
        "load_balancing_scheme=external_managed",
    }
)
"""github_repository; aws_lambda_function_url; google_compute_forwarding_rule."""
_ACCESS: Final = re.compile(r"acl|access")
_PRINCIPAL: Final = re.compile(r"^principals?$|^identifiers$")
_EVERYBODY: Final = frozenset({"allusers", "allauthenticatedusers"})
_OWNERS: Final = frozenset(
    [
        "roles/owner",
        "roles/editor",
        "roles/resourcemanager.projectiamadmin",
        "roles/resourcemanager.organizationadmin",
        "roles/iam.securityadmin",
        "roles/iam.serviceaccounttokencreator",
        "arn:aws:iam::aws:policy/administratoraccess",
        "arn:aws:iam::aws:policy/iamfullaccess",
        "arn:aws:iam::aws:policy/poweruseraccess",
    ]
)
"""Roles that may do everything, or give everything (Google Cloud: IAM basic and predefined roles; AWS: managed policies)."""
_OWNER_NAMES: Final = frozenset(
    {"owner", "contributor", "user access administrator", "role based access control administrator", "cluster-admin"}
)
"""Azure: built-in roles, Privileged; Kubernetes: Using RBAC Authorization, user-facing roles."""
_EVERYTHING: Final = frozenset({"verbs", "resources", "api_groups", "non_resource_urls"})
"""Of kubernetes_role and kubernetes_cluster_role."""
_HOST_SWITCHES: Final = {
    "privileged": "privileged",
    "host_network": "host-namespace",
    "host_pid": "host-namespace",
    "host_ipc": "host-namespace",
}
"""Of the providers of Kubernetes and Docker: docker_container, and the pods of kubernetes_deployment and others."""
_HOST_MODES: Final = frozenset({"network_mode", "pid_mode", "ipc_mode", "userns_mode"})

_OPENING: Final = re.compile(
    r"(^|_)(ports?|from_port|to_port)(_|$)|protocol|direction|^type$|^allow$|^access$|^action$|^rule_action$|^disabled$"
)
"""What says which traffic a rule is about, and whether it lets it in."""
_GRANTING: Final = re.compile(
    r"^members?$|^principals?(_id)?$|^(users?|groups?|roles?)$|^scope$|^condition$|^(project|folder|org_id|bucket)$"
)
"""What says to whom and where a role is granted."""
_SCOPE: Final = re.compile(r"^roles?$|^scope$|^condition$|^(project|folder|org_id|bucket)$")
"""What says what is granted, and where."""
_PORTS: Final = re.compile(r"^(from_port|to_port|ports)$")
_SCOPES: Final = {"public-exposure": _OPENING, "iam-everybody": _SCOPE, "iam-wildcard": _GRANTING}
_ALL_PROTOCOLS: Final = frozenset({"-1", "all", "*"})

_Gain: TypeAlias = tuple[str, str]
"""The id of a rule, and the value with its name."""


@dataclass(frozen=True, slots=True)
class CloudGain:
    """One thing that is open or granted. ``block`` is the place of the mapping around it, ``at`` its own place."""

    rule: str
    detail: str
    block: Pointer
    at: Pointer
    around: Tree

    @property
    def names(self) -> tuple[str, ...]:
        """Its place without the numbers in lists."""
        return tuple(part for part in self.at if isinstance(part, str))

    def concerns(self, path: Pointer) -> bool:
        """Whether the difference at ``path`` is the gain itself or part of what makes it one."""
        if path == self.at or self.at[: len(path)] == path or path[: len(self.at)] == self.at:
            return True
        depth = len(self.block)
        name = path[depth] if len(path) > depth and path[:depth] == self.block else None
        return isinstance(name, str) and self.rule in _SCOPES and _SCOPES[self.rule].search(name) is not None


def gains(live: JSON, planned: JSON) -> tuple[CloudGain, ...]:
    """Everything that ``live``, the values of a resource, opens or grants and ``planned`` does not, with its place."""
    before = [*_grants(planned, "", (), (), {})]
    policies_before = [*_policies(planned, ())]
    return (
        *(gain for gain in _grants(live, "", (), (), {}) if not any(_covers(earlier, gain) for earlier in before)),
        *(
            CloudGain(rule, "policy", at[:-1], at, {})
            for at, policy in _policies(live, ())
            for rule in iam.gained(
                policy, [earlier for policy_place, earlier in policies_before if policy_place[:1] == at[:1]]
            )
        ),
    )


def _grants(value: JSON, name: str, at: Pointer, block: Pointer, around: Tree) -> Iterator[CloudGain]:
    """Each opening and each grant of plain values. ``around`` is the mapping at ``block``."""
    if isinstance(value, Mapping):
        if "Effect" in value or _denies(value):
            return
        for key, entry in value.items():
            yield from _grants(entry, str(key), (*at, str(key)), at, value)
    elif isinstance(value, (list, tuple)):
        if name == "access_config" and value:  # google_compute_instance: its interface has a public address
            yield CloudGain("public-exposure", name, at[:-1], at, {})
        for index, element in enumerate(value):
            yield from _grants(element, name, (*at, index), block, around)
    else:
        value_text = str(text(value))
        for rule, detail in (*_gains_of_text(value_text.lower(), name.lower(), at), *_run(value_text, name.lower())):
            yield CloudGain(rule, detail, block, at, around)


def _denies(rule: Tree) -> bool:
    """Whether a rule of a firewall keeps traffic out."""
    return any(
        str(rule.get(name)).lower().startswith(("deny", "block")) for name in ("access", "action", "rule_action")
    )


def _gains_of_text(value: str, name: str, at: Pointer) -> Iterator[_Gain]:
    if _is_open(value, name, at) or _is_published(value, name):
        yield "public-exposure", f"{name}={value}"
    elif value in _EVERYBODY or (value == "*" and _PRINCIPAL.search(name)):
        yield "iam-everybody", value
    elif value in _OWNERS or (value in _OWNER_NAMES and ("role" in name or "role_ref" in at)):
        yield "iam-wildcard", value
    elif value == "*" and name in _EVERYTHING:
        yield "iam-wildcard", f"{name}={value}"


def _is_open(value: str, name: str, at: Pointer) -> bool:
    """Whether it is a range of all addresses: by its own name, or by the names of the blocks around it."""
    if value not in _WORLD:
        return False
    return bool(_RANGES.search(name)) or ("/" in value and any(_RANGES.search(part) for part in map(str, at)))


def _is_published(value: str, name: str) -> bool:
    if value in _ACLS and _ACCESS.search(name):
        return True
    if _PRIVATE.search(name):
        return value in {"false", "disabled", "inherited", "unspecified"}
    return f"{name}={value}" in _OPEN_WORDS or (value in {"true", "enabled"} and _PUBLIC.search(name) is not None)


def _run(value: str, name: str) -> Iterator[_Gain]:
    """What a container gains that Terraform runs, as the same thing of Kubernetes and Compose is judged."""
    if name in _HOST_SWITCHES and value == "true":
        yield _HOST_SWITCHES[name], name
    elif name in _HOST_MODES and value == "host":
        yield "host-namespace", name
    elif ENGINE_SOCKET.search(value):
        yield "engine-socket", value
    elif name == "add" and capability(value) in MIGHTY:
        yield "capability", value
    elif name == "image" and (image := images.parse(value)) is not None:
        yield "image-registry", image.registry


def _policies(value: JSON, at: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    """Each text that holds JSON, and each statement, with its place."""
    if isinstance(value, Mapping):
        if "Effect" in value:
            yield at, value
            return
        for key, entry in value.items():
            yield from _policies(entry, (*at, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from _policies(element, (*at, index))
    elif isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            yield at, policies.parsed(value)
        except ValueError:
            return


def _covers(before: CloudGain, now: CloudGain) -> bool:
    """Whether ``now`` opens or grants no more than ``before`` did at its place, by what stands beside both."""
    if (before.rule, before.detail, before.names) != (now.rule, now.detail, now.names):
        return False
    scope = _SCOPES.get(now.rule, _SCOPE)
    return _says_no_more(
        before.around, now.around, {name for name in (*before.around, *now.around) if scope.search(name)}
    )


def _says_no_more(before: Tree, now: Tree, names: Iterable[str]) -> bool:
    """Whether ``now`` says no more than ``before`` by all of ``names``."""
    ports = _within(before, now)
    return all(
        (ports and _PORTS.search(name) is not None)
        or (name == "condition" and not before.get(name))
        or _includes(before.get(name), now.get(name))
        for name in names
    )


def _within(before: Tree, now: Tree) -> bool:
    """Whether the ports are among those of before. All protocols have all ports, and so has a protocol without ports."""
    protocol = before.get("protocol", before.get("ip_protocol"))
    if str(protocol).lower() in _ALL_PROTOCOLS or ("from_port" not in before and protocol and not before.get("ports")):
        return True
    low, high, first, last = before.get("from_port"), before.get("to_port"), now.get("from_port"), now.get("to_port")
    numbers = [bound for bound in (low, first, last, high) if isinstance(bound, int)]
    return len(numbers) == 4 and sorted(numbers) == numbers


def _includes(before: JSON, now: JSON) -> bool:
    """Whether a value beside a grant says no more than it did: the same, all protocols, or fewer of a list."""
    if before == now or (not before and not now) or str(before).lower() in _ALL_PROTOCOLS:
        return True
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return _says_no_more(before, now, {*before, *now})
    if isinstance(before, (list, tuple)) and isinstance(now, (list, tuple)):
        return bool(now) and all(any(_includes(range_before, element) for range_before in before) for element in now)
    return False
