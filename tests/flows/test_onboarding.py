"""The first hour: what is there is found, what is missing is added, nothing is written over, and a pull request says it all."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from bot.flows.onboarding.starter import GUARDRAILS, SCHEMA, SETTINGS, WORKFLOW
from bot.github.address import other_host
from bot.settings import load, reference
from bot.wiring.onboarding import open_onboarding, yaml_scalar
from bot.wiring.repository import Options
from tests.entry import clockwork
from tests.flows.layouts import LAYOUTS, WEB
from tests.flows.linters import problems
from tests.flows.stage import FILES, Stage

ALL = [SETTINGS, SCHEMA, GUARDRAILS, WORKFLOW]


def laid(tmp_path: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files."""
    root = tmp_path / "repository"
    root.mkdir()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def contents(root: Path) -> dict[str, bytes]:
    """Every file of a folder but those of the cache, which the commands here have in it."""
    files = {path.relative_to(root): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] != "cache"}


OVERLAY = {"kustomization.yaml": "resources: [web.yaml]\n", "web.yaml": WEB}
FOUND = {
    "flux": ({"kubernetes"}, ["dev", "prod"], "Flux: dev, prod"),
    "argo": ({"kubernetes"}, [], "Argo CD: shop"),
    "manifests": ({"kubernetes"}, [], "plain Kubernetes manifests: 2 resources"),
    "kustomize": ({"kubernetes"}, ["dev", "prod"], "targets: dev, prod"),
    "charts": ({"kubernetes"}, [], "targets: api, front"),
    "compose": ({"docker"}, [], "Compose: compose.yaml"),
    "terraform": ({"terraform"}, [], "Terraform: infra/prod"),
    "cw": ({"docker"}, [], ".cw configuration: infra/front.cw"),
    "mixed": ({"kubernetes", "docker", "terraform"}, ["dev", "prod"], "Compose: mail/compose.yaml"),
    "empty": (set(), [], "nothing that is deployed"),
}
"""Layout -> the observers that its settings name, the targets that they name, a line that is told."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_repository_begins(tmp_path: Path, layout: str) -> None:
    """What is deployed is found and its observers are named; the settings load and fit their schema; the workflow is sound;
    a second time changes nothing.
    """
    root = laid(tmp_path, LAYOUTS[layout])
    before = contents(root)
    observed, named, line = FOUND[layout]
    done = clockwork("init", "--yes", folder=root, COLUMNS="80")
    assert done.returncode == 0, done
    assert line in done.stdout
    after = contents(root)
    assert sorted(set(after) - set(before)) == sorted(ALL)
    assert {path: after[path] for path in before} == before
    settings = load(after[SETTINGS])
    assert {
        key for key in ("kubernetes", "docker", "terraform") if getattr(settings.observe, key) is not None
    } == observed
    assert [target.name for target in settings.targets] == named
    jsonschema.validate(yaml.safe_load(after[SETTINGS]), json.loads(after[SCHEMA]))
    assert after[SETTINGS].startswith(f"# yaml-language-server: $schema={SCHEMA}\n".encode())
    assert (
        max(len(text) for path in (SETTINGS, GUARDRAILS, WORKFLOW) for text in after[path].decode().splitlines()) <= 80
    )
    assert clockwork("check-config", folder=root).returncode == 0
    judged(root)
    again = clockwork("init", "--yes", folder=root)
    assert again.returncode == 0
    assert "Nothing is missing; nothing was changed." in again.stdout
    assert contents(root) == after


def judged(root: Path) -> None:
    """The linters find nothing in the workflow."""
    assert problems(root / WORKFLOW) == ""


def test_what_is_proposed_for_a_chart_means_what_was_found(tmp_path: Path) -> None:
    """A target that is found for a values file keeps that file and its release when settings name it."""
    chart = {path: text for path, text in LAYOUTS["charts"].items() if "/api/" in path}
    root = laid(tmp_path, {**chart, "charts/api/values-eu.yaml": "{}\n", "charts/api/values-us.yaml": "{}\n"})
    assert clockwork("init", "--yes", folder=root).returncode == 0
    text = (root / SETTINGS).read_text()
    settings = load(re.sub(r"^# (targets:| {2}- \S.*| {4}\S.*)$", r"\1", text, flags=re.MULTILINE).encode())
    assert [(target.name, target.release, target.values) for target in settings.targets] == [
        (f"api-{place}", "api", [f"charts/api/values-{place}.yaml"]) for place in ("eu", "us")
    ]


def test_clusters_are_called_as_their_folders(tmp_path: Path) -> None:
    """Two applications with an overlay for each cluster are four targets on two clusters."""
    overlays = [f"apps/{app}/overlays/{place}" for app in ("api", "web") for place in ("eu", "us")]
    root = laid(tmp_path, {f"{path}/{name}": text for path in overlays for name, text in OVERLAY.items()})
    assert clockwork("init", "--yes", folder=root).returncode == 0
    observers = [target.observe for target in load((root / SETTINGS).read_bytes()).targets]
    contexts = [observe.kubernetes.context for observe in observers if observe and observe.kubernetes]
    assert contexts == ["eu", "us"] * 2


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    """Settings and a workflow that runs Clockwork stay as they are; only what is missing is added."""
    files = {
        **LAYOUTS["cw"],
        SETTINGS: "observe: {docker: {}}\n",
        ".github/workflows/ci.yml": "run: clockwork guard diff\n",
    }
    root = laid(tmp_path, files)
    done = clockwork("init", "--yes", folder=root)
    assert done.returncode == 0, done
    assert f"{SETTINGS}: is there, kept as it is" in done.stdout
    assert f"{WORKFLOW}: .github/workflows/ci.yml runs Clockwork already" in done.stdout
    assert (root / SETTINGS).read_text() == "observe: {docker: {}}\n"
    assert sorted(set(contents(root)) - set(files)) == sorted([SCHEMA, GUARDRAILS])


@pytest.mark.parametrize("layout", ["kustomize", "terraform"])
def test_the_workflow_may_run_the_action(tmp_path: Path, layout: str) -> None:
    """Pinned by a commit, instead of what is installed from an index; the linters find nothing in it either."""
    root = laid(tmp_path, LAYOUTS[layout])
    pin = f"acme/clockwork@{'0a' * 20}"
    assert clockwork("init", "--yes", "--action", pin, folder=root).returncode == 0
    jobs = yaml.safe_load((root / WORKFLOW).read_text())["jobs"]
    used = {step["with"]["command"]: step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step}
    assert used == dict.fromkeys(("reconcile", "guard", "comments"), f"acme/clockwork/.github/actions/{pin[5:]}")
    assert "pipx" not in (root / WORKFLOW).read_text()
    judged(root)
    assert '"health": "ok", "message": ".github/workflows/clockwork.yml"' in (
        clockwork("doctor", "--offline", "--json", folder=root).stdout
    )


CLONES: Mapping[str, tuple[Mapping[str, str], list[list[str]]]] = {
    "no remote": ({"k8s/web.yaml": WEB}, []),
    "detached": ({"apps/team/svc/eu/deploy/web.yaml": WEB}, [["checkout", "-q", "--detach"]]),
    "no commit": ({}, [["update-ref", "-d", "HEAD"]]),
    "Windows line ends": ({"k8s/web.yaml": WEB.replace("\n", "\r\n"), SETTINGS: "version: 1\r\n"}, []),
    "a workflow of that name": (
        {"k8s/web.yaml": WEB, WORKFLOW: "name: ours\non: push\njobs: {}\n"},
        [],
    ),
    "settings under another name": ({"k8s/web.yaml": WEB, "clockwork.yml": "version: 1\n"}, []),
}
"""Clone -> its files, and what Git then does with it."""


@pytest.mark.parametrize("clone", CLONES)
def test_a_clone_in_any_state_begins(tmp_path: Path, clone: str) -> None:
    """What is there stays byte for byte, what Git knows is not touched, and a second time changes nothing."""
    files, commands = CLONES[clone]
    root = laid(tmp_path, files)
    for path, text in files.items():
        (root / path).write_bytes(text.encode())
    git = ["git", "-C", str(root), "-c", "user.name=Rosa", "-c", "user.email=rosa@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "First", "--allow-empty"], *commands):
        subprocess.run([*git, *words], check=True)
    before = contents(root)
    done = clockwork("init", "--yes", folder=root)
    assert done.returncode == 0, done
    after = contents(root)
    assert {path: after[path] for path in before} == before
    absent = {SETTINGS} if "clockwork.yml" in files else set()
    assert set(after) - set(before) == {*ALL} - {*files} - absent
    assert clockwork("check-config", folder=root).returncode == 0
    assert "Nothing is missing; nothing was changed." in clockwork("init", "--yes", folder=root).stdout
    assert contents(root) == after


@pytest.mark.parametrize(
    ("remote", "server"),
    [
        ("git@gitlab.com:acme/shop.git", "gitlab.com"),
        ("https://gitea.acme.example:3000/acme/shop.git", "gitea.acme.example"),
        ("https://dev.azure.com/acme/shop/_git/shop", "dev.azure.com"),
        ("ssh://git@ghe.acme.example:2222/acme/shop.git", None),
        ("git@github.com:acme/shop.git", None),
        ("https://gitlab/acme/shop.git", None),
        ("/srv/git/shop.git", None),
    ],
)
def test_the_server_that_is_no_github_is_known_by_its_name(remote: str, server: str | None) -> None:
    """Only where the name tells; whatever it may be else could be a GitHub of one's own."""
    assert other_host(remote) == server


def test_no_github_gets_no_workflow_and_other_tools_are_named(tmp_path: Path) -> None:
    """What would never run is not written, and what is not read is told; a mistake keeps its line and its caret."""
    files = {"helmfile.yaml": "releases: []\n", "infra/terragrunt.hcl": "", "k8s/bad.yaml": "a: [1\nb: }\n"}
    root = laid(tmp_path, files)
    for words in (["init", "-q"], ["remote", "add", "origin", "git@gitlab.com:acme/shop.git"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    done = clockwork("init", "--yes", folder=root, COLUMNS="200")
    assert done.returncode == 0, done
    assert [path for path in ALL if (root / path).is_file()] == ALL[:3]
    assert f"{WORKFLOW}: left out: gitlab.com runs no GitHub workflows" in done.stdout
    assert "not read by Clockwork: Helmfile (helmfile.yaml)" in done.stdout
    assert "not read by Clockwork: Terragrunt (infra/terragrunt.hcl)" in done.stdout
    assert "\n      b: }\n       ^\n" in done.stdout
    (root / SETTINGS).write_text("github: {api_url: https://git.acme.example/api/v3}\n")
    assert f"+++ b/{WORKFLOW}" in clockwork("init", "--dry-run", folder=root).stdout


def test_a_file_in_the_way_is_told_before_anything_is_written(tmp_path: Path) -> None:
    """All files or none."""
    root = laid(tmp_path, {".github": "no folder\n"})
    before = contents(root)
    done = clockwork("init", "--yes", folder=root)
    assert (done.returncode, contents(root)) == (2, before), done
    assert ".github is a file where a folder is needed" in done.stderr


def test_settings_under_another_name_are_told(tmp_path: Path) -> None:
    """Nobody reads ``clockwork.yml``: init and check-config say how it is to be called."""
    root = laid(tmp_path, {"clockwork.yml": "version: 1\n"})
    shown = clockwork("init", "--dry-run", folder=root).stdout
    assert "clockwork.yaml: clockwork.yml is there, which is not read: rename it" in shown
    assert f"+++ b/{SETTINGS}" not in shown
    checked = clockwork("check-config", folder=root)
    assert checked.returncode == 0
    assert "note    clockwork.yml: is not read" in checked.stdout


def test_a_folder_inside_a_clone_is_no_repository(tmp_path: Path) -> None:
    """Settings and workflows count at the top alone; the command that is named works there."""
    root = laid(tmp_path, {"apps/web.yaml": WEB})
    subprocess.run(["git", "init", "-q", root], check=True)
    before = contents(root)
    done = clockwork("init", "--yes", folder=root / "apps")
    assert done.returncode == 2, done
    assert contents(root) == before
    (command,) = re.findall(r"`clockwork (init [^`]*)`", done.stderr)
    assert clockwork(*shlex.split(command), "--yes", folder=root / "apps").returncode == 0
    assert (root / WORKFLOW).exists()


def test_nobody_who_could_be_asked_is_no_yes(tmp_path: Path) -> None:
    """Without a terminal and without ``--yes`` the files are shown and nothing is written."""
    root = laid(tmp_path, LAYOUTS["manifests"])
    before = contents(root)
    done = clockwork("init", folder=root)
    assert done.returncode == 2, done
    assert f"+++ b/{WORKFLOW}" in done.stdout
    assert "--yes writes without asking" in done.stderr
    assert clockwork("init", "--dry-run", folder=root).returncode == 0
    assert contents(root) == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A ``.github`` that leads out of the repository is named, and nothing is written through it."""
    root = laid(tmp_path, {"k8s/web.yaml": WEB})
    (tmp_path / "elsewhere").mkdir()
    (root / ".github").symlink_to(tmp_path / "elsewhere")
    done = clockwork("init", "--yes", folder=root)
    assert done.returncode == 2, done
    assert "symbolic link" in done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (root / SETTINGS).exists()


def test_broken_files_do_not_end_it(tmp_path: Path) -> None:
    """A file that cannot be read is told with its line; everything else goes on."""
    root = laid(tmp_path, {"k8s/web.yaml": WEB, "k8s/broken.yaml": "apiVersion: v1\nkind: Pod\nmetadata: [\n"})
    done = clockwork("init", "--yes", folder=root)
    assert done.returncode == 0, done
    assert "cannot be read: k8s/broken.yaml:" in done.stdout


@pytest.mark.parametrize(("word", "written"), [("prod", "prod"), ("a b", '"a b"'), ("no", '"no"'), ("x: {", '"x: {"')])
def test_a_name_is_text_in_yaml(word: str, written: str) -> None:
    """What could be read as something else stands in quotes."""
    assert yaml_scalar(word) == written
    assert yaml.safe_load(written) == word


# -- the pull request --------------------------------------------------------------------------------------------------


@pytest.fixture
def newcomer(stage: Stage) -> Stage:
    """The stage's shop without a word to Clockwork."""
    other = "acme/new"
    stage.box.create_repository(other, files={path: data for path, data in FILES.items() if path != SETTINGS})
    deployment = stage.objects["web"] if "web" in stage.objects else next(iter(stage.objects.values()))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/web:1.1"
    stage.show()
    return stage


def options(stage: Stage) -> Options:
    """How init is called on the new repository."""
    whole = stage.options()
    return Options(
        repo=stage.box.git_url("acme/new"),
        live=whole.live,
        environment=whole.environment,
        cache=stage.directory / "new",
    )


def test_the_pull_request_says_what_the_first_run_would_do(newcomer: Stage) -> None:
    """It adds the four files, and its body has what was found, the dry run by lane, what merging starts and how to leave; a
    second time it is the same one.
    """
    pull = open_onboarding(options(newcomer), pull_request=True, workflow=True).propose()
    assert (pull.number, pull.new) == (1, True)
    begun = open_onboarding(options(newcomer), pull_request=True, workflow=True)
    git = begun.opened.git
    assert git is not None
    git.fetch()
    head, tip = git.head("main"), git.head("clockwork/init")
    assert head is not None
    assert tip is not None
    assert sorted(change.path for change in git.changed(head, tip)) == sorted(ALL)
    body = begun.body()
    assert "**Offered as a pull request: 1**" in body
    assert 'Open PR "shop/web: image 1.0 → 1.1"' in body
    for heading in ("What was found", "What the first run would do", "What merging starts", "How to leave"):
        assert f"\n## {heading}\n" in body
    again = begun.propose()
    assert (again.number, again.new) == (1, False)
    assert again.text().startswith('PR #1 "Begin with Clockwork" is open already')
    git.fetch()
    assert git.head("clockwork/init") == tip


@pytest.mark.parametrize(
    ("live", "sentence"),
    [("none.json", "Nobody can tell yet: "), ("http://127.0.0.1:9/live", "What runs could not be read from here")],
)
def test_what_cannot_be_read_is_told_instead_of_a_forecast(newcomer: Stage, live: str, sentence: str) -> None:
    """Without live state the body says why, and says nothing of a first run."""
    begun = open_onboarding(replace(options(newcomer), live=live), pull_request=True, workflow=False)
    body = begun.body()
    assert sentence in body
    assert "**Offered" not in body
    assert "No workflow is added" in body
    assert WORKFLOW not in begun.starter.files


def test_somebody_elses_branch_is_left_alone(newcomer: Stage) -> None:
    """A commit of a person on the branch is theirs."""
    clone = newcomer.directory / "clone"
    url = newcomer.box.git_url("acme/new").replace("://", f"://rosa:{newcomer.human}@")
    git = ["git", "-c", "user.name=Rosa", "-c", "user.email=rosa@example.org"]
    subprocess.run([*git, "clone", "-q", url, str(clone)], check=True, env={**os.environ, "HOME": str(clone.parent)})
    (clone / "mine.txt").write_text("mine\n")
    for words in (["checkout", "-qb", "clockwork/init"], ["add", "-A"], ["commit", "-qm", "mine"]):
        subprocess.run([*git, "-C", str(clone), *words], check=True)
    subprocess.run([*git, "-C", str(clone), "push", "-q", "origin", "clockwork/init"], check=True)
    with pytest.raises(Exception, match="somebody else committed to clockwork/init"):
        open_onboarding(options(newcomer), pull_request=True, workflow=True).propose()


def test_runs_leave_the_onboarding_alone(newcomer: Stage) -> None:
    """A run beside the open pull request neither closes nor counts it."""
    from bot.flows.reconcile import tick
    from bot.wiring.reconcile import open_loop

    open_onboarding(options(newcomer), pull_request=True, workflow=True).propose()
    loop = open_loop(options(newcomer), clock=newcomer.clock)
    done = tick(loop)
    assert done.blocked is None
    assert loop.run.host is not None
    numbers = [pull.number for pull in loop.run.host.pulls()]
    assert 1 in numbers


def test_the_schema_that_is_written_is_the_one_that_is_printed(tmp_path: Path) -> None:
    """``clockwork schema`` and the file of init are the same bytes."""
    root = laid(tmp_path, LAYOUTS["empty"])
    clockwork("init", "--yes", folder=root)
    assert (root / SCHEMA).read_text() == reference.schema_text()
