"""An issue that is written anew keeps what people did to it, and says what changed in one comment."""

from __future__ import annotations

from bot.flows.kept import NOTES, kept, notes_of, with_notes
from bot.model.proposal import Effect
from tests.flows.stage import Stage


def test_ticks_stay_where_their_step_does() -> None:
    """Steps that are gone take their ticks along; a tick that somebody wrote into the notes ticks nothing."""
    before = with_notes("- [x] Look\n  - [X] Deeper\n- [ ] Apply\n- [x] Gone\n", "- [x] Apply")
    after = kept("- [ ] Look\n  - [ ] Deeper\n- [ ] Apply\n- [ ] New", before)
    assert after.partition(NOTES)[0].startswith("- [x] Look\n  - [x] Deeper\n- [ ] Apply\n- [ ] New")
    assert notes_of(after) == "- [x] Apply"
    assert kept("- [ ] Look\n  - [ ] Deeper\n- [ ] Apply\n- [ ] New", after) == after


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
