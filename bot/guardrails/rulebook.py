"""All guardrails that judge one change: the shipped documents, then the repository's own as they are at base.

A repository's document with the id of a shipped one replaces it (its detector stays when it says ``kind: builtin``).
A document with a mistake, or whose own examples do not hold, is left out and named in :attr:`RuleBook.errors`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache

from bot.errors import Invalid
from bot.guardrails import catalogue, documents, ready
from bot.guardrails.baseline import PATH
from bot.guardrails.kinds import hits
from bot.guardrails.rule import Builtin, Example, GuardOptions, Guardrail, Require, Subject
from bot.guardrails.waivers import Baseline, parse_baseline
from bot.model.dataclass import dataclass
from bot.model.finding import Change, FileChange, FileStatus


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The guardrails by id, in order. ``hash`` changes whenever any document, option or baseline does."""

    guardrails: tuple[Guardrail, ...]
    options: GuardOptions = field(default_factory=GuardOptions)
    baseline: Baseline = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    hash: str = ""

    def get(self, rule: str) -> Guardrail | None:
        """The guardrail with that id."""
        return next((guardrail for guardrail in self.guardrails if guardrail.id == rule), None)

    @property
    def by_id(self) -> Mapping[str, Guardrail]:
        """Each guardrail by its id."""
        return {guardrail.id: guardrail for guardrail in self.guardrails}

    @property
    def required_labels(self) -> frozenset[str]:
        """The labels of a pull request that satisfy a requirement of some guardrail."""
        requirements = [guardrail.detect for guardrail in self.guardrails if isinstance(guardrail.detect, Require)]
        return frozenset(
            option.label for alternative in requirements for option in alternative.then_any if option.label is not None
        )

    def for_agent(self, agent: str | None) -> tuple[Guardrail, ...]:
        """The guardrails that count for a request: those for all, and those of the agent it names."""
        return tuple(
            guardrail for guardrail in self.guardrails if guardrail.for_agent is None or guardrail.for_agent == agent
        )


def load(files: Mapping[str, bytes], *, shipped: Mapping[str, bytes], options: GuardOptions | None = None) -> RuleBook:
    """The rule book of ``shipped`` documents and a repository's ``files`` (paths below ``policies/guardrails/``).

    Paths may carry that folder or be relative to it; files that are no documents are ignored.
    """
    errors: list[str] = []
    guardrails_by_id: dict[str, Guardrail] = {}
    for path, data in sorted(_documents(shipped)):
        guardrail = _shipped(path, data)
        guardrails_by_id[guardrail.id] = guardrail
    own_guardrails: dict[str, Guardrail] = {}
    for path, data in sorted(_documents(files)):
        try:
            guardrail = _checked(path, data)
            if guardrail.id in own_guardrails:
                raise Invalid(f"{path}: id {guardrail.id} is already used by {own_guardrails[guardrail.id].file}")  # noqa: TRY301 one list
        except Invalid as error:
            errors.append(str(error))
        else:
            own_guardrails[guardrail.id] = guardrail
    guardrails_by_id.update(own_guardrails)
    baseline, mistakes = parse_baseline(files.get(PATH) or files.get(PATH.removeprefix(documents.FOLDER)))
    settings = options or GuardOptions()
    return RuleBook(
        guardrails=tuple(guardrails_by_id.values()),
        options=settings,
        baseline=baseline,
        errors=(*errors, *mistakes),
        hash=_hash([*shipped.items(), *files.items()], settings),
    )


@lru_cache(maxsize=256)
def _shipped(path: str, data: bytes) -> Guardrail:
    """A document that ships with Clockwork, made once a process."""
    return ready.guardrail(path, data) or documents.parse(path, data)


def _documents(files: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    for path, data in files.items():
        if path.endswith(".md") and not path.lower().endswith("readme.md"):
            yield path, data


def _checked(path: str, data: bytes) -> Guardrail:
    guardrail = documents.parse(path, data)
    if isinstance(guardrail.detect, Builtin) and guardrail.id not in (*catalogue.DETECTORS, *catalogue.SYSTEM):
        raise Invalid(f"{path}: there is no built-in rule {guardrail.id}", advice="See clockwork guard rules.")
    failure = next(failing(guardrail), None)
    if failure is not None:
        raise Invalid(f"{path}: {failure}", advice="Try it with: clockwork guard test FILE")
    return guardrail


def failing(guardrail: Guardrail) -> Iterator[str]:
    """One sentence for every example of the document that does not hold."""
    for number, example in enumerate(guardrail.examples, start=1):
        fired = any(True for _ in hits(guardrail, Subject(change_of(example))))
        if fired != example.fire:
            expected, actual = ("fire", "did not") if example.fire else ("stay quiet", "fired")
            yield f"example {number} ({example.path}) should {expected} and {actual}"


def change_of(example: Example) -> Change:
    """The change an example describes: its file goes from ``before`` to ``after``."""
    before, after = (None if side is None else side.encode() for side in example.sides)
    status = FileStatus.ADDED if before is None else FileStatus.REMOVED if after is None else FileStatus.MODIFIED
    file = FileChange(example.path, status, before, after)
    return Change("base", "head", (file,), labels=example.labels)


def _hash(files: Iterable[tuple[str, bytes]], options: GuardOptions) -> str:
    digest = hashlib.sha256(repr(options).encode())
    for path, data in sorted(files):
        digest.update(f"{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]
