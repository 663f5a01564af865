"""What happens behind Git's back in the demo, and the pull request that an assistant gets wrong."""

from __future__ import annotations

from bot.entrypoints.demo.cluster import Cluster, now

AGENT_BRANCH = "agent/faster-checkout"
AGENT_TITLE = "Make checkout faster"
AGENT_BODY = """I simplified the discount rule and gave the API what it needs to profile itself.

All tests pass."""


def people_change_things(cluster: Cluster) -> None:
    """Two safe changes, one of configuration, one that destroys data."""
    at = now()
    container = ("spec", "template", "spec", "containers", 0)
    probe = (*container, "readinessProbe", "failureThreshold")
    cluster.kubectl("Deployment/shop/api", probe, 6, manager="kubectl-edit", at=at)
    cluster.containers["relay"]["HostConfig"]["LogConfig"]["Config"]["max-size"] = "50m"
    image = "registry.example.com/shop/storefront:5.3.0"
    cluster.kubectl("Deployment/shop/storefront", (*container, "image"), image, manager="kubectl-set", at=at)
    cluster.delete("PersistentVolumeClaim/shop/orders")


def agent_files(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the bad pull request: a committed conflict and a privileged container, both easy to overlook."""
    checkout = files["src/checkout.py"].decode()
    conflict = (
        "<<<<<<< HEAD\n"
        "    return max(sum(prices, Decimal(0)) - discount, Decimal(0))\n"
        "=======\n"
        "    return sum(prices) - discount\n"
        ">>>>>>> agent/faster-checkout\n"
    )
    line = "    return max(sum(prices, Decimal(0)) - discount, Decimal(0))\n"
    api = files["k8s/api.yaml"].decode()
    container = "        - name: api\n"
    return {
        "src/checkout.py": checkout.replace(line, conflict).encode(),
        "k8s/api.yaml": api.replace(
            container, container + "          securityContext:\n            privileged: true\n"
        ).encode(),
    }
