"""What one process rendered, the next one on the machine need not render."""

from __future__ import annotations

from pathlib import Path

import pygit2

from bot.gitrepo.worktree import WORKTREE
from bot.model.resource import Desired
from bot.renderers import tools
from bot.wiring.reconcile import declarer
from bot.wiring.repository import Options, open_repository, renderings_folder, repository_to_read
from bot.wiring.targets import renderers
from tests.distributions import ROOT
from tests.guardrails.test_command import commit
from tests.renderers.needs import KUSTOMIZE

FILES = {
    "clockwork.yaml": "version: 1\ntargets: [{name: dev, path: dev}, {name: prod, path: prod}, {name: far, path: far}]\n",
    **{f"{name}/kustomization.yaml": "resources: [config.yaml]\n" for name in ("dev", "prod", "far")},
    **{
        f"{name}/config.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: b}}\n"
        for name in ("dev", "prod")
    },
}
"""Three targets. One of them cannot be built: a file is not there."""


def declared(repository: pygit2.Repository, cache: Path) -> tuple[int, tuple[Desired, ...]]:
    """How many units a new process renders of what a remote's branch holds, and what that declares."""
    options = Options(repo=f"file://{repository.path}", environment={}, cache=cache)
    opened, own = open_repository(options), renderers(options)
    head = opened.repository.head("main")
    assert head is not None
    resources = declarer(opened, own).at(head).resources
    return own.rendered, resources


@KUSTOMIZE
def test_a_new_process_renders_what_changed(tmp_path: Path) -> None:
    """Of what did not, only what cannot be built is tried again, and the same comes of all; then the unit that reads a file."""
    remote, cache = pygit2.init_repository(tmp_path / "remote", bare=True, initial_head="main"), tmp_path / "cache"
    commit(remote, FILES)
    count, first = declared(remote, cache)
    broken, later = declared(remote, cache)
    assert (count, broken, later) == (3, 1, first)
    commit(remote, {"dev/config.yaml": FILES["dev/config.yaml"].replace("a: b", "a: c")})
    changed, other = declared(remote, cache)
    assert (changed, other == first) == (broken + 1, False)


@KUSTOMIZE
def test_files_of_no_commit_are_rendered_each_time(tmp_path: Path) -> None:
    """They are known by size and age alone, which other files may have on another day."""
    for path, text in FILES.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(text)
    options = Options(repo=str(tmp_path / "repo"), environment={}, cache=tmp_path / "cache")
    counts = []
    for _ in range(2):
        own = renderers(options)
        declarer(repository_to_read(options), own).at(WORKTREE)
        counts.append(own.rendered)
    assert counts == [3, 3]


def test_a_remote_has_room_of_its_own(tmp_path: Path) -> None:
    """In which others do not crowd it."""
    rooms = {
        renderings_folder(Options(repo=repo, cache=tmp_path))
        for repo in ("one", "two", "https://git.example/a/one.git", "https://git.example/a/two.git")
    }
    assert len(rooms) == 3


def test_a_rendering_is_as_good_as_the_code_that_read_it(tmp_path: Path) -> None:
    """Nothing of before an update is believed after it; what Python compiled says nothing new."""
    (tmp_path / "targets" / "inside").mkdir(parents=True)
    (tmp_path / "targets" / "inside" / "read.py").write_text("one")
    first = tools.code_digest(tmp_path)
    (tmp_path / "targets" / "read.pyc").write_text("compiled")
    assert tools.code_digest(tmp_path) == first
    (tmp_path / "targets" / "inside" / "read.py").write_text("two")
    assert tools.code_digest(tmp_path) != first
    assert f"clockwork {tools.code_digest(ROOT / 'bot')}" in tools.versions()
