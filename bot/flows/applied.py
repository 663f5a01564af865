"""What was last applied, the base of every three-way comparison: a ref that whoever deploys moves.

Called while a run reads the rules in force, and by ``clockwork applied``. Without the ref nothing is known of what was
applied, and a removal from Git cannot be told from an addition made live.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.errors import Invalid
from bot.flows.declare import Declarer
from bot.model.json import Tree
from bot.model.resource import ResourceId
from bot.ports import Repository

APPLIED: Final = "refs/clockwork/applied"


def bases(repository: Repository, declarer: Declarer) -> Mapping[ResourceId, Tree]:
    """What was last applied, by resource: the declaration at the commit that ``clockwork applied`` recorded."""
    commit = repository.head(APPLIED)
    return {} if commit is None else {desired.id: desired.tree for desired in declarer.at(commit).resources}


def record_applied(repository: Repository, *, branch: str, commit: str | None, name: str) -> str:
    """Remember that ``commit`` (the branch's head without one) was applied; returns its id.

    ``Invalid`` when the repository called ``name`` has no such commit.
    """
    sha = repository.resolve(commit) if commit else repository.head(branch)
    if sha is None:
        raise Invalid(f"{name} has no commit {commit or branch!r}")
    repository.push(APPLIED, sha, expected=repository.head(APPLIED))
    return sha
