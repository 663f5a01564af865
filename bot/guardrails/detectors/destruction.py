"""DES: code, files, protections and data that a change takes away."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from posixpath import dirname
from typing import TYPE_CHECKING, Final

from bot.guardrails import classify
from bot.guardrails.anchors import Anchors, LinePattern, literal_bytes, spaced
from bot.guardrails.detectors.gains import in_deployed_folder, is_deployed, objects
from bot.guardrails.earlier import earlier
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject, on_line
from bot.guardrails.structure import Documents, parsed
from bot.intake.lined_node import LinedNode
from bot.model.dataclass import dataclass
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.severity import Severity

if TYPE_CHECKING:
    from bot.guardrails.hcl import HclBlock


def mass_delete(subject: Subject) -> Iterable[Hit]:
    """DES-001: a kept source file loses much, gains next to nothing, and the lines did not move elsewhere."""
    limit = subject.options.large_delete
    candidates = [
        delta
        for delta in subject.written
        if delta.removed_count >= limit
        and delta.removed_count - delta.added_count >= limit
        and delta.is_source
        and delta.after
    ]
    if not candidates:
        return
    elsewhere = Counter(line.normal for delta in subject.deltas for line in delta.added if len(line.text.strip()) > 3)
    for delta in candidates:
        removed = [line for line in delta.removed if len(line.text.strip()) > 3]
        if delta.added_count > delta.removed_count * 0.05 or not removed:
            continue
        moved = sum(1 for line in removed if elsewhere[line.normal])
        if moved >= 0.6 * len(removed):
            continue
        yield Hit(
            delta.path,
            1,
            f"{delta.removed_count} lines were removed and {delta.added_count} added; {moved} of them moved elsewhere.",
            anchor="mass-delete",
        )


def many_files_deleted(subject: Subject) -> Iterable[Hit]:
    """DES-002: twenty files, or 30 % of a top-level folder with at least five files, are gone and were not moved."""
    added = {_stem(delta.path) for delta in subject.deltas if delta.status is FileStatus.ADDED}
    removed_paths = [
        delta.path
        for delta in subject.deltas
        if delta.status is FileStatus.REMOVED and not delta.is_foreign and _stem(delta.path) not in added
    ]
    if len(removed_paths) >= 20:
        yield Hit(None, None, f"{len(removed_paths)} files are deleted, among them {removed_paths[0]}.", anchor="files")
        return
    file_counts = Counter(path.split("/")[0] for path in subject.facts.paths if "/" in path)
    for folder, count in sorted(Counter(path.split("/")[0] for path in removed_paths if "/" in path).items()):
        if count >= 5 and file_counts[folder] and count >= 0.3 * file_counts[folder]:
            text = f"{count} of the {file_counts[folder]} files in {folder}/ are deleted."
            yield Hit(None, None, text, anchor=f"folder:{folder}")


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1]


_ON: Final = ("prevent_destroy", "deletion_protection", "deletion_protection_enabled", "enable_deletion_protection",
              "disable_api_termination", "purge_protection_enabled", "termination_protection")  # fmt: skip
"""Terraform's ``lifecycle``, and of the providers aws_db_instance, aws_dynamodb_table, aws_lb, aws_instance,
azurerm_key_vault, aws_emr_cluster, google_sql_database_instance: what each page of the registry calls it.
"""
_OFF: Final = ("force_destroy", "skip_final_snapshot", "force_delete", "delete_automated_backups")


def protection_removed(subject: Subject) -> Iterable[Hit]:
    """DES-003: a setting that keeps data from being destroyed is switched off or taken away."""
    yield from _terraform(subject)
    yield from _kubernetes(subject)


def _terraform(subject: Subject) -> Iterator[Hit]:
    files = [delta for delta in subject.written if delta.is_hcl and in_deployed_folder(delta, subject)]
    modules = _by_folder(files)
    arrived = {address for module in modules.values() for address in module.after - module.before}
    removed_addresses = {address for module in modules.values() for address in module.before - module.after}
    kept_keys = {key for module in modules.values() for key in module.on if key[0] in arrived - module.before}
    known_keys = {
        key for module in modules.values() for key in module.off if key[0] in removed_addresses - module.after
    }
    for delta in files:
        module = modules[dirname(delta.path)]
        for key in _switched_on(delta.blocks_before, _ON):
            stays = key[0] in module.after
            if key not in module.on and (stays or (key[0] in arrived and key not in kept_keys)):
                line, description = _line_and_verb(delta, key) or (1, "removed")
                text = f"{key[1]} of {key[0]} was {description}."
                yield Hit(delta.path, line, text, anchor="/".join(key), severity=_in_example(delta))
        for key, line in _switched_on(delta.blocks_after, _OFF).items():
            existed = key[0] in module.before or key[0] in removed_addresses
            if key not in module.off and key not in known_keys and existed:
                text = f"{key[1]} of {key[0]} was switched on."
                yield Hit(delta.path, line, text, anchor="/".join(key), severity=_in_example(delta))


def _in_example(delta: Delta) -> Severity | None:
    """An example of a module protects nothing that lasts."""
    return Severity.LOW if delta.is_docs else None


@dataclass(slots=True)
class _Module:
    """What a folder of Terraform holds: addresses, what protects of them after a change, what destroys of them before it."""

    before: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)
    on: set[tuple[str, str]] = field(default_factory=set)
    off: set[tuple[str, str]] = field(default_factory=set)


def _by_folder(files: Iterable[Delta]) -> Mapping[str, _Module]:
    modules: defaultdict[str, _Module] = defaultdict(_Module)
    for delta in files:
        module = modules[dirname(delta.path)]
        module.before |= {block.address for block in delta.blocks_before}
        module.after |= {block.address for block in delta.blocks_after}
        module.on |= _switched_on(delta.blocks_after, _ON).keys()
        module.off |= _switched_on(delta.blocks_before, _OFF).keys()
    return modules


def _settings(blocks: Iterable[HclBlock], names: tuple[str, ...]) -> Iterator[tuple[tuple[str, str], str, int]]:
    for block in blocks:
        if block.type not in {"resource", "module"}:
            continue
        for owner in (block, *block.nested("lifecycle"), *block.nested("settings")):
            for attribute in owner.attributes:
                if attribute.name in names:
                    yield (block.address, attribute.name), attribute.text, attribute.line


def _switched_on(blocks: Iterable[HclBlock], names: tuple[str, ...]) -> dict[tuple[str, str], int]:
    """The settings among ``names`` that are on, with their lines."""
    return {key: line for key, value, line in _settings(blocks, names) if value.strip('"') in {"true", "ACTIVE"}}


def _line_and_verb(delta: Delta, key: tuple[str, str]) -> tuple[int, str] | None:
    """The line that now says otherwise; None when the setting is gone."""
    for setting, value, line in _settings(delta.blocks_after, (key[1],)):
        if setting == key:
            return line, f"set to {value}"
    return None


def _kubernetes(subject: Subject) -> Iterator[Hit]:
    files = [delta for delta in subject.written if is_deployed(delta, subject)]
    guarded = {delta.path for delta in files if delta.mentions("finalizers", "eclaimPolicy", "deletionPolicy")}
    if not guarded:
        return
    before = earlier(
        files,
        lambda delta: (
            {key: value for key, value, _ in _guards(delta.documents_before)} if delta.path in guarded else {}
        ),
        lambda delta: (
            (owner, protection)
            for owner in map(_owner, objects(parsed(delta.documents_after)))
            for protection in ("finalizers", "reclaim")
        ),
    )
    for delta in files:
        now = {key: (value, line) for key, value, line in _guards(delta.documents_after)}
        owners = {_owner(document) for document in objects(parsed(delta.documents_after))}
        for key, value in before[delta.path].items():
            if key[0] not in owners:
                continue
            current, line = now.get(key, ((), 1))
            lost_keys = set(value) - set(current)
            if key[1] == "reclaim" and lost_keys and not {"Delete", "Recycle"} & set(current):
                continue
            if lost_keys:
                text = f"{', '.join(sorted(lost_keys))} was removed from the {key[1]} of {key[0]}."
                yield Hit(delta.path, line, text, anchor="/".join(key))


def _owner(document: LinedNode) -> str:
    parts = [document.get("kind"), document.get("metadata", "namespace"), document.get("metadata", "name")]
    return "/".join(part.raw for part in parts if part is not None)


def _guards(documents: Documents) -> Iterator[tuple[tuple[str, str], tuple[str, ...], int]]:
    """Finalizers and Retain policies by object: ((object, what), values, line).

    Kubernetes documentation: "Finalizers"; "Persistent Volumes", "Reclaiming"; "Volume Snapshots", "Deletion policy".
    """
    for document in objects(parsed(documents)):
        owner = _owner(document)
        finalizers = document.get("metadata", "finalizers")
        if finalizers is not None:
            values = tuple(node.raw for node in finalizers.elements())
            yield (owner, "finalizers"), values, finalizers.line
        for path in (("reclaimPolicy",), ("spec", "persistentVolumeReclaimPolicy"), ("spec", "deletionPolicy")):
            policy = document.get(*path)
            if policy is not None and policy.raw:
                yield (owner, "reclaim"), (policy.raw,), policy.line


_TABLE: Final = r"[\w\"`\[\].{}$%-]{1,120}"
_SQL: Final = LinePattern(
    r"(?:\A|[\"'`;(])\s{0,40}(?:"
    rf"DROP\s{{1,5}}(?:TABLE|DATABASE|SCHEMA)\s{{1,5}}(?:IF\s{{1,5}}EXISTS\s{{1,5}})?(?!te?mp|#|pg_temp){_TABLE}"
    rf"(?:\s{{0,5}},\s{{0,5}}{_TABLE}){{0,20}}(?:\s{{1,5}}(?:CASCADE|RESTRICT|PURGE))?"
    rf"|TRUNCATE\s{{1,5}}TABLE\s{{1,5}}(?!te?mp|#){_TABLE}(?:\s{{1,5}}(?:CASCADE|RESTRICT))?"
    rf"|TRUNCATE\s{{1,5}}(?!te?mp){_TABLE}(?=\s{{0,5}};)"
    rf"|DELETE\s{{1,5}}FROM\s{{1,5}}(?!te?mp){_TABLE}"
    r")\s{0,5}(?:;|[\"'`)+%]|\Z|--)",
    Anchors(spaced("drop", "truncate", "delete"), folds=True),
    re.IGNORECASE,
)
"""A whole statement, from where one begins to where it ends: a sentence about dropping tables goes on."""
_SHELL: Final = LinePattern(
    r"(?:^|[;&|(`\s])rm\s{1,5}(?:-[a-zA-Z]{1,8}\s{1,5}|--[a-z\-]{1,30}\s{1,5}){0,4}"
    r"(?:-[a-zA-Z]{0,6}[rR][a-zA-Z]{0,6}|--recursive)\s{1,5}(?:--?[a-z\-]{1,30}\s{1,5}){0,4}"
    r"[\"']?(?:/(?:\*|\s|[\"';&|)]|\Z)|~/?(?:\s|\Z)|\$HOME/?[\"']?(?:\s|\Z)|/(?:etc|usr|var|home|boot|lib|bin|root|opt)/?\*?[\"']?(?:\s|[;&|]|\Z))"
    r"|\bmkfs\.\w{2,8}\s|\bdd\s[^|;]{0,200}\bof=/dev/(?:sd|nvme|vd|xvd)",
    Anchors((*spaced("rm"), *literal_bytes("mkfs.", "of=/dev/"))),
)
_MIGRATION_DOWN: Final = regex(
    r"(^|[/_.\-])(down|rollback|revert|undo|teardown|drop|cleanup)([/_.\-]|$)|\.down\.", re.IGNORECASE
)
_DOWN_BLOCK: Final = regex(
    r"def down(grade)?\b|exports\.down|\bdown\s?\(|--\s?\+(goose|migrate)\s?Down|async down|func .{0,40}Down",
    re.IGNORECASE,
)


def data_drop(subject: Subject) -> Iterable[Hit]:
    """DES-004: a statement that destroys data without a condition, outside tests and down-migrations."""
    for delta in subject.written:
        if delta.is_test or delta.is_docs or classify.is_fixture(delta.path) or _MIGRATION_DOWN.search(delta.path):
            continue
        if delta.language is None or delta.language in {"html", "css"}:
            continue
        for pattern in (_SQL, _SHELL):
            if pattern is _SHELL and delta.language not in {"shell", "dockerfile", "yaml", "python", "javascript"}:
                continue
            for line in delta.gained(pattern, "uncommented"):
                if pattern is _SQL and (_in_down(delta, line) or not _is_statement(delta, line)):
                    continue
                yield on_line(delta, line, "This statement destroys data and has no condition.")


def _is_statement(delta: Delta, line: DiffLine) -> bool:
    """In program text, SQL stands in a string; a sentence about dropping tables does not count."""
    if delta.language == "sql":
        return True
    following = " ".join(delta.after_lines[line.number : line.number + 2])
    if re.search(r"DELETE\s", line.text, re.IGNORECASE) and re.search(r"\bWHERE\b", following, re.IGNORECASE):
        return False
    return any(quote in line.text for quote in "\"'`") or not delta.mask_after.code[line.number - 1].strip()


def _in_down(delta: Delta, line: DiffLine) -> bool:
    """Whether the nearest migration function above is the one that undoes."""
    for text in reversed(delta.after_lines[max(0, line.number - 200) : line.number]):
        if _DOWN_BLOCK.search(text):
            return True
        if re.search(
            r"def up(grade)?\b|exports\.up|\bup\s?\(|--\s?\+(goose|migrate)\s?Up|async up", text, re.IGNORECASE
        ):
            return False
    return False


PATTERNS: Final = (_SQL, _SHELL)
"""What lines are searched for here."""
