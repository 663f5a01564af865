"""Judges one change: the eight steps from a request to a result.

Called by :mod:`bot.flows.head_check` for what is published, and by ``clockwork guard diff``. Rules, settings and baseline
come from the base commit; the head is data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid
from bot.flows.base_files import called_files, compose_files
from bot.guardrails import authors, judge, prompt, reply
from bot.guardrails.documents import FOLDER
from bot.guardrails.exempt import ATTRIBUTES, asks_for_base
from bot.guardrails.judge import Judgement, ordered
from bot.guardrails.rule import ChangeFacts, GuardOptions, PastCommit
from bot.guardrails.rulebook import RuleBook, load
from bot.guardrails.verdict import verdict
from bot.model.finding import Change, FileStatus
from bot.model.session import Prompt, Reply, ReviewRequest, ReviewResult, Session
from bot.model.wording import counted

if TYPE_CHECKING:
    from bot.flows.rendering import RenderChange
    from bot.guardrails.rendered import RenderedChange
    from bot.model.codehost import PullRequest
    from bot.ports import Assistant, Clock, Repository, SessionStore

MAX_FILES: Final = 3000
"""Files of one change that are analysed; beyond, the change counts as only partly analysed. It is as many as GitHub lists of a
pull request (REST API, "List pull requests files": "Responses include a maximum of 3000 files").
"""
DETECTOR_SECONDS: Final = 60.0
MAX_COMMITS: Final = 250
"""Commits that are looked at by themselves; as many as GitHub lists of a pull request (REST API, "List commits on a pull
request")."""
_MOST_BYTES: Final = 50_000_000
_MANY_REMOVED: Final = 5
_MANY_ATTRIBUTES: Final = 100


def review(
    request: ReviewRequest,
    *,
    rules: RuleBook,
    assistants: Sequence[Assistant] = (),
    store: SessionStore | None = None,
    clock: Clock,
    session_id: str,
    facts: ChangeFacts | None = None,
    required: Collection[str] = (),
    claims: Sequence[Reply] = (),
) -> ReviewResult:
    """The result for one request, recorded without waiting. Never raises for anything in the change or a reply.

    Of the assistants only those whose name is ``required`` have to answer; that another one fails blocks nothing.
    ``claims`` are replies that came with the request, believed no more than those of the assistants.

    ``session_id`` is unguessable to the author of the change (32 hex digits at random): the prompt's fence is made
    from it.
    """
    started = clock.now()
    subject = judge.subject_of(request.change, rules, facts)
    question = _ask(assistants, lambda: prompt.build(request, rules, subject, nonce=_nonce(session_id)))
    replies = (*question, *claims)
    believed = reply.validate(request, replies, rules, subject, required)
    deadline = started + timedelta(seconds=DETECTOR_SECONDS) + (clock.now() - started)
    judgement = judge.judge_subject(
        subject, rules, request.mode, today=started.date(), expired=lambda: clock.now() > deadline
    )
    findings = (*judgement.findings, *ordered((*believed.findings, *believed.failures)))
    result = ReviewResult(
        verdict=verdict(findings),
        findings=findings,
        replies=replies,
        session=session_id,
        notes=(*_coverage(request, assistants), *believed.notes, *judgement.notes, *_waived(judgement)),
        complete=judgement.failure in {None, request.change.truncated}
        and not any(answer.status.failed for answer in replies),
    )
    if store is not None:
        milliseconds = int((clock.now() - started).total_seconds() * 1000)
        store.record(_session(request, result, judgement, started_at=started, milliseconds=milliseconds))
    return result


def _nonce(session_id: str) -> str:
    return hashlib.sha256(f"fence\0{session_id}".encode()).hexdigest()[:32]


def _ask(assistants: Sequence[Assistant], build: Callable[[], Prompt]) -> tuple[Reply, ...]:
    """Every assistant's reply, asked side by side, in the order of ``assistants``."""
    if not assistants:
        return ()
    from concurrent.futures import ThreadPoolExecutor

    question = build()
    with ThreadPoolExecutor(max_workers=min(len(assistants), 4)) as pool:
        return tuple(pool.map(lambda assistant: assistant.run(question), assistants))


def _coverage(request: ReviewRequest, assistants: Sequence[Assistant]) -> tuple[str, ...]:
    count = len(request.change.files)
    without_assistant = () if assistants else ("No assistant is configured: the deterministic checks ran alone.",)
    return (f"{counted(count, 'changed file')} analysed.", *without_assistant)


def _waived(judgement: Judgement) -> tuple[str, ...]:
    return tuple(f"{finding.rule} at {finding.file}:{finding.line}: {finding.message}" for finding in judgement.waived)


def _session(
    request: ReviewRequest, result: ReviewResult, judgement: Judgement, *, started_at: datetime, milliseconds: int
) -> Session:
    change = request.change
    return Session(
        id=result.session,
        at=started_at,
        repository=request.repository,
        agent=change.agent or (request.agent or change.author_kind.value),
        mode=request.mode,
        verdict=result.verdict,
        head=change.head,
        base=change.base,
        number=change.number,
        milliseconds=milliseconds,
        findings=result.findings,
        replies=tuple(replace(reply, message=reply.message[:500]) for reply in result.replies),
        failure=judgement.failure,
    )


def rules_at(
    repository: Repository, base: str, *, shipped: Mapping[str, bytes], options: GuardOptions | None = None
) -> RuleBook:
    """The rule book as it stands at ``base``: the shipped documents and the repository's own of that commit."""
    entries = [entry for entry in repository.entries(base, FOLDER.rstrip("/")) if entry.path.endswith((".md", ".yaml"))]
    return load({entry.path: repository.blob(entry.blob) for entry in entries}, shipped=shipped, options=options)


def change_between(repository: Repository, base: str, head: str) -> Change:
    """The change from where ``head`` left ``base`` to ``head``. ``Invalid`` when the two share no history."""
    start = repository.merge_base(base, head)
    if start is None:
        raise Invalid(f"{base[:12]} and {head[:12]} share no history, so there is no change between them")
    files = tuple(repository.changed(start, head))
    messages = tuple(commit.message for commit in repository.log(head, limit=100, until=start))[::-1]
    truncated = f"{len(files)} files, of which {MAX_FILES} are analysed" if len(files) > MAX_FILES else None
    return Change(base=start, head=head, files=files[:MAX_FILES], messages=messages, truncated=truncated)


def facts_of(
    repository: Repository, change: Change, options: GuardOptions, render: RenderChange | None = None
) -> ChangeFacts:
    """What detectors want to know beside the change; the files at base only where something of the change asks for them."""
    removed = sum(1 for file in change.files if file.status is FileStatus.REMOVED)
    needs_base = removed >= _MANY_REMOVED or any(asks_for_base(file) for file in change.files)
    paths = frozenset(entry.path for entry in repository.entries(change.base)) if needs_base else frozenset()
    names = {ATTRIBUTES, *(path for path in paths if path.endswith(f"/{ATTRIBUTES}"))}
    attributes = {name: repository.read(change.base, name) for name in sorted(names)[:_MANY_ATTRIBUTES]}
    texts = {name: data.decode("utf-8", "replace") for name, data in attributes.items() if data is not None}
    commits, uncounted = _commits(repository, change)
    rendered, unrendered = _rendered(change, render)
    return ChangeFacts(
        paths=paths,
        attributes=texts,
        rendered=rendered,
        unrendered=unrendered,
        commits=commits,
        uncounted=uncounted,
        compose=compose_files(repository, change, options.projects),
        called=called_files(repository, change),
    )


def _commits(repository: Repository, change: Change) -> tuple[tuple[PastCommit, ...], str | None]:
    """Every commit of the change with its files, oldest first; none where there is only one, which is the change itself.

    What a later commit takes away again is in the history all the same. A merge is what it adds to its first parent. What is
    not committed has no history.
    """
    if repository.resolve(change.head) is None:
        return (), None
    log = repository.log(change.head, limit=MAX_COMMITS + 1, until=change.base)
    if len(log) < 2:
        return (), None
    commits: list[PastCommit] = []
    size = 0
    for info in reversed(log[:MAX_COMMITS]):
        files = tuple(repository.changed(info.parents[0], info.sha)) if info.parents else ()
        size += sum(len(file.after or b"") for file in files)
        if size > _MOST_BYTES:
            return tuple(commits), f"the {len(commits)} oldest of {len(log)} commits hold {_MOST_BYTES:,} bytes"
        commits.append(PastCommit(info.sha, files))
    return tuple(commits), f"there are more than {MAX_COMMITS} commits" if len(log) > MAX_COMMITS else None


def _rendered(change: Change, render: RenderChange | None) -> tuple[tuple[RenderedChange, ...], str | None]:
    """What the change does to rendered objects. What goes wrong is a fact too, and never silence."""
    try:
        return () if render is None else render(change), None
    except Exception as error:  # noqa: BLE001 whatever a stranger's files make rendering raise is told as a finding
        return (), f"rendering failed with {type(error).__name__}"


def describe(change: Change, pull: PullRequest, *, agents: Mapping[str, str] | None = None) -> Change:
    """The change with what its pull request says about it."""
    kind, agent = authors.classify(pull.author, branch=pull.head_ref, messages=change.messages, known_kinds=agents)
    return replace(
        change,
        title=pull.title,
        body=pull.body,
        author=pull.author,
        author_kind=kind,
        agent=agent,
        branch=pull.head_ref,
        number=pull.number,
        labels=pull.labels,
    )
