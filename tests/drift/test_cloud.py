"""What a value of a Terraform plan opens or grants that the configuration does not."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.drift.severity.cloud import CloudGain, gains
from bot.model.json import JSON, Pointer
from tests.table import table


def policy(**statement: JSON) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", **statement}]})


def first_rule(live: JSON, asked: JSON) -> str | None:
    return next((gain.rule for gain in gains(live, asked)), None)


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
    ("role", "roles/editor", "roles/viewer", "iam-wildcard"),
    ("policy_arn", "arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess", "iam-wildcard"),
    ("role_definition_name", "Contributor", "Reader", "iam-wildcard"),
    ("role_ref", [{"kind": "ClusterRole", "name": "cluster-admin"}], [{"name": "view"}], "iam-wildcard"),
    ("name", "cluster-admin", "x", None),
    ("rule", [{"verbs": ["*"], "resources": ["pods"]}], [{"verbs": ["get"], "resources": ["pods"]}], "iam-wildcard"),
    ("principal", "*", "s3.amazonaws.com", "iam-everybody"),
    ("restrict_public_buckets", False, True, "public-exposure"),
    ("restrict_public_buckets", True, False, None),
    ("block_public_acls", False, True, "public-exposure"),
    ("block_public_access_security_group_rules", True, False, None),
    ("allow_nested_items_to_be_public", True, False, "public-exposure"),
    ("associate_public_ip_address", True, False, "public-exposure"),
    ("internal", False, True, "public-exposure"),
    ("visibility", "public", "private", "public-exposure"),
    ("authorization_type", "NONE", "AWS_IAM", "public-exposure"),
    ("network_interface", [{"access_config": [{}]}], [{"access_config": []}], "public-exposure"),
    ("settings", [{"authorized_networks": [{"value": "0.0.0.0/0"}]}], [{}], "public-exposure"),
    ("privileged", True, False, "privileged"),
    ("spec", [{"host_network": True}], [{"host_network": False}], "host-namespace"),
    ("network_mode", "host", "bridge", "host-namespace"),
    ("volumes", [{"host_path": "/var/run/docker.sock"}], [], "engine-socket"),
    ("capabilities", [{"add": ["SYS_ADMIN"]}], [{"add": ["CHOWN"]}], "capability"),
    ("container", [{"image": "evil.example.com/web:1"}], [{"image": "shop/web:1"}], "image-registry"),
    ("container", [{"image": "shop/web:2"}], [{"image": "shop/web:1"}], None),
    ("tags", {"team": "Owner"}, {}, None),
    ("policy", policy(Principal="*", Action="s3:GetObject"), policy(Principal={"AWS": "1"}), "iam-everybody"),
    ("policy", policy(Action="*", Resource="*"), policy(Action="s3:GetObject"), "iam-wildcard"),
    ("policy", policy(Action="s3:GetObject"), policy(Action="*", Resource="*"), None),
    ("policy", policy(Principal="*", Condition={"Bool": {"a": "b"}}), policy(Principal={"AWS": "1"}), None),
    ("policy", json.dumps({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}), "{}", None),
    ("policy", "{broken", "{}", None),
    ("policy", "[" * 100_000, "{}", None),
]


def open_port(first: int, last: int | None = None, protocol: str = "tcp", **more: JSON) -> dict[str, JSON]:
    ports: dict[str, JSON] = {"from_port": first, "to_port": first if last is None else last, "protocol": protocol}
    return {**ports, "cidr_blocks": ["0.0.0.0/0"], **more}


def fire(*ports: str, ranges: tuple[str, ...] = ("0.0.0.0/0",)) -> dict[str, JSON]:
    return {"allow": [{"protocol": "tcp", "ports": [*ports]}], "source_ranges": [*ranges], "direction": "INGRESS"}


ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ANY = policy(Action="*", Resource="*")
BUCKET = policy(Action="*", Resource="arn:aws:s3:::a/*")
PUBLIC = policy(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::a/*")

WHOLES: list[tuple[dict[str, JSON], dict[str, JSON], str | None]] = [
    # the same range at another place of a firewall
    ({"ingress": [open_port(443), open_port(22)]}, {"ingress": [open_port(443)]}, "public-exposure"),
    ({"ingress": [open_port(22)]}, {"ingress": [open_port(443)]}, "public-exposure"),
    ({"ingress": [open_port(443, protocol="-1")]}, {"ingress": [open_port(443)]}, "public-exposure"),
    ({"ingress": [open_port(0, 65535)]}, {"ingress": [open_port(443)]}, "public-exposure"),
    ({"ingress": [open_port(443)]}, {"ingress": [open_port(0, 65535)]}, None),
    ({"ingress": [open_port(443)]}, {"ingress": [open_port(0, 0, "-1")]}, None),
    ({"ingress": [open_port(443, description="x")]}, {"ingress": [open_port(443, description="y")]}, None),
    ({"ingress": [open_port(80), open_port(443)]}, {"ingress": [open_port(443), open_port(80)]}, None),
    ({"ingress": [open_port(22)]}, {"egress": [open_port(0, 0, "-1")]}, "public-exposure"),
    (open_port(22, type="ingress"), open_port(443, type="ingress"), "public-exposure"),
    (open_port(443, type="ingress"), open_port(443, type="egress"), "public-exposure"),
    (fire("443", "22"), fire("443"), "public-exposure"),
    (fire(), fire("443"), "public-exposure"),
    (fire("443"), fire("443", "80"), None),
    (fire("443"), fire(), None),
    (
        {"security_rule": [{"access": "Allow", "source_address_prefix": "*", "destination_port_range": "22"}]},
        {"security_rule": [{"access": "Allow", "source_address_prefix": "*", "destination_port_range": "443"}]},
        "public-exposure",
    ),
    ({"security_rule": [{"access": "Deny", "source_address_prefix": "*"}]}, {"security_rule": []}, None),
    (
        {"security_rule": [{"access": "Allow", "source_address_prefix": "*"}]},
        {"security_rule": [{"access": "Deny", "source_address_prefix": "*"}]},
        "public-exposure",
    ),
    # the same role for somebody else or at another place
    ({"role": "roles/owner", "member": "user:b"}, {"role": "roles/owner", "member": "user:a"}, "iam-wildcard"),
    ({"role": "roles/owner", "members": ["a", "b"]}, {"role": "roles/owner", "members": ["a"]}, "iam-wildcard"),
    ({"role": "roles/owner", "members": ["a"]}, {"role": "roles/owner", "members": ["a", "b"]}, None),
    ({"role": "roles/viewer", "members": ["a", "b"]}, {"role": "roles/viewer", "members": ["a"]}, None),
    (
        {"role": "roles/storage.admin", "member": "allUsers"},
        {"role": "roles/viewer", "member": "allUsers"},
        "iam-everybody",
    ),
    ({"members": ["allUsers", "user:a"]}, {"members": ["allUsers"]}, None),
    ({"policy_arn": ADMIN, "users": ["a", "b"]}, {"policy_arn": ADMIN, "users": ["a"]}, "iam-wildcard"),
    (
        {"role": "roles/owner", "member": "user:a", "condition": []},
        {"role": "roles/owner", "member": "user:a", "condition": [{"expression": "x"}]},
        "iam-wildcard",
    ),
    (
        {"role": "roles/owner", "member": "user:a", "condition": [{"expression": "x"}]},
        {"role": "roles/owner", "member": "user:a", "condition": []},
        None,
    ),
    # statements as wholes
    ({"policy": ANY}, {"policy": BUCKET}, "iam-wildcard"),
    ({"policy": BUCKET}, {"policy": ANY}, None),
    ({"policy": policy(NotAction="s3:*", Resource="*")}, {"policy": BUCKET}, "iam-wildcard"),
    ({"policy": policy(NotAction="s3:*", Resource="*")}, {"policy": ANY}, None),
    (
        {"policy": policy(NotAction="s3:*", Resource="*")},
        {"policy": policy(NotAction=["s3:*", "iam:*"])},
        "iam-wildcard",
    ),
    ({"policy": policy(NotAction=["iam:*", "s3:*"])}, {"policy": policy(NotAction="s3:*")}, None),
    ({"policy": ANY}, {"policy": policy(NotAction="iam:*", Resource="*")}, "iam-wildcard"),
    ({"policy": policy(Action="*:*", Resource="*")}, {"policy": BUCKET}, "iam-wildcard"),
    ({"policy": policy(Action="iam:*", Resource="*")}, {"policy": policy(Action="s3:*")}, "iam-wildcard"),
    ({"policy": policy(Action="*", NotResource="x")}, {"policy": BUCKET}, "iam-wildcard"),
    ({"policy": policy(NotPrincipal={"AWS": "1"}, Action="s3:*")}, {"policy": "{}"}, "iam-everybody"),
    ({"policy": policy(Principal="*", Action="s3:PutObject")}, {"policy": PUBLIC}, "iam-everybody"),
    (
        {"policy": policy(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::b/*")},
        {"policy": PUBLIC},
        "iam-everybody",
    ),
    (
        {"policy": policy(Principal={"AWS": ["*"]}, Action=["s3:GetObject"], Resource="arn:aws:s3:::a/b")},
        {"policy": PUBLIC},
        None,
    ),
    (
        {"policy": PUBLIC},
        {"policy": policy(Principal="*", Action="s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}})},
        "iam-everybody",
    ),
    (
        {"policy": policy(Principal="*", Action="s3:*", Condition={"StringLike": {"aws:x": "*"}})},
        {"policy": policy(Principal="*", Action="s3:*", Condition={"StringLike": {"aws:x": "a"}})},
        "iam-everybody",
    ),
    (
        {"policy": policy(Action="*", Resource="*")},
        {"policy": policy(Action="*", Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})},
        "iam-wildcard",
    ),
    (
        {"policy": policy(Action="*", Resource="*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})},
        {"policy": policy(Action="*", Resource="*")},
        None,
    ),
    ({"other": ANY}, {"policy": ANY}, "iam-wildcard"),
    ({"policy": " " + ANY}, {"policy": BUCKET}, "iam-wildcard"),
]


@table(("live", "asked", "rule"), WHOLES)
def test_what_opens_is_judged_with_what_stands_beside_it(
    live: dict[str, JSON], asked: dict[str, JSON], rule: str | None
) -> None:
    """A range with its ports, a role with its members, a statement with its resources and conditions."""
    assert first_rule(live, asked) == rule
    assert first_rule(live, live) is None


@table(("name", "live", "asked", "rule"), ROWS)
def test_a_value_that_opens_is_critical(name: str, live: JSON, asked: JSON, rule: str | None) -> None:
    """Only where the live side has it and the configuration has not."""
    assert first_rule({name: live}, {name: asked}) == rule


def test_a_statement_of_many_parts_is_judged_as_a_whole() -> None:
    """It is covered by a statement with all of them, and gained where one is missing."""
    many: list[JSON] = [f"s3:{number}" for number in range(3000)]
    where: list[JSON] = [f"arn:{number}" for number in range(3000)]
    before = policy(Principal="*", Action=many, Resource=where)
    after = policy(Principal="*", Action=[*many, "*"], Resource=where)
    assert first_rule({"policy": after}, {"policy": before}) == "iam-everybody"
    assert first_rule({"policy": policy(Principal="*", Action=many, Resource=where[:-1])}, {"policy": after}) is None


OPEN = CloudGain("public-exposure", "0.0.0.0/0", ("ingress", 0), ("ingress", 0, "cidr_blocks", 1), {})


@table(
    ("path", "concerned"),
    [
        (OPEN.at, True),
        ((*OPEN.at, "x"), True),
        (("ingress",), True),
        ((), True),
        (("ingress", 0, "from_port"), True),
        (("ingress", 0, "from_port", 1), True),
        (("ingress", 0, "description"), False),
        (("ingress", 0, 1), False),
        (("ingress", 1, "from_port"), False),
        (("egress",), False),
    ],
)
def test_a_difference_is_about_a_gain_that_it_makes(path: Pointer, concerned: bool) -> None:
    """At its place, around it, below it, or beside it in the same block where its kind of gain depends on that."""
    assert OPEN.concerns(path) == concerned
    elsewhere = replace(OPEN, rule="capability")
    assert elsewhere.concerns(path) == (concerned and path[-1:] != ("from_port",) and path[-2:] != ("from_port", 1))
