"""Compose projects as docker compose itself reads them: every feature alone, two of a kind on each other, and whole projects.

Each project is read by both. Either both refuse it, or both say the same of every service; what is otherwise stands in
``EXPLAINED`` with the reason.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from bot.intake.declared import Declared
from tests.corpus import own
from tests.intake import compose_oracle as oracle
from tests.intake.compose_generated import generated
from tests.table import table

HERE: Final = Path(__file__).parent
FILES: Final[Mapping[str, bytes]] = {
    ".env": b"KNOWN=value\nEMPTY=\n",
    "a.env": b"A=from-a\nZ='one\ntwo'\nW=\"$KNOWN-x\\ty\"\nQ=1 # c\n",
    "b.env": b"A=from-b\nB: yaml\nC=${A}-c\n",
    "a.labels": b"l=1\nm=two\n",
    "b.labels": b"l=2\n",
}
NUMBER: Final = "\0"
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
        case = Case(line, {"compose.yaml": service(line, image=not line.startswith("image:"))})
        files = written([case])
        yield line, {**files, "compose.yaml": files["compose.yaml"] + MODELS.encode()}


def by_chance() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Some projects that nobody thought of; :mod:`tests.intake.compose_generated` makes any number of them."""
    yield from ((f"by chance {number}", files) for number, files in generated(range(60)))


@dataclass(frozen=True, slots=True)
class Case:
    """A project with one service to compare: what stands below ``services`` in each file, ``NUMBER`` behind its names."""

    name: str
    services: Mapping[str, str]


def service(body: str, name: str = "web", *, image: bool = True) -> str:
    return f"  {name}{NUMBER}:\n{'    image: nginx' if image else '    # on top'}\n    {body}\n"


def alone() -> Iterator[Case]:
    for body in features():
        yield Case(body, {"compose.yaml": service(body)})


def laid_on() -> Iterator[Case]:
    """Every feature and the next one of its key, as a file with its override."""
    for base, over in pairs():
        override = service(over, image=False)
        yield Case(f"{base} <- {over}", {"compose.yaml": service(base), "compose.override.yml": override})


def extended() -> Iterator[Case]:
    """The same the other way round, as ``extends``."""
    for over, base in pairs():
        web = f"  web{NUMBER}:\n    extends: base{NUMBER}\n    {base}\n"
        yield Case(f"{base} << {over}", {"compose.yaml": service(over, "base") + web})


def pairs() -> Iterator[tuple[str, str]]:
    for _, group in groupby(features(), lambda line: line.partition(":")[0]):
        lines = [*group]
        yield from ((base, over) for base, over in zip(lines, [*lines[1:], lines[0]], strict=True) if base != over)


def written(cases: Sequence[Case]) -> Mapping[str, bytes]:
    """The files of one project with the services of all of them; of several, each has a number behind its names."""
    files = dict(FILES)
    for path in cases[0].services:
        numbered = (
            case.services[path].replace(NUMBER, str(number) if cases[1:] else "") for number, case in enumerate(cases)
        )
        around = AROUND if path == "compose.yaml" else ""
        files[path] = ("services:\n" + "".join(numbered) + around).encode()
    return files


def whole() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The list of projects."""
    yield from oracle.projects().items()


def declared() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The project's own files of other tests."""
    for path in own("compose", "*.y*ml"):
        yield path.name, {"compose.yaml": path.read_bytes()}


def judged(answer: oracle.Answer, ours: Declared) -> tuple[str, list[str]]:
    """``agree``, ``refused`` (by both) or ``differ``, and in what."""
    mistakes = [str(error) for error in ours.errors if not error.note]
    if answer.refusal or mistakes:
        return ("refused" if answer.refusal and mistakes else "differ"), [answer.refusal, *mistakes]
    apart = [*oracle.differences(answer, ours)]
    return ("differ" if apart else "agree"), apart


def check(judgements: Mapping[str, tuple[str, list[str]]]) -> None:
    """Nothing differs but what is explained, and that does."""
    counted = Counter(verdict for verdict, _ in judgements.values())
    print(
        f"{len(judgements)} projects: {counted['agree']} agree, {counted['differ']} differ, {counted['refused']} refused"
    )
    apart = {name: reasons for name, (verdict, reasons) in judgements.items() if verdict == "differ"}
    unexplained = [f"{name}: {reasons}" for name, reasons in apart.items() if name not in EXPLAINED]
    assert not unexplained, "\n".join(unexplained)
    assert {name for name in judgements if name in EXPLAINED} <= apart.keys(), "explained, and no longer different"


@table("name", [name for name, _ in whole() if name not in EXPLAINED])
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
@pytest.mark.parametrize("kind", [alone, laid_on, extended])
@pytest.mark.timeout(600)
def test_services_are_read_as_docker_compose_reads_them(kind: Callable[[], Iterator[Case]], tmp_path: Path) -> None:
    """Both say the same of a service, or both refuse it, or the difference is explained.

    Docker is asked for all in one project, since starting it is what costs; where it does not say of a service what is
    read here, it is asked for that one alone.
    """
    cases = [*kind()]
    ours = {case.name: oracle.ours(written([case])) for case in cases}
    accepted = [case for case in cases if all(error.note for error in ours[case.name].errors)]
    joined = {case.name: answer for case, answer in together(tmp_path / "joined", accepted)}
    judgements = {name: judged(answer, ours[name]) for name, answer in joined.items()}
    again = [case for case in cases if judgements.get(case.name, ("refused", []))[0] != "agree"]
    assert len(again) < len(cases) / 2
    answers = asked(tmp_path / "alone", [written([case]) for case in again])
    judgements |= {case.name: judged(answer, ours[case.name]) for case, answer in zip(again, answers, strict=True)}
    assert len(judgements) == len(cases)
    check(judgements)


def together(folder: Path, cases: Sequence[Case]) -> Iterator[tuple[Case, oracle.Answer]]:
    """What docker says of each service where it reads all of them in one project; nothing of one that it refuses there."""
    answer = oracle.ask(folder / oracle.PROJECT, written(cases))
    if not answer.refusal and cases[1:]:
        for number, case in enumerate(cases):
            names = {"web": f"web{number}", "base": f"base{number}", "db": "db", "cache": "cache"}
            services = {name: answer.services[key] for name, key in names.items() if key in answer.services}
            yield case, replace(answer, services=services)
    elif cases[1:]:
        middle = len(cases) // 2
        yield from together(folder / "first", cases[:middle])
        yield from together(folder / "second", cases[middle:])


def asked(folder: Path, projects: Sequence[Mapping[str, bytes]]) -> list[oracle.Answer]:
    """What docker says of each project."""
    with ThreadPoolExecutor(2) as pool:
        folders = (folder / str(number) / oracle.PROJECT for number in range(len(projects)))
        return [*pool.map(oracle.ask, folders, projects)]


@needs_compose
@pytest.mark.parametrize("kind", [whole, declared, odd_together, odd_refused, by_chance])
@pytest.mark.timeout(600)
def test_projects_are_read_as_docker_compose_reads_them(
    kind: Callable[[], Iterator[tuple[str, Mapping[str, bytes]]]], tmp_path: Path
) -> None:
    """Both say the same of a project, or both refuse it, or the difference is explained.

    Docker is asked where its answer to just these files is not kept: starting it is what costs.
    """
    projects = dict(kind())
    assert projects
    said = {name: answer for name, files in projects.items() if (answer := oracle.kept(name, files)) is not None}
    unasked = {name: files for name, files in projects.items() if name not in said}
    said |= dict(zip(unasked, asked(tmp_path, [*unasked.values()]), strict=True))
    if kind is whole:
        kept = {name: answer for name, answer in oracle.answers().items() if name not in dict(by_chance())}
        assert {name: bool(answer.refusal) or answer for name, answer in said.items()} == {
            name: bool(answer.refusal) or answer for name, answer in kept.items()
        }, "python -m tests.intake.compose_oracle writes them anew"
    judgements = {name: judged(said[name], oracle.ours(files)) for name, files in projects.items()}
    agreed = sum(verdict == "agree" for verdict, _ in judgements.values())
    assert kind not in (odd_together, by_chance) or agreed > len(projects) / 2
    check(judgements)


def test_every_feature_of_the_specification_is_in_the_list() -> None:
    """The keys of a service in the schema, but for the few that say nothing about what runs."""
    from bot.intake.compose_schema import schema
    from bot.model.json import get, mapping

    keys = mapping(get(schema(), "definitions", "service", "properties"))
    listed = {line.partition(":")[0] for line in features()}
    elsewhere = {"image", "extends", "develop", "credential_spec", "models", "pull_refresh_after"}
    assert keys.keys() - listed == elsewhere & keys.keys()
