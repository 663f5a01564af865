"""Applies a saved Terraform plan, and nothing but that: without a plan file nothing is done.

One plan stands for all actions of its root module, since Terraform applies a plan as a whole. The plan has to say exactly
what was agreed to; Terraform itself refuses it once the state has moved (Terraform docs, "terraform apply", saved plan
mode). What was applied already is told by a new plan that has nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.appliers.commands import STEP_SECONDS, ApplyTool
from bot.errors import Invalid, Refused, Stale, Unavailable
from bot.model.action import Action, Evidence, HealthReport, HealthState, Operation, Work
from bot.model.json import JSON, Tree, mapping, mappings, read_json, text, texts
from bot.model.resource import ResourceId
from bot.ports import ObserverStep, Tell, silent
from bot.processes import ProcessResult

_ACTIONS: Final[Mapping[Operation, frozenset[str]]] = {
    Operation.CREATE: frozenset({"create"}),
    Operation.UPDATE: frozenset({"update"}),
    Operation.REPLACE: frozenset({"create", "delete"}),
    Operation.DELETE: frozenset({"delete"}),
}
"""Terraform docs, "JSON Output Format", Change Representation."""
_NOTHING: Final = frozenset({"no-op", "read"})
"""The same page: neither changes anything of the outside."""
_NOT_PASSED: Final = ("TF_CLI_ARGS", "TF_LOG", "TF_DATA_DIR", "TF_REATTACH_PROVIDERS")
"""What would change what an apply does or says (Terraform docs, "Environment Variables")."""
_LOCKED: Final = "Error acquiring the state lock"
_MOVED: Final = "Saved plan is stale"
"""Titles of diagnostics: hashicorp/terraform internal/command/clistate/state.go, internal/backend/local/backend_local.go."""
_LOCK_FACT: Final = re.compile(r"\b(ID|Who|Created): +(\S[^\n]*)")
_DIFFERS: Final = 2
"""Exit code of ``plan -detailed-exitcode`` where there is something to do (Terraform docs, "terraform plan": 1 is an error)."""


def address(id_: ResourceId) -> str:
    """What Terraform calls it: ``module.net["eu"].aws_route.out[0]``."""
    return ".".join(part for part in (id_.scope, id_.kind, id_.name) if part)


def planned_actions(plan: JSON) -> Mapping[str, frozenset[str]]:
    """What a plan does to which address, from ``terraform show -json``. ``Invalid`` for a plan that failed or of a format
    nobody knows.
    """
    tree = mapping(plan)
    if not text(tree.get("format_version")).startswith("1."):
        raise Invalid(f"the plan has the unknown format version {text(tree.get('format_version')) or 'none'}")
    if tree.get("errored") is True:
        raise Invalid("the plan ended with errors")
    changes = (
        (_changed(entry), frozenset(texts(mapping(entry.get("change")).get("actions"))))
        for entry in mappings(tree.get("resource_changes"))
    )
    return {name: actions for name, actions in changes if actions - _NOTHING}


@dataclass(slots=True)
class TerraformApplier:
    """Applies ``plan``, a file that ``terraform plan -out`` made in the root module ``directory``, for ``expected``: all
    actions that were agreed to. ``data`` is Terraform's data folder, outside of the work tree; ``environment`` has the
    credentials of the providers.
    """

    directory: Path
    plan: Path
    expected: Sequence[Action]
    data: Path
    environment: Mapping[str, str] = field(repr=False)
    binary: str = "terraform"
    seconds: float = STEP_SECONDS
    lock_seconds: int = 20
    """How long to wait for the state's lock: an apply that lost its caller may still be finishing."""
    tell: Tell = field(default=silent, repr=False, compare=False)
    _applied: bool = field(default=False, init=False)
    _ready: bool = field(default=False, init=False)

    def rehearse(self, work: Work) -> None:
        """Whether the plan says what was agreed to; Terraform alone knows whether the state has moved, once it applies.
        The plan is made where there is none.
        """
        if not self.plan.is_file():
            self._make_plan()
        self._check(work)

    def _make_plan(self) -> None:
        ended = self._terraform("plan", "-input=false", "-no-color", f"-out={self.plan.resolve()}")
        if ended.exit_code != 0:
            raise Unavailable(
                f"terraform plan ended with exit code {ended.exit_code}: {self._tool().last_output(ended)}"
            )

    def carry_out(self, work: Work) -> Evidence:
        """The first action of a plan carries out all of it; for the others it is done."""
        self._check(work)
        facts = {"address": address(work.action.resource), "plan": self.plan.name}
        if self._applied:
            return Evidence("applied with the rest of its plan", facts)
        ended = self._terraform(
            "apply", "-input=false", "-no-color", f"-lock-timeout={self.lock_seconds}s", str(self.plan.resolve())
        )
        result = "applied" if ended.exit_code == 0 else self._already(ended)
        self._applied = True
        return Evidence(result, facts)

    def health(self, work: Work, *, now: datetime) -> HealthReport:
        """Whether a new plan leaves it alone: Terraform knows no other health."""
        del now
        name = address(work.action.resource)
        actions = self._left().get(name)
        if actions is None:
            return HealthReport(HealthState.HEALTHY, (f"a new plan has nothing to do for {name}",))
        return HealthReport(HealthState.FAILED, (f"a new plan would still {' and '.join(sorted(actions))} {name}",))

    def _check(self, work: Work) -> None:
        if not self.plan.is_file():
            raise Refused(
                f"there is no plan {self.plan}", advice="make it with terraform plan -out, and have it agreed to"
            )
        expected = {address(action.resource): _terraform_actions(action) for action in self.expected}
        if work.action.id not in {action.id for action in self.expected}:
            raise Refused(f"{address(work.action.resource)} is not among what the plan was agreed to do")
        planned = planned_actions(self._shown(self.plan))
        if planned != expected:
            raise Stale(
                f"the plan {self.plan.name} is not what was agreed to: {'; '.join(_differences(planned, expected))}"
            )

    def _already(self, ended: ProcessResult) -> str:
        """What to say where a new plan has nothing left to do; raises what the failure means otherwise."""
        if _LOCKED in ended.stderr:
            raise self._locked(ended)
        if _MOVED not in ended.stderr:
            raise Refused(
                f"terraform apply ended with exit code {ended.exit_code}: {self._tool().last_output(ended)}",
                advice="what it did before that is in the state; plan again to see what is left",
            )
        remaining_changes = self._left()
        if remaining_changes:
            raise Stale(
                f"the state has moved since the plan was made; left to do: {', '.join(sorted(remaining_changes))}"
            )
        return "applied before: a new plan has nothing to do"

    def _locked(self, ended: ProcessResult) -> Refused:
        facts = dict(_LOCK_FACT.findall(ended.stderr))
        lock = facts.get("ID", "").strip() or "LOCK_ID"
        holder = ", ".join(f"{name.lower()} {fact.strip()}" for name, fact in facts.items())
        return Refused(
            f"the state is locked by somebody else: {holder or self._tool().last_output(ended)}",
            advice=f"wait until that run has ended; if it is gone: terraform force-unlock {lock}",
        )

    def _left(self) -> Mapping[str, frozenset[str]]:
        """What a new plan would do. The plan is kept beside the data folder's other files and taken away."""
        fresh = self.data / "left.tfplan"
        try:
            ended = self._terraform(
                "plan", "-input=false", "-no-color", "-lock=false", "-detailed-exitcode", f"-out={fresh.resolve()}"
            )
            if ended.exit_code == 0:
                return {}
            if ended.exit_code != _DIFFERS:
                raise Unavailable(
                    f"terraform plan ended with exit code {ended.exit_code}: {self._tool().last_output(ended)}"
                )
            return planned_actions(self._shown(fresh))
        finally:
            fresh.unlink(missing_ok=True)

    def _shown(self, plan: Path) -> JSON:
        ended = self._terraform("show", "-json", "-no-color", str(plan.resolve()))
        if ended.exit_code != 0:
            raise Refused(
                f"the plan {plan.name} cannot be read: {self._tool().last_output(ended)}", advice="plan again"
            )
        if (shown_plan := read_json(ended.stdout)) is None:
            raise Unavailable("terraform show did not print JSON")
        return shown_plan

    def _terraform(self, verb: str, *arguments: str) -> ProcessResult:
        """``terraform verb``, after an init that brings no other provider than the lock file names."""
        if not self._ready:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            ended = self._tool().run("init", "-input=false", "-no-color", "-lockfile=readonly")
            if ended.exit_code != 0:
                raise Unavailable(
                    f"terraform init ended with exit code {ended.exit_code}: {self._tool().last_output(ended)}"
                )
            self._ready = True
        self.tell(ObserverStep("terraform", f"terraform {verb}"))
        return self._tool().run(verb, *arguments)

    def _tool(self) -> ApplyTool:
        passed = {key: value for key, value in self.environment.items() if not key.startswith(_NOT_PASSED)}
        automation = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
        environment = {**passed, **automation, "TF_DATA_DIR": str(self.data.resolve())}
        variables = {key: value for key, value in environment.items() if key.startswith("TF_VAR_")}
        return ApplyTool((self.binary,), self.directory, environment, variables, self.seconds)


def _changed(entry: Tree) -> str:
    """The address; of an object that a replacement left over, with its key, since it stands beside the current one."""
    name, deposed = text(entry.get("address")), text(entry.get("deposed"))
    return f"{name} (deposed {deposed})" if deposed else name


def _terraform_actions(action: Action) -> frozenset[str]:
    if action.operation not in _ACTIONS:
        raise Refused(f"{action.resource}: Terraform has no {action.operation}", advice="plan it again")
    return _ACTIONS[action.operation]


def _differences(planned: Mapping[str, frozenset[str]], expected: Mapping[str, frozenset[str]]) -> Iterator[str]:
    for name in sorted({*planned, *expected}):
        would, should = planned.get(name, frozenset[str]()), expected.get(name, frozenset[str]())
        if would != should:
            yield f"{name}: planned {'+'.join(sorted(would)) or 'nothing'}, agreed {'+'.join(sorted(should)) or 'nothing'}"
