"""Files of two environments that describe objects of one name: what one keeps says nothing about the other."""

from __future__ import annotations

from typing import Final

import pytest

from tests.guardrails.changes import file, fire

APPS = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n"
POD = APPS + "spec: {template: {spec: {containers: [{name: a, image: b, securityContext: {privileged: %s}}]}}}\n"
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {pod-security.kubernetes.io/enforce: %s}}\n"
CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a%s}\n"
GROUP = 'resource "aws_security_group" "a" {\n  ingress {\n    cidr_blocks = ["%s"]\n    from_port = 22\n  }\n}\n'
STORE = 'resource "aws_db_instance" "a" {\n  deletion_protection = %s\n  name = "a"\n}\n'
BUCKET = 'resource "aws_s3_bucket" "a" {\n  force_destroy = %s\n}\n'
BLOCK = 'resource "aws_s3_bucket_public_access_block" "a" {\n}\n%s'
TABLE: Final = {
    "K8S-001": ("a.yaml", POD % "false", POD % "true"),
    "K8S-002": ("a.yaml", SPACE % "restricted", SPACE % "privileged"),
    "DES-003": ("a.yaml", CLAIM % ", finalizers: [a/b]", CLAIM % ""),
    "TF-001": ("a.tf", GROUP % "10.0.0.0/8", GROUP % "0.0.0.0/0"),
    "DES-003 kept": ("a.tf", STORE % "true", STORE % "false"),
    "DES-003 forced": ("a.tf", BUCKET % "false", BUCKET % "true"),
    "TF-001 blocked": ("a.tf", BLOCK % "# a\n", "# a\n"),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_namesake_elsewhere_hides_nothing(name: str) -> None:
    """The one that stays as it is may be safe or not; it is the other one that is told, once."""
    path, safe, worse = TABLE[name]
    rule = name.partition(" ")[0]
    for other in (safe, worse):
        stays = file(f"envs/dev/{path}", other, f"{other}# more\n")
        (hit,) = fire(rule, stays, file(f"envs/prod/{path}", safe, worse))
        assert hit.file == f"envs/prod/{path}"
        assert fire(rule, stays) == []


@pytest.mark.parametrize("name", TABLE)
def test_what_moves_is_quiet(name: str) -> None:
    """Into another file or folder, as it was; and it is told where it gets worse on the way."""
    path, safe, worse = TABLE[name]
    rule = name.partition(" ")[0]
    for text in (safe, worse):
        assert fire(rule, file(f"envs/dev/{path}", text, None), file(f"envs/prod/{path}", None, text)) == []
    if "blocked" not in name:
        assert len(fire(rule, file(f"envs/dev/{path}", safe, None), file(f"envs/prod/{path}", None, worse))) == 1
