"""One issue that says what stands, on which people give orders by ticking check boxes."""

from __future__ import annotations
