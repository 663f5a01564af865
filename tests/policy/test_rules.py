"""Rule files: what is read, and how mistakes are named."""

from __future__ import annotations

import pytest

from bot.errors import Invalid
from bot.model.decision import FixLevel, Lane
from bot.policy.levels import in_force
from bot.policy.rules import load, policy_files
from tests.policy.cases import shipped
from tests.table import table

FILE = "policies/own.yaml"


@table(
    ("text", "message"),
    [
        ("rules: [", ": not valid YAML"),
        ("- 1", ":1: a rule file is a mapping"),
        ("rules:\n  - id: a\n    remdy: nothing\n    reason: Abc.", ":3: unknown key 'remdy'; did you mean 'remedy'?"),
        ("ruels: []", ":1: unknown key 'ruels'; did you mean 'rules'?"),
        ("rules:\n  - id: a\n    reason: Abc.", ":2: the key 'remedy' is missing"),
        (
            "rules:\n  - id: a\n    match:\n      pth: x\n    remedy: nothing\n    reason: Abc.",
            ":4: unknown key 'pth'; did you mean 'path'?",
        ),
        (
            "rules:\n  - id: a\n    match: {drift: chnged}\n    remedy: nothing\n    reason: Abc.",
            ":3: drift cannot be 'chnged'; did you mean 'changed'?",
        ),
        (
            "rules:\n  - id: a\n    match:\n      targets: x\n    remedy: nothing\n    reason: Abc.",
            ":4: unknown key 'targets'; did you mean 'target'?",
        ),
        ("rules:\n  - id: a\n    match:\n      target: 7\n    remedy: nothing\n    reason: Abc.", ":4: target"),
        ("rules:\n  - id: a\n    remedy: patch\n    reason: Abc.", ":3: remedy cannot be 'patch'; did you mean"),
        ("rules:\n  - id: a\n    match: {path: 'a..b'}\n    remedy: nothing\n    reason: Abc.", ":3: path: not a path"),
        ("rules:\n  - id: A b\n    remedy: nothing\n    reason: Abc.", ":2: id 'A b' must be lower-case"),
        ("rules:\n  - 3", ":2: a rule is a mapping"),
        ("rules: 3", ":1: rules: should be a list"),
        (
            "rules:\n  - id: a\n    match: {platform: 3}\n    remedy: nothing\n    reason: Abc.",
            ":3: platform: should be a list",
        ),
        ("rules:\n  - id: a\n    id: b", ":3: the key 'id' appears twice"),
        (
            "rules:\n  - id: a\n    when: 'observed >'\n    remedy: nothing\n    reason: Abc.",
            ":3: in the rule 'a': not a CEL",
        ),
        (
            "rules:\n  - id: a\n    when: 'observd > 3'\n    remedy: nothing\n    reason: Abc.",
            "did you mean 'observed'?",
        ),
        (
            "rules:\n  - id: a\n    direction: restore\n    remedy: artifact-patch\n    reason: Abc.",
            ":2: restore leaves Git as it is",
        ),
        (
            "rules:\n  - id: a\n    direction: adopt\n    remedy: restore\n    reason: Abc.",
            ":2: the remedy restore leaves Git as it is, and direction: adopt changes it",
        ),
        (
            "rules:\n  - id: a\n    draft: true\n    automerge: true\n    remedy: config-pull-request\n    reason: Abc.",
            ":2: a draft does not merge by itself",
        ),
        (
            "rules:\n  - id: a\n    automerge: false\n    remedy: runbook-issue\n    reason: Abc.",
            ":2: draft and automerge are about pull requests",
        ),
        ("rules:\n  - id: a\n    draft: 1\n    remedy: config-pull-request\n    reason: Abc.", ":3: draft"),
        ("rules: &a [*a]", "too deep"),
        (
            "a: &a [x,x]\nb: &b [*a,*a]\n" + "\n".join(f"c{n}: &c{n} [{','.join(['*b'] * 99)}]" for n in range(300)),
            "too long",
        ),
        ("\x00", "not valid YAML"),
    ],
)
def test_mistakes_name_file_line_and_the_nearest_word(text: str, message: str) -> None:
    """Every mistake is an ``Invalid`` that starts with the file and says what is wrong where."""
    with pytest.raises(Invalid) as caught:
        load({FILE: text.encode()})
    assert caught.value.message.startswith(FILE)
    assert message in caught.value.message


def test_a_rule_that_says_restore_names_the_remedy_too() -> None:
    """What another remedy would be is said by whoever wants it."""
    alone, other = (
        "{id: a, direction: restore, reason: Abc.}",
        "{id: b, direction: restore, remedy: nothing, reason: Abc.}",
    )
    read = load({FILE: f"rules:\n  - {alone}\n  - {other}".encode()})
    assert [rule.remedy for rule in read.rules] == [Lane.RESTORE, Lane.NOTHING]


def test_all_mistakes_of_a_file_are_named_at_once() -> None:
    """Somebody who mends a file does not have to run it once per mistake."""
    text = b"rules:\n  - {id: a, remedy: nothing, reasn: Abc.}\n  - {id: b, remdy: nothing, reason: Abc.}"
    with pytest.raises(Invalid) as caught:
        load({FILE: text})
    assert len(caught.value.message.splitlines()) == 4


def test_ids_are_unique_over_all_files() -> None:
    """Two rules with one id would make ``file#id`` useless in explanations."""
    text = b"rules: [{id: a, remedy: nothing, reason: Abc.}]"
    with pytest.raises(Invalid, match=r"policies/b.yaml:1: the rule id 'a' is already used at policies/a.yaml:1"):
        load({"policies/a.yaml": text, "policies/b.yaml": text})


def test_own_rules_are_asked_before_the_level_in_order_of_file_names() -> None:
    """``10-`` and ``20-`` prefixes order a repository's rules; the level's come last."""
    text = "rules: [{id: %s, remedy: nothing, reason: Abc.}]"
    repository = {
        "policies/20-b.yaml": (text % "b").encode(),
        "policies/10-a.yml": (text % "a").encode(),
        "policies/guardrails/x.yaml": b"[",
        "policies/README.md": b"",
    }
    rules = in_force(FixLevel.MODERATE, shipped=shipped(), repository=repository).rules
    assert [rule.id for rule in rules[:3]] == ["a", "b", "privilege"]
    assert policy_files(repository) == ("policies/10-a.yml", "policies/20-b.yaml")


@pytest.mark.parametrize("level", list(FixLevel))
def test_every_shipped_level_ends_with_a_rule_for_everything(level: FixLevel) -> None:
    """Each level says something about every drift, and only ``disabled`` starts with it."""
    rules = in_force(level, shipped=shipped(), repository={}).rules
    assert rules[-1].match == type(rules[-1].match)()
    assert (rules[0].remedy is Lane.NOTHING) is (level is FixLevel.DISABLED)


def test_a_shipped_level_is_read_once_a_process() -> None:
    """The same bytes are the same rules, other bytes are others."""
    files = shipped()
    first, again = (in_force(FixLevel.MODERATE, shipped=files, repository={}).rules for _ in range(2))
    assert all(rule is other_rule for rule, other_rule in zip(first, again, strict=True))
    files = {path: data.replace(b"id: privilege\n", b"id: rights\n") for path, data in files.items()}
    changed = in_force(FixLevel.MODERATE, shipped=files, repository={}).rules
    assert [rule.id for rule in changed if rule not in first] == ["rights"]


def test_a_missing_level_file_says_so() -> None:
    """An installation without its rule files is reported, not treated as "no rules"."""
    with pytest.raises(Invalid, match=r"levels/moderate.yaml is missing"):
        in_force(FixLevel.MODERATE, shipped={}, repository={})
