"""The search on repositories as teams keep them, rendered by kustomize and Helm: what it finds is proven by rendering
everything again.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator

import pytest

from bot.edits.values import at
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId
from bot.origins.leaves import words_of
from bot.origins.scene import Goal, NoEdit
from bot.origins.search import find_edit
from tests.origins.repositories import NEEDS, leaves, proof, repository

pytestmark = NEEDS

SEED = 20260501
NEVER = {"apiVersion", "kind", "name", "namespace", "key", "matchLabels", "selector", "sourceRef", "chart"}
"""Names of fields that say what an object is and what belongs together: nobody calls a change of them drift."""
HARD_CODED = {
    "chart": re.compile(
        r"revisionHistoryLimit|containerPort|targetPort|httpGet\.port$|kubernetes\.io/|workers$|nginx\.scrape|Secret\S* type$"
        r"|Deployment\S* metadata\.labels|metadata\.annotations$|exporter\.args|env\.LOG_LEVEL$|env\.GREETING"
    ),
    "flux": re.compile(r"StatefulSet.*(replicas|serviceName|labels|args|memory)$|StatefulSet.*labels\.app"),
    "argo": re.compile(r"StatefulSet.*(replicas|serviceName|labels|args|memory)$|StatefulSet.*labels\.app"),
}
"""What the templates of the charts say themselves, or may: these have an edit only by chance."""
SAMPLES = {"overlays": 120, "chart": 80, "flux": 85, "argo": 25}
CHUNKS = {"overlays": 4, "flux": 2, "chart": 1, "argo": 1}


def other(value: JSON) -> JSON:
    """Another value as somebody might set it: the next number, the next version, another word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    text = str(value)
    if text in {"true", "false"}:
        return "false" if text == "true" else "true"
    numbers = list(re.finditer(r"\d+", text))
    if not numbers:
        return text.rstrip("\n") + "x" + text[len(text.rstrip("\n")) :]
    last = numbers[-1]
    return text[: last.start()] + str(int(last[0]) + 1) + text[last.end() :]


def edits_of(id_: ResourceId, tree: Tree) -> Iterator[Edit]:
    """Changes of every field, and entries that come and go."""
    for pointer, value in leaves(tree):
        if NEVER.intersection(str(part) for part in pointer) and "values" not in pointer:
            continue
        new = other(value)
        if id_.kind == "Secret" and pointer[0] == "data":
            new = base64.b64encode(base64.b64decode(str(value)) + b"x").decode()
        yield SetValue(pointer, new)
        if pointer[-2:-1] in {("annotations",), ("labels",), ("limits",)} and "app" not in pointer:
            yield RemoveEntry(pointer)
    if id_.kind in {"Deployment", "StatefulSet", "CronJob"}:
        yield AddEntry(("metadata", "labels"), "team", "platform")
        yield AddEntry(("metadata", "annotations"), "example.com/note", "seen")
        yield from _in_containers(tree)


def _in_containers(tree: Tree) -> Iterator[Edit]:
    pointer: Pointer = ("spec", "template", "spec", "containers", 0)
    try:
        container = at(tree, pointer)
    except KeyError:
        return
    assert isinstance(container, dict)
    if "args" in container:
        yield AddEntry((*pointer, "args"), None, "--dry-run")
        yield RemoveEntry((*pointer, "args", len(container["args"]) - 1))
    if "env" in container:
        yield AddEntry((*pointer, "env"), None, {"name": "REGION", "value": "north"})
        yield RemoveEntry((*pointer, "env", 0))


def all_edits(name: str, *, hard_coded: bool) -> list[tuple[str, ResourceId, Edit]]:
    """Every edit of a repository's objects, either those that its files can make or those of what a template says."""
    scene = repository(name).scene
    listed = [
        (target, id_, edit)
        for target, objects in sorted(scene.objects.items())
        for id_, tree in sorted(objects.items())
        if id_.kind not in {"Kustomization", "GitRepository"}
        for edit in edits_of(id_, tree)
        if edit.pointer not in scene.noise.values.get((target, id_), ())
    ]
    pattern = HARD_CODED.get(name)
    return [
        each for each in listed if (pattern is not None and bool(pattern.search(described(name, *each)))) == hard_coded
    ]


def described(name: str, target: str, id_: ResourceId, edit: Edit) -> str:
    return f"{target}: {id_} {'.'.join(words_of(repository(name).scene.objects[target][id_], edit.pointer))}"


def samples(name: str) -> list[tuple[str, ResourceId, Edit]]:
    """Sampled edits of a repository, the same ones in each run."""
    listed = all_edits(name, hard_coded=False)
    return random.Random(SEED).sample(listed, min(SAMPLES[name], len(listed)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "chunk"), [(name, chunk) for name, count in CHUNKS.items() for chunk in range(count)])
def test_the_edit_renders_to_exactly_what_is_wanted(name: str, chunk: int) -> None:
    """Each sampled change has an edit that makes it and moves nothing but what the plan names."""
    repo = repository(name)
    mistakes = []
    for target, id_, edit in samples(name)[chunk :: CHUNKS[name]]:
        asked = Goal(target, {id_: (edit,)})
        plan = find_edit(asked, repo.scene)
        wrong = [plan.reason] if isinstance(plan, NoEdit) else proof(asked, plan, repo)
        mistakes += [f"{described(name, target, id_, edit)}: {edit}: {each}" for each in wrong]
    assert mistakes == []


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HARD_CODED))
def test_what_a_template_says_has_no_edit_but_a_place(name: str) -> None:
    """A value that a template says itself is answered with that template; where an edit is found, it is proven as well."""
    repo = repository(name)
    listed = all_edits(name, hard_coded=True)
    mistakes = []
    answers = []
    for target, id_, edit in random.Random(SEED).sample(listed, min(25, len(listed))):
        asked = Goal(target, {id_: (edit,)})
        plan = find_edit(asked, repo.scene)
        answers.append(isinstance(plan, NoEdit))
        if isinstance(plan, NoEdit):
            wrong = [] if "/templates/" in plan.file and plan.file in plan.reason else [plan.reason]
        else:
            wrong = proof(asked, plan, repo)
        mistakes += [f"{described(name, target, id_, edit)}: {edit}: {each}" for each in wrong]
    assert mistakes == []
    assert sum(answers) > len(answers) / 2


def test_enough_is_sampled() -> None:
    """At least 300 changes of all four repositories are proven, of every sort that people ask about."""
    listed = [each for name in SAMPLES for each in samples(name)]
    assert len(listed) >= 300
    words = {word for _, _, edit in listed for word in edit.pointer if isinstance(word, str)}
    sorts = {"image", "replicas", "env", "resources", "readinessProbe", "labels", "port", "annotations", "args", "data"}
    assert sorts <= words
