"""The failure-modes document: complete, the same for the same sessions, and harmless whatever was recorded."""

from __future__ import annotations

import random
import re
import string
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.model.finding import Enforce
from bot.model.session import Reply, ReplyStatus, Session
from bot.model.severity import Severity
from bot.workers.analysis import analyse
from bot.workers.export import LearnedGuardrail, document, export, stamp_of
from bot.workers.links import WebPages
from bot.workers.markdown import code, prose
from bot.workers.picture import FailureRate, picture
from tests.sessions.samples import AT, finding, session
from tests.table import table
from tests.workers.seeded import UNTIL, seeded

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
    [
        "h1",
        "h2",
        "h3",
        "p",
        "ul",
        "ol",
        "li",
        "strong",
        "em",
        "code",
        "pre",
        "br",
        "hr",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
PAGES = WebPages("https://github.com/shop/infra")
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


@table("text", HOSTILE)
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
    notice = replace(finding("SEC-001", enforce=Enforce.NOTICE), title="only a notice")
    block = replace(finding("K8S-001", enforce=Enforce.BLOCK), severity=Severity.CRITICAL, title="a pod is privileged")
    late = Reply("codex", ReplyStatus.TIMEOUT)
    text = document(
        [
            session(1, findings=(notice, block), replies=(late,), failure="detector DEP-001 timed out"),
            session(2, findings=()),
        ]
    ).decode()
    assert "only a notice" not in text
    for words in ("a pod is privileged", "critical, blocked", "The assistant timed out", "guarded run itself failed"):
        assert words in text
    assert "**150 failures per 100 runs**: 3 in 2 runs" in text


def test_nothing_wrong_is_said_in_a_sentence() -> None:
    """Without failures the document says so and has no empty tables."""
    text = document([session(1, findings=())]).decode()
    assert "No failures in 1 recorded run." in text
    assert "|" not in text
    assert "No failures in 0 recorded runs." in document([]).decode()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    part = text.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_last_hundred_newest_first() -> None:
    """Of many failures the newest hundred are listed, newest first: time, category, severity, tool, context."""
    sessions = [
        session(
            number,
            at=AT + timedelta(minutes=number),
            findings=(replace(finding(), title=f"number {number:03} {'x' * 60}"),),
        )
        for number in range(150)
    ]
    text = document(sessions).decode()
    listed = rows(text, "The last 100 failures")
    assert [re.search(r"number (\d+)", row[4])[1] for row in listed] == [f"{n:03}" for n in range(149, 49, -1)]  # type: ignore[index]  # it is there
    assert listed[0][:4] == ["2026-11-20\u00a014:29", "security", "high", "`claude`"]
    assert all(len(row[4]) <= 50 for row in listed)
    assert "150 in 150 runs" in text


def test_the_first_lines_say_what_by_whom_at_what_cost_and_what_to_do() -> None:
    """Of each category, most first: its rate, who makes it most, what it costs, what to do now."""
    bad = replace(finding("TST-002", enforce=Enforce.BLOCK), category="tests", title="Test removed")
    sessions = [session(n, agent="codex", findings=(bad, bad)) for n in (1, 2)]
    sessions += [session(n, findings=(bad,) if n == 3 else ()) for n in range(3, 11)]
    first = document(sessions).decode().partition("## Who makes which")[0]
    assert (
        "**tests: 50 per 100 runs**, most by `codex` (200 per 100, n = 2), most often Test removed (`TST-002`)" in first
    )
    assert "**Now:** Put the test back" in first
    assert "Cost: 3 runs (1 s, $0.04 for assistants), **3 blocked**; last in #7." in first


def test_rates_are_those_of_the_runs_that_each_took_part_in() -> None:
    """An agent's rate is of its own runs, an assistant's of those in which it was asked; n is shown."""
    late = Reply("reviewer", ReplyStatus.TIMEOUT)
    off = Reply("reviewer", ReplyStatus.DISABLED)
    sessions = [
        session(1, agent="codex", replies=(late,)),
        session(2, agent="codex", findings=(), replies=(Reply("reviewer", ReplyStatus.OK),)),
        session(3, agent="claude", findings=(), replies=(off,)),
    ]
    table = {row[0]: row[1:] for row in rows(document(sessions).decode(), "Who makes which")}
    assert table == {
        "`codex`": ["2", "**50**", "·", "50"],
        "`reviewer`": ["2", "**50**", "50", "·"],
        "`claude`": ["1", "**0.0**", "·", "·"],
    }


def test_what_comes_again_is_one_row() -> None:
    """The same rule by the same tool in the same file is counted once, with its pull requests and its newest line."""
    one = replace(finding("TST-002"), title="Test removed")
    other = replace(one, file="b.py")
    sessions = [replace(session(n, findings=(replace(one, line=n),)), number=n) for n in (1, 2, 3, 4, 5)]
    sessions += [session(6, findings=(other,)), session(7, agent="codex", findings=(one,))]
    text = document(sessions, pages=PAGES).decode()
    (row,) = rows(text, "What comes again")
    assert row[:2] == ["5", "Test removed (`TST-002`)"]
    assert row[2] == f"[`app/client.py:5`](https://github.com/shop/infra/blob/{'a' * 40}/app/client.py#L5)"
    assert row[4].startswith("[#5](https://github.com/shop/infra/pull/5), [#4]")
    assert row[4].endswith("and 2 more")


@table("text", [*HOSTILE, "a](http://evil.example)", "../../../x?y#z", "a b\nc.py", "x.md"])
def test_links_lead_to_the_repository_alone(text: str) -> None:
    """Whatever a record says, an address begins with the repository's own pages and holds no more than a path and a line."""
    page = render(document([hostile_session(text)], pages=PAGES))
    addresses = re.findall(r'href="([^"]*)"', page)
    assert addresses
    for address in addresses:
        assert re.fullmatch(
            rf"https://github\.com/shop/infra/(pull/7|blob/{'a' * 40}/[\w./%~-]*(\?plain=1)?(#L12)?)", address
        )


def test_no_page_is_guessed() -> None:
    """Without a root, with one that is no address, and for a commit that is none, nothing is linked."""
    odd = session(1, head="HEAD")
    assert "](" not in document([odd, session(2)]).decode()
    assert "](" not in document([session(1)], pages=WebPages("javascript:alert(1)")).decode()
    assert "/blob/" not in document([odd], pages=PAGES).decode()


def test_charts_are_mermaid_with_harmless_labels() -> None:
    """A chart of the rates by day and one of the shares; no label can end its string."""
    sessions = [session(n, at=AT - timedelta(days=n % 20), findings=(finding(),) * (n % 3)) for n in range(40)]
    bad = replace(finding(), category='x" : 9\n"y')
    charts = re.findall(
        r"```mermaid\n(.*?)```", document([*sessions, session(99, findings=(bad,))]).decode(), re.DOTALL
    )
    assert len(charts) == 2
    assert 'x-axis ["7 Nov", "8", ' in charts[0]
    bars = re.search(r"bar \[(.*)\]", charts[0])
    assert bars is not None
    assert len(bars[1].split(",")) == 14
    assert [line.count('"') for line in charts[1].splitlines() if '"' in line] == [2, 2]


def test_a_spike_is_named() -> None:
    """What comes far more often than usual stands at the top."""
    sessions = [session(number, findings=(finding("TST-002"),)) for number in range(12)]
    text = document(sessions, analyse(sessions, AT + timedelta(hours=1))).decode()
    assert "**Spike** in category `security`: 12 in 24 hours, usually 0." in text.partition("## ")[0]


def test_one_more_failure_of_a_kind_is_the_same_picture() -> None:
    """The digest moves with what a reader would notice: another order, another rate, another culprit, a spike."""
    many = [session(n, findings=(finding(),) if n % 5 == 0 else ()) for n in range(1, 201)]
    trends = analyse(many, AT + timedelta(days=9))
    drawn = picture(many, trends)
    assert drawn.digest == picture([*many, session(999)], trends).digest
    others = [
        picture(many[:6], trends),
        picture([replace(each, agent="codex") for each in many], trends),
        picture([replace(each, findings=()) for each in many[:100]] + many[100:], trends),
        picture(many, analyse(many, None)),
    ]
    assert len({drawn.digest, *(other.digest for other in others)}) == 5


def test_four_hundred_runs_make_a_document_that_github_shows() -> None:
    """It stays below what GitHub renders (512 KiB), its tables are whole, and every part of it is there."""
    runs = seeded(400)
    text = document(runs, analyse(runs, UNTIL), at=UNTIL, pages=PAGES).decode()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "What to do now",
        "Who makes which",
        "Trend and shares",
        "What comes again",
        "The last 100 failures",
    ]
    assert len(text.encode()) < 512 * 1024
    for heading in (headings[1], headings[3], headings[4]):
        assert len({len(row) for row in rows(text, heading)}) == 1
    assert text.count("**Now:**") == 5
    page = render(text.encode())
    assert "<p>|" not in page
    assert page.count("<table>") == 3


def test_a_learned_guardrail_is_followed_up() -> None:
    """Its row says whether the failure went down, and that too few runs say nothing."""
    rates = [(FailureRate(20, 100), FailureRate(1, 50)), (FailureRate(5, 100), FailureRate(5, 50))]
    rates += [(FailureRate(5, 100), FailureRate(0, 3)), (FailureRate(5, 100), FailureRate(5, 100))]
    learned = [LearnedGuardrail("learned-tests", "tests", AT, before, after) for before, after in rates]
    text = document([session(1)], learned=learned).decode()
    table = rows(text, "Learned guardrails")
    assert [row[3] for row in table] == [
        "down by 90%",
        "up by 100%",
        "too few runs since to tell (3 of 10)",
        "no change",
    ]
    assert table[0][1:3] == ["20 (n = 100)", "2.0 (n = 50)"]


def test_it_is_published_only_through_the_port() -> None:
    """The exporter hands path, bytes and message to the port; what it wrote says when, and which picture."""
    branch: dict[str, bytes] = {}

    def publish(path: str, data: bytes, message: str) -> str | None:
        assert message
        branch[path] = data
        return "c0ffee"

    assert export([session(1)], publish, now=AT).commit == "c0ffee"
    assert list(branch) == ["AI_Failure_Modes.md"]
    written = stamp_of(branch["AI_Failure_Modes.md"])
    assert written is not None
    assert written.at == AT
    assert stamp_of(b"# mine\n<!-- clockwork:failure-modes at=never picture=0123456789abcdef -->\n") is None


def test_a_file_that_somebody_wrote_by_hand_is_replaced() -> None:
    """A file without a stamp says nothing about the picture, so it does not hold the first export up."""
    done = export([session(1)], lambda *_: "c0ffee", now=AT, published=b"# Failure modes\n\nTo be written.\n")
    assert done.commit == "c0ffee"
