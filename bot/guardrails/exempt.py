"""What most rules leave out (generated, vendored, locked), decided by the base: a change cannot exempt itself.

A file that is new is exempt where the base says so: by ``.gitattributes``, by settings, or because its folder holds the same
already. Source: Linguist documentation, "Overrides" (``linguist-generated``, ``linguist-vendored``); gitattributes(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final

from bot.guardrails import classify
from bot.model.dataclass import dataclass
from bot.model.finding import FileChange, FileStatus
from bot.model.globs import file_matches

ATTRIBUTES: Final = ".gitattributes"
_NAMES: Final = frozenset({"linguist-generated", "linguist-vendored"})
_MOST_RULES: Final = 500
_FALSE: Final = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True)
class Exemptions:
    """What the base says. No slots: derived values are cached on the instance.

    ``attributes`` are the ``.gitattributes`` files by path, ``paths`` the files at base as far as they are known,
    ``generated`` globs from the settings.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    generated: tuple[str, ...] = ()

    def covers(self, path: str, before: Sequence[str] | None) -> bool:
        """Whether a file is other people's, a tool's, or pins what is taken. ``before`` are its lines at base, if any."""
        own_rule = self._stated(path)
        if own_rule is not None:
            return own_rule
        if classify.is_lock(path) or file_matches(path, self.generated):
            return True
        if before is not None:
            return classify.is_vendored(path) or classify.is_generated(path, before)
        return self._joins(path)

    def _joins(self, path: str) -> bool:
        """Whether a new file comes to others of its sort: into a vendored folder, or beside files made by the same tool."""
        if (folder := classify.vendored_folder(path)) is not None:
            return folder in self._folders
        form = classify.generated_form(path)
        return form is not None and (str(PurePosixPath(path).parent), form) in self._forms

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(folder for path in self.paths if (folder := classify.vendored_folder(path)) is not None)

    @cached_property
    def _forms(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (str(PurePosixPath(path).parent), form)
            for path in self.paths
            if (form := classify.generated_form(path)) is not None
        )

    def _stated(self, path: str) -> bool | None:
        """What ``.gitattributes`` says; the last line that matches wins, and a deeper file is read later."""
        last_value: bool | None = None
        for folder, glob, value in self._rules:
            if (not folder or path.startswith(folder)) and file_matches(path[len(folder) :], (glob,)):
                last_value = value
        return last_value

    @cached_property
    def _rules(self) -> tuple[tuple[str, str, bool], ...]:
        deepest_last = sorted(self.attributes.items(), key=lambda item: item[0].count("/"))
        return tuple(rule for path, text in deepest_last for rule in _parsed(path.removesuffix(ATTRIBUTES), text))


NONE: Final = Exemptions()
"""A base about which nothing is known."""


def asks_for_base(file: FileChange) -> bool:
    """Whether what is exempt or deployed about a file depends on the other files at base."""
    path = file.path
    if file.status is FileStatus.ADDED and (classify.vendored_folder(path) or classify.generated_form(path)):
        return True
    return classify.language(path) in {"yaml", "json", "hcl"} and classify.is_test(path)


def exempted(path: str, text: str) -> list[str]:
    """The globs that a ``.gitattributes`` takes from most rules, each once; what a later line takes back is none."""
    values_by_path: dict[str, bool] = {}
    for folder, glob, value in _parsed(path.removesuffix(ATTRIBUTES), text):
        values_by_path[folder + glob] = value
    return [glob for glob, value in values_by_path.items() if value]


def _parsed(folder: str, text: str) -> Iterator[tuple[str, str, bool]]:
    for line in text.splitlines()[:_MOST_RULES]:
        fields = line.split()
        if len(fields) < 2 or line.lstrip().startswith("#") or len(fields[0]) > 300:
            continue
        for attribute in fields[1:]:
            name, _, value = attribute.lstrip("-!").partition("=")
            if name in _NAMES:
                yield folder, _glob(fields[0]), not attribute.startswith(("-", "!")) and value.lower() not in _FALSE


def _glob(pattern: str) -> str:
    """A pattern without a slash is about names in every folder (gitattributes(5), gitignore(5))."""
    return pattern.removeprefix("/") if "/" in pattern else f"**/{pattern}"
