"""What comes back of an assistant that was given files: small real programs behind the real wall, and a real endpoint."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.assistants.choose import assistant, choose
from bot.assistants.tool import ToolOptions
from bot.confinement.walls import Confinement, Wall, best
from bot.model.filetree import FileTree, content_id
from bot.model.guarded import AIErrorKind, Draft, DraftAssignment
from bot.ports import Drafter
from tests.assistants.endpoint import Endpoint, Fault, serving
from tests.assistants.samples import KEY, Naps

FILES = {"a.py": b"x = 1\n", "docs/b.md": b"# B\n", "docs/deep/c.txt": b"c\n"}
BLOBS = {content_id(data): data for data in FILES.values()}
TREE = FileTree({path: content_id(data) for path, data in FILES.items()}, BLOBS.__getitem__)
ASSIGNMENT = DraftAssignment("Do it.", '{"type": "object"}', TREE)
Run = Callable[..., Draft]
needs_wall = pytest.mark.skipif("best() is Wall.NONE", reason="no wall stands on this machine")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as served:
        yield served


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """What a Python program makes of the assignment; it is run behind the wall unless told otherwise."""

    def drafted(source: str, *, confinement: Confinement = Confinement.REQUIRED, seconds: float = 30) -> Draft:
        program = tmp_path / "fixer"
        program.write_text(f"#!{sys.executable} -I\nimport os, sys, pathlib\ntext = sys.stdin.read()\n{source}\n")
        program.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        options = ToolOptions(path=path, deadline_seconds=seconds, grace_seconds=1, confinement=confinement)
        made = assistant("command", options, command=["fixer"], sleep=Naps())
        assert isinstance(made, Drafter)
        return made.draft(ASSIGNMENT)

    return drafted


def left(draft: Draft) -> dict[str, bytes | None | str]:
    """Path to bytes, None for a deleted file, the reason for one that is refused."""
    assert draft.files is not None
    return {file.path: file.refused or file.data for file in draft.files}


@needs_wall
def test_what_differs_comes_back(run: Run) -> None:
    """Changed, new and deleted files come back, and no others; so do the program's words."""
    draft = run(
        "assert text == 'Do it.'\n"
        "pathlib.Path('a.py').write_text('x = 2\\n')\n"
        "pathlib.Path('docs/b.md').write_text('# B\\n')\n"
        "pathlib.Path('docs/deep/c.txt').unlink()\n"
        "pathlib.Path('new/folder').mkdir(parents=True)\n"
        "pathlib.Path('new/folder/d.txt').write_text('d')\n"
        "print('Done.')"
    )
    assert (draft.failure, draft.text, draft.incomplete) == (None, "Done.\n", None)
    assert left(draft) == {"a.py": b"x = 2\n", "docs/deep/c.txt": None, "new/folder/d.txt": b"d"}


@needs_wall
def test_files_alone_are_an_output(run: Run) -> None:
    """A tool that changes a file need not say a word."""
    draft = run("pathlib.Path('a.py').write_text('y\\n')")
    assert (draft.failure, draft.text, left(draft)) == (None, "", {"a.py": b"y\n"})


@needs_wall
@pytest.mark.parametrize(
    ("source", "path", "told"),
    [
        ("os.symlink('/etc/passwd', 'link')", "link", "symbolic link"),
        ("os.remove('a.py'); os.symlink('docs/b.md', 'a.py')", "a.py", "symbolic link"),
        ("os.symlink('docs', 'way')", "way", "symbolic link"),
        ("os.mkfifo('pipe')", "pipe", "named pipe"),
        ("import socket; socket.socket(socket.AF_UNIX).bind('s')", "s", "socket"),
        ("open('big', 'wb').truncate(1 << 40)", "big", "larger than"),
        ("open('a.py', 'ab').truncate(2_000_000)", "a.py", "larger than"),
    ],
)
def test_what_is_no_plain_file_is_named_and_not_read(run: Run, source: str, path: str, told: str) -> None:
    """Links, devices and giants come back as refused, with the reason."""
    draft = run(source)
    assert draft.failure is None
    refused = left(draft)[path]
    assert isinstance(refused, str)
    assert told in refused


@needs_wall
def test_a_link_for_a_folder_hides_nothing(run: Run) -> None:
    """A folder that became a link is not followed: its files count as deleted, and the link is refused."""
    draft = run(
        "import shutil; shutil.move('docs', os.environ['TMPDIR'] + '/d'); os.symlink(os.environ['TMPDIR'] + '/d', 'docs')"
    )
    assert left(draft) == {"docs": "it is a symbolic link", "docs/b.md": None, "docs/deep/c.txt": None}


@needs_wall
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("[open(f'f{n}', 'w').close() for n in range(400)]", "more than 300 files"),
        ("[open(f'f{n}', 'wb').write(b'x' * 900_000) for n in range(30)]", "more than 300 files or 16,777,216 bytes"),
        ("for n in range(150): os.mkdir('d'); os.chdir('d')", "more than 100 deep"),
        ("for n in range(2500): os.mkdir('d'); os.chdir('d')", "more than 100 deep"),
    ],
)
def test_too_much_is_incomplete(run: Run, source: str, told: str) -> None:
    """What is left beyond the bounds makes the draft incomplete, and its folder is gone all the same."""
    draft = run(f"print(os.getcwd(), flush=True)\n{source}")
    assert draft.failure is None
    assert told in (draft.incomplete or "")
    assert not Path(draft.text.strip()).exists()


@needs_wall
def test_odd_names_come_back(run: Run) -> None:
    """Names that are not UTF-8, and the insides of .git, are files like others here; guardrails judge them."""
    draft = run("os.mkdir('.git'); open('.git/config', 'w').close(); open(b'\\xff', 'w').close()")
    assert left(draft) == {".git/config": b"", "\udcff": b""}


@needs_wall
def test_a_locked_folder_is_named(run: Run) -> None:
    """A folder that nobody may enter is refused where it really locks, and what was in it never counts as unchanged."""
    draft = run("print(os.getcwd(), flush=True); os.chmod('docs', 0)")
    assert left(draft).get("docs") == (None if os.getuid() == 0 else "it cannot be read: Permission denied")
    assert not Path(draft.text.strip()).exists()


@needs_wall
def test_the_copy_is_all_there_is(run: Run, tmp_path: Path) -> None:
    """Behind the wall are the files of the tree, no .git, no other file of this machine, and no network."""
    (tmp_path / "secret").write_text("planted")
    draft = run(
        "print(sorted(str(p) for p in pathlib.Path('.').rglob('*') if p.is_file()))\n"
        f"print(os.path.exists({str(tmp_path / 'secret')!r}), sorted(k for k in os.environ if 'TOKEN' in k))\n"
        "import socket\n"
        "try: socket.create_connection(('127.0.0.1', 9), 2); print('reached')\n"
        "except OSError: print('no way')"
    )
    assert draft.text == "['a.py', 'docs/b.md', 'docs/deep/c.txt']\nFalse []\nno way\n"


@pytest.mark.parametrize(
    ("source", "kind"),
    [("sys.exit(3)", AIErrorKind.FAILED), ("pass", AIErrorKind.NO_OUTPUT), ("print(' ')", AIErrorKind.NO_OUTPUT)],
)
@needs_wall
def test_kinds_of_failure(run: Run, source: str, kind: AIErrorKind) -> None:
    """A program that fails and one that does nothing are told apart."""
    assert run(source).failure is kind


@needs_wall
def test_a_program_that_hangs_timed_out(run: Run) -> None:
    """It is asked twice, and ended both times."""
    draft = run("pathlib.Path('a.py').write_text('half'); import time; time.sleep(60)", seconds=1)
    assert (draft.failure, draft.files) == (AIErrorKind.TIMED_OUT, None)


@needs_wall
def test_a_flood_of_words_failed(run: Run) -> None:
    """More output than the cap is no output."""
    assert run("print('x' * 5_000_000)").failure is AIErrorKind.FAILED


def test_without_a_wall_it_gets_no_files(run: Run, tmp_path: Path) -> None:
    """Where settings do without a wall, the program answers from an empty folder; what it writes there counts nothing."""
    draft = run("print(os.listdir('.')); open('a.py', 'w').write('y')", confinement=Confinement.NONE)
    assert (draft.failure, draft.files, draft.text) == (None, None, "[]\n")


def test_missing_and_unconfined() -> None:
    """No program, no key, and a tool that would need to be outside of a wall are three things, and none is started."""
    options = ToolOptions(path="/nonexistent", deadline_seconds=5)
    drafts = [
        assistant("command", options, command=["nobody"], sleep=Naps()),
        choose("claude", environment={"PATH": "/nonexistent"}),
        assistant("copilot", ToolOptions(path=os.defpath, key=KEY), sleep=Naps()),
    ]
    kinds = [drafter.draft(ASSIGNMENT).failure for drafter in drafts if isinstance(drafter, Drafter)]
    expected = AIErrorKind.MISSING if best() is not Wall.NONE else AIErrorKind.UNCONFINED
    assert kinds == [expected, AIErrorKind.MISSING, AIErrorKind.UNCONFINED]


def test_an_endpoint_answers_with_files(endpoint: Endpoint) -> None:
    """The prompt and the schema reach the model; its words come back as they are, without the key."""
    endpoint.text = json.dumps({"summary": f"key {KEY}", "files": []})
    options = ToolOptions(base_url=f"{endpoint.url}/v1", model="m", key=KEY, deadline_seconds=20)
    drafter = assistant("openai", options, sleep=Naps())
    assert isinstance(drafter, Drafter)
    draft = drafter.draft(ASSIGNMENT)
    assert (draft.failure, draft.files) == (None, None)
    assert json.loads(draft.text) == {"summary": "key [redacted]", "files": []}
    (body,) = endpoint.asked("/chat/completions")
    assert body["messages"] == [{"role": "user", "content": "Do it."}]
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("status", "kind", "asked"),
    [(401, AIErrorKind.REFUSED, 1), (429, AIErrorKind.REFUSED, 2), (500, AIErrorKind.FAILED, 2)],
)
def test_an_endpoint_that_refuses(endpoint: Endpoint, status: int, kind: AIErrorKind, asked: int) -> None:
    """The host's no is refused, its own trouble failed; what may pass is asked twice."""
    endpoint.faults.append(Fault(status, body={"error": {"message": "no"}}))
    options = ToolOptions(base_url=f"{endpoint.url}/v1", model="m", deadline_seconds=20)
    drafter = assistant("openai", options, sleep=Naps())
    assert isinstance(drafter, Drafter)
    assert drafter.draft(ASSIGNMENT).failure is kind
    assert len(endpoint.requests) == asked
