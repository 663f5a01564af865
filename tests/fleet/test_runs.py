"""A fleet on the sandbox: who takes part, what each run is given, and that what goes wrong with one touches no other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.entrypoints.fleet.forking import Forking
from bot.entrypoints.fleet.keeping import exclusive_lock, load_repositories, save_repositories
from bot.entrypoints.fleet.processes import ProcessPool, run_member
from bot.entrypoints.fleet.wall import reach_of
from bot.errors import Invalid, Refused
from bot.fleet.run import FleetRun
from bot.fleet.status import FleetRepository, FleetResult
from bot.flows.fleet import FleetLoop, FleetPacing
from bot.settings import load
from bot.settings.places import ObserveSettings
from bot.wiring.fleet import OpenFleet, open_fleet
from bot.wiring.repository import SystemClock
from tests.fleet.brokers import wait_for
from tests.fleet.memory import holds
from tests.fleet.stand import FleetStand, fleet_stand, live_state
from tests.web import WEB

OWNERS = ("north", "south")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[FleetStand]:
    with fleet_stand(tmp_path, OWNERS) as made:
        yield made


@pytest.fixture(scope="module")
def forks() -> Iterator[Forking]:
    """One for all fleets of these tests, which have the same environment but for their home."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    server = Forking(kept | {"HOME": "/nowhere"})
    yield server
    server.close()


def opened(stand: FleetStand, text: str = "", **more: str) -> OpenFleet:
    return open_fleet(stand.write(text), stand.environment | more, SystemClock())


def loop(fleet: OpenFleet, forks: Forking, workers: int = 2) -> FleetLoop:
    return FleetLoop(fleet.members, ProcessPool(fleet, workers, forks), FleetPacing(workers), fleet.clock)


def results(kept: FleetLoop) -> dict[str, FleetResult | None]:
    return {each.name: each.result for each in kept.status().repositories}


def awaited(pool: ProcessPool, most: int) -> list[FleetRun]:
    """The accounts that come next, within minutes."""
    accounts = list[FleetRun]()
    for _ in range(240):
        accounts += pool.finished(1.0)
        if len(accounts) >= most:
            break
    return accounts


def pulls(stand: FleetStand, name: str) -> list[str]:
    token = stand.box.create_user("rosa", admin=True)
    headers = {"Authorization": f"Bearer {token}"}
    answer = WEB.get(f"{stand.box.api_url}/repos/{name}/pulls?state=all", headers=headers)
    return [pull["title"] for pull in answer.json()]


def test_a_fleet_keeps_them_apart(stand: FleetStand, forks: Forking) -> None:
    """One each in sync and drifted, without settings, broken, crashing, reaching into the machine: the others are
    as if alone. No token ever went to another repository than its own, and writes went where something differed.
    """
    for number in range(4):
        stand.add(f"north/same-{number}")
    stand.add("south/drifted", live_port=8081)
    stand.box.create_repository("south/empty", files={"a": b"1\n"}, private=True)
    stand.box.create_repository("south/broken", files={"clockwork.yaml": b"fixs: {}\n"}, private=True)
    stand.add("south/crashes", observe="{snapshot: {command: [sh, -c, 'kill -9 $PPID']}}")
    stand.add("south/curious", observe="{snapshot: {command: [env]}}")
    fleet = opened(stand, "trusted: [south/crashes]\n")
    kept = loop(fleet, forks, workers=3)
    assert kept.once() == ()
    assert results(kept) == {
        **{f"north/same-{number}": FleetResult.IN_SYNC for number in range(4)},
        "south/broken": FleetResult.FAILED,
        "south/crashes": FleetResult.CRASHED,
        "south/curious": FleetResult.FAILED,
        "south/drifted": FleetResult.DRIFT,
        "south/empty": FleetResult.NO_SETTINGS,
    }
    errors = {each.name: each.error or "" for each in kept.status().repositories}
    assert "clockwork.yaml:1: unknown setting 'fixs'; did you mean 'fixes'? Fix the file." in errors["south/broken"]
    assert "observe: snapshot.command" in errors["south/curious"]
    assert "signal 9" in errors["south/crashes"]
    assert stand.cross_talk() == []
    assert {name for name, scope, writes in stand.talk() if writes} == {"south/drifted"}
    assert {scope for _, scope, _ in stand.talk() if scope} == {(name,) for name in results(kept)}
    folders = [folder for folder in fleet.cache.iterdir() if folder.is_dir()]
    assert len(folders) == 9
    assert len(pulls(stand, "south/drifted")) == 1


def test_what_hangs_is_ended(stand: FleetStand, forks: Forking) -> None:
    """After its time with all that it started, and its neighbour is run as ever. Its memory holds the token of its own
    repository, and neither that of the neighbour that was run before it, nor what else the fleet was given.
    """
    marker = stand.directory / "started"
    command = f"[sh, -c, 'echo $PPID > {marker}.new; mv {marker}.new {marker}; exec sleep 4711.{os.getpid()}']"
    stand.add("south/hangs", observe=f"{{snapshot: {{command: {command}, timeout: 900}}}}")
    stand.add("south/same")
    secrets = {"CLOCKWORK_SECRET": "kept-by-the-fleet-4711", "DATABASE_PASSWORD": "kept-by-others-4711"}
    fleet = opened(stand, "trusted: [south/hangs]\nschedule: {time_limit: 15}\n", **secrets)
    hangs, same = fleet.members()
    assert run_member(fleet, same, forks).result is FleetResult.IN_SYNC
    pool = ProcessPool(fleet, 2, forks)
    pool.start(hangs)
    wait_for(marker.exists)
    key = stand.key.private_key.splitlines()[1]
    given = [str(fleet.order(each).token) for each in (hangs, same)]
    assert [holds(int(marker.read_text()), text) for text in (*given, *secrets.values(), key)] == [True, *[False] * 4]
    pool.start(same)
    accounts = {account.name: account for account in awaited(pool, 2)}
    pool.close()
    ended = accounts["south/hangs"]
    assert (ended.result, ended.error) == (FleetResult.TIMED_OUT, "ended after 15 s")
    assert accounts["south/same"].result is FleetResult.IN_SYNC
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not any(f"4711.{os.getpid()}".encode() in command for command in commands)


def test_a_run_is_given_no_secret_but_its_own(stand: FleetStand) -> None:
    """Its environment has neither the app's key, nor the fleet's secret, nor what belongs to somebody else."""
    stand.add("north/one")
    stand.add("north/two")
    fleet = opened(stand, "environment: [KUBECONFIG]\n", KUBECONFIG="/etc/kube", LC_ALL="C.UTF-8")
    one, two = fleet.members()
    seen = fleet.surroundings(one)
    assert (seen["KUBECONFIG"], seen["LC_ALL"]) == ("/etc/kube", "C.UTF-8")
    values = set(seen.values())
    assert not values & {stand.key.private_key, "of the fleet", "of somebody else"}
    assert seen["CLOCKWORK_SECRET"] != fleet.surroundings(two)["CLOCKWORK_SECRET"]
    assert fleet.order(one).token != fleet.order(two).token
    assert fleet.order(one).token == fleet.order(one).token
    fleet.forget(one)
    renewed = fleet.order(one)
    assert str(renewed.token) not in repr(renewed)
    assert str(renewed.token) not in values


def test_the_same_run_twice_writes_once(stand: FleetStand, forks: Forking) -> None:
    """What a queue delivers again is harmless: the second run sees what the first wrote, in a process of the other kind."""
    stand.add("north/one", live_port=8081)
    fleet = opened(stand)
    (member,) = fleet.members()
    first, second = run_member(fleet, member), run_member(fleet, member, forks)
    assert [dict(first.actions), dict(second.actions)] == [{"opened": 1}, {"unchanged": 1}]
    assert len(pulls(stand, "north/one")) == 1
    assert first.left is not None
    assert first.left.limit == 5000
    assert first.requests > second.requests > 0


def test_who_takes_part(stand: FleetStand) -> None:
    """Globs choose among what the app reaches; what is named by its address is taken as it is written there."""
    for name in ("north/one", "north/old-two", "south/three"):
        stand.add(name)
    stand.box.create_repository("west/four", files={"a": b"1\n"})
    text = "include: ['*/o*', south/*]\nexclude: ['*/old-*']\ntrusted: [west/*]\nrepositories:\n"
    text += f"  - {{url: {stand.box.git_url('west/four')}, interval: 1h, live: [live.json], token_env: WEST}}\n"
    text += f"  - {{url: {stand.box.git_url('north/one')}, branch: main}}\n"
    fleet = opened(stand, text, WEST="a-token")
    members = {member.name: member for member in fleet.members()}
    assert list(members) == ["north/one", "south/three", "west/four"]
    west, north = members["west/four"], members["north/one"]
    assert (west.account, west.interval.total_seconds(), west.trusted) == ("token WEST", 3600, True)
    assert west.live == (str(stand.directory / "live.json"),)
    assert (fleet.order(west).token, fleet.order(west).login) == ("a-token", None)
    assert (north.account, north.branch, north.needs_settings) == (
        f"installation {stand.key.installations['north']}",
        "main",
        False,
    )
    assert fleet.order(north).login == "fleet[bot]"
    assert members["south/three"].needs_settings


def test_one_that_the_app_does_not_reach_bars_no_other(stand: FleetStand, forks: Forking) -> None:
    """A repository without an installation, an owner who locked the app out, and one that was deleted: each is a row that says
    why and what to do, and the others are run. One that the file calls otherwise is run once, with its own token.
    """
    for name in ("north/one", "north/gone", "south/five"):
        stand.add(name)
    stand.box.create_repository("west/four", files={"a": b"1\n"})
    text = f"trusted: [north/*]\nrepositories: [{{url: {stand.box.git_url('west/four')}}}, "
    fleet = opened(stand, f"{text}{{url: {stand.box.git_url('north/one')}, name: north/gone-by-another-name}}]\n")
    south = f"/app/installations/{stand.key.installations['south']}/access_tokens"
    stand.box.faults.fail(403, south, message="Your IP address is not on the allow list")
    members = {member.name: member for member in fleet.members()}
    assert list(members) == ["north/gone", "north/gone-by-another-name", "south/*", "west/four"]
    assert members["north/gone-by-another-name"].trusted
    stand.box.admin.rename("north/gone", "elsewhere/gone")
    accounts = [run_member(fleet, member, forks) for member in members.values()]
    assert [account.result for account in accounts] == [
        *(FleetResult.FAILED, FleetResult.IN_SYNC, FleetResult.FAILED, FleetResult.FAILED),
    ]
    errors = [str(account.error) for account in accounts]
    assert "gets no token for north/gone: " in errors[0]
    assert "If it was deleted, renamed" in errors[0]
    assert "403: Your IP address is not on the allow list. Check the GitHub App" in errors[2]
    assert "does not reach west/four: GitHub answered GET /repos/west/four/installation with 404" in errors[3]
    assert stand.cross_talk() == []


def test_what_is_missing_is_said(stand: FleetStand) -> None:
    """A file that is not there, a key, a token, an app that is not installed, two of one name, another start."""
    stand.add("west/four", private=False)
    with pytest.raises(Invalid, match="No such file"):
        open_fleet(stand.directory / "none.yaml", {}, SystemClock())
    with pytest.raises(Invalid, match="private key of the GitHub App"):
        open_fleet(stand.write(), {}, SystemClock())
    entry = f"{{url: {stand.box.git_url('west/four')}}}"
    named = opened(stand, f"repositories: [{entry[:-1]}, token_env: WEST}}]\n")
    (member,) = named.members()
    account = run_member(named, member)
    assert (account.result, "WEST is not set. Set it, or" in str(account.error)) == (FleetResult.FAILED, True)
    with pytest.raises(Invalid, match=r"of https://a\.example/x/y has credentials in it") as refused:
        opened(stand, "repositories: [{url: 'https://me:hidden@a.example/x/y', token_env: W}]\n").members()
    assert "hidden" not in str(refused.value)
    twice = f"repositories: [{entry[:-1]}, token_env: W}}, {{url: /srv/other, name: West/Four}}]\n"
    with pytest.raises(Invalid, match=r"fleet\.yaml: two repositories are called west/four"):
        opened(stand, twice).members()
    with exclusive_lock(stand.directory), pytest.raises(Refused, match="kept already"), exclusive_lock(stand.directory):
        pass


def test_what_is_known_outlives_a_start(tmp_path: Path) -> None:
    """All of it, but that something ran; a file that is cut off or not there is nothing known."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    known = {
        "a/a": FleetRepository("a/a", now, now, 2.5, FleetResult.BLOCKED, error="halted", running=True, failures=1)
    }
    file = tmp_path / "state" / "fleet.json"
    assert load_repositories(file) == {}
    save_repositories(file, known)
    (again,) = load_repositories(file).values()
    assert (again.name, again.result, again.running, again.due) == ("a/a", FleetResult.BLOCKED, False, now)
    assert json.loads(file.read_text())["a/a"]["error"] == "halted"
    file.write_text(file.read_text()[:40])
    assert load_repositories(file) == {}


@pytest.mark.parametrize(
    "observe",
    [
        "kubernetes: {}",
        "kubernetes: {context: prod}",
        "docker: {}",
        "docker: {host: 'unix:///run/other.sock'}",
        "terraform: {}",
        "snapshot: {file: /etc/live.json}",
        "snapshot: {command: [cat, live.json]}",
    ],
)
def test_what_reaches_into_the_machine_is_known(observe: str) -> None:
    """Also where a repository names no cluster and no engine: the usual ones are the machine's. A URL is not."""
    settings = load(f"version: 1\nobserve: {{{observe}}}\n".encode(), file="clockwork.yaml")
    target = load(
        f"version: 1\ntargets: [{{name: p, path: p, observe: {{{observe}}}}}]\n".encode(), file="clockwork.yaml"
    )
    assert None not in {reach_of(settings), reach_of(target)}
    assert reach_of(load(b"version: 1\nobserve: {snapshot: {url: 'https://x.example/live'}}\n", file="c")) is None
    assert reach_of(load(b"version: 1\n", file="c")) is None


def test_an_observer_that_is_new_reaches_into_the_machine() -> None:
    """Until somebody says that it does not."""

    class Observers(ObserveSettings):
        mainframe: dict[str, str] | None = None

    settings = load(b"version: 1\n", file="c")
    reaches = [
        reach_of(settings.model_copy(update={"observe": Observers(mainframe=mainframe)}))
        for mainframe in (None, {"a": "b"})
    ]
    assert reaches == [None, "observe: mainframe"]


def test_strangers_reach_nothing_inside_of_the_network(stand: FleetStand, forks: Forking) -> None:
    """A private address by number, by a name that resolves to it, after a redirect, and as a probe: none is connected to, and
    the account says so. A repository that is trusted may.
    """
    with live_state() as inner:
        inner.documents["live"] = "{}"
        port = inner.url.rpartition(":")[2]
        stand.live.moved["away"] = f"{inner.url}/live"
        for name, observe in {
            "number": f"snapshot: {{url: {inner.url}/live}}",
            "name": f"snapshot: {{url: 'http://localhost:{port}/live'}}",
            "redirect": f"snapshot: {{url: {stand.live.url}/away}}",
            "probe": f"http: [{{url: {inner.url}/live}}]",
            "mapped": f"snapshot: {{url: 'http://[::ffff:127.0.0.1]:{port}/live'}}",
            "metadata": "snapshot: {url: 'http://169.254.169.254/latest/meta-data/'}",
            "trusted": f"snapshot: {{url: {inner.url}/live}}",
        }.items():
            stand.add(f"north/{name}", live_port=None, observe=f"{{{observe}}}")
        kept = loop(opened(stand, "trusted: [north/trusted]\n"), forks)
        kept.once()
        errors = {each.name.partition("/")[2]: each.error or "" for each in kept.status().repositories}
        trusted = errors.pop("trusted")
        assert all("inside of the network of this machine" in error for error in errors.values()), errors
        assert "169.254.169.254:80" in errors["metadata"]
        assert "inside of the network" not in trusted
        assert inner.asked == ["live"]


@pytest.mark.parametrize(
    "settings",
    [
        "github: {api_url: 'https://collector.example/api/v3'}",
        "guard: {assistants: [{kind: openai, base_url: 'https://x.example', model: m, key_env: CLOCKWORK_TOKEN}]}",
        "fetch: {private_hosts: ['charts.internal']}",
        "fetch: {hosts: ['10.0.0.7']}",
    ],
)
def test_a_stranger_chooses_no_server_for_the_token(stand: FleetStand, forks: Forking, settings: str) -> None:
    """Settings that would send the run's token elsewhere, or open the network to fetching, are refused before anything."""
    content = f"version: 1\nobserve: {{snapshot: {{url: {stand.live.url}/north/one}}}}\n{settings}\n"
    stand.box.create_repository("north/one", files={"clockwork.yaml": content.encode()}, private=True)
    fleet = opened(stand)
    (member,) = fleet.members()
    account = run_member(fleet, member, forks)
    assert account.result is FleetResult.FAILED
    assert f"reach into this machine ({settings.partition(':')[0]}." in str(account.error)
    assert stand.live.asked == []
