"""New proposals are given to people: by settings, by the rule that decided, and by CODEOWNERS."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.errors import Invalid
from bot.flows.people import owners
from bot.policy.rules import load
from tests.flows.stage import NAME, Stage

RULES = """\
version: 1
rules:
  - id: ports
    match: {resource: "Service/shop/*"}
    remedy: config-pull-request
    reason: The network team looks at these.
    reviewers: [nina, acme/network]
    assignees: nina
"""
OWNERS = """\
*                 @acme/platform
/k8s/             @rosa @omar dev@example.org   # everything of ours
k8s/orders.yaml   @dora @acme/data
"""


def people(item: Any, role: str) -> list[str]:
    """The logins in a role."""
    return sorted(person["login"] for person in item[role])


@pytest.fixture
def team(stage: Stage) -> Stage:
    """Some of them may look at the repository, and one has no account."""
    for login in ("nina", "omar", "dora"):
        stage.box.create_user(login)
        stage.box.add_collaborator(NAME, login, "read")
    for path, text in (("policies/ports.yaml", RULES), (".github/CODEOWNERS", OWNERS)):
        stage.api("PUT", f"/contents/{path}", message="Team", content=base64.b64encode(text.encode()).decode())
    stage.edit(
        "clockwork.yaml",
        lambda _text: (
            "version: 1\ngithub: {min_write_interval: 0, assignees: [omar], reviewers: [omar, nobody], "
            "assign_owners: true}\n"
        ),
    )
    return stage


def test_what_is_opened_is_given_to_people_once(team: Stage) -> None:
    """Whoever cannot be asked keeps nobody else from being asked; whom people take off afterwards stays off."""
    team.config_drift()
    team.destructive_drift()
    team.tick()
    (pull,), (issue,) = team.pulls(), team.issues()
    assert (people(pull, "assignees"), people(pull, "requested_reviewers")) == (["nina", "omar"], ["nina", "omar"])
    assert people(issue, "assignees") == ["dora", "omar"]
    team.api("PATCH", f"/issues/{pull['number']}", assignees=["omar"])
    team.config_drift(9090)
    team.tick()
    (pull,) = team.pulls()
    assert "9090" in pull["body"]
    assert people(pull, "assignees") == ["omar"]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("k8s/web.yaml", ("rosa", "omar")),
        ("k8s/deep/web.yaml", ("rosa", "omar")),
        ("k8s/orders.yaml", ("dora",)),
        ("other/k8s/web.yaml", ()),
        ("README.md", ()),
    ],
)
def test_the_last_pattern_that_matches_counts(file: str, expected: tuple[str, ...]) -> None:
    """Teams and addresses own, too, and cannot be assigned."""
    assert owners(OWNERS, [file]) == expected


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.js", ["a.js", "src/a.js"], ["a.jsx"]),
        ("docs/*", ["docs/a.md"], ["docs/build/a.md", "x/docs/a.md"]),
        ("apps/", ["apps/a", "x/apps/b/c"], ["apps"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["x/docs/a"]),
        ("**/logs", ["logs/a", "build/logs/b", "logs"], ["logsx"]),
        ("/apps/github", ["apps/github/a", "apps/github"], ["apps/githubs"]),
        ("/scripts/**/run?.sh", ["scripts/a/b/run1.sh", "scripts/run2.sh"], ["scripts/run.sh"]),
        ("a+b(c", ["a+b(c"], ["aab(c"]),
    ],
)
def test_patterns_of_code_owners(pattern: str, matches: list[str], others: list[str]) -> None:
    """As GitHub's own examples have them."""
    assert [file for file in (*matches, *others) if owners(f"{pattern} @rosa", [file])] == matches


def test_a_login_that_cannot_be_one_is_told() -> None:
    """A rule names file, line and what is wrong."""
    with pytest.raises(Invalid, match=r"policies/ports\.yaml:\d+: .*assignees"):
        load({"policies/ports.yaml": RULES.replace("assignees: nina", "assignees: [not a login]").encode()})
