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


def untold(weakened: Sequence[Weakening], differences: Sequence[Difference]) -> Iterator[Difference]:
    """A difference for each of ``weakened`` that is only live and that none of ``differences`` tells."""
    told = [names_of(difference.location.path) for difference in differences]
    for each in weakened:
        place = each.place
        if place.declared is not None or place.live is None or not each.row.by_value:
            continue
        if not any(map(each.touches, told)):
            told.append(names_of(place.location.path))
            yield Difference(Side.OBSERVED, place.location, None, place.live, ANY)
