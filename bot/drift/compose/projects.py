"""Which live service a declared one means, whether it should be there at all, and whose project a container is of.

Called by :mod:`bot.drift.presence`. Every answer stays silent where it would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from bot.drift.live import Live
from bot.model.json import elements, get, text
from bot.model.resource import Desired, Observed, Platform, ResourceId


class Projects:
    """The projects that Git declares, and under which names they run.

    A folder that was renamed, or ``--project-name``, makes a project run under another name than its file's (Compose
    specification, 04-version-and-name.md).
    """

    def __init__(self, live: Live, declared: Iterable[Desired]) -> None:
        ids = [desired.id for desired in declared if desired.id.platform is Platform.COMPOSE]
        self._live = live
        self._scopes = {id_.scope for id_ in ids}
        self._declared = _services(ids)
        self._names: dict[str, str | None] = {}

    def matching(self, desired: Desired) -> Observed | None:
        """The live service that ``desired`` means: the one of its project, or a container without a project that bears
        its name; None when there is none, or more than one may be meant.
        """
        id_ = desired.id
        project = self.name(id_.scope)
        own_name = text(desired.tree.get("container_name"))
        names = {own_name} - {""} if project == id_.scope else {id_.name, own_name} - {""}
        without_project = [
            observed for name in names for observed in self._live.named(id_, name) if not observed.id.scope
        ]
        if without_project:
            return without_project[0] if len(without_project) == 1 else None
        candidates = self._live.named(id_, id_.name)
        return next((observed for observed in candidates if observed.id.scope == project), None)

    def name(self, declared: str) -> str | None:
        """The name under which a declared project runs: its own, else that of the one undeclared project that has at
        least half of its services; None where there is no such project.
        """
        if declared not in self._names:
            running = _services(id_ for id_ in self._live.resources if id_.platform is Platform.COMPOSE and id_.scope)
            self._names[declared] = declared if declared in running else self._most_alike(declared, running)
        return self._names[declared]

    def _most_alike(self, declared: str, running: Mapping[str, set[str]]) -> str | None:
        services = self._declared.get(declared, set())
        shared = {
            name: len(services & other_services)
            for name, other_services in running.items()
            if name not in self._declared
        }
        best = max(shared.values(), default=0)
        most_alike = [name for name, number in shared.items() if number == best]
        return most_alike[0] if len(most_alike) == 1 and best and 2 * best >= len(services) else None

    def claim(self, id_: ResourceId) -> str | None:
        """Why Git should declare a live service: it is an orphan of a declared project; None where it is none."""
        if id_.kind != "service" or id_.scope not in self._running:
            return None
        return f"runs in the project {id_.scope}, whose files do not declare it"

    @cached_property
    def _running(self) -> frozenset[str | None]:
        """The names under which the declared projects run."""
        return frozenset(self.name(scope) for scope in self._scopes)


def _services(ids: Iterable[ResourceId]) -> dict[str, set[str]]:
    """The names of services by project."""
    services: dict[str, set[str]] = {}
    for id_ in ids:
        if id_.kind == "service":
            services.setdefault(id_.scope, set()).add(id_.name)
    return services


def expected(desired: Desired, *, kind_seen: bool) -> bool:
    """Whether the absence of ``desired`` is worth a word. ``kind_seen``: something of its kind was seen running.

    A service with ``profiles`` runs only where one of them is enabled (Compose specification, 15-profiles.md).
    """
    tree = desired.tree
    if desired.id.kind != "service":
        return kind_seen and tree.get("external") is not True
    return not elements(tree.get("profiles")) and 0 not in (tree.get("scale"), get(tree, "deploy", "replicas"))
