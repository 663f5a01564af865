"""The command line on every way to name a repository: a folder, a clone, a bare repository, a URL."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bot.gitrepo.ledger.chain import GitLedger
from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind
from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT, SERVICE
from tests.test_cli import folder

RULE = (
    b"rules:\n- id: quiet\n  match: {kinds: [Service]}\n  remedy: nothing\n  direction: restore\n  risk: low\n"
    b"  reason: ours\n"
)
CW = 'provider "docker" {}\nvariable "tag" { default = "1.27" }\nresource "service" "web" {\n  image = "nginx:${var.tag}"\n}\n'


def git(*words: str, at: Path) -> str:
    """One Git command; what it printed."""
    me = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(["git", *me, *words], cwd=at, check=True, capture_output=True, text=True).stdout.strip()


def live(tmp_path: Path, *manifests: bytes) -> Path:
    """A snapshot of these objects as they were declared."""
    place = tmp_path / "live.json"
    items = [yaml.safe_load(text) for text in manifests]
    place.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}))
    return place


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository with a deployment and a service; ``work`` beside it is its clone, where they are committed."""
    root = tmp_path / "shop.git"
    git("init", "-q", "--bare", "-b", "main", str(root), at=tmp_path)
    git("clone", "-q", str(root), "work", at=tmp_path)
    work = tmp_path / "work"
    git("checkout", "-q", "-b", "main", at=work)
    (work / "web.yaml").write_bytes(DEPLOYMENT)
    (work / "service.yaml").write_bytes(SERVICE)
    commit(work)
    live(tmp_path, DEPLOYMENT.replace(b"replicas: 2", b"replicas: 5"), SERVICE)
    return root


def commit(work: Path) -> str:
    """Everything in the clone, committed and pushed; the commit."""
    git("add", "-A", at=work)
    git("commit", "-qm", "change", at=work)
    git("push", "-q", "origin", "main", at=work)
    return git("rev-parse", "HEAD", at=work)


def seen(repo: object, tmp_path: Path) -> tuple[int, list[tuple[str, str]]]:
    """How many resources are declared and what drifts, as ``drift --json`` tells it."""
    words = ("drift", "--repo", str(repo), "--live", str(tmp_path / "live.json"), "--json", "--exit-code")
    done = clockwork(*words, folder=tmp_path)
    assert done.returncode in {0, 1}, done
    report = json.loads(done.stdout)
    assert done.returncode == bool(report["drift"])
    return report["resources"], [(one["resource"], one["path"] or one["kind"]) for one in report["drift"]]


def test_a_bare_repository_is_read_at_its_branch(bare: Path, tmp_path: Path) -> None:
    """A bare repository named by its path shows what its URL and its clone show."""
    expected = (2, [("Deployment/shop/web", "spec.replicas")])
    assert seen(bare, tmp_path) == expected
    assert seen(bare.as_uri(), tmp_path) == expected
    assert seen(tmp_path / "work", tmp_path) == expected


def test_the_rules_of_a_bare_repository_are_shown(bare: Path, tmp_path: Path) -> None:
    """``policy show`` reads the rule files that are committed in a bare repository."""
    (tmp_path / "work" / "policies").mkdir()
    (tmp_path / "work" / "policies" / "own.yaml").write_bytes(RULE)
    commit(tmp_path / "work")
    done = clockwork("policy", "show", "--repo", str(bare), folder=tmp_path)
    assert done.returncode == 0, done
    assert "quiet" in done.stdout


def test_nothing_is_rendered_into_a_bare_repository(bare: Path, tmp_path: Path) -> None:
    """Without files to write to, ``render`` says so instead of finding everything in order."""
    done = clockwork("render", "--repo", str(bare), "--check", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "is a bare repository" in done.stderr


@pytest.mark.parametrize("empty", [True, False])
def test_a_folder_that_declares_nothing_says_so(tmp_path: Path, *, empty: bool) -> None:
    """Zero resources in a wrong folder are told from zero drift; the exit code stays."""
    root = folder(tmp_path, {"notes.txt": "nothing here", **({} if empty else {"web.yaml": DEPLOYMENT})})
    live(tmp_path, DEPLOYMENT)
    done = clockwork("drift", "--repo", root.name, "--live", "live.json", folder=tmp_path)
    assert done.returncode == 0, done
    assert (f"nothing in {root.name} declares anything" in done.stdout) is empty


def listed(form: str, *manifests: bytes) -> str:
    """Objects as a cluster prints them."""
    items = [yaml.safe_load(text) for text in manifests]
    for item in items:
        item["metadata"] |= {"uid": "0b1c2d3e-0000-0000-0000-000000000001", "resourceVersion": "7"}
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    return json.dumps(items if form == "array" else whole) if form != "yaml" else yaml.safe_dump(whole)


@pytest.mark.parametrize("form", ["json", "yaml", "array"])
def test_an_old_snapshot_in_the_folder_declares_nothing(tmp_path: Path, form: str) -> None:
    """What ``kubectl get`` printed earlier neither hides the manifests nor is a mistake; a list is noted."""
    name = "a.yaml" if form == "yaml" else "a.json"
    old = listed(form, DEPLOYMENT.replace(b"replicas: 2", b"replicas: 5"), SERVICE)
    root = folder(tmp_path, {name: old, "k8s/web.yaml": DEPLOYMENT})
    live(tmp_path, DEPLOYMENT.replace(b"replicas: 2", b"replicas: 5"))
    assert seen(root, tmp_path) == (1, [("Deployment/shop/web", "spec.replicas")])
    done = clockwork("drift", "--repo", str(root), "--live", str(tmp_path / "live.json"), folder=tmp_path)
    assert "already declared" not in done.stdout
    assert ("it declares nothing" in done.stdout) is (form != "array")
    assert f"error {name}" not in done.stdout


def test_a_list_that_people_wrote_declares(tmp_path: Path) -> None:
    """One item without uid or resource version is enough for a list to be a declaration."""
    text = json.loads(listed("json", DEPLOYMENT, SERVICE))
    del text["items"][1]["metadata"]["uid"]
    root = folder(tmp_path, {"a.json": json.dumps(text)})
    live(tmp_path, DEPLOYMENT, SERVICE)
    assert seen(root, tmp_path)[0] == 2


def test_a_clone_knows_what_was_applied_once_the_ref_is_fetched(bare: Path, tmp_path: Path) -> None:
    """A resource that was applied and left Git is drift in the clone as in the remote, and unknown without the ref."""
    work = tmp_path / "work"
    assert clockwork("applied", "--repo", str(bare), folder=tmp_path).returncode == 0
    (work / "service.yaml").unlink()
    commit(work)
    replicas = ("Deployment/shop/web", "spec.replicas")
    assert seen(work, tmp_path) == (1, [replicas])
    git("fetch", "-q", "origin", "refs/clockwork/applied:refs/clockwork/applied", at=work)
    found = seen(bare, tmp_path)
    assert replicas in found[1]
    assert any(resource == "Service/shop/web" for resource, _ in found[1])
    assert seen(work, tmp_path) == found
    (work / "part").mkdir()
    (work / "part" / "web.yaml").write_bytes(DEPLOYMENT)
    assert seen(work / "part", tmp_path) == (1, [replicas])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("render", "--repo", "manifests", "--var", "tga=9"), "--var tga"),
        (("drift", "--repo", "manifests", "--live", "live.json", "--var", "tga=9"), "did you mean 'tag'?"),
        (("reconcile", "--repo", "manifests", "--live", "live.json", "--var", "tga=9"), "did you mean 'tag'?"),
        (("drift", "--repo", "plain", "--live", "live.json", "--var", "tag=9"), "plain has no .cw files"),
        (("render", "--repo", "plain", "--var", "tag=9"), "plain has no .cw files"),
    ],
)
def test_a_variable_that_nobody_declares_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """A value for a name that no ``.cw`` file declares is an error that names the nearest, and nothing is written."""
    root = folder(tmp_path, {"web.cw": CW})
    (tmp_path / "plain").mkdir()
    done = clockwork(*words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (root / ".clockwork").exists()


def test_a_declared_variable_is_set(tmp_path: Path) -> None:
    """``--var`` reaches the artifact."""
    root = folder(tmp_path, {"web.cw": CW})
    assert clockwork("render", "--repo", str(root), "--var", "tag=9", folder=tmp_path).returncode == 0
    assert any("nginx:9" in place.read_text() for place in (root / ".clockwork").rglob("*.yaml"))


def test_the_daemon_says_that_its_port_is_taken(bare: Path, tmp_path: Path) -> None:
    """Another listener on the port is one line and exit code 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("daemon", "run", "--repo", str(bare), "--live", str(tmp_path / "live.json"), "--port", port)
        done = clockwork(*words, folder=tmp_path)
    assert done.returncode == 3, done
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["nowhere", "live.json"])
def test_the_daemon_watches_folders_only(bare: Path, tmp_path: Path, place: str) -> None:
    """A folder to watch that is not there, or a file, is bad input."""
    words = ("daemon", "run", "--repo", str(bare), "--live", "live.json", "--port", "0", "--watch", place)
    done = clockwork(*words, folder=tmp_path)
    assert done.returncode == 2, done
    assert "'--watch'" in done.stderr
    assert place in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def unreadable(bare: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A daemon whose snapshot is no snapshot."""
    (tmp_path / "live.json").write_text("just words\n")
    words = ("daemon", "run", "--repo", str(bare), "--live", str(tmp_path / "live.json"), "--port", "0")
    environment = {"HOME": str(tmp_path), "CLOCKWORK_CACHE": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *words], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.send_signal(signal.SIGTERM)


def test_a_failed_look_is_logged_as_a_warning(unreadable: subprocess.Popen[str]) -> None:
    """Whoever alerts on levels hears of a look that failed."""
    assert unreadable.stderr is not None
    events = (json.loads(line) for line in unreadable.stderr if line.startswith("{"))
    failed = next(event for event in events if event["event"] == "failed")
    assert failed["level"] == "warning"
    assert "live.json" in failed["error"]


def test_the_daemon_has_no_rules_of_its_own(tmp_path: Path) -> None:
    """Those that ``policy show`` prints are the daemon's, too."""
    shown, daemons = (clockwork(*words, "policy", "show", folder=tmp_path) for words in ((), ("daemon",)))
    assert (daemons.returncode, daemons.stdout) == (0, shown.stdout)
    assert "health-check" in shown.stdout


PROPOSAL = "8a42d1108ff96b41-ad8f9aebf3ccbd42"
LINK = "https://git.example.com/acme/shop/commit/df6ed5f6083c47f5958b893b5298a8af45ee0e8b"
WHY = "incident 42: the on-call person wants everything to stand still until the database is restored"


@pytest.fixture
def remembered(bare: Path, tmp_path: Path) -> Path:
    """The bare repository with a ledger of two entries: a proposal with a link, and a retry of it."""
    ledger = GitLedger(str(bare), tmp_path / "writer")
    at, rosa = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC), Actor("rosa")
    task, lane = "PersistentVolumeClaim/shop/orders", Lane.CONFIG_PULL_REQUEST
    made = Entry("1" * 32, EntryKind.INTENT, at, rosa, task, lane, PROPOSAL, reason="Open it.", link=LINK)
    again = Entry("2" * 32, EntryKind.RETRY, at, rosa, fingerprint=PROPOSAL, reason=WHY)
    ledger.append(ledger.read(), [made, again])
    return bare


@pytest.mark.parametrize("columns", [80, 120])
def test_the_ledger_is_readable(remembered: Path, tmp_path: Path, columns: int) -> None:
    """Times, tasks, fingerprints and links stand in one piece, a retry says of what, and reasons wrap between words."""
    done = clockwork("ledger", "show", "-r", str(remembered), folder=tmp_path, COLUMNS=str(columns))
    assert done.returncode == 0, done
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    made = lines.index("2026-03-01 12:00:05  intent  PersistentVolumeClaim/shop/orders")
    assert lines[made + 1 : made + 4] == [
        f"    config-pull-request {PROPOSAL}",
        "    rosa: Open it.",
        f"    {LINK}",
    ]
    again = lines.index("2026-03-01 12:00:05  retry")
    assert lines[again + 1] == f"    {PROPOSAL}"
    assert " ".join(line.strip() for line in lines[again + 2 :]) == f"rosa: {WHY}"
    assert all(len(line) <= columns for line in lines if LINK not in line)


def test_the_ledger_is_verified_by_the_short_option(remembered: Path, tmp_path: Path) -> None:
    """``verify`` takes ``-r`` as other verbs do."""
    done = clockwork("ledger", "verify", "-r", str(remembered), folder=tmp_path)
    assert done.returncode == 0, done
    assert "OK: 2 entries verified (1 commit, head " in done.stdout
