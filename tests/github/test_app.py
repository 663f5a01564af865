"""A GitHub App as identity: tokens that are renewed in time, and the login that the app acts as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import Closed, Invalid, Unavailable
from bot.flows.reconcile import tick
from bot.github.app import AppTokens
from bot.model.proposal import Effect
from bot.sandbox.administration import AppKey
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.flows.stage import open_stage

NAME = "acme/shop"
CLAIM = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: '1'}\n"


class Hand:
    """A clock for both sides that moves when it is told to."""

    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def box(tmp_path: Path, hand: Hand) -> Iterator[Sandbox]:
    with Sandbox.start(tmp_path / "box", clock=hand.now) as running:
        running.create_repository(NAME, files={"a.txt": b"1\n"})
        yield running


def tokens(box: Sandbox, key: AppKey, hand: Hand, **changes: object) -> AppTokens:
    values = {"api_url": box.api_url, "full_name": NAME, "clock": hand} | changes
    private_key = str(values.pop("private_key", key.private_key))
    return AppTokens(key.id, private_key, **values)  # type: ignore[arg-type]


def test_a_token_is_kept_and_renewed_before_it_expires(box: Sandbox, hand: Hand) -> None:
    """The same one for most of an hour, another one minutes before its end; the installation is found by the repository."""
    app = tokens(box, box.admin.create_app("shop-gitops"), hand)
    first = app.token()
    hand.sleep(54 * 60)
    assert app.token() == first
    hand.sleep(2 * 60)
    second = app.token()
    assert second != first
    assert app.login() == "shop-gitops[bot]"
    assert (first in repr(app), second in repr(app)) == (False, False)


def test_what_is_wrong_is_said(box: Sandbox, hand: Hand) -> None:
    """A key of another app, one that is no key, an installation that is not there, a server that is not there."""
    key, other = box.admin.create_app("one"), box.admin.create_app("two")
    with pytest.raises(Closed, match="401"):
        tokens(box, key, hand, private_key=other.private_key).token()
    with pytest.raises(Invalid, match="private key"):
        tokens(box, key, hand, private_key="no key").token()
    with pytest.raises(Closed, match="404"):
        tokens(box, key, hand, installation=1).token()
    with pytest.raises(Unavailable, match="did not answer"):
        tokens(box, key, hand, api_url="http://127.0.0.1:9").token()


def test_a_limit_is_waited_for(box: Sandbox, hand: Hand) -> None:
    """Asking for tokens too often is no want of rights: the wait is said, and afterwards there is a token."""
    app = tokens(box, box.admin.create_app("one"), hand)
    box.faults.secondary_limit("/access_tokens", retry_after=90)
    with pytest.raises(Unavailable, match="asks to wait 90 s") as caught:
        app.token()
    assert caught.value.retry_after == 90
    assert app.token()


def test_a_token_that_was_revoked_early_is_replaced(tmp_path: Path) -> None:
    """What goes on running after its app was suspended for a while, or installed anew, writes on with another token."""
    with Sandbox.start(tmp_path / "box") as box:
        key = box.admin.create_app("shop-gitops")
        stage = open_stage(tmp_path, box)
        environment = {
            "GITHUB_API_URL": box.api_url,
            "CLOCKWORK_APP_ID": str(key.id),
            "CLOCKWORK_APP_PRIVATE_KEY": key.private_key,
        }
        stage.config_drift(8081)
        stage.show()
        loop = open_loop(replace(stage.options(), environment=environment), clock=stage.clock)
        assert [action.effect for action in tick(loop).actions] == [Effect.OPENED]
        box.admin.revoke("shop-gitops[bot]")
        stage.config_drift(8082)
        stage.safe_drift()
        stage.show()
        stage.clock.move(hours=2)
        assert {action.effect for action in tick(loop).actions} == {Effect.UPDATED, Effect.COMMITTED}
        box.admin.revoke("shop-gitops[bot]")
        assert loop.run.repository.push("mine", str(loop.run.repository.head("main")), expected=None)


@pytest.mark.parametrize("named", ["settings", "environment"])
def test_a_run_acts_as_its_app(tmp_path: Path, named: str) -> None:
    """Commits, pull requests and issues are the app's, a second run finds them, and no other token is needed."""
    with Sandbox.start(tmp_path / "box") as box:
        key = box.admin.create_app("shop-gitops")
        app = f"\n  app: {{id: {key.id}}}" if named == "settings" else ""
        settings = f"version: 1\ngithub:\n  min_write_interval: 0{app}\n".encode()
        box.create_repository(NAME, files={"clockwork.yaml": settings, "k8s/web.yaml": CLAIM})
        live = tmp_path / "live.json"
        live.write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
        environment = {"GITHUB_API_URL": box.api_url, "CLOCKWORK_APP_PRIVATE_KEY": key.private_key}
        if named == "environment":
            environment |= {"CLOCKWORK_APP_ID": str(key.id), "CLOCKWORK_APP_INSTALLATION": str(key.installation)}
        effects = []
        for number in range(2):
            options = Options(
                repo=box.git_url(NAME), live=str(live), environment=environment, cache=tmp_path / f"cache-{number}"
            )
            loop = open_loop(options)
            effects.append([action.effect.value for action in tick(loop).actions])
            assert loop.run.actor.login == "shop-gitops[bot]"
        assert effects == [["opened"], ["unchanged"]]
