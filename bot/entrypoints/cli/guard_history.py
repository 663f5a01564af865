"""``clockwork guard history`` and ``guard baseline``: what a repository holds already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import BaseArgument, HeadArgument, JsonOption, grouped, located
from bot.entrypoints.cli.printing import Lines, print_json
from bot.model.wording import counted
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.flows.secret_history import PastSecret, SecretHistory
    from bot.wiring.repository import Options

_NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Commits, branches, tags; else every branch and tag.")
]


@grouped(options=located("repo settings"))
def history(
    *,
    names: _NamesArgument = None,
    options: Options,
    as_json: JsonOption = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when there is any.")] = False,
) -> None:
    """Search every commit for credentials.

    Names the commit that wrote each first, and says whether it is still there.
    """
    from bot.wiring.accepted import history_here

    with _progress(quiet=as_json) as tell:
        past = history_here(options, names or [], tell)
    _show(past, as_json=as_json)
    if exit_code and past.secrets:
        raise typer.Exit(1)


@grouped(options=located("repo settings"))
def baseline(
    *,
    base: BaseArgument = None,
    head: HeadArgument = None,
    options: Options,
    days: Annotated[int, typer.Option("--days", help="How long they are accepted, at most 366.")] = 90,
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the file.")] = "there before",
    as_json: JsonOption = False,
) -> None:
    """Accept today's findings for a while.

    They are written to policies/guardrails/baseline.yaml.

    Without BASE those of all files of HEAD. They count again when their time is over; a pull request that adds them is
    judged without them.
    """
    from bot.wiring.accepted import accept_here
    from bot.wiring.local_guard import Compared

    accepted = accept_here(options, Compared(base, head), days=days, reason=reason)
    if as_json:
        from bot.entrypoints.cli.guard import finding_as_json

        finding_rows = [finding_as_json(finding) for finding in accepted.findings]
        print_json({"file": str(accepted.file), "until": str(accepted.until), "added": finding_rows}, indent=2)
        return
    count = len(accepted.findings)
    if not count:
        print(f"Nothing to accept: {accepted.file} is as it was.")
        return
    print(f"{counted(count, 'finding is', 'findings are')} accepted until {accepted.until}: {accepted.file}")
    print("Read the file, and commit it: it counts from the commit on that other changes start from.")


def register(guard: typer.Typer) -> None:
    """Add the verbs to those of ``clockwork guard``."""
    guard.command("history")(history)
    guard.command("baseline")(baseline)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while the block runs; nothing where nobody sits before it."""
    if quiet or not sys.stderr.isatty():
        yield lambda _commits, _all: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("commits"), BarColumn(30), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=open_console(stderr=True), transient=True) as bar:
        line = bar.add_task("", total=None)
        yield lambda commit_count, all_: bar.update(line, completed=commit_count, total=all_)


def _show(past: SecretHistory, *, as_json: bool) -> None:
    if as_json:
        from bot.entrypoints.cli.guard import finding_as_json

        secrets = [
            {**finding_as_json(secret.finding), "commit": secret.commit, "author": secret.author,
             "at": secret.at.isoformat(), "subject": secret.subject, "remains": secret.remains}
            for secret in past.secrets
        ]  # fmt: skip
        unread = [{"file": file, "commit": commit} for file, commit in past.unread]
        amounts = {"commits": past.commits, "files": past.files, "bytes": past.size}
        print_json({**amounts, "unread": unread, "secrets": secrets}, indent=2)
        return
    from bot.entrypoints.cli.verdicts import show_findings
    from bot.report.console import printable

    out = Lines()
    for secret in past.secrets:
        show_findings([secret.finding], out)
        out.add((f"    {printable(_commit(secret))}", "bold"), wrap=False)
    for file, commit in past.unread:
        out.add(f"not looked at: {printable(file)} of commit {commit[:12]} is too large")
    count = len(past.secrets)
    amount = f"{past.commits:,} commits, {past.files:,} files, {past.size / 1e6:,.1f} MB"
    out.add(f"{count:,} {'credential' if count == 1 else 'credentials'} in {amount}")


def _commit(secret: PastSecret) -> str:
    now = "HEAD still has it" if secret.remains else "HEAD has it no more, every clone does"
    return f"commit {secret.commit[:12]} of {secret.at:%Y-%m-%d} by {secret.author}, {secret.subject[:60]!r}: {now}"
