"""The real files that lie beside a checkout of this repository, where they do."""

from __future__ import annotations

from pathlib import Path

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def corpus(folder: str, *suffixes: str) -> list[Path]:
    """The files of one corpus folder; none where the corpus is absent."""
    below = CORPUS / folder
    return sorted(path for path in below.iterdir() if path.suffix in suffixes) if below.is_dir() else []
