"""What manifests name in other places, as requests: sources of Flux, sources of Argo CD, dependencies and bases.

Sources: source-controller docs, ``GitRepository``, ``OCIRepository``, ``HelmRepository`` and ``HelmChart`` ("Reference",
"Version"); argo-cd docs, "Helm" and "Tracking and Deployment Strategies"; Helm docs, "Chart Dependencies"; kustomize's
``api/internal/git/repospec.go`` and ``api/internal/loader/fileloader.go`` (a URL of a file is asked for as a file first).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs

from bot.model.filetree import FileTree
from bot.model.json import Tree, get, mapping, text
from bot.model.revision import written
from bot.model.semver import is_exact
from bot.model.upstream import UpstreamKind, UpstreamRequest
from bot.targets.paths import joined

REQUEST: Final = "upstream"
"""Where a unit's spec holds the request for the source that it is rendered from, and :data:`FOLDER` the folder in that."""
FOLDER: Final = "upstreamFolder"
_SSH: Final = re.compile(r"(?:ssh://)?(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::(?P<port>\d+)(?=/))?[:/](?P<path>.+)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_CODE_HOSTS: Final = ("github.com", "gitlab.com", "bitbucket.org")
_FILES: Final = (".yaml", ".yml", ".json")


def git_url(url: str) -> str:
    """The address of a Git repository over HTTP(S). One of SSH is asked for over HTTPS, since that is what tokens are for."""
    bare = url.strip().removeprefix("git::")
    if re.match(r"https?://", bare):
        return bare
    match = _SSH.fullmatch(bare)
    return f"https://{match['host']}/{match['path'].lstrip('/')}" if match else bare


def flux_source(source: Tree) -> UpstreamRequest | None:
    """The request for a ``GitRepository`` or an ``OCIRepository``; None for any other."""
    spec = mapping(source.get("spec"))
    url, ref = text(spec.get("url")), mapping(spec.get("ref"))
    if text(source.get("kind")) == "GitRepository" and url:
        revision_name = text(ref.get("name"))
        branch = text(ref.get("branch")) or ("" if ref else "master")
        if not revision_name and not text(ref.get("semver")):
            revision_name = (
                f"refs/tags/{ref['tag']}" if text(ref.get("tag")) else f"refs/heads/{branch}" if branch else ""
            )
        version = "" if text(ref.get("name")) else text(ref.get("semver"))
        return UpstreamRequest(UpstreamKind.GIT, git_url(url), "", version, revision_name, text(ref.get("commit")))
    if text(source.get("kind")) == "OCIRepository" and url.startswith("oci://"):
        tag, digest = text(ref.get("tag")), text(ref.get("digest"))
        insecure = spec.get("insecure") is True
        return UpstreamRequest(UpstreamKind.OCI, url, "", text(ref.get("semver")), tag, digest, insecure=insecure)
    return None


def flux_revision(source: Tree | None) -> UpstreamRequest | None:
    """The request for the commit that a ``GitRepository`` of this repository takes; None where it does not say which."""
    is_pinned = source is not None and bool(mapping(get(source, "spec", "ref")))
    return flux_source(source) if source is not None and is_pinned else None


def other_revision(request: UpstreamRequest | None, tree: FileTree) -> str | None:
    """Why what a source of this repository takes is not what ``tree`` holds; None where it is."""
    if request is None or request.kind is not UpstreamKind.GIT or tree.is_meant(request):
        return None
    return f"it deploys revision {written(request)}, this is {tree.revision}"


def flux_chart(source: Tree, chart: Tree) -> UpstreamRequest | None:
    """The request for a chart by the object that its ``sourceRef`` or ``chartRef`` names; ``chart`` is ``chart.spec``."""
    spec = mapping(source.get("spec"))
    url = text(spec.get("url"))
    if text(source.get("kind")) != "HelmRepository":
        return flux_source(source)
    if not url:
        return None
    request = chart_request(url, text(chart.get("chart")), text(chart.get("version")))
    return replace(request, insecure=spec.get("insecure") is True)


def chart_request(repository: str, name: str, version: str) -> UpstreamRequest:
    """The request for a chart of a repository, ``oci://`` or HTTP. Any release, where no version is given."""
    if repository.startswith("oci://"):
        url = f"{repository.rstrip('/')}/{name}" if name else repository
        return UpstreamRequest(UpstreamKind.OCI, url, "", version or "*")
    return UpstreamRequest(UpstreamKind.CHART, repository, name, version or "*")


def argo_source(source: Tree) -> UpstreamRequest | None:
    """The request for a source of an ``Application``. A chart repository without a scheme is a registry ("Helm", "OCI")."""
    url, revision = text(source.get("repoURL")), text(source.get("targetRevision"))
    chart = text(source.get("chart"))
    if not url:
        return None
    if chart:
        return chart_request(url if "://" in url else f"oci://{url}", chart, revision)
    if url.startswith("oci://"):
        return UpstreamRequest(UpstreamKind.OCI, url, "", "", revision)
    return _revision(git_url(url), revision)


def _revision(url: str, revision: str) -> UpstreamRequest:
    """A repository at a commit, a branch, a tag, or the newest tag in a range ("Tracking and Deployment Strategies")."""
    if _COMMIT.fullmatch(revision):
        return UpstreamRequest(UpstreamKind.GIT, url, digest=revision)
    is_range = re.match(r"[~^<>=*]|v?\d+(?:\.\d+)?\.[x*]", revision) is not None and not is_exact(revision)
    if is_range:
        return UpstreamRequest(UpstreamKind.GIT, url, version=revision)
    return UpstreamRequest(UpstreamKind.GIT, url, ref="" if revision == "HEAD" else revision)


def dependency_request(entry: Tree, locked: Mapping[str, str]) -> UpstreamRequest | None:
    """The request for a dependency of a chart; ``locked`` are versions of ``Chart.lock`` by name, which count first. None for
    an alias of a repository that only somebody's own configuration knows, and for none.
    """
    repository, name = text(entry.get("repository")), text(entry.get("name"))
    if not re.match(r"(?:oci|https?)://", repository) or not name:
        return None
    return chart_request(repository, name, locked.get(name) or text(entry.get("version")))


@dataclass(frozen=True, slots=True)
class RemoteBase:
    """A base or resource of a kustomization that lies elsewhere: ``path`` is the folder or file in what is fetched."""

    request: UpstreamRequest
    path: str


def remote_base(base_url: str) -> RemoteBase | None:
    """The request for a remote reference of a kustomization; None where it cannot be told what it means."""
    reference, _, query = base_url.partition("?")
    parameters = parse_qs(query)
    ref = next((parameters[key][0] for key in ("ref", "version") if parameters.get(key)), "")
    url, path = _repository(reference)
    if url is None:
        return None
    last = reference.rpartition("/")[2]
    is_file = last.endswith(_FILES) and reference.startswith("http") and "//" not in reference.partition("://")[2]
    if is_file and not ref:
        return RemoteBase(UpstreamRequest(UpstreamKind.FILE, base_url), last)
    folder = joined("", path or ".")
    if folder is None:
        return None
    digest = ref if _COMMIT.fullmatch(ref) else ""
    request = UpstreamRequest(UpstreamKind.GIT, url, ref="" if digest or ref == "HEAD" else ref, digest=digest)
    return RemoteBase(request, folder)


def _repository(reference: str) -> tuple[str | None, str]:
    """The address of a repository and the path in it: after ``//`` or ``.git/``, else after owner and name."""
    bare = reference.removeprefix("git::")
    if bare.startswith("gh:"):
        bare = f"https://github.com/{bare.removeprefix('gh:')}"
    elif bare.startswith(tuple(f"{host}{mark}" for host in _CODE_HOSTS for mark in "/:")):
        bare = "https://" + re.sub(r"\A([\w.]+):", r"\1/", bare)
    scheme, separator, address = bare.partition("://")
    if separator and scheme not in {"http", "https", "ssh"}:
        return None, ""
    host_part = address if separator else bare
    if not separator and "@" not in host_part.partition("/")[0]:
        return None, ""
    for mark in ("//", "_git/", ".git/"):
        before, separator_found, after = host_part.partition(mark)
        if not separator_found:
            continue
        if mark == "_git/":  # Azure: the repository's name comes after the mark
            name, _, after = after.partition("/")
            before = f"{before}_git/{name}"
        elif mark == ".git/":
            before += ".git"
        return git_url(f"{scheme}://{before}" if separator else before), after
    parts = host_part.split("/")
    depth = 3 if separator else 2
    if host_part.endswith(".git") or len(parts) <= depth:
        return git_url(bare), ""
    return git_url(f"{scheme}://{'/'.join(parts[:depth])}" if separator else "/".join(parts[:depth])), "/".join(
        parts[depth:]
    )


def requested(spec: Tree) -> tuple[UpstreamRequest, str] | None:
    """The request that a unit's spec holds, and the folder; None for a unit of this repository."""
    request = UpstreamRequest.of(mapping(spec.get(REQUEST)))
    return None if request is None else (request, text(get(spec, FOLDER)))
