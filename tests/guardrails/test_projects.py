"""INT-009: a change that breaks a Compose project is told, judged with the files that it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pygit2

from bot.guardrails.rule import ChangeFacts, GuardOptions
from bot.intake.compose_select import ProjectFiles
from tests.guardrails.changes import file, fire
from tests.guardrails.test_command import commit, judged
from tests.table import table

WEB: Final = "services:\n  web:\n    image: x\n"
NETWORK: Final = "networks:\n  back: {}\n"
OVERRIDE: Final = "services:\n  web:\n    networks: [back]\n"

BROKEN: Final = [
    (f"{WEB}    networks: [back]\n", 4, "refers to the network back, which is not declared"),
    (f"{WEB}    volumes: ['data:/data']\n", 4, "refers to the volume data, which is not declared"),
    (f"{WEB}    depends_on: [db]\n", 4, "depends on db, which is no service"),
    (f"{WEB}    imagee: y\n", 4, "services.web has no key 'imagee', where 'image' is expected"),
    (f"{WEB}    privileged: perhaps\n", 4, "services.web.privileged is 'perhaps'"),
    (f"{WEB}    ports: 80\n", 4, "services.web.ports is a whole number"),
    ("services:\n  web:\n    restart: always\n", 3, "has neither 'image' nor 'build'"),
    (f"{WEB}    extends: base\n", 4, "has no service base"),
    (f"{WEB}include: [gone.yaml]\n", 4, "there is no file gone.yaml"),
]


@table(("text", "line", "message"), BROKEN)
def test_what_compose_would_refuse_is_told_where_it_is_written(text: str, line: int, message: str) -> None:
    """In a new project, and in one that was right before."""
    for before in (None, WEB):
        (hit,) = fire("INT-009", file("compose.yaml", before, text), facts=given(before))
        assert (hit.file, hit.line) == ("compose.yaml", line)
        assert message in hit.message


def given(before: str | None, **more: str) -> ChangeFacts:
    """The base with ``compose.yaml`` and other files beside it."""
    files = {name.replace("__", "."): text for name, text in more.items()}
    return ChangeFacts(
        compose={path: text.encode() for path, text in {"compose.yaml": before, **files}.items() if text is not None}
    )


@table(
    ("path", "text"),
    [
        ("compose.yaml", f"{WEB}    privileged: ${{PRIVILEGED}}\n"),
        ("compose.yaml", f"{WEB}    ports: ['${{PORT:-80}}:80']\n"),
        ("compose.yaml", f"{WEB}    env_file: [not-committed.env]\n"),
        ("tests/fixtures/compose.yaml", f"{WEB}    networks: [back]\n"),
        ("compose.yaml", f"{WEB}    networks: [{{{{ network }}}}]\n"),
        ("compose.yaml", f"{WEB}x-note: [anything]\n"),
        ("deploy.yaml", "apiVersion: v1\nkind: ConfigMap\nservices: 1\n"),
        ("compose.yaml", f"{WEB}    command: [\n"),
    ],
)
def test_what_nobody_can_tell_here_is_quiet(path: str, text: str) -> None:
    """Variables and files that only a host has, templates, test data, other files; what does not parse is INT-002."""
    assert not fire("INT-009", file(path, None, text), facts=ChangeFacts(compose={}))


def test_what_was_wrong_before_is_quiet() -> None:
    """Also where it moves to another line, or the file is renamed; a second mistake of the kind is told."""
    before = f"{WEB}    networks: [back]\n"
    after = f"# a note\n{before}"
    assert not fire("INT-009", file("compose.yaml", before, after), facts=given(before))
    moved = file("docker-compose.yml", before, after, "compose.yaml")
    assert not fire("INT-009", moved, facts=given(before))
    more = f"{after}    volumes: ['data:/data']\n"
    (hit,) = fire("INT-009", file("compose.yaml", before, more), facts=given(before))
    assert "volume data" in hit.message


def test_an_override_is_judged_with_what_it_overrides() -> None:
    """What the unchanged file declares is there, and what is taken from under it is told at the change."""
    override = file("compose.override.yaml", None, OVERRIDE)
    assert not fire("INT-009", override, facts=given(WEB + NETWORK))
    (hit,) = fire("INT-009", override, facts=given(WEB))
    assert hit.file == "compose.override.yaml"
    whole = given(WEB + NETWORK, compose__override__yaml=OVERRIDE)
    (hit,) = fire("INT-009", file("compose.yaml", WEB + NETWORK, WEB), facts=whole)
    assert hit.file == "compose.yaml"
    assert "(compose.override.yaml:3)" in hit.message


def test_variables_of_a_project_are_part_of_it() -> None:
    """A change of ``.env`` alone can break it; what it holds is not shown."""
    text = f"{WEB}    scale: $SCALE\n"
    (hit,) = fire("INT-009", file(".env", "SCALE=2\n", "SCALE=hunter2\n"), facts=given(text, __env="SCALE=2\n"))
    assert hit.message.startswith("Compose does not take this project: services.web.scale is what its variable holds")
    assert hit.file == ".env"


def test_the_files_of_a_project_are_found_at_base(tmp_path: Path) -> None:
    """In a real repository: included and extended files in other folders, whatever they are called, and none of the change."""
    repository = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    base = commit(
        repository,
        {
            "shop/compose.yaml": f"include: [../parts/net.yaml]\n{WEB}    networks: [back]\n",
            "parts/net.yaml": f"include: [deeper/more]\n{NETWORK}",
            "parts/deeper/more": "services:\n  db: {image: y}\n",
        },
    )
    head = commit(repository, {"shop/compose.override.yaml": f"{OVERRIDE}    depends_on: [db]\n"})
    assert rules(repository, base, head) == []
    worse = commit(repository, {"parts/deeper/more": "services:\n  data: {image: y}\n", "shop/.env": "A=1\n"})
    assert rules(repository, head, worse) == ["INT-009"]
    broken = commit(repository, {"shop/compose.yaml": f"{WEB}    networks: [front]\n"})
    assert rules(repository, worse, broken) == ["INT-009", "INT-009"]


def rules(repository: pygit2.Repository, base: str, head: str) -> list[str]:
    _, result = judged(repository, base, head)
    findings = result["findings"]
    assert isinstance(findings, list)
    return [finding["rule"] for finding in findings]


PROD: Final = f"{WEB}    networks: [back]\n"
SELECTED: Final = GuardOptions(projects=(ProjectFiles(("base.yaml", "prod.yaml"), folder="", explicit=True),))


def test_the_files_that_settings_name_are_one_project() -> None:
    """A file that is nothing by itself is right with the one that it is laid on, and wrong without what that declares."""
    base = {"base__yaml": WEB + NETWORK}
    change = file("prod.yaml", None, PROD)
    assert {hit.file for hit in fire("INT-009", change, facts=given(None, **base))} == {"prod.yaml"}
    assert not fire("INT-009", change, facts=given(None, **base), options=SELECTED)
    (hit,) = fire("INT-009", change, facts=given(None, base__yaml=WEB), options=SELECTED)
    assert (hit.file, hit.line) == ("prod.yaml", 4)
    whole = given(None, base__yaml=WEB + NETWORK, prod__yaml=PROD)
    (hit,) = fire("INT-009", file("base.yaml", WEB + NETWORK, WEB), facts=whole, options=SELECTED)
    assert "(prod.yaml:4)" in hit.message


def test_profiles_and_variables_that_settings_name_count() -> None:
    """A service of a profile that is off is not judged; variables are those of the named files."""
    text = f"{WEB}  late:\n    image: y\n    profiles: [late]\n    networks: [gone]\n    scale: $SCALE\n"
    for profiles, scale, number in (((), "2", 0), (("late",), "2", 1), (("late",), "many", 2)):
        project = ProjectFiles(("compose.yaml",), profiles, ("prod.env",), explicit=True)
        change = file("prod.env", None, f"SCALE={scale}\n")
        hits = fire(
            "INT-009",
            file("compose.yaml", None, text),
            change,
            facts=given(None),
            options=GuardOptions(projects=(project,)),
        )
        assert len(hits) == number
    before = given(text, prod__env="SCALE=2\n")
    project = ProjectFiles(("compose.yaml",), ("late",), ("prod.env",), explicit=True)
    worse = file("prod.env", "SCALE=2\n", "SCALE=many\n")
    assert len(fire("INT-009", worse, facts=before, options=GuardOptions(projects=(project,)))) == 1
    assert not fire("INT-009", worse, facts=before)


def test_a_change_may_name_a_project_and_bring_it(tmp_path: Path) -> None:
    """In a real repository: the head's settings say what belongs together, and the base's what did before."""
    repository = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    base = commit(repository, {"deploy/base.yaml": WEB + NETWORK})
    named = "compose:\n  - files: [deploy/base.yaml, deploy/prod.yaml]\n"
    head = commit(repository, {"clockwork.yaml": named, "deploy/prod.yaml": PROD})
    assert "INT-009" not in rules(repository, base, head)
    broken = commit(repository, {"deploy/base.yaml": WEB})
    assert rules(repository, head, broken) == ["INT-009"]
    gone = commit(repository, {"deploy/base.yaml": WEB + NETWORK, "clockwork.yaml": named.replace("prod", "gone")})
    assert "INT-009" in rules(repository, broken, gone)
