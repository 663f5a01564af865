"""What administrators do to a repository: switches in its settings, another name, another owner, a fork."""

from __future__ import annotations

from bot.sandbox.backend import Backend
from bot.sandbox.bare_repositories import require_name
from bot.sandbox.records import RepositoryRow, UserRow
from bot.sandbox.replies import invalid
from bot.sandbox.shapes.accounts import user as user_shape
from bot.sandbox.verbs.announce import announce
from bot.sandbox.verbs.repositories import create_user, insert


def switch(backend: Backend, repo: RepositoryRow, **values: bool | None) -> RepositoryRow:
    """The repository with these of its columns ``has_issues``, ``archived``, ``auto_merge`` and ``actions_propose`` set;
    None leaves one as it is.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if given:
        backend.store.update("repo", repo.id, **given, updated_at=backend.now())
    return backend.repo_by_id(repo.id)


def rename(backend: Backend, repo: RepositoryRow, sender: UserRow, full_name: str) -> RepositoryRow:
    """The repository is called ``owner/name`` from now on, and every earlier name leads to it.

    Numbers, ids, labels and refs stay ("Renaming a repository", "Transferring a repository"). 422 when the name is taken.
    """
    owner, _, name = full_name.partition("/")
    for part in (owner, name):
        require_name(part)
    taken = backend.store.number("SELECT id FROM repo WHERE owner = ? AND name = ?", owner, name)
    if taken and taken != repo.id:
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    create_user(backend, owner, kind="Organization")
    with backend.repositories.lock(repo.full_name), backend.store.transaction():
        backend.store.run("DELETE FROM moved WHERE owner = ? AND name = ?", owner, name)
        backend.store.run("INSERT OR REPLACE INTO moved VALUES (?, ?, ?)", repo.owner, repo.name, repo.id)
        backend.store.update("repo", repo.id, owner=owner, name=name, updated_at=backend.now())
        if full_name != repo.full_name:
            backend.repositories.rename(repo.full_name, full_name)
    moved = backend.repo_by_id(repo.id)
    _announce(backend, repo, moved, sender)
    return moved


def _announce(backend: Backend, before: RepositoryRow, moved: RepositoryRow, sender: UserRow) -> None:
    if moved.owner != before.owner:
        owner = backend.account(before.owner)
        changes = {"owner": {"from": {"user": user_shape(backend, owner)}}}
        announce(backend, moved, sender, "repository", action="transferred", content=lambda: {"changes": changes})
        return
    renamed = {"repository": {"name": {"from": before.name}}}
    announce(backend, moved, sender, "repository", action="renamed", content=lambda: {"changes": renamed})


def fork(backend: Backend, repo: RepositoryRow, owner: str) -> RepositoryRow:
    """``owner``'s fork of ``repo``, made when there was none, with its branches as they are now."""
    known = backend.store.first(
        RepositoryRow, "SELECT * FROM repo WHERE owner = ? AND name = ? AND parent_id = ?", owner, repo.name, repo.id
    )
    if known is not None:
        return known
    create_user(backend, owner)
    copy = insert(
        backend, owner, repo.name, default_branch=repo.default_branch, private=repo.private, about=repo.description
    )
    backend.store.update("repo", copy.id, parent_id=repo.id)
    backend.repositories.create(copy.full_name, repo.default_branch)
    remote = backend.repositories.open(copy.full_name).remotes.create_anonymous(
        str(backend.repositories.path(repo.full_name))
    )
    remote.fetch(["+refs/heads/*:refs/heads/*"])
    return backend.repo_by_id(copy.id)
