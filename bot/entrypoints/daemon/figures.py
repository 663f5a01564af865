"""Prometheus text: what the daemon itself knows, without needing a library for a few numbers."""

from __future__ import annotations

from bot.entrypoints.daemon.status import DaemonStatus


def metrics(status: DaemonStatus, waiting: int) -> str:
    """The figures at this moment; ``waiting`` pieces of work are in the queue."""
    last = status.last
    figures = {
        "clockwork_ticks_total": status.ticks,
        "clockwork_failures_total": status.failures,
        "clockwork_queue_length": waiting,
        "clockwork_drift": len(last.report.drift) if last else 0,
        "clockwork_unreachable": len(last.report.unreachable) if last else 0,
        "clockwork_blocked": int(bool(last and last.blocked)),
        "clockwork_paused": int(status.pause is not None),
        "clockwork_step_overdue": int(status.overdue is not None),
    }
    lines = []
    for name, figure in figures.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# TYPE {name} {kind}", f"{name} {figure}"]
    by_target = last.report.drift_by_target if last else {}
    if by_target:  # a target's name needs no escaping: bot.model.target.TARGET_NAME
        lines.append("# TYPE clockwork_target_drift gauge")
        lines += [f'clockwork_target_drift{{target="{name}"}} {figure}' for name, figure in by_target.items()]
    return "\n".join(lines) + "\n"
