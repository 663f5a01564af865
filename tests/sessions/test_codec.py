"""Session records are canonical JSON and come back as they were."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.session import Session
from bot.sessions.codec import decode, encode
from tests.sessions.samples import session, sessions


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
        ({"at": "2026-11-20T12:00:00"}, "no time zone"),
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


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", b"\xff"])
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    """Damaged bytes are Invalid, nothing else."""
    with pytest.raises(Invalid):
        decode(data)
