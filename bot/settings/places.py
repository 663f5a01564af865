"""The sections that say where things are: what observes, the targets, and the hosts that charts and bases come from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bot.model.patterns import regex
from bot.settings.values import Seconds, Section, installed_kind
from bot.targets.paths import TARGET_NAME, joined

_HOST: Final = regex(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[^\s?#*]*)?")
_KUBE_VERSION: Final = regex(r"v?\d+\.\d+(?:\.\d+)?(?:[-+][\w.+-]+)?", re.ASCII)


class SnapshotSettings(Section):
    """Live state from a file, a URL or a command's output; exactly one of the three."""

    file: str | None = None
    """A file with the output of ``kubectl get -o json`` or ``docker inspect``."""
    url: str | None = None
    """A URL that gives the same."""
    command: str | list[str] | None = None
    """A command that prints the same; a list starts it without splitting."""
    timeout: Seconds = 30
    """For the URL's answer, or the command."""

    @model_validator(mode="after")
    def _only_one(self) -> Self:
        if sum(value is not None for value in (self.file, self.url, self.command)) != 1:
            raise ValueError("give exactly one of file, url and command")
        return self


class DockerSettings(Section):
    """A Docker or Podman engine. Without ``host``, DOCKER_HOST or the usual sockets are tried."""

    host: str | None = None
    """Such as ``unix:///run/podman/podman.sock`` or ``ssh://ops@host``."""
    timeout: Seconds = 20
    """For one answer."""


class KubernetesSettings(Section):
    """A cluster. Without ``kubeconfig``, KUBECONFIG, the default file or the pod's service account are tried."""

    kubeconfig: str | None = None
    """The kubeconfig file."""
    context: str | None = None
    """The context in it; the current one otherwise."""
    timeout: Seconds = 60
    """For the whole look."""
    openapi: bool = False
    """Whether the cluster's OpenAPI is read for the shapes of custom resources whose definition Git does not have."""


class TerraformSettings(Section):
    """A Terraform root module inside the repository, planned with the ``terraform`` binary."""

    directory: str = "tf"
    """The root module, as a folder of the repository."""
    binary: str = "terraform"
    """``terraform`` or ``tofu``, or its path."""
    timeout: Seconds = 600
    """For the whole plan."""
    refresh_only: bool = False
    """Compare only what was applied with what is there, not the configuration."""


class HttpProbeSettings(Section):
    """One URL that should answer."""

    url: str
    """What is asked."""
    task: str | None = None
    """The task that it tells about."""
    status: int = 200
    """The status that should come back."""
    max_latency: Seconds | None = None
    """How long the answer may take."""
    body: str | None = None
    """Text that the answer should contain."""
    certificate_days: int | None = None
    """How many days the certificate should still be good for."""
    timeout: Seconds = 10
    """How long the answer is waited for."""


class ObserveSettings(Section):
    """Who reads live state. None of them is needed when ``--live`` is given."""

    snapshot: SnapshotSettings | None = None
    """A snapshot of what runs."""
    docker: DockerSettings | None = None
    """A Docker or Podman engine; ``docker: {}`` takes what DOCKER_HOST or the usual sockets lead to."""
    kubernetes: KubernetesSettings | None = None
    """A cluster; ``kubernetes: {}`` takes the current context."""
    terraform: TerraformSettings | None = None
    """A Terraform root module."""
    http: list[HttpProbeSettings] = []
    """URLs that should answer."""
    plugins: dict[str, dict[str, Any]] = {}
    """Entry point in the group ``clockwork.observers`` -> its options."""
    deadline: Seconds = 120
    """For all observers together."""

    @field_validator("plugins")
    @classmethod
    def _installed(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name in value:
            installed_kind(name, (), "observers", info)
        return value


class HelmSettings(Section):
    """The cluster that charts are rendered for (``.Capabilities``); what Helm takes without one where nothing is said."""

    kube_version: str = ""
    """Such as ``v1.33`` or ``1.33.2``."""
    api_versions: list[str] = []
    """Beyond those of Kubernetes itself: ``monitoring.coreos.com/v1``, also with a kind behind it."""

    @field_validator("kube_version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        if value and not _KUBE_VERSION.fullmatch(value):
            raise ValueError(f"{value!r}: write a version of Kubernetes, such as v1.33.2")
        return value


class ApplySettings(Section):
    """How what the branch declares gets to where it runs. Nothing is applied by itself unless this says so."""

    after_merge: bool = False
    """Apply when the branch moves: what the policy leaves to nobody at once, the rest when somebody agrees."""
    restore: bool = False
    """Closing a pull request, or a rule with ``remedy: restore``, puts back what Git says."""
    step_timeout: Seconds = 300
    """For each action, and for each wave to become healthy."""
    force_conflicts: bool = False
    """Take over fields of Kubernetes objects that somebody else owns, instead of stopping there."""
    environment: str = ""
    """The environment of GitHub that deployments are noted in; none without this."""


class TargetSettings(Section):
    """One place that a part of the repository is deployed to."""

    name: str
    """What tasks, branches and the ledger call it."""
    path: str
    """A folder of the repository: a kustomization, a chart, where Flux begins, or plain files."""
    namespace: str = ""
    """Where objects go that name none."""
    observe: ObserveSettings | None = None
    """Who looks at it; the repository's own observers without this."""
    values: list[str] = []
    """Values files of a chart, as repository paths, the later over the earlier."""
    release: str = ""
    """The release name of a chart; the target's name without this."""
    helm: HelmSettings | None = None
    """The cluster that its charts are rendered for; the repository's ``helm`` without this."""
    apply: ApplySettings | None = None
    """How it is applied; the repository's ``apply`` without this."""

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not TARGET_NAME.fullmatch(value):
            raise ValueError("write letters, digits, '.', '_' and '-', at most 63, and no slash")
        return value

    @field_validator("path")
    @classmethod
    def _is_inside(cls, value: str) -> str:
        if joined("", value) is None:
            raise ValueError("write a folder of this repository")
        return joined("", value) or ""


class ClusterSettings(Section):
    """A cluster that Argo CD deploys to, for the cluster generator of ApplicationSets."""

    name: str
    """As Argo CD calls it."""
    server: str = ""
    """The address of its API."""
    labels: dict[str, str] = {}
    """Labels of its secret, which selectors of generators match."""
    annotations: dict[str, str] = {}
    """Annotations of its secret."""


class ArgoSettings(Section):
    """What the repository does not say of Argo CD."""

    clusters: list[ClusterSettings] = []
    """The clusters that Argo CD knows."""


class FetchSettings(Section):
    """What may be fetched of what the repository names and does not hold: charts, remote bases, other repositories.

    Nothing without ``hosts``. Credentials are in the environment (:mod:`bot.upstream.keys`).
    """

    hosts: list[str] = []
    """Who may be asked: ``host``, ``host:port``, ``host/path`` for what lies below the path alone."""
    private_hosts: list[str] = []
    """The same for hosts that have addresses inside of this network."""
    refresh: Annotated[Seconds, Field(ge=1)] = 600
    """How long a branch, a range of versions or a tag such as ``latest`` stays what it was."""
    timeout: Annotated[Seconds, Field(ge=1)] = 60
    """For one answer, or one commit of Git."""
    max_mib: Annotated[int, Field(ge=1, le=1024)] = 64
    """The largest archive, packed."""
    cache_mib: Annotated[int, Field(ge=1)] = 1024
    """What is kept below the cache folder for the next run."""

    @field_validator("hosts", "private_hosts")
    @classmethod
    def _are_hosts(cls, value: list[str]) -> list[str]:
        for entry in value:
            if not _HOST.fullmatch(entry):
                raise ValueError(
                    f"{entry!r}: write host, host:port or host/path, such as ghcr.io/our-team, and no scheme"
                )
        return value
