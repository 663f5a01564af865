"""The version has one home, ``bot/__init__.py``; what repeats it is written and checked here, and so are a release's notes.

``python .github/scripts/release.py prepare 0.2.0`` before the tag: writes the version everywhere and gives what is unreleased
in the changelog its heading and date. ``… notes v0.2.0`` in the release workflow: prints that version's section, and ends with
1 where any place says another version. Nothing of the project is imported, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CHANGELOG: Final = ".github/CHANGELOG.md"
VERSION: Final = r"\d+\.\d+\.\d+"
"""What PEP 440 and semantic versions, which charts have, read alike."""
PLACES: Final[Mapping[str, str]] = {
    "bot/__init__.py": rf'(?m)(?<=^__version__ = ")({VERSION})(?="$)',
    "templates/deploy/chart/Chart.yaml": rf"(?m)(?<=ersion: )({VERSION})$",
    "templates/deploy/manifests/clockwork.yaml": rf"(?<=clockwork[-:])({VERSION})$|(?<=version: \")({VERSION})(?=\"$)",
    "templates/workflows/clockwork-guard.yml": rf"(?<===)({VERSION})(?=')",
    "templates/workflows/clockwork-guard-publish.yml": rf"(?<===)({VERSION})(?=')",
    "templates/workflows/clockwork-fleet.yml": rf"(?<===)({VERSION})(?=')",
}
"""Files and where a version stands in them; each holds it at least once."""
_UNRELEASED: Final = "## Unreleased\n"


class Mistake(Exception):
    """What is wrong, for people."""


def prepare(root: Path, version: str, today: date) -> None:
    """Every place says ``version``, and what was unreleased is in its section. Raises :class:`Mistake` and changes nothing
    where the changelog has nothing that is unreleased, or has the version already.
    """
    if not re.fullmatch(VERSION, version):
        raise Mistake(f"{version!r} is no version: write it as 1.2.3")
    log = (root / CHANGELOG).read_text()
    if re.search(rf"(?m)^## {re.escape(version)}\b", log):
        raise Mistake(f"{CHANGELOG} has {version} already")
    if not _section(log, "Unreleased"):
        raise Mistake(f"{CHANGELOG} has nothing unreleased")
    for name, pattern in PLACES.items():
        path = root / name
        path.write_text(re.sub(pattern, version, path.read_text(), flags=re.MULTILINE))
    (root / CHANGELOG).write_text(log.replace(_UNRELEASED, f"{_UNRELEASED}\n## {version} ({today:%Y-%m-%d})\n", 1))


def notes(root: Path, tag: str) -> str:
    """The section of the tag's version. Raises :class:`Mistake` where a place says another one, or there is no section."""
    version = tag.removeprefix("v")
    others = [f"{name} says {told}, the tag {version}" for name, told in told_versions(root) if told != version]
    if others:
        raise Mistake("\n".join(others))
    section = _section((root / CHANGELOG).read_text(), version)
    if not section:
        raise Mistake(f"{CHANGELOG} has no section about {version}")
    return section


def told_versions(root: Path) -> Iterator[tuple[str, str]]:
    """Each place with each version that it says; an empty one where it says none."""
    for name, pattern in PLACES.items():
        matches = list(re.finditer(pattern, (root / name).read_text(), re.MULTILINE))
        yield from ((name, match[0]) for match in matches) if matches else ((name, ""),)


def _section(log: str, title: str) -> str:
    match = re.search(rf"(?ms)^## {re.escape(title)}\b[^\n]*\n(.*?)(?=^## |\Z)", log)
    return match[1].strip() if match else ""


def main(argv: Sequence[str] | None = None) -> int:
    """0 when done; 1 with what is wrong on standard error."""
    parser = argparse.ArgumentParser(prog="release.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare").add_argument("version")
    verbs.add_parser("notes").add_argument("tag")
    given = parser.parse_args(argv)
    try:
        if given.verb == "prepare":
            prepare(ROOT, given.version, datetime.now(UTC).date())
        else:
            print(notes(ROOT, given.tag))
    except Mistake as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
