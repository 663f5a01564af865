"""Ignore rules: what they hide, what they cannot hide, and which of them need a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bot.drift.ignore import IgnoreRule, Ignores, explain, load, sort
from bot.errors import Invalid
from bot.model.drift import Drift, DriftKind, Report, Severity
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from tests.drift.makers import NOW

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")


def drift(path: str = "spec.replicas", severity: Severity = Severity.LOW, kind: DriftKind = DriftKind.CHANGED) -> Drift:
    return Drift(WEB, "t", kind, parse_path(path), 1, 2, severity, "x")


def rule(**fields: Any) -> IgnoreRule:
    return IgnoreRule(**{"id": "r", "reason": "because", **fields})


def test_what_a_rule_hides_is_counted_and_not_lost() -> None:
    """Kept and suppressed together are what came in."""
    sorted_ = sort([drift(), drift("spec.paused")], Ignores((rule(path=parse_path("spec.replicas")),)), NOW)
    assert [suppressed.where for suppressed in sorted_.kept] == ["spec.paused"]
    assert [(suppressed.by, suppressed.reason) for suppressed in sorted_.suppressed] == [("ignore:r", "because")]
    assert sorted_.notes == ()


def test_a_critical_drift_is_reported_anyway() -> None:
    """Unless the rule says that it may hide even that."""
    bad = drift(severity=Severity.CRITICAL)
    overruled = sort([bad], Ignores((rule(),)), NOW)
    assert overruled.kept == (bad,)
    assert [note.state for note in overruled.notes] == ["overruled"]
    assert sort([bad], Ignores((rule(allow_critical=True),)), NOW).kept == ()


def test_an_expired_rule_hides_nothing_and_says_so() -> None:
    """The last day still counts."""
    yesterday, today = date(2026, 4, 30), date(2026, 5, 1)
    assert sort([drift()], Ignores((rule(expires=today),)), NOW).kept == ()
    expired = sort([drift()], Ignores((rule(expires=yesterday, owner="ops"),)), NOW)
    assert len(expired.kept) == 1
    assert [(note.state, "ops" in note.detail) for note in expired.notes] == [("expired", True)]


def test_an_unused_rule_says_so() -> None:
    """So that rules do not outlive what they were for."""
    assert [note.state for note in sort([], Ignores((rule(),)), NOW).notes] == ["unused"]


@pytest.mark.parametrize(
    ("fields", "hides"),
    [
        ({"resource": "Deployment/shop/*"}, True),
        ({"resource": "Deployment/other/*"}, False),
        ({"resource": "*/web"}, True),
        ({"kinds": frozenset({DriftKind.ADDED})}, False),
        ({"kinds": frozenset({DriftKind.CHANGED})}, True),
    ],
)
def test_a_rule_selects_by_resource_and_kind(fields: dict[str, Any], *, hides: bool) -> None:
    """Both must fit."""
    assert (sort([drift()], Ignores((rule(**fields),)), NOW).kept == ()) is hides


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
    assert (sort([there], Ignores((rule(**fields),)), NOW).kept == ()) is hides


def test_every_rule_is_explained() -> None:
    """What each did, in their order."""
    ignores = Ignores((rule(id="a"), rule(id="b", resource="x")))
    sorted_ = sort([drift()], ignores, NOW)
    report = Report(1, sorted_.kept, suppressed=sorted_.suppressed, notes=sorted_.notes)
    assert [
        (explanation.rule.id, explanation.state, explanation.hidden) for explanation in explain(ignores, report)
    ] == [
        ("a", "active", 1),
        ("b", "unused", 0),
    ]


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
    assert load(b"", "x").rules == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"ignores:\n  - path: spec\n", "ignores.0.reason"),
        (b"ignores:\n  - reason: x\n    pth: y\n", "ignores.0.pth"),
        (b"ignores:\n  - reason: x\n    path: 'a..b'\n", "ignores.0.path"),
        (b"ignores:\n  - reason: x\n    target: []\n", "i.yaml:3: ignores.0.target"),
        (b"ignores: [\n", "i.yaml:2:1"),
        (b"ignores:\n  - reason: x\n    expires: soon\n", "expires"),
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
