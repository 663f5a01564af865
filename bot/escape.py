"""Makes text from outside harmless before it becomes part of a message: drift values, names, titles, messages.

Pure. Used by the templates (as filters, see :data:`FILTERS`), by reports, and by the host adapter for titles. Hostile
text must not forge a marker, mention anybody, close an issue, skip a check, be a command to another bot, or hide
itself. Everything stays readable: what is dangerous is replaced by something that looks alike or is shown as an escape,
and nothing is dropped but tokens: values arrive masked, and a text of somebody else may still quote one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bot.model.patterns import regex
from bot.secrecy.redaction import redact_tokens

MAX_BODY: Final = 65_535
"""Characters in a body (more than 65,536 is 422 "body is too long") or a check run's summary (65,535: docs.github.com, "REST
API endpoints for check runs")."""
_MAX_TITLE: Final = 250
_MAX_VALUE: Final = 300
_MAX_BLOCK: Final = 8_000
_ABSENT: Final = "(absent)"

_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# ``#26`` and ``GH-26`` (docs.github.com, "Autolinked references and URLs").
_REFERENCE: Final = regex(r"#(?=\d)|(?<=\b[Gg][Hh])-(?=\d)")
# docs.github.com, "Linking a pull request to an issue": the keywords that close one.
_CLOSING: Final = regex(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b(:?\s+)(?=\S*(?:#|＃|/issues/|/pull/))", re.IGNORECASE
)
# docs.github.com, "Skipping workflow runs".
_SKIP: Final = regex(r"\[(?=(?:skip ci|ci skip|no ci|skip actions|actions skip)\])|\bskip-checks(?=:)", re.IGNORECASE)
# docs.github.com, "Mentioning people and teams". In ``registry/web@sha256:…`` the sign is inside of a word.
_MENTION: Final = regex(r"(?<![\w.-])@(?=\w)")
_LINK: Final = regex(r"https?://[A-Za-z0-9._~:/?#&=%+-]+")
_MARKDOWN: Final = regex(r"([\\`*_\[\]|~$])")
_FENCE: Final = regex(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_TICKS: Final = regex(r"`+")


def line(value: object, limit: int = _MAX_VALUE) -> str:
    """One line of plain text, as for a commit message or a title: no control characters, mentions or references.

    ``@`` and ``#1`` become their full-width twins, white space is collapsed, at most ``limit`` characters remain.
    """
    text = visible(" ".join(str(value).split()))
    text = _CLOSING.sub(lambda match: f"{match[1]}{match[2]}“", text)
    text = _REFERENCE.sub(lambda match: "＃" if match[0] == "#" else "‑", text)
    text = _SKIP.sub(lambda match: "［" if match[0] == "[" else "skip_checks", text).replace("@", "＠")
    if text.startswith("/"):
        text = "／" + text[1:]
    return _cut(text, limit)


def title(value: object) -> str:
    """A title for a pull request, issue or check; never empty."""
    return line(value, _MAX_TITLE) or "(no title)"


def text(value: object) -> str:
    """One line of prose inside Markdown: like :func:`line`, with Markdown and HTML shown as written. Links stay links."""
    plain = line(value, 1000)
    parts, at = [], 0
    for match in _LINK.finditer(plain):
        parts += [_escaped(plain[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*parts, _escaped(plain[at:])])


def code(value: object) -> str:
    """A code span for anything, also inside a table; nothing for an empty text.

    A squash merge copies the body into a commit message (docs.github.com, "About pull request merges"), where code marks
    protect nothing: what would skip a workflow, close an issue or mention somebody is inert in here as well.
    """
    plain = _cut(_inert(visible(str(value))), _MAX_VALUE)
    if not plain.strip():
        return "" if not plain else "`␠`"
    if "|" in plain:
        return f"<code>{_entities(plain)}</code>"
    ticks = max((len(run) for run in _TICKS.findall(plain)), default=0) + 1
    pad = " " if plain.startswith("`") or plain.endswith("`") or (plain[0] == " " == plain[-1]) else ""
    return f"{'`' * ticks}{pad}{plain}{pad}{'`' * ticks}"


def block(value: object, language: str = "", limit: int = _MAX_BLOCK) -> str:
    """A fenced block of at most ``limit`` characters whose fence is longer than any run of backticks inside it; as inert as
    :func:`code`.
    """
    plain = _cut("\n".join(_inert(visible(row)) for row in str(value).splitlines()), limit)
    fence = "`" * max(3, max((len(run) for run in _TICKS.findall(plain)), default=0) + 1)
    return f"{fence}{re.sub('[^a-z0-9]', '', language)}\n{plain}\n{fence}"


def prose(value: object) -> str:
    """One line of our own with code marks in it, around text from outside: what stands in marks is code, the rest text."""
    parts = re.split(r"`([^`]+)`", " ".join(str(value).split()))
    return "".join(code(part) if number % 2 else _spaced(part) for number, part in enumerate(parts))


def _spaced(plain: str) -> str:
    """:func:`text` with the spaces at its ends."""
    if not plain.strip():
        return plain
    before, after = " " * plain.startswith(" "), " " * plain.endswith(" ")
    return f"{before}{text(plain)}{after}"


def _inert(plain: str) -> str:
    """What acts in a commit message although it stands in code, replaced by what looks alike."""
    plain = _CLOSING.sub(lambda match: f"{match[1]}{match[2]}“", plain)
    plain = _SKIP.sub(lambda match: "［" if match[0] == "[" else "skip_checks", plain)
    return _MENTION.sub("＠", plain)


def value(datum: object) -> str:
    """A desired or observed value in one line: text as it is, everything else as compact JSON, None as absent."""
    if datum is None:
        return _ABSENT
    return (
        datum
        if isinstance(datum, str)
        else json.dumps(datum, ensure_ascii=False, default=_plain, separators=(", ", ": "))
    )


def summary(datum: object) -> str:
    """Like :func:`value`, but a whole tree is only counted."""
    shown_value = value(datum)
    if len(shown_value) <= 80 or isinstance(datum, str):
        return shown_value
    if isinstance(datum, Mapping):
        return f"a mapping with {len(datum)} keys: {', '.join(map(str, list(datum)[:5]))}"
    return f"a list of {len(datum)} elements" if isinstance(datum, Sequence) else shown_value


def clip(body: str, limit: int = MAX_BODY) -> str:
    """``body`` with at most ``limit`` characters, cut at a line end, with open fences closed and the cut mentioned."""
    if len(body) <= limit:
        return body
    note = "\n\n*The rest is left out: it is longer than a message may be.*\n"
    kept_text = body[: limit - len(note) - 80]
    kept_text = kept_text[: kept_text.rfind("\n") + 1] or kept_text
    return kept_text.rstrip("\n") + _open_fence(kept_text) + note


FILTERS: Final[Mapping[str, Callable[..., str]]] = {
    "text": text,
    "prose": prose,
    "code": code,
    "block": block,
    "line": line,
    "value": value,
    "summary": summary,
}
"""The filters that the message templates use, by name."""


def visible(plain: str) -> str:
    """Control, format and bidirectional characters as escapes, tokens redacted, everything else as it is."""
    plain = redact_tokens(plain)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in plain)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _escaped(plain: str) -> str:
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _MARKDOWN.sub(r"\\\1", plain)
    return f"\\{plain}" if plain[:1] and plain[0] in "-+#=" else plain


def _entities(plain: str) -> str:
    return "".join(char if char.isalnum() or char in " .,:;/-=\"'" else f"&#{ord(char)};" for char in plain)


def _cut(plain: str, limit: int) -> str:
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def _open_fence(kept_text: str) -> str:
    """What closes the fence that is open at the end of ``kept_text``."""
    fence = ""
    for run in _FENCE.findall(kept_text):
        if not fence:
            fence = run
        elif run[0] == fence[0] and len(run) >= len(fence):
            fence = ""
    return f"\n{fence}" if fence else ""


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence | set | frozenset) else str(value)
