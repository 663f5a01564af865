"""The nouns of a guardrail: what a document says, what a detector is given, what it answers.

:mod:`bot.guardrails.documents` makes :class:`Guardrail` values, detectors turn a :class:`Subject` into hits, and
:mod:`bot.guardrails.judge` makes findings of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from bot.guardrails.hunks import Delta
from bot.guardrails.rendered import RenderedChange
from bot.model.drift import Severity
from bot.model.finding import AuthorKind, Change, Enforce, FileStatus, Mode


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What a repository may tune, from its settings at base.

    ``private_packages`` are dependency names (or globs) no public registry knows; ``public_ports`` may be open to the
    world; ``large_delete`` is DES-001's number of lines.
    """

    private_packages: tuple[str, ...] = ()
    public_ports: frozenset[int] = frozenset()
    large_delete: int = 200


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What is known beside the change itself. Every field may be missing.

    ``paths`` are the files at base; ``registry`` says of (ecosystem, name) whether the public registry has it;
    ``rendered`` are the targets whose rendered objects the change moves. ``unrendered`` says why nothing was rendered.
    """

    paths: frozenset[str] = frozenset()
    registry: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    rendered: tuple[RenderedChange, ...] = ()
    unrendered: str | None = None


@dataclass(frozen=True)
class Subject:
    """A change with its files opened. No slots: derived values are cached on the instance."""

    change: Change
    options: GuardOptions = GuardOptions()
    facts: ChangeFacts = ChangeFacts()

    @cached_property
    def deltas(self) -> tuple[Delta, ...]:
        """All files of the change."""
        return tuple(Delta(file) for file in self.change.files)

    @cached_property
    def written(self) -> tuple[Delta, ...]:
        """The files a person or agent wrote: not generated, vendored or locked."""
        return tuple(delta for delta in self.deltas if not delta.is_foreign)


@dataclass(frozen=True, slots=True)
class Hit:
    """One place a detector points at. ``severity`` raises the rule's own, or is LOW where this hit is often harmless.

    ``anchor`` replaces the line's text in the fingerprint where the line alone does not say what it is about.
    """

    file: str | None
    line: int | None
    message: str
    end_line: int | None = None
    evidence: str | None = None
    suggestion: str | None = None
    anchor: str | None = None
    severity: Severity | None = None


Detector: TypeAlias = Callable[[Subject], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Applies:
    """Which files and authors a guardrail is about. Empty ``paths`` means all; ``agents`` are globs of agent names."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: frozenset[AuthorKind] = frozenset(AuthorKind)
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Builtin:
    """Detected by code: the rule of the same id in :mod:`bot.guardrails.catalogue`."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression on changed lines. ``added`` ignores what was removed; ``net_new`` weighs it up."""

    pattern: str
    keywords: tuple[str, ...] = ()
    net_new: bool = True
    not_in: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Count:
    """Too much of something in one change: net-new matches of a pattern, or lines or files changed."""

    of: str
    maximum: int
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Structural:
    """A value in YAML or JSON that came to be ``to``, or went away from ``gone``; compared before and after."""

    select: str
    to: tuple[object, ...] = ()
    gone: tuple[object, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Touches:
    """A file of ``applies.paths`` was changed in one of these ways."""

    statuses: frozenset[FileStatus]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to satisfy a requirement: a file that matches was changed too, or the pull request has the label."""

    changed: tuple[str, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Require:
    """When one of ``if_changed`` is touched, one of ``then_any`` must hold."""

    if_changed: tuple[str, ...]
    then_any: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question for the assistant; its findings are capped at warn."""

    question: str


Detect: TypeAlias = Builtin | Pattern | Count | Structural | Touches | Require | Ask


@dataclass(frozen=True, slots=True)
class Example:
    """A change that must, or must not, fire."""

    fire: bool
    path: str
    before: str | None
    after: str | None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaiverPolicy:
    """Whether a line comment may waive the rule, and for how long."""

    allow: bool = False
    max_days: int = 30


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One guardrail document. ``file`` is where it is written, ``body`` its Markdown: why, and what to do instead.

    ``agent_severity`` is used in place of a lower ``severity`` when an agent wrote the change. ``for_agent`` is set
    for documents under ``agents/``, which count only when a request names that agent.
    """

    id: str
    title: str
    severity: Severity
    category: str
    enforce: Mapping[Mode, Enforce]
    detect: Detect
    file: str
    body: str = ""
    agent_severity: Severity | None = None
    applies: Applies = Applies()
    examples: tuple[Example, ...] = ()
    inject: bool = False
    owner: str | None = None
    waiver: WaiverPolicy = WaiverPolicy()
    for_agent: str | None = None

    def severity_for(self, author: AuthorKind) -> Severity:
        """The severity of a change by ``author``: an agent's may be higher, nobody's is lower."""
        if author is AuthorKind.AGENT and self.agent_severity is not None:
            return max(self.severity, self.agent_severity, key=lambda severity: severity.rank)
        return self.severity
