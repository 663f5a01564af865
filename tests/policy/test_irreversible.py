"""Which drifts people have to deal with: mounts of data that are gone or replaced."""

from __future__ import annotations

import pytest

from bot.model.drift import DriftKind
from bot.model.json import JSON
from bot.policy.context import Context
from bot.policy.destructive import destructive
from tests.policy.cases import drift

POD = "spec.template.spec.volumes[data]"
SERVICE = "volumes[/data]"


@pytest.mark.parametrize("kind", [DriftKind.CHANGED, DriftKind.MISSING])
@pytest.mark.parametrize(
    ("resource", "path", "desired", "data"),
    [
        ("Deployment/shop/web", POD, {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, True),
        ("Deployment/shop/web", POD, {"name": "data", "emptyDir": {}}, False),
        ("Deployment/shop/web", POD, {"name": "data", "configMap": {"name": "data"}}, False),
        ("Deployment/shop/web", POD, {"name": "data", "hostPath": {"path": "/data"}}, False),
        ("service/shop/web", SERVICE, {"type": "volume", "source": "data", "target": "/data"}, True),
        ("service/shop/web", SERVICE, {"type": "bind", "source": "/srv", "target": "/data"}, False),
        ("service/shop/web", SERVICE, {"type": "tmpfs", "target": "/data"}, False),
        ("service/shop/web", SERVICE, "data:/data", False),
        ("service/shop/web", "secrets[x]", {"type": "volume"}, False),
        ("aws_instance/shop/web", SERVICE, {"type": "volume"}, False),
    ],
)
def test_a_mount_of_data_that_is_gone_needs_people(
    kind: DriftKind, resource: str, path: str, desired: JSON, data: bool
) -> None:
    """Claims and named volumes hold data; scratch space, configuration and folders of the host are no claim of ours."""
    reason = destructive(drift(resource, path, desired, None, kind=kind), Context())
    assert (reason is not None) is data
    assert reason is None or "a mounted data volume is gone or another one is in its place" in reason


def test_a_mount_that_only_runs_is_no_loss_of_data() -> None:
    """A named volume that was mounted by hand takes nothing away."""
    live = {"type": "volume", "source": "extra", "target": "/extra"}
    assert destructive(drift("service/shop/web", SERVICE, None, live, kind=DriftKind.ADDED), Context()) is None
