"""Everything a guardrail check of one repository needs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid
from bot.model.choices import ASSISTANTS
from bot.model.dataclass import dataclass
from bot.settings import Secrets, load
from bot.wiring.projects import named_projects
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    local_history,
    open_repository,
    origin,
    settings_at,
)

if TYPE_CHECKING:
    from bot.flows.deployment import DeploymentReader
    from bot.flows.head_check import ReviewContext, Reviewed
    from bot.flows.rendering import RenderChange
    from bot.guardrails.rulebook import RuleBook
    from bot.model.codehost import PullRequest, QueuedHead
    from bot.model.figures import QueueFigures
    from bot.model.finding import Mode
    from bot.model.session import Claims
    from bot.ports import Assistant, Clock, CodeHost, Repository
    from bot.renderers.renderers import Renderers
    from bot.sessions.queue import QueuedStore
    from bot.settings import Settings
    from bot.settings.sections import AssistantSettings


@dataclass(frozen=True)
class Guard:
    """The parts of :func:`bot.flows.head_check.review_pull` of one repository. Settings are those of the branch's head."""

    opened: OpenRepository
    host: CodeHost
    clock: Clock
    renderers: Renderers | None = None
    """What others use too; without, its own."""

    @property
    def repository(self) -> Repository:
        """Where base and head are read from."""
        return self.opened.repository

    @property
    def mode(self) -> Mode:
        """The mode that the settings ask for."""
        return self.opened.settings.guard.mode

    @property
    def agents(self) -> Mapping[str, str]:
        """Login or branch glob of an AI agent -> the name of its document."""
        return self.opened.settings.guard.agents

    @cached_property
    def assistants(self) -> tuple[Assistant, ...]:
        """The configured AI tools; none is a normal state."""
        return tuple(assistant_of(choice, self.opened.options.environment, self.clock) for choice in self._reviewing)

    @property
    def _reviewing(self) -> Sequence[AssistantSettings]:
        return [assistant for assistant in self.opened.settings.guard.assistants if assistant.reviews]

    @property
    def required(self) -> frozenset[str]:
        """The names of the assistants that have to answer."""
        choices = zip(self._reviewing, self.assistants, strict=True)
        return frozenset(assistant.name for choice, assistant in choices if choice.required)

    @property
    def queue(self) -> QueueFigures:
        """What became of the sessions that were recorded so far."""
        return self.store.counts()

    @cached_property
    def store(self) -> QueuedStore:
        """Where sessions are recorded, without making the caller wait. Close it at the end."""
        from bot.wiring.workers import open_queue

        return open_queue(self.opened)

    @cached_property
    def targets(self) -> DeploymentReader:
        """What finds and renders targets, and remembers: one for the life of the guard."""
        from bot.wiring.targets import reader, renderers

        return reader(self.opened, self.renderers or renderers(self.opened.options))

    @property
    def rendered_comment(self) -> bool:
        """Whether rendered differences are kept in a comment too.

        Without a setting: where the token is a bot's own. In GitHub Actions (docs.github.com, "Variables reference":
        ``GITHUB_ACTIONS``) the workflow that init writes may only read pull requests, and the check says the same.
        """
        comment_setting = self.opened.settings.guard.rendered_comment
        return not _in_actions(self) if comment_setting is None else comment_setting

    def rendering_for(self, base: str) -> RenderChange:
        """What renders a change, by the settings that the commit ``base`` has."""
        return rendering_at(self.opened, base, self.targets, self.clock)

    def rules_for(self, base: str) -> RuleBook:
        """The rule book as it stands at the commit ``base``."""
        return rules_of(self.opened, base)


def _in_actions(guard: Guard) -> bool:
    return guard.opened.options.environment.get("GITHUB_ACTIONS") == "true"


def _is_without_rights(guard: Guard, *, keeps_artifact: bool) -> bool:
    """Whether a run for a fork is expected to have a token that may only read.

    Actions tells it by the event. Elsewhere only what is kept is published by another run. Whoever has no right to publish
    for any other reason, as the run that publishes, has made a mistake.
    """
    from bot.wiring.actions import runs_for_strangers

    for_strangers = runs_for_strangers(guard.opened.options.environment)
    return keeps_artifact if for_strangers is None else for_strangers


def review(
    guard: Guard,
    number: int,
    *,
    mode: Mode | None = None,
    comment: bool = False,
    keeps_artifact: bool = False,
    claims: Claims | None = None,
) -> Reviewed:
    """Judge pull request ``number`` by the rules of its base and publish the check on its head.

    The head of a pull request from a fork is on no branch of the repository: it is fetched by its own ref. ``keeps_artifact``:
    what is judged is kept for another run, which publishes it.
    """
    from bot.flows.head_check import review_pull
    from bot.flows.shared_head import Twin

    guard.repository.fetch()
    pulls = guard.host.pulls()
    pull = next((candidate for candidate in pulls if candidate.number == number), None) or guard.host.pull(number)
    if guard.opened.git is not None and guard.repository.resolve(pull.head_sha) is None:
        guard.opened.git.fetch_ref(guard.host.head_ref(number))
    return review_pull(
        pull,
        review_context(guard, pull.base_sha, mode),
        session_id=secrets.token_hex(16),
        comment=comment,
        rendered_comment=guard.rendered_comment,
        reads_only=pull.forked and _is_without_rights(guard, keeps_artifact=keeps_artifact),
        claims=claims,
        twins=[Twin(twin, review_context(guard, twin.base_sha, mode)) for twin in twins_of(pull, pulls)],
    )


def twins_of(pull: PullRequest, pulls: Iterable[PullRequest]) -> list[PullRequest]:
    """The other open pull requests with the same head, by number."""
    twins = [
        candidate for candidate in pulls if candidate.head_sha == pull.head_sha and candidate.number != pull.number
    ]
    return sorted(twins, key=lambda candidate: candidate.number)


def review_queue(guard: Guard, queued: QueuedHead, *, mode: Mode | None = None) -> Reviewed:
    """Judge what the merge queue would make of a branch, by the rules that the branch has now."""
    from bot.flows.head_check import review_queued

    base = guard.repository.head(queued.base)
    if base is None:
        raise Invalid(f"the queue's branch {queued.ref} is for {queued.base!r}, which is no branch")
    return review_queued(queued, base, review_context(guard, base, mode), session_id=secrets.token_hex(16))


def queued_heads(guard: Guard) -> Sequence[QueuedHead]:
    """What waits in merge queues now."""
    from bot.flows.merge_queue import queued

    guard.repository.fetch()
    return queued(guard.repository, guard.host.facts())


def review_context(guard: Guard, base: str, mode: Mode | None = None) -> ReviewContext:
    """Where heads are judged against the commit ``base``, by its rules and settings."""
    from bot.flows.head_check import ReviewContext

    return ReviewContext(
        host=guard.host,
        repository=guard.repository,
        rules=guard.rules_for(base),
        mode=mode or guard.mode,
        clock=guard.clock,
        assistants=guard.assistants,
        required=guard.required,
        store=guard.store,
        agents=guard.agents,
        name=guard.opened.settings.guard.check,
        full_name=guard.opened.name,
        render=guard.rendering_for(base),
        mask_key=guard.opened.secrets.marker or b"",
    )


def rules_of(open_repo: OpenRepository, base: str) -> RuleBook:
    """The rule book of a repository as it stands at the commit ``base``."""
    from bot.flows.review import rules_at
    from bot.guardrails.rule import GuardOptions
    from bot.shipped import files

    settings = open_repo.settings.guard
    options = GuardOptions(
        private_packages=tuple(settings.known_packages),
        public_ports=frozenset(settings.public_ports),
        large_delete=settings.large_delete,
        generated=tuple(settings.generated),
        largest_file=settings.largest_file,
        projects=named_projects(open_repo.settings),
    )
    return rules_at(open_repo.repository, base, shipped=files("policies", "guardrails/**/*.md"), options=options)


def blocked_merges(open_repo: OpenRepository, base: str, head: str, clock: Clock) -> tuple[str, ...]:
    """What guardrails block of what came between two commits, a line each; nothing unless one of them says strict."""
    from bot.flows import merged_changes
    from bot.flows.review import facts_of, review
    from bot.model.finding import Change, Enforce, Finding, Mode
    from bot.model.session import ReviewRequest

    at = {commit: _settings_or_strict(open_repo, commit) for commit in (base, head)}
    if base == head or all(settings.guard.mode is not Mode.STRICT for settings in at.values()):
        return ()

    def blocks(change: Change, *, by: str) -> tuple[Finding, ...]:
        settings = at.setdefault(by, _settings_or_strict(open_repo, by))
        rules = rules_of(replace(open_repo, settings=settings), by)
        request = ReviewRequest(change=change, mode=Mode.STRICT, repository=open_repo.name)
        facts = facts_of(open_repo.repository, change, rules.options)
        result = review(request, rules=rules, clock=clock, session_id=secrets.token_hex(16), facts=facts)
        return tuple(finding for finding in result.findings if finding.enforce is Enforce.BLOCK)

    findings = merged_changes.blocking_findings(open_repo.repository, base, head, blocks)
    return tuple(f"{finding.file}:{finding.line}: {finding.rule}: {finding.message}" for finding in findings)


def _settings_or_strict(open_repo: OpenRepository, commit: str) -> Settings:
    """The settings at a commit; the defaults in strict mode where those have a mistake, which loosens nothing."""
    from bot.model.finding import Mode

    try:
        return settings_at(open_repo.options, open_repo.repository, commit)
    except Invalid:
        settings = load(None)
        return settings.model_copy(update={"guard": settings.guard.model_copy(update={"mode": Mode.STRICT})})


def rendering_at(
    open_repo: OpenRepository, base: str, targets: DeploymentReader, clock: Clock, *, committed: bool = True
) -> RenderChange:
    """What renders a change of ``open_repo``: targets and files by the settings at ``base``, with the memory of ``targets``.

    Where its head is not ``committed``, its files are laid over the base.
    """
    from bot.flows.rendering import rendered_changes, rendered_files
    from bot.wiring.reconcile import selection as files_of
    from bot.wiring.targets import selection

    settings = settings_at(open_repo.options, open_repo.repository, base)
    before = replace(open_repo, settings=settings)
    return partial(
        rendered_changes if committed else rendered_files,
        repository=open_repo.repository,
        reader=replace(targets, selection=selection(before)),
        selection=files_of(before),
        clock=clock,
    )


def local_commits(options: Options, base: str, hidden: Secrets | None = None) -> OpenRepository:
    """The commits of the repository that a folder lies in, with the settings of ``base``; nothing is fetched or pushed."""
    folder = Path(options.repo)
    history = local_history(folder)
    settings, name = settings_at(options, history, base), folder.resolve().name
    branch = options.branch or _checked_out(history)
    return OpenRepository(options, history, None, origin(folder), settings, hidden or Secrets(), branch, name)


def _checked_out(history: Repository) -> str:
    """The branch that a checkout is on; HEAD where it is on none, as in a CI job."""
    try:
        return history.default_branch()
    except Invalid:
        return "HEAD"


def assistant_of(choice: AssistantSettings, environment: Mapping[str, str], clock: Clock) -> Assistant:
    """The assistant that settings name."""
    if choice.kind not in ASSISTANTS:
        from bot.ports import PluginContext
        from bot.wiring import plugins

        return plugins.assistant(choice.kind, PluginContext(choice.options, environment, clock))
    from bot.assistants.choose import choose

    return choose(
        choice.kind,
        name=choice.name,
        command=choice.command,
        base_url=choice.base_url,
        model=choice.model,
        key_variable=choice.key_env,
        deadline_seconds=choice.timeout,
        confinement=choice.confinement,
        readable=choice.readable,
        environment=environment,
        sleep=clock.sleep,
    )


def open_guard(settings: Path | None, repo: str | None) -> Guard:
    """The guard of a repository on a code host."""
    from bot.wiring.host import open_host

    open_repo = open_repository(Options(repo=repo or ".", settings=settings))
    clock = SystemClock()
    host = open_host(open_repo, clock)
    if host is None:
        raise Invalid(
            f"{open_repo.name} is on no code host that Clockwork knows",
            advice="Name it with github.api_url and repository in clockwork.yaml, or use `clockwork guard diff`.",
        )
    return Guard(open_repo, host, clock)
