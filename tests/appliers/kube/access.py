"""Who may do what: tokens, and what somebody may not do (https://kubernetes.io/docs/reference/access-authn-authz/)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.appliers.kube import status
from tests.appliers.kube.schema import Kind


@dataclass(frozen=True, slots=True)
class Denial:
    """What ``user`` may not do. Empty fields mean everything."""

    verb: str = ""
    resource: str = ""
    namespace: str = ""
    user: str = ""

    def covers(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        pairs = ((self.verb, verb), (self.resource, resource), (self.namespace, namespace), (self.user, user))
        return all(denied in {"", asked} for denied, asked in pairs)


@dataclass
class Access:
    """``tokens`` are users by token."""

    tokens: dict[str, str] = field(default_factory=dict)
    denials: list[Denial] = field(default_factory=list)

    def user(self, authorization: str) -> str:
        """Who asks.

        Raises:
            Failed: 401 without a token that is known.
        """
        token = authorization.removeprefix("Bearer ")
        if token not in self.tokens:
            raise status.Failed(401, "Unauthorized", "Unauthorized")
        return self.tokens[token]

    def allowed(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        return not any(each.covers(user, verb, resource, namespace) for each in self.denials)

    def check(self, user: str, verb: str, kind: Kind, *, namespace: str, name: str, subresource: str = "") -> None:
        """Nothing.

        Raises:
            Failed: 403 where the user may not.
        """
        asked = f"{kind.plural}/{subresource}" if subresource else kind.plural
        if self.allowed(user, verb, asked, namespace if kind.namespaced else ""):
            return
        scope = f'in the namespace "{namespace}"' if kind.namespaced and namespace else "at the cluster scope"
        why = f'User "{user}" cannot {verb} resource "{asked}" in API group "{kind.group}" {scope}'
        raise status.forbidden(kind, name, why)

    def review(self, user: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a SelfSubjectAccessReview."""
        asked = body.get("spec", {}).get("resourceAttributes", {})
        resource = "/".join(filter(None, [asked.get("resource", ""), asked.get("subresource", "")]))
        allowed = self.allowed(user, asked.get("verb", ""), resource, asked.get("namespace", ""))
        return {**body, "status": {"allowed": allowed}}
