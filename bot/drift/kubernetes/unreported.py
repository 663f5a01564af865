"""Where a live object gives more and no difference tells it: Git is silent there, and the walk takes it for nothing said.

It passes over what the server may have filled in, and ``false`` where no table knows the field. Asked by
:mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.drift.severity.fields import Weakening
from bot.drift.severity.grade import names_of
from bot.drift.shapes import ANY
from bot.drift.walk import Difference, Side


def unreported(weakened: Sequence[Weakening], differences: Sequence[Difference]) -> Iterator[Difference]:
    """A difference for each of ``weakened`` that is only live and that none of ``differences`` tells."""
    told_names = [names_of(difference.location.path) for difference in differences]
    for weakening in weakened:
        place_weakened = weakening.pair
        if place_weakened.declared is not None or place_weakened.live is None or not weakening.row.by_value:
            continue
        if not any(map(weakening.touches, told_names)):
            told_names.append(names_of(place_weakened.location.path))
            yield Difference(Side.OBSERVED, place_weakened.location, None, place_weakened.live, ANY)
