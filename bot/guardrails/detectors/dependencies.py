"""DEP: dependencies that nobody knows, that are named almost like others, and lock files that were tampered with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from bot.guardrails import classify
from bot.guardrails.detectors.popular import POPULAR
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject, on_line
from bot.model.globs import name_matches


@dataclass(frozen=True, slots=True)
class DeclaredDependency:
    """One dependency a manifest names. ``ecosystem`` is ``pypi``, ``npm``, ``crates``, ``go`` or ``gems``."""

    ecosystem: str
    name: str
    line: int


_LOCKS: Final[Mapping[str, tuple[str, ...]]] = {
    "pypi": ("poetry.lock", "pdm.lock", "uv.lock", "Pipfile.lock"),
    "npm": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "crates": ("Cargo.lock",),
    "go": ("go.sum",),
    "gems": ("Gemfile.lock",),
}
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._\-]{0,80})\s*(?:\[[^\]]{0,100}\])?\s*(?:[=<>!~;@ ]|$)")
_QUOTED_REQUIREMENT: Final = re.compile(
    r"^\s*[\"']([A-Za-z0-9][A-Za-z0-9._\-]{0,80})\s*(?:\[[^\]]{0,100}\])?\s*(?:[=<>!~;@ ][^\"']*)?[\"']\s*,?"
)
_TOML_KEY: Final = re.compile(r"^\s*[\"']?([A-Za-z0-9][A-Za-z0-9._\-]{0,80})[\"']?\s*=\s*(?:[\"'{])")
_NPM: Final = re.compile(r"^\s*\"((?:@[\w.\-]{1,80}/)?[\w.\-]{1,80})\"\s*:\s*\"(?:[\^~<>=]|\d|\*|latest|npm:)")
_GO: Final = re.compile(r"^\s*(?:require\s+)?([\w.\-]+\.[a-z]{2,10}/[\w./\-]+)\s+v\d")
_GEM: Final = re.compile(r"^\s*gem\s+[\"']([\w\-]{1,80})[\"']")
_SECTIONS: Final = re.compile(r"^\s*\[([^\]]{1,120})\]\s*(?:#.*)?$")


def requirements(path: str, lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    """The dependencies a manifest names, line by line."""
    name = PurePosixPath(path).name
    if re.fullmatch(r"requirements[\w.\-]*\.(txt|in)", name) or re.search(r"(^|/)requirements/[^/]+\.(txt|in)$", path):
        yield from _requirements(lines)
    elif name == "pyproject.toml":
        yield from _pyproject(lines)
    elif name == "package.json":
        yield from _package_json(lines)
    elif name == "Cargo.toml":
        yield from _cargo(lines)
    elif name == "go.mod":
        yield from (
            DeclaredDependency("go", match[1], at)
            for at, text in enumerate(lines, 1)
            if (match := _GO.match(text[:400]))
        )
    elif name == "Gemfile":
        yield from (
            DeclaredDependency("gems", match[1], at)
            for at, text in enumerate(lines, 1)
            if (match := _GEM.match(text[:400]))
        )


def _canonical(name: str) -> str:
    """One spelling of a name on PyPI: PEP 503, "Normalized Names"."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    for at, text in enumerate(lines, 1):
        match = _REQUIREMENT.match(text[:400])
        if match and not text.lstrip().startswith(("#", "-", ".", "/")) and "://" not in text:
            yield DeclaredDependency("pypi", _canonical(match[1]), at)


def _pyproject(lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    """PEP 621 and PEP 735 lists, and Poetry's tables."""
    section, inside = "", False
    for at, text in enumerate(lines, 1):
        header = _SECTIONS.match(text[:400])
        if header:
            section, inside = header[1].strip(), False
            continue
        if "poetry" in section and section.endswith("dependencies"):
            match = _TOML_KEY.match(text[:400])
            if match and match[1] != "python":
                yield DeclaredDependency("pypi", _canonical(match[1]), at)
            continue
        listed = section in {"project.optional-dependencies", "dependency-groups"} or (
            section in {"project", "build-system"} and re.match(r"\s*(dependencies|requires)\s*=\s*\[", text)
        )
        inside = inside or bool(listed and re.search(r"=\s*\[", text))
        if inside:
            for part in re.split(
                r"(?<=[\"'])\s*,",
                text[:2000].partition("=")[2] if re.match(r"\s*[\w\-]+\s*=\s*\[", text) else text[:2000],
            ):
                match = _QUOTED_REQUIREMENT.match(part.strip().lstrip("["))
                if match:
                    yield DeclaredDependency("pypi", _canonical(match[1]), at)
            inside = not text.split("#")[0].rstrip().endswith("]")


def _package_json(lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    section = False
    for at, text in enumerate(lines, 1):
        if re.match(r"\s*\"(?:dev|peer|optional)?[dD]ependencies\"\s*:\s*\{", text):
            section = True
        elif "}" in text:
            section = False
        elif section and (match := _NPM.match(text[:400])):
            yield DeclaredDependency("npm", match[1].lower(), at)


def _cargo(lines: tuple[str, ...]) -> Iterator[DeclaredDependency]:
    section = ""
    for at, text in enumerate(lines, 1):
        header = _SECTIONS.match(text[:400])
        if header:
            section = header[1]
        elif section.endswith("dependencies") and (match := _TOML_KEY.match(text[:400])) and "path" not in text:
            yield DeclaredDependency("crates", match[1].replace("_", "-").lower(), at)


def _new(delta: Delta) -> list[DeclaredDependency]:
    """The dependencies a manifest names now and did not before."""
    if delta.unread or classify.is_vendored(delta.path) or classify.is_fixture(delta.path):
        return []
    old = {requirement.name for requirement in requirements(delta.old_path, delta.before_lines)}
    own = _own_name(delta)
    return [
        requirement
        for requirement in requirements(delta.path, delta.after_lines)
        if requirement.name not in old and requirement.name != own
    ]


def _own_name(delta: Delta) -> str | None:
    match = re.search(r"(?m)^\s*\"?name\"?\s*[=:]\s*\"([^\"\n]{1,100})\"", (delta.after or "")[:20_000])
    return _canonical(match[1]) if match else None


def _private(subject: Subject, name: str) -> bool:
    return any(name_matches(pattern.lower(), name) for pattern in subject.options.private_packages)


def unknown_dependency(subject: Subject) -> Iterable[Hit]:
    """DEP-001: an added name that the registry does not know, or that the lock file of the same change lacks."""
    for delta in subject.deltas:
        for requirement in _new(delta):
            if _private(subject, requirement.name):
                continue
            known = subject.facts.registry.get((requirement.ecosystem, requirement.name))
            if known is False:
                message = f"The registry of {requirement.ecosystem} has no package {requirement.name}."
            elif known is None and _missing_in_lock(subject, delta, requirement):
                message = f"{requirement.name} was added, and the lock file that changed with it does not have it."
            else:
                continue
            yield Hit(
                delta.path,
                requirement.line,
                message,
                evidence=delta.after_lines[requirement.line - 1].strip()[:120],
                anchor=f"{requirement.ecosystem}:{requirement.name}",
            )


def _missing_in_lock(subject: Subject, manifest: Delta, requirement: DeclaredDependency) -> bool:
    """Whether a lock file beside the manifest (or above it) is in the change and does not name the package."""
    folder = str(PurePosixPath(manifest.path).parent)
    names = _LOCKS.get(requirement.ecosystem, ())
    for delta in subject.deltas:
        path = PurePosixPath(delta.path)
        above = "." if str(path.parent) == "." else f"{path.parent}/"
        if path.name in names and delta.after and (above == "." or f"{folder}/".startswith(above)):
            spelled = requirement.name.replace("-", "[-_.]")
            return (
                re.search(
                    rf"(?i)(?<![\w\-.]){spelled if requirement.ecosystem != 'npm' else re.escape(requirement.name)}(?![\w\-])",
                    delta.after,
                )
                is None
            )
    return False


def typosquat(subject: Subject) -> Iterable[Hit]:
    """DEP-002: one edit away from a very popular name, and not popular itself."""
    for delta in subject.deltas:
        for requirement in _new(delta):
            popular = POPULAR.get(requirement.ecosystem, frozenset())
            if requirement.name in popular or len(requirement.name) < 5 or _private(subject, requirement.name):
                continue
            near = next(
                (name for name in sorted(popular) if len(name) >= 5 and _one_edit(requirement.name, name)), None
            )
            if near is not None:
                yield Hit(
                    delta.path,
                    requirement.line,
                    f"{requirement.name} is one letter away from the very popular {near}.",
                    evidence=delta.after_lines[requirement.line - 1].strip()[:120],
                    suggestion=f"Check whether {near} was meant.",
                    anchor=f"{requirement.ecosystem}:{requirement.name}",
                )


def _one_edit(word: str, other: str) -> bool:
    """Whether one insertion, deletion, replacement, or swap of neighbours turns ``word`` into ``other``."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return False
    at = 0
    while at < min(len(word), len(other)) and word[at] == other[at]:
        at += 1
    rest, others = word[at:], other[at:]
    if len(rest) == len(others):
        swapped = len(rest) > 1 and rest[:2] == others[1::-1] and rest[2:] == others[2:]
        return rest[1:] == others[1:] or swapped
    return rest[1:] == others if len(rest) > len(others) else rest == others[1:]


_HOST: Final = re.compile(r"(git\+ssh|git\+https?|https?|git|ssh)://(?:[^/\s\"'@]{0,100}@)?([\w.\-]{1,200})")
_REGISTRIES: Final = frozenset(
    [
        "registry.npmjs.org", "registry.yarnpkg.com", "files.pythonhosted.org", "pypi.org", "github.com",
        "codeload.github.com", "index.crates.io", "static.crates.io", "crates.io", "rubygems.org", "proxy.golang.org",
        "repo.packagist.org", "api.github.com", "npm.pkg.github.com", "registry.terraform.io", "opencollective.com",
        "tidelift.com", "www.patreon.com", "feross.org", "paypal.me", "ko-fi.com", "www.buymeacoffee.com",
    ]
)  # fmt: skip
_INTEGRITY: Final = re.compile(
    r"(sha(?:1|256|384|512)-[A-Za-z0-9+/=]{20,100}|sha256:[0-9a-f]{64}|checksum = \"[0-9a-f]{64}\"|h1:[A-Za-z0-9+/=]{40,60})"
)


def lock_tamper(subject: Subject) -> Iterable[Hit]:
    """DEP-003: a lock file points somewhere new, or has another checksum for the same version."""
    for delta in subject.deltas:
        if not classify.is_lock(delta.path) or delta.before is None or delta.after is None:
            continue
        alone = not _manifest_changed(subject, delta)
        yield from _new_hosts(delta, alone=alone)
        yield from _changed_integrity(delta)


def _manifest_changed(subject: Subject, lock: Delta) -> bool:
    folder = PurePosixPath(lock.path).parent
    for delta in subject.deltas:
        path = PurePosixPath(delta.path)
        manifest = path.name in {
            "package.json",
            "pyproject.toml",
            "Cargo.toml",
            "Gemfile",
            "go.mod",
            "Pipfile",
            "composer.json",
        }
        if (manifest or path.name.startswith("requirements")) and (path.parent == folder or folder in path.parents):
            return True
    return False


def _hosts(lines: Iterable[str]) -> dict[tuple[str, str], int]:
    """(scheme, host) to how often."""
    counts: dict[tuple[str, str], int] = {}
    for text in lines:
        if not re.search(r"\"(?:funding|url)\": \"https://", text):
            for match in _HOST.finditer(text[:2000]):
                counts[match[1], match[2].lower()] = counts.get((match[1], match[2].lower()), 0) + 1
    return counts


def _new_hosts(delta: Delta, *, alone: bool) -> Iterator[Hit]:
    known = _hosts(delta.before_lines)
    reported: set[tuple[str, str]] = set()
    for line in delta.added:
        for scheme, host in _hosts((line.text,)):
            unsafe = scheme == "http" or scheme.startswith("git")
            strange = host not in _REGISTRIES and not any(host == known_host for _, known_host in known)
            if (
                (scheme, host) in known
                or (scheme, host) in reported
                or not ((strange and alone) or (unsafe and (alone or scheme == "http")))
            ):
                continue
            reported.add((scheme, host))
            yield on_line(
                delta,
                line,
                f"The lock file now takes a package from {scheme}://{host}, where none came from before.",
                anchor=f"host:{scheme}:{host}",
            )


def _changed_integrity(delta: Delta) -> Iterator[Hit]:
    if delta.path.endswith(("package-lock.json", "npm-shrinkwrap.json")):
        yield from _npm_integrity(delta)
        return
    for hunk in delta.hunks:
        if len(hunk.removed) != 1 or len(hunk.added) != 1:
            continue
        old, new = _INTEGRITY.search(hunk.removed[0].text[:2000]), _INTEGRITY.search(hunk.added[0].text[:2000])
        if (
            old
            and new
            and old[1] != new[1]
            and _same_but(hunk.removed[0], hunk.added[0], old[1], new[1])
            and _weight(old[1]) >= _weight(new[1])
        ):
            yield _tampered(delta, hunk.added[0].number, "A checksum changed while the version stayed.")


def _same_but(line: DiffLine, other: DiffLine, old: str, new: str) -> bool:
    return line.text.replace(old, "") == other.text.replace(new, "")


def _weight(integrity: str) -> int:
    """A stronger digest in place of a weaker one is an upgrade."""
    return next(
        (weight for word, weight in (("512", 4), ("384", 3), ("256", 2), ("h1:", 2), ("sha1", 1)) if word in integrity),
        2,
    )


def _npm_integrity(delta: Delta) -> Iterator[Hit]:
    before, after = _npm_packages(delta.before), _npm_packages(delta.after)
    for key, (version, integrity) in after.items():
        old = before.get(key)
        if (
            old
            and old[0] == version
            and old[1]
            and integrity
            and old[1] != integrity
            and _weight(old[1]) >= _weight(integrity)
        ):
            line = next((line.number for line in delta.added if integrity in line.text), 1)
            yield _tampered(delta, line, f"The checksum of {key} {version} changed while its version stayed.")


def _npm_packages(text: str | None) -> dict[str, tuple[str, str]]:
    """Package path to (version, integrity)."""
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    packages = data.get("packages") if isinstance(data, dict) else None
    versions: dict[str, tuple[str, str]] = {}
    for key, entry in (packages if isinstance(packages, dict) else {}).items():
        if isinstance(entry, dict):
            versions[str(key)] = (str(entry.get("version", "")), str(entry.get("integrity", "")))
    return versions


def _tampered(delta: Delta, line: int, message: str) -> Hit:
    return Hit(delta.path, line, message)
