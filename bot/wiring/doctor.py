"""``clockwork doctor``: asks what a run would ask, of the same adapters, and hands the answers to those who judge them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot import __version__
from bot.assistants.choose import Disabled
from bot.confinement.walls import Confinement, Wall, best
from bot.errors import BotError, Invalid
from bot.flows import doctor
from bot.flows.doctor import examined
from bot.flows.memory import remember
from bot.flows.onboarding.starter import SCHEMA
from bot.flows.onboarding.survey import RUNS_US
from bot.flows.workflow_rights import workflow
from bot.github import actions
from bot.model.choices import AI_PROGRAMS
from bot.model.diagnosis import Diagnosis, Health
from bot.model.target import UnitKind
from bot.model.wording import counted
from bot.policy.rules import RuleSet
from bot.ports import CodeHost, ExaminedHost
from bot.renderers import confined, tools
from bot.settings import reference
from bot.wiring.configuration import check_configuration
from bot.wiring.guard import assistant_of
from bot.wiring.host import open_host
from bot.wiring.ledger import ledger
from bot.wiring.reconcile import loop_on, rules_of, run_context
from bot.wiring.repository import OpenRepository, Options, SystemClock, cache_root, open_repository, repository_to_read

if TYPE_CHECKING:
    from bot.flows.observation import Assessment


def diagnose(options: Options, *, offline: bool = False) -> tuple[Diagnosis, ...]:
    """Everything that could be looked at, in the order in which people mend it. Never raises for what it finds.

    ``offline`` asks nothing over the network: not the code host, not the ledger, not what runs.
    """
    cache = examined("cache", lambda: _cache(options))
    if any(diagnosis.health is Health.FAILS for diagnosis in cache):
        return cache  # nothing can be fetched into it
    diagnoses = list(examined("repository", lambda: doctor.configuration(check_configuration(options))))
    if [diagnosis.area for diagnosis in diagnoses] == ["repository"]:
        return tuple(diagnoses)  # it cannot even be read
    try:
        open_repo = repository_to_read(options) if offline else open_repository(options)
    except BotError as exc:
        if any(
            diagnosis.health is Health.FAILS and exc.message.splitlines()[0] in diagnosis.message
            for diagnosis in diagnoses
        ):
            return tuple(diagnoses)  # settings that are wrong, told with their lines
        return (*diagnoses, Diagnosis("repository", Health.FAILS, exc.message, exc.advice or ""))
    surroundings = _Surroundings(open_repo, SystemClock())
    diagnoses += examined("repository", surroundings.repository)
    if offline:
        diagnoses.append(
            Diagnosis("network", Health.SKIPPED, "rights, ledger and live state were not asked for: --offline")
        )
    else:
        diagnoses += examined("rights", surroundings.host)
        diagnoses += examined("ledger", surroundings.ledger)
        diagnoses += examined("live state", surroundings.live_state)
    diagnoses += cache
    if not any(
        diagnosis.area == "renderers" for diagnosis in diagnoses
    ):  # live state could not be compared without them
        diagnoses += examined("renderers", surroundings.renderers)
    for area in ("assistants", "environment", "workflows"):
        diagnoses += examined(area, getattr(surroundings, area))
    return tuple(diagnoses)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """One opened repository and what is asked around it."""

    opened: OpenRepository
    clock: SystemClock

    def repository(self) -> Iterator[Diagnosis]:
        open_repo = self.opened
        head = open_repo.repository.head(open_repo.branch)
        if open_repo.git is None:
            advice = "Name the remote with --repo URL to have anything written."
            yield Diagnosis("repository", Health.NOTE, f"{open_repo.name}: files of a folder, only read", advice)
        else:
            yield Diagnosis(
                "repository", Health.OK, f"{open_repo.name}, branch {open_repo.branch} at {(head or '')[:12]}"
            )

    def host(self) -> Iterator[Diagnosis]:
        if self.opened.git is None:
            return
        host = open_host(self.opened, self.clock)
        if host is None:
            advice = "Set github.api_url and repository in clockwork.yaml if it is on one."
            text = "on no code host that is known: no pull requests, no issues, no checks"
            yield Diagnosis("rights", Health.NOTE, text, advice)
            return
        yield from self._rights(host)
        if self.opened.secrets.marker is None:
            text = "CLOCKWORK_SECRET is not set: whoever knows the repository's name can forge markers"
            yield Diagnosis("rights", Health.NOTE, text, "Set it to random text, the same wherever Clockwork runs.")

    def _rights(self, host: CodeHost) -> Iterator[Diagnosis]:
        if not isinstance(host, ExaminedHost):
            yield Diagnosis("rights", Health.SKIPPED, "this code host does not tell what a token may do")
            return
        host.whoami()
        now = self.clock.now()  # rights are asked for one after the other, and the clock first
        host_rights, settings = host.rights(self.opened.branch), self.opened.settings
        labels = settings.github.labels
        facts = host.facts()
        yield from doctor.rights(host_rights, facts, labels=labels, signing=settings.author.signing)
        yield from doctor.merging(self._rules(), facts)
        yield from doctor.clock(now, host_rights.at)

    def _rules(self) -> RuleSet:
        head = self.opened.repository.head(self.opened.branch)
        return RuleSet() if head is None else rules_of(self.opened, head)

    def ledger(self) -> Iterator[Diagnosis]:
        if self.opened.git is None:
            return
        audit = ledger(self.opened, clone="doctor").verify()
        if audit.sound:
            entries = counted(audit.entries, "entry", "entries")
            yield Diagnosis(
                "ledger", Health.OK, f"{entries} verified" if audit.entries else "empty: nothing was done yet"
            )
        for problem in audit.problems:
            yield Diagnosis("ledger", Health.FAILS, problem, "Find out who changed it; nothing is written until then.")
        run = run_context(self.opened, clock=self.clock, read_only=True)
        yield from doctor.memory(remember(run), self.clock.now())

    def live_state(self) -> Iterator[Diagnosis]:
        yield from doctor.live_state(self._assessment().report)

    def _assessment(self) -> Assessment:
        loop = loop_on(self.opened, clock=self.clock, dry_run=True)
        head = self.opened.repository.head(self.opened.branch)
        if head is None:
            raise Invalid(f"no branch {self.opened.branch}", advice="Push a first commit.")
        return loop.assess(head, self.clock.now())

    def renderers(self) -> Iterator[Diagnosis]:
        """Which tools render what the repository needs rendered."""
        from bot.wiring.reconcile import declarer

        head = self.opened.repository.head(self.opened.branch) or ""
        deployment = declarer(self.opened).at(head).deployment
        targets = () if deployment is None else deployment.discovery.targets
        kinds = {unit.kind for target in targets for unit in target.units}
        if kinds & {UnitKind.KUSTOMIZE, UnitKind.FLUX_KUSTOMIZATION, UnitKind.ARGO_APPLICATION}:
            yield from examined("renderers", lambda: [_tool(f"kustomizations: {tools.kustomize().path}")])
        if kinds & {UnitKind.HELM, UnitKind.FLUX_HELM_RELEASE}:
            if (program := tools.helm()) is not None or tools.helm_library():
                yield _tool(f"charts: {program or 'the helm-python-sdk package'}")
            else:
                yield Diagnosis("renderers", Health.FAILS, "nothing renders charts", tools.HELM_ADVICE)
        if kinds and confined.best() is Wall.NONE:
            text = "this machine can build no wall around them: they read what they may read by their own rules"
            advice = "Allow user namespaces, or run on Linux 5.13 or newer with Landlock; `unshare` has to be on PATH."
            yield Diagnosis("renderers", Health.NOTE, text, advice)

    def assistants(self) -> Iterator[Diagnosis]:
        environment = self.opened.options.environment
        for choice in self.opened.settings.guard.assistants:
            name = choice.name or choice.kind
            assistant = assistant_of(choice, environment, self.clock)
            program = choice.command[0] if choice.command else choice.kind
            needs_program = choice.kind in {*AI_PROGRAMS, "command"}
            if isinstance(assistant, Disabled):
                yield Diagnosis("assistants", Health.NOTE, f"{name} is not asked: {assistant.why}", "Set the variable.")
            elif needs_program and shutil.which(program, path=environment.get("PATH", os.defpath)) is None:
                yield Diagnosis("assistants", Health.FAILS, f"{name}: no program {program} on PATH", "Install it.")
            else:
                yield confined_assistant(name, choice.confinement, best() if needs_program else None)

    def environment(self) -> Iterator[Diagnosis]:
        """The variables that settings name and nobody set."""
        settings, environment = self.opened.settings, self.opened.options.environment
        variables = [
            (f"notifications.receivers.{name}", variable)
            for name, receiver in settings.notifications.receivers.items()
            for variable in (receiver.apprise_env, receiver.webhook_env, receiver.secret_env)
        ]
        variables += [(f"api.tokens.{name}", token.env) for name, token in settings.api.tokens.items()]
        if (influx := settings.metrics.influx) is not None:
            variables += [("metrics.influx", influx.url_env), ("metrics.influx", influx.token_env)]
        for setting, variable in variables:
            if variable is not None and not environment.get(variable):
                text = f"{setting} names {variable}, which is not set"
                yield Diagnosis("environment", Health.NOTE, text, "Set it where Clockwork runs.")

    def workflows(self) -> Iterator[Diagnosis]:
        """Workflows that run this bot: whether they install this version and give it the rights that it needs."""
        repository = self.opened.repository
        head = repository.head(self.opened.branch) or ""
        files = {entry.path: repository.read(head, entry.path) or b"" for entry in repository.entries(head, _WORKFLOWS)}
        our_workflows = {path: data for path, data in files.items() if RUNS_US.search(data)}
        for path, data in our_workflows.items():
            yield from workflow(path, data, __version__)
        if not our_workflows:
            yield Diagnosis(
                "workflows", Health.NOTE, "no workflow runs Clockwork", "clockwork init, or run the daemon."
            )
        schema = repository.read(head, SCHEMA)
        if schema is not None and schema.decode(errors="replace") != reference.schema_text():
            text = f"{SCHEMA} is that of another version"
            yield Diagnosis("workflows", Health.NOTE, text, f"clockwork schema > {SCHEMA}")


def confined_assistant(name: str, confinement: Confinement, wall: Wall | None) -> Diagnosis:
    """Whether an assistant is asked on a machine whose strongest wall is ``wall``; None for one that is no program."""
    if wall is None:
        return Diagnosis("assistants", Health.OK, f"{name}, over HTTPS")
    if confinement is not Confinement.NONE and wall is not Wall.NONE:
        return Diagnosis("assistants", Health.OK, f"{name}, behind {wall}")
    install = "Install bubblewrap or allow user namespaces"
    if confinement is Confinement.REQUIRED:
        advice = f"{install}; or set its confinement to best or none."
        return Diagnosis("assistants", Health.FAILS, f"{name}: this machine can build no wall around it", advice)
    advice = "Set its confinement to required." if confinement is Confinement.NONE else f"{install}."
    return Diagnosis("assistants", Health.NOTE, f"{name}, without a wall: it can reach what this user can", advice)


def _cache(options: Options) -> Iterator[Diagnosis]:
    """Whether there is a folder for what a machine remembers."""
    root, environment = cache_root(options), options.environment
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root):
            pass
    except OSError as exc:
        text = f"{root} cannot be written: {exc.strerror}"
        yield Diagnosis("cache", Health.FAILS, text, "Set CLOCKWORK_CACHE to a folder that can.")
        return
    if actions.run(environment) is not None and not environment.get("CLOCKWORK_CACHE"):
        text = "a fresh runner knows no earlier ledger to compare with"
        yield Diagnosis("cache", Health.NOTE, text, "Keep CLOCKWORK_CACHE between runs (actions/cache).")
    else:
        yield Diagnosis("cache", Health.OK, str(root))


_WORKFLOWS: Final = ".github/workflows"


def _tool(text: str) -> Diagnosis:
    return Diagnosis("renderers", Health.OK, text)
