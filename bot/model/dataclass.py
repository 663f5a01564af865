"""``@dataclass`` of the standard library, made in half the time.

The methods of a dataclass are texts that are compiled while its module is loaded (CPython, ``Lib/dataclasses.py``,
``_create_fn``): a third of all that a short run does. Here the library writes ``__init__`` and what freezes; comparing,
hashing and showing are functions that get at the fields without a text. What is otherwise asked for is the library's alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """The class with what ``dataclasses.dataclass`` would give it."""
        return (lambda bare: _build(bare, options)) if cls is None else _build(cls, options)


def _build(bare: type, options: dict[str, bool]) -> type:
    if options.keys() - {"frozen", "slots", "kw_only"}:
        return dataclasses.dataclass(bare, **options)
    members = vars(bare)
    built: type = dataclasses.dataclass(bare, repr=False, eq=False, **options)
    fields: Sequence[dataclasses.Field[Any]] = dataclasses.fields(built)
    if "__repr__" not in members:
        _set_method(built, "__repr__", _showing([each.name for each in fields if each.repr]))
    hashed = _getter([each.name for each in fields if (each.compare if each.hash is None else each.hash)])
    if members.get("__hash__") is None:  # as Python sets it beside an ``__eq__``
        _set_method(built, "__hash__", (lambda self: hash(hashed(self))) if options.get("frozen") else None)
    if "__eq__" not in members:
        _set_method(built, "__eq__", _comparing(_getter([each.name for each in fields if each.compare])))
    return built


def _set_method(built: type, name: str, method: Callable[..., object] | None) -> None:
    if method is not None:
        method.__qualname__ = f"{built.__qualname__}.{name}"
    setattr(built, name, method)


def _getter(names: Sequence[str]) -> Callable[[object], Any]:
    """What gives the values of fields as a tuple."""
    if not names:
        return lambda _: ()
    return attrgetter(*names, *names[: len(names) == 1])  # of a single name it would give no tuple


def _comparing(get: Callable[[object], Any]) -> Callable[..., object]:
    def equal(self: object, other: object) -> Any:
        return get(self) == get(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _showing(names: Sequence[str]) -> Callable[..., str]:
    @recursive_repr()
    def shown(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return shown
