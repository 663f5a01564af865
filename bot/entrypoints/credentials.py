"""Secrets as files: what service managers, Kubernetes and container engines hand over without putting it into a command line
or the list of a process' variables.

``CLOCKWORK_CREDENTIALS`` names a folder. Each file in it stands for the variable of its name: ``CLOCKWORK_TOKEN``,
``CLOCKWORK_SECRET``, or whatever the settings name. A variable that is set is not replaced.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bot.errors import Invalid

FOLDER: Final = "CLOCKWORK_CREDENTIALS"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_LARGEST: Final = 1024 * 1024
"""Bytes; systemd's own limit for all credentials of a unit (systemd.exec(5), LoadCredential)."""


def credentials(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that files stand for and the environment lacks; none where no folder is named.

    The newline at the end of a file is not part of its value. Raises ``Invalid`` where the folder or a file of it cannot be
    read, is no text or is larger than a megabyte.
    """
    folder = environment.get(FOLDER)
    if not folder:
        return {}
    try:
        return {path.name: _value(path) for path in _files(Path(folder)) if path.name not in environment}
    except OSError as exc:
        missing_path = os.fsdecode(exc.filename) if exc.filename else folder
        raise Invalid(
            f"{FOLDER}: cannot read {missing_path}: {exc.strerror}", advice="Check the folder and its rights."
        ) from exc


def _files(folder: Path) -> Iterator[Path]:
    """Kubernetes puts folders of its own, with dots before their names, beside the files of a secret."""
    return (path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name) and path.is_file())


def _value(path: Path) -> str:
    if path.stat().st_size > _LARGEST:
        raise Invalid(f"{FOLDER}: {path} is larger than {_LARGEST:,} bytes")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # not chained: the reason holds the bytes
        raise Invalid(f"{FOLDER}: {path} is no text in UTF-8") from None
    if "\0" in text:
        raise Invalid(f"{FOLDER}: {path} holds a zero byte, which no variable can")
    return text.removesuffix("\n").removesuffix("\r")
