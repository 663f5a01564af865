"""A mutation run on a project of three functions, with real test runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mutate.mutants import mutants
from tests.mutate.rooms import ROOT, Room
from tests.mutate.run import Verdict, run

SOURCE = """
from time import sleep


def bigger(a, b):
    return a > b


def waits(number):
    while number > 0:
        sleep(0.01)
        number -= 1
    return number


def unknown(a):
    return not a
"""
SETTINGS = """
[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
markers = ["extra"]
"""
TESTS = """
from bot.size import bigger, waits


def test_bigger():
    assert bigger(2, 1)
    assert not bigger(1, 2)


def test_waits():
    assert waits(3) == 0
"""


@pytest.mark.slow
def test_each_mutant_gets_its_verdict(tmp_path: Path) -> None:
    """Noticed, not noticed, never run, and never ending: the last counts as noticed."""
    files = {"bot/__init__.py": "", "bot/size.py": SOURCE, "tests/__init__.py": "", "tests/test_size.py": TESTS}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copytree(ROOT / "tests" / "mutate", tmp_path / "tests" / "mutate", ignore=shutil.ignore_patterns("test_*"))
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    chosen = {
        (mutant.before, mutant.after): mutant
        for mutant in mutants("bot/size.py", SOURCE.encode())
        if (mutant.before, mutant.after)
        in {
            ("return a > b", "return a < b"),
            ("return a > b", "return a >= b"),
            ("return not a", "return (a)"),
            ("while number > 0:", "while True:"),
        }
    }
    room = Room(("bot/*.py",), ("tests/test_size.py",))
    verdicts = {
        (one.before, one.after): verdict for one, verdict in run(room, [*chosen.values()], root=tmp_path, limit=15)
    }
    assert verdicts == {
        ("return a > b", "return a < b"): Verdict.KILLED,
        ("return a > b", "return a >= b"): Verdict.SURVIVED,
        ("return not a", "return (a)"): Verdict.UNREACHED,
        ("while number > 0:", "while True:"): Verdict.KILLED,
    }
    assert (tmp_path / "bot/size.py").read_text() == SOURCE
