"""Calls of functions to their results."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import CHARACTERS, LONGEST_TEXT, Fault, Misuse
from bot.assembly.functions.files import CommittedFiles
from bot.assembly.functions.table import FILED, METERED, NAMES, PLAIN, THOROUGH, TRACED, UNSUITED
from bot.assembly.values import Value, as_text, decided_by
from bot.intake.cw import parse_expression
from bot.intake.declared import nearest
from bot.intake.scanner import Mistake
from bot.intake.syntax import FunctionCall, Template
from bot.intake.text import Text
from bot.model.json import JSON


def call(at: Evaluator, node: FunctionCall) -> Value:
    """The result of a call."""
    if node.name in {"try", "can"}:
        return _attempt(at, node)
    if node.name in {"templatefile", "templatestring"}:
        return _template(at, node)
    if node.name in UNSUITED:
        at.unknown(node, f"{node.name}() {UNSUITED[node.name]}")
    if node.name not in NAMES:
        near = nearest(node.name, NAMES)
        at.unknown(node, f"there is no function {node.name}()", f"{near}()" if near else None)
    arguments = [at.value(argument) for argument in node.arguments]
    if node.spread and arguments:
        arguments = [*arguments[:-1], *arguments[-1].elements]
    _check_count(at, node, len(arguments))
    try:
        if node.name in TRACED:
            return _traced(at, node, arguments)
        return at.computed(node, _plain(at, node, arguments), arguments)
    except Misuse as misuse:
        secret = any(argument.sensitive for argument in arguments)
        at.fault(node, f"{node.name}() cannot work with this sensitive value" if secret else f"{node.name}() {misuse}")
    except (ValueError, ArithmeticError):
        at.fault(node, f"{node.name}() cannot work with these values")


def _traced(at: Evaluator, node: FunctionCall, arguments: list[Value]) -> Value:
    """What a function of traced values makes; all of it is secret where a text or number that decided it is, or the whole of a
    collection.
    """
    _read(at, node, arguments)
    if node.name in _ORDERED and any(argument.unique for argument in arguments):
        raise Misuse("takes lists, which have an order; tolist() makes one of a set")
    result = TRACED[node.name].call(*arguments)
    if node.name == "issensitive":
        return at.computed(node, bool(result), ())
    unique = node.name in _SETS or (node.name == "setproduct" and any(argument.unique for argument in arguments))
    value = result if isinstance(result, Value) else Value(result, at.trace(node, arguments), unique)
    arguments_traced = [Value(None, argument.trace) for argument in arguments]
    keys = arguments[:1] if node.name in _NAMING else arguments if node.name in _SELECTING else ()
    return value if node.name in _CHOOSING else decided_by(value, *arguments_traced, *keys)


_PARSING: Final = 2
"""Steps that a character of a template costs."""
_NAMING: Final = frozenset({"zipmap", "transpose"})
"""Functions whose first argument gives keys of the result."""
_SETS: Final = frozenset({"setintersection", "setsubtract", "setunion", "toset"})
_ORDERED: Final = frozenset({"coalescelist", "concat", "element", "index", "slice"})
_SELECTING: Final = frozenset(
    {
        "coalesce",
        "coalescelist",
        "compact",
        "distinct",
        "matchkeys",
        "setintersection",
        "setsubtract",
        "setunion",
        "toset",
    }
)
"""Functions that look into their arguments to decide which elements the result has."""
_CHOOSING: Final = frozenset({"concat", "merge", "nonsensitive"})
"""Functions that pass on what they are given, each part with its own mark."""


def _check_count(at: Evaluator, node: FunctionCall, count: int) -> None:
    function = PLAIN.get(node.name) or METERED.get(node.name) or FILED.get(node.name) or TRACED[node.name]
    fewest, most = function.fewest, function.most
    if count < fewest or (most is not None and count > most):
        takes = f"{fewest}" if most == fewest else f"{fewest} to {most}" if most else f"at least {fewest}"
        at.fault(node, f"{node.name}() takes {takes} argument{'s' * (takes != '1')}, not {count}")


def _plain(at: Evaluator, node: FunctionCall, arguments: list[Value]) -> JSON:
    characters = _read(at, node, arguments)
    if characters > LONGEST_TEXT:
        at.fault(node, f"{node.name}() takes at most {LONGEST_TEXT} characters")
    at.spend(node, characters if node.name in THOROUGH else 0)
    plain = [argument.plain() for argument in arguments]
    if node.name in FILED:
        _open(at, node, plain[0])
        result = FILED[node.name].call(at.files, *plain)
    else:
        metered = METERED.get(node.name)
        result = metered.call(*plain, budget=at.budget) if metered else PLAIN[node.name].call(*plain)
    if isinstance(result, str) and len(result) > LONGEST_TEXT:
        at.fault(node, f"{node.name}() makes more than {LONGEST_TEXT} characters")
    at.spend(node, len(result) // CHARACTERS if isinstance(result, str) else 0)
    return result


def _read(at: Evaluator, node: FunctionCall, arguments: list[Value]) -> int:
    """The characters of ``arguments``, paid for."""
    characters = sum(argument.characters() for argument in arguments)
    at.spend(node, characters // CHARACTERS)
    return characters


def _open(at: Evaluator, node: FunctionCall, name: JSON) -> None:
    """Pay for the file that a function reads."""
    path, size = at.files.size(name)
    at.budget.open(path, size)
    at.spend(node, size // CHARACTERS)


def _template(at: Evaluator, node: FunctionCall) -> Value:
    """A template of a file, or of a value, with the entries of an object as its names."""
    if len(node.arguments) != 2:
        at.fault(node, f"{node.name}() takes 2 arguments, not {len(node.arguments)}")
    if node.name == "templatestring" and isinstance(node.arguments[0], Template):
        at.fault(
            node.arguments[0], "templatestring() takes a template that is written elsewhere", "local.NAME or var.NAME"
        )
    path_value, variables_value = at.value(node.arguments[0]), at.value(node.arguments[1])
    if not isinstance(variables_value.data, dict):
        at.fault(node.arguments[1], f"{node.name}() takes an object of the template's names", "{ name = value }")
    secret = path_value.sensitive or variables_value.sensitive
    try:
        text = Text(at.text.file, _source(at, node, path_value.plain()))
        marker = _marker(text.chars)
        heredoc = Text(text.file, f"<<{marker}\n{text.chars}\n{marker}\n")
        inner = replace(
            at, text=heredoc, bound=variables_value.data, scope=lambda *_: None, files=CommittedFiles("", {}, set())
        )
        rendered = as_text(inner.value(parse_expression(heredoc))) or ""
    except Misuse as misuse:
        at.fault(node, f"{node.name}() {'cannot work with this sensitive value' if secret else misuse}")
    except (Fault, Mistake) as problem:
        error = problem.error
        if error is None:
            raise
        at.fault(node, f"{node.name}(): {'the template cannot be filled in' if secret else error.message}")
    return at.computed(node, rendered.removesuffix("\n"), (path_value, variables_value))


def _source(at: Evaluator, node: FunctionCall, file_name: JSON) -> str:
    """The text of a template, paid for."""
    if node.name == "templatefile":
        _open(at, node, file_name)
    source = str(FILED["file"].call(at.files, file_name) if node.name == "templatefile" else file_name)
    if len(source) > LONGEST_TEXT:
        at.fault(node, f"{node.name}() takes at most {LONGEST_TEXT} characters")
    at.spend(node, _PARSING * len(source))
    return source


def _marker(chars: str) -> str:
    """A word that no line of ``chars`` is."""
    lines = {line.strip() for line in chars.split("\n")}
    return next(marker for count in itertools.count() if (marker := f"END{count}") not in lines)


def _attempt(at: Evaluator, node: FunctionCall) -> Value:
    """The first argument that has a value, or whether there is one; secret where that was decided by a secret."""
    if node.name == "can" and len(node.arguments) != 1:
        at.fault(node, f"can() takes 1 argument, not {len(node.arguments)}")
    secrets_before = at.budget.secrets
    for argument in node.arguments:
        try:
            value = at.value(argument)
        except Fault as fault:
            if fault.static:
                raise
            continue
        value = value if node.name == "try" else at.computed(node, True, ())
        decided = argument is not node.arguments[0] or node.name == "can"
        return value.secret() if decided and at.budget.secrets != secrets_before else value
    if node.name == "can":
        value = at.computed(node, False, ())
        return value.secret() if at.budget.secrets != secrets_before else value
    return at.fault(node, "none of the alternatives of try() has a value")
