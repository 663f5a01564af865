"""What Git declares at one commit: plain files read as they are, ``.cw`` files through Intake → Assembly → Forge.

Called by every flow that looks. Reading is by blob: a file that did not change since the last look is not parsed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from bot.edits.overlay_file import FOLDER as OVERLAYS
from bot.edits.overlays import Overlays
from bot.edits.overlays import load as load_overlays
from bot.flows.deployment import Deployment, DeploymentReader
from bot.intake import unread
from bot.intake.compose_select import ProjectFiles
from bot.intake.declared import without_credentials
from bot.intake.discover import SUFFIXES, candidates, looks_like_compose
from bot.intake.read import Declared, read, read_manifest, without_duplicates
from bot.model.drift import AddEntry, Drift, DriftKind
from bot.model.filetree import FileTree
from bot.model.globs import name_matches
from bot.model.resource import Desired, ResourceId, SourceError
from bot.model.revision import Revision
from bot.model.severity import Severity
from bot.ports import Bundle, Renderer, Repository, TreeEntry
from bot.targets.paths import is_below

if TYPE_CHECKING:
    from bot.assembly.config import Assembly

OWN_FOLDER: Final = ".clockwork"
BUILD: Final = f"{OWN_FOLDER}/build/"
_MOST_STEPS: Final = 10
"""How many files may name each other in a row before the last one is taken for missing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files count and what ``.cw`` variables are set to."""

    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    project: str = "app"
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    compose: tuple[ProjectFiles, ...] = ()
    """The Compose projects whose files settings name."""

    def takes(self, path: str) -> bool:
        """Whether a file counts."""
        return any(_matches(path, glob) for glob in self.include) and not any(
            _matches(path, glob) for glob in self.exclude
        )


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything one commit declares.

    ``files`` holds the bytes of every file that was read, ``assembly`` the evaluated ``.cw`` (None when there is none),
    ``stale`` the artifacts whose bytes differ from what the forge renders now. ``deployment`` holds the targets; None
    where nothing reads them.
    """

    commit: str
    resources: tuple[Desired, ...]
    errors: tuple[SourceError, ...]
    files: Mapping[str, bytes]
    assembly: Assembly | None = None
    overlays: Overlays = field(default_factory=Overlays)
    bundle: Bundle | None = None
    stale: tuple[Drift, ...] = ()
    deployment: Deployment | None = None
    missing: frozenset[str] = frozenset()
    """Files that others name and that were not read: they are not there, or nobody has fetched them yet."""


RevisionOf: TypeAlias = Callable[[str], Revision | None]
"""Where in the repository a commit is read; None where nothing tells."""


def no_branch(_commit: str) -> None:
    """Nothing tells on which branch a commit is read."""


@dataclass(slots=True)
class Declarer:
    """Reads declarations and remembers parsed files by (path, blob). One per process; safe to throw away."""

    repository: Repository
    renderer: Renderer
    selection: Selection = field(default_factory=Selection)
    targets: DeploymentReader | None = None
    revision: RevisionOf = no_branch
    _parsed: dict[tuple[str, str], Declared] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _listed: Sequence[TreeEntry] | None = None
    _selected: list[TreeEntry] = field(default_factory=list)
    _last: Declaration | None = None
    _tree: str = ""

    def at(self, commit: str) -> Declaration:
        """What ``commit`` declares."""
        revision = self.revision(commit)
        outdated = (self.targets is not None and self.targets.is_outdated()) or self._is_another(revision)
        if self._last is not None and self._last.commit == commit and not outdated:
            return self._last
        entries = self._entries(commit)
        referring = self._last is not None and bool(self._last.missing)
        everything = entries if self.targets is None and not referring else self.repository.entries(commit)
        linked = [path for path in self.repository.links(commit, suffixes=SUFFIXES) if self.selection.takes(path)]
        fingerprints = [*(f"{e.path}\0{e.blob}" for e in everything), *linked]
        tree = hashlib.sha256("\0".join(fingerprints).encode(errors="surrogateescape")).hexdigest()
        if self._last is None or tree != self._tree or outdated:
            declaration = self._read(commit, entries, everything, revision)
            self._last, self._tree = replace(declaration, errors=(*declaration.errors, *unread.links(linked))), tree
        else:
            self._last = replace(self._last, commit=commit)
        return self._last

    def _is_another(self, revision: Revision | None) -> bool:
        """Whether something that manifests name is another commit now, compared with the one that is read."""
        before = None if self._last is None or self._last.deployment is None else self._last.deployment.tree.revision
        return before is not None and revision is not None and not revision.answers_as(before)

    def with_files(self, changed: Mapping[str, bytes | None], base: Declaration) -> Declaration:
        """What ``base`` would declare with ``changed`` files (None deletes)."""
        files = {path: data for path, data in {**base.files, **changed}.items() if data is not None}
        before = base.deployment
        after = None if before is None or self.targets is None else self.targets.read(before.tree.with_changes(changed))
        return self._build(base.commit, files, {}, after)

    def with_any_files(self, changed: Mapping[str, bytes | None], base: Declaration) -> Declaration:
        """What ``base`` would declare with ``changed`` files of whatever kind (None deletes): each is read by who would
        read it in a commit.
        """
        counting = {path: data for path, data in changed.items() if self.selection.takes(path)}
        declaring = {*candidates({*base.files, *counting})}
        files = dict(base.files)
        for path, data in counting.items():
            if data is None:
                files.pop(path, None)
            elif path in declaring or path.startswith((BUILD, OVERLAYS)):
                files[path] = data
        before = base.deployment
        after = (
            None if before is None or self.targets is None else self.targets.read(before.tree.with_changes(counting))
        )
        return self._build(base.commit, files, {}, after)

    def _entries(self, commit: str) -> list[TreeEntry]:
        """The files that declare something, sorted. All other files of the repository are never looked at."""
        listed_entries = self.repository.entries(commit, suffixes=SUFFIXES)
        if listed_entries is not self._listed:
            paths = set(candidates(entry.path for entry in listed_entries))
            self._selected = [
                entry for entry in listed_entries if entry.path in paths and self.selection.takes(entry.path)
            ]
            self._listed = listed_entries
        built_entries = [
            entry for entry in self.repository.entries(commit, OWN_FOLDER) if entry.path.startswith((BUILD, OVERLAYS))
        ]
        return (
            sorted([*self._selected, *built_entries], key=lambda entry: entry.path) if built_entries else self._selected
        )

    def _read(
        self, commit: str, entries: Sequence[TreeEntry], everything: Sequence[TreeEntry], revision: Revision | None
    ) -> Declaration:
        blobs = {entry.path: entry.blob for entry in entries}
        read_blobs = self._blobs
        self._blobs = {
            blob: read_blobs[blob] if blob in read_blobs else self.repository.blob(blob) for blob in blobs.values()
        }
        deployment = None if self.targets is None else self.targets.read(self._file_tree(commit, everything, revision))
        files = {path: self._blobs[blob] for path, blob in blobs.items()}
        declaration = self._build(commit, files, blobs, deployment)
        for _ in range(_MOST_STEPS):
            if not (referred := self._referred(commit, declaration)):
                break
            self._blobs |= {blob: self.repository.blob(blob) for blob in referred.values() if blob not in self._blobs}
            blobs |= referred
            files |= {path: self._blobs[blob] for path, blob in referred.items()}
            declaration = self._build(commit, files, blobs, deployment)
        return declaration

    def _referred(self, commit: str, declaration: Declaration) -> dict[str, str]:
        """The blobs of files that are in the commit and that read ones name, however they are called."""
        if not declaration.missing:
            return {}
        all_entries = self.repository.entries(commit)
        return {
            entry.path: entry.blob
            for entry in all_entries
            if entry.path in declaration.missing and entry.path not in declaration.files
        }

    def _file_tree(self, commit: str, entries: Sequence[TreeEntry], revision: Revision | None) -> FileTree:
        """All files that settings do not exclude, as a value; bytes that were read before are not read again."""

        def load(blob: str) -> bytes:
            return self._blobs[blob] if blob in self._blobs else self.repository.blob(blob)

        blobs = {entry.path: entry.blob for entry in entries if self.selection.takes(entry.path)}
        return FileTree(blobs, load, revision=revision, links=partial(self.repository.is_link, commit))

    def _build(
        self, commit: str, files: Mapping[str, bytes], blobs: Mapping[str, str], deployment: Deployment | None
    ) -> Declaration:
        rendered = frozenset[str]() if deployment is None else deployment.discovery.rendered
        elsewhere = unread.pointers(files)
        pointers = {note.file for note in elsewhere}
        built_files = {path: data for path, data in files.items() if path.startswith((BUILD, OVERLAYS))}
        cw = {path: data for path, data in files.items() if path.endswith((".cw", ".cwvars"))}
        plain = {
            path: data
            for path, data in files.items()
            if path not in built_files and path not in cw and path not in rendered and path not in pointers
        }
        declared, deployment = _with_targets(self._plain(plain, blobs), deployment)
        overlays, overlay_errors = load_overlays({p: d for p, d in built_files.items() if p.startswith(OVERLAYS)})
        if not cw:
            errors = tuple(map(without_credentials, (*declared.errors, *overlay_errors, *elsewhere)))
            return Declaration(
                commit,
                declared.resources,
                errors,
                files,
                overlays=overlays,
                deployment=deployment,
                missing=declared.missing,
            )
        from bot.assembly.assemble import assemble

        variables, environment = self.selection.variables, self.selection.environment
        assembly = assemble(cw, variables=variables, environment=environment, other_files=files)
        declared = replace(declared, missing=declared.missing | assembly.missing)
        bundle = self.renderer(assembly.config, overlays)
        all_errors = (*declared.errors, *assembly.errors, *overlay_errors, *elsewhere)
        errors = tuple(map(without_credentials, all_errors))
        if deployment is not None and deployment.only:  # they belong to the unnamed target
            return Declaration(
                commit, declared.resources, errors, files, assembly, overlays, bundle, (), deployment, declared.missing
            )
        stale = () if assembly.errors else _stale(bundle, built_files)
        resources = (*declared.resources, *bundle.desired)
        missing = declared.missing
        return Declaration(commit, resources, errors, files, assembly, overlays, bundle, stale, deployment, missing)

    def _plain(self, files: Mapping[str, bytes], blobs: Mapping[str, str]) -> Declared:
        resources: list[Desired] = []
        errors: list[SourceError] = []
        other_files: dict[str, bytes] = {}
        declared_by_file: dict[tuple[str, str], Declared] = {}
        selected = {path for project in self.selection.compose for path in project.files}
        for path, data in files.items():
            if not path.endswith((".yaml", ".yml", ".json")) or path in selected or looks_like_compose(path, data):
                other_files[path] = data
                continue
            blob = blobs.get(path) or hashlib.sha1(data, usedforsecurity=False).hexdigest()
            parsed = self._parsed.get((path, blob)) or _with_blob(read_manifest(path, data), blob)
            declared_by_file[path, blob] = parsed
            resources += parsed.resources
            errors += parsed.errors
        if blobs:
            self._parsed = declared_by_file
        rest_of_files = read(
            other_files, project=self.selection.project, compose=self.selection.compose, other_files=files
        )
        return Declared((*resources, *rest_of_files.resources), (*errors, *rest_of_files.errors), rest_of_files.missing)


def _with_targets(plain: Declared, deployment: Deployment | None) -> tuple[Declared, Deployment | None]:
    """Plain resources of folders that a target names go to that target; with what the targets' units render beside
    them.

    Where one target alone was asked for, the others' and the unnamed one's are left out; so are those of targets that
    declare what another one does.
    """
    if deployment is None:
        return without_duplicates(plain), None
    placed = [_placed(desired, deployment) for desired in plain.resources]
    deployment = deployment.without_clashes(placed)
    kept_resources = [
        desired
        for desired in placed
        if desired.id.target in deployment.compared_names or not (desired.id.target or deployment.only)
    ]
    distinct = without_duplicates(Declared(tuple(kept_resources), plain.errors))
    combined = Declared(
        (*distinct.resources, *deployment.resources), (*distinct.errors, *deployment.errors), plain.missing
    )
    return _without_shared(combined, deployment), deployment


def _without_shared(declared: Declared, deployment: Deployment) -> Declared:
    """Without what a plain file declares that a target of the same observer declares too: which of them holds, nobody can
    tell.
    """
    default = {target.name for target in deployment.targets if not target.observer}
    declared_by_local = {desired.id.local: desired for desired in declared.resources if desired.id.target in default}
    shared = [desired for desired in declared.resources if not desired.id.target and desired.id in declared_by_local]
    errors = []
    for desired in shared:
        in_target = declared_by_local[desired.id]
        message = (
            f"{desired.id} is also declared for target {in_target.id.target}, in {in_target.file}:{in_target.line}; "
            "it is left alone until one of them is gone"
        )
        errors.append(SourceError(desired.file, desired.line, 1, message))
    ids = {desired.id for desired in shared}
    kept_resources = (
        resource
        for resource in declared.resources
        if resource.id.local not in ids or resource.id.target not in {"", *default}
    )
    return Declared(tuple(kept_resources), (*declared.errors, *errors), declared.missing) if shared else declared


def _placed(desired: Desired, deployment: Deployment) -> Desired:
    for target in deployment.discovery.targets:
        if any(is_below(desired.file, path) for path in target.paths):
            return replace(desired, id=desired.id._replace(target=target.name), task=f"{target.name}/{desired.task}")
    return desired


def _with_blob(declared: Declared, blob: str) -> Declared:
    return Declared(tuple(replace(desired, blob=blob) for desired in declared.resources), declared.errors)


def _matches(path: str, glob: str) -> bool:
    """``*`` crosses folders here, and a folder stands for all that is in it."""
    return glob in {"**", "**/*"} or name_matches(glob, path) or name_matches(glob.rstrip("/") + "/*", path)


def _stale(bundle: Bundle, built_files: Mapping[str, bytes]) -> tuple[Drift, ...]:
    """One drift per artifact whose committed bytes are not what the forge renders; gone services count as well."""
    committed = {path: data for path, data in built_files.items() if path.startswith(BUILD)}
    owners: dict[str, Desired] = {}
    for desired in bundle.desired:
        if desired.artifact is not None:
            owners.setdefault(desired.artifact, desired)
    drifts = []
    for path in sorted({*committed, *bundle.files}):
        if committed.get(path) == bundle.files.get(path):
            continue
        owner = owners.get(path)
        drifts.append(_stale_drift(path, owner, committed.get(path), bundle.files.get(path)))
    return tuple(drifts)


def _stale_drift(path: str, owner: Desired | None, before: bytes | None, after: bytes | None) -> Drift:
    from bot.model.resource import Platform

    resource = owner.id if owner else ResourceId(Platform.COMPOSE, "artifact", "", path)
    condition = (
        "is not rendered yet" if before is None else "is not declared any more" if after is None else "is out of date"
    )
    return Drift(
        resource=resource,
        task=owner.task if owner else path,
        kind=DriftKind.STALE_ARTIFACT,
        path=(path,),
        desired=_digest(after),
        observed=_digest(before),
        severity=Severity.LOW,
        rule="ART-001",
        file=owner.file if owner else path,
        line=owner.line if owner else 1,
        message=f"The artifact {path} {condition}.",
        adopt=(AddEntry((), path, None),),
    )


def _digest(data: bytes | None) -> str | None:
    return None if data is None else "sha256:" + hashlib.sha256(data).hexdigest()[:12]
