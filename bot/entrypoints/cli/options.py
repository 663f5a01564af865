"""Options that several verbs share, spelt once, and whole groups of them that reach a verb as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bot.model.choices import Mode
from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.wiring.repository import Options

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


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Parameters of a command line that a verb takes as one value: their annotation and default by name, and what makes the
    value of what was given.
    """

    parameters: Mapping[str, tuple[Any, object]]
    value: Callable[..., object]

    def extended(self, parameters: Mapping[str, tuple[Any, object]], value: Callable[..., object]) -> OptionGroup:
        """With more parameters behind these. ``value`` makes one of what this group comes to and of the others."""

        def joined(**arguments: object) -> object:
            group_value = self.value(**{name: arguments.pop(name) for name in self.parameters})
            return value(group_value, **arguments)

        return OptionGroup({**self.parameters, **parameters}, joined)


def grouped(**groups: OptionGroup) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb whose parameters of these names stand for groups: typer sees the parameters of the groups in their places."""

    def decorated(verb: Callable[..., None]) -> Callable[..., None]:
        @wraps(verb)
        def called(**arguments: object) -> None:
            values = {
                name: group.value(**{part: arguments.pop(part) for part in group.parameters})
                for name, group in groups.items()
            }
            verb(**values, **arguments)

        for name in groups:  # what a group comes to may be of a module that is not loaded yet
            verb.__annotations__.pop(name)
        hints = get_type_hints(verb, include_extras=True)
        parameters_shown: list[Parameter] = []
        for name, parameter in signature(verb).parameters.items():
            if name in groups:
                parts = groups[name].parameters.items()
                parameters_shown += [_parameter(part, annotation, default) for part, (annotation, default) in parts]
            else:
                parameters_shown.append(_parameter(name, hints[name], parameter.default))
        called.__signature__ = Signature(parameters_shown)  # type: ignore[attr-defined]
        called.__annotations__ = {}
        return called

    return decorated


def _parameter(name: str, annotation: object, default: object) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_LOCATING: Mapping[str, tuple[Any, object]] = {
    "repo": (RepoOption, "."),
    "live": (LiveOption, None),
    "live_command": (LiveCommandOption, None),
    "settings": (SettingsOption, None),
    "branch": (BranchOption, None),
    "var": (VariableOption, None),
    "target": (TargetOption, None),
}


def located(names: str) -> OptionGroup:
    """These of the options that say which repository, live state and settings a verb is about, as one ``Options``."""
    return OptionGroup({name: _LOCATING[name] for name in names.split()}, _options)


def _options(*, var: list[str] | None = None, **named: Any) -> Options:
    from bot.wiring.repository import Options

    return Options(**named, variables=tuple(var or ()))
