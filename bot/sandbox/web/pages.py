"""The pages to read: repositories, files, commits, pull requests, issues, checks."""

from __future__ import annotations

from urllib.parse import quote

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.objects import FileDiff, commit_at, diff_trees, entry_at, merge_base
from bot.sandbox.records import CheckRunRow, IssueRow
from bot.sandbox.replies import not_found
from bot.sandbox.shapes.issues import labels_of
from bot.sandbox.shapes.pulls import changes, own_commits
from bot.sandbox.verbs.pulls import mergeability
from bot.sandbox.web import diffs, markup, views
from bot.sandbox.web.site import Answer, PageRoute, Raw, Redirect, Visit, page_of
from bot.sandbox.web.site import Page as SitePage

_MOST_COMMITS = 200
_README = ("README.md", "readme.md", "README")
_MARKDOWN = (".md", ".markdown")


def home(visit: Visit) -> Answer:
    """Every repository."""
    rows = visit.backend.store.all(visit.backend.hosted, "SELECT * FROM repo ORDER BY pushed_at DESC, id DESC")
    return SitePage("repositories.html", {"repos": [views.repo_view(row) for row in rows]})


def owner(visit: Visit) -> Answer:
    """An owner has no page of its own."""
    visit.backend.account(visit.params["owner"])
    return Redirect("/")


def repository(visit: Visit) -> Answer:
    """The default branch's files, latest commit and README."""
    repo = visit.repo()
    tip = commit_at(repo.git(), repo.default_branch)
    if tip is None:
        return page_of(repo, "code", "empty.html")
    return _folder(repo, repo.default_branch, "", tip)


def tree(visit: Visit) -> Answer:
    """One folder at a branch or commit."""
    repo = visit.repo()
    rev, path, commit = views.locate(repo.git(), visit.params["rest"])
    return _folder(repo, rev, path, commit)


def _folder(repo: Repo, rev: str, path: str, commit: pygit2.Commit) -> Answer:
    entries = views.folder(commit.tree, path)
    readme = next((entry for entry in entries if entry.name in _README), None)
    text = _text(commit.tree, readme.path) if readme else None
    page_values = {"entries": entries, "readme": text, "readme_name": readme.name if readme else ""}
    return page_of(repo, "code", "folder.html", **page_values, **_spot(repo, rev, path, commit))


def blob(visit: Visit) -> Answer:
    """One file: Markdown rendered, text with line numbers."""
    repo = visit.repo()
    rev, path, commit, content = _file(visit, repo)
    text = None if content.is_binary else content.data.decode("utf-8", errors="replace")
    markdown = path.lower().endswith(_MARKDOWN)
    page_values = {
        "text": text,
        "lines": [] if text is None else text.removesuffix("\n").split("\n"),
        "size": content.size,
        "rendered": markdown and "plain" not in visit.query,
        "markdown": markdown,
    }
    return page_of(repo, "code", "file.html", **page_values, **_spot(repo, rev, path, commit))


def _spot(repo: Repo, rev: str, path: str, commit: pygit2.Commit) -> dict[str, object]:
    """Where in the repository a page is: each folder on the way with its own path."""
    parts = path.split("/") if path else []
    crumbs = [(part, "/".join(parts[: at + 1])) for at, part in enumerate(parts)]
    return {"rev": rev, "path": path, "crumbs": crumbs, "commit": views.commit_view(repo, commit)}


def raw(visit: Visit) -> Answer:
    """One file's bytes, as plain text."""
    repo = visit.repo()
    content = _file(visit, repo)[-1]
    return Raw(content.data, "application/octet-stream" if content.is_binary else "text/plain; charset=utf-8")


def _file(visit: Visit, repo: Repo) -> tuple[str, str, pygit2.Commit, pygit2.Blob]:
    """Branch (or id), path, commit and content of the file that the address names."""
    rev, path, commit = views.locate(repo.git(), visit.params["rest"])
    entry = entry_at(commit.tree, path)
    if not isinstance(entry, pygit2.Blob):
        raise not_found()
    return rev, path, commit, entry


def commits(visit: Visit) -> Answer:
    """The history of a branch."""
    repo = visit.repo()
    rev = visit.params.get("rev") or repo.default_branch
    tip = commit_at(repo.git(), rev)
    rows = [] if tip is None else views.recent(repo, tip, limit=_MOST_COMMITS)
    return page_of(repo, "commits", "commits.html", rev=rev, commits=rows)


def commit(visit: Visit) -> Answer:
    """One commit with its checks and diff."""
    repo, sha = visit.repo(), visit.params["sha"]
    target = commit_at(repo.git(), sha)
    if target is None:
        raise not_found()
    old = target.parents[0].tree if target.parents else None
    files = diff_trees(old, target.tree)
    checks = views.checks_of(repo, str(target.id))
    return page_of(
        repo, "commits", "commit.html", commit=views.commit_view(repo, target), checks=checks, **_diff(files, checks)
    )


def compare(visit: Visit) -> Answer:
    """What one side added since both parted."""
    repo = visit.repo()
    git = repo.git()
    base, _, head = visit.params["basehead"].partition("...")
    old, new = commit_at(git, base), commit_at(git, head)
    start = merge_base(git, str(old.id), str(new.id)) if old and new else None
    if new is None or start is None:
        raise not_found()
    files = diff_trees(git[start].peel(pygit2.Tree), new.tree)
    return page_of(repo, "commits", "compare.html", base=base, source=head, **_diff(files, []))


def branches(visit: Visit) -> Answer:
    """All branches with their latest commits."""
    repo = visit.repo()
    git = repo.git()
    names = views.repo_view(repo).branches
    tips = [(name, commit_at(git, f"refs/heads/{name}")) for name in names]
    rows = [(name, views.commit_view(repo, tip)) for name, tip in tips if tip is not None]
    return page_of(repo, "code", "branches.html", rows=rows)


def pulls(visit: Visit) -> Answer:
    """The list of pull requests."""
    return _threads(visit, "pulls")


def issues(visit: Visit) -> Answer:
    """The list of issues."""
    return _threads(visit, "issues")


def _threads(visit: Visit, tab: str) -> Answer:
    repo, label = visit.repo(), visit.query.get("label", "")
    state = visit.query.get("state", "open")
    everything = views.threads(repo, pulls=tab == "pulls", label=label)
    rows = [row for row in everything if state in ("all", row.issue.state)]
    counts = {name: sum(row.issue.state == name for row in everything) for name in ("open", "closed")}
    return page_of(repo, tab, "threads.html", rows=rows, counts=counts, state=state, label=label)


def pull(visit: Visit) -> Answer:
    """One pull request: talk, checks, commits, diff, and the buttons."""
    repo = visit.repo()
    thread, row = repo.pull(visit.number())
    git, checks = repo.git(), views.checks_of(repo, row.head_sha)
    own_commit_objects = [git[sha].peel(pygit2.Commit) for sha in own_commits(repo, row)]
    return page_of(
        repo,
        "pulls",
        "pull.html",
        pull=row,
        merging=mergeability(repo, thread, row),
        state=views.thread_state(thread, row),
        checks=checks,
        commits=[views.commit_view(repo, own_commit) for own_commit in own_commit_objects],
        **_conversation(visit, repo, thread),
        **_diff(changes(repo, row), checks),
    )


def issue(visit: Visit) -> Answer:
    """One issue."""
    repo, thread = visit.thread()
    if thread.is_pull:
        return Redirect(f"/{repo.full_name}/pull/{thread.number}")
    return page_of(repo, "issues", "issue.html", state=thread.state, **_conversation(visit, repo, thread))


def run(visit: Visit) -> Answer:
    """One check run with all it found."""
    repo = visit.repo()
    row = visit.backend.row(
        CheckRunRow, "SELECT * FROM check_run WHERE id = ? AND repo_id = ?", visit.number(), repo.id
    )
    check = views.run_view(visit.backend, row)
    return page_of(repo, "pulls", "run.html", check=check, run=row, numbers=_pulls_at(repo, row))


def _pulls_at(repo: Repo, run: CheckRunRow) -> list[IssueRow]:
    return repo.backend.store.all(
        IssueRow,
        "SELECT issue.* FROM issue JOIN pull ON issue_id = issue.id WHERE repo_id = ? AND head_sha = ?",
        repo.id,
        run.head_sha,
    )


def _conversation(visit: Visit, repo: Repo, thread: IssueRow) -> dict[str, object]:
    author, timeline = visit.backend.user(thread.author_id), views.timeline(visit.backend, thread)
    return {
        "issue": thread,
        "author": author,
        "labels": labels_of(visit.backend, thread),
        "timeline": timeline,
        "body": markup.render(thread.body, _tick_box(visit, repo, thread)),
        "people": list(dict.fromkeys((author.login, *(item.person.login for item in timeline)))),
    }


def _tick_box(visit: Visit, repo: Repo, thread: IssueRow) -> markup.BoxOf:
    """Boxes that tick themselves when pressed: each is a form of its own."""
    location = f"/{quote(repo.full_name)}/issues/{thread.number}/task"

    def box(task: markup.Task) -> str:
        verb, state = ("Untick", "true") if task.done else ("Tick", "false")
        return (
            f'<form class="tick" method="post" action="{location}"><input type="hidden" name="token" value="{visit.token}">'
            f'<input type="hidden" name="line" value="{task.line}"><input type="hidden" name="was" value="{state}">'
            f'<button class="box" role="checkbox" aria-checked="{state}" aria-label="{verb} this task"></button></form>'
        )

    return box


def _diff(files: tuple[FileDiff, ...], checks: list[views.CheckView]) -> dict[str, object]:
    annotations = [annotation for check in checks for annotation in check.annotations]
    return {
        "files": [diffs.view(file, annotations) for file in files],
        "added": sum(file.additions for file in files),
        "removed": sum(file.deletions for file in files),
    }


def _text(tree_of: pygit2.Tree, path: str) -> str:
    entry = entry_at(tree_of, path)
    return entry.data.decode("utf-8", errors="replace") if isinstance(entry, pygit2.Blob) else ""


_REPO = "/{owner}/{name}"
ROUTES = (
    PageRoute("GET", "/", home),
    PageRoute("GET", "/{owner}", owner),
    PageRoute("GET", _REPO, repository),
    PageRoute("GET", _REPO + "/tree/{rest:path}", tree),
    PageRoute("GET", _REPO + "/blob/{rest:path}", blob),
    PageRoute("GET", _REPO + "/raw/{rest:path}", raw),
    PageRoute("GET", _REPO + "/commits", commits),
    PageRoute("GET", _REPO + "/commits/{rev:path}", commits),
    PageRoute("GET", _REPO + "/commit/{sha}", commit),
    PageRoute("GET", _REPO + "/compare/{basehead:path}", compare),
    PageRoute("GET", _REPO + "/branches", branches),
    PageRoute("GET", _REPO + "/pulls", pulls),
    PageRoute("GET", _REPO + "/issues", issues),
    PageRoute("GET", _REPO + "/pull/{number:int}", pull),
    PageRoute("GET", _REPO + "/issues/{number:int}", issue),
    PageRoute("GET", _REPO + "/runs/{number:int}", run),
)
