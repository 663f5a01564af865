"""K8S-001 looks wherever a pod, a container or a service is described, and knows what each may be given of its host."""

from __future__ import annotations

from tests.guardrails.changes import Case, file, fire
from tests.guardrails.test_infrastructure import PLAIN, pod
from tests.table import table

APPLICATION = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n  %s {kustomize: {patches: "
    "[{target: {kind: Deployment}, patch: '[{op: add, path: /spec/template/spec/hostPID, value: true}]'}]}}\n"
)
FIRES = [
    Case("overlays/prod/Kustomization", None, "patches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n"
         "    metadata: {name: web}\n    spec: {template: {spec: {hostNetwork: true}}}\n", "a name without suffix"),
    Case("apps/shop.yaml", None, APPLICATION % "source:"),
    Case("apps/shop.yaml", None, APPLICATION % "sources:\n  -"),
    Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {windowsOptions: {hostProcess: true}}")),
    Case("k8s/web.yaml", PLAIN, pod("securityContext: {appArmorProfile: {type: Unconfined}}")),
    Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {seLinuxOptions: {type: spc_t}}")),
    Case("k8s/web.yaml", None, "apiVersion: v1\nkind: Pod\nspec: {containers: []}\nmetadata:\n  name: a\n  annotations:\n"
         "    container.apparmor.security.beta.kubernetes.io/web: unconfined\n"),
    Case("ci/build.yaml", None, "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: a}\n"
         "spec:\n  templates:\n  - name: x\n    script: {image: i, securityContext: {privileged: true}}\n"),
    Case("ci/build.yaml", None, "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: a}\n"
         "spec:\n  volumes: [{name: s, hostPath: {path: /var/run/docker.sock}}]\n"),
    Case("compose.yaml", None, "services: {a: {image: b, devices: ['/dev/mem:/dev/mem']}}\n"),
    Case("compose.yaml", None, "services: {a: {image: b, devices: [{source: /dev/nvme0n1, target: /dev/x}]}}\n"),
    Case("compose.yaml", None, "services: {a: {image: b, cgroup: host}}\n"),
    Case("compose.yaml", None, "services: {a: {build: {context: ., privileged: true}}}\n"),
    Case("compose.yaml", None, "services: {a: {build: {context: ., entitlements: [security.insecure]}}}\n"),
]  # fmt: skip


@table("case", FIRES)
def test_what_is_the_hosts_is_told(case: Case) -> None:
    """Each points at the file."""
    assert [hit.file for hit in fire("K8S-001", file(case.path, case.before, case.after))] == [case.path]
