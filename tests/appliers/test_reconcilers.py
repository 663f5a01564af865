"""Where Flux or Argo CD keeps an object, they are asked to put it back, once and by the marks that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Refused, Unavailable
from bot.model.action import HealthState, Operation, Work
from bot.model.json import get
from tests.appliers.kubernetes_stage import NOW, Stage, config, stage

FLUX = "kustomize.toolkit.fluxcd.io"
HELM = "helm.toolkit.fluxcd.io"
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def definition(group: str, version: str, kind: str, plural: str) -> dict[str, Any]:
    """A custom kind that keeps whatever it is sent."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [served],
        },
    }


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        for namespace in ("flux-system", "argocd"):
            made.server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        made.server.put(definition(FLUX, "v1", "Kustomization", "kustomizations"))
        made.server.put(definition(HELM, "v2", "HelmRelease", "helmreleases"))
        made.server.put(definition("argoproj.io", "v1alpha1", "Application", "applications"))
        yield made


def flux(kind: str = "Kustomization", **spec: Any) -> dict[str, Any]:
    version = f"{FLUX}/v1" if kind == "Kustomization" else f"{HELM}/v2"
    metadata = {"name": "apps", "namespace": "flux-system"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def application(*, keeps: bool = True, **more: Any) -> dict[str, Any]:
    own = {"kind": "ConfigMap", "namespace": "shop", "name": "settings", "version": "v1"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"syncPolicy": {"syncOptions": ["ServerSideApply=true"]}},
        "status": {"resources": [own] if keeps else []},
        **more,
    }


def marked(group: str = FLUX, **data: str) -> dict[str, Any]:
    tree = config(**data)
    tree["metadata"]["labels"] = {f"{group}/name": "apps", f"{group}/namespace": "flux-system"}
    return tree


def tracked(**data: str) -> dict[str, Any]:
    tree = config(**data)
    tree["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:shop/settings"}
    return tree


def restore(cluster: Stage) -> Work:
    """Putting one field back, as it was planned before anybody was asked."""
    work = cluster.work(Operation.UPDATE, config(colour="blue"), partial=True)
    return replace(work, drifts=tuple(drift for drift in work.drifts if drift.where == "data.colour"))


def colour(cluster: Stage) -> object:
    return get(cluster.live(config()) or {}, "data", "colour")


@pytest.mark.parametrize("kind", ["Kustomization", "HelmRelease"])
def test_flux_is_asked_to_reconcile(cluster: Stage, kind: str) -> None:
    """The Kustomization or HelmRelease carries the time of the work, and the object itself is not written."""
    cluster.server.put(flux(kind))
    cluster.server.put(marked(FLUX if kind == "Kustomization" else HELM, colour="red"))
    work = restore(cluster)
    cluster.applier.rehearse(work)
    assert get(cluster.live(flux(kind)) or {}, "metadata", "annotations") is None
    evidence = cluster.applier.carry_out(work)
    assert evidence.message == f"the Flux {kind} flux-system/apps keeps it and was asked to reconcile"
    notes = get(cluster.live(flux(kind)) or {}, "metadata", "annotations")
    forced = {"reconcile.fluxcd.io/forceAt": "2026-05-04T12:00:00Z"} if kind == "HelmRelease" else {}
    assert notes == {REQUESTED: "2026-05-04T12:00:00Z", **forced}
    assert colour(cluster) == "red"


def test_asking_again_asks_nothing_new(cluster: Stage) -> None:
    """A second attempt at the same work finds its request."""
    cluster.server.put(flux())
    cluster.server.put(marked(colour="red"))
    work = restore(cluster)
    first = cluster.applier.carry_out(work)
    writes = cluster.writes()
    assert cluster.applier.carry_out(work) == first
    assert cluster.writes() == writes


def test_health_waits_until_it_is_back(cluster: Stage) -> None:
    """What was asked for is under way until the named fields are as Git says."""
    cluster.server.put(flux())
    cluster.server.put(marked(colour="red"))
    work = restore(cluster)
    cluster.applier.carry_out(work)
    health = cluster.applier.health(work, now=NOW)
    assert health.state is HealthState.PROGRESSING
    assert health.evidence == ("the Flux Kustomization flux-system/apps has not put back yet: data.colour",)
    cluster.server.put(marked(colour="blue"), manager="kustomize-controller")
    assert cluster.applier.health(work, now=NOW).state is HealthState.HEALTHY
    assert cluster.applier.carry_out(work).message == "ConfigMap/shop/settings has these fields as declared"


def test_who_is_suspended_is_not_asked(cluster: Stage) -> None:
    """A suspended Kustomization would do nothing: that is said, and nothing is done past it."""
    cluster.server.put(flux(suspend=True))
    cluster.server.put(marked(colour="red"))
    with pytest.raises(Refused, match="keeps it and is suspended"):
        cluster.applier.carry_out(restore(cluster))
    assert colour(cluster) == "red"


@pytest.mark.parametrize("note", ["reconcile", "gone"])
def test_an_object_that_nobody_keeps_is_put_back_by_us(cluster: Stage, note: str) -> None:
    """Marks whose Kustomization is gone, and an object that Flux was told to leave alone, stop nobody."""
    tree = marked(colour="red")
    if note == "reconcile":
        cluster.server.put(flux())
        tree["metadata"]["annotations"] = {f"{FLUX}/reconcile": "disabled"}
    cluster.server.put(tree)
    cluster.applier.carry_out(restore(cluster))
    assert colour(cluster) == "blue"


def test_argo_syncs_this_object_alone(cluster: Stage) -> None:
    """The Application gets one sync operation with this resource, its own options and the token of the work."""
    cluster.server.put(application())
    cluster.server.put(tracked(colour="red"))
    work = restore(cluster)
    cluster.applier.rehearse(work)
    assert "operation" not in (cluster.live(application()) or {})
    evidence = cluster.applier.carry_out(work)
    assert evidence.facts == {"asked": "Argo CD Application argocd/shop", "sync": "token-1"}
    operation = (cluster.live(application()) or {})["operation"]
    assert operation["sync"] == {
        "resources": [{"kind": "ConfigMap", "namespace": "shop", "name": "settings"}],
        "syncStrategy": {"hook": {}},
        "syncOptions": ["ServerSideApply=true"],
    }
    assert operation["info"] == [{"name": "clockwork", "value": "token-1"}]
    assert colour(cluster) == "red"
    writes = cluster.writes()
    assert cluster.applier.carry_out(work) == evidence
    assert cluster.writes() == writes


def test_argo_remembers_what_it_was_asked(cluster: Stage) -> None:
    """An operation of ours that has ended is in the status: it is not asked for again, and its failure is told."""
    cluster.server.put(tracked(colour="red"))
    work = restore(cluster)
    info = [{"name": "clockwork", "value": work.token}]
    state = {"operation": {"info": info}, "phase": "Failed", "message": "one or more objects failed to apply"}
    ended = application()
    ended["status"]["operationState"] = state
    cluster.server.put(ended)
    cluster.applier.carry_out(work)
    assert "operation" not in (cluster.live(application()) or {})
    health = cluster.applier.health(work, now=NOW)
    assert health.state is HealthState.FAILED
    assert "its sync ended: one or more objects failed to apply" in health.evidence


def test_another_sync_is_waited_for(cluster: Stage) -> None:
    """While the Application is busy with something else nothing is asked: its operation would be lost."""
    busy = application(operation={"sync": {"revision": "main"}})
    cluster.server.put(busy)
    cluster.server.put(tracked(colour="red"))
    with pytest.raises(Unavailable, match="in the middle of another sync"):
        cluster.applier.carry_out(restore(cluster))
    assert (cluster.live(application()) or {})["operation"] == busy["operation"]


def test_where_a_sync_is_refused_a_refresh_is_asked_for(cluster: Stage) -> None:
    """Who may not order a sync has the Application look again, so that its own rules do the rest."""
    cluster.server.put(application())
    cluster.server.put(tracked(colour="red"))
    cluster.server.fail(lambda request: request.method == "PATCH" and b'"operation"' in request.body, 403)
    evidence = cluster.applier.carry_out(restore(cluster))
    assert evidence.facts["refresh"] == "2026-05-04T12:00:00Z"
    assert get(cluster.live(application()) or {}, "metadata", "annotations") == {"argocd.argoproj.io/refresh": "normal"}


def test_a_label_that_only_looks_so_asks_nobody(cluster: Stage) -> None:
    """An Application that does not list the object does not keep it, whatever its label says: charts use it too."""
    cluster.server.put(application(keeps=False))
    tree = config(colour="red")
    tree["metadata"]["labels"] = {"app.kubernetes.io/instance": "shop"}
    cluster.server.put(tree)
    cluster.applier.carry_out(restore(cluster))
    assert colour(cluster) == "blue"
    assert "operation" not in (cluster.live(application()) or {})


def test_a_whole_apply_asks_nobody(cluster: Stage) -> None:
    """Applying is what a plan was agreed to for; only restoring single fields goes through who keeps the object."""
    cluster.server.put(flux())
    cluster.server.put(marked(colour="red"), manager="clockwork")
    work = replace(cluster.work(Operation.UPDATE, config(colour="blue")), partial=False)
    cluster.applier.carry_out(work)
    assert colour(cluster) == "blue"
