"""What a run would write is shown before it does: the text people would read, and a patch that Git applies."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bot.model.proposal import Effect, Preview
from bot.report.json import tick_json
from bot.report.terminal import show_tick
from tests.flows.stage import NAME, Stage
from tests.flows.world import World


def previews(stage: Stage) -> dict[str, Preview]:
    """What a dry run would write, by remedy."""
    done = stage.tick(dry_run=True)
    return {action.lane.value: action.preview for action in done.actions if action.preview is not None}


def drifted(stage: Stage) -> None:
    """Something for each lane."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()


def test_each_lane_shows_what_it_would_write(stage: Stage) -> None:
    """A commit and a pull request have a patch of their own lines, an issue has steps and none."""
    drifted(stage)
    shown = previews(stage)
    assert set(shown) == {"artifact-patch", "config-pull-request", "runbook-issue"}
    assert "+++ b/k8s/web.yaml" in shown["artifact-patch"].patch
    assert shown["runbook-issue"].patch == ""
    assert "kubectl" in shown["runbook-issue"].body
    assert stage.issues() == []


def test_the_text_is_the_one_that_the_pull_request_gets(stage: Stage) -> None:
    """Title and body are those of the pull request that the next run opens, but for its marker."""
    stage.config_drift()
    shown = previews(stage)["config-pull-request"]
    (opened,) = stage.tick().actions
    item = stage.api("GET", f"/pulls/{opened.number}")
    assert item["title"] == shown.title
    assert item["body"].endswith(shown.body) or shown.body.strip() in item["body"]


def test_git_applies_the_patch(stage: Stage, tmp_path: Path) -> None:
    """The patch makes the same file as the pull request's branch has."""
    stage.config_drift()
    patch = previews(stage)["config-pull-request"].patch
    stage.tick()
    clone, url = tmp_path / "clone", stage.box.git_url(NAME).replace("://", f"://rosa:{stage.human}@")
    subprocess.run(["git", "clone", "-q", url, str(clone)], check=True)
    subprocess.run(["git", "apply"], input=patch, text=True, cwd=clone, check=True)
    (branch,) = [each["name"] for each in stage.api("GET", "/branches") if each["name"].startswith("clockwork/")]
    made = subprocess.run(["git", "diff", f"origin/{branch}"], cwd=clone, check=True, capture_output=True, text=True)
    assert made.stdout == ""


def test_every_form_has_it(stage: Stage) -> None:
    """JSON has title, body and patch; the terminal has the patch's lines from the first column on."""
    stage.config_drift()
    done = stage.tick(dry_run=True)
    (action,) = json.loads(json.dumps(tick_json(done)))["actions"]
    assert set(action["preview"]) == {"title", "body", "patch"}
    out = io.StringIO()
    show_tick(done, Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert set(action["preview"]["patch"].splitlines()) <= set(lines)
    assert f"    {action['preview']['title']}" in lines


def test_a_run_that_writes_has_no_preview(stage: Stage) -> None:
    """It did what it says; what stayed as it is has none in a dry run either."""
    stage.config_drift()
    assert [action.preview for action in stage.tick().actions] == [None]
    (action,) = stage.tick(dry_run=True).actions
    assert (action.effect, action.preview) == (Effect.UNCHANGED, None)


def test_without_a_code_host_the_proposals_are_shown(tmp_path: Path) -> None:
    """A dry run shows the patch of the pull request and the steps of the issue; the run writes neither, and says why."""
    world = World(tmp_path, ("web",))
    world.config_drift("web", 90)
    world.delete_claim("web")
    loop = world.loop(dry_run=True)
    alone = replace(loop, run=replace(loop.run, host=None))
    pull, issue = sorted(world.tick(alone).actions, key=lambda action: action.lane.value)
    assert pull.effect is issue.effect is Effect.UNSUPPORTED
    assert pull.preview is not None
    assert issue.preview is not None
    assert "\n-      port: 80\n+      port: 90\n" in pull.preview.patch
    assert "kubectl" in issue.preview.body
    before = world.entries(), world.commits()
    done = world.tick(replace(alone, dry_run=False)).actions
    assert {action.effect for action in done} == {Effect.UNSUPPORTED}
    assert all(action.preview is None for action in done)
    assert (world.entries(), world.commits()) == before
