"""The mask of one resource: which places are secret, which texts, and what stays readable."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import Any

import pytest

from bot.drift.masking import HIDDEN, Mask, digest, name_in, owner_of
from bot.drift.shapes import ANY
from bot.model.json import JSON, Tree
from bot.model.paths import Item, Path, parse_path
from tests.table import table

KEY = b"a key for tests"
SECRET = "Tr0ub4dor&3x"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def mask(kind: str = "Deployment", *trees: Tree, key: bytes = KEY, **fields: Any) -> Mask:
    return Mask(key, kind=kind, trees=trees, **fields)


def hidden(value: JSON) -> str:
    return digest(value, KEY)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_digest_is_of_the_value_and_of_the_key() -> None:
    """Without a key there is none; what is no text counts by what it says and not by its order."""
    assert digest("x", b"") == "(hidden)" == HIDDEN
    assert hidden({"a": 1, "b": 2}) == hidden({"b": 2, "a": 1}) != hidden({"a": 1, "b": 3})
    assert hidden("\ud800") != hidden("x")
    assert hidden("x").removeprefix("hmac-sha256:") == "ad1ff874"  # by openssl dgst -sha256 -hmac


@table(
    ("kind", "path", "value", "secret"),
    [
        ("Deployment", "spec.replicas", 2, False),
        ("Deployment", "spec.password", SECRET, True),
        ("Deployment", "spec.password", 123456, True),
        ("Deployment", "spec.password", True, False),
        ("Deployment", "spec.password", "", False),
        ("Deployment", "spec.password", "${PASSWORD}", False),
        ("Deployment", "spec.passwordFile", SECRET, False),
        ("Deployment", "env[PASSWORD].value", SECRET, True),
        ("Deployment", "env[USER].value", SECRET, False),
        ("Deployment", "env[PASSWORD]", "x", True),
        ("Deployment", "env[PASSWORD]", 5, False),
        ("Deployment", "a.b", GITHUB, True),
        ("Deployment", "binaryData.a", encoded(f"token: {GITHUB}"), True),
        ("Deployment", "binaryData.a", encoded("nothing"), False),
        ("Deployment", "binaryData.a", "no base64!", False),
        ("Deployment", "other.a", encoded(f"token: {GITHUB}"), False),
        ("Secret", "data.a", "eA==", True),
        ("Secret", "data", {"a": "eA=="}, True),
        ("Secret", "stringData.a", "x", True),
        ("Secret", "binaryData.a", "x", True),
        ("Secret", "content", "x", True),
        ("Secret", "metadata.labels.a", "x", False),
        ("Secret", "type", "Opaque", False),
        ("secret", "content", "x", True),
        ("ConfigMap", "data.a", "x", False),
        ("ExternalSecret", "spec.target.template.data.a", "x", True),
        ("ExternalSecret", "spec.data.a", "x", False),
        ("ExternalSecret", "spec.data.template", "x", False),
        ("SealedSecret", "spec.template.data", {"a": "x"}, True),
        ("Deployment", "spec.template.data.a", "x", False),
    ],
)
def test_a_place_is_secret_by_its_name_its_kind_and_its_look(
    kind: str, path: str, value: JSON, *, secret: bool
) -> None:
    """The value is then its digest, and it is said that something was hidden."""
    shown, was_hidden = mask(kind)(value, parse_path(path), ANY)
    assert was_hidden is secret
    assert shown == (hidden(value) if secret else value)


def test_what_is_hidden_as_a_whole() -> None:
    """Whatever it is; null is nothing to hide, but a drift about it is still one about a secret."""
    assert mask()(5, ("a",), ANY, is_whole=True) == (hidden(5), True)
    assert mask()(None, ("a",), ANY, is_whole=True) == (None, True)
    assert mask()(None, ("password",), ANY) == (None, False)
    assert mask()("x", (), ANY) == ("x", False)
    assert mask()(SECRET, ("env", Item("b"), "value"), ANY, owner="DB_PASSWORD") == (hidden(SECRET), True)
    assert mask()({"b": 1, "a": ["x"]}, ("a",), ANY, is_whole=True)[0] == hidden({"a": ["x"], "b": 1})


@table(
    ("value", "shown"),
    [
        ({"password": SECRET, "user": "u"}, {"password": hidden(SECRET), "user": "u"}),
        ({"password": ""}, {"password": ""}),
        ({"password": 123456}, {"password": hidden(123456)}),
        ({"password": True}, {"password": True}),
        ({"password": None}, {"password": None}),
        ({"name": "PASSWORD", "value": SECRET}, {"name": "PASSWORD", "value": hidden(SECRET)}),
        ({"key": "PASSWORD", "value": SECRET}, {"key": "PASSWORD", "value": hidden(SECRET)}),
        ({"name": "USER", "value": SECRET}, {"name": "USER", "value": SECRET}),
        ({"name": 1, "value": SECRET}, {"name": 1, "value": SECRET}),
        ({"key": SECRET}, {"key": SECRET}),
        ({"a": {"b": [{"token": SECRET}]}}, {"a": {"b": [{"token": hidden(SECRET)}]}}),
        (MappingProxyType({"token": SECRET}), {"token": hidden(SECRET)}),
        (["--password", SECRET], ["--password", hidden(SECRET)]),
        (("--password", SECRET), ["--password", hidden(SECRET)]),
        (["--password", 12345678], ["--password", hidden(12345678)]),
        ([{"a": "--password"}, {"b": "x"}], [{"a": "--password"}, {"b": "x"}]),
        (["a", 1, None, {"token": SECRET}], ["a", 1, None, {"token": hidden(SECRET)}]),
        ({"secrets": [SECRET]}, {"secrets": [SECRET]}),
        ({"passwords": [SECRET]}, {"passwords": [hidden(SECRET)]}),
        ({"data": {"a": "x"}}, {"data": {"a": "x"}}),
        (GITHUB, hidden(GITHUB)),
        (5, 5),
        (None, None),
    ],
)
def test_what_is_secret_inside_of_a_value_is_hidden(value: JSON, shown: JSON) -> None:
    """And nothing else of it; the value is as it was where nothing is."""
    assert mask()(value, ("spec",), ANY) == (
        shown,
        shown != value and not (isinstance(value, tuple) and value == shown),
    )


def test_all_data_of_a_secret_is_hidden_wherever_it_begins() -> None:
    """The whole object shows its labels and hides its data; null is nothing."""
    tree: Tree = {"metadata": {"labels": {"a": "x"}}, "data": {"a": "eA=="}, "stringData": {"b": "y"}}
    shown, was_hidden = mask("Secret")(tree, (), ANY)
    assert was_hidden
    assert shown == {
        "metadata": {"labels": {"a": "x"}},
        "data": hidden({"a": "eA=="}),
        "stringData": hidden({"b": "y"}),
    }
    assert mask("Secret")({"data": None}, (), ANY) == ({"data": None}, False)
    assert mask("ConfigMap")(tree, (), ANY) == (tree, False)


def env(name: str, value: JSON) -> Tree:
    return {"spec": {"env": [{"name": name, "value": value}]}}


@table(
    ("tree", "text", "shown"),
    [
        (env("DB_PASSWORD", SECRET), f"x {SECRET} y", f"x {hidden(SECRET)} y"),
        (env("DB_PASSWORD", SECRET), f"x{SECRET}y", f"x{hidden(SECRET)}y"),
        (env("DB_PASSWORD", SECRET), encoded(SECRET), hidden(encoded(SECRET))),
        (env("DB_PASSWORD", SECRET), "Tr0ub4dor%263x", hidden("Tr0ub4dor%263x")),
        (env("DB_USER", SECRET), SECRET, SECRET),
        (env("DB_PASSWORD", "abc"), "abc", "abc"),
        (env("DB_PASSWORD", "abcd"), "abcd", hidden("abcd")),
        (env("DB_PASSWORD", "abcd"), "xabcdx", "xabcdx"),
        (env("DB_PASSWORD", "abcd"), "-pabcd", f"-p{hidden('abcd')}"),
        (env("DB_PASSWORD", "abcd"), "x-abcd.", f"x-{hidden('abcd')}."),
        (env("DB_PASSWORD", "abcdefg"), "xabcdefgx", "xabcdefgx"),
        (env("DB_PASSWORD", "abcdefgh"), "xabcdefghx", f"x{hidden('abcdefgh')}x"),
        (env("DB_PASSWORD", "12345"), "12345", "12345"),
        (env("DB_PASSWORD", "123456"), "123456", hidden("123456")),
        (env("DB_PASSWORD", "true"), "true", "true"),
        (env("DB_PASSWORD", "required"), "required", "required"),
        (env("DB_PASSWORD", "Shop"), "Shop", "Shop"),
        (env("DB_PASSWORD", "front"), "front", "front"),
        (env("DB_PASSWORD", "one-line-key\nsecond-line\n short"), "second-line", hidden("second-line")),
        (env("DB_PASSWORD", "one-line-key\nsecond-line\n short"), "short", "short"),
        ({"environment": [f"DB_PASSWORD={SECRET}"]}, SECRET, hidden(SECRET)),
        ({"environment": [f"DB_USER={SECRET}"]}, SECRET, SECRET),
        ({"labels": [f"DB_PASSWORD={SECRET}"]}, SECRET, SECRET),
        ({"environment": {"DB_PASSWORD": SECRET}}, SECRET, hidden(SECRET)),
        ({"image": "postgres:16", **env("DB_PASSWORD", "postgres")}, "postgres", "postgres"),
        ({"a": [{"image": "Repo/Word"}], **env("DB_PASSWORD", "word")}, "word", "word"),
        ({"note": "postgres", **env("DB_PASSWORD", "postgres")}, "postgres", hidden("postgres")),
    ],
)
def test_a_secret_of_the_resource_is_hidden_wherever_it_stands(tree: Tree, text: str, shown: str) -> None:
    """As it is, in base64 and in a URL; not where it is a word that is said openly or that means nothing."""
    own = mask("Deployment", tree, names=("Shop", "web-front"))
    assert own.without_known(text) == shown
    assert own(text, ("note",), ANY) == (shown, shown != text)


def test_the_longest_secret_is_hidden_first() -> None:
    """One that begins another does not leave its rest in the open."""
    tree = {"password": "abcdefgh", "token": "abcdefgh-rest-of-it"}
    assert mask("Deployment", tree).without_known("abcdefgh-rest-of-it") == hidden("abcdefgh-rest-of-it")


def test_what_a_source_calls_sensitive_is_hidden_on_both_sides() -> None:
    """Every text below the place, in both trees; places that are not there hide nothing."""
    first, second = {"plain": {"a": ["swordfish-one"]}}, {"plain": {"a": ["swordfish-two"]}}
    own = mask("Deployment", first, second, sensitive=[("plain",), ("none", 0), ("plain", "a", 7)])
    assert own.without_known("swordfish-one swordfish-two") == f"{hidden('swordfish-one')} {hidden('swordfish-two')}"
    assert mask("Deployment", first).without_known("swordfish-one") == "swordfish-one"
    one = mask("Deployment", {"l": ["swordfish-one", "swordfish-two"]}, sensitive=[("l", 1)])
    assert one.without_known("swordfish-one swordfish-two") == f"swordfish-one {hidden('swordfish-two')}"


def test_the_text_behind_the_data_of_a_secret_is_hidden() -> None:
    """Data are base64, and other places may be; what they encode is what programs print."""
    tree = {"data": {"a": encoded("swordfish-one")}}
    assert mask("Secret", tree).without_known("x swordfish-one") == f"x {hidden('swordfish-one')}"
    assert mask("ConfigMap", tree).without_known("x swordfish-one") == "x swordfish-one"
    variables = env("DB_PASSWORD", encoded("swordfish-one"))
    assert mask("Deployment", variables).without_known("x swordfish-one") == f"x {hidden('swordfish-one')}"


def test_what_is_no_text_and_no_mapping_names_nothing() -> None:
    """An image that is a number, and an element that is a text beside one that has a name."""
    assert mask("Deployment", {"image": 16, **env("DB_PASSWORD", SECRET)}).without_known(SECRET) == hidden(SECRET)
    tree: Tree = {"env": ["A=1", {"name": "A", "value": "x"}]}
    assert owner_of(tree, ("env", Item("A"), "value")) == "A"


def test_a_text_is_redacted_by_its_look_too() -> None:
    """A token that no place of the resource holds."""
    assert mask().redact(f"x {GITHUB}") == f"x {hidden(GITHUB)}"
    own = mask("Deployment", env("DB_PASSWORD", SECRET))
    assert own.redact(f"{SECRET} {GITHUB}") == f"{hidden(SECRET)} {hidden(GITHUB)}"
    assert mask().without_known(f"x {GITHUB}") == f"x {GITHUB}"
    assert mask(key=b"").redact(f"x {GITHUB}") == f"x {HIDDEN}"


@pytest.mark.parametrize(
    ("mapping", "key", "name"),
    [
        ({"name": "A", "value": 1}, "value", "A"),
        ({"key": "A", "value": 1}, "value", "A"),
        ({"name": "A", "key": "B"}, "value", "A"),
        ({"name": 1, "key": "B"}, "value", "value"),
        ({}, "value", "value"),
        ({"name": "A"}, "other", "other"),
    ],
)
def test_a_value_is_called_what_the_name_beside_it_says(mapping: Tree, key: str, name: str) -> None:
    """Anything else what its key says."""
    assert name_in(mapping, key) == name


TREE: JSON = {"env": [{"name": "A", "value": 1}, {"value": 2}], "m": {"name": "B", "value": 3}, "t": "x"}


@table(
    ("path", "owner"),
    [
        (("env", 0, "value"), "A"),
        (("env", Item("A"), "value"), "A"),
        (("env", "A", "value"), "A"),
        (("env", -2, "value"), "A"),
        (("env", 1, "value"), ""),
        (("env", 2, "value"), ""),
        (("env", -3, "value"), ""),
        (("env", Item("B"), "value"), ""),
        (("m", "value"), "B"),
        (("m", "name"), ""),
        (("m", 0, "value"), ""),
        (("t", "value"), ""),
        (("none", "value"), ""),
        (("value",), ""),
        ((), ""),
    ],
)
def test_the_owner_of_a_value_is_the_name_beside_it(path: Path, owner: str) -> None:
    """Whatever leads there: an index, a key of a list, a key; empty where nothing does."""
    assert owner_of(TREE, path) == owner
