"""Charts and archives of registries.

Sources: OCI Distribution Specification 1.1 ("Pulling manifests", "Pulling blobs", "Content Discovery"), OCI Image Specification
("Image Manifest"), Helm docs, "Use OCI-based registries" (media types, ``+`` as ``_`` in tags), and the Distribution project's
"Token Authentication Specification" for challenges. Plain HTTP is asked where go-containerregistry asks it
(``Registry.Scheme``: localhost, loopback and private addresses, ``.local``), which Flux reads registries with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from bot.errors import Invalid, Refused, Unavailable
from bot.model.json import Tree, mappings, read_json, texts
from bot.model.semver import Version, is_exact, parse_version
from bot.model.upstream import UpstreamRequest, UpstreamSource
from bot.upstream.hosts import DOCKER_REGISTRY, HostOrigin, resolved_url, split
from bot.upstream.keys import variable
from bot.upstream.repository import constraint_of
from bot.upstream.web import Web, WebPage

HELM_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MANIFESTS: Final = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
_MOST_MANIFEST: Final = 4 * 1024 * 1024
"""Registries are to take manifests of this size ("Pushing Manifests")."""
_MOST_TAG_PAGES: Final = 100
_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """The part of an artifact that holds the files: where it is, and how large it is said to be in bytes."""

    source: UpstreamSource
    digest: str
    size: int


@dataclass(slots=True)
class Registry:
    """One repository of one registry; tokens are kept while it lives."""

    web: Web
    origin: HostOrigin
    base: str
    name: str
    _authorization: str | None = field(default=None, repr=False)

    @staticmethod
    def of(web: Web, request: UpstreamRequest) -> Registry:
        """The registry of an ``oci://`` URL. Raises ``Invalid`` for a name that no registry has."""
        origin, parts = split(request.url)
        name = parts.path.strip("/")
        if not _NAME.fullmatch(name):
            raise Invalid(f"{name or request.url} is no name that a registry can have")
        plain = request.insecure or _is_plain(web, origin)
        if parts.port is None and plain:
            origin = HostOrigin("http", origin.host, 80)
        host = DOCKER_REGISTRY if origin.host in {"docker.io", "index.docker.io"} else origin.host
        registry_origin = HostOrigin("http" if plain else "https", host, origin.port)
        return Registry(web, registry_origin, f"{registry_origin.scheme}://{registry_origin.authority}/v2/{name}", name)

    def layer(self, request: UpstreamRequest) -> tuple[ImageLayer, bool]:
        """The layer that a request means, and whether it will be the same for ever."""
        reference, version, pinned = self._reference(request)
        page = self._get(f"manifests/{reference}", accept=_MANIFESTS, most=_MOST_MANIFEST)
        digest = f"sha256:{hashlib.sha256(page.body).hexdigest()}"
        manifest_digest = (
            reference if _DIGEST.fullmatch(reference) else page.headers.get("docker-content-digest", digest)
        )
        if manifest_digest != digest and manifest_digest.startswith("sha256:"):
            raise Unavailable(f"the manifest {reference} of {self.origin.authority} has another digest than it should")
        chart_layer = _layer(
            _mapping(page.body, f"the manifest {reference}"), f"oci://{self.origin.authority}/{self.name}"
        )
        source = UpstreamSource(f"oci://{self.origin.authority}/{self.name}", version, digest)
        return ImageLayer(source, chart_layer[0], chart_layer[1]), pinned

    def blob(self, layer: ImageLayer, most: int) -> bytes:
        """The bytes of a layer, which are those of its digest."""
        if layer.size > most:
            raise Invalid(f"{layer.source.url} is larger than {most / 1024**2:g} MiB (fetch.max_mib)")
        page = self._get(f"blobs/{layer.digest}", accept="*/*", most=most)
        if f"sha256:{hashlib.sha256(page.body).hexdigest()}" != layer.digest:
            raise Unavailable(f"what {self.origin.authority} sends for {layer.digest[:19]} has another digest")
        return page.body

    def _reference(self, request: UpstreamRequest) -> tuple[str, str, bool]:
        """Tag or digest, what people call it, and whether it is the same for ever."""
        if request.digest:
            if not _DIGEST.fullmatch(request.digest):
                raise Invalid(f"{request.digest[:80]!r} is no sha256 digest")
            return request.digest, request.version or request.ref, True
        if request.version and not is_exact(request.version):
            version = self._newest(request)
            return version.text.replace("+", "_"), version.text, False
        wanted_reference = request.version or request.ref or "latest"
        tag = wanted_reference.replace("+", "_")
        if not _TAG.fullmatch(tag):
            raise Invalid(f"{wanted_reference[:80]!r} is no tag")
        return tag, wanted_reference, is_exact(wanted_reference)

    def _newest(self, request: UpstreamRequest) -> Version:
        """The greatest tag that satisfies a constraint. A tag has ``_`` where a version has ``+``."""
        versions = [version for tag in self._tags() if (version := parse_version(tag.replace("_", "+"))) is not None]
        newest = constraint_of(request).newest(versions)
        if newest is None:
            raise Invalid(f"oci://{self.origin.authority}/{self.name} has no tag that satisfies {request.version}")
        return newest

    def _tags(self) -> Iterator[str]:
        path = "tags/list"
        for _ in range(_MOST_TAG_PAGES):
            page = self._get(path, accept="application/json", most=_MOST_MANIFEST)
            yield from texts(_mapping(page.body, "the list of tags").get("tags"))
            link = re.match(r'<([^>]+)>\s*;\s*rel="?next"?', page.headers.get("link", ""))
            if link is None:
                return
            path = resolved_url(f"{self.base}/tags/list", link[1])
        raise Invalid(f"oci://{self.origin.authority}/{self.name} has more tags than can be read")

    def _get(self, path: str, *, accept: str, most: int) -> WebPage:
        """One thing of the repository, after a challenge with a token where the registry asks for one."""
        url = path if "://" in path else f"{self.base}/{path}"
        for challenged in (True, False):
            page = self.web.get(
                url,
                of=self.origin,
                most=most,
                accept=accept,
                authorization=self._authorization,
                challenged=challenged,
            )
            if page.status == HTTPStatus.OK:
                return page
            self._authorization = self._answered(page.headers.get("www-authenticate", ""))
        raise AssertionError("a second 401 is raised as an error")  # pragma: no cover

    def _answered(self, challenge: str) -> str:
        """The ``Authorization`` that a challenge asks for. Raises ``Refused`` where we have none."""
        scheme, _, challenge_rest = challenge.partition(" ")
        parameters = dict(_PARAMETER.findall(challenge_rest))
        key = self.web.keys.of(self.origin)
        if scheme.lower() == "basic" and key is not None:
            return key.basic
        if scheme.lower() != "bearer" or "realm" not in parameters:
            raise Refused(f"{self.origin.authority} asks for credentials: set {variable(self.origin)}")
        query = {name: parameters[name] for name in ("service",) if name in parameters}
        query["scope"] = parameters.get("scope", f"repository:{self.name}:pull")
        return self._token(parameters["realm"], query, key.basic if key is not None else None)

    def _token(self, realm: str, query: Mapping[str, str], basic: str | None) -> str:
        """A token of the authority that the registry names. That one must be allowed too, and is asked over TLS."""
        authority, parts = split(realm)
        separator = "&" if parts.query else "?"
        if authority.scheme != "https" and not self.web.hosts.is_private(authority):
            raise Refused(f"{self.origin.authority} wants a token of {authority.authority} without TLS")
        page = self.web.get(
            f"{realm}{separator}{urlencode(query)}", of=self.origin, most=_MOST_MANIFEST, authorization=basic
        )
        answer = _mapping(page.body, "the token")
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Unavailable(f"{authority.authority} gives no token for {self.origin.authority}")
        return f"Bearer {token}"


def _is_plain(web: Web, origin: HostOrigin) -> bool:
    return web.hosts.is_private(origin) and (
        origin.host in {"localhost", "::1"} or origin.host.endswith(".local") or origin.host[:1].isdecimal()
    )


def _mapping(body: bytes, document_title: str) -> Tree:
    if (document := read_json(body)) is None:
        raise Unavailable(f"{document_title} is no JSON")
    if not isinstance(document, dict):
        raise Unavailable(f"{document_title} is no JSON object")
    return document


def _layer(manifest: Tree, title: str) -> tuple[str, int]:
    """Digest and size of the layer with the files: the chart's, else the first (Flux's default, OCIRepository docs,
    "Layer selector").
    """
    layers = list(mappings(manifest.get("layers")))
    if not layers:
        raise Invalid(f"{title} is no single artifact with layers, but {str(manifest.get('mediaType'))[:80]}")
    layer = next((layer_entry for layer_entry in layers if layer_entry.get("mediaType") == HELM_LAYER), layers[0])
    digest, size = layer.get("digest"), layer.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or not isinstance(size, int):
        raise Invalid(f"{title} has a layer without a sha256 digest")
    return digest, size
