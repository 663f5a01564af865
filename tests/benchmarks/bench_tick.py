"""One look at a large repository: ``python -m tests.benchmarks.bench_tick [FILES]``.

A repository of 100,000 files of which six declare something; nothing drifts. Times a tick (fetch, intake, diff, decide,
ledger, plan; the observer answers from memory, the code host is in memory) in a process that has just started and in one
that runs, a tick after somebody changed one file, and our commit of one file, beside ``git ls-tree -r`` of the same tree.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pygit2

from bot.flows.reconcile import Loop, tick
from bot.observers.snapshot import SnapshotObserver
from tests.flows.world import World

TURNS = 10


def main(files: int = 100_000) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        fill(world, files)
        world.show()
        peer = ["git", "-C", str(world.bare), "ls-tree", "-r", "main"]
        list_all = milliseconds(lambda: subprocess.run(peer, capture_output=True, check=True))
        print(f"{files:,} files; git ls-tree -r                {list_all:9.1f} ms")
        world.tick(world.loop())
        loop = unobserved(world, world.loop(fresh=True))
        loop.run.repository.fetch()
        show("first tick of a process, nothing drifts", milliseconds(lambda: tick(loop)), list_all)
        show("next ticks (median)", statistics.median(milliseconds(lambda: tick(loop)) for _ in range(TURNS)), list_all)
        show("tick after one file changed (median)", changed(world, loop), list_all)
        show("one-file commit (median)", statistics.median(committed(loop, turn) for turn in range(TURNS)), list_all)


def show(name: str, took: float, peer: float) -> None:
    """One line."""
    print(f"{name:<42} {took:9.1f} ms   ls-tree takes {peer / took:6.1f} times as long")


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def fill(world: World, files: int) -> None:
    """Add files that declare nothing: a thousand to a folder, two levels deep."""
    remote = pygit2.Repository(str(world.bare))
    head = remote.references["refs/heads/main"].peel(pygit2.Commit)
    top = remote.TreeBuilder(head.tree)
    for folder in range(max(files // 1000, 1)):
        middle = remote.TreeBuilder()
        for part in range(10):
            leaf = remote.TreeBuilder()
            for number in range(100):
                leaf.insert(f"module{number}.py", remote.create_blob(b"x = %d\n" % (number % 7)), 0o100644)
            middle.insert(f"part{part}", leaf.write(), 0o040000)
        top.insert(f"package{folder}", middle.write(), 0o040000)
    me = pygit2.Signature("a", "a@example.org", 0, 0)
    remote.create_commit("refs/heads/main", me, me, "many files", top.write(), [head.id])


def unobserved(world: World, loop: Loop) -> Loop:
    """The loop with what was observed once."""
    seen = SnapshotObserver(world.snapshot).observe((), now=world.clock.at)
    return replace(loop, observe=lambda _target, _declared, _now: seen)


def changed(world: World, loop: Loop) -> float:
    """A tick after somebody pushed a commit."""
    took = []
    for _ in range(TURNS):
        world.commit_by_hand("main")
        took.append(milliseconds(lambda: tick(loop)))
    return statistics.median(took)


def committed(loop: Loop, turn: int) -> float:
    """A commit of one file that exists, before its push."""
    run = loop.run
    run.repository.fetch()
    head = run.repository.head("main")
    assert head is not None
    changes = {"package0/part0/module1.py": b"y = %d\n" % turn}
    return milliseconds(lambda: run.repository.commit(head, changes, message="m", at=run.clock.now()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
