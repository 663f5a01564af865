"""The files of a commit as a value, with candidate edits laid over them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.filetree import FileTree, content_id

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
