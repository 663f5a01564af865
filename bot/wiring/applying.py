"""What ``clockwork apply`` carries plans out with: an applier for each platform, where a target is observed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from bot import processes
from bot.errors import Refused
from bot.flows.action_plan import HooksRan, TargetPlan, plans
from bot.flows.applied import last_applied
from bot.flows.apply_journal import Holder, hook_runs
from bot.flows.applying import ApplyContext, carry_out
from bot.flows.memory import stopped
from bot.flows.observation import Assessment
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.action import AppliedAction, AppliedPlan
from bot.model.ledger import Actor
from bot.ports import Signature
from bot.report.actions import applied_summary
from bot.safety.history import history_of
from bot.wiring.actor import actor
from bot.wiring.appliers import appliers_of, apply_settings
from bot.wiring.guard import blocked_merges
from bot.wiring.ledger import ledger, limits
from bot.wiring.reconcile import assessment_of, open_pushed
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    credentials,
    repository_to_read,
    signer,
)
from bot.wiring.verifying import AppliedVerification, verification_of

_SETTLING: Final = 30.0
"""Seconds that may pass until what is healthy also reads as declared."""
JOURNALS: Final = "refs/clockwork/applies/"
"""Below it the journal of each target, by its name."""
_UNNAMED: Final = "_"


@dataclass
class Application:
    """One look at what has to be applied, and what carries it out."""

    opened: OpenRepository
    assessment: Assessment
    force_conflicts: bool = False
    tasks: tuple[str, ...] = ()
    reached: Callable[[str], None] = field(default=lambda _step: None, repr=False)

    @cached_property
    def plans(self) -> tuple[TargetPlan, ...]:
        """The plan of each target that was compared."""
        return plans(self.assessment, hooks_ran(self.opened), tasks=self.tasks)

    @property
    def commit(self) -> str:
        """What is applied."""
        return self.assessment.declaration.commit

    def check(self) -> None:
        """Raise ``Refused`` under a halt, and where rules block what would be applied."""
        open_repo, clock = self.opened, SystemClock()
        if (stop := stopped(ledger(open_repo).read(), limits(open_repo.settings), clock.now())) is not None:
            raise Refused(f"Nothing was applied. {stop}")
        before = last_applied(open_repo.repository, open_repo.options.target)
        if before is not None and (reasons := blocked_merges(open_repo, before, self.commit, clock)):
            raise Refused(
                "\n  ".join(
                    ["Nothing was applied, because guardrails block what came since the last apply:", *reasons]
                ),
                advice=f"Fix it, or accept it in a pull request of its own (`clockwork guard baseline {before[:12]}`).",
            )

    @cached_property
    def _agreed(self) -> AbstractSet[str]:
        """The names of the plans that people agreed to by ``/clockwork apply``."""
        return history_of(ledger(self.opened).read()).agreed.keys()

    def carry_out(
        self,
        plan: TargetPlan,
        *,
        approved: bool,
        unattended: bool = False,
        tell: Callable[[AppliedAction], None] = lambda _ended: None,
    ) -> AppliedPlan:
        """Carry out the plan of one target, which people may have agreed to in a comment; see
        :func:`bot.flows.applying.carry_out`.
        """
        target = plan.actions.target
        settings = apply_settings(self.opened, target)
        context = ApplyContext(
            ledger=journal_of(self.opened, target),
            applier=appliers_of(
                self.opened,
                self.assessment.declaration,
                target,
                actions=plan.actions.actions,
                force_conflicts=self.force_conflicts,
            ),
            clock=SystemClock(),
            actor=actor(self.opened.options, Actor("clockwork")),
            limits=limits(self.opened.settings),
            new_id=lambda: uuid.uuid4().hex,
            holder=Holder(processes.own_identity(), processes.has_ended),
            step_timeout=settings.step_timeout,
            tell=tell,
            reached=self.reached,
        )
        approved = approved or plan.actions.name in self._agreed
        return carry_out(plan, context, approved=approved, unattended=unattended)

    def attempt(
        self,
        plan: TargetPlan,
        *,
        approved: bool,
        unattended: bool = False,
        tell: Callable[[AppliedAction], None] = lambda _ended: None,
    ) -> AppliedPlan:
        """As :meth:`carry_out`, where a refusal is a result, so that other targets go on."""
        try:
            return self.carry_out(plan, approved=approved, unattended=unattended, tell=tell)
        except Refused as exc:
            return AppliedPlan(refused=str(exc))

    def verify(self, done_lines: Sequence[str] = (), *, is_complete: bool = True) -> AppliedVerification:
        """Look again and write on the commit how that ended and what was done (``done_lines``).

        Where ``is_complete``, the plan was done as a whole, it looks for a while as long as something differs. Where only
        some tasks were chosen, they alone are looked at, and nothing is written.
        """
        verify_within = verification_of(self.opened, publish=not self.tasks, done_lines=done_lines, tasks=self.tasks)
        return verify_within(_SETTLING if is_complete else 0)


def open_application(options: Options, *, force_conflicts: bool = False, tasks: Sequence[str] = ()) -> Application:
    """Look at what the branch declares and at what runs, to apply it, or only what is about some ``tasks``."""
    open_repo = open_pushed(options)
    return Application(open_repo, assessment_of(open_repo)(), force_conflicts, tuple(tasks))


def after_merge(options: Options, tell: Callable[[AppliedAction], None] = lambda _ended: None) -> Unattended | None:
    """Apply, with nobody there, every target whose settings say ``after_merge``, and tell the pull requests that were merged
    how it ended and what waits. None where there is nothing to do and nothing to tell.
    """
    application = open_application(options)
    open_repo = application.opened
    plans_chosen = [
        target_plan
        for target_plan in application.plans
        if apply_settings(open_repo, target_plan.actions.target).after_merge
    ]
    applied_before = last_applied(open_repo.repository, options.target)
    if not any(target_plan.actions.actions for target_plan in plans_chosen) and applied_before == application.commit:
        return None
    ended, sentences = _unattended(application, plans_chosen, tell)
    is_complete = all(applied_plan.is_complete for applied_plan in ended)
    return Unattended(tuple(ended), application.verify(sentences, is_complete=is_complete))


def _unattended(
    application: Application, chosen_plans: Sequence[TargetPlan], tell: Callable[[AppliedAction], None]
) -> tuple[list[AppliedPlan], list[str]]:
    """What became of each plan, and the sentences about that; one refusal where nothing may be applied at all."""
    try:
        if any(target_plan.actions.actions for target_plan in chosen_plans):
            application.check()
    except Refused as exc:
        return [AppliedPlan(refused=str(exc))], refusal(str(exc))
    ended = [
        application.attempt(target_plan, approved=False, unattended=True, tell=tell) for target_plan in chosen_plans
    ]
    name = application.opened.name
    return ended, [
        line
        for target_plan, applied_plan in zip(chosen_plans, ended, strict=True)
        for line in sentences_of(target_plan, applied_plan, name)
    ]


@dataclass(frozen=True, slots=True)
class Unattended:
    """What an apply with nobody there came to."""

    ended: tuple[AppliedPlan, ...]
    verification: AppliedVerification

    @property
    def refused(self) -> str:
        """Why some of it was refused as a whole."""
        return "\n".join(attempt.refused for attempt in self.ended if attempt.refused)


def sentences_of(plan: TargetPlan, applied_plan: AppliedPlan, name: str) -> list[str]:
    """What became of the plan of a target (of the repository called ``name``), and how people agree to what waits for that;
    what a change window or failures hold back waits for something else.
    """
    title = plan.actions.target or name
    if applied_plan.refused:
        return refusal(f"{title}: {applied_plan.refused}")
    asks = f" To agree, comment `/clockwork apply {plan.actions.name}`." if applied_plan.asking else ""
    return [f"{title}: {applied_summary(applied_plan)}{asks}"]


def refusal(text: str) -> list[str]:
    """The sentences of a refusal: what was refused, each reason, and what to do."""
    return [line for raw_line in text.splitlines() if (line := raw_line.strip())]


def hooks_ran(open_repo: OpenRepository) -> HooksRan:
    """Tells which hooks ran for a target; none where the repository is pushed nowhere."""
    return lambda target: () if open_repo.git is None else hook_runs(journal_of(open_repo, target).read())


def open_planning(options: Options, *, pushed: bool) -> tuple[Callable[[], Assessment], HooksRan]:
    """What compares the files of a folder as they are (or a branch, where that is ``pushed``), and which hooks ran there."""
    open_repo = open_pushed(options) if pushed else repository_to_read(options)
    return assessment_of(open_repo), hooks_ran(open_repo)


def journal_of(open_repo: OpenRepository, target: str) -> GitLedger:
    """The journal of a target, in a clone of its own."""
    remote, ref = open_repo.remote or "", f"{JOURNALS}{target or _UNNAMED}"
    return GitLedger(
        remote,
        cache_folder(open_repo.options, f"{ref} {remote}"),
        credentials=credentials(open_repo.secrets, remote),
        ref=ref,
        author=Signature(open_repo.settings.author.name, open_repo.settings.author.email),
        signer=signer(open_repo.settings),
    )
