"""What one process wires for a repository remembers one rendering for all who ask for it."""

from __future__ import annotations

from dataclasses import replace

from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.wired import Wired
from bot.flows.applied import APPLIED
from bot.flows.head_check import Reviewed
from tests.flows.stage import Stage
from tests.flows.test_guard_rendered import pull
from tests.flows.test_targets import clusters, pytestmark, run

__all__ = ["clusters", "pytestmark"]

OVERLAY = "overlays/prod/kustomization.yaml"


def test_the_loop_the_applied_commit_and_the_guard_render_each_thing_once(clusters: Stage) -> None:
    """Two overlays of which one changed since it was applied are three renderings; a pull request that touches one of
    them is one more; new settings, none.
    """
    run(clusters)
    options = replace(clusters.options(), live=None, cache=clusters.directory / "another machine")
    wired = Wired(options, clusters.clock, Steps(clusters.clock.now))
    wired.opened.repository.fetch()
    head = wired.opened.repository.head("main")
    assert head is not None
    wired.loop.run.repository.push(APPLIED, head, expected=None)
    clusters.edit(OVERLAY, lambda text: f"{text}# the shop\n")
    assert wired.reconcile(paused=False).report.resources == 2
    assert wired.renderers.rendered == 3
    number = pull(clusters, OVERLAY, lambda text: text.replace("1.4.2", "1.4.3"))
    reviewed = wired.review(number)
    assert isinstance(reviewed, Reviewed)
    assert wired.renderers.rendered == 4
    clusters.edit("clockwork.yaml", lambda text: f"{text}fixes: {{per_hour: 1}}\n")
    loop = wired.loop
    assert wired.reconcile(paused=False).report.resources == 2
    assert wired.loop is not loop
    assert wired.renderers.rendered == 4
    wired.close()
