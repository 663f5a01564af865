"""META-002: what guards changes is taken away, switched off or made to say less.

The change itself is judged by the guard as it is at base; this tells what the next one would no longer be judged by:
workflows that run ``clockwork guard``, the settings below ``guard:``, guardrail documents, the baseline, hooks of pre-commit
that look for secrets, and what ``.gitattributes`` calls generated or vendored.

Sources of the hooks: pre-commit.com, "Adding pre-commit plugins to your project" (``hooks``, ``stages``, ``exclude``,
``files``) and the ``.pre-commit-hooks.yaml`` of each scanner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from bot.guardrails import classify
from bot.guardrails.classify import is_workflow
from bot.guardrails.detectors import guard_documents, guard_settings
from bot.guardrails.detectors.meta import SETTINGS
from bot.guardrails.exempt import ATTRIBUTES, exempted
from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit, Subject
from bot.guardrails.structure import Documents, Unparsed, parse_documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity

if TYPE_CHECKING:
    from bot.guardrails.detectors.guard_steps import GuardStep


def guard_weakened(subject: Subject) -> Iterable[Hit]:
    """META-002: the guard is taken away, switched off or made to say less."""
    yield from _workflows(subject)
    for delta in subject.deltas:
        if SETTINGS.search(delta.old_path) and delta.before is not None:
            yield from guard_settings.loosened(delta)
        if delta.path.rpartition("/")[2] == ATTRIBUTES and delta.after is not None:
            yield from _exempted(delta)
        yield from _unhooked(delta)
    yield from guard_documents.weakened(subject)


def _exempted(delta: Delta) -> Iterator[Hit]:
    """What the next changes need not be judged by most rules for. Where tools write by the name, it is a remark."""
    before = exempted(delta.old_path, delta.before or "")
    for glob in exempted(delta.path, delta.after or ""):
        if glob in before:
            continue
        text = f"{delta.path} says that {glob} is generated or vendored: most rules leave that out from now on."
        names = (glob.removeprefix("**/"), glob)
        lines = enumerate(delta.after_lines, 1)
        line = next(
            (
                at
                for at, attribute_line in lines
                if "linguist-" in attribute_line and attribute_line.lstrip(" /").startswith(names)
            ),
            1,
        )
        ordinary = classify.generated_form(glob) or classify.vendored_folder(glob) or classify.is_lock(glob)
        yield Hit(delta.path, line, text, anchor=f"exempt|{glob}", severity=Severity.LOW if ordinary else None)


def _workflows(subject: Subject) -> Iterator[Hit]:
    if not any(is_workflow(path) for delta in subject.deltas for path in (delta.old_path, delta.path)):
        return
    from bot.guardrails.detectors.guard_steps import CalledSteps, guard_steps

    base, head = map(CalledSteps, _readers(subject))
    before = [step for delta in subject.deltas for step in guard_steps(delta.old_path, delta.documents_before, base)]
    after = [step for delta in subject.deltas for step in guard_steps(delta.path, delta.documents_after, head)]
    deltas = {delta.old_path: delta for delta in subject.deltas}
    steps_by_workflow: dict[tuple[str, str], list[GuardStep]] = defaultdict(list)
    for step in after:
        steps_by_workflow[step.key].append(step)
    told_workflows: set[str | None] = set()
    for old in before:
        delta = deltas[old.file]
        new = _successor(old, steps_by_workflow[old.key], delta.path)
        hits = [_removed_step(delta, old)] if new is None else _weaker(old, new)
        for hit in hits:
            if hit.anchor not in told_workflows:
                told_workflows.add(hit.anchor)
                yield hit


def _readers(subject: Subject) -> tuple[Callable[[str], Documents], Callable[[str], Documents]]:
    """What gives the documents of a file before the change and after it: of those that it holds or its workflows call."""
    called = {path: parse_documents(data.decode("utf-8", "replace")) for path, data in subject.facts.called.items()}
    before = {delta.old_path: delta for delta in subject.deltas}
    after = {delta.path: delta for delta in subject.deltas}

    def old(path: str) -> Documents:
        return before[path].documents_before if path in before else called.get(path, ())

    def new(path: str) -> Documents:
        if path in after:
            return after[path].documents_after
        return () if path in before else called.get(path, ())

    return old, new


def _successor(old: GuardStep, candidates: Sequence[GuardStep], path: str) -> GuardStep | None:
    """What stands where the step stood: in its job, else in its file, else anywhere; the one that is weakened least.

    So a step that is weakened is told whatever else the change adds beside it.
    """

    def distance(step: GuardStep) -> tuple[int, int]:
        near = 0 if (step.file, step.job) == (path, old.job) else 1 if step.file == path else 2
        return near, len(step.laxities.keys() - old.laxities.keys())

    return min(candidates, key=distance, default=None)


def _weaker(old: GuardStep, new: GuardStep) -> Iterator[Hit]:
    for laxity, line in new.laxities.items():
        if laxity not in old.laxities:
            text = f"`clockwork guard {old.verb}` on {old.event} {laxity}."
            yield Hit(new.file, line, text, anchor=f"{old.verb}|{old.event}|{laxity}")


def _removed_step(delta: Delta, step: GuardStep) -> Hit:
    return Hit(
        delta.path,
        1,
        f"`clockwork guard {step.verb}` no longer runs on {step.event}: changes would be merged without being judged.",
        anchor=f"gone|{step.verb}|{step.event}",
        severity=Severity.CRITICAL,
    )


_HOOKS_FILE: Final = regex(r"(^|/)\.pre-commit-config\.ya?ml\Z")
_SCANS: Final = regex(
    r"\A(?:gitleaks|detect-secrets|trufflehog|talisman|ggshield|git-secrets|ripsecrets|whispers|kingfisher|noseyparker|secretlint|"
    r"betterleaks|detect-private-key|detect-aws-credentials|clockwork-guard)(?:-|\Z)"
)
_EVERYTHING: Final = regex(r"\A\^?(?:\.\*|\.\+|\.|\(\?:?\.\*\)|)\$?\Z")
_NOTHING: Final = regex(r"\A\^\$\Z")


def _unhooked(delta: Delta) -> Iterator[Hit]:
    """Each hook that found secrets at base and does not any more; one in place of another is as good."""
    if not _HOOKS_FILE.search(delta.old_path):
        return
    stays = delta.status is not FileStatus.REMOVED and _HOOKS_FILE.search(delta.path) is not None
    if stays and isinstance(delta.documents_after, Unparsed):
        return
    before, after = _secret_hooks(delta.documents_before), _secret_hooks(delta.documents_after) if stays else {}
    lost_names = [name for name in before if name not in after]
    gained = sum(1 for name in after if name not in before)
    for name in lost_names[gained:]:
        text = f"The hook {name[:60]} no longer looks at what is committed."
        yield Hit(delta.path, 1, text, anchor=f"hook|{name}")


def _secret_hooks(documents: Documents) -> Mapping[str, LinedNode]:
    """The hooks that look for secrets in every commit, by name."""
    return {
        hook.text_at("id"): hook
        for document in parsed(documents)[:1]
        for repository in document.elements("repos")
        for hook in repository.elements("hooks")
        if _SCANS.search(hook.text_at("id")) and _works(hook)
    }


def _works(hook: LinedNode) -> bool:
    """Whether the hook runs of itself, and on some file."""
    stages = [stage.raw for stage in hook.elements("stages")]
    excluded, files = hook.get("exclude"), hook.get("files")
    return (
        stages != ["manual"]
        and not (excluded is not None and excluded.raw and _EVERYTHING.match(excluded.raw))
        and not (files is not None and _NOTHING.match(files.raw))
    )
