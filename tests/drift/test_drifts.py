"""Drifts as they are made: masked, with the place in Git, the edit and the texts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.drift.diff import NO_DIFFERENCE
from bot.drift.drifts import Attribution, Maker, missing, nearest, redacted, undeclared
from bot.drift.masking import digest
from bot.drift.walk import Difference, walk
from bot.model.drift import Drift, DriftKind, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Observed, Origin, Platform, Problem, ResourceId
from bot.model.severity import Severity
from tests.drift.fields import TOP
from tests.drift.makers import OPTIONS, Pair, declared, deployment, examine, live, running, service
from tests.table import table

WHEN = datetime(2026, 5, 1, tzinfo=UTC)
SECRET = "Tr0ub4dor3x9"
EDIT = SetValue(("a",), 1)


def hidden(value: JSON) -> str:
    return digest(value, OPTIONS.mask_key)


@dataclass(frozen=True)
class Origins:
    """Origins of some pointers."""

    known: dict[Pointer, Origin] = field(default_factory=dict)

    def at(self, pointer: Pointer) -> Origin | None:
        return self.known.get(pointer)


def only(desired: Tree, observed: Tree) -> Difference:
    (difference,) = walk(desired, observed, TOP)
    return difference


def made(desired: Tree, observed: Tree, *, sensitive: tuple[Pointer, ...] = (), **cause: Any) -> Drift:
    own = replace(service(desired), sensitive=frozenset(sensitive))
    maker = Maker(own, OPTIONS, observed=observed)
    return maker.drift(only(desired, observed), Attribution(DriftKind.CHANGED, **cause), (EDIT,))


def test_a_drift_says_everything_that_is_known() -> None:
    """Both values, the place in Git, who wrote it and when, and the edit."""
    drift = made({"leaf": "a"}, {"leaf": "b"}, manager="kubectl", changed_at=WHEN, message="why")
    assert (drift.resource, drift.task, drift.kind) == (service({}).id, service({}).task, DriftKind.CHANGED)
    assert (drift.path, drift.desired, drift.observed) == (("leaf",), "a", "b")
    assert (drift.file, drift.line) == ("compose.yaml", 1)
    assert (drift.manager, drift.changed_at, drift.message) == ("kubectl", WHEN, "why")
    assert (drift.sensitive, drift.adopt) == (False, (EDIT,))
    assert made({"leaf": "a"}, {"leaf": "b"}).message is None


@table(
    ("desired", "observed", "shown"),
    [
        ({"map": {"password": SECRET}}, {"map": {"password": "x-y-z-1"}}, (hidden(SECRET), hidden("x-y-z-1"))),
        ({"map": {"password": SECRET}}, {"map": {"password": "true"}}, (hidden(SECRET), hidden("true"))),
        ({"map": {"password": "true"}}, {"map": {"password": SECRET}}, (hidden("true"), hidden(SECRET))),
        ({"map": {"password": ""}}, {"map": {"password": SECRET}}, (hidden(""), hidden(SECRET))),
        ({"map": {"password": SECRET}}, {"map": {}}, (hidden(SECRET), None)),
        ({"map": {"password": SECRET}}, {"map": {"password": 1}}, (hidden(SECRET), hidden(1))),
        ({"map": {"password": SECRET}}, {"map": {"password": {"a": "b"}}}, (hidden(SECRET), {"a": "b"})),
        ({"map": {"password": {"a": "b"}}}, {"map": {"password": SECRET}}, ({"a": "b"}, hidden(SECRET))),
        ({"list": ["--password", SECRET]}, {"list": ["x"]}, (["--password", hidden(SECRET)], ["x"])),
        (
            {"part": {"name": "PASSWORD", "value": SECRET}},
            {"part": {"name": "PASSWORD", "value": "on"}},
            (hidden(SECRET), hidden("on")),
        ),
    ],
)
def test_a_secret_is_shown_on_neither_side(desired: Tree, observed: Tree, shown: tuple[JSON, JSON]) -> None:
    """Where one side of a scalar is secret, the other one is a secret of yesterday; and there is no edit."""
    drift = made(desired, observed)
    assert (drift.desired, drift.observed) == shown
    assert (drift.sensitive, drift.adopt) == (True, ())


def test_what_its_source_calls_sensitive_is_hidden() -> None:
    """At the place, around it and below it, whatever it looks like; and in the remark too."""
    for pointer in ((), ("map",), ("map", "a"), ("map", "a", "b")):
        drift = made({"map": {"a": "plain-text"}}, {"map": {"a": "other"}}, sensitive=(pointer,))
        assert (drift.desired, drift.observed, drift.adopt) == (hidden("plain-text"), hidden("other"), ())
    drift = made({"map": {"a": "plain-text"}}, {"map": {"a": "other"}}, sensitive=(("map", "b"),))
    assert (drift.desired, drift.sensitive, drift.adopt) == ("plain-text", False, (EDIT,))
    drift = made(
        {"map": {"a": "x"}, "leaf": "plain-text"},
        {"map": {"a": "y"}, "leaf": "plain-text"},
        sensitive=(("leaf",),),
        message="is plain-text",
    )
    assert drift.message == f"is {hidden('plain-text')}"


def test_the_place_in_git_is_the_nearest_that_is_written() -> None:
    """That of the pointer in the tree as written, where it is another than the canonical one."""
    whole, inner = Origin("a.yaml", 0, 9, 1, 1), Origin("b.yaml", 5, 9, 7, 3)
    desired = replace(service({"leaf": "a"}), origins=Origins({(): whole, ("x", "y"): inner}))
    assert nearest(desired, ("x", "y", "z")) == nearest(desired, ("x", "y")) == inner
    assert nearest(desired, ("x",)) == nearest(desired, ()) == whole
    assert nearest(service({}), ("x",)) is None
    maker = Maker(desired, OPTIONS, observed={"leaf": "b"})
    difference = only({"leaf": "a"}, {"leaf": "b"})
    drift = maker.drift(difference, Attribution(DriftKind.CHANGED), ())
    assert (drift.file, drift.line) == ("a.yaml", 1)
    drift = maker.drift(difference, Attribution(DriftKind.CHANGED), (), pointer=("x", "y"))
    assert (drift.file, drift.line, drift.path) == ("b.yaml", 7, ("leaf",))
    own = replace(desired, sensitive=frozenset({("x", "y")}))
    drift = Maker(own, OPTIONS, observed={}).drift(difference, Attribution(DriftKind.CHANGED), (EDIT,), pointer=("x",))
    assert (drift.sensitive, drift.adopt) == (True, ())


def test_a_whole_resource_is_missing_or_unmanaged() -> None:
    """One drift on the empty path, present on one side."""
    gone = missing(declared(deployment()))
    assert (gone.kind, gone.path, gone.desired, gone.observed) == (DriftKind.MISSING, (), "present", None)
    assert (gone.file, gone.line, gone.task) == ("k8s/app.yaml", 1, "Deployment/shop/web")
    stray = undeclared(live(deployment()), "for a reason", applied=False)
    assert (stray.kind, stray.path, stray.desired, stray.observed) == (DriftKind.UNMANAGED, (), None, "present")
    assert (stray.file, stray.task, stray.message) == (None, "Deployment/shop/web", "for a reason")


def test_a_problem_is_told_without_the_secrets_of_its_resource() -> None:
    """Its reason is what it is; its texts are redacted."""
    desired = service({"environment": {"DB_PASSWORD": SECRET}})
    maker = Maker(desired, OPTIONS, observed=desired.tree)
    drift = maker.unhealthy(Problem("Crash", f"with {SECRET}", (f"line {SECRET}", "line"), since=WHEN))
    assert (drift.kind, drift.path, drift.desired, drift.observed) == (DriftKind.UNHEALTHY, (), None, "Crash")
    assert (drift.file, drift.line, drift.changed_at, drift.task) == ("compose.yaml", 1, WHEN, desired.task)
    assert drift.message == f"with {hidden(SECRET)}"
    assert drift.evidence == (f"line {hidden(SECRET)}", "line")


def test_what_an_observer_compared_itself_is_masked_as_well() -> None:
    """Either side; what it calls sensitive stays so, and edits stay only where nothing is hidden."""
    id_ = ResourceId(Platform.TERRAFORM, "db", "", "main")

    def own(path: str, desired: JSON, observed: JSON, *, sensitive: bool = False, message: str | None = None) -> Drift:
        drift = Drift(id_, "", DriftKind.CHANGED, (path,), desired, observed, Severity.LOW, "x", adopt=(EDIT,))
        return redacted(replace(drift, sensitive=sensitive, message=message, evidence=("token=" + SECRET,)), OPTIONS)

    plain = own("a", 1, 2)
    assert (plain.desired, plain.observed, plain.sensitive, plain.adopt) == (1, 2, False, (EDIT,))
    assert plain.evidence == ("token=" + hidden(SECRET),)
    assert plain.message is None
    told = own("a", 1, 2, message="password=" + SECRET)
    assert told.message == "password=" + hidden(SECRET)
    for drift in (own("password", SECRET, ""), own("password", "", SECRET), own("a", 1, 2, sensitive=True)):
        assert (drift.sensitive, drift.adopt) == (True, ())
    assert own("password", SECRET, "").desired == hidden(SECRET)


def test_one_pair_is_compared_by_its_platform() -> None:
    """A Deployment by its fields, a service by its own."""
    tree, other = deployment(), deployment(image="shop/web:2.0")
    assert [drift.where for drift in examine(Pair(declared(tree), live(other))).drift] == [
        "spec.template.spec.containers[web].image"
    ]
    web = service({"image": "a:1"})
    assert [drift.where for drift in examine(Pair(web, running({"image": "a:2"}))).drift] == ["image"]


@pytest.mark.parametrize("platform", [Platform.TERRAFORM, Platform.HTTP])
def test_some_platforms_compare_themselves(platform: Platform) -> None:
    """A plan and a probe are comparisons."""
    id_ = ResourceId(platform, "a", "", "b")
    desired = replace(service({"a": 1}), id=id_)
    assert examine(Pair(desired, Observed(id_, {"a": 2}))) is NO_DIFFERENCE


def test_nothing_is_made_where_nothing_differs() -> None:
    """Equal trees, and equal meanings."""
    web = service({"image": "a:1"})
    for pair in (
        Pair(web, running({"image": "a:1"})),
        Pair(web, running({"image": "docker.io/library/a:1"})),
    ):
        assert examine(pair) is NO_DIFFERENCE


@pytest.mark.parametrize(
    ("kind", "aggregated", "ignore", "compared"),
    [
        ("ClusterRole", True, False, ["metadata.labels.a", "rules"]),
        ("ClusterRole", True, True, ["metadata.labels.a"]),
        ("ClusterRole", False, True, ["metadata.labels.a", "rules"]),
        ("Role", True, True, ["metadata.labels.a", "rules"]),
    ],
)
def test_aggregated_rules_are_compared_where_that_is_asked_for(
    kind: str, *, aggregated: bool, ignore: bool, compared: list[str]
) -> None:
    """Only those of a ClusterRole that says from which others it gathers them."""
    tree: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "r", "labels": {"a": "1"}},
        "rules": [],
    }
    if aggregated:
        tree["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"b": "1"}}]}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    changed = {**tree, "metadata": {"name": "r", "labels": {"a": "2"}}, "rules": rules}
    options = OPTIONS if ignore else replace(OPTIONS, ignore_aggregated_roles=False)
    result = examine(Pair(declared(tree), live(changed)), options)
    assert [drift.where for drift in result.drift] == compared
    assert [suppressed.by for suppressed in result.suppressed] == (
        [] if "rules" in compared else ["option:ignore_aggregated_roles"]
    )
