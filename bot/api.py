"""Clockwork from a Python program: the pipeline, the daemon, limits, policy and guarded AI runs, by their usual names.

A thin front over what the commands use; nothing is decided here. ``await`` stands only where something is waited for. All
errors are :class:`bot.errors.BotError`. Both directions have a name: :meth:`ClockworkCore.reconcile` changes Git so that it
says what should run, :meth:`ClockworkCore.apply` changes what runs so that it is what Git says.

>>> core = ClockworkCore("shop.git", live="live.json")
>>> sorted(str(resource.id) for resource in core.intake())[0]
'Deployment/shop/web'
>>> core.verify().drift
()
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Final, Self

from bot.errors import Unavailable
from bot.flows.action_plan import plans
from bot.flows.reconcile import tick
from bot.model.action import Action, ActionList, AppliedPlan
from bot.model.decision import Decision as FixDecision
from bot.model.decision import FixLevel as AutoFixPolicy
from bot.model.decision import Lane
from bot.model.drift import Drift, Report
from bot.model.finding import Mode
from bot.model.guarded import AIErrorKind, AIExecutionError, AIRequest, AIResult
from bot.model.json import JSON
from bot.model.ledger import LedgerView
from bot.model.proposal import Tick
from bot.model.resource import Desired
from bot.model.severity import Severity
from bot.policy.context import Context, collect
from bot.policy.decide import decide
from bot.policy.levels import in_force
from bot.safety.limits import Denied, LimitCheck, Limits, Permit, Request, examine, permit
from bot.shipped import files
from bot.wiring.applying import open_application
from bot.wiring.guarded_run import GuardedRuns, open_runs
from bot.wiring.reconcile import open_assessment, open_build, open_loop, render_folder
from bot.wiring.repository import Options
from bot.wiring.workers import open_workers, workers_status
from bot.workers.names import Worker
from bot.workers.schedule import keep_working

if TYPE_CHECKING:
    from bot.assembly.config import Assembly
    from bot.entrypoints.daemon.control import RunningDaemon
    from bot.entrypoints.daemon.state import Runtime
    from bot.flows.artifacts import ArtifactRendering
    from bot.flows.building import Build
    from bot.flows.observation import Assessment
    from bot.ports import SessionRecords
    from bot.workers.work import Workers

__all__ = [
    "AIErrorKind",
    "AIExecutionError",
    "AIRequest",
    "AIResult",
    "Action",
    "ActionList",
    "AppliedPlan",
    "AutoFixPolicy",
    "ClockworkCore",
    "ClockworkDaemon",
    "Config",
    "CooldownManager",
    "DaemonConfig",
    "FixDecision",
    "GuardrailDaemon",
    "Mode",
    "PatchEngine",
    "RateLimitConfig",
    "RateLimiter",
    "SafetyController",
    "WorkerManager",
]

_START_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 900.0
_MINUTE: Final = 60.0
_WINDOWS: Final = frozenset({"task-window", "severity-budget", "repository-budget"})
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ClockworkCore:
    """Intake → Assembly → Forge over one repository, and the comparison with what runs.

    ``repo`` is a folder or a Git URL, ``live`` a file or URL with live state where no observer is configured,
    ``variables`` are ``NAME=VALUE`` of ``.cw`` files.

    >>> core = ClockworkCore("shop.git", live="changed.json")
    >>> drift, = core.verify().drift
    >>> drift.where.rpartition(".")[2], drift.desired, drift.observed
    ('failureThreshold', 3, 7)
    >>> decision, = core.plan().decisions
    >>> decision.patch_type.value, decision.should_auto_apply
    ('artifact_patch', True)
    """

    repo: str = "."
    live: str | None = None
    settings: Path | None = None
    variables: tuple[str, ...] = ()

    def intake(self) -> Sequence[Desired]:
        """What the files declare: every resource with the file and bytes of every value. ``Invalid`` for broken files."""
        return self._assessment().declaration.resources

    def assemble(self) -> Assembly | None:
        """The evaluated ``.cw`` configuration and every mistake in it; None where there is none."""
        return self._assessment().declaration.assembly

    def forge(self, *, write: bool = False) -> ArtifactRendering:
        """The artifacts of ``.cw`` files whose bytes are stale; with ``write`` they are written into the folder."""
        return render_folder(Path(self.repo), self.variables, write=write)

    def plan(self) -> Tick:
        """What a run would do now, by decision; nothing is written."""
        return tick(open_loop(self._options(), dry_run=True))

    def actions(self) -> Sequence[ActionList]:
        """What would have to be done so that what runs is what Git declares: one list of actions a target."""
        return [target_plan.actions for target_plan in plans(self._assessment())]

    def build(self) -> Build:
        """What the commit comes to: rendered files with digests and where they are from; the same bytes every time."""
        return open_build(self._options())

    def apply(self, agreed: Collection[str] = ()) -> Sequence[AppliedPlan]:
        """Carry out :meth:`actions` and verify them: what needs no approval, and all of the lists whose ``name`` is ``agreed``.

        The repository has a remote that holds the commit. ``Refused`` under a halt, or where guardrails block what came since
        the last time.
        """
        application = open_application(self._options())
        application.check()
        ended = [
            application.carry_out(target_plan, approved=target_plan.actions.name in agreed)
            for target_plan in application.plans
        ]
        application.verify(is_complete=all(applied_plan.is_complete for applied_plan in ended))
        return ended

    def reconcile(self) -> Tick:
        """One run: drift is settled by commits, pull requests and issues, within all limits."""
        return tick(open_loop(self._options()))

    def verify(self) -> Report:
        """What differs between Git and what runs. Reads only."""
        return self._assessment().report

    def _assessment(self) -> Assessment:
        return open_assessment(self._options())()

    def _options(self) -> Options:
        return Options(self.repo, self.live, settings=self.settings, variables=self.variables)


@dataclass(frozen=True, slots=True)
class RateLimitConfig:
    """The limits that people ask for first; everything else is as :class:`bot.safety.limits.Limits` has it.

    >>> RateLimitConfig().limits().cooldown
    600.0
    """

    max_fixes_per_hour: int = 2
    cooldown_minutes: float = 10
    max_consecutive_failures: int = 3
    emergency_stop_threshold: int = 10

    def limits(self) -> Limits:
        """The same as limits of a run; durations in seconds."""
        return Limits(
            fixes_per_hour=self.max_fixes_per_hour,
            cooldown=self.cooldown_minutes * _MINUTE,
            consecutive_failures=self.max_consecutive_failures,
            total_failures=self.emergency_stop_threshold,
        )


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """How a daemon keeps a repository; intervals in the units of their names.

    >>> DaemonConfig(check_interval_seconds=30).settings()["daemon"]["check_interval"]
    30
    """

    watch_paths: Sequence[Path] = ()
    auto_fix_policy: AutoFixPolicy = AutoFixPolicy.CONSERVATIVE
    check_interval_seconds: float = 60
    max_fixes_per_hour: int = 2
    cooldown_minutes: float = 10
    drift_check_interval_minutes: float = 5
    timeout_per_step: float = 300

    def settings(self) -> dict[str, Any]:
        """The same as the content of a ``clockwork.yaml``."""
        return {
            "version": 1,
            "fixes": {
                "level": AutoFixPolicy(self.auto_fix_policy).value,
                "per_hour": self.max_fixes_per_hour,
                "cooldown": self.cooldown_minutes * _MINUTE,
            },
            "daemon": {
                "check_interval": self.check_interval_seconds,
                "drift_interval": self.drift_check_interval_minutes * _MINUTE,
                "step_timeout": self.timeout_per_step,
                "watch_paths": [str(path) for path in self.watch_paths],
            },
        }


@dataclass
class ClockworkDaemon:
    """One daemon in a thread of this process. ``state`` is the folder for its pid, log and settings.

    >>> daemon = ClockworkDaemon(DaemonConfig(), "shop.git", live="live.json", state=Path("state"))
    >>> daemon.start()
    >>> daemon.trigger_manual_check()["exit_code"]
    0
    >>> daemon.get_status()["drift"]["severity"]
    {'CRITICAL': 0, 'HIGH': 0, 'MEDIUM': 0, 'LOW': 0}
    >>> daemon.stop(timeout=60)
    """

    config: DaemonConfig
    repo: str
    live: str | None = None
    state: Path = Path(".clockwork-daemon")
    _stopping: threading.Event = field(default_factory=threading.Event, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _failure: list[BaseException] = field(default_factory=list, repr=False)

    def start(self) -> None:
        """Return once its API answers. Raises what kept it from starting."""
        from bot.entrypoints.daemon.running import DaemonOptions, run

        self.state.mkdir(parents=True, exist_ok=True)
        settings_file = self.state / "settings.yaml"
        settings_file.write_text(json.dumps(self.config.settings()), encoding="utf-8")
        started = DaemonOptions(Options(self.repo, self.live, settings=settings_file), port=0, state=self.state)
        answers: Queue[Runtime] = Queue()

        def work() -> None:
            try:
                run(started, stopping=self._stopping, serving_on=answers.put)
            except BaseException as exc:  # noqa: BLE001 told to whoever started it
                self._failure.append(exc)

        self._stopping.clear()
        self._thread = threading.Thread(target=work, name="clockwork", daemon=True)
        self._thread.start()
        for _ in range(int(_START_SECONDS / _LOOK_SECONDS)):
            with suppress(Empty):
                answers.get(timeout=_LOOK_SECONDS)
                return
            if self._failure:
                raise self._failure.pop()
        raise Unavailable("the daemon did not answer in time")

    def stop(self, timeout: float = 60) -> None:
        """It finishes what it is writing. Raises ``Unavailable`` when it still runs after ``timeout`` seconds."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise Unavailable(f"the daemon still runs after {timeout:g} seconds")

    def get_status(self) -> Mapping[str, Any]:
        """What ``clockwork daemon status --json`` prints."""
        return self._ask("GET", "/v1/status")

    def trigger_manual_check(self) -> Mapping[str, Any]:
        """Have it run now; the tick as ``clockwork reconcile --json`` prints it, and its exit code."""
        return self._ask("POST", "/v1/check", timeout=_RUN_SECONDS)

    def _ask(self, method: str, path: str, *, timeout: float = _START_SECONDS) -> Mapping[str, Any]:
        from bot.entrypoints.daemon.control import ask

        return ask(self._running(), method, path, timeout=timeout)

    def _running(self) -> RunningDaemon:
        from bot.entrypoints.daemon.control import running

        return running(Options(self.repo, self.live), self.state)


@dataclass(frozen=True, slots=True)
class PatchEngine:
    """The auto-fix policy: what should become of one difference.

    >>> drift, = ClockworkCore("shop.git", live="changed.json").verify().drift
    >>> decision = PatchEngine(AutoFixPolicy.CONSERVATIVE).determine_fix_decision(drift)
    >>> decision.patch_type.value, decision.should_auto_apply, decision.risk_level
    ('artifact_patch', True, 'low')
    >>> PatchEngine(AutoFixPolicy.DISABLED).determine_fix_decision(drift).should_auto_apply
    False
    """

    policy: AutoFixPolicy = AutoFixPolicy.CONSERVATIVE
    rules: Mapping[str, bytes] = field(default_factory=dict)
    """The repository's own rule files by path; they are asked before the level's."""

    def determine_fix_decision(self, drift: Drift, declared: Sequence[Desired] = ()) -> FixDecision:
        """The decision with patch type, whether it is applied, risk level and reasons.

        ``declared`` is everything else that Git declares: a label that something there selects by is not safe to change.
        """
        rules_in_force = in_force(
            AutoFixPolicy(self.policy), shipped=files("policies", "levels/*.yaml"), repository=self.rules
        )
        context = collect(declared) if declared else Context()
        return decide(drift, rules_in_force, context)


@dataclass(frozen=True, slots=True)
class RateLimiter:
    """The sliding window of automatic fixes, counted from the ledger.

    >>> [check.limit for check in RateLimiter().check(LedgerView(None), "web")]
    ['task-window', 'repository-budget']
    """

    config: RateLimitConfig = RateLimitConfig()

    def check(self, ledger: LedgerView, task: str, now: datetime | None = None) -> Sequence[LimitCheck]:
        """What every budget says to one more automatic fix of ``task``, with its figures."""
        return [check for check in _checks(self.config, ledger, task, now) if check.limit in _WINDOWS]

    def allows(self, ledger: LedgerView, task: str, now: datetime | None = None) -> bool:
        """Whether all of them have room."""
        return all(check.passed for check in self.check(ledger, task, now))


@dataclass(frozen=True, slots=True)
class CooldownManager:
    """The pause after each automatic fix of a task.

    >>> CooldownManager().is_cooling_down(LedgerView(None), "web")
    False
    """

    config: RateLimitConfig = RateLimitConfig()

    def check(self, ledger: LedgerView, task: str, now: datetime | None = None) -> LimitCheck:
        """The cooldown with its figures and its end."""
        return next(check for check in _checks(self.config, ledger, task, now) if check.limit == "cooldown")

    def is_cooling_down(self, ledger: LedgerView, task: str, now: datetime | None = None) -> bool:
        """Whether the last fix of ``task`` was within the cooldown."""
        return not self.check(ledger, task, now).passed


@dataclass(frozen=True, slots=True)
class SafetyController:
    """All limits together: budgets, cooldown, failures in a row, emergency stop, halts and windows.

    >>> type(SafetyController().request(LedgerView(None), "web")).__name__
    'Permit'
    """

    config: RateLimitConfig = RateLimitConfig()

    def request(
        self,
        ledger: LedgerView,
        task: str,
        *,
        lane: Lane = Lane.ARTIFACT_PATCH,
        severity: Severity = Severity.MEDIUM,
        now: datetime | None = None,
    ) -> Permit | Denied:
        """Leave to carry out one remedy now, or which limit says no, with figures and the next eligible time."""
        return permit(ledger, Request(task, lane, severity), self.config.limits(), now or datetime.now(UTC))


def _checks(config: RateLimitConfig, ledger: LedgerView, task: str, now: datetime | None) -> Sequence[LimitCheck]:
    limit_request = Request(task, Lane.ARTIFACT_PATCH, Severity.MEDIUM)
    return examine(ledger, limit_request, config.limits(), now or datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Config:
    """Which repository guarded runs and workers are about, and settings to use instead of its own."""

    repo: str = "."
    settings: Path | None = None


@dataclass
class GuardrailDaemon:
    """Guarded runs of AI tools: guardrails in, output judged, session recorded. Close it at the end.

    The tool works behind a wall on a copy of the files; see ``clockwork guard run``. ``async with`` closes it.
    """

    config: Config = field(default_factory=Config)
    _runs: GuardedRuns | None = field(default=None, repr=False)

    async def process_request(self, request: AIRequest) -> AIResult:
        """The judged output of one prompt. Raises :class:`AIExecutionError` where there is none to judge."""
        return await asyncio.to_thread(self.runs.process, request)

    @property
    def runs(self) -> GuardedRuns:
        """What the runs are done with; opened when it is first needed."""
        if self._runs is None:
            self._runs = open_runs(Options(self.config.repo, settings=self.config.settings))
        return self._runs

    @property
    def db(self) -> SessionRecords:
        """The records of sessions."""
        return open_workers(self.config.settings, self.config.repo).store

    async def close(self) -> int:
        """Wait until sessions are recorded; how many could not be."""
        return 0 if self._runs is None else await asyncio.to_thread(self._runs.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@dataclass
class WorkerManager:
    """The background workers of a repository in a thread of this process, each at its own interval."""

    config: Config = field(default_factory=Config)
    db: SessionRecords | None = None
    """Where sessions are read from; the repository's own store without one."""
    _stopping: threading.Event = field(default_factory=threading.Event, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    async def start_all(self, only: Sequence[Worker] = tuple(Worker)) -> None:
        """Start them and return; what fails is in :meth:`status`."""
        workers = await asyncio.to_thread(self._workers)
        self._stopping.clear()
        arguments = {"stopped": self._stopping.is_set, "report": lambda _name, _end: None, "only": frozenset(only)}
        self._thread = threading.Thread(
            target=keep_working, args=(workers,), kwargs=arguments, name="clockwork workers", daemon=True
        )
        self._thread.start()

    async def stop_all(self, timeout: float = 60) -> None:  # noqa: ASYNC109 a thread is waited for, not a task
        """Stop them after what they are doing. Raises ``Unavailable`` when they still run after ``timeout`` seconds."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, timeout)
            if self._thread.is_alive():
                raise Unavailable(f"the workers still run after {timeout:g} seconds")

    def status(self) -> Sequence[Mapping[str, JSON]]:
        """What ``clockwork worker status --json`` prints."""
        return workers_status(self._workers())

    def _workers(self) -> Workers:
        from dataclasses import replace

        workers = open_workers(self.config.settings, self.config.repo)
        return workers if self.db is None else replace(workers, store=self.db)
