"""The steps of an issue about a gain of privilege: who did it, how it is restored, and no word of adopting it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.flows.runbook import steps
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.paths import parse_path
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity


def decided(
    resource: ResourceId, direction: Direction = Direction.RESTORE, file: str | None = "k8s/app.yaml"
) -> Decision:
    drift = Drift(
        resource=resource,
        task=str(resource),
        kind=DriftKind.ADDED,
        path=parse_path("spec.x"),
        desired=None,
        observed=True,
        severity=Severity.CRITICAL,
        rule="privileged",
        file=file,
        line=3,
        manager="python-requests",
        changed_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    )
    return Decision(drift, Lane.RUNBOOK_ISSUE, direction, "a#b", "high", ("because",))


CASES: list[tuple[ResourceId, str | None, list[str]]] = [
    (
        ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps"),
        "k8s/app.yaml",
        [
            "kubectl get deployment.apps web -n shop -o yaml --show-managed-fields",
            '.objectRef.name=="web"',
            "/var/log/kubernetes/audit.log",
            "kubectl diff -f k8s/app.yaml",
            "kubectl apply -f k8s/app.yaml",
        ],
    ),
    (
        ResourceId(Platform.KUBERNETES, "ClusterRole", "", "app", "rbac.authorization.k8s.io", "prod"),
        "base/a.yaml",
        ["clusterrole.rbac.authorization.k8s.io app", "clockwork drift --target prod"],
    ),
    (
        ResourceId(Platform.COMPOSE, "service", "shop", "web"),
        "compose.yaml",
        ["docker events --since 168h", "docker compose -p shop -f compose.yaml up -d web"],
    ),
    (
        ResourceId(Platform.TERRAFORM, "aws_s3_bucket_policy", "", "p"),
        "tf/main.tf",
        ["aws cloudtrail lookup-events", "terraform -chdir=tf apply -target=aws_s3_bucket_policy.p"],
    ),
    (ResourceId(Platform.TERRAFORM, "google_storage_bucket", "", "p"), None, ["gcloud logging read"]),
    (ResourceId(Platform.TERRAFORM, "azurerm_storage_account", "", "p"), None, ["az monitor activity-log list"]),
]


@pytest.mark.parametrize(("resource", "file", "commands"), CASES)
def test_the_steps_find_out_and_restore(resource: ResourceId, file: str | None, commands: list[str]) -> None:
    """In this order; adopting is said to take a person's own pull request."""
    made = steps([decided(resource, file=file)], lone_files=["k8s/app.yaml"])
    shown = "\n".join(step.command or "" for step in made)
    assert all(command in shown for command in commands)
    assert made[0].text.startswith("Find out who did it")
    assert not any("Or adopt" in step.text for step in made)
    assert "direction: adopt" in made[-1].text


def test_a_whole_resource_that_grants_is_deleted_rather_than_applied() -> None:
    """Nobody declares it: who made it is found out, it is deleted, and keeping it takes a reviewed pull request."""
    binding = decided(ResourceId(Platform.KUBERNETES, "ClusterRoleBinding", "", "x"))
    made = steps(
        [replace(binding, drift=replace(binding.drift, kind=DriftKind.UNMANAGED, path=(), rule="cluster-admin"))]
    )
    assert made[0].text.startswith("Find out who did it")
    assert any(step.command == "kubectl delete clusterrolebinding x" for step in made)
    assert not any("Decide whether to keep it" in step.text for step in made)
    assert "that somebody reviews" in made[-1].text


def test_the_recorded_writer_is_named() -> None:
    """With the time."""
    first = steps([decided(CASES[0][0])])[0]
    assert "python-requests at 2026-03-01 10:00 UTC" in first.text


def test_hostile_names_stay_inside_of_their_quotes() -> None:
    """A person may paste the command."""
    made = steps([decided(ResourceId(Platform.KUBERNETES, "Pod", "shop", "a'; rm -rf /"))])
    commands = "\n".join(step.command or "" for step in made)
    assert "'a'\"'\"'; rm -rf /'" in commands
    cloud = steps([decided(ResourceId(Platform.TERRAFORM, "aws_x", "", "a'$(id)"), file=None)])
    assert "$(" not in (cloud[0].command or "")


def test_a_rule_that_adopts_gets_the_steps_of_any_drift() -> None:
    """It said so for it."""
    made = steps([decided(CASES[0][0], Direction.ADOPT)])
    assert any("Or adopt" in step.text for step in made)
