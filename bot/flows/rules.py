"""The rules of a repository as one of its commits has them: what may be fixed how, and what nobody wants to know of."""

from __future__ import annotations

from collections.abc import Mapping

from bot.drift.ignore import Ignores, load
from bot.model.decision import FixLevel
from bot.policy.levels import in_force
from bot.policy.rules import RuleSet
from bot.ports import Repository


def rules_at(repository: Repository, commit: str, *, level: FixLevel, shipped: Mapping[str, bytes]) -> RuleSet:
    """The repository's own rules before those of ``level``, of which ``shipped`` has the files."""
    files = {entry.path: repository.blob(entry.blob) for entry in repository.entries(commit, "policies")}
    return in_force(level, shipped=shipped, repository=files)


def ignores_at(repository: Repository, commit: str, path: str) -> Ignores:
    """The ignore rules in the file at ``path``; none without it."""
    data = repository.read(commit, path)
    return Ignores() if data is None else load(data, path)
