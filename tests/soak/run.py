"""Runs a soak: a sandbox, many bots in processes of their own, drift that keeps coming, pushes that fail, kills."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import httpx
import yaml

from bot.flows.commands import record_order
from bot.gitrepo.credentials import Token
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from bot.model.ledger import EntryKind
from bot.safety.limits import Limits
from bot.sandbox.faults import SECONDARY_LIMIT, Action, LostReply
from bot.sandbox.faults import CannedReply as Reply
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.entry import processes
from tests.flows.stage import CLAIM, DEPLOYMENT, SERVICE
from tests.soak.bot import Answer, Order, SharedClock, work
from tests.soak.judge import Verdict, judge
from tests.web import WEB

NAME = "acme/soak"
STEP_SECONDS = 13 * 60
"""How far the clock moves between two rounds."""
_ANSWER_SECONDS = 300
_FEW = 8
"""Claims that vanish: fewer than the deletion guard's ten."""


@dataclass(frozen=True)
class Plan:
    """How many, how long, and how much goes wrong."""

    bots: int = 8
    drifts: int = 50
    ticks: int = 200
    push_failures: float = 0.1
    refusals: float = 0.05
    """How likely a write of the API is turned down: by a limit, a rule or a right."""
    kills: float = 0.02
    changes: float = 0.15
    """How likely each resource is changed by somebody between two rounds."""
    seed: int = 1


@dataclass
class Tally:
    """What was counted while it ran."""

    ticks: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Crew:
    """One place for a bot: whoever works there now, and how to hire the next."""

    number: int
    hires: int = 0
    process: ForkServerProcess | None = None
    pipe: Connection | None = None


def manifest(number: int) -> tuple[str, bytes]:
    """The file of one drift: three of five are probes, then a port, then a claim."""
    match number % 5:
        case 3:
            return f"k8s/service{number}.yaml", SERVICE.replace(b"web", f"svc{number}".encode())
        case 4 if number // 5 < _FEW:
            return f"k8s/claim{number}.yaml", CLAIM.replace(b"orders", f"data{number}".encode())
        case _:
            return f"k8s/app{number}.yaml", DEPLOYMENT.replace(b"web", f"app{number}".encode())


@dataclass
class Soak:
    """One repository on a sandbox with everything that happens to it."""

    plan: Plan
    directory: Path
    box: Sandbox
    chance: random.Random
    token: str
    human: str
    tally: Tally = field(default_factory=Tally)
    live: dict[str, Any] = field(default_factory=dict)
    gone: dict[str, Any] = field(default_factory=dict)
    value: int = 10

    @property
    def options(self) -> Options:
        """How the bots are called."""
        environment = {
            "CLOCKWORK_TOKEN": self.token,
            "CLOCKWORK_SECRET": "soak",
            "GITHUB_API_URL": self.box.api_url,
        }
        return Options(
            repo=self.box.git_url(NAME),
            live=str(self.directory / "live.json"),
            environment=environment,
            cache=self.directory / "people",
        )

    def declare(self) -> None:
        """Make the repository and let everything in it run as declared."""
        files = dict(map(manifest, range(self.plan.drifts)))
        settings = {"clockwork.yaml": b"version: 1\ngithub: {min_write_interval: 0}\n"}
        self.box.create_repository(NAME, files={**files, **settings})
        self.live = {path: yaml.safe_load(data) for path, data in files.items()}

    def drift(self) -> None:
        """Some of what runs is changed by somebody, and what runs is shown to the bots."""
        for path in sorted({*self.live, *self.gone}):
            if self.chance.random() < self.plan.changes:
                self._change(path)
        shown = json.dumps({"kind": "List", "apiVersion": "v1", "items": list(self.live.values())})
        passage = self.directory / "live.tmp"
        passage.write_text(shown)
        passage.rename(self.directory / "live.json")

    def _change(self, path: str) -> None:
        self.value += 1
        if path in self.gone:
            self.live[path] = self.gone.pop(path)
        elif path.startswith("k8s/claim"):
            self.gone[path] = self.live.pop(path)
        elif path.startswith("k8s/service"):
            self.live[path]["spec"]["ports"][0]["port"] = 1000 + self.value
        else:
            probe = self.live[path]["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
            probe["failureThreshold"] = probe["failureThreshold"] % 90 + 1

    def merge_one(self) -> None:
        """A person merges one of the open pull requests now and then."""
        if self.chance.random() < 0.3 and (pulls := self.api("GET", "/pulls?state=open&per_page=100").json()):
            number = self.chance.choice(pulls)["number"]
            self.tally.counts["merged"] += self.api("PUT", f"/pulls/{number}/merge").status_code == 200

    def resume(self, seconds: float) -> None:
        """A person lifts the emergency stop."""
        self.tally.counts["resumed"] += 1
        strike = self.box.faults.__dict__.pop("strike")
        clock = SharedClock()
        clock.sleep(seconds)
        record_order(open_loop(self.options, clock=clock).run, EntryKind.RESUME, reason="soak goes on")
        self.box.faults.__dict__["strike"] = strike

    def api(self, method: str, path: str) -> httpx.Response:
        """One REST call as a person."""
        headers = {"Authorization": f"Bearer {self.human}"}
        return WEB.request(method, f"{self.box.api_url}/repos/{NAME}{path}", headers=headers)

    def items(self) -> list[Any]:
        """All issues and pull requests."""
        items: list[Any] = []
        for page in range(1, 1000):
            part = self.api("GET", f"/issues?state=all&per_page=100&page={page}").json()
            items += part
            if len(part) < 100:
                break
        return items

    def hire(self, crew: Crew) -> None:
        """A new bot on a fresh clone."""
        crew.hires += 1
        context = processes()
        ours, theirs = context.Pipe()
        cache = self.directory / f"bot{crew.number}-{crew.hires}"
        crew.pipe = ours
        crew.process = context.Process(
            target=work, args=(self.options, cache, self.directory / "notes", theirs), daemon=True
        )
        crew.process.start()
        theirs.close()

    def round(self, crews: list[Crew], seconds: float, *, kills: float) -> list[Answer]:
        """Every bot ticks once, all at the same time."""
        for crew in crews:
            if crew.process is None or not crew.process.is_alive():
                self.hire(crew)
            dies = self.chance.randint(1, 8) if self.chance.random() < kills else None
            assert crew.pipe is not None
            crew.pipe.send(Order(seconds, dies))
        answers = [self._answer(crew) for crew in crews]
        finished = [answer for answer in answers if answer is not None]
        self.tally.ticks += len(crews)
        self.tally.counts["killed"] += len(crews) - len(finished)
        for answer in finished:
            self.tally.counts.update(written=answer.written, denied=answer.denied, failed=answer.failed)
            self.tally.counts["errors"] += answer.error is not None
        return finished

    def _answer(self, crew: Crew) -> Answer | None:
        """What the bot answered; None when it died on the way."""
        assert crew.pipe is not None
        assert crew.process is not None
        try:
            if not crew.pipe.poll(_ANSWER_SECONDS):
                raise AssertionError(f"bot {crew.number} hangs")
            answer = crew.pipe.recv()
        except EOFError:
            crew.process.join()
            crew.process = None
            return None
        assert isinstance(answer, Answer)
        return answer


REFUSALS = (
    Reply(403, SECONDARY_LIMIT, {"Retry-After": "60"}),
    Reply(403, "Resource not accessible by integration"),
    Reply(403, "GitHub Actions is not permitted to create or approve pull requests."),
    Reply(410, "Issues has been disabled in this repository."),
)
"""What administrators, rights and limits answer."""


def unreliable(real: Callable[[str, str], Action | None], chance: random.Random, plan: Plan, tally: Tally) -> Any:
    """The server's faults, and besides a share of all pushes that get no service or lose their answer, and
    a share of the API's writes that are turned down.
    """

    def strike(method: str, path: str) -> Action | None:
        pushes = method == "POST" and path.endswith("/git-receive-pack")
        if pushes and chance.random() < plan.push_failures:
            tally.counts["push failures"] += 1
            return LostReply() if chance.random() < 0.5 else Reply(503, "unavailable")
        if pushes or method == "GET" or path.endswith("/git-upload-pack") or chance.random() >= plan.refusals:
            return real(method, path)
        tally.counts["refusals"] += 1
        return chance.choice(REFUSALS)

    return strike


def asked_to_stop() -> threading.Event:
    """Set by Ctrl-C (in the main thread; bots are told not to hear it)."""
    asked = threading.Event()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: asked.set())
    return asked


def soak(plan: Plan, directory: Path, *, say: Callable[[str], None] = lambda _line: None) -> tuple[Tally, Verdict]:
    """Run it and judge it; Ctrl-C ends it after the round that runs. ``say`` is told of the progress."""
    chance = random.Random(plan.seed)
    limits = Limits()
    with Sandbox.start(directory / "sandbox") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        for login in ("clockwork[bot]", "rosa"):
            box.set_rate_limit(login, remaining=10**9, reset_in=10**6)
        run = Soak(plan, directory, box, chance, token, human)
        run.declare()
        run.drift()
        crews = [Crew(number) for number in range(plan.bots)]
        faults = unreliable(box.faults.strike, random.Random(plan.seed + 1), plan, run.tally)
        box.faults.__dict__["strike"] = faults
        began = time.perf_counter()
        stopping = asked_to_stop()
        number = 0
        for number in range(plan.ticks):
            if stopping.is_set():
                say(f"stopped after {number} rounds")
                break
            run.drift()
            answers = run.round(crews, number * STEP_SECONDS, kills=plan.kills)
            if any(answer.blocked for answer in answers):
                run.resume(number * STEP_SECONDS + 60)
            run.merge_one()
            if (number + 1) % 10 == 0:
                say(f"{number + 1}/{plan.ticks} rounds, {time.perf_counter() - began:.0f} s, {dict(run.tally.counts)}")
        run.tally.seconds = time.perf_counter() - began
        del box.faults.__dict__["strike"]
        for extra in (1, 2):
            run.round(crews[:1], (number + 1 + extra) * STEP_SECONDS, kills=0)
        for crew in crews:
            if crew.pipe is not None:
                crew.pipe.close()
            if crew.process is not None:
                crew.process.join(60)
        url, clones = box.git_url(NAME), directory / "judge"
        repository = GitRepository.open(url, clones / "git", credentials=Token(token))
        ledger = GitLedger(url, clones / "ledger", credentials=Token(token))
        return run.tally, judge(repository, ledger, run.items(), directory / "notes", replace(limits))
