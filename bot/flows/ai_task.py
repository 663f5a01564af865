"""What an AI tool is told of a task, and what must hold of the files it wrote for it before they are proposed.

Called by ``clockwork propose`` (the patch of a task that drifted or is unhealthy) and ``clockwork guard compile`` (files for a
task that no renderer makes). Both end in a pull request: nothing here goes to the branch, and no rendered file or overlay
is taken from a tool.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.edits.overlay_file import FOLDER as OVERLAYS
from bot.errors import Invalid, Refused
from bot.flows.declare import BUILD, Declaration, Declarer
from bot.flows.messages import values_of
from bot.flows.observation import Assessment, is_observed
from bot.flows.origin import origin
from bot.intake.declared import nearest
from bot.intake.discover import SUFFIXES
from bot.model.decision import Decision
from bot.model.resource import Desired, SourceError
from bot.report.markdown import in_short
from bot.secrecy.redaction import redact

_MAX_FILE: Final = 20_000
"""Characters of a file that are shown."""
_MAX_DRIFTS: Final = 30

PROPOSE: Final = """\
The task {task} of this repository is not what Git declares, or it is not healthy. Find the cause in the data below and \
propose the smallest change of the repository's files that removes it: change the file that sets the value, where it is set. \
Where no file of the repository is the cause, change nothing and say in your summary what a person has to look at.
Rendered files below .clockwork are made again by themselves; leave them alone.
"""
COMPILE: Final = """\
Write the files that the task {task} of this repository needs and that its renderers do not make: {wish}

Write them below {folder} and change nothing else. Each must declare its objects completely, as manifests that can be applied \
as they are (Kubernetes objects or a Compose file), and none that is declared already. Take names, namespaces, labels and \
ports from what is declared.
"""


def evidence(task: str, assessment: Assessment, declarer: Declarer) -> tuple[str, ...]:
    """What is known of a task that differs: each difference with its reasons and evidence, and the files that set it.

    Credentials are redacted. Raises ``Invalid`` for a task that is in sync, or not one at all.
    """
    decisions = [decision for decision in assessment.decisions if decision.drift.task == task]
    if not decisions:
        raise Invalid(_nothing(task, assessment))
    texts = [redact(text) for decision in decisions[:_MAX_DRIFTS] for text in _difference(decision)]
    if len(decisions) > _MAX_DRIFTS:
        texts.append(f"[and {len(decisions) - _MAX_DRIFTS} more differences]")
    origins = [*_origins(decisions, assessment.declaration, declarer)]
    texts += [redact(text) for text, _ in origins]
    paths = [*(path for _, path in origins), *(decision.drift.file for decision in decisions)]
    return (*texts, *_files((path for path in paths if path), assessment.declaration, declarer))


def _nothing(task: str, assessment: Assessment) -> str:
    tasks = {resource.task for resource in assessment.declaration.resources} | {
        d.drift.task for d in assessment.decisions
    }
    if task not in tasks:
        suggestion = nearest(task, tasks)
        return f"the repository has no task {task}" + (f"; did you mean {suggestion!r}?" if suggestion else "")
    if not is_observed(task, assessment):
        return f"{task} could not be looked at, so nothing is known of it; `clockwork drift` says why"
    return f"{task} is in sync: there is nothing to propose"


def _difference(decision: Decision) -> Iterator[str]:
    drift = decision.drift
    declared, live = values_of(drift)
    location = f" {drift.where}" if drift.where else ""
    yield f"difference: {drift.resource.qualified}{location} ({drift.kind.value}, {drift.severity.value}, rule {drift.rule})"
    yield f"  in Git: {json.dumps(declared, default=str)[:2000]}"
    yield f"  live: {json.dumps(live, default=str)[:2000]}"
    yield from (f"  {drift.message}",) if drift.message else ()
    yield from (f"  declared at {drift.declared_at}",) if drift.declared_at else ()
    yield from (f"  written live by {drift.manager}",) if drift.manager else ()
    yield from (f"  decision: {reason}" for reason in decision.reasons)
    if drift.evidence:
        yield "  events and log:"
        yield from (f"    {line}" for line in in_short(drift.evidence))


def _origins(decisions: Sequence[Decision], declaration: Declaration, declarer: Declarer) -> Iterator[tuple[str, str]]:
    """For each value that Git sets, the lines that set it; with the file of each line."""
    for drift in (decision.drift for decision in decisions[:5]):
        if not drift.path or drift.sensitive:
            continue
        with suppress(Invalid, Refused):  # not declared, or nothing sets it
            answer = origin(declaration, declarer, drift.resource.qualified, drift.where)
            for line in answer.lines:
                yield f"set by: {line}", line.partition(":")[0]


def _files(paths: Iterable[str], declaration: Declaration, declarer: Declarer) -> Iterator[str]:
    """The files themselves, each once, but for those that hold secrets."""
    secret = {resource.file for resource in declaration.resources if resource.id.kind == "Secret"}
    for path in dict.fromkeys(paths):
        data = declarer.repository.read(declaration.commit, path)
        if data is None:
            continue
        text = data.decode("utf-8", "replace")
        hidden = path in secret or redact(text) != text
        yield f"--- {path}"
        yield "[not shown: it holds credentials]" if hidden else text[:_MAX_FILE]


@dataclass(frozen=True, slots=True)
class SettledFiles:
    """The files of a proposal with what the forge renders of them, and sentences for the reader."""

    files: Mapping[str, bytes | None]
    notes: tuple[str, ...] = ()


def settled(files: Mapping[str, bytes | None], declaration: Declaration, declarer: Declarer) -> SettledFiles:
    """``files`` with the artifacts that the forge renders of them. Raises ``Refused`` for what may not be proposed:
    rendered files and overlays in a tool's own words, and files with mistakes that were not there before.
    """
    after = _declared(files, declaration, declarer)
    before = {} if declaration.bundle is None else declaration.bundle.files
    bundle_files = {} if after.bundle is None else after.bundle.files
    artifacts = {
        path: bundle_files.get(path) for path in {*before, *bundle_files} if bundle_files.get(path) != before.get(path)
    }
    notes = (f"Rendered from it: {', '.join(sorted(artifacts))}.",) if artifacts else ()
    return SettledFiles({**files, **artifacts}, notes)


@dataclass(frozen=True, slots=True)
class CompiledFiles:
    """Files for a task that no renderer makes, with the resources that they declare."""

    files: Mapping[str, bytes]
    desired: tuple[Desired, ...]


def compiled(
    files: Mapping[str, bytes | None], folder: str, declaration: Declaration, declarer: Declarer
) -> CompiledFiles:
    """The bundle that ``files`` are. Raises ``Refused`` for one outside of ``folder``, one that is deleted, a manifest that
    declares nothing, a resource that is declared already, and whatever :func:`settled` refuses.
    """
    present_files = {path: data for path, data in files.items() if data is not None}
    if strange_paths := sorted(
        path for path in files if path not in present_files or not path.startswith(f"{folder}/")
    ):
        raise Refused(f"{strange_paths[0]}: only new files below {folder} are taken from a tool")
    after = _declared(files, declaration, declarer)
    known_ids = {resource.id for resource in declaration.resources}
    desired = tuple(resource for resource in after.resources if resource.file in present_files)
    if again := next((resource for resource in desired if resource.id in known_ids), None):
        raise Refused(f"{again.file}:{again.line}: {again.id.qualified} is declared already")
    declaring = {resource.file for resource in desired}
    silent = sorted(path for path in present_files if path.endswith(SUFFIXES) and path not in declaring)
    if silent or not desired:
        raise Refused(f"{silent[0] if silent else folder} declares nothing that Clockwork reads")
    stale = {drift.id for drift in declaration.stale}
    if moved := next((drift for drift in after.stale if drift.id not in stale), None):
        raise Refused(f"{moved.path[0]} would be rendered in another way")
    return CompiledFiles(present_files, desired)


def _declared(files: Mapping[str, bytes | None], declaration: Declaration, declarer: Declarer) -> Declaration:
    """What the repository declares with ``files``."""
    if built_paths := sorted(path for path in files if path.startswith((BUILD, OVERLAYS))):
        raise Refused(f"{built_paths[0]}: a rendered file or an overlay is never taken from a tool")
    after = declarer.with_any_files(files, declaration)
    known_errors = {(error.file, error.message) for error in declaration.errors}
    mistake = next((error for error in after.errors if (error.file, error.message) not in known_errors), None)
    if mistake is not None:
        raise Refused(f"the change makes a mistake: {_located(mistake)}")
    return after


def _located(error: SourceError) -> str:
    return f"{error.file}:{error.line}: {error.message}"


def declared_evidence(task: str, declaration: Declaration, declarer: Declarer) -> tuple[str, ...]:
    """What is declared of a task, with the files that say it. Raises ``Invalid`` for a task that is not declared."""
    task_resources = [resource for resource in declaration.resources if resource.task == task]
    if not task_resources:
        suggestion = nearest(task, {resource.task for resource in declaration.resources})
        raise Invalid(f"the repository has no task {task}" + (f"; did you mean {suggestion!r}?" if suggestion else ""))
    texts = [
        f"declared: {resource.id.qualified}\n{redact(json.dumps(resource.tree, default=dict, sort_keys=True))[:_MAX_FILE]}"
        for resource in task_resources
        if resource.id.kind != "Secret" and not resource.sensitive
    ]
    return (*texts, *_files((resource.file for resource in task_resources), declaration, declarer))
