"""What the command says of a repository that is hard to read and of a code host that is not there."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot.intake.unread import links, pointers
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


def pushed(stage: Stage) -> None:
    """A person adds a symbolic link, a pointer of Git LFS, and a manifest whose name is no UTF-8."""
    work = stage.directory / "work"
    url = stage.box.git_url(NAME).replace("http://", f"http://x-access-token:{stage.human}@")

    def git(*words: str) -> None:
        me = ("-c", "user.name=Rosa", "-c", "user.email=rosa@example.org")
        subprocess.run(["git", *me, *words], check=True, capture_output=True, timeout=60)

    git("clone", "-q", url, str(work))
    (work / "k8s" / "link.yaml").symlink_to("web.yaml")
    (work / "k8s" / "large.yaml").write_text(POINTER)
    name = os.fsencode(work / "k8s") + b"/b\xff.yaml"
    with open(name, "wb") as file:  # noqa: PTH123 - a name that is bytes
        file.write(b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: shop}\n")
    git("-C", str(work), "add", "-A")
    git("-C", str(work), "commit", "-qm", "More")
    git("-C", str(work), "push", "-q")


def test_what_is_not_read_is_named_and_json_is_utf_8(stage: Stage) -> None:
    """A link and a pointer of Git LFS stand in the report; a name that is no text breaks no reader of JSON."""
    pushed(stage)
    stage.show()
    environment = {**stage.options().environment, "LANG": "C", "PYTHONIOENCODING": "latin-1"}
    words = ("drift", "--repo", stage.box.git_url(NAME), "--live", str(stage.live), "--json")
    done = clockwork(*words, folder=stage.directory, **environment)
    told = json.loads(done.stdout)
    assert json.dumps(told, ensure_ascii=False).encode()
    assert [drift["source"]["file"] for drift in told["drift"]] == ["k8s/b\ufffd.yaml"]
    notes = {note["rule"]: note["detail"] for note in told["ignores"]}
    assert "symbolic link" in notes["k8s/link.yaml:1"]
    assert "Git LFS" in notes["k8s/large.yaml:1"]
    assert (told["errors"], done.returncode) == ([], 0)


def test_a_checkout_names_what_is_not_read(tmp_path: Path) -> None:
    """The same of files as they lie in a folder."""
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "large.json").write_text(POINTER)
    (tmp_path / "k8s" / "link.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "notes.md").symlink_to("nowhere.md")
    (tmp_path / "live.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = clockwork("drift", "--live", "live.json", "--json", folder=tmp_path)
    named = [note["rule"] for note in json.loads(done.stdout)["ignores"] if note["state"] == "not compared"]
    assert named[:2] == ["k8s/large.json:1", "k8s/link.yaml:1"]
    assert not [rule for rule in named if "notes.md" in rule]


def test_only_what_could_declare_something_is_named() -> None:
    """Links of documentation, of tools' folders and of well-known files are none of our business."""
    assert [note.file for note in links(["a.yaml", ".github/b.yaml", "values.yaml", "README.md"])] == ["a.yaml"]
    assert pointers({"a.yaml": b"version: 1\n"}) == ()


@pytest.fixture
def web_page() -> Iterator[str]:
    """The address of something that answers, but not with Git."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>hello")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/acme/shop.git"
        server.shutdown()
        thread.join()


def test_something_that_is_no_git_server_could_not_be_reached(tmp_path: Path, web_page: str) -> None:
    """Exit code 3, and what to check."""
    done = clockwork("drift", "--repo", web_page, folder=tmp_path)
    assert done.returncode == 3, done
    assert "is not a Git server" in done.stderr
    assert "check the address" in done.stderr


def test_a_missing_token_a_host_that_is_down_and_no_host_are_three_messages(stage: Stage) -> None:
    """Each says what to do; none is a traceback."""
    stage.config_drift()
    stage.show()
    token, environment = stage.token, dict(stage.options().environment)
    del environment["CLOCKWORK_TOKEN"]
    url, folder = stage.box.git_url(NAME), stage.directory
    down = folder / "down.yaml"
    down.write_text("version: 1\nrepository: acme/shop\ngithub: {api_url: 'http://127.0.0.1:9/api/v3'}\n")
    bare = folder / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", url, str(bare)], check=True, timeout=60)
    answers = [
        clockwork("guard", "pr", "1", "--repo", url, folder=folder, **environment),
        clockwork(
            "guard",
            "pr",
            "1",
            "--repo",
            url,
            "--settings",
            str(down),
            folder=folder,
            CLOCKWORK_TOKEN=token,
            **environment,
        ),
        clockwork("guard", "pr", "1", "--repo", str(bare), folder=folder, CLOCKWORK_TOKEN=token),
    ]
    assert [answer.returncode for answer in answers] == [2, 3, 2]
    for answer, words in zip(
        answers, ("there is no token for acme/shop", "did not answer", "no code host"), strict=True
    ):
        assert words in answer.stderr
        assert "Traceback" not in answer.stderr
