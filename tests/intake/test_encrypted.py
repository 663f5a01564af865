"""Values of plain manifests that are encrypted in Git: nobody can compare them."""

from __future__ import annotations

from typing import Any

from bot.intake.encrypted import encrypted
from bot.model.json import Pointer
from tests.table import table

SEALED = "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]"
CASES: list[tuple[dict[str, Any], set[Pointer]]] = [
    ({"stringData": {"password": SEALED}, "sops": {"mac": SEALED}}, {("stringData", "password"), ("sops",)}),
    ({"data": {"a": SEALED, "b": "plain"}}, {("data", "a")}),
    ({"spec": {"env": [{"name": "A", "value": SEALED}]}}, {("spec", "env", 0, "value")}),
    ({"data": {"a": "ref+vault://kv/shop#password"}}, {("data", "a")}),
    ({"data": {"a": "<path:kv/data/shop#password>"}}, {("data", "a")}),
    ({"data": {"a": "$ANSIBLE_VAULT;1.1;AES256\n6231"}}, {("data", "a")}),
    ({"data": {"a": "-----BEGIN AGE ENCRYPTED FILE-----\nx"}}, {("data", "a")}),
    ({"data": {"a": "see ENC[AES256_GCM, in the manual", "b": "<html>", "sops": "a tool"}}, set()),
    ({"data": {"sops": {"a": "b"}}}, set()),
]


@table(("tree", "pointers"), CASES)
def test_encrypted_values_are_found(tree: dict[str, Any], pointers: set[Pointer]) -> None:
    """By the form of the tool that wrote them, and SOPS's notes on them."""
    assert encrypted(tree) == pointers
