"""Single fields are put back: exactly the named ones, whatever else differs, and none of which nobody knows which it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Refused, Stale
from bot.model.action import Operation
from bot.model.drift import DriftKind
from bot.model.json import JSON, elements, mapping
from bot.model.paths import Item, format_path
from bot.model.paths import Path as FieldPath
from tests.appliers.kubernetes_stage import Stage, config, deployment, secret, stage

NAMES = ("web", "proxy", "logs")
WORDS = ("alpha", "beta", "gamma")
BOOKKEEPING = frozenset({"resourceVersion", "generation", "managedFields"})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


def leaves(value: JSON, path: FieldPath = ()) -> Iterator[tuple[FieldPath, JSON]]:
    """Every scalar with its path; elements of lists by their name or port where they have one."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(elements(value)):
            known = mapping(element).get("name", mapping(element).get("containerPort"))
            yield from leaves(element, (*path, index if known is None else Item(str(known))))
    else:
        yield path, value


def state(tree: dict[str, Any]) -> dict[FieldPath, JSON]:
    """Everything that somebody may have chosen."""
    chosen = {key: value for key, value in tree["metadata"].items() if key not in BOOKKEEPING}
    return dict(leaves({**tree, "metadata": chosen, "status": None}))


variables = st.dictionaries(st.sampled_from(["LEVEL", "MODE", "ZONE"]), st.sampled_from(WORDS))
containers = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from(["nginx:1", "nginx:2"]), variables, st.sets(st.sampled_from([80, 81, 82]))),
    min_size=1,
)
objects = st.tuples(
    containers,
    st.integers(0, 3),
    st.dictionaries(st.sampled_from(["example.com/a", "b~c/d", "e"]), st.sampled_from(WORDS)),
    st.dictionaries(st.sampled_from(["disk", "zone"]), st.sampled_from(WORDS)),
    st.sampled_from([None, 5, 60]),
)


def made(chosen: Any) -> dict[str, Any]:
    """A Deployment of what was drawn."""
    pods, replicas, notes, selector, grace = chosen
    tree = deployment(replicas=replicas)
    spec = tree["spec"]["template"]["spec"]
    spec["containers"] = [
        {
            "name": name,
            "image": image,
            **({"env": [{"name": key, "value": value} for key, value in env.items()]} if env else {}),
            **({"ports": [{"containerPort": port} for port in sorted(ports)]} if ports else {}),
        }
        for name, (image, env, ports) in {"main": ("nginx:1", {}, ()), **pods}.items()
    ]
    if notes:
        tree["metadata"]["annotations"] = notes
    if selector:
        spec["nodeSelector"] = selector
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = grace
    return tree


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=objects, after=objects, data=st.data())
def test_restoring_touches_nothing_that_was_not_named(
    cluster: Stage, before: Any, after: Any, data: st.DataObject
) -> None:
    """Of any two Deployments and any choice of what differs: the chosen is as declared afterwards, and everything else is
    byte for byte what it was.
    """
    wanted = made(before)
    if cluster.live(wanted) is not None:
        cluster.server.remove("apps/v1", "Deployment", "shop", "web")
    cluster.server.put(made(after))
    work = cluster.work(Operation.UPDATE, wanted, partial=True)
    picked = data.draw(st.sets(st.integers(0, len(work.drifts) - 1))) if work.drifts else set[int]()
    chosen = tuple(work.drifts[index] for index in sorted(picked))
    left_alone = {drift.where for index, drift in enumerate(work.drifts) if index not in picked}
    was = cluster.live(wanted)
    assert was is not None
    cluster.applier.carry_out(replace(work, drifts=chosen))
    now = cluster.live(wanted)
    assert now is not None
    named = [drift.path for drift in chosen]
    old, new = state(was), state(now)
    touched = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    beyond = {format_path(path) for path in touched if not any(_within(path, each) for each in named)}
    assert not beyond
    assert {format_path(drift.path) for drift in cluster.drifts(wanted)} == left_alone


def _within(path: FieldPath, named: FieldPath) -> bool:
    """Whether a leaf is part of a named field. Ports are named by number and protocol."""
    if len(path) < len(named):
        return False
    return all(_means(step, name) for step, name in zip(path, named, strict=False))


def _means(step: str | int | Item, name: str | int | Item) -> bool:
    if isinstance(step, Item) and isinstance(name, Item):
        return step == name or name.key == f"{step.key}/TCP"
    return step == name


def test_the_declared_order_is_put_back_without_touching_elements(fresh: Stage) -> None:
    """Init containers run in their order: it is Git's afterwards, and what else differs in them stays."""
    tree = deployment()
    spec = tree["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": name, "image": f"{name}:1"} for name in ("one", "two", "three")]
    live = copy.deepcopy(tree)
    turned = live["spec"]["template"]["spec"]["initContainers"]
    turned.reverse()
    turned.append({"name": "other", "image": "other:1"})
    turned[0]["image"] = "three:2"
    fresh.server.put(live)
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    order = tuple(drift for drift in work.drifts if drift.where == "spec.template.spec.initContainers")
    assert len(order) == 1
    fresh.applier.carry_out(replace(work, drifts=order))
    now = (fresh.live(tree) or {})["spec"]["template"]["spec"]["initContainers"]
    assert [(each["name"], each["image"]) for each in now] == [
        ("one", "one:1"),
        ("two", "two:1"),
        ("three", "three:2"),
        ("other", "other:1"),
    ]


def test_a_missing_element_gets_its_place(fresh: Stage) -> None:
    """An init container that was removed stands where Git has it."""
    tree = deployment()
    spec = tree["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": name, "image": f"{name}:1"} for name in ("one", "two", "three")]
    live = copy.deepcopy(tree)
    del live["spec"]["template"]["spec"]["initContainers"][1]
    fresh.server.put(live)
    fresh.applier.carry_out(fresh.work(Operation.UPDATE, tree, partial=True))
    now = (fresh.live(tree) or {})["spec"]["template"]["spec"]["initContainers"]
    assert [each["name"] for each in now] == ["one", "two", "three"]


def test_secret_values_come_from_git(fresh: Stage) -> None:
    """What the drift shows is masked; what is put back is Git's value, and no text of ours holds it."""
    fresh.server.put(secret(password="stolen", user="ann"))
    work = fresh.work(Operation.UPDATE, secret(password="right", user="ann"), partial=True)
    assert [drift.where for drift in work.drifts] == ["data.password"]
    evidence = fresh.applier.carry_out(work)
    assert (fresh.live(secret()) or {})["data"] == {"password": "cmlnaHQ=", "user": "YW5u"}
    assert "cmlnaHQ" not in str(evidence)
    assert "right" not in str(evidence)


def test_a_masked_path_is_refused(fresh: Stage) -> None:
    """A key that is a credential has a digest in the report, which leads nowhere."""
    tree = config(colour="red")
    fresh.server.put(config(colour="red", **{"ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8": "yes"}))
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    assert len(work.drifts) == 1
    before = fresh.live(tree)
    with pytest.raises(Refused, match="is not clear in what runs: a secret is in its name"):
        fresh.applier.carry_out(work)
    assert fresh.live(tree) == before


def test_elements_that_share_a_key_are_refused(fresh: Stage) -> None:
    """Where two elements have the key, nobody knows which one is meant: nothing changes, and the path is told."""
    tree = deployment(env=[{"name": "LEVEL", "value": "info"}])
    live = copy.deepcopy(tree)
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "LEVEL", "value": "debug"},
        {"name": "LEVEL", "value": "trace"},
    ]
    fresh.server.put(live)
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    assert work.drifts
    before = fresh.live(tree)
    with pytest.raises(Refused, match=r"env\[LEVEL"):
        fresh.applier.carry_out(work)
    assert fresh.live(tree) == before


def test_all_or_nothing_is_put_back(fresh: Stage) -> None:
    """One field that moved on since the plan stops all of them."""
    fresh.server.put(config(colour="red", size="small"))
    tree = config(colour="blue", size="large")
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    moved = fresh.server.put(config(colour="red", size="tiny"))
    with pytest.raises(Stale, match=r"data\.size is neither"):
        fresh.applier.carry_out(work)
    assert fresh.live(tree) == moved


def test_what_changes_between_reading_and_writing_is_looked_at_again(fresh: Stage) -> None:
    """A patch tests the version that it was made for: a status that moves at that moment costs another look, no more."""
    fresh.server.put(deployment(replicas=5))
    tree = deployment(replicas=2)
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    touched = 0

    def touch(request: Any) -> bool:
        nonlocal touched
        if request.method == "PATCH" and touched < 2:
            touched += 1
            fresh.server.edit("apps/v1", "Deployment", "shop", "web", metadata__labels={"touched": str(touched)})
        return False

    fresh.server.fail(touch)
    fresh.applier.carry_out(work)
    now = fresh.live(tree) or {}
    assert now["spec"]["replicas"] == 2
    assert now["metadata"]["labels"] == {"touched": "2"}


def test_fields_that_are_back_already_are_left(fresh: Stage) -> None:
    """The second attempt finds everything done and writes nothing."""
    fresh.server.put(config(colour="red"))
    work = fresh.work(Operation.UPDATE, config(colour="blue"), partial=True)
    fresh.applier.carry_out(work)
    writes = fresh.writes()
    assert fresh.applier.carry_out(work).message == "ConfigMap/shop/settings has these fields as declared"
    assert fresh.writes() == writes


def test_a_rehearsal_changes_nothing(fresh: Stage) -> None:
    """Rehearsing is a dry run of the same patch."""
    fresh.server.put(config(colour="red"))
    work = fresh.work(Operation.UPDATE, config(colour="blue"), partial=True)
    before = fresh.live(config())
    fresh.applier.rehearse(work)
    assert fresh.live(config()) == before
    assert "dryRun=All" in fresh.writes()[-1]


def test_what_needs_another_object_is_no_single_field(fresh: Stage) -> None:
    """A field that cannot change while its object lives is refused, with what to do."""
    fresh.server.put(config(colour="red"))
    work = fresh.work(Operation.REPLACE, config(colour="blue"), partial=True)
    with pytest.raises(Refused, match="cannot be changed while the object lives"):
        fresh.applier.rehearse(work)


def test_every_kind_of_drift_is_put_back(fresh: Stage) -> None:
    """Changed, missing, added: one patch ends them all, below absent parents too."""
    tree = deployment(args=["--verbose"])
    tree["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    live = deployment(image="nginx:1.28", securityContext={"privileged": True})
    fresh.server.put(live)
    work = fresh.work(Operation.UPDATE, tree, partial=True)
    assert {drift.kind for drift in work.drifts} == {DriftKind.CHANGED, DriftKind.MISSING, DriftKind.ADDED}
    fresh.applier.carry_out(work)
    assert not fresh.drifts(tree)


def test_what_the_server_fills_in_again_is_done(fresh: Stage) -> None:
    """A field that goes comes back with the server's default, or with a port that it gives out: the next attempt knows."""
    before = deployment()
    before["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": "NodePort", "ports": [{"port": 80}]},
    }
    exposed = copy.deepcopy(service)
    exposed["spec"]["ports"][0]["nodePort"] = 30080
    fresh.applier.carry_out(fresh.work(Operation.CREATE, before))
    fresh.server.put(exposed)
    for tree, base in ((deployment(), before), (service, service)):
        work = fresh.work(Operation.UPDATE, tree, base=base)
        assert len(work.drifts) == 1
        fresh.applier.carry_out(work)
        live = fresh.live(tree)
        fresh.applier.carry_out(work)
        assert fresh.live(tree) == live
        assert not fresh.drifts(tree, base)
