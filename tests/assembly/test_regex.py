"""Regular expressions: RE2's language, the first match that Python's ``re`` finds too, and time that is linear."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assembly.faults import EvaluationBudget, Misuse
from bot.assembly.regex.matching import find_all, search
from bot.assembly.regex.syntax import BadPattern, read_pattern
from tests.table import table

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "é", "(?:ab)"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "+?", "??", "{1,2}", "{2}", "{1,}?"])


def repeated(part: str, repeat: str) -> str:
    """``part`` so often. Nothing is repeated that may be empty: there Python and RE2 differ in what groups hold."""
    return part if part in {r"\b", "^"} or part.startswith("((") else part + repeat


PATTERNS = st.recursive(
    st.builds(repeated, ATOMS, REPEATS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        inner.map(lambda part: f"({part})"),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text("abcé\n", max_size=12))
def test_the_first_match_is_the_one_python_finds(pattern: str, text: str) -> None:
    """Where both know the syntax, the spans of the match and its groups are the same."""
    program = read_pattern(pattern)
    match = re.search(pattern, text, re.ASCII)
    slots = search(program, text, 0, EvaluationBudget())
    groups = len(program.names) + 1
    assert (slots is None) == (match is None)
    if slots is not None and match is not None:
        spans = [slots[2 * group : 2 * group + 2] for group in range(groups)]
        assert spans == [
            (None, None) if match.span(group) == (-1, -1) else match.span(group) for group in range(groups)
        ]


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*)(.*)(.*)(.*)b", "(?:a?){30}a{30}b"])
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    """A text twice as long takes twice the steps, for patterns that make Python's ``re`` run for ever."""

    def steps(length: int) -> int:
        budget = EvaluationBudget(10**6)
        assert search(read_pattern(pattern), "a" * length + "c", 0, budget) is None
        return 10**6 - budget.left

    assert steps(4000) <= 2.1 * steps(2000)


def test_a_search_ends_where_the_budget_does() -> None:
    """A search that takes more than what is left is a mistake of the arguments."""
    with pytest.raises(Misuse, match="too long"):
        search(read_pattern("(?:a|b|c)*d"), "abc" * 1000, 0, EvaluationBudget(100))


@given(st.text("ab()[]{}|*+?\\^$.-:<>P1,iQEdpx", max_size=16), st.text("ab1-", max_size=6))
def test_any_text_is_a_pattern_or_a_bad_one(pattern: str, text: str) -> None:
    """No text breaks the reader, and no program breaks the search."""
    try:
        program = read_pattern(pattern)
    except BadPattern:
        return
    for slots in find_all(program, text, EvaluationBudget()):
        start, end = slots[:2]
        assert start is not None
        assert end is not None
        assert 0 <= start <= end <= len(text)


@table("pattern", ["(?:a{1000}){1000}", "(" * 50 + ")" * 50, "[", "a{2000}", "\\1", "(?=a)", "\\pX", "x**"])
def test_patterns_that_are_too_large_or_unknown_are_refused(pattern: str) -> None:
    """They are mistakes that say what is wrong, not answers."""
    with pytest.raises(BadPattern, match="takes a regular expression; this has "):
        read_pattern(pattern)


@table(
    "pattern, text, spans",
    [
        (r"(?i)\pL", "ß", [(0, 1)]),
        ("(?i)[A-Z]", "ß", []),
        ("(?i)[[:alpha:]]", "ſ", [(0, 1)]),
        (r"\B", "", [(0, 0)]),
        (r"a$", "a\n", []),
        (r"(?m)a$", "a\n", [(0, 1)]),
        (r"[[:^space:]\pZ]", "\v \t", [(1, 2)]),
    ],
)
def test_a_class_is_about_one_character(pattern: str, text: str, spans: list[tuple[int, int]]) -> None:
    """Also where its capital is two, which are in no class; and what holds of a position is what RE2 says of it."""
    assert [slots[:2] for slots in find_all(read_pattern(pattern), text, EvaluationBudget())] == spans
