"""What an API server says no with becomes an error that says what to do, and never shows what a Secret holds."""

from __future__ import annotations

from typing import Any

import pytest

from bot.appliers.kubernetes_refusals import NotRehearsed, NotValid, ObjectMoved, error_of, held_fields
from bot.errors import Refused, Unavailable
from bot.kubeapi.api import ApiAnswer
from tests.table import table

TEST_FAILED = "the server rejected our request due to an error in our request"


def answer(code: int, reason: str = "", message: str = "", *causes: dict[str, str]) -> ApiAnswer:
    """A ``Status`` as an API server sends it."""
    return ApiAnswer(
        code, {"kind": "Status", "reason": reason, "message": message, "details": {"causes": list(causes)}}
    )


def cause(field: str, message: str = "", reason: str = "FieldValueInvalid") -> dict[str, str]:
    return {"field": field, "message": message, "reason": reason}


@table(
    ("given", "kind", "advice"),
    [
        (answer(400, "BadRequest", "strict decoding error"), Refused, "correct it in Git"),
        (answer(400, "BadRequest", 'admission webhook "a.b" does not support dry run'), NotRehearsed, None),
        (answer(401, "Unauthorized"), Refused, "the cluster does not accept these credentials: renew them"),
        (answer(403, "Forbidden"), Refused, "allow patch to this account, or see which admission policy says no"),
        (answer(404, "NotFound"), Refused, "create its namespace, or install what serves its kind, first"),
        (answer(404), Unavailable, None),
        (answer(405, "MethodNotAllowed"), Refused, None),
        (answer(408, "Timeout"), Unavailable, None),
        (answer(409, "Conflict", "the object has been modified"), ObjectMoved, None),
        (answer(422, "Invalid", TEST_FAILED), ObjectMoved, None),
        (answer(422, "Invalid", "immutable", cause("metadata.uid", "field is immutable")), ObjectMoved, None),
        (
            answer(422, "Invalid", "immutable", cause("spec.selector", "field is immutable")),
            Refused,
            "a field cannot be changed while the object lives: plan again to replace it",
        ),
        (answer(422, "Invalid", "wrong", cause("spec.replicas", "must be positive")), NotValid, "correct it in Git"),
        (answer(429, "TooManyRequests"), Unavailable, None),
        (answer(500, "InternalError", "failed calling webhook"), Unavailable, None),
        (
            answer(500, "", "failed to create typed patch object (a/b): .x: field not declared"),
            Refused,
            "correct it in Git",
        ),
        (answer(503, "ServiceUnavailable"), Unavailable, None),
    ],
    ids=lambda value: f"{value.status} {value.message}" if isinstance(value, ApiAnswer) else "",
)
def test_each_answer_is_one_error(given: ApiAnswer, kind: type[Exception], advice: str | None) -> None:
    """What may pass by itself is tried again, what moved is looked at again, and for the rest a person is told what to do."""
    error = error_of(given, "ConfigMap/shop/a", "patch", secret=False)
    assert type(error) is kind
    assert error.advice == advice
    assert f"ConfigMap/shop/a: the cluster says to patch: {given.status}" in error.message


def test_a_secret_shows_fields_and_nothing_else() -> None:
    """Neither the message nor those of its causes are repeated: they quote values."""
    given = answer(422, "Invalid", 'Invalid value: "c2VjcmV0": no', cause("data.key", 'Invalid value: "c2VjcmV0"'))
    error = error_of(given, "Secret/shop/a", "patch", secret=True)
    assert error.message == "Secret/shop/a: the cluster says to patch: 422 Invalid (data.key)"


@pytest.mark.parametrize(
    ("message", "manager", "owner"),
    [
        ('conflict with "kubectl-edit" using apps/v1', "kubectl-edit", "kubectl-edit (apps/v1)"),
        ('conflict with "a" using v1 at 2026-05-04T12:00:00Z', "a", "a (v1)"),
        ('conflict with "argocd-controller"', "argocd-controller", "argocd-controller"),
        (
            'conflict with "kube-controller-manager" with subresource "scale" using autoscaling/v1',
            "kube-controller-manager",
            "kube-controller-manager (subresource scale, autoscaling/v1)",
        ),
        ('conflict with "od\\"d"', 'od"d', 'od"d'),
        ("conflict of another form", "", "conflict of another form"),
    ],
)
def test_a_conflict_names_who_owns_what(message: str, manager: str, owner: str) -> None:
    """The owner is told with how it wrote, from the words in which servers tell it."""
    given = answer(409, "Conflict", "Apply failed", cause(".spec.replicas", message, "FieldManagerConflict"))
    held = held_fields(given)
    assert [(each.path, each.manager, each.owner) for each in held] == [("spec.replicas", manager, owner)]
    assert f"spec.replicas belongs to {owner}" in error_of(given, "Deployment/a", "patch", secret=False).message


@pytest.mark.parametrize("strange", [[], {}, {"details": 3}, {"details": {"causes": [None, 7]}}, {"message": ["x"]}])
def test_a_strange_answer_is_still_an_error(strange: Any) -> None:
    """Proxies answer with anything: there is an error all the same."""
    tree = strange if isinstance(strange, dict) else {}
    assert isinstance(error_of(ApiAnswer(418, tree), "ConfigMap/a", "get", secret=False), Refused)
