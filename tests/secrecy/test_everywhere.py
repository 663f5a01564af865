"""A credential of any known form, at any place where a live object can hold one, is in nothing that a comparison shows."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest
from rich.console import Console

from bot.drift.compare import compare
from bot.model.drift import Report
from bot.model.json import JSON
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, Problem
from bot.observers.http import HttpObserver, Probe
from bot.observers.plans import PlanReader
from bot.report.json import to_json
from bot.report.markdown import summary
from bot.report.terminal import show_report
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live, running, service
from tests.secrecy.samples import SAMPLES
from tests.table import table

Pair: TypeAlias = tuple[Desired, Observed]
TEXTS: Final = tuple(sample.text for sample in SAMPLES)


def shown(report: Report) -> str:
    """Everything that any form of the report holds, without the escapes that only some of them write."""
    terminal = io.StringIO()
    show_report(report, Console(file=terminal, width=100_000))
    return "\n".join((repr(report), json.dumps(to_json(report)), html.unescape(summary(report)), terminal.getvalue()))


def compared(*pairs: Pair) -> Report:
    seen = Observation(NOW, resources={observed.id: observed for _, observed in pairs}, covered=frozenset(Platform))
    return compare([desired for desired, _ in pairs], seen, options=OPTIONS)


def leaks(text: str) -> list[str]:
    """The kinds of those credentials of which a part is in ``text``."""
    return [sample.kind for sample in SAMPLES if sample.core in text]


def changed(make: Callable[[list[str]], dict[str, Any]]) -> Pair:
    """The object that ``make`` makes of ordinary words in Git, and of credentials live."""
    return declared(make([f"none{at}" for at in range(len(TEXTS))])), live(make([*TEXTS]))


def added(make: Callable[[list[str]], dict[str, Any]]) -> Pair:
    """The same with nothing in Git."""
    return declared(make([])), live(make([*TEXTS]))


def compose(make: Callable[[list[str]], JSON], key: str) -> Pair:
    return service({key: make([f"none{at}" for at in range(len(TEXTS))])}), running({key: make([*TEXTS])})


def numbered(words: list[str]) -> dict[str, str]:
    return {f"uplink{at}": word for at, word in enumerate(words)}


def env(words: list[str]) -> dict[str, Any]:
    return deployment(env=[{"name": name, "value": word} for name, word in numbered(words).items()])


def urls(words: list[str]) -> dict[str, Any]:
    return env([f"https://hooks.example.com/{word}?retry=1" for word in words])


def metadata(key: str) -> Callable[[list[str]], dict[str, Any]]:
    def make(words: list[str]) -> dict[str, Any]:
        tree = deployment()
        tree["metadata"][key] = {f"example.com/{name}": word for name, word in numbered(words).items()}
        return tree

    return make


def objects(kind: str, data: str, spelled: Callable[[str], str] = str) -> Callable[[list[str]], dict[str, Any]]:
    def make(words: list[str]) -> dict[str, Any]:
        values = {name: spelled(word) for name, word in numbered(words).items()}
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "c", "namespace": "shop"}, data: values}

    return make


def containers(field: Callable[[str], dict[str, Any]]) -> Callable[[list[str]], dict[str, Any]]:
    def make(words: list[str]) -> dict[str, Any]:
        tree = deployment()
        pod = tree["spec"]["template"]["spec"]
        first = pod["containers"][0]
        pod["containers"] = [first, *({**first, "name": name, **field(word)} for name, word in numbered(words).items())]
        return tree

    return make


def probe(**request: Any) -> dict[str, Any]:
    return {"livenessProbe": {"httpGet": {"port": 80, **request}}}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLACES: Final[dict[str, Pair]] = {
    "environment": changed(env),
    "environment, new": added(env),
    "URL": changed(urls),
    "arguments": changed(lambda words: deployment(args=["serve", *words])),
    "arguments, new": added(lambda words: deployment(args=["serve", *words])),
    "command": changed(lambda words: deployment(command=["sh", "-c", *(f"exec serve {word}" for word in words)])),
    "annotations": changed(metadata("annotations")),
    "labels": added(metadata("labels")),
    "config map": changed(objects("ConfigMap", "data")),
    "configuration file": changed(
        objects("ConfigMap", "data", lambda word: f"# upstream\nretries 3\nuplink {word}\n[next]\nmode = fast\n")
    ),
    "JSON file": changed(objects("ConfigMap", "data", lambda word: json.dumps({"a": {"uplink": [word]}}, indent=2))),
    "JSON in JSON": changed(
        objects("ConfigMap", "data", lambda word: json.dumps({"a": json.dumps({"b": "\n" + word})}))
    ),
    "binary data": changed(objects("ConfigMap", "binaryData", encoded)),
    "secret": changed(objects("Secret", "data", encoded)),
    "secret, as text": changed(objects("Secret", "stringData")),
    "image": changed(containers(lambda word: {"image": f"robot:{word}@registry.example.com/web:1.0"})),
    "probe header": changed(containers(lambda word: probe(httpHeaders=[{"name": "X-Route", "value": word}]))),
    "probe path": changed(containers(lambda word: probe(path=f"/health/{word}"))),
    "Compose environment": compose(lambda words: {**numbered(words)}, "environment"),
    "Compose environment, as list": compose(
        lambda words: [f"{name}={word}" for name, word in numbered(words).items()], "environment"
    ),
    "Compose command": compose(lambda words: ["serve", *words], "command"),
    "Compose command, as text": compose(lambda words: "serve " + " ".join(words), "command"),
    "Compose labels": compose(lambda words: {**numbered(words)}, "labels"),
    "Compose health check": compose(lambda words: {"test": ["CMD", "check", *words]}, "healthcheck"),
}


@table("place", PLACES)
def test_no_form_of_a_report_shows_a_credential(place: str) -> None:
    """Neither side's values nor the edits that would adopt them are in repr, JSON, Markdown or on the terminal."""
    desired, observed = PLACES[place]
    report = compared((desired, observed))
    assert any(drift.sensitive for drift in report.drift)
    assert not leaks(shown(report))
    assert not any(drift.adopt for drift in report.drift if drift.sensitive)


def test_removing_a_credential_shows_none() -> None:
    """The same holds where Git says it and what runs does not."""
    for place, (desired, observed) in PLACES.items():
        swapped = (replace(desired, tree=observed.tree), replace(observed, tree=desired.tree))
        assert not leaks(shown(compared(swapped))), place


def test_evidence_shows_none() -> None:
    """Log lines, events and reasons of what is unhealthy are shown without the credentials they repeat."""
    lines = tuple(f"2026-05-01 cannot reach uplink with {text}" for text in TEXTS)
    problem = Problem("CrashLoopBackOff", f"last seen: {TEXTS[0]}", lines)
    report = compared((declared(deployment()), replace(live(deployment()), problems=(problem,))))
    assert "cannot reach uplink" in shown(report)
    assert not leaks(shown(report))


@pytest.mark.parametrize("actions", [["update"], ["delete", "create"]])
@pytest.mark.parametrize("outside", [True, False])
def test_terraform_plans_show_none(actions: list[str], *, outside: bool) -> None:
    """Values before and after, in maps, lists and texts, of updates and of replacements."""
    before: dict[str, JSON] = {"tags": {**numbered(["none"] * len(TEXTS))}, "user_data": "a", "list": ["a"]}
    after: dict[str, JSON] = {"tags": {**numbered([*TEXTS])}, "user_data": "\n".join(TEXTS), "list": [*TEXTS]}
    change: dict[str, JSON] = {"actions": actions, "before": before, "after": after, "after_unknown": {}}
    entry: dict[str, JSON] = {"address": "a.b", "mode": "managed", "type": "a", "name": "b", "change": change}
    plan: dict[str, JSON] = {"format_version": "1.2", "resource_changes": [entry]}
    if outside:
        swapped: dict[str, JSON] = {**change, "before": after, "after": before}
        plan["resource_drift"] = [{**entry, "change": swapped}]
    differences = PlanReader((), b"key").drifts(plan)
    assert differences
    seen = Observation(NOW, covered=frozenset(Platform), differences=differences)
    text = shown(compare([], seen, options=OPTIONS))
    assert not leaks(repr(differences) + text)


def test_probes_show_none() -> None:
    """An endpoint whose address holds a credential is named without it, and so is the reason why it does not answer."""
    probes = [
        Probe(f"http://127.0.0.1:9/{path}", attempts=1, timeout=2)
        for path in ("health", *(text for text in TEXTS if "\n" not in text and not text.startswith("hooks.")))
    ]
    seen = HttpObserver(probes, environment={}).observe([], now=NOW)
    assert seen.differences
    report = compare([], Observation(NOW, differences=seen.differences, unreachable=seen.unreachable), options=OPTIONS)
    assert not leaks(repr(seen) + shown(report))
