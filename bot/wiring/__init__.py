"""Joins settings, adapters and flows. The only place that knows everything; every entry point starts here."""

from __future__ import annotations

from bot.wiring.guard import Guard, open_guard
from bot.wiring.reconcile import (
    open_ledger,
    open_look,
    open_loop,
    open_orders,
    open_rules,
    record_applied,
    render_folder,
)
from bot.wiring.repository import SystemClock, Ways
from bot.wiring.workers import open_workers

__all__ = [
    "Guard",
    "SystemClock",
    "Ways",
    "open_guard",
    "open_ledger",
    "open_look",
    "open_loop",
    "open_orders",
    "open_rules",
    "open_workers",
    "record_applied",
    "render_folder",
]
