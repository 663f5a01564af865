"""A stage of the sandbox whose live state is a cluster."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.sandbox.server import Sandbox
from bot.wiring.repository import Options
from tests.appliers.apiserver import ApiServer
from tests.flows.stage import FILES, Stage, open_stage
from tests.parsed import parsed


@dataclass
class ClusterStage(Stage):
    """A stage whose live state is a cluster. ``server`` is that."""

    server: ApiServer | None = None

    @property
    def cluster(self) -> ApiServer:
        assert self.server is not None
        return self.server

    def options(self, cache: str = "cache") -> Options:
        return replace(super().options(cache), live=None)

    def port(self) -> int:
        """What the service listens on."""
        service = self.cluster.get("v1", "Service", "shop", "web")
        assert service is not None
        return int(service["spec"]["ports"][0]["port"])

    def listen(self, port: int, **more: Any) -> None:
        """A person changes the port of the service, and ``more`` of its spec."""
        service = copy.deepcopy(self.cluster.get("v1", "Service", "shop", "web"))
        assert service is not None
        service["spec"]["ports"][0]["port"] = port
        service["spec"].update(more)
        self.cluster.put(service, manager="kubectl-edit")

    def settings(self, text: str) -> None:
        self.edit("clockwork.yaml", lambda before: before.partition("apply:")[0] + text)


@contextmanager
def cluster_stage(folder: Path, settings: str) -> Iterator[ClusterStage]:
    """Everything runs as declared, applied by Helm; ``settings`` are added to those of the stage."""
    with Sandbox.start(folder / "sandbox") as box, ApiServer() as server:
        made = open_stage(folder, box)
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        for path, data in FILES.items():
            if path.startswith("k8s/"):
                server.put(parsed(data), manager="helm")
        kubeconfig = server.kubeconfig(folder)
        at = ClusterStage(made.box, made.directory, made.token, made.human, made.objects, server=server)
        observe = f"observe: {{kubernetes: {{kubeconfig: {kubeconfig}}}}}\n"
        at.edit("clockwork.yaml", lambda text: f"{text}{observe}{settings}")
        yield at
