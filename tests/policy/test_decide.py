"""Decisions: which lane each drift takes at each level, and that no rule lifts a floor."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.decision import Direction, Lane
from bot.model.drift import AddEntry, Drift, DriftKind, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.model.severity import Severity
from bot.policy.context import Context, collect
from bot.policy.decide import DEFAULT_RULE, decide
from bot.policy.rules import RuleSet, load
from tests.policy.cases import declared, drift, resource, rules
from tests.table import table

PROBE = "spec.template.spec.containers[web].livenessProbe"
NOTHING = Context()
WEB = resource("Deployment/shop/web", group="apps")
PATCH, PULL, RUNBOOK, NONE = Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE, Lane.NOTHING
EVERYTHING_PATCHED = "rules: [{id: all, remedy: artifact-patch, reason: Whatever it is.}]"


@table(
    ("one", "lanes"),
    [
        (drift("service/shop/web", "healthcheck.retries", 3, 5), (PATCH, PATCH, PATCH)),
        (drift("service/shop/web", "healthcheck.interval", "30s", "1m30s"), (PATCH, PATCH, PATCH)),
        (drift(path=f"{PROBE}.periodSeconds", desired=10, observed=20), (PATCH, PATCH, PATCH)),
        (drift(path=f"{PROBE}.httpGet.path", desired="/a", observed="/b"), (PULL, PULL, PULL)),
        (drift(path=f"{PROBE}.exec.command", desired=["a"], observed=["b"]), (PULL, PULL, PULL)),
        (drift(path="spec.progressDeadlineSeconds", desired=600, observed=300), (PULL, PATCH, PATCH)),
        (drift("service/shop/web", "logging.options.max-size", "10m", "20m"), (PULL, PATCH, PATCH)),
        (drift("service/shop/web", "logging.driver", "json-file", "syslog"), (PULL, PULL, PULL)),
        (drift("service/shop/web", "environment.LOG_LEVEL", "info", "debug"), (PULL, PATCH, PATCH)),
        (drift("service/shop/web", "environment.HOST", "a", "b"), (PULL, PULL, PULL)),
        (drift("service/shop/web", "restart", "always", "unless-stopped"), (PULL, PATCH, PATCH)),
        (drift("service/shop/web", "restart", "always", "no"), (PULL, PULL, PULL)),
        (drift("service/shop/web", "restart", None, "always", kind=DriftKind.ADDED), (PULL, PULL, PULL)),
        (drift(path="metadata.labels.team", desired="a", observed="b"), (PULL, PATCH, PATCH)),
        (drift(path="metadata.labels.team", observed="b", kind=DriftKind.ADDED), (PULL, PATCH, PATCH)),
        (drift(path="metadata.labels.team", desired="b", kind=DriftKind.MISSING), (PULL, PULL, PATCH)),
        (drift(path='metadata.annotations["prometheus.io/scrape"]', desired="a", observed="b"), (PULL, PULL, PULL)),
        (drift(path="spec.revisionHistoryLimit", desired=10, observed=3), (PULL, PULL, PATCH)),
        (drift(path="spec.replicas", desired=1, observed=3), (PULL, PULL, PATCH)),
        (drift(path="spec.replicas", desired=1, observed=3, severity=Severity.CRITICAL), (PULL, PULL, PULL)),
        (drift(path="spec.template.spec.containers[web].image", desired="a:1", observed="a:2"), (PULL, PULL, PATCH)),
        (drift(path="spec.template.spec.containers[web].image", desired="a:1", observed="b:2"), (PULL, PULL, PULL)),
        (drift(path="spec.template.spec.containers[web].image", desired="a:1", observed="a:x"), (PULL, PULL, PULL)),
        (
            drift(path="spec.template.spec.containers[web].securityContext.runAsUser", desired=1, observed=0),
            (PULL,) * 3,
        ),
        (drift("Service/shop/web", "spec.ports[http].port", 80, 8080), (PULL, PULL, PATCH)),
        (drift("Service/shop/web", "spec.type", "ClusterIP", "NodePort"), (PULL, PULL, PULL)),
        (drift("NetworkPolicy/shop/web", "spec.ingress[0].ports[0].port", 80, 22), (PULL, PULL, PULL)),
        (drift("service/shop/web", "deploy.replicas", 2, 3), (PULL, PULL, PATCH)),
        (drift("aws_instance/web", "cpu_count", 1, 2), (PULL, PULL, PULL)),
        (drift(kind=DriftKind.STALE_ARTIFACT), (PATCH, PATCH, PATCH)),
        (drift(kind=DriftKind.MISSING), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift(kind=DriftKind.UNMANAGED), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift(kind=DriftKind.REMOVED), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift(kind=DriftKind.UNHEALTHY, severity=Severity.MEDIUM), (NONE, NONE, NONE)),
        (drift(kind=DriftKind.UNHEALTHY, severity=Severity.HIGH), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift(path="spec.x", desired=1, observed=2, adopt=()), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift(path="spec.x", desired=1, observed=2, adopt=(), severity=Severity.LOW), (NONE, NONE, NONE)),
        (drift(path="spec.x", observed=2, kind=DriftKind.REMOVED, severity=Severity.HIGH), (RUNBOOK,) * 3),
        (drift(path="spec.x", observed=2, kind=DriftKind.REMOVED, severity=Severity.LOW), (NONE,) * 3),
        (drift("Secret/shop/db", "data.password", "x", "y"), (RUNBOOK, RUNBOOK, RUNBOOK)),
        (drift("Secret/shop/db", "metadata.labels.team", "x", "y"), (PULL, PULL, PULL)),
        (drift("service/shop/web", "environment.TOKEN", "x", "y", sensitive=True), (RUNBOOK,) * 3),
        (drift("PersistentVolumeClaim/shop/db", "spec.resources.requests.storage", "1Gi", "2Gi"), (RUNBOOK,) * 3),
        (drift("StatefulSet/shop/db", "spec.volumeClaimTemplates[data].spec.x", 1, 2), (RUNBOOK,) * 3),
        (drift("Deployment/shop/web", "spec.selector.matchLabels.app", "a", "b"), (RUNBOOK,) * 3),
        (drift("aws_instance/web", "ami", "a", "b"), (PULL, PULL, PULL)),
        (drift("aws_instance/web", "ami", "a", "b", rule="TF-REPLACE"), (RUNBOOK, RUNBOOK, RUNBOOK)),
    ],
    ids=lambda value: f"{value.resource} {value.where} {value.kind}" if isinstance(value, Drift) else "",
)
def test_each_level_picks_the_lane(one: Drift, lanes: tuple[Lane, Lane, Lane]) -> None:
    """Each drift takes the lane that its level promises, and ``disabled`` only reports."""
    names = ("conservative", "moderate", "aggressive")
    assert tuple(decide(one, rules(name), NOTHING).lane for name in names) == lanes
    assert decide(one, rules("disabled"), NOTHING).lane is Lane.NOTHING


@pytest.mark.parametrize(
    ("one", "lane"),
    [
        (drift(kind=DriftKind.UNMANAGED), RUNBOOK),
        (drift("Secret/shop/db", "data.password", "x", "y"), RUNBOOK),
        (drift(path="spec.replicas", desired=1, observed=3), PULL),
        (drift("service/shop/web", "healthcheck.retries", 3, 5000), PULL),
        (drift("service/shop/web", "healthcheck.retries", 3, 5), PATCH),
        (drift("service/shop/web", "healthcheck.retries", 3, 5, severity=Severity.CRITICAL), PULL),
        (drift(path="spec.x", observed=2, kind=DriftKind.REMOVED), RUNBOOK),
    ],
)
def test_floors_hold_against_a_rule_that_patches_everything(one: Drift, lane: Lane) -> None:
    """A rule of the repository that asks for patches everywhere gets them only where the floors allow."""
    decision = decide(one, rules("moderate", EVERYTHING_PATCHED), NOTHING)
    assert decision.lane is lane
    assert decision.rule == "policies/own.yaml#all"
    assert all(reason.endswith((".", "!")) for reason in decision.reasons)


def test_what_is_unsafe_as_text_says_so() -> None:
    """At the most daring level a pull request names the text that keeps it from being a commit."""
    decision = decide(drift("Service/shop/web", "spec.type", "ClusterIP", "NodePort"), rules("aggressive"), NOTHING)
    assert decision.lane is PULL
    assert "“NodePort” is text" in decision.reasons[-1]


def test_fields_outside_of_the_list_are_committed_only_by_a_rule_that_names_them() -> None:
    """A repository's rule gets them as the most daring level does: by their name, and no other way."""
    own = "rules: [{id: all, match: {safe: without-text}, remedy: artifact-patch, reason: Numbers are fine.}]"
    replicas = drift(path="spec.replicas", desired=1, observed=3)
    assert decide(replicas, rules("conservative", own), NOTHING).lane is PATCH
    assert decide(replicas, rules("conservative", EVERYTHING_PATCHED), NOTHING).lane is PULL
    assert "without-text" in decide(replicas, rules("conservative", EVERYTHING_PATCHED), NOTHING).reasons[-1]


def test_a_rule_may_ask_for_less() -> None:
    """Reporting only, and a pull request instead of a patch, are always open to a rule."""
    own = """
    rules:
      - {id: quiet, match: {drift: unmanaged}, remedy: nothing, reason: We know about those.}
      - {id: ask, match: {path: "**.retries"}, remedy: config-pull-request, reason: Ask us first.}
    """
    quiet = decide(drift(kind=DriftKind.UNMANAGED), rules("moderate", own), NOTHING)
    assert quiet.lane is Lane.NOTHING
    assert "not in Git" in quiet.reasons[-1]
    assert decide(drift("service/shop/web", "healthcheck.retries", 3, 5), rules("moderate", own), NOTHING).lane is PULL


def test_an_issue_of_a_rule_of_the_repository_needs_a_person() -> None:
    """The rule says who does it. An issue of a shipped one says what becomes of Git, and applying may still restore it."""
    own = 'rules: [{id: ours, match: {path: "**.privileged"}, remedy: runbook-issue, reason: People do that here.}]'
    path = "spec.template.spec.containers[web].securityContext.privileged"
    gain = drift(path=path, desired=False, observed=True, severity=Severity.CRITICAL, rule="privileged")
    decisions = [decide(gain, rules("moderate", *more), NOTHING) for more in ((own,), ())]
    assert [(decision.lane, decision.needs_person) for decision in decisions] == [(RUNBOOK, True), (RUNBOOK, False)]


@pytest.mark.parametrize(
    ("target", "lane"), [("prod", Lane.NOTHING), ("prod-eu", Lane.NOTHING), ("dev", PULL), ("", PULL)]
)
@pytest.mark.parametrize(
    "where", ['match: {target: ["prod", "prod-*"]}', "when: \"resource.target.startsWith('prod')\""]
)
def test_a_rule_may_be_about_some_targets(target: str, lane: Lane, where: str) -> None:
    """By their names, in a match and in a condition; the one unnamed target has the empty name."""
    own = f"rules:\n  - id: prod\n    {where}\n    remedy: nothing\n    reason: Prod is looked after.\n"
    there = replace(drift(path="spec.replicas", desired=1, observed=3), resource=WEB._replace(target=target))
    assert decide(there, rules("moderate", own), NOTHING).lane is lane


def test_without_rules_the_order_of_questions_decides() -> None:
    """An empty rule set asks by pull request, and files what is destructive."""
    assert decide(drift(path="spec.replicas", observed=3), RuleSet(), NOTHING).lane is PULL
    assert decide(drift(kind=DriftKind.MISSING), RuleSet(), NOTHING).rule == DEFAULT_RULE
    assert decide(drift(kind=DriftKind.MISSING), RuleSet(), NOTHING).lane is RUNBOOK


def test_a_condition_that_fails_falls_to_the_safer_lane() -> None:
    """A ``when`` that cannot be evaluated does not match, says why, and no later rule patches without asking."""
    own = """
    rules:
      - {id: broken, when: "observed.nope > 3", remedy: nothing, reason: Never reached.}
    """
    one = drift("service/shop/web", "healthcheck.retries", 3, 5)
    decision = decide(one, rules("moderate", own), NOTHING)
    assert decision.lane is PULL
    assert "policies/own.yaml#broken" in decision.reasons[0]
    assert "could not be evaluated" in decision.reasons[0]


@pytest.mark.parametrize(
    ("when", "matched"),
    [
        ("observed > 3", True),
        ("observed > 5", False),
        ("drift.severity == 'MEDIUM' && resource.kind == 'service'", True),
        ("safe == 'health-check' && !destructive && adoptable", True),
        ("['web', 'api'].exists(name, name == resource.name)", True),
        ("drift.path.matches('^healthcheck')", True),
    ],
)
def test_conditions_see_the_drift(when: str, matched: bool) -> None:
    """A CEL condition may use the drift, its resource, both values and what Clockwork thinks of it."""
    own = f'rules:\n  - id: one\n    when: "{when}"\n    remedy: nothing\n    reason: It matched.\n'
    decision = decide(drift("service/shop/web", "healthcheck.retries", 3, 5), rules("moderate", own), NOTHING)
    assert (decision.lane is Lane.NOTHING) is matched


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("adoptable", [True, False])
def test_a_rule_may_ask_whether_an_edit_would_say_what_runs(asked: bool, adoptable: bool) -> None:
    """``adoptable`` holds for a drift with an edit, or for one without, and for no other."""
    own = f"rules: [{{id: own, match: {{adoptable: {str(asked).lower()}}}, remedy: nothing, reason: Reported only.}}]"
    edits = (SetValue(("retries",), 5),) if adoptable else ()
    decision = decide(drift("service/shop/web", "healthcheck.retries", 3, 5, adopt=edits), rules(own=own), NOTHING)
    assert (decision.rule == "policies/own.yaml#own") is (asked is adoptable)


def test_a_label_that_is_selected_is_never_committed() -> None:
    """A label key that any selector in the repository mentions is configuration."""
    service = declared("Service/shop/web", {"spec": {"selector": {"app": "web", "tier": "front"}}})
    policy = declared(
        "NetworkPolicy/shop/web",
        {"spec": {"podSelector": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}},
    )
    context = collect([service, policy])
    assert context.selected == {"app", "tier", "zone"}
    for key, lane in {"app": PULL, "tier": PULL, "zone": PULL, "team": PATCH}.items():
        one = drift(path=f"spec.template.metadata.labels.{key}", desired="a", observed="b")
        assert decide(one, rules(), context).lane is lane, key


def test_a_database_is_not_scaled_to_zero_by_merge() -> None:
    """A workload that keeps data and stands at zero copies needs people; a stateless one is asked by pull request."""
    image = {"spec": {"template": {"spec": {"containers": [{"name": "x", "image": "docker.io/library/postgres:16"}]}}}}
    claims: dict[str, Any] = {"spec": {"volumeClaimTemplates": [{}]}}
    context = collect([declared("Deployment/shop/store", image), declared("StatefulSet/shop/queue", claims)])
    assert context.databases == {resource("Deployment/shop/store"), resource("StatefulSet/shop/queue")}
    for name, lane in {
        "Deployment/shop/store": RUNBOOK,
        "StatefulSet/shop/queue": RUNBOOK,
        "Deployment/shop/web": PULL,
    }.items():
        assert decide(drift(name, "spec.replicas", 2, 0), rules(), context).lane is lane, name


def test_restore_is_the_direction_where_git_cannot_say_it() -> None:
    """A drift that no edit can express is never proposed; the reasons say so."""
    decision = decide(drift(path="spec.x", desired=1, observed=2, adopt=()), rules(), NOTHING)
    assert decision.direction is Direction.RESTORE
    assert any("No edit" in reason for reason in decision.reasons)


@pytest.mark.parametrize(
    "adopt",
    [
        (SetValue(("retries",), "5; rm -rf /"),),
        (SetValue(("retries",), 5), SetValue(("command",), "sh")),
        (AddEntry((), "command", 5),),
        (AddEntry((), None, "command=5"),),
        (RemoveEntry(("retries",)),),
        (SetValue(("retries",), [5]),),
        (SetValue(("retries",), True),),
    ],
)
def test_the_edits_are_checked_and_not_only_the_value(adopt: tuple[Any, ...]) -> None:
    """An edit that would write anything but a bounded number turns a patch into a question."""
    one = drift("service/shop/web", "healthcheck.retries", 3, 5, adopt=adopt)
    assert decide(one, rules(), NOTHING).lane is PULL


VALUES: st.SearchStrategy[JSON] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=80),
    st.lists(st.text(), max_size=2),
)
PATHS = st.sampled_from(
    [
        "healthcheck.retries",
        "healthcheck.interval",
        "healthcheck.test",
        "restart",
        "labels.team",
        "environment.LOG_LEVEL",
        "logging.options.max-size",
        "command",
        "ports[80/tcp].published",
    ]
)
HARMLESS = set(string.ascii_letters + string.digits + "._- :+")


@given(path=PATHS, observed=VALUES, desired=VALUES, kind=st.sampled_from(DriftKind), secret=st.booleans())
def test_only_short_plain_scalars_are_ever_committed(
    path: str, observed: JSON, desired: JSON, kind: DriftKind, secret: bool
) -> None:
    """Whatever is live, an adopting patch writes one short scalar of letters, digits and few marks, and no secret."""
    one = drift("service/shop/web", path, desired, observed, kind=kind, sensitive=secret)
    decision = decide(one, rules("aggressive", EVERYTHING_PATCHED), NOTHING)
    if decision.lane is Lane.ARTIFACT_PATCH and kind is not DriftKind.STALE_ARTIFACT and kind is not DriftKind.MISSING:
        text = str(observed)
        assert not secret
        assert path not in {"command", "ports[80/tcp].published", "healthcheck.test"}
        assert len(text) <= 120
        assert set(text) <= HARMLESS


def test_matching_time_does_not_explode() -> None:
    """Globs made of many stars against long hostile names come back at once."""
    own = load(
        {"policies/a.yaml": b'rules: [{id: a, match: {path: "**.*a*a*a*a*a*a*a*b.**"}, remedy: nothing, reason: Abc.}]'}
    )
    one = drift(path=".".join(["a" * 3000] * 30), desired=1, observed=2)
    assert decide(one, own, NOTHING).rule == DEFAULT_RULE


@table(
    ("one", "more", "merges"),
    [
        (drift("service/shop/web", "healthcheck.retries", 3, 5), "automerge: true", True),
        (drift("service/shop/web", "healthcheck.retries", 3, 5), "automerge: false", False),
        (drift("service/shop/web", "healthcheck.retries", 3, 5), "draft: true", False),
        (
            drift("service/shop/web", "healthcheck.retries", 3, 500),
            "automerge: true",
            "but 500 is not from 0 to 100. S",
        ),
        (drift("service/shop/web", "environment.HOST", "a", "b"), "automerge: true", "and “b” is text. S"),
        (drift(path="spec.replicas", desired=1, observed=3), "automerge: true", "(safe: without-text), s"),
        (
            drift("service/shop/web", "healthcheck.retries", 3, 5, severity=Severity.CRITICAL),
            "automerge: true",
            "Its severity is CRITICAL, s",
        ),
        (
            drift(path="artifact", desired="a", observed="b", kind=DriftKind.STALE_ARTIFACT),
            "automerge: true",
            True,
        ),
    ],
)
def test_only_what_would_be_committed_without_asking_merges_by_itself(
    one: Drift, more: str, merges: bool | str
) -> None:
    """A pull request that waits for a person against its rule says why; whatever the rule says goes with the decision."""
    text = f"rules: [{{id: all, remedy: config-pull-request, {more}, reason: Whatever it is.}}]"
    decision = decide(one, load({"policies/a.yaml": text.encode()}), NOTHING)
    assert decision.lane is PULL
    assert (decision.merges, decision.draft) == (merges is True, more == "draft: true")
    assert decision.automerge == {"automerge: true": True, "automerge: false": False}.get(more)
    end = f"{merges}o it does not merge by itself; a person merges it."
    assert [reason.endswith(end) for reason in decision.reasons[2:]] == [True] * isinstance(merges, str)
