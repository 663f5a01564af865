"""Variables as Flux substitutes them; the forms and their results are those of ``envsubst`` in fluxcd/pkg."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.json import JSON
from bot.renderers.opaque import opaque, unresolved
from bot.renderers.substitution import substituted
from tests.table import table

VALUES: dict[str, JSON] = {
    "name": "Web-One",
    "n": "8080",
    "empty": "",
    "path": "a/b/c.tar.gz",
    "on": "true",
    "other": "name",
}


def one(written: JSON, *, known: bool = True) -> JSON:
    """What one text of an object becomes."""
    return substituted({"value": written}, VALUES, complete=known)["value"]


@table(
    ("written", "expected"),
    [
        ("${name}", "Web-One"),
        ("x-${name}-y", "x-Web-One-y"),
        ("${missing}", None),
        ("x${missing}", "x"),
        ("${n}", 8080),
        ("1${n}", 18080),
        ("${on}", True),
        ("x${n}", "x8080"),
        (" ${n}", " 8080"),
        ("'${n}'", "'8080'"),
        ("line\n${n}", "line\n8080"),
        ("${missing:-5}", 5),
        ("${missing:=a b}", "a b"),
        ("${missing=a}", "a"),
        ("${empty:-a}", "a"),
        ("${empty=a}", "a"),
        ("${name:-a}", "Web-One"),
        ("${missing:-${n}}", 8080),
        ("${missing:-${none:-x}}", "x"),
        ("${#name}", 7),
        ("${name^^}", "WEB-ONE"),
        ("${name,,}", "web-one"),
        ("${name,}", "web-One"),
        ("${other^}", "Name"),
        ("${name:4}", "One"),
        ("${name:0:3}", "Web"),
        ("${name:1:-1}", "eb-On"),
        ("${name:9}", None),
        ("${name#W*-}", "One"),
        ("${path#*.}", "tar.gz"),
        ("${path##*/}", "c.tar.gz"),
        ("${name%-*}", "Web"),
        ("${n%%0*}", 8),
        ("${name/e/E}", "WEb-One"),
        ("${name//e/E}", "WEb-OnE"),
        ("${name/#Web/App}", "App-One"),
        ("${name/%One/Two}", "Web-Two"),
        ("${path//\\//-}", "a-b-c.tar.gz"),
        ("$name", "$name"),
        ("$${name}", "${name}"),
        ("$$name", "$name"),
        ("cost: $5", "cost: $5"),
        ("${empty}", None),
    ],
)
def test_forms_come_to_what_flux_makes_of_them(written: str, expected: JSON) -> None:
    """Each form, read again as YAML where it stands unquoted."""
    assert one(written) == expected


@table(
    "written", ["${a.b}", "${}", "${name", "${name-x}", "${name!}", "${ name }", "${name/x}", "${a b}", "${missing:-[}"]
)
def test_what_flux_refuses_is_invalid(written: str) -> None:
    """A form that Flux cannot read, or a result that is no YAML, is an error and not a text."""
    with pytest.raises(Invalid):
        one(written)


def test_keys_are_substituted_too_and_stay_text() -> None:
    """Names of entries are text, whatever their variables hold."""
    assert substituted({"a": {"${n}": "x"}}, VALUES, complete=True) == {"a": {"8080": "x"}}


def test_unknown_variables_stay_where_not_all_are_known() -> None:
    """A variable without value stays as it is written, and says where, if the cluster may know it."""
    tree = substituted({"a": ["${missing}", "${name}", "${missing:-x}"]}, VALUES, complete=False)
    assert tree == {"a": ["${missing}", "Web-One", "${missing:-x}"]}
    assert list(unresolved(tree)) == [("a", 0), ("a", 2)]


@pytest.mark.parametrize("part", ["annotations", "labels"])
def test_an_object_may_refuse(part: str) -> None:
    """The annotation or label leaves the object as it is."""
    tree: JSON = {"metadata": {part: {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}}, "a": "${name}"}
    assert isinstance(tree, dict)
    assert substituted(tree, VALUES, complete=True) == tree


@given(st.text(alphabet="${}ab:-=/#%^,.\\n 1", max_size=24))
def test_no_text_breaks_it(written: str) -> None:
    """Any text comes to a value or to an error that says so."""
    try:
        one(written)
    except Invalid as exc:
        assert exc.message  # noqa: PT017 - either way is right


@pytest.mark.parametrize(
    ("tree", "pointers"),
    [
        ({"data": {"a": "ENC[AES256_GCM,data:x]", "b": "plain"}, "sops": {"mac": "x"}}, [("data", "a"), ("sops",)]),
        ({"data": {"a": "<path:kv/data/x#key>", "b": "<key>", "c": "a <b> c"}}, [("data", "a"), ("data", "b")]),
        ({"kind": "Secret", "data": {"a": "az1FTkNbQUVTMjU2X0dDTSxkYXRhOnhd", "b": "!"}}, [("data", "a")]),
        ({"kind": "ConfigMap", "data": {"a": "az1FTkNbQUVTMjU2X0dDTSxkYXRhOnhd"}}, []),
        ({"spec": {"list": [{"a": "<x | base64>"}]}}, [("spec", "list", 0, "a")]),
    ],
)  # fmt: skip
def test_what_is_not_shown_is_known(tree: dict[str, JSON], pointers: list[tuple[str | int, ...]]) -> None:
    """Encrypted values and placeholders of plug-ins are named by pointer; angle brackets in a text are none."""
    assert sorted(opaque(tree)) == pointers
