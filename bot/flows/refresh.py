"""Whether an open pull request of ours no longer fits the branch it asks to be merged into. Asked by the plan.

Git alone tells: where the branch changed a file that the pull request changes too, since the two parted, it is made again
from the new head, and so is one whose branch has no commit of its own any more. GitHub would call it in conflict, or merge
two edits that nobody looked at together.
"""

from __future__ import annotations

from bot.flows.declare import Declaration
from bot.flows.memory import Situation
from bot.model.codehost import PullRequest
from bot.model.proposal import branch_of


def outdated(pull: PullRequest, declaration: Declaration, situation: Situation) -> bool:
    """Whether ``pull`` has to be made again. One that people pointed at another branch is theirs to merge."""
    repository, base = situation.declarer.repository, declaration.commit
    if pull.marker is None or pull.base_ref not in {"", situation.memory.branch}:
        return False
    tip = repository.head(branch_of(pull.marker.key, situation.memory.prefix))
    start = None if tip is None else repository.merge_base(base, tip)
    if tip is None or start is None:
        return False
    if start == tip:
        return True  # somebody reset it: merging it would change nothing
    if start == base:
        return False
    proposed = {path for change in repository.changed(start, tip) for path in (change.path, change.old_path)}
    moved = {path for change in repository.changed(start, base) for path in (change.path, change.old_path)}
    return bool((proposed & moved) - {None})
