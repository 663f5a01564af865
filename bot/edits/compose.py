"""Edits of Compose projects: into the file that a value really comes from, or the variable that gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.edits.plain import edited
from bot.edits.values import applied, ordered, same
from bot.errors import Refused
from bot.intake.interpolate import Interpolated, Use, fill, parse_env
from bot.intake.read import read
from bot.intake.scalars import Dialect
from bot.intake.sited import Site, SitedOrigins
from bot.intake.text import Text
from bot.model.drift import Adoption, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.paths import format_path
from bot.model.resource import Desired, ResourceId, Through


def adopt_compose(desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes]) -> Adoption:
    """The files of the project after ``edits``, read again as a whole: only this resource may read differently."""
    origins = desired.origins
    if not isinstance(origins, SitedOrigins):
        raise Refused(f"{desired.id} does not come from a file")
    work = _Work(dict(files), desired, origins)
    for edit in ordered(edits):
        work.carry_out(edit)
    changed = {path: data for path, data in work.files.items() if data != files.get(path)}
    _check(desired, edits, files, work.files)
    return Adoption(changed, tuple(work.notes))


def _check(desired: Desired, edits: Sequence[Edit], before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    project = desired.id.scope
    was = {resource.id: resource.tree for resource in read(before, project=project).resources}
    now = {resource.id: resource.tree for resource in read(after, project=project).resources}
    intended: JSON = desired.tree
    for edit in ordered(edits):
        intended = applied(intended, edit)
    others = _others(was, desired.id)
    if not _agree(_unordered(now.get(desired.id)), _unordered(intended)) or not same(others, _others(now, desired.id)):
        raise Refused(
            f"{desired.file}: {desired.id} cannot be changed without changing something else",
            advice="Another service extends it or shares its values: change it by hand.",
        )


def _unordered(tree: JSON) -> JSON:
    """A service whose environment is in order: what an ``env_file`` brings in comes last, wherever it was added."""
    environment = tree.get("environment") if isinstance(tree, Mapping) else None
    if not isinstance(tree, Mapping) or not isinstance(environment, (list, tuple)):
        return tree
    return {**tree, "environment": sorted(map(str, environment))}


def _others(trees: Mapping[ResourceId, Tree], own: ResourceId) -> dict[str, JSON]:
    return {str(key): tree for key, tree in trees.items() if key != own}


def _agree(actual: JSON, expected: JSON) -> bool:
    """Equal, where a variable makes text of numbers."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return actual.keys() == expected.keys() and all(_agree(actual[key], expected[key]) for key in actual)
    if isinstance(actual, list) and isinstance(expected, (list, tuple)):
        return len(actual) == len(expected) and all(map(_agree, actual, expected))
    return same(actual, expected) or (
        isinstance(actual, str) and not isinstance(expected, bool) and actual == str(expected)
    )


@dataclass(slots=True)
class _Work:
    """The files as edited so far."""

    files: dict[str, bytes]
    desired: Desired
    origins: SitedOrigins
    notes: list[str] = field(default_factory=list)

    def carry_out(self, edit: Edit) -> None:
        """One edit, in the file where its value is."""
        leaf = self._site(edit.pointer)
        if isinstance(edit, SetValue) and leaf is not None and leaf.line is not None:
            self._env_file_line(leaf, edit.value)
        elif isinstance(edit, SetValue) and leaf is not None and leaf.through is not Through.LITERAL:
            self._through_variable(leaf, edit.value)
        else:
            self._literal(edit, leaf)

    def _site(self, pointer: Pointer) -> Site | None:
        return self.origins.site(pointer)

    def _literal(self, edit: Edit, leaf: Site | None) -> None:
        site, rest = leaf, edit.pointer[len(edit.pointer) :]
        depth = len(edit.pointer)
        while site is None and depth > 0:
            depth -= 1
            site, rest = self._site(edit.pointer[:depth]), edit.pointer[depth:]
        if site is None or site.line is not None:
            raise Refused(f"{self.desired.id}: {format_path(edit.pointer)} is not written in a Compose file")
        self._edit(site, replace(edit, pointer=site.pointer + rest))

    def _edit(self, site: Site, edit: Edit) -> None:
        data = self.files[site.file]
        self.files[site.file] = edited(
            site.file, data, [_with_dollars(edit)], document=site.document, dialect=Dialect.COMPOSE
        )

    def _through_variable(self, site: Site, value: JSON) -> None:
        """The variable's own value where this is its only use, else a literal in place of the variable."""
        raw = self._raw(site)
        name = site.name or ""
        env = f"{site.file.rpartition('/')[0]}/.env".lstrip("/")
        known = {line.key: line for line in parse_env(self._text(env))} if env in self.files else {}
        filled = fill(raw, {key: line.value for key, line in known.items()})
        middle = _inverted(raw, filled, value, {key: line.value for key, line in known.items()})
        uses = sum(len(_uses_of(data, name)) for path, data in self.files.items() if path.endswith((".yaml", ".yml")))
        if middle is None or len(filled.uses) != 1:
            self.notes.append(f"{site.file}: the expression {raw!r} was replaced by its new value")
        elif filled.uses[0].default is not None:
            start, end = filled.uses[0].default
            self._edit_raw(site, raw[:start] + middle + raw[end:])
            return
        elif uses == 1 and name in known:
            self._env_line(env, known[name].line, middle)
            return
        else:
            self.notes.append(f"{site.file}: {name} is used {uses} times, so this use was replaced by its new value")
        self._edit(site, SetValue(site.pointer, value))

    def _raw(self, site: Site) -> str:
        node = self.origins.sources.scalar(site)
        if node is None:
            raise Refused(f"{site.file}: the value comes through an anchor and a variable: change it by hand")
        return node.value

    def _edit_raw(self, site: Site, raw: str) -> None:
        data = self.files[site.file]
        step = SetValue(site.pointer, raw)
        self.files[site.file] = edited(site.file, data, [step], document=site.document, dialect=Dialect.COMPOSE)

    def _text(self, path: str) -> str:
        return Text.of(path, self.files[path]).chars

    def _env_file_line(self, site: Site, value: JSON) -> None:
        text = value if isinstance(value, str) else str(value)
        items = self.desired.tree.get("environment")
        self._env_line(site.file, site.line or 1, text.partition("=")[2] if isinstance(items, (list, tuple)) else text)
        self.notes.append(f"{site.file} is an env_file: every service that reads it gets the new value")

    def _env_line(self, path: str, number: int, value: str) -> None:
        text = Text.of(path, self.files[path])
        lines = text.chars.split("\n")
        key, _, old = lines[number - 1].partition("=")
        ending = "\r" if old.endswith("\r") else ""
        comment = old.rstrip("\r")[len(old.rstrip("\r").split(" #", 1)[0].rstrip()) :] if " #" in old else ""
        lines[number - 1] = f"{key}={_env_quoted(value, old.strip())}{comment}{ending}"
        chars = "\n".join(lines)
        # A quote in single quotes has no spelling that all readers of such files share: what does not read back is refused.
        if {line.key: line.value for line in parse_env(chars)}.get(
            key.strip().removeprefix("export ").strip()
        ) != value:
            raise Refused(f"{path}:{number}: the value cannot be written in a .env file")
        self.files[path] = text.encode(chars)


def _env_quoted(value: str, old: str) -> str:
    """A value as a line of a ``.env`` file (Docker documentation, "Set environment variables", on the file's syntax).

    In single quotes nothing is interpolated; double quotes stay where what is in them means itself.
    """
    if old[:1] in {"'", '"'} or value != value.strip() or set(value) & set("#$'\"\\ "):
        return f"'{value}'" if old[:1] != '"' or set(value) & set('"$\\') else f'"{value}"'
    return value


def _uses_of(data: bytes, name: str) -> list[Use]:
    text = data.decode("utf-8", "replace")
    return [use for use in fill(text, {}).uses if use.name == name] if name and name in text else []


def _inverted(raw: str, filled: Interpolated, value: JSON, variables: Mapping[str, str]) -> str | None:
    """What the one variable in ``raw`` must be for the whole to be ``value``; None when nothing would do."""
    if len(filled.uses) != 1 or isinstance(value, (dict, list, tuple)) or value is None:
        return None
    use = filled.uses[0]
    before, after = fill(raw[: use.start], variables).text, fill(raw[use.end :], variables).text
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    long_enough = len(text) >= len(before) + len(after)
    if not long_enough or not text.startswith(before) or not text.endswith(after):
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
