"""What a run without rights leaves for one with rights: written by ``clockwork guard pr --artifact``, read by ``publish``.

A pull request from a fork is judged by a workflow that the fork may have rewritten, so whatever such a run leaves is a
stranger's text. It is read within limits, checked against what the code host says the run was for, and then believed no
more than an assistant's reply: the change is judged anew, and the artifact can only add findings that stand up to it.

Source: GitHub Security Lab, "Keeping your GitHub Actions and workflows secure Part 1: Preventing pwn requests" (artifacts of
an unprivileged workflow must be treated as untrusted data).
"""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid, Refused
from bot.model.finding import Change, Mode, Verdict
from bot.model.session import Claims, Reply, ReplyFinding, ReplyStatus, ReviewResult

MAX_BYTES: Final = 1_000_000
"""Of an artifact."""
MAX_FINDINGS: Final = 500
NAME: Final = "read-only run"
"""What the origin of such findings is called."""
_ASSISTANT: Final = "assistant:"

_Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ArtifactFinding(_Part):
    """One finding, without what the reader can look up by itself."""

    rule: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
    severity: Literal["critical", "high", "medium", "low"]
    file: Annotated[str, Field(min_length=1, max_length=4096)] | None
    line: Annotated[int, Field(ge=1, le=10_000_000)] | None
    message: Annotated[str, Field(min_length=1, max_length=2000)]
    by: Annotated[str, Field(pattern=r"^(detector|assistant:[^\x00-\x1f]{1,80})$")]


class Artifact(_Part):
    """One judgement of pull request ``number`` of ``repository`` (``owner/name``)."""

    version: Literal[1] = 1
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$")]
    number: Annotated[int, Field(ge=1, le=2**31)]
    head: _Sha
    base: _Sha
    mode: Literal["standard", "strict"]
    verdict: Literal["approve", "warn", "block"]
    findings: Annotated[tuple[ArtifactFinding, ...], Field(max_length=MAX_FINDINGS)] = ()

    @property
    def claims(self) -> Claims:
        """What it says that detectors cannot find out again: what assistants found, as a reply."""
        claimed = (
            finding for finding in self.findings if finding.by.startswith(_ASSISTANT) and finding.file is not None
        )
        findings = tuple(
            ReplyFinding(finding.rule, finding.file or "", finding.line, finding.severity, finding.message)
            for finding in claimed
        )
        return Claims(Verdict(self.verdict), Reply(NAME, ReplyStatus.OK, findings))


def written(result: ReviewResult, change: Change, mode: Mode, repository: str) -> bytes:
    """The artifact of a judged pull request, as JSON."""
    findings = [
        {
            "rule": claim.rule,
            "severity": claim.severity.value.lower(),
            "file": claim.file,
            "line": claim.line,
            "message": claim.message[:2000] or claim.title,
            "by": claim.by[: len(_ASSISTANT) + 80],
        }
        for claim in result.findings[:MAX_FINDINGS]
    ]
    facts = {
        "version": 1,
        "repository": repository,
        "number": change.number,
        "head": change.head,
        "base": change.base,
        "mode": mode.value,
        "verdict": result.verdict.value,
        "findings": findings,
    }
    return (json.dumps(facts, indent=1) + "\n").encode("utf-8", "surrogatepass")


def read(data: bytes) -> Artifact:
    """The artifact in ``data``. ``Invalid`` with the first thing that is wrong with it."""
    if len(data) > MAX_BYTES:
        raise Invalid(f"the artifact has more than {MAX_BYTES:,} bytes, which no run of ours writes")
    try:
        return Artifact.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        location = ".".join(str(part)[:40] for part in first["loc"])
        raise Invalid(
            f"the artifact is none of ours: {location + ': ' if location else ''}{first['msg'][:200]}",
            advice="Run the workflow of the pull request again; nothing of it was published.",
        ) from exc


def check(artifact: Artifact, *, repository: str, head: str) -> None:
    """Return where the artifact is about what the code host says the run was for; ``Refused`` otherwise."""
    if artifact.repository.casefold() != repository.casefold():
        raise Refused(f"the artifact is about {artifact.repository}, and this is {repository}")
    if artifact.head != head:
        raise Refused(
            f"the artifact is about {artifact.head[:12]}, and its run was for {head[:12]}",
            advice="Nothing was published. A run may only speak of the commit that it was started for.",
        )
