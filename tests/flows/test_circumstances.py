"""What a run depends on beside what runs: alike twice, nothing but live state can have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.flows.circumstances import Circumstances, circumstances, news, touched
from bot.flows.commands import record_order
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from tests.flows.world import World

AT = datetime(2026, 3, 1, tzinfo=UTC)
OURS = Issue(
    3, "u", ItemState.OPEN, "Title", "", "clockwork[bot]", ("clockwork",), Marker("runbook-issue", "web", "d"), AT
)
THEIRS = PullRequest(4, "u", ItemState.OPEN, "Idea", "", "rosa", 1, "main", "b", "idea", "h", updated_at=AT)
BEFORE = Circumstances("c1", LedgerView("t1"), (OURS,), (THEIRS,))
LATER = AT + timedelta(seconds=1)


def entry(kind: EntryKind) -> Entry:
    """An entry of that kind."""
    return Entry(f"{kind:0>32}", kind, LATER, Actor("rosa"))


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE, []),
        (replace(BEFORE, head="c2"), ["the branch moved"]),
        (replace(BEFORE, ledger=LedgerView("t2")), ["the ledger has new entries"]),
        (replace(BEFORE, ledger=LedgerView("t2", (entry(EntryKind.NOTE),))), []),
        (
            replace(BEFORE, ledger=LedgerView("t2", (entry(EntryKind.NOTE), entry(EntryKind.HALT)))),
            ["the ledger has new entries"],
        ),
        (replace(BEFORE, items=()), ["#3 is gone"]),
        (replace(BEFORE, items=(replace(OURS, state=ItemState.CLOSED),)), ["#3 changed"]),
        (replace(BEFORE, items=(replace(OURS, updated_at=LATER),)), ["#3 changed"]),
        (replace(BEFORE, items=(OURS, replace(OURS, number=5))), ["#5 changed"]),
        (replace(BEFORE, pulls=(replace(THEIRS, head_sha="h2"),)), []),
        (replace(BEFORE, pulls=()), []),
    ],
)
def test_what_matters_to_a_run_is_news(after: Circumstances, told: list[str]) -> None:
    """The branch, the ledger and what is ours; what others propose does not change what differs."""
    assert list(news(BEFORE, after)) == told


@pytest.mark.parametrize(
    ("after", "numbers"),
    [
        (BEFORE, set()),
        (replace(BEFORE, items=(replace(OURS, updated_at=LATER),)), {3}),
        (replace(BEFORE, pulls=(replace(THEIRS, updated_at=LATER),)), {4}),
        (replace(BEFORE, pulls=(THEIRS, replace(THEIRS, number=6))), {6}),
        (replace(BEFORE, items=(replace(OURS, state=ItemState.CLOSED, updated_at=LATER),)), set()),
    ],
)
def test_where_something_happened_a_comment_may_be_new(after: Circumstances, numbers: set[int]) -> None:
    """In open items of ours and open pull requests of anybody."""
    assert touched(BEFORE, after) == numbers


def test_nothing_but_what_runs_changes_between_two_readings(world: World) -> None:
    """Read from a real repository and ledger: alike until somebody pushes, orders, or a run proposes something."""
    run = world.loop().run
    first = circumstances(run)
    world.config_drift("web", 8081)
    assert list(news(first, circumstances(run))) == []
    world.commit_by_hand("main")
    assert list(news(first, circumstances(run))) == ["the branch moved"]
    record_order(run, EntryKind.HALT, reason="audit")
    assert list(news(first, circumstances(run))) == ["the branch moved", "the ledger has new entries"]
    record_order(run, EntryKind.RESUME, reason="done")
    second = circumstances(run)
    world.tick(world.loop())
    third = circumstances(run)
    assert list(news(second, third)) == ["the ledger has new entries", "#1 changed"]
    assert [item.number for item in third.waiting] == [1]
