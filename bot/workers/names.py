"""The names of the workers."""

from __future__ import annotations

from enum import StrEnum


class Worker(StrEnum):
    """The four workers."""

    ANALYSIS = "analysis"
    METRICS = "metrics"
    EXPORT = "export"
    CLEANUP = "cleanup"
