"""The sandbox's rows as values: what the SQLite file holds, one frozen class per table.

Times are text as GitHub prints them (``2024-05-01T12:00:00Z``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class IdentifiedRow:
    """A row that is known by its id."""

    id: int


RowT = TypeVar("RowT", bound=IdentifiedRow)
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class UserRow(IdentifiedRow):
    """An account. ``kind`` is User, Bot or Organization.

    ``admin`` may do everything everywhere; ``checks`` may write check runs; ``installation`` tokens get 403 from
    ``GET /user``, as GitHub App and Actions tokens do.
    """

    login: str
    kind: str
    admin: bool
    checks: bool
    installation: bool
    created_at: str


@dataclass(frozen=True, slots=True)
class RepositoryRow(IdentifiedRow):
    """One repository; its objects and refs are a bare repository on disk.

    ``auto_merge`` and ``actions_propose`` are the switches "Allow auto-merge" and "Allow GitHub Actions to create and
    approve pull requests" of its settings; ``parent_id`` is what it is a fork of.
    """

    owner: str
    name: str
    private: bool
    default_branch: str
    description: str
    created_at: str
    updated_at: str
    pushed_at: str
    has_issues: bool
    archived: bool
    auto_merge: bool
    actions_propose: bool
    parent_id: int | None

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token by its digest. ``permissions`` is a JSON object of names to read or write, None for all that its account may."""

    digest: str
    user_id: int
    expires_at: str | None
    permissions: str | None


@dataclass(frozen=True, slots=True)
class AppRow(IdentifiedRow):
    """An app: the account that it acts as, and the PEM of the key that its JSON Web Tokens are checked with."""

    user_id: int
    public_key: str


@dataclass(frozen=True, slots=True)
class InstallationRow(IdentifiedRow):
    """Where an app is installed: all repositories of ``owner``, of everybody where that is empty."""

    app_id: int
    owner: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """What a token of an installation reaches: a JSON list of repository ids, None for all that the installation does."""

    digest: str
    installation_id: int
    repositories: str | None


@dataclass(frozen=True, slots=True)
class RuleRow(IdentifiedRow):
    """What is asked of branches whose name matches ``pattern``. ``source`` is protection or ruleset.

    ``checks`` are contexts, one a line; ``bypass`` logins, comma-separated. ``locked``, ``creation``, ``deletion`` and
    ``rewrite`` say that nobody may do that to the branch.
    """

    repo_id: int
    source: str
    name: str
    pattern: str
    pull_request: bool
    checks: str
    strict: bool
    locked: bool
    creation: bool
    deletion: bool
    rewrite: bool
    queue: bool
    bypass: str


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """A pull request in the merge queue, and the commit that its checks are asked for."""

    issue_id: int
    actor_id: int
    head_ref: str
    head_sha: str
    base_sha: str


@dataclass(frozen=True, slots=True)
class IssueRow(IdentifiedRow):
    """An issue, or the issue half of a pull request (``is_pull``)."""

    repo_id: int
    number: int
    is_pull: bool
    title: str
    body: str | None
    state: str
    state_reason: str | None
    author_id: int
    created_at: str
    updated_at: str
    closed_at: str | None
    closed_by_id: int | None


@dataclass(frozen=True, slots=True)
class BodyEditRow(IdentifiedRow):
    """One edit of the body of an issue or pull request: ``body`` is what it said then."""

    issue_id: int
    editor_id: int
    body: str
    edited_at: str


@dataclass(frozen=True, slots=True)
class PullRow:
    """The pull half of a pull request. ``base_sha`` and ``head_sha`` stop moving once it is closed."""

    issue_id: int
    base_ref: str
    base_sha: str
    head_repo_id: int
    head_ref: str
    head_sha: str
    draft: bool
    merged_at: str | None
    merged_by_id: int | None
    merge_sha: str | None
    auto_merge_by_id: int | None
    auto_merge_method: str | None


@dataclass(frozen=True, slots=True)
class LabelRow(IdentifiedRow):
    """A label of one repository. ``color`` is six hex digits."""

    repo_id: int
    name: str
    color: str
    description: str | None


@dataclass(frozen=True, slots=True)
class CommentRow(IdentifiedRow):
    """A comment on an issue or pull request."""

    repo_id: int
    issue_id: int
    author_id: int
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class ReactionRow(IdentifiedRow):
    """An emoji on an issue (``subject`` issue) or comment (``subject`` comment)."""

    subject: str
    subject_id: int
    user_id: int
    content: str
    created_at: str


@dataclass(frozen=True, slots=True)
class EventRow(IdentifiedRow):
    """Something that happened to an issue: closed, reopened, merged, labeled, unlabeled."""

    issue_id: int
    actor_id: int
    event: str
    detail: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class StatusRow(IdentifiedRow):
    """A commit status; the newest one per context counts."""

    repo_id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator_id: int
    created_at: str


@dataclass(frozen=True, slots=True)
class CheckRunRow(IdentifiedRow):
    """A check run. ``conclusion`` is None until ``status`` is completed."""

    repo_id: int
    suite_id: int
    head_sha: str
    name: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    started_at: str | None
    completed_at: str | None
    title: str | None
    summary: str | None
    text: str | None
    creator_id: int


@dataclass(frozen=True, slots=True)
class AnnotationRow(IdentifiedRow):
    """What a check run says about lines of a file."""

    check_run_id: int
    path: str
    start_line: int
    end_line: int
    start_column: int | None
    end_column: int | None
    annotation_level: str
    message: str
    title: str | None
    raw_details: str | None


@dataclass(frozen=True, slots=True)
class HookRow(IdentifiedRow):
    """A registered webhook. ``events`` is a comma-separated list, ``*`` for all."""

    repo_id: int
    url: str
    secret: str
    events: str
    active: bool
    created_at: str

    def wants(self, event: str) -> bool:
        """Whether this hook takes deliveries of ``event``."""
        return self.active and (self.events == "*" or event in self.events.split(",") or event == "ping")

    def __repr__(self) -> str:
        return f"Hook(id={self.id}, url={self.url!r}, events={self.events!r})"


@dataclass(frozen=True, slots=True)
class DeliveryRow(IdentifiedRow):
    """One delivery. ``status_code`` is 0 while it waits, and -1 when nothing answered or it was lost on purpose."""

    hook_id: int
    guid: str
    event: str
    action: str | None
    payload: str
    status_code: int
    delivered_at: str
    redelivery: bool


@dataclass(frozen=True, slots=True)
class DeploymentRow(IdentifiedRow):
    """A deployment of a commit. ``payload`` is JSON."""

    repo_id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str
    payload: str
    creator_id: int
    created_at: str


@dataclass(frozen=True, slots=True)
class DeploymentStatusRow(IdentifiedRow):
    """How a deployment is since a moment."""

    deployment_id: int
    state: str
    description: str
    environment: str
    log_url: str
    environment_url: str
    creator_id: int
    created_at: str
