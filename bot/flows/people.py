"""Whom new pull requests and issues are given to: by settings, by the rules that decided, and by CODEOWNERS. Once, when they
are opened: whom people put there afterwards stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from bot.flows.context import RunContext
from bot.model.accounts import ACCOUNT
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import NOBODY, Attention
from bot.model.proposal import Proposal
from bot.ports import AttentiveHost, Repository

# docs.github.com, "About code owners": looked for in this order, the first one counts.
_FILES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_MOST: Final = 10
"""Assignees of one item (docs.github.com, "Assigning issues and pull requests to other GitHub users")."""


def give(item: PullRequest | Issue, proposal: Proposal, head: str, run: RunContext) -> None:
    """Give a new item to people, where the host can."""
    host, pull = run.host, isinstance(item, PullRequest)
    attention = attention_of(proposal, head, run, pull=pull)
    if host is None or attention == NOBODY or not isinstance(host, AttentiveHost):
        return
    host.give(item.number, attention, pull=pull)


def attention_of(proposal: Proposal, head: str, run: RunContext, *, pull: bool) -> Attention:
    """Whom a proposal about what ``head`` declares is given to. GitHub itself asks owners to review a pull request."""
    attention = run.attention
    for decision in proposal.decisions:
        attention |= decision.attention
    if run.assign_owners and not pull:
        files = {decision.drift.file for decision in proposal.decisions if decision.drift.file}
        attention |= Attention(owners(owners_text(run.repository, head), sorted(files)))
    return Attention(attention.assignees[:_MOST], attention.reviewers)


def owners(text: str, files: Iterable[str]) -> tuple[str, ...]:
    """The logins that a CODEOWNERS file names for these files, without teams and addresses, which nobody can assign."""
    rules = _rules(text)
    file_owners = [owner for file in files for owner in _owners_of(file, rules)]
    logins = [owner[1:] for owner in file_owners if owner.startswith("@") and re.fullmatch(ACCOUNT, owner[1:])]
    return tuple(dict.fromkeys(logins))


def owners_text(repository: Repository, commit: str) -> str:
    """The CODEOWNERS file that counts at ``commit``; empty where there is none."""
    for path in _FILES:
        if (data := repository.read(commit, path)) is not None:
            return data.decode("utf-8", errors="replace")
    return ""


def ownerless(repository: Repository, commit: str, *, joins: bool, assigns: bool) -> str | None:
    """Which settings that ask for owners do nothing at ``commit`` because nobody is named in a CODEOWNERS file; None where
    none of them is idle.
    """
    idle = [
        *(["fixes.join: owner joins nothing"] if joins else []),
        *(["github.assign_owners assigns nobody"] if assigns else []),
    ]
    if not idle or owners_text(repository, commit).strip():
        return None
    return f"there is none, so {' and '.join(idle)}"


def owner_names(text: str, file: str) -> tuple[str, ...]:
    """Everybody whom a CODEOWNERS file names for ``file``, as written: logins, teams and addresses."""
    return tuple(_owners_of(file, _rules(text)))


def _rules(text: str) -> Sequence[Sequence[str]]:
    return [fields for line in text.splitlines() if (fields := line.partition("#")[0].split())]


def _owners_of(file: str, rules: Sequence[Sequence[str]]) -> Sequence[str]:
    """The last pattern that matches counts; one without owners says that the file has none."""
    return next((rule[1:] for rule in reversed(rules) if _pattern(rule[0]).match(file)), ())


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of CODEOWNERS as a regular expression: those of ``.gitignore`` without ``!`` and ``[]``, but ``folder/*`` is
    about files right inside alone ("About code owners", syntax and examples).
    """
    anchored = "/" in text.rstrip("/")
    body = text.strip("/")
    parts = [
        {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(
            piece, re.escape(piece)
        )
        for piece in re.findall(r"/\*\*/|\*\*/|/\*\*|\*\*|\*|\?|[^*?/]+|/", body)
    ]
    ending = "/" if text.endswith("/") else "$" if text.endswith("/*") else "(?:/|$)"
    return re.compile(f"{'' if anchored else '(?:.*/)?'}{''.join(parts)}{ending}")
