"""The files of a commit as a value, with candidate edits laid over them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.filetree import MOUNTS, FileTree, WatchedTree, content_id, fact, is_mounted
from bot.model.upstream import UpstreamFiles, UpstreamKind, UpstreamRequest, UpstreamSource, nowhere

_PATHS = st.lists(st.sampled_from("ab0-./ "), min_size=1, max_size=6).map("".join).filter(lambda p: p == p.strip("/"))


def tree(files: dict[str, bytes]) -> FileTree:
    """A tree whose content ids are the files' own."""
    blobs = {content_id(data): data for data in files.values()}
    return FileTree({path: content_id(data) for path, data in files.items()}, blobs.__getitem__)


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\0\xff"])
def test_content_ids_are_git_s(data: bytes) -> None:
    """A content id is what ``git hash-object`` prints."""
    done = subprocess.run(["git", "hash-object", "--stdin"], input=data, check=True, capture_output=True, timeout=60)
    assert content_id(data) == done.stdout.decode().strip()


@given(
    st.dictionaries(_PATHS, st.binary(max_size=3)), st.dictionaries(_PATHS, st.none() | st.binary(max_size=3)), _PATHS
)
def test_changes_lie_over_the_files(files: dict[str, bytes], changed: dict[str, bytes | None], folder: str) -> None:
    """What reads see is the files with the changes applied, also in a folder, whatever its name sorts beside."""
    expected = {path: data for path, data in {**files, **changed}.items() if data is not None}
    after = tree(files).with_changes(changed)
    assert list(after) == sorted(expected)
    assert {path: after.read(path) for path in [*files, *changed]} == {p: expected.get(p) for p in [*files, *changed]}
    assert all(after.id_of(path) == content_id(data) for path, data in expected.items())
    assert all((path in after) == (path in expected) for path in [*files, *changed])
    assert after.under(folder) == sorted(path for path in expected if path.startswith(folder + "/"))


@given(
    st.dictionaries(_PATHS, st.binary(max_size=3)),
    st.dictionaries(_PATHS, st.none() | st.binary(max_size=3)),
    st.dictionaries(_PATHS, st.none() | st.binary(max_size=3)),
    _PATHS,
)
def test_changes_over_changes_keep_the_order(
    files: dict[str, bytes], first: dict[str, bytes | None], second: dict[str, bytes | None], folder: str
) -> None:
    """Listings are right however often changes are laid over a tree that was listed already, and so are their ids."""
    base = tree(files)
    base.under("")
    after = base.with_changes(first).with_changes(second)
    fresh = tree({path: data for path, data in {**files, **first, **second}.items() if data is not None})
    assert after.under("") == fresh.under("")
    assert after.listing_id(folder) == fresh.listing_id(folder)
    assert base.under("") == sorted(files)


def test_a_watched_tree_knows_what_it_was_asked() -> None:
    """Another tree gives the same answers as long as nothing that was asked for is different in it."""
    base = tree({"a/x": b"1", "a/y": b"2", "b/z": b"3"})
    watched = WatchedTree.over(base)
    assert (watched.read("a/x"), watched.under("a"), "b/none" in watched) == (b"1", ["a/x", "a/y"], False)
    assert watched.reads.same_in(base)
    assert watched.reads.same_in(base.with_changes({"a/y": b"other", "b/z": None, "c": b""}))
    assert not watched.reads.same_in(base.with_changes({"a/x": b"other"}))
    assert not watched.reads.same_in(base.with_changes({"a/new": b""}))
    assert not watched.reads.same_in(base.with_changes({"b/none": b""}))


def test_files_laid_over_a_watched_tree_are_nobody_s_answer() -> None:
    """What somebody laid over a watched tree can be read there, and the notes are about the tree below."""
    base = tree({"a/x": b"1"})
    watched = WatchedTree.over(base)
    over = watched.with_changes({"a/made": b"2"})
    assert over.under("a") == ["a/made", "a/x"]
    assert over.read("a/made") == b"2"
    assert watched.reads.same_in(base)
    assert not watched.reads.same_in(base.with_changes({"a/made": b"committed"}))
    assert not watched.reads.same_in(base.with_changes({"a/other": b""}))


CHART = UpstreamRequest(UpstreamKind.CHART, "https://charts.example.com", "web", "1.x")


def fetched(digest: str) -> UpstreamFiles:
    """A chart of one file."""
    source = UpstreamSource("https://charts.example.com/web", "1.2.3", digest)
    return UpstreamFiles(source, FileTree({"Chart.yaml": "c", "templates/a.yaml": "a"}, lambda blob: blob.encode()))


def test_what_was_asked_of_others_counts_among_what_was_read() -> None:
    """Another digest, or none any more, is another answer; nothing is asked where a file differs already."""
    tree = FileTree({"a": "1"}, lambda blob: blob.encode(), upstream=lambda _request: fetched("sha256:1"))
    watched = WatchedTree.over(WatchedTree.over(tree))
    watched.id_of("a")
    assert fact(watched.with_changes({"b": b""}).ask(CHART)) == fetched("sha256:1").source
    reads = watched.reads
    assert reads.upstream == {CHART: fetched("sha256:1").source}
    assert reads.same_in(tree)
    assert not reads.same_in(tree.with_upstream(lambda _request: fetched("sha256:2")))
    assert not reads.same_in(tree.with_upstream(nowhere))
    asked: list[UpstreamRequest] = []

    def counting(request: UpstreamRequest) -> UpstreamFiles:
        asked.append(request)
        return fetched("sha256:1")

    assert not reads.same_in(FileTree({"a": "2"}, lambda blob: blob.encode(), upstream=counting))
    assert asked == []


def test_files_of_others_lie_below_a_folder_and_are_not_noted_one_by_one() -> None:
    """They are read as any other; files of the repository are noted also where they lie in such a folder."""
    home = f"env/{MOUNTS}/1"
    tree = FileTree({"env/k.yaml": "k", f"{home}/own.yaml": "o"}, lambda blob: blob.encode())
    watched = WatchedTree.over(tree)
    mounted = watched.with_mounted(home, fetched("sha256:1").tree).with_changes({"env/k.yaml": b"changed"})
    assert mounted.read(f"{home}/templates/a.yaml") == b"a"
    assert mounted.read("env/k.yaml") == b"changed"
    assert mounted.under(f"{home}/templates") == [f"{home}/templates/a.yaml"]
    assert mounted.read(f"{home}/own.yaml") == b"o"
    assert sorted(watched.reads.files) == [f"{home}/own.yaml", "env/k.yaml"]
    assert is_mounted(home)
    assert not is_mounted("env/k.yaml")
