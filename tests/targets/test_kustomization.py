"""Kustomizations read as data: what they are made from, and paths and patterns as the tools write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.targets.documents import Documents
from bot.targets.flux import normal_url
from bot.targets.globs import doublestar, glob, go_match
from bot.targets.kustomization import closure
from bot.targets.naming import name, names
from bot.targets.paths import is_below, is_remote, joined
from tests.gitops import tree_of
from tests.table import table


def test_every_field_that_names_a_file_is_followed() -> None:
    """All files that a build reads are in the closure, whichever field names them, old fields too."""
    fields = {
        "resources": "[r.yaml, ../base]",
        "bases": "[../old]",
        "components": "[../part]",
        "crds": "[crd.json]",
        "configurations": "[conf.yaml]",
        "patchesStrategicMerge": '[sm.yaml, "kind: X\\nmetadata: {}"]',
        "patchesJson6902": "[{path: j.json}]",
        "patches": "[{path: p.yaml}, {patch: 'kind: X'}]",
        "replacements": "[{path: rep.yaml}, {source: {kind: X}}]",
        "openapi": "{path: api.json}",
        "configMapGenerator": "[{name: c, files: [f.txt, key=g.txt], envs: [e.env], env: old.env}]",
        "secretGenerator": "[{name: s, files: [s.txt]}]",
        "generators": "[gen.yaml]",
        "transformers": "[tr.yaml]",
        "validators": "[val.yaml]",
        "helmCharts": "[{name: web, valuesFile: v.yaml, additionalValuesFiles: [w.yaml]}]",
    }
    own = "r.yaml crd.json conf.yaml sm.yaml j.json p.yaml rep.yaml api.json f.txt g.txt e.env old.env s.txt v.yaml w.yaml"
    files = {
        f"app/{file}": "x: 1"
        for file in [*own.split(), "val.yaml", "in-gen.txt", "in-tr.yaml", "charts/web/Chart.yaml"]
    }
    files |= {f"{folder}/kustomization.yaml": "" for folder in ("base", "old", "part")}
    files["app/gen.yaml"] = "kind: ConfigMapGenerator\nfiles: [in-gen.txt]\n"
    files["app/tr.yaml"] = "kind: PatchTransformer\npath: in-tr.yaml\n"
    files["app/kustomization.yaml"] = "".join(f"{field}: {value}\n" for field, value in fields.items())
    result = closure(Documents(tree_of({**files, "app/unused.yaml": "", "other/kustomization.yaml": ""})), "app")
    assert result.files == set(files)
    assert (result.missing, result.outside, result.remote, result.cycle) == ([], [], [], None)
    assert list(result.folders) == ["app", "base", "old", "part"]


def test_a_kustomization_that_many_use_is_read_once() -> None:
    """A diamond of a thousand ways ends at once and is no cycle."""
    files = {f"d{n}/kustomization.yaml": f"resources: [../d{n + 1}, ../d{n + 1}]\n" for n in range(30)}
    result = closure(Documents(tree_of({**files, "d30/kustomization.yaml": ""})), "d0")
    assert len(result.folders) == 31
    assert result.cycle is None


@table(
    ("reference", "remote"),
    [
        ("https://example.com/a.yaml", True),
        ("github.com/o/r//deploy?ref=v1", True),
        ("git@github.com:o/r", True),
        ("ssh://git@host/o/r", True),
        ("git::https://host/o/r", True),
        ("../base", False),
        ("a.yaml", False),
        ("github.com.yaml", False),
        ("v1.2/github", False),
    ],
)
def test_remote_references_are_known(reference: str, remote: bool) -> None:
    """URLs and Git repositories, in all the forms that kustomize takes."""
    assert is_remote(reference) is remote


@given(
    st.lists(st.sampled_from(["a", "b", "..", ".", ""]), max_size=6), st.lists(st.sampled_from(["a", "b"]), max_size=3)
)
def test_paths_stay_in_the_repository(reference: list[str], folder: list[str]) -> None:
    """A joined path lies in the repository or is None, never above it."""
    path = joined("/".join(folder), "/".join(reference))
    assert path is None or (not path.startswith(("/", "..")) and "/../" not in path)
    assert path is None or is_below(path, "")


@table(
    ("pattern", "path", "matches"),
    [
        ("apps/*", "apps/web", True),
        ("apps/*", "apps/web/deep", False),
        ("*", ".hidden", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c]x", "bx", True),
        ("[^a-c]x", "bx", False),
        ("a\\*", "a*", True),
        ("a[", "a[", False),
        ("*ab*b", "abab", True),
        ("*.yaml", "x.yml", False),
    ],
)
def test_patterns_match_as_go_s_do(pattern: str, path: str, matches: bool) -> None:
    """``path.Match`` of Go."""
    assert go_match(pattern, path) is matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**/config.json", "config.json", True),
        ("**/config.json", "a/b/config.json", True),
        ("a/**", "a/b/c", True),
        ("a/**/d", "a/d", True),
        ("a/**/d", "a/b/c/e", False),
        ("a/{b,c}/*.{yaml,json}", "a/c/x.json", True),
        ("a/{b,{c,d}}", "a/d", True),
    ],
)
def test_double_stars_cross_folders(pattern: str, path: str, matches: bool) -> None:
    """doublestar, as Argo CD's files generator has it."""
    assert doublestar(pattern, path) is matches


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.yaml", "a/b.yaml", True),
        ("{skip*,*/skip*}", "deep/skip.yaml", True),
        ("a/*.yaml", "a/b.yaml", True),
        ("b*", "a/b", False),
    ],
)
def test_globs_of_directories_cross_slashes(pattern: str, path: str, matches: bool) -> None:
    """``include`` and ``exclude`` of Argo CD's directory source."""
    assert glob(pattern, path) is matches


@given(st.text(alphabet="*?ab[]{},/\\", max_size=30), st.text(alphabet="ab/", max_size=60))
def test_no_pattern_fails_or_takes_long(pattern: str, path: str) -> None:
    """Any pattern matches or does not."""
    assert {go_match(pattern, path), doublestar(pattern, path), glob(pattern, path)} <= {True, False}


def test_a_pattern_of_many_stars_is_no_trap() -> None:
    """A pattern that would make a backtracking matcher work for years."""
    assert not doublestar("**/" * 40 + "x", "/".join("a" * 60))
    assert not go_match("*a" * 60 + "b", "a" * 3000)


@pytest.mark.parametrize(
    "url",
    ["https://github.com/o/r", "https://user:x@github.com/o/r.git", "ssh://git@github.com:22/o/r.git",
     "git@github.com:o/r.git/", "HTTPS://GitHub.com/O/R"],
)  # fmt: skip
def test_one_repository_has_many_addresses(url: str) -> None:
    """Schemes, users, ports of SSH and the suffix do not make another repository."""
    assert normal_url(url) == "github.com/o/r"


def test_names_say_which_and_not_what() -> None:
    """Generic folder names are left out of names, and what is called the same takes more of its path."""
    assert names(["overlays/prod", "overlays/dev"]) == {"overlays/prod": "prod", "overlays/dev": "dev"}
    assert names(["a/overlays/prod", "b/overlays/prod", ""]) == {
        "a/overlays/prod": "a-prod",
        "b/overlays/prod": "b-prod",
        "": "default",
    }
    assert names(["clusters", "apps"]) == {"clusters": "clusters", "apps": "apps"}


@given(st.text(max_size=90))
def test_any_text_becomes_a_name(text: str) -> None:
    """Names fit into branches, tasks and ledger entries."""
    assert 1 <= len(name(text)) <= 63
    assert "/" not in name(text)
