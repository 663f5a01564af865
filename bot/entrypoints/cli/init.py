"""``clockwork init``: the files a repository begins with, shown, asked for, and never written over anything."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json
from bot.errors import Invalid
from bot.model.wording import counted

if TYPE_CHECKING:
    from bot.wiring.onboarding import Onboarding
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo branch live live_command"))
    def init(
        *,
        options: Options,
        pull_request: Annotated[
            bool, typer.Option("--pull-request", help="Propose the files, with what a first run would do.")
        ] = False,
        workflow: Annotated[
            bool, typer.Option("--workflow/--no-workflow", help="Also a GitHub Actions workflow.")
        ] = True,
        action: Annotated[
            str | None,
            typer.Option(
                "--action", metavar="OWNER/REPO@COMMIT", help="The workflow runs Clockwork by its action there."
            ),
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be added.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Add what a repository needs to begin: settings, a guardrail folder, a workflow. Never writes over a file.

        Finds what is deployed and by what, shows every new file as a diff and asks. Run again, it adds what is still
        missing. With --pull-request nothing is written here: the files come as a pull request that says what was
        found, what the first run would do, what merging starts and how to leave.
        """
        from bot.flows.onboarding.starter import ActionPin
        from bot.wiring.onboarding import open_onboarding

        pin = None if action is None else ActionPin.of(action)
        onboarding = open_onboarding(options, pull_request=pull_request, workflow=workflow, action=pin)
        if not as_json:
            _show(onboarding)
            if dry_run and pull_request and onboarding.starter.files:
                print(f"\nThe pull request would say:\n\n{onboarding.body()}")
        agreed = (
            not dry_run and bool(onboarding.starter.files) and _agreed(onboarding, yes=yes, pull_request=pull_request)
        )
        if agreed and pull_request:
            _propose(onboarding, as_json=as_json)
        else:
            _conclude(onboarding, writes=agreed, as_json=as_json)


def _propose(onboarding: Onboarding, *, as_json: bool) -> None:
    pull = onboarding.propose()
    if as_json:
        print_json({"number": pull.number, "url": pull.url, "new": pull.new})
    else:
        print(pull.text())


def _conclude(onboarding: Onboarding, *, writes: bool, as_json: bool) -> None:
    """Write the files where that was agreed, and tell what became of them."""
    if writes:
        onboarding.write()
    if as_json:
        print_json(_account(onboarding, wrote=writes))
    elif writes:
        print("\n".join(["Wrote:", *(f"  {path}" for path in onboarding.starter.files), "", *_next(onboarding)]))
    elif onboarding.starter.files:
        print("Nothing was written.")


def _show(onboarding: Onboarding) -> None:
    survey, starter = onboarding.survey, onboarding.starter
    targets = [target.name for target in survey.listing.targets]
    lines = [*survey.tools, *([f"targets: {', '.join(targets)}"] if targets else [])]
    lines += (
        ["nothing that is deployed: no manifest, chart, Compose file, Terraform or .cw file"] if survey.empty else []
    )
    lines += [
        f"not read by Clockwork: {tool}; commit what it renders to have that compared" for tool in survey.not_read
    ]
    lines += [f"{'not compared' if problem.note else 'cannot be read'}: {problem}" for problem in survey.problems]
    lines += [f"not compared: {gap}" for gap in survey.gaps]
    print("\n".join(["Found:", *map(_wrapped, [*lines, *starter.unchanged])]))
    print(f"\n{starter.diff()}\n" if starter.files else "\nNothing is missing; nothing was changed.")


def _next(onboarding: Onboarding) -> Iterator[str]:
    """What to say next; every line works as it stands."""
    repo = onboarding.opened.options.repo
    repo_option = "" if repo == "." else f" --repo {shlex.quote(repo)}"
    yield "Next:"
    yield f"  clockwork check-config{repo_option}"
    yield f"  clockwork doctor{repo_option}"
    if not onboarding.survey.empty:
        yield f"  clockwork drift{repo_option}"


def _wrapped(line: str) -> str:
    """A sentence in lines of the terminal; below it, as they are, the source line and its caret where it has them."""
    width = max(40, shutil.get_terminal_size().columns)
    sentence, *excerpt = line.split("\n")
    folded = textwrap.fill(sentence, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([folded, *(f"      {excerpt_line}" for excerpt_line in excerpt)])


def _agreed(onboarding: Onboarding, *, yes: bool, pull_request: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Invalid("nobody is here to be asked", advice="--yes writes without asking, --dry-run only shows.")
    files = counted(len(onboarding.starter.files), "file")
    return typer.confirm(f"Open a pull request with {files}?" if pull_request else f"Write {files}?", default=False)


def _account(onboarding: Onboarding, *, wrote: bool) -> dict[str, object]:
    survey = onboarding.survey
    return {
        "targets": [target.name for target in survey.listing.targets],
        "found": list(survey.tools),
        "problems": [str(problem) for problem in survey.problems],
        "not_read": list(survey.not_read),
        "files": {path: data.decode() for path, data in onboarding.starter.files.items()},
        "kept": list(onboarding.starter.unchanged),
        "wrote": wrote,
    }
