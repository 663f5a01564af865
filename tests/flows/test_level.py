"""The auto-fix level set in Git: one value changes, by commit or by pull request, and only where anything may be written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Invalid, Refused
from bot.flows.level import BRANCH, LevelFile, set_level, with_level
from bot.model.decision import FixLevel
from bot.model.ledger import Actor, EntryKind
from bot.settings import FILE, load
from bot.wiring.reconcile import open_loop
from tests.flows.stage import Stage
from tests.flows.world import World

SETTINGS = LevelFile(FILE, lambda data: load(data).fixes.level)
ROSA = Actor("rosa", 3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "version: 1\nfixes:\n  level: moderate\n"),
        ("", "fixes:\n  level: moderate\n"),
        ("# nothing yet", "# nothing yet\nfixes:\n  level: moderate\n"),
        ("version: 1 # one\n", "version: 1 # one\nfixes:\n  level: moderate\n"),
        ("fixes:\n  per_hour: 3 # few\n", "fixes:\n  per_hour: 3 # few\n  level: moderate\n"),
        ("fixes: {per_hour: 3}\nversion: 1\n", "fixes: {per_hour: 3, level: moderate}\nversion: 1\n"),
        ("fixes:\n  level: aggressive   # brave\n", "fixes:\n  level: moderate   # brave\n"),
        ('fixes: {level: "disabled"}\r\n', 'fixes: {level: "moderate"}\r\n'),
        ("fixes:\nversion: 1\n", "fixes:\n  level: moderate\nversion: 1\n"),
        ("{}\n", "fixes:\n  level: moderate\n"),
    ],
)
def test_one_value_is_spliced(before: str | None, after: str) -> None:
    """Comments, quotes, line ends and everything else stay; the key or the file is made where there is none."""
    data = None if before is None else before.encode()
    assert with_level(data, FixLevel.MODERATE, SETTINGS).decode() == after


@pytest.mark.parametrize("broken", ["fixes: [", "levle: moderate\n", "a: 1\n---\nb: 1\n"])
def test_a_file_that_is_no_settings_file_is_left_alone(broken: str) -> None:
    """It is named with its line, and nobody guesses what was meant."""
    with pytest.raises((Invalid, Refused), match=FILE):
        with_level(broken.encode(), FixLevel.MODERATE, SETTINGS)


def test_the_order_is_in_the_ledger_and_the_commit_on_the_branch(world: World) -> None:
    """Who gave it, from which level to which, and the commit that it became."""
    run = world.loop().run
    change = set_level(FixLevel.AGGRESSIVE, SETTINGS, run, by=ROSA, propose=False)
    assert (change.before, change.after, change.commit) == (
        FixLevel.CONSERVATIVE,
        FixLevel.AGGRESSIVE,
        world.head("main"),
    )
    (note,) = [entry for entry in world.entries() if entry.kind is EntryKind.NOTE]
    assert (note.actor, note.reason) == (ROSA, "auto-fix level conservative → aggressive, by commit")
    author, files, _ = world.commits()[-1]
    assert (author, files) == ("Clockwork", frozenset({FILE}))


def test_a_level_that_is_in_force_writes_nothing(world: World) -> None:
    """Neither the branch nor the ledger moves."""
    head = world.head("main")
    change = set_level(FixLevel.CONSERVATIVE, SETTINGS, world.loop().run, by=ROSA, propose=False)
    assert change.text() == "The auto-fix level is conservative already; nothing was written."
    assert (world.head("main"), world.entries()) == (head, ())


def test_a_halt_holds_for_the_level_too(world: World) -> None:
    """While everything is halted nothing is written, whoever asks."""
    from bot.flows.commands import record_order

    run = world.loop().run
    record_order(run, EntryKind.HALT, reason="audit")
    with pytest.raises(Refused, match="audit"):
        set_level(FixLevel.AGGRESSIVE, SETTINGS, run, by=ROSA, propose=False)


def test_a_lost_race_is_run_again(world: World) -> None:
    """Somebody pushes between the look and the push; the level is set on what they pushed."""
    run = world.loop().run
    moved: list[str] = []

    def by_hand() -> str:
        if not moved:
            moved.append(world.commit_by_hand("main"))
        return f"{len(moved):032x}"

    change = set_level(FixLevel.MODERATE, SETTINGS, replace(run, new_id=by_hand), by=ROSA, propose=False)
    assert run.repository.is_ancestor(moved[0], change.commit or "")


def test_a_protected_branch_names_the_other_way(world: World) -> None:
    """The refusal of the server comes with the pull request as advice."""
    run = world.loop(declined=True).run
    with pytest.raises(Refused, match="protected") as refused:
        set_level(FixLevel.MODERATE, SETTINGS, run, by=ROSA, propose=False)
    assert refused.value.advice == "Propose it with --pull-request."


@pytest.mark.slow
def test_a_pull_request_is_opened_once_and_taken_over_never(stage: Stage) -> None:
    """Asked twice there is one pull request, which says the newer level; a person's commit on its branch is not lost."""
    run = open_loop(stage.options(), clock=stage.clock).run
    first = set_level(FixLevel.AGGRESSIVE, SETTINGS, run, by=ROSA, propose=True)
    second = set_level(FixLevel.MODERATE, SETTINGS, run, by=ROSA, propose=True)
    (pull,) = stage.pulls("open")
    assert first.number == second.number == pull["number"]
    assert pull["title"] == "Auto-fix level: conservative → moderate"
    assert "rosa asked for it" in pull["body"]
    assert second.url == pull["html_url"]
    assert "level" not in stage.file(FILE)
    stage.tick()
    assert stage.pulls("open"), "a run does not close what it did not propose"
    stage.edit(FILE, lambda text: text + "# mine\n", branch=BRANCH)
    with pytest.raises(Refused, match="somebody else committed"):
        set_level(FixLevel.DISABLED, SETTINGS, run, by=ROSA, propose=True)


def test_without_a_code_host_there_is_no_pull_request(world: World, tmp_path: Path) -> None:
    """That is said, with the way that remains."""
    run = replace(world.loop().run, host=None)
    with pytest.raises(Invalid, match="no code host"):
        set_level(FixLevel.MODERATE, SETTINGS, run, by=ROSA, propose=True)
