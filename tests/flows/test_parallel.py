"""Many bots on one drift over smart HTTP: exactly one commit, one pull request, one issue, no entry lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import BotError
from bot.flows.reconcile import tick
from bot.model.ledger import EntryKind, Result
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.entry import processes
from tests.flows.stage import MovableClock, Stage

BOTS = 8


def run(options: Options, cache: Path, start: str, results: str) -> None:
    """One bot in its own process with its own clone: waits for the start, ticks, writes down what it did."""
    import time
    from dataclasses import replace

    loop = open_loop(replace(options, cache=cache), clock=MovableClock())
    Path(results).write_text("ready")
    deadline = time.monotonic() + 60
    while not Path(start).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    lines = []
    for _ in range(2):
        try:
            lines += [f"{a.lane} {a.effect}" for a in tick(loop).actions]
        except BotError as exc:
            lines.append(f"error {exc.message}")
    Path(results).write_text("\n".join(["done", *lines]))


@pytest.mark.slow
def test_eight_bots_do_it_once(stage: Stage) -> None:
    """Whoever wins, the repository ends up with one of each and a ledger that tells it all."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    stage.show()
    context = processes()
    start = stage.directory / "start"
    results = [stage.directory / f"bot{number}" for number in range(BOTS)]
    bots = [
        context.Process(target=run, args=(stage.options(), stage.directory / f"clone{n}", str(start), str(result)))
        for n, result in enumerate(results)
    ]
    for bot in bots:
        bot.start()
    wait_for(results, "ready")
    start.touch()
    for bot in bots:
        bot.join(150)
        assert bot.exitcode == 0
    lines = [line for result in results for line in result.read_text().splitlines()]
    assert not [line for line in lines if line.startswith("error")], lines
    assert len(stage.commits()) == 2
    assert len(stage.pulls()) == 1
    assert len(stage.issues()) == 1
    entries = stage.loop(fresh=True).run.ledger.read().entries
    intents = {entry.id for entry in entries if entry.kind is EntryKind.INTENT}
    outcomes = [entry for entry in entries if entry.kind is EntryKind.OUTCOME]
    assert {entry.intent for entry in outcomes} == intents
    succeeded = [(entry.lane, entry.task) for entry in outcomes if entry.result is Result.SUCCEEDED]
    assert len(succeeded) == len(set(succeeded)) == 3, [(e.kind, e.lane, e.id[:6], e.reason, e.detail) for e in entries]


def wait_for(results: list[Path], word: str) -> None:
    """Return when every file starts with ``word``."""
    import time

    deadline = time.monotonic() + 120
    while not all(path.exists() and path.read_text().startswith(word) for path in results):
        assert time.monotonic() < deadline, "the bots did not get ready"
        time.sleep(0.05)
