"""``--task``: plan, apply, verify and build of some tasks alone."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.model.ledger import EntryKind
from bot.wiring.applying import journal_of
from tests.appliers.apiserver import ApiServer
from tests.entry import clockwork
from tests.flows.site import CONFIG, SPACE, WEB, Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("CLOCKWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CLOCKWORK_SECRET", "site")
    with ApiServer() as server:
        yield Site.open(tmp_path, server)


def run(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    verb, *rest = words
    return clockwork(verb, *rest, "--repo", str(site.remote), folder=site.root)


def test_a_task_is_done_with_what_it_needs_and_nothing_else(site: Site) -> None:
    """The config map and its namespace; the rest differs as before, and of it nothing is told as done."""
    planned = json.loads(run(site, "plan", "--task", "ConfigMap/*", "--json").stdout)["plans"][0]
    assert [action["task"] for action in planned["actions"]] == ["Namespace/shop", "ConfigMap/shop/settings"]
    assert planned["tasks"] == ["ConfigMap/*"]
    done = run(site, "apply", "--task", "ConfigMap/*", "--auto-approve")
    assert done.returncode == 0, done.stdout
    assert "Applied: 2 created." in done.stdout
    assert (site.live(CONFIG) is not None, site.live(WEB)) == (True, None)
    assert site.git("ls-remote", "origin", "refs/clockwork/applied") == ""
    assert run(site, "verify", "--task", "ConfigMap/*", "--wait", "0").returncode == 0
    assert run(site, "verify", "--task", "Deployment/shop/web", "--wait", "0").returncode == 1


def test_a_kept_plan_says_what_was_chosen(site: Site, tmp_path: Path) -> None:
    """It is carried out as it was looked at, without naming the tasks again, and cannot be said to be about others."""
    plan = str(tmp_path / "plan.json")
    assert run(site, "plan", "--task", "Namespace/shop", "--out", plan).returncode == 0
    assert run(site, "apply", plan, "--task", "*").returncode == 2
    done = run(site, "apply", plan)
    assert done.returncode == 0, done.stdout
    assert site.live(SPACE) is not None
    assert site.live(CONFIG) is None
    assert run(site, "plan", "--check", plan).returncode == 3


def test_what_waits_names_the_command_that_asks_and_a_kept_plan_the_one_that_does_it(
    site: Site, tmp_path: Path
) -> None:
    """Each works as it is printed."""
    assert run(site, "apply", "--auto-approve").returncode == 0
    site.declare(SPACE, WEB)
    left = run(site, "apply", "--auto-approve", "--task", "ConfigMap/shop/*")
    assert left.returncode == 4, left.stdout
    asks = f"At a terminal, this asks for a yes:\n  clockwork apply --repo {site.remote} --task 'ConfigMap/shop/*'\n"
    assert asks in left.stdout
    plan = str(tmp_path / "a plan.json")
    told = run(site, "plan", "--out", plan).stdout
    hint = told.splitlines()[-1]
    assert shlex.split(hint) == ["clockwork", "apply", plan, "--repo", str(site.remote)]
    done = clockwork(*shlex.split(hint)[1:], folder=site.folder)
    assert done.returncode == 0, done.stdout
    assert site.live(CONFIG) is None
    again = run(site, "plan", "--out", plan).stdout
    assert "Kept in" not in again


def test_no_value_of_a_variable_is_printed(site: Site, tmp_path: Path) -> None:
    """It may be a secret: that the variables are needed again is said instead."""
    site.push({"more.cw": 'variable "word" {\n  type = string\n  sensitive = true\n}\n'})
    plan = str(tmp_path / "plan.json")
    kept = run(site, "plan", "--out", plan, "--var", "word=hunter2-planted")
    assert kept.returncode == 0, kept.stdout
    assert "Whoever runs this, with the same --var, agrees to it:" in kept.stdout
    assert run(site, "apply", "--auto-approve", "--var", "word=hunter2-planted").returncode == 0
    site.declare(SPACE, WEB)
    left = run(site, "apply", "--auto-approve", "--var", "word=hunter2-planted")
    assert "this, with the same --var, asks for a yes:" in left.stdout
    assert "hunter2" not in kept.stdout + kept.stderr + left.stdout + left.stderr


def test_a_task_that_is_none_is_told(site: Site) -> None:
    """With the one that was probably meant; so does every verb."""
    for words in (["plan"], ["apply", "--auto-approve"], ["verify"], ["build", "--out", str(site.root / "out")]):
        told = run(site, *words, "--task", "Deployment/shop/wep")
        assert told.returncode == 2
        assert "there is no task 'Deployment/shop/wep'" in told.stderr
        assert "Deployment/shop/web" in told.stderr


def test_a_bundle_of_a_task_is_told_as_json(site: Site) -> None:
    """What was built and where, with the digests of the files."""
    out = site.root / "out"
    told = json.loads(run(site, "build", "--task", "ConfigMap/*", "--out", str(out), "--json").stdout)
    assert [each["path"] for each in told["files"]] == ["default/kubernetes/configmap-shop-settings.yaml"]
    assert told["out"] == str(out)
    assert (out / "default/kubernetes/configmap-shop-settings.yaml").is_file()


def test_what_another_run_began_is_left_to_who_does_all(site: Site) -> None:
    """An intent without an outcome that was not chosen is neither done nor given up."""

    class Died(BaseException):
        pass

    waves = 0

    def die(step: str) -> None:
        nonlocal waves
        if step == "apply-intent" and (waves := waves + 1) == 2:
            raise Died

    with pytest.raises(Died):
        site.apply(reached=die)
    application = site.application(cache="other")
    application.tasks = ("Deployment/shop/web",)
    (plan,) = application.plans
    assert application.carry_out(plan, approved=True).is_complete
    entries = journal_of(application.opened, "").read().entries
    ended = {entry.intent for entry in entries if entry.kind is EntryKind.OUTCOME}
    open_ = [entry.reason for entry in entries if entry.kind is EntryKind.INTENT and entry.id not in ended]
    assert open_ == ["create ConfigMap/shop/settings"]
    assert site.live(CONFIG) is None
