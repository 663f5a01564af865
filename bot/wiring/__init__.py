"""Joins settings, adapters and flows. The only place that knows everything; every entry point starts here."""

from __future__ import annotations

from bot.wiring.guard import Guard, open_guard
from bot.wiring.reconcile import (
    open_assessment,
    open_ledger,
    open_loop,
    open_orders,
    open_rules,
    record_applied,
    render_folder,
)
from bot.wiring.repository import Options, SystemClock
from bot.wiring.workers import open_workers

__all__ = [
    "Guard",
    "Options",
    "SystemClock",
    "open_assessment",
    "open_guard",
    "open_ledger",
    "open_loop",
    "open_orders",
    "open_rules",
    "open_workers",
    "record_applied",
    "render_folder",
]
