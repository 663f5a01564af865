"""``clockwork build``: what a commit comes to for each target, as files that can be kept, signed and applied."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, TaskOption, grouped, located
from bot.entrypoints.cli.printing import print_json

if TYPE_CHECKING:
    from bot.wiring.repository import Options


class BundleForm(StrEnum):
    """How a bundle is written."""

    FOLDER = "folder"
    TAR = "tar"
    OCI = "oci"


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo settings var target"))
    def build(
        *,
        out: Annotated[Path, typer.Option("--out", "-o", metavar="PATH", help="Where to; it must not be there yet.")],
        options: Options,
        task: TaskOption = None,
        form: Annotated[
            BundleForm, typer.Option("--form", help="A folder, a tar archive, or a folder in OCI image layout.")
        ] = BundleForm.FOLDER,
        as_json: JsonOption = False,
    ) -> None:
        """Write what a commit comes to for each target: rendered files with their digests. The same bytes every time."""
        from bot.errors import Invalid
        from bot.plans.bundle import INDEX
        from bot.plans.packing import oci_layout, tar
        from bot.wiring.reconcile import open_build

        if out.exists():
            raise Invalid(f"{out} is there already", advice="Name a path that is free, or remove it first.")
        if form is not BundleForm.TAR and out.resolve().is_relative_to(Path(options.repo).resolve()):
            raise Invalid(
                f"{out} lies in the repository, where its files would be read as declarations",
                advice="Name a path outside of it, or use --form tar.",
            )
        built = open_build(options, tasks=task or ())
        name = f"{Path(built.repository).name}:{built.commit[:12]}"
        match form:
            case BundleForm.FOLDER:
                _write(out, built.files)
            case BundleForm.TAR:
                _write(out, {"": tar(built.files)})
            case BundleForm.OCI:
                _write(out, oci_layout(built.files, name=name, revision=built.commit, source=built.repository))
        if as_json:
            print_json({"out": str(out), "form": form.value, **json.loads(built.files[INDEX])})
            return
        print(f"Built {out}: {len(built.files)} files of {built.commit[:12]}.")


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """``files`` below ``out``, or ``out`` itself where the one file has no name of its own: it is there whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as workspace:
        bundle_path = Path(workspace) / out.name
        for path, data in files.items():
            file = bundle_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        bundle_path.rename(out)
