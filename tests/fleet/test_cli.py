"""``clockwork fleet`` as people and programs use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.settings.fleet import load_fleet
from tests.entry import clockwork
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
