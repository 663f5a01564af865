"""The chart, rendered by Helm: right by Kubernetes' own description, restricted, with no more rights than it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from bot.renderers import tools
from tests.deploy import rendered
from tests.deploy.kinds import problems
from tests.deploy.rendered import CHART, EVERYTHING, FILE, INGRESS, MANIFESTS, NEEDED, OUTSIDE
from tests.entry import clockwork
from tests.table import table

pytestmark = pytest.mark.skipif(not tools.helm_library(), reason="helm-python-sdk is not installed")
CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "what is needed": NEEDED,
    "everything": EVERYTHING,
    "two namespaces": {**NEEDED, "rbac": {"namespaces": ["shop", "pay"]}, "apply": {"enabled": True}},
    "an account of somebody": {
        **NEEDED,
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "kept"},
    },
    "no rights": {**NEEDED, "rbac": {"create": False}, "persistence": {"enabled": True, "existingClaim": "kept"}},
}
VOLUMES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
"""Volumes that Pod Security "restricted" allows (kubernetes.io, "Pod Security Standards")."""


def outside(**changes: Any) -> dict[str, Any]:
    """An ingress to everything, with changes."""
    return {"ingress": {**OUTSIDE, **changes}}


def kinds(objects: list[dict[str, Any]]) -> set[str]:
    return {each["kind"] for each in objects}


def of_kind(objects: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] in names]


@pytest.mark.parametrize("name", CASES)
def test_objects_are_as_kubernetes_describes_them(name: str) -> None:
    """Every field is one that its kind has, of the type that it has there, and no name is taken twice."""
    objects = rendered.objects(CASES[name])
    assert [problem for each in objects for problem in problems(each)] == []
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects]
    assert len(set(names)) == len(names)


def test_what_is_switched_on_is_there() -> None:
    """Each optional object follows from its switch."""
    always = {"ServiceAccount", "Deployment", "Service"}
    roles = {"ClusterRole", "ClusterRoleBinding"}
    optional = {"ConfigMap", "PersistentVolumeClaim", "ServiceMonitor", "NetworkPolicy", "PodDisruptionBudget"}
    optional |= {"Ingress", "HTTPRoute"}
    assert kinds(rendered.objects(NEEDED)) == always | roles
    assert kinds(rendered.objects(EVERYTHING)) == always | roles | optional
    assert kinds(rendered.objects(CASES["two namespaces"])) == always | {"Role", "RoleBinding"}
    assert kinds(rendered.objects(CASES["no rights"])) == always


@pytest.mark.parametrize("name", CASES)
def test_pods_are_restricted(name: str) -> None:
    """Pod Security "restricted", a root that is read-only, one daemon at a time, and secrets as files of a Secret."""
    (deployment,) = of_kind(rendered.objects(CASES[name]), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert all(set(volume) - {"name"} <= VOLUMES for volume in spec["volumes"])
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"readinessProbe", "livenessProbe", "startupProbe"} <= set(container)
    assert not [each for each in container["env"] if "TOKEN" in each["name"] or "SECRET" in each["name"]]
    assert {"name": "credentials", "secret": {"secretName": "clockwork", "defaultMode": 0o440}} in spec["volumes"]


def test_an_account_that_somebody_made_is_used_and_left_alone() -> None:
    """It is not made again, and its token is there, since its rights are of use; without any rights there is no token."""
    objects = rendered.objects(CASES["an account of somebody"])
    assert kinds(objects) == {"Deployment", "Service"}
    (deployment,) = of_kind(objects, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("kept", True)
    (deployment,) = of_kind(rendered.objects(CASES["no rights"]), "Deployment")
    assert not deployment["spec"]["template"]["spec"]["automountServiceAccountToken"]


def rights(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Verb and resource of every rule."""
    for role in of_kind(rendered.objects(values), "Role", "ClusterRole"):
        for rule in role["rules"]:
            yield from ((verb, resource) for verb in rule["verbs"] for resource in rule["resources"])


def test_it_may_only_read_until_applying_is_enabled() -> None:
    """Without ``apply.enabled`` get and list, and never Secrets by themselves; with it neither roles nor Secrets to write."""
    reading = set(rights(NEEDED))
    assert {verb for verb, _ in reading} == {"get", "list"}
    assert "secrets" not in {resource for _, resource in reading}
    writing = {(verb, resource) for verb, resource in rights({**NEEDED, "apply": {"enabled": True}})} - reading
    assert {verb for verb, _ in writing} == {"create", "patch", "delete"}
    written = {resource for _, resource in writing}
    assert not written & {
        "secrets",
        "roles",
        "clusterroles",
        "rolebindings",
        "clusterrolebindings",
        "serviceaccounts",
        "pods",
    }
    assert ("list", "secrets") in set(rights({**NEEDED, "rbac": {"secrets": True}}))
    assert "*" not in {word for right in {*reading, *writing, *rights(EVERYTHING)} for word in right}


@table(
    ("change", "named"),
    [
        ({"image": {}}, "image/repository"),
        ({"repo": ""}, "repo"),
        ({"repo": "https://rosa:t0k@github.com/acme/shop"}, "repo"),
        ({"credentials": {"secretName": "x", "token": "t"}}, "token"),
        ({"credentials": {}}, "secretName"),
        ({"env": [{"name": "CLOCKWORK_TOKEN", "value": "t"}]}, "env/0/name"),
        ({"env": [{"name": "PORT", "value": 1}]}, "env/0/value"),
        ({"credentials": {"secretName": "Not_A_Name"}}, "secretName"),
        ({"image": {"repository": "x", "tag": "latest"}}, "image/tag"),
        ({"rbac": {"rules": [{"apiGroups": ["*"], "resources": ["*"]}]}}, "apiGroups"),
        ({"replicas": 2}, "replicas"),
        ({"level": "bold"}, "level"),
        ({"serviceAccount": {"create": False}}, "serviceAccount/name"),
        ({"volumeMounts": [{"name": "x"}]}, "volumeMounts/0"),
        ({"serviceMonitor": {"enabled": True}}, "serviceMonitor.tokenSecret.name"),
        ({"fullnameOverride": "Not A Name"}, "fullnameOverride"),
        ({"ingress": {"enabled": True}}, "ingress.hosts: name a host"),
        (outside(hosts=[{"host": "https://x.example.com"}]), "ingress/hosts/0/host"),
        (outside(hosts=[{"host": "x.example.com", "paths": [{"path": "x"}]}]), "ingress/hosts/0/paths/0/path"),
        (outside(hosts=[{"host": "x.example.com", "paths": ["/"]}]), "ingress/hosts/0/paths/0"),
        (outside(tls=[]), "clockwork.example.com shows more than /webhook, .* in the clear: add it to ingress.tls"),
        (outside(tls=[{"hosts": ["*.clockwork.example.com", "example.com"]}]), "in the clear"),
        ({**outside(), "settings": {"version": 1}}, "ingress: .* settings.api.tokens names no token to sign in with"),
        ({**outside(), "networkPolicy": {"enabled": True}}, "ingress: networkPolicy.from lets nobody in"),
        ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs: name the Gateway"),
        (
            {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], "paths": [{"path": "/"}]}},
            "name the listener of public that has TLS",
        ),
    ],
)
def test_values_that_cannot_be_right_are_refused(change: Mapping[str, Any], named: str) -> None:
    """A value that is missing, unknown or a secret ends rendering, and the message names it."""
    with pytest.raises(ValueError, match=named):
        rendered.texts({**NEEDED, **change})


def test_the_schema_knows_every_value() -> None:
    """The schema is one, and has a property for each value that the chart comes with."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    Draft7Validator(schema).validate({**values, **NEEDED})


def test_webhooks_come_from_outside_and_pages_only_with_tls() -> None:
    """An ingress shows /webhook by itself. What asks for a token wants TLS for its host, here or before; labels are on all."""
    everything = rendered.objects(EVERYTHING)
    (ingress,) = of_kind(everything, "Ingress")
    service = {"service": {"name": "clockwork-keeper", "port": {"name": "http"}}}
    assert [(rule["host"], rule["http"]["paths"]) for rule in ingress["spec"]["rules"]] == [
        ("clockwork.example.com", [{"path": "/", "pathType": "Prefix", "backend": service}]),
        ("hooks.example.com", [{"path": "/webhook", "pathType": "Exact", "backend": service}]),
    ]
    assert (ingress["spec"]["ingressClassName"], ingress["spec"]["tls"]) == ("nginx", EVERYTHING["ingress"]["tls"])
    (route,) = of_kind(everything, "HTTPRoute")
    assert route["spec"] == {
        "parentRefs": EVERYTHING["httpRoute"]["parentRefs"],
        "hostnames": ["clockwork.example.com"],
        "rules": [
            {
                "matches": [
                    {"path": {"type": "PathPrefix", "value": "/"}},
                    {"path": {"type": "Exact", "value": "/webhook"}},
                ],
                "backendRefs": [{"name": "clockwork-keeper", "port": 8080}],
            }
        ],
    }
    assert {each["metadata"]["labels"]["example.com/owner"] for each in everything} == {"platform"}
    for change in (
        {"ingress": {"enabled": True, "hosts": [{"host": "x.example.com"}]}},
        outside(tls=[], tlsElsewhere=True),
        outside(tls=[{"secretName": "of the controller's own"}]),
        {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}},
    ):
        assert kinds(rendered.objects({**NEEDED, **change})) & {"Ingress", "HTTPRoute"}, change


def test_the_plain_manifests_are_what_the_chart_renders(tmp_path: Path) -> None:
    """``python -m tests.deploy.rendered`` would change nothing."""
    rendered.main(tmp_path)
    for file in (FILE, INGRESS):
        assert (tmp_path / file.name).read_text() == file.read_text(), file.name


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubectl_builds_the_plain_manifests(tmp_path: Path) -> None:
    """`kubectl kustomize` puts every object where it belongs, the role's subject too; the ingress where it is named."""
    shutil.copytree(MANIFESTS, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "kustomization.yaml").read_text()
    (tmp_path / "kustomization.yaml").write_text(text.replace("# - ingress.yaml, for", "- ingress.yaml # for"))
    done = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=True)
    objects = list(yaml.safe_load_all(done.stdout))
    assert len(objects) == 1 + len(rendered.objects(NEEDED)) + 1
    assert [problem for each in objects for problem in problems(each)] == []
    (binding,) = of_kind(objects, "ClusterRoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "clockwork", "namespace": "clockwork"}]
    (ingress,) = of_kind(objects, "Ingress")
    assert ingress["metadata"]["namespace"] == "clockwork"


def test_our_own_guard_finds_nothing(tmp_path: Path) -> None:
    """A pull request that adds the chart and its objects to a repository is approved without a finding."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    shutil.copytree(CHART, tmp_path / "charts" / "clockwork")
    shutil.copytree(MANIFESTS, tmp_path / "apps" / "clockwork")
    (tmp_path / "everything.yaml").write_text(rendered.manifests({**EVERYTHING, "rbac": {}}))
    subprocess.run([*git, "add", "-A"], check=True)
    done = clockwork("guard", "diff", "--staged", "--json", folder=tmp_path)
    told = json.loads(done.stdout)
    assert (told["verdict"], told["findings"]) == ("approve", []), done.stdout
