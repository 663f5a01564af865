"""One set of renderers for all tests of this package, which render different things and share nothing else."""

from __future__ import annotations

import pytest

from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from tests.gitops import tree_of


@pytest.fixture(scope="session")
def renderers() -> Renderers:
    """Renderers with the strongest wall that this machine has."""
    return Renderers(Documents(tree_of({})))
