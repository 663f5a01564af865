"""Which entry of a list in a Compose service makes an element of its long form. Used by :mod:`bot.drift.compose.edits`."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.drift.compose import port_pairs
from bot.drift.compose.declared import ports
from bot.drift.compose.declared.devices import device
from bot.drift.compose.declared.mounts import mount
from bot.drift.compose.shape import service_shape
from bot.drift.walk import label_of
from bot.model.json import JSON, Tree, elements, mapping

ELEMENTS: Final[Mapping[str, Callable[[JSON], list[JSON]]]] = {
    "ports": ports.port,
    "volumes": lambda entry: [mount(entry)],
    "devices": lambda entry: [device(entry)],
}
"""The lists whose entries make elements of the long form, with the reading of one."""


def range_label(entry: JSON) -> str:
    """``8000-8010/tcp`` for a port that is a range; empty for another."""
    first, last, protocol = ports.range_of(entry) or (0, 0, "")
    return f"{first}-{last}/{protocol}" if first < last else ""


@dataclass(slots=True)
class Entries:
    """The entries of one list of a service, by the labels of what they make in long form: looked through once, however many
    differences ask.

    ``exact`` are entries that alone make a label, ``usual`` the ones that go by their label where none does (-1: several make
    it together), ``ranges`` the ports that longer entries have, by protocol.
    """

    exact: dict[str, int | None] = field(default_factory=dict)
    usual: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @staticmethod
    def of(key: str, raw_entries: Sequence[JSON]) -> Entries:
        """The entries of the list ``raw_entries``, which stands at ``key``."""
        entries_by_label, label_counts = Entries(), Counter[str]()
        shape, read = service_shape().child(key), ELEMENTS[key]
        for index, entry in enumerate(raw_entries):
            if key == "ports" and (range_text := range_label(entry)):
                entries_by_label.exact.setdefault(range_text, index)
                first, last, protocol = ports.range_of(entry) or (0, 0, "")
                entries_by_label.ranges.setdefault(protocol, []).append((first, last))
                continue
            elements_made = read(entry)
            single_index = index if len(elements_made) == 1 else None
            for element in elements_made:
                if key == "ports":
                    marked = {**mapping(element), port_pairs.APART: port_pairs.mark(element)}
                    entries_by_label.exact.setdefault(label_of(marked, shape), single_index)
                name = label_of(element, shape)
                label_counts[name] += 1
                label = name if label_counts[name] == 1 else f"{name}~{label_counts[name]}"
                entries_by_label.usual.setdefault(label, -1 if single_index is None else index)
        entries_by_label.ranges = {protocol: _joined(spans) for protocol, spans in entries_by_label.ranges.items()}
        return entries_by_label

    def index(self, label: str) -> int | None:
        """The entry that alone makes the element ``label`` of the long form, or all of a range; None for one of a range."""
        if label in self.exact:
            return self.exact[label]
        default_index = None if self._within(label) else self.usual.get(label)
        return None if default_index == -1 else default_index

    def _within(self, label: str) -> bool:
        """Whether a range has the port ``label`` among its own; it is too long to look at each."""
        number, number_and_protocol = (*label.split("/"), "")[:2]
        spans = self.ranges.get(number_and_protocol.partition("~")[0], []) if number.isdigit() else []
        at = bisect_right(spans, (int(number), 1 << 30)) if spans else 0
        return at > 0 and int(number) <= spans[at - 1][1]


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ports as spans that do not touch, in order."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


@dataclass(slots=True)
class EntryIndex:
    """The lists of one service as it is written (``raw``) and in long form (``declared``), each looked through once."""

    raw: Tree
    declared: Tree = field(default_factory=dict)
    lists: dict[str, Entries] = field(default_factory=dict)
    long: dict[str, dict[str, Tree]] = field(default_factory=dict)
    pairs: dict[str, dict[str, int]] = field(default_factory=dict)

    def at(self, key: str, label: str) -> int | None:
        """The entry that alone makes the element ``label``, or all of a range; None for one of a range."""
        raw_list = self.raw.get(key)
        if key not in ELEMENTS or not isinstance(raw_list, (list, tuple)):
            return None
        if key not in self.lists:
            self.lists[key] = Entries.of(key, raw_list)
        return self.lists[key].index(label)

    def element(self, key: str, label: str) -> Tree:
        """The element ``label`` in long form; empty where there is none."""
        if key not in self.long:
            shape = service_shape().child(key)
            declared_elements = elements(self.declared.get(key))
            self.long[key] = {label_of(element, shape): mapping(element) for element in reversed(declared_elements)}
        return self.long[key].get(label, {})

    def pair(self, key: str, name: str) -> int | None:
        """The first entry of a list of ``KEY=value`` that is about ``name``."""
        if key not in self.pairs:
            names = [str(entry).partition("=")[0] for entry in elements(self.raw.get(key))]
            self.pairs[key] = {pair_name: at for at, pair_name in reversed([*enumerate(names)])}
        return self.pairs[key].get(name)
