"""The command line in processes that are forked from one which has it imported: for shells that start it, and for tests that
call it where some modules cannot be imported.

``serve`` is that one process. It ends when its standard input is closed, and imports nothing but the standard library before
it is told what, so that whoever starts it decides what can be imported.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from select import select
from typing import Final, NoReturn, TextIO

from tests.entry import processes
from tests.observers.waiting import until

CLIENT: Final = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    call = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    code = server.recv(1)
sys.exit(code[0] if code else 70)
"""


def serve(path: str, modules: Sequence[str], end: Connection | TextIO | None = None) -> None:
    """Import what there is of ``modules``, and fork for each call at the socket ``path`` until ``end`` is closed: standard
    input, or what is given.
    """
    end = end or sys.stdin
    for module in ("bot.entrypoints.cli", *modules):
        with suppress(ImportError):
            importlib.import_module(module)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        Path(f"{path}.new").rename(path)  # who sees it can connect
        while listener in select([listener, end], [], [])[0]:
            with listener.accept()[0] as caller:
                length, streams, _, _ = socket.recv_fds(caller, 4, 3)
                call = _received(caller, int.from_bytes(length, "big"))
                child = os.fork()
                if child == 0:
                    listener.close()
                    _run(streams, *json.loads(call))
                for stream in streams:
                    os.close(stream)
                ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                caller.sendall(bytes([ended % 256]))


def _received(caller: socket.socket, length: int) -> bytes:
    call = b""
    while len(call) < length:
        call += caller.recv(length - len(call)) or b" " * length  # who hangs up has said nothing
    return call


def _run(streams: Sequence[int], words: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    """What the forked process does: become as if it had been started with these, and run."""
    import pygit2
    from pygit2.enums import ConfigLevel

    from bot.entrypoints.cli import main

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    pygit2.settings.search_path[ConfigLevel.GLOBAL] = environment["HOME"]
    pygit2.settings.search_path[ConfigLevel.XDG] = f"{environment['HOME']}/.config/git"
    sys.argv = ["clockwork", *words]
    code = 70
    try:
        code = main(words)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        atexit._run_exitfuncs()  # temporary folders go
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def warm_program() -> Iterator[list[str]]:
    """The words that run the command line, forked from one that is forked from where all processes of tests are."""
    with tempfile.TemporaryDirectory(prefix="cw-") as folder:
        path, client = f"{folder}/socket", Path(folder) / "client.py"
        client.write_text(CLIENT)
        end, kept = processes().Pipe(duplex=False)
        server = processes().Process(target=serve, args=(path, (), end), daemon=True)
        server.start()
        end.close()
        assert until(lambda: Path(path).exists() or server.exitcode is not None, seconds=120)
        yield [sys.executable, "-I", "-S", str(client), path]
        kept.close()
        server.join(60)
        assert server.exitcode == 0


@contextmanager
def program(modules: Sequence[str], code: str = "", *arguments: str) -> Iterator[list[str]]:
    """The words that run the command line, forked from a process that has ``modules`` imported, until the block ends.

    ``code`` is run in that process before anything is imported, with ``arguments``.
    """
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory(prefix="cw-") as folder:
        path, client = f"{folder}/socket", Path(folder) / "client.py"
        client.write_text(CLIENT)
        served = f"from {serve.__module__} import {serve.__name__} as serve; serve({path!r}, {[*modules]!r})"
        words = [sys.executable, "-c", code + served, *arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GH_", "CLOCKWORK_"))}
        environment = {**clean, "HOME": folder, "PYTHONPATH": str(root)}
        with subprocess.Popen(words, cwd=folder, env=environment, stdin=subprocess.PIPE) as server:
            assert until(lambda: Path(path).exists() or server.poll() is not None, seconds=120)
            assert server.poll() is None
            yield [sys.executable, "-I", "-S", str(client), path]
