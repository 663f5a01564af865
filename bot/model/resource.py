"""What Git declares and what is seen running, as plain trees with identity and origin.

Intake and the forge make :class:`Desired`; observers make :class:`Observed`; the drift floor compares them.
Trees (:mod:`bot.model.json`) are read-only by agreement: nobody changes a tree after it was handed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from bot.model.json import JSON, Pointer, Tree, text
from bot.model.paths import Path


class Platform(StrEnum):
    """Who runs it."""

    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    TERRAFORM = "terraform"
    HTTP = "http"

    __hash__ = str.__hash__


class SourceKind(StrEnum):
    """The language in which desired state is written."""

    CW = "cw"
    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    TERRAFORM = "terraform"
    SETTINGS = "settings"
    RENDERED = "rendered"
    """Printed by a tool from other files: kustomize, Helm, and what Flux and Argo CD make with them."""
    APPLIED = "applied"
    """Declared by no file any more: what was applied last, which may still run."""


class ResourceId(NamedTuple):
    """The identity of one resource on one platform, stable over versions of its API.

    ``kind`` is the Kubernetes kind, ``service``/``network``/``volume``/``secret``/``config`` for Compose, the resource
    type for Terraform. ``scope`` is the namespace, the Compose project or the Terraform module address; empty where
    there is none. ``group`` is the Kubernetes API group and empty for the core group and elsewhere. ``target`` is the place
    it is deployed to; empty for the one unnamed target of a simple repository, and while one target is looked at by itself.
    """

    platform: Platform
    kind: str
    scope: str
    name: str
    group: str = ""
    target: str = ""

    def __str__(self) -> str:
        """The short form people see and rules match: ``Deployment/shop/web``, ``service/shop/db``, ``ClusterRole/x``."""
        return "/".join(part for part in (self.kind, self.scope, self.name) if part)

    @property
    def qualified(self) -> str:
        """The short form behind its target: ``prod/Deployment/shop/web``."""
        return f"{self.target}/{self}" if self.target else str(self)

    @property
    def local(self) -> ResourceId:
        """The identity within its target."""
        return self._replace(target="") if self.target else self


def api_group(version: JSON) -> str:
    """The API group of an ``apiVersion``: ``apps`` of ``apps/v1``, empty for the core group."""
    group, slash, _ = text(version).partition("/")
    return group if slash else ""


class Through(StrEnum):
    """How a value got to its leaf: written there, or by way of something else."""

    LITERAL = "literal"
    VARIABLE = "variable"
    LOCAL = "local"
    MODULE = "module"
    EXPRESSION = "expression"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value is written. ``start``/``end`` are byte offsets into the file, line and column count from 1.

    For anything but a literal, ``name`` is the variable, local or module input that the value came through.
    """

    file: str
    start: int
    end: int
    line: int
    column: int
    through: Through = Through.LITERAL
    name: str | None = None


class Origins(Protocol):
    """Answers where the value at a pointer of one tree is written. Usually computed only when somebody asks."""

    def at(self, pointer: Pointer) -> Origin | None:
        """The origin of the value at ``pointer``; ``None`` where that pointer is not written in any file."""
        ...


@dataclass(frozen=True, slots=True)
class NoOrigins:
    """Origins of a tree that is written nowhere."""

    def at(self, pointer: Pointer) -> Origin | None:
        del pointer
        return None


class Syntax(StrEnum):
    """The concrete syntax of a file that can be edited byte span by byte span."""

    YAML = "yaml"
    JSON = "json"
    HCL = "hcl"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A place of a resource, as ignore rules write it, that its declaration leaves to others; ``name`` is how it is called
    in ``file``.
    """

    path: Path
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Desired:
    """One resource as Git declares it.

    ``tree`` is a whole Kubernetes object, or one Compose service (network, volume, ...) mapping as its author wrote it
    (short syntax kept), or the literal attributes of a Terraform resource. ``file`` and ``line`` say where people find
    it. ``document`` and ``root`` locate the tree inside ``file`` (index of the YAML document, then the pointer of the
    tree in it), for byte-span edits of plain sources.

    For ``.cw`` the tree is the rendered one, ``file`` is the ``.cw`` file, ``artifact`` the path of the rendered file
    in Git, ``document``/``root`` locate the tree inside that artifact, and origins lead into the ``.cw`` files.
    ``task`` is the unit that budgets count: one workload. ``sensitive`` holds pointers whose values are never shown.
    """

    id: ResourceId
    task: str
    source: SourceKind
    tree: Tree
    file: str
    line: int
    origins: Origins = field(default_factory=NoOrigins, compare=False, repr=False)
    document: int = 0
    root: Pointer = ()
    artifact: str | None = None
    sensitive: frozenset[Pointer] = frozenset()
    unknown: frozenset[Pointer] = frozenset()
    """Values that Git alone cannot tell, such as variables of the deploying shell; they are not compared."""
    blob: str | None = None
    left_alone: tuple[LeftAlone, ...] = ()
    """What is not to be reported of it, by its own word."""

    def hides(self, pointer: Pointer) -> bool:
        """Whether the value at ``pointer`` is sensitive, lies in one that is, or holds one."""
        return any(pointer[: len(prefix)] == prefix or prefix[: len(pointer)] == pointer for prefix in self.sensitive)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something is wrong with a live resource although its fields are as declared."""

    reason: str
    message: str
    evidence: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """One resource as it really runs.

    ``tree`` is a whole Kubernetes object, or a Compose-shaped service mapping in canonical long syntax (made from
    ``docker inspect`` by :mod:`bot.drift.compose.inspected`). ``version`` changes whenever the tree does (uid +
    resourceVersion, container id + start time) and is empty where the platform has no such thing.
    """

    id: ResourceId
    tree: Tree
    problems: tuple[Problem, ...] = ()
    version: str = ""


RENDERER: Final = "renderer"
"""The observer of what this machine lacks a tool to render."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Could not look. This is never "no drift" and never drift."""

    observer: str
    target: str
    cause: str


@dataclass(frozen=True, slots=True)
class SourceError:
    """One mistake in a file of the repository: collected, never thrown one by one. Line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    expected: str | None = None
    excerpt: str | None = None
    """The source line and a caret line under it, separated by one newline."""
    note: bool = False
    """Not a mistake: a value that Git alone cannot tell, which is therefore not compared."""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        if self.expected:
            text += f" (expected {self.expected})"
        return text if self.excerpt is None else f"{text}\n{self.excerpt}"
