"""The limits: ``python -m tests.benchmarks.bench_safety``. A permit over a ledger of 10,000 entries, cold and warm.

The peer is what one would write first: a loop over all entries for every question.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.model.severity import Severity
from bot.safety.compaction import Retention, retained
from bot.safety.limits import Limits, Request, permit
from bot.safety.state import state

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
ENTRIES = 10_000


def main() -> None:
    entries = _entries()
    request = Request("task7", Lane.ARTIFACT_PATCH, Severity.LOW, fields=("field of task7",), fingerprint="f7")
    limits = Limits()

    def cold() -> None:
        permit(LedgerView("t" * 40, (*entries,)[:-1] + entries[-1:]), request, limits, NOW)

    view = LedgerView("t" * 40, entries)
    permit(view, request, limits, NOW)
    first = _median(cold, 10)
    warm = _median(lambda: permit(view, request, limits, NOW), 200)
    naive = _median(lambda: _naive(entries, "task7"), 20)
    print(f"permit over {ENTRIES:,} entries, first time   {first:9.2f} ms")
    print(f"permit, index known                    {warm:9.4f} ms")
    print(f"a loop over all entries                {naive:9.2f} ms    {naive / warm:,.0f} times as long")
    print(f"state, index known                     {_median(lambda: state(view, NOW), 50):9.4f} ms")
    print(f"what compaction would keep             {_median(lambda: retained(entries, Retention()), 5):9.2f} ms")


def _naive(entries: tuple[Entry, ...], task: str) -> int:
    ended = {entry.intent: entry for entry in entries if entry.kind is EntryKind.OUTCOME}
    horizon = NOW - timedelta(hours=1)
    used = 0
    for entry in entries:
        if entry.kind is EntryKind.INTENT and entry.task == task and entry.at > horizon:
            outcome = ended.get(entry.id)
            used += outcome is None or outcome.result is not Result.ABANDONED
    return used


def _entries() -> tuple[Entry, ...]:
    made: list[Entry] = []
    for number in range(ENTRIES // 2):
        at = NOW - timedelta(seconds=20 * (ENTRIES // 2 - number))
        task = f"task{number % 100}"
        intent = Entry(
            f"{2 * number:032x}", EntryKind.INTENT, at, Actor("bot"), task, Lane.ARTIFACT_PATCH, f"f{number % 100}",
            fields=(f"field of {task}",), severity="LOW",
        )  # fmt: skip
        outcome = Entry(
            f"{2 * number + 1:032x}", EntryKind.OUTCOME, at, Actor("bot"), task, Lane.ARTIFACT_PATCH,
            intent=intent.id, result=Result.SUCCEEDED,
        )  # fmt: skip
        made += [intent, outcome]
    return tuple(made)


def _median(work: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1000


if __name__ == "__main__":
    main()
