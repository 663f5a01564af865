"""A guarded run: from a prompt to an AI tool's judged output. Called by ``clockwork guard run`` and ``clockwork propose``.

Eight steps: the guardrails and the agent's document go into the prompt; the tool works behind a wall on a copy of the tree;
what it changed or said is read as a change; every guardrail judges it; its failure modes are told apart; the mode decides;
the session is recorded without making anybody wait; the result is returned. Nothing is written here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import Invalid, Refused
from bot.flows.rendering import RenderChange
from bot.flows.review import DETECTOR_SECONDS, facts_of
from bot.guardrails import assignment, output
from bot.guardrails.judge import fingerprint, judge, ordered, system
from bot.guardrails.rule import ChangeFacts
from bot.guardrails.rulebook import RuleBook
from bot.guardrails.verdict import verdict
from bot.model.filetree import FileTree, content_id
from bot.model.finding import AuthorKind, Change, Enforce, Finding, Verdict
from bot.model.guarded import AIErrorKind, AIExecutionError, AIRequest, AIResult, Draft, DraftFile, ParsedOutput
from bot.model.session import ReplyStatus, Session
from bot.model.severity import Severity
from bot.ports import Clock, Drafter, Repository, SessionStore
from bot.secrecy.redaction import redact

FAILURE_MODES: Final = frozenset({"integrity", "system"})
"""The categories of findings that tell how an assistant failed, and not what its change would do."""
NEVER_WRITTEN: Final = "SYS-004"
_SESSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_ADVICE: Final = {
    AIErrorKind.MISSING: "Install it or set its key; guard.assistants in clockwork.yaml has its settings.",
    AIErrorKind.REFUSED: "Look at its key and its limits.",
    AIErrorKind.TIMED_OUT: "Ask for less at once, or give it longer with --timeout.",
    AIErrorKind.NO_OUTPUT: "Say in the prompt what should be there afterwards.",
    AIErrorKind.UNCONFINED: "Install bubblewrap or allow user namespaces.",
}


@dataclass(frozen=True, slots=True)
class GuardedRunContext:
    """Where a guarded run happens: the repository, the commit whose files and rules count, and what records it.

    ``render`` says what a change of files that no commit holds does to rendered objects.
    """

    repository: Repository
    base: str
    rules: RuleBook
    clock: Clock
    store: SessionStore | None = None
    render: RenderChange | None = None
    name: str = ""


def process_request(
    request: AIRequest, context: GuardedRunContext, drafter: Drafter, *, secret: str, evidence: Sequence[str] = ()
) -> AIResult:
    """The result of one guarded run, recorded.

    ``secret`` is 32 hex digits at random, unknown to whoever wrote the files: the prompt's fence is made from it, and the
    session's id where the request has none. ``evidence`` is data about the task. Raises :class:`AIExecutionError` where
    there is no output to judge, and ``Invalid`` for a request that makes no sense.
    """
    started = context.clock.now()
    session = _session_id(request, secret)
    agent = request.agent or drafter.name
    assignment.check_agent(context.rules, request.agent)
    entries = context.repository.entries(context.base)
    tree = FileTree({entry.path: entry.blob for entry in entries}, context.repository.blob)
    nonce = hashlib.sha256(f"fence\0{secret}".encode()).hexdigest()[:32]
    full_prompt = assignment.build(request.prompt, context.rules, tree, agent=agent, nonce=nonce, evidence=evidence)
    draft = drafter.draft(full_prompt)
    run = _Run(request, context, draft, session, agent, started)
    if draft.failure is not None:
        run.record(Verdict.BLOCK, (), context.base, failure=draft.failure)
        message = f"{drafter.name}: {draft.failure.value}"
        if draft.reply.message:
            message += f": {draft.reply.message}"
        raise AIExecutionError(draft.failure, message, advice=_ADVICE.get(draft.failure))
    return run.judged(tree)


def _session_id(request: AIRequest, secret: str) -> str:
    if request.session_id is None:
        return hashlib.sha256(f"session\0{secret}".encode()).hexdigest()[:32]
    if _SESSION.match(request.session_id) is None:
        raise Invalid(f"session id {request.session_id[:80]!r}: letters, digits, dots and dashes, at most 64")
    return request.session_id


@dataclass(frozen=True, slots=True)
class _Run:
    """One run whose tool has answered."""

    request: AIRequest
    context: GuardedRunContext
    draft: Draft
    session: str
    agent: str
    started: datetime

    def judged(self, tree: FileTree) -> AIResult:
        """Steps three to eight."""
        context, mode = self.context, self.request.mode
        reading = self._read(tree)
        change = replace(
            reading.change, author_kind=AuthorKind.AGENT, agent=self.agent, author=self.draft.reply.assistant
        )
        facts = ChangeFacts()
        if reading.writes:
            facts = facts_of(context.repository, change, context.rules.options, context.render)
        began = context.clock.now()
        deadline = began + timedelta(seconds=DETECTOR_SECONDS)
        judgement = judge(
            change,
            context.rules,
            mode,
            today=began.date(),
            facts=facts,
            expired=lambda: context.clock.now() > deadline,
        )
        never = tuple(self._never_written(change)) if reading.writes else ()
        paths = {finding.file for finding in never}
        kept_findings = (
            finding for finding in judgement.findings if not (finding.rule == "SYS-001" and finding.file in paths)
        )
        findings = ordered((*kept_findings, *never, *reading.failures))
        answer = verdict(findings)
        spent = (context.clock.now() - self.started).total_seconds()
        self.record(answer, findings, change.head, failed=judgement.failure)
        return AIResult(
            raw_output=redact(self.draft.text),
            parsed=reading.parsed,
            violations=tuple(finding for finding in findings if finding.category not in FAILURE_MODES),
            failures=tuple(finding for finding in findings if finding.category in FAILURE_MODES),
            approved=answer is not Verdict.BLOCK,
            execution_time=spent,
            session_id=self.session,
            verdict=answer,
            change=change,
            reply=self.draft.reply,
            notes=judgement.notes,
        )

    def _read(self, tree: FileTree) -> _Reading:
        """What the output says: the files that the tool changed, else those of its answer, else its words."""
        base, text = self.context.base, self.draft.text
        text_change = output.change_of_answer(text, base=base, head=_digest(()))
        if self.draft.files or self.draft.incomplete:
            return self._writing(text, self.draft.files or (), tree)
        try:
            answer = output.answered_files(text)
        except Invalid as exc:
            failure = system(self.context.rules, "SYS-003", self.request.mode, f"Nothing is taken over: {exc.message}.")
            return _Reading(ParsedOutput(redact(text)), text_change, failures=(failure,))
        if answer is not None and answer[1]:
            return self._writing(answer[0], answer[1], tree)
        redacted = redact(text if answer is None else answer[0])
        return _Reading(ParsedOutput(redacted, output.code_blocks(redacted)), text_change)

    def _writing(self, summary: str, files: Sequence[DraftFile], tree: FileTree) -> _Reading:
        change = output.change_of(
            files, tree, base=self.context.base, head=_digest(files), incomplete=self.draft.incomplete
        )
        touched = {path for file in change.files for path in (file.path, file.old_path)}
        file_contents = {file.path: file.data for file in files if file.refused is None and file.path in touched}
        redacted = redact(summary)
        return _Reading(ParsedOutput(redacted, output.code_blocks(redacted), file_contents), change, writes=True)

    def _never_written(self, change: Change) -> Iterable[Finding]:
        """One finding for each file that no commit may hold, whatever the mode."""
        if change.truncated is not None:
            yield self._never(None, f"The output was not wholly seen: {change.truncated}.")
        for file in change.files:
            reason = file.omitted or (
                "it holds a zero byte" if file.after is not None and b"\0" in file.after else None
            )
            for path in (file.path, *([file.old_path] if file.old_path else [])):
                try:
                    self.context.repository.check_writable(self.context.base, [path])
                except Refused as exc:
                    reason = exc.message
            if reason is not None:
                yield self._never(file.path, f"{file.path!r} is never written: {reason}.")

    def _never(self, file: str | None, message: str) -> Finding:
        guardrail = self.context.rules.get(NEVER_WRITTEN)
        return Finding(
            rule=NEVER_WRITTEN,
            title=NEVER_WRITTEN if guardrail is None else guardrail.title,
            severity=Severity.CRITICAL,
            enforce=Enforce.BLOCK,
            file=file,
            line=None,
            end_line=None,
            message=redact(message),
            suggestion=None if guardrail is None else guardrail.instead,
            fingerprint=fingerprint(NEVER_WRITTEN, file or "", message, 0),
            category="system",
        )

    def record(
        self,
        answer: Verdict,
        findings: tuple[Finding, ...],
        head: str,
        *,
        failed: str | None = None,
        failure: AIErrorKind | None = None,
    ) -> None:
        """Hand the session to the store. What the reply's status does not tell is its ``failure``."""
        context, reply = self.context, self.draft.reply
        if context.store is None:
            return
        if failure is not None and reply.status is ReplyStatus.DISABLED:
            failed = f"{failure.value}: {reply.message}"[:500]
        context.store.record(
            Session(
                id=self.session,
                at=self.started,
                repository=context.name,
                agent=self.agent,
                mode=self.request.mode,
                verdict=answer,
                head=head,
                base=context.base,
                number=None,
                milliseconds=int((context.clock.now() - self.started).total_seconds() * 1000),
                findings=findings,
                replies=(replace(reply, message=reply.message[:500]),),
                failure=failed,
            )
        )


@dataclass(frozen=True, slots=True)
class _Reading:
    """An output as a change; ``writes`` tells whether it is one of the repository's files."""

    parsed: ParsedOutput
    change: Change
    writes: bool = False
    failures: tuple[Finding, ...] = ()


def _digest(files: Sequence[DraftFile]) -> str:
    """40 hex digits that stand for a head that no commit is: the same for the same files."""
    facts = (
        f"{file.path}\0{'' if file.data is None else content_id(file.data)}\0{file.refused or ''}"
        for file in sorted(files, key=lambda file: file.path)
    )
    return content_id("\n".join(facts).encode("utf-8", "surrogatepass"))
