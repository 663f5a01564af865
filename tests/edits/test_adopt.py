"""Which editor a resource is for, and what none of them edits."""

from __future__ import annotations

import pytest

from bot.assembly.assemble import assemble
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.errors import Refused
from bot.forge.render import render
from bot.intake.read import read
from bot.intake.terraform import read_terraform
from bot.model.drift import AddEntry, Adoption, Edit, RemoveEntry, SetValue
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from tests.table import table

CW = 'provider "docker" { stack = "shop" }\nresource "service" "web" {\n  image    = "a"\n  hostname = "a"\n}\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SourceKind.RENDERED, "f.yaml is rendered: its values are set where its tool reads them"),
        (SourceKind.SETTINGS, "f.yaml holds settings: change it by hand"),
    ],
)
def test_some_sources_are_not_edited(source: SourceKind, message: str) -> None:
    """They have no text of their own for the value, or are the bot's own."""
    declared = Desired(ResourceId(Platform.KUBERNETES, "Service", "s", "web"), "web", source, {"a": 1}, "f.yaml", 1)
    with pytest.raises(Refused, match=message):
        adopt(declared, [SetValue(("a",), 2)], {"f.yaml": b"a: 1\n"})


LIST = b"""apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
  data: {a: "1"}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: two}
  data: {a: "1"}
"""


def test_a_manifest_is_edited_in_its_document_and_item() -> None:
    """And refused where its file is gone."""
    data = {"k.yaml": b"apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\n" + LIST}
    two = next(declared for declared in read(data, project="p").resources if declared.id.name == "two")
    after = adopt(two, [SetValue(("data", "a"), "2"), AddEntry(("data",), "b", "3")], data).files["k.yaml"]
    assert after == data["k.yaml"][:-9] + b'{a: "2", b: "3"}\n'
    assert adopt(two, [SetValue(("data", "a"), "1")], data) == Adoption()
    with pytest.raises(Refused, match=r"k\.yaml is no longer there"):
        adopt(two, [SetValue(("data", "a"), "2")], {})


def test_a_removal_and_a_like_addition_are_one_change() -> None:
    """Whatever the language."""
    data = {
        "k.yaml": b"apiVersion: v1\nkind: Service\nmetadata: {name: n}\nspec:\n  ports:\n  - {port: 1, name: a} # a\n"
    }
    (service,) = read(data, project="p").resources
    edits: list[Edit] = [RemoveEntry(("spec", "ports", 0)), AddEntry(("spec", "ports"), None, {"port": 2, "name": "a"})]
    assert adopt(service, edits, data).files == {"k.yaml": data["k.yaml"].replace(b"port: 1", b"port: 2")}


TERRAFORM = b"""resource "a" "b" {
  x        = 1
  computed = var.v
  m        = { k = var.y, l = 1 }
  b {
    c = 1
  }
  b {
    c = 2
  }
}
"""


@table(
    ("edit", "message"),
    [
        (SetValue(("m", "k"), 1), r"^f\.tf:4: k is computed by Terraform: change the expression by hand"),
        (AddEntry(("m",), "k", 1), r"^f\.tf:4: k is computed by Terraform: change the expression by hand"),
        (AddEntry((), "computed", 1), r"^f\.tf:1: computed is computed by Terraform: change the expression by hand"),
        (RemoveEntry(("m", "k")), r"^m\.k is computed by Terraform: change the expression by hand"),
        (RemoveEntry(("computed",)), r"^computed is computed by Terraform: change the expression by hand"),
        (AddEntry(("b", 0), None, 1), r"^f\.tf:5: nothing can be added here"),
        (AddEntry(("m",), None, 1), r"^f\.tf:4: nothing can be added here"),
        (AddEntry(("b",), None, {"c": 3}), r"^f\.tf:5: the value is no longer where it was"),
        (SetValue(("b",), 1), r"^f\.tf:5: the value is no longer where it was"),
        (AddEntry((), "b c", 1), r"^f\.tf: \[\"b c\"\] cannot be written without changing something else"),
    ],
)
def test_terraform_keeps_what_it_computes(edit: Edit, message: str) -> None:
    """And what no single edit of text can say."""
    (declared,) = read_terraform({"f.tf": TERRAFORM}).resources
    with pytest.raises(Refused, match=message):
        adopt(declared, [edit], {"f.tf": TERRAFORM})


def test_terraform_is_edited_where_its_block_is_now() -> None:
    """Steps follow one another; other files are not read; a block or a file that is gone is told."""
    (declared,) = read_terraform({"f.tf": TERRAFORM}).resources
    moved = b'# moved\nresource "a" "c" {\n  x = 5\n}\n' + TERRAFORM
    edits: list[Edit] = [SetValue(("m",), {"l": 2, "n": 3}), RemoveEntry(("b", 0)), SetValue(("x",), 9)]
    after = adopt(declared, edits, {"f.tf": moved, "g.tf": b"{{{"}).files
    expected = moved.replace(b"l = 1", b"l = 2, n = 3").replace(b"  b {\n    c = 1\n  }\n", b"")
    assert after == {"f.tf": expected.replace(b"x        = 1", b"x        = 9")}
    assert adopt(declared, [SetValue(("x",), 1)], {"f.tf": moved}) == Adoption()
    with pytest.raises(Refused, match=r"f\.tf is no longer there"):
        adopt(declared, edits, {"g.tf": TERRAFORM})
    with pytest.raises(Refused, match=r"f\.tf no longer declares a/b"):
        adopt(declared, edits, {"f.tf": b'resource "a" "c" {\n  x = 5\n}\n'})


def test_terraform_with_a_mistake_is_not_edited() -> None:
    """What stands where is not known for sure."""
    (declared,) = read_terraform({"f.tf": TERRAFORM}).resources
    with pytest.raises(Refused, match=r"f\.tf: x cannot be written without changing something else"):
        adopt(declared, [SetValue(("x",), 2)], {"f.tf": TERRAFORM + b'resource "c" "d" {\n  x = \n}\n'})


def test_files_that_are_not_those_that_were_read_are_refused() -> None:
    """Nothing is written where nothing was read."""
    data = {"main.cw": CW.encode()}
    assembly = assemble(data, variables={}, environment={})
    (web,) = render(assembly.config, Overlays()).desired
    with pytest.raises(Refused, match=r"main\.cw is no longer there"):
        adopt(web, [SetValue(("hostname",), "b")], {}, cw=assembly.config)
    with pytest.raises(Refused, match=r"main\.cw is no longer there"):
        adopt(web, [RemoveEntry(("hostname",))], {}, cw=assembly.config)
    with pytest.raises(Refused, match=r"main\.cw:2: the block is no longer where it was"):
        adopt(web, [AddEntry((), "user", "b")], {"main.cw": b"\n" + data["main.cw"]}, cw=assembly.config)
    with pytest.raises(Refused, match=r"main\.cw can only be edited together with its whole configuration"):
        adopt(web, [SetValue(("hostname",), "b")], data)
    loose = Desired(ResourceId(Platform.COMPOSE, "service", "s", "web"), "web", SourceKind.CW, {"a": 1}, "main.cw", 1)
    with pytest.raises(Refused, match=r"service/s/web does not come from \.cw files"):
        adopt(loose, [SetValue(("a",), 2)], data, cw=assembly.config)


def test_files_of_other_kinds_are_left_alone() -> None:
    """They are no part of the configuration."""
    data = {"main.cw": CW.encode(), "readme.md": b"x", "compose.yaml": b"services: {}\n"}
    assembly = assemble(data, variables={}, environment={})
    (web,) = render(assembly.config, Overlays()).desired
    assert list(adopt(web, [SetValue(("hostname",), "b")], data, cw=assembly.config).files) == ["main.cw"]
    assert adopt(web, [SetValue(("hostname",), "a")], data, cw=assembly.config) == Adoption()
    assert adopt(web, [], data) == Adoption()
