"""Whether workflows that run this bot run a version that somebody read, with the rights that each command needs.

Called by ``clockwork doctor`` with the files of the branch. What GitHub would refuse at night is told here by day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bot.errors import Invalid
from bot.intake.lined import read_document
from bot.model.diagnosis import Diagnosis, Health
from bot.model.json import JSON, Tree, mapping, text

_AREA: Final = "workflows"
_PINNED: Final = re.compile(r"clockwork-gitops(?:\[[\w,-]*\])?==([\w.]+)")
_COMMAND: Final = re.compile(r"\bclockwork (reconcile|guard pr|comments|report|apply)\b(?![^\n]*--artifact)")
_USES: Final = re.compile(
    r"[^@\s]*/\.github/(?:actions/clockwork|workflows/(reconcile|guard|comments|apply)\.yml)@(\S+)"
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_RIGHTS: Final[Mapping[str, tuple[str, ...]]] = {
    "reconcile": ("contents", "pull-requests", "issues", "checks"),
    "guard": ("checks",),
    "comments": ("contents", "issues", "pull-requests"),
    "report": ("contents",),
    "apply": ("contents", "checks"),
}
"""What the token of a job must be allowed to write for a command (docs.github.com, "Permissions required for GitHub Apps", by
what each command writes).
"""


def workflow(path: str, data: bytes, version: str) -> tuple[Diagnosis, ...]:
    """What is to be said of one workflow that runs this bot; one OK where nothing is."""
    notes = tuple(_notes(path, data, version))
    return notes or (Diagnosis(_AREA, Health.OK, path),)


def _notes(path: str, data: bytes, version: str) -> Iterator[Diagnosis]:
    content = data.decode(errors="replace")
    if other_versions := sorted(set(_PINNED.findall(content)) - {version}):
        stale = f"{path} installs {', '.join(other_versions)}, this is {version}"
        yield Diagnosis(_AREA, Health.NOTE, stale, f"Change it to =={version}.")
    try:
        document = mapping(read_document(data, path).value)
    except Invalid as exc:
        yield Diagnosis(_AREA, Health.FAILS, exc.message, "Correct the file; GitHub runs nothing of it.")
        return
    for name, job in mapping(document.get("jobs")).items():
        yield from _of_job(path, name, mapping(job), document.get("permissions"))


def _of_job(path: str, name: str, job: Tree, inherited: JSON) -> Iterator[Diagnosis]:
    commands: set[str] = set()
    for command, ref in _calls(job):
        commands.add(command)
        if ref and not _COMMIT.fullmatch(ref):
            loose = f"{path}: job {name} runs Clockwork of {ref}, whatever that is on the day"
            yield Diagnosis(_AREA, Health.NOTE, loose, "Pin it by commit, with the version as a comment.")
    granted = job.get("permissions", inherited)
    needed_rights = dict.fromkeys(right for command in sorted(commands) for right in _RIGHTS.get(command, ()))
    if missing := [right for right in needed_rights if not _writes(granted, right)]:
        lacks = f"{path}: the token of job {name} may not write {', '.join(missing)}"
        advice = f"Give the job {', '.join(f'{right}: write' for right in missing)}; another token needs none of it."
        yield Diagnosis(_AREA, Health.NOTE, lacks, advice)


def _calls(job: Tree) -> Iterator[tuple[str, str]]:
    """The commands of a job, each with the ref of the action or workflow that runs it; empty for a program."""
    steps = job.get("steps")
    step_mappings = [mapping(step) for step in steps] if isinstance(steps, list | tuple) else []
    for step in (job, *step_mappings):
        for command in _COMMAND.findall(text(step.get("run"))):
            yield command.partition(" ")[0], ""
        if (used := _USES.fullmatch(text(step.get("uses")))) is not None:
            yield used[1] or text(mapping(step.get("with")).get("command")), used[2]


def _writes(granted: JSON, right: str) -> bool:
    """Whether the rights of a job hold this one; without any, what the repository gives is not known here."""
    if isinstance(granted, Mapping):
        return granted.get(right) == "write"
    return granted != "read-all"
