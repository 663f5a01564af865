"""A bare repository, a clone of it, and a cluster that it is applied to: what ``clockwork apply`` works on."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.model.action import AppliedPlan
from bot.wiring.applying import Application, open_application
from bot.wiring.repository import Options
from tests.appliers.apiserver import ApiServer

WEB: Mapping[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
        },
    },
}
CONFIG: Mapping[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"MODE": "fast"},
}
SPACE: Mapping[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")


@dataclass
class Site:
    """``folder`` is pushed to ``remote``; ``server`` is what it runs on."""

    root: Path
    server: ApiServer

    @staticmethod
    def open(root: Path, server: ApiServer, settings: str = "") -> Site:
        """A namespace, a config map and a deployment, declared and not running yet."""
        site = Site(root, server)
        site.git("init", "-q", "--bare", "-b", "main", str(site.remote), folder=root)
        site.git("clone", "-q", str(site.remote), str(site.folder), folder=root)
        config = server.kubeconfig(root)
        text = f"version: 1\nobserve: {{kubernetes: {{kubeconfig: {config}}}}}\n{settings}"
        site.push({"clockwork.yaml": text, "k8s/shop.yaml": documents(SPACE, CONFIG, WEB)})
        return site

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def folder(self) -> Path:
        return self.root / "clone"

    def git(self, *words: str, folder: Path | None = None) -> str:
        ran = subprocess.run(
            ["git", *WHO, *words], cwd=folder or self.folder, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def push(self, files: Mapping[str, str | None]) -> str:
        """The commit with these files (None: gone) on the branch."""
        for name, content in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True) if content is None else file.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Declare it")
        self.git("push", "-q", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def declare(self, *objects: Mapping[str, Any]) -> str:
        """The commit whose one manifest declares these objects."""
        return self.push({"k8s/shop.yaml": documents(*objects)})

    def options(self, cache: str = "cache") -> Options:
        """How the bot is called. Another ``cache`` is a fresh runner."""
        environment = {"CLOCKWORK_SECRET": "site", "PATH": "/usr/bin:/bin"}
        return Options(repo=str(self.remote), environment=environment, cache=self.root / cache)

    def application(self, cache: str = "cache") -> Application:
        return open_application(self.options(cache))

    def apply(self, *, approved: bool = True, reached: Callable[[str], None] = lambda _step: None) -> AppliedPlan:
        """One apply of everything."""
        application = self.application()
        application.reached = reached
        application.check()
        (plan,) = application.plans
        return application.carry_out(plan, approved=approved)

    def live(self, tree: Mapping[str, Any]) -> dict[str, Any] | None:
        """What runs under the name of a tree."""
        meta = tree["metadata"]
        return copy.deepcopy(self.server.get(tree["apiVersion"], tree["kind"], meta.get("namespace", ""), meta["name"]))

    def writes(self) -> list[str]:
        """What was really written to the cluster, in order."""
        return [
            f"{request.method} {request.path.rpartition('/')[2]}"
            for request in self.server.requests
            if request.method not in {"GET", "HEAD"} and "dryRun" not in request.query
        ]


def documents(*objects: Mapping[str, Any]) -> str:
    return yaml.safe_dump_all([dict(each) for each in objects], sort_keys=False)


def changed(tree: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    """The object with another value of ``spec`` or, for a config map, of ``data``."""
    copied = copy.deepcopy(dict(tree))
    copied["data" if "data" in copied else "spec"].update(spec)
    return copied
