"""Who holds a target, by its journal: the run that began last, did not end, and was heard of."""

from __future__ import annotations

from bot.model.ledger import EntryKind
from bot.safety.lease import HOLDER, LEASE, RELEASED, Lease, lease
from tests.safety.ledgers import Book, at
from tests.table import table

BEGAN, WORK, ENDED = EntryKind.NOTE, EntryKind.INTENT, {RELEASED: "true"}


@table(
    ("entries", "holds"),
    [
        ([], None),
        ([(BEGAN, {})], None),
        ([(BEGAN, {LEASE: "a"})], ("a", 0, 0)),
        ([(BEGAN, {LEASE: "a"}), (WORK, {LEASE: "a"}), (EntryKind.OUTCOME, {LEASE: "a"})], ("a", 0, 2)),
        ([(BEGAN, {LEASE: "a"}), (WORK, {})], ("a", 0, 0)),
        ([(BEGAN, {LEASE: "a"}), (BEGAN, {LEASE: "a"} | ENDED)], None),
        ([(BEGAN, {LEASE: "a"}), (BEGAN, {LEASE: "b"}), (WORK, {LEASE: "b"})], ("b", 1, 2)),
        ([(BEGAN, {LEASE: "a"}), (BEGAN, {LEASE: "a"} | ENDED), (BEGAN, {LEASE: "b"})], ("b", 2, 2)),
        ([(WORK, {LEASE: "a"})], None),
        ([(WORK, {}), (BEGAN, {LEASE: "a"})], ("a", 1, 1)),
    ],
)
def test_the_run_that_began_last_holds_a_target(
    entries: list[tuple[EntryKind, dict[str, str]]], holds: tuple[str, int, int] | None
) -> None:
    """Until it says that it ended; what else it writes renews its lease. Entries are a minute apart."""
    book = Book()
    written = [book.add(kind, minutes, detail=detail) for minutes, (kind, detail) in enumerate(entries)]
    if holds is None:
        assert lease(book.view) is None
        return
    run, began, renewed = holds
    assert lease(book.view) == Lease(run, written[began], at(renewed))


def test_a_lease_lasts_as_long_as_its_run_says_something() -> None:
    """The end does not belong to it, and a clock that is ahead only makes it last. Its process says its own name."""
    book = Book()
    held = Lease("a", book.add(BEGAN, 0, detail={LEASE: "a", HOLDER: "host/1"}), at(1))
    lasts = [held.lasts(at(minutes), 60) for minutes in (-5, 1, 1.99, 2, 3)]
    assert (held.holder, lasts) == ("host/1", [True, True, True, False, False])
    assert Lease("a", book.add(BEGAN, 0, detail={LEASE: "a"}), at(1)).holder == ""
