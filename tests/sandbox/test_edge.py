"""What every endpoint shares: pagination, ETags, rate limits, error bodies, both roots."""

from __future__ import annotations

from collections.abc import Iterator

import github.Repository
import httpx
import pytest
from github import GithubException, RateLimitExceededException

from tests.sandbox.people import Box, client
from tests.web import WEB, new_client

Repo = github.Repository.Repository


@pytest.fixture
def web(box: Box) -> Iterator[httpx.Client]:
    with new_client(base_url=box.server.api_url, headers={"Authorization": f"token {box.token}"}) as http:
        yield http


def _remaining(reply: httpx.Response) -> int:
    return int(reply.headers["X-RateLimit-Remaining"])


def test_an_unchanged_answer_is_304_and_free(web: httpx.Client, repo: Repo) -> None:
    """If-None-Match with the ETag gives 304 without a body, and the rate limit does not count it."""
    address = f"/repos/{repo.full_name}/issues"
    first = web.get(address)
    again = web.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, _remaining(again)) == (304, b"", _remaining(first))
    repo.create_issue("New")
    changed = web.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert _remaining(changed) < _remaining(first)


def test_pages_are_linked(web: httpx.Client, repo: Repo) -> None:
    """Link names next, last, prev and first; at most 100 per page; following it finds everything once."""
    for number in range(5):
        repo.create_issue(f"Issue {number}")
    first = web.get(f"/repos/{repo.full_name}/issues", params={"per_page": 2, "state": "all"})
    assert set(first.links) == {"next", "last"}
    second = web.get(first.links["next"]["url"])
    assert set(second.links) == {"next", "last", "prev", "first"}
    last = web.get(second.links["next"]["url"])
    assert set(last.links) == {"prev", "first"}
    numbers = [issue["number"] for page in (first, second, last) for issue in page.json()]
    assert numbers == [5, 4, 3, 2, 1]
    assert repo.get_issues(state="all").totalCount == 5


def test_pygithub_walks_all_pages(repo: Repo) -> None:
    """Lists longer than a page arrive whole."""
    for number in range(35):
        repo.create_git_ref(f"refs/heads/b{number:02}", repo.get_git_ref("heads/main").object.sha)
    assert len(list(repo.get_branches())) == 36


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("/nothing/here", 404, "Not Found"),
        ("/repos/acme/none", 404, "Not Found"),
        ("/repos/{repo}/issues/999", 404, "Not Found"),
        ("/repos/{repo}/pulls/x", 404, "Not Found"),
        ("/repos/{repo}/contents/none", 404, "Not Found"),
        ("/repos/{repo}/contents/x?ref=none", 404, "No commit found for the ref none"),
        ("/repos/{repo}/commits/none/status", 422, "No commit found for SHA: none"),
        ("/repos/{repo}/rulesets/99", 404, "Not Found"),
    ],
)
def test_errors_have_githubs_shape(web: httpx.Client, name: str, address: str, status: int, message: str) -> None:
    """message, documentation_url and status, and nothing of the server's insides."""
    reply = web.get(address.format(repo=name))
    assert reply.status_code == status
    assert reply.json() == {
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(status),
    }


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [(b"{", 400, "Problems parsing JSON"), (b"{}", 422, '"title" wasn\'t supplied'), (b"[1]", 422, "Invalid request")],
)
def test_bad_bodies_are_named(web: httpx.Client, name: str, content: bytes, status: int, words: str) -> None:
    """What is missing or malformed is said, whatever was sent."""
    reply = web.post(f"/repos/{name}/issues", content=content)
    assert (reply.status_code, words in reply.json()["message"]) == (status, True)


def test_both_roots_answer(box: Box, web: httpx.Client, name: str) -> None:
    """The API lies below ``/api/v3`` as on GHES and at the top as on api.github.com."""
    top = WEB.get(f"{box.server.url}/repos/{name}", headers=web.headers)
    assert top.json() == web.get(f"/repos/{name}").json()


def test_the_rate_limit_runs_out(box: Box, name: str) -> None:
    """At zero every call is 403 until the window ends; the rate_limit endpoint says so for free."""
    token = box.server.create_user("greedy")
    with client(box.server, token) as limited:
        box.server.set_rate_limit("greedy", remaining=1)
        limited.get_repo(name)
        with pytest.raises(RateLimitExceededException) as caught:
            limited.get_repo(name)
        assert caught.value.data["message"].startswith("API rate limit exceeded for user ID")
        assert (caught.value.headers or {})["x-ratelimit-remaining"] == "0"
        box.server.set_rate_limit("greedy", remaining=5)
        assert limited.get_rate_limit().resources.core.remaining == 5


def test_writes_are_seen_in_the_journal(box: Box, repo: Repo) -> None:
    """A test can prove that a run wrote nothing."""
    box.server.requests.clear()
    list(repo.get_issues())
    assert (len(box.server.requests.lines()), box.server.requests.writes()) == (1, ())
    repo.create_issue("One")
    assert [(line.method, line.status) for line in box.server.requests.writes()] == [("POST", 201)]


def test_anonymous_readers_may_read_what_is_public(box: Box, name: str) -> None:
    """No token: public repositories answer, writing and private ones do not."""
    with new_client(base_url=box.server.api_url) as web:
        assert web.get(f"/repos/{name}").status_code == 200
        assert web.post(f"/repos/{name}/issues", json={"title": "x"}).status_code == 401
        assert web.get("/user").status_code == 401


def test_a_repository_without_commits_is_empty(box: Box, gh: github.Github) -> None:
    """No branch, no commits (409), no files (404)."""
    box.server.create_repository("acme/empty")
    repo = gh.get_repo("acme/empty")
    assert list(repo.get_branches()) == []
    with pytest.raises(GithubException) as caught:
        list(repo.get_commits())
    assert (caught.value.status, caught.value.data["message"]) == (409, "Git Repository is empty.")
