"""Orders in comments do what they say, about the task they name, and answer with exactly what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.flows.commands import Orders, record_order
from bot.flows.comments import answer_comments
from bot.flows.explain import explain
from bot.model.codehost import Comment
from bot.model.ledger import Actor, Entry, EntryKind
from bot.model.proposal import Effect
from bot.safety.state import State, state
from bot.safety.suspension import suspended_until
from tests.flows.world import World

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
SERVICE = "Service/shop/web"
OPS = 99
"""The number of an issue that people opened."""


@dataclass
class Talk:
    """Rosa and the bot in the comments of a world."""

    world: World
    orders: Orders = field(init=False)

    def __post_init__(self) -> None:
        loop = self.world.loop()
        explained = lambda task: explain(self.world.loop(), task).text()  # noqa: E731 - a field, not a name
        self.orders = Orders(loop.run, loop.declarer, loop.run.actor, explained=explained)

    def say(self, body: str, *, on: int = OPS, author: str = "rosa") -> str:
        """What is answered to that comment, without Markdown's escapes."""
        thread = self.world.desk.threads.setdefault(on, [])
        thread.append(Comment(len(thread) + 1, author, 3, f"/clockwork {body}", self.world.clock.at))
        (answer,) = answer_comments(on, self.orders)
        return answer.replace("\\", "").strip()

    @property
    def now(self) -> State:
        """What stands according to the ledger."""
        return state(self.orders.run.ledger.read(), self.world.clock.at, self.world.limits)

    @property
    def last(self) -> Entry:
        """The newest entry."""
        return self.world.entries()[-1]


@pytest.fixture
def talk(world: World) -> Talk:
    """A world in which issue or pull request 1 is the pull request about the web service."""
    world.config_drift("web", 8081)
    (opened,) = world.tick(world.loop()).actions
    assert (opened.number, opened.task) == (1, SERVICE)
    return Talk(world)


def test_resuming_one_task_lifts_no_halt(talk: Talk) -> None:
    """Only that task goes on; the answer says that everything is still halted, by whom, why, and what lifts it."""
    talk.say("halt incident 42")
    talk.say(f"suspend {WEB} migration")
    answer = talk.say(f"resume {WEB} migrated")
    assert answer == (
        f"Resumed {WEB}: its failures so far no longer count. It is no longer suspended. "
        "Everything is still stopped (halted by rosa: incident 42); `/clockwork resume everything` lifts that."
    )
    assert talk.now.halt is not None
    assert talk.now.suspended == {}
    assert (talk.last.kind, talk.last.task, talk.last.reason) == (EntryKind.RESUME, WEB, "migrated")


@pytest.mark.parametrize("words", ["resume", "resume it is fixed"])
def test_on_a_thread_about_a_task_resume_means_that_task(talk: Talk, words: str) -> None:
    """With or without a reason; the halt stays until somebody says everything."""
    record_order(talk.orders.run, EntryKind.HALT, reason="incident")
    assert talk.say(words, on=1).startswith(f"Resumed {SERVICE}: ")
    assert talk.now.halted
    assert talk.say("resume everything: over", on=1).startswith(
        "Resumed everything: the halt by clockwork[bot] is lifted"
    )
    assert not talk.now.halted


def test_everything_is_resumed_only_by_saying_so(talk: Talk) -> None:
    """On a thread about no task, bare resume means everything; with other words it must name a task or say everything."""
    talk.say("halt")
    for typo in ("resume Deployment/shop/wbe", "resume wbe", "resume web", "resume Nope", "resume all is well again"):
        assert "Nothing was changed. Usage: `/clockwork resume [TASK or everything] [REASON]`." in talk.say(typo)
        assert talk.now.halted
    assert talk.say("resume") == (
        "Resumed everything: the halt by rosa is lifted; failures so far (0) no longer count."
    )
    assert not talk.now.halted
    talk.say("halt")
    talk.say(f"suspend {API} until 2026-03-02 mine")
    assert talk.say("resume everything all is well").endswith(
        f"no longer count. Still suspended: {API} until 2026-03-02 00:00 UTC."
    )
    assert (talk.last.task, talk.last.reason) == (None, "all is well")


def test_a_reason_is_no_task(talk: Talk) -> None:
    """On a thread about a task its words without a task's name are the reason."""
    answer = talk.say("suspend we deploy today", on=1)
    by_hand = f"`/clockwork unsuspend {SERVICE}`"
    assert answer == f"Suspended {SERVICE}: no run writes anything for it until {by_hand}."
    assert dict(talk.now.suspended).keys() == {SERVICE}
    assert (talk.last.reason, talk.last.actor) == ("we deploy today", Actor("rosa", 3))
    assert talk.say("unsuspend", on=1) == f"{SERVICE} is no longer suspended."
    assert talk.now.suspended == {}
    assert talk.say("unsuspend", on=1) == f"{SERVICE} is not suspended; nothing was changed."
    assert talk.last.kind is EntryKind.UNSUSPEND


@pytest.mark.parametrize(
    ("words", "until", "reason"),
    [
        ("until 2026-03-02", datetime(2026, 3, 2, tzinfo=UTC), ""),
        ("until 2026-03-02T10:00:00+02:00 we deploy", datetime(2026, 3, 2, 8, tzinfo=UTC), "we deploy"),
        ("until 2026-03-02 10:30, we deploy", datetime(2026, 3, 2, 10, 30, tzinfo=UTC), "we deploy"),
        ("UNTIL 2h: we deploy", datetime(2026, 3, 1, 14, tzinfo=UTC), "we deploy"),
        ("we deploy until 3d", datetime(2026, 3, 4, 12, tzinfo=UTC), "we deploy"),
        ("we wait until somebody calls", None, "we wait until somebody calls"),
        ("", None, ""),
    ],
)
def test_a_suspension_ends_when_the_comment_says(talk: Talk, words: str, until: datetime | None, reason: str) -> None:
    """The end is read with its offset and stands neither in the task's name nor in the reason."""
    for named in (WEB, f"`{WEB}`", f"{WEB}:"):
        answer = talk.say(f"suspend {named} {words}")
        (entry,) = talk.now.suspended.values()
        assert (entry.task, suspended_until(entry), entry.reason) == (WEB, until, reason or f"via comment on #{OPS}")
        assert answer.startswith(
            f"Suspended {WEB} until {until:%Y-%m-%d %H:%M UTC}: " if until else f"Suspended {WEB}: "
        )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (f"suspend {WEB} until tomorrow", "'tomorrow' is not a time. Write 2026-12-24, "),
        (f"suspend {WEB} until", "'' is not a time."),
        (f"suspend {WEB} until 2026-02-28", "2026-02-28 is in the past: it is 2026-03-01 12:00 UTC now."),
        (f"suspend {WEB} until 999999d999999d999999d999999d", "is not a time."),
        ("suspend Deployment/shop/wbe", f"Unknown task 'Deployment/shop/wbe'. Did you mean {WEB}"),
        ("suspend Deployment/shop/wbe until 2h", f"Did you mean {WEB}"),
        ("suspend WEB", "Unknown task 'WEB'. Did you mean Deployment/shop/web or Service/shop/web?"),
        ("suspend StatefulSet/other/db", "Unknown task 'StatefulSet/other/db'."),
        ("suspend", "Name a task: this thread is not about one."),
        ("suspend we deploy today", "Name a task: this thread is not about one."),
        ("unsuspend Nope", "Name a task"),
        ("retry", "This thread is not about a proposal."),
        (f"retry {'0' * 16}-{'1' * 16}", "Unknown proposal '0000000000000000-1111111111111111'"),
        ("dance", "Unknown command; nothing was changed. Commands: `/clockwork halt [REASON]`, "),
    ],
)
def test_what_is_not_understood_changes_nothing(talk: Talk, words: str, expected: str) -> None:
    """The answer says what was wrong and how to write it."""
    before = talk.world.entries()
    answer = talk.say(words)
    assert expected in answer
    assert f"/clockwork {words.split(maxsplit=1)[0]}" in answer or words == "dance"
    assert talk.world.entries() == before


def test_a_typo_on_a_thread_about_a_task_is_no_reason(talk: Talk) -> None:
    """What looks like another task's name is refused, not taken as why this one should rest."""
    assert "Did you mean Deployment/shop/web" in talk.say("suspend Deployment/shop/wbe", on=1)
    assert talk.now.suspended == {}


def test_a_task_only_the_ledger_knows_can_be_ordered_about(talk: Talk) -> None:
    """What Git no longer declares may still have to be let go."""
    record_order(talk.orders.run, EntryKind.SUSPEND, reason="old", task="Deployment/shop/gone")
    assert talk.say("unsuspend Deployment/shop/gone") == "Deployment/shop/gone is no longer suspended."


def test_only_writers_are_obeyed(talk: Talk) -> None:
    """Others are told so, whatever they say."""
    for words in ("halt", f"unsuspend {WEB}", f"suspend {WEB}"):
        assert "Only people with write access" in talk.say(words, author="mallory")
    assert not talk.now.halted
    assert talk.now.suspended == {}


def test_retry_and_ignore_name_their_proposal(talk: Talk) -> None:
    """By the thread or by a fingerprint; closing, retry, and ignore decide what the next look does."""
    world = talk.world
    world.close_by_hand(1)
    (closed,) = world.tick(world.loop()).actions
    assert closed.effect is Effect.REJECTED
    assert talk.say(f"retry {closed.fingerprint} a slip") == f"The next run may propose {closed.fingerprint} again."
    assert talk.last.reason == "a slip"
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.OPENED]
    assert talk.say("ignore load test", on=2).startswith(f"Rejected: exactly this proposal, {closed.fingerprint}, ")
    (ignored,) = world.tick(world.loop()).actions
    assert (ignored.effect, ignored.message) == (Effect.REJECTED, "rosa rejected this proposal: load test.")


def test_a_closed_deletion_issue_can_be_retried_on_itself(world: World) -> None:
    """Its thread names the proposal that the guard's refusal tells people to retry."""
    for name in world.names:
        world.delete_claim(name)
        world.live.pop(f"k8s/{name}-service.yaml")
    (refusal, filed) = world.tick(world.loop()).actions
    assert (refusal.limit, filed.effect, filed.number) == ("deletion-guard", Effect.OPENED, 1)
    world.close_by_hand(1)
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.DENIED, Effect.REJECTED]
    talk = Talk(world)
    assert "proposes nothing that could be ignored" in talk.say("ignore", on=1)
    assert "Name a task" in talk.say("suspend for now", on=1)
    assert talk.say("retry", on=1).startswith("The next run may propose")
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.DENIED, Effect.OPENED]


def test_explain_shows_the_whole_chain(talk: Talk) -> None:
    """As the pull request promises: what was seen, what was decided and why, in a block that is read as it stands."""
    answer = talk.say("explain", on=1)
    assert answer.startswith(f"```\n{SERVICE}\n")
    assert answer.endswith("```")
    assert "spec.ports" in answer
    assert "8081" in answer
    assert "PR #1 is open." in answer
    assert "Usage: `/clockwork explain [TASK]`" in talk.say("explain Deployment/shop/wbe")
    assert (
        talk.say("explain", author="stranger") == "Only people with write access to this repository may give commands."
    )
