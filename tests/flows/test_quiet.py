"""Where nothing drifts, nothing is written and the host is asked a fixed number of questions, most of them conditional."""

from __future__ import annotations

from bot.flows.reconcile import tick
from tests.flows.stage import Stage


def test_a_quiet_tick_asks_the_same_few_questions(stage: Stage) -> None:
    """No write; as many requests with thirty open issues of others as without; answered 304 when nothing changed."""
    loop = stage.loop()
    tick(loop)
    counts = []
    for more in (0, 30):
        for number in range(more):
            stage.api("POST", "/issues", title=f"Somebody's issue {number}")
        tick(loop)
        stage.box.requests.clear()
        assert not tick(loop).wrote
        lines = stage.box.requests.lines()
        assert not stage.box.requests.writes()
        asked = [line for line in lines if line.path.startswith("/repos")]
        assert {line.status for line in asked} == {304}
        counts.append(len(lines))
    assert counts[0] == counts[1]
    assert counts[0] <= 6
