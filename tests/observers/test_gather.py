"""Several observers look at once; what one could not see never counts as missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Invalid, Unavailable
from bot.model.json import JSON, Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind, Unreachable
from bot.observers.gather import gather, merged
from bot.observers.placement import placed, spelled
from bot.ports import Observer, ObserverStep

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
DB = ResourceId(Platform.COMPOSE, "service", "shop", "db")


@dataclass(frozen=True)
class Fixed:
    """An observer that answers what it was given."""

    answer: Callable[[], Observation]
    platforms: frozenset[Platform]
    name: str = "fixed"

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        del declared, now
        return self.answer()


def seeing(*ids: ResourceId, kinds: frozenset[tuple[str, str]] | None = None) -> Fixed:
    platforms = frozenset(id_.platform for id_ in ids)
    resources = {id_: Observed(id_, {}) for id_ in ids}
    return Fixed(lambda: Observation(NOW, resources=resources, covered=platforms, kinds=kinds), platforms)


def blind(platform: Platform) -> Fixed:
    failure = Unreachable("blind", "there", "dark")
    return Fixed(lambda: Observation(NOW, unreachable=(failure,)), frozenset({platform}))


def test_all_that_was_seen_is_together() -> None:
    """Resources and coverage of all observers are one observation."""
    seen = gather([seeing(WEB), seeing(DB)], (), now=NOW)
    assert set(seen.resources) == {WEB, DB}
    assert seen.covered == {Platform.KUBERNETES, Platform.COMPOSE}


def test_a_blind_observer_uncovers_its_platform() -> None:
    """With one of two engines unreachable, nothing of that platform may count as missing."""
    seen = gather([seeing(WEB), seeing(DB), blind(Platform.COMPOSE)], (), now=NOW)
    assert seen.covered == {Platform.KUBERNETES}
    assert set(seen.resources) == {WEB, DB}
    assert seen.unreachable == (Unreachable("blind", "there", "dark"),)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([None], None),
        ([None, frozenset({("", "Pod")})], None),
        (
            [frozenset({("", "Pod")}), frozenset({("apps", "Deployment")})],
            frozenset({("", "Pod"), ("apps", "Deployment")}),
        ),
        ([frozenset[tuple[str, str]]()], frozenset()),
        ([], None),
    ],
)
def test_kinds(kinds: list[frozenset[tuple[str, str]] | None], expected: frozenset[tuple[str, str]] | None) -> None:
    """The listed kinds add up, and whoever lists everything lists everything."""
    assert gather([seeing(WEB, kinds=one) for one in kinds], (), now=NOW).kinds == expected


def test_an_observer_that_hangs_is_unreachable() -> None:
    """The deadline holds whatever an observer does, and its platform is not covered."""
    released = threading.Event()

    def hang() -> Observation:
        released.wait(30)
        return Observation(NOW)

    seen = gather([Fixed(hang, frozenset({Platform.COMPOSE}), "stuck"), seeing(DB)], (), now=NOW, deadline=0.1)
    released.set()
    assert seen.unreachable == (Unreachable("stuck", "stuck", "did not finish within 0.1 s"),)
    assert seen.covered == frozenset()
    assert set(seen.resources) == {DB}


def test_bad_settings_are_raised() -> None:
    """Settings that make no sense stop the run: somebody has to change them."""

    def wrong() -> Observation:
        raise Invalid("no such folder")

    with pytest.raises(Invalid, match="no such folder"):
        gather([Fixed(wrong, frozenset())], (), now=NOW)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (KeyError("metadata"), "it failed with KeyError: 'metadata'"),
        (Unavailable("no route to host"), "it failed with Unavailable: no route to host"),
        (RecursionError(), "it failed with RecursionError"),
        (SystemExit(3), "it failed with SystemExit: 3"),
        (ValueError("bad token=hunter2-and-more"), "it failed with ValueError: bad token=[redacted:secret]"),
    ],
)
def test_a_broken_observer_takes_down_its_own_look_only(failure: BaseException, cause: str) -> None:
    """Whatever an observer raises, the others are heard; its own platform is not covered, and its cause holds no secret."""

    def broken() -> Observation:
        raise failure

    seen = gather([Fixed(broken, frozenset({Platform.COMPOSE}), "odd"), seeing(WEB)], (), now=NOW)
    assert seen.unreachable == (Unreachable("odd", "odd", cause),)
    assert seen.covered == {Platform.KUBERNETES}
    assert set(seen.resources) == {WEB}


def test_nobody_looks() -> None:
    """Without observers nothing was seen and nothing is covered."""
    assert gather([], (), now=NOW) == Observation(NOW)


observers: st.SearchStrategy[list[Observer]] = st.lists(
    st.sampled_from([seeing(WEB), seeing(DB), blind(Platform.COMPOSE), blind(Platform.KUBERNETES)]), max_size=5
)


@settings(max_examples=40)
@given(observers)
def test_nothing_is_covered_that_somebody_could_not_see(those: list[Observer]) -> None:
    """Whatever observers there are: a platform of which one failed is not covered."""
    seen = [(one, one.observe((), now=NOW)) for one in those]
    failed = {platform for one, what in seen if what.unreachable for platform in getattr(one, "platforms", ())}
    assert not merged(seen, NOW).covered & failed


def test_placement_is_only_for_what_has_no_namespace() -> None:
    """Live objects keep their identity unless Git declares them without a namespace."""
    live = {WEB: Observed(WEB, {})}
    assert placed(live, (), "shop") == live


@pytest.mark.parametrize(
    ("git", "live", "expected"),
    [
        ({"image": "shop:1"}, {"image": "localhost/shop:1"}, {"image": "shop:1"}),
        ({"image": "localhost/shop:1"}, {"image": "localhost/shop:1"}, {"image": "localhost/shop:1"}),
        ({"image": "shop:1"}, {"image": "quay.io/shop:1"}, {"image": "quay.io/shop:1"}),
        ({"sysctls": {"a": 1}}, {"x-unknown": ["sysctls"]}, {"sysctls": {"a": 1}, "x-unknown": ["sysctls"]}),
        ({"sysctls": {"a": 1}}, {}, {}),
    ],
)
def test_git_s_spelling(git: dict[str, JSON], live: Tree, expected: Tree) -> None:
    """Podman's localhost/ goes where Git leaves it out, and what an engine does not show is as declared."""
    desired = Desired(DB, "db", SourceKind.COMPOSE, git, "compose.yaml", 1)
    assert spelled({DB: Observed(DB, live)}, [desired])[DB].tree == expected


def test_beginning_and_end_are_told() -> None:
    """Whoever waits knows who is looking, and of each what came of it, also of one that came too late."""
    told: list[ObserverStep] = []
    released = threading.Event()

    def hang() -> Observation:
        released.wait(30)
        return Observation(NOW)

    gather([seeing(WEB, DB), Fixed(hang, frozenset(), "stuck")], (), now=NOW, deadline=0.2, tell=told.append)
    released.set()
    assert told == [
        ObserverStep("fixed", "looking"),
        ObserverStep("stuck", "looking"),
        ObserverStep("fixed", "2 resources", 1, 1),
        ObserverStep("stuck", "1 unreachable", 1, 1),
    ]
