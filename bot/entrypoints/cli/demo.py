"""``clockwork demo``: the whole loop on an embedded sandbox, then a page to press Merge on."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.entrypoints.cli.printing import print_json
from bot.entrypoints.cli.stopping import stop_signals
from bot.report.console import open_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bot.entrypoints.demo.run import Account

_NEXT: Final = """
Next, in your own repository:

  # what differs; nothing is written
  kubectl get deploy,sts,ds,svc,cm -A -o json | clockwork drift --live -
  # shows the settings and the workflow that it would add, and asks
  clockwork init
"""
_INDENT: Final = 16
_NARROWEST: Final = 40


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def demo(
        serve: Annotated[bool, typer.Option(help="Keep the page open and react to Merge and Close.")] = True,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; implies --no-serve.")] = False,
        port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.")] = 0,
    ) -> None:
        """Run the real bot on a made-up shop with two clusters, a Helm release and a Compose host. No account, no network."""
        from bot.entrypoints.demo.run import play, staged

        err = open_console(stderr=True)
        with tempfile.TemporaryDirectory(prefix="clockwork-demo-", ignore_cleanup_errors=True) as folder:

            def narrate(step: str) -> None:
                err.print(f"[dim]·[/] {step}", highlight=False, soft_wrap=True)

            with staged(Path(folder), port=port, narrate=narrate) as stage:
                account = play(stage, narrate=narrate)
                if as_json:
                    print_json(account.as_json())
                    return
                out = open_console()
                _show(account, out, serve=serve)
                if serve:
                    _serve(stage, out)


def _show(account: Account, out: Console, *, serve: bool) -> None:
    from rich.markup import escape

    review = account.review
    rules = ", ".join(dict.fromkeys(finding.rule for finding in review.result.findings))
    safe = (
        "three safe values were changed live in prod and are in Git now: a probe's limit in its overlay, a log level in "
        "the values of a Helm release, a log's size in a Compose file"
    )
    image = "another image was set live in prod: one line of its overlay; merge to accept, close to reject"
    rows = (
        ("committed", safe, account.commit.url),
        ("pull request", image, account.pull.url),
        ("runbook issue", "the orders' storage was deleted: steps for a person", account.issue.url),
        (f"check {review.state.value}", f"an assistant's pull request: {rules}", account.agent_pull),
        (
            "dashboard",
            "one issue: what differs, waits and is held back; tick a box to give an order",
            account.dashboard,
        ),
        ("written", "what went wrong, as Markdown in the repository", account.failure_modes_url),
    )
    out.print()
    for subject, reason, url in rows:
        colour = "red" if "failure" in subject else "green"
        lines = [*wrap(reason, max(out.width - _INDENT, _NARROWEST)), url or ""]
        text = f"\n{'':>{_INDENT}}".join(map(escape, lines))
        out.print(f"[bold {colour}]{subject:>14}[/]  {text}", highlight=False, soft_wrap=True)
    closing_line = (
        f"Everything is at {account.home}" if serve else "The pages are closed; without --no-serve they stay open."
    )
    out.print(f"\n{account.seconds:.1f} s. {closing_line}", highlight=False, soft_wrap=True)
    if not serve:
        out.print(_NEXT, highlight=False, soft_wrap=True, markup=False)


def _serve(stage: object, out: Console) -> None:
    from rich.markup import escape

    from bot.entrypoints.demo.run import Stage, react

    if not isinstance(stage, Stage):
        raise TypeError
    stop = stop_signals()
    out.print("Open the pages, press Merge or Close, tick a box on the dashboard, or comment", highlight=False)
    out.print("`/clockwork explain`, and watch. Ctrl-C ends it.\n", highlight=False)

    def narrate(lines: Sequence[str]) -> None:
        for line in lines:
            out.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {escape(line)}", highlight=False, soft_wrap=True)

    react(stage, narrate=narrate, stopped=stop.is_set)
    out.print(_NEXT, highlight=False, soft_wrap=True, markup=False)
