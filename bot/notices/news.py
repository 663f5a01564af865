"""What is news: what stands now against what was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.model.notice import Notice, NoticeEvent


def _nothing(_notice: Notice) -> Notice | None:
    return None


@dataclass(frozen=True, slots=True)
class Standing:
    """What one look says: the beginnings of all that stands, how what stands no longer ended, what merely happened.

    ``ended`` gives the end of something that was told to stand and does not any more, None where this look cannot know.
    """

    active: tuple[Notice, ...] = ()
    ended: Callable[[Notice], Notice | None] = field(default=_nothing, compare=False)
    once: tuple[Notice, ...] = ()


def news(standing: Standing, told_notices: Mapping[str, Notice], seen_notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """What nobody was told. What stands and got worse is news as well.

    ``told_notices`` is what was told to stand, by subject; ``seen_notices`` every notice that is remembered.
    """
    new_notices = [notice for notice in standing.active if _is_new(notice, told_notices.get(notice.subject))]
    current = {notice.subject for notice in standing.active}
    ended_notices = (standing.ended(notice) for subject, notice in told_notices.items() if subject not in current)
    seen_keys = {(notice.subject, notice.event) for notice in seen_notices}
    single_notices = [notice for notice in standing.once if (notice.subject, notice.event) not in seen_keys]
    return (*new_notices, *(notice for notice in ended_notices if notice is not None), *single_notices)


def _is_new(notice: Notice, before: Notice | None) -> bool:
    return before is None or notice.severity.rank > before.severity.rank


def end(notice: Notice, event: NoticeEvent, text: str, at: datetime) -> Notice:
    """The end of what ``notice`` began."""
    return replace(notice, event=event, text=text, at=at)
