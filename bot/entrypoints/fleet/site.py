"""The status page of a fleet: served beside the loop while ``clockwork fleet run --status ADDRESS`` lasts."""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.entrypoints.api.tokens import ApiToken, Scope
from bot.entrypoints.http import listening, serving
from bot.entrypoints.pages.fleet import FleetPages
from bot.errors import Invalid
from bot.fleet.overview import FleetStatus

TOKEN: Final = "CLOCKWORK_STATUS_TOKEN"  # noqa: S105 - the name of a variable
_FILE: Final = "status-token"
_ADDRESS: Final = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):)?(?P<port>[0-9]{1,5})")
_SHORTEST: Final = 16
_ADVICE: Final = "Name another with --status HOST:PORT; port 0 takes a free one."


@dataclass(frozen=True, slots=True)
class SiteToken:
    """The token that the page asks for, and where it stands for whoever may read it."""

    text: str = field(repr=False)
    kept_in: str


def site_token(environment: Mapping[str, str], folder: Path) -> SiteToken:
    """The token of :data:`TOKEN`; without one a new one in a file that only this user may read. ``Invalid`` for a short one."""
    given_token = environment.get(TOKEN, "")
    if given_token:
        if len(given_token) < _SHORTEST:
            raise Invalid(f"{TOKEN} is too short", advice=f"Give it {_SHORTEST} characters or more.")
        return SiteToken(given_token, f"${TOKEN}")
    new_token, file = secrets.token_urlsafe(32), folder / _FILE
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as token_file:
        token_file.write(f"{new_token}\n")
    return SiteToken(new_token, str(file))


@contextmanager
def status_site(address: str, status: Callable[[], FleetStatus], token: str) -> Iterator[str]:
    """The page, served at ``HOST:PORT`` (``PORT`` alone: on this machine) while the context lasts; its address.

    ``status`` is asked from another thread. Raises ``Invalid`` for what is no address, and as :func:`listening` does.
    """
    from starlette.applications import Starlette

    parts = _ADDRESS.fullmatch(address)
    if parts is None or int(parts["port"]) > 65535:
        raise Invalid(f"{address!r} is no address", advice="Write HOST:PORT, such as 127.0.0.1:8738.")
    host = (parts["host"] or "127.0.0.1").strip("[]")
    stopping = threading.Event()
    known_tokens = (ApiToken("status", token.encode(), Scope.READ),)
    pages = FleetPages(status, lambda: known_tokens, stopping.is_set)
    bound = listening(host, int(parts["port"]), advice=_ADVICE)
    shown_host = parts["host"] or host
    with serving(Starlette(routes=pages.routes()), bound):
        try:
            yield f"http://{shown_host}:{bound.getsockname()[1]}/"
        finally:
            stopping.set()
