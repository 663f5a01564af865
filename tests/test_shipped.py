"""The data that ships with the package is read once a process."""

from __future__ import annotations

from bot import shipped
from bot.guardrails import rulebook


def test_what_ships_is_read_and_parsed_once_a_process() -> None:
    """Who asks again gets the same bytes and the same documents; nobody can change them for the next."""
    once, again = (shipped.files("policies", "guardrails/**/*.md") for _ in range(2))
    assert once is again
    assert not hasattr(once, "__setitem__")
    assert list(once) == sorted(once)
    first, second = (rulebook.load({}, shipped=once).guardrails for _ in range(2))
    assert all(document is other for document, other in zip(first, second, strict=True))
    path, data = next((path, data) for path, data in once.items() if b"\ntitle: " in data)
    changed = rulebook.load({}, shipped={**once, path: data.replace(b"\ntitle: ", b"\ntitle: Other ")}).guardrails
    assert len([document for document in changed if document not in first]) == 1
