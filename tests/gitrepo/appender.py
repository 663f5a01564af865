"""One bot that appends to a ledger until it has appended enough: ``python -m tests.gitrepo.appender URL DIR NAME COUNT``.

Run in many processes at once by the concurrency tests. Prints one id for each entry that is durable.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import Stale
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.ledger import Actor, Entry, EntryKind


def main(url: str, directory: str, name: str, count: int) -> None:
    ledger = GitLedger(url, Path(directory), compact_every=16)
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
        print(appended.id, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
