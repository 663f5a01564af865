"""What a repository holds, told from what it declares and from the names of its files. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bot.flows.declare import Declaration
from bot.flows.targets import ListedTarget, Listing, listing
from bot.model.resource import Platform, SourceError
from bot.model.target import UnitKind
from bot.model.upstream import WHERE_ALLOWED
from bot.model.wording import counted, some
from bot.ports import Repository

WORKFLOWS: Final = ".github/workflows/"
RUNS_US: Final = re.compile(
    rb"\bclockwork (reconcile|guard|comments|report|apply)\b"
    rb"|/\.github/(actions/clockwork|workflows/(reconcile|guard|comments|apply)\.yml)@"
)
"""What a workflow has in it that runs Clockwork, by its program or by its action."""
_ENVIRONMENT_FOLDERS: Final = frozenset({"clusters", "environments", "envs", "overlays", "sites", "stages"})
"""Folders in which each folder stands for a place of its own."""
_NOT_READ: Final[Mapping[str, str]] = {
    "helmfile.yaml": "Helmfile",
    "helmfile.yaml.gotmpl": "Helmfile",
    "terragrunt.hcl": "Terragrunt",
    "Pulumi.yaml": "Pulumi",
    "cdk.json": "AWS CDK",
    "cdktf.json": "CDK for Terraform",
    "jsonnetfile.json": "Jsonnet",
    "skaffold.yaml": "Skaffold",
}
"""Files by which other tools that deploy are known, as their own documentation names them."""
_FLUX: Final = frozenset({UnitKind.FLUX_KUSTOMIZATION.value, UnitKind.FLUX_HELM_RELEASE.value})
_ARGO: Final = UnitKind.ARGO_APPLICATION.value


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """A target that is a cluster of its own, as far as its folder tells."""

    name: str
    path: str

    @property
    def context(self) -> str:
        """How people are likely to call the cluster: as the folder is called, whatever tells the target from others."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is. ``paths`` are all files; ``compose``, ``cw`` and ``terraform`` are files and root modules.

    ``kubernetes`` and ``containers`` tell whether anything is declared for a cluster, and for a container engine.
    """

    name: str
    branch: str
    paths: frozenset[str]
    listing: Listing
    kubernetes: bool
    containers: bool
    compose: tuple[str, ...] = ()
    terraform: tuple[str, ...] = ()
    cw: tuple[str, ...] = ()
    flux: tuple[str, ...] = ()
    argo: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    """Workflows that run Clockwork already."""
    problems: tuple[SourceError, ...] = ()
    not_read: tuple[str, ...] = ()
    """Tools whose files are there and that nothing here reads, each with its first file."""
    elsewhere_hosted: str = ""
    """The server that the repository is on, where it is known to be no GitHub."""

    @property
    def cluster_folders(self) -> tuple[ClusterFolder, ...]:
        """The targets that are clusters of their own; none where fewer than two are."""
        rooted = (_cluster_folder(target) for target in self.listing.targets)
        known_places = tuple(known_place for known_place in rooted if known_place is not None)
        return known_places if len(known_places) > 1 else ()

    @property
    def empty(self) -> bool:
        """Whether nothing is declared in a language that is read."""
        return not (self.kubernetes or self.compose or self.terraform or self.cw)

    @property
    def elsewhere(self) -> bool:
        """Whether something is left out because no host may be asked for it."""
        return any(WHERE_ALLOWED in group.reason for group in self.listing.groups())

    @property
    def tools(self) -> tuple[str, ...]:
        """One line for each thing that deploys or declares, for people."""
        lines = [(self.flux, "Flux"), (self.argo, "Argo CD"), (self.compose, "Compose"), (self.terraform, "Terraform")]
        descriptions = [f"{name}: {some(files)}" for files, name in [*lines, (self.cw, ".cw configuration")] if files]
        plain = self.kubernetes and not self.listing.targets
        return (
            *descriptions,
            *([f"plain Kubernetes manifests: {counted(self.listing.plain, 'resource')}"] if plain else []),
        )

    @property
    def gaps(self) -> tuple[str, ...]:
        """What cannot be compared, by reason, for people."""
        return tuple(f"{some(group.subjects)}: {group.reason}" for group in self.listing.groups())


def survey(
    declaration: Declaration, repository: Repository, *, name: str, branch: str, elsewhere_hosted: str = ""
) -> Survey:
    """What ``declaration``'s commit of ``repository`` holds."""
    commit, targets = declaration.commit, listing(declaration)
    paths = [entry.path for entry in repository.entries(commit)]
    workflows = tuple(path for path in paths if path.startswith(WORKFLOWS) and path.endswith((".yml", ".yaml")))
    platforms = {resource.id.platform for resource in declaration.resources}
    compose = {resource.file for resource in declaration.resources if resource.id.platform is Platform.COMPOSE}
    return Survey(
        name,
        branch,
        frozenset(paths),
        targets,
        kubernetes=Platform.KUBERNETES in platforms or any(target.units for target in targets.targets),
        containers=Platform.COMPOSE in platforms,
        compose=tuple(sorted(path for path in compose if not path.endswith(".cw"))),
        terraform=_roots(paths),
        cw=tuple(path for path in paths if path.endswith(".cw")),
        flux=_names(targets.targets, _FLUX),
        argo=_names(targets.targets, {_ARGO}),
        workflows=workflows,
        running=tuple(path for path in workflows if RUNS_US.search(repository.read(commit, path) or b"")),
        problems=declaration.errors,
        not_read=_not_read(paths),
        elsewhere_hosted=elsewhere_hosted,
    )


def _not_read(paths: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        if (tool := _NOT_READ.get(path.rpartition("/")[2])) is not None:
            first.setdefault(tool, path)
    return tuple(f"{tool} ({path})" for tool, path in first.items())


def _roots(paths: Iterable[str]) -> tuple[str, ...]:
    """Folders of Terraform files that are no modules and lie in no other such folder."""
    folders = sorted({path.rpartition("/")[0] for path in paths if path.endswith((".tf", ".tf.json"))})
    root_folders = [folder for folder in folders if not {"modules", "module", ".terraform"} & set(folder.split("/"))]
    return tuple(
        folder or "."
        for folder in root_folders
        if not any(outer and folder.startswith(f"{outer}/") for outer in root_folders)
    )


def _names(targets: Iterable[ListedTarget], kinds: Iterable[str]) -> tuple[str, ...]:
    kind_names = set(kinds)
    return tuple(target.name for target in targets if any(unit.kind in kind_names for unit in target.units))


def _cluster_folder(target: ListedTarget) -> ClusterFolder | None:
    """The target with the one folder that it begins in, where that lies in a folder of places; None for any other.

    What Argo CD deploys is said by its Application alone: naming its folder here would lose the rest.
    """
    if any(unit.kind == _ARGO for unit in target.units):
        return None
    folders = [*target.paths, *(unit.path for unit in target.units)]
    for folder in folders:
        parts = folder.split("/")
        for depth, part in enumerate(parts[:-1]):
            if part in _ENVIRONMENT_FOLDERS and target.name:
                return ClusterFolder(target.name, "/".join(parts[: depth + 2]))
    return None
