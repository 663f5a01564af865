"""Label selectors of ignore rules: both forms, what they select, and what is said of mistakes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bot.drift.compare import compare
from bot.drift.ignore import IgnoreResult, apply_ignores, load
from bot.drift.labels import Labelled
from bot.drift.selector import parse
from bot.errors import Invalid
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live, running, service
from tests.table import table

WEB = {"app": "web", "tier": "front", "example.com/team": "blue"}

SELECTIONS: list[tuple[Any, bool]] = [
    ("app=web", True),
    ("app == web , tier!=db", True),
    ("app=web,tier=db", False),
    ("zone!=eu", True),
    ("example.com/team in (blue, red),app", True),
    ("tier notin (db,front)", False),
    ("zone", False),
    ("!zone", True),
    ("! app", False),
    ("!  zone", True),
    ("app", True),
    (" app ", True),
    ("app notin (web)", False),
    ("app  in  ( web )", True),
    ("app in (web,db)", True),
    ("app in (db)", False),
    ("zone in ()", False),
    ("zone notin (eu)", True),
    ("app!=web", False),
    ("tier in (front,back),app=web", True),
    ({"matchLabels": None, "matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
    ({"matchLabels": {"app": "web"}, "matchExpressions": None}, True),
    ({"matchExpressions": ({"key": "app", "operator": "NotIn", "values": ("web",)},)}, False),
    ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ({"matchExpressions": [{"key": "app", "operator": "Exists", "values": None}]}, True),
    ("tier=", False),
    ({"matchLabels": {"app": "web", "tier": "front"}}, True),
    ({"matchLabels": {"app": "web", "tier": "db"}}, False),
    ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]}, True),
    ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["db", "front"]}]}, True),
    ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
    (
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "zone", "operator": "DoesNotExist", "values": []}],
        },
        True,
    ),
]


@table(("written", "selects"), SELECTIONS, ids=str)
def test_a_selector_selects_as_in_kubernetes(written: object, *, selects: bool) -> None:
    """Every condition must be met; an absent label is not equal to anything."""
    assert parse(written).selects(WEB) is selects


@table(
    ("written", "message"),
    [
        ("", "leave it out"),
        ("{}", "leave it out"),
        ("app=web,", "'' is no condition"),
        ("app=we b", "'app=we b' is no condition"),
        ("'tier in db'", "key in (a,b)"),
        ("[app]", "or a mapping with matchLabels"),
        ("null", "or a mapping with matchLabels"),
        ("{app: web}", "'app' is no part of a selector"),
        ("{matchLabels: app=web}", "matchLabels is a mapping"),
        ("{z: 1, a: 2}", "'a' is no part of a selector"),
        ("  ", "leave it out"),
        ("app=-x", "'app=-x' is no condition"),
        ("-app", "'-app' is no condition"),
        ("app=web=db", "'app=web=db' is no condition"),
        ("a in (b) c", "'a in (b) c' is no condition"),
        ("a in (-b)", "'-b' is no value of the label a"),
        ("{matchLabels: {a: -x}}", "'-x' is no value of the label a"),
        ("{matchExpressions: 5}", "matchExpressions is a list"),
        ("{matchExpressions: abc}", "matchExpressions is a list"),
        ("{matchExpressions: [abc]}", "has a key, an operator"),
        ("{matchExpressions: [{key: a, operator: In, values: [b], more: 1}]}", "has a key, an operator"),
        ("{matchExpressions: [{key: 1, operator: In, values: [b]}]}", "1 is no name of a label"),
        ("{matchExpressions: [{key: a, operator: In, values: [1]}]}", "1 is no value of the label a"),
        ("{matchExpressions: [{key: a, operator: In, values: 5}]}", "the values of a are a list"),
        ("{matchExpressions: [{key: a, operator: NotIn, values: []}]}", "NotIn on a takes at least one value"),
        ("{matchLabels: {app: 1}}", "1 is no value of the label app"),
        ("{matchLabels: {-a: x}}", "'-a' is no name of a label"),
        ("{matchExpressions: {key: a}}", "matchExpressions is a list"),
        ("{matchExpressions: [{key: a}]}", "has a key, an operator"),
        ("{matchExpressions: [{key: a, operator: Is, values: [b]}]}", "none of In, NotIn, Exists, DoesNotExist"),
        ("{matchExpressions: [{key: a, operator: In}]}", "at least one value"),
        ("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}", "takes no values"),
        ("{matchExpressions: [{key: a, operator: In, values: b}]}", "the values of a are a list"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_rule(written: str, message: str) -> None:
    """And with what to write instead."""
    value = f"'{written}'" if written and written[0] not in "{['n" else written or "''"
    with pytest.raises(Invalid) as caught:
        load(f"ignores:\n  - reason: x\n    selector: {value}\n".encode(), "i.yaml")
    assert str(caught.value).startswith("i.yaml: ignores.0.selector: ")
    assert message in str(caught.value)


def run(desired: list[Desired], objects: list[Observed], selector: object) -> IgnoreResult:
    rules = load(yaml.safe_dump({"ignores": [{"reason": "x", "selector": selector}]}).encode(), "i.yaml")
    seen = Observation(NOW, resources={resource.id: resource for resource in objects}, covered=frozenset(Platform))
    report = compare(desired, seen, options=OPTIONS)
    return apply_ignores(report.drift, rules, NOW, Labelled(desired, seen.resources).of)


def test_a_rule_hides_what_its_selector_selects() -> None:
    """By the labels in Git: giving the live object another label selects nothing."""
    observed = deployment()
    observed["spec"]["replicas"] = 5
    observed["metadata"]["labels"] = {"app": "other"}
    assert run([declared(deployment())], [live(observed)], "app=web").reported == ()
    report = run([declared(deployment())], [live(observed)], {"matchLabels": {"app": "other"}})
    assert {drift.where for drift in report.reported} == {"spec.replicas", "metadata.labels.app"}
    assert [note.state for note in report.notes] == ["unused"]


@pytest.mark.parametrize("labels", [{"app": "web", "debug": True, "none": None}, ["app=web", "debug=true", "none"]])
def test_labels_of_compose_services_count_in_both_forms(labels: Any) -> None:
    """As a mapping and as a list, and values as the text that the engine gets."""
    declared = {"image": "a:1", "labels": labels}
    live = running({"image": "a:2", "labels": labels})
    assert run([service(declared)], [live], "app=web,debug=true,none=").reported == ()
    assert len(run([service(declared)], [live], "app!=web").reported) == 1


def test_live_labels_count_where_git_declares_nothing() -> None:
    """An object that is not in Git has no other labels; a platform without labels is never selected."""
    stray = deployment()
    stray["metadata"]["labels"] = {"clockwork.dev/managed": "yes", "app": "web"}
    assert run([], [live(stray)], "app=web").reported == ()
    assert len(run([], [live(stray)], "app=db").reported) == 1
    assert Labelled([], {}).of(ResourceId(Platform.TERRAFORM, "db", "", "main")) is None
