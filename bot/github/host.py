"""GitHub behind the CodeHost port. Wiring makes one per repository and token; flows only know the port.

All requests go through one :class:`~bot.github.rest.RestClient`, so that pacing, limits and conditional requests hold for
everything together. A look at an unchanged repository makes no write and a fixed number of conditional requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final
from urllib.parse import quote

from bot.errors import BotError, Invalid, Refused
from bot.github import payloads
from bot.github.checks import Checks
from bot.github.commits import VerifiedCommits
from bot.github.limits import Pace
from bot.github.optional import OptionalItems
from bot.github.payloads import MarkerCodec, PermissionPart, RepositoryPart, UserPart, ViewerPart
from bot.github.rest import ApiResponse, RestClient, RetryPolicy
from bot.github.rights import rights
from bot.model.codehost import Check, HostFacts, HostRights, PublishedCheck, Whoami
from bot.ports import Clock, Meter

ACTIONS_LOGIN: Final = "github-actions[bot]"
QUEUE_PREFIX: Final = "gh-readonly-queue/"
"""Of the temporary branches of merge queues, followed by the base branch and ``/pr-NUMBER-SHA`` (docs.github.com, "Managing
a merge queue": CI that runs for the push of branches has to be triggered for ``gh-readonly-queue/{base_branch}``)."""
_VIEWER: Final = "query { viewer { login databaseId } }"
_AUTO_MERGE: Final = (
    "mutation($input: EnablePullRequestAutoMergeInput!) "
    "{ enablePullRequestAutoMerge(input: $input) { clientMutationId } }"
)
# Of "Get repository permissions for a user" (docs.github.com, "REST API endpoints for collaborators"): ``permission`` folds
# maintain into write and triage into read, ``role_name`` tells them apart.
_WRITERS: Final = frozenset({"admin", "maintain", "write"})


class GitHubHost(OptionalItems):
    """Satisfies :class:`bot.ports.CodeHost`. Not for several threads at once."""

    def __init__(
        self,
        full_name: str,
        token: str | Callable[[], str],
        *,
        api_url: str = "https://api.github.com",
        marker_secret: bytes,
        clock: Clock,
        min_write_interval: float = 1.0,
        patience: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        login: str | None = None,
        meter: Meter | None = None,
        forget: Callable[[], None] | None = None,
    ) -> None:
        """``full_name`` is ``owner/name``. ``token`` may be what gives the token of the moment: an app's is another every hour,
        and after ``forget``, which is called when GitHub did not take it.

        ``login`` names the account of the token where it is known. Raises ``Invalid`` for a name, URL or token that cannot
        be one.
        """
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", full_name) or ".." in full_name:
            raise Invalid(f"{full_name!r} is no repository", advice="Write it as owner/name.")
        if not re.match(r"https?://[^/@\s]+(?:/|\Z)", api_url):
            raise Invalid(f"{api_url!r} is no API URL", advice="It starts with https:// and holds no credentials.")
        if isinstance(token, str) and not _is_token(token):
            raise Invalid("the token is empty or has characters that no token has", advice="Set CLOCKWORK_TOKEN.")
        give = (lambda: token) if isinstance(token, str) else token
        pace = Pace(min_write_interval)
        requests = RestClient(
            full_name, give, api_url=api_url, clock=clock, pace=pace, patience=patience, meter=meter, forget=forget
        )
        # asks GitHub, once it is needed
        codec = cache(lambda: MarkerCodec(full_name, marker_secret, cache(self._whoami)))
        super().__init__(requests, codec=codec)
        self._login = login
        self._checks = Checks(self._client)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def whoami(self) -> Whoami:
        """The account behind the token, asked once."""
        return self._codec().me

    def facts(self) -> HostFacts:
        part = payloads.read(RepositoryPart, self._client.repository())
        return HostFacts(
            part.id, part.full_name, part.has_issues, part.archived, part.allow_auto_merge, queue_prefix=QUEUE_PREFIX
        )

    def rights(self, branch: str) -> HostRights:
        """See the port."""
        return rights(self._client, self.whoami(), branch)

    def merge_when_green(self, number: int) -> None:
        """Through GraphQL alone (docs.github.com, "GraphQL reference", ``enablePullRequestAutoMerge``)."""
        pull = self.pull(number)
        variables = {"input": {"pullRequestId": pull.node, "mergeMethod": "SQUASH"}}
        answer = self._client.mutate(_AUTO_MERGE, variables)
        if isinstance(answer, ApiResponse) and answer.message:
            raise Refused(f"#{number} does not merge by itself: {answer.message}")

    def publish(self, check: Check) -> PublishedCheck:
        return self._checks.publish(check)

    def may_write(self, login: str) -> bool:
        # What a login can look like (docs.github.com, "Username considerations for external authentication"), so that a name
        # from a comment is nothing else in the path below.
        if not re.fullmatch(r"[A-Za-z0-9-]{1,39}(?:\[bot\])?|[A-Za-z0-9-]{1,39}_[A-Za-z0-9]{1,10}", login):
            return False
        path = f"{self._client.root}/collaborators/{quote(login, safe='')}/permission"
        answer = self._client.get(path, accept={404})
        if answer.status == 404:
            return False
        granted = payloads.read(PermissionPart, answer.data)
        return granted.permission in _WRITERS or granted.role_name in _WRITERS

    def commits(self) -> VerifiedCommits:
        """What makes commits that GitHub signs, on this connection."""
        return VerifiedCommits(self._client)

    def head_ref(self, number: int) -> str:
        """GitHub keeps the head of every pull request, forks' too, under this ref (Checking out pull requests locally)."""
        return f"refs/pull/{number}/head"

    def _whoami(self) -> Whoami:
        """Installation tokens, also that of Actions, may not ask who they are: 403 "Resource not accessible by integration".
        GraphQL tells them (``viewer``); where it does not, only that of Actions is left.
        """
        if self._login is not None:
            return Whoami(self._login, None)
        answer = self._client.get("/user", accept={403})
        if answer.status == 403:
            return self._viewer() or Whoami(ACTIONS_LOGIN, 0)
        me = payloads.read(UserPart, answer.data)
        # Classic tokens alone have scopes (docs.github.com, "Scopes for OAuth apps").
        scopes = answer.headers.get("x-oauth-scopes", "")
        return Whoami(me.login, me.id, frozenset(scope.strip() for scope in scopes.split(",") if scope.strip()))

    def _viewer(self) -> Whoami | None:
        with suppress(BotError):
            answer = self._client.mutate(_VIEWER, {})
            if isinstance(answer, ApiResponse):
                viewer = payloads.read(ViewerPart, answer.data)
                return None if viewer.login is None else Whoami(viewer.login, viewer.id)
        return None


def _is_token(token: str) -> bool:
    return bool(token) and token.isascii() and token.isprintable() and " " not in token
