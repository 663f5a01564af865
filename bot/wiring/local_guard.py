"""Judges a change on this disk: two commits by any name that Git has for them, or what is not committed yet."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.snapshot import snapshot
from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.targets import signs
from bot.wiring.guard import local_commits, rendering_at, rules_of
from bot.wiring.repository import Options, SystemClock, local_history

if TYPE_CHECKING:
    from bot.flows.rendered_diff import TargetDifference
    from bot.flows.rendering import RenderChange
    from bot.guardrails.rule import ChangeFacts
    from bot.guardrails.rulebook import RuleBook
    from bot.model.finding import Change, Mode
    from bot.model.session import ReviewResult
    from bot.ports import Clock, Repository
    from bot.wiring.repository import OpenRepository

_RANGES = ("...", "..")
_PARENT = regex(r"(?P<commit>.+)\^(?:!|-(?P<number>\d{0,3}))\Z")
"""A commit without its parent, as a range (gitrevisions(7), ``<rev>^!`` and ``<rev>^-<n>``)."""


@dataclass(frozen=True, slots=True)
class LocalReview:
    """A change, the rules of its base, what is said of it, and what it changes by target."""

    change: Change
    rules: RuleBook
    result: ReviewResult
    rendered: Sequence[TargetDifference]
    mode: Mode


@dataclass(frozen=True, slots=True)
class Compared:
    """What a person wants judged: two names, a range such as ``main...topic``, or what is not committed yet."""

    base: str | None = None
    head: str | None = None
    staged: bool = False
    worktree: bool = False

    def commits(self, repository: Repository, folder: Path) -> tuple[str, str]:
        """The two commits. ``Invalid`` for what names none."""
        base, head = self.base, self.head
        if "" in {base, head}:  # a variable that is not set: it would compare a commit with itself
            raise Invalid("an empty name names no commit", advice="Name a base, such as origin/main.")
        if base is not None and head is None:
            for sign in _RANGES:
                if sign in base:
                    base, _, head = base.partition(sign)
                    break
            else:
                if (match := _PARENT.match(base)) is not None:
                    base, head = f"{match['commit']}^{match['number'] or ''}", match["commit"]
        if self.staged or self.worktree:
            if head is not None or (self.staged and self.worktree):
                raise Invalid("--staged and --worktree say what is compared; only a base may stand beside one of them")
            snapshot_made = snapshot(folder, staged=self.staged)
            is_first = base is None and repository.resolve("HEAD") is None
            return _resolved(repository, f"{snapshot_made}^" if is_first else base or "HEAD", folder), snapshot_made
        if base is None:
            raise Invalid("there is nothing to compare", advice="Name a base, or use --staged or --worktree.")
        return _resolved(repository, base or "HEAD", folder), _resolved(repository, head or "HEAD", folder)


def names_of(repository: Repository) -> Sequence[str]:
    """The branches and tags that a name may be meant to be."""
    return [*repository.branches(), *repository.tags()] if isinstance(repository, GitRepository) else []


def _resolved(repository: Repository, name: str, folder: Path) -> str:
    commit = repository.resolve(name)
    if commit is None:
        from bot.intake.declared import suggestion

        hint = _shallow(repository) or suggestion(
            name, names_of(repository), otherwise="`git branch --all` and `git tag` list them."
        )
        raise Invalid(f"{folder} has no commit, branch or tag {name!r}", advice=hint)
    return commit


def _shallow(repository: Repository) -> str:
    """What to do where the history ends early; empty where it does not."""
    is_shallow = isinstance(repository, GitRepository) and repository.git.is_shallow
    return "The clone is shallow: `git fetch --unshallow` brings the rest of its history." if is_shallow else ""


def _between(repository: Repository, base: str, head: str) -> Change:
    from bot.flows.review import change_between

    try:
        return change_between(repository, base, head)
    except Invalid as exc:
        raise Invalid(exc.message, advice=_shallow(repository) or exc.advice) from exc


def judge_here(options: Options, compared: Compared, *, mode: Mode | None, agent: str | None) -> LocalReview:
    """Judge a change by the rules and settings of its base. Nothing is published or recorded."""
    from bot.flows.review import facts_of, review
    from bot.guardrails import authors
    from bot.model.finding import AuthorKind
    from bot.model.session import ReviewRequest

    folder, clock = Path(options.repo), SystemClock()
    repository = local_history(folder)
    base, head = compared.commits(repository, folder)
    change = _between(repository, base, head)
    open_repo = local_commits(options, change.base)
    newest = repository.log(head, limit=1)
    author = newest[0].author.name if newest else ""
    kind, name = authors.classify(author, messages=change.messages, known_kinds=open_repo.settings.guard.agents)
    if agent is not None:
        kind, name = AuthorKind.AGENT, agent
    change = replace(change, author_kind=kind, agent=name, author=author)
    rules, chosen_mode = rules_of(open_repo, change.base), mode or open_repo.settings.guard.mode
    request = ReviewRequest(change=change, mode=chosen_mode, agent=name, repository=folder.resolve().name)
    render = _render_at(change.base, open_repo, clock) if _may_render(open_repo, change) else None
    facts = facts_of(repository, change, rules.options, render)
    result = review(request, rules=rules, clock=clock, session_id=secrets.token_hex(16), facts=facts)
    return LocalReview(change, rules, result, _differences(facts), chosen_mode)


def _may_render(open_repo: OpenRepository, change: Change) -> bool:
    """Whether any target may be rendered, before the change or after it: without one, nothing of rendering is loaded."""
    if open_repo.settings.targets or any(_is_sign(file.path, file.after, file.omitted) for file in change.files):
        return True
    entries = open_repo.repository.entries(change.base, suffixes=(*signs.SUFFIXES, *signs.KUSTOMIZATIONS))
    return any(signs.is_built(entry.path) for entry in entries) or any(
        signs.names_controller(open_repo.repository.blob(entry.blob)) for entry in entries
    )


def _is_sign(path: str, data: bytes | None, omitted: str | None) -> bool:
    """Whether a file is a sign of a target; one whose content is not known may be."""
    if signs.is_built(path):
        return True
    return path.endswith(signs.SUFFIXES) and (omitted is not None or signs.names_controller(data or b""))


def _render_at(base: str, open_repo: OpenRepository, clock: Clock) -> RenderChange:
    from bot.wiring.targets import reader, renderers

    return rendering_at(open_repo, base, reader(open_repo, renderers(open_repo.options)), clock)


def _differences(facts: ChangeFacts) -> Sequence[TargetDifference]:
    if not facts.rendered:
        return ()
    from bot.flows.rendered_diff import differences

    return differences(facts.rendered, b"")
