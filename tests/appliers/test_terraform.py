"""Saved plans applied by a real terraform: exactly what was agreed to, once, and told apart from what cannot be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.appliers.terraform import TerraformApplier, address, planned_actions
from bot.errors import Invalid, Refused, Stale, Unavailable
from bot.model.action import Action, HealthState, Operation, Work
from bot.model.decision import Lane
from bot.model.json import JSON
from bot.model.resource import Platform, ResourceId
from tests.observers.waiting import until

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed"),
]
WEB = """
variable "size" { default = "small" }
resource "terraform_data" "web" {
  input = var.size
}
"""
SLOW = """
resource "terraform_data" "first" {
  provisioner "local-exec" { command = "echo done >> first.log" }
}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "touch begun; while [ ! -e go ]; do sleep 0.05; done" }
}
"""


class Module:
    """A root module in a folder of its own, with plans made by the real binary."""

    def __init__(self, folder: Path, main: str) -> None:
        self.folder, self.data, self.plan = folder / "tf", folder / "data", folder / "saved.tfplan"
        self.folder.mkdir()
        self.data.mkdir()
        self.write(main)
        self.terraform("init")

    def write(self, main: str) -> None:
        (self.folder / "main.tf").write_text(main)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TF_DATA_DIR": str(self.data), "CHECKPOINT_DISABLE": "1"}

    def terraform(self, verb: str, *words: str) -> str:
        argv = ["terraform", verb, "-input=false", "-no-color", *words]
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def planned(self, *actions: Action, seconds: float = 300.0) -> TerraformApplier:
        self.terraform("plan", f"-out={self.plan}")
        return self.applier(*actions, seconds=seconds)

    def applier(self, *actions: Action, seconds: float = 300.0) -> TerraformApplier:
        """As after a restart: nothing is remembered."""
        return TerraformApplier(self.folder, self.plan, actions, self.data, dict(os.environ), seconds=seconds)

    def inputs(self) -> dict[str, object]:
        resources = json.loads((self.folder / "terraform.tfstate").read_text())["resources"]
        return {each["name"]: each["instances"][0]["attributes"]["input"]["value"] for each in resources}


@pytest.fixture
def module(tmp_path: Path) -> Module:
    return Module(tmp_path, WEB)


def action(operation: Operation, name: str = "web", scope: str = "") -> Action:
    id_ = ResourceId(Platform.TERRAFORM, "terraform_data", scope, name)
    return Action(operation, id_, "web", (), Lane.ARTIFACT_PATCH, "LOW", "default")


def work(of: Action) -> Work:
    return Work(of, None, None, "token", NOW)


CREATE, UPDATE, DELETE = action(Operation.CREATE), action(Operation.UPDATE), action(Operation.DELETE)


def carry_out(module: Module, of: Action) -> str:
    return module.planned(of).carry_out(work(of)).message


def test_a_plan_is_applied_action_by_action(module: Module) -> None:
    """Created, changed, replaced and deleted as planned; each time a new plan then has nothing to do."""
    main = (module.folder / "main.tf").read_text()
    replaced = main.replace("input = var.size", "input = var.size\n triggers_replace = [1]")
    steps = [
        (CREATE, main),
        (UPDATE, main.replace("small", "large")),
        (action(Operation.REPLACE), replaced.replace("small", "large")),
        (DELETE, "# nothing"),
    ]
    for step, text in steps:
        module.write(
            text.replace("{ input", "{\n input").replace("[1] }", "[1]\n}").replace("var.size }", "var.size\n}")
        )
        applier = module.planned(step)
        applier.rehearse(work(step))
        assert applier.health(work(step), now=NOW).state is HealthState.FAILED
        assert applier.carry_out(work(step)).message == "applied"
        assert applier.health(work(step), now=NOW).state is HealthState.HEALTHY
    assert module.inputs() == {}


def test_a_plan_stands_for_all_of_its_actions(tmp_path: Path) -> None:
    """The first action applies the whole plan; the second finds it done, also in a process that knows nothing of it."""
    module = Module(
        tmp_path, 'resource "terraform_data" "each" {\n for_each = toset(["a", "b"])\n input = each.key\n}\n'
    )
    first, second = (action(Operation.CREATE, f'each["{key}"]') for key in "ab")
    applier = module.planned(first, second)
    assert applier.carry_out(work(first)).message == "applied"
    assert applier.carry_out(work(second)).message == "applied with the rest of its plan"
    again = module.applier(first, second)
    assert again.carry_out(work(second)).message == "applied before: a new plan has nothing to do"


def test_nothing_is_applied_without_its_plan(module: Module) -> None:
    """No plan file, one that cannot be read, and an action that the plan was not agreed to do are refused."""
    with pytest.raises(Refused, match="there is no plan"):
        module.applier(CREATE).carry_out(work(CREATE))
    with pytest.raises(Refused, match="is not among what the plan was agreed to do"):
        module.planned(CREATE).carry_out(work(UPDATE))
    module.plan.write_bytes(b"no plan")
    with pytest.raises(Refused, match="cannot be read"):
        module.applier(CREATE).carry_out(work(CREATE))
    assert not (module.folder / "terraform.tfstate").exists()


def test_a_plan_that_does_something_else_is_stale(module: Module) -> None:
    """More, less or other than what was agreed to: nothing is applied, and the difference is named."""
    other = action(Operation.CREATE, "other")
    for agreed, difference in (
        ((UPDATE,), "terraform_data.web: planned create, agreed update"),
        ((CREATE, other), "terraform_data.other: planned nothing, agreed create"),
    ):
        with pytest.raises(Stale, match=difference):
            module.planned(*agreed).carry_out(work(agreed[0]))
    module.write(WEB + 'resource "terraform_data" "more" {}\n')
    with pytest.raises(Stale, match=r"terraform_data\.more: planned create, agreed nothing"):
        module.planned(CREATE).rehearse(work(CREATE))
    assert not (module.folder / "terraform.tfstate").exists()


def test_a_state_that_moved_makes_the_plan_stale(module: Module) -> None:
    """Somebody applied something else in between: theirs stays, and what is left to do is named."""
    applier = module.planned(CREATE)
    module.terraform("apply", "-auto-approve", "-var=size=theirs")
    with pytest.raises(Stale, match=r"the state has moved since the plan was made; left to do: terraform_data\.web"):
        applier.carry_out(work(CREATE))
    assert module.inputs() == {"web": "theirs"}


def test_the_configuration_is_that_of_the_plan(module: Module) -> None:
    """What is written into the files after the plan was made is not applied."""
    applier = module.planned(CREATE)
    module.write(WEB.replace("small", "later"))
    applier.carry_out(work(CREATE))
    assert module.inputs() == {"web": "small"}


def test_a_failing_apply_is_refused_without_secrets(tmp_path: Path) -> None:
    """What Terraform said is told, the value of a variable is not."""
    main = """
    variable "key" {}
    resource "terraform_data" "web" {
      provisioner "local-exec" { command = "echo cannot reach it with ${nonsensitive(var.key)} >&2; exit 3" }
    }
    """
    module = Module(tmp_path, main)
    module.terraform("plan", f"-out={module.plan}", "-var=key=swordfish")
    applier = module.applier(CREATE)
    applier.environment = {**applier.environment, "TF_VAR_key": "swordfish"}
    with pytest.raises(Refused, match="terraform apply ended with exit code 1") as refused:
        applier.carry_out(work(CREATE))
    assert "exit status 3" in refused.value.message
    assert "swordfish" not in str(refused.value)


def test_a_locked_state_is_refused_with_what_to_do(module: Module) -> None:
    """While another run holds the state's lock nothing is applied; its id and the command that ends it are named."""
    applier = module.planned(CREATE)
    applier.lock_seconds = 0
    holding = subprocess.Popen(
        ["terraform", "console"],
        cwd=module.folder,
        env=module.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until((module.folder / ".terraform.tfstate.lock.info").exists)
        with pytest.raises(Refused, match="the state is locked by somebody else: id ") as refused:
            applier.carry_out(work(CREATE))
    finally:
        holding.communicate(timeout=30)
    lock = (refused.value.advice or "").rpartition("terraform force-unlock ")[2]
    assert lock.count("-") == 4
    assert applier.carry_out(work(CREATE)).message == "applied"


def test_an_apply_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """After its time limit nothing of it runs, and what it had done by then is not done again."""
    module = Module(tmp_path, SLOW)
    both = [action(Operation.CREATE, name) for name in ("first", "slow")]
    with pytest.raises(Unavailable, match="terraform apply did not finish within 6 s"):
        module.planned(*both, seconds=6).carry_out(work(both[0]))
    assert_goes_on(module, both)


def test_after_a_kill_in_the_middle_it_says_what_is_left(tmp_path: Path) -> None:
    """Terraform itself is killed between two resources: the plan is stale, names the second, and the first stays done."""
    module = Module(tmp_path, SLOW)
    both = [action(Operation.CREATE, name) for name in ("first", "slow")]
    module.planned(*both)
    killed = subprocess.Popen(
        ["terraform", "apply", "-input=false", str(module.plan)],
        cwd=module.folder,
        env=module.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert until((module.folder / "begun").exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(20)
    assert_goes_on(module, both)


def assert_goes_on(module: Module, both: Sequence[Action]) -> None:
    """The old plan is refused as stale, a new one of what is left is applied, and the first was done once."""
    (module.folder / "go").touch()
    with pytest.raises(Stale, match=r"left to do: terraform_data\.slow"):
        module.applier(*both).carry_out(work(both[0]))
    shown = planned_actions(json.loads(_shown(module)))
    operation = Operation.CREATE if shown["terraform_data.slow"] == {"create"} else Operation.REPLACE
    left = action(operation, "slow")
    assert module.planned(left).carry_out(work(left)).message == "applied"
    assert (module.folder / "first.log").read_text() == "done\n"


def _shown(module: Module) -> str:
    module.terraform("plan", f"-out={module.plan}")
    shown = subprocess.run(
        ["terraform", "show", "-json", str(module.plan)],
        cwd=module.folder,
        env=module.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout


def test_addresses_and_plans() -> None:
    """Modules and keys are part of an address; what an old object is deleted for counts; a failed plan is no plan."""
    assert address(action(Operation.CREATE, "out[0]", 'module.net["eu"]').resource) == (
        'module.net["eu"].terraform_data.out[0]'
    )
    changes: list[JSON] = [
        {"address": "t.x", "change": {"actions": ["no-op"]}},
        {"address": "t.x", "deposed": "ab12", "change": {"actions": ["delete"]}},
        {"address": "data.t.y", "change": {"actions": ["read"]}},
        {"address": "t.z", "change": {"actions": ["create", "delete"]}},
    ]
    assert planned_actions({"format_version": "1.2", "resource_changes": changes}) == {
        "t.x (deposed ab12)": {"delete"},
        "t.z": {"create", "delete"},
    }
    unreadable: list[JSON] = [{"format_version": "2.0"}, {"format_version": "1.2", "errored": True}, None]
    for wrong in unreadable:
        with pytest.raises(Invalid):
            planned_actions(wrong)
