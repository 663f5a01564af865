"""The agents' documents: short, concrete, tried by their own examples, and told to the agent they are about alone."""

from __future__ import annotations

import pytest

from bot.guardrails import documents, prompt
from bot.guardrails.rule import Ask, Guardrail, Subject
from bot.guardrails.rulebook import failing
from bot.model.finding import AuthorKind, Mode
from bot.model.session import ReviewRequest
from tests.guardrails.changes import change, file, plain_book, shipped_documents

ROLES = ("architect", "coder", "tester", "security", "sre", "dba", "docs")


def document(role: str) -> Guardrail:
    path = f"guardrails/agents/{role}.md"
    return documents.parse(path, shipped_documents()[path])


@pytest.mark.parametrize("role", ROLES)
def test_a_document_is_short_and_tried(role: str) -> None:
    """Its detector fires on one of its examples and stays quiet on another; it says what to do in a few sentences."""
    guardrail = document(role)
    assert not isinstance(guardrail.detect, Ask)
    assert {example.fire for example in guardrail.examples} == {True, False}
    assert list(failing(guardrail)) == []
    assert guardrail.instead
    rules = [line for line in guardrail.body.splitlines() if line.startswith("- ")]
    assert 4 <= len(rules) <= 6
    assert len(guardrail.body) <= 1200
    assert all(len(line) <= 140 for line in rules)


@pytest.mark.parametrize("role", ROLES)
def test_an_agent_is_told_its_own_document(role: str) -> None:
    """The prompt for a role holds the whole of its document, and of no other role's."""
    made = change(file("app/a.py", "", "x = 1\n"), author=AuthorKind.AGENT)
    request = ReviewRequest(change=made, mode=Mode.STANDARD, agent=role)
    text = prompt.build(request, plain_book(), Subject(made), nonce="f" * 32).text
    assert document(role).body in text
    assert [other for other in ROLES if f"## {document(other).id}:" in text] == [role]
