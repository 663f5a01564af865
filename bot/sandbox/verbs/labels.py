"""Labels: made, renamed, put on issues and taken off."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.sandbox.backend import Hub
from bot.sandbox.records import Issue, Label, Repo
from bot.sandbox.replies import invalid, not_found

_GREY = "ededed"


def find(hub: Hub, repo: Repo, name: str) -> Label | None:
    """The repository's label with this name, whatever its case."""
    return hub.store.one(Label, "SELECT * FROM label WHERE repo_id = ? AND name = ?", repo.id, name)


def get(hub: Hub, repo: Repo, name: str) -> Label:
    """As :func:`find`, 404 when there is none."""
    found = find(hub, repo, name)
    if found is None:
        raise not_found()
    return found


def create(hub: Hub, repo: Repo, *, name: str, color: str | None, description: str | None) -> Label:
    """A new label; 422 already_exists when the name is taken."""
    _require(name, color)
    with hub.store.transaction():
        if find(hub, repo, name) is not None:
            raise invalid("Label", "name", "already_exists")
        key = hub.store.insert(
            "label", repo_id=repo.id, name=name, color=(color or _GREY).lower(), description=description
        )
    hub.born("label", key)
    return get(hub, repo, name)


def update(hub: Hub, repo: Repo, found: Label, *, name: str | None, color: str | None, description: str | None) -> None:
    """Name, colour and description are as given; None leaves as it is."""
    _require(name or found.name, color)
    with hub.store.transaction():
        taken = find(hub, repo, name or found.name)
        if taken is not None and taken.id != found.id:
            raise invalid("Label", "name", "already_exists")
        hub.store.update(
            "label",
            found.id,
            name=name or found.name,
            color=(color or found.color).lower(),
            description=found.description if description is None else description,
        )


def put(hub: Hub, repo: Repo, issue: Issue, names: Sequence[str]) -> None:
    """``issue`` carries these labels too; unknown ones are created in grey, as GitHub does. Inside a transaction."""
    for name in names:
        found = find(hub, repo, name) or create(hub, repo, name=name, color=None, description=None)
        hub.store.run("INSERT OR IGNORE INTO issue_label VALUES (?, ?)", issue.id, found.id)


def replace(hub: Hub, repo: Repo, issue: Issue, names: Sequence[str]) -> None:
    """``issue`` carries exactly these labels."""
    with hub.store.transaction():
        hub.store.run("DELETE FROM issue_label WHERE issue_id = ?", issue.id)
        put(hub, repo, issue, names)


def take_off(hub: Hub, repo: Repo, issue: Issue, name: str) -> None:
    """``issue`` carries the label no more; 404 "Label does not exist" when it did not."""
    found = find(hub, repo, name)
    if found is None or not hub.store.run(
        "DELETE FROM issue_label WHERE issue_id = ? AND label_id = ?", issue.id, found.id
    ):
        problem = not_found()
        problem.message = "Label does not exist"
        raise problem


def _require(name: str, color: str | None) -> None:
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > 50:
        raise invalid("Label", "name", "invalid")
    if color is not None and not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
