"""The first commit of a repository, written by ``git fast-import``: thousands of files are one process and one pack."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.sandbox.objects import Ident, require_path
from bot.sandbox.replies import unprocessable


def first_commit(bare: Path, branch: str, files: Mapping[str, bytes], *, message: str, ident: Ident) -> None:
    """``branch`` of the bare repository holds ``files`` in one commit without parents. 422 for a path git refuses."""
    script = b"".join(_script(branch, files, message=message, ident=ident))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(bare), "GIT_CONFIG_NOSYSTEM": "1"}
    finished = subprocess.run(
        ["git", "fast-import", "--quiet", "--done"],
        cwd=bare,
        env=environment,
        input=script,
        check=False,
        capture_output=True,
    )
    for report in bare.glob("fast_import_crash_*"):
        report.unlink()
    if finished.returncode:
        raise unprocessable(finished.stderr.decode("utf-8", errors="replace").strip())


def _script(branch: str, files: Mapping[str, bytes], *, message: str, ident: Ident) -> Iterator[bytes]:
    """The stream of https://git-scm.com/docs/git-fast-import#_input_format ."""
    yield f"commit refs/heads/{branch}\nauthor {ident}\ncommitter {ident}\n".encode()
    yield from _data(message.encode())
    for path, content in files.items():
        require_path(path)
        quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'M 100644 inline "{quoted}"\n'.encode()
        yield from _data(content)
    yield b"done\n"


def _data(content: bytes) -> Iterator[bytes]:
    yield b"data %d\n" % len(content)
    yield content
    yield b"\n"
