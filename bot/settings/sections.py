"""The sections of ``clockwork.yaml``, each with its defaults and what they mean."""

from __future__ import annotations

import posixpath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot.errors import Invalid
from bot.model.accounts import ACCOUNT, REVIEWER
from bot.model.choices import ASSISTANTS, Confinement, FixLevel, Join, Mode
from bot.model.patterns import regex
from bot.model.severity import Severity
from bot.settings.values import Seconds, Section, installed_kind, seconds_of

_PREFIX: Final = regex(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*[/-]")


class WindowSettings(Section):
    """A time in which fixes are allowed or denied: a cron expression in a time zone, open for ``duration``."""

    name: str
    """What denials call it."""
    effect: Literal["allow", "deny"] = "deny"
    """Whether fixes are allowed only then, or denied then."""
    cron: str
    """When it opens: five fields, or ``@daily``."""
    duration: Seconds
    """How long it stays open."""
    timezone: str = "UTC"
    """An IANA name such as Europe/Berlin."""
    tasks: list[str] = ["*"]
    """Tasks that it is about, as globs such as ``prod/Deployment/pay/*``."""

    @field_validator("cron", "duration", "timezone")
    @classmethod
    def _makes_sense(cls, value: str | float, info: ValidationInfo) -> str | float:
        """The window as the limits read it, with this value and with others that are right: the value is to blame."""
        from bot.safety.windows import parse_window

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


class FixSettings(Section):
    """How much may be changed without asking. Numbers count from the ledger, so restarts share one budget.

    0 is none at all; where null is possible it is no limit, except for ``max_removed_percent``, where 100 is.
    """

    level: FixLevel = FixLevel.CONSERVATIVE
    """What is committed without asking; ``clockwork policy show`` prints its rules."""
    per_hour: Annotated[int, Field(ge=0, le=60)] = 2
    """Automatic commits for one task in any 60 minutes."""
    cooldown: Seconds = 600
    """The pause of a task after each."""
    task_failures: Annotated[int, Field(ge=1)] = 3
    """Failures in a row after which a task stops until it is resumed."""
    total_failures: Annotated[int, Field(ge=1)] = 10
    """Failures after which everything stops until it is resumed."""
    repository_per_hour: Annotated[int, Field(ge=0)] | None = 20
    """Automatic commits for all tasks together in any 60 minutes."""
    severity_per_hour: dict[Severity, Annotated[int, Field(ge=0)]] = {}
    """The same for the differences of one severity."""
    breaker_corrections: Annotated[int, Field(ge=1)] = 3
    """Corrections of one value after which it is left alone and an issue asks why it comes back."""
    breaker_window: Seconds = 86400
    """The time in which those are counted."""
    proposals_per_hour: Annotated[int, Field(ge=0)] | None = 30
    """New pull requests and issues in any 60 minutes."""
    pull_requests_per_hour: Annotated[int, Field(ge=0)] | None = 2
    """How many pull requests are opened at most; the worst first, the others when there is room."""
    open_pull_requests: Annotated[int, Field(ge=0)] | None = 10
    """While so many are open, no other is opened."""
    joined_from: Annotated[int, Field(ge=2)] | None = 3
    """From so many objects on, there is one pull request, or one issue, for all of them; null: never."""
    join: Join = Join.CHANGE
    """Which objects share a pull request: those with the same ``change`` of the same field, or all of one ``target``, of one
    ``folder`` of files, or of the same ``owner`` in CODEOWNERS. Issues are shared by objects with the same difference.
    """
    windows: list[WindowSettings] = []
    """Times in which fixes are allowed or denied."""
    max_removed: Annotated[int, Field(ge=0)] | None = 10
    """A run that would remove more things stops and asks."""
    max_removed_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """Without it 30 %, of more than three things; a share that is written here counts one thing too."""

    @model_validator(mode="before")
    @classmethod
    def _unlimited(cls, value: object) -> object:
        """Whoever wants proposals without limit wants pull requests so, unless their own numbers are given."""
        if isinstance(value, dict) and "proposals_per_hour" in value and value["proposals_per_hour"] is None:
            return {"pull_requests_per_hour": None, "open_pull_requests": None, **value}
        return value


class SourceSettings(Section):
    """Which files declare something. Patterns are globs over repository paths; the default finds them by itself."""

    include: list[str] = ["**"]
    """Files that count."""
    exclude: list[str] = []
    """Files that do not count."""
    project: str | None = None
    """The Compose project; the repository's name otherwise."""
    variables: dict[str, str] = {}
    """Values of ``.cw`` variables."""


class ComposeSettings(Section):
    """One Compose project whose files are not those that ``docker compose`` would find by itself.

    ``files`` and ``env_files`` are paths of the repository, in the order of ``-f`` and ``--env-file``; relative paths in them
    start from the folder of the first file. Without ``profiles`` those of ``COMPOSE_PROFILES`` count.
    """

    files: Annotated[list[str], Field(min_length=1)]
    """Its files, in the order of ``-f``."""
    profiles: list[str] | None = None
    """The profiles that are switched on; those of ``COMPOSE_PROFILES`` otherwise."""
    env_files: list[str] | None = None
    """The files that fill in variables, in the order of ``--env-file``; ``.env`` otherwise."""
    name: str | None = None
    """What the project is called."""

    @field_validator("files", "env_files")
    @classmethod
    def _inside(cls, value: list[str] | None) -> list[str] | None:
        for path in value or ():
            if path != posixpath.normpath(path) or path.startswith(("/", "../")):
                raise ValueError(f"{path!r} is no path of the repository")
        return value


class AssistantSettings(Section):
    """One AI tool. ``command`` only for kind command; ``key_env`` names the environment variable of its API key.

    Any other ``kind`` is an entry point in the group ``clockwork.assistants``, which gets ``options`` alone.
    """

    kind: str
    """claude, codex, gemini, copilot, openai, command, or a plug-in."""
    options: dict[str, Any] = {}
    """For a plug-in."""
    name: str | None = None
    """What findings call it; its kind otherwise."""
    command: list[str] | None = None
    """Program and arguments; the prompt is on standard input, JSON findings on standard output."""
    base_url: str | None = None
    """The address of an API like OpenAI's."""
    model: str | None = None
    """The model that is asked."""
    key_env: str | None = None
    """The environment variable that holds its API key."""
    timeout: Seconds = 120
    """For its whole answer."""
    reviews: bool = True
    """Whether it adds findings to pull requests; one that does not is only asked by name (``clockwork guard run``)."""
    required: bool = False
    """Whether strict blocks a change on which it gives no usable answer; without, that is told and blocks nothing."""
    confinement: Confinement = Confinement.REQUIRED
    """``required``: it runs behind a wall or not at all; ``best``: behind the best one there is; ``none``: as any program."""
    readable: list[str] = []
    """Files and folders of this machine that it may read beside its own program."""

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return installed_kind(value, ASSISTANTS, "assistants", info)

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        if self.options and self.kind in ASSISTANTS:
            raise ValueError(f"options: goes with plug-ins, and kind: {self.kind} is none")
        if (self.kind == "command") != (self.command is not None):
            raise ValueError("command: goes with kind: command, and only with it")
        if self.kind == "openai" and (self.base_url is None or self.model is None):
            raise ValueError("kind: openai needs base_url and model")
        return self


class GuardSettings(Section):
    """Guardrail checks on pull requests."""

    mode: Mode = Mode.STANDARD
    """``standard`` reports; with ``strict`` critical findings fail the check."""
    check: str = "clockwork/guardrails"
    """The name of the check on pull requests."""
    assistants: list[AssistantSettings] = []
    """AI tools that add findings; they can neither remove one nor block."""
    agents: dict[str, str] = {}
    """Login or branch glob of an AI agent -> the name of its document in policies/guardrails/agents."""
    known_packages: list[str] = []
    """Names of private packages, so that they do not count as unknown."""
    public_ports: list[Annotated[int, Field(ge=0, le=65535)]] = []
    """Ports that may be open to the world."""
    large_delete: Annotated[int, Field(ge=1)] = 200
    """So many lines taken from one file are worth a word."""
    generated: list[str] = []
    """Globs of files that tools write; what ``.gitattributes`` marks as linguist-generated or -vendored is known."""
    largest_file: Annotated[int, Field(ge=1000, le=20_000_000)] = 20_000_000
    """Bytes of a file that are read; a larger one is not analysed."""
    rendered_comment: bool | None = None
    """``on`` keeps one comment on a pull request with what it changes in rendered objects; the check shows it anyway.
    Without a setting: on, but off in GitHub Actions."""


class SessionSettings(Section):
    """Where guarded runs are recorded: a database URL, or ``git`` for the sessions ref in Git."""

    store: str = "git"
    """``git``, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``."""
    keep_days: Annotated[int, Field(ge=1)] = 30
    """How many days runs are kept."""


class WorkerSettings(Section):
    """Background workers and how often they run."""

    analysis: bool = True
    """Whether trends and spikes are looked for."""
    metrics: bool = True
    """Whether runs are counted."""
    export: bool = True
    """Whether the failure modes are written."""
    cleanup: bool = True
    """Whether old runs are forgotten and logs rotated."""
    analysis_interval: Seconds = 300
    """How often ``analysis`` runs."""
    metrics_interval: Seconds = 60
    """How often ``metrics`` runs."""
    export_interval: Seconds = 600
    """How often ``export`` runs."""
    cleanup_interval: Seconds = 86400
    """How often ``cleanup`` runs."""
    failure_modes: str = "AI_Failure_Modes.md"
    """The file that ``export`` writes."""
    logs: list[str] = []
    """Log files on this machine (or globs) that the cleanup rotates; those of the workers and the daemon need no mention."""
    log_bytes: Annotated[int, Field(ge=4096)] = 10 * 1024 * 1024
    """A log file is rotated at that size, in bytes."""
    log_files: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many old log files are kept."""

    @field_validator("logs")
    @classmethod
    def _are_logs(cls, value: list[str]) -> list[str]:
        """A file that is emptied must be meant to be: its whole path is written, and it is called a log."""
        for path in value:
            if not path.startswith(("/", "~/")) or not path.endswith((".log", ".jsonl")):
                raise ValueError(f"{path!r} is not the whole path of a file whose name ends in .log or .jsonl")
        return value


class HostSettings(Section):
    """What kind of code host the remote is on: ``github``, or an entry point in the group ``clockwork.hosts``."""

    kind: str = "github"
    """``github``, or a plug-in."""
    options: dict[str, Any] = {}
    """For a plug-in; GitHub's own are in ``github``."""

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return installed_kind(value, ("github",), "hosts", info)


class RendererSettings(Section):
    """What makes artifacts of ``.cw`` files: ``forge``, or an entry point in the group ``clockwork.renderers``."""

    kind: str = "forge"
    """``forge``, or a plug-in."""
    options: dict[str, Any] = {}
    """For a plug-in."""

    @field_validator("kind")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        return installed_kind(value, ("forge",), "renderers", info)


class AppSettings(Section):
    """A GitHub App: its id (or client id), the environment variable that holds its private key (PEM), and its installation.

    Without ``installation`` the app is asked where it is installed.
    """

    id: int | str
    """The app's id, or its client id."""
    private_key_env: str = "CLOCKWORK_APP_PRIVATE_KEY"
    """The environment variable that holds its private key (PEM)."""
    installation: int | None = None
    """The installation's id; the app is asked where it is missing."""


class GitHubSettings(Section):
    """A repository on GitHub."""

    api_url: str | None = None
    """Without it: the GITHUB_API_URL of the environment, else the public API for a remote on github.com."""
    labels: list[str] = ["clockwork"]
    """Labels on every pull request and issue of ours."""
    min_write_interval: Seconds = 1.0
    """The pause between two writes."""
    branch_prefix: str = "clockwork/"
    """What the names of our branches begin with. Git keeps a branch ``a`` and a branch ``a/b`` apart by refusing one."""
    dashboard: bool = False
    """Keep one issue that says what differs, what waits for whom, what is held back and until when, with check boxes."""
    assignees: list[Annotated[str, Field(pattern=ACCOUNT)]] = []
    """Logins whom every new pull request and issue is assigned to; a rule may name others beside them."""
    reviewers: list[Annotated[str, Field(pattern=REVIEWER)]] = []
    """Logins, or ``org/team``, who are asked to review every new pull request."""
    assign_owners: bool = False
    """Assign issues to those whom CODEOWNERS names for the file. Of pull requests GitHub asks them by itself."""
    app: AppSettings | None = None
    """Act as a GitHub App instead of by a token."""

    @field_validator("branch_prefix")
    @classmethod
    def _begins_a_branch(cls, value: str) -> str:
        if not _PREFIX.fullmatch(value):
            raise ValueError(f"{value!r}: write words with letters, digits, '.', '_' and '-' that end in '/' or '-'")
        return value


class AuthorSettings(Section):
    """Who the bot's commits are by, and how they are signed."""

    name: str = "Clockwork"
    """The author's name."""
    email: str = "clockwork@users.noreply.github.com"
    """The author's address."""
    signing: Literal["none", "ssh", "gpg", "github"] = "none"
    """``github``: the host makes the commits of branches itself, as the token's account, and signs them."""
    signing_key: str | None = None
    """The key file for ``ssh``, the key's id for ``gpg``."""


class ManagerSettings(Section):
    """Field managers of Kubernetes objects that are known here and not by their names everywhere."""

    people: list[str] = []
    """Managers that are people: what they write is drift."""
    deployers: list[str] = []
    """Managers that apply what Git says."""
    controllers: list[str] = []
    """Managers whose additions are their own, and no drift."""


class DaemonSettings(Section):
    """The long-running daemon. ``interval`` is the former name of ``check_interval`` and still understood."""

    check_interval: Seconds = 60
    """How often the branch, the ledger, open items, pull requests and comments are looked at."""
    drift_interval: Seconds = 300
    """How often live state is read even if none of those changed."""
    step_timeout: Seconds = 300
    """How long one step of a run (reading live state, planning, judging a pull request …) may take."""
    stop_timeout: Seconds = 60
    """How long a stopping daemon may take to finish what it is writing."""
    watch_paths: list[str] = []
    """Checkouts on this machine that are compared as they lie when a file in them changes."""
    host: str = "127.0.0.1"
    """The address that its API listens on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8737
    """The port; 0 takes a free one."""
    state: str | None = None
    """The folder for pid, log and what else the daemon keeps on this machine."""
    log_bytes: Annotated[int, Field(ge=4096)] = 10 * 1024 * 1024
    """The log is rotated at that size, in bytes."""
    log_files: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many old log files are kept."""

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, value: object) -> object:
        if not isinstance(value, dict) or "interval" not in value:
            return value
        if "check_interval" in value:
            raise ValueError("interval is the former name of check_interval: give one of them")
        former = {("check_interval" if key == "interval" else key): item for key, item in value.items()}
        seconds = seconds_of(value["interval"])
        # Whoever asked for one look an hour had no other interval: reading live state is not made more frequent.
        if isinstance(seconds, int | float) and seconds > cls.model_fields["drift_interval"].default:
            former.setdefault("drift_interval", seconds)
        return former
