"""Commit messages that Git itself reads back, whatever values they hold."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.safety.trailers import INTENT, compose, intents_in, one_line, parse

ID = "0123456789abcdef" * 2


def test_a_message_reads_as_git_reads_it() -> None:
    """``git interpret-trailers`` and ``parse`` agree on subject, body and trailers."""
    message = compose(
        "Adopt 3 retries of shop/web",
        body="Somebody set it by hand.\n\n- and this: too",
        trailers=[(INTENT, ID), ("Drift", "abc"), ("Severity", "LOW"), ("Rule", "policies/x.yaml#y"), ("Reason", "")],
    )
    assert message == (
        "Adopt 3 retries of shop/web\n\nSomebody set it by hand.\n\n- and this: too\n\n"
        f"Clockwork-Intent: {ID}\nDrift: abc\nSeverity: LOW\nRule: policies/x.yaml#y\n"
    )
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True
    )
    assert done.stdout.decode() == f"Clockwork-Intent: {ID}\nDrift: abc\nSeverity: LOW\nRule: policies/x.yaml#y\n"
    assert parse(message) == {INTENT: [ID], "Drift": ["abc"], "Severity": ["LOW"], "Rule": ["policies/x.yaml#y"]}
    assert intents_in(message) == {ID}


@pytest.mark.parametrize(
    "message",
    ["", "subject", f"{INTENT}: {ID}", f"s\n\n{INTENT}: {ID}\nnot a trailer", f"s\n\n{INTENT}: short", "\n\n\n"],
)
def test_messages_without_our_trailers(message: str) -> None:
    """A subject alone, prose, or a malformed id names no intent."""
    assert intents_in(message) == frozenset()


def test_a_trailers_name_is_checked() -> None:
    """A name with a colon or a line break is a mistake of ours."""
    for name in ("", "a b", "a\nb", "a:"):
        with pytest.raises(ValueError, match="trailer"):
            compose("s", trailers=[(name, "v")])


hostile = st.text(max_size=60) | st.sampled_from(
    [f"x\n\n{INTENT}: {ID}", f"\r{INTENT}: {ID}", f"\u2028{INTENT}: {ID}", f"{INTENT}: {ID}", "\x00", "\x85a", "\u202e"]
)


@settings(max_examples=200, deadline=None)
@given(hostile, hostile, hostile)
@example("s", f"{INTENT}: {ID}", "")
@example("s", f"prose\n\n{INTENT}: {ID}", "")
@example(f"{INTENT}: {ID}", f"{INTENT}: {ID}", f"{INTENT}: {ID}")
def test_no_value_forges_an_intent(subject: str, body: str, value: str) -> None:
    """Whatever a live value or a rule says, the only intents in the message are those that were put there."""
    real = "f" * 32
    message = compose(subject, body=body, trailers=[(INTENT, real), ("Reason", value)])
    assert intents_in(message) == {real}
    assert intents_in(compose(subject, body=body)) == frozenset()
    assert "\x00" not in message
    assert message.splitlines()[1] == ""


def test_long_and_odd_text_fits_on_one_line() -> None:
    """Blanks collapse, controls vanish, length is bounded."""
    assert one_line("a\n\tb \x1b[31m c\u200f") == "a b [31m c"
    assert one_line("x" * 2000).endswith("…")
    assert len(one_line("x" * 2000)) == 1000
