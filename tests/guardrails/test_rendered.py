"""Guardrails on rendered objects: each target weighed by itself, each line told once."""

from __future__ import annotations

from dataclasses import replace

from bot.guardrails.judge import judge
from bot.guardrails.rendered import RenderedChange
from bot.guardrails.rule import ChangeFacts, Hit
from bot.model.finding import Enforce, FileStatus, Mode
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Platform, ResourceId
from bot.model.target import NotCompared
from tests.guardrails.changes import Ticking, change, file, fire, plain_book

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "shop", "web", "apps")
ROLE = ResourceId(Platform.KUBERNETES, "ClusterRole", "", "reader", "rbac.authorization.k8s.io")
VALUES = file("values/prod.yaml", "replicas: 1\n", "replicas: 1\nsecurity: open\n")


def deployment(*, privileged: bool) -> Tree:
    """A deployment with one container."""
    container: Tree = {"name": "web", "image": "web:1", "securityContext": {"privileged": privileged}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def in_values(_resource: ResourceId, _pointer: Pointer) -> tuple[str, int]:
    """Everything is set on one line."""
    return "values/prod.yaml", 2


def moved(target: str, *, before: bool, after: bool) -> RenderedChange:
    """The deployment of one target, privileged or not."""
    sides = [{WEB: deployment(privileged=side)} for side in (before, after)]
    return RenderedChange(target, sides[0], sides[1], locate=in_values)


def fired(*changes: RenderedChange, rule: str = "K8S-001") -> list[Hit]:
    """What a rule finds in rendered objects."""
    return fire(rule, VALUES, facts=ChangeFacts(rendered=changes))


def test_one_line_for_two_targets_is_one_finding() -> None:
    """The line that both targets read is told once, with both names and the value that it gives."""
    (hit,) = fired(moved("dev", before=False, after=True), moved("prod", before=False, after=True))
    assert (hit.file, hit.line) == ("values/prod.yaml", 2)
    assert "for dev, prod." in hit.message
    assert hit.evidence is not None
    assert hit.evidence.endswith("securityContext.privileged: true")


def test_what_stays_or_goes_is_quiet() -> None:
    """A privilege that was there, or that is dropped, is no finding."""
    assert not fired(moved("dev", before=True, after=True), moved("prod", before=True, after=False))


def test_a_target_does_not_gain_what_another_loses() -> None:
    """Privileged in dev no more, in prod from now on: that is prod's gain."""
    (hit,) = fired(moved("dev", before=True, after=False), moved("prod", before=False, after=True))
    assert "for prod." in hit.message


def test_a_renamed_target_keeps_its_powers() -> None:
    """The target that is new has what the target that is gone had; one that is new beside others is judged in full."""
    privileged = {WEB: deployment(privileged=True)}
    gone = RenderedChange("dev", privileged, {}, FileStatus.REMOVED)
    new = RenderedChange("development", {}, privileged, FileStatus.ADDED, locate=in_values)
    assert not fired(gone, new)
    assert fired(replace(gone, status=FileStatus.MODIFIED), new)


def test_a_wildcard_in_a_rendered_role_is_found() -> None:
    """K8S-002 reads rendered roles too."""
    rules: JSON = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]
    role: Tree = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": rules,
    }
    (hit,) = fired(RenderedChange("prod", {}, {ROLE: role}, locate=in_values), rule="K8S-002")
    assert "allows all verbs" in hit.message


def test_what_renders_no_longer_warns_in_standard_and_blocks_in_strict() -> None:
    """It was not looked at, and says where; so it is when rendering itself fails."""
    failure = NotCompared("kustomization", "no such folder", "overlays/prod/kustomization.yaml", 3)
    facts = ChangeFacts(rendered=(RenderedChange("prod", {}, {}, failures=(failure,)),))
    for mode, enforce in ((Mode.STANDARD, Enforce.WARN), (Mode.STRICT, Enforce.BLOCK)):
        (finding,) = judge(change(VALUES), plain_book(), mode, today=Ticking().now().date(), facts=facts).findings
        assert (finding.rule, finding.enforce) == ("SYS-001", enforce)
        assert (finding.file, finding.line) == ("overlays/prod/kustomization.yaml", 3)
        failed = ChangeFacts(unrendered="rendering failed with KeyError")
        (finding,) = judge(change(VALUES), plain_book(), mode, today=Ticking().now().date(), facts=failed).findings
        assert (finding.rule, finding.enforce) == ("SYS-002", enforce)


def test_what_renders_no_longer_says_where_as_far_as_it_is_known() -> None:
    """Each unit of each target is a finding of its own, whose credentials nobody is shown."""
    failures = (
        NotCompared("chart web", "it is broken", "charts/web/Chart.yaml", 0),
        NotCompared("chart web", "it is broken"),
        NotCompared("chart db", "it is broken", line=7),
        NotCompared("chart db", "it needs password=hunter2hunter2"),
    )
    rendered = [RenderedChange(target, {}, {}, failures=failures) for target in ("dev", "prod")]
    facts = ChangeFacts(rendered=tuple(rendered))
    found = judge(change(VALUES), plain_book(), Mode.STRICT, today=Ticking().now().date(), facts=facts).findings
    assert {(one.file, one.line) for one in found} == {("charts/web/Chart.yaml", 1), (None, None)}
    told = {one.message for one in found if one.file is None}
    assert len(told) == 4
    assert "prod cannot be rendered any more: it is broken. It was not analysed." in told
    assert not any("hunter2" in message for message in told)
    assert len({one.fingerprint for one in found}) == 6
