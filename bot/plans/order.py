"""In which order actions are done: what others need first, deletions last and the other way round.

The order of kinds is Helm's (``pkg/release/v1/util/kind_sorter.go``, ``InstallOrder``), in waves: objects of one wave do
not need each other. What Helm does not name, custom resources above all, comes after everything else. Services of Compose
wait for those of their ``depends_on`` (compose-spec, 05-services.md). Above the kinds stand the waves that objects name for
Argo CD (argo-cd docs, "Sync Phases and Waves": by wave, lower ones first, then by kind).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from bot.model.action import Action, Operation
from bot.model.hooks import sync_wave
from bot.model.json import JSON, get, mapping, text
from bot.model.resource import Desired, Platform, ResourceId

_WAVES: Final = """
PriorityClass Namespace CustomResourceDefinition
NetworkPolicy ResourceQuota LimitRange PodDisruptionBudget ServiceAccount Secret ConfigMap StorageClass PersistentVolume PersistentVolumeClaim ClusterRole ClusterRoleBinding Role RoleBinding
Service DaemonSet Pod ReplicationController ReplicaSet Deployment HorizontalPodAutoscaler StatefulSet
Job CronJob IngressClass Ingress APIService MutatingWebhookConfiguration ValidatingWebhookConfiguration
""".strip().splitlines()  # noqa: E501
_WAVE: Final = {kind: wave for wave, kinds in enumerate(_WAVES) for kind in kinds.split()}
_KINDS: Final = len(_WAVES) + 1
_SERVICE: Final = "service"
_DEFINITION: Final = "CustomResourceDefinition"


def ordered(actions: Sequence[Action], declared: Mapping[ResourceId, Desired]) -> tuple[Action, ...]:
    """The actions with their waves and needs, in the order of both; equals by name. ``declared`` is the whole target."""
    levels = _Levels({action.resource: action for action in actions}, declared)
    last = max((levels.of(action.resource) for action in actions), default=0)
    placed = [_placed(action, levels, last) for action in actions]
    used = {wave: index for index, wave in enumerate(sorted({action.wave for action in placed}))}
    dense = [replace(action, wave=used[action.wave]) for action in placed]
    return tuple(sorted(dense, key=lambda action: (action.wave, action.resource.qualified, action.resource.group)))


def kind_rank(desired: Desired) -> int:
    """The wave of a resource by its kind alone."""
    return _rank(desired.id)


def needed(desired: Desired, actions: Sequence[Action]) -> list[str]:
    """The ids of the actions without which the server would not know what to do with it: on its namespace or its kind."""
    return [
        action.id
        for action in actions
        if (action.resource.kind, action.resource.name) == ("Namespace", desired.id.scope)
        or (action.resource.kind == _DEFINITION and action.resource.name.endswith(f".{desired.id.group}"))
    ]


def _placed(action: Action, levels: _Levels, last: int) -> Action:
    if action.operation is Operation.DELETE:
        return replace(action, wave=2 * last + 1 - levels.of(action.resource))
    needs = (levels.actions[need].id for need in levels.needs(action.resource))
    return replace(action, wave=levels.of(action.resource), needs=tuple(sorted(needs)))


@dataclass
class _Levels:
    """How many waves come before each action at least."""

    actions: Mapping[ResourceId, Action]
    declared: Mapping[ResourceId, Desired]
    _levels: dict[ResourceId, int] = field(default_factory=dict)

    @cached_property
    def _definitions(self) -> Mapping[tuple[str, str], ResourceId]:
        """By group and kind the definition of custom resources that declares them."""
        trees = ((id_, desired.tree) for id_, desired in self.declared.items() if id_.kind == _DEFINITION)
        return {
            (text(get(tree, "spec", "group")), text(get(tree, "spec", "names", "kind"))): id_ for id_, tree in trees
        }

    @cached_property
    def _sync(self) -> Mapping[ResourceId, int]:
        """By resource the number of its wave among those that objects of this plan name, from 0."""
        waves = {
            id_: sync_wave(desired.tree) if (desired := self.declared.get(id_)) is not None else 0
            for id_ in self.actions
        }
        numbers = {wave: number for number, wave in enumerate(sorted({*waves.values()}))}
        return {id_: numbers[wave] for id_, wave in waves.items()}

    def of(self, resource: ResourceId) -> int:
        """The wave of a resource. A service that waits for itself in a circle waits for nobody there."""
        waiting = [resource]
        while waiting:
            current = waiting[-1]
            if current not in self._levels:
                self._levels[current] = -1  # being asked
                waiting += [need for need in self.needs(current) if need not in self._levels]
            else:
                waiting.pop()
                if self._levels[current] < 0:
                    least = self._sync[current] * _KINDS + _rank(current)
                    self._levels[current] = max([least, *(self._levels[need] + 1 for need in self.needs(current))])
        return self._levels[resource]

    def needs(self, resource: ResourceId) -> list[ResourceId]:
        """What has to be there before it, of what this plan makes."""
        desired = self.declared.get(resource)
        wanted_ids = [] if desired is None else [*_named_before(desired)]
        wanted_ids += [self._definitions[key]] if (key := (resource.group, resource.kind)) in self._definitions else []
        same = (_in_target(wanted_id, resource) for wanted_id in wanted_ids)
        planned_ids = (
            candidate for candidate in dict.fromkeys(same) if candidate in self.actions and candidate != resource
        )
        return [action for action in planned_ids if self.actions[action].operation is not Operation.DELETE]


def _in_target(resource: ResourceId, example: ResourceId) -> ResourceId:
    return resource._replace(target=example.target)


def _rank(resource: ResourceId) -> int:
    if resource.platform is Platform.KUBERNETES:
        return _WAVE.get(resource.kind, len(_WAVES))
    return int(resource.platform is Platform.COMPOSE and resource.kind == _SERVICE)


def _named_before(desired: Desired) -> Iterator[ResourceId]:
    if desired.id.platform is Platform.KUBERNETES:
        yield ResourceId(Platform.KUBERNETES, "Namespace", "", desired.id.scope)
    if desired.id.platform is Platform.COMPOSE and desired.id.kind == _SERVICE:
        for service in _names(desired.tree.get("depends_on")):
            yield desired.id._replace(name=service)
        for kind, key in (("network", "networks"), ("volume", "volumes")):
            for name in _names(desired.tree.get(key)):
                yield desired.id._replace(kind=kind, name=name)


def _names(entries: JSON) -> Iterator[str]:
    """The names in a list or mapping of them; of mounts the sources."""
    yield from mapping(entries)
    for entry in entries if isinstance(entries, (list, tuple)) else ():
        yield text(get(entry, "source")) if isinstance(entry, Mapping) else text(entry).partition(":")[0]
