"""Which permission a token needs for a write (docs.github.com, "Permissions required for GitHub Apps").

A reply that refuses for want of one names it in ``X-Accepted-GitHub-Permissions`` ("Troubleshooting the REST API",
"Insufficient permissions"). Used by :mod:`bot.sandbox.edge`.
"""

from __future__ import annotations

import re

_ROOT = re.compile(r"/repos/[^/]+/[^/]+|/repositories/\d+")
_NEEDED = (
    (r"/pulls/\d+/merge$", ("contents",)),
    (r"/pulls(/|$)", ("pull_requests",)),
    (r"/issues$", ("issues",)),
    (r"/(issues|labels)(/|$)", ("issues", "pull_requests")),
    (r"/check-runs(/|$)", ("checks",)),
    (r"/deployments(/|$)", ("deployments",)),
    (r"/statuses(/|$)", ("statuses",)),
    (r"/(git|contents)/", ("contents",)),
    (r"/hooks(/|$)", ("repository_hooks",)),
    (r"", ("administration",)),
)


def below_repository(path: str) -> str:
    """What follows the repository in ``path``: ``/issues/3`` of ``/repos/acme/shop/issues/3``."""
    return _ROOT.sub("", path, count=1)


def for_write(path: str) -> tuple[str, ...]:
    """The permissions of which one is enough for a write to ``path``; none for what is below no repository."""
    if not _ROOT.match(path):
        return ()
    resource_path = below_repository(path)
    return next(names for pattern, names in _NEEDED if re.match(pattern, resource_path))
