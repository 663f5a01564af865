"""Pull requests: opened, followed, merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygit2

from bot.sandbox.backend import Backend, Repo
from bot.sandbox.bare_repositories import move, target
from bot.sandbox.objects import commit_at, merged_tree, replayed, write_commit
from bot.sandbox.records import IssueRow, PullRow, RuleRow, UserRow
from bot.sandbox.replies import ApiProblem, forbidden, invalid
from bot.sandbox.shapes.pulls import Mergeability
from bot.sandbox.verbs import issues, pushes, rules
from bot.sandbox.verbs.announce import announce_pull
from bot.sandbox.verbs.checks import green_contexts, worst_state

ACTIONS = "github-actions[bot]"
"""The account of the token that a job of Actions has."""
_NOT_MERGEABLE = "Pull Request is not mergeable"


@dataclass(frozen=True, slots=True)
class Merge:
    """How to merge: ``method`` merge, squash or rebase; ``sha`` is what the head must be."""

    method: str = "merge"
    sha: str | None = None
    title: str | None = None
    message: str | None = None


def open_pull(
    repo: Repo, author: UserRow, *, title: str, body: str | None, head: str, base: str, draft: bool = False
) -> tuple[IssueRow, PullRow]:
    """A new pull request from branch ``head`` (also ``owner:branch``) to branch ``base``. 422 as GitHub words it."""
    issues.require_text("PullRequest", title, body)
    if author.login == ACTIONS and not repo.actions_propose:
        raise forbidden("GitHub Actions is not permitted to create or approve pull requests.")
    source, branch = _head_branch(repo, head)
    with repo.lock():
        git = repo.git()
        head_sha, base_sha = _tip(source.git(), branch, "head"), _tip(git, base, "base")
        if source.id != repo.id:
            git.remotes.create_anonymous(str(repo.backend.repositories.path(source.full_name))).fetch(
                [f"+{head_sha}:refs/sandbox/incoming"]
            )
        with repo.backend.store.transaction():
            _require_new(repo, source, branch, base)
            if head_sha == base_sha or git.descendant_of(base_sha, head_sha):
                raise _custom(f"No commits between {base} and {branch}")
            issue = issues.insert(repo, author, title=title, body=body, is_pull=True)
            repo.backend.store.insert(
                "pull",
                issue_id=issue.id,
                base_ref=base,
                base_sha=base_sha,
                head_repo_id=source.id,
                head_ref=branch,
                head_sha=head_sha,
                draft=draft,
            )
        git.references.create(f"refs/pull/{issue.number}/head", head_sha, force=True)
    pull = repo.pull(issue.number)
    announce_pull(repo, author, issue.number, "opened")
    return pull


def mergeability(repo: Repo, issue: IssueRow, pull: PullRow) -> Mergeability:
    """Whether it merges cleanly into the base branch now; keeps ``refs/pull/N/merge`` up to date."""
    if issue.state == "closed":
        return Mergeability(None, "unknown")
    with repo.lock():
        git = repo.git()
        base = target(git, f"refs/heads/{pull.base_ref}") or pull.base_sha
        tree = merged_tree(git, base, pull.head_sha)
        if tree is None:
            return Mergeability(False, "dirty")
        _keep_merge_ref(repo, issue, (base, pull.head_sha), tree)
        behind = base != pull.head_sha and not git.descendant_of(pull.head_sha, base)
    if pull.draft:
        return Mergeability(True, "draft")
    required = rules.of_branch(repo, pull.base_ref)
    if behind and any(rule.strict for rule in required):
        return Mergeability(True, "behind")
    if missing_checks(repo, pull, required):
        return Mergeability(True, "blocked")
    return Mergeability(True, "clean" if worst_state(repo, pull.head_sha) in ("success", "none") else "unstable")


def missing_checks(
    repo: Repo, pull: PullRow, required: Sequence[RuleRow], *, sha: str | None = None
) -> tuple[str, ...]:
    """The required contexts that are not green on the head (or ``sha``): successful, skipped and neutral runs are."""
    green = green_contexts(repo, sha or pull.head_sha)
    return tuple(name for name in rules.required_checks(required) if name not in green)


def merge(repo: Repo, actor: UserRow, number: int, merge_options: Merge) -> str:
    """The pull request is merged by ``actor``; returns the new tip of the base branch.

    405 when it cannot be merged, 409 when its head is not ``how.sha`` ("Merge a pull request").
    """
    with repo.lock():
        issue, pull = repo.pull(number)
        if issue.state == "closed":
            raise ApiProblem(405, _NOT_MERGEABLE)
        if pull.draft:
            raise ApiProblem(405, "Pull Request is still a draft")
        if merge_options.sha is not None and merge_options.sha != pull.head_sha:
            raise ApiProblem(409, "Head branch was modified. Review and try the merge again.")
        _require_green(repo, actor, pull)
        git = repo.git()
        ref = f"refs/heads/{pull.base_ref}"
        base = target(git, ref)
        if base is None:
            raise ApiProblem(405, _NOT_MERGEABLE)
        tip = _merged(repo, actor, (issue, pull), base=base, merge_options=merge_options)
        _advance(git, ref, base, tip)
        repo.backend.store.update("pull", issue.id, base_sha=base)
        pushes.record_merge(repo, actor, issue, tip)
    pushes.follow(repo, actor, [pushes.Update(base, tip, ref)])
    return tip


def _require_green(repo: Repo, actor: UserRow, pull: PullRow) -> None:
    """405 where a rule that binds ``actor`` wants a check that is not green, or the merge queue."""
    binding = rules.binding(repo, actor, pull.base_ref)
    if any(rule.queue for rule in binding):
        raise ApiProblem(405, "Changes must be made through the merge queue")
    if missing := missing_checks(repo, pull, binding):
        raise ApiProblem(405, f'Required status check "{missing[0]}" is expected.')


def rebase_onto(repo: Repo, actor: UserRow, number: int, base: str) -> None:
    """The pull request asks to be merged into branch ``base`` from now on."""
    with repo.lock():
        issue, _ = repo.pull(number)
        base_sha = _tip(repo.git(), base, "base")
        repo.backend.store.update("pull", issue.id, base_ref=base, base_sha=base_sha)
    announce_pull(repo, actor, number, "edited")


def require_reopenable(backend: Backend, pull: PullRow) -> None:
    """422 for a merged pull request or one whose branch is gone; otherwise its head is the branch's tip again."""
    tip = target(backend.repo_by_id(pull.head_repo_id).git(), f"refs/heads/{pull.head_ref}")
    if pull.merged_at is not None:
        raise _custom("The pull request cannot be reopened.", "state")
    if tip is None:
        raise _custom(f"state cannot be changed. The {pull.head_ref} branch has been deleted.", "state")
    backend.store.update("pull", pull.issue_id, head_sha=tip)


def _merged(repo: Repo, actor: UserRow, halves: tuple[IssueRow, PullRow], *, base: str, merge_options: Merge) -> str:
    (issue, pull), git, ident = halves, repo.git(), repo.backend.ident(actor)
    if merge_options.method == "rebase":
        tip = replayed(git, base, pull.head_sha, ident)
    else:
        tree = merged_tree(git, base, pull.head_sha)
        parents = [base] if merge_options.method == "squash" else [base, pull.head_sha]
        message = _message(repo, issue, pull, merge_options)
        tip = tree and write_commit(git, tree=tree, parents=parents, message=message, author=ident, committer=ident)
    if tip is None:
        raise ApiProblem(405, _NOT_MERGEABLE)
    return tip


def _advance(git: pygit2.Repository, ref: str, base: str, tip: str) -> None:
    try:
        move(git, ref, tip, expected=base)
    except ApiProblem as problem:
        raise ApiProblem(405, "Base branch was modified. Review and try the merge again.") from problem


def _message(repo: Repo, issue: IssueRow, pull: PullRow, merge_options: Merge) -> str:
    if merge_options.method == "squash":
        title = merge_options.title or f"{issue.title} (#{issue.number})"
        return f"{title}\n\n{merge_options.message}" if merge_options.message else title
    title = merge_options.title or f"Merge pull request #{issue.number} from {repo.owner}/{pull.head_ref}"
    return f"{title}\n\n{merge_options.message or issue.title}"


def _keep_merge_ref(repo: Repo, issue: IssueRow, sides: tuple[str, str], tree: str) -> None:
    (base, head), git = sides, repo.git()
    name = f"refs/pull/{issue.number}/merge"
    now = target(git, name)
    if now is not None and [str(parent) for parent in git[now].peel(pygit2.Commit).parent_ids] == [base, head]:
        return
    ident = repo.backend.ident(repo.backend.user(issue.author_id))
    message = f"Merge {head} into {base}"
    sha = write_commit(git, tree=tree, parents=[base, head], message=message, author=ident, committer=ident)
    git.references.create(name, sha, force=True)


def _head_branch(repo: Repo, head: str) -> tuple[Repo, str]:
    """The repository (``repo``, or the fork of whoever stands before the colon) and the branch that ``head`` names."""
    owner, colon, branch = head.rpartition(":")
    if not colon or owner.lower() == repo.owner.lower():
        return repo, branch
    sql = "SELECT * FROM repo WHERE owner = ? AND parent_id = ?"
    source = repo.backend.store.first(repo.backend.hosted, sql, owner, repo.id)
    if source is None:
        raise invalid("PullRequest", "head", "invalid")
    return source, branch


def _tip(git: pygit2.Repository, branch: str, field: str) -> str:
    commit = commit_at(git, f"refs/heads/{branch}") if branch else None
    if commit is None:
        raise invalid("PullRequest", field, "invalid")
    return str(commit.id)


def _require_new(repo: Repo, source: Repo, head: str, base: str) -> None:
    twin = repo.backend.store.number(
        "SELECT COUNT(*) FROM pull JOIN issue ON issue.id = issue_id "
        "WHERE repo_id = ? AND state = 'open' AND head_repo_id = ? AND head_ref = ? AND base_ref = ?",
        repo.id,
        source.id,
        head,
        base,
    )
    if twin:
        raise _custom(f"A pull request already exists for {source.owner}:{head}.")


def _custom(message: str, field: str = "") -> ApiProblem:
    return invalid("PullRequest", field, "custom", message)
