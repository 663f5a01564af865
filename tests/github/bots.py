"""What one of several parallel bots does. A module of its own, so that a process that runs it starts quickly."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import github  # noqa: F401 - imported once by the server that the processes are forked from

from bot.github.host import GitHubHost
from bot.github.rest import RetryPolicy
from bot.model.codehost import Marker

SECRET = b"a secret for markers"
LABELS = ("clockwork", "clockwork/config")


def tie(key: str = "shop/web", digest: str = "d1", kind: str = "config-pull-request") -> Marker:
    """A marker."""
    return Marker(kind, key, digest)


class Real:
    """The real clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def make(name: str, token: str, api_url: str) -> GitHubHost:
    patience = RetryPolicy(reads=(0.2, 0.5), looks=(0.1, 0.3, 0.6))
    return GitHubHost(
        name, token, api_url=api_url, marker_secret=SECRET, clock=Real(), min_write_interval=0, patience=patience
    )


def one_bot(name: str, token: str, api_url: str, *, start: Barrier, results: Queue[tuple[int, int]]) -> None:
    """What one process does: all looks happen before anybody creates."""
    host = make(name, token, api_url)
    host.whoami()
    start.wait(60)
    pull = host.open_pull(marker=tie(), title="t", body="b", head="clockwork/web", base="main", labels=LABELS)
    issue = host.open_issue(marker=tie(kind="runbook-issue"), title="t", body="b", labels=LABELS)
    host.comment(pull.number, marker=tie(kind="status"), body="Hello")
    host.flush()
    host.close()
    results.put((pull.number, issue.number))
