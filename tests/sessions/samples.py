"""Sessions to test with: a plain one by hand, and any one by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.session import Reply, ReplyFinding, ReplyStatus, Session
from bot.model.severity import Severity

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def finding(rule: str = "SEC-004", *, enforce: Enforce = Enforce.WARN, message: str = "TLS is off") -> Finding:
    return Finding(
        rule=rule,
        title="TLS verification must stay on",
        severity=Severity.HIGH,
        enforce=enforce,
        file="app/client.py",
        line=12,
        end_line=12,
        message=message,
        suggestion="Leave verification on.",
        evidence="requests.get(u, verify=False)",
        fingerprint="ab" * 8,
        category="security",
    )


def session(number: int = 1, *, at: datetime | None = None, agent: str = "claude", **fields: object) -> Session:
    plain: dict[str, object] = {
        "id": f"{number:032x}",
        "at": at or AT + timedelta(seconds=number),
        "repository": "shop/infra",
        "agent": agent,
        "mode": Mode.STANDARD,
        "verdict": Verdict.WARN,
        "head": "a" * 40,
        "base": "b" * 40,
        "number": 7,
        "milliseconds": 100 * number,
        "findings": (finding(),),
        "replies": (Reply("claude", ReplyStatus.OK, milliseconds=90, exit_code=0, cost_usd=0.0125),),
    }
    return Session(**{**plain, **fields})  # type: ignore[arg-type]  # overridden by name in tests


def clean_text(max_size: int = 40) -> st.SearchStrategy[str]:
    """Any text that JSON and PostgreSQL can carry."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=max_size)


def _maybe_text() -> st.SearchStrategy[str | None]:
    return st.none() | clean_text()


_LINES = st.none() | st.integers(1, 10_000)
_COUNTS = st.none() | st.integers(0, 10**9)


def findings() -> st.SearchStrategy[Finding]:
    return st.builds(
        Finding,
        rule=clean_text(),
        title=clean_text(),
        severity=st.sampled_from(Severity),
        enforce=st.sampled_from(Enforce),
        file=_maybe_text(),
        line=_LINES,
        end_line=_LINES,
        message=clean_text(),
        suggestion=_maybe_text(),
        evidence=_maybe_text(),
        fingerprint=clean_text(),
        by=clean_text(),
        category=clean_text(),
    )


def replies() -> st.SearchStrategy[Reply]:
    parts = st.builds(
        ReplyFinding, rule=clean_text(), file=clean_text(), line=_LINES, severity=clean_text(), message=clean_text()
    )
    return st.builds(
        Reply,
        assistant=clean_text(),
        status=st.sampled_from(ReplyStatus),
        findings=st.lists(parts, max_size=2).map(tuple),
        message=clean_text(),
        milliseconds=st.integers(0, 10**7),
        exit_code=st.none() | st.integers(-64, 255),
        input_tokens=_COUNTS,
        output_tokens=_COUNTS,
        cost_usd=st.none() | st.floats(0, 1e6),
        stderr_tail=clean_text(),
    )


def sessions() -> st.SearchStrategy[Session]:
    moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added
    return st.builds(
        Session,
        id=st.uuids().map(lambda identity: identity.hex),
        at=moments,
        repository=clean_text(),
        agent=clean_text(10),
        mode=st.sampled_from(Mode),
        verdict=st.sampled_from(Verdict),
        head=clean_text(),
        base=clean_text(),
        number=st.none() | st.integers(1, 10**6),
        milliseconds=st.integers(0, 10**7),
        findings=st.lists(findings(), max_size=3).map(tuple),
        replies=st.lists(replies(), max_size=2).map(tuple),
        failure=_maybe_text(),
    )
