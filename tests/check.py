"""Everything that must hold, in one command and without root: ``.venv/bin/python -m tests.check``.

``--fast`` runs the static half (under a minute); ``--coverage`` counts branches, which takes the tests half as long again.
The static steps run beside each other, since the longest of them use one processor each, and with them one that only
collects the tests: so the workers of the tests find every module compiled, which each of them would do for itself.
Every step runs even after one failed, and the last lines say which failed; the exit code is 1 then. ``.ci/run`` calls this
after its system packages, with the options it was given.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

ROOT: Final = Path(__file__).parents[1]
INSTALL: Final = ".venv/bin/pip install -r requirements.lock -e ."


@dataclass(frozen=True, slots=True)
class Step:
    """One tool and its arguments. The tool is the one beside this Python, so that the locked version runs."""

    name: str
    tool: str
    arguments: tuple[str, ...] = ()

    def run(self, *, quiet: bool = False) -> str | None:
        """Run it; None when all is well, else what went wrong in a few words. ``quiet`` shows only what a failure printed."""
        program = shutil.which(self.tool, path=str(Path(sys.executable).parent))
        if program is None:
            return f"{self.tool} is not installed: {INSTALL}"
        heard: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
        # Where images of Python have it set, every process would compile every module again (python(1)).
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run([program, *self.arguments], cwd=ROOT, env=environment, check=False, text=True, **heard)
        if quiet and done.returncode != 0:
            print(f"== {self.name}\n{done.stdout}", flush=True)
        return None if done.returncode == 0 else f"exit code {done.returncode}"


FAST: Final = (  # the longest first
    Step("types", "mypy"),
    Step("dead code", "vulture"),
    Step("imports", "lint-imports"),
    Step("lint", "ruff", ("check", ".")),
    Step("format", "ruff", ("format", "--check", ".")),
    Step("workflows", "zizmor", ("--offline", "--no-progress", "--quiet", "--persona", "pedantic", ".github")),
)
COLLECTED: Final = (Step("collection", "pytest", ("--collect-only", "-qq")),)
TESTS: Final = ("-n", "auto")
TESTED: Final = (Step("tests", "pytest", TESTS),)
COVERED: Final = (
    # The floor is the next step's business, so that a failure says which of the two it is.
    Step("tests", "pytest", (*TESTS, "--cov", "--cov-report=", "--cov-fail-under=0")),
    Step("coverage", "coverage", ("report", "--sort=cover")),
)

Result: TypeAlias = tuple[Step, str | None, float]
"""A step, what went wrong, and how many seconds it took."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the steps asked for; 0 when all of them passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.check", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--fast", action="store_true", help="the static half only")
    choice.add_argument("--coverage", action="store_true", help="the tests with coverage of branches and its floor")
    options = parser.parse_args(argv)
    if options.fast:
        return report(beside(FAST))
    types, *others = FAST
    static = beside((types, *COLLECTED, *others))
    return report((*static, *run(COVERED if options.coverage else TESTED)))


def run(steps: Sequence[Step]) -> list[Result]:
    """Each step with what went wrong and its seconds, one after the other."""
    return [_timed(step) for step in steps]


def beside(steps: Sequence[Step]) -> list[Result]:
    """The same, two at a time; of what they print only that of failures is shown."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda step: _timed(step, quiet=True), steps))


def _timed(step: Step, *, quiet: bool = False) -> Result:
    print(f"== {step.name}: {step.tool} {' '.join(step.arguments)}", flush=True)
    start = time.monotonic()
    problem = step.run(quiet=quiet)
    return step, problem, time.monotonic() - start


def report(results: Sequence[Result]) -> int:
    """Print a line a step; 1 when any failed."""
    print("==")
    for step, problem, seconds in results:
        print(f"{'FAILED' if problem else 'ok':6} {step.name} ({seconds:.0f} s){f': {problem}' if problem else ''}")
    return int(any(problem for _, problem, _ in results))


if __name__ == "__main__":
    sys.exit(main())
