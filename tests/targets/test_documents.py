"""What is remembered of files: enough not to parse them again, and no more the longer a daemon lives."""

from __future__ import annotations

import pytest

from bot.targets import documents as module
from bot.targets.documents import Documents
from tests.gitops import tree_of


def test_a_file_that_keeps_changing_is_not_remembered_for_ever() -> None:
    """As many contents of one file are held after four times the commits; what is asked for in every run stays parsed."""
    documents = Documents(tree_of({}))
    steady = tree_of({"steady.yaml": "kind: A\n", "k8s/web.yaml": "kind: Base\n"})
    (first,) = documents.on(steady).of("k8s/web.yaml")
    held = list[int]()
    for commit in range(80):
        changed = documents.on(tree_of({"steady.yaml": "kind: A\n", "k8s/web.yaml": f"kind: B{commit}\n"}))
        assert [each.tree["kind"] for each in changed.mentioning(b"kind: B")] == [f"B{commit}"]
        assert documents.on(steady).of("k8s/web.yaml")[0] is first
        held.append(sum(map(len, documents._contents.values())))
    assert held[19] == held[79]


def test_paths_that_are_gone_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit has a file of another name: no more of them are held than a limit, here a small one."""
    monkeypatch.setattr(module, "_PATHS", 10)
    documents = Documents(tree_of({}))
    for commit in range(50):
        path = f"k8s/{commit}.yaml"
        assert documents.on(tree_of({path: "kind: A\n"})).of(path)
        assert len(documents._contents) <= 10
