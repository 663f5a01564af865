"""Ignore rules: what they hide, what they cannot hide, and which of them need a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from bot.drift.ignore import IgnoreRule, Ignores, apply_ignores, explain, load, of_resources
from bot.drift.selector import parse
from bot.errors import Invalid
from bot.model.drift import Drift, DriftKind, Report
from bot.model.paths import parse_path
from bot.model.resource import Desired, LeftAlone, Platform, ResourceId, SourceKind
from bot.model.severity import Severity
from tests.drift.makers import NOW
from tests.table import table

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")


def drift(path: str = "spec.replicas", severity: Severity = Severity.LOW, kind: DriftKind = DriftKind.CHANGED) -> Drift:
    return Drift(WEB, "t", kind, parse_path(path), 1, 2, severity, "x")


def rule(**fields: Any) -> IgnoreRule:
    return IgnoreRule(**{"id": "r", "reason": "because", **fields})


def test_what_a_rule_hides_is_counted_and_not_lost() -> None:
    """Kept and suppressed together are what came in."""
    sorted_ = apply_ignores([drift(), drift("spec.paused")], Ignores((rule(path=parse_path("spec.replicas")),)), NOW)
    assert [suppressed.where for suppressed in sorted_.reported] == ["spec.paused"]
    assert [(suppressed.by, suppressed.reason) for suppressed in sorted_.suppressed] == [("ignore:r", "because")]
    assert sorted_.notes == ()


def test_a_critical_drift_is_reported_anyway() -> None:
    """Unless the rule says that it may hide even that."""
    bad = drift(severity=Severity.CRITICAL)
    overruled = apply_ignores([bad], Ignores((rule(),)), NOW)
    assert overruled.reported == (bad,)
    assert [note.state for note in overruled.notes] == ["overruled"]
    assert apply_ignores([bad], Ignores((rule(allow_critical=True),)), NOW).reported == ()


def test_an_expired_rule_hides_nothing_and_says_so() -> None:
    """The last day still counts."""
    yesterday, today = date(2026, 4, 30), date(2026, 5, 1)
    assert apply_ignores([drift()], Ignores((rule(expires=today),)), NOW).reported == ()
    expired = apply_ignores([drift()], Ignores((rule(expires=yesterday, owner="ops"),)), NOW)
    assert len(expired.reported) == 1
    assert [(note.state, "ops" in note.detail) for note in expired.notes] == [("expired", True)]


def test_an_unused_rule_says_so() -> None:
    """So that rules do not outlive what they were for."""
    assert [note.state for note in apply_ignores([], Ignores((rule(),)), NOW).notes] == ["unused"]


@table(
    ("fields", "hides"),
    [
        ({}, True),
        ({"group": "apps"}, True),
        ({"group": ""}, False),
        ({"group": "batch"}, False),
        ({"managers": frozenset({"kubectl"})}, True),
        ({"managers": frozenset({"helm"})}, False),
        ({"selector": parse("app=web")}, True),
        ({"selector": parse("app=db")}, False),
        ({"path": parse_path("spec")}, True),
        ({"path": parse_path("spec.replicas")}, True),
        ({"path": parse_path("spec.replicas.x")}, False),
        ({"path": parse_path("metadata")}, False),
        ({"resource": "Deployment/shop/*", "path": parse_path("metadata")}, False),
        ({"resource": "Deployment/shop/*"}, True),
        ({"resource": "Deployment/other/*"}, False),
        ({"resource": "*/web"}, True),
        ({"kinds": frozenset({DriftKind.ADDED})}, False),
        ({"kinds": frozenset({DriftKind.CHANGED})}, True),
    ],
)
def test_a_rule_selects_by_resource_and_kind(fields: dict[str, Any], *, hides: bool) -> None:
    """And by path, group, writer and labels; all must fit."""
    written = replace(drift(), manager="kubectl")
    sorted_ = apply_ignores([written], Ignores((rule(**fields),)), NOW, lambda _: {"app": "web"})
    assert (sorted_.reported == ()) is hides
    assert [note.state for note in sorted_.notes] == ([] if hides else ["unused"])


@pytest.mark.parametrize(
    ("target", "fields", "hides"),
    [
        ("prod", {"target": "prod"}, True),
        ("prod", {"target": "pr*"}, True),
        ("dev", {"target": "prod"}, False),
        ("", {"target": "prod"}, False),
        ("prod", {}, True),
        ("prod", {"resource": "Deployment/shop/web"}, True),
        ("prod", {"resource": "prod/Deployment/shop/web"}, False),
    ],
)
def test_a_rule_may_be_about_one_target(target: str, fields: dict[str, Any], *, hides: bool) -> None:
    """Without one it holds for all of them; ``resource`` never holds the target."""
    there = replace(drift(), resource=WEB._replace(target=target))
    assert (apply_ignores([there], Ignores((rule(**fields),)), NOW).reported == ()) is hides


def test_a_selector_selects_nothing_where_there_are_no_labels() -> None:
    """A platform without labels is not one whose labels lack something."""
    lacking = Ignores((rule(selector=parse("!app")),))
    assert apply_ignores([drift()], lacking, NOW, lambda _: {}).reported == ()
    assert apply_ignores([drift()], lacking, NOW, lambda _: None).reported == (drift(),)


def test_the_first_rule_that_may_hide_it_does() -> None:
    """An expired one and one that may not hide a CRITICAL drift leave it to the next; each of them is told."""
    expired, careful = rule(id="old", expires=date(2026, 4, 30)), rule(id="careful", owner="ops")
    allowed, last = rule(id="allowed", allow_critical=True, reason="accepted"), rule(id="last", allow_critical=True)
    bad = drift(severity=Severity.CRITICAL)
    sorted_ = apply_ignores([bad, drift("spec.paused")], Ignores((expired, careful, allowed, last)), NOW)
    assert [(hidden.by, hidden.reason) for hidden in sorted_.suppressed] == [
        ("ignore:allowed", "accepted"),
        ("ignore:careful", "because"),
    ]
    assert [(note.rule, note.state, note.detail) for note in sorted_.notes] == [
        ("old", "expired", "expired on 2026-04-30: renew or remove it")
    ]
    overruled = apply_ignores([bad, bad, drift()], Ignores((expired, careful)), NOW)
    assert overruled.reported == (bad, bad)
    assert [(note.rule, note.state, note.detail) for note in overruled.notes] == [
        ("old", "expired", "expired on 2026-04-30: renew or remove it"),
        ("careful", "overruled", "Deployment/shop/web spec.replicas is CRITICAL and reported anyway (owner: ops)"),
        ("careful", "overruled", "Deployment/shop/web spec.replicas is CRITICAL and reported anyway (owner: ops)"),
    ]
    whole = replace(bad, path=(), resource=WEB._replace(target="prod"))
    assert [note.detail for note in apply_ignores([whole], Ignores((rule(),)), NOW).notes] == [
        "prod/Deployment/shop/web is CRITICAL and reported anyway"
    ]


def test_a_rule_that_matches_nothing_is_told_unless_a_controller_said_it() -> None:
    """Whoever reads it knows whom to ask."""
    rules = Ignores((rule(owner="ops"), rule(id="theirs", taken_over=True))) + Ignores((rule(id="more"),))
    assert [(note.rule, note.detail) for note in apply_ignores([], rules, NOW).notes] == [
        ("r", "matches nothing (owner: ops): remove it, or look at its pattern"),
        ("more", "matches nothing: remove it, or look at its pattern"),
    ]


def test_the_last_day_is_one_of_utc() -> None:
    """Wherever the clock stands that says so."""
    ends = rule(expires=date(2026, 5, 1))
    west = timezone(timedelta(hours=-12))
    assert not ends.expired(datetime(2026, 5, 1, 23, 59, tzinfo=UTC))
    assert ends.expired(datetime(2026, 5, 2, tzinfo=UTC))
    assert ends.expired(datetime(2026, 5, 1, 13, tzinfo=west))
    assert not ends.expired(datetime(2026, 5, 1, 11, tzinfo=west))
    assert not rule().expired(datetime(9999, 1, 1, tzinfo=UTC))


def test_every_rule_is_explained() -> None:
    """What each did, in their order."""
    ignores = Ignores((rule(id="a"), rule(id="b", resource="x")))
    sorted_ = apply_ignores([drift()], ignores, NOW)
    report = Report(1, sorted_.reported, suppressed=sorted_.suppressed, notes=sorted_.notes)
    assert [
        (explanation.rule.id, explanation.state, explanation.hidden) for explanation in explain(ignores, report)
    ] == [
        ("a", "active", 1),
        ("b", "unused", 0),
    ]
    bad = replace(drift(severity=Severity.CRITICAL), path=())
    both = Ignores((rule(id="c"), rule(id="d", expires=date(2026, 4, 30))))
    sorted_ = apply_ignores([drift(), bad, bad], both, NOW)
    report = Report(1, sorted_.reported, suppressed=sorted_.suppressed, notes=sorted_.notes)
    critical = "Deployment/shop/web is CRITICAL and reported anyway"
    assert [(each.state, each.hidden, each.detail) for each in explain(both, report)] == [
        ("overruled", 1, f"{critical}; {critical}"),
        ("expired", 0, "expired on 2026-04-30: renew or remove it"),
    ]
    assert explain(Ignores((rule(),)), Report(1))[0].detail == "because"


def test_a_file_of_rules() -> None:
    """Everything a rule can say."""
    text = b"""
ignores:
  - id: web
    target: prod*
    resource: Deployment/shop/*
    path: spec.template.spec.containers[*].image
    kinds: [changed, image-moved]
    reason: the canary changes it
    owner: shop
    expires: 2026-12-31
    allow_critical: true
  - reason: never mind
    kinds: added
"""
    rules = load(text, "ignores.yaml").rules
    assert [rule.id for rule in rules] == ["web", "ignores.yaml#2"]
    assert rules[0].expires == date(2026, 12, 31)
    assert [rule.target for rule in rules] == ["prod*", None]
    assert rules[1].kinds == {DriftKind.ADDED}
    assert rules[0] == IgnoreRule(
        id="web",
        reason="the canary changes it",
        resource="Deployment/shop/*",
        target="prod*",
        path=parse_path("spec.template.spec.containers[*].image"),
        kinds=frozenset({DriftKind.CHANGED, DriftKind.IMAGE_MOVED}),
        owner="shop",
        expires=date(2026, 12, 31),
        allow_critical=True,
        file="ignores.yaml",
    )
    assert rules[1] == IgnoreRule(
        "ignores.yaml#2", "never mind", kinds=frozenset({DriftKind.ADDED}), file="ignores.yaml"
    )
    (selected,) = load(b"ignores:\n- {reason: ' x ', selector: app=web}\n", "i.yaml").rules
    assert (selected.reason, selected.selector) == ("x", parse("app=web"))
    assert load(b"", "x").rules == ()


@table(
    ("text", "message"),
    [
        (b"ignores:\n  - path: spec\n", "ignores.0.reason"),
        (b"ignores:\n  - reason: x\n    pth: y\n", "ignores.0.pth"),
        (b"ignores:\n  - reason: x\n    path: 'a..b'\n", "ignores.0.path"),
        (b"ignores:\n  - reason: x\n    target: []\n", "i.yaml:3: ignores.0.target"),
        (b"ignores: [\n", "i.yaml:2:1"),
        (b"ignores:\n  - reason: x\n    expires: soon\n", "expires"),
        (b"ignores:\n  - reason: ''\n", "ignores.0.reason"),
        (b"ignores:\n  - {reason: x, id: ''}\n", "ignores.0.id"),
        (b"ignores:\n  - {reason: x, target: ''}\n", "ignores.0.target"),
        (b"ignores:\n  - {reason: x, resource: ''}\n", "ignores.0.resource"),
        (b"ignores:\n  - {reason: x, kinds: [gone]}\n", "ignores.0.kinds.0"),
        (b"ignores:\n  - reason: x\n  - {reason: x, path: 'a..b'}\n", "i.yaml: ignores.1.path: not a path"),
        (b"ignores:\n  - reason: x\n  - {reason: x, selector: ''}\n", "i.yaml: ignores.1.selector: an empty"),
        (b"rules: []\n", "i.yaml:1: rules"),
        (b"ignores:\n  - {reason: x, id: a}\n  - {reason: y, id: a}\n", "two ignore rules"),
        (b"ignores:\n  - reason: x\n    kinds: 3\n", "i.yaml:3: ignores.0.kinds: should be a list"),
        (b"ignores: {reason: x}\n", "i.yaml:1: ignores: should be a list"),
        (b"ignores: [x]\n", "i.yaml:1: ignores.0: should be a mapping"),
        (b"- a\n", "i.yaml"),
        (b"\xff\xfe\x00", "i.yaml"),
    ],
)
def test_mistakes_are_named(text: bytes, message: str) -> None:
    """With the file and the key."""
    with pytest.raises(Invalid, match=r"i\.yaml") as caught:
        load(text, "i.yaml")
    assert message in str(caught.value)


def test_what_a_declaration_leaves_to_others_is_ignored_there() -> None:
    """By a rule of its own, which says where it is written."""
    left_alone = LeftAlone(parse_path("spec.replicas"), "/spec/replicas", "app.yaml", 7)
    resource = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps", "prod")
    desired = Desired(resource, "t", SourceKind.KUBERNETES, {}, "web.yaml", 1, left_alone=(left_alone,))
    (only,) = of_resources([desired]).rules
    assert (only.id, only.reason) == (
        "app.yaml:7 /spec/replicas",
        "app.yaml:7 ignores changes of /spec/replicas",
    )
    assert (only.file, only.taken_over) == ("app.yaml", True)
    differences = [
        replace(drift(path), resource=resource._replace(name=name, target=target, group=group))
        for path, name, target, group in (
            ("spec.replicas", "web", "prod", "apps"),
            ("spec.paused", "web", "prod", "apps"),
            ("spec.replicas", "db", "prod", "apps"),
            ("spec.replicas", "web", "test", "apps"),
            ("spec.replicas", "web", "prod", "extensions"),
        )
    ]
    sorted_ = apply_ignores(differences, Ignores((only,)), NOW)
    assert [suppressed.drift for suppressed in sorted_.suppressed] == differences[:1]
