"""What of a workflow's expressions a stranger writes: titles, bodies, branch names, commit messages.

Sources: GitHub documentation, "Script injections" (contexts that end in body, title, ref, label, message, name, email,
page_name, default_branch should be treated as untrusted) and "Webhook events and payloads"; GitHub Security Lab,
"Untrusted input" and "Preventing pwn requests".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from bot.intake.actions import (
    ANY,
    Call,
    ContextReference,
    Expression,
    ExpressionLiteral,
    ExpressionOperation,
    Part,
    embedded,
    parts_of,
)

Names: TypeAlias = frozenset[str]
"""Names of variables, in lower case."""

_Path: TypeAlias = tuple[str, ...]


def _paths(*texts: str) -> tuple[_Path, ...]:
    return tuple(tuple(text.split(".")) for text in texts)


_COMMITTED: Final = ("", "workflow_run.", "check_suite.", "merge_group.")
TEXTS: Final = _paths(
    *(f"github.event.{item}.{part}" for item in ("issue", "pull_request", "discussion") for part in ("title", "body")),
    *(f"github.event.{item}.body" for item in ("comment", "review", "review_comment")),
    *(f"github.event.changes.{part}.from" for part in ("title", "body")),
    *(f"github.event.changes.{item}.{part}" for item in ("new_issue", "new_discussion") for part in ("title", "body")),
    "github.event.answer.body",
    "github.event.pages.*.page_name",
    *(
        f"github.event.{commit}.{part}"
        for commit in ("commits.*", *(f"{owner}head_commit" for owner in _COMMITTED))
        for part in ("message", "author.name", "author.email", "committer.name", "committer.email")
    ),
    *(
        f"github.event.pull_request.head.{part}"
        for part in ("ref", "label", "repo.default_branch", "repo.description", "repo.homepage")
    ),
    *(f"github.event.workflow_run.{part}" for part in ("head_branch", "display_title", "head_repository.description")),
    "github.event.workflow_run.pull_requests.*.head.ref",
    *(
        f"github.event.{item}.{part}"
        for item in ("release", "discussion_comment")
        for part in ("name", "body", "tag_name")
    ),
    "github.head_ref",
)
"""Where a stranger's text stands; ``*`` is any part."""

HEADS: Final = _paths(
    *(f"github.event.pull_request.head.{part}" for part in ("sha", "ref")),
    "github.event.pull_request.merge_commit_sha",
    "github.event.pull_request.number",
    "github.event.number",
    "github.event.issue.number",
    "github.head_ref",
    *(f"github.event.workflow_run.{part}" for part in ("head_sha", "head_branch", "head_commit.id")),
    "github.event.workflow_run.pull_requests.*.head.sha",
    "github.event.workflow_run.pull_requests.*.head.ref",
)
"""What names the head of a pull request."""

REPOSITORIES: Final = _paths(
    *(
        f"github.event.{repository}.{part}"
        for repository in ("pull_request.head.repo", "workflow_run.head_repository")
        for part in ("full_name", "clone_url", "git_url", "ssh_url", "html_url", "url", "svn_url")
    ),
)
"""What names the repository that a pull request comes from."""

_HARMLESS: Final = frozenset(
    {"contains", "startswith", "endswith", "hashfiles", "success", "failure", "always", "cancelled"}
)
"""Functions whose result is a truth value or a digest."""


@dataclass(frozen=True, slots=True)
class ContextNames:
    """Which names of which contexts hold something, at one level of a workflow. What the levels around it hold it holds too,
    but for names that it hides. A question costs the same however much is held.
    """

    around: ContextNames | None = None
    _names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _wholes: set[str] = field(default_factory=set)
    """The contexts and what they are parts of."""
    hidden: Names = frozenset()
    """Variables of the environment that are set anew here."""

    def add(self, context: str, names: Iterable[str]) -> None:
        """Let these names of a context hold something."""
        added = set(names)
        if added:
            self._names[context] |= added
            parts = context.split(".")
            self._wholes.update(".".join(parts[:number]) for number in range(1, len(parts) + 1))

    def holds_name(self, context: str, name: str) -> bool:
        """Whether a name of a context does."""
        if name in self._names.get(context, ()):
            return True
        is_hidden = context == ENVIRONMENT and name in self.hidden
        return self.around is not None and not is_hidden and self.around.holds_name(context, name)

    def holds_any(self, context: str) -> bool:
        """Whether any name of a context does."""
        return bool(self._names.get(context)) or (self.around is not None and self.around.holds_any(context))

    def holds_within(self, expression_text: str) -> bool:
        """Whether any name does of a context, or of those that are parts of it."""
        return expression_text in self._wholes or (
            self.around is not None and self.around.holds_within(expression_text)
        )


ENVIRONMENT: Final = "env"


def names_any(text: str, paths: tuple[_Path, ...], held_values: ContextNames | None = None) -> bool:
    """Whether an expression in the text refers to one of ``paths``, or to one of ``held_values``."""
    return any(
        any(_meets(reference.path, path) for path in paths)
        or (held_values is not None and _is_written_in(reference.path, held_values))
        for expression in embedded(text)
        if expression.tree is not None
        for reference in references(expression.tree)
    )


def references(tree: Expression) -> Iterator[ContextReference]:
    """Every value of a context that an expression looks at."""
    return (part for part in parts_of(tree) if isinstance(part, ContextReference))


def is_written(tree: Expression, variables: ContextNames) -> bool:
    """Whether the value may be text that a stranger wrote, as ``variables`` hold.

    ``a && b`` is ``b`` or something false, ``a || b`` either side; comparisons give a truth value.
    """
    match tree:
        case ExpressionLiteral():
            return False
        case ContextReference(path=path):
            return _is_written_in(path, variables) or any(_meets(path, text) for text in TEXTS)
        case ExpressionOperation(sign="||", left=left, right=right):
            return is_written(right, variables) or (left is not None and is_written(left, variables))
        case ExpressionOperation(sign="&&", right=right):
            return is_written(right, variables)
        case ExpressionOperation():
            return False
        case Call(name=name, arguments=arguments):
            if name in _HARMLESS:
                return False
            check = _contains if name in {"tojson", "fromjson"} else is_written
            return any(check(argument, variables) for argument in arguments)
        case Part(of=of):
            return _contains(of, variables)
        case _ as never:
            assert_never(never)


def _contains(tree: Expression, variables: ContextNames) -> bool:
    """Whether a stranger's text is the value, or anywhere in it."""
    if isinstance(tree, ContextReference):
        if variables.holds_within(".".join(tree.path)):
            return True
        return _is_written_in(tree.path, variables) or any(_meets(tree.path, text[: len(tree.path)]) for text in TEXTS)
    return is_written(tree, variables)


def _is_written_in(path: _Path, variables: ContextNames) -> bool:
    context = ".".join(path[:-1])
    return variables.holds_any(context) if path[-1] == ANY else variables.holds_name(context, path[-1])


def _meets(path: _Path, second: _Path) -> bool:
    return len(path) == len(second) and all(
        part == other_part or ANY in {part, other_part} for part, other_part in zip(path, second, strict=True)
    )
