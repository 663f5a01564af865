"""Everything a guarded run needs: where it happens, which tool does it, and where its output may go."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid
from bot.flows.guarded_run import GuardedRunContext, process_request
from bot.gitrepo.checkout import apply
from bot.gitrepo.repository import GitRepository
from bot.intake.declared import suggestion
from bot.model.choices import AI_PROGRAMS
from bot.model.guarded import AIRequest, AIResult
from bot.model.proposal import TakenAction
from bot.ports import Clock, Drafter, Signature
from bot.settings import secrets as secrets_of
from bot.settings.sections import AssistantSettings
from bot.wiring.guard import assistant_of, local_commits, rendering_at, rules_of
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    credentials,
    is_files,
    local_history,
    open_repository,
)
from bot.wiring.workers import not_stored, open_queue

if TYPE_CHECKING:
    from bot.flows.context import RunContext
    from bot.flows.deployment import DeploymentReader
    from bot.sessions.queue import QueuedStore


@dataclass(frozen=True)
class GuardedRuns:
    """Guarded runs on one repository, from the commit ``base``. Close it at the end."""

    opened: OpenRepository
    base: str
    clock: Clock
    timeout: float | None = None
    """Seconds for a tool, instead of its settings'."""

    def process(self, request: AIRequest, *, evidence: Sequence[str] = ()) -> AIResult:
        """See :func:`bot.flows.guarded_run.process_request`."""
        drafter = self.drafter(request.tool)
        return process_request(request, self.context, drafter, secret=secrets.token_hex(16), evidence=evidence)

    def drafter(self, tool: str) -> Drafter:
        """The assistant of that name or kind. ``Invalid`` where there is none, or one that cannot write."""
        environment = self.opened.options.environment
        drafter = assistant_of(self._choice(tool), environment, self.clock)
        if not isinstance(drafter, Drafter):
            raise Invalid(f"assistant {tool} only reviews", advice="Name another one with --tool.")
        return drafter

    def _choice(self, tool: str) -> AssistantSettings:
        configured = self.opened.settings.guard.assistants
        choice = next((assistant for assistant in configured if tool == assistant.name), None)
        choice = choice or next((assistant for assistant in configured if tool == assistant.kind), None)
        if choice is None and tool in AI_PROGRAMS:
            choice = AssistantSettings(kind=tool)
        if choice is None:
            names = list(dict.fromkeys([*(assistant.name or assistant.kind for assistant in configured), *AI_PROGRAMS]))
            hint = suggestion(tool or "", names)
            advice = f"{hint} Known: {', '.join(names)}; see guard.assistants in the settings.".strip()
            raise Invalid(f"there is no assistant {tool!r}", advice=advice)
        return choice if self.timeout is None else choice.model_copy(update={"timeout": self.timeout})

    @cached_property
    def context(self) -> GuardedRunContext:
        """Where the runs happen."""
        return GuardedRunContext(
            repository=self.opened.repository,
            base=self.base,
            rules=rules_of(self.opened, self.base),
            clock=self.clock,
            store=self.store,
            render=rendering_at(self.opened, self.base, self._targets(), self.clock, committed=False),
            name=self.opened.name,
        )

    def _targets(self) -> DeploymentReader:
        from bot.wiring.targets import reader, renderers

        return reader(self.opened, renderers(self.opened.options))

    @cached_property
    def store(self) -> QueuedStore | None:
        """Where sessions are recorded; None where settings name no database and there is no remote, or no token for it."""
        open_repo = self.opened
        remote = open_repo.remote
        if open_repo.git is None and remote is not None and open_repo.settings.sessions.store == "git":
            if remote.startswith("http") and open_repo.secrets.token is None:
                return None
            open_repo = _pushing(open_repo, remote)
        in_git = open_repo.settings.sessions.store == "git"
        return None if in_git and open_repo.git is None else open_queue(open_repo)

    def apply(self, result: AIResult) -> Sequence[str]:
        """Write an approved result into the checkout; the paths that changed. See :func:`bot.gitrepo.checkout.apply`."""
        return apply(Path(self.opened.options.repo), self.base, _approved(result))

    @cached_property
    def run_context(self) -> RunContext:
        """What pull requests are opened with. ``Invalid`` without a token."""
        from bot.wiring.reconcile import run_context

        return run_context(self.opened, clock=self.clock)

    def check(self, request: AIRequest) -> None:
        """Raise ``Refused`` where a pull request for ``request`` could not be opened now."""
        from bot.flows.ai_proposal import check, task_of

        check(task_of(request), self.run_context)

    def propose(self, result: AIResult, request: AIRequest) -> TakenAction:
        """Open the one pull request with an approved result. See :func:`bot.flows.ai_proposal.propose`."""
        from bot.flows.ai_proposal import AIProposal, propose, task_of, title_of

        return propose(AIProposal(task_of(request), title_of(request), request, result), self.run_context)

    def close(self) -> int:
        """Wait until sessions are recorded, as far as they can be; how many are not in their store."""
        if "store" not in self.__dict__ or self.store is None:
            return 0
        self.store.close()
        counts = self.store.counts()
        return counts.dropped + counts.lost + counts.saved

    @property
    def not_stored(self) -> str | None:
        """A sentence about the sessions that are not in their store, once this is closed."""
        return None if "store" not in self.__dict__ or self.store is None else not_stored(self.store)


def _approved(result: AIResult) -> Mapping[str, bytes | None]:
    if not result.approved:
        raise Invalid("a blocked output is written nowhere")
    return result.parsed.files


def _pushing(open_repo: OpenRepository, remote: str) -> OpenRepository:
    """``open_repo`` with its remote to keep sessions on."""
    author = Signature(open_repo.settings.author.name, open_repo.settings.author.email)
    folder = cache_folder(open_repo.options, remote)
    git = GitRepository.open(remote, folder, credentials=credentials(open_repo.secrets, remote), author=author)
    return OpenRepository(
        open_repo.options, git, git, remote, open_repo.settings, open_repo.secrets, open_repo.branch, open_repo.name
    )


def open_runs(options: Options, *, remote: bool = False, timeout: float | None = None) -> GuardedRuns:
    """Guarded runs from the commit that a folder has checked out, or with ``remote``, or for a URL, from the branch there."""
    clock = SystemClock()
    if not remote and is_files(options):
        base = local_history(Path(options.repo)).resolve("HEAD")
        if base is None:
            raise Invalid(f"{options.repo} has no commit yet", advice="Commit something first.")
        return GuardedRuns(local_commits(options, base, secrets_of(options.environment)), base, clock, timeout)
    open_repo = open_repository(options)
    head = open_repo.repository.head(open_repo.branch)
    if head is None or open_repo.git is None:
        lacking = "remote" if open_repo.git is None else f"branch {open_repo.branch}"
        raise Invalid(
            f"{options.repo} has no {lacking}", advice="Name the remote with --repo URL, a branch with --branch."
        )
    return GuardedRuns(open_repo, head, clock, timeout)
