"""The Terraform observer: asks the real ``terraform`` (or ``tofu``) what a plan would do, and changes nothing.

Settings: ``directory`` (the root module), ``root`` (its folder in the repository), ``binary``, ``refresh_only``,
``environment`` (credentials of the providers), ``deadline`` seconds for init, plan and show together, ``mask_key`` for
digests of secrets.

Nothing is written into the work tree: Terraform's data folder and the plan are in a private temporary folder that is
removed, the lock file is read only, state is not locked. A plan that fails is ``Unreachable`` with the end of what
Terraform said, redacted: it is never "no drift".
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.errors import Invalid, Unavailable
from bot.model.json import JSON, mapping, read_json
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, Unreachable
from bot.observers.plans import PlanReader
from bot.observers.process import run
from bot.ports import ObserverStep, Tell, silent
from bot.processes import ProcessResult
from bot.secrecy.sanitize import tail
from bot.temporary import temporary_folder

_VERBS: Final = ("init", "plan", "show")
_CAP: Final = 256 * 1024 * 1024
_NOT_PASSED: Final = ("TF_CLI_ARGS", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS")
"""What would change what a plan does or says (Terraform docs, "Environment Variables"; the last: "Debugging Providers")."""


@dataclass(frozen=True, slots=True)
class TerraformObserver:
    """Reads one root module."""

    directory: Path
    root: str = ""
    binary: str = "terraform"
    refresh_only: bool = False
    deadline: float = 600.0
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    mask_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    tell: Tell = field(default=silent, repr=False, compare=False)
    name: str = "terraform"
    platforms: frozenset[Platform] = frozenset({Platform.TERRAFORM})

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        if not self.directory.is_dir():
            raise Invalid(f"the Terraform root module {self.directory} is not a folder")
        try:
            with temporary_folder("plan") as scratch:
                plan = _Planning(self, scratch, time.monotonic() + self.deadline).plan()
            differences = PlanReader(declared, self.mask_key, self.root).drifts(mapping(plan))
        except Unavailable as exc:
            return Observation(
                now, unreachable=(Unreachable(self.name, str(self.root or self.directory), exc.message),)
            )
        return Observation(now, differences=differences, compared=self.platforms)


@dataclass(frozen=True, slots=True)
class _Planning:
    """The commands of one observation. ``end`` is on the monotonic clock."""

    settings: TerraformObserver
    scratch: Path
    end: float

    def plan(self) -> JSON:
        """The plan as JSON. Raises :class:`Unavailable` naming the command that failed and why."""
        file = str(self.scratch / "plan")
        options = ["-input=false", "-lock=false", "-no-color"]
        # an init that may write the lock file would change the work tree (Terraform docs, "terraform init", -lockfile)
        self._run("init", "-input=false", "-no-color", "-lockfile=readonly")
        only = ["-refresh-only"] if self.settings.refresh_only else []
        self._run("plan", *options, *only, f"-out={file}")
        plan = read_json(self._run("show", "-json", "-no-color", file).stdout)
        if plan is None:
            raise Unavailable("terraform show did not print JSON")
        return plan

    def _run(self, verb: str, *arguments: str) -> ProcessResult:
        seconds_left = self.end - time.monotonic()
        if seconds_left <= 0:
            raise Unavailable(f"the deadline passed before terraform {verb}")
        self.settings.tell(ObserverStep(self.settings.name, f"terraform {verb}", _VERBS.index(verb), len(_VERBS)))
        argv = [self.settings.binary, verb, *arguments]
        finished = run(argv, timeout=seconds_left, cap=_CAP, cwd=self.settings.directory, env=self._environment())
        if finished.exit_code != 0:
            message = " ".join((tail(finished.stderr) or tail(finished.stdout)).split())
            raise Unavailable(f"terraform {verb} ended with exit code {finished.exit_code}: {message}")
        return finished

    def _environment(self) -> dict[str, str]:
        passed = {key: value for key, value in self.settings.environment.items() if not key.startswith(_NOT_PASSED)}
        variables = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
        return {**passed, **variables, "TF_DATA_DIR": str(self.scratch / "data")}
