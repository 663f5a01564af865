"""Bare clones over real smart HTTP: what is read, what a commit holds, who wins a race."""

from __future__ import annotations

import threading
from pathlib import Path

import pygit2
import pytest

from bot.errors import Invalid, Refused, Stale, Unavailable
from bot.gitrepo import remote
from bot.gitrepo.credentials import Token
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.remote import Remote
from bot.gitrepo.repository import GitRepository
from bot.model.finding import FileStatus
from bot.ports import Repository, Signature
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git

FILES = {
    "a.yaml": b"a: 1\n",
    "k8s/web.yaml": b"kind: Deployment\n",
    "k8s/base/x.yaml": b"x\n",
    "run.sh": b"#!/bin/sh\n",
}


@pytest.fixture
def bare(box: GitServer) -> Path:
    path = box.bare("shop.git")
    seed(path, FILES, modes={"run.sh": 0o100755})
    return path


def tip(path: Path, ref: str = "refs/heads/main") -> str:
    return git("rev-parse", ref, at=path)


def test_satisfies_the_port(repo: GitRepository) -> None:
    """A GitRepository is a Repository."""
    port: Repository = repo
    assert port.default_branch() == "main"


def test_reads_entries_files_and_blobs(repo: GitRepository, bare: Path) -> None:
    """Entries are sorted by path with modes, and both ways of reading give the file's bytes."""
    head = repo.head("main")
    assert head == tip(bare)
    assert head is not None
    entries = repo.entries(head)
    assert [entry.path for entry in entries] == sorted(FILES)
    assert {entry.path: repo.blob(entry.blob) for entry in entries} == FILES
    assert entries[-1].mode == 0o100755
    assert [entry.path for entry in repo.entries(head, "k8s")] == ["k8s/base/x.yaml", "k8s/web.yaml"]
    assert repo.read(head, "k8s/web.yaml") == FILES["k8s/web.yaml"]
    assert repo.read(head, "k8s") is None
    assert repo.read(head, "nothing/there") is None
    assert repo.head("no-such-branch") is None


def test_a_commit_touches_only_what_it_names(repo: GitRepository, bare: Path) -> None:
    """A pushed commit holds its changes, keeps modes, drops emptied folders, and leaves all else as it was."""
    base = tip(bare)
    made = repo.commit(
        base,
        {"a.yaml": b"a: 2\n", "run.sh": b"#!/bin/sh\necho\n", "k8s/base/x.yaml": None, "new/deep/file": b"n"},
        message="Change\n",
        at=NOW,
        author=Signature("Ann", "ann@example.org"),
    )
    repo.push("main", made, expected=base)
    assert tip(bare) == made
    assert git("ls-tree", "-r", "--name-only", made, at=bare).split() == [
        "a.yaml",
        "k8s/web.yaml",
        "new/deep/file",
        "run.sh",
    ]
    assert git("ls-tree", made, "run.sh", at=bare).startswith("100755")
    assert git("log", "-1", "--format=%an|%ae|%cn|%at", made, at=bare) == (
        f"Ann|ann@example.org|Clockwork|{int(NOW.timestamp())}"
    )
    assert git("fsck", "--strict", at=bare) == ""
    assert [entry.path for entry in repo.entries(made)] == ["a.yaml", "k8s/web.yaml", "new/deep/file", "run.sh"]


def test_changes_that_change_nothing_make_no_commit(repo: GitRepository, bare: Path) -> None:
    """Writing what is already there, or deleting what is not, gives the parent back."""
    base = tip(bare)
    assert repo.commit(base, {"a.yaml": b"a: 1\n", "gone": None}, message="m", at=NOW) == base


def test_the_later_push_is_stale_and_changes_nothing(
    repo: GitRepository, bare: Path, box: GitServer, tmp_path: Path
) -> None:
    """Two clones that decided on the same tip: the second is told Stale, and the first one's commit stays."""
    other = GitRepository.open(box.url("shop.git"), tmp_path / "other")
    other.fetch()
    base = tip(bare)
    first = repo.commit(base, {"a.yaml": b"first"}, message="1", at=NOW)
    second = other.commit(base, {"a.yaml": b"second"}, message="2", at=NOW)
    repo.push("main", first, expected=base)
    with pytest.raises(Stale):
        other.push("main", second, expected=base)
    assert tip(bare) == first


def test_a_lease_holds_even_when_the_rewrite_would_be_forced(repo: GitRepository, bare: Path) -> None:
    """Overwriting our own branch works while its head is what we pushed, and not once a person committed to it."""
    base = tip(bare)
    ours = repo.commit(base, {"a.yaml": b"ours"}, message="1", at=NOW)
    repo.push("clockwork/x", ours, expected=None)
    rewritten = repo.commit(base, {"a.yaml": b"rewritten"}, message="2", at=NOW)
    repo.push("clockwork/x", rewritten, expected=ours)
    assert tip(bare, "refs/heads/clockwork/x") == rewritten
    human = seed(bare, {"a.yaml": b"human"}, branch="clockwork/x")
    again = repo.commit(base, {"a.yaml": b"again"}, message="3", at=NOW)
    with pytest.raises(Stale):
        repo.push("clockwork/x", again, expected=rewritten)
    with pytest.raises(Stale):
        repo.delete_branch("clockwork/x", expected=rewritten)
    assert tip(bare, "refs/heads/clockwork/x") == human
    repo.delete_branch("clockwork/x", expected=human)
    assert repo.head("clockwork/x") is None
    assert "clockwork/x" not in git("branch", "--list", at=bare)


def test_a_new_branch_must_not_exist(repo: GitRepository, bare: Path) -> None:
    """Expecting no branch where one is, is Stale."""
    base = tip(bare)
    with pytest.raises(Stale):
        repo.push("main", repo.commit(base, {"a.yaml": b"x"}, message="m", at=NOW), expected=None)


def test_a_race_inside_the_servers_swap_is_stale(repo: GitRepository, bare: Path, box: GitServer) -> None:
    """Somebody who gets in between advertisement and update wins, and we are told."""
    base = tip(bare)
    ours = repo.commit(base, {"a.yaml": b"ours"}, message="m", at=NOW)
    theirs: list[str] = []

    def get_in_between(method: str, path: str) -> int | None:
        if method == "POST" and path.endswith("git-receive-pack"):
            theirs.append(seed(bare, {"a.yaml": b"theirs"}))
        return None

    box.before = get_in_between
    with pytest.raises(Stale):
        repo.push("main", ours, expected=base)
    assert tip(bare) == theirs[0]


def test_a_lost_reply_is_looked_up(repo: GitRepository, bare: Path, box: GitServer) -> None:
    """A push whose answer is lost, but which arrived, succeeds."""
    base = tip(bare)
    made = repo.commit(base, {"a.yaml": b"x"}, message="m", at=NOW)
    box.drop_reply.set()
    repo.push("main", made, expected=base)
    assert tip(bare) == made
    repo.push("main", made, expected=base)


def test_a_hooks_refusal_is_refused_with_its_words(repo: GitRepository, bare: Path) -> None:
    """What the server's hook prints reaches the person."""
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    base = tip(bare)
    with pytest.raises(Refused, match="protected branch"):
        repo.push("main", repo.commit(base, {"a.yaml": b"x"}, message="m", at=NOW), expected=base)
    assert tip(bare) == base


def test_deleted_branches_vanish_and_tags_resolve(repo: GitRepository, bare: Path) -> None:
    """A fetch prunes, follows tags, and names resolve to commits."""
    base = tip(bare)
    git("branch", "gone", at=bare)
    git("tag", "-a", "-m", "t", "v1", at=bare)
    repo.fetch()
    assert repo.branches() == ["gone", "main"]
    git("branch", "-D", "gone", at=bare)
    repo.fetch()
    assert repo.head("gone") is None
    assert repo.resolve("v1") == repo.resolve("main") == repo.resolve(base[:8]) == base
    assert repo.resolve("nothing") is None
    assert repo.resolve("main~1; rm") is None


def test_a_whole_id_is_its_commit_and_no_branch_of_that_name(repo: GitRepository, bare: Path) -> None:
    """As for Git. A branch that is called like no commit is still found."""
    base = tip(bare)
    other = seed(bare, {"a.yaml": b"other"}, branch="other")
    git("update-ref", f"refs/heads/{base}", other, at=bare)
    git("update-ref", f"refs/heads/{'0' * 40}", other, at=bare)
    repo.fetch()
    assert repo.resolve(base) == base
    assert repo.resolve("0" * 40) == other


def test_a_pull_requests_head_can_be_fetched(repo: GitRepository, bare: Path) -> None:
    """A ref outside of branches and tags is fetched by its full name."""
    fork = seed(bare, {"a.yaml": b"fork"}, branch="fork")
    git("update-ref", "refs/pull/7/head", fork, at=bare)
    assert repo.fetch_ref("refs/pull/7/head") == fork
    with pytest.raises(Invalid):
        repo.fetch_ref("refs/pull/8/head")


def test_history_questions(repo: GitRepository, bare: Path) -> None:
    """Log, ancestry and merge base answer as git does."""
    base = tip(bare)
    left = repo.commit(base, {"a.yaml": b"1"}, message="one", at=NOW)
    two = repo.commit(base, {"a.yaml": b"2"}, message="two", at=NOW)
    assert repo.is_ancestor(base, left)
    assert not repo.is_ancestor(left, two)
    assert not repo.is_ancestor("0" * 40, two)
    assert repo.merge_base(left, two) == base
    assert [info.message for info in repo.log(left, limit=10)] == ["one", "Seed"]
    assert [info.sha for info in repo.log(left, limit=10, until=base)] == [left]
    assert [info.sha for info in repo.log(left, limit=1)] == [left]


def test_changed_finds_renames_and_leaves_out_what_is_too_large(repo: GitRepository, bare: Path) -> None:
    """Added, modified, removed, renamed, binary and large files are told apart."""
    text = b"".join(b"line %d\n" % n for n in range(50))
    base = repo.commit(tip(bare), {"old.txt": text}, message="b", at=NOW)
    head = repo.commit(
        base,
        {
            "old.txt": None,
            "new.txt": text + b"x\n",
            "a.yaml": b"a: 9\n",
            "bin": b"\0\1",
            "big": b"x" * 20_000_001,
            "run.sh": None,
        },
        message="h",
        at=NOW,
    )
    changes = {change.path: change for change in repo.changed(base, head)}
    assert list(changes) == ["a.yaml", "big", "bin", "new.txt", "run.sh"]
    assert (changes["a.yaml"].before, changes["a.yaml"].after) == (b"a: 1\n", b"a: 9\n")
    assert (changes["new.txt"].status, changes["new.txt"].old_path) == (FileStatus.RENAMED, "old.txt")
    assert (changes["run.sh"].status, changes["run.sh"].after) == (FileStatus.REMOVED, None)
    assert (changes["bin"].omitted, changes["bin"].after) == (None, b"\0\1")
    assert (changes["big"].omitted, changes["big"].after) == ("too large (20,000,001 bytes)", None)
    assert changes["big"].sample == b"x" * 512


def test_credentials_reach_the_server_and_nothing_else(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """With the token it works; without or with a wrong one it is Refused; the token is in no message and no file."""
    box.password = "s3cret-t0ken"
    good = GitRepository.open(box.url("shop.git"), tmp_path / "good", credentials=Token("s3cret-t0ken"))
    good.fetch()
    assert good.head("main") == tip(bare)
    with pytest.raises(Refused, match="credentials"):
        GitRepository.open(box.url("shop.git"), tmp_path / "none").fetch()
    with pytest.raises(Refused, match="did not accept") as caught:
        GitRepository.open(box.url("shop.git"), tmp_path / "bad", credentials=Token("wr0ng-t0ken")).fetch()
    assert "wr0ng" not in str(caught.value)
    assert "s3cret" not in repr(Token("s3cret-t0ken"))
    written = [path for path in (tmp_path / "good").rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert written == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:pw@example.org/x.git", "credentials"),
        ("https://ghp_x@example.org/x.git", "credentials"),
        ("ssh://git:pw@example.org/x.git", "credentials"),
        ("git:pw@example.org:x.git", "credentials"),
        ("https://example.org/x.git?private_token=pw", "query"),
        ("https://example.org/x.git#pw", "query"),
        ("https://user:p/pw@example.org/x.git", "no URL"),
        ("https://[pw/x.git", "no URL"),
        ("ftp://example.org/x", "ftp"),
        ("https:///x", "host"),
        ("-oProxyCommand=x", "hyphen"),
        ("", "empty"),
    ],
)
def test_addresses_that_are_turned_down(url: str, words: str, tmp_path: Path) -> None:
    """A URL with a secret in it, or that is none, is Invalid; the secret is not repeated, and nothing is on the disk."""
    for opened in (GitRepository.open, GitLedger):
        with pytest.raises(Invalid, match=words) as caught:
            opened(url, tmp_path / "clone")
        assert "pw" not in str(caught.value)
        assert "ghp_x" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "kind"), [(403, Refused), (404, Invalid), (429, Unavailable), (502, Unavailable)])
def test_what_the_server_answers_becomes_a_kind_of_error(
    status: int, kind: type[Exception], repo: GitRepository, box: GitServer
) -> None:
    """Status codes become the errors that say what to do."""
    box.before = lambda _method, _path: status
    with pytest.raises(kind):
        repo.fetch()


def test_an_unreachable_remote_is_unavailable(tmp_path: Path) -> None:
    """Nobody listening, or no such name, can be tried again later."""
    for url in ("http://127.0.0.1:1/x.git", "http://nowhere.invalid/x.git"):
        with pytest.raises(Unavailable):
            GitRepository.open(url, tmp_path / url[7:12]).fetch()


def test_leavings_of_a_killed_process_do_not_block(repo: GitRepository, bare: Path, tmp_path: Path) -> None:
    """A lock file left by a killed process is removed by the next writer."""
    seed(bare, {"a.yaml": b"new"})
    lock = tmp_path / "clone" / "refs" / "remotes" / "origin" / "main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    (tmp_path / "clone" / "packed-refs.lock").touch()
    repo.fetch()
    assert repo.head("main") == tip(bare)


def test_a_bare_folder_can_be_the_remote_and_still_swaps(bare: Path, tmp_path: Path) -> None:
    """A path as remote: pushes compare-and-swap there too, and a checkout is refused."""
    first = GitRepository.open(str(bare), tmp_path / "one")
    two = GitRepository.open(f"file://{bare}", tmp_path / "two")
    first.fetch()
    two.fetch()
    base = tip(bare)
    made = first.commit(base, {"a.yaml": b"1"}, message="1", at=NOW)
    first.push("main", made, expected=base)
    with pytest.raises(Stale):
        two.push("main", two.commit(base, {"a.yaml": b"2"}, message="2", at=NOW), expected=base)
    assert tip(bare) == made
    assert git("for-each-ref", "refs/clockwork", at=bare) == ""
    git("clone", "-q", str(bare), str(tmp_path / "checkout"))
    third = GitRepository.open(str(tmp_path / "checkout"), tmp_path / "three")
    third.fetch()
    with pytest.raises(Refused, match="checkout"):
        third.push("main", third.commit(made, {"a.yaml": b"3"}, message="3", at=NOW), expected=made)


def test_eight_threads_pushing_to_one_branch_lose_nothing(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Each of eight clones adds a file with bounded retries; all eight files are there in the end."""

    def add(number: int) -> None:
        mine = GitRepository.open(box.url("shop.git"), tmp_path / f"clone{number}")
        for _ in range(40):
            mine.fetch()
            base = mine.head("main")
            assert base is not None
            try:
                mine.push("main", mine.commit(base, {f"f{number}": b"x"}, message="m", at=NOW), expected=base)
            except Stale:
                continue
            return

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = git("ls-tree", "--name-only", "main", at=bare).split()
    assert {f"f{number}" for number in range(8)} <= set(files)


@pytest.mark.parametrize(("files", "packs"), [(3, 0), (200, 1)])
def test_nothing_is_in_a_folder_before_what_it_names(tmp_path: Path, files: int, packs: int) -> None:
    """Who dies while writing there leaves nothing that lacks a part; many objects are one pack."""
    source, target = (pygit2.init_repository(str(tmp_path / name), bare=True) for name in ("one", "two"))
    clone = GitRepository(source, Remote(source, str(tmp_path / "two")))
    contents = {f"{number}": b"%d" % number for number in range(files)}
    first = clone.commit("", {"a/file": b"same", "file": b"same", "b/file": b"same", **contents}, message="x", at=NOW)
    second = clone.commit(first, {"a/file": b"other", "z/file": b"same"}, message="x", at=NOW)
    order = remote._lacking(source, target, pygit2.Oid(hex=second))
    present = set[pygit2.Oid]()
    for oid in order:
        assert present.issuperset(remote._needs(source[oid]))
        present.add(oid)
    assert present == {*source}
    clone.push("main", second, expected=None)
    assert {*target} == present
    assert len([*tmp_path.glob("two/objects/pack/*.pack")]) == packs
    third = clone.commit(second, {"a/new": b"new", "z/file": b"1"}, message="x", at=NOW)
    clone.push("main", third, expected=second)
    assert {*target} == {*source}


def test_a_folder_of_another_repository_is_turned_down(repo: GitRepository, tmp_path: Path) -> None:
    """A clone's folder belongs to the URL it was made for."""
    with pytest.raises(Invalid, match="another repository"):
        GitRepository.open("https://example.org/else.git", tmp_path / "clone")


def test_a_local_checkout_is_read_only(bare: Path, tmp_path: Path) -> None:
    """A folder's own repository is read at its branches, and pushing from it is Refused."""
    git("clone", "-q", str(bare), str(tmp_path / "work"))
    local = GitRepository.local(tmp_path / "work" / "k8s")
    head = local.head("main")
    assert head == tip(bare) == local.resolve("HEAD")
    assert local.default_branch() == "main"
    with pytest.raises(Refused):
        local.push("main", head, expected=head)
    with pytest.raises(Invalid):
        GitRepository.local(Path("/"))


def test_partial_and_shallow_clones_made_by_git_are_read(bare: Path, box: GitServer, tmp_path: Path) -> None:
    """Files that a partial clone left on the server are fetched when asked for; a shallow clone stays usable."""
    text = b"".join(b"line %d\n" % n for n in range(50))
    base = seed(bare, {"a.yaml": b"a: 1\n", "old": text})
    head = seed(bare, {"a.yaml": b"a: 2\n", "new": text + b"x\n"})
    git("config", "uploadpack.allowFilter", "true", at=bare)
    git("clone", "-q", "--filter=blob:none", "--no-checkout", box.url("shop.git"), str(tmp_path / "partial"))
    partial = GitRepository.local(tmp_path / "partial")
    changes = [(change.path, change.old_path, change.before) for change in partial.changed(base, head)]
    assert changes == [("a.yaml", None, b"a: 1\n"), ("new", "old", text)]
    assert partial.read(head, "a.yaml") == b"a: 2\n"
    with pytest.raises(Invalid):
        partial.blob("0" * 40)
    git("init", "-q", "--bare", str(tmp_path / "shallow"))
    git("config", "clockwork.url", box.url("shop.git"), at=tmp_path / "shallow")
    git("fetch", "-q", "--depth=1", box.url("shop.git"), "+refs/heads/*:refs/remotes/origin/*", at=tmp_path / "shallow")
    shallow = GitRepository.open(box.url("shop.git"), tmp_path / "shallow")
    later = seed(bare, FILES | {"a.yaml": b"a: 3\n"})
    shallow.fetch()
    assert shallow.is_ancestor(head, later)
    shallow.push("main", shallow.commit(later, {"a.yaml": b"a: 4\n"}, message="m", at=NOW), expected=later)
    assert git("rev-list", "--count", "main", at=bare) == "5"


def test_a_commit_can_begin_a_history_of_its_own(repo: GitRepository, bare: Path) -> None:
    """An empty parent makes a root commit, for a ref of ours that does not exist yet; a fetch brings it back."""
    made = repo.commit("", {"web.yaml": b"x"}, message="applied", at=NOW)
    repo.push("refs/clockwork/applied", made, expected=None)
    assert tip(bare, "refs/clockwork/applied") == made == repo.head("refs/clockwork/applied")
    later = repo.commit(made, {"web.yaml": b"y"}, message="applied", at=NOW)
    git("fetch", "-q", repo.git.path, later, at=bare)
    git("update-ref", "refs/clockwork/applied", later, at=bare)
    repo.fetch()
    assert repo.head("refs/clockwork/applied") == later
