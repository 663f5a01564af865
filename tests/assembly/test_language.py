"""The .cw language: expressions, variables, modules, mistakes, limits."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.assembly.assemble import assemble
from bot.assembly.config import Assembly, Kind
from bot.assembly.numbers import number_text
from bot.model.json import JSON
from bot.model.resource import Through
from tests.table import table


def assembled(
    main: str, *, variables: dict[str, str] | None = None, environment: dict[str, str] | None = None, **files: str
) -> Assembly:
    """One folder ``app`` with ``main.cw``; more files by path with ``__`` for a dot and ``_0`` for a slash."""
    named = {name.replace("_0", "/").replace("__", "."): text.encode() for name, text in files.items()}
    return assemble({"app/main.cw": main.encode(), **named}, variables=variables or {}, environment=environment or {})


def output(expression: str, more: str = "") -> JSON:
    assembly = assembled(f'output "x" {{\n  value = {expression}\n}}\n{more}')
    assert not assembly.errors, assembly.errors
    return assembly.config.outputs["app:x"].plain()


@table(
    ("expression", "value"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("7 % 4 == 3 && !(1 > 2) || false", True),
        ('1 == "1"', False),
        ('"a${1 + 1}b${true}"', "a2btrue"),
        ('"${[1, 2]}"', [1, 2]),
        ('"%{ if 1 > 2 }x%{ else }y%{ endif }"', "y"),
        ('"%{ for k, v in { b = 1, a = 2 } ~} ${k}=${v} %{ endfor }"', "a=2 b=1 "),
        ('true ? "a" : "b"', "a"),
        ('[for i, v in ["a", "b"] : "${i}${v}" if v != "a"]', ["1b"]),
        ('{for v in ["a", "b", "a"] : v => 1...}', {"a": [1, 1], "b": [1]}),
        ("[{ n = 1 }, { n = 2 }][*].n", [1, 2]),
        ("[{ n = 1 }].*.n", [1]),
        ("null == null", True),
        ('{ a = [1, { b = 2 }] }.a[1]["b"]', 2),
        ("-3 + +3 == 0 ? 1 : 2", None),
        ("<<-E\n    one\n      two ${1}\n    E", "one\n  two 1\n"),
        ('"\\u00e9\\t\\"$${x}"', 'é\t"${x}'),
        ('join(",", ["a", 1, true])', "a,1,true"),
        ('split(",", "a,b")', ["a", "b"]),
        ('upper(lower(trimspace(" Ab ")))', "AB"),
        ('format("%s-%03d-%q-%v%%", "a", 7, "q", [1])', 'a-007-"q"-[1]%'),
        ("merge({ a = 1 }, { a = 2, b = 3 })", {"a": 2, "b": 3}),
        ("concat([1], [2, 3], [])", [1, 2, 3]),
        ('lookup({ a = 1 }, "b", 9)', 9),
        ("keys({ b = 1, a = 2 })", ["a", "b"]),
        ("values({ b = 1, a = 2 })", [2, 1]),
        ("contains([1, 2], 2)", True),
        ('length("abc") + length([1]) + length({})', 4),
        ('replace("a-b", "-", "_")', "a_b"),
        ('tonumber("1.50") + tonumber("2")', 3.5),
        ("tostring(1.0)", "1"),
        ('jsonencode({ b = [1, null], a = "<" })', '{"a":"\\u003c","b":[1,null]}'),
        ("yamlencode({ a = 1 })", '"a": 1\n'),
        ("max(1, 3, 2) - min(4, 2)", 1),
        ('coalesce(null, "", "x")', "x"),
        ("flatten([[1], [[2], 3]])", [1, 2, 3]),
        ("distinct([1, 2, 1])", [1, 2]),
        ('sort(["b", "a"])', ["a", "b"]),
        ("range(1, 6, 2)", [1, 3, 5]),
        ('base64decode(base64encode("é"))', "é"),
        ('try([][0], "none")', "none"),
        ("can({}.x)", False),
        ('zipmap(["a"], [1])', {"a": 1}),
        ('cidrsubnet("10.0.0.0/8", 8, 2)', "10.2.0.0/16"),
        ("merge([{ a = 1 }, { b = 2 }]...)", {"a": 1, "b": 2}),
        ('element(["a", "b"], 3)', "b"),
        ("path.module", "app"),
    ],
)  # fmt: skip
def test_expressions_have_the_values_terraform_gives_them(expression: str, value: JSON) -> None:
    """Operators, templates, loops, splats, heredocs and functions."""
    if value is None:
        assert assembled(f"locals {{\n a = {expression}\n}}").errors
        return
    actual = output(expression)
    assert actual == value
    assert type(actual) is type(value)


@table(
    ("text", "line", "message", "expected"),
    [
        ('output "x" { value = vra.a }', 1, "nothing is called 'vra'", "'var'"),
        ('variable "tag" { default = 1 }\noutput "x" { value = var.tga }', 2, "no variable 'tga'", "'tag'"),
        ('output "x" { value = uper("a") }', 1, "no function uper()", "upper()"),
        ('output "x" { value = 1 / 0 }', 1, "division by zero", None),
        ('output "x" { value = [1][3] }', 1, "no element 3", None),
        ('output "x" { value = { name = 1 }.nmae }', 1, "no attribute 'nmae'", "'name'"),
        ('output "x" { value = "${[]}-" }', 1, "cannot stand in text", "text, a number or a truth value"),
        ('output "x" { value = join(",") }', 1, "takes", None),
        ('output "x" { value = range(1e9) }', 1, "at most", None),
        ("locals {\n  a = local.b\n  b = local.a\n}", 3, "these need each other", None),
        ('variable "n" {\n  type    = number\n  default = "x"\n}', 3, "does not fit", "a number"),
        ('variable "n" { type = strng }', 1, "not a type", "string, number"),
        ('variable "n" {}', 1, "has no value", "--var n=..."),
        ('variable "n" {\n  default = 1\n  validation {\n    condition = var.n > 1\n    error_message = "too small"\n  }\n}',
         3, "too small", None),
        ('resource "servce" "x" {}', 1, "no kind of resource 'servce'", "'service'"),
        ('resource "service" "x" {\n  imgae = "a"\n}', 2, "no attribute 'imgae'", "'image'"),
        ('resource "service" "x" {\n  image = "a"\n  prot {}\n}', 3, "no block 'prot'", "'port'"),
        ('resource "service" "x" {\n  image = "a"\n  port { host = 1 }\n}', 3, "no 'container'", None),
        ('resource "service" "x" {\n  image = "a"\n  replicas = "many"\n}', 3, "does not fit", "a whole number"),
        ('resource "service" "x" {\n  image = "a"\n  restart = "sometimes"\n}', 3, "not possible", "on-failure"),
        ('resource "service" "x" {\n  image = "a"\n  healthcheck { interval = "soon" }\n}', 3, "does not fit", "a duration"),
        ('resource "service" "x" {}', 1, "neither image nor build", "'image = ...'"),
        ('resource "service" "x" {\n  image = "a"\n  healthcheck = 3\n}', 3, "is a block", None),
        ('module "m" { source = "../../etc" }', 1, "not a folder of this repository", None),
        ('module "m" { source = "./gone" }', 1, "no .cw files in app/gone", None),
        ('provider "dokcer" {}', 1, "no provider 'dokcer'", "'docker'"),
        ('variabel "x" {}', 1, "no block 'variabel'", "'variable'"),
        ('resource "network" "a" {}\nresource "network" "a" {}', 2, "already declared in app/main.cw:1", None),
        ('variable "p" {\n  sensitive = true\n  default = "s"\n}\nresource "service" "x" {\n  image = "a"\n  user = var.p\n}',
         7, "committed file", "sensitive values in 'environment' only"),
    ],
)  # fmt: skip
def test_mistakes_name_their_place_and_what_was_meant(text: str, line: int, message: str, expected: str | None) -> None:
    """Every mistake has its line, and near names are suggested."""
    errors = assembled(text).errors
    (error,) = [each for each in errors if message in each.message]
    assert (error.file, error.line) == ("app/main.cw", line)
    assert expected is None or expected in (error.expected or "")


def test_all_mistakes_are_told_at_once() -> None:
    """Mistakes in one resource do not hide those in others, and what is right is still there."""
    assembly = assembled(
        'resource "service" "a" {\n  image = var.x\n}\nresource "service" "b" {\n  imag = "x"\n}\n'
        'resource "service" "c" { image = "ok" }\n'
    )
    assert [error.line for error in assembly.errors] == [2, 5]
    assert [resource.name for stack in assembly.config.stacks for resource in stack.resources] == ["c"]


@pytest.mark.parametrize(
    ("sources", "value"),
    [
        (set(), "default"),
        ({"environment"}, "environment"),
        ({"environment", "file"}, "file"),
        ({"environment", "file", "auto"}, "auto"),
        ({"environment", "file", "auto", "command"}, "command"),
    ],
)
def test_later_sources_of_a_variable_win(sources: set[str], value: str) -> None:
    """Default, environment, clockwork.cwvars, *.auto.cwvars, --var."""
    files = {
        "app_0clockwork__cwvars": 'v = "file"\n' if "file" in sources else "",
        "app_0a__auto__cwvars": 'v = "auto"\n' if "auto" in sources else "",
        "other_0a__auto__cwvars": 'v = "wrong"\n',
    }
    assembly = assembled(
        'variable "v" { default = "default" }\noutput "x" { value = var.v }\n',
        variables={"v": "command"} if "command" in sources else {},
        environment={"CLOCKWORK_VAR_v": "environment", "HOME": "x"} if "environment" in sources else {"HOME": "x"},
        **files,
    )
    assert not assembly.errors
    assert assembly.config.outputs["app:x"].plain() == value


def test_text_from_outside_is_read_as_the_variable_s_type() -> None:
    """A list variable takes HCL, a string variable takes the text as it is."""
    assembly = assembled(
        'variable "l" { type = list(number) }\nvariable "s" { type = string }\noutput "x" { value = [var.l, var.s] }',
        variables={"l": "[1, 2]", "s": "[1, 2]"},
    )
    assert not assembly.errors
    assert assembly.config.outputs["app:x"].plain() == [[1, 2], "[1, 2]"]


def test_modules_are_folders_with_inputs_and_outputs() -> None:
    """A module's resources are part of the stack, its folder is no root, its outputs can be read."""
    assembly = assembled(
        'module "db" {\n  source  = "../lib/db"\n  version = 15\n}\noutput "x" { value = module.db.image }\n',
        lib_0db_0m__cw='variable "version" { type = number }\nresource "service" "db" { image = "pg:${var.version}" }\n'
        'output "image" { value = service.db.image }\n',
    )
    assert not assembly.errors
    (stack,) = assembly.config.stacks
    assert [resource.address for resource in stack.resources] == ["module.db.service.db"]
    assert assembly.config.outputs["app:x"].plain() == "pg:15"


def test_an_argument_that_does_not_fit_is_a_mistake_where_it_is_written() -> None:
    """The module's variable has the type; the value stands in the file that uses the module."""
    (error,) = assembled(
        '\n\n\nmodule "m" {\n  source = "./m"\n  size   = "big"\n}\n',
        app_0m_0m__cw='variable "size" { type = number }\n',
    ).errors
    assert (error.file, error.line, error.column) == ("app/main.cw", 6, 12)
    assert error.message == "size: 'big' does not fit"
    assert error.excerpt == '  size   = "big"\n           ^'


def test_values_know_how_they_got_to_their_place() -> None:
    """Literals, variables, locals and expressions are told apart, and a literal is found behind them."""
    main = (
        'variable "tag" { default = "1" }\nlocals { n = 3 }\nresource "service" "w" {\n  image = "a:${var.tag}"\n'
        '  replicas = local.n\n  user = upper("x")\n  hostname = "h"\n}\n'
    )
    (stack,) = assembled(main).config.stacks
    (service,) = stack.of(Kind.SERVICE)
    traces = {name: value.trace for name, value in service.body.mapping.items()}
    assert traces["hostname"].origin.through is Through.LITERAL
    assert (traces["replicas"].origin.through, traces["replicas"].origin.name) == (Through.LOCAL, "n")
    assert traces["user"].origin.through is Through.EXPRESSION
    image = traces["image"]
    assert image.origin.through is Through.VARIABLE
    places = [(piece.text, piece.literal, piece.bare) for piece in image.pieces]
    assert [(text, bare) for text, _, bare in places] == [("a:", True), ("1", False)]
    assert [main[origin.start : origin.end] for _, origin, _ in places if origin is not None] == ["a:", '"1"']
    assert service.line == 3


@pytest.mark.parametrize(
    "text",
    [
        "locals {\n" + "\n".join(f"  z{i} = [local.z{i + 1}, local.z{i + 1}]" for i in range(40)) + "\n  z40 = 1\n}",
        "locals {\n"
        + "\n".join(f'  z{i} = "${{local.z{i + 1}}}${{local.z{i + 1}}}"' for i in range(40))
        + '\n  z40 = "x"\n}',
        "locals {\n" + "\n".join(f"  z{i} = local.z{i + 1} * local.z{i + 1}" for i in range(40)) + "\n  z40 = 99\n}",
        "locals { a = [for i in range(20000) : [for j in range(20000) : i]] }",
        "locals {\n" + "\n".join(f"  z{i} = local.z{i + 1}" for i in range(2000)) + "\n  z2000 = 1\n}",
        'locals {\n  a = join(",", range(20000))\n  b = replace(local.a, ",", local.a)\n}',
    ],
    ids=["lists", "texts", "numbers", "loops", "chain", "replace"],
)
def test_hostile_configuration_ends_in_a_mistake(text: str) -> None:
    """Doubling, nested loops and long chains are stopped by a budget."""
    assert assembled(text).errors


LOOPS: Final = 'join("",[for a in range(1000): join("",[for b in range(1000): join("",[for c in range(100): "a"])])])'
REGEXES: Final = 'join("",[for a in range(1000): length(regexall("(a*)*b", join("",[for b in range(900): "aaaaaa"])))])'


@pytest.mark.parametrize(
    "expression",
    [
        f'true ? "y" : {LOOPS}',
        f'false ? {LOOPS} : "y"',
        f'try({LOOPS}, "y")',
        f'can({LOOPS}) ? "y" : "n"',
        f'true ? "y" : {REGEXES}',
        f'try({REGEXES}, "y")',
        'try(templatestring(local.t, {}), "y")',
        'true ? "y" : local.l',
        'try(local.l, "y")',
    ],
)
def test_a_spent_budget_is_always_told(expression: str) -> None:
    """What takes too long is a mistake wherever it stands: the services that are left out do not look removed."""
    made = f"locals {{\n  t = {json.dumps('$${' + LOOPS + '}')}\n  l = {LOOPS}\n}}\n" if "local." in expression else ""
    services = "".join(
        f'resource "service" "{name}" {{\n  image = {image}\n}}\n'
        for name, image in (("w", '"x"'), ("v", expression), ("u", 'true ? "x" : "y"'))
    )
    told = [error.message for error in assembled(services + made).errors]
    assert any("takes too long" in message for message in told)


@settings(deadline=None, max_examples=100)
@given(st.text(st.sampled_from(list('abv.1"{}[]()=,:?$%~+*!&| \n')), max_size=40))
def test_no_expression_breaks_the_evaluator(expression: str) -> None:
    """Any text in the place of an expression gives a value or a mistake."""
    assembled(f"locals {{\n  v = {{ a = [1] }}\n  x = {expression}\n}}\n")


@given(st.integers(-(10**12), 10**12))
def test_numbers_in_text_are_whole_where_they_are(number: int) -> None:
    """``"${3.0}"`` is ``3``."""
    assert number_text(float(number)) == str(number)


def variable(body: str) -> str:
    return f'variable "v" {{\n{body}\n}}\n'


@table(
    ("text", "message"),
    [
        (variable('type = optional(string)\ndefault = "a"'), "this is not a type"),
        (variable('type = list(optional(string))\ndefault = ["a"]'), "this is not a type"),
        (variable('type = set\ndefault = ["a"]'), "this is not a type"),
        (variable('type = tuple([string, number])\ndefault = ["a"]'), "v: this is a list"),
        (variable("type = map(any)\ndefault = { a = 1, b = [1] }"), "v: its elements have several types"),
        (variable('nullable = maybe\ndefault = "x"'), "nothing can be referred to here"),
        (variable('default = upper("x")'), "no function can be called here"),
        (variable("default = local.x") + "locals {\n x = 1\n}\n", "nothing can be referred to here"),
        (variable('default = "x"\nsensitive = tobool("true")'), "no function can be called here"),
        (
            variable('type = object({ a = optional(string, upper("x")) })\ndefault = {}'),
            "no function can be called here",
        ),
        (
            variable("type = list(object({ a = optional(map(bool), [1]) }))\ndefault = []"),
            "the default of an optional attribute: this is a list",
        ),
        (
            variable("type = object({ a = optional(object({ b = string }), {}) })\ndefault = { a = { b = 1 } }"),
            "the default of an optional attribute: this object has no b",
        ),
        (variable('type = "string"\ndefault = "x"'), "this is not a type"),
        (variable('type = list("string")\ndefault = []'), "this is not a type"),
        (variable('type = object({ "a" = string })\ndefault = { a = 1 }'), "this is not a type"),
        (
            variable('default = "x"\nvalidation {\n condition = true\n error_message = "m"\n}'),
            "this condition does not look at var.v",
        ),
        (
            variable('default = "x"\nvalidation {\n condition = [for v in [1] : v.v][0] == 1\n error_message = "m"\n}'),
            "this condition does not look at var.v",
        ),
        (
            'output "o" {\n value = 1\n precondition {\n  condition = 2 > 1\n  error_message = "m"\n }\n}',
            "this condition does not look at anything",
        ),
        (variable('default = "x"\ndefault = "y"'), "'default' is set twice"),
        (variable('default = "x"\nvalidation {\n condition = true\n}'), "a validation has no error_message"),
        (
            variable('default = "x"\nvalidation "a" {\n condition = true\n error_message = "m"\n}'),
            "a validation block has no label",
        ),
        ('variable "a b" {\n default = 1\n}', "'a b' names no variable"),
        ('variable "source" {\n default = 1\n}', "no variable is called 'source': a module block has that"),
        ('output "1a" {\n value = 1\n}', "'1a' names no output"),
        ("locals {\n a = 1\n b {\n }\n}", "a locals block has no block 'b'"),
        ('locals "x" {\n a = 1\n}', "a locals block has no label"),
        ('output "o" {\n value = try(each.key, 1)\n}', "nothing is called 'each' here"),
        ('output "o" {\n value = try(count.index, 1)\n}', "nothing is called 'count' here"),
        ('output "o" {\n value = can(self.x)\n}', "nothing is called 'self' here"),
        ('output "o" {\n value = try(path.nope, 1)\n}', "there is no path 'nope'"),
        ('output "o" {\n value = try(foo, 1)\n}', "nothing is called 'foo' here"),
        ('output "o" {\n value = can(1, 2)\n}', "can() takes 1 argument, not 2"),
        ('output "o" {\n value = sensitive(1)\n}', "the output 'o' would show a sensitive value"),
        (
            'output "o" {\n value = path.root\n precondition {\n condition = path.root == 1\n error_message = "m"\n }\n}',
            "the output 'o': m",
        ),
        ('output "o" {\n value = toset(["a"])[0]\n}', "the elements of a set have no numbers"),
    ],
)
def test_what_terraform_refuses_is_a_mistake(text: str, message: str) -> None:
    """Types, arguments, blocks, labels and names that mean nothing; no ``try()`` makes up for a name that is nowhere."""
    assert message in [error.message for error in assembled(text).errors]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ('type = tuple([string, number])\ndefault = [1, "5"]', ["1", 5]),
        ('type = list(any)\ndefault = [1, "a"]', ["1", "a"]),
        ('type = map(any)\ndefault = { a = 1, b = "x" }', {"a": "1", "b": "x"}),
        ("ephemeral = false\ndefault = 1", 1),
        ('default = true ? [for x in [1, 2] : "${x}!"] : []', ["1!", "2!"]),
        ('default = "x"\nvalidation {\n condition = length(var["v"]) == 1\n error_message = "m"\n}', "x"),
        (
            'default = "x"\nvalidation {\n condition = [for v in [1] : v][0] == length(var.v)\n error_message = "m"\n}',
            "x",
        ),
    ],
)
def test_a_variable_is_of_its_type(body: str, value: JSON) -> None:
    """Elements of a tuple each have their own type, those that ``any`` leaves open have one type together."""
    assert output("var.v", variable(body)) == value


def test_the_elements_of_a_set_are_their_own_keys() -> None:
    """In loops and dynamic blocks, wherever the set is from."""
    declared = variable('type = set(string)\ndefault = ["b", "a", "b"]')
    assert output("[for k, v in var.v : k]", declared) == ["a", "b"]
    assert output('{ for k, v in setunion(var.v, ["c"]) : k => v }', declared) == {"a": "a", "b": "b", "c": "c"}
    assert output("[for k, v in tolist(var.v) : k]", declared) == [0, 1]
    text = 'resource "service" "w" {\n  image = "x"\n  dynamic "port" {\n    for_each = toset([80])\n'
    made = assembled(text + "    content { container = port.key }\n  }\n}\n")
    assert [str(error) for error in made.errors] == []
    (resource,) = made.config.stacks[0].resources
    assert resource.body.plain() == {"image": "x", "name": "w", "port": [{"container": 80}]}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('"a  \\n  ${~ "x" ~}  \\n\\n  b"', "axb"),
        ('<<E\na  \n  ${~ "x" ~}  \n  b\n${~ "y" ~}\n\n  c\nE\n', "a  \nx  by\n  c\n"),
        ("<<E\n%{ if true ~}\n    d\n%{ endif ~}\n\n  e\nE\n", "    d\n\n  e\n"),
        ('<<-E\n  a\n    ${~ "x" ~}  \n    b\n  E\n', "  a\nx    b\n"),
        ('<<-E\n    Foo\n  ${upper("bar")}\n    Baz\n  E\n', "  Foo\nBAR\n  Baz\n"),
    ],
)
def test_a_tilde_trims_the_text_that_is_next_to_it(template: str, text: str) -> None:
    """All white space of a quoted string; of a heredoc that of one line, before the indentation is taken off."""
    assert output(template) == text
