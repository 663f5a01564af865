"""Every write of every kind of run, with every fault, and whatever comes after it: nothing twice, nothing lost.

``python -m tests.soak.matrix`` runs all of it and prints figures; a test runs as much of it as there is time for. The writes
are those that a run without faults makes, so a new kind of write is in the matrix as soon as a scene makes it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bot.errors import BotError
from bot.flows.reconcile import Loop, tick
from bot.gitrepo.credentials import Token
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect, Tick
from bot.sandbox.faults import SECONDARY_LIMIT, Action, CannedReply, Declined, LostReply
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from tests.flows.dying import with_steps
from tests.flows.stage import NAME, Stage, open_stage
from tests.soak.scenes import SCENES, Scene, comments_of

FAULTS: Mapping[str, Action] = {
    "lost reply": LostReply(),
    "502": CannedReply(502, "Server Error"),
    "502 after": CannedReply(502, "Server Error", after=True),
    "503": CannedReply(503, "Service Unavailable"),
    "500 after": CannedReply(500, "Server Error", after=True),
    "429": CannedReply(429, "API rate limit exceeded", {"Retry-After": "1"}),
    "secondary limit": CannedReply(403, SECONDARY_LIMIT, {"Retry-After": "60"}),
    "403": CannedReply(403, "Resource not accessible by integration"),
    "401": CannedReply(401, "Bad credentials"),
    "404": CannedReply(404, "Not Found"),
    "409": CannedReply(409, "Conflict"),
    "422": CannedReply(422, "Validation Failed"),
    "declined": Declined("policy says no"),
}
AFTER = ("rerun", "fresh clone", "two bots", "kill")
ROUNDS = 14
"""After so many runs it must be quiet."""


class Died(BaseException):
    """The run ends here, without a goodbye."""


@dataclass(frozen=True)
class Case:
    """One cell: the write of that number in the scene's run gets this fault, and this comes after."""

    scene: str
    number: int
    write: str
    fault: str
    after: str

    def __str__(self) -> str:
        return f"{self.scene}, write {self.number} ({self.write}), {self.fault}, {self.after}"


@dataclass
class Figures:
    """What a number of cells came to. ``stops`` are runs that a person would have had to lift."""

    cases: int = 0
    duplicates: int = 0
    lost: int = 0
    stops: int = 0
    details: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.cases} cases: {self.duplicates} duplicates, {self.lost} lost, {self.stops} stops"


def _twice(stage: Stage) -> Iterator[str]:
    """What was done more than once: items of one task and kind that were made and not closed as duplicates of nothing,
    comments with one text, commits for one drift.
    """
    titles = Counter(item["title"].partition(":")[0] for item in stage.issues())
    yield from (f"{count} issues {title!r}" for title, count in titles.items() if count > 1)
    heads = Counter((pull["head"]["ref"], pull["state"]) for pull in stage.pulls())
    yield from (f"{count} pull requests from {head[0]!r}" for head, count in heads.items() if count > 1)
    for number, bodies in comments_of(stage).items():
        yield from (f"{count} equal comments on #{number}" for count in Counter(bodies).values() if count > 1)
    subjects = Counter(commit["commit"]["message"].partition("\n")[0] for commit in stage.commits())
    yield from (f"{count} commits {subject!r}" for subject, count in subjects.items() if count > 1)


def _unsound(stage: Stage) -> Iterator[str]:
    """What the ledger lost: its chain, or the end of an intent."""
    ledger = GitLedger(stage.options().repo, stage.directory / "judge", credentials=Token(stage.token))
    entries = ledger.read().entries
    ended = {entry.intent for entry in entries}
    if not ledger.verify().sound:
        yield "the ledger's chain"
    if any(entry.kind is EntryKind.INTENT and entry.id not in ended for entry in entries):
        yield "the end of an intent"


@dataclass
class Striker:
    """Counts the writes of a run and strikes one of them."""

    number: int = -1
    fault: Action | None = None
    seen: list[str] = field(default_factory=list)
    struck: bool = False

    def strike(self, method: str, path: str) -> Action | None:
        if method in {"GET", "HEAD"} or path.endswith("/git-upload-pack"):
            return None
        self.seen.append(f"{method} {path.removeprefix(f'/repos/{NAME}')}")
        if len(self.seen) - 1 != self.number:
            return None
        self.struck = True
        return self.fault


@contextmanager
def striking(box: Sandbox, striker: Striker) -> Iterator[None]:
    """The server's faults are the striker's."""
    box.faults.__dict__["strike"] = striker.strike
    try:
        yield
    finally:
        del box.faults.__dict__["strike"]


@contextmanager
def staged(scene: Scene) -> Iterator[Stage]:
    """A server of its own, with what happened before."""
    with tempfile.TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as folder:
        directory = Path(folder)
        with Sandbox.start(directory / "box") as box:
            for login in ("clockwork[bot]", "rosa"):
                box.create_user(login, bot=login != "rosa", admin=login == "rosa")
                box.set_rate_limit(login, remaining=10**9, reset_in=10**6)
            stage = open_stage(directory, box)
            scene.prepare(stage)
            stage.clock.move(hours=2)
            yield stage


@cache
def writes_of(name: str) -> tuple[str, ...]:
    """The writes of a scene's run, in order."""
    striker = Striker()
    with staged(SCENES[name]) as stage:
        loop = stage.loop(fresh=True)
        with striking(stage.box, striker):
            tick(loop)
    return tuple(striker.seen)


def cases(scenes: Iterable[str] = SCENES) -> list[Case]:
    """The whole matrix."""
    made = []
    for scene in scenes:
        for (number, write), fault, after in itertools.product(enumerate(writes_of(scene)), FAULTS, AFTER):
            if (fault == "declined") <= write.endswith("/git-receive-pack"):
                made.append(Case(scene, number, write, fault, after))
    return made


def run(case: Case, figures: Figures) -> None:
    """One cell, counted in ``figures``."""
    scene = SCENES[case.scene]
    with staged(scene) as stage:
        striker = Striker(case.number, FAULTS[case.fault])
        first = stage.loop(fresh=True)
        other = _other(stage)
        loop = with_steps(first, _reached(case.after, striker, other))
        with striking(stage.box, striker), suppress(BotError, Died):
            tick(loop)
        loops = {"rerun": [first], "two bots": [first, other]}.get(case.after, [])
        figures.stops += not _settled(stage, loops)
        twice, lost = list(_twice(stage)), [*scene.lost(stage), *_unsound(stage)]
    figures.cases += 1
    figures.duplicates += len(twice)
    figures.lost += len(lost)
    figures.details += [f"{case}: {what}" for what in (*twice, *(f"lost {what}" for what in lost))]


def _other(stage: Stage) -> Loop:
    """Another bot, with a clone of its own."""
    return open_loop(stage.options("other"), clock=stage.clock)


def _reached(after: str, striker: Striker, other: Loop) -> Callable[[str], None]:
    """What happens at the first step that the run reaches after the fault."""
    left = [True]

    def reached(_step: str) -> None:
        if not striker.struck or not left:
            return
        left.clear()
        if after == "kill":
            raise Died
        if after == "two bots":
            with suppress(BotError):
                tick(other)

    return reached


def _settled(stage: Stage, loops: Sequence[Loop]) -> bool:
    """Whether runs came to rest by themselves; the clock moves where they wait."""
    turns = itertools.cycle(loops) if loops else None
    quiet = 0
    for _ in range(ROUNDS):
        loop = next(turns) if turns is not None else stage.loop(fresh=True)
        try:
            done = tick(loop)
        except BotError:
            stage.clock.move(minutes=11)
            continue
        if done.blocked is not None and "clockwork resume" in done.blocked:
            return False
        quiet = quiet + 1 if _is_quiet(done) else 0
        if quiet > 1:
            return True
        stage.clock.move(minutes=61)
    return False


_RESTLESS = frozenset({Effect.IN_PROGRESS, Effect.WAITING, Effect.UNDELIVERED, Effect.DENIED, Effect.FAILED})


def _is_quiet(done: Tick) -> bool:
    return done.blocked is None and not done.wrote and not any(action.effect in _RESTLESS for action in done.actions)


def sample(seconds: float, seed: int, *, least: int) -> Figures:
    """As many cells as there is time for, chosen by the seed, and ``least`` of them in any case."""
    figures, began = Figures(), time.monotonic()
    chosen = cases()
    random.Random(seed).shuffle(chosen)
    for case in chosen:
        if figures.cases >= least and time.monotonic() - began > seconds:
            break
        run(case, figures)
    return figures


def main() -> int:
    """Run all, or a part, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.matrix", description=__doc__)
    parser.add_argument("--scene", choices=sorted(SCENES), action="append", help="only this one; may be given again")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append", help="only this one; may be given again")
    parser.add_argument("--after", choices=AFTER, action="append", help="only this one; may be given again")
    parser.add_argument("--seconds", type=float, default=None, help="stop after so long; cells are shuffled then")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chosen = [
        case
        for case in cases(given.scene or SCENES)
        if case.fault in (given.fault or FAULTS) and case.after in (given.after or AFTER)
    ]
    if given.seconds is not None:
        random.Random(given.seed).shuffle(chosen)
    figures, began = Figures(), time.monotonic()
    for case in chosen:
        if given.seconds is not None and time.monotonic() - began > given.seconds:
            break
        known = len(figures.details), figures.stops
        run(case, figures)
        if known != (len(figures.details), figures.stops):
            print(f"  ! {case}: {figures.details[known[0] :] or 'a person must lift it'}", file=sys.stderr, flush=True)
        if figures.cases % 50 == 0:
            print(f"{figures} of {len(chosen)}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(figures)
    return 0 if not (figures.duplicates or figures.lost or figures.stops) else 1


if __name__ == "__main__":
    sys.exit(main())
