"""Who is told what happened in a repository: settings → receivers → the flow that tells, beside the run."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from bot.errors import BotError, Invalid
from bot.flows.conditions import Blocked
from bot.flows.notify import Finding, Teller, tell
from bot.intake.declared import suggestion
from bot.model.choices import Verdict
from bot.model.ledger import Actor
from bot.model.notice import Announcement, Delivery, DeliveryResult, Notice, NoticeEvent
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.notices.routing import Directory, NoticeRoute, QuietHours, Subscriber
from bot.ports import Clock, Receiver, Repository
from bot.receivers.background import Background
from bot.receivers.composer import Composer
from bot.receivers.deliveries import Deliveries
from bot.receivers.services import ServiceReceiver
from bot.settings.notifications import NotificationSettings, ReceiverSettings
from bot.shipped import folder
from bot.wiring.ledger import ledger, limits
from bot.wiring.repository import OpenRepository, Options, SystemClock, repository_to_read

if TYPE_CHECKING:
    from bot.flows.head_check import Reviewed
    from bot.model.codehost import PullRequest
    from bot.model.proposal import Tick

_TEMPLATE: Final = "notification.txt.j2"
LEDGER_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class _NoAddress:
    """A receiver whose address or secret the environment does not have. It costs its messages, never a run."""

    name: str
    variable: str

    def send(self, message: Announcement) -> Delivery:
        del message
        return Delivery(self.name, DeliveryResult.FAILED, f"the environment variable {self.variable} is not set")


def receivers(settings: NotificationSettings, environment: Mapping[str, str]) -> Mapping[str, Receiver]:
    """The receivers by name."""
    return {
        name: _receiver(name, receiver, environment, settings.timeout) for name, receiver in settings.receivers.items()
    }


def _receiver(
    name: str, receiver_settings: ReceiverSettings, environment: Mapping[str, str], seconds: float
) -> Receiver:
    variables = (receiver_settings.apprise_env, receiver_settings.webhook_env, receiver_settings.secret_env)
    missing = next((name for name in variables if name is not None and not environment.get(name)), None)
    if missing is not None:
        return _NoAddress(name, missing)
    if receiver_settings.apprise_env is not None:
        return ServiceReceiver(name, environment[receiver_settings.apprise_env])
    from bot.receivers.webhook import WebhookReceiver

    secret = environment[receiver_settings.secret_env or ""].encode()
    return WebhookReceiver(name, environment[receiver_settings.webhook_env or ""], secret, seconds)


def directory(settings: NotificationSettings) -> Directory:
    """Routes and subscribers. Without routes everybody is told everything from MEDIUM on."""
    routes = tuple(
        NoticeRoute(tuple(route.to), tuple(route.events), route.severity, tuple(route.targets))
        for route in settings.routes
    )
    everything = (NoticeRoute(tuple(settings.receivers), severity=Severity.MEDIUM),)
    return Directory(routes or everything, tuple(_subscriber(*item) for item in settings.receivers.items()))


def _subscriber(name: str, receiver_settings: ReceiverSettings) -> Subscriber:
    quiet_hours = receiver_settings.quiet
    quiet = None if quiet_hours is None else QuietHours(*quiet_hours.hours(), ZoneInfo(quiet_hours.timezone))
    return Subscriber(name, timedelta(seconds=receiver_settings.digest), quiet, receiver_settings.critical_passes)


def composer(settings: NotificationSettings, repository: Repository, commit: str | None) -> Composer:
    """What fills in messages, with the repository's own templates as ``commit`` has them."""
    own_texts = {}
    for name, receiver_settings in settings.receivers.items():
        data = (
            None
            if commit is None or receiver_settings.template is None
            else repository.read(commit, receiver_settings.template)
        )
        if data is not None:
            own_texts[name] = data.decode("utf-8", errors="replace")
    return Composer((folder("templates") / _TEMPLATE).read_text("utf-8"), own_texts)


Account = Callable[[Delivery], object]
"""Hears what came of each message."""


@dataclass(slots=True)
class Announcer:
    """Tells people what runs of one repository find. Nothing here raises for what receivers or the ledger do.

    ``background`` is the daemon's: findings are taken at once. Without it each is told before the call returns, which
    takes no longer than receivers and ledger may.
    """

    opened: OpenRepository
    teller: Teller
    seconds: float
    """For receivers; the ledger may take :data:`LEDGER_SECONDS` more."""
    account: Account
    warn: Callable[[str], object]
    background: Background[Finding] | None = None
    dropped: int = field(default=0)

    def ran(self, run: Callable[[], Tick]) -> Tick:
        """The account of ``run``, told of; so is the failure that it raises."""
        try:
            tick = run()
        except BotError as exc:
            self.tell(exc)
            raise
        composer_now = composer(self.opened.settings.notifications, self.opened.repository, tick.commit)
        self.teller = replace(self.teller, compose=composer_now.compose)
        self.tell(tick)
        return tick

    def reviewed(self, reviewed: Reviewed, pull: PullRequest) -> None:
        """A verdict, told of where it blocks."""
        if reviewed.result.verdict is Verdict.BLOCK:
            self.tell(Blocked(pull.number, pull.title, pull.url, pull.head_sha))

    def tell(self, finding: Finding) -> None:
        """Have people told of it."""
        if self.background is not None:
            self.background.submit(finding)
            return
        thread = threading.Thread(target=self.work, args=(finding,), name="clockwork-told", daemon=True)
        thread.start()
        thread.join(self.seconds + LEDGER_SECONDS)
        if thread.is_alive():
            self.warn("notifications took too long; what was not sent is sent by the next run")

    def work(self, finding: Finding) -> None:
        """Tell of one finding, here and now."""
        dropped_count = 0 if self.background is None else self.background.dropped - self.dropped
        if dropped_count:
            self.dropped += dropped_count
            self.warn(f"{counted(dropped_count, 'finding')} not told: the queue was full")
        try:
            for delivery in tell(finding, self.teller):
                self.account(delivery)
        except BotError as exc:
            self.warn(f"nobody was told: {exc.message}")

    def close(self, *, wait: bool) -> None:
        """Nothing more is taken, and what waits is told: within the time limit where somebody waits for it."""
        seconds = self.seconds + LEDGER_SECONDS if wait else 0
        if self.background is not None and not self.background.close(seconds) and wait:
            self.warn("notifications took too long; what was not sent is sent by the next run")


def open_announcer(
    open_repo: OpenRepository,
    clock: Clock,
    *,
    account: Account,
    warn: Callable[[str], object],
    background: bool = False,
) -> Announcer | None:
    """The announcer of an opened repository; None where nobody is to be told, or there is no remote to remember on."""
    settings = open_repo.settings.notifications
    if not settings.receivers or open_repo.git is None:
        return None
    deliveries = Deliveries(receivers(settings, open_repo.options.environment), settings.timeout)
    teller = Teller(
        repository=open_repo.name,
        ledger=ledger(open_repo, clone="notices"),
        limits=limits(open_repo.settings),
        directory=directory(settings),
        compose=composer(settings, open_repo.repository, open_repo.repository.head(open_repo.branch)).compose,
        deliver=deliveries.send,
        clock=clock,
        actor=Actor("clockwork"),
        new_id=lambda: uuid.uuid4().hex,
    )
    announcer = Announcer(open_repo, teller, settings.timeout, account, warn)
    if background:
        announcer.background = Background(announcer.work, supersedes=_supersedes)
    return announcer


def _supersedes(newer: Finding, older: Finding) -> bool:
    """Whether a finding says everything that an older one said, and later: what stands now is all that counts."""
    return not isinstance(newer, Blocked) and not isinstance(older, Blocked)


@dataclass(frozen=True, slots=True)
class TestMessages:
    """What a try of every receiver needs."""

    deliveries: Deliveries
    messages: Mapping[str, Announcement]

    def send(self) -> Sequence[Delivery]:
        """What came back, in the order of the settings."""
        return tuple(self.deliveries.send(self.messages).values())


def open_test(settings: Path | None, repo: str, names: Sequence[str]) -> TestMessages:
    """A test message to each receiver, or to those that are named. ``Invalid`` where there is none of that name."""
    open_repo = repository_to_read(Options(repo=repo, settings=settings))
    notification_settings = open_repo.settings.notifications
    if not notification_settings.receivers:
        raise Invalid("notifications: no receivers are configured", advice="Name some in clockwork.yaml.")
    for name in names:
        if name not in notification_settings.receivers:
            known_receivers = f"Known: {', '.join(notification_settings.receivers)}."
            raise Invalid(
                f"there is no receiver {name!r}",
                advice=suggestion(name, notification_settings.receivers, otherwise=known_receivers),
            )
    now = SystemClock().now()
    notice = Notice(NoticeEvent.TEST, "test", Severity.LOW, "This is a test of Clockwork's notifications", now)
    fill = composer(notification_settings, open_repo.repository, open_repo.repository.head(open_repo.branch))
    compose = partial(_test_message, notice, fill, open_repo.name)
    receiver_names = [name for name in notification_settings.receivers if not names or name in names]
    deliveries = Deliveries(
        receivers(notification_settings, open_repo.options.environment), notification_settings.timeout
    )
    return TestMessages(deliveries, {name: compose(name) for name in receiver_names})


def _test_message(notice: Notice, fill: Composer, repository: str, receiver: str) -> Announcement:
    values = {
        "repository": repository,
        "notices": [notice],
        "more": 0,
        "dropped": 0,
        "severity": notice.severity,
    }
    title, body = fill.compose(receiver, values)
    return Announcement(uuid.uuid4().hex, repository, title, body, (notice,))
