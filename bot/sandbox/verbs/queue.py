"""Pull requests that merge by themselves: auto-merge, and the merge queue.

With auto-merge a pull request is merged once everything required is there ("Automatically merging a pull request"). The
queue tests each pull request on a branch of its own, ``gh-readonly-queue/BASE/pr-N-SHA``, tells webhooks ``merge_group``,
and moves the base to that commit once its required checks are green ("Managing a merge queue").
"""

from __future__ import annotations

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import ZERO, move, target
from bot.sandbox.objects import merged_tree, write_commit
from bot.sandbox.records import IssueRow, PullRow, QueuedRow, UserRow
from bot.sandbox.replies import ApiProblem, Json, JsonObject, unprocessable
from bot.sandbox.shapes.code import push_commit
from bot.sandbox.verbs import checks, pulls, pushes, rules
from bot.sandbox.verbs.announce import announce, announce_pull


def enable_auto_merge(repo: Repo, actor: UserRow, number: int, method: str) -> None:
    """The pull request merges as ``actor`` once it may. 422 where auto-merge is off, and where it could merge now."""
    issue, pull = repo.pull(number)
    if not repo.auto_merge:
        raise unprocessable("Pull request Auto merge is not allowed for this repository")
    state = pulls.mergeability(repo, issue, pull).state
    if state in ("clean", "unstable"):
        raise unprocessable(f"Pull request Pull request is in {state} status")
    repo.backend.store.update("pull", issue.id, auto_merge_by_id=actor.id, auto_merge_method=method.lower())
    announce_pull(repo, actor, number, "auto_merge_enabled")


def enqueue(repo: Repo, actor: UserRow, number: int) -> QueuedRow:
    """The pull request waits in the queue; its checks are asked for on the branch that was made of it."""
    with repo.lock():
        issue, pull = repo.pull(number)
        git = repo.git()
        base = target(git, f"refs/heads/{pull.base_ref}")
        tree = None if base is None or issue.state == "closed" else merged_tree(git, base, pull.head_sha)
        if base is None or tree is None:
            raise unprocessable("Pull request is not mergeable")
        ident = repo.backend.ident(actor)
        message = f"Merge pull request #{number} from {repo.owner}/{pull.head_ref}\n\n{issue.title}"
        sha = write_commit(
            git, tree=tree, parents=[base, pull.head_sha], message=message, author=ident, committer=ident
        )
        ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{number}-{base}"
        git.references.create(ref, sha, force=True)
        repo.backend.store.run("DELETE FROM queued WHERE issue_id = ?", issue.id)
        repo.backend.store.insert(
            "queued", issue_id=issue.id, actor_id=actor.id, head_ref=ref, head_sha=sha, base_sha=base
        )
    entry = repo.backend.row(QueuedRow, "SELECT * FROM queued WHERE issue_id = ?", issue.id)
    announce_pull(repo, actor, number, "enqueued")
    pushes.follow(repo, actor, [pushes.Update(ZERO, sha, ref)])
    _announce_group(repo, actor, entry, pull.base_ref, action="checks_requested")
    return entry


def settle(repo: Repo, sha: str) -> None:
    """What waited for the checks of ``sha`` is merged if all required ones are green by now, or leaves the queue if one
    of them is red.
    """
    for row in repo.backend.store.all(QueuedRow, "SELECT * FROM queued WHERE head_sha = ?", sha):
        _settle_queued(repo, row)
    sql = "SELECT issue.* FROM issue JOIN pull ON issue.id = issue_id WHERE repo_id = ? AND head_sha = ? AND state = 'open'"
    for issue in repo.backend.store.all(IssueRow, sql, repo.id, sha):
        pull = repo.pull(issue.number)[1]
        if pull.auto_merge_by_id is not None:
            _auto_merge(repo, issue, pull)


def _auto_merge(repo: Repo, issue: IssueRow, pull: PullRow) -> None:
    required = rules.of_branch(repo, pull.base_ref)
    if pull.auto_merge_by_id is None or pulls.missing_checks(repo, pull, required):
        return
    try:
        merge_options = pulls.Merge(pull.auto_merge_method or "merge")
        pulls.merge(repo, repo.backend.user(pull.auto_merge_by_id), issue.number, merge_options)
    except ApiProblem:  # it waits on
        return


def _settle_queued(repo: Repo, entry: QueuedRow) -> None:
    issue = repo.backend.row(IssueRow, "SELECT * FROM issue WHERE id = ?", entry.issue_id)
    pull, actor = repo.pull(issue.number)[1], repo.backend.user(entry.actor_id)
    required = rules.of_branch(repo, pull.base_ref)
    if not pulls.missing_checks(repo, pull, required, sha=entry.head_sha):
        _leave(repo, actor, entry, pull)
        _merge_queued(repo, (issue, pull), entry)
    elif checks.worst_state(repo, entry.head_sha) == "failure":
        _leave(repo, actor, entry, pull)
        announce_pull(repo, actor, issue.number, "dequeued", reason="CI_FAILURE")


def _merge_queued(repo: Repo, halves: tuple[IssueRow, PullRow], entry: QueuedRow) -> None:
    (issue, pull), actor = halves, repo.backend.user(entry.actor_id)
    ref = f"refs/heads/{pull.base_ref}"
    with repo.lock():
        move(repo.git(), ref, entry.head_sha, expected=entry.base_sha)
        repo.backend.store.update("pull", issue.id, base_sha=entry.base_sha)
        pushes.record_merge(repo, actor, issue, entry.head_sha)
    pushes.follow(repo, actor, [pushes.Update(entry.base_sha, entry.head_sha, ref)])


def _leave(repo: Repo, actor: UserRow, entry: QueuedRow, pull: PullRow) -> None:
    repo.backend.store.run("DELETE FROM queued WHERE issue_id = ?", entry.issue_id)
    _announce_group(repo, actor, entry, pull.base_ref, action="destroyed")
    git = repo.git()
    if target(git, entry.head_ref) is not None:
        git.references.delete(entry.head_ref)


def _announce_group(repo: Repo, sender: UserRow, entry: QueuedRow, base_ref: str, *, action: str) -> None:
    """``merge_group`` ("Webhook events and payloads")."""

    def content() -> JsonObject:
        commit = repo.git()[entry.head_sha].peel(pygit2.Commit)
        group: dict[str, Json] = {
            "head_sha": entry.head_sha,
            "head_ref": entry.head_ref,
            "base_sha": entry.base_sha,
            "base_ref": f"refs/heads/{base_ref}",
            "head_commit": push_commit(repo, commit, sender),
        }
        return {"merge_group": group} | ({"reason": "merged"} if action == "destroyed" else {})

    announce(repo, sender, "merge_group", action=action, content=content)
