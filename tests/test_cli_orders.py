"""Orders at the command line: unknown names and past times are refused, and the ledger names the person."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.model.ledger import Actor
from bot.wiring.actor import actor
from bot.wiring.repository import Options
from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT
from tests.test_cli import folder

WEB = "Deployment/shop/web"
NIGHT = """\
fixes:
  windows:
    - {name: bells, cron: "0 8 24 12 *", duration: 1h}
"""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository that declares one deployment and a change window, and a snapshot in which its probe differs."""
    root = folder(tmp_path, {"k8s/web.yaml": DEPLOYMENT, "clockwork.yaml": NIGHT})
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(root)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    bare = tmp_path / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(bare)], check=True)
    (tmp_path / "live.yaml").write_bytes(DEPLOYMENT.replace(b"failureThreshold: 3", b"failureThreshold: 6"))
    return bare


def entries(remote: Path) -> list[Any]:
    """The ledger, oldest entry first."""
    done = clockwork("ledger", "show", "--json", "--repo", str(remote), folder=remote.parent)
    assert done.returncode == 0, done
    return list(json.loads(done.stdout)["entries"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suspend", "Deployment/shop/wbe"), f"unknown task 'Deployment/shop/wbe'\n  Did you mean {WEB}?"),
        (("unsuspend", "web"), f"unknown task 'web'\n  Did you mean {WEB}?"),
        (("resume", "Nope"), "unknown task 'Nope'\n  Name a task that Git declares or the ledger knows"),
        (("retry", "garbage"), "unknown proposal 'garbage'\n  Reports, "),
        (("ignore", "garbage"), "unknown proposal 'garbage'"),
        (("suspend", WEB, "--until", "2020-01-01"), "2020-01-01 is in the past"),
        (("suspend", WEB, "--until", "0s"), "0s is in the past"),
        (("suspend", WEB, "--until", "soon"), "'soon' is not a time\n  Write 2026-12-24"),
        (("simulate", "--at", "soon"), "'soon' is not a time"),
    ],
)
def test_what_cannot_be_meant_is_refused(remote: Path, words: tuple[str, ...], said: str) -> None:
    """With exit code 2 and the nearest name; the ledger stays as it was."""
    reason = () if words[0] == "simulate" else ("-m", "x")
    done = clockwork(*words, *reason, "--repo", str(remote), folder=remote.parent)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert said in done.stderr
    assert entries(remote) == []


def test_orders_say_what_they_did(remote: Path) -> None:
    """Each sentence is what the ledger has; times are UTC; what only the ledger knows may be named too."""
    words = ("-m", "x", "--repo", str(remote))
    for order, said in (
        (("suspend", WEB, "--until", "2099-12-24T10:00:00+02:00"), f"Suspended {WEB} until 2099-12-24 08:00 UTC: "),
        (("halt",), "Halted everything: no run writes anything until `clockwork resume everything -m why`."),
        (("unsuspend", WEB), f"{WEB} is no longer suspended. Everything is still stopped ("),
        (("unsuspend", WEB), f"{WEB} is not suspended; nothing was changed."),
        (("resume", WEB), f"Resumed {WEB}: its failures so far no longer count. Everything is still stopped ("),
        (("resume",), "Resumed everything: the halt by "),
        (("resume", "everything"), "Resumed everything: nothing was halted; "),
    ):
        done = clockwork(*order, *words, folder=remote.parent)
        assert done.returncode == 0, done
        assert done.stdout.startswith(said), done.stdout
    found = entries(remote)
    kinds = [entry["kind"] for entry in found]
    assert kinds == ["suspend", "halt", "unsuspend", "resume", "resume", "resume"]
    assert found[0]["detail"] == {"until": "2099-12-24T08:00:00+00:00"}


@pytest.mark.parametrize(
    ("at", "effect"),
    [
        ("2026-12-24T10:30:00+02:00", "denied"),
        ("2026-12-24T08:30:00", "denied"),
        ("2026-12-24T10:30:00", "planned"),
        ("2026-12-24 08:30-05:00", "planned"),
    ],
)
def test_a_simulation_honours_the_offset(remote: Path, at: str, effect: str) -> None:
    """The change window is from 8 to 9 in UTC; only what is then is denied."""
    live = str(remote.parent / "live.yaml")
    words = ("simulate", "--at", at, "--json", "--repo", str(remote), "--live", live)
    done = clockwork(*words, folder=remote.parent)
    assert done.returncode == 0, done
    assert [action["effect"] for action in json.loads(done.stdout)["actions"]] == [effect]


def test_the_ledger_names_the_person(remote: Path) -> None:
    """In Actions whoever started the run, elsewhere whom Git's settings name, else the machine's user."""
    words = ("-m", "x", "--repo", str(remote))
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "rosa", "GITHUB_ACTOR_ID": "3"}
    here = {"USER": "otto", "LOGNAME": "otto"}
    clockwork("halt", *words, folder=remote.parent, **here)
    (remote.parent / ".gitconfig").write_text("[user]\nname = Ida\nemail = ida@example.com\n")
    clockwork("resume", *words, folder=remote.parent, **here)
    clockwork("halt", *words, folder=remote.parent, **here, **actions)
    subprocess.run(["git", "-C", str(remote), "config", "user.name", "Ida of the shop"], check=True)
    clockwork("resume", *words, folder=remote.parent, **here)
    assert [entry["actor"] for entry in entries(remote)] == [
        {"login": "otto", "id": None},
        {"login": "Ida <ida@example.com>", "id": None},
        {"login": "rosa", "id": 3},
        {"login": "Ida of the shop <ida@example.com>", "id": None},
    ]


@pytest.mark.parametrize(
    ("account", "found"),
    [
        (Actor("rosa", 3), Actor("rosa", 3)),
        (Actor("clockwork[bot]", 7), Actor("Ida <ida@example.com>")),
        (Actor("clockwork"), Actor("Ida <ida@example.com>")),
    ],
)
def test_an_account_that_is_a_persons_names_the_person(remote: Path, account: Actor, found: Actor) -> None:
    """What the code host vouches for is better than what settings say; a bot's account is nobody's."""
    environment = {"GIT_AUTHOR_NAME": "Ida", "GIT_AUTHOR_EMAIL": "ida@example.com"}
    assert actor(Options(str(remote), environment=environment), account) == found


def test_the_level_is_set_in_git(remote: Path) -> None:
    """``policy set`` commits one value; an unknown level is exit 2 with the nearest one, the same level writes nothing."""

    def policy(*words: str, group: tuple[str, ...] = ("policy",)) -> subprocess.CompletedProcess[str]:
        return clockwork(*group, *words, "--repo", str(remote), folder=remote.parent)

    unknown = policy("set", "agressive")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "clockwork: unknown level 'agressive'\n  Did you mean 'aggressive'?\n",
    )
    done = policy("set", "aggressive", group=("daemon", "policy"))
    assert done.returncode == 0, done
    assert done.stdout.startswith("The auto-fix level is aggressive now, it was conservative: commit ")
    git = ["git", "-C", str(remote)]
    changed = subprocess.run([*git, "diff", "-U0", "main~", "main"], check=True, capture_output=True, text=True).stdout
    assert [line for line in changed.splitlines() if line[:1] in "+-"][2:] == ["+  level: aggressive"]
    again = policy("set", "aggressive")
    assert (again.returncode, again.stdout) == (
        0,
        "The auto-fix level is aggressive already; nothing was written.\n",
    )
    shown = policy("show", group=("daemon", "policy"))
    assert "levels/aggressive.yaml#without-text" in shown.stdout
    assert policy("set", "moderate", "--pull-request").returncode == 2
