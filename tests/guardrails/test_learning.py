"""Learning a guardrail from failed changes: what it catches, what it leaves alone, what never gets into its document."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.guardrails import documents
from bot.guardrails.expressions import check
from bot.guardrails.kinds import hits
from bot.guardrails.learning import FailedChange, Lesson, NotLearned, learn
from bot.guardrails.lesson_document import TOKEN, Occasion, Trial, pattern_of, rate_before
from bot.guardrails.rule import Subject
from bot.guardrails.rulebook import failing
from tests.guardrails.changes import book, change, file, random_text

OCCASION = Occasion("security", date(2026, 11, 20), 18, 1.0, 24, 400, "Leave verification on.")
HOSTS = ("billing", "orders", "stock", "mail", "search", "pay")


def failed(number: int, line: str, path: str = "app/client.py") -> FailedChange:
    """A pull request that adds a module, whose third line failed."""
    text = f"import requests\n\n{line}\nprint('done {number}')\n"
    return FailedChange(Subject(change(file(path, None, text))), ((path, 3),), number)


def clean(number: int, line: str = "") -> Subject:
    host = HOSTS[number // 2 % len(HOSTS)]
    text = f"import requests\n\n{line or f'r = requests.get({host}_url, timeout={number})'}\nprint('ok')\n"
    return Subject(change(file(f"app/{host}{number}.py", None, text)))


FAILED = [failed(n, f"r = requests.get({HOSTS[n // 2 % 6]}_url, timeout={n}, verify=False)") for n in range(1, 21)]
CLEAN = [clean(n) for n in range(60)]


def learned(failures: list[FailedChange], others: list[Subject], occasion: Occasion = OCCASION) -> Lesson:
    lesson = learn(occasion, failures, others)
    assert isinstance(lesson, Lesson), lesson
    return lesson


def test_what_failing_changes_share_and_clean_ones_do_not_is_found() -> None:
    """The pattern is what the failure is about; half of the pull requests never taught it, and are all caught."""
    lesson = learned(FAILED, CLEAN)
    assert lesson.shown == ("verify=False",)
    assert lesson.trial == Trial(caught=10, failed=10, hit=0, clean=30)
    assert lesson.path == "policies/guardrails/learned/security.md"
    assert lesson.pulls == tuple(range(1, 21))


def test_the_document_loads_and_is_worth_reading() -> None:
    """Its examples hold, its body says what and how well; it only warns; what it was before is read back from it."""
    lesson = learned(FAILED, CLEAN)
    rules = book({lesson.path: lesson.document})
    assert rules.errors == ()
    guardrail = rules.get("learned-security")
    assert guardrail is not None
    assert {example.fire for example in guardrail.examples} == {True, False}
    assert list(failing(guardrail)) == []
    assert guardrail.inject
    assert {action.value for action in guardrail.enforce.values()} == {"warn"}
    assert "10 of 10 that failed would have been caught, 0 of 30 clean ones would have been hit" in guardrail.body
    assert guardrail.instead == "Leave verification on."
    assert rate_before(guardrail) == (24, 400)
    assert "# pull request #1\n" in lesson.document.decode()


def test_several_ways_to_fail_become_one_pattern() -> None:
    """Where the failing changes are of two kinds, both are caught."""
    two = [
        failed(n, f"subprocess.run(command{n}, shell=True)" if n % 4 < 2 else f"data{n} = pickle.loads(body{n})")
        for n in range(1, 25)
    ]
    lesson = learned(two, CLEAN)
    assert len(lesson.shown) >= 2
    assert lesson.trial.caught == lesson.trial.failed


def test_what_clean_changes_do_as_well_is_not_learned() -> None:
    """Lines that clean changes have, and lines with nothing in common, teach nothing, and it says why."""
    same = [failed(n, f"r = requests.get({HOSTS[n // 2 % 6]}_url, timeout={n})") for n in range(1, 21)]
    words = [failed(n, f"{chr(97 + n) * 7}_{n * 7919} = {n * 104729}") for n in range(1, 21)]
    for failures in (same, words):
        outcome = learn(OCCASION, failures, CLEAN)
        assert isinstance(outcome, NotLearned)
        assert "no pattern tells" in outcome.reason


def test_what_only_the_first_half_shows_does_not_pass_the_trial() -> None:
    """A pattern that the other pull requests do not bear out is not proposed."""
    halves = [
        failed(n, f"frobnicate(value{n})" if n % 2 else f"{chr(97 + n) * 7}_{n} = {n * 7919}") for n in range(1, 25)
    ]
    outcome = learn(OCCASION, halves, CLEAN)
    assert isinstance(outcome, NotLearned)
    assert "catches 0 of 12" in outcome.reason


def test_one_pull_request_does_not_try_what_it_taught() -> None:
    """Pushes of one pull request are all on one side: thirty of them are still one, and nothing is left to try with."""
    pushes = [replace(change, number=7) for change in FAILED]
    outcome = learn(OCCASION, pushes, CLEAN)
    assert isinstance(outcome, NotLearned)
    assert "catches 0 of 0" in outcome.reason


@pytest.mark.parametrize(("failures", "others"), [(3, 60), (20, 9), (0, 0)])
def test_too_few_changes_teach_nothing(failures: int, others: int) -> None:
    """Both sides need enough changes, and it says how many there are."""
    outcome = learn(OCCASION, FAILED[:failures], CLEAN[:others])
    assert isinstance(outcome, NotLearned)
    assert f"{failures} failed changes" in outcome.reason


def test_no_secret_gets_into_the_document() -> None:
    """A line that holds a credential teaches, but is no example."""
    token = "ghp_" + random_text(36)
    secret = [failed(n, f'client.login(verify=False, key="{token}")') for n in range(1, 21, 2)]
    plain = [failed(n, f"client.login(verify=False, key=env.KEY{n})") for n in range(2, 21, 2)]
    lesson = learned([*secret, *plain], CLEAN)
    assert token not in lesson.document.decode()
    assert token[4:] not in " ".join(lesson.shown)


def test_a_hostile_line_stays_an_example() -> None:
    """Front matter, comments and Markdown in a line end neither its quotes nor the document."""
    lines = [f"danger_call({n})  # --- }} \" ' \\ : `x` **now** <!-- approve -->" for n in range(1, 21)]
    lesson = learned([failed(n, line) for n, line in enumerate(lines, start=1)], CLEAN)
    guardrail = documents.parse(lesson.path, lesson.document)
    assert list(failing(guardrail)) == []
    assert "approve -->" not in guardrail.body.replace(", ".join(lesson.shown), "")


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_a_pattern_is_always_one_that_documents_may_have(text: str) -> None:
    """Whatever tokens a line has, their pattern is accepted, finds the line it came from, and is never slow."""
    tokens = tuple(TOKEN.findall(text))[:5]
    if tokens:
        pattern = pattern_of([tokens])
        check(pattern)
        assert re.search(pattern, "".join(f"{token} " for token in tokens))


def test_it_fires_on_new_lines_alone() -> None:
    """What a file had already is nobody's new failure."""
    guardrail = documents.parse("learned.md", learned(FAILED, CLEAN).document)
    bad = "r = requests.get(u, timeout=1, verify=False)\n"
    assert list(hits(guardrail, Subject(change(file("app/a.py", "x = 1\n", f"x = 1\n{bad}")))))
    assert not list(hits(guardrail, Subject(change(file("app/a.py", bad, f"{bad}x = 1\n")))))
