"""The mutator makes each kind of change, and nothing that means nothing."""

from __future__ import annotations

import ast

from tests.mutate.equivalents import load, stale
from tests.mutate.mutants import mutants
from tests.mutate.rooms import ROOMS, ROOT, mutants_of
from tests.table import table


@table(
    ("source", "changes"),
    [
        ("a < b", {"a <= b", "a > b"}),
        ("a == b", {"a != b"}),
        ("(a) not in (b)", {"(a) in (b)"}),
        ("a is not None", {"a is None"}),
        ("a < b < c", {"a <= b < c", "a > b < c", "a < b <= c", "a < b > c"}),
        ("a and b", {"a or b", "True and b", "a and True"}),
        ("a or b", {"a and b", "False or b", "a or False"}),
        ("not a", {"(a)"}),
        ("a + b", {"a - b"}),
        ("a % b", {"a * b"}),
        ("-a", {"a"}),
        ("x = 3", {"x = 4"}),
        ("x = True", {"x = False"}),
        ("x = 'name'", {"x = 'XXname'"}),
        ("if a: x = y", {"if False: x = y", "if True: x = y"}),
        ("x = [y for y in z if y]", {"x = [y for y in z if True]"}),
        ("def f(): return a", {"def f(): return None"}),
        ("def f(): return False", {"def f(): return True"}),
        (
            "def f(): return a in b",
            {"def f(): return None", "def f(): return not (a in b)", "def f(): return a not in b"},
        ),
        ("for a in b: continue", {"for a in b: break"}),
        ("raise E", {"pass"}),
        ("x += y", {"pass"}),
        ("x.append(y)", {"pass"}),
    ],
)
def test_each_kind_of_change_is_made(source: str, changes: set[str]) -> None:
    """A line has exactly these mutants."""
    assert {mutant.applied(source.encode()).decode() for mutant in mutants("f.py", source.encode())} == changes


@table(
    "source",
    [
        '"""A docstring."""',
        "x: Literal['a'] = y",
        "raise_(f'{a + 1} is bad')",
        "from a import b",
        "@dataclass(frozen=True)\nclass A: ...",
        "if TYPE_CHECKING:\n    x = 1",
        "__all__ = ['a']",
        "x = zip(a, b, strict=True)",
        "x = 'some prose'",
    ],
)
def test_what_says_nothing_about_behaviour_stays(source: str) -> None:
    """Docstrings, annotations, decorators, prose, imports and f-strings are never changed."""
    assert [mutant for mutant in mutants("f.py", source.encode()) if mutant.text != b"pass"] == []


@table("room", ROOMS)
def test_every_mutant_is_another_program_and_has_a_name(room: str) -> None:
    """Each compiles to something else, says where it is, and is made once."""
    made = mutants_of(ROOMS[room])
    assert len({(mutant.file, mutant.start, mutant.end, mutant.text) for mutant in made}) == len(made) > 100
    for mutant in made[:: len(made) // 20]:
        source = (ROOT / mutant.file).read_bytes()
        assert ast.dump(ast.parse(mutant.applied(source))) != ast.dump(ast.parse(source))
        assert mutant.before != mutant.after


def test_every_listed_equivalent_is_a_mutant() -> None:
    """No entry of ``equivalents.toml`` outlives the line that it is about."""
    every = [mutant for room in ROOMS.values() for mutant in mutants_of(room)]
    assert stale(load().values(), every) == []
