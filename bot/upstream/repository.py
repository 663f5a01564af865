"""Charts of HTTP repositories, by their ``index.yaml``.

Sources: Helm docs, "The Chart Repository Guide" (the index file); ``IndexFile.Get`` and ``ResolveReferenceURL`` in helm's
``pkg/repo``; ``ChartRepository.GetChartVersion`` in Flux's source-controller: an exact match of the version's text first, then
the greatest version that satisfies the constraint, the youngest of those that are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import yaml

from bot.errors import Invalid, Unavailable
from bot.model.json import Tree, mappings, texts
from bot.model.semver import Constraint, Version, parse_constraint, parse_version
from bot.model.upstream import UpstreamRequest, UpstreamSource
from bot.upstream.hosts import HostOrigin, resolved_url, split
from bot.upstream.web import Web

MOST_INDEX_BYTES: Final = 64 * 1024 * 1024
"""The largest public indexes are a quarter of it."""

Entries: TypeAlias = Tree
"""Charts by name, each a list of versions, as the index has them."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One version of a chart as an index has it. ``digest`` is the SHA-256 of the archive; empty where none is given."""

    version: str
    url: str
    digest: str


def index_of(web: Web, url: str, origin: HostOrigin) -> Entries:
    """What the repository at ``url`` offers."""
    key = web.keys.of(origin)
    page = web.get(
        _below(url, "index.yaml"), of=origin, most=MOST_INDEX_BYTES, authorization=key.basic if key else None
    )
    try:
        document = yaml.load(page.body, yaml.CBaseLoader)  # noqa: S506 - the base loader makes texts, lists and mappings
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise Invalid(f"the index of {origin.authority} is not valid YAML") from exc
    entries = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(entries, dict):
        raise Invalid(f"the index of {origin.authority} lists no charts")
    return entries


def entry_of(entries: Entries, request: UpstreamRequest) -> IndexEntry:
    """The version of a chart that a request means. Raises ``Invalid`` where there is none."""
    entries_of_chart = list(mappings(entries.get(request.name)))
    if not entries_of_chart:
        raise Invalid(f"{request.url} has no chart {request.name}")
    exact = next(
        (entry for entry in entries_of_chart if request.version and entry.get("version") == request.version), None
    )
    chosen_entry = exact or _newest(entries_of_chart, constraint_of(request))
    if chosen_entry is None:
        raise Invalid(f"{request.url} has no version of {request.name} that satisfies {request.version or '*'}")
    urls = [url for url in texts(chosen_entry.get("urls")) if url]
    if not urls:
        raise Invalid(f"the index of {request.url} gives no address for {request.name} {chosen_entry.get('version')}")
    digest = str(chosen_entry.get("digest") or "").removeprefix("sha256:").lower()
    return IndexEntry(str(chosen_entry["version"]), _absolute(request.url, urls[0]), digest)


def constraint_of(request: UpstreamRequest) -> Constraint:
    """What a request says of versions. Raises ``Invalid`` where that is neither a version nor a constraint."""
    constraint = parse_constraint(request.version or "*")
    if constraint is None:
        raise Invalid(f"{request.version!r} is no version and no constraint")
    return constraint


def _newest(versions: Sequence[Tree], constraint: Constraint) -> Tree | None:
    candidates: list[tuple[Version, str, Tree]] = []
    for entry in versions:
        version = parse_version(str(entry.get("version")))
        if version is not None and constraint.takes(version):
            candidates.append((version, str(entry.get("created") or ""), entry))
    return max(candidates, key=lambda version_entry: version_entry[:2])[2] if candidates else None


def chart(web: Web, entry: IndexEntry, origin: HostOrigin, most: int) -> bytes:
    """The archive of an entry, which is what the index says it is."""
    key = web.keys.of(origin)
    at, _ = split(entry.url)
    page = web.get(entry.url, of=origin, most=most, authorization=key.basic if key and at == origin else None)
    if entry.digest and hashlib.sha256(page.body).hexdigest() != entry.digest:
        raise Unavailable(f"what {at.authority} sends for {entry.version} has another digest than its index says")
    return page.body


def source(request: UpstreamRequest, entry: IndexEntry, data: bytes) -> UpstreamSource:
    """What was fetched."""
    return UpstreamSource(
        _below(request.url, request.name), entry.version, f"sha256:{hashlib.sha256(data).hexdigest()}"
    )


def _below(url: str, name: str) -> str:
    """``name`` below the path of a URL; a query stays where it is."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def _absolute(repository: str, url: str) -> str:
    """The address of an archive: its own, or as seen from the repository, whose query goes along."""
    if "://" in url:
        return url
    base = urlsplit(repository)
    parts = urlsplit(resolved_url(urlunsplit(base._replace(path=base.path.rstrip("/") + "/", query="")), url))
    return urlunsplit(parts._replace(query=parts.query or base.query))
