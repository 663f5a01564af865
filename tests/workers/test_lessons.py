"""From a spike to a merged guardrail and back into the report: on real commits, a real ledger and a code host in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.flows.commands import record_order
from bot.flows.lesson import branch_for, propose_lesson
from bot.flows.ownership import own_tip
from bot.guardrails.rulebook import load
from bot.model.codehost import ItemState
from bot.model.ledger import EntryKind
from bot.model.session import Session
from bot.sessions.sql import SqlSessions
from bot.wiring.learning import school
from bot.wiring.repository import Options, open_repository
from bot.workers.control import insights_json
from bot.workers.lessons import School
from bot.workers.work import Worker, Workers, work
from tests.flows.world import World
from tests.sessions.samples import finding, session
from tests.workers.test_work import INTERVALS, Branch, Hours

PATH = "policies/guardrails/learned/security.md"


@dataclass
class Project:
    """A world whose pull requests were judged. ``failing`` of them switch verification off."""

    world: World
    workers: Workers
    store: SqlSessions
    numbers: Iterator[int]

    def judged(self, *, failing: bool, at: datetime) -> Session:
        """A pull request that was pushed and judged at ``at``; its record is kept."""
        number = next(self.numbers)
        human = self.world.human
        base = human.head("main")
        assert base is not None
        call = f"r = requests.get(url_{number}, timeout={number}{', verify=False' if failing else ''})"
        text = f"import requests\n\n{call}\nprint(r)\n".encode()
        head = human.commit(base, {f"app/client{number}.py": text}, message="Client", at=at)
        human.push(f"change-{number}", head, expected=None)
        bad = replace(finding(), file=f"app/client{number}.py", line=3, suggestion="Leave verification on.")
        record = session(number, at=at, head=head, base=base, findings=(bad,) if failing else ())
        record = replace(record, number=number, milliseconds=100)
        self.store.write([record])
        return record

    def spike(self, at: datetime) -> None:
        """Twelve failures within a day, and twenty-four clean runs."""
        self.world.human.fetch()
        for index in range(36):
            self.judged(failing=index % 3 == 0, at=at - timedelta(minutes=10 * index))

    def analyse(self) -> str:
        """What the analysis says."""
        return work(Worker.ANALYSIS, self.workers).summary


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    world = World(tmp_path)
    store = SqlSessions(f"sqlite:///{tmp_path}/sessions.db")
    opened = open_repository(Options(repo=str(world.bare)))
    real = school(opened)
    assert real is not None
    run = world.loop().run

    def change_of(record: Session) -> object:
        if opened.repository.resolve(record.head) is None:
            opened.repository.fetch()
        return real.change_of(record)

    taught = School(change_of, lambda lesson: propose_lesson(lesson, run), real.merged)  # type: ignore[arg-type]
    workers = Workers(store, Branch(), Hours(world.clock.at), INTERVALS, school=taught)
    return Project(world, workers, store, itertools.count(1))


def notes(project: Project) -> list[str]:
    return [each["outcome"] for each in insights_json(project.workers.memory.saved())["lessons"]]  # type: ignore[union-attr,index,call-overload,misc]  # JSON


def test_a_spike_becomes_one_pull_request(project: Project) -> None:
    """It holds the document alone, says how the guardrail did on changes it had not seen, and comes once."""
    project.spike(project.world.clock.at)
    assert "Guardrail for security: proposed." in project.analyse()
    (pull,) = project.world.desk.pulls()
    assert (pull.head_ref, pull.title) == ("clockwork/learned-security", "Learned guardrail: security")
    assert "- `verify=False`\n" in pull.body
    assert "| with such a failure | 6 | **6** |" in pull.body
    assert "| clean | 12 | **0** |" in pull.body
    human = project.world.human
    human.fetch()
    main, head = human.head("main"), human.head(branch_for("security"))
    assert main is not None
    assert head is not None
    assert [each.path for each in human.changed(main, head)] == [PATH]
    data = human.read(head, PATH)
    assert data is not None
    assert load({PATH: data}, shipped={}).errors == ()
    assert any("proposed a learned guardrail" in entry.reason for entry in project.world.entries())
    assert "Guardrail" not in project.analyse()
    assert notes(project) == ["proposed"]


def test_a_refused_proposal_does_not_come_again(project: Project) -> None:
    """Closing it says no for good, also when the next day spikes again; open, it is not opened twice."""
    project.spike(project.world.clock.at)
    project.analyse()
    (pull,) = project.world.desk.pulls()
    assert isinstance(project.workers.clock, Hours)
    for close in (False, True):
        if close:
            project.world.close_by_hand(pull.number)
        project.workers.clock.at += timedelta(days=9)
        project.spike(project.workers.clock.at)
        assert "proposed before, not proposed again" in project.analyse()
    assert [item.number for item in project.world.desk.everything()] == [pull.number]


def test_nothing_is_proposed_while_halted_or_on_a_strange_branch(project: Project) -> None:
    """A halt holds it back, and so does a branch of that name that somebody else made; both are told."""
    project.spike(project.world.clock.at)
    run = project.world.loop().run
    record_order(run, EntryKind.HALT, reason="stop")
    assert "not proposed: nothing is written: Halted" in project.analyse()
    record_order(run, EntryKind.RESUME, reason="go")
    human = project.world.human
    human.fetch()
    main = human.head("main")
    assert main is not None
    human.push(branch_for("security"), main, expected=None)
    run.repository.fetch()
    assert own_tip(branch_for("security"), run) == main  # what the branch to keep has already is nobody's work
    theirs = human.commit(main, {"mine.txt": b"mine\n"}, message="Mine", at=project.world.clock.at)
    human.push(branch_for("security"), theirs, expected=main)
    assert isinstance(project.workers.clock, Hours)
    project.workers.clock.at += timedelta(days=1, minutes=1)
    project.spike(project.workers.clock.at)
    project.analyse()
    assert "somebody else committed to clockwork/learned-security" in notes(project)[0]
    assert project.world.desk.pulls() == []


def test_after_the_merge_the_report_says_whether_it_helped(project: Project) -> None:
    """Failures per 100 runs before and after the day it came to the branch; its own findings are not counted."""
    project.spike(project.world.clock.at)
    project.analyse()
    human, desk = project.world.human, project.world.desk
    human.fetch()
    main, head = human.head("main"), human.head(branch_for("security"))
    assert main is not None
    assert head is not None
    data = human.read(head, PATH)
    merged_at = project.world.clock.at + timedelta(hours=1)
    human.push("main", human.commit(main, {PATH: data}, message="Merge", at=merged_at), expected=main)
    desk.items[1] = replace(desk.items[1], state=ItemState.MERGED)
    later = merged_at + timedelta(hours=1)
    for index in range(20):
        project.judged(failing=index == 0, at=later + timedelta(minutes=index))
    own = session(999, at=later, findings=(finding("learned-security"),))
    project.store.write([own])
    assert isinstance(project.workers.clock, Hours)
    project.workers.clock.at = later + timedelta(hours=2)
    workers = replace(project.workers, published=lambda _path: None)
    work(Worker.EXPORT, workers)
    assert isinstance(workers.publish, Branch)
    text = workers.publish.files["AI_Failure_Modes.md"].decode()
    (row,) = [line for line in text.splitlines() if line.startswith("| `learned-security`")]
    assert row.endswith("| 33 (n = 36) | 4.8 (n = 21) | down by 86% |")
    assert "a guardrail was learned already" not in " ".join(notes(project))


def test_a_change_that_is_gone_teaches_nothing(project: Project) -> None:
    """Records outlive branches: what cannot be read any more is left out, and too little of it is said."""
    at = project.world.clock.at
    project.store.write([session(n, at=at - timedelta(minutes=n), head=f"{n:040x}") for n in range(1, 13)])
    assert "nothing was learned: 0 failed changes can be read" in project.analyse()


@pytest.mark.parametrize("category", ["meta", "system", "assistant"])
def test_rules_about_rules_are_never_learned(project: Project, category: str) -> None:
    """A proposal changes guardrails, which is a finding of that category itself: it must not lead to the next."""
    at = project.world.clock.at
    bad = replace(finding("META-001"), category=category)
    project.store.write([session(n, at=at - timedelta(minutes=n), findings=(bad,)) for n in range(1, 13)])
    summary = project.analyse()
    assert f"Spike in category {category}" in summary
    assert "Guardrail for" not in summary
