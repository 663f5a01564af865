"""Paths that must never be written, trees that no checkout could have, servers that hang or send us elsewhere."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pygit2
import pytest

from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.gitrepo import trees
from bot.gitrepo.credentials import Token
from bot.gitrepo.paths import check_writable
from bot.gitrepo.remote import limit_waiting
from bot.gitrepo.repository import GitRepository
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git
from tests.table import table

FORBIDDEN = [
    "k8s/\udcff.yaml",
    "",
    "/etc/passwd",
    "C:/x",
    "../x",
    "a/../b",
    "a/./b",
    "a//b",
    "a/",
    ".git/config",
    "a/.GIT/config",
    ".g\u200cit/config",
    ".git ./hooks/x",
    ".git::$INDEX_ALLOCATION/x",
    "GIT~1/config",
    "git~2/x",
    ".../x",
    "a\\b",
    "a\nb",
    "a\0b",
    ".github/workflows/x.yaml",
    ".GitHub/Workflows/x.yaml",
    ".github./workflows /x",
    ".github/workflows",
    "GITHUB~1/WORKFL~1/x",
    ".gith\u200dub/workflows/x",
    ".gitmodules",
    "sub/.GITMODULES",
    "x" * 4097,
]


@table("path", FORBIDDEN)
def test_paths_that_are_never_written(path: str) -> None:
    """Outside, Git's own folder in any spelling, workflows, submodules: Refused."""
    with pytest.raises(Refused):
        check_writable(path)


@table(
    "path",
    [
        "a",
        ".clockwork/build/x",
        ".github/CODEOWNERS",
        "workflows/x",
        "a b/ü.yaml",
        ".gitignore",
        "a..b",
        "x/.github/workflows/y",
    ],
)
def test_paths_that_are_fine(path: str) -> None:
    """Ordinary names stay possible."""
    assert "/".join(check_writable(path)) == path


@pytest.fixture
def bare(box: GitServer) -> Path:
    path = box.bare("shop.git")
    seed(path, {"a.yaml": b"a\n", "dir/b.yaml": b"b\n"})
    return path


def raw_tree(path: Path, entries: list[tuple[str, str, str]]) -> str:
    """A tree object with exactly these (mode, name, id) entries, however wrong they are."""
    data = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", at=path, stdin=data)


def commit_tree(path: Path, tree: str) -> str:
    made = git("commit-tree", "-m", "hostile", tree, at=path)
    git("update-ref", "refs/heads/main", made, at=path)
    return made


def blob(path: Path, data: bytes) -> str:
    return git("hash-object", "-w", "--stdin", at=path, stdin=data)


def test_symlinks_and_submodules_are_neither_read_nor_written_through(
    box: GitServer, bare: Path, tmp_path: Path
) -> None:
    """A link to /etc or to another folder is not a file of the repository, and nothing is written where it leads."""
    link, other = blob(bare, b"/etc"), git("rev-parse", "main", at=bare)
    tree = raw_tree(
        bare, [("160000", "module", other), ("120000", "passwd", link), ("100644", "real", blob(bare, b"x"))]
    )
    head = commit_tree(bare, tree)
    repo = GitRepository.open(box.url("shop.git"), tmp_path / "clone")
    repo.fetch()
    assert [entry.path for entry in repo.entries(head)] == ["real"]
    assert repo.read(head, "passwd") is None
    assert repo.read(head, "passwd/passwd") is None
    assert [repo.is_link(head, path) for path in ("passwd", "passwd/x", "real", "real/x", "module", "none")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    for path in ("passwd", "passwd/x", "module", "module/x", "real/x"):
        with pytest.raises(Refused) as refused:
            repo.commit(head, {path: b"x"}, message="m", at=NOW)
        with pytest.raises(Refused) as foretold:
            repo.check_writable(head, [path])
        assert foretold.value.message == refused.value.message
    repo.check_writable(head, ["real", "new/file"])
    with pytest.raises(Refused):
        repo.commit(head, {"passwd": None}, message="m", at=NOW)


def test_a_folder_is_not_overwritten_by_a_file(repo: GitRepository, bare: Path) -> None:
    """Nor may one commit want a name to be both."""
    head = git("rev-parse", "main", at=bare)
    for changes in ({"dir": b"x"}, {"new": b"x", "new/y": b"y"}):
        with pytest.raises(Refused):
            repo.commit(head, changes, message="m", at=NOW)


def test_names_that_no_checkout_could_have_are_passed_over(bare: Path) -> None:
    """Entries called ``..``, ``.git`` or ``a/b`` do not become paths."""
    inner = raw_tree(bare, [("100644", "x", blob(bare, b"x"))])
    tree = raw_tree(
        bare,
        [
            ("100644", "..", blob(bare, b"x")),
            ("40000", ".GIT", inner),
            ("100644", "a/b", blob(bare, b"x")),
            ("100644", "good", blob(bare, b"x")),
            ("40000", "sub", inner),
        ],
    )
    entries = trees.entries_of(pygit2.Repository(str(bare)), tree)
    assert [entry.path for entry in entries] == ["good", "sub/x"]


def test_names_that_are_not_utf8_survive(bare: Path) -> None:
    """An old Latin-1 file name is listed and can be read by what it is listed as."""
    data = b"100644 caf\xe9.yaml\0" + bytes.fromhex(blob(bare, b"x"))
    head = commit_tree(bare, git("hash-object", "-t", "tree", "-w", "--stdin", at=bare, stdin=data))
    local = GitRepository.local(bare)
    (entry,) = local.entries(head)
    assert entry.path == "caf\udce9.yaml"
    assert local.read(head, entry.path) == b"x"


def test_a_tree_bomb_is_refused(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten levels of ten times the same folder name ten thousand million files in ten objects."""
    monkeypatch.setattr(trees, "MAX_FILES", 5_000)
    tree = raw_tree(bare, [("100644", f"f{n}", blob(bare, b"x")) for n in range(10)])
    for _ in range(9):
        tree = raw_tree(bare, [("40000", f"d{n}", tree) for n in range(10)])
    with pytest.raises(Refused, match="files"):
        trees.entries_of(pygit2.Repository(str(bare)), tree)


def test_a_very_deep_tree_is_passed_over(bare: Path) -> None:
    """Five thousand nested folders end at the longest path Git can have, without recursion."""
    repository = pygit2.Repository(str(bare))
    tree = raw_tree(bare, [("100644", "f", blob(bare, b"x"))])
    for _ in range(5000):
        body = b"40000 d\0" + bytes.fromhex(tree)
        tree = str(repository.odb.write(pygit2.enums.ObjectType.TREE, body))
    assert trees.entries_of(repository, tree) == []


def test_a_server_that_never_answers_is_unavailable(tmp_path: Path) -> None:
    """A socket that accepts and stays silent costs the time-out, not for ever."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        repo = GitRepository.open(f"http://127.0.0.1:{silent.getsockname()[1]}/x", tmp_path / "c")
        limit_waiting(connect=1, answer=0.3)
        with pytest.raises(Unavailable):
            repo.fetch()


@pytest.fixture
def elsewhere(box: GitServer) -> Iterator[tuple[str, list[str]]]:
    """A server that sends everybody to ``box`` under another host name, and what ``box`` is told there."""

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{box.port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/shop.git", box.requests
        http.shutdown()
        thread.join()


def test_credentials_do_not_follow_a_redirect(
    elsewhere: tuple[str, list[str]], bare: Path, box: GitServer, tmp_path: Path
) -> None:
    """A server that redirects to another host does not get our token sent there."""
    box.password = "s3cret"
    repo = GitRepository.open(elsewhere[0], tmp_path / "c", credentials=Token("s3cret"))
    with pytest.raises(BotError):
        repo.fetch()
    assert repo.head("main") is None


def test_garbage_instead_of_git_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """A web page, a broken packet and an empty reply are told apart from an empty repository."""
    for content, body in (
        ("text/html", b"<html>"),
        ("application/x-git-upload-pack-advertisement", b"zzzz"),
        ("x", b""),
    ):
        with ThreadingHTTPServer(("127.0.0.1", 0), _answering(content, body)) as http:
            thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            repo = GitRepository.open(
                f"http://127.0.0.1:{http.server_address[1]}/x", tmp_path / hashlib.sha256(body).hexdigest()[:6]
            )
            with pytest.raises((Invalid, Unavailable)):
                repo.fetch()
            http.shutdown()
            thread.join()


def _answering(content: str, body: bytes) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Answer


def test_a_corrupt_object_is_no_silent_truth(bare: Path) -> None:
    """A damaged object database is an error, not an empty file."""
    local = GitRepository.local(bare)
    head = git("rev-parse", "main", at=bare)
    entry = local.entries(head)[0]
    loose = bare / "objects" / entry.blob[:2] / entry.blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(struct.pack(">I", 0))
    with pytest.raises(Invalid):
        GitRepository.local(bare).blob(entry.blob)
