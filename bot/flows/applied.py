"""What was last applied, the base of every three-way comparison: refs that whoever deploys moves.

Called while a run reads the rules in force, and by ``clockwork applied``. Without a ref nothing is known of what was
applied, and a removal from Git cannot be told from an addition made live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from bot.errors import Invalid
from bot.flows.declare import Declarer
from bot.model.json import Tree
from bot.model.resource import ResourceId
from bot.ports import ListingRepository, Repository

APPLIED: Final = "refs/clockwork/applied"
"""The commit that was last applied as a whole."""
APPLIED_TO: Final = "refs/clockwork/applied-to/"
"""Below it the commit that was last applied to a target by itself. A target is at the newer one of both."""


def bases(repository: Repository, declarer: Declarer) -> Mapping[ResourceId, Tree]:
    """What was last applied, by resource: the declaration at the commit that was recorded for all, and of each target that
    was applied by itself later, at that one.
    """
    commit = repository.head(APPLIED)
    trees = {} if commit is None else _declared(declarer, commit)
    for target in _alone(repository):
        if (target_commit := last_applied(repository, target)) is not None and target_commit != commit:
            trees = {id_: tree for id_, tree in trees.items() if id_.target != target}
            trees |= {id_: tree for id_, tree in _declared(declarer, target_commit).items() if id_.target == target}
    return trees


def last_applied(repository: Repository, target: str | None) -> str | None:
    """The commit that was last applied to ``target``, or to everything (None); None where nothing was recorded.

    What was recorded for all counts for a target where it holds what was recorded for that target alone.
    """
    common_commit = repository.head(APPLIED)
    target_commit = None if target is None else repository.head(ref_of(target))
    if target_commit is None or (common_commit is not None and repository.is_ancestor(target_commit, common_commit)):
        return common_commit
    return target_commit


def ref_of(target: str | None) -> str:
    """Where what was applied to ``target``, or to everything (None), is remembered.

    The name is percent-encoded: ``clusters`` and ``clusters/prod`` cannot both be refs, and neither can every name be one
    (git-check-ref-format(1)).
    """
    if target is None:
        return APPLIED
    return APPLIED_TO + quote(target, safe="").replace(".", "%2E").replace("~", "%7E")


def _alone(repository: Repository) -> Sequence[str]:
    """The targets for which a commit was recorded by itself."""
    return tuple(map(unquote, repository.refs(APPLIED_TO))) if isinstance(repository, ListingRepository) else ()


def _declared(declarer: Declarer, commit: str) -> dict[ResourceId, Tree]:
    return {desired.id: desired.tree for desired in declarer.at(commit).resources}


def record_applied(
    repository: Repository, *, branch: str, commit: str | None, name: str, target: str | None = None
) -> str:
    """Remember that ``commit`` (the branch's head without one) was applied, as a whole or to ``target`` alone; returns its id.

    ``Invalid`` when the repository called ``name`` has no such commit.
    """
    sha = repository.resolve(commit) if commit else repository.head(branch)
    if sha is None:
        raise Invalid(f"{name} has no commit {commit or branch!r}")
    ref = ref_of(target)
    repository.push(ref, sha, expected=repository.head(ref))
    return sha
