"""The help of every verb: what it does, its options, and examples that work as they stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from bot.entrypoints.cli import overview
from bot.entrypoints.cli.app import VERBS, build
from bot.entrypoints.cli.examples import EXAMPLES, SUMMARIES
from tests.table import table


@cache
def top() -> object:
    """The command line, made where a test asks for it: not by every worker that collects these."""
    return typer.main.get_command(build())


def commands(group: object, words: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    """Every verb with its words."""
    if isinstance(group, TyperGroup):
        for name, command in group.commands.items():
            yield from commands(command, (*words, name))
    elif isinstance(group, TyperCommand):
        yield " ".join(words), group


ROOT: Final = Path(__file__).parents[1]
PAGES: Final = "\n".join(page.read_text() for page in [ROOT / "README.md", *sorted(ROOT.glob("bot/*/README.md"))])


@cache
def leaves() -> dict[str, TyperCommand]:
    """Every verb by its words."""
    return dict(commands(top()))


@table("module", VERBS)
def test_a_first_word_loads_all_of_its_verbs(module: str) -> None:
    """The command line of one word has what its module says it has, and each of those words leads to it."""
    for word in VERBS[module]:
        group = typer.main.get_command(build((word,)))
        assert isinstance(group, TyperGroup)
        assert tuple(group.commands) == VERBS[module]


def test_all_verbs_are_loaded_for_help() -> None:
    """Without a first word the program has every verb."""
    group = top()
    assert isinstance(group, TyperGroup)
    assert sorted(group.commands) == sorted(word for words in VERBS.values() for word in words)


def test_the_kept_help_is_what_the_verbs_say() -> None:
    """``python -m bot.entrypoints.cli.overview > bot/entrypoints/cli/help.txt`` renews it."""
    assert (ROOT / "bot/entrypoints/cli/help.txt").read_text() == overview.rendered()


def test_help_and_version_load_no_verb() -> None:
    """Nor what the command line is built with: who only asks is answered at once. A narrow terminal has its own lines."""
    program = "import sys; from bot.entrypoints.cli import main; main(sys.argv[1:]); print('typer' in sys.modules)"
    for word, begins in (("--help", "Usage: clockwork"), ("-h", "Usage: clockwork"), ("--version", "clockwork ")):
        lines = asked(program, word, columns=200)
        assert (lines[0].startswith(begins), lines[-1]) == (True, "False")
    narrow = asked(program, "--help", columns=60)
    assert narrow[-1] == "True"
    assert narrow[:-1] != overview.rendered().splitlines()


def asked(program: str, word: str, *, columns: int) -> list[str]:
    """The lines that a program prints in a process of its own."""
    environment = {**os.environ, "COLUMNS": str(columns)}
    done = subprocess.run(
        [sys.executable, "-c", program, word], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def parsed(line: str) -> tuple[str, list[str]]:
    """The verb of a command line, and the words that it would not understand. Raises what the program would print."""
    words = shlex.split(line.partition(" > ")[0].partition(" | kubectl")[0].partition("   ")[0])[1:]
    verb = next(verb for verb in sorted(leaves(), key=len, reverse=True) if words[: len(verb.split())] == verb.split())
    context = leaves()[verb].make_context(verb, words[len(verb.split()) :])
    return verb, context.args


@table(("verb", "line"), [(verb, line) for verb, lines in EXAMPLES.items() for line in lines])
def test_every_example_parses(verb: str, line: str) -> None:
    """An example is a command line of the verb that shows it, with options and arguments that it takes."""
    if line.startswith("clockwork "):
        shown, rest = parsed(line)
        assert not verb or shown == verb
        assert rest == []
    else:
        assert line.startswith("kubectl get ")
    assert len(line) + 2 <= 100


def page_lines() -> list[str]:
    """The command lines of the pages' shell blocks that run Clockwork, also at the end of a pipe."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", PAGES, re.DOTALL | re.MULTILINE)
    rows = [row.partition(" #")[0].strip() for block in blocks for row in block.splitlines()]
    return [row for row in rows if row.startswith("clockwork ")]


@table("line", page_lines())
def test_the_pages_command_lines_parse(line: str) -> None:
    """A line that a reader copies is one that its verb takes."""
    assert parsed(line)[1] == []


def test_every_verb_that_the_pages_name_is_one() -> None:
    """Also those inside a sentence, whose arguments may be placeholders."""
    named = set(re.findall(r"`clockwork ((?:[a-z][a-z-]* )*[a-z][a-z-]*)", PAGES))
    words = {verb for leaf in leaves() for verb in (leaf, leaf.partition(" ")[0])}
    assert {name for name in named if not any(f"{name} ".startswith(f"{verb} ") for verb in words)} == set()
    assert len(named) > 30


def test_examples_and_summaries_belong_to_verbs() -> None:
    """None is of a verb that is gone."""
    assert set(EXAMPLES) - {""} <= set(leaves())
    assert set(SUMMARIES) <= set(leaves())


@pytest.mark.parametrize("words", [(), ("guard",), ("policy",), ("worker",), ("daemon",), ("ledger",), ("sessions",)])
def test_lists_of_verbs_hold_whole_sentences(words: tuple[str, ...]) -> None:
    """At 80 columns no line of the list is cut."""
    group = top()
    assert isinstance(group, TyperGroup)
    for word in words:
        group = group.commands[word]
        assert isinstance(group, TyperGroup)
    listed = group.get_help(typer.Context(group, info_name="clockwork", terminal_width=80)).partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_every_verb_says_what_it_does_within_eighty_columns() -> None:
    """Its first sentence and a help text for each option; a line is longer than 80 columns only where it is an example."""
    for verb, command in leaves().items():
        help_text = command.get_help(typer.Context(command, info_name=f"clockwork {verb}", terminal_width=80))
        assert command.help, verb
        described = help_text.partition("Examples:")[0]
        assert max(map(len, described.splitlines())) <= 80, described
        options = [option for option in command.params if isinstance(option, TyperOption)]
        assert [option.name for option in options if not option.help] == [], verb
