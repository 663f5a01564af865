"""Rendered objects as what Git declares."""

from __future__ import annotations

from bot.model.target import RenderedObject, Rendering, Target, Unit, UnitKind
from bot.targets.desired import declared
from bot.targets.expansion import Surroundings, expand
from tests.gitops import tree_of


def test_an_object_in_two_versions_is_an_error_and_is_not_declared() -> None:
    """The error names both places; the same object twice is declared once, and others are not touched."""

    def made(name: str, value: str, file: str) -> RenderedObject:
        return RenderedObject(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}}, file, 3
        )

    objects = {
        "a": (made("both", "1", "a.yaml"), made("same", "1", "a.yaml"), made("one", "1", "a.yaml")),
        "b": (made("both", "2", "b.yaml"), made("same", "1", "b.yaml")),
    }
    target = Target("prod", tuple(Unit(UnitKind.KUSTOMIZE, name, name) for name in objects))
    renderings = [Rendering(each) for each in objects.values()]
    result = declared(expand(target, tree_of({}), lambda _asked: renderings, Surroundings()))
    assert [(each.id.name, each.id.target, each.file) for each in result.resources] == [
        ("same", "prod", "a.yaml"),
        ("one", "prod", "a.yaml"),
    ]
    (error,) = result.errors
    assert (error.file, error.line) == ("b.yaml", 3)
    assert error.message == (
        "ConfigMap both is declared in a.yaml:3 and differently in b.yaml:3, for target prod;"
        " it is left alone until they agree"
    )
