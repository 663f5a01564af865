"""``count``, ``for_each`` and ``dynamic``: one block of text for several resources or blocks."""

from __future__ import annotations

from bot.assembly.assemble import assemble
from bot.assembly.config import Assembly, Resource
from tests.table import table


def assembled(text: str) -> Assembly:
    return assemble({"main.cw": text.encode()}, variables={}, environment={})


def resources(text: str) -> dict[str, Resource]:
    """The resources by their address; nothing is wrong with any."""
    result = assembled(text)
    assert [str(error) for error in result.errors] == []
    return {resource.address: resource for stack in result.config.stacks for resource in stack.resources}


def test_a_block_with_for_each_is_a_resource_for_each_name() -> None:
    """``each`` is its name and value; names follow the label; others refer to one, to an attribute, or to all."""
    made = resources("""
variable "apps" { default = { web = 80, api = 81 } }
resource "service" "app" {
  for_each = var.apps
  image    = "x:${each.key}"
  port { container = each.value }
}
resource "service" "one" {
  image  = service.app["web"].image
  labels = { names = join(",", [for s in service.app : s.name]) }
}
""")
    assert {address: resource.name for address, resource in made.items()} == {
        'service.app["api"]': "app-api",
        'service.app["web"]': "app-web",
        "service.one": "one",
    }
    assert made['service.app["api"]'].body.plain() == {"name": "app-api", "image": "x:api", "port": [{"container": 81}]}
    assert made["service.one"].body.plain() == {"name": "one", "image": "x:web", "labels": {"names": "app-api,app-web"}}


def test_a_block_with_count_is_so_many_resources() -> None:
    """``count.index`` counts from 0; a list of all; none where there are none."""
    made = resources("""
resource "network" "n" { count = 2 }
resource "network" "none" { count = 0 }
resource "service" "s" {
  image    = "x"
  count    = 2
  networks = [network.n[count.index]]
  labels   = { others = length(network.n), none = length(network.none) }
}
""")
    assert sorted(made) == ["network.n[0]", "network.n[1]", "service.s[0]", "service.s[1]"]
    assert made["service.s[1]"].body.plain() == {
        "name": "s-1",
        "image": "x",
        "networks": ["n-1"],
        "labels": {"others": "2", "none": "0"},
    }


def test_a_dynamic_block_is_a_block_for_each_element() -> None:
    """Beside blocks that are written out, with the iterator's own name where it has one."""
    made = resources("""
resource "service" "s" {
  image = "x"
  port { container = 1 }
  dynamic "port" {
    for_each = { a = 2, b = 3 }
    iterator = each_port
    content {
      container = each_port.value
      protocol  = each_port.key == "a" ? "udp" : "tcp"
    }
  }
}
""")
    assert made["service.s"].body.plain() == {
        "name": "s",
        "image": "x",
        "port": [{"container": 1}, {"container": 2, "protocol": "udp"}, {"container": 3, "protocol": "tcp"}],
    }


@table(
    ("body", "message"),
    [
        ("count = -1", "'count' is a number that counts nothing"),
        ("count = 1.5", "'count' is a number that counts nothing"),
        ('count = "x"', "'count' is a string that counts nothing"),
        ("count = 1001", "'count' is a number that counts nothing"),
        ("count = var.secret", "'count' would show a sensitive value"),
        ("count = 1\n  for_each = {}", "a block has 'count' or 'for_each', not both"),
        ("for_each = toset([1])", "'for_each' goes through names"),
        ("for_each = toset([null])", "'for_each' goes through names"),
        ('for_each = ["a"]', "'for_each' goes through a list, whose elements have no names"),
        ("for_each = []", "'for_each' goes through a list, whose elements have no names"),
        ('for_each = "a"', "cannot go through a string"),
        ("for_each = toset([var.secret])", "'for_each' would show a sensitive value"),
        ("for_each = { (var.secret) = 1 }", "'for_each' would show a sensitive value"),
        ('dynamic "nope" {\n    for_each = []\n    content {}\n  }', "there is no block 'nope' here"),
        ('dynamic "port" {\n    content {}\n  }', "a dynamic block has 'for_each' and a block 'content'"),
        (
            'dynamic "port" {\n    for_each = { (var.secret) = 1 }\n    content {\n      container = 1\n    }\n  }',
            "the number of blocks would show a sensitive value",
        ),
    ],
)
def test_what_cannot_be_repeated_is_told(body: str, message: str) -> None:
    """Once, and no resource is made of it."""
    secret = 'variable "secret" {\n  default = "hidden-value"\n  sensitive = true\n}\n'
    result = assembled(f'{secret}resource "service" "s" {{\n  image = "x"\n  {body}\n}}\n')
    assert [error.message for error in result.errors] == [message]
    assert not result.config.stacks
