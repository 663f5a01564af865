"""Labels: made, renamed, put on issues and taken off."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.sandbox.backend import Repo
from bot.sandbox.records import IssueRow, LabelRow
from bot.sandbox.replies import ApiProblem, invalid, not_found

_GREY = "ededed"


def find(repo: Repo, name: str) -> LabelRow | None:
    """The repository's label with this name, whatever its case."""
    return repo.backend.store.first(LabelRow, "SELECT * FROM label WHERE repo_id = ? AND name = ?", repo.id, name)


def get(repo: Repo, name: str) -> LabelRow:
    """As :func:`find`, 404 when there is none."""
    label = find(repo, name)
    if label is None:
        raise not_found()
    return label


def create(repo: Repo, *, name: str, color: str | None, description: str | None) -> LabelRow:
    """A new label; 422 already_exists when the name is taken."""
    _require(name, color)
    with repo.backend.store.transaction():
        if find(repo, name) is not None:
            raise invalid("Label", "name", "already_exists")
        key = repo.backend.store.insert(
            "label", repo_id=repo.id, name=name, color=(color or _GREY).lower(), description=description
        )
    repo.backend.born("label", key)
    return get(repo, name)


def update(repo: Repo, label: LabelRow, *, name: str | None, color: str | None, description: str | None) -> None:
    """Name, colour and description are as given; None leaves as it is."""
    _require(name or label.name, color)
    with repo.backend.store.transaction():
        label_of_name = find(repo, name or label.name)
        if label_of_name is not None and label_of_name.id != label.id:
            raise invalid("Label", "name", "already_exists")
        repo.backend.store.update(
            "label",
            label.id,
            name=name or label.name,
            color=(color or label.color).lower(),
            description=label.description if description is None else description,
        )


def add(repo: Repo, issue: IssueRow, names: Sequence[str]) -> None:
    """``issue`` carries these labels too; unknown ones are created in grey, as GitHub does. Inside a transaction."""
    for name in names:
        label = find(repo, name) or create(repo, name=name, color=None, description=None)
        repo.backend.store.run("INSERT OR IGNORE INTO issue_label VALUES (?, ?)", issue.id, label.id)


def replace(repo: Repo, issue: IssueRow, names: Sequence[str]) -> None:
    """``issue`` carries exactly these labels."""
    with repo.backend.store.transaction():
        repo.backend.store.run("DELETE FROM issue_label WHERE issue_id = ?", issue.id)
        add(repo, issue, names)


def take_off(repo: Repo, issue: IssueRow, name: str) -> None:
    """``issue`` carries the label no more; 404 "Label does not exist" when it did not."""
    label = find(repo, name)
    if label is None or not repo.backend.store.run(
        "DELETE FROM issue_label WHERE issue_id = ? AND label_id = ?", issue.id, label.id
    ):
        raise ApiProblem(404, "Label does not exist")


def _require(name: str, color: str | None) -> None:
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > 50:
        raise invalid("Label", "name", "invalid")
    if color is not None and not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
