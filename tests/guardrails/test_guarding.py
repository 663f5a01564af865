"""META-002: whatever takes the guard away, switches it off or makes it say less is told, and what strengthens it is not."""

from __future__ import annotations

from datetime import date

import pytest

from bot.guardrails.judge import judge
from bot.model.finding import Enforce, Mode
from bot.model.severity import Severity
from tests.guardrails.changes import book, change, file, fire, plain_book
from tests.table import table

YML = ".github/workflows/guard.yml"
RUN = "clockwork guard pr 7 --exit-code"


def guarding(run: str = RUN, *, on: str = "[pull_request, merge_group]", job: str = "", step: str = "") -> str:
    """A workflow with one step that runs ``run``; ``job`` and ``step`` are further keys."""
    return f"on: {on}\njobs:\n  guard:\n    runs-on: ubuntu-24.04\n{job}    steps:\n      - run: {run}\n{step}"


CRITICAL, HIGH = Severity.CRITICAL, None
BASE = guarding()
LESS = [
    (None, {CRITICAL}, 2),
    ("on: [pull_request]\njobs: {}\n", {CRITICAL}, 2),
    ("on: [\n", {CRITICAL}, 2),
    (guarding(on="[merge_group]"), {CRITICAL}, 1),
    (guarding(on="workflow_dispatch"), {CRITICAL}, 2),
    (guarding("echo clockwork"), {CRITICAL}, 2),
    (guarding(job="    if: false\n"), {CRITICAL}, 2),
    (guarding(step="        if: ${{ false }}\n"), {CRITICAL}, 2),
    (guarding(job="    if: github.actor != 'mallory'\n"), {HIGH}, 2),
    (guarding(job="    continue-on-error: true\n"), {HIGH}, 2),
    (guarding(step="        continue-on-error: ${{ true }}\n"), {HIGH}, 2),
    (guarding(f"{RUN} || true"), {HIGH}, 2),
    (guarding("clockwork guard pr 7"), {HIGH}, 2),
    (guarding(f"{RUN} --mode standard"), {HIGH}, 2),
    (guarding(on="{pull_request: {paths: [docs/**]}, merge_group: {}}"), {HIGH}, 1),
    (guarding(on="{pull_request: {types: [opened]}, merge_group: {}}"), {HIGH}, 1),
]


@table(("after", "severities", "count"), LESS)
def test_a_workflow_that_guards_less_is_told(after: str | None, severities: set[Severity | None], count: int) -> None:
    """Critical where it no longer runs on an event at all; its rule's own severity where it stops less."""
    hits = fire("META-002", file(YML, BASE, after))
    assert {hit.severity for hit in hits} == severities
    assert len(hits) == count


@pytest.mark.parametrize(
    "after",
    [
        guarding(on="[pull_request, merge_group, push]"),
        guarding(on="{pull_request: {types: [reopened, edited, opened, synchronize]}, merge_group: {}}"),
        guarding(on="{pull_request: {}, merge_group: {types: [checks_requested]}}"),
        guarding(f"{RUN} --sarif out.sarif"),
        guarding().replace("guard:", "judge:"),
        guarding(step="        timeout-minutes: 5\n"),
        guarding(job="    continue-on-error: false\n"),
    ],
)
def test_a_workflow_that_guards_as_much_is_quiet(after: str) -> None:
    """More events, other names and more output take nothing away."""
    assert fire("META-002", file(YML, BASE, after)) == []


def test_a_guard_may_move_to_another_workflow() -> None:
    """What one file loses and another one of the same change gains is still there."""
    moved = file(".github/workflows/checks.yml", None, BASE)
    assert fire("META-002", file(YML, BASE, None), moved) == []
    assert fire("META-002", file("old.yml", BASE, None, None)) == []
    renamed = file("docs/guard.yml", BASE, BASE, YML)
    assert {hit.severity for hit in fire("META-002", renamed)} == {CRITICAL}


def script(*lines: str, by: str = "") -> str:
    """A workflow whose one step runs ``lines``."""
    block = "".join(f"\n          {line}" for line in lines)
    return guarding(f"|{block}", step=f"        shell: {by}\n" if by else "")


@table(
    "after",
    [
        script(f"# {RUN}"),
        script(f"echo {RUN}"),
        script(f'echo "{RUN}"'),
        script(f": {RUN}"),
        script("exit 0", RUN),
        script("true && {", "exit", "}", "cat <<EOF", RUN, "EOF"),
        script("cat <<'EOF'", RUN, "EOF"),
        script("clockwork guard pr 7 --exit-code --help"),
        script("X=/opt/clockwork timeout guard pr clockwork"),
        guarding("clockwork guard rules"),
        guarding(job="    needs: never\n") + "  never:\n    runs-on: x\n    if: false\n    steps: []\n",
        guarding(job="    needs: [first]\n")
        + "  first:\n    runs-on: x\n    needs: never\n  never:\n    runs-on: x\n    if: ${{ false }}\n",
        guarding(job="    needs: nobody\n"),
        guarding(job="    needs: guard\n"),
        guarding().replace("    runs-on: ubuntu-24.04\n", ""),
    ],
)
def test_a_guard_that_is_only_written_is_gone(after: str) -> None:
    """In a comment, said, in a here-document, behind the script's end, or in a job that never runs."""
    assert {hit.severity for hit in fire("META-002", file(YML, BASE, after))} == {CRITICAL}


@table(
    "after",
    [
        script(f"{RUN} || true; true"),
        script(f"{RUN} ||", "  true"),
        script(f"{RUN} \\", "  || true"),
        script(f"{RUN} || :"),
        script(f"{RUN} --summary {'x' * 400} || true"),
        script(f"{RUN} | tee log"),
        script(f"{RUN} |& cat"),
        script(f"{RUN} &"),
        script(f"{RUN} && echo judged", "echo done"),
        script("set +e", RUN, "exit 0"),
        script("set +o errexit", RUN, "true"),
        script("set +e", "if false; then set -e; fi", RUN, "true"),
        script("set +e", "f() { set -e; }", RUN, "true"),
        script("false && set -o pipefail", f"{RUN} | cat"),
        script(f"! {RUN}"),
        script(f"if {RUN}; then echo good; fi"),
        script(f"while ! {RUN}; do break; done"),
        script(f"if false; then {RUN}; fi"),
        script(f"case x in y) {RUN} ;; esac"),
        script(f"judge() {{ {RUN}; }}"),
        script("function judge {", RUN, "}"),
        script(f"false && {RUN}"),
        script(f"true || {RUN}"),
        script("[ -z x ] || exit 0", RUN),
        script("if true; then exit 0; fi", RUN),
        script(f"( {RUN} ) || true"),
        script(f"{{ {RUN}; }} | cat"),
        script(f"{{ ( {RUN} ); }} &"),
        script("trap 'exit 0' EXIT", RUN),
        script("clockwork() { true; }", RUN),
        script("alias clockwork=true", RUN),
        script("export PATH=/tmp/mine:$PATH", RUN),
        script(f"timeout 1 {RUN}"),
        script(f"bash -c '{RUN}'"),
        script(f"HOME=/tmp/mine {RUN}"),
        script(f"env HOME=/tmp/mine {RUN}"),
        script(RUN, by="bash {0}"),
        script(RUN, by="'true {0}'"),
        script(f"{RUN} --settings mine.yaml"),
        script(f"{RUN} --settings=mine.yaml"),
        script(f"{RUN} --mode=standard"),
        script(f"{RUN} --mode $MODE"),
        script(f"{RUN} --repo https://github.com/mallory/empty"),
        script("clockwork guard pr 1 --exit-code"),
        script("NUMBER=1", 'clockwork guard pr "$NUMBER" --exit-code'),
        guarding('clockwork guard pr "$NUMBER" --exit-code', step="        env: {NUMBER: 1}\n"),
        guarding('clockwork guard pr "${{ vars.NUMBER }}" --exit-code'),
        guarding(step="        working-directory: empty\n"),
        guarding(job="    container: mallory/tools\n"),
        guarding(job="    permissions: {contents: read}\n"),
        guarding(job="    strategy: {matrix: {x: [1]}}\n"),
        guarding(job="    needs: build\n") + "  build:\n    runs-on: x\n    steps: []\n",
        guarding(f"{RUN} || true") + f"  decoy:\n    runs-on: x\n    steps:\n      - run: {RUN}\n",
    ],
)
def test_a_guard_that_cannot_stop_anything_is_told(after: str) -> None:
    """However its exit code is lost, its run is made conditional, or it is asked about something else."""
    hits = fire("META-002", file(YML, BASE, after))
    assert {hit.severity for hit in hits} == {HIGH}
    assert len(hits) >= 2


@table(
    "after",
    [
        script("# as the policy says || true", RUN),
        script("set -euo pipefail", RUN, "echo judged || true"),
        script(f"{RUN} || exit 1"),
        script(f'{RUN} || {{ echo "blocked"; exit 1; }}'),
        script("echo 'a || true; exit 0'", f"command {RUN} > log 2>&1"),
        script('if [ -z "$GITHUB_TOKEN" ]; then echo none; exit 1; fi', RUN),
        script("set -o pipefail", f"{RUN} | tee log"),
        script(f"{RUN} | tee log", by="bash"),
        script(f"{RUN} \\", "  --summary out.md"),
        script("pipx install clockwork-gitops", RUN),
        script("cat <<EOF", "exit 0", "EOF", RUN),
        guarding(step="        env: {X: 1}\n"),
        guarding("clockwork guard pr ${{ github.event.number }} --exit-code"),
        guarding(
            'clockwork guard pr "$NUMBER" --exit-code', step="        env: {NUMBER: '${{ github.event.number }}'}\n"
        ),
    ],
)
def test_a_script_that_guards_as_much_is_quiet(after: str) -> None:
    """What stands in a script beside the guard, and other ways of writing the same."""
    assert fire("META-002", file(YML, BASE, after)) == []


@pytest.mark.parametrize(
    "laxity",
    [
        "    if: github.event_name != 'push'{0} && {1}\n",
        "    container: registry.example.com/{2}/{1}\n",
    ],
)
def test_the_end_of_a_long_text_counts(laxity: str) -> None:
    """What is cut for the reader is compared whole."""
    old, new = (guarding(job=laxity.format(" && github.actor != 'a'" * 9, end, "x" * 200)) for end in ("true", "false"))
    assert {hit.severity for hit in fire("META-002", file(YML, old, new))} == {HIGH}
    assert fire("META-002", file(YML, old, f"# again\n{old}")) == []


ACTION = """on: [pull_request]
jobs:
  guard:
    runs-on: ubuntu-24.04
    steps:
      - uses: acme/clockwork/.github/actions/clockwork@0123456789012345678901234567890123456789
        with: {command: guard}
"""


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [
        ("command: guard", "command: report", CRITICAL),
        ("acme/clockwork/.github/actions/clockwork@", "acme/nothing@", CRITICAL),
        ("acme/", "mallory/", HIGH),
        ("command: guard", "command: guard, exit-code: false", HIGH),
        ("command: guard", "command: guard, number: 1", HIGH),
    ],
)
def test_the_action_guards_as_the_command_does(old: str, new: str, severity: Severity | None) -> None:
    """What ``clockwork init`` writes for whoever has the action; another commit of it is quiet."""
    (hit,) = fire("META-002", file(YML, ACTION, ACTION.replace(old, new)))
    assert hit.severity is severity
    assert fire("META-002", file(YML, ACTION, ACTION.replace("@0123", "@3210"))) == []


def test_an_action_of_the_repository_may_hold_the_guard() -> None:
    """A composite action, whatever workflow uses it, and a workflow that others call."""
    action = f"runs:\n  using: composite\n  steps:\n    - run: {RUN}\n      shell: bash\n"
    (hit,) = fire("META-002", file(".github/actions/judge/action.yml", action, action.replace(RUN, "true")))
    assert hit.severity is CRITICAL
    (hit,) = fire("META-002", file(YML, guarding(on="[workflow_call]"), guarding("true", on="[workflow_call]")))
    assert hit.severity is CRITICAL


def test_a_workflow_in_a_folder_of_workflows_stands_for_nothing() -> None:
    """GitHub runs the files right below ``.github/workflows`` alone."""
    decoy = file(".github/workflows/old/guard.yml", None, BASE)
    assert {hit.severity for hit in fire("META-002", file(YML, BASE, None), decoy)} == {CRITICAL}


SETTINGS = """version: 1
guard:
  mode: strict
  public_ports: [443]
  generated: [api/**]
  large_delete: 100
  agents: {robo-*: robo}
  assistants:
    - {kind: claude, required: true}
    - {kind: openai, name: reviewer, base_url: "https://x", model: m}
"""


@table(
    ("old", "new", "severity"),
    [
        (SETTINGS, None, CRITICAL),
        (SETTINGS, "guard: [\n", CRITICAL),
        ("  mode: strict\n", "", CRITICAL),
        ("[443]", "[443, 22]", HIGH),
        ("[api/**]", "[api/**, src/**]", HIGH),
        ("large_delete: 100", "large_delete: 5000", HIGH),
        ("  large_delete: 100\n", "", HIGH),
        ("  mode: strict\n", "  mode: strict\n  largest_file: 1000\n", HIGH),
        ("  mode: strict\n", "  mode: strict\n  check: other\n", HIGH),
        ("{robo-*: robo}", "{}", HIGH),
        ("required: true", "required: false", HIGH),
        ("required: true", "required: true, reviews: false", HIGH),
        ("required: true", "required: true, confinement: none", HIGH),
        ("    - {kind: claude, required: true}\n", "", HIGH),
    ],
)
def test_settings_that_let_more_through_are_told(old: str, new: str | None, severity: Severity | None) -> None:
    """What the guard no longer looks at, no longer asks, or no longer stops."""
    after = new if old == SETTINGS else SETTINGS.replace(old, new or "")
    (hit,) = fire("META-002", file("clockwork.yaml", SETTINGS, after))
    assert hit.severity is severity


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[443]", "[]"),
        ("large_delete: 100", "large_delete: 50"),
        ("required: true", "required: true, timeout: 10"),
        ("version: 1", "version: 1\nworkers: {cleanup: false}"),
        ("{robo-*: robo}", "{robo-*: robo, bob: bob}"),
    ],
)
def test_settings_that_let_less_through_are_quiet(old: str, new: str) -> None:
    """Tightening is nobody's loss."""
    assert fire("META-002", file("clockwork.yaml", SETTINGS, SETTINGS.replace(old, new))) == []


DOCUMENT = """---
id: no-sleep
title: No sleeping
severity: high
enforce: {standard: warn, strict: block}
applies: {paths: ["**/*.py"]}
detect: {kind: regex, pattern: 'sleep\\(', keywords: [sleep]}
---
Waiting is no design.
"""
PATH = "policies/guardrails/no-sleep.md"


@table(
    ("old", "new", "severity"),
    [
        (DOCUMENT, None, CRITICAL),
        (DOCUMENT, "no front matter\n", CRITICAL),
        ("strict: block", "strict: warn", CRITICAL),
        ("strict: block", "strict: 'off'", CRITICAL),
        ("standard: warn", "standard: notice", HIGH),
        ("severity: high", "severity: low", HIGH),
        ("**/*.py", "lib/*.py", HIGH),
        ("'sleep\\(", "'sleepy\\(", HIGH),
        ("severity: high", "severity: high\nwaiver: {allow: true}", HIGH),
    ],
)
def test_a_guardrail_that_finds_less_is_told(old: str, new: str | None, severity: Severity | None) -> None:
    """Gone, unreadable, lower, elsewhere, or open to be waived."""
    after = new if old == DOCUMENT else DOCUMENT.replace(old, new or "")
    (hit,) = fire("META-002", file(PATH, DOCUMENT, after))
    assert hit.severity is severity


def test_a_guardrail_may_be_renamed_and_strengthened() -> None:
    """Another file, a clearer text and more severity take nothing away."""
    stronger = DOCUMENT.replace("severity: high", "severity: critical").replace("design", "plan")
    assert fire("META-002", file("policies/guardrails/patience.md", DOCUMENT, stronger, PATH)) == []


def test_a_document_in_place_of_a_shipped_one_is_compared_with_it() -> None:
    """A new document with a shipped one's id that switches it off is the shipped one switched off."""
    off = "---\nid: SEC-005\ntitle: x\nseverity: low\nenforce: {strict: 'off'}\ndetect: {kind: builtin}\n---\nx\n"
    judged = judge(
        change(file("policies/guardrails/x.md", None, off)), plain_book(), Mode.STRICT, today=date(2026, 3, 1)
    )
    weakened = [finding for finding in judged.findings if finding.rule == "META-002"]
    assert {finding.severity for finding in weakened} == {Severity.CRITICAL, Severity.HIGH}
    assert any("is off in strict, where it was block" in finding.message for finding in weakened)


def test_accepted_findings_are_told() -> None:
    """Entries that a change adds to the baseline; what it takes out of it is quiet."""
    entries = "findings:\n- {fingerprint: 'aa', rule: SEC-001, reason: known}\n"
    (hit,) = fire("META-002", file("policies/guardrails/baseline.yaml", "findings: []\n", entries))
    assert "SEC-001" in hit.message
    assert fire("META-002", file("policies/guardrails/baseline.yaml", entries, "findings: []\n")) == []


def test_no_change_waives_its_own_critical_finding() -> None:
    """The waiver counts where it stood at base; in the same change the finding stays, and the waiver is told."""
    document = DOCUMENT.replace("severity: high", "severity: critical\nwaiver: {allow: true}")
    rules, waiver = (
        book({PATH: document.encode()}),
        '# guardrail: allow no-sleep until=2026-03-20 reason="test rig only"\n',
    )
    assert rules.errors == ()

    def judged(before: str) -> tuple[list[tuple[str, Enforce]], int, bool]:
        edit = file("a.py", before, f"{waiver}sleep(1)\n")
        result = judge(change(edit), rules, Mode.STRICT, today=date(2026, 3, 1))
        told = any("waives it itself (test rig only)" in note for note in result.notes)
        return [(finding.rule, finding.enforce) for finding in result.findings], len(result.waived), told

    assert judged("x = 1\n") == ([("no-sleep", Enforce.BLOCK)], 0, True)
    assert judged(waiver) == ([], 1, False)


@table(
    ("before", "after", "told"),
    [
        (None, "* text\n* linguist-generated\n", [(2, None)]),
        (None, "app/** linguist-vendored=true\n", [(1, None)]),
        ("*.md text\n", "*.md text\n*.pb.go linguist-generated\n", [(2, Severity.LOW)]),
        (
            None,
            "vendor/** linguist-vendored\npackage-lock.json linguist-generated\n",
            [(1, Severity.LOW), (2, Severity.LOW)],
        ),
        ("app/** linguist-vendored\n", "# moved\napp/** linguist-vendored\n", []),
        (None, "app/** -linguist-vendored\nsrc/** linguist-generated=false\n", []),
        (None, "app/** linguist-generated\napp/** -linguist-generated\n", []),
        ("app/** linguist-generated\n", "", []),
    ],
)
def test_what_is_left_out_from_now_on_is_told(
    before: str | None, after: str, told: list[tuple[int, Severity | None]]
) -> None:
    """The change itself is judged by the base; the next ones would not be."""
    hits = fire("META-002", file(".gitattributes", before, after))
    assert [(hit.line, hit.severity) for hit in hits] == told


def hooks(*names: str, more: str = "") -> str:
    """A configuration of pre-commit with these hooks."""
    listed = "".join(f"    - id: {name}\n" for name in names)
    return f"repos:\n- repo: https://example.org/hooks\n  rev: v1\n  hooks:\n{listed}{more}"


@table(
    ("before", "after", "told"),
    [
        (hooks("ruff", "gitleaks"), hooks("ruff"), 1),
        (hooks("gitleaks", "clockwork-guard"), None, 2),
        (hooks("gitleaks"), hooks("gitleaks", more="      stages: [manual]\n"), 1),
        (hooks("gitleaks"), hooks("gitleaks", more="      exclude: .*\n"), 1),
        (hooks("detect-secrets"), hooks("detect-secrets", more="      files: ^$\n"), 1),
        (hooks("gitleaks"), hooks("trufflehog"), 0),
        (hooks("gitleaks"), hooks("gitleaks", more="      exclude: ^docs/\n"), 0),
        (hooks("gitleaks"), hooks("ruff", "gitleaks").replace("v1", "v2"), 0),
        (hooks("ruff", "mypy"), hooks("mypy"), 0),
        (hooks("gitleaks"), "repos: [", 0),
    ],
)
def test_a_hook_that_looks_for_secrets_is_missed(before: str, after: str | None, told: int) -> None:
    """Also where it is kept for nothing; another one in its place is as good."""
    assert len(fire("META-002", file(".pre-commit-config.yaml", before, after))) == told
