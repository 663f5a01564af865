"""META-002: a guard that stands in a called workflow or a composite action is dropped where its call is dropped."""

from __future__ import annotations

from bot.guardrails.rule import ChangeFacts
from bot.model.severity import Severity
from tests.guardrails.changes import file, fire
from tests.guardrails.test_guarding import CRITICAL, HIGH, RUN, YML, guarding
from tests.table import table

CALL = ".github/workflows/ci.yml"
REUSED = guarding(on="workflow_call")
COMPOSITE = ".github/actions/judge/action.yml"
JUDGE = f"runs:\n  using: composite\n  steps:\n    - run: {RUN}\n      shell: bash\n"


def calling(uses: str = f"./{YML}", more: str = "", *, on: str = "pull_request") -> str:
    """A workflow with one job that calls another."""
    return f"on: {on}\njobs:\n  judge:\n    uses: {uses}\n{more}  test:\n    runs-on: ubuntu-24.04\n    steps: []\n"


def using(uses: str = "./.github/actions/judge", more: str = "") -> str:
    """A workflow with one step that uses an action."""
    return f"on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: {uses}\n{more}"


NONE = "on: pull_request\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps: []\n"
NESTED = ".github/workflows/all.yml"
CALLED = {YML: REUSED, COMPOSITE: JUDGE, NESTED: calling(on="workflow_call")}
REMOTE = "acme/clockwork/.github/workflows/guard.yml@0123456789abcdef0123456789abcdef01234567"
CALLS = [
    (calling(), NONE, {CRITICAL}),
    (calling(), None, {CRITICAL}),
    (calling(), calling(on="workflow_dispatch"), {CRITICAL}),
    (calling(), calling("./.github/workflows/other.yml"), {CRITICAL}),
    (calling(f"./{NESTED}"), NONE, {CRITICAL}),
    (calling(REMOTE), NONE, {CRITICAL}),
    (using(), NONE, {CRITICAL}),
    (using(), using(more="        if: false\n"), {CRITICAL}),
    (calling(), calling(more="    if: ${{ false }}\n"), {CRITICAL}),
    (calling(), calling(more="    if: github.actor == 'a'\n"), {HIGH}),
    (calling(), calling(more="    needs: test\n"), {HIGH}),
    (calling(), calling(more="    with: {mode: standard}\n"), {HIGH}),
    (calling(REMOTE), calling(REMOTE, "    with: {exit-code: false}\n"), {HIGH}),
    (using(), using(more="        continue-on-error: true\n"), {HIGH}),
    (calling(), calling(on="{pull_request: {branches: [x]}}"), {HIGH}),
]


@table(("before", "after", "severities"), CALLS)
def test_a_call_of_what_guards_is_part_of_the_guard(
    before: str, after: str | None, severities: set[Severity | None]
) -> None:
    """Whoever drops or weakens the call of a workflow or an action that guards, drops or weakens the guard."""
    facts = ChangeFacts(called={path: text.encode() for path, text in CALLED.items()})
    assert {hit.severity for hit in fire("META-002", file(CALL, before, after), facts=facts)} == severities


@table(
    ("before", "after"),
    [
        (calling(), calling().replace("judge:", "guard:")),
        (calling(), calling(f"./{NESTED}")),
        (calling(), using()),
        (guarding(on="pull_request"), calling()),
        (calling(), calling(more="    with: {mode: strict}\n")),
        (calling(), calling(more="    with: {number: '${{ github.event.number }}'}\n")),
        (calling("./.github/workflows/build.yml"), NONE),
        (using("./.github/actions/build"), NONE),
        (using("actions/checkout@v4"), NONE),
        (NONE, calling()),
    ],
)
def test_a_call_that_guards_as_much_is_quiet(before: str, after: str) -> None:
    """What guards may be called from another job, by another way, or called more strictly; what does not guard may go."""
    facts = ChangeFacts(called={path: text.encode() for path, text in CALLED.items()})
    assert fire("META-002", file(CALL, before, after), facts=facts) == []


def test_what_calls_itself_ends() -> None:
    """Workflows that call each other in a circle guard nothing, and are read to an end."""
    circle = {YML: calling(f"./{NESTED}", on="workflow_call"), NESTED: calling(on="workflow_call")}
    facts = ChangeFacts(called={path: text.encode() for path, text in circle.items()})
    assert fire("META-002", file(CALL, calling(), NONE), facts=facts) == []


def test_calls_of_calls_cost_no_more_than_their_files() -> None:
    """Each of thirty workflows calls all later ones: every one is read once, and the guard at the end is known."""
    paths = [f".github/workflows/w{number}.yml" for number in range(30)]
    jobs = [
        "on: workflow_call\njobs:\n"
        + "".join(f"  j{at}:\n    uses: ./{path}\n" for at, path in enumerate(paths[number:]))
        for number in range(1, 30)
    ]
    called = dict(zip(paths, [job.encode() for job in jobs] + [REUSED.encode()], strict=True))
    hits = fire("META-002", file(CALL, calling(f"./{paths[25]}"), NONE), facts=ChangeFacts(called=called))
    assert [hit.severity for hit in hits] == [CRITICAL]
