"""Label and field selectors of lists (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.appliers.kube import status

_IN: Final = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)\s*")
_EQUAL: Final = re.compile(r"\s*(?P<key>[^\s!=,()]+)\s*(?P<how>==|=|!=)\s*(?P<value>[^\s,()]*)\s*")
_EXISTS: Final = re.compile(r"\s*(?P<not>!?)\s*(?P<key>[^\s!=,()]+)\s*")


def labelled(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy every requirement of a selector.

    Raises:
        Failed: 400 for what is no selector.
    """
    return all(_satisfied(requirement, labels) for requirement in _requirements(selector))


def _requirements(selector: str) -> Iterator[re.Match[str]]:
    rest = selector
    while rest.strip():
        match = _IN.match(rest) or _EQUAL.match(rest) or _EXISTS.match(rest)
        if match is None or (match.end() < len(rest) and rest[match.end()] != ","):
            raise status.bad_request(f"unable to parse requirement: {selector!r}")
        yield match
        rest = rest[match.end() + 1 :]


def _satisfied(requirement: re.Match[str], labels: Mapping[str, str]) -> bool:
    parts = requirement.groupdict()
    key = parts["key"]
    if "values" in parts:
        values = [each.strip() for each in parts["values"].split(",")]
        inside = labels.get(key) in values
        return inside if parts["how"] == "in" else not inside
    if "value" in parts:
        same = labels.get(key) == parts["value"]
        return not same if parts["how"] == "!=" else same
    return (key in labels) != bool(parts["not"])


def selected(query: Mapping[str, str], obj: Mapping[str, Any]) -> bool:
    """Whether a list with this query has the object."""
    meta = obj["metadata"]
    if query.get("labelSelector") and not labelled(query["labelSelector"], meta.get("labels", {})):
        return False
    for requirement in filter(None, query.get("fieldSelector", "").split(",")):
        field, negated, value = _field(requirement)
        if (_at(obj, field) == value) == negated:
            return False
    return True


def _field(requirement: str) -> tuple[str, bool, str]:
    negated = "!=" in requirement
    field, _, value = requirement.replace("!=", "=").replace("==", "=").partition("=")
    return field, negated, value


def _at(obj: Any, field: str) -> str:
    for name in field.split("."):
        obj = obj.get(name, "") if isinstance(obj, Mapping) else ""
    return str(obj)
