"""Our ``dataclass`` makes what the library's makes, of every form that stands in the project."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

import pytest

from bot.model import dataclass as ours


def forms(dataclass: Callable[..., Any]) -> dict[str, type]:
    """One class of each form."""

    @dataclass(frozen=True, slots=True)
    class Value:
        a: int
        b: tuple[Any, ...] = ()
        seen: float = field(default=0.0, compare=False)
        key: str = field(default="k", repr=False)
        text: str = field(default="t", hash=False)

    @dataclass(frozen=True, slots=True)
    class Single:
        a: float

    @dataclass(frozen=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        b: list[int] = field(default_factory=list)
        a: int

    @dataclass(slots=True)
    class Changed:
        a: int
        inner: object = None

    @dataclass
    class Plain:
        a: int

    @dataclass(frozen=True)
    class Own:
        a: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    @dataclass(frozen=True)
    class Equal:  # noqa: PLW1641 what Python then makes of it is asked here
        a: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

    @dataclass(frozen=True, eq=False)
    class Same:
        a: int

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        a: int

    @dataclass(frozen=True, slots=True)
    class Derived(Single):
        c: int = 3

    classes = (Value, Single, Nothing, Named, Changed, Plain, Own, Equal, Same, Ordered, Derived)
    return {each.__name__: each for each in classes}


OURS: Final = forms(ours.dataclass)
LIBRARYS: Final = forms(dataclasses.dataclass)
NAN: Final = float("nan")
GIVEN: Final[tuple[dict[str, Any], ...]] = (
    {"a": 1},
    {"a": 1, "seen": 2.0},
    {"a": 1, "key": "other"},
    {"a": 1, "text": "other"},
    {"a": 2, "b": [1]},
    {"a": NAN},
    {"a": 1, "c": 4},
    {},
)


def answers(made: type) -> list[object]:
    """What the objects of a class say, alone and in pairs."""
    known = {each.name for each in dataclasses.fields(made)}
    objects = [made(**given) for given in GIVEN if given.keys() <= known and ("a" not in known or "a" in given)]
    return [
        [repr(one) for one in objects],
        [[one == other for other in objects] for one in objects],
        [[hashes(one) == hashes(other) for other in objects] for one in objects],
        [one == (1,) for one in objects],
        [repr(dataclasses.replace(one)) for one in objects],
        [repr(copy.copy(one)) for one in objects],
        [dataclasses.asdict(one) for one in objects],
        getattr(made, "__match_args__", None),
        [refused(one) for one in objects],
    ]


def hashes(one: object) -> object:
    """A hash, or that there is none."""
    try:
        return hash(one)
    except TypeError:
        return None


def refused(one: object) -> bool:
    """Whether a field cannot be changed."""
    try:
        setattr(one, "a", 5)  # noqa: B010
    except dataclasses.FrozenInstanceError:
        return True
    return False


@pytest.mark.parametrize("form", OURS)
def test_it_is_as_the_librarys(form: str) -> None:
    """Objects are shown, compared, hashed, copied and frozen as those of ``dataclasses.dataclass``."""
    assert repr(answers(OURS[form])) == repr(answers(LIBRARYS[form]))


def test_a_value_that_holds_itself_is_shown() -> None:
    """Showing ends."""
    one = OURS["Changed"](1)
    one.inner = one
    assert repr(one).endswith(".Changed(a=1, inner=...)")


@ours.dataclass(frozen=True, slots=True)
class Kept:
    """One that a pickle can name."""

    a: int
    b: tuple[int, ...] = ()


def test_a_pickle_brings_it_back() -> None:
    """With slots, and frozen."""
    assert pickle.loads(pickle.dumps(Kept(1, (2,)))) == Kept(1, (2,))  # noqa: S301 our own
