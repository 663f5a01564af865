"""Proposes a learned guardrail: one pull request for a category, once. Called by the workers through wiring.

It obeys what every writer obeys: nothing while halted, the note in the ledger before the work, no branch that somebody
else took over. One that was closed without merging was refused, and is not proposed again.
"""

from __future__ import annotations

from typing import Final

from bot.errors import Invalid, Refused
from bot.flows.commands import record_order
from bot.flows.context import RunContext
from bot.flows.memory import stopped
from bot.flows.ownership import WEB_FLOW
from bot.guardrails.learning import Lesson
from bot.guardrails.lesson_document import slug
from bot.model.codehost import Marker
from bot.model.ledger import EntryKind
from bot.ports import CodeHost
from bot.safety.trailers import compose

KIND: Final = "learned-guardrail"
"""The kind of the marker of such a pull request."""


def branch_for(category: str) -> str:
    """Where the guardrail of a category is proposed from."""
    return f"clockwork/learned-{slug(category)}"


def propose_lesson(lesson: Lesson, run: RunContext) -> str | None:
    """The address of the pull request that was opened; None where there is or was one about this category.

    Raises ``Invalid`` without a code host, ``Refused`` while everything is halted or the branch is somebody else's.
    """
    host = run.host
    if host is None:
        raise Invalid("there is no code host to open a pull request on")
    if _known(lesson, host):
        return None
    if (reason := stopped(run.ledger.read(), run.limits, run.clock.now())) is not None:
        raise Refused(f"nothing is written: {reason}", advice="`clockwork resume -m why` lifts it.")
    commit, tip = _commit(lesson, run), run.repository.head(branch_for(lesson.category))
    _check_ours(tip, lesson, run)
    trial = lesson.trial
    reason = (
        f"proposed a learned guardrail for {slug(lesson.category)}: {trial.caught} of {trial.failed} would be caught"
    )
    record_order(run, EntryKind.NOTE, reason=reason, detail={"head": commit})
    run.repository.push(branch_for(lesson.category), commit, expected=tip)
    pull = host.open_pull(
        marker=Marker(KIND, slug(lesson.category), commit[:16]),
        title=f"Learned guardrail: {slug(lesson.category)}",
        body=run.texts.render("learned_guardrail.md", lesson=lesson),
        head=branch_for(lesson.category),
        base=run.branch,
        labels=run.labels,
    )
    return pull.url


def _known(lesson: Lesson, host: CodeHost) -> bool:
    """Whether one about this category is open, or was closed, merged or not."""
    key = slug(lesson.category)
    items = (*host.pulls(), *host.closed())
    return any((item.marker.kind, item.marker.key) == (KIND, key) for item in items if item.marker is not None)


def _commit(lesson: Lesson, run: RunContext) -> str:
    run.repository.fetch()
    head = run.repository.head(run.branch)
    if head is None:
        raise Invalid(f"the repository has no branch {run.branch}", advice="Push a first commit.")
    message = compose(
        f"Add the learned guardrail {slug(lesson.category)}",
        body=f"{lesson.occasion.today} failures in 24 hours, usually {lesson.occasion.usual:g}.",
    )
    return run.repository.commit(
        head, {lesson.path: lesson.document}, message=message, at=run.clock.now(), author=run.author
    )


def _check_ours(tip: str | None, lesson: Lesson, run: RunContext) -> None:
    """A branch without a pull request is one that a run left behind; anything else on it is somebody's work."""
    if tip is None:
        return
    newest = run.repository.log(tip, limit=1)
    if not any(commit.author == run.author and commit.committer in {run.author, WEB_FLOW} for commit in newest):
        raise Refused(f"somebody else committed to {branch_for(lesson.category)}", advice="Delete the branch.")
