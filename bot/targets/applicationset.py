"""The applications that an ``ApplicationSet`` makes: its generators give parameters, its template is filled with them.

List, git directories, git files, clusters (from settings), matrix and merge are generators of this repository; the
others (SCM providers, pull requests, plug-ins) ask somewhere else and are left out by name. Source: argo-cd docs,
"ApplicationSet", one page a generator, and "Go Template".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.target import NotCompared, RenderedObject
from bot.targets.clusters import ArgoCluster
from bot.targets.flux import below, mappings, name, namespace, normal_url, text
from bot.targets.globs import doublestar, fixed_folder, go_match
from bot.targets.upstream import argo_source, other_revision

Parameters: TypeAlias = Mapping[str, JSON]

_MOST: Final = 1000
"""Applications of one set: a generator that makes more was not meant."""
_FIELD: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_GO_PATH: Final = re.compile(r"\.[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_CALL: Final = re.compile(r"(?P<function>lower|upper|trim|quote|normalize|default)\b(?P<rest>.*)", re.DOTALL)
_INDEX: Final = re.compile(r'\(?index\s+(?P<path>\.[\w.-]+)\s+(?P<key>\d+|"[^"]*")\)?')


_FILES: Final = "\0files"
"""Under this name, which nobody can write, parameters hold the files that they are read from."""


class _Unsupported(ValueError):
    """Something in the set that is not understood; the text says what."""


@dataclass(frozen=True, slots=True)
class GeneratedApplication:
    """One application of a set, and the files beside the set's own that its parameters are read from."""

    written: RenderedObject
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Set:
    tree: FileTree
    clusters: Sequence[Parameters]
    go: bool
    is_own_url: Callable[[str], bool]


def applications(
    written: RenderedObject, tree: FileTree, own_urls: Sequence[str], clusters: Mapping[str, ArgoCluster]
) -> Iterator[GeneratedApplication | NotCompared]:
    """The ``Application`` objects of one set, or why there are none."""
    spec, title = below(written.tree, "spec"), f"ApplicationSet {name(written.tree)}"
    go = spec.get("goTemplate") is True
    space = _Set(tree, [_cluster(cluster) for cluster in clusters.values()], go, lambda url: _is_own_url(url, own_urls))
    try:
        generated = [
            _application(written, spec, parameters, go=go)
            for parameters in _all(mappings(spec.get("generators")), space)
        ]
    except _Unsupported as exc:
        yield NotCompared(title, str(exc), written.file, written.line)
        return
    if len(generated) > _MOST:
        yield NotCompared(
            title, f"it makes {len(generated)} applications, more than {_MOST}", written.file, written.line
        )
        return
    yield from generated


def _is_own_url(url: str, own_urls: Sequence[str]) -> bool:
    return not own_urls or not url or normal_url(url) in {normal_url(address) for address in own_urls}


def _cluster(cluster: ArgoCluster) -> Parameters:
    """The parameters of the cluster generator (argo-cd docs, "Cluster Generator")."""
    return {
        "name": cluster.name,
        "nameNormalized": _normalised(cluster.name),
        "server": cluster.server,
        "metadata": {"labels": dict(cluster.labels), "annotations": dict(cluster.annotations)},
    }


def _all(generators: Sequence[Tree], space: _Set) -> list[Parameters]:
    return [parameters for generator in generators for parameters in _generated(generator, space)]


def _generated(generator: Tree, space: _Set) -> list[Parameters]:
    """The parameters of one generator, in order."""
    kinds = [kind for kind in generator if kind not in {"selector", "template"}]
    if len(kinds) != 1:
        raise _Unsupported("a generator must have exactly one kind")
    spec = below(generator, kinds[0])
    match kinds[0]:
        case "list":
            if "elementsYaml" in spec:
                raise _Unsupported("its list generator uses elementsYaml, which is not read here")
            parameter_sets: list[Parameters] = list(mappings(spec.get("elements")))
        case "git":
            parameter_sets = _git(spec, space)
        case "clusters":
            parameter_sets = [cluster for cluster in space.clusters if _selected(cluster, below(spec, "selector"))]
            if not parameter_sets:
                raise _Unsupported("its cluster generator needs clusters that settings name (argo.clusters)")
            parameter_sets = [{**parameters, **_values(spec, parameters, space)} for parameters in parameter_sets]
        case "matrix":
            parameter_sets = _matrix(mappings(spec.get("generators")), space)
        case "merge":
            parameter_sets = _merge(mappings(spec.get("generators")), _names(spec.get("mergeKeys")), space)
        case other:
            raise _Unsupported(f"its {other} generator asks outside of this repository")
    _bounded(parameter_sets)
    return [
        parameters
        for parameters in parameter_sets
        if _selected({"metadata": {"labels": _flat(parameters)}}, below(generator, "selector"))
    ]


def _bounded(parameter_sets: Sequence[Parameters]) -> None:
    if len(parameter_sets) > _MOST:
        raise _Unsupported(f"a generator makes more than {_MOST} applications")


def _values(spec: Tree, parameters: Parameters, space: _Set) -> Parameters:
    filled = {key: _filled(value, parameters, go=space.go) for key, value in below(spec, "values").items()}
    return {"values": filled} if filled else {}


def _matrix(generators: Sequence[Tree], space: _Set) -> list[Parameters]:
    """Each parameters of the first with each of the second, which may use the first's ("Matrix Generator")."""
    if len(generators) != 2:
        raise _Unsupported("a matrix takes exactly two generators")
    parameter_sets: list[Parameters] = []
    for first in _generated(generators[0], space):
        filled = _filled(generators[1], first, go=space.go, keep=True)
        parameter_sets += [
            _joined(first, second) for second in _generated(filled if isinstance(filled, Mapping) else {}, space)
        ]
        _bounded(parameter_sets)
    return parameter_sets


def _merge(generators: Sequence[Tree], keys: Sequence[str], space: _Set) -> list[Parameters]:
    """The first generator's parameters, overridden by later ones with the same merge keys ("Merge Generator")."""
    if not generators or not keys:
        raise _Unsupported("a merge takes generators and mergeKeys")
    parameters_by_key = {_key(parameters, keys): dict(parameters) for parameters in _generated(generators[0], space)}
    for generator in generators[1:]:
        for parameters in _generated(generator, space):
            if _key(parameters, keys) in parameters_by_key:
                parameters_by_key[_key(parameters, keys)] = dict(
                    _joined(parameters_by_key[_key(parameters, keys)], parameters)
                )
    return list(parameters_by_key.values())


def _joined(first: Parameters, second: Parameters) -> Parameters:
    """Both parameters, the second over the first, and the files of both."""
    files = [*_names(first.get(_FILES)), *_names(second.get(_FILES))]
    return {**first, **second, **({_FILES: files} if files else {})}


def _key(parameters: Parameters, keys: Sequence[str]) -> str:
    return json.dumps([_looked_up(parameters, key.split(".")) for key in keys], default=str)


def _git(spec: Tree, space: _Set) -> list[Parameters]:
    if not space.is_own_url(text(spec, "repoURL")):
        raise _Unsupported(f"its git generator reads another repository, {text(spec, 'repoURL')}")
    source = {"repoURL": spec.get("repoURL"), "targetRevision": spec.get("revision")}
    if (revision_problem := other_revision(argo_source(source), space.tree)) is not None:
        raise _Unsupported(f"of its git generator: {revision_problem.replace('deploys', 'reads')}")
    if text(spec, "pathParamPrefix"):
        raise _Unsupported("its git generator uses pathParamPrefix, which is not read here")
    parameter_sets = (
        _git_files(spec, space) if "files" in spec else _git_directories(mappings(spec.get("directories")), space)
    )
    return [{**parameters, **_values(spec, parameters, space)} for parameters in parameter_sets]


def _git_directories(patterns: Sequence[Tree], space: _Set) -> list[Parameters]:
    """Folders that a pattern takes and no ``exclude`` leaves out; hidden ones never ("Git Generator: Directories")."""
    included = [text(pattern, "path") for pattern in patterns if pattern.get("exclude") is not True]
    excluded = [text(pattern, "path") for pattern in patterns if pattern.get("exclude") is True]
    folders = {
        folder
        for path in _below(included, space.tree)
        for folder in _parents(path)
        if not any(part.startswith(".") for part in folder.split("/"))
    }
    selected_folders = [
        f for f in sorted(folders) if any(_takes(t, f) for t in included) and not any(_takes(t, f) for t in excluded)
    ]
    return [_path(folder, space) for folder in selected_folders]


def _takes(pattern: str, folder: str) -> bool:
    return go_match(pattern.strip("/"), folder)


def _below(patterns: Sequence[str], tree: FileTree) -> list[str]:
    """The paths below what patterns begin with before their first wildcard: nothing else can match."""
    starts = {fixed_folder(pattern) for pattern in patterns}
    return sorted({path for start in starts for path in tree.under(start)})


def _git_files(spec: Tree, space: _Set) -> list[Parameters]:
    """The contents of files that a pattern takes, with where they lie ("Git Generator: Files")."""
    included = [
        text(tree, "path").strip("/") for tree in mappings(spec.get("files")) if tree.get("exclude") is not True
    ]
    excluded = [text(tree, "path").strip("/") for tree in mappings(spec.get("files")) if tree.get("exclude") is True]
    parameter_sets: list[Parameters] = []
    for path in _below(included, space.tree):
        if any(doublestar(t, path) for t in included) and not any(doublestar(t, path) for t in excluded):
            folder, _, file = path.rpartition("/")
            location = _path(folder, space)
            filename = {"filename": file, "filenameNormalized": _normalised(file)}
            more: Parameters = (
                {"path": {**below(location, "path"), **filename}}
                if space.go
                else {f"path.{key}": value for key, value in filename.items()}
            )
            parameter_sets += [{**content, **location, **more, _FILES: [path]} for content in _contents(path, space)]
    return parameter_sets


def _contents(path: str, space: _Set) -> list[Parameters]:
    try:
        documents = load(Text.of(path, space.tree.read(path) or b""), Dialect.KUBERNETES)
    except (NotText, Broken) as exc:
        raise _Unsupported(f"{path}, which its git generator reads, is not valid YAML or JSON") from exc
    values = [document.value for document in documents if document is not None]
    listed = [each for value in values for each in (value if isinstance(value, list) else [value])]
    flat = [value for value in listed if isinstance(value, Mapping)]
    return flat if space.go else [_flat(value) for value in flat]


def _path(folder: str, space: _Set) -> Parameters:
    base = folder.rpartition("/")[2]
    if space.go:
        segments: JSON = folder.split("/")
        return {
            "path": {"path": folder, "basename": base, "basenameNormalized": _normalised(base), "segments": segments}
        }
    indexed = {f"path[{index}]": part for index, part in enumerate(folder.split("/"))}
    return {"path": folder, "path.basename": base, "path.basenameNormalized": _normalised(base), **indexed}


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _names(value: JSON) -> list[str]:
    return (
        [element for element in value if isinstance(element, str)]
        if isinstance(value, Sequence) and not isinstance(value, str)
        else []
    )


def _normalised(value: str) -> str:
    """A name that DNS allows, as the generators' ``…Normalized`` parameters have it."""
    return re.sub(r"[^a-z0-9.-]", "-", value.lower())[:253].strip("-.")


def _selected(parameters: Parameters, selector: Tree) -> bool:
    """A label selector over ``metadata.labels``; one that is not understood is said to be so."""
    labels = below(parameters, "metadata", "labels")
    for key, expected in below(selector, "matchLabels").items():
        if labels.get(key) != expected:
            return False
    for expression in mappings(selector.get("matchExpressions")):
        key, values, has = (
            text(expression, "key"),
            _names(expression.get("values")),
            labels.get(text(expression, "key")),
        )
        match text(expression, "operator"):
            case "In":
                fits = has in values
            case "NotIn":
                fits = has not in values
            case "Exists":
                fits = key in labels
            case "DoesNotExist":
                fits = key not in labels
            case other:
                raise _Unsupported(f"its selector uses the operator {other}")
        if not fits:
            return False
    return True


def _flat(value: Tree, before: str = "") -> dict[str, JSON]:
    """Nested keys with dots between them, all values as text: parameters without Go templates."""
    flat: dict[str, JSON] = {}
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            flat.update(_flat(entry, f"{before}{key}."))
        elif not isinstance(entry, Sequence) or isinstance(entry, str):
            flat[before + key] = entry if isinstance(entry, str) else json.dumps(entry)
    return flat


def _application(written: RenderedObject, spec: Tree, parameters: Parameters, *, go: bool) -> GeneratedApplication:
    if "templatePatch" in spec:
        raise _Unsupported("it uses templatePatch, which is not read here")
    template = _filled(below(spec, "template"), parameters if go else _flat(parameters), go=go)
    tree = template if isinstance(template, Mapping) else {}
    meta = {"namespace": namespace(written.tree), **below(tree, "metadata")}
    application: Tree = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **tree, "metadata": meta}
    rendered = RenderedObject(application, written.file, written.line)
    return GeneratedApplication(rendered, tuple(dict.fromkeys(_names(parameters.get(_FILES)))))


def _filled(value: JSON, parameters: Parameters, *, go: bool, keep: bool = False) -> JSON:
    """``value`` with every text filled in; ``keep`` leaves what ``parameters`` does not know for a later filling."""
    if isinstance(value, str):
        return (
            _FIELD.sub(lambda match: _text_of(match, parameters, go=go, keep=keep), value) if "{{" in value else value
        )
    if isinstance(value, Mapping):
        return {
            str(_filled(key, parameters, go=go, keep=keep)): _filled(entry, parameters, go=go, keep=keep)
            for key, entry in value.items()
        }
    if isinstance(value, Sequence):
        return [_filled(element, parameters, go=go, keep=keep) for element in value]
    return value


def _text_of(match: re.Match[str], parameters: Parameters, *, go: bool, keep: bool) -> str:
    value = _go_value(match[1], parameters) if go else parameters.get(match[1])
    if value is None:
        if keep:
            return match[0]
        raise _Unsupported(f"its template uses {match[0]}, which no generator gives")
    return value if isinstance(value, str) else json.dumps(value)


def _go_value(expression: str, parameters: Parameters) -> JSON:
    """The few forms of Go templates that sets are written with: a field, ``index``, and simple functions of text."""
    parts = [part.strip() for part in expression.split("|")]
    value = _go_term(parts[0], parameters)
    for part in parts[1:]:
        call = _CALL.fullmatch(part)
        if call is None:
            raise _Unsupported(f"its template uses {{{{{expression}}}}}, which is not understood")
        value = _applied(call["function"], call["rest"].strip(), value)
    return value


def _go_term(term: str, parameters: Parameters) -> JSON:
    if _GO_PATH.fullmatch(term):
        return _looked_up(parameters, term[1:].split("."))
    if (index := _INDEX.fullmatch(term)) is not None:
        value = _looked_up(parameters, index["path"][1:].split("."))
        key = index["key"]
        if isinstance(value, Mapping):
            return value.get(key.strip('"'))
        if isinstance(value, Sequence) and not isinstance(value, str) and key.isdigit() and int(key) < len(value):
            return value[int(key)]
        return None
    if (call := _CALL.fullmatch(term)) is not None and call["function"] != "default":
        return _applied(call["function"], "", _go_term(call["rest"].strip(), parameters))
    raise _Unsupported(f"its template uses {{{{{term}}}}}, which is not understood")


def _applied(function: str, argument: str, value: JSON) -> JSON:
    if function == "default":
        return argument.strip('"') if value in {None, ""} else value
    if not isinstance(value, str):
        return value
    match function:
        case "lower":
            return value.lower()
        case "upper":
            return value.upper()
        case "trim":
            return value.strip()
        case "quote":
            return json.dumps(value)
        case _:
            return _normalised(value)


def _looked_up(tree: JSON, keys: Iterable[str]) -> JSON:
    value = tree
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, Sequence) and not isinstance(value, str) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
