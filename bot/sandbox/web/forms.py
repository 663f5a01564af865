"""The buttons of the pages. Each acts as the person the sandbox was started for and goes back to the page."""

from __future__ import annotations

from bot.sandbox.backend import Repo
from bot.sandbox.records import IssueRow
from bot.sandbox.replies import ApiProblem
from bot.sandbox.verbs import issues, pulls
from bot.sandbox.web.markup import ticked
from bot.sandbox.web.site import Answer, PageRoute, Redirect, Visit

_METHODS = ("merge", "squash", "rebase")


def merge(visit: Visit) -> Answer:
    """Merge the pull request as it was shown: the form names the head that the person saw."""
    repo, thread = visit.thread()
    method = visit.form.get("method", "merge")
    if method not in _METHODS:
        raise ApiProblem(422, "Invalid merge method")
    merge_options = pulls.Merge(method=method, sha=visit.form.get("head") or None)
    pulls.merge(repo, visit.person, thread.number, merge_options)
    return _back(repo, thread)


def close(visit: Visit) -> Answer:
    """Close it, after saying what was typed."""
    repo, thread = visit.thread()
    _comment(visit, repo, thread)
    issues.close(repo, visit.person, thread)
    return _back(repo, thread)


def reopen(visit: Visit) -> Answer:
    """Open it again, after saying what was typed."""
    repo, thread = visit.thread()
    if thread.is_pull:
        pulls.require_reopenable(visit.backend, repo.pull(thread.number)[1])
    _comment(visit, repo, thread)
    issues.reopen(repo, visit.person, thread)
    return _back(repo, thread)


def comment(visit: Visit) -> Answer:
    """Say what was typed."""
    repo, thread = visit.thread()
    _comment(visit, repo, thread)
    return _back(repo, thread)


def task(visit: Visit) -> Answer:
    """Tick or untick one box of a task list in the body."""
    repo, thread = visit.thread()
    line = visit.form.get("line", "")
    body = ticked(thread.body or "", int(line) if line.isdigit() else -1, is_ticked=visit.form.get("was") != "true")
    if body is None:
        raise ApiProblem(409, "The text has changed. Load the page again.")
    issues.edit(repo, visit.person, thread, title=None, body=body)
    return _back(repo, thread)


def _comment(visit: Visit, repo: Repo, thread: IssueRow) -> None:
    text = visit.form.get("body", "").replace("\r\n", "\n")
    if text.strip():
        issues.comment(repo, visit.person, thread, text)


def _back(repo: Repo, thread: IssueRow) -> Redirect:
    return Redirect(f"/{repo.full_name}/{'pull' if thread.is_pull else 'issues'}/{thread.number}")


_PULL, _ISSUE = "/{owner}/{name}/pull/{number:int}", "/{owner}/{name}/issues/{number:int}"
ROUTES = (
    PageRoute("POST", _PULL + "/merge", merge),
    *(
        PageRoute("POST", f"{start}/{verb.__name__}", verb)
        for start in (_PULL, _ISSUE)
        for verb in (close, reopen, comment, task)
    ),
)
