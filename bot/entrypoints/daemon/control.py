"""Finds a running daemon on this machine and talks to it: what ``status``, ``check``, ``pause``, ``resume`` and ``stop`` do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.entrypoints.daemon.state import Runtime, StateFolder, known_states
from bot.errors import BotError, Invalid, Refused, Stale, Unavailable
from bot.settings import Settings
from bot.trust import web_authorities
from bot.wiring.repository import Options, origin, remote_named, settings_here
from bot.wiring.state import state_root

_ANSWER: Final = 10.0
"""Seconds that an answer may take which needs no run."""
_POLL: Final = 0.1
_KILLED: Final = 5.0
_KINDS: Final[Mapping[str, type[BotError]]] = {kind.__name__: kind for kind in (Invalid, Unavailable, Stale, Refused)}


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """A daemon that runs. ``runtime`` is None while it starts."""

    pid: int
    folder: StateFolder
    runtime: Runtime | None


class NotRunning(Unavailable):
    """No daemon keeps that repository on this machine."""


def running(options: Options, state: Path | None) -> RunningDaemon:
    """The daemon that keeps a repository. Raises :class:`NotRunning` without one; needs no network.

    ``Invalid`` when several do, for several branches, and none was named.
    """
    live = [(folder, pid) for folder in _folders(options, state) if (pid := folder.holder()) is not None]
    if not live:
        raise NotRunning(
            f"no daemon runs for {options.repo}",
            advice="`clockwork daemon start --background` starts one; `clockwork reconcile` runs once without.",
        )
    if len(live) > 1:
        runtimes = [folder.runtime() for folder, _ in live]
        branches = ", ".join(sorted(runtime.branch for runtime in runtimes if runtime))
        raise Invalid(f"several daemons keep {options.repo}", advice=f"Name one with --branch: {branches}.")
    folder, pid = live[0]
    runtime = folder.runtime()
    return RunningDaemon(pid, folder, runtime if runtime is not None and runtime.pid == pid else None)


def _folders(options: Options, state: Path | None) -> list[StateFolder]:
    """Where a daemon of the repository could be. Settings that are wrong must not keep anybody from stopping it."""
    try:
        settings, remote = settings_here(options), remote_named(options)
    except Invalid:
        if not Path(options.repo).is_dir():
            raise
        settings, remote = Settings(), origin(Path(options.repo))
    state_setting = state or (Path(settings.daemon.state) if settings.daemon.state else None)
    if state_setting is not None:
        return [StateFolder(state_setting.expanduser().absolute())]
    remote = remote or str(Path(options.repo).resolve())
    return list(known_states(state_root(options.environment), remote, options.branch))


def ask(daemon: RunningDaemon, method: str, path: str, *, timeout: float = _ANSWER, **body: str) -> Mapping[str, Any]:
    """The daemon's answer. Raises the error that it tells, and ``Unavailable`` when it does not answer."""
    import httpx

    runtime = daemon.runtime
    if runtime is None:
        raise Unavailable(
            f"the daemon (pid {daemon.pid}) does not answer yet", advice=f"It is starting; see {daemon.folder.path}."
        )
    address = f"http://{_host(runtime)}:{runtime.port}{path}"
    headers = {"Authorization": f"Bearer {runtime.token}"}
    try:
        # No proxy of the environment: the token is for this machine alone.
        with httpx.Client(
            verify=web_authorities(), trust_env=False, timeout=httpx.Timeout(timeout, connect=_ANSWER)
        ) as client:
            answer = client.request(method, address, headers=headers, json=body or None)
            content = answer.json()
    except (httpx.HTTPError, ValueError) as exc:
        log = runtime.log or "standard error of the daemon"
        raise Unavailable(
            f"the daemon (pid {daemon.pid}) does not answer on {runtime.host}:{runtime.port}: {type(exc).__name__}",
            advice=f"It may be stopping, or stuck; see {log}.",
        ) from exc
    if answer.status_code != 200:
        kind = _KINDS.get(str(content.get("kind")), Unavailable)
        raise kind(str(content.get("error", f"status {answer.status_code}")), advice=content.get("advice"))
    return dict(content)


def _host(runtime: Runtime) -> str:
    """Where this machine reaches it: an address that stands for all of its own is this machine's, too."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(runtime.host, runtime.host)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def stop(daemon: RunningDaemon, *, timeout: float, kill: bool) -> bool:
    """Whether the daemon ended within ``timeout`` seconds of being told to; with ``kill`` it is made to.

    ``Refused`` when it belongs to another user.
    """
    _send(daemon, signal.SIGTERM)
    if _ended(daemon, timeout):
        return True
    if kill:
        _send(daemon, signal.SIGKILL)
    return kill and _ended(daemon, _KILLED)


def _send(daemon: RunningDaemon, number: signal.Signals) -> None:
    """A signal to this daemon and nobody else: between reading a pid and using it, it may become somebody else's."""
    try:
        descriptor = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return
    try:
        if daemon.folder.holder() == daemon.pid:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    except PermissionError as exc:
        raise Refused(f"the daemon (pid {daemon.pid}) belongs to another user", advice="Stop it as that user.") from exc
    finally:
        os.close(descriptor)


def _ended(daemon: RunningDaemon, timeout: float) -> bool:
    end = time.monotonic() + timeout
    while daemon.folder.holder() == daemon.pid:
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL)
    return True
