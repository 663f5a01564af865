"""The one settings file, ``clockwork.yaml``: strict, every key has a default, secrets never live in it.

Read by :mod:`bot.wiring` alone. Unknown keys are errors that name the file, the line and the nearest known key. Tokens and
webhook secrets come from the environment (see :func:`secrets`), so that a settings file can be public.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.confinement.walls import Confinement
from bot.errors import Invalid
from bot.intake.lined import Document, read_document
from bot.model.decision import FixLevel
from bot.model.drift import Severity
from bot.model.finding import Mode
from bot.model.target import TARGET_NAME
from bot.safety.windows import parse_window
from bot.targets.paths import joined

__all__ = ["FILE", "Secrets", "Settings", "load", "secrets"]

FILE: Final = "clockwork.yaml"
ASSISTANTS: Final = ("claude", "codex", "gemini", "copilot", "openai", "command")
"""The kinds that are built in."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 3650 * 86400
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[^\s?#*]*)?"
)
_KUBE_VERSION: Final = re.compile(r"v?\d+\.\d+(?:\.\d+)?(?:[-+][\w.+-]+)?", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+\Z")


def _seconds(value: object) -> object:
    """Seconds from ``90``, ``"90s"``, ``"1h30m"``; anything else is left for pydantic to complain about."""
    if isinstance(value, str) and _DURATION.match(value):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", value))
    return value


def _bearable(seconds: float) -> float:
    """The same number, unless no clock could count it."""
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("a duration is between 0 and 3650d; write seconds, or text such as 10m or 1h30m")
    return seconds


Seconds = Annotated[float, BeforeValidator(_seconds), AfterValidator(_bearable)]
"""A duration in seconds, ten years at most; text such as ``10m`` or ``1h30m`` is understood."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Installed: TypeAlias = Callable[[str], Collection[str]]
"""The names of plug-ins that are installed in a group: observers, renderers, assistants or hosts."""


def _known(name: str, built_in: Collection[str], group: str, info: ValidationInfo) -> str:
    """``name``, if it is built in or a plug-in of that name is installed."""
    if name in built_in:
        return name
    find: Installed | None = (info.context or {}).get("installed")
    names = sorted({*built_in, *(() if find is None else find(group))})
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    raise ValueError(f"unknown {name!r}; {hint} (plug-ins: entry points clockwork.{group})")


class SnapshotSettings(_Section):
    """Live state from a file, a URL or a command's output; exactly one of the three."""

    file: str | None = None
    url: str | None = None
    command: str | list[str] | None = None
    timeout: Seconds = 30

    @model_validator(mode="after")
    def _only_one(self) -> Self:
        if sum(value is not None for value in (self.file, self.url, self.command)) != 1:
            raise ValueError("give exactly one of file, url and command")
        return self


class DockerSettings(_Section):
    """A Docker or Podman engine. Without ``host``, DOCKER_HOST or the usual sockets are tried."""

    host: str | None = None
    timeout: Seconds = 20


class KubernetesSettings(_Section):
    """A cluster. Without ``kubeconfig``, KUBECONFIG, the default file or the pod's service account are tried."""

    kubeconfig: str | None = None
    context: str | None = None
    timeout: Seconds = 60


class TerraformSettings(_Section):
    """A Terraform root module inside the repository, planned with the ``terraform`` binary."""

    directory: str = "tf"
    binary: str = "terraform"
    timeout: Seconds = 600
    refresh_only: bool = False


class HttpProbeSettings(_Section):
    """One URL that should answer."""

    url: str
    task: str | None = None
    status: int = 200
    max_latency: Seconds | None = None
    body: str | None = None
    certificate_days: int | None = None
    timeout: Seconds = 10


class ObserveSettings(_Section):
    """Who reads live state. None of them is needed when ``--live`` is given."""

    snapshot: SnapshotSettings | None = None
    docker: DockerSettings | None = None
    kubernetes: KubernetesSettings | None = None
    terraform: TerraformSettings | None = None
    http: list[HttpProbeSettings] = []
    plugins: dict[str, dict[str, Any]] = {}
    """Entry point in the group ``clockwork.observers`` -> its options."""
    deadline: Seconds = 120

    @field_validator("plugins")
    @classmethod
    def _installed(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name in value:
            _known(name, (), "observers", info)
        return value


class HelmSettings(_Section):
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


class TargetSettings(_Section):
    """One place that a part of the repository is deployed to."""

    name: str
    path: str
    """A folder of the repository: a kustomization, a chart, where Flux begins, or plain files."""
    namespace: str = ""
    observe: ObserveSettings | None = None
    """Who looks at it; the repository's own observers without this."""
    values: list[str] = []
    """Values files of a chart, as repository paths, the later over the earlier."""
    release: str = ""
    """The release name of a chart; the target's name without this."""
    helm: HelmSettings | None = None
    """The cluster that its charts are rendered for; the repository's ``helm`` without this."""

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


class ClusterSettings(_Section):
    """A cluster that Argo CD deploys to, for the cluster generator of ApplicationSets."""

    name: str
    server: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ArgoSettings(_Section):
    """What the repository does not say of Argo CD."""

    clusters: list[ClusterSettings] = []


class FetchSettings(_Section):
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


class WindowSettings(_Section):
    """A time in which fixes are allowed or denied: a cron expression in a time zone, open for ``duration``."""

    name: str
    effect: Literal["allow", "deny"] = "deny"
    cron: str
    duration: Seconds
    timezone: str = "UTC"
    tasks: list[str] = ["*"]

    @field_validator("cron", "duration", "timezone")
    @classmethod
    def _makes_sense(cls, value: str | float, info: ValidationInfo) -> str | float:
        """The window as the limits read it, with this value and with others that are right: the value is to blame."""
        name = str(info.data.get("name", ""))
        right: dict[str, Any] = {"cron": "@daily", "duration": 3600.0, "timezone": "UTC", str(info.field_name): value}
        try:
            parse_window(name, kind="deny", cron=right["cron"], duration=right["duration"], zone=right["timezone"])
        except Invalid as exc:
            window = (
                exc.message if exc.message.startswith("change window") else f"change window {name!r}: {exc.message}"
            )
            raise ValueError(f"{window}; {exc.advice}" if exc.advice else window) from exc
        return value


class FixSettings(_Section):
    """How much may be changed without asking. Numbers count from the ledger, so restarts share one budget.

    0 is none at all; where null is possible it is no limit, except for ``max_removed_percent``, where 100 is.
    """

    level: FixLevel = FixLevel.MODERATE
    per_hour: Annotated[int, Field(ge=0, le=60)] = 2
    cooldown: Seconds = 600
    task_failures: Annotated[int, Field(ge=1)] = 3
    total_failures: Annotated[int, Field(ge=1)] = 10
    repository_per_hour: Annotated[int, Field(ge=0)] | None = 20
    severity_per_hour: dict[Severity, Annotated[int, Field(ge=0)]] = {}
    breaker_corrections: Annotated[int, Field(ge=1)] = 3
    breaker_window: Seconds = 86400
    proposals_per_hour: Annotated[int, Field(ge=0)] | None = 30
    windows: list[WindowSettings] = []
    max_removed: Annotated[int, Field(ge=0)] | None = 10
    max_removed_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """Without it 30 %, of more than three things; a share that is written here counts one thing too."""


class SourceSettings(_Section):
    """Which files declare something. Patterns are globs over repository paths; the default finds them by itself."""

    include: list[str] = ["**"]
    exclude: list[str] = []
    project: str | None = None
    variables: dict[str, str] = {}


class AssistantSettings(_Section):
    """One AI tool. ``command`` only for kind command; ``key_env`` names the environment variable of its API key.

    Any other ``kind`` is an entry point in the group ``clockwork.assistants``, which gets ``options`` alone.
    """

    kind: str
    options: dict[str, Any] = {}
    name: str | None = None
    command: list[str] | None = None
    base_url: str | None = None
    model: str | None = None
    key_env: str | None = None
    timeout: Seconds = 120
    confinement: Confinement = Confinement.REQUIRED
    """``required``: it runs behind a wall or not at all; ``best``: behind the best one there is; ``none``: as any program."""
    readable: list[str] = []
    """Files and folders of this machine that it may read beside its own program."""

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return _known(value, ASSISTANTS, "assistants", info)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.options and self.kind in ASSISTANTS:
            raise ValueError(f"options: goes with plug-ins, and kind: {self.kind} is none")
        if (self.kind == "command") != (self.command is not None):
            raise ValueError("command: goes with kind: command, and only with it")
        if self.kind == "openai" and (self.base_url is None or self.model is None):
            raise ValueError("kind: openai needs base_url and model")
        return self


class GuardSettings(_Section):
    """Guardrail checks on pull requests."""

    mode: Mode = Mode.STANDARD
    check: str = "clockwork/guardrails"
    assistants: list[AssistantSettings] = []
    agents: dict[str, str] = {}
    """Login or branch glob of an AI agent -> the name of its document in policies/guardrails/agents."""
    known_packages: list[str] = []
    rendered_comment: bool | None = None
    """``on`` keeps one comment on a pull request with what it changes in rendered objects; the check shows it anyway.
    Without a setting: on, but off in GitHub Actions."""


class SessionSettings(_Section):
    """Where guarded runs are recorded: a database URL, or ``git`` for the sessions ref in Git."""

    store: str = "git"
    keep_days: Annotated[int, Field(ge=1)] = 30


class WorkerSettings(_Section):
    """Background workers and how often they run."""

    analysis: bool = True
    metrics: bool = True
    export: bool = True
    cleanup: bool = True
    analysis_interval: Seconds = 300
    metrics_interval: Seconds = 60
    export_interval: Seconds = 600
    cleanup_interval: Seconds = 86400
    failure_modes: str = "AI_Failure_Modes.md"


class HostSettings(_Section):
    """What kind of code host the remote is on: ``github``, or an entry point in the group ``clockwork.hosts``."""

    kind: str = "github"
    options: dict[str, Any] = {}
    """For a plug-in; GitHub's own are in ``github``."""

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return _known(value, ("github",), "hosts", info)


class RendererSettings(_Section):
    """What makes artifacts of ``.cw`` files: ``forge``, or an entry point in the group ``clockwork.renderers``."""

    kind: str = "forge"
    options: dict[str, Any] = {}

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return _known(value, ("forge",), "renderers", info)


class GitHubSettings(_Section):
    """A repository on GitHub."""

    api_url: str | None = None
    """Without it: the GITHUB_API_URL of the environment, else the public API for a remote on github.com."""
    labels: list[str] = ["clockwork"]
    min_write_interval: Seconds = 1.0


class AuthorSettings(_Section):
    """Who the bot's commits are by, and how they are signed."""

    name: str = "Clockwork"
    email: str = "clockwork@users.noreply.github.com"
    signing: Literal["none", "ssh", "gpg", "github"] = "none"
    """``github``: the host makes the commits of branches itself, as the token's account, and signs them."""
    signing_key: str | None = None


class ManagerSettings(_Section):
    """Field managers of Kubernetes objects that are known here and not by their names everywhere."""

    people: list[str] = []
    deployers: list[str] = []
    controllers: list[str] = []


class DaemonSettings(_Section):
    """The long-running daemon."""

    interval: Seconds = 60
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8737


class Settings(_Section):
    """Everything in ``clockwork.yaml``."""

    version: Literal[1] = 1
    repository: str | None = None
    branch: str | None = None
    remote: str | None = None
    host: HostSettings = HostSettings()
    github: GitHubSettings = GitHubSettings()
    renderer: RendererSettings = RendererSettings()
    sources: SourceSettings = SourceSettings()
    observe: ObserveSettings = ObserveSettings()
    targets: list[TargetSettings] = []
    argo: ArgoSettings = ArgoSettings()
    fetch: FetchSettings = FetchSettings()
    helm: HelmSettings = HelmSettings()
    fixes: FixSettings = FixSettings()
    guard: GuardSettings = GuardSettings()
    sessions: SessionSettings = SessionSettings()
    workers: WorkerSettings = WorkerSettings()
    author: AuthorSettings = AuthorSettings()
    daemon: DaemonSettings = DaemonSettings()
    managers: ManagerSettings = ManagerSettings()
    ledger_ref: str = "refs/clockwork/ledger"
    ignores: str = ".clockwork/ignore.yaml"
    aggregated_roles: Literal["compare", "ignore"] = "compare"
    list_keys: dict[str, list[str]] = {}
    """``Kind.group:path`` of a custom resource's list -> the keys its elements are compared by."""

    @field_validator("targets")
    @classmethod
    def _told_apart(cls, value: list[TargetSettings]) -> list[TargetSettings]:
        names = [target.name for target in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the target {twice[0]!r} is named twice")
        return value

    @field_validator("repository")
    @classmethod
    def _full_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise ValueError("write it as owner/name")
        return value


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be shown. ``repr`` hides all of it."""

    token: str | None = field(default=None, repr=False)
    webhook: bytes | None = field(default=None, repr=False)
    marker: bytes | None = field(default=None, repr=False)


def secrets(environment: Mapping[str, str]) -> Secrets:
    """The secrets in the environment: CLOCKWORK_TOKEN (else GITHUB_TOKEN, GH_TOKEN), CLOCKWORK_WEBHOOK_SECRET and
    CLOCKWORK_SECRET (key of markers and of masked values).
    """
    token = next((environment[k] for k in ("CLOCKWORK_TOKEN", "GITHUB_TOKEN", "GH_TOKEN") if environment.get(k)), None)
    webhook, marker = environment.get("CLOCKWORK_WEBHOOK_SECRET"), environment.get("CLOCKWORK_SECRET")
    return Secrets(token, webhook.encode() if webhook else None, marker.encode() if marker else None)


def load(data: bytes | None, *, file: str = FILE, installed: Installed = lambda _group: ()) -> Settings:
    """Settings from the bytes of the file; None or an empty file gives the defaults. ``installed`` names plug-ins.

    Raises :class:`~bot.errors.Invalid` listing every mistake as ``file:line: key: what is wrong``.
    """
    if not data or not data.strip():
        return Settings()
    document = read_document(data, file, not_yaml="not YAML")
    if document.value is None:
        return Settings()
    if not isinstance(document.value, dict):
        raise Invalid(f"{file}:1: settings are a mapping of keys to values, not {type(document.value).__name__}")
    try:
        return Settings.model_validate(document.value, context={"installed": installed})
    except ValidationError as exc:
        mistakes = [_explain(error, document) for error in exc.errors(include_url=False, include_input=False)]
        raise Invalid("\n".join(mistakes), advice="Fix the file. Nothing was changed.") from exc


def _explain(error: ErrorDetails, document: Document) -> str:
    keys = error["loc"]
    shown = ".".join(str(key) for key in keys)
    where = f"{document.file}:{document.line(keys)}"
    if error["type"] == "extra_forbidden":
        known = _keys_at(keys[:-1])
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        return f"{where}: unknown setting {shown!r}; {hint}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {shown or 'settings'}: {message}"


def _keys_at(keys: Sequence[object]) -> list[str]:
    """The keys that the section at ``keys`` knows."""
    model: type[BaseModel] = Settings
    for key in keys:
        if not isinstance(key, str) or key not in model.model_fields:
            continue
        inner = _section(model.model_fields[key].annotation)
        if inner is not None:
            model = inner
    return list(model.model_fields)


def _section(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (section := _section(inner)) is not None:
            return section
    return None
