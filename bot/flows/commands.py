"""What people tell the bot: halt, resume, suspend, retry, ignore. Written into the ledger, so every run hears it.

Called by the command line, by ``/clockwork …`` comments and by the dashboard. Who may say it is asked before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.errors import Refused
from bot.flows.remedy import Hands, record
from bot.model.codehost import Comment, Issue, Marker, PullRequest
from bot.model.command import Command, Unknown, Verb, parse
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.model.proposal import key_of


def tell(
    hands: Hands,
    kind: EntryKind,
    *,
    reason: str,
    actor: Actor | None = None,
    task: str | None = None,
    fingerprint: str | None = None,
    detail: Mapping[str, str] | None = None,
    link: str | None = None,
) -> LedgerView:
    """The ledger with that entry added. Raises ``Refused`` when ``reason`` is empty."""
    if not reason.strip():
        raise Refused(f"{kind.value} needs a reason", advice="Say why: others will read it in the ledger.")
    entry = Entry(
        id=hands.new_id(),
        kind=kind,
        at=hands.clock.now(),
        actor=actor or hands.actor,
        task=task,
        fingerprint=fingerprint,
        reason=reason.strip(),
        link=link or hands.run_link,
        detail=dict(detail or {}),
    )
    return record(hands.ledger, hands.ledger.read(), [entry])


def hear(number: int, hands: Hands) -> tuple[str, ...]:
    """Carry out the commands in the comments of one issue or pull request that were not answered yet.

    Level-triggered: whoever calls it, and however often, each comment is answered once. Only people who may write to the
    repository are obeyed. Returns what was answered.
    """
    host = hands.host
    if host is None:
        raise Refused("there is no code host to hear comments on")
    comments = host.comments(number)
    answered = {comment.marker.key for comment in comments if comment.marker and comment.marker.kind == "answer"}
    said = []
    for comment in comments:
        command = parse(comment.body) if comment.marker is None else None
        if command is None or str(comment.id) in answered:
            continue
        answer = _answer(number, command, comment, hands)
        host.comment(number, marker=Marker("answer", str(comment.id), ""), body=answer)
        said.append(answer)
    return tuple(said)


def _answer(number: int, command: Command | Unknown, comment: Comment, hands: Hands) -> str:
    if isinstance(command, Unknown):
        words = ", ".join(verb.value for verb in Verb)
        return hands.texts.render("answer.md", text=f"I do not know that command. I know: {words}.")
    host = hands.host
    if host is None or not host.may_write(comment.author):
        text = "Only people who may write to this repository can tell me that."
        return hands.texts.render("answer.md", text=text)
    try:
        return hands.texts.render("answer.md", text=_obey(number, command, comment, hands))
    except Refused as exc:
        return hands.texts.render("answer.md", text=exc.message)


def _obey(number: int, command: Command, comment: Comment, hands: Hands) -> str:
    actor = Actor(comment.author, comment.author_id)
    reason = command.argument or f"said so on #{number}"
    subject = _subject(number, hands)
    match command.verb:
        case Verb.HALT:
            tell(hands, EntryKind.HALT, reason=reason, actor=actor)
            return "Halted: no run writes anything until `/clockwork resume`."
        case Verb.RESUME:
            tell(hands, EntryKind.RESUME, reason=reason, actor=actor)
            return "Resumed: failures so far no longer count."
        case Verb.SUSPEND:
            task = command.argument or (subject.key if subject else "")
            tell(hands, EntryKind.SUSPEND, reason=reason, actor=actor, task=_named(task))
            return f"Suspended {task}: no run writes anything for it until `clockwork unsuspend`."
        case Verb.RETRY:
            tell(hands, EntryKind.RETRY, reason=reason, actor=actor, fingerprint=_fingerprint(subject))
            return "The next run may propose this again."
        case Verb.IGNORE:
            tell(hands, EntryKind.IGNORE, reason=reason, actor=actor, fingerprint=_fingerprint(subject))
            return (
                "Noted: this exact proposal is not made again. To hide the drift from reports too, add an ignore rule."
            )
        case Verb.EXPLAIN:
            return f"Run `clockwork explain {_named(subject.key if subject else '')}` for the whole chain of decision."
        case _:
            assert_never(command.verb)


def _subject(number: int, hands: Hands) -> Marker | None:
    """What the issue or pull request is about; None when it is not one of ours."""
    host = hands.host
    if host is None:
        return None
    items: list[PullRequest | Issue] = [*host.pulls(), *host.issues()]
    return next((item.marker for item in items if item.number == number), None)


def _named(task: str) -> str:
    if not task:
        raise Refused("Name a task: this thread is not about one of mine.")
    return task


def _fingerprint(subject: Marker | None) -> str:
    if subject is None or subject.kind not in set(Lane):
        raise Refused("This thread is not about a proposal of mine.")
    return f"{key_of(Lane(subject.kind), subject.key)}-{subject.digest}"
