"""Which drifts are put back without people: where settings say so, and where exactly the field can be put back."""

from __future__ import annotations

from dataclasses import replace

from bot.model.decision import Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.policy.context import Context
from bot.policy.decide import decide
from bot.policy.restoring import Restorable
from bot.policy.rules import load
from tests.policy.cases import drift, resource
from tests.table import table

EVERYWHERE = Restorable(everywhere=True)
LABEL = drift(path="metadata.labels.team", desired="a", observed="b")
IN_PROD = replace(LABEL, resource=LABEL.resource._replace(target="prod"))


@table(
    ("settings", "one", "danger", "why_not"),
    [
        (EVERYWHERE, LABEL, None, None),
        (EVERYWHERE, drift("service/shop/web", "restart", "always", "no"), None, None),
        (EVERYWHERE, drift(path="metadata.labels.team", observed="b", kind=DriftKind.ADDED), None, None),
        (EVERYWHERE, drift(path="metadata.labels.team", desired="b", kind=DriftKind.MISSING), None, None),
        (EVERYWHERE, IN_PROD, None, None),
        (Restorable(targets={"prod": True}), IN_PROD, None, None),
        (EVERYWHERE, LABEL, "It deletes data.", "It deletes data."),
        (Restorable(), LABEL, None, "Restoring is switched off for this repository (apply.restore"),
        (Restorable(), IN_PROD, None, "Restoring is switched off for prod (apply.restore"),
        (Restorable(everywhere=True, targets={"prod": False}), IN_PROD, None, "Restoring is switched off for prod"),
        (Restorable(targets={"prod": True}), LABEL, None, "Restoring is switched off"),
        (EVERYWHERE, drift("aws_iam_role/a", "name", "a", "b"), None, "Nothing restores single fields of terraform"),
        (EVERYWHERE, drift(kind=DriftKind.MISSING), None, "It is about a whole resource"),
        (EVERYWHERE, drift(path="spec.x", kind=DriftKind.UNHEALTHY), None, "It is about a whole resource"),
        (EVERYWHERE, replace(LABEL, sensitive=True), None, "It is about a secret"),
        (
            EVERYWHERE,
            replace(
                drift(path="spec.selector.matchLabels.app", desired="a", observed="b"),
                resource=resource("Deployment/shop/web", group="apps"),
            ),
            None,
            "The field cannot be changed while the resource is there",
        ),
    ],
)
def test_a_field_is_put_back_or_it_says_why_not(
    settings: Restorable, one: Drift, danger: str | None, why_not: str | None
) -> None:
    """Settings, platform, kind, secrecy, what cannot be changed, and what it would destroy, in this order."""
    reason = settings.why_not(one, danger)
    assert reason == why_not or (why_not is not None and (reason or "").startswith(why_not))


@table(
    ("settings", "lane", "told"),
    [
        (EVERYWHERE, Lane.RESTORE, []),
        (
            Restorable(),
            Lane.RUNBOOK_ISSUE,
            ["Restoring is switched off for this repository (apply.restore in clockwork.yaml), so people do it."],
        ),
    ],
)
def test_a_rule_that_restores_leaves_to_people_what_cannot_be_put_back(
    settings: Restorable, lane: Lane, told: list[str]
) -> None:
    """The remedy is to restore where that can be, else an issue that says why."""
    rules = load({"policies/a.yaml": b"rules: [{id: a, direction: restore, reason: It is ours.}]"})
    decision = decide(LABEL, rules, Context(restorable=settings))
    assert (decision.lane, decision.direction) == (lane, Direction.RESTORE)
    assert [*decision.reasons] == ["Rule policies/a.yaml#a: It is ours.", *told]
    assert decision.by_hand == (told[0] if told else None)
