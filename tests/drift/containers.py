"""Declared services beside running ones, and what their edits must be."""

from __future__ import annotations

from typing import TypeAlias

from bot.edits.values import applied, ordered
from bot.model.drift import Drift, Edit
from bot.model.json import JSON, Tree
from tests.drift.makers import OPTIONS, Pair, diff, running, service

Expected: TypeAlias = dict[str, tuple[Edit, ...]]
"""The edits by the place of their drift."""


def compare(raw: Tree, live: Tree) -> tuple[Drift, ...]:
    """The drifts of one service."""
    return diff(Pair(service(raw), running(live)), OPTIONS)


def check(raw: Tree, live: Tree, expected: Expected) -> None:
    """The drifts have exactly these edits; where each has one, nothing differs after them."""
    assert {drift.where: drift.adopt for drift in compare(raw, live)} == expected
    after: JSON = raw
    for edit in ordered([edit for edits in expected.values() for edit in edits]):
        after = applied(after, edit)
    assert isinstance(after, dict)
    assert {drift.where for drift in compare(after, live)} == {where for where, edits in expected.items() if not edits}


def port(
    target: int, published: str | None = None, protocol: str = "tcp", address: str | None = None
) -> dict[str, JSON]:
    said: dict[str, JSON] = {"target": target, "published": published, "protocol": protocol, "host_ip": address}
    return {key: value for key, value in said.items() if value is not None}


def mount(target: str, source: str, kind: str = "volume", **more: JSON) -> dict[str, JSON]:
    return {"type": kind, "source": source, "target": target, **more}


def device(source: str, target: str, permissions: str = "rwm") -> dict[str, JSON]:
    return {"source": source, "target": target, "permissions": permissions}
