"""INT-009: Compose projects that Compose would not take any more.

A project is judged whole, with the files that the change leaves alone (:attr:`~bot.guardrails.rule.ChangeFacts.compose`): an
override or an included file says little by itself. Which files are one is said by the settings, as for what is deployed
(:mod:`bot.guardrails.selected`). What is wrong is what :mod:`bot.intake.compose_check` finds: the schema of
the Compose specification, names that nothing declares, circles; values that only a run knows satisfy everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from bot.guardrails import classify
from bot.guardrails.grammar import parse_error
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.selected import SETTINGS, belongs, project_files, selected_after
from bot.guardrails.structure import is_template
from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import looks_like_compose
from bot.model.finding import FileStatus

if TYPE_CHECKING:
    from bot.model.resource import SourceError

_ADVICE: Final = "Run `docker compose config` on the project, and fix what it says."


def broken_compose(subject: Subject) -> Iterable[Hit]:
    """INT-009: a mistake in a Compose project that was not in it before."""
    if subject.facts.compose is None:
        return
    before = subject.options.projects
    later = selected_after(before, subject.change)
    deltas = {delta.path: delta for delta in subject.written}
    changed = _changed(deltas.values(), project_files((*before, *later)), settings=before != later)
    if not changed:
        return
    moved = {delta.old_path: delta.path for delta in deltas.values()}
    mistakes = _mistakes(subject.facts.compose, before)
    earlier_mistakes = Counter((moved.get(error.file, error.file), error.message) for error in mistakes)
    for error in _mistakes(_after(subject), later):
        earlier_mistakes[error.file, error.message] -= 1
        if earlier_mistakes[error.file, error.message] < 0 and not classify.is_fixture(error.file):
            yield from _hit(error, deltas.get(error.file), changed[0])


def _changed(deltas: Iterable[Delta], project_paths: Collection[str], *, settings: bool) -> list[Delta]:
    """What of the change is a project's: its files, and the settings where they name other ones."""
    return [delta for delta in deltas if _is_compose(delta, project_paths) or (settings and SETTINGS in _paths(delta))]


def _is_compose(delta: Delta, project_paths: Collection[str]) -> bool:
    sides = zip(_paths(delta), (delta.change.before, delta.change.after), strict=True)
    return any(data is not None and belongs(path, data, project_paths) for path, data in sides)


def _paths(delta: Delta) -> tuple[str, str]:
    return delta.old_path, delta.path


def _after(subject: Subject) -> Mapping[str, bytes]:
    """The files as the change leaves them."""
    files = dict(subject.facts.compose or {})
    for change in subject.change.files:
        files.pop(change.old_path or change.path, None)
    for change in subject.change.files:
        if change.status is not FileStatus.REMOVED and change.after is not None:
            files[change.path] = change.after
    return files


def _mistakes(files: Mapping[str, bytes], projects: tuple[ProjectFiles, ...]) -> Iterator[SourceError]:
    """What is wrong with the projects of ``files``, beside what does not parse: that is INT-002."""
    from bot.intake.compose import read_compose

    texts = {path: data.decode("utf-8", "replace") for path, data in files.items() if looks_like_compose(path, data)}
    roots = tuple(path for path in sorted(texts) if not is_template(texts[path]) and not classify.is_vendored(path))
    templates = {path for path, text in texts.items() if is_template(text)}
    without_templates = [project for project in projects if templates.isdisjoint(project.files)]
    for error in read_compose(files, roots, project="project", named_projects=without_templates).errors:
        if not error.note and (error.file not in texts or parse_error(error.file, texts[error.file]) is None):
            yield error


def _hit(error: SourceError, delta: Delta | None, first: Delta) -> Iterator[Hit]:
    expected = f", where {error.expected} is expected" if error.expected else ""
    message = f"Compose does not take this project: {error.message}{expected}."
    anchor = f"compose:{error.message}"
    if delta is not None and delta.after is not None:
        line = min(error.line, max(len(delta.after_lines), 1))
        yield Hit(delta.path, line, message, anchor=anchor, suggestion=_ADVICE)
    else:
        located_message = f"{message.removesuffix('.')} ({error.file}:{error.line})."
        yield Hit(first.path, first.first_added or 1, located_message, anchor=anchor, suggestion=_ADVICE)
