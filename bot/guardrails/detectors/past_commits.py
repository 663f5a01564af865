"""What commits between base and head wrote and later ones took away: whoever fetches the branch has it.

Called by :mod:`.secrets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Final

from bot.guardrails.detectors.encoded import runs
from bot.guardrails.rule import Hit, PastCommit, Subject
from bot.secrecy.providers import TokenProvider
from bot.secrecy.scan import MAX_LINE, compiled
from bot.secrecy.tokens import BY_NEEDLE, NEEDLES

INDEX: Final = {BY_NEEDLE[needle.id].id: index for index, needle in enumerate(NEEDLES)}
"""The needle of each provider."""
_OVERLAP: Final = 2000
"""What two pieces of a long line have in common."""


def pieces(text: str) -> list[str]:
    """A text of any length as texts that are searched whole."""
    return [text[start : start + MAX_LINE] for start in range(0, max(len(text), 1), MAX_LINE - _OVERLAP)]


def occurrences(index: int, text: str) -> Iterator[str]:
    """The matches of one needle in a line of any length, each once; piece by piece, since a pattern may look ahead far."""
    data, pattern = text.encode("utf-8", "replace"), compiled(NEEDLES[index].pattern)
    step, behind = MAX_LINE - _OVERLAP, 0
    tokens: dict[bytes, None] = {}
    for start in range(0, max(len(data), 1), step):
        for match in pattern.finditer(data, max(start, behind), start + MAX_LINE):
            if match.start() < start + step:
                tokens[match[0]] = None
                behind = match.end()
    return (token.decode("utf-8", "replace") for token in tokens)


class FinalFiles:
    """What the files of a change hold in the end, also on lines that it leaves alone. Each form is looked for once."""

    def __init__(self, subject: Subject) -> None:
        self._texts = [delta.after for delta in subject.deltas if delta.after]
        self.paths = frozenset(delta.path for delta in subject.deltas if delta.after is not None)
        self._tokens: dict[str, frozenset[str]] = {}

    def holds_token(self, provider: TokenProvider, token: str) -> bool:
        """Whether a credential of the provider is still there."""
        if provider.id not in self._tokens:
            index = INDEX[provider.id]
            self._tokens[provider.id] = frozenset(token for text in self._texts for token in occurrences(index, text))
        return token in self._tokens[provider.id]

    def holds_run(self, candidate: str) -> bool:
        """The same of a text in base64."""
        return candidate in self._runs

    def holds_line(self, line: str) -> bool:
        """The same of a whole line, however it is indented."""
        return line in self._lines

    @cached_property
    def _runs(self) -> frozenset[str]:
        return frozenset(run for text in self._texts for run in runs(text))

    @cached_property
    def _lines(self) -> frozenset[str]:
        return frozenset(line.strip() for text in self._texts for line in text.split("\n"))


def in_commit(final: FinalFiles, commit: PastCommit, hit: Hit) -> Hit:
    """A hit of a commit, told of the change."""
    location = f"in commit {commit.sha[:12]}, {hit.file}:{hit.line}"
    message = hit.message.replace("is written here", f"is written {location}").rstrip(".")
    location_suffix = "" if message != hit.message.rstrip(".") else f" {location}"
    still = hit.file if hit.file in final.paths else None
    return replace(
        hit, message=f"{message}{location_suffix}. The history keeps it.", file=still, line=None if still is None else 1
    )
