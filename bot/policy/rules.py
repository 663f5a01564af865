"""Rule files: YAML text to an ordered set of rules.

Called by ``wiring`` with the repository's ``policies/*.yaml`` and, through :mod:`bot.policy.levels`, with the shipped
levels. Outside text is checked here and nowhere else; a mistake names file, line and the nearest word that is known.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from bot.errors import Invalid
from bot.intake.lined import Document, read_document
from bot.intake.mistakes import reason
from bot.model.accounts import ACCOUNT, REVIEWER
from bot.model.decision import NOBODY, Attention, Direction, Lane
from bot.model.drift import DriftKind
from bot.model.globs import parsed_pattern
from bot.model.resource import Platform
from bot.model.severity import Severity
from bot.policy.bounds import Category
from bot.policy.expression import Expression, compile_expression

_MAX_ERRORS: Final = 12


_T = TypeVar("_T")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_tuple(value: object) -> object:
    """A single word where a list is meant."""
    return (value,) if isinstance(value, str) else value


def _globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(pattern) > 300 or pattern.count("**") > 5 for pattern in patterns):
        raise ValueError("a glob has at most 300 characters and five '**'")
    return patterns


def _path_globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for pattern in _globs(patterns):
            parsed_pattern(pattern)
    except Invalid as exc:
        raise ValueError(exc.message) from exc
    return patterns


_Several = Annotated[tuple[_T, ...], BeforeValidator(_as_tuple)]
_Globs = Annotated[_Several[Annotated[str, Field(min_length=1)]], AfterValidator(_globs)]
_Truth = Annotated[bool | None, Field(strict=True)]


class RuleMatch(_Strict):
    """Which drifts a rule is about. An empty tuple or None means "any"; all parts given must hold."""

    target: _Globs = ()
    resource: _Globs = ()
    kinds: _Globs = ()
    path: Annotated[_Several[str], AfterValidator(_path_globs)] = ()
    drift: _Several[DriftKind] = ()
    platform: _Several[Platform] = ()
    severity: Severity | None = None
    task: _Globs = ()
    manager: _Globs = ()
    safe: _Several[Category] = ()
    destructive: _Truth = None
    adoptable: _Truth = None
    privilege: _Truth = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``ref`` is ``file#id``; ``line`` is where it stands in ``file``."""

    id: str
    file: str
    line: int
    match: RuleMatch
    remedy: Lane
    direction: Direction
    risk: str
    reason: str
    when: Expression | None = None
    attention: Attention = NOBODY
    adopts: bool = False
    """Whether the rule itself says ``direction: adopt``, which alone lets a gain of privilege be adopted."""
    draft: bool = False
    automerge: bool | None = None

    @property
    def ref(self) -> str:
        """The name a decision carries."""
        return f"{self.file}#{self.id}"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order in which they are asked. Join with ``+``: the left side is asked first."""

    rules: tuple[Rule, ...] = ()

    def __add__(self, later: RuleSet) -> RuleSet:
        return RuleSet(self.rules + later.rules)


def policy_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Those of a repository's ``paths`` that are rule files: ``policies/*.yaml`` and ``policies/*.yml``, not deeper."""
    candidates = (path for path in paths if path.startswith("policies/") and path.endswith((".yaml", ".yml")))
    return tuple(sorted(path for path in candidates if path.count("/") == 1))


def load(files: Mapping[str, bytes]) -> RuleSet:
    """The rules of all files, files in order of their paths. Raises ``Invalid`` with every mistake of the first bad file."""
    rules: list[Rule] = []
    rules_by_id: dict[str, Rule] = {}
    for file in sorted(files):
        for rule in _load(file, files[file]):
            if rule.id in rules_by_id:
                first = rules_by_id[rule.id]
                raise Invalid(
                    f"{file}:{rule.line}: the rule id {rule.id!r} is already used at {first.file}:{first.line}"
                )
            rules_by_id[rule.id] = rule
            rules.append(rule)
    return RuleSet(tuple(rules))


def _load(file: str, data: bytes) -> list[Rule]:
    read = read_document(data, file)
    if read.value is None:
        return []
    if not isinstance(read.value, Mapping):
        raise Invalid(f"{file}:1: a rule file is a mapping with the key 'rules'")
    try:
        parsed = _File.model_validate(read.value)
    except ValidationError as exc:
        raise Invalid(_explain(exc, read), advice="See policies/README.md for what a rule may say.") from exc
    return [_rule(rule, read, at) for at, rule in enumerate(parsed.rules)]


def _rule(rule: _RuleText, read: Document, at: int) -> Rule:
    file, line = read.file, read.line(("rules", at))
    try:
        when = None if rule.when is None else compile_expression(rule.when)
    except Invalid as exc:
        raise Invalid(f"{file}:{read.line(('rules', at, 'when'))}: in the rule {rule.id!r}: {exc.message}") from exc
    return Rule(
        id=rule.id,
        file=file,
        line=line,
        match=rule.match,
        remedy=rule.remedy,
        direction=rule.direction,
        risk=rule.risk,
        reason=rule.reason.strip(),
        when=when,
        attention=Attention(rule.assignees, rule.reviewers),
        adopts=rule.direction is Direction.ADOPT and "direction" in rule.model_fields_set,
        draft=rule.draft,
        automerge=rule.automerge,
    )


class _RuleText(_Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    match: RuleMatch = RuleMatch()
    when: Annotated[str | None, Field(max_length=2000)] = None
    remedy: Lane
    direction: Direction = Direction.ADOPT
    risk: Literal["low", "medium", "high"] = "medium"
    reason: Annotated[str, Field(min_length=3, max_length=600)]
    assignees: _Several[Annotated[str, Field(pattern=ACCOUNT)]] = ()
    reviewers: _Several[Annotated[str, Field(pattern=REVIEWER)]] = ()
    draft: Annotated[bool, Field(strict=True)] = False
    automerge: _Truth = None

    @model_validator(mode="before")
    @classmethod
    def _restoring_is_a_remedy(cls, rule: object) -> object:
        """``direction: restore`` by itself says what is done, too."""
        if isinstance(rule, dict) and "remedy" not in rule and rule.get("direction") == Direction.RESTORE:
            return {**rule, "remedy": Lane.RESTORE}
        return rule

    @model_validator(mode="after")
    def _restore_writes_nothing(self) -> _RuleText:
        if self.direction is Direction.RESTORE and self.remedy in {Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST}:
            raise ValueError("restore leaves Git as it is: use it with the remedy restore, nothing or runbook-issue")
        if self.remedy is Lane.RESTORE and self.direction is Direction.ADOPT and "direction" in self.model_fields_set:
            raise ValueError("the remedy restore leaves Git as it is, and direction: adopt changes it")
        return self

    @model_validator(mode="after")
    def _drafts_wait(self) -> _RuleText:
        if self.draft and self.automerge:
            raise ValueError("a draft does not merge by itself: leave out draft or automerge")
        if self.remedy in {Lane.NOTHING, Lane.RESTORE, Lane.RUNBOOK_ISSUE} and (
            self.draft or self.automerge is not None
        ):
            raise ValueError(f"draft and automerge are about pull requests: {self.remedy} opens none")
        return self


class _File(_Strict):
    version: Literal[1] = 1
    description: str = ""
    rules: tuple[_RuleText, ...] = ()


_MODELS: Final[dict[str, type[BaseModel]]] = {"file": _File, "rule": _RuleText, "match": RuleMatch}
_CHOICES: Final[dict[str, list[str]]] = {
    "drift": list(DriftKind),
    "platform": list(Platform),
    "severity": list(Severity),
    "safe": list(Category),
    "remedy": list(Lane),
    "direction": list(Direction),
    "risk": ["low", "medium", "high"],
}


def _explain(exc: ValidationError, read: Document) -> str:
    details = exc.errors(include_url=False)
    lines = [f"{read.file}:{read.line(mistake['loc'])}: {_sentence(mistake)}" for mistake in details[:_MAX_ERRORS]]
    if len(details) > _MAX_ERRORS:
        lines.append(f"... and {len(details) - _MAX_ERRORS} more")
    return "\n".join(lines)


def _sentence(error: ErrorDetails) -> str:
    loc = error["loc"]
    name = str(next((part for part in reversed(loc) if isinstance(part, str)), "file"))
    match error["type"]:
        case "extra_forbidden":
            known_fields = list(_MODELS[_level(loc)].model_fields)
            return f"unknown key {name!r}{_hint(name, known_fields)}"
        case "missing":
            return f"the key {name!r} is missing"
        case "enum" | "literal_error":
            return f"{name} cannot be {error['input']!r}{_hint(str(error['input']), _CHOICES.get(name, []))}"
        case "string_pattern_mismatch":
            return f"{name} {error['input']!r} must be lower-case letters, digits and hyphens, at most 64"
        case "model_type" | "dict_type":
            return "a rule is a mapping" if isinstance(loc[-1], int) else f"{name} is a mapping"
        case _:
            return f"{name}: {reason(error)}" if isinstance(loc[-1], str) else reason(error)


def _level(loc: tuple[int | str, ...]) -> str:
    return "match" if "match" in loc[:-1] else "rule" if "rules" in loc[:-1] else "file"


def _hint(name: str, known_fields: list[str]) -> str:
    near = difflib.get_close_matches(name, known_fields, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known_fields)}"
