"""Secrets never leave a comparison, whatever they are called and wherever they stand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.drift.compare import compare
from bot.drift.masking import digest
from bot.drift.values import encoded
from bot.model.drift import Report
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, Problem
from bot.report.json import to_json
from bot.report.markdown import summary
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live, running, service
from tests.secrecy.test_credentials import TEXTS

PLANTED = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789", min_size=12, max_size=24)
EVERYWHERE = frozenset(Platform)


def everything_shown(report: Report) -> str:
    return repr(report) + json.dumps(to_json(report)) + summary(report)


def compared(desired: Desired, observed: Observed) -> Report:
    seen = Observation(NOW, resources={observed.id: observed}, covered=EVERYWHERE)
    return compare([desired], seen, options=OPTIONS)


def secret(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, **fields}


def config(data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": data}


def env(name: str, value: str) -> dict[str, Any]:
    return deployment(env=[{"name": name, "value": value}])


def probed(name: str, value: str) -> dict[str, Any]:
    header = {"name": name, "value": value}
    return deployment(livenessProbe={"httpGet": {"port": 80, "httpHeaders": [header]}})


def template(value: str) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "s", "namespace": "shop"},
        "spec": {"target": {"template": {"data": {"a": value}}}},
    }


def _commands(secret: str) -> list[list[str]]:
    """Commands that hold ``secret`` in one of the ways that commands do."""
    return [
        ["sh", "-c", f"redis-server --requirepass {secret}"],
        ["redis-server", "--requirepass", secret],
        ["x", f"--db-pass={secret}"],
        ["mysqladmin", "ping", f"-p{secret}"],
        ["curl", "-u", f"a:{secret}", "http://web"],
        ["sh", "-c", f"export DB_PASS={secret}; exec x"],
    ]


def pairs(old: str, new: str) -> list[tuple[Desired, Observed]]:
    """Every place where a secret usually stands, with one value in Git and another live."""
    basic = "postgres://shop:{}@db/shop"
    return [
        (declared(secret(data={"a": encoded(old)})), live(secret(data={"a": encoded(new)}))),
        (declared(secret(stringData={"a": old})), live(secret(data={"a": encoded(new), "b": encoded(old)}))),
        (declared(secret()), live(secret(data={"a": encoded(new)}))),
        (declared(env("DB_PASSWORD", old)), live(env("DB_PASSWORD", new))),
        (declared(env("DATABASE_URL", basic.format(old))), live(env("DATABASE_URL", basic.format(new)))),
        (
            declared(env("A", "1")),
            live(deployment(env=[{"name": "A", "value": "1"}, {"name": "API_TOKEN", "value": new}])),
        ),
        (declared(deployment(args=["--token", old])), live(deployment(args=["--token", new]))),
        (declared(deployment(args=[f"--password={old}"])), live(deployment(args=[f"--password={new}"]))),
        (
            declared(config({"app.properties": f"db.password={old}\n"})),
            live(config({"app.properties": f"db.password={new}\n"})),
        ),
        *((declared(config({"f": text.format(old)})), live(config({"f": text.format(new)}))) for text in TEXTS),
        *((declared(config({"f": "x"})), live(config({"f": text.format(new)}))) for text in TEXTS),
        *((declared(deployment(command=["a"])), live(deployment(command=line))) for line in _commands(new)),
        (declared(probed("Authorization", old)), live(probed("Authorization", new))),
        (declared(probed("Accept", "x")), live(probed("X-Api-Key", new))),
        (
            declared(deployment(env=[{"name": "DB_PASSWORD", "value": old}], command=["a"])),
            live(deployment(env=[{"name": "DB_PASSWORD", "value": new}], command=["a", f"--x{old}", f"-x{new}"])),
        ),
        (declared(template(old)), live(template(new))),
        (declared(config({"API_KEY": old})), live(config({"API_KEY": new}))),
        (service({"environment": {"SECRET_KEY": old}}), running({"environment": {"SECRET_KEY": new}})),
        (service({"environment": [f"TOKEN={old}"]}), running({"environment": {"TOKEN": new, "PASSWORD": old}})),
        (service({"command": f"run --api-key {old}"}), running({"command": ["run", "--api-key", new]})),
        (
            replace(service({"environment": {"PLAIN": old}}), sensitive=frozenset({("environment", "PLAIN")})),
            running({"environment": {"PLAIN": new}}),
        ),
    ]


@given(old=PLANTED, new=PLANTED)
@settings(max_examples=8, deadline=None)
def test_planted_values_appear_nowhere(old: str, new: str) -> None:
    """Neither side's value is in any output: not in repr, not in JSON, not in Markdown, not in edits or evidence."""
    for desired, observed in pairs(old, new):
        problem = Problem("Crash", f"cannot log in with {new}", (f"tried password={new}", f"then {old}"))
        report = compared(desired, replace(observed, problems=(problem,)))
        shown = everything_shown(report)
        for value in {old, new}:
            if desired.sensitive or "cannot log in" not in shown:
                continue
            fields = [drift for drift in report.drift if drift.path]
            text = repr(fields) + json.dumps([to_json(replace(report, drift=(drift,))) for drift in fields])
            assert value not in text, desired.tree
            assert encoded(value) not in text


@given(old=PLANTED, new=PLANTED)
@settings(max_examples=20, deadline=None)
def test_logs_hold_no_value_of_a_secret_place(old: str, new: str) -> None:
    """Evidence that repeats a value of a secret place shows its digest instead."""
    tree, other = env("DB_PASSWORD", old), env("DB_PASSWORD", new)
    problem = Problem("Crash", f"login {new}", (f"tried {old}", f"and {new}"))
    shown = everything_shown(compared(declared(tree), replace(live(other), problems=(problem,))))
    assert old not in shown
    assert new not in shown


@given(old=PLANTED, new=PLANTED)
@settings(max_examples=20, deadline=None)
def test_drift_on_a_secret_is_still_found_and_never_adopted(old: str, new: str) -> None:
    """Different values have different digests under one key, and no edit carries the value."""
    drifts = compared(declared(secret(data={"a": encoded(old)})), live(secret(data={"a": encoded(new)}))).drift
    assert bool(drifts) is (old != new)
    for drift in drifts:
        assert drift.sensitive
        assert drift.adopt == ()
        assert str(drift.desired).startswith("hmac-sha256:")
        assert drift.desired != drift.observed


def test_a_digest_says_nothing_without_the_key() -> None:
    """Equal values have equal digests under one key and other digests under another; eight hex digits are shown."""
    assert digest("x", b"one") == digest("x", b"one") != digest("x", b"two")
    assert len(digest("x", b"one")) == len("hmac-sha256:") + 8


def test_the_key_is_in_no_repr() -> None:
    """Options print without their key."""
    assert "a key for tests" not in repr(OPTIONS)


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    """What one place declares secret shows as its digest in a command, a label or a sentence of the same resource."""
    old = deployment(env=[{"name": "DB_PASSWORD", "value": "swordfish"}], command=["run"], workingDir="/a")
    new = deployment(
        env=[{"name": "DB_PASSWORD", "value": "swordfish"}],
        command=["run", "-u", "root", "-pswordfish", "status"],
        workingDir="/srv/swordfish/x",
    )
    drifts = {drift.path[-1]: drift for drift in compared(declared(old), live(new)).drift}
    hidden = digest("swordfish", OPTIONS.mask_key)
    assert drifts["command"].observed == ["run", "-u", "root", f"-p{hidden}", "status"]
    assert drifts["workingDir"].sensitive
    assert "swordfish" not in everything_shown(compared(declared(old), live(new)))


def test_a_word_said_openly_is_no_secret() -> None:
    """A password that is also the name of the image does not hide the image, nor does a short one inside other words."""
    old = deployment(image="postgres:15", env=[{"name": "POSTGRES_PASSWORD", "value": "postgres"}], args=["a"])
    new = deployment(image="postgres:16", env=[{"name": "POSTGRES_PASSWORD", "value": "postgres"}], args=["b"])
    (image, _) = sorted(compared(declared(old), live(new)).drift, key=lambda drift: str(drift.path[-1]), reverse=True)
    assert (image.desired, image.observed, image.sensitive) == ("postgres:15", "postgres:16", False)
    old["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "shop1"
    new["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "shop1"
    new["spec"]["template"]["spec"]["containers"][0]["args"] = ["--dir=/srv/shop12"]
    shown = compared(declared(old), live(new)).drift
    assert ["--dir=/srv/shop12"] in [drift.observed for drift in shown]


def test_ordinary_drift_stays_readable() -> None:
    """Images, files with paths of keys, switches and references show as they are, on both sides."""
    old = config({"a": "secretName: web-tls\nkeyFile: /etc/x.key\npasswordPolicy: strict", "ENABLE_AUTH": "true"})
    new = config({"a": "secretName: web-tls2\nkeyFile: /etc/y.key\npasswordPolicy: lax", "ENABLE_AUTH": "false"})
    drifts = compared(declared(old), live(new)).drift
    assert {(drift.desired, drift.observed) for drift in drifts} == {
        (old["data"]["a"], new["data"]["a"]),
        ("true", "false"),
    }
    assert not any(drift.sensitive for drift in drifts)
