"""Opens the one pull request for an approved output of an AI tool: intent first, then branch and pull request, then outcome.

It draws on the same budgets as every other proposal and stops where they stop. It is known by a marker of its own kind, so
that no tick takes it for a drift's and closes it; :mod:`bot.flows.recover` closes an intent that a crash left open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import BotError, Refused, Stale
from bot.escape import line
from bot.flows.context import RunContext
from bot.flows.identity import details, open_item
from bot.flows.intents import TRIES, Ending, outcome, record
from bot.flows.memory import Memory, remember, stopped
from bot.flows.ownership import is_taken_over
from bot.flows.recover import ledger_loss, recover
from bot.model.codehost import ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.filetree import content_id
from bot.model.guarded import AIRequest, AIResult
from bot.model.ledger import Entry, EntryKind, LedgerView, Result
from bot.model.proposal import Effect, TakenAction, branch_of, key_of
from bot.model.severity import Severity
from bot.ports import CodeHost
from bot.safety.limits import Denied, Request, permit
from bot.safety.spans import span
from bot.safety.state import state
from bot.safety.trailers import INTENT, compose
from bot.secrecy.redaction import redact

KIND: Final = "ai-proposal"
"""The kind of the marker. No lane has it."""
LABEL: Final = "clockwork/ai-proposed"
_LANE: Final = Lane.CONFIG_PULL_REQUEST


@dataclass(frozen=True, slots=True)
class AIProposal:
    """An approved output to be proposed. ``task`` is what it is about: a task of the repository, or the prompt itself."""

    task: str
    title: str
    request: AIRequest
    result: AIResult
    notes: tuple[str, ...] = ()
    about_task: bool = False

    @property
    def files(self) -> Mapping[str, bytes | None]:
        """What would be committed; None deletes."""
        return self.result.parsed.files

    @property
    def digest(self) -> str:
        """16 hex digits: another content is another proposal."""
        facts = (f"{path}\0{'' if data is None else content_id(data)}" for path, data in sorted(self.files.items()))
        return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """As of any other proposal: lane and task, then what it would write."""
        return f"{key_of(_LANE, self.task)}-{self.digest}"

    @property
    def marker(self) -> Marker:
        """What ties the pull request to this proposal."""
        return Marker(KIND, self.task, self.digest)

    @property
    def branch_path(self) -> str:
        """What its branch is named after: never the branch of a drift's own pull request."""
        return f"ai/{self.task}"


def task_of(request: AIRequest) -> str:
    """What a prompt's own pull request is about: the same prompt to the same tool has the same one."""
    facts = "\0".join((request.tool, request.agent or "", request.prompt.strip()))
    return f"prompt/{hashlib.sha256(facts.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def title_of(request: AIRequest) -> str:
    """The first line of the prompt, and who answered it."""
    first = line(redact(request.prompt.strip().splitlines()[0]), 80)
    return f"AI-proposed ({request.tool}): {first}"


def check(task: str, run: RunContext) -> None:
    """Raise the ``Refused`` that proposing something about ``task`` would meet now, before a tool is asked and paid."""
    _host(run)
    view, now = run.ledger.read(), run.clock.now()
    if (reason := stopped(view, run.limits, now)) is not None:
        raise Refused(f"nothing is proposed: {reason}")
    answer = permit(view, Request(task, _LANE, Severity.MEDIUM), run.limits, now)
    if isinstance(answer, Denied):
        raise Refused(f"nothing is proposed: {answer.message}")


def _host(run: RunContext) -> CodeHost:
    if run.host is None:
        raise Refused(
            "there is no code host to open a pull request on", advice="Name one in clockwork.yaml (github.api_url)."
        )
    return run.host


def propose(proposal: AIProposal, run: RunContext) -> TakenAction:
    """What became of the proposal: opened, updated, unchanged, denied, rejected, in progress, handed over.

    Raises ``Refused`` while everything is halted, for an output that is not approved or changes nothing, and without a code
    host; else whatever the host or the repository raised, with the outcome in the ledger.
    """
    host = _host(run)
    if not proposal.result.approved:
        raise Refused("a blocked output is never proposed")
    if not proposal.files:
        raise Refused("the output changes no file, so there is nothing to propose")
    head = proposal.result.change.base
    run.repository.check_writable(head, proposal.files)
    memory = _recovered(head, run)
    answer = _standing(proposal, memory, run)
    if answer is not None:
        return answer
    entry, view = _begin(proposal, memory, run)
    if isinstance(entry, TakenAction):
        return entry
    try:
        pull, sha, effect = _carry_out(proposal, entry, run, view=view, pulls=memory.pulls or (), host=host)
    except BotError as exc:
        ended = Result.ABANDONED if isinstance(exc, Stale) else Result.FAILED
        _finish(entry, view, run, Ending(ended, exc.message))
        raise
    proposal_details = details(pull, memory.facts, kind=KIND, head=sha)
    _finish(entry, view, run, Ending(Result.SUCCEEDED, effect.value, pull.url, proposal_details))
    run.reached("outcome")
    text = f'PR #{pull.number} "{proposal.title}"'
    return _action(proposal, effect, text, url=pull.url, number=pull.number, sha=sha)


def _recovered(head: str, run: RunContext) -> Memory:
    """What is remembered, after what a crash left open was closed. ``Refused`` while nothing may be written."""
    memory = remember(run)
    for _ in range(2):
        now = run.clock.now()
        reason = ledger_loss(memory.view, head, run, now=now) or stopped(memory.view, run.limits, now)
        if reason is not None:
            raise Refused(f"nothing is proposed: {reason}")
        if not recover(memory, head, run, now=now):
            break
        memory = remember(run)
    return memory


def _standing(proposal: AIProposal, memory: Memory, run: RunContext) -> TakenAction | None:
    """The answer where the pull request says it already, somebody closed it, or somebody else goes on with it."""
    closed = (item for item in memory.closed(proposal.marker, proposal.fingerprint) if isinstance(item, PullRequest))
    for pull in (*(memory.pulls or ()), *closed):
        if pull.marker != proposal.marker:
            continue
        if pull.state is ItemState.OPEN:
            return _action(proposal, Effect.UNCHANGED, f"PR #{pull.number} is open.", url=pull.url, number=pull.number)
        if pull.state is ItemState.CLOSED and not pull.closed_by_us:
            text = f"PR #{pull.number} was closed, which rejects exactly this change."
            return _action(proposal, Effect.REJECTED, text, url=pull.url, number=pull.number)
    if is_taken_over(proposal.branch_path, memory.view, run):
        text = f"Somebody else committed to {branch_of(proposal.branch_path)}, so Clockwork leaves it to them."
        return _action(proposal, Effect.HANDED_OVER, text)
    return None


def _begin(proposal: AIProposal, memory: Memory, run: RunContext) -> tuple[Entry | TakenAction, LedgerView]:
    """The intent, in the ledger; or why there is none. Whoever loses the race asks the limits again."""
    view = memory.view
    for _ in range(TRIES):
        now = run.clock.now()
        running = next(
            (e for e in state(view, now, run.limits).open if (e.lane, e.task) == (_LANE, proposal.task)), None
        )
        if running is not None and abs(now - running.at) < span(run.limits.in_progress):
            text = f"Another run began this at {running.at:%H:%M:%S UTC}."
            return _action(proposal, Effect.IN_PROGRESS, text), view
        limit_request = Request(proposal.task, _LANE, Severity.MEDIUM, (), proposal.fingerprint)
        answer = permit(view, limit_request, run.limits, now)
        if isinstance(answer, Denied):
            denied = _action(proposal, Effect.DENIED, answer.message)
            return replace(denied, limit=answer.limit, next_eligible=answer.next_eligible), view
        entry = Entry(
            id=run.new_id(),
            kind=EntryKind.INTENT,
            at=now,
            actor=run.actor,
            task=proposal.task,
            lane=_LANE,
            fingerprint=proposal.fingerprint,
            severity=Severity.MEDIUM.value,
            reason=f'Open PR "{proposal.title}".',
            link=run.run_link,
            detail={"session": proposal.result.session_id},
        )
        try:
            view = run.ledger.append(view, [entry])
        except Stale:
            view = run.ledger.read()
            continue
        run.reached("intent")
        return entry, view
    raise Stale("the ledger moved every time; another run is very busy", advice="Run it again.")


def _carry_out(
    proposal: AIProposal,
    entry: Entry,
    run: RunContext,
    *,
    view: LedgerView,
    pulls: Sequence[PullRequest],
    host: CodeHost,
) -> tuple[PullRequest, str, Effect]:
    branch, base = branch_of(proposal.branch_path), proposal.result.change.base
    message = _message(proposal, entry)
    sha = run.repository.commit(base, proposal.files, message=message, at=entry.at, author=run.author)
    run.reached("branch-commit")
    if is_taken_over(proposal.branch_path, view, run):
        raise Stale(f"somebody else committed to {branch}")
    sha = run.repository.push(branch, sha, expected=run.repository.head(branch))
    run.reached("branch-push")
    body = _body(proposal, run)
    open_pull = open_item(proposal.marker.about, pulls)
    if open_pull is not None:
        pull = host.update_pull(open_pull.number, marker=proposal.marker, title=proposal.title, body=body)
        effect = Effect.UPDATED
    else:
        pull = host.open_pull(
            marker=proposal.marker,
            title=proposal.title,
            body=body,
            head=branch,
            base=run.branch,
            labels=(*run.labels, LABEL),
        )
        effect = Effect.OPENED
    run.reached("pull")
    return pull, sha, effect


def _message(proposal: AIProposal, entry: Entry) -> str:
    body = f"Written by an AI tool behind a wall and judged by the guardrails in {proposal.request.mode.value} mode."
    trailers: Sequence[tuple[str, str]] = (
        (INTENT, entry.id),
        ("Assisted-by", proposal.result.reply.assistant),
        ("Session", proposal.result.session_id),
    )
    return compose(proposal.title, body=body, trailers=trailers)


def _body(proposal: AIProposal, run: RunContext) -> str:
    request, result = proposal.request, proposal.result
    return run.texts.render(
        "ai_pull_request.md",
        tool=result.reply.assistant,
        agent=result.change.agent or "",
        mode=request.mode.value,
        base=result.change.base,
        session=result.session_id,
        task=proposal.task if proposal.about_task else "",
        prompt=redact(request.prompt),
        summary=result.parsed.summary,
        findings=result.findings,
        notes=proposal.notes,
    )


def _finish(entry: Entry, view: LedgerView, run: RunContext, ending: Ending) -> None:
    record(run.ledger, view, [outcome(entry, run, ending, at=run.clock.now())])


def _action(proposal: AIProposal, effect: Effect, message: str, **links: object) -> TakenAction:
    action = TakenAction(effect, _LANE, proposal.task, message, Severity.MEDIUM, proposal.fingerprint)
    return replace(action, **links)  # type: ignore[arg-type]
