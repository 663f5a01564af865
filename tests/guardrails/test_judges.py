"""What K8S-001, K8S-002 and TF-001 say of minimal objects beside what other judges say, whose answers are written down.

``checkov`` is what checkov 3.3.30 answers to the same text (its check, or None where it passes); ``linter`` the check of
kube-linter (github.com/stackrox/kube-linter at 35de568, tests/checks) whose own example shows the same. Both are asked
nothing here. The texts are ours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from tests.guardrails.changes import file, fire
from tests.table import table

RULE_OF: Final = {"pod": "K8S-001", "rbac": "K8S-002", "tf": "TF-001"}


@dataclass(frozen=True, slots=True)
class Judged:
    """One minimal text, what others answer to it, and why ours is another answer where it is."""

    kind: str
    text: str
    fires: bool
    checkov: str | None = None
    linter: str | None = None
    why: str = ""

    @property
    def differs(self) -> bool:
        return self.fires is (self.checkov is None and self.linter is None)


def _pod(spec: str = "", container: str = "") -> str:
    """A Deployment whose pod and container have these further keys."""
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n"
        f"  selector: {{matchLabels: {{a: b}}}}\n  template:\n"
        f"    metadata: {{labels: {{a: b}}}}\n    spec:\n{spec}      containers:\n"
        f"        - name: web\n          image: web:1\n"
        f"          securityContext: {{allowPrivilegeEscalation: false}}\n{container}"
    )


def _secure(text: str) -> str:
    """A container with that security context."""
    return _pod().replace("{allowPrivilegeEscalation: false}", f"{{{text}}}")


def _mount(path: str) -> str:
    return _pod(spec=f"      volumes: [{{name: h, hostPath: {{path: {path}}}}}]\n")


def _sysctl(name: str) -> str:
    return _pod(f"      securityContext: {{sysctls: [{{name: {name}, value: '1'}}]}}\n")


def _role(group: str, resource: str, verbs: str, kind: str = "ClusterRole") -> str:
    rule = f'- {{apiGroups: ["{group}"], resources: ["{resource}"], verbs: [{verbs}]}}\n'
    return f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r, namespace: shop}}\nrules:\n{rule}"


def _binding(role: str, subject: str) -> str:
    return (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n"
        f"roleRef: {{kind: ClusterRole, name: {role}, apiGroup: rbac.authorization.k8s.io}}\nsubjects: [{subject}]\n"
    )


RBAC: Final = "rbac.authorization.k8s.io"
ADMISSION: Final = "admissionregistration.k8s.io"
EVERYBODY: Final = "{kind: Group, name: 'system:unauthenticated', apiGroup: rbac.authorization.k8s.io}"
ACCOUNT: Final = "{kind: ServiceAccount, name: a, namespace: shop}"
UNSET: Final = "Set by an attacker, or by nobody: a pod that says nothing is not made worse by the change."
ROOT: Final = "An explicit uid 0 is root, whatever else is judged."

KUBERNETES: Final = (
    Judged("pod", _pod(), False),
    Judged("pod", _secure("allowPrivilegeEscalation: false, privileged: true"), True, "CKV_K8S_16", "privileged-container"),
    Judged("pod", _secure("allowPrivilegeEscalation: false, privileged: false"), False),
    Judged("pod", _secure("allowPrivilegeEscalation: true"), True, "CKV_K8S_20", "privilege-escalation-container"),
    Judged("pod", _secure("readOnlyRootFilesystem: true"), False, "CKV_K8S_20", why=UNSET),
    Judged("pod", _pod("      hostPID: true\n"), True, "CKV_K8S_17", "host-pid"),
    Judged("pod", _pod("      hostIPC: true\n"), True, "CKV_K8S_18", "host-ipc"),
    Judged("pod", _pod("      hostNetwork: true\n"), True, "CKV_K8S_19", "host-network"),
    Judged("pod", _pod("      hostNetwork: false\n"), False),
    Judged("pod", _pod(container="          ports: [{containerPort: 80, hostPort: 80}]\n"), True, "CKV_K8S_26"),
    Judged("pod", _pod(container="          ports: [{containerPort: 80}]\n"), False),
    Judged("pod", _mount("/var/run/docker.sock"), True, "CKV_K8S_27", "docker-sock"),
    Judged("pod", _mount("/etc"), True, None, "sensitive-host-mounts"),
    Judged("pod", _mount("/srv/data"), False),
    Judged("pod", _secure("allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}"), True, "CKV_K8S_39"),
    Judged("pod", _secure("allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}"), True,
           why="The runtime takes the name with its prefix, too."),
    Judged("pod", _secure("allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}"), False),
    Judged("pod", _secure("allowPrivilegeEscalation: false, procMount: Unmasked"), True, None, "unsafe-proc-mount"),
    Judged("pod", _secure("allowPrivilegeEscalation: false, procMount: Default"), False),
    Judged("pod", _secure("allowPrivilegeEscalation: false, runAsUser: 0"), True, why=ROOT),
    Judged("pod", _secure("allowPrivilegeEscalation: false, runAsUser: 1000"), False),
    Judged("pod", _sysctl("kernel.msgmax"), True, None, "unsafe-sysctls"),
    Judged("pod", _sysctl("net.ipv4.tcp_syncookies"), False),
    Judged("rbac", _role("", "pods", '"get", "list"'), False),
    Judged("rbac", _role("", "pods", '"*"'), True, "CKV_K8S_49", "wildcard-in-rules"),
    Judged("rbac", _role("", "*", '"get"'), True, "CKV_K8S_49", "wildcard-in-rules"),
    Judged("rbac", _role("*", "pods", '"get"'), False, "CKV_K8S_49", why="One resource, of whatever group, is no wildcard."),
    Judged("rbac", _role("*", "*", '"*"'), True, "CKV_K8S_49", "wildcard-in-rules"),
    Judged("rbac", _role("", "secrets", '"get"', "Role"), True, None, "access-to-secrets"),
    Judged("rbac", _role("", "secrets", '"create"', "Role"), False),
    Judged("rbac", _role("", "pods", '"create"', "Role"), False, None, "access-to-create-pods", why="Every deployer does it."),
    Judged("rbac", _role(RBAC, "clusterroles", '"escalate"'), True, "CKV_K8S_158"),
    Judged("rbac", _role(RBAC, "clusterrolebindings", '"bind"'), True, "CKV_K8S_157"),
    Judged("rbac", _role(RBAC, "clusterrolebindings", '"get"'), False),
    Judged("rbac", _role("", "users", '"impersonate"'), True, why="Acting as somebody else is all that somebody may do."),
    Judged("rbac", _role(ADMISSION, "mutatingwebhookconfigurations", '"create"'), True, "CKV_K8S_155"),
    Judged("rbac", _role(ADMISSION, "validatingwebhookconfigurations", '"patch"'), True, "CKV_K8S_155"),
    Judged("rbac", _role(ADMISSION, "validatingwebhookconfigurations", '"get", "watch"'), False),
    Judged("rbac", _role("certificates.k8s.io", "signers", '"approve"'), True, why="Half of what checkov asks for is enough."),
    Judged("rbac", _role("", "nodes/proxy", '"get"'), True, why='Commands in pods: Good Practices, "Access to proxy".'),
    Judged("rbac", _role("", "serviceaccounts/token", '"create"'), True, why='Good Practices, "Token request".'),
    Judged("rbac", _binding("cluster-admin", ACCOUNT), True, None, "cluster-admin-role-binding"),
    Judged("rbac", _binding("view", ACCOUNT), False),
    Judged("rbac", _binding("view", EVERYBODY), True, why="Whoever reaches the API reads every object."),
    Judged("rbac", _binding("system:public-info-viewer", EVERYBODY), False),
)  # fmt: skip


def _group(ingress: str) -> str:
    return f'resource "aws_security_group" "g" {{\n  description = "x"\n{ingress}}}\n'


def _in(port: int | str, *ranges: str, protocol: str = "tcp") -> str:
    cidrs = ", ".join(f'"{each}"' for each in ranges)
    return (
        f'  ingress {{\n    from_port = {port}\n    to_port = {port}\n    protocol = "{protocol}"\n'
        f"    cidr_blocks = [{cidrs}]\n  }}\n"
    )


def _acl(*rules: str) -> str:
    return 'resource "aws_network_acl" "n" {\n  vpc_id = "v"\n' + "".join(rules) + "}\n"


def _acl_rule(number: int, action: str, port: str, *, protocol: str = "tcp", cidr: str = "0.0.0.0/0") -> str:
    return (
        f'  ingress {{\n    rule_no = {number}\n    action = "{action}"\n    protocol = "{protocol}"\n'
        f'    from_port = {port}\n    to_port = {port}\n    cidr_block = "{cidr}"\n  }}\n'
    )


def _policy(statement: str, kind: str = "aws_iam_policy", name: str = "policy") -> str:
    return f'resource "{kind}" "p" {{\n  bucket = "b"\n  {name} = jsonencode({{\n    Statement = [{statement}]\n  }})\n}}\n'


def _azure(port: str, source: str, *, direction: str = "Inbound") -> str:
    return (
        'resource "azurerm_network_security_rule" "r" {\n  name = "r"\n  priority = 100\n  access = "Allow"\n'
        f'  direction = "{direction}"\n  protocol = "Tcp"\n  {port}\n  {source}\n}}\n'
    )


def _google(ports: str, source: str) -> str:
    return (
        'resource "google_compute_firewall" "f" {\n  name = "f"\n  network = "n"\n'
        f'  allow {{\n    protocol = "tcp"\n    ports = [{ports}]\n  }}\n  source_ranges = ["{source}"]\n}}\n'
    )


def _block(kind: str, *lines: str) -> str:
    return f'resource "{kind}" "b" {{\n' + "".join(f"  {line}\n" for line in lines) + "}\n"


def _dataset(group: str) -> str:
    return _block("google_bigquery_dataset", "access {", '  role = "READER"', f'  special_group = "{group}"', "}")


WORLD: Final = "0.0.0.0/0"
PORTS: Final = "Ports that may be open are named in the settings; none is by itself."
S3: Final = 'Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::b/*", Principal = '
TERRAFORM: Final = (
    Judged("tf", _group(_in(22, WORLD)), True, "CKV_AWS_24"),
    Judged("tf", _group(_in(22, "10.0.0.0/8")), False),
    Judged("tf", _group(_in(22, "10.0.0.0/8", WORLD)), True, "CKV_AWS_24"),
    Judged("tf", _group(_in(3389, WORLD)), True, "CKV_AWS_25"),
    Judged("tf", _group(_in(80, WORLD)), True, "CKV_AWS_260"),
    Judged("tf", _group(_in(8443, WORLD)), True, why=PORTS),
    Judged("tf", _group(_in(0, WORLD, protocol="-1")), True, "CKV_AWS_277"),
    Judged("tf", _group(_in(0, "0.0.0.0/1", "128.0.0.0/1", protocol="-1")), True, why="Two halves are the whole."),
    Judged("tf", _group(_in(22, WORLD).replace("ingress", "egress")), False),
    Judged("tf", _group(_in(22, WORLD).replace("ingress {", "ingress = [{").replace("  }\n", "  }]\n")), True, "CKV_AWS_24"),
    Judged("tf", _acl(_acl_rule(100, "allow", "22")), True, "CKV_AWS_232"),
    Judged("tf", _acl(_acl_rule(100, "allow", "3389")), True, "CKV_AWS_231"),
    Judged("tf", _acl(_acl_rule(100, "deny", "22")), False),
    Judged("tf", _acl(_acl_rule(100, "allow", "22", cidr="10.0.0.0/8")), False),
    Judged("tf", _acl(_acl_rule(100, "allow", "443")), False),
    Judged("tf", _acl(_acl_rule(10, "deny", "22"), _acl_rule(20, "deny", "3389"),
                      _acl_rule(100, "allow", "0", protocol="-1")), False, "CKV_AWS_229",
           why="It asks for FTP's ports, too; denied is what the others before say."),
    Judged("tf", _acl(_acl_rule(200, "deny", "22"), _acl_rule(100, "allow", "0", protocol="-1")), True, "CKV_AWS_229"),
    Judged("tf", _block("aws_eks_cluster", "vpc_config {", '  public_access_cidrs = ["0.0.0.0/0"]', "}"), True, "CKV_AWS_38"),
    Judged("tf", _block("aws_eks_cluster", "vpc_config {", '  public_access_cidrs = ["10.0.0.0/8"]', "}"), False),
    Judged("tf", _block("aws_eks_cluster", "vpc_config {", "}"), False, "CKV_AWS_38",
           why="Left out it is public as well, but that is how every example of the provider is written."),
    Judged("tf", _block("aws_s3_bucket", 'acl = "public-read"'), True, "CKV_AWS_20"),
    Judged("tf", _block("aws_s3_bucket", 'acl = "public-read-write"'), True, "CKV_AWS_57"),
    Judged("tf", _block("aws_s3_bucket", 'acl = "private"'), False),
    Judged("tf", _block("aws_s3_bucket_public_access_block", "block_public_acls = false"), True, "CKV_AWS_53"),
    Judged("tf", _policy("{" + S3 + '"*"}', "aws_s3_bucket_policy"), True, "CKV_AWS_70"),
    Judged("tf", _policy("{" + S3 + '{ AWS = "*" }}', "aws_s3_bucket_policy"), True, "CKV_AWS_70"),
    Judged("tf", _policy("{" + S3 + '{ AWS = "arn:aws:iam::1:root" }}', "aws_s3_bucket_policy"), False),
    Judged("tf", _policy('{Effect = "Allow", Action = "*", Resource = "*"}'), True, "CKV_AWS_62"),
    Judged("tf", _policy('{Effect = "Allow", Action = ["s3:HeadBucket", "*"], Resource = "*"}'), True, "CKV_AWS_62"),
    Judged("tf", _policy('{Effect = "Allow", Action = ["s3:Get*"], Resource = "*"}'), False),
    Judged("tf", _policy('{Effect = "Deny", Action = "*"}, {Effect = "Allow", Action = "s3:Get*", Resource = "x"}'), False),
    Judged("tf", _policy('{Effect = "Allow", NotAction = ["iam:*"], Resource = "x"}'), False),
    Judged("tf", _block("aws_iam_role_policy_attachment", 'role = "r"',
                        'policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"'), True, "CKV_AWS_274"),
    Judged("tf", _block("aws_ssoadmin_managed_policy_attachment",
                        'managed_policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"'), True, "CKV_AWS_274"),
    Judged("tf", _block("aws_iam_role_policy_attachment", 'role = "r"',
                        'policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"'), False),
    Judged("tf", _block("aws_db_instance", "publicly_accessible = true"), True, "CKV_AWS_17"),
    Judged("tf", _block("aws_db_instance", "publicly_accessible = false"), False),
    Judged("tf", _block("aws_lambda_permission", 'action = "lambda:InvokeFunction"', 'principal = "*"'), True, "CKV_AWS_301"),
    Judged("tf", _block("aws_lambda_permission", 'principal = "*"', 'source_arn = "arn:aws:events:eu:1:rule/r"'), False,
           "CKV_AWS_301", why="The source narrows it down to one rule of one account."),
    Judged("tf", _google('"22"', WORLD), True, "CKV_GCP_2"),
    Judged("tf", _google('"22"', "10.0.0.0/8"), False),
    Judged("tf", _block("google_storage_bucket_iam_member", 'role = "r"', 'member = "allUsers"'), True, "CKV_GCP_28"),
    Judged("tf", _block("google_storage_bucket_iam_member", 'role = "r"', 'member = "user:a@example.com"'), False),
    Judged("tf", _dataset("allAuthenticatedUsers"), True, "CKV_GCP_15"),
    Judged("tf", _dataset("projectOwners"), False),
    Judged("tf", _block("google_sql_database_instance", 'database_version = "MYSQL_8_0"', "settings {", "  ip_configuration {",
                        '    authorized_networks {\n      value = "0.0.0.0/0"\n    }', "  }", "}"), True, "CKV_GCP_11"),
    Judged("tf", _azure('destination_port_range = "22"', 'source_address_prefix = "*"'), True, "CKV_AZURE_10"),
    Judged("tf", _azure('destination_port_range = "22"', 'source_address_prefix = "10.0.0.0/8"'), False),
    Judged("tf", _azure("destination_port_range = null\n  destination_port_ranges = [3389, 443]",
                        'source_address_prefix = null\n  source_address_prefixes = ["internet"]'), True, "CKV_AZURE_9"),
    Judged("tf", _azure('destination_port_range = "22"', 'source_address_prefix = "*"', direction="Outbound"), False),
    Judged("tf", _block("digitalocean_firewall", 'name = "f"', "inbound_rule {", '  protocol = "tcp"', '  port_range = "22"',
                        '  source_addresses = ["0.0.0.0/0", "::/0"]', "}"), True, "CKV_DIO_4"),
    Judged("tf", _block("digitalocean_firewall", 'name = "f"', "inbound_rule {", '  protocol = "tcp"', '  port_range = "22"',
                        '  source_addresses = ["10.0.0.0/8"]', "}"), False),
)  # fmt: skip
TABLE: Final = (*KUBERNETES, *TERRAFORM)


@table("judged", TABLE, ids=lambda judged: f"{judged.kind}-{TABLE.index(judged)}")
def test_a_new_object_is_judged_as_the_table_says(judged: Judged) -> None:
    """Fire and quiet, and a reason wherever that is not what the other judges answer."""
    path = "infra/main.tf" if judged.kind == "tf" else "deploy/object.yaml"
    hits = fire(RULE_OF[judged.kind], file(path, None, judged.text))
    assert bool(hits) is judged.fires, [hit.message for hit in hits]
    assert judged.differs is bool(judged.why)


@table("judged", [each for each in TABLE if each.fires], ids=lambda judged: f"{TABLE.index(judged)}")
def test_what_was_there_before_is_quiet(judged: Judged) -> None:
    """Only what a change adds is told: the same object in another place of its file is not."""
    path = "infra/main.tf" if judged.kind == "tf" else "deploy/object.yaml"
    assert fire(RULE_OF[judged.kind], file(path, judged.text, f"# moved\n\n{judged.text}")) == []


def test_both_answers_are_in_the_table() -> None:
    """Of every kind, and no text twice."""
    counts = Counter((each.kind, each.fires) for each in TABLE)
    assert min(counts[kind, fires] for kind in RULE_OF for fires in (True, False)) >= 8
    assert len({each.text for each in TABLE}) == len(TABLE) >= 90
