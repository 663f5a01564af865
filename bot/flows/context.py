"""What a run writes with, and the steps after which it may die. Made by wiring, handed to every flow that writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bot.errors import Invalid
from bot.model.decision import NOBODY, Attention
from bot.model.ledger import Actor
from bot.model.proposal import PREFIX
from bot.model.resource import ResourceId
from bot.ports import Applier, Clock, CodeHost, Ledger, Repository, Signature
from bot.safety.limits import Limits

if TYPE_CHECKING:
    from bot.flows.declare import Declaration

STEPS: Final = (
    "recovered",
    "rejection",
    "intent",
    "commit",
    "push",
    "restored",
    "branch-commit",
    "branch-push",
    "pull",
    "issue",
    "outcome",
    "handed-over",
    "closing",
    "closed",
    "branch-deleted",
)
"""Every step after which a run may die; the next run, on whichever runner, must find its way from each of them."""


class Messages(Protocol):
    """Message texts by template name."""

    def render(self, name: str, **values: object) -> str: ...


def _nothing_reached(_declaration: Declaration, _target: str) -> Callable[[ResourceId], Applier | None]:
    return lambda _resource: None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run writes with. ``reached`` is called with the name (one of :data:`STEPS`) of every step just completed."""

    repository: Repository
    ledger: Ledger
    host: CodeHost | None
    texts: Messages
    clock: Clock
    actor: Actor
    author: Signature
    branch: str
    limits: Limits
    new_id: Callable[[], str]
    labels: tuple[str, ...] = ("clockwork",)
    prefix: str = PREFIX
    """What our branches' names begin with."""
    dashboard: bool | None = False
    """Whether one issue says what stands; None for a run that sees only a part of it, and leaves that issue alone."""
    attention: Attention = NOBODY
    """Whom every new pull request and issue is given to."""
    assign_owners: bool = False
    """Whether issues are assigned to the owners of the file."""
    run_link: str | None = None
    commit_url: Callable[[str], str | None] = lambda _sha: None
    appliers: Callable[[Declaration, str], Callable[[ResourceId], Applier | None]] = _nothing_reached
    """What restores the resources of a target as a commit declares them."""
    reached: Callable[[str], None] = lambda _step: None

    def head(self) -> str:
        """The commit that the branch is at. ``Invalid`` where there is no such branch."""
        if (head := self.repository.head(self.branch)) is None:
            raise Invalid(f"the repository has no branch {self.branch}", advice="Push a first commit.")
        return head
