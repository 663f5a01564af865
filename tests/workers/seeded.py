"""Thirty days of guarded runs as a team would leave them, made from a seed: ``python -m tests.workers.seeded FILE.md``.

Each tool has its own habits, one of them gets worse in the last day, and an assistant is often late in the first week.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from bot.guardrails.rule import Guardrail
from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.session import Reply, ReplyStatus, Session
from bot.model.severity import Severity
from bot.workers.analysis import analyse
from bot.workers.export import document
from bot.workers.links import WebPages
from tests.guardrails.changes import plain_book

UNTIL: Final = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
SHARES: Final = {"claude": 40, "codex": 22, "copilot": 18, "gemini": 8, "human": 12}
HABITS: Final = {
    "claude": (("TST-003", 8), ("INT-004", 5), ("SEC-004", 4), ("META-001", 3)),
    "codex": (("TST-002", 9), ("DES-001", 6), ("INT-003", 6), ("SEC-008", 2)),
    "copilot": (("DEP-001", 9), ("SEC-001", 4), ("K8S-001", 5), ("TST-007", 4)),
    "gemini": (("INT-006", 14), ("CI-002", 6), ("K8S-002", 4)),
    "human": (("CI-001", 4), ("TF-001", 3), ("SEC-004", 2)),
}
"""How many of 100 changes of each author break a rule."""
FILES: Final = {
    "TST": ("tests/test_checkout.py", "tests/test_cart.py", "tests/api/test_orders.py"),
    "K8S": ("k8s/base/api.yaml", "k8s/overlays/prod/api.yaml"),
    "CI": (".github/workflows/build.yml", ".github/workflows/release.yml"),
    "TF": ("infra/network.tf",),
    "DEP": ("requirements.txt", "package.json"),
    "META": ("policies/guardrails/own-001.md",),
}
CODE: Final = ("src/checkout.py", "src/cart/totals.py", "src/api/orders.py", "src/client.py", "docs/README.md")


@cache
def rule(identity: str) -> Guardrail:
    guardrail = plain_book().get(identity)
    assert guardrail is not None, identity
    return guardrail


def seeded(number: int = 400, *, seed: int = 20261120) -> Sequence[Session]:
    """So many runs of the thirty days before :data:`UNTIL`, oldest first; the same for the same seed."""
    chance = random.Random(seed)
    ages = sorted((chance.random() ** 1.7 * 30 for _ in range(number)), reverse=True)
    return [_session(index, UNTIL - timedelta(days=age), age, chance) for index, age in enumerate(ages, start=1)]


def _session(index: int, at: datetime, age: float, chance: random.Random) -> Session:
    agent = chance.choices(list(SHARES), list(SHARES.values()))[0]
    head = hashlib.sha1(str(index).encode(), usedforsecurity=False).hexdigest()
    findings = tuple(_findings(agent, age, chance))
    worst = max((finding.enforce.rank for finding in findings), default=0)
    return Session(
        id=hashlib.md5(head.encode(), usedforsecurity=False).hexdigest(),
        at=at,
        repository="shop/infra",
        agent=agent,
        mode=Mode.STRICT,
        verdict=(Verdict.APPROVE, Verdict.APPROVE, Verdict.WARN, Verdict.BLOCK)[worst],
        head=head,
        base=hashlib.sha1(f"base {index}".encode(), usedforsecurity=False).hexdigest(),
        number=100 + index * 2 // 3,
        milliseconds=int(chance.lognormvariate(10, 0.5)),
        findings=findings,
        replies=(_reply(age, chance),),
        failure="the detector DEP-001 did not end within 60 s" if chance.random() < 0.008 else None,
    )


def _findings(agent: str, age: float, chance: random.Random) -> list[Finding]:
    worse = 7.0 if agent == "codex" and age < 1 else 1.0
    made = [
        _finding(identity, chance)
        for identity, percent in HABITS[agent]
        for _ in range(1 + (chance.random() < 0.2))
        if chance.random() * 100 < percent * worse
    ]
    return made if chance.random() > 0.01 else [*made, _finding("SYS-001", chance)]


def _finding(identity: str, chance: random.Random) -> Finding:
    guardrail = rule(identity)
    file = chance.choice(FILES.get(identity.partition("-")[0], CODE))
    line = chance.choice((12, 12, 40, 77, 131))
    severe = guardrail.severity is Severity.CRITICAL or chance.random() < 0.15
    return Finding(
        rule=identity,
        title=guardrail.title,
        severity=guardrail.severity,
        enforce=Enforce.BLOCK if severe else Enforce.WARN,
        file=file,
        line=line,
        end_line=line,
        message=" ".join(guardrail.body.split())[:200],
        suggestion=guardrail.instead,
        fingerprint=f"{chance.getrandbits(64):016x}",
        category=guardrail.category,
    )


def _reply(age: float, chance: random.Random) -> Reply:
    late = chance.random() < (0.15 if age > 23 else 0.03)
    status = ReplyStatus.TIMEOUT if late else ReplyStatus.OK if chance.random() > 0.02 else ReplyStatus.BAD_OUTPUT
    spent = 120_000 if late else int(chance.lognormvariate(9.5, 0.4))
    message = "no answer within 120 s" if late else ""
    return Reply("gemini-review", status, message=message, milliseconds=spent, cost_usd=None if late else spent / 4e5)


if __name__ == "__main__":
    runs = seeded()
    pages = WebPages("https://github.com/shop/infra")
    Path(sys.argv[1]).write_bytes(document(runs, analyse(runs, UNTIL), at=UNTIL, pages=pages))
