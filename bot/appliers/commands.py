"""Runs the tools that carry out actions: in the folder of what Git declares, with a time limit and redacted output.

Used by the appliers of Compose and Terraform. Nothing secret stands on a command line: variables go into the environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, assert_never

from bot import processes
from bot.errors import Invalid, Unavailable
from bot.processes import ProcessEnd, ProcessResult
from bot.secrecy.redaction import redact

STEP_SECONDS: Final = 300.0
"""What one action may take."""
_OUTPUT_CAP: Final = 64 * 1024 * 1024
_GRACE_SECONDS: Final = 30.0
"""From SIGTERM to SIGKILL: long enough to write down what was done (Terraform docs, "apply", on interrupts)."""
_SHOWN: Final = 600
_ESCAPE: Final = re.compile(r"\x1b\[[0-9;?]*+[A-Za-z]")
"""ECMA-48 control sequences."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\u2500-\u257f]")
_SHORTEST_SECRET: Final = 4
"""Shorter values of variables are words that stand in any output."""


@dataclass(frozen=True, slots=True)
class ApplyTool:
    """One program as it is run for one target: ``argv`` are its first words, ``folder`` the one it runs in.

    ``variables`` are given beside ``environment``, and their values are never shown. ``seconds`` is the limit of one run.
    """

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = STEP_SECONDS

    def run(self, *arguments: str) -> ProcessResult:
        """The finished run, whatever its exit code. ``Invalid`` when the program cannot be started, ``Unavailable`` when
        it takes too long or prints too much: then neither it nor what it started is left.
        """
        with processes.fresh_workspace() as fresh:
            ended = processes.run(
                [*self.argv, *arguments],
                b"",
                env={**self.environment, **self.variables},
                deadline_seconds=self.seconds,
                output_cap=_OUTPUT_CAP,
                grace_seconds=_GRACE_SECONDS,
                workspace=replace(fresh, work=self.folder.resolve()),
            )
        return self._checked(ended, arguments[0] if arguments else "")

    def _checked(self, ended: ProcessResult, verb: str) -> ProcessResult:
        name = f"{self.argv[0]} {verb}".rstrip()
        match ended.ending:
            case ProcessEnd.EXITED:
                return ended
            case ProcessEnd.NOT_FOUND:
                raise Invalid(
                    f"cannot start {self.argv[0]}: {ended.stderr}", advice="install it, or name the one to use"
                )
            case ProcessEnd.TIMEOUT:
                raise Unavailable(f"{name} did not finish within {self.seconds:g} s: {self.last_output(ended)}")
            case ProcessEnd.TOO_LARGE:
                raise Unavailable(f"{name} printed more than {_OUTPUT_CAP} bytes")
            case _:
                assert_never(ended.ending)

    def last_output(self, ended: ProcessResult) -> str:
        """The end of what the program wrote for people, in one line, without secrets and control characters."""
        output = ended.stderr if ended.stderr.strip() else ended.stdout[-64 * 1024 :].decode("utf-8", "replace")
        for name, value in self.variables.items():
            if len(value) >= _SHORTEST_SECRET:
                output = output.replace(value, f"[value of {name}]")
        tokens = _CONTROL.sub("", _ESCAPE.sub("", output)).split()
        return redact(" ".join(tokens), opaque=True)[-_SHOWN:]
