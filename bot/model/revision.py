"""Which commit a tree of files is, and whether that is what a manifest means by a branch, a tag or a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from bot.model.semver import parse_constraint, parse_version
from bot.model.upstream import UpstreamRequest

_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_SHORT: Final = 10
_DEFAULTS: Final = frozenset({"main", "master"})
"""What ``git init`` calls the first branch: a copy of a repository may have the other one (git-init(1),
``init.defaultBranch``)."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit as it is read: ``branch`` is the one that it was found on, empty where none is checked out.

    ``head`` gives the commit of a branch, ``resolve`` that of any name (a branch, a tag, an id or the beginning of one),
    ``tags`` the names of all tags. ``answers`` remember what was asked.
    """

    branch: str
    commit: str
    head: Callable[[str], str | None] = field(compare=False, repr=False)
    resolve: Callable[[str], str | None] = field(compare=False, repr=False)
    tags: Callable[[], Iterable[str]] = field(compare=False, repr=False)
    answers: dict[UpstreamRequest, bool] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        return f"branch {self.branch}" if self.branch else f"commit {self.commit[:_SHORT]}"

    def is_meant(self, request: UpstreamRequest) -> bool:
        """Whether ``request``, for this repository, gives this commit: by its branch, or a pin that leads to it."""
        answer = self._is_meant(request)
        self.answers[request] = answer
        return answer

    def answers_as(self, second: Revision) -> bool:
        """Whether ``second`` was told the same whenever it was asked."""
        return all(self.is_meant(request) == answer for request, answer in second.answers.items())

    def _is_meant(self, request: UpstreamRequest) -> bool:
        if request.digest:
            return self.commit == (self.resolve(request.digest) or request.digest)
        if request.version:
            newest = self._newest(request.version)
            return newest is not None and self.resolve(_TAGS + newest) == self.commit
        return request.ref in {"", "HEAD"} or self._is_named(request.ref)

    def _newest(self, reference: str) -> str | None:
        """The tag that a range of versions means."""
        constraint = parse_constraint(reference)
        versions = [version for tag in self.tags() if (version := parse_version(tag)) is not None]
        newest = None if constraint is None else constraint.newest(versions)
        return None if newest is None else newest.text

    def _is_named(self, ref: str) -> bool:
        name = ref.removeprefix(_HEADS)
        if name == self.branch:
            return True
        if self.head(name) is not None:
            return not self.branch
        commit = None if ref.startswith(_HEADS) else self.resolve(ref)
        if commit is None:
            return not self.branch or {name, self.branch} <= _DEFAULTS
        return commit == self.commit


def written(request: UpstreamRequest) -> str:
    """The branch, tag, range or commit of a request as people write it."""
    reference = request.digest or request.version or request.ref
    return reference.removeprefix(_HEADS).removeprefix(_TAGS)
