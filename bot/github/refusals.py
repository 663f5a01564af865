"""Which switch, right or rule stands behind a refusal: what a person changes so that it ends. Pure.

Used where :mod:`bot.github.rest` turns a 401, 403 or 410 into an error. The sentences on the left are GitHub's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot import escape

_PROPOSE: Final = (
    'Switch on "Allow GitHub Actions to create and approve pull requests" (repository and organisation settings, '
    "Actions > General > Workflow permissions), or give Clockwork a GitHub App (github.app) or another token."
)
_SWITCHES: Final = (
    # docs.github.com, "Managing GitHub Actions settings for a repository", "Preventing GitHub Actions from creating …".
    (r"not permitted to create or approve pull requests", _PROPOSE),
    # "Disabling issues".
    (r"issues (?:has|have) been disabled|issues are disabled", 'Switch on "Issues" (repository settings, Features).'),
    # "Archiving repositories".
    (r"archived", "Unarchive the repository (repository settings, Danger Zone), or stop Clockwork for it."),
    # "Authorizing a personal access token for use with single sign-on".
    (r"SAML", "Authorize the token for single sign-on of the organisation."),
)


def advice(status: int, message: str, headers: Mapping[str, str]) -> str:
    """What to change. Header names are lower-case."""
    if status == 401:
        return "The token is wrong or expired: set a new CLOCKWORK_TOKEN."
    for pattern, switch in _SWITCHES:
        if re.search(pattern, message, re.IGNORECASE):
            return switch
    # "Troubleshooting the REST API", "Resource not accessible": the header names what the token lacks.
    permissions = escape.line(headers.get("x-accepted-github-permissions", ""))
    if permissions:
        return f"The token lacks a permission ({permissions}): give it to the app or token, or under permissions: of the job."
    return "The token lacks a permission."
