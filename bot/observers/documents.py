"""What a snapshot says: its text read, and every object in it recognised by its own shape.

Pure. Accepted as they are: ``kubectl get -o json`` or ``-o yaml`` output (one object, a List, several documents, a
typed list such as ``DeploymentList``), ``docker inspect``/``podman inspect`` arrays of containers, images, networks
and volumes, JSON arrays of any of these, and one object with the keys ``kubernetes``, ``docker`` and ``podman``. What
``kubectl version -o json`` and ``kubectl get --raw /apis`` print may stand beside them, and so may Terraform plans as
``terraform show -json`` prints them and the cluster's schemas (``kubectl get --raw /openapi/v3/apis/GROUP/VERSION``).
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from bot.drift.compose.inspected import inspect
from bot.drift.compose.names import short_name
from bot.drift.compose.notation import PROJECT, label
from bot.drift.kubernetes.health import problems
from bot.drift.kubernetes.workloads import with_pod_problems
from bot.errors import Invalid
from bot.intake.scalars import Dialect
from bot.intake.text import Text
from bot.intake.yamltree import Broken, load
from bot.model.cluster import ServedApi
from bot.model.drift import IgnoreNote
from bot.model.json import JSON, Tree, get, mapping, mappings, text
from bot.model.observation import Observation
from bot.model.resource import Observed, Platform, ResourceId, api_group
from bot.observers import api_versions
from bot.observers.contradiction import contradiction, same_state
from bot.secrecy.sanitize import sanitized

_ADVICE: Final = (
    "Give the output of `kubectl get ... -o json`, of `docker inspect ...` or of `terraform show -json PLAN`."
)
_SECTIONS: Final = frozenset({"kubernetes", "docker", "podman"})
_PODMAN_MARKS: Final = ("ConmonPidFile", "OCIRuntime", "ImageName", "IsInfra")
"""Keys that Podman's inspect of a container has and Docker's has not: containers/podman libpod/define/container_inspect.go."""


@dataclass(slots=True)
class _Pile:
    """The objects of a snapshot sorted by what they are, while they are being read."""

    source: str
    kubernetes: list[Tree] = field(default_factory=list)
    containers: list[tuple[Tree, Literal["docker", "podman"]]] = field(default_factory=list)
    images: dict[str, Tree] = field(default_factory=dict)
    volumes_and_networks: list[tuple[str, Tree]] = field(default_factory=list)
    covered: set[Platform] = field(default_factory=set)
    typed: set[tuple[str, str]] = field(default_factory=set)
    facts: list[Tree] = field(default_factory=list)
    plans: list[Tree] = field(default_factory=list)
    schemas: list[Tree] = field(default_factory=list)
    untyped: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotContents:
    """What a snapshot says: what runs, and the Terraform plans in it, which are comparisons already."""

    observation: Observation
    plans: tuple[Tree, ...] = ()


def snapshot_contents(data: bytes, source: str, now: datetime) -> SnapshotContents:
    """What ``data`` says. Raises :class:`Invalid` naming ``source``, line and column of what is wrong."""
    pile = _Pile(source)
    with _without_collection():
        for document in parsed(data, source):
            _collect(document, pile, None)
            if document == []:
                pile.covered |= {Platform.KUBERNETES, Platform.COMPOSE}
    if not pile.covered and not pile.plans:
        raise Invalid(
            f"{source}: there is no Kubernetes object, no container and no Terraform plan in it",
            advice=f"{_ADVICE} An empty list is fine.",
        )
    objects, duplicates = _kubernetes(pile.kubernetes, now)
    resources = with_pod_problems(objects)
    resources |= services(pile.containers, pile.images)
    resources |= {part.id: part for part in (compose_observed(*entry) for entry in pile.volumes_and_networks)}
    kinds = frozenset(pile.typed) if pile.typed and not pile.untyped else None
    notes = (*_notes(pile.kubernetes, source), *_contradictions(duplicates, source))
    observation = Observation(
        now,
        resources,
        frozenset(pile.covered),
        kinds,
        served=_served(pile),
        schemas=tuple(pile.schemas),
        source=source,
        notes=notes,
    )
    return SnapshotContents(observation, tuple(pile.plans))


def _notes(objects: Sequence[Tree], source: str) -> tuple[IgnoreNote, ...]:
    """That nobody is recorded to have written anything: kubectl leaves ``managedFields`` out since 1.21."""
    if not objects or any("managedFields" in mapping(tree.get("metadata")) for tree in objects):
        return ()
    command = "kubectl get ... -o json --show-managed-fields"
    return (
        IgnoreNote(source, "incomplete", f"no managedFields, so who wrote what is unknown; read it with `{command}`"),
    )


def _served(pile: _Pile) -> ServedApi:
    version = next((version for fact in pile.facts if (version := api_versions.version_of(fact))), "")
    served_api = ServedApi(version, tuple(sorted(set(api_versions.in_lists(pile.facts)))))
    return served_api.beside(api_versions.in_objects(pile.kubernetes))


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection meanwhile: parsing makes millions of objects and no garbage, and walking them all again and
    again takes more than half of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def parsed(data: bytes, source: str) -> Iterator[JSON]:
    """The JSON values (one after the other) or YAML documents in ``data``."""
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        raise Invalid(f"{source}:{line}:{column}: not text in UTF-8") from exc
    if content.lstrip()[:1] in {"{", "["}:
        yield from _json(content, source)
    else:
        yield from _yaml(content, source)


def _json(content: str, source: str) -> Iterator[JSON]:
    decoder = json.JSONDecoder()
    at = len(content) - len(content.lstrip())
    while at < len(content):
        try:
            value, at = decoder.raw_decode(content, at)
        except json.JSONDecodeError as exc:
            raise Invalid(f"{source}:{exc.lineno}:{exc.colno}: not JSON: {exc.msg}") from exc
        except RecursionError as exc:
            raise Invalid(f"{source}: nested too deeply") from exc
        yield value
        at += len(content[at:]) - len(content[at:].lstrip())


def _yaml(content: str, source: str) -> Iterator[JSON]:
    try:
        documents = load(Text(source, content), Dialect.KUBERNETES)
    except Broken as exc:
        error, problem = exc.error, exc.problem or exc.error.message
        raise Invalid(f"{source}:{error.line}:{error.column}: neither JSON nor YAML: {sanitized(problem)}") from exc
    yield from (document.value for document in documents if document is not None)


_NOUNS: Final = {str: "text", bool: "a yes or no"}


def _collect(value: JSON, pile: _Pile, section: str | None) -> None:
    if value is None:
        return
    if isinstance(value, list):
        if section is not None:
            pile.covered.add(_platform(section))
        for element in value:
            _collect(element, pile, section)
        return
    if not isinstance(value, dict):
        raise Invalid(
            f"{pile.source}: expected objects, found {_NOUNS.get(type(value), 'a number')} "
            f"{sanitized(str(value)[:1000])[:40]!r}",
            advice=_ADVICE,
        )
    if section is None and value and value.keys() <= _SECTIONS:
        for key, below in value.items():
            pile.covered.add(_platform(key))
            pile.untyped |= key == "kubernetes"
            _collect(below, pile, key)
        return
    if "format_version" in value and ("resource_changes" in value or "planned_values" in value):
        pile.plans.append(value)
        return
    if "openapi" in value and "components" in value:
        pile.schemas.append(value)
        return
    if value.get("kind") in api_versions.FACTS or api_versions.version_of(value):
        pile.facts.append(value)
    elif "apiVersion" in value and "kind" in value:
        _sort_kubernetes(value, pile)
    else:
        _sort_engine(value, pile, section)


def _platform(section: str) -> Platform:
    return Platform.KUBERNETES if section == "kubernetes" else Platform.COMPOSE


def _sort_kubernetes(value: Tree, pile: _Pile) -> None:
    kind, version = text(value.get("kind")), text(value.get("apiVersion"))
    if kind == "Status":
        reason = text(value.get("message")) or text(value.get("reason"))
        raise Invalid(
            f"{pile.source}: the API server answered with an error instead of objects: {sanitized(reason[:1000])[:200]}"
        )
    pile.covered.add(Platform.KUBERNETES)
    if not kind.endswith("List") or "items" not in value:
        pile.untyped = True
        pile.kubernetes.append(value)
        return
    below = kind.removesuffix("List")
    if below:
        pile.typed.add((api_group(version), below))
    else:
        pile.untyped = True
    for item in mappings(value.get("items")):
        pile.kubernetes.append(item if "kind" in item else {"apiVersion": version, "kind": below, **item})


def _sort_engine(value: Tree, pile: _Pile, section: str | None) -> None:
    by_podman = section == "podman" or any(mark in value for mark in _PODMAN_MARKS)
    pile.covered.add(Platform.COMPOSE)
    if "Config" in value and ("State" in value or "HostConfig" in value):
        pile.containers.append((value, "podman" if by_podman else "docker"))
    elif "RootFS" in value or "RepoTags" in value:
        pile.images[_bare(text(value.get("Id")))] = value
    elif "Mountpoint" in value:
        pile.volumes_and_networks.append(("volume", value))
    elif "IPAM" in value or "network_interface" in value or "subnets" in value:
        pile.volumes_and_networks.append(("network", value))
    else:
        keys = sanitized(", ".join(sorted(value)[:6])) or "nothing"
        raise Invalid(
            f"{pile.source}: cannot tell what an object with {keys} is",
            advice=f"{_ADVICE} `docker ps` and `kubectl get -o name` say too little.",
        )


def _bare(image: str) -> str:
    return image.removeprefix("sha256:")


def kubernetes_id(tree: Tree) -> ResourceId:
    """The identity of a live Kubernetes object."""
    metadata = mapping(tree.get("metadata"))
    return ResourceId(
        Platform.KUBERNETES,
        text(tree.get("kind")),
        text(metadata.get("namespace")),
        text(metadata.get("name")),
        api_group(tree.get("apiVersion")),
    )


def kubernetes_version(tree: Tree) -> str:
    """``uid/resourceVersion``; empty where either is unknown."""
    uid, version = text(get(tree, "metadata", "uid")), text(get(tree, "metadata", "resourceVersion"))
    return f"{uid}/{version}" if uid and version else ""


def _kubernetes(objects: Iterable[Tree], now: datetime) -> tuple[dict[ResourceId, Observed], list[str]]:
    """The objects, and the names of those of which there is another account that says something else."""
    resources: dict[ResourceId, Observed] = {}
    duplicates: dict[str, None] = {}
    for tree in objects:
        id_ = kubernetes_id(tree)
        before = resources.get(id_)
        if before is None:
            resources[id_] = Observed(id_, tree, problems(tree, now), kubernetes_version(tree))
        elif not same_state(before.tree, tree):
            duplicates[str(id_)] = None
    return resources, [*duplicates]


def _contradictions(names: Sequence[str], source: str) -> tuple[IgnoreNote, ...]:
    return (contradiction(source, names, "the first one counts"),) if names else ()


def services(
    containers: Iterable[tuple[Tree, Literal["docker", "podman"]]], images: dict[str, Tree]
) -> dict[ResourceId, Observed]:
    """The Compose services that ``containers`` run; ``images`` by id without ``sha256:``."""
    replicas: dict[ResourceId, list[Observed]] = {}
    tagged = {canonical: image for image in images.values() for canonical in inspect.tags(image)}
    for container, engine in containers:
        if not inspect.is_one_off(container):
            image = images.get(_bare(text(container.get("Image"))))
            replica = inspect.observed(container, image, engine, tagged)
            replicas.setdefault(replica.id, []).append(replica)
    return {id_: inspect.merged(observed) for id_, observed in replicas.items()}


_SWITCHES: Final[Mapping[str, tuple[str, ...]]] = {
    "internal": ("Internal", "internal"),
    "attachable": ("Attachable",),
    "enable_ipv6": ("EnableIPv6", "ipv6_enabled"),
}
"""Switches of a network, and what Docker and podman call them."""


def compose_observed(kind: str, tree: Tree) -> Observed:
    """An inspected network or volume with its canonical tree."""
    labels = mapping(tree.get("Labels") or tree.get("labels"))
    project = label(labels, PROJECT)
    name = text(tree.get("Name") or tree.get("name"))
    short = text(labels.get(f"com.docker.compose.{kind}")) or short_name(name, project)
    shown: dict[str, JSON] = {"name": name}
    if driver := text(tree.get("Driver") or tree.get("driver")):
        shown["driver"] = driver
    if own_labels := {key: value for key, value in labels.items() if not key.startswith(("com.docker.", "io.podman."))}:
        shown["labels"] = own_labels
    if "Options" in tree or "options" in tree:  # null where there are none
        shown["driver_opts"] = dict(mapping(tree.get("Options") or tree.get("options")))
    for key, names in _SWITCHES.items():
        if (switch := next((tree[each] for each in names if tree.get(each) is not None), None)) is not None:
            shown[key] = switch
    ranges = [*mappings(get(tree, "IPAM", "Config")), *mappings(tree.get("subnets"))]
    if subnets := [each for part in ranges if (each := text(part.get("Subnet") or part.get("subnet")))]:
        shown["x-subnets"] = [*subnets]
    return Observed(ResourceId(Platform.COMPOSE, kind, project, short), shown)
