"""TF-001 understands what a configuration opens however Terraform lets it be written."""

from __future__ import annotations

import json

import pytest

from bot.guardrails.rule import GuardOptions
from tests.guardrails.changes import file, fire
from tests.table import table

WORLD = '["0.0.0.0/0"]'


def resource(kind: str, body: str) -> str:
    """One resource of that kind."""
    return f'resource "{kind}" "a" {{\n{body}\n}}\n'


def rule(*ranges: str) -> str:
    """The arguments of an ingress rule; from everywhere without ranges."""
    return rule_from(json.dumps(ranges) if ranges else WORLD)


def rule_from(expression: str) -> str:
    """The arguments of an ingress rule whose ranges are an expression."""
    return f'from_port = 22\n to_port = 22\n protocol = "tcp"\n cidr_blocks = {expression}\n'


def ingress(expression: str) -> str:
    """A security group with one rule, whose ranges are an expression."""
    return resource("aws_security_group", f"ingress {{\n {rule_from(expression)} }}")


def policy(statement: str) -> str:
    """A bucket policy by ``jsonencode``."""
    return resource("aws_s3_bucket_policy", f"policy = jsonencode({{ Statement = [{{ {statement} }}] }})")


OPEN = {
    "ranges in one text": ingress('split(",", "10.0.0.0/8,0.0.0.0/0")'),
    "a range with escapes": ingress(r'["\u0030.0.0.0/0"]'),
    "a range that is put together": ingress('["${"0.0.0.0"}/0"]'),
    "rules of a module": 'module "a" {\n ingress_with_cidr_blocks = [{ from_port = 22, cidr_blocks = "0.0.0.0/0" }]\n}\n',
    "an editor of a project": resource("google_project_iam_member", 'role = "roles/editor"'),
    "a container of blobs": resource("azurerm_storage_container", 'container_access_type = "blob"'),
    "an image of a machine": resource("aws_ami_launch_permission", 'group = "all"'),
    "snapshots": resource("aws_ebs_snapshot_block_public_access", 'state = "unblocked"'),
    "all but some actions": policy('Effect = "Allow", NotAction = ["s3:*"], Resource = "*"'),
    "every action of IAM": policy('Effect = "Allow", Action = "iam:*", Resource = "*"'),
    "all but some, as a document": 'data "aws_iam_policy_document" "a" {\n statement {\n not_actions = ["s3:*"]\n '
    'resources = ["*"]\n }\n}\n',
    "the policies of a domain": resource(
        "aws_opensearch_domain", 'access_policies = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*" }] })'
    ),
    "a firewall of Hetzner": resource(
        "hcloud_firewall", f'rule {{\n direction = "in"\n port = "22"\n source_ips = {WORLD}\n}}'
    ),
    "a firewall of Linode": resource("linode_firewall", f'inbound {{\n ports = "22"\n ipv4 = {WORLD}\n}}'),
    "a rule of OpenStack": resource(
        "openstack_networking_secgroup_rule_v2", 'direction = "ingress"\n remote_ip_prefix = "0.0.0.0/0"'
    ),
    "the API of a cluster of Google": resource(
        "google_container_cluster",
        'master_authorized_networks_config {\n cidr_blocks {\n cidr_block = "0.0.0.0/0"\n }\n}',
    ),
    "a database of Azure": resource(
        "azurerm_mssql_firewall_rule", 'start_ip_address = "0.0.0.0"\n end_ip_address = "255.255.255.255"'
    ),
    "containers of Azure": resource("azurerm_storage_account", "allow_nested_items_to_be_public = true"),
    "a function's address": resource("aws_lambda_function_url", 'authorization_type = "NONE"'),
    "a list of objects": resource("aws_security_group", f"ingress = [{{ {rule()} }}]"),
    "one of two objects": resource("aws_security_group", f"ingress = [{{ {rule_from('[]')} }}, {{ {rule()} }}]"),
    "objects that are joined": resource("aws_security_group", f"ingress = concat([{{ {rule()} }}], local.more)"),
    "objects that are made": resource("aws_security_group", f"ingress = [for p in local.ports : {{ {rule()} }}]"),
    "one of two by a condition": resource("aws_security_group", f"ingress = var.open ? [{{ {rule()} }}] : []"),
    "a dynamic block": resource("aws_security_group", f'dynamic "ingress" {{\n content {{\n {rule()} }}\n}}'),
    "half of everybody": resource("aws_security_group", f"ingress {{\n {rule('0.0.0.0/1', '128.0.0.0/1')} }}"),
    "an eighth": resource("aws_security_group", f"ingress {{\n {rule('64.0.0.0/3')} }}"),
    "all that is routed": resource("aws_security_group", f"ingress {{\n {rule('2000::/3')} }}"),
    "a local value": 'locals {\n  all = concat(["10.0.0.0/8"], ["0.0.0.0/0"])\n}\n'
    + resource("aws_security_group", f"ingress {{\n {rule_from('local.all')} }}"),
    "a local value of a variable": 'variable "v" {\n  default = "0.0.0.0/0"\n}\nlocals {\n  all = [var.v]\n}\n'
    + resource("aws_security_group", f"ingress {{\n {rule_from('local.all')} }}"),
    "a variable that is everybody": 'variable "who" {\n default = ["0.0.0.0/0"]\n}\n'
    + resource("aws_security_group", f"ingress {{\n {rule_from('var.who')} }}"),
    "a variable by its name": 'variable "allowed_cidr_blocks" {\n  default = ["0.0.0.0/0"]\n}\n',
    "an access list": resource(
        "aws_network_acl", 'ingress {\n action = "allow"\n protocol = "-1"\n cidr_block = "0.0.0.0/0"\n}'
    ),
    "a rule of an access list": resource(
        "aws_network_acl_rule",
        'rule_action = "allow"\n from_port = 20\n to_port = 30\n protocol = "tcp"\n cidr_block = "0.0.0.0/0"',
    ),
    "a cluster": resource("aws_eks_cluster", f"vpc_config {{\n public_access_cidrs = {WORLD}\n}}"),
    "an azure rule": resource(
        "azurerm_network_security_rule",
        'direction = "Inbound"\n access = "Allow"\n source_address_prefixes = ["0.0.0.0/0"]\n destination_port_range = "22"',
    ),
    "anybody in azure": resource(
        "azurerm_network_security_rule",
        'direction = "Inbound"\n access = "Allow"\n source_address_prefix = "internet"\n destination_port_range = "22"',
    ),
    "a public list": resource("aws_s3_bucket_acl", 'acl = "authenticated-read"'),
    "a group of everybody": resource(
        "aws_s3_bucket_acl",
        'access_control_policy {\n grant {\n grantee {\n  uri = "http://acs.amazonaws.com/groups/global/AllUsers"\n }\n }\n}',
    ),
    "public access let in": resource("aws_s3_bucket_public_access_block", "block_public_policy = false"),
    "anybody as principal": policy('Effect = "Allow", Principal = "*", Action = "s3:GetObject"'),
    "any account as principal": policy('Effect = "Allow", Principal = { AWS = "*" }, Action = "s3:GetObject"'),
    "a policy document": (
        'data "aws_iam_policy_document" "a" {\n statement {\n actions = ["s3:GetObject"]\n'
        ' principals {\n type = "*"\n identifiers = ["*"]\n }\n }\n}\n'
    ),
    "an administrator": resource(
        "aws_iam_role_policy_attachment", 'policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"'
    ),
    "an owner": resource("google_project_iam_member", 'role = "roles/owner"\n member = "user:a@example.com"'),
}
DENIED = ", ".join(['{ Effect = "Deny", Principal = "*", Action = "*" }'] * 120)
POLICIES = {
    "a brace in a text": 'policy = jsonencode({ Statement = [{ Sid = "}", Effect = "Allow", Action = "*" }] })',
    "a brace in a comment": (
        'policy = jsonencode({ Statement = [{\n Effect = "Allow" # }\n /* } */ Action = "*" // }\n }] })'
    ),
    "behind denials": f'policy = jsonencode({{ Statement = [{DENIED}, {{ Effect = "Allow", Action = "*" }}] }})',
    "last of many actions": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = [' + '"s3:Get", ' * 900 + '"*"] }] })'
    ),
    "a here-document": (
        'policy = <<EOF\n{"Statement": [{"Sid": "{", "Effect": "Allow", "Action": "*", "Resource": "${var.a}"}]}\nEOF'
    ),
    "filled in without quotes": (
        'policy = <<EOF\n{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": ${jsonencode(var.a)}}]}\nEOF'
    ),
    "a directive": (
        'policy = <<EOF\n{"Statement": [%{ if var.a }{"Effect": "Allow", "Action": ["a", "*"]},%{ endif }]}\nEOF'
    ),
    "a text": r'policy = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\"}]}"',
    "made with a condition": (
        'policy = jsonencode({ Statement = [{ Effect = var.a ? "Allow" : "Deny", Action = var.b ? ["*"] : [] }] })'
    ),
    "joined": (
        'policy = jsonencode(merge({}, { Statement = concat([], [{ Effect = "Allow", Action = ["${"*"}"] }]) }))'
    ),
    "in a block of its own": (
        'inline_policy {\n  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*" }] })\n}'
    ),
    "any account in a list": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Principal = { AWS = ["1", "*"] } }] })'
    ),
    "everybody but one": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", NotPrincipal = { AWS = "1" } }] })'
    ),
    "an empty condition": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Principal = "*", Condition = {} }] })'
    ),
    "a condition that is always true": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Principal = "*",'
        ' Condition = { StringLike = { "aws:userid" = ["*"] } } }] })'
    ),
    "the condition of another statement": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Principal = "*" },'
        ' { Effect = "Deny", Action = "s3:*", Principal = "*", Condition = { Bool = { a = "false" } } }] })'
    ),
}
OPEN["a local value"] = 'locals {\n  all = { Statement = [{ Effect = "Allow", Action = "*" }] }\n}\n'
OPEN |= {name: resource("aws_iam_role", body) for name, body in POLICIES.items()}
OPEN |= {
    f"a function that is called {name}": resource("aws_lambda_permission", f'principal = "*"\n{body}')
    for name, body in {
        "by anything": "source_arn = null",
        "by nothing": 'source_arn = ""',
        "by a pattern": 'source_account = "*"',
    }.items()
}
OPEN["a document whose condition is always true"] = (
    'data "aws_iam_policy_document" "a" {\n statement {\n actions = ["s3:GetObject"]\n'
    ' principals {\n type = "*"\n identifiers = ["*"]\n }\n condition {\n test = "StringLike"\n values = ["*"]\n }\n }\n}\n'
)
CLOSED = {
    "a firewall of Hetzner outwards": resource(
        "hcloud_firewall", f'rule {{\n direction = "out"\n destination_ips = {WORLD}\n}}'
    ),
    "the services of Azure": resource(
        "azurerm_mssql_firewall_rule", 'start_ip_address = "0.0.0.0"\n end_ip_address = "0.0.0.0"'
    ),
    "a list of objects": resource("aws_security_group", f"ingress = [{{ {rule('10.0.0.0/8')} }}]"),
    "outward": resource("aws_security_group", f"egress = [{{ {rule()} }}]"),
    "a large company": resource("aws_security_group", f"ingress {{\n {rule('12.0.0.0/8')} }}"),
    "unique local addresses": resource("aws_security_group", f"ingress {{\n {rule('fc00::/7')} }}"),
    "local values that name each other": "locals {\n  a = [local.b, local.b]\n  b = [local.a, local.a]\n}\n"
    + resource("aws_security_group", f"ingress {{\n {rule_from('local.a')} }}"),
    "a variable without default": 'variable "who" {}\n'
    + resource("aws_security_group", f"ingress {{\n {rule_from('var.who')} }}"),
    "a variable for the way out": 'variable "egress_allowed_cidrs" {\n  default = ["0.0.0.0/0"]\n}\n',
    "answers by an access list": resource(
        "aws_network_acl_rule",
        'rule_action = "allow"\n from_port = 1024\n to_port = 2048\n protocol = "tcp"\n cidr_block = "0.0.0.0/0"',
    ),
    "a denial": resource(
        "aws_network_acl", 'ingress {\n action = "deny"\n protocol = "-1"\n cidr_block = "0.0.0.0/0"\n}'
    ),
    "a private cluster": resource(
        "aws_eks_cluster", f"vpc_config {{\n endpoint_public_access = false\n public_access_cidrs = {WORLD}\n}}"
    ),
    "a denied principal": policy('Effect = "Deny", Principal = "*", Action = "s3:*"'),
    "a principal on a condition": policy(
        'Effect = "Allow", Principal = "*", Action = "s3:GetObject", '
        'Condition = { StringEquals = { "aws:PrincipalOrgID" = var.org } }'
    ),
    "public access kept out": resource("aws_s3_bucket_public_access_block", "block_public_policy = true"),
    "a reader": resource("google_project_iam_member", 'role = "roles/viewer"\n member = "user:a@example.com"'),
    "a policy of one's own": resource("aws_iam_role_policy_attachment", "policy_arn = aws_iam_policy.a.arn"),
}
NARROW = {
    "an action in a comment": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*" /* Action = "*" */ }] })'
    ),
    "an action in a name": (
        'policy = jsonencode({ Statement = [{ Effect = "Allow", Sid = "Action = \\"*\\"", Action = "s3:Get*" }] })'
    ),
    "a denial beside": (
        'policy = <<EOF\n{"Statement": [{"Effect": "Deny", "Action": "*"}, {"Effect": "Allow", "Action": "s3:Get*"}]}\nEOF'
    ),
    "a denial beside what is filled in": (
        'policy = <<EOF\n{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}, '
        '{"Effect": "Allow", "Action": ${jsonencode(var.a)}, "Principal": {"AWS": "${var.b}"}}]}\nEOF'
    ),
    "every resource": 'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:Get*", Resource = "*" }] })',
}
CLOSED |= {name: resource("aws_iam_role", body) for name, body in NARROW.items()}
CLOSED["a function of one account"] = resource("aws_lambda_permission", 'principal = "*"\nsource_account = var.account')


def entry(number: object, action: str, more: str = "from_port = 22\n to_port = 22", ranges: str = "0.0.0.0/0") -> str:
    """The arguments of a rule of an access list, TCP unless ``more`` says otherwise."""
    protocol = "" if "protocol" in more else ' protocol = "tcp"\n'
    family = "ipv6_cidr_block" if ":" in ranges else "cidr_block"
    return f'rule_no = {number}\n action = "{action}"\n{protocol} {more}\n {family} = "{ranges}"\n'


def listed(*entries: str) -> str:
    """An access list with these blocks, in order."""
    return resource("aws_network_acl", "".join(f"ingress {{\n {each} }}\n" for each in entries))


def nsg(*lines: str) -> str:
    """A rule of Azure that allows something inward, with these arguments."""
    return resource("azurerm_network_security_rule", "\n".join(('direction = "Inbound"', 'access = "Allow"', *lines)))


def firewall(*allows: str) -> str:
    """A firewall of Google for everybody with these ``allow`` blocks."""
    blocks = "".join(f"allow {{\n {each}\n}}\n" for each in allows)
    return resource("google_compute_firewall", f"source_ranges = {WORLD}\n{blocks}")


LET_IN = entry(100, "allow")
OPEN |= {
    "behind a denial of the other version": listed(entry(1, "deny", ranges="::/0"), LET_IN),
    "behind a denial of a part": listed(entry(1, "deny", ranges="0.0.0.0/7"), LET_IN),
    "behind a denial of another protocol": listed(
        entry(1, "deny", 'protocol = "udp"\n from_port = 22\n to_port = 22'), LET_IN
    ),
    "behind a denial of a number that nobody knows": listed(entry("var.number", "deny"), LET_IN),
    "behind a denial of the same number": listed(entry(100, "deny"), LET_IN),
    "behind a denial of a port that nobody knows": listed(
        entry(1, "deny", "from_port = var.port\n to_port = var.port"), LET_IN
    ),
    "behind a denial that may not be": resource(
        "aws_network_acl",
        f'dynamic "ingress" {{\n for_each = []\n content {{\n {entry(1, "deny")} }}\n}}\ningress {{\n {LET_IN} }}',
    ),
    "behind denials by a condition": resource(
        "aws_network_acl", f"ingress = concat(var.a ? [{{ {entry(1, 'deny')} }}] : [], [{{ {LET_IN} }}])"
    ),
    "behind a denial of a number that is too long": listed(entry("9" * 5_000, "deny"), LET_IN),
    "a port that is no number": resource("aws_security_group", "ingress {\n " + rule().replace("= 22", '= "²"') + " }"),
    "at a number that nobody knows": listed(entry(1, "deny"), entry("var.number", "allow")),
    "a port of an access list by an expression": listed(
        entry(1, "allow", "from_port = 20 + 2\n to_port = 20 + 2"),
    ),
    "a port of a rule by a local value": resource(
        "aws_network_acl_rule",
        'rule_action = "allow"\n protocol = 6\n from_port = local.port\n cidr_block = "0.0.0.0/0"',
    ),
    "an action by a condition": listed(entry(1, "x").replace('"x"', 'var.a ? "allow" : "deny"')),
    "the last of very many ranges": resource(
        "aws_security_group", f"ingress {{\n {rule(*['10.0.0.0/8'] * 2_000, '0.0.0.0/0')} }}"
    ),
    "azure's other list of sources": nsg(
        'source_address_prefix = "10.0.0.0/8"', 'source_address_prefixes = ["*"]', 'destination_port_range = "22"'
    ),
    "azure's direction by an expression": nsg('source_address_prefix = "*"', 'destination_port_range = "22"').replace(
        '"Inbound"', 'title("inbound")'
    ),
}
CLOSED |= {
    "behind a denial": listed(entry(1, "deny"), entry(100, "allow")),
    "behind a denial that is written later": listed(entry(100, "allow"), entry(1, "deny")),
    "behind a denial of all": listed(entry(1, "deny", 'protocol = "-1"'), LET_IN),
    "behind a denial in a list of objects": resource(
        "aws_network_acl", f"ingress = [{{ {entry(1, 'deny')} }}, {{ {LET_IN} }}]"
    ),
    "pings by an access list": listed(entry(1, "allow", 'protocol = "icmp"')),
    "a denial by an expression": listed(entry(1, "x").replace('"x"', "var.action")),
    "outward in azure": nsg('source_address_prefix = "*"').replace('"Inbound"', '"Outbound"'),
}


@table("text", OPEN.values(), ids=OPEN)
def test_what_is_opened_is_found(text: str) -> None:
    """In a new file, and not again where it stood before."""
    assert len(fire("TF-001", file("infra/main.tf", None, text))) >= 1
    assert fire("TF-001", file("infra/main.tf", text, "# moved\n" + text)) == []


@table("text", CLOSED.values(), ids=CLOSED)
def test_what_stays_closed_is_quiet(text: str) -> None:
    """Private ranges, the way out, denials, and answers."""
    assert fire("TF-001", file("infra/main.tf", None, text)) == []


INGRESS = {"from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}
PUBLIC = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]})
JSON = {
    "a block": {"resource": {"aws_security_group": {"a": {"ingress": INGRESS}}}},
    "a list of blocks": {"resource": {"aws_security_group": {"a": [{"ingress": [INGRESS]}]}}},
    "a list of resources": {"resource": [{"aws_security_group": {"a": {"ingress": [INGRESS]}}}]},
    "a dynamic block": {
        "resource": {"aws_security_group": {"a": {"dynamic": {"ingress": {"for_each": "x", "content": INGRESS}}}}}
    },
    "a policy that is made": {
        "resource": {
            "aws_iam_policy": {"a": {"policy": '${jsonencode({Statement = [{Effect = "Allow", Action = ["*"]}]})}'}}
        }
    },
    "a policy in a text": {"resource": {"aws_s3_bucket_policy": {"a": {"policy": PUBLIC}}}},
    "a module": {"module": {"a": {"source": "./a", "ingress_cidr_blocks": ["0.0.0.0/0"]}}},
}


@pytest.mark.parametrize("tree", JSON.values(), ids=JSON)
def test_json_is_read_as_the_configuration_it_is(tree: object) -> None:
    """Terraform reads ``.tf.json`` as the same blocks; a change of layout alone is quiet."""
    text = json.dumps(tree)
    assert len(fire("TF-001", file("infra/main.tf.json", None, text))) == 1
    assert fire("TF-001", file("infra/main.tf.json", text, json.dumps(tree, indent=2))) == []
    assert fire("TF-001", file("infra/settings.json", None, text)) == []


def test_a_line_of_json_is_where_the_value_stands() -> None:
    """Of the range, not of the resource."""
    text = json.dumps(JSON["a block"], indent=1)
    (hit,) = fire("TF-001", file("main.tf.json", None, text))
    assert "cidr_blocks" in text.splitlines()[(hit.line or 0) - 1]


def test_ports_that_may_be_open_may_be_in_any_form() -> None:
    """Lists of objects and access lists obey the setting too."""
    options = GuardOptions(public_ports=frozenset({22, 3389}))
    for name in ("a list of objects", "a rule of an access list", "an azure rule"):
        assert fire("TF-001", file("main.tf", None, OPEN[name]), options=options) == []


BESIDE = {
    "every protocol at a public port": resource(
        "aws_vpc_security_group_ingress_rule",
        'ip_protocol = "-1"\n from_port = 443\n to_port = 443\n cidr_ipv4 = "0.0.0.0/0"',
    ),
    "azure's other list of ports": nsg(
        'source_address_prefix = "*"', 'destination_port_range = "443"', 'destination_port_ranges = ["22"]'
    ),
    "every port in a list of azure": nsg('source_address_prefix = "*"', 'destination_port_ranges = ["443", "*"]'),
    "a port in a list of azure that nobody knows": nsg(
        'source_address_prefix = "*"', 'destination_port_ranges = ["443", var.port]'
    ),
    "a range in a list of azure": nsg('source_address_prefix = "*"', 'destination_port_ranges = ["80-443"]'),
    "a range of google": firewall('protocol = "tcp"\n ports = ["80-443"]'),
    "all of another protocol of google": firewall('protocol = "tcp"\n ports = ["443"]', 'protocol = "udp"'),
    "a port of google that nobody knows": firewall('protocol = "tcp"\n ports = ["443", var.port]'),
}
PUBLIC_PORTS = {
    "public ports of azure": nsg(
        'source_address_prefix = "*"', 'destination_port_ranges = ["80", 443]', "destination_port_range = null"
    ),
    "pings and a public port of google": firewall('protocol = "icmp"', 'protocol = "tcp"\n ports = ["443"]'),
}


@table("text", [*BESIDE.values(), *PUBLIC_PORTS.values()], ids=[*BESIDE, *PUBLIC_PORTS])
def test_a_public_port_hides_no_other(text: str) -> None:
    """Every port of every list has to be one that may be open, and written."""
    options = GuardOptions(public_ports=frozenset({80, 443}))
    assert bool(fire("TF-001", file("main.tf", None, text), options=options)) is (text in BESIDE.values())


LOOPED = {
    "elements of a dynamic block": (
        'dynamic "ingress" {{\n for_each = [{{ port = 22, cidr = "{0}", to = "{1}" }}]\n content {{\n'
        " from_port = ingress.value.port\n to_port = ingress.value.port\n cidr_blocks = [ingress.value.cidr]\n }}\n }}"
    ),
    "elements by another name": (
        'dynamic "ingress" {{\n for_each = toset(["{0}"])\n iterator = range\n content {{\n'
        " from_port = 22\n to_port = 22\n cidr_blocks = [range.key]\n }}\n }}"
    ),
    "locals": (
        'dynamic "ingress" {{\n for_each = local.rules\n content {{\n'
        ' from_port = 22\n to_port = 22\n cidr_blocks = ingress.value["cidrs"]\n }}\n }}\n}}\n'
        'locals {{\n rules = {{ ssh = {{ cidrs = ["{0}"], other = ["{1}"] }} }}'
    ),
    "a loop around the resource": (
        'for_each = {{ ssh = "{0}" }}\n ingress {{\n from_port = 22\n to_port = 22\n cidr_blocks = [each.value]\n }}'
    ),
}


@pytest.mark.parametrize("name", LOOPED)
def test_what_a_loop_goes_through_is_known(name: str) -> None:
    """Its elements, by the way that leads into each."""
    for ranges, fires in ((("0.0.0.0/0", "10.0.0.0/8"), True), (("10.0.0.0/8", "0.0.0.0/0"), False)):
        text = resource("aws_security_group", LOOPED[name].format(*ranges))
        assert bool(fire("TF-001", file("infra/main.tf", None, text))) is fires, ranges


def test_a_resource_by_another_name_is_no_more_open() -> None:
    """One that takes the place of another; a second one beside it is."""
    one = resource("aws_security_group", f"ingress {{\n {rule()} }}")
    other = one.replace('"a"', '"b"')
    assert fire("TF-001", file("infra/main.tf", one, other)) == []
    assert fire("TF-001", file("infra/main.tf", one, None), file("infra/b.tf", None, other)) == []
    assert len(fire("TF-001", file("infra/main.tf", one, one + other))) == 1
    assert len(fire("TF-001", file("infra/main.tf", one, other + other.replace('"b"', '"c"')))) == 1
    closed = other.replace("0.0.0.0/0", "10.0.0.0/8")
    assert len(fire("TF-001", file("infra/main.tf", one + closed, other))) == 1, "it was there, and closed"
    assert len(fire("TF-001", file("dev/main.tf", one, ""), file("prod/main.tf", "", other))) == 1, "another module"


def test_a_loop_is_known_beside_hundreds_of_others() -> None:
    """Also where so much was followed that only what its own collection says is looked at."""
    name, long = 'resource "aws_security_group" "a"', ", ".join(['"10.0.0.0/8"'] * 1200)
    looped = resource("aws_security_group", LOOPED["a loop around the resource"].format("0.0.0.0/0"))
    short = looped.replace("0.0.0.0/0", "10.0.0.1/32")
    for count, value in ((300, '{ ssh = "10.0.0.%d/32" }'), (250, 'concat(local.long, ["%d"])')):
        others = f"locals {{\n long = [{long}]\n}}\n" + "".join(
            short.replace(name, f'{name[:-2]}b{at}"').replace('{ ssh = "10.0.0.1/32" }', value % at)
            for at in range(count)
        )
        assert len(fire("TF-001", file("infra/main.tf", others, others + looped))) == 1


def test_a_policy_is_known_by_where_it_is_looked_up() -> None:
    """By its name, which an attachment does not say."""
    text = 'data "aws_iam_policy" "p" {\n  name = "%s"\n}\n' + resource(
        "aws_iam_role_policy_attachment", "policy_arn = data.aws_iam_policy.p.arn"
    )
    assert fire("TF-001", file("infra/main.tf", None, text % "AdministratorAccess"))
    assert fire("TF-001", file("infra/main.tf", None, text % "ReadOnlyAccess")) == []


def test_inputs_of_terragrunt_are_values_of_variables() -> None:
    """A file of its own says them."""
    inputs = "inputs = {{\n  {} = {}\n}}\n"
    assert fire("TF-001", file("live/prod/terragrunt.hcl", None, inputs.format("allowed_ssh_cidrs", WORLD)))
    assert fire("TF-001", file("live/prod/terragrunt.hcl", None, inputs.format("egress_cidrs", WORLD))) == []
