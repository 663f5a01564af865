"""A repository with a small real program as its AI tool, for guarded runs. Used by the tests of flows."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from bot.model.finding import Mode
from bot.model.guarded import AIRequest, AIResult
from bot.model.session import Session
from bot.sessions.sql import SqlSessions
from bot.wiring.guarded_run import GuardedRuns, open_runs
from bot.wiring.repository import Options

MANIFEST = b"""\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: web
      image: registry.example.com/web:1.0
"""
FILES: Mapping[str, bytes] = {
    "a.py": b"x = 1\n",
    "k8s/web.yaml": MANIFEST,
    "policies/guardrails/no-todo.md": b"---\nid: no-todo\ntitle: No TODO\nseverity: high\n"
    b"detect: {kind: regex, pattern: TODO}\nexamples: [{fire: true, path: a.py, add: '# TODO'}]\n---\nMend it.\n",
}


@dataclass
class Workshop:
    """A checkout with one commit, a folder of programs, and a database of sessions."""

    directory: Path

    @property
    def root(self) -> Path:
        """The checkout."""
        return self.directory / "repo"

    @property
    def path(self) -> str:
        """The PATH with the programs on it."""
        return f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def program(self, source: str, name: str = "fixer") -> None:
        """The tool: a Python program that has the prompt as ``text``."""
        file = self.directory / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!{sys.executable} -I\nimport os, sys, pathlib, json\ntext = sys.stdin.read()\n{source}\n")
        file.chmod(0o755)

    def runs(self, **environment: str) -> GuardedRuns:
        """Guarded runs on the checkout, as the command line wires them."""
        options = Options(
            repo=str(self.root), environment={"PATH": self.path, **environment}, cache=self.directory / "cache"
        )
        return open_runs(options)

    def run(
        self, source: str, *, mode: Mode = Mode.STRICT, prompt: str = "Do it.", agent: str | None = None
    ) -> tuple[GuardedRuns, AIResult]:
        """What the program makes of a prompt; the session is recorded when this returns."""
        self.program(source)
        runs = self.runs()
        try:
            return runs, runs.process(AIRequest("fixer", prompt, agent, mode))
        finally:
            assert runs.close() == 0

    def sessions(self) -> list[Session]:
        """What was recorded, newest first."""
        log = SqlSessions(self.database)
        try:
            return list(log.recent())
        finally:
            log.close()

    @property
    def database(self) -> str:
        """The URL of the session log."""
        return f"sqlite:///{self.directory / 'sessions.db'}"

    def files(self) -> dict[str, bytes]:
        """Everything in the checkout but Git's own."""
        files = (file for file in self.root.rglob("*") if file.is_file() and ".git" not in file.parts)
        return {str(file.relative_to(self.root)): file.read_bytes() for file in files}


def open_workshop(directory: Path, *, assistants: str = "", files: Mapping[str, bytes] = FILES) -> Workshop:
    """A fresh workshop whose settings name the tool ``fixer`` and ``assistants`` (lines of YAML)."""
    workshop = Workshop(directory)
    settings = (
        f"version: 1\nsessions: {{store: '{workshop.database}'}}\nguard:\n  assistants:\n"
        f"    - {{kind: command, name: fixer, command: [fixer], timeout: 30}}\n{assistants}"
    )
    made = pygit2.init_repository(workshop.root, initial_head="main")
    for path, data in {**files, "clockwork.yaml": settings.encode()}.items():
        file = workshop.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    made.index.add_all()
    made.index.write()
    who = pygit2.Signature("Ann", "ann@example.com", 1_700_000_000, 0)
    made.create_commit("HEAD", who, who, "Begin", made.index.write_tree(), [])
    return workshop
