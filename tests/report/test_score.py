"""The score of a report, and what a report suggests to do about each difference."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, Report, Severity, Suppressed
from bot.model.resource import Platform, ResourceId, SourceError
from bot.report.runbook import suggested_actions
from bot.report.score import resource_scores, score

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


def drift(severity: Severity = LOW, name: str = "web", target: str = "", **fields: Any) -> Drift:
    """A difference of the replicas of a Deployment, unless ``fields`` say otherwise."""
    usual: dict[str, Any] = {"kind": DriftKind.CHANGED, "path": ("spec", "replicas"), "desired": 1, "observed": 2}
    usual |= {"platform": Platform.KUBERNETES, "file": "k8s/web.yaml", "line": 3, **fields}
    id_ = ResourceId(usual.pop("platform"), usual.pop("of", "Deployment"), "shop", name, "apps", target=target)
    return Drift(id_, str(id_), severity=severity, rule="field", **usual)


@pytest.mark.parametrize(
    ("severities", "points"),
    [((LOW,), 5), ((LOW, MEDIUM), 25), ((HIGH,), 50), ((HIGH, HIGH), 100), ((CRITICAL,), 100), ((CRITICAL, HIGH), 100)],
)
def test_the_score_of_a_resource_is_the_sum_of_its_differences(severities: tuple[Severity, ...], points: int) -> None:
    """A hundred at most."""
    report = Report(1, tuple(drift(severity) for severity in severities))
    assert list(resource_scores(report).values()) == [points]
    assert score(report) == points


def test_the_score_of_everything_is_the_mean_rounded_up() -> None:
    """One small difference in a thousand resources is not nothing; what runs undeclared is one resource more."""
    assert score(Report(1000, (drift(LOW),))) == 1
    assert score(Report(3, (drift(HIGH), drift(MEDIUM, "db")))) == 24
    extra = drift(HIGH, "tmp", kind=DriftKind.UNMANAGED, path=())
    assert score(Report(1, (extra,))) == 25
    assert score(Report(0, (extra,))) == 50


def test_each_target_has_a_score_of_its_own() -> None:
    """The worst resource comes first, whichever target it is in."""
    report = Report(5, (drift(LOW, target="stage"), drift(CRITICAL, target="prod")), targets={"prod": 2, "stage": 2})
    assert [(name, score(report, name)) for name in report.targets] == [("prod", 50), ("stage", 3)]
    assert [id_.target for id_ in resource_scores(report)] == ["prod", "stage"]
    assert score(report) == 21


def test_without_a_difference_the_score_is_nothing_or_unknown() -> None:
    """What is suppressed counts nothing; what was not compared is not in sync."""
    assert score(Report(3, suppressed=(Suppressed(drift(HIGH), "ignore:r", "why"),))) == 0
    assert score(Report(3, errors=(SourceError("a.yaml", 1, 1, "not YAML"),))) is None


APPLY = "kubectl apply -f k8s/web.yaml"


@pytest.mark.parametrize(
    ("lane", "fields", "beginning", "commands"),
    [
        (Lane.ARTIFACT_PATCH, {}, "Nothing to do: a run commits what runs as soon as the limits allow.", []),
        (Lane.ARTIFACT_PATCH, {"kind": DriftKind.STALE_ARTIFACT}, "Nothing to do: the next run", ["clockwork render"]),
        (Lane.CONFIG_PULL_REQUEST, {}, "To adopt", [APPLY]),
        (Lane.CONFIG_PULL_REQUEST, {"target": "prod"}, "To adopt", []),
        (Lane.CONFIG_PULL_REQUEST, {"platform": Platform.TERRAFORM}, "To adopt", []),
        (
            Lane.CONFIG_PULL_REQUEST,
            {"platform": Platform.COMPOSE, "of": "service", "file": "compose.yaml"},
            "To adopt",
            ["docker compose -p shop -f compose.yaml up -d web"],
        ),
        (Lane.RUNBOOK_ISSUE, {"kind": DriftKind.MISSING, "path": ()}, "Find out who deleted it", [APPLY]),
        (Lane.NOTHING, {}, "The next run only reports it.", [APPLY]),
        (Lane.NOTHING, {"kind": DriftKind.UNMANAGED, "path": (), "file": None}, "The next run only reports it.", []),
        (Lane.NOTHING, {"sensitive": True}, "The next run only reports it.", []),
    ],
)
def test_a_report_suggests_what_the_next_run_leaves_to_do(
    lane: Lane, fields: dict[str, Any], beginning: str, commands: list[str]
) -> None:
    """By the remedy that was decided; a command only where it restores and deletes nothing."""
    steps = suggested_actions(Decision(drift(**fields), lane, Direction.RESTORE, "r#1", "low", ("Because.",)))
    assert steps[0].text.startswith(beginning)
    restoring = [
        step.command for step in steps if step.command and ("render" in step.command or " -f " in step.command)
    ]
    assert [command for command in restoring if not command.startswith("kubectl diff")] == commands
