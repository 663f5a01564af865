"""What an AI tool said, read as files, as fenced blocks, and as a change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.guardrails.assignment import MAX_PROMPT, build, check_agent
from bot.guardrails.output import answered_files, change_of, change_of_answer, code_blocks, patch_of
from bot.model.filetree import FileTree, content_id
from bot.model.finding import FileStatus
from bot.model.guarded import CodeBlock, DraftFile
from tests.guardrails.changes import plain_book
from tests.table import table

FILES = {"a.py": b"x = 1\n", "docs/b.md": b"# B\n", "keys.env": b"TOKEN=ghp_" + b"a1B2" * 9 + b"\n"}
BLOBS = {content_id(data): data for data in FILES.values()}
TREE = FileTree({path: content_id(data) for path, data in FILES.items()}, BLOBS.__getitem__)
ANSWER = json.dumps(
    {"summary": "Done.", "files": [{"path": "a.py", "content": "x = 2\n"}, {"path": "b", "content": None}]}
)


@pytest.mark.parametrize("text", [ANSWER, f"Here:\n```json\n{ANSWER}\n```\nBye", f"  {ANSWER}\n"])
def test_an_answer_with_files(text: str) -> None:
    """One JSON object, bare or as the only block, is an answer with files; null deletes."""
    assert answered_files(text) == ("Done.", (DraftFile("a.py", b"x = 2\n"), DraftFile("b", None)))


@pytest.mark.parametrize(
    "text", ["", "Words.", "[1]", '{"summary": "x"}', f"```\n{ANSWER}\n```\n```\nmore\n```", "[" * 9999]
)
def test_mere_words(text: str) -> None:
    """What holds no files is words."""
    assert answered_files(text) is None


@table(
    "files",
    [
        "all",
        [{"path": "a"}],
        [{"path": "", "content": "x"}],
        [{"path": "a", "content": 1}],
        [{"path": "a", "content": "x", "mode": "777"}],
        [{"path": "a", "content": "x"}, {"path": "a", "content": "y"}],
        [{"path": "a", "content": "\udcff"}],
        [{"path": f"f{n}", "content": ""} for n in range(301)],
    ],
)
def test_files_in_another_form_are_an_error(files: object) -> None:
    """An object that has files and does not fit is never taken for words."""
    with pytest.raises(Invalid, match="answer"):
        answered_files(json.dumps({"summary": "", "files": files}))


def test_a_giant_file_is_refused() -> None:
    """A file beyond the bound comes without bytes."""
    (answer,) = (answered_files(json.dumps({"files": [{"path": "a", "content": "x" * 1_000_001}]})),)
    assert answer is not None
    assert (answer[1][0].data, answer[1][0].refused) == (None, "larger than 1,000,000 bytes")


def test_blocks() -> None:
    """Backticks and tildes fence; a longer fence holds a shorter one; an open one ends with the text."""
    text = "a\n```Python title\nx\n```\n~~~~\n```\n~~~\n~~~~\n````sh\n```\nrest"
    assert code_blocks(text) == (
        CodeBlock("python", "x", 3),
        CodeBlock("", "```\n~~~", 6),
        CodeBlock("sh", "```\nrest", 10),
    )


@given(st.text())
def test_blocks_never_raise(text: str) -> None:
    """Any text has blocks, each of whose text is in it."""
    assert all(block.text in text for block in code_blocks(text))


def test_said_is_judged_by_its_blocks() -> None:
    """Each block is a file by its language; the words around keep their lines."""
    change = change_of_answer("Run\n```bash\ncurl x | sh\n```\nthen\n```\nno\n```", base="b", head="h")
    assert [(file.path, file.after) for file in change.files] == [
        ("answer/1.sh", b"curl x | sh\n"),
        ("answer/2", b"no\n"),
        ("answer/words", b"Run\n```bash\n\n```\nthen\n```\n\n```"),
    ]


def test_a_change_of_files() -> None:
    """Changed, new, deleted and moved files; what is as it was, or was never there, is no change."""
    drafts = [
        DraftFile("a.py", b"x = 2\n"),
        DraftFile("docs/b.md", None),
        DraftFile("docs/c.md", b"# B\n"),
        DraftFile("keys.env", FILES["keys.env"]),
        DraftFile("link", None, "it is a symbolic link"),
        DraftFile("none", None),
    ]
    change = change_of(drafts, TREE, base="b", head="h")
    assert [(file.path, file.status, file.old_path) for file in change.files] == [
        ("a.py", FileStatus.MODIFIED, None),
        ("docs/c.md", FileStatus.RENAMED, "docs/b.md"),
        ("link", FileStatus.ADDED, None),
    ]
    assert change.files[2].omitted == "it is a symbolic link"


def test_the_patch_hides_secrets() -> None:
    """A patch says what changes, by line, without credentials."""
    token = "ghp_" + "a1B2" * 9
    change = change_of([DraftFile("a.py", b"x = 2\ny = 3\n"), DraftFile("n", token.encode())], TREE, base="b", head="h")
    patch = patch_of(change)
    assert patch.startswith("--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,2 @@\n-x = 1\n+x = 2\n+y = 3\n--- /dev/null\n+++ b/n\n")
    assert token not in patch


def test_the_assignment_tells_task_guardrails_and_named_files() -> None:
    """The prompt stands first; guardrails are told; a named file is shown unless it holds credentials; data is fenced."""
    text = build(
        "Fix a.py and keys.env.", plain_book(), TREE, agent="claude", nonce="n0nce", evidence=["n0nce evil"]
    ).text
    assert text.startswith("# Task\n\nFix a.py and keys.env.\n")
    assert "SEC-001" in text
    assert "# What is known of the agent claude\n" in text
    fenced = text.partition("<<<DATA n0nce\n")[2].partition("DATA n0nce>>>")[0]
    assert "--- a.py\nx = 1\n" in fenced
    assert "--- keys.env\n[not shown: it holds credentials]" in fenced
    assert " evil\n" in fenced
    assert "n0nce" not in fenced
    assert "ghp_" not in text


@pytest.mark.parametrize("prompt", ["", " \n", "x" * (MAX_PROMPT + 1)])
def test_prompts_that_are_none(prompt: str) -> None:
    """An empty prompt and a giant one are bad input."""
    with pytest.raises(Invalid, match="prompt"):
        build(prompt, plain_book(), TREE, agent=None, nonce="n")


def test_an_agent_needs_a_document() -> None:
    """A name that no document is about is an error that names those there are."""
    check_agent(plain_book(), "claude")
    check_agent(plain_book(), None)
    with pytest.raises(Invalid, match="securty") as caught:
        check_agent(plain_book(), "securty")
    assert "claude" in (caught.value.advice or "")
