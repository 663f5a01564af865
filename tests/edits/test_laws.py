"""What is true of every edit of YAML, JSON and HCL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.edits.adopt import adopt
from bot.edits.hcl import replaced
from bot.edits.hcl_nodes import node_at
from bot.edits.hcl_text import written
from bot.edits.plain import edited
from bot.edits.values import applied, ordered, same, steps
from bot.errors import Refused
from bot.intake.cw import literal_value, parse
from bot.intake.scalars import Dialect
from bot.intake.spans import locate, value
from bot.intake.terraform import read_terraform
from bot.intake.text import Text
from bot.intake.yamlspans import span_trees
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer
from tests.corpus import cases

K = Dialect.KUBERNETES
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | st.sampled_from(
    ["yes", "1e3", "0x10", "null", "~", "", "12:30", "2024-01-01", "- x", "a: b", "a #b", "#", "*a", "&a", "'q'", '"q"', "=",
     "a\nb\n", "a\nb", "\n", " x", "x ", "{a}", "[b]", "a,b", "on", "1_0", "---", "%x", "@x", "`x", "x:", "?x", "-", "${x}",
     "%{x}", "trail\n\n", "  lead\nx\n", "tab\tx", "é\u2028x", "\u0085"]
)  # fmt: skip
SCALAR = (
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
KEY = st.text("abk.-/_1é ", min_size=1, max_size=5) | st.sampled_from(["on", "1", "a: b", "x y"])
Nested: TypeAlias = st.SearchStrategy[JSON]
TREE: Nested = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=8
)
ROOT = st.dictionaries(KEY, TREE, min_size=1, max_size=4)


def pointers_in(tree: JSON, at: Pointer = ()) -> list[Pointer]:
    pointers = [at] if at else []
    if isinstance(tree, dict):
        for key, child in tree.items():
            pointers += pointers_in(child, (*at, key))
    if isinstance(tree, list):
        for index, child in enumerate(tree):
            pointers += pointers_in(child, (*at, index))
    return pointers


def plain(data: bytes, file: str) -> JSON:
    if file.endswith(".json"):
        loaded: JSON = json.loads(data)
        return loaded
    root = span_trees(Text.of(file, data))[0]
    return None if root is None else value(root, K)


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, bytes]:
    """A YAML or JSON file in one of many hands."""
    tree = draw(ROOT)
    hand = draw(st.sampled_from(["block", "flow", "mixed", "json", "pretty"]))
    if hand in {"json", "pretty"}:
        return "f.json", json.dumps(
            tree, indent=2 if hand == "pretty" else None, ensure_ascii=draw(st.booleans())
        ).encode()
    text = yaml.safe_dump(
        tree,
        default_flow_style={"block": False, "flow": True, "mixed": None}[hand],
        indent=draw(st.integers(2, 4)),
        default_style=draw(st.sampled_from([None, '"', "'"])),
        allow_unicode=draw(st.booleans()),
        sort_keys=False,
    )
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    commented = (
        text.replace("\n", " # c\n") if draw(st.booleans()) and hand == "flow" and "\n" not in text[:-1] else text
    )
    return "f.yaml", (draw(st.sampled_from(["", "\ufeff"])) + commented.replace("\n", ending)).encode()


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=80, deadline=None)
@given(sources(), TREE, st.data())
def test_an_edit_reads_back_as_intended_and_leaves_the_rest_alone(
    source: tuple[str, bytes], new: JSON, data: st.DataObject
) -> None:
    """Whatever the file and the edit: the new text reads as the old value with the edit applied, or it is refused."""
    file, content = source
    before = plain(content, file)
    assume(isinstance(before, dict) and pointers_in(before))
    pointer = data.draw(st.sampled_from(pointers_in(before)))
    kind = data.draw(st.sampled_from(["set", "add", "append", "remove"]))
    edit: Edit
    if kind == "set":
        edit = SetValue(pointer, new)
    elif kind == "remove":
        edit = RemoveEntry(pointer)
    else:
        edit = (
            AddEntry(pointer[:-1], data.draw(KEY), new)
            if isinstance(pointer[-1], str)
            else AddEntry(pointer[:-1], None, new)
        )
    after = edited(file, content, [edit], document=0, dialect=K)
    assert same(plain(after, file), applied(before, edit))
    assert content.startswith(b"\xef\xbb\xbf") == after.startswith(b"\xef\xbb\xbf")


@settings(max_examples=60, deadline=None)
@given(sources(), SCALAR, st.data())
def test_changing_one_scalar_changes_only_its_own_bytes(
    source: tuple[str, bytes], new: JSON, data: st.DataObject
) -> None:
    """All bytes before and after the value's span survive."""
    file, content = source
    assume(file == "f.yaml")
    text = Text.of(file, content)
    root = span_trees(text)[0]
    assume(root is not None)
    assert root is not None
    scalars = [
        pointer for pointer in pointers_in(value(root, K)) if not isinstance(_at(value(root, K), pointer), (dict, list))
    ]
    assume(scalars)
    pointer = data.draw(st.sampled_from(scalars))
    node = locate(root, pointer).node
    after = edited(file, content, [SetValue(pointer, new)], document=0, dialect=K)
    assert after.startswith(content[: text.byte(node.head)])
    assert after.endswith(content[text.byte(node.end) :].lstrip(b"\r\n "))


def _at(tree: JSON, pointer: Pointer) -> JSON:
    for part in pointer:
        tree = tree[part]  # type: ignore[index]
    return tree


@settings(max_examples=60, deadline=None)
@given(st.lists(ROOT, min_size=2, max_size=4), SCALAR, st.booleans(), st.data())
def test_an_edit_of_one_document_leaves_those_beside_it_alone(
    trees: list[dict[str, JSON]], new: JSON, dots: bool, data: st.DataObject
) -> None:
    """Every byte of them survives, comments between them included, whatever the new value is."""
    texts = [yaml.safe_dump(tree, sort_keys=False) + f"# after {at}\n" for at, tree in enumerate(trees)]
    content = ("...\n---\n" if dots else "---  # next\n").join(texts).encode()
    document = data.draw(st.integers(0, len(trees) - 1))
    before = value_of(content, document)
    key = data.draw(st.sampled_from([*before]))
    after = edited("f.yaml", content, [SetValue((key,), new)], document=document, dialect=K)
    assert same(value_of(after, document), {**before, key: new})
    for at, text in enumerate(texts):
        assert at == document or text.encode() in after
    assert len(span_trees(Text.of("f.yaml", after))) == len(trees)


def value_of(content: bytes, document: int) -> dict[str, JSON]:
    root = span_trees(Text.of("f.yaml", content))[document]
    assert root is not None
    tree = value(root, K)
    assert isinstance(tree, dict)
    return tree


@pytest.mark.parametrize(
    ("content", "document", "after"),
    [
        ("a: 1\n---\na: 2\n---\na: 3\n", 1, "a: 1\n---\na: x\n---\na: 3\n"),
        ("---\na: 1\n---\na: 2", 1, "---\na: 1\n---\na: x"),
        ("# b\n---\na: 1\n--- # c\na: 2\n", 0, "# b\n---\na: x\n--- # c\na: 2\n"),
        ("--- {a: 1}\n--- {a: 2}\n--- {a: 3}\n", 1, "--- {a: 1}\n--- {a: x}\n--- {a: 3}\n"),
        ("a: 1\r\n---\r\na: 2\r\n", 0, "a: x\r\n---\r\na: 2\r\n"),
        ("a: |\n  ---\n---\na: 2\n", 1, "a: |\n  ---\n---\na: x\n"),
        ("---\n---\na: 2\n---\na: 3\n", 1, "---\n---\na: x\n---\na: 3\n"),
        ("a: &b 1\n---\na: *b\n---\na: 3\n", 2, "a: &b 1\n---\na: *b\n---\na: x\n"),
        ("a: 1\n...\n%YAML 1.1\n---\na: 2\n", 1, "a: 1\n...\n%YAML 1.1\n---\na: x\n"),
        ("--- |\n--- no\n---\na: 2\n", 2, "--- |\n--- no\n---\na: x\n"),
    ],
)
def test_a_document_is_found_among_others(content: str, document: int, after: str) -> None:
    """However they are parted."""
    edit = [SetValue(("a",), "x")]
    assert edited("f.yaml", content.encode(), edit, document=document, dialect=K).decode() == after


@settings(deadline=None)
@given(TREE, TREE)
def test_steps_lead_from_one_value_to_the_other(old: JSON, new: JSON) -> None:
    """Small edits, carried out in order, make what the one large edit makes."""
    tree: JSON = {"x": old}
    for step in list(steps(tree, SetValue(("x",), new))):
        tree = applied(tree, step)
    assert same(tree, {"x": new})


def test_removals_are_carried_out_from_the_end() -> None:
    """Indexes of later edits still point at what they meant."""
    edits: list[Edit] = [RemoveEntry(("a", 0)), SetValue(("a", 2), 9), RemoveEntry(("a", 1)), AddEntry(("a",), None, 7)]
    tree: JSON = {"a": [1, 2, 3]}
    for edit in ordered(edits):
        tree = applied(tree, edit)
    assert tree == {"a": [9, 7]}


@settings(deadline=None)
@given(TREE)
def test_hcl_text_of_a_value_reads_back_as_that_value(tree: JSON) -> None:
    """Strings with quotes, templates and control characters survive the way into HCL and back."""
    assume(not _has_special_floats(tree))
    parsed = parse("f.tf", f'resource "a" "b" {{\n  x = {written({"k": tree}, "  ")}\n}}\n'.encode())
    assert not parsed.errors
    (resource,) = read_terraform(
        {"f.tf": f'resource "a" "b" {{\n  x = {written({"k": tree}, "  ")}\n}}\n'.encode()}
    ).resources
    assert _numbers(resource.tree["x"]) == _numbers({"k": tree})


def _has_special_floats(tree: JSON) -> bool:
    values = [_at(tree, pointer) for pointer in pointers_in(tree)]
    return any(isinstance(value, float) and abs(value) > 1e300 for value in values)


def _numbers(tree: JSON) -> JSON:
    loaded: JSON = json.loads(json.dumps(tree), parse_int=float)
    return loaded


@pytest.mark.parametrize("path", cases("hcl", "*.tf"))
def test_every_literal_of_real_files_can_be_changed_and_changed_back(path: Path) -> None:
    """Splicing a new literal in and the old one back gives the same bytes, and nothing else reads differently."""
    data = path.read_bytes()
    literals = [
        (resource, name, old)
        for resource in read_terraform({path.name: data}).resources
        for name, old in resource.tree.items()
        if isinstance(old, str) and "\n" not in old
    ]
    for resource, name, old in literals[:: len(literals) // 8 + 1]:
        changed = adopt(resource, [SetValue((name,), 'new ${value} "é"')], {path.name: data}).files[path.name]
        (moved,) = [other for other in read_terraform({path.name: changed}).resources if other.id == resource.id]
        back = adopt(moved, [SetValue((name,), old)], {path.name: changed}).files[path.name]
        assert back == data


def test_a_value_that_terraform_computes_is_refused() -> None:
    """An expression is not overwritten behind Terraform's back."""
    data = b'resource "a" "b" {\n  x = var.y\n}\n'
    (resource,) = read_terraform({"f.tf": data}).resources
    with pytest.raises(Refused, match="computed by Terraform"):
        adopt(resource, [SetValue(("x",), 1)], {"f.tf": data})


def test_a_literal_is_replaced_in_place() -> None:
    """Only the literal's own bytes change."""
    parsed = parse("f.tf", b"a = 1 # one\n")
    (item,) = parsed.body.assignments
    node = node_at(parsed, parsed.text.origin(item.expression.start, item.expression.end))
    assert literal_value(node) == (True, 1)
    assert replaced(parsed, node, "x") == 'a = "x" # one\n'


@pytest.mark.parametrize("value", ["\n0", "\n\nab\n", " a\nb", "\n a\n\n"])
@pytest.mark.parametrize("content", [b"a:\n- null\n", b"a:\n    - x: 1\n", b"a:\n  - - b\n"])
def test_an_element_whose_text_begins_with_blanks_is_written(content: bytes, value: str) -> None:
    """The indentation that a literal's header must then name counts from the list and not from the dash."""
    for new in (value, [value], {"k": value}):
        edit = AddEntry(("a",), None, new)
        after = edited("f.yaml", content, [edit], document=0, dialect=K)
        assert same(plain(after, "f.yaml"), applied(plain(content, "f.yaml"), edit))
