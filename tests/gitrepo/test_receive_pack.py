"""Pushes that are spoken over HTTP: what the server gets, what happens at once or not at all, and what libgit2 does instead."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pygit2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Stale
from bot.gitrepo.credentials import Token
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.packs import packet, packets
from bot.gitrepo.repository import GitRepository
from bot.model.ledger import Actor, Entry, EntryKind
from bot.ports import BranchMove
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git, serve

FILES: Mapping[str, bytes] = {
    "a.yaml": b"a: 1\n",
    "k8s/web.yaml": b"kind: Deployment\n",
    "k8s/base/x.yaml": b"x\n",
    "run.sh": b"#!/bin/sh\n",
}
_NAMES = st.sampled_from(
    ["a.yaml", "b.yaml", "k8s/web.yaml", "k8s/base/x.yaml", "k8s/base/y.yaml", "new/deep/down.yaml"]
)
_BYTES = st.one_of(st.none(), st.binary(max_size=40), st.integers(1, 200_000).map(lambda size: b"x" * size))


@pytest.fixture
def bare(box: GitServer) -> Path:
    path = box.bare("shop.git")
    seed(path, dict(FILES), modes={"run.sh": 0o100755})
    return path


@pytest.fixture
def ledger(box: GitServer, repo: GitRepository, tmp_path: Path) -> GitLedger:
    """The ledger beside the repository."""
    return GitLedger(box.url("shop.git"), tmp_path / "ledger", branches=repo)


def intent(number: int) -> Entry:
    return Entry(id=f"{number:032x}", kind=EntryKind.INTENT, at=NOW, actor=Actor("bot"), task="web", reason="because")


def numbers(ledger: GitLedger) -> list[int]:
    return [int(entry.id, 16) for entry in ledger.read().entries]


def refs(path: Path) -> dict[str, str]:
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", at=path).splitlines()
    return {name: sha for name, _, sha in (line.partition(" ") for line in lines)}


@settings(max_examples=15, deadline=None)
@given(pushes=st.lists(st.dictionaries(_NAMES, _BYTES, min_size=1, max_size=4), min_size=1, max_size=3))
def test_the_server_gets_exactly_what_is_here(pushes: list[dict[str, bytes | None]]) -> None:
    """Whatever a push changes, the server has the same files afterwards, and git finds nothing wrong with its objects."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "server") as box:
        bare = box.bare("shop.git")
        head = seed(bare, dict(FILES))
        repo = GitRepository.open(box.url("shop.git"), Path(folder) / "clone")
        repo.fetch()
        for number, changes in enumerate(pushes):
            commit = repo.commit(head, changes, message=f"{number}", at=NOW + timedelta(minutes=number))
            repo.push("main", commit, expected=head)
            head = commit
        files = {entry.path: repo.blob(entry.blob) for entry in repo.entries(head)}
        served = GitRepository.local(bare)
        assert {entry.path: served.blob(entry.blob) for entry in served.entries(head)} == files
        assert refs(bare)["refs/heads/main"] == head
        git("fsck", "--strict", "--no-dangling", at=bare)


def test_after_the_first_a_push_is_one_request(repo: GitRepository, bare: Path, box: GitServer) -> None:
    """The server is asked once what it is capable of; deleting is a push too."""
    head = refs(bare)["refs/heads/main"]
    first = repo.commit(head, {"a.yaml": b"1"}, message="1", at=NOW)
    repo.push("main", first, expected=head)
    box.requests.clear()
    second = repo.commit(first, {"a.yaml": b"2"}, message="2", at=NOW)
    repo.push("main", second, expected=first)
    repo.push("clockwork/x", first, expected=None)
    repo.delete_branch("clockwork/x", expected=first)
    assert box.requests == ["POST /shop.git/git-receive-pack"] * 3
    assert refs(bare) == {"refs/heads/main": second}


def test_several_commits_and_submodules_are_pushed(repo: GitRepository, bare: Path) -> None:
    """A branch may be some commits ahead; the commit of a submodule is nowhere here, and is not sent."""
    builder = repo.git.TreeBuilder(repo.git[str(repo.head("main"))].peel(pygit2.Tree))
    builder.insert("vendor", "1" * 40, pygit2.enums.FileMode.COMMIT)
    who = pygit2.Signature("A Person", "person@example.org", int(NOW.timestamp()), 0)
    head = str(repo.head("main"))
    linked = str(repo.git.create_commit(None, who, who, "Link", builder.write(), [head]))
    last = repo.commit(
        repo.commit(linked, {"a.yaml": b"1"}, message="1", at=NOW), {"b.yaml": b"2"}, message="2", at=NOW
    )
    repo.push("clockwork/x", last, expected=None)
    assert git("rev-list", "--count", "clockwork/x", at=bare) == "4"
    assert f"160000 commit {'1' * 40}\tvendor" in git("ls-tree", "clockwork/x", at=bare)


def test_an_entry_and_branches_are_one_push(ledger: GitLedger, repo: GitRepository, bare: Path, box: GitServer) -> None:
    """The ledger and every branch move in one request, and the clones know of it."""
    head = refs(bare)["refs/heads/main"]
    moves = [
        BranchMove(f"clockwork/{name}", repo.commit(head, {"a.yaml": name.encode()}, message=name, at=NOW), None)
        for name in ("x", "y")
    ]
    view = ledger.read()
    box.requests.clear()
    view, moved = ledger.append_with(view, [intent(1)], moves)
    assert moved
    assert box.requests == ["GET /shop.git/info/refs?service=git-receive-pack", "POST /shop.git/git-receive-pack"]
    assert refs(bare) == {
        "refs/heads/main": head,
        "refs/clockwork/ledger": view.tip,
        **{f"refs/heads/{move.branch}": move.commit for move in moves},
    }
    assert [repo.head(move.branch) for move in moves] == [move.commit for move in moves]
    assert ledger.verify().sound


@pytest.mark.parametrize("atomic", [False, True])
def test_a_branch_that_is_elsewhere_keeps_no_entry_back(
    atomic: bool, ledger: GitLedger, repo: GitRepository, bare: Path
) -> None:
    """The entry is written, no branch is moved, and pushing them says of each what it is."""
    git("config", "receive.advertiseAtomic", str(atomic).lower(), at=bare)
    head = refs(bare)["refs/heads/main"]
    commit = repo.commit(head, {"a.yaml": b"ours"}, message="m", at=NOW)
    seed(bare, {"a.yaml": b"theirs"})
    moves = [BranchMove("clockwork/x", commit, None), BranchMove("main", commit, head)]
    view, moved = ledger.append_with(ledger.read(), [intent(1)], moves)
    assert not moved
    assert refs(bare)["refs/clockwork/ledger"] == view.tip
    assert "refs/heads/clockwork/x" not in refs(bare)
    assert repo.head("clockwork/x") is None
    new, stale = repo.push_all(moves)
    assert new == commit
    assert isinstance(stale, Stale)


@pytest.mark.parametrize("atomic", [False, True])
def test_where_the_ledger_moved_nothing_moves(
    atomic: bool, ledger: GitLedger, repo: GitRepository, bare: Path, tmp_path: Path
) -> None:
    """Whoever appends to an old view is stale, and the branch stays where it was."""
    git("config", "receive.advertiseAtomic", str(atomic).lower(), at=bare)
    other = GitLedger(str(bare), tmp_path / "other")
    view = ledger.read()
    other.append(other.read(), [intent(1)])
    head = refs(bare)["refs/heads/main"]
    move = BranchMove("main", repo.commit(head, {"a.yaml": b"ours"}, message="m", at=NOW), head)
    with pytest.raises(Stale):
        ledger.append_with(view, [intent(2)], [move])
    assert refs(bare)["refs/heads/main"] == head
    assert numbers(ledger) == [1]


def test_a_lost_reply_is_neither_lost_nor_doubled(
    ledger: GitLedger, repo: GitRepository, bare: Path, box: GitServer
) -> None:
    """What one push made before its answer was lost is found made, and pushed by itself changes nothing."""
    head = refs(bare)["refs/heads/main"]
    move = BranchMove("main", repo.commit(head, {"a.yaml": b"ours"}, message="m", at=NOW), head)
    view = ledger.read()
    box.drop_reply.set()
    view, _ = ledger.append_with(view, [intent(1)], [move])
    made = refs(bare)
    assert made == {"refs/heads/main": move.commit, "refs/clockwork/ledger": view.tip}
    assert repo.push_all([move]) == [move.commit]
    assert refs(bare) == made
    assert numbers(ledger) == [1]


def test_a_fetch_of_the_branches_shows_the_ledger_too(
    ledger: GitLedger, repo: GitRepository, bare: Path, box: GitServer, tmp_path: Path
) -> None:
    """Right after a fetch an unchanged ledger costs no request, once; a changed one is fetched."""
    view = ledger.append(ledger.read(), [intent(1)])
    repo.fetch()
    box.requests.clear()
    assert ledger.read() == view
    assert box.requests == []
    assert ledger.read() == view
    assert len(box.requests) == 1
    other = GitLedger(box.url("shop.git"), tmp_path / "other")
    other.append(other.read(), [intent(2)])
    repo.fetch()
    assert numbers(ledger) == [1, 2]


def test_what_came_after_the_fetch_makes_the_view_stale(
    ledger: GitLedger, repo: GitRepository, bare: Path, box: GitServer, tmp_path: Path
) -> None:
    """A view by an older fetch is never appended to."""
    ledger.append(ledger.read(), [intent(1)])
    repo.fetch()
    other = GitLedger(box.url("shop.git"), tmp_path / "other")
    other.append(other.read(), [intent(2)])
    with pytest.raises(Stale):
        ledger.append(ledger.read(), [intent(3)])
    assert numbers(ledger) == [1, 2]


def test_the_token_goes_with_the_first_request_and_to_nobody_else(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """A push asks for no challenge. A host that sends us on is left to what asks again there."""
    box.password = "s3cret-t0ken"
    repo = GitRepository.open(box.url("shop.git"), tmp_path / "clone", credentials=Token(lambda: "s3cret-t0ken"))
    repo.fetch()
    head = str(repo.head("main"))
    commit = repo.commit(head, {"a.yaml": b"1"}, message="1", at=NOW)
    box.requests.clear()
    repo.push("main", commit, expected=head)
    assert box.requests == ["GET /shop.git/info/refs?service=git-receive-pack", "POST /shop.git/git-receive-pack"]
    assert refs(bare)["refs/heads/main"] == commit


@pytest.mark.parametrize("setting", ["insteadOf", "pushInsteadOf"])
def test_another_address_in_gits_settings_is_where_a_push_goes(
    setting: str, repo: GitRepository, bare: Path, box: GitServer
) -> None:
    """What an administrator puts in the place of an address holds for every push."""
    other = box.bare("other.git")
    repo.git.config[f"url.{box.url('other.git')}.{setting}"] = box.url("shop.git")
    repo.push("new", repo.commit("", {"a.yaml": b"1"}, message="1", at=NOW), expected=None)
    assert "refs/heads/new" not in refs(bare)
    assert "refs/heads/new" in refs(other)


@pytest.mark.parametrize("data", [b"", b"a", b"\0" * 900])
def test_packet_lines_are_read_as_they_are_written(data: bytes) -> None:
    """Between flushes."""
    assert list(packets(packet(data) + b"0000" + packet(b"next"))) == [data, b"", b"next"]


@pytest.mark.parametrize("data", [b"00", b"zzzz", b"0003", b"00ff"])
def test_what_is_no_packet_line_is_told(data: bytes) -> None:
    """Too short, no number, a length that counts not even itself, more than there is."""
    with pytest.raises(ValueError, match=r"packet line|invalid literal"):
        list(packets(data))
