"""What pytest runs with inside a mutation run: the same examples each time, no shrinking, no runaway memory.

Loaded by name (``-p tests.mutate.plugin``) in the copied tree; nothing else imports it.
"""

from __future__ import annotations

import resource
from typing import Final

from hypothesis import Phase, settings

_MEMORY: Final = 4 * 1024**3
"""Bytes of address space. A mutant that never ends may also never stop allocating."""

settings.register_profile("mutate", derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
settings.load_profile("mutate")
resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))
