"""``clockwork policy show``: the rules that really run, in order."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption

if TYPE_CHECKING:
    from bot.policy.rules import Rule, RuleMatch


def register(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(help="The auto-fix rules.", no_args_is_help=True)
    app.add_typer(group, name="policy")

    @group.callback()
    def _group() -> None:
        """Keeps ``show`` a verb of its own."""

    @group.command()
    def show(repo: RepoOption = ".", settings: SettingsOption = None, as_json: JsonOption = False) -> None:
        """Print the rules that run for this repository, first match first."""
        from bot.wiring import open_rules

        rules = open_rules(settings, repo).rules
        if as_json:
            print(json.dumps([_rule(rule) for rule in rules], ensure_ascii=False))
            return
        for number, rule in enumerate(rules, 1):
            print(f"{number:>3}. {rule.ref}  (line {rule.line})")
            print(f"     when   {' and '.join(_conditions(rule)) or 'always'}")
            print(f"     then   {rule.remedy.value}, {rule.direction.value}, risk {rule.risk}")
            print(f"     since  {rule.reason}")


def _conditions(rule: Rule) -> Iterator[str]:
    for name, wanted in _wanted(rule.match).items():
        at_least = "at least " if name == "severity" else ""
        yield f"{name} {' or '.join(wanted)}" if isinstance(wanted, list) else f"{name} is {at_least}{wanted}"
    if rule.when is not None:
        yield f"CEL {rule.when.text}"


def _wanted(match: RuleMatch) -> dict[str, object]:
    """The parts of a match that say something."""
    found: dict[str, object] = {}
    for field in dataclasses.fields(match):
        wanted = getattr(match, field.name)
        if isinstance(wanted, tuple) and wanted:
            found[field.name] = [str(one) for one in wanted]
        elif wanted is not None and wanted != ():
            found[field.name] = str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
    return found


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.ref,
        "line": rule.line,
        "match": _wanted(rule.match),
        "when": rule.when.text if rule.when else None,
        "remedy": rule.remedy.value,
        "direction": rule.direction.value,
        "risk": rule.risk,
        "reason": rule.reason,
    }
