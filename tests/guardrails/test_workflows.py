"""What a stranger can reach in a workflow is told by what its expressions mean, not by how they are spelled."""

from __future__ import annotations

import pytest

from bot.intake.actions import embedded, parse
from bot.model.severity import Severity
from tests.guardrails.changes import file, fire
from tests.table import table

YML = ".github/workflows/ci.yml"
WORKFLOW = """on: {on}
permissions: {{}}
jobs:
  a:
    runs-on: {machine}
    steps:
{steps}
"""


def workflow(steps: str, on: str = "issues", machine: str = "ubuntu-24.04") -> str:
    """A workflow with one job of these steps."""
    return WORKFLOW.format(on=on, machine=machine, steps=steps)


def running(expression: str) -> str:
    """A step that pastes an expression into its script."""
    return f"      - run: |\n          echo '${{{{ {expression} }}}}'"


WRITTEN = [
    "github.event.issue.title",
    "GitHub.Event.Issue.TITLE",
    "github['event']['issue']['title']",
    "github.event['issue'].title",
    "github.event.issue.title != '' && github.event.issue.title || 'x'",
    "inputs.title || github.head_ref",
    "format('{0}', github.event.comment.body)",
    "join(github.event.commits.*.message, ' ')",
    "github.event.commits[0].message",
    "github.event.commits[github.run_attempt].author.name",
    "toJSON(github.event)",
    "toJSON(github)",
    "toJson(github.event.pull_request.head)",
    "fromJSON(toJSON(github.event)).issue.title",
    "(github.event.review.body)",
    "github.event.*.body",
    "!true || github.event.issue.body",
    "github.event.workflow_run.head_branch",
    "github.event.changes.title.from",
]
HARMLESS = [
    "github.event.issue.title == 'x'",
    "!github.event.issue.title",
    "contains(github.event.issue.title, 'x')",
    "startsWith( github.head_ref , 'release/')",
    "github.event.issue.title && 'titled' || 'untitled'",
    "'github.event.issue.title'",
    "github.event.issue.number",
    "github.event.pull_request.head.sha",
    "format('{0}', github.sha)",
    "toJSON(github.event.issue.number)",
    "github.event.title",
    "env.TITLE",
    "matrix.title",
    "steps.title.outputs.body",
    "hashFiles(github.head_ref)",
    "secrets.TITLE",
]


@table("expression", WRITTEN)
def test_a_strangers_text_in_a_script_is_found(expression: str) -> None:
    """However it is spelled, compared or wrapped."""
    text = workflow(running(expression))
    (hit,) = fire("CI-002", file(YML, None, text))
    assert expression in text.splitlines()[(hit.line or 0) - 1]


@table("expression", HARMLESS)
def test_what_no_stranger_writes_is_quiet(expression: str) -> None:
    """Truth values, numbers, digests, texts in quotes and the repository's own values."""
    assert fire("CI-002", file(YML, None, workflow(running(expression)))) == []


@table(
    "text",
    [
        "",
        "a b",
        "a.",
        "(a",
        "a)",
        "f(a",
        "a[1",
        "'open",
        "a ||",
        "&& a",
        "a..b",
        "1.2.3",
        "$",
        "!" * 60 + "a",
        "(" * 60 + "a",
    ],
)
def test_what_is_no_expression_has_no_tree(text: str) -> None:
    """It is not guessed what was meant."""
    assert parse(text) is None


def test_braces_within_quotes_end_no_expression() -> None:
    """As the runner reads it: only braces outside of quotes close it."""
    (found,) = embedded("a ${{ format('}}{0}', github.head_ref) }} b")
    assert found.text == "format('}}{0}', github.head_ref)"
    assert found.tree is not None


def test_a_variable_of_the_environment_carries_the_text() -> None:
    """A script that pastes the variable's expression pastes the text; one that names the variable does not."""
    environment = "        env: {TITLE: '${{ github.event.issue.title }}'}\n"
    assert fire("CI-002", file(YML, None, workflow(running("env.title") + "\n" + environment)))
    assert fire("CI-002", file(YML, None, workflow("env: {TITLE: x}\n      - run: echo"))) == []
    outer = workflow(running("env.TITLE")).replace("jobs:", "env: {TITLE: '${{ github.head_ref }}'}\njobs:")
    assert fire("CI-002", file(YML, None, outer))
    hidden = outer.replace("    runs-on", "    env: {TITLE: fixed}\n    runs-on")
    assert fire("CI-002", file(YML, None, hidden)) == []


PASSED_ON = """on: issues
permissions: {}
jobs:
  a:
    runs-on: ubuntu-24.04
    outputs: {title: "${{ github.event.issue.title }}", number: "${{ github.event.issue.number }}"}
    steps:
      - run: echo
  b:
    needs: a
    runs-on: ubuntu-24.04
    outputs: {again: "${{ format('{0}', needs.a.outputs.title) }}"}
    steps:
      - run: echo
  c:
    needs: [a, b]
    runs-on: ubuntu-24.04
    strategy:
      matrix:
        body: ["${{ github.event.issue.body }}"]
        system: [one, two]
        include:
          - {user: "${{ github.event.comment.body }}"}
    steps:
      - run: echo "${{ EXPRESSION }}"
"""


@table(
    ("expression", "fires"),
    [
        ("needs.a.outputs.title", True),
        ("Needs.A.Outputs['title']", True),
        ("needs.b.outputs.again", True),
        ("needs.*.outputs.title", False),
        ("toJSON(needs.a.outputs)", True),
        ("toJSON(needs)", True),
        ("matrix.body", True),
        ("matrix.user", True),
        ("toJSON(matrix)", True),
        ("needs.a.outputs.number", False),
        ("needs.a.result", False),
        ("matrix.system", False),
    ],
)
def test_outputs_and_matrices_carry_the_text(expression: str, fires: bool) -> None:
    """A job hands on what its outputs say, and a matrix what its dimensions hold."""
    assert bool(fire("CI-002", file(YML, None, PASSED_ON.replace("EXPRESSION", expression)))) is fires


HANDED_ON = """on: issues
permissions: {}
jobs:
  a:
    runs-on: ubuntu-24.04
    outputs: {title: "${{ steps.t.outputs.title }}"}
    steps:
      - id: t
        env: {TITLE: "${{ github.event.issue.title }}", ID: "${{ github.event.issue.id }}"}
        run: |
          SCRIPT
      - run: echo ${{ EXPRESSION }}
  b:
    needs: a
    runs-on: ubuntu-24.04
    steps:
      - run: echo ${{ needs.a.outputs.title }}
"""


@table(
    ("script", "expression", "hits"),
    [
        ('echo "title=$TITLE" >> "$GITHUB_OUTPUT"', "steps.t.outputs.title", 2),
        ('echo "title=$TITLE" >> "$GITHUB_OUTPUT"', "steps.t.outputs.other", 1),
        ('echo "title=${TITLE}" >> $GITHUB_ENV', "env.title", 1),
        ("echo ::set-output name=title::$TITLE", "steps.t.outputs.title", 2),
        ('{ echo "title<<E"; echo "$TITLE"; echo E; } >> $GITHUB_OUTPUT', "toJSON(steps.t.outputs)", 2),
        ('echo "title=$ID" >> "$GITHUB_OUTPUT"', "steps.t.outputs.title", 0),
        ('echo "title=${#TITLE}" >> "$GITHUB_OUTPUT"', "steps.t.outputs.title", 0),
        ('echo "title=$(echo "$TITLE" | wc -c)" >> "$GITHUB_OUTPUT"', "steps.t.outputs.title", 0),
        ('echo "title=$TITLE"', "steps.t.outputs.title", 0),
    ],
)
def test_what_a_step_hands_on_carries_the_text(script: str, expression: str, hits: int) -> None:
    """An output or variable that is the text itself is as dangerous as the text, in the job and in those that need it."""
    text = HANDED_ON.replace("SCRIPT", script).replace("EXPRESSION", expression)
    assert len(fire("CI-002", file(YML, None, text))) == hits


@table(
    ("script", "fires"),
    [
        ('eval "$TITLE"', True),
        ("eval echo ${TITLE}", True),
        ('bash -c "cd x; $TITLE"', True),
        ('sh -ec "$TITLE"', True),
        ('python3 -c "$TITLE"', True),
        ("node -e $TITLE", True),
        ("iex $env:TITLE", True),
        ('echo "$TITLE"', False),
        ('eval "$(ssh-agent)" && echo "$TITLE"', False),
        ("""bash -c 'echo "$1"' _ "$TITLE\"""", False),
        ("""python3 -c 'import os; print(os.environ["TITLE"])'""", False),
        ('eval "$OTHER"', False),
    ],
)
def test_a_variable_that_is_run_is_no_data(script: str, fires: bool) -> None:
    """Quotes keep a text from being split, and not from being run by the interpreter that it is handed to."""
    environment = "        env: {TITLE: '${{ github.event.issue.title }}', OTHER: '${{ github.sha }}'}"
    text = workflow(f"      - run: |\n          echo\n          {script}\n{environment}")
    hits = fire("CI-002", file(YML, None, text))
    assert [text.splitlines()[(hit.line or 0) - 1].strip() for hit in hits] == ([script] if fires else [])


def test_the_shell_of_a_step_is_a_script_too() -> None:
    """``shell:`` is a command line."""
    step = "      - run: x\n        shell: bash -c '${{ github.event.issue.title }}' {0}"
    assert fire("CI-002", file(YML, None, workflow(step)))


CALLED = """on: {workflow_call: {inputs: {title: {type: string}, count: {type: number}}}}
permissions: {}
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "${{ inputs.title }}"
      - run: echo "${{ inputs.count }}"
"""
CALLER = """on: issues
permissions: {}
jobs:
  call:
    uses: ./.github/workflows/called.yml
    with: {title: "%s"}
"""


def test_inputs_of_a_called_workflow_are_as_dangerous_as_what_is_passed() -> None:
    """By itself it is a remark; with a caller that passes a stranger's text it is the injection."""
    called = file(".github/workflows/called.yml", None, CALLED)
    (hit,) = fire("CI-002", called)
    assert hit.severity is Severity.LOW
    fixed = file(".github/workflows/caller.yml", None, CALLER % "fixed")
    assert [hit.severity for hit in fire("CI-002", called, fixed)] == [Severity.LOW]
    passed = file(".github/workflows/caller.yml", None, CALLER % "${{ github.event.issue.title }}")
    assert [hit.severity for hit in fire("CI-002", called, passed)] == [None]


def test_dispatch_inputs_are_those_of_people_who_may_write() -> None:
    """Who may start the workflow by hand may push as well."""
    assert fire("CI-002", file(YML, None, workflow(running("inputs.title"), "workflow_dispatch"))) == []


def test_a_composite_action_pastes_what_its_user_passes() -> None:
    """Its inputs are texts of somebody else."""
    text = "inputs: {title: {}}\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: echo ${{ inputs.title }}\n"
    (hit,) = fire("CI-002", file("action.yml", None, text))
    assert hit.severity is Severity.LOW


def _handed(step: str, output: str) -> str:
    """A step, and a checkout of what it says."""
    checkout = f"      - uses: actions/checkout@v4\n        with: {{ref: '${{{{ steps.p.outputs.{output} }}}}'}}"
    return f"      - id: p\n        {step}\n{checkout}"


TAKES = [
    "      - run: gh pr checkout ${{ github.event.number }}",
    "      - run: git clone ${{ github.event.pull_request.head.repo.clone_url }} x && make -C x",
    "      - run: git remote add f $U; git pull f main\n        env: {U: '${{ github.event.pull_request.head.repo.ssh_url }}'}",
    "      - run: |\n          git fetch origin pull/${{ github.event.number }}/head\n          git checkout FETCH_HEAD",
    "      - run: git checkout ${{ github.event.pull_request.head.sha }}",
    "      - run: git switch --detach $SHA\n        env: {SHA: '${{ github.event.pull_request.head.sha }}'}",
    "      - run: git pull origin ${HEAD}\n        env: {HEAD: '${{ github.head_ref }}'}",
    "      - uses: actions/checkout@v4\n        with: {ref: '${{ github.event.pull_request.head.sha }}'}",
    "      - uses: actions/checkout@v4\n        with: {ref: \"${{ github['event']['pull_request'].head.SHA }}\"}",
    "      - uses: actions/checkout@v4\n        with: {ref: 'refs/pull/${{ github.event.number }}/merge'}",
    "      - uses: actions/checkout@v4\n        with: {repository: '${{ github.event.pull_request.head.repo.full_name }}'}",
    "      - uses: actions/checkout@v4\n        env: {SHA: '${{ github.head_ref }}'}\n        with: {ref: '${{ env.SHA }}'}",
    "      - run: |\n          gh api repos/a/b/tarball/${{ github.event.pull_request.head.sha }} > a\n          tar xf a",
    "      - run: curl -L ${{ github.event.pull_request.head.repo.html_url }}/archive/main.tar.gz | tar xz",
    _handed('run: echo "sha=$(gh pr view 7 --json headRefOid -q .headRefOid)" >> $GITHUB_OUTPUT', "sha"),
    _handed("run: |\n          SHA=$(gh api pulls/7 -q .head.sha)\n          echo sha=$SHA >> $GITHUB_OUTPUT", "sha"),
    _handed("uses: actions/github-script@v7\n        with: {script: 'return pull.data.head.sha'}", "result"),
    _handed("uses: xt0rted/pull-request-comment-branch@v3", "head_sha"),
]
LEAVES = [
    "      - run: git fetch origin pull/${{ github.event.number }}/head",
    "      - run: git clone https://github.com/${{ github.repository }} x && make -C x",
    "      - run: git remote add fork ${{ github.event.pull_request.head.repo.clone_url }} && git fetch fork",
    "      - run: git fetch origin $SHA && git diff FETCH_HEAD\n        env: {SHA: '${{ github.head_ref }}'}",
    "      - run: git checkout main",
    "      - uses: actions/checkout@v4",
    "      - uses: actions/checkout@v4\n        with: {ref: '${{ github.base_ref }}'}",
    "      - uses: actions/checkout@v4\n        with: {repository: acme/tools}",
    "      - run: gh api repos/a/b/commits/${{ github.event.pull_request.head.sha }}/status > status.json",
    _handed('run: echo "sha=$(gh pr view 7 --json baseRefOid -q .baseRefOid)" >> $GITHUB_OUTPUT', "sha"),
    _handed("uses: actions/github-script@v7\n        with: {script: 'return pull.data.base.sha'}", "result"),
]


@table("step", TAKES)
def test_a_heads_code_with_secrets_is_found(step: str) -> None:
    """By checkout, by git, by gh, by the repository instead of the commit, through a variable."""
    assert fire("CI-002", file(YML, None, workflow(step, "pull_request_target")))
    assert fire("CI-002", file(YML, None, workflow(step, "pull_request"))) == []


@table("step", LEAVES)
def test_what_takes_no_code_is_quiet(step: str) -> None:
    """Fetching writes no file that runs."""
    assert fire("CI-002", file(YML, None, workflow(step, "pull_request_target"))) == []


def test_a_comment_may_start_it_when_its_author_is_asked() -> None:
    """A condition on who wrote the comment is what GitHub advises."""
    step = "      - run: gh pr checkout ${{ github.event.issue.number }}"
    assert fire("CI-002", file(YML, None, workflow(step, "issue_comment")))
    asked = step + "\n        if: github.event.comment.author_association == 'MEMBER'"
    assert fire("CI-002", file(YML, None, workflow(asked, "issue_comment"))) == []


WEAK = [
    ("pull_request", "      - run: echo '${{ toJSON(secrets) }}'", "ubuntu-24.04"),
    ("push", "      - run: x\n        env: {ALL: '${{ toJson(secrets) }}'}", "ubuntu-24.04"),
    ("push", "      - run: x\n        env: {ONE: '${{ secrets[matrix.name] }}'}", "ubuntu-24.04"),
    ("pull_request", "      - run: make", "self-hosted"),
    ("pull_request", "      - run: make", "[self-hosted, linux]"),
    ("pull_request_target", "      - run: x\n        if: github.actor == 'dependabot[bot]'", "ubuntu-24.04"),
    ("pull_request_target", "      - run: x\n        if: ${{ github.ACTOR == 'dependabot[bot]' }}", "ubuntu-24.04"),
    ("workflow_run", '      - run: echo "A=$(cat a)" >> "$GITHUB_ENV"', "ubuntu-24.04"),
    ("workflow_run", '      - run: cat a | tee -a "$GITHUB_ENV"', "ubuntu-24.04"),
    ("workflow_run", '      - run: cat a >> "${{ github.env }}"', "ubuntu-24.04"),
    ("workflow_run", "      - run: Get-Content a | Out-File -FilePath $env:GITHUB_ENV -Append", "windows-2025"),
    ("pull_request_target", "      - run: cat paths >> $GITHUB_PATH", "ubuntu-24.04"),
]
STRONG = [
    ("push", "      - run: make", "self-hosted"),
    ("push", '      - run: echo "A=$(cat a)" >> "$GITHUB_ENV"', "ubuntu-24.04"),
    ("workflow_run", "      - run: echo A=1 | tee -a $GITHUB_ENV", "ubuntu-24.04"),
    ("pull_request_target", "      - run: echo A=1 >> $GITHUB_ENV", "ubuntu-24.04"),
    (
        "pull_request_target",
        "      - run: x\n        if: github.event.pull_request.user.login == 'dependabot[bot]'",
        "ubuntu-24.04",
    ),
    ("push", "      - run: x\n        env: {ONE: '${{ secrets.ONE }}'}", "ubuntu-24.04"),
]


@table(("on", "step", "machine"), WEAK)
def test_what_trusts_too_much_is_found(on: str, step: str, machine: str) -> None:
    """Each once, and quiet where it stood before."""
    text = workflow(step, on, machine)
    assert len(fire("CI-003", file(YML, None, text))) == 1
    assert fire("CI-003", file(YML, text, text + "\n")) == []


@pytest.mark.parametrize(("on", "step", "machine"), STRONG)
def test_what_trusts_enough_is_quiet(on: str, step: str, machine: str) -> None:
    """No stranger starts it, or nothing computed is written, or the author is asked."""
    assert fire("CI-003", file(YML, None, workflow(step, on, machine))) == []


def test_inherited_secrets_are_a_remark() -> None:
    """A called workflow gets all of them."""
    text = CALLER.replace("    with:", "    secrets: inherit\n    with:") % "x"
    (hit,) = fire("CI-003", file(YML, None, text))
    assert hit.severity is Severity.LOW
