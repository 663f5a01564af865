"""A gain of privilege is never offered for adoption, at no level, unless a rule says so for it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bot.drift.severity.gains import meaning
from bot.drift.severity.rules import PRIVILEGES, RESTRICTIONS
from bot.model.decision import Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.severity import Severity
from bot.policy.context import Context
from bot.policy.decide import decide
from bot.policy.rules import load
from tests.policy.cases import drift, rules
from tests.table import table

LEVELS: Final = ["conservative", "moderate", "aggressive"]


def gain(rule: str, path: str, observed: Any = True, **more: Any) -> Drift:
    more.setdefault("severity", Severity.CRITICAL)
    return drift(more.pop("name", "Deployment/shop/web"), path, None, observed, rule=rule, **more)


CONTAINER: Final = "spec.template.spec.containers[web]"
GAINS: list[Drift] = [
    gain("privileged", f"{CONTAINER}.securityContext.privileged"),
    gain("host-namespace", "spec.template.spec.hostNetwork"),
    gain("engine-socket", "spec.template.spec.volumes[sock]", {"hostPath": {"path": "/var/run/docker.sock"}}),
    gain("capability", f"{CONTAINER}.securityContext.capabilities.add", ["SYS_ADMIN"]),
    gain("unconfined", f"{CONTAINER}.securityContext.seccompProfile.type", "Unconfined"),
    gain("rbac-wildcard", "rules", [{"verbs": ["*"]}], name="ClusterRole/app"),
    gain("rbac-escalation", "rules", [{"verbs": ["escalate"]}], name="ClusterRole/app"),
    gain("rbac-everybody", "subjects", [{"name": "system:anonymous"}], name="RoleBinding/shop/app"),
    gain("image-registry", f"{CONTAINER}.image", "evil.example.com/web:1.0", kind=DriftKind.CHANGED),
    gain("image-repository", f"{CONTAINER}.image", "other:1.0", kind=DriftKind.CHANGED),
    gain("public-exposure", "spec.type", "LoadBalancer", name="Service/shop/web"),
    gain("metadata-pod-security-enforce", "metadata.labels.x", "privileged", name="Namespace/shop"),
    gain("privileged", "privileged", name="service/shop/web"),
    gain("host-namespace", "network_mode", "host", name="service/shop/web"),
    gain("iam-everybody", "policy", "*", name="aws_s3_bucket_policy/p"),
    gain("rbac-grant", "rules", [{"verbs": ["get"]}], name="Role/shop/app", severity=Severity.HIGH),
    gain("restriction-lost", f"{CONTAINER}.securityContext.runAsNonRoot", None, severity=Severity.HIGH),
    gain("restriction-lost", "cap_drop", None, name="service/shop/web", severity=Severity.HIGH),
    gain("grant-gateway-listener", "spec.listeners", None, name="Gateway/shop/web", severity=Severity.HIGH),
]


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("each", GAINS, ids=lambda each: f"{each.rule} {each.resource.kind}")
def test_a_gain_of_privilege_is_restored(each: Drift, name: str) -> None:
    """At every level that acts, an issue says how to restore, and the reason says why nothing is offered."""
    decision = decide(each, rules(name), Context())
    assert (decision.lane, decision.direction, decision.risk) == (Lane.RUNBOOK_ISSUE, Direction.RESTORE, "high")
    assert "gain of privilege" in decision.reason


@table("each", GAINS, ids=lambda each: f"{each.rule} {each.resource.kind}")
def test_nothing_is_done_where_fixes_are_disabled(each: Drift) -> None:
    """It is reported as ever."""
    assert decide(each, rules("disabled"), Context()).lane is Lane.NOTHING


def written(direction: str, remedy: str = "config-pull-request") -> bytes:
    said = f"\n    direction: {direction}" if direction else ""
    return f"rules:\n  - id: a\n    match: {{privilege: true}}\n    remedy: {remedy}{said}\n    reason: it is meant\n".encode()


@pytest.mark.parametrize(
    ("direction", "lane", "towards"),
    [
        ("adopt", Lane.CONFIG_PULL_REQUEST, Direction.ADOPT),
        ("", Lane.RUNBOOK_ISSUE, Direction.RESTORE),  # adopting is the default of a rule, and no word about this
    ],
)
def test_a_rule_may_say_adopt_in_so_many_words(direction: str, lane: Lane, towards: Direction) -> None:
    """A default is not enough."""
    own = load({"policies/a.yaml": written(direction)})
    decision = decide(GAINS[0], own + rules("conservative"), Context())
    assert (decision.lane, decision.direction) == (lane, towards)


def test_adopting_one_is_never_a_commit() -> None:
    """A rule that patches still asks: its severity is CRITICAL."""
    own = load({"policies/a.yaml": written("adopt", "artifact-patch")})
    assert decide(GAINS[0], own, Context()).lane is Lane.CONFIG_PULL_REQUEST


def test_nothing_about_a_privilege_is_committed_without_asking() -> None:
    """However safe its field looks: a label that nothing selects by may switch a mesh off."""
    plain = drift(path="metadata.labels.note", desired="a", observed="b", severity=Severity.LOW, rule="label")
    assert decide(plain, rules("moderate"), Context()).lane is Lane.ARTIFACT_PATCH
    for severity, lane in ((Severity.MEDIUM, Lane.CONFIG_PULL_REQUEST), (Severity.HIGH, Lane.RUNBOOK_ISSUE)):
        mesh = drift(
            path="metadata.labels.note", desired="a", observed="b", severity=severity, rule="metadata-mesh-injection"
        )
        assert decide(mesh, rules("moderate"), Context()).lane is lane


def test_what_is_severe_for_another_reason_is_decided_as_ever() -> None:
    """Rules that ask for gains do not match it."""
    own = load({"policies/a.yaml": written("", "nothing")})
    for severity, rule in ((Severity.CRITICAL, "storage"), (Severity.HIGH, "identity"), (Severity.HIGH, "rbac")):
        each = drift(path="spec.x", observed=1, severity=severity, rule=rule)
        assert decide(each, rules("conservative"), Context()).lane is Lane.CONFIG_PULL_REQUEST
        assert decide(each, own + rules("conservative"), Context()).lane is Lane.CONFIG_PULL_REQUEST


def test_a_reason_says_no_more_than_all_rules_of_its_name_do() -> None:
    """A folder of the host is no system folder, and whoever lost one restriction did not lose another one."""
    said: dict[str, set[str]] = {}
    for rule in (*PRIVILEGES, *RESTRICTIONS):
        said.setdefault(rule.id, set()).add(rule.meaning)
    several = {id_ for id_, meanings in said.items() if len(meanings) > 1}
    assert several == {"restriction-lost", "capability", "host-path", "public-exposure"}
    assert {meaning(id_) for id_ in several} == {
        "it is held back less than Git says",
        "gains a capability",
        "mounts a folder of the host",
        "reachable from further away",
    }
    small = gain("restriction-lost", "read_only", None, name="service/shop/web", severity=Severity.HIGH)
    assert "(it is held back less than Git says)" in decide(small, rules("conservative"), Context()).reason
