"""Issues, with pull requests among them as on GitHub (docs.github.com, "REST API endpoints for issues")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.sandbox.backend import Repo, stamp
from bot.sandbox.edge import ApiCall, RequestBody, Route
from bot.sandbox.records import EventRow, IssueRow, UserRow
from bot.sandbox.replies import ApiProblem, ApiReply, forbidden, invalid
from bot.sandbox.shapes import issues as shapes
from bot.sandbox.verbs import issues, labels, pulls


class LabelName(RequestBody):
    """A label given as an object."""

    name: str


class NewIssue(RequestBody):
    """Body of ``POST …/issues``."""

    title: str | int
    body: str | None = None
    labels: tuple[str | LabelName, ...] = ()
    assignee: str | None = None
    assignees: tuple[str, ...] = ()


class IssueEdit(RequestBody):
    """Body of ``PATCH …/issues/N``."""

    title: str | int | None = None
    body: str | None = None
    state: str | None = None
    state_reason: str | None = None
    labels: list[str | LabelName] | None = None
    assignees: list[str] | None = None


class Labels(RequestBody):
    """Body of ``…/labels`` in its long form."""

    labels: tuple[str | LabelName, ...] = ()


class Assignees(RequestBody):
    """Body of ``…/assignees``."""

    assignees: tuple[str, ...] = ()


def names(label_values: Sequence[str | LabelName]) -> list[str]:
    """The names of labels given either way."""
    return [label if isinstance(label, str) else label.name for label in label_values]


def list_issues(call: ApiCall) -> ApiReply:
    """Issues and pull requests by state, labels (all of them), creator and time of the last change."""
    repo = call.repo()
    rows = call.backend.store.all(IssueRow, "SELECT * FROM issue WHERE repo_id = ?", repo.id)
    if not repo.has_issues:  # they are not listed any more; pull requests are
        rows = [row for row in rows if row.is_pull]
    tests = _filters(call)
    matches = [row for row in rows if all(test(row) for test in tests)]
    return call.page(in_order(call, matches, direction="desc"), lambda row: shapes.issue(repo, row), kind="issue")


def in_order(call: ApiCall, rows: list[IssueRow], *, direction: str) -> list[IssueRow]:
    """``rows`` by the ``sort`` that was asked for (created unless said), in ``direction`` unless another was asked for."""
    column = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    down = call.query.get("direction", direction) == "desc"
    return sorted(rows, key=lambda row: (getattr(row, column), row.number), reverse=down)


def _filters(call: ApiCall) -> list[Callable[[IssueRow], bool]]:
    query, backend = call.query, call.backend
    tests: list[Callable[[IssueRow], bool]] = []
    state = query.get("state", "open")
    if state != "all":
        tests.append(lambda row: row.state == state)
    if query.get("creator"):
        creator = backend.login(query["creator"])
        tests.append(lambda row: creator is not None and row.author_id == creator.id)
    if query.get("since"):
        since = stamp(datetime.fromisoformat(query["since"]))
        tests.append(lambda row: row.updated_at >= since)
    required = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
    if required:
        tests.append(lambda row: required <= {label.name.lower() for label in shapes.labels_of(backend, row)})
    return tests


def new_issue(call: ApiCall) -> ApiReply:
    """A new issue."""
    repo, request = call.repo(), call.body(NewIssue)
    issue = issues.open_issue(
        repo,
        call.person(),
        title=str(request.title),
        body=request.body,
        label_names=names(request.labels),
        assignees=[*request.assignees, *filter(None, [request.assignee])],
    )
    location = repo.url(f"/issues/{issue.number}")
    return ApiReply(shapes.issue(repo, issue), 201, {"Location": location})


def get_issue(call: ApiCall) -> ApiReply:
    """One issue or pull request."""
    repo, issue = call.issue()
    if not repo.has_issues and not issue.is_pull:  # "Get an issue": 410 Gone
        raise ApiProblem(410, "Issues has been disabled in this repository.")
    return ApiReply(shapes.issue(repo, issue))


def edit_issue(call: ApiCall) -> ApiReply:
    """Title, body, labels, assignees and state."""
    (repo, issue), request = call.issue(), call.body(IssueEdit)
    actor = writer(call, repo, issue.author_id)
    if request.state not in (None, "open", "closed"):
        raise invalid("Issue", "state", "invalid")
    title = None if request.title is None else str(request.title)
    issues.edit(repo, actor, issue, title=title, body=request.body)
    if request.labels is not None:
        labels.replace(repo, issue, names(request.labels))
    if request.assignees is not None:
        call.backend.store.run("DELETE FROM assigned WHERE issue_id = ? AND role = 'assignee'", issue.id)
        issues.assign(call.backend, issue, request.assignees, "assignee")
    _set_state(call, repo, actor, issue, request)
    return get_issue(call)


def _set_state(call: ApiCall, repo: Repo, actor: UserRow, issue: IssueRow, request: IssueEdit) -> None:
    if request.state == "closed":
        issues.close(repo, actor, issue, reason=request.state_reason)
    elif request.state == "open" and issue.state == "closed":
        if issue.is_pull:
            pulls.require_reopenable(call.backend, repo.pull(issue.number)[1])
        issues.reopen(repo, actor, issue)


def events(call: ApiCall) -> ApiReply:
    """What happened to an issue, oldest first."""
    repo, issue = call.issue()
    rows = call.backend.store.all(EventRow, "SELECT * FROM event WHERE issue_id = ? ORDER BY id", issue.id)
    return call.slice(rows, lambda row: shapes.event(repo, row))


def list_labels(call: ApiCall) -> ApiReply:
    """The labels of an issue."""
    return _labels(call, *call.issue())


def add_labels(call: ApiCall) -> ApiReply:
    """These labels, too."""
    repo, issue, label_names = _labelling(call)
    have = {label.name.lower() for label in shapes.labels_of(call.backend, issue)}
    with call.backend.store.transaction():
        labels.add(repo, issue, label_names)
    for name in label_names:
        if name.lower() not in have:
            issues.announce_label(repo, call.person(), issue, "labeled", name=name)
    return _labels(call, repo, issue)


def set_labels(call: ApiCall) -> ApiReply:
    """Exactly these labels."""
    repo, issue, label_names = _labelling(call)
    labels.replace(repo, issue, label_names)
    return _labels(call, repo, issue)


def remove_label(call: ApiCall) -> ApiReply:
    """Not this label."""
    repo, issue = call.issue("triage")
    labels.take_off(repo, issue, call.params["name"])
    issues.announce_label(repo, call.person(), issue, "unlabeled", name=call.params["name"])
    return _labels(call, repo, issue)


def remove_labels(call: ApiCall) -> ApiReply:
    """No labels."""
    labels.replace(*call.issue("triage"), [])
    return ApiReply(status=204)


def add_assignees(call: ApiCall) -> ApiReply:
    """These accounts are assigned, too."""
    _, issue = call.issue("triage")
    issues.assign(call.backend, issue, call.body(Assignees).assignees, "assignee")
    return ApiReply(get_issue(call).content, 201)


def writer(call: ApiCall, repo: Repo, author: int) -> UserRow:
    """Whoever calls, if it is the author or may triage; 403 otherwise."""
    person = call.person()
    if person.id != author and not repo.may(person, "triage"):
        raise forbidden("Must have admin rights to Repository.")
    return person


def _labelling(call: ApiCall) -> tuple[Repo, IssueRow, list[str]]:
    """GitHub takes a bare list and an object with ``labels`` alike."""
    repo, issue = call.issue("triage")
    bare = call.data.lstrip().startswith(b"[")
    data = b'{"labels": ' + call.data + b"}" if bare else call.data
    return repo, issue, names(call.with_data(data).body(Labels).labels)


def _labels(call: ApiCall, repo: Repo, issue: IssueRow) -> ApiReply:
    return call.slice(shapes.labels_of(call.backend, issue), lambda row: shapes.label(repo, row))


_ISSUES = "/repos/{owner}/{repo}/issues"
ROUTES = (
    Route("GET", _ISSUES, list_issues),
    Route("POST", _ISSUES, new_issue),
    Route("GET", _ISSUES + "/{number:int}", get_issue),
    Route("PATCH", _ISSUES + "/{number:int}", edit_issue),
    Route("GET", _ISSUES + "/{number:int}/events", events),
    Route("GET", _ISSUES + "/{number:int}/timeline", events),
    Route("GET", _ISSUES + "/{number:int}/labels", list_labels),
    Route("POST", _ISSUES + "/{number:int}/labels", add_labels),
    Route("PUT", _ISSUES + "/{number:int}/labels", set_labels),
    Route("DELETE", _ISSUES + "/{number:int}/labels", remove_labels),
    Route("DELETE", _ISSUES + "/{number:int}/labels/{name:path}", remove_label),
    Route("POST", _ISSUES + "/{number:int}/assignees", add_assignees),
)
