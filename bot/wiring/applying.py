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
from bot.flows.action_plan import TargetPlan, plans
from bot.flows.applied import APPLIED
from bot.flows.apply_journal import Holder
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
from bot.wiring.guard import unmet
from bot.wiring.ledger import ledger, limits
from bot.wiring.reconcile import assessment_of, open_pushed
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    cache_folder,
    credentials,
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
                advice="Fix it, or accept it in a pull request (`clockwork guard accept`).",
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

    def verify(self, done: Sequence[str] = (), *, whole: bool = True) -> AppliedVerification:
        """Look again, where the ``whole`` plan was done for a while as long as something differs, and write on the commit how
        that ended and what was done.
        """
        return verification_of(self.opened, publish=True, done=done)(_SETTLING if whole else 0)


def open_application(options: Options, *, force_conflicts: bool = False) -> Application:
    """Look at what the branch declares and at what runs, to apply it."""
    opened = open_pushed(options)
    return Application(opened, assessment_of(opened)(), force_conflicts)


def after_merge(options: Options, tell: Callable[[AppliedAction], None] = lambda _ended: None) -> Unattended | None:
    """Apply, with nobody there, every target whose settings say ``after_merge``, and tell the pull requests that were merged
    how it ended and what waits. None where there is nothing to do and nothing to tell.
    """
    application = open_application(options)
    opened = application.opened
    chosen = [each for each in application.plans if apply_settings(opened, each.actions.target).after_merge]
    if not any(each.actions.actions for each in chosen) and opened.repository.head(APPLIED) == application.commit:
        return None
    if any(each.actions.actions for each in chosen):
        application.check()
    ended = [(each, application.carry_out(each, approved=False, unattended=True, tell=tell)) for each in chosen]
    sentences = [sentence(each, done, opened.name) for each, done in ended]
    return Unattended(
        tuple(done for _, done in ended), application.verify(sentences, whole=all(done.whole for _, done in ended))
    )


@dataclass(frozen=True, slots=True)
class Unattended:
    """What an apply with nobody there came to."""

    ended: tuple[AppliedPlan, ...]
    verification: AppliedVerification


def sentence(plan: TargetPlan, done: AppliedPlan, name: str) -> str:
    """What became of the plan of a target (of the repository called ``name``), and how people agree to what waits for that;
    what a change window or failures hold back waits for something else.
    """
    asking = any(action.approval for action in done.waiting)
    asks = f" To agree, comment `/clockwork apply {plan.actions.name}`." if asking else ""
    return f"{plan.actions.target or name}: {applied_summary(done)}{asks}"


def journal_of(opened: OpenRepository, target: str) -> GitLedger:
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
