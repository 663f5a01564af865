"""Branch protections and rulesets as GitHub prints them."""

from __future__ import annotations

from bot.sandbox.backend import Repo
from bot.sandbox.records import RuleRow
from bot.sandbox.replies import Json


def protection(repo: Repo, row: RuleRow) -> dict[str, Json]:
    """One branch's protection; what is not asked for has no key, or says that it is not enabled."""
    url = repo.url(f"/branches/{row.pattern}/protection")
    shape: dict[str, Json] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": "~admins" in row.bypass},
        "allow_force_pushes": {"enabled": not row.rewrite},
        "allow_deletions": {"enabled": not row.deletion},
        "lock_branch": {"enabled": row.locked},
    }
    if row.pull_request:
        shape["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "required_approving_review_count": 0,
        }
    if row.checks:
        names = row.checks.splitlines()
        shape["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": row.strict,
            "contexts": names,
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": name, "app_id": None} for name in names],
        }
    return shape


def ruleset(repo: Repo, row: RuleRow) -> dict[str, Json]:
    """A ruleset with its rules."""
    return {
        "id": row.id,
        "name": row.name,
        "target": "branch",
        "source_type": "Repository",
        "source": repo.full_name,
        "enforcement": "active",
        "node_id": f"RRS_{row.id}",
        "_links": {"self": {"href": repo.url(f"/rulesets/{row.id}")}},
        "conditions": {"ref_name": {"include": [row.pattern], "exclude": []}},
        "rules": _rules(row),
        "created_at": repo.created_at,
        "updated_at": repo.updated_at,
    }


def branch_rules(repo: Repo, row: RuleRow) -> list[dict[str, Json]]:
    """The rules of one ruleset as "Get rules for a branch" lists them."""
    source: dict[str, Json] = {
        "ruleset_source_type": "Repository",
        "ruleset_source": repo.full_name,
        "ruleset_id": row.id,
    }
    return [rule | source for rule in _rules(row)]


def _rules(row: RuleRow) -> list[dict[str, Json]]:
    rules: list[dict[str, Json]] = []
    if row.pull_request:
        rules.append({"type": "pull_request", "parameters": _REVIEWS})
    if row.checks:
        checks: list[Json] = [{"context": name} for name in row.checks.splitlines()]
        parameters: dict[str, Json] = {
            "required_status_checks": checks,
            "strict_required_status_checks_policy": row.strict,
        }
        rules.append({"type": "required_status_checks", "parameters": parameters})
    flags = {
        "update": row.locked,
        "creation": row.creation,
        "deletion": row.deletion,
        "non_fast_forward": row.rewrite,
    }
    rules += [{"type": name} for name, on in flags.items() if on]
    if row.queue:
        rules.append({"type": "merge_queue", "parameters": _QUEUE})
    return rules


_REVIEWS: dict[str, Json] = {
    "dismiss_stale_reviews_on_push": False,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
    "required_approving_review_count": 0,
    "required_review_thread_resolution": False,
}
_QUEUE: dict[str, Json] = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}
