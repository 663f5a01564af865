"""Terraform is read from every file that it is written in: values, JSON, and OpenTofu's own suffixes."""

from __future__ import annotations

import json

from bot.model.severity import Severity
from tests.guardrails.changes import file, fire
from tests.guardrails.test_exposure import WORLD, resource, rule, rule_from

VARIABLE = 'variable "who" {}\n' + resource("aws_security_group", f"ingress {{\n {rule_from('var.who')} }}")


def test_a_file_of_values_says_what_variables_are() -> None:
    """Beside the configuration that uses them, and by itself where a name tells what they are for."""
    values = file("infra/prod.auto.tfvars", None, f"who = {WORLD}\n")
    assert [hit.file for hit in fire("TF-001", file("infra/main.tf", None, VARIABLE), values)] == ["infra/main.tf"]
    assert fire("TF-001", file("other/main.tf", None, VARIABLE), values) == []
    assert fire("TF-001", values) == []
    assert fire("TF-001", file("infra/prod.tfvars", None, f"allowed_ssh_cidrs = {WORLD}\n"))
    assert fire("TF-001", file("infra/prod.tfvars", None, f"ssh_cidr_blocks = {WORLD}\n"))
    assert fire("TF-001", file("infra/prod.tfvars", None, f"egress_cidrs = {WORLD}\n")) == []
    assert fire("TF-001", file("infra/prod.tfvars.json", None, f'{{"ssh_cidr_blocks": {WORLD}}}\n'))
    assert fire("TF-001", file("infra/prod.tfvars.json", None, f'{{"egress_cidrs": {WORLD}}}\n')) == []


def test_what_kept_everybody_out_is_missed() -> None:
    """Unless its bucket goes with it, or it is only moved."""
    bucket, block = (
        resource("aws_s3_bucket", ""),
        resource("aws_s3_bucket_public_access_block", "block_public_acls = true"),
    )
    (hit,) = fire("TF-001", file("a.tf", bucket + block, bucket))
    assert hit.message == "aws_s3_bucket_public_access_block.a is gone, which kept everybody out."
    assert fire("TF-001", file("a.tf", bucket + block, "")) == []
    assert fire("TF-001", file("a.tf", bucket + block, bucket), file("b.tf", None, block)) == []


def test_open_tofu_is_read_as_terraform_is() -> None:
    """Its own suffixes hold the same blocks."""
    assert fire("TF-001", file("infra/main.tofu", None, resource("aws_security_group", f"ingress {{\n {rule()} }}")))
    assert fire(
        "TF-001",
        file("infra/main.tofu.json", None, json.dumps({"resource": {"aws_s3_bucket": {"a": {"acl": "public-read"}}}})),
    )


def test_a_protection_in_json_is_one() -> None:
    """``deletion_protection`` means the same in ``.tf.json``."""
    on, off = (
        json.dumps({"resource": {"aws_db_instance": {"a": {"deletion_protection": on}}}}) for on in (True, False)
    )
    assert fire("DES-003", file("infra/main.tf.json", on, off))
    assert fire("DES-003", file("infra/main.tf.json", off, on)) == []


def test_an_example_protects_nothing_that_lasts() -> None:
    """Losing its protection is a remark."""
    sides = [f'resource "aws_db_instance" "a" {{\n  deletion_protection = {value}\n}}\n' for value in ("true", "false")]
    severities = [
        hit.severity for path in ("examples/a/main.tf", "a/main.tf") for hit in fire("DES-003", file(path, *sides))
    ]
    assert severities == [Severity.LOW, None]
