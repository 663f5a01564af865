"""A registry as the OCI Distribution Specification 1.1 has it, as far as pulling goes, on a :class:`Site`.

``GET /v2/NAME/manifests/REFERENCE``, ``/v2/NAME/blobs/DIGEST`` and ``/v2/NAME/tags/list`` with ``n``, ``last`` and ``Link``;
with a password, a Bearer challenge whose token the site gives out at ``/token`` for Basic credentials.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.upstream.packages import digest
from tests.upstream.site import Asked, Reply, Site

HELM = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAG_PAGE = 2


@dataclass
class RegistryStandIn:
    """Repositories by name. ``blob_at``: where blobs really are (a redirect); ``spoil`` changes answers on their way."""

    site: Site
    password: str | None = None
    realm: str = ""
    blob_at: Callable[[str], str] | None = None
    spoil: Callable[[str, Reply], Reply] = lambda _path, reply: reply
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.site.put("/v2/", self._answer)
        self.site.put("/token", self._token)
        self.realm = self.realm or f"{self.site.url}/token"

    def push(self, name: str, tag: str, content: bytes, *, media: str = HELM) -> str:
        """An artifact of one layer below a tag; the digest of its manifest."""
        config = b"{}"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", **self._blob(config)},
                "layers": [{"mediaType": media, **self._blob(content)}],
            }
        ).encode()
        self.manifests[name, tag] = self.manifests[name, f"sha256:{digest(manifest)}"] = manifest
        return f"sha256:{digest(manifest)}"

    def _blob(self, data: bytes) -> dict[str, object]:
        self.blobs[f"sha256:{digest(data)}"] = data
        return {"digest": f"sha256:{digest(data)}", "size": len(data)}

    def _answer(self, asked: Asked) -> Reply:
        if self.password is not None and asked.headers.get("authorization") != "Bearer a-token":
            name = asked.path.removeprefix("/v2/").rpartition("/manifests/")[0] or "any"
            challenge = f'Bearer realm="{self.realm}",service="registry",scope="repository:{name}:pull"'
            return Reply(b"{}", 401, {"WWW-Authenticate": challenge})
        return self.spoil(asked.path, self._content(asked))

    def _content(self, asked: Asked) -> Reply:
        for what, answer in (("/manifests/", self._manifest), ("/blobs/", self._layer), ("/tags/", self._tags)):
            name, mark, rest = asked.path.removeprefix("/v2/").partition(what)
            if mark:
                return answer(name, rest, asked)
        return Reply(b"{}")

    def _manifest(self, name: str, reference: str, asked: Asked) -> Reply:
        manifest = self.manifests.get((name, reference))
        if manifest is None:
            return Reply(b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', 404)
        if MANIFEST not in asked.headers.get("accept", ""):
            return Reply(b"{}", 406)
        told = {"Content-Type": MANIFEST, "Docker-Content-Digest": f"sha256:{digest(manifest)}"}
        return Reply(manifest, headers=told)

    def _layer(self, _name: str, reference: str, _asked: Asked) -> Reply:
        if self.blob_at is not None:
            return Reply(b"", 307, {"Location": self.blob_at(reference)})
        return Reply(self.blobs[reference]) if reference in self.blobs else Reply(b"{}", 404)

    def _tags(self, name: str, _rest: str, asked: Asked) -> Reply:
        tags = sorted(tag for owner, tag in self.manifests if owner == name and not tag.startswith("sha256:"))
        rest = [tag for tag in tags if tag > asked.query.get("last", "")]
        page = rest[:TAG_PAGE]
        more = {"Link": f'</v2/{name}/tags/list?n={TAG_PAGE}&last={page[-1]}>; rel="next"'} if rest[TAG_PAGE:] else {}
        return Reply(json.dumps({"name": name, "tags": page}).encode(), headers=more)

    def _token(self, asked: Asked) -> Reply:
        if self.password is not None and asked.basic != ("robot", self.password):
            return Reply(b"{}", 401)
        token = {"token": "a-token"} if asked.query.get("service") == "registry" else {}
        return replace(Reply(), body=json.dumps(token).encode())
