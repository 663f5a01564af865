"""A sandbox with one repository, live state in a file, and the real bot wired to both. Used by the tests of flows."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.flows.reconcile import Loop, tick
from bot.model.proposal import TakenAction, Tick
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.parsed import parsed
from tests.web import asked

NAME = "acme/shop"

DEPLOYMENT = b"""\
# The web front.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0   # pinned
          ports:
            - containerPort: 8080
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
            periodSeconds: 10
            failureThreshold: 3   # three misses
"""
SERVICE = b"""\
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  selector: {app: web}
  ports:
    - name: http
      port: 80
      targetPort: 8080
"""
CLAIM = b"""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: orders
  namespace: shop
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 20Gi
"""
FILES: Mapping[str, bytes] = {
    "k8s/web.yaml": DEPLOYMENT,
    "k8s/service.yaml": SERVICE,
    "k8s/orders.yaml": CLAIM,
    "clockwork.yaml": b"version: 1\ngithub: {min_write_interval: 0}\n",
}


@dataclass
class MovableClock:
    """A clock that stands until it is moved; ``sleep`` moves it."""

    at: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def move(self, **amount: float) -> None:
        """Move by a timedelta's keywords."""
        self.at += timedelta(**amount)


@dataclass
class Stage:
    """The repository ``acme/shop`` on a running sandbox, with live objects that tests change."""

    box: Sandbox
    directory: Path
    token: str
    human: str
    objects: dict[str, Any]
    clock: MovableClock = field(default_factory=MovableClock)
    runs: int = 0

    @property
    def live(self) -> Path:
        """The snapshot file."""
        return self.directory / "live.json"

    def show(self) -> None:
        """Write the live objects to the snapshot file."""
        self.live.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": list(self.objects.values())}))

    def options(self, cache: str = "cache") -> Options:
        """How the bot is called on this stage. Another ``cache`` is a fresh runner."""
        environment = {
            "CLOCKWORK_TOKEN": self.token,
            "CLOCKWORK_SECRET": "stage",
            "GITHUB_API_URL": self.box.api_url,
        }
        return Options(
            repo=self.box.git_url(NAME), live=str(self.live), environment=environment, cache=self.directory / cache
        )

    def loop(self, *, fresh: bool = False, dry_run: bool = False) -> Loop:
        """The bot, wired as the command line wires it, with this stage's clock."""
        self.runs += fresh
        self.show()
        return open_loop(self.options(f"cache-{self.runs}"), clock=self.clock, dry_run=dry_run)

    def tick(self, *, fresh: bool = False, dry_run: bool = False) -> Tick:
        """One run of the bot."""
        return tick(self.loop(fresh=fresh, dry_run=dry_run))

    def api(self, method: str, path: str, *, token: str | None = None, **body: object) -> Any:
        """One REST call below ``/repos/acme/shop`` as the human, or as whoever ``token`` is."""
        url = f"{self.box.api_url}/repos/{NAME}{path}"
        status, content = asked(method, url, token=token or self.human, body=body or None)
        assert status < 300, content.decode()
        return json.loads(content) if content else None

    def pulls(self, state: str = "all") -> list[Any]:
        """Pull requests, oldest first."""
        pulls = self.api("GET", f"/pulls?state={state}&sort=created&direction=asc&per_page=100")
        return list(pulls)

    def issues(self, state: str = "all") -> list[Any]:
        """Issues that are no pull requests, oldest first."""
        items = self.api("GET", f"/issues?state={state}&sort=created&direction=asc&per_page=100")
        return [item for item in items if "pull_request" not in item]

    def commits(self) -> list[Any]:
        """Commits of the branch, newest first."""
        return list(self.api("GET", "/commits?per_page=100"))

    def file(self, path: str) -> str:
        """A file of the branch's head as text."""
        import base64

        return base64.b64decode(self.api("GET", f"/contents/{path}")["content"]).decode()

    def edit(self, path: str, change: Callable[[str], str], *, branch: str = "main") -> None:
        """A person commits a change of one file."""
        import base64

        file = self.api("GET", f"/contents/{path}?ref={branch}")
        text = change(base64.b64decode(file["content"]).decode())
        content = base64.b64encode(text.encode()).decode()
        self.api("PUT", f"/contents/{path}", message="By hand", content=content, sha=file["sha"], branch=branch)

    # what people do to the live side

    def container(self) -> Any:
        """The live web container."""
        return self.objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]

    def safe_drift(self, value: int = 6) -> None:
        """Somebody changes how many misses the probe allows."""
        self.container()["readinessProbe"]["failureThreshold"] = value

    def config_drift(self, value: int = 8081) -> None:
        """Somebody changes the port of the service."""
        self.objects["Service"]["spec"]["ports"][0]["port"] = value

    def destructive_drift(self) -> None:
        """Somebody deletes the claim that holds the orders."""
        del self.objects["PersistentVolumeClaim"]

    def part_pushes(self) -> None:
        """The server makes each ref of a push by itself (git-config(1), "receive.advertiseAtomic")."""
        self.box.hub.repositories.open(NAME).config["receive.advertiseAtomic"] = False

    def restore(self) -> None:
        """Everything runs as first declared."""
        self.objects = running()


def running(files: Mapping[str, bytes] = FILES) -> dict[str, Any]:
    """The declared objects as if live, by kind."""
    manifests = [parsed(data) for path, data in files.items() if path.startswith("k8s/")]
    return {manifest["kind"]: manifest for manifest in manifests}


def by_lane(done: Tick) -> dict[str, TakenAction]:
    """The actions of a tick by remedy."""
    return {action.lane.value: action for action in done.actions}


@contextmanager
def copied(stage: Stage, sandbox: Path, folder: Path) -> Iterator[Stage]:
    """The stage again, on a server of its own whose state is a copy of ``sandbox``, with fresh runners below ``folder``."""
    shutil.copytree(sandbox, folder / "sandbox")
    with Sandbox.start(folder / "sandbox") as box:
        clock, objects = MovableClock(stage.clock.now()), copy.deepcopy(stage.objects)
        yield replace(stage, box=box, directory=folder, objects=objects, clock=clock, runs=stage.runs + 1)


@dataclass
class Prepared:
    """Stages on which something happened before, made once for all who ask for them."""

    folder: Path
    made: dict[str, Stage] = field(default_factory=dict)

    @contextmanager
    def of(self, prepare: Callable[[Stage], object], folder: Path) -> Iterator[Stage]:
        """The stage after ``prepare``, below ``folder``, for whoever asks."""
        name = prepare.__name__
        if name not in self.made:
            with Sandbox.start(self.folder / name / "sandbox") as box:
                self.made[name] = open_stage(self.folder / name, box)
                prepare(self.made[name])
        with copied(self.made[name], self.folder / name / "sandbox", folder) as stage:
            yield stage


def open_stage(directory: Path, box: Sandbox) -> Stage:
    """The repository and its accounts on a running sandbox."""
    token = box.create_user("clockwork[bot]", bot=True)
    human = box.create_user("rosa", admin=True)
    box.create_repository(NAME, files=FILES)
    return Stage(box, directory, token, human, running())
