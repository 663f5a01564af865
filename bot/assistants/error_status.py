"""What an error of a model's endpoint means in the contract's words: by HTTP status where one is told, else by its text.

Pure; shared by all adapters, so that the same failure has the same name whichever tool met it.
"""

from __future__ import annotations

import re
from typing import Final

from bot.assistants.attempt import FailedRun
from bot.model.session import ReplyStatus

_SIGNS: Final = (
    (
        ReplyStatus.TOO_LARGE,
        False,
        r"413|prompt is too long|request_too_large|context[ _]length\w*|context window|maximum context|too many tokens",
    ),
    (
        ReplyStatus.AUTH,
        False,
        r"401|403|unauthori[sz]ed|authentication|invalid auth\w*|invalid (?:x-)?api[ _-]key|api key not valid|not logged in",
    ),
    (
        ReplyStatus.RATE_LIMIT,
        True,
        r"429|529|rate[ _-]?limit\w*|too many requests|quota|resource_exhausted|overloaded\w*",
    ),
    (ReplyStatus.TIMEOUT, True, r"408|timed? ?-?out|deadline exceeded|etimedout"),
    (
        ReplyStatus.CRASH,
        True,
        r"50[0234]|internal server error|bad gateway|service unavailable|api_error|high demand|econnre\w+|connection error",
    ),
)
"""Status, whether a second try may help, and the words; the most certain sign comes first."""
_PATTERNS: Final = tuple((status, again, re.compile(rf"(?i)\b(?:{signs})\b")) for status, again, signs in _SIGNS)


def by_status(code: int, message: str, *, wait_seconds: float | None = None) -> FailedRun:
    """The failure that HTTP status ``code`` means (RFC 9110; 529 is Anthropic's "overloaded")."""
    text = f"HTTP {code}: {message.strip()}" if message.strip() else f"HTTP {code}"
    match code:
        case 401 | 403 | 407:
            return FailedRun(ReplyStatus.AUTH, text)
        case 413:
            return FailedRun(ReplyStatus.TOO_LARGE, text)
        case 429 | 529:
            return FailedRun(ReplyStatus.RATE_LIMIT, text, again=True, wait_seconds=wait_seconds)
        case 408 | 504:
            return FailedRun(ReplyStatus.TIMEOUT, text, again=True, wait_seconds=wait_seconds)
        case _ if code >= 500:
            return FailedRun(ReplyStatus.CRASH, text, again=True, wait_seconds=wait_seconds)
        case _ if _PATTERNS[0][2].search(message):
            return FailedRun(ReplyStatus.TOO_LARGE, text)
        case _:
            return FailedRun(ReplyStatus.CRASH, text)


def by_text(message: str, *, exit_code: int | None = None) -> FailedRun:
    """The failure that a tool's own error text means; ``crash`` with the exit code when it says nothing known."""
    for status, again, pattern in _PATTERNS:
        if pattern.search(message):
            return FailedRun(status, message.strip(), again=again)
    code = "" if exit_code is None else f" (exit code {exit_code})"
    return FailedRun(ReplyStatus.CRASH, (_last_line(message) or "ended without saying why") + code)


def bad_output(message: str) -> FailedRun:
    """A tool that ended well and yet said nothing that can be read."""
    return FailedRun(ReplyStatus.BAD_OUTPUT, message)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
