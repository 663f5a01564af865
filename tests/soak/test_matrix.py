"""A sample of the fault matrix."""

from __future__ import annotations

import pytest

from tests.soak.matrix import sample, writes_of
from tests.soak.scenes import SCENES

SECONDS = 4.0
SEED = 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_fault_doubles_or_loses_anything() -> None:
    """Whichever write of whichever run fails however: once it settles, all is there once, and nobody had to lift a stop."""
    figures = sample(SECONDS, SEED, least=5)
    assert (figures.duplicates, figures.lost, figures.stops) == (0, 0, 0), figures.details


@pytest.mark.slow
def test_the_matrix_has_every_kind_of_write() -> None:
    """Pushes, pull requests, issues, labels, comments, changes and closing: a run of some scene makes each."""
    writes = {write.partition("?")[0] for name in SCENES for write in writes_of(name)}
    shapes = {write.translate(str.maketrans("", "", "0123456789")) for write in writes}
    assert {
        "POST /acme/shop.git/git-receive-pack",
        "POST /pulls",
        "POST /issues",
        "POST /labels",
        "POST /issues//labels",
        "POST /issues//comments",
        "PATCH /pulls/",
        "PATCH /issues/",
    } <= shapes
