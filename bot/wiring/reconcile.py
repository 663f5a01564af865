"""The loop of one site: what it looks with, what it judges by, what it writes with."""

from __future__ import annotations

import glob
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from bot.drift.cache import Memo
from bot.drift.options import Roster
from bot.errors import Invalid, Refused
from bot.flows.commands import Orders
from bot.flows.context import RunContext
from bot.flows.declare import Declaration, Declarer, Selection
from bot.flows.explain import explain
from bot.flows.observation import Assessment, RulesInForce, assess
from bot.flows.reconcile import Loop
from bot.forge.render import render
from bot.gitrepo.ledger.chain import GitLedger, full_name
from bot.intake.declared import nearest
from bot.model.drift import IgnoreNote
from bot.model.json import Tree
from bot.model.ledger import Actor, Entry, LedgerView
from bot.model.resource import ResourceId, SourceError
from bot.policy.rules import RuleSet
from bot.ports import Clock, Observer, Signature
from bot.safety.compaction import Retention
from bot.safety.limits import Limits
from bot.safety.windows import ChangeWindow, parse_window
from bot.settings import FILE, Settings, WindowSettings, secrets
from bot.wiring.actor import actor
from bot.wiring.observers import observe, observers
from bot.wiring.repository import (
    FixedClock,
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    checkout,
    credentials,
    is_files,
    local_repository,
    open_host,
    open_repository,
    repository_to_read,
    signer,
)
from bot.wiring.verified_commits import writer

APPLIED: Final = "refs/clockwork/applied"


@dataclass(slots=True)
class _NoLedger:
    """The ledger of a folder that is pushed nowhere: empty, and it cannot be written."""

    def read(self) -> LedgerView:
        return LedgerView(None)

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        del view, entries
        raise Refused("this folder has no remote, so there is no ledger and nothing can be written")


def ledger(site: OpenRepository) -> GitLedger:
    """The ledger of a site. ``Invalid`` for a folder that is pushed nowhere, and for a ref that cannot be."""
    if site.remote is None:
        raise Invalid(
            f"{site.options.repo} has no remote, so it has no ledger", advice="Name the remote with --repo URL."
        )
    try:
        ref = full_name(site.settings.ledger_ref)
    except Invalid as exc:
        raise Invalid(f"{site.options.settings or FILE}: ledger_ref: {exc.message}", advice=exc.advice) from exc
    return GitLedger.open(
        site.remote,
        cache_folder(site.options, f"ledger {site.remote}"),
        credentials=credentials(site.secrets, site.remote),
        ref=ref,
        author=Signature(site.settings.author.name, site.settings.author.email),
        signer=signer(site.settings),
        retention=Retention.of(limits(site.settings)),
    )


def halted(site: OpenRepository) -> None:
    """Return when writes are allowed; raise ``Refused`` when somebody halted them or too many failed."""
    from bot.flows.memory import stopped

    clock = SystemClock()
    if (why := stopped(ledger(site).read(), limits(site.settings), clock.now())) is not None:
        raise Refused(f"nothing is written: {why}", advice="`clockwork resume` lifts it.")


def _window(window: WindowSettings) -> ChangeWindow:
    return parse_window(
        window.name,
        kind=window.effect,
        cron=window.cron,
        duration=window.duration,
        zone=window.timezone,
        tasks=tuple(window.tasks),
    )


def limits(settings: Settings) -> Limits:
    """The limits that these settings ask for."""
    fixes = settings.fixes
    return Limits(
        fixes_per_hour=fixes.per_hour,
        cooldown=fixes.cooldown,
        consecutive_failures=fixes.task_failures,
        total_failures=fixes.total_failures,
        repository_fixes_per_hour=fixes.repository_per_hour,
        severity_fixes_per_hour=fixes.severity_per_hour,
        proposals_per_hour=fixes.proposals_per_hour,
        convergence=fixes.breaker_corrections,
        convergence_window=fixes.breaker_window,
        windows=tuple(_window(window) for window in fixes.windows),
        deletions=fixes.max_removed,
        deletion_percent=fixes.max_removed_percent,
    )


def run_context(site: OpenRepository, *, clock: Clock, read_only: bool = False) -> RunContext:
    """What a run on ``site`` writes with."""
    from bot.github import actions, text
    from bot.shipped import folder
    from bot.texts import Texts

    host = None if read_only and site.secrets.token is None else open_host(site, clock)
    settings = site.settings
    me = None if host is None else host.whoami()
    run = actions.run(site.options.environment)
    return RunContext(
        repository=site.repository if read_only else writer(site, host),
        ledger=_NoLedger() if site.git is None else ledger(site),
        host=host,
        texts=Texts.at(folder("templates"), filters=text.FILTERS),
        clock=clock,
        actor=Actor(me.login, me.id) if me else Actor("clockwork"),
        author=Signature(settings.author.name, settings.author.email),
        branch=site.branch,
        limits=limits(settings),
        new_id=lambda: uuid.uuid4().hex,
        labels=tuple(settings.github.labels),
        run_link=run.link if run else None,
        commit_url=partial(_commit_url, site),
    )


def _commit_url(site: OpenRepository, sha: str) -> str | None:
    if site.remote is None or not site.remote.startswith("http"):
        return None
    return f"{site.remote.removesuffix('/').removesuffix('.git')}/commit/{sha}"


def selection(site: OpenRepository) -> Selection:
    """Which files of the site declare something, and the ``.cw`` variables."""
    sources = site.settings.sources
    variables = dict(sources.variables)
    for pair in site.options.variables:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise Invalid(f"--var {pair!r} is not K=V")
        variables[key] = text
    return Selection(
        include=tuple(sources.include),
        exclude=(*sources.exclude, *_snapshots(site)),
        project=sources.project or site.name.rpartition("/")[2].lower(),
        variables=variables,
        environment={k: v for k, v in site.options.environment.items() if k.startswith("CLOCKWORK_VAR_")},
    )


def _snapshots(site: OpenRepository) -> Iterator[str]:
    """The snapshot of what runs, where it lies in the repository: a list of Kubernetes objects declares nothing there."""
    if (named := site.settings.observe.snapshot) is not None and named.file is not None:
        yield glob.escape(Path(named.file).as_posix())
    live = site.options.live
    if live is not None and is_files(site.options) and Path(live).exists():
        root, file = Path(site.options.repo).resolve(), Path(live).resolve()
        if file.is_relative_to(root):
            yield glob.escape(file.relative_to(root).as_posix())


def rules_in_force(site: OpenRepository, memo: Memo, applied: Declarer, commit: str) -> RulesInForce:
    """Rules, ignore rules and options as ``commit`` has them."""
    from bot.drift.ignore import Ignores
    from bot.drift.ignore import load as load_ignores
    from bot.drift.options import ComparisonOptions
    from bot.policy.levels import in_force
    from bot.policy.rules import policy_files
    from bot.shipped import files

    settings, repository = site.settings, site.repository
    own = {e.path: repository.blob(e.blob) for e in repository.entries(commit, "policies")}
    own = {path: own[path] for path in policy_files(own)}
    ignored = repository.read(commit, settings.ignores)
    return RulesInForce(
        rules=in_force(settings.fixes.level, shipped=files("policies", "levels/*.yaml"), repository=own),
        ignores=Ignores() if ignored is None else load_ignores(ignored, settings.ignores),
        options=ComparisonOptions(
            mask_key=site.secrets.marker or b"",
            ignore_aggregated_roles=settings.aggregated_roles == "ignore",
            list_map_keys=_list_keys(settings),
            roster=_roster(settings),
        ),
        memo=memo,
        bases=bases(site, applied),
    )


def declarer(site: OpenRepository) -> Declarer:
    """Reads what commits of the site declare."""
    return Declarer(site.repository, render, selection(site))


def bases(site: OpenRepository, reader: Declarer) -> Mapping[ResourceId, Tree]:
    """What was last applied, by resource: the declaration at the commit that ``clockwork applied`` recorded.

    A folder that is looked at as it is has it where it is the top of a checkout into which the ref was fetched
    (``git fetch origin refs/clockwork/applied:refs/clockwork/applied``); without the ref nothing is known.
    """
    git = site.git or checkout(Path(site.options.repo))
    if git is None or (commit := git.head(APPLIED)) is None:
        return {}
    if site.git is None:
        reader = Declarer(git, render, selection(site))
    return {desired.id: desired.tree for desired in reader.at(commit).resources}


def record_applied(settings: Path | None, repo: str, commit: str | None) -> str:
    """Remember that ``commit`` (the branch's head without one) was applied; returns its id.

    ``Invalid`` when the repository has no such commit.
    """
    site = open_repository(Options(repo=repo, settings=settings))
    if site.git is None:
        raise Invalid(f"{repo} has no remote to remember it on", advice="Name the remote with --repo URL.")
    sha = site.git.resolve(commit) if commit else site.git.head(site.branch)
    if sha is None:
        raise Invalid(f"{site.name} has no commit {commit or site.branch!r}")
    site.git.push(APPLIED, sha, expected=site.git.head(APPLIED))
    return sha


def _roster(settings: Settings) -> Roster:
    named = settings.managers
    return Roster(frozenset(named.people), frozenset(named.deployers), frozenset(named.controllers))


def _list_keys(settings: Settings) -> Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]:
    """``Kind.group:path`` -> keys, as the comparison wants it: by (group, kind), then by path."""
    found: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for name, keys in settings.list_keys.items():
        resource, colon, path = name.partition(":")
        kind, _, group = resource.partition(".")
        if not colon or not kind or not path:
            raise Invalid(f"{FILE}: list_keys: {name!r} is not Kind.group:path")
        found.setdefault((group, kind), {})[path] = tuple(keys)
    return found


def open_assessment(options: Options) -> partial[Assessment]:
    """A look at the files of a folder as they are now (or at a remote's branch); nothing is written anywhere."""
    site = repository_to_read(options)
    head = _head(site)
    declaration, seers = declarer(site).at(head), observers(site)
    check_variables(options, declaration)
    judged = rules_in_force(site, Memo(), declarer(site), head)
    return partial(_look, site, declaration, judged, seers)


def _head(site: OpenRepository) -> str:
    head = site.repository.head(site.branch)
    if head is None:
        raise Invalid(f"{site.options.repo} has no branch {site.branch}")
    return head


def _look(
    site: OpenRepository, declaration: Declaration, judged: RulesInForce, seers: Sequence[Observer]
) -> Assessment:
    """One look, which says so when there was nothing to compare: a wrong folder must not pass for one without drift."""
    seen = assess(declaration, judged, partial(observe, site, seers), now=SystemClock().now())
    mistakes = any(not error.note for error in declaration.errors)
    if declaration.resources or declaration.stale or mistakes or seen.observation.compared:
        return seen
    repo = site.options.repo
    note = IgnoreNote(repo, "not compared", f"nothing in {repo} declares anything")
    return replace(seen, report=replace(seen.report, notes=(*seen.report.notes, note)))


def check_variables(options: Options, declaration: Declaration) -> None:
    """Raise ``Invalid`` for a ``--var`` that no ``.cw`` file declares: a misspelt name must not pass in silence."""
    assembly = declaration.assembly
    if assembly is not None and assembly.errors:
        return
    declared = assembly.variables if assembly is not None else frozenset[str]()
    for name in (pair.partition("=")[0] for pair in options.variables):
        if name not in declared:
            where = (
                f"the .cw files of {options.repo} declare no such variable"
                if assembly
                else f"{options.repo} has no .cw files"
            )
            meant = nearest(name, declared)
            raise Invalid(f"--var {name}: {where}" + (f"; did you mean {meant!r}?" if meant else ""))


def open_loop(
    options: Options, *, dry_run: bool = False, at: datetime | None = None, clock: Clock | None = None
) -> Loop:
    """The loop of ``reconcile``, ``simulate`` and ``explain``."""
    chosen = clock or (SystemClock() if at is None else FixedClock(at))
    return loop_on(open_repository(options), clock=chosen, dry_run=dry_run)


def loop_on(site: OpenRepository, *, clock: Clock, dry_run: bool = False) -> Loop:
    """The loop of an opened site. A folder without a remote is only ever planned for."""
    dry_run = dry_run or site.git is None
    reader = declarer(site)
    if site.options.variables:
        check_variables(site.options, reader.at(_head(site)))
    return Loop(
        run=run_context(site, clock=clock, read_only=dry_run),
        declarer=reader,
        observe=partial(observe, site, observers(site)),
        rules=partial(rules_in_force, site, Memo(), declarer(site)),
        dry_run=dry_run,
    )


def open_orders(settings: Path | None, repo: str | None) -> Orders:
    """What ``halt``, ``resume`` and the other orders are taken with, given by the person at this command line."""
    site = open_repository(Options(repo=repo or ".", settings=settings))
    ledger(site)
    found = run_context(site, clock=SystemClock())

    def explained(task: str) -> str:
        return explain(loop_on(site, clock=SystemClock(), dry_run=True), task).text()

    return Orders(found, declarer(site), actor(site.options, found.actor), explained=explained)


def open_ledger(settings: Path | None, repo: str | None) -> GitLedger:
    """The ledger of a repository."""
    return ledger(open_repository(Options(repo=repo or ".", settings=settings)))


def open_rules(settings: Path | None, repo: str) -> RuleSet:
    """The auto-fix rules in force for a repository, first match first."""
    site = repository_to_read(Options(repo=repo, settings=settings))
    return rules_in_force(site, Memo(), declarer(site), _head(site)).rules


def render_folder(folder: Path, variables: tuple[str, ...], *, write: bool) -> Rendered:
    """The artifacts of a folder's ``.cw`` files, written where their bytes differ unless ``write`` is off."""
    from bot.gitrepo.worktree import WORKTREE

    options = Options(repo=str(folder), variables=variables)
    if not is_files(options):
        raise Invalid(f"{folder} is a bare repository: it has no files to render into", advice="Name a clone of it.")
    site = local_repository(options, secrets(options.environment))
    declaration = declarer(site).at(WORKTREE)
    check_variables(options, declaration)
    if declaration.assembly is not None and declaration.assembly.errors:
        return Rendered((), declaration.assembly.errors)
    stale = tuple(str(drift.path[0]) for drift in declaration.stale)
    for path in stale if write else ():
        data = None if declaration.bundle is None else declaration.bundle.files.get(path)
        place = folder / path
        if data is None:
            place.unlink(missing_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    return Rendered(stale, ())


@dataclass(frozen=True, slots=True)
class Rendered:
    """What rendering found: artifacts whose bytes differ, and the mistakes that kept it from rendering."""

    changed: tuple[str, ...]
    errors: tuple[SourceError, ...]
