"""How fast added lines are searched: ``python -m tests.benchmarks.bench_scan [MEGABYTES]``.

Compares every back end with plain ``re``, one pattern after the other, over the same generated diff, and says whether
all found the same.
"""

from __future__ import annotations

import random
import re
import string
import sys
import time
from collections.abc import Callable

from bot.secrecy.scan import PatternMatch, ScanBackend, available, scanner
from bot.secrecy.tokens import NEEDLES

_WORDS = [
    "def",
    "return",
    "self",
    "value",
    "config",
    "client",
    "request",
    "token",
    "key",
    "secret",
    "import",
    "from",
    "for",
    "in",
    "if",
    "else",
    "await",
    "true",
    "false",
]


def diff(megabytes: float) -> list[str]:
    """Lines that look like added code, one in two thousand with something like a credential."""
    generator = random.Random(1)
    lines: list[str] = []
    size = 0
    while size < megabytes * 1_000_000:
        words = generator.choices(_WORDS, k=generator.randint(2, 9))
        line = " " * generator.choice([0, 4, 8]) + " ".join(words) + f" = {generator.randint(0, 99999)}"
        if generator.random() < 0.0005:
            line += " gh" + "p_" + "".join(generator.choices(string.ascii_letters + string.digits, k=36))
        lines.append(line)
        size += len(line) + 1
    return lines


def one_by_one(lines: list[str]) -> list[PatternMatch]:
    """The peer: every pattern on every line."""
    patterns = [re.compile(needle.pattern.encode()) for needle in NEEDLES]
    return [
        PatternMatch(number, needle, found.group().decode())
        for number, line in enumerate(line.encode() for line in lines)
        for needle, pattern in enumerate(patterns)
        if (found := pattern.search(line))
    ]


def timed(work: Callable[[], list[PatternMatch]]) -> tuple[float, list[PatternMatch]]:
    """Seconds and answer."""
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def main() -> None:
    """Print one line per back end."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    lines = diff(megabytes)
    sample = lines[: max(1, int(len(lines) * min(1.0, 2 / megabytes)))]
    share = sum(map(len, sample)) / sum(map(len, lines))
    peer, truth = timed(lambda: one_by_one(sample))
    base = megabytes * share / peer
    print(f"{len(NEEDLES)} patterns, {megabytes:g} MB in {len(lines):,} lines")
    print(f"{'re one by one':14} {base:8.1f} MB/s   1.0x")
    for backend in available():
        prepare, made = timed_scanner(backend)
        seconds, answer = timed(lambda: made(lines))  # noqa: B023 called at once
        same = [one for one in answer if one.line < len(sample)] == truth
        rate = megabytes / seconds
        print(
            f"{backend.value:14} {rate:8.1f} MB/s {rate / base:5.1f}x   prepared in {prepare:.2f} s   same answer: {same}"
        )


def timed_scanner(backend: ScanBackend) -> tuple[float, Callable[[list[str]], list[PatternMatch]]]:
    """How long preparing takes, and the prepared search."""
    start = time.perf_counter()
    made = scanner(NEEDLES, backend)
    return time.perf_counter() - start, made.scan


if __name__ == "__main__":
    main()
