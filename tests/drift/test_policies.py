"""Access policies in JSON, compared by what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.drift.policies import parsed, same
from tests.table import table


def policy(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


CASES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    (policy(Action=["a:B", "a:C"]), policy(Action=["a:C", "a:B"]), True),
    (policy(Action="a:B"), policy(Action=["a:B"]), True),
    (policy(Action="a:B"), policy(Action="A:b"), True),
    (policy(Action="a:B"), policy(Action="a:C"), False),
    (policy(Resource=["x", "y"]), policy(Resource=["y", "x"]), True),
    (policy(Resource="x"), policy(Resource="X"), False),
    (policy(NotAction=["a", "b"]), policy(NotAction=["b", "a"]), True),
    (policy(NotResource="a"), policy(NotResource=["a"]), True),
    (policy(Principal={"AWS": ["1", "2"]}), policy(Principal={"AWS": ["2", "1"]}), True),
    (policy(Principal={"AWS": "arn:aws:iam::123456789012:root"}), policy(Principal={"AWS": "123456789012"}), True),
    (policy(Principal="*"), policy(Principal={"AWS": "*"}), True),
    (policy(Principal={"AWS": "1"}), policy(Principal={"Service": "1"}), False),
    (policy(Condition={"StringEquals": {"aws:x": "a"}}), policy(Condition={"StringEquals": {"AWS:x": ["a"]}}), True),
    (
        policy(Condition={"StringEquals": {"k": ["a", "b"]}}),
        policy(Condition={"StringEquals": {"k": ["b", "a"]}}),
        False,
    ),
    (policy(Condition={"Bool": {"k": True}}), policy(Condition={"Bool": {"k": "true"}}), True),
    (
        policy(Condition={"StringEquals": {"aws:k": "a", "AWS:k": "b"}}),
        policy(Condition={"StringEquals": {"aws:k": "b"}}),
        False,
    ),
    (
        policy(Condition={"StringEquals": {"aws:k": "a", "AWS:k": "b"}}),
        policy(Condition={"StringEquals": {"AWS:K": "b", "aws:k": "a"}}),
        True,
    ),
    (policy(Condition={"Bool": {"k": True}}), policy(Condition={"Bool": {"k": 1}}), False),
    (policy(Condition={"Bool": "k"}), policy(Condition={"Bool": "k"}, Sid=""), True),
    (policy(Condition={"Bool": "k"}), policy(Condition={"Bool": ["k"]}), False),
    (policy(Condition={"NumericEquals": {"k": 1}}), policy(Condition={"NumericEquals": {"k": "1"}}), True),
    ({"enabled": True}, {"enabled": 1}, False),
    ({"enabled": [False]}, {"enabled": [0]}, False),
    ({"size": 1.0}, {"size": 1}, True),
    (policy(Sid=""), policy(), True),
    (policy(Condition={}), policy(), True),
    (policy(Effect="Deny"), policy(), False),
    ({"Statement": {"Effect": "Allow", "Action": "a"}}, {"Statement": [{"Effect": "Allow", "Action": ["a"]}]}, True),
    (
        {"Statement": [{"Effect": "Allow", "Sid": "1"}, {"Effect": "Deny", "Sid": "2"}]},
        {"Statement": [{"Effect": "Deny", "Sid": "2"}, {"Effect": "Allow", "Sid": "1"}]},
        True,
    ),
    ({"Action": ["a", "b"]}, {"Action": ["b", "a"]}, False),  # no policy
]


@table(("one", "other", "equal"), CASES)
def test_policies_compare_by_meaning(one: dict[str, Any], other: dict[str, Any], *, equal: bool) -> None:
    """In either direction."""
    assert same(one, other) is equal
    assert same(other, one) is equal
    assert same(one, one)


def test_what_is_no_policy_compares_as_json() -> None:
    """Lists, texts, numbers."""
    assert same([1], [1])
    assert not same([1, 2], [2, 1])
    assert not same("a", {"Statement": []})


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{", "[" * 101 + "]" * 101, "[" * 100_000])
def test_what_cannot_be_compared_is_an_error(text: str) -> None:
    """A key that stands there twice, no JSON, and what nests so deeply that walking down would end the program."""
    with pytest.raises(ValueError, match=r".+"):
        parsed(text)


def test_what_is_read_is_json() -> None:
    """Brackets of texts count for nothing, and a hundred others may be open."""
    many = "[" * 500
    value = {"a": [many + '"{']}
    assert parsed(json.dumps(value)) == value
    assert parsed("[" * 100 + "]" * 100)
