"""Pull requests through the API (docs.github.com, "REST API endpoints for pull requests")."""

from __future__ import annotations

import pygit2

from bot.sandbox.api.issues import in_order, writer
from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import IssueRow, PullRow
from bot.sandbox.replies import ApiProblem, ApiReply, not_found, unprocessable
from bot.sandbox.shapes import code
from bot.sandbox.shapes.pulls import Mergeability, changes, full_pull, own_commits, short_pull
from bot.sandbox.verbs import issues, pulls

# "List commits on a pull request" and "List pull requests files": longer lists end there.
MOST_COMMITS = 250
MOST_FILES = 3000


class NewPull(RequestBody):
    """Body of ``POST …/pulls``."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class PullEdit(RequestBody):
    """Body of ``PATCH …/pulls/N``."""

    title: str | None = None
    body: str | None = None
    state: str | None = None
    base: str | None = None


class MergeOrder(RequestBody):
    """Body of ``PUT …/pulls/N/merge``."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: str = "merge"


class Reviewers(RequestBody):
    """Body of ``…/requested_reviewers``."""

    reviewers: tuple[str, ...] = ()
    team_reviewers: tuple[str, ...] = ()


def list_pulls(call: ApiCall) -> ApiReply:
    """Pull requests by state, head (``owner:branch``) and base, newest first unless asked otherwise."""
    repo, query = call.repo(), call.query
    rows = call.backend.store.all(
        IssueRow, "SELECT * FROM issue WHERE repo_id = ? AND is_pull ORDER BY number", repo.id
    )
    state = query.get("state", "open")
    candidates = [(row, repo.pull(row.number)[1]) for row in rows if state in ("all", row.state)]
    matching_halves = {
        row.id: half for row, half in candidates if _matches(repo, half, query.get("head"), query.get("base"))
    }
    rows_shown = [row for row, _ in candidates if row.id in matching_halves]
    rows_shown = in_order(call, rows_shown, direction="desc" if query.get("sort", "created") == "created" else "asc")
    return call.page(rows_shown, lambda row: short_pull(repo, row, matching_halves[row.id]), kind="issue")


def _matches(repo: Repo, half: PullRow, head: str | None, base: str | None) -> bool:
    """A ``head`` without owner filters nothing: GitHub ignores it."""
    if base and half.base_ref != base:
        return False
    return not head or ":" not in head or head == f"{repo.owner}:{half.head_ref}"


def new_pull(call: ApiCall) -> ApiReply:
    """A new pull request; from a branch of somebody's own repository it takes no rights on this one."""
    request = call.body(NewPull)
    repo = call.repo("read" if ":" in request.head else "write")
    issue, pull = pulls.open_pull(
        repo,
        call.person(),
        title=request.title,
        body=request.body,
        head=request.head,
        base=request.base,
        draft=request.draft,
    )
    shape = full_pull(repo, issue, pull, Mergeability(None, "unknown"))
    return ApiReply(shape, 201, {"Location": repo.url(f"/pulls/{issue.number}")})


def get_pull(call: ApiCall) -> ApiReply:
    """One pull request with its mergeability."""
    repo, issue, pull = call.pull()
    merging = pulls.mergeability(repo, issue, pull)
    return ApiReply(full_pull(repo, issue, pull, merging))


def edit_pull(call: ApiCall) -> ApiReply:
    """Title, body, base and state."""
    (repo, issue, pull), request = call.pull(), call.body(PullEdit)
    actor = writer(call, repo, issue.author_id)
    issues.edit(repo, actor, issue, title=request.title, body=request.body)
    if request.base is not None and request.base != pull.base_ref:
        pulls.rebase_onto(repo, actor, issue.number, request.base)
    if request.state == "closed":
        issues.close(repo, actor, issue)
    elif request.state == "open" and issue.state == "closed":
        pulls.require_reopenable(call.backend, pull)
        issues.reopen(repo, actor, issue)
    return get_pull(call)


def files(call: ApiCall) -> ApiReply:
    """The changed files, at most 3,000 as on GitHub."""
    repo, _, pull = call.pull()
    rows = changes(repo, pull)[:MOST_FILES]
    return call.slice(rows, lambda file: code.file_diff(repo, pull.head_sha, file))


def commits(call: ApiCall) -> ApiReply:
    """The pull request's own commits, oldest first, at most 250 as on GitHub."""
    repo, _, pull = call.pull()
    git = repo.git()
    rows = own_commits(repo, pull)[:MOST_COMMITS]
    return call.slice(rows, lambda sha: code.commit(repo, git[sha].peel(pygit2.Commit)))


def merge(call: ApiCall) -> ApiReply:
    """Merge it; 405 when it cannot be merged, 409 when ``sha`` is not its head."""
    repo, request = call.repo("write"), call.body(MergeOrder)
    if request.merge_method not in ("merge", "squash", "rebase"):
        raise unprocessable("Invalid merge_method")
    merge_options = pulls.Merge(request.merge_method, request.sha, request.commit_title, request.commit_message)
    tip = pulls.merge(repo, call.person(), call.number(), merge_options)
    return ApiReply({"sha": tip, "merged": True, "message": "Pull Request successfully merged"})


def is_merged(call: ApiCall) -> ApiReply:
    """204 for merged, 404 for not."""
    if call.pull()[-1].merged_at is None:
        raise not_found()
    return ApiReply(status=204)


def reviewers(call: ApiCall) -> ApiReply:
    """Who is asked for a review."""
    shape = short_pull(*call.pull())
    return ApiReply({"users": shape["requested_reviewers"], "teams": []})


def ask_reviewers(call: ApiCall) -> ApiReply:
    """These accounts are asked for a review, too."""
    (repo, issue, pull), request = call.pull("write"), call.body(Reviewers)
    people = [call.backend.login(name) for name in request.reviewers]
    all_known = all(person is not None and repo.may(person, "read") for person in people)
    if not all_known or request.team_reviewers or any(person and person.id == issue.author_id for person in people):
        # The sandbox has no teams. 422 as of "Request reviewers for a pull request" where user is not a collaborator.
        name = repo.full_name
        raise unprocessable(
            f"Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
            f"collaborator of the {name} repository."
        )
    issues.assign(call.backend, issue, request.reviewers, "reviewer")
    return ApiReply(short_pull(repo, issue, pull), 201)


def nothing(call: ApiCall) -> ApiReply:
    """Reviews and review comments are not part of this sandbox: there are none."""
    call.pull()
    return ApiReply(())


def update_branch(call: ApiCall) -> ApiReply:
    """Updating a head branch from its base is left to people."""
    call.pull("write")
    raise ApiProblem(422, "Updating branches is not part of the sandbox")


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
