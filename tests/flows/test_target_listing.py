"""``clockwork targets`` for people: in short where there is much, grouped by reason, and everything where it is asked for."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bot.entrypoints.cli.targets import show
from bot.flows.targets import ListedTarget, ListedUnit, Listing, ReasonGroup, grouped
from bot.gitrepo.worktree import WORKTREE
from bot.model.drift import IgnoreNote
from bot.model.upstream import UpstreamSource
from bot.wiring.reconcile import declarer, open_origin, open_targets
from bot.wiring.repository import Options, repository_to_read
from tests import gitops
from tests.sandbox.people import git

UNITS = tuple(
    ListedUnit("flux-kustomization", f"app-{n}", f"apps/{n}", f"Kustomization {n}", 3, None) for n in range(20)
)
RELEASES = tuple(
    ListedUnit(
        "flux-helm-release",
        f"rel-{n}",
        "",
        f"HelmRelease rel-{n}",
        0,
        f"its chart c{n} comes from oci://registry.example.com/charts/c{n}, and is not fetched",
        f"HelmRelease rel-{n}",
    )
    for n in range(12)
)
NOTES = tuple(
    IgnoreNote(f"{unit.subject} (apps/releases.yaml:{n + 1})", "not compared", unit.problem or "")
    for n, unit in enumerate(RELEASES)
)
BIG = ListedTarget(
    "home", declared=False, observer="", paths=(), resources=60, compared=True, units=(*UNITS, *RELEASES)
)
LISTING = Listing((BIG,), 0, NOTES)


def shown(listing: Listing, *, everything: bool = False) -> str:
    """What a terminal of 80 columns shows."""
    file = io.StringIO()
    show(listing, Console(file=file, width=80), everything=everything)
    return file.getvalue()


def test_many_units_are_told_by_their_kinds() -> None:
    """One line a kind, one group a reason, with how many and which first; no line is wider than the terminal."""
    assert (
        shown(LISTING)
        == """\
home  60 objects
  20 flux-kustomization: 60 objects
  12 flux-helm-release: not compared

Not compared
  12 × its chart … comes from …, and is not fetched
      HelmRelease rel-0, HelmRelease rel-1, HelmRelease rel-2 and 9 more
--all lists every unit and every reason.
"""
    )


def test_all_lists_every_unit_and_every_reason() -> None:
    """With file and line."""
    text = shown(LISTING, everything=True)
    assert "  flux-kustomization app-19 apps/19: 3 objects\n" in text
    assert f"  flux-helm-release rel-11: not compared: {RELEASES[11].problem}\n" in text
    assert f"not compared: HelmRelease rel-11 (apps/releases.yaml:12): {RELEASES[11].problem}\n" in text
    assert "--all" not in text


def test_few_units_are_listed_one_by_one() -> None:
    """And nothing points at more."""
    few = Listing((replace(BIG, units=(UNITS[0], RELEASES[0])),), 2, NOTES[:1])
    assert (
        shown(few)
        == """\
home  60 objects
  flux-kustomization app-0 apps/0: 3 objects
  flux-helm-release rel-0: not compared
Also, as they are: 2 resources of plain files

Not compared
  its chart c0 comes from oci://registry.example.com/charts/c0, and is not
  fetched
      HelmRelease rel-0 (apps/releases.yaml:1)
"""
    )


def test_what_was_fetched_is_told_with_its_digest() -> None:
    """In short for people, whole in JSON."""
    source = UpstreamSource("https://charts.example.com/shop", "1.2.3", f"sha256:{'ab' * 32}")
    unit = ListedUnit("flux-helm-release", "shop", "", "HelmRelease shop", 4, None, fetched=(source,))
    listing = Listing((replace(BIG, units=(unit,)),), 0, ())
    line = "  flux-helm-release shop: 4 objects, from https://charts.example.com/shop 1.2.3 (sha256:abababababab)\n"
    assert line in shown(listing)
    assert '"digest": "sha256:' + "ab" * 32 + '"' in json.dumps(listing.as_json())


def test_a_target_that_is_not_compared_tells_why_its_units_cannot_be_either() -> None:
    """No note speaks of them, so the units do, by the target's name."""
    (group,) = Listing((replace(BIG, compared=False, units=RELEASES[:2]),), 0, ()).groups()
    assert group.subjects == ("home: HelmRelease rel-0", "home: HelmRelease rel-1")


@pytest.mark.parametrize(
    ("reasons", "groups"),
    [
        ([("a", "it is suspended"), ("b", "it is suspended")], [ReasonGroup("it is suspended", ("a", "b"))]),
        (
            [("a", "its chart x comes from y"), ("b", "its chart q comes from z"), ("c", "a hook runs once")],
            [ReasonGroup("its chart … comes from …", ("a", "b")), ReasonGroup("a hook runs once", ("c",))],
        ),
        ([("a", "one two"), ("b", "three four")], [ReasonGroup("one two", ("a",)), ReasonGroup("three four", ("b",))]),
        ([], []),
    ],
)
def test_reasons_that_only_name_something_else_are_one(
    reasons: list[tuple[str, str]], groups: list[ReasonGroup]
) -> None:
    """What differs is left open; other sentences stay apart."""
    assert list(grouped(reasons)) == groups


def test_json_is_complete() -> None:
    """Every unit and every reason, whatever people are shown."""
    document = LISTING.as_json()
    (target,) = document["targets"]  # type: ignore[misc]  # plain JSON
    assert len(target["units"]) == 32  # type: ignore[has-type]
    assert len(document["not_compared"]) == 12  # type: ignore[arg-type]


def test_what_goes_to_another_cluster_is_not_compared_with_this_one() -> None:
    """A folder that an application of another cluster deploys is named, with what to do; it is no part of this cluster."""
    found = open_targets(Options(repo=str(gitops.HERE / "argo-apps"), environment={}))
    assert {target.name: target.compared for target in found.targets} == {"root": True, "prod.example.com": False}
    assert (
        IgnoreNote(
            "prod.example.com",
            "not compared",
            "it goes to another cluster, https://prod.example.com; name its observer under targets: in clockwork.yaml",
        )
        in found.notes
    )


def test_what_another_revision_deploys_is_not_compared_with_the_branch_that_is_read(tmp_path: Path) -> None:
    """A folder is read as the branch that is checked out; a tag that leads to its commit is the same."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    spec = "source: {repoURL: 'https://git.example.com/a/b', path: a, targetRevision: %s}"
    (tmp_path / "apps.yaml").write_text(
        "---\n".join(
            f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\n"
            f"spec: {{{spec % revision}, destination: {{namespace: {name}}}}}\n"
            for name, revision in (("head", "HEAD"), ("branch", "trunk"), ("tag", "v1.0.0"), ("old", "release"))
        )
    )
    git("init", "-q", "-b", "trunk", at=tmp_path)
    git("add", ".", at=tmp_path)
    git("commit", "-q", "-m", "first", at=tmp_path)
    git("tag", "v1.0.0", at=tmp_path)
    listing = open_targets(Options(repo=str(tmp_path), environment={}))
    assert {target.name for target in listing.targets if target.compared} == {"head", "branch", "tag"}
    (note,) = listing.notes
    assert note == IgnoreNote(
        "Application old (apps.yaml:16)", "not compared", "it deploys revision release, this is branch trunk"
    )
    (tmp_path / "a" / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n")
    git("add", ".", at=tmp_path)
    git("commit", "-q", "-m", "second", at=tmp_path)
    listing = open_targets(Options(repo=str(tmp_path), environment={}))
    assert {target.name for target in listing.targets if target.compared} == {"head", "branch"}
    origin = open_origin(Options(repo=str(tmp_path), target="old", environment={}), "ConfigMap/old/a", "metadata.name")
    assert origin.lines


def test_a_cluster_that_another_revision_deploys_is_listed_and_not_compared(tmp_path: Path) -> None:
    """What was proposed for it stays open: nothing is known of it, and nothing of it counts as gone from Git."""
    for name, branch in (("dev", "trunk"), ("prod", "stable")):
        meta = "metadata: {name: flux-system, namespace: flux-system}"
        folder = tmp_path / "clusters" / name
        folder.mkdir(parents=True)
        (folder / "sync.yaml").write_text(
            f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n{meta}\n"
            f"spec: {{url: 'https://git.example.com/a/b', ref: {{branch: {branch}}}}}\n---\n"
            f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n{meta}\n"
            f"spec: {{path: ./clusters/{name}, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
        )
    git("init", "-q", "-b", "trunk", at=tmp_path)
    git("add", ".", at=tmp_path)
    git("commit", "-q", "-m", "first", at=tmp_path)
    opened = repository_to_read(Options(repo=str(tmp_path), environment={}))
    deployment = declarer(opened).at(WORKTREE).deployment
    assert deployment is not None
    assert deployment.compared_names == {"dev"}
    listing = open_targets(Options(repo=str(tmp_path), environment={}))
    assert {target.name: target.compared for target in listing.targets} == {"dev": True, "prod": False}
    (group,) = listing.groups()
    assert group.reason == "it deploys revision stable, this is branch trunk"
    assert group.subjects == ("Kustomization flux-system/flux-system (clusters/prod/sync.yaml:6)",)
