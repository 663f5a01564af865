"""K8S-001 and K8S-002 on what is no whole object: values of charts, parts of objects, and rules that refuse less."""

from __future__ import annotations

from typing import Final

import pytest

from bot.model.severity import Severity
from tests.guardrails.changes import Case, file, fire
from tests.table import table

RBAC: Final = "apiVersion: rbac.authorization.k8s.io/v1\n"
RELEASE: Final = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec:\n  values: %s\n"
APPLICATION: Final = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec: {source: {helm: %s}}\n"
)
HOOK: Final = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: a}\n"
    "webhooks: [{name: a.b.c%s}]\n"
)
KYVERNO: Final = (
    "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\n"
    "spec: {%srules: [{name: r, validate: {%s}}]}\n"
)
BINDING: Final = (
    "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: a}\n"
    "spec: {validationActions: [%s]}\n"
)
GATEKEEPER: Final = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sPSP\nmetadata: {name: a}\nspec: {%s}\n"
MESH: Final = (
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec: {mtls: {mode: %s}}\n"
)


FILLED: Final = "more:\n" + "".join(f"  a{number}: {{b: c}}\n" for number in range(6000))


def role(rule: str) -> str:
    """A ClusterRole with one rule."""
    return f"{RBAC}kind: ClusterRole\nmetadata: {{name: a}}\nrules: [{{{rule}}}]\n"


TOLD: Final = {
    "K8S-001": [
        Case("charts/a/values.yaml", None, "web:\n  securityContext:\n    privileged: true\n", "a file of values"),
        Case("a/values-prod.yaml", None, "controller: {hostNetwork: true}\n", "an environment's"),
        Case("a/values.yaml", None, "hostNetwork: true\n" + FILLED, "however much stands behind it"),
        Case("a/values.yaml", None, "first: {securityContext: {privileged: true}}\n" + FILLED, "and below"),
        Case("a/values.yaml", None, "s: &s {privileged: true}\na: {securityContext: *s}\n", "an anchor"),
        Case("a/values.yaml", None, "a: {securityContext: &s {privileged: true}}\ns: *s\n", "or its alias"),
        Case("prod.values.yaml", None, "podSecurityContext: {runAsUser: 0}\n", "named the other way"),
        Case("a.yaml", None, RELEASE % "{securityContext: {capabilities: {add: [SYS_ADMIN]}}}", "a release"),
        Case("a.yaml", None, APPLICATION % "{valuesObject: {hostPID: true}}", "an application"),
        Case("a.yaml", None, APPLICATION % '{values: "securityContext:\\n  privileged: true\\n"}', "as text"),
        Case(
            "a.yaml",
            None,
            APPLICATION % "{parameters: [{name: securityContext.privileged, value: 'true'}]}",
            "parameter",
        ),
        Case("a.yaml", None, "kind: DaemonSet\nspec: {template: {spec: {hostNetwork: true}}}\n", "no version, no name"),
        Case("a.yaml", None, "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {hostNetwork: true}\n"),
        Case("p.yaml", None, "- {op: replace, path: '', value: {kind: Pod, spec: {hostPID: true}}}\n", "all of it"),
    ],
    "K8S-002": [
        Case("p.yaml", None, "- {op: replace, path: /roleRef/name, value: cluster-admin}\n", "the role of a binding"),
        Case("p.yaml", None, "- {op: add, path: /subjects/-, value: {kind: User, name: 'system:anonymous'}}\n"),
        Case("a.yaml", HOOK % ", failurePolicy: Fail", HOOK % ", failurePolicy: Ignore"),
        Case("a.yaml", HOOK % "", HOOK % ", failurePolicy: Ignore", "it fails where nothing is said"),
        Case("a.yaml", KYVERNO % ("validationFailureAction: Enforce, ", ""), KYVERNO % ("", "")),
        Case("a.yaml", KYVERNO % ("", "failureAction: Enforce"), KYVERNO % ("", "failureAction: Audit")),
        Case("a.yaml", BINDING % "Deny, Audit", BINDING % "Audit"),
        Case("a.yaml", GATEKEEPER % "", GATEKEEPER % "enforcementAction: dryrun"),
        Case("a.yaml", MESH % "STRICT", MESH % "PERMISSIVE"),
    ],
}
REMARKS: Final = {
    "K8S-001": [Case("a.yaml", None, "kind: Pod\nspec: {securityContext: {runAsNonRoot: false}}\n")],
    "K8S-002": [
        Case("a.yaml", None, role("resources: [certificatesigningrequests/approval], verbs: [update]")),
        Case("a.yaml", None, role("resources: [persistentvolumes], verbs: [create]")),
        Case("a.yaml", None, role("nonResourceURLs: ['*'], verbs: [get]")),
    ],
}
QUIET: Final = {
    "K8S-001": [
        Case("charts/a/values.yaml", None, "web:\n  securityContext:\n    privileged: false\n"),
        Case("config/app.yaml", None, "hostNetwork: true\n", "no values of a chart"),
        Case("a/values.yaml", "hostNetwork: true\n", "# moved\nhostNetwork: true\n", "as before"),
        Case("a.yaml", None, APPLICATION % "{parameters: [{name: securityContext.privileged, value: 'false'}]}"),
        Case("a.yaml", None, "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec: {rules: [{name: hostNetwork}]}\n"),
        Case("a.yaml", None, "kind: Pod\nspec: {securityContext: {runAsNonRoot: true}}\n"),
    ],
    "K8S-002": [
        Case("a.yaml", None, HOOK % ", failurePolicy: Ignore", "a new one"),
        Case("a.yaml", HOOK % ", failurePolicy: Ignore", HOOK % ""),
        Case(
            "a.yaml",
            KYVERNO % ("validationFailureAction: Enforce, ", ""),
            KYVERNO % ("", "failureAction: Enforce"),
            "said at another place",
        ),
        Case("a.yaml", MESH % "PERMISSIVE", MESH % "STRICT"),
        Case("a.yaml", GATEKEEPER % "enforcementAction: warn", GATEKEEPER % "enforcementAction: dryrun"),
        Case("a.yaml", None, role("nonResourceURLs: [/metrics], verbs: [get]")),
        Case("p.yaml", None, "- {op: replace, path: /roleRef/name, value: view}\n"),
    ],
}


def rows(table: dict[str, list[Case]]) -> list[tuple[str, Case]]:
    """Each case with its rule."""
    return [(rule, case) for rule, cases in table.items() for case in cases]


@table(("rule", "case"), rows(TOLD))
def test_a_part_is_told_like_the_whole(rule: str, case: Case) -> None:
    """Once, and not as a remark."""
    (hit,) = fire(rule, file(case.path, case.before, case.after))
    assert (hit.file, hit.severity) == (case.path, None), case


@pytest.mark.parametrize(("rule", "case"), rows(REMARKS))
def test_what_is_often_meant_is_a_remark(rule: str, case: Case) -> None:
    """Operators need some of it."""
    (hit,) = fire(rule, file(case.path, case.before, case.after))
    assert hit.severity is Severity.LOW, case


@table(("rule", "case"), rows(QUIET))
def test_what_gives_nothing_is_quiet(rule: str, case: Case) -> None:
    """Switches that are off, rules that grow stricter, files that are no values."""
    assert fire(rule, file(case.path, case.before, case.after)) == [], case


def test_values_within_a_text_are_told_at_their_line() -> None:
    """Lines are those of the file."""
    text = APPLICATION.replace("{source: {helm: %s}}", "\n  source:\n    helm:\n      values: |\n        hostPID: true")
    (hit,) = fire("K8S-001", file("a.yaml", None, text))
    assert hit.line == 1 + text[: text.index("hostPID")].count("\n")


def peer(mode: str, namespace: str = "a") -> str:
    """What services of a namespace accept."""
    return (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
        f"metadata: {{name: default, namespace: {namespace}}}\nspec: {{mtls: {{mode: {mode}}}}}\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (["STRICT", "PERMISSIVE"], ["PERMISSIVE", "PERMISSIVE"], 1),
        (["PERMISSIVE", "STRICT"], ["PERMISSIVE", "PERMISSIVE"], 1),
        (["PERMISSIVE", "STRICT"], ["PERMISSIVE", "STRICT"], 0),
    ],
)
def test_rules_of_one_name_do_not_hide_each_other(before: list[str], after: list[str], told: int) -> None:
    """In two namespaces of one file, or of one namespace in the folders of two clusters."""
    one = [
        "---\n".join(peer(mode, space) for mode, space in zip(modes, "ab", strict=True)) for modes in (before, after)
    ]
    assert len(fire("K8S-002", file("a.yaml", one[0], f"{one[1]}# more\n"))) == told
    two = [
        file(f"clusters/{name}/a.yaml", peer(old), f"{peer(new)}# more\n")
        for name, old, new in zip(("dev", "prod"), before, after, strict=True)
    ]
    assert len(fire("K8S-002", *two)) == told


def test_a_rule_that_moves_and_refuses_less_is_told() -> None:
    """It is looked for in all files of the change."""
    moved = (file("a.yaml", peer("STRICT"), None), file("b.yaml", None, peer("PERMISSIVE")))
    assert len(fire("K8S-002", *moved)) == 1


def test_an_object_is_told_however_many_stand_before_it() -> None:
    """Documents of a file, items of a list, and parts of a pipeline."""
    pod = "apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostPID: true}"
    steps = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\nspec:\n  templates:\n"
    many = "  - {script: {securityContext: {privileged: true}}}\n" + "  - {name: b}\n" * 3000
    for text in (
        "{kind: A}\n---\n" * 5001 + f"{{{pod}}}\n",
        "kind: List\nitems:\n" + "- {kind: A}\n" * 5001 + f"- {{{pod}}}\n",
    ):
        (hit,) = fire("K8S-001", file("a.yaml", None, text))
        assert hit.line == text.count("\n")
    assert len(fire("K8S-001", file("a.yaml", None, steps + many))) == 1
    head, patch = "kind: Kustomization\npatches:\n", "- {op: %s, path: /spec/template/spec/hostPID, value: true}"
    patches = "- patch: |-\n    " + patch % "test" + "\n"
    last = "- patch: |-\n    " + patch % "add" + "\n"
    assert len(fire("K8S-001", file("kustomization.yaml", None, head + patches * 501 + last))) == 1


def test_a_patch_that_is_built_to_be_unreadable_is_no_silence() -> None:
    """The tool that applies it reads it all the same."""
    text = f"kind: Kustomization\npatches:\n- patch: '- {{op: add, path: /spec, value: {'[' * 80}{']' * 80}}}'\n"
    with pytest.raises(ValueError, match="levels deep"):
        fire("K8S-001", file("kustomization.yaml", None, text))
