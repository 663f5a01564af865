"""``clockwork init``: a repository as it is, the files that it begins with, and the pull request that proposes them."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from bot import __version__, escape
from bot.errors import Invalid
from bot.flows.onboarding.forecast import FirstRun, first_run
from bot.flows.onboarding.proposal import OnboardingPull, body_of, propose
from bot.flows.onboarding.starter import SETTINGS, ActionPin, Starter, starter
from bot.flows.onboarding.survey import Survey, survey
from bot.flows.reconcile import tick
from bot.github import address
from bot.renderers.renderers import Renderers
from bot.settings import load, reference
from bot.shipped import folder
from bot.texts import Texts
from bot.wiring.plugins import installed
from bot.wiring.reconcile import declarer, open_loop, run_context
from bot.wiring.repository import (
    OpenRepository,
    Options,
    SystemClock,
    is_files,
    open_repository,
    remote_named,
    repository_to_read,
    work_tree,
)
from bot.wiring.targets import renderers

_PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*\Z", re.ASCII)
_YAML_KEYWORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""What YAML 1.1 reads as something else than text (yaml.org/type/bool.html, yaml.org/type/null.html)."""


@dataclass(frozen=True, slots=True)
class Onboarding:
    """One repository on its way in."""

    opened: OpenRepository
    survey: Survey
    starter: Starter

    def write(self) -> None:
        """The new files are in the folder. Raises ``Invalid`` for a repository that is no folder, and where one cannot be
        written; a file that is there by now is not touched.
        """
        if not is_files(self.opened.options):
            raise Invalid("init writes into a folder", advice="Clone the repository, or add --pull-request.")
        root = Path(self.opened.options.repo)
        if (link := next(filter(partial(self.opened.repository.is_link, ""), self.starter.files), None)) is not None:
            raise Invalid(f"{link} is, or leads through, a symbolic link", advice="Replace it with a folder.")
        above = (root / parent for path in self.starter.files for parent in Path(path).parents)
        if (
            obstacle := next((parent for parent in above if parent.exists() and not parent.is_dir()), None)
        ) is not None:
            raise Invalid(f"{obstacle.relative_to(root)} is a file where a folder is needed", advice="Rename it.")
        for path, data in self.starter.files.items():
            with suppress(FileExistsError):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                with (root / path).open("xb") as file:
                    file.write(data)

    def forecast(self) -> FirstRun:
        """What the first run would do with these settings. Nothing is written."""
        options = self.opened.options
        with tempfile.TemporaryDirectory(prefix="clockwork-init-") as name:
            if SETTINGS in self.starter.files:
                file = Path(name) / SETTINGS
                file.write_bytes(self.starter.files[SETTINGS])
                options = replace(options, settings=file)
            return first_run(lambda: tick(open_loop(options, dry_run=True)))

    def propose(self) -> OnboardingPull:
        """The onboarding pull request. See :func:`bot.flows.onboarding.proposal.propose`."""
        git = self.opened.git
        if git is None:
            raise Invalid(f"{self.opened.options.repo} has no remote", advice="Name the remote with --repo URL.")
        run = run_context(self.opened, clock=SystemClock())
        return propose(self.survey, self.starter, self.forecast(), run, git)

    def body(self) -> str:
        """What the pull request would say."""
        run = run_context(self.opened, clock=SystemClock(), read_only=True)
        return body_of(self.survey, self.starter, self.forecast(), run)


def open_onboarding(
    options: Options, *, pull_request: bool, workflow: bool, action: ActionPin | None = None
) -> Onboarding:
    """A repository and what it would begin with: the files of a folder as they are now, or the branch that a pull request
    would be made for.
    """
    if not pull_request and is_files(options):
        _check_top(Path(options.repo))
    open_repo = open_repository(options) if pull_request else repository_to_read(options)
    head = open_repo.repository.head(open_repo.branch)
    if head is None:
        raise Invalid(f"{options.repo} has no branch {open_repo.branch}", advice="Push a first commit.")
    shared = renderers(options)
    surveyed = _surveyed(open_repo, head, shared)
    texts = Texts.at(folder("templates") / "init", filters={**escape.FILTERS, "yaml": yaml_scalar})
    missing = starter(
        surveyed, texts, schema=reference.schema_text(), version=__version__, workflow=workflow, action=action
    )
    if (
        settings_file := missing.files.get(SETTINGS)
    ) is not None:  # what is compared then, by the settings that it would have
        surveyed = _surveyed(replace(open_repo, settings=load(settings_file, installed=installed)), head, shared)
    return Onboarding(open_repo, surveyed, missing)


def _check_top(path: Path) -> None:
    """Raise ``Invalid`` for a folder inside a clone: settings and workflows count at its top alone."""
    top = work_tree(path)
    if top is not None and not top.samefile(path):
        raise Invalid(
            f"{path.resolve()} is a folder inside the repository {top.resolve()}",
            advice=f"Settings and workflows count at its top: `clockwork init --repo {shlex.quote(str(top.resolve()))}`.",
        )


def _surveyed(open_repo: OpenRepository, head: str, shared: Renderers) -> Survey:
    return survey(
        declarer(open_repo, shared).at(head),
        open_repo.repository,
        name=open_repo.name,
        branch=open_repo.branch,
        elsewhere_hosted=_elsewhere(open_repo),
    )


def _elsewhere(open_repo: OpenRepository) -> str:
    """The server of the repository where it is known to be no GitHub and settings name no code host; else nothing."""
    remote = open_repo.remote or remote_named(open_repo.options)
    if remote is None or open_repo.settings.github.api_url or open_repo.settings.host.kind != "github":
        return ""
    return address.other_host(remote) or ""


def yaml_scalar(value: str) -> str:
    """``value`` as YAML has it: as it is where it can only be text, else in quotes (JSON is YAML; YAML 1.2.2, 1.3)."""
    return value if _PLAIN.match(value) and value.lower() not in _YAML_KEYWORDS else json.dumps(value)
