"""Where a repository is on GitHub: the API that belongs to a remote, and its ``owner/name``. Called by wiring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from bot.trust import web_authorities


def full_name(remote: str) -> str | None:
    """``owner/name`` as the path of ``remote`` has it; None when it has none."""
    path = remote.partition(":")[2] if "://" not in remote else urlsplit(remote).path
    match = re.search(r"([\w.-]+/[\w.-]+?)(?:\.git)?/?$", path)
    return None if match is None else match.group(1)


def api_url(remote: str, environment: Mapping[str, str]) -> str | None:
    """The API that belongs to ``remote``: what Actions names, or what its host has; None when it is on no GitHub.

    In Actions, GITHUB_API_URL names the API of the server that runs the job (GitHub Actions, Variables reference); it
    counts for remotes on that server alone.
    """
    host = (
        urlsplit(remote).netloc.rpartition("@")[2] if "://" in remote else remote.partition(":")[0].rpartition("@")[2]
    )
    named = environment.get("GITHUB_API_URL")
    if named is not None and urlsplit(named).netloc in {host, f"api.{host}"}:
        return named
    if host == "github.com":
        return "https://api.github.com"
    return enterprise_api(remote) if remote.startswith(("http://", "https://")) else None


def commit_url(remote: str, sha: str) -> str | None:
    """The page of a commit; None where ``remote`` is no web address."""
    return f"{remote.removesuffix('/').removesuffix('.git')}/commit/{sha}" if remote.startswith("http") else None


@cache
def enterprise_api(remote: str) -> str | None:
    """The API of a GitHub Enterprise Server (or of the sandbox) that serves ``remote``; None when its host is neither.

    Asks ``/api/v3/meta`` of that host (Enterprise Server REST API, Meta), once per process and without credentials.
    """
    import httpx

    parts = urlsplit(remote)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/api/v3"
    try:
        answer = httpx.get(f"{address}/meta", verify=web_authorities(), timeout=5.0)
        return address if answer.status_code == 200 and isinstance(answer.json(), dict) else None
    except (httpx.HTTPError, ValueError):
        return None
