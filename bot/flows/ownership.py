"""Whose branch it is: one that ends in a commit of this bot, or one that somebody took over with a commit of their own."""

from __future__ import annotations

from typing import Final

from bot.errors import Refused
from bot.flows.context import RunContext
from bot.model.ledger import EntryKind, LedgerView
from bot.model.proposal import branch_of
from bot.ports import Signature
from bot.safety.trailers import intents_in

WEB_FLOW: Final = Signature("GitHub", "noreply@github.com")
"""The committer of commits that GitHub makes for us: its account ``web-flow``, whose key (github.com/web-flow.gpg)
signs them (GitHub Docs, "About commit signature verification").
"""


def is_taken_over(task: str, view: LedgerView, run: RunContext) -> bool:
    """Whether the branch of the task's pull request exists and ends in a commit that this bot did not push.

    A branch without a commit of its own, such as one that was just made for a commit to come, is nobody's.
    """
    tip, base = run.repository.head(branch_of(task, run.prefix)), run.repository.head(run.branch)
    if tip is None or pushed_by_us(tip, view, run):
        return False
    return base is None or not run.repository.is_ancestor(tip, base)


def own_tip(branch: str, run: RunContext) -> str | None:
    """What a branch of ours that no task has is at; None where there is none. ``Refused`` where somebody else committed to it.

    What the branch to keep has already is nobody's work, and a commit of ours may be one that no run lived to record.
    """
    tip, base = run.repository.head(branch), run.repository.head(run.branch)
    if tip is None or (base is not None and run.repository.is_ancestor(tip, base)):
        return tip
    newest = run.repository.log(tip, limit=1)
    is_ours = any(commit.author == run.author and commit.committer in {run.author, WEB_FLOW} for commit in newest)
    if not is_ours and not pushed_by_us(tip, run.ledger.read(), run):
        raise Refused(
            f"somebody else committed to {branch}", advice="Merge or close its pull request and delete the branch."
        )
    return tip


def pushed_by_us(tip: str, view: LedgerView, run: RunContext) -> bool:
    """Whether this bot pushed ``tip``: the ledger records it, or no run lived to record it and the commit names its
    intent.

    Somebody who amends or rebases our commit keeps its message, but neither its id nor its committer: Git sets the
    committer anew whenever it writes a commit object (git-commit(1), "--amend").
    """
    if any(entry.detail.get("head") == tip for entry in view.entries):
        return True
    recorded = {entry.intent for entry in view.entries if "head" in entry.detail}
    unrecorded = {entry.id for entry in view.entries if entry.kind is EntryKind.INTENT} - recorded
    return any(
        commit.committer in {run.author, WEB_FLOW} and intents_in(commit.message) & unrecorded
        for commit in run.repository.log(tip, limit=1)
    )
