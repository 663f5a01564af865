"""Which commit a manifest means, and whether it is the one that is read."""

from __future__ import annotations

import pytest

from bot.model.filetree import FileTree, WatchedTree
from bot.model.revision import Revision, written
from bot.model.upstream import UpstreamKind, UpstreamRequest
from tests.table import table

READ, OLD = "a" * 40, "b" * 40
HEADS = {"trunk": READ, "same": READ, "release": OLD}
TAGS = {"v1.0.0": OLD, "v1.1.0": READ, "v2.0.0": OLD, "nightly": READ}
NAMES = {**HEADS, **TAGS, **{f"refs/tags/{tag}": commit for tag, commit in TAGS.items()}, READ: READ, READ[:7]: READ}


def read_from(branch: str, names: dict[str, str] = NAMES) -> Revision:
    return Revision(branch, READ, HEADS.get, names.get, lambda: TAGS)


def request(ref: str = "", version: str = "", digest: str = "") -> UpstreamRequest:
    return UpstreamRequest(UpstreamKind.GIT, "https://git.example.com/a/b", "", version, ref, digest)


@table(
    ("asked", "is_meant"),
    [
        (request(), True),
        (request("HEAD"), True),
        (request("trunk"), True),
        (request("refs/heads/trunk"), True),
        (request("release"), False),
        (request("refs/heads/release"), False),
        (request("same"), False),
        (request("unknown"), False),
        (request("nightly"), True),
        (request("refs/tags/v1.1.0"), True),
        (request("v1.0.0"), False),
        (request(READ[:7]), True),
        (request(digest=READ), True),
        (request(digest=OLD), False),
        (request("trunk", digest=OLD), False),
        (request(version="v1.x"), True),
        (request(version=">=1.0.0"), False),
        (request(version="^3"), False),
    ],
)
def test_a_pin_is_meant_where_it_leads_to_the_commit_and_a_branch_by_its_name(
    asked: UpstreamRequest, is_meant: bool
) -> None:
    """Another branch that is at the same commit today is another branch: what is written to this one does not go there."""
    assert read_from("trunk").is_meant(asked) is is_meant


@pytest.mark.parametrize(("ref", "is_meant"), [("trunk", True), ("release", True), ("v1.0.0", False), ("gone", True)])
def test_without_a_branch_only_pins_tell(ref: str, is_meant: bool) -> None:
    """A commit that is checked out by itself may be of any branch."""
    assert read_from("").is_meant(request(ref)) is is_meant


def test_the_default_branch_of_a_copy_may_have_the_other_name() -> None:
    """Unless there is a branch of that name too."""
    assert read_from("master").is_meant(request("main"))
    assert not Revision("master", READ, {"main": OLD}.get, NAMES.get, lambda: TAGS).is_meant(request("main"))


def test_what_was_asked_is_asked_again_of_another_commit() -> None:
    """A tag that moved makes a difference, one that nobody names makes none."""
    before, moved = read_from("trunk"), read_from("trunk", {**NAMES, "nightly": OLD})
    assert before.is_meant(request("v1.0.0")) is False
    assert moved.answers_as(before)
    assert before.is_meant(request("nightly"))
    assert not moved.answers_as(before)


def test_a_tree_notes_what_it_was_asked_of_its_commit() -> None:
    """What was made from a tree is made again where another one is not the commit that was named."""

    def tree(names: dict[str, str]) -> FileTree:
        return FileTree({}, lambda _blob: b"", revision=read_from("trunk", names))

    watched = WatchedTree.over(tree(NAMES)).with_changes({"a": b"x"})
    assert watched.is_meant(request("nightly"))
    assert watched.reads.same_in(tree(NAMES))
    assert not watched.reads.same_in(tree({**NAMES, "nightly": OLD}))
    assert FileTree({}, lambda _blob: b"").is_meant(request("anything"))


def test_people_read_the_name_as_they_wrote_it() -> None:
    """Without the folders of refs; a commit by its beginning."""
    assert [written(request(ref)) for ref in ("refs/heads/a/b", "refs/tags/v1", "v1")] == ["a/b", "v1", "v1"]
    assert (str(read_from("trunk")), str(read_from(""))) == ("branch trunk", "commit aaaaaaaaaa")
