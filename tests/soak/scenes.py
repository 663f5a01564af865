"""What happens before the run that the matrix strikes, and what must stand in the end."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.flows.stage import SERVICE, Stage


@dataclass(frozen=True)
class Scene:
    """What happened before the run in question, and what must stand in the end: its ``lost`` names what does not."""

    prepare: Callable[[Stage], None]
    lost: Callable[[Stage], Iterable[str]]


def everything(stage: Stage) -> None:
    """All three lanes."""
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()


def everything_apart(stage: Stage) -> None:
    """All three lanes, and a server that cannot move several refs at once."""
    stage.part_pushes()
    everything(stage)


def shared(stage: Stage) -> None:
    """The same change of several services, which is proposed as one."""
    names = [f"web{number}" for number in range(3)]
    for name in names:
        manifest = SERVICE.replace(b"name: web\n", f"name: {name}\n".encode(), 1)
        content = base64.b64encode(manifest).decode()
        stage.api("PUT", f"/contents/k8s/{name}.yaml", message=name, content=content, branch="main")
        stage.objects[name] = yaml.safe_load(manifest)
        stage.objects[name]["spec"]["ports"][0]["port"] = 8081
    stage.edit("clockwork.yaml", lambda text: f"{text}fixes: {{joined_from: 2}}\n")


def another(stage: Stage) -> None:
    """An open pull request and issue, and another value."""
    stage.config_drift(8081)
    stage.destructive_drift()
    stage.tick()
    stage.config_drift(8082)


def gone(stage: Stage) -> None:
    """An open pull request and issue whose drift is gone."""
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()


def taken(stage: Stage) -> None:
    """A pull request on whose branch somebody went on."""
    stage.config_drift(8081)
    (action,) = stage.tick().actions
    branch = stage.api("GET", f"/pulls/{action.number}")["head"]["ref"]
    stage.edit("k8s/service.yaml", lambda text: text + "# by hand\n", branch=branch)
    stage.config_drift(8082)


def closed(stage: Stage) -> None:
    """A pull request that somebody closed."""
    stage.config_drift()
    (action,) = stage.tick().actions
    stage.api("PATCH", f"/pulls/{action.number}", state="closed")


def _states(stage: Stage) -> tuple[list[str], list[str]]:
    ours = [issue for issue in stage.issues() if "cannot be opened" not in issue["title"]]
    return [pull["state"] for pull in stage.pulls() if _is_config(pull)], [issue["state"] for issue in ours]


def _is_config(pull: Any) -> bool:
    return str(pull["title"]).startswith("Service/")


def _everything_lost(stage: Stage) -> Iterator[str]:
    if "failureThreshold: 6" not in stage.file("k8s/web.yaml"):
        yield "the patch"
    pulls, issues = _states(stage)
    if pulls.count("open") != 1:
        yield "the pull request"
    if issues.count("open") != 1:
        yield "the issue"


def _another_lost(stage: Stage) -> Iterator[str]:
    heads = [pull["head"]["ref"] for pull in stage.pulls("open") if _is_config(pull)]
    texts = [stage.api("GET", f"/contents/k8s/service.yaml?ref={head}") for head in heads]
    if ["port: 8082" in _decoded(text) for text in texts] != [True]:
        yield "the new value"


def _decoded(file: Any) -> str:
    return base64.b64decode(file["content"]).decode()


def _shared_lost(stage: Stage) -> Iterator[str]:
    pulls = stage.pulls("open")
    files = [stage.api("GET", f"/pulls/{pull['number']}/files") for pull in pulls]
    if [len(changed) for changed in files] != [3]:
        yield f"the one pull request for all: {[pull['title'] for pull in pulls]}"


def _gone_lost(stage: Stage) -> Iterator[str]:
    if _states(stage) != (["closed"], ["closed"]):
        yield f"closing: {_states(stage)}"
    if [branch["name"] for branch in stage.api("GET", "/branches")] != ["main"]:
        yield "deleting the branch"
    if [len(comments) for comments in comments_of(stage).values()] != [1, 1]:
        yield "a comment"


def _taken_lost(stage: Stage) -> Iterator[str]:
    if [len(comments) for comments in comments_of(stage).values()] != [1]:
        yield "the word that it is theirs"


def _closed_lost(stage: Stage) -> Iterator[str]:
    if _states(stage)[0] != ["closed"]:
        yield "the rejection"


SCENES: Mapping[str, Scene] = {
    "three lanes": Scene(everything, _everything_lost),
    "three lanes apart": Scene(everything_apart, _everything_lost),
    "shared": Scene(shared, _shared_lost),
    "another value": Scene(another, _another_lost),
    "gone again": Scene(gone, _gone_lost),
    "taken over": Scene(taken, _taken_lost),
    "closed by hand": Scene(closed, _closed_lost),
}


def comments_of(stage: Stage) -> dict[int, list[str]]:
    """Our comments by item, but for those on the issue about a switch."""
    items = [item for item in (*stage.pulls(), *stage.issues()) if "cannot be opened" not in item["title"]]
    threads = {item["number"]: stage.api("GET", f"/issues/{item['number']}/comments") for item in items}
    return {
        number: [comment["body"] for comment in thread if comment["user"]["login"] == "clockwork[bot]"]
        for number, thread in threads.items()
    }
