"""What ``clockwork apply`` carries plans out with: an applier for each platform, where a target is observed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from bot.errors import Refused
from bot.flows.action_plan import TargetPlan, plans
from bot.flows.applied import APPLIED
from bot.flows.applying import ApplyContext, carry_out
from bot.flows.declare import Declaration
from bot.flows.memory import stopped
from bot.flows.observation import Assessment
from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.written import written_out
from bot.intake.compose import project_files
from bot.intake.compose_select import ProjectFiles
from bot.model.action import AppliedAction, AppliedPlan
from bot.model.ledger import Actor
from bot.model.resource import Platform, ResourceId
from bot.ports import Applier, Signature
from bot.settings.places import ApplySettings
from bot.wiring.actor import actor
from bot.wiring.guard import unmet
from bot.wiring.ledger import ledger, limits
from bot.wiring.observers import root_module
from bot.wiring.reconcile import assessment_of, compose_projects, open_pushed
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    cache_root,
    credentials,
    is_files,
    signer,
)
from bot.wiring.targets import of_target
from bot.wiring.verifying import Verification, verification_of

_SETTLING: Final = 30.0
"""Seconds that may pass until what is healthy also reads as declared."""
JOURNALS: Final = "refs/clockwork/applies/"
"""Below it the journal of each target, by its name."""
_UNNAMED: Final = "_"
_OWN_SECRETS: Final = ("CLOCKWORK_", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_")
"""What the tools that carry out actions are not given of the environment, by how it begins."""
_VARIABLES: Final = "CLOCKWORK_VAR_"


@dataclass
class Application:
    """One look at what has to be applied, and what carries it out."""

    opened: OpenRepository
    assessment: Assessment
    force_conflicts: bool = False
    reached: Callable[[str], None] = field(default=lambda _step: None, repr=False)

    @cached_property
    def plans(self) -> tuple[TargetPlan, ...]:
        """The plan of each target that was compared."""
        return plans(self.assessment)

    @property
    def commit(self) -> str:
        """What is applied."""
        return self.assessment.declaration.commit

    def check(self) -> None:
        """Raise ``Refused`` under a halt, and where rules block what would be applied."""
        opened, clock = self.opened, SystemClock()
        if (stop := stopped(ledger(opened).read(), limits(opened.settings), clock.now())) is not None:
            raise Refused(f"Nothing was applied. {stop}")
        before = opened.repository.head(APPLIED)
        if before is not None and (reasons := unmet(opened, before, self.commit, clock)):
            raise Refused(
                "\n  ".join(
                    ["Nothing was applied, because guardrails block what came since the last apply:", *reasons]
                ),
                advice="Mend it, or accept it in a pull request (`clockwork guard accept`).",
            )

    def carry_out(
        self, plan: TargetPlan, *, approved: bool, tell: Callable[[AppliedAction], None] = lambda _ended: None
    ) -> AppliedPlan:
        """Carry out the plan of one target; see :func:`bot.flows.applying.carry_out`."""
        target = plan.actions.target
        settings = apply_settings(self.opened, target)
        context = ApplyContext(
            ledger=_journal(self.opened, target),
            applier=_Appliers(
                of_target(self.opened, target), plan, self.assessment.declaration, settings, self.force_conflicts
            ).of,
            clock=SystemClock(),
            actor=actor(self.opened.options, Actor("clockwork")),
            limits=limits(self.opened.settings),
            new_id=lambda: uuid.uuid4().hex,
            step_timeout=settings.step_timeout,
            tell=tell,
            reached=self.reached,
        )
        return carry_out(plan, context, approved=approved)

    def verify(self, done: Sequence[str] = ()) -> Verification:
        """Look again, for a while as long as something differs, and write on the commit how that ended and what was done."""
        return verification_of(self.opened, publish=True, done=done)(_SETTLING)


def open_application(options: Options, *, force_conflicts: bool = False) -> Application:
    """Look at what the branch declares and at what runs, to apply it."""
    opened = open_pushed(options)
    return Application(opened, assessment_of(opened)(), force_conflicts)


def apply_settings(opened: OpenRepository, target: str) -> ApplySettings:
    """How a target is applied."""
    own = next((each.apply for each in opened.settings.targets if each.name == target), None)
    return own or opened.settings.apply


def _journal(opened: OpenRepository, target: str) -> GitLedger:
    """The journal of a target, in a clone of its own."""
    remote, ref = opened.remote or "", f"{JOURNALS}{target or _UNNAMED}"
    return GitLedger(
        remote,
        cache_folder(opened.options, f"{ref} {remote}"),
        credentials=credentials(opened.secrets, remote),
        ref=ref,
        author=Signature(opened.settings.author.name, opened.settings.author.email),
        signer=signer(opened.settings),
    )


@dataclass
class _Appliers:
    """What carries out the plan of one target. ``opened`` observes as that target does."""

    opened: OpenRepository
    plan: TargetPlan
    declaration: Declaration
    settings: ApplySettings
    force: bool
    _made: dict[str, Applier] = field(default_factory=dict)

    def of(self, resource: ResourceId) -> Applier | None:
        """The applier of a resource; None where settings do not say how to reach what runs it."""
        named = self.opened.settings.observe
        match resource.platform:
            case Platform.COMPOSE if named.docker is not None:
                return self._kept(f"compose {resource.scope}", partial(self._compose, resource.scope))
            case Platform.TERRAFORM if named.terraform is not None:
                return self._kept("terraform", self._terraform)
            case _:
                return None

    def _kept(self, name: str, make: Callable[[], Applier]) -> Applier:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _compose(self, scope: str) -> Applier:
        from bot.appliers.compose import ComposeApplier
        from bot.observers.engine_api import host_of

        docker, environment = self.opened.settings.observe.docker, self.opened.options.environment
        host = None if docker is None else docker.host
        project = self._project(scope)
        folder = self._folder(project.files)
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
        declared = [each for id_, each in self.plan.declared.items() if id_.scope == scope]
        files = {each.artifact or each.file for each in declared if each.id.platform is Platform.COMPOSE}
        projects = project_files(self.declaration.files, compose_projects(self.opened))
        return next((each for each in projects if files.intersection(each.files)), ProjectFiles(()))

    def _folder(self, files: Sequence[str]) -> Path:
        """Where the files of the commit are: the checkout that was named where it has them as they are, else one of our own
        that stays, because containers mount what lies in it.
        """
        options, commit, repository = self.opened.options, self.declaration.commit, self.opened.repository
        if is_files(options):
            _check_as_committed(Path(options.repo), files, self.opened, commit)
            return Path(options.repo)
        named = hashlib.sha256(f"{self.opened.remote} {self.plan.actions.target}".encode()).hexdigest()[:16]
        return written_out(repository, commit, cache_root(options) / "applied" / named)

    def _terraform(self) -> Applier:
        from bot.appliers.terraform import TerraformApplier

        options, terraform = self.opened.options, self.opened.settings.observe.terraform
        if terraform is None:
            raise AssertionError
        directory = root_module(self.opened, terraform.directory)
        if is_files(options):
            entries = self.opened.repository.entries(self.declaration.commit, terraform.directory)
            files = [entry.path for entry in entries]
            _check_as_committed(Path(options.repo), files, self.opened, self.declaration.commit)
        data = Path(tempfile.mkdtemp(prefix="clockwork-apply-"))
        weakref.finalize(self, shutil.rmtree, data, ignore_errors=True)
        actions = self.plan.actions.actions
        return TerraformApplier(
            directory,
            data / "plan",
            [action for action in actions if action.resource.platform is Platform.TERRAFORM],
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


def _check_as_committed(folder: Path, files: Iterable[str], opened: OpenRepository, commit: str) -> None:
    """Raise ``Refused`` where a file of the folder is not what the commit holds: that would be applied unseen."""
    for name in files:
        file = folder / name
        if (file.read_bytes() if file.is_file() else None) != opened.repository.read(commit, name):
            raise Refused(
                f"{file} is not as it is on {opened.branch} ({commit[:12]})",
                advice=f"Check {opened.branch} out there, or name the remote with --repo URL.",
            )


def _options(project: ProjectFiles, folder: Path) -> Iterator[str]:
    """What Docker Compose is told of a project whose files settings name (Docker docs, "docker compose")."""
    for name in project.env_files or ():
        yield from ("--env-file", str(folder.resolve() / name))
    for profile in project.profiles or ():
        yield from ("--profile", profile)
