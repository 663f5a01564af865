"""What a rule is about: each key of ``match`` by itself, and what a ``when`` sees."""

from __future__ import annotations

import pytest

from bot.errors import Invalid
from bot.model.decision import Direction, Lane
from bot.model.drift import Drift, DriftKind, SetValue
from bot.model.severity import Severity
from bot.policy.context import Context
from bot.policy.decide import DEFAULT_RULE, decide
from bot.policy.expression import ExpressionFailed, compile_expression, names
from bot.policy.rules import RuleSet, load
from tests.policy.cases import drift
from tests.table import table

NOTHING = Context()


def matched(match: str, one: Drift) -> bool:
    """Whether the only rule, with this ``match``, decides."""
    text = f"rules: [{{id: only, match: {{{match}}}, remedy: nothing, reason: It matched.}}]"
    return decide(one, load({"policies/a.yaml": text.encode()}), NOTHING).rule != DEFAULT_RULE


ONE = drift(
    "service/shop/web", "healthcheck.retries", 3, 5, severity=Severity.MEDIUM, manager="rosas-script", rule="R-1"
)


@table(
    ("match", "holds"),
    [
        ("", True),
        ("resource: service/shop/web", True),
        ('resource: "service/shop/*"', True),
        ('resource: "service/other/*"', False),
        ("resource: [service/x/y, service/shop/web]", True),
        ("kinds: service", True),
        ("kinds: [volume, serv*]", True),
        ("kinds: Service", False),
        ("path: healthcheck.retries", True),
        ('path: "healthcheck.*"', True),
        ("path: healthcheck", False),
        ("path: retries", False),
        ("drift: changed", True),
        ("drift: [added, changed]", True),
        ("drift: [added, missing]", False),
        ("platform: compose", True),
        ("platform: [kubernetes, terraform, http]", False),
        ("severity: LOW", True),
        ("severity: MEDIUM", True),
        ("severity: HIGH", False),
        ("task: web", True),
        ('task: "w*"', True),
        ("task: api", False),
        ("manager: rosas-script", True),
        ('manager: "rosas-*"', True),
        ("manager: kubectl", False),
        ("safe: health-check", True),
        ("safe: [label, health-check]", True),
        ("safe: label", False),
        ("destructive: false", True),
        ("destructive: true", False),
        ("adoptable: true", True),
        ("adoptable: false", False),
        ("kinds: service, severity: HIGH", False),
        ("kinds: volume, severity: LOW", False),
    ],
)
def test_every_key_that_is_given_must_hold(match: str, holds: bool) -> None:
    """One key at a time, and two of which one fails."""
    assert matched(match, ONE) is holds


def test_a_drift_without_edits_is_not_adoptable() -> None:
    """``adoptable`` asks whether an edit of Git could say what is live."""
    one = drift("service/shop/web", "healthcheck.retries", 3, 5, adopt=())
    assert matched("adoptable: false", one)
    assert not matched("adoptable: true", one)


def test_a_destructive_drift_is_told_from_others() -> None:
    """``destructive`` asks what the floors ask."""
    one = drift(kind=DriftKind.UNMANAGED)
    assert matched("destructive: true", one)
    assert not matched("destructive: false", one)


def test_nobody_is_not_somebody() -> None:
    """Where nothing tells who wrote a value, a rule about a manager does not match."""
    unknown = drift("service/shop/web", "healthcheck.retries", 3, 5)
    assert not matched("manager: rosas-script", unknown)
    assert matched('manager: "*"', unknown)


RULES = """
rules:
  - {id: first, match: {severity: HIGH}, remedy: nothing, risk: low, reason: The first.}
  - {id: second, match: {path: "healthcheck.**"}, remedy: artifact-patch, risk: low, reason: The second.}
  - {id: third, remedy: runbook-issue, direction: restore, risk: high, reason: The third.}
"""


def test_the_first_rule_that_matches_decides() -> None:
    """With its name, its risk, its direction and its reason first."""
    rules = load({"policies/a.yaml": RULES.encode()})
    decision = decide(ONE, rules, NOTHING)
    assert (decision.rule, decision.lane, decision.risk) == ("policies/a.yaml#second", Lane.ARTIFACT_PATCH, "low")
    assert decision.direction is Direction.ADOPT
    assert decision.reasons[0] == "Rule policies/a.yaml#second: The second."
    assert decision.drift is ONE
    other = decide(drift("service/shop/web", "command", "a", "b"), rules, NOTHING)
    assert (other.rule, other.lane, other.direction) == ("policies/a.yaml#third", Lane.RUNBOOK_ISSUE, Direction.RESTORE)
    assert other.risk == "high"


def test_a_drift_that_needs_people_is_of_high_risk() -> None:
    """Whatever risk the rule names; without a rule the risk is medium."""
    rules = load({"policies/a.yaml": b"rules: [{id: a, remedy: nothing, risk: low, reason: Quiet.}]"})
    assert decide(drift(kind=DriftKind.MISSING), rules, NOTHING).risk == "high"
    assert decide(ONE, rules, NOTHING).risk == "low"
    assert decide(ONE, RuleSet(), NOTHING).risk == "medium"


@table(
    ("one", "lane", "direction", "reason"),
    [
        (drift(kind=DriftKind.STALE_ARTIFACT), Lane.ARTIFACT_PATCH, Direction.ADOPT, "what Git itself renders"),
        (
            drift(path="spec.x", observed=2, kind=DriftKind.REMOVED),
            Lane.RUNBOOK_ISSUE,
            Direction.RESTORE,
            "Git dropped this on purpose",
        ),
        (
            drift(path="spec.x", observed=2, kind=DriftKind.REMOVED, severity=Severity.LOW),
            Lane.NOTHING,
            Direction.RESTORE,
            "Its severity is LOW",
        ),
        (drift(path="spec.x", desired=1, observed=2, adopt=()), Lane.RUNBOOK_ISSUE, Direction.RESTORE, "No edit"),
        (
            drift("service/a/b", "healthcheck.retries", 3, 5, severity=Severity.CRITICAL),
            Lane.CONFIG_PULL_REQUEST,
            Direction.ADOPT,
            "Its severity is CRITICAL",
        ),
        (
            drift("service/a/b", "healthcheck.retries", 3, 5, severity=Severity.HIGH),
            Lane.ARTIFACT_PATCH,
            Direction.ADOPT,
            "is a health-check field",
        ),
        (
            drift("service/a/b", "healthcheck.retries", 3, 500),
            Lane.CONFIG_PULL_REQUEST,
            Direction.ADOPT,
            "not committed without asking",
        ),
        (drift(kind=DriftKind.UNMANAGED), Lane.RUNBOOK_ISSUE, Direction.ADOPT, "No rule may turn a destructive change"),
    ],
)
def test_a_floor_says_what_it_changed(one: Drift, lane: Lane, direction: Direction, reason: str) -> None:
    """A rule that patches everything gets as far as each floor lets it, with a sentence."""
    rules = load({"policies/a.yaml": b"rules: [{id: all, remedy: artifact-patch, reason: Whatever it is.}]"})
    decision = decide(one, rules, NOTHING)
    assert (decision.lane, decision.direction) == (lane, direction)
    assert any(reason in text for text in decision.reasons)


def test_an_issue_about_what_git_cannot_say_restores() -> None:
    """A rule that files an issue keeps its direction where an edit exists."""
    rules = load({"policies/a.yaml": b"rules: [{id: all, remedy: runbook-issue, reason: File it.}]"})
    assert decide(ONE, rules, NOTHING).direction is Direction.ADOPT
    assert decide(drift(path="spec.x", observed=1, adopt=()), rules, NOTHING).direction is Direction.RESTORE
    assert decide(drift(kind=DriftKind.UNMANAGED), rules, NOTHING).reasons[-1].startswith("The whole resource")


def test_a_condition_sees_every_fact() -> None:
    """Each name that the README lists, as plain values; what is not known is empty text."""
    one = drift(
        "Deployment/shop/web",
        "spec.x",
        {"a": (1, 2)},
        [{"b": None}],
        manager="rosa",
        message="It is odd.",
        file="k8s/web.yaml",
        adopt=(SetValue(("spec", "x"), 1),),
    )
    seen = names(one, safe="label", destructive=True)
    assert seen == {
        "drift": {
            "id": one.id,
            "kind": "changed",
            "path": "spec.x",
            "severity": "MEDIUM",
            "rank": Severity.MEDIUM.rank,
            "rule": "R-1",
            "task": "web",
            "manager": "rosa",
            "message": "It is odd.",
            "file": "k8s/web.yaml",
        },
        "resource": {
            "platform": "kubernetes",
            "kind": "Deployment",
            "scope": "shop",
            "name": "web",
            "group": "",
            "target": "",
        },
        "desired": {"a": [1, 2]},
        "observed": [{"b": None}],
        "safe": "label",
        "destructive": True,
        "adoptable": True,
    }
    bare = names(drift(kind=DriftKind.MISSING), safe=None, destructive=False)
    assert isinstance(bare["drift"], dict)
    assert (bare["safe"], bare["destructive"], bare["adoptable"]) == ("", False, False)
    assert (bare["drift"]["manager"], bare["drift"]["message"], bare["drift"]["file"]) == ("", "", "")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("observed == 5", True),
        ("observed == 4", False),
        ("[1, 2].all(x, x > 0) && [1].exists(y, y == 1)", True),
        ("[1, 2].map(n, n * 2) == [2, 4]", True),
    ],
)
def test_an_expression_is_true_or_false(text: str, answer: bool) -> None:
    """Names that an expression binds itself are known inside it."""
    assert compile_expression(text).evaluate(names(ONE, safe=None, destructive=False)) is answer


def test_expressions_are_equal_by_their_text() -> None:
    """A rule that was read twice is the same rule."""
    assert compile_expression("observed == 5") == compile_expression("observed == 5")
    assert compile_expression("observed == 5") != compile_expression("observed == 6")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("observed", "it gives int, not true or false"),
        ("observed.nope == 1", "TypeError: "),
        ("'a' < 1", ""),
    ],
)
def test_an_expression_without_an_answer_says_why(text: str, why: str) -> None:
    """A failure is its own answer, never true and never false."""
    answer = compile_expression(text).evaluate(names(ONE, safe=None, destructive=False))
    assert isinstance(answer, ExpressionFailed)
    assert why in answer.why


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("observed >", "}\n  | observed >\n  | ..........^"),
        ("drfit.kind == 'x'", "unknown name 'drfit'; did you mean 'drift'?"),
        (
            "qqqq == 1",
            "unknown name 'qqqq'; known are drift, resource, desired, observed, safe, destructive, adoptable",
        ),
    ],
)
def test_an_expression_that_cannot_be_asked_is_refused(text: str, message: str) -> None:
    """When the file is read, not when a drift is decided."""
    with pytest.raises(Invalid) as caught:
        compile_expression(text)
    assert message in caught.value.message
