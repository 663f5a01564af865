"""A sensitive value reaches no artifact and no message, whatever expression it goes through and wherever that stands."""

from __future__ import annotations

import base64
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.assembly.assemble import assemble
from bot.edits.overlays import Overlays
from bot.forge.render import render
from tests.table import table

PLANTED: Final = "hunter2secret"
OTHER: Final = "an-other-word"
FORMS: Final = ("er2secre", "er2secre"[::-1], base64.b64encode(PLANTED.encode()).decode()[4:14].lower())
"""Parts of it that also stay when it is put into other letters, turned round, cut or encoded."""

WRAPPERS: Final = (
    "{ (X) = 1 }",
    "{ (X) = 1, (X) = 2 }",
    "{ for k in [X] : k => 1 }",
    "{ for k in [X, X] : k => 1 }",
    "{ for k in [X] : k => 1... }",
    "[for k in [X] : k]",
    '[for k in ["a"] : k if substr(X, 0, 1) == "h"]',
    "{ for k, v in { a = X } : v => k }",
    '"${X}"',
    '"a${X}b"',
    '"%{ if substr(X, 0, 1) == "h" }yes%{ else }no%{ endif }"',
    '"%{ for c in [X] }${c}%{ endfor }"',
    'substr(X, 0, 1) == "h" ? "yes" : "no"',
    'substr(X, 0, 1) == "h" && true',
    'true && substr(X, 0, 1) == "h"',
    'false || substr(X, 0, 1) == "h"',
    '!(substr(X, 0, 1) == "h")',
    'lookup({ h = "yes" }, substr(X, 0, 1), "no")',
    'lookup({ a = "b" }, X)',
    '{ h = "yes", a = "no" }[substr(X, 0, 1)]',
    '["a", "b"][X]',
    '["a", "b"][length(X) > 0 ? 0 : 1]',
    "merge({ (X) = 1 }, { b = 2 })",
    "zipmap([X], [1])",
    "zipmap([X, X], [1])",
    "keys({ (X) = 1 })",
    "values({ (X) = 1 })",
    "transpose({ a = [X] })",
    'try(tonumber(X), "none")',
    'try({ h = "yes" }[substr(X, 0, 1)], "no")',
    'can(regex("^hunter", X)) ? "yes" : "no"',
    'can({ h = "yes" }[substr(X, 0, 1)])',
    "toset([X])",
    "tomap({ (X) = 1 })",
    "tonumber(X)",
    "tobool(X)",
    "X + 1",
    "-X",
    'split("t", X)',
    'join("", [X])',
    'format("%s", X)',
    'format("%d", X)',
    "jsonencode({ a = X })",
    "jsondecode(X)",
    "yamlencode({ (X) = 1 })",
    "element([X], 0)",
    "element([X], 7)",
    'regex("(zzz)", X)',
    "cidrhost(X, 1)",
    'contains(["h"], substr(X, 0, 1)) ? "yes" : "no"',
    'index(["a"], X)',
    "parseint(X, 10)",
    "length(X)",
    "X[0]",
    "X.hunter",
    "X[*]",
    "flatten([[X]])",
    'coalesce(X, "a")',
    "substr(X, 0, 99)",
    'setunion([X], ["a"])',
    "range(X)",
    "one([X])",
    "upper(X)",
    "strrev(X)",
    "base64encode(X)",
    '"a ${X}"',
    "file(upper(X))",
    'templatefile("a ${X}", {})',
    "templatestring(local.t, { a = upper(X) })",
    'formatdate(upper(X), "2026-01-01T00:00:00Z")',
    'timeadd("2026-01-01T00:00:00Z", "a ${X}")',
    '[for k in [X] : try({ h = "yes" }[substr(k, 0, 1)], "no")]',
    'try({ h = "yes" }[substr(sensitive(X), 0, 1)], "no")',
    'setintersection(["hunter2secret"], [X])',
    'setsubtract(["hunter2secret"], [X])',
    'setunion(["hunter2secret"], [X])',
    'distinct(["hunter2secret", X])',
    'toset(["hunter2secret", X])',
    'matchkeys(["q"], [X], ["hunter2secret"])',
    'compact(["a", X == "hunter2secret" ? "" : X])',
    'coalesce(X == "hunter2secret" ? "" : X, "b")',
    'coalescelist(setsubtract(["hunter2secret"], [X]), ["b"])',
    'try(service.e.environment.A == "" ? "" : { h = "yes" }[substr(service.e.environment.A, 0, 1)], "no")',
    'can({ h = "yes" }[substr(service.e.environment.A, 0, 1)])',
)
PLACES: Final = (
    'resource "service" "w" {\n  image = "x"\n  labels = { a = X }\n}',
    'resource "service" "w" {\n  image = "x"\n  labels = X\n}',
    'resource "service" "w" {\n  image = "x"\n  environment = X\n}',
    'resource "service" "w" {\n  image = X\n}',
    'resource "service" "w" {\n  image = "x"\n  name = X\n}',
    'resource "service" "w" {\n  image = "x"\n  replicas = X\n}',
    'resource "service" "w" {\n  image = "x"\n  restart = X\n}',
    'resource "service" "w" {\n  image = "x"\n  command = X\n}',
    'resource "service" "w" {\n  image = "x"\n  port { container = X }\n}',
    'resource "config" "c" {\n  content = X\n}',
    'provider "docker" {\n  stack = X\n}\nresource "service" "w" { image = "x" }',
    'output "o" {\n  value = X\n}\nresource "service" "w" { image = "x" }',
    'variable "v" {\n  default = "a"\n  validation {\n    condition = var.v == "b"\n    error_message = X\n  }\n}',
    'variable "v" {\n  default = "a"\n  validation {\n    condition = var.v == "a" ? X : X\n    error_message = "m"\n  }\n}',
    'resource "service" "w" {\n  image = "x"\n  name = upper(X)\n}',
    'resource "service" "w" {\n  name = X\n}',
    'resource "service" "w" {\n  image = "x"\n  container "a" { name = X }\n  container "b" { name = X }\n}',
    'resource "network" "n" {\n  name = "a ${X}"\n}',
    'module "m" {\n  source = X\n}',
    'locals {\n  l = X\n}\nresource "service" "w" {\n  image = "x"\n  labels = { a = local.l }\n}',
)
DECLARED: Final = 'variable "s" {\n  type = TYPE\n  sensitive = true\n  VALIDATION\n}\n'


def output(text: str, secret: str) -> tuple[dict[str, bytes], str]:
    """The artifacts, and everything that is said, with the variable ``s`` set to ``secret``."""
    assembly = assemble({"main.cw": text.encode()}, variables={"s": secret}, environment={})
    bundle = render(assembly.config, Overlays())
    return dict(bundle.files), "\n".join(map(str, assembly.errors))


def check(text: str) -> None:
    """Nothing shows the planted value, and the artifacts do not tell it from another one."""
    artifacts, told = output(text, PLANTED)
    for form in FORMS if PLANTED not in text else ():  # the text itself may be quoted
        assert form not in told.lower()
        assert not [path for path, data in artifacts.items() if form.encode() in data.lower()]
    assert artifacts == output(text, OTHER)[0]


def declaration(kind: str = "string", validation: str = "") -> str:
    return DECLARED.replace("TYPE", kind).replace("VALIDATION", validation) + BESIDE


BESIDE: Final = """
locals {
  t = "$${a.b}"
}
resource "service" "e" {
  image       = "x"
  environment = { A = var.s }
}
"""


@pytest.mark.parametrize("place", PLACES)
def test_no_expression_shows_a_sensitive_value(place: str) -> None:
    """Each expression at each place, with the secret itself."""
    for wrapper in WRAPPERS:
        check(declaration() + place.replace("X", wrapper.replace("X", "var.s")))


@given(st.lists(st.sampled_from(WRAPPERS), min_size=2, max_size=3), st.sampled_from(PLACES))
@settings(max_examples=60, deadline=None)
def test_no_nesting_of_expressions_shows_it(wrappers: list[str], place: str) -> None:
    """Expressions in expressions."""
    expression = "var.s"
    for wrapper in wrappers:
        expression = wrapper.replace("X", f"({expression})")
    check(declaration() + place.replace("X", expression))


@table(
    ("kind", "validation"),
    [
        ("number", ""),
        ("bool", ""),
        ("list(number)", ""),
        ("object({ a = string })", ""),
        ("map(string)", ""),
        ("set(string)", ""),
        ("string", 'validation {\n    condition = length(var.s) > 20\n    error_message = "too short: ${var.s}"\n  }'),
        ("string", 'validation {\n    condition = tonumber(var.s) > 20\n    error_message = "x"\n  }'),
        ("string", 'validation {\n    condition = { a = 1 }[var.s] > 20\n    error_message = "x"\n  }'),
        ("string", 'validation {\n    condition = var.s\n    error_message = "x"\n  }'),
    ],
)
def test_what_is_wrong_with_a_sensitive_value_is_told_without_it(kind: str, validation: str) -> None:
    """A type that it does not have, a rule that it does not keep; given as text, in a file, by a module."""
    check(declaration(kind, validation) + 'resource "service" "w" { image = "x" }')
    text = declaration(kind, validation).encode()
    files = {
        "main.cw": b'module "m" {\n  source = "./m"\n  s = var.outer\n}\nvariable "outer" {\n  sensitive = true\n}\n',
        "m/main.cw": text,
    }
    told = assemble(files, variables={"outer": PLANTED}, environment={}).errors
    assert PLANTED not in "\n".join(map(str, told))
