"""Compose services that share a value through an anchor: one edit for all where all changed alike."""

from __future__ import annotations

import pytest

from bot.edits.together import edited_together
from bot.intake.read import read
from bot.model.drift import Edit, SetValue

SHARED = """x-app: &app
  image: shop/app:1 # all three
  environment: &env
    LEVEL: info
    PRICE: a$$b
services:
  web:
    <<: *app
    ports: ["80:80"]
  api: *app
  worker:
    <<: *app
    environment:
      <<: *env
      QUEUE: small
"""


def text_after(text: str, edits: dict[str, list[Edit]]) -> tuple[str, dict[str, tuple[Edit, ...]]]:
    """The file after what can be said at anchors, and the edits that this was, by service."""
    files = {"compose.yaml": text.encode()}
    contents = read(files, project="shop")
    assert not contents.errors
    parts = [(each, edits[each.id.name]) for each in contents.resources if each.id.name in edits]
    result = edited_together(parts, files)
    return {**files, **result.files}["compose.yaml"].decode(), {id_.name: done for id_, done in result.done.items()}


def sets(value: str, *services: str, at: tuple[str, ...] = ("image",)) -> dict[str, list[Edit]]:
    return {service: [SetValue(at, value)] for service in services}


@pytest.mark.parametrize(
    ("at", "value", "before", "after"),
    [
        (("image",), "shop/app:2", "shop/app:1", "shop/app:2"),
        (("environment", "LEVEL"), "debug", "info", "debug"),
        (("environment", "PRICE"), "a$c", "a$$b", "a$$c"),
    ],
)
def test_what_all_services_have_of_an_anchor_changes_there(
    at: tuple[str, ...], value: str, before: str, after: str
) -> None:
    """The extension field is nobody's own use; dollar signs are doubled; the comment stays."""
    edits = sets(value, "web", "api", "worker", at=at)
    text, done = text_after(SHARED, edits)
    assert text == SHARED.replace(before, after)
    assert done == {service: tuple(each) for service, each in edits.items()}


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        (SHARED, sets("shop/app:2", "web", "api")),
        (SHARED, {**sets("shop/app:2", "web", "api"), **sets("shop/app:3", "worker")}),
        (SHARED, sets("shop/app:2", "web")),
        (SHARED.replace("shop/app:1", "shop/app:${TAG:-1}"), sets("b", "web", "api", "worker")),
        ("services:\n  web: {image: a}\n  api: {image: a}\n", sets("b", "web", "api")),
    ],
)
def test_what_some_keep_or_a_variable_gives_is_left(text: str, edits: dict[str, list[Edit]]) -> None:
    """Each service is edited by itself then."""
    assert text_after(text, edits) == (text, {})


def test_a_service_that_extends_another_keeps_its_values() -> None:
    """Nothing is written that makes a service read differently which is not among the changed ones."""
    text = SHARED + "  old:\n    extends: web\n"
    assert text_after(text, sets("shop/app:2", "web", "api", "worker")) == (text, {})
