"""Who wrote a live field: the ``managedFields`` of a Kubernetes object, read only where a comparison asks.

Format: ``fieldsType: FieldsV1`` of structured-merge-diff (``fieldpath/serialize-pe.go``; Kubernetes: Server-Side Apply).
``f:name`` is a field, ``k:{...}`` the element of a keyed list, ``v:...`` an element of a set, ``.`` the field itself. Used
by :mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import cached_property, lru_cache
from typing import Final

from bot.drift.options import Roster
from bot.drift.walk import Step
from bot.model.json import JSON, Tree, get, mapping, mappings, moment, read_json, text
from bot.model.paths import Item


class Role(Enum):
    """What kind of writer a field manager is."""

    PERSON = auto()
    DEPLOYER = auto()
    """Applies what Git (or a chart) says."""
    CREATOR = auto()
    """A person's ``kubectl create`` or ``replace``: owns the whole object with all its defaults."""
    AUTOSCALER = auto()
    CONTROLLER = auto()
    """Writes by itself, as its name says: a controller, an operator, the control plane."""
    STRANGER = auto()
    """Anything else: a script, a client library, a tool that nobody named."""


@dataclass(frozen=True, slots=True)
class Writer:
    """One entry of ``managedFields`` that owns the field in question. ``applied``: by server-side apply."""

    manager: str
    role: Role
    applied: bool
    subresource: str
    at: datetime | None


_KUBECTL: Final = re.compile(r"kubectl(-?v?[\d.]+)?(\.exe)?", re.IGNORECASE)
"""Who gives no name is called by its user agent up to the first slash (``managerOrUserAgent``,
``staging/src/k8s.io/apiserver/pkg/endpoints/handlers/create.go``), and kubectl's is its file's name: ``kubectl.exe``,
``kubectl1.29``. So a browser is ``Mozilla``, and Lens, which runs on Node.js, ``node-fetch``.
"""
_PEOPLE: Final = re.compile(
    r"kubectl-(edit|set|patch|label|annotate|scale|autoscale|rollout|taint|cordon|uncordon|drain|debug|expose)"
    r"|oc(-\w+)?(\.exe)?|k9s(\.exe)?|(open|free|k8s|opn)?lens(-desktop)?|node-fetch|octant|headlamp(-server)?|okteto"
    r"|dashboard|kubernetes-dashboard(-\w+)?|mozilla|curl|monokle|aptakube|seabird|portainer|telepresence",
    re.IGNORECASE,
)
"""kubectl names itself by its command (``fieldManager`` in ``staging/src/k8s.io/kubectl/pkg/cmd``); then consoles that
people click in.
"""
_CREATORS: Final = re.compile(r"kubectl-(create|replace|run|convert)", re.IGNORECASE)
_DEPLOYERS: Final = re.compile(
    r"kubectl-client-side-apply|kubectl-last-applied|before-first-apply|clockwork|helm|helm-controller"
    r"|argocd([-_].*)?|argo-cd|kustomize(-controller)?|kustomization|flux([-_].*)?|fluxcd"
    r"|(hashicorp|terraform|opentofu)([-_].*)?|pulumi(-kubernetes)?([-_].*)?|kapp(-server)?|kapp-controller"
    r"|fleet(-agent|agent)?|skaffold|tilt|werf|helmfile|clouddriver|spinnaker|carvel|ansible([-_].*)?",
    re.IGNORECASE,
)
"""``before-first-apply`` and ``kubectl-client-side-apply`` are what came before a first server-side apply (Kubernetes:
Server-Side Apply, upgrading from client-side apply); the others are the names of deployment tools.
"""
_AUTOSCALERS: Final = re.compile(
    r"(.+-)?(horizontal|vertical)-pod-autoscaler(-.*)?|(.+-)?autoscaler|hpa(-.*)?|keda(-.*)?|vpa-.*"
    r"|cluster-proportional-.*|goldilocks(-.*)?|kedify(-.*)?|prometheus-adapter|kube-(down|up)?scaler|kube-green"
    r"|flagger|(argo-)?rollouts-controller",
    re.IGNORECASE,
)
CONTROL_PLANES: Final = frozenset({"kube-controller-manager", "k3s", "kubelite", "hyperkube", "microshift"})
"""The processes that HorizontalPodAutoscalers run in: Kubernetes' own, and those that k3s, MicroK8s (``kubelite``), older
releases (``hyperkube``) and MicroShift run it in.
"""
_CONTROLLERS: Final = re.compile(
    r"manager|(.+[-_.:])manager([-_.].+)?|.*(controller|operator)s?([-_.].+)?|kube-.*|kubelet|cert-manager.*"
    r"|k3s|kubelite|hyperkube|microshift|deploy@.*|rke2|k0s|cloud-.*|(gke|eks|aks|azure|aws|openshift|csi|cni)-.*"
    r"|(.+[-_])?(cainjector|injector|provisioner|scheduler|webhook|admission|reconciler|reloader|agent|daemon)"
    r"|(.+-)?(attacher|resizer|snapshotter|updater|syncer|driver|plugin)|googlecontainerengine|glbc|coredns"
    r"|(istio|linkerd|cilium|calico|kyverno|gatekeeper|external-(dns|secrets)|velero|longhorn|rook|karpenter|crossplane"
    r"|datadog|dynatrace|consul|vault|dapr|traefik|metallb|knative|tekton|strimzi|olm|metrics-server)([-_.].+)?"
    r"|istiod|pilot-discovery|keel|sealed-secrets.*|apiextensions\.crossplane\.io|.+\.crossplane\.io",
    re.IGNORECASE,
)


def role_of(manager: str, operation: str, subresource: str, roster: Roster) -> Role:
    """The role of a field manager, by its name. Installations name their own in the roster."""
    name = manager.partition("/")[0]
    if name in roster.people or manager in roster.people:
        return Role.PERSON
    if name in roster.deployers or manager in roster.deployers:
        return Role.DEPLOYER
    if name in roster.controllers or manager in roster.controllers:
        return Role.CONTROLLER
    if _KUBECTL.fullmatch(name):
        return Role.DEPLOYER if operation == "Apply" else Role.PERSON
    if _CREATORS.fullmatch(name):
        return Role.CREATOR
    if _PEOPLE.fullmatch(name):
        return Role.PERSON
    if _DEPLOYERS.fullmatch(name):
        return Role.DEPLOYER
    if _AUTOSCALERS.fullmatch(name) or (subresource == "scale" and name.lower() in CONTROL_PLANES):
        return Role.AUTOSCALER
    return Role.CONTROLLER if _CONTROLLERS.fullmatch(name) else Role.STRANGER


_known_role = lru_cache(maxsize=1024)(role_of)
"""The same few managers write thousands of objects."""


@dataclass
class Owners:
    """The writers of one live object's fields."""

    tree: Tree
    roster: Roster

    @property
    def _raw(self) -> Iterator[Tree]:
        """Everything but what was written of the status."""
        entries = mappings(get(self.tree, "metadata", "managedFields"))
        return (entry for entry in entries if entry.get("subresource") != "status")

    @property
    def person(self) -> bool:
        """Whether a person wrote any part of the object."""
        return any(self._role(entry) is Role.PERSON for entry in self._raw)

    @property
    def recorded(self) -> bool:
        """Whether the object says who wrote it."""
        return any(self._raw)

    @cached_property
    def _entries(self) -> tuple[tuple[Writer, Tree], ...]:
        """Each writer with the fields it owns."""
        return tuple((self._writer(entry), mapping(entry.get("fieldsV1"))) for entry in self._raw)

    def _writer(self, entry: Tree) -> Writer:
        manager, subresource = text(entry.get("manager")), text(entry.get("subresource"))
        applied = entry.get("operation") == "Apply"
        return Writer(manager, self._role(entry), applied, subresource, moment(entry.get("time")))

    def _role(self, entry: Tree) -> Role:
        manager, operation = text(entry.get("manager")), text(entry.get("operation"))
        return _known_role(manager, operation, text(entry.get("subresource")), self.roster)

    def writer(self, steps: Sequence[Step]) -> Writer | None:
        """Of those who own the field (or part of it), the one who tells most about a change.

        A value that differs from Git was changed by its last writer; co-owners applied the same value. A person comes
        first, then the latest.
        """
        return min((writer for writer, fields in self._entries if owns(fields, steps)), key=_precedence, default=None)

    def wrote(self, writer: Writer, parts: Iterable[Sequence[Step]]) -> bool:
        """Whether ``writer`` owns each of ``parts``, of which there is at least one: it sent them together."""
        fields = [owned for owner, owned in self._entries if owner == writer]
        owned = [any(owns(owned_fields, part) for owned_fields in fields) for part in parts]
        return bool(owned) and all(owned)

    def applied(self, steps: Sequence[Step]) -> Writer | None:
        """The deployer whose server-side apply contained the field."""
        deployers = (entry for entry in self._entries if entry[0].applied and entry[0].role is Role.DEPLOYER)
        return next((writer for writer, fields in deployers if owns(fields, steps)), None)


def _precedence(writer: Writer) -> tuple[bool, float]:
    return (writer.role is not Role.PERSON, -writer.at.timestamp() if writer.at else 0.0)


def owns(fields: Tree, steps: Sequence[Step]) -> bool:
    """Whether a FieldsV1 set holds the field, an atomic part around it, or anything inside it."""
    node: Tree = fields
    for depth, step in enumerate(steps):
        if not node:
            return depth > 0
        below = _below(node, step)
        if below is None:
            return False
        node = below
    return True


def _below(node: Tree, step: Step) -> Tree | None:
    if isinstance(step, str):
        field = node.get(f"f:{step}")
        return mapping(field) if field is not None else None
    if isinstance(step, int):
        return None
    if isinstance(step, Item):
        member = node.get(f"v:{json.dumps(step.key, ensure_ascii=False)}")
        return mapping(member) if member is not None else None
    for key, below in node.items():
        if key.startswith("k:") and _matches(_parsed(key[2:]), step):
            return mapping(below)
    return None


def _matches(key: Mapping[str, JSON], element: Tree) -> bool:
    return bool(key) and all(element.get(name, _USUAL.get(name)) == value for name, value in key.items())


_USUAL: Final = {"protocol": "TCP"}
"""Keys of lists that have a default are written out in ``managedFields`` (``x-kubernetes-list-map-keys`` of ports)."""


@lru_cache(maxsize=4096)
def _parsed(key: str) -> Mapping[str, JSON]:
    return mapping(read_json(key))
