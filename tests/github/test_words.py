"""Commands in comments, and what a run inside GitHub Actions reads and prints."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.github import actions
from bot.model.codehost import Annotation, AnnotationLevel
from bot.model.command import Command, UnknownCommand, Verb, parse
from tests.table import table


@table(
    ("body", "command"),
    [
        ("/clockwork retry", Command(Verb.RETRY)),
        (
            "Thanks!\r\n/clockwork suspend shop/web until tomorrow  \r\nbye",
            Command(Verb.SUSPEND, "shop/web until tomorrow"),
        ),
        ("/clockwork HALT disk is full", Command(Verb.HALT, "disk is full")),
        ("/clockwork resume\n/clockwork halt", Command(Verb.RESUME)),
        ("/clockwork\tignore\tit is ours", Command(Verb.IGNORE, "it is ours")),
        ("/clockwork explain", Command(Verb.EXPLAIN)),
        ("/clockwork unsuspend shop/web", Command(Verb.UNSUSPEND, "shop/web")),
        ("/clockwork", UnknownCommand("")),
        ("/clockwork dance", UnknownCommand("dance")),
        ("please /clockwork retry", None),
        (" /clockwork retry", None),
        ("> /clockwork retry", None),
        ("/clockworks retry", None),
        ("/Clockwork retry", None),
        ("```\n/clockwork halt\n```", None),
        ("~~~~ sh\n/clockwork halt\n~~~\n/clockwork halt", None),
        ("<!-- \n/clockwork halt\n-->", None),
        ("<!--\n/clockwork halt", None),
        ("```\nx\n```\n/clockwork retry", Command(Verb.RETRY)),
        ("", None),
    ],
)
def test_commands_stand_at_the_start_of_a_line(body: str, command: Command | UnknownCommand | None) -> None:
    """Only a bare line is a command; quotes, indents, fences and HTML comments show one."""
    assert parse(body) == command


@given(st.text(max_size=300))
def test_no_comment_crashes(body: str) -> None:
    """Any text is a command, an unknown one, or none."""
    assert isinstance(parse(body), Command | UnknownCommand | None)


def test_many_fences_are_quick() -> None:
    """A comment full of openings that never close is read at once."""
    assert parse("```\n~~~\n<!--\n" * 5000) is None


def test_a_run_is_read_from_its_environment() -> None:
    """The runner's variables become one value; outside of Actions there is none."""
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ID": "77",
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_TOKEN": "ghs_secret",
        "GITHUB_ACTOR_ID": "12",
    }
    run = actions.run(environment)
    assert run is not None
    assert run.link == "https://github.com/acme/shop/actions/runs/77"
    assert (run.actor_id, run.event) == (12, "schedule")
    assert "ghs_secret" not in repr(run)
    assert actions.run({}) is None


def test_log_lines_are_escaped() -> None:
    """Hostile file names and messages stay inside their workflow command."""
    annotation = Annotation("a,b:c\n.txt", 3, 4, AnnotationLevel.FAILURE, "x::y", "100%\n::set-output name=a::b")
    assert actions.log_line(annotation) == (
        "::error file=a%2Cb%3Ac%0A.txt,line=3,endLine=4,title=x%3A%3Ay::100%25%0A::set-output name=a::b"
    )


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_log_line_is_one_line(path: str, message: str) -> None:
    """Whatever is annotated, one line feed or carriage return is never printed."""
    shown = actions.log_line(Annotation(path, 1, 1, AnnotationLevel.NOTICE, path, message))
    assert "\n" not in shown
    assert "\r" not in shown


def test_summaries() -> None:
    """A job summary fits the runner's limit in bytes."""
    assert actions.summary("ok") == "ok\n"
    assert len(actions.summary("ü\n" * 600_000).encode()) <= 1024 * 1024
