"""What on the code host is ours: known by the ledger's records, whatever became of label, author, text or name.

A record is the outcome of the intent that made or changed an item: the repository's id, the item's number and the host's
own id for it, the branch. Markers, which the adapter reads, are evidence for items whose making no run lived to record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from bot.model.codehost import HostFacts, Issue, ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView, Result

NUMBER: Final = "number"
REPOSITORY: Final = "repository"
NODE: Final = "node"
BRANCH: Final = "branch"
KIND: Final = "kind"
"""Keys in the detail of an outcome that made or changed an item; :data:`KIND` only where the lane does not tell it. A note
with them is about an item that shows no proposal.
"""
CLOSED_ITEM: Final = "closed-item"
"""The key in the detail of a note that says which item we closed ourselves."""
_PROPOSING: Final = frozenset({Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE})
ItemT = TypeVar("ItemT", bound=PullRequest | Issue)


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item as the ledger knows it: its number, what it is about, and on which repository (None: an older ledger)."""

    number: int
    marker: Marker
    repository: str | None
    link: str


def details(
    item: PullRequest | Issue, facts: HostFacts | None, *, kind: str | None, head: str | None
) -> dict[str, str]:
    """What the ledger is told of an item, so that it is known again."""
    item_details = {
        NUMBER: str(item.number),
        REPOSITORY: str(facts.id) if facts is not None and facts.id else "",
        NODE: item.node,
        BRANCH: item.head_ref if isinstance(item, PullRequest) else "",
        KIND: kind or "",
        "head": head or "",
    }
    return {name: value for name, value in item_details.items() if value}


def records(view: LedgerView) -> Mapping[int, ItemRecord]:
    """The newest record of each item."""
    records_by_number: dict[int, ItemRecord] = {}
    for entry in view.entries:
        record = _record(entry)
        if record is not None:
            records_by_number[record.number] = record
    return records_by_number


def _record(entry: Entry) -> ItemRecord | None:
    number, digest = entry.detail.get(NUMBER, ""), (entry.fingerprint or "").rpartition("-")[2]
    if entry.kind is EntryKind.NOTE and KIND in entry.detail and number.isdigit() and entry.task is not None:
        tag = Marker(entry.detail[KIND], entry.detail.get(BRANCH, entry.task), "")
        return ItemRecord(int(number), tag, entry.detail.get(REPOSITORY), entry.link or "")
    if entry.kind is not EntryKind.OUTCOME or entry.result is not Result.SUCCEEDED or entry.task is None:
        return None
    if not number.isdigit() or entry.lane not in _PROPOSING:
        return None
    kind = entry.detail.get(KIND) or entry.lane.value
    return ItemRecord(int(number), Marker(kind, entry.task, digest), entry.detail.get(REPOSITORY), entry.link or "")


def open_item(about: tuple[str, str], items: Iterable[ItemT]) -> ItemT | None:
    """The open one of ours about this; of several, the one that was made first."""
    same = (item for item in items if item.state is ItemState.OPEN and item.marker and item.marker.about == about)
    return min(same, key=lambda item: item.number, default=None)


def owned(items: Sequence[ItemT], item_records: Mapping[int, ItemRecord], facts: HostFacts | None) -> tuple[ItemT, ...]:
    """The items, those of ours with the marker that says what they are about.

    A valid marker about the same thing is newer than its record where a run died between the two.
    """
    return tuple(_owned(item, item_records.get(item.number), facts) for item in items)


def _owned(item: ItemT, record: ItemRecord | None, facts: HostFacts | None) -> ItemT:
    if record is None or not _is_of(record, item, facts):
        return item
    if item.marker is not None and item.marker.about == record.marker.about:
        return item
    return replace(item, marker=record.marker)


def _is_of(record: ItemRecord, item: PullRequest | Issue, facts: HostFacts | None) -> bool:
    """Whether a record is of this very item, and not of one with its number in a repository that the ledger came from."""
    if record.repository is not None:
        return facts is not None and record.repository == str(facts.id)
    return record.link == item.url or (item.claim is not None and item.claim.about == record.marker.about)


def closed_by_us(view: LedgerView) -> frozenset[str]:
    """The numbers of the items that a run of ours closed."""
    return frozenset(entry.detail[CLOSED_ITEM] for entry in view.entries if CLOSED_ITEM in entry.detail)
