"""Which files a room's run changes, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutate.mutants import Mutant, mutants

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Room:
    """Globs of source files, and the tests that are about them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS: Final = {
    "policy": Room(("bot/policy/*.py",), ("tests/policy",)),
    "safety": Room(("bot/safety/*.py",), ("tests/safety",)),
    "drift": Room(("bot/drift/*.py", "bot/drift/severity/*.py"), ("tests/drift", "tests/secrecy")),
    "kubernetes": Room(("bot/drift/kubernetes/*.py",), ("tests/drift", "tests/observers/test_health.py")),
    "compose": Room(("bot/drift/compose/*.py",), ("tests/drift",)),
    "edits": Room(("bot/edits/*.py",), ("tests/edits",)),
    "secrecy": Room(("bot/secrecy/*.py",), ("tests/secrecy", "tests/guardrails")),
    "verdicts": Room(
        (
            "bot/guardrails/judge.py",
            "bot/guardrails/verdict.py",
            "bot/guardrails/select.py",
            "bot/guardrails/waivers.py",
        ),
        ("tests/guardrails",),
    ),
}


def mutants_of(room: Room, root: Path = ROOT) -> list[Mutant]:
    """Every mutant of the room's files, in the order of paths and lines."""
    paths = sorted({path for glob in room.sources for path in root.glob(glob)})
    return [mutant for path in paths for mutant in mutants(path.relative_to(root).as_posix(), path.read_bytes())]
