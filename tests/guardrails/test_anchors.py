"""Rules are shown only the lines that hold their anchors, and say what they would say of all lines."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.guardrails import catalogue, hunks
from bot.guardrails.anchors import Anchors, AnchorSet, LinePattern, literal_bytes, spaced
from bot.guardrails.detectors import destruction, hygiene, integrity, pods, testing
from bot.guardrails.judge import judge
from bot.guardrails.rule import Hit, Subject
from bot.model.finding import FileChange, FileStatus, Mode
from bot.secrecy.literals import ScanBackend, available
from tests.guardrails import recorded
from tests.guardrails.changes import change, plain_book
from tests.table import table

PATTERNS = [pattern for detectors in (destruction, hygiene, integrity, pods, testing) for pattern in detectors.PATTERNS]


@pytest.mark.parametrize("backend", [*available()])
def test_every_backend_shows_the_same_lines(backend: ScanBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever finds the anchors, 420 made-up changes have the findings that they had before there were anchors."""
    monkeypatch.setattr("bot.guardrails.rule.suited", lambda _size: backend)
    said = recorded.judged()
    assert {name: values for name, values in recorded.recorded().items() if said[name] != values} == {}


def all_hits(subject: Subject) -> list[tuple[str, list[Hit]]]:
    return [(rule, list(detector(subject))) for rule, detector in catalogue.DETECTORS.items()]


class _Unanchored(Subject):
    """A subject whose files show every line to every rule."""

    def delta(self, file: FileChange) -> hunks.Delta:
        return hunks.Delta(file, self.exemptions, self.options.largest_file)


@pytest.mark.parametrize("seed", range(2))
def test_all_lines_give_the_same_hits(seed: int) -> None:
    """Rules that are shown every line point at the same places."""
    names = sorted(recorded.recorded())
    chosen = set(random.Random(seed).sample(names, 40))
    for name, each in recorded.changes():
        if name in chosen:
            assert all_hits(Subject(each)) == all_hits(_Unanchored(each)), name


@table("pattern", PATTERNS, ids=lambda pattern: pattern.source[:30])
def test_whatever_a_pattern_matches_holds_its_anchors(pattern: LinePattern) -> None:
    """A text made from the pattern, in either case where case does not matter, is found by every back end."""

    @given(st.from_regex(re.compile(pattern.source, pattern.flags)), st.booleans())
    @settings(max_examples=10, deadline=None, database=None)
    def holds(text: str, upper: bool) -> None:
        line = text.replace("\n", " ")
        if upper and pattern.compiled.search(line.upper()):
            line = line.upper()
        if pattern.compiled.search(line) is None:
            return
        data = line.encode("utf-8", "surrogatepass")
        for backend in available():
            assert AnchorSet((pattern.anchors,), backend).lines(data).keys() == {pattern.anchors}

    holds()


FORMS = (
    Anchors(literal_bytes("secret", "token"), behind=r"[ \t]*[=:][ \t]*[\"']"),
    Anchors(literal_bytes("AK" + "IA"), exact=True, at=r"(?<![A-Z])AK" r"IA[A-Z]{2}"),
    Anchors(spaced("rm", tails=("!",))),
    Anchors(literal_bytes("skip", "ski"), folds=True),
    Anchors(at=r"[A-Z]{24}"),
    Anchors(behind=r"=="),
)
PIECES = [
    "secret",
    "TOKEN",
    " ",
    "=",
    ":",
    '"',
    "AK" + "IA",
    "ZZ",
    "rm",
    "rm!",
    "ſkip",
    "ski",
    "ß",
    "\n",
    "\r\n",
    "\u2003",
    "x" * 24,
    "Y" * 30,
    "==",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=150, deadline=None)
def test_the_same_lines_are_found_one_by_one(text: str) -> None:
    """Every back end finds of a text the lines that it finds when each is looked at alone."""
    data = text.encode()
    lines = data.split(b"\n")
    for backend in available():
        anchors = AnchorSet(FORMS, backend)
        alone = {form: [number for number, line in enumerate(lines) if form in anchors.lines(line)] for form in FORMS}
        located = anchors.lines(data)
        assert {form: [line.number for line in located.get(form, ())] for form in FORMS} == alone
        assert all(data[line.start : line.end] == lines[line.number] for found in located.values() for line in found)


@pytest.mark.parametrize("backend", [*available()])
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=100, deadline=None)
def test_backends_agree(backend: ScanBackend, text: str) -> None:
    """Hyperscan, the automaton and the one expression name the same lines."""
    located = AnchorSet(FORMS, backend).lines(text.encode())
    plain = AnchorSet(FORMS, ScanBackend.PLAIN).lines(text.encode())
    assert located == plain


@pytest.mark.parametrize(
    "line",
    ["rm " * 40_000, "secret" * 30_000, "a" * 300_000, "password: " + " " * 200_000, "://a:" * 40_000, "sk-" * 60_000],
    ids=lambda line: line[:8],
)
def test_a_hostile_line_ends(line: str) -> None:
    """One line of hundreds of thousands of anchors is judged, and the next one too (the suite's time limit would tell)."""
    data = f"{line}\nverify = False\n".encode() * 2
    file = FileChange("src/app.sh", FileStatus.ADDED, None, data)
    judgement = judge(change(file), plain_book(), Mode.STRICT, today=recorded.TODAY)
    assert judgement.failure is None


@pytest.mark.parametrize("backend", [*available()])
@pytest.mark.parametrize("before", [(1 << 17) - 3, (1 << 17) - 2, 1 << 17, (1 << 18) + 1])
def test_one_long_line_is_searched_in_windows(backend: ScanBackend, before: int) -> None:
    """A literal that lies across two windows of one line is found, with what is behind it, and once."""
    form = FORMS[0]
    line = b"." * before + b"secret = '" + b"." * 10
    assert [(each.number, each.end) for each in AnchorSet((form,), backend).lines(line)[form]] == [(0, len(line))]


def test_lines_beyond_a_block_keep_their_numbers() -> None:
    """What stands half a megabyte into a file is found with its line."""
    filler = "".join(random.Random(1).choices(string.ascii_lowercase, k=70)) + "\n"
    text = filler * 8000 + "cursor.execute('DROP TABLE users')\n" + filler
    file = FileChange("src/app.py", FileStatus.ADDED, None, text.encode())
    lines = [hit.line for hit in destruction.data_drop(Subject(change(file)))]
    assert lines == [8001]
