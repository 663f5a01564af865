"""Compose projects as docker compose itself reads them: every feature alone, two of a kind on each other, and whole projects.

Each project is read by both. Either both refuse it, or both say the same of every service; what is otherwise stands in
``EXPLAINED`` with the reason.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from tests.corpus import own
from tests.intake import compose_oracle as oracle
from tests.intake.compose_generated import generated

HERE: Final = Path(__file__).parent
FILES: Final[Mapping[str, bytes]] = {
    ".env": b"KNOWN=value\nEMPTY=\n",
    "a.env": b"A=from-a\nZ='one\ntwo'\nW=\"$KNOWN-x\\ty\"\nQ=1 # c\n",
    "b.env": b"A=from-b\nB: yaml\nC=${A}-c\n",
    "a.labels": b"l=1\nm=two\n",
    "b.labels": b"l=2\n",
}
AROUND: Final = """  db: {image: pg}
  cache: {image: redis}
networks: {front: , back: }
volumes: {data: , logs: }
secrets: {s1: {file: ./s1}, s2: {file: ./s2}}
configs: {c1: {file: ./c1}, c2: {content: x}}
"""
MODELS: Final = "models: {m1: {model: x}}\n"

EXPLAINED: Final = {
    "env file that is not there": "docker refuses; such files are often kept out of Git, so here it is a note",
    "a tag nobody knows": "docker ignores the tag; here nobody knows what its author meant",
    "include with an env file that is not there": "as an env file that is not there",
    "a size that is a fraction": "docker passes over it and sets no limit; its author wanted one",
    "an empty file": "docker wants services; a file that declares nothing is no mistake here",
    "empty.yaml": "as an empty file",
    "chart.yaml": "a Helm chart; it is a Compose file for this test alone",
}


def features() -> list[str]:
    """The lines of the list of features."""
    lines = (HERE / "compose_features.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def odd() -> tuple[list[str], list[str]]:
    """The lines of the list of odd values: what docker compose takes, and what it refuses."""
    taken, _, refused = (HERE / "compose_odd.txt").read_text(encoding="utf-8").partition("# refused\n")
    return [line for line in taken.splitlines() if line and not line.startswith("#")], refused.splitlines()


def odd_together() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The odd values that docker compose takes, many services a project."""
    lines = odd()[0]
    for at in range(0, len(lines), 50):
        services = "".join(
            f"  s{number}:\n    image: x\n    {line}\n" for number, line in enumerate(lines[at : at + 50])
        )
        yield f"odd {at}", {"compose.yaml": ("services:\n" + services + AROUND + MODELS).encode(), **FILES}


def odd_refused() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    for line in odd()[1]:
        body = service(line, image=not line.startswith("image:"))
        yield line, {"compose.yaml": (body + AROUND + MODELS).encode(), **FILES}


def by_chance() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Some projects that nobody thought of; :mod:`tests.intake.compose_generated` makes any number of them."""
    yield from generated(range(60))


def service(body: str, *, image: bool = True) -> str:
    return f"services:\n  web:\n{'    image: nginx' if image else '    # on top'}\n    {body}\n"


def alone() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    for body in features():
        yield body, {"compose.yaml": (service(body) + AROUND).encode(), **FILES}


def laid_on() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Every feature and the next one of its key, as a file with its override, and the other way round as ``extends``."""
    for _, group in groupby(features(), lambda line: line.partition(":")[0]):
        lines = [*group]
        for base, over in zip(lines, [*lines[1:], lines[0]], strict=True):
            if base != over:
                yield f"{base} <- {over}", overridden(base, over)
                yield f"{over} << {base}", extended(over, base)


def overridden(base: str, over: str) -> Mapping[str, bytes]:
    override = service(over, image=False).encode()
    return {"compose.yaml": (service(base) + AROUND).encode(), "compose.override.yml": override, **FILES}


def extended(base: str, over: str) -> Mapping[str, bytes]:
    first = (service(base) + AROUND).replace("  web:", "  base:", 1)
    web = f"  web:\n    extends: base\n    {over}\n  db:"
    return {"compose.yaml": first.replace("  db:", web, 1).encode(), **FILES}


def whole() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The list of projects."""
    yield from oracle.projects().items()


def declared() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The project's own files of other tests."""
    for path in own("compose", "*.y*ml"):
        yield path.name, {"compose.yaml": path.read_bytes()}


def judged(folder: Path, files: Mapping[str, bytes]) -> tuple[str, list[str]]:
    """``agree``, ``refused`` (by both) or ``differ``, and in what."""
    folder.mkdir(parents=True)
    answer, ours = oracle.ask(folder, files), oracle.ours(files)
    mistakes = [str(error) for error in ours.errors if not error.note]
    if answer.refusal or mistakes:
        return ("refused" if answer.refusal and mistakes else "differ"), [answer.refusal, *mistakes]
    apart = [*oracle.differences(answer, ours)]
    return ("differ" if apart else "agree"), apart


@pytest.mark.parametrize("name", [name for name, _ in whole() if name not in EXPLAINED])
def test_whole_projects_are_what_docker_compose_said_of_them(name: str) -> None:
    """As ``compose_answers.json`` has it: also where docker compose cannot be asked."""
    answer = oracle.answers()[name]
    ours = oracle.ours(dict(whole())[name])
    mistakes = [str(error) for error in ours.errors if not error.note]
    assert bool(answer.refusal) == bool(mistakes), mistakes
    assert answer.refusal or [*oracle.differences(answer, ours)] == []


def test_what_docker_compose_refuses_is_refused() -> None:
    """Each of the odd values that it refuses, also where it cannot be asked."""
    errors = {line: oracle.ours(files).errors for line, files in odd_refused()}
    assert [line for line, told in errors.items() if all(error.note for error in told)] == []


needs_compose = pytest.mark.skipif(
    oracle.program() is None and not os.environ.get("CI"),
    reason="docker-compose is not installed (CONTRIBUTING.md says how, without an engine)",
)


@needs_compose
@pytest.mark.parametrize("kind", [alone, laid_on, whole, declared, odd_together, odd_refused, by_chance])
@pytest.mark.timeout(600)
def test_projects_are_read_as_docker_compose_reads_them(kind: object, tmp_path: Path) -> None:
    """Both say the same of a project, or both refuse it, or the difference is explained."""
    projects = [*kind()]  # type: ignore[operator]  # one of those above
    assert projects
    with ThreadPoolExecutor(2) as pool:
        folders = (tmp_path / str(number) / oracle.PROJECT for number in range(len(projects)))
        verdicts = [*pool.map(judged, folders, [files for _, files in projects])]
    if kind is whole:
        said = {name: oracle.ask(tmp_path / name / oracle.PROJECT, files) for name, files in projects}
        kept = oracle.answers()
        assert {name: bool(answer.refusal) or answer for name, answer in said.items()} == {
            name: bool(answer.refusal) or answer for name, answer in kept.items()
        }, "python -m tests.intake.compose_oracle writes them anew"
    counted = Counter(verdict for verdict, _ in verdicts)
    print(
        f"{len(projects)} projects: {counted['agree']} agree, {counted['differ']} differ, {counted['refused']} refused"
    )
    apart = {
        name: reasons for (name, _), (verdict, reasons) in zip(projects, verdicts, strict=True) if verdict == "differ"
    }
    unexplained = [f"{name}: {reasons}" for name, reasons in apart.items() if name not in EXPLAINED]
    assert not unexplained, "\n".join(unexplained)
    assert kind is odd_refused or counted["agree"] > len(projects) / 2
    assert {name for name, _ in projects if name in EXPLAINED} <= apart.keys(), "explained, and no longer different"


def test_every_feature_of_the_specification_is_in_the_list() -> None:
    """The keys of a service in the schema, but for the few that say nothing about what runs."""
    from bot.intake.compose_schema import schema
    from bot.model.json import get, mapping

    keys = mapping(get(schema(), "definitions", "service", "properties"))
    listed = {line.partition(":")[0] for line in features()}
    elsewhere = {"image", "extends", "develop", "credential_spec", "models", "pull_refresh_after"}
    assert keys.keys() - listed == elsewhere & keys.keys()
