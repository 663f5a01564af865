"""The intermediate representation (IR): what ``.cw`` files come to, evaluated and checked, every leaf with its origin.

Made by :mod:`bot.assembly.assemble`, rendered by :mod:`bot.forge.render`, edited by way of :mod:`bot.edits.cw`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.assembly.values import Value
from bot.model.json import Pointer
from bot.model.resource import SourceError


class Kind(StrEnum):
    """The kinds of resource."""

    SERVICE = "service"
    IMAGE = "image"
    NETWORK = "network"
    VOLUME = "volume"
    SECRET = "secret"  # noqa: S105 (a kind of resource)
    CONFIG = "config"
    JOB = "job"
    CRON_JOB = "cron_job"
    INGRESS = "ingress"


class Provider(StrEnum):
    """Who runs a stack."""

    DOCKER = "docker"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class IgnoredChange:
    """What a resource's ``ignore_changes`` names: a place in its body, all of it when empty, as it is written there."""

    pointer: Pointer
    name: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. ``body`` is an object checked against :mod:`bot.assembly.schema`: attributes by name, blocks that may
    repeat as lists of objects. ``address`` is how ``.cw`` files name it (``module.shop.service.web``).
    """

    kind: Kind
    name: str
    address: str
    file: str
    line: int
    body: Value
    ignored: tuple[IgnoredChange, ...] = ()

    def get(self, *path: str) -> Value | None:
        """The value at ``path``; None where it is absent or null."""
        value: Value | None = self.body
        for name in path:
            value = value.mapping.get(name) if value is not None else None
        return None if value is None or value.data is None else value

    def text(self, *path: str) -> str | None:
        """The text at ``path``."""
        value = self.get(*path)
        return value.data if value is not None and isinstance(value.data, str) else None


@dataclass(frozen=True, slots=True)
class Stack:
    """What is deployed together: a Compose project, or the objects of one application in a namespace."""

    name: str
    provider: Provider
    namespace: str
    folder: str
    resources: tuple[Resource, ...]

    def of(self, kind: Kind) -> tuple[Resource, ...]:
        """Its resources of one kind, by name."""
        return tuple(resource for resource in self.resources if resource.kind is kind)


@dataclass(frozen=True, slots=True)
class AssembledConfig:
    """The whole configuration. ``variables``, ``environment`` and ``beside`` are what it was assembled with, kept to check
    edits.
    """

    stacks: tuple[Stack, ...] = ()
    outputs: Mapping[str, Value] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def leaves(self) -> Iterator[tuple[tuple[str, Kind | None, str, Pointer], Value]]:
        """Every value of every resource and output: (stack, kind, name, pointer) and the value."""
        for stack in self.stacks:
            for resource in stack.resources:
                for pointer, value in resource.body.walk():
                    yield (stack.name, resource.kind, resource.name, pointer), value
        for name, output in self.outputs.items():
            for pointer, value in output.walk():
                yield ("", None, name, pointer), value


@dataclass(frozen=True, slots=True)
class Assembly:
    """The configuration and every mistake in its files. A resource with a mistake is left out of ``config``.

    ``variables`` are the names of the variables that can be given from outside.
    """

    config: AssembledConfig
    errors: tuple[SourceError, ...] = ()
    variables: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    """Files that functions asked for and that were not given."""
