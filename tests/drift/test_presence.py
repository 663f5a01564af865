"""Which live resource is meant, which absence counts, which live resource should be declared, and in what order it is told."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.drift.labels import Labelled
from bot.drift.live import Live
from bot.drift.presence import Presence
from bot.drift.surroundings import NOTABLE_KINDS, surroundings
from bot.model.drift import Drift, DriftKind, Report
from bot.model.json import Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, Problem, ResourceId
from bot.model.severity import Severity
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live, running, service

EVERYWHERE = frozenset(Platform)


def run(desired: list[Desired], objects: list[Observed], **fields: Any) -> Report:
    seen: dict[str, Any] = {
        "at": NOW,
        "covered": EVERYWHERE,
        "resources": {observed.id: observed for observed in objects},
    }
    for name in ("covered", "kinds", "differences"):
        if name in fields:
            seen[name] = fields.pop(name)
    return compare(desired, Observation(**seen), **{"options": OPTIONS, **fields})


def told(report: Report) -> list[tuple[str, str]]:
    return [(str(drift.resource), drift.kind.value) for drift in report.drift]


def config(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", **metadata}}


def other(platform: Platform, kind: str = "a", name: str = "b", scope: str = "") -> ResourceId:
    return ResourceId(platform, kind, scope, name)


def of(id_: ResourceId, tree: Tree | None = None) -> Desired:
    return replace(service(tree or {}), id=id_)


def test_live_resources_are_found_by_name_in_every_scope() -> None:
    """Of the same platform, group and kind."""
    web = live(deployment())
    elsewhere = replace(web, id=web.id._replace(scope="other"))
    ids = [web.id, elsewhere.id]
    ids += [web.id._replace(kind="Pod"), web.id._replace(group="x"), web.id._replace(platform=Platform.COMPOSE)]
    everything = Live({id_: Observed(id_, {}) for id_ in ids})
    assert [observed.id for observed in everything.named(web.id, "web")] == [web.id, elsewhere.id]
    assert everything.named(web.id, "db") == []
    assert everything.named(web.id._replace(scope="nowhere"), "web") == everything.named(web.id, "web")


@pytest.mark.parametrize("platform", [Platform.TERRAFORM, Platform.HTTP])
def test_other_platforms_are_found_by_identity_alone(platform: Platform) -> None:
    """Absence counts where something of the kind was seen; nothing live is an orphan."""
    id_, twin = other(platform, scope="x"), other(platform)
    seen = Observed(twin, {})
    presence = Presence({twin: seen}, [])
    assert presence.matching(of(twin)) is seen
    assert presence.matching(of(id_)) is None
    assert presence.expected(of(id_))
    assert not presence.expected(of(other(platform, kind="c")))
    assert [*presence.undeclared(set(), {})] == []
    assert [*presence.undeclared(set(), {twin: {}})] == [(seen, "applied earlier and no longer in Git")]
    assert [*presence.undeclared({id(seen)}, {twin: {}})] == []


def test_kinds_are_those_of_one_platform() -> None:
    """A volume of Kubernetes says nothing about the volumes of Compose."""
    presence = Presence({other(Platform.KUBERNETES, "volume"): Observed(other(Platform.KUBERNETES, "volume"), {})}, [])
    assert not presence.expected(of(other(Platform.COMPOSE, "volume")))
    assert presence.expected(of(other(Platform.COMPOSE, "service"), {"image": "a"}))
    assert presence.expected(of(other(Platform.KUBERNETES, "ConfigMap")))
    assert not presence.expected(of(other(Platform.KUBERNETES, "Event")))


def test_a_live_resource_is_ours_by_its_label_or_its_project() -> None:
    """What was applied earlier says so, whatever else holds."""
    marked, stray = live(config("m", labels={"clockwork.dev/managed": "x"})), live(config("s"))
    web, orphan, alone = running({}), running({}, name="old"), running({}, project="blog")
    presence = Presence({each.id: each for each in (marked, stray, web, orphan, alone)}, [service({})])
    assert [(str(each.id), reason) for each, reason in presence.undeclared({id(web)}, {stray.id: {}})] == [
        ("ConfigMap/shop/m", "carries the label clockwork.dev/managed and is not in Git"),
        ("ConfigMap/shop/s", "applied earlier and no longer in Git"),
        ("service/shop/old", "runs in the project shop, whose files do not declare it"),
    ]


@pytest.mark.parametrize(
    ("covered", "kinds", "missing"),
    [
        (EVERYWHERE, None, True),
        (EVERYWHERE, frozenset({("apps", "Deployment")}), True),
        (EVERYWHERE, frozenset({("", "Deployment")}), False),
        (EVERYWHERE, frozenset({("apps", "ConfigMap")}), False),
        (EVERYWHERE, frozenset(), False),
        (frozenset({Platform.COMPOSE}), None, False),
    ],
)
def test_only_what_was_looked_at_can_be_missing(covered: frozenset[Platform], kinds: Any, *, missing: bool) -> None:
    """By platform, and for Kubernetes by group and kind."""
    assert bool(run([declared(deployment())], [], covered=covered, kinds=kinds).drift) is missing


def test_kinds_are_a_matter_of_kubernetes() -> None:
    """A list of kinds says nothing about services."""
    assert told(run([service({"image": "a"})], [], kinds=frozenset())) == [("service/shop/web", "missing")]


def test_a_live_resource_is_unmanaged_only_while_nobody_declares_it() -> None:
    """Also where it is found by another name than its identity."""
    marked = config("m", labels={"clockwork.dev/managed": "x"})
    assert told(run([], [live(marked)])) == [("ConfigMap/shop/m", "unmanaged")]
    assert told(run([declared(marked)], [live(marked)])) == []
    loose = {**marked, "metadata": {"name": "m", "labels": {"clockwork.dev/managed": "x"}}}
    assert told(run([declared(loose)], [live(marked)])) == []
    beside = live(config("n", labels={"clockwork.dev/managed": "x"}))
    assert told(run([declared(loose)], [live(marked), beside])) == [("ConfigMap/shop/n", "unmanaged")]


def test_problems_are_told_of_what_differs_and_of_what_does_not() -> None:
    """And not of what nobody declares."""
    sick = replace(live(deployment()), problems=(Problem("A", "m"), Problem("B", "m")))
    assert told(run([declared(deployment())], [sick])) == [("Deployment/shop/web", "unhealthy")] * 2
    both = told(run([declared(deployment(image="x"))], [sick]))
    assert [kind for _, kind in both] == ["changed", "unhealthy", "unhealthy"]
    assert told(run([], [sick])) == []


def test_what_an_observer_compared_keeps_the_place_that_it_knows() -> None:
    """Else it gets that of the declaration, if there is one."""
    id_ = other(Platform.TERRAFORM)
    own = Drift(id_, "own", DriftKind.CHANGED, ("x",), 1, 2, Severity.LOW, "r")
    placed = replace(own, file="plan.tf", line=9)
    desired = of(id_)

    def place(drift: Drift, *declarations: Desired) -> tuple[str | None, int | None, str]:
        (told_,) = run([*declarations], [Observed(id_, {})], differences=(drift,)).drift
        return told_.file, told_.line, told_.task

    assert place(own, desired) == ("compose.yaml", 1, desired.task)
    assert place(placed, desired) == ("plan.tf", 9, "own")
    assert place(own) == (None, None, "own")


def test_what_was_applied_is_recorded_by_either_name() -> None:
    """That of the manifest, which may name no namespace, or that of the live object."""
    tree = config("m")
    loose = {**tree, "metadata": {"name": "m"}}
    changed = {**tree, "data": {"a": "1"}}
    applied = {**loose, "data": {"a": "1"}}
    for id_ in (declared(loose).id, live(tree).id):
        (drift,) = run([declared(loose)], [live(changed)], bases={id_: applied}).drift
        assert drift.kind is DriftKind.REMOVED


def test_drifts_are_told_in_one_order() -> None:
    """The worst first, then by resource, place and kind, whatever order they came in."""
    drifts = [
        Drift(other(Platform.TERRAFORM, name=name), "", kind, (path,), 1, 2, severity, "r")
        for severity in (Severity.CRITICAL, Severity.LOW)
        for name in ("a", "b")
        for path in ("x", "y")
        for kind in (DriftKind.ADDED, DriftKind.CHANGED)
    ]
    for seed in range(3):
        mixed = random.Random(seed).sample(drifts, len(drifts))
        assert [*run([], [], differences=tuple(mixed)).drift] == drifts


def test_the_report_counts_what_is_declared() -> None:
    """Whether it differs or not, and whatever is live beside it."""
    tree, changed = deployment(), deployment(image="shop/web:2.0")
    report = run([declared(tree), declared(config("c"))], [live(changed), live(config("d"))])
    assert (report.resources, sorted(told(report))) == (
        2,
        [("ConfigMap/shop/c", "missing"), ("Deployment/shop/web", "changed")],
    )


def test_only_some_kinds_tell_anything_about_others() -> None:
    """Autoscalers, definitions, and what Compose gives names to."""
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "s", "namespace": "shop"},
    }
    scaler["spec"] = {
        "minReplicas": 1,
        "maxReplicas": 5,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    }
    assert {"HorizontalPodAutoscaler", "service", "volume", "network", "CustomResourceDefinition"} <= NOTABLE_KINDS
    assert {"Deployment", "ConfigMap"}.isdisjoint(NOTABLE_KINDS)
    by_git = surroundings([declared(scaler), declared(deployment())], {})
    by_live = surroundings([], {live(scaler).id: live(scaler), live(deployment()).id: live(deployment())})
    assert by_git.scalers == by_live.scalers != {}
    assert surroundings([declared(deployment())], {live(deployment()).id: live(deployment())}).scalers == {}
    more = deployment()
    more["spec"]["replicas"] = 4
    assert told(run([declared(deployment()), declared(scaler)], [live(more), live(scaler)])) == []
    assert told(run([declared(deployment())], [live(more)])) == [("Deployment/shop/web", "changed")]


def test_labels_are_kept_where_each_platform_keeps_them() -> None:
    """As text; those in Git, else the live ones, else none at all."""
    tree = config("c", labels={"a": "1", "b": None, "c": True})
    web = running({"labels": ["x=1", "y"]})
    labelled = Labelled([declared(tree)], {web.id: web})
    assert labelled.of(declared(tree).id) == {"a": "1", "b": "", "c": "true"}
    assert labelled.of(web.id) == {"x": "1", "y": ""}
    assert Labelled([service({"labels": {"x": 2}})], {web.id: web}).of(web.id) == {"x": "2"}
    assert labelled.of(other(Platform.KUBERNETES)) == {}
    assert labelled.of(other(Platform.COMPOSE)) == {}
    assert labelled.of(other(Platform.TERRAFORM)) is None
    assert labelled.of(other(Platform.HTTP)) is None
