"""What would fail in a repository, and what to do about each: rights, rules, ledger, live state, clock.

Called by ``clockwork doctor`` through wiring, which asks the questions. Everything here judges answers that a run gets, so
that the doctor knows nothing that a run does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.errors import BotError
from bot.flows.configuration import ConfigurationPart
from bot.flows.memory import Memory, stopped
from bot.model.codehost import HostFacts, HostRights
from bot.model.decision import Lane
from bot.model.diagnosis import Diagnosis, Health
from bot.model.drift import Report
from bot.model.resource import RENDERER
from bot.model.wording import counted
from bot.policy.rules import RuleSet
from bot.safety.state import state

SKEW: Final = timedelta(seconds=60)
"""A GitHub App's web tokens are refused beyond it (docs.github.com, "Generating a JSON Web Token", ``iat``)."""
_DIRECT: Final = {
    "pull_request": "changes come by pull request",
    "required_status_checks": "checks must pass first",
    "update": "few may push",
    "required_signatures": "commits must be signed",
    "merge_queue": "changes come by the merge queue",
    "protected": "a protection whose parts administrators alone see",
}
"""Rules of a branch (docs.github.com, "Available rules for rulesets") that keep a direct commit out, for people."""

Examination = Callable[[], Iterable[Diagnosis]]
"""Looks at one area. Raises ``BotError`` for what keeps it from looking, which is a diagnosis of its own."""


def examined(area: str, examination: Examination) -> tuple[Diagnosis, ...]:
    """What ``examination`` says, or why it could not."""
    try:
        return tuple(examination())
    except BotError as exc:
        return (Diagnosis(area, Health.FAILS, exc.message, exc.advice or ""),)


def configuration(parts: Sequence[ConfigurationPart]) -> Iterator[Diagnosis]:
    """One line a part."""
    for part in parts:
        if part.problem is None:
            health = Health.NOTE if part.advice else Health.OK
            yield Diagnosis("settings", health, f"{part.name}: {part.contents}", part.advice)
        else:
            first, *remaining_lines = part.problem.splitlines()
            yield Diagnosis(
                "settings", Health.FAILS, "; ".join([first, *map(str.strip, remaining_lines)]), "clockwork check-config"
            )


def rights(granted: HostRights, facts: HostFacts, *, labels: Sequence[str], signing: str) -> Iterator[Diagnosis]:
    """What the token may do by lane, what the branch lets in, the switches, and the labels."""
    area = "rights"
    if facts.archived:
        yield Diagnosis(area, Health.FAILS, f"{facts.name} is archived: nothing can be written", "Unarchive it.")
    if granted.push is False:
        advice = f"Give {granted.login} write access, or set CLOCKWORK_TOKEN to a token that has it."
        yield Diagnosis(
            area, Health.FAILS, f"{granted.login} may not push: no commit, no pull request, no ledger", advice
        )
    else:
        unknown = "" if granted.push else " (the host does not say what it was granted)"
        yield Diagnosis(area, Health.OK, f"acts as {granted.login}{unknown}")
    if granted.scopes and not granted.scopes & {"repo", "public_repo"}:
        scopes = ", ".join(sorted(granted.scopes))
        yield Diagnosis(area, Health.FAILS, f"the token has only the scopes {scopes}", "Give it the scope repo.")
    for right in granted.denied if granted.push is not False else ():
        checks = right == "checks"
        text = "checks are published as commit statuses" if checks else f"the token may not write {right}"
        advice = (
            "A GitHub App, or the token of a job with checks: write, has check runs."
            if checks
            else f"Give it {right}: write."
        )
        yield Diagnosis(area, Health.NOTE if checks else Health.FAILS, text, advice)
    if not facts.issues:
        yield Diagnosis(area, Health.NOTE, "issues are switched off: runbooks stay in the report", "Switch Issues on.")
    yield from _proposing(granted)
    yield from _branch(granted, signing)
    missing = [label for label in labels if label not in granted.labels]
    if missing and granted.labels:
        yield Diagnosis("labels", Health.OK, f"{', '.join(missing)}: made when first needed")
    elif not missing:
        yield Diagnosis("labels", Health.OK, ", ".join(labels))


def _proposing(granted: HostRights) -> Iterator[Diagnosis]:
    if granted.login == "github-actions[bot]":
        yield Diagnosis(
            "rights",
            Health.NOTE,
            "this is the token of a job: GitHub starts no workflow for what it opens",
            "Set the secret CLOCKWORK_TOKEN, or github.app, to have checks run on its pull requests.",
        )
    if granted.actions_propose is False:
        health = Health.FAILS if granted.login == "github-actions[bot]" else Health.NOTE
        yield Diagnosis(
            "rights",
            health,
            "the token of an Actions job may not open pull requests here",
            'Switch on Settings, Actions, General, "Allow GitHub Actions to create and approve pull requests".',
        )


def merging(rules: RuleSet, facts: HostFacts) -> Iterator[Diagnosis]:
    """Whether pull requests can merge by themselves where rules want it."""
    wanting = [rule for rule in rules.rules if rule.automerge]
    if wanting and not facts.auto_merge:
        text = f"{counted(len(wanting), 'rule')} wants automerge, which is off in {facts.name}"
        if len(wanting) > 1:
            text = text.replace("wants", "want")
        yield Diagnosis("rights", Health.NOTE, text, 'Switch on Settings, General, "Allow auto-merge".')


def _branch(granted: HostRights, signing: str) -> Iterator[Diagnosis]:
    keeping = sorted(granted.rules & _DIRECT.keys())
    unsigned = "required_signatures" in granted.rules and signing == "none"
    if unsigned:
        advice = "Set author.signing: github (or ssh, gpg) in clockwork.yaml."
        yield Diagnosis("branch", Health.NOTE, "commits must be signed, and author.signing is none", advice)
    other_rules = [_DIRECT[rule] for rule in keeping if rule != "required_signatures"]
    if other_rules:
        advice = "Nothing has to be done; or let the account bypass the rule."
        text = f"{'; '.join(other_rules)}: safe patches come as pull requests labelled clockwork/safe"
        yield Diagnosis("branch", Health.NOTE, text, advice)
    elif not unsigned:
        yield Diagnosis("branch", Health.OK, "takes direct commits, as far as its rules tell")


def memory(memory: Memory, now: datetime) -> Iterator[Diagnosis]:
    """What the ledger remembers that keeps runs from writing, and the lanes that the host closed."""
    limit_state = state(memory.view, now, memory.limits)
    if (reason := stopped(memory.view, memory.limits, now)) is not None:
        yield Diagnosis("ledger", Health.FAILS, reason, "clockwork resume -m 'why it may go on'")
    for task in sorted(limit_state.stopped):
        failures = counted(limit_state.stopped[task], "failure")
        yield Diagnosis("ledger", Health.NOTE, f"{task} stopped after {failures}", f"clockwork resume {task} -m why")
    for task in sorted(limit_state.suspended):
        yield Diagnosis("ledger", Health.NOTE, f"{task} is suspended", f"clockwork unsuspend {task} -m why")
    if limit_state.dangling:
        text = f"{counted(len(limit_state.dangling), 'intent')} without an outcome"
        yield Diagnosis("ledger", Health.NOTE, text, "The next run looks for the work and closes them.")
    for lane, closure in memory.closures(now).items():
        again = f" Tried again at {closure.again:%H:%M UTC}." if closure.again else ""
        health = Health.FAILS if lane is Lane.NOTHING else Health.NOTE
        yield Diagnosis("lanes", health, f"{closure.reason} ({_LANES[lane]})", f"{closure.advice}{again}".strip())


_LANES: Final = {
    Lane.ARTIFACT_PATCH: "closed for commits",
    Lane.CONFIG_PULL_REQUEST: "closed for pull requests",
    Lane.RUNBOOK_ISSUE: "closed for issues",
    Lane.NOTHING: "closed for everything",
}


def live_state(report: Report) -> Iterator[Diagnosis]:
    """Whether everything that is declared could be read and rendered, by target."""
    for cause in dict.fromkeys(gap.cause for gap in report.unreachable if gap.observer == RENDERER):
        targets = [gap.target for gap in report.unreachable if (gap.observer, gap.cause) == (RENDERER, cause)]
        yield Diagnosis("renderers", Health.FAILS, f"cannot render {', '.join(targets)}", cause)
    for gap in report.unreachable:
        if gap.observer == RENDERER:
            continue
        prefix = f"{gap.target}: " if gap.target else ""
        yield Diagnosis(
            "live state", Health.FAILS, f"cannot read {gap.observer}: {prefix}{gap.cause}", _reach(gap.observer)
        )
    for error in report.errors:
        yield Diagnosis("sources", Health.FAILS, str(error), "Correct the file.")
    differences = report.drift_by_target
    for name, resources in report.targets.items():
        text = f"{name}: {counted(resources, 'resource')} compared, {counted(differences.get(name, 0), 'difference')}"
        yield Diagnosis("live state", Health.OK, text)
    unassigned = report.resources - sum(report.targets.values())
    if unassigned or not report.targets:
        unassigned_differences = len(report.drift) - sum(differences.get(name, 0) for name in report.targets)
        text = f"{counted(unassigned, 'resource')} of plain files compared, {counted(unassigned_differences, 'difference')}"
        yield Diagnosis("live state", Health.OK, text)
    left_out = [note for note in report.notes if note.state == "not compared"]
    for note in left_out[:_GAPS]:
        yield Diagnosis("live state", Health.NOTE, f"not compared: {note.rule}: {note.detail}")
    if len(left_out) > _GAPS:
        remainder = f"{len(left_out) - _GAPS} more are not compared"
        yield Diagnosis("live state", Health.NOTE, remainder, "clockwork targets --all")


_GAPS: Final = 5


def _reach(observer: str) -> str:
    if observer == "kubernetes":
        return "kubectl auth can-i list deployments -A"
    if observer == "docker":
        return "docker info"
    return "Correct `observe` in clockwork.yaml, or run where it can be read."


def clock(now: datetime, server_time: datetime | None) -> Iterator[Diagnosis]:
    """Whether this machine's clock is that of the host: budgets and cool-downs of several machines are counted by it."""
    if server_time is None:
        return
    skew = abs(now - server_time)
    text = f"{round(skew.total_seconds())} s beside the host's"
    if skew > SKEW:
        yield Diagnosis("clock", Health.FAILS, text, "Synchronise it (timedatectl set-ntp true).")
    else:
        yield Diagnosis("clock", Health.OK, text)
