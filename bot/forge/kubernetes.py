"""Stacks of provider ``kubernetes``: a Deployment and a Service per service, and an object for each other resource.

Secrets are referred to by name and never rendered: their values do not belong in Git. Source of names and forms: the
Kubernetes API reference, apps/v1, batch/v1, networking.k8s.io/v1 and core/v1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.assembly.config import Kind, Resource, Stack
from bot.assembly.values import Value
from bot.forge.bundle import BUILD, ArtifactPart, derived, each, fixed, listed, tree
from bot.forge.pods import elements, memory, pod, seconds, variable_slots
from bot.model.json import Pointer
from bot.model.resource import Platform, ResourceId

_JOB_POD: Final[Pointer] = ("spec", "template", "spec")
_ANNOTATED: Final[Mapping[str, Pointer]] = {
    "Deployment": ("spec", "template", "spec"),
    "Job": _JOB_POD,
    "CronJob": ("spec", "jobTemplate", *_JOB_POD),
    "Ingress": (),
}
"""Kinds whose annotations can be edited, with the place of their pods."""
_RESTART: Final = {"no": "Never", "on-failure": "OnFailure"}
"""Compose Specification, "restart", to the two policies that a Job's pods may have."""


def parts(stack: Stack) -> Iterator[ArtifactPart]:
    """Every object of a stack, in the order of files and documents."""
    for service in stack.of(Kind.SERVICE):
        path = f"{BUILD}/{stack.name}/{service.name}.yaml"
        yield _part(stack, service, "Deployment", _deployment(stack, service), path, group="apps")
        if service.get("port") is not None:
            yield _part(stack, service, "Service", _service(stack, service), path, document=1)
    for config in stack.of(Kind.CONFIG):
        data = config.get("data") or _content(config)
        if data is not None and config.get("external") is None:
            config_map = tree({**_head(stack, config, "v1", "ConfigMap"), "data": data}, config.body)
            yield _part(stack, config, "ConfigMap", config_map, f"{BUILD}/{stack.name}/configs/{config.name}.yaml")
    for volume in stack.of(Kind.VOLUME):
        if volume.get("external") is None:
            path = f"{BUILD}/{stack.name}/volumes/{volume.name}.yaml"
            yield _part(stack, volume, "PersistentVolumeClaim", _claim(stack, volume), path)
    yield from _other_kinds(stack)


def _other_kinds(stack: Stack) -> Iterator[ArtifactPart]:
    """Jobs, CronJobs and Ingresses."""
    for job in stack.of(Kind.JOB):
        workload = tree({**_head(stack, job, "batch/v1", "Job"), "spec": _job(stack, job)}, job.body)
        yield _part(stack, job, "Job", workload, f"{BUILD}/{stack.name}/jobs/{job.name}.yaml", group="batch")
    for job in stack.of(Kind.CRON_JOB):
        workload = tree({**_head(stack, job, "batch/v1", "CronJob"), "spec": _cron_job(stack, job)}, job.body)
        yield _part(stack, job, "CronJob", workload, f"{BUILD}/{stack.name}/cron_jobs/{job.name}.yaml", group="batch")
    for route in stack.of(Kind.INGRESS):
        group = "networking.k8s.io"
        workload = tree({**_head(stack, route, f"{group}/v1", "Ingress"), "spec": _ingress(route)}, route.body)
        yield _part(stack, route, "Ingress", workload, f"{BUILD}/{stack.name}/ingresses/{route.name}.yaml", group=group)


def _part(
    stack: Stack, resource: Resource, kind: str, manifest: Value, path: str, *, group: str = "", document: int = 0
) -> ArtifactPart:
    identity = ResourceId(Platform.KUBERNETES, kind, stack.namespace, resource.name, group)
    task = resource.name if resource.kind is Kind.SERVICE else str(identity)
    return ArtifactPart(identity, task, resource, manifest, path, document, (), _containers(kind, resource))


def _containers(kind: str, resource: Resource) -> Mapping[Pointer, tuple[Pointer, str]]:
    labels: dict[Pointer, tuple[Pointer, str]] = {("metadata", "labels"): (("labels",), "map")}
    if kind not in _ANNOTATED:
        return labels | ({("data",): (("data",), "map")} if kind == "ConfigMap" else {})
    annotations: dict[Pointer, tuple[Pointer, str]] = {("metadata", "annotations"): (("annotations",), "map")}
    container_places = _host_slots(resource) if kind == "Ingress" else variable_slots(resource, _ANNOTATED[kind])
    return {**labels, **annotations, **container_places}


def _head(stack: Stack, resource: Resource, version: str, kind: str) -> dict[str, Value | None]:
    body = resource.body
    labels = {**_selector(stack, resource), **_entries(resource.get("labels"))}
    meta = {
        "name": resource.get("name"),
        "namespace": fixed(stack.namespace, body) if stack.namespace else None,
        "labels": tree(labels, resource.get("labels") or body),
        "annotations": resource.get("annotations"),
    }
    return {"apiVersion": fixed(version, body), "kind": fixed(kind, body), "metadata": tree(meta, body)}


def _selector(stack: Stack, resource: Resource) -> dict[str, Value]:
    """Kubernetes documentation, "Recommended Labels". A Deployment's selector cannot change: neither may these two."""
    name, part_of = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
    return {name: fixed(resource.name, resource.body), part_of: fixed(stack.name, resource.body)}


def _entries(value: Value | None) -> Mapping[str, Value]:
    return value.mapping if value is not None else {}


def _deployment(stack: Stack, resource: Resource) -> Value:
    body = resource.body
    selector = tree(dict(_selector(stack, resource)), body)
    template = tree({"metadata": tree({"labels": selector}, body), "spec": pod(resource)}, body)
    spec = {
        "replicas": resource.get("replicas"),
        "selector": tree({"matchLabels": selector}, body),
        "template": template,
    }
    return tree({**_head(stack, resource, "apps/v1", "Deployment"), "spec": tree(spec, body)}, body)


def _service(stack: Stack, resource: Resource) -> Value:
    body = resource.body
    blocks = elements(resource, "port")
    ports = [_service_port(port, _port_name(port, blocks)) for port in blocks]
    spec = {
        "selector": tree(dict(_selector(stack, resource)), body),
        "ports": listed(ports, resource.get("port") or body),
    }
    return tree({**_head(stack, resource, "v1", "Service"), "spec": tree(spec, body)}, body)


def _service_port(port: Value, name: Value) -> Value:
    fields = port.mapping
    service_port = {
        "name": name,
        "port": fields.get("host") or fields["container"],
        "targetPort": fields["container"],
        "protocol": fixed(_protocol(port).upper(), port),
    }
    return tree(service_port, port)


def _port_name(port: Value, ports: Sequence[Value]) -> Value:
    """Its name, or one that stays when only the number people connect to changes; each name is there once."""
    fields = port.mapping
    sibling_ports = [(_protocol(sibling), sibling.mapping["container"].data) for sibling in ports]
    own_port = (_protocol(port), fields["container"].data)
    number = own_port[1] if sibling_ports.count(own_port) == 1 else (fields.get("host") or fields["container"]).data
    return fields.get("name") or fixed(f"{own_port[0]}-{number}", port)


def _protocol(port: Value) -> str:
    fields = port.mapping
    return str(fields["protocol"].data) if "protocol" in fields else "tcp"


def _content(config: Resource) -> Value | None:
    content = config.get("content")
    return None if content is None else tree({config.name: content}, content)


def _claim(stack: Stack, volume: Resource) -> Value:
    body = volume.body
    modes = volume.get("access_modes") or fixed(["ReadWriteOnce"], body)
    size = memory(volume.get("size")) or fixed("1Gi", body)
    spec = {
        "accessModes": modes,
        "resources": tree({"requests": tree({"storage": size}, body)}, body),
        "storageClassName": volume.get("storage_class"),
    }
    return tree({**_head(stack, volume, "v1", "PersistentVolumeClaim"), "spec": tree(spec, body)}, body)


def _job(stack: Stack, resource: Resource) -> Value:
    """The spec of a Job."""
    return tree({**_job_fields(stack, resource), "suspend": resource.get("suspend")}, resource.body)


def _cron_job(stack: Stack, resource: Resource) -> Value:
    """The spec of a CronJob. What ``suspend`` holds back are its times, not the jobs that began."""
    fields = {
        "schedule": resource.get("schedule"),
        "timeZone": resource.get("time_zone"),
        "concurrencyPolicy": resource.get("concurrency"),
        "suspend": resource.get("suspend"),
        "startingDeadlineSeconds": seconds(resource.get("starting_deadline"), 0),
        "successfulJobsHistoryLimit": resource.get("successful_history"),
        "failedJobsHistoryLimit": resource.get("failed_history"),
        "jobTemplate": tree({"spec": tree(_job_fields(stack, resource), resource.body)}, resource.body),
    }
    return tree(fields, resource.body)


def _job_fields(stack: Stack, resource: Resource) -> dict[str, Value | None]:
    body = resource.body
    restart = resource.get("restart")
    policy = fixed("Never", body) if restart is None else derived(restart, _RESTART[str(restart.data)])
    # Without the label of a name: a Service of the same name would send its traffic to these pods.
    labels = tree({"app.kubernetes.io/part-of": fixed(stack.name, body)}, body)
    return {
        "activeDeadlineSeconds": seconds(resource.get("active_deadline")),
        "backoffLimit": resource.get("backoff_limit"),
        "completions": resource.get("completions"),
        "parallelism": resource.get("parallelism"),
        "ttlSecondsAfterFinished": seconds(resource.get("ttl_after_finished"), 0),
        "template": tree({"metadata": tree({"labels": labels}, body), "spec": pod(resource, policy)}, body),
    }


def _ingress(resource: Resource) -> Value:
    """The spec of an Ingress."""
    default = resource.get("default")
    entries = {
        "ingressClassName": resource.get("class"),
        "defaultBackend": None if default is None else _backend(default),
        "tls": each(resource.get("tls"), _tls),
        "rules": each(resource.get("rule"), _rule),
    }
    return tree(entries, resource.body)


def _host_slots(resource: Resource) -> Mapping[Pointer, tuple[Pointer, str]]:
    """Where hosts can be added, as :class:`~bot.assembly.tracing.TracedOrigins` says it."""
    return {
        ("spec", "tls", index, "hosts"): (("tls", index, "hosts"), "map")
        for index in range(len(elements(resource, "tls")))
    }


def _tls(block: Value) -> Value:
    fields = block.mapping
    return tree({"hosts": fields.get("hosts"), "secretName": fields.get("secret")}, block)


def _rule(rule: Value) -> Value:
    paths = each(rule.mapping["path"], _path)
    return tree({"host": rule.mapping.get("host"), "http": tree({"paths": paths}, rule)}, rule)


def _path(block: Value) -> Value:
    fields = block.mapping
    entries = {
        "path": fields.get("path") or fixed("/", block),
        "pathType": fields.get("type") or fixed("Prefix", block),
        "backend": _backend(block),
    }
    return tree(entries, block)


def _backend(block: Value) -> Value:
    fields = block.mapping
    return tree(
        {"service": tree({"name": fields["service"], "port": tree({"number": fields["port"]}, block)}, block)}, block
    )
