"""A listener between a client and a Unix socket that lets everything through and writes the request lines down.

What version the engine is of it asks itself, once: Podman starts twenty programs to tell that, twice a request
(https://github.com/containers/podman/blob/v4.3.1/pkg/api/handlers/compat/version.go), and each client asks first of all.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPResponse
from pathlib import Path
from typing import Final

_VERSION: Final = re.compile(rb"GET ((?:/v[0-9.]+)?/version) HTTP/1\.1\r\n.*\r\n\r\n", re.DOTALL)


@contextmanager
def recording(path: Path, target: Path) -> Iterator[list[str]]:
    """The request lines that come by ``path`` on their way to ``target`` until the block ends."""
    lines: list[str] = []
    threads: list[threading.Thread] = []
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(0.05)

        def accept() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    threads.append(threading.Thread(target=_pump, args=(client, target, lines, stop)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield lines
        finally:
            stop.set()
            accepting.join()
            for thread in threads:
                thread.join()


def _pump(client: socket.socket, target: Path, lines: list[str], stop: threading.Event) -> None:
    """Both directions of one connection until either end closes it."""
    with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
        client.setblocking(True)
        server.connect(str(target))
        while not stop.is_set():
            for ready in select.select([client, server], [], [], 0.05)[0]:
                chunk = ready.recv(65536)
                if not chunk:
                    return
                if ready is client:
                    lines += [line for line in chunk.decode("latin-1").split("\r\n") if line.endswith(" HTTP/1.1")]
                    if question := _VERSION.fullmatch(chunk):
                        client.sendall(_answer(target, question[1].decode()))
                        continue
                (server if ready is client else client).sendall(chunk)


@cache
def _answer(target: Path, path: str) -> bytes:
    """What the engine at ``target`` says to a GET."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(target))
        server.sendall(f"GET {path} HTTP/1.1\r\nHost: engine\r\n\r\n".encode())
        with HTTPResponse(server) as response:
            response.begin()
            body = response.read()
    kept = {
        name: value
        for name, value in response.getheaders()
        if name.lower() not in {"content-length", "transfer-encoding"}
    }
    headers = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in kept.items())]
    return "\r\n".join([*headers, f"Content-Length: {len(body)}", "", ""]).encode() + body
