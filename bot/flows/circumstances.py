"""Everything that a run depends on beside what runs, read without reading live state. Called by the daemon's check.

Two readings that are alike say that only what runs can have changed in between; so between two full comparisons a daemon
needs no more than this to notice pushes, orders, merged and closed pull requests, and comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.flows.context import RunContext
from bot.flows.identity import owned, records
from bot.flows.merge_queue import queued
from bot.model.codehost import Issue, ItemState, PullRequest, QueuedHead
from bot.model.ledger import EntryKind, LedgerView


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The branch's head, the ledger, our open pull requests and issues, everybody's open pull requests, and merge queues.

    ``items`` and ``pulls`` are empty without a code host.
    """

    head: str | None
    ledger: LedgerView
    items: tuple[PullRequest | Issue, ...] = ()
    pulls: tuple[PullRequest, ...] = ()
    name: str = ""
    """What the repository is called on the host by now."""
    queue: tuple[QueuedHead, ...] = ()
    """What waits in merge queues."""

    @property
    def waiting(self) -> tuple[PullRequest | Issue, ...]:
        """What of ours waits for people, newest first."""
        return tuple(item for item in self.items if item.state is ItemState.OPEN)

    def threads(self) -> Mapping[int, datetime | None]:
        """The number of every open item, and when somebody last did something there: a comment counts, too."""
        return {item.number: item.updated_at for item in (*self.waiting, *self.pulls)}


def circumstances(run: RunContext) -> Circumstances:
    """How things are now. Writes nothing."""
    run.repository.fetch()
    head, ledger = run.repository.head(run.branch), run.ledger.read()
    if run.host is None:
        return Circumstances(head, ledger)
    facts, item_records = run.host.facts(), records(ledger)
    pulls, issues = owned(run.host.pulls(), item_records, facts), owned(run.host.issues(), item_records, facts)
    everything: tuple[PullRequest | Issue, ...] = (*pulls, *issues)
    items = tuple(item for item in everything if item.marker is not None)
    return Circumstances(head, ledger, items, pulls, facts.name, tuple(queued(run.repository, facts)))


def news(before: Circumstances, after: Circumstances) -> Iterator[str]:
    """Why a run could come to another end than the one before, one reason each."""
    if before.head != after.head:
        yield "the branch moved"
    if before.ledger.tip != after.ledger.tip and _has_more(before.ledger, after.ledger):
        yield "the ledger has new entries"
    earlier_items = {item.number: item for item in before.items}
    for item in after.items:
        if item.number not in earlier_items or _facts(earlier_items[item.number]) != _facts(item):
            yield f"#{item.number} changed"
    missing_numbers = earlier_items.keys() - {item.number for item in after.items}
    yield from (f"#{number} is gone" for number in sorted(missing_numbers))


def touched(before: Circumstances, after: Circumstances) -> frozenset[int]:
    """The open items in which something happened, so that a comment may be new there."""
    earlier_threads = before.threads()
    return frozenset(
        number
        for number, at in after.threads().items()
        if number not in earlier_threads or earlier_threads[number] != at
    )


def _facts(item: PullRequest | Issue) -> tuple[object, ...]:
    head = item.head_sha if isinstance(item, PullRequest) else ""
    return (item.state, item.marker, item.title, item.labels, item.updated_at, head)


def _has_more(before: LedgerView, after: LedgerView) -> bool:
    """Whether something changed that a run heeds. Where notes alone were appended, people were told something."""
    earlier_ids = {entry.id for entry in before.entries}
    kinds = {entry.kind for entry in after.entries if entry.id not in earlier_ids}
    return kinds != {EntryKind.NOTE}
