"""A report as Markdown, with counts, for a job summary. Called by ``clockwork drift --markdown`` and the flows.

Values, names and log lines come from outside. They are shown inside ``<code>`` with every character that Markdown, HTML
or GitHub could act on written as a character reference: they cannot break the table, link, mention anybody, close an
issue, or forge a marker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from bot.model.drift import Drift, Report, Severity
from bot.model.json import JSON
from bot.report.json import counts, plain

_SAFE: Final = re.compile(r"[^A-Za-z0-9 .,/=+()%-]")
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONGEST: Final = 120
_MOST_ROWS: Final = 200
_MOST_EVIDENCE: Final = 6
_MOST_TOLD: Final = 30
_BADGE: Final = {Severity.CRITICAL: "🟥", Severity.HIGH: "🟧", Severity.MEDIUM: "🟨", Severity.LOW: "🟦"}


def summary(report: Report) -> str:
    """The whole report in at most 200 rows, 30 of them with a few lines of evidence, ending with a newline."""
    parts = [
        "## Drift\n",
        _verdict(report),
        _table(report.drift),
        _list(
            "Could not look", (f"{code(u.observer)} at {code(u.target)}: {code(u.cause)}" for u in report.unreachable)
        ),
        _list("Mistakes in Git", (f"{code(f'{e.file}:{e.line}:{e.column}')} {code(e.message)}" for e in report.errors)),
        _suppressed(report),
        _list("To look at", (f"{code(n.rule)} is {n.state}: {code(n.detail)}" for n in report.notes)),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def code(text: str, *, limit: int = _LONGEST) -> str:
    """``text`` as harmless inline code of one line, cut to ``limit`` characters."""
    line = _INVISIBLE.sub(lambda found: " " if found[0] in "\n\r\t" else "�", text)
    cut = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return "<code>" + _SAFE.sub(lambda found: f"&#{ord(found[0])};", cut) + "</code>" if cut else ""


def value(shown: JSON) -> str:
    """A desired or observed value as harmless inline code; a dash where there is none."""
    if shown is None:
        return "—"
    return code(shown if isinstance(shown, str) and shown else json.dumps(plain(shown), ensure_ascii=False))


def in_short(evidence: Sequence[str]) -> list[str]:
    """The first and the last lines of what a problem's status, events and log say, and how many are left out."""
    if len(evidence) <= _MOST_EVIDENCE:
        return [*evidence]
    half = _MOST_EVIDENCE // 2
    return [*evidence[:half], f"… {len(evidence) - 2 * half} more lines …", *evidence[-half:]]


def _verdict(report: Report) -> str:
    found = counts(report)
    if not report.drift:
        clean = not report.unreachable and not report.errors
        said = "What runs is what Git says." if clean else "No drift where it was possible to look."
        return f"{said} {report.resources} declared resources, {len(report.suppressed)} suppressed.\n"
    numbers = ", ".join(f"{_BADGE[Severity(level)]} {number} {level}" for level, number in found.items() if number)
    return (
        f"**{len(report.drift)}** differences in {report.resources} declared resources: {numbers}; "
        f"{len(report.suppressed)} suppressed.\n"
    )


def _table(drifts: Sequence[Drift]) -> str:
    if not drifts:
        return ""
    told = [index for index, drift in enumerate(drifts) if drift.evidence][:_MOST_TOLD]
    rows = [_row(drift, told=index in told) for index, drift in enumerate(drifts[:_MOST_ROWS])]
    more = len(drifts) - len(rows)
    rest = [f"\n… and {more} more."] if more else []
    head = ["| severity | resource | what | Git says | live | who | where |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows, *rest]) + "\n"


def _row(drift: Drift, *, told: bool) -> str:
    what = f"{drift.kind.value} {code(drift.where)}".strip()
    if drift.message:
        what += f"<br>{code(drift.message)}"
    if told:
        lines = "<br>".join(code(line) for line in in_short(drift.evidence))
        what += f"<details><summary>evidence</summary>{lines}</details>"
    who = code(drift.manager) if drift.manager else ""
    if drift.changed_at:
        who = f"{who} {drift.changed_at:%Y-%m-%d %H:%M} UTC".strip()
    where = code(drift.declared_at) if drift.file else ""
    cells = (
        f"{_BADGE[drift.severity]} {drift.severity.value}",
        code(str(drift.resource)),
        what,
        value(drift.desired),
        value(drift.observed),
        who,
        where,
    )
    return f"| {' | '.join(cells)} |"


def _suppressed(report: Report) -> str:
    reasons: dict[tuple[str, str], int] = {}
    for one in report.suppressed:
        reasons[one.by, one.reason] = reasons.get((one.by, one.reason), 0) + 1
    return _list("Suppressed", (f"{number} × {code(by)}: {code(why)}" for (by, why), number in reasons.items()))


def _list(title: str, lines: Iterable[str]) -> str:
    items = [f"- {line}" for line in lines]
    return "\n".join([f"### {title}\n", *items]) + "\n" if items else ""
