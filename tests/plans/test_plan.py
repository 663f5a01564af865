"""From files and live state to a plan: operations, order, approval, what is left out, and what a kept plan is bound to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from bot.errors import Invalid, Stale
from bot.flows.action_plan import plans
from bot.model.action import Action, ActionList, Operation
from bot.plans.document import SCHEMA, read_plans, to_json
from bot.wiring.reconcile import open_assessment
from bot.wiring.repository import Options
from tests.entry import clockwork
from tests.test_cli_repositories import commit, git

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}


def resource(
    kind: str, name: str, version: str = "v1", namespace: str | None = "shop", **fields: Any
) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def look(folder: Path, declared: list[Any], live: list[Any]) -> ActionList:
    """The plan for a folder that declares this where that runs."""
    folder.mkdir(exist_ok=True)
    (folder / "all.yaml").write_text(yaml.safe_dump_all(declared))
    return again(folder, live)


def again(folder: Path, live: list[Any]) -> ActionList:
    running = [{**tree, "metadata": {"uid": f"uid-{n}", **tree["metadata"]}} for n, tree in enumerate(live)]
    (folder.parent / "live.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": running}))
    (made,) = plans(open_assessment(Options(str(folder), [str(folder.parent / "live.json")]))())
    return made.actions


def brief(plan: ActionList) -> list[str]:
    return [f"{action.wave} {action.operation} {action.resource}" for action in plan.actions]


def only(plan: ActionList) -> Action:
    (action,) = plan.actions
    return action


def with_image(image: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(DEPLOYMENT))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def test_a_target_in_sync_needs_nothing(tmp_path: Path) -> None:
    """No action, nothing left out."""
    plan = look(tmp_path / "repo", [DEPLOYMENT, SERVICE], [DEPLOYMENT, SERVICE])
    assert (plan.actions, plan.not_planned) == ((), ())


def test_a_difference_is_told_from_what_runs_to_what_git_says(tmp_path: Path) -> None:
    """The other way round than a report of drift."""
    action = only(look(tmp_path / "repo", [DEPLOYMENT], [with_image("nginx:1.26")]))
    (difference,) = action.differences
    assert (action.operation, difference.before, difference.after) == (Operation.UPDATE, "nginx:1.26", "nginx:1.27")
    assert action.declared_at.startswith("all.yaml:")


def test_what_others_need_comes_first_and_is_named(tmp_path: Path) -> None:
    """Namespace and definition before what lives in them, custom resources after everything else."""
    definition = resource(
        "CustomResourceDefinition",
        "certs.acme.io",
        "apiextensions.k8s.io/v1",
        None,
        spec={
            "group": "acme.io",
            "names": {"kind": "Cert", "plural": "certs"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True}],
        },
    )
    declared = [
        resource("Cert", "web", "acme.io/v1", spec={"host": "a"}),
        DEPLOYMENT,
        resource("ConfigMap", "web", data={"a": "1"}),
        resource(
            "Job",
            "seed",
            "batch/v1",
            spec={"template": DEPLOYMENT["spec"]["template"]},
        ),
        resource("Namespace", "shop", namespace=None),
        definition,
    ]
    other = resource("ConfigMap", "kube-root-ca.crt", namespace="default", data={})
    plan = look(tmp_path / "repo", declared, [other])
    assert brief(plan) == [
        "0 create CustomResourceDefinition/certs.acme.io",
        "0 create Namespace/shop",
        "1 create ConfigMap/shop/web",
        "2 create Deployment/shop/web",
        "3 run Job/shop/seed",
        "4 create Cert/shop/web",
    ]
    made = {action.resource.kind: action for action in plan.actions}
    assert set(made["Cert"].needs) == {made["Namespace"].id, made["CustomResourceDefinition"].id}
    assert not any(action.approval for action in plan.actions)


def test_a_field_that_cannot_change_is_replaced_with_approval(tmp_path: Path) -> None:
    """A binding's role, the data of an immutable ConfigMap; not the data of another one."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role"}
    binding = resource(
        "RoleBinding", "b", "rbac.authorization.k8s.io/v1", roleRef={**role, "name": "reader"}, subjects=[]
    )
    frozen, free = (resource("ConfigMap", name, data={"a": "1"}) for name in ("frozen", "free"))
    frozen["immutable"] = True
    live = [
        {**binding, "roleRef": {**role, "name": "writer"}},
        {**frozen, "data": {"a": "2"}},
        {**free, "data": {"a": "2"}},
    ]
    plan = look(tmp_path / "repo", [binding, frozen, free], live)
    operations = {action.resource.name: (action.operation, action.approval) for action in plan.actions}
    assert operations["b"] == operations["frozen"] == (Operation.REPLACE, True)
    assert operations["free"][0] is Operation.UPDATE


def test_what_git_never_declared_is_left(tmp_path: Path) -> None:
    """An unknown object is nobody's to delete."""
    labelled = resource("ConfigMap", "x", data={"a": "1"})
    labelled["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "clockwork"}
    assert look(tmp_path / "repo", [DEPLOYMENT], [DEPLOYMENT, labelled]).actions == ()


def test_an_encrypted_value_is_not_applied(tmp_path: Path) -> None:
    """Git does not tell what would have to be sent, so it is left out and counted."""
    secret = resource("Secret", "s", stringData={"a": "ENC[AES256_GCM,data:abc,iv:def,tag:ghi,type:str]"})
    secret["sops"] = {"mac": "ENC[x]", "version": "3.9.0"}
    live = resource("Secret", "s", data={"b": "eA=="}, type="Opaque")
    plan = look(tmp_path / "repo", [secret, DEPLOYMENT], [live, DEPLOYMENT])
    assert plan.actions == ()
    assert plan.not_planned != ()


def test_services_wait_for_those_they_depend_on(tmp_path: Path) -> None:
    """Compose's own order, circles and all."""
    repo = tmp_path / "repo"
    repo.mkdir()
    services = {
        "web": {"image": "a:1", "depends_on": ["api"]},
        "api": {"image": "a:1", "depends_on": {"db": {"condition": "service_started"}}},
        "db": {"image": "a:1", "volumes": ["data:/var/lib"]},
        "left": {"image": "a:1", "depends_on": ["right"]},
        "right": {"image": "a:1", "depends_on": ["left"]},
    }
    (repo / "compose.yaml").write_text(yaml.safe_dump({"name": "shop", "services": services, "volumes": {"data": {}}}))
    running = {
        "Id": "1" * 64,
        "Name": "/shop-other-1",
        "Config": {
            "Image": "b:1",
            "Labels": {"com.docker.compose.project": "else", "com.docker.compose.service": "other"},
        },
        "State": {"Running": True},
        "HostConfig": {},
        "Mounts": [],
        "NetworkSettings": {},
    }
    (tmp_path / "live.json").write_text(json.dumps([running]))
    (made,) = plans(open_assessment(Options(str(repo), [str(tmp_path / "live.json")]))())
    waves = {action.resource.name: action.wave for action in made.actions.actions if action.resource.kind == "service"}
    assert waves["db"] < waves["api"] < waves["web"]
    assert {"left", "right"} <= set(waves)


def test_the_json_keeps_its_schema_and_hides_secrets(tmp_path: Path) -> None:
    """Values that nobody may see are masked in a plan too."""
    declared, live = (json.loads(json.dumps(DEPLOYMENT)) for _ in range(2))
    for tree, password in ((declared, "correct-horse-1"), (live, "correct-horse-2")):
        tree["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": password}]
    plan = look(tmp_path / "repo", [declared], [live])
    document = to_json([plan])
    jsonschema.validate(document, SCHEMA)
    assert only(plan).differences[0].sensitive
    assert "correct-horse" not in json.dumps(document)


def test_a_kept_plan_is_bound_to_what_it_was_made_from(tmp_path: Path) -> None:
    """Another commit, other live values, another object of the same name: each is refused; a new status is not."""
    repo, live = tmp_path / "repo", with_image("nginx:1.26")
    plan = look(repo, [DEPLOYMENT], [live])
    (kept,) = read_plans(json.dumps(to_json([plan])).encode(), file="x.plan")
    kept.check(again(repo, [{**live, "status": {"replicas": 1}}]))
    with pytest.raises(Stale, match="what runs is no longer"):
        kept.check(again(repo, [with_image("nginx:1.25")]))
    other = {**live, "metadata": {**live["metadata"], "uid": "another"}}
    with pytest.raises(Stale, match="what runs is no longer"):
        kept.check(again(repo, [other]))
    with pytest.raises(Stale, match="the branch is at"):
        kept.check(look(repo, [DEPLOYMENT, SERVICE], [live, SERVICE]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "no version"),
        (b'{"version": 2, "plans": []}', "version 2"),
        (b'{"version": 1, "plans": [{"target": "", "commit": "a", "observed": ""}]}', r"plans\[0\]: no 'observed'"),
        (b'{"version": 1, "plans": [{"commit": "a", "observed": "b", "digest": "c"}]}', r"plans\[0\]: no 'target'"),
    ],
)
def test_what_is_no_plan_is_told(data: bytes, message: str) -> None:
    """Named by file and place."""
    with pytest.raises(Invalid, match=f"x.plan.*{message}"):
        read_plans(data, file="x.plan")


def test_the_command_keeps_a_plan_and_tells_when_it_is_out_of_date(tmp_path: Path) -> None:
    """Of the branch only; ``--check`` passes until something moves, and then says what."""
    git("init", "-q", "--bare", "-b", "main", "shop.git", at=tmp_path)
    git("clone", "-q", "shop.git", "work", at=tmp_path)
    work = tmp_path / "work"
    git("checkout", "-q", "-b", "main", at=work)
    plan = look(work, [DEPLOYMENT], [with_image("nginx:1.26")])
    assert plan.commit.startswith("files-")
    commit(work)
    words = ("plan", "--repo", "shop.git", "--live", "live.json")
    done = clockwork(*words, "--out", "x.plan", "--detailed-exitcode", folder=tmp_path)
    assert (done.returncode, "~ update Deployment/shop/web" in done.stdout) == (1, True), done
    assert clockwork(*words, "--check", "x.plan", folder=tmp_path).returncode == 0
    again(work, [with_image("nginx:1.25")])
    moved = clockwork(*words, "--check", "x.plan", folder=tmp_path)
    assert (moved.returncode, "what runs is no longer what the plan was made from" in moved.stderr) == (3, True)
    nothing = clockwork(*words, "--check", "none.plan", folder=tmp_path)
    assert (nothing.returncode, "none.plan: No such file" in nothing.stderr) == (2, True)
    alone = clockwork("plan", "--repo", "work/.", "--live", "live.json", "--check", "work/all.yaml", folder=tmp_path)
    assert (alone.returncode, "work/all.yaml: no plan" in alone.stderr) == (2, True)
