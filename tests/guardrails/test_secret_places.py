"""SEC-001 and SEC-002 find a secret that no assignment names, wherever else its name stands."""

from __future__ import annotations

import base64
import json

import pytest

from tests.guardrails.changes import file, fire
from tests.guardrails.test_places import Maker

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    env:\n"
TOLD = {
    "an option": ("run.sh", "sshpass -p %s ssh a@b\n"),
    "an option of a login": ("run.sh", "docker login -u bob -p %s registry.internal\n"),
    "a long option": ("run.sh", "wget --user=bob --password=%s https://files.internal/a\n"),
    "a long option and a blank": ("run.sh", "wget --http-password %s https://files.internal/a\n"),
    "a variable of one command": ("run.sh", "PGPASSWORD=%s psql -h db\n"),
    "a property": ("run.sh", "java -Djavax.net.ssl.keyStorePassword=%s -jar a.jar\n"),
    "a step of a workflow": (
        ".github/workflows/a.yml",
        "on: push\njobs: {a: {steps: [{run: redis-cli -a %s ping}]}}\n",
    ),
    "an instruction": ("Dockerfile", "FROM a\nENV DB_PASSWORD %s\n"),
    "a variable of a pod": ("k8s/a.yaml", POD + "    - name: DB_PASSWORD\n      value: %s\n"),
    "a variable whose name is below": ("k8s/a.yaml", POD + '    - value: "%s"\n      name: DB_PASSWORD\n'),
    "a variable on one line": ("k8s/a.yaml", POD + "    - {name: DB_PASSWORD, value: '%s'}\n"),
    "a variable of a task": ("task.json", '[{"name": "DB_PASSWORD", "value": "%s"}]\n'),
    "an element": ("settings.xml", "<server><password>%s</password></server>\n"),
    "the file of a cluster": (".kube/config", "users:\n- user:\n    token: %s\n"),
}
KEPT = {
    "a reference": ("run.sh", "sshpass -p $PASSWORD ssh a@b\n"),
    "a word": ("run.sh", "docker login -u bob -p changeme registry.internal\n"),
    "a prompt": ("run.sh", "read -s -p 'password please: ' password\n"),
    "a name in a pod": ("k8s/a.yaml", POD + "    - name: IMAGE_DIGEST\n      value: %s\n"),
    "a word in a pod": ("k8s/a.yaml", POD + "    - name: DB_PASSWORD\n      value: changeme\n"),
    "a reference in a pod": ("k8s/a.yaml", POD + "    - name: DB_PASSWORD\n      value: $(PASSWORD)\n"),
    "another entry's value": (
        "k8s/a.yaml",
        POD + "    - name: TOKEN\n    - name: A\n      other: x\n      value: %s\n",
    ),
    "an element with a placeholder": ("settings.xml", "<server><password>${env.PASSWORD}</password></server>\n"),
    "an element of another name": ("settings.xml", "<artifact><digest>%s</digest></artifact>\n"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_secret_is_found_beside_its_name(name: str) -> None:
    """Each is told once and shown nowhere."""
    make = Maker(5)
    path, text = TOLD[name]
    hits = fire("SEC-002", file(path, None, text.replace("%s", f"Q7x{make(16)}")))
    assert [hit.file for hit in hits] == [path]
    assert all(make.secret not in f"{hit.message} {hit.evidence}" for hit in hits)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_no_secret_there_is_quiet(name: str) -> None:
    """References, words, and values of other names."""
    path, text = KEPT[name]
    assert fire("SEC-002", file(path, None, text.replace("%s", f"Q7x{Maker(5)(16)}"))) == []


def test_every_form_of_a_secret_object_is_read() -> None:
    """Items of a list, what a patch writes, and the logins for registries."""
    make = Maker(6)
    value = make.encoded(f"Q7x{make.drawn(16)}")
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{password: {value}}}\n"
    listed = "apiVersion: v1\nkind: List\nitems:\n- " + secret.replace("\n", "\n  ").rstrip() + "\n"
    inline = "patches:\n- patch: |\n    " + secret.replace("\n", "\n    ").rstrip() + "\n"
    config = json.dumps({"auths": {"registry.internal": {"username": "bob", "password": f"Q7x{make.drawn(16)}"}}})
    login = f"kind: Secret\nmetadata: {{name: a}}\ndata:\n  .dockerconfigjson: {base64.b64encode(config.encode()).decode()}\n"
    for path, text in (("k8s/a.yaml", listed), ("k8s/kustomization.yaml", inline), ("k8s/a.yaml", login)):
        assert fire("SEC-002", file(path, None, text)), text


def test_a_lock_file_hides_nothing_but_digests() -> None:
    """A credential in one is told; what stands by chance in a digest is not."""
    token = f"AK{'IA'}{Maker(7).drawn(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}"
    assert fire(
        "SEC-001", file("package-lock.json", None, json.dumps({"a": {"resolution": f"https://x/?key={token}"}}))
    )
    assert fire("SEC-001", file("package-lock.json", None, json.dumps({"a": {"integrity": f"sha512-{token}"}}))) == []
