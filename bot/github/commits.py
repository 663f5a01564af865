"""Commits that GitHub makes and signs itself, through the GraphQL mutation ``createCommitOnBranch``.

Made by :class:`bot.github.host.GitHubHost` and used by wiring for repositories that want verified commits. The mutation
is a compare-and-swap on the branch's head (``expectedHeadOid``), so sending it twice never makes two commits; after a lost
reply the branch is looked at first. The author is the token's account, and the commit is signed by GitHub where that is
possible (docs.github.com, GraphQL reference, "createCommitOnBranch": "Authorship", "Commit signing"). File modes cannot be
said (``FileAddition`` has a path and contents): an existing file keeps its own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from bot.errors import Closed, Refused, Stale, Unavailable
from bot.github import payloads
from bot.github.payloads import CommitPart, MutationReplyPart
from bot.github.rest import ApiResponse, Lost, RestClient, as_list
from bot.model.codehost import CommitDraft
from bot.safety.trailers import intents_in

_QUERY: Final = (
    "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
)
_ADVICE: Final = "The token needs write permission for contents, and the branch's rules must let its account commit."
_RULES: Final = re.compile(
    r"rule violations|protected|through (?:a pull request|the merge queue)|required status check|archived",
    re.IGNORECASE,
)
"""What a refusal says that is about the branch and not about the commit."""
_DEPTH: Final = "30"


class VerifiedCommits:
    """Makes commits on one repository's branches. Not for several threads at once."""

    def __init__(self, requests: RestClient) -> None:
        self._client = requests

    def make(self, draft: CommitDraft) -> str:
        """The id of the one commit made from ``draft``.

        Raises ``Stale`` when the branch is elsewhere (nothing was written), ``Refused`` when permissions or rules say
        no, and ``Unavailable`` when no usable reply came several times and the commit is not on the branch.
        """
        cause = ""
        for _ in self._client.attempts(self._client.patience.reads):
            answer = self._client.mutate(_QUERY, {"input": _order(draft, self._client.root.removeprefix("/repos/"))})
            reply = _reply(answer)
            if isinstance(reply, MutationReplyPart):
                return self._judge(draft, reply, answer, after_loss=bool(cause))
            cause = reply.cause
            if (commit_id := self._commit_of(draft)) is not None:
                return commit_id
        raise Unavailable(f"{cause}, several times")

    def _judge(
        self, draft: CommitDraft, reply: MutationReplyPart, answer: ApiResponse | Lost, *, after_loss: bool
    ) -> str:
        if reply.oid is not None:
            return reply.oid
        kind = next((error.type for error in reply.errors if error.type), "")
        message = answer.message if isinstance(answer, ApiResponse) else ""
        if kind == "STALE_DATA":
            commit_id = self._client.awaited(lambda: self._commit_of(draft)) if after_loss else None
            if commit_id is None:
                raise Stale(f"{draft.branch} is no longer at {draft.expected[:7]}: {message}")
            return commit_id
        if kind == "RATE_LIMITED":
            raise Unavailable(f"GitHub asks to wait before a commit on {draft.branch}: {message}")
        error = Closed if kind == "FORBIDDEN" or _RULES.search(message) else Refused
        raise error(f"GitHub declined a commit on {draft.branch} ({kind}): {message}", advice=_ADVICE)

    def _commit_of(self, draft: CommitDraft) -> str | None:
        """The commit on the branch that was made from ``draft``: on the same parent, with the same intents."""
        intents = intents_in(draft.message)
        if not intents:
            return None
        query = {"sha": draft.branch, "per_page": _DEPTH}
        # 404: no such branch; 409: "Git Repository is empty."
        answer = self._client.get(f"{self._client.root}/commits", query, accept={404, 409})
        for part in payloads.read_all(CommitPart, as_list(answer.data)):
            if [parent.sha for parent in part.parents] == [draft.expected] and intents_in(part.message) == intents:
                return part.sha
        return None


def _order(draft: CommitDraft, full_name: str) -> Mapping[str, object]:
    """``CreateCommitOnBranchInput``."""
    headline, _, body = draft.message.strip().partition("\n")
    return {
        "branch": {"repositoryNameWithOwner": full_name, "branchName": draft.branch},
        "expectedHeadOid": draft.expected,
        "message": {"headline": headline, "body": body.strip("\n")},
        "fileChanges": {
            "additions": [
                {"path": path, "contents": base64.b64encode(data).decode()} for path, data in draft.additions.items()
            ],
            "deletions": [{"path": path} for path in draft.deletions],
        },
    }


def _reply(answer: ApiResponse | Lost) -> MutationReplyPart | Lost:
    """What the reply says; an error without a type is GitHub's own time-out, which says nothing about the commit."""
    if isinstance(answer, Lost):
        return answer
    reply = payloads.read(MutationReplyPart, answer.data)
    if reply.oid is None and not any(error.type for error in reply.errors):
        return Lost(f"GitHub did not say what became of a commit: {answer.message or 'an empty reply'}")
    return reply
