"""What a title says: the task and the change, in one line, whatever the values are."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flows.intention import BREAKER, DELETIONS
from bot.flows.messages import values_of
from bot.flows.titles import MOST, change_of, short_names, title_of
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.model.paths import parse_path
from bot.model.proposal import Proposal
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
CONTAINER = "spec.template.spec.containers[web]"


def drift(path: str, desired: JSON, observed: JSON, kind: DriftKind = DriftKind.CHANGED) -> Drift:
    """One difference of the deployment."""
    return Drift(WEB, str(WEB), kind, parse_path(path), desired, observed, Severity.HIGH, "x")


def proposal(lane: Lane, *drifts: Drift) -> Proposal:
    """All of them in one lane."""
    return Proposal(lane, "shop/web", tuple(Decision(d, lane, Direction.ADOPT, "r", "low", ()) for d in drifts))


@pytest.mark.parametrize(
    ("path", "desired", "observed", "expected"),
    [
        (f"{CONTAINER}.image", "ghcr.io/a/web:1.4.2", "ghcr.io/a/web:1.4.3", "image 1.4.2 → 1.4.3"),
        (f"{CONTAINER}.image", "web:1", "evil:1", "image web:1 → evil:1"),
        (f"{CONTAINER}.image", "reg:5000/web", "reg:5000/web:2", "image reg:5000/web → reg:5000/web:2"),
        (f"{CONTAINER}.env[LEVEL].value", "info", "debug", "env[LEVEL].value info → debug"),
        ("spec.ports[http].port", 80, 8081, "ports[http].port 80 → 8081"),
        ("spec.replicas", 2, 0, "replicas 2 → 0"),
        (f"{CONTAINER}.tty", False, True, "tty false → true"),
        (f"{CONTAINER}.workingDir", "", "/srv", 'workingDir "" → /srv'),
        ("metadata.labels.team", "blue", None, "labels.team removed"),
        ('metadata.labels["app.kubernetes.io/name"]', None, "web", 'labels["app.kubernetes.io/name"] added'),
        (f"{CONTAINER}.command", ["a"], ["b"], "command changed"),
        ("data.conf", "a\nb\nc\n", "a\nB\nc\nd\n", "data.conf changed (2 lines)"),
        ("data.url", f"{'x' * 90}/a", f"{'x' * 90}/b", "data.url …xxxxxxxxxxx/a → …xxxxxxxxxxx/b"),
    ],
)
def test_a_change_in_a_few_words(path: str, desired: JSON, observed: JSON, expected: str) -> None:
    """The end of the path and both values; what has no short form is only said to have changed."""
    assert change_of(drift(path, desired, observed)) == expected


def test_a_hidden_value_is_in_no_title() -> None:
    """Of a sensitive field the title says that it changed, not even what masks it."""
    hidden = replace(drift(f"{CONTAINER}.env[TOKEN].value", "hmac-sha256:a", "hmac-sha256:b"), sensitive=True)
    assert change_of(hidden) == "env[TOKEN].value changed"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (DriftKind.MISSING, ("declared", "not running")),
        (DriftKind.UNMANAGED, ("not declared", "running")),
        (DriftKind.REMOVED, ("removed from Git", "still running")),
    ],
)
def test_a_whole_resource_is_declared_or_runs(kind: DriftKind, expected: tuple[str, str]) -> None:
    """Title and table say the same two things."""
    whole = drift("", "present", None, kind)
    assert values_of(whole) == expected
    assert change_of(whole) == ", ".join(expected)


def test_titles_name_task_and_change() -> None:
    """Two changes are named, more are counted; an issue says that a person must act, or what the matter is."""
    image, port = drift(f"{CONTAINER}.image", "web:1", "web:2"), drift("spec.ports[http].port", 80, 81)
    pull = proposal(Lane.CONFIG_PULL_REQUEST, image, port, drift("spec.replicas", 1, 2))
    assert title_of(pull) == "shop/web: image 1 → 2, ports[http].port 80 → 81 and 1 more"
    assert title_of(proposal(Lane.RUNBOOK_ISSUE, image)) == "shop/web: image 1 → 2 (manual action required)"
    fight = title_of(proposal(Lane.RUNBOOK_ISSUE, image), kind=BREAKER)
    assert fight == "shop/web: another writer keeps changing image"
    guard = title_of(proposal(Lane.RUNBOOK_ISSUE, image, port), kind=DELETIONS)
    assert guard == "Deletion guard: one run would remove 2 things"


def test_a_state_is_said_shorter_where_a_name_is_long() -> None:
    """And never cut in the middle of its words."""
    gone = drift("", {"kind": "Deployment"}, None, DriftKind.MISSING)
    short, named = proposal(Lane.RUNBOOK_ISSUE, gone), "prod/PersistentVolumeClaim/orders"
    assert title_of(short) == "shop/web: declared, not running (manual action required)"
    long = replace(short, task=named)
    assert title_of(long) == f"{named}: not running (manual action required)"


def test_a_title_stays_short() -> None:
    """The second change goes before values are cut, and of a long name the end stays."""
    url, image = drift("data.url", f"{'x' * 90}/a", f"{'x' * 90}/b"), drift(f"{CONTAINER}.image", "web:1", "web:2")
    title = title_of(proposal(Lane.RUNBOOK_ISSUE, url, image))
    assert len(title) <= MOST
    named = replace(proposal(Lane.CONFIG_PULL_REQUEST, image), task=f"prod/Deployment/shop/{'long-' * 20}end")
    assert title_of(named).startswith("…")
    assert title_of(named).endswith("long-end: image 1 → 2")
    assert len(title_of(named)) <= MOST


@given(
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=200)), min_size=1, max_size=5),
    st.text(min_size=1, max_size=120),
    st.sampled_from([Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE]),
)
def test_no_title_is_longer_than_lists_show(values: list[tuple[str, str]], task: str, lane: Lane) -> None:
    """Whatever differs and however it is called; a name is cut, and so is a change."""
    drifts = [
        replace(drift("metadata.labels", "old", value), path=("metadata", "labels", key)) for key, value in values
    ]
    assert len(title_of(replace(proposal(lane, *drifts), task=task))) <= MOST


def test_people_call_things_by_short_names() -> None:
    """A workload by target and name, wherever that is nobody else's; what shares a name keeps as much as it needs."""
    ids = {
        "prod/web": WEB._replace(target="prod"),
        "prod/Service/web": WEB._replace(target="prod", kind="Service", group=""),
        "prod/shop/db": WEB._replace(target="prod", name="db"),
        "prod/pay/db": WEB._replace(target="prod", name="db", scope="pay"),
        "prod/Deployment/shop/job": WEB._replace(target="prod", name="job"),
        "prod/CronJob/shop/job": WEB._replace(target="prod", name="job", kind="CronJob", group="batch"),
        "shop/web": WEB,
        "Service/shop/web": WEB._replace(kind="Service", group=""),
    }
    names = short_names((id_.qualified, id_) for id_ in ids.values())
    assert {id_.qualified: name for name, id_ in ids.items()} == names
    assert short_names([("release", WEB)]) == {}


@given(st.text(max_size=60), st.text(max_size=200))
def test_a_title_is_one_short_line(key: str, value: str) -> None:
    """No key and no value breaks the line, moves the cursor or fills the page."""
    change = change_of(replace(drift("metadata.labels", "old", value), path=("metadata", "labels", key)))
    assert not {"Cc", "Cf", "Cs", "Zl", "Zp"} & {unicodedata.category(character) for character in change}
    assert len(change) < 200
