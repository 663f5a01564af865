"""What is rendered, applied and filled in by a cluster is no drift: every target of every repository here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.flows.declare import Declaration
from bot.gitrepo.worktree import WORKTREE
from bot.model.drift import DriftKind
from bot.renderers import tools
from bot.wiring.reconcile import declarer
from bot.wiring.repository import Options, repository_to_read
from tests import gitops
from tests.flows.folders import assessing, folder, shared_renderers, snapshot
from tests.flows.test_targets import has_kustomize
from tests.targets.cluster import Object, live

pytestmark = pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")
HELM = pytest.mark.skipif(find_spec("helm_python") is None and tools.helm() is None, reason="Helm is not installed")

ROOT = Path(__file__).parents[2]
BESIDE = ROOT.parent / "shared" / "corpus" / "gitops"

WORKLOADS = b"""\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/instance: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: registry.example.com/web:1.4
          ports: [{containerPort: 8080, name: http}]
          env:
            - name: NODE
              valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
            - {name: EMPTY, value: ""}
          livenessProbe: {httpGet: {port: http}}
          readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 5}
          resources:
            requests: {cpu: 0.5, memory: 1024Mi}
            limits: {cpu: "1000m", memory: 2048Mi}
          volumeMounts: [{name: config, mountPath: /etc/web}, {name: scratch, mountPath: /tmp}]
      volumes:
        - {name: config, configMap: {name: web}}
        - {name: scratch, emptyDir: {}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}, annotations: {}}
    spec:
      initContainers: [{name: chown, image: busybox, command: [chown, "999", /data]}]
      containers: [{name: db, image: "docker.io/library/postgres:16", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20480Mi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      containers: [{name: agent, image: registry.example.com/agent, ports: [{containerPort: 9100}]}]
      volumes: [{name: root, hostPath: {path: /}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 4 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: report, image: registry.example.com/report:2}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: setup}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: setup, image: registry.example.com/setup:2}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {token: not-a-secret}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: orders}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reads}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reads}
roleRef: {kind: ClusterRole, name: reads, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: web, namespace: shop}, {kind: Group, name: ops}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
"""
ONCE = b"""\
apiVersion: batch/v1
kind: Job
metadata: {generateName: once-}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: once, image: registry.example.com/setup:2}]}
"""
KUSTOMIZATION = b"resources: [all.yaml]\n"
CHART: Mapping[str, bytes] = {
    "charts/web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/values.yaml": b"replicas: 2\n",
    "charts/web/templates/all.yaml": b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: chart-web}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: chart-web}}
  template:
    metadata: {labels: {app: chart-web, app.kubernetes.io/managed-by: {{ .Release.Service }}}}
    spec: {containers: [{name: web, image: "registry.example.com/web:1.4"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: chart-web}
data: {greeting: hello}
---
apiVersion: v1
kind: Service
metadata: {name: chart-web, labels: {app.kubernetes.io/instance: {{ .Release.Name }}}}
spec: {selector: {app: chart-web}, ports: [{port: 80}]}
""",
}
FLUX = b"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m, url: "https://git.example.com/acme/shop", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, prune: true, path: ./clusters/prod, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  prune: true
  path: ./shop
  targetNamespace: shop
  sourceRef: {kind: GitRepository, name: flux-system}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: chart-web, namespace: flux-system}
spec:
  interval: 10m
  targetNamespace: shop
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}
  values: {replicas: 3}
"""


def application(name: str, path: str) -> bytes:
    """An Argo CD application of a folder of its own repository."""
    return (
        b"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: argocd}\nspec:\n"
        b"  project: default\n  destination: {server: https://kubernetes.default.svc, namespace: shop}\n"
        b"  source: {repoURL: https://git.example.com/acme/shop, path: %s, targetRevision: HEAD}\n"
    ) % (name.encode(), path.encode())


REPOSITORIES: Mapping[str, Mapping[str, bytes]] = {
    "kustomization": {
        "base/all.yaml": WORKLOADS,
        "base/kustomization.yaml": KUSTOMIZATION,
        "prod/kustomization.yaml": b"namespace: shop\nnamePrefix: prod-\nresources: [../base]\n"
        b"configMapGenerator: [{name: made, literals: [a=b]}]\n",
    },
    "kustomization-without-a-namespace": {"prod/all.yaml": WORKLOADS, "prod/kustomization.yaml": KUSTOMIZATION},
    "flux": {"clusters/prod/flux-system/sync.yaml": FLUX, "shop/all.yaml": WORKLOADS, **CHART},
    "argo": {
        "apps/shop.yaml": application("shop", "shop"),
        "apps/chart.yaml": application("front", "charts/web"),
        "apps/overlay.yaml": application("overlay", "overlay"),
        "root/root.yaml": application("root", "apps"),
        "shop/all.yaml": WORKLOADS,
        "shop/once.yaml": ONCE,
        "overlay/kustomization.yaml": b"namespace: over\nnamePrefix: over-\nresources: [all.yaml]\n",
        "overlay/all.yaml": WORKLOADS,
        **CHART,
    },
    "chart": CHART,
}


def declaration(root: Path) -> Declaration:
    """What the folder declares."""
    return declarer(repository_to_read(Options(repo=str(root), environment={})), shared_renderers()).at(WORKTREE)


def cluster(declared: Declaration, target: str, *, managed: bool) -> list[Object]:
    """Everything that the target is sent, as its cluster holds it."""
    if declared.deployment is None:
        raise AssertionError("nothing reads targets")
    return [live(unit, made, managed=managed) for unit, made in declared.deployment.expansions[target].objects()]


def check(root: Path, directory: Path) -> int:
    """Each target is in sync with what it makes of a cluster, whoever is said to have written it; how many objects.

    What tools and the server add by themselves is counted and left out.
    """
    declared = declaration(root)
    assert declared.deployment is not None
    assert not declared.errors
    objects = 0
    for target in declared.deployment.discovery.targets:
        assessment = None
        for managed in (False, True):
            running = cluster(declared, target.name, managed=managed)
            file = snapshot(directory / "live.json", running)
            assessment = assessment or assessing(root, live=file, target=target.name)  # renders once
            report = assessment().report
            hidden = [each for each in report.suppressed if not each.by.startswith("platform:")]
            told = [each.drift for each in hidden if each.drift.kind is not DriftKind.ADDED]
            shown = [f"{drift.resource.qualified} {drift.where} {drift.kind}: {drift.desired!r} -> {drift.observed!r}"
                     for drift in [*report.drift, *told]]  # fmt: skip
            assert not shown, f"{'managed' if managed else 'unmanaged'}: " + "\n".join(shown)
            objects += len(running)
    return objects


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=HELM if name in {"flux", "argo", "chart"} else ()) for name in REPOSITORIES],
)
def test_an_applied_target_is_in_sync(tmp_path: Path, name: str) -> None:
    """Nothing that a server defaults or a controller marks is drift, and nothing is hidden as a stranger's either."""
    root = folder(tmp_path / "repo", REPOSITORIES[name])
    assert (
        check(root, tmp_path)
        >= 2 * len(re.findall(rb"^kind:", b"\n".join(REPOSITORIES[name].values()), re.MULTILINE)) - 6
    )


@pytest.mark.parametrize("name", gitops.REPOSITORIES)
@HELM
def test_the_repositories_of_the_tests_are_in_sync(tmp_path: Path, name: str) -> None:
    """The same holds for each of the small repositories that lie beside the tests."""
    assert check(Path(shutil.copytree(gitops.HERE / name, tmp_path / "repo")), tmp_path)


@pytest.mark.extra
@pytest.mark.parametrize("source", sorted(BESIDE.glob("*/")), ids=lambda path: path.name)
def test_repositories_of_other_projects_are_in_sync(tmp_path: Path, source: Path) -> None:
    """And for those that other people keep."""
    assert check(Path(shutil.copytree(source, tmp_path / "repo")), tmp_path)
