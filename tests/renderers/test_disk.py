"""Renderings that outlive the process, and the memory of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.filetree import FileTree, Reads
from bot.model.revision import Revision
from bot.model.target import CAPABILITIES, NotCompared, RenderedObject, Rendering, Unit, UnitKind
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamKind, UpstreamRequest, UpstreamSource
from bot.renderers.disk import Disk
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from tests.gitops import tree_of
from tests.renderers import needs

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
FILES = {
    "a/kustomization.yaml": "resources: [../b, one.yaml]\n",
    "a/one.yaml": CONFIG_MAP,
    "b/kustomization.yaml": "resources: [two.yaml]\n",
    "b/two.yaml": CONFIG_MAP.replace("one", "two"),
    "c/other.yaml": CONFIG_MAP,
}
A = Unit(UnitKind.KUSTOMIZE, "a", "a", file="a/kustomization.yaml", line=1)
WEB = UpstreamRequest(UpstreamKind.CHART, "https://charts.example.com", "web", "1.x")
FAR = UpstreamRequest(UpstreamKind.GIT, "https://far.example.com/o/r", ref="v1")
CHART = UpstreamSource("https://charts.example.com/web", "1.2.3", "sha256:12")
REFUSED = NotFetched("far.example.com is not among those")
MADE = Rendering(
    (RenderedObject({"kind": "A", "list": [1, 2.5, None, True, "x"]}, "f", 3, {("a", 0, "b"): "hidden"}),),
    frozenset({"f", "g"}),
    (NotCompared("s", "r", "f", 1),),
    None,
    frozenset({("g", "K")}),
    (CHART,),
)
ONE, TWO = "1" * 40, "2" * 64
READS = Reads({"f": ONE, "none": None}, {}, {WEB: CHART, FAR: REFUSED}, {FAR: True})


def answers(request: UpstreamRequest) -> UpstreamFiles | NotFetched:
    """What a host gives for a chart, and why it gives nothing else."""
    return UpstreamFiles(CHART, tree_of({})) if request == WEB else REFUSED


def named(disk: Disk) -> str:
    return disk.name(A, ("kustomize 5",))


@needs.KUSTOMIZE
@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"c/other.yaml": b"changed", "c/new.yaml": b""}, False),
        ({"b/two.yaml": CONFIG_MAP.replace("one", "three").encode()}, True),
        ({"a/kustomization.yaml": b"resources: [one.yaml]\n"}, True),
        ({"b/two.yaml": None}, True),
        ({"a/Kustomization": b""}, True),
        ({"a/unlisted.yaml": b""}, False),
    ],
)
@pytest.mark.parametrize("fresh", [False, True])
def test_only_what_read_a_changed_file_is_rendered_again(
    tmp_path: Path, change: dict[str, bytes | None], again: bool, fresh: bool
) -> None:
    """A second rendering is free unless something that was read, or looked for, is different; also for a new process."""
    renderers = Renderers(Documents(tree_of({})), cache=tmp_path / "cache")
    tree = tree_of(FILES)
    first = renderers.render(A, tree)
    later = Renderers(Documents(tree_of({})), cache=tmp_path / "cache") if fresh else renderers
    before = later.rendered
    rendering = later.render(A, tree.with_changes(change))
    assert (later.rendered - before == 1) == again
    assert (rendering == first) != again
    assert later.render(A, tree) == first


@needs.KUSTOMIZE
def test_several_units_are_rendered_at_once_and_in_order(renderers: Renderers) -> None:
    """Renderings come in the order of their units, whichever is done first; an equal unit twice is the same."""
    tree = tree_of(FILES)
    units = [Unit(UnitKind.KUSTOMIZE, f"u{n}", "a" if n % 2 else "b", line=n) for n in range(6)]
    renderings = renderers.render_all([(unit, tree) for unit in units])
    assert [len(rendering.objects) for rendering in renderings] == [1, 2, 1, 2, 1, 2]
    assert renderers.render_all([(unit, tree) for unit in units]) == renderings


def test_an_error_is_remembered_until_its_cause_is_gone(renderers: Renderers) -> None:
    """A missing file is told again without looking again, and found when it is there."""
    tree = tree_of({"a/kustomization.yaml": "resources: [one.yaml]\n"})
    first = renderers.render(A, tree)
    assert first.error is not None
    assert renderers.render(A, tree) is first
    changed = renderers.render(A, tree.with_changes({"a/one.yaml": b"kind: [\n"}))
    assert changed.error is None or changed.error.reason != first.error.reason


def test_a_rendering_comes_back_as_it_was(tmp_path: Path) -> None:
    """Everything of a rendering is kept, for trees that answer the same."""
    disk = Disk(tmp_path)
    disk.keep(named(disk), READS, MADE)
    tree = FileTree({"f": ONE}, lambda _blob: b"", upstream=answers)
    assert Disk(tmp_path).find(named(disk), tree) == (READS, MADE)
    assert Disk(tmp_path).find(named(disk), FileTree({"f": TWO}, lambda _blob: b"", upstream=answers)) is None
    assert (
        Disk(tmp_path).find(named(disk), FileTree({"f": ONE, "none": TWO}, lambda _blob: b"", upstream=answers)) is None
    )
    other = UpstreamFiles(replace(CHART, digest="sha256:13"), tree_of({}))
    assert Disk(tmp_path).find(named(disk), tree.with_upstream(lambda _request: other)) is None
    assert Disk(tmp_path).find(named(disk), tree.with_upstream(lambda _request: REFUSED)) is None
    elsewhere = Revision("main", "0" * 40, head=lambda _branch: "0" * 40, resolve=lambda _name: TWO, tags=lambda: ())
    assert Disk(tmp_path).find(named(disk), replace(tree, revision=elsewhere)) is None
    assert (tmp_path / named(disk)).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("reads", "made"),
    [
        (READS, replace(MADE, error=NotCompared("e", "r"))),
        (READS, replace(MADE, left_out=(NotCompared("s", "r", missing_tool=True),))),
        (READS, replace(MADE, left_out=(NotCompared("s", "r", again=True),))),
        (Reads({"f": "12-1700000000:f"}), MADE),
        (Reads({"f": ONE, "g": "12-1700000000:g"}), MADE),
    ],
)
def test_what_another_day_may_change_is_not_kept(tmp_path: Path, reads: Reads, made: Rendering) -> None:
    """Failures, whose cause may be this machine, and what was made of files that no commit has, known by size and age."""
    disk = Disk(tmp_path)
    disk.keep(named(disk), reads, made)
    assert not [*tmp_path.iterdir()]


def test_another_tool_or_cluster_is_another_rendering(tmp_path: Path) -> None:
    """Units, tools and clusters are told apart."""
    disk = Disk(tmp_path)
    names = {
        named(disk),
        disk.name(replace(A, spec={CAPABILITIES: {"kubeVersion": "v1.30.0"}}), ("kustomize 5",)),
        disk.name(A, ("kustomize 6",)),
        disk.name(Unit(UnitKind.KUSTOMIZE, "a", "a", spec={"b": 1}), ("kustomize 5",)),
    }
    assert len(names) == 4


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_what_is_damaged_is_no_rendering(
    tmp_path_factory: pytest.TempPathFactory, position: int, garbage: bytes
) -> None:
    """A file with other bytes in it, or cut short anywhere, is passed over and removed."""
    disk = Disk(tmp_path_factory.mktemp("cache"))
    disk.keep(named(disk), READS, MADE)
    path = disk.folder / named(disk)
    data = path.read_bytes()
    at = position % len(data)
    tree = FileTree({"f": ONE}, lambda _blob: b"", upstream=answers)
    changes: list[Callable[[], bytes]] = [lambda: data[:at], lambda: data[:at] + garbage + data[at + len(garbage) :]]
    for change in changes:
        if change() != data:
            path.write_bytes(change())
            assert disk.find(named(disk), tree) is None
            assert not path.exists()
    disk.keep(named(disk), READS, MADE)
    assert disk.find(named(disk), tree) is not None


def test_the_folder_stays_small(tmp_path: Path) -> None:
    """The renderings that were not asked for the longest go when there are too many."""
    disk = Disk(tmp_path, most_bytes=20_000)
    body = os.urandom(3000).hex()
    big = Rendering((RenderedObject({"kind": "A", "data": body}),))
    for number in range(130):
        disk.keep(f"{number:064}", READS, big)
        os.utime(tmp_path / f"{number:064}", (number, number))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 32_000
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) < 80
    assert left[-1] == f"{129:064}"


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Without a place to keep it a rendering is made each time."""
    (tmp_path / "file").write_text("in the way")
    disk = Disk(tmp_path / "file")
    disk.keep(named(disk), READS, MADE)
    assert disk.find(named(disk), FileTree({"f": ONE}, lambda _blob: b"")) is None
