"""Markers: what is written is read back, and nothing else is."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.github import marker as markers
from bot.model.codehost import Marker

REPOSITORY, SECRET = "acme/shop", b"a secret for markers"
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(kind=ANY, key=ANY, digest=ANY, closed=st.booleans(), body=ANY, crlf=st.booleans())
def test_a_marker_is_read_back(*, kind: str, key: str, digest: str, closed: bool, body: str, crlf: bool) -> None:
    """Any kind, key and digest survive, also with CRLF, and the line holds nothing that could end the comment."""
    marker = Marker(kind, key, digest)
    text = markers.attach(marker, body, repository=REPOSITORY, secret=SECRET, closed=closed)
    text = text.replace("\n", "\r\n") if crlf else text
    assert markers.read(text, repository=REPOSITORY, secret=SECRET) == (marker, closed)
    line = text.splitlines()[0]
    assert line.count("--") == 2
    assert line.isascii()


@given(kind=ANY, key=ANY, digest=ANY, at=st.integers(min_value=0, max_value=400), char=st.characters(codec="ascii"))
def test_one_changed_character_breaks_it(kind: str, key: str, digest: str, at: int, char: str) -> None:
    """Changing any single character of the line leaves no marker."""
    line = markers.line(Marker(kind, key, digest), repository=REPOSITORY, secret=SECRET)
    at %= len(line)
    changed = line[:at] + char + line[at + 1 :]
    assume(changed != line and unquoted(changed) != unquoted(line))
    assert markers.read(changed, repository=REPOSITORY, secret=SECRET) is None


def unquoted(line: str) -> str:
    """Percent escapes mean the same in either case."""
    from urllib.parse import unquote

    return unquote(line)


def test_another_repository_has_other_markers() -> None:
    """A marker that is valid in one repository means nothing in another or under another secret."""
    marker = Marker("kind", "key", "digest")
    body = markers.attach(marker, "Text", repository=REPOSITORY, secret=SECRET)
    assert markers.read(body, repository="ACME/Shop", secret=SECRET) == (marker, False)
    assert markers.read(body, repository="acme/other", secret=SECRET) is None
    assert markers.read(body, repository=REPOSITORY, secret=b"x") is None


def test_only_the_first_line_counts() -> None:
    """A genuine marker quoted further down, or indented, is somebody showing it."""
    body = markers.attach(Marker("kind", "key", "digest"), "Text", repository=REPOSITORY, secret=SECRET)
    for quoted in (f"Look:\n{body}", f" {body}", f"> {body}", f"\n{body}", ""):
        assert markers.read(quoted, repository=REPOSITORY, secret=SECRET) is None
    assert markers.read(None, repository=REPOSITORY, secret=SECRET) is None
    assert markers.without(body) == "Text\n"


def test_parts_cannot_be_shifted() -> None:
    """Two different markers whose parts run together to the same text have different signatures."""
    line = markers.line(Marker("a", "bc", "d"), repository=REPOSITORY, secret=SECRET)
    other = markers.line(Marker("ab", "c", "d"), repository=REPOSITORY, secret=SECRET)
    assert line.split("mac=")[1] != other.split("mac=")[1]
