"""What tests of this package need of the machine."""

from __future__ import annotations

import pytest

from bot.errors import Unavailable
from bot.renderers import tools


def _no_kustomize() -> bool:
    try:
        tools.kustomize()
    except Unavailable:
        return True
    return False


KUSTOMIZE = pytest.mark.skipif(_no_kustomize(), reason="neither kustomize nor kubectl is installed")
HELM = pytest.mark.skipif(
    not tools.helm_library() and tools.helm() is None, reason="neither helm nor helm-python-sdk is installed"
)
