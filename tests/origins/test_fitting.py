"""What a written value must become, by text alone; and edits of objects as edits of documents that say part of them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.edits.values import applied, same
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Tree
from bot.origins.fitting import CONTAINS, Fit, ImageReference, fit
from bot.origins.leaves import documents, leaves, line_of, words_of
from bot.origins.manifests import extended, position, translated
from bot.origins.operations import operation, patch_text
from tests.origins.templater import edit_of, tree_of
from tests.table import table


@table(
    ("leaf", "old", "new", "expected"),
    [
        ("info", "info", "debug", Fit("debug", 0)),
        (3, 3, 5, Fit(5, 0)),
        (True, True, False, Fit(False, 0)),
        (8080, "8080", "9090", Fit(9090, 1)),
        (8080, "8080", "http", Fit("http", 1)),
        ("8080", 8080, 9090, Fit("9090", 1)),
        (True, "true", "false", Fit(False, 1)),
        ("1.0", "shop/web:1.0", "shop/web:1.1", Fit("1.1", 2)),
        ("shop/web", "shop/web:1.0", "mirror/web:1.0", Fit("mirror/web", 2)),
        ("shop/web", "shop/web:1.0", "shop/web:1.1", None),
        ("example", "https://www.example/shop", "https://www.other/shop", Fit("other", 2)),
        (9113, "--port=9113", "--port=9114", Fit(9114, CONTAINS)),
        ("LOG=info", "info", "debug", Fit("LOG=debug", CONTAINS)),
        ("info info", "info", "debug", None),
        ("x", "y", "z", None),
        ("shop", "c2hvcA==", "YWRtaW4=", Fit("admin", 2)),
        ("user=shop", "c2hvcA==", "YWRtaW4=", Fit("user=admin", CONTAINS)),
        ("shop", "c2hvcA==", "not base64", None),
        (None, None, "x", None),
        ("a", None, "x", None),
        ({"a": 1}, {"a": 1}, {"a": 2}, None),
        (1, True, False, None),
    ],
)
def test_a_leaf_fits_a_change(leaf: JSON, old: JSON, new: JSON, expected: Fit | None) -> None:
    """A leaf is the value, a part of it, holds it or is what it encodes; else it does not fit."""
    made = fit(leaf, old, new)
    assert made == expected
    assert expected is None or made is None or type(made.value) is type(expected.value)


@settings(max_examples=200)
@given(st.text("ab:/", min_size=1), st.text("ab:/"), st.text("ab:/"), st.text("ab:/", min_size=1))
def test_a_part_is_put_where_it_was(leaf: str, before: str, after: str, other: str) -> None:
    """Where a leaf is a part of the rendered text, the new leaf in its place makes the new text."""
    old, new = before + leaf + after, before + other + after
    made = fit(leaf, old, new)
    if made is not None and made.distance == 2:
        starts = [i for i in range(len(old)) if old.startswith(leaf, i)]
        assert new in {old[:start] + str(made.value) + old[start + len(leaf) :] for start in starts}


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("nginx", "", "")),
        ("nginx:1.25", ("nginx", "1.25", "")),
        ("localhost:5000/shop/web", ("localhost:5000/shop/web", "", "")),
        ("localhost:5000/shop/web:v1@sha256:ab", ("localhost:5000/shop/web", "v1", "sha256:ab")),
    ],
)
def test_an_image_reference_has_three_parts(reference: str, parts: tuple[str, str, str]) -> None:
    """A colon before the last slash belongs to the registry."""
    assert ImageReference.of(reference) == ImageReference(*parts)


RENDERED: Tree = {
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "containers": [
            {"name": "proxy", "image": "proxy:1"},
            {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        ]
    },
}
PATCH: Tree = {
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "env": [{"name": "B", "value": "2"}]}]},
}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            SetValue(("spec", "containers", 1, "env", 1, "value"), "3"),
            SetValue(("spec", "containers", 0, "env", 0, "value"), "3"),
        ),
        (SetValue(("spec", "containers", 1, "image"), "web:2"), SetValue(("spec", "containers", 0, "image"), "web:2")),
        (SetValue(("spec", "containers", 0, "image"), "proxy:2"), None),
        (RemoveEntry(("spec", "containers", 1, "env", 1)), RemoveEntry(("spec", "containers", 0, "env", 0))),
        (RemoveEntry(("metadata", "labels", "app")), None),
        (AddEntry(("metadata", "labels"), "tier", "x"), AddEntry(("metadata", "labels"), "tier", "x")),
    ],
)
def test_an_edit_is_translated_by_the_names_of_elements(edit: Edit, expected: Edit | None) -> None:
    """Containers and variables stand elsewhere in a patch; what the patch does not say cannot be taken from it."""
    assert translated(edit, RENDERED, PATCH) == expected


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            SetValue(("spec", "containers", 0, "image"), "proxy:2"),
            AddEntry(("spec", "containers"), None, {"name": "proxy", "image": "proxy:2"}),
        ),
        (
            SetValue(("spec", "containers", 1, "env", 0, "value"), "0"),
            AddEntry(("spec", "containers", 0, "env"), None, {"name": "A", "value": "0"}),
        ),
        (AddEntry(("metadata", "labels"), "tier", "x"), AddEntry(("metadata", "labels"), "tier", "x")),
        (RemoveEntry(("spec", "containers", 0, "image")), None),
    ],
)
def test_a_patch_says_more_by_name(edit: Edit, expected: Edit | None) -> None:
    """What a strategic merge patch must say more has the names of its list elements, and nothing else of them."""
    assert extended(edit, RENDERED, PATCH) == expected


def test_an_element_without_a_match_has_no_position() -> None:
    """Neither an element of another name nor one that two share is taken for the same."""
    twice = {"spec": {"containers": [{"name": "web"}, {"name": "web"}]}}
    assert position(("spec", "containers", 1, "image"), RENDERED, twice) is None
    assert position(("spec", "containers", 0, "image"), RENDERED, PATCH) is None


@table(
    "edit",
    [
        SetValue(("spec", "containers", 1, "env", 1, "value"), "yes"),
        SetValue(("metadata", "labels"), {"a/b": "c~d"}),
        AddEntry(("metadata", "labels"), "a/b~c", "1"),
        AddEntry(("metadata", "annotations"), "note", "x: y # z"),
        AddEntry(("spec", "containers", 1, "env"), None, {"name": "C", "value": "3"}),
        AddEntry(("spec", "containers", 0, "env"), None, {"name": "C", "value": "3"}),
        AddEntry(("status", "deep"), "down", [1, 2]),
        RemoveEntry(("spec", "containers", 0)),
    ],
)
def test_an_operation_does_what_the_edit_does(edit: Edit) -> None:
    """The text of a patch, read and carried out as RFC 6902 says, comes to the same as the edit."""
    (step,) = yaml.safe_load(patch_text(operation(edit, RENDERED)))
    assert same(applied(RENDERED, edit_of(step)), applied(RENDERED, edit))


def test_encrypted_files_have_no_leaves() -> None:
    """A file that SOPS encrypted has a checksum over its values: none of them is offered for an edit."""
    plain = tree_of({"a.yaml": "a: 1\n", "b.yaml": "a: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[x]\n"})
    assert [leaf.document.file for leaf in leaves(documents(plain, ["a.yaml", "b.yaml"]))] == ["a.yaml"]


def test_leaves_know_their_names_and_lines() -> None:
    """A leaf inside of a text is reached through it, and list elements are called by their names."""
    text = (
        "kind: Kustomization\npatches:\n  - target: {name: web}\n    patch: |-\n"
        "      - op: replace\n        path: /spec/size\n        value: 3\n"
    )
    (document,) = documents(tree_of({"kustomization.yaml": text}), ["kustomization.yaml"])
    leaf = next(leaf for leaf in leaves([document]) if leaf.value == 3)
    assert leaf.terms[-3:] == ("spec", "size", "value")
    assert leaf.pointer == (0, "value")
    assert line_of("kustomization.yaml", text.encode(), 0, *leaf.texts, leaf.pointer) == 7
    assert words_of(RENDERED, ("spec", "containers", 1, "env", 0, "value")) == (
        "spec",
        "containers",
        "web",
        "env",
        "A",
        "value",
    )
