"""The chart as Helm's own library renders it. ``python -m tests.deploy.rendered`` writes the plain manifests again."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import yaml

from tests.distributions import ROOT

CHART: Final = ROOT / "templates" / "deploy" / "chart"
MANIFESTS: Final = ROOT / "templates" / "deploy" / "manifests"
FILE: Final = MANIFESTS / "clockwork.yaml"
INGRESS: Final = MANIFESTS / "ingress.yaml"
OUTSIDE: Final[Mapping[str, Any]] = {
    "enabled": True,
    "hosts": [{"host": "clockwork.example.com", "paths": [{"path": "/"}]}],
    "tls": [{"secretName": "clockwork-tls", "hosts": ["clockwork.example.com"]}],
}
"""An ingress to everything."""
NEEDED: Final[Mapping[str, Any]] = {
    "image": {"repository": "ghcr.io/OWNER/clockwork"},
    "repo": "https://github.com/OWNER/REPOSITORY",
    "credentials": {"secretName": "clockwork"},
}
EVERYTHING: Final[Mapping[str, Any]] = {
    **NEEDED,
    "image": {"repository": "registry.example.com/clockwork", "digest": f"sha256:{'a' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "branch": "main",
    "settings": {"version": 1, "observe": {"kubernetes": {}}, "api": {"tokens": {"people": {"env": "PAGE"}}}},
    "level": "moderate",
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "extraArgs": ["--live", "/var/lib/clockwork/live.json"],
    "volumes": [{"name": "authority", "configMap": {"name": "authority"}}],
    "volumeMounts": [{"name": "authority", "mountPath": "/authority", "readOnly": True}],
    "rbac": {"secrets": True, "rules": [{"apiGroups": ["example.com"], "resources": ["widgets"]}]},
    "apply": {"enabled": True},
    "serviceAccount": {"name": "keeper", "annotations": {"example.com/team": "platform"}},
    "persistence": {
        "enabled": True,
        "storageClass": "fast",
        "size": "5Gi",
        "annotations": {"helm.sh/resource-policy": "keep"},
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "25m"},
        "hosts": [
            {"host": "clockwork.example.com", "paths": [{"path": "/", "pathType": "Prefix"}]},
            {"host": "hooks.example.com"},
        ],
        "tls": [{"secretName": "clockwork-tls", "hosts": ["*.example.com"]}],
    },
    "httpRoute": {
        "enabled": True,
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["clockwork.example.com"],
        "paths": [{"path": "/"}, {"path": "/webhook", "pathType": "Exact"}],
    },
    "nameOverride": "keeper",
    "commonLabels": {"example.com/owner": "platform"},
    "service": {"port": 8080, "annotations": {"example.com/a": "b"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "x"}, "tokenSecret": {"name": "api", "key": "GRAFANA"}},
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "to": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "podDisruptionBudget": {"enabled": True},
    "podAnnotations": {"example.com/b": "c"},
    "podLabels": {"team": "platform"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
_PROGRAM: Final = """
import json, sys
from helm_python import Chart
for line in sys.stdin:
    try:
        made = Chart.load(sys.argv[1]).render(
            values=json.loads(line), name="clockwork", namespace="clockwork", is_install=True
        )
        print(json.dumps([made, ""]), flush=True)
    except Exception as problem:
        print(json.dumps([{}, str(problem)]), flush=True)
"""


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """What each template comes to. Raises ``ValueError`` with what Helm says where it renders nothing."""
    made, problem = _answer(json.dumps(values))
    if problem:
        raise ValueError(problem)
    return {path.rpartition("/")[2]: text for path, text in made.items()}


@cache
def _answer(values: str) -> tuple[dict[str, str], str]:
    told, answers = _library()
    told.write(f"{values}\n")
    told.flush()
    made, problem = json.loads(answers.readline())
    return made, problem


@cache
def _library() -> tuple[IO[str], IO[str]]:
    """Helm's library in one process for all: a line of values in, a line of texts out. It ends with this process."""
    words = [sys.executable, "-c", _PROGRAM, str(CHART)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def manifests(values: Mapping[str, Any]) -> str:
    """All objects as one file of several documents."""
    parts = [text for name, text in sorted(texts(values).items()) if name != "NOTES.txt"]
    documents = [document.strip() for part in parts for document in part.split("\n---\n")]
    return "---\n".join(f"{document.removeprefix('---').strip()}\n" for document in documents if document)


def objects(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All objects."""
    return [each for each in yaml.load_all(manifests(values), yaml.CSafeLoader) if each]


def main(folder: Path = MANIFESTS) -> None:
    """Write the plain manifests of a release called ``clockwork``, and an ingress to it beside them."""
    (folder / FILE.name).write_text(
        f"# What the chart beside this folder renders for values.yaml; see kustomization.yaml.\n{manifests(NEEDED)}"
    )
    ingress = texts({**NEEDED, "ingress": OUTSIDE})["ingress.yaml"].strip()
    (folder / INGRESS.name).write_text(
        "# From outside of the cluster: webhooks, which are signed, and all that asks for a token of `api.tokens`. Its host,\n"
        f"# class and the Secret with its certificate are yours; name this file in kustomization.yaml.\n{ingress}\n"
    )


if __name__ == "__main__":
    main()
