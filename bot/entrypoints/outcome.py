"""What the exit code of a command says of a run. Used by ``clockwork reconcile`` and ``clockwork daemon check``."""

from __future__ import annotations

from bot.model.proposal import Effect, Tick


def exit_code(tick: Tick) -> int:
    """0 done, 4 blocked or something that nobody could be told of but by this report, 2 errors in Git, 3 something could not
    be reached or written.
    """
    if tick.blocked is not None or any(action.effect is Effect.UNDELIVERED for action in tick.actions):
        return 4
    if tick.report.errors:
        return 2
    failed = any(action.effect is Effect.FAILED for action in tick.actions)
    return 3 if failed or (tick.report.unreachable and not tick.actions) else 0
