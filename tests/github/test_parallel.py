"""Eight processes at once on one sandbox: one pull request, one issue, one comment."""

from __future__ import annotations

import multiprocessing

import pytest

from bot.model.codehost import ItemState
from tests.github.bots import LABELS, make, one_bot, tie
from tests.github.conftest import World

BOTS = 8


@pytest.mark.slow
def test_parallel_bots_make_one_of_each(world: World) -> None:
    """All eight get the same pull request; of issues and comments one stays, however the processes interleave."""
    world.branch("clockwork/web")
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.github.bots"])
    start, results = processes.Barrier(BOTS), processes.Queue()
    arguments = (world.name, world.bot_token, world.box.api_url)
    shared = {"start": start, "results": results}
    bots = [processes.Process(target=one_bot, args=arguments, kwargs=shared) for _ in range(BOTS)]
    for bot in bots:
        bot.start()
    numbers = [results.get(timeout=120) for _ in bots]
    for bot in bots:
        bot.join(60)
    assert [bot.exitcode for bot in bots] == [0] * BOTS
    host = make(*arguments)
    host.open_issue(marker=tie(kind="runbook-issue"), title="t", body="b", labels=LABELS)
    assert {pull for pull, _ in numbers} == {pull.number for pull in host.pulls()}
    assert len(host.pulls()) == 1
    opened = [issue.number for issue in host.issues() if issue.state is ItemState.OPEN]
    assert opened == [min(issue.number for issue in host.issues())]
    assert len(host.comments(host.pulls()[0].number)) == 1
    host.close()
