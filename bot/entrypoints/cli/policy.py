"""``clockwork policy show``: the rules that really run, in order. ``policy set``: another level, in Git.

``clockwork daemon policy`` is the same group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import BranchOption, JsonOption, RepoOption, SettingsOption
from bot.entrypoints.cli.printing import print_json
from bot.errors import Invalid
from bot.model.choices import FixLevel
from bot.model.json import facts
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.policy.rules import Rule, RuleMatch


def register(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(help="The auto-fix rules and their level.", no_args_is_help=True)
    app.add_typer(group, name="policy")

    @group.command()
    def show(repo: RepoOption = ".", settings: SettingsOption = None, as_json: JsonOption = False) -> None:
        """Print the rules that run for this repository, first match first."""
        from bot.wiring.reconcile import open_rules

        rules = open_rules(settings, repo).rules
        if as_json:
            print_json([_rule(rule) for rule in rules])
            return
        _print_rules(rules)

    @group.command("set")
    def set_(
        level: Annotated[str, typer.Argument(metavar="LEVEL", help="disabled, conservative, moderate or aggressive.")],
        repo: RepoOption = ".",
        branch: BranchOption = None,
        pull_request: Annotated[
            bool, typer.Option("--pull-request", help="Propose it instead of committing to the branch.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Set the level (fixes.level of clockwork.yaml) in Git: by commit to the branch, or by pull request."""
        from bot.wiring.reconcile import open_level

        change = open_level(level_named(level), repo, branch, propose=pull_request)
        if as_json:
            print_json(dataclasses.asdict(change))
        else:
            print(change.text())


def level_named(text: str) -> FixLevel:
    """The level of that name. ``Invalid`` for any other word, with the nearest."""
    levels = [level.value for level in FixLevel]
    if text in levels:
        return FixLevel(text)
    from bot.intake.declared import suggestion

    hint = suggestion(text, levels, otherwise=f"The levels are {', '.join(levels)}.")
    raise Invalid(f"unknown level {text!r}", advice=hint)


def _print_rules(rules: Iterable[Rule]) -> None:
    from rich.table import Table
    from rich.text import Text

    console = open_console(highlight=False)
    for number, rule in enumerate(rules, 1):
        console.print(Text(f"{number:>3}. {rule.ref}  (line {rule.line})"), soft_wrap=True)
        facts = Table.grid(padding=(0, 1))
        # Text, not markup: what a repository's rules say must not colour or hide anything.
        facts.add_row("    when", Text(" and ".join(_conditions(rule)) or "always"))
        facts.add_row("    then", f"{rule.remedy.value}, {rule.direction.value}, risk {rule.risk}")
        facts.add_row("    reason", Text(rule.reason))
        console.print(facts)


def _conditions(rule: Rule) -> Iterator[str]:
    for name, condition in _match(rule.match).items():
        at_least = "at least " if name == "severity" else ""
        yield f"{name} {' or '.join(condition)}" if isinstance(condition, list) else f"{name} is {at_least}{condition}"
    if rule.when is not None:
        yield f"CEL {rule.when.text}"


def _match(match: RuleMatch) -> dict[str, object]:
    """The parts of a match that say something."""
    parts: dict[str, object] = {}
    for name, condition in match:
        if isinstance(condition, tuple) and condition:
            parts[name] = [str(choice) for choice in condition]
        elif condition is not None and condition != ():
            parts[name] = str(condition).lower() if isinstance(condition, bool) else str(condition)
    return parts


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.ref,
        "line": rule.line,
        "match": _match(rule.match),
        "when": rule.when.text if rule.when else None,
        **facts(rule, "remedy direction risk reason"),
    }
