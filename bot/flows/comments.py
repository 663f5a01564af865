"""Orders in comments: ``/clockwork suspend TASK until TIME reason`` and its siblings. Called by the daemon and in
Actions.

How a line is read: a known task at its beginning is the order's; without one the order is about the task of the issue
or pull request it stands on; the rest is the reason. What looks like a task and is none is refused, never taken for a
reason, and nothing is resumed on a guess: on a thread that is about no task, ``resume`` with other words must say
``everything``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bot.errors import BotError, Invalid, Refused
from bot.flows import commands
from bot.flows.commands import ALL, COMMENT, Orders
from bot.flows.intention import BREAKER, DELETIONS
from bot.flows.messages import answer, explanation
from bot.model.codehost import Comment, Marker
from bot.model.command import Command, UnknownCommand, Verb, parse
from bot.model.ledger import Actor, EntryKind, LedgerView
from bot.model.wording import sentences

SYNTAX: Final = {
    Verb.HALT: "halt [REASON]",
    Verb.RESUME: f"resume [TASK or {ALL}] [REASON]",
    Verb.SUSPEND: "suspend [TASK] [until TIME] [REASON]",
    Verb.UNSUSPEND: "unsuspend [TASK] [REASON]",
    Verb.RETRY: "retry [REASON]",
    Verb.IGNORE: "ignore [REASON]",
    Verb.RESTORE: "restore [REASON]",
    Verb.APPLY: "apply PLAN [REASON]",
    Verb.EXPLAIN: "explain [TASK]",
}
_ANSWER: Final = "answer"
"""The kind of the marker of an answer; its key is the id of the comment that it answers."""
_IN_BACKTICKS: Final = re.compile(r"\A`+([^`]+)`+")
_END: Final = re.compile(r"[,;:.]?(?:\s+|\Z)")
_FINGERPRINT: Final = re.compile(r"([0-9a-f]{16}-[0-9a-f]{16})(?=\s|\Z)\s*")
_TIME: Final = r"(?P<time>\S*(?:\s+[0-9]{1,2}:[0-9]{2}\S*)?)\s*"
_UNTIL: Final = re.compile(rf"\Auntil(?:\s+|\Z){_TIME}", re.IGNORECASE)
_UNTIL_A_DIGIT: Final = re.compile(rf"\s+until\s+(?=[0-9]){_TIME}", re.IGNORECASE)


def answer_comments(number: int, orders: Orders) -> tuple[str, ...]:
    """Carry out the commands in the comments of one issue or pull request that were not answered yet.

    Level-triggered: whoever calls it, and however often, each comment is answered once. Only people who may write to
    the repository are obeyed. Returns what was answered.
    """
    host = orders.run.host
    if host is None:
        raise Refused("there is no code host to read comments from")
    comments = host.comments(number)
    answered_ids = _answered(comments)
    obeyed: Mapping[str, EntryKind] | None = None
    answers = []
    for comment in comments:
        command = parse(comment.body) if comment.marker is None and comment.claim is None else None
        if command is None or str(comment.id) in answered_ids:
            continue
        if obeyed is None:
            obeyed = _obeyed(orders.run.ledger.read())
        if (kind := obeyed.get(_comment_id(number, comment))) is not None:
            body = answer(f"This was carried out ({kind.value}).", orders.run.texts)
        else:
            body = _answer(number, command, comment, orders)
        host.comment(number, marker=Marker(_ANSWER, str(comment.id), ""), body=body)
        answers.append(body)
    return tuple(answers)


def _answered(comments: Sequence[Comment]) -> set[str]:
    """The ids of the comments that were answered: by a signed answer, or by one of our account under another secret
    unless it is about a halt, which is rather carried out twice than lost.
    """
    halts = {str(comment.id) for comment in comments if _halts(comment)}
    signed = {comment.marker.key for comment in comments if comment.marker and comment.marker.kind == _ANSWER}
    claimed = {comment.claim.key for comment in comments if comment.claim and comment.claim.kind == _ANSWER}
    return signed | (claimed - halts)


def _halts(comment: Comment) -> bool:
    command = parse(comment.body)
    return isinstance(command, Command) and command.verb is Verb.HALT


def _comment_id(number: int, comment: Comment) -> str:
    return f"{number}/{comment.id}"


def _obeyed(view: LedgerView) -> Mapping[str, EntryKind]:
    """The comments whose order is in the ledger: its answer was lost, or is signed with a secret that was since changed."""
    return {entry.detail[COMMENT]: entry.kind for entry in view.entries if COMMENT in entry.detail}


def _answer(number: int, command: Command | UnknownCommand, comment: Comment, orders: Orders) -> str:
    """The body of the answer to one comment."""
    run = orders.run
    if isinstance(command, UnknownCommand):
        syntax_list = ", ".join(f"`/clockwork {syntax}`" for syntax in SYNTAX.values())
        return answer(f"Unknown command; nothing was changed. Commands: {syntax_list}.", run.texts)
    if run.host is None or not run.host.may_write(comment.author):
        return answer("Only people with write access to this repository may give commands.", run.texts)
    by, source = Actor(comment.author, comment.author_id), {COMMENT: _comment_id(number, comment)}
    their_orders = replace(orders, by=by, call="/clockwork", source=source)
    try:
        text = _carry_out(command, commands.subject(number, run), their_orders, default=f"via comment on #{number}")
    except (Refused, Invalid) as exc:
        usage = f"Nothing was changed. Usage: `/clockwork {SYNTAX[command.verb]}`."
        return answer(f"{_sentence(exc)} {usage}", run.texts)
    return explanation(text, run.texts) if command.verb is Verb.EXPLAIN else answer(text, run.texts)


def _sentence(exc: BotError) -> str:
    """An error with its advice, as sentences of their own."""
    text = sentences(exc.message, exc.advice)
    first, *_ = text.split(maxsplit=1)
    return text[:1].upper() + text[1:] if first.isalpha() else text


def _carry_out(command: Command, thread: Marker | None, orders: Orders, *, default: str) -> str:
    argument = _IN_BACKTICKS.sub(r"\1", command.argument).strip()
    match command.verb:
        case Verb.HALT:
            return commands.halt(orders, reason=argument or default)
        case Verb.RETRY | Verb.IGNORE | Verb.RESTORE:
            return _about_a_proposal(command.verb, argument, thread, orders, default=default)
        case Verb.APPLY:
            plan, _, reason = argument.partition(" ")
            return commands.apply(orders, plan=plan, reason=reason.strip() or default)
        case Verb.RESUME | Verb.SUSPEND | Verb.UNSUSPEND:
            return _about_a_task(command.verb, argument, thread, orders, default=default)
        case Verb.EXPLAIN:
            return _explained(command, thread, orders)
        case _:
            assert_never(command.verb)


def _explained(command: Command, thread: Marker | None, orders: Orders) -> str:
    argument = _IN_BACKTICKS.sub(r"\1", command.argument).strip()
    task = _required(_read(argument, commands.task_of(thread), commands.known_tasks(orders), everything=False).task)
    if orders.explained is None:
        raise Refused(
            "no live-state source is configured here",
            advice=f"Run `clockwork explain {task}` where live state can be read.",
        )
    return orders.explained(task)


def _about_a_task(verb: Verb, text: str, thread: Marker | None, orders: Orders, *, default: str) -> str:
    task_names = commands.known_tasks(orders)
    argument = _read(text, commands.task_of(thread), task_names, everything=verb is Verb.RESUME)
    if verb is Verb.RESUME:
        return commands.resume(orders, reason=argument.remainder or default, task=argument.task)
    task = _required(argument.task)
    if verb is Verb.UNSUSPEND:
        return commands.unsuspend(orders, reason=argument.remainder or default, task=task)
    until, reason = _until(argument.remainder)
    return commands.suspend(orders, reason=reason or default, task=task, until=until)


def _about_a_proposal(verb: Verb, text: str, thread: Marker | None, orders: Orders, *, default: str) -> str:
    match = _FINGERPRINT.match(text)
    reason = text[match.end() :] if match else text
    if verb is Verb.IGNORE and not match and thread is not None and thread.kind in {BREAKER, DELETIONS}:
        raise Refused("This issue asks for a decision; it proposes nothing that could be ignored.")
    fingerprint = match[1] if match else commands.fingerprint_of(thread)
    order = _ABOUT_A_PROPOSAL[verb]
    return order(orders, reason=reason or default, fingerprint=fingerprint)


_ABOUT_A_PROPOSAL: Final = {
    Verb.RETRY: commands.retry,
    Verb.IGNORE: commands.ignore,
    Verb.RESTORE: commands.restore,
}


@dataclass(frozen=True, slots=True)
class _Argument:
    """What follows a command: a task (None: everything, or none was named) and the rest of the line."""

    task: str | None
    remainder: str


def _read(text: str, about: str | None, task_names: Collection[str], *, everything: bool) -> _Argument:
    """Which task the words name; without one ``about``, the thread's. ``Invalid`` for what is a task's name only
    nearly.
    """
    for task in sorted(task_names, key=len, reverse=True):
        if text.startswith(task) and (end := _END.match(text, len(task))):
            return _Argument(task, text[end.end() :])
    first, _, remainder = text.replace("\t", " ").partition(" ")
    first = first.rstrip(",;:.")
    if everything and first.lower() == ALL:
        return _Argument(None, remainder.strip())
    suggestions = commands.near(first, task_names) if "/" in first or not remainder else ()
    if suggestions or _looks_like_a_task(first):
        hint = f"Did you mean {' or '.join(suggestions)}?" if suggestions else None
        raise Invalid(f"unknown task {first!r}", advice=hint)
    if about is None and text and everything:
        raise Refused(f"this thread is not about a task: name one, or write {ALL!r}")
    return _Argument(about, text)


def _looks_like_a_task(text: str) -> bool:
    return text.count("/") > 1 and "://" not in text


def _until(line: str) -> tuple[str | None, str]:
    """The end that is written in the rest of a line, and the line without it."""
    match = _UNTIL.match(line) or _UNTIL_A_DIGIT.search(line)
    if match is None:
        return None, line
    time = " ".join(match["time"].split()).rstrip(",;:.")
    return time, f"{line[: match.start()]} {line[match.end() :]}".strip()


def _required(task: str | None) -> str:
    if task is None:
        raise Refused("name a task: this thread is not about one")
    return task
