"""Git and the ledger: ``python -m tests.benchmarks.bench_git [FILES]``.

One file changed in a repository of 100,000 files: our commit before its push, beside what ``git`` needs for clone, edit
and commit of the same change. Then reading that repository's file list and a pushed commit over smart HTTP, and a fresh
and a repeated read of a ledger of 10,000 entries.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pygit2

from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from bot.model.ledger import Actor, Entry, EntryKind
from tests.gitrepo.server import git, serve

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def main(files: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "server") as box:
        work, bare = Path(folder), box.bare("big.git")
        base = _seed(bare, files)
        repository = GitRepository.open(box.url("big.git"), work / "clone")
        print(f"first fetch of {files:,} files over HTTP    {_once(repository.fetch):9.1f} ms")
        _commits(repository, base, bare, work)
        _reads(repository, base)
        made = repository.commit(base, {"top0/d00/file000.yaml": b"pushed"}, message="m", at=NOW)
        print(
            f"push of one commit                     {_once(lambda: repository.push('main', made, expected=base)):9.1f} ms"
        )
        print(f"fetch with nothing new                 {_once(repository.fetch):9.1f} ms")
        print(f"file list after one changed file       {_once(lambda: repository.entries(made)):9.1f} ms")
        box.bare("ledger.git")
        _ledger(box.url("ledger.git"), work)


def _commits(repository: GitRepository, base: str, bare: Path, work: Path) -> None:
    def ours() -> None:
        repository.commit(base, {"top0/d00/file000.yaml": str(time.perf_counter_ns()).encode()}, message="m", at=NOW)

    def theirs() -> None:
        git("clone", "-q", "--no-local", str(bare), str(work / "checkout"))
        (work / "checkout" / "top0" / "d00" / "file000.yaml").write_text("changed")
        git("commit", "-q", "-a", "-m", "m", at=work / "checkout")

    mine = statistics.median(_once(ours) for _ in range(20))
    peer = _once(theirs)
    print(f"one-file commit, ours (median of 20)   {mine:9.2f} ms")
    print(f"git clone + edit + commit              {peer:9.1f} ms    {peer / mine:,.0f} times as long")


def _reads(repository: GitRepository, base: str) -> None:
    print(f"file list, first time                  {_once(lambda: repository.entries(base)):9.1f} ms")
    print(f"file list, again                       {_once(lambda: repository.entries(base)):9.3f} ms")


def _ledger(url: str, work: Path) -> None:
    writer = GitLedger(url, work / "writer")
    view = writer.read()
    for start in range(0, 10_000, 50):
        view = writer.append(view, [_entry(number) for number in range(start, start + 50)])
    fresh = GitLedger(url, work / "fresh")
    print(f"ledger of {len(view.entries):,} entries, fresh runner   {_once(fresh.read):9.1f} ms")
    print(f"ledger, read again                     {_once(fresh.read):9.1f} ms")
    print(
        f"ledger, one append                     {_once(lambda: fresh.append(fresh.read(), [_entry(10_000)])):9.1f} ms"
    )


def _entry(number: int) -> Entry:
    at = NOW + timedelta(seconds=10 * number)
    return Entry(f"{number:032x}", EntryKind.INTENT, at, Actor("bot"), task=f"task{number % 100}", severity="LOW")


def _seed(bare: Path, files: int) -> str:
    """A commit with ``files`` files, 100 to a folder, 100 folders to a folder; every file is another one."""
    repository = pygit2.Repository(str(bare))
    root = repository.TreeBuilder()
    for top in range(files // 10_000):
        middle = repository.TreeBuilder()
        for folder in range(100):
            leaf = repository.TreeBuilder()
            for name in range(100):
                data = f"kind: ConfigMap\nname: c{top}-{folder}-{name}\n".encode()
                leaf.insert(f"file{name:03}.yaml", repository.create_blob(data), pygit2.enums.FileMode.BLOB)
            middle.insert(f"d{folder:02}", leaf.write(), pygit2.enums.FileMode.TREE)
        root.insert(f"top{top}", middle.write(), pygit2.enums.FileMode.TREE)
    who = pygit2.Signature("A", "a@example.org", int(NOW.timestamp()), 0)
    made = str(repository.create_commit("refs/heads/main", who, who, "seed", root.write(), []))
    git("repack", "-adq", at=bare)
    return made


def _once(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
