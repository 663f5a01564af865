"""A small soak: real processes over ``git http-backend`` with failing pushes and kills break no promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.run import Plan, soak


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_soak_is_clean(tmp_path: Path) -> None:
    """No budget exceeded, nothing twice, no entry lost, no intent left open; and things did go wrong meanwhile."""
    plan = Plan(bots=3, drifts=5, ticks=6, push_failures=0.2, kills=0.2, changes=0.4, refusals=0.2)
    tally, verdict = soak(plan, tmp_path)
    assert verdict.clean, verdict
    assert verdict.fixes > 0
    assert tally.counts["push failures"] + tally.counts["killed"] > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_refusals_stop_nothing_for_good(tmp_path: Path) -> None:
    """However often rules, rights and limits turn writes down, no person has to lift a stop."""
    plan = Plan(bots=2, drifts=5, ticks=8, push_failures=0, kills=0, changes=0.6, refusals=0.5)
    tally, verdict = soak(plan, tmp_path)
    assert verdict.clean, verdict
    assert tally.counts["refusals"] > 0
    assert tally.counts["resumed"] == 0
