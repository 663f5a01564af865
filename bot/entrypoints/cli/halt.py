"""``clockwork halt`` and ``resume`` (everything), ``suspend`` and ``unsuspend`` (one task), ``retry`` (one proposal)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from bot.entrypoints.cli.options import RepoOption, SettingsOption

Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; it is kept in the ledger.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def halt(reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
        """Stop every write of every run until somebody resumes."""
        _say("halt", reason, repo, settings)
        print("Halted. No run writes anything until `clockwork resume`.")

    @app.command()
    def resume(
        reason: Reason,
        task: Annotated[str | None, typer.Argument(help="Only this task; everything without it.")] = None,
        repo: RepoOption = ".",
        settings: SettingsOption = None,
    ) -> None:
        """Lift a halt or an emergency stop, or let one task go on, and forget the failures that led to it."""
        _say("resume", reason, repo, settings, task=task)
        print(f"Resumed{f' {task}' if task else ''}. Failures so far no longer count.")

    @app.command()
    def suspend(
        task: str,
        reason: Reason,
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        until: Annotated[datetime | None, typer.Option("--until", help="UTC; without it until unsuspend.")] = None,
    ) -> None:
        """Stop writes for one task."""
        from datetime import UTC

        end = until.replace(tzinfo=UTC).isoformat() if until else None
        _say("suspend", reason, repo, settings, task=task, detail={"until": end} if end else {})
        print(f"Suspended {task}" + (f" until {end}." if end else "."))

    @app.command()
    def unsuspend(task: str, reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
        """Allow writes for one task again."""
        _say("unsuspend", reason, repo, settings, task=task)
        print(f"{task} is no longer suspended.")

    @app.command()
    def retry(fingerprint: str, reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
        """Make a rejected proposal again; its fingerprint stands in the report and in the ledger."""
        _say("retry", reason, repo, settings, fingerprint=fingerprint)
        print(f"The next run may propose {fingerprint} again.")


def _say(
    kind: str,
    reason: str,
    repo: str,
    settings: object,
    *,
    task: str | None = None,
    fingerprint: str | None = None,
    detail: dict[str, str] | None = None,
) -> None:
    from pathlib import Path

    from bot.flows.commands import tell
    from bot.model.ledger import EntryKind
    from bot.wiring import open_hands

    hands = open_hands(settings if isinstance(settings, Path) else None, repo)
    tell(hands, EntryKind(kind), reason=reason, task=task, fingerprint=fingerprint, detail=detail or {})
