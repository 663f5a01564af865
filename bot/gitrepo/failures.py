"""What libgit2 says when something goes wrong, in the kinds of errors everything above knows.

libgit2 has one exception and many sentences, and no error code that tells a refusal from a broken network: the table
below goes by the sentences (libgit2 1.9) and is read top to bottom, first match wins. What the table does not know is
``Unavailable``: to try once more is never wrong. Used by :mod:`bot.gitrepo.remote` only.
"""

from __future__ import annotations

import re
from typing import Final

from bot.errors import BotError, Closed, Invalid, Refused, Stale, Unavailable
from bot.model.patterns import regex

_ACCESS: Final = (
    "check that the token is valid and may read and write the contents of this repository "
    "(in GitHub Actions `permissions: {contents: write}`)"
)
_WHERE: Final = "check the address, and that the token may see it: hosts answer like this for private repositories"

_NETWORK: Final = "check the address and the network"

# What libgit2 says in place of a code ("unexpected http status code: 403"), the more telling first.
_FAILURES: Final[tuple[tuple[str, type[BotError], str, str | None], ...]] = (
    (r"authentication required|authentication replays|status code: 401", Closed, "did not accept the credentials", _ACCESS),
    (r"status code: 403", Closed, "does not permit this (403)", _ACCESS),
    (r"status code: 404|Repository not found", Invalid, "has no such repository", _WHERE),
    (r"status code: (?:429|5\d\d)", Unavailable, "is overloaded or broken at the moment", None),
    (r"non-?fast-?forward", Stale, "has commits that were not seen before", None),
    (r"certificate|SSL error|TLS", Refused, "could not prove its identity", "check the certificate, or trust its authority"),
    (r"timed out|timeout", Unavailable, "did not answer in time", None),
    (r"resolve address", Unavailable, "has a name that does not resolve", _NETWORK),
    (r"failed to connect|Connection refused|unreachable", Unavailable, "cannot be reached", _NETWORK),
    (r"content-type|redirect", Unavailable, "is not a Git server", "check the address: it answers, but not with Git"),
    (r"failed to resolve path|not a git repository|could not find repository", Invalid, "is not a Git repository", None),
    (r"unsupported URL|url->host|'port'|invalid argument", Invalid, "is not an address Git can use", None),
    (r"non-bare", Refused, "is a checkout; pushing needs a bare repository", "use `git clone --bare`"),
    (r"No space left", Unavailable, "cannot be stored: the disk is full", None),
)  # fmt: skip

# What receive-pack answers to whoever comes second (git, builtin/receive-pack.c and refs.c).
_RACE: Final = regex(
    r"failed to (?:update|lock)|cannot lock|fetch first|non-?fast-?forward|stale|already exists|incorrect old value"
    r"|reference conflict|unable to resolve",
    re.IGNORECASE,
)

# What GitHub's hooks print where the branch's rules, the repository's state or the token's rights say no (docs.github.com,
# "About protected branches", "Available rules for rulesets", "Archiving repositories"; GH006 and GH013 are its codes).
_CLOSED: Final = regex(
    r"GH006|GH013|protected (?:branch|ref)|rule violations|through (?:a pull request|the merge queue)"
    r"|required status check|being restricted|archived|permission to \S+ denied|not allowed to (?:push|update|create)",
    re.IGNORECASE,
)
_CONTENT: Final = regex(r"secret|push protection|file (?:path|size|extension)", re.IGNORECASE)
"""Rules about what a commit holds (the same page, "push rulesets", and "About push protection"): that is about the change."""


def translated(error: BaseException, *, location: str, doing: str) -> BotError:
    """The error to raise for what libgit2 raised while ``doing`` something with the remote shown as ``location``."""
    text = " ".join(str(error).split())
    for pattern, kind, sentence, advice in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(f"{location} {sentence} while {doing} ({text})", advice=advice)
    return Unavailable(f"{location} failed while {doing}: {text}")


def rejection(reason: str, *, ref: str, moved: bool, output: str) -> Stale | Refused:
    """The error for a ref update that the server turned down with ``reason``.

    ``moved`` tells whether the ref is no longer where the push expected it; ``output`` is what the server printed.
    """
    if moved or _RACE.search(reason):
        return Stale(f"{ref} moved while it was being written ({reason})")
    text = f"{reason} {output}"
    kind = Closed if _CLOSED.search(text) and not _CONTENT.search(text) else Refused
    detail = f": {output}" if output else ""
    return kind(
        f"the server does not let {ref} be written ({reason}){detail}",
        advice="allow the bot in the branch's protection rules, or point Clockwork at a branch it may write",
    )
