"""Archives of others: what is taken, and what is refused whole."""

from __future__ import annotations

import gzip
import io
import re
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.upstream.archive import UnpackLimits, chart_of, packed, tree_of, unpacked
from tests.table import table
from tests.upstream.packages import archive

LIMITS = UnpackLimits(total=1024 * 1024, file=256 * 1024, entries=50)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for attribute, value in {"type": kind, "linkname": target}.items():  # TarInfo.replace came with Python 3.11.4
        setattr(member, attribute, value)
    return member


@table(
    ("data", "reason"),
    [
        (archive({"../a": b""}), "leads out of its folder"),
        (archive({"a/../../b": b""}), "leads out of its folder"),
        (archive({"/etc/passwd": b""}), "leads out of its folder"),
        (archive({"a\\..\\b": b""}), "leads out of its folder"),
        (archive({"C:/a": b""}), "leads out of its folder"),
        (archive({"a\nb": b""}), "leads out of its folder"),
        (archive({}, [link("a", "/etc/passwd")]), "is a link or a device"),
        (archive({"a": b""}, [link("b", "a", tarfile.LNKTYPE)]), "is a link or a device"),
        (archive({}, [link("a", "", tarfile.CHRTYPE)]), "is a link or a device"),
        (archive({}, [link("a", "", tarfile.FIFOTYPE)]), "is a link or a device"),
        (archive({"a": bytes(300 * 1024)}), "a in it is larger than 0.25 MiB"),
        (archive({str(number): bytes(200 * 1024) for number in range(6)}), "unpacks to more than 1 MiB"),
        (archive({str(number): b"" for number in range(51)}), "more than 50 entries"),
        (b"PK\x03\x04", "it is no gzipped archive"),
        (b"", "it is no gzipped archive"),
    ],
)
def test_an_archive_that_is_made_to_harm_is_refused(data: bytes, reason: str) -> None:
    """Names that lead out, links, devices, large files, many files, other formats."""
    with pytest.raises(Invalid, match=re.escape(reason)):
        unpacked(data, LIMITS)


def test_a_bomb_is_refused() -> None:
    """Made here and not in the table, which every worker reads."""
    for data, reason in [
        (bytes(64 * 1024 * 1024), "unpacks to more than 1 MiB"),
        (b"x" * 4 * 1024 * 1024, "it is no whole gzipped tar archive"),
    ]:
        with pytest.raises(Invalid, match=re.escape(reason)):
            unpacked(gzip.compress(data, 1), LIMITS)


def test_a_header_as_large_as_a_bomb_is_refused() -> None:
    """Names and headers count, too: they are read before any file."""
    target = io.BytesIO()
    headers = {"comment": "x" * 8 * 1024 * 1024}
    with (
        gzip.GzipFile(fileobj=target, mode="wb") as stream,
        tarfile.open(fileobj=stream, mode="w", pax_headers=headers) as tar,
    ):
        tar.addfile(tarfile.TarInfo("a"))
    with pytest.raises(Invalid, match="unpacks to more than 1 MiB"):
        unpacked(target.getvalue(), LIMITS)


def test_a_name_may_begin_with_a_dot() -> None:
    """As ``tar`` writes names of the folder that it is in."""
    assert unpacked(archive({"./a/.helmignore": b"x", "b//c": b"y"}), LIMITS) == {"a/.helmignore": b"x", "b/c": b"y"}


@settings(max_examples=80)
@given(st.integers(0, 10_000), st.binary(max_size=3))
def test_what_is_cut_short_or_altered_is_refused_or_whole(position: int, garbage: bytes) -> None:
    """No byte of an archive can be lost without a word: gzip has a checksum."""
    files = {"web/Chart.yaml": b"name: web\n", "web/values.yaml": b"a: 1\n" * 50}
    data = archive(files)
    at = position % len(data)
    changed = data[:at] + garbage + (data[at + len(garbage) :] if garbage else b"")
    try:
        assert unpacked(changed, LIMITS) == files
    except Invalid:
        assert changed != data


names = st.text(alphabet="abc.-_", min_size=1, max_size=8).filter(lambda name: name.strip("."))


@settings(max_examples=60)
@given(st.dictionaries(st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=200), max_size=8))
def test_packing_loses_nothing_and_is_the_same_everywhere(files: dict[str, bytes]) -> None:
    """The same files are the same bytes, in whatever order; unpacked they are what they were."""
    data = packed(files)
    assert data == packed(dict(reversed(list(files.items()))))
    assert unpacked(data, LIMITS) == files
    tree = tree_of(files)
    assert {path: tree.read(path) for path in tree} == files


def test_a_chart_lies_in_a_folder_of_its_own() -> None:
    """Whatever that is called; without a ``Chart.yaml`` it is none."""
    assert chart_of({"x/Chart.yaml": b"1", "x/templates/a.yaml": b"2"}) == {
        "Chart.yaml": b"1",
        "templates/a.yaml": b"2",
    }
    with pytest.raises(Invalid, match=r"no Chart\.yaml"):
        chart_of({"Chart.yaml": b"1"})
