"""Repositories, collaborators, branches (docs.github.com, "REST API endpoints for repositories", "… collaborators")."""

from __future__ import annotations

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import listing, target
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.objects import commit_at
from bot.sandbox.records import UserRow
from bot.sandbox.replies import ApiProblem, ApiReply, Json, invalid, not_found
from bot.sandbox.shapes import code
from bot.sandbox.shapes.accounts import permissions, repository, user
from bot.sandbox.verbs import administration, rules
from bot.sandbox.verbs.repositories import create_repository

# "Get repository permissions for a user": ``permission`` is the legacy role, ``role_name`` the real one.
_LEGACY = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}
_GRANTS = {"pull": "read", "push": "write"}


class NewRepository(RequestBody):
    """Body of ``POST /user/repos``."""

    name: str
    description: str | None = None
    private: bool = False
    auto_init: bool = False


class RepositoryEdit(RequestBody):
    """Body of ``PATCH /repos/…``."""

    name: str | None = None
    description: str | None = None
    default_branch: str | None = None
    private: bool | None = None
    has_issues: bool | None = None
    archived: bool | None = None
    allow_auto_merge: bool | None = None


class Transfer(RequestBody):
    """Body of ``POST …/transfer``."""

    new_owner: str
    new_name: str | None = None


class WorkflowRights(RequestBody):
    """Body of ``PUT …/actions/permissions/workflow``."""

    can_approve_pull_request_reviews: bool | None = None


class Grant(RequestBody):
    """Body of ``PUT …/collaborators/…``."""

    permission: str = "push"


def get_repository(call: ApiCall) -> ApiReply:
    """One repository."""
    return ApiReply(repository(call.repo(), call.actor))


def new_repository(call: ApiCall) -> ApiReply:
    """A repository of the caller, or of the organisation in the path."""
    request, person = call.body(NewRepository), call.person()
    owner = call.params.get("login", person.login)
    if owner.lower() != person.login.lower() and not person.admin:
        raise not_found()
    files = {"README.md": f"# {request.name}\n".encode()} if request.auto_init else {}
    repo = create_repository(
        call.backend,
        owner,
        request.name,
        author=person,
        files=files,
        private=request.private,
        about=request.description,
    )
    return ApiReply(repository(repo, person), 201)


def edit_repository(call: ApiCall) -> ApiReply:
    """Name, description, visibility, default branch and switches. An archived one can only be unarchived."""
    repo, request = call.repo("admin"), call.body(RepositoryEdit)
    if repo.archived and request.archived is not False:
        repo.require_writable()
    if request.default_branch is not None:
        git = repo.git()
        if target(git, f"refs/heads/{request.default_branch}") is None:
            raise invalid("Repository", "default_branch", "invalid", "The branch was not found.")
        git.set_head(f"refs/heads/{request.default_branch}")
    call.backend.store.update(
        "repo",
        repo.id,
        description=repo.description if request.description is None else request.description,
        default_branch=request.default_branch or repo.default_branch,
        private=repo.private if request.private is None else request.private,
        updated_at=call.backend.now(),
    )
    changed = administration.switch(
        repo, has_issues=request.has_issues, archived=request.archived, auto_merge=request.allow_auto_merge
    )
    if request.name is not None and request.name != repo.name:
        changed = administration.rename(changed, call.person(), f"{repo.owner}/{request.name}")
    return ApiReply(repository(changed, call.actor))


def transfer(call: ApiCall) -> ApiReply:
    """Another owner: 202, since GitHub does it in the background ("Transfer a repository")."""
    repo, request = call.repo("admin"), call.body(Transfer)
    full_name = f"{request.new_owner}/{request.new_name or repo.name}"
    return ApiReply(repository(administration.rename(repo, call.person(), full_name), call.actor), 202)


def fork(call: ApiCall) -> ApiReply:
    """The caller's fork; 202, since GitHub copies in the background ("Create a fork")."""
    new_fork = administration.fork(call.repo(), call.person().login)
    return ApiReply(repository(new_fork, call.actor), 202)


def workflow_rights(call: ApiCall) -> ApiReply:
    """What the token of a job may do beside reading ("Get default workflow permissions for a repository")."""
    return _rights(call.repo("admin"))


def set_workflow_rights(call: ApiCall) -> ApiReply:
    """Whether Actions may create and approve pull requests."""
    repo, request = call.repo("admin"), call.body(WorkflowRights)
    administration.switch(repo, actions_propose=request.can_approve_pull_request_reviews)
    return ApiReply(status=204)


def _rights(repo: Repo) -> ApiReply:
    return ApiReply({"default_workflow_permissions": "write", "can_approve_pull_request_reviews": repo.actions_propose})


def permission(call: ApiCall) -> ApiReply:
    """What one account may do here."""
    repo, account = call.repo("write"), call.backend.account(call.params["login"])
    role = repo.permission(account)
    return ApiReply({"permission": _LEGACY[role], "role_name": role, "user": _member(call, repo, account)})


def _member(call: ApiCall, repo: Repo, account: UserRow) -> dict[str, Json]:
    role = repo.permission(account)
    return user(call.backend, account) | {"permissions": permissions(role), "role_name": role}


def is_collaborator(call: ApiCall) -> ApiReply:
    """204 for a collaborator, 404 for others."""
    if not call.repo("write").may(call.backend.account(call.params["login"]), "triage"):
        raise not_found()
    return ApiReply(status=204)


def collaborators(call: ApiCall) -> ApiReply:
    """Everyone who may write."""
    repo = call.repo("write")
    people = call.backend.store.all(UserRow, "SELECT * FROM user ORDER BY id")
    rows = [person for person in people if repo.may(person, "triage")]
    return call.slice(rows, lambda row: _member(call, repo, row))


def grant(call: ApiCall) -> ApiReply:
    """The account has this permission from now on."""
    repo, account, request = call.repo("admin"), call.backend.account(call.params["login"]), call.body(Grant)
    role = _GRANTS.get(request.permission, request.permission)
    call.backend.store.run("INSERT OR REPLACE INTO collaborator VALUES (?, ?, ?)", repo.id, account.id, role)
    return ApiReply(status=204)


def revoke(call: ApiCall) -> ApiReply:
    """The account has no permission of its own any more."""
    repo, account = call.repo("admin"), call.backend.account(call.params["login"])
    call.backend.store.run("DELETE FROM collaborator WHERE repo_id = ? AND user_id = ?", repo.id, account.id)
    return ApiReply(status=204)


def branches(call: ApiCall) -> ApiReply:
    """All branches by name."""
    repo = call.repo()
    git = repo.git()
    rows = [(name.removeprefix("refs/heads/"), sha) for name, sha in listing(git, "refs/heads/").items()]
    return call.slice(rows, lambda row: _branch(repo, row[0], git[row[1]].peel(pygit2.Commit), long=False))


def branch(call: ApiCall) -> ApiReply:
    """One branch with its tip."""
    repo, name = call.repo(), call.params["branch"]
    tip = commit_at(repo.git(), f"refs/heads/{name}")
    if tip is None:
        raise ApiProblem(404, "Branch not found")
    return ApiReply(_branch(repo, name, tip, long=True))


def _branch(repo: Repo, name: str, tip: pygit2.Commit, *, long: bool) -> dict[str, Json]:
    binding = rules.of_branch(repo, name)
    required = rules.required_checks(binding) if binding else None
    return code.branch(repo, name, tip, long=long, required=required)


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    Route("POST", "/user/repos", new_repository),
    Route("POST", "/orgs/{login}/repos", new_repository),
    Route("GET", _REPO, get_repository),
    Route("PATCH", _REPO, edit_repository),
    Route("GET", _REPO + "/collaborators", collaborators),
    Route("GET", _REPO + "/collaborators/{login}/permission", permission),
    Route("GET", _REPO + "/collaborators/{login}", is_collaborator),
    Route("PUT", _REPO + "/collaborators/{login}", grant),
    Route("DELETE", _REPO + "/collaborators/{login}", revoke),
    Route("POST", _REPO + "/transfer", transfer),
    Route("POST", _REPO + "/forks", fork),
    Route("GET", _REPO + "/actions/permissions/workflow", workflow_rights),
    Route("PUT", _REPO + "/actions/permissions/workflow", set_workflow_rights),
    Route("GET", _REPO + "/branches", branches),
    Route("GET", _REPO + "/branches/{branch:path}", branch),
)
