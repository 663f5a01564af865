"""Where an assistant's tool runs: behind the strongest wall of the machine, with a relay to its model as the only way out.

Without a wall nothing runs unless settings say so. See the table in this room's README for what each tool can do inside.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.confinement.closure import closure
from bot.confinement.walls import ConfinedWorld, Confinement, Wall, best, confined_command, own_network
from bot.errors import Refused
from bot.processes import Workspace

if TYPE_CHECKING:
    from bot.assistants.relay import Relay
    from bot.assistants.tool import AssistantTool, ToolOptions


class Unconfined(Refused):
    """A tool that would run without a wall, which settings do not allow."""


@dataclass(frozen=True, slots=True)
class ToolSurroundings:
    """``options`` as the tool is to see them, and the wall."""

    options: ToolOptions
    wall: Wall
    workspace: Workspace
    relay: Relay | None = None
    files: tuple[str, ...] = ()

    @property
    def readable(self) -> list[Path]:
        """What it may read beside its own program: what settings say, and what it cannot do its work without."""
        tool_files = [Path(path) for path in self.files if Path(path).exists()]
        return [*(Path(path).absolute() for path in self.options.readable), *tool_files]

    def command_line(self, command: Sequence[str]) -> list[str]:
        """The words that start ``command``; itself where its program is not there, which starting it will tell."""
        program = shutil.which(command[0], path=self.options.path)
        if program is None:
            return list(command)
        command = [str(Path(program).absolute()), *command[1:]]  # it does not start in this working directory
        if self.wall is Wall.NONE:
            return command
        space = self.workspace
        root = space.home.parent / "world"
        root.mkdir(exist_ok=True)
        world = ConfinedWorld(
            root=root,
            folder=space.work,
            readable=(*closure(Path(command[0]), self.options.path), *self.readable),
            writable=(space.home, space.work, space.scratch),
            port=None if self.relay is None else self.relay.port,
            door=None if self.relay is None else self.relay.door,
        )
        return confined_command(self.wall, world, command)


@contextmanager
def surroundings(
    options: ToolOptions, workspace: Workspace, tool: AssistantTool, *, key: bool, files: tuple[str, ...] = ()
) -> Iterator[ToolSurroundings]:
    """What stands around one run of ``tool``; ``key`` says whether it is handed a key at all, ``files`` what it may read
    beside what settings say.

    ``Refused`` where settings ask for a wall and none can stand, or the tool could do nothing behind it.
    """
    wall = Wall.NONE if options.confinement is Confinement.NONE else best()
    if wall is Wall.NONE and options.confinement is Confinement.REQUIRED:
        raise Unconfined(
            "it would run unconfined, which settings do not allow",
            advice="Install bubblewrap or allow user namespaces, or set the assistant's confinement to best or none.",
        )
    if missing := [path for path in options.readable if not Path(path).exists()]:
        raise Refused(f"readable names {missing[0]}, which is not there", advice="Correct the assistant's settings.")
    base_url = options.base_url or tool.endpoint
    if base_url is None and tool.asks_by_itself and wall is not Wall.NONE:
        if options.confinement is Confinement.REQUIRED:
            raise Unconfined(
                f"{tool.name} asks hosts by itself, which nothing behind a wall can",
                advice="Give it a base_url (a provider of its own), or set its confinement to none.",
            )
        wall = Wall.NONE
    if wall is Wall.NONE or base_url is None:
        yield ToolSurroundings(options, wall, workspace, files=files)
        return
    from bot.assistants.relay import relaying

    token = options.key if key else None
    with relaying(
        base_url,
        token,
        folder=workspace.home.parent,
        own_network=own_network(wall),
        seconds=options.deadline_seconds,
        asks=tool.asks,
    ) as relay:
        tool_options = replace(options, base_url=relay.url, key=None if token is None else relay.token)
        yield ToolSurroundings(tool_options, wall, workspace, relay, files)
