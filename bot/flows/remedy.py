"""Carries out a plan, each intention in its lane: intent first, then commit, pull request or issue, then the outcome.

Called by :mod:`bot.flows.reconcile`. What the ledger is told about it is in :mod:`bot.flows.intents`; pull requests and
issues are in :mod:`bot.flows.proposing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.errors import BotError, Closed, Refused, Stale, Unavailable
from bot.flows.context import RunContext
from bot.flows.intention import Intention, action_of
from bot.flows.intents import Ending, Progress, StartedBatch, StartedIntent, begin, check_in_time, finish
from bot.flows.messages import commit_message, committed, handover_comment
from bot.flows.proposing import denied_action, propose, refused
from bot.flows.restoring import Restoring
from bot.model.decision import Lane
from bot.model.ledger import LedgerView, Result
from bot.model.proposal import Effect, TakenAction
from bot.ports import BranchMove
from bot.safety.history import TOGETHER


def carry_out(
    intentions: Sequence[Intention],
    head: str,
    view: LedgerView,
    run: RunContext,
    *,
    now: datetime,
    restoring: Restoring,
) -> tuple[TakenAction, ...]:
    """Do what the plan says and report what became of each intention, in the plan's order.

    What is worse than every patch is proposed before the patches, so that a branch that keeps moving delays nothing
    that matters more. ``view`` is the ledger the plan was made from. Raises ``Stale`` when the branch moved: nothing
    of the commit was written then, and the caller looks again.
    """
    progress = Progress(view, view, head, now)
    patches = [i for i in intentions if i.effect is Effect.COMMITTED]
    worst = max((i.proposal.severity.rank for i in patches), default=-1)
    urgent = [i for i in intentions if i not in patches and i.proposal.severity.rank > worst]
    later = [i for i in intentions if i not in patches and i not in urgent]
    results, progress = _each(urgent, progress, run)
    if patches:
        committed, progress = _commit(patches, progress, run)
        results += committed
    later_results, progress = _each(later, progress, run)
    restored = _restore([i for i in intentions if i.effect is Effect.RESTORED], progress, run, restoring)
    results += [*later_results, *restored]
    actions = {id(intention): action for intention, action in results}
    return tuple(actions[id(intention)] for intention in intentions)


def _each(
    intentions: Sequence[Intention], progress: Progress, run: RunContext
) -> tuple[list[tuple[Intention, TakenAction]], Progress]:
    """Everything but patches and what is restored."""
    writes = [intention for intention in intentions if _proposes(intention)]
    results, progress = propose(writes, progress, run)
    for intention in intentions:
        if not _proposes(intention) and intention.effect is not Effect.RESTORED:
            taken_over = intention.effect is Effect.HANDED_OVER
            results.append((intention, _hand_over(intention, run) if taken_over else action_of(intention)))
    return results, progress


def _proposes(intention: Intention) -> bool:
    return intention.effect in {Effect.OPENED, Effect.UPDATED}


def _restore(
    intentions: Sequence[Intention], progress: Progress, run: RunContext, restoring: Restoring
) -> list[tuple[Intention, TakenAction]]:
    """Put back what Git says, one proposal after the other, each with its outcome before the next."""
    begun_batch = begin(intentions, progress, run, lambda _started, _progress: ())
    results, progress = [*begun_batch.dropped], begun_batch.progress
    for started in begun_batch.started:
        ending, action = restoring.restore(started)
        progress = finish([started], progress, run, ending)
        run.reached("outcome")
        results.append((started.intention, action))
    return results


def _commit(
    patches: Sequence[Intention], progress: Progress, run: RunContext
) -> tuple[list[tuple[Intention, TakenAction]], Progress]:
    """One commit for all artifact patches of a run, pushed expecting the head that the plan was made from."""
    draft = PatchCommit(len(patches), run)
    begun_batch = begin(patches, progress, run, draft.moves)
    started, results, progress = begun_batch.started, [*begun_batch.dropped], begun_batch.progress
    if started and len(started) < len(patches):
        finish(started, progress, run, Ending(Result.ABANDONED, "another run changed what this commit was made from"))
        raise Stale("another run began one of these patches")
    if not started:
        return results, progress
    try:
        sha = _pushed(draft, begun_batch, run)
    except Stale as exc:
        finish(started, progress, run, Ending(Result.ABANDONED, f"the branch moved: {exc.message}"))
        raise
    except (Closed, Unavailable) as exc:
        progress = finish(started, progress, run, refused(exc, Lane.ARTIFACT_PATCH, run))
        return [*results, *((i.intention, denied_action(i.intention, exc, run)) for i in started)], progress
    except BotError as exc:
        together = {TOGETHER: started[0].entry.id}
        progress = finish(started, progress, run, Ending(Result.FAILED, exc.message, detail=together))
        failed = [(i.intention, action_of(i.intention, effect=Effect.FAILED, message=exc.message)) for i in started]
        return [*results, *failed], progress
    url = run.commit_url(sha)
    ending = Ending(Result.SUCCEEDED, "committed", link=url or sha, detail={"head": sha})
    progress = finish(started, progress, run, ending)
    run.reached("outcome")
    return [*results, *((intent.intention, _committed(intent.intention, sha, url)) for intent in started)], progress


def _committed(intention: Intention, sha: str, url: str | None) -> TakenAction:
    files = () if intention.changes is None else intention.changes.files
    return action_of(intention, message=committed(intention.proposal, files), sha=sha, url=url)


@dataclass(slots=True)
class PatchCommit:
    """The one commit of so many patches, made anew for whatever intents are about to be written."""

    patches: int
    run: RunContext
    move: BranchMove | BotError = field(default_factory=lambda: Refused("no commit was made"))
    """How the branch has to move, or why there is no commit."""

    def moves(self, started: Sequence[StartedIntent], progress: Progress) -> Sequence[BranchMove]:
        """As :data:`bot.flows.intents.Branches`: nothing where one of the patches is not begun."""
        if len(started) < self.patches:
            return ()
        try:
            sha = _patched(started, progress, self.run)
        except BotError as exc:
            self.move = exc
            return ()
        self.run.reached("commit")
        self.move = BranchMove(self.run.branch, sha, progress.head)
        return (self.move,)


def _patched(started: Sequence[StartedIntent], progress: Progress, run: RunContext) -> str:
    files: dict[str, bytes | None] = {}
    for intent in started:
        if intent.intention.changes is not None:
            files.update(intent.intention.changes.files)
    message = commit_message(started, run.texts)
    return run.repository.commit(progress.head, files, message=message, at=progress.now, author=run.author)


def _pushed(draft: PatchCommit, begun_batch: StartedBatch, run: RunContext) -> str:
    """The commit that the branch is at."""
    move = draft.move
    if isinstance(move, BotError):
        raise move
    if begun_batch.moved:
        sha = move.commit
    else:
        for intent in begun_batch.started:
            check_in_time(intent, run)
        sha = run.repository.push(move.branch, move.commit, expected=move.expected)
    run.reached("push")
    return sha


def _hand_over(intention: Intention, run: RunContext) -> TakenAction:
    """Say once, on the pull request, that it belongs to whoever continued it."""
    if run.host is None or intention.number is None:
        return action_of(intention)
    marker = replace(intention.marker, kind="handed-over")
    try:
        run.host.comment(intention.number, marker=marker, body=handover_comment(intention.proposal, run.texts))
    except Closed:  # where nobody of us may comment, it is theirs all the same
        return action_of(intention)
    except BotError as exc:
        return action_of(intention, effect=Effect.FAILED, message=exc.message)
    run.reached("handed-over")
    return action_of(intention)
