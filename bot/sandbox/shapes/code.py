"""Commits, trees, blobs, refs, files and diffs as GitHub prints them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import pygit2
from pygit2.enums import FileMode, ObjectType

from bot.sandbox.backend import Backend, Repo, stamp
from bot.sandbox.objects import FileDiff
from bot.sandbox.records import UserRow
from bot.sandbox.replies import Json
from bot.sandbox.shapes.accounts import user

_NO_SIGNATURE: dict[str, Json] = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}
_KINDS = {ObjectType.COMMIT: "commit", ObjectType.TREE: "tree", ObjectType.BLOB: "blob", ObjectType.TAG: "tag"}


def person(signature: pygit2.Signature) -> dict[str, Json]:
    """Name, e-mail and time of an author or committer line."""
    return {
        "name": signature.name,
        "email": signature.email,
        "date": stamp(datetime.fromtimestamp(signature.time, UTC)),
    }


def account(backend: Backend, signature: pygit2.Signature) -> dict[str, Json] | None:
    """The account whose noreply address the line carries, None when it is nobody's here."""
    local, _, host = signature.email.partition("@")
    if host != "users.noreply.github.com":
        return None
    row = backend.login(local.rpartition("+")[2])
    return None if row is None else user(backend, row)


def git_commit(repo: Repo, commit: pygit2.Commit) -> dict[str, Json]:
    """A commit of the git database API."""
    sha = str(commit.id)
    return _inner(repo, commit) | {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": repo.url(f"/git/commits/{sha}"),
        "html_url": repo.page(f"/commit/{sha}"),
        "parents": _parents(repo, commit, "/git/commits/"),
    }


def commit(repo: Repo, commit: pygit2.Commit) -> dict[str, Json]:
    """A commit of the commits API without its files."""
    sha = str(commit.id)
    url = repo.url(f"/commits/{sha}")
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "commit": _inner(repo, commit) | {"url": repo.url(f"/git/commits/{sha}"), "comment_count": 0},
        "url": url,
        "html_url": repo.page(f"/commit/{sha}"),
        "comments_url": f"{url}/comments",
        "author": account(repo.backend, commit.author),
        "committer": account(repo.backend, commit.committer),
        "parents": _parents(repo, commit, "/commits/"),
    }


def file_diff(repo: Repo, head: str, file: FileDiff) -> dict[str, Json]:
    """One changed file of a commit, a comparison or a pull request."""
    path = quote(file.path)
    shape: dict[str, Json] = {
        "sha": file.blob,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": repo.page(f"/blob/{head}/{path}"),
        "raw_url": repo.page(f"/raw/{head}/{path}"),
        "contents_url": repo.url(f"/contents/{path}?ref={head}"),
    }
    if file.patch is not None:
        shape["patch"] = file.patch
    if file.old_path is not None:
        shape["previous_filename"] = file.old_path
    return shape


def stats(files: tuple[FileDiff, ...]) -> dict[str, Json]:
    """Added and removed lines of a whole diff."""
    added, removed = sum(file.additions for file in files), sum(file.deletions for file in files)
    return {"total": added + removed, "additions": added, "deletions": removed}


def ref(repo: Repo, name: str, target: pygit2.Object) -> dict[str, Json]:
    """A ref with the object it points to."""
    sha, kind = str(target.id), _KINDS[ObjectType(target.type)]
    return {
        "ref": name,
        "node_id": base64.b64encode(name.encode()).decode(),
        "url": repo.url(f"/git/{name}"),
        "object": {"type": kind, "sha": sha, "url": repo.url(f"/git/{kind}s/{sha}")},
    }


def branch(
    repo: Repo, name: str, tip: pygit2.Commit, *, long: bool, required: Sequence[str] | None = None
) -> dict[str, Json]:
    """A branch; ``long`` with its whole commit, as ``GET /branches/…`` gives it. ``required`` are the checks that its
    protection wants, None where it has none.
    """
    sha = str(tip.id)
    short: dict[str, Json] = {"sha": sha, "url": repo.url(f"/commits/{sha}")}
    return {
        "name": name,
        "commit": commit(repo, tip) if long else short,
        "protected": required is not None,
        "protection": {
            "enabled": required is not None,
            "required_status_checks": {
                "enforcement_level": "non_admins" if required else "off",
                "contexts": list(required or ()),
                "checks": [{"context": name, "app_id": None} for name in required or ()],
            },
        },
        "protection_url": repo.url(f"/branches/{quote(name, safe='')}/protection"),
    }


def tree(repo: Repo, tree: pygit2.Tree, *, recursive: bool) -> dict[str, Json]:
    """A tree of the git database API."""
    sha = str(tree.id)
    return {
        "sha": sha,
        "url": repo.url(f"/git/trees/{sha}"),
        "tree": list(_entries(repo, tree, "", recursive=recursive)),
        "truncated": False,
    }


def _entries(repo: Repo, tree: pygit2.Tree, prefix: str, *, recursive: bool) -> list[Json]:
    rows: list[Json] = []
    for entry in tree:
        path = f"{prefix}{entry.name}"
        kind = "commit" if entry.filemode == FileMode.COMMIT else _KINDS[ObjectType(entry.type)]
        row: dict[str, Json] = {"path": path, "mode": f"{int(entry.filemode):06o}", "type": kind, "sha": str(entry.id)}
        if isinstance(entry, pygit2.Blob):
            row["size"] = entry.size
        row["url"] = repo.url(f"/git/{kind}s/{entry.id}")
        rows.append(row)
        if recursive and isinstance(entry, pygit2.Tree):
            rows += _entries(repo, entry, f"{path}/", recursive=True)
    return rows


def blob(repo: Repo, blob: pygit2.Blob) -> dict[str, Json]:
    """A blob of the git database API, base64 with line breaks as GitHub sends it."""
    sha = str(blob.id)
    return {
        "sha": sha,
        "node_id": f"B_{sha}",
        "size": blob.size,
        "url": repo.url(f"/git/blobs/{sha}"),
        "content": base64.encodebytes(blob.data).decode(),
        "encoding": "base64",
    }


def content(repo: Repo, rev: str, path: str, entry: pygit2.Object) -> dict[str, Json]:
    """A file or folder of the contents API; files carry their bytes only in :func:`file_content`."""
    kind = "dir" if isinstance(entry, pygit2.Tree) else "file"
    sha, quoted = str(entry.id), quote(path)
    url = repo.url(f"/contents/{quoted}?ref={quote(rev, safe='')}")
    page = repo.page(f"/{'tree' if kind == 'dir' else 'blob'}/{quote(rev)}/{quoted}")
    git_url = repo.url(f"/git/{'trees' if kind == 'dir' else 'blobs'}/{sha}")
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": entry.size if isinstance(entry, pygit2.Blob) else 0,
        "url": url,
        "html_url": page,
        "git_url": git_url,
        "download_url": None if kind == "dir" else repo.page(f"/raw/{quote(rev)}/{quoted}"),
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": page},
    }


def file_content(repo: Repo, rev: str, path: str, blob: pygit2.Blob) -> dict[str, Json]:
    """One file of the contents API with its bytes."""
    body = base64.encodebytes(blob.data).decode()
    return content(repo, rev, path, blob) | {"content": body, "encoding": "base64"}


def tag(repo: Repo, tag: pygit2.Tag) -> dict[str, Json]:
    """An annotated tag object."""
    sha, kind = str(tag.id), _KINDS[ObjectType(tag.get_object().type)]
    return {
        "sha": sha,
        "node_id": f"TA_{sha}",
        "tag": tag.name,
        "message": tag.message,
        "tagger": None if tag.tagger is None else person(tag.tagger),
        "url": repo.url(f"/git/tags/{sha}"),
        "object": {"type": kind, "sha": str(tag.target), "url": repo.url(f"/git/{kind}s/{tag.target}")},
        "verification": _NO_SIGNATURE,
    }


def push_commit(repo: Repo, commit: pygit2.Commit, pusher: UserRow) -> dict[str, Json]:
    """A commit as a push delivery lists it."""
    author = person(commit.author) | {"username": pusher.login}
    return {
        "id": str(commit.id),
        "tree_id": str(commit.tree_id),
        "distinct": True,
        "message": commit.message,
        "timestamp": person(commit.committer)["date"],
        "url": repo.page(f"/commit/{commit.id}"),
        "author": author,
        "committer": author,
    }


def _inner(repo: Repo, commit: pygit2.Commit) -> dict[str, Json]:
    tree_sha = str(commit.tree_id)
    return {
        "author": person(commit.author),
        "committer": person(commit.committer),
        "message": commit.message,
        "tree": {"sha": tree_sha, "url": repo.url(f"/git/trees/{tree_sha}")},
        "verification": _NO_SIGNATURE,
    }


def _parents(repo: Repo, commit: pygit2.Commit, kind: str) -> list[Json]:
    return [
        {"sha": str(parent), "url": repo.url(f"{kind}{parent}"), "html_url": repo.page(f"/commit/{parent}")}
        for parent in commit.parent_ids
    ]
