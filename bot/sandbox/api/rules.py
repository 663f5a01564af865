"""Branch protection and rulesets through the API (docs.github.com, "REST API endpoints for protected branches", "… rules")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from bot.sandbox.backend import Repo
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import RuleRow
from bot.sandbox.replies import ApiProblem, ApiReply, not_found
from bot.sandbox.shapes import rules as shapes
from bot.sandbox.verbs import rules
from bot.sandbox.verbs.rules import RuleDraft


class StatusChecks(RequestBody):
    """``required_status_checks`` of a protection."""

    strict: bool = False
    contexts: tuple[str, ...] = ()


class ProtectionBody(RequestBody):
    """Body of ``PUT …/branches/B/protection``. What is null is not asked for."""

    required_status_checks: StatusChecks | None
    enforce_admins: bool | None
    required_pull_request_reviews: Mapping[str, object] | None
    restrictions: Mapping[str, object] | None
    allow_force_pushes: bool | None = False
    allow_deletions: bool | None = False
    lock_branch: bool = False


class RefName(RequestBody):
    """``conditions.ref_name`` of a ruleset."""

    include: tuple[str, ...] = ("~DEFAULT_BRANCH",)
    exclude: tuple[str, ...] = ()


class Conditions(RequestBody):
    """``conditions`` of a ruleset."""

    ref_name: RefName = RefName()


class RuleInput(RequestBody):
    """One rule of a ruleset."""

    type: str
    parameters: Mapping[str, object] = Field(default_factory=dict)


class RulesetBody(RequestBody):
    """Body of ``POST …/rulesets``."""

    name: str
    target: str = "branch"
    enforcement: str
    conditions: Conditions = Conditions()
    rules: tuple[RuleInput, ...] = ()


def protection(call: ApiCall) -> ApiReply:
    """The protection of one branch."""
    repo = call.repo("admin")
    row = _protection(call, repo)
    if row is None:
        raise ApiProblem(404, "Branch not protected")
    return ApiReply(shapes.protection(repo, row))


def protect(call: ApiCall) -> ApiReply:
    """The branch is protected like this from now on."""
    repo, request, branch = call.repo("admin"), call.body(ProtectionBody), call.params["branch"]
    checks = request.required_status_checks
    draft = RuleDraft(
        branch,
        pull_request=request.required_pull_request_reviews is not None,
        checks=() if checks is None else checks.contexts,
        strict=checks is not None and checks.strict,
        locked=request.lock_branch or request.restrictions is not None,
        deletion=not request.allow_deletions,
        rewrite=not request.allow_force_pushes,
        bypass=("~admins",) if request.enforce_admins else (),
    )
    row = rules.add(repo, "protection", draft)
    return ApiReply(shapes.protection(repo, row))


def unprotect(call: ApiCall) -> ApiReply:
    """The branch is protected no more."""
    repo = call.repo("admin")
    if not rules.remove_protection(repo, call.params["branch"]):
        raise ApiProblem(404, "Branch not protected")
    return ApiReply(status=204)


def list_rulesets(call: ApiCall) -> ApiReply:
    """The repository's rulesets."""
    repo = call.repo()
    return call.slice(_rulesets(call, repo), lambda row: shapes.ruleset(repo, row))


def new_ruleset(call: ApiCall) -> ApiReply:
    """A new ruleset for branches."""
    repo, request = call.repo("admin"), call.body(RulesetBody)
    parameters_by_rule = {rule.type: rule.parameters for rule in request.rules}
    draft = RuleDraft(
        request.conditions.ref_name.include[0],
        name=request.name,
        pull_request="pull_request" in parameters_by_rule,
        checks=_contexts(parameters_by_rule.get("required_status_checks", {})),
        strict=bool(parameters_by_rule.get("required_status_checks", {}).get("strict_required_status_checks_policy")),
        locked="update" in parameters_by_rule,
        creation="creation" in parameters_by_rule,
        deletion="deletion" in parameters_by_rule,
        rewrite="non_fast_forward" in parameters_by_rule,
        queue="merge_queue" in parameters_by_rule,
    )
    row = rules.add(repo, "ruleset", draft)
    return ApiReply(shapes.ruleset(repo, row), 201)


def get_ruleset(call: ApiCall) -> ApiReply:
    """One ruleset with its rules."""
    repo, row = _ruleset(call, "read")
    return ApiReply(shapes.ruleset(repo, row))


def delete_ruleset(call: ApiCall) -> ApiReply:
    """The ruleset is gone."""
    call.backend.store.run("DELETE FROM rule WHERE id = ?", _ruleset(call, "admin")[1].id)
    return ApiReply(status=204)


def rules_of_branch(call: ApiCall) -> ApiReply:
    """The active rules of rulesets that hold for a branch; protections are not among them."""
    repo = call.repo()
    rows = [row for row in rules.of_branch(repo, call.params["branch"]) if row.source == "ruleset"]
    rules_told = [rule for row in rows for rule in shapes.branch_rules(repo, row)]
    return call.slice(rules_told, lambda rule: rule)


def _contexts(parameters: Mapping[str, object]) -> tuple[str, ...]:
    checks = parameters.get("required_status_checks")
    check_list = checks if isinstance(checks, Sequence) else ()
    return tuple(str(check["context"]) for check in check_list if isinstance(check, Mapping) and "context" in check)


def _protection(call: ApiCall, repo: Repo) -> RuleRow | None:
    rows = rules.of_branch(repo, call.params["branch"])
    return next((row for row in rows if row.source == "protection"), None)


def _rulesets(call: ApiCall, repo: Repo) -> list[RuleRow]:
    sql = "SELECT * FROM rule WHERE repo_id = ? AND source = 'ruleset' ORDER BY id"
    return call.backend.store.all(RuleRow, sql, repo.id)


def _ruleset(call: ApiCall, permission: str) -> tuple[Repo, RuleRow]:
    repo = call.repo(permission)
    row = next((row for row in _rulesets(call, repo) if row.id == call.number("ruleset")), None)
    if row is None:
        raise not_found()
    return repo, row


_REPO = "/repos/{owner}/{repo}"
_PROTECTION = _REPO + "/branches/{branch:path}/protection"
ROUTES = (
    Route("GET", _PROTECTION, protection),
    Route("PUT", _PROTECTION, protect),
    Route("DELETE", _PROTECTION, unprotect),
    Route("GET", _REPO + "/rulesets", list_rulesets),
    Route("POST", _REPO + "/rulesets", new_ruleset),
    Route("GET", _REPO + "/rulesets/{ruleset}", get_ruleset),
    Route("DELETE", _REPO + "/rulesets/{ruleset}", delete_ruleset),
    Route("GET", _REPO + "/rules/branches/{branch:path}", rules_of_branch),
)
