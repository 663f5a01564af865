"""Durations and quantities of custom resources: equal where a typed client would write the one for the other."""

from __future__ import annotations

from typing import Any

import pytest

from bot.drift.kubernetes.crds import shapes_of_crd
from bot.drift.typed_texts import canonical_quantity, durations_agree, quantities_agree
from bot.model.json import JSON
from tests.drift.makers import OPTIONS, Pair, declared, examine, live, thing
from tests.table import table

DURATIONS: list[tuple[JSON, JSON, bool]] = [
    ("8760h", "8760h0m0s", True),
    ("8760h0m0s", "8760h", True),
    ("90m", "1h30m0s", True),
    ("60s", "1m0s", True),
    ("1.5s", "1.5s", True),
    ("0.5s", "500ms", True),
    ("1500us", "1.5ms", True),
    ("100ns", "100ns", True),
    ("0", "0s", True),
    ("-1h", "-1h0m0s", True),
    ("1h", "2h0m0s", False),
    ("1h", "60m", False),  # nobody prints either of the other
    ("1d", "24h0m0s", False),  # Go knows no days
    ("1m", "1", False),
    ("x", "x0s", False),
    (60, "1m0s", False),
    ("9" * 70 + "h", "1h0m0s", False),
    ("9999999999h", "9999999999h0m0s", False),  # longer than an int64 of nanoseconds
]


@table(("one", "other", "equal"), DURATIONS)
def test_durations_agree_where_one_is_what_go_prints(one: JSON, other: JSON, *, equal: bool) -> None:
    """``Duration.String`` of one side is the other; in either direction."""
    assert durations_agree(one, other) is equal
    assert durations_agree(other, one) is equal


QUANTITIES: list[tuple[str, str]] = [
    ("1024Mi", "1Gi"),
    ("1000m", "1"),
    ("2048Mi", "2Gi"),
    ("1.5Gi", "1536Mi"),
    ("0.5", "500m"),
    ("1000", "1k"),
    ("1e3", "1e3"),
    ("1000e0", "1e3"),
    ("100Ki", "100Ki"),
    ("0.5Ki", "512"),
    ("0", "0"),
    ("0.0001", "100u"),
    ("-1000m", "-1"),
    ("1E", "1E"),
    ("12e6", "12e6"),
]


@table(("written", "canonical"), QUANTITIES)
def test_the_canonical_text_of_a_quantity_is_what_the_api_prints(written: str, canonical: str) -> None:
    """In the notation that the quantity is written in, with the largest unit that leaves a whole number."""
    assert canonical_quantity(written) == canonical
    assert canonical_quantity(canonical) == canonical
    assert quantities_agree(written, canonical)


@pytest.mark.parametrize(
    ("one", "other"), [("1Gi", "1073741824"), ("1Gi", "2Gi"), ("1k", "1Ki"), ("a", "a"), (True, 1)]
)
def test_other_quantities_differ(one: JSON, other: JSON) -> None:
    """Neither is the canonical text of the other."""
    assert not quantities_agree(one, other)


@pytest.mark.parametrize("text", ["", "1x", "9" * 70, "1e", "Gi", "1 Gi"])
def test_what_is_no_quantity_has_no_canonical_text(text: str) -> None:
    """It is compared as it is."""
    assert canonical_quantity(text) is None


def certificate(**spec: Any) -> dict[str, Any]:
    return thing("Certificate", "cert-manager.io/v1", spec=spec)


SPECS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"duration": "8760h"}, {"duration": "8760h0m0s"}, []),
    ({"duration": "8760h"}, {"duration": "8761h0m0s"}, ["spec.duration"]),
    ({"retry": [{"after": "60s"}]}, {"retry": [{"after": "1m0s"}]}, []),
    ({"waits": ["60s", "1h"]}, {"waits": ["1m0s", "1h0m0s"]}, []),
    ({"waits": ["60s", "1h"]}, {"waits": ["1m0s", "2h0m0s"]}, ["spec.waits"]),
    ({"storage": {"size": "1024Mi"}}, {"storage": {"size": "1Gi"}}, []),
    ({"resources": {"limits": {"cpu": "2000m"}}}, {"resources": {"limits": {"cpu": 2}}}, []),
    ({"capacity": {"pods": "1000"}}, {"capacity": {"pods": "1k"}}, []),
    ({"version": "1.0"}, {"version": "1"}, ["spec.version"]),
    ({"port": "1000m"}, {"port": "1"}, ["spec.port"]),
    ({"resources": {"memory": "1024Mi"}}, {"resources": {"memory": "2Gi"}}, ["spec.resources.memory"]),
]


@table(("desired", "observed", "paths"), SPECS)
def test_custom_resources_compare_by_what_a_typed_client_writes(
    desired: dict[str, Any], observed: dict[str, Any], paths: list[str]
) -> None:
    """Durations anywhere; quantities at or below the fields that hold them everywhere."""
    result = examine(Pair(declared(certificate(**desired)), live(certificate(**observed))))
    assert [drift.where for drift in result.drift] == paths


def test_a_definition_tells_which_fields_are_quantities() -> None:
    """Int-or-string with the pattern of quantities, whatever the field is called; a field without it is text."""
    number = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    pattern = rf"^(\+|-)?{number}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{number}))?$"
    either: list[dict[str, str]] = [{"type": "integer"}, {"type": "string"}]
    schema: dict[str, Any] = {
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "budget": {"anyOf": either, "pattern": pattern, "x-kubernetes-int-or-string": True},
                    "port": {"anyOf": either, "x-kubernetes-int-or-string": True},
                },
            }
        }
    }
    definition: dict[str, Any] = {
        "spec": {
            "group": "example.com",
            "names": {"kind": "Plan"},
            "versions": [{"name": "v1", "storage": True, "schema": {"openAPIV3Schema": schema}}],
        }
    }
    shapes = dict(shapes_of_crd(definition))
    spec = shapes["example.com", "Plan"].fields["spec"]
    budget, port = spec.fields["budget"].agrees, spec.fields["port"].agrees
    assert budget is not None
    assert budget("1000m", "1")
    assert port is None
    assert OPTIONS.shapes == {}
