"""Who reads live state, from the command line or the settings."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid
from bot.model.resource import Desired
from bot.ports import Observation, Observer
from bot.settings import FILE, HttpProbeSettings, SnapshotSettings
from bot.wiring.repository import OpenRepository, is_files

if TYPE_CHECKING:
    from bot.observers.http import Probe


def observers(site: OpenRepository) -> tuple[Observer, ...]:
    """Who reads live state: what the command line names, else what the settings name."""
    from bot.observers.snapshot import SnapshotObserver, SourceForm

    options = site.options
    if options.live_command is not None:
        return (SnapshotObserver(options.live_command, kind=SourceForm.COMMAND),)
    if options.live is not None:
        return (_assumed(options.live) or SnapshotObserver(options.live),)
    found = tuple(_configured(site))
    if not found:
        raise Invalid(
            "nothing tells what runs",
            advice="Give --live FILE, or name an observer in clockwork.yaml (observe: docker, kubernetes, snapshot, ...).",
        )
    return found


def _assumed(live: str) -> Observer | None:
    """The observer of a drift report; None when ``live`` is something else, such as a snapshot."""
    from bot.observers.assumed import AssumedObserver
    from bot.report.reading import is_report

    place = Path(live)
    return AssumedObserver(place) if place.is_file() and is_report(place.read_bytes()) else None


def _configured(site: OpenRepository) -> Iterator[Observer]:
    named, tell = site.settings.observe, site.options.tell
    if (snapshot := named.snapshot) is not None:
        yield _snapshot(snapshot)
    if (docker := named.docker) is not None:
        from bot.observers.containers import ContainerObserver

        yield ContainerObserver(host=docker.host, timeout=docker.timeout, tell=tell)
    if (cluster := named.kubernetes) is not None:
        from bot.observers.kubernetes import KubernetesObserver

        yield KubernetesObserver(
            kubeconfig=cluster.kubeconfig, context=cluster.context, deadline=cluster.timeout, tell=tell
        )
    if (terraform := named.terraform) is not None:
        from bot.observers.terraform import TerraformObserver

        yield TerraformObserver(
            directory=_root_module(site, terraform.directory),
            root=terraform.directory,
            binary=terraform.binary,
            refresh_only=terraform.refresh_only,
            deadline=terraform.timeout,
            mask_key=site.secrets.marker or b"",
            tell=tell,
        )
    if named.http:
        from bot.observers.http import HttpObserver

        yield HttpObserver([_probe(probe) for probe in named.http], deadline=named.deadline, tell=tell)


def _snapshot(named: SnapshotSettings) -> Observer:
    from bot.observers.snapshot import SnapshotObserver, SourceForm

    if named.command is not None:
        return SnapshotObserver(named.command, kind=SourceForm.COMMAND, timeout=named.timeout)
    if named.url is not None:
        return SnapshotObserver(named.url, kind=SourceForm.URL, timeout=named.timeout)
    return SnapshotObserver(named.file or "", kind=SourceForm.FILE, timeout=named.timeout)


def _probe(named: HttpProbeSettings) -> Probe:
    from bot.observers.http import Probe

    return Probe(
        url=named.url,
        name=named.task or "",
        status=frozenset({named.status}),
        max_latency_ms=None if named.max_latency is None else round(named.max_latency * 1000),
        body=named.body,
        certificate_days=named.certificate_days,
        timeout=named.timeout,
        file=FILE,
    )


def _root_module(site: OpenRepository, directory: str) -> Path:
    """The Terraform root module on this disk: in the folder that was named, else written out from the branch's head."""
    if is_files(site.options):
        return Path(site.options.repo) / directory
    head = site.repository.head(site.branch)
    target = Path(tempfile.mkdtemp(prefix="clockwork-tf-"))
    weakref.finalize(site.repository, shutil.rmtree, target, ignore_errors=True)
    for entry in () if head is None else site.repository.entries(head, directory):
        place = target / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(site.repository.blob(entry.blob))
    return target / directory


def observe(site: OpenRepository, seers: Sequence[Observer], wanted: Sequence[Desired], now: datetime) -> Observation:
    """What all observers saw together, within the deadline of the settings."""
    from bot.observers.gather import gather

    return gather(seers, wanted, now=now, deadline=site.settings.observe.deadline, tell=site.options.tell)
