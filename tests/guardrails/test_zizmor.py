"""What CI-001 to CI-003 say of workflows beside what zizmor says: where they agree, and why they differ where they do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from bot.guardrails.detectors.workflow_mistakes import mistakes
from bot.guardrails.detectors.workflow_risks import risks, weaknesses
from bot.guardrails.structure import Unparsed, parse_documents
from tests.guardrails.changes import file, fire
from tests.guardrails.workflow_features import Workflow, workflows

AUDITS: Final = {
    "injection": "template-injection",
    "checkout": "dangerous-triggers",
    "inherit": "secrets-inherit",
    "secrets": "overprovisioned-secrets",
    "self-hosted": "self-hosted-runner",
    "actor": "bot-conditions",
    "environment": "github-env",
    "rights": "excessive-permissions",
    "commands": "insecure-commands",
    "condition": "unsound-condition",
    "contains": "unsound-contains",
    "unmasked": "unredacted-secrets",
}
"""The topic of ours for each audit of zizmor."""
OURS, THEIRS = "ours alone", "zizmor alone"
DIFFERENCES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("injection", "by people"): (
        THEIRS,
        "Names of branches and tags, labels, inputs of a dispatch: whoever writes them may push to the repository as well.",
    ),
    ("checkout", "base with secrets"): (
        THEIRS,
        "It tells the event alone. Labelling and commenting is what the event is there for; taking the head's code is not.",
    ),
    ("secrets", "every"): (OURS, "``secrets.*`` is every secret in a list; it knows the function around it alone."),
    ("self-hosted", "labelled, strangers"): (OURS, "It reads ``runs-on`` as a text or a list, and not its ``labels``."),
    ("self-hosted", "own, people"): (THEIRS, "What people with rights push may run on machines of their own."),
    ("self-hosted", "group, strangers"): (
        THEIRS,
        "A group holds hosted runners as often as own ones: only the word is certain.",
    ),
    ("self-hosted", "group, people"): (THEIRS, "As before."),
    ("actor", "actor, without"): (THEIRS, "Without secrets there is nothing that a forged actor opens."),
    ("contains", "no choice"): (THEIRS, "Who causes an event does not name it."),
    ("rights", "wide"): (THEIRS, "A new file is judged by itself in review; a scope that rises later is told."),
    ("rights", "reading"): (THEIRS, "Reading a repository gives nothing that its contributors do not have."),
    ("rights", "left out"): (THEIRS, "The default is a setting of the repository, which a file does not tell."),
}
"""By topic and feature who tells it alone, and why that is meant."""

WORKFLOWS: Final = workflows()


def ours(workflow: Workflow) -> bool:
    """Whether a new file of this text is told, for the topic."""
    if workflow.topic == "rights":
        return bool(fire("CI-001", file(".github/workflows/w.yml", None, workflow.text)))
    documents = parse_documents(workflow.text)
    assert not isinstance(documents, Unparsed)
    return any(
        each.key[0] == workflow.topic
        for document in documents
        for each in (*risks(document), *weaknesses(document), *mistakes(document))
    )


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[int]]:
    """The numbers of the workflows that zizmor tells, by audit; of pasted expressions what it is sure of."""
    folder, program = tmp_path_factory.mktemp("zizmor"), shutil.which("zizmor", path=str(Path(sys.executable).parent))
    assert program is not None
    for number, workflow in enumerate(WORKFLOWS):
        (folder / f"{number}.yml").write_text(workflow.text)
    command = [
        program,
        "--offline",
        "--no-progress",
        "--quiet",
        "--no-exit-codes",
        "--persona=auditor",
        "--format=json",
    ]
    files = [str(folder / f"{number}.yml") for number in range(len(WORKFLOWS))]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=True)
    told: defaultdict[str, set[int]] = defaultdict(set)
    for finding in json.loads(done.stdout):
        certain = {"confidence": "High", "persona": "Regular"}.items() <= finding["determinations"].items()
        if finding["ident"] == "template-injection" and not certain:
            continue
        path = finding["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"]
        told[finding["ident"]].add(int(Path(path).stem))
    return {audit: frozenset(numbers) for audit, numbers in told.items()}


def test_there_are_enough_workflows_of_every_kind() -> None:
    """More than two hundred, no two alike, and both answers for every topic."""
    assert len(WORKFLOWS) >= 200
    assert len({(each.topic, each.feature, each.variant) for each in WORKFLOWS}) == len(WORKFLOWS)
    for topic in AUDITS:
        assert {ours(each) for each in WORKFLOWS if each.topic == topic} == {True, False}, topic


def test_we_agree_with_zizmor_but_for_what_is_meant(theirs: Mapping[str, frozenset[int]]) -> None:
    """Every difference is of a feature that the table names, with its reason, and in the direction that it says."""
    differing: dict[tuple[str, str], set[str]] = defaultdict(set)
    shown: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, each in enumerate(WORKFLOWS):
        own, other = ours(each), number in theirs.get(AUDITS[each.topic], frozenset())
        if own != other:
            differing[each.topic, each.feature].add(OURS if own else THEIRS)
            shown[each.topic, each.feature].append(each.variant)
    assert dict(differing) == {key: {side} for key, (side, _) in DIFFERENCES.items()}, dict(shown)
