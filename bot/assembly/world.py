"""What all modules of one assembly share, and the blocks they declare, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import EvaluationBudget, Fault
from bot.assembly.values import Value, as_text
from bot.intake.declared import nearest_name
from bot.intake.discover import folder_of, is_variables_file
from bot.intake.syntax import Block, Expression, Parsed
from bot.model.resource import SourceError

_HIDDEN: Final = "(sensitive value)"
_SHORTEST_SECRET: Final = 4
"""Shorter texts are in too many words to be taken out of messages."""
_LONGEST_MESSAGE: Final = 500


@dataclass(slots=True)
class AssemblyWorld:
    """What all modules of one assembly share. ``open`` are the things being computed, innermost last."""

    parsed: Mapping[str, Parsed]
    budget: EvaluationBudget = field(default_factory=EvaluationBudget)
    errors: dict[SourceError, None] = field(default_factory=dict)
    """Each mistake once, in the order of their finding."""
    open: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """Files of the commit that functions may read."""
    missing: set[str] = field(default_factory=set)
    torn: frozenset[str] = frozenset()
    """Folders with a file that cannot be read as a whole: only that is told of them, as in Terraform."""

    def report(self, error: SourceError | None) -> None:
        """Remember a mistake; None is one that is remembered already. One of a value that was written in another file
        than the one being evaluated has no excerpt yet.
        """
        if error is not None and folder_of(error.file) in self.torn:
            return  # as likely a consequence of what could not be read there
        if error is not None and error.excerpt is None and error.file in self.parsed:
            text = self.parsed[error.file].text
            error = replace(error, excerpt=text.error_at(error.line, error.column, error.message).excerpt)
        if error is not None and is_variables_file(error.file):
            error = replace(error, excerpt=None)  # whatever its type says, the value may be a secret
        if error is not None:
            self.errors[_shortened(self._redacted(error))] = None

    def keep_secret(self, value: Value) -> None:
        """Remember the texts of a sensitive value: no message shows them."""
        texts = (as_text(part) for part in value.parts())
        self.secrets.update(text for text in texts if text is not None and len(text) >= _SHORTEST_SECRET)

    def _redacted(self, error: SourceError) -> SourceError:
        """The mistake without the texts of sensitive values; the excerpt goes where it holds one."""
        error_text = str(error)
        hidden = [text for text in sorted(self.secrets, key=len, reverse=True) if text in error_text]
        message, expected = error.message, error.expected
        for text in hidden:
            message = message.replace(text, _HIDDEN)
            expected = None if expected is None else expected.replace(text, _HIDDEN)
        shown_excerpt = (
            None if error.excerpt is None or any(text in error.excerpt for text in hidden) else error.excerpt
        )
        return replace(error, message=message, expected=expected, excerpt=shown_excerpt) if hidden else error

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report the mistake that ends the block early."""
        try:
            yield
        except Fault as fault:
            self.report(fault.error)

    def folder(self, folder: str) -> tuple[Parsed, ...]:
        """The parsed ``.cw`` files directly in a folder."""
        return tuple(
            self.parsed[path] for path in sorted(self.parsed) if path.endswith(".cw") and folder_of(path) == folder
        )


def _shortened(error: SourceError) -> SourceError:
    """The mistake without the end of what it quotes at length. Secrets are out of it by now: no half of one stays."""
    if len(error.message) <= _LONGEST_MESSAGE:
        return error
    return replace(error, message=f"{error.message[:_LONGEST_MESSAGE]}…")


_RESERVED: Final = frozenset({"count", "for_each", "source"})
"""Names that no variable has, for a module block means something else by them (Terraform documentation, "Input Variables")."""


@dataclass(frozen=True, slots=True)
class NamedBlock:
    """A block with its file."""

    at: Evaluator
    block: Block


def by_name(world: AssemblyWorld, blocks: Iterable[NamedBlock], kind: str, *, labels: int = 1) -> dict[str, NamedBlock]:
    """The blocks by their labels. One with too few or too many, or with a name that is taken, is reported."""
    blocks_by_name: dict[str, NamedBlock] = {}
    for declared in blocks:
        block, text = declared.block, declared.at.text
        name = ".".join(label.value for label in block.labels)
        if len(block.labels) != labels:
            expected = 'resource "kind" "name" { ... }' if labels == 2 else f'{kind} "name" {{ ... }}'
            world.report(text.error(block.start, f"a {kind} block has {labels} label{'s' * (labels > 1)}", expected))
        elif labels == 1 and not name.replace("-", "_").isidentifier():
            expected = "a letter or '_', then letters, digits, '_' and '-'"
            world.report(
                text.error(
                    block.labels[0].start,
                    f"{name!r} names no {kind}",
                    expected,
                )
            )
        elif kind == "variable" and name in _RESERVED:
            world.report(text.error(block.labels[0].start, f"no variable is called {name!r}: a module block has that"))
        elif name in blocks_by_name:
            first = blocks_by_name[name]
            line, _ = first.at.text.position(first.block.start)
            message = f"{kind} {name} is already declared in {first.at.text.file}:{line}"
            world.report(text.error(block.start, message))
        else:
            blocks_by_name[name] = declared
    return blocks_by_name


def local_expressions(world: AssemblyWorld, blocks: Iterable[NamedBlock]) -> dict[str, tuple[Evaluator, Expression]]:
    """The expressions of all ``locals`` blocks; a name that is set twice is reported."""
    expressions: dict[str, tuple[Evaluator, Expression]] = {}
    for declared in blocks:
        check_blocks(world, declared, frozenset(), "a locals block")
        if declared.block.labels:
            world.report(declared.at.error(declared.block, "a locals block has no label", "locals { ... }"))
        for item in declared.block.body.assignments:
            if item.name in expressions:
                world.report(declared.at.error(item, f"local {item.name} is already set"))
            expressions.setdefault(item.name, (declared.at, item.expression))
    return expressions


def check_blocks(world: AssemblyWorld, declared: NamedBlock, known_names: Collection[str], noun: str) -> None:
    """Report the blocks that ``noun`` does not have."""
    for block in declared.block.body.blocks:
        if block.kind not in known_names:
            world.report(
                declared.at.error(block, f"{noun} has no block {block.kind!r}", nearest_name(block.kind, known_names))
            )
        elif block.labels:
            world.report(declared.at.error(block, f"a {block.kind} block has no label", f"{block.kind} {{ ... }}"))


def check_attributes(world: AssemblyWorld, declared: NamedBlock, known_names: Collection[str], noun: str) -> None:
    """Report the attributes that ``noun`` (a variable, an output, a provider) does not have, and those that it has twice."""
    counts_by_name = Counter(item.name for item in declared.block.body.assignments)
    for item in declared.block.body.assignments:
        if item.name not in known_names:
            message = f"{noun} has no {item.name!r}"
            world.report(declared.at.error(item, message, nearest_name(item.name, known_names)))
        elif counts_by_name[item.name] > 1:
            world.report(declared.at.error(item, f"{item.name!r} is set twice"))
            counts_by_name[item.name] = 1
