"""The pages that people read: their links lead somewhere, and their command lines do what the pages say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.entrypoints.keeping import Keeping
from tests.flows.stage import running
from tests.table import table

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted(
    [
        *(ROOT / name for name in ("README.md", "policies/README.md", "policies/guardrails/README.md")),
        *(ROOT / name for name in ("templates/README.md", "templates/deploy/README.md", "tests/README.md")),
        *ROOT.glob("bot/**/README.md"),
        *ROOT.glob(".github/**/*.md"),
    ]
)
SETTINGS: Final = """\
version: 1
workers: {export: false}
daemon: {port: 0, state: STATE}
observe: {snapshot: {file: LIVE}}
targets: [{name: prod, path: k8s}]
"""
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_BLOCK: Final = re.compile(
    r"^(<!-- not run: (?P<reason>.*?) -->\n)?```sh\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


class ShellBlock(NamedTuple):
    """A fenced block of shell in a page; ``reason`` says why no test can run it."""

    page: str
    text: str
    reason: str | None


def blocks() -> list[ShellBlock]:
    """Those of the pages for users."""
    pages = [page for page in PAGES if ".github" not in page.parts]
    return [
        ShellBlock(page.relative_to(ROOT).as_posix(), match["text"], match["reason"])
        for page in pages
        for match in _BLOCK.finditer(page.read_text())
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link into a page may name: its headings as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    """The links of a page that lead to files or places of this repository."""
    for groups in _LINK.findall(prose(page)):
        link = groups[0] or groups[1]
        if not link.startswith(("https://", "http://", "mailto:")):
            yield link


@table("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file or folder that is there, and to a heading that it has."""
    for link in links(page):
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), link
        assert goal.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(goal), link


def test_the_first_page_is_short_and_leads_to_all_others() -> None:
    """What a newcomer reads, and an index of the reference pages."""
    first = ROOT / "README.md"
    assert len(first.read_text().splitlines()) < 400
    reached = {(ROOT / link.partition("#")[0]).resolve() for link in links(first)}
    assert {page for page in PAGES if "bot" in page.relative_to(ROOT).parts} <= reached


def test_few_blocks_cannot_be_run() -> None:
    """Each says why: what it asks for is not on this machine."""
    marked = [block for block in blocks() if block.reason is not None]
    assert len(marked) <= 8
    assert all(re.match(r"it (installs|needs|asks)", block.reason or "") for block in marked)


@pytest.mark.parametrize("block", [each for each in blocks() if each.reason is None], ids=lambda block: block.page)
def test_blocks_of_shell_run_as_they_stand(tmp_path: Path, block: ShellBlock, installed: str) -> None:
    """In a clone of a repository whose prod runs what Git says, line after line, with its remote for ``URL``."""
    settings = SETTINGS.replace("LIVE", str(tmp_path / "live.json")).replace("STATE", str(tmp_path / "state"))
    keeping = Keeping.made(tmp_path, settings)
    for name, content in (("live.json", keeping.live.read_text()), ("containers.json", "[]"), ("plan.json", PLAN)):
        (keeping.checkout / name).write_text(content)
    script = re.sub(r"\bURL\b", str(keeping.remote), block.text)
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=keeping.checkout,
        env=environment(tmp_path, installed),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:  # the block may have left a daemon behind
        stop = ["bash", "-c", "clockwork daemon stop"]
        subprocess.run(stop, cwd=keeping.checkout, env=environment(tmp_path, installed), check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


PLAN: Final = json.dumps({"format_version": "1.2", "terraform_version": "1.9.8", "planned_values": {"root_module": {}}})


def environment(folder: Path, installed: str) -> dict[str, str]:
    """Of somebody who installed Clockwork and nothing else."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "clockwork").write_text(installed)
    (programs / "clockwork").chmod(0o755)
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "CLOCKWORK_CACHE": str(folder / "cache"),
        "CLOCKWORK_SECRET": "pages",
        "LANG": "C.UTF-8",
    }


def test_what_differs_is_told_by_the_first_command_of_the_first_page(tmp_path: Path, installed: str) -> None:
    """The block that shows drift shows what somebody changed."""
    (block,) = [each for each in blocks() if each.page == "README.md" and each.reason is None]
    keeping = Keeping.made(tmp_path)
    objects = running()
    objects["Service"]["spec"]["ports"][0]["port"] = 8081
    keeping.show(objects)
    for name, content in (("live.json", keeping.live.read_text()), ("containers.json", "[]"), ("plan.json", PLAN)):
        (keeping.checkout / name).write_text(content)
    done = subprocess.run(
        ["bash", "-euc", block.text],
        cwd=keeping.checkout,
        env=environment(tmp_path, installed),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "8081" in done.stdout
