"""Services of a Compose project applied to a real podman: by Docker's Compose program, and by podman-compose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from bot.appliers.compose import ComposeApplier, compose_command
from bot.errors import BotError, Invalid, Refused, Stale, Unavailable
from bot.model.action import Action, HealthReport, HealthState, Operation, Work
from bot.model.decision import Lane
from bot.model.json import get, text
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind
from bot.observers.containers import ContainerObserver
from tests.installed import needs_docker
from tests.intake.compose_oracle import program
from tests.observers.podman_engine import BUSYBOX, Podman, running_podman
from tests.observers.waiting import until

pytestmark = [
    needs_docker,
    pytest.mark.podman,
    pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed"),
    pytest.mark.skipif(
        not BUSYBOX.exists(), reason="no static busybox to make an image of (apt install busybox-static)"
    ),
]
ENGINE_ALONE: Final = pytest.mark.parametrize("project", ["docker"], indirect=True)
"""What the engine does when asked by its API is the same whichever tool made the containers."""

SLEEPS = """
    image: localhost/shop:1
    command: ["/bin/busybox", "sleep", "600"]
    network_mode: none
    stop_signal: SIGKILL
"""
FILE = f"""
services:
  web:{SLEEPS}
    environment:
      MODE: first
      KEY: ${{KEY:-none}}
    depends_on: [db]
  db:{SLEEPS}
"""


def tools() -> dict[str, tuple[str, ...]]:
    """The Compose tools that are here, by name."""
    docker, podman = program(), os.environ.get("CLOCKWORK_PODMAN_COMPOSE") or shutil.which("podman-compose")
    return {name: (path,) for name, path in (("docker", docker), ("podman", podman)) if path}


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with (
        tempfile.TemporaryDirectory(prefix="cw-", ignore_cleanup_errors=True) as path,
        running_podman(Path(path)) as one,
    ):
        yield one


@dataclass
class Project:
    """A checkout of one project with the podman that runs it."""

    podman: Podman
    folder: Path
    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, content: str) -> None:
        (self.folder / "compose.yaml").write_text(content)

    @property
    def applier(self) -> ComposeApplier:
        environment = {"PATH": os.environ["PATH"]}
        return ComposeApplier(
            self.folder,
            ("compose.yaml",),
            self.podman.socket,
            environment,
            self.environment,
            command=self.command,
            seconds=60.0,
        )

    def desired(self, name: str, kind: str = "service") -> Desired:
        id_ = ResourceId(Platform.COMPOSE, kind, self.name, name)
        return Desired(id_, name, SourceKind.COMPOSE, {}, "compose.yaml", 1)

    def live(self, name: str, kind: str = "service") -> Observed | None:
        declared = self.desired(name, kind)
        seen = ContainerObserver(host=self.podman.socket, environment={}).observe([declared], now=datetime.now(UTC))
        assert seen.unreachable == ()
        return seen.resources.get(declared.id)

    def work(self, operation: Operation, name: str = "web", kind: str = "service", called: str = "") -> Work:
        """The action as planned from what runs now; ``called`` is the name of its own that Git gives it."""
        desired = replace(self.desired(name, kind), tree={"name": called} if called else {})
        action = Action(operation, desired.id, name, (), Lane.ARTIFACT_PATCH, "LOW", "default")
        return Work(action, desired, self.live(name, kind), "token", datetime.now(UTC))

    def ids(self, name: str = "web") -> list[str]:
        labels = [f"com.docker.compose.service={name}", f"com.docker.compose.project={self.name}"]
        filters = {"filters": json.dumps({"label": labels})}
        return [each["Id"] for each in self.podman.ask("GET", "containers/json", all=True, **filters)]

    def details(self, container: str) -> Any:
        return self.podman.ask("GET", f"containers/{container}/json")

    def labels(self, container: str) -> dict[str, str]:
        labels: dict[str, str] = self.details(container)["Config"]["Labels"]
        return labels

    def name_and_status(self, container: str) -> tuple[str, str]:
        details = self.details(container)
        return details["Name"], details["State"]["Status"]

    def mode(self) -> str:
        live = self.live("web")
        assert live is not None
        return text(get(live.tree, "environment", "MODE"))

    def health(self, work: Work) -> HealthReport:
        return self.applier.health(work, now=datetime.now(UTC))


@pytest.fixture(params=["docker", "podman"])
def project(request: pytest.FixtureRequest, podman: Podman, tmp_path: Path) -> Iterator[Project]:
    command = tools().get(request.param)
    if command is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip  # .ci/run installs both
        absent(f"the Compose program of {request.param} is not here (CONTRIBUTING.md says how to get it)")
    name = f"shop{abs(hash(tmp_path)) % 10**8}"
    project = Project(podman, tmp_path, name, command)
    project.write(FILE)
    yield project
    for each in podman.ask("GET", "containers/json", all=True):
        podman.remove(each["Id"])


def created(project: Project) -> Work:
    work = project.work(Operation.CREATE)
    project.applier.carry_out(work)
    return work


def test_a_service_is_created_once(project: Project) -> None:
    """Nothing that it depends on is started; carried out again nothing happens; its health is told with evidence."""
    work = project.work(Operation.CREATE)
    project.applier.rehearse(work)
    assert project.ids() == []
    evidence = project.applier.carry_out(work)
    (container,) = project.ids()
    assert container[:12] in evidence.facts["containers"]
    assert project.applier.carry_out(work).facts["containers"] == evidence.facts["containers"]
    assert project.ids() == [container]
    assert project.ids("db") == []
    health = project.health(work)
    assert health.state is HealthState.HEALTHY
    assert "is running" in health.evidence[0]


def test_a_service_is_changed_once(project: Project) -> None:
    """An update puts a container as declared into the place of the old one, and no second one when carried out again."""
    created(project)
    before = project.ids()
    project.write(FILE.replace("MODE: first", "MODE: second"))
    work = project.work(Operation.UPDATE)
    evidence = project.applier.carry_out(work)
    after = project.ids()
    assert len(after) == 1
    assert after != before
    assert evidence.facts["in place of"] == before[0][:12]
    assert project.mode() == "second"
    project.applier.carry_out(work)
    assert project.ids() == after


def test_what_somebody_changed_by_hand_is_put_back(project: Project) -> None:
    """A container with the labels of the tool and other settings is replaced, whatever its labels say."""
    created(project)
    (before,) = project.ids()
    labels = project.labels(before)
    project.podman.remove(before)
    words = [f"--label={key}={value}" for key, value in labels.items()]
    sleep = ["localhost/shop:1", "/bin/busybox", "sleep", "600"]
    usual = ["--network=none", "--stop-signal=SIGKILL", f"--name={project.name}-web-1"]
    project.podman.run("run", "-d", *usual, "--env=MODE=hand", *words, *sleep)
    assert project.mode() == "hand"
    project.applier.carry_out(project.work(Operation.UPDATE))
    assert project.mode() == "first"
    assert len(project.ids()) == 1


def test_what_was_left_half_made_is_made_whole(project: Project) -> None:
    """After a crash between making and starting, in the middle of a replacement, one container runs under the usual name."""
    created(project)
    (before,) = project.ids()
    name, _ = project.name_and_status(before)
    work = project.work(Operation.UPDATE)
    labels = [f"--label={key}={value}" for key, value in project.labels(before).items()]
    project.podman.run(
        "create", f"--name={before[:12]}_{name}", "--network=none", *labels, "localhost/shop:1", "/bin/busybox"
    )
    project.applier.carry_out(work)
    (after,) = project.ids()
    assert after != before
    assert project.name_and_status(after) == (name, "running")


@pytest.mark.parametrize("project", ["docker"], indirect=True)
@pytest.mark.parametrize("point", ["/containers/create", "/stop", "DELETE ", "/rename", "/start"])
def test_a_tool_killed_in_the_middle(project: Project, point: str) -> None:
    """Killed at a request of its own, and carried out again: one container as declared, under the usual name, and no third."""
    created(project)
    (before,) = project.ids()
    name, _ = project.name_and_status(before)
    project.write(FILE.replace("MODE: first", "MODE: second"))
    work = project.work(Operation.UPDATE)
    project.podman.requests.clear()
    tool = project.applier.tool(project.name)
    killed = subprocess.Popen(
        [*tool.argv, "up", "-d", "--no-deps", "--force-recreate", "web"],
        cwd=tool.folder,
        env=dict(tool.environment),
        stderr=subprocess.DEVNULL,
    )
    assert until(lambda: any(point in line for line in project.podman.requests))
    killed.kill()
    killed.wait(20)
    project.applier.carry_out(work)
    (after,) = project.ids()
    assert after != before
    assert project.name_and_status(after) == (name, "running")
    assert project.mode() == "second"
    project.applier.carry_out(work)
    assert project.ids() == [after]


def test_what_was_removed_and_not_made_is_made(project: Project) -> None:
    """After a crash between removing the old container and making the new one, carrying on makes it."""
    created(project)
    work = project.work(Operation.REPLACE)
    for each in project.ids():
        project.podman.remove(each)
    project.applier.carry_out(work)
    assert len(project.ids()) == 1
    assert project.health(work).state is HealthState.HEALTHY


@ENGINE_ALONE
def test_what_runs_meanwhile_is_not_touched(project: Project) -> None:
    """A container that was not there when the work was planned makes it stale, and stays, whatever was to be done."""
    create, delete = project.work(Operation.CREATE), project.work(Operation.DELETE)
    created(project)
    theirs = project.ids()
    for work in (replace(create, at=datetime.now(UTC)), delete, replace(delete, at=datetime.now(UTC))):
        with pytest.raises(Stale, match="was planned"):
            project.applier.rehearse(work)
        with pytest.raises(Stale):
            project.applier.carry_out(work)
    assert project.ids() == theirs


@ENGINE_ALONE
def test_a_service_is_deleted_alone(project: Project) -> None:
    """Only its own containers go; carried out again nothing happens; that nothing is left is its health."""
    created(project)
    project.applier.carry_out(project.work(Operation.CREATE, "db"))
    others = project.ids("db")
    work = project.work(Operation.DELETE)
    assert project.health(work).state is HealthState.FAILED
    for _ in range(2):
        assert project.applier.carry_out(work).message.endswith("is gone")
        assert project.ids() == []
    assert project.ids("db") == others
    assert project.health(work).state is HealthState.HEALTHY


@ENGINE_ALONE
def test_a_service_is_restarted_once(project: Project) -> None:
    """The same container starts again, and not a second time when the work is carried out again."""
    created(project)
    (before,) = project.ids()
    started = project.details(before)["State"]["StartedAt"]
    work = project.work(Operation.RESTART)
    project.applier.carry_out(work)
    again = project.details(before)["State"]["StartedAt"]
    assert again != started
    project.applier.carry_out(work)
    assert project.details(before)["State"]["StartedAt"] == again
    project.podman.remove(before)
    with pytest.raises(Stale, match="has no container to restart"):
        project.applier.carry_out(work)


@ENGINE_ALONE
def test_a_service_that_fails_is_told(project: Project) -> None:
    """One that ends with an error is failed with its exit code, one that ends well is healthy."""
    for code, state in ((3, HealthState.FAILED), (0, HealthState.HEALTHY)):
        project.write(FILE.replace('["/bin/busybox", "sleep", "600"]', f'["/bin/busybox", "sh", "-c", "exit {code}"]'))
        work = project.work(Operation.UPDATE)
        project.applier.carry_out(work)
        assert until(lambda work=work, state=state: project.health(work).state is state)  # type: ignore[misc]
        assert any(f"exit code {code}" in line for line in project.health(work).evidence)
    assert project.health(project.work(Operation.DELETE, "db")).evidence == ("no container exists",)


def test_variables_are_given_and_never_shown(project: Project) -> None:
    """A variable reaches the container by the environment; where the tool fails, its value is not in the message."""
    project.environment["KEY"] = "swordfish"
    created(project)
    live = project.live("web")
    assert live is not None
    assert get(live.tree, "environment", "KEY") == "swordfish"
    project.write(
        FILE.replace("network_mode: none", "network_mode: ${KEY}", 1).replace("localhost/shop:1", "a b ${KEY}", 1)
    )
    with pytest.raises(Refused, match="ended with exit code") as refused:
        project.applier.carry_out(project.work(Operation.UPDATE))
    assert "swordfish" not in str(refused.value)


@ENGINE_ALONE
def test_volumes_and_networks_are_made_and_removed(project: Project) -> None:
    """Each once, with the labels that Compose knows its own by; what belongs to somebody else and changes are refused."""
    for kind in ("volume", "network"):
        work = project.work(Operation.CREATE, "data", kind)
        for _ in range(2):
            project.applier.carry_out(work)
        assert project.health(work).state is HealthState.HEALTHY
        live = project.live("data", kind)
        assert live is not None
        assert live.tree["name"] == f"{project.name}_data"
        with pytest.raises(Refused, match="update would take what uses it down"):
            project.applier.rehearse(project.work(Operation.UPDATE, "data", kind))
        project.podman.run(kind, "create", f"other{project.name}{kind}")
        with pytest.raises(Refused, match="does not belong to the project"):
            project.applier.rehearse(project.work(Operation.DELETE, "other", kind, called=f"other{project.name}{kind}"))
        gone = project.work(Operation.DELETE, "data", kind)
        for _ in range(2):
            project.applier.carry_out(gone)
        assert project.live("data", kind) is None
        assert project.health(gone).state is HealthState.HEALTHY


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"operation": Operation.RUN}, Refused, "is started, not run once"),
        ({"host": "unix:///nowhere.sock"}, Unavailable, "the engine does not answer"),
        ({"version": "unknown"}, Invalid, "names no container"),
        ({"command": ("/no/such/tool",)}, Invalid, "cannot start /no/such/tool"),
    ],
)
def test_what_cannot_be_done_is_told_before(
    project: Project, change: dict[str, object], error: type[BotError], message: str
) -> None:
    """A rehearsal raises it."""
    work, applier = project.work(Operation.CREATE), project.applier
    if "operation" in change:
        work = replace(work, action=replace(work.action, operation=Operation.RUN))
    elif "version" in change:
        work = replace(work, live=Observed(work.action.resource, {}, version=str(change["version"])))
    else:
        applier = replace(applier, **change)  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        applier.rehearse(work)


def test_the_tool_is_found_on_the_path(tmp_path: Path) -> None:
    """Docker's plug-in where docker has it, then the program of its own, then podman-compose; without one it is said."""
    with pytest.raises(Refused, match="there is no docker compose and no podman-compose"):
        compose_command({"PATH": str(tmp_path)})
    for name, script in (("podman-compose", "exit 0"), ("docker", "exit 1"), ("docker-compose", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
        expected = "podman-compose" if name == "docker" else name
        assert compose_command({"PATH": str(tmp_path)}) == (str(tmp_path / expected),)
    (tmp_path / "docker").write_text("#!/bin/sh\nexit 0\n")
    assert compose_command({"PATH": str(tmp_path)}) == (str(tmp_path / "docker"), "compose")
