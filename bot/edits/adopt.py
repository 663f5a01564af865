"""Live values into the files that declare them: the editor behind config pull requests and patches of plain manifests.

Each source language has its own editor; all of them splice byte spans, parse the result again and refuse when anything but
the intended value moved. Called by flows with the bytes of the commit they are about to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from bot.edits.compose import adopt_compose
from bot.edits.plain import edited
from bot.edits.values import paired
from bot.errors import Refused
from bot.intake.scalars import Dialect
from bot.model.drift import Adoption, Edit
from bot.model.resource import Desired, SourceKind

if TYPE_CHECKING:
    from bot.assembly.config import AssembledConfig


def adopt(
    desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes], *, cw: AssembledConfig | None = None
) -> Adoption:
    """The files that must change so that ``desired`` reads as it does after ``edits``.

    ``files`` are the repository's files as ``desired`` was read from them; ``cw`` the configuration for ``.cw`` sources.
    Raises :class:`~bot.errors.Refused` when the values cannot be written there safely.
    """
    if not edits:
        return Adoption()
    edits = paired(desired.tree, edits)
    match desired.source:
        case SourceKind.KUBERNETES:
            return _manifest(desired, edits, files)
        case SourceKind.COMPOSE:
            return adopt_compose(desired, edits, files)
        case SourceKind.TERRAFORM:
            from bot.edits.terraform import adopt_terraform

            return adopt_terraform(desired, edits, files)
        case SourceKind.CW:
            from bot.edits.cw import adopt_cw

            if cw is None:
                raise Refused(f"{desired.file} can only be edited together with its whole configuration")
            return adopt_cw(desired, edits, files, cw)
        case SourceKind.RENDERED:
            raise Refused(f"{desired.file} is rendered: its values are set where its tool reads them")
        case SourceKind.APPLIED:
            raise Refused(f"no file declares {desired.id} any more")
        case SourceKind.SETTINGS:
            raise Refused(f"{desired.file} holds settings: change it by hand")
        case _ as never:
            assert_never(never)


def _manifest(desired: Desired, edits: Sequence[Edit], files: Mapping[str, bytes]) -> Adoption:
    if desired.file not in files:
        raise Refused(f"{desired.file} is no longer there")
    below = [replace(edit, pointer=desired.root + edit.pointer) for edit in edits]
    data = edited(desired.file, files[desired.file], below, document=desired.document, dialect=Dialect.KUBERNETES)
    return Adoption({desired.file: data} if data != files[desired.file] else {})
