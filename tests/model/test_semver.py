"""Versions and constraints, held against the library that Helm, Flux and Argo CD share: Helm's templates can ask it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.semver import Constraint, is_exact, parse_constraint, parse_version
from bot.renderers import tools
from tests.table import table

VERSIONS = [
    "0.0.0",
    "0.0.1",
    "0.0.3",
    "0.1.0",
    "0.2.3",
    "0.2.4",
    "0.3.0",
    "1.0.0",
    "1.0.0-alpha",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.2.0",
    "1.2.3",
    "1.2.3-rc.1",
    "1.2.4",
    "1.3.0",
    "1.3.0-0",
    "2.0.0",
    "2.0.0-alpha.1",
    "2.1.0+b",
    "11.1.0",
    "v1.2.3",
    "1.2",
    "1",
    "0.0.0-1",
]
TEMPLATE = "answers:\n{{- range .Values.versions }}\n- {{ semverCompare $.Values.constraint . }}\n{{- end }}\n"

operators = st.sampled_from(["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"])
numbers = st.sampled_from(["0", "1", "2", "3", "11"])
parts = st.lists(numbers, min_size=1, max_size=3).map(".".join)
bounds = st.one_of(parts, parts.map("v{}".format), st.sampled_from(["*", "x", "1.x", "1.2.x", "0.x", "X"]))
pre = st.sampled_from(["", "", "", "-a", "-rc.1", "-0"])
comparators = st.builds("{}{}{}{}".format, operators, st.sampled_from(["", " "]), bounds, pre)
constraints = st.builds(
    lambda listed, between: between.join(listed),
    st.lists(comparators, min_size=1, max_size=3),
    st.sampled_from([" ", ", ", " || ", "||", " - "]),
)


@cache
def chart() -> Any:
    """A chart whose one template compares."""
    from helm_python import Chart

    folder = Path(mkdtemp()) / "c"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 1.0.0\n")
    (folder / "templates" / "a.yaml").write_text(TEMPLATE)
    return Chart.load(str(folder))


def helm_takes(constraint: str) -> list[str] | None:
    """The versions that Helm takes; None where it says that the constraint is none."""
    try:
        values = {"versions": VERSIONS, "constraint": constraint}
        (printed,) = chart().render(values=values, name="a", namespace="b").values()
    except Exception as exc:  # the library has one class for all
        if "error calling semverCompare" not in str(exc):
            raise
        return None
    answers = [json.loads(line[2:]) for line in printed.splitlines() if line.startswith("- ")]
    return [version for version, taken in zip(VERSIONS, answers, strict=True) if taken]


def takes(constraint: Constraint) -> list[str]:
    versions = [(text, parse_version(text)) for text in VERSIONS]
    return [text for text, version in versions if version is not None and constraint.takes(version)]


@pytest.mark.skipif(not tools.helm_library(), reason="helm-python-sdk is not installed")
@settings(max_examples=150, deadline=None)
@given(constraints)
def test_a_constraint_takes_what_helm_takes(constraint: str) -> None:
    """Whatever operators, wildcards, pre-releases and ranges it is put together from."""
    mine = parse_constraint(constraint)
    assert (None if mine is None else takes(mine)) == helm_takes(constraint)


@pytest.mark.skipif(not tools.helm_library(), reason="helm-python-sdk is not installed")
@table("constraint", ["", "1.2.3,", "a", "1.2.3.4", ">>1", "1.2.3 || ", "latest", "^", "1 . 2"])
def test_what_is_no_constraint_for_helm_is_none(constraint: str) -> None:
    """Nor is it one that takes everything."""
    assert parse_constraint(constraint) is None
    assert helm_takes(constraint) is None


@pytest.mark.parametrize(
    ("constraint", "newest"),
    [
        ("*", "11.1.0"),
        ("<2", "1.3.0"),
        ("^1.2", "1.3.0"),
        ("~1.2.0", "1.2.4"),
        (">=2-0 <3", "2.1.0+b"),
        (">11.1", None),
    ],
)
def test_the_newest_is_the_greatest_that_is_taken(constraint: str, newest: str | None) -> None:
    """None where none is taken."""
    read = parse_constraint(constraint)
    assert read is not None
    newest_taken = read.newest(version for text in VERSIONS if (version := parse_version(text)) is not None)
    assert (newest_taken.text if newest_taken else None) == newest


def test_versions_are_ordered_as_the_specification_says() -> None:
    """Numbers as numbers, words after them, a release after all its pre-releases (semver.org, item 11)."""
    listed = [
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    versions = [parse_version(text) for text in listed]
    assert sorted(versions, reverse=True) == versions[::-1]  # type: ignore[type-var]
    assert parse_version("1.2.0+a") == parse_version("v1.2+b")


@table("text", ["", "a", "1.2.3.4", "1.2.3-01", "1..2", "-1", "1.2.3-", "x" * 300])
def test_what_is_no_version_is_none(text: str) -> None:
    """It is passed over where versions are looked for."""
    assert parse_version(text) is None


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("1.2.3", True),
        ("v1.2.3", True),
        ("1.2.3-rc.1+b", True),
        ("1.2", False),
        ("1.2.x", False),
        ("^1.2.3", False),
        ("latest", False),
    ],
)
def test_only_a_whole_version_is_the_same_for_ever(text: str, exact: bool) -> None:
    """A part of one is a range."""
    assert is_exact(text) is exact
