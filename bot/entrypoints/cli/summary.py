"""A tick as Markdown, for a job summary."""

from __future__ import annotations

from bot.escape import text
from bot.model.proposal import Tick
from bot.report.markdown import summary


def tick_summary(tick: Tick) -> str:
    """What was seen and done, as GitHub renders it; at most a few lines per action."""
    lines = [f"### Clockwork on `{tick.branch}` at `{tick.commit[:12]}`", ""]
    if tick.blocked:
        lines += [f"**{text(tick.blocked)}**", ""]
    if tick.actions:
        lines += ["| effect | remedy | task | |", "|---|---|---|---|"]
    for action in tick.actions:
        link = f" [link]({action.url})" if action.url else ""
        lines.append(f"| {action.effect} | {action.lane} | {text(action.task)} | {text(action.message)}{link} |")
    return "\n".join(lines) + "\n\n" + summary(tick.report)
