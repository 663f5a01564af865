"""What a repository names but does not hold: charts and manifests of other repositories and registries.

:mod:`bot.targets` reads requests out of manifests; :mod:`bot.upstream` answers them where settings allow it; renderers ask
through the :class:`~bot.model.filetree.FileTree` that they render from, so that an answer counts among what was read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.model.json import Tree

if TYPE_CHECKING:
    from bot.model.filetree import FileTree

WHERE_ALLOWED: Final = "fetch.hosts in clockwork.yaml"


class UpstreamKind(StrEnum):
    """How something is asked for."""

    CHART = "chart"
    """A chart of an HTTP repository, by its ``index.yaml``."""
    OCI = "oci"
    """The layer of an artifact in a registry: a chart, or an archive of manifests."""
    GIT = "git"
    FILE = "file"
    """One file by its URL."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One thing of another place, as it is written.

    ``url`` is the chart repository, the ``oci://`` name, the Git repository over HTTP(S), or the file. ``name`` is the
    chart's (chart repositories alone). ``version`` is a version or a constraint over versions or tags; ``ref`` a tag of a
    registry, or a branch, tag or full ref of Git; ``digest`` a digest or commit. What is more exact counts: digest over
    version over ref. ``insecure``: over plain HTTP where a registry would be asked over TLS.
    """

    kind: UpstreamKind
    url: str
    name: str = ""
    version: str = ""
    ref: str = ""
    digest: str = ""
    insecure: bool = False

    def as_tree(self) -> Tree:
        """The request as JSON, for the spec of a unit. :meth:`of` reads it back."""
        return {**asdict(self), "kind": self.kind.value}

    @staticmethod
    def of(tree: Tree) -> UpstreamRequest | None:
        """The request that :meth:`as_tree` wrote; None for an empty tree."""
        if not tree:
            return None
        texts = {key: str(value) for key, value in tree.items() if key not in {"kind", "insecure"}}
        return UpstreamRequest(UpstreamKind(str(tree["kind"])), insecure=tree.get("insecure") is True, **texts)


@dataclass(frozen=True, slots=True)
class UpstreamSource:
    """What exactly was fetched. ``version`` is a chart's version, a tag or a branch; ``digest`` is ``sha256:`` of an archive,
    a file or a manifest, or ``sha1:`` and the commit.
    """

    url: str
    version: str
    digest: str

    def __str__(self) -> str:
        algorithm, _, digits = self.digest.partition(":")
        return f"{self.url}{' ' if self.version else ''}{self.version} ({algorithm}:{digits[:12]})"


@dataclass(frozen=True, slots=True)
class NotFetched:
    """Why there is nothing, in a sentence that names what to set. ``again``: the next try may end otherwise."""

    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class UpstreamFiles:
    """The files that were fetched: an unpacked chart or archive with its own folder at the top, or a repository."""

    source: UpstreamSource
    tree: FileTree


def nowhere(request: UpstreamRequest) -> UpstreamFiles | NotFetched:
    """The answer where nothing may be fetched."""
    return NotFetched(f"{host_of(request.url)} is not among {WHERE_ALLOWED}")


def host_of(url: str) -> str:
    """The host of a URL with its port, in lower case; the text itself where there is none."""
    authority = url.partition("://")[2].partition("/")[0] or url
    return authority.rpartition("@")[2].lower()
