"""What a run does not need is not loaded: most of what a short one costs is modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pygit2
import pytest

from tests.guardrails.test_command import commit

_RUN = "import sys; from bot.entrypoints.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
_DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n"


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (
            ["guard", "diff", "HEAD~1"],
            [
                *("bot.wiring.reconcile", "bot.wiring.targets", "bot.renderers.renderers", "bot.flows.rendering"),
                *("bot.assembly.assemble", "pydantic", "bot.guardrails.detectors.powers"),
            ],
        ),
        (
            ["drift", "--live", "live.json"],
            [
                *("bot.flows.reconcile", "bot.flows.commands", "bot.renderers.kustomize", "bot.origins.search"),
                "bot.assembly.assemble",
            ],
        ),
    ],
    ids=["guard", "drift"],
)
def test_a_run_loads_what_it_needs(words: list[str], without: list[str], tmp_path: Path) -> None:
    """A change where no tool renders anything is judged without the loop, and plain files are compared without renderers.

    Where there are no settings to check, what checks them is not loaded either.
    """
    files = {".github/workflows/ci.yml": "on: push\njobs: {}\n"}
    repository = pygit2.init_repository(str(tmp_path), initial_head="main")
    commit(repository, {**files, "deploy.yaml": _DEPLOYMENT})
    commit(repository, {"a.py": "x = 1\n"})
    (tmp_path / "deploy.yaml").write_text(_DEPLOYMENT)
    (tmp_path / "live.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = done.stderr.split()
    assert "bot.settings" in loaded
    assert [name for name in without if name in loaded] == []
