"""What is left out without being a difference is counted with its reason: defaults, and what platforms fill in."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from bot.drift.compare import compare
from bot.model.drift import LEFT_OUT, Report
from bot.model.json import JSON
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed
from bot.report.json import to_json
from bot.report.terminal import show_report
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live, running, service, thing

DEFAULTS: Final[dict[str, JSON]] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "terminationGracePeriodSeconds": 30,
    "schedulerName": "default-scheduler",
    "securityContext": {},
}


def _report(desired: Desired, observed: Observed) -> Report:
    covered = frozenset({desired.id.platform})
    seen = Observation(NOW, {observed.id: observed}, covered=covered)
    return compare([desired], seen, options=OPTIONS)


def _filled(**more: JSON) -> Report:
    """A Deployment as the API server has it, and what it was declared as."""
    tree = deployment()
    tree["spec"]["template"]["spec"] |= {**DEFAULTS, **more}
    tree["spec"] |= {"revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
    tree["metadata"] |= {"uid": "1", "resourceVersion": "2", "generation": 3}
    tree["status"] = {"replicas": 2}
    return _report(declared(deployment()), live(tree))


def test_each_default_is_counted() -> None:
    """Every field that only says its default is counted; status and identities are no settings and are not."""
    report = _filled()
    assert not report.drift
    assert report.left_out == {"default": len(DEFAULTS) + 2}


def test_a_default_that_is_none_any_more_is_a_difference_and_not_counted() -> None:
    """The count and the differences share what there is between them."""
    report = _filled(restartPolicy="Never", serviceAccountName="admin")
    assert {drift.path[-1] for drift in report.drift} == {"restartPolicy", "serviceAccountName"}
    assert report.left_out == {"default": len(DEFAULTS) + 1}


def test_what_the_platform_gives_out_is_counted_by_itself() -> None:
    """An address of a Service is allocated, and filled in by nobody else."""
    before = thing("Service", spec={"ports": [{"port": 80}]})
    now = thing("Service", spec={"ports": [{"port": 80}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]})
    report = _report(declared(before), live(now))
    assert not report.drift
    assert report.left_out["allocated"] + report.left_out.get("server", 0) == 2


def test_what_an_image_brings_is_counted() -> None:
    """Settings of the image of which the Compose file says nothing."""
    tree: dict[str, JSON] = {"image": "shop/web:1.0", "x-inherited": {"command": ["serve"], "working_dir": "/app"}}
    report = _report(service({"image": "shop/web:1.0"}), running(tree))
    assert not report.drift
    assert report.left_out["image"] == 2


def test_counts_are_told_where_they_are_asked_for() -> None:
    """JSON has every reason; the plain report has none, and one line a reason beside what is suppressed."""
    report = _filled()
    assert to_json(report, ())["left_out"] == {**dict.fromkeys(LEFT_OUT, 0), "default": 7}
    for asked, lines in ((False, 0), (True, 1)):
        console = Console(width=200)
        with console.capture() as capture:
            show_report(report, console, suppressed=asked)
        assert capture.get().count("left out: 7 live fields") == lines
