"""Pull requests that merge by themselves: auto-merge, and the merge queue.

With auto-merge a pull request is merged once everything required is there ("Automatically merging a pull request"). The
queue tests each pull request on a branch of its own, ``gh-readonly-queue/BASE/pr-N-SHA``, tells webhooks ``merge_group``,
and moves the base to that commit once its required checks are green ("Managing a merge queue").
"""

from __future__ import annotations

import pygit2

from bot.sandbox.backend import Backend
from bot.sandbox.bare_repositories import ZERO, move, target
from bot.sandbox.objects import merged_tree, write_commit
from bot.sandbox.records import IssueRow, PullRow, QueuedRow, RepositoryRow, UserRow
from bot.sandbox.replies import ApiProblem, Json, JsonObject, unprocessable
from bot.sandbox.shapes.code import push_commit
from bot.sandbox.verbs import checks, pulls, pushes, rules
from bot.sandbox.verbs.announce import announce, announce_pull


def enable_auto_merge(backend: Backend, repo: RepositoryRow, actor: UserRow, number: int, method: str) -> None:
    """The pull request merges as ``actor`` once it may. 422 where auto-merge is off, and where it could merge now."""
    issue, pull = backend.pull(repo, number)
    if not repo.auto_merge:
        raise unprocessable("Pull request Auto merge is not allowed for this repository")
    state = pulls.mergeability(backend, repo, issue, pull).state
    if state in ("clean", "unstable"):
        raise unprocessable(f"Pull request Pull request is in {state} status")
    backend.store.update("pull", issue.id, auto_merge_by_id=actor.id, auto_merge_method=method.lower())
    announce_pull(backend, repo, actor, number, "auto_merge_enabled")


def enqueue(backend: Backend, repo: RepositoryRow, actor: UserRow, number: int) -> QueuedRow:
    """The pull request waits in the queue; its checks are asked for on the branch that was made of it."""
    with backend.repositories.lock(repo.full_name):
        issue, pull = backend.pull(repo, number)
        git = backend.git(repo)
        base = target(git, f"refs/heads/{pull.base_ref}")
        tree = None if base is None or issue.state == "closed" else merged_tree(git, base, pull.head_sha)
        if base is None or tree is None:
            raise unprocessable("Pull request is not mergeable")
        ident = backend.ident(actor)
        message = f"Merge pull request #{number} from {repo.owner}/{pull.head_ref}\n\n{issue.title}"
        sha = write_commit(
            git, tree=tree, parents=[base, pull.head_sha], message=message, author=ident, committer=ident
        )
        ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{number}-{base}"
        git.references.create(ref, sha, force=True)
        backend.store.run("DELETE FROM queued WHERE issue_id = ?", issue.id)
        backend.store.insert("queued", issue_id=issue.id, actor_id=actor.id, head_ref=ref, head_sha=sha, base_sha=base)
    entry = backend.row(QueuedRow, "SELECT * FROM queued WHERE issue_id = ?", issue.id)
    announce_pull(backend, repo, actor, number, "enqueued")
    pushes.follow(backend, repo, actor, [pushes.Update(ZERO, sha, ref)])
    _announce_group(backend, repo, actor, entry, pull.base_ref, action="checks_requested")
    return entry


def settle(backend: Backend, repo: RepositoryRow, sha: str) -> None:
    """What waited for the checks of ``sha`` is merged if all required ones are green by now, or leaves the queue if one
    of them is red.
    """
    for row in backend.store.all(QueuedRow, "SELECT * FROM queued WHERE head_sha = ?", sha):
        _settle_queued(backend, repo, row)
    sql = "SELECT issue.* FROM issue JOIN pull ON issue.id = issue_id WHERE repo_id = ? AND head_sha = ? AND state = 'open'"
    for issue in backend.store.all(IssueRow, sql, repo.id, sha):
        pull = backend.pull(repo, issue.number)[1]
        if pull.auto_merge_by_id is not None:
            _auto_merge(backend, repo, issue, pull)


def _auto_merge(backend: Backend, repo: RepositoryRow, issue: IssueRow, pull: PullRow) -> None:
    required = rules.of_branch(backend, repo, pull.base_ref)
    if pull.auto_merge_by_id is None or pulls.missing_checks(backend, repo, pull, required):
        return
    try:
        how = pulls.Merge(pull.auto_merge_method or "merge")
        pulls.merge(backend, repo, backend.user(pull.auto_merge_by_id), issue.number, how)
    except ApiProblem:  # it waits on
        return


def _settle_queued(backend: Backend, repo: RepositoryRow, entry: QueuedRow) -> None:
    issue = backend.row(IssueRow, "SELECT * FROM issue WHERE id = ?", entry.issue_id)
    pull, actor = backend.pull(repo, issue.number)[1], backend.user(entry.actor_id)
    required = rules.of_branch(backend, repo, pull.base_ref)
    if not pulls.missing_checks(backend, repo, pull, required, sha=entry.head_sha):
        _leave(backend, repo, actor, entry, pull)
        _merge_queued(backend, repo, (issue, pull), entry)
    elif checks.worst_state(backend, repo, entry.head_sha) == "failure":
        _leave(backend, repo, actor, entry, pull)
        announce_pull(backend, repo, actor, issue.number, "dequeued", reason="CI_FAILURE")


def _merge_queued(backend: Backend, repo: RepositoryRow, halves: tuple[IssueRow, PullRow], entry: QueuedRow) -> None:
    (issue, pull), actor = halves, backend.user(entry.actor_id)
    ref = f"refs/heads/{pull.base_ref}"
    with backend.repositories.lock(repo.full_name):
        move(backend.git(repo), ref, entry.head_sha, expected=entry.base_sha)
        backend.store.update("pull", issue.id, base_sha=entry.base_sha)
        pushes.record_merge(backend, repo, actor, issue, entry.head_sha)
    pushes.follow(backend, repo, actor, [pushes.Update(entry.base_sha, entry.head_sha, ref)])


def _leave(backend: Backend, repo: RepositoryRow, actor: UserRow, entry: QueuedRow, pull: PullRow) -> None:
    backend.store.run("DELETE FROM queued WHERE issue_id = ?", entry.issue_id)
    _announce_group(backend, repo, actor, entry, pull.base_ref, action="destroyed")
    git = backend.git(repo)
    if target(git, entry.head_ref) is not None:
        git.references.delete(entry.head_ref)


def _announce_group(
    backend: Backend, repo: RepositoryRow, sender: UserRow, entry: QueuedRow, base_ref: str, *, action: str
) -> None:
    """``merge_group`` ("Webhook events and payloads")."""

    def content() -> JsonObject:
        commit = backend.git(repo)[entry.head_sha].peel(pygit2.Commit)
        group: dict[str, Json] = {
            "head_sha": entry.head_sha,
            "head_ref": entry.head_ref,
            "base_sha": entry.base_sha,
            "base_ref": f"refs/heads/{base_ref}",
            "head_commit": push_commit(backend, repo, commit, sender),
        }
        return {"merge_group": group} | ({"reason": "merged"} if action == "destroyed" else {})

    announce(backend, repo, sender, "merge_group", action=action, content=content)
