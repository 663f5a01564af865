"""Which fields are safe, and whether one live value of them may be written into Git without asking anybody.

"Safe means numbers, never commands, endpoints or selectors." The table below is the whole list; what is not in it needs
a pull request. ``decide`` calls :func:`bound`, rule files name the categories.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, assert_never

from bot.drift import images
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.globs import path_matches
from bot.model.json import JSON
from bot.model.paths import Path
from bot.model.resource import Platform
from bot.policy import checks
from bot.policy.checks import Check, OutOfBounds
from bot.policy.context import Context

_HOUR: Final = 3600


class Category(StrEnum):
    """What kind of safe field it is; rule files choose among these."""

    HEALTH_CHECK = "health-check"
    """Timings and thresholds of probes and health checks; never their command, port or host."""
    RETRY = "retry"
    TIME_OUT = "time-out"
    LOG_ROTATION = "log-rotation"
    LOG_LEVEL = "log-level"
    RESTART_POLICY = "restart-policy"
    LABEL = "label"
    ANNOTATION = "annotation"
    REMOVED_LABEL = "removed-label"
    """A label or annotation that Git declares and that is gone live."""
    HISTORY = "history"
    PACE = "pace"
    WITHOUT_TEXT = "without-text"
    """Any other field, while its value is a number, a switch, a quantity or a version of the same image. A rule gets it
    only by name."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A safe field with a value inside its bounds; ``text`` is a sentence."""

    category: Category
    text: str


@dataclass(frozen=True, slots=True)
class Unbounded:
    """Not safe to write without asking; ``text`` is a sentence that says why."""

    text: str


@dataclass(frozen=True, slots=True)
class _Field:
    paths: tuple[str, ...]
    category: Category
    check: Check
    checks_declared: bool = False
    """Whether the declared value must pass the check too ("between always, on-failure and unless-stopped")."""


_TIMING: Final = checks.number(1, _HOUR)
_COUNT: Final = checks.number(1, 100)
_RETRIES: Final = checks.number(0, 100)
_SPAN: Final = checks.duration(1, _HOUR)
_SPAN_OR_ZERO: Final = checks.duration(0, _HOUR)
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"})
_LABELLED: Final = _WORKLOADS | {"Service"}
_PODS: Final = ("spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec")
_METADATA: Final = frozenset(
    {("metadata",), ("spec", "template", "metadata"), ("spec", "jobTemplate", "spec", "template", "metadata")}
)
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def _probe(name: str) -> tuple[str, ...]:
    """Where a probe's number may stand in a workload."""
    lists = ("containers[*]", "initContainers[*]")
    return tuple(f"{pod}.{item}.{probe}.{name}" for pod in _PODS for item in lists for probe in _PROBES)


_KUBERNETES: Final = (
    _Field(_probe("initialDelaySeconds"), Category.HEALTH_CHECK, checks.number(0, _HOUR)),
    _Field(_probe("periodSeconds"), Category.HEALTH_CHECK, _TIMING),
    _Field(_probe("timeoutSeconds"), Category.HEALTH_CHECK, _TIMING),
    _Field(_probe("successThreshold"), Category.HEALTH_CHECK, _COUNT),
    _Field(_probe("failureThreshold"), Category.HEALTH_CHECK, _COUNT),
    _Field(("spec.backoffLimit", "spec.jobTemplate.spec.backoffLimit"), Category.RETRY, _RETRIES),
    _Field(("spec.progressDeadlineSeconds",), Category.TIME_OUT, _TIMING),
    _Field(("spec.activeDeadlineSeconds", "spec.jobTemplate.spec.activeDeadlineSeconds"), Category.TIME_OUT, _TIMING),
    _Field(tuple(f"{pod}.terminationGracePeriodSeconds" for pod in _PODS), Category.TIME_OUT, checks.number(5, _HOUR)),
    _Field(
        tuple(
            f"{pod}.containers[*].env[{name}].value"
            for pod in _PODS
            for name in ("LOG_LEVEL", "LOGLEVEL", "LOGGING_LEVEL")
        ),
        Category.LOG_LEVEL,
        checks.log_level,
    ),
    _Field(
        ("spec.revisionHistoryLimit", "spec.successfulJobsHistoryLimit", "spec.failedJobsHistoryLimit"),
        Category.HISTORY,
        _RETRIES,
    ),
    _Field(("spec.minReadySeconds",), Category.PACE, checks.number(0, _HOUR)),
    _Field(("spec.startingDeadlineSeconds",), Category.PACE, checks.number(10, 24 * _HOUR)),
)
_COMPOSE: Final = (
    _Field(("healthcheck.retries",), Category.HEALTH_CHECK, _RETRIES),
    _Field(("healthcheck.interval", "healthcheck.timeout", "healthcheck.start_interval"), Category.HEALTH_CHECK, _SPAN),
    _Field(("healthcheck.start_period",), Category.HEALTH_CHECK, _SPAN_OR_ZERO),
    _Field(("deploy.restart_policy.max_attempts",), Category.RETRY, _RETRIES),
    _Field(("deploy.restart_policy.delay", "deploy.restart_policy.window"), Category.RETRY, _SPAN_OR_ZERO),
    _Field(("stop_grace_period",), Category.TIME_OUT, checks.duration(5, _HOUR)),
    _Field(("logging.options.max-size",), Category.LOG_ROTATION, checks.size(10_240, 1024**3)),
    _Field(("logging.options.max-file",), Category.LOG_ROTATION, _COUNT),
    _Field(("logging.options.compress",), Category.LOG_ROTATION, checks.one_of("true", "false")),
    _Field(
        ("environment.LOG_LEVEL", "environment.LOGLEVEL", "environment.LOGGING_LEVEL"),
        Category.LOG_LEVEL,
        checks.log_level,
    ),
    _Field(("restart",), Category.RESTART_POLICY, checks.restart, checks_declared=True),
    _Field(
        ("deploy.restart_policy.condition",),
        Category.RESTART_POLICY,
        checks.one_of("any", "on-failure"),
        checks_declared=True,
    ),
    _Field(("deploy.update_config.delay", "deploy.update_config.monitor"), Category.PACE, _SPAN_OR_ZERO),
)
"""Names and units: Kubernetes API reference (Probe v1, DeploymentSpec v1, JobSpec v1); the Compose Specification."""

_INFORMATIVE: Final = frozenset(
    {
        "app.kubernetes.io/version",
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/component",
        "kubernetes.io/change-cause",
    }
)
_ACTED_ON: Final = re.compile(
    r"(?:.*\.)?(?:k8s\.io|kubernetes\.io|openshift\.io|azure\.com|amazonaws\.com|google\.com|googleapis\.com|aws|gke\.io|"
    r"istio\.io|linkerd\.io|cilium\.io|projectcalico\.org|traefik\.io|konghq\.com|haproxy\.org|nginx\.org|nginx\.com|"
    r"getambassador\.io|projectcontour\.io|cert-manager\.io|prometheus\.io|coreos\.com|grafana\.com|elastic\.co|"
    r"datadoghq\.com|newrelic\.com|dynatrace\.com|opentelemetry\.io|argoproj\.io|fluxcd\.io|weave\.works|helm\.sh|"
    r"crossplane\.io|keda\.sh|knative\.dev|velero\.io|stakater\.com|keel\.sh|vaultproject\.io|hashicorp\.com|"
    r"external-secrets\.io|sealedsecrets\.bitnami\.com|kyverno\.io|gatekeeper\.sh|openpolicyagent\.org|falco\.org|"
    r"karpenter\.sh|rancher\.io|cattle\.io|longhorn\.io|metallb\.universe\.tf|tailscale\.com|cloudflare\.com|"
    r"emberstack\.com|mittwald\.de|kubed\.appscode\.com|dapr\.io|strimzi\.io|zalando\.org|banzaicloud\.io)(?:/.*)?"
    r"|(?:traefik|com\.docker|io\.podman|com\.centurylinklabs|ofelia|autoheal|homepage|caddy|diun|wud|dockflare|"
    r"docker-volume-backup|nginx-proxy|com\.github\.nginx-proxy|com\.github\.jrcs|swarmpit|shepherd|watchtower|"
    r"prometheus|promtail|loki|logging|co\.elastic\.\w+|com\.datadoghq|ingress|autoscaling|sidecar|vault|"
    r"grafana_\w+|istio|linkerd|keel|argocd|flux|helm|keda|reloader|sablier|glance|kuma|tsdproxy|lazytainer)(?:[./-].*)?"
)
"""Keys that some controller is known to act on, by domain or by prefix: a value there is a command, not a remark."""


def bound(drift: Drift, context: Context) -> Bounded | Unbounded:
    """Whether the live side of ``drift`` is a safe field inside its bounds, in every edit that would write it."""
    if drift.sensitive:
        return Unbounded("The value is secret.")
    if drift.kind not in {DriftKind.CHANGED, DriftKind.ADDED, DriftKind.MISSING}:
        return Unbounded(f"A drift of kind {drift.kind} has no value to adopt.")
    if not drift.adopt:
        return Unbounded("No edit of the file in Git would say what runs.")
    label = _label(drift)
    if label is not None:
        return _bound_label(drift, label, context)
    field = _field(drift.resource.platform, drift.resource.kind, drift.path)
    return _bound_other(drift) if field is None else _bound_field(drift, field)


def _bound_other(drift: Drift) -> Bounded | Unbounded:
    """A field that is in no list: what Git says already may get another value that holds no text."""
    unlisted = f"{drift.where or 'The whole resource'} is not in the list of safe fields"
    if drift.resource.platform not in {Platform.KUBERNETES, Platform.COMPOSE}:
        return Unbounded(f"{unlisted}.")
    if not _is_one_value(drift):
        return Unbounded(f"{unlisted}, and something comes or goes rather than one value changes: it may hold text.")
    if _same_image(drift):
        return Bounded(Category.WITHOUT_TEXT, f"{unlisted}; it names another version of the same image.")
    verdicts = [checks.without_text(value) for value in (drift.observed, drift.desired, *_written(drift.adopt, None))]
    for verdict in verdicts:
        if isinstance(verdict, OutOfBounds):
            return Unbounded(f"{unlisted}, and {verdict.text}.")
    return Bounded(Category.WITHOUT_TEXT, f"{unlisted}; {verdicts[0].text}.")


def _is_one_value(drift: Drift) -> bool:
    """Whether Git and what runs each say one value, and every edit replaces the one in Git."""
    return (
        all(isinstance(edit, SetValue) for edit in drift.adopt)
        and isinstance(drift.desired, str | int | float)
        and isinstance(drift.observed, str | int | float)
    )


def _same_image(drift: Drift) -> bool:
    """Whether both sides, and every edit, name one image by version numbers."""
    if not drift.where.endswith("image"):
        return False
    values = [drift.desired, drift.observed, *_written(drift.adopt, None)]
    images_named = [images.parse(value) if isinstance(value, str) else None for value in values]
    return len({(image.registry, image.repository, image.digest) for image in images_named if image}) == 1 and all(
        image is not None and not image.digest and checks.version(image.tag) for image in images_named
    )


@lru_cache(maxsize=1024)
def _field(platform: Platform, kind: str, path: Path) -> _Field | None:
    match platform:
        case Platform.KUBERNETES:
            fields = _KUBERNETES if kind in _WORKLOADS else ()
        case Platform.COMPOSE:
            fields = _COMPOSE if kind == "service" else ()
        case Platform.TERRAFORM | Platform.HTTP:
            fields = ()
        case _ as never:
            assert_never(never)
    return next((field for field in fields if any(path_matches(pattern, path) for pattern in field.paths)), None)


def _bound_field(drift: Drift, field: _Field) -> Bounded | Unbounded:
    if drift.kind is DriftKind.MISSING:
        return Unbounded(f"{drift.where} is not set live: the platform's default is not a value to adopt.")
    key = drift.path[-1] if isinstance(drift.path[-1], str) else None
    values = [drift.observed, *_written(drift.adopt, key)]
    if field.checks_declared:
        values.append(drift.desired)
    verdicts = [field.check(value) for value in values]
    for verdict in verdicts:
        if isinstance(verdict, OutOfBounds):
            return Unbounded(f"{drift.where} is a {field.category} field, but {verdict.text}.")
    return Bounded(field.category, f"{drift.where} is a {field.category} field and {verdicts[0].text}.")


@dataclass(frozen=True, slots=True)
class _Label:
    key: str
    category: Category


def _label(drift: Drift) -> _Label | None:
    """Which label or annotation ``drift`` is about; None when it is about something else."""
    path, platform, kind = drift.path, drift.resource.platform, drift.resource.kind
    if not path or not isinstance(path[-1], str):
        return None
    match platform:
        case Platform.COMPOSE:
            labelled = kind == "service" and len(path) == 2
        case Platform.KUBERNETES:
            labelled = kind in _LABELLED and path[:-2] in _METADATA
        case Platform.TERRAFORM | Platform.HTTP:
            labelled = False
        case _ as never:
            assert_never(never)
    category = {"labels": Category.LABEL, "annotations": Category.ANNOTATION}.get(str(path[-2])) if labelled else None
    return None if category is None else _Label(path[-1], category)


def _bound_label(drift: Drift, label: _Label, context: Context) -> Bounded | Unbounded:
    subject = f"The {label.category} {checks.shown(label.key)}"
    if not checks.label_key(label.key):
        return Unbounded(f"{subject} is not a valid key.")
    if label.key in context.selected:
        return Unbounded(f"{subject} is used by a selector in the repository.")
    if label.key.lower() not in _INFORMATIVE and _ACTED_ON.fullmatch(label.key.lower()):
        return Unbounded(f"{subject} is one that a controller acts on.")
    if drift.kind is DriftKind.MISSING:
        if all(isinstance(edit, RemoveEntry) for edit in drift.adopt):
            return Bounded(
                Category.REMOVED_LABEL, f"{subject} is gone live and no selector or known controller uses it."
            )
        return Unbounded(f"{subject} is gone live, but the edit does not just remove it.")
    check = checks.label_value if label.category is Category.LABEL else checks.plain_text
    for value in (drift.observed, *_written(drift.adopt, label.key)):
        verdict = check(value)
        if isinstance(verdict, OutOfBounds):
            return Unbounded(f"{subject} has a value that is not safe: {verdict.text}.")
    return Bounded(
        label.category, f"{subject} is used by no selector or known controller, and its value is plain text."
    )


def _written(edits: Iterable[Edit], key: str | None) -> list[JSON]:
    """The values that ``edits`` would write, without the ``key=`` of Compose's list syntax.

    An edit that writes something else than the value of ``key`` counts as None, which no check accepts.
    """
    values: list[JSON] = []
    for edit in edits:
        match edit:
            case SetValue(_, value):
                values.append(_without_key(value, key))
            case AddEntry(_, str() as name, value):
                values.append(value if name == key else None)
            case AddEntry(_, None, str() as text) if key is not None and text.startswith(f"{key}="):
                values.append(_without_key(text, key))
            case AddEntry() | RemoveEntry():
                values.append(None)
    return values


def _without_key(value: JSON, key: str | None) -> JSON:
    return value.removeprefix(f"{key}=") if key is not None and isinstance(value, str) else value
