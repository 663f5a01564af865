"""A whole world in one folder: a real bare repository and ledger, a code host in memory, live objects, a movable clock.

Where the sandbox proves the loop over sockets, this proves it over thousands of turns. Bots are runs of the real tick,
each on a clone of its own; one dies by an exception that nothing catches.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pygit2

from bot.drift.ignore import Ignores
from bot.drift.options import ComparisonOptions
from bot.errors import BotError, Refused, Unavailable
from bot.flows.context import RunContext
from bot.flows.declare import Declarer, Selection
from bot.flows.observation import RulesInForce
from bot.flows.reconcile import Loop, tick
from bot.forge.render import render
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from bot.model.codehost import Check, Comment, HostFacts, Issue, ItemState, Marker, PublishedCheck, PullRequest, Whoami
from bot.model.decision import FixLevel
from bot.model.ledger import Actor, Entry
from bot.model.proposal import Tick, branch_of
from bot.observers.gather import gather
from bot.observers.snapshot import SnapshotObserver
from bot.policy.levels import in_force
from bot.policy.rules import RuleSet
from bot.ports import BranchMove, Repository, Signature
from bot.safety.limits import Limits
from bot.shipped import files, folder
from bot.texts import Texts
from tests.flows.stage import CLAIM, DEPLOYMENT, SERVICE, MovableClock
from tests.parsed import parsed

BOT = Signature("Clockwork", "clockwork@example.org")
ROSA = Signature("Rosa", "rosa@example.org")


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def ignore(_step: str) -> None:
    """Nothing happens."""


@cache
def rules() -> RuleSet:
    """The shipped level that a new repository has."""
    return in_force(FixLevel.CONSERVATIVE, shipped=files("policies", "levels/*.yaml"), repository={})


@cache
def texts() -> Texts:
    """The shipped texts."""
    return Texts.at(folder("templates"))


@dataclass
class Desk:
    """A code host in memory: finds by marker or creates, as the real adapter does over the network."""

    numbers: Any = field(default_factory=lambda: itertools.count(1))
    items: dict[int, PullRequest | Issue] = field(default_factory=dict)
    threads: dict[int, list[Comment]] = field(default_factory=dict)
    down: bool = False
    created: list[Marker] = field(default_factory=list)

    def whoami(self) -> Whoami:
        return Whoami("clockwork[bot]", 7)

    def facts(self) -> HostFacts:
        return HostFacts(1, "desk/desk")

    def everything(self) -> list[PullRequest | Issue]:
        """All items, newest first."""
        return list(reversed(self.items.values()))

    def pulls(self) -> Sequence[PullRequest]:
        return [each for each in self.everything() if isinstance(each, PullRequest) and each.state is ItemState.OPEN]

    def issues(self) -> Sequence[Issue]:
        return [each for each in self.everything() if isinstance(each, Issue) and each.state is ItemState.OPEN]

    def closed(self) -> Sequence[PullRequest | Issue]:
        return [each for each in self.everything() if each.marker and each.state is not ItemState.OPEN]

    def item(self, number: int) -> PullRequest | Issue | None:
        return self.items.get(number)

    def label(self, number: int, labels: Sequence[str]) -> None:
        self.items[number] = replace(self.items[number], labels=tuple(labels))

    def merge_when_green(self, number: int) -> None:
        raise Refused(f"#{number} does not merge by itself")

    def pull(self, number: int) -> PullRequest:
        item = self.items[number]
        assert isinstance(item, PullRequest)
        return item

    def open_pull(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        head: str,
        base: str,
        labels: Sequence[str],
        listed: Sequence[PullRequest] | None = None,
        draft: bool = False,
    ) -> PullRequest:
        del listed
        self._reachable()
        for pull in self.pulls():
            if pull.marker is not None and (pull.marker.kind, pull.marker.key) == (marker.kind, marker.key):
                return self.update_pull(pull.number, marker=marker, title=title, body=body)
        number = next(self.numbers)
        made = PullRequest(
            number, f"desk/{number}", ItemState.OPEN, title, body, "clockwork[bot]", 7, base, "", head, ""
        )
        self.items[number] = replace(made, marker=marker, labels=tuple(labels), draft=draft)
        self.created.append(marker)
        return self.pull(number)

    def update_pull(self, number: int, *, marker: Marker, title: str, body: str) -> PullRequest:
        self._reachable()
        self.items[number] = replace(self.pull(number), marker=marker, title=title, body=body)
        return self.pull(number)

    def close_pull(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        self._close(number, comment, marker)

    def open_issue(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        labels: Sequence[str],
        listed: Sequence[Issue] | None = None,
    ) -> Issue:
        del listed
        self._reachable()
        for issue in self.issues():
            tag = issue.marker
            if issue.state is ItemState.OPEN and tag and (tag.kind, tag.key) == (marker.kind, marker.key):
                return self.update_issue(issue.number, marker=marker, title=title, body=body)
        number = next(self.numbers)
        made = Issue(number, f"desk/{number}", ItemState.OPEN, title, body, "clockwork[bot]", tuple(labels), marker)
        self.items[number] = made
        self.created.append(marker)
        return made

    def update_issue(self, number: int, *, marker: Marker, title: str, body: str) -> Issue:
        self._reachable()
        item = self.items[number]
        assert isinstance(item, Issue)
        self.items[number] = made = replace(item, marker=marker, title=title, body=body)
        return made

    def close_issue(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        self._close(number, comment, marker)

    def comments(self, number: int) -> Sequence[Comment]:
        return self.threads.get(number, [])

    def comment(self, number: int, *, marker: Marker, body: str) -> Comment:
        self._reachable()
        thread = self.threads.setdefault(number, [])
        for comment in thread:
            if comment.marker == marker:
                return comment
        thread.append(Comment(len(thread) + 1, "clockwork[bot]", 7, body, MovableClock().at, marker=marker))
        return thread[-1]

    def publish(self, check: Check) -> PublishedCheck:
        raise NotImplementedError

    def may_write(self, login: str) -> bool:
        return login == "rosa"

    def head_ref(self, number: int) -> str:
        return f"refs/pull/{number}/head"

    def commits(self) -> None:
        """It signs nothing."""

    def flush(self) -> None:
        return

    def _close(self, number: int, comment: str | None, marker: Marker | None) -> None:
        self._reachable()
        if comment is not None:
            self.comment(number, marker=marker or Marker("closing", str(number), ""), body=comment)
        self.items[number] = replace(self.items[number], state=ItemState.CLOSED, closed_by_us=True)

    def _reachable(self) -> None:
        if self.down:
            raise Unavailable("the desk does not answer")


class Unpushable:
    """A clone whose pushes the server declines, and else the real one."""

    def __init__(self, real: GitRepository) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        raise Refused(f"{branch} is protected from {commit[:7]} on {expected}")

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        return [Refused(f"{move.branch} is protected from {move.commit[:7]}") for move in moves]


def manifests(name: str) -> Mapping[str, bytes]:
    """The three manifests of one workload, each for one lane."""
    return {
        f"k8s/{name}.yaml": DEPLOYMENT.replace(b"web", name.encode()),
        f"k8s/{name}-service.yaml": SERVICE.replace(b"web", name.encode()),
        f"k8s/{name}-claim.yaml": CLAIM.replace(b"orders", f"{name}-data".encode()),
    }


@dataclass
class World:
    """Workloads declared in Git and running live. ``names`` are their names."""

    directory: Path
    names: tuple[str, ...] = ("web", "api")
    limits: Limits = field(default_factory=Limits)
    clock: MovableClock = field(default_factory=MovableClock)
    desk: Desk = field(default_factory=Desk)
    live: dict[str, Any] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: itertools.count(1))
    clones: int = 0
    kept: Loop | None = None

    def __post_init__(self) -> None:
        pygit2.init_repository(str(self.bare), bare=True, initial_head="main")
        declared = {path: data for name in self.names for path, data in manifests(name).items()}
        self.live = {path: parsed(data) for path, data in declared.items()}
        self.running = copy.deepcopy(self.live)
        self.human = GitRepository.open(str(self.bare), self.directory / "human", author=ROSA)
        first = self.human.commit("", declared, message="First", at=self.clock.at)
        self.human.push("main", first, expected=None)

    @property
    def bare(self) -> Path:
        """The remote."""
        return self.directory / "remote.git"

    @property
    def snapshot(self) -> Path:
        """The snapshot file."""
        return self.directory / "live.json"

    def loop(
        self,
        *,
        fresh: bool = False,
        dry_run: bool = False,
        declined: bool = False,
        reached: Callable[[str], None] = ignore,
    ) -> Loop:
        """The bot on its clone, or on a new one."""
        self.show()
        if fresh or self.kept is None:
            self.clones += 1
            self.kept = self._loop(self.directory / f"clone{self.clones}")
        run = replace(self.kept.run, reached=reached)
        if declined:
            refusing: Repository = Unpushable(run.repository)  # type: ignore[arg-type]
            run = replace(run, repository=refusing)
        return replace(self.kept, run=run, dry_run=dry_run)

    def _loop(self, folder: Path) -> Loop:
        git = GitRepository.open(str(self.bare), folder / "git", author=BOT)
        run = RunContext(
            repository=git,
            ledger=GitLedger(str(self.bare), folder / "ledger"),
            host=self.desk,
            texts=texts(),
            clock=self.clock,
            actor=Actor("clockwork[bot]", 7),
            author=BOT,
            branch="main",
            limits=self.limits,
            new_id=lambda: f"{next(self.ids):032x}",
        )
        seer = SnapshotObserver(self.snapshot)
        judged = RulesInForce(rules(), Ignores(), ComparisonOptions(mask_key=b"world"))
        return Loop(
            run,
            Declarer(git, render, Selection()),
            lambda _target, declared, now: gather((seer,), declared, now=now),
            lambda _commit: judged,
        )

    def tick(self, loop: Loop) -> Tick:
        """One run of the bot on what runs now."""
        self.show()
        return tick(loop)

    def show(self) -> None:
        """Write what runs to the snapshot file."""
        self.snapshot.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(self.live.values())}))

    def entries(self) -> tuple[Entry, ...]:
        """The ledger as somebody new reads it."""
        self.clones += 1
        return GitLedger(str(self.bare), self.directory / f"reader{self.clones}").read().entries

    def commits(self) -> list[tuple[str, frozenset[str], Any]]:
        """Author, changed files and time of each commit of the branch after the first, oldest first."""
        self.human.fetch()
        log = self.human.log(self.head("main"), limit=10_000)[:-1]
        commits = [
            (
                commit.author.name,
                frozenset(c.path for c in self.human.changed(commit.parents[0], commit.sha)),
                commit.at,
            )
            for commit in log
        ]
        return commits[::-1]

    def head(self, branch: str) -> str:
        """The tip of a branch of the remote."""
        return str(pygit2.Repository(str(self.bare)).references[f"refs/heads/{branch}"].target)

    def branches(self) -> set[str]:
        """The names of the remote's branches."""
        return {name.removeprefix("refs/heads/") for name in pygit2.Repository(str(self.bare)).references} - {
            "refs/clockwork/ledger"
        }

    # what happens

    def safe_drift(self, name: str, value: int) -> None:
        """The probe of a workload is changed live."""
        container = self.live[f"k8s/{name}.yaml"]["spec"]["template"]["spec"]["containers"][0]
        container["readinessProbe"]["failureThreshold"] = value

    def config_drift(self, name: str, value: int) -> None:
        """The port of a service is changed live."""
        self.live[f"k8s/{name}-service.yaml"]["spec"]["ports"][0]["port"] = value

    def delete_claim(self, name: str) -> None:
        """The claim is deleted live."""
        self.live.pop(f"k8s/{name}-claim.yaml", None)

    def restore(self) -> None:
        """Everything runs as first declared."""
        self.live = copy.deepcopy(self.running)

    def commit_by_hand(self, branch: str) -> str:
        """Rosa commits to a branch; the commit's id."""
        self.human.fetch()
        tip = self.human.head(branch)
        assert tip is not None
        note = f"note {next(self.ids)}\n".encode()
        sha = self.human.commit(tip, {f"notes/{next(self.ids)}.md": note}, message="By hand", at=self.clock.at)
        self.human.push(branch, sha, expected=tip)
        return sha

    def pull_branches(self) -> list[str]:
        """Branches of open pull requests that are still there."""
        existing = self.branches()
        keys = [pull.marker.key for pull in self.desk.pulls() if pull.marker]
        return [branch_of(key) for key in keys if branch_of(key) in existing]

    def close_by_hand(self, number: int) -> None:
        """Rosa closes a pull request or issue."""
        self.desk.items[number] = replace(self.desk.items[number], state=ItemState.CLOSED, closed_by_us=False)
