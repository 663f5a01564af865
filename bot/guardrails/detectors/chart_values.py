"""What values give to a chart that nobody here renders: its pods get from them what no manifest says.

Charts name their values as Kubernetes names the fields that they fill (helm.sh/docs/chart_best_practices/values). Sources: Flux
documentation, HelmRelease ``.spec.values``; Argo CD documentation, "Helm", ``valuesObject``, ``values`` and ``parameters``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.guardrails.detectors.host_powers import capabilities
from bot.guardrails.rule import Fact
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

KIND: Final = "values"
"""The kind of an object that is only values."""
_FILE: Final = regex(r"(?:^|/)values(?:[-_.][\w.-]{1,60})?\.ya?ml$|(?:^|/)[\w.-]{1,60}[-_.]values\.ya?ml$")
_SHARED: Final = {"hostNetwork": "network", "hostPID": "processes", "hostIPC": "IPC"}
_POWERS: Final = {
    "privileged": "privileged containers, which have all of the host's powers",
    "allowPrivilegeEscalation": "containers that may gain more privileges than their parents",
}
_PARAMETER: Final = regex(
    r"(?:^|\.)\w{0,60}ecurityContext\.(privileged|allowPrivilegeEscalation)$|(?:^|\.)(host(?:Network|PID|IPC))$"
)
_SHOWN: Final = 200
"""Characters of the end of a path that are kept."""


def is_values_file(path: str) -> bool:
    """Whether the file holds values of a chart by its name: ``values.yaml``, ``values-prod.yaml``, ``web.values.yaml``."""
    return _FILE.search(path) is not None


def values_of(document: LinedNode) -> Iterator[LinedNode]:
    """What a release or application hands to its chart, as nodes; texts are not opened."""
    if document.text_at("kind") == "HelmRelease":
        yield from (node for node in [document.get("spec", "values")] if node is not None)
    for base in (("spec",), ("spec", "template", "spec")):
        sources = [document.get(*base, "source"), *document.elements(*base, "sources")]
        for source in (source for source in sources if source is not None):
            parts = (source.get("helm", part) for part in ("valuesObject", "values", "parameters"))
            yield from (part for part in parts if part is not None)


def values_powers(subject_id: tuple[str, str, str], tree: LinedNode) -> Iterator[Fact]:
    """What the values ask for, by the names of the fields that they fill. What is shared is looked at once for each role."""
    waiting: list[tuple[str, LinedNode]] = [("", tree)]
    seen_pairs: set[tuple[int, bool]] = set()
    while waiting:
        path, node = waiting.pop()
        role = id(node), path.lower().endswith("securitycontext")
        if role in seen_pairs:
            continue
        seen_pairs.add(role)
        if isinstance(node.value, list):
            waiting += [(path, child) for child in node.value]
            yield from _parameter(subject_id, node)
        if not isinstance(node.value, dict):
            continue
        for name, description in _SHARED.items():
            if shared := node.having(True, name):
                yield Fact(
                    (*subject_id, path, name),
                    shared.line,
                    f"{path or 'The chart'} is told to share the host's {description}.",
                )
        if role[1]:
            yield from _context(subject_id, path, node)
        waiting += [(f"{path}.{name}".lstrip(".")[-_SHOWN:], child) for name, child in node.value.items()]


def _context(subject_id: tuple[str, str, str], path: str, node: LinedNode) -> Iterator[Fact]:
    for name, description in _POWERS.items():
        if power := node.having(True, name):
            yield Fact((*subject_id, path, name), power.line, f"{path} asks for {description}.")
    if user := node.having(0, "runAsUser"):
        yield Fact((*subject_id, path, "uid0"), user.line, f"{path} asks to run as root (uid 0).")
    yield from capabilities((*subject_id, path), path, node.elements("capabilities", "add"))


def _parameter(subject_id: tuple[str, str, str], parameters: LinedNode) -> Iterator[Fact]:
    for parameter in parameters.elements():
        match = _PARAMETER.search(parameter.text_at("name")[:300])
        if match is not None and parameter.text_at("value").lower() == "true":
            text = f"The parameter {parameter.text_at('name')[:100]} is true."
            yield Fact((*subject_id, parameter.text_at("name")[:300]), parameter.line, text)
