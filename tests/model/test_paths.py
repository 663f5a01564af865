"""Paths as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.paths import Item, Path, format_path, parse_path

segments = st.one_of(
    st.text(min_size=1), st.integers(min_value=0, max_value=10**6), st.builds(Item, st.text(min_size=1))
)


@given(st.lists(segments, max_size=6).map(tuple))
def test_text_and_back(path: Path) -> None:
    """Parsing what formatting wrote gives the same path, whatever the keys hold."""
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("spec.ports[1935/TCP].targetPort", ("spec", "ports", Item("1935/TCP"), "targetPort")),
        ('metadata.labels["app.kubernetes.io/name"]', ("metadata", "labels", "app.kubernetes.io/name")),
        ("command[#0]", ("command", 0)),
    ],
)
def test_the_forms_people_see(text: str, path: Path) -> None:
    """These are the published forms."""
    assert parse_path(text) == path
    assert format_path(path) == text


@pytest.mark.parametrize("text", ["a..b", "a[", "a b", "]", "a[]", "a[#x]", 'a["b]'])
def test_nonsense_names_its_column(text: str) -> None:
    """What is no path is refused with the column where it stops making sense."""
    with pytest.raises(Invalid, match="column"):
        parse_path(text)
