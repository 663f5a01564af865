"""A page as a browser's outline of it: landmarks, headings, ids, links, tables and whatever it would fetch or run."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"meta", "link", "br", "input", "img", "wbr"})
_LANDMARKS: Final = frozenset({"header", "nav", "main", "footer", "section", "form"})


@dataclass(frozen=True)
class Tag:
    """One start tag with its attributes; ``text`` is what stands in it, also further down."""

    name: str
    attributes: dict[str, str]
    within: tuple[str, ...]
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        return " ".join("".join(self.words).split())


class Outline(HTMLParser):
    """Reads a whole page. Fails where tags do not close in the order in which they opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self._open: list[Tag] = []
        self.feed(page)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: text or "" for name, text in attrs}
        assert len(attributes) == len(attrs), (tag, attrs)
        started = Tag(tag, attributes, tuple(each.name for each in self._open))
        self.tags.append(started)
        if tag not in _VOID:
            self._open.append(started)
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open[-1].name == tag, (tag, [each.name for each in self._open])
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.words.append(data)

    def all(self, *names: str) -> list[Tag]:
        """Every tag of these names, in order."""
        return [tag for tag in self.tags if tag.name in names]

    @property
    def landmarks(self) -> list[str]:
        """The names of what can be jumped to."""
        return [tag.name for tag in self.tags if tag.name in _LANDMARKS]

    @property
    def levels(self) -> list[int]:
        """The levels of the headings, in order."""
        return [int(tag.name[1]) for tag in self.tags if tag.name in {"h1", "h2", "h3", "h4"}]

    @property
    def ids(self) -> list[str]:
        """Every id."""
        return [tag.attributes["id"] for tag in self.tags if "id" in tag.attributes]
