"""What becomes of a tag: the version everywhere, the section of the changelog, and jobs with no right that they do not need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bot import __version__
from tests.distributions import ROOT

SCRIPT: Final = ".github/scripts/release.py"
PLACES: Final = (
    "bot/__init__.py",
    "templates/deploy/chart/Chart.yaml",
    "templates/deploy/manifests/clockwork.yaml",
    "templates/workflows/clockwork-guard.yml",
    "templates/workflows/clockwork-guard-publish.yml",
    "templates/workflows/clockwork-fleet.yml",
)
CHANGELOG: Final = ".github/CHANGELOG.md"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that a release is about, with a changelog of one line."""
    for name in (SCRIPT, *PLACES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / CHANGELOG).write_text("# Changelog\n\n## Unreleased\n\n### Added\n- A clock.\n")
    return tmp_path


def called(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(folder / SCRIPT), *words], capture_output=True, text=True, check=False
    )


def test_a_prepared_version_is_everywhere_and_has_notes(checkout: Path) -> None:
    """Every place says the new version and none the old one; the section has its date, and is what the tag's notes are."""
    assert called(checkout, "prepare", "7.8.9").returncode == 0
    for name in PLACES:
        text = (checkout / name).read_text()
        assert "7.8.9" in text
        assert __version__ not in text
    today = datetime.now(UTC).date()
    assert (checkout / CHANGELOG).read_text() == (
        f"# Changelog\n\n## Unreleased\n\n## 7.8.9 ({today})\n\n### Added\n- A clock.\n"
    )
    done = called(checkout, "notes", "v7.8.9")
    assert (done.returncode, done.stdout) == (0, "### Added\n- A clock.\n\n"[:-1])


def test_a_tag_of_another_version_is_refused(checkout: Path) -> None:
    """The release stops at its first step, and each place that says another version is named."""
    done = called(checkout, "notes", "v7.8.9")
    assert (done.returncode, done.stdout) == (1, "")
    assert all(f"{name} says {__version__}, the tag 7.8.9" in done.stderr for name in PLACES)


@pytest.mark.parametrize(
    ("version", "log", "said"),
    [
        ("7.8", None, "is no version"),
        ("7.8.9", "# Changelog\n\n## Unreleased\n\n## 7.8.8\n- A clock.\n", "has nothing unreleased"),
        ("7.8.9", "## Unreleased\n- A clock.\n\n## 7.8.9 (2026-01-01)\n- A bell.\n", "has 7.8.9 already"),
    ],
)
def test_what_cannot_be_prepared_changes_nothing(checkout: Path, version: str, log: str | None, said: str) -> None:
    """A version that is none, was released, or about which there is nothing to tell."""
    if log is not None:
        (checkout / CHANGELOG).write_text(log)
    before = {name: (checkout / name).read_text() for name in (*PLACES, CHANGELOG)}
    done = called(checkout, "prepare", version)
    assert done.returncode == 1
    assert said in done.stderr
    assert {name: (checkout / name).read_text() for name in before} == before


WORKFLOW: Final = ROOT / ".github/workflows/release.yml"


def jobs() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    assert content["permissions"] == {}
    return dict(content["jobs"])


def test_each_job_has_only_the_rights_that_it_needs() -> None:
    """No job that runs the project's own code can write anything, and none that publishes can read the checkout's token."""
    rights = {
        name: {right for right, level in job["permissions"].items() if level == "write"} for name, job in jobs().items()
    }
    assert rights == {
        "tag": set(),
        "check": set(),
        "build": {"id-token", "attestations"},
        "image": {"packages"},
        "index": {"packages", "id-token", "attestations"},
        "chart": {"packages", "id-token", "attestations"},
        "publish": {"id-token"},
        "release": {"contents"},
    }
    checkouts = [step for job in jobs().values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def needs(name: str) -> Iterator[str]:
    """The jobs that must have succeeded before, however far back."""
    before = jobs()[name].get("needs", [])
    for each in [before] if isinstance(before, str) else before:
        yield each
        yield from needs(each)


@pytest.mark.parametrize("name", ["build", "image", "index", "chart", "publish", "release"])
def test_nothing_is_made_before_the_tag_and_the_tests(name: str) -> None:
    """A tag that is not signed, says another version, or whose tests fail publishes nothing."""
    assert {"tag", "check"} <= set(needs(name))
    assert jobs()["tag"]["steps"][2]["name"] == "The tag is signed"


def test_what_stands_in_files_is_what_the_workflow_replaces() -> None:
    """The base image's line and the chart's repository are written as the workflow looks for them."""
    script = WORKFLOW.read_text()
    assert "s/^ARG BASE=//p" in script
    assert len(re.findall(r"(?m)^ARG BASE=\S+:\S+$", (ROOT / "templates/deploy/Dockerfile").read_text())) == 1
    assert len(re.findall(r'(?m)^  repository: ""$', (ROOT / "templates/deploy/chart/values.yaml").read_text())) == 1
    assert '^  repository: \\"\\"\\$' in script
