"""A simulation may assume the drift of an earlier report instead of looking."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.drift.schema import to_json
from bot.errors import Invalid
from bot.flows.reconcile import tick
from bot.model.proposal import Effect
from bot.wiring import open_loop
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
    loop = open_loop(replace(stage.ways(), live=str(report)), dry_run=True, clock=stage.clock)
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
    loop = open_loop(replace(stage.ways(), live=str(report)), dry_run=True, clock=stage.clock)
    with pytest.raises(Invalid, match=r"drift\.json: drift\.0\.platform"):
        tick(loop)
