"""Patches of rendered trees: what is recorded, and the bytes of the files that people read."""

from __future__ import annotations

import pytest

from bot.edits.overlays import ABSENT, OverlayEntry, Overlays, apply_entry, dump, file_name, load, with_patch
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from tests.table import table

WEB = "service/shop/web"
API = "service/shop/api"


def rendered(tree: Tree, *, name: str = "web", sensitive: tuple[Pointer, ...] = ()) -> Desired:
    id_ = ResourceId(Platform.COMPOSE, "service", "shop", name)
    return Desired(id_, "web", SourceKind.CW, tree, "main.cw", 1, sensitive=frozenset(sensitive))


TREE: Tree = {"a": 1, "m": {"k": "v"}, "l": [1]}


@table(
    ("edit", "pointer", "value", "replaced", "append"),
    [
        (SetValue(("a",), 2), ("a",), 2, 1, False),
        (SetValue(("m", "k"), None), ("m", "k"), None, "v", False),
        (AddEntry(("m",), "new", 3), ("m", "new"), 3, ABSENT, False),
        (AddEntry((), "n", {"x": 1}), ("n",), {"x": 1}, ABSENT, False),
        (AddEntry(("l",), None, 2), ("l",), 2, [1], True),
        (AddEntry(("none",), None, 2), ("none",), 2, ABSENT, True),
        (RemoveEntry(("m", "k")), ("m", "k"), ABSENT, "v", False),
        (RemoveEntry(("l", 0)), ("l", 0), ABSENT, 1, False),
    ],
)
def test_an_edit_is_recorded_with_what_it_replaced(
    edit: Edit, pointer: Pointer, value: JSON, replaced: JSON, append: bool
) -> None:
    """And with the drifts that called for it; applied to what was rendered, it makes the edit again."""
    recorded = with_patch(Overlays(), rendered(TREE), [edit], ["d1", "d2"])
    assert recorded == Overlays({"web": (OverlayEntry(WEB, pointer, value, replaced, ("d1", "d2"), append),)})
    assert load(dump(recorded)) == (recorded, ())


def test_edits_are_recorded_in_the_order_in_which_they_are_applied() -> None:
    """Each replaces what the ones before it left; the entries, applied one after another, make the whole."""
    edits: list[Edit] = [RemoveEntry(("l", 0)), AddEntry(("l",), None, 2), SetValue(("l", 0), 7)]
    entries = with_patch(Overlays(), rendered(TREE), edits, []).tasks["web"]
    assert [(entry.value, entry.replaced) for entry in entries] == [(ABSENT, 1), (2, [7])]
    set_and_added = with_patch(Overlays(), rendered(TREE), edits[1:], []).tasks["web"]
    tree: JSON = TREE
    for entry in set_and_added:
        tree = apply_entry(tree, entry)
    assert tree == {**TREE, "l": [7, 2]}


def test_a_place_that_is_patched_again_keeps_what_was_rendered() -> None:
    """Its drifts are added up, each once; entries about other places and other resources stay as and where they are."""
    others = (OverlayEntry(WEB, ("m", "k"), "w", "v"), OverlayEntry(API, ("a",), 5, 1))
    first = OverlayEntry(WEB, ("a",), 2, 1, ("d1", "d2"))
    known = Overlays({"web": (others[0], first, others[1]), "other": (others[1],)})
    patched = with_patch(known, rendered({**TREE, "a": 2}), [SetValue(("a",), 3)], ["d2", "d3"])
    merged = OverlayEntry(WEB, ("a",), 3, 1, ("d1", "d2", "d3"))
    assert patched == Overlays({"web": (others[0], merged, others[1]), "other": (others[1],)})
    back = with_patch(patched, rendered({**TREE, "a": 3}), [SetValue(("a",), 1)], ["d4"])
    assert back == Overlays({"web": others, "other": (others[1],)})


def test_a_task_whose_last_patch_is_taken_back_has_no_file() -> None:
    """What was added and is removed again is as rendered."""
    added = with_patch(Overlays(), rendered(TREE), [AddEntry((), "n", 1)], ["d"])
    assert list(dump(added)) == [".clockwork/overlays/web.yaml"]
    removed = with_patch(added, rendered({**TREE, "n": 1}), [RemoveEntry(("n",))], ["d"])
    assert (removed, dump(removed)) == (Overlays(), {})


def test_each_element_added_to_a_list_is_an_entry_of_its_own() -> None:
    """It says what the list was before it, so that two additions are not one, nor one with a change of the whole list."""
    once = with_patch(Overlays(), rendered({"l": [1]}), [AddEntry(("l",), None, 2)], [])
    twice = with_patch(once, rendered({"l": [1, 2]}), [AddEntry(("l",), None, 3)], [])
    then = with_patch(twice, rendered({"l": [1, 2, 3]}), [SetValue(("l",), [4])], [])
    again = with_patch(then, rendered({"l": [4]}), [AddEntry(("l",), None, 5)], [])
    assert [(entry.value, entry.replaced, entry.append) for entry in again.tasks["web"]] == [
        (2, [1], True),
        (3, [1, 2], True),
        ([4], [1, 2, 3], False),
        (5, [4], True),
    ]


SECRET: tuple[Pointer, ...] = (("env", 1), ("m", "password"))


@table(
    "edit",
    [
        SetValue(("m", "password"), "x"),
        SetValue(("m", "password", "part"), "x"),
        RemoveEntry(("m", "password")),
        RemoveEntry(("m",)),
        SetValue(("m",), {}),
        AddEntry((), "m", {}),
        AddEntry(("m",), "password", "x"),
        AddEntry(("env",), None, "B=2"),
        SetValue(("env",), []),
    ],
)
def test_no_overlay_holds_what_is_secret(edit: Edit) -> None:
    """Neither as the new value nor, in what it replaces, as the old one."""
    desired = rendered({"m": {"password": {"part": "hunter2"}}, "env": ["A=1", "P=hunter2"]}, sensitive=SECRET)
    with pytest.raises(Refused, match=r"service/shop/web: .* is secret and is not written into an overlay"):
        with_patch(Overlays(), desired, [edit], [])


@pytest.mark.parametrize(
    "edit",
    [SetValue(("m", "user"), "x"), AddEntry(("m",), "new", 1), SetValue(("env", 0), "A=2"), RemoveEntry(("env", 0))],
)
def test_beside_a_secret_everything_can_be_patched(edit: Edit) -> None:
    """The secret's own place is what counts."""
    desired = rendered({"m": {"password": "hunter2", "user": "u"}, "env": ["A=1", "P=hunter2"]}, sensitive=SECRET)
    assert b"hunter2" not in b"".join(dump(with_patch(Overlays(), desired, [edit], [])).values())


FILE = """# Fixes that Clockwork made in rendered files, kept when they are rendered again.
# Delete an entry to let configuration decide again.
task: web
entries:
  - resource: service/shop/web
    path: a
    value: 2
    replaced: 1
    drift:
      - d1
  - resource: service/shop/web
    path: l
    append: 2
    replaced:
      - 1
    drift: []
  - resource: service/shop/web
    path: m.k
    replaced: v
    drift: []
  - resource: service/shop/web
    path: m["x y"]
    value: null
    drift: []
"""


def test_a_file_of_overlays_is_for_people_to_read() -> None:
    """It says what it is, and what to do with it; what is not there is not written, and null is."""
    entries = (
        OverlayEntry(WEB, ("a",), 2, 1, ("d1",)),
        OverlayEntry(WEB, ("l",), 2, [1], append=True),
        OverlayEntry(WEB, ("m", "k"), ABSENT, "v"),
        OverlayEntry(WEB, ("m", "x y"), None, ABSENT),
    )
    assert {path: data.decode() for path, data in dump(Overlays({"web": entries})).items()} == {
        ".clockwork/overlays/web.yaml": FILE
    }
    assert load({".clockwork/overlays/web.yaml": FILE.encode()}) == (Overlays({"web": entries}), ())


@table(
    ("task", "name"),
    [
        ("web", "web"),
        ("Web-1_a.b", "Web-1_a.b"),
        ("deployment/shop/web", "deployment-shop-web"),
        ("..", "task"),
        ("../../etc/passwd", "-..-etc-passwd"),
        ("a b\n", "a-b-"),
        ("", "task"),
        (".hidden.", "hidden"),
        ("X.web.X", "X.web.X"),
    ],
)
def test_the_file_of_a_task_stays_in_its_folder(task: str, name: str) -> None:
    """What could lead elsewhere is replaced."""
    assert file_name(task) == name


def test_files_of_one_task_are_read_one_after_another() -> None:
    """By path; other files and other folders are passed over, and every mistake of every file is told."""
    entry = "entries:\n- {resource: service/shop/web, path: %s, value: 1}\n"
    one, two = "task: web\n" + entry % "a", "task: web\n" + entry % "b"
    broken = (
        "task: web\n" + entry % "'l[x]'" + "- {resource: r, path: c, value: 1}\n- {resource: r, path: '', value: 1}\n"
    )
    overlays, errors = load(
        {
            ".clockwork/overlays/2.yaml": two.encode(),
            ".clockwork/overlays/1.yaml": one.encode(),
            ".clockwork/overlays/3.yml": one.encode(),
            ".clockwork/4.yaml": one.encode(),
            ".clockwork/overlays/5.yaml": broken.encode(),
            ".clockwork/overlays/6.yaml": b"",
            ".clockwork/overlays/7.yaml": b"# nothing\n",
            ".clockwork/overlays/7a.yaml": b"---\n",
            ".clockwork/overlays/8.yaml": b"task: nobody\nentries: []\n",
            ".clockwork/overlays/9.yaml": b"\xff\xfe",
            ".clockwork/overlays/x.yaml": b"a: 1\n  b: 2\n",
        }
    )
    assert {task: [entry.pointer for entry in entries] for task, entries in overlays.tasks.items()} == {
        "web": [("a",), ("b",), ("c",)]
    }
    assert [(error.file.rpartition("/")[2], error.line, error.column) for error in errors] == [
        ("5.yaml", 3, 38),
        ("5.yaml", 5, 23),
        ("9.yaml", 1, 1),
        ("x.yaml", 2, 4),
    ]
