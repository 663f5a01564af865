"""Argo CD's ``Application``, rendered as its repository server renders it: each source by what its options or its folder
say.

Sources: argo-cd docs, "Tool Detection", "Kustomize", "Helm", "Directory", "Multiple Sources for an Application";
``GenerateManifests`` and ``helmTemplate`` in argo-cd's ``reposerver/repository/repository.go``, ``template`` and
``cleanSetParameters`` in its ``util/helm/cmd.go``; what of a chart's values comes over what is Helm's own order
(``MergeValues`` in its ``pkg/cli/values/options.go``). Jsonnet and configuration management plug-ins are said to be
unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.hooks import ARGO_HOOK, HELM_HOOK, HOOK_RUNS
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.resource import api_group
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers import directory, elsewhere, values
from bot.renderers.argo_kustomize import edit
from bot.renderers.helm import Capabilities, Helm, Release
from bot.renderers.kustomize import Kustomize
from bot.renderers.objects import described, is_hook, titled
from bot.renderers.opaque import holding
from bot.renderers.strvals import editable, set_in, typed
from bot.targets.argo import is_here, sources
from bot.targets.argo_source import REVISION, SourceTool, environment, filled, overridden, overriding, tool
from bot.targets.argo_values import ValueFiles
from bot.targets.documents import Documents
from bot.targets.kustomization import file_of
from bot.targets.paths import joined
from bot.targets.upstream import argo_source

_CRD_INSTALL: Final = "crd-install"
"""Helm 2's hook for CRDs is none to Argo CD (``IsHook`` in its ``gitops-engine/pkg/sync/hook/helm/hook.go``)."""
_PLUGIN: Final = "configuration management plug-ins are not run"
_REVISION: Final = "the commit that is deployed is part of it, which only Argo CD knows"


@dataclass(frozen=True, slots=True)
class Argo:
    """Renders applications with kustomize and Helm."""

    kustomize: Kustomize
    helm: Helm
    documents: Documents

    def application(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects of all sources of an application. Of an object that comes more than once, the last one counts."""
        parts: list[Rendering] = []
        for source in sources(unit.spec):
            if text(source.get("ref")) and not text(source.get("path")) and not text(source.get("chart")):
                continue  # only names files for the others
            part = self._source(unit, source, tree)
            if part.error is not None:
                return Rendering(inputs=part.inputs, error=part.error)
            parts.append(part)
        objects = list(_last_of_each([rendered for part in parts for rendered in part.objects], unit.namespace))
        hooks = {id(rendered): reason for rendered in objects if (reason := _hook(rendered.tree))}
        return Rendering(
            tuple(_with_revision(rendered) for rendered in objects if id(rendered) not in hooks),
            frozenset().union(*(part.inputs for part in parts)),
            (
                *(out for part in parts for out in part.left_out),
                *(_left_out(unit, rendered, hooks[id(rendered)]) for rendered in objects if id(rendered) in hooks),
            ),
            cluster_kinds=frozenset().union(*(part.cluster_kinds for part in parts)),
        )

    def _source(self, unit: Unit, source: Tree, tree: FileTree) -> Rendering:
        """The objects of one source, of this repository or of another place that can be asked."""
        folder, url, chart = text(source.get("path")), text(source.get("repoURL")), text(source.get("chart"))
        problem = f"{folder or 'a source'} of {url} is not in this repository"
        path = joined("", "." if chart else folder or ".")
        if path is None or (_is_ours(source, unit) and not tree.under(path)):
            return _failed(unit, problem)
        local_unit = replace(unit, path=path)
        if is_here(source, tree, texts(unit.spec.get("own"))):
            return self._placed(local_unit, source, tree, None)
        if "plugin" in source:
            return _failed(unit, _PLUGIN)
        request = argo_source(source)
        if request is None:
            return _failed(unit, problem)
        subject = (
            f"its chart {chart} comes from {url}, and" if chart else f"its source is another repository, {url}, and"
        )
        files = elsewhere.obtained(request, tree, unit, subject)
        if isinstance(files, NotCompared):
            return Rendering(error=files)
        if not files.tree.under(path):
            return _failed(unit, f"{folder} is not in {files.source}")
        rendering = self._placed(local_unit, source, files.tree, tree)
        return elsewhere.moved(rendering, unit, files.source, inputs=rendering.inputs)

    def _placed(self, unit: Unit, application_source: Tree, tree: FileTree, own_files: FileTree | None) -> Rendering:
        """A source whose folder is ``unit.path`` of ``tree``. ``own_files`` is this repository, where that is another one: then
        inputs are those of this repository alone.
        """
        read = frozenset(path for path in overriding(unit, unit.path) if path in tree and own_files is None)
        try:
            source = overridden(application_source, unit, unit.path, self.documents.on(tree))
            files = ValueFiles(mapping(source.get("helm")), unit, tree, environment(unit, source), own_files)
            rendering = self._by_tool(unit, source, files)
            inputs = rendering.inputs | read if own_files is None else files.inputs()
        except Invalid as exc:
            return replace(_failed(unit, exc.message), inputs=read)
        return replace(rendering, inputs=inputs)

    def _by_tool(self, unit: Unit, source: Tree, files: ValueFiles) -> Rendering:
        """The objects of one source by what renders it. Raises ``Invalid`` for options that Argo CD would refuse."""
        tree, variables = files.tree, files.variables
        match tool(source, unit.path, tree):
            case SourceTool.PLUGIN:
                return _failed(unit, _PLUGIN)
            case SourceTool.HELM:
                return self._chart(unit, files)
            case SourceTool.DIRECTORY:
                return directory.render(unit, tree, self.documents, mapping(source.get("directory")))
            case SourceTool.KUSTOMIZE:
                if file_of(self.documents.on(tree), unit.path) is None:
                    return _failed(unit, f"it has kustomize options, and {unit.path or '.'} holds no kustomization")
                options = mapping(source.get("kustomize"))
                return self.kustomize.render(unit, tree, edit(options, variables, unit.path, tree) if options else None)

    def _chart(self, unit: Unit, files: ValueFiles) -> Rendering:
        options = files.options
        release = Release(
            unit.path,
            text(options.get("releaseName")) or text(get(unit.spec, "application", "name")) or unit.name,
            text(options.get("namespace")) or unit.namespace or "default",
            _values_of(files),
            crds=options.get("skipCrds") is not True,
            capabilities=Capabilities.of(unit, options),
            schema=options.get("skipSchemaValidation") is not True,
        )
        rendering = self.helm.release(unit, release, files.tree)
        return replace(rendering, inputs=rendering.inputs | files.inputs())


def _is_ours(source: Tree, unit: Unit) -> bool:
    """Whether a source is this repository by its URL, whatever lies at its path."""
    own_urls = texts(unit.spec.get("own"))
    return bool(own_urls) and is_here(source, None, own_urls)


def _failed(unit: Unit, reason: str) -> Rendering:
    return Rendering(error=NotCompared(titled(unit), reason, unit.file, unit.line))


def _last_of_each(objects: list[RenderedObject], namespace: str) -> Iterator[RenderedObject]:
    """The objects without those that a later one takes the place of (``DeduplicateTargetObjects`` in argo-cd's
    ``controller/state.go``).
    """
    last: dict[tuple[str, ...], RenderedObject] = {}
    for number, rendered in enumerate(objects):
        group = api_group(rendered.tree.get("apiVersion"))
        space = text(get(rendered.tree, "metadata", "namespace")) or namespace
        name = text(get(rendered.tree, "metadata", "name")) or f"\0{number}"
        last[group, text(rendered.tree.get("kind")), space, name] = rendered
    yield from last.values()


def _hook(tree: Tree) -> str:
    """Why Argo CD keeps no such object; empty where it does."""
    notes = mapping(get(tree, "metadata", "annotations"))
    if is_hook(tree, ARGO_HOOK):
        skipped = text(notes.get(ARGO_HOOK)).strip() == "Skip"
        return f"{ARGO_HOOK}: Skip, so it is not applied" if skipped else HOOK_RUNS
    is_run = is_hook(tree, HELM_HOOK) and notes.get(HELM_HOOK) != _CRD_INSTALL
    return HOOK_RUNS if is_run else ""


def _left_out(unit: Unit, rendered: RenderedObject, reason: str) -> NotCompared:
    hook = reason == HOOK_RUNS
    return NotCompared(f"{titled(unit)}: {described(rendered.tree)}", reason, rendered.file, rendered.line, hook=hook)


def _with_revision(rendered: RenderedObject) -> RenderedObject:
    """The object, with values that the deployed commit is a part of marked."""
    marked = dict.fromkeys(holding(rendered.tree, REVISION), _REVISION)
    return replace(rendered, opaque={**rendered.opaque, **marked}) if marked else rendered


def _values_of(files: ValueFiles) -> dict[str, JSON]:
    """Value files in order, then ``valuesObject``, else ``values``, then parameters, those that are text by force, and
    files; the later over the earlier. Raises ``Invalid``.
    """
    options = files.options
    below, from_parameters = files.listed(), files.of_parameters()
    merged_values: dict[str, JSON] = {}
    for value_file in below:
        merged_values = values.merged(merged_values, values.read(value_file.path, files.read(value_file)))
    result = {key: editable(value) for key, value in values.merged(merged_values, _inline(options)).items()}
    for line, forced in _lines(options, files.variables):
        set_in(result, line, str if forced else typed)
    for name, file in from_parameters.items():
        content = files.read(file).decode("utf-8", "replace")
        set_in(result, f"{name}=file", lambda _, content=content: content)  # type: ignore[misc]
    return result


def _inline(options: Tree) -> Tree:
    """``valuesObject`` is what counts where it is there, be it empty (``ApplicationSourceHelm.ValuesYAML`` in argo-cd's
    ``pkg/apis/application/v1alpha1/values.go``).
    """
    object_values = options.get("valuesObject")
    return values.read("helm.values", text(options.get("values"))) if object_values is None else mapping(object_values)


def _lines(options: Tree, variables: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The parameters as lines of ``--set``, then those of ``--set-string``. Of two with one name the later counts."""
    parameters = list(mappings(options.get("parameters")))
    lines: list[tuple[str, bool]] = []
    for forced in (False, True):
        group = [parameter for parameter in parameters if (parameter.get("forceString") is True) == forced]
        by_name = {text(parameter.get("name")): text(parameter.get("value")) for parameter in group}
        lines += [(f"{name}={_cleaned(filled(value, variables))}", forced) for name, value in by_name.items()]
    return lines


def _cleaned(value: str) -> str:
    """A parameter's value for ``--set``: commas are its own, unless it is a list in braces."""
    if value.startswith("{") and value.endswith("}"):
        return value
    return re.sub(r"(?<!\\),", r"\\,", value)
