"""Plug-ins as people use them: installed by pip, named in clockwork.yaml, asked by the command line."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import bot
from bot.errors import Invalid
from bot.github.webhook import GitHubWebhooks
from bot.model.session import Prompt
from bot.settings import load
from bot.wiring.guard import Guard
from bot.wiring.host import open_host, open_webhooks
from bot.wiring.plugins import installed
from bot.wiring.repository import Options, SystemClock, open_repository
from tests.entry import clockwork
from tests.flows.world import Desk
from tests.plugins.packages import install, packed

EXAMPLE = Path(__file__).parent / "example"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 2}
"""
SOURCE = """\
def observer(context):
    raise RuntimeError("no licence for this machine")

def number(context):
    return 7

def stubborn(context):
    from bot.errors import Invalid
    raise Invalid("options: none is needed", advice="Take them out.")
"""


def example(folder: Path) -> Path:
    """The wheel of the example package, by what its own pyproject.toml says."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    modules = {path.name: path.read_text() for path in EXAMPLE.glob("*.py")}
    return packed(folder, project["name"], modules=modules, entry_points=project["entry-points"])


def repository(folder: Path, settings: str, **files: str) -> Path:
    """A folder that declares one deployment of two replicas."""
    root = folder / "repository"
    root.mkdir()
    for name, text in {"web.yaml": WEB, "clockwork.yaml": settings, **files}.items():
        (root / name).write_text(text)
    return root


def run(folder: Path, *words: str, packages: Path | None = None) -> CompletedProcess[str]:
    """The command in a process that finds the ``packages``, by default those below ``folder``."""
    here = Path(bot.__file__).parents[1]
    return clockwork(*words, folder=folder, PYTHONPATH=f"{packages or folder / 'packages'}{os.pathsep}{here}")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, and two packages with everything that can be wrong with a plug-in."""
    folder = tmp_path_factory.mktemp("broken")
    observers = {
        "raises": "broken:observer",
        "absent": "nowhere:observer",
        "number": "broken:number",
        "stubborn": "broken:stubborn",
        "twice": "broken:number",
    }
    groups = {"clockwork.observers": observers, "clockwork.renderers": {"number": "broken:number"}}
    wheels = (
        example(folder),
        packed(folder, "broken", modules={"broken.py": SOURCE}, entry_points=groups),
        packed(folder, "other", modules={}, entry_points={"clockwork.observers": {"twice": "broken:observer"}}),
    )
    install(folder / "packages", *wheels)
    return folder / "packages"


def test_the_example_is_observed(tmp_path: Path) -> None:
    """``clockwork drift`` compares what Git declares with what the plug-in says, and believes it about what is missing."""
    install(tmp_path / "packages", example(tmp_path))
    replicas = tmp_path / "replicas.txt"
    root = repository(tmp_path, f"observe: {{plugins: {{replica-file: {{path: {replicas}}}}}}}\n")
    replicas.write_text("shop/web 5\n")
    done = run(tmp_path, "drift", "--repo", str(root), "--json", "--exit-code")
    assert done.returncode == 1, done
    (drift,) = json.loads(done.stdout)["drift"]
    assert (drift["path"], drift["desired"], drift["observed"]) == ("spec.replicas", 2, 5)
    replicas.write_text("")
    (drift,) = json.loads(run(tmp_path, "drift", "--repo", str(root), "--json").stdout)["drift"]
    assert drift["kind"] == "missing"
    replicas.unlink()
    done = run(tmp_path, "drift", "--repo", str(root))
    assert done.returncode == 3, done
    assert f"cannot read live state from replica-file {replicas}: No such file or directory" in done.stdout


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("observe: {plugins: {replica-file: {}}}", "replica-file takes one option, path\n  Write replica-file: {path"),
        (
            "observe:\n  plugins: {replica-fill: {}}",
            "clockwork.yaml:2: observe.plugins: unknown 'replica-fill'; did you",
        ),
        (
            "guard:\n  assistants:\n  - kind: claud",
            "clockwork.yaml:3: guard.assistants.0.kind: unknown 'claud'; did you",
        ),
        (
            "guard: {assistants: [{kind: claude, options: {a: 1}}]}",
            "options: goes with plug-ins, and kind: claude is none",
        ),
        (
            "host: {kind: forgejo}",
            "clockwork.yaml:1: host.kind: unknown 'forgejo'; known: github (plug-ins: entry points",
        ),
        ("renderer: {kind: other}", "clockwork.yaml:1: renderer.kind: unknown 'other'; known: forge"),
        (
            "observe: {plugins: {raises: {}}}",
            "raises (clockwork.observers, broken 1.0) fails to load: RuntimeError: no lic",
        ),
        (
            "observe: {plugins: {absent: {}}}",
            "absent (clockwork.observers, broken 1.0) fails to load: ModuleNotFoundError",
        ),
        (
            "observe: {plugins: {number: {}}}",
            "number (clockwork.observers, broken 1.0) gives int, which is not an observ",
        ),
        ("observe: {plugins: {stubborn: {}}}", "clockwork: options: none is needed\n  Take them out."),
        (
            "observe: {plugins: {twice: {}}}",
            "several packages offer a plug-in twice (clockwork.observers): broken 1.0, oth",
        ),
        ("renderer: {kind: number}", "number (clockwork.renderers, broken 1.0) gives int, which is not a renderer"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, broken: Path, settings: str, message: str) -> None:
    """Exit code 2 and one message: which plug-in of which package, what is wrong with it, what was perhaps meant."""
    root = repository(tmp_path, settings + "\n")
    done = run(tmp_path, "drift", "--repo", str(root), packages=broken)
    assert done.returncode == 2, done
    assert message in done.stderr
    assert "Traceback" not in done.stderr


RENDERER = """\
from dataclasses import dataclass
from bot.model.resource import Desired

@dataclass
class Bundle:
    files: dict
    desired: tuple = ()
    dropped: tuple = ()

def renderer(context):
    def render(config, overlays):
        return Bundle({".clockwork/build/all.txt": context.options["text"].encode()})
    return render
"""


def test_a_renderer_takes_the_place_of_the_forge(tmp_path: Path) -> None:
    """``clockwork render`` writes what the plug-in makes of the ``.cw`` files, and nothing else."""
    entry_points = {"clockwork.renderers": {"plain": "plain:renderer"}}
    install(tmp_path / "packages", packed(tmp_path, "plain", modules={"plain.py": RENDERER}, entry_points=entry_points))
    source = 'provider "docker" {}\nresource "service" "web" {\n  image = "nginx:1.27"\n}\n'
    root = repository(tmp_path, "renderer: {kind: plain, options: {text: hello}}\n", **{"web.cw": source})
    done = run(tmp_path, "render", "--repo", str(root))
    assert (done.returncode, done.stdout) == (0, "wrote .clockwork/build/all.txt\n"), done
    assert [path.name for path in (root / ".clockwork" / "build").iterdir()] == ["all.txt"]
    assert (root / ".clockwork" / "build" / "all.txt").read_text() == "hello"


OTHERS = """\
from bot.model.session import Reply, ReplyStatus
from tests.flows.world import Desk

class Parrot:
    name = "parrot"
    def __init__(self, words):
        self.words = words
    def run(self, prompt):
        return Reply(self.name, ReplyStatus.OK, message=self.words)

def assistant(context):
    return Parrot(context.options["words"])

def host(context):
    made = Desk()
    made.context = context
    return made
"""


def test_an_assistant_and_a_code_host_are_made_by_their_plug_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The assistant gets its options, the host its remote and secrets; deliveries are read as GitHub's where it reads none."""
    groups = {"clockwork.assistants": {"parrot": "others:assistant"}, "clockwork.hosts": {"desk": "others:host"}}
    install(tmp_path / "packages", packed(tmp_path, "others", modules={"others.py": OTHERS}, entry_points=groups))
    monkeypatch.syspath_prepend(tmp_path / "packages")
    text = b"host: {kind: desk}\nguard: {assistants: [{kind: parrot, options: {words: hello}}]}\n"
    settings = load(text, installed=installed)
    root = repository(tmp_path, "")
    environment = {"CLOCKWORK_TOKEN": "t0k3n", "CLOCKWORK_SECRET": "key"}
    opened = open_repository(Options(str(root), environment=environment))
    opened = replace(opened, settings=settings, remote="https://git.example.com/acme/shop.git")
    host = open_host(opened, SystemClock())
    assert isinstance(host, Desk)
    context = vars(host)["context"]
    assert (context.remote, context.token, context.marker_key) == (opened.remote, "t0k3n", b"key")
    assert "t0k3n" not in repr(context)
    (assistant,) = Guard(opened, host, SystemClock()).assistants
    assert assistant.run(Prompt("", "", "")).message == "hello"
    with pytest.raises(Invalid, match="unknown 'desk'"):
        load(text)
    assert isinstance(open_webhooks(opened, host), GitHubWebhooks)
