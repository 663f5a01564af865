"""What an installation of the core lacks, and the extra that brings it.

The core compares, judges and plans; what talks to a code host, keeps a daemon or a database is installed by whoever uses
it, and imported where it is used. Whoever catches a module that is not there asks here what to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.errors import Invalid

EXTRAS: Final[Mapping[str, str]] = {
    "anyio": "daemon",
    "apprise": "notify",
    "celery": "celery",
    "certifi": "http",
    "kombu": "celery",
    "cryptography": "github",
    "docker": "docker",
    "github": "github",
    "h11": "daemon",
    "helm_python": "helm",
    "httpx": "http",
    "jwt": "github",
    "kubernetes": "kubernetes",
    "prometheus_client": "daemon",
    "requests": "github",
    "sqlalchemy": "sql",
    "starlette": "daemon",
    "urllib3": "kubernetes",
    "uvicorn": "daemon",
    "watchdog": "daemon",
}
"""Modules that no core install has, to the extra that brings each (``pyproject.toml``)."""
_VERBS_WITH_EXTRA: Final = frozenset({"daemon", "demo", "sandbox"})
"""Verbs with an extra of their own, which brings what ``_SHARED`` do where the verb needs it."""
_SHARED: Final = frozenset({"daemon", "github", "http"})


def lacking(mistake: BaseException, verb: str = "") -> Invalid | None:
    """What to install for ``verb`` where ``mistake`` is a module that an extra brings; None where it is something else."""
    module = (mistake.name or "").partition(".")[0] if isinstance(mistake, ModuleNotFoundError) else ""
    if module not in EXTRAS:
        return None
    extra = verb if verb in _VERBS_WITH_EXTRA and EXTRAS[module] in _SHARED else EXTRAS[module]
    subject = f"`clockwork {verb}`" if verb else "this"
    return Invalid(
        f"{subject} needs {module}, which is not installed",
        advice=f"Install it: pip install 'clockwork-gitops[{extra}]'",
    )
