"""Texts that other projects call dangerous or harmless, taken from their packages: what rules are measured with.

Nothing is downloaded. ``detect-secrets`` and ``bandit`` are read where they are installed, workflows and bandit's examples
from source archives in a folder (``pip download --no-deps --no-binary :all: bandit``, and so on).
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import random
import shutil
import string
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests.secrecy.samples import drawn

_TIMES: Final = 12
_PUBLIC: Final = frozenset({"IPPublicDetector", "ArtifactoryDetector", "CloudantDetector", "PrivateKeyDetector"})
"""What is no credential, or nothing but a beginning of one."""
_TLS: Final = frozenset({"B501", "B323"})
_ZIZMOR: Final = {
    "dangerous-triggers": "CI-002",
    "template-injection": "CI-002",
    "github-env": "CI-003",
    "secrets-inherit": "CI-003",
    "overprovisioned-secrets": "CI-003",
    "bot-conditions": "CI-003",
    "self-hosted-runner": "CI-003",
}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A file, and the rules that somebody else says it breaks; ``rules`` are all that are judged by it."""

    source: str
    path: str
    text: str
    rules: frozenset[str]
    breaks: frozenset[str]


def collected(packages: Path | None) -> tuple[list[LabelledText], list[str]]:
    """All texts, and a sentence for each source that is not here."""
    texts: list[LabelledText] = []
    absent: list[str] = []
    if find_spec("detect_secrets") is None:
        absent.append("detect-secrets is not installed: no credentials by its patterns")
    else:
        texts += [*_credentials(), *_named(), *_harmless()]
    archives = sorted(packages.glob("*.tar.gz")) if packages is not None else []
    if find_spec("bandit") is None or not any(path.name.startswith("bandit-") for path in archives):
        absent.append("bandit and its source archive are not both here: none of its examples")
    if shutil.which("zizmor") is None:
        absent.append("zizmor is not installed: no workflows")
    with tempfile.TemporaryDirectory() as folder:
        for archive in archives:
            root = _unpacked(archive, Path(folder))
            texts += [*_by_bandit(root), *_by_zizmor(root)]
    return texts, absent


def _credentials() -> Iterator[LabelledText]:
    """Texts made from the patterns of detect-secrets' plugins, in a line of code."""
    from detect_secrets import plugins

    for module in pkgutil.iter_modules(plugins.__path__):
        for name, plugin in vars(importlib.import_module(f"{plugins.__name__}.{module.name}")).items():
            patterns = getattr(plugin, "denylist", None)
            if not name.endswith(("Detector",)) or name in _PUBLIC or not isinstance(patterns, list | tuple):
                continue
            for number, pattern in enumerate(patterns):
                yield from _drawn(name, number, pattern)


def _drawn(name: str, number: int, pattern: Any) -> Iterator[LabelledText]:
    for seed in range(_TIMES):
        try:
            text = drawn(pattern.pattern, random.Random(f"{name} {number} {seed}"))
        except (AssertionError, IndexError, KeyError):
            return
        if pattern.search(text):
            rules = frozenset({"SEC-001"})
            yield LabelledText(f"detect-secrets {name}", "src/app.py", f"KEY = '{text}'\n", rules, rules)


def _named() -> Iterator[LabelledText]:
    """Random values that are given to names of secrets, where detect-secrets with all its plug-ins says so too."""
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    generator = random.Random(6)
    alphabet = string.ascii_letters + string.digits
    for _ in range(20):
        for name in ("api_key", "db_password", "clientSecret", "AUTH_TOKEN", "secret-key"):
            line = f"{name} = '{''.join(generator.choices(alphabet, k=generator.choice([20, 32, 40])))}'"
            with default_settings():
                told = any(True for _ in scan_line(line))
            if told:
                rules = frozenset({"SEC-002"})
                yield LabelledText("detect-secrets of random values", "src/app.py", f"{line}\n", rules, rules)


def _harmless() -> Iterator[LabelledText]:
    """Values that detect-secrets' own heuristics call no secrets, given to names of secrets."""
    from detect_secrets.filters import heuristic

    generator = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    for _ in range(60):
        digits = "".join(generator.choices("0123456789abcdef", k=32))
        uuid = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        start = generator.randint(0, 12)
        name = "".join(generator.choices(letters, k=12))
        values = {
            uuid: heuristic.is_potential_uuid(uuid),
            letters[start : start + 20]: heuristic.is_sequential_string(letters[start : start + 20]),
            f"${name.upper()}9Xk2": heuristic.is_prefixed_with_dollar_sign(f"${name.upper()}9Xk2"),
            f"<{name}-Xk29>": heuristic.is_templated_secret(f"<{name}-Xk29>"),
            f"{{{name}Xk29}}": heuristic.is_templated_secret(f"{{{name}Xk29}}"),
        }
        for value, harmless in values.items():
            if harmless:
                rules = frozenset({"SEC-001", "SEC-002"})
                yield LabelledText(
                    "detect-secrets heuristics", "src/app.py", f"api_key = '{value}'\n", rules, frozenset()
                )


def _unpacked(archive: Path, folder: Path) -> Path:
    target = folder / archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="data")
    return target


def _by_bandit(root: Path) -> Iterator[LabelledText]:
    """Files of bandit's examples, by what bandit says of them."""
    examples = next((path for path in root.glob("bandit-*/examples")), None)
    if examples is None or find_spec("bandit") is None:
        return
    command = [sys.executable, "-m", "bandit", "-q", "-r", str(examples), "-f", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    broken = {result["filename"] for result in json.loads(answer.stdout)["results"] if result["test_id"] in _TLS}
    for file in sorted(examples.rglob("*.py")):
        rules = frozenset({"SEC-004"})
        text = file.read_text("utf-8", "replace")
        yield LabelledText(
            "bandit examples", f"src/{file.name}", text, rules, rules if str(file) in broken else frozenset()
        )


def _by_zizmor(root: Path) -> Iterator[LabelledText]:
    """Workflows, by what zizmor says of them."""
    files = sorted(root.rglob(".github/workflows/*.y*ml"))
    if not files or shutil.which("zizmor") is None:
        return
    command = [
        "zizmor",
        "--offline",
        "--no-config",
        "--no-exit-codes",
        "--persona",
        "auditor",
        "--format",
        "json",
        *map(str, files),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    broken: dict[str, set[str]] = {}
    for finding in json.loads(answer.stdout or "[]"):
        for location in finding["locations"]:
            local = location["symbolic"]["key"].get("Local", {})
            path = local.get("verbatim_path") or local.get("given_path", "")
            if finding["ident"] in _ZIZMOR and finding["determinations"]["confidence"] == "High":
                broken.setdefault(Path(path).name, set()).add(_ZIZMOR[finding["ident"]])
    for file in files:
        rules = frozenset(_ZIZMOR.values())
        text = file.read_text("utf-8", "replace")
        path = f".github/workflows/{file.name}"
        yield LabelledText(f"zizmor on {root.name}", path, text, rules, frozenset(broken.get(file.name, ())))
