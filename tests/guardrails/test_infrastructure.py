"""K8S, TF, CI, DES, CW and META rules compare structure, so that moves and re-indents are quiet."""

from __future__ import annotations

import json

import pytest

from bot.guardrails.rule import ChangeFacts, GuardOptions
from bot.model.finding import FileChange
from bot.model.severity import Severity
from tests.guardrails.changes import Case, file, fire
from tests.table import table

POD = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      %s
      containers:
        - name: web
          image: nginx:1.27
          %s
"""
PLAIN = POD % ("serviceAccountName: web", "ports: []")


def pod(spec: str = "serviceAccountName: web", container: str = "ports: []") -> str:
    """A Deployment with one more field in its pod and its container."""
    return POD % (spec, container)


PIN = "a" * 40
WORKFLOW = """on: %s
permissions: %s
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@%s
%s
"""


def workflow(on: str = "push", permissions: str = "{contents: read}", ref: str = PIN, step: str = "") -> str:
    """A workflow with one job."""
    return WORKFLOW % (on, permissions, ref, step)


HEAD_REF = "        with: {ref: '${{ github.event.pull_request.head.sha }}'}"
INJECT = '      - run: echo "${{ github.event.issue.title }}"'
SAFE = '      - run: echo "$TITLE"\n        env: {TITLE: "${{ github.event.issue.title }}"}'
YML = ".github/workflows/ci.yml"
GROUP = (
    'resource "aws_security_group" "a" {\n  %s {\n    from_port = 22\n    to_port = 22\n    cidr_blocks = %s\n  }\n}\n'
)
BUCKET = 'resource "aws_db_instance" "a" {\n  name = "a"\n%s}\n'
GUARDED = BUCKET % "  lifecycle {\n    prevent_destroy = true\n  }\n"
RBAC = "apiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: a}\n"
ROLE = RBAC + "kind: Role\nrules:\n- {apiGroups: [''], resources: [pods], verbs: %s}\n"
BINDING = (
    RBAC + "kind: ClusterRoleBinding\nroleRef: {kind: ClusterRole, name: %s}\nsubjects: [{kind: User, name: eve}]\n"
)
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: %s}}\n"
HOOK = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: %sWebhookConfiguration\nmetadata: {name: a}\n"
    "webhooks:\n- name: a.example.com\n  clientConfig: {%s}\n  rules: [{resources: [%s], operations: [CREATE]}]\n"
)
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n%s"
FIREWALL = (
    'resource "google_compute_firewall" "a" {\n  source_ranges = ["0.0.0.0/0"]\n  allow {\n    ports = ["22"]\n  }\n}\n'
)
CRD = "apiVersion: v1\nkind: CustomResourceDefinition\nspec: {properties: {privileged: {type: boolean}}}\n"
PVC = "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a%s}\nspec: {persistentVolumeReclaimPolicy: %s}\n"
LIMITS = "fixes:\n  per_hour: %s\n  cooldown: %s\napply:\n  enabled: %s\n"

FIRES = {
    "K8S-001": [
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {privileged: true}")),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {privileged: yes}"), "YAML 1.1 truth"),
        Case("k8s/web.yaml", PLAIN, pod("hostNetwork: true")),
        Case("k8s/web.yaml", PLAIN, pod("hostPID: true")),
        Case("k8s/web.yaml", PLAIN, pod("volumes: [{name: s, hostPath: {path: /var/run/docker.sock}}]")),
        Case("k8s/web.yaml", PLAIN, pod("volumes: [{name: s, hostPath: {path: /}}]")),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {capabilities: {add: [SYS_ADMIN]}}")),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {allowPrivilegeEscalation: true}")),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {runAsUser: 0}")),
        Case("k8s/web.yaml", None, pod("hostIPC: true"), "a new file"),
        Case("k8s/web.yaml", PLAIN, pod(container="ports: [{containerPort: 80, hostPort: 80}]")),
        Case("overlays/prod/patch.yaml", None, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
             "spec: {template: {spec: {hostNetwork: true}}}\n", "a patch has no containers"),
        Case("p.yaml", None, "- {op: add, path: /spec/template/spec/hostPID, value: true}\n", "a JSON patch"),
        Case("p.json", None, '[{"op": "replace", "path": "/spec/template/spec/containers/0/securityContext/privileged",'
             ' "value": true}]\n'),
        Case("p.yaml", None, "- {op: add, path: /spec/template/spec/containers/0/securityContext,"
             " value: {privileged: true}}\n"),
        Case("p.yaml", None, "- {op: add, path: /spec/template/spec/volumes/-, value: {hostPath: {path: /}}}\n"),
        Case("p.yaml", None, "- ? op\n  : add\n  path: /spec/template/spec/hostPID\n  value: true\n", "a key in two lines"),
        Case("k8s/web.json", None, '{"kind": "Pod", "apiV\\u0065rsion": "v1", "spec": {"hostN\\u0065twork": true}}', "escapes"),
        Case("k8s/web.yaml", None, '? "apiVer\\\n  sion"\n: v1\nkind: Pod\nspec: {hostPID: true}\n', "a name on two lines"),
        Case("kustomization.yaml", None, KUSTOMIZATION % "patches:\n- target: {kind: Deployment, name: web}\n  patch: |-\n"
             "    - op: add\n      path: /spec/template/spec/hostNetwork\n      value: true\n"),
        Case("kustomization.yaml", None, KUSTOMIZATION % "patches:\n- patch: |\n    apiVersion: apps/v1\n"
             "    kind: Deployment\n    metadata: {name: web}\n    spec: {template: {spec: {hostIPC: true}}}\n"),
        Case("apps/web.yaml", None, "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n"
             "spec:\n  patches:\n  - patch: |\n      - {op: add, path: /spec/template/spec/hostNetwork, value: true}\n"),
        Case("overlays/test/web.yaml", None, pod("hostIPC: true"), "an environment of that name"),
        Case("clusters/e2e/apps/web.yaml", None, pod("hostIPC: true")),
        Case("clusters/eu-west/test/web.yaml", None, pod("hostIPC: true"), "an environment of a region"),
        Case("apps/testing/base/web.yaml", None, pod("hostIPC: true")),
        Case("k8s/web.json", '{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": []}}',
             '{"kind": "Pod", "apiVersion": "v1", "spec": {"hostNetwork": true, "containers": []}}'),
        Case("compose.yaml", "services: {a: {image: b}}\n", "services: {a: {image: b, privileged: true}}\n"),
        Case("compose.yaml", "services: {a: {image: b}}\n", "services:\n  a:\n    volumes:\n    - /var/run/docker.sock:/s\n"),
        Case("chart/templates/a.yaml", "{{ if a }}\nx: {{ b }\n", "{{ if a }}\nx: {{ b }\n  privileged: true\n", "a template"),
        Case("chart/templates/_pod.tpl", None, "{{ define a }}\nhostPID: true\n{{ end }}\n", "what templates share"),
        Case("k8s/pv.yaml", None, "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: a}\nspec: {hostPath: {path: /}}\n"),
    ],
    "K8S-002": [
        Case("r.yaml", ROLE % "[get]", ROLE % "[escalate]"),
        Case("r.yaml", ROLE % "[get]", ROLE % "[get, impersonate]"),
        Case("r.yaml", None, (ROLE % "[get]").replace("pods", "secrets")),
        Case("b.yaml", None, (BINDING % "view").replace("eve", "'system:anonymous'")),
        Case("b.yaml", None, (BINDING % "edit").replace("User, name: eve", "Group, name: 'system:unauthenticated'")),
        Case("b.yaml", None, (BINDING % "edit").replace("User, name: eve", "Group, name: 'system:authenticated'")),
        Case("b.yaml", None, (BINDING % "edit").replace("User, name: eve", "Group, name: 'system:serviceaccounts'")),
        Case("r.yaml", None, (ROLE % "[create]").replace("pods", "pods/exec")),
        Case("p.yaml", None, "- {op: add, path: /rules/-, value: {apiGroups: ['*'], resources: [pods], verbs: ['*']}}\n",
             "a JSON patch that says of no object what it is"),
        Case("p.yaml", None, "- {op: add, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}\n"),
        Case("kustomization.yaml", None, KUSTOMIZATION % "patches:\n- target: {kind: Namespace, name: a}\n  patch: |\n"
             "    - {op: add, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}\n"),
        Case("n.yaml", SPACE % "restricted", SPACE % "baseline"),
        Case("n.yaml", SPACE % "baseline", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
        Case("n.yaml", None, SPACE % "privileged"),
        Case("w.yaml", None, HOOK % ("Mutating", "service: {name: a, namespace: b}", "secrets")),
        Case("w.yaml", None, HOOK % ("Validating", "url: 'https://hooks.example.com'", "pods")),
        Case("r.yaml", ROLE % "[get]", ROLE % '["*"]'),
        Case("b.yaml", None, BINDING % "cluster-admin"),
        Case("b.yaml", BINDING % "view", BINDING % "cluster-admin"),
    ],
    "TF-001": [
        Case("a.tf", GROUP % ("ingress", '["10.0.0.0/8"]'), GROUP % ("ingress", '["0.0.0.0/0"]')),
        Case("a.tf", None, GROUP % ("ingress", '["10.0.0.0/8", "::/0"]')),
        Case("a.tf", "", 'resource "aws_s3_bucket_acl" "a" {\n  acl = "public-read"\n}\n'),
        Case("a.tf", "", 'data "aws_iam_policy_document" "a" {\n  statement {\n    actions = ["*"]\n  }\n}\n'),
        Case("a.tf", "", FIREWALL),
    ],
    "CI-001": [
        Case(YML, workflow(), workflow(permissions="{contents: write}")),
        Case(YML, workflow(), workflow(permissions="write-all")),
        Case(YML, workflow(), workflow().replace("permissions: {contents: read}\n", "")),
        Case(YML, None, workflow(permissions="write-all")),
    ],
    "CI-002": [
        Case(YML, workflow(), workflow("pull_request_target", step=HEAD_REF)),
        Case(YML, workflow("pull_request", step=HEAD_REF), workflow("pull_request_target", step=HEAD_REF)),
        Case(YML, workflow("issues"), workflow("issues", step=INJECT)),
        Case(YML, workflow(), workflow(ref="v4")),
        Case(YML, None, workflow("[workflow_run]", step="      - run: gh pr checkout 1")),
    ],
    "DES-003": [
        Case("a.tf", GUARDED, GUARDED.replace("= true", "= false")),
        Case("a.tf", GUARDED, BUCKET % ""),
        Case("a.tf", BUCKET % "", BUCKET % "  force_destroy = true\n"),
        Case("pv.yaml", PVC % ("", "Retain"), PVC % ("", "Delete")),
        Case("pv.yaml", PVC % (", finalizers: [a/b]", "Retain"), PVC % ("", "Retain")),
    ],
    "CW-001": [
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), LIMITS % (50, 600, "false")),
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), LIMITS % ("2\n  max_removed: null", 600, "false"), "no limit"),
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), LIMITS % ("2\n  repository_per_hour: ~", 600, "false")),
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), LIMITS % (2, 10, "false")),
        Case("clockwork.yaml", LIMITS % (2, "10m", "false"), LIMITS % (2, "60s", "false"), "units"),
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), LIMITS % (2, 600, "true")),
        Case("clockwork.yaml", LIMITS % (2, 600, "false"), "fixes: {cooldown: 600}\n", "a limit removed"),
        Case("clockwork.yaml", "fixes: {level: conservative}\n", "fixes: {level: aggressive}\n"),
        Case("clockwork.yaml", "guard: {mode: strict}\n", "guard: {mode: standard}\n"),
        *(
            Case("clockwork.yaml", f"{at}apply: {{step_timeout: 60}}{end}\n", f"{at}apply: {{{key}: true}}{end}\n", key)
            for key in ("after_merge", "restore", "force_conflicts")
            for at, end in (("", ""), ("targets: [{name: prod, path: prod, ", "}]"))
        ),
    ],
    "META-001": [
        Case("policies/guardrails/a.md", "a\n", "b\n"),
        Case("clockwork.yaml", "a: 1\n", "a: 2\n"),
        Case(".github/CODEOWNERS", "a\n", None),
        Case("sub/AGENTS.md", None, "do as I say\n"),
        Case(".mcp.json", None, "{}\n"),
    ],
    "DES-004": [
        Case("migrations/002.sql", None, "DROP TABLE users;\n"),
        Case("a.sql", "", "DELETE FROM users;\n"),
        Case("a.sql", "", "TRUNCATE TABLE orders;\n"),
        Case("a.py", "", "cursor.execute('DROP TABLE users')\n"),
        Case("clean.sh", "", "rm -rf /\n"),
        Case("Dockerfile", "", "RUN rm -rf /var/*\n"),
    ],
}  # fmt: skip

QUIET = {
    "K8S-001": [
        Case("a.yaml", pod("hostNetwork: true"), "# moved\n" + pod("hostNetwork: true").replace("web:", "web :")),
        Case("crd.yaml", None, CRD),
        Case("a.yaml", pod(container="securityContext: {privileged: true}"), PLAIN, "taken away"),
        Case("a.yaml", PLAIN, pod(container="securityContext: {privileged: false, runAsUser: 1000}")),
        Case("a.yaml", PLAIN, pod("volumes: [{name: s, hostPath: {path: /data/logs}}]"), "a harmless path"),
        Case("compose.yaml", "services: {a: {image: b}}\n", "services: {a: {image: b, volumes: ['./etc:/etc']}}\n"),
        Case("p.yaml", None, "- {op: remove, path: /spec/template/spec/hostPID}\n", "taken away by a patch"),
        Case("p.yaml", None, "- {op: add, path: /spec/template/spec/hostPID, value: false}\n"),
        Case("p.yaml", None, "- {op: test, path: /spec/template/spec/hostPID, value: true}\n"),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {seLinuxOptions: {type: container_t, level: 's0:c1'}}")),
        Case("k8s/web.yaml", PLAIN, pod(container="securityContext: {windowsOptions: {hostProcess: false}}")),
        Case("compose.yaml", None, "services: {a: {image: b, devices: ['/dev/dri:/dev/dri', '/dev/ttyUSB0']}}\n"),
        Case("apps/shop.yaml", None, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
             "spec: {source: {helm: {valuesObject: {hostNetwork: false}}}}\n"),
        Case("test/e2e/web.yaml", None, pod("hostIPC: true"), "a test's own manifest"),
        Case("overlays/testdata/web.yaml", None, pod("hostIPC: true")),
        Case("apps/web/tests/web.yaml", None, pod("hostIPC: true"), "the tests of one application"),
    ],
    "K8S-002": [
        Case("i.yaml", None, "apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec: {rules: [{host: '*'}]}\n"),
        Case("b.yaml", None, BINDING % "view"),
        Case("b.yaml", None, (BINDING % "system:discovery").replace("eve", "'system:authenticated'")),
        Case("n.yaml", SPACE % "baseline", SPACE % "restricted"),
        Case("n.yaml", None, SPACE % "baseline"),
        Case("p.yaml", None, "- {op: add, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: baseline}\n"),
        Case("p.yaml", None, "- {op: add, path: /spec/rules/-, value: {host: '*', http: {paths: []}}}\n"),
        Case("n.yaml", None, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
        Case("w.yaml", None, HOOK % ("Validating", "service: {name: a, namespace: b}", "secrets")),
        Case("w.yaml", None, HOOK % ("Mutating", "service: {name: a, namespace: b}", "pods")),
    ],
    "TF-001": [
        Case("a.tf", None, GROUP % ("egress", '["0.0.0.0/0"]'), "egress"),
        Case("a.tf", GROUP % ("ingress", '["0.0.0.0/0"]'), "# moved\n" + GROUP % ("ingress", '["0.0.0.0/0"]')),
    ],
    "CI-001": [
        Case(YML, workflow(permissions="{contents: write}"), workflow(), "narrowed"),
        Case(YML, None, workflow(), "a new one with least scopes"),
    ],
    "CI-002": [
        Case(YML, workflow("issues"), workflow("issues", step=SAFE), "through env"),
        Case(YML, workflow(), workflow(ref="b" * 40), "another pin"),
        Case(YML, None, workflow("pull_request", step=HEAD_REF), "no secrets there"),
        Case(YML, None, workflow("pull_request_target"), "checks out base"),
        Case(YML, None, workflow(step="      - run: echo ${{ github.sha }}")),
    ],
    "DES-003": [
        Case("a.tf", BUCKET % "", GUARDED, "protection added"),
        Case("a.tf", GUARDED, "# a comment\n" + GUARDED),
        Case("a.tf", GUARDED, "", "the resource itself is gone: another rule's business"),
    ],
    "CW-001": [
        Case("clockwork.yaml", LIMITS % (50, 600, "true"), LIMITS % (2, 900, "false"), "tightened"),
        Case("other.yaml", LIMITS % (2, 600, "false"), LIMITS % (50, 600, "true"), "not Clockwork's"),
    ],
    "META-001": [Case("README.md", "a\n", "b\n"), Case("policies.md", "a\n", "b\n")],
    "DES-004": [
        Case("a.sql", "", "DROP TABLE IF EXISTS tmp_users;\n", "a temporary table"),
        Case("a.sql", "", "DELETE FROM users WHERE id = 1;\n"),
        Case("tests/a.sql", "", "DROP TABLE users;\n", "a test"),
        Case("m/001_down.sql", None, "DROP TABLE users;\n", "the way back"),
        Case("m/001.py", None, "def upgrade():\n    pass\n\n\ndef downgrade():\n    op.execute('DROP TABLE users')\n"),
        Case("a.py", "", "# how to drop table users\n", "a comment"),
        Case("a.sh", "", "rm -rf /tmp/build ./dist /var/lib/app/cache\n"),
    ],
}  # fmt: skip


@table(("rule", "case"), [(rule, case) for rule, cases in FIRES.items() for case in cases])
def test_fires(rule: str, case: Case) -> None:
    """Each rule points at the file."""
    found = fire(rule, file(case.path, case.before, case.after))
    assert found, case
    assert found[0].file == case.path


@table(("rule", "case"), [(rule, case) for rule, cases in QUIET.items() for case in cases])
def test_quiet(rule: str, case: Case) -> None:
    """Each rule is quiet on its near-misses."""
    assert fire(rule, file(case.path, case.before, case.after)) == []


def test_a_manifest_that_moves_to_another_file_keeps_its_privileges_quietly() -> None:
    """Facts are keyed by object, not by file."""
    old = file("a.yaml", pod("hostNetwork: true"), None)
    assert fire("K8S-001", old, file("b/web.yaml", None, "---\n" + pod("hostNetwork: true"))) == []


def test_public_ports_may_be_open() -> None:
    """A port that the settings name may be open to everybody."""
    text = (GROUP % ("ingress", '["0.0.0.0/0"]')).replace("22", "443")
    assert fire("TF-001", file("a.tf", None, text))
    assert fire("TF-001", file("a.tf", None, text), options=GuardOptions(public_ports=frozenset({443}))) == []


def test_injection_points_at_the_line_of_the_expression() -> None:
    """In a block scalar the line is counted from the block's first."""
    text = workflow(step="      - run: |\n          echo hi\n          echo ${{ github.head_ref }}")
    found = fire("CI-002", file(YML, workflow(), text))
    assert "head_ref" in text.splitlines()[(found[0].line or 0) - 1]


def deleted(count: int, folder: str = "src") -> list[FileChange]:
    """Removed files."""
    return [file(f"{folder}/m{number}.py", "x = 1\n", None) for number in range(count)]


def test_many_files_deleted() -> None:
    """Twenty deleted files fire, nineteen do not, moved ones do not, a third of a folder does."""
    assert fire("DES-002", *deleted(20))
    assert fire("DES-002", *deleted(19)) == []
    assert fire("DES-002", *deleted(25), *[file(f"lib/m{n}.py", None, "x = 1\n") for n in range(25)]) == []
    paths = frozenset(f"src/m{number}.py" for number in range(15))
    assert fire("DES-002", *deleted(6), facts=ChangeFacts(paths=paths))


def test_mass_delete_forgives_what_moved() -> None:
    """A file that loses hundreds of lines fires unless most of them are added elsewhere."""
    body = "".join(f"value_{number} = compute({number})\n" for number in range(420))
    big = file("src/a.py", body + "x = 1\n", "x = 1\ny = 2\n")
    assert fire("DES-001", big)
    assert fire("DES-001", big, file("src/b.py", None, body)) == []
    assert fire("DES-001", file("vendor/a.py", body, "x = 1\n")) == []


LOCK = {"packages": {"node_modules/left": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/left",
                                           "integrity": "sha512-" + "A" * 86 + "=="}}}  # fmt: skip


def lock(**changes: str) -> str:
    """A package-lock.json with changed fields of its one package."""
    entry = LOCK["packages"]["node_modules/left"] | changes
    return json.dumps({"packages": {"node_modules/left": entry}}, indent=2) + "\n"


def test_lock_files_that_were_tampered_with() -> None:
    """Another host or another checksum fires; a new version with its checksum does not."""
    assert fire("DEP-003", file("package-lock.json", lock(), lock(resolved="http://evil.test/left")))
    assert fire("DEP-003", file("package-lock.json", lock(), lock(integrity="sha512-" + "B" * 86 + "==")))
    assert (
        fire("DEP-003", file("package-lock.json", lock(), lock(version="1.0.1", integrity="sha512-" + "B" * 86 + "==")))
        == []
    )


def test_dependencies() -> None:
    """A typo of a popular name, a name the registry or the lock lacks; a private or known name is quiet."""
    typo = file("requirements.txt", "requests==2\n", "requests==2\nreqeusts==2\n")
    assert fire("DEP-002", typo)[0].line == 2
    assert fire("DEP-002", file("package.json", None, '{\n "dependencies": {\n  "expresss": "^1.0.0"\n }\n}\n'))
    manifest = file("pyproject.toml", "", '[project]\ndependencies = [\n  "httpx>=1",\n  "acme-made-up>=1",\n]\n')
    assert [hit.line for hit in fire("DEP-001", manifest, file("uv.lock", "", 'name = "httpx"\n'))] == [4]
    assert fire("DEP-001", manifest) == []
    assert fire("DEP-001", manifest, facts=ChangeFacts(registry={("pypi", "acme-made-up"): False}))
    assert (
        fire(
            "DEP-001", manifest, file("uv.lock", "", "x\n"), options=GuardOptions(private_packages=("acme-*", "httpx"))
        )
        == []
    )


def test_lines_of_inline_patches_are_those_of_the_file() -> None:
    """Of a block of text the first line is the one below its key."""
    text = KUSTOMIZATION % (
        "patches:\n- target: {kind: Deployment, name: web}\n  patch: |-\n    - op: add\n"
        "      path: /spec/template/spec/hostNetwork\n      value: true\n"
    )
    (hit,) = fire("K8S-001", file("kustomization.yaml", None, text))
    assert text.splitlines()[(hit.line or 0) - 1].strip() == "value: true"
    assert "Deployment web" in hit.message


def test_tests_that_are_built_are_deployed() -> None:
    """A kustomization in the folder, at base or in the change, says that something deploys it."""
    manifest = file("test/e2e/web.yaml", None, pod("hostIPC: true"))
    built = file("test/e2e/kustomization.yaml", None, "resources: [web.yaml]\n")
    assert fire("K8S-001", manifest, built)
    assert fire("K8S-001", manifest, facts=ChangeFacts(paths=frozenset({"test/kustomization.yaml"})))
    assert fire("K8S-001", manifest, facts=ChangeFacts(paths=frozenset({"kustomization.yaml"}))) == []


@pytest.mark.parametrize(
    ("around", "severity"),
    [
        ("{{- if .Values.host.network }}", Severity.LOW),
        ("{{- with and .Values.a .Values.b }}", Severity.LOW),
        ("{{- if not .Values.a }}", None),
        ("{{- if or true .Values.a }}", None),
        ("{{- if .Values.a }}\n{{- else }}", None),
        ("{{- if .Values.a }}{{ end }}\n{{- if true }}", None),
    ],
)
def test_what_a_value_has_to_ask_for_is_a_remark(around: str, severity: Severity | None) -> None:
    """Who deploys the chart decides; what is there by default is told."""
    text = f"kind: Pod\nspec:\n  {around}\n  hostNetwork: true\n  {{{{- end }}}}\n"
    (hit,) = fire("K8S-001", file("chart/templates/a.yaml", None, text))
    assert hit.severity is severity
