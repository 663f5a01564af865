"""Repositories as teams lay them out, for those who meet one for the first time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.flows.stage import DEPLOYMENT, SERVICE

WEB: Final = DEPLOYMENT.decode()
_KUSTOMIZATION: Final = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{}]\n"
_COMPOSE: Final = "services:\n  relay:\n    image: registry.example.com/relay:2.1\n"
_TERRAFORM: Final = 'resource "aws_s3_bucket" "logs" {\n  bucket = "logs"\n}\n'
_CW: Final = (
    'provider "docker" {}\nresource "service" "storefront" {\n  image = "registry.example.com/front:5.2.0"\n}\n'
)


def _chart(name: str) -> dict[str, str]:
    template = WEB.replace("name: web\n  namespace", f"name: {name}\n  namespace").replace(
        "replicas: 2", "replicas: {{ .Values.replicas }}"
    )
    return {
        f"charts/{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n",
        f"charts/{name}/values.yaml": "replicas: 2\n",
        f"charts/{name}/templates/web.yaml": template,
    }


def _flux(cluster: str) -> dict[str, str]:
    sync = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: flux-system, namespace: flux-system}\n"
        f"spec: {{interval: 10m, path: ./clusters/{cluster}, prune: true,\n"
        "  sourceRef: {kind: GitRepository, name: flux-system}}\n---\n"
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"
        "metadata: {name: flux-system, namespace: flux-system}\n"
        "spec: {interval: 1m, url: https://github.com/acme/shop, ref: {branch: main}}\n"
    )
    return {
        f"clusters/{cluster}/flux-system/gotk-sync.yaml": sync,
        f"clusters/{cluster}/flux-system/kustomization.yaml": _KUSTOMIZATION.format("gotk-sync.yaml"),
        f"clusters/{cluster}/web.yaml": WEB,
    }


_APPLICATION: Final = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\n"
    "spec:\n  project: default\n  source: {repoURL: https://github.com/acme/shop, path: apps/shop, targetRevision: HEAD}\n"
    "  destination: {server: https://kubernetes.default.svc, namespace: shop}\n"
)
_OVERLAYS: Final = {
    "k8s/base/kustomization.yaml": _KUSTOMIZATION.format("web.yaml"),
    "k8s/base/web.yaml": WEB,
    "k8s/overlays/dev/kustomization.yaml": _KUSTOMIZATION.format("../../base"),
    "k8s/overlays/prod/kustomization.yaml": _KUSTOMIZATION.format("../../base"),
}

LAYOUTS: Final[Mapping[str, Mapping[str, str]]] = {
    "flux": {**_flux("dev"), **_flux("prod")},
    "argo": {"argocd/shop.yaml": _APPLICATION, "apps/shop/web.yaml": WEB},
    "manifests": {"k8s/web.yaml": WEB, "k8s/service.yaml": SERVICE.decode()},
    "kustomize": _OVERLAYS,
    "charts": {**_chart("api"), **_chart("front")},
    "compose": {"compose.yaml": _COMPOSE},
    "terraform": {"infra/prod/main.tf": _TERRAFORM, "infra/modules/x/main.tf": _TERRAFORM},
    "cw": {"infra/front.cw": _CW},
    "mixed": {
        **_OVERLAYS,
        **_chart("api"),
        "mail/compose.yaml": _COMPOSE,
        "tf/main.tf": _TERRAFORM,
        "infra/front.cw": _CW,
    },
    "empty": {"README.md": "# Nothing yet\n"},
}
"""Name -> files."""
