"""People are told what runs find: once, whatever is restarted, and nothing while nobody can know."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import Refused, Unavailable
from bot.flows.commands import Orders, halt, resume
from bot.flows.conditions import Blocked
from bot.flows.notify import Finding, Teller, tell
from bot.flows.reconcile import tick
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.codehost import ItemState
from bot.model.ledger import Actor
from bot.model.notice import Announcement, Delivery, DeliveryResult
from bot.model.proposal import Tick
from bot.model.severity import Severity
from bot.notices.routing import Directory, NoticeRoute, Subscriber
from bot.observers.gather import gather
from bot.observers.snapshot import SnapshotObserver
from bot.ports import Ledger
from bot.receivers.composer import Composer
from bot.receivers.deliveries import Deliveries
from bot.receivers.webhook import WebhookReceiver
from bot.shipped import folder
from tests.flows.world import World
from tests.receivers.inbox import Inbox, inbox

SHIPPED = (folder("templates") / "notification.txt.j2").read_text("utf-8")
TITLE = "Service/shop/web: ports[80/TCP] removed, ports[8080/TCP] added"
PORT = ["drift.new", "drift.new", "pull.opened"]
"""What another port of a service comes to: one that is gone, one that is new, and their pull request."""
EVERYTHING = Directory((NoticeRoute(("team",)),), (Subscriber("team"),))


@dataclass
class Office:
    """A world with receivers, real or in memory, and tellers that begin with nothing but the ledger."""

    world: World
    directory: Directory = EVERYTHING
    result: DeliveryResult = DeliveryResult.DELIVERED
    messages: list[tuple[str, Announcement]] = field(default_factory=list)
    readers: Any = field(default_factory=lambda: itertools.count(1))

    def ledger(self) -> GitLedger:
        """The ledger as a fresh process opens it."""
        return GitLedger(str(self.world.bare), self.world.directory / f"teller{next(self.readers)}")

    def teller(self, ledger: Ledger | None = None) -> Teller:
        """A fresh process that tells."""
        return Teller(
            repository="acme/shop",
            ledger=ledger or self.ledger(),
            limits=self.world.limits,
            directory=self.directory,
            compose=Composer(SHIPPED).compose,
            deliver=self.deliver,
            clock=self.world.clock,
            actor=Actor("clockwork"),
            new_id=lambda: f"f{next(self.world.ids):031x}",
        )

    def deliver(self, messages: Mapping[str, Announcement]) -> Mapping[str, Delivery]:
        """Keeps them, with the result that was asked for."""
        self.messages += messages.items()
        return {name: Delivery(name, self.result) for name in messages}

    def told(self, finding: Finding, teller: Teller | None = None) -> list[tuple[str, str]]:
        """What people hear because of a finding: event and text."""
        before = len(self.messages)
        tell(finding, teller or self.teller())
        return [(str(each.event), each.text) for _, message in self.messages[before:] for each in message.notices]

    def run(self) -> list[tuple[str, str]]:
        """One run of the bot and what people hear of it, each from a fresh process."""
        return self.told(self.world.tick(self.world.loop(fresh=True)))


@pytest.fixture
def office(world: World) -> Office:
    """A world where everything is told to the team."""
    return Office(world)


def events(told: list[tuple[str, str]]) -> list[str]:
    """The events alone."""
    return [event for event, _ in told]


def test_drift_and_its_pull_request_are_told_once_and_so_is_their_end(office: Office) -> None:
    """New drift and its pull request; nothing while it stands, from whichever process; its end when it is restored."""
    assert office.run() == []
    office.world.config_drift("web", 8080)
    first = office.run()
    assert first == [
        ("drift.new", "Service/shop/web: ports[80/TCP] removed"),
        ("drift.new", "Service/shop/web: ports[8080/TCP] added"),
        ("pull.opened", f'Opened PR #1 "{TITLE}"'),
    ]
    assert office.run() == []
    office.world.restore()
    assert events(office.run()) == ["drift.closed", "drift.closed", "pull.closed"]
    assert office.run() == []


def test_a_quiet_run_writes_nothing(office: Office) -> None:
    """Without news and without anything due the ledger stays as it is."""
    office.run()
    before = office.ledger().read().tip
    office.run()
    assert office.ledger().read().tip == before


@pytest.mark.parametrize(
    ("state", "event", "word"),
    [(ItemState.MERGED, "pull.merged", "merged"), (ItemState.CLOSED, "pull.rejected", "closed, which rejects it")],
)
def test_what_people_do_with_a_pull_request(office: Office, state: ItemState, event: str, word: str) -> None:
    """Merging and closing are told apart."""
    office.world.config_drift("web", 8080)
    office.run()
    office.world.desk.items[1] = replace(office.world.desk.items[1], state=state)
    told = [text for name, text in office.run() if name == event]
    assert told == [f'PR #1 "{TITLE}" was {word}']


def test_a_runbook_issue(office: Office) -> None:
    """It is told when it is opened and when it is closed."""
    office.world.delete_claim("web")
    assert events(office.run()) == ["drift.new", "issue.opened"]
    office.world.restore()
    assert events(office.run()) == ["drift.closed", "issue.closed"]


def test_a_commit_ends_its_drift_in_the_next_run(office: Office) -> None:
    """What was adopted is drift that is over."""
    office.world.safe_drift("web", 6)
    assert events(office.run()) == ["drift.new"]
    assert events(office.run()) == ["drift.closed"]


def test_what_was_not_looked_at_is_not_over(office: Office) -> None:
    """An observer that cannot look ends no drift."""
    office.world.config_drift("web", 8080)
    office.run()
    office.world.restore()
    nobody = SnapshotObserver("http://127.0.0.1:1/live.json")
    loop = replace(
        office.world.loop(fresh=True), observe=lambda _target, declared, now: gather((nobody,), declared, now=now)
    )
    blind = tick(loop)
    assert blind.report.unreachable
    assert "drift.closed" not in events(office.told(blind))
    assert "drift.closed" in events(office.run())


def test_halt_and_resume(office: Office) -> None:
    """Both are told, with who and why."""
    loop = office.world.loop(fresh=True)
    orders = Orders(loop.run, loop.declarer, Actor("rosa", 1))
    halt(orders, reason="the audit")
    assert office.run() == [("halt", "Halted by rosa: the audit")]
    assert office.run() == []
    resume(orders, reason="done")
    assert office.run() == [("resume", "Resumed")]


def test_a_field_that_is_fought_over(office: Office) -> None:
    """The breaker is told once, while the field keeps coming back."""
    told = []
    for number in range(6):
        office.world.safe_drift("web", 6 + number)
        told += events(office.run())
        office.world.clock.move(hours=1)
    assert told.count("breaker") == 1


def test_a_run_that_fails_and_recovers(office: Office) -> None:
    """The failure is told once for as long as it lasts, then that it is over."""
    failed = Unavailable("https://x-access-token:ghp_0123456789abcdefghij0123456789abcdef@github.com is down")
    told = office.told(failed)
    assert events(told) == ["run.failed"]
    assert "ghp_" not in told[0][1]
    assert office.told(failed) == []
    assert events(office.run()) == ["run.recovered"]


class Unreadable:
    """A ledger that cannot be asked, as where the remote is gone."""

    def read(self) -> Any:
        raise Unavailable("the remote is gone")

    def append(self, *_: object) -> Any:
        raise AssertionError("nothing is written where nothing can be read")

    append_with = append


def test_without_a_ledger_a_process_remembers_by_itself(office: Office) -> None:
    """It tells of the failure once, and by the ledger that it is over, once it is."""
    blind = office.teller(Unreadable())
    failed = Unavailable("the remote is gone")
    assert office.told(failed, blind) == [("run.failed", "Run failed: the remote is gone")]
    assert office.told(failed, blind) == []
    seeing = replace(blind, ledger=office.ledger())
    done = office.world.tick(office.world.loop(fresh=True))
    assert events(office.told(done, seeing)) == ["run.recovered"]
    assert office.told(done, seeing) == []


def test_nothing_is_written_on_a_ledger_that_a_run_mistrusts(office: Office) -> None:
    """A run that was blocked, and not by a person, is told without the ledger."""
    office.run()
    before = office.ledger().read().tip
    done = office.world.tick(office.world.loop(fresh=True))
    blocked = replace(done, blocked="Nothing was written: the ledger was rewound")
    told = office.told(blocked)
    assert told == [("run.failed", "Run failed: Nothing was written: the ledger was rewound")]
    assert office.ledger().read().tip == before


def test_a_verdict_that_blocks(office: Office) -> None:
    """Once for each head that was judged."""
    verdict = Blocked(7, "Open the door", "https://example.com/7", "abc")
    assert office.told(verdict) == [("verdict.blocked", "PR #7 is blocked by the guardrails: Open the door")]
    assert office.told(verdict) == []
    assert events(office.told(replace(verdict, head="def"))) == ["verdict.blocked"]


class ReadOnly(GitLedger):
    """The real one, with a token that may only read."""

    def append(self, view: Any, entries: Any) -> Any:
        raise Refused(f"{len(entries)} entries were not taken at {view.tip}: the token may only read")


def test_a_verdict_where_nothing_may_be_written(office: Office) -> None:
    """A job that may only read tells of it all the same, and of nothing else."""
    reading = ReadOnly(str(office.world.bare), office.world.directory / "reading")
    teller = office.teller(reading)
    verdict = Blocked(7, "Open the door", "https://example.com/7", "abc")
    assert events(office.told(verdict, teller)) == ["verdict.blocked"]
    office.world.config_drift("web", 8080)
    with pytest.raises(Refused, match="may only read"):
        office.told(office.world.tick(office.world.loop(fresh=True)), teller)
    assert len(office.messages) == 1
    assert events(office.told(verdict, office.teller(Unreadable()))) == ["verdict.blocked"]


def test_nobody_is_told_what_no_route_wants_and_the_ledger_does_not_grow(office: Office) -> None:
    """A route for what is critical leaves no note of the rest; one for ends alone needs the beginning."""
    office.directory = Directory((NoticeRoute(("team",), severity=Severity.CRITICAL),), (Subscriber("team"),))
    office.world.config_drift("web", 8080)
    assert office.run() == []
    assert not [entry for entry in office.world.entries() if "subject" in entry.detail]
    office.directory = Directory((NoticeRoute(("team",), events=("drift.closed",)),), (Subscriber("team"),))
    assert office.run() == []
    office.world.restore()
    assert set(events(office.run())) == {"drift.closed"}


def test_of_two_that_tell_at_once_one_does(office: Office) -> None:
    """The ledger takes one of two claims; the other process finds nothing to tell."""
    office.world.config_drift("web", 8080)
    done = office.world.tick(office.world.loop(fresh=True))
    ledger, rival = office.ledger(), office.teller()

    class Late(GitLedger):
        """The real one, read just before a rival tells."""

        def read(self) -> Any:
            view = ledger.read()
            if not office.messages:
                tell(done, rival)
            return view

        def append(self, view: Any, entries: Any) -> Any:
            return ledger.append(view, entries)

    late = Late(str(office.world.bare), office.world.directory / "late")
    tell(done, office.teller(late))
    assert [len(message.notices) for _, message in office.messages] == [3]


def test_a_refused_message_is_sent_again_with_what_came_since(office: Office) -> None:
    """Not at once, and together with the news; afterwards not again."""
    office.result = DeliveryResult.FAILED
    office.world.config_drift("web", 8080)
    assert events(office.run()) == PORT
    office.result = DeliveryResult.DELIVERED
    assert office.run() == []
    office.world.clock.move(minutes=2)
    office.world.config_drift("api", 8080)
    assert sorted(events(office.run())) == sorted(PORT * 2)
    assert office.run() == []


def test_what_may_not_have_arrived_is_said_in_the_next_message(office: Office) -> None:
    """Who gave no answer is told how many messages were at stake, and not their content again."""
    office.result = DeliveryResult.UNANSWERED
    office.world.config_drift("web", 8080)
    office.run()
    office.result = DeliveryResult.DELIVERED
    office.world.config_drift("api", 8080)
    assert events(office.run()) == PORT
    _, message = office.messages[-1]
    assert message.dropped == 3
    assert "3 earlier notices may not have arrived here." in message.body


def test_a_process_that_died_while_it_told_is_followed_by_another(office: Office) -> None:
    """Its claim holds for ten minutes; then somebody else sends the same message, by the same id."""
    office.world.config_drift("web", 8080)
    done = office.world.tick(office.world.loop(fresh=True))

    class Dead(BaseException):
        """Nothing catches this."""

    def die(messages: Mapping[str, Announcement]) -> Mapping[str, Delivery]:
        office.deliver(messages)
        raise Dead

    with pytest.raises(Dead):
        tell(done, replace(office.teller(), deliver=die))
    assert office.run() == []
    office.world.clock.move(minutes=11)
    assert events(office.run()) == PORT
    first, second = (message for _, message in office.messages)
    assert first.id == second.id


def test_no_secret_leaves_whatever_a_template_does(office: Office) -> None:
    """A token in a title is out of the message before any receiver sees it."""
    verdict = Blocked(7, "uses ghp_0123456789abcdefghij0123456789abcdef", "https://example.com/7", "abc")
    office.told(verdict)
    _, message = office.messages[-1]
    assert "ghp_" not in message.title + message.body + message.notices[0].text
    assert "[redacted:github-token]" in message.title


def test_over_a_real_socket_with_one_that_hangs(office: Office) -> None:
    """One receiver takes everything once, the one that hangs delays nobody, and what it missed is counted."""
    with inbox() as box, inbox("hang") as stuck:

        def hook(name: str, at: Inbox) -> WebhookReceiver:
            return WebhookReceiver(name, at.hook, b"key", 120)

        office.directory = Directory((NoticeRoute(("team", "stuck")),), (Subscriber("team"), Subscriber("stuck")))
        sender = Deliveries({"team": hook("team", box), "stuck": hook("stuck", stuck)}, seconds=1)
        teller = replace(office.teller(), deliver=sender.send)
        office.world.config_drift("web", 8080)
        done = office.world.tick(office.world.loop(fresh=True))
        results = {each.receiver: each.result for each in tell(done, teller)}
        assert results == {"team": DeliveryResult.DELIVERED, "stuck": DeliveryResult.UNANSWERED}
        assert tell(done, replace(teller, ledger=office.ledger())) == ()
        assert [len(post.json["notices"]) for post in box.posts] == [3]


def test_what_stands_for_long_outlives_compaction(office: Office) -> None:
    """After weeks and a snapshot of the ledger, drift that still stands is not told again."""
    office.world.config_drift("web", 8080)
    assert events(office.run()) == PORT
    done: Tick = office.world.tick(office.world.loop(fresh=True))
    small = GitLedger(str(office.world.bare), office.world.directory / "small", compact_every=4)
    for day in range(80):
        office.world.clock.move(days=1)
        office.told(Blocked(day, "x", "y", str(day)), office.teller(small))
    assert len(small.read().entries) < 3 * 80
    assert office.world.clock.at - small.read().entries[0].at > timedelta(days=70)
    assert office.told(done) == []
