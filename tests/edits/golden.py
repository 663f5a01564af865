"""Golden cases: ``tests/golden/<case>/`` holds ``before/``, ``after/`` and ``edit.json``; trees are compared byte for byte."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.assembly.assemble import assemble
from bot.assembly.config import AssembledConfig
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.forge.render import render
from bot.intake.read import read
from bot.model.drift import AddEntry, Adoption, Edit, RemoveEntry, SetValue
from bot.model.resource import Desired

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Case:
    """One golden case."""

    name: str
    before: dict[str, bytes]
    after: dict[str, bytes]
    resource: str
    edits: tuple[Edit, ...]
    refused: str | None
    notes: tuple[str, ...]


def files_below(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below ``folder`` by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit_of(written: dict[str, Any]) -> Edit:
    """An edit as ``edit.json`` writes it."""
    if "set" in written:
        return SetValue(tuple(written["set"]), written["value"])
    if "add" in written:
        return AddEntry(tuple(written["add"]), written.get("key"), written["value"])
    return RemoveEntry(tuple(written["remove"]))


def cases() -> list[Case]:
    """All cases on disk."""
    listed = []
    for folder in sorted(path for path in GOLDEN.iterdir() if path.is_dir() and (path / "edit.json").exists()):
        written = json.loads((folder / "edit.json").read_text(encoding="utf-8"))
        edits = tuple(edit_of(edit) for edit in written["edits"])
        listed.append(
            Case(
                folder.name,
                files_below(folder / "before"),
                files_below(folder / "after"),
                written["resource"],
                edits,
                written.get("refused"),
                tuple(written.get("notes", ())),
            )
        )
    return listed


def declared(files: dict[str, bytes]) -> tuple[dict[str, Desired], AssembledConfig | None]:
    """The resources that files declare by their short id, and the configuration behind ``.cw`` files."""
    if any(path.endswith(".cw") for path in files):
        assembly = assemble(files, variables={}, environment={})
        assert not assembly.errors, assembly.errors
        return {str(resource.id): resource for resource in render(assembly.config, Overlays()).desired}, assembly.config
    contents = read(files, project="shop")
    assert not contents.errors, contents.errors
    return {str(resource.id): resource for resource in contents.resources}, None


def carry_out(case: Case) -> Adoption:
    """The adoption that the case asks for."""
    resources, config = declared(case.before)
    return adopt(resources[case.resource], case.edits, case.before, cw=config)
