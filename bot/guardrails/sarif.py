"""A result as SARIF 2.1.0, the format code scanning tools exchange (OASIS standard, 2020)."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote

from bot.guardrails.rule import Guardrail
from bot.guardrails.rulebook import RuleBook
from bot.model.finding import Enforce, Finding, Verdict
from bot.model.json import JSON
from bot.model.session import ReviewResult
from bot.model.severity import Severity

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: Final = {Enforce.BLOCK: "error", Enforce.WARN: "warning", Enforce.NOTICE: "note", Enforce.OFF: "none"}
_SCORE: Final = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0"}
"""GitHub's ``security-severity``: above 9.0 is critical, 7.0 high, 4.0 medium."""


def to_sarif(result: ReviewResult, rules: RuleBook, *, version: str) -> bytes:
    """The findings as one SARIF log, deterministic, UTF-8. ``version`` is this program's."""
    used = sorted({finding.rule for finding in result.findings})
    index = {rule: number for number, rule in enumerate(used)}
    driver: JSON = {
        "name": "Clockwork",
        "semanticVersion": version,
        "rules": [_rule(rule, rules.get(rule), result) for rule in used],
    }
    run: JSON = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "invocations": [{"executionSuccessful": not any(finding.rule == "SYS-002" for finding in result.findings)}],
        "results": [_result(finding, index[finding.rule]) for finding in result.findings],
        "properties": {"verdict": result.verdict.value, "blocked": result.verdict is Verdict.BLOCK},
    }
    log: JSON = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace") + b"\n"


def _rule(rule: str, guardrail: Guardrail | None, result: ReviewResult) -> JSON:
    severity = max(
        (finding.severity for finding in result.findings if finding.rule == rule), key=lambda level: level.rank
    )
    title = rule if guardrail is None else guardrail.title
    body = title if guardrail is None or not guardrail.body else guardrail.body
    return {
        "id": rule,
        "name": "".join(part.capitalize() for part in title.split() if part.isalnum()) or rule,
        "shortDescription": {"text": title},
        "fullDescription": {"text": body[:1000]},
        "help": {"text": body, "markdown": body},
        "properties": {
            "tags": ["guardrail", *([guardrail.category] if guardrail else [])],
            "precision": "high",
            "security-severity": _SCORE[severity],
        },
    }


def _result(finding: Finding, index: int) -> JSON:
    text = f"{finding.message} {finding.suggestion}" if finding.suggestion else finding.message
    result: dict[str, JSON] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVEL[finding.enforce],
        "message": {"text": text},
        "partialFingerprints": {"clockworkFingerprint/v1": finding.fingerprint},
        "properties": {"severity": finding.severity.value.lower(), "by": finding.by},
    }
    if finding.file is not None:
        location: dict[str, JSON] = {"artifactLocation": {"uri": quote(finding.file), "uriBaseId": "%SRCROOT%"}}
        if finding.line is not None:
            location["region"] = {"startLine": finding.line, "endLine": max(finding.end_line or 0, finding.line)}
        result["locations"] = [{"physicalLocation": location}]
    return result
