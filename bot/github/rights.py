"""What a token may do in a repository, asked without trying it. A part of :class:`bot.github.host.GitHubHost`.

GitHub tells an account's role in the repository itself ("Get a repository", ``permissions``), not what a fine-grained token
or an app was granted. That shows in the reply to a write without a body, which can write nothing: 422 where the right is
there, 403 or 404 where it is not (docs.github.com, "Troubleshooting the REST API", "Resource not accessible", "Validation
Failed").
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, cast
from urllib.parse import quote

from bot.errors import BotError
from bot.github.rest import ApiResponse, RestClient
from bot.model.codehost import HostRights, Whoami
from bot.model.json import JSON, mapping, mappings, text

_REFUSED: Final = frozenset({401, 403, 404, 410})
"""404 hides what a token may not see (docs.github.com, "Troubleshooting the REST API", "404 Not Found for an existing
resource"); 410 is a repository without issues ("REST API endpoints for issues").
"""
_WRITES: Final = {"contents": "/git/refs", "pull requests": "/pulls", "issues": "/issues", "checks": "/check-runs"}
"""What each right is needed to write (docs.github.com, "Permissions required for fine-grained personal access tokens")."""
_ANSWERS: Final = frozenset({400, 401, 403, 404, 410, 422})
_DENIALS: Final = frozenset({401, 403, 404})


def rights(requests: RestClient, me: Whoami, branch: str) -> HostRights:
    """What the token may do. Raises ``Invalid`` for a repository that it does not see."""
    name = quote(branch, safe="")
    repository_answer = requests.get(requests.root)
    role = mapping(mapping(_json(repository_answer)).get("permissions"))
    push = role.get("push")
    return HostRights(
        me.login,
        push if isinstance(push, bool) else None,
        denied=tuple(right for right, path in _WRITES.items() if _denied(requests, path)),
        rules=_rules(requests, name),
        scopes=me.permissions,
        labels=_labels(requests),
        actions_propose=_actions_propose(requests),
        at=_clock(repository_answer),
    )


def _json(answer: ApiResponse | None) -> JSON:
    return None if answer is None else cast("JSON", answer.data)


def _answer(requests: RestClient, path: str) -> ApiResponse | None:
    """The reply, None where the token may not ask or nothing came."""
    try:
        answer = requests.get(f"{requests.root}{path}", {"per_page": "100"}, accept=_REFUSED)
    except BotError:
        return None
    return answer if answer.status == 200 else None


def _denied(requests: RestClient, path: str) -> bool:
    try:
        answer = requests.send("POST", f"{requests.root}{path}", {}, accept=_ANSWERS)
    except BotError:
        return False  # nobody knows: that is no denial
    return isinstance(answer, ApiResponse) and answer.status in _DENIALS


def _rules(requests: RestClient, branch: str) -> frozenset[str]:
    """Rules of rulesets ("Get rules for a branch"), and of a classic protection what everybody is told of it ("Get a branch",
    ``protected``); its parts are told to administrators alone ("Get branch protection").
    """
    rules_answer = _answer(requests, f"/rules/branches/{branch}")
    rules = {text(mapping(rule).get("type")) for rule in mappings(_json(rules_answer))}
    branch_answer = _answer(requests, f"/branches/{branch}")
    if branch_answer is not None and mapping(_json(branch_answer)).get("protected") is True and not rules:
        parts = _answer(requests, f"/branches/{branch}/protection")
        branch_fields = mapping(_json(parts))
        rules |= {names for key, names in _PROTECTION.items() if key in branch_fields} or {"protected"}
    return frozenset(rules - {""})


_PROTECTION: Final = {
    "required_pull_request_reviews": "pull_request",
    "required_status_checks": "required_status_checks",
    "required_signatures": "required_signatures",
    "restrictions": "update",
}
"""Parts of a classic protection ("Get branch protection") by what rulesets call the same."""


def _labels(requests: RestClient) -> frozenset[str]:
    answer = _answer(requests, "/labels")
    return frozenset(text(mapping(label).get("name")) for label in mappings(_json(answer)))


def _actions_propose(requests: RestClient) -> bool | None:
    """Administrators alone are told ("Get default workflow permissions for a repository")."""
    answer = _answer(requests, "/actions/permissions/workflow")
    allowed = mapping(_json(answer)).get("can_approve_pull_request_reviews")
    return allowed if isinstance(allowed, bool) else None


def _clock(answer: ApiResponse) -> datetime | None:
    """The ``Date`` of a reply (RFC 9110, 6.6.1)."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
