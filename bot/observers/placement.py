"""Live objects under the identity that Git gives them: a manifest without a namespace lands in the current one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.model.resource import Desired, Observed, Platform, ResourceId


def placed(
    resources: Mapping[ResourceId, Observed], wanted: Iterable[Desired], namespace: str
) -> dict[ResourceId, Observed]:
    """``resources`` where what is live in ``namespace`` has no scope if Git declares it without a namespace."""
    found = dict(resources)
    for desired in wanted:
        id_ = desired.id
        if id_.platform is Platform.KUBERNETES and not id_.scope and id_ not in found:
            live = found.pop(replace(id_, scope=namespace), None)
            if live is not None:
                found[id_] = replace(live, id=id_)
    return found
