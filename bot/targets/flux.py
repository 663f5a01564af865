"""What Flux objects deploy: ``Kustomization`` and ``HelmRelease`` as units, and the sources they take files from.

Sources: the API references of kustomize.toolkit.fluxcd.io/v1, helm.toolkit.fluxcd.io/v2, source.toolkit.fluxcd.io/v1
and (ArtifactGenerator) source.extensions.fluxcd.io/v1beta1 on fluxcd.io, "Components".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.model import json
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.target import NotCompared, RenderedObject, Unit, UnitKind
from bot.model.upstream import UpstreamRequest
from bot.targets.paths import joined
from bot.targets.upstream import FOLDER, REQUEST, flux_chart, flux_revision, flux_source, other_revision

KUSTOMIZE_GROUP: Final = "kustomize.toolkit.fluxcd.io"
HELM_GROUP: Final = "helm.toolkit.fluxcd.io"
SOURCE_GROUP: Final = "source.toolkit.fluxcd.io"
EXTENSIONS_GROUP: Final = "source.extensions.fluxcd.io"
_COPY: Final = re.compile(r"@(?P<source>[\w-]+)/(?P<path>.*?)(?:/?\*\*/?\*?)?/?\Z")
SUBSTITUTED: Final = "variables"
"""Where :func:`kustomizations` puts what ``postBuild`` substitutes, in the spec of a unit."""


SIFTED: Final = "sifted"
"""Where :func:`kustomizations` puts what the source of a unit says of the files that it takes (:func:`source_filters`)."""


@dataclass(slots=True)
class ObjectIndex:
    """The objects of one target, found by kind and name: what Flux objects refer to. The later of two of a name counts."""

    by_name: dict[tuple[str, str, str], Tree] = field(default_factory=dict)
    generators: list[Tree] = field(default_factory=list)
    """Each ``ArtifactGenerator``."""

    @staticmethod
    def of(objects: Iterable[RenderedObject]) -> ObjectIndex:
        """An index over ``objects``."""
        index = ObjectIndex()
        index.add(objects)
        return index

    def add(self, objects: Iterable[RenderedObject]) -> None:
        """More objects, found from now on."""
        for rendered in objects:
            tree, kind = rendered.tree, text(rendered.tree, "kind")
            self.by_name[kind, namespace(tree), name(tree)] = tree
            if kind == "ArtifactGenerator" and group(tree) == EXTENSIONS_GROUP:
                self.generators.append(tree)

    def find(self, kind: str, space: str, name: str) -> Tree | None:
        """The object of that kind, namespace and name."""
        return self.by_name.get((kind, space, name))


def group(tree: Tree) -> str:
    """The API group of an object; empty for the core group."""
    return text(tree, "apiVersion").rpartition("/")[0]


def text(tree: JSON, *keys: str) -> str:
    """The text below nested mappings; empty where something else, or nothing, is there."""
    return json.text(json.get(json.mapping(tree), *keys))


def below(tree: JSON, *keys: str) -> Tree:
    """The mapping below nested mappings; empty where there is none."""
    return json.mapping(json.get(json.mapping(tree), *keys))


def mappings(value: JSON) -> list[Tree]:
    """The mappings of a list."""
    return list(json.mappings(value))


def name(tree: Tree) -> str:
    """``metadata.name``."""
    return text(tree, "metadata", "name")


def namespace(tree: Tree) -> str:
    """``metadata.namespace``; empty where none is written."""
    return text(tree, "metadata", "namespace")


def is_kustomization(tree: Tree) -> bool:
    """Whether an object is a Flux ``Kustomization`` (kustomize's own file of that kind is none)."""
    return text(tree, "kind") == "Kustomization" and group(tree) == KUSTOMIZE_GROUP


def is_release(tree: Tree) -> bool:
    """Whether an object is a ``HelmRelease``."""
    return text(tree, "kind") == "HelmRelease" and group(tree) == HELM_GROUP


def kustomizations(
    objects: Iterable[RenderedObject], index: ObjectIndex, tree: FileTree, own_urls: Sequence[str]
) -> list[Unit | NotCompared]:
    """A unit for each Flux ``Kustomization`` among ``objects``. ``own_urls`` are URLs of this repository, as far as known, and
    ``tree`` is what of it is read.
    """
    return [_kustomization(rendered, index, tree, own_urls) for rendered in objects if is_kustomization(rendered.tree)]


def _kustomization(
    rendered: RenderedObject, index: ObjectIndex, files: FileTree, own_urls: Sequence[str]
) -> Unit | NotCompared:
    tree, spec = rendered.tree, below(rendered.tree, "spec")
    title = _title(tree)
    out = _not_compared(rendered, title, spec)
    if out is not None:
        return out
    path = repository_path(spec, namespace(tree), index, own_urls)
    source = source_of(spec, namespace(tree), index)
    settings = {**spec, SUBSTITUTED: _variables(spec, namespace(tree), index), SIFTED: source_filters(source)}
    if isinstance(path, _Elsewhere):
        if path.request is None:
            return NotCompared(title, path.reason, rendered.file, rendered.line)
        settings |= {REQUEST: path.request.as_tree(), FOLDER: path.folder}
        path = f"{path.request.url}//{path.folder}".rstrip("/")
    elif (problem := not_read(rendered, index, files)) is not None:
        return problem
    return Unit(
        UnitKind.FLUX_KUSTOMIZATION,
        name(tree),
        path,
        namespace=text(spec, "targetNamespace"),
        spec=settings,
        file=rendered.file,
        line=rendered.line,
        how=title,
        space=namespace(tree),
    )


def not_read(rendered: RenderedObject, index: ObjectIndex, files: FileTree) -> NotCompared | None:
    """Why a ``Kustomization`` of this repository is not compared: it takes it at another commit than that of ``files``."""
    source = source_of(below(rendered.tree, "spec"), namespace(rendered.tree), index)
    reason = other_revision(flux_revision(source), files)
    return None if reason is None else NotCompared(_title(rendered.tree), reason, rendered.file, rendered.line)


def _title(tree: Tree) -> str:
    return f"{text(tree, 'kind')} {namespace(tree)}/{name(tree)}".replace(" /", " ")


def _not_compared(rendered: RenderedObject, title: str, spec: Tree) -> NotCompared | None:
    reason = None
    if spec.get("suspend") is True:
        reason = "it is suspended (spec.suspend), so nothing of it is applied now"
    elif below(spec, "kubeConfig"):
        reason = "it is applied to another cluster (spec.kubeConfig); declare that cluster as a target of its own"
    return None if reason is None else NotCompared(title, reason, rendered.file, rendered.line)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """What is not a folder of this repository, and why. ``request`` is where ``folder`` can be had."""

    reason: str
    request: UpstreamRequest | None = None
    folder: str = ""


def repository_path(spec: Tree, space: str, index: ObjectIndex, own_urls: Sequence[str]) -> str | _Elsewhere:
    """The folder of this repository that ``spec.path`` of a ``Kustomization`` names, through its ``sourceRef``."""
    ref = below(spec, "sourceRef")
    kind, source = text(ref, "kind"), text(ref, "name")
    prefix = ""
    if kind == "ExternalArtifact":
        generated_path = _generated(source, index)
        if isinstance(generated_path, _Elsewhere):
            return generated_path
        prefix = generated_path
    else:
        source_object = index.find(kind, text(ref, "namespace") or space, source)
        url = text(source_object, "spec", "url") if source_object is not None else ""
        if kind != "GitRepository":
            reason = f"its source is {kind or 'unknown'} {source}, whose files are not in this repository"
            return _elsewhere(reason, source_object, spec)
        if url and own_urls and normal_url(url) not in {normal_url(own_url) for own_url in own_urls}:
            return _elsewhere(f"its source is another repository, {url}", source_object, spec)
    path = joined(prefix, text(spec, "path") or ".")
    return _Elsewhere("spec.path leads out of its source") if path is None else path


def _elsewhere(reason: str, source_object: Tree | None, spec: Tree) -> _Elsewhere:
    folder = joined("", text(spec, "path") or ".")
    request = flux_source(source_object) if source_object is not None and folder is not None else None
    return _Elsewhere(reason, request, folder or "")


def source_of(spec: Tree, space: str, index: ObjectIndex) -> Tree | None:
    """The object that the files of a ``Kustomization`` come from (a ``GitRepository``, an ``OCIRepository``), be it through
    an ``ArtifactGenerator``; None where the repository does not hold it.
    """
    ref = below(spec, "sourceRef")
    if text(ref, "kind") == "ExternalArtifact":
        ref, space = _generated_from(text(ref, "name"), index)
    return index.find(text(ref, "kind"), text(ref, "namespace") or space, text(ref, "name"))


def _generated_from(artifact: str, index: ObjectIndex) -> tuple[Tree, str]:
    """The source that an ``ArtifactGenerator`` copies an artifact from first, and the generator's namespace."""
    for generator in index.generators:
        for output in mappings(below(generator, "spec").get("artifacts")):
            copies = [_COPY.match(text(copy, "from")) for copy in mappings(output.get("copy"))]
            if text(output, "name") == artifact and copies and copies[0] is not None:
                inputs = mappings(below(generator, "spec").get("sources"))
                aliased = (source for source in inputs if text(source, "alias") == copies[0]["source"])
                return next(aliased, {}), namespace(generator)
    return {}, ""


def source_filters(source: Tree | None) -> Tree:
    """What a source says of the files that it takes."""
    spec = below(source, "spec")
    return {key: spec[key] for key in ("ignore", "sparseCheckout") if spec.get(key)}


def _generated(artifact: str, index: ObjectIndex) -> str | _Elsewhere:
    """The folder that an ``ArtifactGenerator`` copies one artifact from, where all copies share it."""
    for generator in index.generators:
        for output in mappings(below(generator, "spec").get("artifacts")):
            if text(output, "name") == artifact:
                return _copied(artifact, mappings(output.get("copy")))
    return _Elsewhere(f"nothing in this repository makes the ExternalArtifact {artifact}")


def _copied(artifact: str, copies: Sequence[Tree]) -> str | _Elsewhere:
    prefixes = set()
    for copy in copies:
        source_match, target_match = _COPY.match(text(copy, "from")), _COPY.match(text(copy, "to"))
        if (
            source_match is None
            or target_match is None
            or not (source_match["path"] + "/").endswith("/" + target_match["path"] + "/" * bool(target_match["path"]))
        ):
            return _Elsewhere(
                f"the ExternalArtifact {artifact} is put together in another layout than this repository's"
            )
        prefixes.add(source_match["path"].removesuffix(target_match["path"]).rstrip("/"))
    if len(prefixes) == 1:
        return prefixes.pop()
    return _Elsewhere(f"the ExternalArtifact {artifact} is put together from several places")


def normal_url(url: str) -> str:
    """A Git URL without what tells the same repository's addresses apart: scheme, user, port of SSH, ``.git``."""
    bare = re.sub(r"^[a-z+]+://", "", url.strip().lower())
    bare = bare.rpartition("@")[2] if "@" in bare.partition("/")[0] else bare
    host, separator, path = re.sub(r"^([^/:]+):(?:\d+/)?/?", r"\1/", bare).partition("/")
    return f"{host}{separator}{path.strip('/').removesuffix('.git')}"


def _variables(spec: Tree, space: str, index: ObjectIndex) -> Tree:
    """What ``postBuild`` substitutes: ``substituteFrom`` in order, then ``substitute``, which wins.

    A ConfigMap or Secret that this repository does not show in the clear gives no values: what uses them stays as it is
    written and is not comparable. ``known`` tells that every source was read.
    """
    post = below(spec, "postBuild")
    values: dict[str, JSON] = {}
    complete = True
    for ref in mappings(post.get("substituteFrom")):
        config_object = index.find(text(ref, "kind"), space, text(ref, "name"))
        entries = config_entries(config_object)
        complete = complete and (entries is not None or (config_object is None and ref.get("optional") is True))
        values.update({key: value.replace("\n", "") for key, value in (entries or {}).items()})
    substitutes = {key: json.text(value).replace("\n", "") for key, value in below(post, "substitute").items()}
    always = text(post, "substituteStrategy") == "Always"
    return {
        "values": {**values, **substitutes},
        "known": complete,
        "on": bool(post),
        **({"always": True} if always else {}),
    }


def awaits_variables(unit: Unit) -> bool:
    """Whether a unit substitutes variables from an object that was not seen yet: another unit may bring it along."""
    variables = below(unit.spec, SUBSTITUTED)
    return variables.get("on") is True and variables.get("known") is not True


def config_entries(config_object: Tree | None) -> Mapping[str, str] | None:
    """The entries of a ConfigMap, or of a Secret that is written in the clear; None where they cannot be read."""
    if config_object is None or "sops" in config_object:
        return None
    if text(config_object, "kind") == "ConfigMap":
        return {key: value for key, value in below(config_object, "data").items() if isinstance(value, str)}
    if below(config_object, "data"):
        return None  # base64 of who knows what: not read into manifests
    return {key: value for key, value in below(config_object, "stringData").items() if isinstance(value, str)}


def releases(
    objects: Iterable[RenderedObject], index: ObjectIndex, tree: FileTree, own_urls: Sequence[str]
) -> list[Unit | NotCompared]:
    """A unit for each ``HelmRelease`` among ``objects``, with the source of its chart and what ``valuesFrom`` names."""
    return [_release(rendered, index, tree, own_urls) for rendered in objects if is_release(rendered.tree)]


def _release(
    rendered: RenderedObject, index: ObjectIndex, files: FileTree, own_urls: Sequence[str]
) -> Unit | NotCompared:
    tree, spec = rendered.tree, below(rendered.tree, "spec")
    title = _title(tree)
    out = _not_compared(rendered, title, spec)
    if out is not None:
        return out
    inputs: list[JSON] = []
    for ref in mappings(spec.get("valuesFrom")):
        source_object = index.find(text(ref, "kind"), namespace(tree), text(ref, "name"))
        entries = config_entries(source_object)
        key = text(ref, "valuesKey") or "values.yaml"
        if entries is None or key not in entries:
            if ref.get("optional") is True and (source_object is None or entries is not None):
                continue  # it is not there, as far as the repository tells
            reason = f"its values come from {text(ref, 'kind')} {text(ref, 'name')}, which cannot be read here"
            return NotCompared(title, reason, rendered.file, rendered.line)
        literal = ref.get("literal") is True
        inputs.append({"text": entries[key], "targetPath": text(ref, "targetPath"), "literal": literal})
    source = _chart_source(tree, spec, index, own_urls)
    if REQUEST not in source and text(source, "kind") == "GitRepository":
        revision_problem = other_revision(flux_revision(below(source, "object")), files)
        if revision_problem is not None:
            return NotCompared(title, revision_problem, rendered.file, rendered.line)
    return Unit(
        UnitKind.FLUX_HELM_RELEASE,
        name(tree),
        "",
        namespace=text(spec, "targetNamespace") or namespace(tree),
        spec={**spec, "source": source, "inputs": inputs},
        file=rendered.file,
        line=rendered.line,
        how=title,
        space=namespace(tree),
    )


def _chart_source(tree: Tree, spec: Tree, index: ObjectIndex, own_urls: Sequence[str]) -> Tree:
    """The source object that a release's chart comes from (empty where the repository does not hold it), the chart that a
    ``HelmChart`` names, and the URL of another repository that it is in.
    """
    ref = below(spec, "chartRef") or below(spec, "chart", "spec", "sourceRef")
    space = text(ref, "namespace") or namespace(tree)
    source_object = index.find(text(ref, "kind"), space, text(ref, "name"))
    chart: Tree = {}
    if source_object is not None and text(source_object, "kind") == "HelmChart":
        chart, ref = below(source_object, "spec"), below(source_object, "spec", "sourceRef")
        source_object = index.find(text(ref, "kind"), namespace(source_object), text(ref, "name"))
    url = text(source_object, "spec", "url") if text(source_object, "kind") == "GitRepository" else ""
    elsewhere = url if url and own_urls and normal_url(url) not in {normal_url(own_url) for own_url in own_urls} else ""
    source: dict[str, JSON] = {"object": source_object or {}, "kind": text(ref, "kind"), "name": text(ref, "name")}
    if source_object is not None and (elsewhere or text(source_object, "kind") != "GitRepository"):
        request = flux_chart(source_object, chart or below(spec, "chart", "spec"))
        source |= {REQUEST: request.as_tree()} if request is not None else {}
    return {**source, **({"chart": chart} if chart else {}), **({"elsewhere": elsewhere} if elsewhere else {})}
