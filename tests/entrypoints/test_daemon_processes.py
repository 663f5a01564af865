"""The daemon as processes: it starts, is found, asked, signalled, killed and started again."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entry import clockwork
from tests.entrypoints.keeping import Keeping, eventually, git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    """A repository whose daemons are gone afterwards."""
    made = Keeping.made(tmp_path)
    yield made
    made.end()


def test_a_daemon_lives_in_the_background_until_it_is_stopped(keeping: Keeping) -> None:
    """It is started with pid, port and log, answers, has a private runtime file, and is stopped; then all say so."""
    assert keeping.call("status", "--json").stdout == '{"running": false}\n'
    done = keeping.call("start", "--background", "--wait", "150", "--live", str(keeping.live), "--port", "0")
    runtime = keeping.state.runtime()
    assert runtime is not None
    keeping.children.append(runtime.pid)
    assert (
        done.stdout == f"started: pid {runtime.pid}, API on http://127.0.0.1:{runtime.port}, log {keeping.state.log}\n"
    )
    assert os.getsid(runtime.pid) == runtime.pid, "it has a session of its own"
    assert stat.S_IMODE((keeping.state.path / "runtime.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(keeping.state.path.stat().st_mode) == 0o700
    told = keeping.status()
    assert (told["running"], told["pid"], told["branch"], told["level"]) == (True, runtime.pid, "main", "conservative")
    stopped = keeping.call("stop")
    assert (stopped.returncode, stopped.stdout) == (0, f"stopped (pid {runtime.pid})\n")
    assert keeping.state.runtime() is None
    assert [keeping.events(name) != [] for name in ("started", "stopping", "stopped")] == [True] * 3
    assert keeping.call("stop").returncode == 0
    for verb in ("status", "check", "pause", "resume"):
        refused = keeping.call(verb)
        assert (refused.returncode, refused.stdout) == (3, "")
        assert refused.stderr.startswith(f"clockwork: no daemon runs for {keeping.remote}\n")
        assert "clockwork reconcile" in refused.stderr


def test_the_state_folder_is_found_by_the_repository(keeping: Keeping) -> None:
    """Without --state it is below XDG_STATE_HOME, and the verbs find it by the remote or by a checkout of it."""
    states = keeping.directory / "states"
    words = ("--repo", str(keeping.remote), "--live", str(keeping.live), "--port", "0")
    done = clockwork("daemon", "start", "--background", *words, folder=keeping.directory, XDG_STATE_HOME=str(states))
    assert done.returncode == 0, done
    (folder,) = (states / "clockwork").iterdir()
    assert folder.name.startswith("shop-main-")

    def verb(*words: str) -> subprocess.CompletedProcess[str]:
        return clockwork("daemon", *words, folder=keeping.directory, XDG_STATE_HOME=str(states))

    assert verb("status", "--repo", str(keeping.checkout)).returncode == 0
    assert verb("status", "--repo", str(keeping.remote), "--branch", "other").returncode == 3
    assert verb("stop", "--repo", str(keeping.checkout)).stdout.startswith("stopped (pid ")


def test_a_second_daemon_is_refused_and_names_the_first(keeping: Keeping) -> None:
    """In the foreground and in the background; the first goes on."""
    pid = keeping.start()
    for words in (("start", "--background"), ("run",)):
        refused = keeping.call(*words, "--live", str(keeping.live), "--port", "0")
        assert refused.returncode == 4
        assert f"already: pid {pid}\n" in refused.stderr
    assert keeping.status()["pid"] == pid


def test_a_killed_daemon_leaves_nothing_that_keeps_the_next_one_from_starting(keeping: Keeping) -> None:
    """After SIGKILL its pid and runtime files lie there and are told from a daemon that runs."""
    pid = keeping.start()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: keeping.state.holder() is None)
    assert (keeping.state.path / "clockwork.pid").read_text() == f"{pid}\n"
    assert keeping.state.runtime() is not None
    assert keeping.call("status", "--json").stdout == '{"running": false}\n'
    assert keeping.call("stop").stdout.endswith("nothing to stop\n")
    assert keeping.start() != pid


def test_a_daemon_that_cannot_start_says_why(keeping: Keeping) -> None:
    """With the exit code that the same mistake has everywhere, and the last lines of its log."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = keeping.call("start", "--background", "--wait", "150", "--live", str(keeping.live), "--port", port)
    assert refused.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert f"The whole log is {keeping.state.log}." in refused.stderr
    keeping.push("clockwork.yaml", lambda text: text + "fixes: {levle: moderate}\n")
    wrong = keeping.call("start", "--background", "--wait", "150", "--live", str(keeping.live), "--port", "0")
    assert wrong.returncode == 2
    assert "did you mean 'level'" in wrong.stderr


def test_check_has_it_run_now_and_prints_what_reconcile_prints(keeping: Keeping) -> None:
    """The same text, the same JSON and the same exit code as a run on the command line."""
    keeping.start()
    eventually(lambda: keeping.status()["ticks"])
    keeping.drift(7)
    printed = keeping.call("check", COLUMNS="100")
    assert printed.returncode == 0, printed
    assert 'committed   "shop/web: failureThreshold 3 → 7" to k8s/web.yaml' in printed.stdout
    assert "failureThreshold: 7" in git(keeping.remote, "show", "main:k8s/web.yaml")
    again = json.loads(keeping.call("check", "--json").stdout)
    words = ("reconcile", "--json", "--repo", str(keeping.remote), "--live", str(keeping.live))
    direct = json.loads(clockwork(*words, folder=keeping.directory).stdout)
    assert {**again, "at": ""} == {**direct, "at": ""}
    keeping.live.unlink()
    blind, alone = keeping.call("check"), clockwork(*words, folder=keeping.directory)
    assert (blind.returncode, blind.stderr) == (alone.returncode, alone.stderr) != (0, "")


def test_a_paused_daemon_looks_and_writes_nothing_even_after_a_restart(keeping: Keeping) -> None:
    """The pause is shown with its reason; resumed, it writes what it had seen. A halt is something else."""
    pid = keeping.start()
    assert keeping.call("pause", "-m", "the audit").stdout.startswith("Paused since ")
    keeping.drift(7)
    before = git(keeping.remote, "rev-parse", "main")
    planned = json.loads(keeping.call("check", "--json").stdout)
    assert [action["effect"] for action in planned["actions"]] == ["planned"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: keeping.state.holder() is None)
    keeping.start()
    assert keeping.status()["paused"]["reason"] == "the audit"
    eventually(lambda: keeping.status()["last"])
    assert git(keeping.remote, "rev-parse", "main") == before
    assert keeping.call("resume").stdout == "Resumed: the daemon writes again.\n"
    eventually(lambda: git(keeping.remote, "rev-parse", "main") != before)
    assert keeping.call("resume").stdout == "The daemon was not paused.\n"
    assert keeping.status()["paused"] is None


def test_sighup_reads_the_settings_again_and_writes_into_a_new_log(keeping: Keeping) -> None:
    """As a log rotating system wants it: the renamed file gets no more lines."""
    settings = keeping.settings(check_interval=600, drift_interval=600)
    pid = keeping.start("--settings", str(settings))
    keeping.settings(check_interval=601, drift_interval=602)
    renamed = keeping.state.log.rename(keeping.state.path / "old.log")
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: keeping.state.log.is_file() and keeping.events("reloaded"))
    looks = keeping.status()["looks"]
    assert (looks["check"]["every"], looks["drift"]["every"]) == (601, 602)
    assert not keeping.events("reloaded", renamed)
    settings.write_text("daemon: {check_interval: never}\n")
    os.kill(pid, signal.SIGHUP)
    eventually(lambda: "check_interval" in (keeping.status()["last_error"] or ""))
    assert keeping.status()["looks"]["check"]["every"] == 601


def test_the_log_keeps_its_size(keeping: Keeping) -> None:
    """Old files are packed and numbered, no more than asked for; nothing of a line is lost at the seam."""
    pid = keeping.start("--settings", str(keeping.settings(log_bytes=4096, log_files=2)))
    while not (keeping.state.path / "daemon.log.2.gz").is_file():
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: not keeping.status()["queue"])
        assert keeping.call("check").returncode == 0
    eventually(keeping.state.log.is_file)
    assert keeping.state.log.stat().st_size <= 4096
    assert not (keeping.state.path / "daemon.log.3.gz").exists()
    packed = gzip.decompress((keeping.state.path / "daemon.log.1.gz").read_bytes())
    assert all(json.loads(line)["event"] for line in packed.decode().splitlines())


def test_a_step_that_hangs_is_given_up_and_the_daemon_goes_on(keeping: Keeping) -> None:
    """Reading live state takes too long: it is told, the daemon is not ready meanwhile, and the next run is a real one."""
    script = keeping.directory / "script"
    hang = f"if test -e {keeping.directory}/hang; then echo $$ > {keeping.directory}/look.$$; exec sleep 600; fi"
    script.write_text(f"#!/bin/sh\n{hang}\ncat {keeping.live}\n")
    script.chmod(0o755)
    settings = keeping.settings(step_timeout=2, check_interval=1, drift_interval=1)
    (keeping.directory / "hang").touch()
    child = keeping.run("--settings", str(settings), live=("--live-command", str(script)))
    stderr = keeping.directory / "stderr"
    eventually(lambda: keeping.events("overdue", stderr))
    (overdue,) = keeping.events("overdue", stderr)[:1]
    assert overdue["step"] == "reading live state"
    eventually(lambda: keeping.events("left", stderr))
    assert keeping.status()["last_error"].startswith("run: 'reading live state' takes longer than 2 s")
    (keeping.directory / "hang").unlink()
    eventually(lambda: keeping.status()["last"])
    (keeping.directory / "hang").touch()
    eventually(lambda: keeping.status()["doing"])
    os.kill(child.ident or 0, signal.SIGTERM)
    running = [int(file.read_text()) for file in keeping.directory.glob("look.*")]
    child.join(60)
    assert child.exitcode == 0, "a look is left at once when it is to stop"
    # and what it had started is ended: whoever inherits it reaps it in a moment
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running))


def test_the_service_manager_is_told(keeping: Keeping) -> None:
    """READY, STATUS, WATCHDOG, RELOADING with the monotonic time, STOPPING; on a path and on an abstract socket."""
    path = keeping.directory / "notify"
    for address, name in (
        (str(path), str(path)),
        ("\0clockwork-test-" + str(os.getpid()), "@clockwork-test-" + str(os.getpid())),
    ):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(60)
            child = keeping.run(NOTIFY_SOCKET=name, WATCHDOG_USEC="400000")
            ready, alive, _ = received(manager, "READY=1", "WATCHDOG=1", "STATUS=in sync")
            pid = child.ident or 0
            assert ready["MAINPID"] == str(pid)
            assert alive == {"WATCHDOG": "1"}
            os.kill(pid, signal.SIGHUP)
            reloading, _ = received(manager, "RELOADING=1", "READY=1")
            assert reloading["MONOTONIC_USEC"].isdigit()
            os.kill(pid, signal.SIGTERM)
            (stopping,) = received(manager, "STOPPING=1")
            assert stopping["STATUS"] == "stopping"
            child.join(60)
            assert child.exitcode == 0


def received(manager: socket.socket, *beginnings: str) -> list[dict[str, str]]:
    """For each of them the next message that has a line beginning so, in whatever order they come."""
    messages: dict[str, dict[str, str]] = {}
    while messages.keys() < set(beginnings):
        lines = manager.recv(4096).decode().splitlines()
        for beginning in beginnings:
            if beginning not in messages and any(line.startswith(beginning) for line in lines):
                messages[beginning] = dict(line.split("=", 1) for line in lines)
    return [messages[beginning] for beginning in beginnings]


def test_what_changes_is_noticed_between_two_readings_of_live_state(keeping: Keeping) -> None:
    """With hours between two readings, a push, an order and changed settings are each followed by a run."""
    keeping.start("--settings", str(keeping.settings(check_interval=0.5, drift_interval=36000)))
    eventually(lambda: keeping.status()["last"])
    pushed = keeping.push("k8s/web.yaml", lambda text: text + "# touched\n")
    eventually(lambda: keeping.status()["last"]["commit"] == pushed)
    halted = clockwork("halt", "-m", "audit", "--repo", str(keeping.remote), folder=keeping.directory)
    assert halted.returncode == 0, halted
    eventually(lambda: "audit" in (keeping.status()["last"]["blocked"] or ""))
    assert keeping.status()["halt"]["reason"] == "audit"
    ticks = keeping.status()["ticks"]
    checked = keeping.status()["looks"]["check"]["last"]
    eventually(lambda: keeping.status()["looks"]["check"]["last"] > checked)
    assert keeping.status()["ticks"] == ticks, "nothing changed, so nothing was compared"


def test_a_checkout_is_compared_as_it_lies_and_nothing_of_it_is_written(keeping: Keeping) -> None:
    """A change that nobody pushed shows its difference, then its mistake with file and line; Git stays as it is."""
    settings = keeping.settings(watch_paths=[str(keeping.checkout), str(keeping.directory / "nowhere")])
    keeping.start("--settings", str(settings))
    heads = git(keeping.remote, "for-each-ref")

    def looked() -> dict[str, dict[str, object]]:
        return {look["folder"]: look for look in keeping.status()["checkouts"]}

    mine = str(keeping.checkout)
    eventually(lambda: looked().get(mine, {}).get("drift") == {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "LOW": 0})
    assert "no such folder" in str(looked()[str(keeping.directory / "nowhere")]["errors"])
    web = keeping.checkout / "k8s" / "web.yaml"
    good = web.read_text()
    web.write_text(good.replace("failureThreshold: 3", "failureThreshold: 4"))
    eventually(lambda: sum(looked()[mine]["drift"].values()) == 1)  # type: ignore[attr-defined]
    assert "1 difference" in keeping.call("check").stdout
    web.write_text(good + "  bad: [\n")
    eventually(lambda: "k8s/web.yaml:" in str(looked()[mine]["errors"]))
    service = keeping.checkout / "infra.cw"
    web.write_text(good)
    service.write_text('resource "service" "web" {\n  imagee = "x"\n}\n')
    eventually(lambda: "infra.cw:" in str(looked()[mine]["errors"]))
    assert git(keeping.remote, "for-each-ref") == heads
    assert json.loads(keeping.call("check", "--json").stdout)["checkouts"]


def test_status_fits_a_terminal_of_eighty_columns(keeping: Keeping) -> None:
    """Every line, but for what cannot be broken such as a path."""
    keeping.start()
    keeping.drift(7)
    keeping.call("check")
    printed = keeping.call("status", COLUMNS="80").stdout
    assert [line for line in printed.splitlines() if len(line) > 80 and "/" not in line] == []
    for words in (
        "keeps shop main, level conservative",
        "Deployment/shop/web: 1 of 2 fixes, cooldown until",
        "analysis:",
    ):
        assert words in printed


def test_a_daemon_may_have_a_level_of_its_own(keeping: Keeping) -> None:
    """``--policy`` holds for this daemon, whatever Git says; an unknown level is exit 2 with the nearest."""
    keeping.start("--policy", "disabled")
    keeping.drift(7)
    looked = json.loads(keeping.call("check", "--json").stdout)
    assert [decision["rule"] for decision in looked["decisions"]] == ["levels/disabled.yaml#report-only"]
    assert keeping.status()["level"] == "disabled"
    wrong = keeping.call("start", "--policy", "disable")
    assert (wrong.returncode, "Did you mean 'disabled'?" in wrong.stderr) == (2, True)


def test_a_daemon_that_does_not_end_is_told_of_and_killed_only_on_request(keeping: Keeping) -> None:
    """One that is stopped by the kernel cannot end: ``stop`` says that it still runs, ``--kill`` makes an end."""
    pid = keeping.start()
    os.kill(pid, signal.SIGSTOP)
    silent = keeping.call("status", "--json")
    assert silent.returncode == 3
    assert json.loads(silent.stdout)["running"] is True
    assert "does not answer" in json.loads(silent.stdout)["error"]
    stuck = keeping.call("stop", "--timeout", "0.5")
    assert (stuck.returncode, stuck.stdout) == (1, "")
    assert f"pid {pid} still runs after 0.5 s" in stuck.stderr
    killed = keeping.call("stop", "--timeout", "0.5", "--kill")
    assert (killed.returncode, killed.stdout) == (0, f"stopped (pid {pid})\n")
