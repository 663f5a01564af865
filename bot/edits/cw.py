"""Edits of ``.cw`` configuration: a live value goes into the literal that gives it, wherever that is written.

The plans are tried in order: edit the literal (also the variable's default or its line in a ``.cwvars`` file), of a
template the one part that reads differently, else put the value in place of the expression. Each result is assembled again
with the same variables; the first one in which nothing else changes is taken. That is how "used more than once" shows:
editing the shared literal would change something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from bot.assembly.assemble import assemble
from bot.assembly.config import AssembledConfig, Assembly, Kind
from bot.assembly.tracing import TracedOrigins
from bot.assembly.values import Trace, ValueForm
from bot.edits import hcl, hcl_nodes
from bot.edits.cw_entries import added, removed
from bot.edits.cw_text import TextChange, Within, changes, read_back, scalar_text
from bot.edits.values import ordered, same, steps, touched
from bot.errors import Refused
from bot.intake.cw import literal_value, parse
from bot.intake.syntax import Parsed
from bot.model.drift import AddEntry, Adoption, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from bot.model.paths import format_path
from bot.model.resource import Desired, Origin, Through


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to make an edit: the file, its new text, what a reviewer should know, and the value that must come out."""

    file: str
    data: bytes
    note: str | None
    expected: JSON


def adopt_cw(desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes], cw: AssembledConfig) -> Adoption:
    """The ``.cw`` and ``.cwvars`` files after ``edits`` of the rendered tree."""
    if not isinstance(desired.origins, TracedOrigins):
        raise Refused(f"{desired.id} does not come from .cw files")
    sources = {path: data for path, data in files.items() if path.endswith((".cw", ".cwvars"))}
    editor = _Editor(
        desired.origins,
        cw,
        sources,
        assemble(sources, variables=cw.variables, environment=cw.environment, other_files=cw.beside),
    )
    plans = [editor.carried_out(step) for edit in ordered(edits) for step in steps(desired.origins.tree.plain(), edit)]
    changed = {path: combined(sources[path], [plan.data for plan in plans if plan.file == path]) for path in sources}
    editor.check({**sources, **changed})
    notes = dict.fromkeys(plan.note for plan in plans if plan.note)
    return Adoption({path: data for path, data in changed.items() if data != sources[path]}, tuple(notes))


def combined(original: bytes, versions: Sequence[bytes]) -> bytes:
    """``original`` with all the changes of versions that were each made from it."""
    splices = dict.fromkeys(_splice(original, version) for version in versions)
    result, at = b"", 0
    for start, end, text in sorted(splices, key=lambda splice: splice[:2]):
        if start < at:
            raise Refused("these changes touch the same text: adopt them one by one")
        result += original[at:start] + text
        at = end
    return result + original[at:]


def _splice(original: bytes, version: bytes) -> tuple[int, int, bytes]:
    start = 0
    shortest = min(len(original), len(version))
    while start < shortest and original[start] == version[start]:
        start += 1
    tail = 0
    while tail < shortest - start and original[-1 - tail] == version[-1 - tail]:
        tail += 1
    return start, len(original) - tail, version[start : len(version) - tail]


@dataclass(frozen=True, slots=True)
class _Editor:
    """``was`` is what ``files`` assemble to before any edit; every plan starts from there."""

    origins: TracedOrigins
    cw: AssembledConfig
    files: Mapping[str, bytes]
    was: Assembly

    def assembled(self, files: Mapping[str, bytes]) -> Assembly:
        """What files come to with the variables that the configuration was assembled with."""
        return assemble(files, variables=self.cw.variables, environment=self.cw.environment, other_files=self.cw.beside)

    def check(self, files: Mapping[str, bytes]) -> None:
        """Raises :class:`~bot.errors.Refused` when all changes together do more than they should."""
        now = self.assembled(files)
        changed, _, _ = _difference(self.was.config, now.config)
        if set(_facts(now)) - set(_facts(self.was)) or any(key[:3] != self._identity() for key in changed):
            raise Refused("these changes together change something else: adopt them one by one")

    def carried_out(self, step: Edit) -> Plan:
        """The first plan that changes exactly what it should."""
        for plan in self._plans(step):
            now = self.assembled({**self.files, plan.file: plan.data})
            new_mistakes = set(_facts(now)) - set(_facts(self.was))
            if not new_mistakes and self._as_intended(self.was.config, now.config, step, plan.expected):
                return plan
        subject = f"{format_path(touched(step))} of {'/'.join(self.origins.resource)}"
        raise Refused(
            f"{subject} cannot be written without changing something else",
            advice="Change the .cw file by hand.",
        )

    def _as_intended(self, was: AssembledConfig, now: AssembledConfig, step: Edit, expected: JSON) -> bool:
        """Only this resource changed (and what is no resource: outputs, images), at one place, to the expected value."""
        deployed, _, new = _difference(was, now)
        match step:
            case RemoveEntry():
                fits = all(new.get(key) in ({}, [], None) for key in deployed)
            case AddEntry():
                fits = all(key in new for key in deployed)
            case SetValue():
                fits = len(deployed) == 1 and all(key in new and _agrees(new[key], expected) for key in deployed)
        return fits and bool(deployed) and all(key[:3] == self._identity() for key in deployed)

    def _identity(self) -> tuple[str, Kind, str]:
        stack, kind, name = self.origins.resource
        return stack, Kind(kind), name

    def _plans(self, step: Edit) -> Iterator[Plan]:
        match step:
            case SetValue(pointer, value):
                yield from self._set(pointer, value)
            case AddEntry(_, _, value):
                file, text, note = added(partial(_opened, self.files), self.origins, step)
                yield Plan(file, text, note, value)
            case RemoveEntry(pointer):
                file, text = removed(partial(_opened, self.files), self.origins, pointer)
                yield Plan(file, text, None, None)

    def _set(self, pointer: Pointer, value: JSON) -> Iterator[Plan]:
        rendered = self.origins.value(pointer)
        if rendered is None or rendered.trace.form is ValueForm.FIXED or isinstance(value, (Mapping, list, tuple)):
            raise Refused(f"{format_path(pointer)} is made by the renderer: change the .cw file by hand")
        trace = rendered.trace
        expected = f"{value}s" if trace.form is ValueForm.SECONDS else value
        text_changes = tuple(changes(trace.pieces, scalar_text(expected)))
        several = bool(trace.pieces) and not text_changes
        yield from _parts(self.files, text_changes, expected)
        if trace.literal is not None:
            note = _several(trace.literal) if several else None
            yield _replacement(self.files, trace.literal, expected, note, expected)
        if trace.origin.through is Through.LITERAL:
            yield _replacement(self.files, trace.origin, expected, None, expected)
        else:
            note = _several(trace.origin) if several else _note(trace)
            yield from self._use(pointer, trace, expected, note)

    def _use(self, pointer: Pointer, trace: Trace, expected: JSON, note: str) -> Iterator[Plan]:
        """The use itself: the expression replaced, or the entry of a map laid over it."""
        parent = self.origins.value(pointer[:-1])
        inherited = parent is not None and parent.trace.form is ValueForm.PLAIN and parent.trace.origin == trace.origin
        if inherited and isinstance(pointer[-1], str):
            parsed = _opened(self.files, trace.origin.file)
            node = hcl_nodes.node_at(parsed, trace.origin)
            text = hcl.merged(parsed, node, pointer[-1], expected)
            yield Plan(trace.origin.file, parsed.text.encode(text), note, expected)
        else:
            yield _replacement(self.files, trace.origin, expected, note, expected)


def _several(origin: Origin) -> str:
    return f"{origin.file}:{origin.line}: more than one part of the text changed, so the expression was replaced"


def _note(trace: Trace) -> str:
    origin = trace.origin
    location = f"{origin.file}:{origin.line}"
    because = "is used elsewhere" if trace.literal is not None else "is computed"
    match origin.through:
        case _ if trace.pieces and trace.literal is None:
            return f"{location}: the expression was replaced by its new value"
        case Through.VARIABLE:
            return f"{location}: var.{origin.name} is used elsewhere or set from outside, so this use was replaced"
        case Through.LOCAL | Through.MODULE:
            return f"{location}: {origin.through}.{origin.name} {because}, so this use was replaced"
        case _:
            return f"{location}: the expression was replaced by its new value"


def _opened(files: Mapping[str, bytes], path: str) -> Parsed:
    if path not in files:
        raise Refused(f"{path} is no longer there")
    return parse(path, files[path])


def _replacement(files: Mapping[str, bytes], origin: Origin, value: JSON, note: str | None, expected: JSON) -> Plan:
    parsed = _opened(files, origin.file)
    node = hcl_nodes.node_at(parsed, origin)
    text = hcl.replaced(parsed, node, _like(literal_value(node), value))
    return Plan(origin.file, parsed.text.encode(text), note, expected)


def _parts(files: Mapping[str, bytes], text_changes: Sequence[TextChange], expected: JSON) -> Iterator[Plan]:
    """The plans that change one part of a template; those that cannot be written are passed over."""
    for change in text_changes:
        plan: Plan | None = None
        with suppress(Refused):
            plan = _part(files, change, expected)
        if plan is not None:
            yield plan


def _part(files: Mapping[str, bytes], change: TextChange, expected: JSON) -> Plan:
    """One part of a template changed, or the literal that it puts in."""
    origin = change.origin
    if change.within is Within.LITERAL:
        return _replacement(files, origin, change.text, None, expected)
    parsed = _opened(files, origin.file)
    note = _note(Trace(origin, origin)) if change.within is Within.USE else None
    return Plan(origin.file, parsed.text.encode(hcl.part_replaced(parsed, origin, change.text)), note, expected)


def _like(old: tuple[bool, JSON], value: JSON) -> JSON:
    """``value`` in the type of the literal it replaces, where it says the same: ``"8080"`` for 8080."""
    is_known, literal = old
    if is_known and isinstance(literal, str) and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if is_known and isinstance(literal, (bool, int, float)) and isinstance(value, str):
        return read_back(value, type(literal))
    return value


def _agrees(actual: JSON, expected: JSON) -> bool:
    """Equal, where text and number that read alike are."""
    return same(actual, expected) or str(actual) == str(expected)


_Key: TypeAlias = tuple[str, Kind | None, str, Pointer]
_Leaves: TypeAlias = dict[_Key, JSON]


def _difference(was: AssembledConfig, now: AssembledConfig) -> tuple[list[_Key], _Leaves, _Leaves]:
    """The leaves of deployed resources that changed; outputs and images deploy nothing by themselves."""
    old, new = _leaves(was), _leaves(now)
    changed = [
        key for key in old.keys() | new.keys() if key not in old or key not in new or not same(old[key], new[key])
    ]
    return [key for key in changed if key[1] is not None and key[1] is not Kind.IMAGE], old, new


def _facts(assembly: Assembly) -> list[tuple[str, str]]:
    """The mistakes, wherever they moved to."""
    return [(error.file, error.message) for error in assembly.errors]


def _leaves(config: AssembledConfig) -> _Leaves:
    return {key: value.plain() for key, value in config.leaves() if not value.mapping and not value.elements}
