"""Bars over time as shapes of an SVG: what a page draws, and the table that says the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.model.wording import counted

WIDTH: Final = 640
"""Units of the drawing, which is as wide as there is room."""
HEIGHT: Final = 180
_LEFT: Final = 44
_TOP: Final = 14
_BOTTOM: Final = 28
_GAP: Final = 0.22
"""The share of a column that stays empty."""


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """One moment or day, as ``label`` names it in the table and ``short`` below the axis, with a count of each series."""

    label: str
    short: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A rectangle in units of the drawing; ``tone`` is the class of its series."""

    tone: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartLabel:
    """A text below the axis, or a line of the grid with its number beside it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Columns of stacked bars. ``name`` is a word for ids, ``series`` name the parts from the bottom up, ``tones`` are their
    classes, and ``empty`` is said where there is nothing to draw.
    """

    name: str
    title: str
    heading: str
    series: tuple[str, ...]
    tones: tuple[str, ...]
    columns: tuple[ChartColumn, ...]
    empty: str

    @property
    def top(self) -> int:
        """The number at the upper end of the axis: at least 1, round."""
        return _round_up(max((column.total for column in self.columns), default=0))

    @property
    def description(self) -> str:
        """A sentence for whoever does not see it: the sum of each series, and the highest column."""
        sums = [sum(column.counts[index] for column in self.columns) for index in range(len(self.series))]
        parts = ", ".join(f"{number} {name}" for number, name in zip(sums, self.series, strict=True))
        highest = max(self.columns, key=lambda column: column.total, default=None)
        most = "" if highest is None or not highest.total else f" Most at {highest.label}: {highest.total}."
        return f"{counted(len(self.columns), 'column')}: {parts}.{most}"

    @property
    def bars(self) -> Sequence[ChartBar]:
        """Every part that is not nothing."""
        step = (WIDTH - _LEFT) / max(len(self.columns), 1)
        scale = (HEIGHT - _TOP - _BOTTOM) / self.top
        bars = []
        for index, column in enumerate(self.columns):
            below = 0
            for series, count in enumerate(column.counts):
                if count:
                    x, y = _LEFT + (index + _GAP / 2) * step, HEIGHT - _BOTTOM - (below + count) * scale
                    bars.append(ChartBar(self.tones[series], _n(x), _n(y), _n(step * (1 - _GAP)), _n(count * scale)))
                below += count
        return bars

    @property
    def ticks(self) -> Sequence[ChartLabel]:
        """What stands below the columns: at most eight, with equal steps."""
        step = (WIDTH - _LEFT) / max(len(self.columns), 1)
        spacing = -(-len(self.columns) // 8) or 1
        labelled_columns = [(index, column) for index, column in enumerate(self.columns) if index % spacing == 0]
        return [ChartLabel(_n(_LEFT + (index + 0.5) * step), column.short) for index, column in labelled_columns]

    @property
    def grid(self) -> Sequence[ChartLabel]:
        """Nothing, half where that is a whole number, and the top."""
        numbers = [0, *([self.top // 2] if self.top % 2 == 0 else []), self.top]
        span = HEIGHT - _TOP - _BOTTOM
        return [ChartLabel(_n(HEIGHT - _BOTTOM - number / self.top * span), str(number)) for number in numbers]


def _round_up(number: int) -> int:
    """The next of 1, 2, 4, 6, 8, 10, 20, 40 …"""
    step = 1
    while number > 10 * step:
        step *= 10
    return next(step * multiple for multiple in (1, 2, 4, 6, 8, 10) if number <= step * multiple)


def _n(number: float) -> float:
    """As many digits as a drawing needs."""
    return round(number, 2)
