"""A report or a run as Markdown, with counts, for a job summary: ``drift --markdown`` and ``reconcile --summary``.

Values, names and log lines come from outside. They are shown inside ``<code>`` with every character that Markdown, HTML
or GitHub could act on written as a character reference: they cannot break the table, link, mention anybody, close an
issue, or forge a marker.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from bot import escape
from bot.model.decision import Decision
from bot.model.drift import Drift, Report
from bot.model.json import JSON, plain
from bot.model.proposal import Tick
from bot.model.severity import Severity
from bot.model.wording import counted, minute
from bot.report.contrast import contrasted
from bot.report.json import counts
from bot.report.score import by_resource, by_target, score
from bot.report.wording import NOTHING_DECLARED, all_compared, remedy, sides, suggested_action

_SAFE: Final = re.compile(r"[^A-Za-z0-9 .,/=+()%-]")
_INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
# With these, the page stays below the 1 MiB that GitHub takes for a step's summary (Workflow commands, Step isolation and
# limits), whatever is written into names, values and logs.
_LONGEST: Final = 120
_MOST_ROWS: Final = 200
_MOST_EVIDENCE: Final = 6
_MOST_EXPLAINED: Final = 30
_MOST_SCORES: Final = 20
_MOST_SUGGESTED: Final = 50
_BADGE: Final = {Severity.CRITICAL: "🟥", Severity.HIGH: "🟧", Severity.MEDIUM: "🟨", Severity.LOW: "🟦"}


def summary(report: Report, decisions: Sequence[Decision] = ()) -> str:
    """The whole report in at most 200 rows, 30 of them with a few lines of evidence, ending with a newline.

    With ``decisions`` it also says what comes of each difference, in at most 50 lines.
    """
    parts = [
        "## Drift\n",
        _verdict(report),
        _table(report.drift),
        _list("Scores", _scores(report)),
        _list("Suggested actions", _suggested(decisions)),
        _list(
            "Live state that could not be read",
            (f"{code(u.observer)} at {code(u.target)}: {code(u.cause)}" for u in report.unreachable),
        ),
        _list("Errors in Git", (f"{code(f'{e.file}:{e.line}:{e.column}')} {code(e.message)}" for e in report.errors)),
        _suppressed(report),
        _list("Notes", (f"{code(n.rule)} is {n.state}: {code(n.detail)}" for n in report.notes)),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def tick_summary(tick: Tick) -> str:
    """What one run observed and did, for a job summary; one row per action."""
    lines = [f"### Clockwork on `{tick.branch}` at `{tick.commit[:12]}`", ""]
    if tick.blocked:
        lines += [f"**{escape.text(tick.blocked)}**", ""]
    if tick.actions:
        lines += ["| effect | remedy | task | |", "|---|---|---|---|"]
    for action in tick.actions:
        link = f" [link]({action.url})" if action.url else ""
        lines.append(
            f"| {action.effect} | {remedy(action.lane)} | {escape.text(action.task)} | {escape.text(action.message)}{link} |"
        )
    return "\n".join(lines) + "\n\n" + summary(tick.report)


def code(text: str) -> str:
    """``text`` as harmless inline code of one line, cut to 120 characters."""
    line = _INVISIBLE.sub(lambda match: " " if match[0] in "\n\r\t" else "�", text)
    short_line = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return "<code>" + _SAFE.sub(lambda match: f"&#{ord(match[0])};", short_line) + "</code>" if short_line else ""


def code_pair(declared: JSON, live: JSON) -> tuple[str, str]:
    """Two values as harmless inline code, cut to the part that differs; a dash for one that is not there."""
    before, after = contrasted(_text(declared), _text(live), _LONGEST)
    return "—" if declared is None else code(before), "—" if live is None else code(after)


def _text(shown_value: JSON) -> str:
    if shown_value is None:
        return ""
    return (
        shown_value
        if isinstance(shown_value, str) and shown_value
        else json.dumps(plain(shown_value), ensure_ascii=False)
    )


def in_short(evidence: Sequence[str]) -> list[str]:
    """The first and the last lines of what a problem's status, events and log say, and how many are left out."""
    if len(evidence) <= _MOST_EVIDENCE:
        return [*evidence]
    half = _MOST_EVIDENCE // 2
    return [*evidence[:half], f"… {len(evidence) - 2 * half} more lines …", *evidence[-half:]]


def _verdict(report: Report) -> str:
    declared, suppressed = counted(report.resources, "declared resource"), f"{len(report.suppressed)} suppressed"
    if not report.drift:
        clean = all_compared(report)
        if clean and not report.resources:
            return f"{NOTHING_DECLARED}\n"
        verdict = "In sync: what runs is what Git says." if clean else "No difference in what could be compared."
        return f"{verdict} {declared}, {suppressed}.\n"
    levels = counts(report).items()
    numbers = ", ".join(f"{_BADGE[Severity(level)]} {number} {level}" for level, number in levels if number)
    differences = counted(len(report.drift), "difference").replace(" ", "** ", 1)
    return f"**{differences} in {declared}: {numbers}; {suppressed}. Score {score(report.drift):g} of 100.\n"


def _scores(report: Report) -> Iterator[str]:
    """Of each target, and of the worst resources, where there are several."""
    if len(report.targets) > 1:
        yield from (f"target {code(name)}: {points:g}" for name, points in by_target(report).items() if points)
    resources = by_resource(report)
    if len(resources) > 1:
        yield from (f"{code(name)}: {points:g}" for name, points in islice(resources.items(), _MOST_SCORES))


def _suggested(decisions: Sequence[Decision]) -> Iterator[str]:
    yield from (escape.text(suggested_action(decision)) for decision in decisions[:_MOST_SUGGESTED])
    if len(decisions) > _MOST_SUGGESTED:
        yield f"… and {len(decisions) - _MOST_SUGGESTED} more"


def _table(drifts: Sequence[Drift]) -> str:
    if not drifts:
        return ""
    explained = [index for index, drift in enumerate(drifts) if drift.evidence][:_MOST_EXPLAINED]
    rows = [_row(drift, evidence=index in explained) for index, drift in enumerate(drifts[:_MOST_ROWS])]
    remainder = len(drifts) - len(rows)
    last_line = [f"\n… and {remainder} more."] if remainder else []
    head = ["| severity | resource | what | Git says | live | who | where |", "|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows, *last_line]) + "\n"


def _row(drift: Drift, *, evidence: bool) -> str:
    description = f"{drift.kind.value} {code(drift.where)}".strip()
    if drift.message:
        description += f"<br>{code(drift.message)}"
    if evidence:
        lines = "<br>".join(code(line) for line in in_short(drift.evidence))
        description += f"<details><summary>evidence</summary>{lines}</details>"
    writer = code(drift.manager) if drift.manager else ""
    if drift.changed_at:
        writer = f"{writer} {minute(drift.changed_at)}".strip()
    location = code(drift.declared_at) if drift.file else ""
    cells = (
        f"{_BADGE[drift.severity]} {drift.severity.value}",
        code(drift.resource.qualified),
        description,
        *code_pair(*sides(drift)),
        writer,
        location,
    )
    return f"| {' | '.join(cells)} |"


def _suppressed(report: Report) -> str:
    reasons = Counter((hidden.by, hidden.reason) for hidden in report.suppressed)
    return _list("Suppressed", (f"{number} × {code(by)}: {code(reason)}" for (by, reason), number in reasons.items()))


def _list(title: str, lines: Iterable[str]) -> str:
    items = [f"- {line}" for line in lines]
    return "\n".join([f"### {title}\n", *items]) + "\n" if items else ""
