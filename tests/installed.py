"""Marks for tests of what an extra brings, which import it themselves: collecting them imports nothing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import pytest

needs_docker: Final = pytest.mark.skipif(find_spec("docker") is None, reason="the docker library is not installed")
needs_kubernetes: Final = pytest.mark.skipif(
    find_spec("kubernetes") is None, reason="the kubernetes library is not installed"
)
needs_celery: Final = pytest.mark.skipif(
    None in map(find_spec, ("celery", "redis")), reason="the extra celery is not installed"
)
