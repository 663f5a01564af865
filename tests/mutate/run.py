"""Runs a room's tests on mutants, each in a copied tree, and tells which mutants no test noticed.

The tests that reach a mutant's function run first (coverage tells which); what survives them is tried on all tests of the
room. A test that fails, an import that breaks, a hang and a crash all count as noticed.
"""

from __future__ import annotations

import ast
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from coverage import CoverageData

from tests.mutate.mutants import Mutant
from tests.mutate.rooms import ROOT, Room

_COPIED: Final = ("bot", "tests", "policies", "templates", "pyproject.toml", ".pre-commit-hooks.yaml")
_COVERAGE: Final = "[run]\nsource =\n    bot\n"


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNREACHED = "survived: no test reaches it"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The room's tests on the unchanged tree: how long they take (seconds), and which tests reach each line of a file.

    What runs while modules are imported is reached by the test with the empty name.
    """

    seconds: float
    reach: Mapping[str, Mapping[int, frozenset[str]]]

    def tests_of(self, mutant: Mutant, source: bytes) -> frozenset[str] | None:
        """The tests that reach the function of ``mutant``; None where it runs at import, so that all tests reach it."""
        lines = _function_lines(source, mutant.line)
        if lines is None:
            return None
        reach = self.reach.get(mutant.file, {})
        tests = frozenset[str]().union(*(reach.get(line, frozenset()) for line in lines))
        return None if "" in tests else tests


def run(
    room: Room, mutants: Sequence[Mutant], *, jobs: int = 1, root: Path = ROOT, limit: float = 30
) -> Iterator[tuple[Mutant, Verdict]]:
    """Each mutant with its verdict, in order. ``limit`` is how many seconds one test may take before it counts as hanging.

    Raises ``RuntimeError`` where the tests fail on the unchanged tree.
    """
    with _trees(root, jobs) as trees, ThreadPoolExecutor(jobs) as pool:
        tree = trees.get()
        baseline = measured(room, tree)
        trees.put(tree)
        yield from pool.map(lambda mutant: (mutant, _tried(room, mutant, baseline, trees, limit)), mutants)


def measured(room: Room, tree: Path) -> Baseline:
    """The tests of ``room`` in the unchanged ``tree``."""
    config, data = tree / "reach.ini", tree / "reach.data"
    config.write_text(f"{_COVERAGE}data_file = {data}\n")
    timed = _pytest(
        tree,
        [*room.tests, "--cov", f"--cov-config={config}", "--cov-report=", "--cov-context=test", "--durations=0"],
        900,
    )
    if timed is None or timed.returncode != 0:
        raise RuntimeError("the tests fail on the unchanged tree:\n" + (timed.stdout[-3000:] if timed else "no end"))
    covered = CoverageData(str(data))
    covered.read()
    reach = {
        Path(path).relative_to(tree).as_posix(): {
            line: frozenset(map(_function, contexts)) for line, contexts in covered.contexts_by_lineno(path).items()
        }
        for path in covered.measured_files()
    }
    return Baseline(_seconds(timed.stdout), reach)


def _tried(room: Room, mutant: Mutant, baseline: Baseline, trees: queue.SimpleQueue[Path], limit: float) -> Verdict:
    tree = trees.get()
    path = tree / mutant.file
    source = path.read_bytes()
    try:
        tests = baseline.tests_of(mutant, source)
        if tests is not None and not tests:
            return Verdict.UNREACHED
        path.write_bytes(mutant.applied(source))
        whole = 60 + 4 * baseline.seconds
        if tests is not None and _notices(tree, sorted(tests), limit, whole):
            return Verdict.KILLED
        return Verdict.KILLED if _notices(tree, room.tests, limit, whole) else Verdict.SURVIVED
    finally:
        path.write_bytes(source)
        trees.put(tree)


def _notices(tree: Path, tests: Sequence[str], limit: float, whole: float) -> bool:
    ended = _pytest(tree, [*tests, "-x", f"--timeout={limit}"], whole)
    return ended is None or ended.returncode != 0


def _pytest(tree: Path, arguments: Sequence[str], limit: float) -> subprocess.CompletedProcess[str] | None:
    """The end of pytest in ``tree``; None when it did not end within ``limit`` seconds."""
    options = [
        "-q",
        "-m",
        "not extra",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.mutate.plugin",
    ]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, *arguments],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return None


@contextmanager
def _trees(root: Path, number: int) -> Iterator[queue.SimpleQueue[Path]]:
    """``number`` copies of the project at ``root``, which nobody else uses."""
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        for index in range(number):
            tree = Path(folder).resolve() / str(index)
            for name in _COPIED:
                _copy(root / name, tree / name)
            trees.put(tree)
        yield trees


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        return
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _function(context: str) -> str:
    """The test function of a coverage context (``path::test[row]|run``): names of rows may hold anything."""
    return context.rpartition("|")[0].partition("[")[0]


def _function_lines(source: bytes, line: int) -> range | None:
    """The lines of the body of the outermost function around ``line``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            return range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    return None


def _seconds(output: str) -> float:
    """What pytest's last line says (``12 passed in 3.45s``)."""
    return float(output.rstrip().rpartition(" in ")[2].split("s")[0])
