"""Carries out a plan: intent first, then the remedy, then the outcome.

A crash between any two steps leaves an intent that :mod:`bot.flows.recover` closes by finding its work. Everything
that another bot may have done in between shows as a new entry in the ledger, so losing the race for the ledger's tip
means looking at those entries and asking the limits again, never writing blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, assert_never

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.flows.plan import BREAKER, DELETIONS, Intention, intent, request
from bot.flows.runbook import steps
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Lane
from bot.model.drift import Drift
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.model.proposal import Action, Effect, Proposal, branch_of, field_of
from bot.ports import Clock, CodeHost, Ledger, Repository, Signature
from bot.safety.convergence import Fight, fights
from bot.safety.history import TOGETHER
from bot.safety.limits import Denied, Limits, permit
from bot.safety.trailers import INTENT, compose, intents_in

TRIES: Final = 12
"""How often a lost race for the ledger is run again before the work is left to the next look."""

STEPS: Final = (
    "recovered",
    "rejection",
    "intent",
    "commit",
    "push",
    "branch-commit",
    "branch-push",
    "pull",
    "issue",
    "outcome",
    "handed-over",
    "closed",
    "branch-deleted",
)
"""Every step after which a run may die; the next look, on whichever runner, must find its way from each of them."""


WEB_FLOW: Final = Signature("GitHub", "noreply@github.com")
"""The committer of commits that GitHub makes for us."""


class Messages(Protocol):
    """Message texts by template name."""

    def render(self, name: str, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run writes with. ``reached`` is told the name (one of :data:`STEPS`) of every step just completed."""

    repository: Repository
    ledger: Ledger
    host: CodeHost | None
    texts: Messages
    clock: Clock
    actor: Actor
    author: Signature
    branch: str
    limits: Limits
    new_id: Callable[[], str]
    labels: tuple[str, ...] = ("clockwork",)
    run_link: str | None = None
    commit_url: Callable[[str], str | None] = lambda _sha: None
    reached: Callable[[str], None] = lambda _step: None


@dataclass(frozen=True, slots=True)
class StartedIntent:
    """An intention whose intent is in the ledger."""

    intention: Intention
    entry: Entry


def carry_out(
    intentions: Sequence[Intention], head: str, view: LedgerView, run: RunContext, *, now: datetime
) -> tuple[Action, ...]:
    """Do what the plan says and tell what became of each intention, in the plan's order.

    What is worse than every patch is proposed before the patches, so that a branch that keeps moving delays nothing
    that matters more. ``view`` is the ledger the plan was made from. Raises ``Stale`` when the branch moved: nothing
    of the commit was written then, and the caller looks again.
    """
    course = Progress(view, view, head, now)
    patches = [i for i in intentions if i.effect is Effect.COMMITTED]
    worst = max((i.proposal.severity.rank for i in patches), default=-1)
    urgent = [i for i in intentions if i not in patches and i.proposal.severity.rank > worst]
    later = [i for i in intentions if i not in patches and i not in urgent]
    done, course = _each(urgent, course, run)
    if patches:
        committed, course = _commit(patches, course, run)
        done += committed
    done += _each(later, course, run)[0]
    actions = {id(intention): action for intention, action in done}
    return tuple(actions[id(intention)] for intention in intentions)


def _each(
    intentions: Sequence[Intention], course: Progress, run: RunContext
) -> tuple[list[tuple[Intention, Action]], Progress]:
    """Everything but patches, one by one. After a failure to reach the host the others are left to the next look."""
    done: list[tuple[Intention, Action]] = []
    lost: str | None = None
    for intention in intentions:
        if intention.effect in {Effect.OPENED, Effect.UPDATED}:
            if lost is None:
                action, course, lost = _propose(intention, course, run)
            else:
                action = account(intention, effect=Effect.FAILED, message=f"Not tried: {lost}")
        elif intention.effect is Effect.HANDED_OVER:
            action = _hand_over(intention, run)
        else:
            action = account(intention)
        done.append((intention, action))
    return done, course


def account(intention: Intention, **changes: object) -> Action:
    """The line of the report for an intention; ``changes`` replace what its carrying out found."""
    proposal, denied = intention.proposal, intention.denied
    action = Action(
        effect=intention.effect,
        lane=proposal.lane,
        task=proposal.task,
        message=intention.message,
        severity=proposal.severity,
        fingerprint=proposal.fingerprint,
        url=intention.url,
        number=intention.number,
        limit=denied.limit if denied else None,
        next_eligible=denied.next_eligible if denied else None,
        drifts=proposal.drifts,
    )
    return replace(action, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Progress:
    """The ledger that the plan was made from, the ledger now, and the branch's head that both are about."""

    planned: LedgerView
    view: LedgerView
    head: str
    now: datetime
    own: frozenset[str] = frozenset()
    """The ids of the intents that this run wrote."""

    def at(self, view: LedgerView) -> Progress:
        """The same course with the ledger as it is by now."""
        return replace(self, view=view)

    def after(self, view: LedgerView, started: Sequence[StartedIntent]) -> Progress:
        """The same course with these intents in the ledger."""
        return replace(self, view=view, own=self.own | {one.entry.id for one in started})


def begin(
    intentions: Sequence[Intention], course: Progress, run: RunContext
) -> tuple[list[StartedIntent], list[tuple[Intention, Action]], Progress]:
    """Write the intents of all ``intentions`` in one append.

    Those that somebody else began since the plan was made, or that a limit denies by now, fall out. An intent is dated
    when it is written, not when the look began: it counts as somebody's work in hand from then on.
    """
    fallen: list[tuple[Intention, Action]] = []
    standing = list(intentions)
    for _ in range(TRIES):
        now, actor, link = run.clock.now(), run.actor, run.run_link
        if course.view.tip != course.planned.tip or now != course.now:
            standing, lost = _still(standing, course, run.limits, now)
            fallen += lost
        started = [StartedIntent(i, intent(i, now=now, key=run.new_id(), actor=actor, link=link)) for i in standing]
        if not started:
            return [], fallen, course
        try:
            course = course.after(run.ledger.append(course.view, [b.entry for b in started]), started)
        except Stale:
            course = course.at(run.ledger.read())
            continue
        run.reached("intent")
        return started, fallen, course
    raise Stale("the ledger moved every time; another run is very busy", advice="The next run looks again.")


def _still(
    standing: Sequence[Intention], course: Progress, limits: Limits, now: datetime
) -> tuple[list[Intention], list[tuple[Intention, Action]]]:
    """Which intentions still stand at ``now``, after everything that was appended since the plan was made."""
    seen = {entry.id for entry in course.planned.entries} | course.own
    started = {
        (entry.lane, entry.task)
        for entry in course.view.entries
        if entry.kind is EntryKind.INTENT and entry.id not in seen
    }
    kept: list[Intention] = []
    lost: list[tuple[Intention, Action]] = []
    for intention in standing:
        if (intention.proposal.lane, intention.proposal.task) in started:
            text = "Another run began this just now."
            lost.append((intention, account(intention, effect=Effect.IN_PROGRESS, message=text)))
            continue
        pending = [request(other.proposal) for other in kept]
        answer = permit(course.view, request(intention.proposal), limits, now, pending=pending)
        if isinstance(answer, Denied):
            denied = replace(intention, effect=Effect.DENIED, message=answer.message, denied=answer)
            lost.append((intention, account(denied)))
        else:
            kept.append(intention)
    return kept, lost


@dataclass(frozen=True, slots=True)
class Ending:
    """How an intent ends: the result, why, and where its work can be seen."""

    result: Result
    reason: str
    link: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


def finish(started: Sequence[StartedIntent], course: Progress, run: RunContext, ending: Ending) -> Progress:
    """Write the outcomes. Unconditional: a lost race is simply run again."""
    at = run.clock.now()
    return course.at(record(run.ledger, course.view, [outcome(b.entry, run, ending, at=at) for b in started]))


def outcome(entry: Entry, run: RunContext, ending: Ending, *, at: datetime) -> Entry:
    """The outcome entry that ends the intent ``entry``."""
    return replace(
        entry,
        id=run.new_id(),
        kind=EntryKind.OUTCOME,
        at=at,
        actor=run.actor,
        intent=entry.id,
        result=ending.result,
        reason=ending.reason,
        link=ending.link,
        detail=ending.detail,
    )


def record(ledger: Ledger, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
    """Append entries whose truth does not depend on what others appended; an intent is never ended twice.

    Raises ``Stale`` after many lost races.
    """
    for _ in range(TRIES * 4):
        ended = {entry.intent for entry in view.entries if entry.kind is EntryKind.OUTCOME}
        news = [entry for entry in entries if entry.kind is not EntryKind.OUTCOME or entry.intent not in ended]
        if not news:
            return view
        try:
            return ledger.append(view, news)
        except Stale:
            view = ledger.read()
    raise Stale("the ledger moved every time; another run is very busy")


def _commit(
    patches: Sequence[Intention], course: Progress, run: RunContext
) -> tuple[list[tuple[Intention, Action]], Progress]:
    """One commit for all artifact patches of a look, pushed expecting the head that was looked at."""
    started, done, course = begin(patches, course, run)
    if started and len(started) < len(patches):
        finish(started, course, run, Ending(Result.ABANDONED, "another run changed what this commit was made from"))
        raise Stale("another run began one of these patches")
    if not started:
        return done, course
    try:
        sha = _push_commit(started, course, run)
    except Stale as exc:
        finish(started, course, run, Ending(Result.ABANDONED, f"the branch moved: {exc.message}"))
        raise
    except BotError as exc:
        together = {TOGETHER: started[0].entry.id}
        course = finish(started, course, run, Ending(Result.FAILED, exc.message, detail=together))
        failed = [(b.intention, account(b.intention, effect=Effect.FAILED, message=exc.message)) for b in started]
        return [*done, *failed], course
    url = run.commit_url(sha)
    course = finish(started, course, run, Ending(Result.SUCCEEDED, "committed", link=url or sha, detail={"head": sha}))
    run.reached("outcome")
    return [*done, *((b.intention, account(b.intention, sha=sha, url=url)) for b in started)], course


def _push_commit(started: Sequence[StartedIntent], course: Progress, run: RunContext) -> str:
    files: dict[str, bytes | None] = {}
    for b in started:
        if b.intention.changes is not None:
            files.update(b.intention.changes.files)
    sha = run.repository.commit(course.head, files, message=_message(started, run), at=course.now, author=run.author)
    run.reached("commit")
    for b in started:
        in_hand(b, run)
    sha = run.repository.push(run.branch, sha, expected=course.head)
    run.reached("push")
    return sha


def _message(started: Sequence[StartedIntent], run: RunContext) -> str:
    decisions = [decision for b in started for decision in b.intention.proposal.decisions]
    tasks = [b.intention.proposal.task for b in started]
    subject = f"Keep what runs for {tasks[0]}" if len(tasks) == 1 else f"Keep what runs for {len(tasks)} tasks"
    if all(decision.drift.kind == "stale-artifact" for decision in decisions):
        subject = f"Render {', '.join(dict.fromkeys(str(d.drift.path[0]) for d in decisions))[:60]} again"
    notes = [note for b in started if b.intention.changes for note in b.intention.changes.notes]
    body = run.texts.render("commit.txt", decisions=decisions, notes=list(dict.fromkeys(notes)))
    return compose(subject, body=body, trailers=_trailers(started))


def _trailers(started: Sequence[StartedIntent]) -> list[tuple[str, str]]:
    decisions = [decision for b in started for decision in b.intention.proposal.decisions]
    worst = max((b.intention.proposal.severity for b in started), key=lambda severity: severity.rank)
    rules = dict.fromkeys(decision.rule for decision in decisions)
    reasons = dict.fromkeys(decision.reasons[0] for decision in decisions if decision.reasons)
    return [
        *((INTENT, b.entry.id) for b in started),
        *(("Drift", decision.drift.id) for decision in decisions),
        ("Severity", worst.value),
        *(("Rule", rule) for rule in rules),
        *(("Reason", reason) for reason in reasons),
    ]


def in_hand(started: StartedIntent, run: RunContext) -> None:
    """Raise ``Stale`` where another run may give this intent up at any moment: who slept must not write any more."""
    spent = abs(run.clock.now() - started.entry.at).total_seconds()
    if spent > run.limits.in_progress / 2:
        raise Stale(f"the run was held up for {spent:.0f} s after it began", advice="The next run looks again.")


def _is_pull(lane: Lane) -> bool:
    """Whether what is proposed in ``lane`` is a pull request and not an issue."""
    match lane:
        case Lane.CONFIG_PULL_REQUEST:
            return True
        case Lane.RUNBOOK_ISSUE:
            return False
        case Lane.ARTIFACT_PATCH | Lane.NOTHING:
            raise ValueError(f"{lane} proposes nothing to anybody")
        case _ as never:
            assert_never(never)


def _propose(intention: Intention, course: Progress, run: RunContext) -> tuple[Action, Progress, str | None]:
    """One pull request or issue, opened or updated; and why the host could not be reached, if it could not."""
    host = run.host
    if host is None:
        return account(intention, effect=Effect.UNSUPPORTED, message="There is no code host."), course, None
    is_pull = _is_pull(intention.proposal.lane)
    started, fallen, course = begin([intention], course, run)
    if not started:
        return fallen[0][1], course, None
    try:
        item, sha = _pull(started[0], course, host, run) if is_pull else (_issue(started[0], host, run), None)
    except BotError as exc:
        result = Result.ABANDONED if isinstance(exc, Stale) else Result.FAILED
        course = finish(started, course, run, Ending(result, exc.message))
        lost = exc.message if isinstance(exc, Unavailable) else None
        return account(intention, effect=Effect.FAILED, message=exc.message), course, lost
    detail = {"number": str(item.number)} | ({"head": sha} if sha else {})
    ending = Ending(Result.SUCCEEDED, intention.effect.value, link=item.url, detail=detail)
    course = finish(started, course, run, ending)
    run.reached("outcome")
    return account(intention, url=item.url, number=item.number, sha=sha), course, None


def theirs(task: str, view: LedgerView, run: RunContext) -> bool:
    """Whether the branch of the task's pull request exists and ends in a commit that is not ours.

    A branch without a commit of its own, such as one that was just made for a commit to come, is nobody's.
    """
    tip, base = run.repository.head(branch_of(task)), run.repository.head(run.branch)
    if tip is None or ours(tip, view, run):
        return False
    return base is None or not run.repository.is_ancestor(tip, base)


def ours(tip: str, view: LedgerView, run: RunContext) -> bool:
    """Whether we pushed ``tip``: the ledger says so, or nobody lived to say it and the commit names its intent.

    Somebody who amends or rebases our commit keeps its message, but not its id and its committer.
    """
    if any(entry.detail.get("head") == tip for entry in view.entries):
        return True
    told = {entry.intent for entry in view.entries if "head" in entry.detail}
    untold = {entry.id for entry in view.entries if entry.kind is EntryKind.INTENT} - told
    return any(
        commit.committer in {run.author, WEB_FLOW} and intents_in(commit.message) & untold
        for commit in run.repository.log(tip, limit=1)
    )


def _hand_over(intention: Intention, run: RunContext) -> Action:
    """Say once, on the pull request, that it belongs to whoever continued it."""
    if run.host is None or intention.number is None:
        return account(intention)
    proposal = intention.proposal
    body = run.texts.render("handed_over.md", decisions=proposal.decisions, task=proposal.task)
    try:
        run.host.comment(intention.number, marker=replace(intention.marker, kind="handed-over"), body=body)
    except BotError as exc:
        return account(intention, effect=Effect.FAILED, message=exc.message)
    run.reached("handed-over")
    return account(intention)


def _pull(started: StartedIntent, course: Progress, host: CodeHost, run: RunContext) -> tuple[PullRequest, str]:
    intention, proposal = started.intention, started.intention.proposal
    changes = intention.changes
    if changes is None:
        raise Refused(f"there is no change to propose for {proposal.task}")
    name = branch_of(intention.proposal.task)
    message = _message([started], run)
    sha = run.repository.commit(course.head, changes.files, message=message, at=course.now, author=run.author)
    run.reached("branch-commit")
    if theirs(proposal.task, course.view, run):
        raise Stale(f"somebody else committed to {name}")
    in_hand(started, run)
    sha = run.repository.push(name, sha, expected=run.repository.head(name))
    run.reached("branch-push")
    title = _title(intention)
    body = run.texts.render("pull_request.md", task=proposal.task, decisions=proposal.decisions, notes=changes.notes)
    if intention.effect is Effect.UPDATED and intention.number is not None:
        item = host.update_pull(intention.number, marker=intention.marker, title=title, body=body)
    else:
        labels = (*run.labels, "clockwork/config")
        item = host.open_pull(
            marker=intention.marker, title=title, body=body, head=name, base=run.branch, labels=labels
        )
    run.reached("pull")
    return item, sha


def _title(intention: Intention) -> str:
    drifts = [decision.drift for decision in intention.proposal.decisions]
    where = drifts[0].where or drifts[0].kind.value
    more = f" and {len(drifts) - 1} more" if len(drifts) > 1 else ""
    return f"{intention.proposal.task}: {where}{more} differs from Git"


def _issue(started: StartedIntent, host: CodeHost, run: RunContext) -> Issue:
    intention = started.intention
    title, body = _words(intention, run)
    in_hand(started, run)
    labels = (*run.labels, f"clockwork/{intention.kind or 'runbook'}")
    if intention.effect is Effect.UPDATED and intention.number is not None:
        item = host.update_issue(intention.number, marker=intention.marker, title=title, body=body)
    else:
        item = host.open_issue(marker=intention.marker, title=title, body=body, labels=labels)
    run.reached("issue")
    return item


def _words(intention: Intention, run: RunContext) -> tuple[str, str]:
    """Title and body of an issue."""
    decisions, task = intention.proposal.decisions, intention.proposal.task
    if intention.kind == BREAKER:
        return _breaker_text(intention, run)
    if intention.kind == DELETIONS:
        title = f"{len(decisions)} things would be removed at once, a person must look"
        return title, run.texts.render("deletions.md", decisions=decisions)
    drift = decisions[0].drift
    what = drift.kind.value if not drift.path else f"{drift.where} {drift.kind.value}"
    body = run.texts.render("runbook.md", task=task, decisions=decisions, steps=steps(decisions))
    return f"{task}: {what}, a person must act", body


def _drift_of(name: str, proposal: Proposal) -> Drift:
    return next(decision.drift for decision in proposal.decisions if field_of(decision.drift) == name)


def _row(drift: Drift, fight: Fight) -> tuple[Drift, Fight, tuple[str, ...]]:
    """One fought field with everybody who wrote it, who did so last included."""
    writers = [*fight.managers, *([drift.manager] if drift.manager else [])]
    return drift, fight, tuple(dict.fromkeys(writers)) or ("unknown",)


def _breaker_text(intention: Intention, run: RunContext) -> tuple[str, str]:
    proposal, limits = intention.proposal, run.limits
    fought = [one for one in fights(run.ledger.read(), limits, run.clock.now()) if one.field in proposal.fields]
    body = run.texts.render(
        "breaker.md",
        task=proposal.task,
        rows=[_row(_drift_of(one.field, proposal), one) for one in fought],
        hours=round(limits.convergence_window / 3600),
    )
    return f"{proposal.task}: somebody else keeps writing what Clockwork corrects", body
