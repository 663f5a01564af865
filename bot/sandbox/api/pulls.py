"""Pull requests through the API."""

from __future__ import annotations

import pygit2

from bot.sandbox.edge import Body, Call, Route
from bot.sandbox.records import Issue, Pull, Repo, User
from bot.sandbox.replies import Problem, Reply, not_found, unprocessable
from bot.sandbox.shapes import code
from bot.sandbox.shapes.pulls import Mergeability, changes, full_pull, own_commits, pull
from bot.sandbox.verbs import issues, pulls

MOST_COMMITS = 250
MOST_FILES = 3000
_SORTS = {"created": "created_at", "updated": "updated_at"}


class NewPull(Body):
    """Body of ``POST …/pulls``."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class PullEdit(Body):
    """Body of ``PATCH …/pulls/N``."""

    title: str | None = None
    body: str | None = None
    state: str | None = None
    base: str | None = None


class MergeOrder(Body):
    """Body of ``PUT …/pulls/N/merge``."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: str = "merge"


class Reviewers(Body):
    """Body of ``…/requested_reviewers``."""

    reviewers: tuple[str, ...] = ()
    team_reviewers: tuple[str, ...] = ()


def list_pulls(call: Call) -> Reply:
    """Pull requests by state, head (``owner:branch``) and base, newest first unless asked otherwise."""
    repo, query = call.repo(), call.query
    rows = call.hub.store.all(Issue, "SELECT * FROM issue WHERE repo_id = ? AND is_pull ORDER BY number", repo.id)
    state = query.get("state", "open")
    found = [(row, call.hub.pull(repo, row.number)[1]) for row in rows if state in ("all", row.state)]
    kept = {row.id: half for row, half in found if _matches(repo, half, query.get("head"), query.get("base"))}
    shown = [row for row, _ in found if row.id in kept]
    sort = _SORTS.get(query.get("sort", "created"), "created_at")
    shown.sort(key=lambda row: (getattr(row, sort), row.number))
    if query.get("direction", "desc" if query.get("sort", "created") == "created" else "asc") == "desc":
        shown.reverse()
    return call.page(shown, lambda row: pull(call.hub, repo, row, kept[row.id]), kind="issue")


def _matches(repo: Repo, half: Pull, head: str | None, base: str | None) -> bool:
    """A ``head`` without owner filters nothing: GitHub ignores it."""
    if base and half.base_ref != base:
        return False
    return not head or ":" not in head or head == f"{repo.owner}:{half.head_ref}"


def new_pull(call: Call) -> Reply:
    """A new pull request."""
    repo, wanted = call.repo("write"), call.body(NewPull)
    issue, found = pulls.open_pull(
        call.hub,
        repo,
        call.person(),
        title=wanted.title,
        body=wanted.body,
        head=wanted.head,
        base=wanted.base,
        draft=wanted.draft,
    )
    shape = full_pull(call.hub, repo, issue, found, Mergeability(None, "unknown"))
    return Reply(shape, 201, {"Location": call.hub.links.repo(repo.full_name, f"/pulls/{issue.number}")})


def get_pull(call: Call) -> Reply:
    """One pull request with its mergeability."""
    return _shown(call, call.repo())


def edit_pull(call: Call) -> Reply:
    """Title, body, base and state."""
    repo, wanted = call.repo(), call.body(PullEdit)
    issue, found = call.hub.pull(repo, call.number())
    actor = _author_or_writer(call, repo, issue)
    issues.edit(call.hub, repo, actor, issue, issues.Edit(wanted.title, wanted.body))
    if wanted.base is not None and wanted.base != found.base_ref:
        pulls.rebase_onto(call.hub, repo, actor, issue.number, wanted.base)
    if wanted.state == "closed":
        issues.close(call.hub, repo, actor, issue)
    elif wanted.state == "open" and issue.state == "closed":
        pulls.require_reopenable(call.hub, repo, found)
        issues.reopen(call.hub, repo, actor, issue)
    return _shown(call, repo)


def files(call: Call) -> Reply:
    """The changed files, at most 3,000 as on GitHub."""
    repo = call.repo()
    _, found = call.hub.pull(repo, call.number())
    rows = changes(call.hub, repo, found)[:MOST_FILES]
    return call.slice(rows, lambda file: code.file_diff(call.hub, repo, found.head_sha, file))


def commits(call: Call) -> Reply:
    """The pull request's own commits, oldest first, at most 250 as on GitHub."""
    repo = call.repo()
    _, found = call.hub.pull(repo, call.number())
    git = call.hub.git(repo)
    rows = own_commits(call.hub, repo, found)[:MOST_COMMITS]
    return call.slice(rows, lambda sha: code.commit(call.hub, repo, git[sha].peel(pygit2.Commit)))


def merge(call: Call) -> Reply:
    """Merge it; 405 when it cannot be merged, 409 when ``sha`` is not its head."""
    repo, wanted = call.repo("write"), call.body(MergeOrder)
    if wanted.merge_method not in ("merge", "squash", "rebase"):
        raise unprocessable("Invalid merge_method")
    how = pulls.Merge(wanted.merge_method, wanted.sha, wanted.commit_title, wanted.commit_message)
    tip = pulls.merge(call.hub, repo, call.person(), call.number(), how)
    return Reply({"sha": tip, "merged": True, "message": "Pull Request successfully merged"})


def is_merged(call: Call) -> Reply:
    """204 for merged, 404 for not."""
    if call.hub.pull(call.repo(), call.number())[1].merged_at is None:
        raise not_found()
    return Reply(status=204)


def reviewers(call: Call) -> Reply:
    """Who is asked for a review."""
    repo = call.repo()
    issue, found = call.hub.pull(repo, call.number())
    shape = pull(call.hub, repo, issue, found)
    return Reply({"users": shape["requested_reviewers"], "teams": []})


def ask_reviewers(call: Call) -> Reply:
    """These accounts are asked for a review, too."""
    repo, wanted = call.repo("write"), call.body(Reviewers)
    issue, found = call.hub.pull(repo, call.number())
    issues.assign(call.hub, issue, wanted.reviewers, "reviewer")
    return Reply(pull(call.hub, repo, issue, found), 201)


def nothing(call: Call) -> Reply:
    """Reviews and review comments are not part of this sandbox: there are none."""
    call.hub.pull(call.repo(), call.number())
    return Reply(())


def update_branch(call: Call) -> Reply:
    """Updating a head branch from its base is left to people."""
    call.hub.pull(call.repo("write"), call.number())
    raise Problem(422, "Updating branches is not part of the sandbox")


def _shown(call: Call, repo: Repo) -> Reply:
    issue, found = call.hub.pull(repo, call.number())
    merging = pulls.mergeability(call.hub, repo, issue, found)
    return Reply(full_pull(call.hub, repo, issue, found, merging))


def _author_or_writer(call: Call, repo: Repo, issue: Issue) -> User:
    person = call.person()
    return person if person.id == issue.author_id else call.hub.require(repo, person, "triage")


_PULLS = "/repos/{owner}/{repo}/pulls"
ROUTES = (
    Route("GET", _PULLS, list_pulls),
    Route("POST", _PULLS, new_pull),
    Route("GET", _PULLS + "/{number}", get_pull),
    Route("PATCH", _PULLS + "/{number}", edit_pull),
    Route("GET", _PULLS + "/{number}/files", files),
    Route("GET", _PULLS + "/{number}/commits", commits),
    Route("PUT", _PULLS + "/{number}/merge", merge),
    Route("GET", _PULLS + "/{number}/merge", is_merged),
    Route("GET", _PULLS + "/{number}/requested_reviewers", reviewers),
    Route("POST", _PULLS + "/{number}/requested_reviewers", ask_reviewers),
    Route("GET", _PULLS + "/{number}/reviews", nothing),
    Route("GET", _PULLS + "/{number}/comments", nothing),
    Route("PUT", _PULLS + "/{number}/update-branch", update_branch),
)
