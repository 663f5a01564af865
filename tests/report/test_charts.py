"""Charts as shapes: bars stand on each other within the drawing, and the axis is round."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.charts import HEIGHT, WIDTH, BarChart, ChartColumn
from tests.table import table


def chart(*counts: tuple[int, ...]) -> BarChart:
    """Columns with these counts."""
    columns = tuple(ChartColumn(f"day {index}", str(index), each) for index, each in enumerate(counts))
    size = len(counts[0]) if counts else 2
    names = tuple(f"series {index}" for index in range(size))
    return BarChart("x", "title", "heading", names, ("good",) * size, columns, "nothing")


Bar = tuple[float, float, float, float]


def bars(drawn: BarChart) -> list[list[Bar]]:
    """The rectangles of each series that has some: left, top, width and height."""
    figure = re.compile(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-([\d.]+)z")
    assert all(not figure.sub("", shape.path) for shape in drawn.shapes)
    found = [figure.findall(shape.path) for shape in drawn.shapes]
    assert all(width == back for series in found for *_, width, _, back in series)
    return [[(float(x), float(y), float(w), float(h)) for x, y, w, h, _ in series] for series in found]


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=60))
def test_bars_stand_in_the_drawing_on_each_other(counts: list[tuple[int, int]]) -> None:
    """No bar leaves the drawing or covers another, each is as high as its share of the axis, and none too low to be seen."""
    drawn = chart(*counts)
    all_bars = [bar for series in bars(drawn) for bar in series]
    for x, y, width, height in all_bars:
        assert 0 <= x <= x + width <= WIDTH
        assert 0 <= y <= y + height <= HEIGHT
        assert height >= 2
    for left in {bar[0] for bar in all_bars}:
        for below, above in pairwise(bar for bar in all_bars if bar[0] == left):
            assert above[1] + above[3] == pytest.approx(below[1], abs=0.05)
    shares = [max(count / drawn.top * 138, 2) for series in (0, 1) for column in counts if (count := column[series])]
    assert [bar[3] for bar in all_bars] == pytest.approx(shares, abs=0.01)
    assert len(drawn.ticks) <= 8
    assert max(map(sum, counts)) <= drawn.top


def test_what_nobody_can_tell_is_a_gap() -> None:
    """Neighbours are one; what is said counts them, and adds up nothing of them. What stands is not added up at all."""
    columns = tuple(ChartColumn(f"day {at}", str(at), (at,), is_known=at in {2, 5}) for at in range(6))
    drawn = BarChart("x", "title", "heading", ("a",), ("good",), columns, "nothing")
    assert drawn.description == "6 columns, 4 of them unknown: 7 a. Most at day 5: 5."
    standing = replace(drawn, standing=True)
    assert standing.description == "6 columns, 4 of them unknown. Last, at day 5: 5 a. Most at day 5: 5."
    assert replace(standing, columns=columns[:1]).description == "1 column, 1 of them unknown: 0 a."
    step = (WIDTH - 44) / 6
    drawn_gaps = [number for gap in drawn.gaps for number in (gap.x, gap.width)]
    assert drawn_gaps == pytest.approx([44, 2 * step, 44 + 3 * step, 2 * step], abs=0.01)


@table(("top", "texts"), [(8, ["0", "4", "8"]), (1000, ["0", "500", "1k"]), (2_000_000, ["0", "1M", "2M"])])
def test_the_axis_is_short(top: int, texts: list[str]) -> None:
    """Large numbers have room beside it."""
    assert [line.text for line in chart((top, 0)).grid] == texts


@table(("most", "top"), [(0, 1), (1, 1), (3, 4), (7, 8), (11, 20), (70, 80), (101, 200), (999, 1000)])
def test_the_axis_is_round(most: int, top: int) -> None:
    """It ends at the next round number."""
    assert chart((most, 0)).top == top


def test_it_is_told_in_words() -> None:
    """The sums and the highest column, for whoever does not see it; nothing of a highest where all is zero."""
    assert chart((1, 2), (4, 0)).description == "2 columns: 5 series 0, 2 series 1. Most at day 1: 4."
    assert chart((0, 0)).description == "1 column: 0 series 0, 0 series 1."
    assert chart().shapes == []
