"""One source of an Argo CD ``Application``: which tool renders it, what files beside it change of it, its environment.

Sources: argo-cd docs, "Tool Detection", "Directory", "Build Environment", "Parameter Overrides" ("Store Overrides In Git");
``reposerver/repository/repository.go``, ``util/app/discovery/discovery.go`` and ``ExplicitType`` in
``pkg/apis/application/v1alpha1/types.go`` of argoproj/argo-cd.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, get, mapping, text
from bot.model.target import Unit
from bot.targets.documents import Documents
from bot.targets.globs import glob
from bot.targets.signs import KUSTOMIZATIONS

REVISION: Final = "ARGOCD_APP_REVISION"
"""What stands for the commit that is deployed, in full or shortened: no rendering knows it."""
_VARIABLE: Final = re.compile(
    r"\$(?:\{(?P<braced>[^}]*)\}|(?P<broken>\{)|(?P<special>[*#$@!?\-0-9])|(?P<plain>[A-Za-z_]\w*))?", re.ASCII
)
_FIXED_KEYS: Final = frozenset({"chart", "path", "repoURL", "targetRevision"})
"""What a file beside a source cannot change (``mergeSourceParameters``)."""
_MANIFESTS: Final = (".yaml", ".yml", ".json", ".jsonnet")
"""What Argo CD takes of a folder of manifests (``manifestFile`` in argo-cd's ``reposerver/repository/repository.go``)."""


class SourceTool(StrEnum):
    """What renders a source, by the name of its options there."""

    KUSTOMIZE = "kustomize"
    HELM = "helm"
    DIRECTORY = "directory"
    PLUGIN = "plugin"


def tool(source: Tree, folder: str, tree: FileTree) -> SourceTool:
    """What renders a source: what its options are for, else what lies in its folder, where a kustomization comes before a
    chart. Raises ``Invalid`` for options of several tools.
    """
    tools = [candidate for candidate in SourceTool if isinstance(source.get(candidate.value), Mapping)]
    if len(tools) > 1:
        raise Invalid(f"it has options for several tools ({', '.join(tools)}), which Argo CD refuses")
    if tools:
        return tools[0]
    siblings = {path.rpartition("/")[2] for path in tree.under(folder) if posixpath.dirname(path) == folder}
    if siblings.intersection(KUSTOMIZATIONS):
        return SourceTool.KUSTOMIZE
    return SourceTool.HELM if any(name.endswith("Chart.yaml") for name in siblings) else SourceTool.DIRECTORY


def overriding(unit: Unit, folder: str) -> Iterator[str]:
    """The files that may change a source's options, the later over the earlier. An application outside of Argo CD's own
    namespace is called ``namespace_name``.
    """
    name, space = (
        text(get(unit.spec, "application", "name")) or unit.name,
        text(get(unit.spec, "application", "namespace")),
    )
    yield posixpath.join(folder, ".argocd-source.yaml")
    yield posixpath.join(folder, f".argocd-source-{name}.yaml")
    if space:
        yield posixpath.join(folder, f".argocd-source-{space}_{name}.yaml")


def overridden(source: Tree, unit: Unit, folder: str, documents: Documents) -> Tree:
    """The source with what the files beside it say of it. Raises ``Invalid`` where one of them cannot be read."""
    merged: JSON = source
    for path in overriding(unit, folder):
        if path not in documents.tree:
            continue
        if (error := documents.error(path)) is not None:
            raise Invalid(f"{path}:{error.line}: {error.message}")
        for document in documents.of(path)[:1]:
            merged = _patched(merged, document.tree)
    return {**mapping(merged), **{key: source[key] for key in _FIXED_KEYS if key in source}}


def _patched(value: JSON, patch: JSON) -> JSON:
    """A JSON merge patch applied (RFC 7386)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(mapping(value))
    for key, entry in patch.items():
        if entry is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), entry)
    return result


def takes(path: str, folder: str, options: Tree) -> bool:
    """Whether a directory source applies a file. ``options`` are ``recurse``, ``include``, ``exclude``,
    ``disableExtensionFilter``.
    """
    below = posixpath.relpath(path, folder or ".")
    if below.startswith("../") or (options.get("recurse") is not True and "/" in below):
        return False
    if options.get("disableExtensionFilter") is not True and not path.endswith(_MANIFESTS):
        return False
    include, exclude = text(options.get("include")), text(options.get("exclude"))
    return (not include or glob(include, below)) and not (exclude and glob(exclude, below))


def environment(unit: Unit, source: Tree) -> Mapping[str, str]:
    """The variables that stand for something in options ("Build Environment")."""
    variables = {
        "APP_NAME": text(get(unit.spec, "application", "name")) or unit.name,
        "APP_NAMESPACE": unit.namespace,
        "APP_PROJECT_NAME": text(unit.spec.get("project")) or "default",
        "APP_SOURCE_REPO_URL": text(source.get("repoURL")),
        "APP_SOURCE_PATH": text(source.get("path")),
        "APP_SOURCE_TARGET_REVISION": text(source.get("targetRevision")),
        "APP_REVISION": REVISION,
        "APP_REVISION_SHORT": REVISION,
        "APP_REVISION_SHORT_8": REVISION,
    }
    return {f"ARGOCD_{name}": value for name, value in variables.items()}


def filled(template: str, variables: Mapping[str, str]) -> str:
    """``template`` with ``$NAME`` and ``${NAME}`` replaced, unknown ones by nothing; ``$$`` is ``$`` (``Envsubst``, which is
    Go's ``os.Expand``).
    """

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["special"] or match["plain"]
        if name is None:
            return "" if match["broken"] or match["braced"] is not None else "$"
        return "$" if name == "$" else variables.get(name, "")

    return _VARIABLE.sub(value, template) if "$" in template else template
