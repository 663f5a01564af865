"""Values that the repository does not tell are not compared, and nothing about them is proposed."""

from __future__ import annotations

import pytest

from bot.drift.options import ComparisonOptions
from bot.intake.read import read
from bot.model.json import JSON
from bot.model.resource import Observed
from tests.drift.makers import Pair, diff

OPTIONS = ComparisonOptions(mask_key=b"test")


@pytest.mark.parametrize("environment", ["{A: $PW, B: one}", '["A=$PW", "B=one"]'])
def test_an_unset_variable_hides_its_own_place_only(environment: str) -> None:
    """What the shell fills in is not compared, in either form; what Git does say still is."""
    text = f"name: x\nservices:\n  web:\n    image: $IMG\n    environment: {environment}\n    restart: always\n"
    (desired,) = read({"compose.yaml": text.encode()}, project="x").resources
    tree: dict[str, JSON] = {"image": "nginx:1", "environment": {"A": "s3cret", "B": "two"}, "restart": "no"}
    drifts = diff(Pair(desired, Observed(desired.id, tree)), OPTIONS)
    assert sorted(drift.where for drift in drifts) == ["environment.B", "restart"]
    assert "s3cret" not in repr(drifts)
