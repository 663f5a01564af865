"""What carries out actions where a target runs: the appliers beside its observers, made when they are first needed."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bot.drift.options import ComparisonOptions
from bot.errors import Refused
from bot.flows.declare import Declaration
from bot.gitrepo.written import written_out
from bot.intake.compose import project_files
from bot.intake.compose_select import ProjectFiles
from bot.intake.inputs import DeployedInputs
from bot.model.action import Action
from bot.model.resource import Platform, ResourceId
from bot.ports import Applier
from bot.settings.places import ApplySettings
from bot.temporary import folder_of
from bot.wiring.observers import list_keys, root_module
from bot.wiring.projects import commit_files, named_projects
from bot.wiring.repository import OpenRepository, cache_root, is_files
from bot.wiring.targets import of_target

_OWN_SECRETS: Final = ("CLOCKWORK_", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_")
"""What the tools that carry out actions are not given of the environment, by how it begins."""
_VARIABLES: Final = "CLOCKWORK_VAR_"


def appliers_of(
    open_repo: OpenRepository,
    declaration: Declaration,
    target: str,
    *,
    actions: Sequence[Action] = (),
    force_conflicts: bool = False,
) -> Callable[[ResourceId], Applier | None]:
    """What carries out actions on a resource of ``target`` as it is declared. ``actions`` are those of a whole plan, where
    there is one: Terraform carries out nothing else.
    """
    settings = apply_settings(open_repo, target)
    return _Appliers(
        of_target(open_repo, target),
        target,
        declaration,
        settings,
        force_conflicts or settings.force_conflicts,
        actions,
    ).of


def apply_settings(open_repo: OpenRepository, target: str) -> ApplySettings:
    """How a target is applied."""
    target_settings = next(
        (target_entry.apply for target_entry in open_repo.settings.targets if target_entry.name == target), None
    )
    return target_settings or open_repo.settings.apply


@dataclass
class _Appliers:
    """Those of one target. ``opened`` observes as that target does."""

    opened: OpenRepository
    target: str
    declaration: Declaration
    settings: ApplySettings
    force: bool
    actions: Sequence[Action]
    _by_name: dict[str, Applier] = field(default_factory=dict)

    def of(self, resource: ResourceId) -> Applier | None:
        """The applier of a resource; None where settings do not say how to reach what runs it."""
        observe_settings = self.opened.settings.observe
        match resource.platform:
            case Platform.KUBERNETES if observe_settings.kubernetes is not None:
                return self._cached("kubernetes", self._kubernetes)
            case Platform.COMPOSE if observe_settings.docker is not None:
                return self._cached(f"compose {resource.scope}", partial(self._compose, resource.scope))
            case Platform.TERRAFORM if observe_settings.terraform is not None:
                return self._cached("terraform", self._terraform)
            case _:
                return None

    def _cached(self, name: str, make: Callable[[], Applier]) -> Applier:
        if name not in self._by_name:
            self._by_name[name] = make()
        return self._by_name[name]

    def _kubernetes(self) -> Applier:
        from bot.appliers.kubernetes import KubernetesApplier

        cluster = self.opened.settings.observe.kubernetes
        applier = KubernetesApplier(
            None if cluster is None else cluster.kubeconfig,
            None if cluster is None else cluster.context,
            self.opened.options.environment,
            ComparisonOptions(b"", list_map_keys=list_keys(self.opened.settings)),
            force_conflicts=self.force,
            seconds=self.settings.step_timeout,
        )
        weakref.finalize(self, applier.close)
        return applier

    def _compose(self, scope: str) -> Applier:
        from bot.appliers.compose import ComposeApplier
        from bot.engineapi import host_of

        docker, environment = self.opened.settings.observe.docker, self.opened.options.environment
        host = None if docker is None else docker.host
        project = self._project(scope)
        folder = self._folder(project)
        return ComposeApplier(
            folder,
            project.files,
            host or host_of(environment),
            without_own_secrets(environment),
            options=tuple(_options(project, folder)),
            seconds=self.settings.step_timeout,
        )

    def _project(self, scope: str) -> ProjectFiles:
        """The files of a Compose project; none where Git declares nothing of it any more."""
        resources = self.declaration.resources
        declared = [
            resource for resource in resources if (resource.id.target, resource.id.scope) == (self.target, scope)
        ]
        files = {
            resource.artifact or resource.file for resource in declared if resource.id.platform is Platform.COMPOSE
        }
        projects = project_files(self.declaration.files, named_projects(self.opened.settings))
        return next((project for project in projects if files.intersection(project.files)), ProjectFiles(()))

    def _named(self, project: ProjectFiles) -> list[str]:
        """The files of a project, and those of the commit that they name: mounted, read for variables, extended."""
        inputs = DeployedInputs(commit_files(self.opened, self.declaration.commit))
        inputs.compose(project.files, project.folder, project.env_files)
        return sorted({*project.files, *inputs.files})

    def _folder(self, project: ProjectFiles) -> Path:
        """Where the files of the commit are: the checkout that was named where it has them as they are, else one of our own
        that stays, because containers mount what lies in it.
        """
        options, commit, repository = self.opened.options, self.declaration.commit, self.opened.repository
        if is_files(options):
            _check_as_committed(Path(options.repo), self._named(project), self.opened, commit)
            return Path(options.repo)
        digest = hashlib.sha256(f"{self.opened.remote} {self.target}".encode()).hexdigest()[:16]
        return written_out(repository, commit, cache_root(options) / "applied" / digest)

    def _terraform(self) -> Applier:
        from bot.appliers.terraform import TerraformApplier

        options, terraform = self.opened.options, self.opened.settings.observe.terraform
        if terraform is None:
            raise AssertionError
        directory = root_module(self.opened, terraform.directory)
        if is_files(options):
            entries = self.opened.repository.entries(self.declaration.commit, terraform.directory)
            inputs = DeployedInputs(commit_files(self.opened, self.declaration.commit))
            inputs.terraform("" if terraform.directory in {"", "."} else terraform.directory.strip("/"))
            files = sorted({*(entry.path for entry in entries), *inputs.files})
            _check_as_committed(Path(options.repo), files, self.opened, self.declaration.commit)
        data = folder_of(self, "apply")
        return TerraformApplier(
            directory,
            data / "plan",
            [action for action in self.actions if action.resource.platform is Platform.TERRAFORM],
            data,
            without_own_secrets(options.environment),
            binary=terraform.binary,
            seconds=self.settings.step_timeout,
        )


def without_own_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What tools that carry out actions are given: everything but what Clockwork itself signs in with."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OWN_SECRETS) or name.startswith(_VARIABLES)
    }


def _check_as_committed(folder: Path, files: Iterable[str], open_repo: OpenRepository, commit: str) -> None:
    """Raise ``Refused`` where a file of the folder is not what the commit holds: that would be applied unseen."""
    for name in files:
        file = folder / name
        if (file.read_bytes() if file.is_file() else None) != open_repo.repository.read(commit, name):
            raise Refused(
                f"{file} is not as it is on {open_repo.branch} ({commit[:12]})",
                advice=f"Check {open_repo.branch} out there, or name the remote with --repo URL.",
            )


def _options(project: ProjectFiles, folder: Path) -> Iterator[str]:
    """What Docker Compose is told of a project whose files settings name (Docker docs, "docker compose")."""
    for name in project.env_files or ():
        yield from ("--env-file", str(folder.resolve() / name))
    for profile in project.profiles or ():
        yield from ("--profile", profile)
