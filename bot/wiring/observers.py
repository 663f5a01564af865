"""Who reads live state, from the command line or the settings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid
from bot.model.observation import Observation
from bot.model.resource import Desired
from bot.ports import Observer, PluginContext
from bot.settings import FILE, Settings
from bot.settings.places import HttpProbeSettings, SnapshotSettings
from bot.temporary import folder_of
from bot.wiring import plugins
from bot.wiring.repository import OpenRepository, SystemClock, is_files

if TYPE_CHECKING:
    from bot.observers.http import Probe


def observers(open_repo: OpenRepository) -> tuple[Observer, ...]:
    """Who reads live state: what the command line names, else what the settings name."""
    from bot.observers.snapshot import SnapshotObserver, SourceForm

    options = open_repo.options
    if options.live_command is not None:
        _check_no_shell(options.live_command)
        return (SnapshotObserver(options.live_command, kind=SourceForm.COMMAND),)
    if options.snapshots:
        return tuple(_assumed(live) or _named(live, open_repo.secrets.marker or b"") for live in options.snapshots)
    configured = tuple(_configured(open_repo))
    if not configured:
        raise Invalid(
            "no live-state source is configured",
            advice="Give --live FILE, or name an observer in clockwork.yaml (observe: docker, kubernetes, snapshot, ...).",
        )
    return configured


def _named(live: str, key: bytes) -> Observer:
    from bot.observers.snapshot import SnapshotObserver

    return SnapshotObserver(live, mask_key=key, data=_standard_input() if live == "-" else None)


@cache
def _standard_input() -> bytes:
    """It can be read once, and every target is compared with it."""
    return sys.stdin.buffer.read()


_SHELL: Final = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"})


def _check_no_shell(command: str) -> None:
    """A command is a program and its words; nobody who writes a pipe means to hand it to the program."""
    with suppress(ValueError):  # quotes that do not end are told where it is started
        if used := [argument for argument in shlex.split(command) if argument in _SHELL]:
            shell = f"sh -c {shlex.quote(command)}"
            argument = f'"{shell}"' if not set(shell) & set('"$`\\!') else shlex.quote(shell)
            raise Invalid(
                f"--live-command starts a program without a shell, so {used[0]!r} would be an argument of it",
                advice=f"Say so where a shell is meant: --live-command {argument}",
            )


def _assumed(live: str) -> Observer | None:
    """The observer of a drift report; None when ``live`` is something else, such as a snapshot."""
    from bot.observers.assumed import AssumedObserver
    from bot.report.reading import is_report

    file = Path(live)
    return AssumedObserver(file) if file.is_file() and is_report(file.read_bytes()) else None


def _configured(open_repo: OpenRepository) -> Iterator[Observer]:
    observe_settings, tell = open_repo.settings.observe, open_repo.options.tell
    if (snapshot := observe_settings.snapshot) is not None:
        yield _snapshot(snapshot)
    if (docker := observe_settings.docker) is not None:
        from bot.observers.containers import ContainerObserver

        yield ContainerObserver(host=docker.host, timeout=docker.timeout, tell=tell)
    if (cluster := observe_settings.kubernetes) is not None:
        from bot.observers.kubernetes import KubernetesObserver

        yield KubernetesObserver(
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            deadline=cluster.timeout,
            openapi=cluster.openapi,
            tell=tell,
        )
    if (terraform := observe_settings.terraform) is not None:
        from bot.observers.terraform import TerraformObserver

        yield TerraformObserver(
            directory=root_module(open_repo, terraform.directory),
            root=terraform.directory,
            binary=terraform.binary,
            refresh_only=terraform.refresh_only,
            deadline=terraform.timeout,
            mask_key=open_repo.secrets.marker or b"",
            tell=tell,
        )
    for name, options in observe_settings.plugins.items():
        yield plugins.observer(name, PluginContext(options, open_repo.options.environment, SystemClock(), tell))
    if observe_settings.http:
        from bot.observers.http import HttpObserver

        yield HttpObserver(
            [_probe(probe) for probe in observe_settings.http], deadline=observe_settings.deadline, tell=tell
        )


def _snapshot(snapshot_settings: SnapshotSettings) -> Observer:
    from bot.observers.snapshot import SnapshotObserver, SourceForm

    if snapshot_settings.command is not None:
        return SnapshotObserver(snapshot_settings.command, kind=SourceForm.COMMAND, timeout=snapshot_settings.timeout)
    if snapshot_settings.url is not None:
        return SnapshotObserver(snapshot_settings.url, kind=SourceForm.URL, timeout=snapshot_settings.timeout)
    return SnapshotObserver(snapshot_settings.file or "", kind=SourceForm.FILE, timeout=snapshot_settings.timeout)


def _probe(probe_settings: HttpProbeSettings) -> Probe:
    from bot.observers.http import Probe

    return Probe(
        url=probe_settings.url,
        name=probe_settings.task or "",
        status=frozenset({probe_settings.status}),
        max_latency_ms=None if probe_settings.max_latency is None else round(probe_settings.max_latency * 1000),
        body=probe_settings.body,
        certificate_days=probe_settings.certificate_days,
        timeout=probe_settings.timeout,
        file=FILE,
    )


def root_module(open_repo: OpenRepository, directory: str) -> Path:
    """The Terraform root module on this disk: in the folder that was named, else written out from the branch's head."""
    if is_files(open_repo.options):
        return Path(open_repo.options.repo) / directory
    head = open_repo.repository.head(open_repo.branch)
    target = folder_of(open_repo.repository, "module")
    for entry in () if head is None else open_repo.repository.entries(head, directory):
        file = target / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(open_repo.repository.blob(entry.blob))
    return target / directory


def list_keys(settings: Settings) -> Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]:
    """``Kind.group:path`` -> keys, as the comparison wants it: by (group, kind), then by path."""
    by_kind: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for name, keys in settings.list_keys.items():
        resource, colon, path = name.partition(":")
        kind, _, group = resource.partition(".")
        if not colon or not kind or not path:
            raise Invalid(f"{FILE}: list_keys: {name!r} is not Kind.group:path")
        by_kind.setdefault((group, kind), {})[path] = tuple(keys)
    return by_kind


def observe(
    open_repo: OpenRepository, sources: Sequence[Observer], declared: Sequence[Desired], now: datetime
) -> Observation:
    """What all observers saw together, within the deadline of the settings."""
    from bot.observers.gather import gather

    return gather(sources, declared, now=now, deadline=open_repo.settings.observe.deadline, tell=open_repo.options.tell)
