"""Options that several verbs share, spelt once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RepoOption = Annotated[
    str,
    typer.Option("--repo", "-r", metavar="DIR|URL", help="The repository: a folder or a Git URL.", show_default=True),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings to use instead of the repository's clockwork.yaml."),
]
LiveOption = Annotated[
    str | None,
    typer.Option("--live", "-l", metavar="FILE|URL", help="Live state: kubectl get -o json or docker inspect output."),
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
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Append NAME=VALUE lines; $GITHUB_OUTPUT in Actions."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
BranchOption = Annotated[str | None, typer.Option("--branch", help="The branch to keep; the default branch otherwise.")]
