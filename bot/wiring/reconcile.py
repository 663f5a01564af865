"""The loop of one repository: what it compares, what it judges by, what it writes with."""

from __future__ import annotations

import glob
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bot.drift import platforms
from bot.drift.cache import Memo
from bot.drift.options import ComparisonOptions, Roster
from bot.drift.platforms import Platforms
from bot.drift.severity import fields, grants
from bot.drift.severity.fields import FieldGrants
from bot.drift.severity.grants import Grants
from bot.errors import Invalid
from bot.flows import applied
from bot.flows.artifacts import ArtifactRendering, check_variables, rendering
from bot.flows.compare import compare
from bot.flows.declare import Declaration, Declarer, Selection, no_branch
from bot.flows.deployment import no_cluster
from bot.flows.observation import Assessment, Observe, RulesInForce
from bot.flows.rules import ignores_at, rules_at
from bot.flows.tracing import located
from bot.gitrepo.worktree import WORKTREE, WorkTree
from bot.model.decision import FixLevel
from bot.policy.restoring import Restorable
from bot.policy.rules import RuleSet
from bot.ports import Clock, PluginContext, Renderer, Repository
from bot.renderers.renderers import Renderers
from bot.settings import FILE, Settings, load, secrets
from bot.shipped import files, folder
from bot.wiring import plugins, targets
from bot.wiring.observers import list_keys
from bot.wiring.projects import commit_files, named_projects
from bot.wiring.repository import (
    FixedClock,
    OpenRepository,
    Options,
    SystemClock,
    checkout,
    is_files,
    local_repository,
    open_repository,
    repository_to_read,
)
from bot.wiring.targets import Observers

if TYPE_CHECKING:
    from bot.assembly.config import AssembledConfig
    from bot.edits.overlays import Overlays
    from bot.flows.building import Build
    from bot.flows.commands import Orders
    from bot.flows.context import RunContext
    from bot.flows.level import LevelChange
    from bot.flows.origin import ValueOrigin
    from bot.flows.reconcile import Loop
    from bot.flows.targets import Listing
    from bot.model.resource import ResourceId
    from bot.ports import Applier, Bundle


_LEVELS: Final = "levels/*.yaml"


def open_loop(
    options: Options, *, dry_run: bool = False, at: datetime | None = None, clock: Clock | None = None
) -> Loop:
    """The loop of ``reconcile``, ``simulate`` and ``explain``."""
    chosen_clock = clock or (SystemClock() if at is None else FixedClock(at))
    return loop_on(open_repository(options), clock=chosen_clock, dry_run=dry_run)


def loop_on(
    open_repo: OpenRepository, *, clock: Clock, dry_run: bool = False, renderers: Renderers | None = None
) -> Loop:
    """The loop of an opened repository. A folder without a remote is only ever planned for.

    Without ``renderers`` that others use too, it has its own.
    """
    from bot.flows.reconcile import Loop

    dry_run = dry_run or open_repo.git is None
    shared = renderers or targets.renderers(open_repo.options)
    observe = Observers(open_repo)
    reader = declarer(open_repo, shared, observe)
    observe.check()
    if open_repo.options.variables:
        _check_variables(open_repo.options, reader.at(_head(open_repo)))
    return Loop(
        run=run_context(open_repo, clock=clock, read_only=dry_run),
        declarer=reader,
        observe=observe,
        rules=partial(rules_in_force, open_repo, Memo(), _before(open_repo, shared, observe)),
        dry_run=dry_run,
        reports_only=open_repo.settings.fixes.level is FixLevel.DISABLED,
    )


def open_assessment(options: Options, renderers: Renderers | None = None) -> Callable[[], Assessment]:
    """A comparison with the files of a folder as they are now (or a remote's branch); nothing is written anywhere."""
    return assessment_of(repository_to_read(options), renderers)


def open_pushed(options: Options) -> OpenRepository:
    """A repository at its branch. ``Invalid`` for a folder that is pushed nowhere."""
    open_repo = open_repository(options)
    if open_repo.git is None:
        raise Invalid(
            f"{options.repo} has no remote, and what is applied is what a branch holds",
            advice="Push it somewhere, or name the remote with --repo URL.",
        )
    return open_repo


def assessment_of(open_repo: OpenRepository, renderers: Renderers | None = None) -> Callable[[], Assessment]:
    """Compares an opened repository with what runs, anew each time. Without ``renderers`` that others use too, it has its
    own.
    """
    options, head = open_repo.options, _head(open_repo)
    shared = renderers or targets.renderers(options)
    observe = Observers(open_repo)
    reader = declarer(open_repo, shared, observe)
    observe.check()
    declaration, locate = reader.at(head), partial(located, reader)
    _check_variables(options, declaration)
    rules = rules_in_force(open_repo, Memo(), _before(open_repo, shared, observe), head)

    def assessment() -> Assessment:
        now = SystemClock().now()
        return compare(declaration, rules, observe, now=now, repository=options.repo, locate=locate)

    return assessment


def assess_checkout(
    open_repo: OpenRepository, folder: Path, observe: Observe, renderers: Renderers, *, now: datetime
) -> Assessment:
    """A checkout as it lies in ``folder``, compared by the settings and observers of ``open_repo``; nothing is written.

    Its own settings are only checked, because they could name programs that read live state. ``Invalid`` for a folder
    that is not there and for settings that are wrong.
    """
    if not folder.is_dir():
        raise Invalid(f"{folder}: no such folder", advice="Name an existing checkout in daemon.watch_paths.")
    tree = WorkTree(folder)
    load(tree.read(WORKTREE, FILE), file=str(folder / FILE), installed=plugins.installed)
    options = replace(open_repo.options, repo=str(folder))
    lying = replace(open_repo, options=options, repository=tree, git=None)
    observers_asked = observe if isinstance(observe, Observers) else None
    rules = rules_in_force(lying, Memo(), _before(lying, renderers, observers_asked), WORKTREE)
    reader = declarer(lying, renderers, observers_asked)
    locate = partial(located, reader)
    return compare(reader.at(WORKTREE), rules, observe, now=now, repository=str(folder), locate=locate)


def open_targets(options: Options) -> Listing:
    """The targets of a folder as it is now, or of a remote's branch."""
    from bot.flows.targets import listing

    open_repo = repository_to_read(options)
    return listing(declarer(open_repo).at(_head(open_repo)))


def open_build(options: Options, *, tasks: Sequence[str] = ()) -> Build:
    """The bundle of a folder as it is now, or of a remote's branch; of some ``tasks`` (names with ``*``), or of all."""
    from bot.flows.building import build, of_tasks

    open_repo = repository_to_read(options)
    declaration = declarer(open_repo).at(_head(open_repo))
    _check_variables(options, declaration)
    commit = commit_files(open_repo, _head(open_repo))
    projects = named_projects(open_repo.settings)
    return build(of_tasks(declaration, tasks), repository=open_repo.name, commit=commit, projects=projects)


def open_printed(options: Options, names: Sequence[str]) -> str:
    """Declared objects by themselves, of a folder as it is now, as YAML."""
    from bot.flows.printed import printed

    open_repo = repository_to_read(options)
    declaration = declarer(open_repo).at(_head(open_repo))
    _check_variables(options, declaration)
    return printed(declaration, names)


def open_origin(options: Options, resource: str, path: str) -> ValueOrigin:
    """Which line sets a deployed value, in a folder as it is now or in a remote's branch; on whichever branch that is."""
    from bot.flows.origin import origin

    open_repo = repository_to_read(options)
    reads = replace(declarer(open_repo), revision=no_branch)
    return origin(reads.at(_head(open_repo)), reads, resource, path)


def open_orders(settings: Path | None, repo: str | None) -> Orders:
    """What ``halt``, ``resume`` and the other orders are taken with, given by the person at this command line."""
    from bot.flows.commands import Orders
    from bot.flows.explain import explain
    from bot.wiring.actor import actor
    from bot.wiring.ledger import ledger

    open_repo = open_repository(Options(repo=repo or ".", settings=settings))
    ledger(open_repo)
    run = run_context(open_repo, clock=SystemClock())
    shared = targets.renderers(open_repo.options)

    def explained(task: str) -> str:
        return explain(loop_on(open_repo, clock=SystemClock(), dry_run=True, renderers=shared), task).text()

    by = actor(open_repo.options, run.actor)
    return Orders(run, declarer(open_repo, shared), by, why=" -m why", explained=explained)


def open_rules(settings: Path | None, repo: str) -> RuleSet:
    """The auto-fix rules in force for a repository, first match first."""
    open_repo = repository_to_read(Options(repo=repo, settings=settings))
    return rules_of(open_repo, _head(open_repo))


def open_level(level: FixLevel, repo: str, branch: str | None, *, propose: bool) -> LevelChange:
    """Set the auto-fix level in the settings file of a repository, in the name of the person at this command line."""
    from bot.flows.level import LevelFile, set_level
    from bot.wiring.actor import actor
    from bot.wiring.ledger import ledger

    open_repo = open_repository(Options(repo=repo, branch=branch))
    ledger(open_repo)
    run = run_context(open_repo, clock=SystemClock())
    file = LevelFile(FILE, lambda data: load(data, installed=plugins.installed).fixes.level)
    return set_level(level, file, run, by=actor(open_repo.options, run.actor), propose=propose)


def record_applied(settings: Path | None, repo: str, commit: str | None, target: str | None = None) -> str:
    """Remember that ``commit`` (the branch's head without one) was applied, as a whole or to ``target`` alone; returns its id.

    ``Invalid`` when the repository has no such commit, no such target, or no remote.
    """
    open_repo = open_repository(Options(repo=repo, settings=settings, target=target))
    if open_repo.git is None:
        raise Invalid(f"{repo} has no remote to record it on", advice="Name the remote with --repo URL.")
    if target is not None and (head := open_repo.repository.head(open_repo.branch)) is not None:
        declarer(open_repo).at(head)  # says so where there is no such target
    return applied.record_applied(
        open_repo.git, branch=open_repo.branch, commit=commit, name=open_repo.name, target=target
    )


def render_folder(root: Path, variables: tuple[str, ...], *, write: bool) -> ArtifactRendering:
    """The stale artifacts of a folder's ``.cw`` files, written unless ``write`` is off."""
    options = Options(repo=str(root), variables=variables)
    if not is_files(options):
        raise Invalid(f"{root} is a bare repository: it has no files to render into", advice="Name a clone of it.")
    declaration = declarer(local_repository(options, secrets(options.environment))).at(WORKTREE)
    _check_variables(options, declaration)
    rendered = rendering(declaration)
    if write:
        WorkTree(root).write(rendered.changes)
    return rendered


def run_context(open_repo: OpenRepository, *, clock: Clock, read_only: bool = False) -> RunContext:
    """What a run on ``open_repo`` writes with."""
    from bot.flows.context import RunContext
    from bot.github import actions, address
    from bot.model.decision import Attention
    from bot.model.ledger import Actor
    from bot.ports import Signature
    from bot.texts import Texts
    from bot.wiring.host import open_host, writer
    from bot.wiring.ledger import ledger_or_none, limits

    host = (
        None
        if read_only and open_repo.secrets.token is None and open_repo.secrets.app is None
        else open_host(open_repo, clock)
    )
    settings = open_repo.settings
    me = None if host is None else host.whoami()
    run = actions.run(open_repo.options.environment)
    repository = open_repo.repository if read_only else writer(open_repo, host)
    return RunContext(
        repository=repository,
        ledger=ledger_or_none(open_repo, repository),
        host=host,
        texts=Texts.at(folder("templates")),
        clock=clock,
        actor=Actor(me.login, me.id) if me else Actor("clockwork"),
        author=Signature(settings.author.name, settings.author.email),
        branch=open_repo.branch,
        limits=limits(settings),
        new_id=lambda: uuid.uuid4().hex,
        labels=tuple(settings.github.labels),
        prefix=settings.github.branch_prefix,
        dashboard=settings.github.dashboard if open_repo.options.target is None else None,
        attention=Attention(tuple(settings.github.assignees), tuple(settings.github.reviewers)),
        assign_owners=settings.github.assign_owners,
        run_link=run.link if run else None,
        commit_url=partial(address.commit_url, open_repo.remote or ""),
        appliers=partial(_appliers, open_repo),
    )


def _appliers(
    open_repo: OpenRepository, declaration: Declaration, target: str
) -> Callable[[ResourceId], Applier | None]:
    from bot.wiring.appliers import appliers_of

    return appliers_of(open_repo, declaration, target)


def rules_in_force(open_repo: OpenRepository, memo: Memo, before: Declarer | None, commit: str) -> RulesInForce:
    """Rules, ignore rules and options as ``commit`` has them; ``before`` reads what was last applied."""
    settings = open_repo.settings
    return RulesInForce(
        rules=rules_of(open_repo, commit),
        ignores=ignores_at(open_repo.repository, commit, settings.ignores),
        options=ComparisonOptions(
            mask_key=open_repo.secrets.marker or b"",
            ignore_aggregated_roles=settings.aggregated_roles == "ignore",
            list_map_keys=list_keys(settings),
            roster=_roster(settings),
            grants=Grants(tuple(settings.privileged_metadata)) + _grants(),
            fields=FieldGrants(tuple(settings.privileged_fields)) + _fields(),
            platforms=_platforms(),
        ),
        memo=memo,
        restorable=Restorable(
            settings.apply.restore,
            {target.name: target.apply.restore for target in settings.targets if target.apply is not None},
        ),
        bases={} if before is None else applied.bases(before.repository, before),
    )


@cache
def _grants() -> Grants:
    return grants.load(files("policies", "metadata/*.yaml"))


@cache
def _fields() -> FieldGrants:
    return fields.load(files("policies", "fields/*.yaml"))


@cache
def _platforms() -> Platforms:
    return platforms.load(files("policies", "platforms/*.yaml"))


def load_tables() -> tuple[Path, ...]:
    """Read now what the shipped tables say, which a process reads once; and the files that it was read from."""
    _grants(), _fields(), _platforms(), files("policies", _LEVELS)
    root, names = folder("policies"), ("metadata", "fields", "platforms", "levels")
    return tuple(path for name in names for path in sorted(root.glob(f"{name}/*.yaml")))


def rules_of(open_repo: OpenRepository, commit: str) -> RuleSet:
    """The rules in force at a commit: the repository's own, then those of its level."""
    return rules_at(
        open_repo.repository, commit, level=open_repo.settings.fixes.level, shipped=files("policies", _LEVELS)
    )


def _before(open_repo: OpenRepository, renderers: Renderers, observe: Observers | None) -> Declarer | None:
    """Reads what was last applied. A folder that is read as it is has it where it is the top of a checkout into which the
    ref was fetched (``git fetch origin refs/clockwork/applied:refs/clockwork/applied``).
    """
    git = open_repo.git or checkout(Path(open_repo.options.repo))
    return None if git is None else _declarer(open_repo, git, renderers, observe)


def declarer(
    open_repo: OpenRepository, renderers: Renderers | None = None, observe: Observers | None = None
) -> Declarer:
    """Reads what commits declare. Without ``renderers`` that others use too, it has its own; with those who ``observe``,
    charts are rendered for the clusters that they look at.
    """
    shared = renderers or targets.renderers(open_repo.options)
    return _declarer(open_repo, open_repo.repository, shared, observe)


def _declarer(
    open_repo: OpenRepository, repository: Repository, renderers: Renderers, observe: Observers | None
) -> Declarer:
    reader = targets.reader(open_repo, renderers, no_cluster if observe is None else observe.served)
    return Declarer(repository, _renderer(open_repo), selection(open_repo), reader, targets.revisions(open_repo))


def _renderer(open_repo: OpenRepository) -> Renderer:
    renderer_choice = open_repo.settings.renderer
    if renderer_choice.kind == "forge":
        return _forged
    return plugins.renderer(
        renderer_choice.kind, PluginContext(renderer_choice.options, open_repo.options.environment, SystemClock())
    )


def _forged(config: AssembledConfig, overlays: Overlays) -> Bundle:
    from bot.forge.render import render

    return render(config, overlays)


def selection(open_repo: OpenRepository) -> Selection:
    """Which files declare something, and the ``.cw`` variables."""
    sources = open_repo.settings.sources
    variables = dict(sources.variables)
    for pair in open_repo.options.variables:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise Invalid(f"--var {pair!r}: expected NAME=VALUE")
        variables[key] = text
    return Selection(
        include=tuple(sources.include),
        exclude=(*sources.exclude, *_snapshots(open_repo)),
        project=sources.project or open_repo.name.rpartition("/")[2].lower(),
        variables=variables,
        environment={k: v for k, v in open_repo.options.environment.items() if k.startswith("CLOCKWORK_VAR_")},
        compose=named_projects(open_repo.settings),
    )


def _snapshots(open_repo: OpenRepository) -> Iterator[str]:
    """The snapshot of what runs, where it lies in the repository: a list of Kubernetes objects declares nothing there."""
    if (snapshot_settings := open_repo.settings.observe.snapshot) is not None and snapshot_settings.file is not None:
        yield glob.escape(Path(snapshot_settings.file).as_posix())
    for live in open_repo.options.snapshots:
        if not is_files(open_repo.options) or not Path(live).exists():
            continue
        root, file = Path(open_repo.options.repo).resolve(), Path(live).resolve()
        if file.is_relative_to(root):
            yield glob.escape(file.relative_to(root).as_posix())


def _check_variables(options: Options, declaration: Declaration) -> None:
    check_variables((pair.partition("=")[0] for pair in options.variables), declaration, options.repo)


def _head(open_repo: OpenRepository) -> str:
    head = open_repo.repository.head(open_repo.branch)
    if head is None:
        raise Invalid(f"{open_repo.options.repo} has no branch {open_repo.branch}")
    return head


def _roster(settings: Settings) -> Roster:
    manager_settings = settings.managers
    return Roster(
        frozenset(manager_settings.people),
        frozenset(manager_settings.deployers),
        frozenset(manager_settings.controllers),
    )
