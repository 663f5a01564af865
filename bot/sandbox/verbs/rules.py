"""Protected branches and rulesets: what they ask of a branch, and who may do without.

Protection is docs.github.com, "About protected branches" (administrators bypass it unless "Do not allow bypassing" is
on), rulesets are "Available rules for rulesets" (only who is on the bypass list does). The sentences are what ``git
push`` and the API print. Used by the endpoints, by git over HTTP and by the merge button.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pygit2

from bot.sandbox.backend import Repo
from bot.sandbox.bare_repositories import ZERO
from bot.sandbox.records import RuleRow, UserRow
from bot.sandbox.replies import ApiProblem

_BRANCH = "refs/heads/"
_PULL = "Changes must be made through a pull request."
_QUEUE = "Changes must be made through the merge queue"
_LOCKED = "Cannot update this protected ref."


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """What a new rule asks of the branches that match ``pattern`` (``*`` as in file names, ``~ALL``, ``~DEFAULT_BRANCH``).

    ``bypass`` are the logins that may do without; for a protection also administrators, unless ``admins`` is on.
    """

    pattern: str
    name: str = ""
    pull_request: bool = False
    checks: Sequence[str] = ()
    strict: bool = False
    locked: bool = False
    creation: bool = False
    deletion: bool = True
    rewrite: bool = True
    queue: bool = False
    bypass: Sequence[str] = ()


def add(repo: Repo, source: str, draft: RuleDraft) -> RuleRow:
    """A new rule. A branch has one protection: a second one for the same pattern takes the place of the first."""
    with repo.backend.store.transaction():
        if source == "protection":
            remove_protection(repo, draft.pattern)
        listed = {"checks": "\n".join(draft.checks), "bypass": ",".join(draft.bypass)}
        columns = {**asdict(draft), **listed, "name": draft.name or draft.pattern}
        key = repo.backend.store.insert("rule", repo_id=repo.id, source=source, **columns)
    return repo.backend.row(RuleRow, "SELECT * FROM rule WHERE id = ?", key)


def remove_protection(repo: Repo, pattern: str) -> bool:
    """Whether there was a protection for this pattern; there is none any more."""
    sql = "DELETE FROM rule WHERE repo_id = ? AND source = 'protection' AND pattern = ?"
    return repo.backend.store.run(sql, repo.id, pattern) > 0


def of_branch(repo: Repo, branch: str) -> list[RuleRow]:
    """Every rule about ``branch``, in the order in which they were made."""
    rows = repo.backend.store.all(RuleRow, "SELECT * FROM rule WHERE repo_id = ? ORDER BY id", repo.id)
    return [row for row in rows if _matches(row.pattern.removeprefix(_BRANCH), branch, repo.default_branch)]


def _matches(pattern: str, branch: str, default: str) -> bool:
    """GitHub matches with Ruby's ``File.fnmatch`` ("Managing a branch protection rule"): ``**`` crosses slashes, ``*`` none."""
    if pattern in ("~ALL", "~DEFAULT_BRANCH"):
        return pattern == "~ALL" or branch == default
    pattern_parts, branch_parts = pattern.split("/"), branch.split("/")
    if "**" in pattern_parts:
        return fnmatch.fnmatchcase(branch, pattern)
    return len(pattern_parts) == len(branch_parts) and all(map(fnmatch.fnmatchcase, branch_parts, pattern_parts))


def binding(repo: Repo, user: UserRow, branch: str) -> list[RuleRow]:
    """The rules about ``branch`` that ``user`` cannot do without."""
    return [rule for rule in of_branch(repo, branch) if not _bypasses(repo, user, rule)]


def _bypasses(repo: Repo, user: UserRow, rule: RuleRow) -> bool:
    if user.login.lower() in rule.bypass.lower().split(","):
        return True
    exempt = rule.source == "protection" and "~admins" not in rule.bypass.split(",")
    return exempt and repo.may(user, "admin")


def required_checks(rules: Sequence[RuleRow]) -> tuple[str, ...]:
    """The contexts that have to be green, each once."""
    return tuple(dict.fromkeys(name for rule in rules for name in rule.checks.splitlines()))


def _refusals(rule: RuleRow) -> list[tuple[str, str]]:
    """What nobody may do to a branch by this rule, and the sentence that says so."""
    refusals = []
    if rule.queue:
        refusals.append(("update", _QUEUE))
    if rule.pull_request:
        refusals.append(("update", _PULL))
    if rule.checks:
        refusals.append(("update", f'Required status check "{rule.checks.splitlines()[0]}" is expected.'))
    if rule.locked:
        refusals.append(("update", _LOCKED))
    if rule.creation:
        refusals.append(("creation", "Cannot create ref due to creations being restricted."))
    if rule.deletion:
        refusals.append(("deletion", "Cannot delete this protected branch"))
    if rule.rewrite:
        refusals.append(("rewrite", "Cannot force-push to this branch"))
    return refusals


def hook_lines(repo: Repo, user: UserRow, refs: Sequence[str]) -> str:
    """What the update hook refuses of a push to ``refs``: lines ``ref|kind|message``, ``~`` for a line break.

    A protection is told as GH006, a ruleset as GH013 with the page that lists its rules.
    """
    lines = []
    for ref in refs:
        if ref.startswith(_BRANCH):
            for rule in binding(repo, user, ref.removeprefix(_BRANCH)):
                lines += [
                    f"{ref}|{kind}|{_refusal_text(repo, rule, ref, refusal)}" for kind, refusal in _refusals(rule)
                ]
    return "\n".join(lines)


def _refusal_text(repo: Repo, rule: RuleRow, ref: str, refusal: str) -> str:
    if rule.source == "protection":
        return f"error: GH006: Protected branch update failed for {ref}.~error: {refusal}"
    page = repo.page(f"/rules?ref={ref.replace('/', '%2F')}")
    return (
        f"error: GH013: Repository rule violations found for {ref}.~Review all repository rules at {page}~- {refusal}"
    )


def require(repo: Repo, user: UserRow, ref: str, *, old: str, new: str, status: int = 422) -> None:
    """``status`` unless the rules let ``user`` move ``ref`` from ``old`` to ``new`` (all zeros: absent) through the API."""
    if not ref.startswith(_BRANCH):
        return
    kinds = _kinds(repo.git(), old, new)
    for rule in binding(repo, user, ref.removeprefix(_BRANCH)):
        for kind, refusal in _refusals(rule):
            if kind in kinds:
                text = refusal if rule.source == "protection" else f"Repository rule violations found\n\n{refusal}\n\n"
                raise ApiProblem(status, text)


def _kinds(git: pygit2.Repository, old: str, new: str) -> set[str]:
    """What the move does; a commit that is still to be written descends from ``old``."""
    if old == ZERO:
        return {"creation"}
    if new == ZERO:
        return {"deletion"}
    return {"update"} if new not in git or old == new or git.descendant_of(new, old) else {"update", "rewrite"}
