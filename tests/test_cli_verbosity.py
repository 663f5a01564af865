"""How much the command line tells beside its results, and in which form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.entrypoints.cli.verbosity import split_verbosity
from bot.entrypoints.levels import FORMAT, LEVEL
from bot.errors import Invalid
from tests.entry import clockwork
from tests.flows.stage import DEPLOYMENT
from tests.table import table

EMPTY = '{"kind": "List", "apiVersion": "v1", "items": []}'


@table(
    ("words", "variables", "rest"),
    [
        ("drift -q", {LEVEL: "error"}, "drift"),
        ("-v drift", {LEVEL: "info"}, "drift"),
        ("drift -vv --json", {LEVEL: "debug"}, "drift --json"),
        ("drift --log-level debug --json", {LEVEL: "debug"}, "drift --json"),
        ("--log-format=json drift", {FORMAT: "json"}, "drift"),
        ("halt -m -q", {}, "halt -m -q"),
        ("halt -m -q -q", {LEVEL: "error"}, "halt -m -q"),
        ("drift --var -v", {}, "drift --var -v"),
        ("drift --var=a -v", {LEVEL: "info"}, "drift --var=a"),
        ("drift --target -q --live -vv", {}, "drift --target -q --live -vv"),
        ("drift --json -q", {LEVEL: "error"}, "drift --json"),
        ("drift --markdown -q", {}, "drift --markdown -q"),
        ("schema --markdown -q", {LEVEL: "error"}, "schema --markdown"),
        ("guard diff --mode --log-level main", {}, "guard diff --mode --log-level main"),
        ("guard run --tool --log-format=json x", {}, "guard run --tool --log-format=json x"),
        ("worker stop metrics -m --quiet", {}, "worker stop metrics -m --quiet"),
        ("halt -mwhy -q", {LEVEL: "error"}, "halt -mwhy"),
        ("halt --nonsense -q", {LEVEL: "error"}, "halt --nonsense"),
        ("drift - -q", {LEVEL: "error"}, "drift -"),
        ("guard run -- -q", {}, "guard run -- -q"),
        ("drift", {}, "drift"),
    ],
)
def test_the_options_stand_anywhere(words: str, variables: dict[str, str], rest: str) -> None:
    """Before the verb or behind it; what is a reason, or behind ``--``, is left alone."""
    told, others = split_verbosity(words.split())
    assert (dict(told.variables), others) == (variables, rest.split())


@pytest.mark.parametrize("words", ["drift --log-level inf", "drift --log-format jsn", "drift --log-level"])
def test_a_level_that_is_none(words: str) -> None:
    """Is refused, with the nearest that is or with all of them."""
    with pytest.raises(Invalid, match=r"Did you mean|Known:"):
        split_verbosity(words.split())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a deployment that does not run."""
    (tmp_path / "web.yaml").write_bytes(DEPLOYMENT)
    (tmp_path / "live.json").write_text(EMPTY)
    return tmp_path


def test_quiet_prints_errors_alone(place: Path) -> None:
    """The exit code says the rest; who asks for JSON gets it all the same."""
    words = ("drift", "--live", "live.json", "--exit-code")
    quiet = clockwork(*words, "-q", folder=place)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, "", "")
    assert json.loads(clockwork(*words, "-q", "--json", folder=place).stdout)["drift"]
    wrong = clockwork("drift", "-q", "--live", "none.json", folder=place)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("clockwork: cannot read the snapshot none.json")


def test_events_are_told_on_standard_error(place: Path) -> None:
    """The results stay what they are; a run says what it came to, and every command how long it took."""
    words = ("reconcile", "--dry-run", "--live", "live.json", "--json")
    plain = clockwork(*words, folder=place)
    told = clockwork(*words, "-v", "--log-format", "json", folder=place)
    assert plain.stderr == ""
    assert set(json.loads(told.stdout)) == set(json.loads(plain.stdout))
    events = [json.loads(line) for line in told.stderr.splitlines()]
    assert [event["event"] for event in events] == ["ended"]
    assert events[0]["exit_code"] == 0
    assert "ended" in clockwork(*words, "-v", folder=place).stderr


def test_an_error_is_an_event_for_programs(place: Path) -> None:
    """With ``--log-format json`` it is one JSON object on standard error, with the exit code."""
    done = clockwork("drift", "--live", "none.json", "--log-format", "json", folder=place)
    (line,) = done.stderr.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["exit_code"], done.returncode) == ("failed", "error", 2, 2)


def test_the_environment_says_it_too(place: Path) -> None:
    """As containers set it."""
    done = clockwork("check-config", folder=place, CLOCKWORK_LOG_LEVEL="info", CLOCKWORK_LOG_FORMAT="json")
    assert json.loads(done.stderr)["event"] == "ended"
