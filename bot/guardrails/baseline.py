"""Findings that people accept for a while: the file that says so, written by ``clockwork guard baseline``.

:mod:`bot.guardrails.waivers` reads it, from the base of a change: what a change adds to it does not count for itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from bot.errors import Invalid
from bot.guardrails.documents import FOLDER
from bot.guardrails.waivers import baseline_waiver, parse_baseline
from bot.model.finding import Finding
from bot.model.patterns import regex

PATH: Final = f"{FOLDER}baseline.yaml"
_HEAD: Final = """\
# Findings that are accepted until a day, written by `clockwork guard baseline`. After that day they count again.
findings:
"""
_ITEM: Final = regex(r"^( *)- ", re.MULTILINE)


def unlisted(data: bytes | None, findings: Iterable[Finding], *, today: date) -> tuple[Finding, ...]:
    """The findings that the baseline ``data`` does not accept today, each fingerprint once."""
    baseline, _ = parse_baseline(data)
    missing: dict[str, Finding] = {}
    for finding in findings:
        if baseline_waiver(baseline, finding.rule, finding.fingerprint, today=today) is None:
            missing.setdefault(finding.fingerprint, finding)
    return tuple(missing.values())


def extended(data: bytes | None, findings: Iterable[Finding], *, until: date, reason: str) -> bytes:
    """The baseline with ``findings`` accepted to the end of ``until``; what stands in it stays as it is written.

    ``Invalid`` where it has a mistake, or is written so that nothing can be added at its end.
    """
    if mistakes := parse_baseline(data)[1]:
        raise Invalid(f"{PATH} has a mistake: {mistakes[0]}", advice="Fix or remove the file, and try again.")
    text = (data or b"").decode("utf-8", "replace")
    old = text if text.strip() else _HEAD
    findings = tuple(findings)
    indents = _ITEM.findall(old)
    indent = indents[-1] if indents else "  "
    new = (old if old.endswith("\n") else f"{old}\n") + "".join(
        _entry(finding, until, reason, indent) for finding in findings
    )
    entries, mistakes = parse_baseline(new.encode())
    if mistakes or any(entries.get(finding.fingerprint) is None for finding in findings):
        raise Invalid(f"nothing can be added at the end of {PATH}", advice="Its entries must be a list below findings:")
    return new.encode()


def _entry(finding: Finding, until: date, reason: str, indent: str) -> str:
    """An entry, and what it is about as a comment. JSON strings are YAML, whatever is in them."""
    location = f"{finding.file or 'the change'}:{finding.line or 0}"
    about = "".join(character if character.isprintable() else " " for character in f"{location} {finding.title}")
    return (
        f"{indent}# {about}\n"
        f"{indent}- {{fingerprint: {json.dumps(finding.fingerprint)}, rule: {json.dumps(finding.rule)}, until: {until}, "
        f"reason: {json.dumps(reason)}}}\n"
    )
