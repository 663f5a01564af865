"""Options that several verbs share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.model.choices import Mode

RepoOption = Annotated[
    str,
    typer.Option("--repo", "-r", metavar="DIR|URL", help="The repository: a folder or a Git URL.", show_default=True),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings to use instead of the repository's clockwork.yaml."),
]
LiveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--live",
        "-l",
        metavar="FILE|URL|-",
        help="Live state: output of kubectl get -o json, docker inspect or terraform show -json; - is standard input. "
        "May be given again.",
    ),
]
LiveCommandOption = Annotated[
    str | None, typer.Option("--live-command", metavar="COMMAND", help="A command whose output is the live state.")
]
VariableOption = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Sets a .cw variable; may be given again.")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", "-t", metavar="NAME", help="Only this target; see `clockwork targets`.")
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option("--task", metavar="TASK", help="Only this task, with * for any text; may be given again."),
]
SummaryOption = Annotated[
    Path | None, typer.Option("--summary", metavar="FILE", help="Append Markdown; $GITHUB_STEP_SUMMARY in Actions.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Append NAME=VALUE lines; $GITHUB_OUTPUT in Actions."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SchemaOption = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of --json and stop.")]
BranchOption = Annotated[str | None, typer.Option("--branch", help="The branch to keep; the default branch otherwise.")]
BaseArgument = Annotated[str | None, typer.Argument(help="Any name of a commit, or a range: main...topic.")]
HeadArgument = Annotated[str | None, typer.Argument(help="The other commit.", show_default="HEAD")]
GuardModeOption = Annotated[Mode | None, typer.Option("--mode", help="standard reports; strict blocks on critical.")]
SarifOption = Annotated[Path | None, typer.Option("--sarif", metavar="FILE", help="Also write SARIF 2.1.0 there.")]
ExitCodeOption = Annotated[bool, typer.Option("--exit-code", help="Exit 1 when the verdict is block.")]
