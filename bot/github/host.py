"""GitHub behind the CodeHost port. Wiring makes one per repository and token; flows only know the port.

All requests go through one :class:`~bot.github.rest.Rest`, so that pacing, limits and conditional requests hold for
everything together. A look at an unchanged repository makes no write and a fixed number of conditional requests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from bot.errors import Invalid
from bot.github import payloads
from bot.github.checks import Checks
from bot.github.commits import VerifiedCommits
from bot.github.items import Items
from bot.github.limits import PER_HOUR, PER_MINUTE, Pace
from bot.github.payloads import MarkerCodec, PermissionPart, UserPart
from bot.github.rest import Rest, RetryPolicy
from bot.github.threads import Threads
from bot.model.codehost import Check, Comment, Issue, Marker, PublishedCheck, PullRequest, Whoami
from bot.ports import Clock

ACTIONS_LOGIN: Final = "github-actions[bot]"
# Of "Get repository permissions for a user" (docs.github.com, "REST API endpoints for collaborators"): ``permission`` folds
# maintain into write and triage into read, ``role_name`` tells them apart.
_WRITERS: Final = frozenset({"admin", "maintain", "write"})


class GitHubHost:
    """Satisfies :class:`bot.ports.CodeHost`. Not for several threads at once."""

    def __init__(
        self,
        full_name: str,
        token: str,
        *,
        api_url: str = "https://api.github.com",
        marker_secret: bytes,
        clock: Clock,
        min_write_interval: float = 1.0,
        writes_per_minute: int = PER_MINUTE,
        writes_per_hour: int = PER_HOUR,
        patience: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        label: str = "clockwork",
        login: str | None = None,
    ) -> None:
        """``full_name`` is ``owner/name``. ``label`` is on everything of ours and is what lists go by.

        ``login`` names the account of an App's token, which cannot ask who it is (without it: GitHub Actions').
        Raises ``Invalid`` for a name, URL or token that cannot be one.
        """
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", full_name) or ".." in full_name:
            raise Invalid(f"{full_name!r} is no repository", advice="Write it as owner/name.")
        if not re.match(r"https?://[^/@\s]+(?:/|\Z)", api_url):
            raise Invalid(f"{api_url!r} is no API URL", advice="It starts with https:// and holds no credentials.")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise Invalid("the token is empty or has characters that no token has", advice="Set CLOCKWORK_TOKEN.")
        pace = Pace(min_write_interval, per_minute=writes_per_minute, per_hour=writes_per_hour)
        self._rest = Rest(token, api_url=api_url, clock=clock, pace=pace, patience=patience)
        self._name = full_name
        self._root = f"/repos/{full_name}"
        self._secret = marker_secret
        self._login = login
        self._codec: MarkerCodec | None = None
        self._threads = Threads(self._rest, root=self._root, codec=self._marker_codec)
        self._items = Items(self._rest, root=self._root, label=label, codec=self._marker_codec, threads=self._threads)
        self._checks = Checks(self._rest, root=self._root)

    def close(self) -> None:
        """Give the connection back."""
        self._rest.close()

    def whoami(self) -> Whoami:
        """The account behind the token, asked once."""
        return self._marker_codec().me

    def pulls(self) -> Sequence[PullRequest]:
        """Ours. Closed ones come without branches and commits (empty texts): :meth:`pull` tells them."""
        return self._items.pulls()

    def issues(self) -> Sequence[Issue]:
        return self._items.issues()

    def pull(self, number: int) -> PullRequest:
        return self._items.pull(number)

    def open_pulls(self) -> Sequence[PullRequest]:
        return self._items.open_pulls()

    def open_pull(
        self, *, marker: Marker, title: str, body: str, head: str, base: str, labels: Sequence[str]
    ) -> PullRequest:
        """Found by marker or created. ``Refused`` when somebody else's pull request has that branch, ``Stale`` when the
        branch has nothing that ``base`` lacks.
        """
        return self._items.open_pull(marker=marker, title=title, body=body, head=head, base=base, labels=labels)

    def update_pull(self, number: int, *, marker: Marker, title: str, body: str) -> PullRequest:
        return self._items.update_pull(number, marker=marker, title=title, body=body)

    def close_pull(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        self._items.close_pull(number, comment=comment, marker=marker)

    def open_issue(self, *, marker: Marker, title: str, body: str, labels: Sequence[str]) -> Issue:
        return self._items.open_issue(marker=marker, title=title, body=body, labels=labels)

    def update_issue(self, number: int, *, marker: Marker, title: str, body: str, reopen: bool = False) -> Issue:
        return self._items.update_issue(number, marker=marker, title=title, body=body, reopen=reopen)

    def close_issue(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        self._items.close_issue(number, comment=comment, marker=marker)

    def comments(self, number: int) -> Sequence[Comment]:
        return self._threads.all(number)

    def comment(self, number: int, *, marker: Marker, body: str) -> Comment:
        return self._threads.keep(number, marker, body)

    def publish(self, check: Check) -> PublishedCheck:
        return self._checks.publish(check)

    def may_write(self, login: str) -> bool:
        # What a login can look like (docs.github.com, "Username considerations for external authentication"), so that a name
        # from a comment is nothing else in the path below.
        if not re.fullmatch(r"[A-Za-z0-9-]{1,39}(?:\[bot\])?|[A-Za-z0-9-]{1,39}_[A-Za-z0-9]{1,10}", login):
            return False
        path = f"{self._root}/collaborators/{quote(login, safe='')}/permission"
        answer = self._rest.get(path, accept={404})
        if answer.status == 404:
            return False
        granted = payloads.read(PermissionPart, answer.data)
        return granted.permission in _WRITERS or granted.role_name in _WRITERS

    def commits(self) -> VerifiedCommits:
        """What makes commits that GitHub signs, on this connection."""
        return VerifiedCommits(self._rest, self._name)

    def head_ref(self, number: int) -> str:
        """GitHub keeps the head of every pull request, forks' too, under this ref (Checking out pull requests locally)."""
        return f"refs/pull/{number}/head"

    def flush(self) -> None:
        self._items.confirm()

    def _marker_codec(self) -> MarkerCodec:
        if self._codec is None:
            self._codec = MarkerCodec(self._name, self._secret, self._who())
        return self._codec

    def _who(self) -> Whoami:
        """Installation tokens, also that of Actions, may not ask who they are: 403 "Resource not accessible by integration"."""
        if self._login is not None:
            return Whoami(self._login, None)
        answer = self._rest.get("/user", accept={403})
        if answer.status == 403:
            return Whoami(ACTIONS_LOGIN, 0)
        me = payloads.read(UserPart, answer.data)
        # Classic tokens alone have scopes (docs.github.com, "Scopes for OAuth apps").
        scopes = answer.headers.get("x-oauth-scopes", "")
        return Whoami(me.login, me.id, frozenset(scope.strip() for scope in scopes.split(",") if scope.strip()))
