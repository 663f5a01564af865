"""Carries proposals to the code host, a few at a time: their intents and branches go in one push, where the remote takes
both or nothing, and else in two; then each pull request and issue by itself, then their outcomes in one push. Called by
:mod:`bot.flows.remedy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar, assert_never

from bot.errors import BotError, Closed, Refused, Stale, Unavailable
from bot.flows.context import RunContext
from bot.flows.identity import details
from bot.flows.intention import Intention, action_of
from bot.flows.intents import Ending, Progress, StartedBatch, StartedIntent, begin, check_in_time, finish_each
from bot.flows.kept import with_notes, with_readers_edits
from bot.flows.messages import (
    ItemText,
    answer,
    commit_message,
    issue_changed,
    issue_text,
    proposed,
    pull_request_text,
)
from bot.flows.ownership import is_taken_over
from bot.flows.people import give
from bot.model.codehost import HostFacts, Issue, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import LedgerView, Result
from bot.model.proposal import Effect, TakenAction, branch_of
from bot.ports import BranchMove, CodeHost
from bot.safety.history import ADVICE, CLOSED, UNTIL, history_of

_T = TypeVar("_T")

BATCH: Final = 10
"""Proposals that are begun together: a person's halt is heard after so many, and a killed run leaves no more in doubt."""

SAFE: Final = "clockwork/safe"
"""The label of a pull request that would be a commit, were the branch to take commits."""


@dataclass(slots=True)
class Barriers:
    """What keeps the proposals that are left from being made in this run: a closed lane, or a host that does not answer."""

    closed: dict[Lane, Closed] = field(default_factory=dict)
    unreachable: Unavailable | None = None

    def before(self, intention: Intention) -> Closed | Unavailable | None:
        """The barrier that this proposal stands before."""
        return self.unreachable or self.closed.get(intention.proposal.lane)

    def note(self, lane: Lane, error: Closed | Unavailable) -> None:
        """The next proposals of the lane, or all, meet it too."""
        if isinstance(error, Closed):
            self.closed[lane] = error
        else:
            self.unreachable = error


@dataclass(frozen=True, slots=True)
class ProposalDesk:
    """Where proposals are made: the host, what it said of the repository, what is open there, and the ledger with the
    intents. None is what could not be asked.
    """

    host: CodeHost
    facts: HostFacts | None
    pulls: Sequence[PullRequest] | None
    issues: Sequence[Issue] | None
    view: LedgerView
    run: RunContext
    head: str


@dataclass(frozen=True, slots=True)
class ProposalResult:
    """What became of a started proposal: its line of the report and its entry in the ledger."""

    started: StartedIntent
    action: TakenAction
    ending: Ending


def propose(
    intentions: Sequence[Intention], progress: Progress, run: RunContext
) -> tuple[list[tuple[Intention, TakenAction]], Progress]:
    """All of these pull requests and issues, opened or updated. Once the host cannot be reached the others are left to the
    next run, and so is what would go by a lane that the host closed meanwhile.
    """
    host, remaining, barriers = run.host, list(intentions), Barriers()
    if host is None:
        text = "No code host is configured."
        return [
            (intention, action_of(intention, effect=Effect.UNSUPPORTED, message=text)) for intention in remaining
        ], progress
    results: list[tuple[Intention, TakenAction]] = []
    while remaining:
        size = _size(remaining[0], progress)
        batch, remaining = remaining[:size], remaining[size:]
        free = [intention for intention in batch if barriers.before(intention) is None]
        results += [
            (intention, denied_action(intention, barrier, run, was_tried=False))
            for intention in batch
            if (barrier := barriers.before(intention))
        ]
        if free:
            batch_results, progress = _batch(free, progress, barriers, host, run)
            results += batch_results
    return results, progress


def _size(first: Intention, progress: Progress) -> int:
    """A lane that was closed when it was tried last is tried with one."""
    return 1 if first.proposal.lane in history_of(progress.view).closed else BATCH


def _batch(
    intentions: Sequence[Intention], progress: Progress, barriers: Barriers, host: CodeHost, run: RunContext
) -> tuple[list[tuple[Intention, TakenAction]], Progress]:
    moves: dict[str, BranchMove | BotError] = {}

    def branches(started: Sequence[StartedIntent], progress: Progress) -> Sequence[BranchMove]:
        moves.clear()
        moves.update({intent.entry.id: _branch(intent, progress, run) for intent in started if _is_pull(intent)})
        return [move for move in moves.values() if isinstance(move, BranchMove)]

    begun_batch = begin(intentions, progress, run, branches)
    started, dropped, progress = begun_batch.started, begun_batch.dropped, begun_batch.progress
    if not started:
        return [*dropped], progress
    heads = _pushed(moves, begun_batch, run)
    desk = _desk([intent.intention for intent in started], progress, host, run)
    results = [_result(intent, heads.get(intent.entry.id), barriers, desk) for intent in started]
    _take_back(results, moves, run)
    progress = finish_each([(result.started, result.ending) for result in results], progress, run)
    if any(result.ending.result is Result.SUCCEEDED for result in results):
        run.reached("outcome")
    return [*dropped, *((result.started.intention, result.action) for result in results)], progress


def _is_pull(intent: StartedIntent) -> bool:
    return intent.intention.proposal.lane is Lane.CONFIG_PULL_REQUEST


def _desk(intentions: Sequence[Intention], progress: Progress, host: CodeHost, run: RunContext) -> ProposalDesk:
    """What every proposal of a batch needs to know, asked once."""
    lanes = {intention.proposal.lane for intention in intentions if intention.effect is Effect.OPENED}
    pulls = _answered(host.pulls) if Lane.CONFIG_PULL_REQUEST in lanes else None
    issues = _answered(host.issues) if Lane.RUNBOOK_ISSUE in lanes else None
    return ProposalDesk(host, _answered(host.facts), pulls, issues, progress.view, run, progress.head)


def _answered(question: Callable[[], _T]) -> _T | None:
    with suppress(BotError):  # it was answered when the run began; a proposal that needs it asks again by itself
        return question()
    return None


def _branch(started: StartedIntent, progress: Progress, run: RunContext) -> BranchMove | BotError:
    """How the branch of a pull request has to move, or why it must not."""
    task, changes = started.intention.proposal.task, started.intention.changes
    if changes is None:
        return Refused(f"there is no change to propose for {task}")
    branch, message = branch_of(task, run.prefix), commit_message([started], run.texts)
    try:
        sha = run.repository.commit(progress.head, changes.files, message=message, at=progress.now, author=run.author)
        run.reached("branch-commit")
        if is_taken_over(task, progress.view, run):
            raise Stale(f"somebody else committed to {branch}")
    except BotError as exc:
        return exc
    return BranchMove(branch, sha, run.repository.head(branch))


def _pushed(
    moves: Mapping[str, BranchMove | BotError], begun_batch: StartedBatch, run: RunContext
) -> dict[str, str | BotError]:
    """By intent, where its branch is now, or why it is not there."""
    drafted = {intent: move for intent, move in moves.items() if isinstance(move, BranchMove)}
    heads = dict(zip(drafted, _sent(tuple(drafted.values()), begun_batch, run), strict=True))
    if any(isinstance(head, str) for head in heads.values()):
        run.reached("branch-push")
    return {intent: heads[intent] if isinstance(move, BranchMove) else move for intent, move in moves.items()}


def _sent(moves: Sequence[BranchMove], begun_batch: StartedBatch, run: RunContext) -> Sequence[str | BotError]:
    """Where the branches are, which moved with their intents or move now."""
    if begun_batch.moved or not moves:
        return [move.commit for move in moves]
    try:
        check_in_time(begun_batch.started[0], run)
    except Stale as exc:
        return [exc for _ in moves]
    return run.repository.push_all(moves)


def _result(
    started: StartedIntent, head: str | BotError | None, barriers: Barriers, desk: ProposalDesk
) -> ProposalResult:
    intention, lane, run = started.intention, started.intention.proposal.lane, desk.run
    if (barrier := barriers.before(intention)) is not None:
        return ProposalResult(
            started, denied_action(intention, barrier, run, was_tried=False), refused(barrier, lane, run)
        )
    try:
        item = _made_item(started, head, desk)
    except (Closed, Unavailable) as exc:
        barriers.note(lane, exc)
        return ProposalResult(started, denied_action(intention, exc, run), refused(exc, lane, run))
    except BotError as exc:
        result = Result.ABANDONED if isinstance(exc, Stale) else Result.FAILED
        action = action_of(intention, effect=Effect.FAILED, message=exc.message)
        return ProposalResult(started, action, Ending(result, exc.message))
    if intention.effect is Effect.OPENED:
        give(item, intention.proposal, desk.head, run)
    sha = head if isinstance(head, str) else None
    detail = details(item, desk.facts, kind=intention.kind, head=sha)
    ending = Ending(Result.SUCCEEDED, intention.effect.value, link=item.url, detail=detail)
    message = proposed(intention, item)
    return ProposalResult(
        started, action_of(intention, message=message, url=item.url, number=item.number, sha=sha), ending
    )


def _made_item(started: StartedIntent, head: str | BotError | None, desk: ProposalDesk) -> PullRequest | Issue:
    if isinstance(head, BotError):
        raise head
    check_in_time(started, desk.run)
    match started.intention.proposal.lane:
        case Lane.CONFIG_PULL_REQUEST:
            return _pull(started.intention, desk)
        case Lane.RUNBOOK_ISSUE:
            return _issue(started.intention, desk)
        case Lane.ARTIFACT_PATCH | Lane.RESTORE | Lane.NOTHING as lane:
            raise Refused(f"{lane} is nothing to propose on the code host")
        case _ as never:
            assert_never(never)


def _pull(intention: Intention, desk: ProposalDesk) -> PullRequest:
    host, run = desk.host, desk.run
    text = pull_request_text(intention, run.texts)
    if intention.effect is Effect.UPDATED and intention.number is not None:
        body = with_readers_edits(text.body, host.pull(intention.number).body)
        item = host.update_pull(intention.number, marker=intention.marker, title=text.title, body=body)
    else:
        item = host.open_pull(
            marker=intention.marker,
            title=text.title,
            body=with_notes(text.body, ""),
            head=branch_of(intention.proposal.task, run.prefix),
            base=run.branch,
            labels=(*run.labels, SAFE if intention.proposal.safe else "clockwork/config"),
            listed=desk.pulls,
            draft=intention.proposal.draft,
        )
    run.reached("pull")
    if intention.proposal.merges:
        _merge_when_green(item.number, intention, desk)
    return item


def _merge_when_green(number: int, intention: Intention, desk: ProposalDesk) -> None:
    """The pull request merges by itself, or one comment says why a person merges it, against what its text promises."""
    try:
        desk.host.merge_when_green(number)
    except BotError as exc:
        tag = Marker("automerge", intention.proposal.task, intention.proposal.digest)
        with suppress(BotError):
            text = f"A person merges this pull request: {exc.message}."
            desk.host.comment(number, marker=tag, body=answer(text, desk.run.texts))


def _issue(intention: Intention, desk: ProposalDesk) -> Issue:
    host, run = desk.host, desk.run
    text = issue_text(intention, run, desk.view, desk.head)
    if intention.effect is Effect.UPDATED and intention.number is not None:
        item = _rewritten(intention.number, text, intention, desk)
    else:
        labels = (*run.labels, f"clockwork/{intention.kind or 'runbook'}")
        body = with_notes(text.body, "")
        item = host.open_issue(marker=intention.marker, title=text.title, body=body, labels=labels, listed=desk.issues)
    run.reached("issue")
    return item


def _rewritten(number: int, text: ItemText, intention: Intention, desk: ProposalDesk) -> Issue:
    """The issue with its new text, in which people's ticks and notes stay; one comment says what it says now."""
    before = desk.host.item(number)
    body = with_readers_edits(text.body, "" if before is None else before.body)
    item = desk.host.update_issue(number, marker=intention.marker, title=text.title, body=body)
    change_note = issue_changed("" if before is None else before.title, text, intention.proposal, desk.run)
    desk.host.comment(
        number, marker=Marker("changed", intention.proposal.task, intention.proposal.digest), body=change_note
    )
    return item


def _take_back(results: Sequence[ProposalResult], moves: dict[str, BranchMove | BotError], run: RunContext) -> None:
    """New branches of pull requests that the host lets nobody open are no use to anybody."""
    for result in results:
        move = moves.get(result.started.entry.id)
        if isinstance(move, BranchMove) and move.expected is None and CLOSED in result.ending.detail:
            with suppress(BotError):
                run.repository.delete_branch(move.branch, expected=move.commit)


def denied_action(
    intention: Intention, error: Closed | Unavailable, run: RunContext, *, was_tried: bool = True
) -> TakenAction:
    """The line of the report for what the host closed to us, wants to be asked later, or could not be asked."""
    if isinstance(error, Closed):
        return action_of(intention, effect=Effect.WAITING, message=error.message)
    message = error.message if was_tried else f"Not tried: {error.message}"
    if error.retry_after is None:
        return action_of(intention, effect=Effect.FAILED, message=message)
    until = run.clock.now() + timedelta(seconds=error.retry_after)
    return action_of(intention, effect=Effect.DENIED, message=message, limit="host-limit", next_eligible=until)


def refused(error: Closed | Unavailable, lane: Lane, run: RunContext) -> Ending:
    """How an intent ends that the host turned down, or could not be asked about: no failure of what was to be written.

    The ledger remembers what is closed, and until when the host wants to be left alone.
    """
    if isinstance(error, Closed):
        detail = {CLOSED: lane.value, ADVICE: error.advice or ""}
        return Ending(Result.ABANDONED, error.message, detail={key: text for key, text in detail.items() if text})
    until = None if error.retry_after is None else run.clock.now() + timedelta(seconds=error.retry_after)
    return Ending(Result.ABANDONED, error.message, detail={} if until is None else {UNTIL: until.isoformat()})
