"""Values behind YAML anchors: edited where they are written when all who share them change alike, else beside them."""

from __future__ import annotations

from bot.edits.adopt import adopt
from bot.edits.plain import edited
from bot.intake.read import read_manifest
from bot.intake.scalars import Dialect
from bot.model.drift import AddEntry as A
from bot.model.drift import Edit
from bot.model.drift import RemoveEntry as R
from bot.model.drift import SetValue as S
from tests.table import table


def text_of(before: str, *edits: Edit) -> str:
    return edited("f.yaml", before.encode(), edits, document=0, dialect=Dialect.KUBERNETES).decode()


@table(
    ("before", "edits", "after"),
    [
        ("a: &x 5 # five\nb: *x\n", (S(("a",), 6), S(("b",), 6)), "a: &x 6 # five\nb: *x\n"),
        ("a: &x 5\nb: *x\nc: *x\n", (S(("c",), 6), S(("a",), 6), S(("b",), 6)), "a: &x 6\nb: *x\nc: *x\n"),
        ("a: &x {k: 1, l: 2}\nb: *x\n", (S(("a", "k"), 6), S(("b", "k"), 6)), "a: &x {k: 6, l: 2}\nb: *x\n"),
        (
            "a: &x\n  k: 1\n  l: 2\nb:\n  <<: *x\n  m: 3\n",
            (S(("b", "k"), 6), S(("a", "k"), 6)),
            "a: &x\n  k: 6\n  l: 2\nb:\n  <<: *x\n  m: 3\n",
        ),
        # one that has its own value does not share it
        (
            "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  k: 9\n",
            (S(("a", "k"), 6), S(("b", "k"), 6)),
            "a: &x {k: 6}\nb: *x\nc:\n  <<: *x\n  k: 9\n",
        ),
        # through two anchors
        (
            "a: &x {k: 1}\nb: &y {x: *x}\nc: *y\n",
            (S(("a", "k"), 6), S(("b", "x", "k"), 6), S(("c", "x", "k"), 6)),
            "a: &x {k: 6}\nb: &y {x: *x}\nc: *y\n",
        ),
        # two anchors at once, and what is beside them
        (
            "a: &x 5\nb: *x\nc: &y u\nd: *y\ne: 1\n",
            (S(("a",), 6), S(("b",), 6), S(("c",), "v"), S(("d",), "v"), S(("e",), 2), A((), "f", 3)),
            "a: &x 6\nb: *x\nc: &y v\nd: *y\ne: 2\nf: 3\n",
        ),
        ("a: &x 5\nb: *x\nc: 1\n", (R(("c",)), S(("a",), 6), S(("b",), 6)), "a: &x 6\nb: *x\n"),
        ('a: &x "5"\nb: *x\n', (S(("a",), "6"), S(("b",), "6")), 'a: &x "6"\nb: *x\n'),
        ("a: &x 5\nb: *x\n", (S(("a",), "z"), S(("b",), "z")), "a: &x z\nb: *x\n"),
        # not all of them, or not alike: a value of one's own
        ("a: &x 5\nb: *x\nc: *x\n", (S(("b",), 6), S(("c",), 6)), "a: &x 5\nb: 6\nc: 6\n"),
        ("a: &x 5\nb: *x\nc: *x\n", (S(("b",), 6), S(("c",), 7)), "a: &x 5\nb: 6\nc: 7\n"),
        ("a: 5\nb: 5\nc: &x 1\n", (S(("a",), 6), S(("b",), 6)), "a: 6\nb: 6\nc: &x 1\n"),
    ],
)
def test_an_anchor_s_value_changes_where_all_of_its_uses_do(before: str, edits: tuple[Edit, ...], after: str) -> None:
    """One line changes for all; where some keep the old value, the others leave the anchor."""
    assert text_of(before, *edits) == after


MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - name: web
          image: &image shop/web:1 # both
          resources: &amounts
            limits: {memory: 64Mi}
        - name: worker
          image: *image
          resources: *amounts
"""


def test_two_containers_that_share_their_image_are_one_line() -> None:
    """What a rollout by hand changed in both comes back as the anchor's own value."""
    (web,) = read_manifest("web.yaml", MANIFEST.encode()).resources
    at = ("spec", "template", "spec", "containers")
    edits = [S((*at, index, "image"), "shop/web:2") for index in (0, 1)]
    edits += [S((*at, index, "resources", "limits", "memory"), "96Mi") for index in (0, 1)]
    adoption = adopt(web, edits, {"web.yaml": MANIFEST.encode()})
    expected = MANIFEST.replace("web:1", "web:2").replace("64Mi", "96Mi")
    assert adoption.files == {"web.yaml": expected.encode()}
