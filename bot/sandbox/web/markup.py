"""Markdown as GitHub shows it: hidden comments stay hidden, other HTML is harmless, task lists have boxes to tick."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from bot.errors import Invalid

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
_TAG = re.compile(r"(<[^<>]*>)")
_HARMLESS = re.compile(
    r"</?(details|summary|br|hr|sub|sup|kbd|b|i|em|strong|code|pre|p|ul|ol|li|table|thead|tbody|tr|th|td)( open)?\s*/?>",
    re.IGNORECASE,
)
_ALERT = re.compile(r"^> \[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ ]*$", re.MULTILINE)
"""What GitHub shows as a box with that title (docs.github.com, "Basic writing and formatting syntax", Alerts)."""
_TASK = re.compile(r"\[([ xX])\]\s+")


@dataclass(frozen=True, slots=True)
class Task:
    """A check box of a task list. ``line`` counts from 0 in the body."""

    line: int
    done: bool


BoxOf = Callable[[Task], str]


def plain_box(task: Task) -> str:
    """A box that only shows."""
    return f'<span class="box" role="checkbox" aria-checked="{"true" if task.done else "false"}"></span>'


def render(text: str | None, box: BoxOf = plain_box) -> Markup:
    """``text`` as HTML that cannot run anything. ``box`` draws the check boxes of task lists."""
    tokens = _parser().parse(_ALERT.sub(lambda match: f"> **{match[1].capitalize()}**<br>", text or ""))
    _draw_boxes(tokens, box)
    parser = _parser()
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 -- every tag passed _safe_html


def ticked(body: str, line: int, *, is_ticked: bool) -> str | None:
    """``body`` with the task on ``line`` (from 0) ticked or not; None when there is no task on it."""
    lines = body.splitlines(keepends=True)
    if not 0 <= line < len(lines):
        return None
    lines[line], changed = re.subn(
        r"^(\s*(?:[-*+]|\d+[.)])\s+)\[[ xX]\]", rf"\1[{'x' if is_ticked else ' '}]", lines[line], count=1
    )
    return "".join(lines) if changed else None


def check_installed() -> None:
    """Raise ``Invalid`` where the optional markdown-it-py is not installed."""
    try:
        import markdown_it  # noqa: F401 - only whether it is there
    except ImportError as exc:
        raise Invalid(
            "the sandbox needs markdown-it-py, which is not installed",
            advice="Install it: pip install 'clockwork-gitops[sandbox]'",
        ) from exc


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.add_render_rule("html_block", _html_rule)
    parser.add_render_rule("html_inline", _html_rule)
    return parser


def _html_rule(_self: object, tokens: list[Token], index: int, *_rest: object) -> str:
    token = tokens[index]
    return token.content if token.meta.get("ours") else _safe_html(token.content)


def _safe_html(source: str) -> str:
    """Comments gone, harmless tags kept, everything else shown as text."""
    parts = _TAG.split(_COMMENT.sub("", source))
    return "".join(part if _HARMLESS.fullmatch(part) else str(escape(part)) for part in parts)


def _draw_boxes(tokens: list[Token], box: BoxOf) -> None:
    from markdown_it.token import Token

    for item, paragraph, token in zip(tokens, tokens[1:], tokens[2:], strict=False):
        kinds = (item.type, paragraph.type, token.type)
        children = token.children or []
        if kinds != ("list_item_open", "paragraph_open", "inline") or not children or token.map is None:
            continue
        match = _TASK.match(children[0].content)
        if match is None:
            continue
        children[0].content = children[0].content[match.end() :]
        box_html = box(Task(token.map[0], match[1] != " "))
        children.insert(0, Token("html_inline", "", 0, content=box_html, meta={"ours": True}))
