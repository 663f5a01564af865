"""``clockwork build``: what a commit comes to as a bundle of files. Writes nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.errors import Invalid
from bot.flows.action_plan import check_tasks, commit_of
from bot.flows.declare import Declaration
from bot.intake.compose import project_files
from bot.intake.compose_select import ProjectFiles
from bot.intake.discover import folder_of
from bot.intake.inputs import CommitFiles, DeployedInputs
from bot.model.globs import name_matches
from bot.model.resource import Platform
from bot.model.upstream import UpstreamSource
from bot.plans.bundle import BundleProvenance, bundle
from bot.targets.expansion import Expansion


@dataclass(frozen=True, slots=True)
class Build:
    """A bundle: path to bytes, with the repository's name and the commit that it was made from."""

    files: Mapping[str, bytes]
    repository: str
    commit: str


def of_tasks(declaration: Declaration, tasks: Sequence[str]) -> Declaration:
    """The declaration with what is about some tasks alone. ``Invalid`` for one that nothing is of."""
    if not tasks:
        return declaration
    check_tasks({desired.task for desired in declaration.resources}, tasks)
    kept_resources = [
        desired for desired in declaration.resources if any(name_matches(task, desired.task) for task in tasks)
    ]
    return replace(declaration, resources=tuple(kept_resources))


def build(
    declaration: Declaration, *, repository: str, commit: CommitFiles, projects: Sequence[ProjectFiles] = ()
) -> Build:
    """The files of every target that is compared, with what they name in the ``commit``. ``Invalid`` where something does not
    render: a bundle is whole or none. ``projects`` are the Compose projects whose files settings name.
    """
    errors = [error for error in declaration.errors if not error.note]
    if errors:
        raise Invalid("nothing was built, because of what is wrong in Git:\n  " + "\n  ".join(map(str, errors)))
    expansions = _expansions(declaration)
    if left_out := list(_left_out(expansions)):
        raise Invalid("nothing was built, because something does not render:\n  " + "\n  ".join(left_out))
    files = {**declaration.files, **({} if declaration.bundle is None else declaration.bundle.files)}
    inputs = {target: _inputs(target, declaration, commit, projects) for target in _targets(declaration)}
    not_held = {missing for deployed in inputs.values() for missing in deployed.not_held}
    provenance = BundleProvenance(repository, commit_of(declaration), tuple(_fetched(expansions)), tuple(not_held))
    inputs_by_path = {
        (target, path): data
        for target, deployed in inputs.items()
        for path in deployed.files
        if (data := commit.read(path)) is not None
    }
    return Build(bundle(declaration.resources, files, provenance, inputs_by_path), repository, provenance.commit)


def _targets(declaration: Declaration) -> list[str]:
    return sorted({desired.id.target for desired in declaration.resources})


def _inputs(
    target: str, declaration: Declaration, commit: CommitFiles, projects: Sequence[ProjectFiles]
) -> DeployedInputs:
    """What the Compose projects and Terraform modules of a target name."""
    deployed_inputs = DeployedInputs(commit)
    target_resources = [desired for desired in declaration.resources if desired.id.target == target]
    files = {
        resource.artifact or resource.file for resource in target_resources if resource.id.platform is Platform.COMPOSE
    }
    for project in project_files(declaration.files, projects):
        if files.intersection(project.files):
            deployed_inputs.compose(project.files, project.folder, project.env_files)
    for folder in sorted(
        {folder_of(resource.file) for resource in target_resources if resource.id.platform is Platform.TERRAFORM}
    ):
        deployed_inputs.terraform(folder)
    return deployed_inputs


def _left_out(expansions: Sequence[Expansion]) -> Iterator[str]:
    for expansion in expansions:
        for subject in expansion.left_out:
            yield f"{expansion.target.name}: {subject.subject}: {subject.reason}"


def _fetched(expansions: Sequence[Expansion]) -> Iterator[UpstreamSource]:
    for expansion in expansions:
        for unit in expansion.units:
            yield from unit.rendering.fetched


def _expansions(declaration: Declaration) -> list[Expansion]:
    deployment = declaration.deployment
    return [] if deployment is None else [deployment.expansions[name] for name in sorted(deployment.compared_names)]
