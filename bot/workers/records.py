"""Session records as people ask for them: chosen by tool, agent, verdict and time, found by id, told without secrets.

Called by ``clockwork sessions``. Pure; nothing here changes a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bot.errors import Invalid
from bot.model.finding import Enforce, Verdict
from bot.model.json import JSON, facts
from bot.model.session import Session
from bot.secrecy.redaction import redact


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions are asked for; what is None does not matter."""

    tool: str | None = None
    agent: str | None = None
    verdict: Verdict | None = None
    since: datetime | None = None

    def takes(self, session: Session) -> bool:
        """Whether a session is asked for."""
        return (
            (self.tool is None or self.tool in tools_of(session))
            and (self.agent is None or self.agent == session.agent)
            and (self.verdict is None or self.verdict is session.verdict)
            and (self.since is None or session.at >= self.since)
        )


def tools_of(session: Session) -> Sequence[str]:
    """The assistants that took part, sorted; one that was switched off did not."""
    return sorted({reply.assistant for reply in session.replies if reply.status.was_asked})


def matching_sessions(sessions: Iterable[Session], session_filter: SessionFilter, *, limit: int) -> Sequence[Session]:
    """Up to ``limit`` of the sessions asked for, newest first."""
    ordered = sorted(filter(session_filter.takes, sessions), key=lambda session: (session.at, session.id), reverse=True)
    return ordered[:limit]


def with_id(sessions: Iterable[Session], beginning: str) -> Session:
    """The one session whose id begins so. Raises ``Invalid`` where none or several do."""
    matching = [session for session in sessions if session.id.startswith(beginning)] if beginning else []
    exact = [session for session in matching if session.id == beginning]
    if len(exact or matching) == 1:
        return (exact or matching)[0]
    advice = "`clockwork sessions list` shows the ids."
    if not matching:
        raise Invalid(f"no session has an id that begins with {beginning!r}", advice=advice)
    raise Invalid(f"{len(matching)} sessions have an id that begins with {beginning!r}", advice="Write more of it.")


def summary(session: Session) -> dict[str, JSON]:
    """What a list shows of a session; ``seconds`` are those of the whole run."""
    fields: dict[str, JSON] = {
        "id": session.id,
        "at": session.at.astimezone(UTC).isoformat(),
        "repository": session.repository,
        "agent": session.agent,
        "tools": tools_of(session),
        **facts(session, "mode verdict pull=number"),
        "violations": sum(1 for finding in session.findings if finding.enforce.rank >= Enforce.WARN.rank),
        "failures": [reply.status.value for reply in session.replies if reply.status.failed],
        "failed": session.failure,
        "seconds": session.milliseconds / 1000,
    }
    return {key: hidden(value) for key, value in fields.items()}


def full_record(session: Session) -> JSON:
    """Everything that is recorded of a session."""
    return hidden({**asdict(session), "at": session.at.astimezone(UTC).isoformat()})


def hidden(value: JSON) -> JSON:
    """``value`` with no credential in any of its texts: what was recorded once may be known for a secret only now."""
    match value:
        case str():
            return redact(str(value))
        case Mapping():
            return {key: hidden(item) for key, item in value.items()}
        case list() | tuple():
            return [hidden(item) for item in value]
        case _:
            return value
