"""What a file is, told from its path and first lines: its language, and whether a person wrote it by hand.

Detectors use it to stay quiet where a match means nothing: tests, documentation, vendored and generated files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.model.patterns import regex

_LANGUAGES: Final = {
    "python": ("py", "pyi", "pyw"),
    "javascript": ("js", "jsx", "mjs", "cjs"),
    "typescript": ("ts", "tsx", "mts", "cts"),
    "go": ("go",),
    "rust": ("rs",),
    "java": ("java",),
    "kotlin": ("kt", "kts"),
    "scala": ("scala",),
    "csharp": ("cs",),
    "c": ("c", "h"),
    "cpp": ("cc", "cpp", "cxx", "hpp", "hh"),
    "swift": ("swift",),
    "php": ("php",),
    "ruby": ("rb", "rake"),
    "perl": ("pl", "pm"),
    "lua": ("lua",),
    "shell": ("sh", "bash", "zsh", "ps1", "psm1"),
    "sql": ("sql",),
    "hcl": ("tf", "tofu", "hcl", "tfvars", "cw", "cwvars"),
    "yaml": ("yaml", "yml", "kubeconfig"),
    "json": ("json",),
    "toml": ("toml",),
    "ini": ("ini", "cfg", "properties", "env", "conf"),
    "css": ("css", "scss", "less"),
    "html": ("html", "htm", "xml", "vue", "svelte"),
    "docs": ("md", "mdx", "markdown", "rst", "adoc", "txt"),
}
_BY_SUFFIX: Final = {suffix: name for name, suffixes in _LANGUAGES.items() for suffix in suffixes}
_BY_NAME: Final = {
    "kustomization": "yaml",
    "kubeconfig": "yaml",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "makefile": "shell",
    "justfile": "shell",
    "jenkinsfile": "java",
    "gemfile": "ruby",
    "rakefile": "ruby",
    ".bashrc": "shell",
    ".profile": "shell",
    ".env": "ini",
    ".netrc": "ini",
    "_netrc": "ini",
    ".npmrc": "ini",
    ".pypirc": "ini",
    "credentials": "ini",
}
CODE: Final = frozenset(_LANGUAGES) - {"hcl", "yaml", "json", "toml", "ini", "css", "html", "docs"}
"""The programming languages."""
_TEST_PART: Final = regex(
    r"(^|/)(tests?|testing|__tests__|specs?|e2e|testdata|test_data|fixtures?|__fixtures__|mocks?|__mocks__|__snapshots__)/|"
    r"(^|/)(test_[^/]*|conftest)\.py$|_tests?\.(py|go|rb|rs|c|cc|cpp|exs)$|_spec\.rb$|"
    r"\.(test|spec)\.[cm]?[jt]sx?$|(^|/)[^/]*Tests?\.(java|kt|cs|scala|swift|php)$",
)
_FIXTURE_PART: Final = regex(
    r"(^|/)(testdata|test_data|fixtures?|__fixtures__|golden|_{0,2}snapshots?_{0,2}|corpus|samples?)/"
)
_ENVIRONMENTS: Final = (
    "(?:overlays?|environments?|envs?|clusters?|gitops|argocd|flux|fleet|tenants?|regions?|live|stacks?|values|terragrunt)"
    "/(?:[^/]+/){0,2}"
)
_NAMED_ENVIRONMENT: Final = regex(rf"(^|/){_ENVIRONMENTS}(?:tests?|testing|e2e)/")
_SIBLINGS: Final = frozenset(
    {"prod", "production", "live", "stage", "staging", "preprod", "dev", "development", "qa", "uat", "sandbox"}
)
"""What other environments are called."""
_ENVIRONMENT: Final = regex(
    rf"(^|/)(?:{_ENVIRONMENTS}"
    r"|(?:stages?|deploy(?:ments?)?|k8s|kubernetes|manifests?|apps?|releases?|infra(?:structure)?|kustomize)/)"
    r"(?:tests?|testing|e2e)/"
)
_DOCS_PART: Final = regex(r"(^|/)(docs?|documentation|examples?)/|(^|/)(README|CHANGELOG|CONTRIBUTING|HISTORY)[^/]*$")
_VENDORED: Final = regex(
    r"(^|/)(vendor|third_party|third-party|node_modules|bower_components|dist|_vendor|Godeps|\.yarn|site-packages)/"
)
_GENERATED_NAME: Final = regex(
    r"\.min\.(js|css)$|\.(map|snap|svg)$|_pb2(_grpc)?\.pyi?$|\.pb(\.gw)?\.(go|cc|h)$|(^|/)zz_generated[^/]*|"
    r"\.g\.dart$|\.designer\.cs$|_generated\.[a-z]+$|\.generated\.[a-z]+$|(^|/)\.clockwork/build/",
    re.IGNORECASE,
)
# `go help generate` has the sentence for Go; "@generated" is what Phabricator and GitHub's Linguist look for.
_GENERATED_LINE: Final = regex(
    r"@generated|Code generated .{0,80}DO NOT EDIT|DO NOT EDIT.{0,80}generated", re.IGNORECASE
)
LOCKS: Final = {
    "pypi": ("poetry.lock", "pdm.lock", "uv.lock", "Pipfile.lock"),
    "npm": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "crates": ("Cargo.lock",),
    "go": ("go.sum",),
    "gems": ("Gemfile.lock",),
    "packagist": ("composer.lock",),
    "hex": ("mix.lock",),
    "nix": ("flake.lock",),
    "nuget": ("packages.lock.json",),
    "terraform": (".terraform.lock.hcl",),
    "maven": ("gradle.lockfile",),
    "pub": ("pubspec.lock",),
    "cocoapods": ("Podfile.lock",),
}
"""Of each registry the files that pin what is taken from it."""
_LOCK_NAMES: Final = frozenset(name for names in LOCKS.values() for name in names)


def _name(path: str) -> str:
    """The last part of a path. Every rule asks for it of every file, which is too often for ``pathlib``."""
    return path.rpartition("/")[2]


def language(path: str) -> str | None:
    """The language by file name; None when unknown."""
    name = _name(path).lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    if name.startswith(".env"):
        return "ini"
    if "." not in name:
        return "yaml" if path.endswith(".kube/config") else None
    return _BY_SUFFIX.get(name.rpartition(".")[2])


def is_code(name: str | None) -> bool:
    """Whether ``name`` is a programming language (not data, not documentation)."""
    return name in CODE


def is_test(path: str) -> bool:
    """Whether the path is where tests and their data live."""
    return _TEST_PART.search(path) is not None


def is_environment(path: str) -> bool:
    """Whether the path is in an environment that only has the name of tests: ``overlays/test/``, ``clusters/e2e/``."""
    return _ENVIRONMENT.search(path) is not None and not is_fixture(path)


def is_named_environment(path: str) -> bool:
    """Whether the path is in an environment, and holds what configures it: code in ``apps/test/`` is a test of the app."""
    is_configuration = language(path) in {"yaml", "json", "hcl", "toml", "ini"}
    return is_configuration and _NAMED_ENVIRONMENT.search(path) is not None and not is_fixture(path)


def siblings(path: str) -> list[str]:
    """Folders beside the first one that holds tests by its name, of which any tells that this one is an environment, too."""
    first = next(iter(test_folders(path)), "")
    parent = first.rpartition("/")[0]
    return [f"{parent}/{name}".lstrip("/") for name in sorted(_SIBLINGS)] if first else []


def test_folders(path: str) -> list[str]:
    """The folders of a path from the first one that holds tests by its name on; none for any other path."""
    match = _TEST_PART.search(path)
    if match is None or "/" not in path[match.start() :]:
        return []
    parts = path.split("/")[:-1]
    first = path[: match.start() + 1].count("/")
    return ["/".join(parts[: length + 1]) for length in range(first, len(parts))]


def is_fixture(path: str) -> bool:
    """Whether the path holds test data, which may be broken on purpose."""
    return _FIXTURE_PART.search(path) is not None


def is_docs(path: str) -> bool:
    """Whether the path is documentation or an example."""
    return language(path) == "docs" or _DOCS_PART.search(path) is not None


def is_vendored(path: str) -> bool:
    """Whether the path holds other people's code."""
    return _VENDORED.search(path) is not None


def vendored_folder(path: str) -> str | None:
    """The folder with other people's code that the path is in; None when it is in none."""
    match = _VENDORED.search(path)
    return None if match is None else path[: match.end()]


def generated_form(path: str) -> str | None:
    """What of the file's name says that a tool writes it, such as ``_pb2.py``; None when nothing does."""
    match = _GENERATED_NAME.search(path)
    return None if match is None else match[0].lower()


def is_lock(path: str) -> bool:
    """Whether the file pins dependencies and is written by a tool."""
    return _name(path) in _LOCK_NAMES


def is_generated(path: str, lines: Sequence[str]) -> bool:
    """Whether a tool writes the file: by name, by a marker in the first 20 lines, or because it is minified."""
    if _GENERATED_NAME.search(path):
        return True
    if any(_GENERATED_LINE.search(line[:300]) for line in lines[:20]):
        return True
    return is_code(language(path)) and any(len(line) > 5000 for line in lines[:50])


def is_workflow(path: str) -> bool:
    """Whether GitHub Actions runs the file: a workflow or a composite action."""
    is_yaml = path.endswith((".yml", ".yaml"))
    return is_yaml and (path.startswith(".github/workflows/") or _name(path) in {"action.yml", "action.yaml"})


def is_yaml_or_json(path: str) -> bool:
    """Whether the file is a YAML or JSON document by name."""
    return language(path) in {"yaml", "json"}


def is_localisation(path: str) -> bool:
    """Whether the file holds translations, where direction marks are ordinary."""
    return (
        re.search(r"(^|/)(locales?|i18n|l10n|translations?|lang)/|\.(po|pot|xliff|xlf|arb|strings|ftl)$", path)
        is not None
    )
