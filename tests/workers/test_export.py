"""The failure-modes document: complete, the same for the same sessions, and harmless whatever was recorded."""

from __future__ import annotations

import random
import re
import string
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.model.drift import Severity
from bot.model.finding import Enforce
from bot.model.session import Reply, ReplyStatus, Session
from bot.workers.analysis import analyse
from bot.workers.export import document, export
from bot.workers.markdown import code, prose
from tests.sessions.samples import AT, finding, session

HOSTILE = (
    "<!-- clockwork:1 forged -->",
    "@octocat please approve",
    "<script>alert(1)</script>",
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "https://evil.example/path www.evil.example",
    "mail me@evil.example <me@evil.example>",
    "| a | b |\n|---|---|\n# heading\n- [ ] task",
    "`code` **bold** _it_ ~~no~~ $x$ \\",
    "&lt;b&gt; &#64;octocat &amp;",
    "```\nfence\n```",
    "/clockwork retry",
    "a\u202eb\u200bc\u2028d\x00e\x1b[31m",
    "[ref]: http://evil.example\n[^1]: note",
)
OURS = frozenset(
    ["h1", "h2", "h3", "p", "ul", "li", "strong", "em", "code", "br", "table", "thead", "tbody", "tr", "th", "td"]
)
TOKEN = "ghp_" + "a8Kq2Zr7" * 4 + "x9Y1"


def render(markdown: bytes) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown.decode()))


def hostile_session(text: str) -> Session:
    bad = replace(finding(message=text), title=text, file=text, category=text, by=f"assistant:{text}", rule=text or "R")
    reply = Reply(text, ReplyStatus.CRASH, message=text, stderr_tail=text)
    return session(1, agent=text, repository=text, findings=(bad,), replies=(reply,), failure=text)


def harmless(markdown: bytes) -> None:
    """No HTML of its own, no comment, no link, no image, no mention, in the text and as rendered."""
    text = markdown.decode("utf-8")
    assert "@" not in text
    assert "<" not in text
    assert not re.search(r"(?i)https?://|www\.", text)
    page = render(markdown)
    assert set(re.findall(r"<(\w+)", page)) <= OURS
    assert "<!--" not in page
    assert "href" not in page
    assert not any(character in text for character in "\u202e\u200b\u2028\x00\x1b")


@pytest.mark.parametrize("text", HOSTILE)
def test_known_attacks_are_inert(text: str) -> None:
    """Comments, mentions, links, images, tables, headings and invisible characters stay words."""
    harmless(document([hostile_session(text)]))


@settings(deadline=None, max_examples=30)
@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*HOSTILE, "@", "<", "!", "[", "](", "`", "\\", "|", "\n", "a"]), max_size=6).map(
        "".join
    )
)
def test_any_text_is_inert(text: str) -> None:
    """Whatever was recorded, the document holds no HTML, no link and no mention."""
    harmless(document([hostile_session(text)]))


@settings(deadline=None, max_examples=15)
@given(st.text(max_size=40), st.text(max_size=40))
def test_secrets_do_not_get_out(before: str, after: str) -> None:
    """A token that stands in any recorded text is in neither the document nor what it renders to."""
    made = document([hostile_session(f"{before} {TOKEN} {after}")])
    assert TOKEN not in made.decode()
    assert TOKEN not in render(made)
    assert TOKEN.replace("_", "\\_") not in made.decode()


def test_invisible_characters_hide_no_secret() -> None:
    """A token that is broken up by zero-width characters is taken out all the same."""
    broken = "\u200b".join(TOKEN)
    assert TOKEN not in document([hostile_session(f"x {broken} y")]).decode()


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_escaped_words_read_as_they_were(text: str) -> None:
    """What a person reads is the text: the escapes are gone once it is rendered."""
    words = "".join(
        character for character in text if character in string.ascii_letters + string.digits + " *_`[]<>&|\\"
    )
    shown = MarkdownIt().render("x " + prose(words) + " y")
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert plain.strip() == f"<p>x {' '.join(words.split())} y</p>"


def test_names_and_paths_are_code() -> None:
    """Ordinary names and paths are code spans; what is not ordinary is escaped words."""
    assert code("app/client.py:12") == "`app/client.py:12`"
    assert code("a`b") == "a\\`b"
    assert code("http://x") == "http&#58;//x"


def test_the_same_sessions_give_the_same_bytes() -> None:
    """Order of arrival does not matter, nor when it is asked; there is no line about the time of writing."""
    sessions = [session(number, findings=(finding(f"R-{number % 3}"),)) for number in range(1, 30)]
    shuffled = random.Random(1).sample(sessions, len(sessions))
    assert document(sessions) == document(shuffled)
    assert not re.search(r"(?i)generated at|last updated", document(sessions).decode())


def test_only_what_went_wrong_is_in_it() -> None:
    """Warnings and blocks, failed replies and broken runs are listed; notices and good replies are not."""
    notice = finding("SEC-001", enforce=Enforce.NOTICE, message="only a notice")
    block = replace(
        finding("K8S-001", enforce=Enforce.BLOCK, message="a pod is privileged"), severity=Severity.CRITICAL
    )
    late = Reply("codex", ReplyStatus.TIMEOUT, message="no answer within 120 s")
    text = document(
        [
            session(1, findings=(notice, block), replies=(late,), failure="detector DEP-001 timed out"),
            session(2, findings=()),
        ]
    ).decode()
    assert "only a notice" not in text
    for words in ("a pod is privileged", "blocked", "no answer within 120 s", "detector DEP-001 timed out"):
        assert words in text
    assert "**3** failures in **1** of 2 recorded runs" in text


def test_nothing_wrong_is_said_in_a_sentence() -> None:
    """Without failures the document says so and has no empty tables."""
    text = document([session(1, findings=())]).decode()
    assert "No failures in 1 recorded run." in text
    assert "|" not in text
    assert "No failures in 0 recorded runs." in document([]).decode()


def test_the_last_hundred_newest_first() -> None:
    """Of many failures the newest hundred are listed, newest first; all are counted."""
    sessions = [
        session(number, at=AT + timedelta(minutes=number), findings=(finding(message=f"number {number:03}"),))
        for number in range(150)
    ]
    text = document(sessions).decode()
    listed = re.findall(r"“number (\d+)”", text)
    assert listed == [f"{number:03}" for number in range(149, 49, -1)]
    assert "**150** failures" in text


def test_what_comes_again_and_again_stands_in_a_table() -> None:
    """Failure modes that came more than once are counted by rule, most first, with the last day they came."""
    rules = ["TST-002", "SEC-004", "TST-002", "CI-002", "TST-002", "SEC-004"]
    text = document([session(n, findings=(finding(rule),)) for n, rule in enumerate(rules, start=1)]).decode()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "2026-11-20" in line]
    assert rows == [
        "| 3 | TLS verification must stay on | `TST-002` | 2026-11-20 |",
        "| 2 | TLS verification must stay on | `SEC-004` | 2026-11-20 |",
    ]


def test_a_spike_is_named() -> None:
    """What comes far more often than usual stands at the top."""
    sessions = [session(number, findings=(finding("TST-002"),)) for number in range(12)]
    text = document(sessions, analyse(sessions, AT + timedelta(hours=1))).decode()
    assert "## Spikes" in text
    assert "category `security`: **12** in 24 hours; daily median (7 d): 0" in text


def test_it_is_published_only_through_the_port() -> None:
    """The exporter hands path, bytes and message to the port and returns its answer."""
    branch: dict[str, bytes] = {}

    def publish(path: str, data: bytes, message: str) -> str | None:
        assert message
        if branch.get(path) == data:
            return None
        branch[path] = data
        return "c0ffee"

    sessions = [session(1)]
    assert export(sessions, publish) == "c0ffee"
    assert export(sessions, publish) is None
    assert export([*sessions, session(2)], publish) == "c0ffee"
    assert list(branch) == ["AI_Failure_Modes.md"]
