"""An installation of the core is small, does what needs no other service, and says what to install for the rest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import typer

from bot.entrypoints.cli.app import build
from bot.extras import EXTRAS, lacking
from bot.sandbox.server import Sandbox
from tests.distributions import ROOT, beyond_core, core, core_program, normal, only, owners, with_extra
from tests.flows.stage import NAME, open_stage

MOST_PACKAGES: Final = 25
ASKED_FOR: Final = frozenset({"hyperscan", "markdown_it"})
"""Imported only to find out whether they are there, with an answer of their own."""
MANIFEST: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
"""
Clockwork: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
LIVE: Final = '{"kind": "List", "apiVersion": "v1", "items": []}'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of a bare repository with one manifest, and a snapshot beside it in which nothing runs."""
    remote, clone = tmp_path / "remote.git", tmp_path / "clone"
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main")
    subprocess.run([*git, "init", "-q", "--bare", str(remote)], check=True)
    subprocess.run([*git, "clone", "-q", str(remote), str(clone)], check=True, capture_output=True)
    (clone / "web.yaml").write_text(MANIFEST)
    subprocess.run([*git, "-C", str(clone), "add", "."], check=True)
    subprocess.run([*git, "-C", str(clone), "commit", "-qm", "x"], check=True)
    subprocess.run([*git, "-C", str(clone), "push", "-q", "origin", "HEAD:main"], check=True)
    (tmp_path / "live.json").write_text(LIVE)
    (tmp_path / "github.yaml").write_text("repository: acme/shop\ngithub: {api_url: 'http://127.0.0.1:9'}\n")
    return clone


@pytest.fixture(scope="module")
def clockwork() -> Iterator[Clockwork]:
    """The command line with the modules of the core alone."""
    with core_program() as run:
        yield run


def test_the_core_is_small() -> None:
    """`pip install clockwork-gitops` brings at most 25 packages."""
    assert len(core()) <= MOST_PACKAGES, sorted(core())


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("drift --live ../live.json", "not running"),
        ("plan --live ../live.json", "create"),
        ("build --out ../bundle", "bundle"),
        ("targets --all", ""),
        ("render --check", ""),
        ("check-config", ""),
        ("schema", '"title"'),
        ("init --dry-run", "clockwork.yaml"),
        ("doctor --offline --live ../live.json", ""),
        ("guard diff HEAD", ""),
        ("guard rules", "SEC-001"),
        ("policy show", "conservative"),
        ("simulate --live ../live.json", "web"),
        ("reconcile --live ../live.json", "web"),
        ("explain Deployment/shop/web --live ../live.json", "web"),
        ("ledger show", ""),
        ("-v halt -m why", ""),
    ],
)
def test_the_core_does_what_needs_no_other_service(
    checkout: Path, clockwork: Clockwork, words: str, shown: str
) -> None:
    """A repository on this machine is compared, planned, judged and reconciled by the core alone."""
    done = clockwork(*words.split(), folder=checkout)
    assert done.returncode == 0, done
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("demo --no-serve", "demo"),
        ("sandbox serve", "sandbox"),
        ("daemon run --live ../live.json", "daemon"),
        ("reconcile --settings ../github.yaml --live ../live.json", "github"),
        ("drift --live http://127.0.0.1:9/live.json", "http"),
    ],
)
def test_what_the_core_lacks_is_told_with_its_extra(
    checkout: Path, clockwork: Clockwork, words: str, extra: str
) -> None:
    """Who asks for more is told what to install, with the exit code of bad input and no traceback."""
    done = clockwork(*words.split(), folder=checkout, CLOCKWORK_TOKEN="t")
    assert done.returncode == 2, done
    assert f"pip install 'clockwork-gitops[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_github_extra_is_all_that_a_run_on_github_needs(tmp_path: Path) -> None:
    """With it alone a run reads the branch, commits a safe value, and opens a pull request on the sandbox."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        stage = open_stage(tmp_path, box)
        stage.safe_drift()
        stage.config_drift()
        stage.show()
        words = ("reconcile", "--repo", box.git_url(NAME), "--live", str(stage.live), "--json")
        done = only("github", *words, folder=tmp_path, CLOCKWORK_TOKEN=stage.token, GITHUB_API_URL=box.api_url)
        assert done.returncode == 0, done
        assert sorted(action["effect"] for action in json.loads(done.stdout)["actions"]) == ["committed", "opened"]
        assert len(stage.pulls("open")) == 1


def test_a_module_of_no_extra_stays_a_defect() -> None:
    """Advice to install something is given only where an extra brings it."""
    assert lacking(ModuleNotFoundError("no bot.nowhere", name="bot.nowhere")) is None


def imported() -> Iterator[str]:
    """The top-level module of every import in the code, and of what looks like one in a text."""
    for path in (ROOT / "bot").rglob("*.py"):
        yield from re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), re.MULTILINE)


def test_every_module_beyond_the_core_has_its_extra() -> None:
    """What the code imports and the core lacks is in the table, and the extra there brings it."""
    assert set(imported()) & beyond_core() - ASKED_FOR <= set(EXTRAS)
    for module, extra in EXTRAS.items():
        assert with_extra(extra) & set(map(normal, owners()[module])), (module, extra)


HELP: Final = """
import sys
from bot.entrypoints.cli import main
try:
    main(["--help"])
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
SLOW: Final = frozenset(
    {"asyncio", "bot.model.drift", "bot.secrecy", "bot.settings", "pydantic", "pygit2", "rich", "yaml"}
)


def test_help_imports_nothing_that_takes_long() -> None:
    """The list of verbs is there before anything of what they do is imported."""
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not SLOW & set(done.stderr.split())
    assert "reconcile" in done.stdout


def test_help_outlines_what_the_verbs_say_of_themselves() -> None:
    """The list of verbs is the same whether their parameters were read for it or not."""
    texts = []
    for app in (build(), build(["--help"]), build(["dirft"])):
        command: Any = typer.main.get_command(app)
        texts.append(command.get_help(command.make_context("clockwork", [], resilient_parsing=True)))
    assert len(set(texts)) == 1


@pytest.mark.parametrize("words", ["drift", "guard diff", "daemon policy set"])
def test_the_verb_that_is_named_has_its_parameters(words: str) -> None:
    """What is left out for the others is there for the verb that runs."""
    assert _help(build(words.split()), words) == _help(build(), words)


def _help(app: typer.Typer, words: str) -> str:
    command: Any = typer.main.get_command(app)
    context = command.make_context("clockwork", [], resilient_parsing=True)
    for word in words.split():
        command = command.commands[word]
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    text: str = command.get_help(context)
    assert "--help" in text
    return text
