"""Generated objects that run in another generation than Git declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.model.drift import DriftKind, Report, SetValue
from bot.model.observation import Observation
from bot.model.resource import Platform
from tests.drift.makers import NOW, OPTIONS, declared, deployment, kubernetes_id, live

NEW, OLD, OLDER = "words-8f2ct4g56h", "words-mt5h8f42kb", "words-2222222222"


def words(
    name: str, *, kind: str = "ConfigMap", namespace: str = "shop", made: str = "", **data: str
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **({"creationTimestamp": made} if made else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}


def web(name: str) -> dict[str, Any]:
    """A Deployment that reads the generated object in two ways."""
    tree = deployment(envFrom=[{"configMapRef": {"name": name}}])
    tree["spec"]["template"]["spec"]["volumes"] = [{"name": "words", "configMap": {"name": name}}]
    return tree


def report(git: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]], *bases: Mapping[str, Any]) -> Report:
    resources = {each.id: each for each in map(live, running)}
    seen = Observation(NOW, resources=resources, covered=frozenset({Platform.KUBERNETES}))
    applied = {kubernetes_id(tree): tree for tree in bases}
    return compare([declared(each) for each in git], seen, options=OPTIONS, bases=applied)


def test_an_earlier_generation_is_one_object_that_changed() -> None:
    """Its value differs, under the declared name; that it is called otherwise, and referred to so, is no difference."""
    git = [words(NEW, level="debug", mode="calm"), web(NEW)]
    (drift,) = report(git, [words(OLD, level="info", mode="calm"), web(OLD)]).drift
    assert (str(drift.resource), drift.where, drift.kind) == (f"ConfigMap/shop/{NEW}", "data.level", DriftKind.CHANGED)
    assert (drift.desired, drift.observed, drift.message) == ("debug", "info", f"runs as {OLD}")
    assert drift.adopt == (SetValue(("data", "level"), "info"),)


def test_what_was_adopted_is_in_sync_under_its_earlier_name() -> None:
    """A value that somebody changed live and Git took over: the contents are the same, until it is applied anew."""
    assert not report([words(NEW, level="debug"), web(NEW)], [words(OLD, level="debug"), web(OLD)]).drift


def test_a_key_that_git_dropped_is_known_from_what_was_applied() -> None:
    """The last applied generation tells what Git held before."""
    old = words(OLD, level="info", gone="x")
    (drift,) = report([words(NEW, level="info")], [old], old).drift
    assert (drift.where, drift.kind) == ("data.gone", DriftKind.REMOVED)


def test_what_else_is_said_of_a_difference_stays() -> None:
    """Behind the name that the object runs by."""
    (drift,) = report([words(NEW, level="info")], [words(OLD, level="info", more="x")]).drift
    assert drift.message == f"runs as {OLD}; origin unknown: no last-applied record"


@pytest.mark.parametrize("referred", [OLD, OLDER])
def test_of_several_generations_the_one_in_use_is_meant(referred: str) -> None:
    """Earlier ones stay behind; what is declared to use the object uses one of them."""
    generations = [
        words(OLD, made="2026-02-02T00:00:00Z", level="b"),
        words(OLDER, made="2026-01-01T00:00:00Z", level="a"),
    ]
    (drift,) = report([words(NEW, level="c"), web(NEW)], [*generations, web(referred)]).drift
    assert drift.message == f"runs as {referred}"


def test_of_several_that_nothing_uses_the_newest_is_meant() -> None:
    """Nothing tells them apart but when they were made."""
    generations = [
        words(OLD, made="2026-02-02T00:00:00Z", level="b"),
        words(OLDER, made="2026-01-01T00:00:00Z", level="a"),
    ]
    (drift,) = report([words(NEW, level="c")], generations).drift
    assert drift.message == f"runs as {OLD}"


def test_a_reference_to_another_generation_is_drift_where_the_declared_one_runs() -> None:
    """Somebody sent a workload back to an earlier one: both run, and Git says which is meant."""
    git = [words(NEW, level="debug"), web(NEW)]
    differing = {drift.where for drift in report(git, [*git[:1], words(OLD, level="info"), web(OLD)]).drift}
    assert differing == {
        "spec.template.spec.containers[web].envFrom[#0].configMapRef.name",
        "spec.template.spec.volumes[words].configMap.name",
    }


def test_generations_are_of_one_kind_and_place() -> None:
    """Another kind, another namespace, another stem, or a name without such an end is another object."""
    others = [
        words(OLD, kind="Secret"), words(OLD, namespace="other"), words("phrases-mt5h8f42kb"), words("words"),
        words("words-mt5h8f42kz"),
    ]  # fmt: skip
    (drift,) = report([words(NEW, level="debug")], others).drift
    assert (drift.kind, drift.resource.name) == (DriftKind.MISSING, NEW)


def test_a_generation_that_git_declares_is_no_earlier_one_of_another() -> None:
    """Each is compared with itself; the one that does not run is missing."""
    git = [words(NEW, level="debug"), words(OLD, level="info")]
    (drift,) = report(git, [words(OLD, level="info")]).drift
    assert (drift.kind, drift.resource.name) == (DriftKind.MISSING, NEW)


@pytest.mark.parametrize(("version", "kind"), [("apps/v1", "Deployment"), ("v1", "Service"), ("x/v1", "ConfigMap")])
def test_only_config_maps_and_secrets_are_generated(version: str, kind: str) -> None:
    """A name that ends like a hash is the name of anything else."""
    git, running = ({**words(name), "apiVersion": version, "kind": kind} for name in (NEW, OLD))
    assert [drift.kind for drift in report([git], [running]).drift] == [DriftKind.MISSING]


def test_a_manifest_without_namespace_finds_its_generation_in_the_default_one() -> None:
    """As any other object would."""
    git = words(NEW, level="debug")
    del git["metadata"]["namespace"]
    (drift,) = report([git], [words(OLD, namespace="default", level="info")]).drift
    assert (drift.where, drift.message) == ("data.level", f"runs as {OLD}")


def test_generated_secrets_are_compared_and_not_shown() -> None:
    """A Secret of an earlier generation differs in a value that nobody sees."""
    (drift,) = report([words(NEW, kind="Secret", key="YQ==")], [words(OLD, kind="Secret", key="Yg==")]).drift
    assert (drift.where, drift.sensitive, drift.adopt) == ("data.key", True, ())
