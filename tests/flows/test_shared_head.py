"""Pull requests of one commit on the sandbox: they share its check, which says the more careful verdict and both reasons."""

from __future__ import annotations

from bot.flows.head_check import Reviewed
from bot.model.codehost import CheckState
from bot.model.finding import Mode, Verdict
from bot.wiring.guard import review
from tests.flows.stage import Stage
from tests.flows.test_head_check import conclusions, guard, proposed, sha_of, spoil


def pushed(stage: Stage) -> None:
    """A branch that makes a container privileged, and has one harmless commit more than the branch ``lax``, which took that."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/bad", sha=head)
    spoil(stage, "bad")
    stage.api("POST", "/git/refs", ref="refs/heads/lax", sha=stage.api("GET", "/git/ref/heads/bad")["object"]["sha"])
    stage.edit("k8s/web.yaml", lambda text: text + "# fine\n", branch="bad")


def opened(stage: Stage, base: str, branch: str = "bad") -> int:
    """A pull request of the branch."""
    return int(stage.api("POST", "/pulls", title=f"Into {base}", head=branch, base=base, body="")["number"])


def judged(stage: Stage, number: int) -> Reviewed:
    return review(guard(stage), number, mode=Mode.STRICT)


def shown(stage: Stage, number: int) -> tuple[str, str]:
    """Conclusion and text of the check that GitHub shows on the head."""
    (run,) = stage.api("GET", f"/commits/{sha_of(stage, number)}/check-runs")["check_runs"]
    return run["conclusion"], run["output"]["summary"]


def test_the_laxer_base_approves_nothing_for_the_other(stage: Stage) -> None:
    """What is blocked for main stays blocked when the same commit is judged for a branch that would take it."""
    pushed(stage)
    strict, lax = opened(stage, "main"), opened(stage, "lax")
    assert judged(stage, strict).state is CheckState.FAILURE
    conclusion, text = shown(stage, strict)
    assert conclusion == "failure"
    assert f"#{lax}" in text.replace("\uff03", "#")
    reviewed = judged(stage, lax)
    assert (reviewed.state, reviewed.result.verdict) == (CheckState.FAILURE, Verdict.BLOCK)
    assert [finding.rule for finding in reviewed.result.findings] == ["SYS-005"]
    conclusion, text = shown(stage, strict)
    assert conclusion == "failure"
    assert "K8S-001" in text
    assert f"#{strict}" in text.replace("\uff03", "#")


def test_a_pull_request_that_comes_later_is_weighed(stage: Stage) -> None:
    """The approval of the first is judged anew; when the second is closed, the first is approved again."""
    pushed(stage)
    lax = opened(stage, "lax")
    assert judged(stage, lax).state is CheckState.SUCCESS
    strict = opened(stage, "main")
    again = judged(stage, lax)
    assert (again.again, again.state) == (False, CheckState.FAILURE)
    assert judged(stage, strict).state is CheckState.FAILURE
    assert [judged(stage, number).again for number in (strict, lax)] == [True, True]
    stage.api("PATCH", f"/pulls/{strict}", state="closed")
    last = judged(stage, lax)
    assert (last.again, last.state) == (False, CheckState.SUCCESS)
    assert shown(stage, lax)[0] == "success"
    assert judged(stage, lax).again


def test_two_that_are_judged_alike_only_name_each_other(stage: Stage) -> None:
    """No finding comes of it, and asking again writes nothing."""
    first = proposed(stage, privileged=False)
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/next", sha=head)
    other = opened(stage, "next")
    for number in (first, other):
        reviewed = judged(stage, number)
        assert (reviewed.state, reviewed.result.findings) == (CheckState.SUCCESS, ())
        assert any("has the same head. It is approved there" in note for note in reviewed.result.notes)
    assert judged(stage, first).again
    assert conclusions(stage, sha_of(stage, first)) == ["success", "success"]
