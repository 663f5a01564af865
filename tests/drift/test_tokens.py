"""What the control plane makes for service accounts is no drift; anything like it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.drift.makers import Pair, declared, examine, live, thing

TYPE = "kubernetes.io/service-account-token"


def outcome(desired: dict[str, Any], observed: dict[str, Any]) -> tuple[list[str], list[str]]:
    result = examine(Pair(declared(desired), live(observed)))
    return [drift.where for drift in result.drift], [hidden.by for hidden in result.suppressed]


def test_an_account_has_a_token_and_pull_secrets_of_its_own() -> None:
    """By the account's name and five letters; another name is drift."""
    before = thing("ServiceAccount", secrets=[{"name": "own"}], imagePullSecrets=[{"name": "registry"}])
    after = thing(
        "ServiceAccount",
        secrets=[{"name": "own"}, {"name": "x-token-x2k9q"}, {"name": "x-dockercfg-ab1c2"}],
        imagePullSecrets=[{"name": "registry"}, {"name": "x-dockercfg-ab1c2"}],
    )
    assert outcome(before, after) == ([], ["service-account-token"] * 3)
    after["secrets"].append({"name": "other-token-x2k9q"})
    assert outcome(before, after)[0] == ["secrets[other-token-x2k9q]"]


def test_a_token_is_filled_in() -> None:
    """Its data and the account's id; a key that nobody fills in is drift."""
    note = {"kubernetes.io/service-account.name": "x"}
    before = thing("Secret", type=TYPE, metadata={"annotations": note}, data={"extra": "eA=="})
    filled = {"extra": "eA==", "token": "dG9rZW4=", "ca.crt": "Y2E=", "namespace": "c2hvcA=="}
    after = thing(
        "Secret", type=TYPE, metadata={"annotations": {**note, "kubernetes.io/service-account.uid": "1"}}, data=filled
    )
    assert outcome(before, after) == ([], ["service-account-token"] * 4)
    assert outcome(before, {**after, "data": {**filled, "more": "eA=="}})[0] == ["data.more"]
    assert outcome({**before, "type": "Opaque"}, {**after, "type": "Opaque"})[0] != []


@pytest.mark.parametrize("key", ["token", "ca.crt", "service-ca.crt", "namespace"])
def test_a_token_that_git_declares_is_compared(key: str) -> None:
    """Only what Git leaves out or empty is the control plane's to fill in."""
    note = {"annotations": {"kubernetes.io/service-account.name": "x"}}
    after = thing("Secret", type=TYPE, metadata=note, data={"extra": "eA==", key: "ZXZpbA=="})
    for said, where in (("Z29vZA==", [f'data["{key}"]' if "." in key else f"data.{key}"]), ("", [])):
        before = thing("Secret", type=TYPE, metadata=note, data={"extra": "eA==", key: said})
        assert outcome(before, after)[0] == where


def test_a_secret_that_a_person_gives_an_account_is_drift() -> None:
    """However it is called."""
    name = "x-dockercfg-ab1c2"
    after = thing("ServiceAccount", secrets=[{"name": "own"}], imagePullSecrets=[{"name": name}])
    fields: dict[str, Any] = {"f:imagePullSecrets": {f'k:{{"name":"{name}"}}': {".": {}}}}
    after["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "operation": "Update", "fieldsV1": fields}]
    assert outcome(thing("ServiceAccount", secrets=[{"name": "own"}]), after)[0] == ["imagePullSecrets"]
