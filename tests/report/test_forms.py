"""A report as JSON, Markdown and on a terminal: the promised keys, and no way out of the page for hostile text."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from bot.drift.masking import HIDDEN
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, IgnoreNote, Report, SetValue, Suppressed
from bot.model.paths import Item
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.resource import RENDERER, Platform, ResourceId, SourceError, Unreachable
from bot.model.severity import Severity
from bot.report.json import SCHEMA, tick_json, to_json
from bot.report.markdown import code, summary, tick_summary
from bot.report.score import by_resource, by_target, score
from bot.report.terminal import show_report, show_tick
from bot.report.wording import suggested_action
from bot.wiring.reconcile import open_assessment
from bot.wiring.repository import Options
from tests.drift.makers import deployment

NASTY = "x|`a`\n<!-- clockwork --> @everyone #1 [l](javascript:1) <img src=x onerror=1> </code>\u202e"


def drift(text: str = "v", **fields: Any) -> Drift:
    id_ = ResourceId(Platform.KUBERNETES, "Deployment", "shop", fields.pop("name", "web"), "apps")
    usual: dict[str, Any] = {"severity": Severity.HIGH, "rule": "image-tag", "file": "k8s/web.yaml", "line": 3}
    at = datetime(2026, 5, 1, tzinfo=UTC)
    usual |= {"kind": DriftKind.CHANGED, "path": ("spec", Item(text), text), "desired": text, "observed": {"a": [text]}}
    return Drift(id_, "t", **{**usual, "manager": text, "changed_at": at, "message": text, **fields})


def full(text: str = "v") -> Report:
    changed = drift(text)
    return Report(
        resources=3,
        drift=(changed, drift(text, name="db", severity=Severity.CRITICAL)),
        errors=(SourceError("a.yaml", 1, 2, text),),
        unreachable=(Unreachable("kubernetes", text, text),),
        suppressed=(Suppressed(changed, "ignore:r", text),),
        notes=(IgnoreNote("r", "unused", text),),
    )


def test_the_json_has_the_promised_keys() -> None:
    """The keys that readers were promised, with their types."""
    report = to_json(full())
    assert report["resources"] == 3
    assert report["suppressed"] == 1
    assert report["errors"] == [{"file": "a.yaml", "line": 1, "column": 2, "message": "v"}]
    drifts: Any = report["drift"]
    promised = {"id", "resource", "kind", "path", "desired", "observed", "severity", "source", "manager"}
    assert promised <= drifts[0].keys()
    assert drifts[0]["resource"] == "Deployment/shop/web"
    assert drifts[0]["source"] == {"file": "k8s/web.yaml", "line": 3}
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(("direction", "offered"), [(Direction.RESTORE, False), (Direction.ADOPT, True)])
def test_the_json_offers_no_edit_for_a_gain_of_privilege(direction: Direction, *, offered: bool) -> None:
    """Unless it is decided that it is adopted, which only a rule can say; of any other difference the edits are told."""
    edit = SetValue(("spec", "privileged"), value=True)
    gain = drift(name="gain", severity=Severity.CRITICAL, rule="privileged", adopt=(edit,))
    other = drift(name="other", adopt=(edit,))
    report = replace(full(), drift=(gain, other))
    decided = Decision(gain, Lane.RUNBOOK_ISSUE, direction, "a#b", "high", ("because",))
    told: Any = to_json(report, [decided])["drift"]
    first, second = told
    assert (first["adoptable"], bool(first["adopt"])) == (offered, offered)
    assert second["adopt"] == [{"set": ["spec", "privileged"], "value": True}]
    assert to_json(report)["drift"][0]["adopt"] == []  # type: ignore[index]


def test_the_json_is_what_its_schema_says() -> None:
    """For a report with everything in it, hostile texts and none."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for report in (full(), full(NASTY), Report(0)):
        jsonschema.Draft202012Validator(SCHEMA).validate(to_json(report))


COMPOSE = """\
name: shop
services:
  web:
    image: nginx:1
    environment: ["A=${NOT_SET_ANYWHERE}", "DB_PASSWORD=${PASSWORD:-swordfish}"]
"""
RULES = """\
ignores:
- {id: unused, resource: "DaemonSet/*", reason: nothing is one}
- {id: old, path: metadata, reason: it was, expires: 2020-01-01}
- {id: hides, resource: "Deployment/*", reason: too much}
"""
CRASHING: Any = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "web",
            "ready": False,
            "restartCount": 9,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 137, "finishedAt": "2026-05-01T11:00:00Z"}},
        }
    ],
}
PRIVILEGED: Any = {"securityContext": {"privileged": True}, "env": [{"name": "DB_PASSWORD", "value": "swordfish"}]}
POD: Any = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": "shop"}}
UNREACHABLE = "http://127.0.0.1:9/live.json"


def seen(*items: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


@pytest.mark.parametrize(
    ("files", "live", "shown"),
    [
        ({"README.md": "x"}, seen(), {"not compared"}),
        ({"compose.yaml": COMPOSE}, {"docker": []}, {"missing", "not compared"}),
        ({"k8s.yaml": deployment()}, seen(deployment(**PRIVILEGED)), {"added"}),
        (
            {"k8s.yaml": deployment(), ".clockwork/ignore.yaml": RULES},
            seen(deployment(**PRIVILEGED)),
            {"unused", "expired", "overruled"},
        ),
        ({"k8s.yaml": POD}, seen({**POD, "status": CRASHING}), {"unhealthy"}),
        ({"k8s.yaml": deployment(), "bad.yaml": "kind: [\n"}, UNREACHABLE, {UNREACHABLE, "bad.yaml"}),
    ],
)
def test_what_is_really_printed_is_what_the_schema_says(
    tmp_path: Path, files: dict[str, Any], live: Any, shown: set[str]
) -> None:
    """Reports of real looks, with every kind of note, validate against the published schema and are plain JSON."""
    folder = tmp_path / "repository"
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    snapshot = tmp_path / "live.json"
    snapshot.write_text(json.dumps(live))
    source = live if isinstance(live, str) else str(snapshot)
    report = to_json(open_assessment(Options(str(folder), source, environment={}))().report)
    printed: Any = json.loads(json.dumps(report))
    jsonschema.Draft202012Validator(SCHEMA).validate(printed)
    columns = (("drift", "kind"), ("ignores", "state"), ("unreachable", "target"), ("errors", "file"))
    listed = {row[key] for table, key in columns for row in printed[table]}
    assert shown <= listed
    assert "swordfish" not in json.dumps(report)


@given(text=st.one_of(st.text(max_size=60), st.just(NASTY)))
@settings(max_examples=60, deadline=None)
def test_hostile_text_stays_text(text: str) -> None:
    """Rendered as GitHub renders it, there is no link, image, comment or element that the report did not make."""
    suggested = [
        Decision(each, lane, Direction.ADOPT, "r#1", "low", (text,)) for each in full(text).drift for lane in Lane
    ]
    page = summary(full(text), suggested)
    html = MarkdownIt("gfm-like", {"linkify": False}).render(page)
    for tag in ("<a ", "<img", "<script", "<!--", "<h1"):
        assert tag not in html
    assert "@" not in page
    rows = [line for line in page.splitlines() if line.startswith("| 🟧")]
    assert len(rows) == 1
    assert rows[0].count("|") == 8


def test_inline_code_is_one_line_and_short() -> None:
    """Whatever comes in."""
    assert "\n" not in code("a\nb")
    assert len(code("a" * 500)) < 160
    assert code("") == ""


def test_evidence_is_told_shortly() -> None:
    """A few lines below the message, harmless, in one row; of more lines the first and the last."""
    lines = ("restarts: 9", *(f"log: {number} {NASTY}" for number in range(12)), "log: FATAL")
    page = summary(Report(1, (drift(evidence=lines),)))
    (row,) = (line for line in page.splitlines() if line.startswith("| 🟧"))
    assert row.count("|") == 8
    html = MarkdownIt("gfm-like", {"linkify": False}).render(page)
    for tag in ("<a ", "<img", "<script", "<!--"):
        assert tag not in html
    for told in ("<details>", "restarts&#58; 9", "8 more lines", "log&#58; FATAL"):
        assert told in row
    assert "evidence" not in summary(Report(1, (drift(),)))


def test_much_evidence_stays_short() -> None:
    """Whatever is written into logs, the page stays below the size that GitHub takes for a job summary, 1 MiB."""
    many = tuple(drift(str(number), evidence=("<" * 500,) * 30, desired="<" * 500) for number in range(900))
    assert len(summary(Report(900, many)).encode()) < 1_000_000


@pytest.mark.parametrize("width", [100, 160])
def test_a_terminal_shows_evidence(width: int) -> None:
    """Below the table of its task, indented, one line each and no wider than the terminal."""
    out = io.StringIO()
    lines = ("restarts: 9", "last exit code: 137 (Error)", f"log: [red]{'x' * 300}", "log: \x1b[31mFATAL")
    sick = drift(kind=DriftKind.UNHEALTHY, path=(), observed="CrashLoopBackOff", desired=None, evidence=lines)
    show_report(Report(1, (sick, drift("other"))), Console(file=out, width=width))
    shown = out.getvalue().splitlines()
    at = shown.index("  Deployment/shop/web CrashLoopBackOff")
    assert shown[at + 1 : at + 3] == ["    restarts: 9", "    last exit code: 137 (Error)"]
    assert shown[at + 3].startswith("    log: [red]xxx")
    assert shown[at + 4] == "    log: \\x1b[31mFATAL"
    assert max(map(len, shown)) <= width


@pytest.mark.parametrize("width", [60, 79, 80, 100, 200])
def test_a_terminal_of_any_width(width: int) -> None:
    """A table from 80 columns on, lines below; nothing is wider than the terminal, and long values show what differs."""
    long = "key = value\n" * 60
    several = drift(path=("data", "app.ini"), desired=f"{long}old{long}", observed=f"{long}new{long}", message=None)
    short = drift(
        path=("spec", "template", "spec", "containers", Item("web"), "image"),
        desired="registry.example.com/team/web:1.4.2",
        observed="registry.example.com/team/web:1.4.3",
        message=None,
    )
    out = io.StringIO()
    show_report(Report(1, (several, short)), Console(file=out, width=width))
    shown = out.getvalue().splitlines()
    assert max(map(len, shown)) <= max(width, 80)
    assert any(line.startswith("severity ") for line in shown) == (width >= 80)
    text = "".join("".join(shown).split())
    assert "old" in text
    assert "new" in text
    assert "1.4.2" in text
    assert "1.4.3" in text


def test_people_read_of_whole_resources_and_hidden_values_in_words() -> None:
    """Neither form shows a placeholder on both sides; one of anything is told in the singular."""
    gone = drift(name="db", kind=DriftKind.MISSING, path=(), desired="present", observed=None, message=None)
    extra = drift(name="db", kind=DriftKind.UNMANAGED, path=(), desired=None, observed="present", message=None)
    secret = drift(path=("data",), desired=HIDDEN, observed=HIDDEN, sensitive=True)
    out = io.StringIO()
    report = Report(1, (gone, extra, secret))
    show_report(report, Console(file=out, width=80))
    show_report(Report(1, (gone,)), Console(file=out, width=80))
    for words in ("declared → not running", "not declared → running", "  changed (value hidden)"):
        assert words in out.getvalue()
    assert "1 resource · 3 differences · 3 HIGH · score 65.7 of 100\n" in out.getvalue()
    assert "1 resource · 1 difference · 1 HIGH · score 30 of 100\n" in out.getvalue()
    assert "| <code>not declared</code> | <code>running</code> |" in summary(report)
    assert "| <code>(hidden)</code> | <code>changed (value hidden)</code> |" in summary(report)


def test_a_run_is_told_by_effect_and_remedy() -> None:
    """What was done is one line with its link. Where nothing came of it, remedy and task come before the reason; as
    Markdown they always do.
    """
    text = 'PR #3 "web: image 1 → [red]2"'
    done = TakenAction(Effect.OPENED, Lane.CONFIG_PULL_REQUEST, "web", text, url="https://h/pull/3", number=3)
    planned = replace(done, effect=Effect.PLANNED, message='Open PR "db".', url=None, number=None)
    denied = replace(done, effect=Effect.DENIED, message="Not now.", url=None)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    run = Tick(at, "0" * 40, "main", Report(1, (drift(),)), actions=(done, planned, denied))
    out = io.StringIO()
    show_tick(run, Console(file=out, width=80))
    assert out.getvalue().endswith(
        f"opened      {text}\n            https://h/pull/3\n"
        'planned     Open PR "db".\n'
        "denied      pull request #3 web\n            Not now.\n"
    )
    row = next(line for line in tick_summary(run).splitlines() if line.startswith("| opened | pull request | web |"))
    assert r"image 1 → \[red\]2" in row
    assert "[link](https://h/pull/3)" in row
    assert tick_json(run)["actions"][0]["remedy"] == "config-pull-request"  # type: ignore[index]


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (Report(1), "In sync: what runs is what Git says."),
        (Report(1, unreachable=(Unreachable("a", "b", "c"),)), "No difference found, but not everything was compared."),
        (Report(1, errors=(SourceError("f", 1, 1, "bad"),)), "No difference found, but not everything was compared."),
        (
            Report(1, notes=(IgnoreNote("a", "not compared", "b"),)),
            "No difference found, but not everything was compared.",
        ),
        (Report(1, notes=(IgnoreNote("a", "unused", "b"),)), "In sync: what runs is what Git says."),
    ],
)
def test_only_what_was_compared_is_called_in_sync(report: Report, verdict: str) -> None:
    """A run without differences says so in its last line, and says when it could not compare everything."""
    out = io.StringIO()
    show_tick(Tick(datetime(2026, 5, 1, tzinfo=UTC), "0" * 40, "main", report), Console(file=out, width=80))
    assert out.getvalue().splitlines()[-1] == verdict


def test_a_summary_counts() -> None:
    """Severities, suppressed and unreachable are all in numbers or lines."""
    page = summary(full())
    assert "**2** differences in 3 declared resources: 🟥 1 CRITICAL, 🟧 1 HIGH; 1 suppressed." in page
    assert "### Live state that could not be read" in page
    assert "In sync: what runs is what Git says. 5 declared resources" in summary(Report(5))
    assert "No difference in what could be compared." in summary(Report(5, unreachable=(Unreachable("a", "b", "c"),)))
    idle = Report(5, notes=(IgnoreNote("prod", "not compared", "none of its 5 objects runs here"),))
    assert "No difference in what could be compared." in summary(idle)


def test_a_summary_of_many_stays_short() -> None:
    """Job summaries have a size limit."""
    page = summary(Report(900, tuple(drift(str(number)) for number in range(900))))
    assert "… and 700 more." in page


def test_what_cannot_be_rendered_here_is_no_live_state() -> None:
    """It is told as what it is, with how to get the tool."""
    file = io.StringIO()
    gap = Unreachable(RENDERER, "shop (chart)", "neither helm nor its library is installed")
    show_report(Report(1, unreachable=(gap,)), Console(file=file, width=120))
    assert "cannot render shop (chart): neither helm nor its library is installed" in file.getvalue()
    assert "live state" not in file.getvalue()


def decision(lane: Lane, severity: Severity = Severity.HIGH, direction: Direction = Direction.ADOPT) -> Decision:
    """A decision about a difference of that severity."""
    return Decision(drift(severity=severity), lane, direction, "built-in#default", "medium", ("One.", "Two."))


@pytest.mark.parametrize(
    ("lane", "kind", "applied"),
    [
        (Lane.ARTIFACT_PATCH, "artifact_patch", True),
        (Lane.CONFIG_PULL_REQUEST, "config_patch", False),
        (Lane.RUNBOOK_ISSUE, "runbook", False),
        (Lane.NOTHING, "none", False),
    ],
)
def test_a_decision_says_what_is_done(lane: Lane, kind: str, applied: bool) -> None:
    """The patch type, whether it is applied, the risk and the reason; and what a person can do."""
    report = to_json(full(), [decision(lane)])
    jsonschema.validate(report, SCHEMA)
    decisions: Any = report["decisions"]
    told = decisions[0]
    facts = (told["patch_type"], told["should_auto_apply"], told["risk_level"], told["reason"])
    assert facts == (kind, applied, "medium", "One. Two.")
    assert "Deployment/shop/web" in told["suggested_action"]


def test_suggestions_differ_by_remedy_and_direction() -> None:
    """Nobody is told to merge what is restored."""
    texts = {suggested_action(decision(lane, direction=way)) for lane in Lane for way in Direction}
    assert len(texts) == len(Lane) + 1
    assert "Merge" not in suggested_action(decision(Lane.CONFIG_PULL_REQUEST, direction=Direction.RESTORE))


def test_a_score_grows_with_number_and_severity() -> None:
    """0 in sync, 70 for one that is critical, never beyond 100; of each resource and each target."""
    low, high, critical = (drift(severity=level) for level in (Severity.LOW, Severity.HIGH, Severity.CRITICAL))
    assert score([]) == 0
    assert score([critical]) == 70
    assert score([low]) < score([low, low]) < score([high]) < score([high, low]) < score([critical])
    assert score([critical] * 50) == 100
    report = Report(3, (drift(severity=Severity.CRITICAL), drift(name="db", severity=Severity.LOW)))
    assert by_resource(report) == {"Deployment/shop/web": 70, "Deployment/shop/db": 2}
    assert by_target(report) == {"": score(report.drift)}
    assert by_target(Report(3, (), targets={"prod": 2, "dev": 1})) == {"prod": 0, "dev": 0}


def test_a_terminal_says_what_would_come_of_it() -> None:
    """How many end in which remedy."""
    out = io.StringIO()
    decisions = [decision(Lane.CONFIG_PULL_REQUEST), decision(Lane.CONFIG_PULL_REQUEST), decision(Lane.ARTIFACT_PATCH)]
    show_report(full(), Console(file=out, width=80), decisions=decisions)
    assert "clockwork reconcile: commit for 1, pull request for 2" in out.getvalue()
    assert "score 79 of 100" in out.getvalue()


def test_a_summary_says_what_to_do_and_how_far_off_each_is() -> None:
    """Each suggested action on a line, fifty at most; the worst resources and targets with their scores."""
    prod = replace(drift(name="db"), resource=drift(name="db").resource._replace(target="prod"))
    report = Report(4, (drift(), prod), targets={"prod": 1, "stage": 3})
    page = summary(report, [decision(lane) for lane in Lane])
    assert "Score 51 of 100." in page
    assert {"- target <code>prod</code>: 30", "- <code>Deployment/shop/web</code>: 30"} <= set(page.splitlines())
    assert "stage" not in page
    assert len([line for line in page.splitlines() if "Deployment/shop/web" in line and line.endswith(".")]) == len(
        Lane
    )
    assert "… and 10 more" in summary(report, [decision(Lane.NOTHING)] * 60)
    assert "Suggested" not in summary(report)
    out = io.StringIO()
    show_report(report, Console(file=out, width=200))
    assert "differences by target: prod 1 (score 30), stage 0\n" in out.getvalue()
