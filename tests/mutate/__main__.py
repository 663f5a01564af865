"""``python -m tests.mutate ROOM… [--sample N] [--seed S] [--base REV] [--jobs N] [--allow PERCENT]``."""

from __future__ import annotations

import argparse
import difflib
import random
import re
import subprocess
import sys
from collections.abc import Sequence

from tests.mutate.equivalents import key_of, load, stale
from tests.mutate.mutants import Mutant
from tests.mutate.rooms import ROOMS, ROOT, mutants_of
from tests.mutate.run import Verdict, run


def main(argv: Sequence[str] | None = None) -> int:
    """0 when few enough mutants survive, 1 when not, 2 when ``equivalents.toml`` is out of date."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"{', '.join(ROOMS)}; all of them when none is named")
    parser.add_argument("--sample", type=int, help="so many mutants of each room; all when not given")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--base", metavar="REV", help="only lines that differ from this revision")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at the same time")
    parser.add_argument("--allow", type=float, default=10.0, metavar="PERCENT", help="how many may survive in a room")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args(argv)
    unknown = [name for name in options.rooms if name not in ROOMS]
    if unknown:
        parser.error(f"there is no room {unknown[0]!r}; rooms are {', '.join(ROOMS)}")
    changed = _changed(options.base) if options.base else None
    codes = [_room(name, options, changed) for name in options.rooms or ROOMS]
    return max(codes)


def _room(name: str, options: argparse.Namespace, changed: dict[str, set[int]] | None) -> int:
    listed = load()
    every = mutants_of(ROOMS[name])
    files = {mutant.file for mutant in every}
    outdated = stale([entry for entry in listed.values() if entry.file in files], every)
    for entry in outdated:
        print(
            f"{name}: equivalents.toml names no mutant: {entry.file} {entry.function}: {entry.before} -> {entry.after}"
        )
    mutants = [mutant for mutant in every if key_of(mutant) not in listed]
    if changed is not None:
        mutants = [mutant for mutant in mutants if mutant.line in changed.get(mutant.file, ())]
    if options.sample is not None and options.sample < len(mutants):
        mutants = sorted(random.Random(options.seed).sample(mutants, options.sample))
    if options.list:
        print("".join(_diff(mutant) for mutant in mutants), end="")
        return 0
    if not mutants:
        print(f"{name}: nothing to change")
        return 2 if outdated else 0
    survivors = _survivors(name, mutants, options.jobs)
    share = 100 * survivors / len(mutants)
    print(
        f"{name}: {survivors} of {len(mutants)} mutants survived ({share:.1f} %; {options.allow:g} % allowed)",
        flush=True,
    )
    return 2 if outdated else int(share > options.allow)


def _survivors(name: str, mutants: Sequence[Mutant], jobs: int) -> int:
    survivors = 0
    for number, (mutant, verdict) in enumerate(run(ROOMS[name], mutants, jobs=jobs), 1):
        if verdict is not Verdict.KILLED:
            survivors += 1
            print(f"{name} {number}/{len(mutants)}: {mutant.kind} {verdict}\n{_diff(mutant)}", flush=True)
    return survivors


def _diff(mutant: Mutant) -> str:
    source = (ROOT / mutant.file).read_bytes()
    before, after = source.decode().splitlines(), mutant.applied(source).decode().splitlines()
    at = f"{mutant.file} {mutant.function}"
    return "\n".join(difflib.unified_diff(before, after, at, at, n=2, lineterm="")) + "\n"


def _changed(base: str) -> dict[str, set[int]]:
    """Lines of each file that the working tree has and revision ``base`` has not."""
    diff = subprocess.run(
        ["git", "diff", "--unified=0", "--no-color", "--no-ext-diff", base, "--", "bot"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines: dict[str, set[int]] = {}
    current: set[int] = set()
    for line in diff.splitlines():
        if line.startswith("+++ "):
            current = lines.setdefault(line.removeprefix("+++ b/"), set())
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            start, length = int(hunk[1]), int(hunk[2] or 1)
            current.update(range(start, start + length))
    return lines


if __name__ == "__main__":
    sys.exit(main())
