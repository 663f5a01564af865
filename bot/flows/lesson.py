"""Proposes a learned guardrail: one pull request for a category, once. Called by the workers through wiring.

It obeys what every writer obeys: nothing while halted, the note in the ledger before the work, no branch that somebody
else took over. One that was closed without merging was refused, and is not proposed again.
"""

from __future__ import annotations

from typing import Final

from bot.errors import Invalid
from bot.flows.commands import record_order
from bot.flows.context import RunContext
from bot.flows.memory import check_running
from bot.flows.ownership import own_tip
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
    if _is_proposed(lesson, host):
        return None
    check_running(run.ledger, run.limits, run.clock.now())
    commit, tip = _commit(lesson, run), own_tip(branch_for(lesson.category), run)
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


def _is_proposed(lesson: Lesson, host: CodeHost) -> bool:
    """Whether one about this category is open, or was closed, merged or not."""
    key = slug(lesson.category)
    items = (*host.pulls(), *host.closed())
    return any((item.marker.kind, item.marker.key) == (KIND, key) for item in items if item.marker is not None)


def _commit(lesson: Lesson, run: RunContext) -> str:
    run.repository.fetch()
    message = compose(
        f"Add the learned guardrail {slug(lesson.category)}",
        body=f"{lesson.occasion.today} failures in 24 hours, usually {lesson.occasion.usual:g}.",
    )
    return run.repository.commit(
        run.head(), {lesson.path: lesson.document}, message=message, at=run.clock.now(), author=run.author
    )
