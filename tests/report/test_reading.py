"""What a printed report says when it is read back."""

from __future__ import annotations

import json

import pytest

from bot.model.resource import Unreachable
from bot.report.reading import read


@pytest.mark.parametrize(
    ("said", "unreachable"),
    [
        ({"observer": "kubernetes"}, Unreachable("kubernetes", "", "")),
        ({"observer": "docker", "target": "tcp://a", "later": 1}, Unreachable("docker", "tcp://a", "")),
        ({"observer": "docker", "cause": "refused"}, Unreachable("docker", "", "refused")),
    ],
)
def test_what_could_not_be_read_needs_only_its_observer(said: dict[str, object], unreachable: Unreachable) -> None:
    """Which target it was and why are told where they are known."""
    report = read(json.dumps({"drift": [], "unreachable": [said]}).encode(), "drift.json", {})
    assert report.unreachable == (unreachable,)
