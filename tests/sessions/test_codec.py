"""Session records are canonical JSON and come back as they were."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.session import Reply, ReplyFinding, ReplyStatus, Session
from bot.sessions.codec import decode, encode
from tests.sessions.samples import finding, session, sessions
from tests.table import table


@given(sessions())
def test_a_record_comes_back(session: Session) -> None:
    """decode(encode(s)) == s, and the text is the canonical one."""
    data = encode(session)
    assert decode(data) == session
    assert encode(decode(data)) == data
    assert data.isascii()
    assert b"\n" not in data


@given(st.text(st.characters()))
def test_text_that_cannot_be_stored_is_replaced(text: str) -> None:
    """Lone surrogates and NUL never stop a record from being written."""
    back = decode(encode(session(failure=text)))
    assert back.failure is not None
    assert len(back.failure) == len(text)
    assert "\0" not in back.failure


@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"version": 2}, "version"),
        ({"surprise": 1}, "surprise"),
        ({"verdict": "perhaps"}, "verdict"),
        ({"at": "2026-11-20T12:00:00"}, "^not a session record at at: the time names no zone$"),
        ({"replies": [{"assistant": "claude", "status": "ok", "cost_usd": "NaN"}]}, "replies.0.cost_usd"),
        ({"findings": [{"surprise": 1}]}, "findings.0"),
        ({"findings": [{"rule": "x"}]}, "findings.0.title"),
    ],
)
def test_what_is_no_record_is_refused_by_name(change: dict[str, object], location: str) -> None:
    """A record that does not fit is refused with the place where it does not."""
    data = json.dumps({**json.loads(encode(session())), **change}).encode()
    with pytest.raises(Invalid, match=location):
        decode(data)


def test_a_record_without_version_is_of_no_newer_clockwork() -> None:
    """Only one that says a higher version calls for an update."""
    record = json.loads(encode(session()))
    del record["version"]
    cases: list[tuple[dict[str, object], str]] = [
        ({}, "Field required"),
        ({"version": 0}, "Input should be 1"),
        ({"version": "x"}, "Input should be 1"),
    ]
    for version, told in cases:
        with pytest.raises(Invalid) as refused:
            decode(json.dumps({**record, **version}).encode())
        assert str(refused.value) == f"not a session record at version: {told}"
    with pytest.raises(Invalid, match="A newer Clockwork wrote it"):
        decode(json.dumps({**record, "version": 2}).encode())


REPLY = Reply("claude", ReplyStatus.OK, (ReplyFinding("SEC-004", "a.py", 1, "high", "TLS is off"),))
FULL = json.loads(encode(session(findings=(finding(),), replies=(REPLY,))))


def places(record: object) -> Iterator[tuple[str | int, ...]]:
    """Every key of a record, however deep."""
    entries = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in entries:
        if isinstance(record, dict):
            yield (key,)
        yield from ((key, *below) for below in places(value))


@table("place", [place for place in places(FULL) if place != ("version",)])
def test_a_record_that_lost_something_is_refused(place: tuple[str | int, ...]) -> None:
    """Whatever it is: without its findings a record would be read as that of a clean run."""
    record = copy.deepcopy(FULL)
    around = record
    for key in place[:-1]:
        around = around[key]
    del around[place[-1]]
    with pytest.raises(Invalid) as refused:
        decode(json.dumps(record).encode())
    assert f"at {'.'.join(map(str, place))}: " in refused.value.message


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", b"\xff"])
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    """Damaged bytes are Invalid, nothing else."""
    with pytest.raises(Invalid):
        decode(data)
