"""Where the failure modes lead to on the web: pull requests, files and lines of the commit that was judged.

Every part comes from records, so it is checked or quoted before it is part of an address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from bot.workers.failures import Failure

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_ROOT: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[\w.~-]+)+")


@dataclass(frozen=True, slots=True)
class WebPages:
    """The pages of one repository at ``root`` (``https://github.com/owner/name``); without one nothing is linked.

    The paths are GitHub's (docs.github.com, "Creating a permanent link to a code snippet").
    """

    root: str | None = None

    def pull(self, number: int | None) -> str | None:
        """The page of a pull request."""
        return None if number is None or not self._has_root else f"{self.root}/pull/{number}"

    def line(self, failure: Failure) -> str | None:
        """The file at the head that was judged, at its line. A fork's commit is found there too, by its pull request."""
        head = failure.session.head
        if not failure.file or not self._has_root or not _COMMIT.fullmatch(head):
            return None
        # GitHub shows Markdown rendered, without lines, unless it is asked for the source
        plain = "?plain=1" if failure.file.endswith(".md") else ""
        anchor = "" if failure.line is None else f"#L{failure.line}"
        return f"{self.root}/blob/{head}/{quote(failure.file.encode('utf-8', 'replace'), safe='/')}{plain}{anchor}"

    @property
    def _has_root(self) -> bool:
        return self.root is not None and _ROOT.fullmatch(self.root) is not None
