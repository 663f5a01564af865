"""Minimal workflows, one feature each, for which an independent judge is asked too. Written for this table.

The features are those of the audits of zizmor that CI-001 to CI-003 are about (docs.zizmor.sh, "Audit Rules"); the contexts
are those of GitHub's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PIN: Final = "11bd71901bbe5b1630ceea73d27597364c9af683"


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that shows ``feature`` of ``topic`` in one ``variant``."""

    topic: str
    feature: str
    variant: str
    text: str


def _workflow(steps: str, *, on: str, job: str = "", runs: str = "ubuntu-24.04") -> str:
    head = f"name: w\non: {on}\npermissions: {{}}\njobs:\n  a:\n    name: a\n    runs-on: {runs}\n"
    return f"{head}{job}    steps:\n{steps}\n"


def _pasted(expression: str) -> Iterator[tuple[str, str]]:
    """An expression where it runs, by the kind of step."""
    yield "run", f'      - run: |\n          echo "${{{{ {expression} }}}}"'
    script = f"      - uses: actions/github-script@{PIN}\n        with:\n          script: |\n            log(`%s`)"
    yield "script", script % f"${{{{ {expression} }}}}"


WRITTEN: Final = (
    "github.event.issue.title", "github.event.issue.body", "github.event.comment.body", "github.event.review.body",
    "github.event.pull_request.title", "github.event.pull_request.body", "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label", "github.event.pull_request.head.repo.default_branch",
    "github.event.pull_request.head.repo.description", "github.event.discussion.title", "github.event.discussion.body",
    "github.event.changes.title.from", "github.event.changes.new_issue.title", "github.event.answer.body",
    "github.event.head_commit.message", "github.event.head_commit.author.name", "github.event.head_commit.author.email",
    "github.event.commits[0].message", "github.event.workflow_run.head_branch", "github.event.release.body",
    "github.event.workflow_run.head_commit.message", "github.event.pages[0].page_name", "github.head_ref",
    "GITHUB.EVENT.ISSUE.TITLE", "github['event']['issue']['title']", "github.event['issue'].title",
    "github.event.issue.title || 'x'", "format('{0}', github.event.issue.body)", "toJSON(github.event.issue.title)",
    "github.event.issue.title != '' && github.event.issue.title || 'x'",
)  # fmt: skip
FIXED: Final = (
    "github.event.issue.number", "github.event.pull_request.head.sha", "github.event.pull_request.number", "github.sha",
    "github.repository_id", "github.run_id", "github.event.issue.title == 'x'", "!github.event.issue.title",
    "contains(github.event.issue.title, 'x')", "startsWith(github.head_ref, 'release/')", "hashFiles('**/lock')",
    "github.event.issue.title && 'titled' || 'untitled'", "'github.event.issue.title'", "runner.os", "secrets.TOKEN",
    "github.event.pull_request.merged", "github.event.pull_request.draft", "github.event.comment.id",
)  # fmt: skip
BY_PEOPLE: Final = ("github.ref_name", "github.event.label.name", "github.event.repository.html_url", "inputs.tag")
"""Texts of those who may write to the repository."""


def injections() -> Iterator[Workflow]:
    for feature, expressions in (("written", WRITTEN), ("fixed", FIXED), ("by people", BY_PEOPLE)):
        on = "{workflow_dispatch: {inputs: {tag: {type: string}}}}" if feature == "by people" else "issues"
        for expression in expressions:
            for kind, step in _pasted(expression):
                yield Workflow("injection", feature, f"{expression} in {kind}", _workflow(step, on=on))
    for expression in WRITTEN[:6]:
        held = f'      - run: echo "$TITLE"\n        env:\n          TITLE: ${{{{ {expression} }}}}'
        yield Workflow("injection", "in a variable", expression, _workflow(held, on="issues"))
        pasted = held.replace("$TITLE", "${{ env.TITLE }}")
        yield Workflow("injection", "pasted variable", expression, _workflow(pasted, on="issues"))
    for action, name in (
        ("mikefarah/yq", "cmd"),
        ("Amadevus/pwsh-script", "script"),
        ("roots/issue-closer-action", "pr-close-message"),
    ):
        step = f"      - uses: {action}@{PIN}\n        with:\n          {name}: x ${{{{ github.event.issue.title }}}}"
        yield Workflow("injection", "written", f"{name} of {action}", _workflow(step, on="issues"))
    harmless = f'      - uses: actions/labeler@{PIN}\n        with: {{title: "${{{{ github.event.issue.title }}}}"}}'
    yield Workflow("injection", "in a variable", "input of another action", _workflow(harmless, on="issues"))


def _checkout(*inputs: str) -> str:
    return f"      - uses: actions/checkout@{PIN}\n        with: {{persist-credentials: false{''.join(inputs)}}}"


CHECKOUTS: Final = (
    "      - run: gh pr checkout 7",
    "      - run: git checkout ${{ github.event.pull_request.head.sha }}",
    "      - run: git fetch origin pull/7/head && git switch --detach FETCH_HEAD",
    _checkout(', ref: "${{ github.event.pull_request.head.sha }}"'),
    _checkout(', ref: "refs/pull/${{ github.event.number }}/merge"'),
    _checkout(', repository: "${{ github.event.pull_request.head.repo.full_name }}"'),
)
BASES: Final = (
    f"      - uses: actions/checkout@{PIN}\n        with: {{persist-credentials: false}}",
    "      - run: git fetch origin pull/7/head && git diff FETCH_HEAD",
    "      - run: echo labelled",
)


def triggers() -> Iterator[Workflow]:
    for event in ("pull_request_target", "workflow_run", "issue_comment", "pull_request", "push"):
        on = "{workflow_run: {workflows: [x]}}" if event == "workflow_run" else event
        privileged = event in {"pull_request_target", "workflow_run", "issue_comment"}
        for number, step in enumerate(CHECKOUTS):
            feature = "head with secrets" if privileged else "head without secrets"
            yield Workflow("checkout", feature, f"{event} {number}", _workflow(step, on=on))
        for number, step in enumerate(BASES):
            feature = "base with secrets" if privileged else "base without secrets"
            yield Workflow("checkout", feature, f"{event} {number}", _workflow(step, on=on))


def secrets() -> Iterator[Workflow]:
    for uses in (
        "./.github/workflows/x.yml",
        f"acme/tools/.github/workflows/x.yml@{PIN}",
        "acme/tools/.github/workflows/x.yml@v1",
    ):
        for feature, given in (("inherited", "inherit"), ("named", '{TOKEN: "${{ secrets.TOKEN }}"}')):
            text = f"name: w\non: push\npermissions: {{}}\njobs:\n  a:\n    name: a\n    uses: {uses}\n    secrets: {given}\n"
            yield Workflow("inherit", feature, uses, text)
    for feature, expression in (
        ("all", "toJSON(secrets)"), ("all", "toJson( secrets )"), ("all", "TOJSON(SECRETS)"), ("one", "secrets.TOKEN"),
        ("one", "secrets['TOKEN']"), ("one", "toJSON(secrets.TOKEN)"), ("computed", "secrets[format('T_{0}', github.ref)]"),
        ("computed", "secrets[matrix.name]"), ("every", "secrets.*"), ("every", "join(secrets.*, ' ')"),
    ):  # fmt: skip
        for place in ("run", "env"):
            step = "      - run: ./deploy" if place == "env" else f"      - run: echo '${{{{ {expression} }}}}'"
            more = f"\n        env:\n          ALL: ${{{{ {expression} }}}}" if place == "env" else ""
            yield Workflow("secrets", feature, f"{expression} in {place}", _workflow(step + more, on="push"))


def machines() -> Iterator[Workflow]:
    shapes = (
        ("own", "self-hosted", ""), ("own", "[self-hosted, linux]", ""), ("own", "[Self-Hosted, x64]", ""),
        ("labelled", "{labels: [self-hosted]}", ""),
        ("own", '"${{ matrix.os }}"', "    strategy: {matrix: {os: [self-hosted, ubuntu-24.04]}}\n"),
        ("own", '"${{ matrix.os }}"', "    strategy: {matrix: {os: [ubuntu-24.04], include: [{os: self-hosted}]}}\n"),
        ("hosted", "ubuntu-24.04", ""), ("hosted", "[ubuntu-24.04]", ""),
        ("hosted", '"${{ matrix.os }}"', "    strategy: {matrix: {os: [macos-15, ubuntu-24.04]}}\n"),
        ("group", "{group: ours}", ""),
    )  # fmt: skip
    for event in ("pull_request", "issues", "push", "schedule"):
        on = "{schedule: [{cron: '1 1 * * *'}]}" if event == "schedule" else event
        for number, (shape, runs, job) in enumerate(shapes):
            feature = f"{shape}, {'strangers' if event in {'pull_request', 'issues'} else 'people'}"
            step = "      - run: make"
            yield Workflow("self-hosted", feature, f"{event} {number}", _workflow(step, on=on, job=job, runs=runs))


def actors() -> Iterator[Workflow]:
    for event in ("pull_request_target", "pull_request", "push"):
        for feature, condition in (
            ("actor", "github.actor == 'dependabot[bot]'"),
            ("actor", "${{ 'dependabot[bot]' == github.actor }}"),
            ("actor", "${{ github.actor == 'renovate[bot]' }}"),
            ("actor", "GITHUB.ACTOR == 'dependabot[bot]'"),
            ("actor", "github['actor'] == 'dependabot[bot]'"),
            ("actor", "github.triggering_actor == 'dependabot[bot]'"),
            ("actor", "github.actor == 'dependabot[bot]' && github.repository == 'acme/shop'"),
            ("narrowed", "github.event.pull_request.user.login == 'dependabot[bot]'"),
            ("person", "github.actor == 'rosa'"),
            ("excluded", "github.actor != 'dependabot[bot]'"),
        ):
            for place in ("job", "step"):
                job = f"    if: {condition}\n" if place == "job" else ""
                step = "      - run: make" + (f"\n        if: {condition}" if place == "step" else "")
                where = "with secrets" if event == "pull_request_target" else "without"
                name = f"{condition} of a {place} on {event}"
                yield Workflow("actor", f"{feature}, {where}", name, _workflow(step, on=event, job=job))


def environments() -> Iterator[Workflow]:
    for event in ("pull_request_target", "workflow_run", "push"):
        on = "{workflow_run: {workflows: [x]}}" if event == "workflow_run" else event
        for feature, line in (
            ("computed", 'echo "V=$(cat version)" >> $GITHUB_ENV'),
            ("computed", 'echo "V=$(cat version)" >> "$GITHUB_ENV"'),
            ("computed", 'echo "$(pwd)/bin" >> $GITHUB_PATH'),
            ("computed", 'echo "V=$V" >> ${GITHUB_ENV}'),
            ("computed", "cat vars >> $GITHUB_ENV"),
            ("constant", 'echo "V=1" >> $GITHUB_ENV'),
            ("constant", "echo /opt/bin >> $GITHUB_PATH"),
            ("output", 'echo "V=$(cat version)" >> $GITHUB_OUTPUT'),
        ):
            where = "with secrets" if event != "push" else "without"
            step = f"      - run: |\n          {line}"
            yield Workflow("environment", f"{feature}, {where}", f"{line} on {event}", _workflow(step, on=on))


def rights() -> Iterator[Workflow]:
    for feature, top, job in (
        ("everything", "write-all", ""), ("everything", "{}", "write-all"), ("wide", "{contents: write}", ""),
        ("wide", "{packages: write, id-token: write}", ""), ("reading", "read-all", ""), ("none", "{}", ""),
        ("narrow", "{}", "{contents: write}"), ("narrow", "{contents: read}", ""), ("left out", "", ""),
    ):  # fmt: skip
        text = "name: w\non: push\n" + (f"permissions: {top}\n" if top else "")
        text += "jobs:\n  a:\n    name: a\n    runs-on: ubuntu-24.04\n" + (f"    permissions: {job}\n" if job else "")
        yield Workflow(
            "rights", feature, f"{top or 'none'} / {job or 'none'}", f"{text}    steps:\n      - run: make\n"
        )


_STEP: Final = "      - run: make\n"


def old_commands() -> Iterator[Workflow]:
    for value, feature in (("true", "allowed"), ("'TRUE'", "allowed"), ("false", "kept off"), ("''", "kept off")):
        env = f"env:\n%s  ACTIONS_ALLOW_UNSECURE_COMMANDS: {value}\n"
        yield Workflow(
            "commands", feature, f"{value} of all", _workflow(_STEP, on="push").replace("jobs:", env % "" + "jobs:")
        )
        yield Workflow("commands", feature, f"{value} of a job", _workflow(_STEP, on="push", job="    " + env % "    "))
        step = f"{_STEP}        {env % '        '}"
        yield Workflow("commands", feature, f"{value} of a step", _workflow(step, on="push"))
    yield Workflow(
        "commands", "another", "", _workflow(_STEP, on="push", job="    env:\n      ACTIONS_STEP_DEBUG: true\n")
    )


def conditions() -> Iterator[Workflow]:
    for feature, condition in (
        ("a block", "|\n%s  ${{ github.event_name == 'push' }}"),
        ("a block", ">\n%s  ${{ github.event_name == 'push' }}"),
        ("a stripped block", "|-\n%s  ${{ github.event_name == 'push' }}"),
        ("a stripped block", ">-\n%s  ${{ github.event_name == 'push' }}"),
        ("a bare block", "|\n%s  github.event_name == 'push'"),
        ("one line", "${{ github.event_name == 'push' }}"),
        ("one line", "github.event_name == 'push' && !cancelled()"),
        ("several", "${{ github.event_name == 'push' }} && ${{ github.ref_protected }}"),
    ):
        for place, indent in (("job", "    "), ("step", "        ")):
            text = f"{indent}if: {condition % indent if '%s' in condition else condition}\n"
            job, step = (text, _STEP) if place == "job" else ("", _STEP + text)
            yield Workflow("condition", feature, f"{condition} of a {place}", _workflow(step, on="push", job=job))


def parts_of_texts() -> Iterator[Workflow]:
    for feature, condition in (
        ("a text", "contains('refs/heads/main refs/heads/develop', github.ref)"),
        ("a text", "contains('main,develop', github.head_ref)"),
        ("a text", "contains('rosa ann', github.actor)"),
        ("a list", 'contains(fromJSON(\'["main", "develop"]\'), github.ref_name)'),
        ("a part", "contains(github.ref, 'release')"),
        ("a part", "contains(github.event.head_commit.message, 'skip ci')"),
        ("equal", "github.ref == 'refs/heads/main'"),
        ("no choice", "contains('push schedule', github.event_name)"),
    ):
        yield Workflow("contains", feature, condition, _workflow(_STEP, on="push", job=f"    if: {condition}\n"))
        fenced = f"        if: ${{{{ {condition} }}}}\n"
        yield Workflow("contains", feature, f"fenced {condition}", _workflow(_STEP + fenced, on="push"))


def parts_of_secrets() -> Iterator[Workflow]:
    for feature, expression in (
        ("taken out", "fromJSON(secrets.KEYS).password"),
        ("taken out", "FROMJSON(SECRETS.KEYS)['password']"),
        ("taken out", "fromJSON(secrets.KEYS)"),
        ("whole", "secrets.KEYS"),
        ("no secret", "fromJSON(vars.KEYS).name"),
        ("no secret", "fromJSON(needs.a.outputs.keys).name"),
    ):
        step = f"      - run: make\n        env:\n          V: ${{{{ {expression} }}}}\n"
        yield Workflow("unmasked", feature, expression, _workflow(step, on="push"))


def workflows() -> tuple[Workflow, ...]:
    """All of them."""
    makers = (
        injections,
        triggers,
        secrets,
        machines,
        actors,
        environments,
        rights,
        old_commands,
        conditions,
        parts_of_texts,
        parts_of_secrets,
    )
    return tuple(workflow for maker in makers for workflow in maker())
