"""Guardrail documents: Markdown with strict YAML front matter, read into :class:`~bot.guardrails.rule.Guardrail`.

This is the edge where text from a repository becomes values: unknown and duplicate keys, patterns that leave the
repository, slow expressions and wrong types are load errors with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Invalid
from bot.guardrails import expressions
from bot.guardrails.rule import (
    Alternative,
    Applies,
    Ask,
    Builtin,
    Count,
    Detect,
    Example,
    Guardrail,
    Pattern,
    Require,
    Structural,
    Touches,
    WaiverPolicy,
)
from bot.guardrails.structure import Unparsed, parse_documents
from bot.intake.lined import LinedNode, plain
from bot.model.drift import Severity
from bot.model.finding import AuthorKind, Enforce, FileStatus, Mode
from bot.model.globs import check_file_glob

MAX_DOCUMENT: Final = 64_000
"""Characters of one document."""

_FRONT: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)\Z", re.DOTALL | re.MULTILINE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Applies(_Strict):
    paths: list[str] = []
    exclude: list[str] = []
    authors: list[Literal["human", "agent", "bot"]] = ["human", "agent", "bot"]
    agents: list[str] = []


class _Builtin(_Strict):
    kind: Literal["builtin"]


class _Regex(_Strict):
    kind: Literal["regex"]
    pattern: str
    keywords: list[str] = []
    scope: Literal["net_new", "added"] = "net_new"
    not_in: list[Literal["comment", "string", "docs", "tests", "generated"]] = []


class _Count(_Strict):
    kind: Literal["count"]
    of: Literal["matches", "added_lines", "removed_lines", "files"] = "matches"
    max: Annotated[int, Field(ge=0)]
    pattern: str | None = None
    keywords: list[str] = []


_Value = bool | int | float | str | None


class _When(_Strict):
    to: _Value | list[_Value] = []
    gone: _Value | list[_Value] = []


class _Structural(_Strict):
    kind: Literal["structural"]
    select: str
    when: _When
    kinds: list[str] = []


class _Path(_Strict):
    kind: Literal["path"]
    status: list[Literal["added", "modified", "removed", "renamed"]] = ["added", "modified", "removed", "renamed"]


class _Alternative(_Strict):
    changed: list[str] | str = []
    label: str | None = None


class _Require(_Strict):
    kind: Literal["require"]
    if_changed: list[str] | str
    then_any: Annotated[list[_Alternative], Field(min_length=1)]


class _Ai(_Strict):
    kind: Literal["ai"]
    question: str


class _Example(_Strict):
    fire: bool
    path: str
    add: str | None = None
    remove: str | None = None
    before: str | None = None
    after: str | None = None
    labels: list[str] = []


class _Waiver(_Strict):
    allow: bool = False
    max_days: Annotated[int, Field(ge=1, le=366)] = 30


_Word = Literal["off", "notice", "warn", "block"]


class _Enforce(_Strict):
    standard: _Word | None = None
    strict: _Word | None = None


_Level = Literal["critical", "high", "medium", "low"]


class _Front(_Strict):
    id: Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    severity: _Level
    agent_severity: _Level | None = None
    category: str = "custom"
    enforce: _Enforce = _Enforce()
    applies: _Applies = _Applies()
    detect: Annotated[_Builtin | _Regex | _Count | _Structural | _Path | _Require | _Ai, Field(discriminator="kind")]
    examples: list[_Example] = []
    inject: bool = False
    owner: str | None = None
    waiver: _Waiver = _Waiver()


def parse(path: str, data: bytes) -> Guardrail:
    """The guardrail that one document describes. Raises ``Invalid`` naming file, line and key. Examples are not run."""
    text = _decoded(path, data)
    match = _FRONT.match(text)
    if match is None:
        raise Invalid(f"{path}:1: a guardrail document begins with '---', YAML and '---' again")
    written = _Written(path, _yaml(path, match[1]))
    try:
        front = _Front.model_validate(plain(written.root, path))
    except ValidationError as error:
        raise Invalid(_explain(written, error)) from error
    return _guardrail(written, front, match[2].strip())


@dataclass(frozen=True, slots=True)
class _Written:
    """The front matter as it is written, to say where a mistake is."""

    path: str
    root: LinedNode

    @contextmanager
    def at(self, *keys: str | int) -> Iterator[None]:
        """A mistake in the value of ``keys`` is raised with file, line and key."""
        try:
            yield
        except Invalid as error:
            key = ".".join(str(key) for key in keys)
            raise Invalid(
                f"{self.path}:{self.root.line_of(keys)}: {key}: {error.message}", advice=error.advice
            ) from error


def _decoded(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8 at byte {error.start}") from error
    if len(text) > MAX_DOCUMENT:
        raise Invalid(f"{path}: longer than {MAX_DOCUMENT:,} characters")
    return text


def _yaml(path: str, front: str) -> LinedNode:
    documents = parse_documents(f"\n{front}", strict=True)  # the line of the opening dashes
    if isinstance(documents, Unparsed):
        raise Invalid(f"{path}:{documents.line}: {documents.message}")
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise Invalid(f"{path}:2: the front matter is not a mapping")
    return documents[0]


def _explain(written: _Written, error: ValidationError) -> str:
    """The first mistake with its line and dotted key. An unknown key goes before what it was perhaps meant to be."""
    mistakes = error.errors(include_url=False)
    first = next((mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"), mistakes[0])
    node: LinedNode | None = written.root
    keys: list[str | int] = []
    for part in first["loc"]:
        child = None if node is None else node.child(part)
        if child is not None or (first["type"] == "missing" and part == first["loc"][-1]):
            keys.append(part)
        node = child or node
    key = ".".join(dict.fromkeys(str(key) for key in keys)) or "front matter"
    message = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(first["type"], first["msg"])
    return f"{written.path}:{written.root.line_of(keys)}: {key}: {message}"


def _guardrail(written: _Written, front: _Front, body: str) -> Guardrail:
    path, severity = written.path, Severity(front.severity.upper())
    for key, patterns in (("paths", front.applies.paths), ("exclude", front.applies.exclude)):
        with written.at("applies", key):
            for pattern in patterns:
                check_file_glob(pattern)
    return Guardrail(
        id=front.id,
        title=front.title,
        severity=severity,
        category=front.category,
        enforce=_enforcement(front.enforce),
        detect=_detect(written, front),
        file=path,
        body=body,
        agent_severity=None if front.agent_severity is None else Severity(front.agent_severity.upper()),
        applies=Applies(
            paths=tuple(front.applies.paths),
            exclude=tuple(front.applies.exclude),
            authors=frozenset(AuthorKind(author) for author in front.applies.authors),
            agents=tuple(front.applies.agents),
        ),
        examples=tuple(_example(written, *numbered) for numbered in enumerate(front.examples)),
        inject=front.inject,
        owner=front.owner,
        waiver=WaiverPolicy(front.waiver.allow, front.waiver.max_days),
        for_agent=agent_of(path),
    )


def agent_of(path: str) -> str | None:
    """The agent a document is for: the file's name below a folder ``agents``."""
    pure = PurePosixPath(path)
    return pure.stem if pure.parent.name == "agents" else None


def _enforcement(enforce: _Enforce) -> dict[Mode, Enforce]:
    chosen = {}
    if enforce.standard is not None:
        chosen[Mode.STANDARD] = Enforce(enforce.standard)
    if enforce.strict is not None:
        chosen[Mode.STRICT] = Enforce(enforce.strict)
    return chosen


def _pattern(
    written: _Written,
    pattern: str,
    keywords: list[str],
    *,
    net_new: bool = True,
    not_in: frozenset[str] = frozenset(),
) -> Pattern:
    with written.at("detect", "pattern"):
        expressions.check(pattern)
    with written.at("detect", "keywords"):
        if any(not word or not word.isascii() or "\n" in word for word in keywords):
            raise Invalid("keywords are non-empty ASCII words")
    return Pattern(pattern, tuple(word.lower() for word in keywords), net_new, not_in)


def _detect(written: _Written, front: _Front) -> Detect:
    with written.at("detect"):
        _check_detect(front)
    detect = front.detect
    if isinstance(detect, _Builtin):
        return Builtin()
    if isinstance(detect, _Regex):
        kept = detect.scope == "net_new"
        return _pattern(written, detect.pattern, detect.keywords, net_new=kept, not_in=frozenset(detect.not_in))
    if isinstance(detect, _Count):
        pattern = None if detect.pattern is None else _pattern(written, detect.pattern, detect.keywords)
        return Count(detect.of, detect.max, pattern)
    if isinstance(detect, _Structural):
        return _structural(written, detect)
    if isinstance(detect, _Path):
        return Touches(frozenset(FileStatus(status) for status in detect.status))
    if isinstance(detect, _Require):
        return _require(written, detect)
    return Ask(detect.question)


def _check_detect(front: _Front) -> None:
    """What must hold between keys."""
    detect = front.detect
    if isinstance(detect, _Count) and (detect.pattern is not None) != (detect.of == "matches"):
        raise Invalid("count: a pattern goes with 'of: matches', and only with it")
    if isinstance(detect, _Path) and not front.applies.paths:
        raise Invalid("kind path needs applies.paths")


def _structural(written: _Written, detect: _Structural) -> Structural:
    from bot.guardrails.select import check

    with written.at("detect", "select"):
        check(detect.select)
    to, gone = _several(detect.when.to), _several(detect.when.gone)
    with written.at("detect", "when"):
        if not to and not gone:
            raise Invalid("structural: when needs 'to' or 'gone'")
    return Structural(detect.select, to, gone, tuple(detect.kinds))


def _several(value: _Value | list[_Value]) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _words(value: list[str] | str) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value)
    for word in words:
        check_file_glob(word)
    return words


def _require(written: _Written, detect: _Require) -> Require:
    with written.at("detect", "then_any"):
        alternatives = tuple(
            Alternative(_words(alternative.changed), alternative.label) for alternative in detect.then_any
        )
        if any(not alternative.changed and alternative.label is None for alternative in alternatives):
            raise Invalid("require: each of then_any says 'changed' or 'label'")
    with written.at("detect", "if_changed"):
        return Require(_words(detect.if_changed), alternatives)


def _example(written: _Written, number: int, example: _Example) -> Example:
    with written.at("examples", number):
        return _example_of(example)


def _example_of(example: _Example) -> Example:
    """``add`` is text that a file gains, ``remove`` text that it loses; ``before`` and ``after`` are whole files."""
    before, after = example.before, example.after
    if example.add is not None or example.remove is not None:
        if before is not None or after is not None:
            raise Invalid("an example has either add/remove or before/after")
        before = None if example.remove is None else example.remove
        after = example.add if example.add is not None or example.remove is None else ""
    if before is None and after is None:
        raise Invalid("an example needs add, remove, before or after")
    return Example(example.fire, example.path, before, after, tuple(example.labels))
