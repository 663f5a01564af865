"""The API of a running daemon: what it says of itself is what it does, and a fuzzer finds nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from bot.entrypoints.api.openapi import document
from bot.entrypoints.api.operations import OPERATIONS
from bot.entrypoints.http import is_local
from bot.model.ledger import EntryKind
from bot.sandbox.server import Sandbox
from tests.entrypoints.test_daemon import Running, eventually
from tests.entrypoints.test_daemon_polling import keeping, proposed
from tests.flows.stage import open_stage
from tests.web import WEB

SETTINGS = """
daemon: {check_interval: 1h, drift_interval: 1h}
workers: {export: false}
api: {tokens: {grafana: {env: READER}, ops: {env: OPERATOR, scope: write}, nobody: {env: UNSET, scope: write}}}
"""
READER, OPERATOR = "reader-0123456789", "operator-0123456789"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    """A daemon that saw drift, and a pull request of somebody."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        stage = open_stage(tmp_path, box)
        stage.edit("clockwork.yaml", lambda text: text + SETTINGS)
        stage.config_drift()
        stage.show()
        proposed(stage, "idea")
        with keeping(stage, READER=READER, OPERATOR=OPERATOR, UNSET="") as running:
            eventually(lambda: WEB.get(f"{running.root}/readyz").status_code == 200)
            yield running


def call(daemon: Running, method: str, path: str, *, token: str = OPERATOR, **body: Any) -> httpx.Response:
    """One call with that token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return WEB.request(method, f"{daemon.root}{path}", headers=headers, json=body or None)


def test_the_description_is_one() -> None:
    """It is OpenAPI 3.1 with schemas that are JSON Schema, names each operation once, and has an entry for each."""
    described = document()
    assert str(described["openapi"]).startswith("3.1")
    paths: Any = described["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert sorted(names) == sorted(operation.name for operation in OPERATIONS)
    assert len(set(names)) == len(names)
    for path in paths.values():
        for operation in path.values():
            for answer in operation["responses"].values():
                Draft202012Validator.check_schema(answer["content"]["application/json"]["schema"])
            for parameter in operation["parameters"]:
                Draft202012Validator.check_schema(parameter["schema"])


@pytest.mark.slow
def test_what_it_tells(daemon: Running) -> None:
    """Targets, drift, decisions, the explanation, the ledger and guarded runs of one drifted service."""
    assert call(daemon, "GET", "/v1/status").json()["ticks"] >= 1
    assert call(daemon, "GET", "/v1/targets").json()["targets"] == []
    drift = call(daemon, "GET", "/v1/drift").json()["drift"]
    assert {each["task"] for each in drift} == {"Service/shop/web"}
    worst = max(("LOW", "MEDIUM", "HIGH", "CRITICAL").index(each["severity"]) for each in drift)
    assert worst < 3
    assert call(daemon, "GET", "/v1/drift?severity=CRITICAL").json()["drift"] == []
    assert call(daemon, "GET", "/v1/drift?target=prod").json()["drift"] == []
    decided = call(daemon, "GET", "/v1/decisions?task=Service/shop/web").json()
    assert [action["effect"] for action in decided["actions"]] == ["opened"]
    assert {each["drift"] for each in decided["decisions"]} == {each["id"] for each in drift}
    assert call(daemon, "GET", "/v1/decisions?task=other").json()["actions"] == []
    assert "Service/shop/web" in call(daemon, "GET", "/v1/explain?task=Service/shop/web").json()["text"]
    assert call(daemon, "GET", "/v1/explain?task=Nothing/at/all").status_code == 404
    entries = call(daemon, "GET", "/v1/ledger?limit=1").json()["entries"]
    assert [entry["kind"] for entry in entries] == ["outcome"]
    eventually(lambda: call(daemon, "GET", "/v1/sessions").json()["sessions"])
    (session, *_) = call(daemon, "GET", "/v1/sessions").json()["sessions"]
    assert session["verdict"] in {"approve", "warn", "block"}
    assert call(daemon, "GET", "/v1/sessions?agent=nobody").json()["sessions"] == []
    assert isinstance(call(daemon, "GET", "/v1/findings").json()["findings"], list)


@pytest.mark.slow
def test_what_it_takes(daemon: Running) -> None:
    """Orders reach the ledger with the token's name; what names nothing is refused, and so is an order without a reason."""
    halted = call(daemon, "POST", "/v1/halt", reason="the audit")
    assert (halted.status_code, "Halted everything" in halted.json()["message"]) == (200, True)
    (entry, *_) = call(daemon, "GET", "/v1/ledger").json()["entries"]
    assert (entry["kind"], entry["actor"], entry["reason"]) == (EntryKind.HALT, "ops (API)", "the audit")
    checked = call(daemon, "POST", "/v1/check")
    assert (checked.status_code, checked.json()["exit_code"]) == (200, 4)
    assert call(daemon, "POST", "/v1/resume", reason="done").status_code == 200
    suspended = call(daemon, "POST", "/v1/suspend", reason="migration", task="Service/shop/web", until="3h")
    assert "Suspended Service/shop/web until" in suspended.json()["message"]
    unknown = call(daemon, "POST", "/v1/suspend", reason="migration", task="Service/shop/wbe")
    assert (unknown.status_code, "did you mean" in str(unknown.json()).lower()) == (404, True)
    assert call(daemon, "POST", "/v1/retry", reason="again", fingerprint=f"{'0' * 16}-{'0' * 16}").status_code == 404
    assert call(daemon, "POST", "/v1/halt").status_code == 422
    assert call(daemon, "POST", "/v1/halt", reason=" ").status_code == 422
    assert call(daemon, "POST", "/v1/halt", reason="x", until="3h").status_code == 422


@pytest.mark.slow
def test_who_may(daemon: Running) -> None:
    """A reader reads; whoever has no token, or an empty one, may ask for health alone."""
    for operation in OPERATIONS:
        answer = call(daemon, operation.method, operation.path, token="")
        expected = 200 if operation.scope is None else 401
        assert answer.status_code == expected, operation
        if operation.scope is not None:
            assert answer.headers["www-authenticate"] == "Bearer"
    refused = call(daemon, "POST", "/v1/halt", token=READER, reason="x")
    assert (refused.status_code, refused.json()["error"]) == (403, "the token grafana is not good for write")
    assert call(daemon, "GET", "/v1/drift", token=READER).status_code == 200
    assert call(daemon, "GET", "/v1/drift", token=daemon.runtime.token).status_code == 200
    assert call(daemon, "GET", "/metrics", token="").status_code == 200


@pytest.mark.slow
def test_bodies_that_are_none(daemon: Running) -> None:
    """Too large, no JSON, another type: each is told from the others."""
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    address = f"{daemon.root}/v1/halt"
    for content, status in ((b"{" * 100_000, 413), (b"{", 422), (b"[" * 60_000, 422), (b"[]", 422)):
        assert WEB.post(address, content=content, headers=headers).status_code == status
    text = WEB.post(address, content=b"reason=x", headers={**headers, "Content-Type": "text/plain"})
    assert text.status_code == 415
    assert call(daemon, "GET", "/v1/ledger?limit=1&limit=2").status_code == 422
    assert call(daemon, "GET", "/v1/ledger?limti=1").status_code == 422


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fuzzer_finds_nothing(daemon: Running, tmp_path: Path) -> None:
    """Schemathesis, with all of its checks, against the running daemon."""
    words = [
        *("run", f"{daemon.root}/openapi.json", "--header", f"Authorization: Bearer {OPERATOR}", "--checks", "all"),
        *("--max-examples", "3", "--seed", "1", "--phases", "examples,coverage,fuzzing", "--request-timeout", "60"),
        "--no-color",
    ]
    # Which characters can be encoded takes Hypothesis seconds to find out, and it remembers that below where it is started.
    tables = Path(__file__).parents[2] / ".hypothesis" / "unicode_data"
    tables.mkdir(parents=True, exist_ok=True)
    (tmp_path / ".hypothesis").mkdir()
    (tmp_path / ".hypothesis" / tables.name).symlink_to(tables)
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr


def test_an_address_of_this_machine_alone() -> None:
    """Figures are for everybody where nobody else can ask."""
    hosts = ("127.0.0.1", "127.0.0.2", "::1", "localhost", "192.0.2.1", "::", "10.0.0.1", "example.com", "")
    assert [host for host in hosts if is_local(host)] == ["127.0.0.1", "127.0.0.2", "::1", "localhost"]
