"""One container as an engine shows it, said in the words of a Compose service.

Pure. The container observer and the snapshot observer call :func:`observed`; the diff compares its tree with a declared
service in canonical long Compose syntax. The readers of the single keys are in the modules beside this one. A
reader answers ``(value, ground)``: the canonical value as it is live (None: absent) and the one that would be there had
nobody asked for anything.

Sources: the Docker engine API (v1.43, ContainerInspect), podman 4 and 5 ``inspect`` (native and Docker-compatible), the
defaults of dockerd and of containers.conf(5), and the Compose specification for the vocabulary.

What a container has from its image or from its engine is not what somebody chose for it, so it is left out of the tree
and kept below ``x-inherited`` in the same vocabulary. So a comparison

* looks for additions in the tree only;
* looks for the live value of anything that Git states in ``x-inherited`` too: ``restart: "no"``, or an environment
  variable equal to the image's, is live although nobody had to ask for it;
* leaves out the keys in ``x-unknown``: this engine does not show them at all.

Networks and volumes have the engine's names for them; what Git calls those, :mod:`bot.drift.compose.services` finds out.

Without the image's inspect everything that an image may bring counts as inherited: it can be compared with what Git
states, and an addition cannot be told from the image.

Beside the Compose keys a tree has:

``x-image``     {"id": "sha256:...", "digests": ["repo@sha256:...", ...]}, and ``tagged``, the id of the image that the
                tag names now, where the container runs another one
``x-state``     {"status", "health", "exit_code", "restarts", "oom_killed", "started_at"}
``x-container`` {"id", "name", "engine", "project", "working_dir"}, and ``capabilities``, ``addresses``, ``logged`` of podman
``x-inherited`` what came from the image and the engine
``x-replicas``  the trees of the service's other containers, only where there are any
``x-unknown``   keys of which nothing is known, only where there are any
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from bot.drift import images
from bot.drift.compose.inspected import networking, process, resources, security, storage
from bot.drift.compose.inspected.container import Container, facts
from bot.drift.compose.inspected.health import container_problems
from bot.drift.compose.inspected.networking import brought_ports
from bot.drift.compose.inspected.reading import Reader
from bot.drift.compose.notation import PROJECT, SERVICE, capability, label
from bot.model.json import JSON, Tree, get, integer, mapping, mappings, text, texts
from bot.model.resource import Observed, Platform, ResourceId

INHERITED: Final = "x-inherited"
REPLICAS: Final = "x-replicas"
UNKNOWN: Final = "x-unknown"

_FROM_IMAGE: Final = frozenset(
    {"command", "entrypoint", "environment", "expose", "healthcheck", "labels", "stop_signal", "user", "working_dir"}
)

_FIELDS: Final[Mapping[str, Reader]] = {
    **process.FIELDS,
    **networking.FIELDS,
    **storage.FIELDS,
    **resources.FIELDS,
    **security.FIELDS,
}
"""Every Compose key that is read, and what its image or engine gives anyway."""
Engine = Literal["docker", "podman"]

_WORKING_DIR: Final = ("com.docker.compose.project.working_dir", "io.podman.compose.project.working_dir")
_STACK: Final = "com.docker.stack.namespace"
_SWARM_SERVICE: Final = "com.docker.swarm.service.name"


def observed(
    container: Tree,
    image: Tree | None = None,
    engine: Engine = "docker",
    tagged: Mapping[str, Tree] | None = None,
) -> Observed:
    """The service that one inspected container runs. ``image`` is the inspect of its image where known, and ``tagged``
    are all known images by their names in full (:func:`tags`).
    """
    inspected = facts(container, image, engine)
    tree = _tree(inspected)
    behind = _behind(container, text(tree.get("image")), tagged or {})
    if behind:
        tree["x-image"] = {**mapping(tree["x-image"]), "tagged": behind}
    return Observed(identity(container), tree, container_problems(container), f"{_version(container)}{behind}")


def tags(image: Tree) -> tuple[str, ...]:
    """The names of an inspected image in full."""
    return tuple(str(images.image(name)) for name in texts(image.get("RepoTags")) if name != "<none>:<none>")


def _behind(container: Tree, name: str, tagged: Mapping[str, Tree]) -> str:
    """The id of the image that the container's tag names now, where that is another one than it runs; else empty.

    An engine that keeps images in containerd may call one by its id or by a digest of its manifest.
    """
    parsed = images.parse(name)
    image = {} if parsed is None or parsed.digest else mapping(tagged.get(str(parsed)))
    running = text(container.get("Image")).removeprefix("sha256:")
    digests = [digest.rpartition("@")[2] for digest in texts(image.get("RepoDigests"))]
    called = (text(image.get("Id")), *digests, text(get(image, "Descriptor", "digest")), text(image.get("Digest")))
    now = text(image.get("Id")).removeprefix("sha256:")
    return (
        f"sha256:{now}"
        if running and now and running not in {called_id.removeprefix("sha256:") for called_id in called}
        else ""
    )


def identity(container: Tree) -> ResourceId:
    """Project and service from the labels that Compose tools set; else no project and the container's name."""
    labels = mapping(get(container, "Config", "Labels"))
    project, service = label(labels, (*PROJECT, _STACK)), label(labels, SERVICE)
    if not service and _SWARM_SERVICE in labels:
        service = text(labels[_SWARM_SERVICE]).removeprefix(f"{project}_")
    name = text(container.get("Name")).removeprefix("/")
    return ResourceId(Platform.COMPOSE, "service", project, service or name)


def is_one_off(container: Tree) -> bool:
    """Whether ``docker compose run`` made it, or it is a pod's infrastructure: no replica of its service."""
    labels = mapping(get(container, "Config", "Labels"))
    return text(labels.get("com.docker.compose.oneoff")).lower() == "true" or container.get("IsInfra") is True


def merged(replicas: Sequence[Observed]) -> Observed:
    """One service from its containers: the tree of the first by name with those of the others, ``scale``, everybody's
    problems.

    The order in which containers were listed makes no difference.
    """
    ordered = sorted(replicas, key=lambda replica: text(get(replica.tree, "x-container", "name")))
    first = ordered[0]
    if len(ordered) == 1:
        return first
    problems = tuple(
        replace(problem, message=f"{text(get(replica.tree, 'x-container', 'name'))}: {problem.message}")
        for replica in ordered
        for problem in replica.problems
    )
    tree = {**first.tree, "scale": len(ordered), REPLICAS: [replica.tree for replica in ordered[1:]]}
    return Observed(first.id, tree, problems, "+".join(replica.version for replica in ordered))


def _tree(container: Container) -> dict[str, JSON]:
    asked_fields: dict[str, JSON] = {}
    inherited: dict[str, JSON] = {}
    for key, read in _FIELDS.items():
        value, ground = read(container)
        if key in _FROM_IMAGE and not container.image:
            ground = value
        own_part, ground_part = split(value, ground)
        if own_part is not None:
            asked_fields[key] = own_part
        if ground_part is not None:
            inherited[key] = ground_part
    if brought := brought_ports(container):
        inherited["expose"] = brought
    unknown = _unknown(container)
    return {
        **asked_fields,
        **_annotations(container),
        INHERITED: inherited,
        **({UNKNOWN: [*unknown]} if unknown else {}),
    }


def _unknown(container: Container) -> tuple[str, ...]:
    """What podman leaves out: sysctls unless the command line was kept, log options in its imitation of Docker, exposed
    ports in its own words, and the devices of ``gpus``.
    """
    if not container.podman:
        return ()
    return (
        *(() if container.config.get("CreateCommand") else ("sysctls",)),
        *(() if container.container.get("ImageName") else ("logging",)),
        *(() if mapping(container.config.get("ExposedPorts")) else ("expose",)),
        *(() if container.host.get("DeviceRequests") else ("gpus",)),
    )


def split(value: JSON, ground: JSON) -> tuple[JSON, JSON]:
    """``value`` parted into what was given and what equals the ground it stands on; None for nothing.

    Mappings part by entry, everything else is given or inherited as a whole.
    """
    if isinstance(value, Mapping):
        below = mapping(ground)
        parts = {key: split(entry, below.get(key)) for key, entry in value.items()}
        own_part = {key: part for key, (part, _) in parts.items() if part is not None}
        ground_part = {key: part for key, (_, part) in parts.items() if part is not None}
        if not value:
            return (None, {}) if ground == {} else ({}, None)
        return own_part or None, ground_part or None
    return (None, value) if value == ground else (value, None)


def _annotations(inspected: Container) -> dict[str, JSON]:
    container, state = inspected.container, mapping(inspected.container.get("State"))
    labels = mapping(inspected.config.get("Labels"))
    health = text(get(state, "Health", "Status") or get(state, "Healthcheck", "Status"))
    id_ = text(container.get("Image"))
    digest = text(container.get("ImageDigest"))
    return {
        "x-image": {
            "id": id_ if not id_ or id_.startswith("sha256:") else f"sha256:{id_}",
            "digests": list(texts(inspected.image.get("RepoDigests"))) or ([digest] if digest else []),
        },
        "x-state": {
            "status": text(state.get("Status")),
            "health": health if health not in {"", "none"} else None,
            "exit_code": integer(state.get("ExitCode")),
            "restarts": integer(container.get("RestartCount")),
            "oom_killed": state.get("OOMKilled") is True,
            "started_at": text(state.get("StartedAt")),
        },
        "x-container": {
            "id": text(container.get("Id")),
            "name": text(container.get("Name")).removeprefix("/"),
            "engine": inspected.engine,
            "project": identity(container).scope,
            "working_dir": label(labels, _WORKING_DIR),
            **_bounding(inspected),
            **_addresses(inspected),
            **_logged(inspected),
        },
    }


def _bounding(container: Container) -> dict[str, JSON]:
    """The capabilities that a container of podman may have at all."""
    names = texts(container.container.get("BoundingCaps")) or texts(container.container.get("EffectiveCaps"))
    return {"capabilities": sorted(map(capability, names))} if names else {}


def _addresses(container: Container) -> dict[str, JSON]:
    """The addresses that a container of podman has in its networks while it runs, be they asked for or not."""
    networks = mappings(list(mapping(get(container.container, "NetworkSettings", "Networks")).values()))
    keys = ("IPAddress", "GlobalIPv6Address")
    addresses: list[JSON] = [address for network in networks for key in keys if (address := text(network.get(key)))]
    return {"addresses": addresses} if addresses and container.engine == "podman" else {}


def _logged(container: Container) -> dict[str, JSON]:
    """Whether the command line of podman says how the container logs."""
    names_logging = container.podman and (
        container.values_of_flag("--log-driver") or container.values_of_flag("--log-opt")
    )
    return {"logged": True} if names_logging else {}


def _version(container: Tree) -> str:
    state = mapping(container.get("State"))
    parts = (
        text(container.get("Id")),
        text(state.get("StartedAt")),
        text(state.get("Status")),
        text(get(state, "Health", "Status")),
        str(integer(container.get("RestartCount"))),
    )
    return ":".join(parts)
