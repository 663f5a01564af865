"""Carries out a plan, each intention in its lane: intent first, then commit, pull request or issue, then the outcome.

Called by :mod:`bot.flows.reconcile`. What the ledger is told about it is in :mod:`bot.flows.intents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from bot.errors import BotError, Closed, Refused, Stale, Unavailable
from bot.flows.context import RunContext
from bot.flows.identity import details
from bot.flows.intention import Intention, action_of
from bot.flows.intents import Ending, Progress, StartedIntent, begin, check_in_time, finish
from bot.flows.messages import commit_message, committed, handed_over, issue_text, proposed, pull_request_text
from bot.flows.ownership import taken_over
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import LedgerView, Result
from bot.model.proposal import Action, Effect, branch_of
from bot.ports import CodeHost
from bot.safety.history import ADVICE, CLOSED, TOGETHER, UNTIL

SAFE: Final = "clockwork/safe"
"""The label of a pull request that would be a commit, were the branch to take commits."""


def carry_out(
    intentions: Sequence[Intention], head: str, view: LedgerView, run: RunContext, *, now: datetime
) -> tuple[Action, ...]:
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
    done, progress = _each(urgent, progress, run)
    if patches:
        committed, progress = _commit(patches, progress, run)
        done += committed
    done += _each(later, progress, run)[0]
    actions = {id(intention): action for intention, action in done}
    return tuple(actions[id(intention)] for intention in intentions)


def _each(
    intentions: Sequence[Intention], progress: Progress, run: RunContext
) -> tuple[list[tuple[Intention, Action]], Progress]:
    """Everything but patches, one by one. After a failure to reach the host the others are left to the next run, and so is
    what would go by a lane that the host closed meanwhile.
    """
    done: list[tuple[Intention, Action]] = []
    unreachable: Unavailable | None = None
    closed: dict[Lane, str] = {}
    for intention in intentions:
        lane = intention.proposal.lane
        if intention.effect in {Effect.OPENED, Effect.UPDATED}:
            if unreachable is not None:
                action = _turned_down(intention, unreachable, run)
                action = replace(action, message=f"Not tried: {action.message}")
            elif lane in closed:
                action = action_of(intention, effect=Effect.WAITING, message=closed[lane])
            else:
                action, progress, unreachable = _propose(intention, progress, run)
                if action.effect is Effect.WAITING:
                    closed[lane] = action.message
        elif intention.effect is Effect.HANDED_OVER:
            action = _hand_over(intention, run)
        else:
            action = action_of(intention)
        done.append((intention, action))
    return done, progress


def _commit(
    patches: Sequence[Intention], progress: Progress, run: RunContext
) -> tuple[list[tuple[Intention, Action]], Progress]:
    """One commit for all artifact patches of a run, pushed expecting the head that the plan was made from."""
    started, done, progress = begin(patches, progress, run)
    if started and len(started) < len(patches):
        finish(started, progress, run, Ending(Result.ABANDONED, "another run changed what this commit was made from"))
        raise Stale("another run began one of these patches")
    if not started:
        return done, progress
    try:
        sha = _push_commit(started, progress, run)
    except Stale as exc:
        finish(started, progress, run, Ending(Result.ABANDONED, f"the branch moved: {exc.message}"))
        raise
    except (Closed, Unavailable) as exc:
        progress = finish(started, progress, run, refused(exc, Lane.ARTIFACT_PATCH, run))
        return [*done, *((i.intention, _turned_down(i.intention, exc, run)) for i in started)], progress
    except BotError as exc:
        together = {TOGETHER: started[0].entry.id}
        progress = finish(started, progress, run, Ending(Result.FAILED, exc.message, detail=together))
        failed = [(i.intention, action_of(i.intention, effect=Effect.FAILED, message=exc.message)) for i in started]
        return [*done, *failed], progress
    url = run.commit_url(sha)
    ending = Ending(Result.SUCCEEDED, "committed", link=url or sha, detail={"head": sha})
    progress = finish(started, progress, run, ending)
    run.reached("outcome")
    return [*done, *((intent.intention, _committed(intent.intention, sha, url)) for intent in started)], progress


def _committed(intention: Intention, sha: str, url: str | None) -> Action:
    files = () if intention.changes is None else intention.changes.files
    return action_of(intention, message=committed(intention.proposal, files), sha=sha, url=url)


def _push_commit(started: Sequence[StartedIntent], progress: Progress, run: RunContext) -> str:
    files: dict[str, bytes | None] = {}
    for intent in started:
        if intent.intention.changes is not None:
            files.update(intent.intention.changes.files)
    message = commit_message(started, run.texts)
    sha = run.repository.commit(progress.head, files, message=message, at=progress.now, author=run.author)
    run.reached("commit")
    for intent in started:
        check_in_time(intent, run)
    sha = run.repository.push(run.branch, sha, expected=progress.head)
    run.reached("push")
    return sha


def _turned_down(intention: Intention, error: Closed | Unavailable, run: RunContext) -> Action:
    """The line of the report for what the host closed to us, wants to be asked later, or could not be asked."""
    if isinstance(error, Closed):
        return action_of(intention, effect=Effect.WAITING, message=error.message)
    if error.retry_after is None:
        return action_of(intention, effect=Effect.FAILED, message=error.message)
    until = run.clock.now() + timedelta(seconds=error.retry_after)
    return action_of(intention, effect=Effect.DENIED, message=error.message, limit="host-limit", next_eligible=until)


def _propose(intention: Intention, progress: Progress, run: RunContext) -> tuple[Action, Progress, Unavailable | None]:
    """One pull request or issue, opened or updated; and how the host could not be reached, if it could not."""
    host = run.host
    if host is None:
        return action_of(intention, effect=Effect.UNSUPPORTED, message="No code host is configured."), progress, None
    started, dropped, progress = begin([intention], progress, run)
    if not started:
        return dropped[0][1], progress, None
    item: PullRequest | Issue
    sha: str | None
    try:
        match intention.proposal.lane:
            case Lane.CONFIG_PULL_REQUEST:
                item, sha = _pull(started[0], progress, host, run)
            case Lane.RUNBOOK_ISSUE:
                item, sha = _issue(started[0], progress, host, run), None
            case Lane.ARTIFACT_PATCH | Lane.NOTHING as lane:
                raise Refused(f"{lane} is nothing to propose on the code host")
            case _ as never:
                assert_never(never)
    except (Closed, Unavailable) as exc:
        progress = finish(started, progress, run, refused(exc, intention.proposal.lane, run))
        return _turned_down(intention, exc, run), progress, exc if isinstance(exc, Unavailable) else None
    except BotError as exc:
        result = Result.ABANDONED if isinstance(exc, Stale) else Result.FAILED
        progress = finish(started, progress, run, Ending(result, exc.message))
        return action_of(intention, effect=Effect.FAILED, message=exc.message), progress, None
    detail = details(item, host.facts(), kind=intention.kind, head=sha)
    ending = Ending(Result.SUCCEEDED, intention.effect.value, link=item.url, detail=detail)
    progress = finish(started, progress, run, ending)
    run.reached("outcome")
    message = proposed(intention, item)
    return action_of(intention, message=message, url=item.url, number=item.number, sha=sha), progress, None


def _pull(started: StartedIntent, progress: Progress, host: CodeHost, run: RunContext) -> tuple[PullRequest, str]:
    intention, task, changes = started.intention, started.intention.proposal.task, started.intention.changes
    if changes is None:
        raise Refused(f"there is no change to propose for {task}")
    branch, message = branch_of(task, run.prefix), commit_message([started], run.texts)
    sha = run.repository.commit(progress.head, changes.files, message=message, at=progress.now, author=run.author)
    run.reached("branch-commit")
    if taken_over(task, progress.view, run):
        raise Stale(f"somebody else committed to {branch}")
    check_in_time(started, run)
    sha = run.repository.push(branch, sha, expected=run.repository.head(branch))
    run.reached("branch-push")
    text = pull_request_text(intention, run.texts)
    if intention.effect is Effect.UPDATED and intention.number is not None:
        item = host.update_pull(intention.number, marker=intention.marker, title=text.title, body=text.body)
    else:
        item = host.open_pull(
            marker=intention.marker,
            title=text.title,
            body=text.body,
            head=branch,
            base=run.branch,
            labels=(*run.labels, SAFE if intention.proposal.safe else "clockwork/config"),
        )
    run.reached("pull")
    if intention.proposal.merges:
        with suppress(BotError):  # a person merges it then
            host.merge_when_green(item.number)
    return item, sha


def refused(error: Closed | Unavailable, lane: Lane, run: RunContext) -> Ending:
    """How an intent ends that the host turned down, or could not be asked about: no failure of what was to be written.

    The ledger remembers what is closed, and until when the host wants to be left alone.
    """
    if isinstance(error, Closed):
        detail = {CLOSED: lane.value, ADVICE: error.advice or ""}
        return Ending(Result.ABANDONED, error.message, detail={key: text for key, text in detail.items() if text})
    until = None if error.retry_after is None else run.clock.now() + timedelta(seconds=error.retry_after)
    return Ending(Result.ABANDONED, error.message, detail={} if until is None else {UNTIL: until.isoformat()})


def _issue(started: StartedIntent, progress: Progress, host: CodeHost, run: RunContext) -> Issue:
    intention = started.intention
    text = issue_text(intention, run, progress.view)
    check_in_time(started, run)
    if intention.effect is Effect.UPDATED and intention.number is not None:
        item = host.update_issue(intention.number, marker=intention.marker, title=text.title, body=text.body)
    else:
        labels = (*run.labels, f"clockwork/{intention.kind or 'runbook'}")
        item = host.open_issue(marker=intention.marker, title=text.title, body=text.body, labels=labels)
    run.reached("issue")
    return item


def _hand_over(intention: Intention, run: RunContext) -> Action:
    """Say once, on the pull request, that it belongs to whoever continued it."""
    if run.host is None or intention.number is None:
        return action_of(intention)
    marker = replace(intention.marker, kind="handed-over")
    try:
        run.host.comment(intention.number, marker=marker, body=handed_over(intention.proposal, run.texts))
    except BotError as exc:
        return action_of(intention, effect=Effect.FAILED, message=exc.message)
    run.reached("handed-over")
    return action_of(intention)
