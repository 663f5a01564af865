"""What the statements of an access policy in JSON grant, each compared as a whole: AWS IAM, and policies of that form.

Used by :mod:`bot.drift.severity.cloud`. Only *mighty* grants are asked for: everything allowed, or allowed to everybody. Such
a grant is one action, resource and principal with the conditions of its statement; it is gained where no statement of
the other side allows as much (AWS: IAM JSON policy elements reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final

from bot.drift.canonical import spelled
from bot.drift.policies import normal
from bot.model.globs import name_matches
from bot.model.json import JSON, Tree, elements, mapping, texts

_ALL: Final = "*"
_SETS: Final = ("action", "resource", "principal")
_MOST: Final = 400
_GRANTING: Final = ("iam:*",)
"""Actions on the service that grants: who may take them may do everything."""


def gained(live: JSON, planned: Sequence[JSON]) -> Iterator[str]:
    """The id of a rule for each mighty grant of ``live`` that no statement of ``planned`` gives."""
    before = [statement for policy in planned for statement in _statements(policy)]
    for statement in _statements(live):
        for rule, grant in _mighty(statement):
            if not any(_gives(earlier, grant) for earlier in before):
                yield rule


def _statements(value: JSON) -> Iterator[Tree]:
    """Every statement below that allows something, in the one form of its spellings."""
    if isinstance(value, Mapping):
        if value.get("Effect") == "Allow":
            yield normal(value)
        elif "Effect" not in value:
            for entry in value.values():
                yield from _statements(entry)
    else:
        for element in elements(value):
            yield from _statements(element)


def _mighty(statement: Tree) -> Iterator[tuple[str, Tree]]:
    """Each mighty grant with the id of its rule, as a statement of one action, one resource and one principal."""
    for grant in _single(statement):
        if _is_everybody(grant):
            yield "iam-everybody", grant
        if _is_everything(grant):
            yield "iam-wildcard", grant


def _single(statement: Tree) -> Iterator[Tree]:
    """``statement`` by its single actions, resources and principals; as a whole where those are too many."""
    other_parts = {key: value for key, value in statement.items() if key not in _SETS}
    set_names = [name for name in _SETS if texts(statement.get(name))]
    if prod(len(texts(statement[name])) for name in set_names) > _MOST:
        yield statement
        return
    for combination in product(*(texts(statement[name]) for name in set_names)):
        yield {**other_parts, **{name: (value,) for name, value in zip(set_names, combination, strict=True)}}


def _is_everything(grant: Tree) -> bool:
    if "action" in grant:
        return any(action.strip("*:") == "" or action in _GRANTING for action in texts(grant["action"]))
    return "notaction" in grant


def _is_everybody(grant: Tree) -> bool:
    if not _is_void(grant.get("condition")):
        return False
    return "notprincipal" in grant or any(principal.endswith(f" {_ALL}") for principal in texts(grant.get("principal")))


def _is_void(condition: JSON) -> bool:
    """Whether a condition asks for nothing: none, or texts that are like anything."""
    tests = [test for operator in mapping(condition).items() for test in _tests(*operator)]
    return all(operator.lower().endswith("like") and _ALL in values for operator, values in tests)


def _tests(operator: str, tested: JSON) -> Iterator[tuple[str, Sequence[JSON]]]:
    return ((operator, elements(elements(pair)[-1])) for pair in elements(tested) if elements(pair))


def _gives(statement: Tree, grant: Tree) -> bool:
    """Whether ``statement`` allows all that ``grant`` does."""
    return (
        _reaches(statement, grant, "action")
        and _reaches(statement, grant, "resource")
        and _reaches(statement, grant, "principal")
        and _is_as_loose(statement.get("condition"), grant.get("condition"))
    )


def _reaches(statement: Tree, grant: Tree, part: str) -> bool:
    """Whether all actions, resources or principals of ``grant`` are among those of ``statement``."""
    allowed, excepted = texts(statement.get(part)), texts(statement.get(f"not{part}"))
    wanted_values, left_out = texts(grant.get(part)), texts(grant.get(f"not{part}"))
    if any(allowed_value.rpartition(" ")[2] == _ALL for allowed_value in allowed):
        return True
    if wanted_values:
        if excepted:
            return not any(
                name_matches(no, value) or name_matches(value, no) for no in excepted for value in wanted_values
            )
        return all(any(name_matches(yes, value) for yes in allowed) for value in wanted_values)
    if left_out:
        return bool(excepted) and all(any(name_matches(no, exception) for no in left_out) for exception in excepted)
    return not allowed and not excepted


def _is_as_loose(condition: JSON, strict_condition: JSON) -> bool:
    """Whether everything that ``condition`` asks for is asked for by ``strict_condition`` in the same words."""
    strict = {
        (operator, spelled(test)) for operator, tests in mapping(strict_condition).items() for test in elements(tests)
    }
    loose = {(operator, spelled(test)) for operator, tests in mapping(condition).items() for test in elements(tests)}
    return loose <= strict
