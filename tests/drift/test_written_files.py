"""What a manifest reads like once what is live was adopted: what nobody touched stays as it was written."""

from __future__ import annotations

import json

import pytest

from bot.edits.adopt import adopt
from bot.intake.read import read_manifest
from bot.model.resource import Desired
from tests.drift.makers import Pair, examine, live
from tests.table import table


def declared(manifest: str) -> Desired:
    (desired,) = read_manifest("app.yaml", manifest.encode()).resources
    return desired


def written(git: str, running: str) -> str:
    """The manifest ``git`` after everything that differs from the ``running`` one was adopted."""
    desired = declared(git)
    drifts = examine(Pair(desired, live(declared(running).tree))).drift
    edits = [edit for drift in drifts for edit in drift.adopt]
    return adopt(desired, edits, {"app.yaml": git.encode()}).files["app.yaml"].decode()


INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
    - host: a.example.org
      http:
        paths:
          - path: /
            pathType: Prefix # keep
            backend: {service: {name: a, port: {number: 80}}}
"""
INGRESS_RULE = """\
    - host: b.example.org
      http:
        paths:
          - path: /
            pathType: ImplementationSpecific
            backend:
              service:
                name: b
                port:
                  number: 80
"""
WEBHOOKS = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: checks
webhooks:
  - name: a.example.org
    clientConfig: {url: "https://a.example.org"}
    sideEffects: None
    admissionReviewVersions: [v1]
    rules:
      - operations: [CREATE]
        apiGroups: [""]
        apiVersions: [v1]
        resources: [pods]
        scope: "*" # all of them
"""
WEBHOOK = """\
  - name: b.example.org
    clientConfig:
      url: https://b.example.org
    failurePolicy: Ignore
    timeoutSeconds: 5
    sideEffects: None
    admissionReviewVersions:
      - v1
"""
WEBHOOK_RULE = """\
      - operations:
          - CREATE
        apiGroups:
          - apps
        apiVersions:
          - v1
        resources:
          - deployments
        scope: "*"
"""
LIMITS = """\
apiVersion: v1
kind: LimitRange
metadata:
  name: limits
spec:
  limits:
    - type: Container
      max: {cpu: "2"}
      default: {cpu: "0.5"} # half of one
"""
FILLED_LIMITS = """\
apiVersion: v1
kind: LimitRange
metadata:
  name: limits
spec:
  limits:
    - type: Container
      max: {cpu: "2"}
      default: {cpu: 500m}
      defaultRequest: {cpu: 500m}
"""
POD_LIMIT = """\
    - type: Pod
      max:
        cpu: "4"
"""
CLAIMS = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
spec:
  volumeClaimTemplates:
    - metadata:
        name: data
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
CLAIM = """\
    - metadata:
        name: logs
      spec:
        accessModes:
          - ReadWriteOnce
        storageClassName: fast
        resources:
          requests:
            storage: 2Gi
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  ports:
    - {name: http, port: 80}
"""
PORT = """\
    - name: admin
      port: 81
      nodePort: 30081
"""
LIVE_PORT = "    - {name: admin, port: 81, protocol: TCP, targetPort: 81, nodePort: 30081}\n"
NETWORK = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
spec:
  podSelector: {}
  ingress:
    - ports:
        - protocol: TCP # not UDP
          port: 80
"""
NETWORK_PORT = """\
        - protocol: TCP
          port: 443
"""
NETWORK_RULE = """\
    - ports:
        - protocol: TCP
          port: 443
"""
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reader
rules:
  - apiGroups: [""]
    resources: [pods]
    resourceNames: [] # all of them
    verbs: [get]
"""
ROLE_RULE = """\
  - apiGroups:
      - apps
    resources:
      - deployments
    verbs:
      - get
"""
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: readers
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects:
  - kind: User # the only one
    name: jane
    apiGroup: rbac.authorization.k8s.io
"""
SUBJECT = """\
  - kind: User
    name: joe
    apiGroup: rbac.authorization.k8s.io
"""


@table(
    ("git", "running", "file"),
    [
        (INGRESS, INGRESS + INGRESS_RULE, INGRESS + INGRESS_RULE),
        (WEBHOOKS, WEBHOOKS + WEBHOOK, WEBHOOKS + WEBHOOK),
        (WEBHOOKS, WEBHOOKS + WEBHOOK_RULE, WEBHOOKS + WEBHOOK_RULE),
        (LIMITS, FILLED_LIMITS + POD_LIMIT, LIMITS + POD_LIMIT),
        (CLAIMS, CLAIMS + CLAIM, CLAIMS + CLAIM),
        (SERVICE, SERVICE + LIVE_PORT, SERVICE + PORT),
        (NETWORK, NETWORK + NETWORK_PORT, NETWORK + NETWORK_PORT),
        (NETWORK, NETWORK + NETWORK_RULE, NETWORK + NETWORK_RULE),
        (ROLE, ROLE + ROLE_RULE, ROLE + ROLE_RULE),
        (BINDING, BINDING + SUBJECT, BINDING + SUBJECT),
    ],
    ids=[
        "ingress",
        "webhook",
        "webhook-rule",
        "limits",
        "claim",
        "port",
        "network-port",
        "network-rule",
        "role",
        "binding",
    ],
)
def test_an_element_that_was_added_live_is_the_only_change(git: str, running: str, file: str) -> None:
    """It says all that whoever added it may have chosen; what stood there before stays byte for byte."""
    assert written(git, running) == file


def test_a_port_that_got_another_number_leaves_its_node_port_to_the_server() -> None:
    """As Git does; it says as much of it as Git said before."""
    for said in ("", ", protocol: TCP"):
        git = SERVICE.replace("port: 80", f"port: 80{said}")
        running = SERVICE.replace("port: 80", "port: 81, protocol: TCP, nodePort: 30080")
        assert written(git, running) == SERVICE.replace("port: 80", f"port: 81{said}")


def test_a_node_port_that_a_person_chose_is_told_from_one_that_was_given_out() -> None:
    """The server's own choice is owned by nobody."""
    fields: dict[str, object] = {"f:name": {}, "f:port": {}}
    for owned, after in ((fields, PORT.replace("      nodePort: 30081\n", "")), ({**fields, "f:nodePort": {}}, PORT)):
        ports = {"f:ports": {'k:{"port":81,"protocol":"TCP"}': owned}}
        entry = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": ports}}
        manager = f"  managedFields: [{json.dumps(entry)}]\n"
        running = (SERVICE + LIVE_PORT).replace("spec:\n", f"{manager}spec:\n")
        assert written(SERVICE, running) == SERVICE + after


@pytest.mark.parametrize(
    ("head", "gone"),
    [(INGRESS, INGRESS_RULE), (LIMITS, POD_LIMIT), (ROLE, ROLE_RULE), (BINDING, SUBJECT), (NETWORK, NETWORK_RULE)],
    ids=["ingress", "limits", "role", "binding", "network"],
)
def test_an_element_that_was_removed_live_is_the_only_change(head: str, gone: str) -> None:
    """Whatever the server filled in elsewhere."""
    running = FILLED_LIMITS if head is LIMITS else head
    assert written(head + gone, running) == head


def test_an_element_that_changed_live_is_changed_at_its_place() -> None:
    """Although the server sends a set in another order."""
    running = (
        ROLE.replace("rules:\n", f"rules:\n{ROLE_RULE}")
        .replace("[get]", "[get, list]")
        .replace("resourceNames: []", "")
    )
    assert written(ROLE + ROLE_RULE, running) == (ROLE + ROLE_RULE).replace("[get]", "[get, list]")


def test_one_that_went_takes_its_comment_along() -> None:
    """Who came in the same moment is another one."""
    after = BINDING.replace(" # the only one", "").replace("jane", "joe")
    assert written(BINDING + SUBJECT, after + SUBJECT.replace("joe", "jim")) == after + SUBJECT.replace("joe", "jim")
