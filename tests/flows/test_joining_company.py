"""Issues about like differences are one issue, and settings join pull requests by target, folder or owner."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.flows.commands import record_order
from bot.flows.reconcile import tick
from bot.model.codehost import Issue
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect, Join
from bot.safety.limits import Limits
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from tests.flows.stage import NAME, SERVICE, Stage
from tests.flows.world import World

NAMES = tuple(f"app{number:02}" for number in range(60))
DELETING = Limits(deletions=None, deletion_percent=100)


def issue(world: World, number: int) -> Issue:
    """The issue with that number."""
    item = world.desk.items[number]
    assert isinstance(item, Issue)
    return item


def deleted(world: World, *names: str) -> None:
    """Somebody deletes the claims of these."""
    for name in names:
        world.live.pop(f"k8s/{name}-claim.yaml")


def test_sixty_like_differences_are_one_issue(tmp_path: Path) -> None:
    """One row for each object, each step once, with the commands for every object."""
    world = World(tmp_path, NAMES, limits=DELETING)
    deleted(world, *NAMES)
    (opened,) = world.tick(world.loop()).actions
    assert (opened.effect, len(opened.drifts)) == (Effect.OPENED, 60)
    made = issue(world, 1)
    assert made.title == "declared, not running in 60 PersistentVolumeClaims"
    rows = [line for line in made.body.splitlines() if line.startswith("| missing ")]
    assert len(rows) == 60
    assert made.body.count("### Why Clockwork does not act") == made.body.count("- [ ] Find out who deleted it") == 1
    assert made.body.count("kubectl apply -f k8s/app") == 60
    assert len(made.body) < 60_000
    assert [action.effect for action in world.tick(world.loop(fresh=True)).actions] == [Effect.UNCHANGED]


def test_closing_the_issue_rejects_each_of_them(tmp_path: Path) -> None:
    """None comes again with others; retry takes back all of them, and one that comes back leaves the others open."""
    world = World(tmp_path, NAMES[:8], limits=DELETING)
    deleted(world, *NAMES[:3])
    (opened,) = world.tick(world.loop()).actions
    world.close_by_hand(1)
    (answer,) = world.tick(world.loop(fresh=True)).actions
    assert (answer.effect, answer.number) == (Effect.REJECTED, 1)
    rejected = {entry.fingerprint for entry in world.entries() if entry.kind is EntryKind.REJECT}
    assert len(rejected) == 4  # of each, and of all together
    deleted(world, *NAMES[3:6])
    done = world.tick(world.loop(fresh=True)).actions
    assert sorted(action.effect for action in done) == [Effect.OPENED, *[Effect.REJECTED] * 3]
    record_order(world.loop().run, EntryKind.RETRY, reason="please", fingerprint=opened.fingerprint)
    (again,) = world.tick(world.loop(fresh=True)).actions
    assert (again.effect, again.number) == (Effect.UPDATED, 2)
    assert "in 6 PersistentVolumeClaims" in issue(world, 2).title
    world.live |= {f"k8s/{name}-claim.yaml": world.running[f"k8s/{name}-claim.yaml"] for name in NAMES[:6]}
    assert [action.effect for action in world.tick(world.loop(fresh=True)).actions] == [Effect.CLOSED]


@pytest.mark.parametrize(
    ("join", "title"),
    [
        (Join.FOLDER, "ports[80/TCP] removed, ports[90/TCP] added and 5 more in 6 Services"),
        (Join.OWNER, "ports[80/TCP] removed, ports[90/TCP] added and 3 more in 4 Services"),
    ],
)
def test_whatever_differs_in_company_is_one_pull_request(tmp_path: Path, join: Join, title: str) -> None:
    """Different changes of a folder, or of what the same people own; each is shown by itself."""
    world = World(tmp_path, NAMES[:6], limits=replace(DELETING, join=join))
    owned = "".join(f"/k8s/{name}* @acme/{'data' if name in NAMES[4:6] else 'web'}\n" for name in NAMES[:6])
    tip = world.human.head("main")
    assert tip is not None
    commit = world.human.commit(tip, {"CODEOWNERS": owned.encode()}, message="Owners", at=world.clock.at)
    world.human.push("main", commit, expected=tip)
    for number, name in enumerate(NAMES[:6]):
        world.config_drift(name, 90 + number)
    done = world.tick(world.loop()).actions
    assert next(action for action in done if action.number == 1).effect is Effect.OPENED
    pull = world.desk.pull(1)
    assert pull.title == title
    assert "@@ Service/shop/app00 spec.ports[90/TCP]" in pull.body
    assert "@@ Service/shop/app03 spec.ports[93/TCP]" in pull.body
    assert "in the same way" not in pull.body
    assert len(done) == (1 if join is Join.FOLDER else 3)
    again = world.tick(world.loop(fresh=True)).actions
    assert next(action for action in again if action.number == 1).effect is Effect.UNCHANGED


def service(name: str, port: int) -> dict[str, Any]:
    """A Service of the shop that listens there."""
    tree: dict[str, Any] = yaml.safe_load(SERVICE.replace(b"name: web", f"name: {name}".encode()))
    tree["spec"]["ports"][0]["port"] = port
    return tree


def test_whatever_differs_in_a_target_is_one_pull_request(tmp_path: Path) -> None:
    """Different changes of two Services for each of two clusters; one of a third cluster is too few to join."""
    names = {"dev": ("api", "web"), "prod": ("api", "web"), "test": ("web",)}
    targets = ", ".join(
        f"{{name: {target}, path: clusters/{target}, observe: {{snapshot: {{file: {tmp_path / target}.json}}}}}}"
        for target in names
    )
    settings = (
        "github: {min_write_interval: 0}\nfixes: {join: target, joined_from: 2, pull_requests_per_hour: null}\n"
        f"targets: [{targets}]\n"
    )
    files = {
        f"clusters/{target}/{name}.yaml": yaml.safe_dump(service(name, 80)).encode()
        for target, services in names.items()
        for name in services
    }
    for target, services in names.items():
        running = [service(name, 90 + number) for number, name in enumerate(services)]
        (tmp_path / f"{target}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": running}))
    with Sandbox.start(tmp_path / "box") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        box.create_repository(NAME, files={**files, "clockwork.yaml": settings.encode()})
        stage = Stage(box, tmp_path, token, human, {})
        done = tick(open_loop(replace(stage.options(), live=None), clock=stage.clock)).actions
        assert {action.effect for action in done} == {Effect.OPENED}
        pulls = {pull["title"]: pull for pull in stage.pulls("open")}
        changed = {
            title: sorted(file["filename"] for file in stage.api("GET", f"/pulls/{pull['number']}/files"))
            for title, pull in pulls.items()
        }
        assert sorted(changed.values()) == [
            ["clusters/dev/api.yaml", "clusters/dev/web.yaml"],
            ["clusters/prod/api.yaml", "clusters/prod/web.yaml"],
            ["clusters/test/web.yaml"],
        ]
        assert sum(title.startswith("prod: ") and title.endswith(" in 2 Services") for title in pulls) == 1, [*pulls]


def test_owners_that_nobody_named_are_told_once(tmp_path: Path) -> None:
    """The run says that the setting does nothing, and says nothing where a file names owners or nobody asks for any."""
    for join, notes in ((Join.OWNER, ["there is none, so fixes.join: owner joins nothing"]), (Join.CHANGE, [])):
        world = World(tmp_path / join.value, NAMES[:2], limits=replace(DELETING, join=join))
        for number, name in enumerate(NAMES[:2]):
            world.config_drift(name, 90 + number)
        report = world.tick(world.loop(dry_run=True)).report
        assert [note.detail for note in report.notes if note.rule == "CODEOWNERS"] == notes
    tip = world.human.head("main")
    assert tip is not None
    commit = world.human.commit(tip, {"CODEOWNERS": b"* @acme/web\n"}, message="Owners", at=world.clock.at)
    world.human.push("main", commit, expected=tip)
    world.kept = None
    world.limits = replace(DELETING, join=Join.OWNER)
    report = world.tick(world.loop()).report
    assert [note.detail for note in report.notes if note.rule == "CODEOWNERS"] == []


def test_what_has_no_owner_stays_by_itself(tmp_path: Path) -> None:
    """Without CODEOWNERS nobody shares anything."""
    limits = replace(DELETING, join=Join.OWNER, new_pull_requests_per_hour=None)
    world = World(tmp_path, NAMES[:3], limits=limits)
    for name in NAMES[:3]:
        world.config_drift(name, 90)
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.OPENED] * 3
