"""Container image references, compared as registries resolve them. Used by the shapes and by the severity rules.

Grammar and defaults are those of ``distribution/reference``: a first part without dot, colon or ``localhost`` is not a
registry; the default registry is ``docker.io``, its one-part names live under ``library/``, and no tag means
``latest`` unless a digest says exactly what is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.model.json import JSON

_REFERENCE: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._:/-]*?)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?\Z",
    re.ASCII,
)
_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
"""One registry (distribution/reference, ``normalize.go``: the default domain and the legacy one; moby, ``registry/config.go``:
the host that is really asked).
"""


@dataclass(frozen=True, slots=True)
class Image:
    """One reference with every default written out. ``tag`` is empty where only a digest is given."""

    registry: str
    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse(reference: JSON) -> Image | None:
    """The image that ``reference`` names; None when it is not a reference (an unresolved variable, an image id)."""
    reference_text = reference.strip() if isinstance(reference, str) else ""
    match = _REFERENCE.match(reference_text)
    if match is None or reference_text.startswith("sha256:"):  # an image id, whose hex would read as a tag
        return None
    first, slash, remainder = match["name"].partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first.lower(), remainder
    else:
        registry, repository = "docker.io", match["name"]
    if registry in _DOCKER_HUB:
        registry = "docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    if not repository or repository.endswith((":", "/")):
        return None
    digest = match["digest"] or ""
    return Image(registry, repository, match["tag"] or ("" if digest else "latest"), digest)


def image(value: JSON) -> JSON:
    """The reference with registry, ``library/`` and ``:latest`` written out; other values come back as they are."""
    parsed = parse(value)
    return value if parsed is None else str(parsed)


def agrees(desired: JSON, observed: JSON) -> bool:
    """Whether what runs is what was asked for.

    A declared digest must be met exactly (the tag beside it is then only a remark). Without a declared digest, a digest
    that the platform resolved the same tag to is no difference.
    """
    declared, live = parse(desired), parse(observed)
    if declared is None or live is None:
        return desired == observed
    if (declared.registry, declared.repository) != (live.registry, live.repository):
        return False
    return declared.digest == live.digest if declared.digest else declared.tag == live.tag


def moved(desired: JSON, observed: JSON) -> bool:
    """Whether the name is the same and only the content behind it is another: two digests of one repository."""
    declared, live = parse(desired), parse(observed)
    if declared is None or live is None or not (declared.digest and live.digest):
        return False
    same = (declared.registry, declared.repository) == (live.registry, live.repository)
    return same and declared.digest != live.digest and (declared.tag == live.tag or not (declared.tag and live.tag))
