"""Edits of Compose projects: into the file that a value really comes from, or the variable that gives it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.edits.plain import edited
from bot.edits.values import applied, ordered, same, touched
from bot.errors import Refused
from bot.intake.discover import folder_of
from bot.intake.dotenv import EnvLine, parse_env
from bot.intake.interpolate import Interpolated, fill
from bot.intake.located import LocatedOrigins, ValueLocation
from bot.intake.read import read
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.model.drift import Adoption, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.resource import Desired, Through


def adopt_compose(desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes]) -> Adoption:
    """The files of the project after ``edits``, read again as a whole: only this resource may read differently."""
    origins = desired.origins
    if not isinstance(origins, LocatedOrigins):
        raise Refused(f"{desired.id} does not come from a file")
    work = _Work(dict(files), desired, origins)
    intended: JSON = desired.tree
    for edit in ordered(edits):
        intended = applied(intended, work.carried_out(edit))
    changed = {path: data for path, data in work.files.items() if data != files.get(path)}
    _check(desired, intended, (files, work.files))
    return Adoption(changed, tuple(work.notes))


def _check(desired: Desired, intended: JSON, files: tuple[Mapping[str, bytes], Mapping[str, bytes]]) -> None:
    before, after = files
    was, now = trees_of(desired, before), trees_of(desired, after)
    expected = {**was, str(desired.id): intended}
    if not same(_in_order(now), _in_order(expected)):
        raise Refused(
            f"{desired.file}: {desired.id} cannot be changed without changing something else",
            advice="Another service extends it or shares its values: change it by hand.",
        )


def trees_of(desired: Desired, files: Mapping[str, bytes]) -> dict[str, JSON]:
    """What the project of ``desired`` declares, by name."""
    projects = desired.origins.projects if isinstance(desired.origins, LocatedOrigins) else ()
    declared = read(files, project=desired.id.scope, compose=projects)
    return {str(resource.id): resource.tree for resource in declared.resources}


def _in_order(trees: Mapping[str, JSON]) -> dict[str, JSON]:
    return {id_: _unordered(tree) for id_, tree in trees.items()}


def _unordered(tree: JSON) -> JSON:
    """A service whose environment is in order: what an ``env_file`` brings in comes last, wherever it was added."""
    if not isinstance(tree, Mapping):
        return tree
    environment = tree.get("environment")
    return {**tree, "environment": sorted(map(str, environment))} if isinstance(environment, list) else tree


def _spelled(value: JSON) -> str | None:
    """What a variable must be to say ``value``; None for what it cannot say: collections and null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


@dataclass(slots=True)
class _Work:
    """The files as edited so far."""

    files: dict[str, bytes]
    desired: Desired
    origins: LocatedOrigins
    notes: list[str] = field(default_factory=list)

    def carried_out(self, edit: Edit) -> Edit:
        """One edit, made in the file where its value is; and what it comes to, since variables make text of numbers."""
        leaf = self.origins.location(edit.pointer)
        match edit:
            case SetValue(pointer, value) if leaf is not None and leaf.line is not None:
                self._env_file_line(leaf, leaf.line, value)
                return SetValue(pointer, str(value))
            case SetValue(pointer, value) if leaf is not None and leaf.through is not Through.LITERAL:
                return SetValue(pointer, self._through_variable(leaf, value))
            case _:
                location = self._nearest(edit.pointer)
                if location.line is not None:
                    subject = format_path(touched(edit))
                    raise Refused(f"{self.desired.id}: {subject} is not written in a Compose file")
                self._edit(location, _with_dollars(replace(edit, pointer=location.pointer)))
                return edit

    def _nearest(self, pointer: Pointer) -> ValueLocation:
        """Where the value at ``pointer`` is written or, where there is none, would be: in what is nearest around it."""
        location = self.origins.location(pointer)
        if location is not None:
            return location
        around = self._nearest(pointer[:-1])
        return replace(around, pointer=(*around.pointer, pointer[-1]))

    def _edit(self, location: ValueLocation, edit: Edit) -> None:
        data = self.files[location.file]
        self.files[location.file] = edited(
            location.file, data, [edit], document=location.document, dialect=Dialect.COMPOSE
        )

    def _through_variable(self, location: ValueLocation, value: JSON) -> JSON:
        """The variable's own value where this is its only use, else a literal in place of it; and what that reads as."""
        raw = self._raw(location)
        env = posixpath.join(folder_of(location.file), ".env")
        values_by_key = {line.key: line for line in parse_env(self._text(env)).lines} if env in self.files else {}
        variables = {key: line.value for key, line in values_by_key.items()}
        filled = fill(raw, variables)
        middle = _inverted(raw, filled, value, variables)
        if middle is None:
            self.notes.append(f"{location.file}: the expression {raw!r} was replaced by its new value")
        else:
            (use,) = filled.uses
            count = sum(
                _uses_of(data, use.name) for path, data in self.files.items() if path.endswith((".yaml", ".yml"))
            )
            if use.default is not None:
                start, end = use.default
                self._edit(location, SetValue(location.pointer, raw[:start] + middle + raw[end:]))
                return _spelled(value)
            if count == 1 and use.name in values_by_key:
                self._env_line(env, values_by_key[use.name], middle)
                return _spelled(value)
            because = f"used {count} times" if use.name in values_by_key else f"not set in {env}"
            self.notes.append(f"{location.file}: {use.name} is {because}, so this use was replaced by its new value")
        self._edit(location, _with_dollars(SetValue(location.pointer, value)))
        return value

    def _raw(self, location: ValueLocation) -> str:
        node = self.origins.sources.scalar(location)
        if node is None:
            raise Refused(f"{location.file}: the value comes through an anchor and a variable: change it by hand")
        return node.value

    def _text(self, path: str) -> str:
        return Text.of(path, self.files[path]).chars

    def _env_file_line(self, location: ValueLocation, number: int, value: JSON) -> None:
        is_list = isinstance(self.desired.tree.get("environment"), list)
        line = next(line for line in parse_env(self._text(location.file)).lines if line.line == number)
        self._env_line(location.file, line, str(value).partition("=")[2] if is_list else str(value))
        self.notes.append(f"{location.file} is an env_file: every service that reads it gets the new value")

    def _env_line(self, path: str, line: EnvLine, value: str) -> None:
        text = Text.of(path, self.files[path])
        spelled = _env_quoted(value, text.chars[line.start : line.end])
        chars = text.chars[: line.start] + spelled + text.chars[line.end :]
        # A quote in single quotes has no spelling that all readers of such files share: what does not read back is refused.
        if value not in [now.value for now in parse_env(chars).lines if now.line == line.line]:
            raise Refused(f"{path}:{line.line}: the value cannot be written in a .env file")
        self.files[path] = text.encode(chars)


def _env_quoted(value: str, old: str) -> str:
    """A value as a line of a ``.env`` file (Docker documentation, "Set environment variables", on the file's syntax).

    In single quotes nothing is interpolated; double quotes stay where what is in them means itself.
    """
    if old[:1] in {"'", '"'} or value != value.strip() or set(value) & set("#$'\"\\ "):
        return f"'{value}'" if old[:1] != '"' or set(value) & set('"$\\') else f'"{value}"'
    return value


def _uses_of(data: bytes, name: str) -> int:
    return [use.name for use in fill(data.decode("utf-8", "replace"), {}).uses].count(name)


def _inverted(raw: str, filled: Interpolated, value: JSON, variables: Mapping[str, str]) -> str | None:
    """What the one variable in ``raw`` must be for the whole to be ``value``; None when nothing would do."""
    text = _spelled(value)
    if len(filled.uses) != 1 or text is None:
        return None
    use = filled.uses[0]
    before, after = fill(raw[: use.start], variables).text, fill(raw[use.end :], variables).text
    if not text.startswith(before) or not text.endswith(after):
        return None
    middle = text[len(before) : len(text) - len(after)]
    return None if not middle or set(middle) & set("${}\n") else middle


def _with_dollars(edit: Edit) -> Edit:
    return edit if isinstance(edit, RemoveEntry) else replace(edit, value=doubled_dollars(edit.value))


def doubled_dollars(value: JSON) -> JSON:
    """A value as a Compose file writes it: ``$`` is ``$$`` (Compose Specification, "Interpolation")."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: doubled_dollars(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [doubled_dollars(item) for item in value]
    return value
