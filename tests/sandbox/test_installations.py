"""An app that is installed for some owners: what it lists, and that no token reaches beyond what it was made for."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import jwt
import pytest

from bot.sandbox.administration import AppKey
from bot.sandbox.server import Sandbox
from tests.sandbox.people import Box, cloned, commit_file, git
from tests.web import WEB, new_client

OWNERS = ("north", "south")


@pytest.fixture
def key(box: Box) -> AppKey:
    for owner in OWNERS:
        for name in ("one", "two", "three"):
            if not box.server.backend.store.number(
                "SELECT COUNT(*) FROM repo WHERE owner = ? AND name = ?", owner, name
            ):
                box.server.create_repository(f"{owner}/{name}", files={"a": b"1\n"}, private=name == "three")
    slug = f"fleet-{time.monotonic_ns()}"
    return box.server.admin.create_app(slug, owners=OWNERS)


def as_app(key: AppKey) -> dict[str, str]:
    now = int(time.time())
    token = jwt.encode({"iat": now - 60, "exp": now + 300, "iss": str(key.id)}, key.private_key, algorithm="RS256")
    return {"Authorization": f"Bearer {token}"}


def order(server: Sandbox, key: AppKey, owner: str, **body: object) -> httpx.Response:
    path = f"{server.api_url}/app/installations/{key.installations[owner]}/access_tokens"
    return WEB.post(path, headers=as_app(key), json=body)


def test_an_app_lists_where_it_is_installed(box: Box, key: AppKey, name: str) -> None:
    """Each owner is an installation of its own, a page at a time; what it is not installed for has none."""
    with new_client(base_url=box.server.api_url, headers=as_app(key)) as web:
        first = web.get("/app/installations", params={"per_page": 1})
        second = web.get(first.links["next"]["url"])
        assert [page.json()[0]["account"]["login"] for page in (first, second)] == list(OWNERS)
        assert "next" not in second.links
        assert web.get("/repos/north/one/installation").json()["id"] == key.installations["north"]
        assert web.get(f"/repos/{name}/installation").status_code == 404


def test_a_token_lists_and_reaches_its_own_repositories_alone(box: Box, key: AppKey, folder: Path) -> None:
    """Of the installation or of those that were named; others are read where they are public and written nowhere."""
    whole = order(box.server, key, "north").json()["token"]
    narrow = order(box.server, key, "north", repositories=["one"]).json()
    assert narrow["repository_selection"] == "selected"
    listed = []
    for token in (whole, narrow["token"]):
        with new_client(base_url=box.server.api_url, headers={"Authorization": f"token {token}"}) as web:
            data = web.get("/installation/repositories").json()
            listed.append((data["total_count"], [repo["full_name"] for repo in data["repositories"]]))
    assert listed == [(3, ["north/one", "north/two", "north/three"]), (1, ["north/one"])]
    with new_client(base_url=box.server.api_url, headers={"Authorization": f"token {narrow['token']}"}) as web:
        assert web.post("/repos/north/one/issues", json={"title": "x"}).status_code == 201
        assert web.get("/repos/north/two").status_code == 200
        assert web.get("/repos/north/three").status_code == 404
        for name in ("north/two", "south/one"):
            assert web.post(f"/repos/{name}/issues", json={"title": "x"}).status_code == 403
    work = cloned(box, "north/two", folder, narrow["token"])
    commit_file(work, "new", "x")
    assert git("push", at=work, check=False).returncode == 128


def test_what_an_installation_does_not_reach_makes_no_token(box: Box, key: AppKey) -> None:
    """422 for a repository of another owner, 403 once the installation is suspended, 403 to list without a token of one."""
    assert order(box.server, key, "north", repositories=["nowhere"]).status_code == 422
    box.server.admin.suspend(key.installations["south"])
    assert order(box.server, key, "south").status_code == 403
    headers = {"Authorization": f"token {box.personal}"}
    assert WEB.get(f"{box.server.api_url}/installation/repositories", headers=headers).status_code == 403
