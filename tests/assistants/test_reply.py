"""What an assistant wrote is data: findings where it fits the schema, a reason where it does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.reply import MAX_FINDINGS, MAX_MESSAGE, parse_findings
from bot.errors import Invalid
from tests.assistants.samples import FINDINGS
from tests.table import table

ONE = {"rule": "no-tls-off", "file": "app/client.py", "line": 12, "severity": "high", "message": "TLS is switched off"}
WHOLE = json.dumps({"findings": [ONE]})


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        f"  {WHOLE}\n",
        f"```json\n{WHOLE}\n```",
        f"Here you are:\n\n```\n{WHOLE}\n```\nGood luck!",
        json.dumps({"findings": [{**ONE, "severity": " HIGH "}], "summary": "one"}),
        json.dumps(
            {"findings": [{**{k: v for k, v in ONE.items() if k != "file"}, "path": ONE["file"], "confidence": 1}]}
        ),
    ],
)
def test_ways_to_say_it(text: str) -> None:
    """Bare or as the only fenced block, with extra keys, in any case: the findings are the same."""
    assert parse_findings(text) == FINDINGS


@table(
    ("text", "why"),
    [
        ("", "empty"),
        ("nothing wrong here", "line 1 column 1"),
        (f"```\n{WHOLE}\n```\n```\n{WHOLE}\n```", "not JSON"),
        ("[]", "fit"),
        ("{}", "findings"),
        (json.dumps({"findings": [{**ONE, "line": 0}]}), "findings.0.line"),
        (json.dumps({"findings": [{**ONE, "line": "12"}]}), "findings.0.line"),
        (json.dumps({"findings": [{**ONE, "line": True}]}), "findings.0.line"),
        (json.dumps({"findings": [{**ONE, "severity": "fatal"}]}), "findings.0.severity"),
        (json.dumps({"findings": [{**ONE, "message": ""}]}), "findings.0.message"),
        (json.dumps({"findings": [ONE] * (MAX_FINDINGS + 1)}), "findings"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_why_it_is_no_reply(text: str, why: str) -> None:
    """What does not fit is refused with the place, never with the text."""
    with pytest.raises(Invalid, match=why):
        parse_findings(text)


def test_long_messages_are_cut() -> None:
    """A message is kept up to a length."""
    text = json.dumps({"findings": [{**ONE, "message": "m" * 100_000}]})
    assert len(parse_findings(text)[0].message) == MAX_MESSAGE


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([*ONE.values(), [], {}])
REPLIES = st.fixed_dictionaries(
    {"findings": VALUES | st.lists(VALUES | st.fixed_dictionaries(dict.fromkeys(ONE, VALUES)), max_size=3)}
)


@given(st.text(max_size=99) | (VALUES | REPLIES).map(json.dumps))
def test_any_text_is_findings_or_invalid(text: str) -> None:
    """Nothing an assistant can write raises anything but Invalid."""
    try:
        parse_findings(text)
    except Invalid:
        return


def test_credentials_do_not_get_through() -> None:
    """A token that a model repeats is redacted in the finding."""
    token = "ghp_" + "a8Kq2Zr7" * 4 + "x9Y1"
    text = json.dumps({"findings": [{**ONE, "message": f"the token {token} is committed"}]})
    assert token not in parse_findings(text)[0].message
