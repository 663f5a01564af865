"""The pages for people, through plain HTTP and, for looks, a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import github.Repository
import httpx
import pytest

from tests.sandbox.people import Box, propose, tip
from tests.web import new_client

Repo = github.Repository.Repository
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def web(box: Box) -> Iterator[httpx.Client]:
    with new_client(base_url=box.server.url) as http:
        yield http


def _page(web: httpx.Client, address: str) -> str:
    reply = web.get(address)
    assert reply.status_code == 200, reply.text
    return reply.text


def _token(page: str) -> str:
    match = re.search(r'name="token" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def test_the_merge_button_merges_what_was_shown(web: httpx.Client, repo: Repo) -> None:
    """Pressing Merge merges as the person; a head that moved since the page was loaded is refused."""
    pull = propose(repo)
    address = f"/{repo.full_name}/pull/{pull.number}"
    form = {"token": _token(_page(web, address)), "head": pull.head.sha, "method": "squash"}
    repo.create_file("later", "Later", "x", branch="fix")
    stale = web.post(f"{address}/merge", data=form)
    assert (stale.status_code, "Head branch was modified" in stale.text) == (409, True)
    done = web.post(f"{address}/merge", data=form | {"head": tip(repo, "fix")})
    assert (done.status_code, done.headers["location"]) == (303, address)
    fresh = repo.get_pull(pull.number)
    assert (fresh.merged, fresh.merged_by.login) == (True, "you")
    assert "Merged" in _page(web, address)


def test_close_reopen_and_comment(web: httpx.Client, repo: Repo) -> None:
    """Close says no with a comment, Reopen takes it back."""
    pull = propose(repo)
    address = f"/{repo.full_name}/pull/{pull.number}"
    form = {"token": _token(_page(web, address)), "body": "Not now"}
    assert web.post(f"{address}/close", data=form).status_code == 303
    assert repo.get_pull(pull.number).state == "closed"
    assert [comment.body for comment in pull.get_issue_comments()] == ["Not now"]
    assert web.post(f"{address}/reopen", data=form | {"body": ""}).status_code == 303
    assert repo.get_pull(pull.number).state == "open"


@pytest.mark.parametrize(("token", "host"), [("", "127.0.0.1"), ("guess", "127.0.0.1"), (None, "evil.example")])
def test_forms_of_other_sites_are_refused(web: httpx.Client, repo: Repo, token: str | None, host: str) -> None:
    """Without the page's own token, or under another host name, nothing happens."""
    pull = propose(repo)
    address = f"/{repo.full_name}/pull/{pull.number}"
    sent = _token(_page(web, address)) if token is None else token
    reply = web.post(f"{address}/merge", data={"token": sent}, headers={"Host": host})
    assert reply.status_code == 403
    assert repo.get_pull(pull.number).state == "open"


def test_hostile_text_stays_text(web: httpx.Client, repo: Repo) -> None:
    """Titles, bodies, file names and contents cannot add markup; hidden comments stay hidden."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    pull = propose(repo, files={"<b>.md": evil}, title=evil)
    pull.edit(
        body=f"<!-- secret marker -->\n{evil}\n\n[x](javascript:alert(1)) <details open><summary>More</summary>ok</details>"
    )
    pull.create_issue_comment(evil)
    page = _page(web, f"/{repo.full_name}/pull/{pull.number}")
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert 'href="javascript' not in page
    assert "secret marker" not in page
    assert "<details open><summary>More</summary>" in page
    assert "default-src 'none'" in web.get(f"/{repo.full_name}/pull/{pull.number}").headers["content-security-policy"]


def test_task_boxes_can_be_ticked(web: httpx.Client, repo: Repo) -> None:
    """A tick changes one character of the body, as the person, and says "edited" to webhooks."""
    issue = repo.create_issue("Board", body="<!-- m -->\n\n- [ ] Resume\n- [x] Done\n")
    address = f"/{repo.full_name}/issues/{issue.number}"
    page = _page(web, address)
    assert page.count('role="checkbox"') == 2
    form = {"token": _token(page), "line": "2", "was": "false"}
    assert web.post(f"{address}/task", data=form).status_code == 303
    assert repo.get_issue(issue.number).body == "<!-- m -->\n\n- [x] Resume\n- [x] Done\n"
    assert web.post(f"{address}/task", data=form | {"line": "0"}).status_code == 409


def test_checks_and_their_findings_are_shown(web: httpx.Client, repo: Repo) -> None:
    """A failed check is open and red, and its remark stands at its line of the diff."""
    pull = propose(repo, files={"a.yaml": "one: 1\ntwo: 2\n"})
    output: dict[str, Any] = {
        "title": "One finding",
        "summary": "**Blocked**",
        "annotations": [
            {"path": "a.yaml", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "No twos"}
        ],
    }
    run = repo.create_check_run("guard", pull.head.sha, conclusion="failure", output=output)
    page = _page(web, f"/{repo.full_name}/pull/{pull.number}")
    assert '<details class="check failure" open>' in page
    assert re.search(r'two: 2</td>\s*</tr>\s*<tr class="remarks">.*?No twos', page, re.DOTALL)
    assert "<strong>Blocked</strong>" in _page(web, f"/{repo.full_name}/runs/{run.id}")


def test_every_page_opens(web: httpx.Client, repo: Repo) -> None:
    """Each kind of page of a repository with something of everything."""
    pull = propose(repo, "feature/one", files={"docs/a b.md": "# Hi\n\n- [ ] x\n"})
    issue = repo.create_issue("Board", labels=["clockwork"])
    for path in (
        "",
        "/tree/main/k8s",
        "/tree/feature/one/docs",
        "/blob/main/k8s/web.yaml",
        "/blob/feature/one/docs/a%20b.md",
        "/blob/feature/one/docs/a%20b.md?plain",
        "/raw/main/README.md",
        "/commits",
        "/commits/feature/one",
        f"/commit/{tip(repo)}",
        f"/commit/{pull.head.sha}",
        "/compare/main...feature/one",
        "/branches",
        "/pulls",
        "/pulls?state=all&label=x",
        "/issues?state=closed",
        f"/issues/{issue.number}",
        f"/pull/{pull.number}",
    ):
        assert _page(web, f"/{repo.full_name}{path}")
    assert repo.full_name in _page(web, "/")
    assert web.get(f"/{repo.full_name}/issues/{pull.number}").status_code == 303


@pytest.mark.parametrize("path", ["/pull/99", "/blob/main/none", "/tree/none", "/commit/none", "/runs/99999"])
def test_what_is_not_there_is_404(web: httpx.Client, name: str, path: str) -> None:
    """A page says so, in the same clothes."""
    reply = web.get(f"/{name}{path}")
    assert (reply.status_code, "Not Found" in reply.text) == (404, True)


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to draw the page")
def test_a_browser_draws_the_pull_request(box: Box, repo: Repo, folder: Path) -> None:
    """Chromium loads page and style sheet and shows the button, with nothing blocked by the page's own policy."""
    pull = propose(repo)
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder / 'profile'}",
            "--enable-logging=stderr",
            f"--screenshot={folder / 'page.png'}",
            box.server.web_url(repo.full_name, f"/pull/{pull.number}"),
        ],
        check=True,
        capture_output=True,
        timeout=90,
        text=True,
    )
    assert (folder / "page.png").stat().st_size > 10_000
    assert "Content Security Policy" not in done.stderr
