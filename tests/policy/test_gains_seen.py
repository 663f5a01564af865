"""A gain of privilege that a comparison sees is offered at no level, whatever the platform, and never committed unasked."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest

from bot.drift.severity import fields, grants
from bot.model.decision import Direction, Lane
from bot.model.drift import Drift, SetValue
from bot.observers.plans import PlanReader
from bot.policy.context import Context
from bot.policy.decide import decide
from bot.shipped import files
from tests.drift.makers import OPTIONS, Pair, declared, deployment, examine, live, running, service, thing
from tests.policy.cases import rules
from tests.table import table

LEVELS: Final = ("disabled", "conservative", "moderate", "aggressive")
SHIPPED: Final = replace(
    OPTIONS,
    grants=grants.load(files("policies", "metadata/*.yaml")),
    fields=fields.load(files("policies", "fields/*.yaml")),
)
WRITTEN: Final = (Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST)

RAW: Final = {"image": "shop/web:1.0", "ports": ["127.0.0.1:80:80"], "cap_drop": ["ALL"], "user": "1000"}
LIVE: Final[dict[str, Any]] = {
    "image": "shop/web:1.0",
    "ports": [{"target": 80, "published": "80", "host_ip": "127.0.0.1", "protocol": "tcp"}],
    "cap_drop": ["ALL"],
    "user": "1000",
}
SERVICES: Final[list[dict[str, Any]]] = [
    {"privileged": True},
    {"cap_add": ["ALL"]},
    {"network_mode": "host"},
    {"pid": "host"},
    {"userns_mode": "host"},
    {"image": "registry.example.com/web:1.0"},
    {"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]},
    {"volumes": [{"type": "bind", "source": "/etc", "target": "/host", "read_only": True}]},
    {"ports": [{"target": 80, "published": "80", "host_ip": "0.0.0.0", "protocol": "tcp"}]},  # noqa: S104
    {"ports": [{"target": 80, "published": "80", "protocol": "tcp"}]},
    {"devices": ["/dev/sda:/dev/sda:rwm"]},
    {"security_opt": ["seccomp=unconfined"]},
    {"group_add": ["docker"]},
]

PODS: Final[list[dict[str, Any]]] = [
    {"hostNetwork": True},
    {"hostPID": True},
    {"volumes": [{"name": "s", "hostPath": {"path": "/run/containerd/containerd.sock"}}]},
    {"containers": [{"name": "web", "image": "registry.example.com/web:1.0"}]},
    {"containers": [{"name": "web", "image": "shop/web:1.0", "securityContext": {"privileged": True}}]},
    {"containers": [{"name": "web", "image": "shop/web:1.0", "ports": [{"containerPort": 80, "hostPort": 80}]}]},
    {"containers": [{"name": "web", "image": "shop/web:1.0"}, {"name": "x", "image": "registry.example.com/x:1"}]},
    {"initContainers": [{"name": "x", "image": "registry.example.com/x:1"}]},
    {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
]

ROLE: Final = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
REF: Final = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
OBJECTS: Final[list[tuple[str, str, dict[str, Any], dict[str, Any]]]] = [
    ("ClusterRole", "rbac.authorization.k8s.io/v1", {"rules": [ROLE]}, {"rules": [{**ROLE, "verbs": ["*"]}]}),
    (
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        {"rules": [ROLE]},
        {"rules": [ROLE, {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]},
    ),
    (
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        {"roleRef": REF, "subjects": [{"kind": "User", "name": "a"}]},
        {"roleRef": REF, "subjects": [{"kind": "User", "name": "a"}, {"kind": "User", "name": "b"}]},
    ),
    ("Service", "v1", {"spec": {"type": "ClusterIP"}}, {"spec": {"type": "LoadBalancer"}}),
    ("Service", "v1", {"spec": {"externalIPs": []}}, {"spec": {"externalIPs": ["203.0.113.1"]}}),
    (
        "Service",
        "v1",
        {"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}},
        {"spec": {"type": "LoadBalancer"}},
    ),
    ("NetworkPolicy", "networking.k8s.io/v1", {"spec": {"ingress": []}}, {"spec": {"ingress": [{}]}}),
    (
        "Namespace",
        "v1",
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    ),
]

RULE: Final = {"from_port": 22, "to_port": 22, "protocol": "tcp"}
PLANS: Final[list[tuple[str, dict[str, Any], dict[str, Any]]]] = [
    ("aws_security_group", {"ingress": [{**RULE, "cidr_blocks": ["0.0.0.0/0"]}]}, {"ingress": []}),
    ("aws_db_instance", {"publicly_accessible": True}, {"publicly_accessible": False}),
    ("aws_s3_bucket_public_access_block", {"block_public_acls": False}, {"block_public_acls": True}),
    ("google_project_iam_member", {"role": "roles/owner"}, {"role": "roles/viewer"}),
    ("azurerm_role_assignment", {"role_definition_name": "Owner"}, {"role_definition_name": "Reader"}),
    ("kubernetes_cluster_role_binding", {"role_ref": [{"name": "cluster-admin"}]}, {"role_ref": [{"name": "view"}]}),
    ("docker_container", {"privileged": True}, {"privileged": False}),
]


@cache
def seen() -> tuple[tuple[str, tuple[Drift, ...]], ...]:
    """What a comparison sees of each, with its name."""
    return (*_seen(),)


def _seen() -> Iterator[tuple[str, tuple[Drift, ...]]]:
    for more in SERVICES:
        pair = Pair(service(RAW), running({**LIVE, **more}))
        yield f"service {more}", examine(pair, SHIPPED).drift
    for more in PODS:
        tree = deepcopy(deployment())
        tree["spec"]["template"]["spec"] |= more
        yield f"pod {more}", examine(Pair(declared(deployment()), live(tree)), SHIPPED).drift
    for kind, version, before, now in OBJECTS:
        pair = Pair(declared(thing(kind, version, **before)), live(thing(kind, version, **now)))
        yield f"{kind} {now}", examine(pair, SHIPPED).drift
    for kind, now, asked in PLANS:
        yield (
            f"{kind} {now}",
            tuple(_with_edit(drift) for drift in PlanReader((), b"key").drifts(_plan(kind, now, asked))),
        )


def _plan(kind: str, now: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    entry = {"address": f"{kind}.x", "mode": "managed", "type": kind, "name": "x"}
    planned = {**entry, "change": {"actions": ["update"], "before": now, "after": asked}}
    outside = {**entry, "change": {"actions": ["update"], "before": asked, "after": now}}
    return {"format_version": "1.2", "resource_changes": [planned], "resource_drift": [outside]}


def _with_edit(drift: Drift) -> Drift:
    """As if its declaration were a literal, which an edit could change."""
    return replace(drift, adopt=(SetValue(("x",), "y"),))


@table("level", LEVELS)
def test_no_level_offers_a_gain_that_a_comparison_sees(level: str) -> None:
    """Nothing that it differs in is written to Git; at every level but the one that does nothing it is filed."""
    ruled = rules(level)
    decided = {name: [decide(drift, ruled, Context()) for drift in drifts] for name, drifts in seen()}
    adopted = {
        name: [each.reason for each in decisions if each.lane in WRITTEN and each.direction is Direction.ADOPT]
        for name, decisions in decided.items()
    }
    assert {name: reasons for name, reasons in adopted.items() if reasons} == {}
    filed = {name for name, decisions in decided.items() if any(each.lane is Lane.RUNBOOK_ISSUE for each in decisions)}
    assert level == "disabled" or filed == {*decided}


LESSER: Final[list[tuple[dict[str, Any], dict[str, Any], Lane]]] = [
    ({"user": "1000"}, {"user": "0"}, Lane.RUNBOOK_ISSUE),
    ({"user": "1000"}, {}, Lane.RUNBOOK_ISSUE),
    ({"read_only": True}, {"read_only": False}, Lane.RUNBOOK_ISSUE),
    ({"cap_drop": ["ALL"]}, {}, Lane.RUNBOOK_ISSUE),
    ({}, {"cap_add": ["NET_RAW"]}, Lane.RUNBOOK_ISSUE),
    ({}, {"sysctls": {"net.core.somaxconn": "1"}}, Lane.RUNBOOK_ISSUE),
    ({"security_opt": ["no-new-privileges:true"]}, {}, Lane.RUNBOOK_ISSUE),
    ({}, {"volumes": [{"type": "bind", "source": "/srv/x", "target": "/x"}]}, Lane.RUNBOOK_ISSUE),
    ({"user": "1000"}, {"user": "1001"}, Lane.CONFIG_PULL_REQUEST),
    ({"user": "0"}, {"user": "1000"}, Lane.CONFIG_PULL_REQUEST),
    ({}, {"cap_drop": ["ALL"]}, Lane.CONFIG_PULL_REQUEST),
    ({}, {"read_only": True}, Lane.CONFIG_PULL_REQUEST),
]


@table(("before", "now", "lane"), LESSER)
def test_what_is_only_high_is_restored_as_well(before: dict[str, Any], now: dict[str, Any], lane: Lane) -> None:
    """What gives more is never offered; what gives less, or another account, is asked about, and neither is committed."""
    pair = Pair(service({"image": "shop/web:1.0", **before}), running({"image": "shop/web:1.0", **now}))
    (drift,) = examine(pair, SHIPPED).drift
    lanes = {decide(drift, rules(level), Context()).lane for level in LEVELS}
    assert lanes == {Lane.NOTHING, lane}


LOOSENED: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    ({"runAsNonRoot": True}, {"runAsNonRoot": False}),
    ({"readOnlyRootFilesystem": True}, {}),
    ({"allowPrivilegeEscalation": False}, {"allowPrivilegeEscalation": True}),
    ({"capabilities": {"drop": ["ALL"]}}, {"capabilities": {"drop": ["KILL"]}}),
    ({"seccompProfile": {"type": "RuntimeDefault"}}, {}),
    ({"appArmorProfile": {"type": "RuntimeDefault"}}, {}),
    ({"runAsUser": 1000}, {"runAsUser": 0}),
]


@pytest.mark.parametrize(("before", "now"), LOOSENED)
def test_a_pod_that_is_held_back_less_is_restored(before: dict[str, Any], now: dict[str, Any]) -> None:
    """And one that is held back more is asked about, where that is a difference at all."""
    pair = Pair(declared(deployment(securityContext=before)), live(deployment(securityContext=now)))
    lanes = {decide(drift, rules("aggressive"), Context()).lane for drift in examine(pair, SHIPPED).drift}
    assert lanes == {Lane.RUNBOOK_ISSUE}
    back = Pair(declared(deployment(securityContext=now)), live(deployment(securityContext=before)))
    lanes = {decide(drift, rules("aggressive"), Context()).lane for drift in examine(back, SHIPPED).drift}
    assert lanes <= {Lane.CONFIG_PULL_REQUEST}
