"""What is written anew keeps what people did to it; an issue says what changed in one comment."""

from __future__ import annotations

from bot.flows.kept import NOTES, notes_of, with_notes, with_readers_edits
from bot.model.proposal import Effect
from tests.flows.stage import Stage


def test_ticks_stay_where_their_step_does() -> None:
    """Steps that are gone take their ticks along; a tick that somebody wrote into the notes ticks nothing."""
    before = with_notes("- [x] Look\n  - [X] Deeper\n- [ ] Apply\n- [x] Gone\n", "- [x] Apply")
    after = with_readers_edits("- [ ] Look\n  - [ ] Deeper\n- [ ] Apply\n- [ ] New", before)
    assert after.partition(NOTES)[0].startswith("- [x] Look\n  - [x] Deeper\n- [ ] Apply\n- [ ] New")
    assert notes_of(after) == "- [x] Apply"
    assert with_readers_edits("- [ ] Look\n  - [ ] Deeper\n- [ ] Apply\n- [ ] New", after) == after


def test_an_issue_that_changes_keeps_ticks_notes_and_labels(stage: Stage) -> None:
    """Its differences change while people work on it: one comment says so, however often."""
    stage.edit(
        "k8s/orders.yaml", lambda text: text.replace("[ReadWriteOnce]", "[ReadWriteOnce]\n  storageClassName: slow")
    )
    claim = stage.objects["PersistentVolumeClaim"]["spec"]
    claim["storageClassName"] = "fast"
    stage.tick()
    (issue,) = stage.issues()
    number, step = issue["number"], "- [ ] Inspect the live object."
    assert step in issue["body"]
    body = issue["body"].replace(step, step.replace("[ ]", "[x]")) + "\nAsked Rosa.\n"
    stage.api("PATCH", f"/issues/{number}", body=body, labels=["clockwork", "urgent"])
    for name in ("faster", "fastest"):
        claim["storageClassName"] = name
        assert [action.effect for action in stage.tick().actions] == [Effect.UPDATED]
        (issue,) = stage.issues()
        assert step.replace("[ ]", "[x]") in issue["body"]
        assert issue["body"].partition(NOTES)[2].strip() == "Asked Rosa."
        assert name in issue["body"]
        assert {label["name"] for label in issue["labels"]} >= {"clockwork", "urgent"}
        (comment,) = stage.api("GET", f"/issues/{number}/comments")
        assert f"`slow` → `{name}`" in comment["body"]


def test_a_pull_request_that_changes_keeps_notes_and_labels(stage: Stage) -> None:
    """Its title and its differences are ours and say what is live now; what people wrote below the line is theirs."""
    (container,) = stage.objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    container["ports"] = [{"containerPort": 8081}]
    stage.tick()
    (pull,) = stage.pulls()
    stage.api("PATCH", f"/pulls/{pull['number']}", body=pull["body"] + "\nCloses #7.\n")
    stage.api("POST", f"/issues/{pull['number']}/labels", labels=["urgent"])
    for port in (8082, 8083):
        container["ports"] = [{"containerPort": port}]
        assert [action.effect for action in stage.tick().actions] == [Effect.UPDATED]
        (pull,) = stage.pulls()
        assert pull["body"].partition(NOTES)[2].strip() == "Closes #7."
        assert str(port) in pull["body"].partition(NOTES)[0]
        assert "urgent" in {label["name"] for label in pull["labels"]}
