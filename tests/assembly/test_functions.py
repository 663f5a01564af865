"""The functions of the .cw language give what Terraform's give."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from bot.assembly.assemble import assemble
from bot.assembly.functions.table import NAMES
from tests.assembly.terraform import console
from tests.table import table

TABLE: list[tuple[str, str]] = [
    (line.partition("  =>  ")[0], line.partition("  =>  ")[2])
    for line in Path(__file__).with_name("functions.txt").read_text("utf-8").split("\n")
    if line and not line.startswith("#")
]


def answers(expressions: list[str]) -> list[str]:
    """The value of each expression as compact JSON, ERROR where it has none."""
    blocks = "".join(
        f'output "o{index}" {{\n  value = try(jsonencode([{expression}]), "[ERROR]")\n}}\n'
        for index, expression in enumerate(expressions)
    )
    result = assemble({"a.cw": blocks.encode()}, variables={}, environment={})
    assert not result.errors
    return [str(result.config.outputs[f"o{index}"].plain())[1:-1] for index in range(len(expressions))]


def function_of(row: tuple[str, str]) -> str:
    """The function that a row is about."""
    name = row[0].partition("(")[0]
    return name if name in NAMES else "operators"


@table(
    ("function", "rows"),
    [pytest.param(name, list(rows), id=name) for name, rows in itertools.groupby(TABLE, function_of)],
)
def test_every_function_answers_as_terraform_does(function: str, rows: list[tuple[str, str]]) -> None:
    """Values, conversions, null, the order of sets and what is an error, as the table has them from Terraform."""
    expressions = [expression for expression, _ in rows]
    assert list(zip(expressions, answers(expressions), strict=True)) == rows


def test_the_table_has_every_function() -> None:
    """No function is without rows, but for the one whose result the console does not show."""
    assert {function_of(row) for row in TABLE} >= NAMES - {"sensitive"}


def test_functions_read_files_of_the_commit() -> None:
    """From the folder of the file that asks, as text, base64 or digest, and as a template; another file is asked for."""
    text = """
output "text" { value = file("a.txt") }
output "base64" { value = filebase64("../b.bin") }
output "digest" { value = filesha1("a.txt") }
output "there" { value = [fileexists("a.txt"), fileexists("gone.txt")] }
output "made" { value = templatefile("t.tpl", { names = ["x", "y"], port = 80 }) }
output "string" { value = templatestring(local.t, { a = 1 }) }
locals { t = "a is $${a}" }
"""
    beside = {
        "m/a.txt": b"hello\n",
        "b.bin": b"\xff",
        "m/t.tpl": b"%{ for n in names ~}\n${n}:${port}\n%{ endfor ~}\nend\n",
    }
    result = assemble({"m/main.cw": text.encode()}, variables={}, environment={}, other_files=beside)
    assert [str(error) for error in result.errors] == []
    assert {name.rpartition(":")[2]: value.plain() for name, value in result.config.outputs.items()} == {
        "text": "hello\n",
        "base64": "/w==",
        "digest": "f572d396fae9206628714fb2ce00f72e94f2258f",
        "there": [True, False],
        "made": "x:80\ny:80\nend\n",
        "string": "a is 1",
    }
    assert result.missing == {"m/gone.txt"}


@table(
    ("expression", "message"),
    [
        ('file("gone.txt")', "file() finds no file gone.txt in this repository"),
        ('file("../x")', "file() reads files of this repository alone, not '../x'"),
        ('file("/etc/passwd")', "file() reads files of this repository alone, not '/etc/passwd'"),
        ("uuid()", "uuid() gives another value at each run, and what is committed must not"),
        ('try(timestamp(), "")', "timestamp() gives another value at each run, and what is committed must not"),
        ('try(nope(), "")', "there is no function nope()"),
        ('can(var.nope) ? "a" : "b"', "there is no variable 'nope'"),
        ('try(local.nope, "")', "there is no local 'nope'"),
        ('templatefile("t.tpl", {})', "templatefile(): nothing is called 'name' here"),
    ],
)
def test_what_no_function_can_give_is_told(expression: str, message: str) -> None:
    """Files outside, values of a machine or a moment, and names that are nowhere: no ``try()`` makes up for those."""
    text = f'output "o" {{\n  value = {expression}\n}}\n'
    result = assemble({"a.cw": text.encode()}, variables={}, environment={}, other_files={"t.tpl": b"${name}"})
    assert [error.message for error in result.errors] == [message]


@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_the_table_is_what_terraform_says(tmp_path: Path) -> None:
    """Each row is the answer of the ``terraform`` on this machine."""
    expressions = [expression for expression, _ in TABLE]
    assert list(zip(expressions, console(tmp_path, expressions), strict=True)) == TABLE


@table(
    ("expression", "here", "why"),
    [
        ("1/3", "0.3333333333333333", "numbers have about 17 digits, not 154"),
        ("1.1*1.1", "1.21", "and so do not show where Terraform's 154 end"),
        ("1e200*1e200", "ERROR", "numbers end at 10 to the 300th"),
        ('cidrsubnet("10.0.0.0/8", 8, -1)', "ERROR", "Terraform's answer lies outside of the network"),
        ('cidrsubnet("10.0.0.0/8", -1, 0)', "ERROR", "Terraform's answer is larger than the network"),
        ('cidrsubnet("010.0.0.0/8", 8, 2)', "ERROR", "a leading zero means octal to some and decimal to others"),
        ('yamldecode("a: 2020-01-01")', "ERROR", "nobody who writes a date there expects a time behind it"),
        ('yamldecode("2020-01-01: 1")', "ERROR", "nor one that writes it as a key"),
        ('cidrhost("::ffff:10.0.0.0/104", 1)', "ERROR", "Terraform's answer lies outside of the network"),
        ('split(",", "a") == ["a"]', "true", "there are no lists that equal each other and are of two types"),
        ('element(["a", "b"], -1)', '"b"', "as newer Terraform's documentation has it: an index may be negative"),
    ],
)
def test_where_answers_differ_on_purpose(expression: str, here: str, why: str) -> None:
    """Each of these differs from Terraform's answer, for a reason."""
    assert why
    assert answers([expression]) == [here]
