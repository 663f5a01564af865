"""Looks at a whole repository on this disk: its history for credentials, its files for findings to be accepted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.errors import Invalid, Refused
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.worktree import WorkTree
from bot.guardrails import baseline
from bot.guardrails.exempt import ATTRIBUTES
from bot.guardrails.judge import judge
from bot.guardrails.rule import ChangeFacts
from bot.model.finding import Change, Enforce, FileChange, FileStatus, Finding, Mode
from bot.wiring.guard import local_commits, rules_of
from bot.wiring.local_guard import Compared
from bot.wiring.repository import Options, SystemClock, local_history

if TYPE_CHECKING:
    from bot.flows.secret_history import SecretHistory
    from bot.guardrails.rulebook import RuleBook
    from bot.ports import Repository

_MOST: Final = 100_000
LONGEST: Final = 366
"""Days that a finding can be accepted for."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The file that was written, and the findings that were added to it."""

    file: Path
    findings: tuple[Finding, ...]
    until: date


def history_here(
    options: Options, names: Sequence[str], tell: Callable[[int, int], None] = lambda _counter, _all: None
) -> SecretHistory:
    """The credentials in all commits that ``names`` reach; without names, in every branch and tag.

    The rules and the baseline are those of HEAD. ``tell`` is given how many commits of how many are done.
    """
    from bot.flows.secret_history import search

    repository = GitRepository.local(Path(options.repo))
    head = _head(repository, options)
    open_repo = local_commits(options, head)
    past = repository.past(names, largest=open_repo.settings.guard.largest_file)
    current = frozenset(entry.blob for entry in repository.entries(head))
    today = SystemClock().now().date()
    return search(
        past,
        rules_of(open_repo, head),
        current=current,
        today=today,
        tell=lambda done_count: tell(done_count, len(past.ids)),
    )


def _head(repository: Repository, options: Options) -> str:
    commit = repository.resolve("HEAD")
    if commit is None:
        raise Invalid(f"{options.repo} has no commit yet", advice="Commit something first.")
    return commit


def accept_here(options: Options, compared: Compared, *, days: int, reason: str) -> Accepted:
    """Write what is found today into the baseline of the folder: of a change, or of all files of HEAD.

    Rules about the review itself are nobody's to accept. ``Invalid`` for days that are too many, or a baseline with mistakes.
    """
    if not 1 <= days <= LONGEST:
        raise Invalid(f"--days {days}: a finding is accepted for 1 to {LONGEST} days")
    folder, today = Path(options.repo), SystemClock().now().date()
    repository = local_history(folder)
    change, facts, rules = _subject(options, repository, compared, folder)
    findings = judge(change, rules, Mode.STRICT, today=today, facts=facts, most=_MOST).findings
    own_findings = [
        finding for finding in findings if finding.category != "system" and finding.enforce is not Enforce.OFF
    ]
    root = _root(folder)
    file = root / baseline.PATH
    if WorkTree(root).is_link("", baseline.PATH):
        raise Refused(f"will not write {baseline.PATH}: it is, or leads through, a symbolic link")
    data = file.read_bytes() if file.is_file() else None
    added = baseline.unlisted(data, own_findings, today=today)
    until = today + timedelta(days=days)
    if added:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(baseline.extended(data, added, until=until, reason=reason))
    return Accepted(file, added, until)


def _root(folder: Path) -> Path:
    """The folder that holds ``.git``."""
    return next((parent for parent in (folder, *folder.resolve().parents) if (parent / ".git").exists()), folder)


def _subject(
    options: Options, repository: Repository, compared: Compared, folder: Path
) -> tuple[Change, ChangeFacts, RuleBook]:
    from bot.flows.review import change_between, facts_of

    if compared != Compared():
        change = change_between(repository, *compared.commits(repository, folder))
        rules = rules_of(local_commits(options, change.base), change.base)
        return change, facts_of(repository, change, rules.options), rules
    head = _head(repository, options)
    open_repo = local_commits(options, head)
    return *_everything(repository, head), rules_of(open_repo, head)


def _everything(repository: Repository, commit: str) -> tuple[Change, ChangeFacts]:
    """All files of a commit, as if each were new in a repository that has the others."""
    entries = repository.entries(commit)
    files = tuple(FileChange(entry.path, FileStatus.ADDED, None, repository.blob(entry.blob)) for entry in entries)
    attributes = {
        file.path: (file.after or b"").decode("utf-8", "replace")
        for file in files
        if file.path.rpartition("/")[2] == ATTRIBUTES
    }
    paths = frozenset(entry.path for entry in entries)
    return Change("", commit, files), ChangeFacts(paths=paths, attributes=attributes, compose={})
