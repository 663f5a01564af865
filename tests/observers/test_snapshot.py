"""The snapshot observer reads what kubectl and docker print, from a file, a URL and a command."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Invalid
from bot.model.cluster import ServedApi
from bot.model.json import JSON
from bot.model.resource import Platform, ResourceId
from bot.observers import documents
from bot.observers.gather import gather
from bot.observers.snapshot import SnapshotObserver, SourceForm
from bot.ports import Observer

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
    "spec": {"replicas": 2},
}
WEB_ID = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
CONTAINER = {
    "Id": "a" * 64,
    "Name": "/shop-db-1",
    "Image": "sha256:" + "1" * 64,
    "State": {"Status": "running", "StartedAt": "2026-05-04T11:00:00Z"},
    "Config": {
        "Image": "postgres:16",
        "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"},
    },
    "HostConfig": {"RestartPolicy": {"Name": "always"}},
}
DB_ID = ResourceId(Platform.COMPOSE, "service", "shop", "db")


@pytest.mark.parametrize(
    ("content", "ids", "covered"),
    [
        (WEB, {WEB_ID}, {Platform.KUBERNETES}),
        ([WEB], {WEB_ID}, {Platform.KUBERNETES}),
        ({"apiVersion": "v1", "kind": "List", "items": [WEB]}, {WEB_ID}, {Platform.KUBERNETES}),
        ({"apiVersion": "v1", "kind": "List", "items": []}, set(), {Platform.KUBERNETES}),
        ([CONTAINER], {DB_ID}, {Platform.COMPOSE}),
        ([CONTAINER, {"Id": "sha256:" + "1" * 64, "RootFS": {}}], {DB_ID}, {Platform.COMPOSE}),
        ({"kubernetes": [WEB], "docker": [CONTAINER]}, {WEB_ID, DB_ID}, {Platform.KUBERNETES, Platform.COMPOSE}),
        ({"docker": []}, set(), {Platform.COMPOSE}),
        (f"{json.dumps(WEB)}\n{json.dumps(CONTAINER)}\n", {WEB_ID, DB_ID}, {Platform.KUBERNETES, Platform.COMPOSE}),
        (
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n---\n",
            {WEB_ID},
            {Platform.KUBERNETES},
        ),
    ],
)
def test_shapes(tmp_path: Path, content: object, ids: set[ResourceId], covered: set[Platform]) -> None:
    """Every shape that kubectl and docker print is understood as it is."""
    path = tmp_path / "live"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    observation = SnapshotObserver(path).observe((), now=NOW)
    assert set(observation.resources) == ids
    assert observation.covered == covered
    assert observation.kinds is None
    assert observation.unreachable == ()


def test_a_typed_list_covers_its_kind_only(tmp_path: Path) -> None:
    """A DeploymentList says nothing about Services, and its items need no kind of their own."""
    path = tmp_path / "live.json"
    item = {key: value for key, value in WEB.items() if key not in {"kind", "apiVersion"}}
    path.write_text(json.dumps({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [item]}))
    observation = SnapshotObserver(path).observe((), now=NOW)
    assert set(observation.resources) == {WEB_ID}
    assert observation.kinds == frozenset({("apps", "Deployment")})
    assert observation.resources[WEB_ID].version == "u1/7"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('{"a": 1,\n  oops}', ":2:3: not JSON"),
        ("a: [1\nb: 2\n", ":2:2: neither JSON nor YAML"),
        ("just words", "expected objects"),
        ("", "no Kubernetes object, no container and no Terraform plan"),
        ('[{"Names": "web", "Ports": ""}]', "cannot tell what an object with Names, Ports is"),
        ('{"kind": "Status", "apiVersion": "v1", "message": "forbidden"}', "answered with an error"),
        ('{"a":' * 3000, "nested too deeply"),
    ],
)
def test_what_is_not_a_snapshot(tmp_path: Path, content: str, place: str) -> None:
    """Text that is no snapshot is bad input, named with file, line and column."""
    path = tmp_path / "live.json"
    path.write_text(content)
    with pytest.raises(Invalid) as caught:
        SnapshotObserver(path).observe((), now=NOW)
    assert place in str(caught.value)
    assert str(path) in str(caught.value)
    if "expected" in place or "no Kubernetes" in place or "cannot tell" in place:
        advice = caught.value.advice or ""
        assert all(how in advice for how in ("kubectl get", "docker inspect", "terraform show -json"))


def test_an_empty_array_says_that_nothing_runs(tmp_path: Path) -> None:
    """What an engine without containers prints covers everything: whatever is declared is missing."""
    path = tmp_path / "live.json"
    path.write_text("[]")
    observation = SnapshotObserver(path).observe((), now=NOW)
    assert not observation.resources
    assert observation.covered == {Platform.KUBERNETES, Platform.COMPOSE}


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Bytes outside UTF-8 are named with their line and column."""
    path = tmp_path / "live.json"
    path.write_bytes(b'{"a":\n "\xff"}')
    with pytest.raises(Invalid, match=r":2:3: not text in UTF-8"):
        SnapshotObserver(path).observe((), now=NOW)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    """A snapshot file that is not there is named."""
    with pytest.raises(Invalid, match="cannot read the snapshot"):
        SnapshotObserver(tmp_path / "none.json").observe((), now=NOW)


def test_it_satisfies_the_port(tmp_path: Path) -> None:
    """The snapshot observer is an Observer."""
    observer: Observer = SnapshotObserver(tmp_path)
    assert observer.name == "snapshot"


def command(*argv: str, timeout: float = 20.0, cap: int = 1_000_000) -> SnapshotObserver:
    return SnapshotObserver([sys.executable, *argv], SourceForm.COMMAND, timeout=timeout, cap=cap)


def test_a_command_is_run_without_a_shell() -> None:
    """A command's output is the snapshot, and shell characters in its arguments mean nothing."""
    script = (
        "import json,sys; print(json.dumps({'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':sys.argv[1]}}))"
    )
    observation = command("-c", script, "$(id); x").observe((), now=NOW)
    assert [id_.name for id_ in observation.resources] == ["$(id); x"]


@pytest.mark.parametrize(
    ("script", "timeout", "cause"),
    [
        ("import sys; sys.exit('password=hunter2 is wrong')", 20.0, "exit code 1: password=[redacted:secret] is wrong"),
        ("import time; time.sleep(60)", 0.2, "did not finish within 0.2 s"),
        ("import sys; sys.stdout.write('x' * 3_000_000)", 20.0, "wrote more than 1000000 bytes"),
    ],
)
def test_a_command_that_does_not_answer(script: str, timeout: float, cause: str) -> None:
    """A command that fails, hangs or never stops talking is Unreachable with the cause, and no secret in it."""
    observation = command("-c", script, timeout=timeout).observe((), now=NOW)
    assert cause in observation.unreachable[0].cause
    assert observation.covered == frozenset()


def test_a_command_that_is_not_installed() -> None:
    """A program that does not exist is bad input."""
    with pytest.raises(Invalid, match="cannot start no-such-program-anywhere"):
        SnapshotObserver("no-such-program-anywhere -o json", SourceForm.COMMAND).observe((), now=NOW)


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/live.json": (200, json.dumps(WEB).encode()),
            "/large": (200, b" " * 2000),
            "/gone": (404, b"{}"),
        }[self.path.partition("?")[0]]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://user:pw@127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_url_is_read(pages: str) -> None:
    """A snapshot can be fetched over HTTP."""
    assert set(SnapshotObserver(f"{pages}/live.json").observe((), now=NOW).resources) == {WEB_ID}


@pytest.mark.parametrize(("path", "cause"), [("/gone?key=1", "404"), ("/large", "larger than 1000 bytes")])
def test_a_url_that_does_not_answer(pages: str, path: str, cause: str) -> None:
    """A server's refusal and a large answer are Unreachable; the shown URL has no credentials."""
    observation = SnapshotObserver(pages + path, cap=1000).observe((), now=NOW)
    assert cause in observation.unreachable[0].cause
    assert "pw" not in observation.unreachable[0].target
    assert "key=1" not in observation.unreachable[0].target


def test_nobody_listens() -> None:
    """A refused connection is Unreachable."""
    observation = SnapshotObserver("http://127.0.0.1:9/live.json", timeout=5).observe((), now=NOW)
    assert "refused" in observation.unreachable[0].cause.lower()


VERSION = {"clientVersion": {"gitVersion": "v1.34.0"}, "serverVersion": {"gitVersion": "v1.33.2"}}
GROUPS = {
    "kind": "APIGroupList",
    "groups": [{"name": "a.example.com", "versions": [{"groupVersion": "a.example.com/v1"}]}],
}
NODES = [
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }
    for name, version in (("a", "v1.32.1"), ("b", "v1.9.0"))
]
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "shelves.b.example.com"},
    "spec": {
        "group": "b.example.com",
        "names": {"kind": "Shelf"},
        "versions": [{"name": "v1", "served": True}, {"name": "v1beta1", "served": False}],
    },
}


@pytest.mark.parametrize(
    ("documents", "served"),
    [
        ([WEB], ServedApi("", ("apps/v1", "apps/v1/Deployment"))),
        ([WEB, VERSION], ServedApi("v1.33.2", ("apps/v1", "apps/v1/Deployment"))),
        ([WEB, VERSION["serverVersion"], GROUPS], ServedApi("v1.33.2", ("a.example.com/v1",))),
        ([*NODES], ServedApi("v1.32.1", ("v1", "v1/Node"))),
        ([CONTAINER], ServedApi()),
    ],
)
def test_a_snapshot_tells_what_the_cluster_serves(tmp_path: Path, documents: list[object], served: ServedApi) -> None:
    """By what the API server says of itself, else by what its objects prove; such documents are no resources."""
    path = tmp_path / "live"
    path.write_text("".join(map(json.dumps, documents)))
    observer = SnapshotObserver(path)
    assert observer.served(now=NOW) == served
    assert all(id_.kind != "APIGroupList" for id_ in observer.observe((), now=NOW).resources)


def test_definitions_prove_the_versions_that_they_serve(tmp_path: Path) -> None:
    """And no other ones."""
    path = tmp_path / "live"
    path.write_text(json.dumps(DEFINITION))
    versions = SnapshotObserver(path).served(now=NOW).api_versions
    assert [each for each in versions if each.startswith("b.")] == ["b.example.com/v1", "b.example.com/v1/Shelf"]


def test_what_was_read_to_learn_about_the_cluster_is_not_read_again(tmp_path: Path) -> None:
    """A command runs once for both, and again for the next look, or when the first is long over."""
    count, script = tmp_path / "count", tmp_path / "live.py"
    counted = f"open({str(count)!r}, 'a').write('x')"
    script.write_text(f"{counted}\nprint({json.dumps(json.dumps(WEB))})\n")
    observer = SnapshotObserver([sys.executable, str(script)])
    observer.served(now=NOW)
    assert WEB_ID in observer.observe((), now=NOW + timedelta(seconds=30)).resources
    assert count.read_text() == "x"
    observer.observe((), now=NOW)
    assert count.read_text() == "xx"
    observer.served(now=NOW)
    observer.observe((), now=NOW + timedelta(hours=1))
    assert count.read_text() == "xxxx"


PLAN = {
    "format_version": "1.2",
    "resource_changes": [
        {
            "address": "aws_instance.web",
            "mode": "managed",
            "type": "aws_instance",
            "name": "web",
            "change": {"actions": ["update"], "before": {"type": "a"}, "after": {"type": "b"}, "after_unknown": {}},
        }
    ],
}


@pytest.mark.parametrize("content", [PLAN, [PLAN], {"kind": "List", "apiVersion": "v1", "items": []}])
def test_a_terraform_plan_is_a_comparison_already(tmp_path: Path, content: object) -> None:
    """Its differences are those of the plan, and nothing is missing for not being in it."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(content))
    observation = SnapshotObserver(path).observe((), now=NOW)
    is_plan = content in (PLAN, [PLAN])
    assert [str(drift.resource) for drift in observation.differences] == (["aws_instance/web"] if is_plan else [])
    assert observation.compared == (frozenset({Platform.TERRAFORM}) if is_plan else frozenset())
    assert observation.covered == (frozenset() if is_plan else frozenset({Platform.KUBERNETES}))


def test_a_plan_that_failed_is_unreachable(tmp_path: Path) -> None:
    """It is not read as no difference."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**PLAN, "errored": True}))
    (failure,) = SnapshotObserver(path).observe((), now=NOW).unreachable
    assert "ended with errors" in failure.cause


def test_what_was_read_already_is_not_read_again() -> None:
    """Standard input can be read once, and is named so."""
    observer = SnapshotObserver("-", data=json.dumps([WEB]).encode())
    assert observer.observe((), now=NOW).resources.keys() == {WEB_ID}
    assert observer.observe((), now=NOW).resources.keys() == {WEB_ID}
    with pytest.raises(Invalid, match="standard input:1:2"):
        SnapshotObserver("-", data=b"{broken").observe((), now=NOW)


def test_a_snapshot_without_writers_is_told_once(tmp_path: Path) -> None:
    """With the line that has them; not where one object has them, nor for containers."""
    path = tmp_path / "live.json"
    path.write_text(json.dumps([WEB, WEB]))
    (note,) = SnapshotObserver(path).observe((), now=NOW).notes
    assert "--show-managed-fields" in note.detail
    known = {**WEB, "metadata": {"name": "x", "namespace": "shop", "managedFields": []}}
    for content in ([WEB, known], [CONTAINER]):
        path.write_text(json.dumps(content))
        assert SnapshotObserver(path).observe((), now=NOW).notes == ()


def _live(tmp_path: Path, name: str, *objects: dict[str, Any]) -> SnapshotObserver:
    path = tmp_path / name
    path.write_text(json.dumps(objects))
    return SnapshotObserver(path)


def test_two_accounts_of_one_object_are_told_with_both_files(tmp_path: Path) -> None:
    """And whose counts, in one note for all objects; what moves with every write is no other account."""
    many = [{**WEB, "metadata": {**WEB["metadata"], "name": name}} for name in "abcde"]
    first = _live(tmp_path, "a.json", *many)
    second = _live(tmp_path, "b.json", *({**tree, "spec": {"replicas": 9}} for tree in many))
    seen = gather([first, second], (), now=NOW)
    (incomplete,) = (note for note in seen.notes if note.state == "incomplete")
    assert incomplete.rule == f"{tmp_path / 'a.json'}, {tmp_path / 'b.json'}"
    (note,) = (note for note in seen.notes if note.state == "contradictory")
    assert note.rule == incomplete.rule
    assert "Deployment/shop/a, Deployment/shop/b, Deployment/shop/c and 2 more" in note.detail
    assert {str(observed.tree.get("spec")) for observed in seen.resources.values()} == {str(WEB.get("spec"))}
    moved = [
        {**tree, "status": {"replicas": 1}, "metadata": {**tree["metadata"], "resourceVersion": "9"}} for tree in many
    ]
    assert all(
        note.state == "incomplete" for note in gather([first, _live(tmp_path, "c.json", *moved)], (), now=NOW).notes
    )


def test_a_file_that_has_an_object_twice_is_told(tmp_path: Path) -> None:
    """The first account counts."""
    seen = _live(tmp_path, "a.json", WEB, {**WEB, "spec": {"replicas": 9}}).observe((), now=NOW)
    (note,) = (note for note in seen.notes if note.state == "contradictory")
    assert note.rule == str(tmp_path / "a.json")
    assert "Deployment/shop/web" in note.detail
    assert seen.resources[WEB_ID].tree.get("spec") == WEB.get("spec")


@pytest.mark.parametrize(
    ("kind", "tree", "said"),
    [
        ("network", {"Internal": False, "Options": {}}, {"internal": False, "driver_opts": {}}),
        ("network", {"internal": True, "ipv6_enabled": False}, {"internal": True, "enable_ipv6": False}),
        ("network", {"IPAM": {"Config": [{"Subnet": "10.1.0.0/16"}]}}, {"x-subnets": ["10.1.0.0/16"]}),
        ("network", {"subnets": [{"subnet": "10.1.0.0/16", "gateway": "10.1.0.1"}]}, {"x-subnets": ["10.1.0.0/16"]}),
        ("volume", {"Options": None, "Mountpoint": "/x"}, {"driver_opts": {}}),
        ("volume", {"Options": {"type": "none"}, "Labels": None}, {"driver_opts": {"type": "none"}}),
        ("volume", {}, {}),
    ],
)
def test_what_is_off_or_empty_is_seen_as_well(kind: str, tree: dict[str, JSON], said: dict[str, JSON]) -> None:
    """A network that is closed no longer, and a volume that has lost its options; what is not shown is not known."""
    assert documents.compose_observed(kind, {"Name": "x", **tree}).tree == {"name": "x", **said}
