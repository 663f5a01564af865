"""What follows when refs moved, by ``git push`` or through the API: pull requests keep up, webhooks are told.

Everything is read from the refs as they are now, so two pushes whose aftermaths overlap end in the same state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import ZERO, create, move, target
from bot.sandbox.objects import Ident, history, tree_with, write_commit
from bot.sandbox.records import IssueRow, PullRow, UserRow
from bot.sandbox.replies import ApiProblem, Json, JsonObject
from bot.sandbox.shapes.code import push_commit
from bot.sandbox.verbs import issues, rules
from bot.sandbox.verbs.announce import announce, announce_pull

_BRANCH = "refs/heads/"
_UNWRITTEN = "f" * 40
"""Stands for the commit that will be written on a branch's tip."""
_MOST_COMMITS = 20
"""Far fewer than GitHub lists ("Webhook events and payloads", push): who takes the list for the whole push is found out."""


@dataclass(frozen=True, slots=True)
class Update:
    """A ref that moved from ``old`` to ``new``; all zeros mean "was not there" and "is gone"."""

    old: str
    new: str
    ref: str


def follow(repo: Repo, pusher: UserRow, updates: Sequence[Update]) -> None:
    """Pull requests and webhooks catch up with ``updates``, which have been carried out."""
    if not updates:
        return
    with repo.lock():
        repo.backend.store.update("repo", repo.id, pushed_at=repo.backend.now(), updated_at=repo.backend.now())
        for update in updates:
            announce(repo, pusher, "push", action=None, content=_Push(repo, pusher, update))
            if update.ref.startswith(_BRANCH):
                _follow_branch(repo, pusher, update.ref.removeprefix(_BRANCH))


def commit(
    repo: Repo,
    person: UserRow,
    ref: str,
    *,
    base: pygit2.Commit | None,
    changes: Mapping[str, bytes | None],
    message: str,
    author: Ident | None = None,
    committer: Ident | None = None,
    refused: int = 409,
) -> str:
    """``ref`` (made when there is no ``base``) points to a new commit on ``base`` with ``changes`` (None deletes); its id.

    409 when ``ref`` is not at ``base`` any more, ``refused`` when its rules let nobody commit to it directly.
    """
    git, committer = repo.git(), committer or repo.backend.ident(person)
    before = ZERO if base is None else str(base.id)
    rules.require(repo, person, ref, old=before, new=_UNWRITTEN, status=refused)
    sha = write_commit(
        git,
        tree=tree_with(git, None if base is None else base.tree, changes),
        parents=[] if base is None else [str(base.id)],
        message=message,
        author=author or committer,
        committer=committer,
    )
    if base is None:
        create(git, ref, sha)
    else:
        try:
            move(git, ref, sha, expected=str(base.id))
        except ApiProblem as problem:
            raise ApiProblem(409, f"{ref} is at another commit but expected {base.id}") from problem
    follow(repo, person, [Update(before, sha, ref)])
    return sha


def record_merge(repo: Repo, actor: UserRow, issue: IssueRow, tip: str) -> None:
    """The pull request counts as merged with ``tip`` as its merge commit."""
    now = repo.backend.now()
    with repo.backend.store.transaction():
        repo.backend.store.update("pull", issue.id, merged_at=now, merged_by_id=actor.id, merge_sha=tip)
        repo.backend.store.update(
            "issue", issue.id, state="closed", closed_at=now, updated_at=now, closed_by_id=actor.id
        )
        issues.note(repo.backend, issue, actor, "merged", tip)
        issues.note(repo.backend, issue, actor, "closed")
    announce_pull(repo, actor, issue.number, "closed")


def _follow_branch(repo: Repo, pusher: UserRow, branch: str) -> None:
    git = repo.git()
    tip = target(git, _BRANCH + branch)
    for home, (issue, pull) in _open_pulls(repo, branch):
        if tip is None:
            issues.close(home, pusher, issue)
        elif home.id == repo.id and pull.base_ref == branch:
            _follow_base(repo, pusher, (issue, pull), tip)
        elif pull.head_sha != tip:
            _follow_head(home, pusher, (issue, pull), tip)


def _follow_base(repo: Repo, pusher: UserRow, halves: tuple[IssueRow, PullRow], tip: str) -> None:
    """A head that the base branch now contains was merged by hand."""
    issue, pull = halves
    if pull.head_sha == tip or repo.git().descendant_of(tip, pull.head_sha):
        record_merge(repo, pusher, issue, tip)
    else:
        repo.backend.store.update("pull", issue.id, base_sha=tip)


def _follow_head(repo: Repo, pusher: UserRow, halves: tuple[IssueRow, PullRow], tip: str) -> None:
    issue, pull = halves
    keep_head(repo, issue.number, pull.head_repo_id, tip)
    # A new commit ends the wish to merge by itself only where its author may not write ("Automatically merging a pull
    # request"); a pull request in the queue is taken out of it.
    repo.backend.store.run("DELETE FROM queued WHERE issue_id = ?", issue.id)
    repo.backend.store.update("pull", issue.id, head_sha=tip)
    repo.backend.store.update("issue", issue.id, updated_at=repo.backend.now())
    announce_pull(repo, pusher, issue.number, "synchronize", before=pull.head_sha, after=tip)


def _open_pulls(repo: Repo, branch: str) -> list[tuple[Repo, tuple[IssueRow, PullRow]]]:
    """Each open pull request to or from ``branch`` of ``repo``, with the repository that it is on."""
    rows = repo.backend.store.all(
        IssueRow,
        "SELECT issue.* FROM issue JOIN pull ON issue.id = issue_id WHERE state = 'open' "
        "AND ((repo_id = ? AND base_ref = ?) OR (head_repo_id = ? AND head_ref = ?)) ORDER BY repo_id, number",
        repo.id,
        branch,
        repo.id,
        branch,
    )
    homes = {row.repo_id: repo.backend.repo_by_id(row.repo_id) for row in rows}
    return [(homes[row.repo_id], homes[row.repo_id].pull(row.number)) for row in rows]


def keep_head(repo: Repo, number: int, source: int, tip: str) -> None:
    """``refs/pull/N/head`` of ``repo`` is at ``tip``, whose objects are fetched where they lie in a fork."""
    git = repo.git()
    if source != repo.id:
        folder = repo.backend.repositories.path(repo.backend.repo_by_id(source).full_name)
        git.remotes.create_anonymous(str(folder)).fetch([f"+{tip}:refs/pull/{number}/head"])
    git.references.create(f"refs/pull/{number}/head", tip, force=True)


class _Push:
    """The payload of one push delivery, built when somebody listens."""

    def __init__(self, repo: Repo, pusher: UserRow, update: Update) -> None:
        self.repo, self.pusher, self.update = repo, pusher, update

    def __call__(self) -> JsonObject:
        update, commits = self.update, self.commits()
        return {
            "ref": update.ref,
            "before": update.old,
            "after": update.new,
            "base_ref": None,
            "created": update.old == ZERO,
            "deleted": update.new == ZERO,
            "forced": self.forced(),
            "compare": self.repo.page(f"/compare/{update.old[:12]}...{update.new[:12]}"),
            "commits": commits,
            "head_commit": commits[-1] if commits else None,
            "pusher": {"name": self.pusher.login, "email": self.repo.backend.ident(self.pusher).email},
        }

    def forced(self) -> bool:
        """Whether the branch left its old tip behind."""
        old, new, git = self.update.old, self.update.new, self.repo.git()
        return ZERO not in (old, new) and old != new and not git.descendant_of(new, old)

    def commits(self) -> list[Json]:
        """The newest commits of this push, oldest first."""
        git = self.repo.git()
        if not isinstance(git.get(self.update.new), pygit2.Commit):
            return []
        hide = None if self.update.old == ZERO else self.update.old
        newest = list(islice(history(git, self.update.new, hide=hide), _MOST_COMMITS))
        return [push_commit(self.repo, commit, self.pusher) for commit in reversed(newest)]
