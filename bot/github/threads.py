"""Comments of ours on issues and pull requests: one for each marker.

A part of :class:`bot.github.items.Items`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot import escape
from bot.errors import Unavailable
from bot.github import payloads
from bot.github.payloads import CommentPart, MarkerCodec
from bot.github.rest import ApiResponse, RestClient
from bot.model.codehost import Comment, Marker


class Threads:
    """Reads whole threads, and writes each marked comment once."""

    def __init__(self, requests: RestClient, *, codec: Callable[[], MarkerCodec]) -> None:
        self._client = requests
        self._codec = codec

    def comments(self, number: int) -> tuple[Comment, ...]:
        """Every comment, oldest first."""
        return tuple(payloads.comment(part, self._codec()) for part in self._parts(number))

    def comment(self, number: int, *, marker: Marker, body: str) -> Comment:
        """The one comment of this kind and key, saying ``body``: found and changed where needed, or written."""
        return self._written(number, marker, body, lambda tag: tag.about == marker.about)

    def say_once(self, number: int, marker: Marker, body: str) -> Comment:
        """The one comment with exactly this marker, digest and all."""
        return self._written(number, marker, body, lambda tag: tag == marker)

    def _written(self, number: int, marker: Marker, body: str, same: Callable[[Marker], bool]) -> Comment:
        content = escape.clip(self._codec().attach(marker, body))
        part = self._matching(number, same)
        if part is None:
            part = self._write(number, content, same)
        elif (part.body or "").replace("\r\n", "\n").rstrip() != content.rstrip():
            path = f"{self._client.root}/issues/comments/{part.id}"
            part = payloads.read(CommentPart, self._client.send_again("PATCH", path, {"body": content}).data)
        return payloads.comment(part, self._codec())

    def _write(self, number: int, body: str, same: Callable[[Marker], bool]) -> CommentPart:
        cause = ""
        for _ in range(2):
            answer = self._client.send("POST", f"{self._client.root}/issues/{number}/comments", {"body": body})
            if isinstance(answer, ApiResponse):
                part = payloads.read(CommentPart, answer.data)
                return self._matching(number, same) or part
            cause = answer.cause
            if (existing := self._client.awaited(lambda: self._matching(number, same))) is not None:
                return existing
        raise Unavailable(f"the comment on #{number} could not be written: {cause}")

    def _matching(self, number: int, same: Callable[[Marker], bool]) -> CommentPart | None:
        """Our comment with such a marker; of several that parallel bots wrote, the first, and the others are deleted.

        One of our account that another secret signed is as good where there is no other: it is only written anew.
        """
        own_comments, claiming = [], []
        for part in self._parts(number):
            signed = self._codec().read(part.body, part.user)
            claim = self._codec().claimed(part.body, part.user)
            if signed is not None and same(signed.marker):
                own_comments.append(part)
            elif signed is None and claim is not None and same(claim):
                claiming.append(part)
        for extra in own_comments[1:]:
            self._client.send_again("DELETE", f"{self._client.root}/issues/comments/{extra.id}", accept={404})
        return next(iter((*own_comments, *claiming)), None)

    def _parts(self, number: int) -> Sequence[CommentPart]:
        parts = payloads.read_all(CommentPart, self._client.pages(f"{self._client.root}/issues/{number}/comments"))
        return sorted(parts, key=lambda part: part.id)
