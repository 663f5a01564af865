"""GitHub's JSON to values of the model. Pure.

Only the fields that Clockwork uses are read, and unknown ones are ignored: the shapes are GitHub's to extend. A reply that
lacks what it must have is ``Unavailable`` (some proxy answered, or the service is ill), never a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, TypeVar

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import Unavailable
from bot.github import marker as markers
from bot.github.marker import SignedMarker
from bot.model.codehost import Comment, Issue, ItemState, Marker, PullRequest, Whoami

_M = TypeVar("_M", bound=BaseModel)
_GHOST: Final = "ghost"
"""Whom GitHub shows as the author of what deleted accounts wrote (docs.github.com, "Deleting your personal account")."""


class PayloadPart(BaseModel):
    """A piece of GitHub's JSON: only what is named here is read, each field from its place further inside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class UserPart(PayloadPart):
    """An account; a deleted one is :data:`_GHOST`."""

    login: str = _GHOST
    id: int | None = None
    type: str = "User"


_Author = Annotated[UserPart, BeforeValidator(lambda user: user or UserPart())]


class LabelPart(PayloadPart):
    """A label on an item."""

    name: str = ""


class ItemPart(PayloadPart):
    """An issue, or a pull request seen through the issues API, which tells no branches and commits."""

    number: int
    node_id: str = ""
    html_url: str = Field(validation_alias=AliasChoices(AliasPath("pull_request", "html_url"), "html_url"))
    state: str
    title: str
    body: str | None = None
    user: _Author = UserPart()
    labels: list[LabelPart | str] = []
    updated_at: datetime | None = None
    closed_by: UserPart | None = None
    pull_request: object = None
    merged_at: datetime | None = Field(
        None, validation_alias=AliasChoices("merged_at", AliasPath("pull_request", "merged_at"))
    )
    draft: bool | None = False
    head_ref: str = ""
    head_sha: str = ""
    base_ref: str = ""
    base_sha: str = ""
    head_name: str | None = None

    @property
    def forked(self) -> bool:
        """The issues API does not tell."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(label if isinstance(label, str) else label.name for label in self.labels)


class PullPart(ItemPart):
    """A pull request with its branches."""

    head_ref: str = Field(validation_alias=AliasPath("head", "ref"))
    head_sha: str = Field(validation_alias=AliasPath("head", "sha"))
    base_ref: str = Field(validation_alias=AliasPath("base", "ref"))
    base_sha: str = Field(validation_alias=AliasPath("base", "sha"))
    head_repository: int | None = Field(None, validation_alias=AliasPath("head", "repo", "id"))
    base_repository: int | None = Field(None, validation_alias=AliasPath("base", "repo", "id"))
    head_name: str | None = Field(None, validation_alias=AliasPath("head", "repo", "full_name"))
    base_name: str | None = Field(None, validation_alias=AliasPath("base", "repo", "full_name"))

    @property
    def forked(self) -> bool:
        """Whether the head is in another repository, or in one that is gone."""
        return self.head_repository != self.base_repository


class CommentPart(PayloadPart):
    """A comment."""

    id: int
    body: str | None = None
    user: _Author = UserPart()
    created_at: datetime


class DeploymentPart(PayloadPart):
    """A deployment."""

    id: int


class DeploymentStatusPart(PayloadPart):
    """How a deployment is."""

    state: str = ""
    description: str | None = ""


class CheckRunPart(PayloadPart):
    """A check run."""

    id: int
    name: str = ""
    status: str = ""
    conclusion: str | None = None
    external_id: str | None = None
    html_url: str | None = None
    annotations: int = Field(0, validation_alias=AliasPath("output", "annotations_count"))
    """How many of them are there already."""


class CheckRunsPart(PayloadPart):
    """A list of check runs."""

    check_runs: list[CheckRunPart] = []


class StatusPart(PayloadPart):
    """A commit status."""

    id: int
    context: str = ""
    state: str = ""
    description: str | None = None
    url: str = ""


class RepositoryPart(PayloadPart):
    """A repository with the switches of its settings."""

    id: int
    full_name: str
    has_issues: bool = True
    archived: bool = False
    allow_auto_merge: bool = False
    """Told to those alone who may push."""


class ViewerPart(PayloadPart):
    """The account behind a token, as GraphQL names it."""

    login: str | None = Field(None, validation_alias=AliasPath("data", "viewer", "login"))
    id: int | None = Field(None, validation_alias=AliasPath("data", "viewer", "databaseId"))


class EditorPart(PayloadPart):
    """Whoever made an edit, as GraphQL names them: an app without the ``[bot]`` behind its name in REST."""

    kind: str = Field("User", validation_alias="__typename")
    login: str = _GHOST
    id: int | None = Field(None, validation_alias="databaseId")

    @property
    def user(self) -> UserPart:
        """The account as REST names it."""
        suffix = "[bot]" if self.kind == "Bot" and not self.login.endswith("[bot]") else ""
        return UserPart(login=f"{self.login}{suffix}", id=self.id, type=self.kind)


class EditPart(PayloadPart):
    """One edit of a body. ``diff`` is the whole text after it, None where somebody deleted it from the history."""

    at: datetime = Field(validation_alias="editedAt")
    diff: str | None = None
    editor: Annotated[EditorPart, BeforeValidator(lambda editor: editor or EditorPart())] = EditorPart()


class EditsPart(PayloadPart):
    """The edits of an issue's body."""

    edits: list[EditPart] | None = Field(None, validation_alias=AliasPath("data", "node", "userContentEdits", "nodes"))


class PermissionPart(PayloadPart):
    """What a user may do. ``permission`` maps maintain to write and triage to read."""

    permission: str = "none"
    role_name: str = ""


class ParentPart(PayloadPart):
    """A commit by its id alone."""

    sha: str


class CommitPart(PayloadPart):
    """One commit of a list."""

    sha: str
    message: str = Field("", validation_alias=AliasPath("commit", "message"))
    parents: list[ParentPart] = []


class MutationErrorPart(PayloadPart):
    """One GraphQL error; some have no type."""

    type: str | None = None


class MutationReplyPart(PayloadPart):
    """The reply to ``createCommitOnBranch``: the id of the commit that was made, or what is wrong."""

    oid: str | None = Field(None, validation_alias=AliasPath("data", "createCommitOnBranch", "commit", "oid"))
    errors: list[MutationErrorPart] = []


def read(model: type[_M], data: object) -> _M:
    """``data`` as ``model``."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise Unavailable(f"GitHub's reply makes no sense: {first_error(exc)}") from exc


def first_error(error: ValidationError) -> str:
    """Which field is wrong and why, without what it holds: that may be hostile, or a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'body'}: {first['msg']}"


def read_all(model: type[_M], data: Sequence[object]) -> list[_M]:
    """Every element of ``data`` as ``model``."""
    return [read(model, element) for element in data]


@dataclass(frozen=True, slots=True)
class MarkerCodec:
    """Knows which bodies are ours: the marker verifies *and* the author is us."""

    repository: str
    secret: bytes
    account: Callable[[], Whoami]
    """Who we are, asked where a body has a marker at all."""

    @property
    def me(self) -> Whoami:
        """The account behind our token."""
        return self.account()

    def is_me(self, user: UserPart | None) -> bool:
        """Whether ``user`` is the account behind our token. Ids decide where known: names can be given away."""
        if user is None:
            return False
        me = self.me
        return user.id == me.id if me.id and user.id else user.login.casefold() == me.login.casefold()

    def read(self, body: str | None, author: UserPart | None) -> SignedMarker | None:
        """The marker of a body; None when it is not ours."""
        signed = markers.read(body, repository=self.repository, secret=self.secret)
        return signed if signed is not None and self.is_me(author) else None

    def claimed(self, body: str | None, author: UserPart | None) -> Marker | None:
        """What a body of our account says to be about, also under another signature."""
        claim = markers.claimed(body)
        return claim if claim is not None and self.is_me(author) else None

    def attach(self, marker: Marker, body: str, *, closed: bool = False) -> str:
        """``body`` below its signed marker."""
        return markers.attach(marker, body, repository=self.repository, secret=self.secret, closed=closed)


def issue(part: ItemPart, codec: MarkerCodec) -> Issue:
    """An issue."""
    signed = codec.read(part.body, part.user)
    return Issue(
        number=part.number,
        url=part.html_url,
        state=ItemState.OPEN if part.state == "open" else ItemState.CLOSED,
        title=part.title,
        body=markers.without(part.body),
        author=part.user.login,
        labels=part.names,
        marker=signed.marker if signed else None,
        updated_at=part.updated_at,
        closed_by_us=_closed_by_us(part, signed, codec),
        node=part.node_id,
        claim=codec.claimed(part.body, part.user),
    )


def pull(part: ItemPart, codec: MarkerCodec) -> PullRequest:
    """A pull request; as far as the issues list tells, it is without branches and commits (those texts are empty)."""
    signed = codec.read(part.body, part.user)
    closed = ItemState.CLOSED if part.merged_at is None else ItemState.MERGED
    return PullRequest(
        number=part.number,
        url=part.html_url,
        state=ItemState.OPEN if part.state == "open" else closed,
        title=part.title,
        body=markers.without(part.body),
        author=part.user.login,
        author_id=part.user.id,
        base_ref=part.base_ref,
        base_sha=part.base_sha,
        head_ref=part.head_ref,
        head_sha=part.head_sha,
        labels=part.names,
        marker=signed.marker if signed else None,
        closed_by_us=_closed_by_us(part, signed, codec),
        updated_at=part.updated_at,
        draft=bool(part.draft),
        node=part.node_id,
        claim=codec.claimed(part.body, part.user),
        forked=part.forked,
        head_repository=part.head_name or "",
    )


def comment(part: CommentPart, codec: MarkerCodec) -> Comment:
    """A comment."""
    signed = codec.read(part.body, part.user)
    return Comment(
        id=part.id,
        author=part.user.login,
        author_id=part.user.id,
        body=markers.without(part.body),
        created_at=part.created_at,
        marker=signed.marker if signed else None,
        claim=codec.claimed(part.body, part.user),
    )


def _closed_by_us(part: ItemPart, signed: SignedMarker | None, codec: MarkerCodec) -> bool:
    """The issues API names who closed an item, the pulls API does not: there the marker says it."""
    return part.state != "open" and ((signed is not None and signed.closed) or codec.is_me(part.closed_by))
