"""One Compose project while it is read: its files, what their relative paths start from, and each file with its variables
filled in.

Used by :mod:`bot.intake.compose_file`, which lays files on each other, and :mod:`bot.intake.compose_extends`.
"""

from __future__ import annotations

import posixpath
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.intake.compose_allowance import CHARACTERS, OPENING, ReadingAllowance
from bot.intake.compose_tags import hidden, without
from bot.intake.dotenv import EnvLine, EnvText, parse_env
from bot.intake.interpolate import fill
from bot.intake.located import LocatedValue, Sources, ValueLocation, located, mapped
from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text, text_error
from bot.intake.yamltree import TIMESTAMP, Broken, Loaded, load
from bot.model.json import Pointer
from bot.model.resource import SourceError, Through
from bot.secrecy.credentials import is_secret

_RESET: Final = frozenset({"!reset", "!override"})
_MEANINGLESS: Final = ("the tag {} means nothing here", "'!reset', '!override' or no tag")
_DATE: Final = ("a date, which Compose does not take", "a text in quotes")
_DOLLAR: Final = "a dollar sign of the text itself as '$$', or the value in single quotes"
_MOST_MESSAGES: Final = 3
"""Messages about one value: a text can have a mistake at every letter."""


@dataclass(frozen=True, slots=True)
class FileSurroundings:
    """Where relative paths of a file start from, and the variables that are filled in."""

    folder: str
    variables: Mapping[str, str]

    def path(self, name: str) -> str:
        """The path in the repository that a file of this place calls ``name``."""
        return posixpath.normpath(posixpath.join(self.folder, name))


def is_remote(name: str) -> bool:
    """Whether a project takes a file from elsewhere: a Git repository or an artifact of a registry (Docker documentation,
    "Include", on remote resources).
    """
    return "://" in name or name.startswith("git@")


@dataclass(frozen=True, slots=True)
class ProjectLayer:
    """One document of a file, and the places that it clears in what comes before it (``!reset``, ``!override``)."""

    tree: LocatedValue
    cleared: tuple[Pointer, ...] = ()

    def laid_on(self, base: LocatedValue) -> LocatedValue:
        """``base`` without the cleared places."""
        return without(base, self.cleared) if self.cleared else base


@dataclass(slots=True)
class Project:
    """What is known while one Compose project is read.

    ``used`` are the files that belong to it, ``missing`` those that it names and that are not among ``files``, ``homes`` the
    folder from which the relative paths in a file start.
    """

    files: Mapping[str, bytes]
    sources: Sources
    errors: list[SourceError] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    homes: dict[str, str] = field(default_factory=dict)
    allowance: ReadingAllowance = field(default_factory=ReadingAllowance)
    layers: dict[tuple[str, int], tuple[Mapping[str, str], list[ProjectLayer]]] = field(default_factory=dict)
    tainted: set[str] = field(default_factory=set)
    """Variables that got their value from secret ones."""
    secrets: set[str] = field(default_factory=set)
    """The values of secret variables that files of the project put in somewhere."""
    environments: dict[tuple[tuple[str, ...], int], tuple[Mapping[str, str], dict[str, str]]] = field(
        default_factory=dict
    )
    _judged: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False)
    _settled: dict[tuple[str, bool], EnvText] = field(default_factory=dict, repr=False)
    """Files in which no variable from outside has a say, by path and whether they are raw: services share them."""

    def report(self, location: ValueLocation, message: str, expected: str | None = None, *, note: bool = False) -> None:
        """Remember a mistake at a value, or (``note``) that its value is not known."""
        origin = self.sources.origin(location)
        text = self.sources.file(location.file).text
        line, column = (origin.line, origin.column) if origin else (location.line or 1, 1)
        error = replace(text.error_at(line, column, message, expected), note=note)
        self.errors.append(error if location.line is None else replace(error, excerpt=None))

    def is_secret(self, name: str, value: str) -> bool:
        """Whether ``value`` of a variable is a secret: by its name, by its look, or because of where it is from."""
        return name in self.tainted or self.looks_secret(name, value)

    def looks_secret(self, name: str, value: str) -> bool:
        """Whether it is one by its name or its look. Services share files: each variable of them is judged once."""
        variable = name, value
        if variable not in self._judged:
            self._judged[variable] = is_secret(name, value)
        return self._judged[variable]

    def clash(self, value: LocatedValue) -> None:
        """Remember that a value is laid on one of another form."""
        self.report(
            value.location, "this is laid on a mapping or list and is of another form", "the form of what it changes"
        )

    def data(self, path: str) -> bytes | None:
        """The bytes of a file that the project names; None (and remembered) where it is not among the files."""
        if path not in self.files:
            self.missing.add(path)
            return None
        self.used.add(path)
        self.allowance.open(path, self.files[path])
        return self.files[path]

    def env_lines(
        self, path: str, known_variables: Mapping[str, str], earlier: Mapping[str, str], *, raw: bool = False
    ) -> tuple[EnvLine, ...] | None:
        """The assignments of one file of variables; None where it is not in the repository. Raises :class:`Excessive`."""
        data = self.data(path)
        if data is None:
            return None
        try:
            read = self._settled.get((path, raw)) or self._parsed(path, data, known_variables, earlier, raw=raw)
        except NotText as problem:
            self.errors.append(text_error(path, problem))
            return ()
        self.allowance.spend(OPENING + len(read.lines))
        self._taint(read.lines, ChainMap({}, {**known_variables}, {**earlier}))
        if read.problem:
            line, message = read.problem
            self.errors.append(SourceError(path, line, 1, message, "NAME=value"))
        wrong = [line for line in read.lines if line.problem][:_MOST_MESSAGES]
        self.errors += [SourceError(path, line.line, 1, line.problem, _expected(line)) for line in wrong]
        return read.lines

    def _parsed(
        self, path: str, data: bytes, known_variables: Mapping[str, str], earlier: Mapping[str, str], *, raw: bool
    ) -> EnvText:
        chars = Text.of(path, data).chars
        read = parse_env(chars, known_variables, earlier, raw=raw)
        if "$" not in chars and not read.inherited and not any(line.names for line in read.lines):
            self._settled[path, raw] = read
        return read

    def _taint(self, lines: Sequence[EnvLine], values: ChainMap[str, str]) -> None:
        """Remember the variables whose value comes from that of a secret one. ``values`` are those from before."""
        for line in lines:
            if any(self.is_secret(name, values.get(name, "")) for name in line.names):
                self.tainted.add(line.key)
            values[line.key] = line.value

    def environment(self, paths: Sequence[str], known_variables: Mapping[str, str]) -> dict[str, str]:
        """What the files of variables at ``paths`` set, later ones over earlier ones, ``known_variables`` over
        all. What steers Compose itself is settled, or is not here.
        """
        key = (tuple(paths), id(known_variables))
        if key not in self.environments:
            own_variables: dict[str, str] = {}
            for path in paths:
                lines = self.env_lines(path, known_variables, own_variables) or ()
                own_variables |= {
                    line.key: line.value for line in lines if not (line.unset and line.key.startswith("COMPOSE_"))
                }
            self.environments[key] = known_variables, {**own_variables, **known_variables}
        return self.environments[key][1]


def _expected(line: EnvLine) -> str:
    return _DOLLAR if "dollar" in line.problem else "a value for it"


def layers_of(project: Project, path: str, around: FileSurroundings) -> list[ProjectLayer] | None:
    """The documents of a file with variables filled in; None (and the mistake reported) where it is no YAML mapping.
    Raises :class:`Excessive`.
    """
    key = (path, id(around.variables))
    if key not in project.layers:
        project.homes.setdefault(path, around.folder)
        project.layers[key] = (around.variables, [*_read(project, path, around.variables)])
    layers = project.layers[key][1]
    return layers or None


def _read(project: Project, path: str, variables: Mapping[str, str]) -> Iterator[ProjectLayer]:
    try:
        text = Text.of(path, project.data(path) or b"")
        documents = load(text, Dialect.COMPOSE)
    except NotText as problem:
        project.errors.append(text_error(path, problem))
        return
    except Broken as problem:
        if "{{" not in text.chars:
            project.errors.append(problem.error)
        return
    for index, document in enumerate(documents):
        if document is None:
            if len(documents) > 1:
                message = f"document {index + 1} of {len(documents)} in this file is empty"
                project.errors.append(text.error_at(1, 1, message, "a mapping, or no '---' there"))
            continue
        if not isinstance(document.value, dict):
            project.errors.append(text.error_at(document.line, 1, "not a Compose file", "a mapping with 'services'"))
            return
        for line, column, name in document.duplicates:
            project.errors.append(text.error_at(line, column, f"the key {name!r} is written twice in one mapping"))
        for line, column, name in document.strange:
            project.errors.append(text.error_at(line, column, f"the key {name} is no text", f'"{name}"'))
        tree = located(document.value, ValueLocation(path, index, ()))
        project.allowance.spend(OPENING + tree.size())
        tree, cleared = _untagged(project, tree, document, text)
        filled = mapped(tree, lambda leaf: _filled(project, leaf, variables))
        if filled is not None:
            yield ProjectLayer(filled, cleared)


def _untagged(
    project: Project, tree: LocatedValue, document: Loaded, text: Text
) -> tuple[LocatedValue, tuple[Pointer, ...]]:
    """The tree without what ``!reset`` empties, and the places that tags clear. Another tag is a mistake; what it means of
    its value nobody knows.
    """
    cleared, emptied, strange = [], [], []
    for tag in document.tags:
        if tag.name in _RESET:
            cleared.append(tag.pointer)
            emptied += [tag.pointer] if tag.name == "!reset" else []
        elif tag.name != TIMESTAMP or not any(str(step).startswith("x-") for step in tag.pointer):
            message, expected = _MEANINGLESS if tag.name != TIMESTAMP else _DATE
            project.errors.append(text.error_at(tag.line, tag.column, message.format(tag.name), expected))
            strange.append(tag.pointer)
    tree = without(hidden(tree, strange), emptied, in_lists=True)
    return tree, tuple(cleared)


def _filled(project: Project, leaf: LocatedValue, variables: Mapping[str, str]) -> LocatedValue | None:
    """The scalar with its variables filled in; as written, and marked, when one of them is unknown."""
    if leaf.text is None or "$" not in leaf.text:
        return leaf
    filled = fill(leaf.text, variables)
    project.allowance.spend(max(len(filled.text) - len(leaf.text), 0) // CHARACTERS)
    for message in filled.problems[:_MOST_MESSAGES]:
        expected = "a dollar sign of the text itself as '$$'" if "is not a variable" in message else None
        project.report(leaf.location, message, expected)
    for name in list(dict.fromkeys(filled.unset))[:_MOST_MESSAGES]:
        project.report(leaf.location, f"the variable {name} is not set in the repository", note=True)
    if filled.unset or filled.problems:
        return replace(leaf, location=replace(leaf.location, through=Through.VARIABLE, unknown=True))
    if not filled.uses:
        return replace(leaf, data=filled.text)
    values = {name: variables.get(name, "") for name in filled.names}
    secrets = {value for name, value in values.items() if project.is_secret(name, value)}
    project.secrets |= secrets
    names = {use.name for use in filled.uses}
    through = Through.VARIABLE if len(names) == 1 else Through.EXPRESSION
    return LocatedValue(filled.text, replace(leaf.location, through=through, name=min(names), secret=bool(secrets)))
