"""What a reader hands on: the resources that files declare and the mistakes that were found on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from bot.model.resource import Desired, SourceError
from bot.secrecy.redaction import redact, redact_tokens


@dataclass(frozen=True, slots=True)
class Declared:
    """Resources in the order of files and of documents in them, and every mistake with file, line and column."""

    resources: tuple[Desired, ...] = ()
    errors: tuple[SourceError, ...] = ()
    missing: frozenset[str] = frozenset()
    """Files that the read ones name and that were not among them."""


def joined(parts: Iterable[Declared]) -> Declared:
    """Several results as one, in order."""
    all_parts = tuple(parts)
    return Declared(
        tuple(resource for part in all_parts for resource in part.resources),
        tuple(error for part in all_parts for error in part.errors),
        frozenset(path for part in all_parts for path in part.missing),
    )


def sort_errors(errors: Iterable[SourceError]) -> tuple[SourceError, ...]:
    """Errors by file and position, each once, without credentials."""
    shown_errors = map(without_credentials, errors)
    unique = {(error.file, error.line, error.column, error.message): error for error in shown_errors}
    return tuple(unique[key] for key in sorted(unique))


def without_credentials(error: SourceError) -> SourceError:
    """The mistake without credentials that what it quotes holds; a line that holds one is not shown."""
    expected = None if error.expected is None else redact_tokens(error.expected)
    excerpt = None if error.excerpt is None or redact(error.excerpt) != error.excerpt else error.excerpt
    return replace(error, message=redact_tokens(error.message), expected=expected, excerpt=excerpt)


_MOST_KNOWN: Final = 200


def nearest(name: str, known_names: Collection[str]) -> str | None:
    """The known name that ``name`` was probably meant to be; none among over two hundred, which each mistake costs anew."""
    from difflib import get_close_matches

    if len(known_names) > _MOST_KNOWN:
        return None
    matches = get_close_matches(name, sorted(known_names), n=1, cutoff=0.6)
    return matches[0] if matches else None


def suggestion(name: str, known_names: Collection[str], *, otherwise: str = "") -> str:
    """``Did you mean 'strict'?`` for whoever is told that a name is none, or ``otherwise`` where nothing is like it."""
    near = nearest(name.lower(), known_names) or nearest(name, known_names)
    return f"Did you mean {near!r}?" if near else otherwise


def nearest_name(name: str, known_names: Collection[str]) -> str | None:
    """As :func:`nearest`, in quotes: what a mistake says was expected."""
    near = nearest(name, known_names)
    return None if near is None else f"'{near}'"
