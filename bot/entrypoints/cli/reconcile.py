"""``clockwork reconcile``: one tick. ``clockwork simulate``: the same plan, nothing written."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.notify import print_delivery, print_warning
from bot.entrypoints.cli.options import JsonOption, OutputOption, SummaryOption, grouped, located
from bot.entrypoints.cli.printing import append, print_json
from bot.entrypoints.cli.verbosity import ToldMeter, event
from bot.errors import BotError
from bot.report.console import open_console

if TYPE_CHECKING:
    from datetime import datetime

    from bot.flows.reconcile import Loop
    from bot.model.proposal import Tick
    from bot.wiring.repository import OpenRepository, Options


@grouped(options=located("repo live live_command settings branch var target"))
def reconcile(
    *,
    options: Options,
    as_json: JsonOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan only; write nothing.")] = False,
    summary: SummaryOption = None,
    output: OutputOption = None,
    judge: Annotated[
        bool | None,
        typer.Option("--judge/--no-judge", help="Judge the pull requests that it opens; on in GitHub Actions."),
    ] = None,
) -> None:
    """Compare once and remediate by commit, pull request or issue."""
    from bot.errors import Invalid

    if judge and dry_run:
        raise Invalid("--judge and --dry-run: a run that writes nothing opens no pull request to judge")
    _run(options, as_json=as_json, dry_run=dry_run, summary=summary, output=output, judge=judge)


@grouped(options=located("repo live live_command settings branch var target"))
def simulate(
    *,
    options: Options,
    as_json: JsonOption = False,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Pretend it is then: ISO 8601 (UTC without an offset), or 2h, 3d."),
    ] = None,
    assume: Annotated[
        Path | None,
        typer.Option(
            "--assume",
            metavar="FILE",
            help="Live state, or what drift --json printed.",
        ),
    ] = None,
) -> None:
    """Show what the next reconcile would do. Nothing is written."""
    from bot.model.moment import moment
    from bot.wiring.repository import SystemClock

    options = replace(options, live=str(assume)) if assume else options
    then = moment(at, now=SystemClock().now()) if at else None
    _run(options, as_json=as_json, dry_run=True, summary=None, at=then)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(reconcile)
    app.command()(simulate)


def _announced_tick(options: Options, *, judge: bool | None) -> Tick:
    """One run that is measured, of which people are told, and whose pull requests are judged where nothing else would:
    GitHub starts no workflow for what the token of a job opens (docs.github.com, "Triggering a workflow from a workflow").
    """
    from bot.flows.reconcile import tick
    from bot.wiring.actions import is_job
    from bot.wiring.metrics import open_meters, push_of
    from bot.wiring.notifications import open_announcer
    from bot.wiring.reconcile import loop_on
    from bot.wiring.repository import SystemClock, open_repository
    from bot.wiring.targets import renderers

    clock = SystemClock()
    meters, began = open_meters(clock), time.monotonic()
    open_repo = open_repository(replace(options, meter=ToldMeter(meters)))
    loop = loop_on(open_repo, clock=clock, renderers=renderers(open_repo.options, meters))
    announcer = open_announcer(open_repo, clock, account=print_delivery, warn=print_warning)
    finished = tick(loop) if announcer is None else announcer.ran(partial(tick, loop))
    meters.ticked(finished, seconds=time.monotonic() - began)
    if judge or (judge is None and is_job(options.environment)):
        _judge(finished, loop, open_repo)
    event(
        "ran",
        commit=finished.commit,
        drift=len(finished.report.drift),
        actions=len(finished.actions),
        blocked=finished.blocked,
    )
    try:
        if (push := push_of(open_repo, meters)) is not None:
            meters.ledger(loop.run.ledger.read(), loop.run.limits)
            push()
    except BotError as exc:
        print(f"metrics: {exc.message}", file=sys.stderr)
    return finished


def _judge(finished: Tick, loop: Loop, open_repo: OpenRepository) -> None:
    from bot.entrypoints.cli.guard_heads import recording
    from bot.model.decision import Lane
    from bot.report.outputs import made_in
    from bot.secrecy.redaction import redact_tokens
    from bot.wiring.guard import Guard, review

    if loop.run.host is None:
        return
    guard = Guard(open_repo, loop.run.host, loop.run.clock)
    with recording(guard):
        for action in made_in(finished, Lane.CONFIG_PULL_REQUEST):
            if action.number is not None:
                try:
                    review(guard, action.number)
                except BotError as exc:
                    text = redact_tokens(exc.message)
                    print(f"guard: PR #{action.number} was not judged: {text}", file=sys.stderr)


def _run(
    options: object,
    *,
    as_json: bool,
    dry_run: bool,
    summary: Path | None,
    output: Path | None = None,
    judge: bool | None = None,
    at: datetime | None = None,
) -> None:

    from bot.entrypoints.outcome import exit_code
    from bot.flows.reconcile import tick
    from bot.report.json import tick_json
    from bot.report.terminal import show_tick
    from bot.wiring.reconcile import open_loop
    from bot.wiring.repository import Options

    if not isinstance(options, Options):
        raise TypeError
    quiet = as_json or not sys.stderr.isatty()
    with open_console(stderr=True, quiet=quiet).status("reconciling…"):
        planned = replace(options, meter=ToldMeter())
        finished = tick(open_loop(planned, dry_run=True, at=at)) if dry_run else _announced_tick(options, judge=judge)
    if as_json:
        print_json(tick_json(finished))
    else:
        show_tick(finished, open_console())
    if output is not None:
        from bot.report.outputs import tick_outputs
        from bot.wiring.actions import outputs

        append(output, outputs(tick_outputs(finished)))
    if summary is not None:
        from bot.report.markdown import tick_summary
        from bot.wiring.actions import job_summary

        append(summary, job_summary(tick_summary(finished)))
    if (code := exit_code(finished)) != 0:
        raise typer.Exit(code)
