"""Issues and pull requests: every open one, ours found or created, never two for one thing.

A part of :class:`bot.github.host.GitHubHost`. What is ours is known by the ledger's records, which flows hold against these
lists; here label, author and marker are evidence for what the ledger did not live to record. GitHub keeps two open pull
requests from having one head branch, so a lost reply or a parallel bot shows as "already exists". For issues it keeps
nothing: after creating one the list is read back, and of several with one marker the lowest number stays. The search API
is never used: its index lags behind, and it has a rate limit of its own (docs.github.com, "REST API endpoints for
search"). To the issues API every pull request is an issue with a ``pull_request`` key ("REST API endpoints for issues").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from bot import escape
from bot.errors import BotError, Closed, Invalid, Refused, Stale, Unavailable
from bot.github import payloads
from bot.github.payloads import ItemPart, MarkerCodec, PullPart
from bot.github.rest import ApiResponse, Lost, RestClient, as_list
from bot.github.threads import Threads
from bot.model.codehost import Issue, ItemState, Marker, PullRequest

DUPLICATE: Final = "duplicate"
"""The marker kind of an issue that was closed because another with the same marker is older."""
LABEL: Final = "clockwork"
"""On everything of ours when it is made. People may take it off or rename it."""
_LABEL_COLOUR: Final = "1f6feb"
_NO_DRAFTS: Final = "draft pull requests are not supported"
"""How GitHub refuses one in a private repository whose plan has none (docs.github.com, "About pull requests", "Draft pull
requests"; the sentence as github.com/cli/cli/issues/520 quotes it).
"""
_NEWEST: Final = {"sort": "created", "direction": "desc"}


_TAKES_NO_COMMENT: Final = re.compile(r"is locked|interactions on this repository", re.IGNORECASE)
"""How GitHub refuses a comment to everybody of a kind, while closing may be allowed (docs.github.com, "Locking conversations",
"Limiting interactions in your repository").
"""


class Items(Threads):
    """Open pull requests and issues of anybody, and what is made, changed and closed of ours; and their comments."""

    def __init__(self, requests: RestClient, *, codec: Callable[[], MarkerCodec]) -> None:
        super().__init__(requests, codec=codec)
        self._known_labels: set[str] = set()
        self._unconfirmed: dict[tuple[str, str], int] = {}

    def pulls(self) -> tuple[PullRequest, ...]:
        """Every open one, newest first."""
        return tuple(payloads.pull(part, self._codec()) for part in self._open_pulls())

    def issues(self) -> tuple[Issue, ...]:
        """Every open one, newest first, without pull requests."""
        return tuple(payloads.issue(part, self._codec()) for part in self._open_issues())

    def closed(self) -> tuple[PullRequest | Issue, ...]:
        """The closed ones of ours, as far as label, author and marker tell, newest first."""
        codec = self._codec()
        query = {"labels": LABEL, "creator": codec.me.login, "state": "closed", **_NEWEST}
        parts = payloads.read_all(ItemPart, self._client.pages(f"{self._client.root}/issues", query))
        return tuple(self._item(part) for part in parts if codec.read(part.body, part.user) is not None)

    def item(self, number: int) -> PullRequest | Issue | None:
        part = self._issue_or_none(number)
        return None if part is None else self._item(part)

    def _item(self, part: ItemPart) -> PullRequest | Issue:
        if part.pull_request is None:
            return payloads.issue(part, self._codec())
        return self.pull(part.number) if part.state == "open" else payloads.pull(part, self._codec())

    def pull(self, number: int) -> PullRequest:
        return payloads.pull(self._pull_part(number), self._codec())

    def _open_pulls(self) -> list[PullPart]:
        return payloads.read_all(
            PullPart, self._client.pages(f"{self._client.root}/pulls", {"state": "open", **_NEWEST})
        )

    def _open_issues(self) -> list[ItemPart]:
        parts = self._client.pages(f"{self._client.root}/issues", {"state": "open", **_NEWEST})
        return [part for part in payloads.read_all(ItemPart, parts) if part.pull_request is None]

    # -- pull requests -------------------------------------------------------------------------------------------------

    def open_pull(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        head: str,
        base: str,
        labels: Sequence[str],
        listed: Sequence[PullRequest] | None = None,
        draft: bool = False,
    ) -> PullRequest:
        """The one open pull request with this marker key or from this branch, saying this. ``Refused`` when somebody
        else's has that branch, ``Stale`` when the branch has nothing that ``base`` lacks. It is labelled where that may
        be: without its labels it is no less ours. A new one is a ``draft`` where the repository can have drafts.
        """
        part = self._ours_of(self.pulls() if listed is None else listed, head, base, marker)
        if part is None:
            part = self._create_pull(marker, title=title, body=body, head=head, base=base, draft=draft)
        pull = self._updated(part, self._content(marker, title, body))
        self.label(pull.number, labels, pull.labels)
        return pull

    def update_pull(self, number: int, *, marker: Marker, title: str, body: str) -> PullRequest:
        """The pull request with this title and body; written only if it says something else."""
        return self._updated(self._pull_part(number), self._content(marker, title, body))

    def close_pull(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        """Closed; the marker says that it was us."""
        self._close(self._pull_part(number), f"{self._client.root}/pulls/{number}", comment, marker, {})

    def _updated(self, part: PullPart, content: dict[str, object]) -> PullRequest:
        if not _has_content(part, content):
            answer = self._client.send_again("PATCH", f"{self._client.root}/pulls/{part.number}", content)
            part = payloads.read(PullPart, answer.data)
        return payloads.pull(part, self._codec())

    def _ours_of(self, known_pulls: Sequence[PullRequest], head: str, base: str, marker: Marker) -> PullPart | None:
        """The open one about this, or from this branch of ours: one branch is never proposed twice."""
        by_age = sorted(known_pulls, key=lambda pull: pull.number)
        about = next((pull for pull in by_age if pull.marker and pull.marker.about == marker.about), None)
        if about is not None:
            return self._pull_part(about.number)
        refs = (head, base)
        same = next((pull for pull in by_age if (pull.head_ref, pull.base_ref) == refs and not pull.forked), None)
        return None if same is None else self._of_branch([self._pull_part(same.number)], head, base, marker)

    def _create_pull(
        self, marker: Marker, *, title: str, body: str, head: str, base: str, draft: bool = False
    ) -> PullPart:
        content = {**self._content(marker, title, body), "head": head, "base": base} | (
            {"draft": True} if draft else {}
        )
        cause = ""
        for _ in self._client.attempts(self._client.patience.reads):
            answer = self._client.send("POST", f"{self._client.root}/pulls", content, accept={422})
            match answer:
                case ApiResponse(status=201):
                    return payloads.read(PullPart, answer.data)
                case ApiResponse() if draft and _NO_DRAFTS in answer.message.casefold():
                    return self._create_pull(marker, title=title, body=body, head=head, base=base)
                case ApiResponse():
                    cause = answer.message
                    existing = self._after_422(cause, head, base, marker)
                case Lost(cause):
                    existing = self._client.awaited(lambda: self._pull_of(head, base, marker))
            if existing is not None:
                return existing
        raise Unavailable(f"the pull request from {head} could not be opened: {cause}")

    def _after_422(self, message: str, head: str, base: str, marker: Marker) -> PullPart | None:
        """The existing pull request where there is one; None where trying again may help."""
        lowered = message.casefold()
        if "already exists" in lowered:
            return self._client.awaited(lambda: self._pull_of(head, base, marker))
        if "no commits between" in lowered:
            raise Stale(f"there is nothing to propose: {head} has no commit that {base} lacks")
        # GitHub says that a head is invalid also of a branch that was pushed a moment ago and is not visible yet.
        if "head" in lowered and "invalid" in lowered:
            return None
        raise Refused(f"GitHub does not open a pull request from {head}: {message}")

    def _pull_of(self, head: str, base: str, marker: Marker) -> PullPart | None:
        # Without ``owner:`` GitHub ignores ``head`` and lists every pull request.
        owner = self._client.name.split("/")[0]
        query = {"head": f"{owner}:{head}", "base": base, "state": "open", "per_page": "10"}
        parts = payloads.read_all(PullPart, as_list(self._client.get(f"{self._client.root}/pulls", query).data))
        return self._of_branch(parts, head, base, marker)

    def _of_branch(self, parts: Sequence[PullPart], head: str, base: str, marker: Marker) -> PullPart | None:
        """Ours from this branch to ``base``. The branch is ours, but anybody may have proposed it."""
        for part in parts:
            if (part.head_ref, part.base_ref) != (head, base) or part.forked:
                continue
            if not self._is_about(part, marker) and not self._codec().is_me(part.user):
                raise Refused(
                    f"#{part.number} already proposes the branch {head} and is not ours",
                    advice=f"Close #{part.number} or rename its branch; the next run opens ours.",
                )
            return part
        return None

    def _pull_part(self, number: int) -> PullPart:
        answer = self._client.get(f"{self._client.root}/pulls/{number}", accept={404})
        if answer.status == 404:
            raise Invalid(f"there is no pull request #{number}")
        part = payloads.read(PullPart, answer.data)
        self._client.is_named(part.base_name)
        return part

    # -- issues --------------------------------------------------------------------------------------------------------

    def open_issue(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        labels: Sequence[str],
        listed: Sequence[Issue] | None = None,
    ) -> Issue:
        """The one open issue with this marker key, saying this. ``Closed`` where issues are switched off."""
        content = self._content(marker, title, body)
        part = self._listed_issue(marker, listed) or self._create_issue(marker, content, labels)
        issue = self._rewritten(part, content)
        self.label(part.number, labels, issue.labels)
        return issue

    def _listed_issue(self, marker: Marker, known_issues: Sequence[Issue] | None) -> ItemPart | None:
        if known_issues is None or any(issue.marker and issue.marker.about == marker.about for issue in known_issues):
            return self._only_issue(marker)
        return None

    def update_issue(self, number: int, *, marker: Marker, title: str, body: str) -> Issue:
        """The issue with this title and body; written only if something differs."""
        return self._rewritten(self._issue_part(number), self._content(marker, title, body))

    def _rewritten(self, part: ItemPart, content: dict[str, object]) -> Issue:
        if not _has_content(part, content):
            answer = self._client.send_again("PATCH", f"{self._client.root}/issues/{part.number}", content)
            part = payloads.read(ItemPart, answer.data)
        return payloads.issue(part, self._codec())

    def close_issue(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        """Closed as completed; the marker says that it was us."""
        extra = {"state_reason": "completed"}
        self._close(self._issue_part(number), f"{self._client.root}/issues/{number}", comment, marker, extra)

    def flush(self) -> None:
        """Look once more for duplicates of the issues that were created and not yet seen in the list."""
        for kind, key in tuple(self._unconfirmed):
            self._only_issue(Marker(kind, key, ""))
            del self._unconfirmed[(kind, key)]

    def _create_issue(self, marker: Marker, content: dict[str, object], labels: Sequence[str]) -> ItemPart:
        for name in (LABEL, *labels):
            self._ensure_label(name)
        cause = ""
        for _ in range(2):
            answer = self._client.send(
                "POST", f"{self._client.root}/issues", {**content, "labels": sorted({LABEL, *labels})}
            )
            if isinstance(answer, ApiResponse):
                return self._read_back(payloads.read(ItemPart, answer.data), marker)
            cause = answer.cause
            if (part := self._client.awaited(lambda: self._only_issue(marker))) is not None:
                return part
        raise Unavailable(f"the issue could not be filed: {cause}")

    def _read_back(self, created: ItemPart, marker: Marker) -> ItemPart:
        """The one that stays: ``created``, or the lowest of several that parallel bots created."""
        created_item = self._client.awaited(lambda: self._confirmed(created.number, marker))
        if created_item is None:
            self._unconfirmed[marker.about] = created.number
        # What was just created may not carry its labels in a list yet.
        return created if created_item is None or created_item.number == created.number else created_item

    def _confirmed(self, number: int, marker: Marker) -> ItemPart | None:
        parts = self._open_issues()
        return self._first(parts, marker) if any(part.number == number for part in parts) else None

    def _only_issue(self, marker: Marker) -> ItemPart | None:
        """The lowest open issue about this; any others are closed as its duplicates."""
        return self._first(self._open_issues(), marker)

    def _first(self, parts: Sequence[ItemPart], marker: Marker) -> ItemPart | None:
        same = [part for part in parts if self._is_about(part, marker)]
        if not same:
            return None
        first, *other_parts = sorted(same, key=lambda part: part.number)
        for part in other_parts:
            self._close_duplicate(part, first.number)
        return first

    def _close_duplicate(self, part: ItemPart, original: int) -> None:
        signed = self._codec().read(part.body, part.user)
        if signed is None:
            return
        content = self._content(
            Marker(DUPLICATE, signed.marker.key, signed.marker.digest), part.title, f"Duplicate of #{original}."
        )
        closing = {**content, "state": "closed", "state_reason": "not_planned"}
        self._client.send_again("PATCH", f"{self._client.root}/issues/{part.number}", closing)

    def _issue_part(self, number: int) -> ItemPart:
        part = self._issue_or_none(number)
        if part is None:
            raise Invalid(f"there is no issue #{number}")
        return part

    def _issue_or_none(self, number: int) -> ItemPart | None:
        answer = self._client.get(f"{self._client.root}/issues/{number}", accept={404, 410})
        return None if answer.status in {404, 410} else payloads.read(ItemPart, answer.data)

    # -- both ----------------------------------------------------------------------------------------------------------

    def _is_about(self, part: ItemPart, marker: Marker) -> bool:
        """Whether the item is ours and its marker has this kind and key; its digest may be another."""
        signed = self._codec().read(part.body, part.user)
        return signed is not None and signed.marker.about == marker.about

    def _content(self, marker: Marker, title: str, body: str) -> dict[str, object]:
        return {"title": escape.title(title), "body": escape.clip(self._codec().attach(marker, body))}

    def _close(
        self, part: ItemPart, path: str, comment: str | None, marker: Marker | None, extra: dict[str, str]
    ) -> None:
        if part.state != "open":
            return
        if comment is not None:
            try:
                self.say_once(part.number, marker or Marker("closing", str(part.number), ""), comment)
            except Closed as exc:
                if not _TAKES_NO_COMMENT.search(exc.message):
                    raise  # nothing is said about the conversation: the next run says it and closes
        signed = self._codec().read(part.body, part.user)
        closing: dict[str, object] = {"state": ItemState.CLOSED.value, **extra}
        if signed is not None:
            body = payloads.issue(part, self._codec()).body
            closing["body"] = escape.clip(self._codec().attach(signed.marker, body, closed=True))
        self._client.send_again("PATCH", path, closing)

    def label(self, number: int, labels: Sequence[str], have: Sequence[str] = ()) -> None:
        """These labels too, and ours, where the host lets us. Labels help people; nothing here goes by them."""
        label_names = {name.casefold() for name in have}
        missing = sorted(name for name in {LABEL, *labels} if name.casefold() not in label_names)
        if not missing:
            return
        with suppress(BotError):
            for name in missing:
                self._ensure_label(name)
            self._client.send_again("POST", f"{self._client.root}/issues/{number}/labels", {"labels": missing})

    def _ensure_label(self, name: str) -> None:
        """The label exists where it may; somebody else creating it in between is as good."""
        if name in self._known_labels:
            return
        with suppress(Refused):
            self._make_label(name)
        self._known_labels.add(name)

    def _make_label(self, name: str) -> None:
        if self._client.get(f"{self._client.root}/labels/{quote(name, safe='')}", accept={404}).status == 404:
            label = {"name": name, "color": _LABEL_COLOUR, "description": "By Clockwork"}
            self._client.send_again("POST", f"{self._client.root}/labels", label, accept={422})


def _has_content(part: ItemPart, content: dict[str, object]) -> bool:
    """Whether the item already has the wanted title, body and state (hosts may store CRLF and trim the end)."""
    body = str(content["body"]).replace("\r\n", "\n").rstrip()
    same = part.title == content["title"] and (part.body or "").replace("\r\n", "\n").rstrip() == body
    return same and content.get("state", part.state) == part.state
