"""What runs is written back into repositories as teams keep them: one field changed live at a time, and the edit of the pull
request rendered again comes to exactly that live state, in that target and nowhere else, or names what else changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests import gitops
from tests.flows.live_changes import SORTS, Answer, LiveChange, Outcome, outcome, places, sampled, shown
from tests.renderers.needs import HELM, KUSTOMIZE

pytestmark = [KUSTOMIZE, HELM]

SEED = 20260501


@dataclass(frozen=True)
class Figures:
    """How many changes are sampled, how many of them at least are made by an edit that moves nothing else but names and
    those who use them, how many at most no file sets, and the sorts of field that are not among them.
    """

    changes: int
    exact: int
    nowhere: int = 0
    without: str = ""


FIGURES: Mapping[str, Figures] = {
    "argo-apps": Figures(12, exact=8, nowhere=2, without="probe env resources annotation port argument"),
    "charts": Figures(8, exact=4, nowhere=4, without="probe annotation port argument value"),
    "flux-artifacts": Figures(
        5, exact=5, without="image replicas probe env resources label annotation port argument data value"
    ),
    "flux-fleet": Figures(12, exact=8, nowhere=1, without="probe resources port"),
    "kustomize-helm": Figures(5, exact=5, without="probe env resources annotation port data value"),
    "kustomize-shop": Figures(12, exact=9, nowhere=1, without="probe env value"),
    "origins/argo": Figures(14, exact=12, nowhere=1, without="probe env data value"),
    "origins/chart": Figures(22, exact=15, nowhere=4, without="value"),
    "origins/flux": Figures(22, exact=17, nowhere=2),
    "origins/overlays": Figures(24, exact=20, without="value"),
}
"""``python -m tests.benchmarks.bench_origins tests/gitops/charts --changes 60`` tries as many more as it is told."""
HELPERS = "a helper of the chart makes the labels of every object from the names of chart and release"
PARTS = "the template writes the entry beside others and asks no value whether it is there"
RELEASE = "the template takes it from the release or the cluster, and from no value"
EXPLAINED: Mapping[str, Mapping[str, str]] = {
    "argo-apps": {
        r"ConfigMap/site/site data\.space ": RELEASE,
        r"generators\.list\.elements\.": "it names an application that the set makes, which would be another one",
        r"ignoreMissingValueFiles": "without it the application names a values file that is not there, and does not render",
    },
    "charts": {
        r"labels\.": HELPERS,
        r"ConfigMap/cluster data": RELEASE,
        r"accessModes": "a chart that lies in another one's charts folder says it, and is somebody else's",
    },
    "flux-fleet": {r"web-shop .*args -> ": "the template writes the whole list in one line"},
    "kustomize-shop": {r"annotations\.service ": "a replacement copies the name of the service there"},
    "origins/argo": {r"labels\.app ": HELPERS, r"-> gone$": PARTS},
    "origins/chart": {
        r"labels\.": HELPERS,
        r"data\.workers ": "the template counts the elements of a list",
        r"env\.GREETING\.value ": "the template writes the name of the shop behind the value",
        r"env\.LOG_LEVEL -> gone$": PARTS,
    },
    "origins/flux": {r"-> gone$": PARTS},
}
"""The fields that no file sets, by the change, and why that is so."""


def explained(name: str, change: LiveChange) -> bool:
    return any(re.search(pattern, str(change)) for pattern in EXPLAINED.get(name, {}))


def mistakes(name: str, made: Outcome) -> list[str]:
    """What is wrong with one answer: a proof that fails, or a field that no file sets and nobody explained."""
    wrong = list(made.mistakes)
    if made.answer is Answer.NOWHERE and not explained(name, made.change):
        wrong.append(made.text)
    return [f"{made.change}: {each}" for each in wrong]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_what_runs_is_written_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every sampled change has a proven edit, or a field that no file sets for a reason, or is a secret's."""
    figures = FIGURES[name]
    outcomes = [outcome(place, change) for place, change in sampled(places(gitops.HERE / name), figures.changes, SEED)]
    counts = Counter(made.answer for made in outcomes)
    with capsys.disabled():
        print(f"\n{name}: {shown(counts)}")
    assert [each for made in outcomes for each in mistakes(name, made)] == []
    assert len(outcomes) == figures.changes
    assert counts[Answer.EXACT] + counts[Answer.BY_NAME] >= figures.exact
    assert counts[Answer.NOWHERE] <= figures.nowhere
    sorts = {made.change.sort for made in outcomes}
    assert {sort for sort, _ in SORTS} - sorts == set(figures.without.split())


def test_every_repository_is_sampled() -> None:
    """More than 130 changes are proven, of all repositories here; of eight, at most one is set by no file. What people ask
    about is among the changes of the four repositories that are there for it.
    """
    assert set(FIGURES) == set(gitops.REPOSITORIES)
    changes = sum(each.changes for each in FIGURES.values())
    assert changes > 130
    assert sum(each.exact for each in FIGURES.values()) >= 0.75 * changes
    assert sum(each.nowhere for each in FIGURES.values()) <= changes / 8
    origins = [figures for name, figures in FIGURES.items() if name.startswith(gitops.ORIGINS)]
    assert not set.intersection(*(set(each.without.split()) for each in origins))


def test_a_folder_is_a_target_of_every_cluster_that_gets_it() -> None:
    """What an application of one cluster deploys is a place of another cluster too; in the same cluster it is one place."""
    assert {place.name for place in places(gitops.HERE / "argo-apps")} == {"root", "prod.example.com"}
