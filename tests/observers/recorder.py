"""A listener between a client and a Unix socket that lets everything through and writes the request lines down."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
                (server if ready is client else client).sendall(chunk)
