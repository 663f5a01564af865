"""A sandbox with one repository, and hosts on it whose clock never really waits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from github import Auth, Github

from bot.github.host import GitHubHost
from bot.github.rest import RetryPolicy
from bot.sandbox.server import Sandbox
from tests.github.bots import SECRET

_NUMBERS = itertools.count(1)


@dataclass
class Ticking:
    """A clock that jumps instead of waiting and remembers each pause."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    pauses: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class World:
    """The running sandbox, the bot's and a person's token, and a way to make hosts."""

    box: Sandbox
    name: str
    bot_token: str
    person_token: str
    clock: Ticking
    hosts: list[GitHubHost]

    def host(self, token: str | None = None, *, interval: float = 0, login: str | None = None) -> GitHubHost:
        """A host of its own connection; the bot's unless another token is given."""
        made = GitHubHost(
            self.name,
            token or self.bot_token,
            api_url=self.box.api_url,
            marker_secret=SECRET,
            clock=self.clock,
            min_write_interval=interval,
            patience=RetryPolicy(reads=(0.1, 0.2), looks=(0.1, 0.2, 0.3)),
            login=login,
        )
        self.hosts.append(made)
        return made

    def api(self, token: str) -> Github:
        """PyGithub as anybody would use it, without its pauses."""
        return Github(
            auth=Auth.Token(token),
            base_url=self.box.api_url,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )

    def branch(self, name: str, files: dict[str, str] | None = None) -> str:
        """A branch from main with one more commit, pushed by the bot; its head."""
        with self.api(self.bot_token) as api:
            repo = api.get_repo(self.name)
            repo.create_git_ref(f"refs/heads/{name}", repo.get_branch("main").commit.sha)
            for path, text in (files or {"new.txt": name}).items():
                repo.create_file(path, "Change", text, branch=name)
            return repo.get_branch(name).commit.sha

    def writes(self) -> list[str]:
        """The requests that asked for a change, as ``METHOD path``."""
        return [f"{line.method} {line.path}" for line in self.box.requests.writes()]


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def world(box: Sandbox) -> Iterator[World]:
    name = f"acme-{next(_NUMBERS)}/shop"
    bot = box.create_user("clockwork-bot", bot=True)
    person = box.create_user("dana")
    box.create_repository(name, files={"a.txt": b"1\n"}, collaborators={"dana": "write", "clockwork-bot": "write"})
    box.faults.clear()
    box.requests.clear()
    made = World(box, name, bot, person, Ticking(), [])
    yield made
    for host in made.hosts:
        host.close()
