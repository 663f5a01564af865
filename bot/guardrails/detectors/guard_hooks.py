"""Hooks of pre-commit that look for secrets, or guard changes, and are taken away. A part of META-002.

Sources: pre-commit.com, "Adding pre-commit plugins to your project" (``hooks``, ``stages``, ``exclude``, ``files``) and the
``.pre-commit-hooks.yaml`` of each scanner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.guardrails.hunks import Delta
from bot.guardrails.rule import Hit
from bot.guardrails.structure import Documents, Unparsed, parsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.patterns import regex

CONFIGURATION: Final = regex(r"(^|/)\.pre-commit-config\.ya?ml\Z")
_SCANS: Final = regex(
    r"\A(?:gitleaks|detect-secrets|trufflehog|talisman|ggshield|git-secrets|ripsecrets|whispers|kingfisher|noseyparker|secretlint|"
    r"betterleaks|detect-private-key|detect-aws-credentials|clockwork-guard)(?:-|\Z)"
)
_EVERYTHING: Final = regex(r"\A\^?(?:\.\*|\.\+|\.|\(\?:?\.\*\)|)\$?\Z")
_NOTHING: Final = regex(r"\A\^\$\Z")


def unhooked(delta: Delta) -> Iterator[Hit]:
    """Each hook that found secrets at base and does not any more; one in place of another is as good."""
    if not CONFIGURATION.search(delta.old_path):
        return
    stays = delta.status is not FileStatus.REMOVED and CONFIGURATION.search(delta.path) is not None
    if stays and isinstance(delta.documents_after, Unparsed):
        return
    before, after = _hooks(delta.documents_before), _hooks(delta.documents_after) if stays else {}
    lost_names = [name for name in before if name not in after]
    gained = sum(1 for name in after if name not in before)
    for name in lost_names[gained:]:
        text = f"The hook {name[:60]} no longer looks at what is committed."
        yield Hit(delta.path, 1, text, anchor=f"hook|{name}")


def _hooks(documents: Documents) -> Mapping[str, LinedNode]:
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
