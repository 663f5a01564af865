"""Everything that must hold, in one command and without root: ``.venv/bin/python -m tests.check``.

``--fast`` runs the static half (under a minute); ``--coverage`` counts branches, which takes the tests half as long again.
Every step runs even after one failed, and the last lines say which failed; the exit code is 1 then. ``.ci/run`` calls this
after its system packages, with the options it was given.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
INSTALL: Final = ".venv/bin/pip install -r requirements.lock -e ."


@dataclass(frozen=True, slots=True)
class Step:
    """One tool and its arguments. The tool is the one beside this Python, so that the locked version runs."""

    name: str
    tool: str
    arguments: tuple[str, ...] = ()

    def run(self) -> str | None:
        """Run it; None when all is well, else what went wrong in a few words."""
        program = shutil.which(self.tool, path=str(Path(sys.executable).parent))
        if program is None:
            return f"{self.tool} is not installed: {INSTALL}"
        code = subprocess.run([program, *self.arguments], cwd=ROOT, check=False).returncode
        return None if code == 0 else f"exit code {code}"


FAST: Final = (
    Step("lint", "ruff", ("check", ".")),
    Step("format", "ruff", ("format", "--check", ".")),
    Step("types", "mypy"),
    Step("imports", "lint-imports"),
    Step("dead code", "vulture"),
    Step("workflows", "zizmor", ("--offline", "--no-progress", "--quiet", ".github")),
)
TESTS: Final = ("-n", "auto")
TESTED: Final = (Step("tests", "pytest", TESTS),)
COVERED: Final = (
    # The floor is the next step's business, so that a failure says which of the two it is.
    Step("tests", "pytest", (*TESTS, "--cov", "--cov-report=", "--cov-fail-under=0")),
    Step("coverage", "coverage", ("report", "--sort=cover")),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the steps asked for; 0 when all of them passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.check", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--fast", action="store_true", help="the static half only")
    choice.add_argument("--coverage", action="store_true", help="the tests with coverage of branches and its floor")
    options = parser.parse_args(argv)
    return report(run((*FAST, *(() if options.fast else COVERED if options.coverage else TESTED))))


def run(steps: Sequence[Step]) -> list[tuple[Step, str | None, float]]:
    """Each step with what went wrong and its seconds."""
    results = []
    for step in steps:
        print(f"== {step.name}: {step.tool} {' '.join(step.arguments)}", flush=True)
        start = time.monotonic()
        problem = step.run()
        results.append((step, problem, time.monotonic() - start))
    return results


def report(results: Sequence[tuple[Step, str | None, float]]) -> int:
    """Print a line a step; 1 when any failed."""
    print("==")
    for step, problem, seconds in results:
        print(f"{'FAILED' if problem else 'ok':6} {step.name} ({seconds:.0f} s){f': {problem}' if problem else ''}")
    return int(any(problem for _, problem, _ in results))


if __name__ == "__main__":
    sys.exit(main())
