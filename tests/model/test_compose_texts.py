"""Texts of Compose files that stand for several values."""

from __future__ import annotations

from bot.model.compose_texts import clean_path, is_host_path, mount_parts, shell_words
from tests.table import table


@table(
    ("line", "words"),
    [
        ('run \'a b\' "c\\"d" e\\ f', ["run", "a b", 'c"d', "e f"]),
        ("a 'b\\c' \"d\\e\"", ["a", "b\\c", "de"]),
        ("a '' b#c #d", ["a", "", "b#c", "#d"]),
        ("a | b && c > d; e", ["a"]),
        ("a2>b", ["a2"]),
        ("2>b", []),
        ("a `b c` $(d e) f", ["a", "`b c`", "$(d e)", "f"]),
        (" \t\n", []),
        ("'open", None),
        ("a\\", None),
        ("a (b)", None),
        ("a) b", None),
    ],
)
def test_a_command_has_the_words_that_docker_compose_gives_it(line: str, words: list[str] | None) -> None:
    """Without a shell: what follows a pipe is passed over, what stays open is refused."""
    assert shell_words(line) == words


@table(
    ("written", "parts"),
    [
        ("data:/x:ro", ("data", "/x", "ro")),
        ("/x", ("/x",)),
        ("a:", ("a:",)),
        ("C:\\a:D:\\b:ro", ("C:\\a", "D:\\b", "ro")),
        ("a:x", ("a:x",)),
        ("data:", None),
        (":/x", None),
        ("data:/x:ro:rw", None),
        ("", None),
    ],
)
def test_a_mount_is_taken_apart_at_colons_that_follow_no_drive(written: str, parts: tuple[str, ...] | None) -> None:
    """An empty part, and a fourth one, are refused."""
    assert mount_parts(written) == parts


def test_paths_are_told_from_names_and_cleaned() -> None:
    """As Go does it: two slashes at the start are one."""
    paths = ["./a", "/a", "~a", "..", "C:\\a", "\\\\.\\pipe\\x", "a/b", "data", ""]
    assert [is_host_path(path) for path in paths] == [True] * 6 + [False] * 3
    assert [clean_path(path) for path in ("//x", "/x/../y/", "./x", "", "/")] == ["/x", "/y", "x", "", "/"]
