"""The ledger over real smart HTTP: nothing lost, nothing read that cannot be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Invalid, Refused, Stale, Unavailable
from bot.gitrepo import trees
from bot.gitrepo.blobs import blob_bytes
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.ledger.records import GENESIS, decoded, encoded
from bot.gitrepo.repository import GitRepository
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.ports import Ledger
from bot.safety.compaction import Retention
from tests.gitrepo.conftest import NOW
from tests.gitrepo.server import GitServer, git

REF = "refs/clockwork/ledger"


def entry(number: int, kind: EntryKind = EntryKind.NOTE, **more: object) -> Entry:
    base = Entry(id=f"{number:032x}", kind=kind, at=NOW + timedelta(seconds=number), actor=Actor("ann", 7))
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.fixture
def bare(box: GitServer) -> Path:
    return box.bare("shop.git")


def opened(box: GitServer, tmp_path: Path, name: str = "ledger", **more: object) -> GitLedger:
    return GitLedger(box.url("shop.git"), tmp_path / name, **more)  # type: ignore[arg-type]


def fill(ledger: GitLedger, count: int, start: int = 1) -> LedgerView:
    view = ledger.read()
    for number in range(start, start + count):
        view = ledger.append(view, [entry(number)])
    return view


def test_an_empty_ledger_begins_with_its_first_entry(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """No ref is an empty ledger; the first append makes it; another runner reads the same entries."""
    ledger: Ledger = opened(box, tmp_path)
    assert ledger.read() == LedgerView(None)
    full = entry(
        1,
        EntryKind.OUTCOME,
        task="shop/web",
        lane=Lane.ARTIFACT_PATCH,
        fingerprint="ab" * 8,
        drifts=("d1", "d2"),
        fields=("Deployment/shop/web spec.replicas",),
        severity="LOW",
        intent="f" * 32,
        result=Result.SUCCEEDED,
        reason="line\nbreak \u2028 and \U0001f600",
        link="https://example.org/1",
        detail={"k": "v"},
    )
    view = ledger.append(ledger.read(), [full, entry(2)])
    assert view.entries == (full, entry(2))
    assert opened(box, tmp_path, "other").read() == view
    assert git("rev-parse", REF, at=bare) == view.tip
    assert git("fsck", "--strict", at=bare) == ""


def test_the_second_of_two_appends_is_stale(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """Both read the same tip; one is told to look again, and after that both entries are there."""
    first, two = opened(box, tmp_path, "one"), opened(box, tmp_path, "two")
    stale = two.read()
    first.append(first.read(), [entry(1)])
    with pytest.raises(Stale):
        two.append(stale, [entry(2)])
    assert [item.id for item in two.append(two.read(), [entry(2)]).entries] == [entry(1).id, entry(2).id]
    stale = first.read()
    two.append(two.read(), [entry(3)])
    with pytest.raises(Stale):
        first.append(stale, [entry(4)])
    assert len(first.read().entries) == 3


def test_a_lost_reply_is_no_lost_entry_and_no_second_one(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """An append whose answer is lost has happened once."""
    ledger = opened(box, tmp_path)
    view = fill(ledger, 1)
    box.drop_reply.set()
    assert len(ledger.append(view, [entry(2)]).entries) == 2
    assert len(opened(box, tmp_path, "other").read().entries) == 2


def test_an_unreachable_ledger_is_unavailable(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """When the server is away, neither reading nor appending pretends."""
    ledger = opened(box, tmp_path)
    view = fill(ledger, 1)
    box.before = lambda _method, _path: 503
    with pytest.raises(Unavailable):
        ledger.read()
    with pytest.raises(Unavailable):
        ledger.append(view, [entry(2)])


def test_a_fresh_runner_fetches_one_commit_and_reading_again_costs_one_request(
    box: GitServer, bare: Path, tmp_path: Path
) -> None:
    """The first fetch is shallow; a read with nothing new asks the server once."""
    fill(opened(box, tmp_path), 12)
    fresh = opened(box, tmp_path, "fresh")
    assert len(fresh.read().entries) == 12
    assert git("rev-list", "--count", "refs/clockwork/seen", at=tmp_path / "fresh") == "1"
    box.requests.clear()
    assert len(fresh.read().entries) == 12
    assert len(box.requests) == 1
    view = fresh.append(fresh.read(), [entry(13)])
    assert len(view.entries) == 13
    assert len(opened(box, tmp_path, "third").read().entries) == 13
    assert fresh.verify().commits == 13


def test_compaction_keeps_what_counts_and_verify_proves_it(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """Old notes are folded away; standing orders and open intents stay; the whole chain still verifies."""
    short = Retention(seconds=60.0)
    ledger = GitLedger(str(bare), tmp_path / "ledger", compact_every=10, retention=short)
    view = ledger.append(ledger.read(), [entry(1, EntryKind.HALT, reason="stop")])
    view = ledger.append(view, [entry(2, EntryKind.INTENT, task="shop/web", lane=Lane.ARTIFACT_PATCH)])
    for number in range(3, 110):
        view = ledger.append(view, [entry(number * 100)])
    assert view.entries[0].kind is EntryKind.SNAPSHOT
    assert view.entries[1:3] == (
        entry(1, EntryKind.HALT, reason="stop"),
        entry(2, EntryKind.INTENT, task="shop/web", lane=Lane.ARTIFACT_PATCH),
    )
    assert len(view.entries) < 90
    fresh = opened(box, tmp_path, "fresh", retention=short)
    assert fresh.read() == view
    verification = fresh.verify()
    assert (verification.problems, verification.entries, verification.commits) == ((), 109, 109)
    assert [item.id for item in fresh.everything()] == [f"{n:032x}" for n in (1, 2, *(100 * n for n in range(3, 110)))]


def test_a_reader_across_a_compaction_sees_the_same(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """A bot that read before somebody else's compaction reads on correctly after it."""
    writer = opened(box, tmp_path, compact_every=5)
    reader = opened(box, tmp_path, "reader")
    view = writer.read()
    for number in range(1, 14):
        view = writer.append(view, [entry(number)])
        assert reader.read() == view
    assert reader.append(reader.read(), [entry(14)]).entries[-1] == entry(14)
    assert writer.read() == reader.read()


def rewrite(bare: Path, tree: dict[str, bytes | None], *, parent: bool = True) -> None:
    """Puts a commit with changed files on the ledger by hand, as somebody who can push could."""
    repository = pygit2.Repository(str(bare))
    tip = repository.references[REF].target
    index = pygit2.Index()
    index.read_tree(repository[tip].tree)
    for path, data in tree.items():
        if data is None:
            index.remove(path)
        else:
            index.add(pygit2.IndexEntry(path, repository.create_blob(data), pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("Mallory", "m@example.org", 1, 0)
    made = repository.create_commit(None, who, who, "m", index.write_tree(repository), [tip] if parent else [])
    repository.references[REF].set_target(made)


def manifest(**changes: object) -> bytes:
    base = {"format": "clockwork-ledger", "schema_version": 1, "sequence": 3, "head": "0" * 64}
    return json.dumps(base | changes).encode()


TAMPERED: dict[str, dict[str, bytes | None]] = {
    "no manifest": {"ledger.json": None},
    "manifest is not JSON": {"ledger.json": b"{"},
    "newer schema": {"ledger.json": manifest(schema_version=2)},
    "wrong head": {"ledger.json": manifest()},
    "entry removed": {"tail/0000000003.jsonl": None},
    "entry removed in the middle": {"tail/0000000002.jsonl": None},
    "entry is not JSON": {"tail/0000000002.jsonl": b"{}\n"},
    "entry is of a newer version": {"tail/0000000002.jsonl": b'{"v":2,"colour":"red"}\n'},
    "entry forged": {"tail/0000000002.jsonl": encoded(entry(99), GENESIS) + b"\n"},
    "entry appended by hand": {"tail/0000000004.jsonl": encoded(entry(99), GENESIS) + b"\n"},
    "stray file in the tail": {"tail/README.md": b"hello\n"},
    "binary": {"tail/0000000003.jsonl": b"\xff\xfe\x00"},
    "deep": {"tail/0000000003.jsonl": b"[" * 100_000},
}


@pytest.mark.parametrize("case", list(TAMPERED))
def test_what_somebody_changed_by_hand_is_refused(case: str, box: GitServer, bare: Path, tmp_path: Path) -> None:
    """Whatever is wrong with the ledger, both an old and a fresh reader refuse it, and verify says where."""
    ledger = opened(box, tmp_path)
    fill(ledger, 3)
    rewrite(bare, TAMPERED[case])
    with pytest.raises(Refused):
        ledger.read()
    with pytest.raises(Refused):
        opened(box, tmp_path, "fresh").read()
    assert len(opened(box, tmp_path, "auditor").verify().problems) == 1


def test_other_peoples_files_beside_the_ledger_are_left_alone(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """A README on the ledger's branch changes nothing and stays."""
    ledger = opened(box, tmp_path)
    fill(ledger, 2)
    rewrite(bare, {"README.md": b"# ledger\n"})
    assert len(ledger.append(ledger.read(), [entry(3)]).entries) == 3
    assert git("show", f"{REF}:README.md", at=bare) == "# ledger"
    assert ledger.verify().sound


def test_a_rewritten_or_vanished_ledger_is_refused(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """What was seen once must still be in the chain; a fresh clone knows nothing and accepts."""
    ledger = opened(box, tmp_path)
    fill(ledger, 3)
    earlier = git("rev-parse", f"{REF}~1", at=bare)
    git("update-ref", REF, earlier, at=bare)
    with pytest.raises(Refused, match="rewritten"):
        ledger.read()
    with pytest.raises(Refused, match="rewritten"):
        opened(box, tmp_path).read()
    assert len(opened(box, tmp_path, "fresh").read().entries) == 2
    git("update-ref", "-d", REF, at=bare)
    with pytest.raises(Refused, match="vanished"):
        ledger.read()


@pytest.mark.parametrize(("seconds", "words"), [(86400, "2 entries that still count"), (0, "kept only the last 0 s")])
def test_verify_finds_a_dishonest_compaction(
    seconds: int, words: str, box: GitServer, bare: Path, tmp_path: Path
) -> None:
    """Dropping an entry that still counts by a made-up snapshot is found although every file parses."""
    ledger = opened(box, tmp_path)
    fill(ledger, 3)
    kept = git("show", f"{REF}:tail/0000000003.jsonl", at=bare).encode()
    head = json.loads(git("show", f"{REF}:ledger.json", at=bare))["head"]
    facts = {"v": 1, "sequence": 3, "head": head, "folded": 2, "seconds": seconds, "attempts": 1}
    first = json.dumps(facts).encode()
    gone: dict[str, bytes | None] = {f"tail/000000000{n}.jsonl": None for n in (1, 2, 3)}
    rewrite(bare, {**gone, "snapshot.jsonl": first + b"\n" + kept + b"\n"})
    with pytest.raises(Refused, match=words):
        ledger.read()
    problems = opened(box, tmp_path, "fresh").verify().problems
    assert words in problems[0]


def test_the_ledger_can_be_a_branch(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """A plain name is a branch."""
    ledger = opened(box, tmp_path, ref="clockwork-ledger")
    fill(ledger, 2)
    assert git("log", "--format=%s", "clockwork-ledger", at=bare).splitlines() == ["note", "note"]


def test_a_bare_folder_can_hold_the_ledger(tmp_path: Path) -> None:
    """A path instead of a URL works too, with compare-and-swap."""
    git("init", "-q", "--bare", str(tmp_path / "shop.git"))
    first = GitLedger(str(tmp_path / "shop.git"), tmp_path / "one")
    two = GitLedger(str(tmp_path / "shop.git"), tmp_path / "two")
    stale = two.read()
    first.append(first.read(), [entry(1)])
    with pytest.raises(Stale):
        two.append(stale, [entry(2)])
    assert len(two.append(two.read(), [entry(2)]).entries) == 2
    assert two.verify().sound


def test_each_file_of_the_ledger_is_read_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that begins where another ended reads what it knows already once, with news or without, and nothing to append."""
    git("init", "-q", "--bare", str(tmp_path / "shop.git"))
    address, clones = str(tmp_path / "shop.git"), (tmp_path / "one", tmp_path / "two")
    fill(GitLedger(address, clones[0]), 3)
    GitLedger(address, clones[1]).read()
    unpacked = list[str]()

    def counted(repository: pygit2.Repository, oid: str) -> bytes:
        unpacked.append(oid)
        return blob_bytes(repository, oid)

    monkeypatch.setattr("bot.gitrepo.ledger.tree.blob_bytes", counted)
    for clone, news in ((clones[1], 0), (clones[0], 1), (clones[1], 0)):
        ledger, before = GitLedger(address, clone), len(unpacked)
        view = ledger.read()
        read = unpacked[before:]
        assert len(read) == len(set(read))
        assert len(read) >= len(view.entries)
        if news:
            ledger.append(view, [entry(4)])
            assert unpacked[before:] == read


def test_a_folder_gives_what_is_asked_for_and_no_more(tmp_path: Path) -> None:
    """The clone of the ledger has nothing of the branches, and that of the branches nothing of the ledger; what comes with a
    commit, an annotated tag of it, or an entry, is as much as that, however long the history is.
    """
    remote, work = tmp_path / "shop.git", tmp_path / "work"
    git("init", "-q", "--bare", "-b", "main", str(remote))
    git("clone", "-q", str(remote), str(work))

    def push(number: int) -> None:
        (work / "file").write_text(f"{number}\n")
        git("add", "-A", at=work)
        git("commit", "-q", "-m", f"Commit {number}", at=work)
        git("push", "-q", "origin", "HEAD:main", at=work)

    push(0)
    repository = GitRepository.open(str(remote), tmp_path / "clone")
    repository.fetch()
    writer, reader = (GitLedger(str(remote), tmp_path / name) for name in ("writer", "reader"))
    sizes = list[tuple[int, int]]()
    for number in range(1, 6):
        push(number)
        git("tag", "-a", "-m", "x", f"v{number}", at=work)
        git("push", "-q", "origin", f"v{number}", at=work)
        writer.append(writer.read(), [entry(number)])
        repository.fetch()
        assert len(reader.read().entries) == number
        sizes.append((len([*repository.git]), len([*pygit2.Repository(str(tmp_path / "reader"))])))
    grown = [(now[0] - before[0], now[1] - before[1]) for before, now in pairwise(sizes)]
    assert {branches for branches, _ in grown} == {4}
    assert len({entries for _, entries in grown}) == 1
    assert (repository.head("main") or "") not in pygit2.Repository(str(tmp_path / "reader"))
    assert repository.tags() == [f"v{number}" for number in range(1, 6)]


def test_entries_that_nobody_could_read_are_not_written(box: GitServer, bare: Path, tmp_path: Path) -> None:
    """A malformed id, a naive time or a novel as reason is Invalid before anything is pushed."""
    ledger = opened(box, tmp_path)
    for wrong in (
        replace(entry(1), id="x"),
        replace(entry(1), at=NOW.replace(tzinfo=None)),
        replace(entry(1), reason="x" * 70_000),
    ):
        with pytest.raises(Invalid):
            ledger.append(ledger.read(), [wrong])
    assert ledger.read() == LedgerView(None)
    assert ledger.append(ledger.read(), []) == LedgerView(None)


def test_an_entry_names_each_of_thousands_of_objects() -> None:
    """A proposal that many objects join is one entry."""
    names = tuple(f"Deployment/shop/web-{number} spec.replicas" for number in range(5_000))
    line = encoded(entry(1, fields=names, drifts=names), GENESIS)
    assert decoded(line, location="here")[0].fields == names


def test_half_characters_are_replaced() -> None:
    """A lone surrogate, as undecodable file names have them, does not stop the ledger."""
    line = encoded(entry(1, reason="a\udc80b"), GENESIS)
    assert decoded(line, location="here")[0].reason == "a\ufffdb"


words = st.text(max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.builds(
        Entry,
        id=st.text("0123456789abcdef", min_size=32, max_size=32),
        kind=st.sampled_from(EntryKind),
        at=st.datetimes(timezones=st.just(NOW.tzinfo)),
        actor=st.builds(Actor, words, st.none() | st.integers(1, 2**53)),
        task=st.none() | words.filter(bool),
        lane=st.none() | st.sampled_from(Lane),
        fingerprint=st.none() | words.filter(bool),
        drifts=st.lists(words, max_size=3).map(tuple),
        fields=st.lists(words, max_size=3).map(tuple),
        severity=st.none() | words.filter(bool),
        result=st.none() | st.sampled_from(Result),
        reason=words,
        link=st.none() | words.filter(bool),
        detail=st.dictionaries(words, words, max_size=3),
    )
)
def test_every_entry_reads_back_as_it_was_written(written: Entry) -> None:
    """Encoding is one ASCII line and decoding is its inverse."""
    line = encoded(written, GENESIS)
    assert b"\n" not in line
    assert line.isascii()
    assert decoded(line, location="here") == (written, GENESIS)


def test_a_ledger_recorded_in_version_1_keeps_reading(tmp_path: Path) -> None:
    """These bytes were written by the first version; every later one reads them, and goes on from them."""
    bare = tmp_path / "shop.git"
    git("init", "-q", "--bare", str(bare))
    recorded = Path(__file__).parent / "ledger_v1"
    repository = pygit2.Repository(str(bare))
    files = {str(path.relative_to(recorded)): path.read_bytes() for path in recorded.rglob("*.json*")}
    tree = trees.written(repository, None, files)
    who = pygit2.Signature("A", "a@example.org", 1, 0)
    repository.create_commit(REF, who, who, "recorded", tree, [])
    ledger = GitLedger(str(bare), tmp_path / "ledger")
    view = ledger.read()
    kinds = [item.kind.value for item in view.entries]
    assert kinds == ["snapshot", "halt", "resume", "intent", "outcome", "suspend", "reject"]
    intent = view.entries[3]
    assert (intent.reason, intent.lane, intent.actor) == ("Fünf statt drei", Lane.ARTIFACT_PATCH, Actor("ann", 7))
    assert intent.at == NOW + timedelta(minutes=10)
    assert len(ledger.append(view, [entry(99)]).entries) == 8
    assert len(GitLedger(str(bare), tmp_path / "fresh").read().entries) == 8
