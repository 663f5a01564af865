"""The safe fields: each one's category and edges, and everything that it must refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.policy import checks
from bot.policy.bounds import Bounded, Unbounded, bound
from bot.policy.checks import Check, InBounds, OutOfBounds
from bot.policy.context import Context
from tests.policy.cases import drift
from tests.table import table

NOTHING = Context()
HOUR = 3600
PODS = ("Pod/a/b spec", "Deployment/a/b spec.template.spec", "CronJob/a/b spec.jobTemplate.spec.template.spec")


def probes(name: str) -> list[str]:
    lists, kinds = ("containers[x]", "initContainers[x]"), ("livenessProbe", "readinessProbe", "startupProbe")
    return [f"{pod}.{items}.{probe}.{name}" for pod in PODS for items in lists for probe in kinds]


NUMBERS: list[tuple[list[str], str, int, int]] = [
    (probes("initialDelaySeconds"), "health-check", 0, HOUR),
    (probes("periodSeconds"), "health-check", 1, HOUR),
    (probes("timeoutSeconds"), "health-check", 1, HOUR),
    (probes("successThreshold"), "health-check", 1, 100),
    (probes("failureThreshold"), "health-check", 1, 100),
    (["Job/a/b spec.backoffLimit", "CronJob/a/b spec.jobTemplate.spec.backoffLimit"], "retry", 0, 100),
    (["Deployment/a/b spec.progressDeadlineSeconds"], "time-out", 1, HOUR),
    (
        ["Job/a/b spec.activeDeadlineSeconds", "CronJob/a/b spec.jobTemplate.spec.activeDeadlineSeconds"],
        "time-out",
        1,
        HOUR,
    ),
    ([f"{pod}.terminationGracePeriodSeconds" for pod in PODS], "time-out", 5, HOUR),
    (
        [
            "StatefulSet/a/b spec.revisionHistoryLimit",
            "CronJob/a/b spec.successfulJobsHistoryLimit",
            "CronJob/a/b spec.failedJobsHistoryLimit",
        ],
        "history",
        0,
        100,
    ),
    (["DaemonSet/a/b spec.minReadySeconds", "ReplicaSet/a/b spec.minReadySeconds"], "pace", 0, HOUR),
    (["CronJob/a/b spec.startingDeadlineSeconds"], "pace", 10, 24 * HOUR),
    (["service/a/b healthcheck.retries"], "health-check", 0, 100),
    (["service/a/b deploy.restart_policy.max_attempts"], "retry", 0, 100),
    (["service/a/b logging.options.max-file"], "log-rotation", 1, 100),
]
SPANS: list[tuple[list[str], str, int]] = [
    ([f"service/a/b healthcheck.{name}" for name in ("interval", "timeout", "start_interval")], "health-check", 1),
    (["service/a/b healthcheck.start_period"], "health-check", 0),
    (["service/a/b deploy.restart_policy.delay", "service/a/b deploy.restart_policy.window"], "retry", 0),
    (["service/a/b stop_grace_period"], "time-out", 5),
    (["service/a/b deploy.update_config.delay", "service/a/b deploy.update_config.monitor"], "pace", 0),
]
LOG_LEVELS = [
    *(f"{pod}.containers[x].env[{name}].value" for pod in PODS for name in ("LOG_LEVEL", "LOGLEVEL", "LOGGING_LEVEL")),
    *(f"service/a/b environment.{name}" for name in ("LOG_LEVEL", "LOGLEVEL", "LOGGING_LEVEL")),
]


def at(where: str, observed: JSON, desired: JSON = None, **more: Any) -> Drift:
    """A drift at ``Kind/scope/name path``."""
    name, path = where.split(" ", 1)
    return drift(name, path, desired, observed, **more)


def category(where: str, observed: JSON, desired: JSON = None, **more: Any) -> str | None:
    """The category under which the live value may be written; None where it may not."""
    verdict = bound(at(where, observed, desired, **more), NOTHING)
    return verdict.category.value if isinstance(verdict, Bounded) else None


@table(
    ("where", "name", "low", "high"),
    [(where, name, low, high) for paths, name, low, high in NUMBERS for where in paths],
)
def test_a_number_is_safe_between_its_edges(where: str, name: str, low: int, high: int) -> None:
    """Both edges are inside, one step beyond is not, and neither is anything but a whole number."""
    assert [category(where, value) for value in (low, high, str(low))] == [name] * 3
    beyond: list[JSON] = [low - 1, high + 1, low + 0.5, True, None, [low], {"a": low}, "", "one", f"{low};reboot", "-1"]
    assert [category(where, value) for value in beyond] == [None] * len(beyond)


@table(("where", "name", "low"), [(where, name, low) for paths, name, low in SPANS for where in paths])
def test_a_duration_is_safe_between_its_edges(where: str, name: str, low: int) -> None:
    """From its lower edge (seconds) to one hour, in the units of Compose."""
    assert [category(where, value) for value in (f"{low}s", "1h", "60m", f"{low * 1000}ms")] == [name] * 4
    beyond: list[JSON] = ["1h0m1s", "61m", f"{low}s; reboot", "5", 5, True, None, "forever", "1 h", "-5s", ["5s"]]
    if low:
        beyond += [f"{low - 1}s", f"{low * 1000 - 1}ms", 0, "0", "0s"]
    assert [category(where, value) for value in beyond] == [None] * len(beyond)


@table("where", LOG_LEVELS)
def test_a_log_level_is_one_of_the_known_names(where: str) -> None:
    """Any case; and no other text, because an application may read anything else there."""
    names = [
        "trace",
        "debug",
        "info",
        "notice",
        "warn",
        "warning",
        "error",
        "err",
        "critical",
        "fatal",
        "INFO",
        "Debug",
    ]
    assert [category(where, name) for name in names] == ["log-level"] * len(names)
    bad: list[JSON] = ["", "info ", "info,debug", "http://x", "verbose", "$(id)", 3, True, None, ["info"]]
    assert [category(where, value) for value in bad] == [None] * len(bad)


@pytest.mark.parametrize(
    ("where", "good", "bad"),
    [
        (
            "service/a/b logging.options.max-size",
            ["10k", "10240", "10240b", "10kb", "1g", "1024m", "1 G"],
            ["10239", "9k", "1025m", "2g", "10", "10t", "-1", "", 10240, None, "10m; x"],
        ),
        ("service/a/b logging.options.compress", ["true", "false", True, False], ["yes", "", 1, None, "TRUE"]),
    ],
)
def test_the_options_of_the_log_are_bounded(where: str, good: list[JSON], bad: list[JSON]) -> None:
    """Rotation from 10 kB to 1 GB; compression on or off."""
    assert [category(where, value) for value in good] == ["log-rotation"] * len(good)
    assert [category(where, value) for value in bad] == [None] * len(bad)


@pytest.mark.parametrize(
    ("where", "good", "bad"),
    [
        (
            "service/a/b restart",
            ["always", "unless-stopped", "on-failure", "on-failure:3", "on-failure:10"],
            ["no", "", "never", "on-failure:", "on-failure:100", "on-failure:x", "always ", True, None, ["always"]],
        ),
        ("service/a/b deploy.restart_policy.condition", ["any", "on-failure"], ["none", "", "always", None, True]),
    ],
)
def test_a_restart_policy_keeps_the_service_running_on_both_sides(where: str, good: list[str], bad: list[JSON]) -> None:
    """What runs and what Git says must both be policies that keep it running."""
    assert [category(where, value, good[0]) for value in good] == ["restart-policy"] * len(good)
    assert [category(where, value, good[0]) for value in bad] == [None] * len(bad)
    assert [category(where, good[0], value) for value in bad] == [None] * len(bad)


@table(
    "where",
    [
        "Deployment/a/b spec.replicas",
        "Deployment/a/b spec.template.spec.containers[x].image",
        "Deployment/a/b spec.template.spec.containers[x].livenessProbe.httpGet.port",
        "Deployment/a/b spec.template.spec.containers[x].lifecycle.periodSeconds",
        "Deployment/a/b spec.template.spec.containers[x].env[LEVEL].value",
        "Deployment/a/b spec.template.spec.containers[x].env[LOG_LEVEL].name",
        "Deployment/a/b spec.template.spec.initContainers[x].env[LOG_LEVEL].value",
        "ConfigMap/a/b data.LOG_LEVEL",
        "Service/a/b spec.progressDeadlineSeconds",
        "HorizontalPodAutoscaler/a/b spec.minReadySeconds",
        "service/a/b healthcheck.test",
        "service/a/b logging.driver",
        "service/a/b logging.options.syslog-address",
        "service/a/b environment.PORT",
        "service/a/b deploy.replicas",
        "service/a/b ports",
        "volume/a/b healthcheck.retries",
        "network/a/b labels.team.x",
        "aws_instance/b healthcheck.retries",
        "aws_instance/b labels.team",
    ],
)
def test_no_other_field_is_safe(where: str) -> None:
    """Whatever the value looks like."""
    for value in (1, 10, "10", "10s", "info", "always"):
        verdict = bound(at(where, value), NOTHING)
        assert isinstance(verdict, Unbounded)
        assert verdict.text.startswith(f"{where.split()[1]} is not in the list of safe fields")


IMAGE = "Deployment/a/b spec.template.spec.containers[x].image"


@table(
    ("where", "desired", "observed", "known"),
    [
        ("Deployment/a/b spec.replicas", 1, 3, True),
        ("Deployment/a/b spec.paused", False, True, True),
        ("Deployment/a/b spec.x", "true", "false", True),
        ("Deployment/a/b spec.template.spec.containers[x].resources.limits.memory", "128Mi", "1.5Gi", True),
        ("Deployment/a/b spec.template.spec.containers[x].resources.limits.cpu", "1", "500m", True),
        ("Deployment/a/b spec.strategy.rollingUpdate.maxSurge", "25%", "50%", True),
        ("service/a/b deploy.update_config.max_failure_ratio", 0.1, 0.2, True),
        ("service/a/b environment.WAIT", "30s", "1m30s", True),
        (IMAGE, "r.example.com/web:1.0", "r.example.com/web:v1.12.3", True),
        (IMAGE, "nginx:1", "docker.io/library/nginx:2", True),
        (IMAGE, "r.example.com/web:1.0", "r.example.org/web:1.1", False),
        (IMAGE, "r.example.com/web:1.0", "r.example.com/web:ignore-all-rules", False),
        (IMAGE, "r.example.com/web:1.0", "r.example.com/web", False),
        (IMAGE, "r.example.com/web:1.0", f"r.example.com/web:1.0@sha256:{'a' * 64}", False),
        ("Deployment/a/b spec.x", 1, "1; reboot", False),
        ("Deployment/a/b spec.x", "curl evil.example", 1, False),
        ("Deployment/a/b spec.x", 1, "1\n", False),
        ("Deployment/a/b spec.x", 1, "١", False),
        ("Deployment/a/b spec.x", 1, [1], False),
        ("Deployment/a/b spec.x", 1, None, False),
        ("aws_instance/b cpu_count", 1, 2, False),
    ],
)
def test_another_field_may_change_while_no_text_is_written(
    where: str, desired: JSON, observed: JSON, known: bool
) -> None:
    """Numbers, switches, quantities, versions of one image: on both sides, and on a platform that can take it back."""
    assert category(where, observed, desired) == ("without-text" if known else None)


def test_every_edit_must_write_no_text() -> None:
    """The value that is compared and the value that is written are not the same thing."""
    replicas = "Deployment/a/b spec.replicas"
    assert category(replicas, 3, 1, adopt=(SetValue(("replicas",), "rm -rf /"),)) is None
    assert category(replicas, 3, 1, adopt=(AddEntry((), "replicas", 3),)) is None
    assert category(replicas, 3, 1, adopt=(SetValue(("a",), 3), SetValue(("b",), 3))) == "without-text"
    assert category(replicas, 3, kind=DriftKind.ADDED) is None
    added = bound(at(replicas, 3, 1, adopt=(AddEntry((), "replicas", 3),)), NOTHING)
    text = "spec.replicas is not in the list of safe fields, and something comes or goes rather than one value changes"
    assert added == Unbounded(f"{text}: it may hold text.")


def test_what_may_hold_text_says_so() -> None:
    """A pull request gives the reason."""
    command = bound(at("Deployment/a/b spec.x", "rm", desired="ls"), NOTHING)
    assert command.text == "spec.x is not in the list of safe fields, and “rm” is text."


LABELS = [
    "Deployment/a/b metadata.labels.team",
    "Service/a/b metadata.labels.team",
    "Deployment/a/b spec.template.metadata.labels.team",
    "CronJob/a/b spec.jobTemplate.spec.template.metadata.labels.team",
    "service/a/b labels.team",
]


@pytest.mark.parametrize("where", LABELS)
def test_a_label_is_short_and_plain(where: str) -> None:
    """At most 63 letters, digits, hyphens, underscores and dots, beginning and ending in a letter or digit."""
    good = ["", "a", "front", "a.b-c_d", "v1.2.3", "x" * 63]
    assert [category(where, value) for value in good] == ["label"] * len(good)
    bad: list[JSON] = ["x" * 64, "a b", "-a", "a-", "a/b", "a=b", "a\n", "é", "$(id)", "a;b", 3, True, None, ["a"]]
    assert [category(where, value) for value in bad] == [None] * len(bad)


@pytest.mark.parametrize(
    "where", [path.replace("labels", "annotations") for path in LABELS if not path.startswith("service")]
)
def test_an_annotation_names_no_host(where: str) -> None:
    """Up to 120 plain characters; a host, an address or a port is somebody's configuration."""
    good = ["", "Bakes bread: rye + wheat", "build_12.3", "2026-03-01 10:30", "a" * 120]
    assert [category(where, value) for value in good] == ["annotation"] * len(good)
    bad: list[JSON] = ["a" * 121, "example.com", "db:5432", "10.0.0.1", "http://x/", "a\nb", "{a}", "é", " a", 3, None]
    assert [category(where, value) for value in bad] == [None] * len(bad)


@table(
    "where",
    [
        "ConfigMap/a/b metadata.labels.team",
        "Deployment/a/b spec.selector.matchLabels.team",
        "Deployment/a/b spec.labels.team",
        "Deployment/a/b metadata.finalizers.team",
        "Deployment/a/b spec.template.spec.labels.team",
        "service/a/b deploy.labels.team",
        "service/a/b build.labels.team",
        "volume/a/b labels.team",
        "service/a/b sysctls.team",
    ],
)
def test_a_label_elsewhere_is_configuration(where: str) -> None:
    """Only those of workloads, of their pods and of services."""
    assert category(where, "front") is None


@pytest.mark.parametrize(
    "key",
    [
        "team",
        "example.com/team",
        "kubernetes.io/change-cause",
        "app.kubernetes.io/version",
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/component",
        "mytraefik",
    ],
)
def test_a_key_that_nobody_acts_on_is_safe(key: str) -> None:
    """And the few well-known ones that only inform."""
    assert category(f'Deployment/a/b metadata.labels["{key}"]', "a") == "label"


@table(
    "key",
    [
        "app.kubernetes.io/name",
        "k8s.io",
        "prometheus.io/scrape",
        "Prometheus.IO/scrape",
        "sub.istio.io/rev",
        "traefik.enable",
        "traefik",
        "com.docker.compose.project",
        "co.elastic.logs/enabled",
        "sidecar.istio",
        "keel-policy",
        "grafana_dashboard",
        "-bad",
        "bad-",
        "a b",
        "a/b/c",
        "x" * 64,
    ],
)
def test_a_key_that_a_controller_acts_on_is_a_command(key: str) -> None:
    """By domain or prefix, in any case; nor is a key that no server would take ever written."""
    assert category(f'Deployment/a/b metadata.labels["{key}"]', "a") is None


def test_a_selected_key_is_never_written() -> None:
    """What a selector anywhere in the repository names decides what is run or reached."""
    verdict = bound(at("Deployment/a/b metadata.labels.team", "a"), Context(selected=frozenset({"team"})))
    assert verdict == Unbounded("The label “team” is used by a selector in the repository.")


def test_a_label_that_is_gone_is_only_removed() -> None:
    """Its own category; and the edit must do nothing else."""
    where = "Deployment/a/b metadata.labels.team"
    assert category(where, None, "a", kind=DriftKind.MISSING) == "removed-label"
    adopt = (RemoveEntry(("metadata", "labels", "team")), SetValue(("spec",), 1))
    assert category(where, None, "a", kind=DriftKind.MISSING, adopt=adopt) is None


def test_a_field_that_is_not_set_live_has_nothing_to_adopt() -> None:
    """The default of a platform is no decision of anybody."""
    assert category("service/a/b healthcheck.retries", 3, 3, kind=DriftKind.MISSING) is None


@pytest.mark.parametrize("kind", [kind for kind in DriftKind if kind not in {"changed", "added", "missing"}])
def test_only_a_value_that_is_live_can_be_adopted(kind: DriftKind) -> None:
    """No other kind of drift has one."""
    edits = (SetValue(("retries",), 5),)
    assert category("service/a/b healthcheck.retries", 5, kind=kind, adopt=edits) is None


def test_a_secret_is_never_safe() -> None:
    """Not even where its field is; nor is a drift that no edit writes."""
    where = "service/a/b healthcheck.retries"
    assert category(where, 5) == "health-check"
    assert category(where, 5, sensitive=True) is None
    assert category(where, 5, adopt=()) is None


@table(
    ("edits", "safe"),
    [
        ((SetValue(("healthcheck", "retries"), 5),), True),
        ((SetValue(("labels", 0), "retries=5"),), True),
        ((AddEntry(("healthcheck",), "retries", 5),), True),
        ((AddEntry(("labels",), None, "retries=5"),), True),
        ((AddEntry(("labels",), None, "retries=500"),), False),
        ((AddEntry(("labels",), None, "command=5"),), False),
        ((AddEntry(("labels",), None, "5"),), False),
        ((AddEntry(("labels",), None, 5),), False),
        ((AddEntry(("healthcheck",), "command", 5),), False),
        ((AddEntry(("healthcheck",), "retries", 500),), False),
        ((SetValue(("healthcheck", "retries"), 500),), False),
        ((SetValue(("healthcheck", "retries"), 5), SetValue(("x",), "sh")), False),
        ((SetValue(("healthcheck", "retries"), 5), RemoveEntry(("x",))), False),
    ],
)
def test_every_edit_must_write_exactly_the_value(edits: tuple[Edit, ...], safe: bool) -> None:
    """A mapping's value or Compose's ``key=value``; an edit that writes anything else is refused."""
    assert (category("service/a/b healthcheck.retries", 5, adopt=edits) is not None) is safe


@table(
    ("check", "good", "bad"),
    [
        (checks.number(0, 10**12), [10**11 - 1, str(10**11 - 1)], [str(10**11), "١", "1.0", "0x1", "+1", "1 "]),
        (
            checks.duration(0, HOUR),
            [0, 0.0, "0", "0s", "1ns", "1us", "1µs", "1ms", "1.5s", "59m60s", "1h"],
            [False, 1, "1", "1d", "s", "", "1s 1s", "1s" + "0s" * 20, "1.s", "3601s", "3600.1s", [1]],
        ),
        (
            checks.duration(1, HOUR),
            ["999ms1ms", "1000000us", "1000000µs", "500000000ns500000000ns"],
            ["999ms", "999999us", "999999µs", "999999999ns"],
        ),
        (checks.size(1, 2048), ["1", "1b", "2k", "2KB", "2 k"], ["0", "3k", "1m", "1g", "", "k", "1 kk", 5]),
        (checks.size(1024**3, 1024**3), ["1g", "1024m", "1048576k", str(1024**3)], ["1025m", "1048577k"]),
        (checks.one_of("a", "true"), ["a", "true", True], ["A", "b", False, None, "", ["a"]]),
        (checks.label_value, ["", "x" * 63], ["x" * 64, "a b"]),
        (checks.plain_text, ["x" * 120, "a" + " " * 118 + "b"], ["x" * 121, "a" + " " * 119 + "b", "x.y", "x:1"]),
    ],
)
def test_a_check_accepts_and_refuses(check: Check, good: list[JSON], bad: list[JSON]) -> None:
    """Values at and beyond each edge."""
    assert [value for value in good if not isinstance(check(value), InBounds)] == []
    assert [value for value in bad if not isinstance(check(value), OutOfBounds)] == []


def test_a_check_says_what_it_looked_for() -> None:
    """Both answers are sentences for people, with the value on one short line."""
    assert checks.number(1, 5)(3) == InBounds("3 is a whole number from 1 to 5")
    assert checks.number(1, 5)(9) == OutOfBounds("9 is not from 1 to 5")
    assert checks.number(1, 5)("x\ny") == OutOfBounds("“x\\ny” is not a whole number")
    assert checks.duration(1, 60)("5s") == InBounds("5s is a duration from 1 s to 60 s")
    assert checks.duration(1, 60)("2m") == OutOfBounds("“2m” is not from 1 s to 60 s")
    assert checks.number(1, 5)(10**80) == OutOfBounds(f"“1{'0' * 56}…” is not from 1 to 5")
    assert checks.size(1, 9)("1k") == OutOfBounds("“1k” is not from 1 to 9 bytes")
    assert checks.size(1, 9)("much") == OutOfBounds("“much” is not a size such as 10m")
    assert checks.size(1, 9)("5") == InBounds("5 is a size from 1 to 9 bytes")
    assert checks.one_of("a", "b")("c") == OutOfBounds("“c” is not one of a, b")
    assert checks.one_of("a", "b")("a") == InBounds("a is one of a, b")
    assert checks.shown("x" * 60) == f"“{'x' * 60}”"
    assert checks.shown("x" * 61) == f"“{'x' * 57}…”"
    assert checks.shown(["é"]) == "“['\\xe9']”"


@table(
    ("key", "valid"),
    [
        ("a", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("a.b-c_D", True),
        ("example.com/a", True),
        (f"{'a' * 253}/b", True),
        (f"{'a' * 254}/b", False),
        ("Example.com/a", False),
        ("a/", False),
        ("/a", False),
        ("", False),
        ("-a", False),
        ("a\n", False),
    ],
)
def test_a_label_key_is_what_a_server_takes(key: str, valid: bool) -> None:
    """An optional domain of at most 253 characters and a name of at most 63."""
    assert checks.label_key(key) is valid


SAFE_PATHS = [
    *(where for paths, _, _, _ in NUMBERS for where in paths),
    *(where for paths, _, _ in SPANS for where in paths),
    *LOG_LEVELS,
    *LABELS,
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=130)


@given(where=st.sampled_from(SAFE_PATHS), value=TEXT)
def test_no_text_passes_but_a_number_a_duration_or_a_plain_word(where: str, value: str) -> None:
    """Whoever can write to the cluster gains no way to write a command, an address or a second line into Git."""
    if category(where, value) is not None:
        assert value.isascii()
        assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert len(value) <= 63
