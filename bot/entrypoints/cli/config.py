"""``clockwork check-config``: is what this repository says to Clockwork right? ``clockwork schema``: what may it say?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json

if TYPE_CHECKING:
    from bot.flows.configuration import ConfigurationPart
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command("check-config")
    @grouped(options=located("repo settings branch"))
    def check_config(
        *,
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Check the settings, rules, ignore rules and guardrails of a repository. Reads only; exit code 2 for a mistake.

        Every mistake is named with file, line and the nearest word that would be right.
        """
        from bot.wiring.configuration import check_configuration

        parts = check_configuration(options)
        if as_json:
            print_json([asdict(part) for part in parts])
        else:
            print("\n".join(map(_line, parts)))
        if any(part.problem is not None for part in parts):
            raise typer.Exit(2)

    @app.command()
    def schema(
        markdown: Annotated[
            bool, typer.Option("--markdown", help="Print a reference for people: every key, type, default and meaning.")
        ] = False,
        fleet: Annotated[bool, typer.Option("--fleet", help="The schema of fleet.yaml instead.")] = False,
    ) -> None:
        """Print the JSON Schema of clockwork.yaml, for editors and other tools.

        Editors with the YAML language server complete and check a file that begins with
        `# yaml-language-server: $schema=.clockwork/clockwork.schema.json`.
        """
        from bot.settings import reference

        text = reference.fleet_schema_text if fleet else reference.schema_text
        print(reference.markdown() if markdown else text(), end="")


def _line(part: ConfigurationPart) -> str:
    if part.advice:
        return f"note    {part.name}: {part.contents}\n        {part.advice}"
    if part.problem is None:
        return f"ok      {part.name}: {part.contents}"
    lines = part.problem.splitlines()
    return "\n".join([f"WRONG   {part.name}", *(f"        {line}" for line in lines)])
