"""Roles are judged by whole rules, and profiles of pods that were switched off by what they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drift.compare import compare
from bot.drift.severity.gains import is_gain
from bot.drift.severity.grade import severity
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.observation import Observation
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from tests.drift.makers import NOW, OPTIONS, Pair, declared, diff, live, thing
from tests.table import table

Rule = dict[str, Any]


def rule(groups: str, resources: str, verbs: str, **more: Any) -> Rule:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


READ_ALL, PODS, EVERYTHING = rule("*", "*", "get"), rule("", "pods", "*"), rule("*", "*", "*")


def grade(desired: JSON, observed: JSON) -> tuple[Severity, str]:
    role = ResourceId(Platform.KUBERNETES, "ClusterRole", "", "r", "rbac.authorization.k8s.io")
    return severity(role, DriftKind.CHANGED, ("rules",), desired, observed)


@table(
    ("before", "after", "level", "name"),
    [
        ([READ_ALL, PODS], [EVERYTHING], Severity.CRITICAL, "rbac-wildcard"),
        ([READ_ALL, PODS], [EVERYTHING, PODS], Severity.CRITICAL, "rbac-wildcard"),
        ([EVERYTHING], [EVERYTHING, PODS], Severity.HIGH, "rbac"),
        ([READ_ALL, PODS], [PODS], Severity.HIGH, "rbac"),
        ([PODS], [rule("", "pods,secrets", "get")], Severity.CRITICAL, "rbac-reach"),
        ([PODS], [PODS, rule("", "configmaps", "get,list")], Severity.HIGH, "rbac-grant"),
        ([PODS], [PODS, rule("", "nodes/proxy", "get")], Severity.CRITICAL, "rbac-reach"),
        ([PODS], [PODS, rule("", "serviceaccounts/token", "create")], Severity.CRITICAL, "rbac-reach"),
        ([rule("", "pods", "get")], [rule("", "pods,pods/exec", "get,create")], Severity.CRITICAL, "rbac-reach"),
        ([rule("", "secrets", "get")], [rule("", "secrets", "get", resourceNames=["a"])], Severity.HIGH, "rbac"),
        (
            [rule("", "secrets", "get", resourceNames=["a"])],
            [rule("", "secrets", "get")],
            Severity.CRITICAL,
            "rbac-reach",
        ),
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


def test_rules_that_nothing_aggregates_any_more_are_compared() -> None:
    """Without its selectors the live role has the rules that somebody gave it."""
    drifts = diff(Pair(declared(aggregated()), live(role(EVERYTHING))), OPTIONS)
    assert [(drift.where, drift.rule) for drift in drifts if drift.where == "rules"] == [("rules", "rbac-wildcard")]


def test_a_role_that_begins_to_gather_others_is_a_gain() -> None:
    """Although Git says nothing of any aggregation."""
    drifts = diff(Pair(declared(role(PODS)), live(aggregated(PODS))), OPTIONS)
    assert [drift.severity for drift in drifts] == [Severity.CRITICAL]


NOTE = 'spec.template.metadata.annotations["container.apparmor.security.beta.kubernetes.io/web"]'


@table(
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


def binding(
    role_name: str, *subjects: str, role_kind: str = "ClusterRole", kind: str = "RoleBinding"
) -> dict[str, Any]:
    """A binding in ``shop``; each of ``subjects`` is ``Kind/name``."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role_name}
    tree = thing(kind, "rbac.authorization.k8s.io/v1", roleRef=reference)
    parts = [subject.split("/") for subject in subjects]
    if parts:
        tree["subjects"] = [{"kind": what, "name": name} for what, name in parts]
    return tree


def judged(before: dict[str, Any], after: dict[str, Any], *more: dict[str, Any]) -> list[tuple[str, Severity, str]]:
    """Where a whole comparison says drift; ``more`` is declared and live as well."""
    trees = [live(tree) for tree in (after, *more)]
    seen = Observation(NOW, {observed.id: observed for observed in trees}, covered=frozenset({Platform.KUBERNETES}))
    report = compare([declared(tree) for tree in (before, *more)], seen, options=OPTIONS)
    return [(drift.where, drift.severity, drift.rule) for drift in report.drift]


BOUND = ("subjects", Severity.CRITICAL, "mighty-binding")


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["User/a"], ["User/a", "User/b"]),
        (["User/a"], ["User/b"]),
        (["User/a"], ["Group/a"]),
        (["User/a", "Group/b"], ["User/b", "Group/a"]),
        ([], ["ServiceAccount/a"]),
    ],
)
def test_another_subject_of_cluster_admin_is_a_gain(kind: str, before: list[str], after: list[str]) -> None:
    """As the whole binding would be; each subject counts as a whole."""
    sides = [binding("cluster-admin", *subjects, kind=kind) for subjects in (before, after)]
    assert judged(sides[0], sides[1]) == [BOUND]
    assert is_gain(compare_one(sides[0], sides[1]))


def compare_one(before: dict[str, Any], after: dict[str, Any]) -> Drift:
    return diff(Pair(declared(before), live(after)), OPTIONS)[0]


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (["User/a", "User/b"], ["User/a"], Severity.HIGH),
        (["User/a", "User/b"], ["User/b"], Severity.HIGH),
    ],
)
def test_a_subject_less_is_no_gain(before: list[str], after: list[str], level: Severity) -> None:
    """Though it is drift."""
    sides = [binding("cluster-admin", *subjects) for subjects in (before, after)]
    assert [drift[1] for drift in judged(sides[0], sides[1])] == [level]


def test_a_role_is_as_mighty_as_its_rules() -> None:
    """A role of the repository or of the cluster counts by its wildcards, in its own namespace if it has one."""
    sides = [binding("r", "User/a"), binding("r", "User/a", "User/b")]
    assert judged(*sides, role(EVERYTHING)) == [BOUND]
    assert judged(*sides, role(rule("", "pods", "get"))) == [("subjects", Severity.HIGH, "rbac-subject")]
    local = thing("Role", "rbac.authorization.k8s.io/v1", "r", rules=[EVERYTHING])
    assert judged(*sides, local) == [("subjects", Severity.HIGH, "rbac-subject")]
    sides = [binding("r", "User/a", role_kind="Role"), binding("r", "User/a", "User/b", role_kind="Role")]
    assert judged(*sides, local) == [BOUND]


def test_another_role_for_the_same_subjects_is_a_gain_where_it_is_mighty() -> None:
    """A binding that was made anew."""
    gain = judged(binding("view", "User/a"), binding("r", "User/a"), role(EVERYTHING))
    assert gain == [("roleRef.name", Severity.CRITICAL, "mighty-binding")]
    assert judged(binding("r", "User/a"), binding("view", "User/a"), role(EVERYTHING))[0][1] is Severity.HIGH


SELECTORS = [{"matchLabels": {"x": "y"}}]


@pytest.mark.parametrize(
    ("selectors", "level"),
    [
        ([{"matchLabels": {"x": "z"}}], Severity.CRITICAL),
        ([*SELECTORS, {"matchLabels": {"a": "b"}}], Severity.CRITICAL),
        ([{"matchLabels": {}}], Severity.CRITICAL),
        ([*SELECTORS, {}], Severity.CRITICAL),
        ([*SELECTORS, {"matchLabels": {}}], Severity.CRITICAL),
        ([], Severity.HIGH),
        (None, Severity.HIGH),
    ],
)
def test_a_role_that_gathers_others_is_a_gain(selectors: list[Any] | None, level: Severity) -> None:
    """By another selector or a wider one."""
    before = {**role(), "aggregationRule": {"clusterRoleSelectors": SELECTORS}}
    after = role() if selectors is None else {**role(), "aggregationRule": {"clusterRoleSelectors": selectors}}
    assert max((drift[1] for drift in judged(before, after)), key=lambda each: each.rank) is level


ALLOWED = "p, role:dev, applications, get, */*, allow\n"
DENIED = "p, role:dev, applications, delete, prod/*, deny\n"
MAPPED = "- rolearn: arn:a\n  groups:\n  - system:nodes\n"


@table(
    ("kind", "path", "before", "after", "name"),
    [
        ("ConfigMap", "data.mapRoles", MAPPED, f"{MAPPED}  - system:masters\n", "access-list"),
        ("ConfigMap", "data.mapUsers", None, MAPPED, "access-list"),
        ("ConfigMap", "data.mapRoles", MAPPED, "- rolearn: arn:a\n", None),
        ("ConfigMap", 'data["policy.csv"]', ALLOWED + DENIED, ALLOWED, "access-list"),
        ("ConfigMap", 'data["policy.csv"]', ALLOWED, ALLOWED + DENIED, None),
        ("ConfigMap", 'data["policy.csv"]', ALLOWED, ALLOWED.replace(", ", ","), None),
        ("ConfigMap", 'data["policy.team.csv"]', None, ALLOWED, "access-list"),
        ("ConfigMap", "data.mapRoles", MAPPED, f"# nodes\n{MAPPED}", None),
        ("ConfigMap", 'data["policy.csv"]', "g, a, role:readonly\n", "g, a, role:admin\n", "access-list"),
        ("ConfigMap", 'data["policy.default"]', "role:readonly", "role:admin", "access-list"),
        ("ConfigMap", "data.other", MAPPED, f"{MAPPED}  - system:masters\n", None),
        ("SecurityContextConstraints", "users", ["a"], ["a", "b"], "scc"),
        ("SecurityContextConstraints", "users", ["a", "b"], ["a"], None),
        ("SecurityContextConstraints", "groups", [], ["system:authenticated"], "scc"),
        ("SecurityContextConstraints", "allowPrivilegedContainer", False, True, "scc"),
        ("SecurityContextConstraints", "allowHostPID", True, False, None),
        ("AppProject", "spec.sourceRepos", ["https://a"], ["*"], "project-wildcard"),
        (
            "AppProject",
            "spec.destinations",
            [{"server": "s", "namespace": "a"}],
            [{"namespace": "*"}],
            "project-wildcard",
        ),
        ("AppProject", "spec.destinations", [{"server": "s", "namespace": "*"}], [{"namespace": "a"}], None),
    ],
)
def test_other_objects_that_grant(kind: str, path: str, before: JSON, after: JSON, name: str | None) -> None:
    """Lists of access, constraints of pods, projects of a deployer: more is a gain, less is not."""
    id_ = ResourceId(Platform.KUBERNETES, kind, "", "x", "")
    level, rule_id = severity(id_, DriftKind.CHANGED, parse_path(path), before, after)
    assert (level is Severity.CRITICAL) is (name is not None)
    assert name in {None, rule_id}


@table(
    ("rules", "level", "name"),
    [
        ([rule("", "pods", "get,bind")], Severity.CRITICAL, "rbac-escalation"),
        ([rule("", "pods", "*")], Severity.CRITICAL, "rbac-wildcard"),
        ([PODS, {"nonResourceURLs": ["*"], "verbs": ["get"]}], Severity.CRITICAL, "rbac-wildcard"),
        ([rule("apps", "pods", "get")], Severity.HIGH, "rbac-grant"),
        ([rule("", "secrets", "get")], Severity.CRITICAL, "rbac-reach"),
        ([], Severity.MEDIUM, "unmanaged"),
    ],
)
def test_a_role_that_nobody_declared_is_judged_by_what_it_grants(rules: list[Rule], level: Severity, name: str) -> None:
    """Git says nothing of it, so all of it was gained."""
    role = ResourceId(Platform.KUBERNETES, "ClusterRole", "", "r", "rbac.authorization.k8s.io")
    assert severity(role, DriftKind.UNMANAGED, (), None, {"rules": rules}) == (level, name)


@table(
    ("kind", "name", "live", "level", "rule_id"),
    [
        ("ClusterRole", "r", {"aggregationRule": {"clusterRoleSelectors": []}}, Severity.MEDIUM, "unmanaged"),
        (
            "ClusterRole",
            "r",
            {"aggregationRule": {"clusterRoleSelectors": [{}]}},
            Severity.CRITICAL,
            "rbac-aggregation",
        ),
        (
            "ClusterRole",
            "r",
            {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": []},
            Severity.CRITICAL,
            "rbac-aggregation",
        ),
        ("ConfigMap", "aws-auth", {"data": {"mapRoles": MAPPED}}, Severity.CRITICAL, "access-list"),
        ("ConfigMap", "argocd-rbac-cm", {"data": {"policy.csv": ALLOWED}}, Severity.CRITICAL, "access-list"),
        ("ConfigMap", "aws-auth", {"data": {"other": MAPPED}}, Severity.MEDIUM, "unmanaged"),
        ("ConfigMap", "aws-auth", {"data": "none"}, Severity.MEDIUM, "unmanaged"),
    ],
)
def test_an_object_that_nobody_declared_is_judged_by_its_parts(
    kind: str, name: str, live: JSON, level: Severity, rule_id: str
) -> None:
    """As if each of them had been added to an object that was declared, also all that a ConfigMap holds at once."""
    id_ = ResourceId(Platform.KUBERNETES, kind, "", name, "")
    assert severity(id_, DriftKind.UNMANAGED, (), None, live) == (level, rule_id)
    assert isinstance(live, dict)
    if "data" in live and rule_id == "access-list":
        assert severity(id_, DriftKind.CHANGED, ("data",), None, live["data"]) == (level, rule_id)


def test_a_rule_of_more_grants_than_anybody_writes_counts_as_more() -> None:
    """It is not laid beside the rules of before, whatever they give."""
    names = ",".join(f"r{number}" for number in range(142))
    large, narrow = rule("a", names, names), rule("a", "r0", "r0")
    assert grade([EVERYTHING], [narrow]) != grade([EVERYTHING], [large])
