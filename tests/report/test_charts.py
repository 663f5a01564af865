"""Charts as shapes: bars stand on each other within the drawing, and the axis is round."""

from __future__ import annotations

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


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=60))
def test_bars_stand_in_the_drawing_on_each_other(counts: list[tuple[int, int]]) -> None:
    """No bar leaves the drawing or covers another, and each is as high as its share of the axis."""
    drawn = chart(*counts)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT
    columns = {bar.x: [each for each in drawn.bars if each.x == bar.x] for bar in drawn.bars}
    for bars in columns.values():
        for below, above in pairwise(bars):
            assert above.y + above.height == pytest.approx(below.y, abs=0.05)
    assert len(drawn.bars) == sum(1 for column in counts for count in column if count)
    assert len(drawn.ticks) <= 8
    assert max(map(sum, counts)) <= drawn.top


@table(("most", "top"), [(0, 1), (1, 1), (3, 4), (7, 8), (11, 20), (70, 80), (101, 200), (999, 1000)])
def test_the_axis_is_round(most: int, top: int) -> None:
    """It ends at the next round number."""
    assert chart((most, 0)).top == top


def test_it_is_told_in_words() -> None:
    """The sums and the highest column, for whoever does not see it; nothing of a highest where all is zero."""
    assert chart((1, 2), (4, 0)).description == "2 columns: 5 series 0, 2 series 1. Most at day 1: 4."
    assert chart((0, 0)).description == "1 column: 0 series 0, 0 series 1."
    assert chart().bars == []
