"""Rules, ignore rules and what was last applied know the target of each resource."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pygit2 import Repository

from bot.flows.applied import APPLIED, APPLIED_TO, last_applied, record_applied, ref_of
from bot.gitrepo.repository import GitRepository
from bot.model.decision import Lane
from bot.model.drift import DriftKind
from tests.flows.folders import assessed, folder, snapshot
from tests.flows.test_targets import DEV, KUSTOMIZE, PROD, changed, has_kustomize

pytestmark = pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")

NEW = "registry.example.com/web:9"


def two_clusters(tmp_path: Path, files: Mapping[str, bytes] = {}, **live: list[dict[str, Any]]) -> Path:
    """A base with two overlays and a cluster for each: in sync but for ``live``."""
    objects = {"dev": [DEV], "prod": [PROD], **live}
    targets = "".join(
        f"- {{name: {name}, path: overlays/{name},"
        f" observe: {{snapshot: {{file: {snapshot(tmp_path / f'{name}.json', objects[name])}}}}}}}\n"
        for name in ("dev", "prod")
    )
    settings = KUSTOMIZE["clockwork.yaml"] + b"targets:\n" + targets.encode()
    return folder(tmp_path / "repo", {**KUSTOMIZE, "clockwork.yaml": settings, **files})


IMAGES = b"""\
ignores:
  - id: prod-image
    target: prod
    resource: Deployment/shop/*
    path: spec.template.spec.containers[*].image
    reason: the canary changes it
"""


def test_an_ignore_rule_of_one_target_hides_nothing_of_another(tmp_path: Path) -> None:
    """The same change in both clusters is hidden in the one that the rule names, counted, and told in the other."""
    root = two_clusters(
        tmp_path,
        {".clockwork/ignore.yaml": IMAGES},
        dev=[changed(DEV, image=NEW)],
        prod=[changed(PROD, image=NEW)],
    )
    report = assessed(root).report
    assert [drift.resource.qualified for drift in report.drift] == ["dev/Deployment/shop/web"]
    assert [(each.by, each.drift.resource.qualified) for each in report.suppressed] == [
        ("ignore:prod-image", "prod/Deployment/shop/web")
    ]
    assert not [note for note in report.notes if note.rule == "prod-image"]


def test_a_rule_that_hides_something_in_one_target_is_not_unused(tmp_path: Path) -> None:
    """Whether a rule is needed is asked of all targets together, and not at all where one alone is looked at."""
    rules = IMAGES.replace(b"    target: prod\n", b"")
    root = two_clusters(tmp_path, {".clockwork/ignore.yaml": rules}, dev=[changed(DEV, image=NEW)])
    assert not [note for note in assessed(root).report.notes if note.state == "unused"]
    assert not [note for note in assessed(root, target="prod").report.notes if note.state == "unused"]
    (root / ".clockwork/ignore.yaml").write_bytes(IMAGES)
    assert [note.rule for note in assessed(root).report.notes if note.state == "unused"] == ["prod-image"]


def test_a_policy_rule_of_one_target_decides_there_alone(tmp_path: Path) -> None:
    """The same drift is filed for prod by its rule and proposed for dev by the level's."""
    own = (
        b"rules:\n  - id: prod-by-hand\n    match: {target: prod}\n"
        b"    remedy: runbook-issue\n    reason: Prod is changed by hand.\n"
    )
    root = two_clusters(
        tmp_path, {"policies/own.yaml": own}, dev=[changed(DEV, image=NEW)], prod=[changed(PROD, image=NEW)]
    )
    lanes = {each.drift.resource.target: each.lane for each in assessed(root).decisions}
    assert lanes == {"dev": Lane.CONFIG_PULL_REQUEST, "prod": Lane.RUNBOOK_ISSUE}


def test_a_database_of_a_target_is_not_scaled_to_zero(tmp_path: Path) -> None:
    """The floor about workloads that keep data knows those of targets."""
    base = KUSTOMIZE["base/deployment.yaml"].replace(b"registry.example.com/web", b"docker.io/library/postgres")
    live = copy.deepcopy(changed(PROD, image="docker.io/library/postgres"))
    live["spec"]["replicas"] = 0
    root = two_clusters(tmp_path, {"base/deployment.yaml": base}, prod=[live])
    (decision,) = [each for each in assessed(root, target="prod").decisions if each.drift.where == "spec.replicas"]
    assert decision.lane is Lane.RUNBOOK_ISSUE


CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\ndata: {a: b}\n"


def git(root: Path, *words: str) -> None:
    """One git command in ``root``."""
    subprocess.run(
        ["git", "-c", "user.name=rosa", "-c", "user.email=rosa@example.com", *words],
        cwd=root,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("ref", ["refs/clockwork/applied", "refs/clockwork/applied-to/prod"])
def test_what_a_target_dropped_from_git_is_told_for_that_target(tmp_path: Path, ref: str) -> None:
    """It was applied to prod, is in no file any more and still runs: prod's drift, by its name, and nobody else's."""
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "old", "namespace": "shop"},
        "data": {"a": "b"},
    }
    before = KUSTOMIZE["overlays/prod/kustomization.yaml"]
    more = before.replace(b"[../../base]", b"[../../base, old.yaml]")
    files = {"overlays/prod/old.yaml": CONFIG, "overlays/prod/kustomization.yaml": more}
    root = two_clusters(tmp_path, files, prod=[PROD, live], dev=[DEV, live])
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Apply")
    git(root, "update-ref", ref, "HEAD")
    assert not assessed(root).report.drift
    (root / "overlays/prod/kustomization.yaml").write_bytes(before)
    (root / "overlays/prod/old.yaml").unlink()
    (drift,) = assessed(root).report.drift
    assert (drift.kind, drift.task) == (DriftKind.REMOVED, "prod/ConfigMap/shop/old")
    assert not assessed(root, target="dev").report.drift


def test_a_target_is_at_the_newer_of_what_was_applied_to_it_alone_and_to_all(tmp_path: Path) -> None:
    """A later apply of everything outdoes its own; an older one does not, nor one of another target."""
    git(tmp_path, "init", "-q", "-b", "main")
    commits = []
    for number in range(3):
        git(tmp_path, "commit", "-qm", str(number), "--allow-empty")
        commits.append(Repository(str(tmp_path)).head.target)
    first, second, third = map(str, commits)
    at = GitRepository.local(tmp_path)
    git(tmp_path, "update-ref", f"{APPLIED_TO}dev", third)
    assert (last_applied(at, None), last_applied(at, "prod"), last_applied(at, "dev")) == (None, None, third)
    git(tmp_path, "update-ref", f"{APPLIED_TO}prod", second)
    for whole, expected in ((first, second), (second, second), (third, third)):
        git(tmp_path, "update-ref", APPLIED, whole)
        assert (last_applied(at, "prod"), last_applied(at, None)) == (expected, whole)


def test_targets_of_any_name_are_remembered_side_by_side(tmp_path: Path) -> None:
    """A name that begins with another's, and names that Git takes for no ref."""
    checkout, remote = tmp_path / "checkout", tmp_path / "remote"
    checkout.mkdir()
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "commit", "-qm", "Begin", "--allow-empty")
    git(checkout, "clone", "-q", "--bare", ".", str(remote))
    at = GitRepository.open(str(remote), tmp_path / "git")
    at.fetch()
    targets = (
        "clusters",
        "clusters/prod",
        "a b",
        "x..y",
        ".hidden",
        "web.lock",
        "~us^:?*[",
        "@{",
        "größe",
        "a%2Fb",
        "a/b",
    )
    for target in targets:
        sha = record_applied(at, branch="main", commit=None, name="shop", target=target)
        assert last_applied(at, target) == sha
    assert len({ref_of(target) for target in targets}) == len(targets) == len(at.refs(APPLIED_TO))
    git(remote, "fsck", "--strict")
    again = GitRepository.open(str(remote), tmp_path / "other")
    again.fetch()
    assert {last_applied(again, target) for target in targets} == {at.head("main")}


def test_the_last_generation_of_a_generated_object_is_not_what_git_dropped(tmp_path: Path) -> None:
    """A ConfigMap is generated anew with another content: the one that was applied is counted, with the reason, until Git
    generates none any more.
    """
    before = KUSTOMIZE["overlays/prod/kustomization.yaml"]
    generator = b"configMapGenerator:\n- {name: words, literals: [level=info]}\n"
    file = "overlays/prod/kustomization.yaml"
    root = two_clusters(tmp_path, {file: before + generator})
    old = generated(root)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Apply")
    git(root, "update-ref", "refs/clockwork/applied", "HEAD")
    (root / file).write_bytes(before + generator.replace(b"info", b"debug"))
    new = generated(root)
    snapshot(tmp_path / "prod.json", [PROD, old, new])
    report = assessed(root).report
    assert not report.drift
    (hidden,) = report.suppressed
    assert (hidden.by, hidden.drift.task) == ("previous-generation", f"prod/ConfigMap/shop/{old['metadata']['name']}")
    assert hidden.reason.startswith(f"previous generation of ConfigMap/shop/{new['metadata']['name']}")
    (root / file).write_bytes(before)
    (drift,) = assessed(root).report.drift
    assert (drift.kind, drift.resource.name) == (DriftKind.REMOVED, old["metadata"]["name"])


def generated(root: Path) -> dict[str, Any]:
    """The ConfigMap that prod declares now, as it runs."""
    (made,) = (each for each in assessed(root).declaration.resources if each.id.kind == "ConfigMap")
    return dict(made.tree)


def test_what_cannot_be_rendered_any_more_was_not_dropped(tmp_path: Path) -> None:
    """A broken overlay makes nothing of what was applied look as if Git had dropped it."""
    root = two_clusters(tmp_path)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Apply")
    git(root, "update-ref", "refs/clockwork/applied", "HEAD")
    (root / "overlays/prod/kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    report = assessed(root).report
    assert not report.drift
    assert any("nowhere.yaml" in note.detail for note in report.notes)


def test_what_nobody_declares_in_a_target_s_cluster_carries_its_name(tmp_path: Path) -> None:
    """A live object that is marked as ours belongs to the target whose cluster it runs in."""
    stray = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "stray", "namespace": "shop", "labels": {"clockwork.dev/managed": "true"}},
    }
    (drift,) = assessed(two_clusters(tmp_path, prod=[PROD, stray])).report.drift
    assert drift.task == "prod/ConfigMap/shop/stray"
    assert drift.resource.target == "prod"
