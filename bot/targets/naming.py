"""Names for places: short, told apart, and those that a person would say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.model.target import Target, Unit
from bot.targets.paths import TARGET_NAME

_GENERIC: Final = frozenset(
    {"overlays", "overlay", "envs", "env", "environments", "environment", "base", "bases", "k8s", "kubernetes", "deploy",
     "deployment", "deployments", "manifests", "clusters", "cluster", "apps", "app", "kustomize", "flux", "flux-system",
     "config", "argocd", "argo", "gitops", "src", "main"}
)  # fmt: skip
"""Folder names that say what kind of thing lies below them and not which one."""


def names(folders: Iterable[str], *, top: str = "default") -> Mapping[str, str]:
    """A name for each folder: its last telling part, with parts before it where two would be called the same."""
    unique_folders = sorted(set(folders))
    telling_parts = {folder: _telling_parts(folder) or [top] for folder in unique_folders}
    length = dict.fromkeys(unique_folders, 1)
    while True:
        chosen_names = {folder: "-".join(telling_parts[folder][-length[folder] :]) for folder in unique_folders}
        counts = Counter(chosen_names.values())
        longer = [f for f in unique_folders if counts[chosen_names[f]] > 1 and length[f] < len(telling_parts[f])]
        if not longer:
            return {
                folder: name(text) if counts[text] == 1 else _numbered(folder) for folder, text in chosen_names.items()
            }
        for folder in longer:
            length[folder] += 1


def _telling_parts(folder: str) -> list[str]:
    parts = [part for part in folder.split("/") if part]
    return [part for part in parts if part.lower() not in _GENERIC] or parts[-1:]


def _numbered(folder: str) -> str:
    return name(folder.replace("/", "-"))


def name(text: str) -> str:
    """``text`` as a target may be called."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:63].strip("-._") or "target"
    return slug if TARGET_NAME.fullmatch(slug) else "target"


def with_unique_names(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets, with a number where two would be called the same; those that settings name keep their names."""
    used = {target.name for target in targets if target.declared}
    result: list[Target] = []
    for target in targets:
        new_name, number = target.name, 2
        while not target.declared and new_name in used:
            new_name, number = name(f"{target.name[:58]}-{number}"), number + 1
        used.add(new_name)
        result.append(target if new_name == target.name else replace(target, name=new_name))
    return tuple(result)


def of_units(units: Iterable[Unit]) -> Mapping[int, str]:
    """A name for each unit, by its ``id()``: its own, with a number where several are called the same."""
    counts: dict[str, int] = defaultdict(int)
    names_by_unit: dict[int, str] = {}
    for unit in units:
        base = name(unit.name)
        counts[base] += 1
        names_by_unit[id(unit)] = base if counts[base] == 1 else name(f"{base}-{counts[base]}")
    return names_by_unit
