"""The whole loop with ``author.signing: github``: the host makes the commits, and the ledger knows them as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Invalid
from bot.gitrepo.verified import VerifiedRepository
from bot.model.ledger import EntryKind, Result
from bot.model.proposal import branch_of
from bot.settings import Settings
from bot.wiring.host import open_host, writer
from bot.wiring.repository import SystemClock, open_repository
from bot.wiring.workers import publish
from tests.flows.stage import NAME, Stage, by_lane

GRAPHQL = r"/graphql$"


@pytest.fixture
def signed(stage: Stage) -> Stage:
    """The stage with commits made by the host."""
    stage.edit("clockwork.yaml", lambda text: f"{text}author: {{signing: github}}\n")
    return stage


def heads(stage: Stage) -> list[str]:
    """What the ledger says the branches were at after each successful fix, oldest first."""
    entries = stage.loop(fresh=True).run.ledger.read().entries
    outcomes = [e for e in entries if e.kind is EntryKind.OUTCOME and e.result is Result.SUCCEEDED]
    return [e.detail["head"] for e in outcomes if "head" in e.detail]


def tip(stage: Stage, branch: str) -> str:
    return str(stage.api("GET", f"/git/ref/heads/{branch}")["object"]["sha"])


def mutations(stage: Stage) -> int:
    return sum(line.path.endswith("/graphql") for line in stage.box.requests.writes())


def test_patch_and_pull_request_are_commits_of_the_host(signed: Stage) -> None:
    """The patch and the pull request's commit are made by the host, on the heads the ledger names; then all is quiet."""
    signed.safe_drift()
    signed.config_drift()
    actions = by_lane(signed.tick())
    assert mutations(signed) == 2
    (pull,) = signed.pulls()
    assert heads(signed) == [pull["head"]["sha"], tip(signed, "main")]
    assert tip(signed, pull["head"]["ref"]) == pull["head"]["sha"] == actions["config-pull-request"].sha
    assert actions["artifact-patch"].sha == tip(signed, "main")
    assert "failureThreshold: 6   # three misses" in signed.file("k8s/web.yaml")
    assert signed.api("GET", f"/pulls/{pull['number']}")["commits"] == 1
    for fresh in (False, True):
        signed.clock.move(minutes=1)
        assert not signed.tick(fresh=fresh).wrote
    assert mutations(signed) == 2


def test_the_pull_request_merges_and_the_loop_ends(signed: Stage) -> None:
    """A person merges the pull request: its change is on the branch and nothing is left to do."""
    signed.config_drift()
    signed.tick()
    (pull,) = signed.pulls()
    signed.api("PUT", f"/pulls/{pull['number']}/merge", merge_method="merge")
    signed.clock.move(minutes=20)
    assert "port: 8081" in signed.file("k8s/service.yaml")
    signed.tick()
    assert len(signed.pulls()) == 1
    assert not signed.tick().wrote


def test_a_lost_reply_makes_one_commit(signed: Stage) -> None:
    """The host commits but its answer is lost: one commit, and the ledger names it."""
    before = len(signed.commits())
    signed.safe_drift()
    signed.box.faults.lose_reply(GRAPHQL)
    signed.tick()
    assert len(signed.commits()) == before + 1
    assert heads(signed) == [tip(signed, "main")]


def test_a_branch_that_was_only_begun_is_nobodys(signed: Stage) -> None:
    """A crash after the branch was made and before its commit: the next run goes on, also when main has moved."""
    signed.config_drift()
    branch = branch_of(by_lane(signed.tick(dry_run=True))["config-pull-request"].task)
    signed.api("POST", "/git/refs", ref=f"refs/heads/{branch}", sha=tip(signed, "main"))
    signed.edit("k8s/web.yaml", lambda text: f"{text}# By hand\n")
    signed.tick(fresh=True)
    (pull,) = signed.pulls()
    assert pull["head"]["ref"] == branch
    assert mutations(signed) == 1
    assert signed.api("GET", f"/pulls/{pull['number']}")["commits"] == 1


def test_what_the_host_cannot_be_told_is_pushed(signed: Stage) -> None:
    """Rewritten branches, other refs and several commits at once are pushed by Git; one new commit is not."""
    run = signed.loop().run
    git = run.repository
    assert isinstance(git, VerifiedRepository)
    base, now = tip(signed, "main"), signed.clock.now()
    first = git.commit(base, {"a.txt": b"1"}, message="One", at=now)
    second = git.commit(first, {"a.txt": b"2"}, message="Two", at=now)
    other = git.commit(base, {"b.txt": b"1"}, message="Other", at=now)
    assert git.push("side", second, expected=None) == second
    assert git.push("side", other, expected=second) == other
    assert git.push("refs/clockwork/applied", first, expected=None) == first
    assert mutations(signed) == 0
    more = git.commit(other, {"b.txt": None, "c/d.bin": b"\x00\x01"}, message="More", at=now)
    made = git.push("side", more, expected=other)
    assert made == tip(signed, "side") == git.head("side")
    assert git.changed(more, made) == []
    assert git.log(made, limit=1)[0].parents == (other,)
    assert mutations(signed) == 1


def test_what_workers_publish_is_made_by_the_host(signed: Stage) -> None:
    """A report of the workers is committed by the host as well, once."""
    site = open_repository(signed.options())
    made = publish(site, "REPORT.md", b"all well\n", "Report")
    assert made == tip(signed, "main")
    assert publish(site, "REPORT.md", b"all well\n", "Report") is None
    assert mutations(signed) == 1


def test_without_a_code_host_the_setting_is_a_mistake(stage: Stage, tmp_path: Path) -> None:
    """Asking for the host's signature where there is no host says so and what to do."""
    site = open_repository(stage.options())
    asked = replace(site, settings=Settings.model_validate({"author": {"signing": "github"}}))
    with pytest.raises(Invalid, match="is on no GitHub") as caught:
        writer(asked, None)
    assert "ssh or gpg" in str(caught.value)
    host = open_host(site, SystemClock())
    assert writer(site, host) is site.git
    assert NAME in (site.remote or "")
