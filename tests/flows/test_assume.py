"""A simulation may assume the drift of an earlier report instead of looking."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.errors import Invalid
from bot.flows.reconcile import tick
from bot.model.proposal import Effect
from bot.report.json import to_json
from bot.wiring.reconcile import open_loop
from tests.flows.stage import Stage


def test_assuming_a_report_plans_what_looking_would(stage: Stage) -> None:
    """The plan from a report's drift is the plan from the live state it was made of, and writes nothing."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    looked = stage.tick(dry_run=True)
    report = stage.directory / "drift.json"
    report.write_text(json.dumps(to_json(looked.report)))
    stage.restore()
    loop = open_loop(replace(stage.options(), live=str(report)), dry_run=True, clock=stage.clock)
    assumed = tick(loop)
    assert [(a.effect, a.lane, a.task, a.fingerprint) for a in assumed.actions] == [
        (a.effect, a.lane, a.task, a.fingerprint) for a in looked.actions
    ]
    assert {action.effect for action in assumed.actions} == {Effect.PLANNED}
    assert len(stage.commits()) == 1


def test_a_report_that_is_none_is_named(stage: Stage) -> None:
    """A mistake in the file is told with its place."""
    report = stage.directory / "drift.json"
    report.write_text('{"drift": [{"resource": "Service/shop/web", "platform": "moon"}]}')
    loop = open_loop(replace(stage.options(), live=str(report)), dry_run=True, clock=stage.clock)
    with pytest.raises(Invalid, match=r"drift\.json: drift\.0\.platform"):
        tick(loop)


@pytest.mark.parametrize(("observer", "closed"), [("kubernetes", 0), ("snapshot", 0), ("docker", 1), ("terraform", 1)])
def test_what_a_report_could_not_see_is_not_gone(stage: Stage, observer: str, closed: int) -> None:
    """A pull request is closed only where the report's look covered its platform; elsewhere silence means nothing."""
    stage.config_drift()
    (opened,) = stage.tick().actions
    assert opened.effect is Effect.OPENED
    blind = {"observer": observer, "target": "https://10.0.0.1:6443", "cause": "connection refused"}
    report = stage.directory / "drift.json"
    report.write_text(json.dumps({"drift": [], "unreachable": [blind]}))
    loop = open_loop(replace(stage.options(), live=str(report)), dry_run=True, clock=stage.clock)
    assumed = tick(loop)
    assert [unreachable.cause for unreachable in assumed.report.unreachable] == ["connection refused"]
    assert [action.number for action in assumed.actions] == [opened.number] * closed
