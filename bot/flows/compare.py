"""One comparison of Git with what runs that writes nothing anywhere: ``clockwork drift``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.flows.declare import Declaration
from bot.flows.observation import Assessment, Locate, Observe, RulesInForce, assess
from bot.model.drift import IgnoreNote


def compare(
    declaration: Declaration,
    rules: RulesInForce,
    observe: Observe,
    *,
    now: datetime,
    repository: str,
    locate: Locate,
) -> Assessment:
    """What differs. A repository that declares nothing is noted: a wrong folder must not pass for one without drift."""
    assessment = assess(declaration, rules, observe, now=now, locate=locate)
    mistakes = any(not error.note for error in declaration.errors)
    if (
        declaration.resources
        or declaration.stale
        or mistakes
        or (declaration.deployment is not None and declaration.deployment.discovery.targets)
        or any(group.observation.compared for group in assessment.groups)
    ):
        return assessment
    note = IgnoreNote(repository, "not compared", f"nothing in {repository} declares anything")
    report = assessment.report
    return replace(assessment, report=replace(report, notes=(*report.notes, note)))
