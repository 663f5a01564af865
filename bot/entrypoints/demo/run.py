"""The demo's plot: sandbox, shop, drift, the real bot, an account with links, then a page to press Merge on.

The bot is wired exactly as the command line wires it; only the token and the address are the sandbox's.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bot import shipped
from bot.assembly.assemble import assemble
from bot.edits.overlays import Overlays
from bot.entrypoints.demo import story
from bot.entrypoints.demo.cluster import DemoCluster
from bot.errors import Invalid, Unavailable
from bot.flows.circumstances import Circumstances, circumstances, touched
from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.flows.dashboard.board import DASHBOARD
from bot.flows.explain import explain
from bot.flows.head_check import Reviewed
from bot.flows.reconcile import Loop, tick
from bot.forge.render import render
from bot.model.codehost import PullRequest
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.resource import Desired
from bot.model.wording import counted
from bot.report.wording import is_self_explanatory, remedy
from bot.sandbox.server import Sandbox
from bot.settings import FILE, Settings
from bot.settings.places import ObserveSettings
from bot.trust import web_authorities
from bot.wiring.guard import Guard, review
from bot.wiring.host import open_host
from bot.wiring.reconcile import loop_on
from bot.wiring.repository import Options, SystemClock, open_repository
from bot.wiring.targets import renderers
from bot.wiring.workers import workers_of

NAME: Final = "acme/shop"
_SNAPSHOT: Final = re.compile(r"\blive/(\w+\.json)\b")
Narrator = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Account:
    """What the demo did, with links. ``seconds`` is wall clock from start to account."""

    home: str
    commit: TakenAction
    pull: TakenAction
    issue: TakenAction
    agent_pull: str
    review: Reviewed
    failure_modes: str
    failure_modes_url: str
    dashboard: str
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The one object that ``--json`` prints."""
        return {
            "artifact_commit": {"sha": self.commit.sha, "url": self.commit.url},
            "pull_request": {"url": self.pull.url, "number": self.pull.number},
            "runbook_issue": {"url": self.issue.url, "number": self.issue.number},
            "check": {
                "conclusion": self.review.state.value,
                "url": None if self.review.check is None else self.review.check.url,
                "pull_request": self.agent_pull,
                "findings": [finding.rule for finding in self.review.result.findings],
            },
            "failure_modes": {"path": self.failure_modes, "url": self.failure_modes_url},
            "dashboard": {"url": self.dashboard},
            "sandbox": self.home,
            "seconds": round(self.seconds, 2),
        }


@dataclass(slots=True)
class Stage:
    """A running demo."""

    box: Sandbox
    options: Options
    loop: Loop
    guard: Guard
    clusters: Mapping[Path, DemoCluster]
    """What runs, by the snapshot that the bot's observers read it from."""
    started: float
    """When setting it up began, in seconds of the monotonic clock."""

    @property
    def prod(self) -> DemoCluster:
        """Where the demo's people work."""
        return next(cluster for file, cluster in self.clusters.items() if file.stem == "prod")

    def show(self) -> None:
        """Write what runs to where the bot's observers read it."""
        for file, cluster in self.clusters.items():
            file.write_text(json.dumps(cluster.as_snapshot(), indent=1), encoding="utf-8")


def shop_files(live: Path) -> dict[str, bytes]:
    """The shop's repository: the shipped template, with its ``.cw`` files rendered and its snapshots in ``live``."""
    shipped_files = shipped.files("templates", "shop/**/*")
    files = {path.removeprefix("shop/"): data for path, data in shipped_files.items()}
    settings = _SNAPSHOT.sub(lambda match: json.dumps(str(live / match[1])), files[FILE].decode())
    assembly = assemble(files, variables={}, environment={})
    return files | {FILE: settings.encode()} | dict(render(assembly.config, Overlays()).files)


@contextmanager
def staged(directory: Path, *, port: int, narrate: Narrator) -> Iterator[Stage]:
    """The sandbox with the shop on it and the bot wired to both."""
    started = time.monotonic()
    narrate("starting a GitHub-compatible server on this machine")
    with Sandbox.start(directory / "sandbox", port=port) as box:
        token = box.create_user("clockwork[bot]", bot=True)
        narrate(f"creating the repository {NAME}")
        live = directory / "live"
        live.mkdir()
        box.create_repository(NAME, files=shop_files(live), description="What runs the shop, declared in Git.")
        options = Options(
            repo=box.git_url(NAME),
            environment={
                "CLOCKWORK_TOKEN": token,
                "CLOCKWORK_SECRET": secrets.token_hex(16),
                "GITHUB_API_URL": box.api_url,
            },
            cache=directory / "cache",
        )
        open_repo = open_repository(options)
        clock = SystemClock()
        shared = renderers(options)
        loop = loop_on(open_repo, clock=clock, renderers=shared)
        host = open_host(open_repo, clock)
        if host is None:
            raise Unavailable("the sandbox is not recognised as a code host")
        guard, clusters = Guard(open_repo, host, clock, shared), _clusters(open_repo.settings, loop)
        stage = Stage(box, options, loop, guard, clusters, started)
        try:
            yield stage
        finally:
            stage.guard.store.close()


def _clusters(settings: Settings, loop: Loop) -> dict[Path, DemoCluster]:
    """What the shop's targets declare, running where the settings say that they are observed."""
    declaration = loop.declarer.at(loop.run.repository.head(loop.run.branch) or "")
    if declaration.deployment is not None and declaration.deployment.unreachable:
        missing = dict.fromkeys(gap.cause for gap in declaration.deployment.unreachable)
        raise Unavailable(
            f"the shop is deployed with Kustomize and Helm. {' '.join(missing)}",
            advice="`pip install 'clockwork-gitops[demo]'` brings all that the demo needs.",
        )
    observed = {"": settings.observe} | {target.name: target.observe or settings.observe for target in settings.targets}
    resources_by_file: dict[Path, list[Desired]] = {_snapshot(observe): [] for observe in observed.values()}
    for desired in declaration.resources:
        resources_by_file[_snapshot(observed[desired.id.target])].append(desired)
    return {file: DemoCluster.running(declared) for file, declared in resources_by_file.items()}


def _snapshot(observe: ObserveSettings) -> Path:
    if observe.snapshot is None or observe.snapshot.file is None:
        raise Invalid(f"{FILE} of the demo's shop names no snapshot to observe")
    return Path(observe.snapshot.file)


def play(stage: Stage, *, narrate: Narrator) -> Account:
    """Everything up to the account."""
    stage.show()
    narrate("the bot reconciles two clusters and a host: in sync, nothing to do")
    _settle(stage)
    narrate("people change things behind Git's back; the bot reconciles")
    story.change_live_state(stage.prod)
    stage.show()
    finished = tick(stage.loop)
    narrate("an assistant opens a pull request; the guardrails judge it and the bot's")
    number, url = _agent_pull(stage)
    own_action = _action(finished, Lane.CONFIG_PULL_REQUEST)
    review(stage.guard, own_action.number or 0)
    reviewed = review(stage.guard, number)
    stage.guard.store.close()
    narrate("the failure modes are written into the repository")
    path, link = _failure_modes(stage)
    return Account(
        home=stage.box.web_url(NAME),
        commit=_action(finished, Lane.ARTIFACT_PATCH),
        pull=own_action,
        issue=_action(finished, Lane.RUNBOOK_ISSUE),
        agent_pull=url,
        review=reviewed,
        failure_modes=path,
        failure_modes_url=link,
        dashboard=_dashboard(stage),
        seconds=time.monotonic() - stage.started,
    )


def _settle(stage: Stage) -> None:
    """The first run compares everything and finds nothing to do; anything else is a fault of the demo."""
    first = tick(stage.loop)
    report = first.report
    faults = [] if first.blocked is None else [first.blocked]
    faults += [f"{drift.resource.qualified} {drift.where}" for drift in report.drift]
    faults += [f"{note.rule} {note.state}: {note.detail}" for note in report.notes]
    faults += [*map(str, report.errors), *(f"{gap.observer}: {gap.cause}" for gap in report.unreachable)]
    if faults:
        raise Unavailable(f"the demo's shop does not run as declared: {'; '.join(faults)}")


def _action(finished: Tick, lane: Lane) -> TakenAction:
    for action in finished.actions:
        if action.lane is lane and action.effect.wrote:
            return action
    account = "; ".join(f"{action.lane} {action.task}: {action.message}" for action in finished.actions)
    raise Unavailable(f"the demo's bot made no {lane}: {account or finished.blocked or 'nothing'}")


def _agent_pull(stage: Stage) -> tuple[int, str]:
    """The assistant's pull request, opened with its own account over the API."""
    token = stage.box.create_user("helpful-agent[bot]", bot=True)
    root = f"{stage.box.api_url}/repos/{NAME}"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(verify=web_authorities(), headers=headers, timeout=30) as agent:
        head = _json(agent.get(f"{root}/git/ref/heads/main"))["object"]
        sha = head["sha"] if isinstance(head, Mapping) else ""
        _json(agent.post(f"{root}/git/refs", json={"ref": f"refs/heads/{story.AGENT_BRANCH}", "sha": sha}))
        repository = stage.loop.run.repository
        repository.fetch()
        files = {path: repository.read(str(sha), path) or b"" for path in ("src/checkout.py", story.API)}
        for path, data in story.agent_files(files).items():
            known_file = _json(agent.get(f"{root}/contents/{path}", params={"ref": story.AGENT_BRANCH}))
            body = {
                "message": f"{story.AGENT_TITLE}\n\nCo-authored-by: helpful-agent <agent@example.com>",
                "content": base64.b64encode(data).decode(),
                "sha": known_file["sha"],
                "branch": story.AGENT_BRANCH,
            }
            _json(agent.put(f"{root}/contents/{path}", json=body))
        pull_fields = {"title": story.AGENT_TITLE, "body": story.AGENT_BODY, "head": story.AGENT_BRANCH, "base": "main"}
        pull = _json(agent.post(f"{root}/pulls", json=pull_fields))
    return int(str(pull["number"])), str(pull["html_url"])


def _dashboard(stage: Stage) -> str:
    host = stage.loop.run.host
    issues = () if host is None else host.issues()
    return next((issue.url for issue in issues if issue.marker and issue.marker.kind == DASHBOARD), "")


def _json(answer: httpx.Response) -> Mapping[str, object]:
    if answer.is_error:
        raise Unavailable(f"the sandbox answered {answer.status_code} to {answer.request.method} {answer.request.url}")
    document = answer.json()
    return document if isinstance(document, dict) else {}


def _failure_modes(stage: Stage) -> tuple[str, str]:
    from bot.workers.work import Worker, work

    workers = workers_of(stage.guard.opened)
    work(Worker.EXPORT, workers)
    return workers.path, stage.box.web_url(NAME, f"/blob/main/{workers.path}")


def react(
    stage: Stage, *, narrate: Callable[[Sequence[str]], None], stopped: Callable[[], bool], pause: float = 1.0
) -> None:
    """Answer comments and reconcile whenever a branch, pull request or issue changes, until ``stopped``. ``pause`` is in
    seconds. Whatever changes meanwhile is looked at next; lines that were said last are not said again. Every thread is read
    once at first, and again a look after it changed: what is written before the first look, or in the second of the last
    change, shows in no thread's time.
    """
    seen_items, again, last = _circumstances(stage), frozenset[int](), tuple[str, ...]()
    changed = frozenset(seen_items.threads())
    while not stopped():
        time.sleep(pause)
        try:
            now = _circumstances(stage)
            changed |= frozenset(touched(seen_items, now))
            answers = _answered(stage, changed | again)
            again, changed = changed, frozenset()
            if now == seen_items and not answers:
                continue
            finished = tick(stage.loop)
            lines, news = account_lines(finished), (*answers, *_ended(stage, seen_items, now, finished))
            seen_items = now
        except Unavailable:
            # The signal that ends the demo also ends the poll() in which libgit2 waits for the sandbox: signal(7) says that
            # poll is never restarted, whatever SA_RESTART says.
            if not stopped():
                raise
        else:
            if news or lines != last:
                narrate((*news, *lines))
            last = lines


def _circumstances(stage: Stage) -> Circumstances:
    """What webhooks would be sent for."""
    return circumstances(stage.loop.run)


def _answered(stage: Stage, threads: frozenset[int]) -> tuple[str, ...]:
    """A line for each comment that was answered in these threads."""
    loop = stage.loop
    orders = Orders(loop.run, loop.declarer, loop.run.actor, explained=lambda task: explain(loop, task).text())
    return tuple(
        f"answered on #{number}: {next((line for line in text.splitlines() if line.strip('` ')), '')}"
        for number in sorted(threads)
        for text in answer_comments(number, orders)
    )


def _ended(stage: Stage, before: Circumstances, after: Circumstances, finished: Tick) -> Iterator[str]:
    """A line for each pull request of ours that a person merged or closed, with what came of it."""
    host, still = stage.loop.run.host, {item.number for item in after.items}
    differing = {drift.task for drift in finished.report.drift}
    for item in before.items:
        ended = None if host is None or item.number in still else host.item(item.number)
        if isinstance(ended, PullRequest) and item.marker is not None and not ended.closed_by_us:
            task = item.marker.key
            state = "still differs" if task in differing else "in sync"
            yield f"#{item.number} {ended.state.value}, {task} {state}"


def account_lines(finished: Tick) -> tuple[str, ...]:
    """What a run did, one sentence a line; quiet about what stayed as it was."""
    lines = [_account_line(action) for action in finished.actions if action.effect is not Effect.UNCHANGED]
    if not finished.report.drift:
        lines.append("In sync: what runs is what Git says.")
    return tuple(lines) or (f"{counted(len(finished.report.drift), 'difference')} left; nothing new to do.",)


def _account_line(action: TakenAction) -> str:
    about = "" if is_self_explanatory(action) else f"{remedy(action.lane)} for {action.task}: "
    return f"{action.effect.value} {about}{action.message}"
