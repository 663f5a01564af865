"""What runs holds a credential of every known form, and no command prints one, nor does a run write one anywhere."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, Final

import pygit2
import pytest
import yaml

from bot.entrypoints.cli import main
from bot.model.decision import Lane
from bot.model.proposal import Effect
from tests.flows.stage import DEPLOYMENT
from tests.flows.world import World
from tests.secrecy.samples import SAMPLES
from tests.secrecy.test_everywhere import leaks, numbered

TEXTS: Final = [sample.text for sample in SAMPLES]
CONFIG: Final = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {mode: fast}
"""
COMMANDS: Final = (
    ["drift"],
    ["drift", "--json"],
    ["drift", "--markdown", "../summary.md"],
    ["explain", "Deployment/shop/web"],
    ["explain", "Deployment/shop/web", "--json"],
    ["simulate"],
    ["simulate", "--json"],
    ["reconcile", "--dry-run"],
    ["reconcile", "--dry-run", "--json"],
    ["reconcile", "--dry-run", "--summary", "../summary.md"],
)


def planted(deployment: dict[str, Any]) -> dict[str, Any]:
    """A Deployment that carries all of them: as values, in arguments, in annotations, in what its status says."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": text} for name, text in numbered(TEXTS).items()]
    container["args"] = ["serve", *TEXTS]
    deployment["metadata"]["annotations"] = {f"example.com/{name}": text for name, text in numbered(TEXTS).items()}
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    deployment["status"] = {"conditions": [{**condition, "message": f"no uplink with {text}"} for text in TEXTS]}
    return deployment


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone with a Deployment and a ConfigMap, and beside it a snapshot of what runs."""
    root = tmp_path / "shop"
    git = pygit2.init_repository(str(root), initial_head="main")
    (root / "web.yaml").write_bytes(DEPLOYMENT)
    (root / "settings.yaml").write_text(CONFIG)
    git.index.add_all()
    who = pygit2.Signature("Rosa", "rosa@example.org")
    git.create_commit("HEAD", who, who, "First", git.index.write_tree(), [])
    settings = yaml.safe_load(CONFIG)
    settings["data"] |= {name: f"retries 3\nuplink {text}\n" for name, text in numbered(TEXTS).items()}
    items = [planted(yaml.safe_load(DEPLOYMENT)), settings]
    (tmp_path / "live.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_a_credential(
    command: list[str], repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables, JSON, Markdown, explanations and predictions are about all of them and show none of them."""
    monkeypatch.chdir(repository)
    monkeypatch.setenv("COLUMNS", "4000")
    monkeypatch.setenv("CLOCKWORK_CACHE", str(repository.parent / "cache"))
    for name in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "CLOCKWORK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert main([*command, "--repo", ".", "--live", "../live.json"]) == 0
    summary = repository.parent / "summary.md"
    printed = html.unescape("".join((*capsys.readouterr(), summary.read_text() if summary.exists() else "")))
    assert "uplink7" in printed
    assert not leaks(printed)


def test_errors_show_none(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with a snapshot or an argument is told without the credential in it."""
    live = repository.parent / "odd.json"
    for text in TEXTS[::10]:
        for odd in (text, {"kind": "Status", "apiVersion": "v1", "message": f"{text} was refused"}, {text: 1}):
            live.write_text(json.dumps([odd]))
            assert main(["drift", "--repo", str(repository), "--live", str(live)]) == 2
        assert main(["drift", "--repo", str(repository), "--var", text]) == 2
    assert not leaks("".join(capsys.readouterr()))


def everything_written(world: World) -> str:
    """Every object of the remote repository, and every pull request, issue and comment, without escapes."""
    git = pygit2.Repository(str(world.bare))
    objects = "".join(git.odb.read(oid)[1].decode("utf-8", "replace") for oid in git.odb)
    return html.unescape(objects + repr(world.desk.items) + repr(world.desk.threads)).replace("\\", "")


def test_a_run_writes_none(tmp_path: Path) -> None:
    """No commit, branch, ledger entry, pull request or issue holds one; people are asked to rotate them."""
    world = World(tmp_path, ("web",))
    world.live["k8s/web.yaml"] = planted(world.live["k8s/web.yaml"])
    world.config_drift("web", 8081)
    done = world.tick(world.loop())
    effects = {action.lane: action.effect for action in done.actions}
    assert effects == {Lane.CONFIG_PULL_REQUEST: Effect.OPENED, Lane.RUNBOOK_ISSUE: Effect.OPENED}
    written = everything_written(world)
    assert "8081" in written
    assert not leaks(written)
    assert not leaks(repr(done))
