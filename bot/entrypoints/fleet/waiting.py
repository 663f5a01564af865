"""What one run leaves for people: its open pull requests and issues, and what limits hold back. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from bot import escape
from bot.fleet.waits import MOST_NAMED, AwaitedItem, HeldTasks, WaitingForPeople
from bot.flows.dashboard.board import DASHBOARD
from bot.model.codehost import Issue, ItemState, PullRequest
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick
from bot.report.asked import asked_people

_LONGEST: Final = 200
_STUCK: Final = frozenset({Effect.WAITING, Effect.UNDELIVERED, Effect.UNSUPPORTED, Effect.FAILED})
"""What cannot be written until somebody acts."""


def waiting_of(tick: Tick) -> WaitingForPeople | None:
    """What waits for people after this run; None where it did not ask the code host, or there is none."""
    if tick.pulls is None or tick.issues is None:
        return None
    items = sorted(_items(tick), key=lambda item: item.number, reverse=True)
    pulls = sum(item.kind == "pull request" for item in items)
    return WaitingForPeople(pulls, len(items) - pulls, tuple(items[:MOST_NAMED]))


def _items(tick: Tick) -> Iterator[AwaitedItem]:
    """Those that were open before and were not closed, and those that were opened."""
    people, closed = asked_people(tick), {_subject(action) for action in tick.actions if action.effect is Effect.CLOSED}
    listed: Sequence[PullRequest | Issue] = [*(tick.pulls or ()), *(tick.issues or ())]
    subjects = {(_kind_of(item), item.number): item for item in listed}
    for subject, item in subjects.items():
        is_told = item.marker is not None and item.marker.kind != DASHBOARD  # which waits for nobody
        if item.state is ItemState.OPEN and is_told and subject not in closed:
            yield _item(subject, item.title, item.url, item.updated_at, people)
    for action in tick.actions:
        subject = _subject(action)
        if action.effect is Effect.OPENED and action.number is not None and subject not in subjects:
            yield _item(subject, action.message, action.url or "", tick.at, people)


_Kind: TypeAlias = Literal["pull request", "issue"]
_Subject: TypeAlias = tuple[_Kind, int]


def _item(
    subject: _Subject, title: str, url: str, updated: datetime | None, people: Mapping[int, tuple[str, ...]]
) -> AwaitedItem:
    kind, number = subject
    names = people.get(number, ())[:MOST_NAMED]
    return AwaitedItem(number, kind, _line(title), url, updated, tuple(map(_line, names)))


def _kind_of(item: PullRequest | Issue) -> _Kind:
    return "pull request" if isinstance(item, PullRequest) else "issue"


def _subject(action: TakenAction) -> _Subject:
    return ("pull request" if action.lane is Lane.CONFIG_PULL_REQUEST else "issue", action.number or 0)


def held_in(tick: Tick) -> tuple[HeldTasks, ...] | None:
    """What is not done for now, by its reason, the most frequent first: at most :data:`MOST_NAMED` reasons. None where the run
    was blocked before it tried anything.
    """
    if tick.blocked is not None and not tick.actions:
        return None
    groups: dict[str, list[TakenAction]] = {}
    for action in tick.actions:
        if (reason := _reason(action)) is not None:
            groups.setdefault(reason, []).append(action)
    held_tasks = [_held_tasks(reason, group) for reason, group in groups.items()]
    return tuple(sorted(held_tasks, key=lambda each: (-each.tasks, each.reason))[:MOST_NAMED])


def _reason(action: TakenAction) -> str | None:
    if action.effect in {Effect.DENIED, Effect.REJECTED}:
        return action.limit or action.effect.value
    return "cannot be written" if action.effect in _STUCK else None


def _held_tasks(reason: str, group: Sequence[TakenAction]) -> HeldTasks:
    times = [action.next_eligible for action in group if action.next_eligible is not None]
    tasks, first = {action.task for action in group}, group[0]
    return HeldTasks(reason, len(tasks), _line(f"{first.task}: {first.message}"), min(times, default=None))


def _line(text: str) -> str:
    """On one line, without secrets and what hides."""
    return escape.visible(" ".join(text.split()))[:_LONGEST]
