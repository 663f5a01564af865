"""The files a repository begins with: settings, their schema, a guardrail folder, one workflow. Pure but for the texts.

Nothing that is there is ever touched: a file that exists, under this name or another that does the same, is left out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.errors import Invalid
from bot.flows.context import Messages
from bot.flows.onboarding.survey import WORKFLOWS, Survey
from bot.guardrails.documents import FOLDER

SETTINGS: Final = "clockwork.yaml"
MISNAMED: Final = "clockwork.yml"
"""What people call the settings when they are wrong about the name."""
SCHEMA: Final = ".clockwork/clockwork.schema.json"
GUARDRAILS: Final = f"{FOLDER}README.md"
WORKFLOW: Final = f"{WORKFLOWS}clockwork.yml"


@dataclass(frozen=True, slots=True)
class Starter:
    """New files by path, and of what is left out, why."""

    files: Mapping[str, bytes]
    unchanged: tuple[str, ...] = ()

    def diff(self) -> str:
        """All new files as one unified diff; of the schema, which people do not read, its size alone."""
        return "\n".join(_added(path, data) for path, data in self.files.items())


@dataclass(frozen=True, slots=True)
class ActionPin:
    """The composite action that a workflow runs Clockwork by: ``owner/name/path`` at a commit."""

    path: str
    commit: str

    @classmethod
    def of(cls, text: str) -> ActionPin:
        """The action of the repository ``owner/name@commit``. Raises ``Invalid`` for one that is not pinned by a commit."""
        match = re.fullmatch(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})", text, re.ASCII)
        if match is None:
            raise Invalid(f"--action {text!r}: write OWNER/REPO@COMMIT", advice="The commit has 40 hexadecimal digits.")
        return cls(f"{match[1]}/.github/actions/clockwork", match[2])


def starter(
    survey: Survey,
    texts: Messages,
    *,
    schema: str,
    version: str,
    workflow: bool = True,
    action: ActionPin | None = None,
) -> Starter:
    """What is missing in the repository. ``schema`` is the JSON Schema of the settings, ``version`` that of Clockwork, which
    the workflow installs from the package index where it does not run it by ``action``.
    """
    makers: Mapping[str, Callable[[], str]] = {
        SETTINGS: lambda: texts.render("clockwork.yaml", survey=survey, schema=SCHEMA),
        SCHEMA: lambda: schema,
        GUARDRAILS: lambda: texts.render("guardrails.md", survey=survey),
        WORKFLOW: lambda: texts.render(
            "workflow.yml", survey=survey, version=version, extras=_extras(survey), action=action
        ),
    }
    reasons = dict(_present(survey, workflow=workflow))
    files = {path: make().encode() for path, make in makers.items() if path not in reasons}
    return Starter(files, tuple(f"{path}: {reason}" for path, reason in reasons.items()))


def _present(survey: Survey, *, workflow: bool) -> Iterator[tuple[str, str]]:
    """Why a file is left out."""
    for path in (SETTINGS, SCHEMA, WORKFLOW):
        if path in survey.paths:
            yield path, "is there, kept as it is"
    if SETTINGS not in survey.paths and MISNAMED in survey.paths:
        yield SETTINGS, f"{MISNAMED} is there, which is not read: rename it"
    if any(path.startswith(FOLDER) for path in survey.paths):
        yield GUARDRAILS, "the folder is there, kept as it is"
    if WORKFLOW not in survey.paths and survey.running:
        yield WORKFLOW, f"{survey.running[0]} runs Clockwork already"
    elif WORKFLOW not in survey.paths and not workflow:
        yield WORKFLOW, "not asked for"
    elif WORKFLOW not in survey.paths and survey.elsewhere_hosted:
        yield (
            WORKFLOW,
            (
                f"left out: {survey.elsewhere_hosted} runs no GitHub workflows. There, Clockwork commits and opens no pull "
                "requests or issues; run `clockwork reconcile` in its CI, or the daemon"
            ),
        )


def _extras(survey: Survey) -> str:
    extra_names = [*(["kubernetes"] if survey.kubernetes else []), *(["docker"] if survey.containers else [])]
    return ",".join(extra_names)


def _added(path: str, data: bytes) -> str:
    if path == SCHEMA:
        return f"--- /dev/null\n+++ b/{path}\n(what editors check {SETTINGS} by, {len(data):,} bytes)"
    lines = difflib.unified_diff((), data.decode().splitlines(), "/dev/null", f"b/{path}", lineterm="")
    return "\n".join(lines)
