"""Who wrote a change: a person, a bot, or an AI agent, by account, commit trailer or branch.

All of it can be forged, so it may only raise severity and choose agent documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from bot.model.finding import AuthorKind
from bot.model.globs import name_matches
from bot.model.patterns import regex

_ACCOUNTS: Final = {
    "copilot": "copilot",
    "copilot-swe-agent*": "copilot",
    "github-copilot*": "copilot",
    "claude": "claude",
    "claude[bot]": "claude",
    "claude-code*": "claude",
    "anthropic-*": "claude",
    "codex*": "codex",
    "chatgpt-codex*": "codex",
    "openai-*": "codex",
    "cursor*": "cursor",
    "cursoragent": "cursor",
    "devin-ai*": "devin",
    "google-labs-jules*": "jules",
    "gemini-*": "gemini",
    "amazon-q-developer*": "amazon-q",
    "sweep-ai*": "sweep",
    "openhands*": "openhands",
    "aider*": "aider",
}
_BRANCHES: Final = regex(r"(claude|codex|copilot|cursor|devin|jules|gemini|aider|openhands|sweep)/", re.IGNORECASE)
_TRAILER: Final = regex(
    r"^[ \t]*(?:co-authored-by|generated-by|assisted-by):[ \t]*(?:.{0,60}?\b)?"
    r"(claude|copilot|codex|cursor|devin|jules|gemini|aider|openhands|chatgpt|windsurf)\b"
    r"|generated with \[?(claude|codex|copilot|cursor|gemini|aider)\b"
    r"|<noreply@(anthropic|openai)\.com>",
    re.IGNORECASE | re.MULTILINE,
)
_VENDORS: Final = {"anthropic": "claude", "openai": "codex", "chatgpt": "codex"}


def classify(
    login: str,
    *,
    branch: str = "",
    messages: Iterable[str] = (),
    known_kinds: Mapping[str, str] | None = None,
) -> tuple[AuthorKind, str | None]:
    """The kind of author, and the agent's name for an agent.

    ``known_kinds`` maps further logins or branch globs to agent names, from the repository's settings.
    """
    account = login.lower()
    for pattern, agent in (known_kinds or {}).items():
        if name_matches(pattern.lower(), account) or (branch and name_matches(pattern, branch)):
            return AuthorKind.AGENT, agent
    for pattern, agent in _ACCOUNTS.items():
        if name_matches(pattern, account):
            return AuthorKind.AGENT, agent
    match = _BRANCHES.match(branch)
    if match:
        return AuthorKind.AGENT, match[1].lower()
    for message in messages:
        match = _TRAILER.search(message[-4000:])
        if match:
            name = next(group for group in match.groups() if group).lower()
            return AuthorKind.AGENT, _VENDORS.get(name, name)
    return (AuthorKind.BOT if account.endswith("[bot]") else AuthorKind.HUMAN), None
