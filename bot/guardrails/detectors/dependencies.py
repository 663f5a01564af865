"""DEP: dependencies that nobody knows, that are named almost like others, and lock files that were tampered with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from bot.guardrails import classify
from bot.guardrails.detectors.lock_entries import LockEntries
from bot.guardrails.detectors.popular import POPULAR
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject, on_line
from bot.model.dataclass import dataclass
from bot.model.globs import name_matches
from bot.model.json import mapping, read_json
from bot.model.patterns import regex


@dataclass(frozen=True, slots=True)
class DeclaredDependency:
    """One dependency a manifest names. ``ecosystem`` is ``pypi``, ``npm``, ``crates``, ``go`` or ``gems``."""

    ecosystem: str
    name: str
    line: DiffLine


_REQUIREMENT: Final = regex(r"\s*([A-Za-z0-9][A-Za-z0-9._\-]{0,80})\s*(?:\[[^\]]{0,100}\])?\s*(?:[=<>!~;@ ]|$)")
_QUOTED_REQUIREMENT: Final = regex(
    r"^\s*[\"']([A-Za-z0-9][A-Za-z0-9._\-]{0,80})\s*(?:\[[^\]]{0,100}\])?\s*(?:[=<>!~;@ ][^\"']*)?[\"']\s*,?"
)
_TOML_KEY: Final = regex(r"^\s*[\"']?([A-Za-z0-9][A-Za-z0-9._\-]{0,80})[\"']?\s*=\s*(?:[\"'{])")
_NPM: Final = regex(r"^\s*\"((?:@[\w.\-]{1,80}/)?[\w.\-]{1,80})\"\s*:\s*\"(?:[\^~<>=]|\d|\*|latest|npm:)")
_GO: Final = regex(r"^\s*(?:require\s+)?([\w.\-]+\.[a-z]{2,10}/[\w./\-]+)\s+v\d")
_GO_DIRECTIVE: Final = regex(r"^\s*(module|go|toolchain|require|exclude|replace|retract|godebug|tool|ignore)\b\s*(\()?")
_GO_REPLACED: Final = regex(r"^\s*(?:replace\s+)?([\w.\-]+/[\w./\-]+)(?:\s+v\S+)?\s+=>")
_GEM: Final = regex(r"^\s*gem\s+[\"']([\w\-]{1,80})[\"']")
_SECTIONS: Final = regex(r"^\s*\[([^\]]{1,120})\]\s*(?:#.*)?$")


def _canonical(name: str) -> str:
    """One spelling of a name on PyPI: PEP 503, "Normalized Names"."""
    return re.sub(r"[-_.]+", "-", name).lower()


_Named: TypeAlias = Iterator[tuple[int, str]]
"""Line numbers from 1 and names."""


def _matching(pattern: re.Pattern[str], lines: tuple[str, ...]) -> _Named:
    return ((at, match[1]) for at, text in enumerate(lines, 1) if (match := pattern.match(text[:400])))


def _requirements(lines: tuple[str, ...]) -> _Named:
    for at, name in _matching(_REQUIREMENT, lines):
        if not lines[at - 1].lstrip().startswith(("#", "-", ".", "/")) and "://" not in lines[at - 1]:
            yield at, _canonical(name)


def _pyproject(lines: tuple[str, ...]) -> _Named:
    """PEP 621 and PEP 735 lists, and Poetry's tables."""
    section, in_list = "", False
    for at, text in enumerate(lines, 1):
        header = _SECTIONS.match(text[:400])
        if header:
            section, in_list = header[1].strip(), False
            continue
        if "poetry" in section and section.endswith("dependencies"):
            match = _TOML_KEY.match(text[:400])
            if match and match[1] != "python":
                yield at, _canonical(match[1])
            continue
        starts_list = section in {"project.optional-dependencies", "dependency-groups"} or (
            section in {"project", "build-system"} and re.match(r"\s*(dependencies|requires)\s*=\s*\[", text)
        )
        in_list = in_list or bool(starts_list and re.search(r"=\s*\[", text))
        if in_list:
            value = text[:2000].partition("=")[2] if re.match(r"\s*[\w\-]+\s*=\s*\[", text) else text[:2000]
            for part in re.split(r"(?<=[\"'])\s*,", value):
                match = _QUOTED_REQUIREMENT.match(part.strip().lstrip("["))
                if match:
                    yield at, _canonical(match[1])
            in_list = not text.split("#")[0].rstrip().endswith("]")


def _package_json(lines: tuple[str, ...]) -> _Named:
    section = False
    for at, text in enumerate(lines, 1):
        if re.match(r"\s*\"(?:dev|peer|optional)?[dD]ependencies\"\s*:\s*\{", text):
            section = True
        elif "}" in text:
            section = False
        elif section and (match := _NPM.match(text[:400])):
            yield at, match[1].lower()


def _cargo(lines: tuple[str, ...]) -> _Named:
    section = ""
    for at, text in enumerate(lines, 1):
        header = _SECTIONS.match(text[:400])
        if header:
            section = header[1]
        elif section.endswith("dependencies") and (match := _TOML_KEY.match(text[:400])) and "path" not in text:
            yield at, match[1].replace("_", "-").lower()


def _go_mod(lines: tuple[str, ...]) -> _Named:
    """What is required directly and taken from where it says (Go Modules Reference, "go.mod files").

    ``// indirect`` is what others require: the go command writes it. What ``replace`` names is taken from elsewhere.
    """
    replaced = {match[1] for text in lines if (match := _GO_REPLACED.match(text[:400])) is not None}
    block = ""
    for at, text in enumerate(lines, 1):
        directive = _GO_DIRECTIVE.match(text[:400])
        directive_name = directive[1] if directive else block
        if directive and directive[2]:
            block = directive[1]
        elif text.strip().startswith(")"):
            block = ""
        match = _GO.match(text[:400]) if directive_name == "require" else None
        if match and "// indirect" not in text and match[1] not in replaced:
            yield at, match[1]


_MANIFESTS: Final[Mapping[str, tuple[str, Callable[[tuple[str, ...]], _Named]]]] = {
    "pyproject.toml": ("pypi", _pyproject),
    "package.json": ("npm", _package_json),
    "Cargo.toml": ("crates", _cargo),
    "go.mod": ("go", _go_mod),
    "Gemfile": ("gems", partial(_matching, _GEM)),
}
_REQUIREMENTS_FILE: Final = regex(r"(^|/)requirements([\w.\-]*|/[^/]+)\.(txt|in)$")


def _manifest(path: str) -> tuple[str, Callable[[tuple[str, ...]], _Named]] | None:
    return ("pypi", _requirements) if _REQUIREMENTS_FILE.search(path) else _MANIFESTS.get(path.rpartition("/")[2])


def requirements(path: str, lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    """The dependencies a manifest names, line by line."""
    manifest = _manifest(path)
    if manifest is not None:
        ecosystem, read = manifest
        for at, name in read(lines):
            yield DeclaredDependency(ecosystem, name, DiffLine(at, lines[at - 1]))


def _new(subject: Subject) -> Iterator[tuple[Delta, DeclaredDependency]]:
    """The dependencies manifests name now and did not before, but for private ones."""
    private = [pattern.lower() for pattern in subject.options.private_packages]
    for delta in subject.deltas:
        if _manifest(delta.path) is None or delta.unread:
            continue
        if classify.is_vendored(delta.path) or classify.is_fixture(delta.path):
            continue
        known_names = {requirement.name for requirement in requirements(delta.old_path, delta.before_lines)}
        known_names |= _own_names(delta)
        for requirement in requirements(delta.path, delta.after_lines):
            name = requirement.name
            if name not in known_names and not any(name_matches(pattern, name) for pattern in private):
                yield delta, requirement


def _own_names(delta: Delta) -> set[str]:
    match = re.search(r"(?m)^\s*\"?name\"?\s*[=:]\s*\"([^\"\n]{1,100})\"", (delta.after or "")[:20_000])
    return {_canonical(match[1])} if match else set()


def unknown_dependency(subject: Subject) -> Iterable[Hit]:
    """DEP-001: an added name that the registry does not know, or that the lock file of the same change lacks."""
    for delta, requirement in _new(subject):
        ecosystem, name = requirement.ecosystem, requirement.name
        registry_entry = subject.facts.registry.get((ecosystem, name))
        if registry_entry is False:
            message = f"The registry of {ecosystem} has no package {name}."
        elif registry_entry is None and _missing_in_lock(subject, delta, requirement):
            message = f"{name} was added, and the lock file that changed with it does not have it."
        else:
            continue
        yield on_line(delta, requirement.line, message, anchor=f"{ecosystem}:{name}")


def _missing_in_lock(subject: Subject, manifest: Delta, requirement: DeclaredDependency) -> bool:
    """Whether a lock file beside the manifest (or above it) is in the change and does not name the package."""
    npm = requirement.ecosystem == "npm"
    spelled = re.escape(requirement.name) if npm else requirement.name.replace("-", "[-_.]")
    for delta in subject.deltas:
        path = PurePosixPath(delta.path)
        is_sibling = path.parent in PurePosixPath(manifest.path).parents
        if path.name in classify.LOCKS[requirement.ecosystem] and delta.after and is_sibling:
            return re.search(rf"(?i)(?<![\w\-.]){spelled}(?![\w\-])", delta.after) is None
    return False


def typosquat(subject: Subject) -> Iterable[Hit]:
    """DEP-002: one edit away from a very popular name, and not popular itself."""
    for delta, requirement in _new(subject):
        ecosystem, name = requirement.ecosystem, requirement.name
        popular = POPULAR.get(ecosystem, frozenset())
        if name in popular or len(name) < 5:
            continue
        near = next(
            (candidate for candidate in sorted(popular) if len(candidate) >= 5 and _one_edit(name, candidate)), None
        )
        if near is not None:
            message = f"{name} is one letter away from the very popular {near}."
            yield on_line(delta, requirement.line, message, anchor=f"{ecosystem}:{name}")


def _one_edit(name: str, known_name: str) -> bool:
    """Whether one insertion, deletion, replacement, or swap of neighbours turns ``name`` into ``known_name``."""
    if abs(len(name) - len(known_name)) > 1 or name == known_name:
        return False
    at = 0
    while at < min(len(name), len(known_name)) and name[at] == known_name[at]:
        at += 1
    name_rest, known_rest = name[at:], known_name[at:]
    if len(name_rest) == len(known_rest):
        swapped = len(name_rest) > 1 and name_rest[:2] == known_rest[1::-1] and name_rest[2:] == known_rest[2:]
        return name_rest[1:] == known_rest[1:] or swapped
    return name_rest[1:] == known_rest if len(name_rest) > len(known_rest) else name_rest == known_rest[1:]


_HOST: Final = regex(r"(git\+ssh|git\+https?|https?|git|ssh)://(?:[^/\s\"'@]{0,100}@)?([\w.\-]{1,200})")
_REGISTRIES: Final = frozenset(
    [
        "registry.npmjs.org", "registry.yarnpkg.com", "files.pythonhosted.org", "pypi.org", "github.com",
        "codeload.github.com", "index.crates.io", "static.crates.io", "crates.io", "rubygems.org", "proxy.golang.org",
        "repo.packagist.org", "api.github.com", "npm.pkg.github.com", "registry.terraform.io", "opencollective.com",
        "tidelift.com", "www.patreon.com", "feross.org", "paypal.me", "ko-fi.com", "www.buymeacoffee.com",
    ]
)  # fmt: skip
_INTEGRITY: Final = regex(
    r"(sha(?:1|256|384|512)-[A-Za-z0-9+/=]{20,100}|sha256:[0-9a-f]{64}|checksum = \"[0-9a-f]{64}\"|h1:[A-Za-z0-9+/=]{40,60})"
)


def lock_tamper(subject: Subject) -> Iterable[Hit]:
    """DEP-003: a lock file points somewhere new, or has another checksum for the same version."""
    for delta in subject.deltas:
        if not classify.is_lock(delta.path) or delta.before is None or delta.after is None:
            continue
        is_lock_only = not _manifest_changed(subject, delta)
        yield from _new_hosts(delta, is_lock_only=is_lock_only)
        yield from _changed_integrity(delta)


def _manifest_changed(subject: Subject, lock: Delta) -> bool:
    folder = PurePosixPath(lock.path).parent
    for delta in subject.deltas:
        path = PurePosixPath(delta.path)
        manifest = path.name in {*_MANIFESTS, "Pipfile", "composer.json"}
        if (manifest or path.name.startswith("requirements")) and (path.parent == folder or folder in path.parents):
            return True
    return False


_ADVERT: Final = regex(r"\"(?:funding|url)\": \"https://")


def _hosts(text: str) -> Iterator[tuple[str, str]]:
    """The scheme and host of each address on a line."""
    if "://" in text and not _ADVERT.search(text):
        for match in _HOST.finditer(text[:2000]):
            yield match[1], match[2].lower()


def _new_hosts(delta: Delta, *, is_lock_only: bool) -> Iterator[Hit]:
    known_hosts = {address for text in delta.before_lines for address in _hosts(text)}
    familiar = _REGISTRIES | {host for _, host in known_hosts}
    for line in delta.added:
        for scheme, host in _hosts(line.text):
            doubtful = host not in familiar or scheme.startswith("git")
            if (scheme, host) not in known_hosts and (scheme == "http" or (is_lock_only and doubtful)):
                known_hosts.add((scheme, host))
                message = f"The lock file now takes a package from {scheme}://{host}, where none came from before."
                yield on_line(delta, line, message, anchor=f"host:{scheme}:{host}")


def _changed_integrity(delta: Delta) -> Iterator[Hit]:
    if delta.path.endswith(("package-lock.json", "npm-shrinkwrap.json")):
        yield from _npm_integrity(delta)
        return
    entries = None
    for hunk in delta.hunks:
        if len(hunk.removed) != 1 or len(hunk.added) != 1:
            continue
        removed_line, added_line = hunk.removed[0], hunk.added[0]
        old, new = _INTEGRITY.search(removed_line.text[:2000]), _INTEGRITY.search(added_line.text[:2000])
        if old and new and _same_but(removed_line, added_line, old[1], new[1]) and _swapped(old[1], new[1]):
            entries = entries or (LockEntries(delta.before_lines), LockEntries(delta.after_lines))
            if entries[0].version(removed_line.number) == entries[1].version(added_line.number):
                yield _tampered(delta, added_line.number, "A checksum changed while the version stayed.")


def _same_but(removed: DiffLine, added: DiffLine, old: str, new: str) -> bool:
    return removed.text.replace(old, "") == added.text.replace(new, "")


def _swapped(old: str, new: str) -> bool:
    return old != new and _weight(old) >= _weight(new)


def _weight(integrity: str) -> int:
    """A stronger digest in place of a weaker one is an upgrade."""
    return next(
        (
            weight
            for algorithm, weight in (("512", 4), ("384", 3), ("256", 2), ("h1:", 2), ("sha1", 1))
            if algorithm in integrity
        ),
        2,
    )


def _npm_integrity(delta: Delta) -> Iterator[Hit]:
    before, after = _npm_packages(delta.before), _npm_packages(delta.after)
    for key, (version, integrity) in after.items():
        old = before.get(key)
        if old and old[0] == version and old[1] and integrity and _swapped(old[1], integrity):
            line = next((line.number for line in delta.added if integrity in line.text), 1)
            yield _tampered(delta, line, f"The checksum of {key} {version} changed while its version stayed.")


def _npm_packages(text: str | None) -> dict[str, tuple[str, str]]:
    """Package path to (version, integrity)."""
    packages = mapping(mapping(read_json(text or "{}")).get("packages"))
    return {
        key: (str(entry.get("version", "")), str(entry.get("integrity", "")))
        for key, entry in packages.items()
        if isinstance(entry, dict)
    }


def _tampered(delta: Delta, line: int, message: str) -> Hit:
    return Hit(delta.path, line, message)
