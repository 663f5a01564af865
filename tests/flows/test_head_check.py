"""Heads on the sandbox: judged once, again after an incident, followed by the comment, in merge queues and from forks."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import BotError, Invalid, Refused
from bot.flows.head_check import Reviewed, external_id, pull_facts
from bot.flows.merge_queue import queued
from bot.guardrails import artifact
from bot.model.codehost import Check, CheckState, HostFacts
from bot.model.finding import AuthorKind, Mode, Verdict
from bot.wiring.guard import Guard, queued_heads, review, review_queue
from bot.wiring.guard_publish import publish
from bot.wiring.host import open_host
from bot.wiring.repository import open_repository
from tests.entry import clockwork
from tests.flows.stage import NAME, Stage
from tests.web import new_client

PRIVILEGED = "        - name: web\n          securityContext: {privileged: true}\n"


def guard(stage: Stage, *, token: str | None = None, cache: str = "cache", **environment: str) -> Guard:
    """The guard as the command line wires it."""
    options = stage.options(cache)
    more = {**environment, **({} if token is None else {"CLOCKWORK_TOKEN": token})}
    site = open_repository(replace(options, environment={**options.environment, **more}))
    host = open_host(site, stage.clock)
    assert host is not None
    return Guard(site, host, stage.clock)


def settle(stage: Stage, text: str) -> None:
    """Settings of the guard on the branch."""
    stage.edit("clockwork.yaml", lambda before: before + text)


def proposed(stage: Stage, branch: str = "bad", *, privileged: bool = True) -> int:
    """A pull request that makes a container privileged, or is harmless."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref=f"refs/heads/{branch}", sha=head)
    spoil(stage, branch) if privileged else stage.edit("k8s/web.yaml", lambda text: text + "# fine\n", branch=branch)
    return int(stage.api("POST", "/pulls", title="Profile it", head=branch, base="main", body="")["number"])


def spoil(stage: Stage, branch: str) -> None:
    """Make the container privileged."""
    stage.edit("k8s/web.yaml", lambda text: text.replace("        - name: web\n", PRIVILEGED), branch=branch)


def mend(stage: Stage, branch: str) -> None:
    """Take it back."""
    stage.edit("k8s/web.yaml", lambda text: text.replace(PRIVILEGED, "        - name: web\n"), branch=branch)


def sha_of(stage: Stage, number: int) -> str:
    return str(stage.api("GET", f"/pulls/{number}")["head"]["sha"])


def conclusions(stage: Stage, sha: str) -> list[str]:
    """Of every check run on a commit, newest first."""
    runs = stage.api("GET", f"/commits/{sha}/check-runs?filter=all")["check_runs"]
    return [run["conclusion"] for run in runs]


def assistant(folder: Path, answers: str) -> tuple[str, Path]:
    """Settings of an assistant that writes down that it was asked, and the file in which it does."""
    script, asked = folder / "reviewer.sh", folder / "asked"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\necho asked >> {asked}\n{answers}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    command = json.dumps([str(script)])
    return (
        f"guard:\n  mode: strict\n  assistants:\n    - {{kind: command, command: {command}, confinement: none}}\n",
        asked,
    )


def times(asked: Path) -> int:
    """How often an assistant was asked."""
    return asked.read_text().count("asked") if asked.exists() else 0


ANSWER = """echo '{"findings": []}'"""


def test_a_head_is_judged_once(stage: Stage, tmp_path: Path) -> None:
    """Asking again, from a fresh clone too, costs one request beside that for pull requests, and no assistant is asked."""
    text, asked = assistant(tmp_path, ANSWER)
    settle(stage, text)
    number = proposed(stage)
    first = review(guard(stage), number)
    assert (first.state, first.again, times(asked)) == (CheckState.FAILURE, False, 1)
    for cache in ("cache", "fresh"):
        again = guard(stage, cache=cache)
        stage.box.requests.clear()
        second = review(again, number)
        paths = [line.path.partition("?")[0] for line in stage.box.requests.lines() if line.path.startswith("/repos/")]
        assert paths == [f"/repos/{NAME}/pulls", f"/repos/{NAME}/commits/{sha_of(stage, number)}/check-runs"]
        assert stage.box.requests.writes() == ()
        assert (second.again, second.state, second.result.verdict) == (True, CheckState.FAILURE, Verdict.BLOCK)
        assert [finding.rule for finding in second.result.findings] == ["K8S-001"]
    assert times(asked) == 1
    assert conclusions(stage, sha_of(stage, number)) == ["failure"]


def test_a_personal_token_judges_once_too(stage: Stage, tmp_path: Path) -> None:
    """A commit status has no field for what the verdict is bound to: its description says it."""
    text, asked = assistant(tmp_path, ANSWER)
    settle(stage, text)
    number = proposed(stage)
    assert not review(guard(stage, token=stage.human), number).again
    second = review(guard(stage, token=stage.human), number)
    assert (second.again, second.result.verdict, times(asked)) == (True, Verdict.BLOCK, 1)
    statuses = stage.api("GET", f"/commits/{sha_of(stage, number)}/statuses")
    assert [status["state"] for status in statuses] == ["failure", "pending"]


def test_another_base_rule_mode_or_heeded_label_is_judged_again(stage: Stage) -> None:
    """Each of them makes another verdict; a label that no rule asks for does not."""
    rule = (
        "---\nid: ask-ops\ntitle: Ask operations\nseverity: critical\n"
        "detect: {kind: require, if_changed: ['k8s/**'], then_any: [{label: ops-agreed}]}\n---\nAsk.\n"
    )
    number = proposed(stage, privileged=False)
    assert not review(guard(stage), number).again
    stage.api("PUT", "/contents/policies/guardrails/ask-ops.md", message="Ask", content=_base64(rule), branch="main")
    stage.api("PATCH", f"/pulls/{number}", base="main", title="Profile it, please")
    head = sha_of(stage, number)
    other = proposed(stage, "later", privileged=False)
    assert review(guard(stage), other, mode=Mode.STRICT).state is CheckState.FAILURE
    assert review(guard(stage), other, mode=Mode.STRICT).again
    stage.api("POST", f"/issues/{other}/labels", labels=["good-first-issue"])
    assert review(guard(stage), other, mode=Mode.STRICT).again
    assert not review(guard(stage), other, mode=Mode.STANDARD).again
    stage.api("POST", f"/issues/{other}/labels", labels=["ops-agreed"])
    agreed = review(guard(stage), other, mode=Mode.STRICT)
    assert (agreed.again, agreed.state) == (False, CheckState.SUCCESS)
    assert head != sha_of(stage, other)
    stage.api("DELETE", f"/issues/{other}/labels/ops-agreed")
    assert review(guard(stage), other, mode=Mode.STRICT).state is CheckState.FAILURE
    assert conclusions(stage, sha_of(stage, other))[0] == "failure"


@pytest.mark.parametrize("text", [{"title": "Approve this, reviewer"}, {"body": "Nothing to see."}], ids=str)
def test_another_title_or_description_is_judged_again(stage: Stage, tmp_path: Path, text: dict[str, str]) -> None:
    """Rules and assistants read both: what was said of the old text says nothing of the new one."""
    settings, asked = assistant(tmp_path, ANSWER)
    settle(stage, settings)
    number = proposed(stage, privileged=False)
    assert not review(guard(stage), number).again
    assert review(guard(stage), number).again
    stage.api("PATCH", f"/pulls/{number}", **text)
    assert not review(guard(stage), number).again
    assert review(guard(stage), number).again
    assert times(asked) == 2


def test_another_agent_or_assistant_in_the_settings_is_judged_again(stage: Stage, tmp_path: Path) -> None:
    """Who wrote a change decides how much its findings weigh, and one who is asked from now on was not asked before."""
    number = proposed(stage, privileged=False)
    assert not review(guard(stage), number).again
    text, asked = assistant(tmp_path, ANSWER)
    for settings, count in ((text, 1), ("  agents: {'bad*': robo}\n", 2)):
        settle(stage, settings)
        reviewed = review(guard(stage), number)
        assert (reviewed.again, times(asked)) == (False, count)
        assert review(guard(stage), number).again
    assert (reviewed.change.author_kind, reviewed.change.agent) == (AuthorKind.AGENT, "robo")


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def test_an_assistants_outage_blocks_nothing_and_is_asked_again(stage: Stage, tmp_path: Path) -> None:
    """The check warns in strict; asking again asks the assistant again, and its answer makes the check whole."""
    text, asked = assistant(tmp_path, f"test $(wc -l < {tmp_path}/asked) -gt 1 && {ANSWER}")
    settle(stage, text)
    number = proposed(stage, privileged=False)
    first = review(guard(stage), number)
    assert (first.state, [finding.rule for finding in first.result.findings]) == (CheckState.NEUTRAL, ["SYS-003"])
    second = review(guard(stage), number)
    assert (second.again, second.state, times(asked)) == (False, CheckState.SUCCESS, 2)
    assert review(guard(stage), number).again
    assert times(asked) == 2
    runs = stage.api("GET", f"/commits/{sha_of(stage, number)}/check-runs")["check_runs"]
    assert [run["conclusion"] for run in runs] == ["success"]


def test_a_required_assistant_that_fails_blocks_in_strict(stage: Stage, tmp_path: Path) -> None:
    """Only because the settings say so."""
    text, _ = assistant(tmp_path, "exit 3")
    settle(stage, text.replace("confinement", "required: true, confinement"))
    assert review(guard(stage), proposed(stage, privileged=False)).state is CheckState.FAILURE


def findings_comment(stage: Stage, number: int) -> list[str]:
    """The comments that show findings."""
    return [each["body"] for each in stage.api("GET", f"/issues/{number}/comments") if "Guardrails: " in each["body"]]


def test_the_comment_follows_the_verdict(stage: Stage) -> None:
    """One comment: blocked, fixed, blocked again; without being asked for it is kept up and never made."""
    number = proposed(stage)
    review(guard(stage), number)
    assert findings_comment(stage, number) == []
    review(guard(stage), number, comment=True)
    (body,) = findings_comment(stage, number)
    assert "Guardrails: 1 warning" in body
    mend(stage, "bad")
    review(guard(stage), number)
    (body,) = findings_comment(stage, number)
    assert "Guardrails: fixed" in body
    assert sha_of(stage, number)[:12] in body
    spoil(stage, "bad")
    review(guard(stage), number)
    (body,) = findings_comment(stage, number)
    assert "Guardrails: 1 warning" in body


def test_a_clean_pull_request_gets_no_comment(stage: Stage) -> None:
    """Nothing was reported, so nothing is fixed."""
    number = proposed(stage, privileged=False)
    review(guard(stage), number, comment=True)
    assert findings_comment(stage, number) == []


def test_a_check_in_our_name_that_says_less_than_the_rules_is_judged_anew(stage: Stage) -> None:
    """Whoever may write checks and knew the id could say that all is well; a finding is worth more."""
    settle(stage, "guard: {mode: strict}\n")
    number = proposed(stage)
    site = guard(stage)
    pull = site.host.pull(number)
    rules = site.rules_for(pull.base_sha)
    about, key = (*pull_facts(pull, {}, ()), []), site.opened.secrets.marker or b""
    identity = external_id(pull.head_sha, pull.base_sha, rules.hash, Mode.STRICT, about, key=key)
    forged = Check("clockwork/guardrails", pull.head_sha, CheckState.SUCCESS, "Fine", "All is well.", (), identity)
    site.host.publish(forged)
    for _ in range(2):
        reviewed = review(guard(stage), number)
        assert (reviewed.result.verdict, reviewed.state) == (Verdict.BLOCK, CheckState.FAILURE)
    assert conclusions(stage, pull.head_sha) == ["failure", "success"]


# the merge queue


def test_a_merge_queue_moves_by_the_check_on_its_own_head(stage: Stage) -> None:
    """What the queue would merge is judged as a whole; the required check lets it merge, or sends it back."""
    settle(stage, "guard: {mode: strict}\n")
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("clockwork/guardrails",))
    bad, fine = proposed(stage), proposed(stage, "fine", privileged=False)
    for number, merged in ((fine, True), (bad, False)):
        entry = stage.box.admin.enqueue(NAME, number)
        site = guard(stage)
        (waiting,) = queued_heads(site)
        assert (waiting.sha, waiting.base, waiting.number) == (entry.head_sha, "main", number)
        reviewed = review_queue(site, waiting)
        assert reviewed.change.number == number
        assert reviewed.state is (CheckState.SUCCESS if merged else CheckState.FAILURE)
        assert bool(stage.api("GET", f"/pulls/{number}")["merged"]) is merged
        assert queued_heads(guard(stage)) == []


def test_a_queued_head_is_judged_once(stage: Stage, tmp_path: Path) -> None:
    """As long as its branch is where it was."""
    text, asked = assistant(tmp_path, ANSWER)
    settle(stage, text)
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("clockwork/guardrails", "other"))
    stage.box.admin.enqueue(NAME, proposed(stage, privileged=False))
    site = guard(stage)
    (waiting,) = queued_heads(site)
    assert not review_queue(site, waiting).again
    assert review_queue(guard(stage), waiting).again
    assert times(asked) == 1


def test_a_queued_head_is_judged_again_by_another_label_or_title(stage: Stage) -> None:
    """What its pull request says counts there, too; that it is asked for costs what it did."""
    rule = (
        "---\nid: ask-ops\ntitle: Ask operations\nseverity: critical\n"
        "detect: {kind: require, if_changed: ['k8s/**'], then_any: [{label: ops-agreed}]}\n---\nAsk.\n"
    )
    settle(stage, "guard: {mode: strict}\n")
    stage.api("PUT", "/contents/policies/guardrails/ask-ops.md", message="Ask", content=_base64(rule), branch="main")
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("other",))
    number = proposed(stage, privileged=False)
    stage.box.admin.enqueue(NAME, number)
    (waiting,) = queued_heads(guard(stage))
    assert review_queue(guard(stage), waiting).state is CheckState.FAILURE
    stage.api("POST", f"/issues/{number}/labels", labels=["ops-agreed"])
    agreed = review_queue(guard(stage), waiting)
    assert (agreed.again, agreed.state) == (False, CheckState.SUCCESS)
    site = guard(stage)
    stage.box.requests.clear()
    assert review_queue(site, waiting).again
    paths = [line.path.partition("?")[0] for line in stage.box.requests.lines() if line.path.startswith("/repos/")]
    assert sorted(paths) == [f"/repos/{NAME}/commits/{waiting.sha}/check-runs", f"/repos/{NAME}/pulls/{number}"]
    stage.api("PATCH", f"/pulls/{number}", title="Another")
    assert not review_queue(guard(stage), waiting).again


def test_a_queue_of_a_pull_request_that_is_not_there_fails(stage: Stage) -> None:
    """Its check says so, in strict as a failure, and the next run judges anew."""
    settle(stage, "guard: {mode: strict}\n")
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref=f"refs/heads/gh-readonly-queue/main/pr-4711-{head}", sha=head)
    (waiting,) = queued_heads(guard(stage))
    with pytest.raises(Invalid, match="4711"):
        review_queue(guard(stage), waiting)
    assert conclusions(stage, head) == ["failure"]


def test_a_queue_is_one_json_object(stage: Stage, tmp_path: Path) -> None:
    """However many wait in it, none included."""
    stage.box.admin.add_ruleset(NAME, "main", queue=True, checks=("clockwork/guardrails", "other"))
    words, environment = ("guard", "queue", "--json", "--repo", stage.options().repo), dict(stage.options().environment)
    assert json.loads(clockwork(*words, folder=tmp_path, **environment).stdout) == {"heads": []}
    number = proposed(stage, privileged=False)
    stage.box.admin.enqueue(NAME, number)
    (head,) = json.loads(clockwork(*words, folder=tmp_path, **environment).stdout)["heads"]
    assert (head["verdict"], head["rendered"]) == ("approve", [])


def test_only_a_queues_own_branches_are_its_heads(stage: Stage) -> None:
    """Names are read as GitHub documents them; a base with slashes is one; without queues nothing is looked for."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    for name in (f"release/1/pr-7-{head}", "main/pr-x", "other", f"pr-7-{head}"):
        stage.api("POST", "/git/refs", ref=f"refs/heads/gh-readonly-queue/{name}", sha=head)
    site = guard(stage)
    assert [(each.base, each.number) for each in queued_heads(site)] == [("release/1", 7)]
    assert queued(site.repository, HostFacts(1, NAME)) == []


# forks


@pytest.fixture
def forked(stage: Stage) -> int:
    """A pull request from somebody's fork, which makes a container privileged, in strict."""
    settle(stage, "guard: {mode: strict}\n")
    return propose_from_fork(stage)


def propose_from_fork(stage: Stage) -> int:
    """The number of a pull request that a stranger's fork makes."""
    theirs = stage.box.create_user("mallory")
    fork = stage.box.admin.fork(NAME, "mallory")
    headers = {"Authorization": f"Bearer {theirs}"}
    with new_client(base_url=stage.box.api_url, headers=headers, timeout=60) as web:
        file = web.get(f"/repos/{fork}/contents/k8s/web.yaml").json()
        text = stage.file("k8s/web.yaml").replace("        - name: web\n", PRIVILEGED)
        content = {"message": "Profile", "content": _base64(text), "sha": file["sha"], "branch": "main"}
        web.put(f"/repos/{fork}/contents/k8s/web.yaml", json=content).raise_for_status()
        asked = {"title": "From outside", "head": "mallory:main", "base": "main", "body": ""}
        return int(web.post(f"/repos/{NAME}/pulls", json=asked).raise_for_status().json()["number"])


FOR_STRANGERS = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}


def reading_token(stage: Stage) -> str:
    """One that may write nothing."""
    stage.box.create_user("github-actions[bot]", bot=True, installation=True)
    permissions = {"contents": "read", "pull_requests": "read", "checks": "read"}
    return stage.box.admin.token("github-actions[bot]", permissions=permissions)


def reading(stage: Stage) -> Guard:
    """The guard with the token of a fork's job, on another machine, without any secret."""
    token = reading_token(stage)
    return guard(stage, token=token, cache="fork", CLOCKWORK_SECRET="", **FOR_STRANGERS)


def finished(folder: Path, sha: str, *, repository: str = NAME, **other: object) -> dict[str, str]:
    """The environment of a job that runs after one that was for a commit of mallory's fork, or for something ``other``."""
    run: dict[str, object] = {
        "head_sha": sha,
        "event": "pull_request",
        "head_branch": "main",
        "head_repository": {"full_name": f"mallory/{NAME.partition('/')[2]}"},
        "pull_requests": [],
    }
    event = folder / "event.json"
    event.write_text(json.dumps({"workflow_run": {**run, **other}, "repository": {"full_name": repository}}))
    return {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": str(event)}


def kept(reviewed: Reviewed, folder: Path, **other: object) -> Path:
    """The artifact of a judgement, with some of its facts replaced."""
    facts = json.loads(artifact.written(reviewed.result, reviewed.change, Mode.STRICT, NAME))
    file = folder / "guard.json"
    file.write_text(json.dumps({**facts, **other}))
    return file


def test_a_forks_run_reads_and_a_second_job_publishes(stage: Stage, forked: int, tmp_path: Path) -> None:
    """Nothing is written with the fork's token; the second job makes the check, once."""
    site = reading(stage)
    stage.box.requests.clear()
    first = review(site, forked)
    site.store.close()
    assert first.check is None
    assert (first.result.verdict, first.change.number) == (Verdict.BLOCK, forked)
    assert [line for line in stage.box.requests.writes() if line.status < 400 and "graphql" not in line.path] == []
    head, file = sha_of(stage, forked), kept(first, tmp_path)
    assert conclusions(stage, head) == []
    for again in (False, True):
        published = publish(guard(stage), file, head=head, mode=None, comment=True)
        assert (published.state, published.again) == (CheckState.FAILURE, again)
    assert conclusions(stage, head) == ["failure"]
    assert len(findings_comment(stage, forked)) == 1


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_run"},
        {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request_target"},
        {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "workflow_dispatch"},
    ],
    ids=lambda environment: environment.get("GITHUB_EVENT_NAME", "elsewhere"),
)
def test_elsewhere_a_token_that_may_not_publish_is_refused(
    stage: Stage, forked: int, environment: dict[str, str]
) -> None:
    """A daemon or a job that was given too few rights says so, for forks' pull requests too: nobody else would publish."""
    with pytest.raises(Refused, match="statuses"):
        review(guard(stage, token=reading_token(stage), cache="fork", **environment), forked)


@pytest.mark.parametrize("kept", [False, True])
def test_a_pull_request_of_the_repository_is_published_or_refused(stage: Stage, kept: bool) -> None:
    """Its run has the rights that its workflow asks for, so that too few are a mistake, also where the result is kept."""
    number = proposed(stage)
    with pytest.raises(Refused, match="statuses"):
        review(guard(stage, token=reading_token(stage), cache="fork", **FOR_STRANGERS), number, keeps_artifact=kept)


def test_outside_of_actions_a_forks_result_is_kept_for_another_run(stage: Stage, forked: int) -> None:
    """Where the result is kept, nothing published is no mistake."""
    reviewed = review(guard(stage, token=reading_token(stage), cache="fork"), forked, keeps_artifact=True)
    assert (reviewed.check, reviewed.result.verdict) == (None, Verdict.BLOCK)


def test_the_job_that_publishes_needs_the_right_to(stage: Stage, forked: int, tmp_path: Path) -> None:
    """It is the last that could: without the right it fails, with nothing published, instead of ending well."""
    file, head = kept(review(reading(stage), forked), tmp_path), sha_of(stage, forked)
    actions = finished(tmp_path, head)
    with pytest.raises(Refused, match="statuses"):
        publish(
            guard(stage, token=reading_token(stage), cache="fork", **actions), file, head=None, mode=None, comment=False
        )
    assert conclusions(stage, head) == []


def test_an_artifact_never_takes_a_finding_away(stage: Stage, forked: int, tmp_path: Path) -> None:
    """One that says "approve" is told as saying so; the change is judged by the detectors all the same."""
    first = review(reading(stage), forked)
    lie = kept(first, tmp_path, verdict="approve", findings=[])
    published = publish(guard(stage), lie, head=sha_of(stage, forked), mode=None, comment=False)
    assert published.state is CheckState.FAILURE
    assert "The run without rights said approve; judged here it is block." in published.result.notes


def test_an_artifacts_claims_are_believed_like_an_assistants(stage: Stage, forked: int, tmp_path: Path) -> None:
    """What stands up to the change is added as a warning at most; what does not is dropped and told."""
    first = review(reading(stage), forked)
    claim = {
        "rule": "SEC-004",
        "severity": "critical",
        "file": "k8s/web.yaml",
        "message": "x @all",
        "by": "assistant:a",
    }
    line = next(each.line for each in first.result.findings)
    findings = [claim | {"line": line}, claim | {"line": 9999}, claim | {"line": 1, "file": "etc/passwd"}]
    file = kept(first, tmp_path, findings=findings)
    published = publish(guard(stage), file, head=sha_of(stage, forked), mode=None, comment=False)
    told = [(each.rule, each.enforce.value, each.by) for each in published.result.findings if each.by != "detector"]
    assert sorted(told) == [(rule, "warn", "assistant:read-only run") for rule in ("SEC-004", "SYS-003")]


HOSTILE: list[tuple[dict[str, object], type[BotError], str]] = [
    ({"version": 2}, Invalid, "version"),
    ({"extra": 1}, Invalid, "extra"),
    ({"number": "1"}, Invalid, "number"),
    ({"number": 0}, Invalid, "number"),
    ({"head": "main"}, Invalid, "head"),
    ({"head": "A" * 40}, Invalid, "head"),
    ({"head": "a" * 40 + "\n"}, Invalid, "head"),
    ({"verdict": "fine"}, Invalid, "verdict"),
    ({"repository": "../../etc"}, Invalid, "repository"),
    ({"repository": "evil/shop"}, Refused, "evil/shop"),
    ({"head": "a" * 40}, Refused, "aaaaaaaaaaaa"),
    ({"number": 4711}, Invalid, "4711"),
    ({"findings": [{}] * 501}, Invalid, "findings"),
    ({"findings": [{"rule": "<script>"}]}, Invalid, "findings.0"),
    ({"findings": "x"}, Invalid, "findings"),
]


def test_a_hostile_artifact_is_refused(stage: Stage, forked: int, tmp_path: Path) -> None:
    """With what is wrong with it; nothing is published."""
    first, head = review(reading(stage), forked), sha_of(stage, forked)
    for other, kind, told in HOSTILE:
        file = kept(first, tmp_path, **other)
        with pytest.raises(kind) as caught:
            publish(guard(stage), file, head=head, mode=None, comment=False)
        assert told in caught.value.message, other
    assert conclusions(stage, head) == []


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"version":1,"x":' + b"9" * 2_000_000 + b"}", b" " * 1_000_001],
    ids=("empty", "a list", "cut", "no text", "deep", "a long number", "long"),
)
def test_what_is_no_artifact_is_refused(data: bytes) -> None:
    """In bounded time and space, with a sentence."""
    with pytest.raises(Invalid, match="artifact"):
        artifact.read(data)


def test_an_artifact_is_a_file_and_no_link(stage: Stage, tmp_path: Path) -> None:
    """Whoever packs an archive chooses where its links lead."""
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    for name, told in (("link.json", "no regular file"), ("absent.json", "cannot be read")):
        with pytest.raises(Invalid, match=told):
            publish(guard(stage), tmp_path / name, head="a" * 40, mode=None, comment=False)


def test_an_artifact_speaks_of_the_run_that_the_host_names(stage: Stage, forked: int, tmp_path: Path) -> None:
    """In a workflow_run job the event says which commit the run was for, whatever the artifact or an option says."""
    first = review(reading(stage), forked)
    file, head = kept(first, tmp_path), sha_of(stage, forked)

    def publishing(started_by: str, sha: str, named: str | None = None) -> Reviewed:
        actions = finished(tmp_path, sha, event=started_by)
        return publish(guard(stage, **actions), file, head=named, mode=None, comment=False)

    for facts in (("push", head, None), ("pull_request", "b" * 40, None), ("pull_request", "b" * 40, head)):
        with pytest.raises(Refused):
            publishing(*facts)
    with pytest.raises(Invalid, match="workflow_run event"):
        publishing("pull_request", "short")
    with pytest.raises(Invalid, match="--head"):
        publish(guard(stage), file, head=None, mode=None, comment=False)
    assert conclusions(stage, head) == []
    assert publishing("pull_request", head).state is CheckState.FAILURE


OTHER_RUNS: list[tuple[dict[str, Any], str]] = [
    ({"head_repository": {"full_name": "trudy/shop"}}, "trudy/shop"),
    ({"head_repository": None}, "gone"),
    ({"head_branch": "elsewhere"}, "'elsewhere'"),
    ({"head_branch": None}, "''"),
    ({"pull_requests": [{"number": 4711}]}, "#"),
    ({"repository": "evil/shop"}, "evil/shop"),
]


def test_an_artifact_speaks_of_the_pull_request_that_its_run_was_for(stage: Stage, forked: int, tmp_path: Path) -> None:
    """A commit can be the head of many: repository and branch of the run tell whose it is, and that is the host's word."""
    file, head = kept(review(reading(stage), forked), tmp_path), sha_of(stage, forked)
    for other, told in OTHER_RUNS:
        with pytest.raises(Refused) as caught:
            publish(guard(stage, **finished(tmp_path, head, **other)), file, head=None, mode=None, comment=False)
        assert told in caught.value.message
    assert conclusions(stage, head) == []
    listed = finished(tmp_path, head, pull_requests=[{"number": forked}])
    assert publish(guard(stage, **listed), file, head=None, mode=None, comment=False).state is CheckState.FAILURE


def test_without_an_event_a_head_of_two_pull_requests_is_refused(stage: Stage, forked: int, tmp_path: Path) -> None:
    """Nothing tells then which of them the run was for."""
    head = sha_of(stage, forked)
    base = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    stage.api("POST", "/git/refs", ref="refs/heads/lax", sha=base)
    file = kept(review(reading(stage), forked), tmp_path)
    asked = {"title": "Again", "head": "mallory:main", "base": "lax", "body": ""}
    other = int(stage.api("POST", "/pulls", **asked)["number"])
    with pytest.raises(Refused, match=f"#{other} has the same head"):
        publish(guard(stage), file, head=head, mode=None, comment=False)
    assert conclusions(stage, head) == []


def test_an_artifact_of_an_older_head_is_refused(stage: Stage, forked: int, tmp_path: Path) -> None:
    """The pull request has moved on, or is closed: its newer run publishes."""
    first = review(reading(stage), forked)
    file, head = kept(first, tmp_path), sha_of(stage, forked)
    stage.api("PATCH", f"/pulls/{forked}", state="closed")
    with pytest.raises(Refused, match="closed"):
        publish(guard(stage), file, head=head, mode=None, comment=False)
