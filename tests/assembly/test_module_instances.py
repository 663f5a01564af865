"""``count`` and ``for_each`` of modules: addresses, names, outputs, and what is refused."""

from __future__ import annotations

import pytest

from bot.assembly.assemble import assemble
from bot.assembly.config import Assembly
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.forge.render import render
from bot.model.drift import SetValue
from bot.model.json import JSON
from tests.table import table

APP = """variable "port" { default = 80 }
variable "image" { default = "app" }
locals { doubled = var.port * 2 }
resource "service" "web" {
  image = "${var.image}:1"
  port { container = var.port }
}
resource "service" "each" {
  count    = 2
  image    = image.own.ref
  networks = [network.inner]
}
resource "network" "inner" {}
resource "image" "own" { name = "own" }
output "name" { value = service.web.name }
output "doubled" { value = local.doubled }
"""


def assembled(main: str, app: str = APP) -> Assembly:
    return assemble({"prod/main.cw": main.encode(), "app/app.cw": app.encode()}, variables={}, environment={})


def outputs(main: str) -> dict[str, JSON]:
    """The outputs of the root by name; nothing is wrong."""
    result = assembled(main)
    assert [str(error) for error in result.errors] == []
    return {name.removeprefix("prod:"): value.plain() for name, value in result.config.outputs.items()}


FOR_EACH = """module "x" {
  source   = "../app"
  for_each = { a = 81, b = 82 }
  port     = each.value
  image    = "i-${each.key}"
}
"""
COUNT = 'module "x" {\n  source = "../app"\n  count  = 2\n  port   = 90 + count.index\n}\n'


def test_each_key_is_a_module_of_its_own() -> None:
    """Addresses are Terraform's; the names of resources that have no name of their own follow the key."""
    result = assembled(FOR_EACH)
    assert not result.errors
    (stack,) = result.config.stacks
    web = {resource.address: resource for resource in stack.resources if resource.address.endswith("web")}
    assert {address: (resource.name, resource.body.plain()) for address, resource in web.items()} == {
        'module.x["a"].service.web': ("web-a", {"name": "web-a", "image": "i-a:1", "port": [{"container": 81}]}),
        'module.x["b"].service.web': ("web-b", {"name": "web-b", "image": "i-b:1", "port": [{"container": 82}]}),
    }
    rest = {resource.address: (resource.name, resource.body.plain()) for resource in stack.resources}
    assert rest['module.x["b"].service.each[1]'] == (
        "each-b-1",
        {"name": "each-b-1", "image": "own", "networks": ["inner-b"]},
    )
    assert {rest[f'module.x["{key}"].image.own'][0] for key in "ab"} == {"own-a", "own-b"}


def test_a_counted_module_is_a_list() -> None:
    """``count.index`` counts from 0, also in names."""
    result = assembled(COUNT)
    assert not result.errors
    names = {resource.address: resource.name for resource in result.config.stacks[0].resources}
    assert (names["module.x[0].service.web"], names["module.x[1].service.web"]) == ("web-0", "web-1")
    made = outputs(COUNT + 'output "all" { value = module.x[*].doubled }\noutput "last" { value = module.x[1].name }\n')
    assert made == {"all": [180, 182], "last": "web-1"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('module.x["a"].doubled', 162),
        ("module.x.b.name", "web-b"),
        ('[for key in ["b", "a"] : module.x[key].doubled]', [164, 162]),
        ("{ for key, app in module.x : key => app.name }", {"a": "web-a", "b": "web-b"}),
        ("values(module.x)[*].name", ["web-a", "web-b"]),
        ("length(module.x)", 2),
        ("keys(module.x)", ["a", "b"]),
    ],
)
def test_outputs_are_read_by_key(expression: str, value: JSON) -> None:
    """One of them, or all as an object of their outputs."""
    assert outputs(f'{FOR_EACH}output "o" {{ value = {expression} }}\n') == {"o": value}


def test_modules_in_modules_repeat_too() -> None:
    """Every level has its key in address and name."""
    files = {
        "prod/main.cw": 'module "x" {\n  source   = "../mid"\n  for_each = toset(["a", "b"])\n}\n',
        "mid/mid.cw": 'module "y" {\n  source = "../app"\n  count  = 2\n}\n',
        "app/app.cw": 'resource "service" "s" { image = "i" }\n',
    }
    result = assemble({path: text.encode() for path, text in files.items()}, variables={}, environment={})
    assert not result.errors
    assert {resource.address: resource.name for resource in result.config.stacks[0].resources} == {
        f'module.x["{key}"].module.y[{index}].service.s': f"s-{key}-{index}" for key in "ab" for index in (0, 1)
    }


def test_an_edit_finds_the_element_that_gives_the_value() -> None:
    """A live port goes into the entry of the map that the module's ``each.value`` came from."""
    files = {
        "prod/main.cw": ('provider "kubernetes" { stack = "shop" }\n' + FOR_EACH).encode(),
        "app/app.cw": APP.encode(),
    }
    result = assemble(files, variables={}, environment={})
    (web,) = [desired for desired in render(result.config, Overlays()).desired if str(desired.id) == "Deployment/web-b"]
    port = SetValue(("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), 83)
    adoption = adopt(web, [port], files, cw=result.config)
    assert adoption.files == {"prod/main.cw": files["prod/main.cw"].replace(b"b = 82", b"b = 83")}


@table(
    ("main", "message"),
    [
        (FOR_EACH + 'output "o" { value = module.x["c"].name }\n', "there is no attribute 'c'"),
        (FOR_EACH + 'output "o" { value = module.x["a"].nme }\n', "module x has no output 'nme'"),
        (COUNT + 'output "o" { value = module.x[2].name }\n', "there is no element 2 in a list of 2"),
        (COUNT.replace("count  = 2", "count  = 2\n  for_each = {}"), "a block has 'count' or 'for_each', not both"),
        (FOR_EACH.replace("{ a = 81, b = 82 }", "toset([1])"), "'for_each' goes through names"),
        (FOR_EACH.replace('"../app"', '"../${each.key}"'), "nothing is called 'each' here"),
        (
            FOR_EACH.replace("{ a = 81, b = 82 }", "{ a = module.x.a.doubled }"),
            "these need each other: module.x → module.x",
        ),
        (
            'variable "s" {\n  sensitive = true\n  default = ["a"]\n}\n'
            + FOR_EACH.replace("{ a = 81, b = 82 }", "toset(var.s)"),
            "'for_each' would show a sensitive value",
        ),
    ],
)
def test_mistakes_are_told(main: str, message: str) -> None:
    """What names no instance, or would show a secret, is a mistake."""
    assert message in [error.message for error in assembled(main).errors]


def test_two_instances_cannot_have_one_name() -> None:
    """A name that the module writes itself must follow a variable."""
    named = APP.replace('resource "network" "inner" {}', 'resource "network" "inner" { name = "same" }')
    (error,) = assembled(FOR_EACH, named).errors
    assert "network same is already declared" in error.message


def test_modules_that_multiply_are_stopped() -> None:
    """A few lines cannot ask for a thousand times a thousand modules."""
    files = {
        f"m{depth}/a.cw": f'module "x" {{\n  source = "../m{depth + 1}"\n  count  = 1000\n}}\n' for depth in range(4)
    }
    files["m4/a.cw"] = 'resource "service" "s" { image = "i" }\n'
    result = assemble({path: text.encode() for path, text in files.items()}, variables={}, environment={})
    assert [error.message for error in result.errors] == ["evaluating this configuration takes too long"]
