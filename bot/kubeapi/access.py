"""How to reach a cluster: the kubeconfig file or the pod's service account, and what a client takes from it.

The ``kubernetes`` library reads both and keeps credentials fresh. Used by observers and appliers, by way of
:class:`bot.kubeapi.api.ClusterApi`.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.errors import Invalid
from bot.secrecy.sanitize import sanitized

INSTALL: Final = "pip install 'clockwork-gitops[kubernetes]'"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds token, certificate and namespace (Kubernetes docs, "Accessing the Kubernetes API from a Pod")."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster: ``configuration`` of the ``kubernetes`` library, the namespace kubectl would use."""

    configuration: Any = field(repr=False)  # kubernetes.client.Configuration holds credentials
    namespace: str

    @property
    def host(self) -> str:
        return str(self.configuration.host)


def access(
    kubeconfig: str | None,
    context: str | None,
    environment: Mapping[str, str],
    *,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """Access by ``kubeconfig`` (else KUBECONFIG, else ``~/.kube/config``), or by the pod's service account.

    Raises :class:`Invalid` when there is neither, or the library is not installed.
    """
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException
    except ImportError as exc:
        raise Invalid("a Kubernetes cluster needs the kubernetes library", advice=INSTALL) from exc
    configuration = Configuration()
    files = kubeconfig or environment.get("KUBECONFIG") or str(Path(environment.get("HOME", "~")) / ".kube" / "config")
    try:
        if not kubeconfig and "KUBERNETES_SERVICE_HOST" in environment and not _any_file(files):
            return Access(configuration, _in_cluster(configuration, environment, service_account))
        return Access(configuration, _from_files(configuration, files, context))
    except (ConfigException, OSError, ValueError) as exc:
        raise Invalid(
            f"no access to a Kubernetes cluster: {sanitized(str(exc))[:200]}",
            advice="set KUBECONFIG to a kubeconfig file, or run inside the cluster with a service account",
        ) from exc


def _any_file(files: str) -> bool:
    return any(Path(file).expanduser().is_file() for file in files.split(":"))


def _in_cluster(configuration: object, environment: Mapping[str, str], account: Path) -> str:
    from kubernetes.config import incluster_config

    loading: Any = incluster_config.InClusterConfigLoader  # has no types
    loader = loading(str(account / "token"), str(account / "ca.crt"), environ=environment)
    loader.load_and_set(configuration)
    namespace = account / "namespace"
    return namespace.read_text().strip() if namespace.is_file() else "default"


def _from_files(configuration: object, files: str, context: str | None) -> str:
    from kubernetes.config import kube_config

    load: Any = kube_config.load_kube_config  # has no types
    contexts_listed: Any = kube_config.list_kube_config_contexts
    files = ":".join(str(Path(file).expanduser()) for file in files.split(":"))
    load(files, context, client_configuration=configuration, persist_config=False)
    contexts, active = contexts_listed(files)
    chosen_context = next((entry for entry in contexts if entry["name"] == context), active) if context else active
    return str(chosen_context.get("context", {}).get("namespace") or "default")


def tls(configuration: Any) -> ssl.SSLContext | bool:
    """How the server is to prove itself, with our certificate where there is one; ``OSError`` for files that are not there."""
    if not str(configuration.host).startswith("https:"):
        return False
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def credentials(configuration: Any) -> dict[str, str]:
    """The authorisation header, refreshed by the library where the token is about to expire."""
    return {
        str(setting["key"]): str(setting["value"])
        for setting in configuration.auth_settings().values()
        if setting.get("in") == "header" and setting.get("value")
    }
