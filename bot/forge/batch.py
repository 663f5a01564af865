"""What ends by itself: the specs of Jobs and CronJobs. Used by :mod:`bot.forge.kubernetes`.

Source of names and forms: the Kubernetes API reference, batch/v1, "JobSpec" and "CronJobSpec".
"""

from __future__ import annotations

from typing import Final

from bot.assembly.config import Resource, Stack
from bot.assembly.values import Value
from bot.forge.bundle import derived, fixed, tree
from bot.forge.pods import pod, seconds
from bot.model.json import Pointer

JOB_POD: Final[Pointer] = ("spec", "template", "spec")
CRON_JOB_POD: Final[Pointer] = ("spec", "jobTemplate", *JOB_POD)
_RESTART: Final = {"no": "Never", "on-failure": "OnFailure"}
"""Compose Specification, "restart", to the two policies that a Job's pods may have."""


def job(stack: Stack, resource: Resource) -> Value:
    """The spec of a Job."""
    return tree({**_job(stack, resource), "suspend": resource.get("suspend")}, resource.body)


def cron_job(stack: Stack, resource: Resource) -> Value:
    """The spec of a CronJob. What ``suspend`` holds back are its times, not the jobs that began."""
    fields = {
        "schedule": resource.get("schedule"),
        "timeZone": resource.get("time_zone"),
        "concurrencyPolicy": resource.get("concurrency"),
        "suspend": resource.get("suspend"),
        "startingDeadlineSeconds": seconds(resource.get("starting_deadline"), 0),
        "successfulJobsHistoryLimit": resource.get("successful_history"),
        "failedJobsHistoryLimit": resource.get("failed_history"),
        "jobTemplate": tree({"spec": tree(_job(stack, resource), resource.body)}, resource.body),
    }
    return tree(fields, resource.body)


def _job(stack: Stack, resource: Resource) -> dict[str, Value | None]:
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
