"""META-002: exceptions that last longer, and agents and assistants that become others, are told."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.guardrails.changes import file, fire
from tests.table import table

BASELINE = "policies/guardrails/baseline.yaml"
ENTRY = "findings:\n- {fingerprint: 'aa11', rule: SEC-001, reason: known, until: 2026-03-01}\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("2026-03-01", "2026-03-02", "lasts until 2026-03-02 instead of 2026-03-01"),
        (", until: 2026-03-01", "", "never ends any more"),
        ("SEC-001", "SEC-003", "is about another rule than SEC-001"),
    ],
)
def test_an_exception_that_accepts_more_is_told(old: str, new: str, told: str) -> None:
    """On its line; the way back is quiet, but for the rule, which is another one again."""
    (hit,) = fire("META-002", file(BASELINE, ENTRY, ENTRY.replace(old, new)))
    assert told in hit.message
    assert hit.line == 2
    assert len(fire("META-002", file(BASELINE, ENTRY.replace(old, new), ENTRY))) == ("SEC" in old)


@pytest.mark.parametrize(
    "after", [ENTRY, ENTRY.replace("known", "well known"), f"# why\n{ENTRY}", "findings: []\n", None]
)
def test_an_exception_that_accepts_no_more_is_quiet(after: str | None) -> None:
    """Another reason or comment, or none of it."""
    assert fire("META-002", file(BASELINE, ENTRY, after)) == []


def test_a_file_that_comes_to_be_the_baseline_accepts_all_that_it_says() -> None:
    """It said so before under another name, where it counted for nothing."""
    (hit,) = fire("META-002", file(BASELINE, ENTRY, ENTRY, "notes/accepted.yaml"))
    assert "was not the baseline before" in hit.message
    more = ENTRY + "- {fingerprint: 'bb22', rule: SEC-003, reason: known}\n"
    assert len(fire("META-002", file(BASELINE, ENTRY, more, "notes/accepted.yaml"))) == 2


SETTINGS = """version: 1
guard:
  agents: {robo-*: robo, auto: pilot}
  assistants:
    - {kind: claude, model: large, timeout: 60}
    - {kind: command, name: own, command: [review, --all], readable: [/opt/review]}
    - {kind: guesser, options: {depth: 1, words: [a, b]}}
"""


@table(
    ("old", "new", "told"),
    [
        ("robo-*: robo", "robo-*: tame", "'robo-*' for 'tame' instead of 'robo'"),
        ("{robo-*: robo", "{'*': tame, robo-*: robo", "'robo-*' for 'tame' instead of 'robo'"),
        ("{robo-*: robo, auto: pilot}", "{auto: pilot, 'ro*': tame, robo-*: robo}", "'robo-*' for 'tame'"),
        ("model: large", "model: small", "claude is another one: its model changed"),
        ("timeout: 60", "base_url: 'https://x'", "claude is another one: its base_url changed"),
        ("timeout: 60", "key_env: OTHER_KEY", "claude is another one: its key_env changed"),
        ("[review, --all]", "['true']", "own is another one: its command changed"),
        ("[review, --all]", "[review]", "own is another one: its command changed"),
        ("[/opt/review]", "[/opt/review, /etc]", "own is another one: its readable changed"),
        ("depth: 1", "depth: 0", "guesser is another one: its options changed"),
        ("depth: 1", "depth: true", "guesser is another one: its options changed"),
        ("kind: claude", "kind: codex, name: claude", "claude is another one: its kind changed"),
    ],
)
def test_another_agent_or_assistant_by_the_same_name_is_told(old: str, new: str, told: str) -> None:
    """Whatever decides which document counts, who answers, or what it may read."""
    hits = fire("META-002", file("clockwork.yaml", SETTINGS, SETTINGS.replace(old, new)))
    assert any(told in hit.message for hit in hits)
    assert all(hit.line is not None and 1 < hit.line <= SETTINGS.count("\n") + 1 for hit in hits)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout: 60", "timeout: 90"),
        ("auto: pilot", "auto: pilot, '*': rest"),
        ("{robo-*: robo, auto: pilot}", "{auto: pilot, robo-*: robo}"),
        ("{kind: claude, model: large", "{model: large, kind: claude"),
        ("[review, --all]", '["review", "--all"]'),
        ("timeout: 60", "timeout: 60, required: true"),
    ],
)
def test_the_same_agents_and_assistants_are_quiet(old: str, new: str) -> None:
    """In another order or notation, with more patience, or with more for others."""
    assert fire("META-002", file("clockwork.yaml", SETTINGS, SETTINGS.replace(old, new))) == []


def test_options_that_unfold_to_too_much_are_another_assistant() -> None:
    """Aliases of aliases are told, and not written out; what unfolds without end is as if there were no settings."""
    for letters, room, told in (
        ("abcdefghijklm", 20_000, "guesser is another one: its options changed"),
        ("abcdefghijklmnopqrstuvwxyz", 0, "The settings of the guard are taken away"),
    ):
        laughs = ", ".join(f"{letter}: &{letter} [*{before}, *{before}]" for before, letter in pairwise(letters))
        after = SETTINGS.replace("depth: 1", f"a: &a [1, 1], {laughs}") + f"# {'x' * room}\n"
        (hit,) = fire("META-002", file("clockwork.yaml", SETTINGS, after))
        assert told in hit.message


def test_broken_settings_and_foreign_files_are_none_of_this() -> None:
    """What is taken away is told by other parts of the rule."""
    broken = fire("META-002", file("clockwork.yaml", SETTINGS, "guard: [\n"))
    assert all("another one" not in hit.message for hit in broken)
    assert fire("META-002", file("docs/settings.yaml", SETTINGS, SETTINGS.replace("large", "small"))) == []
