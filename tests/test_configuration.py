"""What a repository says to Clockwork, checked before a run meets it; and what it may say, told from the models."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from bot.settings import load, reference
from bot.settings.values import Section
from tests.entry import clockwork
from tests.table import table

HERE = Path(__file__).parents[1]


def sections() -> list[type[Section]]:
    """Every section of the settings."""
    waiting, known = list(Section.__subclasses__()), list[type[Section]]()
    while waiting:
        known.append(waiting.pop())
        waiting += known[-1].__subclasses__()
    return [section for section in known if section.__module__.startswith("bot.settings")]


@table("section", sections())
def test_every_setting_is_described(section: type[Section]) -> None:
    """A field has a docstring, or is a section that has one."""
    named = {name for name in section.model_fields if name not in reference.attribute_docs(section)}
    alone = [name for name in named if not isinstance(section.model_fields[name].default, Section)]
    assert section.__doc__
    assert alone == []


def test_the_reference_is_that_of_the_models() -> None:
    """``bot/settings/README.md`` is what ``clockwork schema --markdown > bot/settings/README.md`` writes."""
    assert (HERE / "bot/settings/README.md").read_text() == reference.markdown()


def test_the_schema_takes_what_the_settings_take() -> None:
    """The shipped shop's settings, durations as text, and an empty file are right; it is a schema of its dialect."""
    schema = reference.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (
        "",
        (HERE / "templates/shop/clockwork.yaml").read_text(),
        "fixes: {cooldown: 1h30m}\napi: {tokens: {}}\n",
    ):
        jsonschema.validate(yaml.safe_load(text) or {}, schema)
        assert load(text.encode()).version == 1


@pytest.mark.parametrize(
    "text", ["fixs: {}", "fixes: {per_hour: 61}", "fixes: {cooldown: soon}", "guard: {mode: strickt}", "version: 2"]
)
def test_the_schema_refuses_what_the_settings_refuse(text: str) -> None:
    """Unknown keys, numbers out of bounds, words that are no duration and unknown words are told in the editor."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), reference.schema())


def test_a_right_configuration_is_told_part_by_part(tmp_path: Path) -> None:
    """Settings, rules, ignore rules and guardrails, each with what it holds; exit code 0."""
    (tmp_path / "clockwork.yaml").write_text("fixes: {level: moderate}\n")
    done = clockwork("check-config", folder=tmp_path)
    assert done.returncode == 0, done
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "ok      clockwork.yaml",
        "ok      policies/*.yaml",
        "ok      .clockwork/ignore.yaml",
        "ok      policies/guardrails/",
    ]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("clockwork.yaml", "fixs: {}\n", "clockwork.yaml:1: unknown setting 'fixs'; did you mean 'fixes'?"),
        ("policies/own.yaml", "rules:\n  - idd: x\n", "policies/own.yaml:2"),
        (".clockwork/ignore.yaml", "ignores:\n  - path: spec\n", ".clockwork/ignore.yaml:2"),
        ("policies/guardrails/own.md", "no front matter\n", "policies/guardrails/own.md:1"),
    ],
)
def test_each_mistake_is_named_with_file_and_line(tmp_path: Path, path: str, text: str, message: str) -> None:
    """Exit code 2; ``--json`` has the same."""
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    done = clockwork("check-config", folder=tmp_path)
    assert done.returncode == 2, done
    assert message in done.stdout
    parts = json.loads(clockwork("check-config", "--json", folder=tmp_path).stdout)
    assert [message in part["problem"] for part in parts if part["problem"]] == [True]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("fixes: {join: owner}", "fixes.join: owner joins nothing"),
        ("github: {assign_owners: true}", "github.assign_owners assigns nobody"),
        (
            "fixes: {join: owner}\ngithub: {assign_owners: true}",
            "fixes.join: owner joins nothing and github.assign_owners assigns nobody",
        ),
    ],
)
def test_settings_that_ask_for_owners_are_idle_without_them(tmp_path: Path, settings: str, text: str) -> None:
    """A note with what to do, in check-config and in the doctor, that fails neither; none once CODEOWNERS names somebody."""
    (tmp_path / "clockwork.yaml").write_text(f"{settings}\n")
    done = clockwork("check-config", folder=tmp_path)
    assert done.returncode == 0, done
    assert f"note    CODEOWNERS: there is none, so {text}\n        Add .github/CODEOWNERS" in done.stdout
    told = {
        each["message"]: each for each in json.loads(clockwork("doctor", "--offline", "--json", folder=tmp_path).stdout)
    }
    note = told[f"CODEOWNERS: there is none, so {text}"]
    assert (note["health"], note["advice"].startswith("Add ")) == ("note", True)
    (tmp_path / "CODEOWNERS").write_text("* @acme/web\n")
    assert "CODEOWNERS" not in clockwork("check-config", folder=tmp_path).stdout
