"""``for`` expressions to lists and objects, and what a loop goes through (HCL specification, "For Expressions")."""

from __future__ import annotations

from bot.assembly.evaluator import Evaluator
from bot.assembly.values import Value, decided_by, kind_of
from bot.intake.syntax import Expression, ForExpression


def comprehension(at: Evaluator, node: ForExpression) -> Value:
    """The list or object that a ``for`` expression makes; objects in the order of their keys."""
    source = at.value(node.collection)
    values: list[Value] = []
    entries: dict[str, Value] = {}
    groups: dict[str, list[Value]] = {}
    reasons: list[Value] = [Value(None, source.trace)]
    for key, item in pairs(at, node.collection, source):
        inner = at.within(bound(node.names, key, item))
        if node.condition is not None:
            is_true, reason = inner.decision(node.condition)
            reasons.append(reason)
            if not is_true:
                continue
        value = inner.value(node.value)
        if node.key is None:
            values.append(value)
            continue
        key_value = inner.value(node.key)
        reasons.append(key_value)
        name = at.key(node.key, key_value)
        if node.grouped:
            groups.setdefault(name, []).append(value)
        elif name in entries:
            shown_key = "of a sensitive value" if key_value.sensitive else repr(name)
            at.fault(node.key, f"two elements give the key {shown_key}", "'...' after the value to group them")
        else:
            entries[name] = value
    if node.key is None:
        return decided_by(Value(tuple(values), at.trace(node, (source,))), *reasons)
    entries |= {name: Value(tuple(items), at.trace(node, items)) for name, items in groups.items()}
    return decided_by(Value(dict(sorted(entries.items())), at.trace(node, (source,))), *reasons)


def pairs(at: Evaluator, node: Expression, source: Value) -> list[tuple[Value, Value]]:
    """Positions or keys with what is there; objects in the order of their keys. What is in a set is its own key."""
    if source.unique:
        return [(item, item) for item in source.elements]
    trace = at.computed(node, None, (Value(None, source.trace),)).trace
    if isinstance(source.data, tuple):
        return [(Value(index, trace), item) for index, item in enumerate(source.data)]
    if isinstance(source.data, dict):
        return [(Value(key, trace), item) for key, item in sorted(source.data.items())]
    return at.fault(node, f"cannot go through a {kind_of(source)}", "a list or an object")


def bound(names: tuple[str, ...], key: Value, value: Value) -> dict[str, Value]:
    """The names that a loop gives to one round."""
    return {names[0]: value} if len(names) == 1 else {names[0]: key, names[1]: value}
