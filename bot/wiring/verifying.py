"""What ``clockwork verify`` looks with, and where it writes how that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.flows.applied import record_applied
from bot.flows.verifying import Verified, publish, verify
from bot.model.codehost import CheckState
from bot.wiring.host import open_host
from bot.wiring.reconcile import assessment_of, open_pushed
from bot.wiring.repository import OpenRepository, Options, SystemClock, repository_to_read


@dataclass(frozen=True, slots=True)
class Verification:
    """How it ended, and in sentences what was written where."""

    verified: Verified
    written: tuple[str, ...] = ()


def open_verification(options: Options, *, publish: bool) -> Callable[[float], Verification]:
    """Verifies for so many seconds. Without ``publish`` nothing is written, and a folder is read as it lies."""
    return verification_of(open_pushed(options) if publish else repository_to_read(options), publish=publish)


def verification_of(opened: OpenRepository, *, publish: bool) -> Callable[[float], Verification]:
    """As :func:`open_verification`, of a repository that is open."""
    look, clock = assessment_of(opened), SystemClock()

    def run(wait: float) -> Verification:
        verified = verify(look, clock, wait=wait)
        return Verification(verified, _written(verified, opened) if publish else ())

    return run


def _written(verified: Verified, opened: OpenRepository) -> tuple[str, ...]:
    written = []
    commit = verified.assessment.declaration.commit
    if (host := open_host(opened, SystemClock())) is not None:
        check = publish(verified, host, target=opened.options.target)
        written.append(f"Check: {check.url}")
    if verified.state is CheckState.SUCCESS and opened.options.target is None and opened.git is not None:
        applied = record_applied(opened.git, branch=opened.branch, commit=commit, name=opened.name)
        written.append(f"Remembered as applied: {applied}")
    return tuple(written)
