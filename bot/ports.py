"""The contracts between flows and the outside. Flows know these and the model; adapters satisfy them; wiring joins both.

Every method may raise the errors of :mod:`bot.errors`; what a method raises beyond ``Unavailable`` is said there.
Times are timezone-aware UTC, durations are seconds, shas are 40 hex digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from bot.assembly.config import Config
    from bot.edits.overlays import OverlayEntry, Overlays
    from bot.errors import BotError
    from bot.model.action import Evidence, Health, Work
    from bot.model.cluster import ServedApi
    from bot.model.codehost import (
        BodyEdit,
        Check,
        Comment,
        CommitDraft,
        DeploymentNote,
        HostFacts,
        HostRights,
        Issue,
        Marker,
        PublishedCheck,
        PullRequest,
        Whoami,
    )
    from bot.model.decision import Attention
    from bot.model.event import Event
    from bot.model.figures import Figures
    from bot.model.filetree import FileTree
    from bot.model.finding import FileChange
    from bot.model.guarded import Assignment, Draft
    from bot.model.ledger import Entry, LedgerView
    from bot.model.notice import Announcement, Delivery
    from bot.model.observation import Observation
    from bot.model.requests import RequestsLeft
    from bot.model.resource import Desired, Platform
    from bot.model.session import Prompt, Reply, Session
    from bot.model.target import Rendering, Unit
    from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest


class Clock(Protocol):
    """Time as an argument. One ``now`` per tick."""

    def now(self) -> datetime:
        """The current time, timezone-aware UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after about ``seconds`` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """Who a commit is by."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One blob of a commit: repository path with forward slashes, blob id, git mode."""

    path: str
    blob: str
    mode: int


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """One commit's header. ``at`` is the committer time in UTC."""

    sha: str
    parents: tuple[str, ...]
    message: str
    author: Signature
    committer: Signature
    at: datetime


@dataclass(frozen=True, slots=True)
class BranchMove:
    """One branch that is to go from ``expected`` (None: absent) to ``commit``."""

    branch: str
    commit: str
    expected: str | None


class Repository(Protocol):
    """One Git repository without a work tree (a bare clone of a remote, or a local folder read-only)."""

    def fetch(self) -> None:
        """Bring all refs up to date with the remote."""
        ...

    def head(self, branch: str) -> str | None:
        """The commit at the tip of the remote's ``branch`` as last fetched; None when there is no such branch."""
        ...

    def default_branch(self) -> str:
        """The remote's default branch."""
        ...

    def branches(self) -> Sequence[str]:
        """The names of the remote's branches as last fetched, sorted."""
        ...

    def entries(self, commit: str, under: str = "", *, suffixes: tuple[str, ...] = ()) -> Sequence[TreeEntry]:
        """All regular-file blobs of ``commit`` (no symlinks, no submodules) below ``under``, sorted by path; with
        ``suffixes`` only those whose path ends in one of them. The same object while the tree is the same.
        """
        ...

    def read(self, commit: str, path: str) -> bytes | None:
        """The bytes of one file at ``commit``; None when there is none."""
        ...

    def blob(self, blob: str) -> bytes:
        """The bytes of a blob id from :meth:`entries`."""
        ...

    def commit(
        self,
        parent: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        at: datetime,
        author: Signature | None = None,
    ) -> str:
        """A new commit on ``parent`` with ``changes`` (None deletes), not yet pushed. Modes of existing files are kept.

        Raises ``Refused`` for a path outside the repository, through a symlink or submodule, or under
        ``.github/workflows/``.
        """
        ...

    def check_writable(self, parent: str, paths: Iterable[str]) -> None:
        """Raise the ``Refused`` that :meth:`commit` on ``parent`` would raise for one of ``paths``. Writes nothing."""
        ...

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        """Move the remote's ``branch`` from ``expected`` (None: must not exist) to ``commit``; the commit it is at then.

        That is ``commit``, or one with its parent, files and message that the host made in its place to sign it.
        Without force where ``commit`` descends from ``expected``; otherwise with a lease on ``expected``. Raises
        ``Stale`` when the branch is elsewhere by now and ``Refused`` when the server's rules say no.
        """
        ...

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        """Move several branches as :meth:`push` moves one, at once where the remote can; of each what :meth:`push` returns,
        or the error that it raises.
        """
        ...

    def delete_branch(self, branch: str, *, expected: str) -> None:
        """Delete the remote's ``branch`` while it is still at ``expected``; ``Stale`` otherwise."""
        ...

    def links(self, commit: str, *, suffixes: tuple[str, ...] = ()) -> Sequence[str]:
        """The paths of the symbolic links of ``commit``, with ``suffixes`` those whose path ends in one of them, sorted."""
        ...

    def is_link(self, commit: str, path: str) -> bool:
        """Whether ``path`` is, or leads through, a symbolic link: nothing is read there."""
        ...

    def log(self, commit: str, *, limit: int, until: str | None = None) -> Sequence[CommitInfo]:
        """Up to ``limit`` commits from ``commit`` back along all parents, newest first, stopping before ``until``."""
        ...

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Whether ``ancestor`` is ``commit`` or one of its ancestors."""
        ...

    def merge_base(self, commit: str, other: str) -> str | None:
        """The best common ancestor, None when histories are unrelated."""
        ...

    def changed(self, base: str, head: str) -> Sequence[FileChange]:
        """The files that differ from ``base`` to ``head`` with renames found, sorted by path."""
        ...

    def resolve(self, name: str) -> str | None:
        """The commit a branch, tag, or abbreviated sha names; None when it names none."""
        ...


class AddingRepository(Protocol):
    """A repository that somebody asked to begin with this bot."""

    def commit_addition(self, parent: str, additions: Mapping[str, bytes], *, message: str, at: datetime) -> str:
        """A new commit on ``parent`` with files that are not there yet, not yet pushed. Workflows may be among them, as
        in no other commit. Raises ``Refused`` for a path that exists and for what no commit may hold.
        """
        ...


class Ledger(Protocol):
    """The durable memory of intents and outcomes."""

    def read(self) -> LedgerView:
        """The ledger now (fetches). Raises ``Unavailable`` when it cannot be read and ``Refused`` when it does not parse
        or its chain is broken: both mean zero writes.
        """
        ...

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        """The ledger with ``entries`` added, durable when this returns. Compare-and-swap on ``view.tip``: raises
        ``Stale`` when somebody appended in between.
        """
        ...

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        """As :meth:`append`, and whether the branches moved with it: all of them in the same instant, or, where the remote
        cannot or a branch is elsewhere, none. The branches are those of the :class:`Repository`, which knows of it.
        """
        ...


@runtime_checkable
class CodeHost(Protocol):
    """Pull requests, issues and checks, as far as flows need them.

    Creation never duplicates: look by marker, create, read back.
    """

    def whoami(self) -> Whoami: ...

    def facts(self) -> HostFacts:
        """What the host says about the repository now."""
        ...

    def pulls(self) -> Sequence[PullRequest]:
        """Every open pull request of anybody, newest first, in a number of requests that does not depend on who asked for
        what. ``marker`` where author and signature say that it is ours.
        """
        ...

    def issues(self) -> Sequence[Issue]:
        """Every open issue of anybody, newest first. Pull requests are not among them."""
        ...

    def closed(self) -> Sequence[PullRequest | Issue]:
        """The closed ones of ours, with their markers, that can be told without a ledger, newest first."""
        ...

    def item(self, number: int) -> PullRequest | Issue | None:
        """One pull request or issue in whatever state; None when it is gone. A closed pull request comes without branches
        and commits (those texts are empty).
        """
        ...

    def pull(self, number: int) -> PullRequest:
        """One pull request of anybody. ``Invalid`` when there is none."""
        ...

    def label(self, number: int, labels: Sequence[str]) -> None:
        """These labels too, where the host lets us; never raises for want of that."""
        ...

    def merge_when_green(self, number: int) -> None:
        """The host merges it by itself once everything required is there. ``Refused`` where it does not."""
        ...

    def open_pull(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        head: str,
        base: str,
        labels: Sequence[str],
        known: Sequence[PullRequest] | None = None,
        draft: bool = False,
    ) -> PullRequest:
        """The one open pull request with this marker key, or from this branch of ours: found or created. ``body`` comes
        without the marker line. ``known`` are the open ones that were just listed; without them they are listed again.
        A new one is a ``draft`` where the host has drafts.
        ``Closed`` where nobody with our rights may create one.
        """
        ...

    def update_pull(self, number: int, *, marker: Marker, title: str, body: str) -> PullRequest: ...

    def close_pull(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        """Closed, with ``comment`` posted exactly once before (``marker`` identifies the comment)."""
        ...

    def open_issue(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        labels: Sequence[str],
        known: Sequence[Issue] | None = None,
    ) -> Issue:
        """The one open issue with this marker key: found or created. ``known`` as for :meth:`open_pull`. ``Closed`` where
        there may be none.
        """
        ...

    def update_issue(self, number: int, *, marker: Marker, title: str, body: str) -> Issue: ...

    def close_issue(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None: ...

    def comments(self, number: int) -> Sequence[Comment]:
        """All comments on an issue or pull request, oldest first."""
        ...

    def comment(self, number: int, *, marker: Marker, body: str) -> Comment:
        """The one comment of ours with this marker on that thread: found (and updated if its text differs) or created."""
        ...

    def publish(self, check: Check) -> PublishedCheck:
        """The check with this name on this commit, created or updated; a commit status where check runs are denied."""
        ...

    def may_write(self, login: str) -> bool:
        """Whether that user has write, maintain or admin permission on the repository."""
        ...

    def head_ref(self, number: int) -> str:
        """The ref of the repository under which the head of that pull request is kept, also when it is a fork's."""
        ...

    def commits(self) -> CommitMaker | None:
        """What makes and signs commits in this account's name; None where the host does not."""
        ...

    def flush(self) -> None:
        """Carry out reads that were saved for later; called at the end of a tick."""
        ...


@runtime_checkable
class AttentiveHost(Protocol):
    """A code host that gives pull requests and issues to people."""

    def give(self, number: int, attention: Attention, *, pull: bool) -> None:
        """They are assigned and, for a pull request, asked for a review, as far as the host lets us; never raises for want
        of that.
        """
        ...


@runtime_checkable
class DeployingHost(Protocol):
    """A code host that shows what is deployed where, and knows what a commit was merged from."""

    def merged_as(self, commit: str) -> PullRequest | None:
        """The pull request whose merge made ``commit``; None where none did."""
        ...

    def note_deployment(self, note: DeploymentNote) -> str:
        """The address of the one deployment of that commit in that environment, which now says this. ``Closed`` where our
        rights do not reach so far.
        """
        ...


@runtime_checkable
class BoardHost(Protocol):
    """A code host that tells who edited an issue, so that people can give orders by ticking its check boxes."""

    def edits(self, issue: Issue) -> Sequence[BodyEdit]:
        """The last edits of its body, a hundred at most, oldest first; none where it is as it was opened."""
        ...

    def rewrite_issue(self, issue: Issue, *, marker: Marker, title: str, body: str) -> Issue:
        """The issue with this title and body, open. Raises ``Stale`` where its body is not what ``issue`` says any more."""
        ...


@runtime_checkable
class ExaminedHost(Protocol):
    """A code host that can say what the token may do before anything is tried."""

    def rights(self, branch: str) -> HostRights:
        """What the token may do in the repository and on ``branch``. Nothing is written."""
        ...


class CommitMaker(Protocol):
    """A code host that makes commits on branches itself, so that it can vouch for them."""

    def make(self, draft: CommitDraft) -> str:
        """The id of the one commit made from ``draft``: a compare-and-swap on the branch's head.

        Raises ``Stale`` when the branch is elsewhere (nothing was written) and ``Refused`` when rights or rules say no.
        """
        ...


class Webhooks(Protocol):
    """Reads the deliveries by which a code host tells of events."""

    @property
    def max_bytes(self) -> int:
        """The largest body that a delivery may have."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Event:
        """The event of a genuine delivery. ``Refused`` when it is not signed with our secret, ``Invalid`` when it is not
        readable.
        """
        ...


@runtime_checkable
class NotifyingHost(CodeHost, Webhooks, Protocol):
    """A code host that reads its own deliveries; GitHub's are read without one."""


class Upstream(Protocol):
    """Has what the repository names and does not hold. Never raises for what others do or do not have."""

    def fetch(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What ``request`` comes to now, from where settings allow it. The same answer for all who ask within a while."""
        ...

    def kept(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """What :meth:`fetch` answered before; nothing is asked for."""
        ...


class UnitRenderer(Protocol):
    """Renders the units of targets with the tools that deploy them."""

    def render_all(self, asked: Sequence[tuple[Unit, FileTree]]) -> Sequence[Rendering]:
        """What each unit comes to in its tree, in the order asked; they do not depend on one another. Never raises for
        what a repository says: that is the rendering's ``error``.
        """
        ...


class DroppedEntry(Protocol):
    """An overlay entry that rendering left out because configuration changed, and why in a sentence."""

    @property
    def task(self) -> str: ...

    @property
    def entry(self) -> OverlayEntry: ...

    @property
    def reason(self) -> str: ...


class Bundle(Protocol):
    """What rendering comes to: files below ``.clockwork/build/`` (complete: any other there is stale), the resources
    they declare with origins in ``.cw`` files, and overlay entries to forget.
    """

    @property
    def files(self) -> Mapping[str, bytes]: ...

    @property
    def desired(self) -> Sequence[Desired]: ...

    @property
    def dropped(self) -> Sequence[DroppedEntry]: ...


class Renderer(Protocol):
    """Renders configuration and overlays into artifacts: a pure function, the same bytes everywhere."""

    def __call__(self, config: Config, overlays: Overlays) -> Bundle: ...


@dataclass(frozen=True, slots=True)
class ObserverStep:
    """How far one observer is with what it is doing. ``total`` is None where nobody knows how much there will be."""

    observer: str
    doing: str
    done: int = 0
    total: int | None = None
    objects: int = 0
    """How many objects it has read while doing so."""


Tell: TypeAlias = Callable[[ObserverStep], None]
"""Is told of progress, from any thread. It must neither raise nor make the caller wait."""


def silent(step: ObserverStep) -> None:
    """Nobody wants to know."""
    del step


@runtime_checkable
class Observer(Protocol):
    """Reads live state. Never writes, and raises nothing but ``Invalid`` (bad settings): failing to look is data."""

    @property
    def name(self) -> str: ...

    def observe(self, declared: Sequence[Desired], /, *, now: datetime) -> Observation:
        """What runs of the platforms and kinds that are declared."""
        ...


class Applier(Protocol):
    """Carries out actions on the platforms of one target. Every method may be called again for the same work after a
    crash at any instruction: what is done already is found and not repeated.
    """

    @property
    def platforms(self) -> frozenset[Platform]: ...

    def rehearse(self, work: Work) -> None:
        """Raise what :meth:`carry_out` would raise, as far as the platform can say without doing anything."""
        ...

    def carry_out(self, work: Work) -> Evidence:
        """Do it. ``Stale`` when what runs is no longer what was seen, ``Refused`` when the platform says no (a conflict
        names the other owner and the field), ``Unavailable`` when trying again may work.
        """
        ...

    def health(self, work: Work, *, now: datetime) -> Health:
        """How the resource is now, after :meth:`carry_out`."""
        ...


@runtime_checkable
class ClusterObserver(Protocol):
    """An observer that can say what its cluster serves, before anything is rendered for it."""

    def served(self, *, now: datetime) -> ServedApi:
        """The cluster's version and API versions. Raises ``Unavailable``."""
        ...


@runtime_checkable
class Assistant(Protocol):
    """An AI tool. Its reply is untrusted input. Never raises: every failure is a reply with a status."""

    @property
    def name(self) -> str: ...

    def run(self, prompt: Prompt) -> Reply: ...


@runtime_checkable
class Drafter(Protocol):
    """An AI tool that does what a prompt says. Its output is untrusted. Never raises: every failure is in the draft."""

    @property
    def name(self) -> str: ...

    def draft(self, assignment: Assignment) -> Draft: ...


class Meter(Protocol):
    """Is told what adapters do, from any thread. It must neither raise nor make the caller wait."""

    def answered(self, method: str, status: str) -> None:
        """The code host answered a request: ``status`` is HTTP's, or ``lost`` where no answer came."""
        ...

    def rendered(self, kind: str, seconds: float) -> None:
        """A unit of that kind was rendered, which took so long."""
        ...

    def left(self, requests: RequestsLeft) -> None:
        """The code host told with an answer how many requests it still takes."""
        ...


class Unmeasured:
    """A meter that nobody reads."""

    def answered(self, method: str, status: str) -> None:
        del method, status

    def rendered(self, kind: str, seconds: float) -> None:
        del kind, seconds

    def left(self, requests: RequestsLeft) -> None:
        del requests


class Receiver(Protocol):
    """Somebody who is told. Never raises: what went wrong is the delivery's ``answer``."""

    @property
    def name(self) -> str: ...

    def send(self, message: Announcement) -> Delivery:
        """Send ``message`` and wait for the answer."""
        ...


class SessionStore(Protocol):
    """Keeps session records without making the caller wait."""

    def record(self, session: Session) -> None:
        """Take ``session`` for writing soon. Never raises and never blocks: a full queue costs a metric."""
        ...

    def close(self) -> None:
        """Everything taken so far is written."""
        ...


class SessionRecords(Protocol):
    """Session records as they are kept. Every method may wait, and raises ``BotError`` when it cannot."""

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        """Sessions newest first."""
        ...

    def figures(self, *, since: datetime | None = None) -> Figures:
        """Figures over whole hours from ``since`` on, brought up to date first."""
        ...

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        """Up to ``batch`` sessions older than ``before`` are gone; how many. Figures stay."""
        ...

    def tidy(self) -> None:
        """Room that is no longer used is given back."""
        ...


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plug-in outside of this repository is made with.

    ``options`` are its own, as the settings file has them: nobody has checked them. ``environment`` is this process's,
    with its secrets. Time comes from ``clock`` alone.
    """

    options: Mapping[str, object]
    environment: Mapping[str, str] = field(repr=False)
    clock: Clock
    tell: Tell = field(default=silent, repr=False)


@dataclass(frozen=True, slots=True)
class HostContext(PluginContext):
    """What a plug-in for a code host is made with as well.

    ``remote`` is the Git address of the repository ``name``; ``token`` is CLOCKWORK_TOKEN, None without one.
    ``marker_key`` signs the marker that :class:`CodeHost` puts into the first line of everything of ours.
    """

    remote: str = ""
    name: str = ""
    token: str | None = field(default=None, repr=False)
    marker_key: bytes = field(default=b"", repr=False)


class ObserverPlugin(Protocol):
    """What an entry point of the group ``clockwork.observers`` names. Raises ``Invalid`` for options that are wrong."""

    def __call__(self, context: PluginContext, /) -> Observer: ...


class AssistantPlugin(Protocol):
    """What an entry point of the group ``clockwork.assistants`` names. Raises ``Invalid`` for options that are wrong."""

    def __call__(self, context: PluginContext, /) -> Assistant: ...


class RendererPlugin(Protocol):
    """What an entry point of the group ``clockwork.renderers`` names: it takes the place of the forge.

    One renderer makes all artifacts of the ``.cw`` files of a repository. Raises ``Invalid`` for options that are wrong.
    """

    def __call__(self, context: PluginContext, /) -> Renderer: ...


class HostPlugin(Protocol):
    """What an entry point of the group ``clockwork.hosts`` names. Raises ``Invalid`` for options that are wrong.

    The daemon lets a :class:`NotifyingHost` read its own deliveries.
    """

    def __call__(self, context: HostContext, /) -> CodeHost: ...
