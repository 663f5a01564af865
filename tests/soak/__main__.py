"""``python -m tests.soak --bots 8 --drifts 50 --ticks 200``: prints figures; exit code 1 when any promise was broken."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.judge import Verdict
from tests.soak.run import Plan, Tally, soak


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--bots", type=int, default=Plan.bots, help="processes, each with its own clone")
    parser.add_argument("--drifts", type=int, default=Plan.drifts, help="resources that keep drifting")
    parser.add_argument("--ticks", type=int, default=Plan.ticks, help="rounds in which every bot ticks once")
    parser.add_argument("--push-failures", type=float, default=Plan.push_failures, help="share of pushes that fail")
    parser.add_argument(
        "--refusals", type=float, default=Plan.refusals, help="share of API writes that are turned down"
    )
    parser.add_argument("--kills", type=float, default=Plan.kills, help="share of ticks that are killed at a step")
    parser.add_argument("--changes", type=float, default=Plan.changes, help="share of resources changed each round")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    given = parser.parse_args()
    plan = Plan(**vars(given))
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        tally, verdict = soak(plan, Path(folder), say=lambda line: print(line, file=sys.stderr, flush=True))
    print(table(plan, tally, verdict))
    return 0 if verdict.clean else 1


def table(plan: Plan, tally: Tally, verdict: Verdict) -> str:
    """The figures, one a line."""
    counts = tally.counts
    rows = {
        "bots x drifts x ticks": f"{plan.bots} x {plan.drifts} x {plan.ticks}",
        "bot ticks": f"{tally.ticks} in {tally.seconds:.1f} s, {tally.ticks / max(tally.seconds, 0.001):.1f} a second",
        "writes": f"{counts['written']} ({verdict.fixes} fixes on main, {verdict.pulls} pull requests, "
        f"{verdict.issues} issues, {counts['merged']} merged by people)",
        "denials": counts["denied"],
        "injected": f"{counts['push failures']} failed pushes, {counts['refusals']} refusals, {counts['killed']} kills",
        "failures told": f"{counts['failed']} actions, {counts['errors']} ticks, {counts['resumed']} resumes by a person",
        "ledger entries": verdict.entries,
        "budget violations": verdict.violations,
        "duplicates": verdict.duplicates,
        "lost entries": verdict.lost,
        "intents left open": verdict.dangling,
    }
    lines = [f"{name:<22} {figure}" for name, figure in rows.items()]
    return "\n".join([*lines, *(f"  ! {detail}" for detail in verdict.details)])


if __name__ == "__main__":
    sys.exit(main())
