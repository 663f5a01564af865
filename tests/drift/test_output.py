"""A report as JSON and as Markdown: the promised keys, and no way out of the page for hostile text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.drift.markdown import code, summary
from bot.drift.schema import SCHEMA, to_json
from bot.model.drift import Drift, DriftKind, IgnoreNote, Report, Severity, Suppressed
from bot.model.resource import Item, Platform, ResourceId, SourceError, Unreachable

NASTY = "x|`a`\n<!-- clockwork --> @everyone #1 [l](javascript:1) <img src=x onerror=1> </code>\u202e"


def drift(text: str = "v", **fields: Any) -> Drift:
    id_ = ResourceId(Platform.KUBERNETES, "Deployment", "shop", fields.pop("name", "web"), "apps")
    usual = {"severity": Severity.HIGH, "rule": "image-tag", "file": "k8s/web.yaml", "line": 3}
    at = datetime(2026, 5, 1, tzinfo=UTC)
    path = ("spec", Item(text), text)
    return Drift(
        id_,
        "t",
        DriftKind.CHANGED,
        path,
        text,
        {"a": [text]},
        **{**usual, "manager": text, "changed_at": at, "message": text, **fields},
    )


def full(text: str = "v") -> Report:
    one = drift(text)
    return Report(
        resources=3,
        drift=(one, drift(text, name="db", severity=Severity.CRITICAL)),
        errors=(SourceError("a.yaml", 1, 2, text),),
        unreachable=(Unreachable("kubernetes", text, text),),
        suppressed=(Suppressed(one, "ignore:r", text),),
        notes=(IgnoreNote("r", "unused", text),),
    )


def test_the_json_has_the_promised_keys() -> None:
    """The keys that readers were promised, with their types."""
    found = to_json(full())
    assert found["resources"] == 3
    assert found["suppressed"] == 1
    assert found["errors"] == [{"file": "a.yaml", "line": 1, "column": 2, "message": "v"}]
    one: Any = found["drift"]
    promised = {"id", "resource", "kind", "path", "desired", "observed", "severity", "source", "manager"}
    assert promised <= one[0].keys()
    assert one[0]["resource"] == "Deployment/shop/web"
    assert one[0]["source"] == {"file": "k8s/web.yaml", "line": 3}
    assert json.loads(json.dumps(found)) == found


def test_the_json_is_what_its_schema_says() -> None:
    """Checked with jsonschema where it is installed, and key by key in any case."""
    required: Any = SCHEMA["required"]
    assert set(required) <= to_json(full()).keys()
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(to_json(full(NASTY)))
    jsonschema.Draft202012Validator(SCHEMA).validate(to_json(Report(0)))


@given(text=st.one_of(st.text(max_size=60), st.just(NASTY)))
@settings(max_examples=60, deadline=None)
def test_hostile_text_stays_text(text: str) -> None:
    """Rendered as GitHub renders it, there is no link, image, comment or element that the report did not make."""
    page = summary(full(text))
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


def test_a_summary_counts() -> None:
    """Severities, suppressed and unreachable are all in numbers or lines."""
    page = summary(full())
    assert "**2** differences in 3 declared resources: 🟥 1 CRITICAL, 🟧 1 HIGH; 1 suppressed." in page
    assert "### Could not look" in page
    assert "What runs is what Git says." in summary(Report(5))
    assert "where it was possible to look" in summary(Report(5, unreachable=(Unreachable("a", "b", "c"),)))


def test_a_summary_of_many_stays_short() -> None:
    """Job summaries have a size limit."""
    page = summary(Report(900, tuple(drift(str(number)) for number in range(900))))
    assert "… and 700 more." in page
