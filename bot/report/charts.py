"""Bars over time as shapes of an SVG: what a page draws, and the table that says the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from bot.model.wording import counted

WIDTH: Final = 640
"""Units of the drawing, which is as wide as there is room."""
HEIGHT: Final = 180
_LEFT: Final = 44
_TOP: Final = 14
_BOTTOM: Final = 28
_LOWEST: Final = 2.0
"""So high is a part at least that is not nothing."""
_GAP: Final = 0.22
"""The share of a column that stays empty."""


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """One moment or day, as ``label`` names it in the table and ``short`` below the axis, with a count of each series.

    ``is_known`` is False where nobody can tell: then the counts are 0, and neither drawn nor said.
    """

    label: str
    short: str
    counts: tuple[int, ...]
    is_known: bool = True

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class ChartShape:
    """All rectangles of one series as one path of an SVG; ``tone`` is the class of the series."""

    tone: str
    path: str


@dataclass(frozen=True, slots=True)
class ChartGap:
    """Columns in a row of which nobody can tell, in units of the drawing."""

    x: float
    width: float


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
    standing: bool = False
    """Whether a column says how much there was then, and not how much was new: then columns cannot be added up."""

    @property
    def top(self) -> int:
        """The number at the upper end of the axis: at least 1, round."""
        return _round_up(max((column.total for column in self.columns), default=0))

    @property
    def description(self) -> str:
        """A sentence for whoever does not see it: the sum of each series, or what stands last; and the highest column."""
        known_columns = [column for column in self.columns if column.is_known]
        size = counted(len(self.columns), "column")
        if len(known_columns) < len(self.columns):
            size += f", {len(self.columns) - len(known_columns)} of them unknown"
        highest = max(known_columns, key=lambda column: column.total, default=None)
        most = "" if highest is None or not highest.total else f" Most at {highest.label}: {highest.total}."
        if self.standing and known_columns:
            return f"{size}. Last, at {known_columns[-1].label}: {self._parts(known_columns[-1:])}.{most}"
        return f"{size}: {self._parts(known_columns)}.{most}"

    def _parts(self, columns: Sequence[ChartColumn]) -> str:
        sums = [sum(column.counts[index] for column in columns) for index in range(len(self.series))]
        return ", ".join(f"{number} {name}" for number, name in zip(sums, self.series, strict=True))

    @property
    def gaps(self) -> Sequence[ChartGap]:
        """Where nobody can tell, as few as possible."""
        step, gaps, first = (WIDTH - _LEFT) / max(len(self.columns), 1), list[ChartGap](), 0
        for is_known, run in groupby(self.columns, key=lambda column: column.is_known):
            length = len(list(run))
            if not is_known:
                gaps.append(ChartGap(_n(_LEFT + first * step), _n(length * step)))
            first += length
        return gaps

    @property
    def shapes(self) -> Sequence[ChartShape]:
        """Every part that is not nothing, by series; one that would be too low to be seen is as high as can be."""
        step = (WIDTH - _LEFT) / max(len(self.columns), 1)
        scale, paths = (HEIGHT - _TOP - _BOTTOM) / self.top, [""] * len(self.series)
        for index, column in enumerate(self.columns):
            bottom, x, width = float(HEIGHT - _BOTTOM), _n(_LEFT + (index + _GAP / 2) * step), _n(step * (1 - _GAP))
            for series, count in enumerate(column.counts):
                if count:
                    height = max(count * scale, _LOWEST)
                    bottom -= height
                    paths[series] += f"M{x:g} {_n(bottom):g}h{width:g}v{_n(height):g}h-{width:g}z"
        return [ChartShape(tone, path) for tone, path in zip(self.tones, paths, strict=True) if path]

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
        return [ChartLabel(_n(HEIGHT - _BOTTOM - number / self.top * span), _short(number)) for number in numbers]


def _round_up(number: int) -> int:
    """The next of 1, 2, 4, 6, 8, 10, 20, 40 …"""
    step = 1
    while number > 10 * step:
        step *= 10
    return next(step * multiple for multiple in (1, 2, 4, 6, 8, 10) if number <= step * multiple)


def _short(number: int) -> str:
    """``500``, ``2k``, ``1M``: a round number in the room that is left of the axis."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return str(number)


def _n(number: float) -> float:
    """As many digits as a drawing needs."""
    return round(number, 2)
