"""The whole of ``clockwork.yaml`` as one model."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator

from bot.drift.severity.fields import FieldGrant
from bot.drift.severity.grants import MetadataGrant
from bot.settings.api import ApiSettings
from bot.settings.metrics import MetricsSettings
from bot.settings.notifications import NotificationSettings
from bot.settings.places import (
    ApplySettings,
    ArgoSettings,
    FetchSettings,
    HelmSettings,
    ObserveSettings,
    TargetSettings,
)
from bot.settings.sections import (
    AuthorSettings,
    ComposeSettings,
    DaemonSettings,
    FixSettings,
    GitHubSettings,
    GuardSettings,
    HostSettings,
    ManagerSettings,
    RendererSettings,
    SessionSettings,
    SourceSettings,
    WorkerSettings,
)
from bot.settings.values import Section


class Settings(Section):
    """Everything in ``clockwork.yaml``."""

    version: Literal[1] = 1
    """The format of this file."""
    repository: str | None = None
    """``owner/name`` on the code host, where the remote's address does not tell."""
    branch: str | None = None
    """The branch that is compared and committed to; the remote's default branch otherwise."""
    remote: str | None = None
    """The Git address that is written to, where it is not the checkout's ``origin``."""
    host: HostSettings = HostSettings.model_construct()
    github: GitHubSettings = GitHubSettings.model_construct()
    renderer: RendererSettings = RendererSettings.model_construct()
    sources: SourceSettings = SourceSettings.model_construct()
    compose: list[ComposeSettings] = []
    """Compose projects that are deployed with ``-f``."""
    observe: ObserveSettings = ObserveSettings.model_construct()
    targets: list[TargetSettings] = []
    """The places that parts of the repository are deployed to; those that are not named are discovered."""
    argo: ArgoSettings = ArgoSettings.model_construct()
    fetch: FetchSettings = FetchSettings.model_construct()
    helm: HelmSettings = HelmSettings.model_construct()
    apply: ApplySettings = ApplySettings.model_construct()
    fixes: FixSettings = FixSettings.model_construct()
    guard: GuardSettings = GuardSettings.model_construct()
    sessions: SessionSettings = SessionSettings.model_construct()
    workers: WorkerSettings = WorkerSettings.model_construct()
    author: AuthorSettings = AuthorSettings.model_construct()
    daemon: DaemonSettings = DaemonSettings.model_construct()
    notifications: NotificationSettings = NotificationSettings.model_construct()
    metrics: MetricsSettings = MetricsSettings.model_construct()
    api: ApiSettings = ApiSettings.model_construct()
    managers: ManagerSettings = ManagerSettings.model_construct()
    ledger_ref: str = "refs/clockwork/ledger"
    """The Git ref that remembers what was done and why."""
    ignores: str = ".clockwork/ignore.yaml"
    """The file with the differences that nobody wants to know of."""
    aggregated_roles: Literal["compare", "ignore"] = "ignore"
    """Whether the rules of aggregated ClusterRoles, which a controller fills in, are compared."""
    privileged_metadata: list[MetadataGrant] = []
    """Labels and annotations that grant or expose something, beside those of ``policies/metadata``; asked first."""
    privileged_fields: list[FieldGrant] = []
    """Fields that grant, guard or trust something, beside those of ``policies/fields``."""
    list_keys: dict[str, list[str]] = {}
    """``Kind.group:path`` of a custom resource's list -> the keys its elements are compared by."""

    @field_validator("targets")
    @classmethod
    def _told_apart(cls, value: list[TargetSettings]) -> list[TargetSettings]:
        names = [target.name for target in value]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(f"the target {duplicates[0]!r} is named twice")
        return value

    @field_validator("repository")
    @classmethod
    def _full_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise ValueError("write it as owner/name")
        return value
