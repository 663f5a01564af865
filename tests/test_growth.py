"""What a stranger can write costs in proportion to its length: each reader and each comparison at a size and at four times it.

Steps are calls, of Python and of C functions, so that no clock and no other program has a say. Four times the text may cost
six times the steps: what grows with the square costs sixteen times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from cProfile import Profile
from typing import Any, Final

import pytest

from bot.assembly.assemble import assemble
from bot.drift.compose.declared import ports
from bot.drift.values import duration, quantity
from bot.guardrails.detectors.workflow_risks import risks
from bot.guardrails.narrowing import laid_out
from bot.guardrails.rule import ChangeFacts, PastCommit
from bot.guardrails.structure import Unparsed, parse_documents
from bot.intake.actions import parse as parse_action
from bot.intake.dotenv import parse_env
from bot.intake.interpolate import fill
from bot.intake.manifest import read_manifest
from bot.intake.read import read
from bot.intake.scalars import reads_as_text
from bot.intake.terraform import read_terraform
from bot.model.compose_texts import shell_words
from tests.drift.containers import compare
from tests.guardrails.changes import file, fire, random_text
from tests.table import table

SIZE: Final = 120
MOST: Final = 6.0
SERVICE: Final = "services:\n  a:\n    image: x\n"


def steps(work: Callable[[], object]) -> int:
    """How many calls ``work`` makes."""
    profile = Profile(subcalls=False)  # counts in C: a function of Python for each call would take six times as long
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def numbered(line: str, count: int) -> str:
    """``line`` once for each number up to ``count``, which stands for its N; M is the number before."""
    return "".join(line.replace("N", str(at)).replace("M", str(max(at - 1, 0))) for at in range(count))


def compose(text: Callable[[int], str], **more: Callable[[int], str]) -> Callable[[int], object]:
    def work(size: int) -> object:
        others = {name.replace("__", "."): made(size).encode() for name, made in more.items()}
        return read({"compose.yaml": text(size).encode(), **others}, project="x")

    return work


def terraform(text: Callable[[int], str]) -> Callable[[int], object]:
    return lambda size: read_terraform({"main.tf": text(size).encode()})


def letters(seed: int) -> str:
    """What a credential ends in."""
    return random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", seed)


def passing(rule: str, line: str) -> Callable[[int], object]:
    """Lines that one commit writes and the next takes away, beside as many files that the change leaves."""

    def work(size: int) -> object:
        secrets = "".join(line.format(letters(at)) for at in range(size))
        commits = (PastCommit("c" * 40, (file("a.py", None, secrets),)), PastCommit("d" * 40, ()))
        left = [file(f"b{at}.py", None, "b\n") for at in range(size)]
        return fire(rule, *left, facts=ChangeFacts(commits=commits))

    return work


def configuration(text: Callable[[int], str]) -> Callable[[int], object]:
    return lambda size: assemble({"main.cw": text(size).encode()}, variables={}, environment={})


def port(number: int) -> dict[str, object]:
    return {"target": number, "published": str(number), "protocol": "tcp", "host_ip": ports.ALL_ADDRESSES}


def workflow(text: Callable[[int], str]) -> Callable[[int], object]:
    def work(size: int) -> object:
        parsed = parse_documents(text(size))
        assert not isinstance(parsed, Unparsed)
        return [*risks(parsed[0])]

    return work


def live(**service: Callable[[int], Any]) -> Callable[[int], object]:
    """A container that has what its service does not declare."""
    return lambda size: compare({"image": "x"}, {"image": "x", **{key: made(size) for key, made in service.items()}})


def declared(**service: Callable[[int], Any]) -> Callable[[int], object]:
    """A container without what its service declares."""
    return lambda size: compare({"image": "x", **{key: made(size) for key, made in service.items()}}, {"image": "x"})


def files(made: Callable[[int], dict[str, str]]) -> Callable[[int], object]:
    """A Compose project of the files that ``made`` gives."""
    return lambda size: read({path: text.encode() for path, text in made(size).items()}, project="x")


def including(count: int, times: int) -> dict[str, str]:
    """``count`` files that each include the next one so many times."""
    names = ["compose.yaml", *(f"c{at}.yaml" for at in range(1, count))]
    return {
        name: f"include: [{', '.join([after] * times)}]\n{SERVICE}" if after else f"services: {{b{at}: {{image: x}}}}\n"
        for at, (name, after) in enumerate(zip(names, [*names[1:], ""], strict=True))
    }


def folders(count: int) -> dict[str, str]:
    return {f"d{at}/compose.yaml": SERVICE for at in range(count)}


VARIABLES: Final = "      AN: 1\n"


DOUBLED: Final = "A0=xx\n" + numbered("AN=$AM$AM\n", 60).partition("\n")[2]
READERS: Final[Mapping[str, Callable[[int], object]]] = {
    "variables that are not closed": lambda size: fill("${" * size, {}),
    "defaults in defaults": lambda size: fill("${A:-" * size + "}" * size, {}),
    "defaults that are not closed": lambda size: fill("${A:-" * size, {}),
    "braces": lambda size: fill("{" * size + "}" * size + "${A:-" + "{" * size, {}),
    "defaults that do not count": lambda size: fill("${A:-${B:-${C?}}}" * size, {"A": "1"}),
    "many variables": lambda size: fill("${A}" * size, {"A": "1"}),
    "lines of variables": lambda size: parse_env(numbered("AN=$AM\n", size)),
    "a value that is not closed": lambda size: parse_env('A="' + "x\\" * size),
    "compose interpolation": compose(lambda size: SERVICE + f"    command: {'${' * size}\n"),
    "compose variables": compose(lambda size: SERVICE + "    environment:\n" + numbered("      AN: $BN\n", size)),
    "compose extends": compose(lambda size: "services:\n  s: {image: x}\n" + numbered("  sN: {extends: s}\n", size)),
    "compose chain of extends": compose(
        lambda size: "services:\n  s0: {image: x}\n" + numbered("  sN: {extends: sM}\n", size).partition("\n")[2]
    ),
    "compose chain of extends that add": compose(
        lambda size: (
            "services:\n  s0: {image: x}\n"
            + numbered("  sN: {extends: sM, environment: {AN: 1}}\n", 3 * size // 2).partition("\n")[2]
        )
    ),
    "compose extends of much": compose(
        lambda size: SERVICE + "    environment:\n" + numbered(VARIABLES, size) + numbered("  sN: {extends: a}\n", size)
    ),
    "compose aliases of much": compose(
        lambda size: (
            "x-a: &a\n    image: x\n    environment:\n"
            + numbered(VARIABLES, size)
            + "services:\n"
            + numbered("  sN: *a\n", size)
        )
    ),
    "compose files of variables": compose(
        lambda size: "services:\n" + numbered("  sN: {image: x, env_file: [a.env]}\n", size),
        a__env=lambda size: numbered("AN=1\n", size),
    ),
    "compose chain of includes": files(lambda size: including(size // 4, times=1)),
    "compose folders": files(folders),
    "compose dependencies": compose(
        lambda size: "services:\n" + numbered("  sN: {image: x, depends_on: [sM]}\n", size)
    ),
    "compose links to nothing": compose(lambda size: "services:\n" + numbered("  sN: {image: x, links: [qN]}\n", size)),
    "compose addresses of ports": compose(lambda size: SERVICE + f"    ports: ['{':' * size}x']\n"),
    "compose names in networks": compose(
        lambda size: (
            SERVICE
            + "    networks:\n"
            + numbered("      nN: {aliases: [a, b, a]}\n", size)
            + "networks:\n"
            + numbered("  nN:\n", size)
        )
    ),
    "compose names of containers": compose(
        lambda size: "services:\n" + numbered("  sN: {image: x, container_name: cN}\n", size)
    ),
    "compose words": lambda size: shell_words("'a' \\\\ \"b\" `c` " * size),
    "compose mounts": compose(lambda size: SERVICE + "    volumes:\n" + numbered("      - ./a:/N/../N\n", size)),
    "compose variables of variables": compose(
        lambda size: SERVICE + "    env_file: [a.env]\n", a__env=lambda size: "A0=$GONE\n" + numbered("AN=$AM\n", size)
    ),
    "compose keys that are no text": compose(lambda size: SERVICE + "    labels:\n" + numbered("      N: a\n", size)),
    "compose ports": compose(lambda size: SERVICE + "    ports:\n" + numbered('      - "N:N"\n', size)),
    "compose unknown keys": compose(lambda size: SERVICE + numbered("    kN: 1\n", size)),
    "compose tags": compose(lambda size: SERVICE + "    labels:\n" + numbered("      kN: !x 1\n", size)),
    "compose resets": compose(
        lambda size: SERVICE + "    labels:\n" + numbered("      kN: 1\n", size),
        compose__override__yaml=lambda size: "services:\n  a:\n    labels:\n" + numbered("      kN: !reset 1\n", size),
    ),
    "compose documents": compose(
        lambda size: (
            numbered("---\nservices: {sN: {image: x, labels: {a: b}}}\n", size)
            + numbered("---\nservices: {sN: {labels: !reset null}}\n", size)
        )
    ),
    "compose aliases": compose(
        lambda size: f"x-a: &a {{image: x}}\nservices:\n{numbered('  sN: *a', size).replace('*a', '*a' + chr(10))}"
    ),
    "manifests": lambda size: read_manifest(
        "a.yaml", numbered("apiVersion: v1\nkind: A\nmetadata: {name: aN}\n---\n", size).encode()
    ),
    "brackets": lambda size: read_manifest("a.yaml", b"[" * size),
    "hcl comments that are not closed": terraform(lambda size: "/* " * size),
    "hcl heredocs that are not closed": terraform(lambda size: "a = <<A\n" * size),
    "hcl templates that are not closed": terraform(lambda size: 'a = "' + "${" * size),
    "hcl strings that are not closed": terraform(lambda size: 'a = "\n' * size),
    "hcl blocks that are not closed": terraform(lambda size: 'resource "a" "b" {\n' * size),
    "hcl parentheses": terraform(lambda size: "a = " + "(" * size),
    "hcl resources": terraform(lambda size: numbered('resource "a" "bN" {\n  a = N\n}\n', size)),
    "cw heredocs that are not closed": configuration(lambda size: "locals {\n" + "a = <<A\n" * size),
    "cw locals": configuration(lambda size: "locals {\n" + numbered("  aN = 1\n", size) + "}\n"),
    "cw names of nothing": configuration(lambda size: "locals {\n" + numbered(" aN = local.bN\n", size) + "}\n"),
    "cw keys that match": configuration(
        lambda size: f'output "o" {{\n  value = length(matchkeys(range({size}), range({size}), range({size})))\n}}\n'
    ),
    "cw tildes": configuration(lambda size: 'output "o" {\n  value = "' + "\\n${~ 1 ~}" * size + '"\n}\n'),
    "cw validations": configuration(
        lambda size: (
            'variable "v" {\n  default = 1\n'
            + '  validation {\n    condition = var.v == 1\n    error_message = "m"\n  }\n' * size
            + '}\noutput "o" {\n  value = var.v\n}\n'
        )
    ),
    "cw optional attributes": configuration(
        lambda size: (
            'variable "v" {\n  default = {}\n  type = object({'
            + numbered('aN = optional(string, "x"), ', size)
            + '})\n}\noutput "o" {\n  value = var.v\n}\n'
        )
    ),
    "cw resources": configuration(lambda size: numbered('resource "service" "bN" {\n  image = "x"\n}\n', size)),
}
HANDS_ON: Final = "    - {id: aN, uses: eficode/resolve-pr-refs@v1, env: {B: '${{ steps.aM.outputs.head_ref }}'}}\n"
HANDS_TEXT: Final = "    - {id: aN, env: {B: '${{ github.head_ref }}'}, run: 'echo o=$B >> $GITHUB_OUTPUT'}\n"
JOB: Final = "on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n"
WORKFLOWS: Final[Mapping[str, Callable[[int], object]]] = {
    "steps that name heads": workflow(lambda size: JOB + numbered(HANDS_ON, size)),
    "steps that hand on texts": workflow(
        lambda size: JOB + numbered(HANDS_TEXT, size) + "    - run: 'echo ${{ toJSON(steps.x) }}'\n" * size
    ),
    "jobs that need each other": workflow(
        lambda size: (
            "on: pull_request_target\njobs:\n"
            + numbered(
                "  jN: {outputs: {o: '${{ needs.jM.outputs.o }} ${{ github.head_ref }}'}, steps: [{run: a}]}\n", size
            )
        )
    ),
}
CHANGES: Final[Mapping[str, Callable[[int], object]]] = {
    "credentials that later commits take away": passing("SEC-001", 'kn = "AKIA{0}"\n'),
    "passwords that later commits take away": passing("SEC-002", 'db_password = "{0}9x"\n'),
    "names of files": lambda size: fire("SEC-001", *(file(f"a/AKIA{letters(at)}", None, "a\n") for at in range(size))),
    "pieces of credentials on one line": lambda size: fire(
        "SEC-001", file("a.py", None, " ".join(f'"AKIA" + "{letters(at)}",' for at in range(size)))
    ),
    "loops of Terraform": lambda size: fire(
        "TF-001",
        file(
            "a.tf",
            None,
            numbered(
                'resource "aws_security_group_rule" "aN" {\n for_each = local.r\n cidr_blocks = [each.value.cN]\n}\n',
                size,
            )
            + f"locals {{\n r = [{numbered(chr(123) + ' cN = 1 }, ', size)}]\n}}\n",
        ),
    ),
    "values of minified JSON": lambda size: laid_out(json.dumps({"a": [{"b": [], "c": {"d": 1}}] * size})),
}
COMPARISONS: Final[Mapping[str, Callable[[int], object]]] = {
    "live ports": live(ports=lambda size: [port(number) for number in range(1, size)]),
    "live variables": live(environment=lambda size: {f"A{number}": "1" for number in range(size)}),
    "live mounts": live(
        volumes=lambda size: [{"type": "bind", "source": f"/a{at}", "target": f"/b{at}"} for at in range(size)]
    ),
    "live networks": live(networks=lambda size: {f"a{number}": {} for number in range(size)}),
    "declared ports": declared(ports=lambda size: [f"{number}:{number}" for number in range(1, size)]),
    "declared ranges": declared(ports=lambda size: [f"{at}-{at + 1}:{at}-{at + 1}" for at in range(1, 2 * size, 2)]),
    "declared variables": declared(environment=lambda size: [f"A{number}=1" for number in range(size)]),
    "declared mounts": declared(volumes=lambda size: [f"/a{number}:/b{number}" for number in range(size)]),
    "declared devices": declared(devices=lambda size: [f"/a{number}:/b{number}" for number in range(size)]),
    "declared networks": declared(networks=lambda size: [f"a{number}" for number in range(size)]),
}


@pytest.mark.parametrize("name", [*READERS, *WORKFLOWS, *CHANGES, *COMPARISONS])
def test_the_steps_grow_with_the_size(name: str) -> None:
    """Four times the size is about four times the steps."""
    work = {**READERS, **WORKFLOWS, **CHANGES, **COMPARISONS}[name]
    work(SIZE // 8)  # what is done once for all
    small, large = steps(lambda: work(SIZE)), steps(lambda: work(4 * SIZE))
    assert large <= MOST * small + 2000


def service(line: str) -> object:
    """A Compose project of one service with ``line``."""
    return read({"compose.yaml": f"{SERVICE}    {line}\n".encode()}, project="x")


DIGITS: Final = "1" * 500_000
NUMBERS: Final[Mapping[str, Callable[[str], object]]] = {
    "compose durations": lambda text: service(f"stop_grace_period: {text}"),
    "compose durations of the schema": lambda text: service(f"healthcheck: {{interval: {text}}}"),
    "compose numbers": lambda text: service(f"cpus: {text}"),
    "cw moments": lambda text: assemble(
        {"main.cw": f'output "x" {{\n  value = timeadd("2026-01-01T00:00:00Z", "{text}")\n}}\n'.encode()},
        variables={},
        environment={},
    ),
    "live durations": duration,
    "live quantities": quantity,
    "expressions of workflows": parse_action,
    "texts of YAML": reads_as_text,
}


@table("name", NUMBERS)
def test_digits_that_are_no_number_are_read_to_their_end(name: str) -> None:
    """Half a million digits before a letter that makes them no number: with the square of that, nobody would wait."""
    NUMBERS[name](f"{DIGITS}x")
    NUMBERS[name](f"{DIGITS}.{DIGITS}x")


REPEATING: Final[Mapping[str, tuple[dict[str, str], str]]] = {
    "includes": (including(20, times=2), "come to far more than is written in them"),
    "deep includes": (including(400, times=1), "include each other more than 20 deep"),
    "extends": (
        {
            "compose.yaml": SERVICE
            + "    environment:\n"
            + numbered(VARIABLES, 400)
            + numbered("  sN: {extends: a}\n", 400)
        },
        "come to far more than is written in them",
    ),
    "chain of extends": (
        {"compose.yaml": "services:\n  s0: {image: x}\n" + numbered("  sN: {extends: sM}\n", 102).partition("\n")[2]},
        "more than 100 extends in a row",
    ),
    "files of variables": (
        {
            "compose.yaml": "services:\n" + numbered("  sN: {image: x, env_file: [a.env]}\n", 400),
            "a.env": numbered("AN=1\n", 400),
        },
        "come to far more than is written in them",
    ),
    "aliases": (
        {"compose.yaml": "x-0: &a0 [1]\n" + numbered("x-N: &aN [*aM, *aM]\n", 40).partition("\n")[2] + SERVICE},
        "aliases expand to more than",
    ),
    "variables": (
        {".env": DOUBLED, "compose.yaml": SERVICE + "    command: $A20$A19$A18\n"},
        "the variable A20 is not set",
    ),
}


@pytest.mark.parametrize("name", REPEATING)
def test_what_repeats_itself_too_often_is_told(name: str) -> None:
    """A few lines that would come to millions of values are read to a mistake, and nothing that they declare is half there."""
    written, message = REPEATING[name]
    declared = read({path: text.encode() for path, text in written.items()}, project="x")
    assert any(message in error.message for error in declared.errors)
    if "far more" in message:
        assert not [desired for desired in declared.resources if desired.file == "compose.yaml"]


def test_a_text_that_variables_make_too_long_stays_as_it_is() -> None:
    """Variables that double in each line end at the length that a variable can have."""
    lines = {line.key: line for line in parse_env(DOUBLED).lines}
    assert len(lines["A15"].value) == 2**16
    assert lines["A20"].value == "$A19$A19"
    assert lines["A20"].unset
    assert max(len(line.value) for line in lines.values()) <= 131_072


TEXT: Final = b"a, b\n" * 60_000
PAID: Final = (
    'sha256(file("b"))',
    'filesha256("b")',
    'filebase64("b")',
    'length(split(",", file("b")))',
    'templatefile("b", {})',
    'contains([file("b")], "x")',
    'substr("${file("b")}x", 0, 1)',
    'format("%.1s", file("b"))',
)


def reads(function: str, times: int) -> tuple[str, ...]:
    """What is said of a configuration that calls ``function`` so often, with a file ``b`` of 300 kB."""
    text = "locals {\n" + "".join(f"  a{at} = {function}\n" for at in range(times)) + "}\n"
    assembly = assemble({"main.cw": text.encode()}, variables={}, environment={}, other_files={"b": TEXT})
    return tuple(error.message for error in assembly.errors)


@table("function", PAID)
def test_what_a_function_reads_is_paid_for(function: str) -> None:
    """A large file may be read twice, and not once for each line of the configuration."""
    assert not reads(function, 2)
    assert any("takes too long" in message for message in reads(function, 400))


@pytest.mark.parametrize(
    "expression",
    [
        'formatlist("%s%s", range(0, 1000), file("b"))',
        'format(join("", [for at in range(0, 1000) : "%[1]s"]), file("b"))',
    ],
)
def test_a_function_stops_before_it_makes_too_much(expression: str) -> None:
    """Three hundred megabytes of a few lines are never there."""
    assert [message for message in reads(expression, 1) if "makes more than 1000000 characters" in message]


def test_a_mistake_quotes_no_whole_file() -> None:
    """A message says which value is wrong, and not all of it."""
    (message,) = reads('tonumber(file("b"))', 1)
    assert message.startswith("tonumber() takes a number, not 'a, b")
    assert len(message) < 600
