"""How long the daemon's HTTP side waits for whoever talks to it, and for how many at once.

uvicorn ends connections on which nothing was asked after an answer, and bounds the headers of a request; for the headers
and the body of a request, and for an answer to be read, it waits for ever, with any number of connections (uvicorn,
"Settings", "Timeouts" and "Resource Limits"). A client that sends or reads a byte a minute would hold a connection for good
(CWE-400, "Slowloris"), so each part has its time, counted from its first moment and not from the last byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds for the headers of a request, for its body, for reading what is written as an answer and between two requests;
    connections at once; bytes of headers.
    """

    headers: float = 10.0
    body: float = 30.0
    answer: float = 30.0
    idle: float = 5.0
    connections: int = 100
    header_bytes: int = 16 * 1024


def config(app: Any, limits: ConnectionLimits) -> Any:
    """How uvicorn serves ``app`` within ``limits``."""
    import uvicorn

    from bot.entrypoints.patience import PatientProtocol

    class LimitedProtocol(PatientProtocol):
        """The limits of this server."""

    LimitedProtocol.limits = limits
    return uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=limits.idle,  # type: ignore[arg-type]  # handed to call_later, which takes parts of seconds
        h11_max_incomplete_event_size=limits.header_bytes,
    )
