"""Compose projects as resources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.intake.declared import Declared
from bot.intake.dotenv import parse_env
from bot.intake.interpolate import fill
from bot.intake.read import read
from bot.model.json import JSON, Pointer
from bot.model.resource import Desired, Through
from tests.corpus import cases
from tests.table import table


def project(**files: str) -> Declared:
    """Files by name, with ``__`` for a dot and ``_0`` for a slash."""
    named = {name.replace("_0", "/").replace("__", "."): text.encode() for name, text in files.items()}
    return read(named, project="shop")


def trees(found: Declared) -> dict[str, JSON]:
    return {str(one.id): one.tree for one in found.resources}


def test_services_keep_their_author_s_syntax_and_get_a_project() -> None:
    """Short syntax stays short; networks, volumes, secrets and configs are resources too."""
    found = project(
        compose__yaml="""
services:
  web: {image: nginx, ports: ["80:80"]}
networks: {front: }
volumes: {data: {driver: local}}
"""
    )
    assert not found.errors
    assert trees(found) == {
        "service/shop/web": {"image": "nginx", "ports": ["80:80"]},
        "network/shop/front": {},
        "volume/shop/data": {"driver": "local"},
    }


def test_what_exists_already_is_told_by_its_name() -> None:
    """External networks and volumes come in one syntax, with the name they have; external secrets and configs do not."""
    found = project(
        compose__yaml="""
services: {web: {image: nginx}}
networks: {edge: {external: true, name: proxy}, old: {external: {name: real}}, own: {external: false}}
volumes: {data: {external: "true"}}
secrets: {token: {external: true}}
configs: {app: {external: true}}
"""
    )
    assert not found.errors
    assert trees(found) == {
        "service/shop/web": {"image": "nginx"},
        "network/shop/edge": {"external": True, "name": "proxy"},
        "network/shop/old": {"external": True, "name": "real"},
        "network/shop/own": {"external": False},
        "volume/shop/data": {"external": True},
    }


@pytest.mark.parametrize(
    ("files", "scope"),
    [
        ({"compose__yaml": "name: Own\nservices: {a: {image: b}}"}, "own"),
        ({"My-App_0compose__yaml": "services: {a: {image: b}}"}, "my-app"),
        ({"compose__yaml": "services: {a: {image: b}}"}, "shop"),
        ({"compose__yaml": "services: {a: {image: b}}", "__env": "COMPOSE_PROJECT_NAME=x"}, "x"),
    ],
)
def test_a_project_is_named_as_compose_names_it(files: dict[str, str], scope: str) -> None:
    """By the file, by ``.env``, by its folder, or by the caller."""
    (found,) = project(**files).resources
    assert found.id.scope == scope


def test_an_override_file_is_merged_and_each_value_knows_its_file() -> None:
    """Scalars are replaced, ports are added, environment goes by key; origins lead into the file that gave the value."""
    found = project(
        compose__yaml="services:\n  web:\n    image: a\n    ports: ['80:80']\n    command: [x]\n    environment: {A: 1, B: 1}",
        compose__override__yaml="services:\n  web:\n    ports: ['81:81']\n    command: [y]\n    environment: [B=2]\n",
    )
    (web,) = found.resources
    assert web.tree == {
        "image": "a",
        "ports": ["80:80", "81:81"],
        "command": ["y"],
        "environment": {"A": 1, "B": "2"},
    }
    files = [origin.file for pointer in (("image",), ("ports", 1)) if (origin := web.origins.at(pointer))]
    assert files == ["compose.yaml", "compose.override.yaml"]


def test_includes_and_extends_are_followed() -> None:
    """A service extended from another file has that file's values below its own; included services are declared."""
    found = project(
        compose__yaml="include: [more/x.yaml]\nservices:\n  web:\n    extends: {file: base.yaml, service: b}\n    tty: true\n",
        base__yaml="services:\n  b: {image: base, restart: always, depends_on: [db]}\n",
        more_0x__yaml="services:\n  db: {image: pg}\n",
    )
    assert not found.errors
    assert trees(found) == {
        "service/shop/db": {"image": "pg"},
        "service/shop/web": {"image": "base", "restart": "always", "depends_on": ["db"], "tty": True},
    }


def test_variables_come_from_env_files_and_defaults_and_origins_say_so() -> None:
    """``.env`` gives values, defaults step in, and a value that came through a variable names it."""
    found = project(
        compose__yaml="services:\n  web:\n    image: a:${TAG}\n    user: ${U:-me}$$\n", __env="TAG='1.2' # c\n"
    )
    (web,) = found.resources
    assert web.tree == {"image": "a:1.2", "user": "me$"}
    origin = web.origins.at(("image",))
    assert origin is not None
    assert (origin.through, origin.name) == (Through.VARIABLE, "TAG")


def test_a_value_that_needs_an_unset_variable_is_unknown_and_noted() -> None:
    """What Git does not tell is not guessed; it is no mistake either."""
    found = project(compose__yaml="services:\n  web:\n    image: a\n    user: ${NOBODY}\n")
    assert trees(found) == {"service/shop/web": {"image": "a", "user": "${NOBODY}"}}
    assert found.resources[0].unknown == {("user",)}
    assert found.errors[0].note
    assert "NOBODY is not set" in found.errors[0].message
    assert (found.errors[0].line, found.errors[0].column) == (4, 11)


def test_env_files_of_the_repository_become_environment() -> None:
    """Variables from ``env_file`` are declared, below the service's own."""
    found = project(
        compose__yaml="services:\n  web:\n    image: a\n    env_file: [web.env, gone.env]\n    environment: {A: own}\n",
        web__env="A=file\nB=2\n",
    )
    (web,) = found.resources
    assert web.tree["environment"] == {"A": "own", "B": "2"}
    origin = web.origins.at(("environment", "B"))
    assert origin is not None
    assert (origin.file, origin.line) == ("web.env", 2)


def test_profiles_decide_what_is_declared() -> None:
    """A service of a profile that is not on is not declared; ``.env`` turns profiles on."""
    text = "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug]}\n"
    assert set(trees(project(compose__yaml=text))) == {"service/shop/a"}
    assert len(project(compose__yaml=text, __env="COMPOSE_PROFILES=debug").resources) == 2


def test_environment_that_looks_secret_is_sensitive() -> None:
    """Names of secrets and URLs with passwords are marked, files of secrets are not."""
    found = project(
        compose__yaml="""
services:
  web:
    image: a
    environment: {DB_PASSWORD: x, URL: "pg://u:p@h/d", TOKEN_FILE: /run/x, LEVEL: info}
  db: {image: a, environment: [API_KEY=x, B=c]}
"""
    )
    db, web = sorted(found.resources, key=lambda one: one.id.name)
    assert web.sensitive == {("environment", "DB_PASSWORD"), ("environment", "URL")}
    assert db.sensitive == {("environment", 0)}


@table(
    ("text", "line", "message"),
    [
        ("services:\n  web:\n    imagee: x\n    image: y\n", 3, "no key 'imagee'"),
        ("services:\n  web: 3\n", 2, "is a whole number"),
        ("services: [a]\n", 1, "services is a list"),
        ("services:\n  web:\n    restart: always\n", 3, "neither 'image' nor 'build'"),
        ("services:\n  web:\n    image: x\n    extends: web\n", 4, "extends itself"),
        ("services:\n  web:\n    image: x\n    extends: {file: gone.yaml, service: a}\n", 4, "no file gone.yaml"),
        ("include: [gone.yaml]\n", 1, "no file gone.yaml"),
        ("services:\n  web:\n    image: ${A B}\n", 3, "not a variable"),
        ("services:\n  web:\n    image: ${A:?say which}\n", 3, "say which"),
        ("servces: {a: {image: b}}\n", 1, "no key 'servces'"),
        ("services: {a: {image: b}}\nservices: {}\n", 2, "written twice"),
        ("- a\n", 1, "not a Compose file"),
    ],
)
def test_mistakes_in_compose_files_have_file_and_line(text: str, line: int, message: str) -> None:
    """Unknown keys, wrong shapes and missing files are told where they are."""
    errors = project(compose__yaml=text).errors
    assert any(message in error.message and error.line == line for error in errors), errors


def test_other_files_in_a_project_s_folder_are_not_projects() -> None:
    """``compose.prod.yaml`` is used when somebody names it; without a default file it is the project."""
    text = "services: {a: {image: x}}"
    assert len(project(compose__yaml=text, compose__prod__yaml=text).resources) == 1
    assert len(project(compose__prod__yaml=text).resources) == 1


def leaves(tree: JSON, at: Pointer = ()) -> Iterator[Pointer]:
    yield at
    if isinstance(tree, dict):
        for key, child in tree.items():
            yield from leaves(child, (*at, key))
    if isinstance(tree, list):
        for index, child in enumerate(tree):
            yield from leaves(child, (*at, index))


@pytest.mark.parametrize("path", cases("compose", "*.y*ml"))
def test_every_real_file_is_read_or_its_mistake_told(path: Path) -> None:
    """No file of the corpus stops the reader, and every leaf of what it declares has an origin in that file."""
    found = read({path.name: path.read_bytes()}, project="shop")
    assert all(error.file == path.name and error.line > 0 for error in found.errors)
    for one in found.resources:
        assert all(_origin_file(one, pointer) == path.name for pointer in leaves(one.tree))


def _origin_file(one: Desired, pointer: Pointer) -> str | None:
    origin = one.origins.at(pointer)
    return origin.file if origin else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A-${A}", "1-1"),
        ("${B:-x}${B-y}${A:-z}", "xy1"),
        ("${E:-x}${E-y}", "x"),
        ("${A:+yes}${B:+no}${E+set}", "yesset"),
        ("${B:-${C:-deep}}", "deep"),
        ("$$A", "$A"),
        ("${A:?no}", "1"),
    ],
)
def test_interpolation_follows_the_specification(text: str, expected: str) -> None:
    """Defaults, alternatives, required variables, nesting and escapes."""
    assert fill(text, {"A": "1", "E": ""}).text == expected


@settings(deadline=None)
@given(st.text("${}:-+?AB ", max_size=30))
def test_interpolation_of_any_text_ends(text: str) -> None:
    """No text of dollar signs and braces breaks the reader."""
    fill(text, {"A": "1"})


def test_env_files_are_read_as_compose_reads_them() -> None:
    """Quotes, comments, exports, and values made from earlier ones."""
    lines = parse_env("# c\nA=1 # one\nexport B='x # y'\nC=\"${A}-2\"\n\nD=\n").lines
    assert [(line.key, line.value, line.line) for line in lines] == [
        ("A", "1", 2),
        ("B", "x # y", 3),
        ("C", "1-2", 4),
        ("D", "", 6),
    ]


def test_the_spelling_of_a_value_in_an_env_file_has_its_place() -> None:
    """With its quotes, without the blanks, the comment and the line end around it."""
    chars = '# c\r\n A = 1 # one\r\nexport B=\'x # y\'# two\r\nC="${A}\\"" \r\nD=\r\nE=a#b\t#c'
    assert [(line.key, chars[line.start : line.end]) for line in parse_env(chars).lines] == [
        ("A", "1"),
        ("B", "'x # y'"),
        ("C", '"${A}\\""'),
        ("D", ""),
        ("E", "a#b\t#c"),
    ]
    assert chars[parse_env(chars).lines[3].start - 2 :].startswith("D=\r")


def test_files_from_elsewhere_are_noted() -> None:
    """What a remote include or extends brings is not compared, and everything else is."""
    found = project(
        compose__yaml="include: ['https://github.com/a/b.git', oci://x/y]\n"
        "services: {web: {image: x, extends: {file: 'git@github.com:a/b.git', service: s}}}\n"
    )
    assert trees(found) == {"service/shop/web": {"image": "x"}}
    assert [(error.note, "is not in the repository" in error.message) for error in found.errors] == [(True, True)] * 3


def test_a_value_that_is_no_such_thing_is_known_to_nobody() -> None:
    """It is a mistake with its place, and is not compared; its neighbours are."""
    (web,) = (
        found := project(compose__yaml="services: {web: {image: x, privileged: maybe, restart: always}}")
    ).resources
    assert [(error.line, error.column, error.message) for error in found.errors] == [
        (1, 40, "services.web.privileged is 'maybe'")
    ]
    assert web.unknown == {("privileged",)}


def test_the_schema_says_which_version_it_is() -> None:
    """So that somebody can tell when it is old."""
    from bot.intake.compose_schema import schema

    assert "compose-go v2.9.1" in str(schema()["$comment"])


def test_a_mistake_does_not_show_what_a_variable_holds() -> None:
    """It may be a secret that was put into the wrong place."""
    files = {
        "compose__yaml": "services: {web: {image: x, scale: '$S', restart: always, pull_policy: $S}}",
        "__env": "S=hunter2",
    }
    told = [error.message for error in project(**files).errors]
    assert told == [
        "services.web.scale is what its variable holds",
        "services.web.pull_policy is what its variable holds",
    ]


@table("line, values", [("C=$B", ["1", "2"]), ("C=${A:-3}", ["3", "4"]), ("B", ["1", "2"]), ("C=5", ["5", "5"])])
def test_a_file_of_variables_is_read_for_each_of_its_services(line: str, values: list[str]) -> None:
    """Two services share it, and each has values of its own for what it takes from outside."""
    text = (
        "services:\n  a: {image: x, environment: {B: '1'}, env_file: [v.env]}\n"
        "  b: {image: x, environment: {A: '4', B: '2'}, env_file: [v.env]}\n"
    )
    found = project(compose__yaml=text, v__env=f"{line}\n")
    key = line.partition("=")[0]
    assert [one.tree["environment"][key] for one in found.resources] == values  # type: ignore[index, call-overload]  # a mapping
