"""The table of safe fields: what each may hold, and that nothing else is ever called safe.

The oracles below are written from the documents (Kubernetes' API reference, the Compose Specification, Docker's logging
drivers), apart from the checks they judge.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.drift import DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import JSON
from bot.policy import bounds, checks
from bot.policy.bounds import Bounded, Unbounded, bound
from bot.policy.checks import InBounds
from bot.policy.context import Context
from tests.policy.cases import drift
from tests.table import table

Oracle = Callable[[JSON], bool]

LEVELS: Final = ["trace", "debug", "info", "notice", "warn", "warning", "error", "err", "critical", "fatal"]
SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
INJECTIONS: Final[list[JSON]] = [
    "",
    " ",
    "info\n",
    "\ninfo",
    "info # x",
    "info: {a: b}",
    "$(id)",
    "`id`",
    "${IFS}",
    "a;b",
    "a b",
    "a\tb",
    "a\x00b",
    "a\u202eb",
    "ïnfo",
    "İNFO",
    "\u0661\u0662",
    "\u0661s",
    "on-failure:\u0661",
    "10\u212a",
    "10\nm",
    "１０",
    "!!python/object:os.system",
    "*anchor",
    "&anchor",
    "- x",
    "a: b",
    "{{ .Values }}",
    "http://evil.example/x",
    "evil.example:443",
    "a" * 63,
    "a" * 64,
    "a" * 120,
    "a" * 121,
    "-a",
    "a-",
    "_a",
    "a.",
    "null",
    "~",
    None,
    True,
    False,
    0,
    -1,
    1,
    10**12,
    1.0,
    1.5,
    float("inf"),
    [],
    ["info"],
    {},
    {"info": 1},
]
EDGES: Final[list[JSON]] = [
    *(0, 1, 4, 5, 9, 10, 99, 100, 101, 3599, 3600, 3601, 86_400, 86_401),
    *("0", "1", "5", "100", "101", "3600", "3601", "007", "+5", "-5", "5.0", "1e2", "123456789012"),
    *("0s", "999ms", "1s", "4.9s", "5s", "1h", "60m", "3600s", "3600.1s", "1h1ms", "1h1s", "1.5h", "s", "1", "1d"),
    *("x10s", "10sx", "10s 5s", "10s,5s", "10S", "-10s", "1m30s", "0.000000001h", "1.s", ".5s"),
    *("1s" * 20, "1s" * 19 + "10s", "1s" * 21),
    *(
        "10k",
        "10240",
        "10239",
        "9k",
        "1g",
        "1024m",
        "1025m",
        "1048577k",
        "10 m",
        "10  m",
        "10M",
        "10mb",
        "10MB",
        "10mib",
        "1t",
    ),
]


def whole(low: int, high: int) -> Oracle:
    """A whole number, or the decimal text of one, in these limits."""

    def holds(value: JSON) -> bool:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,11}", value):
            return low <= int(value) <= high
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return holds


def span(low: int, high: int) -> Oracle:
    """A duration in these limits, in seconds."""

    def holds(value: JSON) -> bool:
        if value in (0, "0") and not isinstance(value, bool):
            return low == 0
        if not isinstance(value, str) or not re.fullmatch(
            "(?:[0-9]{1,9}(?:[.][0-9]{1,9})?(?:ns|us|µs|ms|s|m|h)){1,20}", value
        ):
            return False
        pieces = re.findall("([0-9.]+)(ns|us|µs|ms|s|m|h)", value)
        return len(value) <= 40 and low <= sum(float(number) * SECONDS[unit] for number, unit in pieces) <= high

    return holds


def rotated_size(value: JSON) -> bool:
    """10 KiB to 1 GiB, as Docker's ``max-size`` writes it."""
    match = re.fullmatch("([0-9]{1,12}) ?([kKmMgG]?)[bB]?", value) if isinstance(value, str) else None
    return match is not None and 10240 <= int(match[1]) * 1024 ** " kmg".index(match[2].lower() or " ") <= 1024**3


def one_of(*words: JSON) -> Oracle:
    """One of these, of the same type."""
    return lambda value: any(type(value) is type(known) and value == known for known in words)


def level(value: JSON) -> bool:
    """A log level's name in ASCII letters of any case."""
    return isinstance(value, str) and value.isascii() and value.lower() in LEVELS


def restart(value: JSON) -> bool:
    """A policy that keeps a service running."""
    return isinstance(value, str) and re.fullmatch("always|unless-stopped|on-failure(:[0-9]{1,2})?", value) is not None


def label_value(value: JSON) -> bool:
    """Kubernetes, "Labels and Selectors": at most 63 characters, letters and digits at both ends."""
    edge, inner = set(string.ascii_letters + string.digits), set(string.ascii_letters + string.digits + "-_.")
    return isinstance(value, str) and (
        not value or (len(value) <= 63 and {value[0], value[-1]} <= edge and set(value) <= inner)
    )


POD_PREFIXES: Final = ("spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec")


def probes(name: str) -> list[str]:
    """The paths of a probe's field in every workload."""
    return [
        f"{pod}.{containers}[*].{probe}.{name}"
        for pod in POD_PREFIXES
        for containers in ("containers", "initContainers")
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
    ]


SAFE: Final[dict[str, dict[str, Oracle]]] = {
    "Deployment/shop/web": {
        **dict.fromkeys(probes("initialDelaySeconds"), whole(0, 3600)),
        **dict.fromkeys(probes("periodSeconds") + probes("timeoutSeconds"), whole(1, 3600)),
        **dict.fromkeys(probes("successThreshold") + probes("failureThreshold"), whole(1, 100)),
        **dict.fromkeys([f"{pod}.terminationGracePeriodSeconds" for pod in POD_PREFIXES], whole(5, 3600)),
        **dict.fromkeys(
            [
                f"{pod}.containers[*].env[{name}].value"
                for pod in POD_PREFIXES
                for name in ("LOG_LEVEL", "LOGLEVEL", "LOGGING_LEVEL")
            ],
            level,
        ),
        "spec.backoffLimit": whole(0, 100),
        "spec.jobTemplate.spec.backoffLimit": whole(0, 100),
        "spec.progressDeadlineSeconds": whole(1, 3600),
        "spec.activeDeadlineSeconds": whole(1, 3600),
        "spec.jobTemplate.spec.activeDeadlineSeconds": whole(1, 3600),
        "spec.revisionHistoryLimit": whole(0, 100),
        "spec.successfulJobsHistoryLimit": whole(0, 100),
        "spec.failedJobsHistoryLimit": whole(0, 100),
        "spec.minReadySeconds": whole(0, 3600),
        "spec.startingDeadlineSeconds": whole(10, 86400),
    },
    "service/shop/web": {
        "healthcheck.retries": whole(0, 100),
        "healthcheck.interval": span(1, 3600),
        "healthcheck.timeout": span(1, 3600),
        "healthcheck.start_interval": span(1, 3600),
        "healthcheck.start_period": span(0, 3600),
        "deploy.restart_policy.max_attempts": whole(0, 100),
        "deploy.restart_policy.delay": span(0, 3600),
        "deploy.restart_policy.window": span(0, 3600),
        "stop_grace_period": span(5, 3600),
        "logging.options.max-size": rotated_size,
        "logging.options.max-file": whole(1, 100),
        "logging.options.compress": one_of("true", "false", True, False),
        "environment.LOG_LEVEL": level,
        "environment.LOGLEVEL": level,
        "environment.LOGGING_LEVEL": level,
        "restart": restart,
        "deploy.restart_policy.condition": one_of("any", "on-failure"),
        "deploy.update_config.delay": span(0, 3600),
        "deploy.update_config.monitor": span(0, 3600),
    },
}
FIELDS: Final = [(name, path, oracle) for name, oracles in SAFE.items() for path, oracle in oracles.items()]
UNITS: Final = st.sampled_from(["ms", "s", "m", "h", "k", "g", "d", "kb", " m"])
WORDS: Final = [
    *LEVELS,
    "any",
    "none",
    "on-failure",
    "always",
    "no",
    "unless-stopped",
    "on-failure:3",
    "on-failure:100",
]
BEGUN: Final = st.sampled_from(["info", "10", "10s", "always", "any", "10m", "true"])
NEAR: Final = st.one_of(
    st.sampled_from([*INJECTIONS, *EDGES]),
    st.integers(-5, 90_000),
    st.integers(-5, 4000).map(str),
    st.builds(lambda number, unit: f"{number}{unit}", st.integers(0, 5000), UNITS),
    st.builds("{}m{}s".format, st.integers(0, 70), st.integers(0, 70)),
    st.sampled_from(WORDS),
    st.sampled_from(LEVELS).map(str.upper),
    st.builds(lambda word, more: word + more, BEGUN, st.text(max_size=3)),
    st.text(max_size=70),
    st.floats(),
    st.lists(st.integers(), max_size=2),
)


def passes(name: str, path: str, value: JSON, desired: JSON) -> bool:
    """Whether the live ``value`` at ``path`` may be written without asking."""
    return isinstance(bound(drift(name, path.replace("[*]", "[web]"), desired, value), Context()), Bounded)


def test_the_oracles_know_every_safe_field() -> None:
    """The table has no path that is not judged here, and none is missing from it."""
    for name, fields in (("Deployment/shop/web", bounds._KUBERNETES), ("service/shop/web", bounds._COMPOSE)):
        assert {path for field in fields for path in field.paths} == SAFE[name].keys()


@table(("name", "path", "oracle"), [pytest.param(*row, id=row[1]) for row in FIELDS])
def test_each_safe_field_takes_what_is_documented_and_nothing_else(name: str, path: str, oracle: Oracle) -> None:
    """Injected text, white space, foreign digits, wrong types and numbers out of bounds are refused everywhere."""
    good = next(value for value in (10, "10s", "10m", "info", "always", "any", "true") if oracle(value))
    assert passes(name, path, good, good)
    for value in [*INJECTIONS, *EDGES]:
        assert passes(name, path, value, good) == oracle(value), value


@given(st.sampled_from(FIELDS), NEAR, NEAR)
def test_what_passes_is_within_the_documented_bounds(field: tuple[str, str, Oracle], value: JSON, other: JSON) -> None:
    """For every safe field and any value: safe exactly where the document says so, and for policies on both sides."""
    name, path, oracle = field
    both = path in {"restart", "deploy.restart_policy.condition"}
    assert passes(name, path, value, other) == (oracle(value) and (oracle(other) or not both))


@table(
    ("facts", "reason"),
    [
        ({"sensitive": True}, "secret"),
        ({"adopt": ()}, "No edit"),
        *(({"kind": kind, "adopt": (SetValue(("retries",), 5),)}, "has no value to adopt") for kind in DriftKind
          if kind not in {DriftKind.CHANGED, DriftKind.ADDED, DriftKind.MISSING}),
        ({"kind": DriftKind.MISSING}, "is not set live"),
    ],
)  # fmt: skip
def test_a_safe_field_is_safe_only_where_a_value_would_be_written(facts: dict[str, Any], reason: str) -> None:
    """Not for a secret, not without an edit, and not for a kind of drift that has no live value."""
    verdict = bound(drift("service/shop/web", "healthcheck.retries", 3, 5, **facts), Context())
    assert isinstance(verdict, Unbounded)
    assert reason in verdict.text


@pytest.mark.parametrize(("edit", "safe"), [(RemoveEntry(("team",)), True), (SetValue(("team",), "b"), False)])
def test_a_label_that_is_gone_is_safe_to_remove_and_nothing_else(edit: Edit, safe: bool) -> None:
    """An edit that writes something for a label that is not there is no removal."""
    gone = drift("Deployment/shop/web", "metadata.labels.team", "a", kind=DriftKind.MISSING, adopt=(edit,))
    assert isinstance(bound(gone, Context()), Bounded) is safe


LABELS: Final = st.one_of(
    st.sampled_from(INJECTIONS), st.text("aZ9-_. /:é\n", max_size=66), st.integers(), st.booleans()
)


@given(LABELS)
def test_labels_take_label_values_and_annotations_short_plain_text(value: JSON) -> None:
    """A label's value is one that Kubernetes takes; an annotation's has no mark that means something to anybody."""
    assert passes("Deployment/shop/web", "metadata.labels.team", value, "a") == label_value(value)
    if passes("Deployment/shop/web", "metadata.annotations.note", value, "a"):
        assert isinstance(value, str)
        assert re.fullmatch("[A-Za-z0-9 _.:+-]{0,120}", value)
        assert not re.search("[A-Za-z][.][A-Za-z]|[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+", value)


@pytest.mark.parametrize("value", ["x", "a" * 63, "1.2.3", "Team_A-7", ""])
def test_good_label_values_pass(value: str) -> None:
    """A check that refuses everything would hold no law up."""
    assert isinstance(checks.label_value(value), InBounds)


@table("value", [value for value in INJECTIONS if not label_value(value)])
def test_bad_label_values_are_refused(value: JSON) -> None:
    """Each of them, by the check itself."""
    assert not isinstance(checks.label_value(value), InBounds)


@table("value", [value for value in INJECTIONS if not level(value)])
def test_bad_log_levels_are_refused(value: JSON) -> None:
    """Each of them, by the check itself."""
    assert not isinstance(checks.log_level(value), InBounds)


@table("value", [*LEVELS, "INFO", "Warning"])
def test_log_levels_pass_in_any_case(value: str) -> None:
    """The closed list of names, and no other case matters."""
    assert isinstance(checks.log_level(value), InBounds)


@table(
    ("value", "good"),
    [
        ("", True),
        ("payments 2", True),
        ("a" * 120, True),
        ("a" * 121, False),
        ("a-", False),
        (" a", False),
        ("a\n", False),
        ("a/b", False),
        ("a@b", False),
        ("a=b", False),
        ("é", False),
        ("evil.example", False),
        ("db:5432", False),
        ("10.0.0.1", False),
        ("v1.2.3", True),
        (7, False),
        (None, False),
        (["a"], False),
    ],
)
def test_plain_text_names_no_host(value: JSON, good: bool) -> None:
    """Short text of letters, digits and few marks passes; hosts, addresses and everything longer do not."""
    assert isinstance(checks.plain_text(value), InBounds) is good


@table(
    ("key", "good"),
    [
        ("team", True),
        ("example.com/team", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("", False),
        ("/team", False),
        ("Example.com/team", False),
        ("a/b/c", False),
        ("-a", False),
        ("a.", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
        (f"{'a' * 253}/b", True),
        (f"{'a' * 254}/b", False),
    ],
)
def test_label_keys_are_those_of_kubernetes(key: str, good: bool) -> None:
    """Kubernetes, "Labels and Selectors", "Syntax and character set"."""
    assert checks.label_key(key) is good
