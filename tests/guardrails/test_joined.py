"""Credentials that a file puts together out of literals."""

from __future__ import annotations

from typing import Final

from tests.guardrails.changes import file, fire, random_text
from tests.table import table

A, B = "AKIA", random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
K, T = "sk_live_", random_text(24)
JOINED: Final = {
    "plus": ("a.py", f'k = "{A}" + "{B}"\n'),
    "within the prefix": ("a.py", f'k = "{A[:2]}" + "{A[2:]}{B}"\n'),
    "adjacent, one line": ("a.py", f'k = "{A}" "{B}"\n'),
    "adjacent, two lines": ("a.py", f'k = (\n    "{A}"\n    "{B}"\n)\n'),
    "three, one empty": ("a.py", f'k = "{A}" + "" + "{B[:5]}" + "{B[5:]}"\n'),
    "formatted names": ("a.py", f'a = "{A}"\nb = "{B}"\nk = f"{{a}}{{b}}"\n'),
    "formatted literals": ("a.py", f"k = f\"{{'{A}'}}{{'{B}'}}\"\n"),
    "names": ("a.py", f'FIRST = "{A}"\nREST = "{B}"\nclient(key=FIRST + REST)\n'),
    "a name and a literal": ("a.py", f'FIRST = "{A}"\nclient(key=FIRST + "{B}")\n'),
    "join": ("a.py", f'k = "".join(["{A}", "{B}"])\n'),
    "percent": ("a.py", f'k = "%s%s" % ("{A}", "{B}")\n'),
    "template literal": ("a.js", f'const a = "{A}"; const b = "{B}";\nconst k = `${{a}}${{b}}`;\n'),
    "join of a list": ("a.ts", f"export const k = ['{K}', '{T}'].join('')\n"),
    "concat": ("a.ts", f"const k = '{K}'.concat('{T}')\n"),
    "over lines": ("a.ts", f"const k = '{K}' +\n  '{T[:12]}' +\n  '{T[12:]}'\n"),
    "a constant of Go": ("a.go", f'package a\nconst k = "{A}" + "{B}"\n'),
    "the point of PHP": ("a.php", f'<?php $k = "{A}" . "{B}";\n'),
    "variables of a shell": ("a.sh", f'A={A}\nB={B}\nexport KEY="$A$B"\n'),
    "quoted variables": ("a.sh", f'A="{A}"\nB="{B}"\nexport KEY="${{A}}${{B}}"\n'),
    "words of a shell": ("a.sh", f"export K='{A}'{B[:4]}\"{B[4:]}\"\n"),
    "a continued line": ("a.sh", f'export K="{A}\\\n{B}"\n'),
    "a folded scalar": ("a.yaml", f'key: "{A}\\\n  {B}"\n'),
    "a Dockerfile": ("Dockerfile", f'FROM a\nENV A="{A}" B="{B}"\nRUN login "${{A}}${{B}}"\n'),
    "locals": ("a.tf", f'locals {{\n  a = "{A}"\n  b = "{B}"\n  k = "${{local.a}}${{local.b}}"\n}}\n'),
    "a template of CloudFormation": ("a.yaml", f'K: !Join ["", ["{A}", "{B}"]]\n'),
    "far along a line": ("a.js", f'{"x=1;" * 900}var a="{A}",b="{B}";{"x=1;" * 900}use(a+b)\n'),
    "escapes": ("a.py", 'k = "' + "".join(f"\\x{ord(letter):02x}" for letter in A) + f'{B}"\n'),
    "escapes of JSON": ("a.json", '{"k": "' + "".join(f"\\u{ord(letter):04X}" for letter in A + B) + '"}\n'),
}
QUIET: Final = {
    "escapes of colours": ("a.sh", "printf '\\x1b[31mred\\x1b[0m \\u003cb\\u003e'\n"),
    "a list of prefixes": ("a.py", f'P = ("{A}", "ASIA", "ghp_", "{K}")\n'),
    "an expression": ("a.py", f'R = "{A}" + r"[A-Z0-9]{{16}}"\n'),
    "an example": ("a.py", f'k = "{A}" + "IOSFODNN7EXAMPLE"\n'),
    "a mask": ("a.py", 'token = "ghp_" + "x" * 36\n'),
    "a test's token": ("a.py", 'token = "ghp_" + random_text(36)\n'),
    "a path": ("a.js", 'const u = "https://a.example.com/" + "some/path_that_is_long" + id + "/x"\n'),
    "names that never meet": ("a.py", f'a = "{A}"\nb = "{B}"\nprint(a, b)\n'),
}


@table("name", JOINED)
def test_a_credential_in_pieces_is_one(name: str) -> None:
    """It is told once, and moving its line is quiet."""
    path, text = JOINED[name]
    (hit,) = fire("SEC-001", file(path, None, text))
    assert "in pieces" in hit.message
    assert fire("SEC-001", file(path, text, f"\n{text}")) == []


@table("name", QUIET)
def test_pieces_that_are_no_credential_are_quiet(name: str) -> None:
    """Prefixes alone, examples, and what is made when the program runs."""
    assert fire("SEC-001", file(QUIET[name][0], None, QUIET[name][1])) == []


def test_a_name_for_a_whole_credential_says_nothing_more() -> None:
    """It is told where it is written, and not where it is used."""
    (hit,) = fire("SEC-001", file("a.py", None, f'k = "{A}{B}"\nuse(k)\n'))
    assert hit.line == 1


def test_names_before_it_hide_no_credential() -> None:
    """However many a file has."""
    others = "".join(f'name_{number} = "value{number}"\n' for number in range(6_000))
    text = others + JOINED["names"][1]
    (hit,) = fire("SEC-001", file("a.py", None, text))
    assert "in pieces" in hit.message
