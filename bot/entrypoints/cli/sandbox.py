"""``clockwork sandbox serve``: a GitHub-compatible server on this machine, to try the bot without an account."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.entrypoints.cli.printing import print_json
from bot.entrypoints.cli.stopping import stop_signals

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

_SAMPLE = "you/hello"
_BOT = "clockwork"
_FILES = {
    "README.md": b"# hello\n\nA repository to play with. Change `k8s/web.yaml`, open a pull request, press Merge.\n",
    "k8s/web.yaml": (
        b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n"
        b"  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"
        b"      containers:\n        - name: web\n          image: nginx:1.27\n          ports:\n"
        b"            - containerPort: 80\n"
    ),
}


def register(app: typer.Typer) -> None:
    """Add ``sandbox serve``."""
    group = typer.Typer(help="A GitHub-compatible server on this machine.", no_args_is_help=True)
    app.add_typer(group, name="sandbox")

    @group.callback()
    def root() -> None:
        """A GitHub-compatible server on this machine."""

    @group.command()
    def serve(
        directory: Path | None = typer.Option(
            None, "--dir", help="Where repositories and state are kept; without it they are gone at the end."
        ),
        port: int = typer.Option(0, "--port", min=0, max=65535, help="0 takes a free port."),
        as_json: bool = typer.Option(False, "--json", help="Print one JSON object with addresses and tokens."),
    ) -> None:
        """Start the sandbox, print its addresses and tokens, and serve until interrupted."""
        from bot.sandbox.server import Sandbox

        stop = stop_signals()
        with _folder(directory) as folder, Sandbox.start(folder, port=port) as box:
            addresses = _prepare(box)
            if as_json:
                print_json(addresses)
            else:
                print(_instructions(addresses), flush=True)
            stop.wait()


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="clockwork-sandbox-") as folder:
        yield Path(folder)


def _prepare(box: Sandbox) -> dict[str, str]:
    """Addresses and fresh tokens; on the first start also a repository to play with."""
    token, bot_token = box.create_user(box.person), box.create_user(_BOT, bot=True)
    if not box.has_repositories():
        box.create_repository(_SAMPLE, files=_FILES, description="A repository to play with")
    return {
        "url": box.url,
        "api_url": box.api_url,
        "user": box.person,
        "token": token,
        "bot": _BOT,
        "bot_token": bot_token,
        "repository": _SAMPLE,
        "clone_url": box.git_url(_SAMPLE),
    }


def _instructions(addresses: dict[str, str]) -> str:
    """What a person needs to begin."""
    clone = addresses["clone_url"].replace("://", f"://{addresses['user']}:{addresses['token']}@")
    return f"""\
Sandbox is ready. Press Ctrl-C to stop it.

  Pages      {addresses["url"]}
  API        {addresses["api_url"]}
  Your token {addresses["token"]}   (user {addresses["user"]}, administrator)
  Bot token  {addresses["bot_token"]}   (app {addresses["bot"]}, may push and write check runs)

Clone the repository to play with:
  git clone {clone}

Ask the API:
  curl -H "Authorization: Bearer {addresses["token"]}" {addresses["api_url"]}/repos/{addresses["repository"]}

Let a bot or PyGithub use it:
  export GITHUB_API_URL={addresses["api_url"]} GITHUB_TOKEN={addresses["bot_token"]}
"""
