"""The nouns of a guardrail: what a document says, what a detector is given, what it answers.

:mod:`bot.guardrails.documents` reads :class:`Guardrail` values; detectors turn a :class:`Subject` into hits, and
:mod:`bot.guardrails.judge` makes findings of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bot.guardrails.anchors import AnchorSet
from bot.guardrails.classify import siblings, test_folders
from bot.guardrails.exempt import Exemptions
from bot.guardrails.hunks import LARGEST, Delta, DiffLine
from bot.intake.compose_select import ProjectFiles
from bot.intake.scalars import Scalar
from bot.model.dataclass import dataclass
from bot.model.finding import AuthorKind, Change, Enforce, FileChange, FileStatus, Mode
from bot.model.patterns import regex
from bot.model.severity import Severity
from bot.secrecy.literals import suited
from bot.targets.signs import is_built

if TYPE_CHECKING:
    from bot.guardrails.rendered import RenderedChange

_INSTEAD: Final = regex(r"^Instead:(.+?)(?:\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What a repository may tune, from its settings at base.

    ``private_packages`` are dependency names (or globs) no public registry knows; ``public_ports`` may be open to the
    world; ``large_delete`` is DES-001's number of lines; ``generated`` are globs of files that tools write; ``largest_file``
    is how many bytes of a file are read; ``projects`` are the Compose projects whose files are named.
    """

    private_packages: tuple[str, ...] = ()
    public_ports: frozenset[int] = frozenset()
    large_delete: int = 200
    generated: tuple[str, ...] = ()
    largest_file: int = LARGEST
    projects: tuple[ProjectFiles, ...] = ()


@dataclass(frozen=True, slots=True)
class PastCommit:
    """One commit between base and head, with what it changed."""

    sha: str
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What is known beside the change itself. Every field may be missing.

    ``paths`` are the files at base, and ``attributes`` its ``.gitattributes`` by path; ``registry`` says of (ecosystem,
    name) whether the public registry has it; ``rendered`` are the targets whose rendered objects the change moves.
    ``unrendered`` says why nothing was rendered. ``commits`` are those between base and head, oldest first, where there are
    several; ``uncounted`` says why they are not all. ``compose`` are the files at base that Compose projects are made of, where
    the change has a Compose file; ``called`` the workflows and actions at base that workflows of the change call.
    """

    paths: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    registry: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    rendered: tuple[RenderedChange, ...] = ()
    unrendered: str | None = None
    commits: tuple[PastCommit, ...] = ()
    uncounted: str | None = None
    compose: Mapping[str, bytes] | None = None
    called: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A change with its files opened. No slots: derived values are cached on the instance."""

    change: Change
    options: GuardOptions = GuardOptions()
    facts: ChangeFacts = ChangeFacts()
    rules: Mapping[str, Guardrail] = field(default_factory=dict)
    """The guardrails in force at base, by id."""

    @cached_property
    def deltas(self) -> tuple[Delta, ...]:
        """All files of the change."""
        return tuple(self.delta(file) for file in self.change.files)

    def delta(self, file: FileChange) -> Delta:
        """One file, of the change or of a commit in it."""
        return Delta(file, self.exemptions, self.options.largest_file, self._anchors)

    @cached_property
    def _anchors(self) -> AnchorSet:
        from bot.guardrails.catalogue import anchors
        from bot.guardrails.kinds import anchors_of

        size = sum(len(file.after or b"") for file in self.change.files)
        return anchors(suited(size), anchors_of(self.rules.values()))

    @cached_property
    def exemptions(self) -> Exemptions:
        """What the base says is left out."""
        return Exemptions(self.facts.attributes, self.facts.paths, self.options.generated)

    @cached_property
    def _built(self) -> frozenset[str]:
        """The folders that kustomizations and charts stand in, at base or in the change."""
        kept_paths = (file.path for file in self.change.files if file.status is not FileStatus.REMOVED)
        paths = (PurePosixPath(path) for path in (*self.facts.paths, *kept_paths))
        return frozenset(str(path.parent) for path in paths if is_built(path.name))

    def is_built(self, path: str) -> bool:
        """Whether a kustomization or chart stands in a folder of tests that holds the file."""
        return any(folder in self._built for folder in test_folders(path))

    def has_siblings(self, path: str) -> bool:
        """Whether a folder of tests by its name stands beside other environments, as ``test/`` does beside ``prod/``."""
        return any(folder in self._folders for folder in siblings(path))

    @cached_property
    def _folders(self) -> frozenset[str]:
        """The folders at base and in the change."""
        paths = (*self.facts.paths, *(file.path for file in self.change.files if file.status is not FileStatus.REMOVED))
        folders = {path.rpartition("/")[0] for path in paths}
        return frozenset(above for folder in folders for above in _with_parents(folder))

    @cached_property
    def written(self) -> tuple[Delta, ...]:
        """The files a person or agent wrote: not generated, vendored or locked."""
        return tuple(delta for delta in self.deltas if not delta.is_foreign)


def _with_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Hit:
    """One place a detector points at. ``severity`` raises the rule's own, or is LOW where this hit is often harmless.

    ``anchor`` replaces the line's text in the fingerprint where the line alone does not say what it is about.
    ``suggestion`` is told in place of the document's own :attr:`Guardrail.instead`.
    """

    file: str | None
    line: int | None
    message: str
    end_line: int | None = None
    evidence: str | None = None
    suggestion: str | None = None
    anchor: str | None = None
    severity: Severity | None = None


def on_line(delta: Delta, line: DiffLine, message: str, *, anchor: str | None = None) -> Hit:
    """A hit on a line that the change adds, with the line as its evidence."""
    return Hit(delta.path, line.number, message, evidence=line.text, anchor=anchor)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds on one side of a change. ``key`` identifies it over the change, so that a move is quiet; the
    rest tells people about it.
    """

    key: tuple[str, ...]
    line: int
    message: str
    severity: Severity | None = None

    def hit(self, delta: Delta) -> Hit:
        """The hit on the line of the head that says it."""
        evidence = delta.after_lines[self.line - 1] if self.line <= len(delta.after_lines) else None
        anchor = "/".join(self.key)
        return Hit(delta.path, self.line, self.message, evidence=evidence, anchor=anchor, severity=self.severity)


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

    kind: Literal["builtin"] = "builtin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A regular expression on changed lines. ``added`` ignores what was removed; ``net_new`` weighs it up."""

    kind: Literal["regex"] = "regex"
    pattern: str
    keywords: tuple[str, ...] = ()
    scope: Literal["net_new", "added"] = "net_new"
    not_in: frozenset[Literal["comment", "string", "docs", "tests", "generated"]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Too much of something in one change: net-new matches of a pattern, or lines or files changed."""

    kind: Literal["count"] = "count"
    of: Literal["matches", "added_lines", "removed_lines", "files"] = "matches"
    max: int
    pattern: str | None = None
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class When:
    """A value came to be one of ``to``, or went away from one of ``gone``."""

    to: tuple[Scalar, ...] = ()
    gone: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Structural:
    """A value in YAML or JSON, compared before and after."""

    kind: Literal["structural"] = "structural"
    select: str
    when: When
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Touches:
    """A file of ``applies.paths`` was changed in one of these ways."""

    kind: Literal["path"] = "path"
    status: frozenset[FileStatus] = frozenset(FileStatus)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to satisfy a requirement: a file that matches was changed too, or the pull request has the label."""

    changed: tuple[str, ...] = ()
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Require:
    """When one of ``if_changed`` is touched, one of ``then_any`` must hold."""

    kind: Literal["require"] = "require"
    if_changed: tuple[str, ...]
    then_any: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question for the assistant; its findings are capped at warn."""

    kind: Literal["ai"] = "ai"
    question: str


Detect: TypeAlias = Builtin | Pattern | Count | Structural | Touches | Require | Ask


@dataclass(frozen=True, slots=True)
class Example:
    """A change that must, or must not, fire. ``add`` is text that a file gains, ``remove`` text that it loses;
    ``before`` and ``after`` are whole files.
    """

    fire: bool
    path: str
    add: str | None = None
    remove: str | None = None
    before: str | None = None
    after: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[str | None, str | None]:
        """The file before and after; None where there is none."""
        if self.add is None and self.remove is None:
            return self.before, self.after
        return self.remove, self.add or ""


@dataclass(frozen=True, slots=True)
class WaiverPolicy:
    """Whether a line comment may waive the rule, and for how long."""

    allow: bool = False
    max_days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One guardrail document. ``file`` is where it is written, ``body`` its Markdown: why, and what to do instead.

    ``agent_severity`` is used in place of a lower ``severity`` when an agent wrote the change.
    """

    id: str
    title: str
    severity: Severity
    agent_severity: Severity | None = None
    category: str = "custom"
    enforce: Mapping[Mode, Enforce] = field(default_factory=dict)
    applies: Applies = Applies()
    detect: Detect
    examples: tuple[Example, ...] = ()
    inject: bool = False
    owner: str | None = None
    waiver: WaiverPolicy = WaiverPolicy()
    file: str
    body: str = ""

    @property
    def instead(self) -> str | None:
        """What to do instead, on one line: the paragraph of the body that begins with ``Instead:``."""
        match = _INSTEAD.search(self.body)
        text = " ".join(match[1].split()) if match else ""
        return f"{text[0].upper()}{text[1:]}" if text else None

    @property
    def for_agent(self) -> str | None:
        """The agent that a document in a folder ``agents`` is for: it counts only when a request names that agent."""
        if "agents/" not in self.file:  # asked of each rule for each change
            return None
        path = PurePosixPath(self.file)
        return path.stem if path.parent.name == "agents" else None

    def severity_for(self, author: AuthorKind) -> Severity:
        """The severity of a change by ``author``: an agent's may be higher, nobody's is lower."""
        if author is AuthorKind.AGENT and self.agent_severity is not None:
            return max(self.severity, self.agent_severity, key=lambda severity: severity.rank)
        return self.severity
