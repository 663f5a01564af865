"""What the workers of pytest-xdist begin with."""

from __future__ import annotations

from tests.sharing import shared_out


def test_each_worker_begins_with_slow_files() -> None:
    """No test is lost, a file stays together, and the halves begin with files that have a slow test (in capital letters)."""
    files = ["ab", "cD", "ef", "gh", "Ij", "kl"]
    assert shared_out(files, str.isupper, 2) == [*"cDabef", *"Ijghkl"]
    assert shared_out(files, str.isupper, 1) == [*"cDIjabefghkl"]
    assert shared_out(["A"], str.isupper, 3) == ["A"]
    assert sorted(shared_out(files, str.islower, 4)) == sorted("".join(files))
