"""What waits in the merge queues of the branches: read from the branches that a queue makes, so that no event is needed.

Called by the daemon's check and by ``clockwork guard queue``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.model.codehost import HostFacts, QueuedHead
from bot.ports import Repository

_TESTED: Final = re.compile(r"(?P<base>.+)/pr-(?P<number>[1-9][0-9]{0,9})-[0-9a-f]{40}\Z")
"""A queue's branch without what all of their names begin with (GitHub documentation, "Managing a merge queue")."""


def queued(repository: Repository, facts: HostFacts) -> Sequence[QueuedHead]:
    """The head of every merge queue's branch as last fetched, by name."""
    heads = []
    for branch in repository.branches() if facts.queue_prefix else ():
        if not branch.startswith(facts.queue_prefix):
            continue
        match, sha = _TESTED.match(branch.removeprefix(facts.queue_prefix)), repository.head(branch)
        if match is not None and sha is not None:
            heads.append(QueuedHead(sha, match["base"], branch, int(match["number"])))
    return heads
