"""What a rule file may say at its edges, what is taken where it says nothing, and how a mistake reads."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import Invalid
from bot.model.decision import Direction, Lane
from bot.model.drift import DriftKind
from bot.model.resource import Platform
from bot.model.severity import Severity
from bot.policy.bounds import Category
from bot.policy.rules import Rule, RuleMatch, load, policy_files
from tests.table import table

FILE = "policies/own.yaml"


def rules(text: str) -> tuple[Rule, ...]:
    return load({FILE: text.encode()}).rules


def rule(more: str = "", *, id_: str = "a") -> Rule:
    """One rule with these further keys."""
    (read,) = rules(f"rules:\n  - id: {id_}\n    remedy: nothing\n    reason: ' Abc. '\n" + more)
    return read


def mistake(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        rules(text)
    return caught.value.message


def test_what_a_rule_leaves_out_is_usual() -> None:
    """It matches everything, adopts, and its risk is medium; the reason stands without the blanks around it."""
    read = rule()
    assert read == Rule("a", FILE, 2, RuleMatch(), Lane.NOTHING, Direction.ADOPT, "medium", "Abc.")
    assert read.ref == f"{FILE}#a"
    assert read.when is None


def test_every_key_is_read() -> None:
    """Words become values of closed lists; one word is a list of one."""
    read = rule(
        """    risk: high
    direction: restore
    when: observed == 1
    match:
      resource: "a/*"
      kinds: [Deployment]
      path: "spec.**"
      drift: [changed, added]
      platform: http
      severity: HIGH
      task: web
      manager: [a, b]
      safe: label
      destructive: true
      adoptable: false
"""
    )
    assert (read.risk, read.direction, read.when and read.when.text) == ("high", Direction.RESTORE, "observed == 1")
    assert read.match == RuleMatch(
        resource=("a/*",),
        kinds=("Deployment",),
        path=("spec.**",),
        drift=(DriftKind.CHANGED, DriftKind.ADDED),
        platform=(Platform.HTTP,),
        severity=Severity.HIGH,
        task=("web",),
        manager=("a", "b"),
        safe=(Category.LABEL,),
        destructive=True,
        adoptable=False,
    )


@pytest.mark.parametrize("text", ["", "version: 1", "rules: []", "description: Ours.", "# nothing"])
def test_a_file_may_hold_no_rule(text: str) -> None:
    """Nothing at all, or only what is said about it."""
    assert rules(text) == ()


LONG = "a" * 300
DEEP = "a.**.b.**.c.**.d.**.e.**"


@pytest.mark.parametrize(
    "more",
    [
        f"    match: {{resource: {LONG}}}\n",
        f'    match: {{path: "{DEEP}"}}\n',
        f"    when: {'true || ' * 249}true\n",
    ],
)
def test_a_rule_may_be_as_long_as_the_limit(more: str) -> None:
    """The limits are there so that matching stays quick."""
    assert rule(more).id == "a"


def test_an_id_may_have_64_characters() -> None:
    """Letters, digits and hyphens, and no hyphen first."""
    assert rule(id_="a" * 64).id == "a" * 64
    assert rule(id_="0-9-").id == "0-9-"
    for id_ in ("a" * 65, "-a", "a_b", "'a '", "A"):
        assert "must be lower-case letters, digits and hyphens, at most 64" in mistake(
            f"rules:\n  - id: {id_}\n    remedy: nothing\n    reason: Abc.\n"
        )


@table(
    ("key", "message"),
    [
        (f"match: {{resource: {LONG}a}}", ":3: resource: a glob has at most 300 characters"),
        (f"match: {{kinds: {LONG}a}}", ":3: kinds: a glob has at most"),
        (f"match: {{task: [{LONG}a]}}", ":3: task: a glob has at most"),
        (f"match: {{manager: {LONG}a}}", ":3: manager: a glob has at most"),
        (f"match: {{path: {LONG}a}}", ":3: path: a glob has at most"),
        (f'match: {{path: "{DEEP}.**"}}', ":3: path: a glob has at most 300 characters and five '**'"),
        ("match: {resource: ''}", ":3: String should have at least 1 character"),
        ("match: {destructive: 'yes'}", ":3: destructive: "),
        ("match: {adoptable: 1}", ":3: adoptable: "),
        ("match: {platform: kubernets}", ":3: platform cannot be 'kubernets'; did you mean 'kubernetes'?"),
        ("match: {severity: low}", ":3: severity cannot be 'low'; known are LOW, MEDIUM, HIGH, CRITICAL"),
        ("match: {safe: labels}", ":3: safe cannot be 'labels'; did you mean 'label'?"),
        ("match: []", ":3: match is a mapping"),
        ("direction: restor", ":3: direction cannot be 'restor'; did you mean 'restore'?"),
        ("risk: hgh", ":3: risk cannot be 'hgh'; did you mean 'high'?"),
        (f"when: {'true || ' * 250}true", ":3: when: "),
        ("direction: restore", ""),
    ],
)
def test_a_mistake_names_its_key(key: str, message: str) -> None:
    """The line it stands on, the key, and the word that may have been meant."""
    text = f"rules:\n  - id: a\n    {key}\n    remedy: nothing\n    reason: Abc.\n"
    if message:
        assert message in mistake(text)
    else:
        assert rules(text)[0].direction is Direction.RESTORE


@pytest.mark.parametrize("remedy", [Lane.ARTIFACT_PATCH, Lane.CONFIG_PULL_REQUEST])
def test_what_restores_writes_nothing(remedy: Lane) -> None:
    """A rule that leaves Git as it is cannot ask for a change of Git."""
    text = f"rules: [{{id: a, direction: restore, remedy: {remedy}, reason: Abc.}}]"
    assert "restore leaves Git as it is" in mistake(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2", ":1: version cannot be 2"),
        ("rules: {}", ":1: "),
        ("rules:\n  - {id: a, remedy: nothing, reason: Ab}", ":2: reason: "),
        (f"rules:\n  - {{id: a, remedy: nothing, reason: {'a' * 601}}}", ":2: reason: "),
        ("descripton: x", ":1: unknown key 'descripton'; did you mean 'description'?"),
        ("zzz: x", ":1: unknown key 'zzz'; known are version, description, rules"),
    ],
)
def test_a_file_is_strict(text: str, message: str) -> None:
    """Every level of it."""
    assert message in mistake(text)


def test_at_most_twelve_mistakes_are_told() -> None:
    """And how many more there are."""
    bad = [f"  - {{id: a{number}, remedy: nothing, reason: Abc., x: 1}}" for number in range(15)]
    lines = mistake("\n".join(["rules:", *bad])).splitlines()
    assert len(lines) == 13
    assert lines[-1] == "... and 3 more"
    assert mistake("\n".join(["rules:", *bad[:12]])).splitlines()[-1].startswith(f"{FILE}:13:")


def test_mistakes_say_where_the_format_is_described() -> None:
    """A person who reads the message knows where to look next."""
    with pytest.raises(Invalid) as caught:
        rules("ruels: []")
    assert caught.value.advice == "See policies/README.md for what a rule may say."


@pytest.mark.parametrize(
    ("path", "is_rules"),
    [
        ("policies/a.yaml", True),
        ("policies/a.yml", True),
        ("policies/a/b.yaml", False),
        ("policies/a.json", False),
        ("other/policies/a.yaml", False),
        ("policies.yaml", False),
    ],
)
def test_rule_files_lie_directly_in_policies(path: str, is_rules: Any) -> None:
    """Not deeper: folders below hold guardrails."""
    assert (policy_files([path]) == (path,)) is is_rules
