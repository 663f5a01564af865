"""The command line as people meet it: clear messages, the right exit code, nothing half-written."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT

LIVE = '{"kind": "List", "apiVersion": "v1", "items": []}'


def folder(tmp_path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder of manifests with a snapshot beside it in which nothing runs."""
    root = tmp_path / "manifests"
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "live.json").write_text(LIVE)
    return root


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"k8s/web.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: [web\n"}, "k8s/web.yaml:"),
        ({"infra/a.cw": 'resource "service" "web" {\n  image = "a\n}\n'}, "infra/a.cw:2:"),
        ({"compose.yaml": "services:\n  web:\n    imge: a\n"}, "compose.yaml:3:"),
        (
            {"clockwork.yaml": "fixes:\n  per_hours: 3\n"},
            "clockwork.yaml:2: unknown setting 'fixes.per_hours'; did you mean",
        ),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path: Path, files: Mapping[str, str], said: str) -> None:
    """A mistake in a file of the repository is told with file and line, exit code 2."""
    root = folder(tmp_path, files)
    done = clockwork("drift", "--repo", str(root), "--live", str(tmp_path / "live.json"), folder=tmp_path)
    assert done.returncode == 2, done
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("drift", "--repo", "nowhere", "--live", "live.json"), 2, "nowhere: no such folder"),
        (("drift", "--repo", "manifests"), 2, "no live-state source is configured"),
        (("drift", "--repo", "manifests", "--live", "text.txt"), 2, "text.txt"),
        (
            ("drift", "--repo", "manifests", "--live", "http://127.0.0.1:9/x"),
            3,
            "cannot read live state from snapshot http://127.0.0.1:9/x: ",
        ),
        (("drift", "--repo", "manifests", "--live", "live.json", "--var", "x"), 2, "--var 'x': expected NAME=VALUE"),
        (("reconcile", "--repo", "http://127.0.0.1:9/a/b.git", "--live", "live.json"), 3, "127.0.0.1:9"),
        (("reconcile", "--repo", "https://u:p4ss@127.0.0.1/a.git", "--live", "live.json"), 2, "credentials"),
        (("halt", "--repo", "manifests", "-m", "x"), 2, "no remote"),
        (("explain", "x", "--repo", "manifests", "--live", "live.json"), 2, "nothing is known about 'x'"),
        (("guard", "diff", "a", "b", "--repo", "manifests"), 2, "not in a Git repository"),
    ],
)
def test_bad_input_and_unreachable_places(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """Each failure has one clear message and its own exit code, and never shows a password."""
    folder(tmp_path, {"web.yaml": DEPLOYMENT})
    (tmp_path / "text.txt").write_text("just words\n")
    done = clockwork(*words, folder=tmp_path)
    assert done.returncode == code, done
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "p4ss" not in done.stdout + done.stderr


def test_a_code_host_without_a_token(tmp_path: Path) -> None:
    """A remote on a code host needs a token to write; the message says which variable."""
    root = folder(
        tmp_path,
        {"web.yaml": DEPLOYMENT, "clockwork.yaml": "repository: acme/shop\ngithub: {api_url: 'http://127.0.0.1:9'}\n"},
    )
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    bare = tmp_path / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(bare)], check=True)
    done = clockwork("reconcile", "--repo", str(bare), "--live", str(tmp_path / "live.json"), folder=tmp_path)
    assert done.returncode == 2
    assert "CLOCKWORK_TOKEN" in done.stderr


def test_json_has_the_published_shape(tmp_path: Path) -> None:
    """One object with resources, drift, errors, unreachable and suppressed; --exit-code tells of drift."""
    root = folder(tmp_path, {"web.yaml": DEPLOYMENT})
    words = ("drift", "--repo", str(root), "--live", str(tmp_path / "live.json"), "--json", "--exit-code")
    done = clockwork(*words, folder=tmp_path)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["resources"], found["errors"], found["unreachable"], found["suppressed"]) == (1, [], [], 0)
    (drift,) = found["drift"]
    assert drift["resource"] == "Deployment/shop/web"
    assert (drift["kind"], drift["source"]["file"], drift["severity"]) == ("missing", "web.yaml", "HIGH")
    assert {"id", "path", "desired", "observed", "manager"} <= set(drift)


def test_a_local_folder_without_remote_is_only_planned_for(tmp_path: Path) -> None:
    """Reconcile in a plain folder says what it would do and writes nothing."""
    root = folder(tmp_path, {"web.yaml": DEPLOYMENT})
    before = {path: path.read_bytes() for path in root.rglob("*")}
    done = clockwork("reconcile", "--repo", str(root), "--live", str(tmp_path / "live.json"), folder=tmp_path)
    assert done.returncode == 0, done
    assert "No code host" in done.stdout
    assert {path: path.read_bytes() for path in root.rglob("*")} == before


def test_a_branch_that_a_clone_without_remote_does_not_have_is_an_error(tmp_path: Path) -> None:
    """Of its branches the nearest is named; one that it has is taken."""
    root = folder(tmp_path, {"web.yaml": DEPLOYMENT})
    git = ["git", "-C", str(root), "-c", "user.name=Rosa", "-c", "user.email=rosa@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "First"]):
        subprocess.run([*git, *words], check=True)
    command = ("reconcile", "--dry-run", "--repo", str(root), "--live", str(tmp_path / "live.json"), "--branch")
    wrong = clockwork(*command, "mian", folder=tmp_path)
    assert (wrong.returncode, "Did you mean 'main'?" in wrong.stderr) == (2, True), wrong
    assert clockwork(*command, "main", folder=tmp_path).returncode == 0


def test_render_writes_artifacts_and_check_finds_stale_ones(tmp_path: Path) -> None:
    """``render`` writes below .clockwork/build; ``--check`` exits 1 while something would change."""
    text = 'provider "docker" {}\nresource "service" "web" {\n  image = "nginx:1.27"\n}\n'
    root = folder(tmp_path, {"web.cw": text})
    assert clockwork("render", "--repo", str(root), "--check", folder=tmp_path).returncode == 1
    assert clockwork("render", "--repo", str(root), folder=tmp_path).returncode == 0
    assert clockwork("render", "--repo", str(root), "--check", folder=tmp_path).returncode == 0
    assert list((root / ".clockwork" / "build").rglob("*.yaml"))


def test_a_snapshot_in_the_repository_declares_nothing(tmp_path: Path) -> None:
    """Live objects saved beside the manifests are what runs, not a second declaration of the same resources."""
    root = folder(
        tmp_path, {"k8s/web.yaml": DEPLOYMENT, "live.yaml": DEPLOYMENT.replace(b"replicas: 2", b"replicas: 5")}
    )
    done = clockwork("drift", "--live", "live.yaml", "--json", folder=root)
    assert done.returncode == 0, done
    assert [(one["path"], one["source"]["file"]) for one in json.loads(done.stdout)["drift"]] == [
        ("spec.replicas", "k8s/web.yaml")
    ]
    (root / "clockwork.yaml").write_text("observe: {snapshot: {file: live.yaml}}\n")
    assert "already declared" not in clockwork("drift", folder=root).stdout


def test_an_installation_names_its_own_field_managers(tmp_path: Path) -> None:
    """The same label is drift by a person's tool, and a controller's own business once the settings say so."""
    root = folder(tmp_path, {"k8s/web.yaml": DEPLOYMENT})
    live = yaml.safe_load(DEPLOYMENT)
    live["metadata"].setdefault("labels", {})["tenant"] = "blue"
    fields: dict[str, object] = {"f:metadata": {"f:labels": {"f:tenant": {}}}}
    live["metadata"]["managedFields"] = [{"manager": "tenant-sync", "operation": "Update", "fieldsV1": fields}]
    (tmp_path / "live.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [live]}, default=str))
    words = ("drift", "--repo", str(root), "--live", str(tmp_path / "live.json"), "--json")
    found = {}
    for role in ("people", "controllers"):
        (root / "clockwork.yaml").write_text(f"managers: {{{role}: [tenant-sync]}}\n")
        done = clockwork(*words, folder=tmp_path)
        assert done.returncode == 0, done
        found[role] = [one["path"] for one in json.loads(done.stdout)["drift"]]
    assert found == {"people": ["metadata.labels.tenant"], "controllers": []}


def on_a_terminal(*words: str, folder: Path) -> tuple[str, str]:
    """Standard output, and what a terminal of 120 columns was shown on standard error."""
    screen, seat = pty.openpty()
    fcntl.ioctl(seat, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
    environment = {**os.environ, "HOME": str(folder), "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *words],
        stdout=subprocess.PIPE,
        stderr=seat,
        cwd=folder,
        env=environment,
        text=True,
    ) as process:
        os.close(seat)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is gone when the program has ended
            while data := os.read(screen, 65536):
                shown += data
        os.close(screen)
        assert process.stdout is not None
        return process.stdout.read(), shown.decode()


def test_progress_is_shown_to_people_only(tmp_path: Path) -> None:
    """While an observer looks, a terminal tells which; with ``--json`` and in a pipe nothing is told."""
    root = folder(tmp_path, {"k8s/web.yaml": DEPLOYMENT})
    words = ("drift", "--repo", str(root), "--live-command", f"sh -c 'sleep 1; cat {tmp_path}/live.json'")
    out, shown = on_a_terminal(*words, folder=tmp_path)
    assert "missing" in out
    assert "reading what is declared" in shown
    assert "snapshot" in shown
    assert "looking" in shown
    out, shown = on_a_terminal(*words, "--json", folder=tmp_path)
    assert json.loads(out)["drift"]
    assert shown == ""
    assert clockwork(*words, folder=tmp_path).stderr == ""


def test_live_state_comes_from_several_places(tmp_path: Path) -> None:
    """A cluster's list in one file, containers in another, a plan on standard input: each is compared with its own."""
    root = folder(
        tmp_path,
        {
            "k8s/web.yaml": DEPLOYMENT,
            "compose.yaml": "name: shop\nservices:\n  db:\n    image: postgres:16\n",
            "tf/main.tf": 'resource "aws_instance" "web" {\n  instance_type = "b"\n}\n',
        },
    )
    (tmp_path / "containers.json").write_text('{"docker": []}')
    change = {
        "actions": ["update"],
        "before": {"instance_type": "a"},
        "after": {"instance_type": "b"},
        "after_unknown": {},
    }
    web = {"address": "aws_instance.web", "mode": "managed", "type": "aws_instance", "name": "web", "change": change}
    plan = json.dumps({"format_version": "1.2", "resource_changes": [web]})
    words = ["drift", "--repo", str(root), "--json", "--live", "live.json", "--live", "containers.json", "--live", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        input=plan,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0, done
    kinds = {(drift["platform"], drift["kind"]) for drift in json.loads(done.stdout)["drift"]}
    assert kinds == {("kubernetes", "missing"), ("compose", "missing"), ("terraform", "changed")}
