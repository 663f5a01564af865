"""Somebody who may push changes the ledger by hand: who knew it before writes nothing on it, whatever it looks like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from bot.errors import Refused
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.ledger.records import GENESIS, digest, encoded
from bot.gitrepo.ledger.tree import read_tree
from bot.model.ledger import Entry, EntryKind
from tests.gitrepo.server import GitServer, git
from tests.gitrepo.test_ledger import REF, entry, fill, opened, rewrite

Files = dict[str, bytes | None]

BEFORE = [entry(1), entry(2, EntryKind.RESUME, reason="go"), entry(3, EntryKind.HALT, reason="stop")]


@pytest.fixture
def bare(box: GitServer) -> Path:
    """A repository on the server whose ledger ends in a halt."""
    path = box.bare("shop.git")
    ledger = GitLedger(str(path), path.parent / "writer")
    for record in BEFORE:
        ledger.append(ledger.read(), [record])
    return path


def tip(bare: Path) -> str:
    return git("rev-parse", REF, at=bare)


def lines(entries: list[Entry]) -> list[bytes]:
    """The chained lines of ``entries``, as an honest writer makes them."""
    records: list[bytes] = []
    for record in entries:
        records.append(encoded(record, digest(records[-1]) if records else GENESIS))
    return records


TRUE = lines(BEFORE)


def manifest(sequence: int = 3, head: str = digest(TRUE[-1])) -> bytes:
    values = {"format": "clockwork-ledger", "schema_version": 1, "sequence": sequence, "head": head}
    return json.dumps(values).encode()


def snapshot(kept: list[bytes], **more: object) -> Files:
    """The changes of a compaction to ``kept``."""
    facts = {"v": 1, "sequence": 3, "head": digest(TRUE[-1]), "folded": 3 - len(kept), "seconds": 172800.0}
    data = b"".join(line + b"\n" for line in [json.dumps(facts | {"attempts": 4} | more).encode(), *kept])
    return {**{f"tail/000000000{n}.jsonl": None for n in (1, 2, 3)}, "snapshot.jsonl": data}


def swapped() -> Files:
    """The halt became a note, and the manifest says so too: by itself this tree is whole."""
    false = lines([*BEFORE[:2], replace(BEFORE[2], kind=EntryKind.NOTE)])[2]
    return {"tail/0000000003.jsonl": false + b"\n", "ledger.json": manifest(head=digest(false))}


def shortened() -> Files:
    """The halt is gone and another entry is in its place."""
    false = lines([*BEFORE[:2], entry(4), entry(5)])
    return {
        "tail/0000000003.jsonl": b"".join(line + b"\n" for line in false[2:]),
        "ledger.json": manifest(sequence=4, head=digest(false[-1])),
    }


def slipped_in() -> Files:
    """The snapshot stands for one entry more than there ever was."""
    false = lines([*BEFORE, entry(4, EntryKind.RESUME)])
    head = digest(false[-1])
    return {**snapshot(false, sequence=4, head=head, folded=0), "ledger.json": manifest(sequence=4, head=head)}


TAMPERED: dict[str, Callable[[], Files]] = {
    "halt became a note": swapped,
    "halt replaced": shortened,
    "everything folded away": lambda: snapshot([], folded=3),
    "halt folded away": lambda: snapshot(TRUE[:2]),
    "halt before its resume": lambda: snapshot([TRUE[0], TRUE[2], TRUE[1]]),
    "halt changed in the snapshot": lambda: snapshot([*TRUE[:2], lines([entry(3)])[0]]),
    "kept for no time": lambda: snapshot(TRUE, seconds=0),
    "entry slipped in": slipped_in,
}


@pytest.mark.parametrize("case", list(TAMPERED))
def test_what_was_known_cannot_be_taken_back(case: str, bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Neither the process that read before nor the next one on its clone goes on; a ref that is put back is read again."""
    knowing = opened(box, tmp_path)
    view = knowing.read()
    rewrite(bare, TAMPERED[case]())
    bad = tip(bare)
    for ledger in (knowing, opened(box, tmp_path), knowing):
        with pytest.raises(Refused, match="tampered with in " + bad[:7]):
            ledger.read()
    assert opened(box, tmp_path, "verifier").verify().problems
    assert knowing.verify().problems
    with pytest.raises(Refused):
        opened(box, tmp_path).read()
    git("update-ref", REF, str(view.tip), at=bare)
    assert knowing.read() == opened(box, tmp_path).read() == view


def test_who_never_read_it_believes_and_cannot_be_followed(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """A fresh runner has nothing to compare with; what it writes after the tampering does not hide it from the others."""
    knowing = opened(box, tmp_path)
    knowing.read()
    rewrite(bare, TAMPERED["everything folded away"]())
    fill(opened(box, tmp_path, "fresh", compact_every=2), 5, start=10)
    for ledger in (knowing, opened(box, tmp_path)):
        with pytest.raises(Refused, match="tampered"):
            ledger.read()
    with pytest.raises(Refused, match="broken"):
        opened(box, tmp_path, "other").everything()


def test_a_break_between_two_compactions_is_found(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """The steps in between are checked one by one, not only the last."""
    knowing = opened(box, tmp_path)
    knowing.read()
    writer = opened(box, tmp_path, "writer", compact_every=2)
    fill(writer, 6, start=10)
    tree = git("ls-tree", "--name-only", f"{REF}:tail", at=bare).split()
    head = json.loads(git("show", f"{REF}:ledger.json", at=bare))
    nothing = snapshot([], sequence=head["sequence"], head=head["head"], folded=head["sequence"])
    gone: Files = {f"tail/{name}": None for name in tree}
    rewrite(bare, {**gone, "snapshot.jsonl": nothing["snapshot.jsonl"]})
    fill(opened(box, tmp_path, "fresh", compact_every=2), 6, start=20)
    with pytest.raises(Refused, match="entries that still count were dropped"):
        knowing.read()


def test_many_honest_compactions_are_followed(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Who was away while others folded several times reads on, as does the next process on the same shallow clone."""
    away, restarted = opened(box, tmp_path), opened(box, tmp_path, "restarted")
    away.read()
    restarted.read()
    writer = opened(box, tmp_path, "writer", compact_every=3)
    view = fill(writer, 20, start=10)
    assert int(git("rev-list", "--count", REF, "--", "snapshot.jsonl", at=bare)) > 3
    assert away.read() == opened(box, tmp_path, "restarted").read() == view
    assert away.append(away.read(), [entry(99)]).entries[-1] == entry(99)
    assert writer.read() == away.read()
    assert writer.verify().sound


def test_a_merge_of_another_history_is_no_step(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """A commit with two parents could bring a snapshot along that no step on the way made."""
    knowing = opened(box, tmp_path)
    knowing.read()
    mine = tip(bare)
    rewrite(bare, snapshot(TRUE))
    other = tip(bare)
    tree = git("rev-parse", f"{REF}^{{tree}}", at=bare)
    merge = git("commit-tree", tree, "-p", mine, "-p", other, "-m", "m", at=bare)
    git("update-ref", REF, merge, at=bare)
    with pytest.raises(Refused, match="fork"):
        knowing.read()


def forged(bare: Path, changes: dict[str, tuple[int, str]]) -> str:
    """The ledger's tree with these entries, (mode, object id) by name, put in as no Git client would."""
    repository = pygit2.Repository(str(bare))
    entries = {item.name or "": (int(item.filemode), str(item.id)) for item in repository[tip(bare)].peel(pygit2.Tree)}
    body = b"".join(
        f"{mode:o} {name}".encode() + b"\0" + bytes.fromhex(oid)
        for name, (mode, oid) in sorted((entries | changes).items())
    )
    return str(repository.odb.write(pygit2.enums.ObjectType.TREE, body))


def test_what_is_not_where_a_file_or_folder_belongs_is_refused(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """A folder for a file, a file for a folder, a symlink or a submodule: nobody reads it, and verify counts it."""
    repository, good = pygit2.Repository(str(bare)), tip(bare)
    blob, tail = (git("rev-parse", f"{REF}:{name}", at=bare) for name in ("ledger.json", "tail"))
    inside = repository.TreeBuilder()
    inside.insert("0000000001.jsonl", tail, pygit2.enums.FileMode.TREE)
    cases = [
        {"tail": (0o100644, blob)},
        {"tail": (0o120000, blob)},
        {"tail": (0o160000, "ab" * 20)},
        {"tail": (0o040000, str(inside.write()))},
        {"ledger.json": (0o040000, tail)},
        {"ledger.json": (0o120000, blob)},
        {"snapshot.jsonl": (0o040000, tail)},
        {"snapshot.jsonl": (0o160000, "ab" * 20)},
    ]
    knowing = opened(box, tmp_path)
    knowing.read()
    for number, case in enumerate(cases):
        commit = git("commit-tree", forged(bare, case), "-p", good, "-m", "m", at=bare)
        git("update-ref", REF, commit, at=bare)
        fresh = opened(box, tmp_path, f"fresh{number}")
        for ledger in (knowing, fresh, fresh):
            with pytest.raises(Refused, match=r"regular file|not a folder"):
                ledger.read()
        assert len(fresh.verify().problems) == 1
        with pytest.raises(Refused, match=r"regular file|not a folder"):
            fresh.everything()
        git("update-ref", REF, good, at=bare)
        assert len(fresh.read().entries) == 3


def test_a_tree_that_lies_about_what_it_holds_is_refused(bare: Path) -> None:
    """Objects of another type than their mode says, objects that are not there, and a tree that ends too early."""
    repository = pygit2.Repository(str(bare))
    blob, tail = (git("rev-parse", f"{REF}:{name}", at=bare) for name in ("ledger.json", "tail"))
    damaged = str(repository.odb.write(pygit2.enums.ObjectType.TREE, b"100644 x\0" + bytes(20) + b"40000"))
    liars = [
        *({"tail": (0o040000, oid)} for oid in (blob, damaged, "ab" * 20)),
        *({name: (0o100644, oid)} for name in ("ledger.json", "snapshot.jsonl") for oid in (tail, "ab" * 20)),
    ]
    for case in liars:
        with pytest.raises(Refused):
            read_tree(repository, forged(bare, case))


@pytest.mark.parametrize("what", ["{tree}", ":ledger.json"])
def test_a_ref_that_names_no_commit_is_refused(what: str, bare: Path, box: GitServer, tmp_path: Path) -> None:
    """A tree or a file cannot be a ledger, for readers old and new and for verify."""
    for number, url in enumerate((box.url("shop.git"), str(bare))):
        good = tip(bare)
        knowing = GitLedger(url, tmp_path / f"knowing{number}")
        knowing.read()
        git("update-ref", REF, git("rev-parse", REF + ("^" + what if what[0] == "{" else what), at=bare), at=bare)
        for ledger in (knowing, GitLedger(url, tmp_path / f"fresh{number}")):
            for ask in (ledger.read, ledger.verify, ledger.everything):
                with pytest.raises(Refused, match="no commit"):
                    ask()
        git("update-ref", REF, good, at=bare)
        assert len(knowing.read().entries) == 3


def test_a_newer_format_says_so_whatever_else_is_new_in_it(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Fields that this version does not know are no reason to call a later ledger broken."""
    newer = json.loads(manifest()) | {"schema_version": 2, "colour": "red"}
    good = tip(bare)
    cases: list[Files] = [{"ledger.json": json.dumps(newer).encode()}, snapshot(TRUE, v=2, colour="red")]
    for case in cases:
        rewrite(bare, case)
        with pytest.raises(Refused, match="schema version 2") as caught:
            opened(box, tmp_path).read()
        assert caught.value.advice == "update Clockwork"
        git("update-ref", REF, good, at=bare)


@pytest.mark.parametrize(
    "change", [{"seconds": -1}, {"seconds": float("nan")}, {"seconds": float("inf")}, {"attempts": -4}, {"folded": -1}]
)
def test_a_snapshot_with_impossible_figures_is_refused(
    change: dict[str, float], bare: Path, box: GitServer, tmp_path: Path
) -> None:
    """No figure in a file makes the reader stumble."""
    rewrite(bare, snapshot(TRUE, **change))
    with pytest.raises(Refused, match="does not parse"):
        opened(box, tmp_path).read()


def test_an_empty_file_in_the_tail_is_refused(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """The next honest append would have to replace it."""
    rewrite(bare, {"tail/0000000004.jsonl": b""})
    with pytest.raises(Refused, match="holds no entry"):
        opened(box, tmp_path).read()


def test_each_ref_is_remembered_for_itself(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Another ledger in the same clone has neither vanished nor been rewritten; each is still guarded."""
    first = opened(box, tmp_path)
    view = first.read()
    second = opened(box, tmp_path, ref="clockwork-ledger")
    assert second.read().tip is None
    other = fill(second, 2)
    assert opened(box, tmp_path).read() == view
    assert opened(box, tmp_path, ref="clockwork-ledger").read() == other
    git("branch", "-D", "clockwork-ledger", at=bare)
    git("update-ref", REF, f"{REF}~1", at=bare)
    with pytest.raises(Refused, match="refs/heads/clockwork-ledger vanished"):
        opened(box, tmp_path, ref="clockwork-ledger").read()
    with pytest.raises(Refused, match="rewritten"):
        opened(box, tmp_path).read()
