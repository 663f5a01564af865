"""Issues through the API, with pull requests among them as on GitHub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.sandbox.backend import stamp
from bot.sandbox.edge import Body, Call, Route
from bot.sandbox.records import Event, Issue, Repo, User
from bot.sandbox.replies import Reply, forbidden, invalid
from bot.sandbox.shapes import talk
from bot.sandbox.verbs import issues, labels, pulls

_SORTS = {"created": "created_at", "updated": "updated_at"}


class LabelName(Body):
    """A label given as an object."""

    name: str


class NewIssue(Body):
    """Body of ``POST …/issues``."""

    title: str | int
    body: str | None = None
    labels: tuple[str | LabelName, ...] = ()
    assignee: str | None = None
    assignees: tuple[str, ...] = ()


class IssueEdit(Body):
    """Body of ``PATCH …/issues/N``."""

    title: str | int | None = None
    body: str | None = None
    state: str | None = None
    state_reason: str | None = None
    labels: list[str | LabelName] | None = None
    assignees: list[str] | None = None


class Labels(Body):
    """Body of ``…/labels`` in its long form."""

    labels: tuple[str | LabelName, ...] = ()


class Assignees(Body):
    """Body of ``…/assignees``."""

    assignees: tuple[str, ...] = ()


def names(given: Sequence[str | LabelName]) -> list[str]:
    """The names of labels given either way."""
    return [label if isinstance(label, str) else label.name for label in given]


def list_issues(call: Call) -> Reply:
    """Issues and pull requests by state, labels (all of them), creator and time of the last change."""
    repo = call.repo()
    rows = call.hub.store.all(Issue, "SELECT * FROM issue WHERE repo_id = ?", repo.id)
    tests = _filters(call)
    found = [row for row in rows if all(test(row) for test in tests)]
    sort = _SORTS.get(call.query.get("sort", "created"), "created_at")
    down = call.query.get("direction", "desc") == "desc"
    found.sort(key=lambda row: (getattr(row, sort), row.number), reverse=down)
    return call.page(found, lambda row: talk.issue(call.hub, repo, row), kind="issue")


def _filters(call: Call) -> list[Callable[[Issue], bool]]:
    query, hub = call.query, call.hub
    tests: list[Callable[[Issue], bool]] = []
    state = query.get("state", "open")
    if state != "all":
        tests.append(lambda row: row.state == state)
    if query.get("creator"):
        creator = hub.login(query["creator"])
        tests.append(lambda row: creator is not None and row.author_id == creator.id)
    if query.get("since"):
        since = stamp(datetime.fromisoformat(query["since"]))
        tests.append(lambda row: row.updated_at >= since)
    wanted = {name.strip().lower() for name in query.get("labels", "").split(",") if name.strip()}
    if wanted:
        tests.append(lambda row: wanted <= {label.name.lower() for label in talk.labels_of(hub, row)})
    return tests


def new_issue(call: Call) -> Reply:
    """A new issue."""
    repo, wanted = call.repo(), call.body(NewIssue)
    issue = issues.open_issue(
        call.hub,
        repo,
        call.person(),
        title=str(wanted.title),
        body=wanted.body,
        label_names=names(wanted.labels),
        assignees=[*wanted.assignees, *filter(None, [wanted.assignee])],
    )
    where = call.hub.links.repo(repo.full_name, f"/issues/{issue.number}")
    return Reply(talk.issue(call.hub, repo, issue), 201, {"Location": where})


def get_issue(call: Call) -> Reply:
    """One issue or pull request."""
    repo = call.repo()
    return Reply(talk.issue(call.hub, repo, call.hub.issue(repo, call.number())))


def edit_issue(call: Call) -> Reply:
    """Title, body, labels, assignees and state."""
    repo, wanted = call.repo(), call.body(IssueEdit)
    issue = call.hub.issue(repo, call.number())
    actor = writer(call, repo, issue.author_id)
    if wanted.state not in (None, "open", "closed"):
        raise invalid("Issue", "state", "invalid")
    title = None if wanted.title is None else str(wanted.title)
    issues.edit(call.hub, repo, actor, issue, issues.Edit(title, wanted.body))
    if wanted.labels is not None:
        labels.replace(call.hub, repo, issue, names(wanted.labels))
    if wanted.assignees is not None:
        call.hub.store.run("DELETE FROM assigned WHERE issue_id = ? AND role = 'assignee'", issue.id)
        issues.assign(call.hub, issue, wanted.assignees, "assignee")
    _set_state(call, repo, actor, issue, wanted)
    return get_issue(call)


def _set_state(call: Call, repo: Repo, actor: User, issue: Issue, wanted: IssueEdit) -> None:
    if wanted.state == "closed":
        issues.close(call.hub, repo, actor, issue, reason=wanted.state_reason)
    elif wanted.state == "open" and issue.state == "closed":
        if issue.is_pull:
            pulls.require_reopenable(call.hub, repo, call.hub.pull(repo, issue.number)[1])
        issues.reopen(call.hub, repo, actor, issue)


def events(call: Call) -> Reply:
    """What happened to an issue, oldest first."""
    repo = call.repo()
    issue = call.hub.issue(repo, call.number())
    rows = call.hub.store.all(Event, "SELECT * FROM event WHERE issue_id = ? ORDER BY id", issue.id)
    return call.slice(rows, lambda row: talk.event(call.hub, repo, row))


def list_labels(call: Call) -> Reply:
    """The labels of an issue."""
    repo = call.repo()
    return _labels(call, repo, call.hub.issue(repo, call.number()))


def add_labels(call: Call) -> Reply:
    """These labels, too."""
    repo, issue, wanted = _labelling(call)
    with call.hub.store.transaction():
        labels.put(call.hub, repo, issue, wanted)
    return _labels(call, repo, issue)


def set_labels(call: Call) -> Reply:
    """Exactly these labels."""
    repo, issue, wanted = _labelling(call)
    labels.replace(call.hub, repo, issue, wanted)
    return _labels(call, repo, issue)


def remove_label(call: Call) -> Reply:
    """Not this label."""
    repo = call.repo("triage")
    issue = call.hub.issue(repo, call.number())
    labels.take_off(call.hub, repo, issue, call.params["name"])
    return _labels(call, repo, issue)


def remove_labels(call: Call) -> Reply:
    """No labels."""
    repo = call.repo("triage")
    labels.replace(call.hub, repo, call.hub.issue(repo, call.number()), [])
    return Reply(status=204)


def add_assignees(call: Call) -> Reply:
    """These accounts are assigned, too."""
    repo, wanted = call.repo("triage"), call.body(Assignees)
    issues.assign(call.hub, call.hub.issue(repo, call.number()), wanted.assignees, "assignee")
    return Reply(get_issue(call).content, 201)


def writer(call: Call, repo: Repo, author: int) -> User:
    """Whoever calls, if it is the author or may triage; 403 otherwise."""
    person = call.person()
    if person.id != author and not call.hub.may(repo, person, "triage"):
        raise forbidden("Must have admin rights to Repository.")
    return person


def _labelling(call: Call) -> tuple[Repo, Issue, list[str]]:
    """GitHub takes a bare list and an object with ``labels`` alike."""
    repo = call.repo("triage")
    issue = call.hub.issue(repo, call.number())
    bare = call.data.lstrip().startswith(b"[")
    data = b'{"labels": ' + call.data + b"}" if bare else call.data
    return repo, issue, names(call.with_data(data).body(Labels).labels)


def _labels(call: Call, repo: Repo, issue: Issue) -> Reply:
    return call.slice(talk.labels_of(call.hub, issue), lambda row: talk.label(call.hub, repo, row))


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
