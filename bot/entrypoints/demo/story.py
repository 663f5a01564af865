"""What happens behind Git's back in the demo, and the pull request that an assistant gets wrong."""

from __future__ import annotations

from bot.entrypoints.demo.cluster import DemoCluster, now

AGENT_BRANCH = "agent/faster-checkout"
AGENT_TITLE = "Make checkout faster"
API = "k8s/base/api.yaml"
"""Where the assistant finds the API's manifest."""
AGENT_BODY = """I simplified the discount rule and gave the API what it needs to profile itself.

All tests pass."""


def change_live_state(prod: DemoCluster) -> None:
    """Three safe changes, one of configuration, one that destroys data. All in prod: dev goes on as Git says."""
    at = now()
    container = ("spec", "template", "spec", "containers", 0)
    probe = (*container, "readinessProbe", "failureThreshold")
    prod.kubectl("Deployment/shop/api", probe, 6, manager="kubectl-edit", at=at)
    log_level = (*container, "env", 0, "value")
    prod.kubectl("Deployment/shop/search", log_level, "debug", manager="kubectl-edit", at=at)
    prod.containers["relay"]["HostConfig"]["LogConfig"]["Config"]["max-size"] = "50m"
    image = "registry.example.com/shop/api:2.4.2"
    prod.kubectl("Deployment/shop/api", (*container, "image"), image, manager="kubectl-set", at=at)
    prod.delete("PersistentVolumeClaim/shop/orders")


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
    api = files[API].decode()
    container = "        - name: api\n"
    return {
        "src/checkout.py": checkout.replace(line, conflict).encode(),
        API: api.replace(container, container + "          securityContext:\n            privileged: true\n").encode(),
    }
