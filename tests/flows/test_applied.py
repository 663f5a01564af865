"""What was last applied is remembered on a ref, and tells a removal from an addition."""

from __future__ import annotations

from bot.flows.applied import APPLIED
from bot.model.drift import DriftKind
from tests.flows.stage import Stage


def test_a_removed_field_is_told_by_the_base(stage: Stage) -> None:
    """A label that was applied and then dropped from Git is removed; one that nobody declared is not."""
    stage.edit(
        "k8s/web.yaml",
        lambda text: text.replace("  namespace: shop\n", "  namespace: shop\n  labels: {tier: front}\n", 1),
    )
    stage.objects["Deployment"]["metadata"]["labels"] = {"tier": "front"}
    assert not stage.tick().report.drift
    head = stage.commits()[0]["sha"]
    loop = stage.loop()
    loop.run.repository.push(APPLIED, head, expected=None)
    stage.edit("k8s/web.yaml", lambda text: text.replace("  labels: {tier: front}\n", "", 1))
    (drift,) = stage.tick(fresh=True).report.drift
    assert (drift.kind, drift.where) == (DriftKind.REMOVED, "metadata.labels.tier")


def test_a_dropped_resource_is_still_live(stage: Stage) -> None:
    """A whole resource that was applied and is gone from Git is reported as long as it runs."""
    stage.loop().run.repository.push(APPLIED, stage.commits()[0]["sha"], expected=None)
    service = stage.api("GET", "/contents/k8s/service.yaml")
    stage.api("DELETE", "/contents/k8s/service.yaml", message="Not needed", sha=service["sha"], branch="main")
    (drift,) = stage.tick(fresh=True).report.drift
    assert str(drift.resource) == "Service/shop/web"
    assert drift.kind in {DriftKind.REMOVED, DriftKind.UNMANAGED}
