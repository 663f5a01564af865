"""What the control plane makes for service accounts: token Secrets and pull secrets, and what it fills into them.

Asked by :mod:`bot.drift.kubernetes.objects`. No manifest has it, and on every cluster it is another text.
"""

from __future__ import annotations

import re
from typing import Final

from bot.drift.walk import Difference, Side
from bot.model.paths import Item
from bot.model.resource import Observed

_TOKEN: Final = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secrets
_FILLED_IN: Final = frozenset({"token", "ca.crt", "service-ca.crt", "namespace"})
_UNSET: Final = (None, "")
"""What Git says of something that it leaves to be filled in."""
_NOTES: Final = frozenset({"kubernetes.io/service-account.uid", "kubernetes.io/legacy-token-last-used"})


def token(difference: Difference, observed: Observed) -> tuple[str, str] | None:
    """Why the difference is none, where the control plane made it for a service account; else None."""
    path = difference.location.path
    if observed.id.kind == "ServiceAccount":
        is_own_token = path[:1] in {("secrets",), ("imagePullSecrets",)} and difference.side is Side.OBSERVED
        last = path[-1]
        if is_own_token and isinstance(last, Item) and _made_for(observed.id.name).fullmatch(last.key):
            return "service-account-token", "the control plane makes it for the account"
        return None
    if observed.id.kind != "Secret" or observed.tree.get("type") != _TOKEN:
        return None
    data = path[:1] == ("data",) and path[-1] in _FILLED_IN and difference.side is not Side.DESIRED
    is_note = path[-2:-1] in {("annotations",), ("labels",)} and path[-1] in _NOTES
    if is_note or (data and difference.desired in _UNSET):
        return "service-account-token", "the control plane fills it into the account's token"
    return None


def _made_for(account: str) -> re.Pattern[str]:
    """The names of an account's secrets (``pkg/controller/serviceaccount/tokens_controller.go`` before Kubernetes 1.24;
    OpenShift: service account secrets).
    """
    return re.compile(rf"{re.escape(account)}-(token|dockercfg)-[a-z0-9]{{5}}")
