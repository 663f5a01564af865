"""What of one workflow is dangerous by itself: a stranger's text in a script, a stranger's code with secrets, and less.

Sources: GitHub documentation, "Secure use reference" and "Events that trigger workflows" (which events run with the
repository's secrets); GitHub Security Lab, "Preventing pwn requests"; the audits of zizmor, whose names stand beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Final

from bot.guardrails.detectors import strangers
from bot.guardrails.detectors.strangers import ENVIRONMENT, ContextNames, Names
from bot.guardrails.detectors.workflow_values import WorkflowScope, holds_written, scopes, steps_of
from bot.intake.actions import ANY, Call, ContextReference, Embedded, Expression, ExpressionOperation, embedded
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex
from bot.model.severity import Severity

_PRIVILEGED: Final = ("pull_request_target", "workflow_run", "issue_comment")
"""Events that strangers cause and that run with the repository's secrets, as far as they can lead to a head's code."""
_OF_STRANGERS: Final = frozenset({"pull_request", "pull_request_target", "issue_comment", "issues", "workflow_run"})
_GIT: Final = r"git\s{1,80}(?:-\S{1,300}\s{1,80}(?:\S{1,300}\s{1,80})?)?"
_TAKES_IN: Final = regex(
    _GIT + r"(?:clone|checkout|switch|reset|merge|rebase|cherry-pick|pull|worktree\s+add|restore)\b([^\n;|&]{0,200})"
)
_FETCHED: Final = regex(_GIT + r"(?:fetch|remote\s+(?:add|set-url))\b([^\n;|&]{0,200})")
_CLI_CHECKOUT: Final = regex(r"\bgh\s{1,80}(?:-\S{1,80}\s{1,80}){0,8}pr\s{1,80}checkout\b")
_LOADED: Final = regex(r"\b(?:curl|wget|gh\s+api|gh\s+repo\s+clone)\b([^\n;|&]{0,300})")
_UNPACKED: Final = regex(r"\b(?:tar|unzip|bsdtar|7z)\b")
_PULL_REF: Final = regex(r"\bpull/")
_VARIABLE: Final = regex(r"\$\{?(?:env:)?(\w+)", re.IGNORECASE)
_PERMISSION: Final = regex(r"author_association|getCollaboratorPermission|/permission\b")
_ACTOR: Final = regex(r"\[bot\]", re.IGNORECASE)
_INTO: Final = (
    r"(?:>>?|\btee\b(?:\s{1,80}-\S{1,80}){0,8}|\b(?:add-content|set-content|out-file)\b[^|;\n]{0,80}?)\s*[\"']?"
    r"(?:(?:\$\{?|\$env:)GITHUB_(?:ENV|PATH)\b|\$\{\{\s*github\.(?:env|path)\s*\}\})"
)
_ENVIRONMENT_FILE: Final = regex(_INTO, re.IGNORECASE)
_CONSTANT_LINE: Final = regex(r"^\s*(?:(?:echo|printf|write-output)\s|[\"'])[^$`]*" + _INTO, re.IGNORECASE)
_SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "8398a7/action-slack": ("custom_payload",),
    "actions/github-script": ("script",),
    "amadevus/pwsh-script": ("script",),
    "appleboy/ssh-action": ("script",),
    "azure/cli": ("inlinescript",),
    "azure/powershell": ("inlinescript",),
    "devorbitus/yq-action-output": ("cmd",),
    "gautamkrishnar/blog-post-workflow": ("item_exec",),
    "imjohnbo/issue-bot": ("body", "linked-comments-previous-issue-text", "linked-comments-new-issue-text"),
    "lucasbento/auto-close-issues": ("issue-close-message",),
    "mikefarah/yq": ("cmd",),
    "roots/issue-closer-action": ("issue-close-message", "pr-close-message"),
    "sergeysova/jq-action": ("cmd",),
    "skitionek/notify-microsoft-teams": ("overwrite",),
    "tibdex/backport": ("body_template", "head_template", "labels_template", "title_template"),
}
"""Actions that run an input of theirs as a script, or evaluate it (github/codeql, models of actions: ``code-injection`` and
``command-injection`` sinks; zizmor's data/codeql-injection-sinks.json).
"""


@dataclass(frozen=True, slots=True)
class Risk:
    """One danger. ``key`` identifies it over a change, so that a move is quiet; its last part is shown as evidence.

    ``severity`` as in :class:`~bot.guardrails.rule.Hit`.
    """

    key: tuple[str, ...]
    line: int
    message: str
    advice: str
    severity: Severity | None = None


def steps(document: LinedNode) -> Iterator[LinedNode]:
    """Every step of a workflow's jobs, or of a composite action."""
    for _, job in document.items("jobs"):
        yield from steps_of(job)
    runs = document.get("runs")
    if runs is not None:
        yield from steps_of(runs)


def users(document: LinedNode) -> Iterator[LinedNode]:
    """What may use an action or a workflow: every step and every job."""
    yield from steps(document)
    yield from (job for _, job in document.items("jobs"))


def triggers(document: LinedNode) -> set[str]:
    """The events that start a workflow."""
    names = {name for name, _ in document.items("on")} | {node.raw for node in document.elements("on")}
    return names or {document.text_at("on")}


def handed_over(documents: Iterable[LinedNode]) -> dict[str, Names]:
    """By file of a local action or called workflow, its inputs that the documents fill with a stranger's text."""
    handed: dict[str, set[str]] = {}
    nothing = ContextNames()
    for document in documents:
        for user in users(document):
            uses = user.text_at("uses")
            if not uses.startswith("./"):
                continue
            path = normpath(uses)
            file = path if path.endswith((".yml", ".yaml")) else f"{path}/action.yml"
            for name, node in user.items("with"):
                if holds_written(node, nothing):
                    handed.setdefault(file, set()).add(name.lower())
    return {file: frozenset(names) for file, names in handed.items()}


def risks(document: LinedNode, inputs: Names = frozenset()) -> Iterator[Risk]:
    """CI-002's: a stranger's code or text that runs. ``inputs`` are known to be filled with a stranger's text."""
    events = triggers(document)
    privileged = [event for event in _PRIVILEGED if event in events]
    known_outputs, passed = ContextNames(), ContextNames()
    known_outputs.add("inputs", inputs)
    passed.add("inputs", _callers_inputs(document, events))
    for job, scope in scopes(document):
        for step in steps_of(job):
            inner = scope.of(step)
            if privileged and not _asks_permission(job, step, privileged):
                yield from _checkout(step, privileged[0], inner)
            yield from _injection(step, (inner.texts, known_outputs), passed)
            yield from _evaluations(step, inner.texts)


def _callers_inputs(document: LinedNode, events: set[str]) -> Names:
    """Inputs of any text that callers fill: of a called workflow, and of a composite action."""
    declared = (*document.items("on", "workflow_call", "inputs"),) if "workflow_call" in events else ()
    if document.get("runs") is not None:
        declared = (*document.items("inputs"),)
    return frozenset(name.lower() for name, node in declared if node.text_at("type") in {"", "string"})


def _asks_permission(job: LinedNode, step: LinedNode, privileged: Sequence[str]) -> bool:
    """Whether a comment starts it only when a condition asks who wrote the comment."""
    if list(privileged) != ["issue_comment"]:
        return False
    return any(_PERMISSION.search(node.raw[:5000]) for part in (job, step) if (node := part.get("if")) is not None)


_SPLIT: Final = "Use the pull_request event, or split the job: build without secrets, publish from workflow_run."


def _checkout(step: LinedNode, event: str, scope: WorkflowScope) -> Iterator[Risk]:
    node = _checked_out(step, scope) if "checkout" in step.text_at("uses") else None
    run = step.get("run")
    if node is None and run is not None and _takes_head(run.raw, scope):
        node = run
    if node is not None:
        yield Risk(
            ("checkout", event, " ".join(node.raw.split())[:200]),
            node.line,
            f"{event} runs with the repository's secrets and this step checks out the pull request's own code.",
            _SPLIT,
        )


def _checked_out(step: LinedNode, scope: WorkflowScope) -> LinedNode | None:
    """The input of a checkout that names the head or its repository."""
    inputs = (step.get("with", name) for name in ("ref", "repository"))
    return next((node for node in inputs if node is not None and scope.names_head(node.raw)), None)


def _takes_head(script: str, scope: WorkflowScope) -> bool:
    """Whether a script takes the head's files: fetching alone runs nothing of them."""
    if _CLI_CHECKOUT.search(script) or _unpacks_head(script, scope):
        return True
    taken_refs = [match[1] for match in _TAKES_IN.finditer(script)]
    fetched = [match[1] for match in _FETCHED.finditer(script)]
    return any(_is_head(text, scope) for text in taken_refs) or (
        bool(taken_refs) and any(_is_head(text, scope) for text in fetched)
    )


def _unpacks_head(script: str, scope: WorkflowScope) -> bool:
    """Whether it loads an archive of the head and unpacks it."""
    loaded = (match[1] for match in _LOADED.finditer(script))
    return _UNPACKED.search(script) is not None and any(_is_head(text, scope) for text in loaded)


def _is_head(arguments: str, scope: WorkflowScope) -> bool:
    return (
        _PULL_REF.search(arguments) is not None
        or scope.names_head(arguments)
        or any(scope.heads.holds_name(ENVIRONMENT, match[1].lower()) for match in _VARIABLE.finditer(arguments))
    )


_EVALUATED: Final = regex(
    r"\b(?:eval|iex|invoke-expression|(?:ba|da|z|k)?sh\s+-[a-z]*c|pwsh\s+-c\w*|python3?\s+-c|(?:node|ruby|perl)\s+-e)\s"
    r"(?:\"[^\"\n]{0,300}\"|[^\n;|&\"]){0,200}",
    re.IGNORECASE,
)
"""What a script hands to an interpreter; ``"$1"`` behind a script in single quotes is an argument of that."""
_ADVICE_TEXT: Final = "Put the expression into env: and use the variable, quoted, in the script."


def _injection(step: LinedNode, held_values: Sequence[ContextNames], passed: ContextNames) -> Iterator[Risk]:
    """Expressions in scripts with what strangers write, or with what callers pass, of whom nothing is known."""
    for node in _run_texts(step):
        for expression in embedded(node.raw):
            if expression.tree is None:
                continue
            key = ("injection", " ".join(expression.text.split())[:200])
            shown_expression = f"${{{{ {expression.text[:70]} }}}}"
            if any(strangers.is_written(expression.tree, texts) for texts in held_values):
                message = f"Text that anybody can write is pasted into a script: {shown_expression}."
                yield Risk(key, line_in(node, expression), message, _ADVICE_TEXT)
            elif strangers.is_written(expression.tree, passed):
                message = f"What a caller passes is pasted into a script: {shown_expression}."
                yield Risk(key, line_in(node, expression), message, _ADVICE_TEXT, Severity.LOW)


def _evaluations(step: LinedNode, texts: ContextNames) -> Iterator[Risk]:
    """Variables with a stranger's text that a script runs as a script."""
    run = step.get("run")
    if run is None or not texts.holds_any(ENVIRONMENT):
        return
    for number, line in enumerate(run.raw.split("\n")):
        for match in _EVALUATED.finditer(line):
            names = [variable[1] for variable in _VARIABLE.finditer(_SINGLE_QUOTED.sub("", match[0]))]
            for name in dict.fromkeys(name for name in names if texts.holds_name(ENVIRONMENT, name.lower())):
                block = 1 if run.end_line > run.line else 0
                message = f"Text that anybody can write is run as a script: ${name[:60]}."
                yield Risk(("injection", f"eval ${name}"[:200]), run.line + block + number, message, _ADVICE_DATA)


_SINGLE_QUOTED: Final = regex(r"'[^']*'(?:\s[\s\S]*)?")
_ADVICE_DATA: Final = "Use the variable as data: a quoted argument, never what an interpreter is given to run."


def _run_texts(step: LinedNode) -> Iterator[LinedNode]:
    """What of a step runs as a script."""
    run = step.get("run")
    yield from (node for node in (run, step.get("shell")) if node is not None)
    scripts = _SCRIPTS.get(step.text_at("uses").partition("@")[0].lower(), ())
    yield from (node for name, node in step.items("with") if name.lower() in scripts)


def line_in(node: LinedNode, expression: Embedded) -> int:
    """The line of an expression within a text."""
    block = 1 if node.end_line > node.line else 0
    return node.line + block + node.raw.count("\n", 0, expression.start)


def weaknesses(document: LinedNode) -> Iterator[Risk]:
    """CI-003's: each is a way in only together with something else."""
    events = triggers(document)
    privileged = bool(events & {"pull_request_target", "workflow_run"})
    for name, job in document.items("jobs"):
        yield from _all_secrets(job)
        if events & _OF_STRANGERS:
            yield from _own_machine(name, job)
        if privileged:
            yield from _forged_actor(job)
            for step in steps_of(job):
                yield from _forged_actor(step)
                yield from _environment(step)


def _all_secrets(job: LinedNode) -> Iterator[Risk]:
    """zizmor: secrets-inherit, overprovisioned-secrets."""
    inherited = job.get("secrets")
    if inherited is not None and inherited.raw == "inherit":
        message = f"{job.text_at('uses')[:100]} is handed every secret of the repository."
        yield Risk(
            ("inherit", job.text_at("uses")), inherited.line, message, "Name the secrets that it needs.", Severity.LOW
        )
    for node in scalars(job):
        for expression in embedded(node.raw):
            if expression.tree is not None and _holds_all_secrets(expression):
                message = f"Every secret of the repository is taken: ${{{{ {expression.text[:70]} }}}}."
                yield Risk(
                    ("secrets", expression.text[:200]),
                    line_in(node, expression),
                    message,
                    "Name the secrets that it needs.",
                    Severity.HIGH,
                )


def _holds_all_secrets(expression: Embedded) -> bool:
    tree = expression.tree
    all_secrets = ContextReference(("secrets",))
    every_secret = ContextReference(("secrets", ANY))
    if isinstance(tree, Call) and tree.name in {"tojson", "join"}:
        return all_secrets in tree.arguments or every_secret in tree.arguments
    return tree == every_secret


def scalars(node: LinedNode) -> Iterator[LinedNode]:
    """Every text below a node, each once."""
    waiting, visited = [node], {id(node)}
    while waiting:
        current = waiting.pop()
        children = current.value
        if isinstance(children, dict | list):
            inner = list(children.values()) if isinstance(children, dict) else children
            waiting += [child for child in reversed(inner) if id(child) not in visited]
            visited.update(id(child) for child in inner)
        elif "${{" in current.raw:
            yield current


def _own_machine(name: str, job: LinedNode) -> Iterator[Risk]:
    """zizmor: self-hosted-runner. A label of one's own needs no ``self-hosted`` beside it; only the word is certain."""
    runs_on = job.get("runs-on")
    if runs_on is None:
        return
    labels = [runs_on, *job.elements("runs-on"), *job.elements("runs-on", "labels")]
    labels += [node] if (node := job.get("runs-on", "labels")) is not None else []
    labels += [label_value for label in labels for label_value in _of_matrix(job, label)]
    if any(label.raw.lower() == "self-hosted" for label in labels):
        message = f"Job {name} runs what strangers send on a machine of your own, which may keep it after the job."
        advice = "Use a hosted runner, or one that is made new for each job, for events of strangers."
        yield Risk(("self-hosted", name), runs_on.line, message, advice)


def _of_matrix(job: LinedNode, label: LinedNode) -> Iterator[LinedNode]:
    """What a label that names dimensions of the job's matrix comes to."""
    matrix = job.get("strategy", "matrix")
    for expression in embedded(label.raw) if matrix is not None else ():
        for reference in strangers.references(expression.tree) if expression.tree is not None else ():
            if matrix is not None and len(reference.path) > 1 and reference.path[0] == "matrix":
                name = reference.path[1]
                sources = [matrix, *matrix.elements("include")]
                values = [node for source in sources for key, node in source.items() if key.lower() == name]
                yield from (matrix_node for node in values for matrix_node in (node, *node.elements()))


def _forged_actor(node: LinedNode) -> Iterator[Risk]:
    """zizmor: bot-conditions. The actor is who caused the latest event, not who wrote the code."""
    condition = node.get("if")
    if condition is None or not _ACTOR.search(condition.raw):
        return
    for expression in (*embedded(condition.raw), *embedded(f"${{{{{condition.raw}}}}}")):
        if expression.tree is not None and _trusts_actor(expression.tree):
            message = "github.actor is whoever caused the latest event: a stranger can make a bot cause it."
            advice = "Ask github.event.pull_request.user.login, who opened the pull request."
            yield Risk(("actor", " ".join(condition.raw.split())[:200]), condition.line, message, advice, Severity.HIGH)
            return


_ACTORS: Final = frozenset(
    {("github", "actor"), ("github", "triggering_actor"), ("github", "event", "sender", "login")}
)


def _trusts_actor(tree: Expression) -> bool:
    """Whether something is let through because of the actor's name; what is kept out by it (``!=``) is not."""
    match tree:
        case ExpressionOperation(sign="!="):
            return False
        case ExpressionOperation(left=left, right=right):
            return _trusts_actor(right) or (left is not None and _trusts_actor(left))
        case _:
            return any(reference.path in _ACTORS for reference in strangers.references(tree))


def _environment(step: LinedNode) -> Iterator[Risk]:
    """zizmor: github-env. What later steps run can be changed by what is written there."""
    run = step.get("run")
    if run is None:
        return
    for number, line in enumerate(run.raw.split("\n")):
        if _ENVIRONMENT_FILE.search(line) and not _CONSTANT_LINE.search(line):
            block = 1 if run.end_line > run.line else 0
            message = "A privileged workflow writes computed text into the environment of the steps that follow."
            advice = "Use an output of the step, or write constants only."
            key = ("environment", " ".join(line.split())[:200])
            yield Risk(key, run.line + block + number, message, advice, Severity.HIGH)
