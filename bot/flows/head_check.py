"""Judges the head of a pull request, or of a merge queue, and publishes the check that shows it.

Called by the daemon and by ``clockwork guard``. A head is judged once for its base, rules and mode: whoever asks again gets
the check that stands there, and no assistant is asked for it a second time. A strict check that could not run to its end
is a failure, never an older success.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Final

from bot import __version__
from bot.errors import BotError, Closed, Refused
from bot.flows.rendered_diff import TargetDifference, differences, markdown
from bot.flows.rendered_diff import comment_body as rendered_body
from bot.flows.rendering import RenderChange
from bot.flows.review import change_between, describe, facts_of, review
from bot.flows.shared_head import Twin, shared
from bot.guardrails.authors import classify
from bot.guardrails.report import MAX_SUMMARY, check_of, comment_body, conclusion, fixed_body
from bot.guardrails.rulebook import RuleBook
from bot.model.codehost import Check, CheckState, Comment, Marker, PublishedCheck, PullRequest, QueuedHead
from bot.model.finding import Change, Mode, Verdict
from bot.model.session import Claims, ReviewRequest, ReviewResult
from bot.ports import Assistant, Clock, CodeHost, Repository, SessionStore

CHECK_NAME: Final = "clockwork/guardrails"
_FINDINGS: Final = "guardrails"
"""The kind of the marker of the comment that shows findings."""
_RENDERED: Final = "rendered"
"""The kind of the marker of the comment that shows rendered differences."""
_LEAST_ROOM: Final = 2_000
_VERDICTS: Final = {conclusion(answer): answer for answer in Verdict}


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """Where heads are judged, and by what: ``rules`` are those of the base (see :func:`bot.flows.review.rules_at`).

    ``required`` names the assistants that have to answer. ``render`` says what a change does to rendered objects, which the
    check shows; ``mask_key`` keys what hides secrets there, and the ids of checks. ``name`` is the check's, ``full_name``
    the repository's.
    """

    host: CodeHost
    repository: Repository
    rules: RuleBook
    mode: Mode
    clock: Clock
    assistants: Sequence[Assistant] = ()
    required: Collection[str] = ()
    store: SessionStore | None = None
    agents: Mapping[str, str] | None = None
    name: str = CHECK_NAME
    full_name: str = ""
    render: RenderChange | None = None
    mask_key: bytes = b""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A head's result with the check that shows it, and what changes by target.

    ``check`` is None where the token may only read. ``again`` tells that the verdict stood there already.
    """

    result: ReviewResult
    check: PublishedCheck | None
    state: CheckState
    change: Change
    rules: RuleBook
    rendered: tuple[TargetDifference, ...] = ()
    again: bool = False
    pull: PullRequest | None = None


@dataclass(frozen=True, slots=True)
class _Head:
    """A commit to be judged, and how its change is read."""

    sha: str
    identity: str
    session: str
    change: Callable[[], Change]
    reads_only: bool = False
    claims: Claims | None = None
    twins: Sequence[Twin] = ()


def review_pull(
    pull: PullRequest,
    context: ReviewContext,
    *,
    session_id: str,
    comment: bool = False,
    rendered_comment: bool = False,
    reads_only: bool = False,
    claims: Claims | None = None,
    twins: Sequence[Twin] = (),
) -> Reviewed:
    """Judge a pull request and publish the check on its head: in progress, remarks, conclusion last.

    The check stands for its ``twins`` too, so they are judged with it (:mod:`bot.flows.shared_head`).

    The comment with the findings is made where ``comment`` asks for it, and follows the verdict wherever there is one. With
    ``rendered_comment`` another one shows the rendered difference. Where ``reads_only`` is expected, a token that may not
    publish is no mistake. In strict mode everything that goes wrong between the first and the last step leaves a failed
    check, and the error is raised on.
    """

    def change() -> Change:
        return describe(change_between(context.repository, pull.base_sha, pull.head_sha), pull, agents=context.agents)

    identity = _identity(pull.head_sha, pull.base_sha, context, pull, twins)
    head = _Head(pull.head_sha, identity, session_id, change, reads_only, claims, twins)
    reviewed = replace(_reviewed(head, context), pull=pull)
    if reviewed.check is not None:
        with nullcontext() if comment else suppress(Refused):
            _follow(context.host, pull.number, reviewed, context.mode, identity, create=comment)
    if rendered_comment and reviewed.check is not None and not reviewed.again:
        _show_rendered(context.host, pull.number, reviewed.rendered, pull.head_sha)
    return reviewed


def review_queued(queued: QueuedHead, base: str, context: ReviewContext, *, session_id: str) -> Reviewed:
    """Judge what a merge queue would make of the commit ``base`` of its branch, and publish the check on it.

    It is judged as a whole, by the rules of the branch: pull requests that are fine alone need not be together.
    """
    pull = _queued_pull(queued, context.host)

    def change() -> Change:
        if isinstance(pull, BotError):
            raise pull
        between = change_between(context.repository, base, queued.sha)
        if pull is not None:
            return replace(describe(between, pull, agents=context.agents), branch=queued.ref)
        kind, agent = classify("", branch=queued.ref, messages=between.messages, known_kinds=context.agents)
        return replace(between, author_kind=kind, agent=agent, branch=queued.ref)

    identity = _identity(queued.sha, base, context, None if isinstance(pull, BotError) else pull)
    return _reviewed(_Head(queued.sha, identity, session_id, change), context)


def _queued_pull(queued: QueuedHead, host: CodeHost) -> PullRequest | BotError | None:
    """The pull request that a queue's commit was made for, or why it cannot be read, which the check has to show."""
    try:
        return None if queued.number is None else host.pull(queued.number)
    except BotError as error:
        return error


def _identity(
    head: str, base: str, context: ReviewContext, pull: PullRequest | None, twins: Sequence[Twin] = ()
) -> str:
    assistants = sorted((assistant.name, assistant.name in context.required) for assistant in context.assistants)
    about = () if pull is None else pull_facts(pull, context.agents, context.rules.required_labels)
    twin_identities = [[_twin_identity(twin)] for twin in twins]
    return external_id(
        head, base, context.rules.hash, context.mode, (*about, assistants, *twin_identities), key=context.mask_key
    )


def _twin_identity(twin: Twin) -> str:
    by = twin.context
    about = pull_facts(twin.pull, by.agents, by.rules.required_labels)
    return external_id(twin.pull.head_sha, twin.pull.base_sha, by.rules.hash, by.mode, about)


def pull_facts(
    pull: PullRequest, agents: Mapping[str, str] | None, heeded: Collection[str] | None = None
) -> tuple[object, ...]:
    """What a verdict depends on of what a pull request says, and costs nothing to know: what rules and assistants read, and
    what tells whether an agent wrote it. ``heeded`` are the labels that rules ask for; without it, any may be.
    """
    labels = sorted(label for label in pull.labels if heeded is None or label in heeded)
    return pull.title, pull.body, pull.author, pull.head_ref, labels, list((agents or {}).items())


def _reviewed(head: _Head, context: ReviewContext) -> Reviewed:
    running = Check(
        context.name, head.sha, CheckState.IN_PROGRESS, "Checking", "The checks are running.", (), head.identity
    )
    run = _started_check(running, context.host, reads_only=head.reads_only)
    try:
        if run is not None and run.state is not None:
            standing_result = _again(head, context, run, run.state)
            return standing_result or _judged(replace(head, identity=f"{head.identity}~anew"), context, published=True)
        return _judged(head, context, published=run is not None)
    except BotError as error:
        if run is not None and run.state is None:
            context.host.publish(_broken(running, context.mode, error))
        raise


def _started_check(running: Check, host: CodeHost, *, reads_only: bool) -> PublishedCheck | None:
    """The check in progress, or the one that says it already; None where the token may only read, as expected."""
    try:
        return host.publish(running)
    except Closed:
        if not reads_only:
            raise
        return None


def _judged(head: _Head, context: ReviewContext, *, published: bool) -> Reviewed:
    change = head.change()
    facts = facts_of(context.repository, change, context.rules.options, context.render)
    result = review(
        ReviewRequest(change=change, mode=context.mode, agent=change.agent, repository=context.full_name),
        rules=context.rules,
        assistants=context.assistants,
        required=context.required,
        claims=() if head.claims is None else (head.claims.reply,),
        store=context.store,
        clock=context.clock,
        session_id=head.session,
        facts=facts,
    )
    result = result if head.claims is None else _compared(result, head.claims)
    result = shared(result, head.twins, context.rules, context.mode)
    identity = head.identity if result.complete else f"{head.identity}~incomplete"
    check = check_of(result, change, context.rules, context.mode, name=context.name, external_id=identity)
    rendered = differences(facts.rendered, context.mask_key)
    if rendered:
        check = replace(check, summary=_with_difference(check.summary, rendered))
    published_check = context.host.publish(check) if published else None
    return Reviewed(result, published_check, check.state, change, context.rules, rendered)


def _again(head: _Head, context: ReviewContext, check: PublishedCheck, state: CheckState) -> Reviewed | None:
    """The verdict that stands, with what the detectors find: they ask nobody. No assistant is asked again.

    None where they find worse than it says: whoever may write checks can write one in our name, so it is judged anew.
    """
    change = head.change()
    facts = facts_of(context.repository, change, context.rules.options, context.render)
    request = ReviewRequest(change=change, mode=context.mode, agent=change.agent, repository=context.full_name)
    result = review(request, rules=context.rules, clock=context.clock, session_id=head.session, facts=facts)
    result = shared(result, head.twins, context.rules, context.mode)
    answer = _VERDICTS[state]
    if check.kind == "commit-status" and answer is Verdict.APPROVE:  # its success stands for a warning, too
        answer = Verdict.APPROVE if result.verdict is Verdict.APPROVE else Verdict.WARN
    if result.verdict.rank > answer.rank:
        return None
    note = "This head was judged before by the same rules: its check stands, and no assistant was asked again."
    result = replace(
        result, verdict=answer, notes=(note, *(old_note for old_note in result.notes if "ran alone" not in old_note))
    )
    rendered = differences(facts.rendered, context.mask_key)
    return Reviewed(result, check, state, change, context.rules, rendered, again=True)


def _compared(result: ReviewResult, claims: Claims) -> ReviewResult:
    """The result with a word on a run that came to another verdict. What it claims to have found was weighed already."""
    if claims.verdict is result.verdict:
        return result
    note = f"The run without rights said {claims.verdict.value}; judged here it is {result.verdict.value}."
    return replace(result, notes=(note, *result.notes))


def _with_difference(summary: str, rendered: Sequence[TargetDifference]) -> str:
    room = MAX_SUMMARY - len(summary)
    return f"{summary}\n\n{markdown(rendered, room)}" if room > _LEAST_ROOM else summary


def _follow(host: CodeHost, number: int, reviewed: Reviewed, mode: Mode, identity: str, *, create: bool) -> None:
    """The one comment says what the verdict says: findings, or that they are fixed. It is made only to ``create`` findings."""
    if reviewed.again and not create:
        return
    own_comment = _marker_of_ours(host.comments(number), _FINDINGS)
    digest = identity[:16]
    approved = reviewed.result.verdict is Verdict.APPROVE
    if (own_comment is None and (approved or not create)) or (
        reviewed.again and own_comment is not None and own_comment.digest == digest
    ):
        return
    body = (fixed_body if approved else comment_body)(reviewed.result, reviewed.change, mode)
    host.comment(number, marker=Marker(_FINDINGS, f"pull/{number}", digest), body=body)


def _marker_of_ours(comments: Sequence[Comment], kind: str) -> Marker | None:
    return next(
        (comment.marker for comment in comments if comment.marker is not None and comment.marker.kind == kind), None
    )


def _show_rendered(host: CodeHost, number: int, rendered: Sequence[TargetDifference], head: str) -> None:
    """Keep the one comment with the difference. Without one it is made when there is something to show.

    A token that may not comment shows it in the check alone.
    """
    marker = Marker(_RENDERED, f"pull/{number}", head[:16])
    with suppress(Refused):
        if rendered or _marker_of_ours(host.comments(number), _RENDERED) is not None:
            host.comment(number, marker=marker, body=rendered_body(rendered, head))


def _broken(running: Check, mode: Mode, error: BotError) -> Check:
    """The check of a review that failed: failure in strict, neutral in standard, never an older success, and no verdict
    that would keep the next run from judging.
    """
    state = CheckState.FAILURE if mode is Mode.STRICT else CheckState.NEUTRAL
    text = f"The checks did not complete ({type(error).__name__}). Nothing is approved by this."
    identity = f"{running.external_id}~broken"
    return replace(running, state=state, title="The checks could not run", summary=text, external_id=identity)


def external_id(
    head: str, base: str, rules_hash: str, mode: Mode, about: Sequence[object] = (), *, key: bytes = b""
) -> str:
    """What a verdict is bound to: another head, base, rule, version of their code, or mode needs another review, and so does
    whatever else is in ``about`` (see :func:`pull_facts`), which JSON can hold.

    32 hex digits, which nobody without ``key`` can tell beforehand.
    """
    facts = json.dumps([head, base, rules_hash, mode.value, __version__, about])
    return hmac.new(key, facts.encode(), hashlib.sha256).hexdigest()[:32]
