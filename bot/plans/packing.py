"""A bundle as one file: a tar archive, or an OCI image layout that any registry client can push.

Reproducible: entries are sorted and carry no time, owner or machine (reproducible-builds.org, "Archive metadata"). The
layout is that of the OCI Image Specification 1.1 (image-layout.md; "Guidelines for Artifact Usage" of manifest.md: an
empty config, the type in ``artifactType``).
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Final

from bot.model.json import canonical
from bot.plans.bundle import digest

ARTIFACT_TYPE: Final = "application/vnd.clockwork.bundle.v1"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_EMPTY: Final = b"{}"


def tar(files: Mapping[str, bytes]) -> bytes:
    """A POSIX (pax) archive of ``files``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def oci_layout(files: Mapping[str, bytes], *, name: str, revision: str, source: str) -> Mapping[str, bytes]:
    """The files of an OCI layout with one artifact called ``name`` that holds ``files`` as its one layer.

    ``revision`` and ``source`` are annotations (annotations.md: org.opencontainers.image.revision and .source).
    """
    layer = gzip.compress(tar(files), mtime=0)
    annotations = {"org.opencontainers.image.revision": revision, "org.opencontainers.image.source": source}
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **_descriptor(_EMPTY)},
            "layers": [{"mediaType": _LAYER, **_descriptor(layer)}],
            "annotations": annotations,
        }
    )
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": _MANIFEST,
                "artifactType": ARTIFACT_TYPE,
                **_descriptor(manifest),
                "annotations": {"org.opencontainers.image.ref.name": name},
            }
        ],
    }
    blobs = {f"blobs/sha256/{digest(blob)}": blob for blob in (_EMPTY, layer, manifest)}
    return {"oci-layout": canonical({"imageLayoutVersion": "1.0.0"}), "index.json": canonical(index), **blobs}


def _descriptor(blob: bytes) -> dict[str, object]:
    return {"digest": f"sha256:{digest(blob)}", "size": len(blob)}
