"""Where a repository is on GitHub: the API that belongs to a remote, and its ``owner/name``. Called by wiring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from bot.trust import web_authorities

_OTHER_HOSTS: Final = frozenset(
    {"gitlab.com", "bitbucket.org", "codeberg.org", "gitea.com", "sr.ht", "azure.com", "visualstudio.com"}
)
"""Domains of hosts that are no GitHub."""
_OTHER_PROGRAMS: Final = frozenset({"gitlab", "gitea", "forgejo", "bitbucket", "gerrit"})
"""What people call the machine that such a program runs on."""


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
    host = _host(remote)
    configured = environment.get("GITHUB_API_URL")
    if configured is not None and urlsplit(configured).netloc in {host, f"api.{host}"}:
        return configured
    if host == "github.com":
        return "https://api.github.com"
    return enterprise_api(remote) if remote.startswith(("http://", "https://")) else None


def other_host(remote: str) -> str | None:
    """The server of ``remote`` where its name tells that it is no GitHub; None for GitHub, and for what nobody can tell."""
    host = _host(remote).partition(":")[0].lower()
    parts = host.split(".")
    is_other_host = ".".join(parts[-2:]) in _OTHER_HOSTS or (len(parts) > 1 and parts[0] in _OTHER_PROGRAMS)
    return host if is_other_host else None


def _host(remote: str) -> str:
    """The host of a Git URL, or of Git's short form ``user@host:path``."""
    if "://" in remote:
        return urlsplit(remote).netloc.rpartition("@")[2]
    return remote.partition(":")[0].rpartition("@")[2]


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
