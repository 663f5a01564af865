"""What a repository may do wrong, or on purpose: each is an error of one unit, with file and line, and nothing more."""

from __future__ import annotations

import os
import socket
import stat
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bot.confinement.walls import Wall
from bot.model.filetree import FileTree
from bot.model.target import NotCompared, Target, Unit, UnitKind
from bot.renderers import confined, helm_process, kustomize, tools
from bot.renderers.confined import Jail
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from bot.targets.expansion import Expansions
from tests.gitops import by_name, tree_of
from tests.renderers import needs

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
WALLS = [
    Wall.NONE,
    pytest.param(
        Wall.NAMESPACES, marks=pytest.mark.skipif(not confined.namespaces(), reason="no unprivileged user namespaces")
    ),
    pytest.param(Wall.LANDLOCK, marks=pytest.mark.skipif(not confined.landlock(), reason="a kernel without Landlock")),
]


def unit(kind: UnitKind = UnitKind.KUSTOMIZE, path: str = "") -> Unit:
    """A unit at ``path``."""
    return Unit(kind, "app", path, file="clusters/app.yaml", line=7)


def error_of(renderers: Renderers, files: dict[str, str], asked: Unit | None = None) -> NotCompared:
    """The error of a unit that comes to nothing."""
    rendering = renderers.render(asked or unit(), tree_of(files))
    assert rendering.error is not None
    assert rendering.objects == ()
    return rendering.error


@pytest.mark.parametrize(
    "field",
    [
        "patches: [{path: 'URL'}]",
        "patchesStrategicMerge: ['URL']",
        "patchesJson6902: [{path: 'URL', target: {kind: ConfigMap, name: one, version: v1}}]",
        "replacements: [{path: 'URL'}]",
        "configMapGenerator: [{name: a, files: ['a=URL']}]",
        "generators: ['URL']",
        "crds: ['URL']",
        "openapi: {path: 'URL'}",
    ],
)
def test_a_url_where_nothing_is_fetched_for_is_told(renderers: Renderers, field: str) -> None:
    """Kustomize would fetch it for some of them; here it is a reason, whatever hosts may be asked."""
    url = "https://example.com/x.yaml"
    files = {"kustomization.yaml": f"resources: [a.yaml]\n{field.replace('URL', url)}\n", "a.yaml": CONFIG_MAP}
    error = error_of(renderers, files)
    assert error.reason == f"{url} is on the network, and nothing is fetched for this field or in this form"
    assert (error.file, error.line) == ("kustomization.yaml", 1)


@pytest.mark.parametrize("named", ["passwd.yaml", "shared/a.yaml", "shared"])
def test_a_symbolic_link_is_told_as_such(renderers: Renderers, named: str) -> None:
    """Wherever it leads: a file behind one is no file of the commit, whether it is there or not."""
    tree = tree_of({"app/kustomization.yaml": f"resources: [{named}]\n"})
    linked = replace(tree, links=lambda path: path.startswith(("app/passwd.yaml", "app/shared")))
    error = renderers.render(unit(path="app"), linked).error
    assert error is not None
    assert error.reason == f"{named} is, or leads through, a symbolic link, and those are not followed"
    assert (error.file, error.line) == ("app/kustomization.yaml", 1)


# -- tools ------------------------------------------------------------------------------------------------------------


def test_a_missing_program_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without kustomize and without Helm each unit says what is missing and how to install it, and is tried again later."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr(tools, "find_spec", lambda _name: None)
    for cached in (tools.kustomize, tools.helm, tools.helm_library):
        cached.cache_clear()
    try:
        renderers = Renderers(Documents(tree_of({})), Jail(Wall.NONE))
        files = {
            "kustomization.yaml": "resources: [a.yaml]",
            "a.yaml": CONFIG_MAP,
            "chart/Chart.yaml": "name: a\nversion: 1.0.0\n",
        }
        errors = [error_of(renderers, files), error_of(renderers, files, unit(UnitKind.HELM, "chart"))]
    finally:
        for cached in (tools.kustomize, tools.helm, tools.helm_library):
            cached.cache_clear()
    assert [each.missing_tool for each in errors] == [True, True]
    assert errors[0].reason.startswith("neither kustomize nor kubectl is installed")
    assert "pip install 'clockwork-gitops[kustomize]'" in errors[0].reason
    assert errors[1].reason.startswith("neither helm nor its library is installed")
    assert "pip install 'clockwork-gitops[helm]'" in errors[1].reason
    assert renderers.rendered == 2
    renderers.render(unit(), tree_of(files))
    assert renderers.rendered == 3


def test_a_program_that_cannot_be_started_is_a_missing_one(renderers: Renderers, tmp_path: Path) -> None:
    """A file without a program in it is told as such, and not as a mistake of the repository."""
    jail = Jail(Wall.NONE)
    broken = tmp_path / "kustomize"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(stat.S_IRWXU)
    ended = jail.run([jail.tool(broken), "build"])
    assert ended.exit_code != 0


# -- kustomizations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "reason", "place"),
    [
        ({"kustomization.yaml": "resources:\n- [\n"}, "not valid YAML", ("kustomization.yaml", 3)),
        ({"kustomization.yaml": "\nresources: [a.yaml]"}, "a.yaml is not there", ("kustomization.yaml", 2)),
        (
            {"kustomization.yaml": "resources: [../../a]"},
            "../../a leads out of the repository",
            ("kustomization.yaml", 1),
        ),
        (
            {"kustomization.yaml": "resources: [/etc/x]"},
            "/etc/x leads out of the repository",
            ("kustomization.yaml", 1),
        ),
        (
            {"kustomization.yaml": "resources: ['https://github.com/o/r//base?ref=v1']"},
            "https://github.com/o/r//base?ref=v1 is not fetched: github.com is not among fetch.hosts",
            ("kustomization.yaml", 1),
        ),
        (
            {"kustomization.yaml": "resources: ['git@github.com:o/r.git']"},
            "git@github.com:o/r.git is not fetched: github.com is not among fetch.hosts",
            ("kustomization.yaml", 1),
        ),
        (
            {
                "kustomization.yaml": "resources: [a]",
                "a/kustomization.yaml": "resources: [b]",
                "a/b/kustomization.yaml": "resources: [../..]",
            },
            "../.. leads back to a kustomization that it is a part of (a cycle)",
            ("a/b/kustomization.yaml", 1),
        ),
        (
            {
                "kustomization.yaml": "generators: [g.yaml]",
                "g.yaml": "kind: ConfigMapGenerator\nfiles: [../../../etc/passwd]\n",
            },
            "../../../etc/passwd leads out of the repository",
            ("kustomization.yaml", 1),
        ),
    ],
)
def test_what_can_be_told_without_building_is(
    renderers: Renderers, files: dict[str, str], reason: str, place: tuple[str, int]
) -> None:
    """References that lead nowhere, out of the repository, onto the network or in a circle name their file and line."""
    error = error_of(renderers, files)
    assert reason in error.reason
    assert (error.file, error.line) == place


@needs.KUSTOMIZE
@pytest.mark.parametrize(
    ("files", "reason", "file"),
    [
        (
            {"kustomization.yaml": "resources: [a.yaml]\nnonsense: 1\n", "a.yaml": CONFIG_MAP},
            "nonsense",
            "kustomization.yaml",
        ),
        ({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "kind: ConfigMap\n"}, "a.yaml", "a.yaml"),
        ({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: [\n"}, "a.yaml", "a.yaml"),
        (
            {"kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "a.yaml": CONFIG_MAP, "b.yaml": CONFIG_MAP},
            "already registered",
            "b.yaml",
        ),
        (
            {
                "kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
                "a.yaml": CONFIG_MAP,
                "p.yaml": CONFIG_MAP.replace("one", "two"),
            },
            "no matches for Id ConfigMap",
            "kustomization.yaml",
        ),
        (
            {"kustomization.yaml": "resources: [a.yaml]", "Kustomization": "resources: [a.yaml]", "a.yaml": CONFIG_MAP},
            "Found multiple kustomization files",
            "kustomization.yaml",
        ),
        (
            {
                "kustomization.yaml": "transformers: [t.yaml]\nresources: [a.yaml]",
                "a.yaml": CONFIG_MAP,
                "t.yaml": "apiVersion: example.com/v1\nkind: Runs\nmetadata:\n  name: r\n  annotations:\n"
                "    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n",
            },
            "external plugins disabled",
            "kustomization.yaml",
        ),
    ],
)
def test_a_broken_kustomization_says_what_kustomize_says(
    renderers: Renderers, files: dict[str, str], reason: str, file: str
) -> None:
    """The error is kustomize's own message and names the file that is to blame; no path of this machine is in it."""
    error = error_of(renderers, files)
    assert error.reason.startswith("kustomize: ")
    assert reason in error.reason
    assert error.file == file
    assert "trees" not in error.reason


@needs.KUSTOMIZE
def test_a_broken_unit_takes_no_other_with_it(renderers: Renderers) -> None:
    """The other units of a target are rendered, and the broken one is told apart from one that has nothing."""
    files = {
        "a/kustomization.yaml": "resources: [none.yaml]\n",
        "b/kustomization.yaml": "resources: [one.yaml]\n",
        "b/one.yaml": CONFIG_MAP,
    }
    target = Target("t", (unit(path="a"), unit(path="b")))
    expansion = Expansions(renderers.render_all).of(target, tree_of(files))
    assert [len(each.rendering.objects) for each in expansion.units] == [0, 1]
    assert [left.reason for left in expansion.left_out] == ["none.yaml is not there"]


@needs.KUSTOMIZE
def test_programs_named_by_a_repository_never_run(renderers: Renderers, tmp_path: Path) -> None:
    """Neither exec plug-ins nor functions run, in whatever field they are named."""
    script = f"#!/bin/sh\ntouch {tmp_path}/ran\n"
    function = "metadata:\n  name: r\n  annotations:\n    config.kubernetes.io/function: |\n      FORM\n"
    for field in ("generators", "transformers", "validators"):
        for form in ("exec: {path: ./run.sh}", "container: {image: example.com/run}", "starlark: {path: run.star}"):
            files = {
                "kustomization.yaml": f"resources: [a.yaml]\n{field}: [f.yaml]\n",
                "a.yaml": CONFIG_MAP,
                "f.yaml": f"apiVersion: example.com/v1\nkind: Runs\n{function.replace('FORM', form)}",
                "run.sh": script,
                "run.star": "",
            }
            assert "plugin" in error_of(renderers, files).reason
    assert not (tmp_path / "ran").exists()


@needs.KUSTOMIZE
def test_ten_thousand_resources_are_built_or_ended(renderers: Renderers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kustomization of ten thousand files ends in a rendering or in an error, and one of far more is not even begun."""
    monkeypatch.setattr(kustomize, "SECONDS", 2.0)
    names = [f"r{number}.yaml" for number in range(25_000)]
    files = dict.fromkeys(names, CONFIG_MAP) | {"kustomization.yaml": f"resources: [{', '.join(names)}]\n"}
    assert error_of(renderers, files).reason == "it is made from 25001 files, more than 20000"
    files = {name: CONFIG_MAP.replace("one", name[:-5]) for name in names[:10_000]}
    files["kustomization.yaml"] = f"resources: [{', '.join(files)}]\n"
    rendering = renderers.render(unit(), tree_of(files))
    assert len(rendering.objects) == 10_000 or (rendering.error is not None and rendering.error.again)


@needs.KUSTOMIZE
def test_bombs_of_aliases_end_in_an_error(renderers: Renderers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a kustomization nor a resource can expand without end; what ends for want of memory is told as that."""
    monkeypatch.setattr(confined, "_MEMORY", 2**30)
    monkeypatch.setattr(confined, "limits", cache(confined.limits.__wrapped__))
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" if n else "a0: &a0 [x, x]" for n in range(12)]
    bomb = "\n".join(lines) + "\n"
    assert "aliases expand" in error_of(renderers, {"kustomization.yaml": bomb}).reason
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": f"{CONFIG_MAP}{bomb}"}
    assert error_of(renderers, files).reason == "kustomize was stopped at its limit of memory or processor time"


@needs.KUSTOMIZE
def test_more_output_than_any_target_needs_is_an_error(renderers: Renderers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a tool prints is read up to a limit."""
    monkeypatch.setattr(confined, "OUTPUT_CAP", 10_000)
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": f"{CONFIG_MAP}data: {{a: {'x' * 20_000}}}\n"}
    assert error_of(renderers, files).reason == "kustomize printed more than any target needs"


@needs.KUSTOMIZE
def test_a_document_that_no_server_takes_is_not_read(renderers: Renderers) -> None:
    """One object of many megabytes is refused before it is read: reading it would cost a hundred times its size."""
    files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": f"{CONFIG_MAP}data: {{a: {'x' * 4_000_000}}}\n"}
    assert "which no API server takes" in error_of(renderers, files).reason


@needs.KUSTOMIZE
def test_a_build_that_does_not_end_is_ended_and_tried_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tool that hangs is stopped; after a second try its unit is left alone until something in it changes."""
    program = tmp_path / "kustomize"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(kustomize, "SECONDS", 0.2)
    tools.kustomize.cache_clear()
    try:
        renderers = Renderers(Documents(tree_of({})), Jail(Wall.NONE))
        files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": CONFIG_MAP}
        for tries in (1, 2, 2):
            error = error_of(renderers, files)
            assert (error.again, renderers.rendered) == (True, tries)
            assert error.reason == f"kustomize did not finish within {kustomize.SECONDS:g} s"
        error_of(renderers, {**files, "a.yaml": f"# changed\n{CONFIG_MAP}"})
        assert renderers.rendered == 3
    finally:
        tools.kustomize.cache_clear()


# -- charts -----------------------------------------------------------------------------------------------------------


def chart(template: str) -> dict[str, str]:
    return {"Chart.yaml": "apiVersion: v2\nname: a\nversion: 0.1.0\n", "templates/a.yaml": template}


@needs.HELM
@pytest.mark.parametrize(
    "template",
    [
        "{{ range until 1000000000 }}x{{ end }}",
        '{{ $x := "0123456789" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}{{ $x }}',
        '{{ define "a" }}{{ include "a" . }}{{ include "a" . }}{{ end }}{{ include "a" . }}',
        "{{ range until 3000000 }}{{ randBytes 8 }}{{ end }}",
    ],
)
def test_a_chart_that_eats_time_or_memory_is_ended(monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    """Such a chart is an error, and the next one is rendered as if nothing had been."""
    monkeypatch.setattr(helm_process, "SECONDS", 2.0)
    renderers = Renderers(Documents(tree_of({})))
    assert by_name(renderers.render(unit(UnitKind.HELM), tree_of(chart(CONFIG_MAP))))
    error = error_of(renderers, chart(template), unit(UnitKind.HELM))
    assert error.reason.startswith("helm")
    assert by_name(renderers.render(unit(UnitKind.HELM), tree_of(chart(f"# next\n{CONFIG_MAP}"))))


def test_a_chart_without_metadata_is_told(renderers: Renderers) -> None:
    """A folder without Chart.yaml, and one whose Chart.yaml cannot be read, say so."""
    assert error_of(renderers, {"a/b": ""}, unit(UnitKind.HELM, "a")).reason == "there is no chart at a"
    broken = error_of(renderers, {"a/Chart.yaml": "name: [\n"}, unit(UnitKind.HELM, "a"))
    assert (broken.file, broken.line) == ("a/Chart.yaml", 2)


# -- the wall ---------------------------------------------------------------------------------------------------------


def test_a_jail_has_a_copy_of_a_tool_for_itself(tmp_path: Path) -> None:
    """What one build might do to it reaches neither the tool nor another build's copy."""
    program = tmp_path / "tool"
    program.write_text("one")
    first, second = (Jail(Wall.NONE) for _ in range(2))
    copy = first.tool(program)
    assert first.tool(program) == copy
    assert copy.read_text() == "one"
    assert not copy.samefile(second.tool(program))
    assert not copy.samefile(program)


SECRET = "nobody-may-read-this"
FORMS = {
    "literal resources": "resources: [PATH]\n",
    "config map": "configMapGenerator: [{name: g, files: ['k=PATH']}]\n",
    "env": "configMapGenerator: [{name: g, envs: [PATH]}]\n",
    "generator file": "generators: [g.yaml]\n",
    "inline generator": "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: g}\n"
    "  files: ['k=PATH']\n",
    "patch": "resources: [a.yaml]\npatches: [{path: PATH}]\n",
    "transformer file": "resources: [a.yaml]\ntransformers: [t.yaml]\n",
    "replacement": "resources: [a.yaml]\nreplacements: [{path: PATH}]\n",
    "openapi": "resources: [a.yaml]\nopenapi: {path: PATH}\n",
    "configuration": "resources: [a.yaml]\nconfigurations: [PATH]\n",
    "crds": "resources: [a.yaml]\ncrds: [PATH]\n",
}


def hostile(form: str, path: str) -> FileTree:
    """A kustomization that wants to read ``path`` in one of many ways."""
    files = {
        "app/kustomization.yaml": FORMS[form],
        "app/a.yaml": CONFIG_MAP,
        "app/g.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: ['k=PATH']\n",
        "app/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: PATH\n"
        "target: {kind: ConfigMap}\n",
    }
    return tree_of({name: text.replace("PATH", path) for name, text in files.items()})


@needs.KUSTOMIZE
@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("kind", [UnitKind.KUSTOMIZE, UnitKind.FLUX_KUSTOMIZATION])
def test_files_of_the_machine_are_never_read(tmp_path: Path, wall: Wall, kind: UnitKind) -> None:
    """However a kustomization names a file outside of the repository, nothing of it is in the objects or the error, also
    where Flux's rules let files be read anywhere, with every wall and without one.
    """
    outside = tmp_path / "secret.txt"
    outside.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {SECRET}}}\ndata: {{{SECRET}: {SECRET}}}\n")
    renderers = Renderers(Documents(tree_of({})), Jail(wall))
    for form in FORMS:
        for path in (str(outside), f"../../../../../../../../../..{outside}"):
            rendering = renderers.render(unit(kind, "app"), hostile(form, path))
            assert rendering.error is not None, form
            assert SECRET not in repr(rendering), form


@needs.KUSTOMIZE
@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("form", FORMS)
def test_the_wall_holds_where_no_reading_of_files_does(
    tmp_path: Path, wall: Wall, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a way to name a file unknown here, the kernel, or kustomize's own rule, would still keep it out."""
    outside = tmp_path / "secret.txt"
    outside.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {SECRET}}}\ndata: {{{SECRET}: {SECRET}}}\n")
    monkeypatch.setattr(kustomize, "_before", lambda *_: None)
    renderers = Renderers(Documents(tree_of({})), Jail(wall))
    for path in (str(outside), f"../../../../../../../../../..{outside}"):
        rendering = renderers.render(unit(UnitKind.FLUX_KUSTOMIZATION, "app"), hostile(form, path))
        assert SECRET not in repr(rendering)
        assert rendering.error is not None


@needs.KUSTOMIZE
@pytest.mark.parametrize("wall", WALLS)
def test_flux_reads_files_beside_the_folder_where_a_wall_allows_it(wall: Wall) -> None:
    """A patch beside the kustomization's folder is read as Flux reads it; without a wall that is refused by kustomize."""
    files = {
        "app/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: ../patch.yaml}]\n",
        "app/a.yaml": CONFIG_MAP,
        "patch.yaml": f"{CONFIG_MAP}data: {{a: b}}\n",
    }
    renderers = Renderers(Documents(tree_of({})), Jail(wall))
    for kind in (UnitKind.FLUX_KUSTOMIZATION, UnitKind.KUSTOMIZE):
        rendering = renderers.render(unit(kind, "app"), tree_of(files))
        allowed = kind is UnitKind.FLUX_KUSTOMIZATION and wall is not Wall.NONE
        assert (rendering.error is None) == allowed
        assert rendering.error is None or "is not in or below" in rendering.error.reason


@pytest.mark.parametrize("wall", WALLS[1:])
def test_a_walled_program_sees_its_folder_alone(wall: Wall, tmp_path: Path) -> None:
    """A program behind a wall can neither read a file of the machine nor open a socket, whatever it does."""
    jail = Jail(wall)
    (tmp_path / "secret.txt").write_text(SECRET)
    (jail.root / "trees" / "mine.txt").write_text("mine")
    script = jail.root / "bin" / "try.py"
    script.write_text(
        "import socket, sys\n"
        "def attempt(name, function, *arguments):\n"
        "    try:\n        print(name, 'did', function(*arguments))\n"
        "    except OSError as exc:\n        print(name, type(exc).__name__)\n"
        "def connected():\n"
        "    with socket.socket() as opened:\n"
        "        opened.settimeout(2)\n        opened.connect(('127.0.0.1', int(sys.argv[3])))\n"
        "attempt('mine', lambda: open(sys.argv[1]).read())\n"
        "attempt('secret', lambda: open(sys.argv[2]).read())\n"
        "attempt('write', lambda: open(sys.argv[2], 'w'))\n"
        "attempt('connect', connected)\n"
    )
    if not confined.landlock():
        pytest.skip("a program with libraries needs Landlock beside namespaces")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        python = Path(os.path.realpath(sys.executable))
        readable: list[Path | str] = [jail.root, sys.prefix, sys.base_prefix]
        from bot.processes import run

        words = [*jail.command_prefix(readable, python), str(python), "-I", str(script)]
        words += [str(jail.root / "trees" / "mine.txt"), str(tmp_path / "secret.txt"), str(port)]
        ended = run(words, b"", env={"PATH": os.defpath}, deadline_seconds=30)
    assert ended.stdout.decode().splitlines() == [
        "mine did mine",
        "secret PermissionError",
        "write PermissionError",
        "connect PermissionError",
    ], ended.stderr
    assert (tmp_path / "secret.txt").read_text() == SECRET


def test_copies_of_files_stay_in_their_folder(tmp_path: Path) -> None:
    """A path that leads out of the copy is not written, whoever made it up."""
    top = tmp_path / "top"
    top.mkdir()
    confined.write_files(top, {"../out": b"", str(tmp_path / "abs"): b"", "a/../../out": b"", "a/b": b"in"})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [top / "a/b"]
