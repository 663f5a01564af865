"""The front matter of a guardrail document as people write it, checked, and made the values of :mod:`bot.guardrails.rule`.

Read by :mod:`bot.guardrails.documents` alone, and only where a document is not one that ships: what the models here are made
of takes longer to load than a small change to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bot.errors import Invalid
from bot.guardrails import expressions, rule
from bot.guardrails.select import segments
from bot.intake.scalars import Scalar
from bot.model.finding import AuthorKind, Enforce, FileStatus, Mode
from bot.model.globs import check_file_glob
from bot.model.severity import Severity

_Texts = TypeVar("_Texts", str, tuple[str, ...])


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """Every text passes ``check``, or what it raises is told where the text is written."""

    def validate(texts: _Texts) -> _Texts:
        for text in (texts,) if isinstance(texts, str) else texts:
            try:
                check(text)
            except Invalid as error:
                raise ValueError(error) from error
        return texts

    return AfterValidator(validate)


def _keyword(keyword: str) -> None:
    if not keyword or not keyword.isascii() or "\n" in keyword:
        raise Invalid("keywords are non-empty ASCII words")


def _several(value: object) -> object:
    """A single value where a list may stand."""
    return tuple(value) if isinstance(value, list) else (value,)


def _level(name: object) -> Severity:
    levels = {level.value.lower(): level for level in reversed(Severity)}
    if not isinstance(name, str) or name not in levels:
        *other_levels, last = map(repr, levels)
        raise ValueError(f"Input should be {', '.join(other_levels)} or {last}")
    return levels[name]


def _set(enforced: object) -> object:
    """A mode that says null is as if it were not there."""
    if not isinstance(enforced, dict):
        return enforced
    return {mode: enforce for mode, enforce in enforced.items() if enforce is not None or mode not in [*Mode]}


_Enforced: TypeAlias = Annotated[dict[Mode, Enforce], BeforeValidator(_set)]
_Globs: TypeAlias = Annotated[tuple[str, ...], _checked(check_file_glob)]
_OneOrMoreGlobs: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several), _checked(check_file_glob)]
_Expression: TypeAlias = Annotated[str, _checked(expressions.check)]
_Keywords: TypeAlias = Annotated[tuple[str, ...], _checked(_keyword)]
_Values: TypeAlias = Annotated[tuple[Scalar, ...], BeforeValidator(_several)]
_Level: TypeAlias = Annotated[Severity, BeforeValidator(_level)]


class _Written(BaseModel):
    """A part of a document as people write it: no other key, and nothing is taken for another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


# Each is named as its value, which says what it means.


class _Applies(_Written):
    paths: _Globs = ()
    exclude: _Globs = ()
    authors: frozenset[AuthorKind] = frozenset(AuthorKind)
    agents: tuple[str, ...] = ()


class _Builtin(_Written):
    kind: Literal["builtin"] = "builtin"


class _Pattern(_Written):
    kind: Literal["regex"] = "regex"
    pattern: _Expression
    keywords: _Keywords = ()
    scope: Literal["net_new", "added"] = "net_new"
    not_in: frozenset[Literal["comment", "string", "docs", "tests", "generated"]] = frozenset()


class _Count(_Written):
    kind: Literal["count"] = "count"
    of: Literal["matches", "added_lines", "removed_lines", "files"] = "matches"
    max: Annotated[int, Field(ge=0)]
    pattern: _Expression | None = None
    keywords: _Keywords = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.pattern is not None) != (self.of == "matches"):
            raise ValueError("count: a pattern goes with 'of: matches', and only with it")
        return self


class _When(_Written):
    to: _Values = ()
    gone: _Values = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.to and not self.gone:
            raise ValueError("structural: when needs 'to' or 'gone'")
        return self


class _Structural(_Written):
    kind: Literal["structural"] = "structural"
    select: Annotated[str, _checked(segments)]
    when: _When
    kinds: tuple[str, ...] = ()


class _Touches(_Written):
    kind: Literal["path"] = "path"
    status: frozenset[FileStatus] = frozenset(FileStatus)


class _Alternative(_Written):
    changed: _OneOrMoreGlobs = ()
    label: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.changed and self.label is None:
            raise ValueError("require: each of then_any says 'changed' or 'label'")
        return self


class _Require(_Written):
    kind: Literal["require"] = "require"
    if_changed: _OneOrMoreGlobs
    then_any: Annotated[tuple[_Alternative, ...], Field(min_length=1)]


class _Ask(_Written):
    kind: Literal["ai"] = "ai"
    question: str


_Detect: TypeAlias = _Builtin | _Pattern | _Count | _Structural | _Touches | _Require | _Ask


class _Example(_Written):
    fire: bool
    path: str
    add: str | None = None
    remove: str | None = None
    before: str | None = None
    after: str | None = None
    labels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        parts, has_files = {self.add, self.remove} != {None}, {self.before, self.after} != {None}
        if parts and has_files:
            raise ValueError("an example has either add/remove or before/after")
        if not parts and not has_files:
            raise ValueError("an example needs add, remove, before or after")
        return self


class _Waiver(_Written):
    allow: bool = False
    max_days: Annotated[int, Field(ge=1, le=366)] = 30


class FrontMatter(_Written):
    """What stands between the dashes of a guardrail document.

    ``agent_severity`` is used in place of a lower ``severity`` when an agent wrote the change.
    """

    id: Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{1,63}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    severity: _Level
    agent_severity: _Level | None = None
    category: str = "custom"
    enforce: _Enforced = {}
    applies: _Applies = _Applies.model_construct()
    detect: Annotated[_Detect, Field(discriminator="kind")]
    examples: tuple[_Example, ...] = ()
    inject: bool = False
    owner: str | None = None
    waiver: _Waiver = _Waiver.model_construct()

    def guardrail(self, file: str, body: str) -> rule.Guardrail:
        """What the document says that it stands in."""
        return rule.Guardrail(**{name: _value(part) for name, part in self}, file=file, body=body)


_VALUES: Final[Mapping[type[BaseModel], Callable[..., object]]] = {
    _Applies: rule.Applies,
    _Builtin: rule.Builtin,
    _Pattern: rule.Pattern,
    _Count: rule.Count,
    _When: rule.When,
    _Structural: rule.Structural,
    _Touches: rule.Touches,
    _Alternative: rule.Alternative,
    _Require: rule.Require,
    _Ask: rule.Ask,
    _Example: rule.Example,
    _Waiver: rule.WaiverPolicy,
}


def _value(part: object) -> Any:
    if isinstance(part, BaseModel):
        return _VALUES[type(part)](**{name: _value(inner) for name, inner in part})
    return tuple(map(_value, part)) if isinstance(part, tuple) else part
