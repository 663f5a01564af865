"""The configuration of a repository, part by part, for those who check it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.errors import Invalid, Refused
from bot.flows.configuration import ConfigurationPart, checked
from bot.flows.onboarding.starter import MISNAMED
from bot.flows.people import ownerless
from bot.flows.rules import ignores_at, rules_at
from bot.guardrails.documents import FOLDER
from bot.model.proposal import Join
from bot.model.wording import counted
from bot.settings import FILE, WrongSettings
from bot.shipped import files
from bot.wiring.repository import OpenRepository, Options, repository_to_read


def check_configuration(options: Options) -> tuple[ConfigurationPart, ...]:
    """What a folder as it is now, or a remote's branch, says to Clockwork, and what is wrong with it.

    Raises ``Unavailable`` where the repository cannot be reached, ``Invalid`` for a folder, a branch or a settings file that
    was named and is not there, ``Refused`` where a remote has no commit yet.
    """
    try:
        return configuration(repository_to_read(options))
    except WrongSettings as exc:  # nothing else can be found without them
        return (ConfigurationPart(str(options.settings or FILE), problem=str(exc)),)


def configuration(open_repo: OpenRepository) -> tuple[ConfigurationPart, ...]:
    """The parts of an opened repository's configuration. Raises ``Refused`` where its branch is not there."""
    commit = open_repo.repository.head(open_repo.branch)
    if commit is None:
        raise Refused(
            f"the repository has no branch {open_repo.branch}",
            advice="Push a first commit, or name the branch with --branch or in clockwork.yaml (branch:).",
        )
    readings = checked(
        {
            str(open_repo.options.settings or FILE): partial(_settings, open_repo),
            "policies/*.yaml": partial(_rules, open_repo, commit),
            open_repo.settings.ignores: partial(_ignores, open_repo, commit),
            FOLDER: partial(_guardrails, open_repo, commit),
        }
    )
    return (*readings, *_misnamed(open_repo, commit), *_owners(open_repo, commit))


def _misnamed(open_repo: OpenRepository, commit: str) -> Iterator[ConfigurationPart]:
    if open_repo.options.settings is None and open_repo.repository.read(commit, MISNAMED) is not None:
        yield ConfigurationPart(MISNAMED, "is not read", advice=f"Settings are read from {FILE}: rename it.")


def _owners(open_repo: OpenRepository, commit: str) -> Iterator[ConfigurationPart]:
    joins, assigns = open_repo.settings.fixes.join is Join.OWNER, open_repo.settings.github.assign_owners
    if (text := ownerless(open_repo.repository, commit, joins=joins, assigns=assigns)) is not None:
        advice = "Add .github/CODEOWNERS, or take the setting out."
        yield ConfigurationPart("CODEOWNERS", text, advice=advice)


def _settings(open_repo: OpenRepository) -> str:
    set_names = sorted(open_repo.settings.model_fields_set - {"version"})
    return f"sets {', '.join(set_names)}" if set_names else "every key has its default"


def _rules(open_repo: OpenRepository, commit: str) -> str:
    level = open_repo.settings.fixes.level
    rules = rules_at(open_repo.repository, commit, level=level, shipped=files("policies", "levels/*.yaml")).rules
    own_count = sum(rule.file.startswith("policies/") for rule in rules)
    return f"{counted(own_count, 'rule')} of its own, {counted(len(rules) - own_count, 'rule')} of the level {level}"


def _ignores(open_repo: OpenRepository, commit: str) -> str:
    return counted(len(ignores_at(open_repo.repository, commit, open_repo.settings.ignores).rules), "ignore rule")


def _guardrails(open_repo: OpenRepository, commit: str) -> str:
    from bot.wiring.guard import rules_of

    book = rules_of(open_repo, commit)
    if book.errors:
        raise Invalid("\n".join(book.errors))
    return f"{counted(len(book.guardrails), 'guardrail')}, those that ship with Clockwork among them"
