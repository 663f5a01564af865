"""``clockwork fleet`` as people and programs use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings.fleet import load_fleet
from tests.entry import clockwork
from tests.fleet.brokers import wait_for
from tests.fleet.stand import fleet_stand


def test_a_fleet_is_run_listed_and_divided(tmp_path: Path) -> None:
    """A table of 80 columns and JSON with what the last run saw; a part of the fleet; groups for a matrix; exit codes."""
    with fleet_stand(tmp_path, ("north",)) as stand:
        stand.add("north/same")
        stand.add("north/drifted-with-a-rather-long-name-that-does-not-fit", live_port=8081)
        lost = "repositories: [{url: /nowhere/at/all, name: a/a}]\n"
        file, env = str(stand.write(lost)), stand.environment | {"COLUMNS": "80"}
        ran = clockwork("fleet", "run", file, "--once", "--only", "north/same", folder=tmp_path, **env)
        assert ran.returncode == 0, ran.stderr
        assert "1 repository: 1 in sync" in ran.stdout
        ran = clockwork("fleet", "run", file, "--once", "--workers", "1", folder=tmp_path, **env)
        assert ran.returncode == 3, ran.stderr
        assert "3 repositories: 1 in sync, 1 drift, 1 failed" in ran.stdout
        assert "a/a: /nowhere/at/all: no such folder." in ran.stdout
        assert "1 pull request waits for people: #1" in " ".join(ran.stdout.split())
        assert max(len(line) for line in ran.stdout.splitlines() if not line.startswith("a/a: ")) <= 80
        listed = json.loads(clockwork("fleet", "list", file, "--json", folder=tmp_path, **env).stdout)
        failed, one, two = listed["repositories"]
        assert [each["result"] for each in (failed, one, two)] == ["failed", "drift", "in sync"]
        assert [each["failures"] for each in (failed, one, two)] == [1, 0, 0]
        assert one["severities"]
        groups = [
            json.loads(clockwork("fleet", "list", file, "--matrix", n, folder=tmp_path, **env).stdout)
            for n in ("1", "256")
        ]
        assert groups == [[f"a/a {one['name']} north/same"], ["a/a", one["name"], "north/same"]]
        wrong = clockwork("fleet", "run", file, "--once", "--only", "north/sam", folder=tmp_path, **env)
        assert (wrong.returncode, "north/same" in wrong.stderr) == (2, True)
        stand.box.admin.suspend(stand.key.installations["north"])
        stand.box.create_repository("north/named", files={"a": b"1\n"})
        nobody = clockwork("fleet", "run", str(stand.write()), "--once", "--json", folder=tmp_path, **env)
        assert (nobody.returncode, json.loads(nobody.stdout)["repositories"]) == (0, [])


@pytest.mark.parametrize("processes", ["forked", "fresh"])
def test_stopping_a_fleet_says_what_it_waits_for_and_stopping_it_twice_ends_that(
    tmp_path: Path, processes: str
) -> None:
    """A run that hangs is waited for, which is said; a second signal ends it with all it started, and it counts as no crash."""
    marker, remote = tmp_path / "started", tmp_path / "shop"
    command = f"[sh, -c, 'echo $$ > {marker}.new; mv {marker}.new {marker}; exec sleep 600']"
    (tmp_path / "settings.yaml").write_text(
        f"version: 1\nobserve: {{snapshot: {{command: {command}, timeout: 900}}}}\n"
    )
    remote.mkdir()
    (remote / "web.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")
    git = ["git", "-C", str(remote), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    file = tmp_path / "fleet.yaml"
    entry = f"{{url: {remote}, name: a/a, settings: settings.yaml}}"
    file.write_text(f"version: 1\nschedule: {{processes: {processes}}}\nrepositories: [{entry}]\n")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    env = kept | {"HOME": str(tmp_path), "CLOCKWORK_CACHE": str(tmp_path / "cache")}
    with (tmp_path / "stderr").open("wb") as stderr:
        words = [sys.executable, "-m", "bot", "fleet", "run", str(file)]
        fleet = subprocess.Popen(words, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        wait_for(marker.exists)
        second = clockwork("fleet", "run", str(file), "--once", folder=tmp_path, **env)
        assert (second.returncode, f"by process {fleet.pid}" in second.stderr) == (4, True)
        fleet.send_signal(signal.SIGINT)
        wait_for(lambda: "stopping once 1 run ended, after 10m at the latest" in (tmp_path / "stderr").read_text())
        assert fleet.poll() is None
        fleet.send_signal(signal.SIGINT)
        assert fleet.wait(60) == 130
    finally:
        fleet.kill()
        fleet.wait()
    wait_for(lambda: not Path(f"/proc/{marker.read_text().strip()}/stat").exists())
    (listed,) = json.loads(clockwork("fleet", "list", str(file), "--json", folder=tmp_path, **env).stdout)[
        "repositories"
    ]
    assert (listed["result"], listed["failures"], listed["running"]) == (None, 0, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shedule: {workers: 3}\n", "fleet.yaml:2: unknown setting 'shedule'; did you mean 'schedule'?"),
        ("schedule: {workers: 0}\n", "fleet.yaml:2: schedule.workers: "),
        ("installations: all\n", "installations are those of a GitHub App: set app.id"),
        ("schedule: {interval: 1m}\n", "name repositories, or installations: all with an app"),
        ("repositories: [{url: https://a/x/y}, {url: https://a/x/y.git}]\n", "'https://a/x/y' is named twice"),
        ("repositories: [{url: https://a/x/y}, {url: https://b/x/y}]\n", "a and b would get the same token"),
        (
            "repositories: [{url: /srv/my repository}]\n",
            "'/srv/my repository' has spaces in it: give it a name without",
        ),
        ("environment: [CLOCKWORK_TOKEN]\nrepositories: [{url: /x}]\n", "CLOCKWORK_TOKEN holds a secret of the fleet"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    """With file and line, exit code 2."""
    file = tmp_path / "fleet.yaml"
    file.write_text(f"version: 1\n{text}")
    done = clockwork("fleet", "list", str(file), folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_one_token_may_serve_one_host() -> None:
    """Two repositories of one host share the fleet's token; with an app, those of its host do not need it."""
    same = b"repositories: [{url: https://a/x/y}, {url: https://a/x/z}]\n"
    assert load_fleet(same).token_env == "CLOCKWORK_TOKEN"
    app = b"app: {id: 1}\nrepositories: [{url: https://github.com/x/y}, {url: https://a/x/z}]\n"
    assert len(load_fleet(app).repositories) == 2


def test_the_schema_of_the_file_is_printed(tmp_path: Path) -> None:
    """Its title is the file's name, and it knows the sections."""
    schema = json.loads(clockwork("schema", "--fleet", folder=tmp_path).stdout)
    assert schema["title"] == "fleet.yaml"
    assert {"app", "installations", "schedule", "budget"} <= set(schema["properties"])
