"""What administrators do to a repository: switches in its settings, another name, another owner, a fork."""

from __future__ import annotations

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import require_name
from bot.sandbox.records import UserRow
from bot.sandbox.replies import invalid
from bot.sandbox.shapes.accounts import user as user_shape
from bot.sandbox.verbs.announce import announce
from bot.sandbox.verbs.repositories import create_user, insert


def switch(repo: Repo, **values: bool | None) -> Repo:
    """The repository with these of its columns ``has_issues``, ``archived``, ``auto_merge`` and ``actions_propose`` set;
    None leaves one as it is.
    """
    new_values = {name: value for name, value in values.items() if value is not None}
    if new_values:
        repo.backend.store.update("repo", repo.id, **new_values, updated_at=repo.backend.now())
    return repo.backend.repo_by_id(repo.id)


def rename(repo: Repo, sender: UserRow, full_name: str) -> Repo:
    """The repository is called ``owner/name`` from now on, and every earlier name leads to it.

    Numbers, ids, labels and refs stay ("Renaming a repository", "Transferring a repository"). 422 when the name is taken.
    """
    owner, _, name = full_name.partition("/")
    for part in (owner, name):
        require_name(part)
    taken_id = repo.backend.store.number("SELECT id FROM repo WHERE owner = ? AND name = ?", owner, name)
    if taken_id and taken_id != repo.id:
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    create_user(repo.backend, owner, kind="Organization")
    with repo.lock(), repo.backend.store.transaction():
        repo.backend.store.run("DELETE FROM moved WHERE owner = ? AND name = ?", owner, name)
        repo.backend.store.run("INSERT OR REPLACE INTO moved VALUES (?, ?, ?)", repo.owner, repo.name, repo.id)
        repo.backend.store.update("repo", repo.id, owner=owner, name=name, updated_at=repo.backend.now())
        if full_name != repo.full_name:
            repo.backend.repositories.rename(repo.full_name, full_name)
    moved = repo.backend.repo_by_id(repo.id)
    _announce(repo, moved, sender)
    return moved


def _announce(before: Repo, moved: Repo, sender: UserRow) -> None:
    if moved.owner != before.owner:
        owner = before.backend.account(before.owner)
        changes = {"owner": {"from": {"user": user_shape(before.backend, owner)}}}
        announce(moved, sender, "repository", action="transferred", content=lambda: {"changes": changes})
        return
    renamed = {"repository": {"name": {"from": before.name}}}
    announce(moved, sender, "repository", action="renamed", content=lambda: {"changes": renamed})


def fork(repo: Repo, owner: str) -> Repo:
    """``owner``'s fork of ``repo``, made when there was none, with its branches as they are now."""
    known_fork = repo.backend.store.first(
        Repo, "SELECT * FROM repo WHERE owner = ? AND name = ? AND parent_id = ?", owner, repo.name, repo.id
    )
    if known_fork is not None:
        return known_fork
    create_user(repo.backend, owner)
    copy = insert(
        repo.backend, owner, repo.name, default_branch=repo.default_branch, private=repo.private, about=repo.description
    )
    repo.backend.store.update("repo", copy.id, parent_id=repo.id)
    repo.backend.repositories.create(copy.full_name, repo.default_branch)
    remote = repo.backend.repositories.open(copy.full_name).remotes.create_anonymous(
        str(repo.backend.repositories.path(repo.full_name))
    )
    remote.fetch(["+refs/heads/*:refs/heads/*"])
    return repo.backend.repo_by_id(copy.id)
