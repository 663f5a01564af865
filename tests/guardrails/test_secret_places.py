"""SEC-001 and SEC-002 find a secret that no assignment names, wherever else its name stands."""

from __future__ import annotations

import base64
import json

import pytest

from tests.guardrails.changes import file, fire
from tests.guardrails.test_places import Maker
from tests.table import table

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
    "the older form of an instruction": ("Dockerfile", "FROM a\nENV API_TOKEN %s\n"),
    "the default of a variable": ("v.tf", 'variable "db_password" {\n  type    = string\n  default = "%s"\n}\n'),
    "a name in camel case": ("a.json", '{"bearerToken": "%s"}\n'),
    "a short name": ("a.env", "DB_PASS=%s\n"),
    "a short name in camel case": ("a.ts", "const smtpPwd = '%s'\n"),
    "a name in one word": ("a.properties", "dbpassword=%s\n"),
    "a key that signs": ("appsettings.json", '{"Jwt": {"SigningKey": "%s"}}\n'),
    "JSON within a text": ("a.json", r'{"input": "{\"password\": \"%s\"}"}'),
    "a login on several lines": (".netrc", "machine a.internal\n  login bob\n  password %s\n"),
    "a value with padding": ("wg0.conf", "PrivateKey = %s=\n"),
    "a file of no known language": ("build.gradle", "password = '%s'\n"),
    "a value of many characters": ("run.sh", f"export AWS_SESSION_TOKEN=%s{Maker(9).drawn(350)}\n"),
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
    "what kubeseal encrypted": ("s.yaml", f"encryptedData:\n  password: AgBy{'Zq4/' * 90}%s\n"),
    "the default of another variable": ("v.tf", 'variable "image" {\n  default = "%s"\n}\n'),
    "a default behind the block of a password": ("v.tf", 'variable "password" {\n}\nx {\n  default = "%s"\n}\n'),
    "an instruction of another name": ("Dockerfile", "FROM a\nENV BUILD_ID %s\n"),
    "a snapshot of a test": ("src/__snapshots__/a.snap", 'token="%s"\n'),
    "an element of another name": ("settings.xml", "<artifact><digest>%s</digest></artifact>\n"),
}


@table("name", TOLD)
def test_a_secret_is_found_beside_its_name(name: str) -> None:
    """Each is told once and shown nowhere."""
    make = Maker(5)
    path, text = TOLD[name]
    hits = fire("SEC-002", file(path, None, text.replace("%s", f"Q7x{make(16)}")))
    assert [hit.file for hit in hits] == [path]
    assert all(make.secret not in f"{hit.message} {hit.evidence}" for hit in hits)


@table("name", KEPT)
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
    address = f"https://bob:{Maker(7)(16)}@npm.internal/a.tgz"
    assert fire("SEC-003", file("package-lock.json", None, json.dumps({"a": {"resolved": address}})))


@pytest.mark.parametrize("length", [10, 12, 16, 24])
def test_a_short_password_needs_no_more_chance_than_it_can_have(length: int) -> None:
    """Of what is drawn with all kinds of characters hardly any is missed, however short."""
    values = [f"Q7x{Maker(seed).drawn(length - 3)}" for seed in range(40)]
    assert sum(bool(fire("SEC-002", file("a.py", None, f"password = '{value}'\n"))) for value in values) >= 36


@pytest.mark.parametrize("header", ["ENCRYPTED PRIVATE KEY", "SSH2 ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"])
def test_a_key_behind_a_passphrase_is_a_key(header: str) -> None:
    """Whoever has the file can try passphrases for ever."""
    lines = "\n".join(Maker(at).drawn(64) for at in range(6))
    assert fire("SEC-001", file("k.txt", None, f"-----BEGIN {header}-----\n{lines}\n-----END {header}-----\n"))
