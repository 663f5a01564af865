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


def configuration(opened: OpenRepository) -> tuple[ConfigurationPart, ...]:
    """The parts of an opened repository's configuration. Raises ``Refused`` where its branch is not there."""
    commit = opened.repository.head(opened.branch)
    if commit is None:
        raise Refused(
            f"the repository has no branch {opened.branch}",
            advice="Push a first commit, or name the branch with --branch or in clockwork.yaml (branch:).",
        )
    readings = checked(
        {
            str(opened.options.settings or FILE): partial(_settings, opened),
            "policies/*.yaml": partial(_rules, opened, commit),
            opened.settings.ignores: partial(_ignores, opened, commit),
            FOLDER: partial(_guardrails, opened, commit),
        }
    )
    return (*readings, *_misnamed(opened, commit), *_owners(opened, commit))


def _misnamed(opened: OpenRepository, commit: str) -> Iterator[ConfigurationPart]:
    if opened.options.settings is None and opened.repository.read(commit, MISNAMED) is not None:
        yield ConfigurationPart(MISNAMED, "is not read", advice=f"Settings are read from {FILE}: rename it.")


def _owners(opened: OpenRepository, commit: str) -> Iterator[ConfigurationPart]:
    joins, assigns = opened.settings.fixes.join is Join.OWNER, opened.settings.github.assign_owners
    if (text := ownerless(opened.repository, commit, joins=joins, assigns=assigns)) is not None:
        advice = "Add .github/CODEOWNERS, or take the setting out."
        yield ConfigurationPart("CODEOWNERS", text, advice=advice)


def _settings(opened: OpenRepository) -> str:
    named = sorted(opened.settings.model_fields_set - {"version"})
    return f"sets {', '.join(named)}" if named else "every key has its default"


def _rules(opened: OpenRepository, commit: str) -> str:
    level = opened.settings.fixes.level
    rules = rules_at(opened.repository, commit, level=level, shipped=files("policies", "levels/*.yaml")).rules
    own = sum(rule.file.startswith("policies/") for rule in rules)
    return f"{counted(own, 'rule')} of its own, {counted(len(rules) - own, 'rule')} of the level {level}"


def _ignores(opened: OpenRepository, commit: str) -> str:
    return counted(len(ignores_at(opened.repository, commit, opened.settings.ignores).rules), "ignore rule")


def _guardrails(opened: OpenRepository, commit: str) -> str:
    from bot.wiring.guard import rules_of

    book = rules_of(opened, commit)
    if book.errors:
        raise Invalid("\n".join(book.errors))
    return f"{counted(len(book.guardrails), 'guardrail')}, those that ship with Clockwork among them"
