"""Terraform plans become drifts field by field, with causes, masked secrets, and destruction said loudly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.errors import Invalid, Unavailable
from bot.model.drift import Drift, SetValue
from bot.model.json import JSON, Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.observers.plans import PlanReader
from bot.observers.terraform import TerraformObserver
from tests.table import table

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = b"k" * 32


def plan(name: str) -> Tree:
    found: Tree = json.loads((Path(__file__).parent / "plans" / f"{name}.json").read_text())
    return found


def declared(kind: str, name: str, scope: str = "", file: str = "tf/main.tf", **tree: JSON) -> Desired:
    id_ = ResourceId(Platform.TERRAFORM, kind, scope, name)
    return Desired(id_, f"task-{name}", SourceKind.TERRAFORM, tree, file, 7)


def drifts(name: str, *wanted: Desired, root: str = "tf") -> dict[str, Drift]:
    found = PlanReader(wanted, KEY, root).drifts(plan(name))
    return {f"{drift.resource} {drift.where}".strip(): drift for drift in found}


OUTSIDE = "changed outside of Terraform"
PENDING = "declared in Git and not applied yet"
PROVIDER = "not set in Git: the provider's default changed (provider upgrade)"

Expected: TypeAlias = tuple[str, str, str, str, str, JSON, JSON]
"""Key, kind, severity, rule, cause, desired, observed."""

EXPECTED: list[Expected] = [
    ("aws_instance/web instance_type", "changed", "MEDIUM", "TF-CHANGE", OUTSIDE, "t3.small", "t3.large"),
    ("aws_instance/web tags.owner", "added", "LOW", "TF-METADATA", OUTSIDE, None, "mallory"),
    (
        "aws_instance/web metadata_options[#0].instance_metadata_tags",
        "missing",
        "MEDIUM",
        "TF-CHANGE",
        PROVIDER,
        "enabled",
        None,
    ),
    (
        "aws_security_group/web ingress[#0].cidr_blocks",
        "changed",
        "CRITICAL",
        "public-exposure",
        OUTSIDE,
        ["10.0.0.0/8"],
        ["0.0.0.0/0"],
    ),
    ("aws_lb/front idle_timeout", "changed", "MEDIUM", "TF-CHANGE", OUTSIDE, 60, 4000),
    ('aws_route/module.net["eu"]/out[0] gateway_id', "changed", "MEDIUM", "TF-CHANGE", PENDING, "igw-2", "igw-1"),
    ("aws_launch_template/x image_id", "changed", "MEDIUM", "TF-CHANGE", PENDING, "(known after apply)", "ami-1"),
    ("aws_s3_bucket/old", "removed", "CRITICAL", "TF-DELETE", "apply would delete it", None, None),
    ("aws_sqs_queue/jobs", "missing", "HIGH", "TF-GONE", "deleted outside of Terraform", None, None),
    ("aws_sns_topic/new", "missing", "MEDIUM", "TF-CREATE", PENDING, None, None),
]


@table("expected", EXPECTED, ids=lambda expected: expected[0])
def test_a_planned_difference(expected: Expected) -> None:
    """Each difference of the plan has its place, its values, how bad it is and why it is there."""
    key, kind, severity, rule, cause, desired, observed = expected
    drift = drifts("aws")[key]
    assert (drift.kind, drift.severity, drift.rule) == (kind, severity, rule)
    assert drift.message is not None
    assert drift.message.endswith(cause)
    assert (drift.desired, drift.observed) == (desired, observed)


def test_nothing_else_is_drift() -> None:
    """What the plan does not care about, equal policies in other words, and computed values are no drift."""
    assert set(drifts("aws")) == {key for key, *_ in EXPECTED} | {"aws_db_instance/shop"}


def test_a_replacement_is_destructive() -> None:
    """Replacing a database is one CRITICAL drift that says what forces it, with every value as evidence and no secret."""
    drift = drifts("aws")["aws_db_instance/shop"]
    assert (drift.kind, drift.severity, drift.rule, drift.path) == ("changed", "CRITICAL", "TF-REPLACE", ())
    assert drift.message == (
        "aws_db_instance.shop: apply would replace it (destroy and create again), because of "
        "storage_encrypted, engine_version"
    )
    assert any("engine_version" in line and PENDING in line for line in drift.evidence)
    assert any("password: " in line for line in drift.evidence)
    assert "secret-" not in repr(drift)


def test_a_refresh_only_plan_tells_everything_changed_outside() -> None:
    """Without a planned change, recorded state stands against what is live; secrets are digests."""
    found = drifts("refresh_only")
    assert set(found) == {
        "aws_instance/web instance_type",
        "aws_instance/web tags.owner",
        "aws_instance/web public_ip",
        "aws_instance/web ebs_optimized",
        "aws_sqs_queue/jobs",
        "google_sql_user/app password",
    }
    secret = found["google_sql_user/app password"]
    assert secret.sensitive
    assert secret.desired != secret.observed
    assert "secret" not in f"{secret.desired} {secret.observed}"
    assert found["aws_instance/web instance_type"].observed == "t3.large"


def test_declarations_give_the_place_in_git() -> None:
    """A drift bears file, line, task and identity of its declaration, and can be adopted where Git has a literal."""
    wanted = (
        declared("aws_instance", "web", instance_type="t3.small", tags={"team": "core"}),
        declared("aws_route", "out", "module.net", "tf/net/main.tf"),
        declared("aws_sns_topic", "new", file="other/main.tf"),
        declared("aws_sns_topic", "new", file="tf/topics.tf"),
    )
    found = drifts("aws", *wanted)
    web = found["aws_instance/web instance_type"]
    assert (web.file, web.line, web.task) == ("tf/main.tf", 7, "task-web")
    assert web.adopt == (SetValue(("instance_type",), "t3.large"),)
    assert found["aws_instance/web metadata_options[#0].instance_metadata_tags"].adopt == ()
    assert found["aws_route/module.net/out[0] gateway_id"].file == "tf/net/main.tf"
    assert found["aws_sns_topic/new"].file == "tf/topics.tf"


def one_change(before: JSON, after: JSON, **marks: JSON) -> Tree:
    change: Tree = {"actions": ["update"], "before": before, "after": after, "after_unknown": {}, **marks}
    where: Tree = {"address": "t.x", "mode": "managed", "type": "t", "name": "x"}
    return {"format_version": "1.2", "resource_changes": [{**where, "change": change}]}


@table(
    "plan",
    [
        one_change({"a": "hunter2"}, {"a": "hunter3"}, after_sensitive={"a": True}, before_sensitive={}),
        one_change({"a": "hunter2"}, {"a": "hunter3"}, after_sensitive=False, before_sensitive={"a": True}),
        one_change({"a": {"b": "hunter2"}}, {"a": None}, after_sensitive={"a": True}, before_sensitive={}),
        one_change({"a": {"b": "hunter2"}}, {"a": "hunter3"}, after_sensitive={}, before_sensitive={"a": {"b": True}}),
        one_change({"a": ["hunter2", "x"]}, {"a": ["x"]}, after_sensitive={"a": [True]}, before_sensitive={}),
        one_change(
            {"a": ["hunter2"]}, {"a": ["x", "hunter2"]}, after_sensitive={"a": [False, True]}, before_sensitive={}
        ),
        one_change(
            {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
            {"env": [{"name": "DB_PASSWORD", "value": "hunter3"}]},
        ),
        one_change({"a": "x"}, {"a": "[client]\npassword = hunter3"}),
        {
            **one_change({"a": "hunter3"}, {"a": "hunter3"}, actions=["no-op"], after_sensitive={"a": True}),
            "resource_drift": one_change({"a": "hunter2"}, {"a": "hunter3"})["resource_changes"],
            "relevant_attributes": [{"resource": "t.x", "attribute": ["a"]}],
        },
    ],
)
def test_what_one_side_calls_sensitive_shows_on_neither(plan: Tree) -> None:
    """Sensitivity that only the state, only the configuration or only the refresh has masks both values, which still differ."""
    found = PlanReader((), KEY).drifts(plan)
    assert found
    assert all(drift.sensitive and drift.desired != drift.observed and drift.adopt == () for drift in found)
    assert "hunter" not in repr(found)


def test_what_the_declaration_calls_sensitive_is_masked() -> None:
    """A pointer that the source marks covers both sides."""
    wanted = replace(declared("t", "x"), sensitive=frozenset({("a", 0)}))
    found = PlanReader((wanted,), KEY).drifts(one_change({"a": ["hunter2"]}, {"a": ["hunter3"]}))
    assert found[0].sensitive
    assert "hunter" not in repr(found)


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [({"format_version": "2.0"}, "unknown format version 2.0"), ({"errored": True}, "ended with errors"), ({}, "")],
)
def test_a_plan_that_cannot_be_read_is_no_answer(wrong: Tree, cause: str) -> None:
    """A plan of another format, or one that failed, is Unavailable: never an empty list."""
    if not wrong:
        assert PlanReader((), KEY).drifts({"format_version": "1.0"}) == ()
        return
    with pytest.raises(Unavailable, match=cause):
        PlanReader((), KEY).drifts({**plan("aws"), **wrong})


needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
MAIN = """
variable "size" { default = 3 }
resource "terraform_data" "web" {
  input            = { size = var.size, name = "web" }
  triggers_replace = ["v1"]
}
resource "terraform_data" "each" {
  for_each = toset(["a", "b"])
  input    = each.key
}
resource "terraform_data" "token" {
  input = sensitive("hunter2-and-more")
}
"""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root module that was applied, with its data folder outside of it."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    folder = tmp_path_factory.mktemp("tf")
    (folder / "main.tf").write_text(MAIN)
    environment = {**os.environ, "TF_DATA_DIR": str(tmp_path_factory.mktemp("data")), "CHECKPOINT_DISABLE": "1"}
    for verb in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(
            ["terraform", *verb, "-input=false"], cwd=folder, env=environment, capture_output=True, check=True
        )
    return folder


@pytest.fixture
def module(applied: Path, tmp_path: Path) -> Path:
    """A copy of the applied root module."""
    folder = tmp_path / "tf"
    shutil.copytree(applied, folder)
    return folder


def look(folder: Path, *wanted: Desired, **settings: object) -> Observation:
    observer = TerraformObserver(folder, root="tf", mask_key=KEY, **settings)  # type: ignore[arg-type]
    return observer.observe(wanted, now=NOW)


@pytest.mark.terraform
@needs_terraform
def test_an_applied_module_has_no_drift(module: Path) -> None:
    """What was applied and not touched is no drift, and looking leaves no file behind."""
    before = {path: path.read_bytes() for path in module.rglob("*")}
    for refresh_only in (False, True):
        assert look(module, refresh_only=refresh_only) == Observation(NOW, compared=frozenset({Platform.TERRAFORM}))
    assert {path: path.read_bytes() for path in module.rglob("*")} == before


@pytest.mark.terraform
@needs_terraform
def test_a_real_plan(module: Path) -> None:
    """Update, replacement and deletion are told by the real binary's plan; the secret is not."""
    main = module / "main.tf"
    text = main.read_text().replace('["v1"]', '["v2"]').replace('toset(["a", "b"])', 'toset(["a"])')
    main.write_text(text.replace("hunter2-and-more", "another-secret"))
    seen = look(module, declared("terraform_data", "web"))
    found = {f"{drift.resource} {drift.where}".strip(): drift for drift in seen.differences}
    assert set(found) == {'terraform_data/each["b"]', "terraform_data/token input", "terraform_data/web"}
    assert found['terraform_data/each["b"]'].rule == "TF-DELETE"
    web = found["terraform_data/web"]
    assert (web.rule, web.severity, web.file, web.task) == ("TF-REPLACE", "HIGH", "tf/main.tf", "task-web")
    assert web.message is not None
    assert "because of triggers_replace" in web.message
    assert found["terraform_data/token input"].sensitive
    assert "hunter2" not in repr(seen)
    assert "another-secret" not in repr(seen)


@pytest.mark.terraform
@needs_terraform
@pytest.mark.parametrize("was", [True, False])
def test_a_value_that_becomes_or_was_sensitive(tmp_path: Path, *, was: bool) -> None:
    """A real plan that marks one side only shows neither value, in a field and in a replacement."""
    marked, plain = 'sensitive("{}")', '"{}"'
    text = """
resource "terraform_data" "web" {{ input = {{ x = {0}, name = "web" }} }}
resource "terraform_data" "new" {{
  input            = {0}
  triggers_replace = [{1}]
}}
"""
    environment = {**os.environ, "TF_DATA_DIR": str(tmp_path / "data"), "CHECKPOINT_DISABLE": "1"}
    folder = tmp_path / "tf"
    folder.mkdir()
    (folder / "main.tf").write_text(text.format((marked if was else plain).format("hunter2"), 1))
    for verb in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(
            ["terraform", *verb, "-input=false"], cwd=folder, env=environment, capture_output=True, check=True
        )
    (folder / "main.tf").write_text(text.format((plain if was else marked).format("hunter3"), 2))
    seen = look(folder)
    assert {drift.rule for drift in seen.differences} == {"TF-REPLACE", "TF-CHANGE"}
    assert all(drift.sensitive for drift in seen.differences)
    assert "hunter" not in repr(seen)


@pytest.mark.terraform
@needs_terraform
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('resource "terraform_data" "x" {', "terraform init ended with exit code 1"),
        ('resource "terraform_data" "x" { input = local.none }', "terraform plan ended with exit code 1"),
        ('resource "nosuch_thing" "x" {}', "terraform init ended with exit code 1"),
    ],
)
def test_a_failing_plan_is_never_no_drift(module: Path, text: str, cause: str) -> None:
    """A module that does not parse or plan is Unreachable with what Terraform said."""
    (module / "broken.tf").write_text(text)
    seen = look(module)
    assert seen.differences == ()
    assert seen.covered == frozenset()
    assert cause in seen.unreachable[0].cause
    assert not (module / ".terraform.lock.hcl").exists()


@pytest.mark.terraform
@needs_terraform
def test_a_plan_has_a_deadline(module: Path) -> None:
    """A plan that takes too long is Unreachable."""
    cause = look(module, deadline=0.01).unreachable[0].cause
    assert "did not finish within" in cause or "the deadline passed" in cause


def test_bad_settings_are_bad_input(tmp_path: Path) -> None:
    """A folder or a program that is not there is named."""
    with pytest.raises(Invalid, match="is not a folder"):
        look(tmp_path / "none")
    with pytest.raises(Invalid, match="cannot start no-such-terraform"):
        look(tmp_path, binary="no-such-terraform")


def test_the_port_of_an_open_rule_is_a_gain() -> None:
    """The range stays, and what it lets in is another thing; what has no part in it is worth what it was."""
    rule: dict[str, JSON] = {"cidr_blocks": ["0.0.0.0/0"], "protocol": "tcp"}
    before: dict[str, JSON] = {"ingress": [{**rule, "from_port": 22, "to_port": 22, "description": "a"}]}
    after: dict[str, JSON] = {"ingress": [{**rule, "from_port": 443, "to_port": 443, "description": "b"}]}
    change: JSON = {"actions": ["update"], "before": before, "after": after, "after_unknown": {}}
    entry: JSON = {
        "address": "aws_security_group.web",
        "mode": "managed",
        "type": "aws_security_group",
        "name": "web",
        "change": change,
    }
    drift = PlanReader((), KEY).drifts({"format_version": "1.2", "resource_changes": [entry]})
    assert {each.where: each.rule for each in drift} == {
        "ingress[#0].from_port": "public-exposure",
        "ingress[#0].to_port": "public-exposure",
        "ingress[#0].description": "TF-SECURITY",
    }
