"""Reads what an AI tool said: an answer that holds files, or words with fenced blocks. All of it is untrusted.

Nothing is run or followed. What is read here becomes a change, which :mod:`bot.guardrails.judge` judges like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid
from bot.guardrails.hunks import Delta, DiffLine
from bot.model.filetree import FileTree, content_id
from bot.model.finding import Change, FileChange, FileStatus
from bot.model.guarded import CodeBlock, DraftFile
from bot.model.json import read_json
from bot.secrecy.redaction import redact

MAX_FILES: Final = 300
"""Files of one answer."""
MAX_FILE: Final = 1_000_000
"""Bytes of one file, as many as are read of one in a pull request."""
ANSWER: Final = "answer"
"""The folder that fenced blocks of an answer are judged in; they are written nowhere."""
_FENCE: Final = re.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*$")
_SUFFIXES: Final = {
    "bash": "sh",
    "shell": "sh",
    "console": "sh",
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "terraform": "tf",
    "hcl": "tf",
    "golang": "go",
    "rust": "rs",
    "ruby": "rb",
    "kotlin": "kt",
    "csharp": "cs",
}


class _Answered(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    content: str | None


class _Answer(BaseModel):
    """An answer that holds files, as :data:`bot.guardrails.assignment.SCHEMA` has it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    summary: str = ""
    files: Annotated[list[_Answered], Field(max_length=MAX_FILES)]


def answered_files(text: str) -> tuple[str, tuple[DraftFile, ...]] | None:
    """Summary and files of an answer that is one JSON object with files, bare or as its only fenced block; else None.

    Raises ``Invalid`` for one that begins to be such an object and does not fit: it must not be taken for mere words.
    """
    value = _object(text)
    if not isinstance(value, dict) or "files" not in value:
        return None
    try:
        answer = _Answer.model_validate(value)
        data = [None if file.content is None else file.content.encode() for file in answer.files]
    except (ValidationError, UnicodeEncodeError) as exc:
        raise Invalid("the answer holds files in another form than asked") from exc
    if len({file.path for file in answer.files}) < len(answer.files):
        raise Invalid("the answer names a file twice")
    return answer.summary, tuple(map(_drafted, answer.files, data))


def _drafted(file: _Answered, data: bytes | None) -> DraftFile:
    if data is not None and len(data) > MAX_FILE:
        return DraftFile(file.path, None, f"larger than {MAX_FILE:,} bytes")
    return DraftFile(file.path, data)


def _object(text: str) -> object:
    blocks = [block.text for block in code_blocks(text)]
    values = map(read_json, (text, *(blocks if len(blocks) == 1 else ())))
    return next((value for value in values if value is not None), None)


def code_blocks(text: str) -> tuple[CodeBlock, ...]:
    """The fenced blocks of Markdown (CommonMark 0.31, "Fenced code blocks"), top to bottom; an open one ends with the text."""
    return tuple(_blocks(text.split("\n")))


def _blocks(lines: Sequence[str]) -> Iterator[CodeBlock]:
    opening: tuple[str, str, int] | None = None
    block_lines: list[str] = []
    for number, line in enumerate(lines, start=1):
        match = _FENCE.match(line)
        if opening is None:
            if match is not None:
                opening, block_lines = (match[1], match[2].lower(), number + 1), []
        elif match is not None and match[1].startswith(opening[0]) and not match[2]:
            yield CodeBlock(opening[1], "\n".join(block_lines), opening[2])
            opening = None
        else:
            block_lines.append(line)
    if opening is not None:
        yield CodeBlock(opening[1], "\n".join(block_lines), opening[2])


def change_of(
    files: Sequence[DraftFile], tree: FileTree, *, base: str, head: str, incomplete: str | None = None
) -> Change:
    """The change that ``files`` make of ``tree``, as one between two commits would be. What changes nothing is left out."""
    changed = [change for file in files if (change := _file_change(file, tree)) is not None]
    return Change(
        base, head, tuple(sorted(_with_moves(changed), key=lambda file_change: file_change.path)), truncated=incomplete
    )


def _with_moves(changed: Sequence[FileChange]) -> Iterator[FileChange]:
    """``changed`` with a file that went and came again elsewhere, byte for byte, as one that was renamed."""
    removed_files = {
        other_change.before: other_change
        for other_change in changed
        if other_change.status is FileStatus.REMOVED and other_change.before
    }
    moved = {
        other_change.path: removed_files.pop(other_change.after).path
        for other_change in changed
        if other_change.status is FileStatus.ADDED
        and other_change.after is not None
        and other_change.after in removed_files
    }
    for file_change in changed:
        if file_change.path in moved:
            yield replace(
                file_change, status=FileStatus.RENAMED, before=file_change.after, old_path=moved[file_change.path]
            )
        elif file_change.path not in moved.values():
            yield file_change


def _file_change(file: DraftFile, tree: FileTree) -> FileChange | None:
    is_known = file.path in tree
    if file.refused is not None:
        status = FileStatus.MODIFIED if is_known else FileStatus.ADDED
        return FileChange(file.path, status, None, None, omitted=file.refused)
    if file.data is None:
        return FileChange(file.path, FileStatus.REMOVED, tree.read(file.path), None) if is_known else None
    if tree.id_of(file.path) == content_id(file.data):
        return None
    return FileChange(file.path, FileStatus.MODIFIED if is_known else FileStatus.ADDED, tree.read(file.path), file.data)


def change_of_answer(text: str, *, base: str, head: str) -> Change:
    """The fenced blocks of an answer as files of a change, so that code in an answer is judged as code."""
    blocks = (
        FileChange(
            f"{ANSWER}/{number}{_suffix(block)}", FileStatus.ADDED, None, f"{block.text}\n".encode("utf-8", "replace")
        )
        for number, block in enumerate(code_blocks(text), start=1)
    )
    return Change(base, head, (*blocks, *_prose(text)))


def _prose(text: str) -> Iterator[FileChange]:
    """The answer without its blocks, line for line, for what must be in no text."""
    lines = text.split("\n")
    for block in code_blocks(text):
        count = block.text.count("\n") + 1
        lines[block.line - 1 : block.line - 1 + count] = [""] * count
    text = "\n".join(lines)
    if text.strip():
        yield FileChange(f"{ANSWER}/words", FileStatus.ADDED, None, text.encode("utf-8", "replace"))


def _suffix(block: CodeBlock) -> str:
    suffix = re.sub(r"[^a-z0-9]", "", _SUFFIXES.get(block.language, block.language))
    return f".{suffix[:12]}" if suffix else ""


def patch_of(change: Change) -> str:
    """The change as a patch without context, credentials redacted, for people to read."""
    return redact("\n".join(line for file in change.files for line in _patch(Delta(file))))


def _patch(delta: Delta) -> Iterator[str]:
    yield "--- /dev/null" if delta.status is FileStatus.ADDED else f"--- a/{delta.old_path}"
    yield "+++ /dev/null" if delta.status is FileStatus.REMOVED else f"+++ b/{delta.path}"
    if delta.unread is not None:
        yield f"[not shown: {delta.unread}]"
    for hunk in delta.hunks:
        removed, added = hunk.removed, hunk.added
        yield f"@@ -{_span(removed)} +{_span(added)} @@"
        yield from (f"-{line.text}" for line in removed)
        yield from (f"+{line.text}" for line in added)


def _span(lines: Sequence[DiffLine]) -> str:
    return f"{lines[0].number},{len(lines)}" if lines else "0,0"
