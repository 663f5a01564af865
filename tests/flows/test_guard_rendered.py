"""Pull requests show what they do: guardrails on rendered objects, and one comment with the difference by target."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import pygit2
import pytest
import typer
from typer.testing import CliRunner

from bot.entrypoints.cli import guard as guard_command
from bot.flows.head_check import Reviewed
from bot.model.codehost import CheckState
from bot.model.filetree import FileTree
from bot.model.finding import Mode
from bot.model.target import Rendering, Unit
from bot.ports import UnitRenderer
from bot.renderers import tools
from bot.renderers.renderers import Renderers
from bot.sandbox.server import Sandbox
from bot.wiring.guard import Guard, review
from bot.wiring.host import open_host
from bot.wiring.repository import open_repository
from tests.flows.stage import NAME, MovableClock, Stage
from tests.flows.test_targets import CHART, KUSTOMIZE, has_kustomize
from tests.guardrails.test_command import commit

pytestmark = pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")
HELM = pytest.mark.skipif(find_spec("helm_python") is None and tools.helm() is None, reason="Helm is not installed")

SECRET = "".join(
    random.Random(11).choices(string.ascii_letters + string.digits, k=24)
)  # made here so that no file has it
OTHER = "".join(random.Random(12).choices(string.ascii_letters + string.digits, k=24))
EXTRAS: Mapping[str, bytes] = {
    "base/kustomization.yaml": b"resources: [deployment.yaml, settings.yaml, claim.yaml]\n",
    "base/settings.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {LEVEL: info}\n",
    "base/claim.yaml": (
        b"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: orders}\nspec:\n"
        b"  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 20Gi}}\n"
    ),
}
SETTINGS = b"version: 1\ngithub: {min_write_interval: 0}\n"
PRIVILEGED_PATCH = (
    "patches:\n- target: {kind: Deployment, name: web}\n  patch: |-\n    - op: add\n"
    "      path: /spec/template/spec/containers/0/securityContext\n      value: {privileged: true}\n"
)
CHARTED = {
    **CHART,
    "charts/web/templates/deployment.yaml": CHART["charts/web/templates/deployment.yaml"].replace(
        b"          env:", b"          securityContext: {{ .Values.securityContext | toJson }}\n          env:"
    ),
    "charts/web/values.yaml": CHART["charts/web/values.yaml"] + b"securityContext: {}\n",
}
CHARTED_SETTINGS = SETTINGS + b"".join(
    b"- {name: %s, path: charts/web, namespace: shop, values: [values/%s.yaml]}\n" % (name, name)
    if at
    else b"targets:\n- {name: %s, path: charts/web, namespace: shop, values: [values/%s.yaml]}\n" % (name, name)
    for at, name in enumerate((b"dev", b"prod"))
)


def opened(directory: Path, box: Sandbox, files: Mapping[str, bytes]) -> Stage:
    """A repository with these files on a sandbox."""
    token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
    box.create_repository(NAME, files=files)
    return Stage(box, directory, token, human, {}, MovableClock())


@pytest.fixture
def overlays(tmp_path: Path) -> Iterator[Stage]:
    """A base with two overlays."""
    with Sandbox.start(tmp_path / "box") as box:
        yield opened(tmp_path, box, {**KUSTOMIZE, **EXTRAS, "README.md": b"# Shop\n"})


@pytest.fixture
def chart(tmp_path: Path) -> Iterator[Stage]:
    """A chart with a values file for each of two targets."""
    with Sandbox.start(tmp_path / "box") as box:
        yield opened(tmp_path, box, {**CHARTED, "clockwork.yaml": CHARTED_SETTINGS})


def guard(stage: Stage, *, actions: bool = False) -> Guard:
    """The guard as the command line wires it."""
    options = stage.options()
    if actions:
        options = replace(options, environment={**options.environment, "GITHUB_ACTIONS": "true"})
    site = open_repository(options)
    host = open_host(site, stage.clock)
    assert host is not None
    return Guard(site, host, stage.clock)


def pull(stage: Stage, path: str, change: Callable[[str], str]) -> int:
    """A pull request that changes one file."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/topic", sha=head)
    stage.edit(path, change, branch="topic")
    return int(stage.api("POST", "/pulls", title="Change it", head="topic", base="main", body="")["number"])


def judged(stage: Stage, number: int, mode: Mode = Mode.STANDARD) -> Reviewed:
    """The pull request, reviewed by a fresh process."""
    return review(guard(stage), number, mode=mode)


def comments(stage: Stage, number: int) -> list[str]:
    """What is commented on a pull request."""
    return [comment["body"] for comment in stage.api("GET", f"/issues/{number}/comments")]


def summary(stage: Stage, number: int) -> str:
    """The text of the check on the head of a pull request."""
    sha = stage.api("GET", f"/pulls/{number}")["head"]["sha"]
    return str(stage.api("GET", f"/commits/{sha}/check-runs")["check_runs"][0]["output"]["summary"])


@HELM
def test_a_privilege_in_a_values_file_is_found_at_its_line(chart: Stage) -> None:
    """``privileged: true`` stands in no manifest: the rendered pod has it, and the values file's line is named."""
    number = pull(chart, "values/prod.yaml", lambda text: f"{text}securityContext:\n  privileged: true\n")
    (finding,) = judged(chart, number).result.findings
    assert (finding.rule, finding.file, finding.line) == ("K8S-001", "values/prod.yaml", 4)
    assert "for prod" in finding.message


def test_a_privilege_in_a_patch_is_found_in_its_overlay(overlays: Stage) -> None:
    """An inline JSON patch is no manifest; its kustomization is named, once, and only for the overlay that has it."""
    number = pull(overlays, "overlays/prod/kustomization.yaml", lambda text: text + PRIVILEGED_PATCH)
    (finding,) = judged(overlays, number).result.findings
    assert (finding.rule, finding.file) == ("K8S-001", "overlays/prod/kustomization.yaml")
    assert finding.line == KUSTOMIZE["overlays/prod/kustomization.yaml"].count(b"\n") + 6
    assert "rendered for prod." in finding.message
    assert judged(overlays, number, Mode.STRICT).state is CheckState.FAILURE


def test_a_manifest_gives_its_finding_once(overlays: Stage) -> None:
    """What the base's manifest says itself is not told again for each overlay that renders it."""
    number = pull(
        overlays,
        "base/deployment.yaml",
        lambda text: text.replace("          env:", "          securityContext: {privileged: true}\n          env:"),
    )
    (finding,) = judged(overlays, number).result.findings
    assert (finding.rule, finding.file) == ("K8S-001", "base/deployment.yaml")


def test_an_overlay_s_change_shows_its_target_alone(overlays: Stage) -> None:
    """Check and comment hold the line that changes in prod, and nothing about dev."""
    number = pull(overlays, "overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.2", "1.4.3"))
    judged(overlays, number)
    (body,) = comments(overlays, number)
    for text in (body, summary(overlays, number)):
        assert "**`prod`**: 1 changed" in text
        assert "`dev`" not in text
        assert "-      - env" not in text
        assert "registry.example.com/web:1.4.2\n+" in text


def test_the_comment_is_updated_and_never_repeated(overlays: Stage) -> None:
    """A second head changes the one comment; a head that changes nothing rendered any more says so in it."""
    number = pull(overlays, "overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.2", "1.4.3"))
    judged(overlays, number)
    judged(overlays, number)
    overlays.edit("overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.3", "1.4.4"), branch="topic")
    judged(overlays, number)
    (body,) = comments(overlays, number)
    assert "web:1.4.4" in body
    assert "web:1.4.3" not in body
    overlays.edit("overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.4", "1.4.2"), branch="topic")
    judged(overlays, number)
    (body,) = comments(overlays, number)
    assert "No target's rendered objects change" in body


def test_a_read_me_renders_nothing(overlays: Stage) -> None:
    """A change that no target is made from starts no tool and leaves no comment."""
    number = pull(overlays, "README.md", lambda text: f"{text}\nOpen daily.\n")
    own = guard(overlays)
    reviewed = review(own, number)
    renderer = own.targets.renderer
    assert isinstance(renderer, Renderers)
    assert renderer.rendered == 0
    assert not reviewed.rendered
    assert not comments(overlays, number)


def test_only_the_overlay_that_changed_is_rendered(overlays: Stage) -> None:
    """Of two targets that share a base, one is rendered at both commits and the other at none."""
    number = pull(overlays, "overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.2", "1.4.3"))
    own = guard(overlays)
    review(own, number)
    renderer = own.targets.renderer
    assert isinstance(renderer, Renderers)
    assert renderer.rendered == 2


def fleet() -> Mapping[str, bytes]:
    """Two clusters of Flux with two apps each."""

    def unit(name: str, path: str) -> bytes:
        return (
            b"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: flux-system}\n"
            b"spec: {path: %s, prune: true, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n---\n"
        ) % (name.encode(), path.encode())

    files = {"clockwork.yaml": SETTINGS}
    for cluster in ("dev", "prod"):
        apps = [f"apps/{cluster}/{name}" for name in ("front", "back")]
        files[f"clusters/{cluster}/sync.yaml"] = unit("flux-system", f"./clusters/{cluster}") + b"".join(
            unit(path.replace("/", "-"), f"./{path}") for path in apps
        )
        for path in apps:
            name = path.rpartition("/")[2].encode()
            files[f"{path}/a.yaml"] = EXTRAS["base/settings.yaml"].replace(b"name: settings", b"name: %s" % name)
    return files


@dataclass(slots=True)
class Asked:
    """A renderer that counts the units it is asked for."""

    renderer: UnitRenderer
    units: list[str] = field(default_factory=list)

    def render_all(self, asked: Sequence[tuple[Unit, FileTree]]) -> Sequence[Rendering]:
        """What the units come to."""
        self.units += [unit.path for unit, _ in asked]
        return self.renderer.render_all(asked)


def test_of_flux_only_the_target_that_changed_is_rendered_again(tmp_path: Path) -> None:
    """What a look at the base made of it is known; of a head only the targets that it changes are looked at at all, and of
    those only the units that it changes are rendered.
    """
    with Sandbox.start(tmp_path / "box") as box:
        stage = opened(tmp_path, box, fleet())
        own = guard(stage)
        renderer = own.targets.renderer
        assert isinstance(renderer, Renderers)
        asked = Asked(renderer)
        own.__dict__["targets"] = replace(own.targets, renderer=asked)
        own.repository.fetch()
        entries = own.repository.entries(own.repository.head("main") or "")
        own.targets.read(FileTree({each.path: each.blob for each in entries}, own.repository.blob))
        assert (len(asked.units), renderer.rendered) == (6, 6)
        for number, (cluster, name) in enumerate((("prod", "front"), ("dev", "back"))):
            asked.units.clear()
            stage.api("POST", "/git/refs", ref=f"refs/heads/t{number}", sha=own.repository.head("main"))
            stage.edit(f"apps/{cluster}/{name}/a.yaml", lambda text: text.replace("info", "debug"), branch=f"t{number}")
            made = stage.api("POST", "/pulls", title="Change it", head=f"t{number}", base="main", body="")
            assert [each.target for each in review(own, int(made["number"])).rendered] == [cluster]
            assert sorted(asked.units) == [f"apps/{cluster}/back", f"apps/{cluster}/front", f"clusters/{cluster}"]
            assert renderer.rendered == 7 + number


def test_what_is_removed_comes_first(overlays: Stage) -> None:
    """A claim that goes is told before the ConfigMap that goes, and both before what only changes."""
    number = pull(
        overlays,
        "base/kustomization.yaml",
        lambda _text: (
            "resources: [deployment.yaml]\nimages: [{name: registry.example.com/web, newName: other.example.com/web}]\n"
        ),
    )
    judged(overlays, number)
    (body,) = comments(overlays, number)
    prod = body[body.index("**`prod`**") :]
    order = [prod.index(text) for text in ("PersistentVolumeClaim", "ConfigMap", "changed Deployment")]
    assert order == sorted(order)
    assert "2 removed, 1 changed" in prod


@pytest.mark.parametrize("key", ["stringData", "data"])
def test_a_secret_never_shows(overlays: Stage, key: str) -> None:
    """Neither the value of a Secret nor that of an environment variable with such a name is shown; that they are new is."""
    written = "\n".join(
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  LEVEL: debug",
            f"  DB_PASSWORD: {SECRET}\n  url: postgres://shop:{OTHER}@db/shop",
            "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}",
            f"{key}: {{plain: {OTHER}}}\n",
        )
    )
    number = pull(overlays, "base/settings.yaml", lambda _text: written)
    judged(overlays, number)
    (body,) = comments(overlays, number)
    assert "DB_PASSWORD" in body
    assert "+  LEVEL: debug" in body
    assert "added Secret/shop/db" in body
    for text in (body, summary(overlays, number)):
        assert SECRET not in text
        assert OTHER not in text


@pytest.mark.parametrize(("mode", "state"), [(Mode.STANDARD, CheckState.NEUTRAL), (Mode.STRICT, CheckState.FAILURE)])
def test_a_target_that_renders_no_longer_is_told(overlays: Stage, mode: Mode, state: CheckState) -> None:
    """A broken overlay is a finding with its file and no removal: what is not seen is not approved in strict."""
    number = pull(overlays, "overlays/dev/kustomization.yaml", lambda text: text.replace("../../base", "../../bases"))
    reviewed = judged(overlays, number, mode)
    (finding,) = reviewed.result.findings
    assert (finding.rule, finding.file) == ("SYS-001", "overlays/dev/kustomization.yaml")
    assert "dev cannot be rendered any more" in finding.message
    assert reviewed.state is state
    (body,) = comments(overlays, number)
    assert "Cannot be rendered any more" in body
    assert "removed" not in body


def test_settings_of_the_head_do_not_hide_a_target(overlays: Stage) -> None:
    """Targets and exclusions are those of the base: a pull request cannot switch off what looks at it."""
    number = pull(overlays, "overlays/prod/kustomization.yaml", lambda text: text + PRIVILEGED_PATCH)
    overlays.edit("clockwork.yaml", lambda text: f"{text}sources: {{exclude: [overlays/**]}}\n", branch="topic")
    assert "K8S-001" in {finding.rule for finding in judged(overlays, number).result.findings}


@pytest.mark.parametrize(("setting", "expected"), [("", 0), ("guard: {rendered_comment: on}\n", 1)])
def test_in_github_actions_a_comment_is_asked_for(tmp_path: Path, setting: str, expected: int) -> None:
    """Where the check suffices there is no comment unless settings want one; the check has the difference in any case."""
    with Sandbox.start(tmp_path / "box") as box:
        stage = opened(tmp_path, box, {**KUSTOMIZE, "clockwork.yaml": SETTINGS + setting.encode()})
        number = pull(stage, "overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.2", "1.4.3"))
        review(guard(stage, actions=True), number)
        assert len(comments(stage, number)) == expected
        assert "**`prod`**: 1 changed" in summary(stage, number)


def test_a_long_difference_is_cut_and_says_so(overlays: Stage) -> None:
    """GitHub's limits hold, and the reader learns how much is not shown."""
    lines = "".join(f"  key{number}: {'x' * 60}{number}\n" for number in range(2000))
    number = pull(overlays, "base/settings.yaml", lambda text: text.replace("data: {LEVEL: info}", f"data:\n{lines}"))
    judged(overlays, number)
    (body,) = comments(overlays, number)
    assert len(body) < 65_536
    assert "more lines.*" in body


def test_two_commits_are_compared_without_a_host(tmp_path: Path) -> None:
    """``clockwork guard diff`` shows the rendered difference and finds what rendering brings to light."""
    overlay = "overlays/prod/kustomization.yaml"
    made = pygit2.init_repository(tmp_path, initial_head="main")
    base = commit(made, {path: data.decode() for path, data in KUSTOMIZE.items()}, "Begin")
    head = commit(made, {overlay: KUSTOMIZE[overlay].decode() + PRIVILEGED_PATCH}, "Profile")
    app = typer.Typer()
    guard_command.register(app)
    shown = (
        CliRunner().invoke(app, ["guard", "diff", base, head, "--repo", str(tmp_path)], catch_exceptions=False).output
    )
    assert "prod: 1 changed" in shown
    assert "+          privileged: true" in shown
    assert f"{overlay}:13" in shown


def test_what_never_rendered_is_told_only_where_it_is_touched(tmp_path: Path) -> None:
    """An overlay that was broken before is named when the change touches it, and is neither a finding nor noise elsewhere."""
    broken = KUSTOMIZE["overlays/dev/kustomization.yaml"].replace(b"../../base", b"../../bases")
    with Sandbox.start(tmp_path / "box") as box:
        stage = opened(tmp_path, box, {**KUSTOMIZE, "overlays/dev/kustomization.yaml": broken})
        number = pull(stage, "overlays/dev/kustomization.yaml", lambda text: text.replace("2.0-rc1", "2.0-rc2"))
        reviewed = judged(stage, number)
        assert not reviewed.result.findings
        ((target, reasons),) = [(each.target, each.unrendered) for each in reviewed.rendered]
        assert target == "dev"
        assert "bases" in reasons[0]
        stage.edit("overlays/dev/kustomization.yaml", lambda _text: broken.decode(), branch="topic")
        stage.edit("overlays/prod/kustomization.yaml", lambda text: text.replace("1.4.2", "1.4.3"), branch="topic")
        assert [each.target for each in judged(stage, number).rendered] == ["prod"]
