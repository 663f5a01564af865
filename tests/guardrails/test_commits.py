"""What one commit writes and a later one takes away again is told with the commit: whoever fetches the branch has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.guardrails.rule import ChangeFacts, Hit, PastCommit
from bot.model.finding import FileChange
from tests.guardrails.changes import file, fire
from tests.guardrails.test_places import Maker

MADE: dict[str, tuple[str, str, Callable[[Maker], str]]] = {
    "a token": ("SEC-001", "a.py", lambda make: f"k = 'gh{'p_'}{make(36)}'\n"),
    "base64": ("SEC-001", "a.yaml", lambda make: f"k: {make.encoded(f'glpat-{make.drawn(20)}')}\n"),
    "an assignment": ("SEC-002", "a.py", lambda make: f"db_password = 'Q7x!{make(16)}'\n"),
    "an option": ("SEC-002", "a.sh", lambda make: f"sshpass -p Q7x{make(16)} ssh a@b\n"),
    "a Secret": (
        "SEC-002",
        "a.yaml",
        lambda make: f"kind: Secret\nmetadata: {{name: a}}\ndata: {{k: {make.encoded(f'Q7x!{make.drawn(14)}')}}}\n",
    ),
    "a URL": ("SEC-003", "a.py", lambda make: f"U = 'postgres://app:Q7x{make(16)}@db.internal/x'\n"),
}


def told(rule: str, path: str, *texts: str | None) -> list[Hit]:
    """What a rule says of commits that give a file one text after the other."""
    steps = [file(path, old, new) for old, new in zip((None, *texts), texts, strict=False)]
    commits = tuple(PastCommit(f"{number:040x}", (step,)) for number, step in enumerate(steps, start=1))
    whole: list[FileChange] = (
        [file(path, None, texts[-1])] if texts[-1] is not None else [file("b.py", None, "x = 1\n")]
    )
    return fire(rule, *whole, facts=ChangeFacts(commits=commits))


@pytest.mark.parametrize("name", MADE)
def test_what_was_taken_away_again_is_told_with_its_commit(name: str) -> None:
    """Once, without the secret, and on the file where it is still there."""
    rule, path, write = MADE[name]
    make = Maker(8)
    text = write(make)
    for last, place in (("", path), (None, None)):
        hits = told(rule, path, "x: 1\n", text, last)
        assert [hit.file for hit in hits] == [place]
        assert f"commit 000000000000, {path}:" in hits[0].message
        assert (hits[0].line is None) == (place is None)
        assert all(make.secret not in f"{hit.message} {hit.evidence}" for hit in hits)


@pytest.mark.parametrize("name", MADE)
def test_what_is_still_there_is_told_once(name: str) -> None:
    """As a part of the change, which says where it stands."""
    rule, path, write = MADE[name]
    text = write(Maker(8))
    hits = told(rule, path, "x: 1\n", text, text)
    assert [(hit.file, "commit" in hit.message) for hit in hits] == [(path, False)]
