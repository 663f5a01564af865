"""Steps of workflows that run the guard, with all that keeps each from stopping anything. Called by :mod:`.guarding`.

A job that calls another workflow, and a step that uses an action of the repository, run what stands there: whoever takes the
call away takes away the guard.

Sources: GitHub documentation, "Workflow syntax for GitHub Actions" (``on``, ``if``, ``needs``: a job is skipped where one that
it needs is, and a skipped job counts as a success; ``continue-on-error``; ``shell``: ``bash -e`` unless named, with
``pipefail`` where named); "Reuse workflows" (``uses`` of a job, ten levels deep at most).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from posixpath import normpath
from typing import Final

from bot.guardrails import shell
from bot.guardrails.detectors.workflow_risks import triggers
from bot.guardrails.detectors.workflow_values import steps_of
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

_WORKFLOW: Final = regex(r"\.github/workflows/[^/]+\.ya?ml")
_ACTION: Final = regex(r"(?:.*/)?action\.ya?ml")
_OWN_ACTION: Final = regex(r"(?:.*/)?\.github/actions/clockwork(?:@.*)?")
_OWN_WORKFLOW: Final = regex(r"(?:[^/@]+/[^/@]+|\$)/\.github/workflows/guard\.ya?ml(?:@.*)?")
_LOCAL: Final = regex(r"\./[^@\s]+")
_DEEPEST: Final = 10
_PROGRAM: Final = "clockwork"
_VERBS: Final = frozenset({"pr", "queue", "publish", "diff"})
_EVENTS: Final = ("pull_request", "pull_request_target", "merge_group", "workflow_run", "workflow_call", "push")
_NEVER: Final = regex(r"\s*(?:\$\{\{)?\s*(?:false|0|''|null)?\s*(?:\}\})?\s*\Z")
"""A condition that is never true (GitHub documentation, "Evaluate expressions": falsy values)."""
_ALWAYS: Final = regex(r"\balways\(\)|\bcancelled\(\)")
_HEADS: Final = frozenset({"opened", "synchronize", "reopened"})
_USUAL: Final[Mapping[str, frozenset[str]]] = {
    "pull_request": _HEADS,
    "pull_request_target": _HEADS,
    "merge_group": frozenset({"checks_requested"}),
}
"""The types that an event has without any being named (GitHub documentation, "Events that trigger workflows")."""
_NO_TYPES: Final = frozenset({""})
_FILTERS: Final = ("branches", "branches-ignore", "paths", "paths-ignore", "types", "workflows")
_SHELLS: Final = frozenset({"", "bash", "sh"})
_SAYING: Final = frozenset(
    {"echo", "printf", ":", "true", "false", "cat", "test", "[", "[[", "grep", "exit", "return", "export", "declare"}
)
"""What only says, or looks at, its words."""
_RUNNERS: Final = (
    (), ("command",), ("exec",), ("env",), ("sudo",), ("uvx",), ("pipx", "run"), ("uv", "run"), ("poetry", "run"),
    ("uv", "tool", "run"),
)  # fmt: skip
_OUTPUT: Final = frozenset({"--sarif", "--summary", "--artifact", "--output", "--log-level", "--log-format", "--agent"})
"""Options with a value that take nothing from the verdict."""
_HARMLESS: Final = frozenset({"--comment", "--json", "-q", "--quiet", "-v", "-vv", "--verbose", "--exit-code"})
_ASKS_FOR_HELP: Final = frozenset({"-h", "--help", "--version"})
_ASSIGNED: Final = regex(r"[A-Za-z_]\w*=")
_VARIABLE: Final = regex(r"\$(?:\{(\w+)\}|(\w+))")
_EXPRESSION: Final = regex(r"\$\{\{([^}]{0,300})\}\}")
_SUBJECTS: Final = frozenset(
    {
        "github.event.number",
        "github.event.pull_request.number",
        "github.event.merge_group.head_sha",
        "github.event.pull_request.head.sha",
        "github.event.pull_request.base.sha",
        "github.event.workflow_run.head_sha",
        "github.event.before",
        "github.event.after",
        "github.server_url",
        "github.repository",
        "github.sha",
        "github.ref_name",
        "github.base_ref",
        "github.head_ref",
    }
)
"""What an event says about the change that is judged, and where."""


@dataclass(frozen=True, slots=True)
class GuardStep:
    """One step that runs the guard on an event; ``laxities`` are what keeps it from stopping anything, and where."""

    file: str
    job: str
    event: str
    verb: str
    line: int
    laxities: Mapping[str, int]

    @property
    def key(self) -> tuple[str, str]:
        """What it judges, and when."""
        return self.verb, self.event


_USE: Final = "a use of the action"
"""What starts the steps of an action."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One command that runs the guard, or one use of the action that does."""

    verb: str
    laxities: frozenset[str]


class CalledSteps:
    """The steps of files that others call, each file read once, whoever calls it."""

    def __init__(self, read: Callable[[str], Documents]) -> None:
        """``read`` gives the documents of a file; none where there is none."""
        self._read = read
        self._steps: dict[str, tuple[GuardStep, ...]] = {}
        self._depth = 0

    def of(self, path: str) -> tuple[GuardStep, ...]:
        """The steps of one; none of what calls itself, or is called by too many on the way."""
        if path not in self._steps:
            self._steps[path] = ()
            self._depth += 1
            if self._depth <= _DEEPEST:
                self._steps[path] = tuple(guard_steps(path, self._read(path), self))
            self._depth -= 1
        return self._steps[path]


def guard_steps(path: str, documents: Documents, called: CalledSteps) -> Iterator[GuardStep]:
    """Every step that runs the guard, once an event; none that is switched off."""
    for document in parsed(documents)[:1]:
        if _WORKFLOW.fullmatch(path):
            yield from _of_workflow(path, document, called)
        elif _ACTION.fullmatch(path) and (runs := document.get("runs")) is not None:
            yield from _of_job(_Job(path, "", document, runs, (_USE,), called))


def _of_workflow(path: str, document: LinedNode, called: CalledSteps) -> Iterator[GuardStep]:
    started = triggers(document)
    events = tuple(event for event in _EVENTS if event in started)
    jobs = dict(document.items("jobs"))
    for name, job in jobs.items():
        if events and not _is_skipped(jobs, name):
            yield from _of_job(_Job(path, name, document, job, events, called))


def _is_skipped(jobs: Mapping[str, LinedNode], name: str) -> bool:
    """Whether a job never runs: its own condition says so, or one that it needs never does."""
    waiting, visited = [name], {name}
    while waiting:
        job = jobs.get(waiting.pop())
        if job is None or _is_off(job) or not {"runs-on", "uses"} & {key for key, _ in job.items()}:
            return True
        if _ALWAYS.search(job.text_at("if")):
            continue
        needed_jobs = {node.raw for node in _needs(job)}
        if name in needed_jobs:
            return True
        waiting += needed_jobs - visited
        visited |= needed_jobs
    return False


def _needs(job: LinedNode) -> Sequence[LinedNode]:
    node = job.get("needs")
    return () if node is None else node.elements() or ((node,) if node.raw else ())


def _is_off(node: LinedNode) -> bool:
    condition = node.get("if")
    return condition is not None and _NEVER.match(condition.raw[:200]) is not None


@dataclass(frozen=True, slots=True)
class _Job:
    """A job, or the steps of an action, with where it stands and what starts it."""

    path: str
    name: str
    document: LinedNode
    node: LinedNode
    events: Sequence[str]
    called: CalledSteps


def _of_job(job: _Job) -> Iterator[GuardStep]:
    around = dict(_of_the_job(job.document, job.node))
    for part in (job.node, *steps_of(job.node)):
        node = part.get("run") or part.get("uses")
        if node is None or _is_off(part):
            continue
        part_steps = {} if part is job.node else dict(_of_part(part))
        for call in _calls(job, part):
            step_laxities = dict.fromkeys(sorted(call.laxities), node.line)
            for event in job.events:
                laxities = {**around, **part_steps, **step_laxities, **dict(_of_event(job.document, event))}
                yield GuardStep(job.path, job.name, event, call.verb, node.line, laxities)


def _of_part(part: LinedNode) -> Iterator[tuple[str, int]]:
    """What a job or a step says of itself."""
    forgiving = part.get("continue-on-error")
    if forgiving is not None and forgiving.raw != "false":
        yield "may fail without failing its job", forgiving.line
    condition = part.get("if")
    if condition is not None:
        yield f"only runs under the condition {_shown(condition.raw)!r}", condition.line


def _of_the_job(document: LinedNode, job: LinedNode) -> Iterator[tuple[str, int]]:
    yield from _of_part(job)
    for need in _needs(job):
        yield f"only runs where the job {_shown(need.raw)} succeeds", need.line
    matrix, container = job.get("strategy", "matrix"), job.get("container")
    if matrix is not None:
        yield "only runs for what a matrix holds", matrix.line
    if container is not None:
        yield f"is whatever the image {_shown(container.raw or container.text_at('image'))} has", container.line
    permissions = job.get("permissions") or document.get("permissions")
    if permissions is not None and permissions.raw != "write-all" and permissions.text_at("checks") != "write":
        yield "may not write its check", permissions.line


def _of_event(document: LinedNode, event: str) -> Iterator[tuple[str, int]]:
    for name in _FILTERS:
        selection = document.get("on", event, name)
        if selection is not None:
            selected = sorted(node.raw for node in selection.elements()) or [selection.raw]
            if name == "types" and _USUAL.get(event, _NO_TYPES).issubset(selected):
                continue
            names = ", ".join(selected)
            yield f"only looks at the {name} {_shown(names)}", selection.line


def _shown(text: str) -> str:
    """A text on one line; what is too long to be shown still tells two texts apart."""
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:110]}… ({sha256(line.encode('utf-8', 'replace')).hexdigest()[:8]})"


def _calls(job_within: _Job, step: LinedNode) -> Iterator[_Call]:
    """The commands of a step's script that run the guard, and the action or workflow that does."""
    document, job, run = job_within.document, job_within.node, step.get("run")
    if run is None:
        yield from _of_action(step)
        yield from _of_file(job_within, step)
        return
    if _PROGRAM not in run.raw:
        return
    shell_default = _default(document, job, step, "shell")
    folder = _default(document, job, step, "working-directory")
    around = {f"is run by the shell {_shown(shell_default)!r}"} if shell_default not in _SHELLS else set()
    around |= {f"is run in the folder {_shown(folder)!r}"} if folder else set()
    variables = _variables(document, job, step)
    for command in shell.commands(run.raw, _PROGRAM, _is_guard, pipefail=shell_default == "bash"):
        known_variables = {**variables, **command.variables}
        yield _Call(_verb(_bare(command.argv)), command.evasions | around | {*_of_words(command.argv, known_variables)})


def _default(document: LinedNode, job: LinedNode, step: LinedNode, name: str) -> str:
    defaults = (part.text_at("defaults", "run", name) for part in (job, document))
    return step.text_at(name) or next(filter(None, defaults), "")


def _variables(*parts: LinedNode) -> dict[str, str]:
    """Variables of the environment; those of the inner parts, which come last, hide the others."""
    return {name: node.raw for part in parts for name, node in part.items("env")}


def _of_action(step: LinedNode) -> Iterator[_Call]:
    """The action of this project: its inputs are what the options of the command are."""
    uses = step.text_at("uses")
    is_action = _OWN_ACTION.fullmatch(uses) is not None and step.text_at("with", "command") == "guard"
    if not is_action and not _OWN_WORKFLOW.fullmatch(uses):
        return
    laxities = {f"is run by the action {_shown(uses.partition('@')[0])}"}
    for name, node in step.items("with"):
        if name == "exit-code" and node.raw != "true":
            laxities.add("no longer asks for its exit code")
        if name == "number":
            laxities |= {*_of_subject(node.raw, {})}
    yield _Call("pr", frozenset(laxities))


def _of_file(job: _Job, user: LinedNode) -> Iterator[_Call]:
    """What a workflow or an action of the repository runs for whoever uses it, and what it is told."""
    uses = user.text_at("uses")
    if not _LOCAL.fullmatch(uses) or _OWN_ACTION.fullmatch(uses):
        return
    path = normpath(uses)
    files = (path,) if _WORKFLOW.fullmatch(path) else (f"{path}/action.yml", f"{path}/action.yaml")
    laxities = {
        f"is called with {name}: {_shown(node.raw)}" for name, node in user.items("with") if not _is_strict(name, node)
    }
    for file in files:
        for step in job.called.of(file):
            if step.event in {"workflow_call", _USE}:
                yield _Call(step.verb, frozenset({*step.laxities, *laxities}))


def _is_strict(name: str, node: LinedNode) -> bool:
    """Whether an input makes the guard stop more, or only says which change it is about."""
    names = {match[1].strip().lower() for match in _EXPRESSION.finditer(node.raw)}
    return (name, node.raw) in {("mode", "strict"), ("exit-code", "true")} or bool(names and names <= _SUBJECTS)


def _is_guard(argv: Sequence[str]) -> bool:
    """Whether a command may run the guard: its name, ``guard`` and a verb stand in it, and are not only said."""
    bare = _bare(argv)
    if not bare or bare[0] in _SAYING or bare[0].startswith("#"):
        return False
    if len(bare) > 1 and _ASKS_FOR_HELP & {*bare}:
        return False
    return _verb(bare) != ""


def _bare(argv: Sequence[str]) -> Sequence[str]:
    """The words without the variables that are set for the command alone."""
    at = next((number for number, argument in enumerate(argv) if not _ASSIGNED.match(argument)), len(argv))
    return argv[at:]


def _index_of_program(argv: Sequence[str]) -> int | None:
    return next((number for number, argument in enumerate(argv) if argument.rpartition("/")[2] == _PROGRAM), None)


def _verb(argv: Sequence[str]) -> str:
    """The verb behind ``clockwork guard``; empty where there is none. A script within a word has one too."""
    arguments, at = list(argv), _index_of_program(argv)
    if at is None:
        arguments = next((argument.split() for argument in argv if re.search(rf"\b{_PROGRAM}\s+guard\s", argument)), [])
        at = _index_of_program(arguments)
    guard = arguments.index("guard", at) if at is not None and "guard" in arguments[at:] else None
    return (
        ""
        if guard is None
        else next((argument for argument in islice(arguments, guard + 1, None) if argument in _VERBS), "")
    )


def _of_words(argv: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """What a command's own words take from the verdict."""
    bare = _bare(argv)
    at = _index_of_program(bare)
    for argument in argv[: len(argv) - len(bare) + (at or 0)]:
        if _ASSIGNED.match(argument):
            yield f"is run with {_shown(argument)}"
    if at is None:
        yield f"is left to {_shown(bare[0])!r}"
        return
    before = [argument for argument in bare[:at] if not _ASSIGNED.match(argument)]
    if tuple(before) not in _RUNNERS:
        yield f"is left to {_shown(' '.join(before))!r}"
    arguments = list(bare[at + 1 :])
    arguments.remove("guard")
    arguments.remove(_verb(bare))
    yield from _of_arguments(arguments, variables)


def _of_arguments(arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    subjects: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        option, _, value = argument.partition("=")
        if not argument.startswith("-"):
            subjects.append(argument)
        elif option in _OUTPUT:
            value = value or next(remaining, "")
        elif option == "--repo":
            yield from _of_subject(value or next(remaining, ""), variables)
        elif option == "--mode":
            value = value or next(remaining, "")
            if value == "standard":
                yield "only reports: --mode standard"
            elif value != "strict":
                yield f"is run with --mode {_shown(value)}"
        elif option not in _HARMLESS:
            yield f"is run with {_shown(argument)}"
    if "--exit-code" not in arguments:
        yield "no longer asks for its exit code"
    yield from _of_subject(" ".join(subjects), variables)


def _of_subject(text: str, variables: Mapping[str, str]) -> Iterator[str]:
    """A change or a repository that is named by nothing that the event says."""
    filled_text = _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text).strip()
    names = {match[1].strip().lower() for match in _EXPRESSION.finditer(filled_text)}
    if filled_text and not (names <= _SUBJECTS and "$" in filled_text):
        yield f"is about {_shown(filled_text)!r}, whatever the event is about"
