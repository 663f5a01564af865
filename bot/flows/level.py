"""Sets the auto-fix level in the settings file: one value in Git, by commit or by pull request.

Called by ``clockwork daemon policy set``. It is a person's order and obeys what every writer obeys: nothing while halted,
the order in the ledger before the work, a lost race run again on the new head, and no branch that somebody else took over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bot.edits.plain import edited
from bot.errors import Invalid, Refused, Stale
from bot.flows.commands import record_order
from bot.flows.context import RunContext
from bot.flows.memory import check_running
from bot.flows.ownership import own_tip
from bot.intake.lined import read_document
from bot.intake.scalars import Dialect
from bot.model.codehost import Marker
from bot.model.decision import FixLevel
from bot.model.drift import AddEntry, Edit, SetValue
from bot.model.json import JSON
from bot.model.ledger import Actor, EntryKind
from bot.safety.trailers import compose

BRANCH: Final = "clockwork/policy-level"
"""Where a level is proposed from."""
KIND: Final = "policy-level"
"""The kind of the marker of such a pull request."""
_TRIES: Final = 6
"""How often the edit is made again because the branch moved meanwhile."""


@dataclass(frozen=True, slots=True)
class LevelFile:
    """The settings file: its path, and the level that is in force where it has certain bytes (None: there is no file).

    ``level`` raises ``Invalid`` for bytes that settings cannot be.
    """

    path: str
    level: Callable[[bytes | None], FixLevel]


@dataclass(frozen=True, slots=True)
class LevelChange:
    """What became of an order. Neither ``commit`` nor ``url``: the level was in force already and nothing was written.

    ``url`` leads to the commit or the pull request where the code host is known; ``number`` is the pull request's.
    """

    before: FixLevel
    after: FixLevel
    commit: str | None = None
    url: str | None = None
    number: int | None = None

    def text(self) -> str:
        """One sentence for whoever gave the order."""
        if self.commit is None:
            return f"The auto-fix level is {self.after} already; nothing was written."
        if self.number is not None:
            return f"Opened PR #{self.number} (auto-fix level {self.before} → {self.after}): {self.url}"
        return f"The auto-fix level is {self.after} now, it was {self.before}: {self.url or f'commit {self.commit}'}"


def with_level(data: bytes | None, level: FixLevel, file: LevelFile) -> bytes:
    """The settings file with that level: one value spliced, the key or the file made where there is none.

    Raises ``Refused`` where the file is written so that no splice says it.
    """
    content = _written(data, level, file)
    if file.level(content) is not level:
        raise Refused(f"{file.path} does not take the level", advice="Set fixes.level by hand.")
    return content


def _written(data: bytes | None, level: FixLevel, file: LevelFile) -> bytes:
    if data is None:
        return f"version: 1\nfixes:\n  level: {level}\n".encode()
    document = read_document(data, file.path).value
    if document is None:  # only comments, or nothing: there is no node that a splice could begin from
        gap = b"" if not data or data.endswith(b"\n") else b"\n"
        return data + gap + f"fixes:\n  level: {level}\n".encode()
    return edited(file.path, data, [_edit(document, level)], document=0, dialect=Dialect.KUBERNETES)


def _edit(document: JSON, level: FixLevel) -> Edit:
    fixes = document.get("fixes") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or "fixes" not in document:
        return AddEntry((), "fixes", {"level": level.value})
    if isinstance(fixes, Mapping) and "level" in fixes:
        return SetValue(("fixes", "level"), level.value)
    return AddEntry(("fixes",), "level", level.value)


def set_level(level: FixLevel, file: LevelFile, run: RunContext, *, by: Actor, propose: bool) -> LevelChange:
    """The level is in force from the next run on, or with ``propose`` once somebody merges the pull request.

    Raises ``Refused`` while everything is halted and where the host's rules say no, ``Invalid`` for ``propose`` without a
    code host and for a file that is no settings file, ``Stale`` when the branch moved every time.
    """
    for _ in range(_TRIES):
        run.repository.fetch()
        head = run.head()
        data = run.repository.read(head, file.path)
        change = LevelChange(file.level(data), level)
        if change.before is level:
            return change
        check_running(run.ledger, run.limits, run.clock.now())
        commit = _commit(head, {file.path: with_level(data, level, file)}, change, run, by)
        try:
            return _proposed(change, commit, run, by) if propose else _pushed(change, commit, head, run, by)
        except Stale:
            continue
    raise Stale(f"the branch {run.branch} moved every time {file.path} was to be changed", advice="Try again.")


def _commit(head: str, files: Mapping[str, bytes], change: LevelChange, run: RunContext, by: Actor) -> str:
    message = compose(
        f"Set the auto-fix level to {change.after}", body=f"It was {change.before}. {by.login} asked for it."
    )
    return run.repository.commit(head, files, message=message, at=run.clock.now(), author=run.author)


def _order(change: LevelChange, commit: str, channel: str, run: RunContext, by: Actor) -> None:
    reason = f"auto-fix level {change.before} → {change.after}, by {channel}"
    record_order(run, EntryKind.NOTE, reason=reason, actor=by, detail={"head": commit})


def _pushed(change: LevelChange, commit: str, head: str, run: RunContext, by: Actor) -> LevelChange:
    _order(change, commit, "commit", run, by)
    try:
        sha = run.repository.push(run.branch, commit, expected=head)
    except Refused as exc:
        raise Refused(exc.message, advice="Propose it with --pull-request.") from exc
    return replace(change, commit=sha, url=run.commit_url(sha))


def _proposed(change: LevelChange, commit: str, run: RunContext, by: Actor) -> LevelChange:
    if run.host is None:
        raise Invalid("there is no code host to open a pull request on", advice="Leave --pull-request out.")
    tip = own_tip(BRANCH, run)
    _order(change, commit, "pull request", run, by)
    sha = run.repository.push(BRANCH, commit, expected=tip)
    pull = run.host.open_pull(
        marker=Marker(KIND, "fixes.level", change.after.value),
        title=f"Auto-fix level: {change.before} → {change.after}",
        body=run.texts.render(
            "policy_level.md", before=change.before, after=change.after, by=by.login, description=_meaning(change.after)
        ),
        head=BRANCH,
        base=run.branch,
        labels=run.labels,
    )
    return replace(change, commit=sha, url=pull.url, number=pull.number)


def _meaning(level: FixLevel) -> str:
    match level:
        case FixLevel.DISABLED:
            return "Drift is only reported then: nothing is committed, proposed or filed."
        case FixLevel.CONSERVATIVE:
            return "Stale artifacts, health-check numbers and retries are committed then; everything else is asked."
        case FixLevel.MODERATE:
            return "Every safe field inside its bounds is committed then; configuration is asked."
        case FixLevel.AGGRESSIVE:
            return "Everything is committed then but destructive changes, secrets, privileges, and what holds text."
        case _ as never:
            assert_never(never)
