"""Which proxy a URL is asked through, by the environment. Used by every room that speaks HTTP itself."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy that the usual variables name for ``url``, as curl(1) reads them ("ENVIRONMENT"); no standard defines
    them.
    """
    parts = urlsplit(url)
    values = {key.lower(): value for key, value in environment.items()}
    host = parts.hostname or ""
    for exempt in (entry.strip().lstrip(".") for entry in values.get("no_proxy", "").split(",")):
        if exempt == "*" or (exempt and (host == exempt or host.endswith(f".{exempt}"))):
            return None
    return values.get(f"{parts.scheme}_proxy") or values.get("all_proxy") or None
