"""Edits of ``.cw`` files: where a value of a rendered object is written, and what may be written there."""

from __future__ import annotations

import pytest

from bot.assembly.assemble import assemble
from bot.edits.adopt import adopt
from bot.edits.overlays import Overlays
from bot.errors import Refused
from bot.forge.render import render
from bot.model.drift import AddEntry as A
from bot.model.drift import Adoption, Edit
from bot.model.drift import RemoveEntry as R
from bot.model.drift import SetValue as S
from bot.model.json import JSON, Pointer
from tests.table import table

DOCKER = 'provider "docker" { stack = "shop" }\n'
KUBERNETES = 'provider "kubernetes" { stack = "shop" }\n'
WEB = 'resource "service" "web" {\n  image = "a"\n'
ENV: Pointer = ("spec", "template", "spec", "containers", 0, "env")


def adopted(files: dict[str, str], *edits: Edit, resource: str = "service/shop/web", broken: bool = False) -> Adoption:
    data = {path: text.encode() for path, text in files.items()}
    assembly = assemble(data, variables={}, environment={})
    assert bool(assembly.errors) is broken, assembly.errors
    resources = {str(desired.id): desired for desired in render(assembly.config, Overlays()).desired}
    return adopt(resources[resource], edits, data, cw=assembly.config)


def body_after(body: str, *edits: Edit, before: str = DOCKER, resource: str = "service/shop/web") -> str:
    """What the block of the service holds beside its image, after ``edits`` of one file, of which nothing else changes."""
    adoption = adopted({"main.cw": f"{before}{WEB}{body}}}\n"}, *edits, resource=resource)
    text = adoption.files["main.cw"].decode()
    assert text.startswith(before + WEB)
    return text.removeprefix(before + WEB).removesuffix("}\n")


PORT: dict[str, JSON] = {
    "target": 443,
    "published": "443",
    "protocol": "udp",
    "host_ip": "127.0.0.1",
    "mode": "ingress",
}
UDP = '  port {\n    container = 443\n    host      = 443\n    protocol  = "udp"\n    address   = "127.0.0.1"\n  }\n'


@table(
    ("body", "edit", "after"),
    [
        ("", A((), "hostname", "h"), '  hostname = "h"\n'),
        ("", A((), "cap_add", ["X"]), '  cap_add = ["X"]\n'),
        ("", A((), "labels", {"a": "b"}), '  labels = {\n    a = "b"\n  }\n'),
        (
            "",
            A((), "healthcheck", {"test": ["CMD", "a", "b"], "retries": 3}),
            '  healthcheck {\n    command = ["a", "b"]\n    retries = 3\n  }\n',
        ),
        ("", A((), "healthcheck", {"test": ("CMD-SHELL", "a b")}), '  healthcheck {\n    command = "a b"\n  }\n'),
        ("", A((), "healthcheck", {"test": "a b"}), '  healthcheck {\n    command = "a b"\n  }\n'),
        (
            "",
            A((), "logging", {"driver": "x", "options": {"test": "b"}}),
            '  logging {\n    driver  = "x"\n    options = {\n      test = "b"\n    }\n  }\n',
        ),
        ("", A(("healthcheck",), "retries", 5), "  healthcheck {\n    retries = 5\n  }\n"),
        ("", A(("healthcheck",), "test", ["CMD", "x"]), '  healthcheck {\n    command = ["x"]\n  }\n'),
        (
            '  healthcheck { command = "x" }\n',
            A(("healthcheck",), "retries", 5),
            '  healthcheck {\n    command = "x"\n    retries = 5\n  }\n',
        ),
        (
            '  healthcheck { retries = 1 }\n  logging { driver = "d" }\n',
            A(("logging",), "options", {"a": "b"}),
            '  healthcheck { retries = 1 }\n  logging {\n    driver = "d"\n    options = {\n      a = "b"\n    }\n  }\n',
        ),
        ("", A(("logging", "options"), "a", "1m"), '  logging {\n    options = {\n      a = "1m"\n    }\n  }\n'),
        (
            '  logging { driver = "d" }\n',
            A(("logging", "options"), "a", "1m"),
            '  logging {\n    driver = "d"\n    options = {\n      a = "1m"\n    }\n  }\n',
        ),
        (
            '  logging {\n    driver  = "d"\n    options = { a = "b" }\n  }\n',
            A(("logging", "options"), "c", "1m"),
            '  logging {\n    driver  = "d"\n    options = { a = "b", c = "1m" }\n  }\n',
        ),
        ("", A(("cap_add",), None, "X"), '  cap_add = ["X"]\n'),
        ('  cap_add = ["Y"]\n', A(("cap_add",), None, "X"), '  cap_add = ["Y", "X"]\n'),
        ('  labels = { a = "1" }\n', A(("labels",), "b", "2"), '  labels = { a = "1", b = "2" }\n'),
        ("", A(("labels",), "b", "2"), '  labels = {\n    b = "2"\n  }\n'),
        ("", A(("ports",), None, PORT), UDP),
        ("", A(("ports",), None, {"target": 443, "protocol": "tcp"}), "  port {\n    container = 443\n  }\n"),
        (
            "  port { container = 80 }\n",
            A(("ports",), None, {"target": 81, "published": None}),
            "  port { container = 80 }\n  port {\n    container = 81\n  }\n",
        ),
        # what is removed
        ('  healthcheck {\n    command = "x"\n  }\n  tty = true\n', R(("healthcheck",)), "  tty = true\n"),
        ('  logging { driver = "d" }\n', R(("logging",)), ""),
        (
            '  healthcheck {\n    command = "x"\n    retries = 3\n  }\n',
            R(("healthcheck", "retries")),
            '  healthcheck {\n    command = "x"\n  }\n',
        ),
        (
            '  healthcheck {\n    command = "x"\n    retries = 3\n  }\n',
            R(("healthcheck", "test")),
            "  healthcheck {\n    retries = 3\n  }\n",
        ),
        ("  port { container = 80 }\n  port { container = 81 }\n", R(("ports", 1)), "  port { container = 80 }\n"),
        (
            "  port {\n    container = 80\n    host = 90\n  }\n",
            R(("ports", 0, "published")),
            "  port {\n    container = 80\n  }\n",
        ),
        ('  labels = { a = "1", healthcheck = "2" }\n', R(("labels", "healthcheck")), '  labels = { a = "1" }\n'),
        ('  labels = { a = "1" }\n', R(("labels", "a")), "  labels = {  }\n"),
        ('  labels = { a = "1" }\n', R(("labels",)), ""),
        ('  cap_add = ["X"]\n', R(("cap_add", 0)), "  cap_add = []\n"),
        ('  cap_add = ["X", "Y"]\n', R(("cap_add", 1)), '  cap_add = ["X"]\n'),
        ("  replicas = 1 + 1\n", R(("deploy", "replicas")), ""),
        ('  hostname = upper("h")\n', R(("hostname",)), ""),
    ],
)
def test_an_entry_of_a_service_is_one_of_its_block(body: str, edit: Edit, after: str) -> None:
    """Under the name that it has there, in a block of its own where it has one."""
    assert body_after(body, edit) == after


@table(
    ("body", "edit", "after"),
    [
        ("", A(("metadata", "labels"), "x", "y"), '  labels = {\n    x = "y"\n  }\n'),
        ('  labels = { a = "b" }\n', A(("metadata", "labels"), "x", "y"), '  labels = { a = "b", x = "y" }\n'),
        ("", A(("metadata", "annotations"), "x", "y"), '  annotations = {\n    x = "y"\n  }\n'),
        ("", A(ENV, None, {"name": "A", "value": "1"}), '  environment = {\n    A = "1"\n  }\n'),
        (
            '  environment = { B = "1" }\n',
            A(ENV, None, {"name": "A", "value": "1"}),
            '  environment = { B = "1", A = "1" }\n',
        ),
        ('  environment = { A = "1", B = "2" }\n', R((*ENV, 0)), '  environment = { B = "2" }\n'),
        ('  environment = { A = "1", B = upper("b") }\n', R((*ENV, 1)), '  environment = { A = "1" }\n'),
        ('  environment = { A = "1" }\n', R((*ENV, 0)), "  environment = {  }\n"),
        ('  environment = { A = "1" }\n', S((*ENV, 0, "value"), "2"), '  environment = { A = "2" }\n'),
        (
            '  healthcheck {\n    command  = "x"\n    interval = "10s"\n  }\n',
            S((*ENV[:-1], "livenessProbe", "periodSeconds"), 30),
            '  healthcheck {\n    command  = "x"\n    interval = "30s"\n  }\n',
        ),
    ],
)
def test_a_deployment_is_written_as_the_service_that_it_is_made_from(body: str, edit: Edit, after: str) -> None:
    """A variable of the list that Kubernetes has is an entry of the map; seconds are a duration."""
    assert body_after(body, edit, before=KUBERNETES, resource="Deployment/web") == after


def test_a_config_map_is_written_as_its_config() -> None:
    """Data and labels are maps of it."""
    before = KUBERNETES + 'resource "config" "c" {\n  data = { a = "1" }\n}\n'
    edits = (A(("data",), "k", "v"), A(("metadata", "labels"), "l", "w"))
    after = adopted({"main.cw": before}, *edits, resource="ConfigMap/c").files["main.cw"].decode()
    assert after == before.replace('"1" }\n', '"1", k = "v" }\n  labels = {\n    l = "w"\n  }\n')


VARIABLE = 'variable "v" { default = "1" }\n'
NUMBER = 'variable "v" {\n  type    = number\n  default = 1\n}\n'
MAP = 'locals { l = { A = "1", B = "2" } }\n'
OTHER = 'resource "service" "db" {\n  image = "b"\n  hostname = var.v\n  labels = { x = var.v }\n}\n'
ELSEWHERE = "var.v is used elsewhere or set from outside, so this use was replaced"
EXPRESSION = "the expression was replaced by its new value"
PARTS = "more than one part of the text changed, so the expression was replaced"
LAID = "the new entry was laid over the expression that gives the others"


@table(
    ("outside", "line", "edit", "after", "note"),
    [
        (VARIABLE, "hostname = var.v", S(("hostname",), "2"), ('= "2"', None), None),
        (VARIABLE + OTHER, "hostname = var.v", S(("hostname",), "2"), (None, 'hostname = "2"'), ELSEWHERE),
        (
            VARIABLE,
            "hostname = var.v\n  user = var.v",
            S(("hostname",), "2"),
            (None, 'hostname = "2"\n  user = var.v'),
            ELSEWHERE,
        ),
        (VARIABLE, "hostname = upper(var.v)", S(("hostname",), "b"), (None, 'hostname = "b"'), EXPRESSION),
        (
            VARIABLE + "locals { h = upper(var.v) }\n",
            "hostname = local.h",
            S(("hostname",), "b"),
            (None, 'hostname = "b"'),
            "local.h is computed, so this use was replaced",
        ),
        ('locals { h = "1" }\n', "hostname = local.h", S(("hostname",), "2"), ('= "2"', None), None),
        (VARIABLE, 'hostname = "a-${var.v}"', S(("hostname",), "a-2"), ('= "2"', None), None),
        (VARIABLE, 'hostname = "a-${upper(var.v)}"', S(("hostname",), "a-2"), (None, 'hostname = "a-2"'), EXPRESSION),
        (VARIABLE + OTHER, 'hostname = "a-${var.v}"', S(("hostname",), "a-2"), (None, 'hostname = "a-2"'), ELSEWHERE),
        (
            VARIABLE + 'locals { h = "a" }\n',
            'hostname = "a-${var.v}-${local.h}"',
            S(("hostname",), "b-2-c"),
            (None, 'hostname = "b-2-c"'),
            PARTS,
        ),
        (NUMBER, 'hostname = "a-${var.v}"', S(("hostname",), "a-2"), ("= 2", None), None),
        (NUMBER, 'hostname = "a-${var.v}"', S(("hostname",), "a-x"), (None, 'hostname = "a-x"'), ELSEWHERE),
        (VARIABLE, "replicas = var.v", S(("deploy", "replicas"), 5), ('= "5"', None), None),
        ("", "replicas = 1", S(("deploy", "replicas"), "5"), (None, "replicas = 5"), None),
        ("", 'privileged = "true"', S(("privileged",), False), (None, "privileged = false"), None),
        ("", "privileged = false", S(("privileged",), True), (None, "privileged = true"), None),
        ("", "labels = { a = 1 }", S(("labels", "a"), "2"), (None, "labels = { a = 2 }"), None),
        ("", "labels = { a = 1 }", S(("labels", "a"), "x"), (None, 'labels = { a = "x" }'), None),
        ("", "labels = { a = true }", S(("labels", "a"), "false"), (None, "labels = { a = false }"), None),
        ("", 'labels = { a = "1" }', S(("labels", "a"), 2), (None, 'labels = { a = "2" }'), None),
        (MAP, "labels = local.l", S(("labels", "A"), "9"), ('"9", B', None), None),
        (
            MAP + 'resource "service" "x" {\n  image = "b"\n  labels = local.l\n}\n',
            "labels = local.l",
            S(("labels", "A"), "9"),
            (None, 'labels = merge(local.l, { A = "9" })'),
            "local.l is used elsewhere, so this use was replaced",
        ),
        (
            MAP + 'resource "service" "x" {\n  image = "b"\n  labels = local.l\n}\n',
            "logging { options = local.l }",
            S(("logging", "options", "A"), "9"),
            (None, 'logging { options = merge(local.l, { A = "9" }) }'),
            "local.l is used elsewhere, so this use was replaced",
        ),
        (MAP, "labels = { for k, v in local.l : k => v }", S(("labels", "A"), "9"), ('"9", B', None), None),
        ('locals { c = ["1", "2"] }\n', "cap_add = local.c", S(("cap_add", 0), "9"), ('["9"', None), None),
        (MAP, "labels = local.l", A(("labels",), "C", "3"), (None, 'labels = merge(local.l, { C = "3" })'), LAID),
        (
            'locals { c = ["1"] }\n',
            "cap_add = local.c",
            A(("cap_add",), None, "2"),
            (None, 'cap_add = concat(local.c, ["2"])'),
            LAID,
        ),
        (VARIABLE + 'output "h" { value = var.v }\n', "hostname = var.v", S(("hostname",), "2"), ('= "2"', None), None),
        (MAP, "labels = local.l", R(("labels",)), (None, ""), None),
        (VARIABLE, "labels = { a = var.v, b = 1 }", R(("labels", "a")), (None, "labels = { b = 1 }"), None),
    ],
)
def test_a_value_is_changed_where_it_comes_from(
    outside: str, line: str, edit: Edit, after: tuple[str | None, str | None], note: str | None
) -> None:
    """The literal behind it where nothing else uses that; else the use gives way, and the note says why."""
    before = f"{DOCKER}{outside}{WEB}  {line}\n}}\n"
    adoption = adopted({"main.cw": before}, edit)
    literal, use = after
    if literal is not None:
        old = next(old for old in ('"1", B', '["1"', '= "1"', "= 1") if old in outside)
        outside = outside.replace(old, literal, 1)
    now = f"  {line if use is None else use}\n" if use != "" else ""
    assert {path: data.decode() for path, data in adoption.files.items()} == {
        "main.cw": f"{DOCKER}{outside}{WEB}{now}}}\n"
    }
    number = before.count("\n") - 1 - line.count("\n")
    assert adoption.notes == (() if note is None else (f"main.cw:{number}: {note}",))


@table(
    ("outside", "line", "edit", "message"),
    [
        ("", "", A((), "healthcheck", {"test": ["NONE"]}), "healthcheck.test is neither CMD nor CMD-SHELL"),
        ("", "", A((), "healthcheck", {"test": 1}), "healthcheck.test is neither CMD nor CMD-SHELL"),
        ("", "", A((), "deploy", {"replicas": 2}), "^deploy is made by the renderer: change the .cw file by hand"),
        ("", "", A((), "ports", [{"target": 80}]), "^ports is made by the renderer"),
        (
            "",
            "",
            A((), "nonsense", 1),
            "^nonsense of shop/service/web cannot be written without changing something else",
        ),
        ("", "", A(("ports",), None, "80:80"), "^ports is made by the renderer"),
        ("", "", A(("ports",), "x", {"target": 1}), "^ports.x is made by the renderer"),
        (
            "",
            "",
            A(("ports",), None, {"target": 1, "published": "8000-8010"}),
            "^ports of shop/service/web cannot be written",
        ),
        ("", "", A(("volumes",), None, {"type": "bind"}), "^volumes is made by the renderer"),
        (
            "",
            "",
            A(("environment",), None, {"name": "n", "value": "v"}),
            "^environment of shop/service/web cannot be written",
        ),
        ("", 'hostname = "x"', S(("hostname",), ["a"]), "^hostname is made by the renderer"),
        ("", "labels = { a = 1 }", S(("labels",), {"b": 1, "a": {"c": 1}}), "^labels.a is made by the renderer"),
        ("", "port { container = 80 }", S(("ports", 0, "mode"), "host"), r"^ports\[#0\].mode is made by the renderer"),
        ("", 'labels = { a = "1" }', S(("labels", "a"), True), "^labels.a of shop/service/web cannot be written"),
        ("", "privileged = false", S(("privileged",), "yes"), "^privileged of shop/service/web cannot be written"),
        ("", "replicas = 1", S(("deploy", "replicas"), None), "^deploy.replicas of shop/service/web cannot be written"),
        (VARIABLE, "hostname = var.v", S(("hostname",), None), "^hostname of shop/service/web cannot be written"),
        ("", "port { container = 80 }", R(("ports", 0, "mode")), r"^main\.cw:4: the value is no longer where it was"),
        (
            "",
            "port { container = 80 }\n  port { container = 81 }",
            R(("ports", 0)),
            r"^ports\[#0\] of shop/service/web cannot",
        ),
        (MAP, "labels = local.l", R(("labels", "A")), "^labels.A comes from l: change the .cw file by hand"),
        (MAP, "labels = merge(local.l, { C = 1 })", R(("labels", "C")), "^labels.C comes from an expression: change"),
        ("", 'labels = { a = "1" }', R(("labels", "x")), "^labels.x is not written in a .cw file"),
        ("", "", R(("hostname",)), "^hostname is not written in a .cw file"),
        ("", "", R(("image",)), "^image of shop/service/web cannot be written without changing something else"),
    ],
)
def test_what_cannot_be_written_is_refused(outside: str, line: str, edit: Edit, message: str) -> None:
    """With what stands in the way."""
    with pytest.raises(Refused, match=message) as refusal:
        adopted({"main.cw": f"{DOCKER}{outside}{WEB}  {line}\n}}\n"}, edit)
    assert "by hand" in str(refusal.value) or "no longer" in str(refusal.value) or "not written" in str(refusal.value)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (A(ENV, None, {"name": "C", "valueFrom": {}}), "env is made by the renderer"),
        (A(ENV, None, "A=1"), "env is made by the renderer"),
        (A(("spec",), "minReadySeconds", 5), r"^spec\.minReadySeconds is made by the renderer"),
        (R((*ENV, 0)), r"env\[#0\] comes from l: change the .cw file by hand"),
        (S((*ENV, 0, "value"), "2"), r"env\[#0\].value of shop/service/web cannot be written"),
    ],
)
def test_one_variable_of_a_shared_map_stays(edit: Edit, message: str) -> None:
    """The map is not taken away for one of its entries."""
    shared = f"{KUBERNETES}{MAP}{WEB}  environment = local.l\n}}\n"
    shared += 'resource "service" "db" {\n  image = "b"\n  environment = local.l\n}\n'
    with pytest.raises(Refused, match=message):
        adopted({"main.cw": shared}, edit, resource="Deployment/web")


def test_changes_that_are_right_one_by_one_can_be_wrong_together() -> None:
    """What is made from both reads differently only when both change."""
    pair = VARIABLE + VARIABLE.replace('"v"', '"u"')
    service = f"{WEB}  hostname = var.v\n  user = var.u\n}}\n"
    edits = (S(("hostname",), "2"), S(("user",), "2"))
    after = adopted({"main.cw": DOCKER + pair + service}, *edits).files["main.cw"].decode()
    assert after == DOCKER + pair.replace('"1"', '"2"') + service
    both = 'resource "service" "db" {\n  image = "b"\n  hostname = var.v == "2" && var.u == "2" ? "x" : "y"\n}\n'
    with pytest.raises(Refused, match="these changes together change something else: adopt them one by one"):
        adopted({"main.cw": DOCKER + pair + service + both}, *edits)


def test_additions_at_the_same_place_stay_in_their_order() -> None:
    """And a change beside them is made as well; a note that two of them have is told once."""
    edits = (S(("hostname",), "b"), A((), "user", "c"), A((), "tty", True))
    assert body_after('  hostname = "a"\n', *edits) == '  hostname = "b"\n  user     = "c"\n  tty      = true\n'
    laid = (A(("labels",), "C", "3"), A(("labels",), "D", "4"))
    adoption = adopted({"main.cw": f"{DOCKER}{MAP}{WEB}  labels = merge(local.l, {{}})\n}}\n"}, *laid[:1])
    assert adoption.notes == (f"main.cw:5: {LAID}",)
    with pytest.raises(Refused, match="these changes touch the same text: adopt them one by one"):
        adopted({"main.cw": f"{DOCKER}{MAP}{WEB}  labels = local.l\n}}\n"}, *laid)


def test_mistakes_that_are_there_already_do_not_stand_in_the_way() -> None:
    """New ones do."""
    broken = f'{DOCKER}resource "service" "bad" {{\n  nope = 1\n}}\n{WEB}  hostname = "a"\n}}\n'
    adoption = adopted({"main.cw": broken}, S(("hostname",), "b"), broken=True)
    assert adoption.files["main.cw"].decode() == broken.replace('hostname = "a"', 'hostname = "b"')
    with pytest.raises(Refused, match="nope of shop/service/web cannot be written"):
        adopted({"main.cw": broken}, A((), "nope", 1), broken=True)


MODULE = 'variable "x" {}\nresource "service" "db" {\n  image = "b"\n  hostname = var.x\n}\n'
DB = "service/shop/db"


def test_a_value_of_a_module_is_changed_where_it_is_given() -> None:
    """Where it is given as an expression, in place of that; a variable's line in ``.cwvars`` is a literal of its own."""
    call = 'module "m" {\n  source = "./m"\n  x = %s\n}\n'
    files = {"main.cw": DOCKER + VARIABLE + call % '"1"', "m/main.cw": MODULE}
    assert adopted(files, S(("hostname",), "2"), resource=DB).files == {
        "main.cw": (DOCKER + VARIABLE + call % '"2"').encode()
    }
    files = {"main.cw": DOCKER + VARIABLE + call % "upper(var.v)", "m/main.cw": MODULE}
    adoption = adopted(files, S(("hostname",), "2"), resource=DB)
    assert adoption.files == {"m/main.cw": MODULE.replace("var.x", '"2"').encode()}
    assert adoption.notes == ("m/main.cw:4: var.x is used elsewhere or set from outside, so this use was replaced",)
    output = MODULE.replace('resource "service" "db"', 'output "h" { value = %s }\nresource "service" "other"')
    for value, because in (("upper(var.x)", "is computed"), ("var.x", "is used elsewhere")):
        web = f"{WEB}  hostname = module.m.h\n}}\n"
        files = {"main.cw": DOCKER + call % '"1"' + web, "m/main.cw": output % value}
        adoption = adopted(files, S(("hostname",), "2"))
        assert adoption.files == {"main.cw": files["main.cw"].replace("module.m.h", '"2"').encode()}
        assert adoption.notes == (f"main.cw:8: module.m.h {because}, so this use was replaced",)
    files = {"main.cw": DOCKER + VARIABLE + call % "var.v", "m/main.cw": MODULE, "clockwork.cwvars": 'v = "5" # five\n'}
    assert adopted(files, S(("hostname",), "2"), resource=DB).files == {"clockwork.cwvars": b'v = "2" # five\n'}
