"""One bot that appends to a ledger until it has appended enough. Run in many processes at once by the concurrency tests."""

from __future__ import annotations

import hashlib
import random
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from bot.errors import Stale
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.ledger import Actor, Entry, EntryKind


def append(url: str, directory: Path, name: str, count: int, told: Connection[str, str]) -> None:
    """Tells the id of each entry that is durable."""
    ledger = GitLedger(url, directory, compact_every=16)
    for number in range(count):
        appended = Entry(
            id=hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:32],
            kind=EntryKind.NOTE,
            at=datetime.now(UTC),
            actor=Actor(name),
            reason=str(number),
        )
        while True:
            view = ledger.read()
            if any(entry.id == appended.id for entry in view.entries):
                break
            try:
                ledger.append(view, [appended])
            except Stale:
                time.sleep(random.uniform(0, 0.5))
                continue
            break
        told.send(appended.id)
