"""Which files Flux's source-controller takes."""

from __future__ import annotations

import pytest

from bot.model.filetree import WatchedTree
from bot.model.json import Tree
from bot.targets.discovery import discover
from bot.targets.documents import Documents
from bot.targets.sourceignore import IgnorePattern, artifact, rules
from tests.gitops import tree_of
from tests.table import table
from tests.targets.test_discovery import CONFIG_MAP, flux


@table(
    ("pattern", "taken", "left"),
    [
        ("*.md", ["a.md", "x/a.md", "a.md/b"], ["a.mdx", "a"]),
        ("docs", ["docs", "docs/a", "x/docs/a"], ["doc", "mydocs/a"]),
        ("docs/", ["docs/a", "x/docs/a/b"], ["docs", "x/docs"]),
        ("/docs", ["docs", "docs/a"], ["x/docs", "x/docs/a"]),
        ("/*", ["a", "x/a"], []),
        ("x/*.yaml", ["x/a.yaml"], ["a.yaml", "y/x/a.yaml", "x/y/a.yaml"]),
        ("/x/**/*.md", ["x/a.md", "x/y/z/a.md"], ["a.md", "y/a.md", "x/a.yaml"]),
        ("**/test", ["test", "test/a", "x/y/test/a"], ["tests/a"]),
        ("x/**", ["x/a", "x/y/a"], ["y/a"]),
        ("x/**/", ["x/y/a"], ["x"]),
        ("a?[0-9]", ["ab1"], ["a1", "abc"]),
        ("a**b/c", [], ["a/b/c", "axb/c"]),
        ("[", [], ["[", "a"]),
        ("trailing   ", ["trailing"], ["trailing   "]),
    ],
)
def test_patterns_take_what_go_git_s_do(pattern: str, taken: list[str], left: list[str]) -> None:
    """By name anywhere, by place from the top, folders with what lies in them, ``**`` for any folders between."""
    written = IgnorePattern.of(pattern)
    assert [path for path in [*taken, *left] if written.matches(path)] == taken


def visible(files: list[str], ignore: dict[str, str], source: Tree) -> list[str]:
    tree = artifact(tree_of({**dict.fromkeys(files, ""), **ignore}), source)
    return [path for path in tree if not path.endswith(".sourceignore")]


FILES = [".github/ci.yaml", ".sops.yaml", "a.yaml", "docs/a.yaml", "docs/keep.yaml", "logo.png", "x/cloudbuild.yaml"]


@pytest.mark.parametrize(
    ("ignore", "source", "expected"),
    [
        ({}, {}, ["a.yaml", "docs/a.yaml", "docs/keep.yaml"]),
        ({".sourceignore": "# all\n\n/docs\n"}, {},
         [".github/ci.yaml", ".sops.yaml", "a.yaml", "logo.png", "x/cloudbuild.yaml"]),
        ({"docs/.sourceignore": "*\n!keep.yaml\r\n"}, {},
         [".github/ci.yaml", ".sops.yaml", "a.yaml", "docs/keep.yaml", "logo.png", "x/cloudbuild.yaml"]),
        ({}, {"ignore": "/*\n!/docs\n/docs/a.yaml\n"}, ["docs/keep.yaml"]),
        ({".sourceignore": "/*\n"}, {"ignore": "!/docs\n"}, ["docs/a.yaml", "docs/keep.yaml"]),
        ({}, {"sparseCheckout": ["docs/k", "x"]}, ["docs/keep.yaml"]),
    ],
)  # fmt: skip
def test_files_and_the_source_say_what_is_left_out(ignore: dict[str, str], source: Tree, expected: list[str]) -> None:
    """Nothing said: the defaults. Anything said takes their place; what the source says comes over all files."""
    assert visible(FILES, ignore, source) == expected


def test_git_s_own_files_are_left_out_always() -> None:
    """They go whatever is said, unless that takes them in by name."""
    files = [".gitignore", "a.yaml", "x/.gitattributes"]
    assert visible(files, {}, {"ignore": "b.yaml"}) == ["a.yaml"]
    assert visible(files, {}, {"ignore": "!.gitignore"}) == [".gitignore", "a.yaml"]


def test_what_is_laid_over_an_artifact_is_there() -> None:
    """A file that a controller writes is seen, whatever is left out; what is read of it is noted where it lies."""
    watched = WatchedTree.over(tree_of({"a.yaml": "a", "b.yaml": "b", ".sourceignore": "b.yaml\nc.yaml\n"}))
    tree = artifact(watched, {})
    laid = tree.with_changes({"c.yaml": b"c"})
    assert (laid.read("c.yaml"), laid.read("b.yaml"), laid.id_of("b.yaml"), "b.yaml" in laid) == (
        b"c",
        None,
        None,
        False,
    )
    assert laid.read("a.yaml") == b"a"
    assert set(watched.reads.files) == {".sourceignore", "a.yaml", "c.yaml"}
    assert set(watched.reads.folders) == {"**/.sourceignore"}


def test_rules_are_read_from_the_top_down() -> None:
    """A file deeper down comes over one above, and speaks of what lies below it alone."""
    tree = tree_of({".sourceignore": "*.md\n", "x/.sourceignore": "!a.md\n", "x/y/.sourceignore": "a.md\n"})
    hides = rules(tree, {}).hides
    assert [hides(path) for path in ("a.md", "x/a.md", "x/b.md", "x/y/a.md", "y/a.md")] == [
        True,
        False,
        True,
        True,
        True,
    ]


def test_objects_that_no_source_takes_begin_nothing() -> None:
    """A Kustomization in a file that is left out of every artifact makes no target."""
    files = {
        "clusters/prod/sync.yaml": flux("./clusters/prod"),
        "docs/example/sync.yaml": flux("./docs/example", "example"),
        "docs/example/a.yaml": CONFIG_MAP,
    }
    assert [target.name for target in discover(Documents(tree_of(files))).targets] == ["prod", "example"]
    ignoring = tree_of({**files, ".sourceignore": "/docs\n"})
    assert [target.name for target in discover(Documents(ignoring)).targets] == ["prod"]
