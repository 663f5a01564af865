"""Roles are judged by whole rules, and profiles of pods that were switched off by what they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drift.severity.grade import severity
from bot.model.drift import DriftKind, Severity
from bot.model.json import JSON
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from tests.drift.makers import OPTIONS, Pair, declared, diff, live

Rule = dict[str, Any]


def rule(groups: str, resources: str, verbs: str, **more: Any) -> Rule:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


READ_ALL, PODS, EVERYTHING = rule("*", "*", "get"), rule("", "pods", "*"), rule("*", "*", "*")


def grade(desired: JSON, observed: JSON) -> tuple[Severity, str]:
    role = ResourceId(Platform.KUBERNETES, "ClusterRole", "", "r", "rbac.authorization.k8s.io")
    return severity(role, DriftKind.CHANGED, ("rules",), desired, observed)


@pytest.mark.parametrize(
    ("before", "after", "level", "name"),
    [
        ([READ_ALL, PODS], [EVERYTHING], Severity.CRITICAL, "rbac-wildcard"),
        ([READ_ALL, PODS], [EVERYTHING, PODS], Severity.CRITICAL, "rbac-wildcard"),
        ([EVERYTHING], [EVERYTHING, PODS], Severity.HIGH, "rbac"),
        ([READ_ALL, PODS], [PODS], Severity.HIGH, "rbac"),
        ([PODS], [rule("", "pods,secrets", "get")], Severity.HIGH, "rbac"),
        ([rule("", "pods", "*")], [rule("", "pods", "*", resourceNames=["a"])], Severity.HIGH, "rbac"),
        ([rule("", "pods", "*", resourceNames=["a"])], [PODS], Severity.CRITICAL, "rbac-wildcard"),
        ([PODS], [PODS, rule("x", "roles", "bind")], Severity.CRITICAL, "rbac-escalation"),
        ([rule("x", "roles", "*")], [rule("x", "roles", "bind")], Severity.HIGH, "rbac"),
        ([rule("", "*/scale", "*")], [rule("", "pods/scale", "*")], Severity.HIGH, "rbac"),
        (
            [{"nonResourceURLs": ["/x/*"], "verbs": ["get"]}],
            [{"nonResourceURLs": ["/x/y*"], "verbs": ["get"]}],
            Severity.HIGH,
            "rbac",
        ),
        ([PODS], [PODS, {"nonResourceURLs": ["*"], "verbs": ["get"]}], Severity.CRITICAL, "rbac-wildcard"),
        (None, [{"verbs": ["*"], "resources": ["pods"]}], Severity.CRITICAL, "rbac-wildcard"),
    ],
)
def test_a_wildcard_counts_by_what_stands_beside_it(before: JSON, after: JSON, level: Severity, name: str) -> None:
    """Two rules that have a wildcard each are less than one that has both."""
    assert grade(before, after) == (level, name)


PARTS = st.lists(st.sampled_from(["*", "", "a", "b", "a/*"]), min_size=1, max_size=2)
RULES = st.builds(
    lambda groups, resources, verbs: {"apiGroups": groups, "resources": resources, "verbs": verbs},
    PARTS,
    PARTS,
    st.lists(st.sampled_from(["*", "get", "bind"]), min_size=1, max_size=2),
)


@given(before=st.lists(RULES, max_size=3), after=st.lists(RULES, max_size=3), more=RULES)
@settings(max_examples=100, deadline=None)
def test_one_rule_more_never_scores_lower(before: list[Any], after: list[Any], more: Any) -> None:
    """Whatever a role grants already."""
    assert grade(before, [*after, more])[0].rank >= grade(before, after)[0].rank


def role(*rules: Rule) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [*rules],
    }


def test_the_order_of_rules_means_nothing() -> None:
    """They only add up."""
    assert diff(Pair(declared(role(READ_ALL, PODS)), live(role(PODS, READ_ALL))), OPTIONS) == ()
    drifts = diff(Pair(declared(role(READ_ALL, PODS)), live(role(EVERYTHING))), OPTIONS)
    assert [(drift.where, drift.rule) for drift in drifts] == [("rules", "rbac-wildcard")]


def aggregated(*rules: Rule, manager: str | None = None) -> dict[str, Any]:
    tree = {**role(*rules), "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}}
    if manager is not None:
        entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:rules": {}}}
        tree["metadata"] = {"name": "r", "managedFields": [entry]}
    return tree


@pytest.mark.parametrize(
    ("manager", "told"),
    [
        (None, False),
        ("clusterrole-aggregation-controller", False),
        ("kube-controller-manager", False),
        ("helm", False),
        ("kubectl-edit", True),
        ("kubectl-replace", True),
        ("python-requests", True),
    ],
)
def test_aggregated_rules_are_drift_where_somebody_else_wrote_them(manager: str | None, *, told: bool) -> None:
    """The controller of aggregation takes the field over when it writes; until then the rules are in force."""
    drifts = diff(Pair(declared(aggregated()), live(aggregated(EVERYTHING, manager=manager))), OPTIONS)
    assert [(drift.where, drift.rule) for drift in drifts] == [("rules", "rbac-wildcard")] * told


NOTE = 'spec.template.metadata.annotations["container.apparmor.security.beta.kubernetes.io/web"]'


@pytest.mark.parametrize(
    ("path", "desired", "observed", "level"),
    [
        (NOTE, None, "unconfined", Severity.CRITICAL),
        (NOTE, "runtime/default", "unconfined", Severity.CRITICAL),
        (NOTE, "runtime/default", None, Severity.HIGH),
        (NOTE, None, "runtime/default", Severity.LOW),
        ("spec.securityContext", None, {"appArmorProfile": {"type": "Unconfined"}}, Severity.CRITICAL),
        ("spec.securityContext", None, {"windowsOptions": {"hostProcess": True}}, Severity.CRITICAL),
        ("spec.securityContext.windowsOptions", {"hostProcess": True}, {"hostProcess": False}, Severity.HIGH),
        ("metadata.annotations.profile", None, "unconfined", Severity.LOW),
    ],
)
def test_what_the_baseline_of_pods_forbids_is_critical(
    path: str, desired: JSON, observed: JSON, level: Severity
) -> None:
    """Pod Security Standards, baseline: no host processes, and no AppArmor profile switched off."""
    pod = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
    assert severity(pod, DriftKind.CHANGED, parse_path(path), desired, observed)[0] is level
