"""What a value of a Terraform plan opens or grants that the configuration does not."""

from __future__ import annotations

import json

import pytest

from bot.drift.severity.cloud import exposure
from bot.model.drift import Severity
from bot.model.json import JSON


def policy(**statement: JSON) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", **statement}]})


ROWS: list[tuple[str, JSON, JSON, str | None]] = [
    ("cidr_blocks", ["0.0.0.0/0"], ["10.0.0.0/8"], "public-exposure"),
    ("cidr_blocks", ["10.0.0.0/8"], ["0.0.0.0/0"], None),
    ("cidr_blocks", ["0.0.0.0/0"], ["0.0.0.0/0", "10.0.0.0/8"], None),
    ("ingress", [{"cidr_blocks": ["::/0"], "from_port": 22}], [], "public-exposure"),
    ("source_address_prefix", "*", "10.0.0.1", "public-exposure"),
    ("acl", "public-read", "private", "public-exposure"),
    ("publicly_accessible", True, False, "public-exposure"),
    ("name", "public-read", "x", None),
    ("member", "allUsers", "user:a@example.com", "iam-everybody"),
    ("role", "roles/owner", "roles/viewer", "iam-wildcard"),
    ("role_definition_name", "Owner", "Reader", "iam-wildcard"),
    ("tags", {"team": "Owner"}, {}, None),
    ("policy", policy(Principal="*", Action="s3:GetObject"), policy(Principal={"AWS": "1"}), "iam-everybody"),
    ("policy", policy(Action="*", Resource="*"), policy(Action="s3:GetObject"), "iam-wildcard"),
    ("policy", policy(Action="s3:GetObject"), policy(Action="*", Resource="*"), None),
    ("policy", policy(Principal="*", Condition={"Bool": {"a": "b"}}), policy(Principal={"AWS": "1"}), None),
    ("policy", json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}), "{}", None),
    ("policy", "{broken", "{}", None),
    ("policy", "[" * 100_000, "{}", None),
]


@pytest.mark.parametrize(("name", "live", "asked", "rule"), ROWS)
def test_a_value_that_opens_is_critical(name: str, live: JSON, asked: JSON, rule: str | None) -> None:
    """Only where the live side has it and the configuration has not."""
    assert exposure({name: live}, {name: asked}) == (None if rule is None else (Severity.CRITICAL, rule))
