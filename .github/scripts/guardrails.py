"""Renews ``bot/guardrails/shipped.json``: what the documents in ``policies/guardrails`` say, so that no run reads them again.

Usage: ``python .github/scripts/guardrails.py``, after any of them was changed.
"""

from __future__ import annotations

import json

from bot import shipped
from bot.guardrails import documents, ready


def main() -> None:
    """Write the file."""
    fronts = {
        ready.digest(data): ready.written(documents.parse(path, data))
        for path, data in shipped.files("policies", "guardrails/**/*.md").items()
        if not path.lower().endswith("readme.md")
    }
    rows = (f"{json.dumps(digest)}: {json.dumps(front)}" for digest, front in fronts.items())
    ready.FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
