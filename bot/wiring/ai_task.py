"""Guarded runs about a task of the repository: its patch, and files for it that no renderer makes. Both are proposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.errors import Invalid, Refused
from bot.flows.ai_proposal import AIProposal, check, propose
from bot.flows.ai_task import COMPILE, PROPOSE, compiled, declared_evidence, evidence, settled
from bot.flows.observation import assess
from bot.forge.bundle import ArtifactBundle
from bot.model.finding import Mode
from bot.model.guarded import AIRequest, AIResult
from bot.model.proposal import TakenAction
from bot.wiring.guarded_run import GuardedRuns
from bot.wiring.reconcile import declarer, loop_on


def _unheard(request: AIRequest, result: AIResult) -> None:
    del request, result


@dataclass(frozen=True, slots=True)
class AIWork:
    """Who does the work: a tool, as which agent, judged in which mode (None: the settings').

    ``answered`` is told of the result as soon as there is one: what comes after may still be refused.
    """

    tool: str | None = None
    agent: str | None = None
    mode: Mode | None = None
    answered: Callable[[AIRequest, AIResult], None] = _unheard

    def request(self, prompt: str, runs: GuardedRuns) -> AIRequest:
        """The request for ``prompt``. Without a tool, the first of the settings does it; ``Invalid`` where there is none."""
        guard = runs.opened.settings.guard
        first = next((assistant.name or assistant.kind for assistant in guard.assistants), None)
        tool = self.tool or first
        if tool is None:
            raise Invalid("no assistant is configured", advice="Name one with --tool, or in guard.assistants.")
        return AIRequest(tool, prompt, self.agent, self.mode or guard.mode)


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What a tool made of a task, and what became of its pull request (None: it was blocked, or changed nothing)."""

    result: AIResult
    action: TakenAction | None = None
    bundle: ArtifactBundle | None = None


def propose_patch(task: str, work: AIWork, runs: GuardedRuns) -> TaskOutcome:
    """The pull request with an assistant's patch of a task that drifted or is unhealthy.

    Raises ``Invalid`` for a task that is in sync, and ``Refused`` where limits or what the patch holds say no.
    """
    loop = loop_on(runs.opened, clock=runs.clock)
    check(task, loop.run)
    declaration = loop.declarer.at(runs.base)
    assessment = assess(declaration, loop.rules(runs.base), loop.observe, now=runs.clock.now())
    evidence_lines = evidence(task, assessment, loop.declarer)
    request = work.request(PROPOSE.format(task=task), runs)
    result = runs.process(request, evidence=evidence_lines)
    work.answered(request, result)
    if not result.approved or not result.parsed.files:
        return TaskOutcome(result)
    settled_files = settled(result.parsed.files, declaration, loop.declarer)
    result = replace(result, parsed=replace(result.parsed, files=settled_files.files))
    title = f"{task}: AI-proposed patch ({request.tool})"
    return TaskOutcome(result, propose(AIProposal(task, title, request, result, settled_files.notes, True), loop.run))


def compile_files(task: str, wish: str, folder: str, work: AIWork, runs: GuardedRuns) -> TaskOutcome:
    """The pull request with an assistant's files for a task, below ``folder``, as far as the forge takes them for whole.

    Raises ``Invalid`` for an unknown task or a folder outside of the repository, and ``Refused`` as
    :func:`bot.flows.ai_task.compiled` does.
    """
    folder = _folder(folder)
    about = f"compile/{task}"
    check(about, runs.run_context)
    reads = declarer(runs.opened)
    declaration = reads.at(runs.base)
    evidence_lines = declared_evidence(task, declaration, reads)
    request = work.request(COMPILE.format(task=task, wish=wish, folder=folder), runs)
    result = runs.process(request, evidence=evidence_lines)
    work.answered(request, result)
    if not result.approved:
        return TaskOutcome(result)
    if not result.parsed.files:
        raise Refused("the tool wrote no file", advice="Say in the prompt which files are missing.")
    compiled_files = compiled(result.parsed.files, folder, declaration, reads)
    bundle = ArtifactBundle(compiled_files.files, compiled_files.desired)
    title = f"{task}: AI-proposed files in {folder} ({request.tool})"
    notes = _declares(bundle)
    action = propose(AIProposal(about, title, request, result, notes, True), runs.run_context)
    return TaskOutcome(result, action, bundle)


def _declares(bundle: ArtifactBundle) -> tuple[str, ...]:
    return tuple(f"{resource.file}:{resource.line} declares {resource.id.qualified}." for resource in bundle.desired)


def _folder(name: str) -> str:
    folder = name.strip("/")
    if not folder or name.startswith("/") or {"", ".", ".."} & {*folder.split("/")}:
        raise Invalid(f"--into {name!r} is no folder of the repository", advice="Name one from its top: apps/alerts.")
    return folder
